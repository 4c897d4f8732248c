"""What is said while the bridge is away: brought over once it is back, by whoever said it, and nothing older."""

import asyncio

import pytest

from bridge.demo.people import IrcPerson, XmppPerson
from tests.support.world import World

pytestmark = pytest.mark.server

GAP = [("juliet", f"meanwhile {number}") for number in range(5)]


async def talk(world: World, juliet: XmppPerson, words: list[str]) -> None:
    for text in words:
        juliet.say(world.room, text)
    await juliet.fence()


@pytest.mark.parametrize(
    ("xmpp", "irc", "spoken_before"),
    [
        ("prosody", "inspircd", True),
        ("prosody", "inspircd", False),
        ("ejabberd", "inspircd", True),
        ("jabberd2", "ngircd", True),
    ],
)
async def test_a_gap_is_filled_and_nothing_older_comes_with_it(xmpp: str, irc: str, *, spoken_before: bool) -> None:
    """Once, in order, in juliet's own voice, before what is new; the talk before the first start stays in the room."""
    async with World(xmpp=xmpp, irc=irc, start=False) as world:
        juliet = await world.user("juliet")
        bob: IrcPerson = await world.irc_user("bob")
        await talk(world, juliet, ["long ago", "just before"])
        await world.bridge.start()
        await world.linked(juliet, bob)
        before = [("juliet", "hello")] if spoken_before else []
        for _, text in before:
            juliet.say(world.room, text)
            await bob.message(world.channel, text)
        await world.bridge.stop()
        await asyncio.sleep(1)  # jabberd2 keeps times by the second
        await talk(world, juliet, [text for _, text in GAP])
        await world.bridge.start()
        await world.linked(juliet, bob)
        juliet.say(world.room, "and now")
        await bob.message(world.channel, "and now")
        assert bob.texts(world.channel) == [*before, *GAP, ("juliet", "and now")]
