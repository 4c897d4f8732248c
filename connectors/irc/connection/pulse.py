"""One timer for all connections: each is told a few times a minute that time has passed, and looks after itself.

A timer for each of a thousand idle puppets would cost more than their traffic. Used by :mod:`connectors.irc.connection.client`.
"""

import asyncio
from typing import Protocol
from weakref import WeakKeyDictionary

EVERY = 15.0
"""Seconds between two beats."""


class Beats(Protocol):
    """Who wants to know that time passes."""

    def beat(self) -> None:
        """Do what has to be done now and then; must not block or raise."""


class Pulse:
    """Calls its members every so often; without members there is no timer."""

    def __init__(self, every: float = EVERY) -> None:
        self._every = every
        self._members: set[Beats] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, member: Beats) -> None:
        """Call this one from now on."""
        self._members.add(member)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._every, self.beat)

    def remove(self, member: Beats) -> None:
        """Call this one no more."""
        self._members.discard(member)
        if not self._members and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def beat(self) -> None:
        """Let every member know; called by the timer."""
        self._timer = asyncio.get_running_loop().call_later(self._every, self.beat)
        for member in tuple(self._members):
            member.beat()


_PULSES: WeakKeyDictionary[asyncio.AbstractEventLoop, Pulse] = WeakKeyDictionary()


def shared() -> Pulse:
    """Return the pulse of the running loop."""
    loop = asyncio.get_running_loop()
    if loop not in _PULSES:
        _PULSES[loop] = Pulse()
    return _PULSES[loop]
