"""A hosted room with what those who serve it have to know of it, and what they ask of the service."""

from collections.abc import Iterable
from typing import Protocol

import msgspec

from bridge.core.acts import Configuration, Obstacle
from bridge.core.ids import Network, Person, Room, RoomId
from bridge.xmpp.hosted.ports import Gateway
from bridge.xmpp.hosted.room import HostedRoom, Out
from bridge.xmpp.messages.inbound import Scene
from bridge.xmpp.people.keepsakes import Keepsakes
from bridge.xmpp.ports import Cancellable

CONDITIONS = {
    Obstacle.FORBIDDEN: "not-allowed",
    Obstacle.ABSENT: "item-not-found",
    Obstacle.IMPOSSIBLE: "feature-not-implemented",
    Obstacle.AWAY: "remote-server-timeout",
    Obstacle.ALREADY: "conflict",
    Obstacle.BUSY: "resource-constraint",
}
"""What it is called on XMPP that the remote room does not do something."""


class Place(msgspec.Struct, eq=False):
    """A hosted room, what is behind it, and how far it is open."""

    room: HostedRoom
    id: RoomId
    remote: Room
    scene: Scene  # what is said here is read against it
    is_linked: bool = False  # the hub asks for it
    password: str = ""  # that was given last
    closing: Cancellable | None = None
    picture: str = ""  # what the remote room's is called
    known: Configuration | None = None  # what the remote room is, as those who are here know it


class House(Protocol):
    """All hosted rooms, as the parts of the service need them: ``service.Hosting``."""

    gateway: Gateway | None
    keepsakes: Keepsakes | None

    def place(self, address: str) -> Place | None:
        """Return an open room by its bare address."""

    def places(self) -> list[Place]:
        """Return every open room."""

    def remote(self, address: str) -> Room | None:
        """Return the room that an address names, None where it is none that can be hosted."""

    def network(self, address: str) -> Network | None:
        """Return the network behind a room."""

    def address(self, remote: Room) -> str:
        """Return the address of a room, "" where it has none."""

    def opened(self, address: str, password: str) -> Place | None:
        """Return a room, opened and linked if it was not, None where there can be none. Raises: ValueError."""

    def forget(self, address: str) -> None:
        """Have a room not be open that could not be linked."""

    @property
    def users(self) -> int:
        """How many are in a room, or on their way into one."""

    def held(self, person: Person) -> set[Room]:
        """Return the remote rooms that somebody is in, or on their way into."""

    def carry(self, place: Place, outs: Iterable[Out]) -> None:
        """Do what follows from something that was done to a room."""

    def look_anew(self, place: Place) -> None:
        """Take note of what the remote room is now."""

    def look_after(self, place: Place) -> None:
        """Close a room soon that nobody is in."""
