"""The socket's side of a connection: bytes in by lines, lines out in order, batched, paced and bounded.

asyncio's protocol interface ends here. Used by :mod:`connectors.irc.connection.client` alone, which knows what lines mean.

* Reading: lines are handed over as bytes, so that what nobody wants costs no decoding. A stream that *gathers* stops
  reading for :data:`GAP` seconds when it is woken more often than that: for puppets that cannot be deaf, many lines
  then cost one wake-up.
* Writing: all lines of one loop turn leave in one write. Behind the window, the token bucket or a slow peer they wait in
  a bounded queue; a timer exists only while the bucket holds something back.
"""

import asyncio
import contextlib
import socket
from collections import deque
from typing import Protocol, cast

from connectors.irc.connection.flood import Bucket, Window, cost
from connectors.irc.connection.wire import Framer

GAP = 0.05
"""Seconds between two reads of a stream that gathers."""


_QUICKACK = getattr(socket, "TCP_QUICKACK", None)
"""What Linux has for it; it holds for one acknowledgement or a few."""


class Ticket(Protocol):
    """Who wants to know what becomes of a line."""

    def wrote(self, place: int) -> bool:
        """Learn that the line is among those of this turn, and what its answer proves; tells whether there will be one by itself."""

    def fail(self) -> None:
        """Learn that it will not be written."""


class Congested(Exception):
    """Too many lines wait to be sent."""


class Reader(Protocol):
    """Who gets what a stream reads. Called on the loop; an exception closes the connection."""

    def received(self, lines: list[bytes]) -> None:
        """Take complete lines, without LF."""

    def ask(self) -> None:
        """Have the server answer something soon: it has much from us that it may not have processed."""

    def lost(self, error: Exception | None) -> None:
        """Learn that the connection is gone; None where the peer (or we) closed it properly."""


class Stream(asyncio.Protocol):
    """One TCP or TLS connection."""

    __slots__ = (
        "_bucket",
        "_gathering",
        "_held",
        "_limit",
        "_loop",
        "_paused",
        "_pending",
        "_promptly",
        "_queue",
        "_read_at",
        "_reader",
        "_resume",
        "_socket",
        "_timer",
        "_transport",
        "_window",
        "framer",
    )

    def __init__(self, reader: Reader, *, limit: int) -> None:
        self.framer = Framer()
        self._reader: Reader | None = reader
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._socket: socket.socket | None = None
        self._bucket: Bucket | None = None
        self._window: Window | None = None
        self._pending: list[bytes] = []
        self._queue: deque[tuple[bytes, Ticket | None]] | None = (
            None  # since something had to wait: an empty one weighs 760 bytes
        )
        self._timer: asyncio.TimerHandle | None = None
        self._paused = False
        self._gathering = False
        self._promptly = False
        self._held = False
        self._read_at = 0.0
        self._resume: asyncio.TimerHandle | None = None

    # what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are of no class of asyncio's

    def over(self, way: socket.socket) -> None:
        """Learn over which socket; a transport of uvloop's makes another Python object of it for each option that is set."""
        self._socket = way

    def data_received(self, data: bytes) -> None:
        """Cut into lines and hand over."""
        lines = self.framer.feed(data)
        if lines and self._reader is not None:
            self._reader.received(lines)
        if self._gathering:
            self._rest()
        if self._promptly:
            self._acknowledge()

    def _acknowledge(self) -> None:
        """Have the kernel acknowledge what came at once: a server's next short line waits for that (Nagle's algorithm).

        Who only listens says nothing that could carry the acknowledgement, and it would be held back for 40 ms.
        """
        if _QUICKACK is not None and self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)

    def pause_writing(self) -> None:
        """Let lines wait: the peer does not read."""
        self._paused = True

    def resume_writing(self) -> None:
        """Go on."""
        self._paused = False
        self._drain()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget everything that waits, and say so."""
        self._transport = self._socket = None
        self._pending.clear()
        for _, ticket in self.purge():
            if ticket is not None:
                ticket.fail()
        for timer in (self._timer, self._resume):
            if timer is not None:
                timer.cancel()
        self._timer = self._resume = None
        if self._reader is not None:
            self._reader.lost(exc)

    # what the client calls

    @property
    def is_open(self) -> bool:
        """Whether anything can still be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def pace(self, bucket: Bucket | None) -> None:
        """Send no faster than the server takes it and the bucket allows, from now on."""
        self._window = Window()
        self._bucket = bucket

    def asked(self) -> int:
        """Learn that an answer to what was written last is under way; returns the place to give to :meth:`processed`."""
        return 0 if self._window is None else self._window.asked()

    def processed(self, place: int) -> None:
        """Learn that the server has processed everything up to a place."""
        if self._window is not None and self._window.processed(place) and self._queue:
            self._drain()

    def gather(self, *, on: bool, promptly: bool) -> None:
        """Read at most every GAP seconds, or at once; ``promptly``: somebody waits for every line."""
        self._gathering, self._promptly = on, promptly
        if not on:
            self._hurry()

    def hold(self, *, on: bool) -> None:
        """Read nothing until told otherwise."""
        self._held = on
        if self._transport is None or self._transport.is_closing():
            return
        if on:
            self._transport.pause_reading()
        elif self._resume is None:
            self._transport.resume_reading()

    def put(self, data: bytes, ticket: Ticket | None = None) -> None:
        """Send a line when its turn comes. Raises: Congested."""
        if not self._queue and not self._paused and self._takes(data):
            self._go(data, ticket)
            return
        if self.waiting() >= self._limit:
            raise Congested(f"{self.waiting()} lines wait")
        if self._queue is None:
            self._queue = deque()
        self._queue.append((data, ticket))
        self._wait()
        self._hurry()

    def mark(self, ticket: Ticket) -> None:
        """Tell when everything that waits now is written."""
        if self._queue:
            self._queue.append((b"", ticket))
        else:
            self._go(b"", ticket)

    def urgent(self, data: bytes) -> None:
        """Send a line before everything that waits; the bucket has it count, but does not hold it."""
        if self._bucket is not None:
            self._bucket.charge(cost(data), self._loop.time())
        if self._window is not None:
            self._window.send(data)
        self._go(data, None)

    def purge(self) -> list[tuple[bytes, Ticket | None]]:
        """Forget what waits, and return it; the data of a mark is empty."""
        dropped, self._queue = list(self._queue or ()), None
        return dropped

    def waiting(self) -> int:
        """Return how many lines wait."""
        return len(self._queue or ())

    def flush(self) -> None:
        """Write what was put in this turn of the loop."""
        pending, self._pending = self._pending, []
        if pending and self._transport is not None:
            self._transport.write(b"".join(pending))

    @property
    def held(self) -> bool:
        """Whether nothing is read, by our own wish."""
        return self._held

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def drop(self) -> None:
        """Write what is written, close, and tell nothing of it."""
        self._reader = None
        self.flush()
        if self._transport is not None:
            self._transport.close()

    def certificate(self) -> bytes | None:
        """Return the peer's certificate (DER), None without TLS."""
        if self._transport is None:
            return None
        tls = self._transport.get_extra_info("ssl_object")
        return tls.getpeercert(binary_form=True) if tls is not None else None

    def peer(self) -> str:
        """Return the peer's address, "" where there is none."""
        name = None if self._transport is None else self._transport.get_extra_info("peername")
        return str(name[0]) if isinstance(name, tuple) and name else ""

    # how lines wait

    def _takes(self, data: bytes) -> bool:
        """Count a line if it may go now; a mark always may."""
        window, bucket = self._window, self._bucket
        if not data or window is None:
            return True
        if bucket is not None and not (window.has_room(data) and bucket.take(cost(data), self._loop.time())):
            return False
        return window.take(data)

    def _go(self, data: bytes, ticket: Ticket | None) -> None:
        if data:
            if not self._pending:
                self._loop.call_soon(self.flush)
            self._pending.append(data)
        window = self._window
        if window is None:
            if ticket is not None:
                ticket.wrote(0)
        elif ticket is not None and ticket.wrote(window.sent):
            window.asked()
        elif window.is_due and self._reader is not None:
            self._reader.ask()

    def _wait(self) -> None:
        if self._timer is not None or self._bucket is None or self._paused or not self._queue:
            return
        if self._window is None or self._window.has_room(self._queue[0][0]):
            seconds = self._bucket.wait(cost(self._queue[0][0]), self._loop.time())
            self._timer = self._loop.call_later(seconds, self._drain)

    def _drain(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._queue and not self._paused and self._takes(self._queue[0][0]):
            self._go(*self._queue.popleft())
        if self._queue:
            self._wait()

    def _rest(self) -> None:
        """Stop reading for a while if the last read was just now: one or two lines are not worth it.

        Not while lines wait to be sent: the answers that they wait for come the same way.
        """
        now = self._loop.time()
        often, self._read_at = now - self._read_at < GAP, now
        if often and not self._queue and self._resume is None and self.is_open and self._transport is not None:
            self._transport.pause_reading()
            self._resume = self._loop.call_later(GAP, self._read_on)

    def _hurry(self) -> None:
        """End a rest."""
        if self._resume is not None:
            self._resume.cancel()
            self._read_on()

    def _read_on(self) -> None:
        self._resume = None
        if self._transport is not None and not self._held:
            self._transport.resume_reading()
