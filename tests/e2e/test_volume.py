"""Volume: five thousand lines each way arrive in order, once; and 200 puppets are up in seconds."""

import asyncio

import pytest

from bridge.demo.people import IrcPerson, XmppPerson
from tests.support.world import World

pytestmark = [pytest.mark.server, pytest.mark.timeout(300)]

LINES = 5_000


async def test_five_thousand_lines_each_way() -> None:
    async with World() as world:
        juliet = await world.user("juliet")
        bob = await world.irc_user("bob")
        await world.linked(juliet, bob)

        async def from_xmpp() -> None:
            for number in range(LINES):
                juliet.say(world.room, f"x {number}")
                if number % 100 == 99:
                    await juliet.fence()

        async def from_irc() -> None:
            for number in range(LINES):
                bob.say(world.channel, f"i {number}")
                if number % 100 == 99:
                    await bob.fence()

        await asyncio.gather(from_xmpp(), from_irc())
        await bob.message(world.channel, f"x {LINES - 1}", nick="juliet", patience=120)
        await juliet.message(world.room, f"i {LINES - 1}", nick="bob", patience=120)
        await asyncio.gather(bob.fence(), juliet.fence())
        heard = [text for nick, text in bob.texts(world.channel) if nick == "juliet"]
        assert heard == [f"x {number}" for number in range(LINES)]
        heard = [text for nick, text in juliet.texts(world.room) if nick == "bob"]
        assert heard == [f"i {number}" for number in range(LINES)]


async def test_several_speakers_are_heard_in_the_order_of_the_room() -> None:
    """Each puppet has a connection of its own, and still the channel sees the order of the MUC."""
    async with World(people=["juliet", "romeo", "nurse", "paris"]) as world:
        speakers = [await world.user(name) for name in ("juliet", "romeo", "nurse", "paris")]
        bob = await world.irc_user("bob")
        for speaker in speakers:
            await world.on_irc(bob, speaker.user)
        for number in range(400):
            speakers[number % 4].say(world.room, f"line {number}")
        for speaker in speakers:
            await speaker.fence()
        ordered = [text for _, text in speakers[0].texts(world.room)]
        await bob.message(world.channel, ordered[-1], patience=60)
        await bob.fence()
        assert [text for _, text in bob.texts(world.channel)] == ordered


async def test_two_hundred_people_on_each_side() -> None:
    """200 puppets register and join, 200 ghosts enter the MUC, and each talks under their own name."""
    names = [f"u{number}" for number in range(200)]
    async with World(people=names) as world:
        users = [XmppPerson(name, "pw", port=world.xmpp.port) for name in names]
        others = [IrcPerson(f"i{number}", port=world.irc.port) for number in range(200)]
        try:
            for at in range(0, 200, 20):
                await asyncio.gather(*(person.connect() for person in users[at : at + 20]))
                await asyncio.gather(*(user.join(world.room, user.user) for user in users[at : at + 20]))
            await asyncio.gather(*(person.connect() for person in others))
            await asyncio.gather(*(person.join(world.channel) for person in others))
            watcher = others[0]
            await users[0].see(lambda el: len(users[0].occupants(world.room)) >= 401, patience=120)

            async def all_there() -> bool:
                return len(await watcher.names(world.channel)) >= 401

            for _ in range(240):
                if await all_there():
                    break
                await asyncio.sleep(0.5)
            assert len(await watcher.names(world.channel)) == 401
            for number in (0, 99, 199):
                users[number].say(world.room, f"hello from u{number}")
                await watcher.message(world.channel, f"hello from u{number}", nick=f"u{number}", patience=60)
                others[number].say(world.channel, f"hello from i{number}")
                await users[0].message(world.room, f"hello from i{number}", nick=f"i{number}", patience=60)
        finally:
            await asyncio.gather(*(person.close() for person in users), *(person.close() for person in others))
