"""What goes out of our own accord: what others on a list get, answers to orders, confirmations. One after the other, with patience.

Everything here is in the book before it counts as promised, and leaves it when the provider has taken it, or has refused it for
good, or there is no sense in trying on. Called by :mod:`connectors.sms.connector`, which runs it.
"""

import asyncio
import logging
from collections.abc import Awaitable
from random import SystemRandom
from typing import Final

from bridge.core import backoff
from bridge.core.failures import AuthLost, DeliveryFailure, Retry, Uncertain
from bridge.core.ids import Network, RoomId
from connectors.sms.book import Book, Pending
from connectors.sms.clock import Clock
from connectors.sms.submitting import Submitter

log = logging.getLogger(__name__)

_jitter = SystemRandom().random
_TRIES: Final = 100
_FAULTS: Final = 5
_LOOK: Final = 30.0
"""Seconds after which it is looked whether something is due."""


class Relay:
    """Sends the pending ones."""

    def __init__(
        self, network: Network, *, ours: str, book: Book, clock: Clock, submitter: Submitter, gather: float
    ) -> None:
        self._network = network
        self._ours = ours
        self._book = book
        self._clock = clock
        self._submitter = submitter
        self._gather = round(gather * 1000)
        self._woken = asyncio.Event()

    def post(self, pending: Pending) -> Awaitable[None]:
        """Promise to send something; awaiting returns once it is written down. What a room says shortly after becomes one message."""
        now = self._clock.now()
        pending.due = max(pending.due, self._quiet_until(pending, now))
        if pending.room is not None and self._gather:
            open_ = next((one for one in self._book.pending.values() if self._gathers(one, pending, now)), None)
            if open_ is not None:
                open_.text = f"{open_.text}\n{pending.text}"
                return self._book.keep_pending(open_)
            pending.due = max(pending.due, now + self._gather)
        self._woken.set()
        return self._book.keep_pending(pending)

    def _gathers(self, one: Pending, more: Pending, now: int) -> bool:
        return one.to == more.to and one.room == more.room and not one.tries and one.due > now

    def _quiet_until(self, pending: Pending, now: int) -> int:
        """Return until when somebody wants to be left alone, 0 for not at all."""
        roll = self._book.rolls.get(pending.room or RoomId(""))
        member = roll.members.get(pending.to) if roll is not None else None
        minute = now // 60_000 % 1440
        if member is None or member.quiet is None or not member.quiet.covers(minute):
            return 0
        return (now // 60_000 + member.quiet.left(minute)) * 60_000

    async def run(self) -> None:
        """Send without end."""
        while True:
            self._woken.clear()
            await self.send_due()
            wait = min((one.due - self._clock.now() for one in self._book.pending.values()), default=0) / 1000
            waiting = asyncio.create_task(
                self._clock.sleep(min(max(wait, 0.05), _LOOK) if self._book.pending else _LOOK)
            )
            woken = asyncio.create_task(self._woken.wait())
            try:
                await asyncio.wait({waiting, woken}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                waiting.cancel()
                woken.cancel()

    async def send_due(self) -> None:
        """Send what is due; the order for each number is kept."""
        held: set[str] = set()
        for pending in list(self._book.pending.values()):
            if pending.to in held:
                continue
            if pending.due > self._clock.now():
                held.add(pending.to)
                continue
            if not await self._send(pending):
                held.add(pending.to)

    async def _send(self, pending: Pending) -> bool:
        """Send one; False if it has to wait."""
        if self._book.blocks.has(self._ours, pending.to) and not pending.last_word:
            await self._book.forget_pending(pending)
            return True
        try:
            await self._submitter.submit(
                pending.ref,
                to=pending.to,
                text=pending.text,
                room=pending.room or RoomId(pending.to),
                copy=pending.copy,
                media=pending.media,
            )
        except (Retry, AuthLost, Uncertain) as trouble:
            pending.tries += 1
            if pending.tries >= (_FAULTS if isinstance(trouble, Uncertain) else _TRIES):
                return await self._give_up(pending, trouble)
            after = (
                trouble.after
                if isinstance(trouble, Retry) and trouble.after
                else backoff.delay(pending.tries, _jitter())
            )
            pending.due = self._clock.now() + round(after * 1000)
            await self._book.keep_pending(pending)
            return False
        except DeliveryFailure as failure:
            return await self._give_up(pending, failure)
        await self._book.forget_pending(pending)
        return True

    async def _give_up(self, pending: Pending, failure: DeliveryFailure) -> bool:
        log.warning("sms.undelivered network=%s: %s", self._network, failure.reason)
        await self._book.forget_pending(pending)
        return True
