"""What the engine counts, and connectors of themselves, as Prometheus reads it.

The labels of an own metric are the network's configured name, and one more with few fixed values where a connector counts.
Nothing is counted here: a collector reads the engine's numbers when it is asked, so that the hot path knows no metrics
library. Called by :mod:`bridge.web.admin`.
"""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client import GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from bridge.connector import Counted, Status
from bridge.engine.counters import BOUNDS, Count, Spread
from bridge.web.ports import Bridge, GatewayDocument, NetworkDocument, QueueDocument

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST


class EngineCollector(Collector):
    """Reads the engine at every scrape."""

    def __init__(self, bridge: Bridge, *, version: str) -> None:
        self._bridge = bridge
        self._version = version

    def collect(self) -> Iterator[Metric]:
        """Yield everything."""
        yield _gauge("build_info", "The program, always 1", [("version", self._version)], 1)
        unready = self._bridge.unready()
        yield _gauge("ready", "Whether store, XMPP and every network are up", [], not unready)
        yield _gauge("store_up", "Whether the store takes writes", [], "store" not in unready)
        links = self._bridge.links()
        yield _gauge("links", "Links that are configured", [], len(links))
        up = sum(all(room.open for room in link.rooms) for link in links)
        yield _gauge("links_up", "Links of which every room is read", [], up)
        yield _gauge("tasks", "Tasks of the event loop", [], len(asyncio.all_tasks()))
        yield from _gateway(self._bridge.gateway())
        yield from _networks(self._bridge.networks())
        yield from _queues(self._bridge.networks(), self._bridge.queues())
        yield from self._counts()
        yield from _counted(self._bridge.counted())

    def _counts(self) -> Iterator[Metric]:
        families = {count: CounterMetricFamily(f"linkspan_{count}", count.means, labels=["network"]) for count in Count}
        # from 0 on: increase() does not see a counter that begins with its first dead letter
        numbers = {(count, each.name): 0 for count in Count for each in self._bridge.networks()}
        numbers |= {(count, str(network)): number for count, network, number in self._bridge.counters}
        for (count, network), number in numbers.items():
            families[count].add_metric([network], number)
        yield from families.values()
        spread = HistogramMetricFamily(
            "linkspan_send_seconds", "From a connector's send to the network's answer", labels=["network"]
        )
        for network, took in self._bridge.counters.sending().items():
            spread.add_metric([network], _cumulated(took), took.total)
        yield spread


class Metrics:
    """Everything that ``/metrics`` shows: the engine's numbers and the process's own."""

    def __init__(self, bridge: Bridge, *, version: str) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(EngineCollector(bridge, version=version))
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def render(self) -> bytes:
        """Return the text that a scrape gets."""
        return generate_latest(self._registry)


def _gauge(name: str, means: str, labels: Iterable[tuple[str, str]], value: float) -> GaugeMetricFamily:
    pairs = list(labels)
    family = GaugeMetricFamily(f"linkspan_{name}", means, labels=[name for name, _ in pairs])
    family.add_metric([value for _, value in pairs], value)
    return family


def _gateway(gateway: GatewayDocument) -> Iterator[Metric]:
    yield _gauge("gateway_users", "Users in hosted rooms", [], gateway.users)
    yield _gauge("gateway_rooms", "Hosted rooms that are open", [], gateway.rooms)
    refused = CounterMetricFamily(
        "linkspan_gateway_refused",
        "Users refused by access lists (denied), quotas (full), rates (fast)",
        labels=["why"],
    )
    for why, number in gateway.refused.items():
        refused.add_metric([why], number)
    yield refused


def _networks(networks: Iterable[NetworkDocument]) -> Iterator[Metric]:
    state = GaugeMetricFamily(
        "linkspan_network_state", "1 for the state that a network is in", labels=["network", "state"]
    )
    puppets = GaugeMetricFamily("linkspan_puppets", "People shown on a network", labels=["network", "state"])
    for network in networks:
        for each in Status:
            state.add_metric([network.name, each.name.lower()], network.status == each)
        for name in ("wanted", "present", "refused"):
            puppets.add_metric([network.name, name], getattr(network.puppets, name))
    yield state
    yield puppets


def _queues(networks: Iterable[NetworkDocument], queues: Iterable[QueueDocument]) -> Iterator[Metric]:
    waiting = {network.name: 0 for network in networks}
    flying = dict(waiting)
    for queue in queues:
        network = queue.room.partition(":")[0]
        waiting[network] = waiting.get(network, 0) + queue.waiting
        flying[network] = flying.get(network, 0) + queue.flying
    for name, means, numbers in (
        ("queue_waiting", "Deliveries in memory that wait for their turn", waiting),
        ("queue_flying", "Deliveries that a network has not yet accepted", flying),
    ):
        family = GaugeMetricFamily(f"linkspan_{name}", means, labels=["network"])
        for network, number in numbers.items():
            family.add_metric([network], number)
        yield family


def _counted(counts: Iterable[tuple[str, Counted]]) -> Iterator[Metric]:
    """Yield what connectors have counted themselves; two of a kind share a metric."""
    families: dict[str, CounterMetricFamily] = {}
    for network, counted in counts:
        name = f"linkspan_{counted.name}"
        family = families.setdefault(name, CounterMetricFamily(name, counted.means, labels=["network", counted.by]))
        for value, number in counted.values.items():
            family.add_metric([network, value], number)
    yield from families.values()


def _cumulated(spread: Spread) -> list[tuple[str, float]]:
    total = 0
    buckets: list[tuple[str, float]] = []
    for bound, number in zip((*map(str, BOUNDS), "+Inf"), spread.buckets, strict=True):
        total += number
        buckets.append((bound, total))
    return buckets
