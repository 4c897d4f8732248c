"""The pool of puppets: one connection for each person, however many channels they are wished to be in.

A puppet that loses its connection comes back by itself, within the network's budget (``connects``); one that was killed
or banned from the network does not. Nothing here runs by a clock while nothing happens.

Not here: the channels of a puppet (``wishes``), what it says (``sending``), how it gets its nick back (``seeking``), and
how it reads in the listener's place (``deputies``).
"""

import asyncio
import math
import re
from collections.abc import Callable, Iterator
from functools import partial

from bridge.connector import Session, Status
from bridge.core.capabilities import Limit, Unit
from bridge.core.events import Barrier, Member, Show
from bridge.core.ids import Person, PersonId, RoomId
from bridge.core.profiles import Question
from bridge.core.splitting import clip
from connectors.irc.connection.appearance import username, webirc
from connectors.irc.connection.capabilities import BOUNCERS, NONE
from connectors.irc.connection.client import Connection, Failure, Identity, Kind, Line
from connectors.irc.connection.connects import MEMBER, SPEAKER, Lives
from connectors.irc.connection.marks import MARKER
from connectors.irc.connection.overhearing import ENDS
from connectors.irc.people.remarks import Remarks, is_from_network
from connectors.irc.people.sightings import TOLD, Sightings
from connectors.irc.puppets.naming import Naming, rules_of
from connectors.irc.puppets.preferences import Preferences
from connectors.irc.puppets.seeking import Seeker
from connectors.irc.puppets.wishes import Wishes
from connectors.irc.reading.absence import Absence
from connectors.irc.reading.deputies import Deputies
from connectors.irc.reading.places import Place
from connectors.irc.scene import Scene, command
from connectors.irc.speaking import outbound

_REALNAME = 48
"""Bytes of a real name that every server keeps."""
_KILLED = re.compile(r"\bkilled\b", re.IGNORECASE)
_OVER_A_NICK = re.compile(r"collision|ghost|regain|recover|overridden", re.IGNORECASE)
"""Kills that are about the nick, and not about who had it."""
_STALE = 90.0
"""Seconds for which a nick that a puppet gave up is still taken for its."""
_NOT_THERE = frozenset({Kind.NETWORK, Kind.TLS})
"""Failures to reach a server at all."""
_SAID = frozenset({"PRIVMSG", "NOTICE"})
_ADDRESSED = 200
"""Nicks that are remembered as somebody who was written to."""
_AWAY = {Show.AWAY: "away", Show.DND: "busy"}
"""What is said for somebody who gives no words of their own."""


class Puppet:
    """The stand-in of one person."""

    def __init__(self, member: Member, pool: "Pool", scene: Scene) -> None:
        self.member = member
        self.connection: Connection | None = None
        self.spoke = 0.0
        self.farewell = ""  # why it left its last channel: said again when it quits
        self.trouble = ""  # why it is not connected, in words
        self.wishes = Wishes(member.person, self, scene)
        self._pool = pool
        self._scene = scene
        self._away: str | None = None  # as the server knows it
        self._linger: asyncio.TimerHandle | None = None
        self._talked = -math.inf  # when somebody talked through it in private
        self._lives = Lives()
        self._session = Session(status=Status.CONNECTING, own=member.session)
        self._addressed = NONE  # folded nicks to whom this person has written
        self.remarks = Remarks(self._remark, scene.time)
        rules = rules_of(scene.view.isupport.nicklen, scene.view.fold)
        own = scene.preferences(member.person).nick
        template = "{nick}" if member.session or own else scene.puppets.nick
        naming = Naming(own or member.name, person=member.person, template=template, rules=rules)
        self.seeker = Seeker(naming, pool.contested)

    @property
    def rank(self) -> int:
        """SPEAKER while something is to be said."""
        return SPEAKER if any(wish.awaited for wish in self.wishes) else MEMBER

    @property
    def is_asking(self) -> bool:
        """Whether the person has just written a line of IRC of their own, and is told all that the server says."""
        return self.remarks.are_expected

    def show(self, member: Member, *, anew: bool = True) -> None:
        """Follow a change of the person: name, presence; ``anew`` is false where they only come into one more channel.

        There the name is no wish of somebody who has chosen a nick for the whole network.
        """
        before, self.member = self.member, member
        if member.name != before.name and (anew or not self._scene.preferences(member.person).nick):
            self.seeker.call(member.name)
        self._set_away()

    def adapt(self, before: Preferences) -> None:
        """Follow what the person has chosen, as far as a connection can without being made anew."""
        now, connection = self._scene.preferences(self.member.person), self.connection
        if now.nick != before.nick:
            template = "{nick}" if self.member.session or now.nick else self._scene.puppets.nick
            self.seeker.naming.template = template
            self.seeker.call(now.nick or self.member.name)
        if connection is None:
            return
        connection.writes = now.encoding or self._scene.settings.encoding_out
        connection.encoding = now.encoding or self._scene.settings.encoding
        if now.realname != before.realname and "setname" in connection.offered:
            command(connection, "SETNAME", realname(self.member, self._scene.settings.puppet_realname, now.realname))

    def reconnect(self) -> bool:
        """Leave and come back, as another connection; False where there is none."""
        connection = self.connection
        if connection is None:
            return False
        self._stay()
        self.connection = None
        self._pool.unnamed(connection.nick)
        self.seeker.down()
        self._wake()
        self.wishes.disconnected("reconnecting, as they wished")
        self._scene.spawn(self._come_back(connection))
        return True

    async def _come_back(self, connection: Connection) -> None:
        await connection.quit(self._scene.settings.quit_message)
        if self.wishes:
            self.connect()
        else:
            self._pool.forget(self)

    def join(self, place: Place) -> None:
        """Be in a channel."""
        if self.wishes.add(place):
            self._stay()
            self.wishes.enter()
            self.connect()

    def connect(self) -> None:
        """Be connected, when it is our turn."""
        if self.connection is None:
            self._scene.connects.want(self)

    def disconnect(self) -> None:
        """Say good-bye, and be forgotten."""
        self._stay()
        connection, self.connection = self.connection, None
        self.seeker.down()
        self._pool.unseen(connection)
        self._tell(Status.DOWN)
        self._scene.connects.drop(self)
        self._pool.forget(self)
        if connection is not None:
            self._pool.unnamed(connection.nick)
            self._scene.spawn(connection.quit(self.farewell or self._scene.settings.quit_message))

    def end(self) -> None:
        """Tell the person that they are not on the network any more: the run ends."""
        self._tell(Status.DOWN, "the bridge has left the network")

    def stop(self) -> Connection | None:
        """Do nothing more; returns the connection, for whoever says good-bye."""
        self._stay()
        self.wishes.stop()
        self.seeker.down()
        connection, self.connection = self.connection, None
        return connection

    # what the connects ask

    def dial(self) -> Connection:
        """Return a new connection, under the best nick that may be free."""
        scene = self._scene
        self._tell(Status.CONNECTING, self.trouble)
        self.seeker.naming.adapt(rules_of(scene.view.isupport.nicklen, scene.view.fold))
        person = self.member.person
        own, ident = scene.preferences(person), username(scene.setup, self.member)
        identity = Identity(
            nicks=self.seeker.naming.first(scene.time()),
            username=own.username or ident,
            ident=ident,
            realname=realname(self.member, scene.settings.puppet_realname, own.realname),
            sasl=scene.logins.sasl(person),
            webirc=webirc(scene.setup, person),
            nickserv=scene.logins.nickserv(person),
            deaf=scene.settings.deaf and not self._pool.deputies.claim(self),
            perform=(*scene.settings.puppet_perform, *own.commands),
        )
        return scene.dial(self, identity, person)

    def refused(self, failure: Failure) -> None:
        """Give up every wish: the network does not want this person, or none of us."""
        self.trouble = failure.reason
        self._tell(Status.DOWN, failure.reason)
        reason = f"no connection to {self._scene.network}: {failure.reason}"
        barrier = Barrier.UNREACHABLE if failure.kind in _NOT_THERE else Barrier.OTHER
        self.wishes.abandon(reason, barrier)
        self._wake()

    def waits(self, failure: Failure) -> None:
        """Take note why there is no connection yet; a server that a user has named, and that is not there, is not waited for."""
        if self._scene.setup.reach is not None and failure.kind in _NOT_THERE and not self._lives.any:
            self._scene.connects.drop(self)
            self.refused(failure)
            self._pool.forget(self)
            return
        self.trouble = failure.reason
        self._tell(Status.CONNECTING, failure.reason)
        self._wake()
        self._pool.changed()

    def dropped(self) -> None:
        """Be forgotten: there is neither a connection nor a wish for one."""
        self._pool.forget(self)

    # what the connection tells

    def up(self, connection: Connection) -> None:
        """Begin: enter every channel."""
        self.connection = connection
        self._lives.began(self._scene.time())
        self._scene.learn(connection)
        self._look_at_login(connection)
        if self.trouble:
            self._pool.changed()
        self.trouble, self._away = "", None
        self._pool.named(self, connection.nick)
        self._tell(Status.READY, name=connection.nick)
        self._pool.seen(connection)
        self.seeker.up(connection)
        self._set_away()
        self.wishes.enter()
        self._wake()
        self.idle()

    def _look_at_login(self, connection: Connection) -> None:
        """Tell the person where an account that was good is not any more."""
        account = self._scene.logins.of(self.member.person)
        if account is not None and account.sasl and not connection.account:
            self._scene.hub.login_trouble(self.member.person, "the network did not accept it this time")

    def identify(self) -> None:
        """Log in over the connection that there is; the next one will by itself."""
        words = self._scene.logins.nickserv(self.member.person)
        if self.connection is not None and words:
            command(self.connection, "PRIVMSG", "NickServ", f"IDENTIFY {words}")

    def down(self, connection: Connection, failure: Failure) -> None:
        """Come back later, unless somebody does not want us to."""
        self.connection = None
        self._pool.unnamed(connection.nick)
        self._pool.unseen(connection)
        self._remark(f"The connection was closed: {failure.reason}")
        self.seeker.down()
        self._stay()
        self._wake()
        if failure.permanent or _is_kill(failure.reason):
            self.wishes.abandon(f"removed from {self._scene.network}: {failure.reason}")
        else:
            self.wishes.disconnected(failure.reason)
        if self.wishes:
            self.trouble = failure.reason
            self._tell(Status.CONNECTING, failure.reason)
            self._scene.connects.again(self, failure, attempts=self._lives.ended(self._scene.time()))
        else:
            self._tell(Status.DOWN, failure.reason)
            self._pool.forget(self)

    def nick(self, connection: Connection, old: str, new: str) -> None:  # noqa: ARG002 - as Owner says
        """Follow our own nick, whoever changed it."""
        self._pool.named(self, new, old=old)
        self._tell(Status.READY, name=new)
        self.seeker.nick(new)
        self.wishes.renamed(old)

    def line(self, connection: Connection, line: Line) -> None:
        """Take what the server tells this puppet."""
        if line.command in ENDS and self._scene.overhearing.line(connection, line):
            return
        if line.command in TOLD and self._pool.sees(connection, line):
            return
        if line.command == "301":
            self._scene.emit(self._scene.inbound.attendance.away_words(line, self._scene.now()))
        if line.command not in _SAID:
            self.seeker.line(line)
            self.wishes.line(connection, line)
            self._pool.deputies.line(self, line)
            self._pool.sees(connection, line)
            self.remarks.line(line)
            return
        fold = connection.isupport.fold
        if fold(line.param(0)) == fold(connection.nick):
            self._told(connection, line)
        elif line.param(0).startswith("$"):
            self.remarks.notice(line)
        elif self._is_own_copy(connection, line):
            self._copied(connection, line)
        else:
            self._pool.deputies.line(self, line)

    def _is_own_copy(self, connection: Connection, line: Line) -> bool:
        """Tell whether a bouncer passes on what another client of this person has said."""
        is_ours = connection.isupport.fold(line.nick) == connection.isupport.fold(connection.nick)
        return is_ours and not connection.answers and not BOUNCERS.isdisjoint(connection.caps)

    def _copied(self, connection: Connection, line: Line) -> None:
        """Tell what the person has said by another client: in private, or just now in a channel; history is another matter."""
        scene, now = self._scene, self._scene.now()
        if not connection.isupport.is_channel(line.param(0).lstrip(connection.isupport.statusmsg)):
            event = scene.inbound.copied(line, self.member.person, now)
            scene.emit([event] if event is not None else [])
        elif "batch" in line.tags:
            self._pool.deputies.line(self, line)
        else:
            said = scene.inbound.own(line, self.member, now)
            scene.emit([said] if said is not None else [])

    # what the wishes tell

    def entered(self, place: Place) -> None:
        """Speak, and if need be listen, in one more channel."""
        self._pool.deputies.offer(self, place)

    def gone(self, place: Place) -> None:
        """Speak and listen in one channel less."""
        self._pool.deputies.dismiss(self, place)

    def turned_away(self, place: Place, numeric: str) -> None:
        """Ask the listener for help where it may have the right to give it."""
        if numeric == "473" and self.connection is not None:
            self._pool.invite(self.connection.nick, place)

    def changed(self, place: Place) -> None:
        """Let what waits to be said in a channel look again."""
        self._pool.wake(place.id)

    def idle(self) -> None:
        """Disconnect soon, if there is nothing to be connected for."""
        if self.wishes:
            return
        if self.connection is None:
            if not self._scene.connects.drop(self):
                self._pool.forget(self)
        elif self._linger is None:
            left = self._talked + self._scene.pace.talk - self._scene.time()
            self._linger = self._scene.later(max(left, self._scene.pace.linger), self.disconnect)

    def talks(self) -> None:
        """Be connected, and a while longer: somebody talks through this puppet in private, or is talked to."""
        self._talked = self._scene.time()
        self._stay()
        if self.connection is not None:
            self.idle()
        else:
            self.connect()

    def _wake(self) -> None:
        for wish in self.wishes:
            self._pool.wake(wish.place.id)
        self._pool.wake(None)

    def _stay(self) -> None:
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None

    def _set_away(self) -> None:
        """Be away as the person is."""
        presence, connection = self.member.presence, self.connection
        words = outbound.one_line(presence.status) or _AWAY.get(presence.show, "")
        words = "" if presence.show is Show.AVAILABLE else words
        if connection is None or words == (self._away or ""):
            return
        self._away = words
        limit = connection.isupport.awaylen
        words = clip(words, limit=Limit(limit, Unit.BYTES)) if limit else words
        command(connection, "AWAY", *([words] if words else []))

    def session(self) -> Session:
        """Return how the connection is."""
        return self._session

    def _tell(self, status: Status, detail: str = "", *, name: str = "") -> None:
        """Tell the person how their connection is, if that is news."""
        before = self._session
        since = before.since if status is before.status else self._scene.now()
        now = Session(status=status, detail=detail, name=name, since=since, own=self.member.session)
        if now != before:
            self._session = now
            if not self._scene.is_closed:
                self._scene.hub.session_is(self.member.person, now)

    def _remark(self, words: str) -> None:
        if not self._scene.is_closed:
            self._scene.hub.server_said(self.member.person, words)

    def addresses(self, nick: str) -> None:
        """Take note that the person writes to somebody: what they answer belongs there, also if they are a service."""
        if len(self._addressed) < _ADDRESSED:
            self._addressed |= {self._scene.view.fold(nick)}

    async def _ask(self, question: Question, by: str) -> str:
        asking = Person(self._scene.network, PersonId(self._scene.view.fold(by)))
        return await self._scene.hub.ask(self.member.person, question, by=asking)

    def _told(self, connection: Connection, line: Line) -> None:
        scene = self._scene
        if self._pool.answered(connection, line):
            return
        if scene.manners.answer(connection, line, partial(self._ask, by=line.nick), self.member.name):
            return
        if line.command == "NOTICE" and is_from_network(line) and scene.view.fold(line.nick) not in self._addressed:
            self.remarks.notice(line)
            return
        event = scene.inbound.direct(line, self.member.person, scene.now())
        if event is not None and not self.wishes:
            self.talks()
        if event is not None:
            scene.emit([event])


class Pool:
    """All puppets of a network."""

    def __init__(
        self,
        scene: Scene,
        absence: Absence,
        sightings: Sightings,
        *,
        wake: Callable[[RoomId | None], None],
        changed: Callable[[], None],
        invite: Callable[[str, Place], None],
        watch: Callable[[frozenset[str]], None],
    ) -> None:
        """``wake`` is called when something has changed for who speaks in a room (None: in private).

        ``changed``: what is to be reported of the network may have. ``invite`` asks the listener to let a nick into a channel, ``watch`` to
        tell when one of these folded nicks is free.
        """
        self.deputies = Deputies(scene, absence, others=lambda: self, changed=changed)
        self.answered: Callable[[Connection, Line], bool] = lambda _, __: False
        """Takes what is said to a puppet in answer to a question of its person's (``questions``)."""
        self.wake = wake
        self.changed = changed
        self.sightings = sightings
        self.invite = invite
        self._watch = watch
        self._scene = scene
        self._puppets: dict[Person, Puppet] = {}
        self._owned = Owned(scene.time)
        self._wanted: frozenset[str] = frozenset()  # folded nicks that somebody else has and a puppet should have
        self._contest: asyncio.Handle | None = None
        self.contested = self.contest  # one bound method for all puppets

    def __iter__(self) -> Iterator[Puppet]:
        """Yield every puppet."""
        return iter(list(self._puppets.values()))

    def get(self, person: Person) -> Puppet | None:
        """Return somebody's puppet."""
        return self._puppets.get(person)

    def join(self, place: Place, member: Member) -> None:
        """Show a member in a channel, or what has changed of them."""
        puppet = self._made(member)
        puppet.show(member, anew=puppet.wishes.get(place.id) is not None)
        puppet.join(place)

    def leave(self, room: RoomId, person: Person, reason: str) -> None:
        """Show somebody in a channel no more."""
        puppet = self._puppets.get(person)
        if puppet is not None:
            puppet.farewell = outbound.one_line(reason)
            puppet.wishes.withdraw(room, reason)

    def rename(self, place: Place, old: Person, member: Member) -> None:
        """Have one person's puppet be another's."""
        puppet = self._puppets.get(old)
        if puppet is None or member.person in self._puppets:
            self.leave(place.id, old, "")
        else:
            del self._puppets[old]
            self._puppets[member.person] = puppet
            puppet.wishes.person = member.person
            if puppet.connection is not None:
                self._owned.take(self._scene.view.fold(puppet.connection.nick), member.person)
        self.join(place, member)

    def attended(self) -> set[RoomId]:
        """Return the rooms in which somebody is who is not away."""
        here = (puppet for puppet in self._puppets.values() if puppet.member.presence.show is not Show.AWAY)
        return {wish.place.id for puppet in here for wish in puppet.wishes}

    def clear(self, room: RoomId) -> None:
        """Show nobody in a channel any more."""
        for puppet in self:
            puppet.wishes.withdraw(room, "", at_once=True)

    def summon(self, member: Member) -> Puppet:
        """Return a puppet to talk through in private; it comes without a channel if need be, and goes soon after."""
        puppet = self._made(member)
        puppet.talks()
        return puppet

    # who is there, where no listener looks out for that

    def seen(self, connection: Connection) -> None:
        """Look out for people over a connection, if need be."""
        if not self._scene.settings.listener:
            self.sightings.up(connection)

    def unseen(self, connection: Connection | None) -> None:
        """Look out for people over a connection no more."""
        if not self._scene.settings.listener:
            others = (puppet.connection for puppet in self if puppet.connection is not None)
            self.sightings.down(connection, others)

    def sees(self, connection: Connection, line: Line) -> bool:
        """Pass on what a connection sees of people; False for an answer, where it is the listener who asks."""
        if self._scene.settings.listener and line.command in TOLD:
            return False
        self.sightings.line(connection, line)
        return True

    def enter(self) -> None:
        """Enter the channels of which it is decided now whether the listener is in."""
        for puppet in self:
            puppet.wishes.enter()

    def forget(self, puppet: Puppet) -> None:
        """Have no puppet for somebody any more."""
        if puppet.connection is None and self._puppets.get(puppet.member.person) is puppet:
            del self._puppets[puppet.member.person]
            self.contest()

    # nicks

    def person(self, nick: str) -> Person | None:
        """Return whose puppet has (or had until a moment ago) a folded nick."""
        return self._owned.person(nick)

    def named(self, puppet: Puppet, nick: str, *, old: str = "") -> None:
        """Take note of a puppet's nick; the channels may have taken it for a stranger's."""
        fold, user = self._scene.view.fold, self._scene.view.user(nick)
        if old:
            self._owned.give_up(fold(old))
        if old and user is not None and user.ours:
            self._owned.forget(fold(old))  # the listener has seen the change already
        self._owned.take(fold(nick), puppet.member.person)
        self._scene.emit(self._scene.inbound.attendance.claim(nick, self._scene.now()))

    def unnamed(self, nick: str) -> None:
        """Take note that a puppet has a nick no more; the network may not know it yet."""
        self._owned.give_up(self._scene.view.fold(nick))

    def freed(self, nick: str) -> None:
        """Take note that nobody has a nick any more; the first who wants it gets it."""
        folded = self._scene.view.fold(nick)
        self._owned.forget(folded)
        if folded not in self._wanted:
            return
        for puppet in self:
            if folded in map(self._scene.view.fold, puppet.seeker.naming.better()):
                puppet.seeker.freed(nick)

    def contest(self) -> None:
        """Find out anew which nicks we would like to have; once, however many puppets say so in one turn."""
        if self._contest is None:
            self._contest = self._scene.loop.call_soon(self._find_wanted)

    def _find_wanted(self) -> None:
        self._contest = None
        fold = self._scene.view.fold
        up = (puppet.seeker.naming for puppet in self._puppets.values() if puppet.connection is not None)
        wanted = frozenset(fold(nick) for naming in up for nick in naming.better())
        if wanted != self._wanted:
            self._wanted = wanted
            self._watch(wanted)

    def _made(self, member: Member) -> Puppet:
        puppet = self._puppets.get(member.person)
        if puppet is None:
            puppet = self._puppets[member.person] = Puppet(member, self, self._scene)
        return puppet


class Owned:
    """Which nicks are puppets'. One that was given up stays so for a while: the listener may still hear from it."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._nicks: dict[str, Person] = {}
        self._given_up: dict[str, float] = {}

    def person(self, nick: str) -> Person | None:
        """Return whose puppet has a folded nick."""
        if nick in self._given_up and self._now() - self._given_up[nick] > _STALE:
            self.forget(nick)
        return self._nicks.get(nick)

    def take(self, nick: str, person: Person) -> None:
        """Take note that a puppet has a nick."""
        self._nicks[nick] = person
        self._given_up.pop(nick, None)

    def give_up(self, nick: str) -> None:
        """Take note that a puppet has a nick no more."""
        if nick in self._nicks:
            self._given_up[nick] = self._now()

    def forget(self, nick: str) -> None:
        """Take note that the network has seen a nick go."""
        if self._given_up.pop(nick, None) is not None:
            self._nicks.pop(nick, None)


def realname(member: Member, template: str, own: str = "") -> str:
    """Return a real name that says whose puppet this is, and ends with the mark by which bridges know each other.

    A session has no such mark: its person is on IRC, and nowhere else. ``own`` is what the person has chosen, and no template.
    """
    if member.session:
        return own or clip(outbound.speakable(member.name), limit=Limit(_REALNAME, Unit.BYTES))
    if own:
        return f"{own} {MARKER}"
    room = _REALNAME - len(MARKER) - 1
    words = (template or "{name}").replace("{name}", member.name).replace("{address}", member.account or member.name)
    who = clip(outbound.speakable(words), limit=Limit(room, Unit.BYTES))
    return f"{who} {MARKER}".strip()


def _is_kill(reason: str) -> bool:
    return _KILLED.search(reason) is not None and _OVER_A_NICK.search(reason) is None
