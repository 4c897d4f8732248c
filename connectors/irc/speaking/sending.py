"""Carrying out deliveries: over whose connection, in which order, and whether it arrived.

One lane for each room. What is said by one voice is pipelined; when the voice changes, the lane waits until everything
before it is confirmed, since two connections have no order between them. Confirmed is what the server has answered
(an echo, a label, a PONG behind it: :meth:`connectors.irc.connection.client.Connection.request`), or what the listener has seen.

Nothing is said twice: of a delivery that broke off it is kept how many of its lines are through, and for those of which
nobody knows, the listener is waited for. It either sees them, or sees the speaker quit, behind which nothing can come. What was
under way when the listener, too, was gone, or the whole process, is looked for in the channel's history (``recollection``).

Not here: who says it (``voices``), what it looks like in lines (``outbound``), what errors mean (``verdicts``), and when
it is tried again, which is the bridge's business. Called by the connector, and by listener and puppets when things change.
"""

import asyncio
from collections import deque
from functools import partial
from itertools import takewhile
from operator import attrgetter
from typing import cast

from bridge.core.deliveries import Delivery, Post, React, Sent, Tell
from bridge.core.failures import Barred, DeliveryFailure, Permanent, Retry, Uncertain, VoiceLost
from bridge.core.ids import DeliveryKey, MessageId, RoomId
from connectors.irc.connection.client import Congested, Connection, Line
from connectors.irc.connection.marks import OWN
from connectors.irc.connection.verdicts import is_about_codes, speech_refused
from connectors.irc.reading.copies import Copies
from connectors.irc.reading.recollection import Recollection
from connectors.irc.scene import Scene
from connectors.irc.speaking.outbound import Order, frame, is_plain, orders, plain_line
from connectors.irc.speaking.voices import Absent, Found, Voices

_BROKEN_OFF = 1000
"""Deliveries of which is kept how far they got."""
_COPIES = 100
"""Confirmed lines of a room whose copies may still be on their way to the listener."""
_LATE = 10.0
"""Seconds after which no copy comes any more."""
_FIRST = "another message has to be said before"


class _Part:
    """One line of a delivery, and who is told what came of it."""

    __slots__ = ("command", "id", "is_through", "is_written", "job", "params", "tags")

    def __init__(self, job: "_Job", command: str, params: tuple[str, ...], tags: dict[str, str] | None = None) -> None:
        self.job = job
        self.command = command
        self.params = params
        self.tags = tags
        self.id = ""
        self.is_through = False
        self.is_written = True

    @property
    def text(self) -> str:
        """What is said."""
        return self.params[-1]

    def said(self, message: str) -> None:
        """Be through: the words have come back."""
        self.job.sender.said(self, message)

    def answered(self, answers: list[Line]) -> None:
        """Be judged by the server's answers."""
        self.job.sender.answered(self, answers)

    def lost(self, *, written: bool) -> None:
        """Learn that nobody will answer."""
        self.job.sender.lost(self, written=written)


class _Job:
    """One delivery on its way."""

    __slots__ = (
        "connection",
        "deadline",
        "delivery",
        "failure",
        "future",
        "is_barred",
        "is_cut_off",
        "is_over",
        "lane",
        "nick",
        "open",
        "parts",
        "sender",
        "timer",
    )

    def __init__(self, sender: "Sender", lane: "_Lane", delivery: Delivery, future: "asyncio.Future[Sent]") -> None:
        self.sender = sender
        self.lane = lane
        self.delivery = delivery
        self.future = future
        self.deadline = 0.0  # for its speaker to come; 0: nobody was waited for
        self.connection: Connection | None = None
        self.nick = ""  # of who says it
        self.parts: list[_Part] = []  # none any more when it is over
        self.open = 0  # lines without an answer
        self.failure: DeliveryFailure | None = None
        self.is_over = False
        self.is_barred = False  # its channel was closed to us when we last looked
        self.is_cut_off = False  # the listener has seen the speaker quit
        self.timer: asyncio.TimerHandle | None = None  # until nobody will ever know

    @property
    def key(self) -> DeliveryKey:
        return self.delivery.head.key


class _Lane:
    """What is to be said in one room, in order. Rooms stay; a ``conversation`` is forgotten when nothing is to be said."""

    __slots__ = ("conversation", "flying", "is_pumping", "owed", "timer", "waiting")

    def __init__(self, *, conversation: RoomId | None) -> None:
        self.conversation = conversation
        self.waiting: deque[_Job] = deque()
        self.flying: deque[_Job] = deque()
        self.timer: asyncio.TimerHandle | None = None
        self.is_pumping = False
        self.owed: deque[tuple[float, str, str]] = deque(maxlen=_COPIES)
        """(when, folded nick, text) of lines that the server has confirmed, and given no id: their copies are of no others."""

    def was_owed(self, nick: str, line: Line, now: float) -> bool:
        """Tell whether a copy is of a line without id that the server has confirmed before."""
        while self.owed and now - self.owed[0][0] > _LATE:
            self.owed.popleft()
        found = next((owed for owed in self.owed if owed[1:] == (nick, line.text)), None)
        if found is not None:
            self.owed.remove(found)
        return found is not None


class Sender:
    """The deliveries of one run."""

    def __init__(self, scene: Scene, voices: Voices, recollection: Recollection) -> None:
        self._scene = scene
        self._voices = voices
        self._recollection = recollection
        self._lanes: dict[RoomId, _Lane] = {}
        self._broken_off: dict[DeliveryKey, list[str]] = {}  # ids of the lines that are through already
        self.copies = Copies()

    def send(self, delivery: Delivery) -> "asyncio.Future[Sent]":
        """Say something when its turn comes."""
        room = delivery.head.room.id
        lane = self._lanes.get(room)
        if lane is None:
            lane = self._lanes[room] = _Lane(conversation=room if isinstance(delivery, Tell) else None)
        future: asyncio.Future[Sent] = self._scene.loop.create_future()
        lane.waiting.append(_Job(self, lane, delivery, future))
        self._pump(lane)
        return future

    def wake(self, room: RoomId | None) -> None:
        """Look again who can speak in a room; None: in private."""
        lane = self._lanes.get(room) if room is not None else None
        if lane is not None and lane.waiting:
            self._pump(lane)
        elif room is None:
            self._wake_private()

    def _wake_private(self) -> None:
        for lane in list(self._lanes.values()):
            if lane.waiting and isinstance(lane.waiting[0].delivery, Tell):
                self._pump(lane)

    def close(self, reason: str) -> None:
        """Give back everything: the run is over."""
        for lane in self._lanes.values():
            self._stop(lane)
            for job in (*lane.flying, *lane.waiting):
                if job.timer is not None:
                    job.timer.cancel()
                is_open = any(part.is_written and not part.is_through for part in job.parts)
                _fail(job, Uncertain(reason) if is_open else Retry(reason))
        self._lanes.clear()

    # in order

    def _pump(self, lane: _Lane) -> None:
        if lane.is_pumping:
            return
        lane.is_pumping = True
        try:
            while lane.waiting and self._next(lane):
                pass
        finally:
            lane.is_pumping = False
        if not lane.waiting:
            if lane.timer is not None:
                self._stop(lane)
            if lane.conversation is not None and not lane.flying:
                self._lanes.pop(lane.conversation, None)

    def _next(self, lane: _Lane) -> bool:
        """Say the first in line if it can be said now; tells whether to go on with the next."""
        job = lane.waiting[0]
        if job.future.done():  # nobody waits for it any more
            lane.waiting.popleft()
            return True
        found = self._voices.find(job.delivery)
        if job.is_barred and not _is_barred(found):  # what was given up for the channel before comes first
            lane.waiting.popleft()
            self._give_up(lane, job, Retry(_FIRST, after=0.0))
            return True
        match found:
            case Connection():
                if lane.flying and lane.flying[-1].connection is not found:
                    return False
                lane.waiting.popleft()
                self._say(job, found)
                return True
            case Absent():
                return self._await(lane, job, found)
            case _:
                lane.waiting.popleft()
                self._give_up(lane, job, found)
                return True

    def _await(self, lane: _Lane, job: _Job, absent: Absent) -> bool:
        """Wait for a speaker, up to the deadline."""
        now = self._scene.time()
        job.is_barred = _is_barred(absent)
        if not job.deadline:
            job.deadline = (absent.since or now) + self._scene.pace.speaker
        if now >= job.deadline:
            lane.waiting.popleft()
            self._give_up(lane, job, absent.failure)
            return True
        self._stop(lane)
        lane.timer = self._scene.later(job.deadline - now, partial(self._overdue, lane))
        return False

    def _overdue(self, lane: _Lane) -> None:
        lane.timer = None
        self._pump(lane)

    def _stop(self, lane: _Lane) -> None:
        if lane.timer is not None:
            lane.timer.cancel()
            lane.timer = None

    # on the wire

    def _say(self, job: _Job, connection: Connection) -> None:
        job.connection, job.nick = connection, connection.nick
        if self._say_plainly(job, connection):
            return
        orders = self._orders(job.delivery, connection)
        job.parts = [_Part(job, order.command, order.params, order.tags) for order in orders]
        if self._broken_off:
            for part, message in zip(job.parts, self._broken_off.pop(job.key, ()), strict=False):
                part.id, part.is_through = message, True
        if self._recollection.has(job.delivery.head.room.id):
            self._look_up(job, orders, connection)
        for part in job.parts:
            if not part.is_through and not self._write(job, part, connection):
                break
        if job.open:
            job.lane.flying.append(job)
        else:
            self._settle(job)

    def _say_plainly(self, job: _Job, connection: Connection) -> bool:
        """Say one line of plain words the short way; False: it is something else, or something has to be looked at."""
        delivery = job.delivery
        if not isinstance(delivery, Post):
            return False
        channel = delivery.head.room.id
        if self._broken_off or self._recollection.has(channel):
            return False
        if not is_plain(delivery, connection.available(channel)):
            return False
        words = (str(channel), delivery.content.text)
        part = _Part(job, "PRIVMSG", words)
        try:
            key = delivery.head.key if self._voices.is_told_again(channel) else ""
            said = connection.utter(part, words, frame(channel, delivery.head.via, key))
        except (Congested, ValueError):
            return False
        if said:
            job.parts, job.open = [part], 1
            job.lane.flying.append(job)
        return said

    def _look_up(self, job: _Job, orders: list[Order], connection: Connection) -> None:
        """Take for said what the channel's history has of a delivery: it was under way when everything ended."""
        found = self._recollection.found(job.delivery, orders, mask=connection.mask)
        for part, message in zip(job.parts, found, strict=True):
            if message is not None:
                part.id, part.is_through = message or part.id, True

    def _orders(self, delivery: Delivery, connection: Connection) -> list[Order]:
        if isinstance(delivery, Post):
            channel = delivery.head.room.id
            room = connection.available(channel)
            keyed = self._voices.is_told_again(channel)
            line = plain_line(delivery, channel, room=room, tags="message-tags" in connection.caps, keyed=keyed)
            if line is not None:
                return [line]
        reacted = self._voices.reacted(delivery) if isinstance(delivery, React) else ()
        return orders(delivery, self._voices.dialect(delivery, connection), reacted=reacted)

    def _write(self, job: _Job, part: _Part, connection: Connection) -> bool:
        try:
            connection.send_for(part, part.command, part.params, tags=part.tags)
        except Congested:
            job.failure = Retry("too much waits to be sent", after=2.0)
        except ValueError as error:
            job.failure = Permanent(f"cannot be written as a line of IRC: {error}")
        else:
            job.open += 1
            return True
        for unsaid in job.parts[job.parts.index(part) :]:
            unsaid.is_written = False
        return False

    def said(self, part: _Part, message: str) -> None:
        """Take a line for said by the server's word: its words have come back, under this id."""
        job = part.job
        job.open -= 1
        if not part.is_through:
            self._confirm(part, message)
        if job.open or job.is_over:
            return
        if len(job.parts) == 1:
            self._end(job)
        else:
            self._settle(job)

    def answered(self, part: _Part, answers: list[Line]) -> None:
        """Find out from the server's answers whether a line is through."""
        refused = next((line for line in answers if _is_error(line)), None)
        if refused is None:
            self.said(part, next((line.tags["msgid"] for line in answers if "msgid" in line.tags), ""))
            return
        job = part.job
        job.open -= 1
        if not part.is_through:
            self._refused(part, refused)
        if not job.open and not job.is_over:
            self._settle(job)

    def lost(self, part: _Part, *, written: bool) -> None:
        """Take note that nobody will answer to a line."""
        job = part.job
        job.open -= 1
        part.is_written = written
        if not job.open and not job.is_over:
            self._settle(job)

    def _confirm(self, part: _Part, message: str) -> None:
        """Take note that a line is through; its copy, which comes by another way, is of no other line."""
        part.is_through, part.id = True, message
        if message:
            self.copies.expect(message)
        else:
            job = part.job
            job.lane.owed.append((self._scene.time(), self._scene.view.fold(job.nick), part.text))

    def _refused(self, part: _Part, refused: Line) -> None:
        job = part.job
        part.is_written = False
        place = self._scene.places.get(job.delivery.head.room.id)
        if is_about_codes(refused) and place is not None and not place.is_plain:
            place.is_plain = True
            job.failure = job.failure or Retry(refused.text, after=0.0)
        else:
            job.failure = job.failure or speech_refused(part.params[0], refused)

    def _settle(self, job: _Job) -> None:
        """Decide what has become of a delivery, all of whose lines are answered or lost."""
        unknown = [part for part in job.parts if not part.is_through and part.is_written]
        if unknown and not job.is_cut_off and self._voices.can_tell(job.delivery, job.connection):
            job.timer = self._scene.later(self._scene.pace.verdict, partial(self._end, job))
        else:
            self._end(job)

    def _end(self, job: _Job) -> None:
        """Tell what has become of a delivery, and go on with the next."""
        job.is_over = True
        lane = job.lane
        if job.timer is not None:
            job.timer.cancel()
        if lane.flying and lane.flying[0] is job:
            lane.flying.popleft()
        elif job in lane.flying:
            lane.flying.remove(job)
        ids = [part.id for part in job.parts if part.is_through]
        if len(ids) == len(job.parts):
            self._done(job, _named(job.delivery, ids))
        else:
            through = [part.id for part in takewhile(_is_through, job.parts)]
            self._keep(job.key, through)
            self._give_up(lane, job, self._why(job, is_begun=bool(through)))
        job.parts = []  # each of them holds the job
        if lane.waiting or lane.conversation is not None:
            self._pump(lane)

    def _why(self, job: _Job, *, is_begun: bool) -> DeliveryFailure:
        is_unknown = any(part.is_written and not part.is_through for part in job.parts)
        if job.failure is None:
            if is_unknown and not job.is_cut_off:
                return Uncertain("the connection was lost before the network had answered")
            return Retry("the connection was lost")
        if isinstance(job.failure, Permanent) and is_begun:
            return Permanent(f"only the beginning arrived: {job.failure.reason}")
        return job.failure

    def _done(self, job: _Job, ids: tuple[MessageId, ...]) -> None:
        self._voices.said(job.delivery, ids)
        if not job.future.done():
            job.future.set_result(Sent(ids))

    def _keep(self, key: DeliveryKey, through: list[str]) -> None:
        if through:
            self._broken_off[key] = through
            if len(self._broken_off) > _BROKEN_OFF:
                del self._broken_off[next(iter(self._broken_off))]

    def _give_up(self, lane: _Lane, job: _Job, failure: DeliveryFailure) -> None:
        """Fail a delivery; where it will come again, those behind it have to come again after it."""
        _fail(job, failure)
        if isinstance(failure, Retry | VoiceLost | Uncertain):
            behind, lane.waiting = lane.waiting, deque()
            for other in behind:
                _fail(other, Retry(_FIRST, after=0.0))

    # what the listener sees

    def seen(self, line: Line) -> None:
        """Take note that something one of ours has said is in the channel."""
        room = self._scene.places.room(line.param(0))
        lane = self._lanes.get(room) if room is not None else None
        if lane is None or self.copies.came(line.tags.get("msgid", "")) or not (lane.flying or lane.owed):
            return
        fold = self._scene.view.fold
        nick = fold(line.nick)
        if lane.was_owed(nick, line, self._scene.time()):
            return
        for job in lane.flying:
            if fold(job.nick) == nick and self._recognised(job, line):
                if all(part.is_through for part in job.parts):
                    self._end(job)
                return

    def _recognised(self, job: _Job, line: Line) -> bool:
        for part in job.parts:
            if not part.is_through and part.command == line.command and part.text == line.text:
                part.is_through, part.id = True, line.tags.get("msgid", "")
                return True
        return False

    def gone(self, nick: str) -> None:
        """Take note that one of ours has quit: what was not seen by now was never said."""
        folded = self._scene.view.fold(nick)
        for lane in list(self._lanes.values()):
            for job in [job for job in lane.flying if self._scene.view.fold(job.nick) == folded]:
                job.is_cut_off = True
                if job.timer is not None:
                    self._end(job)


_is_through = attrgetter("is_through")


def _fail(job: _Job, failure: DeliveryFailure) -> None:
    if not job.future.done():
        job.future.set_exception(failure)
        job.future.exception()  # it is no mistake if nobody waits any more


def _is_barred(found: Found) -> bool:
    return isinstance(found, Absent) and isinstance(found.failure, Barred)


def _is_error(line: Line) -> bool:
    return line.command == "FAIL" or (line.command.isdecimal() and line.command >= "400")


def _named(delivery: Delivery, ids: list[str]) -> tuple[MessageId, ...]:
    """Return the network's ids of a message; one of our own where it has none, so that what becomes of it is known to be about it."""
    given = cast("tuple[MessageId, ...]", tuple([message for message in ids if message]))
    if given or not isinstance(delivery, Post):
        return given
    return (MessageId(f"{OWN}{delivery.head.key}"),)
