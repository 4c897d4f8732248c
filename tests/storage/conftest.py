"""The stores that the tests of this folder run on."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bridge.engine.ports import Store
from bridge.storage.database import upgrade
from bridge.storage.memory import MemoryStore
from bridge.storage.store import SqlStore
from tests.support.clock import START
from tests.support.postgres import Postgres


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work where a key file may be left: beside a store on a server it is in the working folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    asyncio.run(server.__aenter__())
    yield server
    asyncio.run(server.__aexit__())


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "store.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_database(postgres: Postgres) -> str:
    url = postgres.new_database()
    upgrade(url)
    return url.rpartition("/")[2]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a new store, of each kind that outlives its process."""
    return f"sqlite:///{tmp_path}/store.db" if request.param == "sqlite" else _postgres(request).new_database()


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def any_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a new store that is migrated already; "" for one in memory."""
    match request.param:
        case "memory":
            return ""
        case "sqlite":
            copied = shutil.copy(request.getfixturevalue("migrated_file"), tmp_path / "store.db")
            return f"sqlite:///{copied}"
        case _:
            return _postgres(request).new_database(like=request.getfixturevalue("migrated_database"))


def _postgres(request: pytest.FixtureRequest) -> Postgres:
    server: Postgres = request.getfixturevalue("postgres")  # asked for only where it is needed
    return server


@pytest.fixture
async def store(any_url: str) -> AsyncIterator[Store]:
    """Open a store of every kind; its clock stands still."""
    opened: Store = SqlStore(any_url, now=lambda: START) if any_url else MemoryStore(now=lambda: START)
    await opened.open()
    yield opened
    await opened.close()
