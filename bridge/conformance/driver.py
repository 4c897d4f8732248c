"""What the suite needs from a connector's author: the far side of the network, as one person in a room sees it."""

from typing import Protocol

import msgspec

from bridge.connector import Connector
from bridge.core.ids import Network, PersonId, RoomId


class Heard(msgspec.Struct, frozen=True):
    """A message as people in the room read it."""

    name: str  # under which it appeared
    text: str


class Driver(Protocol):
    """A network to test against: a stub server in the test's process, or a real one started for it."""

    @property
    def network(self) -> Network:
        """The name that the connector was configured with."""

    @property
    def room(self) -> RoomId:
        """A room that exists, or comes into being when it is joined."""

    async def start(self) -> None:
        """Bring the far side up. Called once, before anything else."""

    async def stop(self) -> None:
        """Take it down. Called once, after everything else, also when a test has failed."""

    def connector(self) -> Connector:
        """Make a connector for this far side, from the manifest's factory; each call makes another, none is running."""

    async def say(self, name: str, text: str) -> None:
        """Let a person of the network say something in the room; they come in first if they are not there."""

    async def heard(self) -> list[Heard]:
        """Return what the bridge has said in the room so far, in order, since :meth:`start`."""

    async def members(self) -> list[str]:
        """Return the names of all who are in the room now, the bridge's stand-ins included."""

    def person(self, name: str) -> PersonId:
        """Return what the network calls a person of this name."""
