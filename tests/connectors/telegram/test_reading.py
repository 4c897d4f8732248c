"""The connector reads the fake Bot API: everything once, in order, and confirmed when it is durable."""

import logging

import pytest

from bridge.connector import Status
from bridge.core.events import (
    Cause,
    DirectPosted,
    MemberJoined,
    MemberLeft,
    MessageEdited,
    MessagePosted,
    ReactionsChanged,
    RoomClosed,
    RoomOpened,
)
from bridge.core.ids import RoomId
from connectors.telegram.connector import HELP
from tests.support.telegram.stage import JULIET, HeldClock, stage


async def test_a_room_is_opened_and_what_happens_in_it_is_told_in_order():
    async with stage() as s:
        s.group.promotes(s.alice)
        s.group.promotes(s.bot)
        said = s.group.says(s.alice, "bold 🚢", entities=[{"type": "bold", "offset": 0, "length": 4}])
        s.group.edits(said, text="bolder 🚢")
        s.group.reacts(s.bob, said, "👍")
        s.group.says(s.bob, "yes", reply_to=said)
        s.group.leaves(s.bob)
        await s.hub.until(lambda: s.hub.of(MemberLeft))
        posted, edited, reacted, answer = s.hub.of(MessagePosted, MessageEdited, ReactionsChanged)
        assert (posted.content.text, len(posted.content.spans)) == ("bold 🚢", 1)
        assert (edited.target, edited.content.text) == (posted.id, "bolder 🚢")
        assert (reacted.target, reacted.reactions, reacted.sender.name) == (posted.id, ("👍",), "Bob 🚢")
        assert (answer.reply_to, answer.sender.name) == (posted.id, "Bob 🚢")
        assert s.hub.of(RoomOpened)[0].origin.room.id == str(s.group.id)


async def test_who_administers_a_room_is_known_from_the_start():
    async with stage(started=False) as s:
        s.group.promotes(s.alice)
        await s.start()
        await s.hub.until(lambda: s.hub.of(MemberJoined))
        assert [event.member.name for event in s.hub.of(MemberJoined)] == ["Alice Ångström"]


async def test_a_webhook_that_somebody_left_behind_does_not_keep_updates_away():
    async with stage(started=False) as s:
        s.bot.webhook = {"url": "https://old.example.org"}
        s.group.says(s.alice, "waiting")
        await s.start()
        await s.hub.posted("waiting")


async def test_what_waited_is_read_before_the_network_is_ready_and_marked():
    async with stage(started=False) as s:
        s.group.says(s.alice, "while you were away")
        await s.start()
        assert [event.origin.replayed for event in s.hub.of(MessagePosted)] == [True]
        s.group.says(s.alice, "now")
        await s.hub.posted("while you were away", "now")
        assert [event.origin.replayed for event in s.hub.of(MessagePosted)] == [True, False]


async def test_an_album_that_comes_in_two_answers_is_one_message():
    clock = HeldClock()
    async with stage(clock=clock) as s:
        first = s.group.photo(s.alice, caption="look", media_group_id="g")
        await clock.asleep(1)
        assert not s.hub.of(MessagePosted)
        s.group.photo(s.alice, media_group_id="g")
        s.group.says(s.bob, "nice")
        clock.wake()
        await s.hub.until(lambda: len(s.hub.of(MessagePosted)) == 2)
        album, nice = s.hub.of(MessagePosted)
        assert (album.id, len(album.aliases), len(album.content.attachments)) == (str(first["message_id"]), 1, 2)
        assert nice.content.text == "nice"


async def test_albums_that_waited_are_whole_after_a_restart():
    async with stage(started=False) as s:
        for number in range(97):
            s.group.says(s.alice, f"line {number}")
        s.group.album(s.alice, "a", "b", "c", "d")
        s.group.says(s.bob, "nice")
        await s.start()
        *_, album, nice = s.hub.of(MessagePosted)
        assert (album.content.text, len(album.content.attachments), nice.content.text) == ("a\nb\nc\nd", 4, "nice")
        assert len(s.hub.of(MessagePosted)) == 99


# -- nothing lost, nothing twice


async def test_ten_thousand_updates_that_waited_arrive_in_order_once():
    async with stage(started=False) as s:
        texts = [f"line {number}" for number in range(10_000)]
        for text in texts:
            s.group.says(s.alice, text)
        s.run()
        await s.hub.until(lambda: len(s.hub.of(MessagePosted)) == len(texts))
        assert s.hub.texts_posted() == texts
        await s.hub.reported(Status.READY)
        assert not s.bot.updates
        assert s.hub.texts_posted() == texts


async def test_nothing_is_confirmed_before_it_is_durable():
    async with stage() as s:
        s.hub.held = []
        s.group.says(s.alice, "one")
        await s.hub.until(lambda: s.hub.held)
        polls = len(s.api.polls)
        s.group.says(s.alice, "two")
        assert len(s.bot.updates) == 2
        s.hub.held.pop().set_result(None)
        await s.api.until(lambda: len(s.api.polls) > polls)
        assert len(s.bot.updates) == 1


async def test_what_was_not_durable_when_the_process_ended_comes_again_with_the_same_key():
    async with stage() as s:
        s.group.says(s.alice, "durable")
        await s.hub.posted("durable")
        s.hub.held = []
        s.group.says(s.alice, "not durable")
        await s.hub.posted("durable", "not durable")
        lost = s.hub.of(MessagePosted)[1]
        await s.restart()
        (again,) = s.hub.of(MessagePosted)
        assert (again.content, again.origin.key, again.origin.replayed) == (lost.content, lost.origin.key, True)


async def test_what_the_store_did_not_take_is_read_again():
    clock = HeldClock()
    async with stage(clock=clock) as s:
        s.hub.away = 1
        s.group.says(s.alice, "one")
        await clock.asleep(1)
        s.group.says(s.alice, "two")
        assert "offset" not in s.hub.texts
        assert len(s.bot.updates) == 2
        clock.wake()
        await s.hub.posted("one", "two")


async def test_an_update_that_cannot_be_read_holds_up_nothing(caplog):
    async with stage() as s:
        s.bot.updates.append({"update_id": next(s.bot.numbers), "message": {"text": "secret words"}})
        s.group.says(s.alice, "after")
        await s.hub.posted("after")
        assert "telegram.unreadable" in caplog.text
        assert "secret words" not in caplog.text


# -- trouble


async def test_a_second_reader_is_told_and_waited_for():
    async with stage(hasty=True) as s:
        s.api.fails("getUpdates", 409, "Conflict: terminated by other getUpdates request")
        s.group.says(s.alice, "x")
        detail = await s.hub.reported(Status.DEGRADED)
        assert "another program reads this bot's updates" in detail
        assert "BotFather" in detail
        s.group.says(s.alice, "y")
        await s.hub.posted("x", "y")
        assert s.clock.slept[0] == 30.0
        await s.hub.reported(Status.READY)


async def test_a_token_that_is_not_accepted_needs_somebody(caplog):
    caplog.set_level(logging.INFO)
    async with stage(started=False) as s:
        del s.world.bots[s.bot.token]
        await s.start()
        status, detail = s.hub.reports[-1]
        assert (status, "BotFather" in detail) == (Status.NEEDS_LOGIN, True)
        assert s.bot.token not in caplog.text + str(s.hub.reports)


async def test_a_network_that_is_away_is_down_and_comes_back(caplog):
    caplog.set_level(logging.INFO)
    async with stage(hasty=True) as s:
        await s.api.down()
        detail = await s.hub.reported(Status.DOWN)
        assert "cannot be reached" in detail
        s.group.says(s.alice, "meanwhile")
        await s.api.up()
        await s.hub.posted("meanwhile")
        await s.hub.reported(Status.READY)
        assert s.bot.token not in caplog.text + str(s.hub.reports)


@pytest.mark.parametrize(("code", "words"), [(502, "Bad Gateway"), (500, "Internal Server Error")])
async def test_a_server_in_trouble_is_asked_again(code, words):
    async with stage(hasty=True) as s:
        s.api.fails("getUpdates", code, words)
        s.group.says(s.alice, "x")
        await s.hub.until(lambda: any(status is Status.DOWN for status, _ in s.hub.reports))
        s.group.says(s.alice, "y")
        await s.hub.posted("x", "y")


async def test_a_server_that_wants_a_pause_gets_it():
    async with stage(hasty=True) as s:
        s.api.fails("getUpdates", 429, "Too Many Requests: retry after 7", retry_after=7)
        s.group.says(s.alice, "x")
        await s.hub.reported(Status.DOWN)
        s.group.says(s.alice, "y")
        await s.hub.posted("x", "y")
        assert s.clock.slept[0] == 7.0


# -- rooms


async def test_the_bot_is_thrown_out_and_let_in_again():
    async with stage() as s:
        await s.hub.until(lambda: s.hub.of(RoomOpened))
        s.group.removes(s.bot, by=s.alice)
        await s.hub.until(lambda: s.hub.of(RoomClosed))
        closed = s.hub.of(RoomClosed)[0]
        assert (closed.cause, closed.final) == (Cause.BANNED, True)
        assert closed.reason == "Alice Ångström removed the bot from the chat"
        s.group.joins(s.bot, by=s.alice)
        await s.hub.until(lambda: len(s.hub.of(RoomOpened)) == 2)


@pytest.mark.parametrize(
    ("room", "reason"),
    [
        ("-100999", "the bot knows no such chat: it has to be added there first"),
        ("#dev", "this is no room of Telegram: expected the number of a chat, such as -1001234567890"),
    ],
)
async def test_a_room_that_cannot_be_read_is_closed_with_a_reason(room, reason):
    async with stage(started=False) as s:
        s.rooms = [room]
        await s.start()
        await s.hub.until(lambda: s.hub.of(RoomClosed))
        closed = s.hub.of(RoomClosed)[0]
        assert (closed.origin.room.id, closed.cause, closed.reason) == (room, Cause.REFUSED, reason)


async def test_a_room_whose_opening_failed_is_opened_later():
    async with stage(hasty=True, started=False) as s:
        s.api.fails("getChatMember", 502, "Bad Gateway")
        s.api.fails("getChatMember", 429, "Too Many Requests: retry after 5", retry_after=5)
        await s.start()
        await s.hub.until(lambda: s.hub.of(RoomOpened))
        assert 5.0 in s.clock.slept


async def test_privacy_mode_is_told_once_with_what_to_do_until_the_bot_may_read(caplog):
    async with stage(privacy=True) as s:
        detail = await s.hub.reported(Status.DEGRADED)
        assert detail.startswith(f"{s.group.id}: privacy mode is on")
        assert "/setprivacy" in detail
        s.group.says(s.alice, "not heard")
        s.group.promotes(s.bot)
        await s.hub.reported(Status.READY)
        s.group.says(s.alice, "heard")
        await s.hub.posted("heard")
        assert caplog.text.count("privacy mode") == 1


async def test_missing_rights_are_told_once_and_the_network_is_ready_all_the_same(caplog):
    async with stage() as s:
        assert s.hub.reports[-1] == (Status.READY, "")
        await s.restart()
        for rights in ((), ("can_delete_messages",), ("can_delete_messages", "can_restrict_members")):
            looks = len(s.api.wire("getChatMember"))
            s.group.promotes(s.bot, *rights)
            await s.api.until(lambda looks=looks: len(s.api.wire("getChatMember")) > looks)
        told = [line for line in caplog.text.splitlines() if "telegram.rights" in line]
        assert [("sees no reactions" in line, "cannot delete" in line, "cannot remove" in line) for line in told] == [
            (True, True, True),
            (True, True, True),  # of the second start
            (False, True, True),
            (False, False, True),
        ]
        assert s.hub.reports[-1] == (Status.READY, "")


async def test_the_number_of_a_chat_is_in_the_log_when_the_bot_is_added_to_it(caplog):
    caplog.set_level(logging.INFO)
    async with stage() as s:
        other = s.world.supergroup("Other", s.alice)
        other.joins(s.bot, by=s.alice)
        await s.api.until(lambda: not s.bot.updates)
        assert f"room={other.id}: the bot is in this chat" in caplog.text


async def test_topics_are_rooms_of_their_own():
    async with stage(started=False) as s:
        forum = s.world.supergroup("Forum", s.alice, s.bot, forum=True)
        tides = forum.topic(s.alice, "Tides")
        s.rooms = [forum, f"{forum.id}/{tides}"]
        await s.start()
        forum.says(s.alice, "in the topic", topic=tides)
        forum.says(s.alice, "in general")
        await s.hub.until(lambda: len(s.hub.of(MessagePosted)) == 3)
        assert [(event.origin.room.id, event.content.text) for event in s.hub.of(MessagePosted)][1:] == [
            (f"{forum.id}/{tides}", "in the topic"),
            (str(forum.id), "in general"),
        ]


async def test_what_is_no_longer_listened_to_is_not_told():
    async with stage() as s:
        other = s.world.supergroup("Other", s.alice, s.bot)
        s.connector.listen(RoomId(str(other.id)))
        s.connector.unlisten(RoomId(str(s.group.id)))
        s.group.says(s.alice, "unheard")
        other.says(s.alice, "heard")
        await s.hub.posted("heard")


async def test_a_group_that_becomes_a_supergroup_keeps_its_room_also_after_a_restart(caplog):
    async with stage(started=False) as s:
        small = s.world.group("Small", s.alice, s.bot)
        s.rooms = [small]
        await s.start()
        small.says(s.alice, "before")
        new = small.migrates()
        small.removes(s.bot, by=s.alice)  # nobody is left in the old one
        new.says(s.alice, "after")
        await s.hub.posted("before", "made this group a supergroup", "after")
        assert {event.origin.room.id for event in s.hub.events} == {str(small.id)}
        assert not s.hub.of(RoomClosed)
        assert len({event.id for event in s.hub.of(MessagePosted)}) == 3
        await s.restart()
        new.says(s.alice, "later")
        await s.hub.posted("later")
        await s.say("and back", room=small)
        assert new.texts()[-1] == "Juliet: and back"
        assert "telegram.moved" in caplog.text


# -- private chats


async def test_an_answer_to_what_was_passed_on_goes_to_whose_it_was():
    async with stage() as s:
        chat = s.world.private(s.alice, s.bot)
        await s.tell(s.alice, "psst")
        await s.restart()
        chat.says(s.alice, "what?", reply_to=chat.last)
        await s.hub.until(lambda: s.hub.of(DirectPosted))
        direct = s.hub.of(DirectPosted)[0]
        assert (direct.to, direct.content.text, direct.sender.name) == (JULIET.person, "what?", "Alice Ångström")


async def test_who_writes_to_the_bot_itself_is_told_how_it_works():
    async with stage() as s:
        chat = s.world.private(s.alice, s.bot)
        chat.says(s.alice, "/start")
        await s.api.until(lambda: len(chat.messages) == 2)
        assert chat.last["text"] == HELP
        assert chat.last["reply_to_message"]["text"] == "/start"
        assert not s.hub.of(DirectPosted)


async def test_a_room_has_the_title_of_its_chat_before_anybody_speaks_there():
    async with stage() as s:
        room = RoomId(str(s.group.id))
        await s.hub.reported(Status.READY)
        await s.hub.until(lambda: s.connector.title(room))
        assert s.connector.title(room) == s.connector.title(RoomId(f"{room}/7")) == "Ferry port"
        assert s.connector.title(RoomId("-5")) == s.connector.title(RoomId("no room")) == ""
