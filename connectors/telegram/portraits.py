"""Pictures of people: asked for once a day at most, one after another, and remembered over restarts.

A picture is called by Telegram's file id, which ``open_file`` opens. The id of one picture may differ from time to time;
what tells pictures apart is their unique id, so whoever has the same picture as before keeps the same name for it.

:meth:`Portraits.of` is asked by :mod:`connectors.telegram.people`; the rest is the connector's.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import msgspec

from bridge.connector import Hub, StoreAway
from connectors.telegram.client import Client
from connectors.telegram.clock import Clock
from connectors.telegram.refusals import Flooded, Refused, Trouble

log = logging.getLogger(__name__)

FRESH: Final = 86_400.0
"""Seconds for which a picture is taken to be what it was."""
PAUSE: Final = 1.0
"""Seconds between two questions: they must not be in the way of messages."""
LAST_ANSWER: Final = 0.5
"""Seconds for which an answer is waited for at the end."""
_MOST: Final = 10_000
_NAME: Final = "portrait "


class Portrait(msgspec.Struct, frozen=True):
    """Somebody's picture; both ids are "" for who has none that a bot may see."""

    file: str = ""
    unique: str = ""
    at: int = 0  # seconds since the epoch: when Telegram was asked


class Portraits:
    """Everybody's pictures. People are their numbers; a chat that speaks itself has a negative one."""

    def __init__(self, *, clock: Clock, changed: Callable[[int], None]) -> None:
        self._clock = clock
        self._changed = changed  # told whose picture is another one now
        self._known: OrderedDict[int, Portrait] = OrderedDict()
        self._due: OrderedDict[int, None] = OrderedDict()
        self._woken = asyncio.Event()

    def of(self, number: int) -> str:
        """Return what somebody's picture is called, "" while none is known; and see to it that it is asked for."""
        found = self._known.get(number)
        if found is None or self._seconds() - found.at > FRESH:
            self._due[number] = None
            self._woken.set()
        return found.file if found is not None else ""

    async def recall(self, hub: Hub) -> None:
        """Find out what was known."""
        for name, text in (await hub.recollect(_NAME)).items():
            self._known[int(name.removeprefix(_NAME))] = msgspec.json.decode(text, type=Portrait)

    async def run(self, hub: Hub, client: Client) -> None:
        """Ask without end, for one after another."""
        while True:
            while self._due:
                number, _ = self._due.popitem(last=False)
                await self._clock.sleep(await self._ask(hub, client, number))
            self._woken.clear()
            await self._woken.wait()

    async def _ask(self, hub: Hub, client: Client, number: int) -> float:
        """Ask for one; return how many seconds to wait before the next."""
        before = self._known.get(number, Portrait())
        try:
            file, unique = await _answered(client, number)
        except (Refused, msgspec.ValidationError):
            file, unique = "", ""
        except Flooded as flooded:
            return flooded.after
        except Trouble as trouble:
            log.debug("telegram.portrait: %s", type(trouble).__name__)
            return PAUSE
        same = unique == before.unique
        found = Portrait(file=before.file if same else file, unique=unique, at=self._seconds())
        self._known[number] = found
        self._known.move_to_end(number)
        try:
            if len(self._known) > _MOST:
                await hub.forget(f"{_NAME}{self._known.popitem(last=False)[0]}")
            await hub.remember(f"{_NAME}{number}", msgspec.json.encode(found).decode())
        except StoreAway:
            log.debug("telegram.portrait: not kept")
        if not same:
            self._changed(number)
        return PAUSE

    def _seconds(self) -> int:
        return self._clock.now() // 1000


async def _answered(client: Client, number: int) -> tuple[str, str]:
    """Ask; who is cancelled meanwhile lets the answer come first: a connection that is just being made would stay open."""
    asking = asyncio.ensure_future(client.portrait(number))
    try:
        return await asyncio.shield(asking)
    except asyncio.CancelledError:
        await asyncio.wait([asking], timeout=LAST_ANSWER)
        asking.cancel()
        with suppress(Trouble, msgspec.ValidationError, asyncio.CancelledError):
            await asking
        raise
