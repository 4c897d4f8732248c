"""Handing a text to the provider: cut where that is ours to do, part by part, and never twice.

That a part is about to be asked for is written down before, and what came of it after. So after a crash in between nobody
knows whether it went out; then it is not asked for again, unless the provider knows it by our name, but a report is waited
for: money is spent and a telephone rings at every message. Used by :mod:`connectors.sms.speaking` and :mod:`connectors.sms.relaying`.
"""

import logging
import zlib
from collections.abc import Callable
from typing import Final

from bridge.core.failures import DeliveryFailure, Permanent, Retry, Uncertain
from bridge.core.ids import MessageId, Network, RoomId
from connectors.sms import alphabet, segments
from connectors.sms.book import Book, Entry
from connectors.sms.carrier import Carrier, Outgoing, Unsubscribed
from connectors.sms.clock import Clock
from connectors.sms.config import SmsSettings
from connectors.sms.reports import State, Tracked

log = logging.getLogger(__name__)

DAY: Final = 86_400_000
_WARN_AT: Final = 0.8


class Submitter:
    """Sends one text to one number."""

    def __init__(self, network: Network, settings: SmsSettings, *, book: Book, clock: Clock) -> None:
        self._network = network
        self._ours = settings.number
        self._book = book
        self._clock = clock
        self._allowed = settings.parts
        self._smart = settings.smart
        self._daily = settings.daily
        self.carrier: Carrier | None = None
        self.alarm: Callable[[str], None] = lambda _: None  # tells the admins

    async def submit(
        self, ref: str, *, to: str, text: str, room: RoomId, copy: MessageId, media: tuple[str, ...] = ()
    ) -> None:
        """Send; ``ref`` is our name for the text, the same at every try. Raises: a DeliveryFailure."""
        carrier = self.carrier
        if carrier is None:
            msg = "the provider is not connected"
            raise Retry(msg)
        parts = self._cut(carrier, ref, to, text, media)
        entry = self._book.entry(ref)
        if entry is None:
            tracked = Tracked(parts=[State.QUEUED] * len(parts))
            entry = Entry(at=self._clock.now(), to=to, tracked=tracked, room=room, copy=copy)
        for number, part in enumerate(parts):
            if number not in entry.taken:
                await self._one(carrier, ref, part, number, entry)

    async def _one(self, carrier: Carrier, ref: str, part: Outgoing, number: int, entry: Entry) -> None:
        """Send one part, unless that may have happened already."""
        if number in entry.asked and not carrier.unique:
            if entry.tracked.parts[number] is State.QUEUED:
                msg = "the bridge was interrupted while it handed this over, and no report has come"
                raise Uncertain(msg)
            entry.taken.add(number)  # a report says that it had been taken
            return
        self._afford()
        entry.asked.add(number)
        await self._book.keep_entry(ref, entry)
        try:
            id_ = await carrier.submit(part)
        except Uncertain:
            raise
        except DeliveryFailure as failure:
            if isinstance(failure, Unsubscribed):
                self._book.blocks.block(self._ours, part.to, at=self._clock.now(), why="provider")
                self._book.keep_blocks()
            entry.asked.discard(number)
            self._book.keep_entry(ref, entry)
            raise
        entry.asked.discard(number)
        entry.taken.add(number)
        if id_:
            entry.ids[id_] = number
        self._spend()
        self._book.keep_entry(ref, entry)

    def _cut(self, carrier: Carrier, ref: str, to: str, text: str, media: tuple[str, ...]) -> list[Outgoing]:
        """Return the messages that a text becomes. Raises: Permanent for one that is too long."""
        if self._smart:
            text = alphabet.plain(text)
        try:
            if carrier.cuts:
                pieces = len(segments.parts(text))
                if pieces > self._allowed:
                    raise segments.TooLong(pieces, self._allowed)
                return [Outgoing(ref=f"{ref}-0", to=to, text=text, media=media)]
            cut = segments.segments(text, number=zlib.crc32(ref.encode()) & 0xFF, allowed=self._allowed)
        except segments.TooLong as error:
            raise Permanent(str(error)) from None
        return [
            Outgoing(ref=f"{ref}-{at}", to=to, text=segment.text, segment=segment) for at, segment in enumerate(cut)
        ]

    # -- what it costs

    def _afford(self) -> None:
        """Begin a new day, and see whether something is left of this one. Raises: Retry if not."""
        spent = self._book.spent
        now = self._clock.now()
        if spent.day != now // DAY:
            spent.day, spent.count, spent.warned = now // DAY, 0, False
        if self._daily and spent.count >= self._daily:
            msg = f"today's {self._daily} short messages have been sent"
            raise Retry(msg, after=(DAY - now % DAY) / 1000)

    def _spend(self) -> None:
        spent = self._book.spent
        spent.count += 1
        if self._daily and not spent.warned and spent.count >= self._daily * _WARN_AT:
            spent.warned = True
            log.warning("sms.daily network=%s count=%d", self._network, spent.count)
            self.alarm(f"{spent.count} of today's {self._daily} short messages of {self._network} are sent")
        self._book.keep_spent()
