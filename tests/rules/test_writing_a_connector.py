"""docs/developers/writing-a-connector.md, built word for word: a package of its own, found, checked and run."""

import json
import os
import re
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

from bridge import registry
from bridge.connector import PuppetSettings, Setup
from bridge.core.ids import Network, Room, RoomId
from bridge.demo.processes import until
from bridge.engine.clock import SystemClock
from bridge.engine.hub import Hub, Link
from bridge.registry import discover
from bridge.storage.memory import MemoryStore

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/developers/writing-a-connector.md"


def frames() -> dict[str, str]:
    """Return the files that the page shows."""
    found = re.findall(r"^```\w+ file=(\S+)\n(.*?)^```$", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)
    return dict(found)


def run(*words: str, cwd: Path, path: Path | None = None) -> str:
    environ = {**os.environ, "PYTHONPATH": str(path)} if path else dict(os.environ)
    ended = subprocess.run(words, cwd=cwd, env=environ, capture_output=True, text=True, timeout=100, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the files of the page into a folder."""
    folder = tmp_path_factory.mktemp("linkspan-notebook")
    for name, text in frames().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def installed(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install them as a package of their own, beside this one."""
    target = tmp_path_factory.mktemp("site-packages")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    run(*pip, "--target", str(target), str(source), cwd=source)
    return target


def test_it_is_listed_with_what_it_can_carry(installed: Path) -> None:
    output = run(sys.executable, "-m", "bridge", "connectors", "--json", cwd=ROOT, path=installed)
    found = {each["kind"]: each for each in json.loads(output)}
    assert found["notebook"]["package"] == "linkspan-notebook"
    assert found["notebook"]["trouble"] == ""
    assert found["notebook"]["capabilities"]["representation"] == "relay"


def test_a_mistake_in_its_settings_is_one_line(installed: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        '[xmpp]\ndomain = "bridge.localhost"\nsecret = "s3cr3t"\n'
        '[networks.notes]\nconnector = "notebook"\nfolder = "/nowhere/at/all"\n'
    )
    environ = {**os.environ, "PYTHONPATH": str(installed)}
    words = [sys.executable, "-m", "bridge", "run", "--config", str(config)]
    ended = subprocess.run(words, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert ended.stderr == ('networks.notes.folder: found "/nowhere/at/all", expected a folder that is there\n')


def test_its_types_are_right(source: Path) -> None:
    run(sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "notebook", cwd=source)


def test_its_own_tests_pass(source: Path, installed: Path) -> None:
    run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", cwd=source, path=installed)


def test_it_keeps_every_promise(installed: Path) -> None:
    suite = [
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--pyargs",
        "bridge.conformance",
        "--connector",
        "notebook",
    ]
    output = run(sys.executable, *suite, cwd=installed, path=installed)
    assert re.search(r"\d+ passed", output)


async def test_two_notebooks_are_linked_and_nothing_is_lost_over_a_restart(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(installed))
    found = discover(
        point
        for each in distributions(path=[str(installed)])
        for point in each.entry_points.select(group=registry.GROUP)
    )
    settings = registry.settings_of("notebook", found)
    folders = {name: tmp_path / name for name in ("left", "right")}
    for folder in folders.values():
        folder.mkdir()
    store = MemoryStore()
    await store.open()

    async def start() -> Hub:
        hub = Hub(store=store, clock=SystemClock(), instance="test")
        await hub.open()
        rooms = tuple(Room(Network(name), RoomId("dev")) for name in folders)
        hub.set_links([Link(name="dev", rooms=rooms)])
        for name, folder in folders.items():
            own = settings(folder=str(folder), look_every=0.01)
            setup = Setup(network=Network(name), settings=own, puppets=PuppetSettings(), instance="test", version="1")
            hub.add_network(Network(name), registry.build("notebook", setup, found), PuppetSettings())
        await until(lambda: _all_open(hub), patience=10, what="open notebooks")
        return hub

    left, right = (folder / "dev.txt" for folder in folders.values())
    hub = await start()
    with left.open("a") as file:
        file.write("bob: hello\n")
    await until(lambda: _says(right, "> bob: hello\n"), patience=10, what="hello")
    await hub.close()
    with left.open("a") as file:
        file.write("bob: still there?\n")
    hub = await start()
    await until(
        lambda: _says(right, "> bob: hello\n> bob: still there?\n"), patience=10, what="what was said meanwhile"
    )
    with right.open("a") as file:  # a fence: it gets there after everything that came before it
        file.write("carol: yes\n")
    await until(lambda: _says(left, "bob: hello\nbob: still there?\n> carol: yes\n"), patience=10, what="an answer")
    await hub.close()
    assert right.read_text() == "> bob: hello\n> bob: still there?\ncarol: yes\n"


async def _all_open(hub: Hub) -> bool:
    return all(room.opened for room in hub.rooms())


async def _says(file: Path, text: str) -> bool:
    return file.read_text() == text  # noqa: ASYNC240 - a few bytes
