"""Hostile input through every door: nothing is injected, nothing crashes, the streams stay up.

Six advisories of six IRC bridges were a line end in some field; this plays them all against the whole program.
"""

import pytest

from bridge.demo.people import CLIENT, spoken
from tests.support.world import World

pytestmark = pytest.mark.server

INJECTION = "innocent&#13;&#10;QUIT :injected&#10;PRIVMSG #verona :injected&#13;JOIN #injected"
ODD = "a\u2028b\u0085c\u202ed\u2066e\u200bf"


async def test_line_ends_in_a_body_are_lines_and_never_commands() -> None:
    async with World() as world:
        juliet = await world.user("juliet")
        bob = await world.irc_user("bob")
        await world.linked(juliet, bob)
        juliet.send(f"<message type='groupchat' to='{world.room}'><body>{INJECTION} {ODD}</body></message>")
        juliet.say(world.room, "done")
        await bob.message(world.channel, "done", nick="juliet")
        said = [text for nick, text in bob.texts(world.channel)]
        assert "QUIT :injected" in said  # as words
        assert not any(line.startswith(":juliet!") and " QUIT " in line for line in bob.seen)
        assert not any(" JOIN " in line and "#injected" in line for line in bob.seen)


async def test_line_ends_in_nick_subject_status_and_kick_reason() -> None:
    async with World() as world:
        juliet = await world.user("juliet")
        bob = await world.irc_user("bob")
        await world.linked(juliet, bob)
        juliet.send(f"<message type='groupchat' to='{world.room}'><subject>{INJECTION}</subject></message>")
        await bob.line(" TOPIC ", "innocent")
        juliet.send(f"<presence to='{world.room}/juliet'><show>away</show><status>{INJECTION}{ODD}</status></presence>")
        romeo = await world.user("romeo", nick="romeo ; QUIT :x")
        await bob.see(lambda line: line.startswith(":romeo") and " JOIN " in line)
        await juliet.iq(
            "set",
            "<query xmlns='http://jabber.org/protocol/muc#admin'>"
            f"<item nick='{next(nick for nick in juliet.occupants(world.room) if nick.startswith('romeo'))}' role='none'>"
            f"<reason>{INJECTION}</reason></item></query>",
            to=world.room,
        )
        await bob.see(lambda line: line.startswith(":ro") and (" PART " in line or " QUIT " in line))
        juliet.say(world.room, "still here")
        await bob.message(world.channel, "still here", nick="juliet")
        assert not any(line.startswith(":juliet!") and " QUIT " in line for line in bob.seen)
        assert romeo


async def test_control_characters_from_irc_do_not_close_the_stream() -> None:
    """U+0001 in XML is not well-formed: a server closes the whole component stream for it."""
    async with World() as world:
        juliet = await world.user("juliet")
        bob = await world.irc_user("bob")
        await world.linked(juliet, bob)
        everything = bytes(byte for byte in range(1, 32) if byte not in (10, 13))
        bob.send(b"PRIVMSG #verona :x" + everything + b"y \xff\xfe\x80 caf\xe9")
        bob.send(b"TOPIC #verona :t" + everything + b"\xff")
        bob.send(b"AWAY :a" + everything + b"\xff")
        bob.send(b"PRIVMSG #verona :\x01")
        bob.send(b"PRIVMSG #verona :\x01\x01")
        bob.send(b"PRIVMSG #verona :\x01ACTION \x02bold\x01")
        bob.send(b"PRIVMSG #verona :]]></body></message><presence/>&amp;&#x1;")
        bob.send(b"PART #verona :p" + everything + b"\xff")
        await bob.join(world.channel)
        bob.say(world.channel, "done")
        await juliet.message(world.room, "done", nick="bob")
        await juliet.message(world.room, "]]></body></message><presence/>&amp;&#x1;", nick="bob")
        assert "bob" in juliet.occupants(world.room)
        assert "linkspan" in juliet.occupants(world.room)


async def test_a_hundred_kilobytes_in_one_line_harm_nobody() -> None:
    """From XMPP it is cut or shortened for IRC, from IRC the server cuts it; both sides talk on."""
    async with World() as world:
        juliet = await world.user("juliet")
        bob = await world.irc_user("bob")
        await world.linked(juliet, bob)
        juliet.say(world.room, "é" * 100_000)
        juliet.say(world.room, "after")
        await bob.message(world.channel, "after", nick="juliet", patience=60)
        for line in bob.seen:
            said = spoken(line)
            assert said is None or len(line.encode()) <= 8192
            assert said is None or "\ufffd" not in said[2]  # no character was torn
        bob.say(world.channel, "x" * 400)
        await juliet.message(world.room, "x" * 400, nick="bob")


async def test_formatting_crosses_readably() -> None:
    """The mIRC codes become XEP-0393 and back; colours are dropped, not shown as digits."""
    async with World() as world:
        juliet = await world.user("juliet")
        bob = await world.irc_user("bob")
        await world.linked(juliet, bob)
        bob.send("PRIVMSG #verona :\x02bold\x02 and \x1ditalic\x1d and \x0304,01red\x03 text")
        heard = await juliet.see(lambda el: "red" in (el.findtext(f"{CLIENT}body") or ""))
        assert heard.findtext(f"{CLIENT}body") == "*bold* and _italic_ and red text"
        juliet.say(world.room, "very *strong* and _soft_")
        line = await bob.line("PRIVMSG", "very \x02strong")
        assert "\x1dsoft" in line
