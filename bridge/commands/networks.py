"""A network as its users use it: ``rooms list``, ``disconnect``."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Protocol

import msgspec

from bridge.commands.refusals import in_words
from bridge.connector import Listed
from bridge.core.commands import About, Answer, Call, Command, CommandRefused, Field, Offer, Sort, Table, Values, Why
from bridge.core.ids import Network, Person, RoomId

MOST: Final = 500


class ListedRoom(msgspec.Struct, frozen=True, kw_only=True):
    """A room that a network shows."""

    room: str
    """As the network calls it."""
    address: str
    """Its JID, to join it."""
    members: int
    topic: str


ROOMS: Final = Command(
    name="rooms list",
    title="Which rooms this network shows, the largest first",
    about=About.NETWORK,
    personal=True,
    fields=(
        Field(name="match", label="Only with this", required=False, description="A part of its name or of its subject"),
        Field(
            name="limit",
            label="How many at most",
            sort=Sort.NUMBER,
            required=False,
            default="50",
            least=1,
            most=MOST,
            named=True,
        ),
    ),
    result=list[ListedRoom],
)
DISCONNECT: Final = Command(
    name="disconnect",
    title="Leave this network now, with all rooms and clients",
    about=About.NETWORK,
    personal=True,
    help="In a room that is linked you are there again with your next message.",
)
COMMANDS: Final = (ROOMS, DISCONNECT)


class Lister(Protocol):
    """Who knows a network's rooms: :class:`bridge.gateway.Gateway`."""

    async def rooms(self, network: Network, by: Person) -> list[Listed]:
        """Return which rooms a network shows. Raises: ActRefused."""


class Sessions(Protocol):
    """Who ends sessions: :class:`bridge.userdesk.Users`."""

    def disconnect(self, user: str, *, network: str = "") -> int:
        """End a user's sessions; returns how many there were."""


Addressed = Callable[[Network, RoomId], str]
"""Returns the JID of a room on a network, "" if it is too long for one."""


def offers(lister: Lister, sessions: Sessions, *, address: Addressed) -> tuple[Offer, ...]:
    """Return the commands with what runs them."""
    return (
        Offer(command=ROOMS, run=partial(_rooms, lister, address)),
        Offer(command=DISCONNECT, run=partial(_disconnect, sessions)),
    )


async def _rooms(lister: Lister, address: Addressed, call: Call, values: Values) -> Answer:
    with in_words():
        found = await lister.rooms(call.network, call.person)
    part = values.text("match").casefold()
    fitting = [each for each in found if part in each.room.casefold() or part in each.topic.casefold()]
    fitting.sort(key=lambda each: (-each.members, each.room))
    limit = values.number("limit")
    shown = [_document(each, address(call.network, each.room)) for each in fitting[:limit]]
    return Answer(
        text="" if shown else "There is none.",
        table=_table(shown) if shown else None,
        data=shown,
        remark=f"{len(fitting) - limit} more are not shown" if len(fitting) > limit else "",
    )


def _document(listed: Listed, address: str) -> ListedRoom:
    return ListedRoom(room=listed.room, address=address, members=listed.members, topic=listed.topic)


def _table(rooms: Sequence[ListedRoom]) -> Table:
    rows = ((each.room, str(each.members or ""), each.address, each.topic) for each in rooms)
    return Table(columns=("ROOM", "PEOPLE", "ADDRESS", "SUBJECT"), rows=tuple(rows))


async def _disconnect(sessions: Sessions, call: Call, _: Values) -> Answer:
    if not sessions.disconnect(call.user, network=call.network):
        msg = f"You are not on {call.network} now."
        raise CommandRefused(msg, why=Why.MISSING)
    return Answer(text=f"You have left {call.network}.")
