"""Users as their administrator knows them: who is on which network how, whose session is ended, who is told something.

A user is on a network by a puppet, and in a hosted room with clients; the two come together here. Built by :mod:`bridge.app`;
called by :mod:`bridge.commands.users`.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from bridge import config
from bridge.connector import Identifies
from bridge.core.commands import CommandRefused, Why
from bridge.core.ids import XMPP, Network, Person, PersonId, Room, RoomId
from bridge.core.wording import did_you_mean, nearest, quoted
from bridge.engine.hub import Hub
from bridge.web.ports import SessionDocument, WhoseDocument

log = logging.getLogger(__name__)

_CUT: Final = 8
"""Characters that the shortest limit of a server leaves of a user name."""
_REASON: Final = "an administrator has ended your session"


class Hosted(Protocol):
    """A user in a hosted room."""

    @property
    def user(self) -> str:
        """Their bare JID."""

    @property
    def address(self) -> str:
        """The room's."""

    @property
    def remote(self) -> Room:
        """The room that it stands for."""

    @property
    def nick(self) -> str:
        """Theirs there."""

    @property
    def clients(self) -> tuple[str, ...]:
        """Full JIDs; none where they stay without."""


class Host(Protocol):
    """The XMPP side: :class:`bridge.xmpp.connector.XmppConnector`."""

    def guests(self) -> Sequence[Hosted]:
        """Return who is in which hosted room."""

    def put_out(self, address: str, user: str, reason: str) -> None:
        """Take somebody out of a hosted room."""

    def tell(self, users: Iterable[str], text: str) -> bool:
        """Tell users something in private; False while there is no stream."""


class Users:
    """A :class:`bridge.commands.users.Users`."""

    def __init__(self, hub: Hub, hosts: Callable[[], Sequence[Host]]) -> None:
        self._hub = hub
        self._hosts = hosts

    def sessions(self, *, network: str = "", user: str = "") -> Sequence[SessionDocument]:
        """Return who is where, by user; "" is all. Raises: CommandRefused."""
        self._check(network)
        guests = {(each.user, each.remote): each for host in self._hosts() for each in host.guests()}
        found = []
        for shown in self._hub.puppets.sessions():
            who, room = shown.person.id, shown.room
            if shown.person.network == XMPP and room.network != XMPP:
                guest = guests.pop((who, room), None)
                state = "present" if shown.present else "on the way"
                clients = () if guest is None else guest.clients
                found.append(_document(who, room, shown.nick or shown.name, state=state, clients=clients))
        found += [
            _document(each.user, each.remote, each.nick, state="through the bridge", clients=each.clients)
            for each in guests.values()
        ]
        wanted = [each for each in found if network in ("", each.network) and user in ("", each.user)]
        return sorted(wanted, key=lambda each: (each.user, each.network, each.room))

    def whose(self, mark: str, *, network: str = "") -> Sequence[WhoseDocument]:
        """Return whose connections a network may know by a user name, an address or a host. Raises: CommandRefused.

        Of those who are somewhere now, and those who have a login; a user name may be cut short.
        """
        self._check(network)
        wanted = mark.strip().removeprefix("~").casefold()
        people = {each.user for each in self.sessions()} | {each.login.person.id for each in self._hub.logins.kept()}
        found = [
            WhoseDocument(user=user, network=name, marks=marks)
            for name, connector in self._hub.networks().items()
            if isinstance(connector, Identifies) and network in ("", name)
            for user in sorted(people)
            if _fits(wanted, marks := connector.marks(Person(XMPP, PersonId(user))))
        ]
        return sorted(found, key=lambda each: (each.user, each.network))

    def disconnect(self, user: str, *, network: str = "") -> int:
        """End a user's sessions; returns how many there were. Raises: CommandRefused."""
        count = len(self.sessions(network=network, user=user))
        for host in self._hosts():
            for guest in host.guests():
                if guest.user == user and network in ("", guest.remote.network):
                    host.put_out(guest.address, user, _REASON)
        person = Person(XMPP, PersonId(user))
        self._hub.puppets.withdraw(person, _REASON, network=Network(network) if network else None)
        log.info("session.ended sessions=%d", count)
        return count

    def tell(self, users: Iterable[str], text: str) -> int:
        """Tell users something in private; returns how many could be told. Raises: CommandRefused while nobody can."""
        known = [user for user in users if "/" not in user]  # not occupants whose address the room hides
        if known and not any(host.tell(known, text) for host in self._hosts()):
            msg = "there is no connection to the XMPP server"
            raise CommandRefused(msg, why=Why.AWAY)
        return len(known)

    def announce(self, room: str, text: str) -> None:
        """Say something in a room of a link. Raises: CommandRefused."""
        known = {each for link in self._hub.links() for each in link.rooms}
        found = next((each for each in (config.room(room), Room(XMPP, RoomId(room))) if each in known), None)
        if found is None:
            msg = f"found {quoted(room)}, expected a room of a link"
            raise CommandRefused(msg, why=Why.MISSING, field="room")
        self._hub.announce(found, text)

    def _check(self, network: str) -> None:
        known = [name for name in self._hub.networks() if name != XMPP]
        if network and network not in known:
            reason = f"found {quoted(network)}, {did_you_mean(nearest(network, known), sorted(known))}"
            raise CommandRefused(reason, why=Why.MISSING, field="network")


def _fits(wanted: str, marks: Iterable[str]) -> bool:
    return any(
        mark.casefold() == wanted or (len(wanted) >= _CUT and mark.casefold().startswith(wanted)) for mark in marks
    )


def _document(user: str, room: Room, nick: str, *, state: str, clients: tuple[str, ...]) -> SessionDocument:
    return SessionDocument(user=user, network=room.network, room=f"{room}", nick=nick, state=state, clients=clients)
