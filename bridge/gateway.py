"""What may be hosted, and the links that hosted rooms are in: the gateway mode, seen from the composition root.

A hosted room is linked with the room that its address names for as long as somebody is in it. Where that room is in a
configured link, the hosted one joins this link; else the two make a link of their own, which no listener of ours reads:
whoever is there does. Implements :class:`bridge.xmpp.hosted.ports.Gateway`; built by :mod:`bridge.app`.

In open mode any IRC server is a network under its host name for as long as somebody is in one of its rooms.
"""

import asyncio
import contextlib
import logging
import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

import msgspec

from bridge import __version__, registry
from bridge.config import GatewaySettings, History, OpenIrcTls, UnknownConnector, fixed_network, history
from bridge.connector import (
    Attends,
    Connector,
    Joins,
    Listed,
    Lists,
    Moderates,
    Pictures,
    PuppetMode,
    PuppetSettings,
    Secret,
    Setup,
    Titles,
)
from bridge.core.acts import Act, ActRefused, Configuration, Obstacle, Roll
from bridge.core.addresses import Range, parse_range
from bridge.core.capabilities import Representation
from bridge.core.ids import XMPP, Network, Person, PersonId, Room, RoomId
from bridge.core.jids import from_localpart
from bridge.doorkeeper import Doorkeeper
from bridge.engine.hub import Hub, Link
from bridge.xmpp.hosted.ports import Doing

log = logging.getLogger(__name__)

MOST_OPEN: Final = 50
"""IRC servers that are there at one time because somebody has named them."""
VISIT: Final = 600.0
"""Seconds for which one is there without a room, for what users set there."""
_SERVER: Final = re.compile(r"([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)(?::([0-9]{1,5}))?")
_LOW: Final = 1024
_IRC_PORTS: Final = frozenset({194, 994})
"""Below the one are ports of mail, web and the like, where nobody shall be sent in IRC's name; but for these (IANA)."""
_CHANNELS: Final = ("#", "&")
_ANYWHERE: Final = (parse_range("0.0.0.0/0"), parse_range("::/0"))
_THIS_MACHINE: Final = (parse_range("127.0.0.0/8"), parse_range("::1/128"))
_NOBODYS: Final = re.compile(r"(?:.*\.)?(?:localhost|test|invalid|example(?:\.(?:com|net|org))?)")
"""Domains that nobody can have (RFC 2606, RFC 6761): a bridge of this name is for trying out, and serves its own machine."""


class Hosted(msgspec.Struct, frozen=True, kw_only=True):
    """A hosted room that is open."""

    id: RoomId
    remote: Room
    password: str = ""


class Gateway:
    """The hosted rooms of a running bridge."""

    def __init__(
        self,
        hub: Hub,
        settings: GatewaySettings,
        *,
        instance: str,
        domain: str,
        relink: Callable[[], None],
        known: Callable[[], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """``relink`` brings the links into effect after :meth:`amended` has become another answer.

        ``known``: there are other networks now (:attr:`opened`).
        """
        self.door = Doorkeeper(settings, now=now)
        self._now = now
        self._visited: dict[Network, float] = {}  # opened networks where somebody had something to set, and when
        self._leaving: set[Network] = set()
        self.opened: dict[Network, str] = {}
        """Networks that are there because somebody has named them, with their kind."""
        self._instance = instance
        self._home = domain.partition(".")[2]
        self._is_trial = _NOBODYS.fullmatch(domain) is not None
        self._known = known
        self.key = Secret("")
        """As in :class:`bridge.connector.Setup`; set by the application."""
        self._closing: set[asyncio.Task[None]] = set()
        self.kinds: Mapping[Network, str] = {}
        """The connector of each network; set by the application."""
        self.histories: Mapping[Network, History] = {}
        """How much is kept of each network's rooms, where it says; set by the application."""
        self.hosts: Mapping[str, Network] = {}
        """The network that a server belongs to, by its host name; set by the application."""
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
        network = network or self.fixed
        if network is None or network == XMPP:
            return None
        connector = self._hub.networks().get(network)
        if connector is None:
            opens = name.startswith(_CHANNELS) and self.may_open(network)
            return Room(network, RoomId(name)) if opens else None
        if not isinstance(connector, Attends):
            return None
        room = connector.named(name)
        return Room(network, room) if room is not None else None

    @property
    def fixed(self) -> Network | None:
        """The network that is meant where an address names none: the configured one of this name, or with this server."""
        return fixed_network(self.settings, self.kinds, self.hosts)

    def may_open(self, network: Network) -> bool:
        """Tell whether an IRC server may be connected to because somebody has named it."""
        if network == self.fixed:
            return True
        settings = self.settings
        server = _SERVER.fullmatch(network)
        if server is None or not settings.open_irc:
            return False
        host, port = server[1], int(server[2] or _LOW)
        if port < _LOW and port not in _IRC_PORTS and host not in settings.open_irc_allow:
            return False
        return is_host_allowed(host, settings.open_irc_allow, settings.open_irc_deny)

    @property
    def settings(self) -> GatewaySettings:
        """What the operator says; may be replaced at any time."""
        return self.door.settings

    @settings.setter
    def settings(self, settings: GatewaySettings) -> None:
        self.door.settings = settings

    def refuses(self, user: str, network: Network | None) -> str:
        """Return why somebody may not use a network's rooms and commands, or (None) anything at all.

        Where users are not there as themselves, it does not decide whom it lets in: then it is the operator who has to
        have named them, or they are of the domain that the component is below.
        """
        if network is None:
            return self.door.denies(user)
        usual = () if self.sessions(network) else (self._home,)
        return self.door.refuses(user, network, allow=usual, is_open=self._is_named(network))

    def refuses_contact(self, user: str, network: Network) -> str:
        """Return why somebody may not write to a network's people; whoever is shown there already may."""
        if self._hub.puppets.is_shown(network, Person(XMPP, PersonId(user))):
            return self.door.denies(user)
        return self.door.refuses(user, network, is_open=self._is_named(network))

    def _is_named(self, network: Network) -> bool:
        """Tell whether a network is there, or would be, only because a user names it."""
        return network not in self.kinds and network != self.fixed

    def bounds(self, user: Person, remote: Room, held: Collection[Room], users: int) -> str:
        """Return why somebody cannot be in one more room, who holds these; so many use the gateway now."""
        if why := self.door.bounds(remote, held, users):
            return why
        if self.sessions(remote.network) and not self._hub.puppets.has_place(remote.network, user):
            return self.door.full(f"{remote.network} takes no more users of this gateway: try again later")
        return ""

    def bounds_stays(self, held: int) -> str:
        """Return why somebody cannot stay without a client in one room more than so many."""
        return self.door.bounds_stays(held)

    def hurries(self, user: str, doing: Doing, room: str = "") -> str:
        """Return why somebody has to wait before they do one more of something."""
        return self.door.hurries(user, doing, room)

    @property
    def persistent(self) -> bool:
        """Whether users stay in a room without a client."""
        return self.settings.persistent

    def keeps(self, network: Network) -> bool:
        """Whether what is said in rooms of this network is kept."""
        return self._history(network).messages != 0

    def _history(self, network: Network) -> History:
        return self.histories.get(network) or history(self.settings.history)

    def kept(self, hosted: RoomId) -> History:
        """Return how much is kept of a hosted room."""
        found = from_localpart(hosted.rpartition("@")[0])
        network = None if found is None else found[1] or self.fixed
        return history(self.settings.history) if network is None else self._history(network)

    @property
    def detach(self) -> float:
        """Seconds for which users stay in a room after they have gone offline."""
        return self.settings.detach

    def sessions(self, network: Network) -> bool:
        """Tell whether users are on this network as themselves."""
        if network not in self._hub.networks():
            return True  # an IRC server that is about to be opened
        connector = self._hub.networks().get(network)
        shows = connector is not None and connector.capabilities.representation is Representation.SESSION
        return shows and isinstance(connector, Joins) and self.modes.get(network) is not PuppetMode.RELAY

    def open(self, hosted: RoomId, remote: Room, *, password: str = "") -> None:
        """Link a hosted room with the remote one. Raises: ValueError."""
        known = self._hosted.get(hosted)
        if known is not None and password in ("", known.password):
            return
        if remote.network not in self._hub.networks() or remote.network in self._leaving:
            self._open_network(remote.network)
        new = self._hosted[hosted] = Hosted(id=hosted, remote=remote, password=password)
        log.info("hosted.opened room=%s", remote)
        room = Room(XMPP, hosted)
        if known is None and self._hub.link_of(remote) is None and self._hub.link_of(room) is None:
            self._hub.add_link(_link(new))  # what all links are need not be found anew for every user
        else:
            self._relink()

    def close(self, hosted: RoomId) -> None:
        """Take a link down."""
        known = self._hosted.pop(hosted, None)
        if known is not None:
            log.info("hosted.closed room=%s", known.remote)
            own = _link(known)
            if self._hub.link_of(known.remote) == own:
                self._hub.remove_link(own.name)
            else:
                self._relink()
            self._close_network(known.remote.network)

    # -- open mode

    def visit(self, network: Network) -> None:
        """Have a server that a user names be there for a while although nobody is in a room of it: they have something to set.

        Nothing is connected to by that. What cannot be opened is not there, as before.
        """
        if network != XMPP and network not in self._hub.networks() and self.may_open(network):
            with contextlib.suppress(ValueError):
                self._open_network(network)
        if network in self.opened:
            self._visited[network] = self._now()

    def tidy(self) -> None:
        """Let those go that were visited a while ago, and have no room."""
        for network in list(self.opened):
            self._close_network(network)

    def _make_room(self) -> None:
        """Let a server go where nobody is, so that there can be another one. Raises: ValueError where there is none."""
        if len(self.opened) < MOST_OPEN:
            return
        idle = next((network for network in self.opened if not self._is_in_use(network)), None)
        if idle is None:
            msg = "the gateway is connected to too many servers already"
            raise ValueError(msg)
        self._visited.pop(idle, None)
        self._close_network(idle)

    def _is_in_use(self, network: Network) -> bool:
        return any(hosted.remote.network == network for hosted in self._hosted.values())

    def _open_network(self, network: Network) -> None:
        """Have an IRC server as a network under its own name. Raises: ValueError."""
        if network in self._leaving:
            msg = f"{network} is just being left: try again in a moment"
            raise ValueError(msg)
        self._make_room()
        given = {"host": network, "listener": False, "tls_required": self.settings.open_irc_tls is OpenIrcTls.REQUIRED}
        try:
            settings = msgspec.convert(given, registry.settings_of("irc"))
            setup = Setup(
                network=network,
                settings=settings,
                puppets=PuppetSettings(max=self.settings.open_irc_max),
                instance=self._instance,
                version=__version__,
                key=self.key,
                reach=self._reach(network),
            )
            connector: Connector = registry.build("irc", setup)
        except (UnknownConnector, registry.ConnectorUnusableError) as error:
            raise ValueError(str(error)) from None
        self.opened[network] = "irc"
        log.info("network.opened network=%s", network)
        self._hub.add_network(network, connector, setup.puppets)
        self._known()

    def _reach(self, network: Network) -> tuple[Range, ...] | None:
        """Return where a server may be: on the public Internet, unless the operator has named it or its address.

        None: it is the operator's own choice, and waited for like a configured network when it is not there.
        """
        if network == self.fixed:
            return None
        server = _SERVER.fullmatch(network)
        if server is not None and server[1] in self.settings.open_irc_allow:
            return _ANYWHERE
        private = tuple(map(parse_range, self.settings.open_irc_private))
        return (*private, *_THIS_MACHINE) if self._is_trial else private

    def _close_network(self, network: Network) -> None:
        if network not in self.opened or self._is_in_use(network):
            return
        if self._now() - self._visited.get(network, -VISIT) < VISIT:
            return
        del self.opened[network]
        self._visited.pop(network, None)
        log.info("network.closed network=%s", network)
        self._leaving.add(network)
        task = asyncio.get_running_loop().create_task(self._remove(network))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        self._known()

    async def _remove(self, network: Network) -> None:
        """Leave a server; until that is done it cannot be opened again, for what is taken away then would be the new one's."""
        try:
            await self._hub.remove_network(network)
        finally:
            self._leaving.discard(network)

    def present(self, remote: Room, user: Person) -> str:
        """Return the nick under which a user is in a remote room already."""
        return self._hub.puppets.nick(remote, user)

    async def moderate(self, remote: Room, by: Person, act: Act) -> None:
        """Do something in a remote room, as a user. Raises: ActRefused."""
        await self._moderator(remote).moderate(remote.id, by, act)

    async def roll(self, remote: Room, by: Person, roll: Roll) -> list[tuple[str, str]]:
        """Return who is on a list of a remote room. Raises: ActRefused."""
        return await self._moderator(remote).roll(remote.id, by, roll)

    async def rooms(self, network: Network, by: Person) -> list[Listed]:
        """Return which rooms a network shows. Raises: ActRefused."""
        connector = self._hub.networks().get(network)
        if not isinstance(connector, Lists):
            raise ActRefused(Obstacle.IMPOSSIBLE, f"{network} does not list its rooms")
        return await connector.rooms(by)

    def configuration(self, remote: Room) -> Configuration:
        """Return what a remote room is."""
        connector = self._hub.networks().get(remote.network)
        if not isinstance(connector, Moderates):
            return Configuration()
        return connector.configuration(remote.id)

    def picture(self, remote: Room) -> str:
        """Return what the picture of a remote room is called, "" for none."""
        connector = self._hub.networks().get(remote.network)
        if not isinstance(connector, Pictures):
            return ""
        return connector.picture(remote.id)

    def title(self, remote: Room) -> str:
        """Return what people call a remote room."""
        connector = self._hub.networks().get(remote.network)
        if not isinstance(connector, Titles):
            return remote.id
        return connector.title(remote.id) or remote.id

    def _moderator(self, remote: Room) -> Moderates:
        connector = self._hub.networks().get(remote.network)
        if not isinstance(connector, Moderates):
            raise ActRefused(Obstacle.IMPOSSIBLE, f"nothing of the kind can be done on {remote.network}")
        return connector

    @property
    def size(self) -> int:
        """How many hosted rooms are open."""
        return len(self._hosted)

    def is_listed(self, remote: Room) -> bool:
        """Tell whether it is known who is in a remote room."""
        return self._hub.puppets.is_listed(remote)

    # -- links

    def amended(self, links: Iterable[Link]) -> list[Link]:
        """Return the configured links with the open hosted rooms in them, and those that these make."""
        amended = list(links)
        places = {room: index for index, link in enumerate(amended) for room in link.rooms}
        for hosted in self._hosted.values():
            room = Room(XMPP, hosted.id)
            index = places.get(hosted.remote)
            if room in places:
                continue
            if index is None:
                amended.append(_link(hosted))
                places |= {room: len(amended) - 1, hosted.remote: len(amended) - 1}
            else:
                amended[index] = _joined(amended[index], hosted)
                places[room] = index
        return amended


def _link(hosted: Hosted) -> Link:
    """Return the link that a hosted room makes with a remote one that is in no other."""
    return Link(
        name=f"hosted {hosted.remote}",
        rooms=(Room(XMPP, hosted.id), hosted.remote),
        passwords={hosted.remote: hosted.password} if hosted.password else {},
        attended=True,
    )


def _joined(link: Link, hosted: Hosted) -> Link:
    """Return a link with a hosted room in it."""
    passwords = {**_link(hosted).passwords, **link.passwords}
    return msgspec.structs.replace(link, rooms=(*link.rooms, Room(XMPP, hosted.id)), passwords=passwords)


def is_host_allowed(host: str, allow: Collection[str], deny: Collection[str]) -> bool:
    """Tell whether a server may be connected to: entries are host names, or ``.example.org`` for all below it."""

    def named(entries: Collection[str]) -> bool:
        return any(host == entry or (entry.startswith(".") and host.endswith(entry)) for entry in entries)

    return not named(deny) and (not allow or named(allow))
