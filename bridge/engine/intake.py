"""The intake: what becomes of a fact from ``emit`` until its deliveries are in their lanes.

The way of a message is one chain of calls without a task: what is known already or our own is dropped, what it refers to
is resolved, ``core.routing`` plans, the store is given fact and deliveries in one write; and when that is committed the
deliveries are pushed in the order of ``seq``. Nothing is sent before.

Only a fact that cannot be judged from memory (read from history, or about something old) waits for the store, and then
whatever its room says next waits behind it, so that the order of a room stays.

What may wait here is bounded. Above ``limits.uncommitted`` facts :meth:`Intake.drained` blocks whoever reads on; above
twice as many facts are refused. While the store is in trouble facts are still taken, up to these bounds: most networks
cannot be asked again. Who can be (a webhook) asks :meth:`Intake.congested` first.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Coroutine, Generator
from itertools import islice
from operator import attrgetter
from typing import Any, TypeVar

import msgspec

from bridge.connector import StoreAway
from bridge.core import routing
from bridge.core.capabilities import Capabilities
from bridge.core.events import (
    DirectPosted,
    Event,
    HistoryMissed,
    MessageEdited,
    MessagePosted,
    MessageRetracted,
    ReactionsChanged,
    Said,
    TopicChanged,
)
from bridge.core.ids import EventKey, MessageId, Network, Room
from bridge.core.loops import Guard, Verdict
from bridge.core.routing import NOTHING, Known, Original, Plan, Route
from bridge.engine.counters import Count
from bridge.engine.desk import Desk
from bridge.engine.media import Media, Worded
from bridge.engine.notices import Notices
from bridge.engine.outbox import Outbox
from bridge.engine.ports import Queued
from bridge.engine.puppets import Puppets
from bridge.engine.recent import Recent

log = logging.getLogger(__name__)

T = TypeVar("T")

STORE_PAUSE = 1.0
"""Seconds until a read that the store could not answer is tried again."""
BATCH = 200
"""Facts from history whose keys are looked up at once."""


class Durable:
    """What ``emit`` returns: awaiting it returns when the fact is stored. Cancelling who awaits does not stop the write."""

    __slots__ = ("_written",)

    def __init__(self, written: "asyncio.Future[None]") -> None:
        self._written = written

    def __await__(self) -> Generator[Any, None, None]:
        """Wait for the write."""
        return asyncio.shield(self._written).__await__()


class Nothing:
    """What ``emit`` returns for a fact that is not stored: there is nothing to wait for."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, None]:
        """Return."""
        yield from ()


class Refused:
    """What ``emit`` returns for a fact that was not taken."""

    __slots__ = ("_why",)

    def __init__(self, why: str) -> None:
        self._why = why

    def __await__(self) -> Generator[Any, None, None]:
        """Say so. Raises: StoreAway."""
        raise StoreAway(self._why)
        yield  # what makes this a generator


class _Source:
    """A room that facts come from; ``pending`` holds those that wait for the store, None if none does."""

    __slots__ = ("link", "others", "pending", "route")

    def __init__(self) -> None:
        self.link = ""
        self.route: Route | None = None
        self.others: tuple[Room, ...] = ()
        self.pending: deque[tuple[Said, asyncio.Future[None]]] | None = None


class Intake:
    """Takes what was said, in the order of calls."""

    def __init__(
        self,
        desk: Desk,
        *,
        instance: str,
        puppets: Puppets,
        outbox: Outbox,
        notices: Notices,
        media: Media,
        capabilities: Callable[[Network], Capabilities | None],
    ) -> None:
        self._store = desk.store
        self._clock = desk.clock
        self._counters = desk.counters
        self._messages = desk.messages
        self._most = desk.limits.uncommitted
        self._instance = instance
        self._puppets = puppets
        self._outbox = outbox
        self._notices = notices
        self._media = media
        self._capabilities = capabilities
        self._guard = Guard(instance)
        self._keys: Recent[tuple[Room, EventKey], bool] = Recent(desk.limits.keys)
        self._sources: dict[Room, _Source] = {}
        self._direct: dict[Network, _Source] = {}
        self._seq = 0
        self._uncommitted: deque[tuple[asyncio.Future[None], list[Queued]]] = deque()
        self._late: dict[Network, set[asyncio.Future[None]]] = {}
        self._deferred = 0
        self._relief: asyncio.Future[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Read the last seq, and which facts are known."""
        self._seq = await self._store.last_seq()
        for key in await self._store.recent(self._keys.size):
            self._keys.put(key, True)  # noqa: FBT003 - a set with a memory

    async def close(self) -> None:
        """Let what waits for the store finish, for a moment; networks are stopped by now."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STORE_PAUSE)
        for task in self._tasks:
            task.cancel()

    # -- links

    def route(self, room: Room, route: Route, *, link: str, others: tuple[Room, ...]) -> None:
        """Take what is said in a room of this link from now on; ``others`` are those that will hear it."""
        source = self._sources.setdefault(room, _Source())
        source.link = link
        source.route = route
        source.others = others

    def unroute(self, room: Room) -> None:
        """Take nothing from this room any more."""
        source = self._sources.pop(room, None)
        if source is not None:
            source.route = None

    def route_of(self, room: Room) -> Route | None:
        """Return how facts of a room go, None if it is in no link."""
        source = self._sources.get(room)
        return source.route if source is not None else None

    def others(self, room: Room) -> tuple[Room, ...]:
        """Return the other rooms of a room's link."""
        source = self._sources.get(room)
        return source.others if source is not None else ()

    # -- how full it is

    def congested(self) -> str:
        """Return "" when facts are stored without delay, else why not."""
        if self._waiting() >= self._most:
            return "too many messages wait for the store"
        return self._store.healthy()

    async def drained(self) -> None:
        """Return once there is room again."""
        while self._waiting() >= self._most:
            if self._relief is None:
                self._relief = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._relief)

    def _waiting(self) -> int:
        return len(self._uncommitted) + self._deferred

    def _relieve(self) -> None:
        if self._relief is not None and self._waiting() <= self._most // 2:
            self._relief.set_result(None)
            self._relief = None

    # -- facts

    def take(self, event: Said) -> Awaitable[None]:
        """Take what was said."""
        origin = event.origin
        room = origin.room
        self._counters.add(_EVENTS, room.network)
        source = self._sources.get(room)
        if source is None:
            if not isinstance(event, DirectPosted):
                self._counters.add(Count.UNLINKED, room.network)
                return self._done()
            source = self._direct.setdefault(room.network, _Source())
        if len(self._uncommitted) + self._deferred >= 2 * self._most:
            self._counters.add(Count.REFUSED, room.network)
            return Refused("too many messages wait for the store")
        if source.pending is None:
            if (room, origin.key) in self._keys:
                self._counters.add(Count.REPEATS, room.network)
                return self._done()
            known = NOTHING if _is_new(event) else self._known_at_once(event)
            if known is not None:
                return Durable(self._accept(source, event, known))
        return self._defer(source, event)

    def _known_at_once(self, event: Said) -> Known | None:
        """Return what is known of what a fact is about, None if the fact has to wait for that."""
        return None if event.origin.replayed or self._media.unknown(event) else self._known(event)

    def remember(self, network: Network, name: str, value: str) -> Awaitable[None]:
        """Keep a connector's small text, after every fact that was emitted before it."""
        before = self._late.get(network)
        if not before:
            return Durable(asyncio.ensure_future(self._store.remember(network, name, value)))
        written = self._late_one(network)
        self._spawn(self._remember_after(list(before - {written}), written, network, name, value))
        return Durable(written)

    def _accept(self, source: _Source, event: Said, known: Known) -> "asyncio.Future[None]":
        """Plan and write; everything that needs waiting has been waited for."""
        origin = event.origin
        room = origin.room
        self._keys.put((room, origin.key), True)  # noqa: FBT003
        if isinstance(event, _WORDED):
            event = self._complete(event)
        plan = self._plan(source, event, known)
        if plan.dropped:
            self._counters.add(_REASONS.get(plan.dropped, Count.UNRESOLVED), room.network)
            if plan.dropped == _NOT_OWN:
                self._tell_forbidden(event)
                return self._nothing()  # not even kept: in the store it would take effect
        self._note(event, known)
        queued = [Queued(seq=seq, delivery=delivery) for seq, delivery in enumerate(plan.deliveries, self._seq + 1)]
        if queued:
            self._seq += len(queued)
            self._counters.add(_PLANNED, room.network, times=len(queued))
        if plan.refusals:
            self._tell_refusals(event, plan)
        writing = self._store.journal(event, queued)
        written = writing if isinstance(writing, asyncio.Future) else asyncio.ensure_future(writing)
        self._uncommitted.append((written, queued))
        if len(self._uncommitted) == 1:  # one callback for a whole group of writes: see _committed
            written.add_done_callback(self._committed)
        return written

    def _plan(self, source: _Source, event: Said, known: Known) -> Plan:
        if isinstance(event, DirectPosted):
            return self._plan_direct(event)
        origin = event.origin
        if isinstance(event, MessagePosted) and not origin.replayed:
            sender, now = event.sender, self._clock.monotonic()
            verdict = self._guard.judge(source.link, sender.name, event.content.text, now, via=origin.via)
            if verdict is not _NEWS:
                return Plan(dropped="loop")
            self._puppets.spoke(origin.room, sender)
        if source.route is None:
            return Plan(dropped="no link")
        return source.route.plan(event, known, shows=self._puppets.shows)

    def _plan_direct(self, event: DirectPosted) -> Plan:
        network = event.to.network
        capabilities = self._capabilities(network)
        if capabilities is None:
            return Plan(dropped="no such network")
        puppet = self._puppets.speaks(network, event.sender)
        return routing.direct(event, capabilities, puppet=puppet, instance=self._instance)

    def _note(self, event: Said, known: Known) -> None:
        """Let the message map know."""
        match event:
            case MessagePosted() | DirectPosted():
                self._messages.said(event)
            case MessageEdited(content=content) if known.target is not None:
                self._messages.rewritten(known.target.ref, content)
            case MessageRetracted() if known.target is not None:
                self._messages.retracted(known.target.ref)
            case _:
                pass

    def _complete(self, event: Worded) -> Worded:
        """Return what was said with what only the bridge knows: who of the other networks is named, and where files are."""
        if event.content.attachments:
            event = self._media.addressed(event)
        if isinstance(event, DirectPosted) or not event.content.text or event.sender.bot:
            return event  # a program that happens to say a name wakes nobody
        content = event.content
        named = self._puppets.mentioned(event.origin.room, content.text, writer=event.sender.name)
        if not named:
            return event
        taken = [(each.start, each.end) for each in content.mentions]
        found = [each for each in named if all(each.end <= start or each.start >= end for start, end in taken)]
        if not found:
            return event
        both = tuple(sorted((*content.mentions, *found), key=attrgetter("start")))
        return msgspec.structs.replace(event, content=msgspec.structs.replace(content, mentions=both))

    def _tell_forbidden(self, event: Said) -> None:
        """Tell somebody that nobody else corrects or takes back their words: to them it looks as if it had worked."""
        if isinstance(event, HistoryMissed) or event.sender is None or event.origin.replayed:
            return
        what = "correction" if isinstance(event, MessageEdited) else "removal"
        line = f"your {what} of somebody else's message was not passed on"
        self._notices.tell(event.sender.person, event.origin.room, line)

    def _tell_refusals(self, event: Said, plan: Plan) -> None:
        network = event.origin.room.network
        self._counters.add(Count.IMPOSSIBLE, network, times=len(plan.refusals))
        if isinstance(event, TopicChanged | HistoryMissed) or event.sender is None:
            return
        for refusal in plan.refusals:
            self._notices.impossible(event.sender.person, event.origin.room, room=refusal.room, feature=refusal.feature)

    def _committed(self, _: "asyncio.Future[None]") -> None:
        """Push what is stored, in order, whatever the order in which the writes were reported; then wait for the next."""
        uncommitted = self._uncommitted
        while uncommitted and uncommitted[0][0].done():
            written, queued = uncommitted.popleft()
            if written.cancelled() or written.exception() is not None:
                log.error("intake.unwritten deliveries=%d", len(queued))
                continue
            if queued:
                self._outbox.push(queued)
        if uncommitted:
            uncommitted[0][0].add_done_callback(self._committed)
        self._relieve()

    def _done(self) -> Awaitable[None]:
        """Return what to await for a fact that needs no writing of its own, or is being written already."""
        return Durable(self._uncommitted[-1][0] if self._uncommitted else self._nothing())

    def _nothing(self) -> "asyncio.Future[None]":
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    # -- what a fact refers to

    def _known(self, event: Said) -> Known | None:
        """Return what is known of the messages that a fact is about, None if that takes the store."""
        room = event.origin.room
        match event:
            case MessagePosted(reply_to=None) | TopicChanged() | HistoryMissed() | DirectPosted():
                return NOTHING
            case MessagePosted(reply_to=answered):
                reply = self._original(room, answered) if answered else None
                return None if reply is None else Known(reply=reply)
            case MessageEdited(target=target) | MessageRetracted(target=target) | ReactionsChanged(target=target):
                original = self._original(room, target)
                return None if original is None else Known(target=original)

    def _original(self, room: Room, message: MessageId) -> Original | None:
        ref = self._messages.resolve(room, message)
        stored = self._messages.message(ref) if ref is not None else None
        if ref is None or stored is None:
            return None
        return Original(ref=ref, sender=stored.sender, content=stored.content)

    async def _look_up(self, event: Said) -> Known:
        known = self._known(event)
        if known is not None:
            return known
        match event:
            case MessagePosted(reply_to=answered):
                return Known(reply=await self._read(event.origin.room, answered) if answered else None)
            case MessageEdited(target=target) | MessageRetracted(target=target) | ReactionsChanged(target=target):
                return Known(target=await self._read(event.origin.room, target))
            case _:
                return NOTHING

    async def _read(self, room: Room, message: MessageId) -> Original | None:
        """Return a message by what its room calls it; no other room's message is ever found."""
        ref = await self._ask_store(lambda: self._messages.find(room, message))
        if ref is None:
            return None
        stored = await self._ask_store(lambda: self._messages.read(ref))
        if stored is None:
            return Original(ref=ref)
        return Original(ref=ref, sender=stored.sender, content=stored.content)

    # -- facts that have to wait for the store

    def _defer(self, source: _Source, event: Said) -> Awaitable[None]:
        network = event.origin.room.network
        written = self._late_one(network)
        self._deferred += 1
        if source.pending is None:
            source.pending = deque()
            self._spawn(self._catch_up(source, source.pending))
        source.pending.append((event, written))
        return Durable(written)

    def _late_one(self, network: Network) -> "asyncio.Future[None]":
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        late = self._late.setdefault(network, set())
        late.add(written)
        written.add_done_callback(late.discard)
        return written

    async def _catch_up(self, source: _Source, pending: "deque[tuple[Said, asyncio.Future[None]]]") -> None:
        """Work through what has gathered, in order, until nothing is left."""
        await asyncio.sleep(0)  # let what comes in the same breath gather: one question for all
        while pending:
            batch = [event for event, _ in islice(pending, BATCH)]
            known = await self._journalled(batch)
            for _ in batch:  # not one that has come meanwhile: nobody has asked whether it is known
                event, written = pending.popleft()
                self._deferred -= 1
                await self._take_late(source, event, written, known)
        source.pending = None
        self._relieve()

    async def _take_late(
        self,
        source: _Source,
        event: Said,
        written: "asyncio.Future[None]",
        journalled: Collection[tuple[Room, EventKey]],
    ) -> None:
        origin = event.origin
        key = (origin.room, origin.key)
        if key in self._keys or key in journalled:
            self._counters.add(Count.REPEATS, origin.room.network)
            self._keys.put(key, True)  # noqa: FBT003
            written.set_result(None)
            return
        event = await self._media.looked_at(event)
        known = await self._look_up(event)
        try:
            accepted = self._accept(source, event, known)
        except Exception as error:  # noqa: BLE001 - the boundary of a fact: a bug costs this one, not those behind it
            self.fault(event, error)
            written.set_result(None)
            return
        accepted.add_done_callback(lambda _: written.set_result(None))

    async def _journalled(self, events: Collection[Said]) -> set[tuple[Room, EventKey]]:
        """Return which of the facts are known, asking the store for those from history."""
        asked: dict[Room, list[EventKey]] = {}
        found: set[tuple[Room, EventKey]] = set()
        for event in events:
            origin = event.origin
            if (origin.room, origin.key) in self._keys:
                found.add((origin.room, origin.key))
            elif origin.replayed:
                asked.setdefault(origin.room, []).append(origin.key)
        for room, keys in asked.items():
            known = await self._ask_store(lambda room=room, keys=keys: self._store.known(room, keys))  # type: ignore[misc]
            found.update((room, key) for key in known)
        return found

    async def _ask_store(self, read: Callable[[], Awaitable[T]]) -> T:
        """Read, again and again if it must be: what waits for the answer cannot be asked for twice."""
        while True:
            try:
                return await read()
            except Exception:
                log.exception("intake.store_away")
                await self._clock.sleep(STORE_PAUSE)

    async def _remember_after(
        self,
        before: list["asyncio.Future[None]"],
        written: "asyncio.Future[None]",
        network: Network,
        name: str,
        value: str,
    ) -> None:
        await asyncio.gather(*before)
        await self._store.remember(network, name, value)
        written.set_result(None)

    # -- trouble

    def fault(self, event: Event, error: Exception) -> None:
        """Note that a fact could not be dealt with because of a bug: it is dropped, and its network lives on."""
        network = event.origin.room.network
        self._counters.add(Count.FAULTS, network)
        place = "-" if isinstance(event, DirectPosted) else event.origin.room.id
        log.error("event.fault network=%s room=%s event=%s", network, place, event.origin.key, exc_info=error)

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("intake.fault", exc_info=error)


def _is_new(event: Said) -> bool:
    """Tell whether a fact is just said, about nothing that was said before, and has no files: as nearly all are."""
    return (
        isinstance(event, MessagePosted)
        and event.reply_to is None
        and not event.origin.replayed
        and not event.content.attachments
    )


_EVENTS, _PLANNED, _NEWS = Count.EVENTS, Count.PLANNED, Verdict.NEWS
"""Until Python 3.12 a member of an Enum costs as much as a call: on the way of every message it is looked up once."""
_WORDED = (MessagePosted, MessageEdited, DirectPosted)
_NOT_OWN = "not the sender's own message"
_REASONS = {
    "loop": Count.LOOPS,
    _NOT_OWN: Count.FORBIDDEN,
    "no such network": Count.UNLINKED,
    "no link": Count.UNLINKED,
}
