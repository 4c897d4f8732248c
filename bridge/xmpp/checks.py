"""``linkspan check`` for XMPP: connect as the bridge would, join every room as the listener, look around, leave.

It is the connector itself that is run, with a hub that only listens, so what is found is what would happen. Called by
the connector.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from bridge.connector import Cursor, Finding, Hub, OpenFile, Session, Status, Unreadable
from bridge.core.acts import ActRefused, Obstacle
from bridge.core.content import Attachment
from bridge.core.events import Event, Member, Presence, RoomClosed, RoomOpened
from bridge.core.ids import XMPP, EventKey, MessageId, MessageRef, Person, PersonId, RoomId
from bridge.core.profiles import Question
from bridge.xmpp.joined.rooms import JoinedRoom
from bridge.xmpp.wire import namespaces as ns

SILENCE = 5.0
"""Seconds for the stream; leaving one that hangs takes two more."""
PATIENCE = 20.0
"""Seconds for all rooms."""

_WORTH_HAVING = {
    ns.MAM: "no archive",
    ns.IDS: "no stanza-ids",
    ns.OCCUPANT_ID: "no occupant-ids",
    ns.PING_SELF: "no self-ping optimisation",
}


class Checked(Protocol):
    """The connector, as far as a check needs it."""

    async def run(self, hub: Hub) -> None:
        """Be connected and in all rooms."""

    def listen(self, room: RoomId, *, password: str = "") -> None:
        """Be in this room."""

    def room(self, room: RoomId) -> JoinedRoom | None:
        """Return a room that is listened to."""


class _Onlooker:
    """A hub that keeps nothing but what became of the stream and of each room."""

    def __init__(self) -> None:
        self.stream: asyncio.Future[str] = asyncio.get_running_loop().create_future()  # "" when it is up
        self.rooms: dict[RoomId, Event] = {}
        self.news = asyncio.Event()

    def emit(self, event: Event) -> Awaitable[None]:
        if isinstance(event, RoomOpened | RoomClosed):
            self.rooms.setdefault(event.origin.room.id, event)
            self.news.set()
        return _done()

    def report(self, status: Status, detail: str = "") -> None:
        if status not in (Status.CONNECTING, Status.DOWN) and not self.stream.done():
            self.stream.set_result("")
        elif status is Status.DOWN and not self.stream.done():
            self.stream.set_result(detail or "the server cannot be reached")

    async def drained(self) -> None:
        return

    def congested(self) -> str:
        return ""

    async def cursor(self, room: RoomId) -> Cursor | None:  # noqa: ARG002 - the contract's signature
        return None

    async def waiting_since(self, room: RoomId) -> int | None:  # noqa: ARG002
        return None

    async def recall(self, name: str) -> str | None:  # noqa: ARG002
        return None

    async def recollect(self, prefix: str) -> dict[str, str]:  # noqa: ARG002
        return {}

    async def forget(self, name: str) -> None:  # noqa: ARG002
        return

    async def author(self, room: RoomId, message: MessageId) -> Member | None:  # noqa: ARG002
        return None

    async def known(self, room: RoomId, key: EventKey) -> bool:  # noqa: ARG002
        return False

    def remember(self, name: str, value: str) -> Awaitable[None]:  # noqa: ARG002
        return _done()

    def page(self, message: MessageRef, at: int) -> str:  # noqa: ARG002
        return ""

    def open_file(self, file: Attachment, *, most: int) -> AbstractAsyncContextManager[OpenFile]:  # noqa: ARG002
        raise Unreadable("nobody reads files during a check")

    def alarm(self, words: str) -> None:
        pass

    def login_trouble(self, person: Person, reason: str, *, over: bool = False) -> None:
        pass

    def invited(self, person: Person, room: RoomId, *, by: str) -> None:
        pass

    def sighted(self, person: PersonId, presence: Presence | None) -> None:
        pass

    def session_is(self, person: Person, session: Session) -> None:
        pass

    def server_said(self, person: Person, words: str) -> None:
        pass

    async def ask(self, person: Person, question: Question, *, by: Person) -> str:  # noqa: ARG002
        raise ActRefused(Obstacle.IMPOSSIBLE, "nobody can be asked")


def _done() -> "asyncio.Future[None]":
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.set_result(None)
    return future


async def check(connector: Checked, rooms: list[RoomId]) -> list[Finding]:
    """Return one finding for the server and one for each room."""
    onlooker = _Onlooker()
    running = asyncio.ensure_future(connector.run(onlooker))
    try:
        trouble = await _stream(onlooker)
        if trouble:
            hint = "compare [xmpp] with the component section of the server's configuration"
            return [Finding(XMPP, ok=False, detail=trouble, hint=hint)]
        for room in rooms:
            connector.listen(room)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while len(onlooker.rooms) < len(set(rooms)):
                    onlooker.news.clear()
                    await onlooker.news.wait()
                await _ask_again(filter(None, map(connector.room, onlooker.rooms)))
        found = [Finding(XMPP, ok=True, detail="connected as a component")]
        return found + [_finding(room, onlooker.rooms.get(room), connector.room(room)) for room in rooms]
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def _ask_again(rooms: Iterable[JoinedRoom]) -> None:
    """Ask what the rooms can do that let us in: one that our join has made had no answer before."""
    for room in rooms:
        if room.open():
            await room.listener.ask()


async def _stream(onlooker: _Onlooker) -> str:
    try:
        async with asyncio.timeout(SILENCE):
            return await onlooker.stream
    except TimeoutError:
        return f"no answer within {SILENCE:.0f} s"


def _finding(room: RoomId, what: Event | None, joined: JoinedRoom | None) -> Finding:
    subject = f"{XMPP}:{room}"
    if isinstance(what, RoomClosed):
        return Finding(subject, ok=False, detail=what.reason, hint=_hint(what.reason))
    if what is None or joined is None:
        return Finding(subject, ok=False, detail="the room does not answer", hint="is its service running?")
    rights = joined.rights
    standing = "moderator" if rights.moderates() else "no moderator"
    missing = "".join(f", {words}" for words in _missing(joined))
    hint = "" if rights.moderates() else "as a moderator the bridge could show who is who, and carry kicks over"
    return Finding(subject, ok=True, detail=f"joined as {joined.nick}, {standing}{missing}", hint=hint)


def _missing(joined: JoinedRoom) -> Iterator[str]:
    return (words for feature, words in _WORTH_HAVING.items() if not joined.has(feature))


def _hint(reason: str) -> str:
    if "members" in reason:
        return "make the bridge's domain a member, or better an admin, of the room"
    if "password" in reason:
        return "give the room's password in the link"
    if "banned" in reason:
        return "lift the ban on the bridge's domain"
    return "is the address right, and may anybody join?"
