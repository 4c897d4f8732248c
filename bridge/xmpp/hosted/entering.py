"""How clients come into a hosted room: who is let in, with which past, and what they may change once they are there.

Who is refused is told why (XEP-0045 section 7.2); whoever may come in is a newcomer of the room until the remote room agrees, which
is the room's to say. Called by ``service``.
"""

from xml.etree.ElementTree import Element

import msgspec

from bridge.core.events import Rank
from bridge.core.ids import Room
from bridge.engine.ports import StoreError
from bridge.xmpp.hosted import occupants, requests
from bridge.xmpp.hosted.archivist import Archivist
from bridge.xmpp.hosted.occupants import Occupant
from bridge.xmpp.hosted.places import House, Place
from bridge.xmpp.hosted.ports import Doing, Gateway
from bridge.xmpp.hosted.requests import Refused
from bridge.xmpp.hosted.reservations import Reservations
from bridge.xmpp.hosted.room import presence_error, refusal
from bridge.xmpp.surroundings import Surroundings


class Entering:
    """Lets clients into rooms."""

    def __init__(self, around: Surroundings, house: House, *, archivist: Archivist, reservations: Reservations) -> None:
        self._around = around
        self._house = house
        self._archivist = archivist
        self._reservations = reservations
        self._coming: dict[str, object] = {}  # clients whose history is being read, by address and client

    def awaits(self, address: str, client: str) -> bool:
        """Tell whether a client comes in as soon as its history is read."""
        return f"{address}/{client}" in self._coming

    def awaits_any(self, address: str) -> bool:
        """Tell whether any client comes into this room as soon as its history is read."""
        return any(key.startswith(f"{address}/") for key in self._coming)

    def give_up(self, address: str, client: str) -> None:
        """Take note that a client does not want in any more."""
        self._coming.pop(f"{address}/{client}", None)

    def enter(self, address: str, nick: str, element: Element) -> None:
        """Take a presence that asks to be let in."""
        join = requests.join(element, nick, self._around.clock.now())
        refused = self._barred(address, join)
        place = None
        try:
            place = None if refused is not None else self._house.opened(address, join.password)
        except ValueError as error:
            self._house.forget(address)
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
            past = await self._archivist.recent(place.id, person.id)
        except StoreError:
            past = ()
        if self._coming.get(key) is ticket:
            del self._coming[key]
            if place.room.find(person) is not None:  # here already: what was said while we read is theirs, too
                heard |= {line.id for line in past}
                past += tuple(line for line in place.room.lines if line.id not in heard)
            self._come_in(place, msgspec.structs.replace(join, past=past))

    def _come_in(self, place: Place, join: requests.Join) -> None:
        if self._house.place(place.id) is not place:
            refused = Refused("service-unavailable", "the room has just been closed")
            self._around.component.send(refusal(place.id, join, refused))
            return
        self._house.carry(place, place.room.enter(join, self._around.clock.monotonic()))
        self._recognise(place, join.client)
        self._house.look_after(place)  # who was refused may have been the only one who came

    def _barred(self, address: str, join: requests.Join) -> Refused | None:
        if not join.nick:
            return Refused("jid-malformed", "a nick is needed: ROOM/NICK")
        place = self._house.place(address)
        remote = place.remote if place is not None else self._house.remote(address)
        if remote is None or self._house.gateway is None:
            return Refused("item-not-found", "there is no such room")
        user = join.client.partition("/")[0]
        why = self._house.gateway.refuses(user, remote.network)
        if why:
            return Refused("forbidden", why)
        if self._reservations.is_kept(remote.network, join.nick, user):
            return Refused("conflict", "another user has reserved this nick")
        locked = self._locked_out(place, self._house.gateway, join) if place is not None else None
        return locked or self._bounded(self._house.gateway, remote, user)

    def _bounded(self, gateway: Gateway, remote: Room, user: str) -> Refused | None:
        """Refuse who has enough, or comes too fast; one more client of somebody who is here is neither."""
        person = requests.user(user)
        held = self._house.held(person)
        if remote in held:
            return None
        why = gateway.bounds(person, remote, held, self._house.users) or gateway.hurries(user, Doing.JOIN)
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

    def _recognise(self, place: Place, client: str) -> None:
        """Let somebody in who is in the remote room already, for instance out of another room of the link."""
        if self._house.gateway is None or not place.room.awaits(client):
            return
        if self._house.gateway.is_listed(place.remote):
            self._house.look_anew(place)
            self._house.carry(place, place.room.listed())
        person = requests.user(client)
        name = self._house.gateway.present(place.remote, person)
        if name:
            self._house.carry(place, place.room.let_in(person, name, Rank.MEMBER))

    def changed(self, place: Place | None, address: str, nick: str, element: Element) -> None:
        """Take a presence of a client that is in the room: how it is, or another nick (sections 7.6 and 7.7)."""
        client = element.get("from", "")
        occupant = place.room.at(client) if place is not None else None
        if place is None or occupant is None:
            if place is None or not (place.room.awaits(client) or f"{address}/{client}" in self._coming):
                self._around.component.send(occupants.stranger(f"{address}/{nick}" if nick else address, client))
            return
        if (
            nick
            and nick != occupant.nick
            and self._reservations.is_kept(place.remote.network, nick, occupant.person.id)
        ):
            refused = Refused("conflict", "another user has reserved this nick")
            error = presence_error(f"{address}/{nick}", client, refused, id_=element.get("id", ""))
            self._around.component.send(error)
        elif nick and nick != occupant.nick and (why := self._hurries_to_rename(occupant)):
            refused = Refused("resource-constraint", why)
            error = presence_error(f"{address}/{nick}", client, refused, id_=element.get("id", ""))
            self._around.component.send(error)
        elif nick and nick != occupant.nick:
            self._house.carry(place, place.room.call(client, nick, id_=element.get("id", "")))
        else:
            self._house.carry(place, place.room.change(client, requests.presence(element)))

    def _hurries_to_rename(self, occupant: Occupant) -> str:
        """Say why somebody has to wait before they change their nick: everybody in every room is told, as of a join."""
        return "" if self._house.gateway is None else self._house.gateway.hurries(occupant.person.id, Doing.JOIN)
