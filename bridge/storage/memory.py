"""The store in plain dictionaries: the whole ``Store`` contract of the engine, and nothing outlives the process.

Tests of the engine and of connectors run on it, and the SQL store is held against it. It imports no SQLAlchemy, has no
size limit and no thread. A write is applied when it is called; its future is resolved one turn of the loop later, as
after a commit.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field

import msgspec

from bridge.connector import Cursor
from bridge.core.content import Content
from bridge.core.deliveries import Edit, Post, Sent, Tell
from bridge.core.events import DirectPosted, MessageEdited, MessagePosted, MessageRetracted, Said
from bridge.core.ids import DeliveryKey, EventKey, MessageId, MessageRef, Network, Person, PersonId, Room, RoomId
from bridge.engine.ports import (
    SEQ_OF_MILLISECOND,
    ArchivedLine,
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
from bridge.storage.rules import BLANK, objection, subject, wall_clock


@dataclass(slots=True)
class _Fact:
    """A journalled fact; ``message`` when it is one."""

    at: int
    message: MessageRef | None = None


@dataclass(slots=True)
class _Names:
    """Everything that messages are called, room by room; first come first served, but an alias gives way."""

    copies: dict[tuple[Room, MessageId], MessageRef] = field(default_factory=dict)
    aliases: dict[tuple[Room, MessageId], MessageRef] = field(default_factory=dict)
    parts: dict[tuple[MessageRef, Room], tuple[MessageId, ...]] = field(default_factory=dict)

    def add_alias(self, room: Room, name: MessageId, ref: MessageRef) -> None:
        """Let the newest bearer of an alias have it: clients that count from 1 begin anew every day."""
        self.aliases[room, name] = ref

    def add_copy(self, room: Room, ids: Sequence[MessageId], ref: MessageRef) -> None:
        """Keep the parts of a copy."""
        fresh = tuple(part for part in dict.fromkeys(ids) if (room, part) not in self.copies)
        self.copies.update(((room, part), ref) for part in fresh)
        self.parts[ref, room] = self.parts.get((ref, room), ()) + fresh

    def find(self, room: Room, name: MessageId) -> MessageRef | None:
        """Return the message that a room calls so."""
        return self.copies.get((room, name)) or self.aliases.get((room, name))

    def forget(self, refs: set[MessageRef]) -> None:
        """Drop every name of these messages."""
        self.copies = {name: ref for name, ref in self.copies.items() if ref not in refs}
        self.aliases = {name: ref for name, ref in self.aliases.items() if ref not in refs}
        self.parts = {place: ids for place, ids in self.parts.items() if place[0] not in refs}


class MemoryStore:
    """A :class:`bridge.engine.ports.Store` that forgets."""

    def __init__(self, *, now: Callable[[], int] = wall_clock) -> None:
        self._now = now
        self._journal: dict[tuple[Room, EventKey], _Fact] = {}
        self._newest: dict[Room, Cursor] = {}
        self._messages: dict[MessageRef, StoredMessage] = {}
        self._retracted: set[MessageRef] = set()
        self._names = _Names()
        self._outbox: dict[DeliveryKey, Queued] = {}
        self._dead: dict[DeliveryKey, DeadLetter] = {}
        self._people: dict[Person, Known] = {}
        self._texts: dict[tuple[Network, str], str] = {}
        self._shared: dict[str, Shared] = {}
        self._links: dict[str, StoredLink] = {}
        self._logins: dict[tuple[Network, Person], StoredLogin] = {}
        self._preferences: dict[tuple[Network, Person], StoredPreferences] = {}
        self._archive: list[ArchivedLine] = []
        self._attendance: dict[tuple[RoomId, PersonId], list[tuple[int, int | None]]] = {}
        self._last_seq = 0
        self._trouble = ""
        self._uncommitted: list[asyncio.Future[None]] = []

    async def open(self) -> None:
        """Do nothing: a store in memory is always open."""

    async def close(self) -> None:
        """Let the loop resolve what was written; the contents stay, so that a test can open the store again."""
        self._commit()

    def healthy(self) -> str:
        """Return what :meth:`break_down` was given."""
        return self._trouble

    async def broken(self) -> str:
        """Wait for ever: there is nothing that could break."""
        never: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        return await never

    def break_down(self, why: str) -> None:
        """Behave like a store whose disk is full: writes wait until :meth:`recover`."""
        self._trouble = why

    def recover(self) -> None:
        """End what :meth:`break_down` began."""
        self._trouble = ""
        self._commit()

    def journal(self, event: Said, queued: Sequence[Queued]) -> Awaitable[None]:
        """Keep an event, its message with its aliases, and its deliveries; nothing if the event is known."""
        origin = event.origin
        self._last_seq = max(self._last_seq, *(each.seq for each in queued), 0)
        if (origin.room, origin.key) not in self._journal:
            fact = _Fact(origin.at)
            self._journal[origin.room, origin.key] = fact
            self._newest[origin.room] = Cursor(origin.key, origin.at)
            self._keep(event, fact)
            for each in queued:
                self._outbox.setdefault(each.delivery.head.key, each)
        return self._written()

    def _keep(self, event: Said, fact: _Fact) -> None:
        room = event.origin.room
        match event:
            case MessagePosted(id=own) | DirectPosted(id=own):
                ref = MessageRef(room, own)
                if ref in self._messages:
                    return
                fact.message = ref
                self._messages[ref] = StoredMessage(
                    ref=ref, sender=event.sender, content=event.content, at=event.origin.at
                )
                for alias in event.aliases if isinstance(event, MessagePosted) else ():
                    self._names.add_alias(room, alias, ref)
            case MessageEdited(target=target, content=content):
                self._rewrite(self._find(room, target), content)
            case MessageRetracted(target=target):
                self._blank(self._find(room, target))
            case _:
                return

    def _rewrite(self, ref: MessageRef | None, content: Content) -> None:
        if ref in self._messages and ref not in self._retracted:
            self._messages[ref] = msgspec.structs.replace(self._messages[ref], content=content)

    def _blank(self, ref: MessageRef | None) -> None:
        if ref is not None:
            self._rewrite(ref, BLANK)
            self._retracted.add(ref)

    def settle(self, key: DeliveryKey, sent: Sent) -> Awaitable[None]:
        """Take a delivery out of the outbox and keep the ids of the copy."""
        queued = self._outbox.pop(key, None)
        ref = subject(queued.delivery) if queued else None
        if queued is not None and ref in self._messages:
            room = queued.delivery.head.room
            match queued.delivery:
                case Post() | Tell():
                    self._names.add_copy(room, sent.ids, ref)
                case Edit():
                    for name in sent.ids:
                        self._names.add_alias(room, name, ref)
                case _:
                    pass
        return self._written()

    def postpone(self, queued: Queued) -> Awaitable[None]:
        """Replace a delivery in the outbox: another voice, attempts, due or reason."""
        key = queued.delivery.head.key
        if key in self._outbox:
            self._outbox[key] = msgspec.structs.replace(queued, seq=self._outbox[key].seq)
        return self._written()

    def bury(self, key: DeliveryKey, *, reason: str, certain: bool) -> Awaitable[None]:
        """Move a delivery from the outbox to the dead letters."""
        queued = self._outbox.pop(key, None)
        if queued is not None:
            self._dead[key] = DeadLetter(queued=queued, reason=reason, certain=certain, at=self._now())
        return self._written()

    def remember(self, network: Network, name: str, value: str) -> Awaitable[None]:
        """Keep a connector's small text."""
        self._texts[network, name] = str(value)  # a Secret is one only on the way in
        return self._written()

    def met(self, known: Known) -> Awaitable[None]:
        """Keep a person's name and last words; ``spoke`` only grows."""
        before = self._people.get(known.person, known)
        self._people[known.person] = msgspec.structs.replace(known, spoke=max(known.spoke, before.spoke))
        return self._written()

    def share(self, token: str, shared: Shared) -> Awaitable[None]:
        """Keep what stands at a media URL, until it expires."""
        self._shared.setdefault(token, shared)
        return self._written()

    async def shared(self, token: str) -> Shared | None:
        """Return what stands at a media URL."""
        return self._shared.get(token)

    async def recall(self, network: Network, name: str) -> str | None:
        """Return what was remembered."""
        return self._texts.get((network, name))

    async def recollect(self, network: Network, prefix: str) -> dict[str, str]:
        """Return everything that was remembered under names that begin so."""
        return {name: text for (own, name), text in self._texts.items() if own == network and name.startswith(prefix)}

    async def forget(self, network: Network, name: str) -> None:
        """Keep a connector's small text no longer."""
        self._texts.pop((network, name), None)

    async def acquainted(self, persons: Collection[Person]) -> dict[Person, Known]:
        """Return what is known of these people."""
        return {person: self._people[person] for person in persons if person in self._people}

    async def known(self, room: Room, keys: Collection[EventKey]) -> set[EventKey]:
        """Return which of these facts are journalled."""
        return {key for key in keys if (room, key) in self._journal}

    async def recent(self, limit: int) -> list[tuple[Room, EventKey]]:
        """Return the newest journalled facts, oldest first."""
        return list(self._journal)[-limit:] if limit > 0 else []

    async def cursor(self, room: Room) -> Cursor | None:
        """Return the newest journalled fact of a room, also after it was pruned."""
        return self._newest.get(room)

    async def resolve(self, room: Room, message: MessageId) -> MessageRef | None:
        """Return the original of what this room calls ``message``."""
        return self._find(room, message)

    def _find(self, room: Room, message: MessageId) -> MessageRef | None:
        own = MessageRef(room, message)
        return own if own in self._messages else self._names.find(room, message)

    async def message(self, ref: MessageRef) -> StoredMessage | None:
        """Return a message as it reads now."""
        return self._messages.get(ref)

    async def copies(self, ref: MessageRef, room: Room) -> tuple[MessageId, ...]:
        """Return what ``room`` calls the parts of this message, in order."""
        if ref not in self._messages:
            return ()
        return (ref.id,) if room == ref.room else self._names.parts.get((ref, room), ())

    async def last_seq(self) -> int:
        """Return the highest ``seq`` ever given, 0 at first."""
        return self._last_seq

    async def lanes(self) -> dict[Room, int]:
        """Return how many deliveries wait for each room."""
        counts: dict[Room, int] = {}
        for queued in self._outbox.values():
            room = queued.delivery.head.room
            counts[room] = counts.get(room, 0) + 1
        return counts

    async def queue(self, room: Room, *, after: int, limit: int) -> list[Queued]:
        """Return waiting deliveries of a room with ``seq > after``, in order."""
        waiting = (q for q in self._outbox.values() if q.delivery.head.room == room and q.seq > after)
        return sorted(waiting, key=lambda q: q.seq)[:limit]

    async def dead_letters(self, *, limit: int = 1000) -> list[DeadLetter]:
        """Return what was given up, oldest first."""
        return sorted(self._dead.values(), key=lambda letter: (letter.at, letter.queued.seq))[:limit]

    async def waiting(self, *, limit: int = 1000) -> list[Queued]:
        """Return what waits for any room, oldest first."""
        return sorted(self._outbox.values(), key=lambda q: q.seq)[:limit]

    async def count_dead_letters(self) -> int:
        """Return how many were given up."""
        return len(self._dead)

    async def fate(self, room: Room, message: MessageId) -> Fate | None:
        """Return what has become of what this room calls ``message``; None if nobody knows it."""
        ref = self._find(room, message)
        if ref is None:
            return None
        waiting = sorted((q for q in self._outbox.values() if subject(q.delivery) == ref), key=lambda q: q.seq)
        dead = (letter for letter in self._dead.values() if subject(letter.queued.delivery) == ref)
        return Fate(
            ref=ref,
            waiting=tuple(waiting),
            dead=tuple(sorted(dead, key=lambda letter: letter.queued.seq)),
            copies={place: ids for (of, place), ids in self._names.parts.items() if of == ref and ids},
        )

    async def given_up(self, room: Room, *, after: int, limit: int) -> list[DeliveryKey]:
        """Return the dead letters of a room with ``seq > after`` that have certainly not arrived, in order."""
        dead = (letter.queued for letter in self._dead.values() if letter.certain)
        found = sorted((each.seq, each.delivery.head.key) for each in dead if each.delivery.head.room == room)
        return [key for seq, key in found if seq > after][:limit]

    async def revive(self, keys: Collection[DeliveryKey]) -> list[Queued]:
        """Move dead letters back into the outbox, with attempts at 0, under their old ``seq``."""
        letters = [self._dead.pop(key) for key in dict.fromkeys(keys) if key in self._dead]
        revived = sorted(
            (msgspec.structs.replace(each.queued, attempts=0, due=0, reason="") for each in letters),
            key=lambda q: q.seq,
        )
        self._outbox.update((queued.delivery.head.key, queued) for queued in revived)
        return revived

    async def discard(self, keys: Collection[DeliveryKey]) -> int:
        """Delete dead letters; returns how many there were."""
        return sum(self._dead.pop(key, None) is not None for key in set(keys))

    async def links(self) -> list[StoredLink]:
        """Return the links made by command."""
        return list(self._links.values())

    async def add_link(self, link: StoredLink) -> None:
        """Keep a link. Raises: StoreError when the name or a room is taken."""
        if reason := objection(link, self._links.values()):
            raise StoreError(reason)
        self._links[link.name] = link

    async def remove_link(self, name: str) -> bool:
        """Forget a link; False if there was none."""
        return self._links.pop(name, None) is not None

    async def logins(self) -> list[StoredLogin]:
        """Return all logins, oldest first."""
        return sorted(self._logins.values(), key=lambda stored: (stored.at, stored.network, stored.login.person))

    async def keep_login(self, stored: StoredLogin) -> None:
        """Keep a login, in the place of any that its user had on the network."""
        self._logins[stored.network, stored.login.person] = stored

    async def remove_login(self, network: Network, person: Person) -> bool:
        """Forget a login; False if there was none."""
        return self._logins.pop((network, person), None) is not None

    async def preferences(self) -> list[StoredPreferences]:
        """Return how all users want to be, oldest first."""
        return sorted(self._preferences.values(), key=lambda stored: (stored.at, stored.network, stored.person))

    async def keep_preferences(self, stored: StoredPreferences) -> None:
        """Keep how a user wants to be on a network, in the place of what they had said before."""
        self._preferences[stored.network, stored.person] = stored

    async def remove_preferences(self, network: Network, person: Person) -> bool:
        """Forget how a user wants to be; False if there was nothing."""
        return self._preferences.pop((network, person), None) is not None

    def archive(self, lines: Sequence[ArchivedLine]) -> Awaitable[None]:
        """Keep what was said in hosted rooms; what is kept already stays as it is."""
        known = {(line.room, line.id) for line in self._archive}
        self._archive.extend(line for line in lines if (line.room, line.id) not in known)
        return self._written()

    def attended(self, room: RoomId, user: PersonId, *, since: int) -> Awaitable[None]:
        """Note that somebody is in a hosted room."""
        stays = self._attendance.setdefault((room, user), [])
        if not stays or stays[-1][1] is not None:
            stays.append((since, None))
        return self._written()

    def departed(self, room: RoomId, user: PersonId, *, until: int) -> Awaitable[None]:
        """Note that somebody is not there any more."""
        stays = self._attendance.get((room, user), [])
        if stays and stays[-1][1] is None:
            stays[-1] = (stays[-1][0], until)
        return self._written()

    async def all_departed(self, until: int) -> None:
        """Note that nobody is in any hosted room."""
        for room, user in list(self._attendance):
            self.departed(room, user, until=until)

    async def archived(self, wanted: Wanted) -> Page:
        """Return a part of what was said while somebody was there. Raises: NoSuchLine."""
        fits = [line for line in self._archive if self._is_readable(line, wanted.user) and _is_wanted(line, wanted)]
        for missing in set(wanted.ids).difference(line.id for line in fits):
            raise NoSuchLine(missing)
        low = self._seq(wanted.room, wanted.after) if wanted.after else -1
        high = self._seq(wanted.room, wanted.before) if wanted.before else None
        within = [line for line in fits if line.seq > low and (high is None or line.seq < high)]
        within = within[wanted.index or 0 :]
        shown = within[-wanted.most :] if wanted.before is not None else within[: wanted.most]
        shown = shown if wanted.most else []
        if not wanted.counted:
            return Page(lines=tuple(shown), complete=len(within) <= wanted.most)
        index = fits.index(shown[0]) if shown else 0
        return Page(lines=tuple(shown), index=index, count=len(fits), complete=len(within) <= wanted.most)

    async def was_there(self, room: RoomId, user: PersonId) -> bool:
        """Tell whether somebody was ever in a hosted room."""
        return bool(self._attendance.get((room, user)))

    async def erase(self, room: RoomId, user: PersonId) -> int:
        """Forget that somebody was ever in a hosted room; returns how many messages nobody may read any more."""
        self._attendance.pop((room, user), None)
        users = {other for there, other in self._attendance if there == room}
        gone = [
            line
            for line in self._archive
            if line.room == room and not any(self._is_readable(line, other) for other in users)
        ]
        self._archive = [line for line in self._archive if line not in gone]
        return len(gone)

    def _is_readable(self, line: ArchivedLine, user: PersonId) -> bool:
        stays = self._attendance.get((line.room, user), ())
        came = line.seq // SEQ_OF_MILLISECOND
        return any(since <= came and (until is None or until >= came) for since, until in stays)

    def _seq(self, room: RoomId, id_: str) -> int:
        for line in self._archive:
            if (line.room, line.id) == (room, id_):
                return line.seq
        raise NoSuchLine(id_)

    async def archived_rooms(self) -> list[RoomId]:
        """Return the hosted rooms of which anything is kept."""
        return list(dict.fromkeys(line.room for line in self._archive))

    async def prune_archive(self, room: RoomId, *, before: int, keep: int | None) -> int:
        """Delete what came in a hosted room before then, and all but the newest ``keep``; returns how much."""
        here = [line for line in self._archive if line.room == room]
        beyond = here[: max(0, len(here) - keep)] if keep is not None else []
        doomed = {line.seq for line in here if line.seq < before * SEQ_OF_MILLISECOND or line in beyond}
        self._archive = [line for line in self._archive if line.seq not in doomed]
        for (there, user), stays in list(self._attendance.items()):
            if there == room:
                self._attendance[there, user] = [stay for stay in stays if stay[1] is None or stay[1] >= before]
        return len(doomed)

    async def rotate_key(self, *, drop_old: bool = False) -> Rotated:  # noqa: ARG002 - nothing is on a disk
        """Change nothing: there is no key."""
        return Rotated(sealed=0, lost=0)

    async def prune_archives(self, *, keep: int) -> int:
        """Delete all but the newest ``keep`` messages of all hosted rooms; returns how much."""
        gone = max(0, len(self._archive) - keep)
        self._archive = sorted(self._archive, key=lambda line: line.seq)[gone:]
        return gone

    async def prune(self, *, before: int, keep: int) -> int:
        """Delete facts and messages older than ``before`` beyond the newest ``keep``, never what still waits.

        Returns how many facts there were. The newest one of all always stays. What was shared and has expired goes too.
        """
        self._shared = {token: each for token, each in self._shared.items() if each.expires >= self._now()}
        old = list(self._journal.items())[: max(0, len(self._journal) - max(keep, 1))]
        causes = {(q.delivery.head.source, q.delivery.head.event) for q in self._outbox.values()}
        subjects = {subject(q.delivery) for q in self._outbox.values()}
        doomed = {
            name: fact
            for name, fact in old
            if fact.at < before and name not in causes and (fact.message is None or fact.message not in subjects)
        }
        refs = {fact.message for fact in doomed.values() if fact.message is not None}
        self._journal = {name: fact for name, fact in self._journal.items() if name not in doomed}
        self._messages = {ref: message for ref, message in self._messages.items() if ref not in refs}
        self._retracted -= refs
        self._names.forget(refs)
        return len(doomed)

    def _written(self) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        if not self._uncommitted:
            loop.call_soon(self._commit)
        future: asyncio.Future[None] = loop.create_future()
        self._uncommitted.append(future)
        return future

    def _commit(self) -> None:
        if self._trouble:
            return
        done, self._uncommitted = self._uncommitted, []
        for future in done:
            if not future.done():
                future.set_result(None)


def _is_wanted(line: ArchivedLine, wanted: Wanted) -> bool:
    """Tell whether a message is within the limits that do not depend on others."""
    return (
        line.room == wanted.room
        and (wanted.start is None or line.at >= wanted.start)
        and (wanted.end is None or line.at <= wanted.end)
        and wanted.nick in ("", line.nick)
        and (not wanted.ids or line.id in wanted.ids)
    )
