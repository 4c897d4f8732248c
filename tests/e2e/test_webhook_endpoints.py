"""Programs hear a MUC: in order, signed, over a power cut, whatever becomes of another endpoint; and what they answer is said."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

import pytest
import standardwebhooks

from bridge.demo.people import XmppPerson, body
from tests.support.endpoint import Answers, Endpoint, Got, endpoint
from tests.support.world import World

pytestmark = pytest.mark.server

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXY="
ROOMS = ["xmpp:verona@conference.localhost", "ci:dev"]


class Stage(NamedTuple):
    world: World
    juliet: XmppPerson
    audit: Endpoint
    bad: Endpoint
    bot: Endpoint


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        audit, bad, bot = [await stack.enter_async_context(endpoint()) for _ in range(3)]
        more = f"""
[networks.ci]
connector = "webhook"
[networks.ci.endpoints.audit]
url = "{audit.url}"
secret = "{SECRET}"
private = true
events = ["message", "edit", "retraction", "reaction", "topic", "join", "leave"]
[networks.ci.endpoints.bad]
url = "{bad.url}"
private = true
[networks.ci.endpoints.bot]
url = "{bot.url}"
private = true
answers = true
triggers = ["!time", "!whisper"]
"""
        world = await stack.enter_async_context(World(rooms=ROOMS, more=more, admins=["juliet@localhost"]))
        yield Stage(world, await world.user("juliet"), audit, bad, bot)


def texts(got: list[Got]) -> list[str]:
    """Return what was said, each once, in the order in which it came."""
    return list(dict.fromkeys(one.text for one in got if one.json["type"] == "message"))


async def kind(there: Endpoint, name: str) -> Got:
    """Wait for the next request of a kind."""
    while True:
        got = await there.next()
        if got.json["type"] == name:
            return got


async def test_a_room_is_told_to_programs_and_a_power_cut_loses_nothing() -> None:
    async with stage() as (world, juliet, audit, bad, bot):
        bad.always = Answers(503)
        first = juliet.say(world.room, "one")
        got = await kind(audit, "message")
        assert standardwebhooks.Webhook(SECRET).verify(got.body.decode(), got.headers) == got.json
        assert got.json["data"]["room"] == {"network": "xmpp", "id": world.room}
        assert got.json["data"]["sender"]["name"] == "juliet"
        failed = await bad.next()
        assert failed.text == "one"

        replace = f"<replace xmlns='urn:xmpp:message-correct:0' id='{first}'/>"
        juliet.say(world.room, "won", more=replace)
        edited = await kind(audit, "edit")
        assert edited.json["data"]["message"] == got.json["data"]["message"]
        assert (edited.json["data"]["content"], edited.json["data"]["previous"]) == ({"text": "won"}, "one")

        await world.user("romeo")
        assert (await kind(audit, "join")).json["data"]["sender"]["name"] == "romeo"

        for text in ("two", "three", "four"):
            juliet.say(world.room, text)
        for text in ("two", "three", "four"):
            assert (await kind(audit, "message")).text == text
        assert texts(bad.got) == ["one"]

        await world.bridge.kill()
        bad.always = Answers(200)
        await world.bridge.start()
        for text in ("one", "two", "three", "four"):
            again = await kind(bad, "message")
            assert again.text == text
            assert (again.id == failed.id) is (text == "one")
        assert texts(audit.got) == ["one", "two", "three", "four"]
        assert len(bot.got) == 0


async def test_what_an_endpoint_answers_is_said_and_what_it_refuses_can_be_tried_again() -> None:
    async with stage() as (world, juliet, _, bad, bot):
        bot.then(Answers(200, b'{"text": "it is **late**", "username": "Clock", "response_type": "comment"}'))
        juliet.say(world.room, "!time please")
        said = await juliet.see(lambda el: "it is *late*" in (body(el) or ""))
        assert said.get("from") == f"{world.room}/Clock"
        assert said.find("{urn:xmpp:reply:0}reply") is not None

        bot.then(Answers(200, b'{"text": "for you alone", "response_type": "ephemeral"}'))
        juliet.say(world.room, "!whisper")
        alone = await juliet.see(lambda el: "for you alone" in (body(el) or ""))
        assert alone.get("type") == "chat"
        assert len(bot.got) == 2

        bad.then(Answers(400))
        juliet.say(world.room, "odd")
        await world.user("romeo")
        while (refused := await bad.next()).text != "odd":
            pass
        await juliet.see(lambda el: "ci: dev/bad was not told something: it refused this (400)" in (body(el) or ""))
        listed = await dead_letters(world)
        assert [letter["room"] for letter in listed] == ["ci:dev/bad"]
        ended = await world.bridge.command("deadletters", "retry", str(listed[0]["key"]))
        assert ended.status == 0, ended.errors
        while (again := await bad.next()).text != "odd":
            pass
        assert again.id == refused.id
        assert await dead_letters(world) == []


async def dead_letters(world: World) -> list[dict[str, object]]:
    """List them by command."""
    ended = await world.bridge.command("deadletters", "list", "--json")
    assert ended.status == 0, ended.errors
    found: list[dict[str, object]] = json.loads(ended.output)
    return found
