"""The XMPP connector on a stream in memory, with a hub that writes down what it is told."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Self, TypeVar

import msgspec

from bridge.connector import Cursor, OpenFile, Session, Status
from bridge.core.content import Attachment
from bridge.core.deliveries import AsPuppet, AsRelay, Sent
from bridge.core.events import Event, Member, Presence
from bridge.core.ids import XMPP, EventKey, MessageRef, Network, Person, PersonId, RoomId
from bridge.core.profiles import Question
from bridge.xmpp.connector import XmppConnector
from bridge.xmpp.joined.rooms import JoinedRoom
from bridge.xmpp.messages.uploads import Puts
from tests.support.clock import VirtualClock, quiet
from tests.support.files import opened
from tests.support.muc import ROOM, Muc, Stream

E = TypeVar("E")
INSTANCE = "test"  # as tests.support.build has it in the way of every delivery


class Notebook:
    """A :class:`bridge.connector.Hub` that remembers."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.statuses: list[tuple[Status, str]] = []
        self.cursors: dict[str, Cursor] = {}
        self.waiting: dict[str, int] = {}
        self.memory: dict[str, str] = {}
        self.files: dict[str, bytes] = {}  # by handle or URL
        self.own: Callable[[str], AbstractAsyncContextManager[OpenFile]] | None = None  # opens files of XMPP itself

    def emit(self, event: Event) -> Awaitable[None]:
        self.events.append(event)
        return _done()

    async def drained(self) -> None:
        return

    def congested(self) -> str:
        return ""

    def report(self, status: Status, detail: str = "") -> None:
        self.statuses.append((status, detail))

    async def cursor(self, room: RoomId) -> Cursor | None:
        return self.cursors.get(room)

    async def waiting_since(self, room: RoomId) -> int | None:
        return self.waiting.get(room)

    async def recall(self, name: str) -> str | None:
        return self.memory.get(name)

    async def recollect(self, prefix: str) -> dict[str, str]:
        return {name: value for name, value in self.memory.items() if name.startswith(prefix)}

    def remember(self, name: str, value: str) -> Awaitable[None]:
        self.memory[name] = str(value)  # a Secret is one only on the way in
        return _done()

    async def forget(self, name: str) -> None:
        self.memory.pop(name, None)

    def page(self, message: MessageRef, at: int) -> str:
        return f"https://bridge.example/media/{message.id}"

    def open_file(self, file: Attachment, *, most: int) -> AbstractAsyncContextManager[OpenFile]:
        if file.network == XMPP and self.own is not None:
            return self.own(file.handle)
        return opened(self.files.get(file.handle or file.url), most=most)

    def alarm(self, words: str) -> None:
        pass

    def login_trouble(self, person: Person, reason: str, *, over: bool = False) -> None:
        raise AssertionError("XMPP takes no logins")

    def invited(self, person: Person, room: RoomId, *, by: str) -> None:
        raise AssertionError("XMPP's rooms invite people themselves")

    def sighted(self, person: PersonId, presence: Presence | None) -> None:
        raise AssertionError("on XMPP servers tell presence themselves")

    def session_is(self, person: Person, session: Session) -> None:
        raise AssertionError("XMPP has no sessions")

    def server_said(self, person: Person, words: str) -> None:
        raise AssertionError("XMPP has no sessions")

    async def ask(self, person: Person, question: Question, *, by: Person) -> str:
        raise AssertionError("nobody on XMPP is asked for")

    def took(self, kind: type[E]) -> list[E]:
        """Return the events of a kind, and forget them."""
        found = [event for event in self.events if isinstance(event, kind)]
        self.events = [event for event in self.events if not isinstance(event, kind)]
        return found


def _done() -> "asyncio.Future[None]":
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.set_result(None)
    return future


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    domain: str = "bridge.localhost"
    secret: str = "secret"
    host: str = "127.0.0.1"
    port: int = 5347
    nick: str = "linkspan"
    admins: tuple[str, ...] = ("admin@localhost",)
    upload: str = ""


class Bridge:
    """A running connector with one room, unless told otherwise."""

    domain = "bridge.localhost"
    listener = "bridge.localhost/linkspan"

    def __init__(
        self, *, listen: bool = True, password: str = "", cursor: Cursor | None = None, puts: Puts | None = None
    ) -> None:
        self.clock = VirtualClock()
        self.stream = Stream(self.clock, domain=self.domain)
        self.muc = Muc(self.stream)
        self.hub = Notebook()
        if cursor is not None:
            self.hub.cursors[ROOM] = cursor
        self.connector = XmppConnector(
            Settings(),
            instance=INSTANCE,
            version="1",
            clock=self.clock,
            stream=self.stream,
            puts=puts,
            jitter=lambda: 0.5,
        )
        self._listen, self._password = listen, password
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self._listen:
            self.connector.listen(RoomId(ROOM), password=self._password)
        self._running = asyncio.ensure_future(self.connector.run(self.hub))
        await quiet()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Cancel the connector, and see it leave."""
        if self._running is not None:
            running, self._running = self._running, None
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running

    @property
    def room(self) -> JoinedRoom:
        found = self.connector.room(RoomId(ROOM))
        assert found is not None
        return found

    async def wish(self, *names: str, **fields: Any) -> None:
        """Ask for ghosts, and let them come in."""
        for name in names:
            self.connector.join(RoomId(ROOM), remote(name, **fields))
        await quiet()

    def unwish(self, name: str, reason: str = "") -> None:
        """Ask for a ghost no more."""
        self.connector.leave(RoomId(ROOM), remote(name).person, reason=reason)

    def nicks(self) -> set[str]:
        """Return who is in the room by the service's own book."""
        return set(self.muc.seats)


def remote(name: str, network: str = "irc", **fields: Any) -> Member:
    """Somebody on IRC, whose id is the folded nick."""
    return Member(person=Person(Network(network), PersonId(name.lower())), name=name, **fields)


def as_ghost(name: str, network: str = "irc") -> AsPuppet:
    """Speak as somebody's ghost."""
    return AsPuppet(member=remote(name, network))


def as_relayed(name: str, network: str = "irc") -> AsRelay:
    """Speak for somebody through the listener."""
    return AsRelay(member=remote(name, network))


def cursor(at: int, key: str = "sid-0") -> Cursor:
    """Make a last known fact."""
    return Cursor(EventKey(key), at)


async def outcome(done: "asyncio.Future[Sent]") -> Sent | BaseException | None:
    """Return what became of a delivery, None if it is still under way."""
    await quiet()
    if not done.done():
        return None
    return done.exception() or done.result()


__all__ = ["ROOM", "Bridge", "Notebook", "as_ghost", "as_relayed", "cursor", "outcome", "quiet", "remote"]
