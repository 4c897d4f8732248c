"""Carrying out deliveries: each in its turn, step by step, and what follows from what Telegram says to each step.

A delivery may be several calls (a long text, an album that has to be told in words instead). Those that were carried out
are not carried out again when the rest is tried anew. Called by :mod:`connectors.telegram.connector`.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple, assert_never

from msgspec.structs import replace

from bridge.connector import Hub
from bridge.core.content import Kind
from bridge.core.deliveries import AsRelay, Delivery, Edit, Post, Retract, Sent, Tell
from bridge.core.failures import Permanent, Retry
from bridge.core.ids import DeliveryKey, MessageId, RoomId
from bridge.core.splitting import clip
from connectors.telegram.calls import Call, Expel, Remove, Rewrite, Say, SetReaction, Show
from connectors.telegram.capabilities import CAPTION
from connectors.telegram.client import Client
from connectors.telegram.clock import Clock
from connectors.telegram.desk import Desk
from connectors.telegram.outbound import Writer
from connectors.telegram.pace import Pace
from connectors.telegram.refusals import Flooded, Meaning, Migrated, Refused, Trouble, failure, meaning, reason
from connectors.telegram.rooms import Place, Rooms, Spot

LONGEST_TURN: Final = 90.0
"""Seconds that a call waits for its turn; for longer its delivery goes back to the outbox."""
DELETED: Final = "(deleted)"
"""What stands in for a message of ours that Telegram does not delete any more."""
_UNFINISHED: Final = 1_000
_PARTS: Final = 5_000


class _Done(NamedTuple):
    """What came of a call: the messages that there are now, and what has to be called next because of it."""

    spots: tuple[Spot, ...] = ()
    more: tuple[Call, ...] = ()


class _Work:
    """A delivery under way."""

    __slots__ = ("calls", "ids", "named")

    def __init__(self, calls: Iterable[Call], *, named: bool) -> None:
        self.calls = deque(calls)
        self.ids: list[MessageId] = []
        self.named = named


class Speaker:
    """Speaks while there is a client."""

    def __init__(
        self,
        *,
        writer: Writer,
        rooms: Rooms,
        desk: Desk,
        pace: Pace,
        clock: Clock,
        on_moved: Callable[[int, int], None],
        on_outside: Callable[[RoomId, str], None],
    ) -> None:
        self._writer = writer
        self._rooms = rooms
        self._desk = desk
        self._pace = pace
        self._clock = clock
        self._on_moved = on_moved
        self._on_outside = on_outside
        self._client: Client | None = None
        self._hub: Hub | None = None
        self._unfinished: OrderedDict[DeliveryKey, _Work] = OrderedDict()
        self._parts: OrderedDict[tuple[RoomId, MessageId], tuple[MessageId, ...]] = OrderedDict()

    def connected(self, client: Client, hub: Hub) -> None:
        """Speak through this client from now on."""
        self._client = client
        self._hub = hub

    def disconnected(self) -> None:
        """Speak no more."""
        self._client = None

    async def send(self, delivery: Delivery) -> Sent:
        """Carry out one delivery. Raises: a DeliveryFailure."""
        client, hub = self._client, self._hub
        if client is None or hub is None:
            msg = "Telegram is not connected"
            raise Retry(msg)
        head = delivery.head
        work = self._unfinished.pop(head.key, None) or self._begin(delivery)
        while work.calls:
            call = work.calls[0]
            try:
                done = await self._carry_out(client, call)
            except Trouble as trouble:
                self._put_aside(head.key, work)
                raise self._what_follows(trouble, call, head.room.id) from trouble
            except Retry:
                self._put_aside(head.key, work)
                raise
            work.calls.popleft()
            work.calls.extendleft(reversed(done.more))
            work.ids += [self._rooms.message_id(head.room.id, spot) for spot in done.spots]
        await self._note(hub, delivery, work)
        return Sent(tuple(work.ids))

    # -- what to do, and what was done

    def _begin(self, delivery: Delivery) -> _Work:
        named = self._is_named(delivery)
        if isinstance(delivery, Edit | Retract) and delivery.ids:
            room = delivery.head.room.id
            delivery = replace(delivery, ids=self._parts.get((room, delivery.ids[0]), delivery.ids))
        return _Work(self._writer.calls(delivery, named=named), named=named)

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

    def _put_aside(self, key: DeliveryKey, work: _Work) -> None:
        self._unfinished[key] = work
        if len(self._unfinished) > _UNFINISHED:
            self._unfinished.popitem(last=False)

    # -- one call

    async def _carry_out(self, client: Client, call: Call) -> _Done:
        """Do it, or what has to be done instead. Raises: Trouble, Retry."""
        try:
            return await self._call(client, call)
        except Refused as refused:
            instead = self._instead(call, meaning(refused))
            if instead is None:
                raise
            return instead
        except Migrated as moved:
            if not isinstance(call, Say | Show):
                msg = "the message is from before the group became a supergroup"
                raise Refused(msg) from moved
            self._on_moved(call.place.chat, moved.chat)
            return _Done(more=(replace(call, place=Place(moved.chat, call.place.topic), answers=0),))

    async def _call(self, client: Client, call: Call) -> _Done:
        match call:
            case Say(place=place):
                await self._turn(place.chat)
                return _Done((Spot(place.chat, await client.say(call)),))
            case Show(place=place, items=items):
                await self._turn(place.chat, times=len(items))
                return _Done(tuple(Spot(place.chat, number) for number in await client.show(call)))
            case Rewrite(spot=spot):
                await self._turn(spot.chat)
                await self._rewrite(client, call)
                return _Done()
            case Remove(chat=chat, numbers=numbers):
                await client.remove(chat, numbers)
                return _Done()
            case SetReaction():
                await client.react(call)
                return _Done()
            case Expel():
                await client.expel(call)
                return _Done()
            case _:
                assert_never(call)

    async def _rewrite(self, client: Client, call: Rewrite) -> None:
        """Put the new text where the old one is: in the message, or below its picture."""
        try:
            await client.rewrite(call.spot, call.text, call.entities)
        except Refused as refused:
            if meaning(refused) is not Meaning.CAPTION:
                raise
            text = clip(call.text, limit=CAPTION, ellipsis="…")
            entities = call.entities if text == call.text else call.entities[:1]  # the sender's name
            await client.rewrite(call.spot, text, entities, caption=True)

    def _instead(self, call: Call, found: Meaning) -> _Done | None:
        """Return what follows from a refusal where that is no failure; None where it is one."""
        match call, found:
            case _, Meaning.DONE:
                return _Done()
            case Show(otherwise=otherwise), Meaning.UNFETCHED:
                return _Done(more=otherwise)
            case Rewrite(anew=True, place=place, text=text, entities=entities), Meaning.GONE:
                return _Done(more=(Say(place=place, text=text, entities=entities),))
            case Remove(chat=chat, numbers=numbers, own=True), Meaning.UNDELETABLE:
                blank = (Rewrite(spot=Spot(chat, number), place=Place(chat), text=DELETED) for number in numbers)
                return _Done(more=tuple(blank))
            case _:
                return None

    async def _turn(self, chat: int, *, times: int = 1) -> None:
        """Wait for this chat's turn. Raises: Retry when that is far away."""
        barred = self._pace.barred(chat, self._clock.monotonic())
        if barred > LONGEST_TURN:
            raise Retry(str(Flooded(barred)), after=barred)
        wait = max(self._pace.book(chat, self._clock.monotonic()) for _ in range(times))
        if wait > 0:
            await self._clock.sleep(wait)

    def _what_follows(self, trouble: Trouble, call: Call, room: RoomId) -> Exception:
        """Return what a delivery fails with, after taking note of what else it means."""
        if isinstance(trouble, Flooded):
            chat = _chat(call)
            self._pace.bar(chat, self._clock.monotonic() + trouble.after)
        if isinstance(trouble, Refused):
            if meaning(trouble) is Meaning.OUTSIDE:
                self._on_outside(room, reason(trouble))
            return Permanent(reason(trouble))
        return failure(trouble, once=isinstance(call, Say | Show))


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
