"""The gammu provider on a real gammu-smsd with its dummy telephone."""

import asyncio
from pathlib import Path

import pytest

from bridge.connector import StoreAway
from bridge.demo.processes import until
from connectors.sms.carrier import Incoming, News, Outgoing, Report
from connectors.sms.config import ProviderKind, SmsSettings
from connectors.sms.providers.gammu import Gammu
from connectors.sms.reports import State
from tests.support.gammu import GammuSmsd

BOB = "+15551230001"


def carrier(folder: Path) -> Gammu:
    return Gammu(SmsSettings(provider=ProviderKind.GAMMU, number="+15550009999", folder=str(folder)))


@pytest.mark.server
async def test_both_ways_and_once() -> None:
    news: list[News] = []
    refusals = [StoreAway("full")]

    async def take(one: News) -> None:
        if refusals:
            raise refusals.pop()
        news.append(one)

    async with GammuSmsd() as smsd:
        gammu = carrier(smsd.folder)
        assert await gammu.check() == ""
        running = asyncio.create_task(gammu.run(take, lambda _: None))
        smsd.receive(BOB, "привет €")
        for _ in range(2):  # the second finds it there
            await gammu.submit(Outgoing(ref="0a1b-0", to=BOB, text="hello\nпривет 😀"))

        async def done() -> bool:
            return len(news) == 2 and not list((smsd.folder / "inbox").iterdir())

        await until(done, patience=20, what="a message and a report")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert [one for one in news if isinstance(one, Report)] == [Report(state=State.SENT, ref="0a1b-0")]
        (said,) = [one for one in news if isinstance(one, Incoming)]
        assert (said.sender, said.text) == (BOB, "привет €")
        assert smsd.sent() == [(BOB, "hello\nпривет 😀")]


async def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert await carrier(tmp_path).check() == f"there is no folder inbox in {tmp_path}"
