"""One call to Telegram: in its turn, through one bot, and what has to be called next because of what Telegram said.

Called by :mod:`connectors.telegram.speaking`, which knows deliveries; what Telegram's words mean is in
:mod:`connectors.telegram.refusals`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, NamedTuple, TypeVar, assert_never

from msgspec.structs import replace

from bridge.connector import Hub, Unreadable
from bridge.core.failures import Retry
from bridge.core.splitting import clip
from connectors.telegram import uploads
from connectors.telegram.calls import Call, Expel, Medium, Remove, Rewrite, Say, SetReaction, Show, Upload
from connectors.telegram.capabilities import CAPTION
from connectors.telegram.clock import Clock
from connectors.telegram.ownbots import Mouth
from connectors.telegram.refusals import Flooded, Meaning, Migrated, Refused, meaning
from connectors.telegram.rooms import Place, Spot

log = logging.getLogger(__name__)

LONGEST_TURN: Final = 90.0
"""Seconds that a call waits for its turn; for longer its delivery goes back to the outbox."""
DELETED: Final = "(deleted)"
"""What stands in for a message of ours that Telegram does not delete any more."""

T = TypeVar("T")


class Done(NamedTuple):
    """What came of a call: the messages that there are now, and what has to be called next because of it."""

    spots: tuple[Spot, ...] = ()
    more: tuple[Call, ...] = ()


class Carrier:
    """Carries out calls while it is open."""

    def __init__(self, *, clock: Clock, largest: int, on_moved: Callable[[int, int], None]) -> None:
        self._clock = clock
        self._largest = largest  # bytes of a file
        self._on_moved = on_moved
        self._out = 0  # requests that have no answer yet
        self._home = asyncio.Event()
        self.hub: Hub | None = None  # while it is open

    async def landed(self, patience: float) -> None:
        """Wait until every request has its answer: what is not known to be there would be said again."""
        if self._out:
            self._home.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._home.wait()

    async def carry_out(self, mouth: Mouth, call: Call) -> Done:
        """Do it, or return what has to be done instead. Raises: Trouble, Retry."""
        try:
            return await self._call(mouth, call)
        except Refused as refused:
            instead = _instead(call, meaning(refused))
            if instead is None:
                raise
            return instead
        except Migrated as moved:
            if not isinstance(call, Say | Show):
                msg = "the message is from before the group became a supergroup"
                raise Refused(msg) from moved
            self._on_moved(call.place.chat, moved.chat)
            return Done(more=(replace(call, place=call.place._replace(chat=moved.chat), answers=0),))

    async def _call(self, mouth: Mouth, call: Call) -> Done:
        client = mouth.client
        match call:
            case Say(place=place):
                await self._turn(mouth, place.chat)
                return Done((Spot(place.chat, await self._asking(client.say(call))),))
            case Show():
                return await self._show(mouth, call)
            case Rewrite(spot=spot):
                await self._turn(mouth, spot.chat)
                await self._asking(self._rewrite(mouth, call))
                return Done()
            case Remove(chat=chat, numbers=numbers):
                await self._asking(client.remove(chat, numbers))
                return Done()
            case SetReaction():
                await self._asking(client.react(call))
                return Done()
            case Expel():
                await self._asking(client.expel(call))
                return Done()
            case _:
                assert_never(call)

    async def _show(self, mouth: Mouth, call: Show) -> Done:
        """Read files and send them; what cannot be read is told, what does not fit together goes one by one."""
        assert self.hub is not None
        try:
            async with uploads.read(self.hub, call.files, most=self._largest) as files:
                if not _one_album(files, plain=call.plain):
                    return Done(more=_one_by_one(call))
                await self._turn(mouth, call.place.chat, times=len(files))
                sent = [file._replace(medium=Medium.DOCUMENT) for file in files] if call.plain else files
                numbers = await self._asking(mouth.client.show(call, sent))
        except Unreadable as unreadable:
            log.info("telegram.file unreadable: %s", unreadable.reason)
            return Done(more=_one_by_one(call) if len(call.files) > 1 else call.otherwise[0])
        except OSError as error:
            msg = f"a file could not be kept on the disk for a moment: {error.strerror or error}"
            raise Retry(msg) from error
        return Done(tuple(Spot(call.place.chat, number) for number in numbers))

    async def _rewrite(self, mouth: Mouth, call: Rewrite) -> None:
        """Put the new text where the old one is: in the message, or below its picture."""
        try:
            await mouth.client.rewrite(call.spot, call.text, call.entities)
        except Refused as refused:
            if meaning(refused) is not Meaning.CAPTION:
                raise
            text = clip(call.text, limit=CAPTION, ellipsis="…")
            entities = call.entities if text == call.text else call.entities[:1]  # the sender's name
            await mouth.client.rewrite(call.spot, text, entities, caption=True)

    async def _turn(self, mouth: Mouth, chat: int, *, times: int = 1) -> None:
        """Wait for this bot's turn in a chat. Raises: Retry when that is far away, or the connection ended meanwhile."""
        pace = mouth.pace
        barred = pace.barred(chat, self._clock.monotonic())
        if barred > LONGEST_TURN:
            raise Retry(str(Flooded(barred)), after=barred)
        wait = max(pace.book(chat, self._clock.monotonic()) for _ in range(times))
        if wait > 0:
            await self._clock.sleep(wait)
        if self.hub is None:
            msg = "Telegram is not connected"
            raise Retry(msg)

    async def _asking(self, request: Awaitable[T]) -> T:
        self._out += 1
        try:
            return await request
        finally:
            self._out -= 1
            if not self._out:
                self._home.set()


def _one_album(files: tuple[Upload, ...], *, plain: bool) -> bool:
    """Tell whether what was read can be one album, or is one file."""
    return plain or uploads.fit_together([file.medium for file in files])


def _one_by_one(call: Show) -> tuple[Show, ...]:
    """Return a call for each file, the words with the first; each has its own line where it cannot be had."""
    return tuple(
        replace(
            call,
            files=(file,),
            caption="" if at else call.caption,
            entities=() if at else call.entities,
            answers=0 if at else call.answers,
            otherwise=(call.otherwise[at],),
        )
        for at, file in enumerate(call.files)
    )


def _instead(call: Call, found: Meaning) -> Done | None:
    """Return what follows from a refusal where that is no failure; None where it is one."""
    match call, found:
        case _, Meaning.DONE:
            return Done()
        case Show(files=files, otherwise=otherwise, plain=plain), Meaning.UNFETCHED:
            if len(files) > 1:
                return Done(more=_one_by_one(call))
            return Done(more=otherwise[0] if plain else (replace(call, plain=True),))
        case Say(place=place) | Show(place=place), Meaning.NO_TOPIC if place.guessed:
            return Done(more=(replace(call, place=Place(place.chat)),))
        case Rewrite(anew=True, place=place, text=text, entities=entities), Meaning.GONE:
            return Done(more=(Say(place=place, text=text, entities=entities),))
        case Remove(chat=chat, numbers=numbers, own=True), Meaning.UNDELETABLE:
            return Done(
                more=tuple(Rewrite(spot=Spot(chat, number), place=Place(chat), text=DELETED) for number in numbers)
            )
        case _:
            return None
