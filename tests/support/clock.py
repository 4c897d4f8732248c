"""A clock that stands still until a test moves it, and a way to wait until the loop has nothing left to do."""

import asyncio
import heapq
import itertools
from collections.abc import Callable

START = 1_700_000_000_000
"""Milliseconds since the epoch at which every virtual clock begins."""


async def quiet() -> None:
    """Let the loop run until nothing is ready any more: whatever a call set off has happened."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(0)
        if not loop._ready:
            return


class VirtualTimer:
    """A call that is to come."""

    def __init__(self, call: Callable[[], None]) -> None:
        self.call = call
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class VirtualClock:
    """A :class:`bridge.engine.ports.Clock` whose time is moved by hand."""

    def __init__(self) -> None:
        self._elapsed = 0.0
        self._wrong = 0  # milliseconds by which the wall clock was set
        self._timers: list[tuple[float, int, VirtualTimer]] = []
        self._numbers = itertools.count()

    def now(self) -> int:
        return START + self._wrong + round(self._elapsed * 1000)

    def set_back(self, seconds: float) -> None:
        """Set the wall clock back, as NTP does to a machine that was ahead; what is measured goes on."""
        self._wrong -= round(seconds * 1000)

    def monotonic(self) -> float:
        return self._elapsed

    def call_later(self, seconds: float, call: Callable[[], None]) -> VirtualTimer:
        timer = VirtualTimer(call)
        heapq.heappush(self._timers, (self._elapsed + max(0.0, seconds), next(self._numbers), timer))
        return timer

    async def sleep(self, seconds: float) -> None:
        over = asyncio.get_running_loop().create_future()
        timer = self.call_later(seconds, lambda: over.done() or over.set_result(None))
        try:
            await over
        finally:
            timer.cancel()

    async def advance(self, seconds: float) -> None:
        """Let this much time pass: every timer goes off at its moment, and the loop runs dry in between."""
        await quiet()
        end = self._elapsed + seconds
        while self._timers and self._timers[0][0] <= end:
            due, _, timer = heapq.heappop(self._timers)
            if timer.cancelled:
                continue
            self._elapsed = max(self._elapsed, due)
            timer.call()
            await quiet()
        self._elapsed = end
        await quiet()

    def pending(self) -> int:
        """Return how many timers are set."""
        return sum(not timer.cancelled for _, _, timer in self._timers)
