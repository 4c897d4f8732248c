"""The same for biboumi (Debian's package), where the work is comparable: a gateway in C++, measured in the same run.

``python -m bench.biboumi [--users N ...]``. Rooms hosted by the gateway are its only mode: one user of it talks with people
in an IRC channel, in the way of ``bench.messages``, with its archive on disk as it comes and with none; then users come
in, each with a channel and an IRC connection of their own, and are weighed as in ``bench.puppets``. It is told by its
options where the IRC server is, to try no TLS, and not to throttle.
"""

import argparse
import asyncio
import contextlib

from bench.figures import Figures
from bench.talk import HEAD, Process, Rows, Talk, timed
from bench.weighing import HEAD as WEIGHING
from bench.weighing import Scales
from bench.worlds import BIBOUMI, CROWD, GATEWAY, Biboumi, IrcCrowd, XmppCrowd, person, with_components
from bridge.demo.people import IrcPerson, XmppPerson
from bridge.demo.servers import InspIRCd, Prosody

CHANNEL = "#verona"


async def messages(figures: Figures, ghosts: int, *, archive: bool, seconds: float) -> None:
    """Measure one user's conversation."""
    name = "biboumi, archive" if archive else "biboumi"
    async with contextlib.AsyncExitStack() as stack:
        prosody = await stack.enter_async_context(with_components(Prosody, BIBOUMI))
        ircd = await stack.enter_async_context(InspIRCd())
        crowd = await stack.enter_async_context(IrcCrowd(ircd.port))
        biboumi = await stack.enter_async_context(Biboumi(prosody.component_port, ircd.port))
        juliet = XmppPerson("juliet", "pw", port=prosody.port)
        bob, carol = IrcPerson("bob", port=ircd.port), IrcPerson("carol", port=ircd.port)
        for each in (juliet, bob, carol):
            timed(each)
            await stack.enter_async_context(each)
        for each in (bob, carol):
            await each.join(CHANNEL)
        await crowd.enter(CHANNEL, ghosts - 2)
        biboumi.know([juliet.jid], archive=archive)
        room = f"{CHANNEL}%{GATEWAY}@{BIBOUMI}"
        await juliet.join(room, "juliet")
        talk = Talk(juliet, bob, carol, room=room, channel=CHANNEL)
        processes: list[Process] = [biboumi, prosody, ircd]
        most = 100 if archive else 700  # a message waits for the disk
        await Rows(figures, name, ghosts, seconds=seconds, most=most).measure(talk, processes)


async def users(figures: Figures, sizes: list[int], *, idle: float, idle_at: int) -> None:
    """Let users come in step by step, and weigh it after each."""
    async with contextlib.AsyncExitStack() as stack:
        prosody = await stack.enter_async_context(with_components(Prosody, BIBOUMI, CROWD))
        ircd = await stack.enter_async_context(InspIRCd())
        biboumi = await stack.enter_async_context(Biboumi(prosody.component_port, ircd.port))
        crowd = await stack.enter_async_context(XmppCrowd(prosody.component_port))
        biboumi.know([person(number) for number in range(sizes[-1])], archive=True)
        scales = Scales(figures, "biboumi's users", biboumi, idle=idle)
        for size in sizes:
            coming = crowd.enter(size - crowd.many, lambda number: f"#c{number}%{GATEWAY}@{BIBOUMI}")
            await scales.step(size, coming, idle=size == idle_at)
        scales.each(sizes[0], sizes[-1])


async def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--ghosts", type=int, nargs="+", default=[2, 100], help="people in the IRC channel")
    options.add_argument("--users", type=int, nargs="+", default=[1, 100, 500])
    options.add_argument("--seconds", type=float, default=1.0, help="of the slowest process, for one repetition")
    options.add_argument("--idle", type=float, default=10.0, help="seconds that nothing is done")
    options.add_argument("--quick", action="store_true", help="a hundred users, and less of everything")
    options.add_argument("--figures", default="", help=argparse.SUPPRESS)
    wanted = options.parse_args()
    if wanted.quick:
        wanted.ghosts, wanted.users, wanted.seconds, wanted.idle = [2], [1, 100], 0.3, 3.0
    figures = Figures(wanted.figures)
    print(HEAD)
    for archive in (True, False):
        for ghosts in wanted.ghosts:
            await messages(figures, ghosts, archive=archive, seconds=wanted.seconds)
    sizes = sorted(wanted.users)
    print(WEIGHING)
    await users(figures, sizes, idle=wanted.idle, idle_at=min(sizes, key=lambda size: abs(size - 500)))


if __name__ == "__main__":
    asyncio.run(main())
