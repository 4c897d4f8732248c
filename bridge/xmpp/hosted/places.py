"""A hosted room with what those who serve it have to know of it."""

import msgspec

from bridge.core.acts import Configuration, Obstacle
from bridge.core.ids import Room, RoomId
from bridge.xmpp.hosted.room import HostedRoom
from bridge.xmpp.messages.inbound import Scene
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
