"""A Bot API server on loopback, as faithful as its users need it: what it takes, refuses and forgets is what Telegram does.

    async with BotApi() as api:
        bot = api.world.bot()
        alice = api.world.person("Alice")
        group = api.world.supergroup("Ferry port", alice, bot)
        ...                                   # the bot connects to api.url with bot.token
        group.says(alice, "hello")

Requests are held against the API's own description (``schema.py``): unknown or missing parameters and wrong types are
errors, as 400 to the bot and in ``api.mistakes`` for the test, which fails at the end of the block if there were any.
Here: HTTP, ``getUpdates`` and webhooks, and trouble to order. What methods do is in ``methods.py``, who lives there in ``world.py``.
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from tests.support.telegram.limits import Flood
from tests.support.telegram.methods import Methods, Refused, bad
from tests.support.telegram.schema import Mistake, Upload, schema
from tests.support.telegram.world import Bot, Json, World

CONFLICT = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
HOOKED = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
PATIENCE = 10.0
"""Seconds after which what does not come is a failure; never waited for by a test that passes."""
RETRY = 0.05
"""Seconds until a webhook is tried again that did not answer 2xx."""


class Call:
    """A request that the server took: for tests that read the wire."""

    def __init__(self, method: str, given: Json, *, token: str = "") -> None:
        self.method = method
        self.given = given
        self.token = token  # whose bot asked

    def __repr__(self) -> str:
        return f"{self.method} {self.given}"


class BotApi:
    """The server, and the world behind it."""

    def __init__(self, *, now: Callable[[], float] = time.time) -> None:
        self.world = World(now)
        self.flood = Flood(now)
        self.calls: list[Call] = []  # all but getUpdates
        self.polls: list[Json] = []
        self.readers: set[tuple[str, str]] = set()  # token and way of whoever asked for updates
        self.mistakes: list[str] = []
        self.url = ""
        self._stirred = asyncio.Event()
        self._troubles: dict[str, deque[Refused | None]] = {}
        self._gates: dict[str, deque[asyncio.Event]] = {}
        self._deeds: dict[str, list[Callable[[], object]]] = {}
        self._lines: dict[str, set[asyncio.Transport]] = {}  # connections on which updates were asked for
        self._pollers: dict[str, object] = {}
        self._hooks: dict[str, asyncio.Task[None]] = {}
        self._runner: web.AppRunner | None = None
        self._port = 0

    async def __aenter__(self) -> Self:
        await self.up()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for task in self._hooks.values():
            task.cancel()
        await self.down()
        if kind is None:
            assert not self.mistakes, self.mistakes

    async def up(self) -> None:
        """Serve; a second time on the same port."""
        application = web.Application(client_max_size=100_000_000)
        application.router.add_route("*", "/bot{token}/{method}", self._called)
        application.router.add_get("/file/bot{token}/{path:.+}", self._download)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1, handler_cancellation=True, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self._port}"

    async def down(self) -> None:
        """Be gone, with all connections."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    # -- trouble to order

    def connected(self, bot: Bot) -> bool:
        """Tell whether somebody reads a bot's updates: also between two requests, while their connection stands."""
        return any(not transport.is_closing() for transport in self._lines.get(bot.token, ()))

    def fails(self, method: str, code: int, description: str, **parameters: int) -> None:
        """Refuse the next call of a method."""
        self._troubles.setdefault(method, deque()).append(Refused(code, description, **parameters))

    def swallows(self, method: str) -> None:
        """Carry out the next call of a method, and cut the connection instead of answering."""
        self._troubles.setdefault(method, deque()).append(None)

    def holds(self, method: str) -> asyncio.Event:
        """Carry out the next call of a method, and answer it only when the event is set that this returns."""
        gate = asyncio.Event()
        self._gates.setdefault(method, deque()).append(gate)
        return gate

    def then(self, method: str, deed: Callable[[], object]) -> None:
        """Do something as soon as the next call of a method was carried out."""
        self._deeds.setdefault(method, []).append(deed)

    def wire(self, *methods: str) -> list[Json]:
        """Return what was asked of these methods, in order."""
        return [call.given for call in self.calls if call.method in methods]

    async def until(self, condition: Callable[[], object], *, patience: float = PATIENCE) -> None:
        """Wait until something is so; looked at whenever a request comes or is answered, and when a webhook took an update."""
        async with asyncio.timeout(patience):
            while not condition():
                self._stirred.clear()
                await self._stirred.wait()

    # -- HTTP

    async def _called(self, request: web.Request) -> web.StreamResponse:
        token, method = request.match_info["token"], request.match_info["method"]
        try:
            return _answer(await self._result(request, token, method))
        except Refused as refused:
            return _refusal(refused)
        except _Swallowed:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()

    async def _result(self, request: web.Request, token: str, method: str) -> Any:
        number, colon, secret = token.partition(":")
        if not (number.isdecimal() and colon and secret) or method not in schema().methods:
            raise Refused(404, "Not Found")
        bot = self.world.bots.get(token)
        if bot is None:
            raise Refused(401, "Unauthorized")
        given = await self._given(request, method)
        if method == "getUpdates":
            assert request.transport is not None
            self._lines.setdefault(token, set()).add(request.transport)
            self.polls.append(given)
            self.readers.add((token, method))
        else:
            self.calls.append(Call(method, given, token=token))
            if method == "setWebhook":
                self.readers.add((token, method))
        self._stirred.set()
        trouble = self._trouble(method)
        if isinstance(trouble, Refused):
            raise trouble
        result = await self._carry_out(bot, method, given)
        if method != "getUpdates":  # each of these was checked when it came to be
            schema().result(method, result)
        self._stirred.set()
        if trouble is not None:
            raise _Swallowed
        for deed in self._deeds.pop(method, ()):
            deed()
        if self._gates.get(method):
            await self._gates[method].popleft().wait()
        return result

    def _trouble(self, method: str) -> "Refused | type[_Swallowed] | None":
        """Return what shall go wrong with this call."""
        ordered = self._troubles.get(method)
        if not ordered:
            return None
        return ordered.popleft() or _Swallowed

    async def _given(self, request: web.Request, method: str) -> Json:
        """Read and check the parameters, in whatever form they came."""
        kind = request.content_type
        as_text = True
        if kind == "application/json":
            raw, as_text = await request.json(), False
        elif kind == "multipart/form-data":
            raw = await _multipart(request)
        else:
            raw = dict(await request.post())
        raw = {**request.query, **raw}
        try:
            return schema().parameters(method, raw, as_text=as_text)
        except Mistake as mistake:
            self.mistakes.append(str(mistake))
            raise bad(str(mistake)) from None

    async def _carry_out(self, bot: Bot, method: str, given: Json) -> Any:
        match method:
            case "getUpdates":
                return await self._updates(bot, given)
            case "setWebhook":
                return self._set_webhook(bot, given)
            case "deleteWebhook":
                return self._delete_webhook(bot, given)
            case _:
                return Methods(self.world, bot, self.flood).call(method, given)

    async def _download(self, request: web.Request) -> web.Response:
        if request.match_info["token"] not in self.world.bots:
            raise web.HTTPUnauthorized
        for file in self.world.files.values():
            if file.path == request.match_info["path"]:
                return web.Response(body=file.data, content_type="application/octet-stream")
        raise web.HTTPNotFound

    # -- updates

    async def _updates(self, bot: Bot, given: Json) -> list[Json]:
        """Long polling: what was confirmed never comes again, what was not comes until it is."""
        if bot.webhook is not None:
            raise Refused(409, HOOKED)
        me = self._pollers[bot.token] = object()
        bot.changed.set()  # whoever polls already finds that they are not the one any more
        _allow(bot, given)
        _confirm(bot, given.get("offset", 0))
        limit = given.get("limit", 100)
        if not 1 <= limit <= 100:
            limit = 100
        deadline = asyncio.get_running_loop().time() + given.get("timeout", 0)
        while not bot.updates:
            bot.changed.clear()
            bot.polling += 1
            self._stirred.set()
            try:
                async with asyncio.timeout_at(deadline):
                    await bot.changed.wait()
            except TimeoutError:
                break
            finally:
                bot.polling -= 1
            if self._pollers[bot.token] is not me:
                raise Refused(409, CONFLICT)
        return list(bot.updates)[:limit]

    def _set_webhook(self, bot: Bot, given: Json) -> bool:
        self._unhook(bot)
        if not given["url"]:
            return True
        _allow(bot, given)
        if given.get("drop_pending_updates"):
            bot.updates.clear()
        bot.webhook, bot.trouble = given, None
        self._hooks[bot.token] = asyncio.get_running_loop().create_task(self._push(bot, given))
        return True

    def _delete_webhook(self, bot: Bot, given: Json) -> bool:
        self._unhook(bot)
        if given.get("drop_pending_updates"):
            bot.updates.clear()
        return True

    def _unhook(self, bot: Bot) -> None:
        bot.webhook = None
        task = self._hooks.pop(bot.token, None)
        if task is not None:
            task.cancel()

    async def _push(self, bot: Bot, hook: Json) -> None:
        """Post each update to a webhook until it is taken."""
        secret = hook.get("secret_token")
        headers = {"X-Telegram-Bot-Api-Secret-Token": secret} if secret else {}
        async with ClientSession(headers=headers, timeout=ClientTimeout(total=10)) as session:
            while True:
                while not bot.updates:
                    bot.changed.clear()
                    await bot.changed.wait()
                update = bot.updates[0]
                wrong = "Connection refused"
                with suppress(ClientError, TimeoutError):
                    async with session.post(hook["url"], json=update) as response:
                        if response.ok and bot.updates and bot.updates[0] is update:
                            bot.updates.popleft()
                            self._stirred.set()
                            continue
                        wrong = f"Wrong response from the webhook: {response.status} {response.reason}"
                bot.trouble = (int(self.world.now()), wrong)
                self._stirred.set()
                await asyncio.sleep(RETRY)


class _Swallowed(Exception):
    """The answer got lost."""


def _allow(bot: Bot, given: Json) -> None:
    if "allowed_updates" in given:
        bot.allowed = given["allowed_updates"] or None


def _confirm(bot: Bot, offset: int) -> None:
    """Forget what lies before an offset; a negative one counts from the end of the queue."""
    if offset < 0:
        while len(bot.updates) > -offset:
            bot.updates.popleft()
        return
    while bot.updates and bot.updates[0]["update_id"] < offset:
        bot.updates.popleft()


async def _multipart(request: web.Request) -> dict[str, Any]:
    found: dict[str, Any] = {}
    async for part in await request.multipart():
        data = await part.read(decode=True)
        if part.filename is None:
            found[part.name] = data.decode()
        else:
            media_type = part.headers.get("Content-Type", "application/octet-stream")
            found[part.name] = Upload.of(bytes(data), name=part.filename, media_type=media_type)
    return found


def _answer(result: Any) -> web.Response:
    return web.json_response({"ok": True, "result": result})


def _refusal(refused: Refused) -> web.Response:
    body: Json = {"ok": False, "error_code": refused.code, "description": refused.description}
    if refused.parameters:
        body["parameters"] = refused.parameters
    return web.Response(text=json.dumps(body), status=refused.code, content_type="application/json")
