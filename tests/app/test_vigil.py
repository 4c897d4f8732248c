"""Admins are told once that the store is in trouble, and once that it is over."""

import asyncio
import contextlib

from bridge.vigil import watch_store
from tests.support.clock import VirtualClock


class Office:
    """A store that says what it is told to, and admins who are reached, or are not."""

    def __init__(self) -> None:
        self.trouble = ""
        self.reached = True
        self.told: list[str] = []

    def healthy(self) -> str:
        return self.trouble

    def tell(self, words: str) -> bool:
        if self.reached:
            self.told.append(words.partition(":")[0])
        return self.reached


async def test_trouble_that_lasts_is_told_once_and_so_is_its_end():
    office, clock = Office(), VirtualClock()
    watching = asyncio.ensure_future(watch_store(office.healthy, clock, tell=office.tell))
    try:
        await clock.advance(5)
        office.trouble = "the disk is full"
        await clock.advance(2)
        office.trouble = ""
        await clock.advance(5)
        assert office.told == []  # a moment
        office.trouble = "the disk is full"
        await clock.advance(2)
        office.reached = False
        await clock.advance(10)
        office.reached = True
        await clock.advance(60)
        assert office.told == ["the store takes no writes"]
        office.trouble = ""
        await clock.advance(60)
        assert office.told == ["the store takes no writes", "the store takes writes again"]
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
