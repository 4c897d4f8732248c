"""The whole program between a real Prosody and a real InspIRCd: CPU per message, by number of ghosts and direction.

CPU time of each process, not wall time: machines are shared. Each row is one run of ``--messages`` numbered lines,
saturated (one hundred under way at once), after a warm-up; all of them must arrive, once, in order. Compare rows of one
run with each other.
"""

import argparse
import asyncio
import contextlib

import msgspec

from bridge.demo.people import IrcPerson, XmppPerson
from bridge.demo.play import configuration
from bridge.demo.program import Program
from bridge.demo.servers import InspIRCd, Prosody

CHANNEL = "#verona"
WINDOW = 100


class Row(msgspec.Struct, frozen=True):
    """CPU microseconds per message of each process."""

    ghosts: int
    direction: str
    bridge: float
    xmpp: float
    irc: float

    def __str__(self) -> str:
        return f"{self.ghosts:>7} {self.direction:<12} {self.bridge:>10.0f} {self.xmpp:>10.0f} {self.irc:>10.0f}"


async def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--ghosts", type=int, nargs="+", default=[1, 300])
    options.add_argument("--messages", type=int, default=2000)
    options.add_argument("--per-second", type=int, default=0, help="space the messages instead of saturating")
    wanted = options.parse_args()
    print(f"{'ghosts':>7} {'direction':<12} {'bridge':>10} {'prosody':>10} {'inspircd':>10}   CPU us per message")
    for ghosts in wanted.ghosts:
        for row in await measure(ghosts, wanted.messages, wanted.per_second):
            print(row, flush=True)


async def measure(ghosts: int, messages: int, rate: int) -> list[Row]:
    """Return one row for each direction, with so many IRC users besides the speaker."""
    rows = []
    async with (
        contextlib.AsyncExitStack() as crowd,
        Prosody(people={"juliet": "pw"}) as prosody,
        InspIRCd() as ircd,
        XmppPerson("juliet", "pw", port=prosody.port) as juliet,
        IrcPerson("bob", port=ircd.port) as bob,
    ):
        room = f"verona@{prosody.conference}"
        await juliet.join(room, "juliet")
        await bob.join(CHANNEL)
        extras = [IrcPerson(f"i{number}", port=ircd.port) for number in range(ghosts - 1)]
        for extra in extras:
            crowd.push_async_callback(extra.close)
        await asyncio.gather(*(extra.connect() for extra in extras))  # the server registers once a second
        await asyncio.gather(*(extra.join(CHANNEL) for extra in extras))
        async with Program(configuration(prosody, ircd, room)) as program:
            await juliet.see(lambda _: len(juliet.occupants(room)) >= ghosts + 2, patience=120)
            servers = (program, prosody, ircd)
            for direction in ("XMPP to IRC", "IRC to XMPP"):
                await run(direction, juliet, bob, room, range(messages // 10), rate)
                before = [server.cpu() for server in servers]
                await run(direction, juliet, bob, room, range(messages // 10, messages // 10 + messages), rate)
                spent = [(server.cpu() - start) / messages * 1e6 for server, start in zip(servers, before, strict=True)]
                rows.append(Row(ghosts, direction, *spent))
    return rows


async def run(direction: str, juliet: XmppPerson, bob: IrcPerson, room: str, numbers: range, rate: int) -> None:
    """Send the numbered lines one way, and check what arrived."""
    to_irc = direction == "XMPP to IRC"
    for number in numbers:
        if to_irc:
            juliet.say(room, f"line {number}")
        else:
            bob.say(CHANNEL, f"answer {number}")
        if rate:
            await asyncio.sleep(1 / rate)
        elif number % WINDOW == WINDOW - 1:
            await arrived(to_irc, juliet, bob, room, number)
    await arrived(to_irc, juliet, bob, room, numbers[-1])
    if to_irc:
        heard = [text for _, text in bob.texts(CHANNEL) if text.startswith("line ")]
        wanted = [f"line {number}" for number in range(numbers[-1] + 1)]
    else:
        heard = [text for nick, text in juliet.texts(room) if nick == "bob"]
        wanted = [f"answer {number}" for number in range(numbers[-1] + 1)]
    if heard != wanted:
        msg = f"{direction}: {len(wanted)} sent, {len(heard)} heard, or not in order"
        raise SystemExit(msg)


async def arrived(to_irc: bool, juliet: XmppPerson, bob: IrcPerson, room: str, number: int) -> None:  # noqa: FBT001
    """Wait for one line on the other side."""
    if to_irc:
        await bob.see(lambda line: line.endswith(f":line {number}"), patience=60)
    else:
        await juliet.message(room, f"answer {number}", nick="bob", patience=60)


if __name__ == "__main__":
    asyncio.run(main())
