"""The IRC connector: what the bridge holds. It passes wishes and orders on to the parts of the present run.

A run is made of a :class:`~connectors.irc.scene.Scene`, the listener, the pool of puppets and the sender, put together here
and thrown away with the run. What the bridge wishes between two runs waits for the next.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from bridge.connector import Finding, Hub, Listed, Login, LoginForm, Secret, Session, Setup, Wire
from bridge.core.acts import Act, ActRefused, Configuration, Obstacle, Roll
from bridge.core.capabilities import Capabilities, Feature, Limit, Representation, Support, Unit
from bridge.core.commands import Field, Values
from bridge.core.deliveries import Delivery, Sent
from bridge.core.events import Member
from bridge.core.failures import Retry
from bridge.core.ids import Person, PersonId, RoomId
from bridge.core.profiles import Profile, Question, Wanted
from connectors.irc.checking import check
from connectors.irc.connection import appearance
from connectors.irc.connection.client import Connection
from connectors.irc.connection.idents import Idents
from connectors.irc.connection.isupport import Isupport
from connectors.irc.connection.pace import Pace
from connectors.irc.connection.sts import Policies
from connectors.irc.people import raw
from connectors.irc.people.acquaintance import Acquaintance
from connectors.irc.people.inquiring import Inquiring
from connectors.irc.people.looking import Looks
from connectors.irc.people.moderation import Moderation
from connectors.irc.people.questions import Questions
from connectors.irc.people.sightings import Sightings
from connectors.irc.puppets import preferences
from connectors.irc.puppets.logins import FORM, Logins
from connectors.irc.puppets.naming import rules_of
from connectors.irc.puppets.pool import Pool
from connectors.irc.puppets.preferences import USUAL, Preferences
from connectors.irc.reading.absence import Absence
from connectors.irc.reading.listener import Listener
from connectors.irc.reading.places import Place, Places, Step
from connectors.irc.scene import Scene, command
from connectors.irc.speaking.sending import Sender
from connectors.irc.speaking.voices import Voices

CAPABILITIES = Capabilities(
    representation=Representation.SESSION,
    text=Limit(400, Unit.BYTES),
    features={
        Feature.FORMATTING: Support.NATIVE,
        Feature.MULTILINE: Support.FALLBACK,
        Feature.ACTION: Support.NATIVE,
        Feature.NOTICE: Support.NATIVE,
        Feature.EDIT: Support.FALLBACK,
        Feature.RETRACT: Support.FALLBACK,
        Feature.REACT: Support.FALLBACK,
        Feature.REPLY: Support.FALLBACK,
        Feature.THREAD: Support.DROPPED,
        Feature.MENTION: Support.FALLBACK,
        Feature.ATTACHMENT: Support.FALLBACK,
        Feature.TOPIC: Support.NATIVE,
        Feature.KICK: Support.NATIVE,
        Feature.DIRECT: Support.NATIVE,
        Feature.PRESENCE: Support.NATIVE,
        Feature.TYPING: Support.NATIVE,
        Feature.AVATAR: Support.DROPPED,
    },
    forms={
        Feature.FORMATTING: "mIRC codes",
        Feature.MULTILINE: "a line each; of a very long text a page",
        Feature.EDIT: "a line that says what changed",
        Feature.RETRACT: "removed where the network can, else told",
        Feature.REACT: "a client tag, or words (`reactions`)",
        Feature.REPLY: "the name, a quote of what is long ago, a client tag",
        Feature.MENTION: "the nick, which highlights by itself",
        Feature.ATTACHMENT: "name, size and URL",
        Feature.TYPING: "a client tag",
    },
    pipeline=32,
)
"""The same for every network: what some servers lack (reactions, redaction, typing) is left out there."""


class _Run(NamedTuple):
    """The parts of one run."""

    scene: Scene
    absence: Absence
    pool: Pool
    listener: Listener
    voices: Voices
    sender: Sender
    moderation: Moderation
    inquiring: Inquiring
    acquaintance: Acquaintance
    questions: Questions
    sightings: Sightings
    looks: Looks


class IrcConnector:
    """One IRC network: Connector, Listens, Attends, Moderates, Lists, LogsIn, Adapts, Joins, Renames, Types, Identifies, Checks, Pictures.

    And all about people: Informs, Asks, Sights, Sessions.
    """

    def __init__(self, setup: Setup, *, pace: Pace | None = None) -> None:
        self._setup = setup
        self._pace = pace or Pace()
        self._places = Places()
        self._preferences: dict[Person, Preferences] = {}
        self._policies = Policies()
        self._logins = Logins(setup, self._preferences, self._policies)
        self._idents = Idents()
        self._run: _Run | None = None
        self._early: list[Callable[[_Run], None]] = []  # wishes for the next run
        self._sighted: set[PersonId] = set()  # whom to look out for

    @property
    def capabilities(self) -> Capabilities:
        """What the network can carry."""
        return CAPABILITIES

    async def run(self, hub: Hub) -> None:
        """Be connected until cancelled; then everybody quits."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._run = run = _compose(
                    self._setup, hub, self._pace, self._places, tasks, self._logins, self._sighted
                )
                run.scene.idents = self._idents
                run.scene.policies = self._policies
                self._policies.remember = run.scene.remember
                await self._policies.recall(hub)
                await run.scene.recall_topics()
                await run.absence.recall()
                await run.scene.bans.recall(hub)
                early, self._early = self._early, []
                for wish in early:
                    wish(run)
                run.listener.start()
                await asyncio.get_running_loop().create_future()
        finally:
            await self._end()

    async def _end(self) -> None:
        run, self._run = self._run, None
        if run is None:
            return
        if run.listener.connection is not None:
            run.absence.up()
        run.sightings.end()
        run.looks.stop()
        for connection in (run.listener.connection, *(puppet.connection for puppet in run.pool)):
            if connection is not None:
                self._policies.left(connection.server)
        for puppet in run.pool:
            puppet.end()
        run.scene.close()
        run.sender.close("the bridge stops")
        run.scene.connects.close()
        run.listener.stop()
        message = self._setup.settings.quit_message
        connections = [run.listener.connection, *(puppet.stop() for puppet in run.pool)]
        quits = [connection.quit(message) for connection in connections if connection is not None]
        for place in self._places:
            place.reset()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._pace.leave):
                await asyncio.gather(*quits)

    def send(self, delivery: Delivery) -> Awaitable[Sent]:
        """Carry out one order."""
        if self._run is None:
            future: asyncio.Future[Sent] = asyncio.get_running_loop().create_future()
            future.set_exception(Retry(f"{self._setup.network} is not running"))
            return future
        return self._run.sender.send(delivery)

    def listen(self, room: RoomId, *, password: str = "") -> None:
        """Be in a channel and read it."""
        place = self._places.add(room, password)
        if self._run is not None:
            self._run.listener.listen(place)

    def named(self, name: str) -> RoomId | None:
        """Return the channel that a name means, None for what is no channel's name."""
        return self._places.called(name)

    def attend(self, room: RoomId, *, password: str = "") -> None:
        """Read a channel through the puppets that are in it; the listener stays away."""
        place = self._places.add(room, password, is_ours=False)
        if self._run is not None:
            self._run.listener.listen(place)
            self._run.pool.enter()

    @property
    def login_form(self) -> LoginForm:
        """What an account takes."""
        return FORM

    async def log_in(self, person: Person, given: Mapping[str, str]) -> Login:
        """Try an account. Raises: LoginRefused."""
        return await self._logins.log_in(person, given)

    def inherit(self, person: Person, account: str, password: str) -> Login:
        """Take over an account that another program has used. Raises: LoginRefused."""
        return self._logins.inherit(person, account, password)

    def use(self, login: Login) -> None:
        """Log somebody's connections in with this account, the one that there is too."""
        self._logins.use(login)
        puppet = self._run.pool.get(login.person) if self._run is not None else None
        if puppet is not None:
            puppet.identify()

    def drop(self, person: Person) -> None:
        """Log somebody's connections in no more."""
        self._logins.drop(person)

    def user_of(self, wire: Wire) -> str:
        """Return the user name of a connection."""
        return self._idents.name(wire)

    def marks(self, person: Person) -> tuple[str, ...]:
        """Return by what the network tells somebody's connections from those of others."""
        puppet = self._run.pool.get(person) if self._run is not None else None
        nobody = Member(person=person, name=person.id.partition("@")[0], account=person.id)
        return appearance.marks(self._setup, nobody if puppet is None else puppet.member)

    def preference_fields(self, person: Person) -> tuple[Field, ...]:
        """Return what somebody may set, with what it is now."""
        return preferences.fields(self._chosen(person), self._setup.settings.user_settings)

    def choose(self, person: Person, given: Values) -> Secret:
        """Return what to keep of what somebody sets. Raises: Unsuitable."""
        network = preferences.Network(
            rules=rules_of(self._isupport.nicklen, self._isupport.fold),
            chantypes=self._isupport.chantypes,
            fold=self._isupport.fold,
        )
        return preferences.written(preferences.chosen(self._chosen(person), given, person=person, network=network))

    def adapt(self, person: Person, chosen: Secret) -> str:
        """Be for somebody as they have set it; returns what waits for their next connection."""
        allowed = self._setup.settings.user_settings
        before, now = self._chosen(person), preferences.within(preferences.read(chosen), allowed)
        if chosen:
            self._preferences[person] = now
        else:
            self._preferences.pop(person, None)
        puppet = self._run.pool.get(person) if self._run is not None else None
        if puppet is None:
            return ""
        puppet.adapt(before)
        return "" if puppet.connection is None else preferences.waiting(before, now, puppet.connection.offered)

    def rooms_at_start(self, person: Person) -> Mapping[RoomId, str]:
        """Return the channels in which somebody wants to be, each with its password or ""."""
        return preferences.rooms(self._chosen(person), self._isupport.fold)

    def reconnect(self, person: Person) -> bool:
        """Connect somebody anew, as they have set it now."""
        puppet = self._run.pool.get(person) if self._run is not None else None
        return puppet is not None and puppet.reconnect()

    def _chosen(self, person: Person) -> Preferences:
        return self._preferences.get(person, USUAL)

    @property
    def _isupport(self) -> Isupport:
        return self._run.scene.view.isupport if self._run is not None else Isupport()

    async def moderate(self, room: RoomId, by: Person, act: Act) -> None:
        """Do something in a channel, as somebody who is shown there."""
        await self._running().moderation.moderate(room, by, act)

    async def roll(self, room: RoomId, by: Person, roll: Roll) -> list[tuple[str, str]]:
        """Return the bans of a channel, or who is let in without an invitation."""
        return await self._running().moderation.roll(room, by, roll)

    async def rooms(self, by: Person) -> list[Listed]:
        """Return the network's channels."""
        return await self._running().inquiring.rooms(by)

    async def profile(self, person: Person, by: Person) -> Profile:
        """Return what WHOIS says."""
        return await self._running().acquaintance.profile(person, by)

    async def people(self, wanted: Wanted, by: Person) -> list[Profile]:
        """Return whom WHO finds."""
        return await self._running().acquaintance.people(wanted, by)

    async def ask(self, person: Person, question: Question, *, by: Person) -> str:
        """Ask somebody's client by CTCP."""
        return await self._running().questions.ask(person, question, by)

    def sight(self, person: PersonId, *, on: bool) -> None:
        """Look out for a nick."""
        if on:
            self._sighted.add(person)
        else:
            self._sighted.discard(person)
        if self._run is not None:
            self._run.sightings.sight(person)

    def session(self, person: Person) -> Session:
        """Return how somebody's connection is."""
        puppet = self._run.pool.get(person) if self._run is not None else None
        return puppet.session() if puppet is not None else Session()

    async def raw(self, person: Person, line: str) -> None:
        """Send a line over somebody's connection."""
        if not self._setup.settings.raw:
            raise ActRefused(Obstacle.FORBIDDEN, f"lines of one's own are not allowed on {self._setup.network}")
        puppet = self._running().pool.get(person)
        if puppet is None or puppet.connection is None:
            raise ActRefused(Obstacle.AWAY, f"you are not connected to {self._setup.network}: join a room first")
        checked = raw.checked(line)
        puppet.remarks.expect()
        if checked.command in ("PRIVMSG", "NOTICE"):
            puppet.addresses(checked.param(0))
        command(puppet.connection, checked.command, *checked.params)

    def _running(self) -> _Run:
        """Return the present run. Raises: ActRefused."""
        if self._run is None:
            raise ActRefused(Obstacle.AWAY, f"{self._setup.network} is not running")
        return self._run

    def configuration(self, room: RoomId) -> Configuration:
        """Return what a channel is."""
        return Configuration() if self._run is None else self._run.moderation.configuration(room)

    def picture(self, room: RoomId) -> str:
        """Return the URL of a channel's picture, "" while none is known."""
        channel = self._run.scene.view.channel(room) if self._run is not None else None
        return channel.picture if channel is not None else ""

    def forgive(self, room: RoomId, person: Person) -> None:
        """Take off the ban that the bridge has set on somebody in a channel."""
        self._wish(lambda run: run.listener.forgive(room, person.id))

    def unlisten(self, room: RoomId) -> None:
        """Leave a channel, with every puppet."""
        place = self._places.get(room)
        if place is None:
            return
        if self._run is not None:
            self._run.pool.clear(room)
            self._run.listener.unlisten(place)
        self._places.remove(room)
        if self._run is not None:
            self._run.listener.report()  # without the trouble that it may have had

    def join(self, room: RoomId, member: Member) -> None:
        """Have a puppet in a channel."""
        self._wish(lambda run: _join(run, room, member))

    def leave(self, room: RoomId, person: Person, *, reason: str = "") -> None:
        """Have a puppet in a channel no more."""
        self._wish(lambda run: run.pool.leave(room, person, reason))

    def rename(self, room: RoomId, old: Person, member: Member) -> None:
        """Have one person's puppet be another's."""
        self._wish(lambda run: _rename(run, room, old, member))

    def typing(self, room: RoomId, member: Member, *, active: bool) -> None:
        """Show that somebody composes."""
        if self._run is not None:
            self._run.voices.typing(room, member, active=active)

    async def check(self, rooms: list[RoomId]) -> list[Finding]:
        """Connect, join, look at rights, and leave."""
        return await check(self._setup, rooms)

    def _wish(self, wish: Callable[[_Run], None]) -> None:
        if self._run is None:
            self._early.append(wish)
        else:
            wish(self._run)


def _compose(
    setup: Setup,
    hub: Hub,
    pace: Pace,
    places: Places,
    tasks: asyncio.TaskGroup,
    logins: Logins,
    sighted: set[PersonId],
) -> _Run:
    """Put the parts together; they hold each other by the few calls that one needs of another."""

    def person(nick: str) -> Person | None:
        return pool.person(nick)

    def wake(room: RoomId | None) -> None:
        sender.wake(room)

    def changed() -> None:
        looks.wake()
        listener.report()

    def reader(place: Place) -> Connection | None:
        return listener.connection if place.step is Step.IN else pool.deputies.connection(place.id)

    def invite(nick: str, place: Place) -> None:
        listener.invite(nick, place)

    def watch(nicks: frozenset[str]) -> None:
        listener.watch_for(nicks)

    def free(nick: str) -> None:
        listener.nick_freed(nick)

    scene = Scene(setup, hub=hub, pace=pace, places=places, spawn=tasks.create_task, puppet=person, logins=logins)
    absence = Absence(scene, settled=wake)
    sightings = Sightings(scene, sighted, free)
    pool = Pool(scene, absence, sightings, wake=wake, changed=changed, invite=invite, watch=watch)
    voices = Voices(scene, pool, absence, lambda: listener.connection)
    sender = Sender(scene, voices, absence.recollection)
    listener = Listener(
        scene, pool, absence, wake=wake, seen=sender.seen, gone=sender.gone, is_known=sender.copies.is_one
    )
    looks = Looks(scene, reader, pool.attended)
    listener.look = looks.wake
    return _Run(
        scene,
        absence,
        pool,
        listener,
        voices,
        sender,
        Moderation(scene, pool),
        Inquiring(scene, pool, lambda: listener.connection),
        Acquaintance(scene, pool, lambda: listener.connection),
        Questions(scene, pool),
        sightings,
        looks,
    )


def _join(run: _Run, room: RoomId, member: Member) -> None:
    place = run.scene.places.get(room)
    if place is not None:
        run.pool.join(place, member)


def _rename(run: _Run, room: RoomId, old: Person, member: Member) -> None:
    place = run.scene.places.get(room)
    if place is not None:
        run.pool.rename(place, old, member)


def build(setup: Setup) -> IrcConnector:
    """Return the connector of one network; named in the manifest."""
    return IrcConnector(setup)
