"""Numbered messages both ways while something goes wrong, and the count of what was lost or doubled at the end."""

import asyncio
import contextlib
import itertools
import os
from collections.abc import AsyncIterator

import msgspec

from bridge.demo.people import IrcPerson, XmppPerson
from bridge.demo.processes import until
from tests.support.world import World

FULL = bool(os.environ.get("LINKSPAN_FAULTS"))
"""Whether to disturb as often as the promise says (``make faults``), or a few times only (``make test``)."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the numbered messages of one direction."""

    sent: int
    lost: list[int]
    doubled: list[int]
    disordered: int

    @property
    def perfect(self) -> bool:
        """Whether each arrived once, in order."""
        return not (self.lost or self.doubled or self.disordered)

    def __str__(self) -> str:
        return (
            f"sent {self.sent}, lost {len(self.lost)} {self.lost[:10]}, doubled {len(self.doubled)} {self.doubled[:10]}, "
            f"out of order {self.disordered}"
        )


def report(sent: int, heard: list[int]) -> Report:
    """Compare what was said, 0 to ``sent`` - 1, with what was heard."""
    counts = dict.fromkeys(range(sent), 0)
    for number in heard:
        counts[number] = counts.get(number, 0) + 1
    firsts = list(dict.fromkeys(heard))
    return Report(
        sent=sent,
        lost=[number for number, times in counts.items() if times == 0],
        doubled=[number for number, times in counts.items() if times > 1],
        disordered=sum(1 for before, after in itertools.pairwise(firsts) if after < before),
    )


class Load:
    """Juliet and bob talk without pause, each numbering their own messages; the other side's people write down what they hear."""

    def __init__(self, world: World, juliet: XmppPerson, bob: IrcPerson, *, rate: float = 50.0) -> None:
        self.world, self.juliet, self.bob, self.rate = world, juliet, bob, rate
        self.from_xmpp = 0
        self.from_irc = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Talk for as long as the block lasts."""
        talking = asyncio.gather(self._talk_xmpp(), self._talk_irc())
        try:
            yield
        finally:
            talking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await talking

    async def _talk_xmpp(self) -> None:
        while True:
            self.juliet.say(self.world.room, f"x {self.from_xmpp}")
            self.from_xmpp += 1
            await asyncio.sleep(1 / self.rate)

    async def _talk_irc(self) -> None:
        while True:
            self.bob.say(self.world.channel, f"i {self.from_irc}")
            self.from_irc += 1
            await asyncio.sleep(1 / self.rate)

    def heard_on_irc(self) -> list[int]:
        """Return the numbers of juliet's messages as bob read them, through whichever voice."""
        texts = (text.rpartition("> ")[2] for _, text in self.bob.texts(self.world.channel))
        return [int(text[2:]) for text in texts if text.startswith("x ") and text[2:].isdigit()]

    def heard_on_xmpp(self) -> list[int]:
        """Return the numbers of bob's messages as juliet read them."""
        texts = (text.rpartition("> ")[2] for nick, text in self.juliet.texts(self.world.room) if nick != "juliet")
        return [int(text[2:]) for text in texts if text.startswith("i ") and text[2:].isdigit()]

    async def settle(self, *, patience: float = 90.0, silence: float = 8.0) -> tuple[Report, Report]:
        """Wait until everything has arrived, or nothing has for a while; return (XMPP to IRC, IRC to XMPP)."""
        still, before = 0.0, (-1, -1)

        async def done() -> bool:
            nonlocal still, before
            now = (len(set(self.heard_on_irc())), len(set(self.heard_on_xmpp())))
            still = 0.0 if now != before else still + 0.25
            before = now
            await asyncio.sleep(0.25)
            return now == (self.from_xmpp, self.from_irc) or still > silence

        with contextlib.suppress(TimeoutError):
            await until(done, patience=patience, what="everything arrived")
        await asyncio.gather(self.juliet.fence(), self.bob.fence())
        return report(self.from_xmpp, self.heard_on_irc()), report(self.from_irc, self.heard_on_xmpp())
