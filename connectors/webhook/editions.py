"""Which message stands for an edit key: the alert, run or pull request that later deliveries are about.

Kept by the hub under ``edit/HOOK/DIGEST``, so that a restart in the middle of an alert makes no second message of it.
Called by :mod:`.inbound`.
"""

import asyncio
from collections.abc import Awaitable
from typing import Final

import msgspec

from bridge.connector import Hub
from bridge.core.events import Member
from bridge.core.ids import MessageId, digest
from connectors.webhook.memory import recollected

MOST: Final = 20_000
"""Keys that are open at one time; the oldest give way."""


class Edition(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is corrected by later deliveries."""

    room: str
    id: MessageId
    sender: Member  # only they can correct it
    prefix: str = ""  # what stands before the text, where somebody else spoke for who said it
    at: int  # milliseconds since the epoch: when it was first said


class Editions:
    """The messages of all keys that are open."""

    def __init__(self) -> None:
        self._open: dict[str, Edition] = {}

    async def load(self, hub: Hub) -> None:
        """Read what the hub keeps."""
        kept = await recollected(hub, "edit/", Edition)
        self._open = {f"edit/{name}": each for name, each in sorted(kept.items(), key=lambda item: item[1].at)}

    def find(self, hook: str, key: str) -> Edition | None:
        """Return the message that stands for a key of a hook."""
        return self._open.get(_name(hook, key))

    def keep(self, hub: Hub, hook: str, key: str, edition: Edition) -> Awaitable[None]:
        """Let a message stand for a key; durable when awaited."""
        name = _name(hook, key)
        self._open[name] = edition
        return hub.remember(name, msgspec.json.encode(edition).decode())

    def close(self, hub: Hub, hook: str, key: str) -> list[Awaitable[None]]:
        """Let nothing stand for a key any more; durable when what is returned is awaited."""
        name = _name(hook, key)
        return [asyncio.ensure_future(hub.forget(name))] if self._open.pop(name, None) is not None else []

    def outdated(self, hub: Hub, before: int) -> list[Awaitable[None]]:
        """Close what was said before this time, and what is too much; durable when awaited."""
        surplus = len(self._open) - MOST
        gone = [name for n, (name, each) in enumerate(self._open.items()) if n < surplus or each.at < before]
        for name in gone:
            del self._open[name]
        return [hub.forget(name) for name in gone]


def _name(hook: str, key: str) -> str:
    return f"edit/{hook}/{digest(key)}"
