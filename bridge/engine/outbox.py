"""The outbox: one ordered lane for each room that is told something, independent of all others.

(skeleton: signatures first)
"""

from collections.abc import Callable, Sequence

import msgspec

from bridge.connector import Connector
from bridge.core.deliveries import Delivery
from bridge.core.ids import DeliveryKey, Network, Room
from bridge.engine.counters import Counters
from bridge.engine.limits import Limits
from bridge.engine.ports import Clock, Queued, Store


class LaneStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What waits for one room."""

    room: Room
    waiting: int  # in memory; ``more`` says that the store has others
    more: bool
    flying: int
    oldest: int  # milliseconds since the epoch when the oldest of them happened, 0 if none
    reason: str  # why the lane waits, "" when it does not


class Outbox:
    """All lanes."""

    def __init__(  # noqa: PLR0913 - its surroundings, given once
        self,
        *,
        store: Store,
        clock: Clock,
        counters: Counters,
        limits: Limits,
        jitter: Callable[[], float],
        on_failed: Callable[[Queued, str, bool], None],
    ) -> None:
        raise NotImplementedError

    async def open(self) -> None:
        """Find the lanes that the last run left."""
        raise NotImplementedError

    def attach(self, network: Network, connector: Connector) -> None:
        """Send through this connector from now on, once the network is ready."""
        raise NotImplementedError

    def detach(self, network: Network) -> None:
        """Send no more to this network; what waits for it stays in the store."""
        raise NotImplementedError

    def push(self, queued: Sequence[Queued]) -> None:
        """Take committed deliveries, in the order of ``seq``."""
        raise NotImplementedError

    def post(self, delivery: Delivery) -> None:
        """Take a passing delivery (a notice, a kick): it is not stored, and left out where the lane is full."""
        raise NotImplementedError

    def ready(self, network: Network, *, yes: bool) -> None:
        """The network can carry deliveries, or cannot."""
        raise NotImplementedError

    async def revive(self, keys: Sequence[DeliveryKey]) -> int:
        """Bring dead letters back into their lanes; returns how many."""
        raise NotImplementedError

    async def drain(self, deadline: float) -> bool:
        """Wait until nothing is under way, for ``deadline`` seconds at most; True when so. What was not sent stays in the store."""
        raise NotImplementedError

    def lanes(self) -> list[LaneStatus]:
        """Return the lanes that have something."""
        raise NotImplementedError
