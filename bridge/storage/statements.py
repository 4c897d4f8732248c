"""The hot statements as text for the driver, compiled once per connection. Called by :mod:`bridge.storage.page`.

A batch is one ``executemany`` per text with plain tuples, a third of the CPU of the same through Core's ``execute`` and
dictionaries. On SQLite what is inserted by the hundred goes many rows to a statement: the driver lets go of the interpreter's
lock for every statement, and has to wait for it again. Every field below says in which order its tuples give their
values, and compiling checks it.
"""

from typing import Any, Final, NamedTuple

from sqlalchemy import Dialect, SmallInteger, Text, bindparam, case, delete, literal_column, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import UpdateBase

from bridge.engine.ports import ArchivedLine
from bridge.storage import tables
from bridge.storage.tables import ALIAS, OWN

_SIZES: Final = (64, 16, 4)
"""Rows of one statement, on SQLite."""


class Insert(NamedTuple):
    """Texts that insert so many rows each, most first, and one that inserts a single one."""

    many: tuple[tuple[int, str], ...]
    one: str


class Statements(NamedTuple):
    """Texts, each beside the order of its values."""

    note: str  # id, writes
    room: str  # id, network, name
    fact: Insert  # id, room, key, at, seq, own_id, sender, content
    name: Insert  # room, id, message, part
    delivery: Insert  # seq, key, room, event, message, part, attempts, due, reason, payload
    line: Insert  # as the fields of an ArchivedLine
    postpone: str  # attempts, due, reason, payload, key
    copy: str  # id, part, key
    settle: str  # key
    person: str  # network, id, name, spoke
    memory: str  # network, name, value


_KEY = bindparam("of", type_=Text)


def compiled(dialect: Dialect) -> Statements:
    """Return the statements in a database's own words."""

    def text(statement: UpdateBase, *order: str) -> str:
        made = statement.compile(dialect=dialect, column_keys=[name for name in order if name != "of"])
        assert made.positiontup == list(order), (made.positiontup, order)
        return str(made)

    def rows(statement: UpdateBase, *order: str) -> Insert:
        one = text(statement.prefix_with("OR FAIL", dialect="sqlite"), *order)
        row = f"({', '.join('?' * len(order))})"
        sizes = _SIZES if dialect.name == "sqlite" else ()
        assert not sizes or one.count(row) == 1, one
        return Insert(tuple((size, one.replace(row, ", ".join([row] * size))) for size in sizes), one)

    outbox = tables.outbox
    insert = _insert(dialect)
    delivery = insert(outbox).on_conflict_do_nothing(index_elements=["key"])
    fact = insert(tables.journal).on_conflict_do_nothing(index_elements=["room", "key"])
    line = insert(tables.archive).on_conflict_do_nothing()
    return Statements(
        note=text(insert(tables.daybook), "id", "writes"),
        room=text(insert(tables.rooms), "id", "network", "name"),
        fact=rows(fact, "id", "room", "key", "at", "seq", "own_id", "sender", "content"),
        name=rows(_gives_way(insert(tables.message_ids)), "room", "id", "message", "part"),
        delivery=rows(
            delivery, "seq", "key", "room", "event", "message", "part", "attempts", "due", "reason", "payload"
        ),
        line=rows(line, *ArchivedLine.__struct_fields__),
        postpone=text(update(outbox).where(outbox.c.key == _KEY), "attempts", "due", "reason", "payload", "of"),
        copy=text(_copy(insert(tables.message_ids)), "id", "part", "of"),
        settle=text(delete(outbox).where(outbox.c.key == _KEY), "of"),
        person=text(_person(insert(tables.people)), "network", "id", "name", "spoke"),
        memory=text(_memory(insert(tables.memory)), "network", "name", "value"),
    )


def _insert(dialect: Dialect) -> Any:
    # The two have the same methods but no common type that has them.
    return sqlite.insert if dialect.name == "sqlite" else postgresql.insert


def _gives_way(insert: Any) -> Any:
    """Let a new name replace an alias, and let a message's own id replace any: the same whatever order they come in."""
    ids, new = tables.message_ids, insert.excluded
    return insert.on_conflict_do_update(
        index_elements=["room", "id"],
        set_={"message": new.message, "part": new.part},
        where=or_(ids.c.part == literal_column(str(ALIAS)), new.part == literal_column(str(OWN))),
    )


def _copy(insert: Any) -> Any:
    """Name a part after what the outbox says of its delivery: one statement instead of a look and an insert."""
    outbox = tables.outbox.c
    part = case((outbox.part < literal_column("0"), outbox.part), else_=bindparam("part", type_=SmallInteger))
    found = select(outbox.room, bindparam("id", type_=Text), outbox.message, part)
    waiting = found.where(outbox.key == _KEY, outbox.message.is_not(None), outbox.part.is_not(None))
    return _gives_way(insert.from_select(["room", "id", "message", "part"], waiting))


def _person(insert: Any) -> Any:
    old, new = tables.people.c, insert.excluded
    latest = case((new.spoke > old.spoke, new.spoke), else_=old.spoke)
    return insert.on_conflict_do_update(index_elements=["network", "id"], set_={"name": new.name, "spoke": latest})


def _memory(insert: Any) -> Any:
    return insert.on_conflict_do_update(index_elements=["network", "name"], set_={"value": insert.excluded.value})
