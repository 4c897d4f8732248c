"""What is answered to people who talk to us, and how often: CTCP questions, and private words to the listener.

A reply is traffic that others can make us send, so all connections of a network share one small budget; what is beyond it
is not answered. Replies are NOTICEs, which nobody answers automatically (modern IRC, "CTCP").
"""

import contextlib
from collections.abc import Callable

from connectors.irc import ctcp
from connectors.irc.client import Congested, Connection, Line
from connectors.irc.flood import Bucket

_EVERY = 600.0
"""Seconds until the same person is told again who we are."""
_REMEMBERED = 200
_LONGEST_PING = 64


class Manners:
    """The replies of one network's connections."""

    def __init__(self, version: str, now: Callable[[], float]) -> None:
        self._version = version
        self._now = now
        self._budget = Bucket(burst=5, rate=0.5)
        self._told: dict[str, float] = {}

    def answer(self, connection: Connection, line: Line) -> bool:
        """Answer a CTCP question; tells whether the line was one (or an answer to one, or nonsense)."""
        asked = ctcp.read(line.text)
        if asked is None or asked[0] == "ACTION":
            return False
        if line.command == "PRIVMSG" and "!" in line.source:
            reply = self._reply(*asked)
            if reply:
                self._say(connection, line.nick, reply)
        return True

    def introduce(self, connection: Connection, line: Line) -> None:
        """Tell somebody who talks to the listener that there is nobody behind it."""
        if line.command != "PRIVMSG" or "!" not in line.source:
            return
        now = self._now()
        who = connection.isupport.fold(line.nick)
        if now - self._told.get(who, -_EVERY) < _EVERY:
            return
        self._told.pop(who, None)
        self._told[who] = now
        if len(self._told) > _REMEMBERED:
            del self._told[next(iter(self._told))]
        self._say(
            connection, line.nick, "I am a bridge to another chat network; nobody reads what is said to me alone."
        )

    def _reply(self, command: str, argument: str) -> str:
        match command:
            case "VERSION":
                return ctcp.write("VERSION", self._version)
            case "PING" if len(argument) <= _LONGEST_PING:
                return ctcp.write("PING", argument)
            case "CLIENTINFO":
                return ctcp.write("CLIENTINFO", "ACTION CLIENTINFO PING VERSION")
            case _:
                return ""

    def _say(self, connection: Connection, nick: str, text: str) -> None:
        if self._budget.take(1, self._now()):
            with contextlib.suppress(Congested, ValueError):
                connection.send("NOTICE", nick, text)
