"""Who is in each linked room, as far as anybody can know: facts about members become the last word on each person.

A roster gives the benefit of the doubt where a departure may be undone in a moment. When many leave at once (a network
split) they are kept for a while; when the listener is out of a room, all its members are. Whoever is kept counts as
there. Wishes that follow are not made here: :class:`Watches` is told of what has changed, and that is
:mod:`bridge.engine.puppets`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, assert_never

import msgspec

from bridge.core.events import (
    Cause,
    Member,
    MemberJoined,
    MemberLeft,
    MemberRenamed,
    MembersListed,
    RoomClosed,
    RoomOpened,
)
from bridge.core.ids import Network, Person, Room
from bridge.core.membership import Departures
from bridge.engine.counters import Count
from bridge.engine.desk import Desk
from bridge.engine.ports import Timer


class RoomStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a linked room is."""

    room: Room
    opened: bool  # the listener is in; always False where connectors do not tell
    reason: str  # why it is closed
    final: bool  # and nobody tries any more
    members: int


class Watches(Protocol):
    """Who wants to know what changes in rosters; the rosters show the new state already."""

    def came(self, room: Room, member: Member, *, new: bool) -> None:
        """Take note of a new member, or (not ``new``) of a member's new name, presence or avatar."""

    def went(self, room: Room, people: list[Person], reason: str) -> None:
        """Take note that these people are not there any more."""

    def renamed(self, room: Room, old: Person, member: Member) -> None:
        """Take note that somebody is another person now."""

    def listed(self, room: Room, came: list[Person], went: list[Person]) -> None:
        """Take note of a whole new list."""


class Both:
    """Two who want to know, told one after the other."""

    def __init__(self, first: Watches, second: Watches) -> None:
        self._watchers = (first, second)

    def came(self, room: Room, member: Member, *, new: bool) -> None:
        """Tell both."""
        for watcher in self._watchers:
            watcher.came(room, member, new=new)

    def went(self, room: Room, people: list[Person], reason: str) -> None:
        """Tell both."""
        for watcher in self._watchers:
            watcher.went(room, people, reason)

    def renamed(self, room: Room, old: Person, member: Member) -> None:
        """Tell both."""
        for watcher in self._watchers:
            watcher.renamed(room, old, member)

    def listed(self, room: Room, came: list[Person], went: list[Person]) -> None:
        """Tell both."""
        for watcher in self._watchers:
            watcher.listed(room, came, went)


@dataclass(slots=True, eq=False)
class _Roster:
    """Who is in one room."""

    room: Room
    members: dict[Person, Member] = field(default_factory=dict)
    listed: bool = False  # a complete list has been seen: who is not in it is not there
    closed: bool = False
    opened: bool = False
    down: bool = False  # the network is
    reason: str = ""
    final: bool = False
    grace: Timer | None = None
    heard: frozenset[Person] = frozenset()  # known only by what they say
    held: dict[Person, Timer] = field(default_factory=dict)
    departures: Departures | None = None  # since somebody has left


MemberFact = MembersListed | MemberJoined | MemberRenamed | MemberLeft | RoomOpened | RoomClosed


class Rosters:
    """The rosters of all linked rooms."""

    def __init__(self, desk: Desk, *, watcher: Watches) -> None:
        self._clock = desk.clock
        self._counters = desk.counters
        self._limits = desk.limits
        self._watcher = watcher
        self._rosters: dict[Room, _Roster] = {}

    def add(self, room: Room) -> None:
        """Keep a roster of this room, if there is none."""
        self._rosters.setdefault(room, _Roster(room))

    def drop(self, room: Room) -> None:
        """Keep no roster of this room; nobody is told."""
        roster = self._rosters.pop(room, None)
        if roster is not None:
            self._stop(roster)

    def close(self) -> None:
        """Stop all timers."""
        for roster in self._rosters.values():
            self._stop(roster)

    def members(self, room: Room) -> Mapping[Person, Member]:
        """Return who is in a room."""
        roster = self._rosters.get(room)
        return roster.members if roster is not None else {}

    def member(self, room: Room, person: Person) -> Member | None:
        """Return somebody who is in a room, None if they are not."""
        roster = self._rosters.get(room)
        return roster.members.get(person) if roster is not None else None

    def lacks(self, room: Room, person: Person) -> bool:
        """Tell whether somebody is certainly not in a room: it has a complete list, and they are not on it."""
        roster = self._rosters[room]
        return roster.listed and person not in roster.members

    def anywhere(self, person: Person) -> bool:
        """Tell whether somebody is in any room."""
        return any(person in roster.members for roster in self._rosters.values())

    def is_listed(self, room: Room) -> bool:
        """Tell whether a complete list of who is in a room was seen, and holds."""
        roster = self._rosters.get(room)
        return roster is not None and roster.listed and not roster.down

    def is_open(self, room: Room) -> bool:
        """Tell whether a room has not been closed to us, as far as its connector tells."""
        roster = self._rosters.get(room)
        return roster is not None and not roster.closed and not roster.down

    def statuses(self) -> list[RoomStatus]:
        """Return how all rooms are, by network and name."""
        return [
            RoomStatus(
                room=room,
                opened=roster.opened and not roster.down,
                reason="the network is down" if roster.down else roster.reason,
                final=roster.final,
                members=len(roster.members),
            )
            for room, roster in sorted(self._rosters.items())
        ]

    def lost(self, network: Network) -> None:
        """Take note that a network is down: who is in its rooms is not known, and forgotten after a while."""
        for roster in self._of(network):
            roster.down = True
            self._begin_grace(roster)

    def found(self, network: Network) -> None:
        """Take note that a network is up again: where it had not closed a room, nothing has changed there."""
        for roster in self._of(network):
            roster.down = False
            if not roster.closed:
                self._end_grace(roster)

    def restarted(self, network: Network) -> None:
        """Take note that a connector has begun from nothing: it is in no room yet."""
        for roster in self._of(network):
            roster.opened = False

    def heard(self, room: Room, sender: Member) -> None:
        """Take note of a speaker: some networks tell of their members by what these say, and in no other way."""
        roster = self._rosters[room]
        known = roster.members.get(sender.person)
        if known is None:
            self._come(roster, sender, heard=True)
        elif not roster.listed and (known.name, known.avatar) != (sender.name, sender.avatar):
            self._come(roster, sender, heard=sender.person in roster.heard)

    def is_only_heard(self, room: Room, person: Person) -> bool:
        """Tell whether somebody is known only by what they say: nobody has told of their coming."""
        roster = self._rosters.get(room)
        return roster is not None and person in roster.heard

    def expire(self, is_silent: Callable[[Person], bool]) -> None:
        """Let those go who are known only by what they say, and say nothing any more: nobody else tells of their going."""
        for roster in self._rosters.values():
            for person in [one for one in roster.members if one in roster.heard and is_silent(one)]:
                self._go(roster, person, "")

    def see(self, event: MemberFact) -> None:
        """Take note of a fact about a room's members."""
        roster = self._rosters.get(event.origin.room)
        if roster is None:
            return
        match event:
            case MemberJoined(member=member):
                self._come(roster, member)
            case MemberLeft():
                self._leave(roster, event)
            case MemberRenamed(old=old, member=member):
                self._rename(roster, old.person, member)
            case MembersListed(members=members):
                self._list(roster, members)
            case RoomOpened():
                roster.opened, roster.closed, roster.reason, roster.final = True, False, "", False
                self._end_grace(roster)
            case RoomClosed():
                self._shut(roster, event)
            case _:
                assert_never(event)

    def _come(self, roster: _Roster, member: Member, *, heard: bool = False) -> None:
        self._release(roster, member.person)
        if heard:
            roster.heard |= {member.person}
        elif roster.heard:
            roster.heard -= {member.person}
        before = roster.members.get(member.person)
        roster.members[member.person] = member
        if before != member:
            self._watcher.came(roster.room, member, new=before is None)

    def _leave(self, roster: _Roster, event: MemberLeft) -> None:
        person = event.member.person
        if person not in roster.members:
            return
        self._release(roster, person)
        if roster.departures is None:
            roster.departures = Departures()
        wait = roster.departures.left(event.cause, self._clock.monotonic())
        if wait:
            self._counters.add(Count.HELD, roster.room.network)
            roster.held[person] = self._clock.call_later(wait, partial(self._go, roster, person, event.reason))
            return
        self._go(roster, person, farewell(event))

    def _go(self, roster: _Roster, person: Person, reason: str) -> None:
        self._release(roster, person)
        roster.heard -= {person}
        del roster.members[person]
        self._watcher.went(roster.room, [person], reason)

    def _rename(self, roster: _Roster, old: Person, member: Member) -> None:
        if old == member.person or old not in roster.members:
            self._come(roster, member)
            return
        self._release(roster, old)
        self._release(roster, member.person)
        roster.heard -= {old}
        del roster.members[old]
        roster.members[member.person] = member
        self._watcher.renamed(roster.room, old, member)

    def _list(self, roster: _Roster, members: Iterable[Member]) -> None:
        before, roster.members = roster.members, {member.person: member for member in members}
        roster.listed = True
        roster.heard = frozenset()
        roster.closed = False
        self._end_grace(roster)
        for person in list(roster.held):
            self._release(roster, person)
        came = [person for person, member in roster.members.items() if before.get(person) != member]
        went = [person for person in before if person not in roster.members]
        self._watcher.listed(roster.room, came, went)

    def _shut(self, roster: _Roster, event: RoomClosed) -> None:
        roster.opened, roster.closed, roster.reason, roster.final = False, True, event.reason, event.final
        roster.listed = False
        if event.final:
            self._empty(roster, event.reason)
        else:
            self._begin_grace(roster)

    def _begin_grace(self, roster: _Roster) -> None:
        if roster.grace is None and roster.members:
            roster.grace = self._clock.call_later(self._limits.grace, partial(self._empty, roster, ""))

    def _end_grace(self, roster: _Roster) -> None:
        if roster.grace is not None:
            roster.grace.cancel()
            roster.grace = None

    def _empty(self, roster: _Roster, reason: str) -> None:
        self._stop(roster)
        roster.listed = False
        roster.heard = frozenset()
        people, roster.members = list(roster.members), {}
        if people:
            self._watcher.went(roster.room, people, reason)

    def _release(self, roster: _Roster, person: Person) -> None:
        if roster.held and (timer := roster.held.pop(person, None)) is not None:
            timer.cancel()

    def _stop(self, roster: _Roster) -> None:
        self._end_grace(roster)
        for person in list(roster.held):
            self._release(roster, person)

    def _of(self, network: Network) -> list[_Roster]:
        return [roster for room, roster in self._rosters.items() if room.network == network]


def farewell(event: MemberLeft) -> str:
    """Return the words with which somebody's stand-ins leave."""
    match event.cause:
        case Cause.KICKED | Cause.BANNED:
            done = "kicked" if event.cause is Cause.KICKED else "banned"
            by = f" by {event.actor}" if event.actor else ""
            return f"{done}{by}: {event.reason}" if event.reason else f"{done}{by}"
        case Cause.LEFT | Cause.QUIT | Cause.LOST | Cause.REFUSED:
            return event.reason
        case _:
            assert_never(event.cause)
