"""Finding connectors: what is offered, what is wrong with it, and what an operator is told."""

import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from bridge import registry
from bridge.config import UnknownConnector
from bridge.connector import API, Manifest, PuppetSettings, Setup
from bridge.core.capabilities import Capabilities, Feature, Limit, Representation, Unit
from bridge.core.ids import Network
from connectors.echo import MANIFEST
from connectors.echo.config import EchoSettings
from connectors.echo.connector import EchoConnector
from connectors.echo.network import EchoNetwork
from tests.support.connectors import HandConnector, capabilities


class Package(Distribution):
    """An installed package, without the files."""

    def __init__(self, name: str, version: str = "1.0") -> None:
        self._text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"

    def read_text(self, filename: str) -> str | None:
        return self._text if filename == "METADATA" else None

    def locate_file(self, path: Any) -> Path:
        return Path(path)


class Relay:
    """A connector with no ability at all."""

    def __init__(self, able: Capabilities) -> None:
        self.capabilities = able

    async def run(self, hub: Any) -> None: ...

    async def send(self, delivery: Any) -> Any: ...


def point(name: str, value: str, package: str = "linkspan-some") -> EntryPoint:
    return EntryPoint(name, value, registry.GROUP)._for(Package(package))  # type: ignore[attr-defined]


@pytest.fixture
def module() -> Iterator[ModuleType]:
    """Put a module in place that a connector might be."""
    one = ModuleType("some_connector")
    sys.modules["some_connector"] = one
    yield one
    del sys.modules["some_connector"]


def manifest(**changes: Any) -> Manifest:
    return msgspec.structs.replace(MANIFEST, kind="some", **changes)


def offered(module: ModuleType, **changes: Any) -> dict[str, registry.Installed]:
    module.MANIFEST = manifest(**changes)  # type: ignore[attr-defined]
    return registry.discover([point("some", "some_connector:MANIFEST")])


def setup(settings: Any) -> Setup:
    return Setup(network=Network("n"), settings=settings, puppets=PuppetSettings(), instance="i", version="0")


def test_what_is_offered_is_found_with_where_it_comes_from():
    found = registry.discover([point("echo", "connectors.echo:MANIFEST", "linkspan")])
    one = found["echo"]
    assert (one.title, one.package, one.version, one.trouble) == ("Echo (a network in memory)", "linkspan", "1.0", "")
    assert registry.settings_of("echo", found) is EchoSettings
    assert isinstance(registry.build("echo", setup(EchoSettings()), found), EchoConnector)


def test_a_misspelt_kind_gets_a_suggestion():
    found = registry.discover([point("echo", "connectors.echo:MANIFEST")])
    with pytest.raises(UnknownConnector, match='found "ecko", did you mean "echo"'):
        registry.settings_of("ecko", found)
    with pytest.raises(UnknownConnector, match='found "zzz", expected one of echo'):
        registry.settings_of("zzz", found)


def test_another_version_of_the_contract_is_refused(module: ModuleType):
    found = offered(module, api=API + 1)
    with pytest.raises(UnknownConnector, match=f"written for version {API + 1} of the contract, and this is version"):
        registry.manifest_of("some", found)


def test_a_missing_library_names_the_extra(module: ModuleType, tmp_path: Path):
    module.__path__ = [str(tmp_path)]
    (tmp_path / "config.py").write_text("import some_library.client")
    found = offered(module, settings="some_connector.config:Settings", extra="some")
    with pytest.raises(UnknownConnector, match=r'which needs some_library: pip install "linkspan-some\[some\]"'):
        registry.settings_of("some", found)


def test_a_bug_in_a_connector_is_not_taken_for_a_missing_library(module: ModuleType):
    module.__path__ = []
    found = offered(module, settings="some_connector.config:Settings", extra="some")
    with pytest.raises(UnknownConnector, match=r"which cannot be imported: No module named 'some_connector\.config'"):
        registry.settings_of("some", found)


def test_a_name_that_is_not_there_is_told(module: ModuleType):
    with pytest.raises(UnknownConnector, match="names some_connector:Settings, and there is no such thing"):
        registry.settings_of("some", offered(module, settings="some_connector:Settings"))


def test_settings_that_are_no_struct_are_told(module: ModuleType):
    module.Settings = dict  # type: ignore[attr-defined]
    with pytest.raises(UnknownConnector, match="are not a msgspec Struct"):
        registry.settings_of("some", offered(module, settings="some_connector:Settings"))


@pytest.mark.parametrize(
    ("value", "trouble"),
    [
        ("no_such_module:MANIFEST", "cannot be read: No module named 'no_such_module'"),
        ("connectors.echo:NOTHING", "cannot be read"),
        ("connectors.echo:API", "is no Manifest"),
    ],
)
def test_a_manifest_that_cannot_be_read_does_not_hide_the_others(value: str, trouble: str):
    found = registry.discover([point("bad", value), point("echo", "connectors.echo:MANIFEST")])
    assert trouble in found["bad"].trouble
    assert registry.manifest_of("echo", found) is MANIFEST
    with pytest.raises(UnknownConnector, match='found "bad", whose'):
        registry.manifest_of("bad", found)


def test_a_kind_that_two_packages_bring_is_refused():
    found = registry.discover(
        [point("echo", "connectors.echo:MANIFEST", "one"), point("echo", "connectors.echo:MANIFEST", "two")]
    )
    with pytest.raises(UnknownConnector, match="two packages bring: one and two"):
        registry.manifest_of("echo", found)


def test_capabilities_for_listings_are_optional(module: ModuleType):
    module.DEFAULT = capabilities()  # type: ignore[attr-defined]
    echo = registry.discover([point("echo", "connectors.echo:MANIFEST")])
    assert registry.capabilities_of("echo", echo) == EchoConnector(setup(EchoSettings()), EchoNetwork()).capabilities
    assert registry.capabilities_of("some", offered(module, capabilities="")) is None
    assert registry.capabilities_of("some", offered(module, capabilities="some_connector:DEFAULT")) == capabilities()


def able(representation: Representation, **features: str) -> Capabilities:
    return Capabilities(
        representation=representation,
        text=Limit(100, Unit.BYTES),
        features={Feature(name): support for name, support in features.items()},  # type: ignore[misc]
    )


@pytest.mark.parametrize(
    ("connector", "wrong"),
    [
        (Relay(able(Representation.RELAY)), []),
        (HandConnector(), []),
        (Relay(able(Representation.SESSION)), ["it declares representation session and has no ability Joins"]),
        (Relay(able(Representation.ADDRESS)), ["it declares representation address and has no ability Joins"]),
        (
            Relay(msgspec.structs.replace(capabilities(Representation.MASK))),
            ["it declares typing as native and has no ability Types"],
        ),
        (
            Relay(msgspec.structs.replace(able(Representation.RELAY), pipeline=0)),
            ["it declares a pipeline of 0, and one delivery must be possible"],
        ),
        (
            Relay(msgspec.structs.replace(able(Representation.RELAY), text=Limit(0, Unit.BYTES))),
            ["it declares a text limit of 0, and says nothing with that"],
        ),
    ],
)
def test_capabilities_and_abilities_have_to_agree(connector: Any, wrong: list[str]):
    assert registry.contradictions(connector) == wrong


def test_a_connector_that_contradicts_itself_is_not_built(module: ModuleType):
    module.build = lambda _: Relay(able(Representation.SESSION))  # type: ignore[attr-defined]
    with pytest.raises(registry.ConnectorUnusableError, match='"some" contradicts itself: it declares representation'):
        registry.build("some", setup(None), offered(module, factory="some_connector:build"))
