"""Links of the running bridge: ``links list``, ``links add``, ``links remove``."""

from collections.abc import Sequence
from functools import partial
from typing import Final, Protocol

from bridge import listing
from bridge.core.commands import Answer, Call, Command, Field, Offer, Sort, Values, Who
from bridge.web.ports import LinkDocument, NewLink

LIST: Final = Command(name="links list", title="List all links", who=Who.ADMIN, result=list[LinkDocument])
ADD: Final = Command(
    name="links add",
    title="Join rooms, from now on and after restarts",
    who=Who.ADMIN,
    fields=(
        Field(name="name", label="Name of the link"),
        Field(
            name="rooms",
            label="Rooms",
            sort=Sort.LIST,
            least=2,
            description='Two or more, each as NETWORK:ROOM, such as "xmpp:dev@conference.example.org" or "libera:#dev"',
        ),
    ),
    result=LinkDocument,
)
REMOVE: Final = Command(
    name="links remove",
    title="Take back a link that was added",
    who=Who.ADMIN,
    fields=(Field(name="name", label="Name of the link"),),
)
COMMANDS: Final = (LIST, ADD, REMOVE)


class Links(Protocol):
    """Who knows the links: :class:`bridge.administration.Administration`."""

    def links(self) -> Sequence[LinkDocument]:
        """Return all links."""

    async def add_link(self, link: NewLink) -> LinkDocument:
        """Make a link and keep it. Raises: CommandRefused."""

    async def remove_link(self, name: str) -> None:
        """Take back a link that was made by command. Raises: CommandRefused."""


def offers(links: Links) -> tuple[Offer, ...]:
    """Return the commands with what runs them."""
    return (
        Offer(command=LIST, run=partial(_list, links)),
        Offer(command=ADD, run=partial(_add, links)),
        Offer(command=REMOVE, run=partial(_remove, links)),
    )


async def _list(links: Links, _: Call, __: Values) -> Answer:
    found = links.links()
    return Answer(table=listing.links(found), data=found)


async def _add(links: Links, _: Call, values: Values) -> Answer:
    link = await links.add_link(NewLink(name=values.text("name"), rooms=values.texts("rooms")))
    return Answer(text=f"linked {' and '.join(room.room for room in link.rooms)}", data=link)


async def _remove(links: Links, _: Call, values: Values) -> Answer:
    name = values.text("name")
    await links.remove_link(name)
    return Answer(text=f"removed {name}")
