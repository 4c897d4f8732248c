"""The rooms that are to be read: whether the bot is in their chats, and may read there.

A bot cannot let itself into a chat, so a room is opened or it is not; when somebody adds the bot, Telegram says so.
Called by :mod:`connectors.telegram.connector`.
"""

import asyncio
import logging
from collections.abc import Callable
from random import SystemRandom

from bridge.connector import Hub, Status
from bridge.core import backoff
from bridge.core.events import Cause, RoomClosed, RoomOpened
from bridge.core.ids import Network, RoomId
from connectors.telegram.client import Client
from connectors.telegram.clock import Clock
from connectors.telegram.inbound import Reader
from connectors.telegram.people import full_name
from connectors.telegram.refusals import Flooded, Migrated, Refused, Trouble, reason
from connectors.telegram.rights import lacking, missing
from connectors.telegram.rooms import Rooms
from connectors.telegram.updates import Became, User

log = logging.getLogger(__name__)

_jitter = SystemRandom().random


class Attendance:
    """Which rooms are open, and what the bot lacks in them."""

    def __init__(
        self,
        network: Network,
        *,
        rooms: Rooms,
        reader: Reader,
        clock: Clock,
        on_moved: Callable[[int, int], None],
    ) -> None:
        self._network = network
        self._rooms = rooms
        self._reader = reader
        self._clock = clock
        self._on_moved = on_moved
        self._due: set[RoomId] = set()
        self._woken = asyncio.Event()
        self._lacking: dict[RoomId, str] = {}
        self._mentioned: dict[RoomId, str] = {}

    def listen(self, room: RoomId) -> None:
        """Read a room from now on."""
        self._rooms.listened.add(room)
        self.look_at(room)

    def unlisten(self, room: RoomId) -> None:
        """Read a room no more."""
        self._rooms.listened.discard(room)
        self._due.discard(room)
        self._lacking.pop(room, None)

    def look_at(self, *rooms: RoomId) -> None:
        """Find out anew how it is in these rooms."""
        self._due.update(rooms)
        self._woken.set()

    def report(self, hub: Hub) -> None:
        """Say that the network works, and where it does not."""
        if not self._lacking:
            hub.report(Status.READY)
            return
        room, what = min(self._lacking.items())
        more = f" (and {len(self._lacking) - 1} more rooms)" if len(self._lacking) > 1 else ""
        hub.report(Status.DEGRADED, f"{room}: {what}{more}")

    async def run(self, hub: Hub, client: Client, me: User) -> None:
        """Open rooms without end, one after another."""
        self.look_at(*self._rooms.listened)
        failures = 0
        while True:
            while self._due:
                room = min(self._due)
                self._due.discard(room)
                try:
                    await self._open(hub, client, room, me)
                except Trouble as trouble:
                    failures += 1
                    self._due.add(room)
                    wait = backoff.delay(failures, _jitter())
                    await self._clock.sleep(trouble.after if isinstance(trouble, Flooded) else wait)
                else:
                    failures = 0
            self._woken.clear()
            await self._woken.wait()

    async def _open(self, hub: Hub, client: Client, room: RoomId, me: User) -> None:
        """Look whether the bot is in a room. Raises: Trouble that may pass."""
        place = self._rooms.place(room)
        if place is None:
            self.close(hub, room, "this is no room of Telegram: expected the number of a chat, such as -1001234567890")
            return
        if place.chat > 0:  # a private chat: there is nothing to be a member of
            hub.emit(RoomOpened(origin=self._reader.origin(room, "opened", self._seconds())))
            return
        try:
            own = await client.standing(place.chat, me.id)
            people = await client.administrators(place.chat) if own.inside else []
            if own.inside and place.chat not in self._rooms.chats:
                self._rooms.chats[place.chat] = await client.chat(place.chat)
        except Migrated as moved:
            self._on_moved(place.chat, moved.chat)
            return
        except Refused as refused:
            self.close(hub, room, reason(refused))
            return
        if room not in self._rooms.listened:
            return
        if not own.inside:
            self.close(hub, room, "the bot is not in the chat: add it there")
            return
        hub.emit(RoomOpened(origin=self._reader.origin(room, "opened", self._seconds())))
        for joined in self._reader.members(room, people, at=self._seconds()):
            hub.emit(joined)
        self._note(hub, room, lacking(me, own))
        self._mention(room, missing(own))

    def _note(self, hub: Hub, room: RoomId, what: str) -> None:
        """Take note of what is missing in a room; said in the log when it changes."""
        if what == self._lacking.get(room, ""):
            return
        if what:
            self._lacking[room] = what
            log.warning("telegram.rights network=%s room=%s: %s", self._network, room, what)
        else:
            del self._lacking[room]
        self.report(hub)

    def _mention(self, room: RoomId, what: str) -> None:
        """Say in the log, once, which rights the bot could use besides: the room works without them."""
        if what and self._mentioned.get(room) != what:
            log.warning("telegram.rights network=%s room=%s: %s", self._network, room, what)
        self._mentioned[room] = what

    def close(self, hub: Hub, room: RoomId, why: str, *, cause: Cause = Cause.REFUSED) -> None:
        """Say that a room is not read, and will not be before somebody lets the bot in."""
        if room not in self._rooms.listened:
            return
        if self._lacking.pop(room, ""):
            self.report(hub)
        origin = self._reader.origin(room, "closed", self._seconds())
        hub.emit(RoomClosed(origin=origin, cause=cause, reason=why, final=True))

    def changed(self, hub: Hub, became: Became) -> None:
        """Take note that the bot was let in, thrown out, or given rights."""
        if self._rooms.chat(became.chat.id) != became.chat.id:
            return  # about a group that is a supergroup by now, and empty
        rooms = self._rooms.rooms_of(became.chat.id)
        if not rooms and became.new_chat_member.inside:
            log.info(
                "telegram.added network=%s room=%s: the bot is in this chat; no link has it",
                self._network,
                became.chat.id,
            )
        if became.new_chat_member.inside:
            self.look_at(*rooms)
            return
        cause = Cause.BANNED if became.new_chat_member.status == "kicked" else Cause.KICKED
        for room in rooms:
            self.close(hub, room, f"{full_name(became.actor)} removed the bot from the chat", cause=cause)

    def _seconds(self) -> int:
        return self._clock.now() // 1000
