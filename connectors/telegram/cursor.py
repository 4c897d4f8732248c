"""How far updates have been read: what getUpdates is asked to go on from.

Telegram numbers updates one after another, but begins anew at random when there was none for a week. An offset from before
would then confirm what nobody has read; so one that is old is not used. Pure.
"""

from typing import Final, Self

import msgspec

_LASTS: Final = 3 * 86_400.0
"""Seconds for which a number can be trusted: much less than a week, much more than an outage of the store."""


class Cursor(msgspec.Struct, frozen=True):
    """The last update that is safe, and when that was: seconds since the epoch."""

    last: int = 0
    at: float = 0.0

    def offset(self, now: float) -> int | None:
        """Return where to go on; None for wherever Telegram is. ``now`` in seconds since the epoch."""
        return self.last + 1 if self.last and now - self.at < _LASTS else None

    def encode(self) -> str:
        """Return it as a text to remember."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def decode(cls, text: str | None) -> Self:
        """Return what :meth:`encode` wrote, or the beginning."""
        if not text:
            return cls()
        try:
            return msgspec.json.decode(text, type=cls)
        except msgspec.DecodeError:
            return cls()
