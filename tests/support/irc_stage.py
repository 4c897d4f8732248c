"""An IRC connector on a stage: a hub that writes down what it is told, and one-line wishes and orders.

``async with stage(port) as play`` runs a connector against a server on loopback; ``play.told(MemberJoined)`` waits for a
fact, ``await play.say("juliet", "hello")`` orders a message and returns what came of it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

from bridge.connector import Cursor, OpenFile, PuppetSettings, Session, Setup, Status
from bridge.core.acts import ActRefused, Obstacle
from bridge.core.addresses import Range
from bridge.core.content import Attachment, Content, Kind
from bridge.core.deliveries import AsPuppet, AsRelay, Delivery, Head, Post, Sent, Voice
from bridge.core.events import Event, Member, Presence
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
from connectors.irc.config import IrcSettings
from connectors.irc.connection.pace import Pace
from connectors.irc.connector import IrcConnector
from tests.support.files import opened
from tests.support.ircd import NAME, Ircd, Peer

NETWORK = Network("irc")
CHANNEL = RoomId("#verona")
PATIENCE = 20.0
"""Seconds after which what is not told is a failure; never waited for by a test that passes."""
QUICK = Pace(
    parting=0.05,
    linger=0.2,
    talk=0.2,
    verdict=2.0,
    listing=0.2,
    rejoin=(0.2, 0.5),
    knock=(0.2, 0.5),
    nick=0.3,
    sight=0.3,
    retry=0.2,
    throttled=0.3,
    speaker=5.0,
    leave=0.1,  # a scripted server does not close
)
E_ = TypeVar("E_")


class Diary:
    """A hub that keeps everything in memory."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.statuses: list[tuple[Status, str]] = []
        self.kept: dict[str, str] = {}
        self.files: dict[str, bytes] = {}  # by handle or URL
        self.cursors: dict[RoomId, Cursor] = {}
        self.full = ""
        self.login_troubles: list[tuple[Person, str, bool]] = []
        self.invitations: list[tuple[Person, RoomId, str]] = []
        self.sightings: dict[PersonId, Presence | None] = {}
        self.sessions: list[tuple[Person, Session]] = []
        self.remarks: list[tuple[Person, str]] = []
        self.programs: dict[Question, str] = {}  # what people's own say
        self._news = asyncio.Event()

    def emit(self, event: Event) -> "asyncio.Future[None]":
        self.events.append(event)
        self._news.set()
        return _done()

    async def drained(self) -> None:
        while self.full:
            self._news.clear()
            await self._news.wait()

    def congested(self) -> str:
        return self.full

    def report(self, status: Status, detail: str = "") -> None:
        self.statuses.append((status, detail))
        self._news.set()

    async def cursor(self, room: RoomId) -> Cursor | None:
        return self.cursors.get(room)

    async def waiting_since(self, room: RoomId) -> int | None:
        return None

    async def recall(self, name: str) -> str | None:
        return self.kept.get(name)

    async def recollect(self, prefix: str) -> dict[str, str]:
        return {name: value for name, value in self.kept.items() if name.startswith(prefix)}

    def remember(self, name: str, value: str) -> "asyncio.Future[None]":
        self.kept[name] = value
        return _done()

    def page(self, message: MessageRef, at: int) -> str:
        return f"https://bridge.example/media/{message.id}"

    def open_file(self, file: Attachment, *, most: int) -> AbstractAsyncContextManager[OpenFile]:
        return opened(self.files.get(file.handle or file.url), most=most)

    def alarm(self, words: str) -> None:
        pass

    def login_trouble(self, person: Person, reason: str, *, over: bool = False) -> None:
        self.login_troubles.append((person, reason, over))
        self._news.set()

    def invited(self, person: Person, room: RoomId, *, by: str) -> None:
        self.invitations.append((person, room, by))
        self._news.set()

    def sighted(self, person: PersonId, presence: Presence | None) -> None:
        self.sightings[person] = presence
        self._news.set()

    def session_is(self, person: Person, session: Session) -> None:
        self.sessions.append((person, session))
        self._news.set()

    def server_said(self, person: Person, words: str) -> None:
        self.remarks.append((person, words))
        self._news.set()

    async def ask(self, person: Person, question: Question, *, by: Person) -> str:
        if question not in self.programs:
            raise ActRefused(Obstacle.IMPOSSIBLE, "nobody can be asked")
        return self.programs[question]

    def free(self) -> None:
        """Take more again."""
        self.full = ""
        self._news.set()

    async def until(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait until the condition holds, and return what it gives."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not (found := condition()):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"{what}: not among {self.events[-12:]}, {self.statuses[-4:]}") from None
        return found


class Play:
    """A running connector."""

    def __init__(self, connector: IrcConnector, hub: Diary) -> None:
        self.connector = connector
        self.hub = hub
        self._said = 0

    async def ready(self, status: Status = Status.READY) -> str:
        """Wait until the network is in this state now, and return the detail."""
        await self.hub.until(lambda: self.hub.statuses and self.hub.statuses[-1][0] is status, f"{status}")
        return self.hub.statuses[-1][1]

    async def told(self, kind: type[E_], *, after: int = 0, **fields: Any) -> E_:
        """Wait for a fact of this kind with these fields; dotted ones with double underscores."""

        def find() -> E_ | None:
            for event in self.hub.events[after:]:
                if isinstance(event, kind) and all(_get(event, name) == value for name, value in fields.items()):
                    return event
            return None

        found: E_ = await self.hub.until(find, f"{kind.__name__} {fields}")
        return found

    def mark(self) -> int:
        """Return a position for ``after``."""
        return len(self.hub.events)

    def of(self, kind: type[E_]) -> list[E_]:
        """Return every fact of this kind so far."""
        return [event for event in self.hub.events if isinstance(event, kind)]

    def join(self, name: str, room: RoomId = CHANNEL, **fields: Any) -> None:
        self.connector.join(room, someone(name, **fields))

    def leave(self, name: str, room: RoomId = CHANNEL, *, reason: str = "") -> None:
        self.connector.leave(room, someone(name).person, reason=reason)

    def head(self, voice: Voice, room: RoomId = CHANNEL) -> Head:
        self._said += 1
        return Head(
            key=DeliveryKey(digest("stage", id(self), self._said)),
            room=Room(NETWORK, room),
            voice=voice,
            source=Room(Network("xmpp"), RoomId("verona@conference.localhost")),
            event=EventKey(f"e{self._said}"),
            at=1_700_000_000_000,
            via=("stage",),
        )

    def post(self, name: str, text: str, *, relay: bool = False, room: RoomId = CHANNEL, **fields: Any) -> Post:
        voice: Voice = AsRelay(member=someone(name)) if relay else AsPuppet(member=someone(name))
        head = self.head(voice, room)
        kind = fields.pop("kind", Kind.TEXT)
        source = Room(Network("xmpp"), RoomId("verona@conference.localhost"))
        ref = MessageRef(source, MessageId(f"m{self._said}"))
        return Post(head=head, message=ref, content=Content(text=text, kind=kind), **fields)

    def send(self, delivery: Delivery) -> "asyncio.Future[Sent]":
        return asyncio.ensure_future(self.connector.send(delivery))

    def say(self, name: str, text: str, **fields: Any) -> "asyncio.Future[Sent]":
        return self.send(self.post(name, text, **fields))


@asynccontextmanager
async def stage(
    port: int,
    *,
    rooms: tuple[str, ...] = (CHANNEL,),
    pace: Pace = QUICK,
    puppets: PuppetSettings | None = None,
    hub: Diary | None = None,
    reach: tuple[Range, ...] | None = None,
    **settings: Any,
) -> AsyncIterator[Play]:
    """Run a connector; leaving the block cancels it and waits for its good-byes."""
    setup = Setup(
        network=NETWORK,
        settings=IrcSettings(host="127.0.0.1", port=port, tls=False, **settings),
        puppets=puppets or PuppetSettings(),
        instance="stage",
        version="0",
        reach=reach,
    )
    connector = IrcConnector(setup, pace=pace)
    diary = hub or Diary()
    for room in rooms:
        connector.listen(RoomId(room))
    running = asyncio.create_task(connector.run(diary))
    try:
        yield Play(connector, diary)
    finally:
        running.cancel()
        await asyncio.wait([running])
        if not running.cancelled() and running.exception() is not None:
            raise running.exception()  # type: ignore[misc]


def someone(name: str, **fields: Any) -> Member:
    """Return a member of the room on the other side."""
    return Member(person=Person(Network("xmpp"), PersonId(f"{name.lower()}@localhost")), name=name, **fields)


def _get(event: Any, path: str) -> Any:
    for part in path.split("__"):
        event = getattr(event, part)
    return event


def _done() -> "asyncio.Future[None]":
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.set_result(None)
    return future


# the same against a scripted server: see tests/support/ircd.py


async def listener(
    ircd: Ircd,
    *,
    caps: str = "",
    isupport: str = "CHANTYPES=# PREFIX=(ov)@+ NICKLEN=30",
    names: str = "",
    nick: str = "",
) -> Peer:
    """Let the listener in: registration, JOIN, and answers to what it asks; it is ready after that."""
    peer = await ircd.accept()
    await peer.welcome(caps=caps, isupport=isupport, nick=nick)
    await enter(peer, names=names)
    return peer


async def enter(peer: Peer, *, names: str = "") -> None:
    """Let the listener into the channel, and answer what it asks about it."""
    await peer.find(f"JOIN {CHANNEL}")
    peer.send(f":{peer.mask} JOIN {CHANNEL}")
    peer.send(f":{NAME} 353 {peer.nick} = {CHANNEL} :{peer.nick} {names}".rstrip())
    peer.numeric(366, CHANNEL, "End")
    await peer.expect(f"MODE {CHANNEL}")
    question = await peer.line()
    assert " WHO " in f" {question}"
    peer.numeric(324, CHANNEL, "+nt")
    if question.startswith("@label="):
        peer.send(f"@{question[1:].partition(' ')[0]} :{NAME} ACK")
    else:
        await settle(peer)


async def puppet(ircd: Ircd, watcher: Peer, *, caps: str = "", isupport: str = "CHANTYPES=# NICKLEN=30") -> Peer:
    """Let a puppet in; ``watcher`` is the listener's side, which sees it come."""
    peer = await ircd.accept()
    await peer.welcome(caps=caps, isupport=isupport)
    await peer.expect(f"JOIN {CHANNEL}")
    peer.send(f":{peer.mask} JOIN {CHANNEL}")
    watcher.send(f":{peer.mask} JOIN {CHANNEL}")
    return peer


async def settle(peer: Peer) -> None:
    """Answer the PING behind what was just sent: all of it was processed."""
    peer.send(f":{NAME} PONG {NAME} :{(await peer.find('PING after-')).partition(' ')[2]}")
