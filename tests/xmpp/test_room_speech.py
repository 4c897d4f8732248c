"""What we say in a room: order, acknowledgement by reflection, and every way in which it can fail."""

import pytest
from msgspec.structs import replace

from bridge.core.content import Attachment, Content, Reply
from bridge.core.deliveries import Announce, AsBridge, Kick, Sent
from bridge.core.events import MessagePosted
from bridge.core.failures import Permanent, Retry, Uncertain, VoiceLost
from bridge.core.ids import MessageId, MessageRef, Person, PersonId, RoomId
from bridge.xmpp.joined import speech
from bridge.xmpp.joined.rooms import REPLAY
from tests.support import build
from tests.support.muc import MODERATE, NS, Refused
from tests.support.xmpp_connector import ROOM, Bridge, as_ghost, as_relayed, outcome, quiet, remote

WHERE = f"xmpp:{ROOM}"
BODY = f"{{{NS}}}body"
BOB = "bob%irc@bridge.localhost/linkspan"
JULIET = Person(build.room(WHERE).network, PersonId("juliet@localhost"))


def post(text, name="bob", **fields):
    return build.post(text, to=WHERE, voice=as_ghost(name), **fields)


def said(bridge):
    """Return (address, body) of what was written to the room."""
    return [(m.get("from"), m.findtext(BODY)) for m in bridge.stream.take("message", to=ROOM)]


async def test_a_ghost_says_it_and_the_reflection_is_the_acknowledgement() -> None:
    async with Bridge() as bridge:
        await bridge.wish("bob")
        delivery = post("hi")
        bridge.muc.mute = True
        done = bridge.connector.send(delivery)
        assert await outcome(done) is None
        bridge.muc.mute = False
        assert said(bridge) == [(BOB, "hi")]
        tail = bridge.muc.history[-1][2]
        bridge.stream.deliver(f"<message type='groupchat' from='{ROOM}/bob' to='{Bridge.listener}'{tail}")
        assert await outcome(done) == Sent((MessageId("sid-1"), MessageId(delivery.head.key)))
        assert bridge.hub.took(MessagePosted) == []


async def test_reflections_and_plain_words_are_known_by_their_bytes() -> None:
    async with Bridge() as bridge:
        await bridge.wish("bob")
        bridge.muc.enter("juliet")
        await quiet()
        built = bridge.stream.built
        delivery = post("hi, stanza by stanza")
        assert await outcome(bridge.connector.send(delivery)) == Sent(
            (MessageId("sid-1"), MessageId(delivery.head.key))
        )
        assert bridge.stream.built == built
        bridge.muc.say("juliet", "hello")  # so are plain words of others
        await quiet()
        assert bridge.stream.built == built
        bridge.muc.say("juliet", "hello", extra="<replace xmlns='urn:xmpp:message-correct:0' id='a'/>")
        await quiet()
        assert bridge.stream.built == built + 1
        assert [event.content.text for event in bridge.hub.took(MessagePosted)] == ["hello"]


@pytest.mark.parametrize(
    "what",
    [
        "{end}",  # whole
        "<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>{end}",
        "<stanza-id xmlns='urn:xmpp:sid:0' by='other@conference.localhost' id='y'/>{end}",
        "<x xmlns='jabber:x:conference' jid='a'/>{end}",
    ],
)
async def test_a_reflection_means_the_same_whatever_the_room_adds(what) -> None:
    async with Bridge() as bridge:
        await bridge.wish("bob")
        await bridge.clock.advance(REPLAY + 1)
        bridge.muc.mute = True
        delivery = post("hi")
        done = bridge.connector.send(delivery)
        await quiet()
        bridge.muc.mute = False
        tail = bridge.muc.history[-1][2]
        stanza = f"<message type='groupchat' from='{ROOM}/bob' to='{Bridge.listener}'{tail}"
        bridge.stream.deliver(stanza.replace("</message>", what.format(end="</message>")))
        assert await outcome(done) == Sent((MessageId("sid-1"), MessageId(delivery.head.key)))
        assert bridge.hub.took(MessagePosted) == []


async def test_nobody_elses_message_with_the_same_id_is_taken_for_a_reflection() -> None:
    async with Bridge() as bridge:
        await bridge.wish("bob")
        bridge.muc.enter("juliet")
        await bridge.clock.advance(REPLAY + 1)
        bridge.muc.mute = True
        delivery = post("hi")
        done = bridge.connector.send(delivery)
        await quiet()
        bridge.stream.deliver(
            f"<message type='groupchat' from='{ROOM}/juliet' to='{Bridge.listener}' id='{delivery.head.key}'>"
            f"<body>me too</body><stanza-id xmlns='urn:xmpp:sid:0' by='{ROOM}' id='s9'/></message>"
        )
        assert await outcome(done) is None
        assert [event.content.text for event in bridge.hub.took(MessagePosted)] == ["me too"]


async def test_without_stanza_ids_the_attribute_is_the_name() -> None:
    bridge = Bridge()
    bridge.muc.features.clear()
    async with bridge:
        await bridge.wish("bob")
        delivery = post("hi")
        assert await outcome(bridge.connector.send(delivery)) == Sent((MessageId(delivery.head.key),))


async def test_a_relay_and_the_bridge_speak_through_the_listener() -> None:
    async with Bridge() as bridge:
        bridge.connector.send(build.post("hi", to=WHERE, voice=as_relayed("bob")))
        bridge.connector.send(build.post("note", to=WHERE, voice=AsBridge()))
        bridge.connector.send(Announce(head=build.head(WHERE, voice=AsBridge()), text="3 users left"))
        await quiet()
        assert said(bridge) == [
            (Bridge.listener, "<bob> hi"),
            (Bridge.listener, "note"),
            (Bridge.listener, "3 users left"),
        ]


async def test_many_under_way_stay_in_order_and_all_arrive() -> None:
    async with Bridge() as bridge:
        await bridge.wish("bob", "carol")
        done = [bridge.connector.send(post(str(n), "bob" if n % 3 else "carol")) for n in range(64)]
        await quiet()
        assert [body for _, body in said(bridge)] == [str(n) for n in range(64)]
        assert all(isinstance(each.result(), Sent) for each in done)


async def test_words_wait_for_a_ghost_that_joins_and_so_do_those_behind() -> None:
    async with Bridge() as bridge:
        await bridge.wish("carol")
        bridge.stream.deaf = True
        bridge.connector.join(RoomId(ROOM), remote("bob"))
        first, second = bridge.connector.send(post("first")), bridge.connector.send(post("second", "carol"))
        await quiet()
        assert said(bridge) == []
        bridge.stream.deaf = False
        for join in bridge.stream.take("presence", _from=BOB):
            bridge.muc.take(join)
        assert isinstance(await outcome(second), Sent)
        assert first.done()
        assert [body for _, body in said(bridge)] == ["first", "second"]


async def test_whoever_has_something_to_say_joins_first() -> None:
    async with Bridge() as bridge:
        bridge.muc.mute = True
        await bridge.wish(*(f"user{n}" for n in range(30)))
        bridge.connector.send(post("hi", "user29"))
        bridge.muc.mute = False
        waiting = list(bridge.room.ghosts._ready)
        assert waiting[0].person == remote("user29").person


async def test_a_ghost_that_does_not_get_in_loses_its_voice_in_time_and_nothing_overtakes_what_it_has_to_say() -> None:
    async with Bridge() as bridge:
        bridge.muc.most = 1
        await bridge.wish("bob")
        done = bridge.connector.send(post("hi"))
        behind = bridge.connector.send(build.post("note", to=WHERE, voice=AsBridge()))
        await bridge.clock.advance(speech.GIVE_UP + 2)
        assert isinstance(await outcome(done), VoiceLost)
        assert behind.cancelled()  # it is given back, and comes again behind the other
        assert bridge.stream.take("message", to=ROOM) == []


async def test_who_is_not_shown_has_no_voice() -> None:
    async with Bridge() as bridge:
        assert isinstance(await outcome(bridge.connector.send(post("hi"))), VoiceLost)


async def test_a_refused_ghost_has_no_voice() -> None:
    async with Bridge() as bridge:
        bridge.muc.affiliations["bob%irc@bridge.localhost"] = "outcast"
        await bridge.wish("bob")
        lost = await outcome(bridge.connector.send(post("hi")))
        assert isinstance(lost, VoiceLost)
        assert "banned" in lost.reason


async def test_last_words_are_said_by_who_is_about_to_go() -> None:
    """Their leave is state and overtakes their words, which are on their way through the store."""
    async with Bridge() as bridge:
        await bridge.wish("bob")
        bridge.unwish("bob")
        done = bridge.connector.send(post("bye"))
        assert isinstance(await outcome(done), Sent)
        await bridge.clock.advance(2)
        assert bridge.nicks() == {"linkspan"}


async def test_words_to_a_room_that_is_not_open_yet_wait_for_it() -> None:
    bridge = Bridge()
    bridge.connector.listen(RoomId(ROOM))
    bridge.connector.join(RoomId(ROOM), remote("bob"))
    done = bridge.connector.send(post("early"))
    async with bridge:
        assert isinstance(await outcome(done), Sent)


async def test_words_to_a_room_that_does_not_open_go_back() -> None:
    bridge = Bridge()
    bridge.muc.members_only = True
    async with bridge:
        done = bridge.connector.send(build.post("x", to=WHERE, voice=AsBridge()))
        await bridge.clock.advance(speech.GIVE_UP + 2)
        assert isinstance(await outcome(done), Retry)


async def test_words_to_a_room_that_stays_closed_are_given_up() -> None:
    bridge = Bridge()
    bridge.muc.affiliations[Bridge.domain] = "outcast"
    async with bridge:
        lost = await outcome(bridge.connector.send(build.post("x", to=WHERE, voice=AsBridge())))
        assert isinstance(lost, Permanent)
        assert "banned" in lost.reason


async def test_words_to_a_room_that_nobody_asked_for() -> None:
    async with Bridge(listen=False) as bridge:
        assert isinstance(await outcome(bridge.connector.send(post("x"))), Permanent)


@pytest.mark.parametrize(
    ("condition", "kind", "ghost", "listener"),
    [
        ("forbidden", "auth", VoiceLost, Permanent),  # a visitor in a moderated room (section 7.4)
        ("not-authorized", "auth", VoiceLost, Permanent),
        ("not-acceptable", "cancel", Retry, Retry),  # not an occupant any more
        ("resource-constraint", "wait", Retry, Retry),
        ("policy-violation", "wait", Retry, Retry),
        ("policy-violation", "modify", Permanent, Permanent),
        ("not-allowed", "cancel", Uncertain, Uncertain),
        ("remote-server-timeout", "wait", Retry, Retry),
        ("internal-server-error", "cancel", Retry, Retry),
    ],
)
async def test_a_message_that_comes_back(condition, kind, ghost, listener) -> None:
    async with Bridge() as bridge:
        await bridge.wish("bob")
        bridge.muc.refuses = lambda el: Refused(condition, kind, "so it is") if el.tag.endswith("message") else None
        as_bob = await outcome(bridge.connector.send(post("x")))
        as_us = await outcome(bridge.connector.send(build.post("x", to=WHERE, voice=AsBridge())))
        assert (type(as_bob), type(as_us)) == (ghost, listener)
        assert "so it is" in as_bob.reason


async def test_a_bounce_of_a_part_fails_the_whole() -> None:
    async with Bridge() as bridge:
        await bridge.wish("bob")
        bridge.muc.refuses = lambda el: (
            Refused("policy-violation") if "f.example" in (el.findtext(BODY) or "") else None
        )
        content = Content(text="look", attachments=(Attachment(url="https://f.example/x"),))
        done = bridge.connector.send(replace(post(""), content=content))
        assert isinstance(await outcome(done), Permanent)
        assert len(bridge.room.speech) == 0


async def test_a_ghost_that_the_room_has_forgotten_joins_again_and_the_words_arrive() -> None:
    async with Bridge() as bridge:
        await bridge.wish("bob")
        del bridge.muc.seats["bob"]  # silently
        delivery = post("x")
        assert isinstance(await outcome(bridge.connector.send(delivery)), Retry)
        assert isinstance(await outcome(bridge.connector.send(delivery)), Sent)


async def test_without_an_answer_the_room_is_asked_and_the_words_go_back() -> None:
    async with Bridge() as bridge:
        await bridge.wish("bob")
        bridge.stream.sent.clear()
        bridge.muc.mute = True
        done = bridge.connector.send(post("x"))
        await bridge.clock.advance(speech.PATIENCE + 2)
        assert any("ping" in iq[0].tag for iq in bridge.stream.take("iq"))
        assert not done.done()
        await bridge.clock.advance(speech.GIVE_UP)
        assert isinstance(await outcome(done), Retry)


async def test_a_late_reflection_is_remembered_and_the_words_are_not_said_twice() -> None:
    async with Bridge() as bridge:
        await bridge.wish("bob")
        bridge.muc.mute = True
        delivery = post("x")
        done = bridge.connector.send(delivery)
        await bridge.clock.advance(speech.GIVE_UP + 12)
        assert isinstance(await outcome(done), Retry)
        bridge.muc.mute = False
        tail = bridge.muc.history[-1][2]
        bridge.stream.deliver(f"<message type='groupchat' from='{ROOM}/bob' to='{Bridge.listener}'{tail}")
        said(bridge)
        assert isinstance(await outcome(bridge.connector.send(delivery)), Sent)
        assert said(bridge) == []
        assert bridge.hub.took(MessagePosted) == []


async def test_a_reaction_with_no_id_of_ours_is_none_of_the_echo() -> None:
    """What our occupants say without being awaited (typing) is nobody's news."""
    async with Bridge() as bridge:
        await bridge.wish("bob")
        bridge.hub.events.clear()
        bridge.connector.typing(RoomId(ROOM), remote("bob"), active=True)
        bridge.connector.typing(RoomId(ROOM), remote("nobody"), active=True)
        await quiet()
        (typing,) = bridge.stream.take("message", to=ROOM)
        assert typing[0].tag.endswith("composing")
        assert bridge.hub.events == []


# -- corrections, reactions, retractions


async def spoken(bridge, text="hi", name="bob"):
    """Say something and return the ids of the copy."""
    sent = await outcome(bridge.connector.send(post(text, name)))
    bridge.stream.sent.clear()
    return sent.ids


async def test_a_correction_by_the_same_ghost() -> None:
    async with Bridge() as bridge:
        await bridge.wish("bob")
        ids = await spoken(bridge)
        edit = build.edit("m1", "better", to=WHERE, ids=ids)
        edit = replace(edit, head=replace(edit.head, voice=as_ghost("bob")))
        assert await outcome(bridge.connector.send(edit)) == Sent()
        (message,) = bridge.stream.take("message", to=ROOM)
        assert message.find("{urn:xmpp:message-correct:0}replace").get("id") == ids[1]
        assert message.get("from") == BOB


async def test_a_correction_in_another_voice_is_a_message() -> None:
    async with Bridge() as bridge:
        await bridge.wish("bob")
        ids = await spoken(bridge)
        edit = build.edit("m1", "better", to=WHERE, ids=ids)
        edit = replace(edit, head=replace(edit.head, voice=as_relayed("bob")))
        await outcome(bridge.connector.send(edit))
        (message,) = bridge.stream.take("message", to=ROOM)
        assert message.find("{urn:xmpp:message-correct:0}replace") is None
        assert message.findtext(BODY) == "<bob> better"


async def test_a_reply_names_the_occupant() -> None:
    async with Bridge() as bridge:
        await bridge.wish("bob", "carol")
        bridge.muc.enter("Juliet C.", "juliet@localhost/desk")
        await quiet()
        target = MessageRef(build.room(WHERE), MessageId("s1"))
        for person, occupant in ((JULIET, "Juliet C."), (remote("carol").person, "carol")):
            reply = Reply(to=target, person=person, ids=(MessageId("s1"),))
            await outcome(bridge.connector.send(replace(post("yes"), reply=reply)))
            (message,) = bridge.stream.take("message", to=ROOM)
            assert message.find("{urn:xmpp:reply:0}reply").get("to") == f"{ROOM}/{occupant}"


def taking_back(ids, voice, *, moderated=False):
    retract = build.retract("m1", to=WHERE, ids=ids, moderated=moderated, reason="rude")
    return replace(retract, head=replace(retract.head, voice=voice))


async def test_whoever_said_it_takes_it_back() -> None:
    """XEP-0424 section 5: only the author; so also when a moderator of another network asks for it."""
    async with Bridge() as bridge:
        await bridge.wish("bob", "carol")
        for moderated, voice in ((False, as_ghost("bob")), (True, as_ghost("carol")), (False, as_relayed("bob"))):
            ids = await spoken(bridge)
            assert await outcome(bridge.connector.send(taking_back(ids, voice, moderated=moderated))) == Sent()
            (message,) = bridge.stream.take("message", to=ROOM)
            assert message.get("from") == BOB
            assert message.find("{urn:xmpp:message-retract:1}retract").get("id") == ids[0]


async def test_what_somebody_else_said_is_moderated_where_the_listener_may() -> None:
    bridge = Bridge()
    bridge.muc.features.add(MODERATE)
    bridge.muc.affiliations[Bridge.domain] = "admin"
    async with bridge:
        await bridge.wish("bob")
        delivery = taking_back((MessageId("s9"),), as_ghost("bob"), moderated=True)
        assert await outcome(bridge.connector.send(delivery)) == Sent()
        (iq,) = [iq for iq in bridge.stream.take("iq") if iq[0].tag == f"{{{MODERATE}}}moderate"]
        assert iq[0].get("id") == "s9"
        assert iq[0].findtext(f"{{{MODERATE}}}reason") == "rude"


async def test_what_somebody_else_said_stays_where_the_listener_may_not() -> None:
    async with Bridge() as bridge:
        await bridge.wish("bob")
        delivery = taking_back((MessageId("s9"),), as_ghost("bob"), moderated=True)
        assert isinstance(await outcome(bridge.connector.send(delivery)), Permanent)


async def test_taking_back_what_nobody_knows() -> None:
    async with Bridge() as bridge:
        assert isinstance(await outcome(bridge.connector.send(taking_back((), as_ghost("bob")))), Permanent)


async def test_a_reaction() -> None:
    async with Bridge() as bridge:
        await bridge.wish("bob")
        ids = await spoken(bridge)
        react = build.react("m1", "👍", to=WHERE, ids=ids)
        react = replace(react, head=replace(react.head, voice=as_ghost("bob")))
        assert await outcome(bridge.connector.send(react)) == Sent()
        (message,) = bridge.stream.take("message", to=ROOM)
        assert message.find("{urn:xmpp:reactions:0}reactions").get("id") == ids[0]


# -- topic and kicks


async def test_a_topic() -> None:
    async with Bridge() as bridge:
        bridge.hub.events.clear()
        assert await outcome(bridge.connector.send(build.set_topic("fire", to=WHERE))) == Sent()
        assert bridge.muc.subject == ("linkspan", "fire")
        assert bridge.hub.events == []


async def test_a_topic_that_a_ghost_may_not_set_is_the_listeners() -> None:
    async with Bridge() as bridge:
        await bridge.wish("bob")
        bridge.muc.refuses = lambda el: (
            Refused("forbidden", "auth") if el.find(f"{{{NS}}}subject") is not None else None
        )
        topic = build.set_topic("fire", to=WHERE)
        by_bob = replace(topic, head=replace(topic.head, voice=as_ghost("bob")))
        assert isinstance(await outcome(bridge.connector.send(by_bob)), VoiceLost)
        assert isinstance(await outcome(bridge.connector.send(topic)), Permanent)


def kicking(person=JULIET, *, ban=False, reason="behave"):
    return Kick(head=build.head(WHERE, voice=AsBridge()), person=person, name="juliet", reason=reason, ban=ban)


async def moderating(affiliation="admin"):
    bridge = Bridge()
    bridge.muc.affiliations[Bridge.domain] = affiliation
    bridge.muc.enter("Juliet C.", "juliet@localhost/desk")
    return bridge


async def test_a_kick() -> None:
    async with await moderating() as bridge:
        assert await outcome(bridge.connector.send(kicking())) == Sent()
        assert "Juliet C." not in bridge.nicks()
        (iq,) = [iq for iq in bridge.stream.take("iq") if "muc#admin" in iq[0].tag]
        assert dict(iq[0][0].attrib) == {"role": "none", "nick": "Juliet C."}


async def test_a_ban() -> None:
    async with await moderating() as bridge:
        assert await outcome(bridge.connector.send(kicking(ban=True))) == Sent()
        assert bridge.muc.affiliations["juliet@localhost"] == "outcast"


async def test_a_kick_without_the_right() -> None:
    async with await moderating("none") as bridge:
        lost = await outcome(bridge.connector.send(kicking()))
        assert isinstance(lost, Permanent)
        assert "no right" in lost.reason


async def test_a_kick_of_somebody_more_powerful() -> None:
    """Section 8.2: not-allowed."""
    async with await moderating() as bridge:

        def mighty(*_):
            raise Refused("not-allowed")

        bridge.muc._administer = mighty
        assert isinstance(await outcome(bridge.connector.send(kicking())), Permanent)


async def test_a_kick_of_who_is_not_there() -> None:
    async with await moderating() as bridge:
        bridge.muc.leave("Juliet C.")
        await quiet()
        assert await outcome(bridge.connector.send(kicking())) == Sent()


async def test_a_kick_from_a_room_that_is_not_open() -> None:
    bridge = await moderating("outcast")
    async with bridge:
        assert isinstance(await outcome(bridge.connector.send(kicking())), Retry)


async def test_a_kick_without_a_stream() -> None:
    async with await moderating() as bridge:
        bridge.stream.down()
        assert isinstance(await outcome(bridge.connector.send(kicking())), Retry)
