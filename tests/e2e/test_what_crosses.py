"""The table of docs/users/what-crosses.md, on the wire: a MUC with an upload service, a channel and a group in one link."""

import pytest

from tests.support.crossing import CELLS, Scene
from tests.support.telegram.server import BotApi
from tests.support.world import World

pytestmark = pytest.mark.server
UPLOAD = """
Component "upload.localhost" "http_file_share"
  http_host = "127.0.0.1"
  http_external_url = "http://127.0.0.1:{port}/"
  http_file_share_expires_after = 3600
"""
CAPS = ("message-tags", "server-time", "echo-message", "labeled-response", "batch")


@pytest.mark.parametrize("part", [0, 1])
async def test_every_kind_of_message_crosses_as_the_table_says(part: int) -> None:
    """A world for many cells: a server costs more than a message, and a group takes twenty in a minute. Each that fails is named."""
    async with BotApi() as api:
        bot = api.world.bot(privacy=False)
        alice = api.world.person("Alice", username="alice")
        group = api.world.supergroup("Verona", alice, bot)
        group.promotes(bot, "can_delete_messages", "can_restrict_members")
        family = f'[networks.family]\nconnector = "telegram"\ntoken = "{bot.token}"\napi_url = "{api.url}"\n'
        world = World(rooms=["xmpp:verona@conference.localhost", "irc:#verona", f"family:{group.id}"], more=family)
        world.xmpp.more = UPLOAD.format(port=world.xmpp.http_port)
        async with world:
            juliet = await world.user("juliet")
            bob = await world.irc_user("bob", caps=CAPS)
            await world.linked(juliet, bob)
            group.says(alice, "good morning")
            await juliet.message(world.room, "good morning", nick="Alice")
            await world.on_irc(bob, "Alice")
            scene = Scene(world, api, bot, group, juliet, bob, alice)
            failed: list[str] = []
            for cell in CELLS[part::2]:
                try:
                    await cell.check(scene)
                except (AssertionError, KeyError, TimeoutError, StopIteration) as error:
                    failed.append(f"{cell.feature.value} ({cell.check.__name__}): {type(error).__name__} {error}")
            assert not failed, "\n\n".join(failed)
