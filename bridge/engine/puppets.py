"""Who is shown where: for each linked room the wish of whom to show in it, kept up with the rosters of the others.

Presence is state: facts change a roster (:mod:`bridge.engine.rosters`), a roster changes wishes, and only a changed
wish is told to a connector (``Joins``), which works towards it in its own time and budget. Nothing is ever replayed.

Whom a room shows: everybody of the link's other rooms, unless they are there in person, are another bridge's stand-in,
were refused for good, or are too many. A network whose puppets are connections (``SESSION``) has a budget: at most
``max`` people, those who were active last; and whoever is silent for ``idle`` seconds goes, to come back with their
next message. Sessions (people who asked to be there) count among them, and are never sent away for somebody else.
Addresses (``ADDRESS``) cost nothing, so there neither applies.

Not here: how a puppet comes to be and under which nick (its connector), and who may speak through one
(:mod:`bridge.core.routing`; it is told what :meth:`Puppets.shows` says). Called by the hub alone.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import msgspec

from bridge.connector import Connector, Joins, PuppetMode, PuppetSettings, Renames
from bridge.core.capabilities import Representation
from bridge.core.content import Mention
from bridge.core.events import Cause, Member, PuppetJoined, PuppetLeft, RoomChanged, RoomOpened, State
from bridge.core.ids import Network, Person, Room
from bridge.core.mentions import Names, mentions
from bridge.engine.activity import Activity
from bridge.engine.counters import Count
from bridge.engine.desk import Desk
from bridge.engine.logins import Logins
from bridge.engine.ports import Timer
from bridge.engine.rosters import Both, RoomStatus, Rosters, Watches

log = logging.getLogger(__name__)

KEEP_FOR = 600_000
"""Milliseconds of silence before somebody may lose their place to a speaker: connections are not traded by the line."""
WHISPERING = 600.0
"""Seconds for which somebody who is shown nowhere, and talks in private, counts among a network's puppets."""

Ask = Callable[[Network, Callable[[], None]], None]
"""Calls an ability such that its faults stay its own: :meth:`bridge.engine.supervisor.Supervisor.ask`."""

Ousted = Callable[[PuppetLeft, list[tuple[Room, Member]]], None]
"""Told when a puppet was thrown out or never got in: the fact, and where the person themselves is."""


class PuppetStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How many are shown on a network."""

    network: Network
    wanted: int  # people
    present: int  # puppets in rooms
    refused: int  # puppets that a room keeps out


@dataclass(slots=True, eq=False)
class _Troupe:
    """A network that shows people of others."""

    network: Network
    connector: Joins
    settings: PuppetSettings
    budgeted: bool
    shown: dict[Person, int] = field(default_factory=dict)  # in how many rooms
    full_until: int = 0  # nobody can be evicted before
    whispering: dict[Person, int] = field(default_factory=dict)  # who is shown nowhere and talks in private, since when

    def has_room_for(self, person: Person) -> bool:
        """Tell whether somebody can be shown without anybody leaving."""
        return not self.budgeted or len(self.shown) < self.settings.max or person in self.shown

    def may_whisper(self, person: Person, now: int) -> bool:
        """Tell whether somebody can talk to one person as themselves; who is shown nowhere takes a place for a while."""
        if not self.budgeted or person in self.shown:
            return True
        self.whispering = {who: at for who, at in self.whispering.items() if now - at < WHISPERING * 1000}
        if person not in self.whispering and len(self.shown) + len(self.whispering) >= self.settings.max:
            return False
        self.whispering[person] = now
        return True

    def more(self, person: Person) -> None:
        """Count one more room that shows somebody."""
        self.shown[person] = self.shown.get(person, 0) + 1

    def less(self, person: Person) -> None:
        """Count one room less."""
        self.full_until = 0
        if self.shown[person] == 1:
            del self.shown[person]
        else:
            self.shown[person] -= 1


class PuppetSession(NamedTuple):
    """Somebody who is shown in a room, or on their way there."""

    room: Room
    person: Person
    name: str  # where they are in person
    nick: str  # in the room; "" while they are not there
    present: bool


@dataclass(slots=True, eq=False)
class _Stage:
    """A linked room as a place where people of the other rooms are shown."""

    room: Room
    peers: tuple["_Stage", ...] = ()  # the link's other rooms, in the link's order
    wanted: dict[Person, Member] = field(default_factory=dict)
    present: dict[Person, str] = field(default_factory=dict)  # the nicks that they have
    refused: frozenset[Person] = frozenset()
    names: Names = field(default_factory=Names)  # of its own members
    nicks: Names = field(default_factory=Names)  # under which those of the other rooms are shown here
    heeded: tuple[Names, ...] = ()  # by which somebody can be named in what is said here

    def beside(self, peers: Iterable["_Stage"]) -> None:
        """Have these for peers."""
        self.peers = tuple(peers)
        self.heeded = (self.nicks, *[peer.names for peer in self.peers])


class Puppets:
    """Compares who should be shown with whom we asked to be shown, and asks for the difference."""

    def __init__(self, desk: Desk, *, ask: Ask, on_ousted: Ousted, logins: Logins, also: Watches | None = None) -> None:
        self._clock = desk.clock
        self._counters = desk.counters
        self._silent = round(desk.limits.silent * 1000)
        self._ask = ask
        self._on_ousted = on_ousted
        self._logins = logins
        self._activity = Activity(desk)
        self._rosters = Rosters(desk, watcher=self if also is None else Both(self, also))
        self._troupes: dict[Network, _Troupe] = {}
        self._stages: dict[Room, _Stage] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sweeper: Timer | None = None

    # -- links and networks come and go

    def link(self, rooms: Sequence[Room]) -> None:
        """Show the members of each of these rooms in all others; rooms that are there already keep whom they show."""
        stages = [self._stages.setdefault(room, _Stage(room)) for room in rooms]
        for stage in stages:
            stage.beside([other for other in stages if other is not stage])
            self._rosters.add(stage.room)
        for stage in stages:
            self._review(stage)

    def unlink(self, rooms: Iterable[Room]) -> None:
        """Show nobody in these rooms, and their members nowhere."""
        gone = [self._stages.pop(room) for room in rooms]
        peers = {peer.room: peer for stage in gone for peer in stage.peers}
        for stage in gone:
            people = list(self._rosters.members(stage.room))
            self._rosters.drop(stage.room)
            for person in list(stage.wanted):
                self._unwish(stage, person, "")
            self._forget(people)
        for peer in peers.values():
            peer.beside([other for other in peer.peers if other not in gone])
            if peer not in gone:
                self._review(peer)

    def attach(self, network: Network, connector: Connector, settings: PuppetSettings) -> None:
        """Show people on this network from now on, where its connector can and the settings want it."""
        representation = connector.capabilities.representation
        shows = representation in (Representation.SESSION, Representation.ADDRESS)
        if not shows or settings.mode is PuppetMode.RELAY or not isinstance(connector, Joins):
            return
        budgeted = representation is Representation.SESSION
        self._troupes[network] = _Troupe(network, connector, settings, budgeted)
        if self._sweeper is not None:
            self._sweeper.cancel()  # this network may want to be swept more often than those before it
        self._sweeper = self._clock.call_later(self._sweep_every(), self._sweep)
        for stage in self._of(network):
            self._review(stage)

    def detach(self, network: Network) -> None:
        """Take note that a network was stopped: its puppets are gone with it, its members stay for a while.

        It may be there again in a moment, with other settings, and then nobody elsewhere should see a thing.
        """
        self._troupes.pop(network, None)
        for stage in self._of(network):
            stage.wanted.clear()
            stage.present.clear()
            stage.nicks.clear()
            stage.refused = frozenset()
        self._rosters.restarted(network)
        self._rosters.lost(network)

    def restarted(self, network: Network) -> None:
        """Wish everything anew, most recently active people first: the connector has begun from nothing."""
        self._rosters.restarted(network)
        troupe = self._troupes.get(network)
        if troupe is None:
            return
        for stage in self._of(network):
            stage.present.clear()
            stage.nicks.clear()
            stage.refused = frozenset()
            for person in sorted(stage.wanted, key=self._activity.last, reverse=True):
                self._tell(troupe, stage, stage.wanted[person])
            self._review(stage)

    def lost(self, network: Network) -> None:
        """Take note that a network is down."""
        self._rosters.lost(network)

    def found(self, network: Network) -> None:
        """Take note that a network is up again."""
        self._rosters.found(network)

    def close(self) -> None:
        """Stop all timers and look-ups."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        self._rosters.close()
        for task in self._tasks:
            task.cancel()

    # -- what others ask

    def shows(self, room: Room, person: Person) -> bool:
        """Tell whether somebody can speak as a puppet: shown in a room, on their way there, or with a login of their own."""
        stage = self._stages.get(room)
        return (stage is not None and person in stage.wanted) or self._logins.speaks(room, person)

    def speaks(self, network: Network, sender: Member) -> bool:
        """Tell whether somebody can speak to one person of a network as themselves; and note that they are active."""
        self._activity.whispered(sender.person)
        troupe = self._troupes.get(network)
        return troupe is not None and troupe.may_whisper(sender.person, self._clock.now())

    def is_shown(self, network: Network, person: Person) -> bool:
        """Tell whether somebody is shown anywhere on a network."""
        troupe = self._troupes.get(network)
        return troupe is not None and person in troupe.shown

    def has_place(self, network: Network, person: Person) -> bool:
        """Tell whether somebody can be shown on a network, if need be in the place of who was silent for long."""
        troupe = self._troupes.get(network)
        return troupe is None or troupe.has_room_for(person) or self._victim(troupe) is not None

    def nick(self, room: Room, person: Person) -> str:
        """Return the nick of somebody's puppet in a room, "" where they have none."""
        stage = self._stages.get(room)
        return "" if stage is None else stage.present.get(person, "")

    def member(self, room: Room, person: Person) -> Member | None:
        """Return somebody who is in a room in person."""
        return self._rosters.member(room, person)

    def members(self, room: Room) -> list[Member]:
        """Return who is in a room in person."""
        return list(self._rosters.members(room).values())

    def is_only_heard(self, room: Room, person: Person) -> bool:
        """Tell whether somebody is known to be in a room only by what they say there."""
        return self._rosters.is_only_heard(room, person)

    def is_listed(self, room: Room) -> bool:
        """Tell whether it is known who is in a room."""
        return self._rosters.is_listed(room)

    def is_open(self, room: Room) -> bool:
        """Tell whether a room is not closed to us."""
        return self._rosters.is_open(room)

    def rooms(self) -> list[RoomStatus]:
        """Return how all linked rooms are."""
        return self._rosters.statuses()

    def statuses(self) -> list[PuppetStatus]:
        """Return how many are shown, by network."""
        return [
            PuppetStatus(
                network=network,
                wanted=len(troupe.shown),
                present=sum(len(stage.present) for stage in self._of(network)),
                refused=sum(len(stage.refused) for stage in self._of(network)),
            )
            for network, troupe in sorted(self._troupes.items())
        ]

    def sessions(self) -> list[PuppetSession]:
        """Return who is shown, or is to be shown, in which room."""
        return [
            PuppetSession(
                room=room,
                person=person,
                name=member.name,
                nick=stage.present.get(person, ""),
                present=person in stage.present,
            )
            for room, stage in self._stages.items()
            for person, member in stage.wanted.items()
        ]

    def withdraw(self, person: Person, reason: str, *, network: Network | None = None) -> None:
        """Show somebody nowhere on a network, or on none, until there is a new reason to."""
        for troupe in self._troupes.values():
            if network in (None, troupe.network):
                self._withdraw(troupe, person, reason)

    # -- what happens

    def spoke(self, room: Room, sender: Member) -> None:
        """Take note of a message just said: its sender is here and active, and gets a puppet where they have none."""
        person = sender.person
        if self._rosters.lacks(room, person) or person.network != room.network:
            return  # said from outside, before they went, or by one of ours with a client of their own
        self._activity.spoke(sender)
        self._rosters.heard(room, sender)
        for peer in self._stages[room].peers:
            if person not in peer.wanted:
                self._consider(peer, person, speaking=True)

    def see(self, event: State) -> None:
        """Take note of a fact about members, rooms or puppets."""
        stage = self._stages.get(event.origin.room)
        if stage is None:
            return
        match event:
            case PuppetJoined(person=person, name=name):
                self._entered(stage, person, name)
            case PuppetLeft():
                self._exited(stage, event)
            case RoomChanged():
                pass  # concerns whoever follows
            case _:
                self._rosters.see(event)
                if isinstance(event, RoomOpened) and stage.refused:
                    stage.refused = frozenset()  # a new try for everybody who was kept out
                    self._review(stage)

    def forgiven(self, room: Room, person: Person) -> None:
        """Show somebody again who was kept out of a room, if they are still to be shown."""
        stage = self._stages.get(room)
        if stage is not None and person in stage.refused:
            stage.refused -= {person}
            self._review(stage)

    def _entered(self, stage: _Stage, person: Person, name: str) -> None:
        stage.present[person] = name
        stage.nicks.add(person, name)
        stage.refused -= {person}
        troupe = self._troupes.get(stage.room.network)
        if person not in stage.wanted and troupe is not None:  # the two crossed: the wish was withdrawn meanwhile
            self._ask(troupe.network, partial(troupe.connector.leave, stage.room.id, person))

    def _exited(self, stage: _Stage, event: PuppetLeft) -> None:
        person = event.person
        stage.present.pop(person, None)
        stage.nicks.drop(person)
        if person not in stage.wanted:
            return  # as we had asked
        if event.final:
            stage.refused |= {person}
            self._strike(stage, person)
        own = [(peer.room, member) for peer in stage.peers if (member := self._rosters.member(peer.room, person))]
        if own and (event.final or event.cause in (Cause.KICKED, Cause.BANNED, Cause.REFUSED)):
            self._on_ousted(event, own)

    def mentioned(self, room: Room, text: str, *, writer: str) -> tuple[Mention, ...]:
        """Return who of the link's other rooms is named in what somebody says in this one."""
        stage = self._stages.get(room)
        if stage is None:
            return ()
        return mentions(text, stage.heeded, writer=writer)

    # -- what the rosters tell

    def came(self, room: Room, member: Member, *, new: bool) -> None:
        """Show somebody who came, or show what has changed of them."""
        person = member.person
        stage = self._stages[room]
        stage.names.add(person, member.name)
        if new:
            self._activity.came(person)
        if person in stage.wanted:
            self._unwish(stage, person, "")  # here in person now
        for peer in stage.peers:
            self._update(peer, person)

    def went(self, room: Room, people: list[Person], reason: str) -> None:
        """Show these people no more, unless another room of the link still has them."""
        stage = self._stages[room]
        for person in people:
            stage.names.drop(person)
            for peer in stage.peers:
                peer.refused -= {person}
                if person in peer.wanted and self._seen_from(peer, person) is None:
                    self._unwish(peer, person, reason)
            self._consider(stage, person)  # they may still be in a room that is shown here
        self._forget(people)

    def renamed(self, room: Room, old: Person, member: Member) -> None:
        """Show somebody under another name, in place where the network can."""
        stage = self._stages[room]
        stage.names.drop(old)
        stage.names.add(member.person, member.name)
        self._activity.renamed(old, member.person)
        if member.person in stage.wanted:
            self._unwish(stage, member.person, "")
        for peer in stage.peers:
            if old in peer.wanted:
                self._rename(peer, old, member)
            else:
                self._update(peer, member.person)
        self._forget([old])

    def listed(self, room: Room, came: list[Person], went: list[Person]) -> None:
        """Act on the difference that a whole new list makes."""
        stage = self._stages[room]
        members = self._rosters.members(room)
        for person in went:
            stage.names.drop(person)
        for person in came:
            stage.names.add(person, members[person].name)
        strangers = self._activity.strangers(came)
        if strangers and any(self._needs_history(peer) for peer in stage.peers):
            self._spawn(self._recall(stage, strangers))
        else:
            self._review_link(stage)
        self._forget(went)

    async def _recall(self, stage: _Stage, strangers: list[Person]) -> None:
        await self._activity.recall(strangers)
        if self._stages.get(stage.room) is stage:
            self._review_link(stage)

    # -- wishes

    def _seen_from(self, stage: _Stage, person: Person) -> Member | None:
        """Return the member whom a room should show: the first in the link's order who is this person."""
        for peer in stage.peers:
            member = self._rosters.member(peer.room, person)
            if member is not None:
                return member
        return None

    def _eligible(self, stage: _Stage, member: Member, troupe: _Troupe) -> bool:
        """Tell whether somebody should be shown, leaving the number of places aside."""
        person = member.person
        if member.stand_in:  # or two bridges over the same rooms would show each other's stand-ins without end
            return False
        if person in stage.refused or self._rosters.member(stage.room, person) is not None:
            return False
        if member.session:
            return True
        if troupe.settings.mode is PuppetMode.LAZY and not self._activity.last_words(person):
            return False
        return not troupe.budgeted or self._clock.now() - self._activity.last(person) < troupe.settings.idle * 1000

    def _consider(self, stage: _Stage, person: Person, *, speaking: bool = False) -> None:
        """Show somebody who is not shown, if they should be and there is room; a speaker may get another's place."""
        troupe = self._troupes.get(stage.room.network)
        if troupe is None:
            return
        member = self._seen_from(stage, person)
        if member is None or not self._eligible(stage, member, troupe):
            return
        if troupe.has_room_for(person) or ((speaking or member.session) and self._make_room(troupe)):
            self._wish(troupe, stage, member)

    def _update(self, stage: _Stage, person: Person) -> None:
        """Show somebody who came or changed."""
        shown = stage.wanted.get(person)
        member = self._seen_from(stage, person)
        if shown is None:
            self._consider(stage, person)
        elif member is not None and member != shown:
            self._wish(self._troupes[stage.room.network], stage, member)

    def _rename(self, stage: _Stage, old: Person, member: Member) -> None:
        troupe = self._troupes[stage.room.network]
        connector = troupe.connector
        if not isinstance(connector, Renames) or not self._can_take_over(stage, member):
            if self._seen_from(stage, old) is None:
                self._unwish(stage, old, member.name)
            self._update(stage, member.person)
            return
        del stage.wanted[old]
        troupe.less(old)
        stage.wanted[member.person] = member
        troupe.more(member.person)
        if old in stage.present:
            stage.present[member.person] = nick = stage.present.pop(old)
            stage.nicks.drop(old)
            stage.nicks.add(member.person, nick)
        self._ask(troupe.network, partial(connector.rename, stage.room.id, old, member))

    def _can_take_over(self, stage: _Stage, member: Member) -> bool:
        here = self._rosters.member(stage.room, member.person) is not None
        return not here and not member.stand_in and member.person not in stage.wanted

    def _review_link(self, stage: _Stage) -> None:
        for peer in stage.peers:
            self._review(peer)
        self._review(stage)

    def _review(self, stage: _Stage) -> None:
        """Compare whom a room should show with whom we asked it to show, and ask for the difference."""
        troupe = self._troupes.get(stage.room.network)
        if troupe is None:
            return
        here = self._rosters.members(stage.room)
        for person in list(stage.wanted):
            if person in here or self._seen_from(stage, person) is None:
                self._unwish(stage, person, "")
        people = dict.fromkeys(person for peer in stage.peers for person in self._rosters.members(peer.room))
        for person in sorted(people, key=self._activity.last, reverse=True):
            self._update(stage, person)

    def _make_room(self, troupe: _Troupe) -> bool:
        """Evict whoever was silent for longest, if that is long enough."""
        victim = self._victim(troupe)
        if victim is None:
            return False
        self._counters.add(Count.EVICTED, troupe.network)
        self._withdraw(troupe, victim, "")
        return True

    def _victim(self, troupe: _Troupe) -> Person | None:
        """Return who may lose their place, None while nobody was silent for long enough."""
        now = self._clock.now()
        if now < troupe.full_until:
            return None
        victim = min(
            (p for p in troupe.shown if not self._is_session(troupe, p)), key=self._activity.last, default=None
        )
        if victim is None:
            return None
        free_at = self._activity.last(victim) + KEEP_FOR
        if now < free_at:
            troupe.full_until = free_at
            return None
        return victim

    def _is_session(self, troupe: _Troupe, person: Person) -> bool:
        """Tell whether somebody has asked to be on a network: they stay until they go themselves."""
        return any(stage.wanted[person].session for stage in self._of(troupe.network) if person in stage.wanted)

    def _withdraw(self, troupe: _Troupe, person: Person, reason: str) -> None:
        """Show somebody nowhere on a network."""
        for stage in self._of(troupe.network):
            if person in stage.wanted:
                self._unwish(stage, person, reason)

    def _wish(self, troupe: _Troupe, stage: _Stage, member: Member) -> None:
        if member.person not in stage.wanted:
            troupe.more(member.person)
            self._counters.add(Count.JOINS, troupe.network)
        stage.wanted[member.person] = member
        self._tell(troupe, stage, member)

    def _tell(self, troupe: _Troupe, stage: _Stage, member: Member) -> None:
        self._ask(troupe.network, partial(troupe.connector.join, stage.room.id, member))

    def _unwish(self, stage: _Stage, person: Person, reason: str) -> None:
        self._strike(stage, person)
        troupe = self._troupes.get(stage.room.network)
        if troupe is not None:
            self._counters.add(Count.LEAVES, troupe.network)
            self._ask(troupe.network, partial(troupe.connector.leave, stage.room.id, person, reason=reason))

    def _strike(self, stage: _Stage, person: Person) -> None:
        del stage.wanted[person]
        troupe = self._troupes.get(stage.room.network)
        if troupe is not None:
            troupe.less(person)

    def _needs_history(self, stage: _Stage) -> bool:
        """Tell whether it matters to a room when people last spoke."""
        troupe = self._troupes.get(stage.room.network)
        return troupe is not None and (troupe.budgeted or troupe.settings.mode is PuppetMode.LAZY)

    # -- time passes

    def _sweep_every(self) -> float:
        shortest = min((each.settings.idle for each in self._troupes.values() if each.budgeted), default=600.0)
        return min(600.0, max(1.0, shortest / 10))

    def _sweep(self) -> None:
        """Take out people who were silent for long, where that is what decides."""
        self._sweeper = self._clock.call_later(self._sweep_every(), self._sweep)
        now = self._clock.now()
        silent_since = now - self._silent
        self._rosters.expire(lambda person: self._activity.last(person) <= silent_since)
        for troupe in self._troupes.values():
            if not troupe.budgeted:
                continue
            since = now - troupe.settings.idle * 1000
            for person in [person for person in troupe.shown if self._activity.last(person) <= since]:
                if self._is_session(troupe, person):
                    continue
                self._counters.add(Count.IDLED, troupe.network)
                self._withdraw(troupe, person, "idle")

    def _forget(self, people: Iterable[Person]) -> None:
        for person in people:
            if not self._rosters.anywhere(person):
                self._activity.forget(person)

    def _of(self, network: Network) -> list[_Stage]:
        return [stage for room, stage in self._stages.items() if room.network == network]

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("puppets.fault", exc_info=error)
