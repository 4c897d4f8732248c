"""The connector speaks to the fake Bot API: what stands in the chat, what was asked, and what follows from each refusal."""

import asyncio

import pytest
from msgspec.structs import replace

from bridge.connector import Status, Unreadable
from bridge.core.content import Attachment, Mention, Span, Style
from bridge.core.deliveries import Sent
from bridge.core.events import RoomClosed
from bridge.core.failures import AuthLost, Permanent, Retry, Uncertain
from bridge.core.ids import MessageId, Network, Person, PersonId, RoomId
from connectors.telegram.carrying import DELETED
from connectors.telegram.pace import Rates
from tests.support.clock import quiet
from tests.support.telegram.stage import JULIET, stage
from tests.support.telegram.world import Standing

SHIP = Attachment(url="https://files.example/ship.jpg", name="ship.jpg", media_type="image/jpeg")
QUAY = Attachment(url="https://files.example/quay.mp4", name="quay.mp4", media_type="video/mp4")


PICTURE = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01" + bytes(200)
FILM = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + bytes(200)


def there(s, **files):
    """Put files where the hub finds them: bytes for SHIP and QUAY."""
    for name, data in files.items():
        s.hub.files[globals()[name].url] = data


async def test_words_with_styles_mentions_and_an_answer():
    async with stage() as s:
        said = s.group.says(s.alice, "when?")
        alice = Person(Network("family"), PersonId(str(s.alice.id)))
        (number,) = await s.say(
            "🚢 at ten, Alice",
            spans=(Span(2, 8, Style.BOLD),),
            mentions=(Mention(10, 15, alice),),
            reply=(MessageId(str(said["message_id"])),),
        )
        sent = s.group.messages[int(number)]
        assert sent["text"] == "Juliet: 🚢 at ten, Alice"
        assert [(each["type"], each["offset"], each["length"]) for each in sent["entities"]] == [
            ("bold", 0, 6),
            ("bold", 11, 6),
            ("text_mention", 19, 5),
        ]
        assert sent["entities"][2]["user"]["id"] == s.alice.id
        assert sent["reply_to_message"]["text"] == "when?"


async def test_an_answer_to_what_was_deleted_is_said_all_the_same():
    async with stage() as s:
        said = s.group.says(s.alice, "when?")
        s.group.deletes(said)
        await s.say("now", reply=(MessageId(str(said["message_id"])),))
        assert "reply_to_message" not in s.group.last


async def test_long_texts_are_several_messages_and_edited_together():
    async with stage() as s:
        ids = await s.say("word " * 1500)
        assert len(ids) == 2
        sent = await s.edit(ids, "other " * 2000)
        assert len(s.group.messages) == 3
        assert [len(sent.ids), s.group.last["text"].split()[0]] == [1, "other"]
        await s.edit(ids, "short")
        assert s.group.texts() == ["Juliet: short"]
        await s.edit(ids, "again " * 1000)
        assert " ".join(s.group.texts()).split() == ["Juliet:", *["again"] * 1000]
        assert len(s.group.messages) == 2
        await s.retract(ids)
        assert not s.group.messages


async def test_a_message_is_edited_retracted_and_reacted_to():
    async with stage() as s:
        ids = await s.say("hello")
        assert await s.edit(ids, "hello!") == Sent()
        assert await s.edit(ids, "hello!") == Sent()  # "not modified" is as it was to be
        assert s.group.texts() == ["Juliet: hello!"]
        await s.react(ids, "👍")
        assert s.group.reactions[int(ids[0]), s.bot.person.id] == [{"type": "emoji", "emoji": "👍"}]
        await s.react(ids)
        assert s.group.reactions[int(ids[0]), s.bot.person.id] == []
        await s.retract(ids)
        await s.retract(ids)
        await s.react(ids, "🔥")
        assert not s.group.messages
        with pytest.raises(Permanent, match="not there any more"):
            await s.edit(ids, "too late")
        assert not s.group.messages


async def test_who_goes_on_is_not_named_again_and_an_edit_of_it_neither():
    async with stage(group_within=60.0) as s:
        await s.say("one")
        ids = await s.say("two")
        await s.edit(ids, "two!")
        s.group.says(s.alice, "me too")
        await s.hub.posted("me too")
        await s.say("three")
        assert s.group.texts() == ["Juliet: one", "two!", "me too", "Juliet: three"]


async def test_what_cannot_be_deleted_any_more_loses_its_words():
    async with stage(hasty=True) as s:
        ids = await s.say("regretted")
        s.clock.elapsed += 72 * 3600
        await s.retract(ids)
        assert s.group.texts() == [DELETED]


async def test_others_messages_need_a_right():
    async with stage() as s:
        said = s.group.says(s.alice, "spam")
        ids = (MessageId(str(said["message_id"])),)
        with pytest.raises(Permanent, match="right to delete messages"):
            await s.retract(ids, here=True)
        s.group.promotes(s.bot, "can_delete_messages")
        await s.retract(ids, here=True)
        assert not s.group.messages


async def test_somebody_is_removed_and_may_or_may_not_come_back():
    async with stage() as s:
        with pytest.raises(Permanent, match="right to ban users"):
            await s.kick(s.bob)
        s.group.promotes(s.bot, "can_restrict_members")
        await s.kick(s.bob)
        assert s.group.standing(s.bob).status == "left"
        await s.kick(s.alice, ban=True)
        assert s.group.standing(s.alice).status == "kicked"


# -- files


async def test_a_picture_comes_with_its_words_and_both_can_be_edited():
    async with stage() as s:
        there(s, SHIP=PICTURE)
        ids = await s.say("look", attachments=(SHIP,))
        assert s.world.files[s.group.last["photo"][0]["file_id"]].data == PICTURE
        assert s.group.last["caption"] == "Juliet: look"
        await s.edit(ids, "look!")
        assert s.group.last["caption"] == "Juliet: look!"
        await s.edit(ids, "x" * 3000)
        assert len(s.group.last["caption"]) == 1024


async def test_pictures_and_videos_are_an_album():
    async with stage() as s:
        there(s, SHIP=PICTURE, QUAY=FILM)
        ids = await s.say("look", attachments=(SHIP, QUAY))
        assert len(ids) == 2
        assert [kind for each in s.group.messages.values() for kind in ("photo", "video") if kind in each] == [
            "photo",
            "video",
        ]
        assert len({message["media_group_id"] for message in s.group.messages.values()}) == 1
        assert s.group.texts() == ["Juliet: look", ""]
        await s.retract(ids)
        assert not s.group.messages


@pytest.mark.parametrize(
    ("name", "data", "kind", "shown"),
    [
        ("ship.jpg", PICTURE, "photo", None),
        ("quay.mp4", FILM, "video", "quay.mp4"),
        ("a.gif", b"GIF89a" + bytes(50), "animation", "a.gif"),
        ("a.mp3", b"ID3\x04\x00\x00" + bytes(50), "audio", "a.mp3"),
        ("a.ogg", b"OggS\x00\x02" + bytes(22) + b"OpusHead" + bytes(50), "voice", None),
        ("plan.pdf", b"%PDF-1.7\n" + bytes(50), "document", "plan.pdf"),
        ("notes.txt", b"ahoy", "document", "notes.txt"),
        ("a.jpg", b"no picture at all", "document", "a.jpg"),
        ("huge.jpg", PICTURE + bytes(10_000_000), "document", "huge.jpg"),
    ],
)
async def test_a_file_arrives_as_what_its_bytes_are(name, data, kind, shown):
    async with stage() as s:
        s.hub.files["https://x/f"] = data
        await s.say("", attachments=(Attachment(url="https://x/f", name=name),))
        found = s.group.last[kind]
        sent = found[0] if kind == "photo" else found
        assert s.world.files[sent["file_id"]].data == data
        assert kind == "photo" or sent.get("file_name") == shown


async def test_what_only_another_network_can_read_is_sent_too():
    async with stage() as s:
        s.hub.files["their handle"] = b"%PDF-1.7\n" + bytes(50)
        await s.say("", attachments=(Attachment(url="", handle="their handle", network="x", name="plan.pdf"),))
        assert s.group.last["document"]["file_name"] == "plan.pdf"


async def test_what_cannot_be_read_is_told_with_its_url():
    async with stage() as s:
        await s.say("look", attachments=(SHIP,))
        assert s.group.texts() == [f"Juliet: look\nship.jpg: {SHIP.url}"]


async def test_of_an_album_only_what_cannot_be_read_is_told():
    async with stage() as s:
        there(s, SHIP=PICTURE)
        ids = await s.say("look", attachments=(QUAY, SHIP))
        assert len(ids) == 2
        assert s.group.texts() == [f"Juliet: look\nquay.mp4: {QUAY.url}", ""]
        assert "photo" in s.group.last


async def test_what_turns_out_not_to_fit_together_goes_one_by_one():
    async with stage() as s:
        there(s, SHIP=b"%PDF-1.7\n" + bytes(50), QUAY=FILM)
        await s.say("look", attachments=(SHIP, QUAY))
        assert [kind for each in s.group.messages.values() for kind in ("document", "video") if kind in each] == [
            "document",
            "video",
        ]
        assert s.group.texts() == ["Juliet: look", ""]


async def test_a_picture_that_telegram_does_not_take_as_one_is_a_document():
    async with stage() as s:
        there(s, SHIP=PICTURE)
        s.api.fails("sendPhoto", 400, "Bad Request: PHOTO_INVALID_DIMENSIONS")
        await s.say("look", attachments=(SHIP,))
        assert s.group.last["document"]["file_name"] == "ship.jpg"
        s.api.fails("sendPhoto", 400, "Bad Request: IMAGE_PROCESS_FAILED")
        s.api.fails("sendDocument", 400, "Bad Request: wrong type of the web page content")
        await s.say("and this", attachments=(SHIP,))
        assert s.group.texts()[-1] == f"Juliet: and this\nship.jpg: {SHIP.url}"


async def test_files_of_telegram_are_read_for_others():
    async with stage() as s:
        data = bytes(range(256)) * 1000
        file = s.world.keep(data, name="Ärger & Co.bin")
        async with s.connector.open_file(file.id) as opened:
            assert opened.size == len(data)
            assert b"".join([chunk async for chunk in opened.chunks]) == data


@pytest.mark.parametrize(
    ("spoil", "reason", "for_now"),
    [
        (lambda s, file: s.world.files.clear(), "does not have it any more", False),
        (lambda s, file: setattr(file, "data", bytes(20_000_001)), "larger than Telegram gives", False),
        (lambda s, file: s.api.fails("getFile", 502, "Bad Gateway"), "cannot be reached", True),
        (lambda s, file: setattr(file, "path", ""), "does not have it any more", False),
    ],
)
async def test_files_of_telegram_that_cannot_be_read(spoil, reason, for_now, caplog):
    async with stage() as s:
        file = s.world.keep(b"x")
        spoil(s, file)
        with pytest.raises(Unreadable, match=reason) as unreadable:
            async with s.connector.open_file(file.id):
                pass
        assert unreadable.value.for_now is for_now
        assert s.bot.token not in f"{unreadable.value} {caplog.text}"


async def test_without_a_connection_no_file_is_read():
    async with stage(started=False) as s:
        with pytest.raises(Unreadable, match="not connected"):
            async with s.connector.open_file("x"):
                pass


# -- in turn


async def test_a_burst_never_meets_telegrams_own_limits():
    async with stage(hasty=True, rates=Rates()) as s:
        s.api.flood.on = True
        for number in range(45):
            await s.say(f"line {number}")
        assert s.api.flood.refused == 0
        assert s.group.texts() == [f"Juliet: line {number}" for number in range(45)]
        assert 120 < s.clock.elapsed < 130


async def test_a_flood_wait_bars_its_chat_and_no_other():
    async with stage(hasty=True) as s:
        other = s.world.supergroup("Other", s.alice, s.bot)
        s.api.flood.ban(s.group.id, 300)
        with pytest.raises(Retry) as refused:
            await s.say("too much")
        assert refused.value.after == 300
        await s.say("elsewhere", room=other)
        with pytest.raises(Retry) as again:
            await s.say("still too much")
        assert again.value.after == 300
        assert s.api.flood.refused == 1  # Telegram was not asked a second time
        s.clock.elapsed += 300
        await s.say("too much")
        assert s.group.texts() == ["Juliet: too much"]


async def test_what_was_said_of_a_long_text_is_not_said_again():
    async with stage(hasty=True) as s:
        post = s.post("word " * 2000)
        s.api.fails("sendMessage", 502, "Bad Gateway")
        with pytest.raises(Retry):
            await s.send(post)
        ordered = asyncio.ensure_future(s.connector.send(post))
        await s.api.until(lambda: s.group.messages)
        s.api.fails("sendMessage", 429, "Too Many Requests: retry after 3", retry_after=3)
        with pytest.raises(Retry):
            await ordered
        sent = await s.send(post)
        assert len(sent.ids) == 3
        assert "".join(f"{text} " for text in s.group.texts()).split() == ["Juliet:", *["word"] * 2000]


async def test_what_was_said_of_a_long_text_is_not_said_again_after_a_restart_either():
    async with stage(hasty=True) as s:
        post = s.post("word " * 2000)
        s.api.then("sendMessage", lambda: s.api.flood.ban(s.group.id, 300))
        with pytest.raises(Retry):
            await s.send(post)
        assert len(s.group.messages) == 1
        await s.restart()
        with pytest.raises(Retry) as refused:
            await s.send(post)
        assert (round(refused.value.after), s.api.flood.refused) == (300, 1)  # kept, and not tried out
        s.clock.elapsed += 300
        sent = await s.send(post)
        assert len(sent.ids) == 3
        assert "".join(f"{text} " for text in s.group.texts()).split() == ["Juliet:", *["word"] * 2000]
        assert not [name for name in s.hub.texts if name.startswith("unfinished")]


async def test_what_is_under_way_at_the_end_is_waited_for():
    async with stage() as s:
        gate = s.api.holds("sendMessage")
        sending = asyncio.ensure_future(s.say("last words"))
        await s.api.until(lambda: s.group.messages)
        stopping = asyncio.ensure_future(s.stop())
        await quiet()
        gate.set()
        assert await sending == (MessageId(str(s.group.last["message_id"])),)
        await stopping
        with pytest.raises(Retry, match="not connected"):
            await s.say("too late")


async def test_an_answer_that_got_lost_is_uncertain_for_what_would_be_there_twice():
    async with stage() as s:
        s.api.swallows("sendMessage")
        with pytest.raises(Uncertain):
            await s.say("arrived")
        assert s.group.texts() == ["Juliet: arrived"]
        ids = (MessageId(str(s.group.last["message_id"])),)
        s.api.swallows("editMessageText")
        with pytest.raises(Retry):
            await s.edit(ids, "again")
        await s.edit(ids, "again")
        assert s.group.texts() == ["Juliet: again"]


async def test_without_a_connection_nothing_is_sent():
    async with stage() as s:
        await s.api.down()
        with pytest.raises(Retry, match="cannot be reached"):
            await s.say("x")
        await s.stop()
        with pytest.raises(Retry, match="not connected"):
            await s.say("x")


# -- refusals


async def test_a_token_that_was_revoked():
    async with stage() as s:
        s.api.fails("sendMessage", 401, "Unauthorized")
        with pytest.raises(AuthLost) as lost:
            await s.say("x")
        assert s.bot.token not in str(lost.value)


async def test_a_room_that_the_bot_was_thrown_out_of_is_closed():
    async with stage() as s:
        s.group.standings[s.bot.person.id] = Standing("kicked")
        with pytest.raises(Permanent, match="removed from the chat"):
            await s.say("x")
        (closed,) = s.hub.of(RoomClosed)
        assert (closed.origin.room.id, closed.final) == (str(s.group.id), True)


async def test_a_group_that_moved_unnoticed_is_followed():
    async with stage(started=False) as s:
        small = s.world.group("Small", s.alice, s.bot)
        s.rooms = [small]
        await s.start()
        small.moved_to = s.group.id
        (number,) = await s.say("hello", room=small)
        assert s.group.texts() == ["Juliet: hello"]
        assert number == f"{s.group.id}/{s.group.last['message_id']}"
        s.group.says(s.alice, "hello yourself")
        await s.hub.posted("hello yourself")
        assert s.hub.events[-1].origin.room.id == str(small.id)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda s: s.bot.blocked.add(s.alice.id), "has blocked the bot"),
        (lambda s: s.bot.started.clear(), "knows no such chat"),
    ],
)
async def test_people_who_cannot_be_written_to(spoil, words):
    async with stage() as s:
        s.world.private(s.alice, s.bot)
        spoil(s)
        with pytest.raises(Permanent, match=words):
            await s.tell(s.alice, "psst")
        assert not s.hub.of(RoomClosed)


async def test_a_thread_that_is_no_topic_is_said_without_one():
    async with stage() as s:
        forum = s.world.supergroup("Forum", s.alice, s.bot, forum=True)
        tides = forum.topic(s.alice, "Tides")
        post = s.post("in it", room=forum)
        await s.send(replace(post, thread=str(tides)))
        assert forum.last["message_thread_id"] == tides
        s.hub.files[SHIP.url] = PICTURE
        await s.send(replace(s.post("beside it", room=forum, attachments=(SHIP,)), thread="4711"))
        assert (forum.last["caption"], "message_thread_id" in forum.last) == ("Juliet: beside it", False)


async def test_a_topic_that_is_closed():
    async with stage() as s:
        forum = s.world.supergroup("Forum", s.alice, s.bot, forum=True)
        tides = forum.topic(s.alice, "Tides")
        room = f"{forum.id}/{tides}"
        await s.say("high at ten", room=room)
        assert forum.last["message_thread_id"] == tides
        forum.topics[tides] = False
        with pytest.raises(Permanent, match="the topic is closed"):
            await s.say("low at four", room=room)


async def test_in_a_channel_the_bot_has_to_be_an_administrator():
    async with stage() as s:
        channel = s.world.channel("News", s.bot)
        await s.say("sail at ten", room=channel)
        assert channel.texts() == ["Juliet: sail at ten"]
        channel.standings[s.bot.person.id] = Standing("member")
        with pytest.raises(Permanent, match="administrator of this channel"):
            await s.say("x", room=channel)


# -- abilities


async def test_typing_is_shown_now_and_then_and_fails_nobody():
    async with stage(hasty=True) as s:
        here = RoomId(str(s.group.id))
        for active in (True, True, False):
            s.connector.typing(here, JULIET, active=active)
        await s.api.until(lambda: s.group.actions)
        s.clock.elapsed += 6
        s.api.fails("sendChatAction", 500, "Internal Server Error")
        s.connector.typing(here, JULIET, active=True)
        s.connector.typing(RoomId("nonsense"), JULIET, active=True)
        await s.api.until(lambda: len(s.api.wire("sendChatAction")) == 2)
        await s.say("x")
        assert s.group.actions == ["typing"]


async def test_check_names_what_is_missing_and_what_to_do():
    async with stage(privacy=True, started=False) as s:
        administered = s.world.supergroup("Administered", s.alice, s.bot)
        administered.promotes(s.bot)
        rooms = [str(s.group.id), str(administered.id), "-100999", "#dev", "7"]
        network, *found = await s.connector.check([RoomId(room) for room in rooms])
        assert (network.ok, network.detail) == (True, "connected as @linkspan_bot")
        assert [finding.subject for finding in found] == [f"family:{room}" for room in rooms]
        assert [finding.ok for finding in found] == [False, True, False, False, True]
        assert "/setprivacy" in found[0].hint
        assert found[1].detail.startswith("read; the bot cannot delete others' messages, cannot remove people: give it")
        assert "add the bot" in found[2].hint
        assert s.api.polls == []


async def test_check_says_what_is_wrong_with_the_whole_network():
    async with stage(started=False) as s:
        del s.world.bots[s.bot.token]
        (finding,) = await s.connector.check([])
        assert (finding.ok, "BotFather" in finding.hint) == (False, True)
        await s.api.down()
        (finding,) = await s.connector.check([])
        assert (finding.ok, s.api.url in finding.hint) == (False, True)
        assert s.bot.token not in finding.detail


async def test_the_network_is_ready_when_it_can_speak():
    async with stage(started=False) as s:
        s.run()
        await s.hub.reported(Status.READY)
        await s.say("at once")
