"""A Telegram connector at work against the fake Bot API, and a hub that a test can read and spoil."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

from aiohttp import web

from bridge.connector import Cursor, OpenFile, PuppetSettings, Request, Secret, Session, Setup, Status, StoreAway
from bridge.core.content import Attachment, Content, Reply
from bridge.core.deliveries import (
    AsRelay,
    Delivery,
    Edit,
    Head,
    Kick,
    Post,
    React,
    Retract,
    Sent,
    Tell,
    Voice,
)
from bridge.core.events import Event, Member, MessagePosted, Presence, RoomClosed, RoomOpened
from bridge.core.ids import (
    DeliveryKey,
    EventKey,
    MessageId,
    MessageRef,
    Network,
    Person,
    PersonId,
    Room,
    RoomId,
    digest,
)
from bridge.core.profiles import Question
from connectors.telegram.config import TelegramSettings
from connectors.telegram.connector import TelegramConnector
from connectors.telegram.pace import Rates
from tests.support.clock import START
from tests.support.files import opened
from tests.support.telegram.driver import FAST
from tests.support.telegram.server import PATIENCE, BotApi
from tests.support.telegram.world import Bot, Chat

FAMILY = Network("family")
MUC = Room(Network("xmpp"), RoomId("dev@conference.example.org"))
JULIET = Member(person=Person(MUC.network, PersonId("juliet@example.org")), name="Juliet")


class HastyClock:
    """Time that passes only by being waited for, and then at once."""

    def __init__(self) -> None:
        self.elapsed = 0.0
        self.slept: list[float] = []

    def now(self) -> int:
        return START + round(self.elapsed * 1000)

    def seconds(self) -> float:
        return self.now() / 1000

    def monotonic(self) -> float:
        return self.elapsed

    async def sleep(self, seconds: float) -> None:
        if seconds:
            self.slept.append(seconds)
        self.elapsed += seconds
        await asyncio.sleep(0)


class HeldClock(HastyClock):
    """Time that passes when the test says so: who waits, waits for :meth:`wake`."""

    def __init__(self) -> None:
        super().__init__()
        self._sleepers: list[asyncio.Future[None]] = []
        self._stirred = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        if not seconds:
            return
        sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append(sleeper)
        self.slept.append(seconds)
        self._stirred.set()
        await sleeper
        self.elapsed += seconds

    async def asleep(self, times: int) -> None:
        """Wait until somebody has gone to sleep for so many times in all."""
        async with asyncio.timeout(PATIENCE):
            while len(self.slept) < times:
                self._stirred.clear()
                await self._stirred.wait()

    def wake(self) -> None:
        """Let all who wait go on."""
        for sleeper in self._sleepers:
            if not sleeper.done():
                sleeper.set_result(None)
        self._sleepers.clear()


class TestHub:
    """A :class:`bridge.connector.Hub` that writes down what it is told; ``away`` is how many facts it will not take."""

    __test__ = False

    def __init__(self, texts: dict[str, str] | None = None) -> None:
        self.events: list[Event] = []
        self.reports: list[tuple[Status, str]] = []
        self.texts = {} if texts is None else texts
        self.files: dict[str, bytes] = {}  # by handle or URL
        self.login_troubles: list[tuple[Person, str, bool]] = []
        self.congestion = ""
        self.away = 0
        self.held: list[asyncio.Future[None]] | None = None  # what waits to become durable
        self._stirred = asyncio.Event()

    def emit(self, event: Event) -> Awaitable[None]:
        self._stirred.set()
        if self.away:
            self.away -= 1
            return self._refused()
        self.events.append(event)
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.held is None:
            written.set_result(None)
        else:
            self.held.append(written)
        return written

    async def _refused(self) -> None:
        raise StoreAway("the disk is full")

    async def drained(self) -> None:
        return

    def congested(self) -> str:
        return self.congestion

    def report(self, status: Status, detail: str = "") -> None:
        self.reports.append((status, detail))
        self._stirred.set()

    async def cursor(self, room: RoomId) -> Cursor | None:
        return None

    async def waiting_since(self, room: RoomId) -> int | None:
        return None

    async def recall(self, name: str) -> str | None:
        return self.texts.get(name)

    def remember(self, name: str, value: str) -> Awaitable[None]:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.texts[name] = value
        done.set_result(None)
        return done

    def page(self, message: MessageRef, at: int) -> str:
        return f"https://bridge.example/media/{message.id}"

    def open_file(self, file: Attachment, *, most: int) -> AbstractAsyncContextManager[OpenFile]:
        return opened(self.files.get(file.handle or file.url), most=most)

    async def recollect(self, prefix: str) -> dict[str, str]:
        return {name: value for name, value in self.texts.items() if name.startswith(prefix)}

    async def forget(self, name: str) -> None:
        self.texts.pop(name, None)

    async def known(self, room: RoomId, key: EventKey) -> bool:
        return any(event.origin.room.id == room and event.origin.key == key for event in self.events)

    def alarm(self, words: str) -> None:
        pass

    def login_trouble(self, person: Person, reason: str, *, over: bool = False) -> None:
        self.login_troubles.append((person, reason, over))
        self._stirred.set()

    def invited(self, person: Person, room: RoomId, *, by: str) -> None:
        raise AssertionError("Telegram's bots are not invited by people")

    def sighted(self, person: PersonId, presence: Presence | None) -> None:
        raise AssertionError("Telegram's bots look out for nobody")

    def session_is(self, person: Person, session: Session) -> None:
        raise AssertionError("Telegram's bots have no sessions")

    def server_said(self, person: Person, words: str) -> None:
        raise AssertionError("Telegram's bots have no sessions")

    async def ask(self, person: Person, question: Question, *, by: Person) -> str:
        raise AssertionError("Telegram's bots ask nobody")

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something is so; looked at whenever the connector says something."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._stirred.clear()
                await self._stirred.wait()

    async def reported(self, status: Status) -> str:
        """Wait until the last report is this; return its detail."""
        await self.until(lambda: self.reports and self.reports[-1][0] is status)
        return self.reports[-1][1]

    def of(self, *kinds: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kinds)]

    def texts_posted(self) -> list[str]:
        return [event.content.text for event in self.of(MessagePosted)]

    async def posted(self, *texts: str) -> None:
        """Wait until exactly these messages have been told."""
        await self.until(lambda: len(self.of(MessagePosted)) >= len(texts))
        assert self.texts_posted() == list(texts)


class Stage:
    """A supergroup with Alice, Bob and the bot, and the connector reading it."""

    def __init__(self, api: BotApi, *, privacy: bool, clock: HastyClock | None, rates: Rates | None, **settings: Any):
        self.api = api
        self.world = api.world
        self.bot = api.world.bot(privacy=privacy)
        self.alice = api.world.person("Alice", "Ångström", username="alice")
        self.bob = api.world.person("Bob 🚢")
        self.group = api.world.supergroup("Ferry port", self.alice, self.bob, self.bot)
        self.clock = clock
        self.hub = TestHub()
        self.rooms = [self.group]
        self.public_url = ""
        self.answered: list[int] = []  # what the webhook's requests were answered with
        self._rates = rates
        self._settings = settings
        self._running: asyncio.Task[None] | None = None
        self.connector = self.new_connector()

    def new_connector(self) -> TelegramConnector:
        settings = TelegramSettings(token=Secret(self.bot.token), api_url=self.api.url, **self._settings)
        setup = Setup(
            network=FAMILY,
            settings=settings,
            puppets=PuppetSettings(),
            instance="test",
            version="0",
            public_url=self.public_url,
            announced=bool(self.public_url),
        )
        return TelegramConnector(setup, clock=self.clock, rates=self._rates or FAST)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Have a public listener, whose URL is announced, that gives the connector what comes."""
        runner = web.AppRunner(web.Application(), access_log=None, shutdown_timeout=0.1)
        runner.app.router.add_route("*", "/{path:.*}", self._asked)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.public_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            self.connector = self.new_connector()
            yield
        finally:
            await self.stop()
            await runner.cleanup()

    async def _asked(self, request: web.Request) -> web.Response:
        answer = await self.connector.serve(
            Request(
                method=request.method,
                path=request.raw_path,
                query="",
                headers=tuple((name.lower(), value) for name, value in request.headers.items()),
                body=await request.read(),
                remote="127.0.0.1",
            )
        )
        self.answered.append(404 if answer is None else answer.status)
        return web.Response(status=self.answered[-1])

    def run(self) -> None:
        """Start the connector; it listens to ``rooms``."""
        for room in self.rooms:
            self.connector.listen(room if isinstance(room, str) else RoomId(str(room.id)))
        self._running = asyncio.get_running_loop().create_task(self.connector.run(self.hub))

    async def start(self, *, looked_at: bool = True) -> None:
        """Run the connector until it is connected, and (``looked_at``) has looked at every room."""
        self.run()
        await self.hub.until(
            lambda: self.hub.reports and self.hub.reports[-1][0] in {Status.READY, Status.DEGRADED, Status.NEEDS_LOGIN}
        )
        if looked_at and self.hub.reports[-1][0] is not Status.NEEDS_LOGIN:
            await self.hub.until(lambda: len(self.hub.of(RoomOpened, RoomClosed)) >= len(self.rooms))

    async def stop(self) -> None:
        if self._running is None:
            return
        self._running.cancel()
        with suppress(asyncio.CancelledError):
            await self._running
        self._running = None

    async def restart(self) -> None:
        """End the process and start another, with what was remembered."""
        await self.stop()
        self.hub = TestHub(self.hub.texts)
        self.connector = self.new_connector()
        await self.start()

    async def own_bot(self, *chats: Chat, of: Member = JULIET, token: str = "220201543:own") -> Bot:
        """Let somebody register a bot of their own, which is in these chats."""
        bot = self.world.bot(token)
        for chat in chats:
            chat.joins(bot, by=self.alice)
        self.connector.use(await self.connector.log_in(of.person, {"token": token}))
        return bot

    # -- orders

    def head(
        self, what: str, room: "Chat | str | None" = None, by: Member = JULIET, *, voice: Voice | None = None
    ) -> Head:
        name = room if isinstance(room, str) else str((room or self.group).id)
        return Head(
            key=DeliveryKey(digest(what, name)),
            room=Room(FAMILY, RoomId(name)),
            voice=voice or AsRelay(member=by),
            source=MUC,
            event=EventKey(what),
            at=START,
        )

    def post(
        self,
        text: str,
        *,
        room: "Chat | str | None" = None,
        reply: tuple[MessageId, ...] = (),
        voice: Voice | None = None,
        **fields: Any,
    ) -> Post:
        return Post(
            head=self.head(f"post {text[:40]}", room, voice=voice),
            message=MessageRef(MUC, MessageId(text[:40])),
            content=Content(text=text, **fields),
            reply=Reply(to=MessageRef(MUC, MessageId("x")), ids=reply) if reply else None,
        )

    async def send(self, delivery: Delivery) -> Sent:
        async with asyncio.timeout(PATIENCE):
            return await self.connector.send(delivery)

    async def say(self, text: str, **fields: Any) -> tuple[MessageId, ...]:
        return (await self.send(self.post(text, **fields))).ids

    async def edit(self, ids: tuple[MessageId, ...], text: str, *, voice: Voice | None = None) -> Sent:
        target = MessageRef(MUC, MessageId("x"))
        head = self.head(f"edit {text[:40]}", voice=voice)
        return await self.send(Edit(head=head, target=target, content=Content(text=text), ids=ids))

    async def retract(self, ids: tuple[MessageId, ...], *, here: bool = False, voice: Voice | None = None) -> Sent:
        target = MessageRef(Room(FAMILY, RoomId(str(self.group.id))) if here else MUC, MessageId("x"))
        return await self.send(Retract(head=self.head(f"retract {ids}", voice=voice), target=target, ids=ids))

    async def react(self, ids: tuple[MessageId, ...], *reactions: str, voice: Voice | None = None) -> Sent:
        target = MessageRef(MUC, MessageId("x"))
        head = self.head(f"react {reactions}", voice=voice)
        return await self.send(React(head=head, target=target, reactions=reactions, ids=ids))

    async def kick(self, person: Any, *, ban: bool = False) -> Sent:
        someone = Person(FAMILY, PersonId(str(person.id)))
        return await self.send(Kick(head=self.head("kick"), person=someone, name="x", ban=ban))

    async def tell(self, person: Any, text: str, *, by: Member = JULIET) -> Sent:
        someone = Person(FAMILY, PersonId(str(person.id)))
        return await self.send(
            Tell(head=self.head(f"tell {text}", str(person.id), by), person=someone, content=Content(text=text))
        )


@asynccontextmanager
async def stage(
    *,
    privacy: bool = False,
    hasty: bool = False,
    clock: HastyClock | None = None,
    rates: Rates | None = None,
    started: bool = True,
    **settings: Any,
) -> AsyncIterator[Stage]:
    """Set the stage; ``hasty``: time passes only by being waited for, on both sides."""
    clock = clock or (HastyClock() if hasty else None)
    api = BotApi(now=clock.seconds) if clock else BotApi()
    async with api:
        one = Stage(api, privacy=privacy, clock=clock, rates=rates, **settings)
        try:
            if started:
                await one.start()
            yield one
        finally:
            await one.stop()
