"""The channels that one puppet shall be in: asked for, refused, entered, lost, left.

A wish lasts until it is withdrawn or until the channel makes clear that it is pointless; whatever happens to the connection
in between, it is worked towards again. Every change that the bridge has to know of goes out as PuppetJoined or PuppetLeft.
Used by :class:`connectors.irc.puppets.pool.Puppet` alone.
"""

import asyncio
from collections.abc import Iterator
from enum import Enum
from typing import Protocol

import msgspec

from bridge.core.events import Barrier, Cause, PuppetJoined, PuppetLeft
from bridge.core.ids import Person, RoomId
from connectors.irc.connection.client import Connection, Line
from connectors.irc.connection.verdicts import JOIN_ERRORS, Refusal, join_refused
from connectors.irc.reading.attendance import plain
from connectors.irc.reading.places import Place
from connectors.irc.scene import Scene, command
from connectors.irc.speaking import outbound


class Stage(Enum):
    """How far a wish is."""

    WANTED = "wanted"  # not asked for yet
    ASKED = "asked"  # JOIN is on its way
    IN = "in"
    REFUSED = "refused"  # tried again later


class Wish(msgspec.Struct, eq=False):
    """One channel."""

    place: Place
    stage: Stage = Stage.WANTED
    setbacks: int = 0
    reason: str = ""  # why it was refused
    timer: asyncio.TimerHandle | None = None  # until we part, or knock again
    is_parting: bool = False
    awaited: float = 0.0  # since when something waits to be said there; 0: nothing does

    def stop(self) -> None:
        """Wait for nothing."""
        if self.timer is not None:
            self.timer.cancel()
        self.timer, self.is_parting = None, False


class Holder(Protocol):
    """Who has the wishes."""

    @property
    def connection(self) -> Connection | None:
        """The connection, while it is up."""

    def entered(self, place: Place) -> None:
        """Learn that we are in a channel."""

    def gone(self, place: Place) -> None:
        """Learn that we are not in a channel any more."""

    def turned_away(self, place: Place, numeric: str) -> None:
        """Learn that a channel does not let us in for now."""

    def changed(self, place: Place) -> None:
        """Learn that something about a wish has changed, after everything else."""

    def idle(self) -> None:
        """Learn that there is no wish left."""


class Wishes:
    """All channels of one puppet."""

    def __init__(self, person: Person, holder: Holder, scene: Scene) -> None:
        self.person = person
        self._holder = holder
        self._scene = scene
        self._wishes: dict[RoomId, Wish] = {}

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self._wishes)

    def __iter__(self) -> Iterator[Wish]:
        """Yield all, in the order in which they were made."""
        return iter(list(self._wishes.values()))

    def get(self, room: RoomId) -> Wish | None:
        """Return the wish for a room."""
        return self._wishes.get(room)

    def is_in(self, room: RoomId) -> bool:
        """Tell whether we are in a channel."""
        wish = self._wishes.get(room)
        return wish is not None and wish.stage is Stage.IN

    def add(self, place: Place) -> bool:
        """Want to be in a channel; tells whether that is news."""
        wish = self._wishes.get(place.id)
        if wish is None:
            self._wishes[place.id] = Wish(place)
        elif wish.is_parting:
            wish.stop()
            self._told_in(wish)  # the bridge has heard nothing of the parting
            return False
        return wish is None

    def withdraw(self, room: RoomId, reason: str, *, at_once: bool = False) -> None:
        """Want to be in a channel no more; what is still to be said there goes out before, unless ``at_once``."""
        wish = self._wishes.get(room)
        if wish is None or (wish.is_parting and not at_once):
            return
        wish.stop()
        if wish.stage is not Stage.IN or at_once:
            self._part(wish, reason)
            return
        wish.is_parting = True
        wish.timer = self._scene.later(self._scene.pace.parting, lambda: self._part(wish, reason))

    def stop(self) -> None:
        """Wait for nothing any more."""
        for wish in self:
            wish.stop()

    def abandon(self, reason: str, barrier: Barrier = Barrier.OTHER) -> None:
        """Give up everything, and say why."""
        for wish in self:
            if wish.stage is Stage.IN:
                self._holder.gone(wish.place)
            self._drop(wish)
            self._told_out(wish, Cause.REFUSED, reason, final=True, barrier=barrier)

    def enter(self) -> None:
        """Ask for every channel for which it is time."""
        for wish in self:
            if wish.stage is Stage.WANTED:
                self.ask(wish)

    def ask(self, wish: Wish) -> None:
        """Ask for one channel, once it is decided whether the listener is in: it comes first."""
        connection, place = self._holder.connection, wish.place
        if connection is None or not place.is_decided or wish.is_parting:
            return
        if place.is_impossible:
            self._drop(wish)
            self._told_out(wish, Cause.REFUSED, place.reason, final=True)
        elif wish.stage in (Stage.WANTED, Stage.REFUSED):
            wish.stop()
            wish.stage = Stage.ASKED
            command(connection, "JOIN", place.name, *([place.password] if place.password else []))

    def disconnected(self, reason: str) -> None:
        """Begin anew: there is no connection any more."""
        for wish in self:
            stage, wish.stage = wish.stage, Stage.WANTED
            was_parting = wish.is_parting
            wish.stop()
            if stage is Stage.IN:
                self._holder.gone(wish.place)
                self._told_out(wish, Cause.LOST, reason)
            if was_parting:
                self._drop(wish)

    def line(self, connection: Connection, line: Line) -> None:
        """Take what the server says of us and channels."""
        fold = connection.isupport.fold
        me = fold(connection.nick)
        match line.command:
            case "JOIN" if fold(line.nick) == me:
                self._entered(connection, line.param(0))
            case "PART" if fold(line.nick) == me:
                self._removed(line.param(0), "removed from the channel by the network", "")
            case "KICK" if fold(line.param(1)) == me:
                self._removed(line.param(0), plain(line.param(2)), line.nick)
            case "INVITE" if fold(line.param(0)) == me:
                self._invited(line.param(1), line.nick)
            case numeric if numeric in JOIN_ERRORS:
                self._refused(line)
            case _:
                pass

    def _entered(self, connection: Connection, name: str) -> None:
        wish = self._named(name)
        if wish is None:  # forced or forwarded: nobody wants us there
            command(connection, "PART", name)
            return
        wish.stage, wish.setbacks, wish.reason, wish.awaited = Stage.IN, 0, "", 0.0
        self._holder.entered(wish.place)
        self._told_in(wish)

    def _refused(self, line: Line) -> None:
        wish = self._named(line.param(1))
        if wish is None or wish.stage is not Stage.ASKED:
            return
        refusal = join_refused(wish.place.name, line)
        if refusal.final:
            self._drop(wish)
            self._told_out(wish, Cause.REFUSED, refusal.reason, final=True, barrier=refusal.barrier)
            return
        self._knock_later(wish, refusal)
        self._holder.turned_away(wish.place, line.command)

    def _knock_later(self, wish: Wish, refusal: Refusal) -> None:
        pauses = self._scene.pace.knock
        pause = pauses[min(wish.setbacks, len(pauses) - 1)]
        is_news = refusal.reason != wish.reason
        wish.stage, wish.reason, wish.setbacks = Stage.REFUSED, refusal.reason, wish.setbacks + 1
        wish.timer = self._scene.later(pause, lambda: self.ask(wish))
        if is_news:
            self._told_out(wish, Cause.REFUSED, refusal.reason, barrier=refusal.barrier)

    def _invited(self, name: str, by: str) -> None:
        wish = self._named(name)
        if wish is None:
            room = self._scene.places.called(name)
            if room is not None:
                self._scene.hub.invited(self.person, room, by=by)
        elif wish.stage is Stage.REFUSED:
            self.ask(wish)

    def _removed(self, name: str, reason: str, actor: str) -> None:
        wish = self._named(name)
        if wish is None or wish.stage is not Stage.IN:
            return
        was_parting, barrier = wish.is_parting, self._barrier(wish.place)
        self._drop(wish)
        self._holder.gone(wish.place)
        if was_parting:
            self._told_out(wish, Cause.LEFT, "")
        else:
            self._told_out(wish, Cause.KICKED, reason, actor=actor, final=True, barrier=barrier)

    def _barrier(self, place: Place) -> Barrier:
        """Return what keeps us out of a channel that we have been kicked from."""
        view, connection = self._scene.view, self._holder.connection
        channel = view.channel(place.name)
        masks = view.masks_on(channel, connection.nick) if channel is not None and connection is not None else []
        for mask in masks:
            self._scene.bans.hit(place.id, mask, self.person)
        return Barrier.BAN if masks else Barrier.OTHER

    def _part(self, wish: Wish, reason: str) -> None:
        connection, stage = self._holder.connection, wish.stage
        if connection is not None and stage in (Stage.IN, Stage.ASKED):
            command(connection, "PART", wish.place.name, outbound.one_line(reason))
        if stage is Stage.IN:
            self._holder.gone(wish.place)
        self._drop(wish)
        self._told_out(wish, Cause.LEFT, "")

    def _drop(self, wish: Wish) -> None:
        wish.stop()
        self._wishes.pop(wish.place.id, None)
        if not self._wishes:
            self._holder.idle()

    def _named(self, name: str) -> Wish | None:
        room = self._scene.places.room(name)
        return self._wishes.get(room) if room is not None else None

    def renamed(self, old: str) -> None:
        """Tell anew under which name we are where; ``old`` is that by which the listener may still know us."""
        for wish in self:
            if wish.stage is Stage.IN:
                self._told_in(wish, old=old)

    def _told_in(self, wish: Wish, *, old: str = "") -> None:
        connection, view = self._holder.connection, self._scene.view
        name = connection.nick if connection is not None else ""
        rank = view.rank_of(wish.place.name, old if old and view.user(name) is None else name)
        origin = self._scene.origin(wish.place.id)
        self._scene.emit([PuppetJoined(origin=origin, person=self.person, name=name, rank=rank)])
        self._holder.changed(wish.place)

    def _told_out(
        self,
        wish: Wish,
        cause: Cause,
        reason: str,
        *,
        actor: str = "",
        final: bool = False,
        barrier: Barrier = Barrier.OTHER,
    ) -> None:
        left = PuppetLeft(
            origin=self._scene.origin(wish.place.id),
            person=self.person,
            cause=cause,
            reason=reason,
            actor=actor,
            final=final,
            barrier=barrier,
        )
        self._scene.emit([left])
        self._holder.changed(wish.place)
