"""Users who go offline and are not sent out of their rooms at once: a phone that loses its network is back in a minute.

Whether somebody has left a room or has gone offline is not said by what a room is told: it is the same presence. So the client is asked
(XEP-0199) when its user's last one goes: one that answers, or whose server does not say that it is gone, has left. Of one that is gone
the user stays, away, for as long as the operator says (``[gateway] detach``). Used by ``service``.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from bridge.core.ids import Person
from bridge.xmpp.hosted.places import Place
from bridge.xmpp.hosted.requests import FATAL, user
from bridge.xmpp.ports import Cancellable, IqRefused
from bridge.xmpp.surroundings import Surroundings
from bridge.xmpp.wire import namespaces as ns

GONE: Final = "has gone offline"
_PING: Final = f"<ping xmlns='{ns.PING}'/>"
_PATIENCE: Final = 10.0


class Detaching:
    """Those who are waited for."""

    def __init__(
        self, around: Surroundings, *, delay: Callable[[], float], out: Callable[[Place, Person, str], None]
    ) -> None:
        """``delay`` is for how long somebody stays, in seconds, 0 for not at all; ``out`` sends them out, with a reason."""
        self._around = around
        self._delay = delay
        self._out = out
        self._timers: dict[tuple[str, Person], Cancellable] = {}

    def holds(self, place: Place, client: str, status: str, *, certain: bool) -> bool:
        """Tell whether a user stays whose client has just gone; ``certain``: it was not by their own will."""
        person = user(client)
        occupant = place.room.find(person)
        if self._delay() <= 0 or occupant is None or set(occupant.clients) != {client}:
            return False
        if certain:
            self._wait(place, person)
            return True
        return self._around.spawn(self._find_out(place, client, status))

    async def _find_out(self, place: Place, client: str, status: str) -> None:
        """Ask the client whether it is there."""
        person = user(client)
        try:
            await self._around.component.iq("get", to=client, payload=_PING, timeout=_PATIENCE)
        except IqRefused as refused:
            if refused.condition in FATAL:
                self._wait(place, person)
                return
        self._end(place, person, status)

    def _wait(self, place: Place, person: Person) -> None:
        key = (place.id, person)
        before = self._timers.pop(key, None)
        if before is not None:
            before.cancel()
        over = partial(self._end, place, person, GONE)
        self._timers[key] = self._around.component.call_later(self._delay(), over)

    def _end(self, place: Place, person: Person, reason: str) -> None:
        """Send somebody out who has not come back."""
        self._timers.pop((place.id, person), None)
        occupant = place.room.find(person)
        if occupant is not None and not occupant.clients:
            self._out(place, person, reason)
