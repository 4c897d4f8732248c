"""The administration's listener: health, metrics, the API and a page. Loopback by default, and never the public listener.

Health, metrics and the page are open, since they tell nothing about anybody; the API wants the bearer token. What an operation
means is in :mod:`bridge.web.ports`, its description in :mod:`bridge.web.openapi`. Built by :mod:`bridge.app`.
"""

import hmac
import logging
from collections.abc import Callable, Collection
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web

from bridge.core.dialogue import Commands
from bridge.web import openapi
from bridge.web.answers import Handler, as_json, body_of, problem
from bridge.web.commands import CommandRoutes
from bridge.web.hooks import HookRoutes
from bridge.web.metrics import CONTENT_TYPE, Metrics
from bridge.web.openapi import Operation
from bridge.web.pages import Pages
from bridge.web.ports import Bridge, Chosen, Done, NewLink, Refused

log = logging.getLogger(__name__)

LARGEST_BODY: Final = 65_536
MOST_LISTED: Final = 1_000
_API: Final = "/api/"


class Admin:
    """The routes of the administration's listener."""

    def __init__(self, bridge: Bridge, *, commands: Commands, token: Callable[[], str], version: str) -> None:
        self._bridge = bridge
        self._token = token  # asked each time: a new configuration may have another
        self._hooks = HookRoutes(bridge.hook_desk)
        self._commands = CommandRoutes(commands)
        self._metrics = Metrics(bridge, version=version)
        self._pages = Pages(version=version)
        self._description = msgspec.json.encode(openapi.description(openapi.OPERATIONS, version=version))

    def application(self) -> web.Application:
        """Return what a listener serves."""
        app = web.Application(client_max_size=LARGEST_BODY, middlewares=[_problems, self._authorised])
        app.router.add_get("/", self._pages.show)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics_page)
        for operation, handler in self._operations():
            app.router.add_route(operation.method.upper(), operation.path, handler)
        return app

    def _operations(self) -> tuple[tuple[Operation, Handler], ...]:
        return (
            (openapi.STATUS, self._status),
            (openapi.LIST_LINKS, self._list_links),
            (openapi.ADD_LINK, self._add_link),
            (openapi.REMOVE_LINK, self._remove_link),
            (openapi.LIST_LOGINS, self._list_logins),
            (openapi.LIST_OPT_OUTS, self._list_opt_outs),
            (openapi.REMOVE_LOGIN, self._remove_login),
            (openapi.LIST_DELIVERIES, self._list_deliveries),
            (openapi.LIST_DEAD_LETTERS, self._list_dead_letters),
            (openapi.RETRY_DEAD_LETTERS, self._retry),
            (openapi.DISCARD_DEAD_LETTERS, self._discard),
            *self._hooks.operations(),
            *self._commands.operations(),
            (openapi.DESCRIPTION, self._describe),
        )

    @web.middleware
    async def _authorised(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith(_API) or request.path == openapi.DESCRIPTION.path:
            return await handler(request)
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        known = hmac.compare_digest(given.strip().encode(errors="replace"), self._token().encode())
        if scheme.lower() == "bearer" and known:
            return await handler(request)
        response = problem(HTTPStatus.UNAUTHORIZED, "the bearer token is missing or is not this bridge's")
        response.headers["WWW-Authenticate"] = 'Bearer realm="linkspan"'
        return response

    async def _healthz(self, _request: web.Request) -> web.Response:
        return as_json({"status": "alive"})

    async def _readyz(self, _request: web.Request) -> web.Response:
        unready = self._bridge.unready()
        status = HTTPStatus.SERVICE_UNAVAILABLE if unready else HTTPStatus.OK
        return as_json({"ready": not unready, "unready": unready}, status=status)

    async def _metrics_page(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.render(), headers={"Content-Type": CONTENT_TYPE})

    async def _status(self, _request: web.Request) -> web.Response:
        return as_json(await self._bridge.status())

    async def _list_links(self, _request: web.Request) -> web.Response:
        return as_json(self._bridge.links())

    async def _add_link(self, request: web.Request) -> web.Response:
        link = await self._bridge.add_link(await body_of(request, NewLink))
        return as_json(link, status=HTTPStatus.CREATED)

    async def _remove_link(self, request: web.Request) -> web.Response:
        await self._bridge.remove_link(request.match_info["name"])
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _list_opt_outs(self, request: web.Request) -> web.Response:
        return as_json(self._bridge.opt_outs(history=request.query.get("history") == "true"))

    async def _list_logins(self, _request: web.Request) -> web.Response:
        return as_json(self._bridge.logins())

    async def _remove_login(self, request: web.Request) -> web.Response:
        await self._bridge.remove_login(request.match_info["network"], request.match_info["user"])
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _list_deliveries(self, request: web.Request) -> web.Response:
        room, message = request.query.get("room", ""), request.query.get("message", "")
        if bool(room) != bool(message):
            reason = "expected both room and message, or neither"
            raise Refused(reason, status=HTTPStatus.BAD_REQUEST)
        if room:
            return as_json(await self._bridge.fate(room, message))
        return as_json(await self._bridge.deliveries(_limit(request)))

    async def _list_dead_letters(self, request: web.Request) -> web.Response:
        return as_json(await self._bridge.dead_letters(_limit(request)))

    async def _retry(self, request: web.Request) -> web.Response:
        return as_json(Done(count=await self._bridge.retry(_keys(await body_of(request, Chosen)))))

    async def _discard(self, request: web.Request) -> web.Response:
        return as_json(Done(count=await self._bridge.discard(_keys(await body_of(request, Chosen)))))

    async def _describe(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._description, content_type="application/json")


@web.middleware
async def _problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer everything that goes wrong with a document that says what."""
    try:
        return await handler(request)
    except Refused as refused:
        return problem(HTTPStatus(refused.status), refused.reason, errors=refused.errors)
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        answer = problem(HTTPStatus(error.status), f"{request.method} {request.path}: {error.reason.lower()}")
        if "Allow" in error.headers:
            answer.headers["Allow"] = error.headers["Allow"]
        return answer


def _limit(request: web.Request) -> int:
    text = request.query.get("limit", str(MOST_LISTED))
    limit = int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else 0
    if not 1 <= limit <= MOST_LISTED:
        reason = f"limit: expected a whole number from 1 to {MOST_LISTED}"
        raise Refused(reason, status=HTTPStatus.BAD_REQUEST)
    return limit


def _keys(chosen: Chosen) -> Collection[str] | None:
    if chosen.all == bool(chosen.keys):
        reason = "expected either keys or all"
        raise Refused(reason, status=HTTPStatus.BAD_REQUEST)
    return None if chosen.all else chosen.keys
