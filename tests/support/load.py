"""Numbered messages both ways while something goes wrong, and the count of what was lost or doubled at the end."""

import asyncio
import contextlib
import hashlib
import hmac
import itertools
import json
import os
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterable
from typing import Any
from xml.etree.ElementTree import Element

import msgspec

from bridge.demo.people import CLIENT, IrcPerson, XmppPerson
from bridge.demo.processes import until
from tests.support.world import World

FULL = bool(os.environ.get("LINKSPAN_FAULTS"))
"""Whether to disturb as often as the promise says (``make faults``), or a few times only (``make test``)."""

_MAM, _RSM = "urn:xmpp:mam:2", "http://jabber.org/protocol/rsm"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the numbered messages of one direction."""

    sent: int
    lost: list[int]
    doubled: list[int]
    overtaken: list[tuple[int, int]]  # neighbours of which the second was said before the first

    @property
    def perfect(self) -> bool:
        """Whether each arrived once, in order."""
        return not (self.lost or self.doubled or self.overtaken)

    def __str__(self) -> str:
        return (
            f"sent {self.sent}, lost {len(self.lost)} {self.lost[:10]}, doubled {len(self.doubled)} {self.doubled[:10]}, "
            f"out of order {len(self.overtaken)} {self.overtaken[:10]}"
        )


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One scenario in the table of a full run."""

    name: str
    times: int
    to_irc: Report
    to_xmpp: Report


ROWS: list[Row] = []
"""What was counted in this run, for the table at its end (tests/faults/conftest.py)."""


def report(said: Iterable[int], heard: list[int]) -> Report:
    """Compare what was said with what was heard."""
    counts = dict.fromkeys(said, 0)
    sent = len(counts)
    for number in heard:
        counts[number] = counts.get(number, 0) + 1
    return Report(
        sent=sent,
        lost=[number for number, times in counts.items() if times == 0],
        doubled=[number for number, times in counts.items() if times > 1],
        overtaken=_overtaken(heard),
    )


def _overtaken(heard: list[int]) -> list[tuple[int, int]]:
    firsts = list(dict.fromkeys(heard))
    return [(before, after) for before, after in itertools.pairwise(firsts) if after < before]


class Load:
    """Juliet and bob talk without pause, each numbering their own messages; the other side's people write down what they hear.

    Whoever loses their server comes back as a new client (:meth:`juliet_returns`, :meth:`bob_returns`). What a room has said is
    read in its archive then (``archive=True`` in :meth:`settle`), since nobody was there to hear it.
    """

    def __init__(self, world: World, juliet: XmppPerson, bob: IrcPerson, *, rate: float = 50.0) -> None:
        self.world, self.juliet, self.bob, self.rate = world, juliet, bob, rate
        self.from_xmpp = 0
        self.from_irc = 0
        self.times = 0
        self._juliet_talks, self._bob_talks = asyncio.Event(), asyncio.Event()
        self._juliet_talks.set()
        self._bob_talks.set()
        self._on_xmpp: list[tuple[str, str]] = []  # by former clients
        self._on_irc: list[tuple[str, str]] = []

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
            await self._juliet_talks.wait()
            self.juliet.say(self.world.room, f"x {self.from_xmpp}")
            self.from_xmpp += 1
            await asyncio.sleep(1 / self.rate)

    async def _talk_irc(self) -> None:
        while True:
            await self._bob_talks.wait()
            self.bob.say(self.world.channel, f"i {self.from_irc}")
            self.from_irc += 1
            await asyncio.sleep(1 / self.rate)

    def juliet_is_gone(self) -> None:
        """Let her be silent: she is about to lose her server."""
        self._juliet_talks.clear()

    async def juliet_returns(self) -> None:
        """Let her come back and talk on."""
        self._on_xmpp += self.juliet.texts(self.world.room)
        self.juliet = await self.world.user("juliet")
        self._juliet_talks.set()

    def bob_is_gone(self) -> None:
        """Let him be silent: he is about to lose his server."""
        self._bob_talks.clear()

    async def bob_returns(self) -> None:
        """Let him come back and talk on."""
        self._on_irc += self.bob.texts(self.world.channel)
        self.bob = await self.world.irc_user("bob")
        self._bob_talks.set()

    def heard_on_irc(self) -> list[int]:
        """Return the numbers of juliet's messages as bob read them, through whichever voice."""
        return _numbers("x", (text for _, text in (*self._on_irc, *self.bob.texts(self.world.channel))))

    def heard_on_xmpp(self) -> list[int]:
        """Return the numbers of bob's messages as juliet read them."""
        heard = (*self._on_xmpp, *self.juliet.texts(self.world.room))
        return _numbers("i", (text for nick, text in heard if nick != "juliet"))

    async def settle(
        self, *, patience: float = 180.0, silence: float = 8.0, archive: bool = False
    ) -> tuple[Report, Report]:
        """Wait until everything has arrived, or nothing has for a while although the bridge is up and has nothing left.

        Returns (XMPP to IRC, IRC to XMPP).
        """
        still, before = 0.0, (-1, -1)

        async def done() -> bool:
            nonlocal still, before
            now = (len(set(self.heard_on_irc())), len(set(self.heard_on_xmpp())))
            busy = now != before or not await self.is_idle()
            still = 0.0 if busy else still + 0.25
            before = now
            await asyncio.sleep(0.25)
            return now == (self.from_xmpp, self.from_irc) or still > silence

        with contextlib.suppress(TimeoutError):
            await until(done, patience=patience, what="everything arrived")
        await asyncio.gather(self.juliet.fence(), self.bob.fence())
        if not archive:
            return report(range(self.from_xmpp), self.heard_on_irc()), report(
                range(self.from_irc), self.heard_on_xmpp()
            )
        said = await self.archived()
        from_juliet = set(_numbers("x", (text for nick, text in said if nick == "juliet")))
        kept, heard = _numbers("i", (text for nick, text in said if nick != "juliet")), self.heard_on_xmpp()
        # each of the two lacks something: nobody was there to hear it, or the service that heard it was killed
        only_heard = [number for number in heard if number not in set(kept)]
        return report(sorted(from_juliet), self.heard_on_irc()), msgspec.structs.replace(
            report(range(self.from_irc), kept + only_heard), overtaken=_overtaken(kept) + _overtaken(heard)
        )

    async def is_idle(self) -> bool:
        """Tell whether the bridge is up, and nothing waits in it."""
        status = await self.ask("/api/v1/status")
        return bool(status) and bool(status["ready"]) and not status["queues"]

    async def ask(self, path: str, body: Any = None) -> Any:
        """Ask the bridge's admin API; None when nobody answers."""
        secret = self.world.xmpp.secret.encode()
        token = hmac.new(secret, b"linkspan admin token", hashlib.sha256).hexdigest()
        _, answer = await asyncio.to_thread(ask, self.world.admin_port, path, token=token, body=body)
        return answer

    async def ready(self, *, yes: bool = True, patience: float = 60.0) -> dict[str, Any]:
        """Wait until /readyz says that the bridge is ready, or is not; returns what it says."""
        said: dict[str, Any] = {}

        async def so() -> bool:
            nonlocal said
            status, answer = await asyncio.to_thread(ask, self.world.admin_port, "/readyz")
            said = answer or {}
            return status == (200 if yes else 503)

        await until(so, patience=patience, what=f"the bridge is {'' if yes else 'not '}ready", pause=0.1)
        return said

    async def archived(self) -> list[tuple[str, str]]:
        """Return what the room has said since it was made, as (nick, text), by its own archive."""
        found: list[tuple[str, str]] = []
        reader = await self.world.user("nurse")
        after = ""
        while True:
            reader.seen.clear()
            behind = f"<after>{after}</after>" if after else ""
            query = f"<query xmlns='{_MAM}'><set xmlns='{_RSM}'><max>100</max>{behind}</set></query>"
            answer = await reader.iq("set", query, to=self.world.room)
            found += filter(None, map(_archived, reader.seen))
            fin = answer.find(f"{{{_MAM}}}fin")
            last = None if fin is None else fin.findtext(f"{{{_RSM}}}set/{{{_RSM}}}last")
            if fin is None or fin.get("complete") == "true" or not last:
                return found
            after = last


def _archived(element: Element) -> tuple[str, str] | None:
    message = element.find(f"{{{_MAM}}}result/{{urn:xmpp:forward:0}}forwarded/{CLIENT}message")
    words = None if message is None else message.findtext(f"{CLIENT}body")
    if message is None or words is None:
        return None
    return (message.get("from") or "").partition("/")[2], words


def _numbers(letter: str, texts: Iterable[str]) -> list[int]:
    bare = (text.rpartition("> ")[2] for text in texts)
    return [int(text[2:]) for text in bare if text.startswith(f"{letter} ") and text[2:].isdigit()]


def ask(port: int, path: str, *, token: str = "", body: Any = None) -> tuple[int, Any]:
    """Ask the bridge's administration on loopback; (0, None) when nobody answers."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=data)
    request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"null")
    except OSError:
        return 0, None
