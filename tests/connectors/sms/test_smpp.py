"""The SMPP provider on a message centre of another make: parts, receipts of every kind, throttling, and a cut in the middle."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from bridge.connector import Secret, StoreAway
from bridge.core.failures import Permanent, Retry, Uncertain
from connectors.sms import alphabet
from connectors.sms.carrier import Incoming, News, Outgoing, Report, Unreadable
from connectors.sms.config import ProviderKind, SmsSettings
from connectors.sms.providers import pdu
from connectors.sms.providers.smpp import Smpp
from connectors.sms.reports import State
from connectors.sms.segments import Place, segments
from tests.support.smsc import THROTTLED, WRONG_ADDRESS, Smsc

BOB = "+15551230001"


class Far:
    """A centre, our side of it, and what was heard."""

    def __init__(self, smsc: Smsc, smpp: Smpp) -> None:
        self.smsc, self.smpp = smsc, smpp
        self.news: list[News] = []
        self.refusals: list[Exception] = []
        self.states: list[str] = []
        self.changed = asyncio.Event()

    async def take(self, news: News) -> None:
        if self.refusals:
            raise self.refusals.pop()
        self.news.append(news)
        self.changed.set()

    def ready(self, why: str) -> None:
        self.states.append(why)
        self.changed.set()

    async def heard(self, count: int) -> list[News]:
        async with asyncio.timeout(20):
            while len(self.news) < count:
                self.changed.clear()
                await self.changed.wait()
        return self.news

    async def bound(self) -> None:
        async with asyncio.timeout(20):
            await self.smsc.bound.wait()
            while not self.states or self.states[-1]:
                self.changed.clear()
                await self.changed.wait()

    async def send(self, text: str, ref: str = "r") -> list[str]:
        cut = segments(text, number=9)
        parts = [Outgoing(ref=f"{ref}-{at}", to=BOB, text=part.text, segment=part) for at, part in enumerate(cut)]
        return [await self.smpp.submit(part) for part in parts]


@contextlib.asynccontextmanager
async def far(*, password: str = "smpp-pw") -> AsyncIterator[Far]:
    async with Smsc() as smsc:
        settings = SmsSettings(
            provider=ProviderKind.SMPP,
            number="+15550009999",
            url=f"smpp://127.0.0.1:{smsc.port}",
            username="linkspan",
            password=Secret(password),
        )
        one = Far(smsc, Smpp(settings))
        running = asyncio.create_task(one.smpp.run(one.take, one.ready))
        try:
            yield one
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_parts_arrive_as_they_were_cut() -> None:
    async with far() as one:
        await one.bound()
        for text in ("hi €", "a" * 152 + "€" + "a" * 10, "п" * 66 + "😀" + "п" * 10):
            before = len(one.smsc.got)
            await one.send(text)
            got = one.smsc.got[before:]
            said = [data.decode("utf-16-be") if coding == 8 else alphabet.decode(data) for _, coding, _, data in got]
            assert "".join(said) == text
            assert {to for to, *_ in got} == {"15551230001"}
            wanted = [bytes([5, 0, 3, 9, len(got), at + 1]) if len(got) > 1 else b"" for at in range(len(got))]
            assert [header for _, _, header, _ in got] == wanted


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("hexadecimal", [False, True])
async def test_a_receipt_finds_its_message_whenever_it_comes(when: str, hexadecimal: bool) -> None:
    async with far() as one:
        await one.bound()
        one.smsc.receipts, one.smsc.hexadecimal = when, hexadecimal
        (id_,) = await one.send("hello")
        assert await one.heard(1) == [Report(state=State.DELIVERED, id=id_)]


async def test_what_the_centre_refuses() -> None:
    async with far() as one:
        await one.bound()
        one.smsc.answers = [THROTTLED, WRONG_ADDRESS]
        with pytest.raises(Retry, match="RTHROTTLED") as caught:
            await one.send("hello")
        assert caught.value.after == 1
        with pytest.raises(Permanent, match="RINVDSTADR"):
            await one.send("hello")
        assert await one.send("hello") != [""]


async def test_a_connection_that_is_cut_in_the_middle_of_a_message() -> None:
    async with far() as one:
        await one.bound()
        one.smsc.answers = [None]
        with pytest.raises(Uncertain):
            await one.send("hello")
        with pytest.raises(Retry):
            await one.send("again")
        one.smsc.bound.clear()
        await one.bound()
        assert len(await one.send("again")) == 1
        assert [alphabet.decode(data) for *_, data in one.smsc.got] == ["hello", "again"]


async def test_messages_are_acknowledged_once_they_are_safe() -> None:
    async with far() as one:
        await one.bound()
        one.refusals = [StoreAway("full")]
        one.smsc.say("15551230001", "привет 😀")
        async with asyncio.timeout(20):
            while "" not in one.states or not one.states[-1]:
                one.changed.clear()
                await one.changed.wait()
        assert one.smsc.acknowledged == []
        one.smsc.bound.clear()
        await one.bound()
        one.smsc.say("15551230001", "привет 😀")
        one.smsc.say("ACME", "part", header=bytes([5, 0, 3, 1, 2, 2]))
        assert await one.heard(2) == [
            Incoming(id="", sender=BOB, to="+15550009999", text="привет 😀"),
            Incoming(id="", sender="ACME", to="+15550009999", text="part", place=Place(1, 2, 2)),
        ]


async def test_a_wrong_password() -> None:
    async with far(password="wrong") as one:
        async with asyncio.timeout(20):
            while not one.states:
                one.changed.clear()
                await one.changed.wait()
        assert one.states[-1] == "the network does not let us in: ESME_RINVPASWD"


@pytest.mark.parametrize("data", [b"", b"\0" * 16, b"\xff" * 40, b"\0" * 33])
def test_what_is_no_message(data: bytes) -> None:
    with contextlib.suppress(Unreadable):
        assert isinstance(pdu.read(data), Incoming)
