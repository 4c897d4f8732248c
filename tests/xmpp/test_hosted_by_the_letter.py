"""Hosted rooms as a strict reader of XEP-0045 looks at them: what a room is, voice, invitations, reserved nicks, and who is who."""

import re

import pytest

from bridge.core.acts import Act, Appoint, Invite, Obstacle, Setting
from bridge.core.events import Barrier, Cause, MemberJoined, MemberLeft, Rank
from bridge.core.ids import RoomId
from tests.support.clock import quiet
from tests.support.hosted import DESK, PHONE, ROMEO, ROOM, HostedBridge, remote
from tests.support.muc import USER

INFO = "<query xmlns='http://jabber.org/protocol/disco#info'{}/>"
DATA = "jabber:x:data"
OCCUPANT = "{urn:xmpp:occupant-id:0}occupant-id"


def features(info: str) -> set[str]:
    return set(re.findall(r"<feature var='([^']+)'/>", info))


# what the room is


async def test_who_has_no_voice_in_a_moderated_room_is_a_visitor_and_everybody_is_told_of_the_change() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK, ROMEO)
        bridge.arrives(ROMEO, "romeo", Rank.SPEAKER)
        bridge.configure({})
        bridge.stream.sent.clear()
        bridge.configure({Setting.MODERATED: True})
        assert bridge.diary(ROMEO) == [" <x>", "+juliet none/visitor"]
        assert bridge.diary(DESK) == [" <x>", "+juliet none/visitor 110"]
        bridge.join(PHONE, "juliet")
        assert "+juliet none/visitor 100 110" in bridge.diary(PHONE)
        bridge.configure({})
        assert bridge.diary(DESK)[-1] == "+juliet none/participant 110"


async def test_a_change_of_what_the_room_is_has_status_104_and_no_change_has_none() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        bridge.configure({Setting.HIDDEN: True})
        (told,) = bridge.stream.take("message", to=DESK)
        status = told.find(f"{{{USER}}}x/{{{USER}}}status")
        assert status is not None
        assert (told.get("type"), told.get("from"), status.get("code")) == ("groupchat", ROOM, "104")
        bridge.configure({Setting.HIDDEN: True})
        assert bridge.diary(DESK) == []


async def test_in_a_crowd_only_our_own_users_are_shown_anew_when_the_room_becomes_moderated() -> None:
    async with HostedBridge() as bridge:
        bridge.join(DESK, "juliet")
        bridge.listed(*(remote(f"n{number}") for number in range(5_001)))
        bridge.arrives(DESK, "juliet")
        bridge.stream.sent.clear()
        bridge.configure({Setting.MODERATED: True})
        assert bridge.diary(DESK) == [" <x>", "+juliet none/visitor 110"]


@pytest.mark.parametrize(
    ("settings", "more", "expected"),
    [
        ({}, {}, {"muc_open", "muc_public", "muc_unmoderated", "muc_unsecured"}),
        ({Setting.INVITED_ONLY: True}, {}, {"muc_membersonly", "muc_public", "muc_unmoderated", "muc_unsecured"}),
        (
            {Setting.HIDDEN: True},
            {"password": "x"},
            {"muc_open", "muc_hidden", "muc_unmoderated", "muc_passwordprotected"},
        ),
        ({Setting.MODERATED: True}, {}, {"muc_open", "muc_public", "muc_moderated", "muc_unsecured"}),
    ],
)
async def test_a_room_says_what_kind_it_is(
    settings: dict[Setting, bool], more: dict[str, str], expected: set[str]
) -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        bridge.configure(settings, **more)
        kinds = {name for name in features(await bridge.ask(DESK, ROOM, INFO.format(""))) if name.startswith("muc_")}
        assert kinds == expected | {"muc_nonanonymous", "muc_temporary"}
        bridge.gate.stay = True
        assert "muc_persistent" in features(await bridge.ask(DESK, ROOM, INFO.format("")))


async def test_what_is_hidden_is_not_told_to_who_is_outside() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        assert "muc#roominfo_occupants" in await bridge.ask(ROMEO, ROOM, INFO.format(""))
        bridge.configure({Setting.HIDDEN: True})
        assert "muc#roominfo_occupants" not in await bridge.ask(ROMEO, ROOM, INFO.format(""))
        assert "muc#roominfo_occupants" in await bridge.ask(DESK, ROOM, INFO.format(""))


async def test_the_subject_says_who_set_it_and_since_when() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        subject = f"<message from='{DESK}' to='{ROOM}' type='groupchat'><subject>snakes</subject></message>"
        bridge.stream.deliver(subject)
        bridge.join(PHONE, "juliet")
        now, later = (bridge.stream.take("message", to=client)[-1] for client in (DESK, PHONE))
        assert (now.find("{urn:xmpp:delay}delay"), now.find(OCCUPANT) is None) == (None, False)
        delay = later.find("{urn:xmpp:delay}delay")
        assert delay is not None
        assert delay.get("from") == ROOM


async def test_what_is_carried_beyond_words_can_be_asked() -> None:
    async with HostedBridge() as bridge:
        traffic = await bridge.ask(DESK, ROOM, INFO.format(" node='http://jabber.org/protocol/muc#traffic'"))
        assert {"urn:xmpp:reactions:0", "urn:xmpp:reply:0", "urn:xmpp:message-correct:0"} <= features(traffic)


# who is who


async def test_everything_that_somebody_says_or_is_carries_the_same_id_of_theirs() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK, ROMEO)
        forged = "<occupant-id xmlns='urn:xmpp:occupant-id:0' id='forged'/>"
        bridge.say(DESK, "hello", more=forged)
        bridge.say(DESK, "psst", kind="chat", to=f"{ROOM}/romeo", more=forged)
        bridge.presence(DESK, f"{ROOM}/juliet", "<show>away</show>")
        bridge.arrives(DESK, "julia")
        bridge.presence(DESK, f"{ROOM}/julia", kind="unavailable")
        seen = [el for el in bridge.stream.sent if el.get("to") == ROMEO]
        ids = {known.get("id") for el in seen for known in el.iter(OCCUPANT)}
        assert len(seen) == 6
        assert all(len(el.findall(OCCUPANT)) == 1 for el in seen)
        assert len(ids) == 1
        bridge.connector.typing(RoomId(ROOM), remote("bob"), active=True)
        (composing,) = bridge.stream.take("message", to=ROMEO)[-1:]
        assert composing.find(OCCUPANT) is not None


async def test_who_was_banned_is_an_outcast_and_who_was_kicked_is_not() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK, ROMEO)
        bridge.departs(ROMEO, Cause.KICKED, "spam", actor="bob", barrier=Barrier.BAN)
        (gone,) = [el for el in bridge.stream.take("presence", to=DESK) if el.get("type") == "unavailable"]
        item = gone.find(f".//{{{USER}}}item")
        assert item is not None
        assert (item.get("affiliation"), item.get("role")) == ("outcast", "none")
        bridge.stream.sent.append(gone)
        assert bridge.diary(DESK) == ['-romeo 301 by bob "spam"']
        left = MemberLeft(origin=bridge.origin(), member=remote("bob"), cause=Cause.BANNED, actor="carol")
        bridge.connector.follow(RoomId(ROOM), left)
        assert bridge.diary(DESK) == ["-bob 301 by carol"]


async def test_a_taken_nick_is_refused_and_one_that_irc_makes_another_of_is_said_with_210() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK, ROMEO)
        bridge.presence(DESK, f"{ROOM}/Bob", id_="n1")
        (error,) = bridge.stream.take("presence", to=DESK, type="error")
        assert (error.get("id"), error.get("from")) == ("n1", f"{ROOM}/Bob")
        bridge.stream.sent.append(error)
        assert bridge.diary(DESK) == ["! conflict"]
        assert bridge.hub.took(MemberJoined) == []
        bridge.presence(DESK, f"{ROOM}/nickserv")
        bridge.arrives(DESK, "nickserv_")
        assert bridge.diary(DESK) == ["-juliet >nickserv_ 110 303", "+nickserv_ none/participant 110 210"]
        assert bridge.diary(ROMEO)[-1] == "+nickserv_ none/participant"


async def test_words_to_the_room_that_are_for_nobody_are_not_swallowed() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        bridge.say(DESK, "hello?", kind="chat")
        assert bridge.diary(DESK) == ["! bad-request"]


# voice


def form(kind: str, **fields: str) -> str:
    inner = "".join(
        f"<field var='{name.replace('_', '#', 1)}'><value>{value}</value></field>" for name, value in fields.items()
    )
    known = "<field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#request</value></field>"
    return f"<x xmlns='{DATA}' type='{kind}'>{known}{inner}</x>"


def send(bridge: HostedBridge, client: str, inner: str) -> None:
    bridge.stream.deliver(f"<message from='{client}' to='{ROOM}' id='v1'>{inner}</message>")


async def test_a_visitor_asks_for_a_voice_and_a_moderator_gives_it() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK, ROMEO)
        bridge.arrives(ROMEO, "romeo", Rank.MODERATOR)
        bridge.configure({Setting.MODERATED: True})
        bridge.stream.sent.clear()
        send(bridge, DESK, form("submit", muc_role="participant"))
        (asked,) = bridge.stream.take("message", to=ROMEO)
        fields = {field.get("var"): field.findtext(f"{{{DATA}}}value") for field in asked.iter(f"{{{DATA}}}field")}
        assert asked.get("from") == ROOM
        assert fields["FORM_TYPE"] == "http://jabber.org/protocol/muc#request"
        assert (fields["muc#roomnick"], fields["muc#role"], fields["muc#request_allow"]) == (
            "juliet",
            "participant",
            "false",
        )
        send(bridge, ROMEO, form("submit", muc_roomnick="juliet", muc_request_allow="false"))
        send(bridge, ROMEO, form("cancel"))
        await quiet()
        assert bridge.gate.acts == []
        send(bridge, ROMEO, form("submit", muc_roomnick="juliet", muc_role="participant", muc_request_allow="true"))
        await quiet()
        assert bridge.gate.acts == [("romeo", Appoint(name="juliet", rank=Rank.SPEAKER))]
        assert bridge.diary(DESK) == bridge.diary(ROMEO) == []


async def test_a_request_that_leads_nowhere_is_answered() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK, ROMEO)
        send(bridge, DESK, form("submit", muc_role="participant"))
        assert bridge.diary(DESK) == ["! conflict"]
        bridge.configure({Setting.MODERATED: True})
        bridge.stream.sent.clear()
        send(bridge, DESK, form("submit", muc_role="participant"))
        assert bridge.diary(DESK) == ["! item-not-found"]
        send(bridge, DESK, form("submit", muc_roomnick="romeo", muc_request_allow="1"))
        assert bridge.diary(DESK) == ["! forbidden"]
        bridge.arrives(DESK, "juliet", Rank.MODERATOR)
        bridge.stream.sent.clear()
        send(bridge, DESK, form("submit", muc_roomnick="nobody", muc_request_allow="1"))
        assert bridge.diary(DESK) == ["! item-not-found"]
        bridge.gate.obstacle = Obstacle.FORBIDDEN
        send(bridge, DESK, form("submit", muc_roomnick="romeo", muc_request_allow="1"))
        await quiet()
        assert bridge.diary(DESK) == ["! not-allowed"]


async def test_where_there_are_no_half_operators_a_moderator_is_an_operator() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK, ROMEO)
        tried: list[Act] = []

        async def plain(_remote: object, _by: object, act: Act) -> None:
            tried.append(act)
            if isinstance(act, Appoint) and act.rank is Rank.MODERATOR:
                raise bridge.gate.no(Obstacle.IMPOSSIBLE)

        bridge.gate.moderate = plain  # type: ignore[method-assign]
        item = "<query xmlns='http://jabber.org/protocol/muc#admin'><item nick='romeo' role='moderator'/></query>"
        assert await bridge.ask(DESK, ROOM, item, kind="set") == ""
        assert tried[-1] == Appoint(name="romeo", rank=Rank.ADMIN)


# invitations


def invite(to: str, *, tag: str = "invite") -> str:
    return f"<x xmlns='{USER}'><{tag} to='{to}'><reason>come</reason></{tag}></x>"


async def test_who_is_invited_may_decline_and_nobody_else_can_be_made_to_hear_of_it() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        nurse = "nurse@elsewhere.example"
        send(bridge, DESK, invite(nurse))
        send(bridge, f"{nurse}/x", invite(f"{ROOM}/juliet", tag="decline"))
        (told,) = bridge.stream.take("message", to=DESK)
        decline = told.find(f".//{{{USER}}}decline")
        assert decline is not None
        assert (told.get("from"), decline.get("from"), decline.findtext(f"{{{USER}}}reason")) == (ROOM, nurse, "come")
        send(bridge, f"{nurse}/x", invite(f"{ROOM}/juliet", tag="decline"))
        send(bridge, "mallory@elsewhere.example/x", invite(f"{ROOM}/juliet", tag="decline"))
        assert bridge.diary(DESK) == []


async def test_an_invitation_into_a_locked_room_brings_its_key() -> None:
    async with HostedBridge() as bridge:
        bridge.join(DESK, "juliet", "<password>key</password>")
        bridge.listed()
        bridge.arrives(DESK, "juliet")
        send(bridge, DESK, invite("nurse@elsewhere.example"))
        (told,) = bridge.stream.take("message", to="nurse@elsewhere.example")
        direct = told.find("{jabber:x:conference}x")
        assert direct is not None
        assert told.findtext(f"{{{USER}}}x/{{{USER}}}password") == direct.get("password") == "key"
        assert direct.get("reason") == "come"


async def test_somebody_of_the_network_can_be_invited_directly() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        direct = f"<x xmlns='jabber:x:conference' jid='{ROOM}'/>"
        for client in (DESK, ROMEO):  # romeo is not there
            bridge.stream.deliver(f"<message from='{client}' to='carol%irc@bridge.localhost'>{direct}</message>")
        await quiet()
        assert bridge.gate.acts == [("juliet", Invite("carol"))]


@pytest.mark.parametrize(
    ("to", "obstacle", "condition"),
    [
        ("carol%tg@bridge.localhost", None, "item-not-found"),
        ("", None, "jid-malformed"),
        ("carol%irc@bridge.localhost", Obstacle.ABSENT, "item-not-found"),
        ("carol%irc@bridge.localhost", Obstacle.ALREADY, "conflict"),
        ("carol%irc@bridge.localhost", Obstacle.FORBIDDEN, "not-allowed"),
    ],
)
async def test_an_invitation_that_cannot_be_is_answered(to: str, obstacle: Obstacle | None, condition: str) -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        bridge.gate.obstacle = obstacle
        send(bridge, DESK, invite(to))
        await quiet()
        assert bridge.diary(DESK) == [f"! {condition}"]


# reserved nicks

REGISTER = "<query xmlns='jabber:iq:register'>{}</query>"
RESERVED = INFO.format(" node='x-roomuser-item'")


def nick(name: str) -> str:
    return (
        f"<x xmlns='{DATA}' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#register</value>"
        f"</field><field var='muc#register_roomnick'><value>{name}</value></field></x>"
    )


async def test_a_nick_can_be_kept_from_others_over_restarts() -> None:
    async with HostedBridge() as bridge:
        assert "muc#register_roomnick" in await bridge.ask(DESK, ROOM, REGISTER.format(""))
        assert "<identity" not in await bridge.ask(DESK, ROOM, RESERVED)
        assert await bridge.ask(DESK, ROOM, REGISTER.format(nick("Juliet")), kind="set") == ""
        kept = dict(bridge.hub.memory)
    async with HostedBridge() as bridge:
        bridge.hub.memory = kept
        await bridge.connector.hosting.restore()
        assert "name='Juliet'" in await bridge.ask(DESK, ROOM, RESERVED)
        assert "<registered/><username>Juliet</username>" in await bridge.ask(DESK, ROOM, REGISTER.format(""))
        bridge.join(ROMEO, "juliet")
        assert bridge.diary(ROMEO) == ["! conflict"]
        bridge.inside(DESK, ROMEO)
        bridge.presence(ROMEO, f"{ROOM}/JULIET")
        assert bridge.diary(ROMEO) == ["! conflict"]
        assert await bridge.ask(ROMEO, ROOM, REGISTER.format(nick("juliet")), kind="set") == "! conflict"
        assert await bridge.ask(ROMEO, ROOM, REGISTER.format(nick("bob")), kind="set") == "! conflict"
        assert await bridge.ask(DESK, ROOM, REGISTER.format("<remove/>"), kind="set") == ""
        assert await bridge.ask(ROMEO, ROOM, REGISTER.format(nick("julietta")), kind="set") == ""
        assert "<identity" not in await bridge.ask(DESK, ROOM, RESERVED)


@pytest.mark.parametrize(
    ("client", "to", "payload", "kind", "condition"),
    [
        (DESK, ROOM, REGISTER.format(""), "set", "bad-request"),
        (DESK, ROOM, REGISTER.format(nick(" ")), "set", "bad-request"),
        (DESK, f"{ROOM}/bob", REGISTER.format(""), "get", "service-unavailable"),
        (DESK, "#x%nonet@bridge.localhost", REGISTER.format(""), "get", "item-not-found"),
        (ROMEO, ROOM, REGISTER.format(""), "get", "not-allowed"),
    ],
)
async def test_a_registration_that_cannot_be_is_refused(
    client: str, to: str, payload: str, kind: str, condition: str
) -> None:
    async with HostedBridge() as bridge:
        bridge.gate.denied = {"romeo@home.example"}
        assert await bridge.ask(client, to, payload, kind=kind) == f"! {condition}"
