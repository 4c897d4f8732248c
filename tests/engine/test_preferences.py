"""How users want to be on networks: kept, used, forgotten, and handed over again after every start."""

import pytest

from bridge.connector import Unsuitable
from bridge.core.commands import Values
from bridge.core.ids import XMPP, Network, Person, PersonId, Room
from bridge.storage.memory import MemoryStore
from tests.support.adapting import AdaptingConnector
from tests.support.clock import quiet
from tests.support.hubs import Works, works

RIGHT = Network("right")
JULIET, ROMEO = (Person(XMPP, PersonId(f"{name}@home.example")) for name in ("juliet", "romeo"))


async def started(w: Works) -> AdaptingConnector:
    """Put a connector that can be adapted in the place of "right"."""
    await w.hub.remove_network(RIGHT)
    connector = AdaptingConnector()
    w.add("right", connector)
    await quiet()
    return connector


async def test_what_somebody_prefers_is_used_at_once_and_after_every_start_and_crash():
    store = MemoryStore()
    async with works(store=store) as w:
        right = await started(w)
        assert await w.hub.preferences.change(RIGHT, JULIET, Values({"nick": "jule"})) == ""
        assert right.preferred[JULIET].nick == "jule"
    async with works(store=store) as w:
        right = await started(w)
        assert right.preferred[JULIET].nick == "jule"
        right.preferred.clear()
        right.die(ValueError("x"))
        await w.clock.advance(5)
        assert right.preferred[JULIET].nick == "jule"


async def test_what_cannot_be_changes_nothing():
    async with works() as w:
        right = await started(w)
        await w.hub.preferences.change(RIGHT, JULIET, Values({"nick": "jule"}))
        with pytest.raises(Unsuitable, match="expected an encoding") as refused:
            await w.hub.preferences.change(RIGHT, JULIET, Values({"nick": "julia", "encoding": "klingon"}))
        assert refused.value.field == "encoding"
        assert right.preferred[JULIET].nick == "jule"
        with pytest.raises(Unsuitable, match="nothing can be set on left"):
            await w.hub.preferences.change(Network("left"), JULIET, Values({}))


async def test_it_is_said_what_waits_for_the_next_connection():
    async with works() as w:
        right = await started(w)
        assert not w.hub.preferences.reconnect(RIGHT, JULIET)
        right.connected.add(JULIET)
        words = await w.hub.preferences.change(RIGHT, JULIET, Values({"nick": "jule", "username": "jc"}))
        assert words == "From your next connection on: username. To have it now, say reconnect."
        assert w.hub.preferences.reconnect(RIGHT, JULIET)
        assert not w.hub.preferences.reconnect(Network("left"), JULIET)


async def test_what_is_forgotten_is_gone_for_good():
    store = MemoryStore()
    async with works(store=store) as w:
        right = await started(w)
        await w.hub.preferences.change(RIGHT, JULIET, Values({"nick": "jule"}))
        assert await w.hub.preferences.reset(RIGHT, JULIET)
        assert right.preferred == {}
        assert await store.preferences() == []
        assert not await w.hub.preferences.reset(RIGHT, JULIET)


async def test_making_everything_usual_keeps_nothing():
    async with works() as w:
        await started(w)
        await w.hub.preferences.change(RIGHT, JULIET, Values({"nick": "jule"}))
        await w.hub.preferences.change(RIGHT, JULIET, Values({"nick": ""}))
        assert not w.hub.preferences.has_any(RIGHT, JULIET)


async def test_channels_at_start_are_entered_when_they_are_set_and_told_to_whoever_starts():
    async with works() as w:
        await started(w)
        brought: list[tuple[Room, Person, str]] = []
        w.hub.preferences.bring = lambda *each: brought.append(each)
        await w.hub.preferences.change(RIGHT, JULIET, Values({"channels": ("#a", "#b key")}))
        await w.hub.preferences.change(RIGHT, ROMEO, Values({"nick": "romeo"}))
        expected = [(Room(RIGHT, "#a"), JULIET, ""), (Room(RIGHT, "#b"), JULIET, "key")]
        assert brought == expected
        assert list(w.hub.preferences.rooms_at_start()) == expected


async def test_who_has_anything_is_registered():
    async with works() as w:
        await started(w)
        registered = w.hub.registrations
        assert registered.networks() == [RIGHT]
        assert registered.account(RIGHT, JULIET.id) is None
        await w.hub.preferences.change(RIGHT, JULIET, Values({"nick": "jule"}))
        assert registered.account(RIGHT, JULIET.id) == ""
        login = await w.hub.logins.log_in(RIGHT, JULIET, {"account": "jc", "password": "right"})
        assert login.remark == "now reconnect"
        assert registered.account(RIGHT, JULIET.id) == "jc"
        assert w.hub.logins.of(RIGHT, JULIET).login.remark == ""  # it is told once
