"""The template's own promises, beyond those of the conformance suite."""

import asyncio

from bridge.connector import PuppetSettings, Setup, Status
from bridge.core.events import Cause, RoomClosed
from bridge.core.ids import Network, RoomId
from connectors.echo import MANIFEST
from connectors.echo.config import EchoSettings
from connectors.echo.connector import EchoConnector, build
from connectors.echo.network import EchoNetwork
from tests.support.clock import quiet
from tests.support.echoes import bridge

ROOM = RoomId("#verona")


def setup(**settings: object) -> Setup:
    return Setup(
        network=Network("garden"),
        settings=EchoSettings(**settings),  # type: ignore[arg-type]
        puppets=PuppetSettings(),
        instance="test",
        version="0",
    )


async def test_a_resident_says_back_what_the_bridge_says():
    async with bridge(link=()) as b:
        b.add("garden", EchoNetwork(resident="Echo"), resident="Echo")
        b.link("left:#a", "garden:#verona")
        await quiet()
        b.network("left").say("#a", "Juliet", "Romeo?")
        await quiet()
        assert b.network("left").transcript("#a") == ["Juliet: Romeo?", "Echo [to: Romeo?]: Romeo?"]


def test_the_factory_makes_a_network_as_the_settings_say():
    assert MANIFEST.factory == f"{build.__module__}:{build.__name__}"
    connector = build(setup(resident="Echo"))
    connector.network.room("#verona")
    assert connector.network.names("#verona") == ["Echo"]


async def test_it_reconnects_by_itself_and_shows_everybody_again():
    async with bridge() as b:
        right = b.network("right")
        b.network("left").join("#a", "Juliet")
        await quiet()
        right.cut()
        await quiet()
        status = b.hub.supervisor.status(Network("right"))
        assert status is not None
        assert status.status is Status.DOWN
        assert right.names("#b") == []
        right.restore()
        b.connectors["right"].retry_now()
        await quiet()
        assert right.names("#b") == ["Juliet"]


async def test_a_listener_that_is_thrown_out_says_so_and_does_not_return():
    async with bridge() as b:
        closed: list[RoomClosed] = []
        b.hub.on_room(lambda event: closed.append(event) if isinstance(event, RoomClosed) else None)
        right = b.network("right")
        right.join("#b", "Romeo")
        await quiet()
        right.kick("#b", "test right", by="Romeo", reason="no bots")
        await quiet()
        [event] = closed
        assert (event.cause, event.reason, event.final) == (Cause.KICKED, "no bots", True)


async def test_a_room_that_does_not_let_it_in_says_so():
    async with bridge(link=()) as b:
        b.network("right").bar("#b", "test right", "members only")
        b.link("left:#a", "right:#b")
        await quiet()
        status = b.hub.rooms()[-1]
        assert (status.opened, status.reason, status.final) == (False, "members only", True)


async def test_checking_tells_of_network_and_rooms():
    connector = EchoConnector(setup(), EchoNetwork())
    connector.network.bar("#locked", "test garden", "members only")
    found = await connector.check([ROOM, RoomId("#locked")])
    assert [(one.subject, one.ok, one.detail) for one in found] == [
        ("garden", True, "connected"),
        ("garden:#verona", True, "can be joined"),
        ("garden:#locked", False, "members only"),
    ]


async def test_answers_can_take_their_time():
    async with bridge() as b:
        b.connectors["right"].trouble.latency = 0.02
        b.network("left").say("#a", "Juliet", "slowly")
        await quiet()
        assert b.network("right").transcript("#b") == ["Juliet: slowly"]
        assert await b.store.lanes()
        await asyncio.sleep(0.1)
        assert not await b.store.lanes()


async def test_a_crash_can_be_ordered():
    async with bridge() as b:
        b.connectors["right"].trouble.crash = RuntimeError("as ordered")
        b.connectors["right"].wake()
        await quiet()
        status = b.hub.supervisor.status(Network("right"))
        assert status is not None
        assert status.status is Status.DOWN
        await b.clock.advance(2)
        b.network("left").say("#a", "Juliet", "still there?")
        await quiet()
        assert b.network("right").transcript("#b") == ["Juliet: still there?"]
