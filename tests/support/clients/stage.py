"""A world for real clients: a MUC on Prosody with uploads, a channel on InspIRCd, a group on Telegram, all linked.

Prosody has what the servers of real people have, beyond what the bridge needs of it: clients wait for some of that.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from bridge.demo.people import IrcPerson
from tests.support.clients.chromium import Chromium
from tests.support.clients.converse import Converse, ConverseSite
from tests.support.clients.poezio import Poezio
from tests.support.clients.profanity import Profanity
from tests.support.telegram.server import BotApi
from tests.support.telegram.world import Chat, Person
from tests.support.world import PASSWORD, World

USUAL = """
modules_enabled = {
  "disco", "roster", "saslauth", "ping", "version", "private", "vcard4", "carbons", "websocket", "admin_shell",
  "pep", "blocklist", "bookmarks", "mam", "smacks",
}
"""
UPLOAD = 'Component "upload.localhost" "http_file_share"\n'
HOSTED = "#verona%irc@bridge.localhost"


@dataclass
class Scene:
    """Everybody who is there."""

    world: World
    api: BotApi
    group: Chat
    alice: Person  # on Telegram
    bob: IrcPerson
    juliet: Profanity
    romeo: Poezio
    nurse: Converse  # in the room that is hosted for the channel


@asynccontextmanager
async def stage() -> AsyncIterator[Scene]:
    """Let everybody come."""
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(BotApi())
        bot = api.world.bot(privacy=False)
        alice = api.world.person("Alice")
        group = api.world.supergroup("Verona", alice, bot)
        group.promotes(bot, "can_delete_messages", "can_restrict_members")
        family = f'[networks.family]\nconnector = "telegram"\ntoken = "{bot.token}"\napi_url = "{api.url}"\n'
        browser = Chromium()
        world = World(
            rooms=["xmpp:verona@conference.localhost", "irc:#verona", f"family:{group.id}"],
            more=f'{family}[gateway]\nfixed_server = "irc"\n',
            xmpp_options={"more": UPLOAD, "options": USUAL},
        )
        async with asyncio.TaskGroup() as starting:
            for server in (world, browser):
                starting.create_task(stack.enter_async_context(server))
        site = await stack.enter_async_context(
            ConverseSite(f"ws://127.0.0.1:{world.xmpp.http_port}/xmpp-websocket")  # type: ignore[union-attr]
        )
        bob = await world.irc_user("bob")
        juliet = await stack.enter_async_context(Profanity("juliet", PASSWORD, port=world.xmpp.port))
        romeo = await stack.enter_async_context(Poezio("romeo", PASSWORD, port=world.xmpp.port))
        nurse = await stack.enter_async_context(Converse(browser, site, "nurse", PASSWORD, room=HOSTED))
        yield Scene(world, api, group, alice, bob, juliet, romeo, nurse)
