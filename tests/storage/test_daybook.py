"""The daybook: what is only noted is as durable as what is entered, and is entered soon."""

import asyncio
import logging
import shutil
import sqlite3
from base64 import b64decode

import pytest
from msgspec.structs import replace

from bridge.connector import Secret
from bridge.core.deliveries import Sent
from bridge.core.ids import MessageId, MessageRef, Network, PersonId, RoomId
from bridge.demo.processes import until
from bridge.engine.ports import ArchivedLine, Known, Queued, StoreError, Wanted
from bridge.storage import ledger, sealing, writer
from bridge.storage.rows import pack, unpack_writes
from bridge.storage.store import SqlStore
from bridge.storage.writes import Journal, Keep, Met, Postpone, Remember, Settle
from tests.support.build import edited, person, post, posted, room
from tests.support.clock import START

HERE, THERE, HOSTED = room("left:#a"), room("right:#b"), RoomId("dev%libera@bridge.example.org")
LINE = ArchivedLine(seq=START << 10, room=HOSTED, id="s1", at=START, nick="ann", head="<message>", tail="</message>")


def entry(number):
    return Queued(seq=number, delivery=post("hi", of=f"m{number}"))


def key(number):
    return entry(number).delivery.head.key


@pytest.fixture
def path(migrated_file, tmp_path):
    return shutil.copy(migrated_file, tmp_path / "store.db")


@pytest.fixture
async def store(path, monkeypatch):
    """Open a store that enters nothing until it is asked something."""
    monkeypatch.setattr(writer, "ENTERED_AFTER", 3600.0)
    opened = SqlStore(f"sqlite:///{path}", now=lambda: START)
    await opened.open()
    yield opened
    await opened.close()


def rows(path, table="daybook"):
    """Count rows, as another program sees them."""
    other = sqlite3.connect(path)
    try:
        return other.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    finally:
        other.close()


def killed(path, tmp_path):
    """Return the URL of what a kill at this moment would leave."""
    folder = tmp_path / "killed"
    folder.mkdir()
    for name in ("store.db", "store.db-wal", "store.key"):
        shutil.copy(path.with_name(name), folder / name)
    return f"sqlite:///{folder}/store.db"


async def test_what_was_only_noted_is_there_after_a_kill(store, path, tmp_path):
    await store.attended(HOSTED, PersonId("ann@example.org"), since=START - 1)
    for number in range(1, 5):
        store.journal(posted("hi", id=f"m{number}", aliases=[f"o{number}"]), [entry(number)])
    store.journal(edited("m4", "changed"), [])
    store.postpone(replace(entry(2), attempts=3, reason="busy"))
    store.settle(key(1), Sent((MessageId("c1"), MessageId("c1b"))))
    store.remember(Network("left"), "offset", "5")
    store.met(Known(person=person("juliet"), name="Juliet", spoke=START))
    await asyncio.gather(store.archive([LINE]), store.settle(key(3), Sent()))
    assert rows(path) > 0
    assert rows(path, "journal") == 0

    again = SqlStore(killed(path, tmp_path), now=lambda: START)
    await again.open()
    assert await again.last_seq() == 4
    assert await again.queue(THERE, after=0, limit=10) == [replace(entry(2), attempts=3, reason="busy"), entry(4)]
    assert await again.copies(MessageRef(HERE, MessageId("m1")), THERE) == ("c1", "c1b")
    assert await again.resolve(HERE, MessageId("o4")) == MessageRef(HERE, MessageId("m4"))
    assert (await again.message(MessageRef(HERE, MessageId("m4")))).content.text == "changed"
    assert await again.recall(Network("left"), "offset") == "5"
    assert (await again.acquainted([person("juliet")]))[person("juliet")].name == "Juliet"
    assert (await again.archived(Wanted(room=HOSTED, user=PersonId("ann@example.org")))).lines == (LINE,)
    assert rows(tmp_path / "killed" / "store.db") == 0
    await again.close()


async def test_what_is_noted_twice_is_entered_once(store, path, tmp_path):
    """A kill between entering and clearing cannot be; a commit of which nobody knows whether it went through can."""
    await asyncio.gather(store.journal(posted("hi", id="m1"), [entry(1)]), store.archive([LINE]))
    with sqlite3.connect(path) as other:
        other.execute("INSERT INTO daybook SELECT id + 1, writes FROM daybook")
    other.close()
    again = SqlStore(killed(path, tmp_path))
    await again.open()
    assert await again.recent(10) == [(HERE, "m1")]
    assert await again.lanes() == {THERE: 1}
    await again.close()
    assert rows(tmp_path / "killed" / "store.db", "archive") == 1


async def test_a_delivery_that_has_arrived_meanwhile_has_no_row(store, path):
    await store.journal(posted("hi", id="m1"), [entry(1)])
    await store.settle(key(1), Sent((MessageId("c1"),)))
    seen = []
    await store._ask(lambda connection: seen.append(connection.exec_driver_sql("SELECT seq FROM outbox").all()))
    assert seen == [[]]
    assert await store.resolve(THERE, MessageId("c1")) == MessageRef(HERE, MessageId("m1"))
    await store.journal(posted("hi", id="m2"), [entry(2)])
    assert await store.lanes() == {THERE: 1}
    await store.settle(key(2), Sent((MessageId("c2"),)))
    assert await store.lanes() == {}
    assert await store.copies(MessageRef(HERE, MessageId("m2")), THERE) == ("c2",)


async def test_it_is_entered_after_a_while_by_itself(path, monkeypatch):
    monkeypatch.setattr(writer, "ENTERED_AFTER", 0.01)
    store = SqlStore(f"sqlite:///{path}")
    await store.open()
    await store.journal(posted("hi", id="m1"), [])

    async def entered():
        return rows(path, "journal") == 1

    await until(entered, patience=20, what="the fact is in the journal")
    assert rows(path) == 0
    await store.close()


async def test_it_is_entered_when_it_is_full(store, path):
    await asyncio.gather(*(store.remember(Network("left"), f"n{n}", "x") for n in range(ledger.MOST)))
    assert await store.recall(Network("left"), "n0") == "x"
    big = "x" * (ledger.LARGEST - 1000)
    for number in range(1, 5):
        await store.journal(posted(big, id=f"m{number}"), [])
        assert rows(path) == number
    await store.journal(posted(big, id="m5"), [])
    await store.journal(posted("hi", id="m6"), [])  # by the time that this is written, those before were entered
    assert (rows(path), rows(path, "journal")) == (1, 5)


async def test_little_gathers_in_it_while_writes_come_one_by_one(store, path, monkeypatch):
    monkeypatch.setattr(writer, "WINDOWS", ())
    for number in range(writer.AT_LEISURE):
        assert rows(path) == number
        await store.journal(posted("hi", id=f"m{number}"), [])
    await store.journal(posted("hi", id="one more"), [])  # by the time that this is written, those before were entered
    assert (rows(path), rows(path, "journal")) == (1, writer.AT_LEISURE)


async def test_what_is_too_large_for_it_is_entered_at_once(store, path):
    await store.journal(posted("x" * ledger.LARGEST, id="m1"), [])
    assert (rows(path), rows(path, "journal")) == (0, 1)


async def test_an_orderly_end_leaves_it_empty(store, path):
    await store.journal(posted("hi", id="m1"), [])
    assert (rows(path), rows(path, "journal")) == (1, 0)
    await store.close()
    assert (rows(path), rows(path, "journal")) == (0, 1)


async def test_something_noted_that_cannot_be_entered_costs_nothing_but_itself(store, path, caplog):
    noted = [
        store.journal(posted("before", id="m1"), []),
        store.journal(posted("no number for SQLite", id="m2", at=2**63), []),
        store.journal(posted("after", id="m3"), []),
    ]
    await asyncio.gather(*noted)
    with pytest.raises(StoreError, match="cannot be stored"):
        await store.share("\ud83d", None)
    assert [name for _, name in await store.recent(10)] == ["m1", "m3"]
    assert rows(path) == 0
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [
        "a Journal that was noted cannot be stored: OverflowError",
        "a Ask cannot be stored: UnicodeEncodeError",
    ]


async def test_a_row_that_nobody_can_read_is_no_start_and_is_kept(path):
    with sqlite3.connect(path) as other:
        other.execute("INSERT INTO daybook VALUES (7, ?)", (pack([["unheard of", 1]]),))
    other.close()
    with pytest.raises(StoreError, match="row 7 of the store's daybook cannot be read"):
        await SqlStore(f"sqlite:///{path}").open()
    assert rows(path) == 1


async def test_keys_are_changed_for_what_is_noted_as_well(store, path, tmp_path):
    await store.remember(Network("left"), "token", Secret("wherefore"))
    assert rows(path) == 1
    url = killed(path, tmp_path)
    assert sealing.rotate(url, "", drop_old=True) == (1, 0)
    again = SqlStore(url)
    await again.open()
    assert await again.recall(Network("left"), "token") == "wherefore"
    await again.close()


WRITES = [
    Journal(posted("hi", id="m1", key="e1", aliases=["o1"]), (entry(1),)),
    Settle(key(1), Sent((MessageId("c1"),))),
    Postpone(replace(entry(2), attempts=1, due=START, reason="busy")),
    Remember(Network("left"), "offset", "5"),
    Met(Known(person=person("juliet"), name="Juliet", spoke=START)),
    Keep((LINE,)),
]


def test_what_the_first_version_with_a_daybook_noted_can_be_read():
    assert unpack_writes(b64decode(FIRST)) == WRITES


FIRST = """
lpOnam91cm5hbIakdHlwZaZwb3N0ZWSmb3JpZ2lug6Ryb29tgqduZXR3b3JrpGxlZnSiaWSiI2Gja2V5omUxomF0zwAAAYvP5WgApnNlbmRlcoKmcGVyc2
9ugqduZXR3b3JrpGxlZnSiaWSmanVsaWV0pG5hbWWmanVsaWV0omlkom0xp2NvbnRlbnSBpHRleHSiaGmnYWxpYXNlc5GibzGRhaNzZXEBqGRlbGl2ZXJ5
hKR0eXBlpHBvc3SkaGVhZIeja2V52SA1ZDBlZTI2ZjhlYTY0ODc0ZTE0YzA4NjAxZjk2NmFjZaRyb29tgqduZXR3b3JrpXJpZ2h0omlkoiNipXZvaWNlgq
Jhc6ZwdXBwZXSmbWVtYmVygqZwZXJzb26Cp25ldHdvcmukbGVmdKJpZKZqdWxpZXSkbmFtZaZqdWxpZXSmc291cmNlgqduZXR3b3JrpGxlZnSiaWSiI2Gl
ZXZlbnSibTGiYXTPAAABi8/laACjdmlhkaR0ZXN0p21lc3NhZ2WCpHJvb22Cp25ldHdvcmukbGVmdKJpZKIjYaJpZKJtMadjb250ZW50gaR0ZXh0omhpqG
F0dGVtcHRzAKNkdWUApnJlYXNvbqCTpnNldHRsZdkgNWQwZWUyNmY4ZWE2NDg3NGUxNGMwODYwMWY5NjZhY2WBo2lkc5GiYzGSqHBvc3Rwb25lhaNzZXEC
qGRlbGl2ZXJ5hKR0eXBlpHBvc3SkaGVhZIeja2V52SBlYWU4ZjUxYTczYmMwNmQwMzNjZTgyYTdmYWRiODU2MKRyb29tgqduZXR3b3JrpXJpZ2h0omlkoi
NipXZvaWNlgqJhc6ZwdXBwZXSmbWVtYmVygqZwZXJzb26Cp25ldHdvcmukbGVmdKJpZKZqdWxpZXSkbmFtZaZqdWxpZXSmc291cmNlgqduZXR3b3JrpGxl
ZnSiaWSiI2GlZXZlbnSibTKiYXTPAAABi8/laACjdmlhkaR0ZXN0p21lc3NhZ2WCpHJvb22Cp25ldHdvcmukbGVmdKJpZKIjYaJpZKJtMqdjb250ZW50ga
R0ZXh0omhpqGF0dGVtcHRzAaNkdWXPAAABi8/laACmcmVhc29upGJ1c3mUqHJlbWVtYmVypGxlZnSmb2Zmc2V0oTWSo21ldIOmcGVyc29ugqduZXR3b3Jr
pGxlZnSiaWSmanVsaWV0pG5hbWWmSnVsaWV0pXNwb2tlzwAAAYvP5WgAkqRrZWVwkYejc2VxzwAGLz+VoAAApHJvb229ZGV2JWxpYmVyYUBicmlkZ2UuZX
hhbXBsZS5vcmeiaWSiczGiYXTPAAABi8/laACkbmlja6Nhbm6kaGVhZKk8bWVzc2FnZT6kdGFpbKo8L21lc3NhZ2U+
"""
