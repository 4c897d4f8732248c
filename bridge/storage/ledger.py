"""What a batch of writes becomes: one transaction, and on SQLite mostly one row of it.

The hot writes (:data:`bridge.storage.writes.Hot`) are noted in the daybook, as they are: one row at the end of a small table. With
that they are durable. What has gathered there is entered in the tables by the thousand, or when anybody asks for
anything: then it costs less than half, for pages of indexes are written once for many rows, and what was sent meanwhile
needs no row in the outbox. A bridge that was killed finds its daybook when it is back.

An :class:`Ask` (every read, every rare write) runs in its place, behind what was called before it and in the same transaction, so that it
sees that and nothing else. PostgreSQL has no daybook: it refuses values that SQLite takes, which must be known before
anything is called durable.

Used in the writer's thread alone (:mod:`bridge.storage.writer`), which says when it is time to enter; knows no thread, no
loop and no retry. What the rows are is :mod:`bridge.storage.page`'s.
"""

import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from sqlalchemy import Connection, PoolProxiedConnection, func, select
from sqlalchemy.exc import SQLAlchemyError

from bridge.engine.ports import Queued, StoreError
from bridge.storage import queries, tables
from bridge.storage.database import worth_another_try
from bridge.storage.page import Page
from bridge.storage.rows import Rooms, pack
from bridge.storage.statements import Statements, compiled
from bridge.storage.writes import Ask, Hot, Write

MOST: Final = 3000
"""Writes in the daybook at which it is full."""
HEAVIEST: Final = 4 << 20
"""Bytes in it at which it is full."""
LARGEST: Final = 1 << 20
"""Bytes of one row of it; larger batches are entered at once."""

_log = logging.getLogger(__name__)


class Ledger:
    """What the rows refer to between transactions: the numbers of rooms, facts and deliveries; and what is noted only."""

    def __init__(self) -> None:
        self.rooms = Rooms()
        self.last_seq = 0
        self._last_fact = 0
        self._statements: Statements | None = None
        self._driver: Any = None  # SQLite's, which has a daybook
        self._noted: list[Hot] = []
        self._rows = 0  # in the daybook; the last one's number
        self._bytes = 0  # noted
        self._doubted = False  # whether something that was noted may be at fault

    @property
    def has_noted(self) -> bool:
        """Whether something is in the daybook, and not in the tables."""
        return bool(self._noted)

    def is_full(self, most: int = MOST) -> bool:
        """Return whether so much is in the daybook, this many writes or too many bytes, that it has to be entered."""
        return len(self._noted) >= most or self._bytes >= HEAVIEST

    def load(self, connection: Connection) -> None:
        """Read where an earlier process, or an earlier connection, left off."""
        self._statements = compiled(connection.dialect)
        self._driver = connection.connection.driver_connection if connection.dialect.name == "sqlite" else None
        self.rooms.load(connection)
        self.last_seq = max(self.last_seq, queries.last_seq(connection))
        self._last_fact = connection.scalar(select(func.max(tables.journal.c.id))) or 0
        self._rows, self._noted = queries.noted(connection)
        self._doubted = bool(self._noted)  # nobody is left to be told if it cannot be entered
        connection.rollback()

    def transact(self, connection: Connection, writes: Sequence[Write]) -> list[object]:
        """Do all of this or nothing; returns an outcome for each. Raises: whatever the database or its driver does.

        Without writes, what is noted is entered.
        """
        if self._doubted:
            self._salvage(connection, self._noted)
            self._noted, self._bytes, self._doubted = [], 0, False
        if writes and self._driver is not None and self._note(connection, writes):
            return [None] * len(writes)
        outcomes = self._commit(connection, [*self._noted, *writes], clears=bool(self._rows))[len(self._noted) :]
        self._noted, self._bytes, self._rows = [], 0, 0
        return outcomes

    def doubt(self) -> bool:
        """Take note that a transaction failed by a value; returns whether it may have been one that was noted before."""
        self._doubted = bool(self._noted)
        return self._doubted

    def _note(self, connection: Connection, writes: Sequence[Write]) -> bool:
        """Write these into the daybook, in a transaction; returns False where that is not the place for them."""
        assert self._statements is not None, "load() comes first"
        hot = [write for write in writes if not isinstance(write, Ask)]
        if len(hot) < len(writes):
            return False
        note = pack(hot)
        if len(note) > LARGEST:
            return False
        driver = self._driver
        try:
            driver.execute(self._statements.note, (self._rows + 1, note))
            driver.commit()
        except BaseException:
            _undo(connection)
            raise
        self._rows += 1
        self._bytes += len(note)
        self._noted += hot
        return True

    def _commit(self, connection: Connection, writes: Sequence[Write], *, clears: bool = False) -> list[object]:
        """Enter writes in the tables, in one transaction, which may clear the daybook."""
        last_fact = self._last_fact
        try:
            outcomes = self._enter(connection, writes)
            if clears:
                queries.clear(connection)
            _whole(connection).commit()
        except BaseException:
            self._last_fact = last_fact
            self.rooms.drop()
            _undo(connection)
            raise
        self.rooms.keep()
        return outcomes

    def _enter(self, connection: Connection, writes: Sequence[Write]) -> list[object]:
        assert self._statements is not None, "load() comes first"
        page = Page(self, connection, self._statements)
        outcomes: list[object] = []
        for write in writes:
            if isinstance(write, Ask):
                page.write()
                outcomes.append(_ask(connection, write))
            else:
                page.add(write)
                outcomes.append(None)
        page.write()
        return outcomes

    def _salvage(self, connection: Connection, writes: Sequence[Hot]) -> None:
        """Enter what was noted, but for what cannot be: it was told to be durable, and here nobody is left to tell."""
        try:
            self._commit(connection, writes)
        except Exception as fault:
            if worth_another_try(fault, connection.dialect):
                raise
            if half := len(writes) // 2:
                self._salvage(connection, writes[:half])
                self._salvage(connection, writes[half:])
                return
            _log.error("a %s that was noted cannot be stored: %s", type(writes[0]).__name__, type(fault).__name__)
            _log.debug("because of", exc_info=fault)

    def next_facts(self, count: int) -> range:
        """Return numbers for so many new facts."""
        first = self._last_fact + 1
        self._last_fact += count
        return range(first, first + count)

    def count(self, queued: Sequence[Queued]) -> int:
        """Take note of the numbers of deliveries; returns the highest that there ever was."""
        last = self.last_seq
        for each in queued:
            if each.seq > last:
                last = self.last_seq = each.seq
        return last


def enter(connection: Connection) -> None:
    """Enter what a bridge that was killed had noted. Raises: what :meth:`Ledger.transact` does."""
    ledger = Ledger()
    ledger.load(connection)
    ledger.transact(connection, ())


def _whole(connection: Connection) -> Connection | PoolProxiedConnection:
    """Return what ends a transaction: the driver itself where SQLAlchemy has not noticed one, which saves as much as a row costs."""
    return connection if connection.in_transaction() else connection.connection


def _undo(connection: Connection) -> None:
    """End a transaction that failed, for SQLAlchemy and for the driver: after a COMMIT that failed, each takes it for the other's."""
    with suppress(SQLAlchemyError, connection.dialect.loaded_dbapi.Error):
        connection.rollback()
    if not connection.invalidated:  # else this would be another connection
        with suppress(SQLAlchemyError, connection.dialect.loaded_dbapi.Error):
            connection.connection.rollback()


def _ask(connection: Connection, ask: Ask) -> object:
    try:
        return ask.call(connection)
    except StoreError as refusal:
        return refusal
