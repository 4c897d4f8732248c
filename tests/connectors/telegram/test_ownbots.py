"""Bots of people's own: who has registered one speaks under its name, is never heard twice, and is relayed where it cannot."""

import pytest

from bridge.connector import LoginRefused
from bridge.core.content import Attachment, Kind
from bridge.core.deliveries import AsPuppet
from bridge.core.events import MemberJoined, MemberLeft, MessagePosted
from bridge.core.failures import Retry, VoiceLost
from bridge.core.ids import MessageId, Network, Person, PersonId, RoomId
from tests.support.telegram.stage import JULIET, stage
from tests.support.telegram.world import Standing

OWN = AsPuppet(member=JULIET)
ROMEO = Person(Network("xmpp"), PersonId("romeo@example.org"))
TOKEN = "220201543:own"


def authors(chat):
    return [message["from"]["id"] for _, message in sorted(chat.messages.items()) if "text" in message]


async def test_who_has_one_speaks_under_its_name():
    async with stage() as s:
        own = await s.own_bot(s.group)
        await s.say("relayed")
        (number,) = await s.say("hello", voice=OWN)
        await s.say("waves", voice=OWN, kind=Kind.ACTION)
        assert authors(s.group) == [s.bot.person.id, own.person.id, own.person.id]
        assert s.group.texts()[-3:] == ["Juliet: relayed", "hello", "waves"]
        await s.edit((number,), "hello!", voice=OWN)
        await s.react((number,), "👍", "🎉", voice=OWN)
        assert s.group.messages[int(number)]["text"] == "hello!"
        assert s.group.reactions[int(number), own.person.id] == [{"type": "emoji", "emoji": "👍"}]
        s.hub.files["https://x/f.txt"] = b"ahoy"
        await s.say("", voice=OWN, attachments=(Attachment(url="https://x/f.txt", name="f.txt"),))
        assert s.group.last["from"]["id"] == own.person.id
        assert "caption" not in s.group.last
        await s.retract((number,), voice=OWN)
        assert int(number) not in s.group.messages


async def test_it_is_never_read_and_never_heard():
    """Telegram shows bots each other's messages where both have asked for that; here the bridge's own is shown everything."""
    async with stage() as s:
        s.world.bots_meet = True
        own = await s.own_bot(s.group)
        await s.say("hello", voice=OWN)
        s.group.says(s.alice, "hello Juliet", reply_to=s.group.last)
        await s.hub.posted("hello Juliet")
        await s.api.until(lambda: not s.bot.updates)
        assert own.updates  # nobody has asked for them
        assert {token for token, _ in s.api.readers} == {s.bot.token}
        (heard,) = s.hub.of(MessagePosted)
        assert heard.reply_to == MessageId(str(s.group.last["message_id"] - 1))
        assert len(s.hub.of(MemberJoined)) == len(s.hub.of(MemberLeft)) == 1  # it came before it was somebody's own


async def test_where_it_is_not_its_user_is_told_once_and_relayed_until_it_comes():
    async with stage() as s:
        s.group.promotes(s.bot, by=s.alice)
        own = await s.own_bot()
        for _ in range(3):
            with pytest.raises(VoiceLost):
                await s.say("hello", voice=OWN)
        assert len(s.api.wire("sendMessage")) == 1  # Telegram was asked once
        assert s.hub.login_troubles == [(JULIET.person, "it is not in “Ferry port”: add it there", False)]
        s.group.joins(own, by=s.alice)
        await s.api.until(lambda: not s.bot.updates)
        await s.say("hello", voice=OWN)
        assert s.group.last["from"]["id"] == own.person.id


async def test_a_token_that_was_revoked_ends_the_login():
    async with stage() as s:
        own = await s.own_bot(s.group)
        del s.world.bots[own.token]
        with pytest.raises(VoiceLost):
            await s.say("hello", voice=OWN)
        assert s.hub.login_troubles == [
            (JULIET.person, "Telegram does not accept its token any more: log in anew", True)
        ]


async def test_what_the_bridges_bot_said_is_changed_by_the_bridges_bot():
    async with stage() as s:
        ids = await s.say("hello")
        await s.own_bot(s.group)
        for change in (s.edit(ids, "hello!", voice=OWN), s.retract(ids, voice=OWN)):
            with pytest.raises(VoiceLost):
                await change
        await s.edit(ids, "hello!")
        assert s.group.texts()[0] == "Juliet: hello!"


async def test_a_basic_group_is_no_place_for_it_since_each_bot_counts_for_itself_there():
    async with stage(started=False) as s:
        small = s.world.group("Small", s.alice, s.bot)
        s.rooms.append(small)
        await s.start()
        await s.own_bot(small)
        with pytest.raises(VoiceLost):
            await s.say("hello", voice=OWN, room=small)
        ((person, words, over),) = s.hub.login_troubles
        assert (person, over) == (JULIET.person, False)
        assert words == "bots of people's own speak in supergroups only, and this is a group"


async def test_who_has_none_is_relayed():
    async with stage() as s:
        with pytest.raises(VoiceLost):
            await s.say("hello", voice=OWN)
        await s.own_bot(s.group)
        s.connector.drop(JULIET.person)
        with pytest.raises(VoiceLost):
            await s.say("hello", voice=OWN)
        assert s.hub.login_troubles == []


async def test_its_flood_waits_are_its_own():
    async with stage(hasty=True) as s:
        await s.own_bot(s.group)
        s.api.fails("sendMessage", 429, "Too Many Requests: retry after 300", retry_after=300)
        with pytest.raises(Retry) as refused:
            await s.say("hello", voice=OWN)
        assert refused.value.after == 300
        await s.say("meanwhile")
        with pytest.raises(Retry):
            await s.say("hello", voice=OWN)
        s.clock.elapsed += 300
        await s.say("hello", voice=OWN)
        assert s.group.texts()[-2:] == ["Juliet: meanwhile", "hello"]


async def test_a_long_text_that_loses_its_voice_in_the_middle_goes_on_as_a_relay():
    async with stage() as s:
        own = await s.own_bot(s.group)
        post = s.post("word " * 2000, voice=OWN)
        s.api.then("sendMessage", lambda: s.group.standings.update({own.person.id: Standing("left")}))
        with pytest.raises(VoiceLost):
            await s.send(post)
        relayed = s.post("word " * 2000)
        sent = await s.send(relayed)
        assert len(sent.ids) == 3
        words = "".join(f"{text} " for text in s.group.texts() if "word" in text).split()
        assert words == ["word"] * 2000


async def test_typing_is_shown_by_it():
    async with stage() as s:
        await s.own_bot(s.group)
        await s.say("hello", voice=OWN)
        s.connector.typing(RoomId(str(s.group.id)), JULIET, active=True)
        await s.api.until(lambda: s.api.wire("sendChatAction"))
        assert [call.token for call in s.api.calls if call.method == "sendChatAction"] == [TOKEN]


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("nonsense", "this is no token"),
        ("", "this is no token"),
        ("330201543:unknown", "Telegram does not accept this token"),
        ("110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw", "this is the bridge's own bot"),
        (TOKEN, "somebody else speaks through this bot"),
    ],
)
async def test_what_is_refused(token, reason):
    async with stage() as s:
        await s.own_bot(s.group)
        with pytest.raises(LoginRefused, match=reason) as refused:
            await s.connector.log_in(ROMEO, {"token": token})
        assert token == "" or token not in str(refused.value)


async def test_a_login_names_the_bot_and_shows_its_token_to_nobody():
    async with stage() as s:
        s.world.bot(TOKEN)
        login = await s.connector.log_in(JULIET.person, {"token": f" {TOKEN} "})
        assert login.name == f"@{s.world.bots[TOKEN].person.username}"
        assert login.credentials == TOKEN
        assert TOKEN not in repr(login)


async def test_telegram_may_be_away_when_somebody_logs_in():
    async with stage() as s:
        await s.api.down()
        with pytest.raises(LoginRefused, match="try again later"):
            await s.connector.log_in(ROMEO, {"token": TOKEN})
