"""The message map at hand: what each room calls a message, and what the message says, without asking the store.

The store has all of this for good; here are the last few thousand messages, so that a reply, an edit or a reaction
(nearly always to something recent) costs a dictionary look-up. Called by the hub (what was said) and by the lanes (what
was sent). A name is looked up together with its room, always: an id of another room finds nothing.
"""

import msgspec

from bridge.core.content import Content
from bridge.core.events import DirectPosted, MessagePosted
from bridge.core.ids import MessageId, MessageRef, Room
from bridge.engine.limits import Limits
from bridge.engine.ports import Store, StoredMessage
from bridge.engine.recent import Recent

_NOTHING = Content(text="")


class _Record:
    """One message: its text where it is short, and its copies. ``whole``: a room that is missing has no copy."""

    __slots__ = ("copies", "message", "ref", "whole")

    def __init__(self, ref: MessageRef, message: StoredMessage | None, *, whole: bool) -> None:
        self.ref = ref
        self.message = message
        self.whole = whole
        self.copies: dict[Room, tuple[MessageId, ...]] = {}


class Messages:
    """Recent messages by every name they have."""

    def __init__(self, *, store: Store, limits: Limits) -> None:
        self._store = store
        self._longest = limits.content
        self._names: Recent[tuple[Room, MessageId], _Record] = Recent(limits.messages)
        self._aliases: Recent[tuple[Room, MessageId], _Record] = Recent(limits.messages)

    def said(self, event: MessagePosted | DirectPosted) -> MessageRef:
        """Keep a new message with its other names."""
        room = event.origin.room
        ref = MessageRef(room, event.id)
        message = None
        if len(event.content.text) <= self._longest:
            message = StoredMessage(ref=ref, sender=event.sender, content=event.content, at=event.origin.at)
        record = _Record(ref, message, whole=True)
        self._names.put((room, event.id), record)
        if isinstance(event, MessagePosted):
            for alias in event.aliases:
                self._aliases.put((room, alias), record)
        return ref

    def rewritten(self, ref: MessageRef, content: Content) -> None:
        """Note what a message says after an edit."""
        record = self._names.get((ref.room, ref.id))
        if record is None or record.message is None:
            return
        short = len(content.text) <= self._longest
        record.message = msgspec.structs.replace(record.message, content=content) if short else None

    def retracted(self, ref: MessageRef) -> None:
        """Forget what a message said."""
        self.rewritten(ref, _NOTHING)

    def landed(self, ref: MessageRef, room: Room, ids: tuple[MessageId, ...]) -> None:
        """Note the ids of a copy's parts."""
        record = self._names.get((ref.room, ref.id))
        if record is None:
            record = _Record(ref, None, whole=False)
            self._names.put((ref.room, ref.id), record)
        before = record.copies.setdefault(room, ids)
        if before is not ids:
            record.copies[room] = before + ids
        for part in ids:
            self._names.put((room, part), record)

    def renamed(self, ref: MessageRef, room: Room, ids: tuple[MessageId, ...]) -> None:
        """Note further names of a copy: those of the corrections that were sent for it."""
        record = self._names.get((ref.room, ref.id))
        if record is not None:
            for part in ids:
                self._aliases.put((room, part), record)

    def resolve(self, room: Room, message: MessageId) -> MessageRef | None:
        """Return the original of what a room calls ``message``, None if it is not at hand."""
        record = self._names.get((room, message)) or self._aliases.get((room, message))
        return None if record is None else record.ref

    def message(self, ref: MessageRef) -> StoredMessage | None:
        """Return a message as it reads now, None if it is not at hand."""
        record = self._names.get((ref.room, ref.id))
        return None if record is None else record.message

    def copies(self, ref: MessageRef, room: Room) -> tuple[MessageId, ...] | None:
        """Return what ``room`` calls the parts of a message: () if it has no copy, None if that is not at hand."""
        if room == ref.room:
            return (ref.id,)
        record = self._names.get((ref.room, ref.id))
        if record is None:
            return None
        ids = record.copies.get(room)
        return () if ids is None and record.whole else ids

    async def find(self, room: Room, message: MessageId) -> MessageRef | None:
        """Return the original of what a room calls ``message``, from the store where it is not at hand."""
        ref = self.resolve(room, message)
        if ref is None:
            ref = await self._store.resolve(room, message)
            if ref is not None:
                self._remember(ref, room, message)
        return ref

    async def read(self, ref: MessageRef) -> StoredMessage | None:
        """Return a message as it reads now, from the store where it is not at hand."""
        return self.message(ref) or await self._store.message(ref)

    async def find_copies(self, ref: MessageRef, room: Room) -> tuple[MessageId, ...]:
        """Return what ``room`` calls the parts of a message, from the store where it is not at hand."""
        ids = self.copies(ref, room)
        if ids is not None:
            return ids
        ids = await self._store.copies(ref, room)
        record = self._names.get((ref.room, ref.id))
        if record is None:
            record = _Record(ref, None, whole=False)
            self._names.put((ref.room, ref.id), record)
        return record.copies.setdefault(room, ids)

    def _remember(self, ref: MessageRef, room: Room, message: MessageId) -> None:
        record = self._names.get((ref.room, ref.id))
        if record is None:
            record = _Record(ref, None, whole=False)
            self._names.put((ref.room, ref.id), record)
        if ref != MessageRef(room, message):
            self._aliases.put((room, message), record)
