"""Opening a store that cannot be opened: one sentence each, and never a password."""

import shutil
import signal
import sqlite3

import pytest
from sqlalchemy import text

from bridge.core.ids import Network
from bridge.engine.ports import StoreError
from bridge.storage import database
from bridge.storage.store import SqlStore
from tests.support.build import posted, room
from tests.support.postgres import PASSWORD
from tests.support.stores import open_again, running


async def refusal(url):
    """Return the sentence with which a store refuses to open; the command line's functions have to say the same."""
    with pytest.raises(StoreError) as failure:
        await SqlStore(url).open()
    with pytest.raises(StoreError) as again:
        database.upgrade(url)
    assert str(again.value) == str(failure.value)
    assert "\n" not in str(failure.value)
    return str(failure.value)


@pytest.mark.parametrize(
    "url", ["mysql://root:secret@host/db", "linkspan.db", "", "sqlite", "http://x", "postgresql+asyncpg://u:secret@h/d"]
)
def test_only_sqlite_and_postgresql_are_stores(url):
    with pytest.raises(StoreError) as failure:
        SqlStore(url)
    assert str(failure.value) == "the store's url has to begin with sqlite:/// or postgresql://"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_is_psycopg(scheme):
    assert database.parse(f"{scheme}://u:p@h/d").drivername == "postgresql+psycopg"


async def test_a_missing_directory(tmp_path):
    path = tmp_path / "nowhere" / "store.db"
    assert await refusal(f"sqlite:///{path}") == (
        f"the store {path} cannot be used: there is no directory {path.parent}"
    )


async def test_a_directory_is_no_store(tmp_path):
    assert await refusal(f"sqlite:///{tmp_path}") == f"the store {tmp_path} cannot be used: it is a directory"


async def test_a_file_that_is_not_a_database(tmp_path):
    path = tmp_path / "store.db"
    path.write_text("[xmpp]\ndomain = 'bridge.example.org'\n" * 100)
    before = path.read_bytes()
    assert await refusal(f"sqlite:///{path}") == (
        f"the store {path} cannot be used: the file is not an SQLite database"
    )
    assert path.read_bytes() == before


@pytest.mark.parametrize("harm", ["overwritten", "cut"])
async def test_a_damaged_file(tmp_path, harm):
    path = tmp_path / "store.db"
    store = SqlStore(f"sqlite:///{path}")
    await store.open()
    for n in range(200):
        store.journal(posted("x" * 1000, id=f"m{n}"), [])
    await store.close()
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] + (b"\xff" * (len(whole) - middle) if harm == "overwritten" else b""))
    assert await refusal(f"sqlite:///{path}") == f"the store {path} cannot be used: the file is damaged"
    if harm == "overwritten":
        assert database.check(f"sqlite:///{path}") == ["the file is damaged"]


async def test_a_newer_store(url):
    database.upgrade(url)
    engine = database.engine_for(database.parse(url))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    sentence = await refusal(url)
    assert sentence.endswith(f"has revision 9999, which this program (knows up to {database.head()}) does not know")
    assert database.check(url) == [f"the store has revision 9999, the program has {database.head()}"]


async def test_tables_of_another_program_in_the_way(url):
    engine = database.engine_for(database.parse(url))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE links (url TEXT)"))
    assert "links" in await refusal(url)
    with engine.connect() as connection:
        tables = (
            "SELECT name FROM sqlite_master"
            if "sqlite" in url
            else ("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        )
        assert set(connection.scalars(text(tables))) == {"links"}, "half a migration was left"


async def test_a_wrong_password(postgres):
    url = postgres.url(password="top secret")
    sentence = await refusal(url)
    assert sentence == (
        'the store postgres on 127.0.0.1 cannot be used: password authentication failed for user "linkspan"'
    )


async def test_a_missing_database(postgres):
    assert await refusal(postgres.url("nowhere")) == (
        'the store nowhere on 127.0.0.1 cannot be used: database "nowhere" does not exist'
    )


async def test_a_server_that_is_not_there():
    url = "postgresql://linkspan:topsecret@127.0.0.1:1/linkspan"
    sentence = await refusal(url)
    assert "refused" in sentence
    assert "topsecret" not in sentence


async def test_a_host_that_does_not_exist():
    sentence = await refusal("postgresql://linkspan:topsecret@no-such-host.invalid/linkspan")
    assert sentence.startswith("the store linkspan on no-such-host.invalid cannot be used: ")
    assert "topsecret" not in sentence


def test_a_password_is_cut_out_of_whatever_is_said():
    url = database.parse("postgresql://u:hunter2@h/d")
    assert database.reason(ValueError("cannot connect with hunter2"), url) == "cannot connect with ***"


async def test_two_bridges_cannot_share_a_store(url):
    first = SqlStore(url)
    await first.open()
    sentence = await refusal(url)
    assert "is in use by another process" in sentence
    assert PASSWORD not in sentence
    await first.remember(Network("left"), "n", "1")
    await first.close()
    second = SqlStore(url)
    await second.open()
    assert await second.recall(Network("left"), "n") == "1"
    await second.close()


HOLDER = """
import asyncio, sys
from bridge.storage.store import SqlStore

async def main():
    store = SqlStore(sys.argv[1])
    await store.open()
    print("open", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_a_killed_process_leaves_no_lock(url):
    with running(HOLDER, url) as holder:
        assert holder.stdout.readline() == "open\n"
        sentence = await refusal(url)
        if "sqlite" in url:
            assert sentence.endswith(f"is in use by another process (pid {holder.pid})")
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    store = await open_again(url)
    assert await store.lanes() == {}
    await store.close()


async def test_looking_at_a_store_needs_no_lock_and_makes_no_file(tmp_path):
    path = tmp_path / "store.db"
    for look in (database.current, database.check):
        with pytest.raises(StoreError, match="does not exist"):
            look(f"sqlite:///{path}")
    assert list(tmp_path.iterdir()) == []
    store = SqlStore(f"sqlite:///{path}")
    await store.open()
    assert database.current(f"sqlite:///{path}") == database.head()
    assert database.check(f"sqlite:///{path}") == []
    await store.close()


async def test_what_people_said_is_for_the_owner_s_eyes(tmp_path):
    path = tmp_path / "store.db"
    store = SqlStore(f"sqlite:///{path}")
    await store.open()
    await store.journal(posted("hi", id="m1"), [])
    for file in tmp_path.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file
    await store.close()


async def test_a_path_may_have_any_characters(tmp_path):
    folder = tmp_path / "50% off 🚢"
    folder.mkdir()
    store = SqlStore(f"sqlite:///{folder}/store.db")
    await store.open()
    await store.close()
    assert database.check(f"sqlite:///{folder}/store.db") == []


async def test_a_store_in_memory_works(caplog):
    store = SqlStore("sqlite://")
    await store.open()
    await store.journal(posted("hi", id="m1"), [])
    assert await store.recent(1) == [(room(), "m1")]
    await store.close()
    assert caplog.records == []


def test_sqlite_runs_in_wal_mode_and_looks_up_no_parents(tmp_path):
    url = database.parse(f"sqlite:///{tmp_path}/store.db")
    with database.engine_for(url).connect() as connection:
        asked = ("journal_mode", "synchronous", "foreign_keys")
        assert [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in asked] == ["wal", 1, 0]
    with sqlite3.connect(tmp_path / "store.db") as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    other.close()


def test_rows_that_refer_to_nothing_are_told(migrated_file, tmp_path):
    path = shutil.copy(migrated_file, tmp_path / "store.db")
    with sqlite3.connect(path) as other:
        other.execute("INSERT INTO message_ids VALUES (1, 'c1', 7, 0)")
    other.close()
    assert sorted(database.check(f"sqlite:///{path}")) == [
        "message_ids has rows (1) whose journal are not there",
        "message_ids has rows (1) whose rooms are not there",
    ]
