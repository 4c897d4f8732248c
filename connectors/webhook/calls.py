"""What was sent to each hook lately, as it came: to be looked at, and to be replayed. Bounded in number, size and time.

Kept by the hub as a ring of :data:`MOST` places per hook, ``call/HOOK/NN``. Called by :mod:`.inbound`.
"""

from collections.abc import Awaitable
from typing import Final

import msgspec

from bridge.connector import HookCall, Hub, Request
from connectors.webhook.memory import recollected

MOST: Final = 50
"""Calls that are kept of one hook."""
LARGEST: Final = 65_536
"""Bytes of a body that is kept; of a larger one only the rest is."""
_UNKEPT: Final = frozenset({"authorization", "cookie", "proxy-authorization"})


class Call(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that was sent."""

    id: str
    number: int  # counted for each hook
    at: int  # milliseconds since the epoch
    outcome: str
    size: int
    method: str
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None  # None: it was too large, or nothing is kept

    def request(self, path: str) -> Request:
        """Return the request as it came, but for what it was authenticated with."""
        return Request(
            method=self.method, path=path, query=self.query, headers=self.headers, body=self.body or b"", remote=""
        )


class Calls:
    """The rings of all hooks."""

    def __init__(self, *, keep: float) -> None:
        self._keep = int(keep * 1000)
        self._next: dict[str, int] = {}
        self._at: dict[str, int] = {}  # when what is kept under each name was sent

    async def load(self, hub: Hub) -> None:
        """Find out where each ring goes on."""
        for name, call in (await recollected(hub, "call/", Call)).items():
            hook = name.partition("/")[0]
            self._next[hook] = max(self._next.get(hook, 0), call.number + 1)
            self._at[f"call/{name}"] = call.at

    def note(self, hub: Hub, hook: str, call: str, request: Request, *, outcome: str, now: int) -> Awaitable[None]:
        """Keep what was sent, and what became of it; durable when awaited."""
        number = self._next.get(hook, 0)
        self._next[hook] = number + 1
        kept = self._keep > 0 and len(request.body) <= LARGEST
        noted = Call(
            id=call,
            number=number,
            at=now,
            outcome=outcome,
            size=len(request.body),
            method=request.method,
            query=request.query if kept else "",
            headers=tuple(pair for pair in request.headers if pair[0] not in _UNKEPT) if kept else (),
            body=request.body if kept else None,
        )
        name = f"call/{hook}/{number % MOST}"
        self._at[name] = now
        return hub.remember(name, msgspec.json.encode(noted).decode())

    async def listed(self, hub: Hub, hook: str) -> list[Call]:
        """Return what is kept of a hook, newest first."""
        kept = await recollected(hub, f"call/{hook}/", Call)
        return sorted(kept.values(), key=lambda call: -call.number)

    async def tidy(self, hub: Hub, now: int) -> None:
        """Forget what is too old."""
        for name in [name for name, at in self._at.items() if now - at > self._keep]:
            del self._at[name]
            await hub.forget(name)

    async def forget(self, hub: Hub, hook: str) -> None:
        """Forget everything of a hook."""
        self._next.pop(hook, None)
        for name in [name for name in self._at if name.startswith(f"call/{hook}/")]:
            del self._at[name]
            await hub.forget(name)


def shown(call: Call) -> HookCall:
    """Return a call as an administrator sees it."""
    return HookCall(id=call.id, at=call.at, outcome=call.outcome, size=call.size, kept=call.body is not None)
