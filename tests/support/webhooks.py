"""Hooks on a real socket: a network of webhooks on the public listener, a hub, and a network worked by hand that hears it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import aiohttp

from bridge.connector import PuppetSettings, Secret, Setup
from bridge.core.deliveries import Edit, Post, Retract
from bridge.core.ids import Network
from bridge.storage.memory import MemoryStore
from bridge.web.public import PublicSite
from bridge.web.server import Listener
from connectors.webhook.config import HookSettings, WebhookSettings, WrittenHook
from connectors.webhook.connector import WebhookConnector
from tests.support.clock import quiet
from tests.support.connectors import HandConnector
from tests.support.hubs import Works, works

TOKEN = "0123456789abcdef"


class Answered(NamedTuple):
    """What a sender was told."""

    status: int
    headers: Mapping[str, str]
    body: Any  # JSON where it is that, else bytes


class Stage:
    """A hook ``/hooks/builds/TOKEN`` that speaks in ``ci:builds``, which is linked with ``right:#b``."""

    def __init__(self, one: Works, site: PublicSite, listener: Listener, session: aiohttp.ClientSession) -> None:
        self.works = one
        self.site = site
        self.right: HandConnector = one.networks["right"]
        self._listener = listener
        self._session = session
        self.ci: WebhookConnector

    @property
    def port(self) -> int:
        """Where hooks are called."""
        return self._listener.port

    def start(self, settings: WebhookSettings, **kept: object) -> None:
        """Start the network of webhooks."""
        setup = Setup(network=Network("ci"), settings=settings, puppets=PuppetSettings(), instance="test", version="0")
        self.ci = WebhookConnector(setup, now=self.works.clock.now)
        self.works.hub.add_network(Network("ci"), self.ci, PuppetSettings())
        self.site.serve({"ci": self.ci})

    async def send(
        self,
        body: object = None,
        *,
        path: str = f"/hooks/builds/{TOKEN}",
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """Send something: bytes as they are, anything else as JSON."""
        url = f"http://127.0.0.1:{self._listener.port}{path}"
        given: dict[str, Any] = {"data": body} if body is None or isinstance(body, bytes | str) else {"json": body}
        async with self._session.request(method, url, headers=headers, **given) as response:
            json = response.content_type.endswith("json")
            told = await (response.json(content_type=None) if json else response.read())
            return Answered(response.status, response.headers, told)

    async def text(self, text: str, **more: str) -> Answered:
        """Say something."""
        return await self.send({"text": text, **more})

    async def heard(self) -> list[str]:
        """Return what the other side was told: "bob: hi", "bob: hi!" with a leading "~" for a correction, "-" for a retraction."""
        await quiet()
        told = []
        for delivery in self.right.sent:
            voice = delivery.head.voice
            name = getattr(getattr(voice, "member", None), "name", "")
            match delivery:
                case Post(content=content, reply=reply):
                    told.append(f"{name}{' >' if reply else ''}: {content.text}")
                case Edit(content=content):
                    told.append(f"~{name}: {content.text}")
                case Retract():
                    told.append(f"-{name}")
                case _:
                    told.append(type(delivery).__name__)
        return told

    async def restart(self, settings: WebhookSettings) -> None:
        """End the network of webhooks, and start it anew on the same store."""
        await self.works.hub.remove_network(Network("ci"))
        self.start(settings)
        await quiet()


def hook(**settings: Any) -> WrittenHook:
    """Return a hook of the file."""
    return WrittenHook(**{"token": Secret(TOKEN), "room": "builds"} | settings)


def webhooks(*, hooks: dict[str, WrittenHook] | None = None, **settings: Any) -> WebhookSettings:
    """Return a network with these hooks, by default with one, "builds"."""
    return WebhookSettings(hooks={"builds": hook()} if hooks is None else hooks, **settings)


@asynccontextmanager
async def stage(settings: WebhookSettings | None = None, *, store: MemoryStore | None = None) -> AsyncIterator[Stage]:
    """Start it all."""
    site = PublicSite()
    listener = Listener(key="http.listen", host="127.0.0.1", port=0, application=site.server())
    await listener.start()
    async with (
        aiohttp.ClientSession() as session,
        works(store=store, link=("left:#a", "right:#b", "ci:builds")) as one,
    ):
        staged = Stage(one, site, listener, session)
        staged.start(settings or webhooks())
        await quiet()
        try:
            yield staged
        finally:
            await listener.stop()


__all__ = ["TOKEN", "Answered", "HookSettings", "Stage", "hook", "stage", "webhooks"]
