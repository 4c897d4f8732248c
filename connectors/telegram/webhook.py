"""Webhook: Telegram delivers updates to the public listener, where the operator has announced one (``http.public_url``).

One update at a time and in order (``max_connections`` is 1), each acknowledged once what was made of it is durable; else
Telegram delivers it again. The messages of an album come one by one too, so they are kept, acknowledged, and told together
when no more come. Whoever posts has to know the secret that was given to Telegram (X-Telegram-Bot-Api-Secret-Token).

An announced URL may still lead nowhere. Telegram tells of that when it is asked, and then updates are polled.
Called by :mod:`connectors.telegram.connector`.
"""

import asyncio
import hashlib
import hmac
import logging
from collections import deque
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import msgspec

from bridge.connector import Answer, Hub, Request, Route, Status, StoreAway
from bridge.core.ids import Network
from connectors.telegram.batches import group_of
from connectors.telegram.client import Client
from connectors.telegram.clock import Clock
from connectors.telegram.handing import Handing, readable
from connectors.telegram.refusals import Refused, TokenRefused, Trouble
from connectors.telegram.updates import Update

log = logging.getLogger(__name__)

PREFIX: Final = "/telegram/"
LARGEST: Final = 1_048_576
HEADER: Final = "x-telegram-bot-api-secret-token"
QUIET: Final = 1.0
"""Seconds without another message of an album after which it is whole."""
STORE_PAUSE: Final = 1.0
LOOK_EVERY: Final = 60.0
TRIES: Final = 3
"""Looks at which Telegram could not deliver, one after another, before updates are polled."""
_PENDING: Final = "album"
_REMEMBERED: Final = 100

Raw = dict[str, Any]


class Webhook:
    """Takes what Telegram delivers."""

    def __init__(self, network: Network, *, base: str, token: str, handing: Handing, clock: Clock) -> None:
        self._path = f"{PREFIX}{quote(network, safe='')}"
        self.url = f"{base}{self._path}"
        self._secret = hmac.new(token.encode(), b"linkspan webhook", hashlib.sha256).hexdigest()
        self._handing = handing
        self._clock = clock
        self._hub: Hub | None = None  # while updates are taken
        self._turn = asyncio.Lock()
        self._pending: list[Raw] = []  # messages of albums that may have more to come
        self._quiet = asyncio.Event()  # something is pending
        self._arrived = 0
        self._done: deque[int] = deque(maxlen=_REMEMBERED)

    @property
    def route(self) -> Route:
        """Where updates are delivered."""
        return Route(prefix=PREFIX, methods=frozenset({"POST"}), largest=LARGEST)

    async def recover(self, hub: Hub) -> None:
        """Tell of an album that was still to come when the last run ended. Raises: StoreAway."""
        kept = await hub.recall(_PENDING)
        self._pending = msgspec.json.decode(kept, type=list[Raw]) if kept else []
        if self._pending:
            await self._flush(hub)

    async def run(self, hub: Hub, client: Client, *, on_good: Callable[[], None]) -> None:
        """Take what is delivered; return when Telegram does not reach us, or will not have this URL. Then poll."""
        began = self._clock.now() // 1000
        try:
            await client.deliver_to(self.url, self._secret)
        except (Refused, TokenRefused) as refused:  # the latter: a server that has no webhooks knows no such method
            log.warning("telegram.webhook refused: %s; updates are polled", refused)
            return
        self._handing.reader.replayed = False
        self._hub = hub
        albums = asyncio.get_running_loop().create_task(self._tell_albums(hub))
        try:
            on_good()
            await self._watch(hub, client, began, on_good)
        finally:
            self._hub = None
            albums.cancel()

    # -- what is delivered

    async def serve(self, request: Request) -> Answer | None:
        """Take an update; None where the path is another's."""
        if request.path != self._path:
            return None
        given = next((value for name, value in request.headers if name == HEADER), "")
        if not hmac.compare_digest(given.encode(errors="replace"), self._secret.encode()):
            return Answer(status=HTTPStatus.FORBIDDEN)
        try:
            raw = msgspec.json.decode(request.body, type=Raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Answer(status=HTTPStatus.BAD_REQUEST)
        self._arrived += 1
        async with self._turn:
            hub = self._hub
            if hub is None or hub.congested():
                return Answer(status=HTTPStatus.SERVICE_UNAVAILABLE)
            try:
                await self._take(hub, raw)
            except StoreAway:
                return Answer(status=HTTPStatus.SERVICE_UNAVAILABLE)
        return Answer()

    async def _take(self, hub: Hub, raw: Raw) -> None:
        number = raw.get("update_id")
        update = readable(raw)
        if update is None or number in self._done:
            return  # Telegram would send it for ever, or did not hear that it was taken
        group = group_of(update)
        chat = update.posted.chat.id if update.posted is not None else 0
        if any(_chat(each) == chat and group_of(readable(each)) != group for each in self._pending):
            await self._flush(hub)
        if group is None:
            await self._handing.over(hub, [update])
        else:
            await hub.remember(_PENDING, msgspec.json.encode([*self._pending, raw]).decode())
            self._pending.append(raw)
            self._quiet.set()
        self._done.append(update.update_id)

    async def _tell_albums(self, hub: Hub) -> None:
        """Tell of albums when no more of them comes."""
        while True:
            await self._quiet.wait()
            before = len(self._pending)
            await self._clock.sleep(QUIET)
            async with self._turn:
                if len(self._pending) != before:
                    continue
                try:
                    await self._flush(hub)
                except StoreAway:
                    await self._clock.sleep(STORE_PAUSE)

    async def _flush(self, hub: Hub) -> None:
        """Tell of all albums that are pending. Raises: StoreAway; then they stay."""
        updates: Sequence[Update] = [update for raw in self._pending if (update := readable(raw)) is not None]
        if updates:
            await self._handing.over(hub, updates)
        self._pending.clear()
        self._quiet.clear()
        await hub.remember(_PENDING, "")

    # -- whether it is delivered

    async def _watch(self, hub: Hub, client: Client, began: int, on_good: Callable[[], None]) -> None:
        """Look now and then whether Telegram reaches us; return when it has not for long."""
        failures, arrived = 0, self._arrived
        while failures < TRIES:
            await self._clock.sleep(LOOK_EVERY)
            try:
                info = await client.webhook()
                if info.url != self.url:
                    log.warning("telegram.webhook taken away by another program; it is set again")
                    await client.deliver_to(self.url, self._secret)
            except Trouble as trouble:
                log.info("telegram.webhook not known: %s", type(trouble).__name__)
                continue
            reached = self._arrived != arrived or not info.pending_update_count or info.last_error_date < began
            arrived = self._arrived
            if reached and failures:
                on_good()
            if not reached:
                hub.report(Status.DEGRADED, f"Telegram cannot deliver to {self.url}: {info.last_error_message}")
            failures = 0 if reached else failures + 1
        log.warning("telegram.webhook unreachable: %s; updates are polled", self.url)


def _chat(raw: Raw) -> int:
    update = readable(raw)
    return update.posted.chat.id if update is not None and update.posted is not None else 0
