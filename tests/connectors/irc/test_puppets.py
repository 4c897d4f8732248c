"""Puppets on the wire of a scripted server: one connection each, wherever they are wished, whatever is done to them."""

import asyncio

import pytest
from msgspec.structs import replace

from bridge.connector import PuppetSettings, Status
from bridge.core.addresses import Range, parse_range
from bridge.core.content import Kind
from bridge.core.events import (
    Barrier,
    Cause,
    DirectCopied,
    DirectPosted,
    MemberJoined,
    MemberLeft,
    MessagePosted,
    Presence,
    PuppetJoined,
    PuppetLeft,
    Rank,
    RoomOpened,
    Show,
    TopicChanged,
)
from bridge.core.ids import Network, Person, PersonId, RoomId
from bridge.demo.processes import free_port
from connectors.irc.connection.marks import MARKER
from connectors.irc.puppets import seeking
from connectors.irc.puppets.pool import realname
from tests.support.irc_stage import CHANNEL, QUICK, listener, puppet, someone, stage
from tests.support.ircd import NAME, Ircd

MANTUA = RoomId("#mantua")
SLOW = replace(QUICK, knock=(3600.0,), rejoin=(3600.0,))


async def both_rooms(ircd):
    """Let the listener into both channels."""
    mic = await ircd.accept()
    await mic.welcome()
    await mic.expect(f"JOIN {CHANNEL}", f"JOIN {MANTUA}")
    mic.send(f":{mic.mask} JOIN {CHANNEL}", f":{mic.mask} JOIN {MANTUA}")
    await mic.find(f"WHO {MANTUA}")
    return mic


async def test_a_puppet_says_whose_it_is():
    async with Ircd() as ircd, stage(ircd.port, puppets=PuppetSettings(nick="{nick}[x]")) as play:
        await listener(ircd)
        play.join("Juliet Capulet")
        peer = await ircd.accept()
        await peer.expect("CAP LS 302", "NICK Juliet_Capulet[x]")
        command, user, *_, name = (await peer.line()).split(" ", 4)
        assert (command, name) == ("USER", f":Juliet Capulet {MARKER}")
        assert user.startswith("x")
        assert len(user) == 9


async def test_one_connection_for_all_channels_and_none_without():
    async with Ircd() as ircd, stage(ircd.port, rooms=(CHANNEL, MANTUA)) as play:
        mic = await both_rooms(ircd)
        play.join("juliet")
        juliet = await puppet(ircd, mic)
        play.join("juliet", MANTUA)
        await juliet.expect(f"JOIN {MANTUA}")
        juliet.send(f":{juliet.mask} JOIN {MANTUA}")
        await play.told(PuppetJoined, origin__room__id=MANTUA)
        play.leave("juliet", reason="bye")
        await juliet.expect(f"PART {CHANNEL} :bye")
        play.leave("juliet", MANTUA)
        await juliet.expect(f"PART {MANTUA} :")
        assert await juliet.find("QUIT") == "QUIT :Leaving"
        assert ircd.idle


async def test_who_comes_back_at_once_never_left():
    async with Ircd() as ircd, stage(ircd.port, pace=replace(QUICK, linger=3600.0)) as play:
        mic = await listener(ircd)
        play.join("juliet")
        juliet = await puppet(ircd, mic)
        await play.told(PuppetJoined)
        play.leave("juliet")
        play.join("juliet")
        await asyncio.sleep(QUICK.parting * 2)
        await juliet.silence()
        assert play.of(PuppetLeft) == []
        play.leave("juliet")
        await juliet.expect(f"PART {CHANNEL} :")
        play.join("juliet")
        await juliet.expect(f"JOIN {CHANNEL}")


async def test_who_leaves_before_they_came_never_comes():
    async with Ircd() as ircd, stage(ircd.port) as play:
        play.join("juliet")
        play.leave("juliet")
        play.join("romeo")
        mic = await listener(ircd)
        romeo = await puppet(ircd, mic)
        assert romeo.nick == "romeo"
        assert ircd.idle


async def test_who_comes_and_goes_while_connecting_has_one_connection():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        play.join("juliet")
        juliet = await ircd.accept()
        play.leave("juliet")
        play.join("juliet")
        await juliet.welcome()
        await juliet.expect(f"JOIN {CHANNEL}")
        await mic.silence()
        assert ircd.idle


async def test_who_went_while_connecting_is_forgotten_when_that_fails():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        play.join("juliet")
        juliet = await ircd.accept()
        play.leave("juliet")
        juliet.reset()
        play.join("romeo")
        romeo = await puppet(ircd, mic)
        assert romeo.nick == "romeo"
        assert [other.member.name for other in play.connector._run.pool] == ["romeo"]


@pytest.mark.parametrize(
    ("name", "password"), [("#a,#b", ""), ("#a b", ""), (CHANNEL, "a,b c"), (CHANNEL, "a\r\nQUIT")]
)
async def test_what_is_no_channel_is_never_joined_by_a_puppet(name, password):
    async with Ircd() as ircd, stage(ircd.port, rooms=()) as play:
        room = RoomId(name)
        play.connector.listen(room, password=password)
        play.join("juliet", room)
        mic = await ircd.accept()
        await mic.welcome()
        await mic.silence()
        peer = await ircd.accept()
        await peer.welcome()
        left = await play.told(PuppetLeft)
        assert left.final
        await peer.expect("QUIT :Leaving")


async def test_puppets_wait_for_the_listener():
    async with Ircd() as ircd, stage(ircd.port) as play:
        play.join("juliet")
        mic = await ircd.accept()
        await mic.find("USER")
        assert ircd.idle
        mic.nick, mic.user = "linkspan", "linkspan"
        mic.introduce(isupport="CHANTYPES=#")
        juliet = await ircd.accept()
        await juliet.welcome()
        await juliet.silence()
        mic.send(f":{mic.mask} JOIN {CHANNEL}")
        await juliet.expect(f"JOIN {CHANNEL}")


async def test_a_lost_puppet_comes_back_to_its_channels():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        play.join("juliet")
        juliet = await puppet(ircd, mic)
        await play.told(PuppetJoined)
        juliet.reset()
        left = await play.told(PuppetLeft)
        assert (left.cause, left.final) == (Cause.LOST, False)
        mark = play.mark()
        await puppet(ircd, mic)
        await play.told(PuppetJoined, after=mark)


@pytest.mark.parametrize(
    "line",
    [
        "ERROR :Closing link: (u@h) [K-lined: spam]",
        ":oper!o@h KILL juliet :spam",
        "ERROR :Closing link: (Killed (oper (spam)))",
    ],
)
async def test_a_puppet_that_nobody_wants_does_not_come_back(line):
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        play.join("juliet")
        juliet = await puppet(ircd, mic)
        await play.told(PuppetJoined)
        juliet.send(line)
        juliet.close()
        left = await play.told(PuppetLeft)
        assert (left.cause, left.final) == (Cause.REFUSED, True)
        assert "spam" in left.reason
        await mic.silence()
        assert ircd.idle


async def test_a_fight_for_a_nick_is_no_ban():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        play.join("juliet")
        juliet = await puppet(ircd, mic)
        await play.told(PuppetJoined)
        juliet.send("ERROR :Closing link: [Killed (services (Nickname collision))]")
        juliet.close()
        await play.told(PuppetLeft, cause=Cause.LOST, final=False)
        await puppet(ircd, mic)


async def test_a_refused_connection_tells_every_room():
    async with Ircd() as ircd, stage(ircd.port, rooms=(CHANNEL, MANTUA)) as play:
        await both_rooms(ircd)
        play.join("juliet")
        play.join("juliet", MANTUA)
        peer = await ircd.accept()
        await peer.find("USER")
        peer.send("ERROR :Closing link: (u@h) [G-lined: no bridges]")
        peer.close()
        for room in (CHANNEL, MANTUA):
            left = await play.told(PuppetLeft, origin__room__id=room)
            assert left.final
            assert "no bridges" in left.reason


@pytest.mark.parametrize("reach", [(), (parse_range("127.0.0.0/8"),)], ids=["forbidden", "nobody is there"])
async def test_a_server_that_a_user_names_and_that_cannot_be_had_is_told_at_once(reach: tuple[Range, ...]):
    async with stage(free_port(), rooms=(), reach=reach, listener=False) as play:
        play.connector.attend(CHANNEL)
        play.join("juliet")
        left = await play.told(PuppetLeft)
        assert left.final
        assert left.barrier is (Barrier.UNREACHABLE if reach else Barrier.OTHER)
        assert ("connection refused" if reach else "not on the public Internet") in left.reason


async def test_a_network_that_takes_no_more_of_us_is_reported_until_it_does():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        await play.ready()
        play.join("juliet")
        peer = await ircd.accept()
        await peer.find("USER")
        peer.send("ERROR :Closing link: (u@h) [No more connections allowed from your host]")
        peer.close()
        assert "No more connections" in await play.ready(Status.DEGRADED)
        await puppet(ircd, mic)
        await play.told(PuppetJoined)
        await play.ready()


@pytest.mark.parametrize(
    ("numeric", "words", "final"),
    [
        (403, "no such channel", True),
        (405, "too many channels", True),
        (437, "unavailable", False),
        (471, "full", False),
        (473, "invite", False),
        (474, "ban", True),
        (475, "key", False),
        (476, "name", True),
        (477, "registered", True),
        (480, "nobody", False),
        (489, "secure", True),
        (519, "the server's words", False),
    ],
)
async def test_every_refusal_is_in_words_for_the_person(numeric, words, final):
    async with Ircd() as ircd, stage(ircd.port, pace=SLOW) as play:
        await listener(ircd)
        play.join("juliet")
        juliet = await ircd.accept()
        await juliet.welcome()
        await juliet.expect(f"JOIN {CHANNEL}")
        juliet.numeric(numeric, CHANNEL, "the server's words")
        left = await play.told(PuppetLeft)
        assert (left.cause, left.final) == (Cause.REFUSED, final)
        assert CHANNEL in left.reason
        assert words in left.reason


async def test_a_refusal_for_now_is_tried_again_and_told_once():
    async with Ircd() as ircd, stage(ircd.port) as play:
        await listener(ircd)
        play.join("juliet")
        juliet = await ircd.accept()
        await juliet.welcome()
        for _ in range(3):
            await juliet.expect(f"JOIN {CHANNEL}")
            juliet.numeric(471, CHANNEL, "Cannot join channel (+l)")
        await juliet.expect(f"JOIN {CHANNEL}")
        juliet.send(f":{juliet.mask} JOIN {CHANNEL}")
        await play.told(PuppetJoined)
        assert len(play.of(PuppetLeft)) == 1


async def test_a_puppet_that_is_asked_in_comes_at_once():
    async with Ircd() as ircd, stage(ircd.port, pace=SLOW) as play:
        mic = await listener(ircd)
        mic.send(f":irc.test MODE {CHANNEL} +o linkspan")
        await mic.silence()
        play.join("juliet")
        juliet = await ircd.accept()
        await juliet.welcome()
        await juliet.expect(f"JOIN {CHANNEL}")
        juliet.numeric(473, CHANNEL, "Cannot join channel (+i)")
        await mic.expect(f"INVITE juliet {CHANNEL}")
        juliet.send(f":{mic.mask} INVITE juliet :{CHANNEL}")
        await juliet.expect(f"JOIN {CHANNEL}")


async def test_a_kicked_puppet_is_not_forced_back():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        play.join("juliet")
        juliet = await puppet(ircd, mic)
        await play.told(PuppetJoined)
        for side in (juliet, mic):
            side.send(f":bob!b@h KICK {CHANNEL} juliet :be\x02have")
        left = await play.told(PuppetLeft)
        assert (left.cause, left.actor, left.reason, left.final) == (Cause.KICKED, "bob", "behave", True)
        await juliet.find("QUIT")
        assert play.of(MemberLeft) == []


async def test_a_puppet_that_was_banned_and_kicked_is_told_to_be_banned():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        play.join("juliet")
        juliet = await puppet(ircd, mic)
        await play.told(PuppetJoined)
        mic.send(f":bob!b@h MODE {CHANNEL} +b *!*@{juliet.mask.rpartition('@')[2]}", f":bob!b@h TOPIC {CHANNEL} :read")
        await play.told(TopicChanged)
        juliet.send(f":bob!b@h KICK {CHANNEL} juliet :out")
        left = await play.told(PuppetLeft)
        assert (left.cause, left.barrier) == (Cause.KICKED, Barrier.BAN)


async def test_a_channel_that_a_puppet_was_forced_into_is_left():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        play.join("juliet")
        juliet = await puppet(ircd, mic)
        juliet.send(f":{juliet.mask} JOIN #elsewhere")
        await juliet.expect("PART :#elsewhere")
        juliet.send(f":{juliet.mask} PART {CHANNEL}")
        assert (await play.told(PuppetLeft)).final


async def test_a_person_who_changes_their_name_changes_their_nick_in_place():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        play.join("juliet")
        juliet = await puppet(ircd, mic)
        await play.told(PuppetJoined)
        person = someone("juliet").person
        play.connector.join(CHANNEL, replace(someone("giulietta"), person=person))
        await juliet.expect("NICK giulietta")
        for side in (juliet, mic):
            side.send(f":{juliet.mask} NICK giulietta")
        assert (await play.told(PuppetJoined, name="giulietta")).person == person
        mic.send(f":giulietta!{juliet.user}@host.example PRIVMSG {CHANNEL} :ours", f":juliet!x@y JOIN {CHANNEL}")
        assert (await play.told(MemberJoined)).member.name == "juliet"
        assert play.of(MessagePosted) == []


@pytest.mark.parametrize("listener_first", [True, False])
async def test_an_operator_is_one_under_another_nick_whoever_reads_of_it_first(listener_first):
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        play.join("juliet")
        juliet = await puppet(ircd, mic)
        await play.told(PuppetJoined)
        mic.send(f":bob!b@h MODE {CHANNEL} +o juliet")
        await play.told(PuppetJoined, rank=Rank.ADMIN)
        for side in (mic, juliet) if listener_first else (juliet, mic):
            side.send(f":{juliet.mask} NICK giulietta", "PING :fence")
            await side.find("PONG")
        assert (await play.told(PuppetJoined, name="giulietta")).rank is Rank.ADMIN
        assert [event.rank for event in play.hub.events if isinstance(event, PuppetJoined)][-1] is Rank.ADMIN


async def test_where_ids_follow_nicks_a_puppet_follows_its_person():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        play.join("juliet")
        juliet = await puppet(ircd, mic)
        await play.told(PuppetJoined)
        play.connector.rename(CHANNEL, someone("juliet").person, someone("giulietta"))
        await juliet.expect("NICK giulietta")
        juliet.send(f":{juliet.mask} NICK giulietta")
        await play.told(PuppetJoined, name="giulietta", person=someone("giulietta").person)
        play.leave("giulietta")
        await juliet.expect(f"PART {CHANNEL} :")
        assert ircd.idle


async def test_a_nick_refused_by_the_server_is_followed_by_the_next():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        play.join("juliet")
        juliet = await puppet(ircd, mic)
        await play.told(PuppetJoined)
        juliet.send(":juliet!j@h NICK 001AAAAAB")
        await juliet.expect("NICK juliet")
        juliet.numeric(433, "juliet", "Nickname is already in use")
        await juliet.expect("NICK juliet_")
        juliet.send(":001AAAAAB!j@h NICK juliet_")
        await play.told(PuppetJoined, name="juliet_")
        mic.send(":juliet!x@y QUIT :bye")
        await juliet.expect("NICK juliet")


async def test_presence_is_away():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        play.join("juliet", presence=Presence(Show.DND))
        juliet = await ircd.accept()
        await juliet.welcome(isupport="CHANTYPES=# AWAYLEN=10")
        await juliet.expect("AWAY :busy", f"JOIN {CHANNEL}")
        juliet.send(f":{juliet.mask} JOIN {CHANNEL}")
        play.join("juliet", presence=Presence(Show.DND))
        play.join("juliet", presence=Presence(Show.AWAY, "é\r\nQUIT é é é"))
        await juliet.expect("AWAY :é QUIT é")
        play.join("juliet", presence=Presence(Show.AVAILABLE, "happy"))
        await juliet.expect("AWAY")
        await juliet.silence()
        assert mic.nick == "linkspan"


async def test_private_words_to_a_puppet_reach_its_person():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        play.join("juliet")
        juliet = await puppet(ircd, mic)
        juliet.send(
            ":bob!b@h PRIVMSG juliet :\x01VERSION\x01",
            ":NickServ!s@s NOTICE juliet :please identify",
            f":bob!b@h PRIVMSG {CHANNEL} :not private",
            ":bob!b@h PRIVMSG Juliet :psst",
        )
        event = await play.told(DirectPosted)
        assert (event.to, event.content.text, event.sender.name) == (someone("juliet").person, "psst", "bob")
        assert len(play.of(DirectPosted)) == 1
        await juliet.expect("NOTICE bob :\x01VERSION Linkspan 0\x01")


@pytest.mark.parametrize("caps", ["znc.in/self-message", "echo-message"])
async def test_what_another_client_of_theirs_says_in_private_is_told_by_bouncers_only(caps):
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        play.join("juliet")
        juliet = await puppet(ircd, mic, caps=caps)
        await play.told(PuppetJoined)
        juliet.send(
            f":{juliet.mask} PRIVMSG NickServ :IDENTIFY secret",
            f":{juliet.mask} PRIVMSG {CHANNEL} :to all",
            f":{juliet.mask} PRIVMSG bob :\x01VERSION\x01",
            f":{juliet.mask} PRIVMSG bob :by my telephone",
            ":bob!b@h PRIVMSG juliet :psst",
        )
        await play.told(DirectPosted)
        told = [(copy.person, copy.to.name, copy.content.text) for copy in play.of(DirectCopied)]
        person = someone("juliet").person
        assert told == ([(person, "bob", "by my telephone")] if caps == "znc.in/self-message" else [])


@pytest.mark.parametrize("caps", ["znc.in/self-message", "echo-message"])
async def test_what_another_client_of_theirs_says_in_a_channel_is_told_by_bouncers_only(caps):
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        play.join("juliet")
        juliet = await puppet(ircd, mic, caps=f"{caps} batch")
        await play.told(PuppetJoined)
        juliet.send(
            f":{NAME} BATCH +1 znc.in/playback {CHANNEL}",
            f"@batch=1 :{juliet.mask} PRIVMSG {CHANNEL} :yesterday",
            f":{NAME} BATCH -1",
            f":{juliet.mask} PRIVMSG {CHANNEL} :\x01PING 1\x01",
            f":{juliet.mask} PRIVMSG #elsewhere :not here",
            f":{juliet.mask} PRIVMSG {CHANNEL} :\x01ACTION waves by telephone\x01",
            ":bob!b@h PRIVMSG juliet :psst",
        )
        mic.send(f":{juliet.mask} PRIVMSG {CHANNEL} :\x01ACTION waves by telephone\x01")
        await mic.silence()
        await play.told(DirectPosted)
        told = [(said.sender.person, said.content.kind, said.content.text) for said in play.of(MessagePosted)]
        waved = (someone("juliet").person, Kind.ACTION, "waves by telephone")
        assert told == ([waved] if caps == "znc.in/self-message" else [])


def test_real_names_end_with_the_mark_whatever_the_person_is_called():
    long = replace(someone("x"), name="é" * 100 + "\r\n\x02")
    assert realname(long, "").endswith(f"é {MARKER}")
    assert len(realname(long, "").encode()) <= 48
    known = replace(someone("juliet"), account="juliet@example.org")
    assert realname(known, "{name} <{address}>") == f"juliet <juliet@example.org> {MARKER}"
    assert realname(someone("juliet"), "{name} <{address}>") == f"juliet <juliet> {MARKER}"
    nobody = replace(someone(""), person=Person(Network("x"), PersonId("")))
    assert realname(nobody, "") == MARKER


# deputies: who reads when the listener does not


DEAF = "CHANTYPES=# PREFIX=(ov)@+ DEAF=D"


async def two_puppets(ircd, play, mic):
    """Return juliet's side, who is the deputy, and romeo's."""
    play.join("juliet")
    juliet = await ircd.accept()
    await juliet.welcome(isupport=DEAF)
    await juliet.expect(f"JOIN {CHANNEL}")
    for side in (juliet, mic):
        side.send(f":{juliet.mask} JOIN {CHANNEL}")
    await play.told(PuppetJoined, name="juliet")
    play.join("romeo")
    romeo = await ircd.accept()
    await romeo.welcome(isupport=DEAF)
    await romeo.expect("MODE romeo +D")
    romeo.send(":romeo!r@h MODE romeo :+D")
    await romeo.expect(f"JOIN {CHANNEL}")
    for side in (juliet, romeo, mic):
        side.send(f":{romeo.mask} JOIN {CHANNEL}")
    await play.told(PuppetJoined, name="romeo")
    return juliet, romeo


async def test_at_a_kick_the_deputy_takes_over_with_the_next_line_and_hands_back_at_the_join():
    """The two connections are as far apart as can be: nothing is lost, and nothing is read twice."""
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd, names="bob")
        juliet, _ = await two_puppets(ircd, play, mic)
        say = f":bob!b@h PRIVMSG {CHANNEL}"
        juliet.send(f"{say} :one", f":bob!b@h KICK {CHANNEL} linkspan :shoo", f"{say} :two", ":bob!b@h NICK rob")
        await play.told(MessagePosted, content__text="two")
        mic.send(f"{say} :one", f":bob!b@h KICK {CHANNEL} linkspan :shoo")
        assert "juliet reads it" in await play.ready(Status.DEGRADED)
        await mic.expect(f"JOIN {CHANNEL}")
        say = f":rob!b@h PRIVMSG {CHANNEL}"
        mic.send(f":{mic.mask} JOIN {CHANNEL}", f":irc.test 353 linkspan = {CHANNEL} :linkspan rob", f"{say} :four")
        await play.told(MessagePosted, content__text="four")
        juliet.send(f"{say} :three", f":{mic.mask} JOIN {CHANNEL}", f"{say} :four", ":rob!b@h QUIT :x")
        await juliet.silence()
        await play.ready()
        texts = [event.content.text for event in play.of(MessagePosted)]
        assert sorted(texts) == ["four", "one", "three", "two"]
        assert play.of(MemberLeft) == []


async def test_a_deputy_follows_the_listeners_nick():
    async with Ircd() as ircd, stage(ircd.port, pace=SLOW) as play:
        mic = await listener(ircd, names="bob")
        juliet, _ = await two_puppets(ircd, play, mic)
        juliet.send(f":{mic.mask} NICK linkspan_", f":bob!b@h PRIVMSG {CHANNEL} :unread", ":linkspan_!l@h QUIT :x")
        juliet.send(f":bob!b@h PRIVMSG {CHANNEL} :read")
        await play.told(MessagePosted, content__text="read")
        assert len(play.of(MessagePosted)) == 1


async def test_when_a_deputy_goes_another_one_hears():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd, names="bob")
        juliet, romeo = await two_puppets(ircd, play, mic)
        play.leave("juliet")
        await juliet.find("PART")
        await romeo.expect("MODE romeo -D")
        romeo.send(f":bob!b@h KICK {CHANNEL} linkspan :shoo", f":bob!b@h PRIVMSG {CHANNEL} :heard")
        await play.told(MessagePosted, content__text="heard")


async def test_where_the_listener_never_gets_in_a_puppet_reads():
    async with Ircd() as ircd, stage(ircd.port, pace=SLOW) as play:
        mic = await ircd.accept()
        await mic.welcome()
        await mic.expect(f"JOIN {CHANNEL}")
        mic.numeric(474, CHANNEL, "Cannot join channel (+b)")
        await play.ready(Status.DEGRADED)
        play.join("juliet")
        juliet = await ircd.accept()
        await juliet.welcome()
        await juliet.expect(f"JOIN {CHANNEL}")
        juliet.send(f":{juliet.mask} JOIN {CHANNEL}")
        await play.told(RoomOpened)
        await juliet.expect(f"MODE {CHANNEL}", f"NAMES {CHANNEL}", f"WHO {CHANNEL}")
        juliet.send(f":bob!b@h PRIVMSG {CHANNEL} :heard")
        await play.told(MessagePosted, content__text="heard")
        assert "juliet reads it" in play.hub.statuses[-1][1]
        juliet.reset()
        await play.hub.until(
            lambda: [e for e in play.hub.events if type(e).__name__ == "RoomClosed"][1:], "closed again"
        )


async def test_with_deaf_off_nobody_is_made_deaf():
    async with Ircd() as ircd, stage(ircd.port, deaf=False) as play:
        await listener(ircd)
        for name in ("juliet", "romeo"):
            play.join(name)
            peer = await ircd.accept()
            await peer.welcome(isupport=DEAF)
            await peer.expect(f"JOIN {CHANNEL}")
            peer.send(f":{peer.mask} JOIN {CHANNEL}")


async def test_a_nick_that_cannot_be_had_now_is_asked_for_later(monkeypatch):
    monkeypatch.setattr(seeking, "_NOT_NOW", 0.1)
    monkeypatch.setattr(seeking, "_A_MOMENT", 0.1)
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        play.join("juliet")
        juliet = await puppet(ircd, mic)
        await play.told(PuppetJoined)
        juliet.send(":juliet!j@h NICK Guest1")
        await juliet.expect("NICK juliet")
        juliet.numeric(438, "juliet", "Nick change too fast. Please wait 20 seconds.")
        await juliet.expect("NICK juliet")
        juliet.numeric(432, "juliet", "Erroneous nickname")
        await juliet.expect("NICK juliet_")
        await juliet.silence()
