"""Facts leave the connector in the order in which they came, whatever they have to wait for."""

import asyncio

import pytest

from bridge.xmpp.surroundings import Surroundings


class Hub:
    def __init__(self):
        self.taken = []

    def emit(self, event):
        self.taken.append(event)

    remember = emit


class Component:
    domain = "bridge.localhost"


@pytest.fixture
def hub():
    return Hub()


@pytest.fixture
def around(hub):
    made = Surroundings(component=Component(), clock=None, instance="x", nick="linkspan")
    made.hub = hub
    return made


async def turns(count=5):
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_fact_waits_for_what_was_confirmed_before_it(around, hub):
    loop = asyncio.get_running_loop()
    for number in range(3):
        loop.call_soon(hub.taken.append, f"settled {number}")
        around.settles()
        around.emit(number)
    await turns()
    assert hub.taken == ["settled 0", "settled 1", "settled 2", 0, 1, 2]


async def test_a_fact_that_comes_while_others_wait_does_not_overtake_them(around, hub):
    """As when an archive has been read, its reader goes on, and uvloop reads from the socket before the calls that follow."""
    loop = asyncio.get_running_loop()
    loop.call_soon(around.emit, "held")
    around.settles()
    loop.call_soon(around.emit, "live")
    await turns()
    around.emit("later")
    assert hub.taken == ["held", "live", "later"]


async def test_with_nothing_to_settle_a_fact_goes_at_once(around, hub):
    around.emit("a")
    around.settles()
    await turns()
    around.emit("b")
    assert hub.taken == ["a", "b"]


async def test_that_a_room_is_open_is_told_before_anything_can_be_said_there(around, hub):
    around.settles()
    around.emit("earlier")
    around.emit_at_once("open")
    assert hub.taken == ["open"]
    await turns()
    assert hub.taken == ["open", "earlier"]
