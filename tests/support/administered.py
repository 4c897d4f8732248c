"""A bridge as its administrator's API sees it, made of values."""

from collections.abc import Collection, Sequence

import msgspec

from bridge.connector import Counted
from bridge.core.commands import CommandRefused, Why
from bridge.engine.counters import Counters
from bridge.web.ports import (
    DeadLetterDocument,
    DeliveryDocument,
    GatewayDocument,
    HookCallDocument,
    HookDocument,
    HookUrlDocument,
    LinkDocument,
    LoginDocument,
    NetworkDocument,
    NewHook,
    NewLink,
    OptOutDocument,
    PuppetCount,
    QueueDocument,
    RoomDocument,
    SaidDocument,
    StatusDocument,
)


def network(name: str, *, status: str = "ready", detail: str = "") -> NetworkDocument:
    """Return a network with a few puppets."""
    puppets = PuppetCount(wanted=3, present=2, refused=1)
    return NetworkDocument(name=name, connector="echo", status=status, detail=detail, since=1, puppets=puppets)


def dead_letter(key: str) -> DeadLetterDocument:
    """Return a delivery that was given up."""
    return DeadLetterDocument(key=key, room="left:#a", what="post", reason="refused", certain=True, at=2, attempts=3)


class FakeHooks:
    """Keeps hooks in a dictionary; every secret is "s"."""

    def __init__(self) -> None:
        self.made: dict[str, HookDocument] = {}
        self.orders: list[object] = []

    def hooks(self) -> Sequence[HookDocument]:
        return list(self.made.values())

    async def create(self, hook: NewHook) -> HookUrlDocument:
        if not hook.room.startswith("ci:"):
            reason = "found a room of another network"
            raise CommandRefused(reason, why=Why.WRONG, field="room")
        self.orders.append(hook)
        name = f"h{len(self.made)}"
        self.made[name] = HookDocument(
            id=name,
            room=hook.room,
            name="",
            origin="command",
            state="active",
            made=1,
            used=0,
            expires=0,
            rotating=False,
        )
        return self._url(name)

    async def rotate(self, hook: str, *, overlap: float) -> HookUrlDocument:
        self._find(hook)
        self.orders.append(overlap)
        return self._url(hook)

    async def pause(self, hook: str, *, paused: bool) -> None:
        state = "paused" if paused else "active"
        self.made[hook] = msgspec.structs.replace(self._find(hook), state=state)

    async def revoke(self, hook: str) -> None:
        self._find(hook)
        del self.made[hook]

    async def test(self, hook: str) -> SaidDocument:
        return SaidDocument(id=f"{self._find(hook).id}.1")

    async def calls(self, hook: str) -> Sequence[HookCallDocument]:
        return [HookCallDocument(id=f"{self._find(hook).id}.c", at=1, outcome="posted", size=5, kept=True)]

    async def replay(self, hook: str, call: str) -> SaidDocument:
        self._find(hook)
        return SaidDocument(id=f"again {call}")

    def _find(self, hook: str) -> HookDocument:
        if hook not in self.made:
            reason = f'there is no hook "{hook}"'
            raise CommandRefused(reason, why=Why.MISSING)
        return self.made[hook]

    def _url(self, name: str) -> HookUrlDocument:
        return HookUrlDocument(id=name, url=f"https://bridge.example.org/hooks/{name}/s")


def delivery(room: str, state: str) -> DeliveryDocument:
    """Return what became of a copy."""
    return DeliveryDocument(
        room=room,
        source="right:#a",
        what="post",
        state=state,
        certain=True,
        reason="",
        attempts=0,
        at=1,
        due=0,
        ids=(),
    )


class FakeBridge:
    """Keeps links and dead letters in lists."""

    def __init__(self) -> None:
        self.counters = Counters()
        self.hook_desk = FakeHooks()
        self.trouble: dict[str, str] = {}
        self.letters = [dead_letter("a"), dead_letter("b"), dead_letter("c")]
        self._networks = [network("left"), network("right", status="down", detail="gone")]
        self._links = {"dev": link("dev", "left:#a", "right:#a")}
        self._logins = [LoginDocument(network="left", user="ann@example.org", name="@ann_bot", at=3, trouble="")]
        self._queues = [
            QueueDocument(room="left:#a", waiting=2, more=False, flying=1, oldest=5, reason=""),
            QueueDocument(room="left:#b", waiting=1, more=True, flying=0, oldest=6, reason="down"),
        ]

    def counted(self) -> Sequence[tuple[str, Counted]]:
        values = {"posted": 3, "refused": 1}
        return [("left", Counted(name="hook_calls", means="What was sent", by="outcome", values=values))]

    def unready(self) -> dict[str, str]:
        return self.trouble

    def networks(self) -> Sequence[NetworkDocument]:
        return self._networks

    def queues(self) -> Sequence[QueueDocument]:
        return self._queues

    def links(self) -> Sequence[LinkDocument]:
        return list(self._links.values())

    def gateway(self) -> GatewayDocument:
        return GatewayDocument(users=3, max_users=10, rooms=2, refused={"denied": 1, "full": 0, "fast": 4})

    async def status(self) -> StatusDocument:
        return StatusDocument(
            version="1.2.3",
            started=1,
            ready=not self.trouble,
            unready=self.trouble,
            networks=tuple(self._networks),
            links=tuple(self._links.values()),
            queues=tuple(self._queues),
            dead_letters=len(self.letters),
            gateway=self.gateway(),
        )

    async def add_link(self, new: NewLink) -> LinkDocument:
        if len(new.rooms) < 2:
            reason = "found one room, expected two or more"
            raise CommandRefused(reason, why=Why.WRONG)
        if new.name in self._links:
            reason = f'link "{new.name}" exists'
            raise CommandRefused(reason)
        self._links[new.name] = link(new.name, *new.rooms)
        return self._links[new.name]

    async def remove_link(self, name: str) -> None:
        if self._links.pop(name, None) is None:
            reason = f'no link "{name}"'
            raise CommandRefused(reason, why=Why.MISSING)

    def opt_outs(self, *, history: bool) -> Sequence[OptOutDocument]:
        asked = OptOutDocument(network="left", ours="+1", theirs="+2", at=1, out=True, why="STOP")
        lifted = OptOutDocument(network="left", ours="+1", theirs="+2", at=2, out=False, why="START")
        return [asked, lifted] if history else []

    def logins(self) -> Sequence[LoginDocument]:
        return self._logins

    async def remove_login(self, network: str, user: str) -> None:
        if not any((each.network, each.user) == (network, user) for each in self._logins):
            reason = f'{user} has no login on "{network}"'
            raise CommandRefused(reason, why=Why.MISSING)
        self._logins = [each for each in self._logins if (each.network, each.user) != (network, user)]

    async def deliveries(self, limit: int) -> Sequence[DeliveryDocument]:
        return [delivery("left:#a", "retrying"), delivery("left:#b", "queued")][:limit]

    async def fate(self, room: str, message: str) -> Sequence[DeliveryDocument]:
        if message != "m":
            reason = f'"{room}" has no message "{message}"'
            raise CommandRefused(reason, why=Why.MISSING)
        return [delivery("left:#a", "confirmed")]

    async def dead_letters(self, limit: int) -> Sequence[DeadLetterDocument]:
        return self.letters[:limit]

    async def retry(self, keys: Collection[str] | None) -> int:
        return await self.discard(keys)

    async def discard(self, keys: Collection[str] | None) -> int:
        gone = [letter for letter in self.letters if keys is None or letter.key in keys]
        self.letters = [letter for letter in self.letters if letter not in gone]
        return len(gone)


def link(name: str, *rooms: str) -> LinkDocument:
    """Return a link of open rooms."""
    return LinkDocument(name=name, rooms=tuple(RoomDocument(room=room, open=True) for room in rooms), origin="command")
