"""One supervised task for each network: started, restarted after a crash, cancelled with a deadline; and its status.

Not here: what a network does (its connector), and what follows from a status (the hub listens and tells the outbox and
the puppets). A network that crashes, or was never able to run, touches no other.
"""

import asyncio
import logging
from collections.abc import Callable

import msgspec

from bridge.connector import Connector, Hub, Status
from bridge.core import backoff
from bridge.core.ids import Network
from bridge.engine.counters import Count
from bridge.engine.desk import Desk

log = logging.getLogger(__name__)

_WELL = (Status.CONNECTING, Status.READY)
"""What nobody has to look after."""


class NetworkStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a network is."""

    network: Network
    status: Status
    detail: str  # one line for an operator
    since: int  # milliseconds since the epoch

    @property
    def up(self) -> bool:
        """Whether it can carry deliveries."""
        return self.status in (Status.READY, Status.DEGRADED)


Listener = Callable[[NetworkStatus, NetworkStatus | None], None]
"""Told of each report: how the network is now, and how it was before."""


class Supervisor:
    """Keeps every network running, each for itself."""

    def __init__(self, desk: Desk) -> None:
        self._clock = desk.clock
        self._counters = desk.counters
        self._limits = desk.limits
        self._jitter = desk.jitter
        self._tasks: dict[Network, asyncio.Task[None]] = {}
        self._statuses: dict[Network, NetworkStatus] = {}
        self._listeners: list[Listener] = []
        self._on_crash: list[Callable[[Network], None]] = []
        self._on_restart: list[Callable[[Network], None]] = []

    def start(self, network: Network, connector: Connector, port: Hub) -> None:
        """Run this network from now on."""
        assert network not in self._tasks, f"{network} runs already"
        task = asyncio.get_running_loop().create_task(self._keep(network, connector, port), name=f"network {network}")
        self._tasks[network] = task
        self.report(network, Status.CONNECTING)

    async def stop(self, network: Network) -> None:
        """Cancel it, and wait until it has left, for ``limits.leave`` seconds at most."""
        task = self._tasks.pop(network, None)
        if task is None:
            return
        task.cancel()
        if not await self._ended(task):
            log.warning("network.stuck network=%s: it did not leave within %g s", network, self._limits.leave)
        self._statuses.pop(network, None)

    async def close(self) -> None:
        """Stop all networks, at the same time."""
        await asyncio.gather(*(self.stop(network) for network in list(self._tasks)))

    def report(self, network: Network, status: Status, detail: str = "") -> None:
        """Take down how a network is, and tell the listeners; whoever was stopped has nothing to say any more."""
        if network not in self._tasks:
            return
        before = self._statuses.get(network)
        since = before.since if before is not None and before.status is status else self._clock.now()
        now = NetworkStatus(network=network, status=status, detail=detail, since=since)
        self._statuses[network] = now
        if before is None or (before.status, before.detail) != (status, detail):
            level = logging.INFO if status in _WELL else logging.WARNING
            log.log(level, "network.status network=%s status=%s detail=%s", network, status.value, detail)
        for listener in self._listeners:
            listener(now, before)

    def on_status(self, listener: Listener) -> None:
        """Call ``listener`` at every report, also when it repeats the last one."""
        self._listeners.append(listener)

    def on_crash(self, listener: Callable[[Network], None]) -> None:
        """Call ``listener`` when a network has crashed: nobody will answer what it was told."""
        self._on_crash.append(listener)

    def on_restart(self, listener: Callable[[Network], None]) -> None:
        """Call ``listener`` before a network that crashed is run again: its connector knows nothing any more."""
        self._on_restart.append(listener)

    def status(self, network: Network) -> NetworkStatus | None:
        """Return how a network is, None for one that does not run."""
        return self._statuses.get(network)

    def statuses(self) -> list[NetworkStatus]:
        """Return how all networks are, by name."""
        return [self._statuses[network] for network in sorted(self._statuses)]

    def ask(self, network: Network, call: Callable[[], object]) -> None:
        """Call an ability of a connector (join, leave, typing, listen) so that its faults stay its own.

        Such calls come out of what another network reported: that one's reader must not die of them.
        """
        try:
            call()
        except Exception:
            self._counters.add(Count.FAULTS, network)
            log.exception("network.fault network=%s", network)

    async def _keep(self, network: Network, connector: Connector, port: Hub) -> None:
        attempt = 0
        while True:
            began = self._clock.monotonic()
            why = await self._run(network, connector, port)
            if self._clock.monotonic() - began >= self._limits.stable:
                attempt = 0
            attempt += 1
            for listener in self._on_crash:
                listener(network)
            wait = backoff.delay(attempt, self._jitter())
            self.report(network, Status.DOWN, f"{why}; starting again in {wait:.0f} s")
            await self._clock.sleep(wait)
            self._counters.add(Count.RESTARTS, network)
            for listener in self._on_restart:
                listener(network)
            self.report(network, Status.CONNECTING)

    async def _run(self, network: Network, connector: Connector, port: Hub) -> str:
        """Run until it ends; return why it did. Raises: CancelledError when it was stopped from here."""
        try:
            await connector.run(port)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            log.exception("network.crashed network=%s: a cancellation of its own got out", network)
            return "crashed (CancelledError)"
        except Exception as error:
            log.exception("network.crashed network=%s", network)
            return f"crashed ({type(error).__name__})"
        log.error("network.ended network=%s: run returned", network)
        return "ended by itself"

    async def _ended(self, task: "asyncio.Task[None]") -> bool:
        """Wait for the end of a cancelled task; False if that takes too long."""
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def tell() -> None:
            if not over.done():
                over.set_result(None)

        task.add_done_callback(lambda _: tell())
        timer = self._clock.call_later(self._limits.leave, tell)
        try:
            await over
        finally:
            timer.cancel()
        return task.done()
