"""Who may not, has too much, or is too fast: each is told on the very stanza, with the condition that fits."""

import pytest

from bridge.core.commands import Who
from bridge.core.events import DirectPosted, MemberJoined, MessagePosted
from bridge.core.ids import XMPP, Person, PersonId
from bridge.xmpp.commands import adhoc
from bridge.xmpp.hosted.ports import Doing
from bridge.xmpp.ports import IqRefused, Request
from tests.support.clock import quiet
from tests.support.commands import known
from tests.support.hosted import DESK, IRC, PHONE, REMOTE, ROMEO, ROOM, HostedBridge
from tests.support.muc import ROOM as JOINED
from tests.support.muc import xml
from tests.support.xmpp_connector import Bridge

OTHER = "#snakes%irc@bridge.localhost"
COMMANDS = "http://jabber.org/protocol/commands"


async def test_one_room_too_many_is_refused_with_what_stands_in_the_way() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        bridge.gate.is_full = True
        bridge.join(DESK, "juliet", room=OTHER)
        bridge.join(ROMEO, "romeo")
        assert bridge.diary(DESK) == ["! resource-constraint"]
        assert bridge.diary(ROMEO) == ["! resource-constraint"]
        bridge.join(DESK, "juliet")  # who is in is not kept out
        bridge.join(PHONE, "juliet")
        assert bridge.diary(DESK)[-2:] == ["+juliet none/participant 100 110", "# "]
        assert bridge.diary(PHONE)[-2:] == ["+juliet none/participant 100 110", "# "]


async def test_what_somebody_holds_is_counted_until_they_have_gone() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK, ROMEO)
        bridge.gate.asked.clear()
        bridge.join(DESK, "juliet", room=OTHER)
        bridge.presence(ROMEO, f"{ROOM}/romeo", kind="unavailable")
        bridge.join(ROMEO, "romeo", room=OTHER)
        assert bridge.gate.asked == [("juliet", 1, 2), ("romeo", 0, 1)]
        assert bridge.connector.hosting.users == 2


async def test_whoever_joins_or_speaks_too_fast_has_to_wait() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK, ROMEO)
        bridge.gate.slow = {Doing.JOIN, Doing.SPEAK}
        bridge.join(ROMEO, "romeo", room=OTHER)
        bridge.say(DESK, "buy this")
        bridge.say(DESK, "buy this", more="<no-store xmlns='urn:xmpp:hints'/>")
        bridge.say(DESK, "psst", to=f"{ROOM}/bob", kind="chat")
        assert bridge.diary(ROMEO) == ["! resource-constraint"]
        assert bridge.diary(DESK) == ["! resource-constraint"] * 3
        assert bridge.hub.took(MessagePosted) == []
        assert bridge.hub.took(DirectPosted) == []


async def test_whoever_changes_their_nick_too_fast_keeps_it() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        bridge.gate.slow = {Doing.JOIN}
        bridge.presence(DESK, f"{ROOM}/giulietta")
        assert bridge.diary(DESK) == ["! resource-constraint"]
        assert bridge.hub.took(MemberJoined) == []


async def test_rooms_at_the_start_count_like_others() -> None:
    async with HostedBridge() as bridge:
        juliet = Person(XMPP, PersonId("juliet@home.example"))
        bridge.gate.is_full = True
        bridge.connector.hosting.staying.bring(REMOTE, juliet, "")
        assert bridge.connector.hosting.users == 0
        bridge.gate.is_full = False
        bridge.connector.hosting.staying.bring(REMOTE, juliet, "")
        assert bridge.connector.hosting.users == 1


async def test_a_contact_is_for_those_who_may() -> None:
    async with HostedBridge() as bridge:
        bridge.connector.know_networks({IRC: "irc"})
        bridge.inside(DESK)
        bridge.say(ROMEO, "hello", to="bob%irc@bridge.localhost", kind="chat")
        assert len(bridge.hub.took(DirectPosted)) == 1
        bridge.hub.events.clear()
        bridge.gate.denied = {"romeo@home.example"}
        bridge.say(ROMEO, "hello", to="bob%irc@bridge.localhost", kind="chat")
        bridge.gate.slow = {Doing.SPEAK}
        bridge.say(DESK, "hello", to="bob%irc@bridge.localhost", kind="chat")
        assert bridge.diary(ROMEO) == ["! forbidden"]
        assert bridge.diary(DESK) == ["! resource-constraint"]
        assert bridge.hub.took(DirectPosted) == []


@pytest.mark.parametrize(
    ("denied", "slow", "condition"), [(True, False, "forbidden"), (False, True, "resource-constraint")]
)
async def test_a_command_is_for_those_who_may_by_form_and_by_chat(denied: bool, slow: bool, condition: str) -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        bridge.gate.denied = {"juliet@home.example"} if denied else set()
        bridge.gate.slow = {Doing.COMMAND} if slow else set()
        described = bridge.connector.directory.describe(ROOM.partition("@")[0])
        assert described is not None
        payload = xml(f"<command xmlns='{COMMANDS}' node='stay' action='execute'/>")
        request = Request(kind="set", sender=DESK, to=ROOM, id="q", payload=payload, described=described)
        with pytest.raises(IqRefused) as refused:
            await bridge.stream.answers["set", adhoc.PAYLOAD](request)  # type: ignore[misc]
        assert refused.value.condition == condition


async def test_who_may_not_be_here_any_more_is_put_out() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK, ROMEO)
        bridge.gate.denied = {"romeo@home.example"}
        bridge.connector.review_users()
        await quiet()
        assert bridge.diary(ROMEO) == ['-romeo 110 301 "you may not use this gateway"']
        assert bridge.diary(DESK) == ['-romeo 301 "you may not use this gateway"']
        assert bridge.connector.hosting.users == 1


async def test_of_whom_it_is_asked_whether_they_ask_too_much() -> None:
    async with Bridge() as bridge:
        assert bridge.stream.whose(DESK) == "juliet@home.example"
        assert bridge.stream.whose("home.example") == "home.example"
        assert bridge.stream.whose(f"{JOINED}/juliet") == f"{JOINED}/juliet"
    async with HostedBridge() as hosted:
        hosted.gate.slow = {Doing.ASK}
        assert hosted.stream.hurries("juliet@home.example") == "too many: wait"
        hosted.connector.know_commands(known(), lambda _: Who.ADMIN)
        assert hosted.stream.hurries("juliet@home.example") == ""
