"""Trouble with the store, told to the admins in a message: once when it has lasted, and once when it is over.

The message goes straight to the stream, since nothing can be stored. What the trouble means for messages is the engine's
business and the connectors': what can be asked for again is not taken, the rest waits in memory, up to a bound.
Called by :mod:`bridge.app`.
"""

from collections.abc import Callable
from typing import Final

from bridge.engine.ports import Clock

LASTING: Final = 3.0
"""Seconds after which trouble is worth a message: a backup may hold the database for a moment."""
_EVERY: Final = 1.0


async def watch_store(healthy: Callable[[], str], clock: Clock, *, tell: Callable[[str], bool]) -> None:
    """Look again and again, for ever. ``healthy`` is the store's; ``tell`` returns False while nobody can be told."""
    since = told = None
    while True:
        trouble, now = healthy(), clock.monotonic()
        if not trouble:
            since = None
            if told is not None and tell("the store takes writes again: everything goes on"):
                told = None
        else:
            since = now if since is None else since
            if told is None and now - since >= LASTING and tell(_words(trouble)):
                told = now
        await clock.sleep(_EVERY)


def _words(trouble: str) -> str:
    return f"the store takes no writes: {trouble}. Messages wait, and the bridge goes on by itself once it does"
