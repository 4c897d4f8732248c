"""How often something may happen: a bucket that fills with time. Pure: the time is given from outside.

Called by :mod:`.inbound`.
"""

from dataclasses import dataclass
from typing import Final

MINUTE: Final = 60_000
BURST: Final = 2_000
"""The most that may come at once."""


@dataclass
class _Level:
    tokens: float
    at: int


class Pace:
    """One bucket for each name; a full one holds a minute's worth, at most :data:`BURST`."""

    def __init__(self) -> None:
        self._levels: dict[str, _Level] = {}

    def take(self, name: str, per_minute: int, now: int) -> float:
        """Take one; returns 0 if there was one, else the seconds until there is. No limit where ``per_minute`` is 0."""
        if not per_minute:
            return 0.0
        full = float(min(BURST, per_minute))
        level = self._levels.setdefault(name, _Level(full, now))
        level.tokens = min(full, level.tokens + max(0, now - level.at) * per_minute / MINUTE)
        level.at = now
        if level.tokens >= 1:
            level.tokens -= 1
            return 0.0
        return (1 - level.tokens) * MINUTE / per_minute / 1000

    def tidy(self, now: int) -> None:
        """Forget buckets that are full again by now."""
        self._levels = {name: level for name, level in self._levels.items() if now - level.at < MINUTE}
