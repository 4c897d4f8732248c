"""Deliveries on the wire of a scripted server: in which order, over whose connection, and when they count as said."""

import asyncio

import pytest
from msgspec.structs import replace

from bridge.connector import Status
from bridge.core.content import Content, Span, Style
from bridge.core.deliveries import AsBridge, AsPuppet, AsRelay, Kick, SetTopic, Tell
from bridge.core.events import Cause, DirectCopied, DirectPosted, MessagePosted, PuppetJoined, PuppetLeft, RoomClosed
from bridge.core.failures import Barred, Permanent, Retry, Uncertain, VoiceLost
from bridge.core.ids import Person, PersonId, Room, RoomId
from tests.support.irc_stage import CHANNEL, NETWORK, QUICK, enter, listener, puppet, settle, someone, stage
from tests.support.ircd import Ircd

LABELS = "message-tags batch labeled-response echo-message"


async def outcome(sending):
    """Return the failure of a delivery, None if it was said."""
    try:
        async with asyncio.timeout(10):
            await sending
    except (Permanent, Retry, Uncertain, VoiceLost) as failure:
        return failure
    return None


async def test_said_is_what_the_server_has_processed():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        first = play.say("juliet", "one", relay=True)
        second = play.say("juliet", "two", relay=True)
        await mic.expect(f"PRIVMSG {CHANNEL} :<juliet> one", f"PRIVMSG {CHANNEL} :<juliet> two")
        assert not first.done()
        await settle(mic)
        ids = [(await sent).ids for sent in (first, second)]
        assert [len(each) for each in ids] == [1, 1]  # of our own: this server has none
        assert all(each[0].startswith("~") for each in ids)


async def test_with_labels_every_line_has_its_own_answer_and_id():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd, caps=LABELS)
        both = play.say("juliet", "one\ntwo", relay=True)
        other = play.say("juliet", "three", relay=True)
        labels = [(await mic.line()).partition("label=")[2].partition(" ")[0] for _ in range(3)]
        mic.send(f"@label={labels[2]};msgid=c :{mic.mask} PRIVMSG {CHANNEL} :<juliet> three")
        mic.send(f"@label={labels[0]};msgid=a :{mic.mask} PRIVMSG {CHANNEL} :<juliet> one")
        assert (await other).ids == ("c",)
        mic.send(f"@label={labels[1]};msgid=b :{mic.mask} PRIVMSG {CHANNEL} :<juliet> two")
        assert (await both).ids == ("a", "b")


async def test_a_change_of_voice_waits_for_what_was_said_before():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        play.join("juliet")
        juliet = await puppet(ircd, mic)
        await play.told(PuppetJoined)
        sent = [
            play.say("juliet", "one"),
            play.say("juliet", "two"),
            play.say("romeo", "three", relay=True),
            play.say("juliet", "four"),
        ]
        await juliet.expect(f"PRIVMSG {CHANNEL} :one", f"PRIVMSG {CHANNEL} :two")
        await mic.silence()
        await settle(juliet)
        await mic.expect(f"PRIVMSG {CHANNEL} :<romeo> three")
        await juliet.silence()
        await settle(mic)
        await juliet.expect(f"PRIVMSG {CHANNEL} :four")
        await settle(juliet)
        await asyncio.gather(*sent)


async def test_what_the_listener_has_seen_is_said_before_the_server_answers():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        play.join("juliet")
        juliet = await puppet(ircd, mic)
        await play.told(PuppetJoined)
        sent = play.say("juliet", "hello")
        await juliet.expect(f"PRIVMSG {CHANNEL} :hello")
        mic.send(f"@msgid=abc :{juliet.mask} PRIVMSG {CHANNEL} :hello")
        assert (await sent).ids == ("abc",)


async def test_the_same_words_twice_are_two_lines_whichever_way_they_are_confirmed():
    """The copy of the first comes after its echo: it says nothing about the second."""
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        play.join("juliet")
        juliet = await puppet(ircd, mic, caps=LABELS)
        await play.told(PuppetJoined)
        first, second = play.say("juliet", "ok"), play.say("juliet", "ok")
        labels = [(await juliet.line()).partition("label=")[2].partition(" ")[0] for _ in range(2)]
        juliet.send(f"@label={labels[0]};msgid=a :{juliet.mask} PRIVMSG {CHANNEL} :ok")
        assert (await first).ids == ("a",)
        mic.send(f"@msgid=a :{juliet.mask} PRIVMSG {CHANNEL} :ok")
        await mic.silence()
        assert not second.done()
        mic.send(f"@msgid=b :{juliet.mask} PRIVMSG {CHANNEL} :ok")
        assert (await second).ids == ("b",)


async def test_without_ids_a_copy_counts_once():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        play.join("juliet")
        juliet = await puppet(ircd, mic)
        await play.told(PuppetJoined)
        first = play.say("juliet", "ok")
        await juliet.expect(f"PRIVMSG {CHANNEL} :ok")
        await settle(juliet)
        await first
        second = play.say("juliet", "ok")
        await juliet.expect(f"PRIVMSG {CHANNEL} :ok")
        mic.send(f":{juliet.mask} PRIVMSG {CHANNEL} :ok")
        await mic.silence()
        assert not second.done()
        mic.send(f":{juliet.mask} PRIVMSG {CHANNEL} :ok")
        await second


async def test_rooms_do_not_wait_for_each_other():
    async with Ircd() as ircd, stage(ircd.port, rooms=(CHANNEL, "#mantua")) as play:
        mic = await ircd.accept()
        await mic.welcome()
        await mic.expect(f"JOIN {CHANNEL}", "JOIN #mantua")
        for room in (CHANNEL, "#mantua"):
            mic.send(f":{mic.mask} JOIN {room}")
        await mic.find("WHO #mantua")
        play.join("juliet")
        late = play.say("juliet", "waits for its puppet")
        await outcome_of_relay(play, mic)
        assert not late.done()


async def outcome_of_relay(play, mic):
    soon = play.say("romeo", "at once", relay=True, room=RoomId("#mantua"))
    await mic.find("PRIVMSG #mantua :<romeo> at once")
    await settle(mic)
    await soon


# refusals


@pytest.mark.parametrize(
    ("numeric", "words", "failure"),
    [
        (404, (CHANNEL, "Cannot send to channel (+m)"), Permanent),
        (442, (CHANNEL, "You're not on that channel"), VoiceLost),
        (403, (CHANNEL, "No such channel"), VoiceLost),
        (439, (CHANNEL, "Message target change too fast. Please wait 17 seconds."), Retry),
        (477, (CHANNEL, "You need a registered nick"), Permanent),
    ],
)
async def test_what_the_server_refuses(numeric, words, failure):
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        sent = play.say("juliet", "hello", relay=True)
        await mic.find("PRIVMSG")
        mic.numeric(numeric, *words)
        await settle(mic)
        found = await outcome(sent)
        assert type(found) is failure
        if isinstance(found, Retry):
            assert found.after == 17.0


async def test_a_channel_without_formatting_gets_none_and_nothing_is_said_twice():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        post = play.post("juliet", "plain\nvery strong", relay=True)
        post = replace(post, content=replace(post.content, spans=(Span(11, 17, Style.BOLD),)))
        sent = play.send(post)
        await mic.expect(f"PRIVMSG {CHANNEL} :<juliet> plain", f"PRIVMSG {CHANNEL} :<juliet> very \x02strong\x02")
        mic.send(f":{mic.mask} PRIVMSG {CHANNEL} :<juliet> plain")
        mic.numeric(404, CHANNEL, "Can't send colors to channel (+c is set)")
        await settle(mic)
        found = await outcome(sent)
        assert isinstance(found, Retry)
        again = play.send(post)
        await mic.find(f"PRIVMSG {CHANNEL} :<juliet> ")
        await settle(mic)
        assert await outcome(again) is None


async def test_a_line_that_cannot_be_written_is_refused_and_the_next_goes_on():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        nobody = Person(NETWORK, PersonId("a b\r\nQUIT"))
        head = replace(play.head(AsRelay(member=someone("juliet"))), room=Room(NETWORK, RoomId("a b")))
        assert isinstance(
            await outcome(play.send(Tell(head=head, person=nobody, content=Content(text="x")))), Permanent
        )
        sent = play.say("juliet", "next", relay=True)
        await mic.expect(f"PRIVMSG {CHANNEL} :<juliet> next")
        await settle(mic)
        await sent


async def test_a_room_that_is_linked_no_more():
    async with Ircd() as ircd, stage(ircd.port) as play:
        await listener(ircd)
        assert isinstance(await outcome(play.say("juliet", "x", room=RoomId("#gone"))), Permanent)


# speakers who are not there


async def test_a_puppet_on_its_way_is_waited_for():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        play.join("juliet")
        sent = play.say("juliet", "first words")
        behind = play.say("romeo", "behind", relay=True)
        juliet = await puppet(ircd, mic)
        await juliet.expect(f"PRIVMSG {CHANNEL} :first words")
        await mic.silence()
        await settle(juliet)
        await mic.expect(f"PRIVMSG {CHANNEL} :<romeo> behind")
        await settle(mic)
        await asyncio.gather(sent, behind)


async def test_a_puppet_that_does_not_come_loses_its_voice_and_those_behind_come_again_after_it():
    async with Ircd() as ircd, stage(ircd.port, pace=replace(QUICK, speaker=0.1)) as play:
        await listener(ircd)
        play.join("juliet")
        late = play.say("juliet", "too late")
        behind = play.say("romeo", "behind", relay=True)
        assert isinstance(await outcome(late), VoiceLost)
        found = await outcome(behind)
        assert isinstance(found, Retry)
        assert found.after == 0.0


async def test_what_waits_for_a_closed_channel_is_given_back_when_it_opens_for_older_things_come_first():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd, names="bob")
        await play.ready()
        mic.send(f":bob!b@h KICK {CHANNEL} linkspan :shoo")
        await play.told(RoomClosed)
        waiting = [play.say("juliet", text, relay=True) for text in ("one", "two")]
        await enter(mic, names="bob")
        assert [type(await outcome(each)) for each in waiting] == [Retry, Retry]
        await mic.silence()


async def test_what_is_for_a_closed_channel_is_barred_unless_puppets_go_on_there():
    async with Ircd() as ircd, stage(ircd.port, pace=replace(QUICK, speaker=0.1, rejoin=(99.0,))) as play:
        mic = await listener(ircd, names="bob")
        await play.ready()
        play.join("juliet")
        juliet = await puppet(ircd, mic)
        await play.told(PuppetJoined)
        mic.send(f":bob!b@h KICK {CHANNEL} linkspan :shoo")
        await play.ready(Status.DEGRADED)
        assert type(await outcome(play.say("romeo", "one", relay=True))) is Permanent
        juliet.send(f":bob!b@h KICK {CHANNEL} {juliet.nick} :shoo")
        await play.told(RoomClosed)
        assert type(await outcome(play.say("romeo", "two", relay=True))) is Barred


async def test_who_has_no_puppet_loses_their_voice_at_once():
    async with Ircd() as ircd, stage(ircd.port) as play:
        await listener(ircd)
        assert isinstance(await outcome(play.say("juliet", "hello")), VoiceLost)


async def test_who_was_refused_for_now_loses_their_voice_at_once():
    async with Ircd() as ircd, stage(ircd.port, pace=replace(QUICK, knock=(60.0,))) as play:
        await listener(ircd)
        play.join("juliet")
        peer = await ircd.accept()
        await peer.welcome()
        await peer.expect(f"JOIN {CHANNEL}")
        peer.numeric(471, CHANNEL, "Cannot join channel (+l)")
        await play.told(PuppetLeft, cause=Cause.REFUSED, final=False)
        found = await outcome(play.say("juliet", "hello"))
        assert isinstance(found, VoiceLost)
        assert "full" in found.reason


async def test_last_words_are_said_by_who_has_just_left():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        play.join("juliet")
        juliet = await puppet(ircd, mic)
        await play.told(PuppetJoined)
        play.leave("juliet", reason="gone")
        sent = play.say("juliet", "bye")
        await juliet.expect(f"PRIVMSG {CHANNEL} :bye")
        await settle(juliet)
        await sent
        await juliet.expect(f"PART {CHANNEL} :gone")
        await play.told(PuppetLeft, cause=Cause.LEFT)
        assert await juliet.find("QUIT")


# connections that break off


async def talking(ircd, play):
    """Return the listener's and juliet's side, and what she is just saying."""
    mic = await listener(ircd)
    play.join("juliet")
    juliet = await puppet(ircd, mic)
    await play.told(PuppetJoined)
    post = play.post("juliet", "one\ntwo\nthree")
    sent = play.send(post)
    await juliet.expect(*(f"PRIVMSG {CHANNEL} :{text}" for text in ("one", "two", "three")))
    return mic, juliet, post, sent


async def test_what_was_seen_is_said_though_its_connection_is_lost():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic, juliet, _, sent = await talking(ircd, play)
        juliet.reset()
        await play.told(PuppetLeft, cause=Cause.LOST)
        mic.send(*(f":{juliet.mask} PRIVMSG {CHANNEL} :{text}" for text in ("one", "two", "three")))
        assert await outcome(sent) is None


async def test_what_was_not_seen_before_the_quit_was_not_said_and_only_that_is_said_again():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic, juliet, post, sent = await talking(ircd, play)
        mic.send(f":{juliet.mask} PRIVMSG {CHANNEL} :one")
        juliet.reset()
        await play.told(PuppetLeft, cause=Cause.LOST)
        mic.send(f":{juliet.mask} QUIT :Connection reset by peer")
        assert isinstance(await outcome(sent), Retry)
        again = play.send(post)
        back = await puppet(ircd, mic)
        await back.expect(f"PRIVMSG {CHANNEL} :two", f"PRIVMSG {CHANNEL} :three")
        await settle(back)
        assert await outcome(again) is None


async def test_a_quit_that_is_seen_before_the_loss_counts_as_well():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic, juliet, _, sent = await talking(ircd, play)
        mic.send(f":{juliet.mask} QUIT :Killed")
        await mic.silence()
        juliet.reset()
        assert isinstance(await outcome(sent), Retry)


async def test_where_nobody_can_know_it_is_uncertain():
    async with Ircd() as ircd, stage(ircd.port, pace=replace(QUICK, verdict=0.1)) as play:
        _, juliet, _, sent = await talking(ircd, play)
        juliet.reset()
        assert isinstance(await outcome(sent), Uncertain)


async def test_the_listeners_own_words_are_uncertain_when_it_is_lost():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        sent = play.say("juliet", "hello", relay=True)
        await mic.find("PRIVMSG")
        mic.reset()
        assert isinstance(await outcome(sent), Uncertain)


# topics, kicks, private words, typing


async def test_the_topic_is_set_by_who_may():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)  # the channel is +nt
        play.join("juliet")
        juliet = await puppet(ircd, mic)
        await play.told(PuppetJoined)
        topic = SetTopic(head=play.head(AsPuppet(member=someone("juliet"))), topic="the garden")
        assert isinstance(await outcome(play.send(topic)), Permanent)
        mic.send(f":irc.test MODE {CHANNEL} +o linkspan")
        await mic.silence()
        by_listener = play.send(topic)
        await mic.expect(f"TOPIC {CHANNEL} :the garden")
        await settle(mic)
        await by_listener
        mic.send(f":irc.test MODE {CHANNEL} -t")
        await mic.silence()
        by_puppet = play.send(topic)
        await juliet.expect(f"TOPIC {CHANNEL} :the garden")
        juliet.numeric(482, CHANNEL, "You're not channel operator")
        await settle(juliet)
        assert isinstance(await outcome(by_puppet), Permanent)


async def test_a_kick_needs_a_right_and_a_ban_a_mask():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd, names="bob!b@host.example")
        bob = Person(NETWORK, PersonId("bob"))
        kick = Kick(head=play.head(AsBridge()), person=bob, name="bob", reason="spam", ban=True)
        assert isinstance(await outcome(play.send(kick)), Permanent)
        mic.send(f":irc.test MODE {CHANNEL} +o linkspan")
        await mic.silence()
        sent = play.send(kick)
        await mic.expect(f"MODE {CHANNEL} +b *!*@host.example", f"KICK {CHANNEL} bob :spam")
        await settle(mic)
        await sent


@pytest.mark.parametrize("caps", ["", "echo-message", "echo-message labeled-response batch"])
async def test_the_echo_of_what_we_have_said_is_not_taken_for_another_clients(caps):
    async with Ircd() as ircd, stage(ircd.port, pace=replace(QUICK, linger=0.5)) as play:
        await listener(ircd)
        head = replace(play.head(AsPuppet(member=someone("juliet"))), room=Room(NETWORK, RoomId("bob")))
        sent = play.send(Tell(head=head, person=Person(NETWORK, PersonId("bob")), content=Content(text="psst")))
        juliet = await ircd.accept()
        await juliet.welcome(caps=f"{caps} message-tags znc.in/self-message")
        line = await juliet.line()
        while not line.endswith("PRIVMSG bob :psst"):
            line = await juliet.line()
        tag = f"{line.partition(' ')[0]} " if line.startswith("@") else ""
        juliet.send(f"{tag}:{juliet.mask} PRIVMSG bob :psst")
        if "label=" not in tag:
            await settle(juliet)
        await sent
        juliet.send(f":{juliet.mask} PRIVMSG bob :by my telephone")
        copy = await play.told(DirectCopied)
        assert copy.content.text == "by my telephone"
        assert len(play.of(DirectCopied)) == 1


@pytest.mark.parametrize(
    ("caps", "theirs"),
    [("echo-message znc.in/self-message", ["by telephone", "same"]), ("znc.in/self-message", ["by telephone", "same", "same"])],
    ids=["with echoes", "without"],
)  # fmt: skip
async def test_behind_a_bouncer_only_our_very_words_are_our_echo_however_late(caps, theirs):
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        play.join("juliet")
        juliet = await puppet(ircd, mic, caps=caps)
        await play.told(PuppetJoined)
        one, two = play.say("juliet", "one"), play.say("juliet", "same")
        await juliet.expect(f"PRIVMSG {CHANNEL} :one", f"PRIVMSG {CHANNEL} :same")
        juliet.send(f":{juliet.mask} PRIVMSG {CHANNEL} :by telephone", f":{juliet.mask} PRIVMSG {CHANNEL} :\x02one\x02")
        await settle(juliet)
        await one
        await two
        juliet.send(*[f":{juliet.mask} PRIVMSG {CHANNEL} :{text}" for text in ("same", "same", "and so on")])
        await play.told(MessagePosted, content__text="and so on")
        assert [said.content.text for said in play.of(MessagePosted)] == [*theirs, "and so on"]


async def test_private_words_come_from_a_puppet_that_is_made_for_them():
    async with Ircd() as ircd, stage(ircd.port, pace=replace(QUICK, linger=0.5)) as play:
        await listener(ircd)
        head = replace(play.head(AsPuppet(member=someone("juliet"))), room=Room(NETWORK, RoomId("bob")))
        sent = play.send(Tell(head=head, person=Person(NETWORK, PersonId("bob")), content=Content(text="psst")))
        juliet = await ircd.accept()
        await juliet.welcome()
        await juliet.expect("PRIVMSG bob :psst")
        juliet.numeric(401, "bob", "No such nick")
        await settle(juliet)
        found = await outcome(sent)
        assert isinstance(found, Permanent)
        assert "bob" in found.reason
        await juliet.find("QUIT")


async def test_who_talks_in_private_stays_for_the_answers():
    async with Ircd() as ircd, stage(ircd.port, pace=replace(QUICK, linger=0.1, talk=3600.0)) as play:
        await listener(ircd)
        head = replace(play.head(AsPuppet(member=someone("juliet"))), room=Room(NETWORK, RoomId("bob")))
        sent = play.send(Tell(head=head, person=Person(NETWORK, PersonId("bob")), content=Content(text="psst")))
        juliet = await ircd.accept()
        await juliet.welcome()
        await juliet.expect("PRIVMSG bob :psst")
        await settle(juliet)
        await sent
        await juliet.silence()
        juliet.send(":bob!b@h PRIVMSG juliet :yes?")
        assert (await play.told(DirectPosted)).content.text == "yes?"


async def test_typing_is_shown_where_it_can_be_and_not_too_often():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        play.join("juliet")
        juliet = await puppet(ircd, mic, caps="message-tags")
        await play.told(PuppetJoined)
        for active in (True, True, True, False, False):
            play.connector.typing(CHANNEL, someone("juliet"), active=active)
        play.connector.typing(CHANNEL, someone("nobody"), active=True)
        await juliet.expect(f"@+typing=active TAGMSG {CHANNEL}", f"@+typing=done TAGMSG {CHANNEL}")
        await juliet.silence()


async def test_the_end_of_a_run_gives_everything_back():
    async with Ircd() as ircd:
        async with stage(ircd.port) as play:
            mic = await listener(ircd)
            play.join("juliet")
            written = play.say("romeo", "written", relay=True)
            await mic.find("PRIVMSG")
            waiting = play.say("juliet", "waiting")
        assert isinstance(await outcome(written), Uncertain)
        assert isinstance(await outcome(waiting), Retry)
        assert isinstance(await outcome(play.say("juliet", "afterwards")), Retry)
