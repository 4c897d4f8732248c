"""Writes, and the one transaction that a batch of them becomes.

The hot ones (:class:`Journal`, :class:`Settle`, :class:`Postpone`, :class:`Remember`, :class:`Met`, :class:`Keep`) are collected on a
page and go to the database table by table: a handful of statements for a batch of any size. That keeps what their
order means, for facts are kept before what happens to their deliveries. An :class:`Ask` (every read, every rare write)
runs in its place between two pages, so that it sees what was called before it and nothing else.

Used in the writer's thread alone (:mod:`bridge.storage.writer`); knows no thread, no loop and no retry.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import assert_never

import msgspec
from msgspec.structs import astuple
from sqlalchemy import Connection, PoolProxiedConnection, func, select, update
from sqlalchemy.exc import SQLAlchemyError

from bridge.core.deliveries import Sent
from bridge.core.events import DirectPosted, MessageEdited, MessagePosted, MessageRetracted, Said
from bridge.core.ids import DeliveryKey, MessageRef, Network, Person
from bridge.engine.ports import ArchivedLine, Known, Queued, StoreError
from bridge.storage import queries, tables
from bridge.storage.rows import Rooms, indexed, pack, part_of
from bridge.storage.rules import subject
from bridge.storage.statements import Statements, compiled
from bridge.storage.tables import ALIAS, OWN


class Journal(msgspec.Struct, frozen=True):
    """A fact with its deliveries."""

    event: Said
    queued: tuple[Queued, ...]


class Settle(msgspec.Struct, frozen=True):
    """A delivery that arrived."""

    key: DeliveryKey
    sent: Sent


class Postpone(msgspec.Struct, frozen=True):
    """A delivery that has to wait."""

    queued: Queued


class Remember(msgspec.Struct, frozen=True):
    """A connector's small text."""

    network: Network
    name: str
    value: str


class Met(msgspec.Struct, frozen=True):
    """A person's name and last words."""

    known: Known


class Keep(msgspec.Struct, frozen=True):
    """What was said in hosted rooms; what is kept already stays as it is."""

    lines: Sequence[ArchivedLine]


class Ask(msgspec.Struct, frozen=True):
    """Anything else: called with the connection, inside the transaction, maybe more than once.

    What it returns is its outcome; so is a StoreError that it raises, which it may only do before it writes.
    """

    call: Callable[[Connection], object]
    reads: bool = True  # False: it writes


Write = Journal | Settle | Postpone | Remember | Met | Keep | Ask


class Ledger:
    """What the rows refer to between transactions: the numbers of rooms, facts and deliveries."""

    def __init__(self) -> None:
        self.rooms = Rooms()
        self.last_seq = 0
        self._last_fact = 0
        self._statements: Statements | None = None

    def load(self, connection: Connection) -> None:
        """Read where an earlier process, or an earlier connection, left off."""
        self._statements = compiled(connection.dialect)
        self.rooms.load(connection)
        self.last_seq = max(self.last_seq, queries.last_seq(connection))
        self._last_fact = connection.scalar(select(func.max(tables.journal.c.id))) or 0
        connection.rollback()

    def transact(self, connection: Connection, writes: Sequence[Write]) -> list[object]:
        """Do all of this or nothing; returns an outcome for each. Raises: whatever the database or its driver does."""
        last_fact = self._last_fact
        try:
            outcomes = self._enter(connection, writes)
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
        page = _Page(self, connection, self._statements)
        outcomes: list[object] = []
        for write in writes:
            if isinstance(write, Ask):
                page.write()
                outcomes.append(_ask(connection, write))
                continue
            # A change is alone on its page, for what it changes may be on the one before.
            change = isinstance(write, Journal) and isinstance(write.event, MessageEdited | MessageRetracted)
            if change:
                page.write()
            page.add(write)
            if change:
                page.write()
            outcomes.append(None)
        page.write()
        return outcomes

    def next_facts(self, count: int) -> range:
        """Return numbers for so many new facts."""
        first = self._last_fact + 1
        self._last_fact += count
        return range(first, first + count)

    def count(self, queued: Sequence[Queued]) -> int:
        """Take note of the numbers of deliveries; returns the highest that there ever was."""
        for each in queued:
            self.last_seq = max(self.last_seq, each.seq)
        return self.last_seq


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


class _Page:
    """Hot writes, sorted by table, on their way to the driver."""

    def __init__(self, ledger: Ledger, connection: Connection, statements: Statements) -> None:
        self._ledger = ledger
        self._rooms = ledger.rooms
        self._connection = connection
        self._cursor = connection.connection.cursor()  # SQLAlchemy's own execute is 20 µs dearer: half of a lone write
        self._statements = statements
        self._facts: list[Journal] = []
        self._postponed: list[tuple[int, int, str, bytes, str]] = []
        self._settled: dict[DeliveryKey, Sent] = {}
        self._people: dict[Person, Known] = {}
        self._texts: dict[tuple[str, str], str] = {}
        self._lines: list[ArchivedLine] = []

    def add(self, write: Journal | Settle | Postpone | Remember | Met | Keep) -> None:
        match write:
            case Journal():
                self._facts.append(write)
            case Settle(key=key, sent=sent):
                self._settled.setdefault(key, sent)
            case Postpone(queued=queued):
                delivery = queued.delivery
                self._postponed.append((queued.attempts, queued.due, queued.reason, pack(delivery), delivery.head.key))
            case Remember(network=network, name=name, value=value):
                self._texts[network, name] = value
            case Met(known=known):
                before = self._people.get(known.person, known)  # once in a batch, for PostgreSQL's sake
                spoke = max(before.spoke, known.spoke)
                self._people[known.person] = Known(person=known.person, name=known.name, spoke=spoke)
            case Keep(lines=lines):
                self._lines += lines
            case _:
                assert_never(write)

    def write(self) -> None:
        """Send it all to the database, and begin an empty page."""
        statements = self._statements
        if self._facts:
            self._write_facts()
        self._run(statements.postpone, self._postponed)
        if self._settled:
            arrived = self._settled.items()
            parts = [(name, part, key) for key, sent in arrived for part, name in enumerate(dict.fromkeys(sent.ids))]
            self._run(statements.copy, parts)
            self._run(statements.settle, [(key,) for key in self._settled])
        if self._people:
            met = self._people.values()
            self._run(statements.person, [(who.person.network, who.person.id, who.name, who.spoke) for who in met])
        if self._texts:
            self._run(statements.memory, [(*name, value) for name, value in self._texts.items()])
        if self._lines:
            self._run(statements.line, [astuple(line) for line in self._lines])
        for rows in (self._facts, self._postponed, self._settled, self._people, self._texts, self._lines):
            rows.clear()

    def _run(self, statement: str, rows: Sequence[tuple[object, ...]]) -> int:
        """Run a statement for each of the rows; returns how many it changed."""
        if not rows:
            return 0
        if len(rows) == 1:
            self._cursor.execute(statement, rows[0])
        else:
            self._cursor.executemany(statement, rows)
        return self._cursor.rowcount

    def _write_facts(self) -> None:
        statements = self._statements
        numbered = list(zip(self._ledger.next_facts(len(self._facts)), self._facts, strict=True))
        rows = [self._fact(number, fact) for number, fact in numbered]
        self._run(statements.room, self._rooms.unwritten())
        if self._run(statements.fact, rows) < len(rows):
            numbered = self._without_repeats(numbered)
        names = [row for number, fact in numbered for row in self._names(number, fact.event)]
        self._run(statements.name, names)
        deliveries = [row for number, fact in numbered for row in self._deliveries(number, fact)]
        self._run(statements.room, self._rooms.unwritten())
        self._run(statements.delivery, deliveries)
        for _, fact in numbered:
            self._change(fact.event)

    def _without_repeats(self, facts: list[tuple[int, Journal]]) -> list[tuple[int, Journal]]:
        column = tables.journal.c.id
        kept = set(self._connection.scalars(select(column).where(column.between(facts[0][0], facts[-1][0]))))
        return [(number, fact) for number, fact in facts if number in kept]

    def _fact(self, number: int, fact: Journal) -> tuple[object, ...]:
        event = fact.event
        origin = event.origin
        room = self._rooms.number(origin.room)
        seq = self._ledger.count(fact.queued)
        if not isinstance(event, MessagePosted | DirectPosted):
            return (number, room, origin.key, origin.at, seq, None, None, None)
        own_id = None if str(event.id) == origin.key else event.id
        return (number, room, origin.key, origin.at, seq, own_id, pack(event.sender), pack(event.content))

    def _names(self, number: int, event: Said) -> list[tuple[int, str, int, int]]:
        if not isinstance(event, MessagePosted | DirectPosted):
            return []
        room = self._rooms.number(event.origin.room)
        aliases = event.aliases if isinstance(event, MessagePosted) else ()
        rows = [(room, indexed(alias), number, ALIAS) for alias in aliases if alias != event.id]
        if str(event.id) != event.origin.key:
            rows.append((room, indexed(event.id), number, OWN))
        return rows

    def _deliveries(self, number: int, fact: Journal) -> list[tuple[object, ...]]:
        event = fact.event
        about: dict[MessageRef | None, int | None] = {None: None}
        if isinstance(event, MessagePosted | DirectPosted):
            about[MessageRef(event.origin.room, event.id)] = number
        return [self._delivery(queued, number, about) for queued in fact.queued]

    def _delivery(self, queued: Queued, event: int, about: dict[MessageRef | None, int | None]) -> tuple[object, ...]:
        delivery = queued.delivery
        ref = subject(delivery)
        if ref is not None and ref not in about:
            about[ref] = queries.number_of(self._connection, self._rooms, ref)
        room = self._rooms.number(delivery.head.room)
        attempt = (queued.attempts, queued.due, queued.reason, pack(delivery))
        return (queued.seq, delivery.head.key, room, event, about[ref], part_of(delivery), *attempt)

    def _change(self, event: Said) -> None:
        """Let an earlier message say what it says now; one that was taken back stays so."""
        match event:
            case MessageEdited(target=target, content=content):
                said: bytes | None = pack(content)
            case MessageRetracted(target=target):
                said = None
            case _:
                return
        found = queries.find(self._connection, self._rooms, event.origin.room, target)
        if found:
            column = tables.journal.c
            change = update(tables.journal).where(column.id == found.id, column.content.is_not(None))
            self._connection.execute(change, {"content": said})
