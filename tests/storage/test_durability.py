"""What outlives the process: a clean restart, and kill -9 under load."""

import signal

import pytest

from bridge.connector import Cursor
from bridge.core.deliveries import Sent
from bridge.core.ids import DeliveryKey, EventKey, MessageId, MessageRef, Network
from bridge.engine.ports import Known, Queued, StoredLink
from bridge.storage.store import SqlStore
from tests.support.build import person, post, posted, room
from tests.support.clock import START
from tests.support.stores import open_again, running

HERE, THERE = room("left:#a"), room("right:#b")


async def test_everything_is_there_after_a_restart(url):
    entries = [Queued(seq=seq, delivery=post(str(seq), of=f"m{seq}")) for seq in range(1, 6)]
    link = StoredLink(name="dev", rooms=(HERE, THERE))
    store = SqlStore(url, now=lambda: START)
    await store.open()
    for entry in entries:
        store.journal(posted(str(entry.seq), id=f"m{entry.seq}", aliases=[f"o{entry.seq}"]), [entry])
    store.settle(entries[0].delivery.head.key, Sent((MessageId("c1"),)))
    store.bury(entries[1].delivery.head.key, reason="given up", certain=False)
    store.remember(Network("left"), "offset", "5")
    store.met(Known(person=person("juliet"), name="Juliet", spoke=START))
    await store.add_link(link)
    letters = await store.dead_letters()
    await store.close()

    again = SqlStore(url)
    await again.open()
    assert await again.last_seq() == 5
    assert await again.lanes() == {THERE: 3}
    assert await again.queue(THERE, after=0, limit=10) == entries[2:]
    assert await again.copies(MessageRef(HERE, MessageId("m1")), THERE) == ("c1",)
    assert await again.resolve(HERE, MessageId("o4")) == MessageRef(HERE, MessageId("m4"))
    assert await again.recent(2) == [(HERE, "m4"), (HERE, "m5")]
    assert await again.cursor(HERE) == Cursor(EventKey("m5"), START)
    assert await again.dead_letters() == letters
    assert await again.recall(Network("left"), "offset") == "5"
    assert (await again.acquainted([person("juliet")]))[person("juliet")].name == "Juliet"
    assert await again.links() == [link]
    await again.journal(posted("5", id="m5"), [Queued(seq=6, delivery=post("again", of="m5x"))])
    await again.journal(posted("6", id="m6", where="left:#other"), [])
    assert await again.lanes() == {THERE: 3}
    await again.close()


async def test_numbers_go_on_where_they_ended_although_nothing_waits(url):
    for seq in (10, 20):
        store = SqlStore(url)
        await store.open()
        assert await store.last_seq() == seq - 10
        entry = Queued(seq=seq, delivery=post("hi", of=f"m{seq}"))
        await store.journal(posted("hi", id=f"m{seq}"), [entry])
        await store.journal(posted("nobody is told", id=f"n{seq}"), [])
        await store.settle(entry.delivery.head.key, Sent())
        await store.prune(before=START + 1, keep=0)
        await store.close()


LOAD = """
import asyncio, sys
from bridge.core.deliveries import Sent
from bridge.core.ids import MessageId
from bridge.engine.ports import Queued
from bridge.storage.store import SqlStore
from tests.support.build import post, posted

async def one(store, number):
    entry = Queued(seq=number, delivery=post("hi", of=f"m{number}"))
    await store.journal(posted("hi", id=f"m{number}"), [entry])
    print("journalled", number, entry.delivery.head.key, flush=True)
    if number % 3 == 0:
        await store.settle(entry.delivery.head.key, Sent((MessageId(f"c{number}"),)))
        print("settled", number, entry.delivery.head.key, flush=True)

async def main():
    store = SqlStore(sys.argv[1])
    await store.open()
    number = await store.last_seq()
    while True:
        await asyncio.gather(*(one(store, number + n) for n in range(1, 41)))
        number += 40

asyncio.run(main())
"""


@pytest.mark.parametrize("lines", [7, 100, 333])
async def test_no_acknowledged_write_is_lost_by_kill_9(url, lines):
    told = []
    for _ in range(2):
        with running(LOAD, url) as load:
            told += [load.stdout.readline() for _ in range(lines)]
            load.send_signal(signal.SIGKILL)
            told += [line for line in load.stdout if line.endswith("\n")]
        store = await open_again(url)
        await store.close()
    store = await open_again(url)
    acknowledged = [line.split() for line in told]
    journalled = {number: key for what, number, key in acknowledged if what == "journalled"}
    settled = {number for what, number, _ in acknowledged if what == "settled"}
    assert len(journalled) >= lines
    names = [EventKey(f"m{number}") for number in journalled]
    assert await store.known(HERE, names) == set(names)
    waiting = await store.queue(THERE, after=0, limit=1_000_000)
    keys = {entry.delivery.head.key for entry in waiting}
    for number, key in journalled.items():
        copies = await store.copies(MessageRef(HERE, MessageId(f"m{number}")), THERE)
        if number in settled:
            assert DeliveryKey(key) not in keys
            assert copies == (f"c{number}",)
        else:
            assert (DeliveryKey(key) in keys) is (copies == ()), "a delivery is neither waiting nor settled"
    assert [entry.seq for entry in waiting] == sorted(entry.seq for entry in waiting)
    assert await store.last_seq() >= max(map(int, journalled))
    await store.close()
