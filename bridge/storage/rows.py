"""How values become columns and come back: msgpack for what nothing searches, numbers for rooms.

Used in the writer's thread alone.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, select

from bridge.core.content import Content
from bridge.core.deliveries import Delivery, Edit, Post, Tell
from bridge.core.events import Member
from bridge.core.ids import MessageId, MessageRef, Network, Room, RoomId, digest
from bridge.engine.ports import Queued, Shared
from bridge.storage import tables
from bridge.storage.tables import ALIAS
from bridge.storage.writes import Hot

LONGEST_NAME: Final = 400
"""Characters up to which an id is indexed as it is: senders choose some of them, and a B-tree takes no megabyte."""

pack = msgspec.msgpack.Encoder().encode
unpack_member = msgspec.msgpack.Decoder(Member).decode
unpack_content = msgspec.msgpack.Decoder(Content).decode
unpack_delivery = msgspec.msgpack.Decoder(Delivery).decode
unpack_shared = msgspec.msgpack.Decoder(Shared).decode
unpack_writes = msgspec.msgpack.Decoder(list[Hot]).decode


def indexed(name: MessageId) -> str:
    """Return the form of a message's id in which the index knows it."""
    return name if len(name) <= LONGEST_NAME else digest(name)


def part_of(delivery: Delivery) -> int | None:
    """Return what the ids of this delivery's Sent will be: parts from 0 on, ALIAS, or None for nothing that is kept."""
    match delivery:
        case Post() | Tell():
            return 0
        case Edit():
            return ALIAS  # a correction that had to be said as a new line: who answers the line means the message
        case _:
            return None


def queued_from(row: Sequence[Any]) -> Queued:
    """Return a delivery from its columns (seq, attempts, due, reason, payload)."""
    seq, attempts, due, reason, payload = row
    return Queued(seq=seq, delivery=unpack_delivery(payload), attempts=attempts, due=due, reason=reason)


class Rooms:
    """The numbers that stand for rooms, all in memory. New until :meth:`keep`; :meth:`drop` takes back."""

    def __init__(self) -> None:
        self._numbers: dict[Room, int] = {}
        self._rooms: dict[int, Room] = {}
        self._last = 0
        self._new: list[Room] = []
        self._unwritten: list[Room] = []

    def load(self, connection: Connection) -> None:
        """Read all of them."""
        columns = tables.rooms.c
        found = connection.execute(select(columns.id, columns.network, columns.name))
        self._rooms = {number: Room(Network(network), RoomId(name)) for number, network, name in found}
        self._numbers = {room: number for number, room in self._rooms.items()}
        self._last = max(self._rooms, default=0)
        self._new, self._unwritten = [], []

    def number(self, room: Room) -> int:
        """Return the number of a room, a new one if it has none."""
        number = self._numbers.get(room)
        if number is None:
            self._last += 1
            number = self._numbers[room] = self._last
            self._rooms[number] = room
            self._new.append(room)
            self._unwritten.append(room)
        return number

    def find(self, room: Room) -> int:
        """Return the number of a room, 0 if it has none."""
        return self._numbers.get(room, 0)

    def room(self, number: int) -> Room:
        """Return the room of a number."""
        return self._rooms[number]

    def ref(self, number: int, name: str) -> MessageRef:
        """Return a message's name."""
        return MessageRef(self._rooms[number], MessageId(name))

    def unwritten(self) -> list[tuple[int, str, str]]:
        """Return the rows of new rooms (id, network, name), once."""
        fresh, self._unwritten = self._unwritten, []
        return [(self._numbers[room], room.network, room.id) for room in fresh]

    def keep(self) -> None:
        """Take note that the transaction went through."""
        self._new.clear()

    def drop(self) -> None:
        """Take note that the transaction did not: what was new is unknown again."""
        for room in self._new:
            del self._rooms[self._numbers.pop(room)]
        self._new, self._unwritten = [], []
