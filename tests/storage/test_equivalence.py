"""Whatever is written, in whatever order, in batches of whatever size: SQLite then knows what the store in memory knows."""

import asyncio
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bridge.core.deliveries import Sent
from bridge.core.ids import MessageId, MessageRef, Network
from bridge.engine.ports import Known, Queued
from bridge.storage.memory import MemoryStore
from bridge.storage.store import SqlStore
from tests.support.build import edit, edited, head, person, post, posted, react, reacted, retract, retracted, room
from tests.support.clock import START

ROOMS = ("left:#a", "right:#b", "third:#c")
NAMES = [f"m{number}" for number in range(6)]
ALIASES = [f"o{number}" for number in range(3)]

names, rooms, aliases = st.sampled_from(NAMES), st.sampled_from(ROOMS), st.sampled_from(ALIASES)
delays = st.integers(0, 3)


def fact_with(event, deliveries):
    """Address deliveries to rooms other than the event's; their numbers are given when they are journalled."""
    here = event.origin
    return ("journal", event, [d for d in deliveries if d.head.room != here.room])


def addressed(delivery, event, to):
    return replace(delivery, head=head(to, source=str(event.origin.room), event=event.origin.key))


@st.composite
def said(draw):
    where, name = draw(rooms), draw(names)
    key = name if name in NAMES[::2] else f"k{name}"  # a message is one fact, whatever that is called
    event = posted(draw(st.text(max_size=5)), where=where, id=name, key=key)
    event = replace(event, aliases=tuple(map(MessageId, draw(st.lists(aliases, max_size=2)))))
    event = replace(event, origin=replace(event.origin, at=START + draw(delays)))
    copies = [replace(post("copy", of=name), message=MessageRef(event.origin.room, event.id)) for _ in ROOMS]
    return fact_with(event, [addressed(copy, event, to) for copy, to in zip(copies, ROOMS, strict=True)])


@st.composite
def changed(draw):
    where, target, key = draw(rooms), draw(st.one_of(names, aliases, st.sampled_from(["c1.0", "c2.0"]))), draw(names)
    event, order = draw(
        st.sampled_from(
            [
                (edited(target, draw(st.text(max_size=5)), where=where), edit(target, "new")),
                (retracted(target, where=where), retract(target)),
                (reacted(target, "👍", where=where), react(target, "👍")),
            ]
        )
    )
    event = replace(event, origin=replace(event.origin, key=f"x{key}"))
    order = replace(order, target=MessageRef(event.origin.room, MessageId(target)))
    return fact_with(event, [addressed(order, event, to) for to in draw(st.lists(rooms, max_size=2, unique=True))])


numbers = st.integers(1, 12)
operations = st.one_of(
    said(),
    said(),
    changed(),
    st.tuples(st.just("settle"), numbers, st.integers(0, 2)),
    st.tuples(st.just("postpone"), numbers, st.integers(0, 9)),
    st.tuples(st.just("bury"), numbers),
    st.tuples(st.just("revive"), numbers),
    st.tuples(st.just("met"), names, delays),
    st.tuples(st.just("remember"), names, st.text(max_size=3)),
    st.tuples(st.just("prune"), delays, st.integers(0, 4)),
    st.just(("pause",)),
)


class Script:
    """Does the same to any store."""

    def __init__(self, store):
        self._store = store
        self._seq = 0
        self._queued = {}
        self._pending = []

    async def do(self, operation):
        store = self._store
        match operation:
            case ("journal", event, deliveries):
                queued = [self._number(delivery) for delivery in deliveries]
                self._pending.append(store.journal(event, queued))
            case ("settle", number, parts) if number in self._queued:
                ids = tuple(MessageId(f"c{number}.{part}") for part in range(parts))
                self._pending.append(store.settle(self._queued[number].delivery.head.key, Sent(ids)))
            case ("postpone", number, attempts) if number in self._queued:
                self._pending.append(store.postpone(replace(self._queued[number], attempts=attempts)))
            case ("bury", number) if number in self._queued:
                key = self._queued[number].delivery.head.key
                self._pending.append(store.bury(key, reason="given up", certain=True))
            case ("revive", number) if number in self._queued:
                return await store.revive([self._queued[number].delivery.head.key])
            case ("met", name, delay):
                self._pending.append(store.met(Known(person=person(name), name=f"{name}{delay}", spoke=delay)))
            case ("remember", name, value):
                self._pending.append(store.remember(Network("left"), name, value))
            case ("prune", delay, keep):
                return await store.prune(before=START + delay, keep=keep)
            case ("pause",):
                await asyncio.gather(*self._pending)
        return None

    def _number(self, delivery):
        self._seq += 1
        self._queued[self._seq] = Queued(seq=self._seq, delivery=delivery)
        return self._queued[self._seq]

    async def everything(self):
        """Return all that can be asked."""
        store = self._store
        await asyncio.gather(*self._pending)
        refs = [MessageRef(room(where), MessageId(name)) for where in ROOMS for name in NAMES]
        parts = [f"c{number}.{part}" for number in range(1, 13) for part in range(2)]
        return {
            "lanes": await store.lanes(),
            "queues": [await store.queue(room(where), after=0, limit=100) for where in ROOMS],
            "last": await store.last_seq(),
            "recent": await store.recent(100),
            "cursors": [await store.cursor(room(where)) for where in ROOMS],
            "messages": [await store.message(ref) for ref in refs],
            "copies": {(ref, where): await store.copies(ref, room(where)) for ref in refs for where in ROOMS},
            "names": {
                (where, name): await store.resolve(room(where), MessageId(name))
                for where in ROOMS
                for name in (*NAMES, *ALIASES, *parts)
            },
            "dead": await store.dead_letters(),
            "people": await store.acquainted([person(name) for name in NAMES]),
            "texts": [await store.recall(Network("left"), name) for name in NAMES],
        }


async def compare(script, url):
    stores = MemoryStore(now=lambda: START), SqlStore(url, now=lambda: START)
    known, answers = [], []
    for store in stores:
        await store.open()
        actor = Script(store)
        answers.append([await actor.do(operation) for operation in script])
        known.append(await actor.everything())
        await store.close()
    assert answers[0] == answers[1]
    for question, answer in known[0].items():
        assert known[1][question] == answer, question


@settings(max_examples=40, deadline=None)
@given(script=st.lists(operations, max_size=40))
def test_sqlite_knows_what_memory_knows(migrated_file, script):
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copy(migrated_file, Path(folder) / "store.db")
        asyncio.run(compare(script, f"sqlite:///{copy}"))
        with closing(sqlite3.connect(copy)) as other:
            assert other.execute("PRAGMA foreign_key_check").fetchall() == []
