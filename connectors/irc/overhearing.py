"""Questions whose answer is a row of numerics that name something else than what was asked for: LIST, the bans of a channel.

Not every server labels its answers, so what comes between the question and the numeric that ends the answer is collected as
it passes by the listener or a puppet. One question of a kind at a time on each connection. Pure of decisions; called by
``moderation`` and ``inquiring``.
"""

import asyncio
from collections.abc import Mapping

from connectors.irc.client import Connection, Line

_ROWS = (("321", "322", "323"), ("346", "347"), ("367", "368"))
"""The channels of a network; who is invited to a channel, who is banned from it: with the numeric that ends each."""
ENDS: Mapping[str, str] = {numeric: row[-1] for row in _ROWS for numeric in row}
"""Numerics that are collected, and the one that ends their row."""
MOST = 20_000
"""Lines of one answer that are kept."""


class _Ear:
    """Somebody who waits for a row."""

    __slots__ = ("done", "end", "lines")

    def __init__(self, end: str) -> None:
        self.end = end
        self.lines: list[Line] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Overhearing:
    """All rows that are waited for on one network."""

    def __init__(self) -> None:
        self._ears: dict[tuple[Connection, str], _Ear] = {}

    def line(self, connection: Connection, line: Line) -> None:
        """Take a numeric of :data:`ENDS`."""
        ear = self._ears.get((connection, ENDS[line.command]))
        if ear is None or ear.done.done():
            return
        if line.command == ear.end:
            ear.done.set_result(None)
        elif len(ear.lines) < MOST:
            ear.lines.append(line)

    async def ask(self, connection: Connection, end: str, command: str, *params: str) -> tuple[list[Line], list[Line]]:
        """Ask, and return the row, and what else the server said: an error ends it, too. How long to wait is the caller's.

        Raises: Lost, Congested; BusyError where the same is being asked on this connection.
        """
        key = (connection, end)
        if key in self._ears:
            raise BusyError
        ear = self._ears[key] = _Ear(end)
        try:
            said = await connection.request(command, *params)
            if not any("400" <= line.command < "600" for line in said if line.command.isdecimal()):
                await ear.done
            return ear.lines, said
        finally:
            del self._ears[key]


class BusyError(Exception):
    """The same question is under way on this connection."""
