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
    Rank,
    RoomChanged,
    RoomClosed,
    RoomOpened,
    TopicChanged,
)
from bridge.core.ids import XMPP, Network, Person, PersonId, Room, RoomId
from bridge.core.jids import TooLong, from_localpart, to_localpart
from bridge.core.preparation import nodeprep
from bridge.engine.ports import StoreError
from bridge.xmpp.hosted import occupants, requests, speech
from bridge.xmpp.hosted.archivist import Archivist
from bridge.xmpp.hosted.detaching import Detaching
from bridge.xmpp.hosted.exports import Exports
from bridge.xmpp.hosted.occupants import Occupant, Removal
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
    refusal,
    removal_of,
)
from bridge.xmpp.hosted.speaking import Speaking
from bridge.xmpp.hosted.stays import Stay, Stays
from bridge.xmpp.hosted.whereabouts import Whereabouts
from bridge.xmpp.joined import muc
from bridge.xmpp.messages.inbound import Scene
from bridge.xmpp.people.keepsakes import Keepsakes
from bridge.xmpp.ports import Described, Form, IqRefused, Photo
from bridge.xmpp.surroundings import Surroundings
from bridge.xmpp.wire import namespaces as ns

LINGER = 10.0
"""Seconds that a room without users stays linked: farewells are still on their way, and some clients come right back."""
FEATURES = (
    ns.MUC,
    ns.MUC_REGISTER,
    ns.MUC_REQUEST,
    ns.MUC_ROOMCONFIG,
    ns.MUC_ROOMINFO,
    "http://jabber.org/protocol/muc#stable_id",
    "muc_nonanonymous",
    ns.PING_SELF,
    ns.IDS,
    ns.OCCUPANT_ID,
    ns.HATS,
)
"""What every hosted room can do (XEP-0045 section 6.4)."""
_KINDS = (
    (Setting.INVITED_ONLY, "muc_membersonly", "muc_open"),
    (Setting.HIDDEN, "muc_hidden", "muc_public"),
    (Setting.MODERATED, "muc_moderated", "muc_unmoderated"),
)
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
        self._coming: dict[str, object] = {}  # clients whose history is being read, by address and client
        self.archivist = Archivist(around.clock, send=around.component.send, is_room=self.is_room)
        self.people: Callable[[str], Described | None] = lambda _: None  # what stands at a person's localpart
        self.keepsakes: Keepsakes | None = None  # until the connector has given some
        self.at_start: Callable[[], Iterable[tuple[Room, Person, str]]] = lambda: ()
        """Who wants to be where without being asked, with the room's password."""
        self.stays = Stays(lambda: around.hub, part=self._part, erase=self._erase, settled=self._settled)
        self.exports = Exports(around, self.archivist)
        self.presences = Presences(self.place)
        self.detaching = Detaching(
            around, delay=lambda: 0.0 if self.gateway is None else self.gateway.detach, out=self._out
        )
        self.portraits = Portraits(around, place=self.place, changed=self._repainted)
        self.whereabouts = Whereabouts(around, is_here=self._is_here)
        self.reservations = Reservations(
            lambda: around.hub, place=self.place, network=self._network, refuses=self.refuses
        )
        self.speaking = Speaking(
            around, gateway=lambda: self.gateway, place=self.place, archivist=self.archivist, carry=self._carry
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

    def _network(self, address: str) -> Network | None:
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
        features = (*FEATURES, *_kinds(now), "muc_persistent" if self.gateway.persistent else "muc_temporary")
        if self.archivist.archive is not None and self.gateway.keeps(remote.network):
            features += (ns.MAM, ns.MAM_EXTENDED)
        photo = self.portraits.of(address, remote, self.gateway.picture(remote))
        is_shown = place is not None and (not now.settings.get(Setting.HIDDEN) or place.room.at(client) is not None)
        return Described(
            category="conference",
            kind="text",  # whatever the network: clients look for just this (XEP-0045 section 6.4)
            name=self.gateway.title(remote),
            features=features,
            forms=(_about(place.room if place is not None and is_shown else None, remote, now, photo),),
            photo=photo,
        )

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
            self._carry(place, place.room.close(Removal(codes=(occupants.SHUTDOWN,), status="the room is not linked")))

    async def restore(self) -> None:
        """Bring those back who stay without a client: they were here when the last run ended."""
        await self.reservations.recall()
        await self.portraits.recall()
        self.stays.usual = lambda: self.gateway is not None and self.gateway.persistent
        self.stays.bounds = lambda held: "" if self.gateway is None else self.gateway.bounds_stays(held)
        for stay in await self.stays.recall():
            self._restore(stay)
        for room, person, password in self.at_start():
            self.bring(room, person, password)

    def bring(self, remote: Room, person: Person, password: str) -> None:
        """Bring somebody into a room in which they want to be without being asked; there they stay until they part."""
        address = self._address(remote)
        if self.gateway is None or not address or self.gateway.refuses(person.id, remote.network):
            return
        held = self._held(person)
        if remote not in held and self.gateway.bounds(person, remote, held, self.users):
            return
        if not self.stays.stays(address, person.id) and self.gateway.bounds_stays(self.stays.wished_by(person.id)):
            return
        stay = self.stays.settle(address, person.id, password)
        place = self._places.get(address)
        if place is None or place.room.find(person) is None:
            self._restore(stay)

    def _address(self, remote: Room) -> str:
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
            self._carry(place, place.room.removed(person, removal))

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
            self._carry(place, place.room.removed(Person(XMPP, PersonId(user)), removal))

    @property
    def users(self) -> int:
        """How many are in a room, or on their way into one."""
        return len(self.presences)

    def _held(self, person: Person) -> set[Room]:
        """Return the remote rooms that somebody is in, or on their way into."""
        return {place.remote for place in self.presences.places(person)}

    def _restore(self, stay: Stay) -> None:
        try:
            place = self._opened(stay.room, stay.password) if self._may_stay(stay) else None
        except ValueError:
            place = None
        if place is None:
            return  # the network may be configured again some day
        person = requests.user(stay.user)
        self._carry(place, place.room.await_absent(person, stay.nick, self._around.clock.monotonic()))
        name = self.gateway.present(place.remote, person) if self.gateway is not None else ""
        if name:
            self._carry(place, place.room.let_in(person, name, Rank.MEMBER))

    def _may_stay(self, stay: Stay) -> bool:
        remote = self.remote(stay.room)
        return remote is not None and self.gateway is not None and not self.gateway.refuses(stay.user, remote.network)

    def _settled(self, stay: Stay, stays: bool) -> None:  # noqa: FBT001 - a callback
        """Note in a user's own account that they stay in a room, or that they do not."""
        remote = self.remote(stay.room)
        if self.keepsakes is None or remote is None:
            return
        if stays:
            self.keepsakes.stays(stay.user, stay.room, name=remote.id, nick=stay.nick)
        else:
            self.keepsakes.stays_no_more(stay.user, stay.room)

    async def _erase(self, room: str, person: Person) -> int | None:
        """Forget that somebody ever was in a room; whoever is there now has just come. Raises: StoreError."""
        gone = await self.archivist.erase(RoomId(room), person.id)
        place = self._places.get(room)
        if place is not None and place.room.find(person) is not None:
            self.archivist.came(place.id, person.id)
        return gone

    def leave_network(self, network: Network, user: str) -> bool:
        """Take somebody out of all rooms of a network, and forget that they stay there; tells whether they were in any."""
        person = requests.user(user)
        rooms = [place.id for place in self._places.values() if place.remote.network == network]
        left = [room for room in rooms if self._part(room, person)]
        self.stays.unsettle(user, lambda room: (remote := self.remote(room)) is not None and remote.network == network)
        return bool(left)

    def _part(self, room: str, person: Person) -> bool:
        """Take somebody out of a room, as they wish; tells whether they were there."""
        place = self._places.get(room)
        outs = place.room.part(person) if place is not None else []
        if place is not None:
            self._carry(place, outs)
        return bool(outs)

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
                self._carry(place, place.room.leave(client, "not reachable any more", stays=stays, lost=True))

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
        self._carry(place, place.room.reconfigured(moderated=moderated, told=True))

    def dress(self, member: Member) -> None:
        """Take note that a picture has come that was asked for: it may be a room's."""
        photo = self._around.avatar(member)
        for place in self._places.values():
            if str(place.remote) == f"{member.person.network}:{member.person.id}":
                self._repainted(place)
            self._carry(place, place.room.dress(member.person, photo))

    def shown(self, person: Person) -> Member | None:
        """Return how somebody of a remote room is shown, None if they are shown nowhere."""
        for place in self._places.values():
            occupant = place.room.find(person)
            if occupant is not None and not occupant.is_user:
                return Member(person=person, name=occupant.nick, avatar=occupant.avatar)
        return None

    def _look_anew(self, place: Place) -> None:
        """Take note of what the remote room is now, and tell those who are here if that is another thing."""
        if self.gateway is None:
            return
        before, place.known = place.known, self.gateway.configuration(place.remote)
        moderated = place.known.settings.get(Setting.MODERATED, False)
        picture, place.picture = place.picture, self.gateway.picture(place.remote)
        told = before is not None and (before != place.known or picture != place.picture)
        self._carry(place, place.room.reconfigured(moderated=moderated, told=told))
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
        self._carry(place, place.room.show(member, self._around.avatar(member)))

    def typing(self, room: str, member: Member, *, active: bool) -> None:
        """Show that somebody composes."""
        self.speaking.typing(self._places[room], member, active=active)

    def hide(self, room: str, person: Person, reason: str) -> None:
        """Show somebody no more."""
        place = self._places[room]
        self._carry(place, place.room.hide(person, reason))

    def rename(self, room: str, old: Person, member: Member) -> None:
        """Show somebody as another person."""
        place = self._places[room]
        self._carry(place, place.room.replace(old, member, self._around.avatar(member)))

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
                self._carry(place, place.room.let_in(person, name, rank))
            case PuppetLeft():
                self._carry(place, _put_out(place.room, event))
            case MembersListed():
                self._look_anew(place)
                self._carry(place, place.room.listed())
            case MemberLeft(member=member, cause=cause, reason=reason, actor=actor):
                self._carry(place, place.room.removed(member.person, removal_of(cause, reason, actor)))
            case RoomChanged():
                self._look_anew(place)
            case TopicChanged():
                self._carry(place, place.room.name(_subject(event)))
            case RoomOpened() | RoomClosed(final=False):
                place.room.unlisted()
            case RoomClosed(reason=reason):
                self._carry(place, place.room.close(Removal(codes=(occupants.TECHNICAL,), reason=reason)))
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
            self._carry(place, place.room.removed(kick.person, Removal(codes=codes, reason=kick.reason)))
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
                self._enter(address, nick, element)
            case "":
                self._changed(place, address, nick, element)
            case "unavailable" | "error":
                self._coming.pop(f"{address}/{client}", None)
                if place is not None:
                    self._leave(place, client, requests.status(element), certain=kind == "error")
                    self._look_after(place)
            case _:
                pass  # subscriptions and probes: a room is no contact

    def _leave(self, place: Place, client: str, status: str, *, certain: bool) -> None:
        """Let a client go; with the last one the user goes, unless they stay. ``certain``: it is not there any more."""
        stays = self.stays.stays(place.id, client.partition("/")[0])
        stays = stays or self.detaching.holds(place, client, status, certain=certain)
        self._carry(place, place.room.leave(client, status, stays=stays))

    def _enter(self, address: str, nick: str, element: Element) -> None:
        join = requests.join(element, nick, self._around.clock.now())
        refused = self._barred(address, join)
        place = None
        try:
            place = None if refused is not None else self._opened(address, join.password)
        except ValueError as error:
            self._places.pop(address, None)
            refused = Refused("resource-constraint", str(error))
        if place is None:
            refused = refused or Refused("item-not-found", "there is no such room")
            answer = presence_error(f"{address}/{nick}" if nick else address, join.client, refused, id_=join.id)
            self._around.component.send(answer)
            return
        if not place.room.logged:
            self._come_in(place, join)
            return
        ticket = self._coming[f"{place.id}/{join.client}"] = object()
        self._around.spawn(self._enter_with_past(place, join, ticket))

    async def _enter_with_past(self, place: Place, join: requests.Join, ticket: object) -> None:
        """Let a client in with what its user may read; it may have given up meanwhile, or asked anew."""
        key, person = f"{place.id}/{join.client}", requests.user(join.client)
        heard = {line.id for line in place.room.lines}
        try:
            past = await self.archivist.recent(place.id, person.id)
        except StoreError:
            past = ()
        if self._coming.get(key) is ticket:
            del self._coming[key]
            if place.room.find(person) is not None:  # here already: what was said while we read is theirs, too
                heard |= {line.id for line in past}
                past += tuple(line for line in place.room.lines if line.id not in heard)
            self._come_in(place, msgspec.structs.replace(join, past=past))

    def _come_in(self, place: Place, join: requests.Join) -> None:
        if self._places.get(place.id) is not place:
            refused = Refused("service-unavailable", "the room has just been closed")
            self._around.component.send(refusal(place.id, join, refused))
            return
        self._carry(place, place.room.enter(join, self._around.clock.monotonic()))
        self._recognise(place, join.client)
        self._look_after(place)  # who was refused may have been the only one who came

    def _barred(self, address: str, join: requests.Join) -> Refused | None:
        if not join.nick:
            return Refused("jid-malformed", "a nick is needed: ROOM/NICK")
        place = self._places.get(address)
        remote = place.remote if place is not None else self.remote(address)
        if remote is None or self.gateway is None:
            return Refused("item-not-found", "there is no such room")
        user = join.client.partition("/")[0]
        why = self.gateway.refuses(user, remote.network)
        if why:
            return Refused("forbidden", why)
        if self.reservations.is_kept(remote.network, join.nick, user):
            return Refused("conflict", "another user has reserved this nick")
        locked = self._locked_out(place, self.gateway, join) if place is not None else None
        return locked or self._bounded(self.gateway, remote, user)

    def _bounded(self, gateway: Gateway, remote: Room, user: str) -> Refused | None:
        """Refuse who has enough, or comes too fast; one more client of somebody who is here is neither."""
        person = requests.user(user)
        held = self._held(person)
        if remote in held:
            return None
        why = gateway.bounds(person, remote, held, self.users) or gateway.hurries(user, Doing.JOIN)
        return Refused("resource-constraint", why) if why else None

    def _locked_out(self, place: Place, gateway: Gateway, join: requests.Join) -> Refused | None:
        """Refuse who does not know the password of a room that others are in: theirs is not for everybody."""
        is_known = gateway.is_listed(place.remote)
        password = gateway.configuration(place.remote).password if is_known else place.password
        if password in ("", join.password) or (join.password and not is_known):
            return None
        person = requests.user(join.client)
        if place.room.find(person) is not None or gateway.present(place.remote, person):
            return None
        return Refused("not-authorized", "the room has a password, and this is not it")

    def _opened(self, address: str, password: str) -> Place | None:
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

    def _recognise(self, place: Place, client: str) -> None:
        """Let somebody in who is in the remote room already, for instance out of another room of the link."""
        if self.gateway is None or not place.room.awaits(client):
            return
        if self.gateway.is_listed(place.remote):
            self._look_anew(place)
            self._carry(place, place.room.listed())
        person = requests.user(client)
        name = self.gateway.present(place.remote, person)
        if name:
            self._carry(place, place.room.let_in(person, name, Rank.MEMBER))

    def _changed(self, place: Place | None, address: str, nick: str, element: Element) -> None:
        client = element.get("from", "")
        occupant = place.room.at(client) if place is not None else None
        if place is None or occupant is None:
            if place is None or not (place.room.awaits(client) or f"{address}/{client}" in self._coming):
                self._around.component.send(occupants.stranger(f"{address}/{nick}" if nick else address, client))
            return
        if nick and nick != occupant.nick and self.reservations.is_kept(place.remote.network, nick, occupant.person.id):
            refused = Refused("conflict", "another user has reserved this nick")
            error = presence_error(f"{address}/{nick}", client, refused, id_=element.get("id", ""))
            self._around.component.send(error)
        elif nick and nick != occupant.nick and (why := self._hurries_to_rename(occupant)):
            refused = Refused("resource-constraint", why)
            error = presence_error(f"{address}/{nick}", client, refused, id_=element.get("id", ""))
            self._around.component.send(error)
        elif nick and nick != occupant.nick:
            self._carry(place, place.room.call(client, nick, id_=element.get("id", "")))
        else:
            self._carry(place, place.room.change(client, requests.presence(element)))

    def _hurries_to_rename(self, occupant: Occupant) -> str:
        """Say why somebody has to wait before they change their nick: everybody in every room is told, as of a join."""
        return "" if self.gateway is None else self.gateway.hurries(occupant.person.id, Doing.JOIN)

    def _message(self, address: str, nick: str, element: Element) -> None:
        kind = element.get("type", "normal")
        place = self._places.get(address)
        client = element.get("from", "")
        if kind == "error":
            if place is not None and muc.refusal(element).condition in FATAL:
                stays = self.stays.stays(address, client.partition("/")[0])
                self._carry(place, place.room.leave(client, "not reachable any more", stays=stays, lost=True))
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
            self._carry(place, place.room.overdue(now))

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

    def _carry(self, place: Place, outs: Iterable[Out]) -> None:
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
                    self._look_after(place)
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
                    self._carry(place, place.room.change(client, presence))
        self._tell(self.presences.changed(requests.user(client)))

    def _out(self, place: Place, person: Person, reason: str) -> None:
        """Send somebody out who has gone offline."""
        for out in place.room.part(person):
            self._carry(place, [msgspec.structs.replace(out, reason=reason) if isinstance(out, Went) else out])

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
        return is_known or f"{address}/{client}" in self._coming

    def _look_after(self, place: Place) -> None:
        """Close a room soon that nobody is in."""
        is_awaited = any(key.startswith(f"{place.id}/") for key in self._coming)
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


def _kinds(now: Configuration) -> tuple[str, ...]:
    """Return what kind of room it is, as features."""
    kinds = tuple(yes if now.settings.get(setting) else no for setting, yes, no in _KINDS)
    return (*kinds, "muc_passwordprotected" if now.password else "muc_unsecured")


def _about(room: HostedRoom | None, remote: Room, now: Configuration, photo: Photo | None) -> Form:
    """Return what disco#info tells of a room beyond its features (section 6.4); ``room`` where that may be told."""
    by_all = now.settings.get(Setting.TOPIC_BY_ALL, True)
    fields = {
        "muc#maxhistoryfetch": str(speech.MOST),
        "muc#roomconfig_roomname": str(remote.id),
        "muc#roominfo_description": str(remote),
        "muc#roominfo_changesubject": "1" if by_all else "0",
        "muc#roominfo_subjectmod": "0" if by_all else "1",
    }
    if photo is not None:
        fields["muc#roominfo_avatarhash"] = photo.sha1
    if room is not None:
        fields["muc#roominfo_occupants"] = str(sum(1 for _ in room))
        fields["muc#roominfo_subject"] = room.subject.text
    return Form(ns.MUC_ROOMINFO, fields)
