"""What it weighs that so many are there: memory, coming in, idling. One line for each step."""

import asyncio
from collections.abc import Awaitable
from typing import Protocol

from bench.figures import Figures

HEAD = f"{'':<16} {'there':>6} {'MB':>8} {'in, s':>8} {'CPU, s':>8} {'idle':>8}"
SETTLED = 2.0
"""Seconds after which what their coming in has left to do is done."""


class Weighed(Protocol):
    """A process."""

    def cpu(self) -> float:
        """Return the CPU seconds used so far."""

    def memory(self) -> int:
        """Return its resident memory in bytes."""


class Scales:
    """One process while more and more come in."""

    def __init__(self, figures: Figures, name: str, process: Weighed, *, idle: float) -> None:
        self._figures = figures
        self._name = name
        self._process = process
        self._idle = idle  # seconds that nothing is done

    async def step(self, size: int, coming: Awaitable[object], *, idle: bool) -> None:
        """Wait until they are in, and weigh; ``idle`` also sees what they cost when nothing happens."""
        loop = asyncio.get_running_loop()
        start, before = loop.time(), self._process.cpu()
        await coming
        took, spent = loop.time() - start, self._process.cpu() - before
        await asyncio.sleep(SETTLED)
        memory = self._process.memory() / 1024
        for quantity, figure in (("memory", memory), ("seconds", took), ("cpu", spent)):
            self._figures.note(f"{self._name}/{size}/{quantity}", figure)
        share = f"{await self._doing_nothing(size):.2%}" if idle else ""
        print(f"{self._name:<16} {size:>6} {memory / 1024:>8.1f} {took:>8.1f} {spent:>8.2f} {share:>8}", flush=True)

    async def _doing_nothing(self, size: int) -> float:
        before = self._process.cpu()
        await asyncio.sleep(self._idle)
        share = (self._process.cpu() - before) / self._idle
        self._figures.note(f"{self._name}/{size}/idle", share)
        return share

    def each(self, first: int, last: int) -> None:
        """Say what one more weighs, in KiB."""
        known = self._figures.known
        if first == last:
            return
        grown = known[f"{self._name}/{last}/memory"] - known[f"{self._name}/{first}/memory"]
        self._figures.note(f"{self._name}/each", grown / (last - first))
        print(f"{self._name:<16} {'each':>6} {grown / (last - first):>5.1f} KB", flush=True)
