"""Who is shown where: rosters of all rooms, and for each room the wish of whom to show there.

(skeleton: signatures first)
"""

from collections.abc import Callable

import msgspec

from bridge.connector import Connector, PuppetSettings
from bridge.core.ids import Network
from bridge.engine.counters import Counters
from bridge.engine.limits import Limits
from bridge.engine.ports import Clock, Store


class PuppetStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How many are shown on a network."""

    network: Network
    wanted: int
    present: int
    refused: int


class Puppets:
    """Compares who should be shown with who is, and wishes the difference."""

    def __init__(
        self, *, store: Store, clock: Clock, counters: Counters, limits: Limits, jitter: Callable[[], float]
    ) -> None:
        raise NotImplementedError

    def attach(self, network: Network, connector: Connector, settings: PuppetSettings) -> None:
        """Show people on this network from now on, where its connector can."""
        raise NotImplementedError

    def statuses(self) -> list[PuppetStatus]:
        """Return how many are shown, by network."""
        raise NotImplementedError
