"""Reading the configuration anew: by a signal or by command, one time after the other, whoever waits for it."""

import asyncio
from pathlib import Path

import pytest

from bridge import config, registry
from bridge.app import Reloading
from bridge.config import Config
from bridge.core.commands import CommandRefused, Why
from bridge.systemd import Notify

TEXT = '[xmpp]\ndomain = "bridge.localhost"\nsecret = "s3cr3t"\n'


def write(path: Path, text: str) -> None:
    path.write_text(text)


class Changes:
    """Applies configurations when it is let."""

    def __init__(self) -> None:
        self.applied: list[Config] = []
        self.let = asyncio.Event()
        self.let.set()

    async def change(self, new: Config) -> tuple[str, ...]:
        await self.let.wait()
        self.applied.append(new)
        return ("store.url",) if "other" in new.store.url else ()


@pytest.fixture
def changes() -> Changes:
    return Changes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "config.toml"
    file.write_text(TEXT)
    return file


@pytest.fixture
def reloading(path: Path, changes: Changes) -> Reloading:
    return Reloading(path, config.load(path, registry.settings_of), change=changes.change, notify=Notify())


async def test_a_file_is_applied(reloading: Reloading, changes: Changes, path: Path) -> None:
    write(path, f'{TEXT}nick = "bridge"\n')
    assert await reloading.asked() == ()
    assert [each.xmpp.nick for each in changes.applied] == ["bridge"]
    write(path, f'{TEXT}[store]\nurl = "sqlite:///other.db"\n')
    assert await reloading.asked() == ("store.url",)


async def test_a_mistake_is_told_and_changes_nothing(reloading: Reloading, changes: Changes, path: Path) -> None:
    write(path, f"{TEXT}port = 0\nnikc = 1\n")
    with pytest.raises(CommandRefused) as refused:
        await reloading.asked()
    assert refused.value.why is Why.WRONG
    assert [line.partition(":")[0] for line in refused.value.reason.splitlines()] == ["xmpp.nikc", "xmpp.port"]
    assert (await reloading.now()).problems == tuple(refused.value.reason.splitlines())
    assert changes.applied == []


async def test_it_goes_on_when_whoever_asked_is_gone(reloading: Reloading, changes: Changes) -> None:
    changes.let.clear()
    asking = asyncio.ensure_future(reloading.asked())
    await asyncio.sleep(0)
    asking.cancel()  # the stream through which it was asked for is taken down
    with pytest.raises(asyncio.CancelledError):
        await asking
    changes.let.set()
    await reloading.now()  # waits for its turn
    assert len(changes.applied) == 2
