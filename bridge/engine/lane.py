"""One lane: the deliveries of one room, in order, with a window of them under way.

A lane knows nothing of other lanes, so whatever happens to a room or a network delays nobody else. It has no task: it
is moved by calls (something was pushed, a send has ended, a timer is due, the network is ready), and each call sends as
much as order, window and network allow. Only two things need a task, and only for as long as they read from the store:
ids of old messages, and deliveries that had no room in memory.

What became of a send is decided here, and nowhere else:

=============  ==================================================================================================
``Sent``       settled; the ids of the copy go to the message map
``Retry``      back to its place in the lane, which waits until then; given up after ``limits.retries``. Where the network
               has little patience, those behind an old one are sent meanwhile
``VoiceLost``  again at once, in the relay's voice
``AuthLost``   back to its place; the whole network waits until its connector reports READY
``Permanent``  (and ``Unsupported``) given up, and the sender is told; so is what has become older than ``limits.age``
``Barred``     the same; but should the room open again, it comes back before anything newer (:mod:`bridge.engine.closures`)
``Uncertain``  like Retry, but given up after ``limits.faults``: the connector gets the same delivery with the same
               key, and it alone can look (echo, history) whether that has arrived
anything else  a fault of the connector: logged, then like Uncertain
=============  ==================================================================================================
"""

import asyncio
import logging
from bisect import bisect_left
from collections import deque
from collections.abc import Coroutine, Iterable
from functools import partial
from typing import Any, Protocol, assert_never

import msgspec

from bridge.connector import Connector
from bridge.core import backoff
from bridge.core.degrade import as_relay, unresolved
from bridge.core.deliveries import Announce, Delivery, Edit, Kick, Post, React, Retract, Sent, SetTopic, Tell
from bridge.core.failures import AuthLost, Barred, DeliveryFailure, Retry, Uncertain, VoiceLost
from bridge.core.ids import DeliveryKey, MessageId, MessageRef, Network, Room
from bridge.engine.counters import Count
from bridge.engine.desk import Desk
from bridge.engine.ports import Queued, Timer

log = logging.getLogger(__name__)

SHORTEST = 0.1
"""Seconds until a delivery is tried again, even if a network says "at once"."""
LONGEST = 3_600_000
"""Milliseconds until it is tried again, at most: a moment farther off was written by a clock that was set back since."""


MOST_ASIDE = 8
"""Deliveries of one room that others may overtake: where more fail, it is not they that are bad."""


class Outlet:
    """One network as its lanes see it."""

    __slots__ = ("connector", "network", "patience", "ready", "trouble", "window")

    def __init__(self, network: Network) -> None:
        self.network = network
        self.connector: Connector | None = None
        self.ready = False
        self.trouble = ""  # why nothing goes although the network is up
        self.window = 1
        self.patience = 0.0


class Keeper(Protocol):
    """Who keeps the lanes: the outbox."""

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run this in a task of its own."""

    def landed(self) -> None:
        """Take note that a delivery is not under way any more."""

    def gave_up(self, queued: Queued, reason: str, *, certain: bool, barred: bool) -> None:
        """Take note that a delivery went to the dead letters; ``barred``: since its room is closed to the bridge."""


class LaneStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What waits for one room."""

    room: Room
    waiting: int  # in memory
    more: bool  # and others in the store
    flying: int
    oldest: int  # milliseconds since the epoch: when the first of them happened; 0 if there are none
    reason: str  # why the lane waits, "" when it does not


class Flight:
    """A delivery that was handed to the connector, and has not been answered."""

    __slots__ = ("landing", "queued", "started")

    def __init__(self, queued: Queued, landing: "asyncio.Future[Sent]", started: float) -> None:
        self.queued = queued
        self.landing = landing
        self.started = started


class Lane:
    """The deliveries of one room."""

    __slots__ = (
        "_again",
        "_ages",
        "_alarm",
        "_aside",
        "_behind",
        "_by_hand",
        "_desk",
        "_flying",
        "_found",
        "_gone_off",
        "_held",
        "_holds",
        "_keeper",
        "_loading",
        "_looking",
        "_newest",
        "_outlet",
        "_passing",
        "_pumping",
        "_read",
        "_room",
        "_timer",
        "_waiting",
    )

    def __init__(self, room: Room, *, outlet: Outlet, desk: Desk, keeper: Keeper, stored_up_to: int = 0) -> None:
        self._room = room
        self._outlet = outlet
        self._desk = desk
        self._ages = desk.limits.age > 0  # whether anything is ever too old
        self._keeper = keeper
        self._waiting: deque[Queued] = deque()  # by seq
        self._aside: list[Queued] = []  # wait for another try, and let others pass
        self._flying: dict[DeliveryKey, Flight] = {}
        self._passing: set[DeliveryKey] = set()  # not in the store
        self._read = 0  # all up to this seq have been in memory
        self._newest = stored_up_to  # the last seq there is
        self._behind = stored_up_to > 0  # some between the two are in the store only
        self._loading = False
        self._looking = False
        self._holds = 0  # so many still bring something back that goes before all that is here
        self._again: int | None = None  # all behind this seq is to be read once more
        self._held = False  # whether one of the two is so
        self._pumping = False
        self._found: tuple[MessageRef, tuple[MessageId, ...]] | None = None
        self._timer: Timer | None = None
        self._alarm = 0  # when it goes off, in milliseconds since the epoch
        self._gone_off = 0  # the last one that has, whatever the clock says
        self._by_hand: set[DeliveryKey] = set()  # brought back by somebody: however old they are

    @property
    def room(self) -> Room:
        """The room that is told."""
        return self._room

    @property
    def outlet(self) -> Outlet:
        """Its network."""
        return self._outlet

    @property
    def flying(self) -> int:
        """How many are under way."""
        return len(self._flying)

    def under_way(self) -> Iterable[DeliveryKey]:
        """Return which are under way."""
        return self._flying

    @property
    def idle(self) -> bool:
        """Whether nothing waits, here or in the store, and nothing is under way."""
        waits = self._waiting or self._aside or self._flying
        reads = self._behind or self._loading or self._looking
        return not (waits or reads or self._held)

    def status(self) -> LaneStatus:
        """Return what waits, and why."""
        begun = [*self._aside, *(flight.queued for flight in self._flying.values())]
        first = min(begun, key=_seq, default=None)
        first = first or (self._waiting[0] if self._waiting else None)
        return LaneStatus(
            room=self._room,
            waiting=len(self._waiting) + len(self._aside),
            more=self._behind,
            flying=len(self._flying),
            oldest=first.delivery.head.at if first else 0,
            reason=self._outlet.trouble or (first.reason if first else ""),
        )

    # -- what comes in

    def push(self, queued: Queued) -> None:
        """Take a stored delivery; where memory is full, it is read back in its turn."""
        if queued.seq <= self._read:
            return  # a page from the store had it before its commit was reported
        self._newest = queued.seq
        if self._behind or len(self._waiting) >= self._desk.limits.lane:
            self._behind = True
        else:
            self._read = queued.seq
            self._waiting.append(queued)
        self.pump()

    def post(self, delivery: Delivery) -> None:
        """Take a delivery that is not stored; where memory is full, it is left out."""
        if self._behind or len(self._waiting) >= self._desk.limits.lane:
            self._desk.counters.add(Count.DROPPED, self._room.network)
            return
        self._passing.add(delivery.head.key)
        self._waiting.append(Queued(seq=self._read, delivery=delivery))
        self.pump()

    def revive(self, queued: Queued) -> None:
        """Take a dead letter back, in its old place."""
        self._by_hand.add(queued.delivery.head.key)
        if self._behind and queued.seq > self._read:
            return  # still to be read
        self._put_back(queued)

    def hold(self) -> None:
        """Send nothing until :meth:`go_on`."""
        self._holds += 1
        self._held = True

    def go_on(self, *, behind: int | None = None, newest: int = 0) -> None:
        """Send again; ``behind`` this seq, and up to ``newest``, more is in the store now than there was."""
        self._holds -= 1
        if behind is not None:
            self._again = behind if self._again is None else min(behind, self._again)
            self._newest = max(newest, self._newest)
        self._held = self._holds > 0 or self._again is not None
        self.pump()

    def _read_anew(self, behind: int) -> None:
        """Forget what waits in memory, and read it again with what has come between."""
        self._again = None
        self._held = self._holds > 0
        waiting = [*self._waiting, *self._aside]
        passing = [each for each in waiting if each.delivery.head.key in self._passing]
        stored = (each.seq - 1 for each in waiting if each.delivery.head.key not in self._passing)
        self._read = min(behind, self._read, *stored)
        self._behind = self._read < self._newest
        self._waiting = deque(msgspec.structs.replace(each, seq=self._read) for each in passing)
        self._aside.clear()

    # -- what goes out

    def pump(self) -> None:
        """Send what order, window and network allow."""
        if self._pumping:
            return
        if self._again is not None and not self._flying and not self._loading:
            self._read_anew(self._again)
        self._pumping = True
        try:
            while self._clear():
                self._dispatch(self._waiting.popleft())
        finally:
            self._pumping = False
        if self._behind:
            self._refill()

    def _clear(self) -> bool:
        """Tell whether the first in line may go now; if not, something that pumps again is on its way."""
        if not self._waiting:
            return False
        outlet = self._outlet
        if self._held or not outlet.ready or outlet.trouble or len(self._flying) >= outlet.window:
            return False
        if outlet.patience and not self._passed_by(outlet.patience):
            return False
        first = self._waiting[0]
        if self._looking or (first.due and not self._due(first.due)):
            return False
        if self._ages and self._is_too_old(first):
            return True  # whatever it refers to
        ref = referred(first.delivery)
        return ref is None or self._at_hand(ref)

    def _passed_by(self, patience: float) -> bool:
        """Set aside what is old and waits for another try, and what is about that; tell whether there is a first in line."""
        now = self._desk.clock.now()
        while self._waiting and len(self._aside) < MOST_ASIDE:
            first = self._waiting[0]
            due = first.due if now - first.delivery.head.at > patience * 1000 else 0
            due = max(due, self._due_before(referred(first.delivery)))
            if due <= now:
                break
            self._waiting.popleft()
            self._aside.append(first)
            self._desk.clock.call_later(min(due - now, LONGEST) / 1000, partial(self._come_back, first))
        return bool(self._waiting)

    def _due_before(self, ref: MessageRef | None) -> int:
        """Return when a message that something is about will be tried again, 0 if it is not set aside."""
        if ref is None:
            return 0
        return max((queued.due for queued in self._aside if copied(queued.delivery) == ref), default=0)

    def _come_back(self, queued: Queued) -> None:
        if queued in self._aside:
            self._aside.remove(queued)
            self._put_back(queued)
            self.pump()

    def _due(self, due: int) -> bool:
        """Tell whether the time has come; if not, set the timer, unless it is set."""
        wait = 0 if due == self._gone_off else min(due - self._desk.clock.now(), LONGEST)
        if wait > 0 and self._timer is not None and self._alarm == due:
            return False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if wait <= 0:
            return True
        self._alarm = due
        self._timer = self._desk.clock.call_later(wait / 1000, self._awake)
        return False

    def _awake(self) -> None:
        self._timer = None
        self._gone_off = self._alarm
        self.pump()

    def _is_too_old(self, queued: Queued) -> bool:
        """Tell whether nobody wants to hear this any more."""
        head = queued.delivery.head
        return self._desk.clock.now() - head.at > self._desk.limits.age * 1000 and head.key not in self._by_hand

    def _at_hand(self, ref: MessageRef) -> bool:
        """Tell whether the ids of the copy that a delivery refers to are known; see to it if not."""
        if any(copied(flight.queued.delivery) == ref for flight in self._flying.values()):
            return False  # just being sent: when it has landed there will be ids
        if self._found is not None and self._found[0] == ref:
            return True
        ids = self._desk.messages.copies(ref, self._room)
        if ids is None:
            self._looking = True
            self._keeper.spawn(self._look_up(ref))
            return False
        self._found = (ref, ids)
        return True

    async def _look_up(self, ref: MessageRef) -> None:
        try:
            self._found = (ref, await self._desk.messages.find_copies(ref, self._room))
        finally:
            self._looking = False
        self.pump()

    def _dispatch(self, queued: Queued) -> None:
        if self._ages and self._is_too_old(queued):
            self._desk.counters.add(Count.EXPIRED, self._room.network)
            self._bury(queued, "it had waited too long", certain=not queued.attempts)
            return
        if isinstance(queued.delivery, Edit) and self._makes_way(queued.delivery):
            return
        connector = self._outlet.connector
        assert connector is not None, "a network without a connector is not ready"
        try:
            delivery = self._addressed(queued.delivery)
            if delivery is None:
                self._sent(queued, Sent())
                return
            sending = connector.send(delivery)
            # ensure_future() asks the same, in three calls
            landing = sending if isinstance(sending, asyncio.Future) else asyncio.ensure_future(sending)
        except Exception as error:  # noqa: BLE001 - the boundary: whatever a connector raises concerns this delivery alone
            self._failed(queued, error)
            return
        flight = Flight(queued, landing, self._desk.clock.monotonic())
        self._flying[queued.delivery.head.key] = flight
        if landing.done():
            self._landed(flight, landing)
        else:
            landing.add_done_callback(partial(self._landed, flight))

    def _makes_way(self, edit: Edit) -> bool:
        """Leave out a correction behind which the next one of the same message waits already: a program that edits without pause.

        Programs that are told of everything (``patience``) are told of each.
        """
        following = self._waiting[0] if self._waiting and not self._outlet.patience else None
        later = following.delivery if following is not None else None
        if following is None or not isinstance(later, Edit) or later.target != edit.target:
            return False
        if later.head.voice != edit.head.voice:
            return False
        later = msgspec.structs.replace(later, previous=edit.previous)
        self._waiting[0] = self._postponed(following, delivery=later)
        self._desk.counters.add(Count.MERGED, self._room.network)
        self._desk.store.settle(edit.head.key, Sent())
        return True

    def _addressed(self, delivery: Delivery) -> Delivery | None:
        """Fill in what this room calls the message that a delivery is about; None: there is nothing to do it to."""
        if self._found is None:
            return delivery
        ids, self._found = self._found[1], None
        match delivery:
            case Edit() | Retract() | React():
                return msgspec.structs.replace(delivery, ids=ids) if ids else unresolved(delivery)
            case Post(reply=reply) if reply is not None:
                return msgspec.structs.replace(delivery, reply=msgspec.structs.replace(reply, ids=ids))
            case _:
                return delivery

    # -- what became of it

    def _landed(self, flight: Flight, landing: "asyncio.Future[Sent]") -> None:
        key = flight.queued.delivery.head.key
        if self._flying.get(key) is not flight:
            self._too_late(flight, landing)
            return
        del self._flying[key]
        if landing.cancelled():
            self._put_back(flight.queued)
        elif (error := landing.exception()) is not None:
            self._failed(flight.queued, error)
        else:
            desk = self._desk
            desk.counters.took(self._room.network, desk.clock.monotonic() - flight.started)
            self._sent(flight.queued, landing.result())
        self._keeper.landed()
        if self._waiting or self._behind or self._again is not None:
            self.pump()

    def _too_late(self, flight: Flight, landing: "asyncio.Future[Sent]") -> None:
        """Take an answer that nobody waits for any more: it still tells that the delivery need not go again."""
        if landing.cancelled() or landing.exception() is not None:
            return
        key = flight.queued.delivery.head.key
        again = next((queued for queued in (*self._waiting, *self._aside) if queued.delivery.head.key == key), None)
        if again is not None:
            (self._aside if again in self._aside else self._waiting).remove(again)
            self._sent(again, landing.result())
            self.pump()

    def _sent(self, queued: Queued, sent: Sent) -> None:
        delivery = queued.delivery
        key = delivery.head.key
        desk = self._desk
        if self._passing and key in self._passing:
            self._passing.discard(key)
        else:
            desk.store.settle(key, sent)
        desk.counters.add(Count.SENT, self._room.network)
        if not sent.ids:
            return
        match delivery:
            case Post(message=ref):
                desk.messages.landed(ref, self._room, sent.ids)
            case Tell(message=told) if told is not None:
                desk.messages.landed(told, self._room, sent.ids)
            case Edit(target=ref):
                desk.messages.renamed(ref, self._room, sent.ids)
            case _:
                pass

    def _failed(self, queued: Queued, error: BaseException) -> None:
        limits = self._desk.limits
        match error:
            case VoiceLost():
                self._say_as_relay(queued, error.reason)
            case Retry():
                self._retry(queued, error.reason, after=error.after, tries=limits.retries, certain=True)
            case AuthLost():
                self._outlet.trouble = error.reason
                self._put_back(self._postponed(queued, reason=error.reason))
            case Uncertain():
                self._desk.counters.add(Count.UNCERTAIN, self._room.network)
                self._retry(queued, error.reason, tries=limits.faults)
            case DeliveryFailure():
                self._bury(queued, error.reason, certain=True, barred=isinstance(error, Barred))
            case _:
                self._desk.counters.add(Count.FAULTS, self._room.network)
                log.error("delivery.fault network=%s room=%s event=%s", *_place(queued.delivery), exc_info=error)
                self._retry(queued, "the bridge failed at this message", tries=limits.faults)

    def _say_as_relay(self, queued: Queued, reason: str) -> None:
        delivery = as_relay(queued.delivery)
        if delivery is None:
            self._retry(queued, reason, tries=self._desk.limits.faults)
            return
        self._desk.counters.add(Count.RELAYED, self._room.network)
        self._put_back(self._postponed(queued, delivery=delivery, reason=reason))

    def _retry(
        self, queued: Queued, reason: str, *, tries: int, after: float | None = None, certain: bool = False
    ) -> None:
        attempts = queued.attempts + 1
        desk = self._desk
        if attempts >= tries:
            self._bury(queued, reason, certain=certain)
            return
        desk.counters.add(Count.RETRIED, self._room.network)
        wait = backoff.delay(attempts, desk.jitter()) if after is None else max(after, SHORTEST)
        due = desk.clock.now() + round(wait * 1000)
        self._put_back(self._postponed(queued, attempts=attempts, due=due, reason=reason))

    def _postponed(self, queued: Queued, **changes: Any) -> Queued:
        again = msgspec.structs.replace(queued, **changes)
        if again.delivery.head.key not in self._passing:
            self._desk.store.postpone(again)
        return again

    def _bury(self, queued: Queued, reason: str, *, certain: bool, barred: bool = False) -> None:
        key = queued.delivery.head.key
        desk = self._desk
        desk.counters.add(Count.BURIED, self._room.network)
        if key in self._passing:
            self._passing.discard(key)
            return
        desk.store.bury(key, reason=reason, certain=certain)
        self._keeper.gave_up(queued, reason, certain=certain, barred=barred)

    def _put_back(self, queued: Queued) -> None:
        """Insert by ``seq``: nearly always in front."""
        waiting = self._waiting
        if not waiting or queued.seq <= waiting[0].seq:
            waiting.appendleft(queued)
        else:
            waiting.insert(bisect_left(waiting, queued.seq, key=_seq), queued)

    # -- what the network and the store do meanwhile

    def abandon(self, *, crashed: bool) -> None:
        """Give up waiting for answers: the connector has stopped. After a crash nobody knows what has arrived."""
        flights, self._flying = list(self._flying.values()), {}
        for flight in flights:
            self._call_back(flight, certain=not crashed)

    def overdue(self, before: float) -> None:
        """Give up waiting for answers to what was sent before that moment."""
        late = [flight for flight in self._flying.values() if flight.started < before]
        for flight in late:
            del self._flying[flight.queued.delivery.head.key]
            self._call_back(flight, certain=False)
        if late:
            self.pump()

    def _call_back(self, flight: Flight, *, certain: bool) -> None:
        if isinstance(flight.landing, asyncio.Task):
            flight.landing.cancel()  # ours; a bare future is the connector's, which may still want to set it
        if certain:
            self._put_back(flight.queued)
        else:
            self._failed(flight.queued, Uncertain("the network gave no answer"))

    def _refill(self) -> None:
        limits = self._desk.limits
        full = len(self._waiting) > limits.lane - limits.page
        if full or self._loading or self._held or not self._outlet.ready:
            return
        self._loading = True
        self._keeper.spawn(self._load())

    async def _load(self) -> None:
        newest = self._newest
        try:
            page = await self._desk.store.queue(self._room, after=self._read, limit=self._desk.limits.page)
        finally:
            self._loading = False
        for queued in page:
            self._waiting.append(queued)
            self._read = queued.seq
        if len(page) < self._desk.limits.page:
            self._read = max(self._read, newest)
        self._behind = self._read < self._newest
        self.pump()


def copied(delivery: Delivery) -> MessageRef | None:
    """Return the message that a delivery makes a copy of."""
    match delivery:
        case Post(message=ref):
            return ref
        case Tell(message=told):
            return told
        case _:
            return None


def referred(delivery: Delivery) -> MessageRef | None:
    """Return the message whose ids in this room a delivery needs."""
    match delivery:
        case Post(reply=None):
            return None
        case Post(reply=reply):
            return reply.to if reply else None
        case Edit(target=ref) | Retract(target=ref) | React(target=ref):
            return ref
        case SetTopic() | Announce() | Kick() | Tell():
            return None
        case _:
            assert_never(delivery)


def _seq(queued: Queued) -> int:
    return queued.seq


def _place(delivery: Delivery) -> tuple[str, str, str]:
    """Return network, room and event for the log; the room of a direct conversation is an address, not for logs."""
    head = delivery.head
    return head.room.network, "-" if isinstance(delivery, Tell) else head.room.id, head.event
