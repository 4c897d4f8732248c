"""Disks fill up, files are locked, servers restart: writes wait, go through later, and only a bad value fails."""

import asyncio
import logging
import sqlite3
import threading

import pytest
from sqlalchemy import event

from bridge.core.deliveries import Sent
from bridge.core.ids import DeliveryKey, EventKey, MessageId, Network
from bridge.demo.processes import until
from bridge.engine.ports import Known, Queued, StoreError
from bridge.storage import database, writer
from bridge.storage.store import SqlStore
from tests.support.build import content, member, person, post, posted, room

HERE, THERE = room("left:#a"), room("right:#b")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(writer, "_FIRST_DELAY", 0.002)
    monkeypatch.setattr(writer, "_LONGEST_DELAY", 0.02)
    monkeypatch.setattr(database, "_PRAGMAS", ("busy_timeout = 1", *database._PRAGMAS[1:]))


@pytest.fixture
def path(migrated_file, tmp_path):
    copy = tmp_path / "store.db"
    copy.write_bytes(migrated_file.read_bytes())
    return copy


@pytest.fixture
async def store(path):
    opened = SqlStore(f"sqlite:///{path}")
    await opened.open()
    yield opened
    await opened.close()


class Pragma:
    """Sets a pragma at the start of every transaction from now on, until it is told another."""

    def __init__(self, store):
        self.words = ""
        self._transact, store._ledger.transact = store._ledger.transact, self._begin

    def _begin(self, connection, writes):
        if self.words:
            connection.connection.cursor().execute(f"PRAGMA {self.words}")
        return self._transact(connection, writes)


async def trouble(store, words=""):
    """Return once the store is in trouble, and says these words."""

    async def says_so():
        return bool(store.healthy()) and words in store.healthy()

    await until(says_so, patience=20, what=f"trouble: {words}")
    return store.healthy()


@pytest.mark.parametrize(
    ("harm", "cure", "words"),
    [
        ("max_page_count = 1", "max_page_count = 1073741823", "the disk is full"),
        ("query_only = ON", "query_only = OFF", "it is read-only"),
    ],
)
async def test_writes_wait_until_the_disk_takes_them(store, caplog, harm, cure, words):
    pragma = Pragma(store)
    pragma.words = harm
    big = "x" * 100_000
    writes = [
        store.journal(posted(big, id=f"m{n}"), [Queued(seq=n, delivery=post(big, of=f"m{n}"))]) for n in range(1, 6)
    ]
    assert await trouble(store) == words
    writes.append(store.remember(Network("left"), "offset", "5"))
    assert not any(write.done() for write in writes)
    pragma.words = cure
    await asyncio.gather(*writes)
    assert store.healthy() == ""
    assert [key for _, key in await store.recent(10)] == [f"m{n}" for n in range(1, 6)]
    assert [entry.seq for entry in await store.queue(THERE, after=0, limit=10)] == [1, 2, 3, 4, 5]
    assert await store.recall(Network("left"), "offset") == "5"
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(said) == 2
    assert words in said[0]
    assert "again" in said[1]


async def test_a_refused_transaction_leaves_no_trace_in_what_is_remembered_of_it(store):
    pragma = Pragma(store)
    pragma.words = "max_page_count = 1"
    first = store.journal(posted("x" * 50_000, id="m1", where="left:#new"), [])
    await trouble(store)
    first.cancel()
    second = store.journal(posted("x" * 50_000, id="m2", where="left:#newer"), [])
    pragma.words = "max_page_count = 1073741823"
    await second
    assert await store.recent(10) == [(room("left:#new"), "m1"), (room("left:#newer"), "m2")]


async def test_a_commit_that_fails_is_tried_again_and_reads_go_on(store):
    """The disk is full at the very end of a transaction: SQLAlchemy and the driver each take its end for the other's."""
    failures = [sqlite3.OperationalError("disk I/O error")]

    def fail(_connection):
        if failures:
            raise failures.pop()

    event.listen(store._writer._engine, "commit", fail)
    await store.remember(Network("left"), "offset", "1")
    await store.forget(Network("left"), "offset")
    assert failures == []
    assert await store.recall(Network("left"), "offset") is None
    assert store.healthy() == ""


async def test_writes_wait_while_another_program_holds_the_file(store, path):
    other = sqlite3.connect(path)
    other.execute("BEGIN IMMEDIATE")
    write = store.remember(Network("left"), "offset", "1")
    assert await trouble(store) == "another program has locked it"
    assert not write.done()
    other.rollback()
    other.close()
    await write
    assert store.healthy() == ""


async def test_reads_go_on_while_another_program_holds_the_file(store, path):
    await store.remember(Network("left"), "offset", "1")
    assert await store.recall(Network("left"), "offset") == "1"  # entered with that: no read overtakes a write
    other = sqlite3.connect(path)
    other.execute("BEGIN IMMEDIATE")
    assert await store.recall(Network("left"), "offset") == "1"
    other.close()


async def test_closing_in_trouble_gives_up_after_a_while(store, monkeypatch):
    monkeypatch.setattr(writer, "_GRACE", 0.02)
    Pragma(store).words = "query_only = ON"
    writes = [store.remember(Network("left"), f"n{n}", "1") for n in range(3)]
    await trouble(store)
    await store.close()
    for write in writes:
        with pytest.raises(StoreError, match="read-only"):
            await write


LONE_SURROGATE = "\ud83d"
BAD = {
    "half of a surrogate pair in a text": lambda store: store.journal(posted(LONE_SURROGATE, id="bad"), []),
    "half of a surrogate pair in an id": lambda store: store.journal(posted("hi", id=LONE_SURROGATE), []),
    "half of a surrogate pair in a room": lambda store: store.journal(posted("hi", where=f"left:{LONE_SURROGATE}"), []),
    "a name": lambda store: store.met(Known(person=person("x"), name=LONE_SURROGATE)),
    "a small text": lambda store: store.remember(Network("left"), "bad", LONE_SURROGATE),
    "a time beyond all numbers": lambda store: store.journal(posted("hi", id="bad", at=2**70), []),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
async def test_a_bad_value_fails_alone(url, bad):
    store = SqlStore(url)
    await store.open()
    gate = threading.Event()
    held = store._ask(lambda _: gate.wait(10))
    held = asyncio.ensure_future(held)
    await asyncio.sleep(0)
    before = store.journal(posted("before", id="m1", where="left:#before"), [])
    failing = bad(store)
    after = store.journal(
        posted("after", id="m2", where="left:#after"), [Queued(seq=1, delivery=post("after", of="m2"))]
    )
    gate.set()
    await asyncio.gather(held, before, after)
    with pytest.raises(StoreError, match="cannot be stored"):
        await failing
    assert store.healthy() == ""
    assert [key for _, key in await store.recent(10)] == ["m1", "m2"]
    assert await store.lanes() == {THERE: 1}
    await store.close()
    again = SqlStore(url)
    await again.open()
    assert await again.known(room("left:#after"), [EventKey("m2")]) == {"m2"}
    await again.close()


async def test_postgresql_refuses_nul_and_endless_keys_and_goes_on(postgres, migrated_database):
    store = SqlStore(postgres.new_database(like=migrated_database))
    await store.open()
    refused = [
        store.journal(posted("hi", id="nul\0"), []),
        store.journal(posted("hi", id="".join(map(chr, range(1000, 60000, 3)))[:20_000]), []),
        store.remember(Network("left"), "n", "\0"),
    ]
    fine = store.journal(posted("nul\0 in a text is no harm", id="m1"), [])
    await fine
    for write in refused:
        with pytest.raises(StoreError, match="cannot be stored"):
            await write
    assert await store.recent(10) == [(HERE, "m1")]
    await store.close()


async def test_a_sender_s_endless_alias_is_no_reason_to_lose_the_message(url):
    store = SqlStore(url)
    await store.open()
    alias = "".join(map(chr, range(1000, 50000, 3)))[:16_000]
    await store.journal(posted("hi", id="m1", aliases=[alias]), [])
    assert (await store.resolve(HERE, MessageId(alias))).id == "m1"
    assert await store.resolve(HERE, MessageId(alias[:-1])) is None
    await store.close()


async def test_a_server_that_restarts_is_waited_for(postgres, migrated_database):
    store = SqlStore(postgres.new_database(like=migrated_database))
    await store.open()
    await store.journal(posted("before", id="m1"), [])
    await postgres.stop()
    writes = [
        store.journal(posted("during", id="m2"), [Queued(seq=1, delivery=post("during", of="m2"))]),
        store.journal(posted("new room", id="m3", where="left:#new"), []),
    ]
    await trouble(store, "refused")
    await postgres.start()
    await asyncio.gather(*writes)
    assert store.healthy() == ""
    assert [key for _, key in await store.recent(10)] == ["m1", "m2", "m3"]
    assert await store.lanes() == {THERE: 1}
    await store.close()


async def test_a_server_that_hangs_is_trouble(postgres, migrated_database, monkeypatch):
    monkeypatch.setattr(writer, "_SLOW", 0.01)
    store = SqlStore(postgres.new_database(like=migrated_database))
    await store.open()
    assert store.healthy() == ""
    with postgres.locking("memory", database=store._writer._url.database):
        write = store.remember(Network("left"), "n", "1")
        await trouble(store, "no answer")
        assert not write.done()
    await write
    assert store.healthy() == ""
    await store.close()


async def test_closing_does_not_wait_for_a_server_that_hangs(postgres, migrated_database, monkeypatch, caplog):
    monkeypatch.setattr(writer, "_GRACE", 0.05)
    store = SqlStore(postgres.new_database(like=migrated_database))
    await store.open()
    with postgres.locking("memory", database=store._writer._url.database):
        write = store.remember(Network("left"), "n", "1")
        await store.close()
        assert not write.done()
        assert "does not answer" in caplog.text
    await write


async def test_a_session_that_is_ended_is_begun_anew(postgres, migrated_database):
    store = SqlStore(postgres.new_database(like=migrated_database))
    await store.open()
    postgres.disconnect_all()
    await store.journal(posted("hi", id="m1"), [])
    assert await store.recent(10) == [(HERE, "m1")]
    postgres.disconnect_all()
    assert await store.recent(10) == [(HERE, "m1")]
    await store.close()


async def test_nothing_people_said_is_logged(store, caplog):
    caplog.set_level(logging.INFO)
    secret = "the words of a person"
    event_ = posted(secret, by=member("Mallory", address="mallory@host"), id="m1")
    await store.journal(event_, [])
    with pytest.raises(StoreError) as failure:
        await store.journal(posted(secret + LONE_SURROGATE, id="m2"), [])
    for text in (*(record.getMessage() for record in caplog.records), caplog.text, str(failure.value)):
        assert secret not in text
        assert "mallory@host" not in text
    assert content(secret).text == secret


async def test_a_fault_of_the_thread_itself_fails_everything_at_once_and_is_told(store, caplog):
    """No write may wait for a thread that is no more; what was stored before is whole."""
    assert await store.journal(posted("before", id="m0"), []) is None
    reached = threading.Event()
    begun = threading.Event()

    def ends(connection, writes):
        begun.set()
        reached.wait()
        raise SystemExit

    transact, store._ledger.transact = store._ledger.transact, ends
    breaking = asyncio.ensure_future(store.broken())
    under_way = store.journal(posted("under way", id="m1"), [])
    await asyncio.to_thread(begun.wait)
    queued = store.journal(posted("queued", id="m2"), [])
    await asyncio.sleep(0)
    lingering = store.settle(DeliveryKey("none"), Sent())
    reached.set()
    why = await breaking
    assert "SystemExit" in why
    assert store.healthy() == why
    later = store.remember(Network("left"), "offset", "5")
    for write in (under_way, queued, lingering, later):
        with pytest.raises(StoreError, match="written no more"):
            await write
    with pytest.raises(StoreError, match="written no more"):
        await store.recent(1)
    assert [record.levelno for record in caplog.records if record.levelno > logging.WARNING] == [logging.CRITICAL]
    await store.close()
    store._ledger.transact = transact


async def test_a_fault_while_the_store_is_being_opened_is_no_start(path, monkeypatch):
    monkeypatch.setattr("bridge.storage.writer.ready", _fault)
    with pytest.raises(StoreError, match="RecursionError"):
        await SqlStore(f"sqlite:///{path}").open()
    monkeypatch.undo()
    opened = SqlStore(f"sqlite:///{path}")
    await opened.open()  # nobody holds it
    await opened.close()


def _fault(*_):
    raise RecursionError
