"""Telegram in a link, with the real engine: what crosses, what survives a restart, and what a flood wait costs whom."""

from contextlib import asynccontextmanager

from bridge.connector import PuppetSettings, Secret, Setup
from bridge.core.capabilities import Representation
from bridge.core.deliveries import AsPuppet, Edit, Post, React, Retract
from bridge.core.ids import Network
from bridge.demo.processes import until
from bridge.engine.hub import Hub, Link
from bridge.storage.memory import MemoryStore
from connectors.telegram.config import TelegramSettings
from connectors.telegram.connector import TelegramConnector
from tests.support.build import edited, posted, reacted, retracted, room
from tests.support.clock import VirtualClock, quiet
from tests.support.connectors import HandConnector, capabilities
from tests.support.telegram.driver import FAST
from tests.support.telegram.server import BotApi


class Town:
    """A bot with two groups on Telegram, and what the bridge keeps of it over restarts."""

    def __init__(self) -> None:
        self.time = VirtualClock()
        self.api = BotApi(now=lambda: self.time.now() / 1000)
        world = self.api.world
        self.bot = world.bot(privacy=False)
        self.alice = world.person("Alice")
        self.group = world.supergroup("Ferry port", self.alice, self.bot)
        self.other = world.supergroup("Other", self.alice, self.bot)
        self.store = MemoryStore(now=self.time.now)

    @asynccontextmanager
    async def bridge(self):
        """Run the bridge: #a is linked with the first group, #b with the second."""
        hub = Hub(store=self.store, clock=self.time, instance="test", jitter=lambda: 1.0)
        await hub.open()
        left = HandConnector(capabilities(Representation.ADDRESS))
        hub.add_network(Network("left"), left, PuppetSettings())
        settings = TelegramSettings(token=Secret(self.bot.token), api_url=self.api.url)
        setup = Setup(
            network=Network("family"), settings=settings, puppets=PuppetSettings(), instance="test", version="0"
        )
        hub.add_network(Network("family"), TelegramConnector(setup, clock=self.time, rates=FAST), PuppetSettings())
        for name, here, there in (("one", "#a", self.group), ("two", "#b", self.other)):
            hub.add_link(Link(name=name, rooms=(room(f"left:{here}"), room(f"family:{there.id}"))))
        await self.api.until(lambda: self.bot.polling)
        await quiet()
        try:
            yield left
        finally:
            await hub.close(deadline=0)

    async def read(self):
        """Wait until the bridge has read all that was said."""
        await self.api.until(lambda: not self.bot.updates, patience=60.0)  # there may be 10,000
        await quiet()


@asynccontextmanager
async def town():
    one = Town()
    async with one.api:
        yield one


async def test_what_happens_to_a_message_happens_to_its_copy_on_both_sides():
    async with town() as t, t.bridge() as left:
        said = t.group.says(t.alice, "hello")
        t.group.edits(said, text="hello!")
        t.group.says(t.alice, "anyone?", reply_to=said)
        await t.read()
        hello, edit, anyone = left.sent
        assert isinstance(hello, Post)
        assert isinstance(hello.head.voice, AsPuppet)
        assert isinstance(edit, Edit)
        assert (edit.ids, edit.content.text) == (("r1",), "hello!")
        assert (anyone.reply.ids, anyone.reply.name) == (("r1",), "Alice")

        left.emit(posted("yes", where="left:#a", id="m1", reply_to="r1"))
        await t.api.until(lambda: len(t.group.messages) == 3)
        answer = t.group.last
        assert (answer["text"], answer["reply_to_message"]["message_id"]) == ("juliet: yes", said["message_id"])
        left.emit(edited("m1", "yes!", where="left:#a"))
        left.emit(reacted("m1", "👍", by="romeo", where="left:#a"))
        await t.api.until(lambda: t.group.reactions)
        assert t.group.last["text"] == "juliet: yes!"
        t.group.says(t.alice, "there you are", reply_to=answer)
        await t.read()
        assert left.sent[-1].reply.to.id == "m1"
        left.emit(retracted("m1", where="left:#a"))
        await t.api.until(lambda: len(t.group.messages) == 3)
        assert not any(isinstance(one, React | Retract) for one in left.sent)


async def test_ten_thousand_updates_that_waited_cross_in_order_once():
    async with town() as t:
        texts = [f"line {number}" for number in range(10_000)]
        for text in texts:
            t.group.says(t.alice, text)
        async with t.bridge() as left:
            await t.read()
            assert left.texts() == texts
        async with t.bridge() as left:
            await t.read()
            assert left.texts() == []


async def test_a_flood_wait_in_the_middle_of_a_burst_survives_a_restart():
    async with town() as t:
        lines = [f"line {number}" for number in range(20)]
        async with t.bridge() as left:
            for line in lines[:5]:
                left.emit(posted(line, where="left:#a"))
            await t.api.until(lambda: len(t.group.messages) == 5)
            t.api.flood.ban(t.group.id, 30)
            for line in lines[5:]:
                left.emit(posted(line, where="left:#a"))
            left.emit(posted("elsewhere", where="left:#b"))
            await t.api.until(lambda: t.other.messages)
            await t.api.until(lambda: t.api.flood.refused)
            await quiet()
            await t.time.advance(10)
        async with t.bridge() as left:
            await t.time.advance(15)
            left.emit(posted("still elsewhere", where="left:#b"))
            await t.api.until(lambda: len(t.other.messages) == 2)
            assert len(t.group.messages) == 5
            assert t.api.flood.refused == 1  # what Telegram wants is kept, not tried out
            await t.time.advance(6)
            await t.api.until(lambda: len(t.group.messages) == 20)
        assert t.group.texts() == [f"juliet: {line}" for line in lines]
        assert t.other.texts() == ["juliet: elsewhere", "juliet: still elsewhere"]


async def test_what_was_said_while_the_bot_was_out_of_the_group_is_there_when_it_is_back():
    async with town() as t, t.bridge() as left:
        t.group.removes(t.bot, by=t.alice)
        await t.read()
        for text in ("one", "two", "three"):
            left.emit(posted(text, where="left:#a"))

        async def given_up():
            return await t.store.count_dead_letters() == 3

        await until(given_up, patience=10, what="three dead letters")
        t.group.joins(t.bot, by=t.alice)
        await t.api.until(lambda: t.group.texts()[-1] == "juliet: three")
        assert list(filter(None, t.group.texts())) == [f"juliet: {text}" for text in ("one", "two", "three")]
        assert await t.store.count_dead_letters() == 0
