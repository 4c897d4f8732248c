"""What was said in a channel while nobody of ours read it: history where the server has one, else one word about the gap.

IRC cannot be asked again in general. Some servers can (IRCv3 ``draft/chathistory``: Ergo, soju), some replay by themselves
to whoever joins (InspIRCd's channel mode H, ZNC's buffers); of all others the rooms on the other side are told from when
to when nobody read. So it is kept when a channel was last read, over restarts and kills, and when it was read first:
what was said before that is nobody else's business.

What is said in a channel waits until it is known who is in it, so that everybody is heard in their own voice, and until
the history before it has come. Called by whoever begins or ends to read: the listener, or a deputy in its place.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import lru_cache

from bridge.core.events import (
    Event,
    HistoryMissed,
    MessagePosted,
    MessageRetracted,
    Origin,
    ReactionsChanged,
)
from bridge.core.ids import EventKey, Room, RoomId, digest
from connectors.irc.connection.client import Congested, Connection, Line, Lost
from connectors.irc.reading.inbound import HISTORIES, Batches
from connectors.irc.reading.inquiry import inquire
from connectors.irc.reading.moments import moment
from connectors.irc.reading.places import Place
from connectors.irc.reading.recollection import Recollection
from connectors.irc.scene import Scene

HISTORY = "draft/chathistory"
"""Capability of servers that can be asked for what was said (IRCv3 chathistory); others replay by themselves, or cannot."""
_MOST = 500
"""Lines that are asked for at once, where the server has no limit of its own."""
_PAGES = 1_000
_WAITING = 10_000
"""Facts of a channel that wait for its history at most."""
_SHORT = 1_000
"""Milliseconds up to which a gap is none."""
_BEAT = 10.0
"""Seconds between two notes that the channels are being read."""
_OVERLAP = 10_000
"""Milliseconds of history that are asked for although they are known: what was said by ours just before may not be."""
_READING = 20.0
"""Seconds for which what is to be said in a channel waits for its history at most."""
_TOLD = frozenset({"PRIVMSG", "NOTICE"})
_SAYING = MessagePosted | MessageRetracted | ReactionsChanged
_REPLAYED_BY_ITSELF = "H"


class _Entry:
    """A channel that is just being entered."""

    __slots__ = ("deadline", "earliest", "is_listed", "latest", "replayed", "waiting")

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline  # nobody waits longer for the history
        self.is_listed = False  # it is known who is there, or has been waited for long enough
        self.waiting: list[Event] = []
        self.replayed = 0  # lines of history
        self.earliest = self.latest = 0

    def add(self, event: _SAYING) -> None:
        self.waiting.append(event)
        if event.origin.replayed:
            self.told(event.origin.at)

    def told(self, at: int) -> None:
        """Count a line of history."""
        self.replayed += 1
        self.earliest = min(at, self.earliest or at)
        self.latest = max(at, self.latest)


class Absence:
    """The gaps of one run."""

    def __init__(self, scene: Scene, *, settled: Callable[[RoomId], None]) -> None:
        """``settled`` is called when it is known what was said in a channel before."""
        self.recollection = Recollection(scene.setup.instance)
        self._scene = scene
        self._settled = settled
        self._entries: dict[RoomId, _Entry] = {}
        self._beat: asyncio.TimerHandle | None = None
        self._read = 0  # when an earlier process was last seen reading

    async def recall(self) -> None:
        """Learn what an earlier run has left, before this one begins."""
        hub = self._scene.hub
        self._read = int(await hub.recall("read") or 0)
        for place in self._scene.places:
            cursor = await hub.cursor(place.id)
            place.begun = int(await hub.recall(f"begun {place.id}") or (1 if cursor is not None else 0))
            left = int(await hub.recall(f"unread {place.id}") or 0)
            seen = max(self._read, 0 if cursor is None else cursor.at)
            place.unread = place.unread or left or (min(seen, self._scene.now()) if place.begun else 0)

    # -- going and coming

    def entered(self, connection: Connection, place: Place, *, name: str = "", names: bool = False) -> None:
        """Begin to read a channel, as the server writes it; ``names``: who is in it has to be asked for."""
        scene, name = self._scene, name or place.name
        since, until = place.unread, scene.now()
        if not place.begun:
            place.begun = until
            scene.remember(f"begun {place.id}", str(until))
            since = 0
        if scene.view.channel(place.name) is not None:  # somebody of ours has read it all the time
            scene.emit(scene.inbound.opened(name, until))
            inquire(scene, connection, name, names=names, then=_nothing)
            return
        self._entries[place.id] = entry = _Entry(scene.time() + _READING)
        self.recollection.begin(place.id)
        scene.emit(scene.inbound.opened(name, until))

        def listed() -> None:
            patience.cancel()
            if self._entries.get(place.id) is not entry or entry.is_listed or scene.is_closed:
                return
            entry.is_listed = True
            if HISTORY in connection.caps:
                scene.spawn(self._ask(connection, place, entry, since, until))
            else:
                self._settle(connection, place, entry, since, until)

        patience = scene.later(scene.pace.listing, listed)
        inquire(scene, connection, name, names=names, then=listed)

    def is_reading(self, room: RoomId) -> bool:
        """Tell whether it may yet turn out what of ours is in a channel's history."""
        entry = self._entries.get(room)
        return entry is not None and self._scene.time() < entry.deadline

    def is_told_again(self, place: Place, listener: Connection | None) -> bool:
        """Tell whether what is said in a channel can be read again later."""
        view = self._scene.view
        channel = view.channels.get(view.fold(place.id))
        if channel is not None and _REPLAYED_BY_ITSELF in channel.modes:
            return True
        return listener is not None and _tells_again(listener.caps)

    def left(self, place: Place) -> None:
        """Read a channel no more."""
        self._release(place)
        if not place.unread:
            place.unread = self._scene.now()
            self._scene.remember(f"unread {place.id}", str(place.unread))

    def up(self) -> None:
        """Note from time to time that the channels are read."""
        self.down()
        self._scene.remember("read", str(self._scene.now()))
        self._beat = self._scene.later(_BEAT, self.up)

    def down(self) -> None:
        """Note it no more."""
        if self._beat is not None:
            self._beat.cancel()
            self._beat = None

    # -- what is said meanwhile

    def recalls(self, connection: Connection, line: Line, batches: Batches) -> bool:
        """Take note of a line of ours in a channel's history; False for any other line."""
        if line.command not in _TOLD or HISTORIES.isdisjoint(batches.around(line)):
            return False
        place = self._scene.places.named(line.param(0))
        host = connection.mask.rpartition("@")[2]
        tags = "message-tags" in connection.caps
        is_own = not tags and self._scene.view.is_me(line.nick)  # the listener's own, in a bouncer's buffer
        if place is None or not (is_own or self.recollection.is_ours(line, tags=tags, host=host)):
            return False
        at = moment(line.tags.get("time", ""), self._scene.now())
        entry = self._entries.get(place.id)
        if entry is not None:
            entry.told(at)
        self.recollection.note(place.id, line, at)
        return True

    def pass_on(self, events: Iterable[Event]) -> None:
        """Hand facts to the bridge; what is said in a channel that is just being entered waits, what is too old is left out."""
        self._scene.emit([event for event in events if not (isinstance(event, _SAYING) and self._keep(event))])

    def hear(self, said: MessagePosted) -> None:
        """Hand a message to the bridge in the same way."""
        if not self._keep(said):
            self._scene.say(said)

    def _keep(self, event: _SAYING) -> bool:
        origin = event.origin
        room = origin.room.id
        if origin.replayed and (place := self._scene.places.get(room)) is not None and origin.at < place.begun:
            return True
        entry = self._entries.get(room)
        if entry is None or len(entry.waiting) >= _WAITING:
            return False
        entry.add(event)
        return True

    def _release(self, place: Place) -> None:
        """Let go on what has waited: history first, each in its order."""
        entry = self._entries.pop(place.id, None)
        if entry is not None:
            self._scene.emit(sorted(entry.waiting, key=lambda event: not event.origin.replayed))
            self._settled(place.id)

    # -- what was said before

    async def _ask(self, connection: Connection, place: Place, entry: _Entry, since: int, until: int) -> None:
        try:
            complete = await self._fetch(connection, place, entry)
        except (Lost, Congested):
            complete = False  # where nobody reads on, the next who does asks again: the gap has not ended
        if self._entries.get(place.id) is entry:
            self._settle(connection, place, entry, 0 if complete else since, until)

    def _settle(self, connection: Connection, place: Place, entry: _Entry, since: int, until: int) -> None:
        """Be done with what was said before."""
        complete = not since or until - since <= _SHORT
        complete = complete or self._was_replayed(connection, place, entry, since, until)
        self._release(place)
        place.unread = 0
        self._scene.remember(f"unread {place.id}", "0")
        if not complete:
            self._tell(place, since, until)

    async def _fetch(self, connection: Connection, place: Place, entry: _Entry) -> bool:
        """Ask for what was said since the last fact that the bridge has of a room, page by page."""
        cursor = await self._scene.hub.cursor(place.id)
        waiting = await self._scene.hub.waiting_since(place.id)
        known = [at for at in (waiting, None if cursor is None else cursor.at) if at is not None]
        since = max(place.begun, min(known) - _OVERLAP) if known else place.begun
        limit = connection.isupport.tokens.get("CHATHISTORY", "")
        most = min(int(limit) if limit.isdecimal() and int(limit) else _MOST, _MOST)
        for _ in range(_PAGES):
            before = entry.replayed
            answers = await connection.request(
                "CHATHISTORY", "AFTER", place.name, f"timestamp={_stamp(since)}", str(most)
            )
            if any(_is_refusal(line) for line in answers):
                return False
            if entry.replayed - before < most or entry.latest <= since:
                return True
            since = entry.latest
            await self._scene.hub.drained()
        return False

    def _was_replayed(self, connection: Connection, place: Place, entry: _Entry, since: int, until: int) -> bool:
        """Tell whether what the server has replayed by itself is all that was said."""
        if entry.replayed and entry.earliest <= since:
            return True
        if _is_bouncer(connection.caps):
            return True  # it was there all the time
        channel = self._scene.view.channel(place.name)
        lines, _, span = ((channel and channel.modes.get(_REPLAYED_BY_ITSELF)) or "").partition(":")
        if not lines.isdecimal() or entry.replayed >= int(lines):
            return False
        return not span or since >= until - _span(span) * 1000

    def _tell(self, place: Place, since: int, until: int) -> None:
        scene = self._scene
        key = EventKey(digest("missed", place.id, since))
        origin = Origin(room=Room(scene.network, place.id), key=key, at=until)
        scene.emit([HistoryMissed(origin=origin, since=since)])


@lru_cache(maxsize=16)
def _tells_again(caps: frozenset[str]) -> bool:
    """Tell whether a server with these capabilities can be asked, or tells by itself; asked for every message."""
    return HISTORY in caps or _is_bouncer(caps)


def _is_bouncer(caps: frozenset[str]) -> bool:
    return any(cap.startswith("znc.in/") for cap in caps)


def _nothing() -> None:
    pass


def _stamp(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _is_refusal(line: Line) -> bool:
    return line.command == "FAIL" or (line.command.isdecimal() and line.command >= "400")


def _span(text: str) -> int:
    """Return the seconds of a duration as InspIRCd writes it: ``1d12h``, ``90`` (seconds), ``1w``."""
    total, number = 0, ""
    for char in text:
        if char.isdecimal():
            number += char
        else:
            total += int(number or 0) * _UNITS.get(char.lower(), 0)
            number = ""
    return total + int(number or 0)


_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800, "y": 31_557_600}
