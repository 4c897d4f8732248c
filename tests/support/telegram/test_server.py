"""The fake Bot API against python-telegram-bot, which must not be able to tell."""

import asyncio
from contextlib import asynccontextmanager

import pytest
import telegram
from aiohttp import ClientSession, web
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
)

from tests.support.telegram.schema import Mistake, schema
from tests.support.telegram.server import BotApi
from tests.support.telegram.world import Standing


class Stage:
    """A supergroup with Alice, Bob and a bot, and python-telegram-bot holding the bot's token."""

    def __init__(self, api: BotApi, *, privacy: bool = False) -> None:
        self.api = api
        self.bot = api.world.bot(privacy=privacy)
        self.alice = api.world.person("Alice", "Ångström", username="alice")
        self.bob = api.world.person("Bob 🚢")
        self.group = api.world.supergroup("Ferry port", self.alice, self.bob, self.bot)
        self.client = telegram.Bot(self.bot.token, base_url=f"{api.url}/bot", base_file_url=f"{api.url}/file/bot")

    async def updates(self, **given):
        return await self.client.get_updates(**given)

    async def texts(self, **given):
        return [update.message.text for update in await self.updates(**given) if update.message]

    async def kinds(self):
        return [kind for update in await self.updates() for kind in update.to_dict() if kind != "update_id"]


@asynccontextmanager
async def stage(**given):
    async with BotApi() as api:
        one = Stage(api, **given)
        async with one.client:
            yield one


async def test_a_bot_is_who_its_token_says():
    async with stage() as s:
        me = await s.client.get_me()
        assert (me.username, me.is_bot, me.can_read_all_group_messages) == ("linkspan_bot", True, True)
        async with ClientSession() as session:
            for token, status in (("999999:other", 401), ("nonsense", 404)):
                answer = await session.get(f"{s.api.url}/bot{token}/getMe")
                assert answer.status == status
            answer = await session.get(f"{s.api.url}/bot{s.bot.token}/getMoney")
            assert answer.status == 404
        stranger = telegram.Bot("999999:other", base_url=f"{s.api.url}/bot")
        with pytest.raises(InvalidToken):
            await stranger.initialize()
        await stranger.shutdown()


async def test_an_update_comes_until_it_is_confirmed_and_never_again():
    async with stage() as s:
        for text in ("one", "two", "three"):
            s.group.says(s.alice, text)
        first, second, third = await s.updates()
        assert second.update_id == first.update_id + 1
        assert await s.texts() == ["one", "two", "three"]
        assert await s.texts(offset=second.update_id) == ["two", "three"]
        assert await s.texts(offset=first.update_id) == ["two", "three"]
        assert await s.texts(limit=1) == ["two"]
        assert await s.texts(offset=-1) == ["three"]
        assert await s.texts(offset=third.update_id + 1) == []


async def test_a_poll_waits_for_news():
    async with stage() as s:
        polling = asyncio.create_task(s.texts(timeout=30))
        await s.api.until(lambda: s.api.polls)
        s.group.says(s.alice, "news")
        assert await polling == ["news"]


async def test_what_was_not_asked_for_does_not_come():
    async with stage() as s:
        s.group.promotes(s.bot)
        said = s.group.says(s.alice, "hello")
        s.group.reacts(s.bob, said, "👍")
        assert [update.message is not None for update in await s.updates()] == [False, True]

        await s.updates(allowed_updates=["message_reaction"])
        s.group.says(s.alice, "not asked for")
        s.group.reacts(s.bob, said, "🔥")
        new = (await s.updates())[-1].message_reaction
        assert (new.user.first_name, new.old_reaction[0].emoji, new.new_reaction[0].emoji) == ("Bob 🚢", "👍", "🔥")
        assert len(await s.updates()) == 3


async def test_only_an_administrator_hears_of_reactions_and_members():
    async with stage() as s:
        await s.updates(allowed_updates=["message", "message_reaction", "chat_member"])
        said = s.group.says(s.alice, "hello")
        s.group.reacts(s.bob, said, "👍")
        s.group.leaves(s.bob)
        assert await s.kinds() == ["message", "message"]
        s.group.promotes(s.bot)
        s.group.joins(s.bob)
        assert (await s.kinds())[2:] == ["chat_member", "message"]


async def test_a_second_poller_ends_the_first():
    async with stage() as s:
        first = asyncio.create_task(s.texts(timeout=30))
        await s.api.until(lambda: s.api.polls)
        other = telegram.Bot(s.bot.token, base_url=f"{s.api.url}/bot")
        await other.initialize()
        second = asyncio.create_task(other.get_updates(timeout=30))
        with pytest.raises(Conflict, match="terminated by other getUpdates"):
            await first
        s.group.says(s.alice, "for the second")
        assert [update.message.text for update in await second] == ["for the second"]
        await other.shutdown()


async def test_privacy_mode_and_other_bots():
    async with stage(privacy=True) as s:
        other = s.api.world.person("Helper", is_bot=True)
        s.group.joins(other)
        s.group.says(s.alice, "private")
        s.group.says(s.alice, "/start")
        own = await s.client.send_message(s.group.id, "hello")
        s.group.says(s.alice, "to you", reply_to=s.group.messages[own.message_id])
        s.group.says(other, "beep")
        assert await s.texts() == [None, "/start", "to you"]
        s.group.promotes(s.bot)
        s.group.says(s.alice, "now heard")
        s.group.says(other, "still not")
        assert (await s.texts())[-1] == "now heard"


async def test_a_webhook_gets_updates_with_its_secret_until_it_takes_them():
    async with stage() as s:
        got = []
        answers = [500, 200, 200]

        async def hook(request):
            got.append((request.headers["X-Telegram-Bot-Api-Secret-Token"], (await request.json())["message"]["text"]))
            return web.Response(status=answers[len(got) - 1])

        application = web.Application()
        application.router.add_post("/hook", hook)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        await s.client.set_webhook(url, secret_token="shh")
        s.group.says(s.alice, "one")
        s.group.says(s.alice, "two")
        await s.api.until(lambda: not s.bot.updates)
        assert got == [("shh", "one"), ("shh", "one"), ("shh", "two")]
        with pytest.raises(Conflict, match="webhook is active"):
            await s.updates()
        info = await s.client.get_webhook_info()
        assert (info.url, info.last_error_message) == (
            url,
            "Wrong response from the webhook: 500 Internal Server Error",
        )
        await s.client.delete_webhook()
        assert await s.texts() == []
        await runner.cleanup()


async def test_messages_are_kept_as_telegram_keeps_them():
    async with stage() as s:
        bold = telegram.MessageEntity(telegram.MessageEntity.BOLD, 2, 4)
        sent = await s.client.send_message(s.group.id, "  ab🚢 cd ", entities=[bold])
        assert (sent.text, sent.entities[0].offset, sent.entities[0].length) == ("ab🚢 cd", 0, 4)
        assert sent.parse_entity(sent.entities[0]) == "ab🚢"
        answer = await s.client.send_message(
            s.group.id, "yes", reply_parameters=telegram.ReplyParameters(sent.message_id)
        )
        assert answer.reply_to_message.text == "ab🚢 cd"


@pytest.mark.parametrize(
    ("text", "entity", "refusal"),
    [
        ("x" * 4097, None, "Message is too long"),
        ("🚢" * 2049, None, "Message is too long"),
        ("\n ", None, "Message text is empty"),
        ("abc", ("bold", 1, 3), "ends after the end of the text"),
        ("🚢a", ("bold", 0, 1), "ends in a middle of a utf-16 symbol"),
        ("abc", ("bold", 0, 0), "wrong offset or length"),
        ("abc", ("blink", 0, 1), "Unsupported entity type"),
        ("abc", ("text_link", 0, 1), "no url"),
    ],
)
async def test_bad_texts_are_refused(text, entity, refusal):
    async with stage() as s:
        entities = [telegram.MessageEntity(*entity)] if entity else None
        with pytest.raises(BadRequest, match=refusal):
            await s.client.send_message(s.group.id, text, entities=entities)
        assert not s.group.messages


async def test_edits_and_deletions_are_each_refused_in_their_own_words():
    async with stage() as s:
        here = s.group.id
        theirs = s.group.says(s.alice, "mine")["message_id"]
        own = (await s.client.send_message(here, "x")).message_id
        picture = (await s.client.send_photo(here, b"\x89PNG", caption="y")).message_id
        assert (await s.client.edit_message_text("z", here, own)).text == "z"
        assert (await s.client.edit_message_caption(here, picture, caption="w")).caption == "w"
        for call, refusal in (
            (s.client.edit_message_text("z", here, own), "not modified"),
            (s.client.edit_message_text("z", here, 999), "to edit not found"),
            (s.client.edit_message_text("z", here, theirs), "can't be edited"),
            (s.client.edit_message_text("z", here, picture), "no text in the message"),
            (s.client.delete_message(here, 999), "to delete not found"),
            (s.client.delete_message(here, theirs), "can't be deleted"),
            (s.client.set_message_reaction(here, 999, "👍"), "to react not found"),
            (s.client.set_message_reaction(here, theirs, "🍕"), "Reaction_invalid"),
            (s.client.send_message(-5, "x"), "Chat not found"),
        ):
            with pytest.raises(BadRequest, match=refusal):
                await call
        assert await s.client.delete_messages(here, [own, picture, 999])
        s.group.promotes(s.bot, "can_delete_messages")
        assert await s.client.delete_message(here, theirs)
        assert s.group.messages == {}


async def test_a_bot_sets_one_reaction():
    async with stage() as s:
        said = s.group.says(s.alice, "hello")["message_id"]
        await s.client.set_message_reaction(s.group.id, said, "👍")
        assert s.group.reactions[said, s.bot.person.id] == [{"type": "emoji", "emoji": "👍"}]
        await s.client.set_message_reaction(s.group.id, said, [])
        assert s.group.reactions[said, s.bot.person.id] == []
        with pytest.raises(BadRequest, match="many"):
            await s.client.set_message_reaction(s.group.id, said, ["👍", "🔥"])


async def test_files_go_up_and_come_down():
    async with stage() as s:
        here = s.group.id
        sent = await s.client.send_document(here, b"%PDF", filename="plan.pdf", caption="see")
        assert (sent.document.file_name, sent.document.file_size, sent.caption) == ("plan.pdf", 4, "see")
        file = await s.client.get_file(sent.document.file_id)
        assert bytes(await file.download_as_bytearray()) == b"%PDF"
        again = await s.client.send_document(here, sent.document.file_id)
        assert again.document.file_unique_id == sent.document.file_unique_id

        s.api.world.web["https://files.example/ship.jpg"] = ("image/jpeg", b"\xff\xd8")
        by_url = await s.client.send_photo(here, "https://files.example/ship.jpg")
        assert by_url.photo[0].file_size == 2
        with pytest.raises(BadRequest, match="http url content"):
            await s.client.send_photo(here, "https://files.example/gone.jpg")
        with pytest.raises(BadRequest, match="too long"):
            await s.client.send_photo(here, b"\x89PNG", caption="x" * 1025)
        await s.client.send_location(here, 54.18, 12.08)
        await s.client.send_chat_action(here, "typing")
        assert s.group.actions == ["typing"]


async def test_people_and_groups_have_pictures():
    async with stage() as s:
        assert (await s.client.get_user_profile_photos(s.alice.id)).total_count == 0
        s.api.world.portrays(s.alice, b"old")
        s.api.world.portrays(s.alice, b"new")
        found = await s.client.get_user_profile_photos(s.alice.id, limit=1)
        assert (found.total_count, [size.width for size in found.photos[0]]) == (2, [160, 320, 640])
        file = await s.client.get_file(found.photos[0][1].file_id)
        assert bytes(await file.download_as_bytearray()).startswith(b"new")
        with pytest.raises(BadRequest, match="User not found"):
            await s.client.get_user_profile_photos(4711)
        assert (await s.client.get_chat(s.group.id)).photo is None
        s.group.picture = dict.fromkeys(
            ("small_file_id", "small_file_unique_id", "big_file_id", "big_file_unique_id"), "x"
        )
        assert (await s.client.get_chat(s.group.id)).photo.small_file_id == "x"


async def test_bots_meet_only_where_both_have_asked_for_it():
    async with stage() as s:
        other = s.api.world.bot("220201543:other", privacy=False)
        s.group.joins(other, by=s.alice)
        s.group.says(other.person, "unseen")
        s.api.world.bots_meet = True
        s.group.says(other.person, "seen")
        assert [text for text in await s.texts() if text] == ["seen"]


async def test_documents_are_albums_of_their_own():
    async with stage() as s:
        media = [telegram.InputMediaDocument(b"%PDF", filename=f"{n}.pdf") for n in range(2)]
        await s.client.send_media_group(s.group.id, media)
        assert [message["document"]["file_name"] for message in s.group.messages.values()] == ["0.pdf", "1.pdf"]
        with pytest.raises(BadRequest, match="only"):
            await s.client.send_media_group(s.group.id, [media[0], telegram.InputMediaPhoto(b"x", filename="x.jpg")])


async def test_something_can_be_made_to_happen_between_two_requests():
    async with stage() as s:
        s.api.then("sendMessage", lambda: s.group.says(s.bob, "in between"))
        await s.client.send_message(s.group.id, "first")
        await s.client.send_message(s.group.id, "second")
        assert s.group.texts() == ["first", "in between", "second"]
        gate = s.api.holds("sendMessage")
        sending = asyncio.ensure_future(s.client.send_message(s.group.id, "third"))
        await s.api.until(lambda: "third" in s.group.texts())
        assert not sending.done()
        gate.set()
        assert (await sending).text == "third"


async def test_an_album_is_several_messages_with_one_id():
    async with stage() as s:
        media = [telegram.InputMediaPhoto(b"\x89PNG", caption="a"), telegram.InputMediaPhoto(b"\x89PNG")]
        sent = await s.client.send_media_group(s.group.id, media)
        assert [message.caption for message in sent] == ["a", None]
        assert len({message.media_group_id for message in sent}) == 1
        with pytest.raises(BadRequest, match="number of items"):
            await s.client.send_media_group(s.group.id, media[:1])


async def test_flood_limits_say_how_long_to_wait():
    async with stage() as s:
        s.api.flood.on = True
        for number in range(3):
            await s.client.send_message(s.group.id, str(number))
        with pytest.raises(RetryAfter) as refused:
            await s.client.send_message(s.group.id, "too soon")
        assert refused.value._retry_after.total_seconds() == 1
        s.api.flood.ban(s.group.id, 30)
        with pytest.raises(RetryAfter) as refused:
            await s.client.send_message(s.group.id, "x")
        assert refused.value._retry_after.total_seconds() == 30
        assert s.group.texts() == ["0", "1", "2"]


async def test_where_a_bot_is_not_it_may_not_write():
    async with stage() as s:
        s.group.removes(s.bot, by=s.alice)
        with pytest.raises(Forbidden, match="bot was kicked from the supergroup chat"):
            await s.client.send_message(s.group.id, "x")
        status = (await s.updates())[-1].my_chat_member.new_chat_member.status
        assert status == "kicked"
        with pytest.raises(BadRequest, match="Chat not found"):
            await s.client.send_message(s.alice.id, "x")
        s.api.world.private(s.alice, s.bot)
        await s.client.send_message(s.alice.id, "x")
        s.bot.blocked.add(s.alice.id)
        with pytest.raises(Forbidden, match="blocked by the user"):
            await s.client.send_message(s.alice.id, "x")
        channel = s.api.world.channel("News", s.bot)
        channel.standings[s.bot.person.id] = Standing("member")
        with pytest.raises(BadRequest, match="administrator rights in the channel"):
            await s.client.send_message(channel.id, "x")


async def test_a_group_becomes_a_supergroup():
    async with stage() as s:
        old = s.api.world.group("Small", s.alice, s.bot)
        new = old.migrates()
        leaving, arriving = [update.message for update in await s.updates()]
        assert (leaving.chat.id, leaving.migrate_to_chat_id) == (old.id, new.id)
        assert (arriving.chat.id, arriving.migrate_from_chat_id) == (new.id, old.id)
        with pytest.raises(ChatMigrated) as moved:
            await s.client.send_message(old.id, "x")
        assert moved.value.new_chat_id == new.id
        await s.client.send_message(new.id, "x")


async def test_topics():
    async with stage() as s:
        forum = s.api.world.supergroup("Forum", s.alice, s.bot, forum=True)
        tides = forum.topic(s.alice, "Tides")
        forum.says(s.alice, "high at ten", topic=tides)
        created, said = [update.message for update in await s.updates()]
        assert created.forum_topic_created.name == "Tides"
        assert (said.message_thread_id, said.is_topic_message) == (tides, True)
        sent = await s.client.send_message(forum.id, "thanks", message_thread_id=tides)
        assert sent.message_thread_id == tides
        with pytest.raises(BadRequest, match="thread not found"):
            await s.client.send_message(forum.id, "x", message_thread_id=999)
        forum.topics[tides] = False
        with pytest.raises(BadRequest, match="Topic_closed"):
            await s.client.send_message(forum.id, "x", message_thread_id=tides)


async def test_members_are_told_as_far_as_a_bot_may_know():
    async with stage() as s:
        assert (await s.client.get_chat(s.group.id)).title == "Ferry port"
        assert (await s.client.get_chat_member(s.group.id, s.bot.person.id)).status == "member"
        s.group.promotes(s.alice)
        assert [each.user.first_name for each in await s.client.get_chat_administrators(s.group.id)] == ["Alice"]
        assert await s.client.get_chat_member_count(s.group.id) == 3
        with pytest.raises(BadRequest, match="Not enough rights"):
            await s.client.ban_chat_member(s.group.id, s.bob.id)
        s.group.promotes(s.bot, "can_restrict_members")
        await s.client.ban_chat_member(s.group.id, s.bob.id)
        assert (await s.client.get_chat_member(s.group.id, s.bob.id)).status == "kicked"
        await s.client.unban_chat_member(s.group.id, s.bob.id)
        assert (await s.client.get_chat_member(s.group.id, s.bob.id)).status == "left"


async def test_trouble_comes_as_ordered():
    async with stage() as s:
        s.api.fails("sendMessage", 502, "Bad Gateway")
        with pytest.raises(NetworkError, match="Bad Gateway"):
            await s.client.send_message(s.group.id, "x")
        s.api.swallows("sendMessage")
        with pytest.raises(NetworkError):
            await s.client.send_message(s.group.id, "arrived")
        assert s.group.texts() == ["arrived"]


@pytest.mark.parametrize(
    ("method", "given", "mistake"),
    [
        ("sendMessage", {"chat_id": 1}, "sendMessage needs text"),
        ("sendMessage", {"chat_id": 1, "text": "x", "colour": "red"}, "sendMessage has no parameter colour"),
        ("sendMessage", {"chat_id": 1.5, "text": "x"}, "chat_id is no Integer and chat_id is no String"),
        ("sendMessage", {"chat_id": 1, "text": 5}, "text is no String"),
        ("sendMessage", {"chat_id": 1, "text": "x", "disable_notification": 1}, "disable_notification is no Boolean"),
        (
            "sendMessage",
            {"chat_id": 1, "text": "x", "entities": [{"type": "bold", "offset": 0}]},
            "entities[0] is no MessageEntity: it lacks length",
        ),
        (
            "sendMessage",
            {"chat_id": 1, "text": "x", "reply_parameters": {"message_id": 1, "loud": True}},
            "reply_parameters is no ReplyParameters: loud is not in it",
        ),
        (
            "setMessageReaction",
            {"chat_id": 1, "message_id": 1, "reaction": "👍"},
            "reaction is no Array of ReactionType",
        ),
    ],
)
async def test_mistakes_are_named(method, given, mistake):
    with pytest.raises(Mistake) as found:
        schema().parameters(method, given, as_text=False)
    assert str(found.value) == mistake


async def test_a_mistake_on_the_wire_is_400_and_fails_the_test_that_made_it():
    api = BotApi()
    await api.up()
    async with ClientSession() as session:
        url = f"{api.url}/bot{api.world.bot().token}"
        answer = await session.post(f"{url}/getMe", json={"colour": "red"})
        assert answer.status == 400
        for given in ({"data": {"timeout": "0", "allowed_updates": '["message"]'}}, {"params": {"timeout": "0"}}):
            answer = await session.post(f"{url}/getUpdates", **given)
            assert await answer.json() == {"ok": True, "result": []}
    with pytest.raises(AssertionError, match="no parameter colour"):
        await api.__aexit__(None)
