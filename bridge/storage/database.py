"""Where the store is: URLs, engines, the lock that keeps two bridges apart, and every failure in one sentence.

Here is what ``linkspan db`` calls (:func:`upgrade`, :func:`current`, :func:`check`), all of it synchronous, and what
the writer's thread opens the store with. Nothing is read or written here but the schema, and Alembic itself is next
door in :mod:`bridge.storage.schema`. A URL's password never gets into a sentence.
"""

import contextlib
import fcntl
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, Dialect, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from bridge.engine.ports import StoreError
from bridge.storage.tables import HEAD

_PRAGMAS: Final = (
    "busy_timeout = 2000",
    "journal_mode = WAL",
    "synchronous = NORMAL",  # survives kill -9 whole; a power cut may cost the last moments, never the file
    "foreign_keys = OFF",  # looking up a parent for every row is a sixth of a message's cost; `linkspan db check` does it once
    "cache_size = -16384",  # 16 MiB: the indexes of a few hundred thousand messages
    "wal_autocheckpoint = 4000",  # 16 MB of log: a checkpoint waits for the disk, and messages wait for it; so seldom
)
_POSTGRES_ARGUMENTS: Final = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,  # a server that vanishes is noticed, not waited for
    "application_name": "linkspan",
}
_POSTGRES_LOCK: Final = 0x6C696E6B7370616E  # "linkspan"
_THOROUGH: Final = 64 << 20
"""Bytes of an SQLite file up to which opening it reads it whole: some tens of milliseconds."""

_SQLITE_SAYS: Final = {
    "database or disk is full": "the disk is full",
    "readonly database": "it is read-only",
    "database is locked": "another program has locked it",
    "database table is locked": "another program has locked it",
    "disk I/O error": "the disk reports an I/O error",
    "unable to open database file": "the file cannot be opened",
    "malformed": "the file is damaged",
    "file is not a database": "the file is not an SQLite database",
}


def parse(url: str) -> URL:
    """Return a URL that SQLAlchemy can open. Raises: StoreError for anything but SQLite and PostgreSQL."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    match parsed.drivername if parsed else "":
        case "sqlite" | "sqlite+pysqlite":
            pass
        case "postgresql" | "postgres" | "postgresql+psycopg":
            parsed = parsed.set(drivername="postgresql+psycopg") if parsed else None
        case _:
            parsed = None
    if parsed is None:
        msg = "the store's url has to begin with sqlite:/// or postgresql://"
        raise StoreError(msg)
    return parsed


def title(url: URL) -> str:
    """Return how the store is called in a sentence, without secrets."""
    if url.get_backend_name() == "sqlite":
        return f"the store {url.database or 'in memory'}"
    host = url.host or "the local PostgreSQL server"
    return f"the store {url.database} on {host}"


def path_of(url: URL) -> Path | None:
    """Return the SQLite file, None for a store in memory or on a server."""
    if url.get_backend_name() != "sqlite" or url.database in {None, "", ":memory:"}:
        return None
    return Path(str(url.database))


def engine_for(url: URL) -> Engine:
    """Return an engine without a pool: whoever connects keeps the connection, in the thread where it was made."""
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
        event.listen(engine, "connect", _set_pragmas)
        return engine
    try:
        return create_engine(
            url, poolclass=NullPool, hide_parameters=True, paramstyle="format", connect_args=_POSTGRES_ARGUMENTS
        )
    except ModuleNotFoundError as error:
        msg = "the store is on PostgreSQL, which needs psycopg: pip install 'linkspan[postgres]'"
        raise StoreError(msg) from error


def _set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").close()


def reason(error: Exception, url: URL) -> str:
    """Return in a few words what a database complains about, without secrets."""
    origin = getattr(error, "orig", None) or error
    said = str(origin)
    if url.get_backend_name() == "sqlite":
        return next((words for sign, words in _SQLITE_SAYS.items() if sign in said), said)
    said = said.rsplit("FATAL:", 1)[-1].strip()
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    words = lines[0] if lines else type(origin).__name__
    return words.replace(url.password, "***") if url.password else words


def worth_another_try(error: Exception, dialect: Dialect) -> bool:
    """Return whether a refused transaction may go through later: the database is in trouble, and not the values at fault."""
    origin = getattr(error, "orig", None) or error
    driver = dialect.loaded_dbapi
    if not isinstance(origin, driver.Error):
        return False
    if isinstance(
        origin, driver.DataError | driver.IntegrityError | driver.ProgrammingError | driver.NotSupportedError
    ):
        return False
    state = getattr(origin, "sqlstate", None) or ""
    return not state.startswith("54")  # program limit exceeded: a key too long for an index


@contextlib.contextmanager
def sentences(url: URL) -> Iterator[None]:
    """Turn what SQLAlchemy raises inside into a StoreError."""
    try:
        yield
    except SQLAlchemyError as error:
        msg = f"{title(url)} cannot be used: {reason(error, url)}"
        raise StoreError(msg) from error


class InUse(StoreError):
    """Another process has the store."""


class Claim:
    """The right to be the only bridge on a store: two would give the same numbers to different deliveries.

    For SQLite the kernel's lock on a file beside the store, which ends with the process however that ends. For
    PostgreSQL an advisory lock, which ends with the connection.
    """

    def __init__(self, url: URL) -> None:
        self._url = url
        self._file = -1

    def take(self) -> None:
        """Lock the file beside an SQLite store. Raises: StoreError if another process has it, or there is no folder."""
        path = path_of(self._url)
        if path is None or self._file >= 0:
            return
        if not path.parent.is_dir():
            msg = f"{title(self._url)} cannot be used: there is no directory {path.parent}"
            raise StoreError(msg)
        if path.is_dir():
            msg = f"{title(self._url)} cannot be used: it is a directory"
            raise StoreError(msg)
        try:
            self._file = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._file, 0)
            os.write(self._file, b"%d\n" % os.getpid())
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # people's messages: nobody else's to read
        except BlockingIOError as error:
            holder = os.read(self._file, 20).decode(errors="replace").strip() or "unknown"
            self.release()
            msg = f"{title(self._url)} is in use by another process (pid {holder})"
            raise InUse(msg) from error
        except OSError as error:
            self.release()
            msg = f"{title(self._url)} cannot be used: {os.strerror(error.errno or 0)}"
            raise StoreError(msg) from error

    def take_server(self, connection: Connection) -> None:
        """Lock a PostgreSQL database for this connection. Raises: StoreError if another connection has it."""
        if connection.dialect.name != "postgresql":
            return
        taken = connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _POSTGRES_LOCK})
        connection.commit()
        if not taken:
            msg = f"{title(self._url)} is in use by another process"
            raise InUse(msg)

    def release(self) -> None:
        """Give it back; the file stays, for removing it would let two processes lock two files."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def head() -> str:
    """Return the newest revision that this program knows."""
    return HEAD


def revision(connection: Connection) -> str | None:
    """Return the revision of an open store, None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return None if found is None else str(found)


def migrate(connection: Connection, url: URL) -> None:
    """Bring an open store to :func:`head`, whole or not at all. Raises: StoreError for a newer one."""
    found = revision(connection)
    connection.rollback()
    if found == HEAD:
        return
    from bridge.storage import schema  # noqa: PLC0415 - Alembic costs 12 MB and 0.2 s, and most starts need none of it

    if found is not None and found not in schema.revisions():
        msg = f"{title(url)} has revision {found}, which this program (knows up to {HEAD}) does not know"
        raise StoreError(msg)
    schema.upgrade(connection)


def damage(connection: Connection, path: Path | None, *, limit: int | None = None) -> str:
    """Read an SQLite file of up to ``limit`` bytes whole; return what is wrong with it, "" if nothing or not looked."""
    if path is None or (limit is not None and path.stat().st_size > limit):
        return ""
    found = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())
    connection.rollback()
    return "" if found == "ok" else "the file is damaged"


def ready(engine: Engine, url: URL, claim: Claim) -> Connection:
    """Connect as the only one, to a store that is whole and up to date. Raises: StoreError with one sentence."""
    claim.take()
    with sentences(url), contextlib.ExitStack() as on_error:
        connection = on_error.enter_context(engine.connect())
        claim.take_server(connection)
        if trouble := damage(connection, path_of(url), limit=_THOROUGH):
            msg = f"{title(url)} cannot be used: {trouble}"
            raise StoreError(msg)
        migrate(connection, url)
        on_error.pop_all()
        return connection


def upgrade(url: str) -> None:
    """Bring a store to :func:`head`; makes it if there is none. Raises: StoreError."""
    parsed = parse(url)
    claim = Claim(parsed)
    try:
        ready(engine_for(parsed), parsed, claim).close()
    finally:
        claim.release()


@contextlib.contextmanager
def _looking(url: URL) -> Iterator[Connection]:
    path = path_of(url)
    if path is not None and not path.is_file():
        msg = f"{title(url)} does not exist"
        raise StoreError(msg)
    with sentences(url), engine_for(url).connect() as connection:
        yield connection


def current(url: str) -> str | None:
    """Return the revision of a store, None for an empty one. Raises: StoreError."""
    with _looking(parse(url)) as connection:
        return revision(connection)


def look(url: str, what: Callable[[Connection], list[str]]) -> list[str]:
    """Return what somebody sees in a store that is there. Raises: StoreError."""
    with _looking(parse(url)) as connection:
        return what(connection)


def check(url: str) -> list[str]:
    """Return what is wrong with a store, one sentence each: its file, its revision, its tables and rows. Raises: StoreError."""
    parsed = parse(url)
    with _looking(parsed) as connection:
        if trouble := damage(connection, path_of(parsed)):
            return [trouble]
        found = revision(connection)
        if found != HEAD:
            return [f"the store has revision {found or 'none'}, the program has {HEAD}"]
        from bridge.storage import schema  # noqa: PLC0415 - as in migrate

        return [*schema.differences(connection), *_orphans(connection)]


def _orphans(connection: Connection) -> list[str]:
    """Return which rows of an SQLite file refer to rows that are not there; a server looks by itself."""
    if connection.dialect.name != "sqlite":
        return []
    found = Counter((table, parent) for table, _, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"))
    return [f"{table} has rows ({count}) whose {parent} are not there" for (table, parent), count in found.items()]
