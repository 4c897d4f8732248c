"""What people use: profanity in a linked MUC, Converse.js in a hosted room, and the bridge's own page, in a real browser.

One world for all: a MUC on Prosody with uploads, a channel on InspIRCd, a group on Telegram, and the channel's hosted room.
Pictures of the screens stay in ``.clients/pictures``.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest

from bridge.demo.people import IrcPerson
from tests.support.clients.chromium import Chromium
from tests.support.clients.converse import Converse, ConverseSite
from tests.support.clients.pictures import PICTURES, painted
from tests.support.clients.profanity import Profanity
from tests.support.telegram.server import BotApi
from tests.support.telegram.world import Chat, Person
from tests.support.world import PASSWORD, World

pytestmark = pytest.mark.server

UPLOAD = 'Component "upload.localhost" "http_file_share"\n'
HOSTED = "#verona%irc@bridge.localhost"


@dataclass
class Scene:
    """Everybody who is there."""

    world: World
    api: BotApi
    group: Chat
    alice: Person  # on Telegram
    bob: IrcPerson
    juliet: Profanity  # in the MUC
    nurse: Converse  # in the hosted room


@asynccontextmanager
async def stage() -> AsyncIterator[Scene]:
    """Let everybody come."""
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(BotApi())
        bot = api.world.bot(privacy=False)
        alice = api.world.person("Alice")
        group = api.world.supergroup("Verona", alice, bot)
        group.promotes(bot, "can_delete_messages", "can_restrict_members")
        family = f'[networks.family]\nconnector = "telegram"\ntoken = "{bot.token}"\napi_url = "{api.url}"\n'
        browser = Chromium()
        world = World(
            rooms=["xmpp:verona@conference.localhost", "irc:#verona", f"family:{group.id}"],
            more=family,
            xmpp_options={"more": UPLOAD},
        )
        await asyncio.gather(stack.enter_async_context(world), stack.enter_async_context(browser))
        site = await stack.enter_async_context(
            ConverseSite(f"ws://127.0.0.1:{world.xmpp.http_port}/xmpp-websocket")  # type: ignore[union-attr]
        )
        bob = await world.irc_user("bob")
        juliet = await stack.enter_async_context(Profanity("juliet", PASSWORD, port=world.xmpp.port))
        nurse = await stack.enter_async_context(Converse(browser, site, "nurse", PASSWORD, room=HOSTED))
        yield Scene(world, api, group, alice, bob, juliet, nurse)


async def profanity_joins_talks_and_corrects(scene: Scene) -> None:
    juliet, bob, world = scene.juliet, scene.bob, scene.world
    await juliet.shows("logged in successfully")
    await juliet.type(f"/join {world.room}")
    await juliet.shows("You have joined the room as juliet", "bob")  # he is among the participants
    await world.on_irc(bob, "juliet")
    bob.say(world.channel, "hello juliet")
    await juliet.shows("bob: hello juliet")
    await juliet.type("hello bob")
    await bob.message(world.channel, "hello bob", nick="juliet")
    await juliet.type("/me waves")
    await bob.message(world.channel, "\x01ACTION waves\x01", nick="juliet")
    await juliet.type("/correction on")
    await juliet.type("helo Alice")
    await juliet.type("/correct hello Alice")
    await bob.message(world.channel, "* hello Alice", nick="juliet")
    await scene.api.until(lambda: "juliet: hello Alice" in scene.group.texts())
    said = scene.group.says(scene.alice, "good mourning")
    await juliet.shows("Alice: good mourning")
    scene.group.edits(said, text="good morning")
    screen = await juliet.shows("Alice: good morning")
    assert "mourning" not in screen
    assert "helo" not in screen


async def converse_sees_edits_replies_reactions_and_pictures(scene: Scene) -> None:
    nurse, bob, alice, group = scene.nurse, scene.bob, scene.alice, scene.group
    await nurse.entered()
    for name in ("Alice", "bob", "juliet", "nurse"):
        await nurse.until(
            f"[...document.querySelectorAll('.occupant-nick')].some((it) => it.innerText.trim() === '{name}')"
        )
    bob.say("#verona", "hello nurse")
    await nurse.shows("hello nurse", nick="bob")
    said = group.says(alice, "good mourning all")
    await nurse.shows("good mourning all", nick="Alice")
    group.edits(said, text="good morning all")
    await nurse.shows("good morning all", within="it.querySelector('.chat-msg__edit-modal')")
    said = group.says(alice, "who comes to dinner?")
    await nurse.shows("who comes to dinner?")
    group.reacts(alice, said, "👍")
    await nurse.shows("who comes to dinner?", within="it.querySelector('converse-reactions').innerText.includes('👍')")
    group.says(alice, "nobody?", reply_to=said)
    await nurse.shows("nobody?", within="it.querySelector('.chat-msg__reply-text')?.innerText.includes('who comes')")
    group.photo(alice, data=painted(640, 400))
    await nurse.until(
        "[...document.querySelectorAll('.chat-msg img.chat-image')].some((it) => it.naturalWidth === 640)"
    )
    await nurse.picture(PICTURES / "converse-reads.png")


async def converse_corrects_replies_reacts_retracts_and_shares(scene: Scene) -> None:
    nurse, bob, group, juliet = scene.nurse, scene.bob, scene.group, scene.juliet
    await nurse.say("what a dya")
    await bob.message("#verona", "what a dya", nick="nurse")
    await nurse.correct("what a dya", "what a day")
    await bob.message("#verona", "* what a day", nick="nurse")
    await scene.api.until(lambda: "nurse: what a day" in group.texts())
    await juliet.shows("nurse: what a day")
    said = group.says(scene.alice, "and to breakfast?")
    await nurse.shows("and to breakfast?")
    emoji = await nurse.react("and to breakfast?")
    await scene.api.until(lambda: emoji in str(group.reactions))
    await nurse.act("and to breakfast?", "reply")
    await nurse.say("all of us")
    await scene.api.until(lambda: group.last.get("reply_to_message", {}).get("message_id") == said["message_id"])
    await bob.message("#verona", "Alice: all of us", nick="nurse")
    await nurse.say("a slip")
    await scene.api.until(lambda: "nurse: a slip" in group.texts())
    await nurse.act("a slip", "retract")
    await nurse.until("document.querySelector('.modal.show button[type=submit]')")
    await nurse.run("document.querySelector('.modal.show button[type=submit]').click()")
    await scene.api.until(lambda: "nurse: a slip" not in group.texts())
    await nurse.share("quay.png", painted(320, 200, kind="PNG"))
    await bob.see(lambda line: "quay.png" in line and line.startswith(":nurse!"))
    await nurse.until(
        "[...document.querySelectorAll('.chat-msg img.chat-image')].some((it) => it.naturalWidth === 320)"
    )
    await nurse.picture(PICTURES / "converse-writes.png")
    (PICTURES / "profanity.txt").write_text(await juliet.screen())


async def test_profanity_and_converse_join_talk_and_show_what_others_do() -> None:
    async with stage() as scene:
        await profanity_joins_talks_and_corrects(scene)
        await converse_sees_edits_replies_reactions_and_pictures(scene)
        await converse_corrects_replies_reacts_retracts_and_shares(scene)
