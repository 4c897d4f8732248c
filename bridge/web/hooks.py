"""The admin API's routes for hooks. What they mean is in :class:`bridge.web.ports.HookDesk`. Called by :mod:`bridge.web.admin`."""

from http import HTTPStatus

from aiohttp import web

from bridge.web import openapi
from bridge.web.answers import Handler, as_json, body_of
from bridge.web.openapi import Operation
from bridge.web.ports import HookDesk, NewHook, NewSecret, Paused, Replayed


class HookRoutes:
    """What an administrator does with hooks."""

    def __init__(self, desk: HookDesk) -> None:
        self._desk = desk

    def operations(self) -> tuple[tuple[Operation, Handler], ...]:
        """Return each operation with what answers it."""
        return (
            (openapi.LIST_HOOKS, self._list),
            (openapi.CREATE_HOOK, self._create),
            (openapi.REVOKE_HOOK, self._revoke),
            (openapi.ROTATE_HOOK, self._rotate),
            (openapi.PAUSE_HOOK, self._pause),
            (openapi.TEST_HOOK, self._test),
            (openapi.LIST_HOOK_CALLS, self._calls),
            (openapi.REPLAY_HOOK, self._replay),
        )

    async def _list(self, _request: web.Request) -> web.Response:
        return as_json(self._desk.hooks())

    async def _create(self, request: web.Request) -> web.Response:
        return as_json(await self._desk.create(await body_of(request, NewHook)), status=HTTPStatus.CREATED)

    async def _revoke(self, request: web.Request) -> web.Response:
        await self._desk.revoke(request.match_info["hook"])
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _rotate(self, request: web.Request) -> web.Response:
        order = await body_of(request, NewSecret)
        return as_json(await self._desk.rotate(request.match_info["hook"], overlap=order.overlap))

    async def _pause(self, request: web.Request) -> web.Response:
        order = await body_of(request, Paused)
        await self._desk.pause(request.match_info["hook"], paused=order.paused)
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _test(self, request: web.Request) -> web.Response:
        return as_json(await self._desk.test(request.match_info["hook"]))

    async def _calls(self, request: web.Request) -> web.Response:
        return as_json(await self._desk.calls(request.match_info["hook"]))

    async def _replay(self, request: web.Request) -> web.Response:
        order = await body_of(request, Replayed)
        return as_json(await self._desk.replay(request.match_info["hook"], order.call))
