"""The main job on every pair of servers: a MUC and a channel linked, each person a user of their own to the others."""

import pytest

from bridge.demo.people import CLIENT, spoken
from tests.support.world import World

pytestmark = pytest.mark.server

PAIRS = [("prosody", "inspircd"), ("ejabberd", "inspircd"), ("prosody", "ngircd"), ("jabberd2", "ngircd")]


@pytest.fixture(params=PAIRS, ids=["-".join(pair) for pair in PAIRS])
def pair(request: pytest.FixtureRequest) -> tuple[str, str]:
    return request.param


async def test_people_meet_talk_and_part(pair: tuple[str, str]) -> None:
    """Messages, action, notice, edit, topic, nick changes and parts cross both ways, in order, once each."""
    async with World(xmpp=pair[0], irc=pair[1]) as world:
        juliet = await world.user("juliet")
        bob = await world.irc_user("bob")
        await world.linked(juliet, bob)

        for number in range(10):
            juliet.say(world.room, f"question {number} & <tag>")
            bob.say(world.channel, f"answer {number} é")
        await bob.message(world.channel, "question 9 & <tag>", nick="juliet")
        await juliet.message(world.room, "answer 9 é", nick="bob")

        juliet.say(world.room, "/me sighs")
        await bob.line("PRIVMSG", "\x01ACTION sighs\x01")
        bob.say(world.channel, "\x01ACTION waves\x01")
        await juliet.message(world.room, "/me waves", nick="bob")
        bob.send(f"NOTICE {world.channel} :mind the gap")
        await juliet.see(lambda el: "mind the gap" in (el.findtext(f"{CLIENT}body") or ""))

        juliet.say(world.room, "one\ntwo\n\nthree")
        await bob.message(world.channel, "three", nick="juliet")
        assert [text for _, text in bob.texts(world.channel)][-3:] == ["one", "two", "three"]

        first = juliet.say(world.room, "meet me at teh orchard")
        await bob.message(world.channel, "meet me at teh orchard")
        count = len(bob.texts(world.channel))
        juliet.say(
            world.room,
            "meet me at the orchard",
            more=f"<replace xmlns='urn:xmpp:message-correct:0' id='{first}'/>",
        )
        correction = await bob.see(
            lambda line: (
                (said := spoken(line)) is not None and said[0] == "juliet" and len(bob.texts(world.channel)) > count
            )
        )
        assert correction

        if pair[1] == "inspircd":  # its channels are +t: only operators set the topic
            await world.op("bob")
        juliet.send(f"<message type='groupchat' to='{world.room}'><subject>the orchard</subject></message>")
        await bob.line(" TOPIC ", "the orchard")
        bob.send(f"TOPIC {world.channel} :the garden")
        await juliet.see(lambda el: el.findtext(f"{CLIENT}subject") == "the garden")

        bob.send("NICK robert")
        await juliet.presence(f"{world.room}/robert")
        juliet.send(f"<presence to='{world.room}/giulietta'/>")
        await bob.line(":juliet!", " NICK ", "giulietta")
        bob.send(f"PART {world.channel} :farewell")
        await juliet.presence(f"{world.room}/robert", gone=True)
        carol = await world.irc_user("carol")
        await juliet.presence(f"{world.room}/carol")
        juliet.leave(world.room, "giulietta")
        await carol.see(lambda line: line.startswith(":giulietta!") and (" PART " in line or " QUIT " in line))

        await bob.fence()
        await juliet.fence()
        said = [text for nick, text in bob.texts(world.channel) if text.startswith("question")]
        assert said == [f"question {number} & <tag>" for number in range(10)]
        heard = [text for nick, text in juliet.texts(world.room) if text.startswith("answer")]
        assert heard == [f"answer {number} é" for number in range(10)]


async def test_a_stop_leaves_no_one_behind(pair: tuple[str, str]) -> None:
    """SIGTERM: ghosts leave the MUC, puppets quit IRC, and the process ends with status 0 within seconds."""
    async with World(xmpp=pair[0], irc=pair[1]) as world:
        juliet = await world.user("juliet")
        bob = await world.irc_user("bob")
        await world.linked(juliet, bob)
        assert await world.bridge.stop() == 0
        await juliet.presence(f"{world.room}/bob", gone=True)
        await juliet.presence(f"{world.room}/linkspan", gone=True)
        await bob.see(lambda line: line.startswith(":juliet!") and (" QUIT " in line or " PART " in line))
        assert await bob.names(world.channel) == {"bob"}
