"""Reading what stands behind a URL that somebody gave, and putting files where the XMPP server says: the only HTTP client.

A URL that somebody gave leads to the public Internet or nowhere: a name is resolved once, each address that comes out is
looked at, and the connection goes to one of those and no other. A redirect is a new URL, looked at anew. What the operator
allows beside that is a range of addresses; what the XMPP server's upload service says of itself is a beginning of URLs.
Built by :mod:`bridge.app`, asked by :mod:`bridge.engine.media` and ``bridge.xmpp``.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Any, Final, Protocol

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from bridge.connector import OpenFile, Unreadable
from bridge.core.addresses import Range, is_reachable

CONNECTING: Final = 10.0
SILENCE: Final = 30.0
"""Seconds without a byte."""
LONGEST: Final = 600.0
"""Seconds that one file may take."""
REDIRECTS: Final = 5
CHUNK: Final = 65_536
_PUTTING: Final = aiohttp.ClientTimeout(total=LONGEST, sock_connect=CONNECTING)
"""Nothing is to be read while a file is written, however long that takes."""
_BUSY: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


class NotThere(OSError):
    """An address that must not be asked."""


class Allows(Protocol):
    """Says whether an address may be asked."""

    def __call__(self, address: str) -> bool:
        """Tell."""


class _Guarded(AbstractResolver):
    """Resolves names, and keeps of the addresses those that may be asked: the connection goes to these and no others."""

    def __init__(self, allows: Allows, resolver: AbstractResolver) -> None:
        self._allows = allows
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a name. Raises: NotThere when there are some, and none may be asked."""
        found = await self._resolver.resolve(host, port, family)
        kept = [each for each in found if self._allows(each["host"])]
        if found and not kept:
            raise NotThere("this address is not on the public Internet")
        return kept

    async def close(self) -> None:
        """End."""
        await self._resolver.close()


class _Ours(AbstractResolver):
    """Resolves names of the operator's own: those under ``localhost`` are this machine (RFC 6761 section 6.3), whatever DNS says."""

    def __init__(self, resolver: AbstractResolver) -> None:
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a name."""
        if not host.endswith(".localhost"):
            return await self._resolver.resolve(host, port, family)
        here = ResolveResult(hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0)
        return [here]

    async def close(self) -> None:
        """End."""
        await self._resolver.close()


class Web:
    """Reads from others and puts to the upload service."""

    def __init__(
        self, *, allowed: Sequence[Range] = (), resolver: Callable[[], AbstractResolver] | None = None
    ) -> None:
        self.allowed = allowed
        """Ranges that may be read from although they are not public; may be replaced at any time."""
        self._resolver: Callable[[], AbstractResolver] = resolver or ThreadedResolver
        self._trusted: set[str] = set()
        self._strangers: aiohttp.ClientSession | None = None
        self._ours: aiohttp.ClientSession | None = None

    def trust(self, beginning: str) -> None:
        """Let URLs that begin like this be read, wherever they lead: the server's own upload service."""
        url = URL(beginning)
        if url.scheme in {"http", "https"} and url.host and str(url).endswith("/"):
            self._trusted.add(str(url))

    async def close(self) -> None:
        """End all connections."""
        for session in (self._strangers, self._ours):
            if session is not None:
                await session.close()
        self._strangers = self._ours = None

    @asynccontextmanager
    async def open(self, url: str) -> AsyncIterator[OpenFile]:
        """Open what stands behind a URL. Raises: Unreadable."""
        try:
            async with asyncio.timeout(LONGEST), self._response(url) as response:
                if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                    raise Unreadable("it comes compressed")
                yield OpenFile(
                    chunks=_chunks(response),
                    media_type=response.content_type if "Content-Type" in response.headers else "",
                    name=_name(response),
                    size=response.content_length,
                )
        except TimeoutError:
            raise Unreadable("it took too long", for_now=True) from None

    async def put(
        self, url: str, headers: Mapping[str, str], *, chunks: AsyncIterator[bytes], size: int, kind: str
    ) -> None:
        """Put a file where the upload service says (XEP-0363 section 4). Raises: Unreadable."""
        session = self._own_session()
        told = {**headers, "Content-Type": kind, "Content-Length": str(size)}
        try:
            async with session.put(
                URL(url, encoded=True), data=chunks, headers=told, allow_redirects=False, timeout=_PUTTING
            ) as response:
                if response.status not in {200, 201, 204}:
                    msg = f"the upload service said {response.status}"
                    raise Unreadable(msg, for_now=response.status in _BUSY)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            msg = f"the upload service cannot be reached: {type(error).__name__}"
            raise Unreadable(msg, for_now=True) from None

    # -- asking

    @asynccontextmanager
    async def _response(self, text: str) -> AsyncIterator[aiohttp.ClientResponse]:
        """Yield the answer to a GET, behind all redirects. Raises: Unreadable."""
        for _ in range(REDIRECTS + 1):
            url = _url(text)
            response = await self._get(url)
            try:
                if response.status == 200:
                    yield response
                    return
                text = _onward(response, url)
            finally:
                response.close()
        raise Unreadable("it leads from one address to the next without end")

    async def _get(self, url: URL) -> aiohttp.ClientResponse:
        session = self._session_for(url)
        try:
            return await session.get(url, allow_redirects=False, headers={"Accept-Encoding": "identity"})
        except aiohttp.ClientConnectorDNSError as error:
            if isinstance(error.os_error, NotThere):
                raise Unreadable(str(error.os_error)) from None
            raise Unreadable("nobody knows this name", for_now=True) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            msg = f"nobody answers there: {type(error).__name__}"
            raise Unreadable(msg, for_now=True) from None

    def _session_for(self, url: URL) -> aiohttp.ClientSession:
        if self._is_trusted(url):
            return self._own_session()
        host = url.host or ""
        if _is_address(host) and not self._allows(host):
            raise Unreadable("this address is not on the public Internet")
        if self._strangers is None:
            resolver = _Guarded(self._allows, self._resolver())
            connector = aiohttp.TCPConnector(limit=16, use_dns_cache=False, resolver=resolver, force_close=True)
            self._strangers = _session(connector)
        return self._strangers

    def _own_session(self) -> aiohttp.ClientSession:
        if self._ours is None:
            resolver = _Ours(self._resolver())
            self._ours = _session(aiohttp.TCPConnector(limit=8, use_dns_cache=False, resolver=resolver))
        return self._ours

    def trusted(self, url: str) -> bool:
        """Tell whether this is a file of the server's own upload service."""
        try:
            return bool(self._trusted) and self._is_trusted(URL(url))
        except ValueError:
            return False

    def _is_trusted(self, url: URL) -> bool:
        return ".." not in url.path and any(str(url).startswith(beginning) for beginning in self._trusted)

    def _allows(self, address: str) -> bool:
        return is_reachable(address, self.allowed)


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECTING, sock_read=SILENCE),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,  # nobody inflates a bomb here
        headers={"User-Agent": "linkspan"},
        trust_env=False,
    )


def _url(text: str) -> URL:
    """Return a URL that can be asked. Raises: Unreadable."""
    try:
        url = URL(text)
        if url.scheme in {"http", "https"} and url.host and url.user is None and url.password is None and url.port:
            return url
    except ValueError:
        pass
    raise Unreadable("this is no address that files are fetched from")


def _is_address(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _onward(response: aiohttp.ClientResponse, url: URL) -> str:
    """Return where a redirect leads. Raises: Unreadable for any other answer."""
    status, onward = response.status, response.headers.get("Location")
    if status in {301, 302, 303, 307, 308} and onward:
        try:
            return str(url.join(URL(onward)))
        except ValueError:
            raise Unreadable("it leads nowhere") from None
    msg = "it is gone" if status in {404, 410} else f"whoever has it says {status}"
    raise Unreadable(msg, for_now=status in _BUSY)


async def _chunks(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.content.iter_chunked(CHUNK):
            yield chunk
    except (aiohttp.ClientError, OSError) as error:
        msg = f"it broke off: {type(error).__name__}"
        raise Unreadable(msg, for_now=True) from None


def _name(response: aiohttp.ClientResponse) -> str:
    told: Any = response.content_disposition
    return (told.filename if told is not None else None) or response.url.name
