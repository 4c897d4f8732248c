"""What ``make clients`` walks through beyond the short form: dialogs, lists, moderation, private words, what was missed.

Not in ``make test``: it is long, and each step stands on what a version of a client calls its menus.
"""

import pytest

from tests.support.clients.pictures import PICTURES
from tests.support.clients.stage import HOSTED, Scene, stage

pytestmark = pytest.mark.server
NETWORK = "irc@bridge.localhost"


async def test_people_use_dialogs_lists_and_moderation() -> None:
    async with stage() as scene:
        await scene.nurse.entered()
        await profanity_in_a_hosted_room(scene)
        await poezio_in_its_dialogs(scene)
        await converse_in_its_dialogs(scene)


async def profanity_in_a_hosted_room(scene: Scene) -> None:
    juliet, bob, world = scene.juliet, scene.bob, scene.world
    room = "#python%irc@bridge.localhost"
    await bob.join("#python")
    bob.send("TOPIC #python :all about snakes")
    await bob.fence()
    await juliet.shows("logged in successfully")
    await juliet.type(f"/join {room}")
    screen = await juliet.shows("You have joined the room as juliet", "bob has set the room subject: all about snakes")
    assert "Room subject cleared" not in screen

    # what there is
    await juliet.type(f"/disco info {room}")
    await juliet.type(f"/rooms service {NETWORK}")
    await juliet.type("/win 1")
    await juliet.shows("#python text conference", "#python%irc@bridge.localhost", "#verona%irc@bridge.localhost")
    await juliet.type("/win 2")

    # nick, and an operator's work
    bob.send("MODE #python +o juliet")
    await juliet.shows("role: moderator, affiliation: admin")
    await juliet.type("/nick giulietta")
    await bob.line(":juliet!", "NICK", "giulietta")
    await juliet.type("/subject set about lizards")
    await bob.line(":giulietta!", "TOPIC #python :about lizards")
    mercutio = await world.irc_user("mercutio", channel="#python")
    await juliet.shows("mercutio")
    await juliet.type("/kick mercutio enough")
    await mercutio.line(":giulietta!", "KICK #python mercutio :enough")
    await juliet.shows("mercutio has been kicked from the room by giulietta, reason: enough")
    await juliet.type("/affiliation set outcast mercutio%irc@bridge.localhost")
    await bob.line(":giulietta!", "MODE #python +b")
    await juliet.type("/affiliation list outcast")
    await juliet.shows("Affiliation: outcast", "mercutio")

    # the room's form, and its commands
    await juliet.type("/room config")
    await juliet.shows("Only who has voice may speak", "Use '/form submit' to save changes")
    await juliet.type("/field1 on")
    await juliet.type("/form submit")
    await bob.line("MODE #python", "+m")
    await juliet.type("/win 2")
    await juliet.type("/cmd exec stay")
    await juliet.shows("You stay here when your clients leave.")

    # in private
    await juliet.type("/msg bob psst")
    await bob.message("bob", "psst", nick="giulietta")
    bob.say("giulietta", "yes?")
    await juliet.shows("yes?")
    (PICTURES / "profanity-walk.txt").write_text(await juliet.screen())


async def poezio_in_its_dialogs(scene: Scene) -> None:
    romeo, bob, world = scene.romeo, scene.bob, scene.world
    await romeo.join(HOSTED, "romeo")
    await romeo.shows("You (romeo) joined the room", "bob")
    await world.op("romeo")
    await romeo.shows("romeo (admin, moderator)")
    await romeo.type("/configure")
    await romeo.shows("Only who has voice may speak", "send form")
    await romeo.press("C-g")
    await romeo.shows("romeo (admin, moderator)")
    await romeo.type(f"/ad-hoc {NETWORK}")
    await romeo.shows("login", "whoami", "execute selected command")
    (PICTURES / "poezio-walk.txt").write_text(await romeo.screen())
    await romeo.press("M-1")
    await romeo.shows("romeo (admin, moderator)")
    await romeo.type("/list bridge.localhost")
    await romeo.shows("Chatroom list on server bridge.localhost", "#verona (")
    (PICTURES / "poezio-rooms.txt").write_text(await romeo.screen())
    await romeo.press("M-1")
    await romeo.shows("romeo (admin, moderator)")
    await romeo.type("/query bob psst")
    await bob.message("bob", "psst", nick="romeo")


async def converse_in_its_dialogs(scene: Scene) -> None:
    nurse, bob = scene.nurse, scene.bob
    await nurse.click("[...document.querySelectorAll('.occupant-nick')].find((it) => it.innerText.trim() === 'bob')")
    await nurse.until("document.querySelector('converse-muc-sidebar').innerText.includes('bob%irc@bridge.localhost')")
    await nurse.run("[...document.querySelectorAll('.chat-textarea')].at(-1).focus()")
    await nurse.type("psst")
    await nurse.press("Enter")
    await bob.message("bob", "psst", nick="nurse")
    bob.say("nurse", "yes?")
    await nurse.until("document.querySelector('#converse-roster').innerText.includes('bob')")
    await nurse.picture(PICTURES / "converse-private.png")

    await nurse.run("document.querySelector('.show-list-muc-modal').click()")  # in a menu that is closed
    server = "document.querySelector('.modal.show input[name=server]')"
    await nurse.until(f"{server}?.value === 'conference.localhost'")  # once it has looked around
    await nurse.until(f"({server}.focus(), {server}.select(), document.activeElement === {server})")
    await nurse.type("bridge.localhost")
    await nurse.until(f"{server}.value === 'bridge.localhost'")
    await nurse.press("Enter")
    await nurse.until("document.querySelector('.modal.show').innerText.includes('#verona (')")
    await nurse.picture(PICTURES / "converse-rooms.png")
    await nurse.click(
        "[...document.querySelectorAll('.modal.show button')].find((it) => it.innerText.trim() === 'Close')"
    )
    await nurse.until("!document.querySelector('.modal.show')")

    await nurse.click("document.querySelector('.show-client-info')")
    await nurse.click(
        "[...document.querySelectorAll('.modal.show .nav-link')].find((it) => /Commands/.test(it.innerText))"
    )
    field = "document.querySelector('converse-adhoc-commands input[name=jid]')"
    await nurse.until(f"{field}?.checkVisibility()")
    await nurse.run(f"({field}.focus(), {field}.select())")
    await nurse.type(NETWORK)
    await nurse.press("Enter")
    await nurse.click(
        "[...document.querySelectorAll('converse-adhoc-commands a')].find((it) => /Who you are/.test(it.innerText))"
    )
    await nurse.until("document.querySelector('converse-adhoc-commands').innerText.includes('You ')")
    await nurse.picture(PICTURES / "converse-commands.png")
