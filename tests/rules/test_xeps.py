"""docs/xeps.md names what the component speaks: every namespace that the code uses, and nothing that it does not know."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = {path: path.read_text() for path in [*ROOT.glob("bridge/xmpp/**/*.py"), *ROOT.glob("bridge/core/*.py")]}
NAMESPACES = ROOT / "bridge/xmpp/wire/namespaces.py"
PAGE = ROOT / "docs/xeps.md"


def listed() -> list[str]:
    return re.findall(r"^\| (\d{4}) \|", PAGE.read_text(), flags=re.MULTILINE)


def spoken() -> set[str]:
    """Return the XEPs of namespaces that something besides their own list uses."""
    elsewhere = "\n".join(text for path, text in SOURCES.items() if path != NAMESPACES)
    owned = re.findall(r"^(\w+) = .*# XEP-(\d{4})", SOURCES[NAMESPACES], flags=re.MULTILINE)
    return {number for name, number in owned if re.search(rf"\bns\.{name}\b", elsewhere)}


def test_every_namespace_in_use_is_listed() -> None:
    assert spoken() - set(listed()) == set()


def test_what_is_listed_is_known_to_the_code_and_in_order() -> None:
    mentioned = set(re.findall(r"XEP-(\d{4})", "\n".join(SOURCES.values())))
    assert set(listed()) - mentioned == set()
    assert listed() == sorted(set(listed()))
