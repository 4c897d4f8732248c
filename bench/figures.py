"""Figures of one run: what each benchmark notes, on a file that they share, and how they are made comparable.

A benchmark is a process of its own, so that none warms another up; the file is how ``bench.goals`` sees all of them.
Names are paths: ``messages/prosody+module/100/out/saturated/bridge``. No figure is judged here.
"""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

Known = dict[str, float]


class Figures:
    """Where a benchmark notes what it has measured; without a file only for itself."""

    def __init__(self, path: str = "") -> None:
        self._path = Path(path) if path else None
        self.known: Known = {}

    def note(self, name: str, value: float) -> None:
        """Keep one figure."""
        self.known[name] = value
        if self._path is not None:
            with self._path.open("a") as file:
                file.write(json.dumps([name, value]) + "\n")


def read(path: Path) -> Known:
    """Return all figures that were noted in a file, the last ones where one was measured again."""
    lines = path.read_text().splitlines() if path.exists() else []
    return {name: float(value) for name, value in map(json.loads, lines)}


def calibration() -> float:
    """Return the milliseconds that a fixed loop takes: how fast the machine is just now."""
    start = time.process_time()
    total = 0
    for number in range(200_000):
        total += number * number % 7
    return (time.process_time() - start) * 1000


def least(measure: Callable[[], float], *, per: int, times: int = 5) -> float:
    """Return microseconds for each of ``per`` things, the least of some repetitions."""
    return min(measure() for _ in range(times)) / per * 1e6


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value below which this part of all values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]
