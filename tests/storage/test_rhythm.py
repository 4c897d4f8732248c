"""Group commit: when the writer commits, what goes into one transaction, and what the loop is told."""

import asyncio
import threading
from types import SimpleNamespace

import pytest

from bridge.core.deliveries import Sent
from bridge.core.ids import MessageId, Network
from bridge.engine.ports import Queued, StoreError
from bridge.storage import writer
from bridge.storage.database import parse
from bridge.storage.ledger import Ledger
from bridge.storage.store import SqlStore
from bridge.storage.writes import Ask
from tests.support.build import post, posted, room


@pytest.fixture
async def store(migrated_file, tmp_path):
    opened = SqlStore(f"sqlite:///{tmp_path}/store.db")
    (tmp_path / "store.db").write_bytes(migrated_file.read_bytes())
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def commits(store, monkeypatch):
    """Count transactions, but for those that only enter what was noted."""
    seen = []
    transact = store._ledger.transact
    monkeypatch.setattr(
        store._ledger, "transact", lambda *given: (seen.append(given[1]) if given[1] else None, transact(*given))[1]
    )
    return seen


class Busy:
    """Keeps the writer busy, with a transaction of its own, so that a test can fill its queue."""

    def __init__(self):
        self._started = threading.Event()
        self._gate = threading.Event()

    async def begin(self, store):
        self._done = store._writer.put(Ask(self._wait))
        await asyncio.to_thread(self._started.wait, 10)

    def _wait(self, _connection):
        self._started.set()
        self._gate.wait(10)

    async def end(self):
        self._gate.set()
        await self._done


async def test_whatever_is_queued_is_one_transaction(store, commits):
    busy = Busy()
    await busy.begin(store)
    writes = [
        store.journal(posted("hi", id=f"m{n}"), [Queued(seq=n, delivery=post("hi", of=f"m{n}"))]) for n in range(1, 301)
    ]
    writes += [store.settle(post("hi", of=f"m{n}").head.key, Sent((MessageId(f"c{n}"),))) for n in range(1, 301)]
    writes.append(store.remember(Network("left"), "offset", "300"))
    await busy.end()
    await asyncio.gather(*writes)
    assert len(commits) == 1 + 1
    assert await store.lanes() == {}
    assert await store.resolve(room("right:#b"), MessageId("c300")) is not None


async def test_what_is_queued_in_one_turn_of_the_loop_wakes_the_writer_once(store, commits, monkeypatch):
    busy = Busy()
    await busy.begin(store)
    writes = [store.remember(Network("left"), f"n{n}", "x") for n in range(5)]
    assert store._writer._inbox.empty()
    await asyncio.sleep(0)
    assert store._writer._inbox.qsize() == 1
    await busy.end()
    await asyncio.gather(*writes)
    assert len(commits) == 1 + 1


async def test_what_nobody_waits_for_shares_the_next_transaction(store, commits):
    queued = Queued(seq=1, delivery=post("hi", of="m1"))
    await store.journal(posted("hi", id="m1"), [queued])
    settled = store.settle(queued.delivery.head.key, Sent((MessageId("c1"),)))
    await asyncio.sleep(0)
    assert store._writer._inbox.empty()
    journalled = store.journal(posted("ho", id="m2"), [])
    await asyncio.gather(settled, journalled)
    assert [len(writes) for writes in commits] == [1, 2]


async def test_what_nobody_waits_for_is_written_all_the_same_when_nothing_follows(store):
    queued = Queued(seq=1, delivery=post("hi", of="m1"))
    await store.journal(posted("hi", id="m1"), [queued])
    await store.settle(queued.delivery.head.key, Sent((MessageId("c1"),)))
    assert await store.lanes() == {}


async def test_a_transaction_has_a_limit(store, commits):
    busy = Busy()
    await busy.begin(store)
    writes = [store.remember(Network("left"), f"n{n}", "x") for n in range(2 * writer.LARGEST + 10)]
    await busy.end()
    await asyncio.gather(*writes)
    assert len(commits) == 1 + 3


async def test_futures_are_resolved_by_one_call_for_a_transaction(store, monkeypatch):
    loop = asyncio.get_running_loop()
    busy = Busy()
    await busy.begin(store)
    writes = [store.remember(Network("left"), f"n{n}", "x") for n in range(100)]
    calls = []
    real = loop.call_soon_threadsafe
    monkeypatch.setattr(
        loop, "call_soon_threadsafe", lambda *args, **kwargs: (calls.append(args), real(*args, **kwargs))[1]
    )
    await busy.end()
    await asyncio.gather(*writes)
    assert len(calls) == 1 + 1


async def test_futures_are_resolved_in_the_order_of_the_calls(store):
    order = []
    busy = Busy()
    await busy.begin(store)
    for n in range(50):
        future = store.remember(Network("left"), f"n{n}", "x") if n % 3 else store._writer.put(Ask(lambda _: None))
        future.add_done_callback(lambda _, n=n: order.append(n))
    await busy.end()
    await store.recall(Network("left"), "n1")
    assert order == list(range(50))


@pytest.mark.parametrize(
    ("every", "window"),
    [(0.02, 0.0), (0.01, 0.0), (0.005, 0.0), (0.0015, 0.005), (0.0008, 0.02), (0.0005, 0.04), (0.0001, 0.04)],
)
def test_the_more_writes_there_are_the_longer_they_wait_for_company(every, window):
    pace, now = writer.Pace(), 1000.0
    for _ in range(500):
        now += every
        last = pace.window(1, now)
    assert last == window


def test_a_burst_is_soon_forgotten():
    pace = writer.Pace()
    assert pace.window(200, 1000.0) == 0.04
    assert pace.window(1, 1000.1) == 0.0


async def test_single_writes_go_at_once_and_crowds_wait_for_company(store, monkeypatch):
    pauses = []
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(writer, "time", SimpleNamespace(monotonic=lambda: clock.now, sleep=pauses.append))
    await store.remember(Network("left"), "n", "1")
    clock.now += 0.01
    await store.remember(Network("left"), "n", "2")
    assert pauses == []
    await asyncio.gather(*(store.remember(Network("left"), f"n{n}", "x") for n in range(100)))
    clock.now += 0.002
    await store.remember(Network("left"), "n", "3")
    assert pauses == [writer.LULL]
    clock.now += 1
    await store.remember(Network("left"), "n", "4")
    assert len(pauses) == 1


def test_company_is_waited_for_as_long_as_it_comes(monkeypatch):
    clock, asleep = SimpleNamespace(now=1000.0), []
    waiting = writer.Writer(parse("sqlite:///unused"), Ledger())

    def sleep(seconds: float) -> None:
        clock.now += seconds
        asleep.append(seconds)
        if len(asleep) < 4:
            waiting._inbox.put([])

    monkeypatch.setattr(writer, "time", SimpleNamespace(monotonic=lambda: clock.now, sleep=sleep))
    waiting._wait_for_company(1000.04)
    assert asleep == [writer.LULL] * 4
    waiting._wait_for_company(clock.now + writer.LULL / 2)
    assert len(asleep) == 5
    waiting._wait_for_company(clock.now)
    assert len(asleep) == 5


async def test_reads_alone_make_nobody_wait(store, monkeypatch):
    pauses = []
    monkeypatch.setattr(writer, "time", SimpleNamespace(monotonic=lambda: 1000.0, sleep=pauses.append))
    for _ in range(5):
        await store.lanes()
    assert pauses == []


async def test_closing_writes_what_is_queued(store, tmp_path):
    busy = Busy()
    await busy.begin(store)
    store.remember(Network("left"), "offset", "7")
    closing = asyncio.ensure_future(store.close())
    await busy.end()
    await closing
    again = SqlStore(f"sqlite:///{tmp_path}/store.db")
    await again.open()
    assert await again.recall(Network("left"), "offset") == "7"
    await again.close()


async def test_a_closed_store_takes_nothing(store):
    await store.close()
    await store.close()
    with pytest.raises(StoreError, match="not open"):
        await store.remember(Network("left"), "offset", "7")
    with pytest.raises(StoreError, match="not open"):
        await store.lanes()
