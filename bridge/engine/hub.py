"""The hub: takes facts from the networks, asks ``core`` what follows, has it stored, and hands it to the outbox.

The application composes it so::

    hub = Hub(store=store, clock=SystemClock(), instance=instance_id)
    await hub.open()                                            # reads what the last run left
    hub.set_links(links)                                        # also later: only the difference is acted on
    hub.add_network(Network("libera"), connector, settings)     # also later; starts it
    ...
    await hub.close()

The way of a message is one chain of calls without a task (:mod:`bridge.engine.intake`): ``emit`` drops what is known or
our own, resolves what it refers to, plans, and queues the write; when the store has committed, the deliveries go to
their lanes in the order of ``seq``.

Not here: the intake, lanes (:mod:`bridge.engine.outbox`), members (:mod:`bridge.engine.puppets`), tasks of networks
(:mod:`bridge.engine.supervisor`), and any decision about a message (:mod:`bridge.core.routing`). Here these are joined
together: what a link, a status, or a puppet that was thrown out means for each of them.
"""

import random
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import assert_never

import msgspec

from bridge.connector import (
    Abroad,
    Asks,
    Attends,
    Connector,
    Copies,
    Cursor,
    Divides,
    Follows,
    Forgives,
    KeepsContacts,
    Listens,
    OpenFile,
    Opens,
    PuppetMode,
    PuppetSettings,
    Receipts,
    Session,
    Status,
    Types,
)
from bridge.core.acts import ActRefused, Obstacle
from bridge.core.capabilities import Capabilities, Feature, Representation, Support
from bridge.core.content import Attachment
from bridge.core.deliveries import Kick, Tell
from bridge.core.events import (
    BanLifted,
    Cause,
    CopyReported,
    DirectCopied,
    DirectPosted,
    Event,
    HistoryMissed,
    Member,
    MemberLeft,
    MembersListed,
    MessageEdited,
    MessagePosted,
    MessageRetracted,
    Origin,
    Presence,
    PuppetJoined,
    PuppetLeft,
    ReactionsChanged,
    RoomChanged,
    RoomClosed,
    RoomOpened,
    State,
    TopicChanged,
    TypingChanged,
)
from bridge.core.ids import EventKey, MessageId, MessageRef, Network, Person, PersonId, Room, RoomId
from bridge.core.profiles import Question
from bridge.core.routing import End, Policy, Route
from bridge.engine.closures import LATER, Closures
from bridge.engine.counters import Counters
from bridge.engine.desk import Desk
from bridge.engine.expulsions import Expulsions
from bridge.engine.intake import Intake, Nothing
from bridge.engine.limits import Limits
from bridge.engine.logins import Logins
from bridge.engine.media import Fetch, Media
from bridge.engine.messages import Messages
from bridge.engine.notices import Notices
from bridge.engine.outbox import Outbox
from bridge.engine.outcasts import Outcasts
from bridge.engine.ports import Clock, Queued, Store
from bridge.engine.preferences import Preferences
from bridge.engine.puppets import Puppets
from bridge.engine.registrations import Registrations
from bridge.engine.reports import Reports
from bridge.engine.rosters import RoomStatus
from bridge.engine.supervisor import NetworkStatus, Supervisor
from bridge.engine.tidings import Tidings


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """Rooms that are joined, and what goes between them besides messages."""

    name: str
    rooms: tuple[Room, ...]
    policy: Policy = Policy()
    passwords: dict[Room, str] = {}
    attended: bool = False  # read through those who are shown in its rooms, where that can be: no listener comes along


class _Attached(msgspec.Struct, frozen=True, kw_only=True):
    """A network that runs, and those of its abilities that are used here."""

    connector: Connector
    listens: Listens | None
    types: Types | None
    divides: Divides | None
    follows: Follows | None
    port: "Port"


class Hub:
    """The engine: everything between a store and the connectors."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        instance: str,
        limits: Limits | None = None,
        fetch: Fetch | None = None,
        jitter: Callable[[], float] = random.random,
        admins: Iterable[Person] = (),
    ) -> None:
        limits = limits or Limits()
        self.admins = tuple(admins)
        """Who is told what only a person can mend."""
        self.counters = Counters()
        self._store = store
        self._instance = instance
        self._networks: dict[Network, _Attached] = {}
        self._ends: dict[Network, tuple[Capabilities, bool]] = {}  # also of networks that are just being restarted
        self._links: dict[str, Link] = {}
        self._linked: dict[Room, str] = {}
        self._shares: dict[str, tuple[Room, ...]] = {}  # by link: who hears in the place of its rooms
        self._room_listeners: list[Callable[[RoomOpened | RoomClosed], None]] = []
        self._nothing = Nothing()
        self._now = clock.now
        desk = Desk(
            store=store,
            clock=clock,
            counters=self.counters,
            limits=limits,
            messages=Messages(store=store, limits=limits),
            jitter=jitter,
        )
        self.media = Media(store=store, clock=clock, opener=self._opener, fetch=fetch)
        self.supervisor = Supervisor(desk)
        self.outbox = Outbox(desk, on_failed=self._gave_up)
        self._closures = Closures(desk, self.outbox)
        self.logins = Logins(desk, ask=self.supervisor.ask, tell=self._tell_user)
        self.outcasts = Outcasts(desk, changed=self._cast_out)
        self.preferences = Preferences(desk, ask=self.supervisor.ask)
        self.registrations = Registrations(self.logins, self.preferences)
        self._tidings = Tidings(
            desk,
            post=self.outbox.post,
            shares=self._shares_with,
            puppets=lambda: self.puppets,
        )
        self.puppets = Puppets(
            desk, ask=self.supervisor.ask, on_ousted=self._ousted, logins=self.logins, also=self._tidings
        )
        self._expulsions = Expulsions(desk, is_open=self.puppets.is_open, post=self.outbox.post)
        self._notices = Notices(desk, capabilities=self._capabilities_of, post=self.outbox.post)
        self._reports = Reports(desk, notices=self._notices, receipts=self._receipts_of, ask=self.supervisor.ask)
        self._intake = Intake(
            desk,
            instance=instance,
            puppets=self.puppets,
            outbox=self.outbox,
            notices=self._notices,
            media=self.media,
            capabilities=self._capabilities_of,
        )
        self.supervisor.on_status(self._status_reported)
        self.supervisor.on_crash(partial(self.outbox.abandon, crashed=True))
        self.supervisor.on_restart(self._restarting)

    # -- the whole

    async def open(self) -> None:
        """Read what the last run left: the last seq, recent facts, lanes. The store must be open."""
        await self.outcasts.open()
        await self._closures.open()
        await self._intake.open()
        await self.logins.open()
        await self.preferences.open()
        await self.outbox.open()

    async def close(self, *, deadline: float = 5.0) -> None:
        """Finish what is under way, and stop all networks, within ``deadline`` seconds; the store has what is left."""
        await self.outbox.drain(max(0.0, deadline - 3.5))
        await self.supervisor.close()
        self.puppets.close()
        self._notices.close()
        self._reports.close()
        self._expulsions.close()
        self.logins.close()
        await self._intake.close()
        await self.outbox.close()

    def halt(self) -> None:
        """Send nothing more: what became of it could not be stored, and it would be sent again by the next process."""
        for network in self._networks:
            self.outbox.detach(network)

    # -- networks

    def add_network(self, network: Network, connector: Connector, puppets: PuppetSettings) -> None:
        """Start a network, and let it listen to its rooms and show whom these should show."""
        assert network not in self._networks, f"{network} runs already"
        port = Port(
            network,
            emit=self._emit,
            intake=self._intake,
            store=self._store,
            supervisor=self.supervisor,
            media=self.media,
            logins=self.logins,
            alarm=partial(self._alarm, network),
            invite=self._invited,
            networks=self.networks,
        )
        self._networks[network] = attached = _Attached(
            connector=connector,
            listens=connector if isinstance(connector, Listens) else None,
            types=connector if isinstance(connector, Types) else None,
            divides=connector if isinstance(connector, Divides) else None,
            follows=connector if isinstance(connector, Follows) else None,
            port=port,
        )
        self._ends[network] = (connector.capabilities, puppets.mode is not PuppetMode.RELAY)
        self.outbox.attach(network, connector)
        for link in self._links.values():
            if any(room.network == network for room in link.rooms):
                self._route(link)
                self._listen(network, attached, link)
        self.puppets.attach(network, connector, puppets)
        self.preferences.attach(network, connector)
        self.logins.attach(network, connector)
        self.supervisor.start(network, connector, port)

    async def remove_network(self, network: Network) -> None:
        """Stop a network; what waits for it stays in the store."""
        if self._networks.pop(network, None) is None:
            return
        await self.supervisor.stop(network)
        self.outbox.detach(network)
        self.puppets.detach(network)
        self.logins.detach(network)
        self.preferences.detach(network)

    def networks(self) -> dict[Network, Connector]:
        """Return the connectors of all networks."""
        return {network: attached.connector for network, attached in self._networks.items()}

    def port(self, network: Network) -> "Port":
        """Return what the connector of a network was given. Raises: KeyError."""
        return self._networks[network].port

    # -- rooms

    def rooms(self) -> list[RoomStatus]:
        """Return how all linked rooms are."""
        return [status for status in self.puppets.rooms() if status.room in self._linked]

    def on_room(self, listener: Callable[[RoomOpened | RoomClosed], None]) -> None:
        """Call ``listener`` when a listener comes into a linked room, or is out of it."""
        self._room_listeners.append(listener)

    def announce(self, room: Room, text: str) -> None:
        """Say something in a linked room, in the bridge's own voice."""
        self._notices.announce(room, text)

    # -- links

    def links(self) -> list[Link]:
        """Return the links as they are now."""
        return list(self._links.values())

    def set_links(self, links: Iterable[Link]) -> None:
        """Make these the links; only what differs from before is acted on.

        Raises: ValueError when a room is in two of them, or a name is taken twice.
        """
        links = list(links)
        wanted = {link.name: link for link in links}
        linked = {room: link.name for link in links for room in link.rooms}
        if len(wanted) != len(links):
            msg = "two links have the same name"
            raise ValueError(msg)
        if sum(len(link.rooms) for link in links) != len(linked):
            msg = "a room belongs to one link at most"
            raise ValueError(msg)
        before, self._links = self._links, wanted
        gone = [room for room in self._linked if room not in linked]
        attended = {room for link in before.values() if link.attended for room in link.rooms}
        new = {room for room in linked if room not in self._linked}
        new |= {room for link in links if not link.attended for room in link.rooms if room in attended}
        self._linked = linked
        self._leave(gone)
        for link in wanted.values():
            if before.get(link.name) == link:
                continue
            known = before.get(link.name)
            self._begin(link, only=new if known is None or known.passwords == link.passwords else None)

    def add_link(self, link: Link) -> None:
        """Make one more link, at a cost that does not grow with those that there are. Raises: ValueError, as :meth:`set_links`."""
        if link.name in self._links:
            msg = "two links have the same name"
            raise ValueError(msg)
        if len(set(link.rooms)) != len(link.rooms) or any(room in self._linked for room in link.rooms):
            msg = "a room belongs to one link at most"
            raise ValueError(msg)
        self._links[link.name] = link
        self._linked |= dict.fromkeys(link.rooms, link.name)
        self._begin(link, only=None)

    def remove_link(self, name: str) -> bool:
        """Take a link down; False if there was none."""
        link = self._links.pop(name, None)
        if link is None:
            return False
        for room in link.rooms:
            del self._linked[room]
        self._leave(link.rooms)
        return True

    def link_of(self, room: Room) -> Link | None:
        """Return the link that a room is in."""
        return self._links.get(self._linked.get(room, ""))

    def _begin(self, link: Link, *, only: set[Room] | None) -> None:
        """Bring a link into effect; of its rooms, ``only`` these are to be read anew."""
        self.puppets.link(link.rooms)
        self._route(link)
        for network, attached in self._networks.items():
            self._listen(network, attached, link, only=only)

    def _leave(self, rooms: Iterable[Room]) -> None:
        rooms = list(rooms)
        self.puppets.unlink(rooms)
        for room in rooms:
            self._intake.unroute(room)
            self._closures.unlinked(room)
            attached = self._networks.get(room.network)
            if attached is not None and attached.listens is not None and not self._is_share(room):
                self.supervisor.ask(room.network, partial(attached.listens.unlisten, room.id))

    def _route(self, link: Link) -> None:
        """Build anew how facts go between the rooms of a link."""
        shares = self._divide(link)
        ends = []
        for room in (*link.rooms, *shares):
            capabilities, puppets = self._ends.get(room.network, (None, False))
            if capabilities is not None:
                hears = room in shares or not self._is_divided(room)
                ends.append(End(room=room, capabilities=capabilities, puppets=puppets, hears=hears))
        route = Route(ends, policy=link.policy, instance=self._instance)
        for room in (*link.rooms, *shares):
            self._intake.route(
                room, route, link=link.name, others=tuple(other for other in link.rooms if other != room)
            )

    def _shares_with(self, room: Room) -> tuple[Room, ...]:
        """Return the shares of a room's link."""
        return self._shares.get(self._linked.get(room, ""), ())

    def _is_divided(self, room: Room) -> bool:
        attached = self._networks.get(room.network)
        return attached is not None and attached.divides is not None

    def _is_share(self, room: Room) -> bool:
        return room not in self._linked and self._is_divided(room)

    def _divide(self, link: Link) -> tuple[Room, ...]:
        """Find who hears in the place of the link's rooms; each is a room of the link to everybody but its network."""
        found: list[Room] = []
        for room in link.rooms:
            attached = self._networks.get(room.network)
            if attached is not None and attached.divides is not None:
                found += (Room(room.network, share) for share in attached.divides.shares(room.id))
        before = self._shares.get(link.name, ())
        if tuple(found) != before:
            self._leave(share for share in before if share not in found)
            self._shares[link.name] = tuple(found)
            self.puppets.link((*link.rooms, *found))
        return tuple(found)

    def _listen(self, network: Network, attached: _Attached, link: Link, *, only: set[Room] | None = None) -> None:
        if attached.listens is None:
            return
        for room in link.rooms:
            if room.network == network and (only is None or room in only):
                connector = attached.connector
                attends = link.attended and isinstance(connector, Attends)
                listen = connector.attend if attends and isinstance(connector, Attends) else attached.listens.listen
                self.supervisor.ask(network, partial(listen, room.id, password=link.passwords.get(room, "")))

    # -- what the parts tell each other

    def _capabilities_of(self, network: Network) -> Capabilities | None:
        known = self._ends.get(network)
        return known[0] if known is not None and network in self._networks else None

    def _opener(self, network: Network) -> Opens | None:
        attached = self._networks.get(network)
        return attached.connector if attached is not None and isinstance(attached.connector, Opens) else None

    def _receipts_of(self, network: Network) -> Receipts | None:
        attached = self._networks.get(network)
        return attached.connector if attached is not None and isinstance(attached.connector, Receipts) else None

    def _status_reported(self, now: NetworkStatus, before: NetworkStatus | None) -> None:
        """Let lanes go, or wait; a report that changes nothing may still end a lost login."""
        self.outbox.ready(now.network, yes=now.up)
        if self._shares:
            rooms = [room for room in self._linked if room.network == now.network]
            self._tidings.network_is(now, before, rooms)
        was_up = before is not None and before.up
        if now.up and not was_up:
            self.puppets.found(now.network)
        elif was_up and not now.up:
            self.puppets.lost(now.network)

    def _restarting(self, network: Network) -> None:
        attached = self._networks[network]
        for link in self._links.values():
            self._listen(network, attached, link)
        self.puppets.restarted(network)
        self.preferences.restarted(network)
        self.logins.restarted(network)

    def _alarm(self, network: Network, words: str) -> None:
        for admin in self.admins:
            self._tell_user(admin, f"{network}: {words}")

    def _tell_user(self, person: Person, line: str) -> None:
        self._notices.tell(person, Room(person.network, RoomId(person.id)), line)

    def _gave_up(self, queued: Queued, reason: str, certain: bool, barred: bool) -> None:  # noqa: FBT001 - a callback
        room = queued.delivery.head.room
        if barred and not isinstance(queued.delivery, Tell):  # a person does not open again
            self._closures.barred(queued)
            reason = f"{reason}; {LATER}"
        if self._is_share(room):
            self._alarm(room.network, f"{room.id} was not told something: {reason}. It is a dead letter")
        else:
            self._reports.undelivered(queued.delivery, reason, certain=certain)
        self._tidings.given_up(queued, reason, certain=certain)

    def _ousted(self, event: PuppetLeft, own: list[tuple[Room, Member]]) -> None:
        """Act on a stand-in that was thrown out, or never got in: tell its person, and mirror a kick."""
        room = event.origin.room
        if not own[0][1].session:  # whose own room tells them
            self._notices.tell(event.person, own[0][0], _told(event))
        route = self._intake.route_of(room)
        if route is None:
            return
        kicks = [delivery for delivery in route.ousted(event, own).deliveries if isinstance(delivery, Kick)]
        self._expulsions.add(room, kicks)

    def _forgiven(self, event: BanLifted) -> None:
        """Let the networks of the link take back the ban that followed from the one which was lifted."""
        room = event.origin.room
        self.puppets.forgiven(room, event.person)
        route = self._intake.route_of(room)
        if route is None or not route.mirrors_removals:
            return
        for other in self._intake.others(room):
            attached = self._networks.get(other.network)
            if (
                other.network == event.person.network
                and attached is not None
                and isinstance(attached.connector, Forgives)
            ):
                self.supervisor.ask(other.network, partial(attached.connector.forgive, other.id, event.person))

    def _typing(self, event: TypingChanged) -> None:
        """Show that somebody composes, wherever that can be shown; it is nobody's fault where it cannot."""
        for room in self._intake.others(event.origin.room):
            attached = self._networks.get(room.network)
            if attached is None or attached.types is None:
                continue
            capabilities = attached.connector.capabilities
            if capabilities.support(Feature.TYPING) is not Support.NATIVE:
                continue
            if capabilities.representation in _SHOWING and not self.puppets.shows(room, event.sender.person):
                continue
            show = partial(attached.types.typing, room.id, event.sender, active=event.active)
            self.supervisor.ask(room.network, show)

    def _emit(self, event: Event) -> Awaitable[None]:
        """Take a fact from a connector. A bug here costs that fact, and not the reader that brought it."""
        try:
            passed = self.outcasts.passed(event) if self.outcasts.any else event
            if passed is None:
                return self._nothing
            event = passed
            if isinstance(event, MessagePosted):  # as nearly all are
                return self._intake.take(event)
            if isinstance(event, TopicChanged) and event.origin.replayed:
                self._follow(event)  # known already it is not told again, and yet not everybody may know it
            match event:
                case (
                    MessageEdited()
                    | MessageRetracted()
                    | ReactionsChanged()
                    | TopicChanged()
                    | HistoryMissed()
                    | DirectPosted()
                ):
                    return self._intake.take(event)
                case TypingChanged():
                    self._typing(event)
                case BanLifted():
                    self._forgiven(event)
                case CopyReported():
                    self._reports.see(event)
                case DirectCopied():
                    self._copied(event)
                case _:
                    self._see(event)
        except Exception as error:  # noqa: BLE001 - the boundary between networks: see the docstring
            self._intake.fault(event, error)
        return self._nothing

    def _cast_out(self, network: Network) -> None:
        """Show those of a network no more who are cast out now."""
        for room in [room for room in self._linked if room.network == network]:
            for member in self.puppets.members(room):
                if self.outcasts.names(member):
                    origin = Origin(room=room, key=EventKey(f"cast out {member.person.id}"), at=self._now())
                    self._emit(MemberLeft(origin=origin, member=member, cause=Cause.BANNED))

    def _see(self, event: State) -> None:
        """Take a fact about people and rooms. Who removed somebody is told before the one removed is gone."""
        if isinstance(event, MemberLeft) and event.cause in _REMOVED:
            self._follow(event)
        self.puppets.see(event)
        if isinstance(event, RoomOpened):
            self._closures.opened(event.origin.room)
        if isinstance(event, RoomOpened | RoomClosed):
            for listener in self._room_listeners:
                listener(event)
        if isinstance(event, PuppetJoined | PuppetLeft | MembersListed | RoomOpened | RoomClosed | RoomChanged):
            self._follow(event)

    def _copied(self, event: DirectCopied) -> None:
        """Let somebody see what they said elsewhere, where their network can show that."""
        attached = self._networks.get(event.person.network)
        if attached is not None and isinstance(attached.connector, Copies):
            self.supervisor.ask(event.person.network, partial(attached.connector.copied, event))

    def _invited(self, person: Person, room: Room, by: str) -> None:
        """Pass an invitation on to the network of who is invited, if that wants to know."""
        attached = self._networks.get(person.network)
        if attached is not None and attached.follows is not None:
            self.supervisor.ask(person.network, partial(attached.follows.invited, person, room, by=by))

    def _follow(self, event: Abroad) -> None:
        """Let the other rooms know, where somebody there wants to."""
        for room in self._intake.others(event.origin.room):
            attached = self._networks.get(room.network)
            if attached is not None and attached.follows is not None:
                self.supervisor.ask(room.network, partial(attached.follows.follow, room.id, event))


class Port:
    """What one connector is given: a :class:`bridge.connector.Hub`."""

    def __init__(  # noqa: PLR0913 - all that a connector may ask for
        self,
        network: Network,
        *,
        emit: Callable[[Event], Awaitable[None]],
        intake: Intake,
        store: Store,
        supervisor: Supervisor,
        media: Media,
        logins: Logins,
        alarm: Callable[[str], None],
        invite: Callable[[Person, Room, str], None],
        networks: Callable[[], dict[Network, Connector]],
    ) -> None:
        self.emit = emit
        self._networks = networks
        self._invite = invite
        self.alarm = alarm
        self._media = media
        self._network = network
        self._intake = intake
        self._store = store
        self._supervisor = supervisor
        self._logins = logins

    async def drained(self) -> None:
        """Return once the hub can take more."""
        await self._intake.drained()

    def congested(self) -> str:
        """Return "" when facts are stored without delay, else why not."""
        return self._intake.congested()

    def report(self, status: Status, detail: str = "") -> None:
        """Say how the network is."""
        self._supervisor.report(self._network, status, detail)

    async def cursor(self, room: RoomId) -> Cursor | None:
        """Return the last journalled fact of a room of this network."""
        return await self._store.cursor(Room(self._network, room))

    async def waiting_since(self, room: RoomId) -> int | None:
        """Return when the oldest happened of what waits for a room."""
        waiting = await self._store.queue(Room(self._network, room), after=0, limit=1)
        return waiting[0].delivery.head.at if waiting else None

    async def recall(self, name: str) -> str | None:
        """Return what was remembered under this name."""
        return await self._store.recall(self._network, name)

    async def recollect(self, prefix: str) -> dict[str, str]:
        """Return everything that was remembered under names that begin so."""
        return await self._store.recollect(self._network, prefix)

    def remember(self, name: str, value: str) -> Awaitable[None]:
        """Keep a small text, after every fact that was emitted before."""
        return self._intake.remember(self._network, name, value)

    def page(self, message: MessageRef, at: int) -> str:
        """Return the URL of a page with the whole text of a message."""
        return self._media.page(message, at)

    def open_file(self, file: Attachment, *, most: int) -> AbstractAsyncContextManager[OpenFile]:
        """Open a file of any network, or what stands behind an http(s) URL."""
        return self._media.open(file, most=most, reader=self._network)

    async def forget(self, name: str) -> None:
        """Keep it no longer."""
        await self._store.forget(self._network, name)

    async def known(self, room: RoomId, key: EventKey) -> bool:
        """Tell whether a fact is journalled."""
        return bool(await self._store.known(Room(self._network, room), [key]))

    def login_trouble(self, person: Person, reason: str, *, over: bool = False) -> None:
        """Tell somebody once what is wrong with their login."""
        self._logins.trouble(self._network, person, reason, over=over)

    def invited(self, person: Person, room: RoomId, *, by: str) -> None:
        """Tell somebody of an invitation."""
        self._invite(person, Room(self._network, room), by)

    def sighted(self, person: PersonId, presence: Presence | None) -> None:
        """Tell every network with contact lists how somebody is."""
        who = Person(self._network, person)
        for network, connector in self._networks().items():
            if isinstance(connector, KeepsContacts):
                self._supervisor.ask(network, partial(connector.sighted, who, presence))

    def session_is(self, person: Person, session: Session) -> None:
        """Tell somebody how their own connection is."""
        contacts = self._networks().get(person.network)
        if isinstance(contacts, KeepsContacts):
            self._supervisor.ask(person.network, partial(contacts.session_is, person, self._network, session))

    def server_said(self, person: Person, words: str) -> None:
        """Pass on what the network has said to somebody alone."""
        contacts = self._networks().get(person.network)
        if isinstance(contacts, KeepsContacts):
            self._supervisor.ask(person.network, partial(contacts.server_said, person, self._network, words))

    async def ask(self, person: Person, question: Question, *, by: Person) -> str:
        """Ask somebody's program."""
        asked = self._networks().get(person.network)
        if not isinstance(asked, Asks):
            raise ActRefused(Obstacle.IMPOSSIBLE, f"nobody can be asked on {person.network}")
        return await asked.ask(person, question, by=by)

    async def author(self, room: RoomId, message: MessageId) -> Member | None:
        """Return who said a message."""
        ref = await self._store.resolve(Room(self._network, room), message)
        stored = await self._store.message(ref) if ref is not None else None
        return stored.sender if stored is not None else None


_REMOVED = frozenset({Cause.KICKED, Cause.BANNED})
_SHOWING = frozenset({Representation.SESSION, Representation.ADDRESS})


def _told(event: PuppetLeft) -> str:
    """Say to somebody what happened to their stand-in."""
    why = f": {event.reason}" if event.reason else ""
    by = f" by {event.actor}" if event.actor else ""
    match event.cause:
        case Cause.KICKED:
            return f"you were kicked from {event.origin.room}{by}{why}"
        case Cause.BANNED:
            return f"you were banned from {event.origin.room}{by}{why}"
        case Cause.REFUSED | Cause.LEFT | Cause.QUIT | Cause.LOST:
            return f"you are not shown in {event.origin.room}{why}"
        case _:
            assert_never(event.cause)
