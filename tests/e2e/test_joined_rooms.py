"""Joined rooms: the bridge as a guest in somebody's MUC, with all that owners, servers and other guests do to it."""

from xml.etree.ElementTree import Element

import pytest

from bridge.demo.people import CLIENT, MUC_USER, body, codes
from tests.support.world import World

pytestmark = pytest.mark.server

OWNER = "<query xmlns='http://jabber.org/protocol/muc#owner'>{}</query>"


def real_jid(presence: Element) -> str:
    item = presence.find(f"{MUC_USER}x/{MUC_USER}item")
    assert item is not None
    return item.get("jid", "")


async def test_a_ghost_is_an_occupant_of_its_own_with_the_address_of_the_design() -> None:
    """The owner sees the real JID ``bob%irc@bridge.localhost`` behind bob, and it answers as a user does."""
    async with World() as world:
        juliet = await world.user("juliet")
        bob = await world.irc_user("bob")
        await world.linked(juliet, bob)
        presence = juliet.occupants(world.room)["bob"]
        assert real_jid(presence).partition("/")[0] == f"bob%irc@{world.xmpp.component}"
        nick = presence.find("{http://jabber.org/protocol/nick}nick")
        assert nick is not None
        assert nick.text == "bob"
        for query in (
            "<query xmlns='http://jabber.org/protocol/disco#info'/>",
            "<query xmlns='jabber:iq:version'/>",
            "<ping xmlns='urn:xmpp:ping'/>",
            "<vCard xmlns='vcard-temp'/>",
        ):
            answer = await juliet.iq("get", query, to=f"bob%irc@{world.xmpp.component}")
            assert answer.get("type") == "result", query


async def test_away_on_irc_is_away_in_the_room() -> None:
    async with World() as world:
        juliet = await world.user("juliet")
        bob = await world.irc_user("bob")
        await world.linked(juliet, bob)
        bob.send("AWAY :gone fishing")
        away = await juliet.see(
            lambda el: el.get("from") == f"{world.room}/bob" and el.findtext(f"{CLIENT}show") == "away", patience=40
        )
        assert away.findtext(f"{CLIENT}status") == "gone fishing"
        mark = len(juliet.seen)
        bob.send("AWAY")
        await juliet.see(
            lambda el: (
                el.get("from") == f"{world.room}/bob"
                and el in juliet.seen[mark:]
                and el.findtext(f"{CLIENT}show") is None
            ),
            patience=40,
        )


async def test_a_nick_that_is_taken_gets_the_name_of_the_network() -> None:
    """product.md: ``NICK (NETWORK)``; and the same person keeps being heard under it."""
    async with World() as world:
        bob = await world.irc_user("bob", join=False)  # before romeo's puppet: of two at once the server overrules one
        romeo = await world.user("romeo", nick="bob")
        await bob.join(world.channel)
        await romeo.presence(f"{world.room}/bob (irc)")
        bob.say(world.channel, "I am the other bob")
        await romeo.message(world.room, "I am the other bob", nick="bob (irc)")


async def test_a_change_of_nick_is_in_place() -> None:
    """XEP-0045 section 7.6: unavailable with 303, then available; nobody leaves."""
    async with World() as world:
        juliet = await world.user("juliet")
        bob = await world.irc_user("bob")
        await world.linked(juliet, bob)
        bob.send("NICK robert")
        gone = await juliet.presence(f"{world.room}/bob", gone=True)
        assert "303" in codes(gone)
        await juliet.presence(f"{world.room}/robert")


async def test_a_ghost_kicked_by_a_moderator_is_kicked_from_the_channel_where_the_bridge_may() -> None:
    """Where the listener is channel operator: bob is removed from IRC too, and nothing echoes back."""
    async with World() as world:
        juliet = await world.user("juliet")
        bob = await world.irc_user("bob")
        await world.linked(juliet, bob)
        await juliet.kick(world.room, "bob", "no shouting")
        line = await bob.line(" KICK ", f"{world.channel} bob")
        assert "no shouting" in line
        await juliet.fence()
        assert "juliet" in juliet.occupants(world.room)


async def test_a_puppet_kicked_on_irc_is_not_forced_back_and_its_user_is_told_or_kicked() -> None:
    async with World() as world:
        juliet = await world.user("juliet")  # owner of the room
        romeo = await world.user("romeo")
        bob = await world.irc_user("bob")
        await world.linked(juliet, bob)
        await world.on_irc(bob, "romeo")
        await world.op("bob")
        bob.send(f"KICK {world.channel} romeo :behave")
        gone = await romeo.presence(f"{world.room}/romeo", gone=True)
        assert "307" in codes(gone)
        await bob.fence()
        assert "romeo" not in await bob.names(world.channel)


async def test_somebody_kicked_from_the_muc_leaves_irc_and_is_not_kicked_there() -> None:
    """A mirrored leave never turns into a kick."""
    async with World() as world:
        juliet = await world.user("juliet")
        await world.user("romeo")
        bob = await world.irc_user("bob")
        await world.on_irc(bob, "romeo")
        await juliet.kick(world.room, "romeo", "enough")
        line = await bob.see(lambda line: line.startswith(":romeo!") and (" PART " in line or " QUIT " in line))
        assert "enough" in line
        assert not any(" KICK " in seen for seen in bob.seen)


async def test_a_members_only_room_is_told_and_entered_once_allowed() -> None:
    async with World(start=False) as world:
        juliet = await world.user("juliet")
        bob = await world.irc_user("bob")
        await juliet.configure(world.room, membersonly="1")
        await juliet.affiliate(world.room, world.xmpp.component, "admin")
        await world.bridge.start()
        await juliet.presence(f"{world.room}/bob")
        bob.say(world.channel, "let me in")
        await juliet.message(world.room, "let me in", nick="bob")


async def test_a_password_room_is_entered_with_the_configured_password() -> None:
    link = 'passwords = { "xmpp:verona@conference.localhost" = "sesame" }'
    async with World(start=False, link=link) as world:
        juliet = await world.user("juliet")
        bob = await world.irc_user("bob")
        await juliet.configure(world.room, passwordprotectedroom="1", roomsecret="sesame")
        await world.bridge.start()
        await world.linked(juliet, bob)
        juliet.say(world.room, "open")
        await bob.message(world.channel, "open", nick="juliet")


async def test_a_listener_that_is_kicked_does_not_silence_the_room() -> None:
    """Another reads on, and the admins are told."""
    async with World(admins=["nurse@localhost"]) as world:
        nurse = await world.user("nurse", join=False)
        juliet = await world.user("juliet")
        bob = await world.irc_user("bob")
        await world.linked(juliet, bob)
        await juliet.kick(world.room, "linkspan", "who are you")
        await nurse.see(lambda el: (el.get("from") or "").startswith(world.xmpp.component) and body(el) is not None)
        juliet.say(world.room, "still there?")
        await bob.message(world.channel, "still there?", nick="juliet", patience=30)
        bob.say(world.channel, "still here")
        await juliet.message(world.room, "still here", nick="bob", patience=30)
        assert len([text for _, text in bob.texts(world.channel) if text == "still there?"]) == 1


async def test_a_banned_bridge_leaves_and_nobody_is_kicked_on_irc_for_it() -> None:
    """The listener's address is the domain: its ban takes every ghost out, and is no reason to ban anybody elsewhere."""
    async with World(admins=["nurse@localhost"]) as world:
        nurse = await world.user("nurse", join=False)
        juliet = await world.user("juliet")
        bob = await world.irc_user("bob")
        await world.linked(juliet, bob)
        await juliet.affiliate(world.room, world.xmpp.component, "outcast")
        await nurse.see(lambda el: (el.get("from") or "").startswith(world.xmpp.component) and body(el) is not None)
        await world.on_irc(bob, "juliet", there=False, patience=90)
        assert not [line for line in bob.seen if " KICK " in line or " MODE " in line]


async def test_a_destroyed_room_is_left_and_told() -> None:
    async with World(admins=["nurse@localhost"]) as world:
        nurse = await world.user("nurse", join=False)
        juliet = await world.user("juliet")
        bob = await world.irc_user("bob")
        await world.linked(juliet, bob)
        answer = await juliet.iq("set", OWNER.format("<destroy><reason>over</reason></destroy>"), to=world.room)
        assert answer.get("type") == "result"
        await nurse.see(lambda el: (el.get("from") or "").startswith(world.xmpp.component) and body(el) is not None)
        await bob.see(lambda line: line.startswith(":juliet!") and (" PART " in line or " QUIT " in line), patience=60)


@pytest.mark.parametrize("kind", ["prosody", "ejabberd"])
async def test_a_restarted_xmpp_server_is_joined_again_and_the_gap_is_filled(kind: str) -> None:
    """What was said on IRC meanwhile arrives, once and in order; what was said before does not arrive again."""
    async with World(xmpp=kind) as world:
        juliet = await world.user("juliet")
        bob = await world.irc_user("bob")
        await world.linked(juliet, bob)
        juliet.say(world.room, "before")
        await bob.message(world.channel, "before", nick="juliet")
        await world.xmpp.kill()
        for number in range(5):
            bob.say(world.channel, f"meanwhile {number}")
        await bob.fence()
        await world.xmpp.start()
        romeo = await world.user("romeo", history=50)  # the bridge may be back before him
        await romeo.message(world.room, "meanwhile 4", nick="bob", patience=60)
        romeo.say(world.room, "after")
        await bob.message(world.channel, "after", nick="romeo", patience=30)
        meanwhile = [text for _, text in romeo.texts(world.room) if text.startswith("meanwhile")]
        assert meanwhile == [f"meanwhile {number}" for number in range(5)]
        assert [text for _, text in bob.texts(world.channel)].count("before") == 1


async def test_emoji_and_odd_nicks_become_occupants_that_can_be_read() -> None:
    """A person whose nick no server accepts is shown all the same: IRC allows ``[carol]^|`` and the like."""
    async with World() as world:
        juliet = await world.user("juliet")
        await world.irc_user("[carol]^|")
        await juliet.presence(f"{world.room}/[carol]^|")
        romeo = await world.user("romeo", nick="Zoë 日本")
        bob = await world.irc_user("bob")
        romeo.say(world.room, "hello from afar")
        line = await bob.line("PRIVMSG", "hello from afar")
        assert line.startswith(":Zo")
