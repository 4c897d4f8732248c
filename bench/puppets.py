"""What puppets cost: their memory, coming in, and idling; and how long both sides take when the bridge starts anew.

``python -m bench.puppets [--puppets N ...]``. Every user of a MUC is a connection to a real InspIRCd, plain or with TLS; the
users are a component of their own, so that Prosody (with our module) has nothing to multiply. Memory is the bridge's
resident memory. While hundreds of them come in, two people in another linked room go on talking: nobody shall wait.
"""

import argparse
import asyncio
import contextlib
import time

from bench.figures import Figures
from bench.talk import Timed, timed
from bench.weighing import HEAD, Scales
from bench.worlds import CROWD, IrcCrowd, XmppCrowd, with_components
from bridge.demo.people import IrcPerson, XmppPerson, body
from bridge.demo.play import configuration
from bridge.demo.processes import until
from bridge.demo.program import Program
from bridge.demo.servers import InspIRCd, Prosody
from tests.support.servers import CollapsingProsody

CHANNEL, SIDE = "#verona", "#mantua"
PUPPETS = "\n[networks.irc.puppets]\nmax = 3000\n"


def text(prosody: Prosody, ircd: InspIRCd, room: str, *, tls: bool) -> str:
    """Return the bridge's configuration."""
    plain = configuration(prosody, ircd, room, CHANNEL) + PUPPETS
    if not tls:
        return plain
    return plain.replace(f"port = {ircd.port}\ntls = false", f"port = {ircd.tls_port}\ntls = true\ntls_verify = false")


async def there(watcher: IrcPerson, many: int, *, patience: float = 120.0) -> None:
    """Return once so many are in the channel beside the watcher and the bridge's listener."""

    async def all_there() -> bool:
        return len(await watcher.names(CHANNEL)) >= many + 2

    await until(all_there, patience=patience, what=f"{many} puppets in the channel", pause=0.1)


async def one_by_one(figures: Figures, sizes: list[int], *, tls: bool, idle: float, idle_at: int) -> None:
    """Let puppets come in step by step, and weigh the bridge after each."""
    async with contextlib.AsyncExitStack() as stack:
        prosody = await stack.enter_async_context(with_components(CollapsingProsody, CROWD))
        ircd = await stack.enter_async_context(InspIRCd(tls=tls))
        bob = await stack.enter_async_context(IrcPerson("bob", port=ircd.port))
        await bob.join(CHANNEL)
        room = f"verona@{prosody.conference}"
        crowd = await stack.enter_async_context(XmppCrowd(prosody.component_port))
        await crowd.listen(room)
        program = Program(text(prosody, ircd, room, tls=tls))
        stack.push_async_exit(program)
        stack.push_async_callback(program.kill)  # or it would take everybody out again
        await program.start(patience=120)

        async def come_in(size: int) -> None:
            await crowd.enter(size - crowd.many, lambda _: room)
            await there(bob, size)

        scales = Scales(figures, f"puppets, {'TLS' if tls else 'plain'}", program, idle=idle)
        for size in sizes:
            await scales.step(size, come_in(size), idle=size == idle_at)
        scales.each(sizes[0], sizes[-1])


async def both_sides(figures: Figures, many: int) -> None:
    """Start a bridge that has so many to bring in on both sides, while others talk in another room."""
    async with contextlib.AsyncExitStack() as stack:
        prosody = await stack.enter_async_context(with_components(CollapsingProsody, CROWD))
        ircd = await stack.enter_async_context(InspIRCd())
        room, side = f"verona@{prosody.conference}", f"mantua@{prosody.conference}"
        romeo, juliet = (XmppPerson(name, "pw", port=prosody.port) for name in ("romeo", "juliet"))
        timed(romeo)
        bob, carol = IrcPerson("bob", port=ircd.port), IrcPerson("carol", port=ircd.port)
        for person in (romeo, juliet, bob, carol):
            await stack.enter_async_context(person)
        await juliet.join(room, "juliet")
        await romeo.join(side, "romeo")
        await bob.join(CHANNEL)
        await carol.join(SIDE)
        crowd = await stack.enter_async_context(XmppCrowd(prosody.component_port))
        await crowd.listen(room)
        await crowd.enter(many - 2, lambda _: room)  # juliet and the crowd's listener are users, too
        irc_crowd = await stack.enter_async_context(IrcCrowd(ircd.port))
        await irc_crowd.enter(CHANNEL, many - 1)
        other_link = f'\n[[links]]\nname = "side"\nrooms = ["xmpp:{side}", "irc:{SIDE}"]\n'
        program = Program(text(prosody, ircd, room, tls=False) + other_link)
        stack.push_async_exit(program)
        stack.push_async_callback(program.kill)  # or it would take everybody out again
        start = time.perf_counter()
        await program.start(patience=120)
        others = asyncio.create_task(chat(carol, romeo))
        await there(bob, 2 * many - 1)  # puppets, and those who are on IRC anyway, the watcher among them
        await _ghosts(juliet, room, many)
        took = time.perf_counter() - start
        others.cancel()
        waits = await others
        figures.note(f"both sides/{many}/seconds", took)
        figures.note(f"both sides/{many}/cpu", program.cpu())
        figures.note(f"both sides/{many}/others", max(waits))
        print(
            f"{many} on both sides: {took:.1f} s, {program.cpu():.1f} s CPU; meanwhile {len(waits)} messages crossed in "
            f"another room, the slowest in {max(waits):.0f} ms"
        )


async def _ghosts(juliet: XmppPerson, room: str, many: int) -> None:
    async def all_here() -> bool:
        return len(juliet.occupants(room)) >= 2 * many + 1

    await until(all_here, patience=240, what=f"{many} ghosts in the room", pause=0.1)


async def chat(carol: IrcPerson, romeo: XmppPerson) -> list[float]:
    """Say something ten times a second until cancelled; returns how many milliseconds each took."""
    sent: dict[str, float] = {}
    try:
        while True:
            text = f"meanwhile {len(sent)}"
            sent[text] = time.perf_counter()
            carol.say(SIDE, text)
            await asyncio.sleep(0.1)
    except asyncio.CancelledError:
        await romeo.see(lambda element: body(element) == text, patience=60)
    assert isinstance(romeo.seen, Timed)
    heard = {body(element): at for element, at in zip(romeo.seen, romeo.seen.at, strict=True)}
    return [(heard[text] - at) * 1000 for text, at in sent.items()]


async def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--puppets", type=int, nargs="+", default=[1, 100, 500, 1000])
    options.add_argument("--both", type=int, default=500, help="how many on both sides")
    options.add_argument("--idle", type=float, default=10.0, help="seconds that nothing is done")
    options.add_argument("--quick", action="store_true", help="a hundred, and less of everything")
    options.add_argument("--figures", default="", help=argparse.SUPPRESS)
    wanted = options.parse_args()
    if wanted.quick:
        wanted.puppets, wanted.both, wanted.idle = [1, 100], 100, 3.0
    figures = Figures(wanted.figures)
    sizes = sorted(wanted.puppets)
    idle_at = min(sizes, key=lambda size: abs(size - 500))
    print(HEAD)
    for tls in (False, True):
        await one_by_one(figures, sizes, tls=tls, idle=wanted.idle, idle_at=idle_at)
    await both_sides(figures, wanted.both)


if __name__ == "__main__":
    asyncio.run(main())
