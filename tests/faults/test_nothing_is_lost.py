"""Nothing is lost and nothing is doubled while the bridge, its connections and the servers die under load.

``make test`` disturbs a few times, ``make faults`` as often as the promise says. What cannot be asked again has a window, and the table of
docs/developers/durability.md says how wide: here it is bounded, not waved through.
"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from connectors.irc.connector import CAPABILITIES
from tests.support.load import FULL, Load
from tests.support.proxy import Proxy
from tests.support.world import World

pytestmark = [pytest.mark.server, pytest.mark.timeout(900 if FULL else 180)]

ROUNDS = 50 if FULL else 4
WINDOW = CAPABILITIES.pipeline
"""So many lines can be under way to one channel when the bridge is killed; IRC cannot be asked which of them it took."""


async def start(world: World) -> Load:
    juliet = await world.user("juliet")
    bob = await world.irc_user("bob")
    await world.linked(juliet, bob)
    return Load(world, juliet, bob)


async def test_a_bridge_that_is_killed_again_and_again() -> None:
    """Kill -9 under load: the MUC is asked again for the gap, the archive is asked before anything is sent again.

    XMPP to IRC: nothing lost. IRC to XMPP: nothing doubled; what was said on IRC while nobody of ours was there is gone on a server without
    history, and only that.
    """
    async with World() as world:
        load = await start(world)
        async with load.running():
            for _ in range(ROUNDS):
                await asyncio.sleep(0.5)
                await world.bridge.kill()
                await world.bridge.start()
        to_irc, to_xmpp = await load.settle()
        print("killed:", to_irc, "|", to_xmpp)
        assert to_irc.lost == []
        assert len(to_irc.doubled) <= WINDOW * ROUNDS  # accepted by IRC, not yet known to us or not yet committed
        assert to_xmpp.doubled == []
        assert to_xmpp.disordered == 0


async def disturbed(disturb: Callable[[World, Proxy], Awaitable[None]], *, irc: bool) -> tuple[object, object]:
    """Run the load with a proxy in one of the bridge's connections and disturb it; return both reports."""
    world = World(start=False)
    async with world:
        target = world.irc.port if irc else world.xmpp.component_port
        async with Proxy(target) as proxy:
            config = world.config().replace(f"port = {target}", f"port = {proxy.port}")
            world.bridge.config.write_text(config)
            await world.bridge.start()
            load = await start(world)
            async with load.running():
                for _ in range(max(2, ROUNDS // 5)):
                    await asyncio.sleep(0.7)
                    await disturb(world, proxy)
                await asyncio.sleep(1)
            return await load.settle()


async def cut(_: World, proxy: Proxy) -> None:
    proxy.cut()


async def half_close(_: World, proxy: Proxy) -> None:
    proxy.half_close()


async def stall(_: World, proxy: Proxy) -> None:
    proxy.stall()
    await asyncio.sleep(3)
    proxy.flow()


FAULTS = [cut, half_close, stall]


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.__name__ for fault in FAULTS])
async def test_the_component_stream_in_trouble(fault: Callable[[World, Proxy], Awaitable[None]]) -> None:
    """Everything arrives once, in order, both ways: the room and its archive can be asked."""
    to_irc, to_xmpp = await disturbed(fault, irc=False)
    print(fault.__name__, "component:", to_irc, "|", to_xmpp)
    assert to_irc.lost == []
    assert to_irc.doubled == []
    assert to_xmpp.lost == []
    assert to_xmpp.doubled == []


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.__name__ for fault in FAULTS])
async def test_the_irc_connections_in_trouble(fault: Callable[[World, Proxy], Awaitable[None]]) -> None:
    """To IRC nothing is lost; a line that was accepted and not confirmed may come twice. What was said meanwhile is told as a gap."""
    to_irc, to_xmpp = await disturbed(fault, irc=True)
    print(fault.__name__, "irc:", to_irc, "|", to_xmpp)
    assert to_irc.lost == []
    assert to_xmpp.doubled == []
