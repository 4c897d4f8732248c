"""A time of day that can be set from outside: Python reads this at its start wherever this folder is in PYTHONPATH.

``CLOCK_FILE`` holds the seconds by which it is off. Only the time of day changes, as when somebody sets a clock: waiting is measured by
another one. Used by the fault suite for whole processes.
"""

import os
import time
from pathlib import Path

_file = Path(os.environ["CLOCK_FILE"])
_time_ns, _monotonic = time.time_ns, time.monotonic
_offset, _looked = 0, float("-inf")


def _off() -> int:
    """Return by how many nanoseconds the clock is off; looked up twenty times a second at most."""
    global _offset, _looked  # noqa: PLW0603 - a module that replaces functions of another one
    if _monotonic() - _looked > 0.05:
        _looked = _monotonic()
        _offset = int(_file.read_text()) * 1_000_000_000
    return _offset


def _skewed_ns() -> int:
    return _time_ns() + _off()


def _skewed() -> float:
    return _skewed_ns() / 1e9


time.time, time.time_ns = _skewed, _skewed_ns
