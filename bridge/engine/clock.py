"""The real clock; tests bring their own (``tests/support/clock.py``). Nothing else in the engine asks for the time."""

import asyncio
import time
from collections.abc import Callable

from bridge.engine.ports import Timer


class SystemClock:
    """Time of this machine, timers of the running loop."""

    monotonic = staticmethod(time.monotonic)
    """Return seconds that never go backwards."""

    def now(self) -> int:
        """Return milliseconds since the epoch."""
        return time.time_ns() // 1_000_000

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Call once, later, on the loop."""
        return asyncio.get_running_loop().call_later(seconds, call)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
