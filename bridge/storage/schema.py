"""The migrations, driven by Alembic without an ini file.

Called by :mod:`bridge.storage.database` alone, and imported only when there is something to migrate or to compare.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from bridge.storage.tables import metadata


def scripts() -> Path:
    """Return the folder of the migrations: inside an installed package, else beside ``bridge`` in a checkout."""
    here = Path(__file__).resolve()
    installed = here.parent / "migrations"
    return installed if installed.is_dir() else here.parents[2] / "alembic"


def config(connection: Connection | None = None) -> Config:
    """Return a configuration that works on an open connection."""
    made = Config()
    made.set_main_option("script_location", str(scripts()).replace("%", "%%"))
    made.attributes["connection"] = connection
    return made


def revisions() -> list[str]:
    """Return the revisions that this program knows, newest first."""
    return [script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()]


def upgrade(connection: Connection, target: str = "head") -> None:
    """Bring a store up to a revision, in one transaction."""
    with one_transaction(connection):
        command.upgrade(config(connection), target)


def downgrade(connection: Connection, target: str = "base") -> None:
    """Bring a store down to a revision, in one transaction; what the older one has no place for is lost."""
    with one_transaction(connection):
        command.downgrade(config(connection), target)


@contextlib.contextmanager
def one_transaction(connection: Connection) -> Iterator[None]:
    """Make all that happens inside one transaction, on SQLite too; an exception leaves it for the caller to end."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # the driver by itself would commit every CREATE alone
    yield
    connection.commit()


def differences(connection: Connection) -> list[str]:
    """Return how the tables differ from what this program would make, one sentence each."""
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    changes: list[Any] = compare_metadata(context, metadata)
    return [_sentence(change) for each in changes for change in (each if isinstance(each, list) else [each])]


def _sentence(change: tuple[Any, ...]) -> str:
    verb, *subjects = change
    names = [each if isinstance(each, str) else getattr(each, "name", None) for each in subjects]
    return f"{str(verb).replace('_', ' ')}: {' '.join(str(name) for name in names if name)}"
