"""The whole connector on InspIRCd and ngircd: what people on IRC see of the bridge, and what the bridge learns of them."""

import asyncio
from functools import partial

import pytest
from msgspec.structs import replace

from bridge.connector import Secret, Status
from bridge.core.acts import ActRefused
from bridge.core.content import Kind
from bridge.core.events import (
    Cause,
    HistoryMissed,
    MemberJoined,
    MemberLeft,
    MemberRenamed,
    MembersListed,
    MessagePosted,
    Presence,
    PuppetJoined,
    PuppetLeft,
    RoomOpened,
    Show,
    TopicChanged,
)
from bridge.core.ids import Person, PersonId
from bridge.core.profiles import Wanted
from bridge.demo.people import IrcPerson
from bridge.demo.processes import until
from tests.support.irc_stage import CHANNEL, NETWORK, QUICK, Diary, someone
from tests.support.irc_stage import stage as any_stage
from tests.support.servers import InspIRCd, Ngircd, Znc

pytestmark = pytest.mark.server
stage = partial(any_stage, pace=replace(QUICK, leave=2.5))
both = pytest.mark.parametrize("make", [InspIRCd, Ngircd], ids=["inspircd", "ngircd"])


async def powers(person, *modes):
    """Make somebody network operator, and change modes of the channel by force."""
    person.send("OPER oper oper")
    await person.line(" 381 ")
    for mode in modes:
        person.send(f"SAMODE {CHANNEL} {mode}")
        await person.line(f" MODE {CHANNEL} ", mode.partition(" ")[0])


async def test_people_are_seen_and_known_where_the_server_looks_out_for_nobody():
    """ISON and USERHOST on ngircd; WHOIS and WHO, over the user's own connection."""
    async with Ngircd() as server, IrcPerson("Bob", port=server.port) as bob, stage(server.port) as play:
        await play.ready()
        for name in ("bob", "carol"):
            play.connector.sight(PersonId(name), on=True)
        await play.hub.until(lambda: play.hub.sightings.get("bob") == Presence(), "bob is there")
        bob.send("AWAY :fishing")
        await play.hub.until(lambda: play.hub.sightings["bob"].show is Show.AWAY, "bob is away")
        play.join("juliet", session=True)
        await play.told(PuppetJoined, name="juliet")
        juliet = someone("juliet").person
        profile = await play.connector.profile(Person(NETWORK, PersonId("bob")), juliet)
        assert (profile.name, profile.away, bool(profile.server), profile.idle is not None) == (
            "Bob",
            "fishing",
            True,
            True,
        )
        with pytest.raises(ActRefused, match="nobody of this name"):
            await play.connector.profile(Person(NETWORK, PersonId("nobody")), juliet)
        assert [one.name for one in await play.connector.people(Wanted(name="b*"), juliet)] == ["Bob"]
        await play.connector.raw(juliet, "WHOIS nobody")
        await play.hub.until(lambda: any("nobody" in words for _, words in play.hub.remarks), "an answer")
        await bob.close()
        await play.hub.until(lambda: play.hub.sightings["bob"] is None, "bob is gone")
        assert play.hub.sightings.get("carol") is None


@both
async def test_people_meet_and_talk(make):
    async with make() as server, IrcPerson("bob", port=server.port) as bob:
        await bob.join(CHANNEL)
        async with stage(server.port) as play:
            await play.ready()
            listed = await play.told(MembersListed)
            assert [member.name for member in listed.members] == ["bob"]
            play.join("juliet")
            await play.told(PuppetJoined, name="juliet")
            await bob.see(lambda line: line.startswith(":juliet!") and " JOIN " in line)
            bob.say(CHANNEL, "hello \x02there\x02")
            posted = await play.told(MessagePosted)
            assert (posted.sender.name, posted.content.text) == ("bob", "hello there")
            sent = await play.say("juliet", "hi bob")
            await bob.message(CHANNEL, "hi bob", nick="juliet")
            assert sent.ids[0].startswith("~") == (make is not InspIRCd)
            await play.say("romeo", "through the relay", relay=True)
            await bob.message(CHANNEL, "<romeo> through the relay", nick="linkspan")
            await play.say("juliet", "sighs", kind=Kind.ACTION)
            await bob.message(CHANNEL, "\x01ACTION sighs\x01", nick="juliet")
            bob.send("NICK robert")
            bob.nick = "robert"
            renamed = await play.told(MemberRenamed)
            assert (renamed.old.name, renamed.member.name) == ("bob", "robert")
            bob.send(f"TOPIC {CHANNEL} :the garden")
            assert (await play.told(TopicChanged)).topic == "the garden"
            bob.send(f"PART {CHANNEL} :farewell")
            left = await play.told(MemberLeft)
            assert (left.member.name, left.cause, left.reason) == ("robert", Cause.LEFT, "farewell")
            await bob.join(CHANNEL)
            await play.told(MemberJoined, member__name="robert")
            play.leave("juliet", reason="enough")
            await bob.see(lambda line: line.startswith(":juliet!") and " PART " in line and "enough" in line)
            await play.told(PuppetLeft, cause=Cause.LEFT)
            assert [event.content.text for event in play.of(MessagePosted)] == ["hello there"]
        await bob.see(lambda line: line.startswith(":linkspan!") and " QUIT " in line)
        assert await bob.names(CHANNEL) == {"robert"}


async def test_a_taken_nick_follows_the_rule_and_is_taken_back_when_free():
    """product.md: ``_``, then ``__``; MONITOR tells when the holder, who is in no channel of ours, has gone."""
    async with (
        InspIRCd() as server,
        IrcPerson("bob", port=server.port) as bob,
        IrcPerson("juliet", port=server.port) as thief,
        IrcPerson("juliet_", port=server.port) as second,
    ):
        await bob.join(CHANNEL)
        async with stage(server.port) as play:
            play.join("juliet")
            assert (await play.told(PuppetJoined)).name == "juliet__"
            await second.close()
            await play.told(PuppetJoined, name="juliet_")
            await thief.close()
            await play.told(PuppetJoined, name="juliet")
            await bob.line(":juliet_!", " NICK ", "juliet")


async def test_without_monitor_free_nicks_are_found_by_asking():
    async with Ngircd() as server, IrcPerson("juliet", port=server.port) as thief, stage(server.port) as play:
        play.join("juliet")
        assert (await play.told(PuppetJoined)).name == "juliet_"
        await thief.close()
        await play.told(PuppetJoined, name="juliet")


async def test_a_nick_forced_by_the_server_is_left_again():
    async with InspIRCd() as server, IrcPerson("bob", port=server.port) as bob:
        await bob.join(CHANNEL)
        async with stage(server.port) as play:
            play.join("juliet")
            await play.told(PuppetJoined)
            await powers(bob)
            bob.send("SANICK juliet Guest1")
            await bob.line(":juliet!", " NICK ", "Guest1")
            await bob.line(":Guest1!", " NICK ", "juliet")
            bob.send("SANICK linkspan Guest2")
            await bob.line(":Guest2!", " NICK ", "linkspan")
            bob.say(CHANNEL, "who is who")
            await play.told(MessagePosted, content__text="who is who")
            await play.say("juliet", "me")
            assert play.of(MemberJoined) == []
            assert len(play.of(MessagePosted)) == 1


@both
async def test_a_kicked_puppet_stays_out_and_a_kicked_listener_misses_nothing(make):
    async with make() as server, IrcPerson("bob", port=server.port) as bob:
        await bob.join(CHANNEL)
        async with stage(server.port) as play:
            play.join("juliet")
            play.join("romeo")
            await play.told(PuppetJoined, name="juliet")
            await play.told(PuppetJoined, name="romeo")
            for number in range(3):
                bob.send(f"KICK {CHANNEL} linkspan :shoo {number}")
                bob.say(CHANNEL, f"still reading? {number}")
                await play.told(MessagePosted, content__text=f"still reading? {number}")
                if number < 2:
                    await bob.see(lambda line: line.startswith(":linkspan!") and " JOIN " in line)
                    await play.ready()
                    bob.seen.clear()
            assert "shoo" in await play.ready(Status.DEGRADED)
            bob.send(f"KICK {CHANNEL} romeo :behave")
            left = await play.told(PuppetLeft)
            assert (left.cause, left.actor, left.reason, left.final) == (Cause.KICKED, "bob", "behave", True)
            await play.say("juliet", "as before")
            await play.ready()
            bob.say(CHANNEL, "the end")
            await play.told(MessagePosted, content__text="the end")
            assert [event.content.text for event in play.of(MessagePosted)] == [
                *(f"still reading? {number}" for number in range(3)),
                "the end",
            ]
            assert "romeo" not in await bob.names(CHANNEL)


@pytest.mark.parametrize(
    ("modes", "words"),
    [("+i", "invite"), ("+k sesame", "key"), ("+l 2", "full"), ("+b juliet!*@*", "banned")],
    ids=["invite-only", "key", "limit", "ban"],
)
async def test_a_refused_puppet_says_why_and_comes_when_it_may(modes, words):
    async with InspIRCd() as server, IrcPerson("bob", port=server.port) as bob:
        await bob.join(CHANNEL)
        async with stage(server.port) as play:
            await play.ready()
            await powers(bob, modes)
            play.join("juliet")
            left = await play.told(PuppetLeft)
            assert CHANNEL in left.reason
            assert words in left.reason
            assert left.final == (words == "banned")
            bob.send(f"SAMODE {CHANNEL} -{modes[1:]}")
            if left.final:
                await bob.fence()
                play.join("juliet")
            await play.told(PuppetJoined)


async def test_where_the_listener_is_operator_it_lets_puppets_in():
    async with InspIRCd() as server, IrcPerson("bob", port=server.port) as bob:
        await bob.join(CHANNEL)
        async with stage(server.port) as play:
            await play.ready()
            await powers(bob, "+o linkspan", "+i")
            play.join("juliet")
            await play.told(PuppetJoined)


async def test_a_killed_puppet_does_not_come_back():
    async with InspIRCd() as server, IrcPerson("bob", port=server.port) as bob:
        await bob.join(CHANNEL)
        await powers(bob)
        async with stage(server.port) as play:
            play.join("juliet")
            await play.told(PuppetJoined)
            bob.send("KILL juliet :go away")
            left = await play.told(PuppetLeft)
            assert (left.cause, left.final) == (Cause.REFUSED, True)
            assert "go away" in left.reason


@both
async def test_a_server_that_dies_is_come_back_to(make):
    async with make() as server, stage(server.port) as play:
        play.join("juliet")
        await play.told(PuppetJoined)
        await server.kill()
        await play.told(PuppetLeft, cause=Cause.LOST)
        await play.ready(Status.DOWN)
        await server.start()
        mark = play.mark()
        await play.told(RoomOpened, after=mark)
        await play.told(PuppetJoined, after=mark)
        async with IrcPerson("bob", port=server.port) as bob:
            await bob.join(CHANNEL)
            await play.say("juliet", "back")
            await bob.message(CHANNEL, "back", nick="juliet")


@both
async def test_two_hundred_puppets_are_up_in_seconds(make):
    names = [f"u{number}" for number in range(200)]
    async with make() as server, IrcPerson("bob", port=server.port) as bob:
        await bob.join(CHANNEL)
        async with stage(server.port) as play:
            for name in names:
                play.join(name)
            await play.hub.until(lambda: len(play.of(PuppetJoined)) == 200, "200 puppets")
            assert await bob.names(CHANNEL) == {"bob", "linkspan", *names}
            await asyncio.gather(*(play.say(name, f"I am {name}") for name in names[::10]))
            await bob.fence()
            assert [text for _, text in bob.texts(CHANNEL)] == [f"I am {name}" for name in names[::10]]
            assert play.of(MemberJoined) == []


@both
async def test_several_speakers_are_heard_in_the_order_of_the_calls(make):
    names = ("juliet", "romeo", "nurse", "paris")
    async with make() as server, IrcPerson("bob", port=server.port) as bob:
        await bob.join(CHANNEL)
        async with stage(server.port) as play:
            await play.ready()
            for name in names:
                play.join(name)
            lines = [(names[(number * number) % 4], f"line {number}") for number in range(120)]
            await asyncio.gather(*(play.say(name, text) for name, text in lines))
            await bob.fence()
            assert bob.texts(CHANNEL) == lines


async def test_away_crosses_both_ways():
    async with InspIRCd() as server, IrcPerson("bob", port=server.port, caps=["away-notify"]) as bob:
        await bob.join(CHANNEL)
        async with stage(server.port) as play:
            await play.told(MembersListed)
            bob.send("AWAY :gone fishing")
            away = await play.told(MemberJoined, member__presence__status="gone fishing")
            assert away.member.presence.show == "away"
            bob.send("AWAY")
            await play.told(MemberJoined, member__presence__show="available")
            play.connector.join(CHANNEL, someone("juliet"))
            await play.told(PuppetJoined)
            play.connector.join(CHANNEL, someone("juliet", presence=away.member.presence))
            await bob.line(":juliet!", " AWAY ", "gone fishing")
            play.connector.join(CHANNEL, someone("juliet"))
            await bob.see(lambda line: line.startswith(":juliet!") and line.endswith(" AWAY"))


async def test_history_on_join_is_replayed_but_for_our_own_words():
    async with InspIRCd() as server, IrcPerson("bob", port=server.port) as bob:
        await bob.join(CHANNEL)
        await powers(bob, "+H 50:1d")
        hub = Diary()
        async with stage(server.port, hub=hub) as play:
            await play.ready()
            play.join("juliet")
            await play.say("juliet", "from here")
            bob.say(CHANNEL, "live")
            await play.told(MessagePosted, content__text="live")
        bob.say(CHANNEL, "while you were away")
        await bob.fence()
        async with stage(server.port, hub=hub) as play:
            missed = await play.told(MessagePosted, content__text="while you were away")
            assert missed.origin.replayed
            again = [event.content.text for event in play.of(MessagePosted) if event.origin.replayed]
            assert play.of(HistoryMissed) == []  # the server has told it all
            assert again == ["live", "while you were away"]


async def test_a_bouncer_tells_what_was_said_while_the_bridge_was_away():
    """ZNC stays in the channel, and plays what it has kept to whoever comes: nothing is missing, and nothing is told of a gap."""
    hub = Diary()
    async with InspIRCd() as server, Znc(server.port, CHANNEL) as znc, IrcPerson("bob", port=server.port) as bob:
        through = partial(stage, znc.port, hub=hub, password=Secret(znc.password))

        async def is_there():
            return "linkspan" in await bob.names(CHANNEL)

        async def has_heard():
            """ZNC itself answers, behind all that it was told before, while nobody is connected to it."""
            bob.say("linkspan", "\x01PING heard\x01")
            await bob.fence()
            return any(" NOTICE bob " in line and "PING heard" in line for line in bob.seen)

        await bob.join(CHANNEL)
        await until(is_there, patience=20, what="the bouncer is in the channel")
        async with through() as play:
            await play.told(MembersListed)
            bob.say(CHANNEL, "one")
            await play.told(MessagePosted, content__text="one")
        for text in ("two", "three", "three"):
            bob.say(CHANNEL, text)
        await until(has_heard, patience=20, what="the bouncer has heard all that bob said")
        mark = len(hub.events)
        async with through() as play:
            await play.told(MessagePosted, after=mark, content__text="three")
            await play.say("juliet", "hello", relay=True)
            await bob.message(CHANNEL, "<juliet> hello", nick="linkspan")
            bob.say(CHANNEL, "four")
            await play.told(MessagePosted, content__text="four")
        heard = play.of(MessagePosted)
        assert [each.content.text for each in heard] == ["one", "two", "three", "three", "four"]
        assert [each.origin.replayed for each in heard] == [False, True, True, True, False]
        assert len({each.origin.key for each in heard}) == 5
        assert {each.sender.name for each in heard} == {"bob"}
        assert play.of(HistoryMissed) == []
