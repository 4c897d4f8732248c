"""How much may be sent: a token bucket, as arithmetic on a clock that is given. Pure; used by ``stream``.

Servers punish lines, and long lines more: with the defaults a connection may say ten short lines at once and two a
second after that, which is below what solanum, InspIRCd and UnrealIRCd kill for.
"""

import msgspec

_AUTOMATIC_RATE = 2.0
_BYTES_FOR_ONE_MORE = 256


class Flood(msgspec.Struct, frozen=True, kw_only=True):
    """``burst`` lines at once, then ``rate`` a second; 0 is no limit, None is 2 or, on the same machine, no limit."""

    burst: float = 10.0
    rate: float | None = None

    def bucket(self, *, local: bool) -> "Bucket | None":
        """Return a full bucket, None for no limit; ``local`` says that the server is on this machine."""
        rate = (0.0 if local else _AUTOMATIC_RATE) if self.rate is None else self.rate
        return Bucket(burst=self.burst, rate=rate) if rate > 0 else None


def cost(data: bytes) -> float:
    """Return what a line takes out of the bucket."""
    return 1.0 + len(data) / _BYTES_FOR_ONE_MORE


class Bucket:
    """Holds ``burst`` and fills by ``rate`` a second; a line that costs more than all of it may go when it is full."""

    __slots__ = ("_at", "_burst", "_level", "_rate")

    def __init__(self, *, burst: float, rate: float) -> None:
        self._burst = self._level = max(burst, 1.0)
        self._rate = rate
        self._at: float | None = None

    def take(self, amount: float, now: float) -> bool:
        """Take the amount out if there is enough."""
        self._fill(now)
        if self._level < min(amount, self._burst):
            return False
        self._level -= amount
        return True

    def charge(self, amount: float, now: float) -> None:
        """Take the amount out even if there is not enough: for what cannot wait, but counts."""
        self._fill(now)
        self._level -= amount

    def wait(self, amount: float, now: float) -> float:
        """Return in how many seconds there will be enough."""
        self._fill(now)
        return max(0.0, (min(amount, self._burst) - self._level) / self._rate)

    def _fill(self, now: float) -> None:
        if self._at is not None:
            self._level = min(self._burst, self._level + (now - self._at) * self._rate)
        self._at = now
