"""From 001 to the moment when channels can be joined: user modes, NickServ, the operator's own commands.

Made and driven by :mod:`connectors.irc.connection.client`, one for each connection, and forgotten when it is done.
"""

import asyncio
import logging
from collections.abc import Callable

from connectors.irc.connection.ourselves import Ourselves
from connectors.irc.connection.registration import Identity
from connectors.irc.connection.wire import Line, parse

log = logging.getLogger(__name__)

NICKSERV = 5.0
"""Seconds to wait for services after IDENTIFY."""
_ANSWERS = (
    "identified",
    "recogni",
    "accepted",
    "logged in",
    "incorrect",
    "invalid",
    "isn't registered",
    "not registered",
)


class Greeting:
    """Says what has to be said first. ``send`` writes at once, ``done`` is called once."""

    __slots__ = ("_done", "_identity", "_ourselves", "_send", "_timer")

    def __init__(
        self, identity: Identity, ourselves: Ourselves, send: Callable[..., None], done: Callable[[], None]
    ) -> None:
        self._identity = identity
        self._ourselves = ourselves
        self._send = send
        self._done = done
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Begin: the server has said everything about itself (its MOTD is over). More than once is once."""
        if self._timer is not None:
            return
        identity, server = self._identity, self._ourselves.isupport
        letters = (server.deaf if identity.deaf else "") + (server.bot if identity.bot else "")
        if letters:
            self._send("MODE", self._ourselves.nick, f"+{letters}")
        if identity.nickserv and not self._ourselves.account:
            self._send("PRIVMSG", "NickServ", f"IDENTIFY {identity.nickserv}")
            self._timer = asyncio.get_running_loop().call_later(NICKSERV, self._end)
        else:
            self._end()

    def line(self, line: Line) -> None:
        """Take what may be the answer of services; where the server sends no 900, there is no code for it."""
        if self._timer is None:
            return
        said = line.command == "NOTICE" and line.nick.lower() == "nickserv"
        if line.command == "900" or (said and any(word in line.text.lower() for word in _ANSWERS)):
            self._end()

    def cancel(self) -> None:
        """Wait for nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self) -> None:
        self.cancel()
        for raw in self._identity.perform:
            line = parse(raw.replace("{nick}", self._ourselves.nick).encode(errors="replace"))
            try:
                if line is not None:
                    self._send(line.command, *line.params)
            except ValueError:
                log.warning("a line of perform cannot be sent: it is too long, or no command")
        self._done()
