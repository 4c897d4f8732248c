"""Who reads: the listener, a ghost in its place, nobody; and how a room is found that has forgotten us."""

import asyncio
from xml.etree.ElementTree import Element

import pytest

from bridge.connector import Status
from bridge.core.deliveries import AsBridge, Sent
from bridge.core.events import Cause, MemberJoined, MembersListed, MessagePosted, PuppetLeft, RoomClosed, RoomOpened
from bridge.core.failures import Barred, Retry
from bridge.core.ids import RoomId
from bridge.xmpp.joined import alarms, listener, selfping
from tests.support import build
from tests.support.clock import START
from tests.support.muc import MAM, NS, Muc, Refused
from tests.support.xmpp_connector import ROOM, Bridge, as_ghost, cursor, outcome, quiet, remote

WHERE = f"xmpp:{ROOM}"
BOB = "bob%irc@bridge.localhost/linkspan"
PING = "{urn:xmpp:ping}ping"


async def inside(*ghosts):
    bridge = Bridge()
    bridge.muc.enter("juliet")
    await bridge.__aenter__()
    await bridge.wish(*ghosts)
    return bridge


def told(bridge):
    """Return what the admins were told."""
    return [m.findtext(f"{{{NS}}}body") for m in bridge.stream.take("message", to="admin@localhost")]


def heard(bridge):
    return [event.content.text for event in bridge.hub.took(MessagePosted)]


# -- another takes over


async def test_a_kicked_listener_is_succeeded_by_a_ghost_and_the_admins_are_told() -> None:
    bridge = await inside("bob", "carol")
    bridge.muc.kick("linkspan", reason="who are you", actor="juliet")
    bridge.muc.say("juliet", "still there?")
    bridge.muc.enter("romeo")
    await quiet()
    assert heard(bridge) == ["still there?"]
    assert [event.member.name for event in bridge.hub.took(MemberJoined)] == ["romeo"]
    assert bridge.hub.took(RoomClosed) == []
    assert bridge.hub.statuses[-1][0] is Status.DEGRADED
    (words,) = told(bridge)
    assert ROOM in words
    assert "who are you" in words
    await bridge.stop()


async def test_ghosts_go_on_speaking_through_the_successor() -> None:
    bridge = await inside("bob", "carol")
    bridge.muc.kick("linkspan")
    await quiet()
    for name in ("bob", "carol"):
        done = bridge.connector.send(build.post("hi", to=WHERE, voice=as_ghost(name)))
        assert isinstance(await outcome(done), Sent)
    assert heard(bridge) == []
    await bridge.stop()


async def test_the_bridge_itself_is_silent_meanwhile() -> None:
    bridge = await inside("bob")
    bridge.muc.kick("linkspan")
    await quiet()
    done = bridge.connector.send(build.post("hi", to=WHERE, voice=AsBridge()))
    assert isinstance(await outcome(done), Retry)
    await bridge.stop()


async def test_it_comes_back_once_after_a_while_and_reads_again_itself() -> None:
    bridge = await inside("bob")
    bridge.hub.events.clear()
    bridge.muc.kick("linkspan")
    await bridge.clock.advance(10)
    assert "linkspan" not in bridge.nicks()
    await bridge.clock.advance(listener.AFTER_KICK)
    assert "linkspan" in bridge.nicks()
    assert bridge.room.reader == Bridge.listener
    assert bridge.hub.statuses[-1][0] is Status.READY
    assert bridge.hub.took(RoomOpened) == bridge.hub.took(RoomClosed) == []  # it was never closed
    assert [m.name for m in bridge.hub.took(MembersListed)[-1].members] == ["juliet"]
    bridge.muc.say("juliet", "welcome back")
    await quiet()
    assert heard(bridge) == ["welcome back"]
    await bridge.stop()


async def test_nothing_is_lost_or_heard_twice_when_it_changes_hands() -> None:
    bridge = await inside("bob", "carol")
    said = []
    for number in range(40):
        text = str(number)
        said.append(text)
        bridge.muc.say("juliet", text)
        if number == 10:
            bridge.muc.kick("linkspan")
        if number == 20:
            bridge.muc.kick("bob")
        await bridge.clock.advance(2)
    await quiet()
    assert heard(bridge) == said
    assert bridge.room.reader == Bridge.listener
    await bridge.stop()


async def test_ids_that_differ_from_one_occupants_copy_to_the_next_make_no_second_fact() -> None:
    """Scenario 11: a room like biboumi's, without ids of its own; the reader is another one for some of it."""
    bridge = await inside("bob", "carol")
    bridge.room.know(frozenset())
    said = []
    for number in range(6):
        for index, seat in enumerate(list(bridge.muc.seats.values())):
            if seat.jid.endswith("@bridge.localhost/linkspan") or seat.jid == Bridge.listener:
                bridge.stream.soon(
                    f"<message type='groupchat' from='{ROOM}/juliet' to='{seat.jid}' id='{number}-{index}'>"
                    f"<body>{number}</body></message>"
                )
        said.append(str(number))
        await quiet()
        if number == 2:
            bridge.muc.kick("linkspan")
            await quiet()
    assert heard(bridge) == said
    await bridge.stop()


async def test_a_second_kick_is_final() -> None:
    bridge = await inside("bob")
    bridge.muc.kick("linkspan")
    await bridge.clock.advance(60)
    bridge.muc.kick("linkspan")
    await bridge.clock.advance(7_200)
    assert len([nick for _, nick in bridge.muc.joins if nick == "linkspan"]) == 2
    bridge.muc.say("juliet", "and now?")
    await quiet()
    assert heard(bridge) == ["and now?"]  # the ghost reads on
    await bridge.stop()


async def test_a_kick_with_nobody_to_succeed_closes_the_room_until_it_is_back() -> None:
    bridge = await inside()
    bridge.muc.kick("linkspan", reason="go")
    await quiet()
    (closed,) = bridge.hub.took(RoomClosed)
    assert (closed.cause, closed.final) == (Cause.KICKED, False)
    bridge.hub.events.clear()
    await bridge.clock.advance(60)
    assert len(bridge.hub.took(RoomOpened)) == 1
    await bridge.stop()


async def test_a_ban_of_the_listener_alone() -> None:
    """Where the service bans one address and not the domain, a ghost reads on; the listener stays out."""
    bridge = await inside("bob")
    bridge.muc.affiliations[Bridge.domain] = "outcast"
    bridge.muc.kick("linkspan", "301", reason="spam")
    await bridge.clock.advance(3_600)
    bridge.muc.say("juliet", "still there?")
    await quiet()
    assert heard(bridge) == ["still there?"]
    assert len([nick for _, nick in bridge.muc.joins if nick == "linkspan"]) == 1
    assert any("spam" in words for words in told(bridge))
    await bridge.stop()


async def test_a_ban_of_the_whole_domain_closes_the_room_for_good() -> None:
    """What Prosody and ejabberd make of an outcast without localpart: everybody of that domain goes."""
    bridge = await inside("bob", "carol")
    for jid in (Bridge.domain, "bob%irc@bridge.localhost", "carol%irc@bridge.localhost"):
        bridge.muc.affiliations[jid] = "outcast"
    for nick in ("linkspan", "bob", "carol"):
        bridge.muc.kick(nick, "301", reason="spam")
    await bridge.clock.advance(3_600)
    (closed,) = bridge.hub.took(RoomClosed)
    assert (closed.cause, closed.final) == (Cause.BANNED, True)
    assert len(bridge.muc.joins) == 3
    lost = bridge.connector.send(build.post("x", to=WHERE, voice=AsBridge()))
    assert isinstance(await outcome(lost), Barred)
    await bridge.stop()


async def test_the_successor_leaves_and_the_next_reads() -> None:
    bridge = await inside("bob", "carol")
    bridge.muc.kick("linkspan")
    await quiet()
    bridge.unwish("bob")
    await bridge.clock.advance(1)
    bridge.muc.say("juliet", "who reads?")
    await quiet()
    assert heard(bridge) == ["who reads?"]
    bridge.unwish("carol")
    await bridge.clock.advance(1)
    assert len(bridge.hub.took(RoomClosed)) == 1
    await bridge.clock.advance(60)
    assert "linkspan" in bridge.nicks()
    await bridge.stop()


async def test_a_stream_that_is_lost_meanwhile_is_a_new_beginning() -> None:
    bridge = await inside("bob")
    for _ in range(2):
        bridge.muc.kick("linkspan")
        await bridge.clock.advance(60)
    assert "linkspan" not in bridge.nicks()
    bridge.stream.down()
    bridge.muc.restart()
    bridge.stream.up()
    await bridge.clock.advance(5)
    assert bridge.nicks() == {"linkspan", "bob"}
    await bridge.stop()


async def test_admins_are_not_flooded() -> None:
    bridge = await inside("bob")
    for number in range(100):
        bridge.connector._around.alarm(bridge.room.room, f"trouble {number}")
        bridge.connector._around.alarm(bridge.room.room, "the same again")
    assert len(told(bridge)) == alarms.MOST
    await bridge.clock.advance(alarms.PAUSE + 1)
    bridge.connector._around.alarm(bridge.room.room, "the same again")
    assert len(told(bridge)) == 1
    await bridge.stop()


# -- the room ends


async def test_a_destroyed_room_is_told_with_its_reason_and_venue_and_is_not_made_anew() -> None:
    bridge = await inside("bob")
    bridge.muc.destroy("Macbeth doth come.", "coven@chat.shakespeare.lit")
    await bridge.clock.advance(86_400)
    (closed,) = bridge.hub.took(RoomClosed)
    assert closed.final
    assert "Macbeth doth come." in closed.reason
    assert "coven@chat.shakespeare.lit" in closed.reason
    assert len(bridge.muc.joins) == 2
    assert any("destroyed" in words for words in told(bridge))
    await bridge.stop()


@pytest.mark.parametrize("codes", [("332",), ("333",), ("307", "333")])
async def test_a_service_that_stops_is_awaited(codes) -> None:
    bridge = await inside("bob")
    for nick in ("bob", "linkspan"):
        bridge.muc.kick(nick, *codes)
    await quiet()
    (closed,) = bridge.hub.took(RoomClosed)
    assert (closed.cause, closed.final) == (Cause.LOST, False)
    await bridge.clock.advance(10)
    assert bridge.nicks() == {"juliet", "linkspan", "bob"}
    assert told(bridge) == []
    await bridge.stop()


# -- self-ping


def pings(bridge):
    return [iq.get("to") for iq in bridge.stream.take("iq") if iq[0].tag == PING]


async def test_a_silent_room_is_asked_whether_we_are_in_it() -> None:
    bridge = await inside("bob")
    pings(bridge)
    await bridge.clock.advance(selfping.SILENCE + 20)
    assert pings(bridge) == [f"{ROOM}/linkspan"]
    await bridge.stop()


async def test_a_room_that_talks_is_not_asked() -> None:
    bridge = await inside()
    pings(bridge)
    for _ in range(20):
        bridge.muc.say("juliet", "la")
        await bridge.clock.advance(30)
    assert pings(bridge) == []
    await bridge.stop()


async def test_a_room_that_was_restarted_silently_is_joined_again() -> None:
    bridge = await inside("bob", "carol")
    bridge.hub.events.clear()
    bridge.muc.restart()
    await bridge.clock.advance(selfping.SILENCE + 30)
    assert bridge.nicks() == {"linkspan", "bob", "carol"}
    assert len(bridge.hub.took(RoomClosed)) == len(bridge.hub.took(RoomOpened)) == 1
    assert len(bridge.hub.took(PuppetLeft)) == 2
    await bridge.stop()


async def test_a_restart_is_found_by_the_next_message_already() -> None:
    bridge = await inside("bob")
    bridge.muc.restart()
    delivery = build.post("x", to=WHERE, voice=as_ghost("bob"))
    assert isinstance(await outcome(bridge.connector.send(delivery)), Retry)
    await bridge.clock.advance(30)
    by_us = build.post("x", to=WHERE, voice=AsBridge())
    bridge.connector.send(by_us)
    await bridge.clock.advance(10)
    assert bridge.nicks() == {"linkspan", "bob"}
    await bridge.stop()


@pytest.mark.parametrize("condition", ["service-unavailable", "feature-not-implemented"])
async def test_errors_that_mean_yes(condition) -> None:
    """XEP-0410: joined, but the pinged client does not implement XMPP Ping."""
    await _answers(condition, rejoins=False)


@pytest.mark.parametrize("condition", ["remote-server-timeout", "remote-server-not-found"])
async def test_errors_that_mean_nothing(condition) -> None:
    await _answers(condition, rejoins=False)


@pytest.mark.parametrize("condition", ["not-acceptable", "not-allowed", "bad-request", "item-not-found"])
async def test_errors_that_mean_no(condition) -> None:
    await _answers(condition, rejoins=True)


async def _answers(condition, *, rejoins):
    bridge = await inside()
    before = len(bridge.muc.joins)

    def answer(element):
        if element[0].tag == PING:
            raise Refused(condition)
        return asked(element)

    asked, bridge.muc.asked = bridge.muc.asked, answer
    await bridge.clock.advance(selfping.SILENCE + 16)
    bridge.muc.asked = asked
    await bridge.clock.advance(5)
    assert (len(bridge.muc.joins) > before) is rejoins
    await bridge.stop()


# -- the stream


async def test_a_lost_stream_closes_and_opens_the_room() -> None:
    bridge = await inside("bob")
    bridge.hub.events.clear()
    done = bridge.connector.send(build.post("x", to=WHERE, voice=AsBridge()))
    bridge.stream.down("the server went away")
    assert isinstance(await outcome(done), Retry | Sent)
    (closed,) = bridge.hub.took(RoomClosed)
    assert (closed.cause, closed.reason, closed.final) == (Cause.LOST, "the server went away", False)
    assert bridge.hub.statuses[-1] == (Status.DOWN, "the server went away")
    bridge.muc.restart()
    bridge.stream.up()
    await bridge.clock.advance(5)
    assert len(bridge.hub.took(RoomOpened)) == 1
    assert bridge.hub.statuses[-1][0] is Status.READY
    assert told(bridge) == []
    await bridge.stop()


async def test_the_stream_goes_during_the_join() -> None:
    bridge = Bridge()
    bridge.muc.mute = True
    async with bridge:
        bridge.stream.down()
        await quiet()
        bridge.muc.mute = False
        bridge.muc.restart()
        bridge.stream.up()
        await bridge.clock.advance(5)
        assert len(bridge.hub.took(RoomOpened)) == 1


async def test_failed_attempts_to_connect_are_told_and_nothing_else() -> None:
    async with Bridge() as bridge:
        bridge.stream.down("one")
        bridge.hub.events.clear()
        for reason in ("two", "three"):
            bridge.stream.down(reason)
        await bridge.clock.advance(5)
        assert bridge.hub.events == []
        assert [detail for status, detail in bridge.hub.statuses if status is Status.DOWN] == ["one", "two", "three"]


async def test_the_service_may_take_presences_of_former_ghosts_to_nobody() -> None:
    bridge = await inside("bob")
    bridge.unwish("bob")
    await bridge.clock.advance(5)
    built = bridge.stream.built
    bridge.stream.deliver(f"<presence from='{ROOM}/juliet' to='{BOB}'/>")
    assert bridge.stream.built == built
    await bridge.stop()


async def test_other_rooms_are_other_rooms() -> None:
    """The same ghost in two rooms, read by it in one of them."""
    bridge = await inside("bob")
    other = "mantua@conference.localhost"
    mantua = Muc(bridge.stream, other)
    mantua.enter("juliet")
    bridge.connector.listen(RoomId(other))
    bridge.connector.join(RoomId(other), remote("bob"))
    await quiet()
    bridge.hub.events.clear()
    bridge.muc.kick("linkspan")
    await quiet()
    bridge.muc.say("juliet", "here")
    mantua.say("juliet", "there")
    await quiet()
    assert [(e.origin.room.id, e.content.text) for e in bridge.hub.took(MessagePosted)] == [
        (ROOM, "here"),
        (other, "there"),
    ]
    await bridge.stop()


async def test_a_stream_that_is_lost_just_behind_the_join_is_not_taken_for_one_that_lasts() -> None:
    """The listener is in, and still reads what it missed: the end must not pass unseen."""
    bridge = Bridge(cursor=cursor(START))
    bridge.muc.features.add(MAM)
    asked = bridge.muc.asked

    def lost(element: Element) -> str:
        if bridge.muc.seats and element.find(f"{{{MAM}}}query") is not None:
            bridge.muc.asked = asked
            bridge.stream.down()
            bridge.muc.restart()
            asyncio.get_running_loop().call_later(0, bridge.stream.up)
        return asked(element)

    bridge.muc.asked = lost
    async with bridge:
        await bridge.clock.advance(10)
        assert bridge.muc.asked == asked  # it has happened
        assert "linkspan" in bridge.nicks()
        assert len(bridge.hub.took(RoomOpened)) == 2
