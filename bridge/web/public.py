"""The public listener's site: what others call. It finds who serves a path, bounds what is read, and never says more than it must.

Networks with the ability :class:`bridge.connector.Serves` answer, and whatever the application itself serves beside
them. Routing goes by prefix, the longest first; several with one prefix are asked in turn, and 404 is said last. The
body is bounded while it is read. What a path means is none of this module's business. Built by :mod:`bridge.app`, which
opens it only while something is served.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict

from bridge.connector import Answer, Request, Route, Serves, Sifts, StoreAway
from bridge.web.answers import problem
from bridge.web.media import PREFIX, Site
from bridge.web.proxies import Proxies, asker

log = logging.getLogger(__name__)

BODY_WITHIN: Final = 30.0
"""Seconds in which a request's body has to be there."""
ANSWER_WITHIN: Final = 30.0
"""Seconds that a network gets for its answer."""
IDLE: Final = 30.0
"""Seconds that a connection may take for the head of a request, or say nothing after an answer."""
MOST: Final = 512
"""Requests under way at one time."""
MOST_OF_ONE: Final = 128
"""Requests under way at one time from one address."""
CONNECTIONS: Final = 512
"""Connections at one time; with more, the one that was there longest without a request has to go."""
HELD: Final = 134_217_728
"""Bytes of bodies that are held at one time."""
_COME_AGAIN: Final = "2"
_SAFE: Final = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Server": "linkspan",
}
"""On every answer that does not say otherwise: nothing here is a page, and URLs are secrets."""


class _Way(msgspec.Struct, frozen=True):
    """A route, and who answers there."""

    route: Route
    name: str
    serves: Serves


class _Refused(Exception):
    """A request that goes to nobody."""

    def __init__(self, status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers or {}


class _Door(web.Server):
    """The library's server, with an end to the connections that it takes: they are files, and puppets need some, too."""

    def __init__(self, answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]], **options: Any) -> None:
        self._busy: set[asyncio.BaseTransport] = set()

        async def answered(request: web.BaseRequest) -> web.StreamResponse:
            connection = request.transport
            if connection is None:
                return await answer(request)
            self._busy.add(connection)
            try:
                return await answer(request)
            finally:
                self._busy.discard(connection)

        super().__init__(answered, **options)

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        if len(self._connections) > CONNECTIONS:
            idle = (each for each in self._connections.values() if each not in self._busy and each is not transport)
            next(idle, transport).abort()


class PublicSite:
    """Everything that is served on the public listener."""

    def __init__(self) -> None:
        self.proxies = Proxies()
        """Which proxies are believed; may be replaced at any time."""
        self.media: Site | None = None
        """Who answers below ``/media/``, None while nobody does."""
        self._ways: tuple[_Way, ...] = ()
        self._under_way: Counter[str] = Counter()
        self._held = 0

    def serve(self, served: Mapping[str, Serves]) -> None:
        """Serve these from now on, and nobody else; the names are for the log."""
        ways = [_Way(route, name, serves) for name, serves in served.items() for route in serves.routes]
        self._ways = tuple(sorted(ways, key=lambda way: -len(way.route.prefix)))  # stable: in turn where equal

    @property
    def wanted(self) -> bool:
        """Whether there is anything to serve."""
        return bool(self._ways) or self.media is not None

    def server(self) -> web.Server:
        """Return what a listener serves."""
        return _Door(
            self.answer,
            keepalive_timeout=IDLE,
            lingering_time=2.0,
            auto_decompress=False,  # a signature is over what was sent; and nobody inflates a bomb here
            logger=_protocol_log(),
            access_log=None,
            debug=False,
        )

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; whatever goes wrong, the answer says no more than its status means."""
        remote = asker(request.remote or "", _headers(request), self.proxies)
        if self._under_way.total() >= MOST or self._under_way[remote] >= MOST_OF_ONE:
            response = problem(HTTPStatus.SERVICE_UNAVAILABLE, "too many requests are under way")
            response.headers["Retry-After"] = _COME_AGAIN
            return _safe(response)
        self._under_way[remote] += 1
        try:
            return _safe(await self._answer(request, remote))
        except _Refused as refused:
            response = problem(refused.status, refused.detail)
            response.headers.update(refused.headers)
            return _safe(response)
        finally:
            self._under_way[remote] -= 1
            if not self._under_way[remote]:
                del self._under_way[remote]

    async def _answer(self, request: web.BaseRequest, remote: str) -> web.StreamResponse:
        path, query = _target(request.raw_path)
        if self.media is not None and path.startswith(PREFIX):
            return await self.media.answer(request, path)
        ways = [way for way in self._ways if path.startswith(way.route.prefix)]
        allowed = _methods(way.route for way in ways)
        if not ways:
            raise _Refused(HTTPStatus.NOT_FOUND, "there is nothing here")
        if request.method == "OPTIONS":
            return web.Response(status=HTTPStatus.NO_CONTENT, headers={"Allow": ", ".join(sorted(allowed))})
        method = "GET" if request.method == "HEAD" else request.method
        ways = [way for way in ways if method in way.route.methods]
        if not ways:
            allow = {"Allow": ", ".join(sorted(allowed))}
            raise _Refused(HTTPStatus.METHOD_NOT_ALLOWED, f"{request.method[:20]} is not possible here", allow)
        ways = [way for way in ways if not isinstance(way.serves, Sifts) or way.serves.concerns(path)]
        if not ways:
            raise _Refused(HTTPStatus.NOT_FOUND, "there is nothing here")
        body = bytearray()
        try:
            await self._read(request, body, max(way.route.largest for way in ways))
            asked = Request(
                method=request.method,
                path=path,
                query=query,
                headers=_headers(request),
                body=bytes(body),
                remote=remote,
            )
            return await _ask(ways, asked)
        finally:
            self._held -= len(body)

    async def _read(self, request: web.BaseRequest, body: bytearray, largest: int) -> None:
        """Read the body, as long as it may be and no longer. Raises: _Refused."""
        _expect(request, largest)
        try:
            async with asyncio.timeout(BODY_WITHIN):
                async for chunk in request.content.iter_any():
                    body += chunk
                    self._held += len(chunk)
                    if len(body) > largest:
                        raise _too_large(largest)
                    if self._held > HELD:
                        detail = "too much is under way"
                        raise _Refused(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": _COME_AGAIN})
        except TimeoutError:
            detail = f"the body was not there within {BODY_WITHIN:.0f} seconds"
            raise _Refused(HTTPStatus.REQUEST_TIMEOUT, detail) from None
        except (web.RequestPayloadError, HttpProcessingError):
            raise _Refused(HTTPStatus.BAD_REQUEST, "the body is not as its headers say") from None


async def _ask(ways: Iterable[_Way], asked: Request) -> web.Response:
    """Ask one after the other."""
    too_large = False
    for way in ways:
        if len(asked.body) > way.route.largest:
            too_large = True
            continue
        answer = await _one(way, asked)
        if answer is not None:
            return answer
    if too_large:
        raise _too_large(max(way.route.largest for way in ways))
    raise _Refused(HTTPStatus.NOT_FOUND, "there is nothing here")


async def _one(way: _Way, asked: Request) -> web.Response | None:
    """Ask one network. A bug in it costs this request, and says so in the log alone."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            answer = await way.serves.serve(asked)
            return None if answer is None else _response(answer)
    except StoreAway as away:
        raise _Refused(HTTPStatus.SERVICE_UNAVAILABLE, str(away), {"Retry-After": _COME_AGAIN}) from None
    except TimeoutError:
        log.warning("public.slow network=%s prefix=%s", way.name, way.route.prefix)
        raise _Refused(HTTPStatus.SERVICE_UNAVAILABLE, "this took too long", {"Retry-After": _COME_AGAIN}) from None
    except Exception:
        log.exception("public.crashed network=%s prefix=%s", way.name, way.route.prefix)
        raise _Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "something is wrong here") from None


def _response(answer: Answer) -> web.Response:
    return web.Response(status=answer.status, body=answer.body, headers=CIMultiDict(answer.headers))


def _safe(response: web.StreamResponse) -> web.StreamResponse:
    for name, value in _SAFE.items():
        response.headers.setdefault(name, value)
    return response


def _target(raw: str) -> tuple[str, str]:
    """Return path and query as they were sent. Raises: _Refused for what is no path."""
    if raw.startswith(("http://", "https://")):  # absolute form, as to a proxy
        raw = "/" + raw.split("/", 3)[3] if raw.count("/") >= 3 else "/"
    path, _, query = raw.partition("#")[0].partition("?")
    if not path.startswith("/"):
        raise _Refused(HTTPStatus.BAD_REQUEST, "this is no path")
    return _text(path), _text(query)


def _headers(request: web.BaseRequest) -> tuple[tuple[str, str], ...]:
    return tuple((name.lower(), _text(value)) for name, value in request.headers.items())


def _text(value: str) -> str:
    """Return what was sent as text; bytes that are not UTF-8 become U+FFFD."""
    return value.encode(errors="surrogateescape").decode(errors="replace")


def _methods(routes: Iterable[Route]) -> set[str]:
    methods = {method for route in routes for method in route.methods} | {"OPTIONS"}
    return methods | {"HEAD"} if "GET" in methods else methods


def _expect(request: web.BaseRequest, largest: int) -> None:
    """Refuse a body that cannot be taken before it is sent, and ask for it where that is waited for. Raises: _Refused."""
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in {"identity", ""}:
        detail = "a compressed body is not read here"
        raise _Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail, {"Accept-Encoding": "identity"})
    if (request.content_length or 0) > largest:
        raise _too_large(largest)
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def _too_large(largest: int) -> _Refused:
    detail = f"the body is larger than {largest} bytes"
    return _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)


def _protocol_log() -> logging.Logger:
    """Return a log for the HTTP library in which strangers cannot write at will."""
    quiet = logging.getLogger(f"{__name__}.protocol")
    quiet.addFilter(_worth_a_line)  # the same one again is not added twice
    return quiet


def _worth_a_line(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError | ConnectionError)
