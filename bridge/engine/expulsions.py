"""Mirroring kicks and bans of stand-ins, after a moment's thought.

Who bans the bridge's domain from a room throws out every stand-in at once, each with a kick or ban of its own, and the
listener among them. That says something about the bridge and nothing about the people behind. So each removal is held
for a moment, and it is mirrored only if the room is still open to us then and few were removed together. Called by the
hub; what a removal leads to is decided in :mod:`bridge.core.routing`.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial

from bridge.core.deliveries import Kick
from bridge.core.ids import Room
from bridge.engine.counters import Count
from bridge.engine.desk import Desk
from bridge.engine.ports import Timer

log = logging.getLogger(__name__)

THOUGHT = 1.0
"""Seconds from the first removal until it is mirrored."""
MANY = 5
"""So many people removed within that time are not mirrored."""


class Expulsions:
    """Holds what follows from removals, by the room where they happened."""

    def __init__(self, desk: Desk, *, is_open: Callable[[Room], bool], post: Callable[[Kick], None]) -> None:
        self._clock = desk.clock
        self._counters = desk.counters
        self._is_open = is_open
        self._post = post
        self._held: dict[Room, list[Sequence[Kick]]] = {}
        self._timers: dict[Room, Timer] = {}

    def add(self, room: Room, kicks: Sequence[Kick]) -> None:
        """Consider what follows from one removal in ``room``."""
        if not kicks:
            return
        self._held.setdefault(room, []).append(kicks)
        if room not in self._timers:
            self._timers[room] = self._clock.call_later(THOUGHT, partial(self._decide, room))

    def close(self) -> None:
        """Mirror nothing more."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._held.clear()

    def _decide(self, room: Room) -> None:
        del self._timers[room]
        removals = self._held.pop(room)
        if len(removals) >= MANY or not self._is_open(room):
            self._counters.add(Count.UNMIRRORED, room.network, times=len(removals))
            log.warning("kicks.unmirrored", extra={"network": room.network, "room": room.id, "people": len(removals)})
            return
        for kicks in removals:
            for kick in kicks:
                self._post(kick)
