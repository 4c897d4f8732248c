"""The hot statements as text for the driver, compiled once per connection. Called by :mod:`bridge.storage.ledger`.

A batch is one ``executemany`` per text with plain tuples, a third of the CPU of the same through Core's ``execute`` and
dictionaries. Every field below says in which order its tuples give their values, and compiling checks it.
"""

from typing import Any, NamedTuple

from sqlalchemy import Dialect, SmallInteger, Text, bindparam, case, delete, literal_column, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import UpdateBase

from bridge.engine.ports import ArchivedLine
from bridge.storage import tables
from bridge.storage.tables import ALIAS, OWN


class Statements(NamedTuple):
    """Texts, each beside the order of its values."""

    room: str  # id, network, name
    fact: str  # id, room, key, at, seq, own_id, sender, content
    name: str  # room, id, message, part
    delivery: str  # seq, key, room, event, message, part, attempts, due, reason, payload
    postpone: str  # attempts, due, reason, payload, key
    copy: str  # id, part, key
    settle: str  # key
    person: str  # network, id, name, spoke
    memory: str  # network, name, value
    line: str  # as the fields of an ArchivedLine


_KEY = bindparam("of", type_=Text)


def compiled(dialect: Dialect) -> Statements:
    """Return the statements in a database's own words."""

    def text(statement: UpdateBase, *order: str) -> str:
        made = statement.compile(dialect=dialect, column_keys=[name for name in order if name != "of"])
        assert made.positiontup == list(order), (made.positiontup, order)
        return str(made)

    outbox = tables.outbox
    insert = _insert(dialect)
    delivery = insert(outbox).on_conflict_do_nothing(index_elements=["key"])
    fact = insert(tables.journal).on_conflict_do_nothing(index_elements=["room", "key"])
    return Statements(
        room=text(insert(tables.rooms), "id", "network", "name"),
        fact=text(fact, "id", "room", "key", "at", "seq", "own_id", "sender", "content"),
        name=text(_gives_way(insert(tables.message_ids)), "room", "id", "message", "part"),
        delivery=text(
            delivery, "seq", "key", "room", "event", "message", "part", "attempts", "due", "reason", "payload"
        ),
        postpone=text(update(outbox).where(outbox.c.key == _KEY), "attempts", "due", "reason", "payload", "of"),
        copy=text(_copy(insert(tables.message_ids)), "id", "part", "of"),
        settle=text(delete(outbox).where(outbox.c.key == _KEY), "of"),
        person=text(_person(insert(tables.people)), "network", "id", "name", "spoke"),
        memory=text(_memory(insert(tables.memory)), "network", "name", "value"),
        line=text(insert(tables.archive).on_conflict_do_nothing(), *ArchivedLine.__struct_fields__),
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
