"""A connector that is worked by hand: a test sees what it was asked to do, and says what comes of it."""

import asyncio
from collections.abc import Awaitable

from bridge.connector import Hub, Status
from bridge.core.capabilities import Capabilities, Feature, Limit, Representation, Support, Unit
from bridge.core.deliveries import Delivery, Post, Sent
from bridge.core.events import Event, Member
from bridge.core.ids import MessageId, Person, RoomId


def capabilities(
    representation: Representation = Representation.SESSION,
    *,
    pipeline: int = 1,
    without: tuple[Feature, ...] = (),
) -> Capabilities:
    """Declare everything native, but for some features."""
    features = {feature: Support.NATIVE for feature in Feature if feature not in without}
    return Capabilities(
        representation=representation, text=Limit(10_000, Unit.CODE_POINTS), features=features, pipeline=pipeline
    )


class HandConnector:
    """Answers sends when told to (``automatic``: at once), and writes down every wish."""

    def __init__(self, able: Capabilities | None = None, *, automatic: bool = True) -> None:
        self.able = able or capabilities()
        self.automatic = automatic
        self.sent: list[Delivery] = []
        self.open: list[tuple[Delivery, asyncio.Future[Sent]]] = []
        self.wishes: list[str] = []  # "join #b juliet", "leave #b juliet (bye)", in order
        self.shown: dict[tuple[str, Person], Member] = {}  # what the wishes come to
        self.typed: list[str] = []
        self.listened: list[str] = []
        self.hub: Hub | None = None
        self.runs = 0
        self.crash: Exception | None = None
        self._over = asyncio.Event()

    @property
    def capabilities(self) -> Capabilities:
        return self.able

    async def run(self, hub: Hub) -> None:
        self.runs += 1
        self.hub = hub
        if self.crash is not None:
            crash, self.crash = self.crash, None
            raise crash
        hub.report(Status.READY)
        self._over.clear()
        await self._over.wait()
        if self.crash is not None:
            crash, self.crash = self.crash, None
            raise crash

    def die(self, error: Exception) -> None:
        """Let ``run`` raise."""
        self.crash = error
        self._over.set()

    def emit(self, event: Event) -> Awaitable[None]:
        """Report a fact."""
        assert self.hub is not None
        return self.hub.emit(event)

    def send(self, delivery: Delivery) -> "asyncio.Future[Sent]":
        landing: asyncio.Future[Sent] = asyncio.get_running_loop().create_future()
        self.sent.append(delivery)
        if self.automatic:
            landing.set_result(Sent((MessageId(f"r{len(self.sent)}"),)))
        else:
            self.open.append((delivery, landing))
        return landing

    def answer(self, outcome: Exception | tuple[str, ...] = ("r",)) -> None:
        """Answer the oldest send: with the ids of its parts, or with a failure."""
        _, landing = self.open.pop(0)
        if isinstance(outcome, Exception):
            landing.set_exception(outcome)
        else:
            landing.set_result(Sent(tuple(MessageId(part) for part in outcome)))

    def texts(self) -> list[str]:
        """Return what was said, in order."""
        return [delivery.content.text for delivery in self.sent if isinstance(delivery, Post)]

    def listen(self, room: RoomId, *, password: str = "") -> None:
        self.listened.append(room)

    def unlisten(self, room: RoomId) -> None:
        self.listened.remove(room)

    def join(self, room: RoomId, member: Member) -> None:
        self.wishes.append(f"join {room} {member.name}")
        self.shown[room, member.person] = member

    def leave(self, room: RoomId, person: Person, *, reason: str = "") -> None:
        self.wishes.append(f"leave {room} {person.id}" + (f" ({reason})" if reason else ""))
        self.shown.pop((room, person), None)

    def typing(self, room: RoomId, member: Member, *, active: bool) -> None:
        self.typed.append(f"{member.name} {'types' if active else 'stops'} in {room}")

    def names(self, room: str) -> list[str]:
        """Return who is to be shown in a room."""
        return sorted(member.name for (there, _), member in self.shown.items() if there == room)


class RenamingConnector(HandConnector):
    """The same, and renames in place."""

    def rename(self, room: RoomId, old: Person, member: Member) -> None:
        self.wishes.append(f"rename {room} {old.id} {member.name}")
        self.shown.pop((room, old), None)
        self.shown[room, member.person] = member
