"""The connector: what it consists of, and how long it runs. Thin: each part is a module of its own.

:mod:`.hearing` decides what a telephone's words are, :mod:`.speaking` carries out deliveries, :mod:`.relaying` sends what goes out of our
own accord, :mod:`.submitting` hands a text to the provider, :mod:`.book` keeps everything.
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Final, assert_never

from msgspec.structs import replace

from bridge.connector import (
    Answer,
    Finding,
    Hub,
    Login,
    LoginForm,
    LoginRefused,
    OpenFile,
    OptOut,
    Request,
    Route,
    Secret,
    Setup,
    Status,
    StoreAway,
)
from bridge.connector import Unreadable as NoFile
from bridge.core.capabilities import Capabilities, Limit, Unit
from bridge.core.commands import Field
from bridge.core.deliveries import Delivery, Sent
from bridge.core.events import Cause, CopyReported, Member, MembersListed, Origin, RoomClosed, RoomOpened
from bridge.core.ids import EventKey, Person, PersonId, Room, RoomId
from connectors.sms import numbers
from connectors.sms.book import Book, Entry, Pending, ref_of
from connectors.sms.capabilities import CAPABILITIES
from connectors.sms.carrier import Carrier, Forged, Incoming, News, Provider, Report, Unreadable
from connectors.sms.client import Web
from connectors.sms.clock import Clock, SystemClock
from connectors.sms.config import ProviderKind, SmsSettings
from connectors.sms.hearing import Ear
from connectors.sms.owners import Claims, Refused
from connectors.sms.providers.android import Android
from connectors.sms.providers.gammu import Gammu
from connectors.sms.providers.kannel import Kannel
from connectors.sms.providers.twilio import Twilio
from connectors.sms.providers.web import Described
from connectors.sms.relaying import Relay
from connectors.sms.reports import State
from connectors.sms.speaking import BLOCKED, Mouth
from connectors.sms.submitting import Submitter

log = logging.getLogger(__name__)

PREFIX: Final = "/sms/"
LARGEST: Final = 1_048_576
_SILENCE: Final = 7.0
"""Seconds for which a check waits for the first answer."""
LOOK: Final = 60.0
"""Seconds between two looks whether parts are overdue."""


def build(setup: Setup) -> "SmsConnector":
    """Make a connector. Raises: ValueError for a key that cannot be."""
    return SmsConnector(setup)


class SmsConnector:
    """A :class:`bridge.connector.Connector` that also Listens, LogsIn, Opens, OptsOut, Serves and Checks."""

    def __init__(self, setup: Setup, *, clock: Clock | None = None) -> None:
        settings = setup.settings
        assert isinstance(settings, SmsSettings)
        self._network = setup.network
        self._settings = settings = _normal(settings)
        self._url = f"{setup.public_url}{PREFIX}{setup.network}"
        self._clock = clock or SystemClock()
        self._provider = _provider(settings)
        self._web = Web(self._provider, callback=self._url) if self._provider is not None else None
        self._carrier: Carrier = self._web or _carrier(settings)
        self._book = Book()
        self._listened: set[RoomId] = set()
        self._claims = Claims(secrets.randbelow)
        self._owners: dict[str, Person] = {}  # by number
        self._hub: Hub | None = None
        self._submitter = Submitter(setup.network, settings, book=self._book, clock=self._clock)
        self._relay = Relay(
            setup.network,
            ours=settings.number,
            book=self._book,
            clock=self._clock,
            submitter=self._submitter,
            gather=settings.gather,
        )
        self._ear = Ear(
            setup.network,
            settings,
            book=self._book,
            clock=self._clock,
            listened=self._listened,
            owners=self._owners,
            post=self._relay.post,
        )
        self._mouth = Mouth(settings, book=self._book, submitter=self._submitter, relay=self._relay)
        self._capabilities = Capabilities(
            representation=CAPABILITIES.representation,
            text=Limit(settings.parts, Unit.SEGMENTS),
            features=CAPABILITIES.features,
        )

    @property
    def capabilities(self) -> Capabilities:
        """What a short message can carry."""
        return self._capabilities

    # -- staying connected

    async def run(self, hub: Hub) -> None:
        """Look after the provider, until cancelled."""
        hub.report(Status.CONNECTING)
        await self._book.open(hub, {name: each.numbers for name, each in self._settings.lists.items()})
        self._hub = hub
        self._submitter.carrier = self._carrier
        self._submitter.alarm = hub.alarm
        try:
            for room in sorted(self._listened):
                self._open(room)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carrier.run(partial(self._take, hub), partial(self._ready, hub)))
                group.create_task(self._relay.run())
                group.create_task(self._look_after(hub))
        finally:
            self._submitter.carrier = None
            self._hub = None

    def _ready(self, hub: Hub, wrong: str) -> None:
        hub.report(Status.DOWN if wrong else Status.READY, wrong)

    async def _look_after(self, hub: Hub) -> None:
        """Give out what waits in vain for its other parts, and forget what is too old."""
        while True:
            try:
                await self._ear.late(hub)
            except StoreAway as error:
                log.warning("sms.store network=%s: %s", self._network, error)
            await self._book.forget_old(self._clock.now())
            await self._clock.sleep(LOOK)

    # -- rooms

    def listen(self, room: RoomId, *, password: str = "") -> None:  # noqa: ARG002 - telephones have none
        """Read a telephone, or a list of them."""
        self._listened.add(room)
        if self._hub is not None:
            self._open(room)

    def unlisten(self, room: RoomId) -> None:
        """Read it no more."""
        self._listened.discard(room)

    def _open(self, room: RoomId) -> None:
        """Tell who is in a room: the one telephone, or those on the list."""
        hub = self._hub
        assert hub is not None
        now = self._clock.now()
        here = Room(self._network, room)
        wrong = self._wrong(room)
        if wrong:
            origin = Origin(room=here, key=EventKey(f"closed {now}"), at=now)
            hub.emit(RoomClosed(origin=origin, cause=Cause.REFUSED, reason=wrong, final=True))
            return
        hub.emit(RoomOpened(origin=Origin(room=here, key=EventKey(f"opened {now}"), at=now)))
        roll = self._book.rolls.get(room)
        if roll is not None:
            hub.emit(self._ear.listed(room, roll))
            return
        member = Member(person=Person(self._network, PersonId(room)), name=numbers.shown(room))
        hub.emit(MembersListed(origin=Origin(room=here, key=EventKey(f"members {now}"), at=now), members=(member,)))

    def _wrong(self, room: RoomId) -> str:
        """Return why a room cannot be; "" if it can."""
        if room in self._settings.lists:
            return ""
        try:
            address = numbers.sender(room, region=self._settings.region)
        except numbers.NoNumber as error:
            return f"{error}, or the name of a list in lists"
        if address.id != room:
            return f'found "{room}", expected it written as "{address.id}"'
        return (
            "" if address.answerable else f'found "{room}", expected a telephone number, or the name of a list in lists'
        )

    def _doubt(self, room: RoomId) -> str:
        """Return what is odd about a room that is written to all the same: numbering plans change faster than what is known of them."""
        if room in self._settings.lists or numbers.sender(room).valid:
            return ""
        return "can be written to, but no country is known to have such a number"

    # -- both ways

    async def send(self, delivery: Delivery) -> Sent:
        """Carry out one order."""
        return await self._mouth.send(delivery)

    @property
    def routes(self) -> tuple[Route, ...]:
        """Where the provider calls, if it does."""
        if self._provider is None:
            return ()
        return (Route(prefix=PREFIX, methods=frozenset({"GET", "POST"}), largest=LARGEST),)

    async def serve(self, request: Request) -> Answer | None:
        """Take what the provider has to tell; it is answered once that is safe."""
        own = f"{PREFIX}{self._network}"
        if request.path != own and not request.path.startswith(f"{own}/"):
            return None
        hub, provider = self._hub, self._provider
        if provider is None:
            return None
        if hub is None or hub.congested():
            return Answer(status=503, headers=(("retry-after", "5"),))
        try:
            heard = provider.heard(request, url=self._url + request.path.removeprefix(own))
        except Forged:
            log.warning("sms.forged network=%s: a callback that is not the provider's", self._network)
            return Answer(status=403)
        except Unreadable as error:
            return Answer(status=400, body=str(error).encode())
        try:
            for news in heard.news:
                await self._take(hub, news)
        except StoreAway:
            return Answer(status=503, headers=(("retry-after", "5"),))
        return heard.answer

    def opt_outs(self) -> Sequence[OptOut]:
        """Return who has sent STOP, and START again."""
        return [
            OptOut(ours=each.ours, theirs=each.theirs, at=each.at, out=each.blocked, why=each.why)
            for each in self._book.blocks.history
        ]

    def open_file(self, handle: str) -> AbstractAsyncContextManager[OpenFile]:
        """Open a file that a telephone has sent (MMS)."""
        return self._web.open_file(handle) if self._web is not None else _no_file()

    async def _take(self, hub: Hub, news: News) -> None:
        match news:
            case Incoming():
                await self._ear.hear(hub, news)
            case Report():
                await self._reported(hub, news)

    async def _reported(self, hub: Hub, report: Report) -> None:
        """Take note of what became of a message."""
        ref, _, number = report.ref.rpartition("-")
        found = (ref, int(number)) if number.isdecimal() else self._book.entry_by_id(report.id)
        entry = self._book.entry(found[0]) if found is not None else None
        if found is None or entry is None:
            return  # of somebody else's message, or long ago
        if report.blocked:
            self._book.blocks.block(self._settings.number, entry.to, at=self._clock.now(), why="provider")
            await self._book.keep_blocks()
        end = entry.tracked.report(found[1], report.state)
        await self._book.keep_entry(found[0], entry)
        if end is not None and entry.copy:
            hub.emit(self._ended(entry, end, report.reason))

    def _ended(self, entry: Entry, end: State, reason: str) -> CopyReported:
        now = self._clock.now()
        room = Room(self._network, entry.room)
        return CopyReported(
            origin=Origin(room=room, key=EventKey(f"report {now}"), at=now),
            id=entry.copy,
            person=Person(self._network, PersonId(entry.to)),
            arrived=end is State.DELIVERED,
            reason=f"the short message is {end}" + (f" ({reason})" if reason else ""),
        )

    # -- whose telephone it is

    @property
    def login_form(self) -> LoginForm:
        """A number, and then the code that was sent to it."""
        return LoginForm(
            title="Your own telephone",
            instructions="Give your number, +15551230001. A code is sent there; then give both, +15551230001 123456. "
            "From then on what your telephone says in rooms carries your name.",
            fields=(Field(name="number", label="Number, and behind a blank the code"),),
        )

    async def log_in(self, person: Person, given: Mapping[str, str]) -> Login:
        """Send a code, or take it. Raises: LoginRefused."""
        text, _, code = given.get("number", "").strip().rpartition(" ")
        if not text or not code.isdecimal() or len(code) != 6:
            text, code = given.get("number", "").strip(), ""
        now = self._clock.monotonic()
        try:
            number = numbers.number(text, region=self._settings.region).id
            if code:
                self._claims.prove(person, number, code, now)
                return Login(person=person, name=number, credentials=Secret(number))
            await self._send_code(person, number, self._claims.ask(person, number, now))
        except (numbers.NoNumber, Refused) as refused:
            raise LoginRefused(str(refused)) from None
        msg = f"A code was sent to {number}. Give both within ten minutes: {number} and the code."
        raise LoginRefused(msg)

    async def _send_code(self, person: Person, number: str, code: str) -> None:
        if self._hub is None:
            msg = "no code can be sent now"
            raise Refused(msg)
        if self._book.blocks.has(self._settings.number, number):
            raise Refused(BLOCKED)
        now = self._clock.now()
        text = f"{self._settings.name}: your code is {code}. If you have not asked for it, ignore this."
        await self._relay.post(Pending(ref=ref_of("code", person.id, number, now), to=number, text=text, at=now))

    def use(self, login: Login) -> None:
        """Let what this telephone says carry its owner's name."""
        self.drop(login.person)
        self._owners[str(login.credentials)] = login.person

    def drop(self, person: Person) -> None:
        """Let a telephone be a mere number again."""
        for number in [number for number, owner in self._owners.items() if owner == person]:
            del self._owners[number]

    # -- before anything runs

    async def check(self, rooms: list[RoomId]) -> list[Finding]:
        """Ask the provider, and look at each room."""
        try:
            async with asyncio.timeout(_SILENCE):
                wrong = await self._carrier.check()
        except TimeoutError:
            wrong = f"the provider gave no answer within {_SILENCE:.0f} s"
        hint = f"are the keys of [networks.{self._network}] right, and is {self._settings.provider} running?"
        found = [
            Finding(
                self._network,
                ok=not wrong,
                detail=wrong or f"{self._settings.provider} can be asked",
                hint=hint if wrong else "",
            )
        ]
        for room in rooms:
            bad = self._wrong(room)
            found.append(
                Finding(f"{self._network}:{room}", ok=not bad, detail=bad or self._doubt(room) or "can be written to")
            )
        return found


def _normal(settings: SmsSettings) -> SmsSettings:
    """Write every number in its one form. Raises: ValueError that names the key."""
    try:
        own = numbers.sender(settings.number, region=settings.region).id
    except numbers.NoNumber as error:
        msg = f"number: {error}"
        raise ValueError(msg) from None
    lists = {}
    for name, each in settings.lists.items():
        try:
            listed = tuple(numbers.number(one, region=settings.region).id for one in each.numbers)
        except numbers.NoNumber as error:
            msg = f"lists: {name}: {error}"
            raise ValueError(msg) from None
        lists[name] = replace(each, numbers=listed)
    return replace(settings, number=own, lists=lists)


def _provider(settings: SmsSettings) -> Provider | None:
    match settings.provider:
        case ProviderKind.KANNEL:
            return Kannel(settings)
        case ProviderKind.TWILIO:
            return Twilio(settings)
        case ProviderKind.ANDROID:
            return Android(settings)
        case ProviderKind.HTTP:
            return Described(settings)
        case ProviderKind.GAMMU | ProviderKind.SMPP:
            return None
        case _:
            assert_never(settings.provider)


def _carrier(settings: SmsSettings) -> Carrier:
    """Make one with a life of its own; what it imports is needed for it alone."""
    if settings.provider is ProviderKind.SMPP:
        from connectors.sms.providers.smpp import Smpp  # noqa: PLC0415

        return Smpp(settings)
    return Gammu(settings)


@contextlib.asynccontextmanager
async def _no_file() -> AsyncIterator[OpenFile]:
    raise NoFile("the provider has no files")
    yield  # what makes this a generator
