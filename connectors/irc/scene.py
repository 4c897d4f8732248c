"""What the listener, the puppets and the sending of one run share: the hub, the view, the places, the clock, the settings.

One is made for each run of the connector and thrown away with it; it decides nothing.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

from bridge.connector import Hub, PuppetSettings, Setup, Status
from bridge.core.events import Event, MessagePosted, Origin
from bridge.core.ids import EventKey, MessageId, Network, Person, Room, RoomId, digest
from connectors.irc.config import IrcSettings, flood, servers
from connectors.irc.connection.appearance import servers_for
from connectors.irc.connection.client import Congested, Connection, Identity, Owner, Reads
from connectors.irc.connection.connects import Connects
from connectors.irc.connection.idents import Idents
from connectors.irc.connection.isupport import Isupport
from connectors.irc.connection.overhearing import Overhearing
from connectors.irc.connection.pace import Pace
from connectors.irc.connection.sts import Policies
from connectors.irc.people.bans import Bans
from connectors.irc.people.manners import Manners
from connectors.irc.puppets.logins import Logins
from connectors.irc.puppets.preferences import USUAL, Preferences
from connectors.irc.reading.channels import View
from connectors.irc.reading.inbound import Inbound, topic_key
from connectors.irc.reading.pictures import Syncs
from connectors.irc.reading.places import Places

_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
_RECENT = 15
"""Messages of a room that its readers are taken to have before their eyes."""


class Scene:
    """One run of one network."""

    def __init__(
        self,
        setup: Setup,
        *,
        hub: Hub,
        pace: Pace,
        places: Places,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
        puppet: Callable[[str], Person | None],
        logins: Logins | None = None,
    ) -> None:
        """``spawn`` starts a task of this run; ``puppet`` gives the person behind a folded nick of ours."""
        self.setup = setup
        self.hub = hub
        self.pace = pace
        self.places = places
        self.spawn = spawn
        self.loop = asyncio.get_running_loop()
        self.connects = Connects(spawn, most=_most_connecting(self.settings), pace=pace)
        self.manners = Manners(f"Linkspan {setup.version}", self.loop.time, spawn)
        self.view = View(
            setup.network, Isupport(), me="", rooms=places.room, owns=lambda nick: puppet(nick) is not None
        )
        self.inbound = Inbound(self.view, puppet=puppet, run=time.time_ns())
        self._count = 0
        self._is_closed = False
        self._is_learnt = False
        self.overhearing = Overhearing()
        self.logins = logins or Logins(setup)
        self._reported: tuple[Status, str] | None = None
        self.idents = Idents()
        self.policies = Policies()
        self.syncs = Syncs(self.later)
        self.bans = Bans(self.remember)
        self._recent: dict[RoomId, deque[MessageId]] = {}

    @property
    def network(self) -> Network:
        """The network's name."""
        return self.setup.network

    @property
    def settings(self) -> IrcSettings:
        """The keys of ``[networks.NAME]``."""
        settings: IrcSettings = self.setup.settings
        return settings

    @property
    def puppets(self) -> PuppetSettings:
        """The keys of ``[networks.NAME.puppets]``."""
        return self.setup.puppets

    def now(self) -> int:
        """Return milliseconds since the epoch."""
        return time.time_ns() // 1_000_000

    def time(self) -> float:
        """Return seconds that never go backwards."""
        return self.loop.time()

    def later(self, seconds: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        """Call once, later."""
        return self.loop.call_later(seconds, call)

    @property
    def is_closed(self) -> bool:
        """Whether the run is over."""
        return self._is_closed

    def close(self) -> None:
        """Tell the bridge nothing more."""
        self._is_closed = True

    def emit(self, events: Iterable[Event]) -> None:
        """Hand facts to the bridge; IRC cannot be asked again, so nothing waits for their being stored."""
        for event in events:
            if isinstance(event, MessagePosted):
                self.say(event)
            elif not self._is_closed:
                self.hub.emit(event)

    def say(self, said: MessagePosted) -> None:
        """Hand over what somebody said."""
        if not self._is_closed:
            self.note_message(said.origin.room.id, (said.id,))
            self.hub.emit(said)

    def report(self, status: Status, detail: str = "") -> None:
        """Say how the network is, if that is news."""
        if (status, detail) != self._reported and not self._is_closed:
            self._reported = (status, detail)
            self.hub.report(status, detail)

    def origin(self, room: RoomId) -> Origin:
        """Return the origin of a fact about state that no line told."""
        self._count += 1
        key = EventKey(digest("scene", time.time_ns(), self._count))
        return Origin(room=Room(self.network, room), key=key, at=self.now())

    def learn(self, connection: Connection) -> None:
        """Learn from the first of all connections how this server works, where no listener does."""
        if not self.settings.listener and not self._is_learnt:
            self._is_learnt = True
            self.places.refold(connection.isupport.fold)
            self.view.begin(connection.isupport, "")

    def note_message(self, room: RoomId, ids: Sequence[MessageId]) -> None:
        """Keep in mind what readers of a room have before their eyes."""
        recent = self._recent.get(room)
        if recent is None:
            recent = self._recent[room] = deque(maxlen=_RECENT)
        recent.extend(ids)

    def is_recent(self, room: RoomId, ids: Sequence[MessageId]) -> bool:
        """Tell whether readers of a room still see one of these messages."""
        recent = self._recent.get(room, ())
        return any(message in recent for message in ids)

    def note_topic(self, name: str) -> None:
        """Keep in mind what the topic of a channel is, so that it is no news after a reconnect or restart."""
        place, channel = self.places.named(name), self.view.channel(name)
        if place is None or channel is None:
            return
        key = topic_key(channel.topic, channel.topic_at)
        if key != place.topic:
            place.topic = key
            self.remember(f"topic {place.id}", key)

    def remember(self, name: str, value: str) -> None:
        """Keep a small text over restarts; a hub that could not store it has said so itself."""
        if not self._is_closed:
            self.hub.remember(name, value)

    async def recall_topics(self) -> None:
        """Learn which topics the bridge knows of already."""
        for place in self.places:
            place.topic = await self.hub.recall(f"topic {place.id}") or ""

    def preferences(self, person: Person) -> Preferences:
        """Return how somebody wants to be here."""
        return self.logins.preferences.get(person, USUAL)

    def dial(self, owner: Owner, identity: Identity, person: Person | None) -> Connection:
        """Return a new connection to the network, for somebody's puppet or (None) the listener."""
        settings = self.settings
        own = USUAL if person is None else self.preferences(person)
        connection = Connection(
            owner,
            servers_for(self.setup, None) if person is None else self.logins.servers(person),
            identity,
            flood=flood(settings),
            encoding=own.encoding or settings.encoding,
            reads=Reads.ALL if person is None else Reads.OWN,
        )
        connection.writes = own.encoding or settings.encoding_out
        connection.idents = self.idents
        connection.policies = self.policies
        return connection


def command(connection: Connection, name: str, *params: str) -> None:
    """Write a line that has to go: behind everything that waits, or before it, if too much waits."""
    try:
        connection.send(name, *params)
    except Congested:
        connection.send(name, *params, urgent=True)


def _most_connecting(settings: IrcSettings) -> int:
    """Return how many connections may be on their way up; a server on the same machine is our own."""
    hosts = {server.host for server in servers(settings, certificate=False)}
    return settings.connecting or (100 if hosts <= _HERE else 5)
