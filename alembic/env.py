"""How Alembic reaches the store: over the connection that the program hands in, or by itself from a shell.

In a checkout: ``alembic -x url=sqlite:///linkspan.db upgrade head``, or with the URL in ``LINKSPAN_STORE_URL``.
"""

import os

from alembic import context
from sqlalchemy import Connection

from bridge.storage.database import Claim, engine_for, parse
from bridge.storage.schema import one_transaction
from bridge.storage.tables import metadata

OFFLINE = "sqlite://"


def store_url() -> str:
    url = context.get_x_argument(as_dictionary=True).get("url") or os.environ.get("LINKSPAN_STORE_URL")
    if url or context.is_offline_mode():
        return url or OFFLINE
    message = "which store? alembic -x url=sqlite:///linkspan.db … or LINKSPAN_STORE_URL=…"
    raise SystemExit(message)


def run_on(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_type=True,
        compare_server_default=True,
        render_as_batch=True,  # SQLite cannot alter a table: it is copied
        transactional_ddl=True,  # one transaction for all, on SQLite too: one_transaction begins it
    )
    with context.begin_transaction():
        context.run_migrations()


def run_from_shell() -> None:
    url = parse(store_url())
    if context.is_offline_mode():
        context.configure(url=url, target_metadata=metadata, literal_binds=True)
        with context.begin_transaction():
            context.run_migrations()
        return
    claim = Claim(url)
    claim.take()
    try:
        with engine_for(url).connect() as connection:
            claim.take_server(connection)
            with one_transaction(connection):
                run_on(connection)
    finally:
        claim.release()


given = context.config.attributes.get("connection")
if given is None:
    run_from_shell()
else:
    run_on(given)
