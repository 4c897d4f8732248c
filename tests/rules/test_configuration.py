"""Every configuration key is shown in the example and explained in the operators' page; neither shows more than there is."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bridge import config, registry
from bridge.config import (
    DeliverySettings,
    GatewaySettings,
    HttpSettings,
    IdentdSettings,
    LinkSettings,
    LogSettings,
    StoreSettings,
    XmppSettings,
)
from bridge.connector import PuppetSettings
from connectors.sms.config import ListSettings
from connectors.webhook.config import WrittenHook
from connectors.webhook.endpoints import EndpointSettings

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config.example.toml"
PAGE = ROOT / "docs/operators/configuration.md"
KINDS = ["irc", "telegram", "webhook", "sms"]
"""Connectors that an operator configures; echo is for developers."""


TABLES: list[tuple[str, str, type[msgspec.Struct] | str]] = [
    ("xmpp", "xmpp", XmppSettings),
    ("store", "store", StoreSettings),
    ("http", "http", HttpSettings),
    ("links", "links", LinkSettings),
    ("delivery", "delivery", DeliverySettings),
    ("gateway", "gateway", GatewaySettings),
    ("identd", "identd", IdentdSettings),
    ("log", "log", LogSettings),
    ("networks.*.puppets", "puppets", PuppetSettings),
    *((f"networks.*:{kind}", kind, kind) for kind in KINDS),
    ("networks.*.hooks.*", "hooks", WrittenHook),
    ("networks.*.endpoints.*", "endpoints", EndpointSettings),
    ("networks.*.lists.*", "lists", ListSettings),
]
"""Table in the example, heading in the page, settings (of a connector: its kind)."""


def keys(settings: type[msgspec.Struct]) -> list[str]:
    return [field.encode_name for field in msgspec.structs.fields(settings)]


def shown() -> dict[str, set[str]]:
    """Return the keys of each table of the example, commented out or not."""
    found: dict[str, set[str]] = {}
    table = kind = ""
    for line in EXAMPLE.read_text().splitlines():
        if heading := re.fullmatch(r"\[+([a-z.]+)\]+ *(?:#.*)?", line):
            table = re.sub(r"^(networks\.\w+\.(?:hooks|endpoints|lists))\.\w+", r"\1.*", heading[1])
            table = re.sub(r"^networks\.\w+", "networks.*", table)
            if table.count("*") == 2:  # a table of tables is a key, too
                found[kind].add(table.split(".")[-2])
        elif key := re.match(r"(?:# )?([a-z_]+) = ", line):
            if key[1] == "connector":
                table = kind = f"networks.*:{line.split(chr(34))[1]}"
            else:
                found.setdefault(table, set()).add(key[1])
    return found


def explained(heading: str) -> set[str]:
    """Return the keys in the tables under a heading of the page."""
    section = re.split(r"^#+ ", PAGE.read_text(), flags=re.MULTILINE)
    text = next(part for part in section if part.startswith(f"{heading}\n"))
    rows = re.findall(r"^\| (`[^|]+) \|", text, flags=re.MULTILINE)
    return {key for row in rows for key in re.findall(r"`([a-z_]+)`", row)}


@pytest.mark.parametrize(("table", "heading", "settings"), TABLES, ids=[table for table, _, _ in TABLES])
def test_every_key_is_shown_and_explained(table: str, heading: str, settings: type[msgspec.Struct] | str) -> None:
    names = set(keys(registry.settings_of(settings) if isinstance(settings, str) else settings))
    of_every_network = {"history"} if table.startswith("networks.*:") else set()
    assert shown()[table] - of_every_network == names
    assert explained(heading) - {"connector"} == names


def _secret(name: str) -> str:
    """Return what could stand in a variable of this name."""
    if name.endswith("AUDIT_SECRET"):
        return "whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXY="
    return "0123456789abcdef" if "BUILDS_" in name else "1:s3cr3t"


def test_the_example_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("LINKSPAN_XMPP_SECRET", "TELEGRAM_TOKEN", "BUILDS_TOKEN", "SMS_PASSWORD", "SMS_SECRET")
    read = config.load(EXAMPLE, registry.settings_of, {name: _secret(name) for name in names})
    assert read.links[0].name == "dev"


def test_what_the_example_comments_out_is_right_as_well(tmp_path: Path) -> None:
    text = re.sub(r"^# ([a-z_]+ = )", r"\1", EXAMPLE.read_text(), flags=re.MULTILINE)
    environ = {name: _secret(name) for name in re.findall(r'env = "(\w+)"', text)}
    assert config.parse(text, name="x", folder=tmp_path, settings_of=registry.settings_of, environ=environ)


def defaults(settings: type[msgspec.Struct]) -> dict[str, Any]:
    return {field.encode_name: field.default for field in msgspec.structs.fields(settings)}


@pytest.mark.parametrize("settings", [XmppSettings, HttpSettings, LogSettings, GatewaySettings, PuppetSettings])
def test_the_page_tells_the_real_defaults(settings: type[msgspec.Struct]) -> None:
    page = PAGE.read_text()
    for key, default in defaults(settings).items():
        match default:
            case bool():
                assert f"| `{key}` | `{str(default).lower()}` |" in page
            case int() | str() if default and key != "idle":
                value = default if isinstance(default, int) else f'"{default}"'
                assert f"| `{key}` | `{value}` |" in page
