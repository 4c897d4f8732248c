"""Who is away, where a server does not tell by itself (no ``away-notify``): asked by WHO, in small doses, as people's clients do.

One channel at a time over the connection that reads it, the smaller ones more often, very large ones never; and of hosted rooms
only those in which somebody of ours is who is not away themselves. What the answers mean is read as any line (``attendance``).
There is a timer only while there is a channel to ask about. Woken by whoever begins to read a channel.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection
from typing import Final

from bridge.core.ids import RoomId
from connectors.irc.connection.client import Congested, Connection
from connectors.irc.reading.places import Place
from connectors.irc.scene import Scene

FEW: Final = 50
"""Members up to which a channel is asked about as often as may be; of one with more, so much less often."""
MOST: Final = 500
"""Members of the largest channel that is asked about."""
_GAP: Final = 1.0
"""Seconds between two questions; and for each line of the answer:"""
_LINE: Final = 0.05


class Looks:
    """The questions of one network."""

    def __init__(
        self,
        scene: Scene,
        reader: Callable[[Place], Connection | None],
        attended: Callable[[], Collection[RoomId]],
    ) -> None:
        """``reader`` gives the connection that reads a channel; ``attended`` the rooms in which somebody of ours looks."""
        self._scene = scene
        self._reader = reader
        self._attended = attended
        self._asked: dict[RoomId, float] = {}
        self._timer: asyncio.TimerHandle | asyncio.Handle | None = None

    def wake(self) -> None:
        """Look whether there is anybody to ask about, once for all that changes in this turn of the loop."""
        if self._timer is None and self._scene.pace.away:
            self._timer = self._scene.loop.call_soon(self._look)

    def stop(self) -> None:
        """Ask nothing more."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        """Ask about the channel whose turn it is, and come again for the next."""
        self._timer = None
        now = self._scene.time()
        turns = self._turns(now)
        if not turns:
            return
        due, place, connection, members = min(turns, key=lambda turn: turn[0])
        pause = due - now
        if pause <= 0:
            self._asked[place.id] = now
            pause = min(_GAP + members * _LINE, self._scene.pace.away)
            with contextlib.suppress(Congested):
                connection.send("WHO", place.name)
        self._timer = self._scene.later(pause, self._look)

    def _turns(self, now: float) -> list[tuple[float, Place, Connection, int]]:
        """Return of each channel that can be asked about when it is its turn, over which connection, and how many are there."""
        attended = self._attended()
        asked, self._asked = self._asked, {}
        turns = []
        for place in self._scene.places:
            connection, channel = self._reader(place), self._scene.view.channel(place.name)
            if connection is None or channel is None or "away-notify" in connection.caps or len(channel.members) > MOST:
                continue
            last = asked.get(place.id, now)  # whoever has just come in has asked
            every = self._scene.pace.away * max(len(channel.members) / FEW, 1.0)
            if last + every <= now and not (place.is_ours or place.id in attended):
                last = now
            self._asked[place.id] = last
            turns.append((last + every, place, connection, len(channel.members)))
        return turns
