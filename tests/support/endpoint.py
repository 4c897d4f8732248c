"""An endpoint of webhooks, as bad as the Internet is: it answers what it is told to, late, never, or with a cut.

Plain HTTP/1.1 on a loopback port, written on asyncio's streams, so that it can do what no HTTP library would. It takes down
what it gets, and verifies nothing: that is for tests, with ``standardwebhooks``.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

PATIENCE = 10.0


class Got(NamedTuple):
    """A request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def text(self) -> str:
        """What was said, of the standard body."""
        return self.json["data"]["content"]["text"]


class Answers(NamedTuple):
    """Answer so."""

    status: int = 200
    body: bytes = b""
    headers: tuple[str, ...] = ()


class Hangs:
    """Say nothing, and keep the connection."""


class Cuts:
    """Close the connection without a word."""


class GoesOn:
    """Answer 200, with a body without end."""


Act = Answers | Hangs | Cuts | GoesOn


class Endpoint:
    """What answers."""

    def __init__(self) -> None:
        self.port = 0
        self.got: list[Got] = []
        self.always: Act = Answers()
        self.sent = 0  # bytes of a body without end
        self._acts: deque[Act] = deque()
        self._new = asyncio.Event()
        self._read = 0
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def then(self, *acts: Act) -> None:
        """Do these in turn; afterwards ``always`` again."""
        self._acts.extend(acts)

    async def next(self) -> Got:
        """Wait for the next request that was not asked for yet."""
        async with asyncio.timeout(PATIENCE):
            while len(self.got) <= self._read:
                self._new.clear()
                await self._new.wait()
        self._read += 1
        return self.got[self._read - 1]

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while await self._one(reader, writer):
                    pass
        finally:
            self._connections.discard(task)
            writer.close()

    async def close(self) -> None:
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.got.append(Got(method, path, headers, body))
        self._new.set()
        return await self._act(self._acts.popleft() if self._acts else self.always, writer)

    async def _act(self, act: Act, writer: asyncio.StreamWriter) -> bool:
        match act:
            case Answers(status=status, body=body, headers=further):
                lines = [f"HTTP/1.1 {status} So", f"Content-Length: {len(body)}", *further, "", ""]
                writer.write("\r\n".join(lines).encode() + body)
                await writer.drain()
                return True
            case GoesOn():
                writer.write(b"HTTP/1.1 200 So\r\nContent-Type: text/plain\r\n\r\n")
                while True:
                    writer.write(b"x" * 65_536)
                    await writer.drain()
                    self.sent += 65_536
            case Hangs():
                await asyncio.Event().wait()
                return False
            case Cuts():
                return False


@asynccontextmanager
async def endpoint() -> AsyncIterator[Endpoint]:
    """Run one."""
    one = Endpoint()
    server = await asyncio.start_server(one.connected, "127.0.0.1", 0)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()
        await one.close()
