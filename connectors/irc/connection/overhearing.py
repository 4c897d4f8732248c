"""Questions whose answer is a row of numerics that name something else than what was asked for: LIST, bans, WHOIS, WHO.

Not every server labels its answers, so what comes between the question and the numeric that ends the answer is collected as
it passes by the listener or a puppet. One question of a kind at a time on each connection. Pure of decisions; called by
``moderation``, ``inquiring`` and ``acquaintance``.
"""

import asyncio
from collections.abc import Callable, Mapping

from connectors.irc.connection.client import Connection, Line

_ROWS = (
    "321 322 323",
    "346 347",
    "367 368",
    "276 301 307 310 311 312 313 317 319 320 330 335 338 378 379 671 318",
    "352 354 315",
)
"""The channels of a network; who is invited to a channel, who is banned from it; WHOIS; WHO: with the numeric that ends each."""
ENDS: Mapping[str, str] = {numeric: row.split()[-1] for row in _ROWS for numeric in row.split()}
"""Numerics that are collected, and the one that ends their row."""
_FOR_OTHERS_TOO = frozenset({"352"})
"""Numerics that may just as well answer somebody else's question at the same time."""
MOST = 20_000
"""Lines of one answer that are kept."""


def _all(_line: Line) -> bool:
    return True


class _Ear:
    """Somebody who waits for a row."""

    __slots__ = ("done", "end", "lines", "mine")

    def __init__(self, end: str, mine: Callable[[Line], bool]) -> None:
        self.end = end
        self.mine = mine
        self.lines: list[Line] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Overhearing:
    """All rows that are waited for on one network."""

    def __init__(self) -> None:
        self._ears: dict[tuple[Connection, str], _Ear] = {}

    def line(self, connection: Connection, line: Line) -> bool:
        """Take a numeric of :data:`ENDS`; False: it is for others, or for others too."""
        ear = self._ears.get((connection, ENDS[line.command]))
        if ear is None or ear.done.done() or not ear.mine(line):
            return False
        if line.command == ear.end:
            ear.done.set_result(None)
        elif len(ear.lines) < MOST:
            ear.lines.append(line)
        return line.command not in _FOR_OTHERS_TOO

    async def ask(
        self, connection: Connection, end: str, command: str, *params: str, mine: Callable[[Line], bool] = _all
    ) -> tuple[list[Line], list[Line]]:
        """Ask, and return the row, and what else the server said: an error ends it, too. How long to wait is the caller's.

        ``mine`` tells of a numeric whether it can be part of this answer.

        Raises: Lost, Congested; BusyError where the same is being asked on this connection.
        """
        key = (connection, end)
        if key in self._ears:
            raise BusyError
        ear = self._ears[key] = _Ear(end, mine)
        try:
            said = await connection.request(command, *params)
            if not any("400" <= line.command < "600" for line in said if line.command.isdecimal()):
                await ear.done
            return ear.lines, said
        finally:
            del self._ears[key]


class BusyError(Exception):
    """The same question is under way on this connection."""
