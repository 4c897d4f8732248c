"""Handing updates over to the hub: the same for those that were polled and those that Telegram delivered.

Called by :mod:`connectors.telegram.reading` and :mod:`connectors.telegram.webhook`, which confirm to Telegram what was taken.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from bridge.connector import Hub
from connectors.telegram.batches import grouped
from connectors.telegram.desk import Desk
from connectors.telegram.inbound import Fact, Reader
from connectors.telegram.updates import Update, read

log = logging.getLogger(__name__)


class Handing:
    """Tells the hub what follows from updates."""

    def __init__(self, *, reader: Reader, desk: Desk, tell: Callable[[Hub, Fact], list[Awaitable[None]]]) -> None:
        self.reader = reader
        self._desk = desk
        self._tell = tell

    async def over(self, hub: Hub, updates: Sequence[Update]) -> None:
        """Return once all that follows from these is durable. Raises: StoreAway; then they have to come again."""
        written: list[Awaitable[None]] = []
        for together in grouped(updates):
            await self._recall_private(hub, together[0])
            for fact in self.reader.facts(together):
                written += self._tell(hub, fact)
        for each in written:
            await each

    async def _recall_private(self, hub: Hub, update: Update) -> None:
        """Find out whom a private chat was with, before it is read."""
        message = update.posted
        if message is not None and message.chat.type == "private" and not self._desk.knows(message.chat.id):
            self._desk.load(message.chat.id, await hub.recall(f"private {message.chat.id}"))


def readable(raw: dict[str, Any]) -> Update | None:
    """Return an update; None for one that nobody could read, which is said in the log."""
    try:
        return read(raw)
    except msgspec.ValidationError as error:
        log.warning("telegram.unreadable update=%s: %s", raw.get("update_id"), error)
        return None
