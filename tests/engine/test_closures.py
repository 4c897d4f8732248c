"""A room that is closed to the bridge for good, and opens again after all: what was given up for it comes first, in order, once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.core.deliveries import Delivery, Post, Sent, Tell
from bridge.core.events import Cause
from bridge.core.failures import Barred, DeliveryFailure, Permanent, Uncertain
from bridge.core.ids import XMPP, MessageId, Network
from bridge.engine.limits import Limits
from bridge.storage.memory import MemoryStore
from tests.support.build import closed, opened, posted
from tests.support.clock import quiet
from tests.support.connectors import HandConnector, capabilities
from tests.support.hubs import Works


class Door(HandConnector):
    """Refuses while its room is shut, and writes down what it said when it is not."""

    def __init__(self) -> None:
        super().__init__(capabilities(pipeline=8), automatic=True)
        self.is_shut = False
        self.refusal: DeliveryFailure = Barred("the bridge was banned")
        self.gate = asyncio.Event()
        self.gate.set()
        self.said: list[str] = []

    def send(self, delivery: Delivery) -> "asyncio.Future[Sent]":
        """Refuse on the spot, as a room does that is shut; else say it once the gate is open."""
        if self.is_shut:
            refused: asyncio.Future[Sent] = asyncio.get_running_loop().create_future()
            refused.set_exception(self.refusal)
            return refused
        return asyncio.ensure_future(self._say(delivery))

    async def _say(self, delivery: Delivery) -> Sent:
        await self.gate.wait()
        if isinstance(delivery, Post):
            self.said.append(delivery.content.text)
        return Sent((MessageId(f"r{len(self.said)}"),))

    def shut(self) -> None:
        """Throw the bridge out for good."""
        self.emit(closed("right:#b", cause=Cause.BANNED, final=True))
        self.is_shut = True

    def open_again(self) -> None:
        """Let it in again."""
        self.is_shut = False
        self.emit(opened("right:#b"))


def say(w: Works, *texts: str) -> None:
    for text in texts:
        w.networks["left"].emit(posted(text, id=text, key=text))


@asynccontextmanager
async def door(store: MemoryStore | None = None) -> AsyncIterator[tuple[Works, Door]]:
    """Start a hub with little in memory, and a link of which the room on the right has a door."""
    w = Works(store=store, limits=Limits(lane=20, page=10))
    await w.hub.open()
    w.add("left")
    right = Door()
    w.add("right", right)
    w.link("left:#a", "right:#b")
    await quiet()
    right.emit(opened("right:#b"))
    await quiet()
    try:
        yield w, right
    finally:
        await w.hub.close(deadline=0)


@pytest.mark.parametrize("many", [3, 10, 70])
async def test_what_was_given_up_is_said_before_anything_newer(many: int):
    async with door() as (w, right):
        say(w, "before")
        await quiet()
        right.shut()
        old = [f"old {number}" for number in range(many)]
        say(w, *old)
        await quiet()
        assert await w.store.count_dead_letters() == many
        say(w, "last")
        right.open_again()
        say(w, "new")
        await quiet()
        assert right.said == ["before", *old, "last", "new"]
        assert await w.store.count_dead_letters() == 0
        assert await w.store.lanes() == {}


async def test_a_room_that_shuts_again_at_once_gets_everything_in_the_end():
    async with door() as (w, right):
        texts = [f"text {number}" for number in range(120)]
        for number in range(0, 120, 30):
            right.shut()
            say(w, *texts[number : number + 30])
            await quiet()
            right.open_again()
            for _ in range(number // 10):  # somewhere in the middle of what comes back
                await asyncio.sleep(0)
        await quiet()
        assert right.said == texts


WHATEVER = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.integers(1, 40)),
        st.tuples(st.sampled_from(("shut", "open", "away", "back", "by hand")), st.just(0)),
        st.tuples(st.just("turns"), st.integers(0, 30)),
    ),
    max_size=25,
)


@given(WHATEVER)
@settings(deadline=None, max_examples=60)
def test_whatever_happens_all_is_said_once_and_in_order(script: list[tuple[str, int]]):
    async def play() -> None:
        async with door() as (w, right):
            texts: list[str] = []
            tasks = []
            for what, times in script:
                match what:
                    case "say":
                        new = [f"text {len(texts) + number}" for number in range(times)]
                        texts += new
                        say(w, *new)
                    case "shut" if not right.is_shut:
                        right.shut()
                    case "open" if right.is_shut:
                        right.open_again()
                    case "away" | "back":
                        w.hub.outbox.ready(Network("right"), yes=what == "back")
                    case "by hand":
                        letters = [letter.queued.delivery.head.key for letter in await w.store.dead_letters()]
                        tasks.append(asyncio.ensure_future(w.hub.outbox.revive(letters)))
                    case _:
                        for _ in range(times):
                            await asyncio.sleep(0)
            await quiet()
            await asyncio.gather(*tasks)
            w.hub.outbox.ready(Network("right"), yes=True)
            right.open_again()
            await quiet()
            assert right.said == texts
            assert await w.store.lanes() == {}
            assert await w.store.dead_letters() == []

    asyncio.run(play())


async def test_its_sender_is_told_that_it_may_yet_be_said():
    async with door() as (w, right):
        right.shut()
        say(w, "old")
        await w.clock.advance(5)
        [notice] = [each for each in w.networks["left"].sent if isinstance(each, Tell)]
        assert "it is said if the room lets the bridge in again" in notice.content.text


async def test_a_bridge_that_was_started_anew_meanwhile_knows_it():
    async with door() as (before, right):
        right.shut()
        say(before, "old")
        await quiet()
    async with door(before.store) as (w, right):
        assert right.said == ["old"]  # it opened as the network came up
        say(w, "new")
        await quiet()
        assert right.said == ["old", "new"]
        right.shut()
        right.open_again()
        await quiet()
        assert right.said == ["old", "new"]
        assert await w.store.recollect(XMPP, "") == {}


async def test_what_may_have_arrived_and_what_was_given_up_before_stays_where_it_is():
    async with door() as (w, right):
        right.refusal = Permanent("too rude")
        right.is_shut = True  # for these words
        say(w, "rude")
        await quiet()
        right.shut()
        right.refusal = Uncertain("no answer")
        say(w, "uncertain")
        await w.clock.advance(3600)
        right.refusal = Barred("banned")
        say(w, "old")
        await quiet()
        right.open_again()
        await quiet()
        assert right.said == ["old"]
        assert [letter.reason for letter in await w.store.dead_letters()] == ["too rude", "no answer"]


async def test_whoever_brings_dead_letters_back_by_hand_at_the_same_moment_loses_and_doubles_nothing():
    async with door() as (w, right):
        right.shut()
        old = [f"old {number}" for number in range(25)]
        say(w, *old)
        await quiet()
        letters = [letter.queued.delivery.head.key for letter in await w.store.dead_letters()]
        right.open_again()
        reviving = asyncio.ensure_future(w.hub.outbox.revive(letters))
        say(w, "new")
        await quiet()
        await reviving
        assert right.said == [*old, "new"]


async def test_what_is_under_way_lands_first():
    async with door() as (w, right):
        right.shut()
        say(w, "old")
        await quiet()
        right.is_shut = False
        right.gate.clear()
        say(w, "under way")
        await quiet()
        right.open_again()
        say(w, "new")
        await quiet()
        assert right.said == []
        right.gate.set()
        await quiet()
        assert right.said == ["under way", "old", "new"]


async def test_a_room_that_is_linked_no_more_is_told_nothing_when_it_opens():
    async with door() as (w, right):
        right.shut()
        say(w, "old")
        await quiet()
        w.hub.remove_link("link")
        w.link("left:#a", "right:#b")
        right.open_again()
        await quiet()
        assert right.said == []
        assert await w.store.count_dead_letters() == 1
