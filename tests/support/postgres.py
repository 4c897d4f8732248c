"""A real PostgreSQL for tests: its own cluster in its own folder, on a free port of loopback, with a password.

Not installed means a failed test that names the Debian package, never a skipped one. As root it runs as an unprivileged
user, for PostgreSQL refuses anything else. Durability is off: it is thrown away.
"""

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg

from bridge.demo.processes import Server, StartError, free_port

PASSWORD = "correct horse"
USER = "linkspan"


def _folder_of_programs() -> Path:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    if installed:
        return installed[-1].parent
    if on_path:
        return Path(on_path).parent
    msg = "PostgreSQL is not installed; it comes with the package postgresql: apt-get install postgresql"
    raise StartError(msg)


class Postgres(Server):
    """One cluster; every test takes a database of its own."""

    name = "postgres"

    def __init__(self) -> None:
        super().__init__()
        self.port = free_port()
        self._programs = _folder_of_programs()
        self._data = self.folder / "data"
        self._numbers = itertools.count(1)

    def _as_nobody_special(self) -> list[str]:
        if os.geteuid() != 0:
            return []
        names = {entry.pw_name for entry in pwd.getpwall()}
        user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
        os.chown(self.folder, user.pw_uid, user.pw_gid)
        return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]

    def command(self) -> Sequence[str]:
        prefix = self._as_nobody_special()
        if not self._data.exists():
            secret = self.folder / "password"
            secret.write_text(PASSWORD)
            initdb = [str(self._programs / "initdb"), "-D", str(self._data), "-U", USER, f"--pwfile={secret}"]
            options = ["-A", "scram-sha-256", "-E", "UTF8", "--no-locale", "--no-sync"]
            subprocess.run([*prefix, *initdb, *options], check=True, capture_output=True, cwd=self.folder)
        settings = {
            "fsync": "off",
            "full_page_writes": "off",
            "synchronous_commit": "off",
            "shared_buffers": "16MB",
            "max_connections": "20",
            "autovacuum": "off",
        }
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        where = ["-D", str(self._data), "-p", str(self.port), "-h", "127.0.0.1", "-k", str(self.folder)]
        return [*prefix, str(self._programs / "postgres"), *where, *options]

    async def ready(self) -> bool:
        try:
            self.run("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def url(self, database: str = "postgres", *, password: str = PASSWORD) -> str:
        """Return what the configuration would say."""
        return f"postgresql://{USER}:{password.replace(' ', '%20')}@127.0.0.1:{self.port}/{database}"

    def run(self, statement: str) -> None:
        """Run a statement as the owner of everything."""
        with psycopg.connect(self.url(), autocommit=True, connect_timeout=2) as connection:
            connection.execute(statement.encode())

    def new_database(self, *, like: str = "template0") -> str:
        """Make a database, empty or the copy of another, and return its URL."""
        name = f"test{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {like}")
        return self.url(name)

    @contextlib.contextmanager
    def locking(self, table: str, *, database: str) -> Iterator[None]:
        """Make everybody wait who touches a table of a database."""
        with psycopg.connect(self.url(database)) as connection:
            connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
            yield

    def disconnect_all(self) -> None:
        """End every session but this one, as a restart would."""
        self.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname <> ''"
        )

    async def stop(self, *, patience: float = 10.0) -> None:
        """Stop without waiting for clients to go."""
        await self._end(signal.SIGINT, patience)
