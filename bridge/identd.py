"""identd (RFC 1413): tells an IRC server that asks under which user name one of its connections came from here.

Only about connections of ours, and only to the server at their other end; whoever else asks learns nothing. Parsing and
wording are pure functions; the rest is one asyncio protocol with bounds. Built by :mod:`bridge.app`, which also says who
knows the connections (the ability :class:`bridge.connector.Identifies`).
"""

import asyncio
import re
import socket
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import Final, cast

from bridge.connector import Wire
from bridge.core.wording import not_listening

LONGEST: Final = 1_000
"""Bytes of a question (section 3)."""
PATIENCE: Final = 30.0
"""Seconds that one connection may take, however much it asks."""
MOST: Final = 256
"""Connections at one time; more are closed at once, and ask again later."""
QUESTIONS: Final = 20
"""Questions over one connection."""
_EVERYWHERE: Final = "::"
_QUESTION: Final = re.compile(r"\s*(\d{1,9})\s*,\s*(\d{1,9})\s*")
_HIGHEST: Final = 65_535

Names = Callable[[Wire], str]
"""Gives the user name of a connection, "" where it is none of ours."""


class CannotIdentify(Exception):
    """The address cannot be listened on; one sentence for an operator."""


def asked(line: str) -> tuple[int, int] | None:
    """Return (our port, their port) of a question, None where it is none (section 4)."""
    found = _QUESTION.fullmatch(line)
    return None if found is None else (int(found[1]), int(found[2]))


def answered(ours: int, theirs: int, name: str) -> str:
    """Return the answer to a question; ``name`` "" is a connection that nobody here knows (section 6)."""
    pair = f"{ours}, {theirs}"
    if not (1 <= ours <= _HIGHEST and 1 <= theirs <= _HIGHEST):
        return f"{pair} : ERROR : INVALID-PORT"
    return f"{pair} : USERID : UNIX : {name}" if name else f"{pair} : ERROR : NO-USER"


def plain(address: str) -> str:
    """Return an address as its own family writes it: a socket for both shows IPv4 as ``::ffff:192.0.2.7``."""
    parsed = ip_address(address.partition("%")[0])
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return str(mapped or parsed)


class Identd:
    """The listener."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._server: asyncio.Server | None = None
        self._asking: set[_Asking] = set()

    async def listen(self, host: str, port: int) -> None:
        """Answer at this address. Raises: CannotIdentify."""
        loop = asyncio.get_running_loop()
        try:
            if host == _EVERYWHERE and socket.has_dualstack_ipv6():  # asyncio would listen to IPv6 alone
                both = socket.create_server((host, port), family=socket.AF_INET6, dualstack_ipv6=True)
                both.settimeout(0)
                self._server = await loop.create_server(self._asked, sock=both)
            else:
                self._server = await loop.create_server(self._asked, host, port)
        except OSError as error:
            raise CannotIdentify(not_listening("identd.listen", host, port, error)) from None

    def _asked(self) -> "_Asking":
        return _Asking(self._names, self._asking)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.sockets[0].getsockname()[1]) if self._server is not None else 0

    async def close(self) -> None:
        """Answer nobody any more."""
        if self._server is not None:
            self._server.close()
            for asking in list(self._asking):
                asking.end()
            await self._server.wait_closed()
            self._server = None


class _Asking(asyncio.Protocol):
    """One server that asks."""

    def __init__(self, names: Names, others: "set[_Asking]") -> None:
        self._names = names
        self._others = others
        self._transport: asyncio.Transport | None = None
        self._data = b""
        self._left = QUESTIONS
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for questions, for a while."""
        self._transport = cast("asyncio.Transport", transport)
        if len(self._others) >= MOST:
            self.end()
            return
        self._others.add(self)
        self._timer = asyncio.get_running_loop().call_later(PATIENCE, self.end)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio has it
        """Be forgotten."""
        self._others.discard(self)
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Answer whole lines; what is no question, or too much, ends the connection."""
        self._data += data
        while b"\n" in self._data and self._is_open():
            line, _, self._data = self._data.partition(b"\n")
            self._answer(line)
        if len(self._data) > LONGEST:
            self.end()

    def end(self) -> None:
        """Close, after what has been written."""
        if self._transport is not None:
            self._transport.close()

    def _is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def _answer(self, line: bytes) -> None:
        pair = asked(line.decode("ascii", errors="replace")) if len(line) <= LONGEST else None
        if pair is None or self._left == 0 or self._transport is None:
            self.end()
            return
        self._left -= 1
        ours, theirs = pair
        self._transport.write(f"{answered(ours, theirs, self._name(ours, theirs))}\r\n".encode())

    def _name(self, ours: int, theirs: int) -> str:
        assert self._transport is not None
        here, there = (self._transport.get_extra_info(each) for each in ("sockname", "peername"))
        if not here or not there:
            return ""
        wire = Wire(local=plain(here[0]), local_port=ours, remote=plain(there[0]), remote_port=theirs)
        return self._names(wire)
