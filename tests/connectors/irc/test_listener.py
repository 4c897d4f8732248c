"""The listener on the wire of a scripted server: how it comes in, what it says, how it comes back."""

import pytest
from msgspec.structs import replace

from bridge.connector import Cursor, Secret, Status
from bridge.core.events import (
    Cause,
    HistoryMissed,
    MemberJoined,
    MemberLeft,
    MembersListed,
    MessagePosted,
    RoomClosed,
    RoomOpened,
    TopicChanged,
)
from bridge.core.ids import EventKey, RoomId
from connectors.irc.reading.listener import joins
from connectors.irc.reading.places import Place, Places, is_usable
from tests.support.irc_stage import CHANNEL, QUICK, Diary, enter, listener, settle, stage
from tests.support.ircd import NAME, Ircd

FAR = replace(QUICK, rejoin=(3600.0,))


async def test_comes_in_and_is_ready_when_every_room_is_decided():
    async with Ircd() as ircd, stage(ircd.port, rooms=(CHANNEL, "#mantua")) as play:
        mic = await ircd.accept()
        await mic.welcome(isupport="CHANTYPES=# TARGMAX=JOIN:")
        await mic.expect(f"JOIN {CHANNEL},#mantua")
        mic.send(f":{mic.mask} JOIN {CHANNEL}")
        await play.told(RoomOpened, origin__room__id=CHANNEL)
        assert play.hub.statuses[-1] == (Status.CONNECTING, "joining")
        mic.numeric(473, "#mantua", "Cannot join channel (+i)")
        closed = await play.told(RoomClosed, origin__room__id="#mantua", cause=Cause.REFUSED, final=False)
        assert "invite" in closed.reason
        assert await play.ready(Status.DEGRADED) == closed.reason


async def test_a_taken_nick_is_taken_back_when_it_is_free():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await ircd.accept()
        await mic.find("USER")
        mic.numeric(433, "linkspan", "Nickname is already in use")
        mic.user = "linkspan"
        await mic.expect("NICK linkspan_")
        mic.nick = "linkspan_"
        mic.introduce(isupport="CHANTYPES=# MONITOR=100")
        await mic.find("MONITOR + linkspan")
        mic.send(f":{NAME} 731 linkspan_ :linkspan!x@y")
        await mic.find("NICK linkspan")
        mic.send(":linkspan_!linkspan@h NICK linkspan")
        await mic.expect("MONITOR - linkspan")
        assert play.hub.statuses


async def test_what_is_said_to_it_alone_is_answered_once_and_politely():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        for _ in range(3):
            mic.send(":bob!b@h PRIVMSG linkspan :hello?")
        mic.send(":NickServ!s@s NOTICE linkspan :hello?", f":{NAME} NOTICE linkspan :hello?")
        assert (await mic.line()).startswith("NOTICE bob :I am a bridge")
        await mic.silence()
        assert play.of(MessagePosted) == []


async def test_ctcp_is_answered_within_a_budget():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        mic.send(
            ":bob!b@h PRIVMSG linkspan :\x01VERSION\x01",
            f":bob!b@h PRIVMSG {CHANNEL} :\x01PING 123 456\x01",
            ":bob!b@h PRIVMSG linkspan :\x01CLIENTINFO\x01",
            ":bob!b@h PRIVMSG linkspan :\x01DCC SEND file\x01",
            ":bob!b@h NOTICE linkspan :\x01VERSION mirc\x01",
            ":bob!b@h PRIVMSG linkspan :\x01PING " + "x" * 200 + "\x01",
        )
        await mic.expect(
            "NOTICE bob :\x01VERSION Linkspan 0\x01",
            "NOTICE bob :\x01PING 123 456\x01",
            "NOTICE bob :\x01CLIENTINFO ACTION CLIENTINFO PING TIME VERSION\x01",
        )
        for _ in range(50):
            mic.send(":bob!b@h PRIVMSG linkspan :\x01VERSION\x01")
        await mic.expect(*["NOTICE bob :\x01VERSION Linkspan 0\x01"] * 2)
        await mic.silence()
        assert play.of(MessagePosted) == []


async def test_put_out_it_says_so_and_comes_back():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd, names="bob")
        await play.told(MembersListed)
        mic.send(f":bob!b@h KICK {CHANNEL} linkspan :shoo")
        closed = await play.told(RoomClosed)
        assert (closed.cause, closed.final) == (Cause.KICKED, False)
        assert "bob" in await play.ready(Status.DEGRADED)
        mark = play.mark()
        await enter(mic, names="bob")
        await play.told(RoomOpened, after=mark)
        await play.ready()


async def test_banned_it_waits_long_but_comes_at_once_when_invited():
    async with Ircd() as ircd, stage(ircd.port, pace=FAR) as play:
        mic = await ircd.accept()
        await mic.welcome()
        await mic.expect(f"JOIN {CHANNEL}")
        mic.numeric(474, CHANNEL, "Cannot join channel (+b)")
        closed = await play.told(RoomClosed)
        assert (closed.cause, closed.final) == (Cause.BANNED, False)
        await mic.silence()
        mic.send(f":bob!b@h INVITE linkspan :{CHANNEL}")
        await enter(mic)
        await play.ready()


@pytest.mark.parametrize("name", ["#a,#b", "#a b", "#\r\nQUIT", "verona", "#", "#\x07", "#" + "x" * 300])
async def test_what_is_no_channel_is_never_sent(name):
    async with Ircd() as ircd, stage(ircd.port, rooms=(name,)) as play:
        mic = await ircd.accept()
        await mic.welcome()
        closed = await play.told(RoomClosed)
        assert (closed.cause, closed.final) == (Cause.REFUSED, True)
        await mic.silence()


async def test_rooms_come_and_go_while_it_runs():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        await play.ready()
        reports = len(play.hub.statuses)
        play.connector.listen(RoomId("#mantua"), password="sesame")
        await mic.expect("JOIN #mantua sesame")
        mic.send(f":{mic.mask} JOIN #Mantua")
        await play.told(RoomOpened, origin__room__id="#mantua")
        await mic.expect("MODE #Mantua", "WHO #Mantua")
        await settle(mic)
        await play.told(MembersListed, origin__room__id="#mantua")
        play.connector.unlisten(RoomId("#mantua"))
        await mic.expect("PART #mantua :Leaving")
        mic.send(f":{mic.mask} PART #Mantua", ":bob!b@h PRIVMSG #mantua :unheard")
        await mic.silence()
        assert play.of(MessagePosted) == []
        assert play.hub.statuses[reports:] == []


async def test_the_trouble_of_a_room_goes_with_it():
    async with Ircd() as ircd, stage(ircd.port) as play:
        await listener(ircd)
        await play.ready()
        play.connector.listen(RoomId("no channel"))
        await play.ready(Status.DEGRADED)
        play.connector.unlisten(RoomId("no channel"))
        assert play.hub.statuses[-1] == (Status.READY, "")


async def test_a_channel_that_nobody_asked_for_is_left():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        mic.send(f":{mic.mask} JOIN #forced")
        await mic.expect("PART :#forced")
        assert [event.origin.room.id for event in play.of(RoomOpened)] == [CHANNEL]


async def test_lost_it_comes_back_and_tells_nothing_twice():
    hub = Diary()
    async with Ircd() as ircd, stage(ircd.port, hub=hub) as play:
        for first in (True, False):
            mic = await ircd.accept()
            await mic.welcome()
            await mic.expect(f"JOIN {CHANNEL}")
            mic.send(f":{mic.mask} JOIN {CHANNEL}", f":{NAME} 353 linkspan = {CHANNEL} :linkspan bob")
            mic.numeric(332, CHANNEL, "the topic")
            mic.send(f":{NAME} 333 linkspan {CHANNEL} bob 1700000000")
            await mic.find("WHO")
            mark = play.mark() if not first else 0
            await settle(mic)
            await play.told(MembersListed, after=mark)
            if first:
                mic.reset()
                await play.told(RoomClosed, cause=Cause.LOST)
                await play.ready(Status.CONNECTING)
        assert len(play.of(TopicChanged)) == 1
        assert play.of(MemberLeft) == []
    async with Ircd() as ircd, stage(ircd.port, hub=hub) as play:
        mic = await ircd.accept()
        await mic.welcome()
        await mic.expect(f"JOIN {CHANNEL}")
        mic.send(f":{mic.mask} JOIN {CHANNEL}")
        mic.numeric(332, CHANNEL, "the topic")
        mic.send(f":{NAME} 333 linkspan {CHANNEL} bob 1700000000")
        await mic.find("WHO")
        mark = play.mark()
        await settle(mic)
        await play.told(MembersListed, after=mark)
        assert len(play.of(TopicChanged)) == 1
        mic.send(f":bob!b@h TOPIC {CHANNEL} :another")
        await play.told(TopicChanged, topic="another")


HISTORIAN = {
    "caps": "message-tags server-time batch draft/chathistory",
    "isupport": "CHANTYPES=# CHATHISTORY=2",
}


def told_again(*texts, reference="1"):
    """Return history: one line a minute, from 22:14 on."""
    yield f":{NAME} BATCH +{reference} chathistory {CHANNEL}"
    for text in texts:
        at = f"2023-11-14T22:{14 + int(text)}:00.000Z"
        yield f"@batch={reference};time={at};msgid=m{text} :bob!b@h PRIVMSG {CHANNEL} :{text}"
    yield f":{NAME} BATCH -{reference}"


async def test_what_was_said_since_is_asked_for_page_by_page_where_the_server_has_it():
    hub = Diary()
    hub.cursors[CHANNEL] = Cursor(EventKey("x"), 1_700_000_000_123)
    async with Ircd() as ircd, stage(ircd.port, hub=hub) as play:
        mic = await ircd.accept()
        await mic.welcome(**HISTORIAN)
        await mic.expect(f"JOIN {CHANNEL}")
        mic.send(f":{mic.mask} JOIN {CHANNEL}", f"@time=2023-11-14T23:00:00.000Z :bob!b@h PRIVMSG {CHANNEL} :live")
        assert await mic.find("CHATHISTORY") == f"CHATHISTORY AFTER {CHANNEL} timestamp=2023-11-14T22:13:10.123Z 2"
        mic.send(*told_again("0", "1"))
        await settle(mic)
        assert await mic.find("CHATHISTORY") == f"CHATHISTORY AFTER {CHANNEL} timestamp=2023-11-14T22:15:00.000Z 2"
        mic.send(*told_again("2"))
        await settle(mic)
        await play.told(MessagePosted, content__text="live")
        heard = play.of(MessagePosted)
        assert [event.content.text for event in heard] == ["0", "1", "2", "live"]
        assert [event.origin.replayed for event in heard] == [True, True, True, False]
        assert play.of(HistoryMissed) == []


async def test_a_server_that_refuses_to_tell_leaves_a_gap():
    hub = Diary()
    hub.cursors[CHANNEL] = Cursor(EventKey("x"), 1_700_000_000_123)
    async with Ircd() as ircd, stage(ircd.port, hub=hub) as play:
        mic = await ircd.accept()
        await mic.welcome(**HISTORIAN)
        await mic.expect(f"JOIN {CHANNEL}")
        mic.send(f":{mic.mask} JOIN {CHANNEL}")
        await mic.find("CHATHISTORY")
        mic.send(f":{NAME} FAIL CHATHISTORY MESSAGE_ERROR AFTER {CHANNEL} :Messages could not be retrieved")
        await settle(mic)
        missed = await play.told(HistoryMissed)
        assert missed.since == 1_700_000_000_123


async def test_where_there_is_no_history_the_gap_is_told_once():
    hub = Diary()
    async with Ircd() as ircd:
        async with stage(ircd.port, hub=hub) as play:
            mic = await listener(ircd)
            await play.told(MembersListed)
            assert play.of(HistoryMissed) == []  # nobody was there to miss anything
        hub.kept["read"] = "1700000000000"
        async with stage(ircd.port, hub=hub) as play:
            mic = await listener(ircd)
            missed = await play.told(HistoryMissed)
            assert missed.since == 1_700_000_000_000
            assert missed.origin.at > missed.since
            mark = play.mark()
            mic.send(f":bob!b@h KICK {CHANNEL} linkspan :shoo")
            await play.told(RoomClosed, after=mark)


@pytest.mark.parametrize(
    ("mode", "replayed", "told"),
    [
        ("500:1h", ["0", "1"], True),  # an hour is not enough
        ("500:999w", ["0", "1"], False),
        ("500:999w", [], False),  # nobody has said anything
        ("2:999w", ["0", "1"], True),  # and maybe more
        ("2", ["0"], False),
    ],
)
async def test_what_a_server_replays_by_itself_may_be_all(mode, replayed, told):
    hub = Diary()
    hub.kept = {f"begun {CHANNEL}": "1", "read": "1700000000123"}
    async with Ircd() as ircd, stage(ircd.port, hub=hub) as play:
        mic = await ircd.accept()
        await mic.welcome(caps="message-tags server-time batch", isupport="CHANTYPES=# CHANMODES=b,k,H,nt")
        await mic.expect(f"JOIN {CHANNEL}")
        mic.send(f":{mic.mask} JOIN {CHANNEL}", *told_again(*replayed))
        mic.send(f":{NAME} 324 {mic.nick} {CHANNEL} +ntH {mode}")
        mic.send(f"@time=2023-11-14T23:00:00.000Z :bob!b@h PRIVMSG {CHANNEL} :live")
        await settle(mic)
        await play.told(MessagePosted, content__text="live")
        assert [event.content.text for event in play.of(MessagePosted)] == [*replayed, "live"]
        assert bool(play.of(HistoryMissed)) is told


async def test_what_was_said_before_the_first_visit_is_left_alone():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await ircd.accept()
        await mic.welcome(caps="message-tags server-time batch", isupport="CHANTYPES=#")
        await mic.expect(f"JOIN {CHANNEL}")
        mic.send(f":{mic.mask} JOIN {CHANNEL}", *told_again("0", "1"), f":bob!b@h PRIVMSG {CHANNEL} :live")
        await play.told(MessagePosted, content__text="live")
        assert len(play.of(MessagePosted)) == 1


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("ERROR :Closing link: (u@h) [K-lined: go away]", Status.DOWN),
        (":irc.test 464 linkspan :Password incorrect", Status.NEEDS_LOGIN),
    ],
)
async def test_where_it_is_not_wanted_it_does_not_knock_again(line, status):
    async with Ircd() as ircd, stage(ircd.port, password=Secret("wrong")) as play:
        mic = await ircd.accept()
        await mic.find("USER")
        mic.send(line)
        mic.close()
        await play.ready(status)
        assert play.of(RoomClosed) == []
        assert ircd.idle


async def test_what_the_bridge_cannot_take_stays_with_the_server():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        await play.told(MembersListed)
        play.hub.full = "the disk is full"
        for number in range(200):
            mic.send(f":bob!b@h PRIVMSG {CHANNEL} :{number}")
        await play.told(MessagePosted, content__text="0")
        held = play.connector._run.listener
        await play.hub.until(lambda: held._held, "reading is paused")
        for number in range(200, 20_000):
            mic.send(f":bob!b@h PRIVMSG {CHANNEL} :{number}")
        await play.hub.until(lambda: True, "")
        assert len(play.of(MessagePosted)) < 20_000
        play.hub.free()
        await play.told(MessagePosted, content__text="19999")
        assert [int(event.content.text) for event in play.of(MessagePosted)] == list(range(20_000))


async def test_where_the_server_does_not_tell_who_is_away_it_is_asked():
    async with Ircd() as ircd, stage(ircd.port, pace=replace(QUICK, away=0.05)) as play:
        mic = await listener(ircd, names="bob")
        await mic.find(f"WHO {CHANNEL}")
        mic.send(f":{NAME} 352 linkspan {CHANNEL} b h {NAME} bob G :0 Bob")
        away = await play.told(MemberJoined)
        assert away.member.presence.show == "away"


def test_few_lines_join_many_channels_and_keys_stay_with_theirs():
    def places(*names):
        return [Place(RoomId(name.partition(" ")[0]), password=name.partition(" ")[2]) for name in names]

    assert list(joins(places("#a", "#b key", "#c"), 0)) == [("#b,#a,#c", "key")]
    assert list(joins(places("#a", "#b", "#c"), 2)) == [("#a,#b", ""), ("#c", "")]
    many = list(joins(places(*(f"#channel-{number}" for number in range(100))), 0))
    assert len(many) > 1
    assert all(len(channels) <= 400 for channels, _ in many)
    assert list(joins([], 0)) == []


def test_places_are_known_by_their_name_in_any_case():
    places = Places()
    place = places.add(RoomId("#Dev[x]"), "")
    assert places.named("#dev{X}") is place
    places.refold(str.lower)
    assert places.named("#dev{X}") is None
    assert places.room("#DEV[X]") == "#Dev[x]"
    assert places.add(RoomId("#Dev[x]"), "key") is place
    assert place.password == "key"
    assert places.remove(RoomId("#Dev[x]")) is place
    assert places.remove(RoomId("#Dev[x]")) is None
    assert is_usable("#dev", "#&")
    assert not is_usable("#a:b", "#")
