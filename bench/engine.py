"""What a message costs the engine: echo to echo through a hub with the store in memory, in CPU microseconds.

``python -m bench.engine [MESSAGES]``. Only processor time is counted; a calibration loop beside it tells how fast the
machine was at that moment, since a shared one changes its speed.
"""

import asyncio
import sys
import time

from bench.figures import calibration
from bridge.connector import PuppetSettings, Setup
from bridge.core.content import Content
from bridge.core.events import MessagePosted, Origin
from bridge.core.ids import EventKey, MessageId, Network, Room, RoomId
from bridge.engine.clock import SystemClock
from bridge.engine.hub import Hub, Link
from bridge.storage.memory import MemoryStore
from connectors.echo.config import EchoSettings
from connectors.echo.connector import EchoConnector
from connectors.echo.network import EchoNetwork

BURST = 50


async def start() -> tuple[Hub, list[EchoConnector]]:
    hub = Hub(store=MemoryStore(), clock=SystemClock(), instance="bench")
    await hub.open()
    connectors = []
    for name in ("left", "right"):
        setup = Setup(
            network=Network(name), settings=EchoSettings(), puppets=PuppetSettings(), instance="bench", version="0"
        )
        connectors.append(EchoConnector(setup, EchoNetwork()))
        hub.add_network(setup.network, connectors[-1], setup.puppets)
    hub.set_links([Link(name="l", rooms=(Room(Network("left"), RoomId("#a")), Room(Network("right"), RoomId("#b"))))])
    await asyncio.sleep(0.05)
    return hub, connectors


async def echo_to_echo(messages: int) -> float:
    """Everything: the fake networks' own work, inbound, engine, store, lanes, outbound."""
    hub, (left, right) = await start()
    left.network.join("#a", "juliet")
    await asyncio.sleep(0.05)
    began = time.process_time()
    for number in range(0, messages, BURST):
        for each in range(number, number + BURST):
            left.network.say("#a", "juliet", f"message {each}")
        while len(right.network.room("#b").log) < number + BURST:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0)
    spent = time.process_time() - began
    assert right.network.transcript("#b") == [f"juliet: message {each}" for each in range(messages)]
    await hub.close(deadline=0)
    return spent / messages * 1e6


async def engine_alone(messages: int) -> float:
    """From ``emit`` to settled: events are made before, the far side answers at once."""
    hub, (left, right) = await start()
    left.network.join("#a", "juliet")
    await asyncio.sleep(0.05)
    room = Room(Network("left"), RoomId("#a"))
    port = hub.port(Network("left"))
    reader = left._reader  # noqa: SLF001 - a benchmark looks inside
    sender = reader.member(left.network.room("#a").members["juliet"])
    events = [
        MessagePosted(
            origin=Origin(room=room, key=EventKey(f"k{each}"), at=each),
            sender=sender,
            id=MessageId(f"k{each}"),
            content=Content(text=f"message {each}"),
        )
        for each in range(messages)
    ]
    began = time.process_time()
    for number in range(0, messages, BURST):
        for event in events[number : number + BURST]:
            port.emit(event)
        while len(right.network.room("#b").log) < number + BURST:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0)
    spent = time.process_time() - began
    await hub.close(deadline=0)
    return spent / messages * 1e6


def main() -> None:
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    for name, run in (("echo to echo", echo_to_echo), ("engine alone", engine_alone)):
        best = min((asyncio.run(run(messages)), calibration()) for _ in range(3))
        print(f"{name:14} {best[0]:6.1f} µs CPU per message   (calibration {best[1]:.0f} ms)")


if __name__ == "__main__":
    main()
