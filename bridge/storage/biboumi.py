"""What the database of a biboumi holds, read and nothing else: its tables, as release 9 makes them on SQLite and PostgreSQL.

The columns that older releases lack are taken for empty. What becomes of it all is decided in :mod:`bridge.biboumi`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, create_engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from bridge.engine.ports import StoreError
from bridge.storage import database


class Heard(msgspec.Struct, frozen=True):
    """A message of a channel, as one user got it."""

    owner: str  # bare JID
    at: int  # seconds since the epoch
    nick: str
    body: str
    id: str


class ServerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a user wants to be on an IRC server."""

    owner: str
    server: str
    address: str = ""  # where it really is, if not under its name
    nick: str = ""
    username: str = ""
    realname: str = ""
    password: str = ""
    sasl_password: str = ""
    encoding_in: str = ""
    encoding_out: str = ""
    commands: tuple[str, ...] = ()


class ChannelOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a user wants to be in a channel."""

    owner: str
    server: str
    channel: str
    persistent: bool = False


class Source:
    """An open database of a biboumi."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._tables = set(inspect(connection).get_table_names())

    @property
    def is_biboumi(self) -> bool:
        """Whether this is what it is taken for."""
        return {"muclogline_", "ircserveroptions_", "ircchanneloptions_"} <= self._tables

    def channels(self) -> list[tuple[str, str]]:
        """Return the servers and channels that have an archive."""
        return [
            (row[0], row[1])
            for row in self._connection.execute(
                text(
                    "SELECT DISTINCT ircservername_, ircchanname_ FROM muclogline_"
                    " WHERE ircservername_ IS NOT NULL AND ircchanname_ IS NOT NULL"
                    " ORDER BY ircservername_, ircchanname_"
                )
            )
        ]

    def heard(self, server: str, channel: str) -> Iterator[Heard]:
        """Return what was said in a channel, user by user, in the order in which each of them got it."""
        rows = self._connection.execute(
            text(
                "SELECT owner_, date_, nick_, body_, uuid_ FROM muclogline_"
                " WHERE ircservername_ = :server AND ircchanname_ = :channel ORDER BY owner_, id_"
            ),
            {"server": server, "channel": channel},
        )
        for owner, at, nick, body, id_ in rows:
            yield Heard(owner or "", int(at or 0), nick or "", body or "", id_ or "")

    def servers(self) -> list[ServerOptions]:
        """Return what users want of servers."""
        commands: dict[Any, list[str]] = {}
        for row in self._rows("after_connection_commands_"):
            commands.setdefault(row.get("fk_"), []).append(_text(row, "afterconnectioncommand_"))
        return [
            ServerOptions(
                owner=_text(row, "owner_"),
                server=_text(row, "server_").lower(),
                address=_text(row, "address_").lower(),
                nick=_text(row, "nick_"),
                username=_text(row, "username_"),
                realname=_text(row, "realname_"),
                password=_text(row, "pass_"),
                sasl_password=_text(row, "saslpassword_"),
                encoding_in=_text(row, "encodingin_"),
                encoding_out=_text(row, "encodingout_"),
                commands=tuple(filter(None, commands.get(row["id_"], ()))),
            )
            for row in self._rows("ircserveroptions_")
        ]

    def channel_options(self) -> list[ChannelOptions]:
        """Return what users want of channels."""
        return [
            ChannelOptions(
                owner=_text(row, "owner_"),
                server=_text(row, "server_").lower(),
                channel=_text(row, "channel_"),
                persistent=bool(row.get("persistent_")),
            )
            for row in self._rows("ircchanneloptions_")
        ]

    def persistent(self) -> set[str]:
        """Return the users who stay in every channel."""
        return {_text(row, "owner_") for row in self._rows("globaloptions_") if row.get("persistent_")}

    def _rows(self, table: str) -> list[dict[str, Any]]:
        if table not in self._tables:
            return []
        found = self._connection.execute(text(f"SELECT * FROM {table} ORDER BY id_"))  # noqa: S608 - one of four names
        return [{name.lower(): value for name, value in row.items()} for row in found.mappings()]


@contextmanager
def opened(place: str) -> Iterator[Source]:
    """Open a database for reading: the path of an SQLite file, or a PostgreSQL URL. Raises: StoreError, in one sentence."""
    name = "the database" if "://" in place else place
    try:
        with _engine(place).connect() as connection:
            source = Source(connection)
            if not source.is_biboumi:
                msg = f"{name} is no database of a biboumi: it has none of its tables"
                raise StoreError(msg)
            yield source
    except SQLAlchemyError as error:
        msg = f"{name} cannot be read: {getattr(error, 'orig', None) or error}"
        raise StoreError(msg.splitlines()[0]) from None


def _engine(place: str) -> Engine:
    if "://" in place:
        return database.engine_for(database.parse(place))
    return create_engine(
        f"sqlite:///file:{place.replace('%', '%25').replace('?', '%3f').replace('#', '%23')}?mode=ro&uri=true",
        poolclass=NullPool,
        hide_parameters=True,
    )


def _text(row: dict[str, Any], name: str) -> str:
    return str(row.get(name) or "").strip()
