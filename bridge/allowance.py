"""How much of files may be put to the XMPP server's upload service in a time: of one person's, and of everybody's.

Whose files it takes is the service's business; what the bridge puts there counts as the bridge's own, so that one person could use up
what is meant for all. Built by :mod:`bridge.app`, asked by :mod:`bridge.xmpp.messages.uploads`.
"""

from collections.abc import Callable
from typing import Final

from bridge.config import MediaSettings, rate
from bridge.core.ids import Person
from bridge.core.rates import Buckets, Rate

_MB: Final = 1_000_000
_ALL: Final = "everybody"


class Allowance:
    """What is left."""

    def __init__(self, *, now: Callable[[], float]) -> None:
        """``now`` gives seconds that never go backwards."""
        self._now = now
        self._each, self._all = Buckets(None), Buckets(None)

    def bound(self, settings: MediaSettings) -> None:
        """Apply what the operator says; the same as before changes nothing."""
        self._each = _unless_same(self._each, rate(settings.rate_uploads))
        self._all = _unless_same(self._all, rate(settings.rate_uploads_total))

    def take(self, who: Person | None, size: int) -> str:
        """Take so many bytes for somebody, or nobody in particular; returns why that cannot be, "" where it is done."""
        now, much = self._now(), size / _MB
        for buckets, key, whose in ((self._each, who, "of one person"), (self._all, _ALL, "in all")):
            wait = 0.0 if key is None else buckets.lacks(key, now, much)
            if wait and buckets.rate is not None:
                bound = f"{buckets.rate.many} MB in {buckets.rate.seconds:g} s"
                return f"more files {whose} than are put to the upload service: {bound}"
        if who is not None:
            self._each.take(who, now, much)
        self._all.take(_ALL, now, much)
        return ""


def _unless_same(before: Buckets, now: Rate | None) -> Buckets:
    return before if before.rate == now else Buckets(now)
