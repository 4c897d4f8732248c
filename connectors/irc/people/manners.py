"""What is answered to people who talk to us, and how often: CTCP questions, and private words to the listener.

A reply is traffic that others can make us send, so all connections of a network share one small budget; what is beyond it
is not answered. Replies are NOTICEs, which nobody answers automatically (modern IRC, "CTCP").
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from bridge.core.acts import ActRefused
from bridge.core.profiles import Question
from connectors.irc.connection import ctcp
from connectors.irc.connection.client import Congested, Connection, Line
from connectors.irc.connection.flood import Bucket

_EVERY = 600.0
"""Seconds until the same person is told again who we are."""
_REMEMBERED = 200
_LONGEST_PING = 64
_PATIENCE = 4.0
"""Seconds that a user's own client may take to say what it is; then the bridge says what it is itself."""
_LONGEST = 200
_ASKED = {"VERSION": Question.SOFTWARE, "TIME": Question.TIME}

Ask = Callable[[Question], Awaitable[str]]
"""Asks a user's own client."""


class Manners:
    """The replies of one network's connections."""

    def __init__(
        self, version: str, now: Callable[[], float], spawn: Callable[[Coroutine[Any, Any, None]], object]
    ) -> None:
        self._version = version
        self._spawn = spawn
        self._now = now
        self._budget = Bucket(burst=5, rate=0.5)
        self._told: dict[str, float] = {}

    def answer(self, connection: Connection, line: Line, ask: Ask | None = None, name: str = "") -> bool:
        """Answer a CTCP question; tells whether the line was one (or an answer to one, or nonsense).

        ``ask`` asks the client of whom the question is for; ``name`` is what FINGER is told of them.
        """
        asked = ctcp.read(line.text)
        if asked is None or asked[0] == "ACTION":
            return False
        if line.command == "PRIVMSG" and "!" in line.source:
            self._reply_to(connection, line.nick, asked, ask, name)
        return True

    def _reply_to(self, connection: Connection, nick: str, asked: tuple[str, str], ask: Ask | None, name: str) -> None:
        question = _ASKED.get(asked[0])
        reply = self._reply(*asked, name)
        if not reply or not self._budget.take(1, self._now()):
            return
        if question is None or ask is None:
            _say(connection, nick, reply)
        else:
            self._spawn(self._reply_later(connection, nick, asked[0], ask(question)))

    async def _reply_later(self, connection: Connection, nick: str, command: str, answering: Awaitable[str]) -> None:
        """Reply with what somebody's own client says, if it does so quickly."""
        words = ""
        with contextlib.suppress(ActRefused, TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                words = (await answering)[:_LONGEST]
        if command == "TIME" and words:
            words = _written(words)
        _say(connection, nick, ctcp.write(command, words) if words else self._reply(command, "", ""))

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
        if self._budget.take(1, now):
            _say(connection, line.nick, "I am a bridge to another chat network; nobody reads what is said to me alone.")

    def _reply(self, command: str, argument: str, name: str) -> str:
        match command:
            case "VERSION":
                return ctcp.write("VERSION", self._version)
            case "PING" if len(argument) <= _LONGEST_PING:
                return ctcp.write("PING", argument)
            case "TIME":
                return ctcp.write("TIME", format_datetime(datetime.now(UTC)))
            case "CLIENTINFO":
                known = "ACTION CLIENTINFO FINGER PING TIME VERSION" if name else "ACTION CLIENTINFO PING TIME VERSION"
                return ctcp.write("CLIENTINFO", known)
            case "FINGER" if name:
                return ctcp.write("FINGER", name)
            case _:
                return ""


def _written(stamp: str) -> str:
    """Return a moment as mail writes it."""
    try:
        return format_datetime(datetime.fromisoformat(stamp))
    except ValueError:
        return stamp


def _say(connection: Connection, nick: str, text: str) -> None:
    with contextlib.suppress(Congested, ValueError):
        connection.send("NOTICE", nick, text)
