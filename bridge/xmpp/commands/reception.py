"""Where commands are offered on XMPP, and who calls: addresses of ours as places, bare JIDs as callers.

The same for forms (``adhoc``), for chat (``console``) and for whoever lists commands (``directory``). Which commands there are comes
from the application. Made by the connector.
"""

from collections.abc import Callable

from bridge.core.commands import Caller, Offer, Place, Who
from bridge.core.dialogue import Commands
from bridge.xmpp.ports import Item

Judge = Callable[[str], Who]
"""Tells what somebody may, by their bare JID."""


class Reception:
    """Receives whoever wants to have something done."""

    def __init__(self, domain: str, *, place_at: Callable[[str], Place | None], is_room: Callable[[str], bool]) -> None:
        self._domain = domain
        self._place_at = place_at
        self._is_room = is_room
        self.commands: Commands | None = None  # until the application has said which there are
        self.judge: Judge = lambda _: Who.ANYONE

    def place(self, address: str) -> Place | None:
        """Return what one of our addresses is to commands, None where it takes none: a ghost's."""
        return self._place_at(_localpart(address)) if self.commands is not None else None

    def caller(self, sender: str) -> Caller | None:
        """Return who calls, None for an occupant of a room: the room's address says nothing of who it is."""
        bare = sender.partition("/")[0]
        if "@" not in bare or self._is_room(bare):
            return None
        return Caller(user=bare, who=self.judge(bare))

    def offered(self, address: str, sender: str) -> list[Offer]:
        """Return what somebody may do at an address."""
        place, caller = self.place(address), self.caller(sender)
        if place is None or caller is None or self.commands is None:
            return []
        return self.commands.at(place, caller)

    def items(self, localpart: str, sender: str) -> tuple[Item, ...]:
        """Return the same as disco#items has it."""
        address = f"{localpart}@{self._domain}" if localpart else self._domain
        return tuple(Item(address, each.command.title, node(each)) for each in self.offered(address, sender))


def node(offer: Offer) -> str:
    """Return a command's node."""
    return offer.command.node or offer.command.slug


def _localpart(address: str) -> str:
    return address.partition("/")[0].rpartition("@")[0]
