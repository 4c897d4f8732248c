"""Programs that post to a hook at a steady rate, and come again with the same delivery until they are told that it was taken.

Used by the test of a power cut under load, and by ``bench/webhooks.py`` for the same at length.
"""

import asyncio
import time
from xml.etree.ElementTree import Element

import aiohttp

from bridge.demo.people import XmppPerson, body

_PAUSE = 0.1
"""Seconds until a sender that was not answered well comes again."""


class Senders:
    """Several clients that share the numbers 0, 1, 2 …; each number is one delivery."""

    def __init__(self, url: str, *, clients: int, per_second: float) -> None:
        self.url = url
        self.took: list[float] = []  # seconds until a delivery was taken, of those that were taken at once
        self.again = 0  # deliveries that had to be sent more than once
        self.taken = 0
        self._clients = clients
        self._per_second = per_second

    async def send(self, count: int) -> None:
        """Post this many, and return when every one was taken."""
        start = time.monotonic()
        numbers = iter(range(count))

        async def client(session: aiohttp.ClientSession) -> None:
            for number in numbers:
                await asyncio.sleep(max(0.0, start + number / self._per_second - time.monotonic()))
                await self._deliver(session, number)

        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
            asyncio.TaskGroup() as group,
        ):
            for _ in range(self._clients):
                group.create_task(client(session))

    async def _deliver(self, session: aiohttp.ClientSession, number: int) -> None:
        headers = {"Webhook-Id": f"d{number}"}
        tries = 0
        while True:
            tries += 1
            began = time.monotonic()
            try:
                async with session.post(self.url, json={"text": f"n{number}"}, headers=headers) as response:
                    good = 200 <= response.status < 300
                    await response.read()
            except (aiohttp.ClientError, TimeoutError):
                good = False
            if good:
                break
            await asyncio.sleep(_PAUSE)
        self.taken += 1
        if tries > 1:
            self.again += 1
        else:
            self.took.append(time.monotonic() - began)


class Heard:
    """Which numbers somebody in the room has seen, and how often."""

    def __init__(self, person: XmppPerson, room: str) -> None:
        self._person = person
        self._room = room

    def counts(self) -> dict[int, int]:
        """Return how often each number was heard."""
        found: dict[int, int] = {}
        for el in self._person.seen:
            if (number := self._number(el)) is not None:
                found[number] = found.get(number, 0) + 1
        return found

    def _number(self, el: Element) -> int | None:
        if el.get("type") != "groupchat" or not (el.get("from") or "").startswith(f"{self._room}/"):
            return None
        text = body(el) or ""
        return int(text[1:]) if text[:1] == "n" and text[1:].isdigit() else None
