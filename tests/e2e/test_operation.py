"""Operation: starting, stopping, reloading, being looked at, and being told what is wrong."""

import asyncio
import json

import pytest

from bridge.demo.processes import answers, until
from bridge.demo.program import Program
from tests.support.world import World

pytestmark = pytest.mark.server


async def get(port: int, path: str, *, token: str = "") -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    extra = f"Authorization: Bearer {token}\r\n" if token else ""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{extra}Connection: close\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    head, _, content = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), content


async def test_health_readiness_metrics_and_status() -> None:
    async with World() as world:
        juliet = await world.user("juliet")
        bob = await world.irc_user("bob")
        await world.linked(juliet, bob)
        assert (await get(world.admin_port, "/healthz"))[0] == 200
        assert (await get(world.admin_port, "/readyz"))[0] == 200
        status, metrics = await get(world.admin_port, "/metrics")
        assert status == 200
        for private in (b"juliet", b"verona", b"bob%", b"@localhost"):
            assert private not in metrics
        assert (await get(world.admin_port, "/api/v1/links"))[0] == 401
        ended = await world.bridge.command("status", "--json")
        assert ended.status == 0, ended.errors
        assert "irc" in ended.output
        ended = await world.bridge.command("links", "list", "--json")
        assert ended.status == 0, ended.errors
        assert "verona" in json.dumps(json.loads(ended.output))
        await world.irc.kill()

        async def unready() -> bool:
            return (await get(world.admin_port, "/readyz"))[0] != 200

        await until(unready, patience=20, what="not ready")
        assert (await get(world.admin_port, "/healthz"))[0] == 200


async def test_a_link_made_by_command_works_and_survives_a_restart() -> None:
    async with World() as world:
        ended = await world.bridge.command("links", "add", "mantua", "xmpp:mantua@conference.localhost", "irc:#mantua")
        assert ended.status == 0, ended.errors
        mantua = "mantua@conference.localhost"
        romeo = await world.user("romeo", room=mantua)
        bob = await world.irc_user("bob", channel="#mantua")
        romeo.say(mantua, "hello mantua")
        await bob.message("#mantua", "hello mantua", patience=30)
        await world.bridge.restart()
        romeo.say(mantua, "hello again")
        await bob.message("#mantua", "hello again", patience=30)
        ended = await world.bridge.command("links", "remove", "mantua")
        assert ended.status == 0, ended.errors
        await romeo.presence(f"{mantua}/bob", gone=True)


async def test_sighup_applies_the_difference_and_drops_nothing_else() -> None:
    async with World() as world:
        juliet = await world.user("juliet")
        bob = await world.irc_user("bob")
        await world.linked(juliet, bob)
        lines = len(bob.seen)
        config = world.bridge.config.read_text()
        more = '[[links]]\nname = "mantua"\nrooms = ["xmpp:mantua@conference.localhost", "irc:#mantua"]\n'
        world.bridge.reload(config + more)
        carol = await world.irc_user("carol", channel="#mantua")
        await world.on_irc(carol, "linkspan", channel="#mantua")
        world.bridge.reload(config)
        await carol.see(lambda line: line.startswith(":linkspan!") and " PART " in line, patience=30)
        world.bridge.reload(config.replace("[store]", "[stoore]"))
        juliet.say(world.room, "undisturbed")
        await bob.message(world.channel, "undisturbed", nick="juliet")
        assert not [line for line in bob.seen[lines:] if " QUIT " in line or " PART " in line]
        assert "stoore" in world.bridge.log()


async def test_unsent_deliveries_go_out_after_a_restart_in_order() -> None:
    """IRC is away, the bridge is stopped and started: what juliet said meanwhile arrives in order, once."""
    async with World() as world:
        juliet = await world.user("juliet")
        bob = await world.irc_user("bob")
        await world.linked(juliet, bob)
        await world.irc.kill()
        for number in range(20):
            juliet.say(world.room, f"waiting {number}")
        await juliet.message(world.room, "waiting 19")
        await world.bridge.stop()
        starting = asyncio.create_task(world.bridge.start())

        async def alive() -> bool:
            return await answers(world.admin_port, say=b"GET /healthz HTTP/1.0\r\n\r\n", expect=b" 200 ")

        await until(alive, patience=20, what="the bridge is alive")
        await world.irc.start()
        carol = await world.irc_user("carol")  # before the puppet, which comes after the listener
        await starting
        await carol.see(lambda line: "waiting 19" in line, patience=120)
        said = [text.partition("> ")[2] or text for _, text in carol.texts(world.channel)]
        assert [text for text in said if text.startswith("waiting")] == [f"waiting {number}" for number in range(20)]


async def test_check_says_what_is_and_what_is_not_right() -> None:
    async with World(start=False) as world:
        ended = await world.bridge.command("check")
        assert ended.status == 0, ended.output + ended.errors
        await world.irc.stop()
        ended = await world.bridge.command("check")
        assert ended.status == 1
        assert "irc" in ended.output + ended.errors


@pytest.mark.parametrize(
    ("old", "new", "status", "words"),
    [
        ("port = ", 'port = "five" # ', 2, "xmpp.port"),
        ("nick = ", "nikc = ", 2, "did you mean"),
        ("irc:#verona", "irk:#verona", 2, "irk"),
        ("[xmpp]", "[xmpp", 2, "line"),
    ],
    ids=["wrong type", "misspelt key", "unknown network", "syntax"],
)
async def test_a_mistake_in_the_file_is_one_clear_line(old: str, new: str, status: int, words: str) -> None:
    config = World().config()
    program = Program(config.replace(old, new, 1))
    ended = await program.command("run")
    assert ended.status == status
    assert words in ended.errors
    assert "Traceback" not in ended.errors


async def test_a_wrong_component_secret_is_said_plainly() -> None:
    async with World(start=False) as world:
        world.bridge.config.write_text(world.config().replace(world.xmpp.secret, "wrong-component-secret"))
        starting = asyncio.create_task(world.bridge.start(patience=60))

        async def said() -> bool:
            return "secret" in world.bridge.log()

        await until(said, patience=30, what="a word about the secret")
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        ended = await world.bridge.command("check")
        assert ended.status == 1
        assert "secret" in ended.output + ended.errors
