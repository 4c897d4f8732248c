"""The migrations make exactly the tables that the program has in mind, up, down and up again."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

from bridge.engine.ports import StoreError
from bridge.storage import database, schema
from bridge.storage.tables import HEAD, metadata

TREE = Path(__file__).parents[2]


def test_the_library_is_not_hidden_by_our_folder():
    assert not list((TREE / "alembic").rglob("__init__.py"))
    assert Path(importlib.import_module("alembic").__file__).parent != TREE / "alembic"


def test_the_newest_migration_is_the_one_that_the_program_names():
    assert schema.revisions()[0] == HEAD == database.head()


def test_a_new_store_equals_the_models(url):
    database.upgrade(url)
    assert database.current(url) == HEAD
    assert database.check(url) == []


def test_up_down_and_up_again(url):
    parsed = database.parse(url)
    engine = database.engine_for(parsed)
    with engine.connect() as connection:
        assert database.revision(connection) is None
        connection.rollback()
        for _ in range(2):
            database.migrate(connection, parsed)
            assert database.revision(connection) == HEAD
            connection.rollback()
            assert schema.differences(connection) == []
            connection.rollback()
            schema.downgrade(connection)
            assert set(inspect(connection).get_table_names()) == {"alembic_version"}
            connection.rollback()


def test_on_sqlite_they_are_equal_to_the_letter(tmp_path):
    database.upgrade(f"sqlite:///{tmp_path}/migrated.db")
    metadata.create_all(create_engine(f"sqlite:///{tmp_path}/made.db"))
    migrated, made = (_definitions(tmp_path / f"{name}.db") for name in ("migrated", "made"))
    migrated.pop("alembic_version")
    assert migrated == made


def _definitions(path: Path) -> dict[str, list[str]]:
    """Return the parts of every CREATE statement, for order means nothing."""
    with create_engine(f"sqlite:///{path}").connect() as connection:
        found = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
        return {name: sorted(re.split(r",\s*\n", re.sub(r"[ \t]+", " ", sql).strip(" ()"))) for name, sql in found}


def test_a_difference_is_told(url):
    database.upgrade(url)
    with database.engine_for(database.parse(url)).begin() as connection:
        connection.execute(text("ALTER TABLE people ADD COLUMN shoe_size INTEGER"))
    assert database.check(url) == ["remove column: people shoe_size"]


def test_an_old_or_empty_store_is_told(tmp_path):
    url = f"sqlite:///{tmp_path}/store.db"
    (tmp_path / "store.db").touch()
    assert database.current(url) is None
    assert database.check(url) == [f"the store has revision none, the program has {HEAD}"]


def test_upgrading_twice_is_upgrading_once(url):
    database.upgrade(url)
    database.upgrade(url)
    assert database.check(url) == []


def alembic(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=TREE,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_alembic_works_from_a_shell(tmp_path):
    url = f"sqlite:///{tmp_path}/store.db"
    assert alembic("-x", f"url={url}", "upgrade", "head").returncode == 0
    assert database.check(url) == []
    assert HEAD in alembic("current", LINKSPAN_STORE_URL=url).stdout
    assert "No new upgrade operations detected" in alembic("check", LINKSPAN_STORE_URL=url).stdout
    assert alembic("downgrade", "base", LINKSPAN_STORE_URL=url).returncode == 0
    assert database.current(url) is None


def test_alembic_without_a_url_says_what_it_needs():
    told = alembic("current")
    assert told.returncode != 0
    assert "LINKSPAN_STORE_URL" in told.stderr


def test_alembic_writes_sql_for_those_who_want_to_read_it():
    told = alembic("upgrade", "head", "--sql")
    assert told.returncode == 0
    assert "CREATE TABLE outbox" in told.stdout


async def test_a_running_bridge_s_store_is_not_migrated(tmp_path):
    url = f"sqlite:///{tmp_path}/store.db"
    claim = database.Claim(database.parse(url))
    claim.take()
    with pytest.raises(StoreError, match="in use"):
        database.upgrade(url)
    claim.release()
    database.upgrade(url)
