"""What has to outlive the process: conversations, lists, blocks, parts that came, messages under way and what became of them.

Each is a small text under a name of its own, written in the same transaction as the facts before it. Who changes something
here says so (:meth:`Book.keep_blocks` and the like); nothing is written otherwise. Thin; what the values mean is in their modules.
"""

from collections.abc import Awaitable
from typing import Any, Final, TypeVar

import msgspec

from bridge.connector import Hub
from bridge.core.ids import MessageId, Person, RoomId, digest
from connectors.sms.consent import Blocks
from connectors.sms.lists import Roll
from connectors.sms.reports import Tracked
from connectors.sms.segments import Reassembly

T = TypeVar("T")

_MOST_AWAITED: Final = 10_000
_MOST_SEEN: Final = 500
AWAITED: Final = 8 * 86_400_000
"""Milliseconds for which reports are awaited; providers give up after three days at most."""


class Pending(msgspec.Struct, kw_only=True):
    """A text of our own making that has to go out: an answer to a command, what another telephone on a list said."""

    ref: str  # by ref_of
    to: str
    text: str
    at: int  # milliseconds since the epoch: the order in which they go out
    due: int = 0  # not before
    tries: int = 0
    last_word: bool = False  # goes out although they are blocked: it confirms just that
    room: RoomId | None = None  # the list that it is for
    copy: MessageId = MessageId("")  # the copy that it belongs to, "" where there is none
    media: tuple[str, ...] = ()


class Entry(msgspec.Struct, kw_only=True):
    """A text on its way: how far its parts have come, and what the provider says about each."""

    at: int
    to: str
    tracked: Tracked
    room: RoomId
    copy: MessageId = MessageId("")  # the copy that it belongs to, "" where there is none
    asked: set[int] = set()  # parts that were handed to the provider, and nobody knows whether it has them
    taken: set[int] = set()
    ids: dict[str, int] = {}  # the provider's ids: parts


class Spent(msgspec.Struct):
    """How much went out on one day."""

    day: int = 0
    count: int = 0
    warned: bool = False


class Book:
    """Everything that is kept. Loaded at start but for what belongs to one number alone."""

    def __init__(self) -> None:
        self._hub: Hub | None = None
        self.blocks = Blocks()
        self.parts = Reassembly()
        self.pending: dict[str, Pending] = {}  # by ref, in the order in which they go out
        self.spent = Spent()
        self.rolls: dict[str, Roll] = {}
        self._last: dict[str, Person | None] = {}  # by number: whom an answer goes to
        self._seen: dict[str, None] = {}
        self._entries: dict[str, Entry] = {}

    async def open(self, hub: Hub, lists: dict[str, tuple[str, ...]]) -> None:
        """Read what the last run left; ``lists`` are the configured ones with their numbers."""
        self._hub = hub
        self.blocks = _read(await hub.recall("blocks"), Blocks) or Blocks()
        self.parts = _read(await hub.recall("parts"), Reassembly) or Reassembly()
        self.spent = _read(await hub.recall("spent"), Spent) or Spent()
        self._seen = dict.fromkeys(_read(await hub.recall("seen"), list[str]) or [])
        waiting = _all(await hub.recollect("pending "), Pending)
        self.pending = dict(sorted(waiting.items(), key=lambda item: (item[1].at, item[0])))
        self._entries = dict(sorted(_all(await hub.recollect("report "), Entry).items(), key=lambda item: item[1].at))
        for name, numbers in lists.items():
            roll = self.rolls[name] = _read(await hub.recall(f"list {name}"), Roll) or Roll()
            if roll.configured(numbers):
                self.keep_roll(name)

    @property
    def _store(self) -> Hub:
        assert self._hub is not None, "open() comes first"
        return self._hub

    def _keep(self, name: str, value: Any) -> Awaitable[None]:
        return self._store.remember(name, msgspec.json.encode(value).decode())

    def keep_blocks(self) -> Awaitable[None]:
        """Write who is blocked."""
        return self._keep("blocks", self.blocks)

    def keep_parts(self) -> Awaitable[None]:
        """Write the parts that have come."""
        return self._keep("parts", self.parts)

    def keep_spent(self) -> Awaitable[None]:
        """Write how much went out today."""
        return self._keep("spent", self.spent)

    def keep_roll(self, name: str) -> Awaitable[None]:
        """Write who is on a list."""
        return self._keep(f"list {name}", self.rolls[name])

    # -- what has to go out

    def keep_pending(self, pending: Pending) -> Awaitable[None]:
        """Promise to send something, or write what has changed about it."""
        self.pending[pending.ref] = pending
        return self._keep(f"pending {pending.ref}", pending)

    async def forget_pending(self, pending: Pending) -> None:
        """Take something off: it has gone, or never will."""
        self.pending.pop(pending.ref, None)
        await self._store.forget(f"pending {pending.ref}")

    # -- what has come

    def has_seen(self, id_: str) -> bool:
        """Tell whether a provider's id has been dealt with."""
        return id_ in self._seen

    async def saw(self, id_: str) -> None:
        """Take note that what has this id is safe."""
        self._seen[id_] = None
        if len(self._seen) > _MOST_SEEN:
            del self._seen[next(iter(self._seen))]
        await self._keep("seen", list(self._seen))

    # -- conversations

    async def correspondent(self, number: str) -> Person | None:
        """Return whom an answer from this number goes to."""
        if number not in self._last:
            found = _read(await self._store.recall(f"last {number}"), Person)
            self._last.setdefault(number, found)
        return self._last[number]

    def wrote(self, number: str, person: Person) -> None:
        """Take note of who has written to a number last."""
        if self._last.get(number) != person:
            self._last[number] = person
            self._keep(f"last {number}", person)

    # -- reports

    def entry(self, ref: str) -> Entry | None:
        """Return what is on its way under our name for it."""
        return self._entries.get(ref)

    def entry_by_id(self, provider: str) -> tuple[str, int] | None:
        """Return our name for a text, and which of its parts the provider's id means."""
        for ref, entry in reversed(self._entries.items()):
            if provider in entry.ids:
                return ref, entry.ids[provider]
        return None

    def keep_entry(self, ref: str, entry: Entry) -> Awaitable[None]:
        """Write how far a text has come."""
        self._entries[ref] = entry
        return self._keep(f"report {ref}", entry)

    async def forget_old(self, now: int) -> None:
        """Await no report any more on what is too old, or too much."""
        old = [ref for ref, entry in self._entries.items() if now - entry.at > AWAITED]
        spare = len(self._entries) - len(old) - _MOST_AWAITED
        if spare > 0:
            old += [ref for ref in self._entries if ref not in set(old)][:spare]
        for ref in old:
            del self._entries[ref]
            await self._store.forget(f"report {ref}")


def ref_of(*parts: object) -> str:
    """Return our name for a text: short, and of characters that stand in a URL as they are."""
    return digest(*map(str, parts))[:24]


def _read(text: str | None, kind: type[T]) -> T | None:
    if not text:
        return None
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError:  # of another version
        return None


def _all(texts: dict[str, str], kind: type[T]) -> dict[str, T]:
    found = {name.partition(" ")[2]: _read(text, kind) for name, text in texts.items()}
    return {name: value for name, value in found.items() if value is not None}
