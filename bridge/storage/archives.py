"""The archive of hosted rooms in rows: functions of a connection, inside its transaction, as those of ``queries``.

One row for each message, however many users are in the room; who may read it is a matter of whether they were there when it
came, by our own clock: that of a network may be late or early.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, insert, or_, select, update

from bridge.core.ids import PersonId, RoomId
from bridge.engine.ports import SEQ_OF_MILLISECOND, ArchivedLine, Attended, NoSuchLine, Page, Wanted
from bridge.storage import tables

MOST: Final = 500
"""Messages of one page, whatever is asked for."""
SOME: Final = 500
"""Messages that one transaction prunes: others wait meanwhile."""
_archive, _attendance = tables.archive.c, tables.attendance.c


def keep(connection: Connection, lines: Sequence[ArchivedLine]) -> None:
    """Keep what was said."""
    rows = [
        {"seq": line.seq, "room": line.room, "id": line.id, "at": line.at}
        | {"nick": line.nick, "head": line.head, "tail": line.tail}
        for line in lines
    ]
    if rows:
        connection.execute(insert(tables.archive), rows)


def adopt(connection: Connection, lines: Sequence[ArchivedLine], stays: Sequence[Attended]) -> int:
    """Keep what another program had kept, and who was there; returns how many messages of it were not here yet.

    A number of order that is taken gives way to the next one that is free.
    """
    if not lines:
        return 0
    room = lines[0].room
    known = set(connection.scalars(select(_archive.id).where(_archive.room == room)))
    taken = set(connection.scalars(select(_archive.seq).where(_archive.seq.between(lines[0].seq, lines[-1].seq))))
    new = []
    for line in lines:
        if line.id in known:
            continue
        known.add(line.id)
        seq = line.seq
        while seq in taken:
            seq += 1
        taken.add(seq)
        new.append(line if seq == line.seq else msgspec.structs.replace(line, seq=seq))
    keep(connection, new)
    for stay in stays:
        same = _at(room, stay.user) & (_attendance.since == stay.since)
        if not connection.scalar(select(func.count()).where(same)):
            row = {"room": room, "user": stay.user, "since": stay.since, "until": stay.until}
            connection.execute(insert(tables.attendance), row)
    return len(new)


def attended(connection: Connection, room: RoomId, user: PersonId, since: int) -> None:
    """Note that somebody is in a room, unless that is known."""
    open_ = _at(room, user) & _attendance.until.is_(None)
    if connection.scalar(select(func.count()).where(open_)):
        return
    latest = connection.scalar(select(func.max(_attendance.since)).where(_at(room, user)))
    if latest is not None and latest >= since:
        since = latest + 1  # gone and back within a millisecond
    connection.execute(insert(tables.attendance), {"room": room, "user": user, "since": since, "until": None})


def departed(connection: Connection, room: RoomId, user: PersonId, until: int) -> None:
    """Note that somebody is gone."""
    connection.execute(
        update(tables.attendance).where(_at(room, user), _attendance.until.is_(None)).values(until=until)
    )


def all_departed(connection: Connection, until: int) -> None:
    """Note that everybody is gone."""
    connection.execute(update(tables.attendance).where(_attendance.until.is_(None)).values(until=until))


def was_there(connection: Connection, room: RoomId, user: PersonId) -> bool:
    """Tell whether somebody was ever in a room."""
    return bool(connection.scalar(select(func.count()).select_from(tables.attendance).where(_at(room, user))))


def page(connection: Connection, wanted: Wanted) -> Page:
    """Return a part of what was said while somebody was there. Raises: NoSuchLine."""
    fits = and_(*_conditions(wanted))
    if wanted.ids:
        _check_all(connection, wanted, fits)
    count = connection.scalar(select(func.count()).select_from(tables.archive).where(fits)) or 0
    most = min(wanted.most, MOST)
    within = [fits]
    if wanted.after:
        within.append(_archive.seq > _seq(connection, wanted.room, wanted.after))
    if wanted.before:
        within.append(_archive.seq < _seq(connection, wanted.room, wanted.before))
    backwards = wanted.before is not None
    order = _archive.seq.desc() if backwards else _archive.seq
    found_in_order = select(tables.archive).where(*within).order_by(order).limit(most + 1)
    rows = connection.execute(found_in_order.offset(wanted.index) if wanted.index else found_in_order).all()
    found = [ArchivedLine(**row._mapping) for row in rows[:most]]  # noqa: SLF001 - SQLAlchemy's own name for it
    if backwards:
        found.reverse()
    index = 0
    if found:
        index = (
            connection.scalar(select(func.count()).select_from(tables.archive).where(fits, _archive.seq < found[0].seq))
            or 0
        )
    return Page(lines=tuple(found), index=index, count=count, complete=len(rows) <= most)


def erase(connection: Connection, room: RoomId, user: PersonId) -> int:
    """Forget that somebody was ever there, and what nobody may read any more."""
    connection.execute(delete(tables.attendance).where(_at(room, user)))
    readable = exists().where(_attendance.room == _archive.room, *_while_there())
    gone = connection.execute(delete(tables.archive).where(_archive.room == room, ~readable))
    return int(gone.rowcount)


def rooms(connection: Connection) -> list[RoomId]:
    """Return the rooms of which anything is kept."""
    return [RoomId(room) for room in connection.scalars(select(_archive.room).distinct())]


def prune(connection: Connection, room: RoomId, *, before: int, keep: int | None) -> int:
    """Forget some of what is older than ``before`` or beyond the newest ``keep``; returns how much, 0 when there is no more."""
    doomed = _archive.at < before
    if keep is not None:
        newest = select(_archive.seq).where(_archive.room == room).order_by(_archive.seq.desc()).limit(1).offset(keep)
        doomed = or_(doomed, _archive.seq <= func.coalesce(newest.scalar_subquery(), -1))
    some = connection.scalars(select(_archive.seq).where(_archive.room == room, doomed).limit(SOME)).all()
    if some:
        connection.execute(delete(tables.archive).where(_archive.seq.in_(some)))
    else:
        connection.execute(delete(tables.attendance).where(_attendance.room == room, _attendance.until < before))
    return len(some)


def _at(room: RoomId, user: PersonId) -> ColumnElement[bool]:
    return and_(_attendance.room == room, _attendance.user == user)


def _while_there() -> tuple[ColumnElement[bool], ...]:
    return (
        _attendance.since * SEQ_OF_MILLISECOND <= _archive.seq,
        or_(_attendance.until.is_(None), (_attendance.until + 1) * SEQ_OF_MILLISECOND > _archive.seq),
    )


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    readable = exists().where(_at(wanted.room, wanted.user), *_while_there())
    conditions = [_archive.room == wanted.room, readable]
    if wanted.start is not None:
        conditions.append(_archive.at >= wanted.start)
    if wanted.end is not None:
        conditions.append(_archive.at <= wanted.end)
    if wanted.nick:
        conditions.append(_archive.nick == wanted.nick)
    if wanted.ids:
        conditions.append(_archive.id.in_(wanted.ids))
    return conditions


def _check_all(connection: Connection, wanted: Wanted, fits: ColumnElement[bool]) -> None:
    """Raise: NoSuchLine for a message that was asked for and is not there."""
    missing = set(wanted.ids).difference(connection.scalars(select(_archive.id).where(fits)))
    if missing:
        raise NoSuchLine(min(missing))


def _seq(connection: Connection, room: RoomId, id_: str) -> int:
    found = connection.scalar(select(_archive.seq).where(_archive.room == room, _archive.id == id_))
    if found is None:
        raise NoSuchLine(id_)
    return int(found)
