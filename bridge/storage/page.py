"""A page: hot writes on their way into the tables, sorted by table, a handful of statements for any number of them.

That keeps what their order means, for facts are kept before what happens to their deliveries. A delivery that arrived on
the page on which it was journalled never gets a row in the outbox. Used by :mod:`bridge.storage.ledger`, which counts facts
and deliveries.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, Final, Protocol, assert_never

from msgspec.structs import astuple
from sqlalchemy import Connection, select, update

from bridge.core.deliveries import Sent
from bridge.core.events import DirectPosted, MessageEdited, MessagePosted, MessageRetracted, Said
from bridge.core.ids import DeliveryKey, MessageRef, Person
from bridge.engine.ports import ArchivedLine, Known, Queued
from bridge.storage import queries, tables
from bridge.storage.rows import Rooms, indexed, pack, part_of
from bridge.storage.rules import subject
from bridge.storage.statements import Insert, Statements
from bridge.storage.tables import ALIAS, OWN
from bridge.storage.writes import Hot, Journal, Keep, Met, Postpone, Remember, Settle

_Row = tuple[object, ...]
_MESSAGES: Final = (MessagePosted, DirectPosted)
_CHANGES: Final = (MessageEdited, MessageRetracted)


class Numbers(Protocol):
    """Who gives rooms and facts their numbers, and knows the highest of a delivery: the ledger."""

    rooms: Rooms

    def next_facts(self, count: int) -> range:
        """Return numbers for so many new facts."""

    def count(self, queued: Sequence[Queued]) -> int:
        """Take note of the numbers of deliveries; returns the highest that there ever was."""


class Page:
    """Hot writes, sorted by table."""

    def __init__(self, numbers: Numbers, connection: Connection, statements: Statements) -> None:
        self._numbers = numbers
        self._rooms = numbers.rooms
        self._connection = connection
        self._cursor: Any = connection.connection.cursor()  # SQLAlchemy's own execute is 20 µs dearer
        self._statements = statements
        self._facts: list[Journal] = []
        self._postponed: list[_Row] = []
        self._settled: dict[DeliveryKey, Sent] = {}
        self._people: dict[Person, Known] = {}
        self._texts: dict[tuple[str, str], str] = {}
        self._lines: list[ArchivedLine] = []

    def add(self, write: Hot) -> None:
        """Put a write on the page."""
        match write:
            case Journal(event=event):
                # A change is alone on its page, for what it changes may be on the one before.
                change = isinstance(event, _CHANGES)
                if change:
                    self.write()
                self._facts.append(write)
                if change:
                    self.write()
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
            self._insert(statements.line, [astuple(line) for line in self._lines])
        for rows in (self._facts, self._postponed, self._settled, self._people, self._texts, self._lines):
            rows.clear()

    def _run(self, statement: str, rows: Sequence[_Row]) -> int:
        """Run a statement for each of the rows; returns how many it changed."""
        if not rows:
            return 0
        if len(rows) == 1:
            self._cursor.execute(statement, rows[0])
        else:
            self._cursor.executemany(statement, rows)
        return int(self._cursor.rowcount)

    def _insert(self, insert: Insert, rows: Sequence[_Row]) -> int:
        """Insert rows, as many as possible with each statement; returns how many were new."""
        done = changed = 0
        for size, statement in insert.many:
            while len(rows) - done >= size:
                self._cursor.execute(statement, tuple(chain.from_iterable(rows[done : done + size])))
                changed += self._cursor.rowcount
                done += size
        return changed + self._run(insert.one, rows[done:])

    def _write_facts(self) -> None:
        statements = self._statements
        numbered = list(zip(self._numbers.next_facts(len(self._facts)), self._facts, strict=True))
        rows = [self._fact(number, fact) for number, fact in numbered]
        self._run(statements.room, self._rooms.unwritten())
        if self._insert(statements.fact, rows) < len(rows):
            numbered = self._without_repeats(numbered)
        self._insert(statements.name, [row for number, fact in numbered for row in self._names(number, fact.event)])
        copies: list[_Row] = []
        waiting: list[_Row] = []
        for number, fact in numbered:
            self._deliver(number, fact, copies, waiting)
        self._run(statements.room, self._rooms.unwritten())
        self._insert(statements.name, copies)
        self._insert(statements.delivery, waiting)
        for _, fact in numbered:
            self._change(fact.event)

    def _without_repeats(self, facts: list[tuple[int, Journal]]) -> list[tuple[int, Journal]]:
        column = tables.journal.c.id
        kept = set(self._connection.scalars(select(column).where(column.between(facts[0][0], facts[-1][0]))))
        return [(number, fact) for number, fact in facts if number in kept]

    def _fact(self, number: int, fact: Journal) -> _Row:
        event = fact.event
        origin = event.origin
        room = self._rooms.number(origin.room)
        seq = self._numbers.count(fact.queued)
        if not isinstance(event, _MESSAGES):
            return (number, room, origin.key, origin.at, seq, None, None, None)
        own_id = None if str(event.id) == origin.key else event.id
        return (number, room, origin.key, origin.at, seq, own_id, pack(event.sender), pack(event.content))

    def _names(self, number: int, event: Said) -> Sequence[_Row]:
        """Return what a message is called beside its key."""
        if not isinstance(event, _MESSAGES):
            return ()
        aliases = event.aliases if isinstance(event, MessagePosted) else ()
        has_key = str(event.id) == event.origin.key
        if has_key and not aliases:
            return ()
        room = self._rooms.number(event.origin.room)
        rows: list[_Row] = [(room, indexed(alias), number, ALIAS) for alias in aliases if alias != event.id]
        if not has_key:
            rows.append((room, indexed(event.id), number, OWN))
        return rows

    def _deliver(self, number: int, fact: Journal, copies: list[_Row], waiting: list[_Row]) -> None:
        """Add the names of copies that have arrived, and the rows of deliveries that have not."""
        event = fact.event
        own = MessageRef(event.origin.room, event.id) if isinstance(event, _MESSAGES) else None
        for queued in fact.queued:
            delivery = queued.delivery
            key, ref, part = delivery.head.key, subject(delivery), part_of(delivery)
            message = None
            if ref is not None:
                message = number if ref == own else queries.number_of(self._connection, self._rooms, ref)
            room = self._rooms.number(delivery.head.room)
            sent = self._settled.pop(key, None)
            if sent is None:
                attempt = (queued.attempts, queued.due, queued.reason, pack(delivery))
                waiting.append((queued.seq, key, room, number, message, part, *attempt))
            elif message is not None and part is not None:
                copies += _parts(room, sent, message, part)

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


def _parts(room: int, sent: Sent, message: int, part: int) -> Iterable[_Row]:
    """Return the names of a copy, numbered unless they are aliases."""
    if len(sent.ids) == 1:
        return ((room, sent.ids[0], message, part),)
    return ((room, name, message, part if part < 0 else each) for each, name in enumerate(dict.fromkeys(sent.ids)))
