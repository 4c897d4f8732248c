"""A TCP proxy on loopback that can do to a connection what networks do: cut, stall, half-close, refuse."""

import asyncio
import contextlib
from typing import Self

from bridge.demo.processes import free_port


class Proxy:
    """Passes bytes between its own port and ``target``; faults apply to all connections through it."""

    def __init__(self, target: int, *, plain: bool = False) -> None:
        """``plain``: hang up on whoever begins with TLS, as a server without it would."""
        self._plain = plain
        self.port = free_port()
        self.target = target
        self.said = bytearray()  # by the target, to everybody
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._refusing = False
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self._flowing.set()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def connections(self) -> int:
        """How many connections are through it now."""
        return len(self._pairs)

    def cut(self) -> None:
        """Reset every connection: both sides see the end at once, and what was on the way is lost."""
        for pair in list(self._pairs):
            for writer in pair:
                writer.transport.abort()

    def half_close(self) -> None:
        """End the direction from the target to us only: we may still write, nobody answers any more."""
        for ours, _ in list(self._pairs):
            with contextlib.suppress(OSError):
                ours.write_eof()

    def stall(self) -> None:
        """Pass nothing on in either direction; connections stay open, as behind a dead link."""
        self._flowing.clear()

    def flow(self) -> None:
        """End a stall; what was held back goes on."""
        self._flowing.set()

    def refuse(self, *, refusing: bool = True) -> None:
        """Close new connections at once."""
        self._refusing = refusing

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self._refusing:
            writer.close()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        pair = (writer, far_writer)
        self._pairs.add(pair)
        try:
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer, heard=self.said))
        finally:
            self._pairs.discard(pair)
            writer.close()
            far_writer.close()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, heard: bytearray | None = None
    ) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(65536):
                if self._plain and chunk[:1] == b"\x16":
                    self.cut()
                    return
                await self._flowing.wait()
                if heard is not None:
                    heard += chunk
                writer.write(chunk)
                await writer.drain()
            writer.write_eof()
