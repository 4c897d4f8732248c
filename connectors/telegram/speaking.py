"""Carrying out deliveries: each in its turn, step by step, and what follows from what Telegram says to each step.

A delivery may be several calls (a long text, an album that has to be told in words instead). Those that were carried out
are not carried out again when the rest is tried anew. Called by :mod:`connectors.telegram.connector`.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, assert_never

import msgspec
from msgspec.structs import replace

from bridge.connector import Hub, StoreAway
from bridge.core.content import Kind
from bridge.core.deliveries import AsPuppet, AsRelay, Delivery, Edit, Post, Retract, Sent, Tell
from bridge.core.failures import Barred, Permanent, Retry, VoiceLost
from bridge.core.ids import DeliveryKey, MessageId, RoomId
from connectors.telegram.calls import Call, Expel, Remove, Rewrite, Say, SetReaction, Show
from connectors.telegram.carrying import Carrier, Done
from connectors.telegram.clock import Clock
from connectors.telegram.desk import Desk
from connectors.telegram.outbound import Writer
from connectors.telegram.ownbots import Misplaced, Mouth, OwnBots
from connectors.telegram.refusals import (
    Flooded,
    Meaning,
    Refused,
    TokenRefused,
    Trouble,
    failure,
    meaning,
    reason,
)
from connectors.telegram.rooms import Rooms

_UNFINISHED: Final = 1_000
_PARTS: Final = 5_000
_PROGRESS: Final = "unfinished "
_BARRED: Final = "barred"


class _Progress(msgspec.Struct, frozen=True):
    """How far a delivery of several calls has come: kept over a restart, so that nothing of it is said twice."""

    done: int  # of the calls that it began with
    named: bool
    ids: tuple[MessageId, ...]


class _Work:
    """A delivery under way."""

    __slots__ = ("calls", "done", "ids", "kept", "named", "total")

    def __init__(self, calls: Sequence[Call], *, named: bool, progress: _Progress | None = None) -> None:
        self.done = progress.done if progress is not None else 0
        self.total = len(calls)
        self.calls: deque[tuple[int, Call]] = deque(list(enumerate(calls))[self.done :])  # and which it began as
        self.ids: list[MessageId] = list(progress.ids) if progress is not None else []
        self.named = named
        self.kept = progress is not None

    def did(self, done: Done) -> None:
        """Take note that the first call was carried out."""
        number, _ = self.calls.popleft()
        self.calls.extendleft((number, more) for more in reversed(done.more))
        self.done = self.calls[0][0] if self.calls else self.total

    def progress(self) -> str:
        """Return how far it is, to be kept."""
        return msgspec.json.encode(_Progress(self.done, self.named, tuple(self.ids))).decode()


class Speaker:
    """Speaks while there is somebody to speak through."""

    def __init__(
        self,
        *,
        writer: Writer,
        carrier: Carrier,
        own: OwnBots,
        rooms: Rooms,
        desk: Desk,
        clock: Clock,
        on_outside: Callable[[RoomId, str], None],
    ) -> None:
        self._writer = writer
        self._carrier = carrier
        self._own = own
        self._rooms = rooms
        self._desk = desk
        self._clock = clock
        self._on_outside = on_outside
        self._main: Mouth | None = None
        self._unfinished: OrderedDict[DeliveryKey, _Work] = OrderedDict()
        self._progress: dict[str, _Progress] = {}  # of the last run's deliveries
        self._barred: dict[int, int] = {}  # chats: until when, in milliseconds since the epoch
        self._parts: OrderedDict[tuple[RoomId, MessageId], tuple[MessageId, ...]] = OrderedDict()

    async def recall(self, hub: Hub, main: Mouth) -> None:
        """Find out what the last run left: how far deliveries are, and which chats take nothing yet."""
        found = await hub.recollect(_PROGRESS)
        self._progress = {
            name.removeprefix(_PROGRESS): msgspec.json.decode(text, type=_Progress) for name, text in found.items()
        }
        barred = await hub.recall(_BARRED)
        self._barred = msgspec.json.decode(barred, type=dict[int, int]) if barred else {}
        for chat, until in self._barred.items():
            main.pace.bar(chat, self._clock.monotonic() + (until - self._clock.now()) / 1000)

    def connected(self, main: Mouth, hub: Hub) -> None:
        """Speak from now on, through this bot for all who have none of their own."""
        self._main = main
        self._carrier.hub = hub

    async def disconnected(self, patience: float = 0.0) -> None:
        """Speak no more; for a while, wait for the answers that are still to come."""
        self._main = self._carrier.hub = None
        await self._carrier.landed(patience)

    async def send(self, delivery: Delivery) -> Sent:
        """Carry out one delivery. Raises: a DeliveryFailure."""
        main, hub = self._main, self._carrier.hub
        if main is None or hub is None:
            msg = "Telegram is not connected"
            raise Retry(msg)
        head = delivery.head
        mouth = await self._mouth(delivery, main, hub)
        work = self._unfinished.pop(head.key, None) or self._begin(delivery)
        while work.calls:
            _, call = work.calls[0]
            try:
                done = await self._carrier.carry_out(mouth, call)
            except Trouble as trouble:
                failed = self._what_follows(trouble, call, mouth, head.room.id)
                self._put_aside(head.key, work, failed)
                raise failed from trouble
            except Retry as later:
                self._put_aside(head.key, work, later)
                raise
            await self._did(hub, delivery, work, done)
        await self._note(hub, delivery, work)
        return Sent(tuple(work.ids))

    async def _mouth(self, delivery: Delivery, main: Mouth, hub: Hub) -> Mouth:
        """Return through whom to speak. Raises: VoiceLost."""
        voice = delivery.head.voice
        if not isinstance(voice, AsPuppet) or isinstance(delivery, Tell):
            return main
        person = voice.member.person
        place = self._rooms.place(delivery.head.room.id)
        chat = 0 if place is None else place.chat
        try:
            if chat not in self._rooms.chats:
                with suppress(Trouble):
                    self._rooms.chats[chat] = await main.client.chat(chat)
            return self._own.mouth(person, chat)
        except VoiceLost as lost:
            if isinstance(lost, Misplaced):
                hub.login_trouble(person, lost.reason)
            work = self._unfinished.get(delivery.head.key)
            if work is not None and not work.done:
                del self._unfinished[delivery.head.key]  # it names nobody
            raise

    # -- what to do, and what was done

    def _begin(self, delivery: Delivery) -> _Work:
        progress = self._progress.pop(delivery.head.key, None)
        named = self._is_named(delivery) if progress is None else progress.named
        if isinstance(delivery, Edit | Retract) and delivery.ids:
            room = delivery.head.room.id
            delivery = replace(delivery, ids=self._parts.get((room, delivery.ids[0]), delivery.ids))
        return _Work(self._writer.calls(delivery, named=named), named=named, progress=progress)

    async def _did(self, hub: Hub, delivery: Delivery, work: _Work, done: Done) -> None:
        """Take note that a call was carried out; where others follow, so that a restart goes on after it."""
        head = delivery.head
        work.ids += [self._rooms.message_id(head.room.id, spot) for spot in done.spots]
        work.did(done)
        name = f"{_PROGRESS}{head.key}"
        with suppress(StoreAway):
            if work.calls and work.done:
                work.kept = True
                await hub.remember(name, work.progress())
            elif not work.calls and work.kept:
                await hub.forget(name)

    def _is_named(self, delivery: Delivery) -> bool:
        """Tell whether the sender's name has to be written."""
        room = delivery.head.room.id
        match delivery:
            case Post(head=head, content=content, reply=reply) if isinstance(head.voice, AsRelay):
                goes_on = self._desk.goes_on(room, head.voice.member.person, self._clock.monotonic())
                return not goes_on or reply is not None or content.kind is Kind.ACTION
            case Edit(ids=ids) if ids:
                return not self._desk.is_unnamed(room, ids[0])
            case Edit():
                return True
            case _:
                self._desk.spoke(room)
                return True

    async def _note(self, hub: Hub, delivery: Delivery, work: _Work) -> None:
        """Remember what later deliveries and answers need to know."""
        room = delivery.head.room.id
        match delivery:
            case Post() if not work.named:
                for message in work.ids:
                    self._desk.left_unnamed(room, message)
            case Edit(ids=ids) if ids and work.ids:
                before = self._parts.get((room, ids[0]), ids)
                self._parts[room, ids[0]] = (*before, *work.ids)
                if len(self._parts) > _PARTS:
                    self._parts.popitem(last=False)
            case Tell(head=head) if isinstance(head.voice, AsRelay):
                await self._note_private(hub, head.voice, room, work)
            case _:
                pass

    async def _note_private(self, hub: Hub, voice: AsRelay, room: RoomId, work: _Work) -> None:
        place = self._rooms.place(room)
        if place is None:
            return
        if not self._desk.knows(place.chat):
            self._desk.load(place.chat, await hub.recall(f"private {place.chat}"))
        for message in work.ids:
            self._desk.passed_on(place.chat, message, voice.member.person)
        await hub.remember(f"private {place.chat}", self._desk.saved(place.chat))

    def _put_aside(self, key: DeliveryKey, work: _Work, failed: Exception) -> None:
        """Keep what is left of a delivery, for when it is tried anew; in another voice only if it was begun."""
        if isinstance(failed, VoiceLost) and not work.done:
            return
        self._unfinished[key] = work
        if len(self._unfinished) > _UNFINISHED:
            self._unfinished.popitem(last=False)

    def _what_follows(self, trouble: Trouble, call: Call, mouth: Mouth, room: RoomId) -> Exception:
        """Return what a delivery fails with, after taking note of what else it means."""
        chat = _chat(call)
        if isinstance(trouble, Flooded):
            self._bar(mouth, chat, trouble.after)
        if mouth.person is not None and isinstance(trouble, Refused | TokenRefused):
            return self._lost(mouth, trouble, chat)
        if isinstance(trouble, Refused):
            if meaning(trouble) is Meaning.OUTSIDE:
                self._on_outside(room, reason(trouble))
                return Barred(reason(trouble))
            return Permanent(reason(trouble))
        return failure(trouble, once=isinstance(call, Say | Show))

    def _bar(self, mouth: Mouth, chat: int, seconds: float) -> None:
        """Say nothing in a chat for a while: Telegram has said so. The bridge's own bot keeps to it after a restart too."""
        mouth.pace.bar(chat, self._clock.monotonic() + seconds)
        if mouth is self._main and self._carrier.hub is not None:
            now = self._clock.now()
            self._barred = {other: until for other, until in self._barred.items() if until > now}
            self._barred[chat] = now + round(seconds * 1000)
            self._carrier.hub.remember(_BARRED, msgspec.json.encode(self._barred).decode())

    def _lost(self, mouth: Mouth, trouble: Refused | TokenRefused, chat: int) -> VoiceLost:
        """Return that somebody's own bot cannot say this, after telling them where they can do something about it."""
        assert mouth.person is not None
        if isinstance(trouble, TokenRefused):
            return self._tell(mouth, "Telegram does not accept its token any more: log in anew", over=True)
        if meaning(trouble) is not Meaning.OUTSIDE:
            return VoiceLost(reason(trouble))
        self._own.shut_out(mouth.person, chat)
        title = self._rooms.chats[chat].title if chat in self._rooms.chats else ""
        return self._tell(mouth, f"it is not in “{title or chat}”: add it there")

    def _tell(self, mouth: Mouth, words: str, *, over: bool = False) -> VoiceLost:
        if self._carrier.hub is not None and mouth.person is not None:
            self._carrier.hub.login_trouble(mouth.person, words, over=over)
        return VoiceLost(words)


def _chat(call: Call) -> int:
    match call:
        case Say(place=place) | Show(place=place):
            return place.chat
        case Rewrite(spot=spot) | SetReaction(spot=spot):
            return spot.chat
        case Remove(chat=chat) | Expel(chat=chat):
            return chat
        case _:
            assert_never(call)
