"""Nothing is lost and nothing is doubled while the bridge, its connections, the servers and the store die under load.

``make test`` disturbs a few times, ``make faults`` as often as the promise says, and ends with the table of
docs/developers/durability.md. What cannot be asked again has a window: here it is bounded, not waved through.
"""

import asyncio
import os
import resource
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from bridge.demo.people import IrcPerson
from bridge.demo.processes import program, until
from connectors.irc.connector import CAPABILITIES
from tests.support.load import FULL, ROWS, Load, Row
from tests.support.proxy import Proxy
from tests.support.servers import InspIRCd
from tests.support.world import World

pytestmark = [pytest.mark.server, pytest.mark.timeout(1800 if FULL else 180)]

WINDOW = CAPABILITIES.pipeline
"""So many lines can be under way to one channel when a connection ends; IRC cannot be asked which of them it took."""

Disturb = Callable[["Stage"], Awaitable[None]]


class Stage(msgspec.Struct):
    """A scenario under way."""

    world: World
    load: Load
    proxy: Proxy | None = None
    other: InspIRCd | None = None


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """What is disturbed, how often, and what may come of it."""

    name: str
    disturb: Disturb
    times: int
    xmpp: str = "prosody"
    through: str = ""  # the connection that goes through a proxy: "xmpp" or "irc"
    split: bool = False  # bob is on another server of the IRC network
    history: bool = False  # the channel has one (InspIRCd, mode H): nothing that was said on IRC is gone, and of ours nothing is said twice
    archive: bool = False  # the room's archive is asked what was said: juliet cannot always hear it
    deaf: bool = False  # what is said on IRC meanwhile reaches nobody of ours, or the server itself loses it: the others are told
    apart: bool = False  # the network itself loses what is said from one half to the other
    clock: bool = False  # the bridge's clock can be set (tests/support/clock_seam)
    window: int = 0  # lines that may come twice to IRC, each time
    pause: float = 0.5
    rate: float = 50.0


async def play(scenario: Scenario) -> Row:
    """Run one, and count."""
    world = World(xmpp=scenario.xmpp, start=False)
    other = None
    if scenario.split:
        assert isinstance(world.irc, InspIRCd)
        other = InspIRCd(sid="002", host=OTHER_HOST)
        _link(world.irc, other)
    async with world:
        target = {"xmpp": world.xmpp.component_port, "irc": world.irc.port}.get(scenario.through, 1)
        async with Proxy(target) as proxy:
            config = world.config()
            if scenario.through:
                config = config.replace(f"port = {target}", f"port = {proxy.port}")
            world.bridge.config.write_text(config)
            if scenario.clock:
                world.bridge.environment = settable(world.bridge.folder)
            if other is not None:
                await world.server(other)
                async with IrcPerson("oper", port=world.irc.port) as oper:
                    await _connect(oper)
            await world.bridge.start()
            juliet = await world.user("juliet")
            bob = await world.irc_user("bob", port=0 if other is None else other.port)
            await world.linked(juliet, bob)
            if scenario.history:
                await world.mode("+H 1000:1d")
            stage = Stage(world, Load(world, juliet, bob, rate=scenario.rate), proxy, other)
            async with stage.load.running():
                for _ in range(scenario.times):
                    await asyncio.sleep(scenario.pause)
                    await scenario.disturb(stage)
                await asyncio.sleep(1)
            to_irc, to_xmpp = await stage.load.settle(archive=scenario.archive)
        row = Row(name=scenario.name, times=scenario.times, to_irc=to_irc, to_xmpp=to_xmpp)
        print(row.name, "|", to_irc, "|", to_xmpp)
        ROWS.append(row)
        assert to_irc.overtaken == []
        assert to_irc.lost == [] or scenario.apart
        assert len(to_irc.doubled) <= scenario.window * scenario.times
        assert to_xmpp.doubled == []
        assert to_xmpp.lost == [] or scenario.deaf or scenario.apart
        assert to_xmpp.overtaken == []
        if scenario.deaf:
            await _gaps_are_told(stage)
        return row


async def _gaps_are_told(stage: Stage) -> None:
    """See that a gap in what was said on IRC is told in the room, and not once for each message."""
    said = await stage.load.archived()
    gaps = [text for nick, text in said if "not connected" in text and nick == "linkspan"]
    assert 1 <= len(gaps) <= stage.load.from_irc


# -- who is disturbed


async def kill_bridge(stage: Stage) -> None:
    await stage.world.bridge.kill()
    await stage.world.bridge.launch()
    await stage.load.ready()


async def kill_xmpp(stage: Stage) -> None:
    """Kill the XMPP server; juliet is back before the bridge, to hear what an archive loses with the next kill."""
    assert stage.proxy is not None
    stage.load.juliet_is_gone()
    stage.proxy.refuse()
    await stage.world.xmpp.kill()
    await stage.world.xmpp.start()
    await stage.load.juliet_returns()
    stage.proxy.refuse(refusing=False)
    await stage.load.ready()


async def kill_irc(stage: Stage) -> None:
    """Kill the IRC server; bob is back before the bridge, for what nobody is there to hear is no bridge's loss."""
    assert stage.proxy is not None
    stage.load.bob_is_gone()
    stage.proxy.refuse()
    await stage.world.irc.kill()
    await stage.world.irc.start()
    await stage.load.bob_returns()
    stage.proxy.refuse(refusing=False)
    await stage.load.ready()


async def cut(stage: Stage) -> None:
    assert stage.proxy is not None
    stage.proxy.cut()


async def half_close(stage: Stage) -> None:
    assert stage.proxy is not None
    stage.proxy.half_close()


async def stall(stage: Stage) -> None:
    assert stage.proxy is not None
    stage.proxy.stall()
    await asyncio.sleep(3)
    stage.proxy.flow()


async def hang(stage: Stage) -> None:
    """Let the connection seem dead for so long that the bridge gives it up."""
    assert stage.proxy is not None
    stage.proxy.stall()
    await asyncio.sleep(8)
    stage.proxy.cut()
    stage.proxy.flow()


async def fill_disk(stage: Stage) -> None:
    """Let no file of the bridge grow: the same to it as a full disk, and needs no rights."""
    process = stage.world.bridge.process
    assert process is not None
    before = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, before[1]))
    said = await stage.load.ready(yes=False)
    assert "store" in said["unready"]
    await asyncio.sleep(3)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, before)
    await stage.load.ready()


async def damage_store(stage: Stage) -> None:
    """Put rubbish into the store of a bridge that was killed: it is refused in words and left as it is; then bring the copy back."""
    bridge = stage.world.bridge
    await bridge.kill()
    _checkpoint(bridge.folder / "linkspan.db")
    files = sorted(bridge.folder.glob("linkspan.db*"))
    copies = {file: file.read_bytes() for file in files}
    store = bridge.folder / "linkspan.db"
    whole = copies[store]
    for file in files:
        file.unlink()
    store.write_bytes(whole[:4096] + b"rubbish " * 512 + whole[8192:])
    damaged = store.read_bytes()
    await _refuses(stage, "damaged")
    assert store.read_bytes() == damaged
    for file, data in copies.items():
        file.write_bytes(data)
    await bridge.launch()
    await stage.load.ready()


async def forbid_store(stage: Stage) -> None:
    """Let a bridge that was killed find its store read-only, and its folder as well."""
    bridge = stage.world.bridge
    await bridge.kill()
    files = sorted(bridge.folder.glob("linkspan.db*"))
    modes = {path: path.stat().st_mode for path in (*files, bridge.folder)}
    for path, mode in modes.items():
        path.chmod(mode & ~0o222)
    await _refuses(stage, "Permission denied")
    for path, mode in modes.items():
        path.chmod(mode)
    await bridge.launch()
    await stage.load.ready()


def _checkpoint(store: Path) -> None:
    """Bring what is in the log beside a store into the store itself."""
    connection = sqlite3.connect(store)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


async def _refuses(stage: Stage, words: str) -> None:
    """See that the bridge does not start, and says why in one line that names the store. Without the rights of root."""
    bridge = stage.world.bridge
    if os.geteuid() == 0:
        bridge.before = [program("setpriv", package="util-linux"), "--bounding-set=-dac_override,-dac_read_search"]
    logged = len(bridge.log())
    await bridge.launch()
    assert bridge.process is not None
    async with asyncio.timeout(30):
        status = await bridge.process.wait()
    await bridge.stop()
    bridge.before = []
    said = bridge.log()[logged:]
    assert status == 1
    assert "Traceback" not in said
    assert any("linkspan.db" in line and words in line for line in said.splitlines()), said


async def lock_store(stage: Stage) -> None:
    """Lock the database as a forgotten sqlite3 shell does."""
    store = sqlite3.connect(stage.world.bridge.folder / "linkspan.db")
    store.execute("BEGIN IMMEDIATE")
    said = await stage.load.ready(yes=False)
    assert said["unready"]["store"] == "another program has locked it"
    await asyncio.sleep(1)
    store.rollback()
    store.close()
    await stage.load.ready()


async def kick_listener(stage: Stage) -> None:
    """Kick the bridge's own occupant out of the room, and its listener out of the channel."""
    await stage.load.juliet.kick(stage.world.room, "linkspan", "shoo")
    await stage.world.op("bob")
    stage.load.bob.send(f"KICK {stage.world.channel} linkspan :shoo")
    await asyncio.sleep(3)


async def ban_listener(stage: Stage) -> None:
    """Ban the whole bridge from the room; unbanned and invited it reads on where it was, and says first what it could not say."""
    world, juliet = stage.world, stage.load.juliet
    component = world.xmpp.component
    await juliet.affiliate(world.room, component, "outcast")
    await asyncio.sleep(3)
    await juliet.affiliate(world.room, component, "admin")
    await _invite_bridge(stage)


async def _invite_bridge(stage: Stage) -> None:
    world = stage.world
    stage.load.juliet.send(
        f"<message to='{world.room}'><x xmlns='http://jabber.org/protocol/muc#user'>"
        f"<invite to='{world.xmpp.component}'/></x></message>"
    )
    await stage.load.ready()
    await world.on_irc(stage.load.bob, "juliet")


async def ban_on_irc(stage: Stage) -> None:
    """Ban and kick the listener on IRC: a puppet reads on in its place, until the listener is forgiven and invited."""
    world, bob = stage.world, stage.load.bob
    await world.op("bob")
    bob.send(f"MODE {world.channel} +b linkspan!*@*")
    bob.send(f"KICK {world.channel} linkspan :shoo")
    await world.on_irc(bob, "linkspan", there=False)
    await asyncio.sleep(3)
    bob.send(f"MODE {world.channel} -b linkspan!*@*")
    bob.send(f"INVITE linkspan {world.channel}")
    await world.on_irc(bob, "linkspan")


async def destroy_room(stage: Stage) -> None:
    """Let the owner destroy the room and make it anew; what was for it meanwhile is said there first."""
    world, load = stage.world, stage.load
    load.juliet_is_gone()
    await load.juliet.destroy(world.room, "enough")

    async def told() -> bool:
        return "destroyed" in str(await load.ask("/api/v1/status"))

    await until(told, patience=30, what="the bridge says that the room was destroyed")
    await asyncio.sleep(1)
    await world.found()
    await load.juliet.close()
    await load.juliet_returns()
    await _invite_bridge(stage)


async def clock_back(stage: Stage) -> None:
    """Set the bridge's clock back by an hour, in the middle of everything, and right again."""
    clock = stage.world.bridge.folder / CLOCK
    _set(clock, -3600)
    await asyncio.sleep(3)
    _set(clock, 0)


def _set(clock: Path, seconds: int) -> None:
    new = clock.with_suffix(".new")
    new.write_text(str(seconds))
    new.replace(clock)  # whole at any moment


def settable(folder: Path) -> dict[str, str]:
    """Return the variables with which a Python program takes its time of day from a file in this folder."""
    clock = folder / CLOCK
    clock.write_text("0")
    seam = str(Path(__file__).parents[1] / "support/clock_seam")
    path = os.pathsep.join(filter(None, (seam, os.environ.get("PYTHONPATH"))))
    return {"PYTHONPATH": path, "CLOCK_FILE": str(clock)}


async def restart_rooms(stage: Stage) -> None:
    """Stop the MUC service in the running server, and start it again."""
    world = stage.world
    stage.load.juliet_is_gone()
    for step in ("deactivate", "activate"):
        await world.xmpp.shell(f"host:{step}('{world.xmpp.conference}')")  # type: ignore[union-attr]
    await stage.load.juliet.close()
    await stage.load.juliet_returns()
    await stage.load.ready()


async def split_network(stage: Stage) -> None:
    """Cut the IRC network in two, with the bridge in one half and bob in the other, and join it again."""
    assert stage.other is not None
    async with IrcPerson("oper", port=stage.world.irc.port) as oper:
        oper.send("OPER oper oper")
        await oper.line(" 381 ")
        oper.send(f"SQUIT {OTHER_HOST}")
        await asyncio.sleep(2)
        await _connect(oper)
        await stage.world.on_irc(stage.load.bob, "linkspan")


CLOCK = "clock"
OTHER_HOST = "other.example.org"


def _link(one: InspIRCd, other: InspIRCd) -> None:
    """Let two servers be one network; they have not been started yet."""
    for here, there in ((one, other), (other, one)):
        here.more += (
            f'<module name="spanningtree">\n<bind address="127.0.0.1" port="{here.link_port}" type="servers">\n'
            f'<link name="{there.host}" ipaddr="127.0.0.1" port="{there.link_port}" allowmask="127.0.0.1" '
            'timeout="300" sendpass="secret" recvpass="secret">\n'
        )


async def _connect(here: IrcPerson) -> None:
    """Bring the two halves of the network together."""
    here.send("OPER oper oper")
    await here.line(" 381 ")
    here.send(f"CONNECT {OTHER_HOST}")


# -- the scenarios

MANY = 10 if FULL else 1
KILLS = 50 if FULL else 2
SHORT = [
    Scenario(
        name="kill -9 the bridge, on Prosody", disturb=kill_bridge, times=KILLS, deaf=True, window=WINDOW, rate=10
    ),
    Scenario(
        name="kill -9 the bridge, on Prosody, channel with history",
        disturb=kill_bridge,
        times=KILLS,
        history=True,
        rate=10,
    ),
    Scenario(name="kill -9 Prosody", disturb=kill_xmpp, times=MANY, through="xmpp", archive=True, rate=20),
    Scenario(name="cut the component's stream", disturb=cut, times=20 if FULL else 2, through="xmpp"),
    Scenario(
        name="cut all IRC connections", disturb=cut, times=20 if FULL else 1, through="irc", deaf=True, window=WINDOW
    ),
    Scenario(name="full disk", disturb=fill_disk, times=MANY),
]
LONG = [
    Scenario(
        name="kill -9 the bridge, on ejabberd",
        disturb=kill_bridge,
        times=KILLS,
        xmpp="ejabberd",
        deaf=True,
        window=WINDOW,
        rate=10,
    ),
    Scenario(
        name="kill -9 ejabberd", disturb=kill_xmpp, times=5, xmpp="ejabberd", through="xmpp", archive=True, rate=20
    ),
    Scenario(name="kill -9 InspIRCd", disturb=kill_irc, times=10, through="irc", deaf=True, window=WINDOW),
    Scenario(name="half-close the component's stream", disturb=half_close, times=10, through="xmpp"),
    Scenario(name="stall the component's stream for 3 s", disturb=stall, times=10, through="xmpp"),
    Scenario(name="cut all IRC connections, channel with history", disturb=cut, times=20, through="irc", history=True),
    Scenario(
        name="half-close all IRC connections", disturb=half_close, times=10, through="irc", deaf=True, window=WINDOW
    ),
    Scenario(name="stall all IRC connections for 3 s", disturb=stall, times=10, through="irc"),
    Scenario(name="locked database", disturb=lock_store, times=10),
    Scenario(name="damage the store", disturb=damage_store, times=5, history=True, rate=10),
    Scenario(name="read-only store", disturb=forbid_store, times=5, history=True, rate=10),
    Scenario(name="set the clock back an hour", disturb=clock_back, times=10, clock=True),
    Scenario(name="kick the listeners", disturb=kick_listener, times=1),  # of the room: a second kick is for good
    Scenario(name="ban the bridge from the room", disturb=ban_listener, times=5),
    Scenario(name="ban the listener from the channel", disturb=ban_on_irc, times=5),
    Scenario(  # on ejabberd: Prosody lets nobody make a destroyed room anew
        name="destroy the room", disturb=destroy_room, times=3, xmpp="ejabberd", rate=20
    ),
    Scenario(name="split the IRC network", disturb=split_network, times=5, split=True, apart=True),
    Scenario(name="stop and start the MUC service", disturb=restart_rooms, times=10, archive=True, rate=20),
]
SCENARIOS = [*SHORT, *(LONG if FULL else [])]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.name for scenario in SCENARIOS])
async def test_everything_arrives_once(scenario: Scenario) -> None:
    """XMPP to IRC: nothing lost, and no more doubled than IRC could have taken unseen. IRC to XMPP: nothing doubled, gaps are told."""
    await play(scenario)
