"""The connector: what it consists of, and how long it runs. Thin: each part is a module of its own.

:mod:`.reading` polls, :mod:`.attendance` opens rooms, :mod:`.speaking` carries out deliveries, ``client.py`` talks to Telegram;
:mod:`.inbound` and :mod:`.outbound` translate, without any of these.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, Final, TypeVar

import msgspec

from bridge.connector import (
    Answer,
    Finding,
    Hub,
    Login,
    LoginForm,
    OpenFile,
    Request,
    Route,
    Setup,
    Status,
    StoreAway,
)
from bridge.core.capabilities import Capabilities
from bridge.core.deliveries import Delivery, Sent
from bridge.core.events import Member, RoomChanged
from bridge.core.failures import VoiceLost
from bridge.core.ids import Person, RoomId
from bridge.core.text import clean_name
from connectors.telegram.attendance import Attendance
from connectors.telegram.calls import Say
from connectors.telegram.capabilities import CAPABILITIES
from connectors.telegram.carrying import Carrier
from connectors.telegram.client import Client
from connectors.telegram.clock import Clock, SystemClock
from connectors.telegram.config import TelegramSettings
from connectors.telegram.desk import Desk
from connectors.telegram.downloads import opened
from connectors.telegram.handing import Handing
from connectors.telegram.inbound import Fact, Moved, Nobody, Reader, Standing
from connectors.telegram.outbound import Writer
from connectors.telegram.ownbots import FORM, Mouth, OwnBots, number_of
from connectors.telegram.pace import Pace, Rates
from connectors.telegram.portraits import Portraits
from connectors.telegram.reading import Polling, told
from connectors.telegram.refusals import Refused, TokenRefused, Trouble, reason
from connectors.telegram.rights import delivery, findings
from connectors.telegram.rooms import Place, Rooms
from connectors.telegram.rooms import place as place_of
from connectors.telegram.speaking import Speaker
from connectors.telegram.updates import User
from connectors.telegram.webhook import STORE_PAUSE, Webhook

log = logging.getLogger(__name__)

T = TypeVar("T")

TYPING_LASTS: Final = 5.0
_SILENCE: Final = 7.0
"""Seconds for which a check waits for the first answer."""
ANSWERS: Final = 1.5
"""Seconds for which the answers to what was sent are waited for at the end: else it would be said again."""
HELP: Final = (
    "I pass on messages between Telegram and other chat networks. "
    "Answer one of my messages here, and your words go to whoever wrote it."
)


def build(setup: Setup) -> "TelegramConnector":
    """Make a connector."""
    return TelegramConnector(setup)


class TelegramConnector:
    """A :class:`bridge.connector.Connector` that also Listens, Types, LogsIn, Opens, Titles, Serves and Checks."""

    def __init__(self, setup: Setup, *, clock: Clock | None = None, rates: Rates | None = None) -> None:
        assert isinstance(setup.settings, TelegramSettings)
        self._settings = setup.settings
        self._network = setup.network
        self._clock = clock or SystemClock()
        self._rooms = Rooms()
        rates = rates or Rates()
        self._pace = Pace(rates)
        self._own = OwnBots(
            connect=lambda token: Client(token, self._settings.api_url, connections=4),
            rates=rates,
            rooms=self._rooms,
            clock=self._clock,
            main=self._settings.token,
        )
        desk = Desk(group_within=self._settings.group_within)
        self._portraits = Portraits(clock=self._clock, changed=self._repainted)
        self._reader = Reader(
            setup.network,
            rooms=self._rooms,
            desk=desk,
            own=self._own,
            largest=self._settings.download_mb * 1_000_000,
            portrait=self._portraits.of,
        )
        handing = Handing(reader=self._reader, desk=desk, tell=self._tell)
        self._polling = Polling(handing=handing, clock=self._clock, wait=self._settings.poll)
        self._hooked = setup.announced and self._settings.webhook
        self._webhook = Webhook(
            setup.network,
            base=setup.public_url,
            token=self._settings.token,
            handing=handing,
            clock=self._clock,
        )
        self._attendance = Attendance(
            setup.network, rooms=self._rooms, reader=self._reader, clock=self._clock, on_moved=self._moved
        )
        largest = self._settings.upload_mb * 1_000_000
        self._speaker = Speaker(
            writer=Writer(setup.network, rooms=self._rooms, largest=largest),
            carrier=Carrier(clock=self._clock, largest=largest, on_moved=self._moved),
            own=self._own,
            rooms=self._rooms,
            desk=desk,
            clock=self._clock,
            on_outside=self._outside,
        )
        self._client: Client | None = None
        self._hub: Hub | None = None
        self._typed: dict[tuple[Place, Client], float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def capabilities(self) -> Capabilities:
        """What Telegram can carry."""
        return CAPABILITIES

    # -- staying connected

    async def run(self, hub: Hub) -> None:
        """Connect, read, reconnect, until cancelled."""
        client = Client(self._settings.token, self._settings.api_url)
        self._hub = hub
        hub.report(Status.CONNECTING)
        try:
            await self._recall_moves(hub)
            await self._portraits.recall(hub)
            me: User = await self._patiently(hub, client.open)
            self._reader.me = me.id
            self._client = client
            main = Mouth(client, self._pace, number=me.id)
            await self._speaker.recall(hub, main)
            self._speaker.connected(main, hub)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._read(hub, client))
                group.create_task(self._attendance.run(hub, client, me))
                group.create_task(self._portraits.run(hub, client))
        finally:
            self._client = None
            for task in self._tasks:
                task.cancel()
            await self._speaker.disconnected(ANSWERS)
            await client.close()
            await self._own.close()

    async def _read(self, hub: Hub, client: Client) -> None:
        """Read updates without end: as they are delivered where that works, else by polling."""

        def good() -> None:
            self._attendance.report(hub)

        await self._recover(hub)
        if self._hooked:
            await self._patiently(hub, lambda: self._webhook.run(hub, client, on_good=good))
        await self._patiently(hub, client.read_by_polling)
        await self._polling.run(hub, client, on_good=good)

    async def _recover(self, hub: Hub) -> None:
        while True:
            try:
                return await self._webhook.recover(hub)
            except StoreAway:
                await self._clock.sleep(STORE_PAUSE)

    async def _patiently(self, hub: Hub, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask until there is an answer."""
        failures = 0
        while True:
            try:
                return await ask()
            except Trouble as trouble:
                failures += 1
                await self._clock.sleep(told(hub, trouble, failures))

    async def _recall_moves(self, hub: Hub) -> None:
        moved = await hub.recall("moved")
        for old, new in msgspec.json.decode(moved, type=dict[int, int]).items() if moved else ():
            self._rooms.move(old, new)

    # -- what was read

    def _tell(self, hub: Hub, fact: Fact) -> list[Awaitable[None]]:
        """Act on what was read; return what has to be waited for until it is durable."""
        match fact:
            case Nobody(chat=chat, number=number):
                self._explain(chat, number)
                return []
            case Moved(old=old, new=new):
                self._moved(old, new)
                return []
            case Standing(became=became):
                self._attendance.changed(hub, became)
                return []
            case _:
                return [hub.emit(fact)]

    def _moved(self, old: int, new: int) -> None:
        """Take note that a group has another id from now on: its rooms keep theirs, and the links stay."""
        if self._hub is None or not self._rooms.move(old, new):
            return
        log.warning(
            "telegram.moved network=%s room=%s: the group is the supergroup %s now; its link stays as it is",
            self._network,
            old,
            new,
        )
        self._hub.remember("moved", msgspec.json.encode(self._rooms.moves()).decode())
        self._attendance.look_at(*self._rooms.rooms_of(new))

    def _repainted(self, number: int) -> None:
        """Tell that somebody has another picture."""
        if self._hub is not None:
            for fact in self._reader.repainted(number, self._portraits.of(number), at=self._clock.now() // 1000):
                self._hub.emit(fact)
            if number < 0:  # a chat's own
                at = self._clock.now() // 1000
                for room in self._rooms.rooms_of(number):
                    self._hub.emit(RoomChanged(origin=self._reader.origin(room, f"picture {at}", at)))

    def picture(self, room: RoomId) -> str:
        """Return what a group's picture is called, "" while none is known; a topic has its group's."""
        where = place_of(room) if room in self._rooms.listened else None
        return self._portraits.of(where.chat) if where is not None and where.chat < 0 else ""

    def _outside(self, room: RoomId, why: str) -> None:
        if self._hub is not None:
            self._attendance.close(self._hub, room, why)

    def _explain(self, chat: int, number: int) -> None:
        """Tell somebody who wrote to the bot itself how it works, unless they have just been told."""
        if self._client is not None and not self._pace.book(chat, self._clock.monotonic()):
            self._spawn(self._client.say(Say(place=Place(chat), text=HELP, answers=number)))

    # -- abilities

    def send(self, delivery: Delivery) -> Awaitable[Sent]:
        """Carry out one order."""
        return self._speaker.send(delivery)

    def listen(self, room: RoomId, *, password: str = "") -> None:  # noqa: ARG002 - Telegram has none
        """Read this room from now on."""
        self._attendance.listen(room)

    def named(self, name: str) -> RoomId | None:
        """Return the group, channel or topic that a name means; people are no rooms."""
        return RoomId(name) if name.startswith("-") and place_of(name) is not None else None

    def title(self, room: RoomId) -> str:
        """Return what a chat is called; a topic of it is called like the chat."""
        found = self._rooms.place(room)
        known = self._rooms.chats.get(found.chat) if found is not None else None
        return clean_name(known.title) if known is not None else ""

    def attend(self, room: RoomId, *, password: str = "") -> None:
        """Have a room that users of the bridge are in: the bot is there anyway."""
        self.listen(room, password=password)

    def unlisten(self, room: RoomId) -> None:
        """Read this room no more. The bot stays in the chat: its members have let it in."""
        self._attendance.unlisten(room)

    def typing(self, room: RoomId, member: Member, *, active: bool) -> None:
        """Show that somebody composes; it ends by itself."""
        place = self._rooms.place(room)
        now = self._clock.monotonic()
        if not active or place is None or self._client is None or self._pace.barred(place.chat, now):
            return
        client = self._client
        with suppress(VoiceLost):
            client = self._own.mouth(member.person, place.chat).client
        shown = (place, client)
        self._typed = {each: at for each, at in self._typed.items() if now - at < TYPING_LASTS}
        if shown not in self._typed:
            self._typed[shown] = now
            self._spawn(client.typing(place.chat, place.topic))

    @property
    def login_form(self) -> LoginForm:
        """What a bot of one's own takes."""
        return FORM

    async def log_in(self, person: Person, given: Mapping[str, str]) -> Login:
        """Find out whose a token is. Raises: LoginRefused."""
        return await self._own.try_out(person, given)

    def use(self, login: Login) -> None:
        """Speak for somebody through their own bot from now on; if it was in a room before, it is no member any more."""
        self._own.use(login)
        if self._hub is not None:
            for gone in self._reader.taken_over(number_of(login.credentials), at=self._clock.now() // 1000):
                self._hub.emit(gone)

    def drop(self, person: Person) -> None:
        """Speak for somebody through their own bot no more."""
        self._own.drop(person)

    def open_file(self, handle: str) -> AbstractAsyncContextManager[OpenFile]:
        """Open a file by Telegram's file_id. Raises: Unreadable."""
        return opened(self._client, handle)

    @property
    def routes(self) -> tuple[Route, ...]:
        """Where Telegram delivers updates, if it does."""
        return (self._webhook.route,) if self._hooked else ()

    async def serve(self, request: Request) -> Answer | None:
        """Take an update that Telegram delivers."""
        return await self._webhook.serve(request)

    async def check(self, rooms: list[RoomId]) -> list[Finding]:
        """Connect, look, disconnect."""
        client = Client(self._settings.token, self._settings.api_url)
        try:
            async with asyncio.timeout(_SILENCE):
                me = await client.open()
            found = [Finding(subject=self._network, ok=True, detail=f"connected as @{me.username}")]
            if self._hooked:
                found.append(
                    delivery(self._network, self._webhook.url, await client.webhook(), self._clock.now() // 1000)
                )
            for room in rooms:
                found += await self._check_room(client, me, room)
        except TokenRefused:
            hint = "get the bot's token from @BotFather (/token)"
            return [Finding(subject=self._network, ok=False, detail="Telegram does not accept the token", hint=hint)]
        except Trouble as trouble:
            hint = f"is {self._settings.api_url} right, and reachable from here?"
            return [Finding(subject=self._network, ok=False, detail=f"no answer: {trouble}", hint=hint)]
        except TimeoutError:
            hint = f"is {self._settings.api_url} right, and reachable from here?"
            detail = f"no answer within {_SILENCE:.0f} s"
            return [Finding(subject=self._network, ok=False, detail=detail, hint=hint)]
        finally:
            await client.close()
        return found

    async def _check_room(self, client: Client, me: User, room: RoomId) -> list[Finding]:
        subject = f"{self._network}:{room}"
        place = place_of(room)
        if place is None:
            hint = "expected the number of a chat, such as -1001234567890, or CHAT/TOPIC"
            return [Finding(subject=subject, ok=False, detail="this is no room of Telegram", hint=hint)]
        if place.chat > 0:
            return [Finding(subject=subject, ok=True, detail="a private chat")]
        try:
            return findings(subject, me, await client.standing(place.chat, me.id))
        except Refused as refused:
            hint = "add the bot to the chat; its number is in the log when it is added, and in links to its messages"
            return [Finding(subject=subject, ok=False, detail=reason(refused), hint=hint)]

    def _spawn(self, coroutine: Coroutine[Any, Any, object]) -> None:
        """Do something on the side, whose failure is nobody's loss."""
        task = asyncio.get_running_loop().create_task(self._quietly(coroutine))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _quietly(self, coroutine: Coroutine[Any, Any, object]) -> None:
        try:
            await coroutine
        except Trouble as trouble:
            log.debug("telegram.aside network=%s: %s", self._network, type(trouble).__name__)
