"""What the engine needs from outside: a store and a clock.

Implemented in ``bridge.storage`` and ``bridge.app``; fakes in tests.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Protocol

import msgspec

from bridge.connector import Cursor, Login, Secret
from bridge.core.content import Attachment, Content
from bridge.core.deliveries import Delivery, Sent
from bridge.core.events import Member, Said
from bridge.core.ids import DeliveryKey, EventKey, MessageId, MessageRef, Network, Person, PersonId, Room, RoomId


class Queued(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery in the outbox. ``seq`` is given by the hub and grows over restarts: it is the order of everything."""

    seq: int
    delivery: Delivery
    attempts: int = 0
    due: int = 0  # milliseconds since the epoch; not before
    reason: str = ""  # of the last failure


class StoredMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a message: who said it, and what it says now (after edits)."""

    ref: MessageRef
    sender: Member
    content: Content
    at: int


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that was given up."""

    queued: Queued
    reason: str
    certain: bool  # False: it may have arrived
    at: int


class StoredLink(msgspec.Struct, frozen=True, kw_only=True):
    """A link that was made by command (those of the file are not stored)."""

    name: str
    rooms: tuple[Room, ...]


class StoredLogin(msgspec.Struct, frozen=True, kw_only=True):
    """A user's login on a network; ``trouble`` says why it is used no more, "" while it is."""

    network: Network
    login: Login
    at: int  # milliseconds since the epoch: when they logged in
    trouble: str = ""


class StoredPreferences(msgspec.Struct, frozen=True, kw_only=True):
    """How a user wants to be on a network."""

    network: Network
    person: Person
    chosen: Secret  # in whatever form the network's connector likes to have it back: passwords may be in it
    at: int  # milliseconds since the epoch: when it was last changed


class Fate(msgspec.Struct, frozen=True, kw_only=True):
    """What has become of a message so far, in all rooms but its own."""

    ref: MessageRef
    waiting: tuple[Queued, ...]
    dead: tuple[DeadLetter, ...]
    copies: dict[Room, tuple[MessageId, ...]]


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a person: their last name and when they last spoke (milliseconds since the epoch)."""

    person: Person
    name: str
    spoke: int = 0


class Shared(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What stands at one of the bridge's own media URLs: a file of a message, or (None) the page of its text."""

    message: MessageRef  # as its room calls it; when that is taken back, this is gone too
    expires: int  # milliseconds since the epoch
    file: Attachment | None = None


class Store(Protocol):
    """Everything that outlives the process.

    The plain methods are the hot path: they queue a write in call order and return a Future; all that was queued within a
    few milliseconds is one transaction. A transaction that the disk refuses is tried again until it goes through, and
    meanwhile :meth:`healthy` says why and the futures wait. One fails alone, with StoreError, only for a value that no
    store could take, such as half of a surrogate pair. The async ones read, and see every write that was queued before.
    """

    async def open(self) -> None:
        """Migrate if needed and start.

        Raises: StoreError with one sentence (newer schema, unreadable file, no such server, in use by another process).
        """

    async def close(self) -> None:
        """Write what is queued, then close."""

    def healthy(self) -> str:
        """Return "" when writes go through, else why they do not."""

    def journal(self, event: Said, queued: Sequence[Queued]) -> Awaitable[None]:
        """Keep an event, its message with its aliases, and its deliveries; nothing if the event is known already.

        An edit replaces what the stored message says, a retraction blanks it for good; who may do so is decided before.
        """

    def settle(self, key: DeliveryKey, sent: Sent) -> Awaitable[None]:
        """Take a delivery out of the outbox and keep the ids of the copy.

        The ids of an Edit are further names of the message, the ids of a reaction are not kept.
        """

    def postpone(self, queued: Queued) -> Awaitable[None]:
        """Replace a delivery in the outbox: another voice, attempts, due or reason, under the same key and ``seq``."""

    def bury(self, key: DeliveryKey, *, reason: str, certain: bool) -> Awaitable[None]:
        """Move a delivery from the outbox to the dead letters."""

    def remember(self, network: Network, name: str, value: str) -> Awaitable[None]:
        """Keep a connector's small text; a :class:`bridge.connector.Secret` is not kept in the clear."""

    def met(self, known: Known) -> Awaitable[None]:
        """Keep a person's name and last words (an upsert); ``spoke`` only grows."""

    def share(self, token: str, shared: Shared) -> Awaitable[None]:
        """Keep what stands at a media URL, until it expires; the same token always stands for the same."""

    async def shared(self, token: str) -> Shared | None:
        """Return what stands at a media URL."""

    async def forget(self, network: Network, name: str) -> None:
        """Keep a connector's small text no longer."""

    async def recall(self, network: Network, name: str) -> str | None:
        """Return what was remembered."""

    async def recollect(self, network: Network, prefix: str) -> dict[str, str]:
        """Return everything that was remembered under names that begin so."""

    async def acquainted(self, persons: Collection[Person]) -> dict[Person, Known]:
        """Return what is known of these people."""

    async def known(self, room: Room, keys: Collection[EventKey]) -> set[EventKey]:
        """Return which of these facts are journalled."""

    async def recent(self, limit: int) -> list[tuple[Room, EventKey]]:
        """Return the newest journalled facts, oldest first."""

    async def cursor(self, room: Room) -> Cursor | None:
        """Return the newest journalled fact of a room, also when it was pruned meanwhile."""

    async def resolve(self, room: Room, message: MessageId) -> MessageRef | None:
        """Return the original of what this room calls ``message`` (an own message, an alias, or a copy's part)."""

    async def message(self, ref: MessageRef) -> StoredMessage | None:
        """Return a message as it reads now."""

    async def copies(self, ref: MessageRef, room: Room) -> tuple[MessageId, ...]:
        """Return what ``room`` calls the parts of this message, in order; the own id for the room where it was said."""

    async def last_seq(self) -> int:
        """Return the highest ``seq`` ever given, 0 at first."""

    async def lanes(self) -> dict[Room, int]:
        """Return how many deliveries wait for each room."""

    async def queue(self, room: Room, *, after: int, limit: int) -> list[Queued]:
        """Return waiting deliveries of a room with ``seq > after``, in order."""

    async def waiting(self, *, limit: int = 1000) -> list[Queued]:
        """Return what waits for any room, oldest first."""

    async def dead_letters(self, *, limit: int = 1000) -> list[DeadLetter]:
        """Return what was given up, oldest first."""

    async def count_dead_letters(self) -> int:
        """Return how many were given up."""

    async def fate(self, room: Room, message: MessageId) -> Fate | None:
        """Return what has become of what this room calls ``message``; None if nobody knows it."""

    async def given_up(self, room: Room, *, after: int, limit: int) -> list[DeliveryKey]:
        """Return the dead letters of a room with ``seq > after`` that have certainly not arrived, in order."""

    async def revive(self, keys: Collection[DeliveryKey]) -> list[Queued]:
        """Move dead letters back into the outbox, with attempts at 0 and their old ``seq``; returns them in order."""

    async def discard(self, keys: Collection[DeliveryKey]) -> int:
        """Delete dead letters; returns how many there were."""

    async def links(self) -> list[StoredLink]:
        """Return the links made by command."""

    async def add_link(self, link: StoredLink) -> None:
        """Keep a link. Raises: StoreError when the name or a room is taken."""

    async def remove_link(self, name: str) -> bool:
        """Forget a link; False if there was none."""

    async def logins(self) -> list[StoredLogin]:
        """Return all logins, oldest first."""

    async def keep_login(self, stored: StoredLogin) -> None:
        """Keep a login, in the place of any that its user had on the network."""

    async def remove_login(self, network: Network, person: Person) -> bool:
        """Forget a login; False if there was none."""

    async def preferences(self) -> list[StoredPreferences]:
        """Return how all users want to be, oldest first."""

    async def keep_preferences(self, stored: StoredPreferences) -> None:
        """Keep how a user wants to be on a network, in the place of what they had said before."""

    async def remove_preferences(self, network: Network, person: Person) -> bool:
        """Forget how a user wants to be; False if there was nothing."""

    async def prune(self, *, before: int, keep: int) -> int:
        """Delete facts and messages older than ``before`` beyond the newest ``keep``, never what still waits.

        Archives have their own time. The newest fact of all always stays. Returns how many facts there were. What was
        shared and has expired goes too.
        """


SEQ_OF_MILLISECOND = 1024
"""How many numbers of an archive there are for one millisecond of our own clock."""


class ArchivedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A message of a hosted room, as its clients got it: a stanza without its addressee."""

    seq: int  # the order of what was said, over all rooms and restarts: when it came, in milliseconds times SEQ_OF_MILLISECOND
    room: RoomId
    id: str
    at: int  # milliseconds since the epoch, by the clock of where it was said
    nick: str
    head: str
    tail: str


class Attended(msgspec.Struct, frozen=True):
    """When somebody was in a hosted room, in milliseconds since the epoch, both included."""

    user: PersonId
    since: int
    until: int


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of an archive somebody wants (XEP-0313, XEP-0059): all that they were there for, within these limits."""

    room: RoomId
    user: PersonId
    start: int | None = None
    end: int | None = None
    nick: str = ""
    after: str = ""  # only what is behind the message of this id
    before: str | None = None  # only what is before it, the last of that; "": the last of all
    most: int = 50
    index: int | None = None  # how many to pass over; alone, without after and before
    ids: tuple[str, ...] = ()  # just these messages; () is any
    counted: bool = True  # whether anybody wants to know how many there are in all


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A part of an archive, oldest first."""

    lines: tuple[ArchivedLine, ...] = ()
    index: int = 0  # of the first of them in all that fits
    count: int = 0  # of all that fits
    complete: bool = True  # nothing fits beyond these in the direction of reading


class NoSuchLine(LookupError):
    """The archive has no message of the id that a page should begin or end at."""


class Archive(Protocol):
    """What was said in hosted rooms, and who was there when. The plain methods queue a write, as those of :class:`Store`."""

    def archive(self, lines: Sequence[ArchivedLine]) -> Awaitable[None]:
        """Keep what was said; what is kept already, by room and id, stays as it is."""

    def attended(self, room: RoomId, user: PersonId, *, since: int) -> Awaitable[None]:
        """Note that somebody is in a room from now on."""

    def departed(self, room: RoomId, user: PersonId, *, until: int) -> Awaitable[None]:
        """Note that somebody is not there any more."""

    async def all_departed(self, until: int) -> None:
        """Note that nobody is anywhere: the bridge begins anew."""

    async def archived(self, wanted: Wanted) -> Page:
        """Return a part of what was said while somebody was there. Raises: NoSuchLine, also for one of ``ids``."""

    async def was_there(self, room: RoomId, user: PersonId) -> bool:
        """Tell whether somebody was ever in a room."""

    async def erase(self, room: RoomId, user: PersonId) -> int:
        """Forget that somebody was ever there; what nobody may read any more goes too. Returns how many messages."""

    async def archived_rooms(self) -> list[RoomId]:
        """Return the rooms of which anything is kept."""

    async def prune_archive(self, room: RoomId, *, before: int, keep: int | None) -> int:
        """Delete what came in a room before (milliseconds since the epoch), and all but the newest ``keep``; returns how much.

        Goes in small transactions, between which messages pass.
        """

    async def prune_archives(self, *, keep: int) -> int:
        """Delete all but the newest ``keep`` messages of all rooms together, likewise; returns how much."""


class Rotated(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a new key."""

    sealed: int  # secrets that are encrypted with it now
    lost: int  # that open with no key, and stay as they are


class Vault(Protocol):
    """What is secret in a store."""

    async def rotate_key(self, *, drop_old: bool = False) -> Rotated:
        """Make a new key and encrypt every secret with it, while everything goes on. Raises: StoreError.

        ``drop_old``: the others are forgotten, but for those that something needs.
        """


class Keeper(Store, Archive, Vault, Protocol):
    """All of it: what the application is given."""

    async def broken(self) -> str:
        """Return why nothing will be stored any more, once that is so by a fault of the bridge's own; it must be open.

        From then on every write fails: only the next process can go on, from what is stored.
        """


class StoreError(Exception):
    """The store cannot be used; one sentence for an operator."""


class Timer(Protocol):
    """A call that is to come."""

    def cancel(self) -> None:
        """Do not call."""


class Clock(Protocol):
    """Time, given from outside so that tests can hold it."""

    def now(self) -> int:
        """Return milliseconds since the epoch."""

    def monotonic(self) -> float:
        """Return seconds that never go backwards."""

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Call once, later, on the loop."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""
