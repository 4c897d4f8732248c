"""Rooms that are closed to the bridge: what is given up for one meanwhile is said first when it opens again.

A ban, a destroyed room, a changed password: what was for the room cannot arrive, its sender is told at once, and it is a dead
letter. Should the room let the bridge in again, then all of that goes out before anything newer, so that order holds as after
any other outage. From which delivery on that is so outlives the process. Called by the hub.
"""

from typing import Final

import msgspec

from bridge.core.ids import XMPP, Room, digest
from bridge.engine.desk import Desk
from bridge.engine.outbox import Outbox
from bridge.engine.ports import Queued

_PREFIX: Final = "given up "
LATER: Final = "it is said if the room lets the bridge in again"
"""What becomes of it, for its sender."""


class _Since(msgspec.Struct, frozen=True):
    """From which delivery on what a room was to be told was given up."""

    room: Room
    seq: int


class Closures:
    """Since when something was given up for rooms that are closed."""

    def __init__(self, desk: Desk, outbox: Outbox) -> None:
        self._store = desk.store
        self._page = desk.limits.page
        self._outbox = outbox
        self._since: dict[Room, int] = {}

    async def open(self) -> None:
        """Read what earlier runs have left."""
        for text in (await self._store.recollect(XMPP, _PREFIX)).values():
            noted = msgspec.json.decode(text, type=_Since)
            self._since[noted.room] = noted.seq

    def barred(self, queued: Queued) -> None:
        """Take note of a delivery that was given up since its room is closed."""
        room = queued.delivery.head.room
        if queued.seq < self._since.get(room, queued.seq + 1):
            self._since[room] = queued.seq
            self._store.remember(XMPP, _name(room), msgspec.json.encode(_Since(room, queued.seq)).decode())

    def opened(self, room: Room) -> None:
        """Take note that a room is open: nothing newer goes there before what was given up."""
        since = self._since.pop(room, None)
        if since is not None:
            self._outbox.hold(room)
            self._outbox.spawn(self._bring_back(room, since))

    def unlinked(self, room: Room) -> None:
        """Forget a room that is told nothing any more."""
        if self._since.pop(room, None) is not None:
            self._outbox.spawn(self._store.forget(XMPP, _name(room)))

    async def _bring_back(self, room: Room, since: int) -> None:
        newest = 0
        try:
            while keys := await self._store.given_up(room, after=since - 1, limit=self._page):
                newest = max(newest, *(queued.seq for queued in await self._store.revive(keys)), 0)
            await self._store.forget(XMPP, _name(room))
        finally:
            self._outbox.go_on(room, behind=since - 1 if newest else None, newest=newest)


def _name(room: Room) -> str:
    return f"{_PREFIX}{digest(room.network, room.id)}"
