"""The outbox: one ordered lane for each room that is told something, and what all lanes share.

The hub pushes what is committed; lanes send it (:mod:`bridge.engine.lane`). Here: which connector a network has and
whether it is ready, lanes found in the store at start, answers that never come, and the end. Not here: what a delivery
is, and whether it ought to be; that was decided before it was stored.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Sequence
from typing import Any

from bridge.connector import Connector
from bridge.core.deliveries import Delivery
from bridge.core.ids import DeliveryKey, Network, Room
from bridge.engine.desk import Desk
from bridge.engine.lane import Lane, LaneStatus, Outlet
from bridge.engine.ports import Queued, Timer

__all__ = ["LaneStatus", "Outbox"]

log = logging.getLogger(__name__)

Failed = Callable[[Queued, str, bool, bool], None]
"""Told of each delivery that is given up: why, whether it certainly did not arrive, and whether its room is closed to the bridge."""

SWEEP = 30.0
"""Seconds between two looks at answers that are overdue and lanes that nobody needs any more."""


class Outbox:
    """All lanes."""

    def __init__(self, desk: Desk, *, on_failed: Failed) -> None:
        self._desk = desk
        self._on_failed = on_failed
        self._lanes: dict[Room, Lane] = {}
        self._outlets: dict[Network, Outlet] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._emptied: asyncio.Future[None] | None = None
        self._sweeper: Timer | None = None

    async def open(self) -> None:
        """Find the lanes that the last run left; they are read once their network is ready."""
        last = await self._desk.store.last_seq()
        for room in await self._desk.store.lanes():
            self._lanes[room] = Lane(
                room, outlet=self._outlet(room.network), desk=self._desk, keeper=self, stored_up_to=last
            )
        self._sweeper = self._desk.clock.call_later(SWEEP, self._sweep)

    def attach(self, network: Network, connector: Connector) -> None:
        """Send through this connector from now on, once the network is ready."""
        outlet = self._outlet(network)
        outlet.connector = connector
        outlet.trouble = ""

    def detach(self, network: Network) -> None:
        """Send no more to this network; what waits for it stays in the store."""
        outlet = self._outlet(network)
        outlet.ready = False
        outlet.connector = None
        self.abandon(network, crashed=False)

    def push(self, queued: Sequence[Queued]) -> None:
        """Take committed deliveries, in the order of ``seq``."""
        for each in queued:
            room = each.delivery.head.room
            lane = self._lanes.get(room)
            (lane or self._new_lane(room)).push(each)

    def post(self, delivery: Delivery) -> None:
        """Take a passing delivery (a notice, a kick): it is not stored, and left out where the lane is full."""
        room = delivery.head.room
        (self._lanes.get(room) or self._new_lane(room)).post(delivery)

    def ready(self, network: Network, *, yes: bool) -> None:
        """Take note that a network can carry deliveries, or cannot; called at each report of its connector."""
        outlet = self._outlet(network)
        outlet.ready = yes and outlet.connector is not None
        if not outlet.ready:
            return
        assert outlet.connector is not None
        outlet.trouble = ""
        outlet.window = max(1, outlet.connector.capabilities.pipeline)
        outlet.patience = outlet.connector.capabilities.patience
        for lane in self._of(network):
            lane.pump()

    def abandon(self, network: Network, *, crashed: bool) -> None:
        """Wait for no answer of this network any more: its connector has stopped, or crashed."""
        for lane in self._of(network):
            lane.abandon(crashed=crashed)
        self.landed()

    async def revive(self, keys: Collection[DeliveryKey]) -> int:
        """Bring dead letters back into their lanes; returns how many."""
        revived = await self._desk.store.revive(keys)
        rooms = set()
        for queued in revived:
            room = queued.delivery.head.room
            (self._lanes.get(room) or self._new_lane(room)).revive(queued)
            rooms.add(room)
        for room in rooms:
            self._lanes[room].pump()
        return len(revived)

    def hold(self, room: Room) -> None:
        """Send a room nothing until :meth:`go_on`: something comes back that goes first."""
        (self._lanes.get(room) or self._new_lane(room)).hold()

    def go_on(self, room: Room, *, behind: int | None, newest: int) -> None:
        """Send again; ``behind`` this seq, and up to ``newest``, more waits in the store now than there was (None: nothing)."""
        self._lanes[room].go_on(behind=behind, newest=newest)

    async def drain(self, seconds: float) -> bool:
        """Wait until the networks that are ready have taken everything; False if they have not in this time.

        What was not sent stays in the store.
        """
        if seconds <= 0 or not self._busy():
            return not self._busy()
        emptied = self._emptied = asyncio.get_running_loop().create_future()
        timer = self._desk.clock.call_later(seconds, self._landed_too_late)
        try:
            await emptied
        finally:
            timer.cancel()
            self._emptied = None
        return not self._busy()

    async def close(self) -> None:
        """Stop: cancel what still reads or waits. Nothing is lost, the store has it."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for network in self._outlets:
            self.detach(network)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def under_way(self) -> set[DeliveryKey]:
        """Return which deliveries networks have, and have not answered."""
        return {key for lane in self._lanes.values() for key in lane.under_way()}

    def lanes(self) -> list[LaneStatus]:
        """Return the lanes that have something, by room."""
        return [lane.status() for _, lane in sorted(self._lanes.items()) if not lane.idle]

    def _outlet(self, network: Network) -> Outlet:
        outlet = self._outlets.get(network)
        if outlet is None:
            outlet = self._outlets[network] = Outlet(network)
        return outlet

    def _new_lane(self, room: Room) -> Lane:
        lane = self._lanes[room] = Lane(room, outlet=self._outlet(room.network), desk=self._desk, keeper=self)
        return lane

    def _of(self, network: Network) -> list[Lane]:
        return [lane for room, lane in self._lanes.items() if room.network == network]

    def _busy(self) -> bool:
        return any(lane.flying or (lane.outlet.ready and not lane.idle) for lane in self._lanes.values())

    def landed(self) -> None:
        """Take note that a delivery is not under way any more."""
        if self._emptied is not None and not self._emptied.done() and not self._busy():
            self._emptied.set_result(None)

    def _landed_too_late(self) -> None:
        if self._emptied is not None and not self._emptied.done():
            self._emptied.set_result(None)

    def _sweep(self) -> None:
        self._sweeper = self._desk.clock.call_later(SWEEP, self._sweep)
        before = self._desk.clock.monotonic() - self._desk.limits.send
        for room, lane in list(self._lanes.items()):
            lane.overdue(before)
            if lane.idle:
                del self._lanes[room]
            else:
                lane.pump()  # a look-up that failed is begun again

    def gave_up(self, queued: Queued, reason: str, *, certain: bool, barred: bool) -> None:
        """Take note that a delivery went to the dead letters; ``barred``: since its room is closed to the bridge."""
        self._on_failed(queued, reason, certain, barred)

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run this in a task of its own."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("outbox.fault", exc_info=error)
        self.landed()
