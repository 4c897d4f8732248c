"""A scripted IRC server on loopback, byte for byte: the test says what it sends and what it has to get.

Nothing is answered by itself, except by :meth:`Peer.welcome`, which plays a server's part in registration, and for the PINGs
by which the client asks how far we are ("PING window-1"): they are answered when they are read, and never shown. Two dozen
lines of a test then read like the wire::

    async with Ircd() as ircd:
        connecting = asyncio.create_task(connection.connect())
        peer = await ircd.accept()
        await peer.welcome(caps="echo-message")
        await connecting
        connection.send("JOIN", "#dev")
        await peer.expect("JOIN #dev")
        peer.send(":bob!b@host JOIN #dev")
"""

import asyncio
import socket
import ssl
import struct
from contextlib import suppress
from typing import Self

NAME = "irc.test"
HOST = "host.example"
PATIENCE = 10.0
"""Seconds after which a line that does not come is a failure; never waited for by a test that passes."""


class Peer:
    """The server's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.nick = ""
        self.user = ""

    @property
    def mask(self) -> str:
        """The client as others see it, after :meth:`welcome`."""
        return f"{self.nick}!{self.user}@{HOST}"

    @property
    def address(self) -> tuple[str, int]:
        """Where the client comes from."""
        host, port = self._writer.get_extra_info("peername")[:2]
        return host, port

    async def raw(self) -> bytes:
        """Return the next line as it came, with its line end; b"" when the client has closed, or is gone."""
        async with asyncio.timeout(PATIENCE):
            try:
                data = await self._reader.readline()
                while data.startswith(b"PING window-"):
                    self.send(f":{NAME} PONG {NAME} :{data[5:-2].decode()}")
                    data = await self._reader.readline()
            except ConnectionError:
                return b""
            return data

    async def line(self) -> str:
        """Return the next line, which must end in CR LF, without it."""
        data = await self.raw()
        assert data.endswith(b"\r\n"), f"not a whole line: {data!r}"
        return data[:-2].decode()

    async def expect(self, *lines: str) -> None:
        """Read exactly these lines."""
        got = [await self.line() for _ in lines]
        assert got == list(lines)

    async def find(self, start: str) -> str:
        """Return the next line that starts like this; those before it are dropped."""
        seen = []
        while True:
            try:
                line = await self.line()
            except (TimeoutError, AssertionError) as error:
                raise AssertionError(f"no line starts with {start!r} among {seen}") from error
            if line.startswith(start):
                return line
            seen.append(line)

    async def silence(self) -> None:
        """Make sure that nothing is under way: the next line is the answer to a PING of ours."""
        self.send(f":{NAME} PING :silence")
        await self.expect("PONG silence")

    def send(self, *lines: str | bytes) -> None:
        """Write lines, with CR LF."""
        self.write(b"".join((line.encode() if isinstance(line, str) else line) + b"\r\n" for line in lines))

    def numeric(self, code: int, *params: str) -> None:
        """Write a numeric to the client; the last parameter is text."""
        middle = "".join(f" {param}" for param in params[:-1])
        self.send(f":{NAME} {code:03} {self.nick or '*'}{middle} :{params[-1]}")

    def write(self, data: bytes) -> None:
        """Write bytes as they are."""
        self._writer.write(data)

    async def closed(self) -> list[str]:
        """Wait until the client closes; returns what it still said."""
        lines = []
        while data := await self.raw():
            lines.append(data.decode().removesuffix("\r\n"))
        return lines

    def close(self) -> None:
        """Close properly."""
        self._writer.close()

    def reset(self) -> None:
        """Cut the connection off, without a goodbye (RST)."""
        linger = struct.pack("ii", 1, 0)
        self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._writer.transport.abort()

    async def welcome(
        self,
        *,
        caps: str = "",
        isupport: str = "CHANTYPES=# PREFIX=(ov)@+ CHANMODES=b,k,l,imnpst NETWORK=Test",
        version: str = "test-1",
        user_modes: str = "iw",
        nick: str = "",
    ) -> str:
        """Register the client: capabilities are granted as asked for, the nick is as sent unless ``nick`` forces another.

        Returns the nick. Nothing is known of SASL: script that.
        """
        negotiating = False
        while not (self.nick and self.user) or negotiating:
            command, _, rest = (await self.line()).partition(" ")
            match command, rest:
                case "CAP", "LS 302":
                    negotiating = True
                    self.send(f":{NAME} CAP * LS :{caps}")
                case "CAP", "END":
                    negotiating = False
                case "CAP", request:
                    self.send(f":{NAME} CAP * ACK :{request.removeprefix('REQ ').removeprefix(':')}")
                case "NICK", asked:
                    self.nick = asked.removeprefix(":")
                case "USER", words:
                    self.user = words.partition(" ")[0]
                case _:
                    pass
        self.nick = nick or self.nick
        self.introduce(isupport=isupport, version=version, user_modes=user_modes)
        return self.nick

    def introduce(self, *, isupport: str = "", version: str = "test-1", user_modes: str = "iw") -> None:
        """Write 001 to 422 to the client called :attr:`nick`."""
        self.numeric(1, f"Welcome to the Test Network {self.mask}")
        self.numeric(2, f"Your host is {NAME}")
        self.send(f":{NAME} 004 {self.nick} {NAME} {version} {user_modes} biklmnopstv")
        for start in range(0, len(tokens := isupport.split()), 13):
            self.send(f":{NAME} 005 {self.nick} {' '.join(tokens[start : start + 13])} :are supported by this server")
        self.numeric(422, "MOTD File is missing")


class Ircd:
    """Listens on a free port of loopback; every connection becomes a :class:`Peer`, in order."""

    def __init__(self, tls: ssl.SSLContext | None = None, *, host: str = "127.0.0.1") -> None:
        self._tls = tls
        self._arrived: asyncio.Queue[Peer] = asyncio.Queue()
        self._writers: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None
        self.host = host
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, self.host, 0, ssl=self._tls, limit=2**20)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        for writer in self._writers:
            with suppress(OSError):
                await writer.wait_closed()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        self._arrived.put_nowait(Peer(reader, writer))

    async def accept(self) -> Peer:
        """Return the next connection, waiting for it."""
        async with asyncio.timeout(PATIENCE):
            return await self._arrived.get()

    @property
    def idle(self) -> bool:
        """Whether every connection that came was accepted by the test."""
        return self._arrived.empty()
