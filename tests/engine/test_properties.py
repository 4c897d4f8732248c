"""Whatever happens, and in whatever order: lanes keep theirs, and who is shown follows from who is there."""

import asyncio
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.core.deliveries import Post
from bridge.core.events import State
from bridge.core.failures import Retry, Uncertain, VoiceLost
from bridge.core.ids import Network
from tests.support.build import closed, joined, left, listed, member, opened, posted, renamed
from tests.support.clock import quiet
from tests.support.connectors import HandConnector, RenamingConnector, capabilities
from tests.support.hubs import Works

OUTCOMES: dict[str, Callable[[], Exception]] = {
    "retry": lambda: Retry("busy"),
    "flood": lambda: Retry("flood wait", after=7),
    "voice": lambda: VoiceLost("banned"),
    "uncertain": lambda: Uncertain("no echo"),
}


@given(st.lists(st.lists(st.sampled_from(sorted(OUTCOMES)), max_size=2), max_size=8), st.booleans())
@settings(deadline=None, max_examples=60)
def test_one_at_a_time_the_order_survives_every_failure(script: list[list[str]], flapping: bool):
    async def play() -> None:
        w = Works()
        await w.hub.open()
        w.add("left", able=capabilities())
        right = w.add("right", HandConnector(capabilities(), automatic=False))
        w.link("left:#a", "right:#b")
        await quiet()
        troubles = {str(number): list(names) for number, names in enumerate(script)}
        for text in troubles:
            w.networks["left"].emit(posted(text))
        await quiet()
        landed: list[str] = []
        for _ in range(200):
            if not right.open:
                await w.clock.advance(10)
            if not right.open:
                break
            delivery = right.open[0][0]
            assert isinstance(delivery, Post)
            text = delivery.content.text
            if troubles[text]:
                right.answer(OUTCOMES[troubles[text].pop(0)]())
            else:
                landed.append(text)
                right.answer()
            if flapping:
                w.hub.outbox.ready(Network("right"), yes=False)
                await quiet()
                w.hub.outbox.ready(Network("right"), yes=True)
            await quiet()
        assert landed == list(troubles)
        assert await w.store.lanes() == {}
        await w.hub.close(deadline=0)

    asyncio.run(play())


ROOMS = ("left:#a", "left:#c", "right:#b")
NAMES = ("ann", "ben", "cid")

facts = st.one_of(
    st.tuples(st.just("join"), st.sampled_from(ROOMS), st.sampled_from(NAMES)),
    st.tuples(st.just("leave"), st.sampled_from(ROOMS), st.sampled_from(NAMES)),
    st.tuples(st.just("rename"), st.sampled_from(ROOMS), st.permutations(NAMES)),
    st.tuples(st.just("list"), st.sampled_from(ROOMS), st.sets(st.sampled_from(NAMES))),
    st.tuples(st.just("close"), st.sampled_from(ROOMS), st.booleans()),
    st.tuples(st.just("open"), st.sampled_from(ROOMS), st.none()),
)


def network_of(where: str) -> str:
    return where.partition(":")[0]


class Model:
    """Who is where, in the plainest possible way."""

    def __init__(self) -> None:
        self.rooms: dict[str, set[str]] = {room: set() for room in ROOMS}

    def apply(self, what: str, where: str, details: object) -> list[State]:
        """Do what happens, and return the facts that tell of it."""
        there = self.rooms[where]
        match what, details:
            case "join", str(name):
                there.add(name)
                return [joined(name, where=where)]
            case "leave", str(name):
                there.discard(name)
                return [left(name, where=where)]
            case "rename", [str(old), str(new), *_]:
                return self.rename(network_of(where), old, new)
            case "list", set(names):
                self.rooms[where] = {str(name) for name in names}
                return [listed(*sorted(self.rooms[where]), where=where)]
            case "close", final:
                if final:
                    there.clear()
                return [closed(where, final=bool(final))]
            case _:
                return [opened(where)]

    def rename(self, network: str, old: str, new: str) -> list[State]:
        """Change a nick, which is told in each room of the network; nowhere are there two of one nick."""
        rooms = [room for room in ROOMS if network_of(room) == network]
        if any(new in self.rooms[room] for room in rooms):
            return []
        told: list[State] = []
        for room in rooms:
            if old in self.rooms[room]:
                self.rooms[room] = self.rooms[room] - {old} | {new}
                told.append(renamed(old, new, where=room))
        return told

    def shown(self, room: str) -> set[tuple[str, str]]:
        """Return whom a room has to show: everybody of the others who is not there in person."""
        people = {(network_of(other), name) for other in ROOMS if other != room for name in self.rooms[other]}
        return people - {(network_of(room), name) for name in self.rooms[room]}


@given(st.lists(facts, max_size=30), st.booleans())
@settings(deadline=None, max_examples=150)
def test_who_is_shown_follows_from_who_is_there(script: list[tuple[str, str, object]], in_place: bool):
    async def play() -> None:
        w = Works()
        await w.hub.open()
        kind = RenamingConnector if in_place else HandConnector
        for name in ("left", "right"):
            w.add(name, kind(capabilities()))
        w.link(*ROOMS)
        await quiet()
        model = Model()
        for what, where, details in script:
            for fact in model.apply(what, where, details):
                w.networks[network_of(where)].emit(fact)
        await quiet()
        for room in ROOMS:
            network, _, name = room.partition(":")
            shown = w.networks[network].shown.items()
            there = {(one.person.network, one.person.id) for (where, _), one in shown if where == name}
            assert there == model.shown(room), room
        await w.hub.close(deadline=0)
        assert w.clock.pending() == 0

    asyncio.run(play())


async def test_the_model_itself():
    model = Model()
    model.apply("join", "left:#a", "ann")
    model.apply("join", "left:#c", "ann")
    model.apply("join", "right:#b", "ben")
    assert model.shown("right:#b") == {("left", "ann")}
    assert model.shown("left:#a") == {("right", "ben")}
    assert member("ann").name == "ann"
