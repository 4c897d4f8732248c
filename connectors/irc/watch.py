"""Learning that a nick is free: from the server's own MONITOR where it has it, else by asking ISON now and then.

Whoever quits in a channel of ours is seen anyway; this is for those who are in none. Used by the listener, whose
connection it speaks over.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator

from connectors.irc.client import Congested, Connection, Line

_ROOM = 400
"""Bytes of nicks in one line."""


class NickWatch:
    """The nicks that somebody else has and one of ours should have."""

    def __init__(self, freed: Callable[[str], None], *, every: float) -> None:
        """``freed`` is called with a nick that nobody has; without MONITOR it is looked for ``every`` so many seconds."""
        self._freed = freed
        self._every = every
        self._wanted: frozenset[str] = frozenset()
        self._connection: Connection | None = None
        self._timer: asyncio.TimerHandle | None = None

    def up(self, connection: Connection) -> None:
        """Begin with a connection that watches nothing yet."""
        wanted, self._wanted = self._wanted, frozenset()
        self._connection = connection
        self.watch(wanted)

    def down(self) -> None:
        """Stop: there is no connection."""
        self._connection = None
        self._stop()

    def watch(self, wanted: frozenset[str]) -> None:
        """Watch these nicks and no others."""
        before, self._wanted = self._wanted, wanted
        connection = self._connection
        if connection is None:
            return
        if connection.isupport.monitor < 0:
            self._wait()
            return
        with contextlib.suppress(Congested):
            for nicks in _rows(before - wanted, ","):
                connection.send("MONITOR", "-", nicks)
            for nicks in _rows(wanted - before, ","):
                connection.send("MONITOR", "+", nicks)

    def line(self, line: Line) -> None:
        """Take what the server says of nicks: 731 of MONITOR, 303 of ISON."""
        match line.command:
            case "731":
                for who in line.text.split(","):
                    self._freed(who.partition("!")[0])
            case "303" if self._connection is not None and self._timer is not None:
                fold = self._connection.isupport.fold
                there = {fold(nick) for nick in line.text.split(" ")}
                for nick in sorted(self._wanted - there):
                    self._freed(nick)
            case _:
                pass

    def _wait(self) -> None:
        if not self._wanted:
            self._stop()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._every, self._ask)

    def _ask(self) -> None:
        self._timer = None
        self._wait()
        row = next(_rows(self._wanted, " "), "")
        if self._connection is not None and row:
            with contextlib.suppress(Congested):
                self._connection.send("ISON", row)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _rows(nicks: frozenset[str], separator: str) -> Iterator[str]:
    """Yield the nicks in rows that fit into a line."""
    row: list[str] = []
    size = 0
    for nick in sorted(nicks):
        if row and size + len(nick) + 1 > _ROOM:
            yield separator.join(row)
            row, size = [], 0
        row.append(nick)
        size += len(nick) + 1
    if row:
        yield separator.join(row)
