"""What people use: profanity in a linked MUC, poezio and Converse.js in a hosted room, each used by its keyboard.

Pictures of the screens stay in ``.clients/pictures``.
"""

import pytest

from tests.support.clients.pictures import PICTURES, painted
from tests.support.clients.stage import HOSTED, Scene, stage

pytestmark = pytest.mark.server


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


async def poezio_joins_talks_corrects_and_moderates(scene: Scene) -> None:
    romeo, bob, nurse, world = scene.romeo, scene.bob, scene.nurse, scene.world
    tybalt = await world.irc_user("tybalt")
    await romeo.join(HOSTED, "romeo")
    await romeo.shows("You (romeo) joined the room", "tybal")  # the list of people is narrow
    bob.say("#verona", "hello romeo")
    await romeo.shows("bob> hello romeo")
    await romeo.type("helo all")
    await bob.message("#verona", "helo all", nick="romeo")
    await romeo.type("/correct hello all")
    await bob.message("#verona", "* hello all", nick="romeo")
    await nurse.shows("hello all", within="it.querySelector('.chat-msg__edit-modal')")
    await world.op("romeo")
    await romeo.shows("romeo (admin, moderator)")
    await romeo.type("/topic where we lay our scene")
    await bob.line(":romeo!", "TOPIC #verona :where we lay our scene")
    await nurse.until("document.querySelector('converse-muc').innerText.includes('where we lay our scene')")
    await romeo.type("/kick tybalt enough")
    await tybalt.line(":romeo!", "KICK #verona tybalt :enough")
    await romeo.see(lambda screen: "tybalt has been kicked" in screen, "who was kicked")


async def test_people_join_talk_and_see_what_others_do_in_the_clients_that_they_have() -> None:
    async with stage() as scene:
        await profanity_joins_talks_and_corrects(scene)
        await converse_sees_edits_replies_reactions_and_pictures(scene)
        await converse_corrects_replies_reacts_retracts_and_shares(scene)
        await poezio_joins_talks_corrects_and_moderates(scene)
        for client in (scene.juliet, scene.romeo):
            (PICTURES / f"{client.name}.txt").write_text(await client.screen())
