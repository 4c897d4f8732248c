"""The administration's listener: health, metrics, the API and a page. Loopback by default, and never the public listener.

Health, metrics and the page are open, since they tell nothing about anybody; the API wants the bearer token. An operation is a
command (:mod:`bridge.web.commands`) under a path of its own, described in :mod:`bridge.web.openapi`. Built by :mod:`bridge.app`.
"""

import hmac
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from aiohttp import web

from bridge.core.dialogue import Commands
from bridge.web import openapi
from bridge.web.answers import Handler, as_json, problem
from bridge.web.commands import CommandRoutes
from bridge.web.metrics import CONTENT_TYPE, Metrics
from bridge.web.openapi import Operation
from bridge.web.pages import Pages
from bridge.web.ports import Bridge, Refused

log = logging.getLogger(__name__)

LARGEST_BODY: Final = 65_536
_API: Final = "/api/"


class Admin:
    """The routes of the administration's listener."""

    def __init__(self, bridge: Bridge, *, commands: Commands, token: Callable[[], str], version: str) -> None:
        self._bridge = bridge
        self._token = token  # asked each time: a new configuration may have another
        self._commands = CommandRoutes(commands)
        self._metrics = Metrics(bridge, version=version)
        self._pages = Pages(version=version)
        self._version = version

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
        named = [each for each in openapi.OPERATIONS if each.command]
        return (
            *((each, self._commands.operated(each)) for each in named),
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

    async def _describe(self, _request: web.Request) -> web.Response:
        described = self._commands.described()  # another after a reload
        return as_json(openapi.description(openapi.OPERATIONS, commands=described, version=self._version))


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
    except Exception:
        log.exception("admin.fault path=%s", request.path)
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "the bridge failed at this; its log says why")
