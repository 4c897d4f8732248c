"""XMPP as a network like the others: the component's stream, and the rooms on it, as a :class:`bridge.connector.Connector`.

The connector owns the component, gives every stanza to the room that it is about, and every delivery to the room that it
is for. Whatever takes thought is in the parts: ``rooms`` and its friends, ``directs``, ``directory``. Its task starts
each room's listener, moves everything that waits once a second, and at the end takes everybody out.

Rooms hosted by the component itself are served by ``hosted.service``; here it is only decided which room is which.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import cached_property
from typing import ParamSpec, Protocol, assert_never
from xml.etree.ElementTree import Element

from slixmpp import JID, InvalidJID

from bridge import connector
from bridge.connector import Abroad, Finding, Hub, OpenFile, Status
from bridge.core.capabilities import Capabilities, Feature, Limit, Representation, Support, Unit
from bridge.core.commands import Place, Who
from bridge.core.deliveries import (
    Announce,
    Delivery,
    Edit,
    Kick,
    Post,
    React,
    Retract,
    Sent,
    SetTopic,
    Tell,
)
from bridge.core.dialogue import Commands
from bridge.core.events import Cause, DirectCopied, Member, Presence, RoomClosed
from bridge.core.failures import DeliveryFailure, Permanent, Retry
from bridge.core.ids import XMPP, MessageId, Network, Person, Room, RoomId
from bridge.core.profiles import Question
from bridge.engine.ports import Archive, Clock, StoreError
from bridge.xmpp import checks
from bridge.xmpp.commands import adhoc
from bridge.xmpp.commands.adhoc import AdHoc
from bridge.xmpp.commands.console import Console
from bridge.xmpp.commands.rawlines import RawLines
from bridge.xmpp.commands.reception import Judge, Reception
from bridge.xmpp.commands.registering import Known, Registering
from bridge.xmpp.directory import Directory
from bridge.xmpp.disco import Disco
from bridge.xmpp.hosted.governing import Governing
from bridge.xmpp.hosted.inquiries import Inquiries
from bridge.xmpp.hosted.ports import Gateway
from bridge.xmpp.hosted.requests import Refused
from bridge.xmpp.hosted.service import Guest, Hosting
from bridge.xmpp.joined.alarms import Alarms
from bridge.xmpp.joined.ghost import Stage
from bridge.xmpp.joined.pardons import Bans
from bridge.xmpp.joined.rooms import JoinedRoom
from bridge.xmpp.messages.avatars import Avatar, Avatars
from bridge.xmpp.messages.outbound import LONGEST, Spoken
from bridge.xmpp.messages.placing import Conversations
from bridge.xmpp.messages.uploads import Puts, Uploads
from bridge.xmpp.people.blocking import Blocking
from bridge.xmpp.people.contacts import Contacts
from bridge.xmpp.people.directs import Directs
from bridge.xmpp.people.keepsakes import Keepsakes
from bridge.xmpp.people.networkwords import NetworkWords
from bridge.xmpp.people.privileges import Privileges
from bridge.xmpp.people.profiles import Clients, Enquiries, People
from bridge.xmpp.people.searching import Searching
from bridge.xmpp.ports import Answer, Component, IqRefused, Item, Request, Session
from bridge.xmpp.surroundings import Surroundings
from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire import stanzas
from bridge.xmpp.wire.component import Address, ExternalComponent
from bridge.xmpp.wire.shapes import Familiar

P = ParamSpec("P")

CAPABILITIES = Capabilities(
    representation=Representation.ADDRESS,
    text=Limit(LONGEST.size, Unit.BYTES),
    features={
        Feature.FORMATTING: Support.NATIVE,
        Feature.MULTILINE: Support.NATIVE,
        Feature.ACTION: Support.NATIVE,
        Feature.NOTICE: Support.FALLBACK,
        Feature.EDIT: Support.NATIVE,
        Feature.RETRACT: Support.NATIVE,
        Feature.REACT: Support.NATIVE,
        Feature.REPLY: Support.NATIVE,
        Feature.THREAD: Support.NATIVE,
        Feature.MENTION: Support.NATIVE,
        Feature.ATTACHMENT: Support.NATIVE,
        Feature.TOPIC: Support.NATIVE,
        Feature.KICK: Support.NATIVE,
        Feature.DIRECT: Support.NATIVE,
        Feature.PRESENCE: Support.NATIVE,
        Feature.TYPING: Support.NATIVE,
        Feature.AVATAR: Support.NATIVE,
    },
    forms={
        Feature.FORMATTING: "XEP-0393, and 0394 for what that cannot say",
        Feature.NOTICE: "a message",
        Feature.EDIT: "XEP-0308, of any age",
        Feature.RETRACT: "XEP-0424, 0425",
        Feature.REACT: "XEP-0444",
        Feature.REPLY: "XEP-0461, with a quote for others",
        Feature.THREAD: "XEP-0201",
        Feature.MENTION: "XEP-0372",
        Feature.ATTACHMENT: "uploaded (XEP-0363), with all that is known (0447); else a `/media/` URL",
        Feature.TYPING: "XEP-0085",
        Feature.AVATAR: "XEP-0054, 0084, 0153",
    },
    pipeline=64,
)
"""What XMPP rooms can carry."""

_NEWS = "Announcement"
LEAVING = 1.5
"""Seconds that the server gets to read our farewells."""
_PRESENCE = f"{{{ns.COMPONENT}}}presence"


class Settings(Protocol):
    """``[xmpp]`` of the configuration."""

    @property
    def domain(self) -> str:
        """The component's domain."""

    @property
    def secret(self) -> str:
        """The component's secret."""

    @property
    def host(self) -> str:
        """Where the server is."""

    @property
    def port(self) -> int:
        """Where it listens for components."""

    @property
    def nick(self) -> str:
        """The listener's."""

    @property
    def admins(self) -> tuple[str, ...]:
        """Bare JIDs of who is told of trouble."""

    @property
    def upload(self) -> str:
        """The upload service, "" for the one that the server lists."""


class Takes(Protocol):
    """Who knows how much may be put to the upload service."""

    def take(self, who: Person | None, size: int) -> str:
        """Take so many bytes for somebody, or say why that cannot be."""


class Stream(Component, Protocol):
    """A component that can be run."""

    async def run(self, session: Session) -> None:
        """Be connected until cancelled."""


class XmppConnector:
    """XMPP: a Connector that also Listens, Joins, Renames, Follows, KeepsContacts, Asks, Types and Checks."""

    def __init__(
        self,
        settings: Settings,
        *,
        instance: str,
        version: str,
        clock: Clock,
        stream: Stream | None = None,
        puts: Puts | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.directory = Directory(settings.domain, find=self._find_shown, photo=self._photo)
        if stream is None:
            address = Address(
                domain=settings.domain, secret=str(settings.secret), host=settings.host, port=settings.port
            )
            stream = ExternalComponent(address, self.directory, clock=clock, version=version)
        self._stream = stream
        self._clock = clock
        self._around = Surroundings(component=stream, clock=clock, instance=instance, nick=settings.nick, jitter=jitter)
        self._around.uploads = Uploads(self._around, puts, service=settings.upload)
        self._avatars = Avatars(self._around, arrived=self._dress)
        self._around.avatar = self._avatar
        self._around.changed = self._changed
        self._alarms = Alarms(self._around, settings.admins)
        self._around.alarm = self._alarms.ring
        self._rooms: dict[str, JoinedRoom] = {}  # by address, bare and as on the wire
        self._by_id: dict[RoomId, JoinedRoom] = {}
        self._staying: dict[str, asyncio.Task[None]] = {}
        self._work: asyncio.TaskGroup | None = None
        self._reception = Reception(
            settings.domain, place_at=self.place_at, is_room=lambda address: address in self._rooms
        )
        self.directory.offered = self._offered
        console = Console(self._reception, now=clock.monotonic)
        self.hosting = Hosting(self._around)
        self._people: People | None = None  # until the application has said who knows them
        self.contacts = Contacts(
            self._around,
            directory=self.directory,
            people=lambda: self._people,
            here=self.hosting.presence_of,
            moved=self.hosting.moved,
        )
        self.words = NetworkWords(self._around, self.contacts)
        self.hosting.presences.elsewhere = self.contacts.clients
        self._clients = Clients(self._around, self.hosting.client_of)
        raw = RawLines(people=lambda: self._people, talked=self.words.talked)
        self._directs = Directs(self._around, rooms=self._rooms, directory=self.directory, console=console, raw=raw)
        self._forms = AdHoc(reception=self._reception, now=clock.monotonic, token=self._around.token)
        stream.answer("set", adhoc.PAYLOAD, self._execute)
        self.blocking = Blocking(stream, lambda: self._around.hub)
        self.blocking.judges = self._judged
        for each in (self.contacts, self._directs, self.hosting, self.hosting.speaking):
            each.blocks = self.blocking.blocks
        self._privileges = Privileges(self._around)
        keepsakes = Keepsakes(self._around, self._privileges, probe=self.contacts.show)
        self._directs.keepsakes = self.hosting.keepsakes = self.hosting.speaking.keepsakes = keepsakes
        self._directs.bars = self.hosting.bars_contact
        self._directs.bars_command = self._bars_command
        self._private: Conversations[Tell] = Conversations(self._around, lambda tell, _: self._directs.tell(tell))
        self._hosted: Conversations[Spoken] = Conversations(
            self._around, lambda said, placed: _done(self.hosting.speaking.deliver, said, placed)
        )
        self.directory.rooms, self.directory.hosted = self.hosting.describe, self.hosting.shown
        self.hosting.networks = self.directory.network_at
        self.hosting.portraits.fetched = self._avatars.of
        self.hosting.people = self.directory.describe
        self._registering = Registering(
            self._reception,
            domain=settings.domain,
            rooms={kind: answer for kind, _, answer in self.hosting.reservations.answers()},
            leave=self.hosting.staying.leave_network,
            bars=self._bars_command,
            visit=self.hosting.visit,
        )
        self.directory.registers = self._registering.registers
        for kind, payload, answer in (
            *self._answers_about_people(version),
            *Governing(self.hosting).answers(),
            *self.hosting.archivist.answers(),
            *self.hosting.portraits.answers(),
            *self.blocking.answers(),
            *self._registering.answers(),
        ):
            stream.answer(kind, payload, answer)
        stream.pace(whose=self._asker, hurries=self._hurries_to_ask)
        self._report_due = False
        self._refused: dict[RoomId, str] = {}  # rooms that cannot be listened to

    def _answers_about_people(self, version: str) -> Iterator[tuple[str, str, Answer]]:
        """Return what is asked of rooms, of people and of networks, and who answers it."""
        inquiries = list(Inquiries(self.hosting).answers())
        usual = dict(Disco(software="Linkspan", version=version, now=self._clock.now).answers())
        usual |= {payload: answer for _, payload, answer in inquiries}
        enquiries = Enquiries(
            self._around,
            directory=self.directory,
            hosting=self.hosting,
            people=lambda: self._people,
            is_joined=lambda address: address in self._rooms,
        )
        searching = Searching(people=lambda: self._people, hosting=self.hosting, network_at=self.hosting.network_at)
        self.directory.opens = lambda network: self._people is not None and self._people.opens(network)
        self.directory.searches = lambda network: self._people is not None and self._people.informs(network)
        yield from inquiries
        yield from enquiries.answers(usual)
        yield from searching.answers()

    @property
    def capabilities(self) -> Capabilities:
        """What XMPP rooms can carry."""
        return CAPABILITIES

    def know_networks(self, kinds: Mapping[Network, str], *, fixed: Network | None = None) -> None:
        """Learn which networks there are, and of which kind, for those who ask what the bridge's addresses are."""
        self.directory.know_networks(kinds, fixed=fixed)

    def know_commands(self, commands: Commands, judge: Judge) -> None:
        """Learn what can be done, and who may do what."""
        self._reception.commands, self._reception.judge = commands, judge

    def know_people(self, people: People) -> None:
        """Learn who knows remote people; told anew whenever there are other networks."""
        self._people = people
        self.contacts.look_anew()

    def know_registrations(self, known: Known) -> None:
        """Learn who has registered with which network."""
        self._registering.known = known

    def place_at(self, localpart: str) -> Place | None:
        """Return what an address of ours is to commands: the bridge (""), a network, a hosted room; None for a ghost's."""
        if not localpart:
            return Place()
        network = self.directory.network_or_server(localpart)
        if network is not None:
            return Place(network=network)
        return self.hosting.place_at(f"{localpart}@{self._stream.domain}")

    def room_named(self, text: str, network: Network | None) -> Place | None:
        """Return the hosted room that is meant by its address, or by its name on a network."""
        return self.hosting.named(text, network)

    async def _execute(self, request: Request) -> str:
        """Let a command be given, unless its caller may not. Raises: IqRefused."""
        refused = None if request.payload.get("sessionid") else self._bars_command(request.sender, request.to)
        if refused is not None:
            raise IqRefused(refused.condition, refused.words)
        return await self._forms.execute(request)

    def _judged(self, sender: str, to: str) -> IqRefused | None:
        refused = self._bars_command(sender, to)
        return None if refused is None else IqRefused(refused.condition, refused.words)

    def _bars_command(self, sender: str, to: str) -> Refused | None:
        """Say why somebody cannot give a command at an address now; administrators always can.

        Who can may find a server there that nobody is on: it is a network for as long as they have something to set.
        """
        caller, place = self._reception.caller(sender), self._reception.place(to)
        if caller is None or place is None:
            return None
        refused = None if caller.who is Who.ADMIN else self.hosting.bars_command(caller.user, place.network)
        if refused is None and place.network is not None:
            self.hosting.visit(place.network)
        return refused

    def _offered(self, localpart: str, sender: str) -> tuple[Item, ...]:
        """Return what somebody may do at an address."""
        server, caller = self.directory.openable(localpart), self._reception.caller(sender)
        if server is not None and caller is not None and not self.hosting.refuses(caller.user, server):
            self.hosting.visit(server)
        return self._reception.items(localpart, sender)

    def _asker(self, sender: str) -> str:
        """Return who asks us something: a user with all clients; in a joined room each occupant for themselves."""
        bare, _, _ = sender.partition("/")
        return sender if bare in self._rooms else bare

    def _hurries_to_ask(self, asker: str) -> str:
        """Say why somebody has to wait before they ask us one more thing; administrators never have to."""
        why = self.hosting.hurries_to_ask(asker)
        caller = self._reception.caller(asker) if why else None
        return "" if caller is not None and caller.who is Who.ADMIN else why

    def host(self, gateway: Gateway, archive: Archive | None) -> None:
        """Host rooms; ``gateway`` knows which ones there are, ``archive`` keeps what is said there, if anything does."""
        self.hosting.gateway = gateway
        self.hosting.archivist.archive = archive

    def bound_uploads(self, allowance: Takes) -> None:
        """Ask before a file is put to the upload service."""
        self._around.uploads.bound(allowance.take)

    def review_users(self) -> None:
        """Put those out of hosted rooms who may not be there any more."""
        self.hosting.review()

    def tell_admins(self, words: str) -> bool:
        """Tell the admins something about the bridge itself; False while there is no stream."""
        if not self._stream.connected():
            return False
        self._alarms.tell(words)
        return True

    def open_file(self, handle: str) -> AbstractAsyncContextManager[OpenFile]:
        """Open an export that is being put somewhere. Raises: Unreadable."""
        return self.hosting.exports.open(handle)

    def guests(self) -> Sequence[Guest]:
        """Return who is in which hosted room."""
        return self.hosting.guests()

    def put_out(self, address: str, user: str, reason: str) -> None:
        """Take somebody out of a hosted room."""
        self.hosting.put_out(address, user, reason)

    def tell(self, users: Iterable[str], text: str) -> bool:
        """Tell users something from the bridge's own address; False while there is no stream."""
        if not self._stream.connected():
            return False
        for user in users:
            said = stanzas.message(self._stream.domain, user, id_=self._around.token(), subject=_NEWS, body=text)
            self._stream.send(said)
        return True

    # -- the lifetime

    @cached_property
    def _bans(self) -> Bans:
        return Bans(self._around.remember)

    async def run(self, hub: Hub) -> None:
        """Be connected and in all rooms, until cancelled; then leave them, within 3 seconds."""
        hub.report(Status.CONNECTING)
        await self._bans.recall(hub)
        async with asyncio.TaskGroup() as lifelines:
            streaming = lifelines.create_task(self._stream.run(self))
            try:
                async with asyncio.TaskGroup() as work:
                    self._around.start(hub, work)
                    self._work = work
                    for room in self._by_id.values():
                        self._stay(room)
                    self._tell_refused()
                    work.create_task(self.blocking.recall())
                    self.hosting.introduce()
                    work.create_task(self.hosting.restore())
                    work.create_task(self.hosting.whereabouts.tell())
                    work.create_task(self.contacts.restore())
                    await self._tick()
            finally:
                self._work = None
                self._staying.clear()
                self._around.stop()
                await self._leave(hub)
                streaming.cancel()

    async def _tick(self) -> None:
        while True:
            await self._clock.sleep(1.0)
            now, congested = self._clock.monotonic(), self._around.congested()
            for room in list(self._rooms.values()):
                room.tick(now)
                if not congested:
                    room.read_on()
            self.hosting.tick(now)

    async def _leave(self, hub: Hub) -> None:
        for room in self._rooms.values():
            room.leave()
        self.hosting.leave()
        self.contacts.leave()
        if self._stream.connected():
            with contextlib.suppress(TimeoutError, IqRefused, StoreError):
                async with asyncio.timeout(LEAVING):
                    await self._stream.barrier()
                    await self.hosting.whereabouts.forget(hub)
        self._around.up.clear()

    def _stay(self, room: JoinedRoom) -> None:
        if self._work is not None:
            self._staying[room.address] = self._work.create_task(room.listener.stay())

    def _changed(self) -> None:
        """Report how the network is, once for all that happens in this turn of the loop."""
        if not self._report_due and self._around.hub is not None:
            self._report_due = True
            asyncio.get_running_loop().call_soon(self._report)

    def _report(self) -> None:
        self._report_due = False
        hub = self._around.hub
        if hub is None or not self._around.up.is_set():
            return
        troubles = [f"{room.room.id}: {trouble}" for room in self._rooms.values() if (trouble := room.trouble())]
        troubles += [f"{room}: {trouble}" for room, trouble in self._refused.items()]
        if not troubles:
            hub.report(Status.READY)
        else:
            shown = "; ".join(troubles[:3])
            hub.report(Status.DEGRADED, f"{len(troubles)} of {len(self._by_id)} rooms: {shown}")

    # -- rooms and people, as the hub wishes

    def listen(self, room: RoomId, *, password: str = "") -> None:
        """Be in this room and read it, from now on."""
        if self.hosting.owns(room):
            self.hosting.listen(room)
            return
        known = self._by_id.get(room)
        if known is not None:
            known.password = password
            known.listener.called()
            return
        try:
            address = JID(room)
        except InvalidJID:
            address = JID()
        if not address.local or address.resource:
            self._refused[room] = "this is not the address of a room"
            self._tell_refused()
            return
        joined = JoinedRoom(
            Room(XMPP, room), address=address.bare, password=password, around=self._around, bans=self._bans
        )
        self._by_id[room] = self._rooms[address.bare] = joined
        self._stay(joined)

    def unlisten(self, room: RoomId) -> None:
        """Leave the room, and take every ghost out of it."""
        if self.hosting.owns(room):
            self.hosting.unlisten(room)
            return
        if self._refused.pop(room, None) is not None:
            self._changed()
        joined = self._by_id.pop(room, None)
        if joined is None:
            return
        task = self._staying.pop(joined.address, None)
        if task is not None:
            task.cancel()
        joined.leave()
        del self._rooms[joined.address]
        self._changed()

    def join(self, room: RoomId, member: Member) -> None:
        """Show this member in the room, or update them."""
        joined = self._by_id.get(room)
        if joined is not None:
            joined.ghosts.wish(member)
        elif room in self.hosting:
            self.hosting.show(room, member)

    def leave(self, room: RoomId, person: Person, *, reason: str = "") -> None:
        """Show this person in the room no more."""
        joined = self._by_id.get(room)
        if joined is not None:
            joined.ghosts.unwish(person, reason)
        elif room in self.hosting:
            self.hosting.hide(room, person, reason)

    def rename(self, room: RoomId, old: Person, member: Member) -> None:
        """Show ``member`` in the place of ``old``, whom they were."""
        joined = self._by_id.get(room)
        if joined is not None:
            joined.ghosts.rename(old, member)
        elif room in self.hosting:
            self.hosting.rename(room, old, member)

    def follow(self, room: RoomId, event: Abroad) -> None:
        """Take note of how the users of a hosted room fare elsewhere."""
        self.hosting.follow(room, event)

    def invited(self, person: Person, room: Room, *, by: str) -> None:
        """Pass an invitation into a room that could be hosted on to a user."""
        self.hosting.invite(person, room, by=by)

    # -- people, and users' own connections

    def sighted(self, person: Person, presence: Presence | None) -> None:
        """Show how a remote person is to whoever has them as a contact."""
        self.contacts.sighted(person, presence)

    def session_is(self, person: Person, network: Network, session: connector.Session) -> None:
        """Show somebody how their own connection to a network is."""
        self.contacts.session_is(person, network, session)
        self.hosting.session_is(person, network, session)

    def server_said(self, person: Person, network: Network, words: str) -> None:
        """Tell somebody what a network has said to them alone."""
        self.words.said(person, network, words)

    async def ask(self, person: Person, question: Question, *, by: Person) -> str:
        """Ask somebody's own client."""
        return await self._clients.ask(person, question, by=by)

    def copied(self, event: DirectCopied) -> None:
        """Show a user what they said on another network by a client of their own (XEP-0280), where their server lets us."""
        self._directs.copied(event, self._privileges)

    def typing(self, room: RoomId, member: Member, *, active: bool) -> None:
        """Show that this member started or stopped composing (XEP-0085); only ghosts that are there can."""
        if room in self.hosting:
            self.hosting.typing(room, member, active=active)
            return
        joined = self._by_id.get(room)
        ghost = None if joined is None else joined.ghosts.get(member.person)
        if joined is None or ghost is None or ghost.stage is not Stage.PRESENT or not joined.speaking():
            return
        state = stanzas.chat_state("composing" if active else "paused") + stanzas.hint("no-store")
        self._stream.send(stanzas.message(ghost.address, joined.address, kind="groupchat", extra=state))

    def bounced(self, room: RoomId, message: MessageId, *, to: Person, by: Person, reason: str) -> bool:
        """Tell somebody at the message itself that what they said in private will not arrive."""
        return room not in self._by_id and self._directs.bounce(message, to=to, by=by, reason=reason)

    def received(self, room: RoomId, message: MessageId, *, to: Person, by: Person) -> None:
        """Tell somebody that what they said in private has arrived; in a room nobody waits for that."""
        if room not in self._by_id:
            self._directs.receipt(message, to=to, by=by)

    async def check(self, rooms: list[RoomId]) -> list[Finding]:
        """Connect, join each room as the listener, look around, leave."""
        return await checks.check(self, rooms)

    def room(self, room: RoomId) -> JoinedRoom | None:
        """Return a room that is listened to; for checks and listings."""
        return self._by_id.get(room)

    def _tell_refused(self) -> None:
        for room, reason in self._refused.items():
            origin = self._around.origin(Room(XMPP, room))
            self._around.emit(RoomClosed(origin=origin, cause=Cause.REFUSED, reason=reason, final=True))

    def _find_shown(self, person: Person) -> Member | None:
        for room in self._rooms.values():
            ghost = room.ghosts.get(person)
            if ghost is not None:
                return ghost.member
        return None

    def _photo(self, member: Member) -> Avatar | None:
        return self._avatars.of(member)

    def _avatar(self, member: Member) -> str:
        found = self._avatars.of(member)
        return "" if found is None else found.sha1

    def _dress(self, member: Member) -> None:
        for room in self._rooms.values():
            room.ghosts.dress(member)
        self.hosting.dress(member)
        self.contacts.dress(member)

    # -- deliveries

    def send(self, delivery: Delivery) -> "asyncio.Future[Sent]":
        """Carry out one order; a room's are said in the order of the calls."""
        match delivery:
            case Tell():
                return self._private.say(delivery)
            case Kick() if self.hosting.owns(delivery.head.room.id):
                return _done(self.hosting.kick, delivery)
            case Kick():
                return self._kick(delivery)
            case Post() | Edit() | Retract() | React() | SetTopic() | Announce() if self.hosting.owns(
                delivery.head.room.id
            ):
                return self._hosted.say(delivery)
            case Post() | Edit() | Retract() | React() | SetTopic() | Announce():
                room = self._by_id.get(delivery.head.room.id)
                return _failed(_NO_ROOM) if room is None else room.say(delivery)
            case _:
                assert_never(delivery)

    def forgive(self, room: RoomId, person: Person) -> None:
        """Lift the ban that the bridge has set on somebody in a joined room."""
        found = self._by_id.get(room)
        if found is not None:
            found.forgive(person)

    def _kick(self, kick: Kick) -> "asyncio.Future[Sent]":
        room = self._by_id.get(kick.head.room.id)
        if room is None:
            return _failed(_NO_ROOM)
        if not self._stream.connected():
            return _failed(Retry("there is no connection to the XMPP server"))
        done: asyncio.Future[Sent] = asyncio.get_running_loop().create_future()
        room.kick(kick, done)
        return done

    # -- the session: what the stream brings

    def stream_up(self) -> None:
        """Begin anew: rooms are joined by their listeners' tasks."""
        self._privileges.forget()
        self._around.up.set()
        self._around.uploads.look()
        if self._around.hub is not None:
            self._around.hub.report(Status.READY)
            self.hosting.introduce()
            self.hosting.look_who_is_left()
            self.contacts.show_all()

    def stream_down(self, reason: str) -> None:
        """Be in no room: whatever was on the wire may or may not have arrived."""
        self._around.up.clear()
        for room in self._rooms.values():
            room.stream_down(reason)
        if self._around.hub is not None:
            self._around.hub.report(Status.DOWN, reason)

    def reads(self, room: str, to: str) -> bool:
        """Say whether the copies of a room's groupchat messages that go to this address are read."""
        joined = self._rooms.get(room)
        return joined.reads(to) if joined is not None else self.hosting.is_room(to)

    def wanted(self, name: str, attrs: dict[str, str]) -> bool:
        """Decide on the start tag whether a stanza has to be built: of presences only the reader's copies and one's own."""
        if attrs.get("type") == "error":
            return True
        room, _, nick = attrs.get("from", "").partition("/")
        joined = self._rooms.get(room)
        if name == "presence":
            return joined is None or joined.wants_presence(attrs.get("to", ""), nick)
        if attrs.get("type") == "groupchat":
            return self.reads(room, attrs.get("to", ""))
        return True

    def understood(self, attrs: dict[str, str], stanza: bytes) -> bool:
        """Take a room's message by its bytes alone, where they say all there is to know."""
        room, _, nick = attrs.get("from", "").partition("/")
        joined = self._rooms.get(room)
        if joined is None:
            return self.hosting.speaking.understood(attrs, stanza)
        return joined.reads(attrs.get("to", "")) and joined.understood(attrs.get("id", ""), nick, stanza)

    def recognised(self, said: Familiar) -> bool:
        """Take a message of a joined room that looks like one before it."""
        joined = self._rooms.get(said.room)
        return joined is not None and joined.reads(said.to) and joined.recognised(said)

    def _reported(self, element: Element) -> bool:
        """Take a report in a message; False: it is none."""
        report = self.blocking.told(element) if element.get("type") != "error" else None
        complain = self.blocking.complain
        if report is None or complain is None:
            return False
        if self.hosting.bars_command(report.by, None) is None:
            self._around.spawn(complain(report))
        return True

    def who_is(self, address: str) -> Person | None:
        """Return who stands at one of our addresses, for reports: a remote person, or an occupant of a hosted room."""
        bare, _, nick = address.partition("/")
        localpart, _, domain = bare.rpartition("@")
        if domain != self._stream.domain:
            return None
        return (
            self.hosting.occupant(bare, nick) if nick and bare in self.hosting else self.directory.person_at(localpart)
        )

    def _at_ours(self, element: Element) -> bool:
        """Take what is about our own addresses: contacts, rights, and rooms of our own."""
        if element.tag == _PRESENCE and self.contacts.take(element):
            return True
        return self._privileges.take(element) or self.hosting.take(element)

    def stanza(self, element: Element) -> bool:
        """Take a message or presence; False: it is about nothing here."""
        room, _, nick = element.get("from", "").partition("/")
        joined = self._rooms.get(room)
        if joined is None and self._at_ours(element):
            return True
        if element.tag == _PRESENCE:
            if joined is not None:
                joined.presence(element)
            return joined is not None
        if element.get("type") == "groupchat":
            if joined is not None and joined.reads(element.get("to", "")):
                joined.message(element, nick)
            return True
        if joined is None:
            return self._reported(element) or self._directs.take(element)
        if element.get("type") == "error":
            if not self._directs.bounced(element):
                joined.message(element, nick)
        elif nick:
            self._directs.take_from_occupant(joined, element, nick)
        else:
            joined.message(element, nick)
        return True


_NO_ROOM = Permanent("the bridge is not asked to be in this room")


def _done(work: Callable[P, Sent], *args: P.args, **kwargs: P.kwargs) -> "asyncio.Future[Sent]":
    """Return what became of something that is done at once."""
    done: asyncio.Future[Sent] = asyncio.get_running_loop().create_future()
    try:
        done.set_result(work(*args, **kwargs))
    except DeliveryFailure as failed:
        done.set_exception(failed)
    return done


def _failed(failure: DeliveryFailure) -> "asyncio.Future[Sent]":
    done: asyncio.Future[Sent] = asyncio.get_running_loop().create_future()
    done.set_exception(failure)
    return done
