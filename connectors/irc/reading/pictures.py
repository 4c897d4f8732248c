"""Pictures that people and channels give themselves on a network (IRCv3 metadata, key ``avatar``).

Pure but for a timer: what may be one, and asking again where a server would not tell everything at once. That the key is subscribed
to is the connection's doing, who has which picture is kept by ``channels``, and fetching one is nobody's business here.
"""

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from connectors.irc.connection.client import Congested, Connection, Line

KEY: Final = "avatar"
LATER: Final = "774"
"""RPL_METADATASYNCLATER: ``774 me target seconds``."""
_SIDE: Final = "128"
"""Pixels of what is fetched, where a server can be asked for a size."""
_URL: Final = re.compile(r"https?://[^\s\x00-\x20\x7f\"<>\\^`|]{3,1500}")
_SOONEST, _LATEST, _USUAL = 1, 3600, 30
_MOST: Final = 100
"""Questions that wait to be asked again."""


def url(value: str) -> str:
    """Return where a picture is that somebody says they have, "" for what is no URL."""
    value = value.strip().replace("{size}", _SIDE)
    return value if _URL.fullmatch(value) else ""


class Syncs:
    """What a server would not tell yet."""

    def __init__(self, later: Callable[[float, Callable[[], None]], asyncio.TimerHandle]) -> None:
        """``later`` calls once, after so many seconds."""
        self._later = later
        self._waiting: dict[tuple[Connection, str], asyncio.TimerHandle] = {}

    def line(self, connection: Connection, line: Line) -> None:
        """Ask once more for what is known of a target, when the server wishes to be asked."""
        target, seconds = line.param(1), line.param(2)
        if not target or (connection, target) in self._waiting or len(self._waiting) >= _MOST:
            return
        pause = int(seconds) if seconds.isascii() and seconds.isdecimal() and len(seconds) < 6 else _USUAL
        pause = min(max(pause, _SOONEST), _LATEST)
        self._waiting[connection, target] = self._later(pause, lambda: self._ask(connection, target))

    def _ask(self, connection: Connection, target: str) -> None:
        del self._waiting[connection, target]
        with suppress(Congested, ValueError):
            connection.send("METADATA", target, "SYNC")
