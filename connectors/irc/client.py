"""One IRC connection: connect, register, read, write in order and in time, quit.

The upper half (listener, puppets) owns connections and implements :class:`Owner`; it never sees bytes. This is the only file
that imports the ``irc`` library and speaks asyncio's protocol interface; framing is in ``wire``, the handshake in ``registration``.

A Connection is used once: after ``down`` or :class:`Refused` make a new one. All of it runs on the event loop's thread.
"""

import asyncio
from enum import Enum
from typing import Protocol

import msgspec

from connectors.irc.isupport import Isupport
from connectors.irc.refusals import Failure, Kind, Refused
from connectors.irc.wire import Line, TooLong, split_source


class Tls(msgspec.Struct, frozen=True, kw_only=True):
    """How a server has to prove itself, and we to it."""

    verify: bool = True  # chain and host name
    ca: str = ""  # PEM file instead of the system's
    fingerprint: str = ""  # SHA-256 of the certificate, in hexadecimal: then nothing else is checked
    certificate: str = ""  # PEM file shown to the server (SASL EXTERNAL, CertFP)
    key: str = ""  # PEM file, if not in the certificate's


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """Where to connect."""

    host: str
    port: int
    tls: Tls | None = None
    password: str = ""


class Sasl(msgspec.Struct, frozen=True, kw_only=True):
    """How to log in while registering."""

    mechanism: str  # "PLAIN" or "EXTERNAL"
    username: str = ""
    password: str = ""
    required: bool = True  # False: go on without when the server does not offer or accept it


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who to be."""

    nicks: tuple[str, ...]  # tried in this order while the server refuses them
    username: str
    realname: str
    sasl: Sasl | None = None
    nickserv: str = ""  # password for "IDENTIFY" where SASL did not log in
    deaf: bool = False  # set the user mode that keeps channel text away, where the server has it
    bot: bool = False  # set the bot mode, where the server has it


class Flood(msgspec.Struct, frozen=True, kw_only=True):
    """How much may be sent: ``burst`` lines at once, then ``rate`` lines a second; a long line counts for more. rate 0: no limit."""

    burst: float = 10.0
    rate: float = 2.0


class Reads(Enum):
    """What of the traffic is handed to the owner."""

    ALL = "all"
    OWN = "own"  # a puppet: what others say and do in channels is dropped before it is decoded (wire bytes are looked at, not parsed)


class Owner(Protocol):
    """Who uses a connection. All calls are synchronous, on the loop, in the order of the wire; none may block."""

    def up(self, connection: "Connection") -> None:
        """Registered, 005 read, user modes asked for: ready to join. Comes once, before ``connect`` returns."""

    def down(self, connection: "Connection", failure: Failure) -> None:
        """The connection is gone. Comes once after ``up``, unless we quit ourselves."""

    def line(self, connection: "Connection", line: Line) -> None:
        """Every line from 001 on but PING, PONG, CAP and AUTHENTICATE (those from before ``up`` are given right after it)."""

    def nick(self, connection: "Connection", old: str, new: str) -> None:
        """Our nick is now ``new``, by whosever will; called before ``line`` gets the same NICK."""


class Lost(Exception):
    """The connection went before a request or barrier was answered; ``written`` False means: certainly not sent."""

    def __init__(self, *, written: bool) -> None:
        super().__init__("connection lost")
        self.written = written


class Connection:
    """One connection to one network under one nick."""

    nick: str
    """Ours, as the server knows it; "" before registration."""
    mask: str
    """Our own nick!user@host as others see it, as far as the server has told."""
    caps: frozenset[str]
    """Capabilities that are on."""
    isupport: Isupport
    """What the server said in 005, with the defaults of the protocol."""
    modes: frozenset[str]
    """Our own user modes."""
    account: str
    """The services account that we are logged in to, "" for none."""
    server: Server
    """The server of ``servers`` that is (or was last) tried."""

    def __init__(  # noqa: PLR0913  # a connection is what it is made of
        self,
        owner: Owner,
        servers: tuple[Server, ...],
        identity: Identity,
        *,
        flood: Flood | None = None,
        encoding: str = "cp1252",
        reads: Reads = Reads.ALL,
        queue: int = 2000,
    ) -> None:
        """``encoding`` is for lines that are not UTF-8; ``queue`` is how many lines may wait behind the flood control."""

    async def connect(self) -> None:
        """Try each server in turn until one registers us. Raises: Refused, the most telling of them."""
        raise NotImplementedError

    def send(self, command: str, *params: str, tags: dict[str, str] | None = None, urgent: bool = False) -> None:
        """Write one line, in order, when the flood control allows; ``urgent`` overtakes what waits.

        Tags need the capability message-tags and are left out without it. After the connection is gone nothing happens.
        Raises: ValueError and TooLong as :func:`connectors.irc.wire.encode`; Congested when the queue is full.
        """
        raise NotImplementedError

    def request(self, command: str, *params: str, tags: dict[str, str] | None = None) -> "asyncio.Future[list[Line]]":
        """Send, and learn what came of it: the server's answers to exactly this line. The owner gets those lines, too.

        With labeled-response exact (an echo, error numerics, the lines of a batch; [] is a bare ACK). Without, a PING follows the
        flush, and the answer is [] or the error numeric (400..599, FAIL) that named the same target before the PONG.
        Raises (in the future): Lost.
        """
        raise NotImplementedError

    async def barrier(self) -> None:
        """Return when the server has processed everything sent before. Raises: Lost."""
        raise NotImplementedError

    def purge(self) -> int:
        """Throw away what still waits behind the flood control; their requests fail as not written. Returns how many lines."""
        raise NotImplementedError

    async def quit(self, reason: str = "") -> None:
        """Say QUIT and wait for the server to close, 2 seconds at most; what waits behind the flood control is purged."""
        raise NotImplementedError

    def abort(self) -> None:
        """Close at once, without a word; ``down`` is not called."""
        raise NotImplementedError

    def available(self, target: str, command: str = "PRIVMSG") -> int:
        """Return how many bytes of text fit into one line that others get from us: LINELEN less our real prefix."""
        raise NotImplementedError

    @property
    def deaf(self) -> str:
        """The letter of the user mode that keeps channel text away, "" where the server has none."""
        raise NotImplementedError

    @property
    def is_up(self) -> bool:
        """Whether we are registered and connected."""
        raise NotImplementedError


class Congested(Exception):
    """Too many lines wait behind the flood control."""


__all__ = [
    "Congested",
    "Connection",
    "Failure",
    "Flood",
    "Identity",
    "Isupport",
    "Kind",
    "Line",
    "Lost",
    "Owner",
    "Reads",
    "Refused",
    "Sasl",
    "Server",
    "Tls",
    "TooLong",
    "split_source",
]
