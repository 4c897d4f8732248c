"""The suite for connector authors, run against webhooks: programs that post to a hook, and one whose endpoint hears."""

import json
from contextlib import AsyncExitStack

import msgspec

from bridge.conformance.driver import Driver, Heard
from bridge.conformance.suite import Conformance
from bridge.connector import Connector, PuppetSettings, Request, Secret, Setup
from bridge.core.ids import Network, PersonId, RoomId
from connectors.webhook.config import WebhookSettings, WrittenHook
from connectors.webhook.connector import WebhookConnector
from connectors.webhook.endpoints import EndpointSettings
from tests.support.endpoint import Endpoint, endpoint

TOKEN = "0123456789abcdef"


class WebhookDriver:
    """A program with a hook and an endpoint. Its room is the endpoint's own share, which is where it is told."""

    network = Network("ci")
    room = RoomId("builds/ear")

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._latest: WebhookConnector | None = None
        self._names: list[str] = []

    async def start(self) -> None:
        self._endpoint: Endpoint = await self._stack.enter_async_context(endpoint())

    async def stop(self) -> None:
        await self._stack.aclose()

    def connector(self) -> Connector:
        settings = WebhookSettings(
            hooks={"builds": WrittenHook(token=Secret(TOKEN), room=self.room)},
            endpoints={"ear": EndpointSettings(url=Secret(self._endpoint.url), private=True)},
        )
        setup = Setup(network=self.network, settings=settings, puppets=PuppetSettings(), instance="test", version="0")
        self._latest = WebhookConnector(setup)
        return self._latest

    async def say(self, name: str, text: str) -> None:
        """Post; what is refused because nobody listens is not said, as on any wire."""
        assert self._latest is not None
        body = json.dumps({"text": text, "username": name}).encode()
        headers = (("content-type", "application/json"),)
        path = f"/hooks/builds/{TOKEN}"
        sent = Request(method="POST", path=path, query="", headers=headers, body=body, remote="127.0.0.1")
        answer = await self._latest.serve(sent)
        assert answer is not None
        if answer.status == 400:
            raise ValueError(answer.body)
        assert answer.status in {200, 202, 503}
        self._names.append(name)

    async def heard(self) -> list[Heard]:
        told = (msgspec.json.decode(got.body) for got in self._endpoint.got)
        return [
            Heard(each["data"].get("sender", {}).get("name", "linkspan"), each["data"]["content"]["text"])
            for each in told
            if "content" in each["data"]
        ]

    async def members(self) -> list[str]:
        return list(dict.fromkeys(self._names)) or ["romeo"]

    def person(self, name: str) -> PersonId:
        return PersonId(f"builds/{name}")


class TestWebhooks(Conformance):
    def make_driver(self) -> Driver:
        return WebhookDriver()
