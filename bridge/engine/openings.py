"""Which linked rooms are read, and why the others are not: what an operator asks first.

Only what listeners tell is kept here; nothing follows from it but the ready line, listings and a metric. A network that has
nothing to listen with (no ability ``Listens``) gives its rooms without being asked. Called by the hub.
"""

from collections.abc import Iterable

import msgspec

from bridge.core.events import RoomClosed, RoomOpened
from bridge.core.ids import Network, Room

WAITING = "not open yet"


class RoomStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a linked room is."""

    room: Room
    open: bool
    reason: str = ""  # why it is not read; "" when it is
    final: bool = False  # the connector has stopped trying


class Openings:
    """The last word of every listener."""

    def __init__(self) -> None:
        self._rooms: dict[Room, RoomStatus] = {}

    def wait(self, rooms: Iterable[Room]) -> None:
        """Expect these rooms to be opened, from the start."""
        for room in rooms:
            self._rooms[room] = RoomStatus(room=room, open=False, reason=WAITING)

    def given(self, rooms: Iterable[Room]) -> None:
        """Take these rooms as read without being told: their network has no listener."""
        for room in rooms:
            self._rooms[room] = RoomStatus(room=room, open=True)

    def drop(self, rooms: Iterable[Room]) -> None:
        """Forget rooms that are in no link any more."""
        for room in rooms:
            self._rooms.pop(room, None)

    def see(self, event: RoomOpened | RoomClosed) -> None:
        """Take note of what a listener tells."""
        room = event.origin.room
        if room not in self._rooms:
            return
        match event:
            case RoomOpened():
                self._rooms[room] = RoomStatus(room=room, open=True)
            case RoomClosed():
                reason = event.reason or event.cause.value
                self._rooms[room] = RoomStatus(room=room, open=False, reason=reason, final=event.final)

    def of(self, network: Network) -> list[Room]:
        """Return the rooms of one network."""
        return [room for room in self._rooms if room.network == network]

    def statuses(self) -> list[RoomStatus]:
        """Return how all linked rooms are."""
        return list(self._rooms.values())
