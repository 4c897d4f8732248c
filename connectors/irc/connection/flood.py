"""How much may be sent: a window of what the server has not processed yet, and a token bucket. Pure; used by ``stream``.

Servers that find us too fast do not say so: they let our lines lie (InspIRCd and UnrealIRCd take one a second then), and
kill us when too much has gathered (InspIRCd at 8 kB, solanum at 20 lines, ircu at 1 kB). The **window** never lets so much
gather: answers tell what was processed, and where none is under way a PING asks for one. So a connection goes as fast as
its server takes it, whatever that is, and needs no setting. The **bucket** is for people and for channel bots, which find
a flood where the server does not: at first ten lines at once, then two a second.
"""

import msgspec

WINDOW = 4096
"""Bytes that a server may have from us without having processed them."""
LEAST = 256
"""What a short line counts for: no more than 16 lines may gather."""
_AUTOMATIC_RATE = 2.0
_BYTES_FOR_ONE_MORE = 256


class Flood(msgspec.Struct, frozen=True, kw_only=True):
    """``burst`` lines at once, then ``rate`` a second; 0 is as fast as the server can, None is 2, or 0 on the same machine."""

    burst: float = 10.0
    rate: float | None = None

    def bucket(self, *, local: bool) -> "Bucket | None":
        """Return a full bucket, None for no limit; ``local`` says that the server is on this machine."""
        rate = (0.0 if local else _AUTOMATIC_RATE) if self.rate is None else self.rate
        return Bucket(burst=self.burst, rate=rate) if rate > 0 else None


def cost(data: bytes) -> float:
    """Return what a line takes out of the bucket."""
    return 1.0 + len(data) / _BYTES_FOR_ONE_MORE


class Window:
    """Counts what was sent and what is known to be processed, in bytes; short lines count as :data:`LEAST`."""

    __slots__ = ("_asked", "_processed", "sent")

    def __init__(self) -> None:
        self.sent = 0
        self._processed = 0
        self._asked = 0  # up to where an answer is under way

    def has_room(self, data: bytes) -> bool:
        """Whether a line may go now; one always may when everything is processed."""
        gathered = self.sent - self._processed
        return gathered == 0 or gathered + max(len(data), LEAST) <= WINDOW

    def take(self, data: bytes) -> bool:
        """Count a line if it may go now."""
        gathered, size = self.sent - self._processed, max(len(data), LEAST)
        if gathered and gathered + size > WINDOW:
            return False
        self.sent += size
        return True

    def send(self, data: bytes) -> None:
        """Count a line that goes, whether or not it may."""
        self.sent += max(len(data), LEAST)

    @property
    def is_due(self) -> bool:
        """Whether it is time to ask the server how far it is."""
        return self.sent - self._asked > WINDOW // 2

    def asked(self) -> int:
        """Note that an answer to what was sent last is under way; returns the place that it will prove."""
        self._asked = self.sent
        return self.sent

    def processed(self, place: int) -> bool:
        """Note an answer; returns whether it brought anything new."""
        if place <= self._processed:
            return False
        self._processed = place
        return True


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
