"""One joined room: somebody's MUC with the bridge as a guest in it. Here its parts meet.

Who reads is one of us: the listener, or a ghost in its place after it was kicked. Only the reader's copies count, so
everything here happens once. Around it: ``listener`` (getting in), ``occupants`` (who is there), ``ghosts`` (our people),
``hearing`` (what others say), ``speech`` (what we say), ``rights`` (what the listener may do). This file decides who reads
and which presences are ours, tells the hub, and is the ``Place`` of all of them. Called by the connector alone.
"""

import asyncio
import enum
from collections.abc import Iterable
from typing import assert_never
from xml.etree.ElementTree import Element

from bridge.connector import Cursor
from bridge.core.content import Reply
from bridge.core.deliveries import Kick, Retract, Sent
from bridge.core.events import (
    Cause,
    MemberJoined,
    MemberLeft,
    MemberRenamed,
    MembersListed,
    RoomClosed,
    RoomOpened,
)
from bridge.core.failures import Retry
from bridge.core.ids import XMPP, Person, Room
from bridge.xmpp.joined import archive, muc
from bridge.xmpp.joined.archive import Reading
from bridge.xmpp.joined.ghost import Ghost, Stage
from bridge.xmpp.joined.ghosts import Ghosts
from bridge.xmpp.joined.hearing import Hearing
from bridge.xmpp.joined.listener import Listener, Out
from bridge.xmpp.joined.muc import Destroyed, Sighting
from bridge.xmpp.joined.occupants import Change, Joined, Left, Occupant, Occupants, Renamed
from bridge.xmpp.joined.pardons import Bans, Pardons
from bridge.xmpp.joined.rights import Rights
from bridge.xmpp.joined.selfping import SelfPing
from bridge.xmpp.joined.speech import Speech
from bridge.xmpp.messages.outbound import Spoken
from bridge.xmpp.surroundings import Surroundings
from bridge.xmpp.wire import stanzas
from bridge.xmpp.wire.shapes import Familiar

REPLAY = 5.0
"""Seconds after which a room that never tells its subject is taken to have sent all history."""
STRAY = 60.0
"""Seconds after which ghosts of an earlier run, whom nobody wished for, are taken out."""


class Phase(enum.Enum):
    """How far the reader is."""

    OUT = enum.auto()
    REPLAYING = enum.auto()  # inside, and reading the history that the room sends
    IN = enum.auto()


_IN = Phase.IN
"""Until Python 3.12 a member of an Enum costs as much as a call: on the way of every message it is looked up once."""


class JoinedRoom:
    """A room on somebody's MUC service."""

    def __init__(self, room: Room, *, address: str, password: str, around: Surroundings, bans: Bans) -> None:
        self.room = room
        self.address = address  # bare, as it is on the wire
        self.password = password
        self.around = around
        self.nick = ""  # the listener's, held or asked for
        self.reading = Reading.NOTHING
        self.reader = ""  # the address whose copies count, "" while nobody reads
        self.occupants = Occupants(address)
        self.ghosts = Ghosts(self)
        self.speech = Speech(self)
        self.hearing = Hearing(self)
        self.rights = Rights(self)
        self.pardons = Pardons(self, bans)
        self.listener = Listener(self)
        self.ping = SelfPing(self)
        self._has_gap = False  # something was left for the archive to tell
        self._phase = Phase.OUT
        self._entering = False  # the listener has asked to be let in
        self._inside = False  # the listener itself is in the room
        self._features: frozenset[str] = frozenset()
        self._held: dict[str, Sighting] = {}  # a ghost of ours, or somebody who took its nick first
        self._strays: dict[str, str] = {}  # nick -> address, of ghosts that an earlier run has left behind
        self._since = 0.0  # when the listener came in
        self._out: Out | None = None

    # -- what the stream brings

    def reads(self, to: str) -> bool:
        """Whether what the room says to this address of ours is read."""
        return to == self.reader or (self._entering and to == self.around.listener)

    def wants_presence(self, to: str, nick: str) -> bool:
        """Whether a presence of an occupant to this address of ours is looked at."""
        return to in (self.reader, self.around.listener) or self.ghosts.wants_copy(to, nick)

    def message(self, element: Element, nick: str) -> None:
        """Take a groupchat message to the reader, an error to anybody of us, or a message of the room itself."""
        match element.get("type"):
            case "groupchat":
                self.ping.heard()
                self.hearing.hear(element, nick)
            case "error":
                self.speech.bounced(element.get("id", ""), muc.refusal(element))
            case _:
                if archive.take(self, element):
                    return
                if muc.is_invitation(element):
                    self.listener.called()
                if not nick:
                    self._look_for_pardons(element)

    def understood(self, id_: str, nick: str, stanza: bytes) -> bool:
        """Take a groupchat message to the reader by its bytes; False: it has to be built."""
        hearing, is_ours = self.hearing, self._is_reflection(id_, nick)
        taken = hearing.reflected(id_, stanza) if is_ours else hearing.understood(id_, nick, stanza)
        if taken:
            self.ping.heard()
        return taken

    def recognised(self, said: Familiar) -> bool:
        """Take a groupchat message to the reader that looks like one before it; False: it has to be looked at."""
        is_ours = self._is_reflection(said.id, said.nick)
        taken = self.hearing.recognised_ours(said) if is_ours else self.hearing.recognised(said)
        if taken:
            self.ping.heard()
        return taken

    def _is_reflection(self, id_: str, nick: str) -> bool:
        """Whether these are words of ours, more than a change of subject."""
        return self.speech.awaits_words(id_) and self.is_ours(nick)

    def _look_for_pardons(self, element: Element) -> None:
        """Take what the room says of the affiliation of somebody who is not in it (section 9.2): a ghost may come again."""
        for bare, affiliation in muc.affiliations(element):
            if affiliation != "outcast":
                self.pardons.pardoned(bare)

    def forgive(self, person: Person) -> None:
        """Lift the ban that the bridge has set on somebody, once it may."""
        self.pardons.forgive(str(person.id))

    def presence(self, element: Element) -> None:
        """Take a presence of the room or of an occupant to one of us."""
        to = element.get("to", "")
        ghost = self.ghosts.at(to)
        kind = element.get("type")
        if kind == "error":
            self._refused(element, ghost)
            return
        if kind not in (None, "unavailable") or "/" not in element.get("from", ""):
            return  # of no occupant: ejabberd shows the room's own vCard so
        seen = muc.sighting(element)
        if ghost is not None and (seen.own or self.ghosts.wants_copy(to, seen.nick)):
            self.ghosts.copy(ghost, seen)
            self._settle_held()
        if self.reads(to):
            self.ping.heard()
            self._observe(seen)
        if to == self.around.listener and (seen.own or seen.nick == self.nick):
            self._listener_seen(seen)

    def tick(self, now: float) -> None:
        """Do what is due; once a second."""
        self.speech.tick(now)
        self.occupants.elapse()
        if self._phase is Phase.OUT:
            return
        if self._phase is Phase.REPLAYING and now - self._since > REPLAY:
            self.replay_over()  # unless the archive is still read
        self.ghosts.tick(now)
        self.ping.tick(now)
        self.listener.tick(now)
        if self._strays and now - self._since > STRAY:
            self._take_out_strays()

    def reads_on_later(self) -> None:
        """Learn that the bridge cannot take more: what is said meanwhile stays with the room."""
        self._has_gap = True

    def read_on(self) -> None:
        """Ask for what was left with the room, if anything was: the bridge can take it now."""
        if self._has_gap and self._phase is not Phase.OUT:
            self._has_gap = False
            self.around.spawn(self.listener.read_on())

    def stream_down(self, reason: str) -> None:
        """Be nowhere: there is no stream."""
        self._entering = self._inside = False
        out = Out(cause=Cause.LOST, reason=reason, first_wait=0.1, longest_wait=0.1)
        if self._phase is not Phase.OUT:
            self._close(out)
        self.speech.give_back(reason)
        self.listener.stream_down(out)

    def leave(self) -> None:
        """Take everybody out, ghosts first."""
        self.reader = ""
        self.ghosts.leave_all()
        if self._inside or self._entering:
            address = f"{self.address}/{self.nick}"
            self.around.component.send(stanzas.presence(self.around.listener, address, kind="unavailable"))
        self._entering = self._inside = False
        if self._phase is not Phase.OUT:
            self.listener.unread()
        self._phase = Phase.OUT
        self.around.component.forget()
        self.speech.give_back("the bridge is leaving the room")

    # -- what the hub asks

    def say(self, delivery: Spoken) -> "asyncio.Future[Sent]":
        """Say this in the room."""
        return self.speech.say(delivery)

    def kick(self, kick: Kick, done: "asyncio.Future[Sent]") -> None:
        """Remove an occupant, or ban them."""
        occupant = self.find(kick.person)
        if self._phase is Phase.OUT:
            done.set_exception(Retry("the bridge is not in the room"))
        elif occupant is None:
            done.set_result(Sent())  # not there any more
        else:
            self.rights.kick(kick, occupant, done)

    def trouble(self) -> str:
        """Return what an operator should know about the room, "" when all is well."""
        if self._phase is Phase.OUT:
            return self._out.reason if self._out is not None else ""
        return "" if self._inside else "read by a ghost, since the bridge itself is not in the room"

    def find(self, person: Person) -> Occupant | None:
        """Return an occupant who is this person."""
        return self.occupants.find(person.id) if person.network == XMPP else None

    # -- who is there

    def _refused(self, element: Element, ghost: Ghost | None) -> None:
        refusal = muc.refusal(element)
        if ghost is not None:
            self.ghosts.refused(ghost, refusal, id_=element.get("id", ""))
            self._settle_held()
        elif self._entering and element.get("to") == self.around.listener:
            self.listener.answered(refusal)

    def _observe(self, seen: Sighting) -> None:
        """Take down what the reader sees of an occupant."""
        ghost = self.ghosts.recognise(seen)
        if ghost is not None:
            self.ghosts.copy(ghost, seen)
        elif self.ghosts.unsure(seen):
            self._held[seen.nick] = seen
            return
        ours = ghost is not None or self._is_listener(seen) or self._is_stray(seen)
        if not seen.available:
            self._held.pop(seen.nick, None)
        self._tell(self.occupants.see(seen, ours=ours))
        if not seen.available:
            self.ghosts.nick_freed(seen.nick)

    def _is_listener(self, seen: Sighting) -> bool:
        if seen.jid:
            return seen.jid == self.around.listener
        return seen.nick == self.nick and (self._inside or self._entering)

    def _is_stray(self, seen: Sighting) -> bool:
        """Tell whether this is an address of ours that nobody here knows: a ghost of an earlier run."""
        domain = self.around.component.domain
        bare = seen.jid.partition("/")[0]
        if not bare or not (bare == domain or bare.endswith(f"@{domain}")):
            return False
        if seen.available:
            self._strays[seen.nick] = seen.jid
        else:
            self._strays.pop(seen.nick, None)
        return True

    def _take_out_strays(self) -> None:
        strays, self._strays = self._strays, {}
        for nick, address in strays.items():
            occupant = self.occupants.get(nick)
            if occupant is not None and occupant.jid == address and self.ghosts.at(address) is None:
                self.around.component.send(stanzas.presence(address, f"{self.address}/{nick}", kind="unavailable"))

    def _settle_held(self) -> None:
        """See whether those whom we could not tell from our ghosts are ours."""
        for seen in [seen for seen in self._held.values() if not self.ghosts.unsure(seen)]:
            del self._held[seen.nick]
            self._tell(self.occupants.see(seen, ours=self.ghosts.holding(seen.nick) is not None))

    def _tell(self, changes: Iterable[Change]) -> None:
        if self._phase is Phase.OUT:
            return  # all of them are listed once we are in
        for change in changes:
            origin = self.around.origin(self.room)
            match change:
                case Joined(member=member):
                    self.around.emit(MemberJoined(origin=origin, member=member))
                case Renamed(old=old, member=member):
                    self.around.emit(MemberRenamed(origin=origin, old=old, member=member))
                case Left(member=member, seen=seen):
                    cause = muc.cause(seen.codes)
                    self.around.emit(
                        MemberLeft(origin=origin, member=member, cause=cause, reason=seen.reason, actor=seen.actor)
                    )
                case _:
                    assert_never(change)

    # -- who reads

    def entering(self, nick: str) -> None:
        """Expect the answer to a join under this nick."""
        self.nick = nick
        self._entering = True
        if self._phase is Phase.OUT:
            self.occupants.clear()
            self.hearing.enters()
        self.around.component.forget()

    def entered(self, seen: Sighting) -> None:
        """Read with the listener's eyes from here on: whatever is said next comes to it."""
        if self._inside:
            return
        self.nick = seen.nick
        self.reader = self.around.listener
        self._entering, self._inside = False, True
        self._out = None
        self._since = self.around.clock.monotonic()
        self.around.component.forget()
        self.ping.heard()
        if self._phase is Phase.OUT:
            self._phase = Phase.REPLAYING
            if self.listener.reads_on_inside:
                self.hearing.hold()
            self.around.emit_at_once(RoomOpened(origin=self.around.origin(self.room)))
        members = tuple(self.occupants.members())
        self.around.emit(MembersListed(origin=self.around.origin(self.room), members=members))
        self.hearing.replay_early()
        self.around.changed()
        self.ghosts.opened()
        self.speech.pump()

    def shut_out(self, out: Out) -> None:
        """Learn that the listener did not get in, and what comes of it."""
        self._entering = False
        before, self._out = self._out, out
        self.hearing.replay_early()
        if self._phase is not Phase.OUT:
            return  # a ghost reads on
        if before is None or (before.cause, before.final) != (out.cause, out.final):
            self._tell_closed(out)
        if out.final:
            self.speech.refuse_all(f"the bridge is not in the room: {out.reason}")

    def lost(self) -> None:
        """Learn that the room does not know its reader any more."""
        ghost = self.ghosts.at(self.reader)
        if ghost is not None:
            self.ghosts.dropped_silently(ghost)
        elif self._phase is not Phase.OUT:
            out = Out(cause=Cause.LOST, reason="the room does not know the bridge any more")
            self._lose_listener(out, heirs=False)

    def _listener_seen(self, seen: Sighting) -> None:
        if not seen.available:
            if muc.RENAMED in seen.codes and seen.new_nick:
                self.nick = seen.new_nick
            elif self._inside and seen.nick == self.nick:
                self._thrown_out(seen)
            return
        self.rights.seen(seen)
        if self._entering:
            self.entered(seen)
            self.listener.answered(seen)
        self.pardons.settle()

    def _thrown_out(self, seen: Sighting) -> None:
        cause = muc.cause(seen.codes)
        behind = f": {seen.reason}" if seen.reason else ""
        if seen.destroyed is not None:
            out = Out(cause=Cause.LOST, reason=_destroyed(seen.destroyed), final=True, forgiven=False)
        elif cause is Cause.BANNED:
            out = Out(cause=cause, reason=f"the bridge was banned{behind}", final=True)
        elif cause is Cause.KICKED:
            out = self.listener.after_kick(seen.reason)
        else:
            out = Out(cause=Cause.LOST, reason=f"the room has let the bridge go{behind}")
        gone_with_the_room = seen.destroyed is not None or bool(seen.codes & {muc.SHUTDOWN, muc.TECHNICAL})
        self._lose_listener(out, heirs=not gone_with_the_room)

    def _lose_listener(self, out: Out, *, heirs: bool) -> None:
        """Let a ghost read on, or close the room."""
        self._inside = False
        self._out = out
        heir = next(self.ghosts.present(), None) if heirs else None
        if heir is None:
            self._close(out)
        else:
            self._read_by(heir)
            self.around.alarm(self.room, f"{out.reason}; a ghost reads on in its place")
        self.listener.out(out)

    def _read_by(self, ghost: Ghost) -> None:
        self.reader = ghost.address
        self.around.component.forget()
        self.around.changed()

    def _close(self, out: Out) -> None:
        """Nobody reads the room any more."""
        self.listener.unread()
        self._phase = Phase.OUT
        self._out = out
        self.reader = ""
        self._has_gap = False
        self.hearing.forget_held()
        self._held.clear()
        self._strays.clear()
        self.occupants.clear()
        self.ghosts.reset()
        self.around.component.forget()
        self._tell_closed(out)
        if out.final:
            self.speech.refuse_all(f"the bridge is not in the room: {out.reason}")
        else:
            self.speech.give_back(out.reason)

    def _tell_closed(self, out: Out) -> None:
        origin = self.around.origin(self.room)
        self.around.emit(RoomClosed(origin=origin, cause=out.cause, reason=out.reason, final=out.final))
        self.around.changed()
        if out.final or out.cause in (Cause.KICKED, Cause.REFUSED):
            self.around.alarm(self.room, out.reason)

    # -- what the parts ask

    @property
    def replayed_up_to(self) -> int | None:
        """What the archive has said, in the room's time."""
        return self.hearing.replayed_up_to

    def replay(self, element: Element, *, at: int, archived: str) -> None:
        """Take a message out of the archive."""
        self.hearing.replay(element, at=at, archived=archived)

    def begun(self, at: int) -> None:
        """Learn when the bridge has come into the room for the first time."""
        self.hearing.begun = at - at % 1000  # stamps are whole seconds

    def replaying(self) -> bool:
        """Whether the room still sends history."""
        return self._phase is Phase.REPLAYING

    def just_entered(self) -> bool:
        """Whether the reader came in so recently that a stamp may be the room's."""
        return self._phase is Phase.REPLAYING or self.around.clock.monotonic() - self._since < REPLAY

    def replay_over(self) -> None:
        """Be done with the history: now it is known which of our words the room has."""
        if self._phase is Phase.REPLAYING and not self.hearing.holding:
            self._phase = Phase.IN
            self.speech.pump()

    def reconfigured(self) -> None:
        """Learn that the room has another configuration."""
        self.around.spawn(self.listener.ask())

    def open(self) -> bool:
        """Whether the reader is in the room."""
        return self._phase is not Phase.OUT

    def speaking(self) -> bool:
        """Whether the reader is in the room and has read the history that it was sent."""
        return self._phase is _IN

    def shut(self) -> str:
        """Return why nobody will get into the room any more, "" if that may still be."""
        if self._out is not None and self._phase is Phase.OUT and self._out.final:
            return f"the bridge is not in the room: {self._out.reason}"
        return ""

    def voice(self) -> str | None:
        """Return the listener's address while it is in the room itself."""
        return self.around.listener if self._inside else None

    def know(self, features: frozenset[str]) -> None:
        """Learn what the room announces in disco#info."""
        self._features = features
        self.hearing.know(features)

    def has(self, feature: str) -> bool:
        """Whether the room announces this."""
        return feature in self._features

    def topic_known(self, known: str | None) -> None:
        """Learn by its digest which topic was known last."""
        self.hearing.topic_known(known)

    def nicks_known(self, known: str | None) -> None:
        """Learn whose nicks were whose when the bridge was here last."""
        self.ghosts.nicks_known(known)

    def stable_ids(self) -> bool:
        """Whether the room gives stanza-ids (XEP-0359)."""
        return self.hearing.stable_ids

    def unsure_since(self) -> int | None:
        """Return when the oldest of our words was written that the room may or may not have."""
        return self.speech.since()

    def heard_up_to(self) -> str:
        """Return the room's own id of the last message that was taken, "" where there is none."""
        return self.hearing.up_to

    def history_reaches(self, cursor: Cursor | None) -> bool:
        """Tell whether the history that the room has told goes back to something that the bridge has."""
        return self.hearing.history_reaches(cursor)

    def release(self) -> bool:
        """Go on with what was held while the archive was read; False if the archive has more of it."""
        return self.hearing.release()

    def is_ours(self, nick: str) -> bool:
        """Whether the listener or a ghost has this nick."""
        occupant = self.occupants.get(nick)
        if occupant is not None:
            return occupant.ours
        return (self._inside and nick == self.nick) or self.ghosts.holding(nick) is not None

    def occupied(self, key: str, by: str) -> bool:
        """Whether somebody other than our address ``by`` has a nick with this key."""
        holder = self.occupants.holder(key)
        if holder is None or holder.jid == by:
            return False
        # a ghost that an earlier run has left behind gives way to its successor
        return bool(holder.jid) or holder.bridge != self.around.instance

    def ghost_entered(self, nick: str) -> None:
        """Learn that a ghost has this nick, and can speak; whoever was taken for its owner is nobody."""
        self._tell(self.occupants.claim(nick))
        self.speech.pump()

    def ghost_gone(self, ghost: Ghost, nick: str) -> None:
        """Learn that a ghost can speak no more; if it was the reader, another one is."""
        if nick:
            self.occupants.forget(nick)
        if self.reader == ghost.address:
            heir = next(self.ghosts.present(), None)
            if heir is not None:
                self._read_by(heir)
            else:
                self._close(self._out or Out(cause=Cause.LOST, reason="the last ghost has left"))
        self.speech.pump()

    def administers(self) -> bool:
        """Whether the listener may change affiliations."""
        return self.rights.administers()

    def has_banned(self, bare: str) -> None:
        """Learn that the bridge has banned an address."""
        self.pardons.has_banned(bare)

    def ghost_banned(self, ghost: Ghost) -> None:
        """Learn that the room has banned a ghost."""
        self.pardons.banned(ghost.address.partition("/")[0])

    def admit(self, ghost: Ghost) -> bool:
        """Try to make a ghost a member of a members-only room; False if the listener may not."""
        return self.rights.admit(ghost)

    def moderate(self, retract: Retract, done: "asyncio.Future[Sent]") -> bool:
        """Try to remove a message as a moderator; False if the listener or the room cannot."""
        return self.rights.take_back(retract, done)

    def suspect(self) -> None:
        """Doubt that the room still knows us."""
        self.ping.ask()

    def read_by_another(self) -> bool:
        """Whether a ghost reads the room while the listener is on its way in."""
        return self._phase is not Phase.OUT

    def reader_seat(self) -> tuple[str, str] | None:
        """Return the address and the nick of who reads the room, None if nobody does."""
        if self._phase is Phase.OUT:
            return None
        ghost = self.ghosts.at(self.reader)
        if ghost is None:
            return self.reader, self.nick
        return (ghost.address, ghost.nick) if ghost.stage is Stage.PRESENT else None

    def seat_of(self, person: Person) -> str:
        """Return the occupant JID of somebody who is in the room themselves, "" where they are not."""
        occupant = self.find(person) if person.network == XMPP else None
        return f"{self.address}/{occupant.nick}" if occupant is not None else ""

    def occupant_of(self, reply: Reply) -> str:
        """Return the occupant JID of whom a reply answers, "" where unknown."""
        if reply.person is None:
            return ""
        ghost = self.ghosts.get(reply.person)
        if ghost is not None:
            return f"{self.address}/{ghost.nick}" if ghost.stage is Stage.PRESENT else ""
        occupant = self.find(reply.person)
        return f"{self.address}/{occupant.nick}" if occupant is not None else ""


def _destroyed(destroyed: Destroyed) -> str:
    words = "the room was destroyed"
    if destroyed.reason:
        words += f": {destroyed.reason}"
    return f"{words}; its people are asked to go to {destroyed.venue}" if destroyed.venue else words
