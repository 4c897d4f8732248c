"""What has to be remembered of conversations: whom the bot spoke for last, and whom an answer to it is for.

Private chats: the bot passes on the words of people who have no place there, so an answer belongs to whom it answers,
and what answers nothing to whoever was passed on last. Rooms: who goes on without anybody between needs no name again.
Pure; used by :mod:`connectors.telegram.inbound` and :mod:`connectors.telegram.connector`.
"""

from collections import OrderedDict
from typing import Final

import msgspec

from bridge.core.ids import Person, RoomId

_MOST: Final = 50  # messages of one private chat that can be answered
_UNNAMED: Final = 5_000  # messages without a name that are known as such, in case they are edited


class Correspondence(msgspec.Struct):
    """Whom the messages in a private chat are from."""

    last: Person | None = None
    told: dict[str, Person] = {}


class _Run(msgspec.Struct, frozen=True):
    """Somebody speaking."""

    person: Person
    until: float


class Desk:
    """Conversations under way."""

    def __init__(self, *, group_within: float) -> None:
        self._within = group_within
        self._private: dict[int, Correspondence] = {}
        self._runs: dict[RoomId, _Run] = {}
        self._unnamed: OrderedDict[tuple[RoomId, str], None] = OrderedDict()

    # -- rooms

    def spoke(self, room: RoomId) -> None:
        """Take note that somebody else spoke: whoever the bot speaks for next is named."""
        self._runs.pop(room, None)

    def goes_on(self, room: RoomId, person: Person, now: float) -> bool:
        """Tell whether somebody goes on speaking, and need not be named; and note that they do. ``now`` in seconds."""
        if not self._within:
            return False
        run = self._runs.get(room)
        self._runs[room] = _Run(person, now + self._within)
        return run is not None and run.person == person and now < run.until

    def left_unnamed(self, room: RoomId, message: str) -> None:
        """Take note that this message does not name its sender."""
        self._unnamed[room, message] = None
        if len(self._unnamed) > _UNNAMED:
            self._unnamed.popitem(last=False)

    def is_unnamed(self, room: RoomId, message: str) -> bool:
        """Tell whether a message does not name its sender, so that its correction need not either."""
        return (room, message) in self._unnamed

    # -- private chats

    def knows(self, chat: int) -> bool:
        """Tell whether a private chat has been loaded."""
        return chat in self._private

    def load(self, chat: int, text: str | None) -> None:
        """Take what :meth:`saved` returned in an earlier run."""
        found = Correspondence()
        if text:
            try:
                found = msgspec.json.decode(text, type=Correspondence)
            except msgspec.DecodeError:  # of another version: who writes next is told how it works
                found = Correspondence()
        self._private[chat] = found

    def saved(self, chat: int) -> str:
        """Return a private chat as a text to remember."""
        return msgspec.json.encode(self._private[chat]).decode()

    def passed_on(self, chat: int, message: str, person: Person) -> None:
        """Take note whose words a message in a private chat is."""
        found = self._private.setdefault(chat, Correspondence())
        found.last = person
        found.told[message] = person
        while len(found.told) > _MOST:
            del found.told[next(iter(found.told))]

    def correspondent(self, chat: int, answered: int) -> Person | None:
        """Return for whom something said in a private chat is; ``answered`` is 0 where it answers nothing."""
        found = self._private.get(chat)
        if found is None:
            return None
        return found.told.get(str(answered)) or found.last
