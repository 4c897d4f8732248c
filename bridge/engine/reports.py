"""What a network says later about a copy that it had taken: a receipt for the sender, or the news that it did not arrive.

Best effort, and in a task of its own: what the message was may have to be read from the store. Called by the hub.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from bridge.connector import Receipts
from bridge.core.events import CopyReported
from bridge.core.ids import Network
from bridge.engine.desk import Desk
from bridge.engine.notices import Notices

log = logging.getLogger(__name__)


class Reports:
    """Passes on what became of copies."""

    def __init__(
        self,
        desk: Desk,
        *,
        notices: Notices,
        receipts: Callable[[Network], Receipts | None],
        ask: Callable[[Network, Callable[[], None]], None],
    ) -> None:
        self._messages = desk.messages
        self._notices = notices
        self._receipts = receipts
        self._ask = ask
        self._tasks: set[asyncio.Task[None]] = set()

    def see(self, event: CopyReported) -> None:
        """Take note of what became of a copy."""
        task = asyncio.get_running_loop().create_task(self._pass_on(event))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def close(self) -> None:
        """Pass on nothing more."""
        for task in self._tasks:
            task.cancel()

    async def _pass_on(self, event: CopyReported) -> None:
        room = event.origin.room
        ref = await self._messages.find(room, event.id)
        message = await self._messages.read(ref) if ref is not None else None
        if ref is None or message is None:
            return
        sender = message.sender.person
        if not event.arrived:
            line = f"did not reach {room.network}: {event.reason or 'the network could not deliver it'}"
            self._notices.tell(sender, ref.room, line, excerpt=message.content.text)
            return
        receipts = self._receipts(ref.room.network)
        if receipts is not None:
            self._ask(ref.room.network, partial(receipts.received, ref.room.id, ref.id, to=sender, by=event.person))

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("reports.fault", exc_info=error)
