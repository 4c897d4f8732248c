"""The store on SQLite and PostgreSQL: the engine's ``Store`` contract over the writer's thread.

Every method is a line that says which write or which query; :mod:`bridge.storage.page` and
:mod:`bridge.storage.queries` say what that is in rows, :mod:`bridge.storage.writer` when it happens. Made by
``bridge.app``.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from typing import Final, TypeVar

from sqlalchemy import Connection

from bridge.connector import Cursor
from bridge.core.deliveries import Sent
from bridge.core.events import Said
from bridge.core.ids import DeliveryKey, EventKey, MessageId, MessageRef, Network, Person, PersonId, Room, RoomId
from bridge.engine.ports import (
    ArchivedLine,
    Attended,
    DeadLetter,
    Fate,
    Known,
    NoSuchLine,
    Page,
    Queued,
    Rotated,
    Shared,
    StoredLink,
    StoredLogin,
    StoredMessage,
    StoredPreferences,
    StoreError,
    Wanted,
)
from bridge.storage import archives, keyfile, queries
from bridge.storage.database import parse
from bridge.storage.ledger import Ledger
from bridge.storage.rules import wall_clock
from bridge.storage.sealing import Vault, wipe
from bridge.storage.seals import fresh_key
from bridge.storage.writer import Writer
from bridge.storage.writes import Ask, Journal, Keep, Met, Postpone, Remember, Settle

T = TypeVar("T")
_SOME: Final = 100
"""Secrets that one transaction seals anew: others wait meanwhile."""


class SqlStore:
    """A :class:`bridge.engine.ports.Store` on disk or on a server.

    Takes the ``store.url`` and ``store.key_file`` of the configuration; relative paths start at the working directory.
    Raises: StoreError for a URL that is neither SQLite nor PostgreSQL.
    """

    def __init__(self, url: str, *, key_file: str = "", now: Callable[[], int] = wall_clock) -> None:
        self._now = now
        self._vault = Vault(keyfile.place(parse(url), key_file))
        self._ledger = Ledger()
        self._rooms = self._ledger.rooms
        self._writer = Writer(parse(url), self._ledger)
        self._rotating = asyncio.Lock()

    async def open(self) -> None:
        """Migrate if needed and start. Raises: StoreError with one sentence."""
        await self._writer.open()
        try:
            if await self._ask(self._vault.open):  # a read, but for the first time after an upgrade
                await self._ask(wipe)
        except StoreError:
            await self._writer.close()
            raise

    async def close(self) -> None:
        """Write what is queued, then close."""
        await self._writer.close()

    def healthy(self) -> str:
        """Return "" when writes go through, else why they do not."""
        return self._writer.trouble

    async def broken(self) -> str:
        """Return why nothing will be stored any more, once that is so by a fault of the bridge's own."""
        return await self._writer.broken()

    def journal(self, event: Said, queued: Sequence[Queued]) -> Awaitable[None]:
        """Keep an event, its message with its aliases, and its deliveries; nothing if the event is known."""
        return self._writer.put(Journal(event, tuple(queued)))

    def settle(self, key: DeliveryKey, sent: Sent) -> Awaitable[None]:
        """Take a delivery out of the outbox and keep the ids of the copy."""
        return self._writer.put(Settle(key, sent), soon=False)

    def postpone(self, queued: Queued) -> Awaitable[None]:
        """Replace a delivery in the outbox: another voice, attempts, due or reason."""
        return self._writer.put(Postpone(queued))

    def bury(self, key: DeliveryKey, *, reason: str, certain: bool) -> Awaitable[None]:
        """Move a delivery from the outbox to the dead letters."""
        moved = partial(queries.bury, key=key, verdict=reason, certain=certain, at=self._now())
        return self._writer.put(Ask(moved, reads=False))

    def remember(self, network: Network, name: str, value: str) -> Awaitable[None]:
        """Keep a connector's small text; a Secret is sealed."""
        return self._writer.put(Remember(network, name, self._vault.sealed_text(network, name, value)))

    def met(self, known: Known) -> Awaitable[None]:
        """Keep a person's name and last words; ``spoke`` only grows."""
        return self._writer.put(Met(known), soon=False)

    def share(self, token: str, shared: Shared) -> Awaitable[None]:
        """Keep what stands at a media URL, until it expires."""
        return self._writer.put(Ask(partial(queries.share, token=token, shared=shared), reads=False))

    async def shared(self, token: str) -> Shared | None:
        """Return what stands at a media URL."""
        return await self._ask(lambda connection: queries.shared(connection, token))

    async def forget(self, network: Network, name: str) -> None:
        """Keep a connector's small text no longer."""
        await self._ask(lambda connection: queries.forget(connection, network, name), reads=False)

    async def recall(self, network: Network, name: str) -> str | None:
        """Return what was remembered."""
        found = await self._ask(lambda connection: queries.recall(connection, network, name))
        return None if found is None else self._vault.opened_text(network, name, found)

    async def recollect(self, network: Network, prefix: str) -> dict[str, str]:
        """Return everything that was remembered under names that begin so."""
        found = await self._ask(lambda connection: queries.recollect(connection, network, prefix))
        opened = ((name, self._vault.opened_text(network, name, value)) for name, value in found.items())
        return {name: value for name, value in opened if value is not None}

    async def acquainted(self, persons: Collection[Person]) -> dict[Person, Known]:
        """Return what is known of these people."""
        return await self._ask(lambda connection: queries.acquainted(connection, persons))

    async def known(self, room: Room, keys: Collection[EventKey]) -> set[EventKey]:
        """Return which of these facts are journalled."""
        return await self._ask(lambda connection: queries.known(connection, self._rooms, room, keys))

    async def recent(self, limit: int) -> list[tuple[Room, EventKey]]:
        """Return the newest journalled facts, oldest first."""
        return await self._ask(lambda connection: queries.recent(connection, self._rooms, limit))

    async def cursor(self, room: Room) -> Cursor | None:
        """Return the newest journalled fact of a room, also after it was pruned."""
        return await self._ask(lambda connection: queries.cursor(connection, self._rooms, room))

    async def resolve(self, room: Room, message: MessageId) -> MessageRef | None:
        """Return the original of what this room calls ``message``."""
        return await self._ask(lambda connection: queries.resolve(connection, self._rooms, room, message))

    async def message(self, ref: MessageRef) -> StoredMessage | None:
        """Return a message as it reads now."""
        return await self._ask(lambda connection: queries.message(connection, self._rooms, ref))

    async def copies(self, ref: MessageRef, room: Room) -> tuple[MessageId, ...]:
        """Return what ``room`` calls the parts of this message, in order."""
        return await self._ask(lambda connection: queries.copies(connection, self._rooms, ref, room))

    async def last_seq(self) -> int:
        """Return the highest ``seq`` ever given, 0 at first."""
        return await self._ask(lambda _: self._ledger.last_seq)

    async def lanes(self) -> dict[Room, int]:
        """Return how many deliveries wait for each room."""
        return await self._ask(lambda connection: queries.lanes(connection, self._rooms))

    async def queue(self, room: Room, *, after: int, limit: int) -> list[Queued]:
        """Return waiting deliveries of a room with ``seq > after``, in order."""
        return await self._ask(
            lambda connection: queries.queue(connection, self._rooms, room, after=after, limit=limit)
        )

    async def waiting(self, *, limit: int = 1000) -> list[Queued]:
        """Return what waits for any room, oldest first."""
        return await self._ask(lambda connection: queries.waiting(connection, limit))

    async def count_dead_letters(self) -> int:
        """Return how many were given up."""
        return await self._ask(queries.count_dead_letters)

    async def fate(self, room: Room, message: MessageId) -> Fate | None:
        """Return what has become of what this room calls ``message``; None if nobody knows it."""
        return await self._ask(lambda connection: queries.fate(connection, self._rooms, room, message))

    async def dead_letters(self, *, limit: int = 1000) -> list[DeadLetter]:
        """Return what was given up, oldest first."""
        return await self._ask(lambda connection: queries.dead_letters(connection, limit))

    async def given_up(self, room: Room, *, after: int, limit: int) -> list[DeliveryKey]:
        """Return the dead letters of a room with ``seq > after`` that have certainly not arrived, in order."""
        return await self._ask(
            lambda connection: queries.given_up(connection, self._rooms, room, after=after, limit=limit)
        )

    async def revive(self, keys: Collection[DeliveryKey]) -> list[Queued]:
        """Move dead letters back into the outbox, with attempts at 0, under their old ``seq``."""
        return await self._ask(lambda connection: queries.revive(connection, keys), reads=False)

    async def discard(self, keys: Collection[DeliveryKey]) -> int:
        """Delete dead letters; returns how many there were."""
        return await self._ask(lambda connection: queries.discard(connection, keys), reads=False)

    async def links(self) -> list[StoredLink]:
        """Return the links made by command."""
        return await self._ask(lambda connection: queries.links(connection, self._rooms))

    async def add_link(self, link: StoredLink) -> None:
        """Keep a link. Raises: StoreError when the name or a room is taken."""
        await self._ask(lambda connection: queries.add_link(connection, self._rooms, link), reads=False)

    async def remove_link(self, name: str) -> bool:
        """Forget a link; False if there was none."""
        return await self._ask(lambda connection: queries.remove_link(connection, name), reads=False)

    async def rotate_key(self, *, drop_old: bool = False) -> Rotated:
        """Make a new key, and seal every secret with it, a few at a time, while everything goes on. Raises: StoreError.

        The new key is in the file before anything is sealed with it, and the old ones are until nothing needs them; so
        whenever it is interrupted everything opens. With ``drop_old`` they leave the file at the end.
        """
        async with self._rotating:
            fresh = fresh_key()
            self._vault.use(await self._ask(partial(self._vault.renewed, fresh=fresh)))
            rows, sealed = await self._ask(self._vault.older), 0
            for start in range(0, len(rows), _SOME):
                some = rows[start : start + _SOME]
                sealed += await self._ask(partial(self._vault.reseal, rows=some), reads=False)
            if drop_old:
                self._vault.use(await self._ask(self._vault.needed))
            return Rotated(sealed=sealed, lost=len(await self._ask(self._vault.older)))

    async def logins(self) -> list[StoredLogin]:
        """Return all logins, oldest first."""
        return [self._vault.opened_login(stored) for stored in await self._ask(queries.logins)]

    async def keep_login(self, stored: StoredLogin) -> None:
        """Keep a login, in the place of any that its user had on the network."""
        sealed = self._vault.sealed_login(stored)
        await self._ask(lambda connection: queries.keep_login(connection, sealed), reads=False)

    async def remove_login(self, network: Network, person: Person) -> bool:
        """Forget a login; False if there was none."""
        return await self._ask(lambda connection: queries.remove_login(connection, network, person), reads=False)

    async def preferences(self) -> list[StoredPreferences]:
        """Return how all users want to be, oldest first."""
        opened = (self._vault.opened_preferences(stored) for stored in await self._ask(queries.preferences))
        return [stored for stored in opened if stored is not None]

    async def keep_preferences(self, stored: StoredPreferences) -> None:
        """Keep how a user wants to be on a network, in the place of what they had said before."""
        sealed = self._vault.sealed_preferences(stored)
        await self._ask(lambda connection: queries.keep_preferences(connection, sealed), reads=False)

    async def remove_preferences(self, network: Network, person: Person) -> bool:
        """Forget how a user wants to be; False if there was nothing."""
        return await self._ask(lambda connection: queries.remove_preferences(connection, network, person), reads=False)

    def archive(self, lines: Sequence[ArchivedLine]) -> Awaitable[None]:
        """Keep what was said in hosted rooms; what is kept already stays as it is."""
        return self._writer.put(Keep(tuple(lines)), soon=False)

    async def adopt(self, lines: Sequence[ArchivedLine], stays: Sequence[Attended]) -> int:
        """Keep what another program had kept of one room, oldest first, and who was there; returns how much of it is new."""
        return await self._ask(lambda connection: archives.adopt(connection, lines, stays), reads=False)

    def attended(self, room: RoomId, user: PersonId, *, since: int) -> Awaitable[None]:
        """Note that somebody is in a hosted room."""
        return self._writer.put(Ask(partial(archives.attended, room=room, user=user, since=since), reads=False))

    def departed(self, room: RoomId, user: PersonId, *, until: int) -> Awaitable[None]:
        """Note that somebody is not there any more."""
        return self._writer.put(Ask(partial(archives.departed, room=room, user=user, until=until), reads=False))

    async def all_departed(self, until: int) -> None:
        """Note that nobody is in any hosted room."""
        await self._ask(lambda connection: archives.all_departed(connection, until), reads=False)

    async def archived(self, wanted: Wanted) -> Page:
        """Return a part of what was said while somebody was there. Raises: NoSuchLine."""
        page = await self._ask(lambda connection: _page(connection, wanted))
        if isinstance(page, NoSuchLine):
            raise page
        return page

    async def was_there(self, room: RoomId, user: PersonId) -> bool:
        """Tell whether somebody was ever in a hosted room."""
        return await self._ask(lambda connection: archives.was_there(connection, room, user))

    async def erase(self, room: RoomId, user: PersonId) -> int:
        """Forget that somebody was ever in a hosted room; returns how many messages nobody may read any more."""
        await self._ask(lambda connection: archives.erase(connection, room, user), reads=False)
        return await self._little_by_little(lambda connection: archives.erase_unread(connection, room))

    async def archived_rooms(self) -> list[RoomId]:
        """Return the hosted rooms of which anything is kept."""
        return await self._ask(archives.rooms)

    async def prune_archive(self, room: RoomId, *, before: int, keep: int | None) -> int:
        """Delete what was said in a hosted room before then, and all but the newest ``keep``, in small transactions."""
        return await self._little_by_little(
            lambda connection: archives.prune(connection, room, before=before, keep=keep)
        )

    async def prune_archives(self, *, keep: int) -> int:
        """Delete all but the newest ``keep`` messages of all hosted rooms, in small transactions."""
        return await self._little_by_little(lambda connection: archives.prune_all(connection, keep=keep))

    async def prune(self, *, before: int, keep: int) -> int:
        """Delete facts and messages older than ``before`` beyond the newest ``keep``, never what still waits.

        Returns how many facts there were. The newest one of all always stays. Goes in small transactions, between which
        messages pass. What was shared and has expired goes too.
        """
        await self._ask(lambda connection: queries.expire(connection, self._now()), reads=False)
        return await self._little_by_little(lambda connection: queries.prune(connection, before=before, keep=keep))

    async def _little_by_little(self, call: Callable[[Connection], int]) -> int:
        """Write in small transactions, between which messages pass, until there is nothing left to do; returns how much it was."""
        total = 0
        while some := await self._ask(call, reads=False):
            total += some
        return total

    async def _ask(self, call: Callable[[Connection], T], *, reads: bool = True) -> T:
        answer: T = await self._writer.put(Ask(call, reads=reads))
        return answer


def _page(connection: Connection, wanted: Wanted) -> Page | NoSuchLine:
    """Return the page, or that it cannot be found, which is no fault of the store's."""
    try:
        return archives.page(connection, wanted)
    except NoSuchLine as missing:
        return missing
