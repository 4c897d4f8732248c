"""Is the reader still in the room? A MUC that was restarted says nothing by itself, so it is asked (XEP-0410).

Called by the room: once a second, and whenever something makes it doubt. No task while nothing is asked.
"""

from typing import Protocol

from bridge.core.ids import digest
from bridge.xmpp.joined.refusals import NO_ANSWER, PONG_ANYWAY
from bridge.xmpp.ports import IqRefused
from bridge.xmpp.surroundings import Surroundings
from bridge.xmpp.wire import namespaces as ns

SILENCE = 60.0
"""Seconds of silence after which a room is asked."""


async def is_inside(around: Surroundings, room: str, nick: str, *, sender: str = "") -> bool | None:
    """Ask a room whether we are in it (XEP-0410); None when nothing follows from the answer."""
    try:
        await around.component.iq(
            "get", to=f"{room}/{nick}", payload=f"<ping xmlns='{ns.PING}'/>", sender=sender or around.listener
        )
    except IqRefused as refused:
        if refused.condition in NO_ANSWER:
            return None
        return refused.condition in PONG_ANYWAY
    return True


class Place(Protocol):
    """What a self-ping needs of its room."""

    address: str
    around: Surroundings

    def reader_seat(self) -> tuple[str, str] | None:
        """Return the address and the nick of who reads the room, None if nobody does."""

    def lost(self) -> None:
        """Learn that the room does not know its reader any more."""


class SelfPing:
    """Asks a silent or suspected room whether its reader is still in it."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._around = place.around
        self._heard = 0.0
        self._asking = False
        self._spread = int(digest(place.address)[:4], 16) % 150 / 10  # not all rooms in the same second

    def heard(self) -> None:
        """Learn that the room has said something to its reader."""
        self._heard = self._around.clock.monotonic()

    def tick(self, now: float) -> None:
        """Ask, if it was silent for long; once a second."""
        if now - self._heard > SILENCE + self._spread:
            self.ask()

    def ask(self) -> None:
        """Ask now."""
        if not self._asking and self._place.reader_seat() is not None:
            self._asking = True
            self._around.spawn(self._ask())

    async def _ask(self) -> None:
        try:
            seat = self._place.reader_seat()
            if seat is None:
                return
            address, nick = seat
            inside = await is_inside(self._around, self._place.address, nick, sender=address)
            if inside:
                self.heard()
            elif inside is False and self._place.reader_seat() == seat:
                self._place.lost()
        finally:
            self._asking = False
