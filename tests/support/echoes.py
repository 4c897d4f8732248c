"""A whole bridge between echo networks, in one line: a hub, a store in memory, a clock that stands still."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bridge.connector import PuppetSettings, Setup
from bridge.core.ids import Network
from bridge.core.routing import Policy
from bridge.engine.hub import Hub, Link
from bridge.engine.limits import Limits
from bridge.storage.memory import MemoryStore
from connectors.echo.config import EchoSettings
from connectors.echo.connector import EchoConnector
from connectors.echo.network import EchoNetwork
from tests.support.build import room
from tests.support.clock import VirtualClock, quiet


class Bridge:
    """A hub and its echo networks, by name."""

    def __init__(
        self, *, store: MemoryStore | None = None, limits: Limits | None = None, instance: str = "test"
    ) -> None:
        self.clock = VirtualClock()
        self.store = store or MemoryStore(now=self.clock.now)
        self.hub = Hub(store=self.store, clock=self.clock, instance=instance, limits=limits, jitter=lambda: 1.0)
        self.instance = instance
        self.connectors: dict[str, EchoConnector] = {}

    def add(
        self,
        name: str,
        network: EchoNetwork | None = None,
        *,
        puppets: PuppetSettings | None = None,
        **settings: Any,
    ) -> EchoConnector:
        """Add a network; settings are those of echo."""
        setup = Setup(
            network=Network(name),
            settings=EchoSettings(**settings),
            puppets=puppets or PuppetSettings(),
            instance=self.instance,
            version="0",
        )
        connector = EchoConnector(setup, network or EchoNetwork(now=self.clock.now))
        self.connectors[name] = connector
        self.hub.add_network(Network(name), connector, setup.puppets)
        return connector

    def link(self, *rooms: str, name: str = "link", policy: Policy | None = None) -> None:
        """Link rooms that are written as in the configuration."""
        self.hub.add_link(Link(name=name, rooms=tuple(map(room, rooms)), policy=policy or Policy()))

    def network(self, name: str) -> EchoNetwork:
        """Return the network behind a connector."""
        return self.connectors[name].network

    def release(self, name: str, *rooms: str) -> None:
        """Let held rooms go on."""
        self.connectors[name].trouble.release(*rooms)
        self.connectors[name].wake()


@asynccontextmanager
async def bridge(
    *networks: str, link: tuple[str, ...] = ("left:#a", "right:#b"), **settings: Any
) -> AsyncIterator[Bridge]:
    """Start a bridge between two networks (or those given), linked, and stop it in the end."""
    async with stopped(Bridge()) as one:
        await one.hub.open()
        for name in networks or ("left", "right"):
            one.add(name, **settings)
        if link:
            one.link(*link)
        await quiet()
        yield one


@asynccontextmanager
async def stopped(one: Bridge) -> AsyncIterator[Bridge]:
    """Stop a bridge in the end, whatever happens."""
    try:
        yield one
    finally:
        await one.hub.close(deadline=0)
