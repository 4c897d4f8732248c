"""What may be hosted, and the links that hosted rooms are in: the gateway mode, seen from the composition root.

A hosted room is linked with the room that its address names for as long as somebody is in it. Where that room is in a
configured link, the hosted one joins this link; else the two make a link of their own, which no listener of ours reads:
whoever is there does. Implements :class:`bridge.xmpp.hosted.ports.Gateway`; built by :mod:`bridge.app`.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping

import msgspec

from bridge.config import GatewaySettings
from bridge.connector import Attends, Joins, PuppetMode
from bridge.core.capabilities import Representation
from bridge.core.ids import XMPP, Network, Person, Room, RoomId
from bridge.engine.hub import Hub, Link

log = logging.getLogger(__name__)


class Hosted(msgspec.Struct, frozen=True, kw_only=True):
    """A hosted room that is open."""

    id: RoomId
    remote: Room
    password: str = ""


class Gateway:
    """The hosted rooms of a running bridge."""

    def __init__(self, hub: Hub, settings: GatewaySettings, *, relink: Callable[[], None]) -> None:
        """``relink`` brings the links into effect after :meth:`amended` has become another answer."""
        self.settings = settings
        self.kinds: Mapping[Network, str] = {}
        """The connector of each network; set by the application."""
        self.modes: Mapping[Network, PuppetMode] = {}
        """Who gets puppets on each network; set by the application."""
        self._hub = hub
        self._relink = relink
        self._hosted: dict[RoomId, Hosted] = {}

    # -- what the hosted rooms ask

    def find(self, name: str, network: Network | None) -> Room | None:
        """Return the room that an address names."""
        if not self.settings.enabled or not name:
            return None
        if network is None:
            network = self._fixed()
        connector = self._hub.networks().get(network) if network is not None else None
        if network is None or network == XMPP or not isinstance(connector, Attends):
            return None
        room = connector.named(name)
        return Room(network, room) if room is not None else None

    def _fixed(self) -> Network | None:
        fixed = Network(self.settings.fixed_server)
        return fixed if fixed in self.kinds else None

    def kind(self, network: Network) -> str:
        """Return the kind of a network."""
        return self.kinds.get(network, "")

    def refuses(self, user: str) -> str:
        """Return why somebody may not use hosted rooms."""
        return "" if is_allowed(user, self.settings.allow, self.settings.deny) else "you may not use this gateway"

    def sessions(self, network: Network) -> bool:
        """Tell whether users are on this network as themselves."""
        connector = self._hub.networks().get(network)
        shows = connector is not None and connector.capabilities.representation is Representation.SESSION
        return shows and isinstance(connector, Joins) and self.modes.get(network) is not PuppetMode.RELAY

    def open(self, hosted: RoomId, remote: Room, *, password: str = "") -> None:
        """Link a hosted room with the remote one. Raises: ValueError."""
        known = self._hosted.get(hosted)
        if known is not None and password in ("", known.password):
            return
        self._hosted[hosted] = Hosted(id=hosted, remote=remote, password=password)
        log.info("hosted.opened room=%s", remote)
        self._relink()

    def close(self, hosted: RoomId) -> None:
        """Take a link down."""
        known = self._hosted.pop(hosted, None)
        if known is not None:
            log.info("hosted.closed room=%s", known.remote)
            self._relink()

    def present(self, remote: Room, user: Person) -> str:
        """Return the nick under which a user is in a remote room already."""
        return self._hub.puppets.nick(remote, user)

    def is_listed(self, remote: Room) -> bool:
        """Tell whether it is known who is in a remote room."""
        return self._hub.puppets.is_listed(remote)

    # -- links

    def amended(self, links: Iterable[Link]) -> list[Link]:
        """Return the configured links with the open hosted rooms in them, and those that these make."""
        amended = list(links)
        for hosted in self._hosted.values():
            _put(hosted, amended)
        return amended


def _put(hosted: Hosted, links: list[Link]) -> None:
    """Put a hosted room into the link of its remote room, made if need be."""
    room = Room(XMPP, hosted.id)
    if any(room in link.rooms for link in links):
        return
    passwords = {hosted.remote: hosted.password} if hosted.password else {}
    for index, link in enumerate(links):
        if hosted.remote in link.rooms:
            more = {**passwords, **link.passwords}
            links[index] = msgspec.structs.replace(link, rooms=(*link.rooms, room), passwords=more)
            return
    name = f"hosted {hosted.remote}"
    links.append(Link(name=name, rooms=(room, hosted.remote), passwords=passwords, attended=True))


def is_allowed(user: str, allow: Collection[str], deny: Collection[str]) -> bool:
    """Tell whether a bare JID may use the gateway: entries are bare JIDs or domains; no ``allow`` is everybody."""
    names = {user, user.rpartition("@")[2]}
    return names.isdisjoint(deny) and (not allow or not names.isdisjoint(allow))
