"""What rooms and messages are called: ``-1001234`` is a chat, ``-1001234/42`` topic 42 of a forum, ``7`` a message there.

A group that became a supergroup is another chat with another id, and counts its messages anew. A room keeps the id that it
has in the configuration, so its link stays whole; messages from the new chat are called ``-1001234/7`` there, which no
message of the old one is. Pure, except that it remembers what it is told. Used by all of the connector.
"""

import re
from typing import NamedTuple

from bridge.core.ids import MessageId, RoomId
from connectors.telegram.updates import Chat, Message

_ROOM = re.compile(r"(-?[1-9]\d{0,18})(?:/([1-9]\d{0,9}))?", re.ASCII)
_SUPERGROUPS = -1_000_000_000_000
"""Numbers of supergroups are below this; those of channels too."""
_TOPIC = re.compile("[1-9][0-9]{0,9}")
_MESSAGE = re.compile(r"(?:(-?[1-9]\d{0,18})/)?(\d{1,10})", re.ASCII)


class Place(NamedTuple):
    """Where to say something."""

    chat: int
    topic: int | None = None
    guessed: bool = False  # another network's thread is called so: if there is no such topic, none is meant


class Spot(NamedTuple):
    """A message on Telegram."""

    chat: int
    number: int


class Heard(NamedTuple):
    """A room in which something is heard."""

    room: RoomId
    thread: str = ""  # a topic that is no room of its own


def place(room: str) -> Place | None:
    """Return where a room is, as its id says; None for what is no id of a room."""
    match = _ROOM.fullmatch(room)
    if match is None:
        return None
    return Place(int(match[1]), int(match[2]) if match[2] else None)


def topic_of(message: Message) -> int | None:
    """Return the forum topic that a message is in; a thread of answers outside of forums is none."""
    return message.message_thread_id if message.is_topic_message else None


class Rooms:
    """The rooms that are read, and the groups that have moved."""

    def __init__(self) -> None:
        self.listened: set[RoomId] = set()
        self.chats: dict[int, Chat] = {}  # what is known of those that the bot is in
        self._moved: dict[int, int] = {}  # from the old chat to the new one

    def move(self, old: int, new: int) -> bool:
        """Take note that a group became a supergroup; False if that was known."""
        if old == new or self._moved.get(old) == new:
            return False
        self._moved[old] = new
        return True

    def moves(self) -> dict[int, int]:
        """Return which chats have become which."""
        return dict(self._moved)

    def chat(self, number: int) -> int:
        """Return what a chat is called by now."""
        for _ in range(len(self._moved)):
            if number not in self._moved:
                break
            number = self._moved[number]
        return number

    def place(self, room: str) -> Place | None:
        """Return where a room is by now."""
        found = place(room)
        return None if found is None else Place(self.chat(found.chat), found.topic)

    def heard(self, chat: int, topic: int | None) -> Heard | None:
        """Return the room in which something in a chat is heard, None where nobody reads it.

        A topic without a room of its own is a thread in the room of its chat.
        """
        for name in self._names(chat):
            if topic is not None and RoomId(f"{name}/{topic}") in self.listened:
                return Heard(RoomId(f"{name}/{topic}"))
        for name in self._names(chat):
            if RoomId(str(name)) in self.listened:
                return Heard(RoomId(str(name)), "" if topic is None else str(topic))
        return None

    def in_thread(self, place: Place, thread: str) -> Place:
        """Return where a thread goes on: what comes from a topic has its number for a name everywhere, and comes back so."""
        if place.topic is not None or _TOPIC.fullmatch(thread) is None:
            return place
        topic = int(thread)
        heard = self.heard(place.chat, topic)
        own = heard is not None and not heard.thread  # a room of its own, which another link may have
        return place if own else Place(place.chat, topic, guessed=True)

    def rooms_of(self, chat: int) -> list[RoomId]:
        """Return all rooms that are read in a chat, its topics too."""
        names = {*self._names(chat)}
        return sorted(room for room in self.listened if (found := place(room)) is not None and found.chat in names)

    def kind(self, chat: int) -> str:
        """Return what a chat is: "supergroup", "group", "channel"; by its number where Telegram has not said."""
        known = self.chats.get(chat)
        if known is not None and known.type:
            return known.type
        return "supergroup" if chat < _SUPERGROUPS else "group" if chat < 0 else "private"

    def is_whole(self, chat: int) -> bool:
        """Tell whether all that is said in a chat is heard in one room: no topic is a room of its own."""
        return all(found is None or found.topic is None for found in map(place, self.rooms_of(chat)))

    def message_id(self, room: RoomId, spot: Spot) -> MessageId:
        """Return what a message is called in a room."""
        home = place(room)
        if home is not None and home.chat != spot.chat:
            return MessageId(f"{spot.chat}/{spot.number}")
        return MessageId(str(spot.number))

    def spot(self, room: RoomId, message: MessageId) -> Spot | None:
        """Return where a message is; None for an id that was not made here."""
        home = place(room)
        match = _MESSAGE.fullmatch(message)
        if home is None or match is None:
            return None
        return Spot(int(match[1]) if match[1] else home.chat, int(match[2]))

    def _names(self, chat: int) -> list[int]:
        """Return a chat's id, and those that it had before it moved."""
        return [chat, *(old for old in self._moved if old != chat and self.chat(old) == chat)]
