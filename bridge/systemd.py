"""What a service manager is told: systemd's notification protocol (sd_notify(3)) on a plain datagram socket.

Does nothing where nobody listens. Called by :mod:`bridge.app`.
"""

import contextlib
import os
import socket
import time
from collections.abc import Mapping


class Notify:
    """Tells whoever started us how we are, if they want to know."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        path = environ.get("NOTIFY_SOCKET", "")
        self._address = f"\0{path[1:]}" if path.startswith("@") else path
        wanted = environ.get("WATCHDOG_USEC", "")
        ours = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.watchdog = int(wanted) / 2_000_000 if self._address and ours and wanted.isdigit() else 0.0
        """Seconds between two signs of life; 0 if none are wanted."""

    def ready(self, status: str) -> None:
        """Say that the start, or a reload, is over."""
        self._say(f"READY=1\nSTATUS={status}")

    def reloading(self) -> None:
        """Say that the configuration is being read anew."""
        self._say(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000}")

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._say("STOPPING=1")

    def alive(self) -> None:
        """Give a sign of life."""
        self._say("WATCHDOG=1")

    def _say(self, text: str) -> None:
        if not self._address:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.sendto(text.encode(), self._address)
