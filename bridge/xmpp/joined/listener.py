"""The listener of one joined room: how the bridge's own occupant gets in, stays in, and comes back.

One coroutine for each room, :meth:`Listener.stay`: ask what the room can do, read in its archive what was missed, join
with the history since then, read in the archive what was said between the two, wait until something ends it, wait a
while, again. What ends it is told by the room, which
has acted on it at once (another reader, or nobody there); here is only what follows in time. A ban or a destroyed room
is final: then only an invitation (XEP-0045 section 7.8.2) brings the bridge back.

Not here: what the room says while the bridge is in it (hearing), the proof that it still is (selfping).
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from typing import Protocol
from xml.etree.ElementTree import Element

import msgspec

from bridge.connector import Cursor
from bridge.core.events import Cause, HistoryMissed, Origin
from bridge.core.ids import XMPP, EventKey, Person, PersonId, Room, digest, is_digest
from bridge.core.nicks import MUC_RULES, clean
from bridge.xmpp.joined import archive
from bridge.xmpp.joined.archive import Position
from bridge.xmpp.joined.ghosts import nicks_name
from bridge.xmpp.joined.hearing import topic_name
from bridge.xmpp.joined.muc import CREATED, Refusal, Sighting
from bridge.xmpp.joined.refusals import NO_ANSWER, Verdict, judge, sentence
from bridge.xmpp.joined.selfping import is_inside
from bridge.xmpp.messages import inbound
from bridge.xmpp.ports import IqRefused
from bridge.xmpp.surroundings import Surroundings
from bridge.xmpp.wire import marks, stanzas
from bridge.xmpp.wire import namespaces as ns

log = logging.getLogger(__name__)

PATIENCE = 30.0
"""Seconds that a join may take."""
OVERLAP = 5_000
"""Milliseconds of history that are asked for although they should be known: clocks differ."""
NOTED = 10.0
"""Seconds between two notes how far the room has been taken."""
PAGES_OUTSIDE = 10
"""Pages of the archive that are read before the join, when they have to be kept; the rest is read behind it."""
MANY_PAGES = 1_000_000
"""As many as there are."""
TRIES = 5
"""Times in a row that an archive may give no answer while the bridge is in the room."""
SHORT = 1_000
"""Milliseconds up to which a gap is none."""
MOST_NICKS = 10
AFTER_KICK = 30.0
"""Seconds until the bridge comes back after a first kick; after a second within :data:`FORGIVEN` it stays out."""
FORGIVEN = 3_600.0
SLOW = 900.0
"""Seconds between two tries at a room whose people would have to change something."""


class Gap(msgspec.Struct, frozen=True):
    """A time for which nobody read the room."""

    since: int  # milliseconds since the epoch
    cursor: Cursor | None  # the last that the bridge has of the room


class Out(msgspec.Struct, frozen=True, kw_only=True):
    """Why the listener is not in the room, and when it may try again."""

    cause: Cause
    reason: str
    final: bool = False
    forgiven: bool = True  # a new stream is a new beginning
    first_wait: float = 1.0  # seconds; doubled by each failure in a row
    longest_wait: float = 60.0


class Place(Protocol):
    """What the listener needs of its room."""

    room: Room
    address: str
    password: str
    nick: str
    around: Surroundings
    reading: archive.Reading

    @property
    def replayed_up_to(self) -> int | None:
        """What the archive has said, in the room's time."""

    def heard_up_to(self) -> str:
        """Return the room's own id of the last message that was taken, "" where there is none."""

    def history_reaches(self, cursor: Cursor | None) -> bool:
        """Tell whether the history that the room has told goes back to something that the bridge has."""

    def release(self) -> bool:
        """Go on with what was held while the archive was read; False if the archive has more of it."""

    def open(self) -> bool:
        """Whether somebody reads the room."""

    def know(self, features: frozenset[str]) -> None:
        """Learn what the room announces in disco#info."""

    def has(self, feature: str) -> bool:
        """Whether the room announces this."""

    def read_by_another(self) -> bool:
        """Whether a ghost reads the room meanwhile."""

    def unsure_since(self) -> int | None:
        """Return when the oldest of our words was written that the room may or may not have."""

    def topic_known(self, known: str | None) -> None:
        """Learn by its digest which topic was known last."""

    def nicks_known(self, known: str | None) -> None:
        """Learn whose nicks were whose when the bridge was here last."""

    def begun(self, at: int) -> None:
        """Learn when the bridge has come into the room for the first time: what was said before is not for others."""

    def replay(self, element: Element, *, at: int, archived: str) -> None:
        """Take a message out of the archive."""

    def entering(self, nick: str) -> None:
        """Expect the answer to a join under this nick."""

    def entered(self, seen: Sighting) -> None:
        """Be in the room."""

    def replay_over(self) -> None:
        """Learn that the room has sent all its history."""

    def shut_out(self, out: Out) -> None:
        """Learn that the listener did not get in, and what comes of it."""


class Listener:
    """Gets the bridge's own occupant into one room, again and again."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._around = place.around
        self._answer: asyncio.Future[Sighting | Refusal] | None = None
        self._end: asyncio.Future[Out] | None = None
        self._called = asyncio.Event()
        self._forgiven = True
        self._stranger = False  # the bridge has never been in this room
        self._taken = ""  # the room's id of the message up to which that is noted
        self._noted = 0.0
        self._rest: Position | None = None  # of the archive, to be read inside
        self._reading = asyncio.Lock()
        self._kicked_at = -FORGIVEN
        self._unread = 0  # since when nobody reads the room, in this run; 0: somebody does, or nobody has yet
        self._gap: Gap | None = None  # what only the history can fill
        self._beat = 0.0  # when it was last noted that the room is read

    async def stay(self) -> None:
        """Be in the room, until cancelled."""
        failures = 0
        while True:
            await self._around.up.wait()
            async with self._around.entering:
                out = await self._enter()
            if out is None:
                failures = 0
                out = await self._until_out()
            else:
                self._place.shut_out(out)
            await self._pause(out, failures)
            failures += 1

    # -- what the room tells

    def answered(self, answer: Sighting | Refusal) -> bool:
        """Take the answer to a join; False if there is none under way."""
        if self._answer is None or self._answer.done():
            return False
        self._answer.set_result(answer)
        return True

    def out(self, out: Out) -> None:
        """Be out of the room; the room has seen to what had to be done at once."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(Refusal("remote-server-timeout", "wait", out.reason))
        if self._end is not None and not self._end.done():
            self._end.set_result(out)

    def stream_down(self, out: Out) -> None:
        """Be out of the room since there is no stream: with the next one, waiting has an end."""
        self.out(out)
        if self._forgiven:
            self._called.set()

    def after_kick(self, reason: str) -> Out:
        """Say what follows from a kick: a second one within the hour is final."""
        now = self._around.clock.monotonic()
        again = now - self._kicked_at < FORGIVEN
        self._kicked_at = now
        said = f"the bridge was kicked{': ' + reason if reason else ''}"
        return Out(cause=Cause.KICKED, reason=said, final=again, first_wait=AFTER_KICK)

    def unread(self) -> None:
        """Learn that nobody reads the room from now on."""
        self._unread = self._around.clock.now()
        self._note_reading()

    def called(self) -> None:
        """Be invited: try at once."""
        self._called.set()

    @property
    def reads_on_inside(self) -> bool:
        """Whether the archive will be read on behind the join: what is said live has to wait for that."""
        return self._rest is not None

    async def read_on(self) -> None:
        """Read in the archive what was not taken although it was heard, up to its end; then go on with what is live."""
        await self._read_inside(Position(self._place.heard_up_to()))

    async def _read_inside(self, start: Position) -> None:
        place = self._place
        silences = 0
        async with self._reading:
            while place.open():
                try:
                    found = await archive.read(place, start, pages=MANY_PAGES)
                except IqRefused as refused:
                    silences += 1
                    if silences < TRIES and self._around.up.is_set():
                        start = self._on_from(start)
                        continue
                    log.warning("archive.unread condition=%s", refused.condition)
                    found = None
                if place.release() or found is None:
                    break
                start = self._on_from(start)
            while not place.release():
                pass  # an archive that tells nothing: what was said meanwhile is gone, and order goes on

    def _on_from(self, start: Position) -> Position:
        return Position(self._place.heard_up_to() or start.after, start.since)

    # -- getting in

    async def _enter(self) -> Out | None:
        """Join; returns why it did not work, None if it did."""
        place = self._place
        unreachable = await self.ask()
        if unreachable is not None:
            return unreachable
        try:
            since = await self._catch_up()
        except IqRefused as silent:
            return _refused(Refusal(silent.condition, "wait", silent.text))
        refusal = Refusal("conflict")
        self._end = asyncio.get_running_loop().create_future()  # it may come at any moment from here on
        for nick in _nicks(self._around.nick):
            answer = await self._knock(nick, since)
            if isinstance(answer, Sighting):
                place.entered(answer)
                self._note_beginning()
                await self._settle(answer)
                rest, self._rest = self._rest, None
                if rest is not None:
                    await self._read_inside(rest)
                await is_inside(self._around, place.address, place.nick)  # the answer comes behind all history
                self._tell_gap()
                place.replay_over()
                return None
            refusal = answer
            if judge(refusal) not in (Verdict.NICK_TAKEN, Verdict.NICK_REFUSED):
                break
        self._end = None
        return _refused(refusal)

    async def ask(self) -> Out | None:
        """Ask what the room can do. A room that does not exist yet is made by joining it."""
        try:
            info = await self._around.component.iq(
                "get", to=self._place.address, payload=f"<query xmlns='{ns.DISCO_INFO}'/>", sender=self._around.listener
            )
        except IqRefused as refused:
            if refused.condition in NO_ANSWER:
                return _refused(Refusal(refused.condition, "wait", refused.text))
            self._place.know(frozenset())
            return None
        self._place.know(features(info))
        return None

    async def _catch_up(self) -> str:
        """Read what was missed in the archive; returns since when the join has to bring history, "" for none."""
        place, hub = self._place, self._around.hub
        self._rest = self._gap = None
        if hub is None or place.read_by_another():
            return ""
        place.topic_known(await hub.recall(topic_name(place.address)))
        place.nicks_known(await hub.recall(nicks_name(place.address)))
        cursor = await hub.cursor(place.room.id)
        unsure = place.unsure_since()
        waiting = None if place.heard_up_to() else await hub.waiting_since(place.room.id)
        begun = int(await hub.recall(_beginning_name(place.address)) or 0)
        known = [at for at in (unsure, None if cursor is None else cursor.at) if at is not None]
        self._stranger = not known and not begun
        if self._stranger:
            self._taken = await archive.newest(place) if place.has(ns.MAM) else ""
            return ""
        if waiting is not None:
            known.append(waiting)
        place.begun(begun)
        now = self._around.clock.now()  # which may have been set back
        since = max(min(begun, now), min([now, *known]) - OVERLAP if known else begun)
        read = self._unread or int(await hub.recall(_read_name(place.address)) or 0) or max(begun, since)
        self._gap = Gap(min(read, now), cursor)
        if place.has(ns.MAM):
            if waiting is not None:  # what was under way at a kill may lie far before what was taken since
                await archive.recognise(place, waiting - OVERLAP)
            after = place.heard_up_to() or _later(cursor, await hub.recall(_taken_name(place.address)))
            found = await archive.read(place, Position(after, since), pages=PAGES_OUTSIDE)
            if found is not None:
                self._rest = Position(found.last, since)
                self._gap = None
        return inbound.stamp(max(since, place.replayed_up_to or since))

    def _tell_gap(self) -> None:
        """Say that something may be missing, where there is no archive and the history does not go back far enough."""
        gap, self._gap = self._gap, None
        self._unread = 0
        now = self._around.clock.now()
        if gap is None or now - gap.since <= SHORT or self._place.history_reaches(gap.cursor):
            return
        key = EventKey(digest("missed", self._place.address, gap.since))
        self._around.emit(HistoryMissed(origin=Origin(room=self._place.room, key=key, at=now), since=gap.since))

    def _note_beginning(self) -> None:
        """Keep the moment of the first entry: from then on whatever was missed can be told from what was before."""
        if self._stranger:
            self._stranger = False
            now = self._around.clock.now()
            self._place.begun(now)
            self._around.remember(_beginning_name(self._place.address), str(now))
            self._note_taken(self._taken)

    def tick(self, now: float) -> None:
        """Note now and then how far the room has been taken: it may be long since anybody but ourselves has spoken.

        Of a room without an archive it is noted that it is read at all.
        """
        if not self._place.has(ns.MAM) and now - self._beat > NOTED:
            self._beat = now
            self._note_reading()
        taken = self._place.heard_up_to()
        if taken and taken != self._taken and now - self._noted > NOTED:
            self._noted = now
            self._note_taken(taken)

    def _note_reading(self) -> None:
        self._around.remember(_read_name(self._place.address), str(self._around.clock.now()))

    def _note_taken(self, taken: str) -> None:
        self._taken = taken
        if taken:
            self._around.remember(_taken_name(self._place.address), f"{self._around.clock.now()} {taken}")

    async def _knock(self, nick: str, since: str) -> Sighting | Refusal:
        """Ask to be let in under this nick (XEP-0045 section 7.2)."""
        place, around = self._place, self._around
        place.entering(nick)
        self._answer = asyncio.get_running_loop().create_future()
        history = stanzas.muc_join(password=place.password, maxstanzas=None if since else 0, since=since)
        extra = history + marks.COLLAPSE
        around.component.send(
            stanzas.presence(around.listener, f"{place.address}/{nick}", id_=around.token(), extra=extra)
        )
        timer = around.clock.call_later(PATIENCE, self._nobody_answers)
        try:
            answer = await self._answer
        finally:
            timer.cancel()
            self._answer = None
        if isinstance(answer, Refusal) and answer == _SILENT and await is_inside(around, place.address, nick):
            return Sighting(nick=nick, available=True)  # mu-conference does not show us ourselves
        return answer

    def _nobody_answers(self) -> None:
        self.answered(_SILENT)

    async def _settle(self, seen: Sighting) -> None:
        """Open a room that our join has made, and ask it what it can do."""
        if CREATED not in seen.codes:
            return
        log.info("room.created")
        accept = f"<query xmlns='{ns.MUC_OWNER}'><x xmlns='{ns.DATA}' type='submit'/></query>"
        with contextlib.suppress(IqRefused):  # it may not have been locked (XEP-0045 section 10.1.2)
            await self._around.component.iq("set", to=self._place.address, payload=accept, sender=self._around.listener)
        await self.ask()

    # -- being in, and out again

    async def _until_out(self) -> Out:
        assert self._end is not None, "there is one since the room was asked to let us in"
        try:
            return await self._end
        finally:
            self._end = None

    async def _pause(self, out: Out, failures: int) -> None:
        """Wait until it makes sense to try again."""
        self._called.clear()
        self._forgiven = out.forgiven
        if out.final:
            await self._called.wait()
            return
        wait = min(out.first_wait * 2 ** min(failures, 16), out.longest_wait)
        timer = self._around.clock.call_later(wait * (0.5 + self._around.jitter()), self._called.set)
        try:
            await self._called.wait()
        finally:
            timer.cancel()


_SILENT = Refusal("remote-server-timeout", "wait", "no answer")


def _beginning_name(address: str) -> str:
    """Return the name under which the first entry into a room is remembered."""
    return f"beginning {digest(address)}"


def _taken_name(address: str) -> str:
    """Return the name under which is remembered how far a room has been taken."""
    return f"taken {digest(address)}"


def _read_name(address: str) -> str:
    """Return the name under which is remembered when a room was last read."""
    return f"read {digest(address)}"


def _later(cursor: Cursor | None, noted: str | None) -> str:
    """Return the id of the later message of two: the last fact of the room, and the last that was noted.

    Either would do, since all that came before both is stored. The keys of some facts are no ids of the room's: of a
    topic that was told on entering, of anything in a room without ids.
    """
    at, _, taken = (noted or "0 ").partition(" ")
    if cursor is None or is_digest(cursor.key) or (taken and int(at) >= cursor.at):
        return taken
    return cursor.key


def _refused(refusal: Refusal) -> Out:
    verdict = judge(refusal)
    reason = sentence(verdict, refusal)
    match verdict:
        case Verdict.BANNED | Verdict.PASSWORD | Verdict.NICK_REFUSED:
            return Out(cause=verdict.cause, reason=reason, final=True)
        case Verdict.MEMBERS_ONLY | Verdict.CLOSED | Verdict.FULL | Verdict.NICK_TAKEN:
            return Out(cause=verdict.cause, reason=reason, first_wait=SLOW / 15, longest_wait=SLOW)
        case Verdict.AWAY | Verdict.BUSY:
            return Out(cause=verdict.cause, reason=reason, first_wait=2.0)


def _nicks(wanted: str) -> Iterator[str]:
    """Yield what to try: ``nick``, ``nick (2)``, ``nick (3)`` and so on."""
    nobody = Person(XMPP, PersonId(wanted))
    yield clean(wanted, rules=MUC_RULES, person=nobody)
    for number in range(2, MOST_NICKS + 1):
        yield clean(f"{wanted} ({number})", rules=MUC_RULES, person=nobody)


def features(info: Element) -> frozenset[str]:
    """Return what a disco#info result announces (XEP-0030 section 3)."""
    return frozenset(feature.get("var", "") for feature in info.iter(f"{{{ns.DISCO_INFO}}}feature"))
