"""A hub with networks that are worked by hand: for what the engine does with facts, one by one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridge.connector import PuppetSettings, Status
from bridge.core.capabilities import Capabilities, Representation
from bridge.core.ids import Network
from bridge.core.routing import Policy
from bridge.engine.counters import Count
from bridge.engine.hub import Hub, Link
from bridge.engine.limits import Limits
from bridge.engine.media import Fetch
from bridge.storage.memory import MemoryStore
from tests.support.build import room
from tests.support.clock import VirtualClock, quiet
from tests.support.connectors import HandConnector, capabilities


class Works:
    """A hub, and a hand on every network."""

    def __init__(
        self, *, store: MemoryStore | None = None, limits: Limits | None = None, fetch: Fetch | None = None
    ) -> None:
        self.clock = VirtualClock()
        self.store = store or MemoryStore(now=self.clock.now)
        self.hub = Hub(
            store=self.store, clock=self.clock, instance="test", limits=limits, fetch=fetch, jitter=lambda: 1.0
        )
        self.networks: dict[str, HandConnector] = {}

    def add(
        self,
        name: str,
        connector: HandConnector | None = None,
        *,
        able: Capabilities | None = None,
        puppets: PuppetSettings | None = None,
    ) -> HandConnector:
        """Start a network."""
        connector = connector or HandConnector(able)
        self.networks[name] = connector
        self.hub.add_network(Network(name), connector, puppets or PuppetSettings())
        return connector

    def link(self, *rooms: str, name: str = "link", policy: Policy | None = None) -> None:
        """Link rooms that are written as in the configuration."""
        self.hub.add_link(Link(name=name, rooms=tuple(map(room, rooms)), policy=policy or Policy()))

    def count(self, count: Count) -> int:
        """Return a counter's sum."""
        return self.hub.counters.get(count)

    def status(self, name: str) -> Status | None:
        """Return how a network is."""
        status = self.hub.supervisor.status(Network(name))
        return status.status if status else None


@asynccontextmanager
async def works(
    *,
    store: MemoryStore | None = None,
    limits: Limits | None = None,
    puppets: PuppetSettings | None = None,
    representation: Representation = Representation.ADDRESS,
    pipeline: int = 1,
    link: tuple[str, ...] = ("left:#a", "right:#b"),
    fetch: Fetch | None = None,
) -> AsyncIterator[Works]:
    """Start a hub with the networks "left" and "right", and one link."""
    one = Works(store=store, limits=limits, fetch=fetch)
    await one.hub.open()
    for name in ("left", "right"):
        one.add(name, able=capabilities(representation, pipeline=pipeline), puppets=puppets)
    if link:
        one.link(*link)
    await quiet()
    try:
        yield one
    finally:
        await one.hub.close(deadline=0)
