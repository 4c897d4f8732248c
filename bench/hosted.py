"""Hosted rooms, beside biboumi (Debian's package) on the same rooms: the one mode of that gateway in C++, and one of ours.

``python -m bench.hosted [--gateways NAME ...]``. One user, or a hundred in one channel, of which one talks with people on IRC,
in the way of ``bench.messages``; then users come in, each with a channel and an IRC connection of their own, and are weighed as
in ``bench.puppets``. biboumi is told by its options where the IRC server is, to try no TLS and not to throttle; it is measured
with its archive on disk as it comes, and with none. Ours has its store and its archive on disk.
"""

import argparse
import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Protocol

from bench.figures import Figures
from bench.talk import HEAD, Rows, Talk, timed
from bench.weighing import HEAD as WEIGHING
from bench.weighing import Scales
from bench.worlds import BIBOUMI, CROWD, GATEWAY, Biboumi, IrcCrowd, XmppCrowd, person, with_components
from bridge.demo.people import IrcPerson, XmppPerson
from bridge.demo.play import gateway
from bridge.demo.program import Program
from bridge.demo.servers import InspIRCd, Prosody

CHANNEL = "#verona"
OURS, ARCHIVE, BARE = "hosted", "biboumi, archive", "biboumi"
NAMES = (OURS, ARCHIVE, BARE)
WEIGHED: Mapping[str, str] = {OURS: "our users", ARCHIVE: "biboumi's users"}
"""Where no message is said, an archive makes no difference."""


class Gateway(Protocol):
    """A gateway that runs."""

    def cpu(self) -> float:
        """Return the CPU seconds used so far."""

    def memory(self) -> int:
        """Return its resident memory in bytes."""


async def running(
    name: str, prosody: Prosody, ircd: InspIRCd, users: Sequence[str], stack: contextlib.AsyncExitStack
) -> tuple[Gateway, str]:
    """Start a gateway for these users; returns what is behind the channel's name in the address of a room, too."""
    if name == OURS:
        program = Program(gateway(prosody, ircd) + f"\n[networks.irc.puppets]\nmax = {len(users) + 10}\n")
        stack.push_async_exit(program)
        stack.push_async_callback(program.kill)  # or it would take everybody out again
        await program.start(patience=120)
        return program, f"%irc@{prosody.component}"
    biboumi = await stack.enter_async_context(Biboumi(prosody.component_port, ircd.port))
    biboumi.know(users, archive=name == ARCHIVE)
    return biboumi, f"%{GATEWAY}@{BIBOUMI}"


async def messages(name: str, figures: Figures, *, ghosts: int, users: int, seconds: float) -> None:
    """Measure one user's conversation with so many on IRC, and so many users of the gateway in the room."""
    async with contextlib.AsyncExitStack() as stack:
        prosody = await stack.enter_async_context(with_components(Prosody, BIBOUMI, CROWD))
        ircd = await stack.enter_async_context(InspIRCd())
        crowd = await stack.enter_async_context(IrcCrowd(ircd.port))
        juliet = XmppPerson("juliet", "pw", port=prosody.port)
        bob, carol = IrcPerson("bob", port=ircd.port), IrcPerson("carol", port=ircd.port)
        for each in (juliet, bob, carol):
            timed(each)
            await stack.enter_async_context(each)
        for each in (bob, carol):
            await each.join(CHANNEL)
        await crowd.enter(CHANNEL, ghosts - 2)
        known = [juliet.jid, *(person(number) for number in range(users - 1))]
        process, behind = await running(name, prosody, ircd, known, stack)
        room = f"{CHANNEL}{behind}"
        await juliet.join(room, "juliet")
        others = await stack.enter_async_context(XmppCrowd(prosody.component_port))
        await others.enter(users - 1, lambda _: room)
        talk = Talk(juliet, bob, carol, room=room, channel=CHANNEL)
        most = 100 if name == ARCHIVE else 700  # there a message waits for the disk
        title = name if users == 1 else f"{name}, {users} users"
        await Rows(figures, title, ghosts, seconds=seconds, most=most).measure(talk, [process, prosody, ircd])


async def weigh(name: str, figures: Figures, sizes: list[int], *, idle: float, idle_at: int) -> None:
    """Let users come in step by step, each into a channel of their own, and weigh the gateway after each step."""
    async with contextlib.AsyncExitStack() as stack:
        prosody = await stack.enter_async_context(with_components(Prosody, BIBOUMI, CROWD))
        ircd = await stack.enter_async_context(InspIRCd())
        crowd = await stack.enter_async_context(XmppCrowd(prosody.component_port))
        known = [person(number) for number in range(sizes[-1])]
        process, behind = await running(name, prosody, ircd, known, stack)
        scales = Scales(figures, WEIGHED[name], process, idle=idle)
        for size in sizes:
            coming = crowd.enter(size - crowd.many, lambda number: f"#c{number}{behind}")
            await scales.step(size, coming, idle=size == idle_at)
        scales.each(sizes[0], sizes[-1])


async def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--gateways", nargs="+", choices=NAMES, default=NAMES)
    options.add_argument("--ghosts", type=int, nargs="+", default=[2, 100], help="people in the IRC channel")
    options.add_argument("--together", type=int, default=100, help="users in one channel")
    options.add_argument("--users", type=int, nargs="+", default=[1, 100, 500], help="users in a channel each")
    options.add_argument("--seconds", type=float, default=1.0, help="of the slowest process, for one repetition")
    options.add_argument("--idle", type=float, default=10.0, help="seconds that nothing is done")
    options.add_argument("--quick", action="store_true", help="a hundred users, and less of everything")
    options.add_argument("--figures", default="", help=argparse.SUPPRESS)
    wanted = options.parse_args()
    if wanted.quick:
        wanted.ghosts, wanted.users, wanted.seconds, wanted.idle = [2], [1, 100], 0.3, 3.0
    figures = Figures(wanted.figures)
    print(HEAD)
    for name in wanted.gateways:
        for ghosts in wanted.ghosts:
            await messages(name, figures, ghosts=ghosts, users=1, seconds=wanted.seconds)
        await messages(name, figures, ghosts=2, users=wanted.together, seconds=wanted.seconds)
    sizes = sorted(wanted.users)
    print(WEIGHING)
    for name in wanted.gateways:
        if name in WEIGHED:
            idle_at = min(sizes, key=lambda size: abs(size - 500))
            await weigh(name, figures, sizes, idle=wanted.idle, idle_at=idle_at)


if __name__ == "__main__":
    asyncio.run(main())
