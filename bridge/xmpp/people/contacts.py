"""Our addresses as contacts: whom users have in their contact lists, and what these show (RFC 6121 sections 3 and 4).

A ghost is there as its network tells (``Sights``), else as it is shown in some room. A network is there as the user's own connection to it
is (what it says to them is ``networkwords``); where nobody has a connection of their own, while the component is, as the bridge itself.

Who has subscribed is kept over restarts: a user's server asks (``probe``) when they come, but not when we do. A network asks back for the
user's presence, so that it can be shown there whatever room they are in. Called by the connector.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Final
from xml.etree.ElementTree import Element

import msgspec

from bridge.connector import Session, Status
from bridge.core.events import Member, Presence, Show
from bridge.core.ids import XMPP, Network, Person, PersonId
from bridge.core.jids import TooLong, to_localpart
from bridge.engine.ports import StoreError
from bridge.xmpp.directory import Directory
from bridge.xmpp.hosted import occupants, requests
from bridge.xmpp.people.profiles import People
from bridge.xmpp.surroundings import RESOURCE, Surroundings
from bridge.xmpp.wire import stanzas

ASKING: Final = frozenset({"subscribe", "subscribed", "unsubscribe", "unsubscribed", "probe"})
MOST: Final = 50_000
MOST_OF_ONE: Final = 500
"""Contacts of all users, and of one."""
_PREFIX = "contact "


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """An address of ours in somebody's contact list."""

    user: str  # bare JID
    address: str  # bare
    motd: str = ""  # digest of the last one that they were told


class Contacts:
    """Who has whom in their contact list."""

    def __init__(
        self,
        around: Surroundings,
        *,
        directory: Directory,
        people: Callable[[], People | None],
        here: Callable[[str], Presence | None],
        moved: Callable[[str, Presence | None], None],
    ) -> None:
        """Begin with nobody.

        ``here`` gives the presence of a user by the clients that are in hosted rooms, None where there are none. ``moved``
        is called with a client of somebody who lets us see their presence: how it is now, None when it has gone.
        """
        self._around = around
        self._directory = directory
        self.blocks: Callable[[str, str], bool] = lambda _, __: False
        """Tells whether a user has blocked an address of ours; set by the connector."""
        self._people = people
        self._here = here
        self._moved = moved
        self._kept: dict[str, dict[str, Contact]] = {}  # by user and address
        self._ghosts: dict[Person, set[tuple[str, str]]] = {}  # (user, address) of who looks at somebody
        self._looked_for: set[Person] = set()
        self._seen: dict[Person, Presence | None] = {}  # of those of them of whom something was told
        self._clients: dict[str, dict[str, Presence]] = {}  # of users who let us see them, by full JID

    # -- from XMPP

    def take(self, element: Element) -> bool:
        """Take a presence about a subscription, or of somebody who lets a network see them; False: it is about something else."""
        kind = element.get("type", "")
        address = element.get("to", "").partition("/")[0]
        if address.rpartition("@")[2] != self._around.component.domain:
            return kind in ASKING
        if kind in ("", "unavailable"):
            return element.find(requests.JOIN) is None and self._note_client(element, address, gone=bool(kind))
        caller = element.get("from", "").partition("/")[0]
        if kind not in ASKING:
            return False
        if caller:
            self._asked(kind, address, caller, element.get("from", ""))
        return True

    def _asked(self, kind: str, address: str, caller: str, client: str) -> None:
        blocked = self.blocks(caller, address)
        known = self._is_known(address) and not blocked
        match kind:
            case "subscribe" if known and self._keep(caller, address):
                self._send(address, caller, "subscribed")
                self._tell(address, caller)
                self._ask_back(address, caller)
            case "probe" if known:
                self._keep(caller, address)
                self._tell(address, caller, client)
            case "probe" if blocked:  # not "unsubscribed": that would outlast the block
                self._around.component.send(stanzas.presence(f"{address}/{RESOURCE}", client, kind="unavailable"))
            case "subscribe" | "probe":
                self._send(address, caller, "unsubscribed")  # there is nobody
            case "unsubscribe":
                self._drop(caller, address)
                self._around.component.send(stanzas.presence(f"{address}/{RESOURCE}", caller, kind="unavailable"))
                self._send(address, caller, "unsubscribed")
            case _:
                pass  # whether we may see them: if so, they show it

    def _is_known(self, address: str) -> bool:
        return self._directory.describe(address.rpartition("@")[0]) is not None

    def _network_at(self, address: str) -> Network | None:
        """Return the network whose address this is; also a server that would be connected to."""
        return self._directory.network_or_server(address.rpartition("@")[0])

    def _ask_back(self, address: str, caller: str) -> None:
        """Ask to see somebody's presence where it can be shown elsewhere."""
        network = self._network_at(address)
        if network is not None and self._session(caller, network) is not None:
            stanza = stanzas.presence(address, caller, kind="subscribe", extra=stanzas.nick(network))
            self._around.component.send(stanza)

    def _note_client(self, element: Element, address: str, *, gone: bool) -> bool:
        """Note how a client of somebody's is; a directed presence to a network says the same."""
        client = element.get("from", "")
        user = client.partition("/")[0]
        if user not in self._kept or (address.rpartition("@")[0] and self._network_at(address) is None):
            return False
        clients = self._clients.setdefault(user, {})
        before = clients.pop(client, None)
        presence = None if gone else requests.presence(element)
        if presence is not None:
            clients[client] = presence
        elif not clients:
            del self._clients[user]
        if presence != before:
            self._moved(client, presence)
            self._tell_networks(user)
        return True

    def show(self, address: str, user: str) -> None:
        """Take note that an address has been put into a user's list, and show them how it is."""
        if self._keep(user, address):
            self._tell(address, user)

    def has(self, user: str, network: Network) -> Contact | None:
        """Return a network as it is in somebody's contact list, None where it is not."""
        return self._kept.get(user, {}).get(self.address(network))

    def amend(self, contact: Contact) -> None:
        """Keep a contact with something else to remember of it."""
        self._kept[contact.user][contact.address] = contact
        self._remember(contact)

    def clients(self, user: str) -> dict[str, Presence]:
        """Return the clients of a user that are known by their presence, by full JID."""
        return self._clients.get(user, {})

    # -- who has whom

    def _keep(self, user: str, address: str) -> bool:
        """Keep a contact; False where somebody has too many."""
        own = self._kept.get(user, {})
        if address in own:
            return True
        if len(own) >= MOST_OF_ONE or sum(map(len, self._kept.values())) >= MOST:
            return False
        contact = Contact(user=user, address=address)
        self._put(contact)
        self._remember(contact)
        return True

    def _put(self, contact: Contact) -> None:
        self._kept.setdefault(contact.user, {})[contact.address] = contact
        self._look_at(contact)

    def _look_at(self, contact: Contact) -> None:
        """Have a person looked out for, if the contact is one of a network that there is."""
        person = self._person_at(contact.address)
        if person is not None:
            self._ghosts.setdefault(person, set()).add((contact.user, contact.address))
            self._sight(person, contact.user)

    def _drop(self, user: str, address: str) -> None:
        own = self._kept.get(user, {})
        if own.pop(address, None) is None:
            return
        if not own:
            del self._kept[user]
            self._clients.pop(user, None)
        self._around.remember(
            f"{_PREFIX}{user} {address}", ""
        )  # in turn with what was kept before; swept at the next start
        person = self._person_at(address)
        lookers = self._ghosts.get(person) if person is not None else None
        if person is None or lookers is None:
            return
        lookers.discard((user, address))
        if not lookers:
            del self._ghosts[person]
            self._looked_for.discard(person)
            self._seen.pop(person, None)
            people = self._people()
            if people is not None:
                people.sight(person, on=False)

    def _sight(self, person: Person, user: str) -> None:
        """Have the network look out for somebody, if whoever wants that may."""
        people = self._people()
        if people is None or person in self._looked_for or not people.may(user, person.network):
            return
        self._looked_for.add(person)
        if not people.sight(person, on=True):
            self._looked_for.discard(person)

    def _person_at(self, address: str) -> Person | None:
        """Return the remote person whose address this is."""
        local = address.rpartition("@")[0]
        if not local or self._network_at(address) is not None or self._directory.is_room(local):
            return None
        return self._directory.person_at(local)

    def _remember(self, contact: Contact) -> None:
        name = f"{_PREFIX}{contact.user} {contact.address}"
        self._around.remember(name, msgspec.json.encode(contact).decode())

    async def restore(self) -> None:
        """Bring back who has whom, and show it."""
        hub = self._around.hub
        kept = await hub.recollect(_PREFIX) if hub is not None else {}
        for name, text in kept.items():
            if not text:
                await self._sweep(name)
                continue
            contact = msgspec.json.decode(text, type=Contact)
            if contact.address not in self._kept.get(contact.user, {}):
                self._put(contact)
        self.show_all()

    async def _sweep(self, name: str) -> None:
        hub = self._around.hub
        with contextlib.suppress(StoreError):  # then another time
            if hub is not None:
                await hub.forget(name)

    def look_anew(self) -> None:
        """Have networks look out again that were not there before, or were built anew."""
        self._looked_for.clear()
        for contact in self._all():
            self._look_at(contact)

    # -- what they see

    def show_all(self) -> None:
        """Show everything to everybody, and ask how they are who let a network see that: we have just come."""
        for contact in self._all():
            self._tell(contact.address, contact.user)
            network = self._network_at(contact.address)
            if network is not None and self._session(contact.user, network) is not None:
                self._send(contact.address, contact.user, "probe")

    def leave(self) -> None:
        """Be gone from all contact lists."""
        for contact in self._all():
            stanza = stanzas.presence(f"{contact.address}/{RESOURCE}", contact.user, kind="unavailable")
            self._around.component.send(stanza)

    def _all(self) -> Iterator[Contact]:
        for own in list(self._kept.values()):
            yield from list(own.values())

    def sighted(self, person: Person, presence: Presence | None) -> None:
        """Show how a remote person is."""
        if person not in self._ghosts:
            return
        self._seen[person] = presence
        for user, address in sorted(self._ghosts[person]):
            self._tell(address, user)

    def session_is(self, person: Person, network: Network, session: Session) -> None:
        """Show somebody how their connection to a network is."""
        user = person.id.partition("/")[0]
        address = self.address(network)
        if address in self._kept.get(user, {}):
            self._around.component.send(self._of_session(session, address, user, user))

    def _tell_networks(self, user: str) -> None:
        """Show somebody's networks anew: they are shown away as the user is."""
        for address in self._kept.get(user, {}):
            network = self._network_at(address)
            session = self._session(user, network) if network is not None else None
            if session is not None and session.status is Status.READY:
                self._tell(address, user)

    def _tell(self, address: str, user: str, to: str = "") -> None:
        """Send the presence of an address, to a user or to one client of theirs."""
        if self.blocks(user, address):
            return
        self._around.component.send(self._presence(address, user, to or user))

    def _presence(self, address: str, user: str, to: str) -> str:
        sender = f"{address}/{RESOURCE}"
        network = self._network_at(address)
        session = self._session(user, network) if network is not None else None
        if session is not None:
            return self._of_session(session, address, user, to)
        person = self._person_at(address)
        if person is None:
            return stanzas.presence(sender, to)
        here = self._of_person(person, user)
        if here is None:
            return stanzas.presence(sender, to, kind="unavailable")
        picture = stanzas.avatar(self._picture(address))
        return stanzas.presence(sender, to, show=_shown(here), status=here.status, extra=picture)

    def _picture(self, address: str) -> str:
        """Return the SHA-1 of a person's picture, "" while there is none."""
        described = self._directory.describe(address.rpartition("@")[0])
        return "" if described is None or described.photo is None else described.photo.sha1

    def dress(self, member: Member) -> None:
        """Show a picture that has just come to who has this person as a contact."""
        address = self._around.ghost_address(member.person)
        for user in [user for user, contacts in self._kept.items() if address in contacts]:
            self._tell(address or "", user)

    def _of_person(self, person: Person, user: str) -> Presence | None:
        """Return how a person is to a user: as the network tells, to who may ask it, else as they are shown in a room."""
        people = self._people()
        if person in self._seen and people is not None and people.may(user, person.network):
            return self._seen[person]
        member = self._directory.shown(person)
        return None if member is None else member.presence

    def _of_session(self, session: Session, address: str, user: str, to: str) -> str:
        """Return what a network is to a user: as their own connection is."""
        sender = f"{address}/{RESOURCE}"
        match session.status:
            case Status.READY | Status.DEGRADED:
                own = self._availability(user)
                words = f"connected as {session.name}" if session.name else "connected"
                words = f"{words}: {own.status}" if own.status and own.show is not Show.AVAILABLE else words
                return stanzas.presence(sender, to, show=_shown(own), status=words)
            case Status.CONNECTING | Status.NEEDS_LOGIN:
                return stanzas.presence(sender, to, show="xa", status=session.detail or session.status.value)
            case Status.DOWN:
                return stanzas.presence(sender, to, kind="unavailable", status=session.detail or "not connected")

    def _availability(self, user: str) -> Presence:
        here = self._here(user)
        known = [*self._clients.get(user, {}).values(), *([here] if here is not None else [])]
        return occupants.best(known) if known else Presence()

    def _session(self, user: str, network: Network) -> Session | None:
        people = self._people()
        return None if people is None else people.session(Person(XMPP, PersonId(user)), network)

    def address(self, network: Network) -> str:
        """Return a network's own address, "" for a name that is longer than any."""
        try:
            return f"{to_localpart(network, None)}@{self._around.component.domain}"
        except TooLong:
            return ""

    def _send(self, sender: str, to: str, kind: str) -> None:
        self._around.component.send(stanzas.presence(sender, to, kind=kind))


def _shown(presence: Presence) -> str:
    return "" if presence.show is Show.AVAILABLE else presence.show.value
