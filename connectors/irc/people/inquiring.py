"""Which channels there are (LIST), asked over the listener's connection or the user's own, and remembered for a minute.

Called by the connector for its ability ``Lists``. Specification: RFC 2812 section 3.2.6.
"""

import asyncio
import re
from collections.abc import Callable

from bridge.connector import Listed
from bridge.core.acts import ActRefused, Obstacle
from bridge.core.ids import Person, RoomId
from connectors.irc.connection.client import Congested, Connection
from connectors.irc.connection.isupport import INSP_AND_UNREAL
from connectors.irc.connection.overhearing import BusyError
from connectors.irc.connection.requests import Lost
from connectors.irc.puppets.pool import Pool
from connectors.irc.reading.attendance import plain
from connectors.irc.scene import Scene

PATIENCE = 60.0
"""Seconds that a server may take to list its channels."""
FRESH = 60.0
"""Seconds for which a list is good."""
_MODES = re.compile(r"\[\+[^\]]*\] ?")
"""What InspIRCd and UnrealIRCd write before every topic of a list: ``[+nt] ``."""


class Inquiring:
    """Asks about the whole network."""

    def __init__(self, scene: Scene, pool: Pool, listener: Callable[[], Connection | None]) -> None:
        self._scene = scene
        self._pool = pool
        self._listener = listener
        self._listed: list[Listed] = []
        self._at = float("-inf")
        self._asking = asyncio.Lock()

    async def rooms(self, by: Person) -> list[Listed]:
        """Return the channels that the network shows, by name. Raises: ActRefused."""
        async with self._asking:
            if self._scene.time() - self._at > FRESH:
                self._listed = await self._ask(by)
                self._at = self._scene.time()
            return self._listed

    async def _ask(self, by: Person) -> list[Listed]:
        puppet = self._pool.get(by)
        own = puppet.connection if puppet is not None else None
        connection = self._listener() or own
        if connection is None:
            raise ActRefused(Obstacle.AWAY, f"nobody is connected to {self._scene.network}: join a channel first")
        try:
            async with asyncio.timeout(PATIENCE):
                lines, said = await self._scene.overhearing.ask(connection, "323", "LIST")
        except (Lost, Congested, TimeoutError, BusyError):
            raise ActRefused(Obstacle.AWAY, f"{self._scene.network} does not list its channels now") from None
        refusal = next((line for line in said if line.command in {"263", "421"}), None)
        if refusal is not None:
            raise ActRefused(Obstacle.AWAY, refusal.text)
        found = {line.param(1): line for line in lines if line.command == "322" and line.param(1) != "*"}
        software = connection.isupport.software
        return [
            Listed(room=RoomId(name), members=_number(line.param(2)), topic=plain(topic(line.param(3), software)))
            for name, line in sorted(found.items(), key=lambda item: item[0].lower())
        ]


def topic(text: str, software: str) -> str:
    """Return the topic of a line of LIST, without the channel's modes where this server software puts them in front."""
    modes = _MODES.match(text) if software.lower().startswith(INSP_AND_UNREAL) else None
    return text[modes.end() :] if modes is not None else text


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
