"""When somebody who left still counts as there: a network split takes hundreds away for a moment.

Rosters themselves are kept by :mod:`bridge.engine.rosters`, which asks here at each departure and has the timers: whoever
comes back meanwhile has never been away, whoever does not leaves when the time is up, and nobody has to return for that.
"""

from collections import deque

from bridge.core.events import Cause

_SUDDEN = frozenset({Cause.QUIT, Cause.LOST})


class Departures:
    """The departures from one room, seen from when many go at once.

    More than ``most`` people lost within ``within`` seconds are a split: they, and all who are lost while it goes on,
    are held for ``hold`` seconds. The first ``most`` have gone by then, which is no storm either.
    """

    __slots__ = ("_hold", "_recent", "_within")

    def __init__(self, *, most: int = 5, within: float = 1.0, hold: float = 600.0) -> None:
        self._recent: deque[float] = deque(maxlen=most + 1)
        self._within = within
        self._hold = hold

    def left(self, cause: Cause, now: float) -> float:
        """Take note of a departure at ``now`` (seconds, never going back); return for how many seconds to hold it.

        0 is at once. Who left by choice or was thrown out is not held, whatever else happens.
        """
        if cause not in _SUDDEN:
            return 0.0
        recent = self._recent
        recent.append(now)
        is_split = len(recent) == recent.maxlen and now - recent[0] <= self._within
        return self._hold if is_split else 0.0
