"""The connector: what it consists of, and how long it runs. Thin: each part is a module of its own.

:mod:`.hooks` knows the hooks, :mod:`.inbound` takes what is sent to them, :mod:`.outbound` tells endpoints what is said.
"""

import asyncio
from collections.abc import Awaitable

from bridge.connector import Answer, Finding, Hub, Request, Route, Setup, Status
from bridge.core.capabilities import Capabilities
from bridge.core.deliveries import Delivery, Sent
from bridge.core.ids import RoomId
from connectors.webhook.capabilities import CAPABILITIES
from connectors.webhook.config import WebhookSettings


def build(setup: Setup) -> "WebhookConnector":
    """Make a connector."""
    return WebhookConnector(setup)


class WebhookConnector:
    """A :class:`bridge.connector.Connector` that also Serves and Checks."""

    def __init__(self, setup: Setup) -> None:
        assert isinstance(setup.settings, WebhookSettings)
        self._settings = setup.settings
        self._network = setup.network
        self._hub: Hub | None = None
        self._routes = (
            Route(
                prefix="/hooks/",
                methods=frozenset({"POST", "PUT", "PATCH", "DELETE", "GET"}),
                largest=max([self._settings.largest, *(hook.largest for hook in self._settings.hooks.values())]),
            ),
        )

    @property
    def capabilities(self) -> Capabilities:
        """What a room of webhooks can carry."""
        return CAPABILITIES

    async def run(self, hub: Hub) -> None:
        """Be there, until cancelled."""
        self._hub = hub
        try:
            hub.report(Status.READY)
            await asyncio.Event().wait()
        finally:
            self._hub = None

    def send(self, delivery: Delivery) -> Awaitable[Sent]:
        """Carry out one order."""
        return self._nobody(delivery)

    async def _nobody(self, _: Delivery) -> Sent:
        return Sent()

    @property
    def routes(self) -> tuple[Route, ...]:
        """Where hooks are called."""
        return self._routes

    async def serve(self, request: Request) -> Answer | None:  # noqa: ARG002 - there are no hooks yet
        """Take what is sent to a hook."""
        return None

    async def check(self, rooms: list[RoomId]) -> list[Finding]:  # noqa: ARG002 - a room is just a name
        """Say how many hooks there are."""
        count = len(self._settings.hooks)
        return [Finding(subject=self._network, ok=True, detail=f"{count} hooks in the file")]
