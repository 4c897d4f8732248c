"""What people do that no manual shows: two clients, two links, repetition, files without words, too many, too idle."""

import asyncio

import pytest

from bridge.demo.people import XmppPerson
from tests.support.world import PASSWORD, World

pytestmark = pytest.mark.server


async def test_somebody_with_two_clients_is_one_person_until_both_have_left() -> None:
    """Both speak through one puppet, which stays for the second."""
    async with World() as world:
        juliet = await world.user("juliet")
        bob = await world.irc_user("bob")
        await world.linked(juliet, bob)
        async with XmppPerson("juliet", PASSWORD, port=world.xmpp.port, resource="phone") as phone:
            await phone.join(world.room, "juliet")
            phone.say(world.room, "from the phone")
            await bob.message(world.channel, "from the phone", nick="juliet")
            juliet.leave(world.room, "juliet")
            await juliet.fence()
            phone.say(world.room, "still here")
            await bob.message(world.channel, "still here", nick="juliet")
            phone.leave(world.room, "juliet")
            await world.on_irc(bob, "juliet", there=False)


async def test_equal_words_are_as_many_messages_and_a_bare_file_is_one() -> None:
    """Repetition is no echo, an id used twice no repeat, and a body of blanks nothing to say."""
    async with World() as world:
        juliet = await world.user("juliet")
        bob = await world.irc_user("bob")
        await world.linked(juliet, bob)
        for _ in range(3):
            juliet.say(world.room, "ho")
            bob.say(world.channel, "hum")
        for words in ("one", "two"):
            juliet.send(
                f"<message type='groupchat' to='{world.room}' id='twice'><body>{words}</body></message>"
                f"<message type='groupchat' to='{world.room}'><body>   </body></message>"
            )
        file = "<x xmlns='jabber:x:oob'><url>https://files.example.org/rose.png</url></x>"
        juliet.send(f"<message type='groupchat' to='{world.room}' id='file'>{file}</message>")
        juliet.say(world.room, "end")
        bob.say(world.channel, "end")
        await bob.message(world.channel, "end", nick="juliet")
        await juliet.message(world.room, "end", nick="bob")
        said = [text for _, text in bob.texts(world.channel)]
        assert said[:5] == ["ho", "ho", "ho", "one", "two"]
        assert "https://files.example.org/rose.png" in said[5]
        assert said[6:] == ["end"]
        assert [text for nick, text in juliet.texts(world.room) if nick == "bob"] == ["hum", "hum", "hum", "end"]


async def test_two_links_know_one_person_apart_by_room() -> None:
    """Romeo leaves one room and stays in the other; the channel's name in another case is the same channel."""
    mantua = "mantua@conference.localhost"
    more = f'[[links]]\nname = "mantua"\nrooms = ["xmpp:{mantua}", "irc:#Mantua"]\n'
    async with World(more=more) as world:
        romeo = await world.user("romeo")
        await romeo.join(mantua, "romeo")
        bob = await world.irc_user("bob")
        await bob.join("#Mantua")
        await world.linked(romeo, bob)
        bob.say("#MANTUA", "exile")
        await romeo.message(mantua, "exile", nick="bob")
        romeo.leave(world.room, "romeo")
        await world.on_irc(bob, "romeo", there=False)
        assert "romeo" in await bob.names("#Mantua")
        romeo.say(mantua, "far away")
        await bob.message("#Mantua", "far away", nick="romeo")


async def test_more_people_than_places_are_all_heard_and_the_idle_give_theirs_up() -> None:
    """Two puppets for four people: the others are relayed; after ``idle`` the places are free, and taken by who speaks."""
    names = ("juliet", "romeo", "nurse", "tybalt")
    async with World(people=names, puppets='max = 2\nidle = "2s"') as world:
        bob = await world.irc_user("bob")
        people = [await world.user(name) for name in names]
        for person in people:
            person.say(world.room, f"I am {person.user}")
        for person in people:
            await bob.see(lambda line, who=person.user: line.endswith(f"I am {who}"))  # type: ignore[misc]
        assert len(bob.texts(world.channel)) == len(names)
        for name in names:
            await world.on_irc(bob, name, there=False)
        await asyncio.gather(*(person.fence() for person in people))
        people[3].say(world.room, "a place for me")
        await bob.message(world.channel, "a place for me", nick="tybalt")
