"""Private messages both ways, and what the bridge's own addresses say."""

import pytest
from msgspec.structs import replace

from bridge.core.content import Content, Kind
from bridge.core.deliveries import AsBridge, Sent, Tell
from bridge.core.events import DirectPosted
from bridge.core.failures import Permanent, Retry, VoiceLost
from bridge.core.ids import XMPP, MessageId, Network, Person, PersonId, RoomId
from tests.support import build
from tests.support.muc import ERRORS, NS, USER, xml
from tests.support.xmpp_connector import ROOM, Bridge, as_ghost, as_relayed, outcome, quiet, remote

BOB = "bob%irc@bridge.localhost"
BODY = f"{{{NS}}}body"
JULIET = Person(XMPP, PersonId("juliet@localhost"))


async def running():
    bridge = Bridge()
    bridge.muc.enter("Juliet C.", "juliet@localhost/desk")
    bridge.connector.know_networks({Network("irc"): "irc", XMPP: "xmpp"})
    await bridge.__aenter__()
    return bridge


def chat(to, body="psst", *, sender="juliet@localhost/desk", kind="chat", more=""):
    return f"<message type='{kind}' id='a1' from='{sender}' to='{to}'><body>{body}</body>{more}</message>"


# -- from XMPP


@pytest.mark.parametrize("to", [BOB, f"{BOB}/linkspan", f"{BOB}/anything"])
@pytest.mark.parametrize("shown", [False, True])
async def test_a_message_to_a_ghosts_address(to, shown) -> None:
    bridge = await running()
    if shown:
        await bridge.wish("bob")
    bridge.stream.deliver(chat(to))
    (event,) = bridge.hub.took(DirectPosted)
    assert (event.to, event.content.text, event.id) == (remote("bob").person, "psst", "a1")
    assert event.sender.person == JULIET
    assert (event.sender.account, event.sender.name) == ("juliet@localhost", "juliet")
    assert event.origin.room.id == BOB
    await bridge.stop()


async def test_a_private_message_in_the_room() -> None:
    """XEP-0045 section 7.5: from occupant to occupant, whose person is known by the room."""
    bridge = await running()
    await bridge.wish("bob")
    bridge.stream.deliver(chat(f"{BOB}/linkspan", sender=f"{ROOM}/Juliet C.", more=f"<x xmlns='{USER}'/>"))
    (event,) = bridge.hub.took(DirectPosted)
    assert (event.to, event.sender.person, event.sender.name) == (remote("bob").person, JULIET, "Juliet C.")
    await bridge.stop()


async def test_a_private_message_of_one_of_ours_is_nobodys() -> None:
    bridge = await running()
    await bridge.wish("bob", "carol")
    bridge.stream.deliver(chat(f"{BOB}/linkspan", sender=f"{ROOM}/carol"))
    assert bridge.hub.took(DirectPosted) == []
    await bridge.stop()


async def test_a_renamed_ghosts_address_leads_to_who_they_are_now() -> None:
    """The ghost keeps its address while it is in the room; whoever writes there means the one who is seen there."""
    bridge = await running()
    await bridge.wish("bob")
    bridge.connector.rename(RoomId(ROOM), remote("bob").person, remote("robert"))
    await quiet()
    bridge.stream.deliver(chat(BOB))
    assert bridge.hub.took(DirectPosted)[0].to == remote("robert").person
    await bridge.wish("bob")  # somebody else, and in person
    bridge.stream.deliver(chat(BOB))
    assert bridge.hub.took(DirectPosted)[0].to == remote("bob").person
    await bridge.stop()


@pytest.mark.parametrize(
    "stanza",
    [
        chat("nobody@bridge.localhost"),
        chat("bob%nowhere@bridge.localhost/desk"),
        chat("bob%nowhere@bridge.localhost", kind="normal"),
    ],
)
async def test_nobody_there(stanza) -> None:
    bridge = await running()
    bridge.stream.sent.clear()
    bridge.stream.deliver(stanza)
    (answer,) = bridge.stream.sent
    assert (answer.get("type"), answer.get("id"), answer.get("to")) == ("error", "a1", "juliet@localhost/desk")
    assert answer.get("from") == xml(stanza).get("to")
    assert answer.find(f".//{{{ERRORS}}}item-not-found") is not None
    assert bridge.hub.took(DirectPosted) == []
    await bridge.stop()


async def test_what_says_nothing_to_nobody_is_answered_by_nothing() -> None:
    bridge = await running()
    bridge.stream.sent.clear()
    composing = "<composing xmlns='http://jabber.org/protocol/chatstates'/>"
    nobody = "bob%nowhere@bridge.localhost"
    bridge.stream.deliver(f"<message type='chat' from='juliet@localhost/desk' to='{nobody}'>{composing}</message>")
    assert bridge.stream.sent == []
    await bridge.stop()


@pytest.mark.parametrize("kind", ["headline", "error", "groupchat", "nonsense"])
async def test_other_types_are_no_messages(kind) -> None:
    bridge = await running()
    bridge.stream.deliver(chat(BOB, kind=kind))
    assert bridge.hub.took(DirectPosted) == []
    await bridge.stop()


async def test_typing_to_a_ghost_is_no_message() -> None:
    bridge = await running()
    bridge.stream.deliver(
        f"<message type='chat' from='juliet@localhost/desk' to='{BOB}'>"
        "<composing xmlns='http://jabber.org/protocol/chatstates'/></message>"
    )
    assert bridge.hub.took(DirectPosted) == []
    await bridge.stop()


@pytest.mark.parametrize("to", ["bridge.localhost", "bridge.localhost/linkspan", "irc@bridge.localhost"])
async def test_the_bridge_itself_says_that_it_is_no_person_and_not_for_ever(to) -> None:
    bridge = await running()
    for _ in range(50):
        bridge.stream.deliver(chat(to))
    (answer,) = bridge.stream.take("message", to="juliet@localhost/desk")
    assert answer.get("from") == to
    assert "bridge" in answer.findtext(BODY)
    await bridge.clock.advance(61)
    bridge.stream.deliver(chat(to))
    assert len(bridge.stream.take("message", to="juliet@localhost/desk")) == 1
    await bridge.stop()


async def test_a_private_message_to_the_listener() -> None:
    bridge = await running()
    bridge.stream.deliver(chat(Bridge.listener, sender=f"{ROOM}/Juliet C."))
    (answer,) = bridge.stream.take("message", to=f"{ROOM}/Juliet C.")
    assert answer.get("from") == Bridge.listener
    await bridge.stop()


async def test_a_direct_invitation_opens_a_door_once_a_minute() -> None:
    """XEP-0249: anybody can send one, so nobody can make us hammer a room."""
    bridge = Bridge()
    bridge.muc.affiliations[Bridge.domain] = "outcast"
    async with bridge:
        invitation = f"<x xmlns='jabber:x:conference' jid='{ROOM}' reason='come'/>"
        for _ in range(20):
            bridge.stream.deliver(f"<message from='juliet@localhost/desk' to='{Bridge.domain}'>{invitation}</message>")
            await quiet()
        assert len(bridge.muc.joins) == 2
        await bridge.clock.advance(61)
        bridge.muc.affiliations.clear()
        bridge.stream.deliver(f"<message from='juliet@localhost/desk' to='{Bridge.domain}'>{invitation}</message>")
        await quiet()
        assert "linkspan" in bridge.nicks()


# -- to XMPP


def tell(text="psst", *, voice=None, person=JULIET, **fields):
    return Tell(
        head=build.head(f"xmpp:{person.id}", voice=voice or as_ghost("bob")),
        person=person,
        content=Content(text=text, **fields),
    )


async def test_to_an_address() -> None:
    bridge = await running()
    delivery = tell("*psst*")
    assert await outcome(bridge.connector.send(delivery)) == Sent((MessageId(delivery.head.key),))
    (message,) = bridge.stream.take("message", to="juliet@localhost")
    assert (message.get("from"), message.get("type")) == (f"{BOB}/linkspan", "chat")
    assert message.findtext(BODY) == "*psst*"
    assert message.find("{urn:xmpp:styling:0}unstyled") is not None
    await bridge.stop()


@pytest.mark.parametrize(
    ("voice", "fields", "sender", "body"),
    [
        (as_ghost("bob"), {"kind": Kind.ACTION}, f"{BOB}/linkspan", "/me waves"),
        (as_relayed("bob"), {}, Bridge.listener, "<bob> waves"),
        (AsBridge(), {}, Bridge.listener, "waves"),
    ],
)
async def test_in_every_voice(voice, fields, sender, body) -> None:
    bridge = await running()
    await outcome(bridge.connector.send(tell("waves", voice=voice, **fields)))
    (message,) = bridge.stream.take("message", to="juliet@localhost")
    assert (message.get("from"), message.findtext(BODY)) == (sender, body)
    await bridge.stop()


async def test_to_who_is_known_by_the_room_only() -> None:
    bridge = Bridge()
    bridge.muc.anonymous = True
    bridge.muc.enter("juliet")
    async with bridge:
        person = Person(XMPP, PersonId("oid-juliet"))
        assert isinstance(await outcome(bridge.connector.send(tell(person=person))), VoiceLost)
        await bridge.wish("bob")
        assert isinstance(await outcome(bridge.connector.send(tell(person=person))), Sent)
        (message,) = bridge.stream.take("message", to=f"{ROOM}/juliet")
        assert message.get("from") == f"{BOB}/linkspan"
        assert message.find(f"{{{USER}}}x") is not None


async def test_to_who_is_nowhere() -> None:
    bridge = await running()
    for id_ in ("oid-gone", f"{ROOM}/gone"):
        lost = await outcome(bridge.connector.send(tell(person=Person(XMPP, PersonId(id_)))))
        assert isinstance(lost, Permanent) or id_.count("@")
    await bridge.stop()


async def test_to_somebody_of_another_network() -> None:
    bridge = await running()
    assert isinstance(await outcome(bridge.connector.send(tell(person=remote("bob").person))), Permanent)
    await bridge.stop()


@pytest.mark.parametrize(
    ("condition", "kind", "failure"),
    [
        ("service-unavailable", "cancel", Permanent),
        ("item-not-found", "cancel", Permanent),
        ("service-unavailable", "wait", Retry),
        ("remote-server-timeout", "wait", Retry),
        ("gone", "cancel", Retry),
    ],
)
async def test_a_bounce(condition, kind, failure) -> None:
    bridge = await running()
    delivery = tell()
    done = bridge.connector.send(delivery)
    bridge.stream.deliver(
        f"<message type='error' from='juliet@localhost' to='{BOB}/linkspan' id='{delivery.head.key}'>"
        f"<error type='{kind}'><{condition} xmlns='{ERRORS}'/></error></message>"
    )
    assert isinstance(await outcome(done), failure)
    await bridge.stop()


async def test_without_a_stream() -> None:
    bridge = await running()
    bridge.stream.down()
    assert isinstance(await outcome(bridge.connector.send(tell())), Retry)
    await bridge.stop()


async def test_the_stream_goes_before_it_is_confirmed() -> None:
    bridge = await running()
    done = bridge.connector.send(tell())
    bridge.stream.down()
    assert isinstance(await outcome(done), Retry)
    await bridge.stop()


# -- what stands where


@pytest.mark.parametrize(
    ("localpart", "identity", "nickname"),
    [
        ("", ("gateway", "irc", "Linkspan"), ""),
        ("irc", ("gateway", "irc", "irc"), ""),
        ("bob%irc", ("client", "pc", "irc"), "Bob"),
        ("nobody%irc", ("client", "pc", "irc"), "nobody"),
        ("robot%irc", ("client", "bot", "irc"), "robot"),
    ],
)
async def test_descriptions(localpart, identity, nickname) -> None:
    bridge = await running()
    await bridge.wish("Bob")
    bridge.connector.join(RoomId(ROOM), replace(remote("robot"), bot=True))
    described = bridge.connector.directory.describe(localpart)
    assert described is not None
    assert (described.category, described.kind, described.name) == identity
    assert described.nickname == nickname
    await bridge.stop()


@pytest.mark.parametrize("localpart", ["nobody", "bob%nowhere", "%irc", "BOB%irc", "bob%IRC"])
async def test_nothing_stands_there(localpart) -> None:
    bridge = await running()
    assert bridge.connector.directory.describe(localpart) is None
    await bridge.stop()


async def test_the_bridge_lists_its_networks() -> None:
    bridge = await running()
    bridge.connector.know_networks({Network("irc"): "irc", Network("family"): "telegram"})
    described = bridge.connector.directory.describe("")
    assert described is not None
    assert [item.jid for item in described.items] == ["irc@bridge.localhost", "family@bridge.localhost"]
    assert described.kind == "xmpp"
    await bridge.stop()


async def test_what_will_not_arrive_is_answered_with_an_error() -> None:
    bridge = await running()
    bridge.stream.deliver(chat(BOB))
    (event,) = bridge.hub.took(DirectPosted)
    before = len(bridge.stream.sent)
    by = remote("bob").person
    assert bridge.connector.bounced(event.origin.room.id, event.id, to=JULIET, by=by, reason="no such number")
    (error,) = bridge.stream.sent[before:]
    assert (error.get("type"), error.get("id"), error.get("from"), error.get("to")) == (
        "error",
        "a1",
        BOB,
        "juliet@localhost/desk",
    )
    assert error.findtext(f"{{{NS}}}error/{{{ERRORS}}}text") == "no such number"
    other = MessageId("never written")
    assert not bridge.connector.bounced(event.origin.room.id, other, to=JULIET, by=by, reason="x")
    await bridge.stop()
