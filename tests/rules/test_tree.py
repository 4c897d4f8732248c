"""The shape of the tree: what may stand where, and which words are not used."""

import ast
import re
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge import __version__

ROOT = Path(__file__).parents[2]
OURS = sorted([*ROOT.glob("bridge/**/*.py"), *ROOT.glob("connectors/**/*.py")])
EVERYTHING = sorted([*OURS, *ROOT.glob("tests/**/*.py"), *ROOT.glob("bench/**/*.py"), *ROOT.glob("alembic/**/*.py")])

BANNED = {"transport": "network, connector", "legacy": "remote", "portal": "link, hosted room"}
"""Words of the glossary's last table that no identifier has; ``transport`` is asyncio's word for a socket, in its own terms."""
BANNED_NAMES = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc"}
NAMES_OF_LIBRARIES = {"transport", "get_extra_info", "DatagramTransport", "is_closing"}
TOP = {
    "LICENSE", "Makefile", "README.md", "CHANGELOG.md", "pyproject.toml", "requirements.lock", "config.example.toml",
    "bridge", "connectors", "tests", "alembic", "docs", "bench", "contrib",
}  # fmt: skip


def identifiers(path: Path) -> Iterator[str]:
    with tokenize.open(path) as file:
        yield from (token.string for token in tokenize.generate_tokens(file.readline) if token.type == tokenize.NAME)


def words(identifier: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", identifier)}


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(ROOT)))
def test_identifiers_keep_to_the_glossary(path: Path) -> None:
    found = {name for name in identifiers(path) if words(name) & BANNED.keys() and name not in NAMES_OF_LIBRARIES}
    found = {name for name in found if not (name.strip("_") == "transport" or name.endswith("Transport"))}
    assert found == set()


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_and_functions_are_named_for_what_they_do(path: Path) -> None:
    assert path.stem not in BANNED_NAMES
    tree = ast.parse(path.read_text())
    functions = [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert [name for name in functions if re.match(r"_*(handle|process)_", name)] == []
    classes = [node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    assert [name for name in classes if re.search(r"(Manager|Helper|Handler|Mixin|Utils?)$", name)] == []


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_what_is_here(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_the_top_level_is_as_the_product_says() -> None:
    """Only what is tracked counts; where there is no git (an unpacked archive), everything does."""
    found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert found - {"build", "dist"} - {path.name for path in ROOT.glob("*.egg-info")} <= TOP


@pytest.mark.parametrize("folder", ["alembic", "tests"])
def test_no_package_shadows_a_library(folder: str) -> None:
    """``alembic/__init__.py`` would hide Alembic, ``tests/connectors/irc/__init__.py`` the ``irc`` library."""
    assert list((ROOT / folder).rglob("__init__.py")) == []


def test_connectors_is_one_package() -> None:
    """Without its ``__init__.py`` any other distribution could add to it."""
    assert (ROOT / "connectors/__init__.py").is_file()


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == __version__
    assert (
        f"[{__version__}]" in (ROOT / "CHANGELOG.md").read_text()
        or "[Unreleased]" in (ROOT / "CHANGELOG.md").read_text()
    )


@pytest.mark.parametrize(
    "path",
    [*EVERYTHING, *sorted(ROOT.glob("docs/**/*.md")), ROOT / "requirements.lock", ROOT / "Makefile"],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_nothing_depends_on_the_machine_where_it_was_written(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"/wor[k]/|/home/\w+/|/roo[t]/|pypi[.]org|files[.]pythonhosted", text)


def test_the_engine_and_core_know_no_network_by_name() -> None:
    """A new network never edits them. Documentation may give examples."""
    named = re.compile(r"\b(irc|telegram|kannel|twilio)\b", re.IGNORECASE)
    for path in [*ROOT.glob("bridge/core/*.py"), *ROOT.glob("bridge/engine/*.py")]:
        tree = ast.parse(path.read_text())
        strings = {id(node): node.value for node in constants(tree)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Expr):
                strings.pop(id(node.value), None)
        assert [text for text in strings.values() if named.search(text)] == [], path


def constants(tree: ast.AST) -> Iterator[ast.Constant]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node
