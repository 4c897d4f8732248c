"""A hub for one connector alone, and a faithful provider of short messages that speaks HTTP: what it takes is kept by number.

The provider answers as it is told to, one answer for each request: taken, refused, not now, or no answer at all after it has taken it.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable
from typing import Any, Self

from aiohttp import web

from bridge.connector import PuppetSettings, Secret, Setup, Status
from bridge.core.events import Event
from bridge.core.ids import Network
from bridge.demo.processes import free_port
from connectors.sms.config import ProviderKind, SmsSettings
from connectors.sms.connector import SmsConnector
from tests.support.clock import VirtualClock

OURS, BOB, EVE = "+15550009999", "+15551230001", "+15551230002"
PHONE = Network("phone")


class KeepingHub:
    """Keeps facts and small texts; a second connector on the same hub finds what the first has left."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.memory: dict[str, str] = {}
        self.up = asyncio.Event()
        self.full = ""
        self.alarms: list[str] = []

    def emit(self, event: Event) -> Awaitable[None]:
        self.events.append(event)
        return _done()

    def congested(self) -> str:
        return self.full

    def report(self, status: Status, detail: str = "") -> None:
        if status is not Status.CONNECTING:
            self.up.set()

    def alarm(self, words: str) -> None:
        self.alarms.append(words)

    async def waiting_since(self, room: str) -> int | None:
        return None

    async def recall(self, name: str) -> str | None:
        return self.memory.get(name)

    async def recollect(self, prefix: str) -> dict[str, str]:
        return {name: value for name, value in self.memory.items() if name.startswith(prefix)}

    def remember(self, name: str, value: str) -> Awaitable[None]:
        self.memory[name] = value
        return _done()

    async def forget(self, name: str) -> None:
        self.memory.pop(name, None)


def _done() -> "asyncio.Future[None]":
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.set_result(None)
    return future


class Provider:
    """POST JSON with ``to``, ``text`` and ``ref``."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/send"
        self.taken: list[tuple[str, str]] = []
        self.refs: list[str] = []
        self.answers: list[int | None] = []  # None: take it and hang up
        self.changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/send", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        if request.method == "OPTIONS":
            return web.Response()
        said = json.loads(await request.text())
        status = self.answers.pop(0) if self.answers else 200
        if status is None or status < 300:
            self.taken.append((said["to"], said["text"]))
            self.refs.append(said["ref"])
            self.changed.set()
        if status is None:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return web.Response(status=status)


def connector(url: str, *, clock: VirtualClock | None = None, **changes: Any) -> SmsConnector:
    """Make a connector for a provider at a URL; ``changes`` are keys of its settings."""
    values: dict[str, Any] = {
        "provider": ProviderKind.HTTP,
        "number": OURS,
        "url": url,
        "body": '{"to": "{to}", "text": "{text}", "ref": "{ref}"}',
        "secret": Secret("s3cr3t"),
        "owners": ("nurse@example.org",),
        **changes,
    }
    setup = Setup(
        network=PHONE,
        settings=SmsSettings(**values),
        puppets=PuppetSettings(),
        instance="test",
        version="0",
        public_url="https://bridge.example.org",
    )
    return SmsConnector(setup, clock=clock)


@contextlib.asynccontextmanager
async def running(one: SmsConnector, hub: KeepingHub) -> AsyncIterator[SmsConnector]:
    """Run a connector until the block ends."""
    task = asyncio.create_task(one.run(hub))  # type: ignore[arg-type]
    await hub.up.wait()
    try:
        yield one
    finally:
        hub.up.clear()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
