"""The hub: takes facts from the networks, asks ``core`` what follows, has it stored, and hands it to the outbox.

(skeleton: signatures first) The application does::

    hub = Hub(store=store, clock=SystemClock(), instance=instance_id)
    await hub.open()                                            # reads what the last run left
    hub.set_links(links)                                        # also later: only the difference is acted on
    hub.add_network(Network("libera"), connector, settings)     # also later; starts it
    ...
    await hub.close()
"""

import random
from collections.abc import Awaitable, Callable, Sequence

from bridge.connector import Connector, Cursor, PuppetSettings, Status
from bridge.core.events import Event
from bridge.core.ids import Network, RoomId
from bridge.engine.counters import Counters
from bridge.engine.limits import Limits
from bridge.engine.outbox import Outbox
from bridge.engine.ports import Clock, Store, StoredLink
from bridge.engine.puppets import Puppets
from bridge.engine.supervisor import Supervisor


class Hub:
    """The engine: everything between a store and the connectors."""

    counters: Counters
    outbox: Outbox
    puppets: Puppets
    supervisor: Supervisor

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        instance: str,
        limits: Limits | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        raise NotImplementedError

    async def open(self) -> None:
        """Read what the last run left: the last seq, recent facts, lanes. The store is open already."""

    async def close(self, *, deadline: float = 5.0) -> None:
        """Take nothing more, finish what is under way, and stop all networks, within ``deadline`` seconds."""

    def set_links(self, links: Sequence[StoredLink]) -> None:
        """Make these the links; only what differs from before is acted on."""

    def links(self) -> list[StoredLink]:
        """Return the links as they are now (the type becomes core.routing.Link)."""
        raise NotImplementedError

    def add_network(self, network: Network, connector: Connector, puppets: PuppetSettings) -> None:
        """Start a network, and show it the rooms it has to listen to."""

    async def remove_network(self, network: Network) -> None:
        """Stop a network; what waits for it stays in the store."""

    def networks(self) -> list[Network]:
        """Return the names of all networks."""
        raise NotImplementedError

    def port(self, network: Network) -> "Port":
        """Return what the connector of this network is given."""
        raise NotImplementedError


class Port:
    """What one connector is given: a :class:`bridge.connector.Hub`."""

    def emit(self, event: Event) -> Awaitable[None]:
        """Hand over a fact."""
        raise NotImplementedError

    async def drained(self) -> None:
        """Return once the hub can take more."""

    def congested(self) -> str:
        """Return "" when facts are taken without delay, else why not."""
        raise NotImplementedError

    def report(self, status: Status, detail: str = "") -> None:
        """Say how the network is."""

    async def cursor(self, room: RoomId) -> Cursor | None:
        """Return the last journalled fact of a room of this network."""

    async def recall(self, name: str) -> str | None:
        """Return what :meth:`remember` kept."""

    def remember(self, name: str, value: str) -> Awaitable[None]:
        """Keep a small text."""
        raise NotImplementedError
