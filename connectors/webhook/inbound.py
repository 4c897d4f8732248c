"""What is sent to hooks: let in or not, read, said once, and answered when it is safely stored and not before.

The order is always the same: whose hook it is, whether this may call it, whether there is room, who signed it, what it says,
whether it is new. What a body means is for :mod:`.formats` to say, what becomes of it for :mod:`.speaking`. Called by
:mod:`.connector`.
"""

import asyncio
import logging
import secrets
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote

import msgspec

from bridge.connector import Answer, HookCall, HookRefused, Hub, Request, StoreAway
from bridge.core.addresses import is_within, parse_range
from bridge.core.content import Content
from bridge.core.events import Member
from bridge.core.ids import EventKey, MessageId, Network, RoomId, digest
from connectors.webhook.answers import Taken, done, refused, taken
from connectors.webhook.authentication import refusal
from connectors.webhook.calls import Calls, shown
from connectors.webhook.config import WebhookSettings
from connectors.webhook.formats import FORMATS, Answered
from connectors.webhook.hooks import PREFIX, Hooks, Kept, State
from connectors.webhook.pace import Pace
from connectors.webhook.posting import Ignored, Malformed, Posting, UnknownType
from connectors.webhook.reading import read
from connectors.webhook.speaking import Speech
from connectors.webhook.submission import Submission, opened

log = logging.getLogger(__name__)

_REMEMBERED: Final = 10_000
"""Deliveries of which the answer is remembered, for those that come again."""
_OUTCOMES: Final = ("posted", "edited", "retracted", "duplicate", "gathered", "skipped", "refused")
_METHODS: Final = ("POST", "PUT", "PATCH", "DELETE")
_STORE_BACK: Final = 2.0
"""Seconds after which it is worth a try whether the store takes something again."""


class Called(msgspec.Struct, frozen=True, kw_only=True):
    """What a path names."""

    hook: str
    token: str
    rest: tuple[str, ...] = ()  # a format, or a message


def called(path: str) -> Called | None:
    """Return what a path names: ``/hooks/ID/TOKEN``, and behind it a format, or a message as ``ID`` or ``messages/ID``."""
    hook, *more = [unquote(part) for part in path.removeprefix(PREFIX).rstrip("/").split("/")]
    if not hook or not more or not more[0] or len(more) > 3:
        return None
    token, *rest = more
    return Called(hook=hook, token=token, rest=tuple(rest[1:] if rest[:1] == ["messages"] else rest))


class _Declined(Exception):
    """A request that is answered with a refusal."""

    def __init__(
        self, status: HTTPStatus, why: str, *, after: float = 0.0, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(why)
        self.answer = refused(status, why, after=after, headers=headers)


class Inbound:
    """Takes what is sent to the hooks of a network."""

    def __init__(self, network: Network, hooks: Hooks, settings: WebhookSettings, *, now: Callable[[], int]) -> None:
        self._network = network
        self._hooks = hooks
        self._largest = settings.largest
        self._now = now
        self._calls = Calls(keep=settings.keep)
        self._pace = Pace()
        self._known: OrderedDict[str, Taken] = OrderedDict()
        self._under_way: dict[str, asyncio.Future[Taken]] = {}
        self.outcomes: Counter[str] = Counter(dict.fromkeys(_OUTCOMES, 0))
        """What became of all requests with a right secret."""
        self.speech = Speech(network, hooks, settings, now=now)
        """What hooks say."""
        self.rooms: set[RoomId] = set()
        """Rooms in which somebody listens."""

    async def load(self, hub: Hub) -> None:
        """Read what the hub keeps."""
        await self._hooks.load(hub)
        await self._calls.load(hub)
        await self.speech.load(hub)

    async def tidy(self, hub: Hub) -> None:
        """Forget what is over."""
        now = self._now()
        for hook in await self._hooks.tidy(hub, now):
            await self._calls.forget(hub, hook)
        await self._calls.tidy(hub, now)
        await self.speech.tidy(hub)
        self._pace.tidy(now)

    # -- requests

    async def serve(self, hub: Hub | None, request: Request) -> Answer | None:
        """Answer what was sent to a hook; None where it is none of ours."""
        where, hook = self._find(request.path)
        if where is None or hook is None:
            return None
        try:
            return await self._take(self._admitted(hub, hook, request), hook, request, where.rest)
        except _Declined as declined:
            self.outcomes["refused"] += 1
            log.info("webhook.refused hook=%s status=%d: %s", hook.id, declined.answer.status, declined)
            return declined.answer
        except StoreAway as away:
            self.outcomes["refused"] += 1
            return refused(HTTPStatus.SERVICE_UNAVAILABLE, str(away), after=_STORE_BACK)

    def finds(self, path: str) -> bool:
        """Tell whether a path names a hook, with its secret."""
        return self._find(path)[1] is not None

    def _find(self, path: str) -> tuple[Called | None, Kept | None]:
        where = called(path)
        return where, self._hooks.called(where.hook, where.token, self._now()) if where is not None else None

    def _admitted(self, hub: Hub | None, hook: Kept, request: Request) -> Hub:
        """Return the hub, for a request that may be read. Raises: _Declined."""
        settings, now = hook.settings, self._now()
        if hook.state(now) in {State.EXPIRED, State.REVOKED}:
            raise _Declined(HTTPStatus.GONE, "this hook is gone")
        methods = (*_METHODS, "GET") if settings.get else _METHODS
        if request.method not in methods:
            allow = (("Allow", ", ".join(methods)),)
            raise _Declined(HTTPStatus.METHOD_NOT_ALLOWED, f"{request.method} is not possible here", headers=allow)
        if settings.allow and not is_within(request.remote, map(parse_range, settings.allow)):
            raise _Declined(HTTPStatus.FORBIDDEN, "not from this address")
        largest = min(settings.largest or self._largest, self._largest)
        if len(request.body) > largest:
            raise _Declined(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {largest} bytes")
        if wait := self._pace.take(hook.id, settings.limit, now):
            raise _Declined(
                HTTPStatus.TOO_MANY_REQUESTS, f"more than {settings.limit} requests in a minute", after=wait
            )
        if why := refusal(settings.authentication, request, now=now / 1000):
            raise _Declined(HTTPStatus.UNAUTHORIZED, why)
        if hub is None or hub.congested():
            why = "not connected yet" if hub is None else hub.congested()
            raise _Declined(HTTPStatus.SERVICE_UNAVAILABLE, why, after=_STORE_BACK)
        return hub

    async def _take(self, hub: Hub, hook: Kept, request: Request, rest: tuple[str, ...]) -> Answer:
        self._hooks.used(hub, hook.id, self._now())
        room = RoomId(hook.settings.room)
        if request.method == "DELETE":
            target, author = await self._named(hub, hook, rest)
            await self.speech.retract(hub, hook, author, target)
            self.outcomes["retracted"] += 1
            return done()
        suffix = rest[0] if rest and rest[0] in FORMATS else ""
        submission = _opened(request)
        said, answered = _read(hook, submission, suffix)
        if request.method == "PATCH":
            if isinstance(said, Ignored):
                raise _Declined(HTTPStatus.BAD_REQUEST, said.reason)
            target, author = await self._named(hub, hook, rest)
            await self.speech.edit(hub, hook, author, target, said.content, _key(hook, said))
            self.outcomes["edited"] += 1
            return taken(Taken(id=target, room=room), wait=True)
        what = await self._said(hub, hook, said, request)
        self.outcomes["duplicate" if what.duplicate else what.outcome] += 1
        wait = submission.query.get("wait") == "true"
        return taken(what, answered=answered, wait=wait)

    async def _said(self, hub: Hub, hook: Kept, said: Posting | Ignored, request: Request) -> Taken:
        """Say it, unless there is a reason not to; what was sent is kept either way."""
        if isinstance(said, Ignored):
            return await self._skip(hub, hook, request, said.reason)
        if hook.settings.paused:
            return await self._skip(hub, hook, request, "the hook is paused")
        if RoomId(hook.settings.room) not in self.rooms:
            return await self._skip(hub, hook, request, "the room is in no link")
        key = _key(hook, said)

        async def say() -> Taken:
            what, stored = self.speech.say(hub, hook, said, key)
            stored.append(self._calls.note(hub, hook.id, key, request, outcome=what.outcome, now=self._now()))
            for each in stored:
                await each
            return what

        return await self._once(hub, hook, key, say) if said.delivery else await say()

    async def _skip(self, hub: Hub, hook: Kept, request: Request, why: str) -> Taken:
        """Say nothing, and keep what was sent: an administrator may want to know, and to replay it."""
        call = _fresh(hook)
        await self._calls.note(hub, hook.id, call, request, outcome=f"skipped: {why}", now=self._now())
        return Taken(id=None, room=hook.settings.room, outcome="skipped", skipped=why)

    async def _once(self, hub: Hub, hook: Kept, key: str, say: Callable[[], Awaitable[Taken]]) -> Taken:
        """Say something once, however often it is sent, and however many send it at the same time."""
        if key in self._under_way:
            return _again(await asyncio.shield(self._under_way[key]))
        landing: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()
        self._under_way[key] = landing
        try:
            what = self._known.get(key)
            if what is None and await hub.known(RoomId(hook.settings.room), EventKey(key)):
                what = Taken(id=key, room=hook.settings.room)
            what = _again(what) if what is not None else await say()
        except BaseException as error:
            landing.set_exception(error if isinstance(error, Exception) else StoreAway("stopping"))
            landing.exception()  # it is told here too: nobody need be waiting for it
            raise
        finally:
            del self._under_way[key]
        landing.set_result(what)
        self._known[key] = what
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return what

    async def _named(self, hub: Hub, hook: Kept, rest: tuple[str, ...]) -> tuple[MessageId, Member]:
        """Return a message of this hook's, and who said it. Raises: _Declined."""
        if not rest:
            raise _Declined(HTTPStatus.BAD_REQUEST, "which message? Its id stands behind the hook's URL")
        target, author = MessageId(rest[-1]), None
        if target.startswith(f"{hook.id}."):
            author = await hub.author(RoomId(hook.settings.room), target)
        if author is None:
            raise _Declined(HTTPStatus.NOT_FOUND, "this hook said no such message")
        return target, author

    # -- for an administrator

    async def test(self, hub: Hub, hook: Kept) -> str:
        """Say something, as the hook; return the message's id. Raises: HookRefused."""
        words = f"This is a test of the hook {hook.id}."
        return await self._anew(hub, hook, Posting(content=Content(text=words), service="Webhook"))

    async def calls(self, hub: Hub, hook: Kept) -> list[HookCall]:
        """Return what was sent lately, newest first."""
        return [shown(call) for call in await self._calls.listed(hub, hook.id)]

    async def replay(self, hub: Hub, hook: Kept, call: str) -> str:
        """Read once more what was sent, and say it as something new; return the message's id. Raises: HookRefused."""
        found = next((each for each in await self._calls.listed(hub, hook.id) if each.id == call), None)
        if found is None:
            msg = f'there is no call "{call}"'
            raise HookRefused(msg, missing=True)
        if found.body is None:
            msg = "its body is not kept"
            raise HookRefused(msg)
        try:
            said, _ = read(hook.settings, opened(found.request(f"{PREFIX}{hook.id}/")))
        except (Malformed, UnknownType) as error:
            raise HookRefused(str(error)) from None
        if isinstance(said, Ignored):
            raise HookRefused(said.reason)
        return await self._anew(hub, hook, said)

    async def _anew(self, hub: Hub, hook: Kept, said: Posting) -> str:
        if RoomId(hook.settings.room) not in self.rooms:
            msg = f'the room "{hook.settings.room}" is in no link'
            raise HookRefused(msg)
        key = _fresh(hook)
        await self.speech.post(hub, hook, said, key)
        return key


def _opened(request: Request) -> Submission:
    try:
        return opened(request)
    except UnknownType as unknown:
        raise _Declined(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, str(unknown)) from None
    except Malformed as malformed:
        raise _Declined(HTTPStatus.BAD_REQUEST, str(malformed)) from None


def _read(hook: Kept, submission: Submission, asked: str) -> tuple[Posting | Ignored, Answered]:
    try:
        return read(hook.settings, submission, asked=asked)
    except Malformed as malformed:
        raise _Declined(HTTPStatus.BAD_REQUEST, str(malformed)) from None


def _key(hook: Kept, said: Posting) -> str:
    """Return the key of a fact, which is the message's id, too: the same for a delivery that comes again."""
    return f"{hook.id}.{digest(hook.id, said.delivery)}" if said.delivery else _fresh(hook)


def _fresh(hook: Kept) -> str:
    return f"{hook.id}.{secrets.token_hex(16)}"


def _again(what: Taken) -> Taken:
    return msgspec.structs.replace(what, duplicate=True)
