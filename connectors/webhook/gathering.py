"""What came too fast to be said: counted, and said as one message when there is room again ("14 more").

The count is kept by the hub under ``gathered/HOOK``, so that a restart does not swallow it. Called by :mod:`.inbound`.
"""

from collections.abc import Awaitable
from typing import Final

import msgspec

from bridge.connector import Hub
from bridge.core.content import Content, Kind
from bridge.core.ids import RoomId, digest
from connectors.webhook.memory import recollected

_SHOWN: Final = 5
_LONGEST: Final = 80


class Heap(msgspec.Struct, frozen=True, kw_only=True):
    """What waits for one hook."""

    room: str
    count: int
    lines: tuple[str, ...]  # how the first of them begin
    since: int  # milliseconds since the epoch
    due: int

    def content(self) -> Content:
        """Return it in words."""
        more = f"{self.count} more" + (":" if self.lines else "")
        shown = [f"• {line}" for line in self.lines]
        rest = ["• …"] if self.count > len(self.lines) > 0 else []
        return Content(text="\n".join([more, *shown, *rest]), kind=Kind.NOTICE)

    def key(self, hook: str) -> str:
        """Return what makes two reports of this heap one."""
        return f"{hook}.{digest('gathered', self.since, self.count)}"


class Gathering:
    """The heaps of all hooks."""

    def __init__(self) -> None:
        self._heaps: dict[str, Heap] = {}

    async def load(self, hub: Hub) -> None:
        """Read what the hub keeps."""
        self._heaps = await recollected(hub, "gathered/", Heap)

    def add(self, hub: Hub, hook: str, room: RoomId, text: str, *, due: int, now: int) -> Awaitable[None]:
        """Count one more; durable when awaited. The first says when all of them are said."""
        heap = self._heaps.get(hook) or Heap(room=room, count=0, lines=(), since=now, due=due)
        line = " ".join(text.partition("\n")[0].split())[:_LONGEST]
        lines = (*heap.lines, line) if line and len(heap.lines) < _SHOWN else heap.lines
        self._heaps[hook] = msgspec.structs.replace(heap, count=heap.count + 1, lines=lines)
        return hub.remember(f"gathered/{hook}", msgspec.json.encode(self._heaps[hook]).decode())

    @property
    def waits(self) -> bool:
        """Whether anything was gathered."""
        return bool(self._heaps)

    def due(self, now: int) -> list[tuple[str, Heap]]:
        """Take what is to be said now."""
        due = [(hook, heap) for hook, heap in self._heaps.items() if heap.due <= now]
        for hook, _ in due:
            del self._heaps[hook]
        return due

    async def forget(self, hub: Hub, hook: str) -> None:
        """Forget what was said, unless more has come meanwhile: that stands in its place."""
        if hook not in self._heaps:
            await hub.forget(f"gathered/{hook}")

    def next(self, now: int) -> float:
        """Return the seconds until something is due, 0 when nothing waits."""
        return max((min(heap.due for heap in self._heaps.values()) - now) / 1000, 0.01) if self._heaps else 0.0
