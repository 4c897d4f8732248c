"""How much of something each of many may do in a time: token buckets, one for each key.

Pure: who asks says what time it is. A bucket is full at first and fills up steadily, so somebody may do all at once that they may do
in the time, and then as much as drips in. Called by ``bridge.doorkeeper``.
"""

import math
from collections.abc import Hashable

import msgspec

_MOST = 10_000
"""Buckets that are kept; those that are full again say nothing, and go first."""


class Rate(msgspec.Struct, frozen=True):
    """So many in so many seconds."""

    many: int
    seconds: float


class Buckets:
    """The buckets of one rate."""

    __slots__ = ("_left", "rate")

    def __init__(self, rate: Rate | None) -> None:
        """None: everybody may do as much as they like."""
        self.rate = rate
        self._left: dict[Hashable, tuple[float, float]] = {}  # tokens, and when there were so many

    def take(self, key: Hashable, now: float, amount: float = 1.0) -> float:
        """Take one, or so much, and return 0; or nothing, and return in how many seconds there is as much.

        ``now`` in seconds. Of more than a full bucket holds there never is enough: infinite.
        """
        wait = self.lacks(key, now, amount)
        rate = self.rate
        if wait or rate is None:
            return wait
        if len(self._left) >= _MOST and key not in self._left:
            self._tidy(rate, now)
        self._left[key] = (self._filled(key, rate, now) - amount, now)
        return 0.0

    def lacks(self, key: Hashable, now: float, amount: float = 1.0) -> float:
        """Return in how many seconds there is so much, 0 for now; nothing is taken."""
        rate = self.rate
        if rate is None or (left := self._filled(key, rate, now)) >= amount:
            return 0.0
        return (amount - left) * rate.seconds / rate.many if amount <= rate.many else math.inf

    def _filled(self, key: Hashable, rate: Rate, now: float) -> float:
        left, at = self._left.get(key, (float(rate.many), now))
        return min(float(rate.many), left + (now - at) * rate.many / rate.seconds)

    def _tidy(self, rate: Rate, now: float) -> None:
        kept = {key: value for key, value in self._left.items() if self._filled(key, rate, now) < rate.many}
        self._left = dict(list(kept.items())[_MOST // 2 :]) if len(kept) >= _MOST else kept
