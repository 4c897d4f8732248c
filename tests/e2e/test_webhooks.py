"""Programs speak in a MUC: with curl from a shell, and a real Alertmanager whose alert is one message that is corrected."""

import asyncio
import json
from collections.abc import AsyncIterator
from xml.etree.ElementTree import Element

import pytest
import pytest_asyncio

from bridge.demo.people import XmppPerson, body
from bridge.demo.processes import until
from tests.support.senders import Heard, Senders
from tests.support.servers import Alertmanager
from tests.support.world import World

pytestmark = [pytest.mark.server, pytest.mark.asyncio(loop_scope="module")]

CI = '[networks.ci]\nconnector = "webhook"\n'
ROOMS = ["xmpp:verona@conference.localhost", "irc:#verona", "ci:builds"]
REPLACE = "{urn:xmpp:message-correct:0}replace"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world() -> AsyncIterator[World]:
    """Share one world: each check has a hook, and words, of its own."""
    async with World(rooms=ROOMS, more=CI) as world:
        yield world


async def curl(*words: str) -> tuple[int, str]:
    """Run curl; return the HTTP status and the body."""
    command = ["curl", "--silent", "--show-error", "--max-time", "20", "--write-out", "\n%{http_code}", *words]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    answered, _, status = output.decode().rpartition("\n")
    return int(status), answered


async def create(world: World, *options: str) -> str:
    """Make a hook by command; return its URL."""
    ended = await world.bridge.command("hooks", "create", "ci:builds", "--json", *options)
    assert ended.status == 0, ended.errors
    made = json.loads(ended.output)
    assert made.keys() == {"id", "url"}
    return str(made["url"])


def corrects(element: Element) -> str:
    """Return the id of the message that this one corrects, "" if it is a new one."""
    found = element.find(REPLACE)
    return "" if found is None else found.get("id", "")


async def said(juliet: XmppPerson, *words: str) -> Element:
    """Wait for a message of the room with these words in it."""
    return await juliet.see(lambda el: all(word in (body(el) or "") for word in words), patience=30)


async def test_a_shell_speaks_in_a_room_and_is_corrected(world: World) -> None:
    juliet = await world.user("juliet")
    bob = await world.irc_user("bob")
    url = await create(world, "--name", "builder")

    assert (await curl("-d", "text=hello", url))[0] == 202
    await juliet.message(world.room, "hello", nick="builder")
    await bob.see(lambda line: "PRIVMSG #verona" in line and "builder" in line and "hello" in line)

    status, told = await curl("--json", '{"text": "*teh* ramp", "username": "Ann ⚓"}', url)
    assert status == 202
    first = await said(juliet, "teh")
    assert (first.get("from") or "").startswith(f"{world.room}/Ann")
    status, _ = await curl("-X", "PATCH", "--json", '{"text": "the ramp"}', f"{url}/{json.loads(told)['id']}")
    assert status == 200
    corrected = await said(juliet, "the ramp")
    assert corrects(corrected) == first.get("id")
    assert corrected.get("from") == first.get("from")

    once = ["--json", '{"text": "once"}', "-H", "Webhook-Id: d1", url]
    assert (await curl(*once))[0] == 202
    assert json.loads((await curl(*once))[1])["duplicate"]
    await curl("-d", "text=after", url)
    await juliet.message(world.room, "after", nick="builder")
    assert [text for _, text in juliet.texts(world.room)].count("once") == 1
    secret = url.rpartition("/")[2]
    assert secret not in world.bridge.log()


async def test_an_alert_of_a_real_alertmanager_is_one_message_from_firing_to_resolved(world: World) -> None:
    romeo = await world.user("romeo")
    alerts = Alertmanager(await create(world))
    await world.server(alerts)
    await alerts.alert("Down", "db1")
    first = await said(romeo, "FIRING", "db1")
    await alerts.alert("Down", "db2")
    second = await said(romeo, "FIRING", "db1", "db2")
    await alerts.alert("Down", "db1", over=True)
    await alerts.alert("Down", "db2", over=True)
    third = await said(romeo, "RESOLVED", "db1", "db2")
    assert [corrects(each) for each in (first, second, third)] == ["", first.get("id"), first.get("id")]
    assert len({each.get("from") for each in (first, second, third)}) == 1
    new = [el for el in romeo.seen if "Down" in (body(el) or "") and not corrects(el)]
    assert len(new) == 1


async def test_nothing_is_lost_and_nothing_doubled_when_the_power_fails_under_load(world: World) -> None:
    count = 400
    nurse = await world.user("nurse")
    senders = Senders(await create(world), clients=4, per_second=200)
    heard = Heard(nurse, world.room)
    sending = asyncio.create_task(senders.send(count))

    async def half() -> bool:
        return senders.taken >= count // 2

    await until(half, patience=30, what="half of it")
    await world.bridge.kill()
    await world.bridge.start()
    await sending
    assert senders.again > 0

    async def all_heard() -> bool:
        return len(heard.counts()) == count

    await until(all_heard, patience=60, what=f"all {count}", pause=0.2)
    await nurse.fence()
    assert set(heard.counts().values()) == {1}
