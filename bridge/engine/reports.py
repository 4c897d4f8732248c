"""What became of a copy, told to its sender: a receipt, a bounce, or a notice that it did not arrive.

Best effort. What the network says later is dealt with in a task: what the message was may have to be read from the
store. Called by the hub.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from bridge.connector import Receipts
from bridge.core.deliveries import AsBridge, Delivery, Tell
from bridge.core.events import CopyReported
from bridge.core.ids import MessageRef, Network, Person
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

    def undelivered(self, delivery: Delivery, reason: str, *, certain: bool) -> None:
        """Tell whoever is behind a delivery that it was given up: at the message itself where that can be, else in a notice."""
        tell = partial(self._notices.undelivered, delivery, reason, certain=certain)
        match delivery:
            case Tell(message=ref, person=person, head=head) if ref is not None and not isinstance(
                head.voice, AsBridge
            ):
                self._bounce(ref, head.voice.member.person, person, reason, otherwise=tell)
            case _:
                tell()

    async def _pass_on(self, event: CopyReported) -> None:
        room = event.origin.room
        ref = await self._messages.find(room, event.id)
        message = await self._messages.read(ref) if ref is not None else None
        if ref is None or message is None:
            return
        sender = message.sender.person
        if not event.arrived:
            reason = event.reason or "the network could not deliver it"
            line, excerpt = f"did not reach {room.network}: {reason}", message.content.text
            tell = partial(self._notices.tell, sender, ref.room, line, excerpt=excerpt)
            self._bounce(ref, sender, event.person, reason, otherwise=tell)
            return
        receipts = self._receipts(ref.room.network)
        if receipts is not None:
            self._ask(ref.room.network, partial(receipts.received, ref.room.id, ref.id, to=sender, by=event.person))

    def _bounce(self, ref: MessageRef, to: Person, by: Person, reason: str, *, otherwise: Callable[[], None]) -> None:
        receipts = self._receipts(ref.room.network)
        if receipts is None:
            otherwise()
            return

        def bounce() -> None:
            if not receipts.bounced(ref.room.id, ref.id, to=to, by=by, reason=reason):
                otherwise()

        self._ask(ref.room.network, bounce)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("reports.fault", exc_info=error)
