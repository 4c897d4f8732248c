"""Who was in hosted rooms when the power went is told that they are out, and nobody else is."""

import asyncio

import pytest

from tests.support.clock import quiet
from tests.support.hosted import DESK, PHONE, ROMEO, ROOM, HostedBridge, remote
from tests.support.xmpp_connector import Notebook

OUT = '-{} 110 332 "the bridge was interrupted: join again"'


class SlowNotebook(Notebook):
    """Somebody joins before what was left is read."""

    def __init__(self, left: dict[str, str]) -> None:
        super().__init__()
        self.memory = left
        self.may_read = asyncio.Event()

    async def recollect(self, prefix: str) -> dict[str, str]:
        if prefix == "here ":
            await self.may_read.wait()
        return await super().recollect(prefix)


async def cut(bridge: HostedBridge) -> dict[str, str]:
    """Return what a bridge leaves behind whose power goes now."""
    await quiet()
    return dict(bridge.hub.memory)


async def begin(left: dict[str, str]) -> HostedBridge:
    """Return a bridge that finds this."""
    bridge = HostedBridge()
    bridge.hub.memory = left
    await bridge.__aenter__()
    return bridge


async def test_each_client_is_told_under_the_nick_that_it_had_and_once() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK, ROMEO)
        bridge.join(PHONE, "juliet")
        bridge.arrives(DESK, "julia")  # another nick
        left = await cut(bridge)
    again = await begin(left)
    assert again.diary(DESK) == [OUT.format("julia")]
    assert again.diary(PHONE) == [OUT.format("julia")]
    assert again.diary(ROMEO) == [OUT.format("romeo")]
    assert not again.hub.memory
    await again.stop()
    third = await begin(again.hub.memory)
    assert third.diary(DESK) == []
    await third.stop()


@pytest.mark.parametrize("ending", ["unavailable", "put out", "orderly"])
async def test_who_had_gone_is_told_nothing(ending: str) -> None:
    bridge = await begin({})
    bridge.inside(DESK)
    await quiet()
    if ending == "unavailable":
        bridge.presence(DESK, f"{ROOM}/juliet", kind="unavailable")
    elif ending == "put out":
        bridge.connector.hosting.put_out(ROOM, "juliet@home.example", "enough")
    else:
        await bridge.stop()
    left = await cut(bridge)
    await bridge.stop()
    again = await begin(left)
    assert again.diary(DESK) == []
    await again.stop()


async def test_of_two_clients_the_one_that_had_left_is_told_nothing() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        bridge.join(PHONE, "juliet")
        await quiet()
        bridge.presence(DESK, f"{ROOM}/juliet", kind="unavailable")
        left = await cut(bridge)
    again = await begin(left)
    assert again.diary(DESK) == []
    assert again.diary(PHONE) == [OUT.format("juliet")]
    await again.stop()


async def test_who_is_on_the_way_in_again_already_is_not_told_that_they_are_out() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK, ROMEO)
        left = await cut(bridge)
    again = HostedBridge()
    again.hub = slow = SlowNotebook(left)
    async with again:
        again.join(DESK, "juliet")
        slow.may_read.set()
        await quiet()
        assert again.diary(DESK) == []
        assert again.diary(ROMEO) == [OUT.format("romeo")]
        again.listed(remote("bob"))
        again.arrives(DESK, "juliet")
        assert again.diary(DESK) == ["+bob none/participant", "+juliet none/participant 100 110", "# "]
        await quiet()
        assert [name for name in again.hub.memory if name.startswith("here ")] == [f"here {ROOM} juliet@home.example"]
