"""Calling a URL that somebody configured: the connector's only HTTP client.

A name is resolved for each connection, each address that comes out is looked at, and the connection goes to one of those
that are public and to no other, unless the endpoint may be private. Redirects are not followed, no more of an answer is read
than fits, and everything has its time. Called by :mod:`.outbound`.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Final

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from bridge.core.addresses import is_public
from connectors.webhook.dialects import Call

CONNECTING: Final = 5.0
"""Seconds until a connection stands."""
LARGEST_ANSWER: Final = 65_536
"""Bytes; what comes after is not read."""


Resolvers = Callable[[], AbstractResolver]
"""Makes what resolves names; a test has its own."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What an endpoint said."""

    status: int
    retry_after: str = ""
    media_type: str = ""
    body: bytes = b""


class Unreached(Exception):
    """There is no answer; in words for an operator, without the address."""


class Forbidden(Exception):
    """The URL leads where this endpoint must not lead."""


class _NotPublic(OSError):
    """No address of a name is on the public Internet."""


class _Guarded(AbstractResolver):
    """Resolves names, and keeps of the addresses those on the public Internet: the connection goes to these and no others."""

    def __init__(self, resolver: AbstractResolver) -> None:
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the public addresses of a name. Raises: _NotPublic when it has none."""
        found = await self._resolver.resolve(host, port, family)
        kept = [each for each in found if is_public(each["host"])]
        if found and not kept:
            raise _NotPublic
        return kept

    async def close(self) -> None:
        """End."""
        await self._resolver.close()


class Caller:
    """Calls while it is open; made on a running loop."""

    def __init__(self, *, resolver: Resolvers = ThreadedResolver) -> None:
        self._public = _session(_Guarded(resolver()))
        self._private = _session(resolver())

    async def close(self) -> None:
        """End all connections."""
        await self._public.close()
        await self._private.close()

    async def call(self, call: Call, headers: Mapping[str, str], *, private: bool, patience: float) -> Answer:
        """Make a request. Raises: Unreached, Forbidden."""
        url = URL(call.url)
        if not private and _is_address(url) and not is_public(url.host or ""):
            raise Forbidden
        timeout = aiohttp.ClientTimeout(total=patience, sock_connect=min(CONNECTING, patience))
        session = self._private if private else self._public
        try:
            async with session.request(
                call.method, url, data=call.body, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                return Answer(
                    status=response.status,
                    retry_after=response.headers.get("retry-after", ""),
                    media_type=response.content_type,
                    body=await _beginning(response),
                )
        except aiohttp.InvalidURL:
            raise Forbidden from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if isinstance(_root(error), _NotPublic):
                raise Forbidden from None
            raise Unreached(_words(error)) from None


def _session(resolver: AbstractResolver) -> aiohttp.ClientSession:
    # a connection for each request, looked at anew, and as many as there are lanes: no endpoint waits for another's
    connector = aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, limit=0, force_close=True)
    return aiohttp.ClientSession(
        connector=connector, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
    )


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    """Read an answer as far as it may be long; the connection of one that goes on is closed."""
    found = b""
    async for chunk in response.content.iter_any():
        found += chunk
        if len(found) >= LARGEST_ANSWER:
            response.close()
            return found[:LARGEST_ANSWER]
    return found


def _is_address(url: URL) -> bool:
    try:
        ip_address(url.host or "")
    except ValueError:
        return False
    return True


def _root(error: BaseException) -> BaseException:
    """Return what lies behind an error of the library."""
    seen: BaseException = error
    while (cause := getattr(seen, "os_error", None) or seen.__cause__) is not None and cause is not seen:
        seen = cause
    return seen


def _words(error: BaseException) -> str:
    match error:
        case aiohttp.ServerTimeoutError() | asyncio.TimeoutError():
            return "it does not answer in time"
        case aiohttp.ClientConnectorDNSError():
            return "its name is not known"
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return "its certificate is not accepted"
        case aiohttp.ClientConnectorError() as refused:
            why = os.strerror(refused.errno) if refused.errno and refused.errno > 0 else "no connection"
            return f"it cannot be reached ({why})"
        case aiohttp.ServerDisconnectedError():
            return "it closed the connection"
        case _:
            return f"it could not be asked ({type(error).__name__})"
