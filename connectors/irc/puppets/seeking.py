"""Getting the nick that a connection should have: asks for it, is refused, asks for the next, and takes back what was lost.

The deciding is in ``naming``; here are the lines and the waiting. One for the listener and one for each puppet.
"""

import asyncio
from collections.abc import Callable

from connectors.irc.connection.client import Connection, Line
from connectors.irc.puppets.naming import Naming
from connectors.irc.scene import command

_TAKEN = 3600.0
"""Seconds until a nick that somebody has is asked for again, unless we learn earlier that it is free."""
_NOT_NOW = 60.0
_A_MOMENT = 1.0
_NOT_NOW_NUMERICS = frozenset({"437", "438", "447", "435", "484"})
_REFUSALS = _NOT_NOW_NUMERICS | {"431", "432", "433", "436"}


class Seeker:
    """Keeps one connection under the best nick that it can have."""

    __slots__ = ("_changed", "_connection", "_timer", "naming")

    def __init__(self, naming: Naming, changed: Callable[[], None]) -> None:
        """Begin; ``changed`` is called when the wanted nicks or our own have become others."""
        self.naming = naming
        self._changed = changed
        self._connection: Connection | None = None
        self._timer: asyncio.TimerHandle | None = None

    def up(self, connection: Connection) -> None:
        """Begin with a connection."""
        self._connection = connection
        self.naming.connected(connection.nick, self._now())
        self._changed()

    def down(self) -> None:
        """Stop: there is no connection."""
        self._connection = None
        self.naming.current = self.naming.asked = ""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def call(self, name: str) -> None:
        """Want the nick for this name."""
        self.naming.call(name)
        self.seek()

    def nick(self, new: str) -> None:
        """Take note of our nick, by whosever will it changed."""
        self.naming.changed(new, self._now())
        self._changed()
        self.seek()

    def freed(self, nick: str) -> None:
        """Take note that somebody has given up a nick."""
        self.naming.freed(nick, self._now())
        self.seek()

    def seek(self) -> None:
        """Ask for a better nick, if there is one that may be free."""
        connection = self._connection
        if connection is None:
            return
        nick = self.naming.next(self._now())
        if not nick:
            self._changed()
            return
        self.naming.asked = nick
        command(connection, "NICK", nick)

    def line(self, line: Line) -> None:
        """Take a refusal of the nick that we have asked for.

        A label would be of no use: InspIRCd answers a labelled NICK in the name of the new nick.
        """
        nick = self.naming.asked
        if not nick or line.command not in _REFUSALS or (line.command == "437" and line.param(1) != nick):
            return
        self.naming.asked = ""
        if line.command in _NOT_NOW_NUMERICS:
            self._again(nick)
        else:
            self.naming.block(nick, self._now(), seconds=_TAKEN)
            self.seek()

    def _again(self, nick: str) -> None:
        """Let it be for a while: the server lets nobody change at the moment."""
        for better in {nick, *self.naming.better()}:
            self.naming.block(better, self._now(), seconds=_NOT_NOW)
        if self._timer is None and self._connection is not None:
            self._timer = asyncio.get_running_loop().call_later(_NOT_NOW + _A_MOMENT, self._retry)

    def _retry(self) -> None:
        self._timer = None
        self.seek()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
