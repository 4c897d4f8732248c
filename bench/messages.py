"""What a message costs the bridge, the XMPP server and the IRC server, and how long it takes, by number of ghosts.

``python -m bench.messages [--servers NAME ...] [--ghosts N ...]``. Real servers, the bridge as a process with its durable
store, CPU of each process per message (``bench.talk`` says how). "out" is from XMPP to IRC, "in" the other way;
saturated is one hundred messages under way at any time, 100/s are spaced. ``added`` is the time between the message
being heard where it was said and where it was not. A rate that the XMPP server could not keep up with is left out.
"""

import argparse
import asyncio
import contextlib

from bench.figures import Figures
from bench.talk import HEAD, Process, Rows, Talk, timed
from bench.worlds import XMPP, IrcCrowd
from bridge.demo.people import IrcPerson, XmppPerson
from bridge.demo.play import configuration
from bridge.demo.processes import until
from bridge.demo.program import Program
from bridge.demo.servers import InspIRCd, Prosody
from tests.support.servers import Ejabberd


class Measuring:
    """One pair of servers, and what is measured on them."""

    def __init__(self, name: str, figures: Figures, *, seconds: float) -> None:
        self._name = name
        self._figures = figures
        self._seconds = seconds  # of the slowest process, for one repetition

    async def run(self, sizes: list[int]) -> None:
        """Measure with each number of ghosts; the servers end without anybody leaving, which would take long."""
        async with XMPP[self._name]() as xmpp, InspIRCd() as ircd, IrcCrowd(ircd.port) as crowd:
            for ghosts in sizes:
                async with contextlib.AsyncExitStack() as stack:
                    await self._one(xmpp, ircd, crowd, ghosts, stack)

    async def _one(
        self, xmpp: Prosody | Ejabberd, ircd: InspIRCd, crowd: IrcCrowd, ghosts: int, stack: contextlib.AsyncExitStack
    ) -> None:
        room, channel = f"verona{ghosts}@{xmpp.conference}", f"#verona{ghosts}"
        juliet = XmppPerson("juliet", "pw", port=xmpp.port)
        bob, carol = IrcPerson("bob", port=ircd.port), IrcPerson("carol", port=ircd.port)
        for person in (juliet, bob, carol):
            timed(person)
            await stack.enter_async_context(person)
        await juliet.join(room, "juliet")
        for each in (bob, carol):
            await each.join(channel)
        await crowd.enter(channel, ghosts - 2)
        program = Program(configuration(xmpp, ircd, room, channel) + f"\n[networks.irc.puppets]\nmax = {ghosts + 10}\n")
        stack.push_async_exit(program)
        stack.push_async_callback(program.kill)  # or it would take everybody out again
        processes: list[Process] = [program, xmpp, ircd]
        await self._come_in(program, xmpp, juliet, room, ghosts)
        talk = Talk(juliet, bob, carol, room=room, channel=channel)
        await Rows(self._figures, self._name, ghosts, seconds=self._seconds).measure(talk, processes)

    async def _come_in(
        self, program: Program, xmpp: Prosody | Ejabberd, juliet: XmppPerson, room: str, ghosts: int
    ) -> None:
        """Start the bridge, and see how long its ghosts take to be in the room."""
        loop = asyncio.get_running_loop()
        start, before = loop.time(), xmpp.cpu()
        await program.start(patience=120)

        async def all_here() -> bool:
            return len(juliet.occupants(room)) >= ghosts + 2

        await until(all_here, patience=240, what=f"{ghosts} ghosts in the room", pause=0.1)
        took, spent = loop.time() - start, xmpp.cpu() - before
        self._figures.note(f"messages/{self._name}/{ghosts}/join/seconds", took)
        self._figures.note(f"messages/{self._name}/{ghosts}/join/xmpp", spent)
        print(
            f"{self._name:<20} {ghosts:>6} all in after {took:.1f} s, {spent:.1f} s CPU of the XMPP server", flush=True
        )


async def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--servers", nargs="+", choices=list(XMPP), default=list(XMPP))
    options.add_argument("--ghosts", type=int, nargs="+", default=[2, 20, 100, 500])
    options.add_argument("--seconds", type=float, default=1.0, help="of the slowest process, for one repetition")
    options.add_argument("--quick", action="store_true", help="2 and 100 ghosts, and less of everything")
    options.add_argument("--figures", default="", help=argparse.SUPPRESS)
    wanted = options.parse_args()
    if wanted.quick:
        wanted.ghosts, wanted.seconds = [2, 100], 0.3
    print(HEAD)
    figures = Figures(wanted.figures)
    for name in wanted.servers:
        await Measuring(name, figures, seconds=wanted.seconds).run(sorted(wanted.ghosts))


if __name__ == "__main__":
    asyncio.run(main())
