"""A MUC, an IRC channel and a Telegram group in one link: what one says the other two see, and nothing of it twice."""

import pytest

from tests.support.telegram.server import BotApi
from tests.support.telegram.world import Chat
from tests.support.world import World

pytestmark = pytest.mark.server


OWN_TOKEN = "220201543:AAFownBotOfJuliet"


def family(api: BotApi, token: str) -> str:
    """Return the configuration of the network, at the speed at which Telegram's own limits are kept."""
    return f'[networks.family]\nconnector = "telegram"\ntoken = "{token}"\napi_url = "{api.url}"\n'


async def telegram_shows(api: BotApi, group: Chat, *texts: str) -> None:
    """Wait until the newest messages of the group are these."""
    await api.until(lambda: group.texts()[-len(texts) :] == list(texts))


async def test_a_muc_a_channel_and_a_group_talk() -> None:
    async with BotApi() as api:
        bot = api.world.bot(privacy=False)
        alice = api.world.person("Alice", username="alice")
        group = api.world.supergroup("Verona", alice, bot)
        rooms = ["xmpp:verona@conference.localhost", "irc:#verona", f"family:{group.id}"]
        async with World(rooms=rooms, more=family(api, bot.token), announced=True) as world:
            juliet = await world.user("juliet")
            bob = await world.irc_user("bob")
            await world.linked(juliet, bob)

            said = group.says(alice, "hello 🚢", entities=[{"type": "bold", "offset": 0, "length": 5}])
            await juliet.message(world.room, "*hello* 🚢", nick="Alice")
            await bob.see(lambda line: "hello" in line and "PRIVMSG #verona" in line)
            juliet.say(world.room, "hello Alice")
            await telegram_shows(api, group, "hello 🚢", "juliet: hello Alice")
            await bob.message("#verona", "hello Alice", nick="juliet")
            bob.say("#verona", "me too")
            await telegram_shows(api, group, "juliet: hello Alice", "bob: me too")
            await juliet.message(world.room, "me too", nick="bob")

            group.edits(said, text="hello all", entities=[])
            await juliet.message(world.room, "hello all", nick="Alice")
            group.photo(alice, caption="the quay")
            await juliet.message(world.room, "the quay", nick="Alice")
            await juliet.see(lambda stanza: "/media/" in (stanza.findtext("{*}body") or ""))
            await bob.see(lambda line: "/media/" in line and "PRIVMSG #verona" in line)

            own = api.world.bot(OWN_TOKEN)
            group.joins(own, by=alice)
            juliet.tell("family@bridge.localhost", f"login {OWN_TOKEN}")
            name = own.person.username
            await juliet.message("family@bridge.localhost", f"From now on you speak on family as @{name}.")
            juliet.say(world.room, "as myself")
            await telegram_shows(api, group, "as myself")
            assert group.last["from"]["id"] == own.person.id
            listed = await world.bridge.command("logins", "list")
            assert f"@{name}" in listed.output
            for person in (juliet, bob):
                await person.fence()
            texts = [text for _, text in juliet.texts(world.room)]
            assert (texts.count("hello Alice"), texts.count("as myself")) == (1, 1)
            told = ["hello all", "juliet: hello Alice", "bob: me too", "the quay", "as myself"]
            assert [text for text in group.texts() if text] == told
            assert api.polls == []  # all of it was delivered to the bridge's public URL
            for token in (bot.token, OWN_TOKEN):
                assert token not in world.bridge.log() + listed.output


async def test_what_was_said_while_the_bridge_was_away_arrives_in_order_once() -> None:
    async with BotApi() as api:
        bot = api.world.bot(privacy=False)
        alice = api.world.person("Alice")
        group = api.world.supergroup("Verona", alice, bot)
        rooms = ["xmpp:verona@conference.localhost", f"family:{group.id}"]
        async with World(rooms=rooms, more=family(api, bot.token)) as world:
            juliet = await world.user("juliet")
            group.says(alice, "before")
            await juliet.message(world.room, "before", nick="Alice")
            await world.bridge.kill()
            texts = [f"meanwhile {number}" for number in range(50)]
            for text in texts:
                group.says(alice, text)
            await world.bridge.start()
            await juliet.message(world.room, texts[-1])
            await juliet.fence()
            heard = [text for _, text in juliet.texts(world.room) if text.startswith(("before", "meanwhile"))]
            assert heard == ["before", *texts]


async def test_check_names_what_the_bot_lacks() -> None:
    async with BotApi() as api:
        bot = api.world.bot(privacy=True)
        group = api.world.supergroup("Verona", bot)
        rooms = ["xmpp:verona@conference.localhost", f"family:{group.id}"]
        async with World(rooms=rooms, more=family(api, bot.token), start=False) as world:
            ended = await world.bridge.command("check")
            told = f"{ended.output}{ended.errors}"
            assert "privacy mode is on" in told
            assert "/setprivacy" in told
            assert bot.token not in told


async def test_a_group_is_hosted() -> None:
    """A user joins the bot's group as a room of the bridge's own; nobody has to link it."""
    async with BotApi() as api:
        bot = api.world.bot(privacy=False)
        alice = api.world.person("Alice")
        group = api.world.supergroup("Verona", alice, bot)
        async with World(more=family(api, bot.token)) as world:
            juliet = await world.user("juliet", join=False)
            room = f"{group.id}%family@{world.xmpp.component}"
            await juliet.join(room, "juliet")
            group.says(alice, "hello")
            await juliet.message(room, "hello", nick="Alice")
            mark = juliet.say(room, "hi Alcie")
            await telegram_shows(api, group, "hello", "juliet: hi Alcie")
            juliet.say(room, "hi Alice", more=f"<replace xmlns='urn:xmpp:message-correct:0' id='{mark}'/>")
            await telegram_shows(api, group, "hello", "juliet: hi Alice")
