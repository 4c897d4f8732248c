"""One supervised task for each network: started, restarted after a crash, cancelled with a deadline; and the status of each.

Not here: what a network does (its connector), and what follows from a status (the outbox and the puppets listen).
"""

from collections.abc import Callable

import msgspec

from bridge.connector import Connector, Hub, Status
from bridge.core.ids import Network
from bridge.engine.counters import Counters
from bridge.engine.limits import Limits
from bridge.engine.ports import Clock


class NetworkStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a network is."""

    network: Network
    status: Status
    detail: str  # one line for an operator
    since: int  # milliseconds since the epoch


class Supervisor:
    """Keeps every network running, each for itself."""

    def __init__(self, *, clock: Clock, counters: Counters, limits: Limits, jitter: Callable[[], float]) -> None:
        raise NotImplementedError

    def start(self, network: Network, connector: Connector, port: Hub) -> None:
        """Run this network from now on."""
        raise NotImplementedError

    async def stop(self, network: Network) -> None:
        """Cancel it, and wait until it has left, for ``limits.leave`` seconds at most."""
        raise NotImplementedError

    def report(self, network: Network, status: Status, detail: str = "") -> None:
        """Take down how a network is; listeners are called when it changes."""
        raise NotImplementedError

    def on_status(self, listener: Callable[[NetworkStatus, NetworkStatus | None], None]) -> None:
        """Call ``listener(now, before)`` at every change."""
        raise NotImplementedError

    def status(self, network: Network) -> NetworkStatus | None:
        """Return how a network is."""
        raise NotImplementedError

    def statuses(self) -> list[NetworkStatus]:
        """Return how all networks are, by name."""
        raise NotImplementedError
