"""Of all that a server sends to a hundred ghosts, what is looked at (performance.md 2.3, T2)."""

import pytest

from bridge.core.events import MessagePosted
from tests.support.xmpp_connector import ROOM, Bridge, quiet, remote

BOB = "bob%irc@bridge.localhost/linkspan"
LISTENER = Bridge.listener


@pytest.mark.parametrize(
    ("name", "attrs", "wanted"),
    [
        ("message", {"type": "groupchat", "from": f"{ROOM}/juliet", "to": LISTENER}, True),
        ("message", {"type": "groupchat", "from": f"{ROOM}/juliet", "to": BOB}, False),
        ("message", {"type": "groupchat", "from": f"{ROOM}/bob", "to": BOB}, False),
        ("message", {"type": "groupchat", "from": "other@conference.localhost/x", "to": LISTENER}, False),
        ("message", {"type": "chat", "from": f"{ROOM}/juliet", "to": BOB}, True),
        ("message", {"from": "juliet@localhost/desk", "to": BOB}, True),
        ("message", {"type": "error", "from": ROOM, "to": BOB}, True),
        ("presence", {"from": f"{ROOM}/juliet", "to": LISTENER}, True),
        ("presence", {"from": f"{ROOM}/juliet", "to": BOB}, False),
        ("presence", {"from": f"{ROOM}/bob", "to": BOB}, True),
        ("presence", {"from": f"{ROOM}/bob", "to": BOB, "type": "unavailable"}, True),
        ("presence", {"from": f"{ROOM}/juliet", "to": BOB, "type": "error"}, True),
        ("presence", {"from": f"{ROOM}/juliet", "to": "gone%irc@bridge.localhost/linkspan"}, False),
        ("presence", {"from": "juliet@localhost", "to": "bridge.localhost", "type": "subscribe"}, True),
        ("presence", {}, True),
        ("message", {}, True),
    ],
)
async def test_the_start_tag_decides(name, attrs, wanted) -> None:
    async with Bridge() as bridge:
        bridge.muc.enter("juliet")
        await bridge.wish("bob")
        assert bridge.connector.wanted(name, attrs) is wanted
        if attrs.get("type") == "groupchat":
            assert bridge.connector.reads(attrs["from"].partition("/")[0], attrs["to"]) is wanted


async def test_a_new_nick_is_expected() -> None:
    async with Bridge() as bridge:
        await bridge.wish("bob")
        bridge.stream.deaf = True
        bridge.connector.rename(bridge.room.room.id, remote("bob").person, remote("robert"))
        for nick, wanted in (("bob", True), ("robert", True), ("juliet", False)):
            assert bridge.connector.wanted("presence", {"from": f"{ROOM}/{nick}", "to": BOB}) is wanted


@pytest.mark.parametrize(("extra", "built"), [("<thread>t</thread>", 20), ("", 0)])
async def test_one_copy_of_a_message_is_built_and_none_of_plain_words(extra, built) -> None:
    async with Bridge() as bridge:
        bridge.muc.enter("juliet")
        await bridge.wish(*(f"user{number}" for number in range(50)))
        before = bridge.stream.built
        for number in range(20):
            bridge.muc.say("juliet", str(number), extra=extra)
        await quiet()
        assert bridge.stream.built - before == built
        assert [event.content.text for event in bridge.hub.took(MessagePosted)] == [str(number) for number in range(20)]


async def test_who_reads_is_asked_anew_when_it_changes() -> None:
    async with Bridge() as bridge:
        await bridge.wish("bob")
        forgotten = []
        bridge.stream.forget = lambda: forgotten.append(bridge.room.reader)
        bridge.muc.kick("linkspan")
        await quiet()
        assert forgotten == [BOB]
        assert bridge.connector.reads(ROOM, BOB)
        assert not bridge.connector.reads(ROOM, LISTENER)
