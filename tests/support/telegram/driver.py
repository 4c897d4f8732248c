"""Telegram for the conformance suite: the fake Bot API with one group, as its people see it."""

from bridge.conformance.driver import Heard
from bridge.connector import Connector, PuppetSettings, Secret, Setup
from bridge.core.ids import Network, PersonId, RoomId
from connectors.telegram.config import TelegramSettings
from connectors.telegram.connector import TelegramConnector
from connectors.telegram.pace import Rates
from tests.support.telegram.methods import TEXT, units
from tests.support.telegram.server import BotApi

FAST = Rates(burst=1000, second=0.0001, group=1000, overall=1000)


class TelegramDriver:
    """A group with a bot that reads everything."""

    def __init__(self) -> None:
        self.network = Network("family")
        self.api = BotApi()
        self.bot = self.api.world.bot(privacy=False)
        romeo = self.api.world.person("romeo")
        self.people = {"romeo": romeo}
        self.group = self.api.world.supergroup("Verona", romeo, self.bot)

    @property
    def room(self) -> RoomId:
        return RoomId(str(self.group.id))

    async def start(self) -> None:
        await self.api.up()

    async def stop(self) -> None:
        await self.api.__aexit__(None)

    def connector(self) -> Connector:
        settings = TelegramSettings(token=Secret(self.bot.token), api_url=self.api.url)
        setup = Setup(network=self.network, settings=settings, puppets=PuppetSettings(), instance="test", version="0")
        return TelegramConnector(setup, rates=FAST)

    async def say(self, name: str, text: str) -> None:
        """Say it; while somebody reads, until they have it."""
        if units(text) > TEXT or not text.strip():
            msg = "Telegram takes no such text"
            raise ValueError(msg)
        reads = self.bot.webhook is None and self.api.connected(self.bot)
        self.group.says(self.people[name], text)
        if reads:
            await self.api.until(lambda: not self.bot.updates)

    async def heard(self) -> list[Heard]:
        return [
            Heard(message["from"]["first_name"], message["text"])
            for _, message in sorted(self.group.messages.items())
            if message["from"]["is_bot"]
        ]

    async def members(self) -> list[str]:
        """Return the people: a bot is there for good, since only they can let it in."""
        return list(self.people)

    def person(self, name: str) -> PersonId:
        return PersonId(str(self.people[name].id))
