"""Polling: updates are read, told to the hub, and confirmed to Telegram once what was made of them is durable.

So nothing is lost when the process ends in between; what Telegram then sends again is known by its key.
Called by :mod:`connectors.telegram.connector`.
"""

import logging
from collections.abc import Callable, Sequence
from random import SystemRandom
from typing import Any, Final

from bridge.connector import Hub, Status, StoreAway
from bridge.core import backoff
from connectors.telegram.batches import Group, albums, ripe
from connectors.telegram.client import Client
from connectors.telegram.clock import Clock
from connectors.telegram.cursor import Cursor
from connectors.telegram.handing import Handing, readable
from connectors.telegram.refusals import Flooded, OtherReader, TokenRefused, Trouble
from connectors.telegram.updates import Update

log = logging.getLogger(__name__)

_jitter = SystemRandom().random

ALBUM_PAUSE: Final = 0.5
"""Seconds to let an album's other messages arrive."""
OTHER_READER_PAUSE: Final = 30.0
TOKEN_PAUSE: Final = 300.0
STORE_PAUSE: Final = 1.0


class Polling:
    """Reads one bot's updates."""

    def __init__(
        self,
        *,
        handing: Handing,
        clock: Clock,
        wait: float,
    ) -> None:
        self._handing = handing
        self._reader = handing.reader
        self._clock = clock
        self._wait = wait
        self._cursor = Cursor()
        self._pending: set[Group] = set()  # albums that were incomplete a moment ago

    async def run(self, hub: Hub, client: Client, *, on_good: Callable[[], None]) -> None:
        """Poll without end; ``on_good`` is called when all that waited is read, and when it works again after trouble."""
        self._cursor = Cursor.decode(await hub.recall("offset"))
        self._pending.clear()
        self._reader.replayed = True  # what waited for us may have been read before
        failures = 0
        while True:
            await hub.drained()
            at_once = self._reader.replayed or bool(self._pending)
            try:
                raw = await client.updates(self._cursor.offset(self._seconds()), wait=0 if at_once else self._wait)
            except Trouble as trouble:
                failures += 1
                await self._clock.sleep(told(hub, trouble, failures))
                continue
            if failures and not self._reader.replayed:
                on_good()
            failures = 0
            if raw:
                wait = await self._take(hub, raw)
                if wait:
                    await self._clock.sleep(wait)
                continue
            self._pending.clear()
            if self._reader.replayed:
                self._reader.replayed = False
                on_good()

    async def _take(self, hub: Hub, raw: Sequence[dict[str, Any]]) -> float:
        """Hand over what can be taken of an answer; return how many seconds to wait before the next."""
        updates = [update for each in raw if (update := readable(each)) is not None]
        now = self._seconds() if self._reader.replayed else None
        taken = ripe(updates, now=now, seen=self._pending.__contains__)
        self._pending = albums(updates) - albums(taken)
        if len(taken) == len(updates):
            last = raw[-1]["update_id"]
        elif taken:
            last = taken[-1].update_id
        else:
            return ALBUM_PAUSE
        if not await self._hand_over(hub, taken, last=last):
            return STORE_PAUSE
        return ALBUM_PAUSE if self._pending else 0.0

    async def _hand_over(self, hub: Hub, updates: Sequence[Update], *, last: int) -> bool:
        """Tell the hub, and go on behind this once it is durable; False where the store did not take it."""
        try:
            await self._handing.over(hub, updates)
        except StoreAway:
            return False
        self._cursor = Cursor(last, self._seconds())
        hub.remember("offset", self._cursor.encode())
        return True

    def _seconds(self) -> float:
        return self._clock.now() / 1000


def told(hub: Hub, trouble: Trouble, failures: int) -> float:
    """Report trouble with the whole network; return how many seconds to wait before the next try."""
    match trouble:
        case OtherReader():
            hub.report(
                Status.DEGRADED,
                "another program reads this bot's updates: stop it, or have @BotFather revoke the token (/revoke)",
            )
            return OTHER_READER_PAUSE
        case TokenRefused():
            hub.report(Status.NEEDS_LOGIN, "Telegram does not accept the token: get the bot's token from @BotFather")
            return TOKEN_PAUSE
        case Flooded(after=after):
            hub.report(Status.DOWN, str(trouble))
            return after
        case _:
            hub.report(Status.DOWN, f"Telegram cannot be reached: {trouble}")
            return backoff.delay(failures, _jitter(), cap=60.0)
