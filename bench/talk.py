"""Two people who talk through a bridge, and the clock beside them: what a message costs, and how long it takes.

Juliet is on XMPP and Bob on IRC; Carol sits beside Bob, so that both sides show when a message was said on its own
side. Every message has to arrive, once and in order, or there is no figure. Costs are CPU time of each process, the
least of some repetitions; the time that a bridge adds is the one between the message being heard where it was said and
where it was not.
"""

import asyncio
import enum
import time
from collections.abc import Sequence
from itertools import count
from typing import Protocol, TypeVar

import msgspec

from bench.figures import Figures, percentile
from bridge.demo.people import CLIENT, IrcPerson, XmppPerson, body, spoken

RATE = 100
"""Messages a second when they are spaced."""
SUSTAINABLE = 5_000
"""CPU microseconds per message of the XMPP server; at that rate it is half a core, and more could not be kept up."""
HEAD = (
    f"{'servers':<20} {'ghosts':>6} {'way':<4} {'load':<10} {'bridge':>8} {'xmpp':>8} {'irc':>8}   "
    f"{'p50':>6} {'p99':>7} {'added p50':>10} {'p99':>7}   (CPU us per message; ms)"
)
WINDOW = 100
"""Messages that are under way when there is as much to do as can be done."""
PATIENCE = 120.0
T = TypeVar("T")


class Way(enum.StrEnum):
    """Where a message goes, seen from XMPP."""

    OUT = "out"
    IN = "in"


class Process(Protocol):
    """What is measured."""

    def cpu(self) -> float:
        """Return the CPU seconds used so far."""


class Took(msgspec.Struct, frozen=True):
    """How long messages took, in milliseconds: all the way, and of that with the bridge."""

    p50: float
    p99: float
    added_p50: float
    added_p99: float


class Timed(list[T]):
    """What somebody has seen, and when."""

    def __init__(self) -> None:
        super().__init__()
        self.at: list[float] = []

    def append(self, sight: T) -> None:
        self.at.append(time.perf_counter())
        super().append(sight)

    def clear(self) -> None:
        self.at.clear()
        super().clear()


def timed(person: XmppPerson | IrcPerson) -> None:
    """Have somebody who is not connected yet note when they see what."""
    person.seen = Timed()


class Talk:
    """A conversation through one linked room."""

    def __init__(self, juliet: XmppPerson, bob: IrcPerson, carol: IrcPerson, *, room: str, channel: str) -> None:
        self.juliet, self.bob, self.carol = juliet, bob, carol
        self.room, self.channel = room, channel
        self._numbers = count(1)
        self._said: dict[Way, list[str]] = {way: [] for way in Way}

    async def cost(self, way: Way, processes: Sequence[Process], *, messages: int, repeats: int) -> list[float]:
        """Return CPU microseconds per message of each process, with as much to do as can be done."""
        await self.flood(way, min(messages, WINDOW))
        best = [float("inf")] * len(processes)
        for _ in range(repeats):
            before = [process.cpu() for process in processes]
            await self.flood(way, messages)
            spent = [process.cpu() - start for process, start in zip(processes, before, strict=True)]
            best = [min(least, seconds / messages * 1e6) for least, seconds in zip(best, spent, strict=True)]
        return best

    async def flood(self, way: Way, messages: int) -> None:
        """Say so many, with no more than a window of them under way; all arrive."""
        texts = [self._text(way) for _ in range(messages)]
        for number, text in enumerate(texts):
            self._say(way, text)
            if number % (WINDOW // 2) == WINDOW // 2 - 1 and number >= WINDOW // 2:
                await self._arrived(way, texts[number - WINDOW // 2])
        await self._arrived(way, texts[-1])
        await self._check(way)

    async def pace(
        self, way: Way, processes: Sequence[Process], *, rate: int, messages: int
    ) -> tuple[list[float], Took]:
        """Say so many at a steady rate; returns CPU microseconds per message of each process, and how long they took."""
        loop = asyncio.get_running_loop()
        before = [process.cpu() for process in processes]
        start = loop.time()
        sent: dict[str, float] = {}
        for number in range(messages):
            await asyncio.sleep(start + number / rate - loop.time())
            text = self._text(way)
            sent[text] = time.perf_counter()
            self._say(way, text)
        await self._arrived(way, text)
        await self._check(way)
        spent = [(process.cpu() - was) / messages * 1e6 for process, was in zip(processes, before, strict=True)]
        on_xmpp, on_irc = self._heard_on_xmpp(), self._heard_on_irc(self.bob if way is Way.OUT else self.carol)
        near, far = (on_xmpp, on_irc) if way is Way.OUT else (on_irc, on_xmpp)
        whole = [(far[text] - at) * 1000 for text, at in sent.items()]
        added = [(far[text] - near[text]) * 1000 for text in sent]
        took = Took(*(percentile(values, part) for values in (whole, added) for part in (0.5, 0.99)))
        return spent, took

    def _text(self, way: Way) -> str:
        text = f"message {next(self._numbers):07}, which is about as long as people write them"
        self._said[way].append(text)
        return text

    def _say(self, way: Way, text: str) -> None:
        if way is Way.OUT:
            self.juliet.say(self.room, text)
        else:
            self.bob.say(self.channel, text)

    async def _arrived(self, way: Way, text: str) -> None:
        if way is Way.OUT:
            await self.bob.see(lambda line: line.endswith(text), patience=PATIENCE)
        else:
            await self.juliet.message(self.room, text, patience=PATIENCE)

    async def _check(self, way: Way) -> None:
        """See that all was heard once, in order, on both sides."""
        last = self._said[way][-1]
        await self.juliet.message(self.room, last, patience=PATIENCE)
        if way is Way.IN:
            await self.carol.see(lambda line: line.endswith(last), patience=PATIENCE)
        heard = self._heard_on_irc(self.bob) if way is Way.OUT else self._heard_on_xmpp(mine=False)
        if list(heard) != self._said[way]:
            msg = f"{way}: {len(self._said[way])} said, {len(heard)} heard, or not in order"
            raise SystemExit(msg)

    def _heard_on_irc(self, person: IrcPerson) -> dict[str, float]:
        """Return what was said in the channel to somebody, and when. Raises: SystemExit when something came twice."""
        assert isinstance(person.seen, Timed)
        lines = ((spoken(line), at) for line, at in zip(person.seen, person.seen.at, strict=True))
        return _once([(said[2], at) for said, at in lines if said is not None and _is_ours(said[2])])

    def _heard_on_xmpp(self, *, mine: bool | None = None) -> dict[str, float]:
        seen = self.juliet.seen
        assert isinstance(seen, Timed)
        heard = []
        for element, at in zip(seen, seen.at, strict=True):
            room, _, nick = (element.get("from") or "").partition("/")
            if element.tag == f"{CLIENT}message" and room == self.room and element.get("type") == "groupchat":
                text = body(element)
                if text is not None and _is_ours(text) and (mine is None or (nick == "juliet") is mine):
                    heard.append((text, at))
        return _once(heard)


class Rows:
    """Measures a conversation whole: both ways, saturated and spaced; a row for each."""

    def __init__(self, figures: Figures, name: str, ghosts: int, *, seconds: float, most: int = 700) -> None:
        self._figures = figures
        self._name = name
        self._ghosts = ghosts
        self._seconds = seconds  # of the slowest process, for one repetition
        self._most = most  # messages of one repetition

    async def measure(self, talk: Talk, processes: Sequence[Process]) -> None:
        """Measure bridge, XMPP server and IRC server, in this order."""
        for way in Way:
            await talk.flood(way, 20)  # ejabberd asks at the first message what the component can do
            first = await talk.cost(way, processes, messages=20, repeats=1)
            messages = max(40, min(self._most, int(self._seconds / max(first) * 1e6)))
            spent = await talk.cost(way, processes, messages=messages, repeats=3)
            self._row(way, "saturated", spent, None)
            if spent[1] < SUSTAINABLE:
                paced, took = await talk.pace(
                    way, processes, rate=RATE, messages=max(10, int(RATE * self._seconds * 2))
                )
                self._row(way, f"{RATE}/s", paced, took)

    def _row(self, way: Way, load: str, spent: Sequence[float], took: Took | None) -> None:
        name = f"messages/{self._name}/{self._ghosts}/{way}/{load}"
        for process, figure in zip(("bridge", "xmpp", "irc"), spent, strict=True):
            self._figures.note(f"{name}/{process}", figure)
        row = (
            f"{self._name:<20} {self._ghosts:>6} {way:<4} {load:<10} {spent[0]:>8.0f} {spent[1]:>8.0f} {spent[2]:>8.0f}"
        )
        if took is not None:
            for quantity in took.__struct_fields__:
                self._figures.note(f"{name}/{quantity}", getattr(took, quantity))
            row += f"   {took.p50:>6.1f} {took.p99:>7.1f} {took.added_p50:>10.1f} {took.added_p99:>7.1f}"
        print(row, flush=True)


def _is_ours(text: str) -> bool:
    return text.startswith("message ")


def _once(heard: list[tuple[str, float]]) -> dict[str, float]:
    found = dict(heard)
    if len(found) != len(heard):
        msg = f"{len(heard) - len(found)} messages came twice"
        raise SystemExit(msg)
    return found
