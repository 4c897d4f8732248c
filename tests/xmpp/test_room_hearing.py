"""What the reader hears: members, live words, history, archive, topics; each once, and none of it our own."""

import pytest

from bridge.core.events import (
    Cause,
    HistoryMissed,
    MemberJoined,
    MemberLeft,
    MemberRenamed,
    MembersListed,
    MessageEdited,
    MessagePosted,
    MessageRetracted,
    Presence,
    PuppetJoined,
    Show,
    TopicChanged,
    TypingChanged,
)
from bridge.core.ids import RoomId
from bridge.xmpp.joined.hearing import MOST_HELD
from bridge.xmpp.wire import marks
from tests.support import build
from tests.support.clock import START
from tests.support.muc import MAM, NS, OCCUPANT_ID, SID
from tests.support.xmpp_connector import INSTANCE, ROOM, Bridge, as_ghost, cursor, outcome, quiet, remote

WHERE = f"xmpp:{ROOM}"
SHOW_AWAY = "<show>away</show><status>tea</status>"


def texts(bridge):
    """Return what was posted, as (nick, text, replayed)."""
    return [(e.sender.name, e.content.text, e.origin.replayed) for e in bridge.hub.took(MessagePosted)]


async def inside(**fields):
    bridge = Bridge(**fields)
    bridge.muc.enter("juliet")
    return bridge


# -- members


async def test_people_come_change_and_go() -> None:
    async with Bridge() as bridge:
        bridge.muc.enter("juliet", extra="<show>dnd</show>")
        bridge.muc.presence("juliet", SHOW_AWAY)
        bridge.muc.presence("juliet", SHOW_AWAY)  # nothing new
        bridge.muc.leave("juliet", status="good night")
        await quiet()
        first, second = bridge.hub.took(MemberJoined)
        assert first.member.presence == Presence(Show.DND)
        assert second.member.presence == Presence(Show.AWAY, "tea")
        assert (second.member.account, second.member.address) == ("juliet@localhost", "juliet@localhost/desk")
        (left,) = bridge.hub.took(MemberLeft)
        assert (left.member.name, left.cause, left.reason) == ("juliet", Cause.LEFT, "good night")


@pytest.mark.parametrize(
    ("codes", "cause"),
    [
        (("307",), Cause.KICKED),
        (("301",), Cause.BANNED),
        (("321",), Cause.LOST),
        (("322",), Cause.LOST),
        (("332",), Cause.LOST),
        (("333",), Cause.LOST),
        (("307", "333"), Cause.LOST),  # section 11.1: no moderator did that
    ],
)
async def test_why_somebody_is_gone(codes, cause) -> None:
    async with await inside() as bridge:
        bridge.muc.kick("juliet", *codes, reason="enough", actor="nurse")
        await quiet()
        (left,) = bridge.hub.took(MemberLeft)
        assert (left.cause, left.reason, left.actor) == (cause, "enough", "nurse")


async def test_a_change_of_nick_is_one_fact() -> None:
    async with await inside() as bridge:
        bridge.muc.rename("juliet", "Jules")
        await quiet()
        (renamed,) = bridge.hub.took(MemberRenamed)
        assert (renamed.old.name, renamed.member.name) == ("juliet", "Jules")
        assert renamed.old.person == renamed.member.person
        assert bridge.hub.took(MemberLeft) == bridge.hub.took(MemberJoined) == []


async def test_nobody_vouches_for_a_nick() -> None:
    """Without addresses a person is an occupant-id, and without that a place: the nick."""
    bridge = await inside()
    bridge.muc.anonymous = True
    async with bridge:
        (listed,) = bridge.hub.took(MembersListed)
        (juliet,) = listed.members
        assert (juliet.person.id, juliet.account, juliet.address) == ("oid-juliet", "", "")
    bridge = await inside()
    bridge.muc.anonymous = True
    bridge.muc.features.clear()
    async with bridge:
        (listed,) = bridge.hub.took(MembersListed)
        assert listed.members[0].person.id == f"{ROOM}/juliet"
        bridge.muc.rename("juliet", "Jules")
        await quiet()
        (renamed,) = bridge.hub.took(MemberRenamed)
        assert renamed.old.person.id != renamed.member.person.id


async def test_an_occupant_id_that_looks_like_an_address_is_none() -> None:
    bridge = Bridge()
    bridge.muc.anonymous = True
    bridge.muc._occupant_id = lambda _: f"<occupant-id xmlns='{OCCUPANT_ID}' id='admin@localhost'/>"
    bridge.muc.enter("juliet")
    async with bridge:
        (listed,) = bridge.hub.took(MembersListed)
        assert "@" not in listed.members[0].person.id
        assert listed.members[0].account == ""


async def test_an_occupant_id_of_a_room_without_them_is_a_forgery() -> None:
    bridge = Bridge()
    bridge.muc.anonymous = True
    bridge.muc.features.discard(OCCUPANT_ID)
    bridge.muc.enter("juliet", extra=f"<occupant-id xmlns='{OCCUPANT_ID}' id='oid-admin'/>")
    async with bridge:
        (listed,) = bridge.hub.took(MembersListed)
        assert listed.members[0].person.id == f"{ROOM}/juliet"


async def test_one_person_under_two_nicks_is_one_member() -> None:
    async with Bridge() as bridge:
        bridge.muc.enter("juliet", "juliet@localhost/desk")
        bridge.muc.enter("jules", "juliet@localhost/phone")
        await quiet()
        assert [e.member.name for e in bridge.hub.took(MemberJoined)] == ["juliet"]
        bridge.muc.leave("juliet")
        await quiet()
        (renamed,) = bridge.hub.took(MemberRenamed)
        assert renamed.member.name == "jules"
        bridge.muc.leave("jules")
        await quiet()
        (left,) = bridge.hub.took(MemberLeft)
        assert left.member.name == "jules"
        assert bridge.hub.took(MemberJoined) == []


async def test_a_moderator_who_sees_addresses_later_learns_who_is_who() -> None:
    bridge = await inside()
    bridge.muc.anonymous = True
    async with bridge:
        bridge.muc.anonymous = False
        bridge.muc.presence("juliet", SHOW_AWAY)
        await quiet()
        (renamed,) = bridge.hub.took(MemberRenamed)
        assert (renamed.old.person.id, renamed.member.person.id) == ("oid-juliet", "juliet@localhost")
        bridge.muc.anonymous = True
        bridge.muc.presence("juliet", "")
        await quiet()
        (back,) = bridge.hub.took(MemberJoined)
        assert back.member.person.id == "juliet@localhost"  # what is known stays known


@pytest.mark.parametrize("gone", ["left", "renamed", "kicked"])
async def test_last_words_may_come_behind_the_presence_that_followed_them(gone) -> None:
    """Messages of ejabberd take another way than presences when it has a multicast service."""
    async with await inside() as bridge:
        (listed,) = bridge.hub.took(MembersListed)
        match gone:
            case "left":
                bridge.muc.leave("juliet")
            case "renamed":
                bridge.muc.rename("juliet", "jules")
            case _:
                bridge.muc.kick("juliet")
        bridge.muc.say("juliet", "good night")
        await quiet()
        (event,) = bridge.hub.took(MessagePosted)
        assert event.sender.person == listed.members[0].person


async def test_later_a_nick_is_anybodys() -> None:
    async with await inside() as bridge:
        (listed,) = bridge.hub.took(MembersListed)
        bridge.muc.leave("juliet")
        await bridge.clock.advance(3)
        bridge.muc.say("juliet", "it is me, juliet")
        await quiet()
        (event,) = bridge.hub.took(MessagePosted)
        assert event.sender.person != listed.members[0].person


async def test_the_rooms_own_presence_is_nobodys() -> None:
    """A room's vCard is shown so by ejabberd."""
    async with Bridge() as bridge:
        bridge.stream.deliver(
            f"<presence from='{ROOM}' to='{Bridge.listener}'><x xmlns='vcard-temp:x:update'/></presence>"
        )
        assert bridge.hub.took(MemberJoined) == []


# -- live words


async def test_words_come_once_whatever_the_number_of_ghosts() -> None:
    async with await inside() as bridge:
        await bridge.wish("bob", "carol", "dave")
        bridge.muc.say("juliet", "hi", id_="a1")
        await quiet()
        (event,) = bridge.hub.took(MessagePosted)
        assert (event.sender.person.id, event.content.text, event.id) == ("juliet@localhost", "hi", "sid-1")
        assert event.aliases == ("a1",)
        assert not event.origin.replayed


async def test_the_same_words_and_ids_again_are_new_facts_with_stanza_ids() -> None:
    async with await inside() as bridge:
        bridge.muc.enter("romeo")
        bridge.muc.say("juliet", "+1", id_="1")
        bridge.muc.say("juliet", "+1", id_="1")
        bridge.muc.say("romeo", "+1", id_="1")
        await quiet()
        assert len({event.origin.key for event in bridge.hub.took(MessagePosted)}) == 3


async def test_a_stamp_on_a_live_message_is_anybodys() -> None:
    async with await inside() as bridge:
        await bridge.clock.advance(10)
        stamp = f"<delay xmlns='urn:xmpp:delay' from='{ROOM}' stamp='2002-10-13T23:58:37Z'/>"
        bridge.muc.say("juliet", "hi", extra=stamp)
        await quiet()
        (event,) = bridge.hub.took(MessagePosted)
        assert (event.origin.replayed, event.origin.at) == (False, START + 10_000)


async def test_the_way_of_a_message_is_told() -> None:
    async with await inside() as bridge:
        bridge.muc.say("juliet", "hi", extra=marks.via(("they", INSTANCE)))
        await quiet()
        (event,) = bridge.hub.took(MessagePosted)
        assert event.origin.via == ("they", INSTANCE)  # she says so; it is the hub's to drop


async def test_errors_are_no_events() -> None:
    async with await inside() as bridge:
        bridge.hub.events.clear()
        bridge.stream.deliver(
            f"<message type='error' from='{ROOM}' to='{Bridge.listener}' id='x'><body>hi</body><subject>no</subject>"
            "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
        )
        assert bridge.hub.events == []


async def test_the_remarks_of_a_room_are_for_its_own_people() -> None:
    async with await inside() as bridge:
        bridge.hub.events.clear()
        bridge.muc.remark("<body>This room is logged</body>")
        await quiet()
        assert bridge.hub.events == []


async def test_who_speaks_without_being_seen() -> None:
    """Rooms may hide presences (muc#roomconfig_presencebroadcast)."""
    async with Bridge() as bridge:
        bridge.stream.deliver(
            f"<message type='groupchat' from='{ROOM}/shy' to='{Bridge.listener}'><body>hi</body>"
            f"<occupant-id xmlns='{OCCUPANT_ID}' id='oid-shy'/></message>"
        )
        (event,) = bridge.hub.took(MessagePosted)
        assert (event.sender.name, event.sender.person.id) == ("shy", "oid-shy")


async def test_typing_is_told() -> None:
    async with await inside() as bridge:
        bridge.muc.send("juliet", "<composing xmlns='http://jabber.org/protocol/chatstates'/>")
        await quiet()
        (typing,) = bridge.hub.took(TypingChanged)
        assert (typing.sender.name, typing.active) == ("juliet", True)


async def test_a_correction_is_told() -> None:
    async with await inside() as bridge:
        bridge.muc.say("juliet", "tpyo", id_="a1")
        bridge.muc.say("juliet", "typo", extra="<replace xmlns='urn:xmpp:message-correct:0' id='a1'/>")
        await quiet()
        (posted,), (edited,) = bridge.hub.took(MessagePosted), bridge.hub.took(MessageEdited)
        assert edited.target in posted.aliases


async def test_a_moderation_names_the_moderator() -> None:
    async with await inside() as bridge:
        bridge.muc.remark(
            "<retract xmlns='urn:xmpp:message-retract:1' id='sid-1'>"
            f"<moderated xmlns='urn:xmpp:message-moderate:1' by='{ROOM}/juliet'/></retract>"
        )
        await quiet()
        (event,) = bridge.hub.took(MessageRetracted)
        assert (event.sender.name, event.moderated, event.target) == ("juliet", True, "sid-1")


async def test_a_new_configuration_is_asked_for() -> None:
    """A room that learns stanza-ids while we are in it."""
    bridge = await inside()
    bridge.muc.features.discard(SID)
    async with bridge:
        bridge.muc.features.add(SID)
        bridge.muc.remark("<x xmlns='http://jabber.org/protocol/muc#user'><status code='104'/></x>")
        await quiet()
        bridge.muc.say("juliet", "hi", id_="a1")
        await quiet()
        assert bridge.hub.took(MessagePosted)[0].id == "sid-1"


# -- topics


async def test_the_topic_on_entering_is_news_once() -> None:
    bridge = await inside()
    bridge.muc.subject = ("juliet", "fire")
    async with bridge:
        (event,) = bridge.hub.took(TopicChanged)
        assert (event.topic, event.sender.name, event.origin.replayed) == ("fire", "juliet", True)
        bridge.stream.down()
        bridge.muc.restart()
        bridge.stream.up()
        await bridge.clock.advance(5)
        assert bridge.hub.took(TopicChanged) == []


async def test_no_topic_is_no_news() -> None:
    async with await inside() as bridge:
        assert bridge.hub.took(TopicChanged) == []


async def test_a_topic_that_changed_while_we_were_away_is_news() -> None:
    bridge = await inside()
    bridge.muc.subject = ("juliet", "fire")
    async with bridge:
        bridge.hub.events.clear()
        bridge.stream.down()
        bridge.muc.restart()
        bridge.muc.subject = ("juliet", "water")
        bridge.stream.up()
        await bridge.clock.advance(5)
        (event,) = bridge.hub.took(TopicChanged)
        assert event.topic == "water"


async def test_topics_that_come_and_go_are_each_a_fact() -> None:
    async with await inside() as bridge:
        for topic in ("a", "b", "a", ""):
            bridge.muc.set_subject("juliet", topic)
            await bridge.clock.advance(1)
        events = bridge.hub.took(TopicChanged)
        assert [event.topic for event in events] == ["a", "b", "a", ""]
        assert len({event.origin.key for event in events}) == 4


async def test_our_own_topic_is_no_news_neither_now_nor_after_a_restart() -> None:
    bridge = await inside()
    async with bridge:
        await outcome(bridge.connector.send(build.set_topic("ours", to=WHERE)))
        bridge.stream.down()
        bridge.muc.restart()
        bridge.stream.up()
        await bridge.clock.advance(5)
        assert bridge.hub.took(TopicChanged) == []


async def test_a_subject_with_a_body_is_a_message() -> None:
    """Section 8.1."""
    async with await inside() as bridge:
        bridge.muc.send("juliet", "<subject>re: x</subject><body>hi</body>")
        await quiet()
        assert bridge.hub.took(TopicChanged) == []
        assert texts(bridge) == [("juliet", "hi", False)]


# -- history


async def away(bridge, *, said=("missed",)):
    """Lose the stream, let things be said, come back."""
    bridge.stream.down()
    bridge.hub.events.clear()
    await bridge.clock.advance(60)
    bridge.hub.cursors.setdefault(ROOM, cursor(START))
    for text in said:
        bridge.muc.say("juliet", text)
    await bridge.clock.advance(60)
    for nick in [nick for nick in bridge.muc.seats if nick != "juliet"]:
        del bridge.muc.seats[nick]
    bridge.stream.up()
    await bridge.clock.advance(3)


async def test_what_was_missed_is_read_from_the_history() -> None:
    async with await inside() as bridge:
        await away(bridge, said=("one", "two"))
        assert texts(bridge) == [("juliet", "one", True), ("juliet", "two", True)]
        bridge.muc.say("juliet", "three")
        await quiet()
        assert texts(bridge) == [("juliet", "three", False)]


async def test_what_was_missed_in_the_very_second_of_the_first_entry_is_told() -> None:
    """Stamps are whole seconds, so such a message seems older than the entry."""
    bridge = await inside()
    await bridge.clock.advance(0.7)
    async with bridge:
        bridge.stream.down()
        bridge.muc.say("juliet", "quick")
        del bridge.muc.seats["linkspan"]
        await bridge.clock.advance(5)
        bridge.stream.up()
        await bridge.clock.advance(3)
        assert texts(bridge) == [("juliet", "quick", True)]


async def test_the_history_goes_on_from_the_cursor() -> None:
    async with await inside(cursor=cursor(START - 30_000)) as bridge:
        (join,) = bridge.stream.take("presence", to=f"{ROOM}/linkspan")
        history = join.find("{http://jabber.org/protocol/muc}x/{http://jabber.org/protocol/muc}history")
        assert history.get("since") == "2023-11-14T22:12:45Z"  # five seconds before: clocks differ


async def test_a_replay_has_the_key_of_the_live_fact() -> None:
    for features in ((SID, OCCUPANT_ID), (OCCUPANT_ID,), ()):
        bridge = await inside()
        bridge.muc.features = set(features)
        async with bridge:
            bridge.muc.say("juliet", "hi", id_="a1")
            await quiet()
            (live,) = bridge.hub.took(MessagePosted)
            await away(bridge, said=())
            (replayed,) = bridge.hub.took(MessagePosted)
            assert (replayed.origin.key, replayed.id) == (live.origin.key, live.id)
            assert replayed.sender.person == live.sender.person


async def test_a_nick_that_has_changed_hands_is_not_believed() -> None:
    """The occupant-id tells that today's juliet is not the one who said it."""
    async with await inside() as bridge:
        bridge.muc.enter("romeo")
        await quiet()
        bridge.muc.say("juliet", "mine")
        bridge.muc.leave("juliet")
        bridge.muc.enter("juliet", "nurse@localhost/desk")
        await away(bridge, said=())
        (event,) = bridge.hub.took(MessagePosted)
        assert (event.sender.name, event.sender.person.id) == ("juliet", "oid-juliet")


async def test_words_of_somebody_who_is_gone_keep_their_name() -> None:
    async with await inside() as bridge:
        bridge.muc.enter("romeo")
        bridge.muc.say("romeo", "bye")
        bridge.muc.leave("romeo")
        await away(bridge, said=())
        (event,) = bridge.hub.took(MessagePosted)
        assert (event.sender.name, event.sender.person.id) == ("romeo", "oid-romeo")


async def test_our_own_words_in_the_history_settle_what_was_on_the_wire() -> None:
    """The stream was cut before the reflection came: the delivery comes again, and is not said twice."""
    async with await inside() as bridge:
        await bridge.wish("bob")
        bridge.muc.mute = True
        deliveries = [build.post(text, to=WHERE, voice=as_ghost("bob")) for text in ("one", "two")]
        lost = [bridge.connector.send(delivery) for delivery in deliveries]
        await quiet()
        del bridge.muc.history[1:]  # the second never arrived
        bridge.muc.mute = False
        await away(bridge, said=())
        assert [type(await outcome(each)).__name__ for each in lost] == ["Retry", "Retry"]
        bridge.stream.sent.clear()
        again = [bridge.connector.send(delivery) for delivery in deliveries]
        assert [type(await outcome(each)).__name__ for each in again] == ["Sent", "Sent"]
        assert [m.findtext(f"{{{NS}}}body") for m in bridge.stream.take("message", to=ROOM)] == ["two"]
        assert bridge.hub.took(MessagePosted) == []


async def test_words_wait_until_the_history_is_read() -> None:
    """Only then is it known which of them the room has."""
    async with await inside() as bridge:
        bridge.stream.down()
        bridge.muc.restart()
        delivery = build.post("x", to=WHERE, voice=as_ghost("bob"))
        bridge.connector.join(RoomId(ROOM), remote("bob"))
        done = bridge.connector.send(delivery)
        bridge.stream.up()
        await bridge.clock.advance(3)
        assert await outcome(done)
        names = [m.get("id") for m in bridge.stream.sent if m.tag == f"{{{NS}}}message"]
        assert names == [delivery.head.key]


async def test_a_room_that_tells_no_subject_is_read_all_the_same() -> None:
    bridge = await inside()
    tell = bridge.muc._soon
    bridge.muc._soon = lambda text: None if "<subject>" in text else tell(text)
    async with bridge:
        await bridge.wish("bob")
        done = bridge.connector.send(build.post("x", to=WHERE, voice=as_ghost("bob")))
        assert await outcome(done)


async def test_an_old_service_has_subjects_in_its_history_and_a_remark_at_the_end() -> None:
    """As mu-conference does it."""
    bridge = Bridge(cursor=cursor(START - 100_000))
    delay = f"<x xmlns='jabber:x:delay' stamp='20231114T22:13:00' from='{ROOM}'/>"

    def history(seat, _):
        for nick, payload in (
            ("juliet", "<body>one</body>"),
            ("juliet", "<subject>top</subject>"),
            ("romeo", "<body>two</body>"),
        ):
            bridge.stream.soon(
                f"<message type='groupchat' from='{ROOM}/{nick}' to='{seat.jid}' id='{nick}'>{payload}{delay}</message>"
            )
        bridge.stream.soon(
            f"<message type='groupchat' from='{ROOM}' to='{seat.jid}'><subject>top</subject><body>juliet has set it</body></message>"
        )

    bridge.muc.features.clear()
    bridge.muc._tell_history = history
    bridge.muc.subject = ("juliet", "top")
    async with bridge:
        assert texts(bridge) == [("juliet", "one", True), ("romeo", "two", True)]
        assert [event.topic for event in bridge.hub.took(TopicChanged)] == ["top"]


# -- archive


async def test_what_is_too_old_for_the_history_comes_from_the_archive_in_order_and_once_more_at_most() -> None:
    """Section 4.3 of the design: ask the archive, then join with the history since its end."""
    bridge = await inside()
    bridge.muc.features.add(MAM)
    async with bridge:
        await away(bridge, said=tuple(str(number) for number in range(250)))
        events = bridge.hub.took(MessagePosted)
        keys = list(dict.fromkeys(event.origin.key for event in events))
        assert keys == [f"sid-{number}" for number in range(1, 251)]
        assert all(event.origin.replayed for event in events)
        assert len(events) <= 270


async def test_our_own_words_in_the_archive_settle_too() -> None:
    bridge = await inside()
    bridge.muc.features.add(MAM)
    async with bridge:
        await bridge.wish("bob")
        bridge.muc.mute = True
        delivery = build.post("one", to=WHERE, voice=as_ghost("bob"))
        bridge.connector.send(delivery)
        await quiet()
        bridge.muc.history.clear()
        bridge.muc.mute = False
        await away(bridge, said=tuple(str(number) for number in range(30)))
        bridge.stream.sent.clear()
        assert await outcome(bridge.connector.send(delivery))
        assert bridge.stream.take("message", to=ROOM) == []


@pytest.mark.parametrize("known", [True, False])
async def test_our_own_words_are_found_in_the_archive_though_more_was_taken_since(known) -> None:
    """Killed before they were settled; what others have said since is stored, and lies behind them."""
    delivery = build.post("ours", to=WHERE, voice=as_ghost("bob"))
    killed = await inside()
    killed.muc.features.add(MAM)
    async with killed:
        await killed.wish("bob")
        killed.connector.send(delivery)
        await quiet()
        last = [killed.muc.say("juliet", str(number)) for number in range(3)][-1]
        await quiet()
    again = Bridge(cursor=cursor(START, key=last))
    again.muc.features.add(MAM)
    again.muc.archive = list(killed.muc.archive)
    again.hub.memory.update(killed.hub.memory)
    if known:
        again.hub.waiting[ROOM] = START
    again.muc.enter("juliet")
    async with again:
        await again.wish("bob")
        again.stream.sent.clear()
        again.connector.send(delivery)
        await quiet()
        assert (again.stream.take("message", to=ROOM) == []) is known
        assert texts(again) == []


async def test_what_the_hub_refused_is_fetched_again_once_it_can_take_more() -> None:
    bridge = await inside(cursor=cursor(START))
    bridge.muc.features.add(MAM)
    async with bridge:
        bridge.hub.congested = lambda: "too many messages wait for the store"
        for number in range(200):
            bridge.muc.say("juliet", str(number))
        await bridge.clock.advance(5)
        bridge.hub.events.clear()  # nothing of it was taken
        bridge.hub.congested = lambda: ""
        await bridge.clock.advance(3)
        assert [text for _, text, replayed in texts(bridge) if replayed] == [str(number) for number in range(200)]
        await bridge.clock.advance(60)
        assert texts(bridge) == []


async def test_own_words_said_meanwhile_do_not_move_the_place_where_reading_goes_on() -> None:
    """Reflections are taken while others' words are not: they stand behind those in the archive."""
    bridge = await inside(cursor=cursor(START))
    bridge.muc.features.add(MAM)
    async with bridge:
        await bridge.wish("bob")
        await bridge.clock.advance(10)
        bridge.hub.events.clear()
        bridge.hub.congested = lambda: "the disk is full"
        for number in range(3):
            bridge.muc.say("juliet", str(number))
            await quiet()
        assert await outcome(bridge.connector.send(build.post("ours", to=WHERE, voice=as_ghost("bob"))))
        await bridge.clock.advance(5)
        assert texts(bridge) == []
        bridge.hub.congested = lambda: ""
        await bridge.clock.advance(3)
        heard = [text for _, text, _ in texts(bridge)]
        assert list(dict.fromkeys(heard)) == ["0", "1", "2"]
        assert heard[:3] == ["0", "1", "2"]


async def test_more_than_is_kept_while_nothing_is_taken_comes_from_the_archive_in_order() -> None:
    bridge = await inside(cursor=cursor(START))
    bridge.muc.features.add(MAM)
    async with bridge:
        bridge.hub.congested = lambda: "the disk is full"
        for number in range(MOST_HELD + 100):
            bridge.muc.say("juliet", str(number))
        await quiet()
        bridge.hub.congested = lambda: ""
        await bridge.clock.advance(3)
        heard = list(dict.fromkeys(text for _, text, _ in texts(bridge)))
        assert heard == [str(number) for number in range(MOST_HELD + 100)]


async def test_the_archive_is_asked_by_id_whatever_the_clocks_say() -> None:
    """What was heard late, or by a clock that was ahead, would be asked for from a time behind it."""
    bridge = await inside()
    bridge.muc.features.add(MAM)
    bridge.muc.history = Forgetful()
    async with bridge:
        bridge.muc.say("juliet", "heard")
        await quiet()
        bridge.hub.cursors[ROOM] = cursor(START + 3_600_000, "sid-1")
        await away(bridge, said=("one", "two"))
        assert list(dict.fromkeys(text for _, text, _ in texts(bridge) if text != "heard")) == ["one", "two"]


async def test_what_is_said_between_the_archive_s_answer_and_the_join_is_read_behind_it() -> None:
    """More than the history holds."""
    bridge = await inside(cursor=cursor(START))
    bridge.muc.features.add(MAM)
    bridge.muc.history = Forgetful()
    asked = bridge.muc._search
    late = iter([("between",)])

    def search(*query: object) -> str:
        answer = asked(*query)
        for words in next(late, ()):
            bridge.muc.say("juliet", words)
        return answer

    bridge.muc._search = search
    async with bridge:
        await bridge.clock.advance(3)
        assert [text for _, text, _ in texts(bridge)] == ["between"]


class Forgetful(list[object]):
    """The history of a room that keeps none."""

    def append(self, _: object) -> None:
        return


async def test_an_archive_that_refuses_is_done_without() -> None:
    bridge = await inside()
    async with bridge:
        bridge.muc.features.add(MAM)
        bridge.muc._search = lambda *_: bridge.muc._must("nobody", "owner")
        await away(bridge)
        assert texts(bridge) == [("juliet", "missed", True)]


async def test_nobody_else_can_put_words_into_the_archive() -> None:
    async with await inside() as bridge:
        bridge.hub.events.clear()
        for source in (ROOM, f"{ROOM}/juliet", "juliet@localhost/desk"):
            bridge.stream.deliver(
                f"<message from='{source}' to='{Bridge.listener}'><result xmlns='{MAM}' id='x'>"
                "<forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2023-11-14T22:13:00Z'/>"
                f"<message xmlns='jabber:client' type='groupchat' from='{ROOM}/admin'><body>x</body></message>"
                "</forwarded></result></message>"
            )
        assert bridge.hub.events == []


async def test_ghosts_come_back_while_the_history_is_read() -> None:
    async with await inside() as bridge:
        await bridge.wish("bob")
        await away(bridge)
        assert bridge.nicks() == {"linkspan", "juliet", "bob"}
        assert bridge.hub.took(PuppetJoined)[0].name == "bob"


# -- gaps


async def gone(bridge, *, until=None):
    """Lose the stream for two minutes; ``until``: what happens meanwhile."""
    bridge.stream.down()
    bridge.hub.events.clear()
    await bridge.clock.advance(60)
    if until is not None:
        until(bridge.muc)
    await bridge.clock.advance(60)
    for nick in [nick for nick in bridge.muc.seats if nick != "juliet"]:
        del bridge.muc.seats[nick]
    bridge.stream.up()
    await bridge.clock.advance(3)
    return [(event.since - START, event.origin.at - event.since) for event in bridge.hub.took(HistoryMissed)]


def forgets(muc):
    muc.say("juliet", "lost")
    muc.history.clear()
    muc.say("juliet", "kept")


async def test_a_room_that_has_forgotten_what_was_said_leaves_a_gap_that_is_told_once() -> None:
    async with await inside() as bridge:
        bridge.muc.say("juliet", "known")
        await quiet()
        bridge.hub.cursors[ROOM] = cursor(START)
        (gap,) = await gone(bridge, until=forgets)
        assert gap[0] == 0
        assert 120_000 <= gap[1] <= 123_000
        bridge.hub.events.clear()
        await bridge.clock.advance(60)
        assert bridge.hub.took(HistoryMissed) == []


async def test_a_history_that_goes_back_to_what_is_known_leaves_no_gap() -> None:
    async with await inside() as bridge:
        bridge.muc.say("juliet", "known")
        await quiet()
        bridge.hub.cursors[ROOM] = cursor(START)
        assert await gone(bridge, until=lambda muc: muc.say("juliet", "missed")) == []
        assert texts(bridge) == [("juliet", "known", True), ("juliet", "missed", True)]


async def test_a_history_with_our_own_words_leaves_no_gap() -> None:
    async with await inside() as bridge:
        await bridge.wish("bob")
        await outcome(bridge.connector.send(build.post("ours", to=WHERE, voice=as_ghost("bob"))))
        assert await gone(bridge, until=lambda muc: muc.say("juliet", "missed")) == []


async def test_a_room_with_an_archive_has_no_gaps() -> None:
    bridge = await inside()
    bridge.muc.features.add(MAM)
    async with bridge:
        bridge.hub.cursors[ROOM] = cursor(START)
        assert await gone(bridge, until=lambda muc: muc.history.clear()) == []


async def test_a_gap_over_a_restart_begins_where_the_room_was_last_read() -> None:
    async with await inside() as bridge:
        await bridge.clock.advance(25)  # it is noted every ten seconds
        kept = dict(bridge.hub.memory)
    later = Bridge(cursor=cursor(START))
    later.hub.memory.update(kept)
    later.muc.enter("juliet")
    await later.clock.advance(300)
    async with later:
        (missed,) = later.hub.took(HistoryMissed)
        assert 20_000 <= missed.since - START <= 25_000
        assert missed.origin.at - START >= 300_000


async def test_the_first_visit_misses_nothing() -> None:
    async with await inside() as bridge:
        assert bridge.hub.took(HistoryMissed) == []
