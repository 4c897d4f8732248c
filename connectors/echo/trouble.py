"""Trouble to order, for tests: failing sends, sends that are not answered, puppets that do not get in, a crash.

No part of the template: a real network brings its own.
"""

from collections import deque

from bridge.core.ids import RoomId


class Trouble:
    """What shall go wrong."""

    def __init__(self) -> None:
        self.joins_held = False  # puppets stay outside for now
        self.latency = 0.0  # seconds until a send is answered
        self.crash: Exception | None = None  # raised out of ``run``, once
        self._failures: dict[RoomId, deque[Exception]] = {}
        self._held: set[RoomId] = set()

    def fail(self, room: str, *failures: Exception) -> None:
        """Let the next deliveries to a room fail, each with one of these."""
        self._failures.setdefault(RoomId(room), deque()).extend(failures)

    def hold(self, *rooms: str) -> None:
        """Carry out nothing in these rooms; what is sent is not answered."""
        self._held.update(map(RoomId, rooms))

    def release(self, *rooms: str) -> None:
        """End what :meth:`hold` began; tell the connector by its ``wake``."""
        self._held.difference_update(map(RoomId, rooms))

    def holds(self, room: RoomId) -> bool:
        """Tell whether nothing goes in a room."""
        return room in self._held

    def next_failure(self, room: RoomId) -> Exception | None:
        """Return what the next delivery fails with, None if it does not."""
        failures = self._failures.get(room)
        return failures.popleft() if failures else None
