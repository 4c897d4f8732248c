"""The seam between hosted rooms and whoever knows what may be hosted: implemented by ``bridge.gateway``."""

from collections.abc import Collection
from enum import Enum
from typing import Protocol

from bridge.connector import Listed
from bridge.core.acts import Act, Configuration, Roll
from bridge.core.ids import Network, Person, Room, RoomId


class Doing(Enum):
    """What users do often, and may not do too often."""

    JOIN = "join"
    SPEAK = "speak"
    COMMAND = "command"
    ASK = "ask"


class Gateway(Protocol):
    """Which rooms there are behind the component's addresses, and their links."""

    @property
    def fixed(self) -> Network | None:
        """The network that is meant where an address names none."""

    def find(self, name: str, network: Network | None) -> Room | None:
        """Return the room that an address names, None where it names a person or nothing. No network: the fixed server."""

    def title(self, remote: Room) -> str:
        """Return what people call a remote room: its id, where that says it."""

    def refuses(self, user: str, network: Network | None) -> str:
        """Return why somebody (a bare JID) may not use rooms and commands of a network, "" if they may; None: anything at all."""

    def refuses_contact(self, user: str, network: Network) -> str:
        """Return why somebody (a bare JID) may not write to people of a network, "" if they may."""

    def bounds(self, user: Person, remote: Room, held: Collection[Room], users: int) -> str:
        """Return why somebody cannot be in one more room, "" if they can; they hold these, so many use the gateway now."""

    def visit(self, network: Network) -> None:
        """Have a server that a user names be there for a while, if it may be, for what they have to set there."""

    def bounds_stays(self, held: int) -> str:
        """Return why somebody cannot stay without a client in one room more than so many, "" if they can."""

    def hurries(self, user: str, doing: Doing, room: str = "") -> str:
        """Return why somebody (a bare JID) has to wait before they do one more of something, "" if they need not."""

    @property
    def persistent(self) -> bool:
        """Whether users stay in a room without a client, unless they say otherwise."""

    def keeps(self, network: Network) -> bool:
        """Whether what is said in rooms of this network is kept."""

    @property
    def detach(self) -> float:
        """Seconds for which users stay in a room after they have gone offline."""

    def sessions(self, network: Network) -> bool:
        """Tell whether users are on this network as themselves."""

    def open(self, hosted: RoomId, remote: Room, *, password: str = "") -> None:
        """Link a hosted room with the remote one, unless they are; ``password`` is for the remote one. Raises: ValueError."""

    def close(self, hosted: RoomId) -> None:
        """Take that link down, unless the configuration has it."""

    def present(self, remote: Room, user: Person) -> str:
        """Return the nick under which a user is in a remote room already, "" if they are not."""

    async def moderate(self, remote: Room, by: Person, act: Act) -> None:
        """Do something in a remote room, as a user. Raises: ActRefused."""

    async def roll(self, remote: Room, by: Person, roll: Roll) -> list[tuple[str, str]]:
        """Return who is on a list of a remote room, and who has put them there. Raises: ActRefused."""

    async def rooms(self, network: Network, by: Person) -> list[Listed]:
        """Return which rooms a network shows. Raises: ActRefused."""

    def configuration(self, remote: Room) -> Configuration:
        """Return what a remote room is."""

    def picture(self, remote: Room) -> str:
        """Return what the picture of a remote room is called, "" for none."""

    def is_listed(self, remote: Room) -> bool:
        """Tell whether it is known who is in a remote room."""
