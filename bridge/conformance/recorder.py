"""The hub that the suite gives to a connector: it writes down what it is told, and lets a test wait for something."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, Self, TypeVar

from bridge.connector import Connector, Cursor, Listens, OpenFile, Session, Status, Unreadable
from bridge.core.acts import ActRefused, Obstacle
from bridge.core.content import Attachment
from bridge.core.events import Event, Member, MessagePosted, Presence
from bridge.core.ids import EventKey, MessageId, MessageRef, Person, PersonId, RoomId
from bridge.core.profiles import Question

T = TypeVar("T")

PATIENCE = 10.0
"""Seconds in which everything that is waited for has to happen."""
LEAVE = 3.0
"""Seconds that the contract gives a connector to leave."""
_LOOK = 0.01


async def until(look: Callable[[], Coroutine[Any, Any, T]], what: str) -> T:
    """Look again and again until there is something. Raises: AssertionError after :data:`PATIENCE` seconds."""
    over = asyncio.get_running_loop().time() + PATIENCE
    while not (found := await look()):
        assert asyncio.get_running_loop().time() < over, f"within {PATIENCE:g} s this did not happen: {what}"
        await asyncio.sleep(_LOOK)
    return found


class Recorder:
    """A :class:`bridge.connector.Hub`; ``cursors`` and ``texts`` are what it pretends to have stored."""

    def __init__(self, *, cursors: dict[RoomId, Cursor] | None = None) -> None:
        self.events: list[Event] = []
        self.reports: list[tuple[Status, str]] = []
        self.cursors = cursors or {}
        self.texts: dict[str, str] = {}
        self.alarms: list[str] = []
        self.login_troubles: list[tuple[Person, str, bool]] = []
        self.invitations: list[tuple[Person, RoomId, str]] = []
        self.sightings: list[tuple[PersonId, Presence | None]] = []
        self.sessions: list[tuple[Person, Session]] = []
        self.remarks: list[tuple[Person, str]] = []

    def emit(self, event: Event) -> Awaitable[None]:
        """Write an event down."""
        self.events.append(event)
        return _done()

    async def drained(self) -> None:
        """Take more at once."""

    def congested(self) -> str:
        """Take everything."""
        return ""

    def report(self, status: Status, detail: str = "") -> None:
        """Write a status down."""
        self.reports.append((status, detail))

    def alarm(self, words: str) -> None:
        """Write down what administrators are told."""
        self.alarms.append(words)

    async def cursor(self, room: RoomId) -> Cursor | None:
        """Return where history has to go on."""
        return self.cursors.get(room)

    async def waiting_since(self, room: RoomId) -> int | None:  # noqa: ARG002 - nothing is stored here
        """Return when the oldest happened of what waits for a room: nothing does."""
        return None

    async def recall(self, name: str) -> str | None:
        """Return what was remembered."""
        return self.texts.get(name)

    async def recollect(self, prefix: str) -> dict[str, str]:
        """Return everything that was remembered under names that begin so."""
        return {name: text for name, text in self.texts.items() if name.startswith(prefix)}

    async def forget(self, name: str) -> None:
        """Keep it no longer."""
        self.texts.pop(name, None)

    async def author(self, room: RoomId, message: MessageId) -> Member | None:
        """Return who said a message."""
        said = (event for event in self.posted() if event.origin.room.id == room and event.id == message)
        return next((event.sender for event in said), None)

    async def known(self, room: RoomId, key: EventKey) -> bool:
        """Tell whether a fact was reported."""
        return any(event.origin.room.id == room and event.origin.key == key for event in self.events)

    def remember(self, name: str, value: str) -> Awaitable[None]:
        """Keep a small text."""
        self.texts[name] = value
        return _done()

    def page(self, message: MessageRef, at: int) -> str:  # noqa: ARG002
        """Have no pages."""
        return ""

    def open_file(self, file: Attachment, *, most: int) -> AbstractAsyncContextManager[OpenFile]:  # noqa: ARG002
        """Say that there is no file: a connector has to live with that."""
        raise Unreadable("it is gone")

    def login_trouble(self, person: Person, reason: str, *, over: bool = False) -> None:
        """Take down what is wrong with somebody's login."""
        self.login_troubles.append((person, reason, over))

    def invited(self, person: Person, room: RoomId, *, by: str) -> None:
        """Take down an invitation."""
        self.invitations.append((person, room, by))

    def sighted(self, person: PersonId, presence: Presence | None) -> None:
        """Take down how somebody is."""
        self.sightings.append((person, presence))

    def session_is(self, person: Person, session: Session) -> None:
        """Take down how somebody's connection is."""
        self.sessions.append((person, session))

    def server_said(self, person: Person, words: str) -> None:
        """Take down what the network has said."""
        self.remarks.append((person, words))

    async def ask(self, person: Person, question: Question, *, by: Person) -> str:  # noqa: ARG002
        """Have nobody who could be asked."""
        raise ActRefused(Obstacle.IMPOSSIBLE, "nobody can be asked")

    def posted(self) -> list[MessagePosted]:
        """Return the messages that were reported."""
        return [event for event in self.events if isinstance(event, MessagePosted)]

    async def ready(self) -> None:
        """Wait until the connector reports READY."""

        async def is_ready() -> bool:
            return bool(self.reports) and self.reports[-1][0] is Status.READY

        await until(is_ready, f"READY is reported (so far: {[status.value for status, _ in self.reports]})")

    async def message(self, text: str) -> MessagePosted:
        """Wait for a message of exactly this text."""

        async def arrived() -> MessagePosted | None:
            return next((event for event in self.posted() if event.content.text == text), None)

        found = await until(arrived, f"a MessagePosted with the text {text!r}")
        assert found is not None
        return found


def _done() -> "asyncio.Future[None]":
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.set_result(None)
    return future


class Running:
    """A connector at work, told to listen to one room."""

    def __init__(self, connector: Connector, hub: Recorder, room: RoomId) -> None:
        self.connector = connector
        self.hub = hub
        self._room = room
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Run it, and wait until it is ready."""
        if isinstance(self.connector, Listens):
            self.connector.listen(self._room)
        self._task = asyncio.create_task(self.connector.run(self.hub))
        await self.hub.ready()

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._task is not None and not self._task.done()

    async def cancel(self) -> float:
        """Cancel it; return how many seconds it took to leave. Raises: AssertionError when that was too long."""
        assert self._task is not None
        began = asyncio.get_running_loop().time()
        self._task.cancel()
        done, _ = await asyncio.wait({self._task}, timeout=LEAVE)
        assert done, f"run did not end within {LEAVE:g} s of being cancelled"
        assert self._task.cancelled(), "run swallowed its cancellation: it has to end with CancelledError"
        return asyncio.get_running_loop().time() - began

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop, whatever happened."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=LEAVE)
