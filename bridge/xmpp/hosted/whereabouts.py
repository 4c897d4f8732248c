"""Which clients are in which hosted rooms, noted so that they can be told after a power cut that they are out.

A client that was sent no farewell thinks that it is in the room still: nobody hears it, and it hears nobody. So each is noted when
it comes, and forgotten when it goes or is told so; those of whom a note is left when the bridge starts are told then, as they would
have been at an orderly end (XEP-0045 section 17.3). Used by ``service``.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection
from typing import Final

import msgspec

from bridge.connector import Hub
from bridge.core.ids import XMPP, Person, PersonId
from bridge.engine.ports import StoreError
from bridge.xmpp.hosted import occupants
from bridge.xmpp.hosted.occupants import Occupant, Removal
from bridge.xmpp.surroundings import Surroundings

log = logging.getLogger(__name__)

_PREFIX: Final = "here "
"""How the names of what is remembered begin; behind it room and user."""
_CUT: Final = Removal(codes=(occupants.SHUTDOWN,), status="the bridge was interrupted: join again")


class Here(msgspec.Struct, frozen=True, array_like=True):
    """A user in a room."""

    room: str
    user: str  # bare JID
    nick: str
    clients: tuple[str, ...]  # full JIDs; () where they are not there with any

    @property
    def name(self) -> str:
        """Under which it is remembered."""
        return f"{_PREFIX}{self.room} {self.user}"

    def kept(self) -> str:
        """Return it as text."""
        return msgspec.json.encode(self).decode()


class Whereabouts:
    """The notes."""

    def __init__(self, around: Surroundings, *, is_here: Callable[[str, str], bool]) -> None:
        """``is_here`` tells whether a client is in a room now, or on its way in."""
        self._around = around
        self._is_here = is_here
        self._due: dict[str, Here] = {}  # what is to be written, by name
        self._is_writing = False
        self._fresh: set[str] = set()  # names noted while those of the last run are not forgotten yet
        self._is_past = False  # whether they are

    def note(self, room: str, user: str, nick: str = "", clients: Collection[str] = ()) -> None:
        """Note with which clients somebody is in a room, under which nick; without clients there is nothing to be noted."""
        here = Here(room, user, nick, tuple(clients))
        self._due[here.name] = here
        if not self._is_past:
            self._fresh.add(here.name)
        if not self._is_writing:
            self._is_writing = self._around.spawn(self._write())

    async def tell(self) -> None:
        """Tell all that were left in rooms when the last run ended that they are out, as soon as there is a stream."""
        hub = self._around.hub
        if hub is None:
            return
        self._is_past = False
        left = [msgspec.json.decode(text, type=Here) for text in (await hub.recollect(_PREFIX)).values()]
        await self._around.up.wait()
        for here in left:
            self._farewell(here, [client for client in here.clients if not self._is_here(here.room, client)])
            await self._around.component.drained()
        if left:
            log.info("hosted.interrupted users=%d: told that they are out", len(left))
        over = [here.name for here in left if here.name not in self._fresh]
        self._is_past = True
        self._fresh.clear()
        with contextlib.suppress(StoreError):  # then they are told once more, after the next start
            await asyncio.gather(*(hub.forget(name) for name in over))

    async def forget(self, hub: Hub) -> None:
        """Keep no note: everybody has been told."""
        self._due.clear()
        await asyncio.gather(*(hub.forget(name) for name in await hub.recollect(_PREFIX)))

    def _farewell(self, here: Here, clients: Collection[str]) -> None:
        person = Person(XMPP, PersonId(here.user))
        id_ = occupants.occupant_id(self._around.instance, person)
        occupant = Occupant(person=person, nick=here.nick, id=id_, is_user=True)
        for client in clients:
            self._around.component.send(occupants.unavailable(occupant, here.room, client, _CUT, own=client))

    async def _write(self) -> None:
        """Write what is due, until nothing is; of what changes meanwhile only how it is at last."""
        try:
            while self._due and (hub := self._around.hub) is not None:
                due, self._due = self._due, {}
                writes = [hub.remember(here.name, here.kept()) for here in due.values() if here.clients]
                await asyncio.gather(*(hub.forget(here.name) for here in due.values() if not here.clients))
                for (
                    write
                ) in writes:  # all are under way; hundreds may come at once, and a task for each weighs more than they
                    await write
        except StoreError:
            log.warning("hosted.unnoted: who is in which room cannot be written down")
        finally:
            self._is_writing = False
