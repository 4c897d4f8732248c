"""The end of a ban that is somebody else's as well: lifted elsewhere it is lifted here, lifted here it is told.

Both may happen while the other side is away. What is to be lifted is kept (``bans``) until the server has done it, and tried
whenever the listener is in the channel as an operator; which masks are gone that have kept puppets out is asked for when
the listener comes in. Called by the listener.
"""

import asyncio
from collections.abc import Callable

from bridge.core.events import BanLifted
from bridge.core.ids import PersonId, RoomId
from connectors.irc.connection.client import Congested, Connection, Line
from connectors.irc.connection.overhearing import BusyError
from connectors.irc.connection.requests import Lost
from connectors.irc.reading.places import Place, Step
from connectors.irc.scene import Scene

_NOT_NOW = frozenset({"403", "442", "482", "FAIL"})
"""What a server says that has not done it; of a mask that is not there, some say nothing and some a numeric of their own."""
PATIENCE = 20.0
"""Seconds until a server that says nothing is taken not to tell."""
_LISTED, _END = "367", "368"


class Pardons:
    """The pardons of one run."""

    def __init__(self, scene: Scene, listener: Callable[[], Connection | None]) -> None:
        self._scene = scene
        self._listener = listener
        self._busy: set[RoomId] = set()
        self._again: set[RoomId] = set()  # something has changed meanwhile

    def forgive(self, room: RoomId, person: PersonId) -> None:
        """Lift the ban that the bridge has set on somebody, now or when it can be done."""
        place = self._scene.places.get(room)
        if self._scene.bans.forgive(room, person) and place is not None:
            self.settle(place)

    def entered(self, place: Place) -> None:
        """Be in a channel and know who is there: see what was lifted meanwhile, and lift what is due."""
        connection = self._listener()
        if connection is not None and self._scene.bans.hits(place.id):
            self._scene.spawn(self._compare(connection, place))
        self.settle(place)

    def settle(self, place: Place) -> None:
        """Lift what is due in a channel, if that can be done now."""
        connection, room = self._listener(), place.id
        if connection is None or place.step is not Step.IN or not self._scene.bans.due(room):
            return
        if room in self._busy:
            self._again.add(room)
        elif self._scene.view.has_op(place.name, connection.nick):
            self._busy.add(room)
            self._scene.spawn(self._lift(connection, place))

    def changed(self, place: Place, line: Line) -> None:
        """Take a MODE: tell whose puppets may come again, for the mask that kept them out is off; and we may be an operator now."""
        changes = self._scene.view.isupport.mode_changes(line.params[1:])
        for mask in [mask for sign, letter, mask in changes if (sign, letter) == ("-", "b") and mask]:
            self._scene.bans.is_lifted(place.id, mask)
            self._tell(place, mask)
        self.settle(place)

    def _tell(self, place: Place, mask: str) -> None:
        scene = self._scene
        people = scene.bans.lifted(place.id, mask)
        scene.emit([BanLifted(origin=scene.origin(place.id), person=person) for person in people])

    async def _lift(self, connection: Connection, place: Place) -> None:
        try:
            await self._lift_all(connection, place)
        finally:
            self._busy.discard(place.id)
        if place.id in self._again:
            self._again.discard(place.id)
            self.settle(place)

    async def _lift_all(self, connection: Connection, place: Place) -> None:
        bans = self._scene.bans
        for mask in bans.due(place.id):
            try:
                lines = await connection.request("MODE", place.name, "-b", mask)
            except (Lost, Congested):
                return  # the next connection will
            if any(line.command in _NOT_NOW for line in lines):
                return
            bans.is_lifted(place.id, mask)

    async def _compare(self, connection: Connection, place: Place) -> None:
        scene = self._scene
        try:
            async with asyncio.timeout(PATIENCE):
                lines, said = await scene.overhearing.ask(connection, _END, "MODE", place.name, "b")
        except (Lost, TimeoutError, Congested, BusyError):
            return
        if any(line.command in _NOT_NOW for line in said):
            return
        fold = scene.view.fold
        listed = {fold(line.param(2)) for line in lines if line.command == _LISTED}
        for mask in scene.bans.hits(place.id):
            if fold(mask) not in listed:
                self._tell(place, mask)
