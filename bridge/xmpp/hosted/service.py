"""The MUC service of the component: gives each stanza, delivery and fact to the room that it is about.

Thin: what follows is decided by :class:`~bridge.xmpp.hosted.room.HostedRoom`; here it is sent, and told to the hub. A hosted
room is a room of the network ``xmpp`` like any other, in a link with the room that its address names; the link is made
when the first user comes (``Gateway.open``) and taken down soon after the last one has gone. Called by the connector.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import assert_never
from xml.etree.ElementTree import Element

import msgspec

from bridge.connector import Abroad, Session, Status
from bridge.core import commands
from bridge.core.acts import Configuration, Setting
from bridge.core.deliveries import Kick, Sent
from bridge.core.events import (
    Barrier,
    Cause,
    Member,
    MemberJoined,
    MemberLeft,
    MembersListed,
    Origin,
    Presence,
    PuppetJoined,
    PuppetLeft,
    RoomChanged,
    RoomClosed,
    RoomOpened,
    TopicChanged,
)
from bridge.core.ids import XMPP, Network, Person, PersonId, Room, RoomId
from bridge.core.jids import TooLong, from_localpart, to_localpart
from bridge.core.preparation import nodeprep
from bridge.xmpp.hosted import describing, occupants, requests
from bridge.xmpp.hosted.archivist import Archivist
from bridge.xmpp.hosted.detaching import Detaching
from bridge.xmpp.hosted.entering import Entering
from bridge.xmpp.hosted.exports import Exports
from bridge.xmpp.hosted.occupants import Removal
from bridge.xmpp.hosted.petitions import Petitions, direct_invitation, invitation
from bridge.xmpp.hosted.places import Place
from bridge.xmpp.hosted.portraits import Portraits
from bridge.xmpp.hosted.ports import Doing, Gateway
from bridge.xmpp.hosted.presences import Presences
from bridge.xmpp.hosted.requests import BARRIERS, FATAL, Refused
from bridge.xmpp.hosted.reservations import Reservations
from bridge.xmpp.hosted.room import (
    Came,
    HostedRoom,
    Moved,
    Out,
    Seated,
    Subject,
    Went,
    presence_error,
    removal_of,
)
from bridge.xmpp.hosted.speaking import Speaking
from bridge.xmpp.hosted.staying import Staying
from bridge.xmpp.hosted.whereabouts import Whereabouts
from bridge.xmpp.joined import muc
from bridge.xmpp.messages.inbound import Scene
from bridge.xmpp.people.keepsakes import Keepsakes
from bridge.xmpp.ports import Described, IqRefused
from bridge.xmpp.surroundings import Surroundings
from bridge.xmpp.wire import namespaces as ns

LINGER = 10.0
"""Seconds that a room without users stays linked: farewells are still on their way, and some clients come right back."""
_PRESENCE = f"{{{ns.COMPONENT}}}presence"
_PING = f"<ping xmlns='{ns.PING}'/>"


class Guest(msgspec.Struct, frozen=True, kw_only=True):
    """A user in a hosted room, as an administrator sees them."""

    user: str  # bare JID
    address: str  # the room's
    remote: Room
    nick: str
    clients: tuple[str, ...]  # full JIDs; () where they stay without


class Hosting:
    """All hosted rooms."""

    def __init__(self, around: Surroundings) -> None:
        self.gateway: Gateway | None = None  # until the application has introduced itself
        self._around = around
        self._domain = around.component.domain
        self.networks: Callable[[str], Network | None] = lambda _: None  # whose own address a localpart is
        self._places: dict[str, Place] = {}  # by address, which is the room's id as well
        self.blocks: Callable[[str, str], bool] = lambda _, __: False
        """Tells whether a user has blocked an address of ours; set by the connector."""
        self.archivist = Archivist(around.clock, send=around.component.send, is_room=self.is_room)
        self.people: Callable[[str], Described | None] = lambda _: None  # what stands at a person's localpart
        self.keepsakes: Keepsakes | None = None  # until the connector has given some
        self.staying = Staying(around, self, self.archivist)
        self.stays = self.staying.stays
        self.exports = Exports(around, self.archivist)
        self.presences = Presences(self.place)
        self.detaching = Detaching(
            around, delay=lambda: 0.0 if self.gateway is None else self.gateway.detach, out=self._out
        )
        self.portraits = Portraits(around, place=self.place, changed=self._repainted)
        self.whereabouts = Whereabouts(around, is_here=self._is_here)
        self.reservations = Reservations(
            lambda: around.hub, place=self.place, network=self.network, refuses=self.refuses
        )
        self._entering = Entering(around, self, archivist=self.archivist, reservations=self.reservations)
        self.speaking = Speaking(
            around, gateway=lambda: self.gateway, place=self.place, archivist=self.archivist, carry=self.carry
        )
        self._petitions = Petitions(
            around, gateway=lambda: self.gateway, bounce=self.speaking.bounce, clients_of=self._clients_of
        )

    # -- what is where

    def __contains__(self, room: str) -> bool:
        """Tell whether this is a hosted room that is open."""
        return room in self._places

    def place(self, address: str) -> Place | None:
        """Return an open room by its bare address."""
        return self._places.get(address)

    def occupant(self, address: str, nick: str) -> Person | None:
        """Return who is called so in an open room."""
        place = self._places.get(address)
        found = None if place is None else place.room.called(nick)
        return None if found is None else found.person

    def owns(self, room: str) -> bool:
        """Tell whether a room's address is one of the component's."""
        return room.rpartition("@")[2] == self._domain

    def remote(self, address: str) -> Room | None:
        """Return the room that an address names, None where it is none that can be hosted."""
        localpart, _, domain = address.rpartition("@")
        found = from_localpart(localpart) if domain == self._domain and self.gateway is not None else None
        return None if found is None or self.gateway is None else self.gateway.find(*found)

    def network_at(self, address: str) -> Network | None:
        """Return the network whose own address this is."""
        localpart, _, domain = address.rpartition("@")
        return self.networks(localpart) if localpart and domain == self._domain else None

    def network(self, address: str) -> Network | None:
        """Return the network behind a room."""
        remote = self.remote(address)
        return remote.network if remote is not None else None

    def refuses(self, user: str, network: Network) -> str:
        """Return why somebody may not use a network."""
        return self.gateway.refuses(user, network) if self.gateway is not None else "nothing is hosted here"

    def is_room(self, address: str) -> bool:
        """Tell whether a bare address is a room's, open or not."""
        return address in self._places or self.remote(address) is not None

    def place_at(self, address: str) -> commands.Place | None:
        """Return a room as commands know it, None where there can be none."""
        place = self._places.get(address)
        remote = place.remote if place is not None else self.remote(address)
        return None if remote is None else commands.Place(network=remote.network, room=address)

    def named(self, text: str, network: Network | None) -> commands.Place | None:
        """Return the room that somebody means by its address, or by its name on a network."""
        local, at, domain = text.rpartition("@")
        if at and domain.casefold() == self._domain:
            return self.place_at(f"{nodeprep(local) or ''}@{self._domain}")
        found = self.gateway.find(text, network) if self.gateway is not None else None
        address = "" if found is None else self.address_of(found.network, found.id)
        return self.place_at(address) if address else None

    def address_of(self, network: Network, room: RoomId) -> str:
        """Return the address at which a network's room is hosted, "" if its id is too long for one."""
        try:
            return f"{to_localpart(room, network)}@{self._domain}"
        except TooLong:
            return ""

    def describe(self, localpart: str, client: str = "") -> Described | None:
        """Return what a room shows of itself to a client, None where there is none."""
        address = f"{localpart}@{self._domain}"
        place = self._places.get(address)
        remote = place.remote if place is not None else self.remote(address)
        if remote is None or self.gateway is None:
            return None
        now = self.gateway.configuration(remote) if place is not None else Configuration()
        is_shown = place is not None and (not now.settings.get(Setting.HIDDEN) or place.room.at(client) is not None)
        kept = self.archivist.archive is not None and self.gateway.keeps(remote.network)
        return describing.described(
            remote,
            now,
            room=place.room if place is not None and is_shown else None,
            title=self.gateway.title(remote),
            able=describing.features(now, persistent=self.gateway.persistent, kept=kept),
            photo=self.portraits.of(address, remote, self.gateway.picture(remote)),
        )

    def places(self) -> list[Place]:
        """Return every open room."""
        return list(self._places.values())

    def forget(self, address: str) -> None:
        """Have a room not be open that could not be linked."""
        self._places.pop(address, None)

    # -- the hub's wishes

    def listen(self, room: RoomId) -> None:
        """Serve a room, from now on: it is in a link."""
        place = self._places.get(room) or self._new(room)
        if place is not None:
            place.is_linked = True
            self._introduce(place)
            return
        origin = self._around.origin(Room(XMPP, room))
        reason = "there is no such room on any network"
        self._around.emit(RoomClosed(origin=origin, cause=Cause.REFUSED, reason=reason, final=True))

    def unlisten(self, room: RoomId) -> None:
        """Serve a room no more."""
        place = self._places.pop(room, None)
        if place is not None:
            place.is_linked = False
            self.carry(place, place.room.close(Removal(codes=(occupants.SHUTDOWN,), status="the room is not linked")))

    async def restore(self) -> None:
        """Begin a run: know what was kept, and bring those back who stay without a client."""
        await self.reservations.recall()
        await self.portraits.recall()
        await self.staying.restore()

    def address(self, remote: Room) -> str:
        """Return the address of a room: where it is open, else the shorter one of a fixed server's; "" where it has none."""
        addresses = [occupants.address(remote.id, network, self._domain) for network in (None, remote.network)]
        good = [address for address in addresses if address and self.remote(address) == remote]
        return next((address for address in good if address in self._places), good[0] if good else "")

    def bars_contact(self, user: str, network: Network) -> Refused | None:
        """Say why somebody cannot write to a person of a network now, None if they can."""
        if self.gateway is None:
            return None
        if why := self.gateway.refuses_contact(user, network):
            return Refused("forbidden", why)
        why = self.gateway.hurries(user, Doing.SPEAK)
        return Refused("resource-constraint", why) if why else None

    def bars_command(self, user: str, network: Network | None) -> Refused | None:
        """Say why somebody cannot give a command to a network or (None) the bridge now, None if they can."""
        if self.gateway is None:
            return None
        if why := self.gateway.refuses(user, network):
            return Refused("forbidden", why)
        why = self.gateway.hurries(user, Doing.COMMAND)
        return Refused("resource-constraint", why) if why else None

    def visit(self, network: Network) -> None:
        """Have a server be there that a user names, for what they have to set there."""
        if self.gateway is not None:
            self.gateway.visit(network)

    def hurries_to_ask(self, asker: str) -> str:
        """Say why somebody has to wait before they ask one more thing, "" if they need not."""
        return "" if self.gateway is None else self.gateway.hurries(asker, Doing.ASK)

    def review(self) -> None:
        """Put those out who may not be here any more: the operator has thought again."""
        for place in list(self._places.values()):
            for person in [each.person for each in place.room if each.is_user]:
                self._review(place, person)

    def _review(self, place: Place, person: Person) -> None:
        why = self.gateway.refuses(person.id, place.remote.network) if self.gateway is not None else ""
        if why:
            removal = Removal(codes=(occupants.BANNED,), reason=why)
            self.carry(place, place.room.removed(person, removal))

    def guests(self) -> list[Guest]:
        """Return who is in which room, with which clients."""
        return [
            Guest(
                user=str(each.person.id),
                address=place.id,
                remote=place.remote,
                nick=each.nick,
                clients=tuple(each.clients),
            )
            for place in self._places.values()
            for each in place.room
            if each.is_user
        ]

    def put_out(self, address: str, user: str, reason: str) -> None:
        """Take somebody out of a room, as an administrator wishes."""
        place = self._places.get(address)
        if place is not None:
            removal = Removal(codes=(occupants.KICKED,), reason=reason)
            self.carry(place, place.room.removed(Person(XMPP, PersonId(user)), removal))

    @property
    def users(self) -> int:
        """How many are in a room, or on their way into one."""
        return len(self.presences)

    def held(self, person: Person) -> set[Room]:
        """Return the remote rooms that somebody is in, or on their way into."""
        return {place.remote for place in self.presences.places(person)}

    def look_who_is_left(self) -> None:
        """Ask every client whether it is still there: while there was no stream nobody could tell us of their going."""
        clients = dict.fromkeys(client for place in self._places.values() for client in place.room.clients())
        for client in clients:
            self._around.spawn(self._look_after_client(client))

    async def _look_after_client(self, client: str) -> None:
        async with self._around.entering:
            try:
                await self._around.component.iq("get", to=client, payload=_PING)
            except IqRefused as refused:
                if refused.condition not in FATAL or not self._around.component.connected():
                    return
            else:
                return
        for place in list(self._places.values()):
            if place.room.at(client) is not None:
                stays = self.stays.stays(place.id, client.partition("/")[0])
                self.carry(place, place.room.leave(client, "not reachable any more", stays=stays, lost=True))

    def introduce(self) -> None:
        """Tell the hub anew who is where: a stream or a run has begun."""
        for place in self._places.values():
            if place.is_linked:
                self._introduce(place)

    def _introduce(self, place: Place) -> None:
        self._around.emit(RoomOpened(origin=self._origin(place)))
        members = tuple(place.room.members())
        self._around.emit(MembersListed(origin=self._origin(place), members=members))

    def _new(self, address: str) -> Place | None:
        remote = self.remote(address)
        if remote is None or self.gateway is None:
            return None
        sessions = self.gateway.sessions(remote.network)
        room = HostedRoom(
            address,
            remote=remote.network,
            instance=self._around.instance,
            sessions=sessions,
            logged=self.archivist.archive is not None and self.gateway.keeps(remote.network),
        )
        scene = Scene(room=Room(XMPP, RoomId(address)), address=address, stable_ids=True)
        place = self._places[address] = Place(room, RoomId(address), remote, scene)
        return place

    def _clients_of(self, address: str, jid: str) -> list[str]:
        """Return the clients of an occupant of a room."""
        place = self._places.get(address)
        occupant = place.room.called(jid.removeprefix(f"{address}/")) if place is not None else None
        return list(occupant.clients) if occupant is not None else []

    def _repainted(self, place: Place) -> None:
        """Tell those who are in a room that it has another picture (XEP-0486 section 3.2)."""
        moderated = place.room.moderated
        self.carry(place, place.room.reconfigured(moderated=moderated, told=True))

    def dress(self, member: Member) -> None:
        """Take note that a picture has come that was asked for: it may be a room's."""
        photo = self._around.avatar(member)
        for place in self._places.values():
            if str(place.remote) == f"{member.person.network}:{member.person.id}":
                self._repainted(place)
            self.carry(place, place.room.dress(member.person, photo))

    def shown(self, person: Person) -> Member | None:
        """Return how somebody of a remote room is shown, None if they are shown nowhere."""
        for place in self._places.values():
            occupant = place.room.find(person)
            if occupant is not None and not occupant.is_user:
                return Member(person=person, name=occupant.nick, avatar=occupant.avatar)
        return None

    def look_anew(self, place: Place) -> None:
        """Take note of what the remote room is now, and tell those who are here if that is another thing."""
        if self.gateway is None:
            return
        before, place.known = place.known, self.gateway.configuration(place.remote)
        moderated = place.known.settings.get(Setting.MODERATED, False)
        picture, place.picture = place.picture, self.gateway.picture(place.remote)
        told = before is not None and (before != place.known or picture != place.picture)
        self.carry(place, place.room.reconfigured(moderated=moderated, told=told))
        if place.known.password not in ("", place.password):
            self._learn_password(place, place.known.password)

    def _learn_password(self, place: Place, password: str) -> None:
        """Keep the password that the remote room has been given: who stays, or is connected anew, has to give it."""
        place.password = password
        if self.gateway is not None and place.is_linked:
            self.gateway.open(place.id, place.remote, password=password)  # it is open: nothing can be refused
        for occupant in place.room:
            if occupant.is_user:
                self._note_stay(place, occupant.person)

    def show(self, room: str, member: Member) -> None:
        """Show somebody of the other rooms."""
        place = self._places[room]
        self.carry(place, place.room.show(member, self._around.avatar(member)))

    def typing(self, room: str, member: Member, *, active: bool) -> None:
        """Show that somebody composes."""
        self.speaking.typing(self._places[room], member, active=active)

    def hide(self, room: str, person: Person, reason: str) -> None:
        """Show somebody no more."""
        place = self._places[room]
        self.carry(place, place.room.hide(person, reason))

    def rename(self, room: str, old: Person, member: Member) -> None:
        """Show somebody as another person."""
        place = self._places[room]
        self.carry(place, place.room.replace(old, member, self._around.avatar(member)))

    def follow(self, room: str, event: Abroad) -> None:
        """Take note of how users fare in the remote room, and of what that is."""
        place = self._places.get(room)
        if place is not None and event.origin.room == place.remote:
            self._see(place, event)

    def _see(self, place: Place, event: Abroad) -> None:
        match event:
            case PuppetJoined(person=person, name=name, rank=rank):
                if place.room.expects(person):
                    self.archivist.came(place.id, person.id)
                self.carry(place, place.room.let_in(person, name, rank))
            case PuppetLeft():
                self.carry(place, _put_out(place.room, event))
            case MembersListed():
                self.look_anew(place)
                self.carry(place, place.room.listed())
            case MemberLeft(member=member, cause=cause, reason=reason, actor=actor):
                self.carry(place, place.room.removed(member.person, removal_of(cause, reason, actor)))
            case RoomChanged():
                self.look_anew(place)
            case TopicChanged():
                self.carry(place, place.room.name(_subject(event)))
            case RoomOpened() | RoomClosed(final=False):
                place.room.unlisted()
            case RoomClosed(reason=reason):
                self.carry(place, place.room.close(Removal(codes=(occupants.TECHNICAL,), reason=reason)))
            case _:
                assert_never(event)

    def invite(self, person: Person, remote: Room, *, by: str) -> None:
        """Pass an invitation from the remote network on to a user (XEP-0045 section 7.8.2)."""
        address = occupants.address(remote.id, remote.network, self._domain)
        bare = person.id.partition("/")[0]
        if self.gateway is None or not address or "@" not in bare or self.gateway.refuses(bare, remote.network):
            return
        sender = occupants.address(by.lower(), remote.network, self._domain)
        if not (self.blocks(bare, address) or self.blocks(bare, sender)):
            self._around.component.send(invitation(address, sender, bare))

    # -- deliveries

    def kick(self, kick: Kick) -> Sent:
        """Remove a user because their stand-in elsewhere was removed; mostly they are gone already."""
        place = self._places.get(kick.head.room.id)
        if place is not None:
            codes = (occupants.BANNED,) if kick.ban else (occupants.KICKED,)
            self.carry(place, place.room.removed(kick.person, Removal(codes=codes, reason=kick.reason)))
        return Sent()

    # -- stanzas

    def take(self, element: Element) -> bool:
        """Take a message or presence to a room; False: it is to something else."""
        address, _, nick = element.get("to", "").partition("/")
        if not self.is_room(address):
            room = "" if element.tag == _PRESENCE else direct_invitation(element)
            if room and self._petitions.directly(self._places.get(room), element, address):
                return True
            return self._turn_away(address, nick, element)
        if element.tag == _PRESENCE:
            self._presence(address, nick, element)
        else:
            self._message(address, nick, element)
        return True

    def _turn_away(self, address: str, nick: str, element: Element) -> bool:
        """Tell somebody who wants into a room of ours that is none, whose client would wait for ever; False: it is no join."""
        is_join = element.tag == _PRESENCE and not element.get("type") and element.find(requests.JOIN) is not None
        if not is_join or not self.owns(address):
            return False
        refused = Refused("item-not-found", "there is no such room")
        sender, client = f"{address}/{nick}" if nick else address, element.get("from", "")
        self._around.component.send(presence_error(sender, client, refused, id_=element.get("id", "")))
        return True

    def _presence(self, address: str, nick: str, element: Element) -> None:
        kind = element.get("type", "")
        place = self._places.get(address)
        client = element.get("from", "")
        match kind:
            case "" if element.find(requests.JOIN) is not None:
                self._entering.enter(address, nick, element)
            case "":
                self._entering.changed(place, address, nick, element)
            case "unavailable" | "error":
                self._entering.give_up(address, client)
                if place is not None:
                    self._leave(place, client, requests.status(element), certain=kind == "error")
                    self.look_after(place)
            case _:
                pass  # subscriptions and probes: a room is no contact

    def _leave(self, place: Place, client: str, status: str, *, certain: bool) -> None:
        """Let a client go; with the last one the user goes, unless they stay. ``certain``: it is not there any more."""
        stays = self.stays.stays(place.id, client.partition("/")[0])
        stays = stays or self.detaching.holds(place, client, status, certain=certain)
        self.carry(place, place.room.leave(client, status, stays=stays))

    def opened(self, address: str, password: str) -> Place | None:
        """Return a room, opened and linked if it was not, None where there can be none. Raises: ValueError."""
        place = self._places.get(address) or self._new(address)
        if place is None or self.gateway is None:
            return None
        if place.closing is not None:
            place.closing.cancel()
            place.closing = None
        place.password = password or place.password
        if not place.is_linked or password:
            self.gateway.open(place.id, place.remote, password=password)
        return place

    def _message(self, address: str, nick: str, element: Element) -> None:
        kind = element.get("type", "normal")
        place = self._places.get(address)
        client = element.get("from", "")
        if kind == "error":
            if place is not None and muc.refusal(element).condition in FATAL:
                stays = self.stays.stays(address, client.partition("/")[0])
                self.carry(place, place.room.leave(client, "not reachable any more", stays=stays, lost=True))
            return
        occupant = place.room.at(client) if place is not None else None
        if kind != "groupchat" and not nick and self._petitions.declined(address, element):
            return
        if place is None or occupant is None:
            self.speaking.bounce(element, Refused("not-acceptable", "you are not in this room"))
        elif kind == "groupchat" and nick:
            self.speaking.bounce(element, Refused("bad-request", "what is said to all goes to the room"))
        elif kind == "groupchat":
            self.speaking.said(place, occupant, element)
        elif nick:
            self.speaking.whispered(place, occupant, nick, element)
        else:
            self._petitions.take(place, occupant, element)

    # -- what follows

    def tick(self, now: float) -> None:
        """Look after what takes too long."""
        for place in list(self._places.values()):
            self.carry(place, place.room.overdue(now))

    def session_is(self, person: Person, network: Network, session: Session) -> None:
        """Take note how somebody's own connection to a network is: who waits for one that fails is told why."""
        trouble = session.detail if session.status is Status.CONNECTING else ""
        for place in self.presences.places(person):
            if place.remote.network == network:
                place.room.cannot_connect(person, trouble)

    def leave(self) -> None:
        """Send everybody out: the bridge stops."""
        removal = Removal(codes=(occupants.SHUTDOWN,), status="the bridge is restarting")
        for place in list(self._places.values()):
            for out in place.room.close(removal):
                if isinstance(out, str):
                    self._around.component.send(out)
        self.archivist.flush()

    def carry(self, place: Place, outs: Iterable[Out]) -> None:
        """Do what follows."""
        for out in outs:
            match out:
                case str():
                    self._around.component.send(out)
                case Came(member=member):
                    self._tell(self.presences.came(place, member))
                case Seated(person=person):
                    self.archivist.came(place.id, person.id)
                    if self.keepsakes is not None:
                        self.keepsakes.network(person.id, place.remote.network)
                    self._note_stay(place, person)
                    self._note_clients(place, person)
                case Moved(person=person):
                    self._note_clients(place, person)
                case Went(member=member, reason=reason):
                    self.whereabouts.note(place.id, member.person.id)
                    self.presences.went(place, member.person)
                    self.archivist.went(place.id, member.person.id)
                    if place.is_linked:
                        self.stays.went(place.id, member.person.id)
                    self._around.emit(MemberLeft(origin=self._origin(place), member=member, reason=reason))
                    self.look_after(place)
                case _:
                    assert_never(out)

    def _tell(self, told: Iterable[tuple[Place, Member]]) -> None:
        """Tell the hub how users are, in each of their rooms."""
        for place, member in told:
            self._around.emit(MemberJoined(origin=self._origin(place), member=member))

    # -- how available users are

    def presence_of(self, user: str) -> Presence | None:
        """Return how a user (a bare JID) is, by their clients that are in rooms; None where there are none."""
        known = self.presences.clients(user)
        return occupants.best(known.values()) if known else None

    def client_of(self, user: str) -> str:
        """Return the most available client of a user, "" where none is known."""
        known = self.presences.clients(user)
        best = occupants.best(known.values())
        return next((client for client, presence in known.items() if presence == best), "")

    def moved(self, client: str, presence: Presence | None) -> None:
        """Take note how a client is of a user who lets a network see them; None: it has gone, which its rooms are told as well."""
        if presence is not None:
            for place in list(self._places.values()):
                if place.room.at(client) is not None:
                    self.carry(place, place.room.change(client, presence))
        self._tell(self.presences.changed(requests.user(client)))

    def _out(self, place: Place, person: Person, reason: str) -> None:
        """Send somebody out who has gone offline."""
        for out in place.room.part(person):
            self.carry(place, [msgspec.structs.replace(out, reason=reason) if isinstance(out, Went) else out])

    def _note_stay(self, place: Place, person: Person) -> None:
        occupant = place.room.find(person)
        if occupant is not None:
            self.stays.came(place.id, person.id, occupant.wanted, place.password)

    def _note_clients(self, place: Place, person: Person) -> None:
        occupant = place.room.find(person)
        if occupant is not None:
            self.whereabouts.note(place.id, person.id, occupant.nick, occupant.clients)

    def _is_here(self, address: str, client: str) -> bool:
        """Tell whether a client is in a room, or on its way in."""
        place = self._places.get(address)
        is_known = place is not None and (place.room.at(client) is not None or place.room.awaits(client))
        return is_known or self._entering.awaits(address, client)

    def look_after(self, place: Place) -> None:
        """Close a room soon that nobody is in."""
        is_awaited = self._entering.awaits_any(place.id)
        if place.room.is_deserted and place.closing is None and place.is_linked and not is_awaited:
            place.closing = self._around.component.call_later(LINGER, partial(self._close, place))

    def _close(self, place: Place) -> None:
        place.closing = None
        if place.room.is_deserted and self.gateway is not None:
            self.gateway.close(place.id)

    def _origin(self, place: Place) -> Origin:
        return self._around.origin(Room(XMPP, place.id))


def _subject(event: TopicChanged) -> Subject:
    """Return the subject that a topic is, whoever of the room has set it."""
    return Subject(event.topic, at=event.origin.at, by=event.sender.person if event.sender is not None else None)


def _put_out(room: HostedRoom, event: PuppetLeft) -> list[Out]:
    """Return what follows when the remote room does not let a user in, or has thrown them out."""
    occupant = room.find(event.person)
    if occupant is None or not occupant.is_user:
        if event.cause in (Cause.LOST, Cause.LEFT) or (room.is_absent(event.person) and not event.final):
            return []
        return room.keep_out(event.person, Refused(BARRIERS[event.barrier], event.reason))
    if event.cause in (Cause.LOST, Cause.LEFT, Cause.QUIT) and not event.final:
        return []  # on its way back
    is_banned = event.cause is Cause.KICKED and event.barrier is Barrier.BAN
    removal = removal_of(Cause.BANNED if is_banned else event.cause, event.reason, event.actor)
    if not removal.codes:
        removal = msgspec.structs.replace(removal, codes=(occupants.TECHNICAL,))
    return room.removed(event.person, removal)
