"""Hosted rooms: what clients and the remote room do, and what each client sees, line by line (XEP-0045)."""

import re

import pytest

from bridge.connector import Session, Status
from bridge.core.acts import Act, Appoint, Configuration, Configure, Enroll, Invite, Obstacle, Remove, Roll, Setting
from bridge.core.deliveries import AsRelay, SetTopic
from bridge.core.events import (
    Barrier,
    Cause,
    DirectPosted,
    Member,
    MemberJoined,
    MemberLeft,
    MessageEdited,
    MessagePosted,
    Presence,
    Rank,
    ReactionsChanged,
    Show,
    TopicChanged,
)
from bridge.core.ids import XMPP, Network, Person, PersonId, Room, RoomId
from bridge.xmpp.hosted.requests import user
from tests.support import build
from tests.support.clock import quiet
from tests.support.hosted import DESK, IRC, PHONE, REMOTE, ROMEO, ROOM, HostedBridge, remote
from tests.support.muc import USER
from tests.support.xmpp_connector import as_ghost

ALICE = remote("alice", rank=Rank.SPEAKER)
BOB = remote("bob", rank=Rank.ADMIN)


async def test_a_join_waits_for_irc_and_is_answered_in_order() -> None:
    async with HostedBridge() as bridge:
        bridge.join(DESK, "juliet")
        assert bridge.gate.opened == [(ROOM, "")]
        (came,) = bridge.hub.took(MemberJoined)
        assert (came.member.person.id, came.member.name, came.member.session) == ("juliet@home.example", "juliet", True)
        bridge.arrives(DESK, "juliet")
        assert bridge.diary(DESK) == []
        bridge.listed(BOB, ALICE)
        assert bridge.diary(DESK) == [
            "+bob admin/moderator",
            "+alice member/participant",
            "+juliet none/participant 100 110",
            "# ",
        ]


async def test_the_topic_that_was_there_is_the_subject_from_the_first_moment_and_told_once() -> None:
    async with HostedBridge() as bridge:
        bridge.join(DESK, "juliet")
        topic = TopicChanged(origin=bridge.origin(), topic="snakes", sender=BOB)
        bridge.connector.follow(RoomId(ROOM), topic)
        bridge.listed(BOB)
        bridge.arrives(DESK, "juliet")
        told = ["+bob admin/moderator", "+juliet none/participant 100 110", "# snakes (bob)"]
        assert bridge.diary(DESK) == told
        bridge.connector.follow(RoomId(ROOM), topic)  # as it does when somebody else begins to read
        head = build.head(f"xmpp:{ROOM}", voice=as_ghost("bob"), at=topic.origin.at)
        await bridge.connector.send(SetTopic(head=head, topic="snakes"))
        assert bridge.diary(DESK) == []
        bridge.connector.follow(RoomId(ROOM), TopicChanged(origin=bridge.origin(), topic="lizards"))
        assert bridge.diary(DESK) == ["# lizards"]


async def test_it_does_not_matter_whether_the_list_or_the_puppet_comes_first() -> None:
    async with HostedBridge() as bridge:
        bridge.join(DESK, "juliet")
        bridge.listed(BOB)
        assert bridge.diary(DESK) == []
        bridge.arrives(DESK, "juliet")
        assert bridge.diary(DESK)[-2:] == ["+juliet none/participant 100 110", "# "]


async def test_another_nick_than_the_wanted_one_is_said_with_210() -> None:
    async with HostedBridge() as bridge:
        bridge.join(DESK, "juliet")
        bridge.listed()
        bridge.arrives(DESK, "juliet_")
        assert bridge.diary(DESK) == ["+juliet_ none/participant 100 110 210", "# "]


async def test_whoever_makes_the_channel_is_told_so_with_201() -> None:
    async with HostedBridge() as bridge:
        bridge.join(DESK, "juliet")
        bridge.listed()
        bridge.arrives(DESK, "juliet", Rank.ADMIN)
        assert bridge.diary(DESK)[0] == "+juliet admin/moderator 100 110 201"


@pytest.mark.parametrize(
    ("barrier", "condition"),
    [
        (Barrier.PASSWORD, "not-authorized"),
        (Barrier.INVITATION, "registration-required"),
        (Barrier.BAN, "forbidden"),
        (Barrier.FULL, "service-unavailable"),
        (Barrier.REGISTRATION, "registration-required"),
        (Barrier.MISSING, "item-not-found"),
        (Barrier.OTHER, "not-allowed"),
    ],
)
async def test_a_refused_join_is_answered_with_the_error_that_fits(barrier: Barrier, condition: str) -> None:
    async with HostedBridge() as bridge:
        bridge.join(DESK, "juliet", "<password>wrong</password>")
        assert bridge.gate.opened == [(ROOM, "wrong")]
        bridge.departs(DESK, Cause.REFUSED, "no way", barrier=barrier)
        (error,) = bridge.stream.take("presence", to=DESK, type="error")
        assert (error.get("id"), error.get("from")) == ("j1", f"{ROOM}/juliet")
        bridge.stream.sent.append(error)
        assert bridge.diary(DESK) == [f"! {condition}"]
        assert [left.member.name for left in bridge.hub.took(MemberLeft)] == ["juliet"]


async def test_a_client_that_waits_may_ask_for_another_nick() -> None:
    async with HostedBridge() as bridge:
        bridge.join(DESK, "bob")
        bridge.join(DESK, "juliet")
        assert [came.member.name for came in bridge.hub.took(MemberJoined)] == ["bob", "juliet"]
        bridge.join(PHONE, "jules")
        assert bridge.hub.took(MemberJoined) == []
        bridge.listed()
        bridge.arrives(DESK, "juliet")
        assert bridge.diary(DESK)[0] == "+juliet none/participant 100 110"
        assert bridge.diary(PHONE)[0] == "+juliet none/participant 100 110 210"


async def test_a_join_that_nobody_answers_fails_after_a_minute() -> None:
    async with HostedBridge() as bridge:
        bridge.join(DESK, "juliet")
        await bridge.clock.advance(59)
        assert bridge.diary(DESK) == []
        await bridge.clock.advance(5)
        assert bridge.diary(DESK) == ["! remote-server-timeout"]


async def test_a_join_to_a_network_that_is_down_fails_sooner_and_says_why() -> None:
    async with HostedBridge() as bridge:
        bridge.join(DESK, "juliet")
        juliet = Person(XMPP, PersonId("juliet@home.example"))
        bridge.connector.session_is(juliet, IRC, Session(status=Status.CONNECTING, detail="refused"))
        await bridge.clock.advance(14)
        bridge.connector.session_is(juliet, IRC, Session(status=Status.CONNECTING))
        await bridge.clock.advance(3)  # one more try is under way
        assert bridge.diary(DESK) == []
        bridge.connector.session_is(juliet, IRC, Session(status=Status.CONNECTING, detail="no route"))
        await bridge.clock.advance(2)
        (error,) = [element for element in bridge.stream.sent if element.get("type") == "error"]
        assert bridge.diary(DESK) == ["! remote-server-timeout"]
        assert "no route" in "".join(error.itertext())


@pytest.mark.parametrize(
    ("to", "condition"),
    [(ROOM, "jid-malformed"), (f"{ROOM}/", "jid-malformed")],
)
async def test_a_join_without_a_nick_is_refused(to: str, condition: str) -> None:
    async with HostedBridge() as bridge:
        bridge.presence(DESK, to, "<x xmlns='http://jabber.org/protocol/muc'/>")
        assert bridge.diary(DESK) == [f"! {condition}"]
        assert bridge.gate.opened == []


async def test_who_may_not_use_the_gateway_is_told() -> None:
    async with HostedBridge() as bridge:
        bridge.gate.denied = {"juliet@home.example"}
        bridge.join(DESK, "juliet")
        assert bridge.diary(DESK) == ["! forbidden"]


async def test_a_second_client_comes_in_at_once_and_under_the_nick_that_the_user_has() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK, ROMEO)
        bridge.join(PHONE, "jules")
        assert bridge.diary(PHONE) == [
            "+bob admin/moderator",
            "+romeo none/participant",
            "+juliet none/participant 100 110 210",
            "# ",
        ]
        assert bridge.diary(ROMEO) == []
        bridge.say(PHONE, "both hear me")
        assert bridge.diary(DESK) == bridge.diary(PHONE) == ["juliet: both hear me"]
        bridge.presence(DESK, f"{ROOM}/juliet", kind="unavailable")
        assert bridge.diary(DESK) == ["-juliet 110"]
        assert bridge.hub.took(MemberLeft) == []
        bridge.presence(PHONE, f"{ROOM}/juliet", "<status>bye</status>", kind="unavailable")
        assert bridge.diary(PHONE) == ['-juliet 110 "bye"']
        assert bridge.diary(ROMEO)[-1] == '-juliet "bye"'
        assert [left.reason for left in bridge.hub.took(MemberLeft)] == ["bye"]


async def test_joining_again_tells_everything_again() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        bridge.say(DESK, "one")
        bridge.stream.sent.clear()
        bridge.join(DESK, "juliet")
        assert bridge.diary(DESK) == ["+bob admin/moderator", "+juliet none/participant 100 110", "juliet: one", "# "]


async def test_history_is_limited_as_asked() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        for number in range(30):
            bridge.say(DESK, f"m{number}")
        bridge.stream.sent.clear()
        for asked, expected in [
            ("", 20),
            ("<history maxstanzas='3'/>", 3),
            ("<history maxstanzas='0'/>", 0),
            ("<history maxchars='0'/>", 0),
            ("<history seconds='60'/>", 30),
            ("<history since='2100-01-01T00:00:00Z'/>", 0),
            ("<history maxstanzas='nonsense'/>", 20),
        ]:
            bridge.join(DESK, "juliet", asked)
            told = [line for line in bridge.diary(DESK) if line.startswith("juliet:")]
            assert len(told) == expected, asked
            assert told == [f"juliet: m{number}" for number in range(30)][30 - expected :]


async def test_a_message_from_history_says_when_it_was_and_has_its_ids() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        bridge.say(DESK, "one")
        (said,) = bridge.stream.take("message", to=DESK)
        bridge.join(DESK, "juliet")
        told = next(el for el in bridge.stream.take("message", to=DESK) if el.get("id") == "m1")
        names = {"stanza-id": "{urn:xmpp:sid:0}stanza-id", "occupant": "{urn:xmpp:occupant-id:0}occupant-id"}
        for tag in names.values():
            first, again = said.find(tag), told.find(tag)
            assert first is not None
            assert again is not None
            assert first.attrib == again.attrib
        delay = told.find("{urn:xmpp:delay}delay")
        assert delay is not None
        assert delay.get("from") == ROOM
        assert said.find("{urn:xmpp:delay}delay") is None


async def test_what_only_the_room_may_say_is_not_reflected() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        forged = (
            f"<stanza-id xmlns='urn:xmpp:sid:0' by='{ROOM}' id='forged'/>"
            "<stanza-id xmlns='urn:xmpp:sid:0' id='forged'/>"
            "<stanza-id xmlns='urn:xmpp:sid:0' by='juliet@home.example' id='archived'/>"
            "<occupant-id xmlns='urn:xmpp:occupant-id:0' id='forged'/>"
            "<delay xmlns='urn:xmpp:delay' stamp='2001-01-01T00:00:00Z'/>"
            "<x xmlns='http://jabber.org/protocol/muc#user'><status code='110'/></x>"
            "<origin-id xmlns='urn:xmpp:sid:0' id='mine'/><y xmlns='urn:other' a='1'><z>&lt;w&gt;</z> tail</y>"
        )
        bridge.say(DESK, "hi &amp; <b xmlns='urn:x'/>".replace("<b xmlns='urn:x'/>", ""), more=forged)
        (said,) = bridge.stream.take("message", to=DESK)
        values = {value for el in said.iter() for value in el.attrib.values()}
        assert "forged" not in values
        assert "archived" in values
        assert said.find("{urn:xmpp:delay}delay") is None
        origin = said.find("{urn:xmpp:sid:0}origin-id")
        other = said.find("{urn:other}y/{urn:other}z")
        assert origin is not None
        assert other is not None
        assert (origin.get("id"), other.text, other.tail) == ("mine", "<w>", " tail")


async def test_what_is_said_becomes_facts() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        bridge.say(DESK, "hello")
        (posted,) = bridge.hub.took(MessagePosted)
        (said,) = bridge.stream.take("message", to=DESK)
        stanza_id = said.find("{urn:xmpp:sid:0}stanza-id")
        assert stanza_id is not None
        assert (posted.id, posted.content.text, posted.origin.room.id) == (stanza_id.get("id"), "hello", ROOM)
        assert "m1" in posted.aliases
        bridge.say(DESK, "hallo", more="<replace xmlns='urn:xmpp:message-correct:0' id='m1'/>", id_="m2")
        (edited,) = bridge.hub.took(MessageEdited)
        assert (edited.target, edited.content.text) == ("m1", "hallo")
        bridge.stream.deliver(
            f"<message from='{DESK}' to='{ROOM}' type='groupchat' id='m3'>"
            f"<reactions xmlns='urn:xmpp:reactions:0' id='{posted.id}'><reaction>❤</reaction></reactions></message>"
        )
        (reacted,) = bridge.hub.took(ReactionsChanged)
        assert (reacted.target, reacted.reactions) == (posted.id, ("❤",))
        bridge.stream.deliver(
            f"<message from='{DESK}' to='{ROOM}' type='groupchat'><subject>snakes</subject></message>"
        )
        assert [event.topic for event in bridge.hub.took(TopicChanged)] == ["snakes"]
        assert bridge.diary(DESK)[-1] == "# snakes (juliet)"


@pytest.mark.parametrize("kind", ["groupchat", "chat"])
async def test_who_is_not_in_the_room_cannot_speak_there(kind: str) -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        bridge.say(ROMEO, "hello?", kind=kind, to=ROOM if kind == "groupchat" else f"{ROOM}/bob")
        assert bridge.diary(ROMEO) == ["! not-acceptable"]
        assert bridge.diary(DESK) == []
        assert bridge.hub.took(MessagePosted) == bridge.hub.took(DirectPosted) == []


async def test_a_client_that_only_thinks_that_it_is_in_a_room_is_told_that_it_is_out() -> None:
    async with HostedBridge() as bridge:
        bridge.presence(ROMEO, f"{ROOM}/romeo")
        assert bridge.diary(ROMEO) == ["-romeo 110 307 333"]
        assert bridge.gate.opened == []


@pytest.mark.parametrize("address", ["#nowhere%nonet", "bob%irc", "irc", "", "+15551230001%tg"])
async def test_whoever_wants_into_a_room_that_cannot_be_is_told_so(address: str) -> None:
    async with HostedBridge() as bridge:
        room = f"{address}@bridge.localhost" if address else "bridge.localhost"
        bridge.join(DESK, "juliet", room=room)
        assert bridge.diary(DESK) == ["! item-not-found"]
        bridge.presence(DESK, f"{room}/juliet", kind="unavailable")
        bridge.presence(DESK, room)
        assert bridge.diary(DESK) == []


async def test_private_words_go_to_irc_or_to_the_other_users_clients() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK, ROMEO)
        bridge.say(DESK, "psst", kind="chat", to=f"{ROOM}/bob")
        (whispered,) = bridge.hub.took(DirectPosted)
        assert (whispered.to.id, whispered.content.text, whispered.sender.name) == ("bob", "psst", "juliet")
        bridge.say(DESK, "love", kind="chat", to=f"{ROOM}/romeo")
        assert bridge.diary(ROMEO) == ["juliet~ love"]
        bridge.say(DESK, "who", kind="chat", to=f"{ROOM}/nobody")
        assert bridge.diary(DESK) == ["! item-not-found"]


async def test_presence_is_the_most_available_one_of_all_clients() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK, ROMEO)
        bridge.presence(DESK, f"{ROOM}/juliet", "<show>xa</show><status>lunch</status>")
        assert bridge.diary(ROMEO) == ['+juliet none/participant away "lunch"']
        assert [event.member.presence for event in bridge.hub.took(MemberJoined)] == [Presence(Show.AWAY, "lunch")]
        bridge.join(PHONE, "juliet")
        assert bridge.diary(ROMEO) == ["+juliet none/participant"]
        assert [event.member.presence for event in bridge.hub.took(MemberJoined)] == [Presence()]


async def test_a_nick_is_asked_for_and_changes_when_irc_says_so() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK, ROMEO)
        bridge.presence(DESK, f"{ROOM}/julia")
        assert bridge.diary(DESK) == []
        assert [event.member.name for event in bridge.hub.took(MemberJoined)] == ["julia"]
        bridge.arrives(DESK, "julia")
        assert bridge.diary(DESK) == ["-juliet >julia 110 303", "+julia none/participant 110"]
        assert bridge.diary(ROMEO) == ["-juliet >julia 303", "+julia none/participant"]


async def test_ranks_are_affiliations_and_roles() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        for rank, standing in [
            (Rank.OWNER, "owner/moderator"),
            (Rank.ADMIN, "admin/moderator"),
            (Rank.MODERATOR, "member/moderator"),
            (Rank.SPEAKER, "member/participant"),
            (Rank.MEMBER, "none/participant"),
        ]:
            bridge.arrives(DESK, "juliet", rank)
            bridge.connector.join(RoomId(ROOM), remote("bob", rank=rank))
            assert f"+juliet {standing} 110" in bridge.diary(DESK)


async def test_irc_users_come_change_and_go() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        room = RoomId(ROOM)
        bridge.connector.join(room, remote("carol"))
        bridge.connector.join(room, remote("carol", presence=Presence(Show.AWAY, "tea")))
        bridge.connector.rename(room, remote("carol").person, remote("caroline"))
        bridge.connector.leave(room, remote("caroline").person, reason="bored")
        bridge.connector.leave(room, remote("nobody").person)
        assert bridge.diary(DESK) == [
            "+carol none/participant",
            '+carol none/participant away "tea"',
            "-carol >caroline 303",
            '+caroline none/participant away "tea"',
            "+caroline none/participant",
            '-caroline "bored"',
        ]


@pytest.mark.parametrize(("cause", "code"), [(Cause.KICKED, "307"), (Cause.BANNED, "301"), (Cause.REFUSED, "333")])
async def test_a_user_who_is_removed_is_told_why(cause: Cause, code: str) -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK, PHONE, ROMEO)
        bridge.departs(DESK, cause, "enough", actor="bob")
        for client in (DESK, PHONE):
            assert bridge.diary(client) == [f'-juliet 110 {code} by bob "enough"']
        assert bridge.diary(ROMEO) == [f'-juliet {code} by bob "enough"']
        assert len(bridge.hub.took(MemberLeft)) == 1
        bridge.say(DESK, "but")
        assert bridge.diary(DESK) == ["! not-acceptable"]


async def test_a_connection_that_is_lost_for_a_moment_is_no_departure() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        bridge.departs(DESK, Cause.LOST, "connection reset", final=False)
        assert bridge.diary(DESK) == []
        assert bridge.hub.took(MemberLeft) == []


async def test_deliveries_are_said_by_who_said_them() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK, ROMEO)
        post = build.post("hi all", f"xmpp:{ROOM}", voice=as_ghost("bob"))
        sent = await bridge.connector.send(post)
        assert bridge.diary(DESK) == bridge.diary(ROMEO) == ["bob: hi all"]
        assert len(sent.ids) == 1
        bridge.join(PHONE, "juliet")
        assert "bob: hi all" in bridge.diary(PHONE)


async def test_what_a_user_says_by_a_client_of_their_own_over_there_is_theirs_here() -> None:
    """Behind a bouncer; their name is not put before it, as before the words of users who are not here."""
    async with HostedBridge(logged=True) as bridge:
        await bridge.joined(DESK, "juliet")
        juliet = Member(person=Person(XMPP, PersonId("juliet@home.example")), name="Juliet on IRC")
        for who in (juliet, build.member("tybalt", "tg")):
            await bridge.connector.send(build.post("hi all", f"xmpp:{ROOM}", voice=AsRelay(member=who)))
        assert bridge.diary(DESK) == ["juliet: hi all", ": <tybalt> hi all"]
        assert bridge.hub.took(MessagePosted) == []
        bridge.join(PHONE, "juliet")
        await quiet()
        assert "juliet: hi all" in bridge.diary(PHONE)


async def test_a_client_that_bounces_is_out() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK, ROMEO)
        bridge.stream.deliver(
            f"<message type='error' from='{DESK}' to='{ROOM}'><error type='cancel'>"
            "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
        )
        assert bridge.diary(ROMEO) == ['-juliet 333 "not reachable any more"']
        bridge.stream.deliver(
            f"<message type='error' from='{ROMEO}' to='{ROOM}'><error type='modify'>"
            "<not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
        )
        bridge.say(DESK, "gone")
        bridge.say(ROMEO, "still here")
        assert bridge.diary(ROMEO) == ["romeo: still here"]


async def test_a_room_without_users_is_closed_after_a_while_unless_somebody_comes_back() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        bridge.presence(DESK, f"{ROOM}/juliet", kind="unavailable")
        await bridge.clock.advance(9)
        bridge.join(DESK, "juliet")
        await bridge.clock.advance(9)
        assert bridge.gate.closed == []
        bridge.presence(DESK, f"{ROOM}/juliet", kind="unavailable")
        await bridge.clock.advance(11)
        assert bridge.gate.closed == [ROOM]
        assert ROOM not in bridge.connector.hosting


async def test_a_room_that_lets_nobody_in_is_closed_after_a_while() -> None:
    async with HostedBridge() as bridge:
        room = "-100123%tg@bridge.localhost"
        bridge.connector.listen(RoomId(room))
        bridge.connector.join(RoomId(room), remote("juliet"))
        bridge.join(DESK, "juliet", room=room)
        assert bridge.diary(DESK) == ["! conflict"]
        await bridge.clock.advance(11)
        assert bridge.gate.closed == [room]


async def test_when_the_bridge_stops_everybody_is_told_with_332() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK, ROMEO)
        await bridge.stop()
        assert bridge.diary(DESK)[0] == '-juliet 110 332 "the bridge is restarting"'


async def test_where_users_have_no_session_the_room_lets_them_in_by_itself() -> None:
    async with HostedBridge() as bridge:
        room = "-100123%tg@bridge.localhost"
        bridge.join(DESK, "juliet", room=room)
        assert bridge.diary(DESK) == ["+juliet none/participant 100 110", "# "]
        bridge.join(ROMEO, "juliet", room=room)
        assert bridge.diary(ROMEO) == ["! conflict"]
        bridge.join(ROMEO, "romeo", room=room)
        bridge.presence(ROMEO, f"{room}/juliet")
        assert bridge.diary(ROMEO)[-1] == "! conflict"
        bridge.presence(ROMEO, f"{room}/Montague")
        assert bridge.diary(DESK)[-2:] == ["-romeo >Montague 303", "+Montague none/participant"]


ADMIN = "<query xmlns='http://jabber.org/protocol/muc#admin'>{}</query>"
OWNER = "<query xmlns='http://jabber.org/protocol/muc#owner'>{}</query>"


@pytest.mark.parametrize(
    ("item", "act"),
    [
        ("<item nick='bob' role='none'><reason>enough</reason></item>", Remove(name="bob", reason="enough")),
        ("<item nick='bob' role='moderator'/>", Appoint(name="bob", rank=Rank.MODERATOR)),
        ("<item nick='romeo' role='participant'/>", Appoint(name="romeo", rank=Rank.SPEAKER)),
        ("<item nick='romeo' role='visitor'/>", Appoint(name="romeo", rank=Rank.MEMBER)),
        ("<item jid='carol%irc@bridge.localhost' affiliation='member'/>", Enroll("carol", Roll.INVITED)),
        ("<item jid='carol%irc@bridge.localhost' affiliation='none'/>", Enroll("carol!*@*", Roll.INVITED, on=False)),
        ("<item jid='dave%irc@bridge.localhost' affiliation='none'/>", Enroll("dave", Roll.BANNED, on=False)),
        ("<item jid='bob%irc@bridge.localhost' affiliation='outcast'/>", Remove(name="bob", ban=True)),
        (
            "<item nick='bob' affiliation='outcast'><reason>spam</reason></item>",
            Remove(name="bob", reason="spam", ban=True),
        ),
        ("<item nick='bob' affiliation='owner'/>", Appoint(name="bob", rank=Rank.OWNER)),
        ("<item nick='bob' affiliation='admin'/>", Appoint(name="bob", rank=Rank.ADMIN)),
        ("<item nick='bob' affiliation='member'/>", Appoint(name="bob", rank=Rank.SPEAKER)),
        ("<item nick='bob' affiliation='none'/>", Appoint(name="bob", rank=Rank.MEMBER)),
        ("<item jid='romeo@home.example' role='none'/>", Remove(name="romeo")),
        (
            "<item jid='*!*\\40evil.example%irc@bridge.localhost' affiliation='none'/>",
            Enroll("*!*@evil.example", Roll.BANNED, on=False),
        ),
    ],
)
async def test_what_a_user_does_to_others_is_asked_of_irc(item: str, act: Act) -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK, ROMEO)
        assert await bridge.ask(DESK, ROOM, ADMIN.format(item), kind="set") == ""
        assert bridge.gate.acts == [("juliet", act)]


@pytest.mark.parametrize(
    ("item", "condition"),
    [
        ("", "bad-request"),
        ("<item role='none'/>", "jid-malformed"),
        ("<item jid='nobody@home.example' role='none'/>", "jid-malformed"),
        ("<item nick='bob' role='king'/>", "bad-request"),
        ("<item nick='bob'/>", "bad-request"),
        ("<item nick='bob' role='none' affiliation='none'/>", "bad-request"),
        ("<item nick='bob' role='visitor'/>", "not-allowed"),
        ("<item nick='bob' role='participant'/>", "not-allowed"),
        ("<item nick='juliet' affiliation='outcast'/>", "conflict"),
    ],
)
async def test_what_cannot_be_understood_is_refused(item: str, condition: str) -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        assert await bridge.ask(DESK, ROOM, ADMIN.format(item), kind="set") == f"! {condition}"
        assert bridge.gate.acts == []


@pytest.mark.parametrize(
    ("obstacle", "condition"),
    [
        (Obstacle.FORBIDDEN, "not-allowed"),
        (Obstacle.ABSENT, "item-not-found"),
        (Obstacle.IMPOSSIBLE, "feature-not-implemented"),
        (Obstacle.AWAY, "remote-server-timeout"),
        (Obstacle.ALREADY, "conflict"),
    ],
)
async def test_a_refusal_of_irc_is_the_answer(obstacle: Obstacle, condition: str) -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        bridge.arrives(DESK, "juliet", Rank.MODERATOR)
        bridge.gate.obstacle = obstacle
        kick = ADMIN.format("<item nick='bob' role='none'/>")
        assert await bridge.ask(DESK, ROOM, kick, kind="set") == f"! {condition}"
        assert await bridge.ask(ROMEO, ROOM, kick, kind="set") == "! not-acceptable"


async def test_lists_are_of_those_who_are_here_and_of_bans() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        for refused in ("affiliation='outcast'", "role='participant'"):
            assert await bridge.ask(DESK, ROOM, ADMIN.format(f"<item {refused}/>")) == "! forbidden"
        bridge.arrives(DESK, "juliet", Rank.MODERATOR)
        bridge.join(ROMEO, "romeo")
        bridge.arrives(ROMEO, "romeo")
        admins = await bridge.ask(DESK, ROOM, ADMIN.format("<item affiliation='admin'/>"))
        assert "<item affiliation='admin' nick='bob' jid='bob%irc@bridge.localhost'/>" in admins
        assert "juliet" not in admins
        participants = await bridge.ask(DESK, ROOM, ADMIN.format("<item role='participant'/>"))
        assert "nick='romeo' role='participant' jid='romeo%irc@bridge.localhost/linkspan'" in participants
        outcasts = await bridge.ask(DESK, ROOM, ADMIN.format("<item affiliation='outcast'/>"))
        assert "jid='*!*\\40evil.example%irc@bridge.localhost'" in outcasts
        assert await bridge.ask(DESK, ROOM, ADMIN.format("<item affiliation='x'/>")) == "! bad-request"
        bridge.configure({Setting.INVITED_ONLY: True})
        members = await bridge.ask(ROMEO, ROOM, ADMIN.format("<item affiliation='member'/>"))
        assert "jid='carol!*\\40*%irc@bridge.localhost'" in members


async def test_the_configuration_is_shown_and_changed() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        assert await bridge.ask(DESK, ROOM, OWNER.format("")) == "! forbidden"
        assert await bridge.ask(DESK, ROOM, OWNER.format("<destroy/>"), kind="set") == "! forbidden"
        bridge.arrives(DESK, "juliet", Rank.ADMIN)
        bridge.gate.configured = Configuration(
            settings={Setting.MODERATED: True}, password="key", most=7, modes="+mkl key 7"
        )
        shown = await bridge.ask(DESK, ROOM, OWNER.format(""))
        for part in (
            "moderatedroom' type='boolean'",
            "<value>key</value>",
            "<value>7</value>",
            "Modes now: +mkl key 7",
        ):
            assert part in shown

        async def submit(modes: str = "", **fields: str) -> str:
            inner = "".join(f"<field var='muc#roomconfig_{k}'><value>{v}</value></field>" for k, v in fields.items())
            inner += f"<field var='linkspan#modes'><value>{modes}</value></field>" if modes else ""
            form = f"<x xmlns='jabber:x:data' type='submit'>{inner}</x>"
            return await bridge.ask(DESK, ROOM, OWNER.format(form), kind="set")

        assert await submit() == ""
        assert bridge.gate.acts == []
        assert (
            await submit(membersonly="1", publicroom="0", passwordprotectedroom="0", roomsecret="x", maxusers="20")
            == ""
        )
        wanted = Configure(settings={Setting.INVITED_ONLY: True, Setting.HIDDEN: True}, password="", most=20)
        assert bridge.gate.acts == [("juliet", wanted)]
        assert await submit("+c-n") == ""
        assert bridge.gate.acts[1:] == [("juliet", Configure(modes="+c-n"))]
        assert await submit(membersonly="perhaps") == "! not-acceptable"
        assert await submit(maxusers="many") == "! not-acceptable"
        assert await submit(passwordprotectedroom="1", roomsecret="") == "! not-acceptable"
        cancel = "<x xmlns='jabber:x:data' type='cancel'/>"
        assert await bridge.ask(DESK, ROOM, OWNER.format(cancel), kind="set") == ""
        assert await bridge.ask(DESK, ROOM, OWNER.format("<destroy/>"), kind="set") == "! not-allowed"
        assert await bridge.ask(DESK, ROOM, OWNER.format(""), kind="set") == "! bad-request"


async def test_people_of_the_network_are_invited_there_and_others_by_the_room() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        for to in ("carol%irc@bridge.localhost", "nurse@elsewhere.example"):
            bridge.stream.deliver(
                f"<message from='{DESK}' to='{ROOM}'><x xmlns='http://jabber.org/protocol/muc#user'>"
                f"<invite to='{to}'><reason>come</reason></invite></x></message>"
            )
        await quiet()
        assert bridge.gate.acts == [("juliet", Invite("carol"))]
        (invitation,) = bridge.stream.take("message", to="nurse@elsewhere.example")
        invite = invitation.find(f".//{{{USER}}}invite")
        assert invite is not None
        assert (invitation.get("from"), invite.get("from")) == (ROOM, f"{ROOM}/juliet")
        assert invite.findtext(f"{{{USER}}}reason") == "come"


PING = "<ping xmlns='urn:xmpp:ping'/>"
INFO = "<query xmlns='http://jabber.org/protocol/disco#info'/>"
ITEMS = "<query xmlns='http://jabber.org/protocol/disco#items'/>"


async def test_the_self_ping_is_answered_by_the_room() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        assert await bridge.ask(DESK, f"{ROOM}/juliet", PING) == ""
        assert await bridge.ask(DESK, f"{ROOM}/bob", PING) == ""
        assert await bridge.ask(DESK, f"{ROOM}/nobody", PING) == "! item-not-found"
        assert await bridge.ask(PHONE, f"{ROOM}/juliet", PING) == "! not-acceptable"
        assert await bridge.ask(ROMEO, "#other%irc@bridge.localhost/romeo", PING) == "! not-acceptable"
        assert await bridge.ask(ROMEO, ROOM, PING) == ""


async def test_a_room_says_what_it_is_open_or_not() -> None:
    async with HostedBridge() as bridge:
        bridge.connector.know_networks({IRC: "irc"})
        for open_ in (False, True):
            if open_:
                bridge.inside(DESK)
            info = await bridge.ask(ROMEO, ROOM, INFO)
            assert "category='conference' type='text' name='#python'" in info
            for feature in (
                "http://jabber.org/protocol/muc",
                "urn:xmpp:sid:0",
                "urn:xmpp:occupant-id:0",
                "muc_nonanonymous",
            ):
                assert f"<feature var='{feature}'/>" in info
            assert ("muc#roominfo_occupants" in info) is open_
        assert "category='client' type='pc'" in await bridge.ask(DESK, f"{ROOM}/bob", INFO)
        assert await bridge.ask(DESK, f"{ROOM}/nobody", INFO) == "! item-not-found"
        assert await bridge.ask(ROMEO, f"{ROOM}/bob", INFO) == "! bad-request"


async def test_a_room_is_called_what_people_call_it() -> None:
    async with HostedBridge() as bridge:
        assert "type='text' name='Verona'" in await bridge.ask(ROMEO, "-5%tg@bridge.localhost", INFO)
        assert "type='text' name='-6'" in await bridge.ask(ROMEO, "-6%tg@bridge.localhost", INFO)


async def test_who_is_in_a_room_sees_the_others_as_items() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        items = await bridge.ask(DESK, ROOM, ITEMS)
        assert f"<item jid='{ROOM}/bob' name='bob'/>" in items
        assert "<item" not in await bridge.ask(ROMEO, ROOM, ITEMS)


async def test_nobody_is_shown_another_users_real_address() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        bridge.join(ROMEO, "romeo")
        bridge.arrives(ROMEO, "romeo")
        seen = [el for el in bridge.stream.sent if el.get("to") == ROMEO]
        values = {value for el in seen for part in el.iter() for key, value in part.attrib.items() if key != "to"}
        assert not any("juliet@home" in value for value in values)
        shown = {f"{nick}%irc@bridge.localhost/linkspan" for nick in ("juliet", "bob")}
        assert {*shown, ROMEO} <= values


async def test_somebody_in_the_remote_room_already_comes_in_at_once() -> None:
    """As a member of another room of the same link: no further puppet will come."""
    async with HostedBridge() as bridge:
        bridge.gate.here = {user(DESK): "juliet[m]"}
        bridge.gate.known = True
        bridge.join(DESK, "juliet")
        assert bridge.diary(DESK) == ["+juliet[m] none/participant 100 110 210", "# "]


async def command(bridge: HostedBridge, client: str, node: str) -> str:
    payload = f"<command xmlns='http://jabber.org/protocol/commands' node='{node}' action='execute'/>"
    return await bridge.ask(client, ROOM, payload, kind="set")


async def test_a_user_may_stay_without_a_client_and_is_away_meanwhile() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK, ROMEO)
        assert "You stay here" in await command(bridge, DESK, "stay")
        bridge.presence(DESK, f"{ROOM}/juliet", kind="unavailable")
        assert bridge.diary(DESK) == ["-juliet 110"]
        assert bridge.diary(ROMEO) == ["+juliet none/participant away"]
        assert bridge.hub.took(MemberLeft) == []
        assert [event.member.presence.show for event in bridge.hub.took(MemberJoined)] == [Show.AWAY]
        bridge.say(ROMEO, "while you were out")
        bridge.join(PHONE, "juliet")
        assert bridge.diary(PHONE)[-3:] == [
            "+juliet none/participant 100 110",
            "romeo: while you were out",
            "# ",
        ]
        assert "You leave with your last client" in await command(bridge, PHONE, "unstay")
        bridge.presence(PHONE, f"{ROOM}/juliet", kind="unavailable")
        assert len(bridge.hub.took(MemberLeft)) == 1


async def test_who_stays_knows_the_password_that_the_room_was_given_meanwhile() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK, ROMEO)
        await command(bridge, DESK, "stay")
        bridge.configure({}, password="thunder")
        assert bridge.gate.opened[-1] == (ROOM, "thunder")
        bridge.configure({}, password="thunder")
        bridge.configure({})
        assert bridge.gate.opened.count((ROOM, "thunder")) == 1
        kept = dict(bridge.hub.memory)
    async with HostedBridge() as bridge:
        bridge.hub.memory = kept
        await bridge.connector.hosting.restore()
        assert bridge.gate.opened == [(ROOM, "thunder")]


async def test_who_stays_in_as_many_rooms_as_they_may_is_told_so() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        bridge.gate.most_stays = 0
        assert "You stay in 0 rooms: say unstay in another one first" in await command(bridge, DESK, "stay")
        bridge.connector.hosting.staying.bring(REMOTE, Person(XMPP, PersonId("juliet@home.example")), "")
        bridge.presence(DESK, f"{ROOM}/juliet", kind="unavailable")
        assert len(bridge.hub.took(MemberLeft)) == 1
        bridge.gate.most_stays = 1
        bridge.inside(DESK)
        for _ in range(2):  # who has said so may say it again
            assert "You stay here" in await command(bridge, DESK, "stay")


async def test_who_stays_by_the_operators_choice_can_part() -> None:
    async with HostedBridge() as bridge:
        bridge.gate.stay = True
        bridge.inside(DESK)
        bridge.presence(DESK, f"{ROOM}/juliet", kind="unavailable")
        assert bridge.hub.took(MemberLeft) == []
        assert "You have left" in await command(bridge, DESK, "part")
        assert "You are not in this room" in await command(bridge, DESK, "part")
        assert len(bridge.hub.took(MemberLeft)) == 1


async def test_who_stays_is_back_after_a_restart_and_who_was_put_out_is_not() -> None:
    async with HostedBridge() as bridge:
        bridge.gate.stay = True
        bridge.inside(DESK, ROMEO)
        bridge.departs(ROMEO, Cause.KICKED, "enough")
        kept = dict(bridge.hub.memory)
    async with HostedBridge() as bridge:
        bridge.gate.stay = True
        bridge.hub.memory = kept
        await bridge.connector.hosting.restore()
        assert [event.member.name for event in bridge.hub.took(MemberJoined)] == ["juliet"]
        await bridge.clock.advance(600)  # however long IRC takes
        bridge.departs(DESK, Cause.REFUSED, "full", final=False, barrier=Barrier.FULL)
        bridge.listed()
        bridge.arrives(DESK, "juliet")
        bridge.join(PHONE, "juliet")
        assert bridge.diary(PHONE) == ["+juliet none/participant 100 110", "# "]


async def test_who_wants_to_be_in_a_room_at_start_is_there_without_a_client_until_they_leave_the_network() -> None:
    async with HostedBridge() as bridge:
        hosting, juliet = bridge.connector.hosting, Person(XMPP, PersonId("juliet@home.example"))
        bridge.gate.fixed = None
        hosting.staying.at_start = lambda: [
            (REMOTE, juliet, "sesame"),
            (Room(Network("other"), RoomId("#python")), juliet, ""),
        ]
        await hosting.restore()
        assert [event.member.name for event in bridge.hub.took(MemberJoined)] == ["juliet"]
        assert bridge.gate.opened == [(ROOM, "sesame")]
        bridge.listed()
        bridge.arrives(DESK, "juliet")
        bridge.join(PHONE, "juliet")
        assert bridge.diary(PHONE)[-1] == "# "
        bridge.presence(PHONE, f"{ROOM}/juliet", kind="unavailable")
        assert not bridge.hub.took(MemberLeft)
        assert hosting.staying.leave_network(REMOTE.network, juliet.id)
        assert [event.member.name for event in bridge.hub.took(MemberLeft)] == ["juliet"]
        assert not hosting.staying.leave_network(REMOTE.network, juliet.id)
        assert not hosting.stays.stays(ROOM, juliet.id)


async def test_who_is_in_a_room_already_stays_there_when_they_want_to() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        bridge.connector.hosting.staying.bring(REMOTE, Person(XMPP, PersonId("juliet@home.example")), "")
        bridge.presence(DESK, f"{ROOM}/juliet", kind="unavailable")
        assert not bridge.hub.took(MemberLeft)


async def test_rooms_of_a_fixed_server_are_entered_at_their_short_address() -> None:
    async with HostedBridge() as bridge:
        bridge.connector.hosting.staying.bring(REMOTE, Person(XMPP, PersonId("juliet@home.example")), "")
        assert bridge.gate.opened == [("#python@bridge.localhost", "")]


async def test_the_commands_of_a_room_are_listed() -> None:
    async with HostedBridge() as bridge:
        node = "http://jabber.org/protocol/commands"
        listed = await bridge.ask(DESK, ROOM, f"<query xmlns='http://jabber.org/protocol/disco#items' node='{node}'/>")
        for name in ("stay", "unstay", "part", "forget"):
            assert f"node='{name}'" in listed


async def rooms(bridge: HostedBridge, page: str = "") -> list[str]:
    query = f"<query xmlns='http://jabber.org/protocol/disco#items'>{page}</query>"
    answer = await bridge.ask(
        DESK, "irc@bridge.localhost", query.replace("<set>", "<set xmlns='http://jabber.org/protocol/rsm'>")
    )
    return re.findall(r"jid='(#c\d)%irc@", answer) if not answer.startswith("!") else [answer]


async def test_clients_that_only_ask_the_domain_see_the_rooms_of_the_network_that_is_meant_there() -> None:
    ask = "<query xmlns='http://jabber.org/protocol/disco#items'/>"
    async with HostedBridge() as bridge:
        bridge.connector.know_networks({IRC: "irc", Network("tg"): "telegram"}, fixed=IRC)
        items = await bridge.ask(DESK, "bridge.localhost", ask)
        assert "<item jid='irc@bridge.localhost' name='irc'/><item jid='tg@bridge.localhost' name='tg'/>" in items
        assert "<item jid='#c1@bridge.localhost' name='#c1 (1): t'/>" in items
        bridge.gate.fixed = None
        assert "#c1" not in await bridge.ask(DESK, "bridge.localhost", ask)
        bridge.connector.know_networks({IRC: "irc"})
        page = ask.replace("/>", "><set xmlns='http://jabber.org/protocol/rsm'><max>2</max></set></query>")
        items = await bridge.ask(DESK, "bridge.localhost", page)
        assert "<item jid='#c0%irc@bridge.localhost' name='#c0 (0)'/>" in items
        assert items.count("<item ") == 2
        bridge.gate.obstacle = Obstacle.AWAY
        assert "#c1" not in await bridge.ask(DESK, "bridge.localhost", ask)
        bridge.gate.obstacle = None
        bridge.gate.denied.add("juliet@home.example")
        items = await bridge.ask(DESK, "bridge.localhost", ask)
        assert ("#c1" in items, "irc@" in items) == (False, True)


async def test_the_rooms_of_a_network_are_its_items_page_by_page() -> None:
    async with HostedBridge() as bridge:
        bridge.connector.know_networks({IRC: "irc"})
        assert await rooms(bridge) == [f"#c{number}" for number in range(7)]
        assert await rooms(bridge, "<set><max>2</max></set>") == ["#c0", "#c1"]
        assert await rooms(bridge, "<set><max>2</max><after>#c1%irc@bridge.localhost</after></set>") == ["#c2", "#c3"]
        assert await rooms(bridge, "<set><max>2</max><before/></set>") == ["#c5", "#c6"]
        assert await rooms(bridge, "<set><max>9</max><before>#c2%irc@bridge.localhost</before></set>") == ["#c0", "#c1"]
        assert await rooms(bridge, "<set><max>0</max></set>") == []
        assert await rooms(bridge, "<set><after>nothing</after></set>") == ["! item-not-found"]
        assert await rooms(bridge, "<set><max>x</max></set>") == ["! bad-request"]
        bridge.gate.obstacle = Obstacle.AWAY
        assert await rooms(bridge) == ["! service-unavailable"]
        bridge.gate.obstacle, bridge.gate.denied = None, {"juliet@home.example"}
        assert await rooms(bridge) == []


async def test_after_a_stream_that_broke_clients_are_asked_whether_they_are_still_there() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK, ROMEO)
        bridge.stream.services[ROMEO] = lambda _: ""
        bridge.stream.down()
        bridge.stream.up()
        await quiet()
        assert [left.member.name for left in bridge.hub.took(MemberLeft)] == ["juliet"]
        assert '-juliet 333 "not reachable any more"' in bridge.diary(ROMEO)


async def test_a_password_that_somebody_gave_opens_the_room_for_nobody_else() -> None:
    async with HostedBridge() as bridge:
        bridge.join(DESK, "juliet", "<password>key</password>")
        bridge.listed(remote("bob"))
        bridge.arrives(DESK, "juliet")
        bridge.gate.configured, bridge.gate.known = Configuration(password="key"), True
        for given in ("", "<password>other</password>"):
            bridge.join(ROMEO, "romeo", given)
            assert bridge.diary(ROMEO) == ["! not-authorized"]
        assert bridge.gate.opened == [(ROOM, "key")]
        bridge.join(PHONE, "juliet")  # she is in already
        assert "+juliet none/participant 100 110" in bridge.diary(PHONE)
        bridge.join(ROMEO, "romeo", "<password>key</password>")
        bridge.arrives(ROMEO, "romeo")
        assert "+romeo none/participant 100 110" in bridge.diary(ROMEO)


async def test_while_nobody_is_in_yet_a_password_is_only_ones_own() -> None:
    async with HostedBridge() as bridge:
        bridge.join(DESK, "juliet", "<password>key</password>")
        bridge.join(ROMEO, "romeo")
        assert bridge.diary(ROMEO) == ["! not-authorized"]


async def test_what_irc_would_not_take_is_refused_and_shown_to_nobody() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK, ROMEO)
        subject = f"<message from='{DESK}' to='{ROOM}' type='groupchat' id='s1'><subject>mine</subject></message>"
        bridge.configure({Setting.TOPIC_BY_ALL: False, Setting.MODERATED: True})
        bridge.stream.sent.clear()
        bridge.stream.deliver(subject)
        bridge.say(DESK, "hello")
        assert bridge.diary(DESK) == ["! forbidden", "! forbidden"]
        typing = "<composing xmlns='http://jabber.org/protocol/chatstates'/>"
        bridge.stream.deliver(f"<message from='{DESK}' to='{ROOM}' type='groupchat'>{typing}</message>")
        assert bridge.diary(DESK) == []  # nobody has to be told that they may not be typing
        assert bridge.diary(ROMEO) == []
        assert bridge.hub.took(TopicChanged) == bridge.hub.took(MessagePosted) == []
        bridge.arrives(DESK, "juliet", Rank.SPEAKER)
        bridge.say(DESK, "with voice")
        bridge.arrives(DESK, "juliet", Rank.MODERATOR)
        bridge.stream.deliver(subject)
        seen = bridge.diary(ROMEO)
        assert "juliet: with voice" in seen
        assert seen[-1] == "# mine (juliet)"


async def test_an_invitation_from_irc_is_one_into_the_hosted_room() -> None:
    async with HostedBridge() as bridge:
        bridge.connector.invited(user(DESK), Room(IRC, RoomId("#secret")), by="Bob")
        (invitation,) = bridge.stream.take("message", to="juliet@home.example")
        invite = invitation.find(f".//{{{USER}}}invite")
        direct = invitation.find("{jabber:x:conference}x")
        assert invite is not None
        assert direct is not None
        assert invitation.get("from") == direct.get("jid") == "#secret%irc@bridge.localhost"
        assert invite.get("from") == "bob%irc@bridge.localhost"
        bridge.gate.denied = {"juliet@home.example"}
        bridge.connector.invited(user(DESK), Room(IRC, RoomId("#secret")), by="Bob")
        assert bridge.stream.take("message", to="juliet@home.example") == []
