"""A session that remembers what a component tells it, and a component connected to a server with it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from xml.etree.ElementTree import Element

from bridge.engine.clock import SystemClock
from bridge.engine.ports import Clock
from bridge.xmpp.wire.component import Address, Described, ExternalComponent, Times
from bridge.xmpp.wire.shapes import Familiar

GHOST = "bob%net"


class Remembers:
    """Reads the copies to the bare domain, wants everything, keeps all."""

    def __init__(self) -> None:
        self.ups = 0
        self.reasons: list[str] = []
        self.stanzas: list[Element] = []
        self.wants: Callable[[str, dict[str, str]], bool] = lambda name, attrs: True
        self._news = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    def stream_up(self) -> None:
        self.ups += 1
        self._tell()

    def stream_down(self, reason: str) -> None:
        self.reasons.append(reason)
        self._tell()

    def reads(self, room: str, to: str) -> bool:
        return "@" not in to

    def wanted(self, name: str, attrs: dict[str, str]) -> bool:
        return self.wants(name, attrs)

    def understood(self, attrs: dict[str, str], stanza: bytes) -> bool:
        return False

    def recognised(self, said: Familiar) -> bool:
        return False

    def stanza(self, element: Element) -> bool:
        self.stanzas.append(element)
        self._tell()
        return True

    def bodies(self) -> list[str | None]:
        return [element.findtext("{jabber:component:accept}body") for element in self.stanzas]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20), self._news:
            await self._news.wait_for(condition)

    async def up(self, times: int = 1) -> None:
        await self.until(lambda: self.ups >= times)

    async def down(self, times: int = 1) -> str:
        await self.until(lambda: len(self.reasons) >= times)
        return self.reasons[times - 1]

    def _tell(self) -> None:
        task = asyncio.create_task(self._notify())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _notify(self) -> None:
        async with self._news:
            self._news.notify_all()


class Directory:
    """Knows the component itself and one ghost."""

    def describe(self, localpart: str) -> Described | None:
        if localpart == "":
            return Described(category="gateway", kind="irc", name="Linkspan")
        if localpart == GHOST:
            return Described(category="client", kind="pc", name="net", full_name="Bob", nickname="bob")
        return None


@contextlib.asynccontextmanager
async def running(
    port: int,
    *,
    domain: str = "bridge.example.org",
    secret: str = "secret",
    host: str = "127.0.0.1",
    clock: Clock | None = None,
    times: Times | None = None,
    jitter: float = 0.0,
) -> AsyncIterator[tuple[ExternalComponent, Remembers]]:
    """Run a component that comes back soon, until the end of the block."""
    session = Remembers()
    component = ExternalComponent(
        Address(domain=domain, secret=secret, host=host, port=port),
        Directory(),
        clock=clock or SystemClock(),
        version="1.2.3",
        jitter=lambda: jitter,
        times=times or Times(longest_wait=0.05),
    )
    task = asyncio.create_task(component.run(session))
    try:
        yield component, session
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
