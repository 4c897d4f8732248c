"""The ghosts of one joined room: for each remote person who should be shown there, an occupant of their own.

Wishes are state: ``wish`` and ``unwish`` say who should be there, and this works towards it, a few joins at a time, so
that three hundred of them do not stall the MUC service. Nothing is replayed, and a later leave cancels a queued join.
A nick that is taken gets the name of the network behind it; what the service assigns (XEP-0045 code 210) is the truth;
a wanted nick is taken back when it becomes free.

Not here: who is in the room besides (occupants), what ghosts say (speech), the listener. The room calls this for every
presence that concerns one of our addresses, and once a second with :meth:`Ghosts.tick`.
"""

from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Protocol

from bridge.core.events import Cause, Member, PuppetJoined, PuppetLeft, Show
from bridge.core.ids import Person, Room, digest
from bridge.xmpp import directory, disco
from bridge.xmpp.joined import muc
from bridge.xmpp.joined.claims import Claims, stem
from bridge.xmpp.joined.ghost import Ghost, Stage
from bridge.xmpp.joined.muc import Refusal, Sighting
from bridge.xmpp.joined.refusals import Verdict, judge, sentence
from bridge.xmpp.surroundings import RESOURCE, Surroundings
from bridge.xmpp.wire import marks, stanzas

IN_FLIGHT = 8
"""Joins of one room that are under way at once."""
PATIENCE = 20.0
"""Seconds until a join, a leave or a change of nick that nobody answers is given up."""
LINGER = 0.25
"""Seconds that a ghost stays after its person left: their last words are still on the way through the store."""
SLOWEST = 900.0


class Place(Protocol):
    """What ghosts need of their room."""

    room: Room
    address: str
    password: str
    around: Surroundings

    def open(self) -> bool:
        """Whether the reader is in the room."""

    def occupied(self, key: str, by: str) -> bool:
        """Whether somebody other than our address ``by`` has a nick with this :func:`bridge.core.nicks.nick_key`."""

    def admit(self, ghost: Ghost) -> bool:
        """Try to make a ghost a member of a members-only room; False if the listener may not."""

    def suspect(self) -> None:
        """Doubt that the room still knows us."""

    def ghost_entered(self, nick: str) -> None:
        """Learn that a ghost has this nick, and can speak."""

    def ghost_gone(self, ghost: Ghost, nick: str) -> None:
        """Learn that a ghost can speak no more, and that this nick is free."""

    def ghost_banned(self, ghost: Ghost) -> None:
        """Learn that the room has banned a ghost."""


class Ghosts:
    """All ghosts of one room."""

    def __init__(self, place: Place, *, in_flight: int = IN_FLIGHT) -> None:
        self._place = place
        self._around = place.around
        self._in_flight = in_flight
        self._claims = Claims(place.occupied)
        self._by_person: dict[Person, Ghost] = {}
        self._by_address: dict[str, Ghost] = {}
        self._ready: OrderedDict[Ghost, None] = OrderedDict()  # to join next
        self._later: set[Ghost] = set()  # waiting for ``due``
        self._joining: dict[Ghost, None] = {}  # oldest first
        self._pending: dict[Ghost, None] = {}  # leaving, or changing nick; looked at for time-outs
        self._lingering: deque[Ghost] = deque()

    def nicks_known(self, known: str | None) -> None:
        """Learn whose nicks were whose when the bridge was in the room last."""
        self._claims.kept(known, now=self._around.clock.now())

    # -- wishes

    def wish(self, member: Member) -> None:
        """Show this member, or show them as they are now."""
        ghost = self._by_person.get(member.person)
        if ghost is None:
            address = self._free_address(member.person)
            if address is None:
                self._tell_left(member.person, Cause.REFUSED, "the id is too long for an XMPP address", final=True)
                return
            ghost = Ghost(member, address)
            self._by_person[member.person] = self._by_address[address] = ghost
            self._queue(ghost)
            return
        ghost.member, ghost.wanted, ghost.lingers = member, True, False
        if ghost.stage is Stage.PRESENT:
            self._show(ghost)
        elif ghost.stage is Stage.REFUSED:  # asked anew, but a room that says no is not pestered
            ghost.stage, ghost.failures, ghost.said_why = Stage.WAITING, 0, False
            self._later.add(ghost)

    def unwish(self, person: Person, reason: str) -> None:
        """Show this person no more."""
        ghost = self._by_person.get(person)
        if ghost is None:
            return
        ghost.wanted, ghost.reason = False, reason
        match ghost.stage:
            case Stage.WAITING | Stage.REFUSED:
                self._drop(ghost)
            case Stage.JOINING:
                self._leave(ghost)
            case Stage.PRESENT:
                if not ghost.lingers:
                    ghost.lingers = True
                    self._lingering.append(ghost)
                    self._around.clock.call_later(LINGER, self._leave_next)
            case Stage.LEAVING:
                pass

    def rename(self, old: Person, member: Member) -> None:
        """Let the ghost of ``old`` be ``member``, in place: it keeps its address for as long as it is in the room."""
        ghost = self._by_person.get(old)
        if ghost is None or member.person in self._by_person:
            self.unwish(old, "")
            self.wish(member)
            return
        del self._by_person[old]
        self._by_person[member.person] = ghost
        ghost.person = member.person
        self.wish(member)

    def leave_all(self, reason: str = "") -> None:
        """Take everybody out, now."""
        for ghost in list(self._by_person.values()):
            ghost.wanted, ghost.reason = False, reason
            if ghost.stage in (Stage.JOINING, Stage.PRESENT):
                self._leave(ghost)
            elif ghost.stage is not Stage.LEAVING:
                self._drop(ghost)

    # -- questions

    def get(self, person: Person) -> Ghost | None:
        """Return the ghost of a person, wherever it stands."""
        return self._by_person.get(person)

    def at(self, address: str) -> Ghost | None:
        """Return the ghost with this full JID."""
        return self._by_address.get(address)

    def holding(self, nick: str) -> Ghost | None:
        """Return the ghost that is in the room under exactly this nick."""
        ghost = self._claims.at(nick)
        return ghost if ghost is not None and ghost.stage in (Stage.PRESENT, Stage.LEAVING) else None

    def present(self) -> Iterator[Ghost]:
        """Yield who is in the room and stays."""
        return (g for g in self._by_person.values() if g.stage is Stage.PRESENT and g.wanted)

    def everybody(self) -> Iterator[Ghost]:
        """Yield everybody who is wished, or still leaving."""
        return iter(self._by_person.values())

    def wants_copy(self, to: str, nick: str) -> bool:
        """Whether a presence from ``nick`` to our address ``to`` is about itself; of others the reader has a copy."""
        ghost = self._by_address.get(to)
        return ghost is not None and nick in (ghost.nick, ghost.moving_to)

    def recognise(self, seen: Sighting) -> Ghost | None:
        """Return whose ghost the reader sees: by real JID where the room shows it, else by the token of the join."""
        if seen.jid:
            return self._by_address.get(seen.jid)
        ghost = self._claims.at(seen.nick)
        if ghost is not None and ghost.stage is not Stage.JOINING and (ghost.nick == seen.nick or ghost.moves):
            return ghost
        if seen.bridge != self._around.instance or not seen.token:
            return None
        if ghost is not None and ghost.token == seen.token:
            return ghost
        # under a nick that the service has chosen (code 210)
        return next((g for g in self._joining if g.token == seen.token), None)

    def unsure(self, seen: Sighting) -> bool:
        """Whether this is a ghost on its way in or somebody who was quicker: the answer to the ghost will tell."""
        if seen.jid or seen.bridge or not seen.available:
            return False
        ghost = self._claims.at(seen.nick)
        return ghost is not None and (ghost.stage is Stage.JOINING or ghost.moving_to == seen.nick)

    # -- what the room says

    def copy(self, ghost: Ghost, seen: Sighting) -> None:
        """Take a presence that a ghost was sent about itself."""
        if seen.available:
            self.entered(ghost, seen)
            return
        if muc.RENAMED in seen.codes:
            self._moves(ghost, seen.new_nick)
        else:
            self.gone(ghost, seen)

    def entered(self, ghost: Ghost, seen: Sighting) -> None:
        """Take note that a ghost is in the room under this nick, by its own copy or the reader's."""
        if ghost.stage is Stage.LEAVING:
            return
        if ghost.stage is Stage.JOINING:
            self._joining.pop(ghost, None)
            self._claims.take(ghost, seen.nick)
            ghost.stage = Stage.PRESENT
            ghost.failures, ghost.said_why = 0, False
            self._settled(ghost)
            self._next()
        elif ghost.stage is Stage.PRESENT and seen.nick != ghost.nick:
            stale = bool(seen.token) and seen.token != ghost.token  # ejabberd shows the old presence under the new nick
            self._claims.take(ghost, seen.nick)
            self._settled(ghost)
            if stale and not ghost.moving_to and ghost.stage is Stage.PRESENT:
                self._send(ghost, ghost.nick)

    def gone(self, ghost: Ghost, seen: Sighting) -> None:
        """Take note that a ghost is not in the room any more."""
        if ghost.stage is Stage.LEAVING:
            self._left(ghost)
        elif ghost.stage is Stage.PRESENT and seen.nick == ghost.nick:
            self._thrown_out(ghost, seen)

    def refused(self, ghost: Ghost, refusal: Refusal, *, id_: str) -> None:
        """Take the error that answers a join or a change of nick (XEP-0045 section 7.2.16)."""
        if id_ and id_ != ghost.token:
            return  # to something said earlier
        if ghost.stage is Stage.PRESENT:
            self._move_refused(ghost, refusal)
        elif ghost.stage is Stage.JOINING:
            self._joining.pop(ghost, None)
            nick = ghost.nick
            self._release(ghost)
            ghost.stage = Stage.WAITING
            self._join_refused(ghost, refusal, nick)
            self._next()
        elif ghost.stage is Stage.LEAVING:
            self._left(ghost)

    def nick_freed(self, nick: str) -> None:
        """Learn that nobody has this nick any more; whoever wanted it gets it after a while."""
        self._claims.freed(nick, self._around.clock.monotonic())

    def opened(self) -> None:
        """Begin: the reader is in the room."""
        self._next()

    def reset(self) -> None:
        """Forget who was in: the room, or the stream, is not there. Whoever is wished joins again."""
        self._joining.clear()
        self._pending.clear()
        self._lingering.clear()
        self._claims.clear()
        for ghost in list(self._by_person.values()):
            was_present = ghost.stage is Stage.PRESENT
            ghost.lingers = False
            if not ghost.wanted:
                self._drop(ghost)
                continue
            if ghost.stage is not Stage.REFUSED:
                self._queue(ghost)
            if was_present:
                self._tell_left(ghost.person, Cause.LOST, "")

    def tick(self, now: float) -> None:
        """Do what is due, and give up what was never answered; once a second."""
        for ghost in [g for g in self._later if g.due <= now]:
            self._queue(ghost)
        for ghost in self._claims.due(now):
            self._move(ghost)
        for ghost in [g for g in self._joining if now - g.since > PATIENCE]:
            self._joining.pop(ghost, None)
            self._release(ghost)
            ghost.stage = Stage.WAITING
            self._put_off(ghost, 5.0, "the room does not answer")
            self._place.suspect()
        for ghost in [g for g in self._pending if now - g.since > PATIENCE]:
            self._pending.pop(ghost, None)
            if ghost.stage is Stage.LEAVING:
                self._left(ghost)
            else:
                self._claims.stay(ghost)
        self._next()

    def hurry(self, ghost: Ghost) -> None:
        """Let this one join next: they have something to say."""
        if ghost in self._ready:
            self._ready.move_to_end(ghost, last=False)
            self._next()

    def admitted(self, ghost: Ghost) -> None:
        """Join again at once: the listener has made it a member."""
        ghost.admitted = True
        if ghost.stage is Stage.WAITING and ghost.wanted:
            self._queue(ghost)

    def dropped_silently(self, ghost: Ghost) -> None:
        """Take note that the room does not know a ghost any more that it never took leave of; it joins again."""
        if ghost.stage is not Stage.PRESENT:
            return
        nick = ghost.nick
        self._release(ghost)
        ghost.stage = Stage.WAITING
        self._place.ghost_gone(ghost, nick)
        self._queue(ghost)

    # -- joining

    def _queue(self, ghost: Ghost) -> None:
        ghost.stage = Stage.WAITING
        self._later.discard(ghost)
        self._ready[ghost] = None
        self._next()

    def _next(self) -> None:
        while self._ready and len(self._joining) < self._in_flight and self._place.open():
            ghost, _ = self._ready.popitem(last=False)
            self._join(ghost)

    def _join(self, ghost: Ghost) -> None:
        address = self._free_address(ghost.person, ghost)
        if address is not None and address != ghost.address:  # its own again, after a change of nick in an earlier stay
            del self._by_address[ghost.address]
            ghost.address = address
            self._by_address[address] = ghost
        self._claims.take(ghost, self._claims.choose(ghost))
        ghost.stage = Stage.JOINING
        self._joining[ghost] = None
        self._send(ghost, ghost.nick, stanzas.muc_join(password=self._place.password, maxstanzas=0))

    def _send(self, ghost: Ghost, nick: str, extra: str = "") -> None:
        ghost.token = self._around.token()
        ghost.since = self._around.clock.monotonic()
        ghost.shown = member = ghost.member
        show = "" if member.presence.show is Show.AVAILABLE else member.presence.show.value
        self._around.component.send(
            stanzas.presence(
                ghost.address,
                f"{self._place.address}/{nick}",
                id_=ghost.token,
                show=show,
                status=member.presence.status[: muc.LONGEST_REASON],
                extra=extra
                + stanzas.nick(member.name)
                + stanzas.avatar(self._around.avatar(member))
                + disco.caps(directory.ghost(member))
                + marks.ghost(self._around.instance, ghost.token),
            )
        )

    def _release(self, ghost: Ghost) -> None:
        """Let go of the nicks of a ghost that is not in the room."""
        self._claims.release(ghost)
        self._pending.pop(ghost, None)

    def _settled(self, ghost: Ghost) -> None:
        """Tell who is in under which nick, and see to what changed meanwhile."""
        self._pending.pop(ghost, None)
        if self._claims.settled(ghost, self._around.clock.now()):
            self._keep_nicks()
        if not ghost.wanted:
            self._leave(ghost)
            return
        self._around.emit(
            PuppetJoined(origin=self._around.origin(self._place.room), person=ghost.person, name=ghost.nick)
        )
        self._place.ghost_entered(ghost.nick)
        if ghost.shown != ghost.member:
            self._show(ghost)

    # -- being shown differently

    def _show(self, ghost: Ghost) -> None:
        """Show a present ghost under the name and with the presence that its member has now."""
        before, now = ghost.shown, ghost.member
        if before == now or ghost.moving_to:
            return
        if before is None or before.name != now.name:
            ghost.plainness = 0
            ghost.tried.clear()
            self._move(ghost)
            if ghost.moving_to:
                return
        if before is None or before.presence != now.presence or self._has_new_picture(before, now):
            self._send(ghost, ghost.nick)
        ghost.shown = now

    def _has_new_picture(self, before: Member, now: Member) -> bool:
        """Tell whether another picture can be shown; one that is still being fetched is shown when it is there."""
        return before.avatar != now.avatar and (not now.avatar or bool(self._around.avatar(now)))

    def dress(self, member: Member) -> None:
        """Show a picture that has just come."""
        ghost = self._by_person.get(member.person)
        if ghost is not None and ghost.stage is Stage.PRESENT and ghost.wanted and not ghost.moving_to:
            self._send(ghost, ghost.nick)

    def _move(self, ghost: Ghost) -> None:
        """Ask for the nick that fits best now, in place (XEP-0045 section 7.6); the presence goes with it."""
        nick = self._claims.choose(ghost)
        if nick == ghost.nick:
            return
        self._claims.reach_for(ghost, nick)
        self._pending[ghost] = None
        self._send(ghost, nick)

    def _moves(self, ghost: Ghost, nick: str) -> None:
        """Take note of the nick that a ghost is about to have (303): mostly the one that it asked for."""
        if ghost.stage is not Stage.PRESENT or not nick:
            return
        if nick != ghost.moving_to:
            self._claims.reach_for(ghost, nick)
        ghost.moves = True

    def _move_refused(self, ghost: Ghost, refusal: Refusal) -> None:
        tried = ghost.moving_to
        if not tried:
            return
        self._claims.stay(ghost)
        self._pending.pop(ghost, None)
        match judge(refusal):
            case Verdict.NICK_TAKEN if self._claims.taken(ghost, tried):
                self._move(ghost)
            case Verdict.NICK_REFUSED if self._claims.disliked(ghost):
                self._move(ghost)
            case _:
                pass  # the room does not let anybody change nicks, or not to this one
        if not ghost.moving_to:
            self._send(ghost, ghost.nick)  # the presence still has to be shown

    # -- being refused

    def _join_refused(self, ghost: Ghost, refusal: Refusal, nick: str) -> None:
        if not ghost.wanted:
            self._drop(ghost)
            return
        verdict = judge(refusal)
        reason = sentence(verdict, refusal)
        match verdict:
            case Verdict.NICK_TAKEN if self._claims.taken(ghost, nick):
                self._queue(ghost)
            case Verdict.NICK_TAKEN:
                self._put_off(ghost, 60.0, reason)
            case Verdict.NICK_REFUSED if self._claims.disliked(ghost):
                self._queue(ghost)
            case Verdict.MEMBERS_ONLY if not ghost.admitted and self._place.admit(ghost):
                pass  # the listener sees to it
            case Verdict.FULL:
                self._full(ghost, reason)
            case Verdict.AWAY:
                self._place.suspect()
                self._put_off(ghost, 10.0, reason)
            case Verdict.BUSY:
                self._put_off(ghost, 5.0, reason)
            case _:
                self._refuse(ghost, verdict.cause, reason)

    def _full(self, ghost: Ghost, reason: str) -> None:
        """Wait for a place; but some services say so of a nick that they do not like, so that is tried once."""
        if not ghost.plainness and not stem(ghost).isascii() and self._claims.disliked(ghost):
            self._queue(ghost)
        else:
            self._put_off(ghost, 60.0, reason)

    def _put_off(self, ghost: Ghost, first: float, reason: str) -> None:
        """Try again later, each time after twice as long."""
        delay = min(first * 2 ** min(ghost.failures, 10), SLOWEST)
        ghost.failures += 1
        ghost.reason = reason
        self._wait(ghost, delay)
        if not ghost.said_why:
            ghost.said_why = True
            self._tell_left(ghost.person, Cause.REFUSED, reason)

    def _refuse(self, ghost: Ghost, cause: Cause, reason: str, *, actor: str = "") -> None:
        ghost.stage, ghost.reason = Stage.REFUSED, reason
        ghost.due = self._around.clock.monotonic() + 60.0
        self._ready.pop(ghost, None)
        self._later.discard(ghost)
        self._tell_left(ghost.person, cause, reason, actor=actor, final=True)

    def forbid(self, ghost: Ghost, reason: str) -> None:
        """Keep a waiting ghost out for good: what would have let it in has failed."""
        if ghost.stage is Stage.WAITING and ghost.wanted:
            self._refuse(ghost, Cause.REFUSED, reason)

    # -- going

    def _thrown_out(self, ghost: Ghost, seen: Sighting) -> None:
        cause = muc.cause(seen.codes)
        nick = ghost.nick
        self._release(ghost)
        self._claims.content(ghost)
        ghost.stage = Stage.WAITING
        self._place.ghost_gone(ghost, nick)
        if not ghost.wanted:
            self._drop(ghost)
            return
        if cause is Cause.BANNED:
            self._place.ghost_banned(ghost)
        if cause in (Cause.KICKED, Cause.BANNED):
            self._refuse(ghost, cause, seen.reason, actor=seen.actor)
            return
        self._wait(ghost, 2.0)
        self._tell_left(ghost.person, Cause.LOST, seen.reason)

    def _wait(self, ghost: Ghost, delay: float) -> None:
        ghost.due = self._around.clock.monotonic() + delay
        self._ready.pop(ghost, None)
        self._later.add(ghost)

    def _leave_next(self) -> None:
        """Let go whoever has lingered."""
        if self._lingering:
            ghost = self._lingering.popleft()
            if ghost.lingers and ghost.stage is Stage.PRESENT and not ghost.wanted:
                self._leave(ghost)

    def _leave(self, ghost: Ghost) -> None:
        ghost.stage = Stage.LEAVING
        ghost.lingers = False
        ghost.since = self._around.clock.monotonic()
        self._joining.pop(ghost, None)
        self._pending[ghost] = None
        self._claims.content(ghost)
        self._place.ghost_gone(ghost, "")
        self._around.component.send(
            stanzas.presence(
                ghost.address,
                f"{self._place.address}/{ghost.nick}",
                kind="unavailable",
                status=ghost.reason[: muc.LONGEST_REASON],
            )
        )
        self._next()

    def _left(self, ghost: Ghost) -> None:
        """Take note that a ghost has left as asked; if it is wished again meanwhile, it comes back."""
        nick = ghost.nick
        self._release(ghost)
        ghost.stage = Stage.WAITING
        self._place.ghost_gone(ghost, nick)
        if ghost.wanted:
            self._queue(ghost)
        else:
            self._drop(ghost)
            self._tell_left(ghost.person, Cause.LEFT, ghost.reason)

    def _keep_nicks(self) -> None:
        self._around.remember(nicks_name(self._place.address), self._claims.kept())

    def _drop(self, ghost: Ghost) -> None:
        self._release(ghost)
        if not ghost.wanted and self._claims.let_go(ghost.person):
            self._keep_nicks()
        self._ready.pop(ghost, None)
        self._later.discard(ghost)
        self._joining.pop(ghost, None)
        if self._by_person.get(ghost.person) is ghost:
            del self._by_person[ghost.person]
        if self._by_address.get(ghost.address) is ghost:
            del self._by_address[ghost.address]

    def _tell_left(self, person: Person, cause: Cause, reason: str, *, actor: str = "", final: bool = False) -> None:
        origin = self._around.origin(self._place.room)
        self._around.emit(
            PuppetLeft(origin=origin, person=person, cause=cause, reason=reason, actor=actor, final=final)
        )

    def _free_address(self, person: Person, ghost: Ghost | None = None) -> str | None:
        """Return the full JID for a person; another resource when a renamed ghost still has the usual one."""
        bare = self._around.ghost_address(person)
        if bare is None:
            return None
        full, number = f"{bare}/{RESOURCE}", 2
        while self._by_address.get(full, ghost) is not ghost:
            full, number = f"{bare}/{RESOURCE}-{number}", number + 1
        return full


def nicks_name(address: str) -> str:
    """Return the name under which it is remembered whose nick is whose in a room."""
    return f"nicks {digest(address)}"
