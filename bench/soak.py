"""Hundreds of puppets that come, talk, rename themselves and go, for hours; what has to stay flat is printed as a series.

``python -m bench.soak [--hours H] [--puppets N]``, or ``make soak HOURS=8``. Every user of a MUC is a connection to a real
InspIRCd. As many as there are come in, and say so much that everything is full that the bridge keeps at hand up to a bound; from
then on somebody at random leaves and comes back, or takes another nick, or says something, without pause, while bob answers on
IRC. Once a minute (more often in a short run) the bridge is weighed: resident
memory, open files, tasks of its event loop. The verdict compares the last quarter with the quarter after everybody was in
and warm: memory may have grown by a tenth, files and tasks by a fiftieth. Ends with 1 if something grew, or was lost.
"""

import argparse
import asyncio
import contextlib
import random
import statistics
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import msgspec

from bench.puppets import CHANNEL, text, there
from bench.worlds import CROWD, XmppCrowd, person, with_components
from bridge.demo.people import IrcPerson
from bridge.demo.program import Program
from bridge.demo.servers import InspIRCd
from bridge.engine.limits import Limits
from tests.support.servers import CollapsingProsody

RATE = 20.0
"""Things that happen in a second."""
WARM = 2 * Limits().keys
"""Messages that fill the largest of what is kept at hand, both of its generations."""
CHUNK = 250
SAMPLES = 40
"""In a short run; in a long one there is one a minute."""


class Sample(msgspec.Struct, frozen=True):
    """The bridge at one moment."""

    minute: float
    memory: float  # MiB
    files: int
    tasks: int


class Churn:
    """People of the crowd who do things at random; what they say is numbered."""

    def __init__(self, crowd: XmppCrowd, room: str, *, seed: int = 1) -> None:
        self._crowd = crowd
        self._room = room
        self._random = random.Random(seed)
        self._nicks = {number: f"u{number}" for number in range(1, crowd.many)}
        self.said = 0
        self.done = {"left and came back": 0, "renamed": 0, "spoke": 0}

    def act(self) -> None:
        """Let somebody do something."""
        number = self._random.choice(list(self._nicks))
        match self._random.choices(("go", "rename", "say"), (2, 1, 7))[0]:
            case "go":
                self._presence(number, " type='unavailable'")
                self._presence(number)
                self.done["left and came back"] += 1
            case "rename":
                base = f"u{number}"
                self._nicks[number] = base if self._nicks[number] != base else f"{base}x"
                self._presence(number)
                self.done["renamed"] += 1
            case _:
                self.say(number)

    def say(self, number: int = 0) -> None:
        """Let somebody say the next number."""
        speaker = person(number or self._random.choice(list(self._nicks)))
        head = f"<message from='{speaker}/x' to='{self._room}' type='groupchat' id='s{self.said}'>"
        self._crowd.component.send(f"{head}<body>{escape(f'n {self.said}')}</body></message>")
        self.said += 1
        self.done["spoke"] += 1

    def _presence(self, number: int, kind: str = "") -> None:
        inner = "" if kind else "<x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x>"
        to = f"{self._room}/{self._nicks[number]}"
        self._crowd.component.send(f"<presence from='{person(number)}/x' to='{to}'{kind}>{inner}</presence>")


def weigh(program: Program, admin: int, began: float) -> Sample:
    """Look at the process from outside, and at its tasks through its metrics."""
    assert program.process is not None
    files = len(list(Path(f"/proc/{program.process.pid}/fd").iterdir()))
    with urllib.request.urlopen(f"http://127.0.0.1:{admin}/metrics", timeout=30) as page:
        lines = page.read().decode().splitlines()
    tasks = next(float(line.split()[1]) for line in lines if line.startswith("linkspan_tasks "))
    return Sample((time.monotonic() - began) / 60, program.memory() / 2**20, files, round(tasks))


def verdict(samples: Sequence[Sample]) -> list[str]:
    """Return what has grown from the second quarter to the last, one sentence each."""
    quarter = max(1, len(samples) // 4)
    early, late = samples[quarter : 2 * quarter], samples[-quarter:]
    grown = []
    bounds: dict[str, tuple[Callable[[Sample], float], float]] = {
        "memory": (lambda each: each.memory, 1.10),
        "files": (lambda each: each.files, 1.02),
        "tasks": (lambda each: each.tasks, 1.02),
    }
    for name, (of, most) in bounds.items():
        before, after = statistics.mean(map(of, early)), statistics.mean(map(of, late))
        print(f"{name:<8} {before:>10.1f} {after:>10.1f}   {'flat' if after <= before * most + 2 else 'GROWN'}")
        if after > before * most + 2:
            grown.append(f"{name} has grown from {before:.1f} to {after:.1f}")
    return grown


async def soak(hours: float, puppets: int) -> list[str]:
    """Run it; returns what is wrong."""
    async with contextlib.AsyncExitStack() as stack:
        prosody = await stack.enter_async_context(with_components(CollapsingProsody, CROWD))
        ircd = await stack.enter_async_context(InspIRCd())
        bob = await stack.enter_async_context(IrcPerson("bob", port=ircd.port))
        await bob.join(CHANNEL)
        room = f"verona@{prosody.conference}"
        crowd = await stack.enter_async_context(XmppCrowd(prosody.component_port))
        await crowd.listen(room)
        program = Program(text(prosody, ircd, room, tls=False))
        admin = int(program.config.read_text().partition('admin_listen = "127.0.0.1:')[2].partition('"')[0])
        stack.push_async_exit(program)
        stack.push_async_callback(program.kill)  # or it would take everybody out again
        await program.start(patience=120)
        await crowd.enter(puppets - crowd.many, lambda _: room)
        await there(bob, puppets, patience=300)
        churn = Churn(crowd, room)
        heard: set[int] = set()
        await _warm_up(churn, bob, heard)
        print(f"{puppets} puppets are in; for {hours * 60:.0f} minutes {RATE:.0f} things a second happen", flush=True)
        samples = await _churn(churn, bob, heard, weigh_it=lambda began: weigh(program, admin, began), hours=hours)
        lost = await _lost(churn, bob, heard)
        print(", ".join(f"{number} {what}" for what, number in churn.done.items()))
        print(f"{churn.said} said, {lost} lost\n\n{'':<8} {'2nd quarter':>10} {'last':>10}")
        wrong = verdict(samples)
        return [*wrong, f"{lost} messages were lost"] if lost else wrong


async def _warm_up(churn: Churn, bob: IrcPerson, heard: set[int]) -> None:
    """Let so much be said that what is kept at hand is full."""
    while churn.said < WARM:
        for _ in range(CHUNK):
            churn.say()
        if await _lost(churn, bob, heard):
            return  # it will be told at the end


async def _churn(
    churn: Churn, bob: IrcPerson, heard: set[int], *, weigh_it: Callable[[float], Sample], hours: float
) -> list[Sample]:
    began = time.monotonic()
    every = min(60.0, hours * 3600 / SAMPLES)
    samples: list[Sample] = []
    print(f"{'minute':>8} {'MB':>8} {'files':>8} {'tasks':>8}", flush=True)
    while (now := time.monotonic() - began) < hours * 3600:
        churn.act()
        if churn.said % 50 == 0:
            bob.say(CHANNEL, f"I have heard {churn.said}")
        if now >= len(samples) * every:
            sample = await asyncio.to_thread(weigh_it, began)
            samples.append(sample)
            print(f"{sample.minute:>8.1f} {sample.memory:>8.1f} {sample.files:>8} {sample.tasks:>8}", flush=True)
            _take(bob, heard)
        await asyncio.sleep(1 / RATE)
    return samples


def _take(bob: IrcPerson, heard: set[int]) -> None:
    """Note what bob has heard, and let him forget the lines."""
    words = (said.rpartition("> ")[2] for _, said in bob.texts(CHANNEL))
    heard.update(int(said[2:]) for said in words if said.startswith("n ") and said[2:].isdigit())
    bob.seen.clear()


async def _lost(churn: Churn, bob: IrcPerson, heard: set[int], *, patience: float = 120.0) -> int:
    """Wait until everything that was said has arrived; returns how much has not."""
    deadline = time.monotonic() + patience
    while len(heard) < churn.said and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
        _take(bob, heard)
    return churn.said - len(heard)


def main() -> int:
    """Run it; returns the exit status."""
    options = argparse.ArgumentParser(prog="bench.soak", description=__doc__.partition("\n")[0])
    options.add_argument("--hours", type=float, default=0.2)
    options.add_argument("--puppets", type=int, default=500)
    wanted = options.parse_args()
    wrong = asyncio.run(soak(wanted.hours, wanted.puppets))
    print("\n".join(wrong) or "everything is flat")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
