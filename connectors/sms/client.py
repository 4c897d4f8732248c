"""The one module that imports ``aiohttp``: asking a provider, and what it means when there is no answer.

No redirects, answers of a bounded size, and two time-outs: one for being connected, one for being answered.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import aiohttp

from bridge.connector import OpenFile, Unreadable
from bridge.core.failures import Retry, Uncertain
from connectors.sms.carrier import Ask, News, Outgoing, Provider, Reply

CONNECT: Final = 5.0
ANSWER: Final = 15.0
LARGEST: Final = 65_536
LOOK: Final = 60.0
CHUNK: Final = 65_536


class Web:
    """A :class:`connectors.sms.carrier.Carrier` over a provider that speaks HTTP."""

    def __init__(self, provider: Provider, *, callback: str) -> None:
        self._provider = provider
        self._callback = callback
        self.cuts = provider.cuts
        self.unique = provider.unique

    async def run(self, take: Callable[[News], Awaitable[None]], ready: Callable[[str], None]) -> None:  # noqa: ARG002
        """Ask now and then whether the provider is there; what it has to tell comes as requests."""
        while True:
            ready(await self.check())
            await asyncio.sleep(LOOK)

    async def submit(self, outgoing: Outgoing) -> str:
        """Send. Raises: a DeliveryFailure."""
        ask = self._provider.ask(outgoing, callback=self._callback)
        return self._provider.accepted(await self._ask(ask))

    async def check(self) -> str:
        """Return "" if messages can be sent, else what is wrong."""
        try:
            return self._provider.usable(await self._ask(self._provider.probe()))
        except (Retry, Uncertain) as trouble:
            return trouble.reason

    @contextlib.asynccontextmanager
    async def open_file(self, handle: str) -> AsyncIterator[OpenFile]:
        """Open a file that a telephone has sent. Raises: Unreadable."""
        ask = self._provider.file(handle)
        if ask is None:
            raise Unreadable("the provider has no such file")
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT, sock_read=ANSWER)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(ask.url, headers=_headers(ask), allow_redirects=False) as response,
            ):
                if response.status != 200:
                    msg = f"the provider answers {response.status}"
                    raise Unreadable(msg, for_now=response.status >= 500)
                yield OpenFile(
                    chunks=response.content.iter_chunked(CHUNK),
                    media_type=response.content_type,
                    size=response.content_length,
                )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            msg = f"the provider gave no answer: {type(error).__name__}"
            raise Unreadable(msg, for_now=True) from None

    async def _ask(self, ask: Ask) -> Reply:
        """Ask once. Raises: Retry when nothing can have arrived, Uncertain when something may have."""
        timeout = aiohttp.ClientTimeout(total=ANSWER, sock_connect=CONNECT)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.request(
                    ask.method, ask.url, data=ask.body, headers=_headers(ask), allow_redirects=False
                ) as response,
            ):
                body = await response.content.read(LARGEST)
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Reply(status=response.status, headers=headers, body=body)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Retry(f"the provider cannot be reached: {type(error).__name__}") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Uncertain(f"the provider gave no answer: {type(error).__name__}") from None


def _headers(ask: Ask) -> list[tuple[str, str]]:
    if ask.user is None:
        return list(ask.headers)
    return [*ask.headers, ("Authorization", aiohttp.encode_basic_auth(*ask.user))]
