"""The rooms that this network was asked to read, and how far it has got with each.

What the configuration calls a room is its id, and stays so; what the server calls it is the same name in any case. Kept here
because everybody needs it: the listener joins places, puppets join only where it is decided that somebody reads, messages
wait for them.
"""

from collections.abc import Callable, Iterator
from enum import Enum

import msgspec

from bridge.core.ids import RoomId
from connectors.irc.connection.casemap import folder

_CHANNELS = "#&"
"""How the names of channels begin before a server has said so."""
_UNUSABLE = frozenset(" ,:\x07")


class Step(Enum):
    """How far the listener is with a place."""

    WAITING = "waiting"  # not asked for: not connected, or it is not the time
    ASKED = "asked"  # JOIN is on its way
    IN = "in"
    OUT = "out"  # refused, kicked or banned; tried again or not


class Place(msgspec.Struct, eq=False):
    """One room."""

    id: RoomId
    password: str = ""
    step: Step = Step.WAITING
    reason: str = ""  # why the listener is out, in words
    setbacks: int = 0  # times in a row that it was put out
    topic: str = ""  # key of the topic that the bridge knows of
    begun: int = 0  # when it was read first, in milliseconds since the epoch; 0: never
    unread: int = 0  # since when nobody reads it; 0: somebody does, or nobody ever did
    is_plain: bool = False  # the channel takes no formatting codes
    is_ours: bool = True  # the listener reads it; else whoever is shown in it does, and the listener stays away
    is_impossible: bool = False  # its name or key cannot be written: nobody ever gets in

    @property
    def name(self) -> str:
        """The channel's name, as the configuration writes it."""
        return str(self.id)

    def reset(self) -> None:
        """Begin anew, as if nothing had happened."""
        self.step, self.reason, self.setbacks = Step.WAITING, "", 0
        self.is_impossible = False

    @property
    def is_decided(self) -> bool:
        """Whether it is known if the listener gets in."""
        return self.step in (Step.IN, Step.OUT)


class Places:
    """All rooms."""

    def __init__(self) -> None:
        self._fold: Callable[[str], str] = folder("rfc1459")
        self._by_id: dict[RoomId, Place] = {}
        self._by_name: dict[str, Place] = {}

    def __iter__(self) -> Iterator[Place]:
        """Yield every place, in the order in which they were asked for."""
        return iter(list(self._by_id.values()))

    def add(self, room: RoomId, password: str, *, is_ours: bool = True) -> Place:
        """Want to read a room; returns its place, the old one if it is wanted already."""
        place = self._by_id.get(room)
        if place is None:
            place = self._by_id[room] = Place(room)
            self._by_name[self._fold(room)] = place
        place.is_ours = is_ours
        if place.password != password:
            place.password = password
            place.is_impossible = False
        return place

    def remove(self, room: RoomId) -> Place | None:
        """Want to read a room no more."""
        place = self._by_id.pop(room, None)
        if place is not None:
            self._by_name.pop(self._fold(room), None)
        return place

    def get(self, room: RoomId) -> Place | None:
        """Return the place of a room."""
        return self._by_id.get(room)

    def named(self, name: str) -> Place | None:
        """Return the place of a channel, its name in any case."""
        return self._by_name.get(self._fold(name))

    def called(self, name: str) -> RoomId | None:
        """Return the room that a channel of this name is or would be; None for what is no channel's name."""
        return self.room(name) or (RoomId(name) if is_usable(name, _CHANNELS) else None)

    def room(self, name: str) -> RoomId | None:
        """Return the room that a channel is."""
        place = self.named(name)
        return place.id if place is not None else None

    def refold(self, fold: Callable[[str], str]) -> None:
        """Compare names as the server does."""
        self._fold = fold
        self._by_name = {fold(room): place for room, place in self._by_id.items()}


def is_key(password: str) -> bool:
    """Tell whether a password can stand as one channel key in a line."""
    return password.isprintable() and _UNUSABLE.isdisjoint(password)


def is_usable(name: str, chantypes: str) -> bool:
    """Tell whether a name can stand as one channel in a line: a comma or a blank would make two of it."""
    return (
        name[:1] in chantypes
        and len(name) > 1
        and name.isprintable()
        and _UNUSABLE.isdisjoint(name)
        and len(name.encode(errors="replace")) <= 200
    )
