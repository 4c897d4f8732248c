"""Reads, and the writes that are rare enough to be said one by one: functions of a connection, inside its transaction.

Called by :mod:`bridge.storage.store` in the writer's thread, by :mod:`bridge.storage.page` to find a message, and by
:mod:`bridge.storage.ledger` for the daybook.
Rooms that have no number are unknown to the store: they have nothing. The statements stand outside the functions, for
SQLAlchemy to compile each of them once.
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import BindParameter, Connection, Row, bindparam, delete, func, insert, or_, select, update

from bridge.connector import Cursor, Login, Secret
from bridge.core.ids import DeliveryKey, EventKey, MessageId, MessageRef, Network, Person, PersonId, Room
from bridge.engine.ports import (
    DeadLetter,
    Fate,
    Known,
    Queued,
    Shared,
    StoredLink,
    StoredLogin,
    StoredMessage,
    StoredPreferences,
    StoreError,
)
from bridge.storage import tables
from bridge.storage.rows import (
    Rooms,
    indexed,
    pack,
    queued_from,
    unpack_content,
    unpack_member,
    unpack_shared,
    unpack_writes,
)
from bridge.storage.rules import BLANK, objection
from bridge.storage.tables import OWN
from bridge.storage.writes import Hot

_journal, _ids, _outbox, _dead = tables.journal.c, tables.message_ids.c, tables.outbox.c, tables.dead_letters.c
_rooms, _people, _memory, _links, _members = (
    tables.rooms.c,
    tables.people.c,
    tables.memory.c,
    tables.links.c,
    tables.link_rooms.c,
)

_HANDFUL: Final = 500
"""Values in one IN (…); SQLite takes 32,766, PostgreSQL 65,535."""
_MORSEL: Final = 1000
"""Facts that one transaction prunes: messages wait meanwhile."""

_network: BindParameter[str] = bindparam("network")
_room: BindParameter[Any] = bindparam("room")
_name: BindParameter[str] = bindparam("name")
_number: BindParameter[int] = bindparam("number")
_limit: BindParameter[int] = bindparam("limit")
_some: BindParameter[Any] = bindparam("some", expanding=True)

T = TypeVar("T")


def _handfuls(values: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(values)
    while handful := list(islice(rest, _HANDFUL)):
        yield handful


# The daybook

_NOTED = select(tables.daybook).order_by(tables.daybook.c.id)


def noted(connection: Connection) -> tuple[int, list[Hot]]:
    """Return the number of the daybook's last row, and what stands in it. Raises: StoreError if that cannot be read."""
    last, writes = 0, []
    for last, note in connection.execute(_NOTED):
        try:
            writes += unpack_writes(note)
        except msgspec.MsgspecError as error:
            msg = (
                f"row {last} of the store's daybook cannot be read: start the version of linkspan that wrote it once more, and "
                "stop it in order"
            )
            raise StoreError(msg) from error
    return last, writes


def clear(connection: Connection) -> None:
    """Empty the daybook."""
    connection.connection.cursor().execute("DELETE FROM daybook")


# Messages and their names

_OWN_KEY = select(_journal.id, _journal.room, _journal.key, _journal.own_id).where(
    _journal.room == _room, _journal.key == _name, _journal.own_id.is_(None), _journal.sender.is_not(None)
)
_ANY_NAME = (
    select(_journal.id, _journal.room, _journal.key, _journal.own_id)
    .join(tables.message_ids, _ids.message == _journal.id)
    .where(_ids.room == _room, _ids.id == _name)
)
_OWN_NAME = _ANY_NAME.where(_ids.part == OWN)
_MESSAGE = select(_journal.sender, _journal.content, _journal.at).where(_journal.id == _number)
_PARTS = select(_ids.id).where(_ids.message == _number, _ids.room == _room, _ids.part >= 0).order_by(_ids.part)


def number_of(connection: Connection, rooms: Rooms, ref: MessageRef) -> int | None:
    """Return the number of a message's fact."""
    room = rooms.find(ref.room)
    found = connection.execute(_OWN_KEY, {"room": room, "name": ref.id}).first()
    found = found or connection.execute(_OWN_NAME, {"room": room, "name": indexed(ref.id)}).first()
    return found.id if found else None


def find(connection: Connection, rooms: Rooms, room: Room, name: MessageId) -> Row[int, int, str, str | None] | None:
    """Return the fact (id, room, key, own_id) of the message that a room calls so."""
    number = rooms.find(room)
    found = connection.execute(_OWN_KEY, {"room": number, "name": name}).first()
    return found or connection.execute(_ANY_NAME, {"room": number, "name": indexed(name)}).first()


def resolve(connection: Connection, rooms: Rooms, room: Room, name: MessageId) -> MessageRef | None:
    """Return the original of what a room calls ``name``."""
    found = find(connection, rooms, room, name)
    return rooms.ref(found.room, found.own_id or found.key) if found else None


def message(connection: Connection, rooms: Rooms, ref: MessageRef) -> StoredMessage | None:
    """Return a message as it reads now."""
    number = number_of(connection, rooms, ref)
    if number is None:
        return None
    sender, content, at = connection.execute(_MESSAGE, {"number": number}).one()
    said = BLANK if content is None else unpack_content(content)
    return StoredMessage(ref=ref, sender=unpack_member(sender), content=said, at=at)


def copies(connection: Connection, rooms: Rooms, ref: MessageRef, room: Room) -> tuple[MessageId, ...]:
    """Return what a room calls the parts of a message."""
    number = number_of(connection, rooms, ref)
    if number is None:
        return ()
    if room == ref.room:
        return (ref.id,)
    return tuple(connection.scalars(_PARTS, {"number": number, "room": rooms.find(room)}))


# The journal

_KNOWN = select(_journal.key).where(_journal.room == _room, _journal.key.in_(_some))
_RECENT = select(_journal.room, _journal.key).order_by(_journal.id.desc()).limit(_limit)
_FACT = select(_journal.id, _journal.key, _journal.at)
_NEWEST = _FACT.where(_journal.id == select(func.max(_journal.id)).where(_journal.room == _room).scalar_subquery())
_PRUNED = select(_rooms.pruned, _rooms.pruned_key, _rooms.pruned_at).where(_rooms.id == _room)


def known(connection: Connection, rooms: Rooms, room: Room, keys: Collection[EventKey]) -> set[EventKey]:
    """Return which of these facts are journalled."""
    number = rooms.find(room)
    return {key for some in _handfuls(keys) for key in connection.scalars(_KNOWN, {"room": number, "some": some})}


def recent(connection: Connection, rooms: Rooms, limit: int) -> list[tuple[Room, EventKey]]:
    """Return the newest facts, oldest first."""
    newest = connection.execute(_RECENT, {"limit": max(limit, 0)}).all()
    return [(rooms.room(room), EventKey(key)) for room, key in reversed(newest)]


def cursor(connection: Connection, rooms: Rooms, room: Room) -> Cursor | None:
    """Return the newest fact of a room, pruned or not."""
    here = {"room": rooms.find(room)}
    found = [*connection.execute(_NEWEST, here), *connection.execute(_PRUNED, here)]
    newest = max(((number, key, at) for number, key, at in found if number is not None), default=None)
    return Cursor(EventKey(newest[1]), newest[2]) if newest else None


# The outbox and the dead letters

_QUEUED = (_outbox.seq, _outbox.attempts, _outbox.due, _outbox.reason, _outbox.payload)
_LAST_SEQ = select(_journal.seq).order_by(_journal.id.desc()).limit(1)
_LANES = select(_outbox.room, func.count()).group_by(_outbox.room)
_QUEUE = select(*_QUEUED).where(_outbox.room == _room, _outbox.seq > _number).order_by(_outbox.seq).limit(_limit)
_ROW = select(tables.outbox).where(_outbox.key == _name)
_SETTLED = delete(tables.outbox).where(_outbox.key == _name)
_BURIED = select(
    _dead.seq, _dead.attempts, _dead.due, _dead.reason, _dead.payload, _dead.verdict, _dead.certain, _dead.at
)
_LETTERS = _BURIED.order_by(_dead.at, _dead.seq).limit(_limit)
_GIVEN_UP = (
    select(_dead.key).where(_dead.room == _room, _dead.seq > _number, _dead.certain).order_by(_dead.seq).limit(_limit)
)
_DEAD = select(tables.dead_letters).where(_dead.key.in_(_some)).order_by(_dead.seq)
_DISCARD = delete(tables.dead_letters).where(_dead.key.in_(_some))
_WAITING = select(_outbox.key).where(_outbox.key.in_(_some))
_FACTS = select(_journal.id).where(_journal.id.in_(_some))


def last_seq(connection: Connection) -> int:
    """Return the highest number that a delivery had when the newest fact was written."""
    return connection.scalar(_LAST_SEQ) or 0


def lanes(connection: Connection, rooms: Rooms) -> dict[Room, int]:
    """Return how many deliveries wait for each room."""
    return {rooms.room(room): count for room, count in connection.execute(_LANES)}


def queue(connection: Connection, rooms: Rooms, room: Room, *, after: int, limit: int) -> list[Queued]:
    """Return waiting deliveries of a room, in order."""
    found = connection.execute(_QUEUE, {"room": rooms.find(room), "number": after, "limit": max(limit, 0)})
    return [queued_from(row) for row in found]


def bury(connection: Connection, key: DeliveryKey, *, verdict: str, certain: bool, at: int) -> None:
    """Move a delivery to the dead letters."""
    row = connection.execute(_ROW, {"name": key}).mappings().first()
    if row is None:
        return
    connection.execute(_DISCARD, {"some": [key]})  # the same fact, pruned, told again, and given up again
    connection.execute(insert(tables.dead_letters), {**row, "verdict": verdict, "certain": certain, "at": at})
    connection.execute(_SETTLED, {"name": key})


def dead_letters(connection: Connection, limit: int) -> list[DeadLetter]:
    """Return what was given up, oldest first."""
    return [_letter(row) for row in connection.execute(_LETTERS, {"limit": max(limit, 0)})]


def _letter(row: Any) -> DeadLetter:
    return DeadLetter(queued=queued_from(row[:5]), reason=row.verdict, certain=row.certain, at=row.at)


_COUNT_DEAD = select(func.count()).select_from(tables.dead_letters)
_ALL_WAITING = select(*_QUEUED).order_by(_outbox.seq).limit(_limit)
_WAITING_OF = select(*_QUEUED).where(_outbox.message == _number).order_by(_outbox.seq)
_DEAD_OF = _BURIED.where(_dead.message == _number).order_by(_dead.seq)
_COPIES = select(_ids.room, _ids.id).where(_ids.message == _number, _ids.part >= 0).order_by(_ids.room, _ids.part)


def waiting(connection: Connection, limit: int) -> list[Queued]:
    """Return what waits for any room, oldest first."""
    return [queued_from(row) for row in connection.execute(_ALL_WAITING, {"limit": max(limit, 0)})]


def count_dead_letters(connection: Connection) -> int:
    """Return how many deliveries were given up."""
    return connection.scalar(_COUNT_DEAD) or 0


def fate(connection: Connection, rooms: Rooms, room: Room, name: MessageId) -> Fate | None:
    """Return what has become of a message in all other rooms."""
    found = find(connection, rooms, room, name)
    if found is None:
        return None
    here = {"number": found.id}
    parts: dict[Room, tuple[MessageId, ...]] = {}
    for number, part in connection.execute(_COPIES, here):
        parts[rooms.room(number)] = (*parts.get(rooms.room(number), ()), MessageId(part))
    return Fate(
        ref=rooms.ref(found.room, found.own_id or found.key),
        waiting=tuple(queued_from(row) for row in connection.execute(_WAITING_OF, here)),
        dead=tuple(_letter(row) for row in connection.execute(_DEAD_OF, here)),
        copies=parts,
    )


def given_up(connection: Connection, rooms: Rooms, room: Room, *, after: int, limit: int) -> list[DeliveryKey]:
    """Return the dead letters of a room that have certainly not arrived, in order."""
    found = connection.scalars(_GIVEN_UP, {"room": rooms.find(room), "number": after, "limit": max(limit, 0)})
    return [DeliveryKey(key) for key in found]


def revive(connection: Connection, keys: Collection[DeliveryKey]) -> list[Queued]:
    """Move dead letters back into the outbox, as if they had never been tried."""
    revived = [queued for some in _handfuls(keys) for queued in _revive(connection, some)]
    return sorted(revived, key=lambda queued: queued.seq)


def _revive(connection: Connection, keys: list[DeliveryKey]) -> list[Queued]:
    waiting = set(connection.scalars(_WAITING, {"some": keys}))
    letters = [row for row in connection.execute(_DEAD, {"some": keys}).mappings() if row["key"] not in waiting]
    connection.execute(_DISCARD, {"some": keys})
    if not letters:
        return []
    facts = set(connection.scalars(_FACTS, {"some": [row["message"] for row in letters if row["message"]]}))
    fresh = [
        {name: row[name] for name in _outbox.keys()}  # noqa: SIM118 - a collection of columns is no dictionary
        | {"attempts": 0, "due": 0, "reason": "", "message": row["message"] if row["message"] in facts else None}
        for row in letters
    ]
    connection.execute(insert(tables.outbox), fresh)
    return [queued_from((row["seq"], 0, 0, "", row["payload"])) for row in fresh]


def discard(connection: Connection, keys: Collection[DeliveryKey]) -> int:
    """Delete dead letters; returns how many there were."""
    return sum(connection.execute(_DISCARD, {"some": some}).rowcount for some in _handfuls(set(keys)))


# People and small texts

_RECALL = select(_memory.value).where(_memory.network == _network, _memory.name == _name)
_RECOLLECT = select(_memory.name, _memory.value).where(
    _memory.network == _network, func.substr(_memory.name, 1, _limit) == _name
)
_FORGET = delete(tables.memory).where(_memory.network == _network, _memory.name == _name)
_ACQUAINTED = select(_people.network, _people.id, _people.name, _people.spoke).where(
    _people.network == _network, _people.id.in_(_some)
)


def recall(connection: Connection, network: Network, name: str) -> str | None:
    """Return what a connector had remembered."""
    return connection.scalar(_RECALL, {"network": network, "name": name})


def recollect(connection: Connection, network: Network, prefix: str) -> dict[str, str]:
    """Return everything that a connector had remembered under names that begin so."""
    rows = connection.execute(_RECOLLECT, {"network": network, "name": prefix, "limit": len(prefix)})
    return {row.name: row.value for row in rows}


def forget(connection: Connection, network: Network, name: str) -> None:
    """Keep it no longer."""
    connection.execute(_FORGET, {"network": network, "name": name})


def acquainted(connection: Connection, persons: Collection[Person]) -> dict[Person, Known]:
    """Return what is known of these people."""
    networks: dict[Network, list[PersonId]] = {}
    for person in persons:
        networks.setdefault(person.network, []).append(person.id)
    rows = (
        row
        for network, ids in networks.items()
        for some in _handfuls(ids)
        for row in connection.execute(_ACQUAINTED, {"network": network, "some": some})
    )
    found = (Known(person=Person(row.network, row.id), name=row.name, spoke=row.spoke) for row in rows)
    return {known.person: known for known in found}


# What is shared by URL

_shared = tables.shared.c
_SHARED = select(_shared.payload).where(_shared.token == _name)
_EXPIRED = delete(tables.shared).where(_shared.expires < _number)


def share(connection: Connection, token: str, shared: Shared) -> None:
    """Keep what stands at a media URL."""
    if connection.scalar(_SHARED, {"name": token}) is None:
        row = {"token": token, "expires": shared.expires, "payload": pack(shared)}
        connection.execute(insert(tables.shared), row)


def shared(connection: Connection, token: str) -> Shared | None:
    """Return what stands at a media URL."""
    payload = connection.scalar(_SHARED, {"name": token})
    return None if payload is None else unpack_shared(payload)


def expire(connection: Connection, now: int) -> None:
    """Forget what was shared for a time that is over."""
    connection.execute(_EXPIRED, {"number": now})


# Links made by command

_ROOM: Final = ("id", "network", "name")
_LINKS = (
    select(_links.name, _members.room)
    .join(tables.link_rooms, _members.link == _links.id)
    .order_by(_links.id, _members.position)
)


def links(connection: Connection, rooms: Rooms) -> list[StoredLink]:
    """Return them in the order in which they were made."""
    found: dict[str, list[Room]] = {}
    for name, room in connection.execute(_LINKS):
        found.setdefault(name, []).append(rooms.room(room))
    return [StoredLink(name=name, rooms=tuple(members)) for name, members in found.items()]


def add_link(connection: Connection, rooms: Rooms, link: StoredLink) -> None:
    """Keep a link. Raises: StoreError when the name or a room is taken."""
    if reason := objection(link, links(connection, rooms)):
        raise StoreError(reason)
    number = (connection.scalar(select(func.max(_links.id))) or 0) + 1
    connection.execute(insert(tables.links), {"id": number, "name": link.name})
    members = [
        {"room": rooms.number(room), "link": number, "position": position} for position, room in enumerate(link.rooms)
    ]
    if fresh := rooms.unwritten():
        connection.execute(insert(tables.rooms), [dict(zip(_ROOM, row, strict=True)) for row in fresh])
    connection.execute(insert(tables.link_rooms), members)


def remove_link(connection: Connection, name: str) -> bool:
    """Forget a link; False if there was none."""
    number = connection.scalar(select(_links.id).where(_links.name == name))
    connection.execute(delete(tables.link_rooms).where(_members.link == number))
    return connection.execute(delete(tables.links).where(_links.id == number)).rowcount > 0


# Logins

_logins = tables.logins.c
_BY_AGE = select(tables.logins).order_by(_logins.at, _logins.network, _logins.user)


def logins(connection: Connection) -> list[StoredLogin]:
    """Return all of them, oldest first."""
    return [
        StoredLogin(
            network=Network(row.network),
            login=Login(
                person=Person(Network(row.home), PersonId(row.user)),
                name=row.name,
                credentials=Secret(row.credentials),
            ),
            at=row.at,
            trouble=row.trouble,
        )
        for row in connection.execute(_BY_AGE)
    ]


def keep_login(connection: Connection, stored: StoredLogin) -> None:
    """Keep a login, in the place of any that its user had on the network."""
    login = stored.login
    remove_login(connection, stored.network, login.person)
    row = {
        "network": stored.network,
        "home": login.person.network,
        "user": login.person.id,
        "name": login.name,
        "credentials": str(login.credentials),
        "at": stored.at,
        "trouble": stored.trouble,
    }
    connection.execute(insert(tables.logins), row)


def remove_login(connection: Connection, network: Network, person: Person) -> bool:
    """Forget a login; False if there was none."""
    whose = (_logins.network == network, _logins.home == person.network, _logins.user == person.id)
    return connection.execute(delete(tables.logins).where(*whose)).rowcount > 0


# Preferences

_preferences = tables.preferences.c


def preferences(connection: Connection) -> list[StoredPreferences]:
    """Return all of them, oldest first."""
    rows = connection.execute(
        select(tables.preferences).order_by(_preferences.at, _preferences.network, _preferences.user)
    )
    return [
        StoredPreferences(
            network=Network(row.network),
            person=Person(Network(row.home), PersonId(row.user)),
            chosen=Secret(row.chosen),
            at=row.at,
        )
        for row in rows
    ]


def keep_preferences(connection: Connection, stored: StoredPreferences) -> None:
    """Keep preferences, in the place of any that their user had on the network."""
    person = stored.person
    remove_preferences(connection, stored.network, person)
    row = {
        "network": stored.network,
        "home": person.network,
        "user": person.id,
        "chosen": str(stored.chosen),
        "at": stored.at,
    }
    connection.execute(insert(tables.preferences), row)


def remove_preferences(connection: Connection, network: Network, person: Person) -> bool:
    """Forget preferences; False if there were none."""
    whose = (_preferences.network == network, _preferences.home == person.network, _preferences.user == person.id)
    return connection.execute(delete(tables.preferences).where(*whose)).rowcount > 0


# Pruning

_FIRST_KEPT = select(_journal.id).order_by(_journal.id.desc()).limit(1).offset(_limit)
_OLD = (
    select(_journal.id, _journal.room, _journal.key, _journal.at)
    .where(
        _journal.id < _number,
        _journal.at < bindparam("before"),
        _journal.id.not_in(select(_outbox.event).where(_outbox.event.is_not(None))),
        _journal.id.not_in(select(_outbox.message).where(_outbox.message.is_not(None))),
    )
    .order_by(_journal.id)
    .limit(_MORSEL)
)
_PASS = (
    update(tables.rooms)
    .where(_rooms.id == _room, or_(_rooms.pruned.is_(None), _rooms.pruned < _number))
    .values(pruned=_number, pruned_key=bindparam("key"), pruned_at=bindparam("at"))
)
_UNNAME = delete(tables.message_ids).where(_ids.message.in_(_some))
_PRUNE = delete(tables.journal).where(_journal.id.in_(_some))


def prune(connection: Connection, *, before: int, keep: int) -> int:
    """Delete some facts that are old and wait for nothing; returns how many, 0 when there are no more."""
    first_kept = connection.scalar(_FIRST_KEPT, {"limit": max(keep, 1) - 1})
    old = connection.execute(_OLD, {"number": first_kept or 0, "before": before}).all()
    if not old:
        return 0
    newest = {room: {"room": room, "number": number, "key": key, "at": at} for number, room, key, at in old}
    connection.execute(_PASS, list(newest.values()))
    for some in _handfuls(row.id for row in old):
        connection.execute(_UNNAME, {"some": some})
        connection.execute(_PRUNE, {"some": some})
    return len(old)
