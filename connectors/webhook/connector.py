"""The connector: what it consists of, and how long it runs. Thin: each part is a module of its own.

:mod:`.hooks` knows the hooks, :mod:`.inbound` takes what is sent to them, :mod:`.outbound` tells endpoints what is said.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec

from bridge.connector import (
    Answer,
    Counted,
    Finding,
    Hook,
    HookCall,
    HookRefused,
    Hub,
    NewUrl,
    Request,
    Route,
    Setup,
    StoreAway,
)
from bridge.core.capabilities import Capabilities
from bridge.core.deliveries import Delivery, Sent
from bridge.core.events import Origin, RoomOpened
from bridge.core.ids import EventKey, Room, RoomId
from connectors.webhook.answers import unready
from connectors.webhook.capabilities import CAPABILITIES
from connectors.webhook.config import HookSettings, WebhookSettings
from connectors.webhook.endpoints import EndpointSettings, hears, leads_inside
from connectors.webhook.hooks import PREFIX, Hooks, Kept
from connectors.webhook.inbound import Inbound
from connectors.webhook.outbound import Outbound

_TIDY_EVERY: Final = 60.0


def build(setup: Setup) -> "WebhookConnector":
    """Make a connector."""
    return WebhookConnector(setup)


def wall_clock() -> int:
    """Return milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class WebhookConnector:
    """A :class:`bridge.connector.Connector` that also Listens, Divides, Serves, Sifts, TakesHooks, Counts and Checks."""

    def __init__(self, setup: Setup, *, now: Callable[[], int] = wall_clock) -> None:
        assert isinstance(setup.settings, WebhookSettings)
        self._settings = setup.settings
        self._network = setup.network
        self._now = now
        self._hooks = Hooks(self._settings.hooks)
        self._inbound = Inbound(setup.network, self._hooks, self._settings, now=now)
        self._outbound = Outbound(setup.network, self._settings.endpoints, version=setup.version)
        self._hub: Hub | None = None
        self._loaded = False
        self._woken = asyncio.Event()
        methods = frozenset({"POST", "PUT", "PATCH", "DELETE", "GET"})
        self._routes = (Route(prefix=PREFIX, methods=methods, largest=self._settings.largest),)

    @property
    def capabilities(self) -> Capabilities:
        """What a room of webhooks can carry."""
        return CAPABILITIES

    # -- being there

    async def run(self, hub: Hub) -> None:
        """Be there, until cancelled."""
        await self._inbound.load(hub)
        self._loaded = True
        self._hub = hub
        try:
            await self._outbound.open(hub)
            self._outbound.report()
            for room in self._inbound.rooms:
                self._open(hub, room)
            await self._keep_house(hub)
        finally:
            self._hub = None
            await self._outbound.close()

    async def _keep_house(self, hub: Hub) -> None:
        """Say what was gathered when it is due, and forget what is over."""
        tidied = -_TIDY_EVERY
        while True:
            if time.monotonic() - tidied >= _TIDY_EVERY:
                tidied = time.monotonic()
                await self._inbound.tidy(hub)
                self._outbound.report(also=self._hooks.ending(self._now()))
            self._woken.clear()
            try:
                wait = await self._inbound.speech.release(hub)
            except StoreAway:
                wait = 1.0
            try:
                async with asyncio.timeout(min(wait or _TIDY_EVERY, _TIDY_EVERY)):
                    await self._woken.wait()
            except TimeoutError:
                continue

    def listen(self, room: RoomId, *, password: str = "") -> None:  # noqa: ARG002 - a room is just a name
        """Let hooks speak in this room from now on."""
        self._inbound.rooms.add(room)
        if self._hub is not None:
            self._open(self._hub, room)

    def unlisten(self, room: RoomId) -> None:
        """Let them speak there no more."""
        self._inbound.rooms.discard(room)

    def _open(self, hub: Hub, room: RoomId) -> None:
        hub.emit(RoomOpened(origin=Origin(room=Room(self._network, room), key=EventKey(""), at=self._now())))

    async def check(self, rooms: list[RoomId]) -> list[Finding]:
        """Say what there is, and which hooks speak where nobody listens."""
        count = len(self._settings.hooks)
        found = [Finding(subject=self._network, ok=True, detail=f"{count} hook{'' if count == 1 else 's'} in the file")]
        for name, hook in self._settings.hooks.items():
            if hook.room not in rooms:
                detail = f'hook "{name}" speaks in {self._network}:{hook.room}, which is in no link'
                hint = "add the room to a link, or take out the hook"
                found.append(Finding(subject=self._network, ok=False, detail=detail, hint=hint))
        for name, endpoint in self._settings.endpoints.items():
            found += _endpoint_findings(self._network, name, endpoint, rooms)
        return found

    # -- speaking

    def send(self, delivery: Delivery) -> Awaitable[Sent]:
        """Tell an endpoint: a share of a room; the room itself has nobody to tell."""
        return self._outbound.send(delivery)

    def shares(self, room: RoomId) -> tuple[RoomId, ...]:
        """Return who hears a room: its endpoints."""
        return self._outbound.shares(room)

    # -- hooks

    @property
    def routes(self) -> tuple[Route, ...]:
        """Where hooks are called."""
        return self._routes

    async def serve(self, request: Request) -> Answer | None:
        """Take what is sent to a hook."""
        if not self._loaded:
            return unready()
        answer = await self._inbound.serve(self._hub, request)
        if self._inbound.speech.waits:
            self._woken.set()
        return answer

    def concerns(self, path: str) -> bool:
        """Tell whether a path names a hook, with its secret."""
        return not self._loaded or self._inbound.finds(path)

    def counted(self) -> Sequence[Counted]:
        """Return how many requests hooks got and endpoints were sent, and what became of them."""
        means = "Requests to hooks with a right secret, by what became of them"
        calls = Counted(name="hook_calls", means=means, by="outcome", values=dict(self._inbound.outcomes))
        means = "Requests to endpoints, by what came of them"
        told = Counted(name="endpoint_calls", means=means, by="outcome", values=dict(self._outbound.outcomes))
        return [calls, told]

    @property
    def hook_settings(self) -> type[msgspec.Struct]:
        """What can be chosen for a hook."""
        return HookSettings

    def hooks(self) -> Sequence[Hook]:
        """Return all hooks."""
        return self._hooks.listed(self._now())

    async def create_hook(self, settings: Any) -> NewUrl:
        """Make a hook."""
        return await self._hooks.create(self._connected(), settings, self._now())

    async def rotate_hook(self, hook: str, *, overlap: float) -> NewUrl:
        """Give a hook another secret."""
        return await self._hooks.rotate(self._connected(), hook, until=self._now() + int(overlap * 1000))

    async def pause_hook(self, hook: str, *, paused: bool) -> None:
        """Silence a hook, or let it speak again."""
        await self._hooks.pause(self._connected(), hook, paused=paused)

    async def revoke_hook(self, hook: str) -> None:
        """Take a hook back; its voices leave."""
        hub = self._connected()
        await self._hooks.revoke(hub, hook, self._now())
        self._inbound.speech.silence(hub, hook)

    async def test_hook(self, hook: str) -> str:
        """Let a hook say something."""
        return await self._inbound.test(self._connected(), self._present(hook))

    async def hook_calls(self, hook: str) -> Sequence[HookCall]:
        """Return what was sent to a hook lately."""
        return await self._inbound.calls(self._connected(), self._present(hook))

    async def replay_hook(self, hook: str, call: str) -> str:
        """Say once more what was sent."""
        return await self._inbound.replay(self._connected(), self._present(hook), call)

    def _present(self, hook: str) -> Kept:
        return self._hooks.present(hook)

    def _connected(self) -> Hub:
        if self._hub is None:
            msg = "the network does not run"
            raise HookRefused(msg)
        if why := self._hub.congested():
            raise StoreAway(why)
        return self._hub


def _endpoint_findings(network: str, name: str, endpoint: EndpointSettings, rooms: list[RoomId]) -> list[Finding]:
    """Return what is wrong with an endpoint, as far as that can be told without calling it."""
    found = []
    if not any(hears(endpoint, room) for room in rooms):
        detail = f'endpoint "{name}" hears no room that is in a link'
        hint = f"add a room of {network} to a link, or one that is linked to its rooms"
        found.append(Finding(subject=network, ok=False, detail=detail, hint=hint))
    if not endpoint.private and leads_inside(endpoint):
        detail = f'endpoint "{name}" is at an address that is not on the public Internet'
        found.append(Finding(subject=network, ok=False, detail=detail, hint='set "private = true" if that is meant'))
    return found
