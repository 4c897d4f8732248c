"""The archive of hosted rooms in rows: functions of a connection, inside its transaction, as those of ``queries``.

One row for each message, however many users are in the room; who may read it is a matter of whether they were there when it
came, by our own clock: that of a network may be late or early. What somebody may read is a few spans of the numbers of
messages, which one index has in order.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, func, insert, select, union_all, update

from bridge.core.ids import PersonId, RoomId
from bridge.engine.ports import SEQ_OF_MILLISECOND, ArchivedLine, Attended, NoSuchLine, Page, Wanted
from bridge.storage import tables

MOST: Final = 500
"""Messages of one page, whatever is asked for."""
SOME: Final = 500
"""Messages that one transaction prunes or erases: others wait meanwhile."""
_AT_ONCE: Final = 100
"""Spans of one query."""
_END: Final = 1 << 62
_Span = tuple[int, int]
_archive, _attendance = tables.archive.c, tables.attendance.c

_NEXT_ROOM: Final = select(func.min(_archive.room)).where(_archive.room > bindparam("last"))
_THEIRS: Final = and_(_attendance.room == bindparam("of_room"), _attendance.user == bindparam("of_user"))
_STAYS: Final = select(func.count()).where(_THEIRS, _attendance.until.is_(None))
_LATEST: Final = select(func.max(_attendance.since)).where(_THEIRS)
_ENTER: Final = insert(tables.attendance)
_LEAVE: Final = update(tables.attendance).where(_THEIRS, _attendance.until.is_(None)).values(until=bindparam("left"))
"""What hundreds do who come or go at once: made once, since what it is made of goes in circles, and lives until garbage is collected."""


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
    if new:
        connection.execute(insert(tables.archive), [msgspec.structs.asdict(line) for line in new])
    for stay in stays:
        same = _at(room, stay.user) & (_attendance.since == stay.since)
        if not connection.scalar(select(func.count()).where(same)):
            row = {"room": room, "user": stay.user, "since": stay.since, "until": stay.until}
            connection.execute(insert(tables.attendance), row)
    return len(new)


def attended(connection: Connection, room: RoomId, user: PersonId, since: int) -> None:
    """Note that somebody is in a room, unless that is known."""
    who = {"of_room": room, "of_user": user}
    if connection.scalar(_STAYS, who):
        return
    latest = connection.scalar(_LATEST, who)
    if latest is not None and latest >= since:
        since = latest + 1  # gone and back within a millisecond
    connection.execute(_ENTER, {"room": room, "user": user, "since": since, "until": None})


def departed(connection: Connection, room: RoomId, user: PersonId, until: int) -> None:
    """Note that somebody is gone."""
    connection.execute(_LEAVE, {"of_room": room, "of_user": user, "left": until})


def all_departed(connection: Connection, until: int) -> None:
    """Note that everybody is gone."""
    connection.execute(update(tables.attendance).where(_attendance.until.is_(None)).values(until=until))


def was_there(connection: Connection, room: RoomId, user: PersonId) -> bool:
    """Tell whether somebody was ever in a room."""
    return bool(connection.scalar(select(func.count()).select_from(tables.attendance).where(_at(room, user))))


def page(connection: Connection, wanted: Wanted) -> Page:
    """Return a part of what was said while somebody was there. Raises: NoSuchLine."""
    limits, spans = _limits(wanted), _spans(connection, _at(wanted.room, wanted.user))
    if wanted.ids:
        _check_all(connection, wanted, limits, spans)
    after = _seq(connection, wanted.room, wanted.after) + 1 if wanted.after else 0
    before = _seq(connection, wanted.room, wanted.before) if wanted.before else _END
    most, backwards = min(wanted.most, MOST), wanted.before is not None
    within = _clipped(spans, after, before)
    rows = _lines(connection, limits, within, most=most + 1, backwards=backwards, skip=wanted.index or 0)
    found = rows[:most]
    if backwards:
        found.reverse()
    is_complete = len(rows) <= most
    if not wanted.counted:
        return Page(lines=tuple(found), complete=is_complete)
    index = _count(connection, limits, _clipped(spans, 0, found[0].seq)) if found else 0
    return Page(lines=tuple(found), index=index, count=_count(connection, limits, spans), complete=is_complete)


def _lines(
    connection: Connection,
    limits: ColumnElement[bool],
    spans: Sequence[_Span],
    *,
    most: int,
    backwards: bool,
    skip: int,
) -> list[ArchivedLine]:
    """Return the first lines of these spans, or backwards the last; as many as are needed are read, and no more."""
    found: list[ArchivedLine] = []
    order = _archive.seq.desc() if backwards else _archive.seq
    for span in reversed(spans) if backwards else spans:
        if skip and skip >= (here := _count(connection, limits, [span])):
            skip -= here
            continue
        query = select(tables.archive).where(limits, _inside(span)).order_by(order)
        rows = connection.execute(query.limit(most - len(found)).offset(skip)).all()
        found += [ArchivedLine(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's own name for it
        skip = 0
        if len(found) == most:
            break
    return found


def erase(connection: Connection, room: RoomId, user: PersonId) -> None:
    """Forget that somebody was ever there."""
    connection.execute(delete(tables.attendance).where(_at(room, user)))


def erase_unread(connection: Connection, room: RoomId) -> int:
    """Forget some of what nobody may read any more; returns how much, 0 when there is no more."""
    low = 0
    for start, end in (*_spans(connection, _attendance.room == room), (_END, _END)):
        gap = and_(_archive.room == room, _archive.seq >= low, _archive.seq < start)
        some = connection.scalars(select(_archive.seq).where(gap).limit(SOME)).all()
        if some:
            connection.execute(delete(tables.archive).where(_archive.seq.in_(some)))
            return len(some)
        low = end
    return 0


def rooms(connection: Connection) -> list[RoomId]:
    """Return the rooms of which anything is kept, in order: from one to the next, whatever there is of each."""
    found: list[RoomId] = []
    last = ""
    while (room := connection.scalar(_NEXT_ROOM, {"last": last})) is not None:
        found.append(RoomId(room))
        last = room
    return found


def prune(connection: Connection, room: RoomId, *, before: int, keep: int | None) -> int:
    """Forget some of what is older than ``before`` or beyond the newest ``keep``; returns how much, 0 when there is no more.

    What is doomed is the beginning of the room's index, so where nothing is, nothing is read.
    """
    here = _archive.room == room
    bound = before * SEQ_OF_MILLISECOND
    if keep is not None:
        newest = select(_archive.seq).where(here).order_by(_archive.seq.desc()).limit(1).offset(keep)
        bound = max(bound, (connection.scalar(newest) or -1) + 1)
    some = connection.scalars(
        select(_archive.seq).where(here, _archive.seq < bound).order_by(_archive.seq).limit(SOME)
    ).all()
    if some:
        connection.execute(delete(tables.archive).where(_archive.seq.in_(some)))
    else:
        connection.execute(delete(tables.attendance).where(_attendance.room == room, _attendance.until < before))
    return len(some)


def prune_all(connection: Connection, *, keep: int) -> int:
    """Forget some of what is beyond the newest ``keep`` of all rooms; returns how much, 0 when there is no more."""
    newest = select(_archive.seq).order_by(_archive.seq.desc()).limit(1).offset(keep)
    bound = connection.scalar(newest)
    if bound is None:
        return 0
    some = connection.scalars(
        select(_archive.seq).where(_archive.seq <= bound).order_by(_archive.seq).limit(SOME)
    ).all()
    connection.execute(delete(tables.archive).where(_archive.seq.in_(some)))
    return len(some)


def _at(room: RoomId, user: PersonId) -> ColumnElement[bool]:
    return and_(_attendance.room == room, _attendance.user == user)


def _spans(connection: Connection, whose: ColumnElement[bool]) -> list[_Span]:
    """Return from which number to before which one somebody was there, in order, none touching another."""
    spans: list[_Span] = []
    times = select(_attendance.since, _attendance.until).where(whose).order_by(_attendance.since)
    for since, until in connection.execute(times):
        low, high = since * SEQ_OF_MILLISECOND, _END if until is None else (until + 1) * SEQ_OF_MILLISECOND
        if spans and low <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(high, spans[-1][1]))
        else:
            spans.append((low, high))
    return spans


def _clipped(spans: Sequence[_Span], low: int, high: int) -> list[_Span]:
    """Return what of these spans is from ``low`` to before ``high``."""
    clipped = [(max(start, low), min(end, high)) for start, end in spans]
    return [(start, end) for start, end in clipped if start < end]


def _inside(span: _Span) -> ColumnElement[bool]:
    return and_(_archive.seq >= span[0], _archive.seq < span[1])


def _count(connection: Connection, limits: ColumnElement[bool], spans: Sequence[_Span]) -> int:
    total = 0
    for first in range(0, len(spans), _AT_ONCE):
        counts = [
            select(func.count().label("n")).select_from(tables.archive).where(limits, _inside(span))
            for span in spans[first : first + _AT_ONCE]
        ]  # a search in the index for each: with OR SQLite would look at every entry for every span
        total += connection.scalar(select(func.sum(union_all(*counts).subquery().c.n))) or 0
    return int(total)


def _limits(wanted: Wanted) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [_archive.room == wanted.room]
    if wanted.start is not None:
        conditions.append(_archive.at >= wanted.start)
    if wanted.end is not None:
        conditions.append(_archive.at <= wanted.end)
    if wanted.nick:
        conditions.append(_archive.nick == wanted.nick)
    if wanted.ids:
        conditions.append(_archive.id.in_(wanted.ids))
    return and_(*conditions)


def _check_all(connection: Connection, wanted: Wanted, limits: ColumnElement[bool], spans: Sequence[_Span]) -> None:
    """Raise: NoSuchLine for a message that was asked for and is not there."""
    found = connection.execute(select(_archive.id, _archive.seq).where(limits))
    missing = set(wanted.ids) - {id_ for id_, seq in found if _clipped(spans, seq, seq + 1)}
    if missing:
        raise NoSuchLine(min(missing))


def _seq(connection: Connection, room: RoomId, id_: str) -> int:
    found = connection.scalar(select(_archive.seq).where(_archive.room == room, _archive.id == id_))
    if found is None:
        raise NoSuchLine(id_)
    return int(found)
