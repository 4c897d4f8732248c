"""Updates to events. No connection, no clock: what was remembered is in :class:`Rooms`, :class:`People` and :class:`Desk`.

A message's key is its number in its chat, so that it is the same however often it is read; everything else has the number
of its update, which Telegram gives once and repeats until it is confirmed.

Called by :mod:`connectors.telegram.connector` for each update, an album's all at once.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from bridge.core.content import Content
from bridge.core.events import (
    Cause,
    DirectPosted,
    Event,
    Member,
    MemberJoined,
    MemberLeft,
    MessageEdited,
    MessagePosted,
    Origin,
    ReactionsChanged,
)
from bridge.core.ids import EventKey, MessageId, Network, Person, PersonId, Room, RoomId
from connectors.telegram.contents import DOWNLOAD, SILENT, album, content
from connectors.telegram.desk import Desk
from connectors.telegram.people import People, Whereabouts
from connectors.telegram.rooms import Heard, Rooms, Spot, topic_of
from connectors.telegram.updates import Became, Chat, Elsewhere, Message, Reacted, Update, User

_ALBUMS = 200
CUSTOM = "⭐"
"""What stands for a reaction that is no plain emoji: others could not show it."""


class Nobody(msgspec.Struct, frozen=True):
    """Somebody wrote to the bot, and it is not clear to whom: they are to be told how it works."""

    chat: int
    number: int


class Moved(msgspec.Struct, frozen=True):
    """A group became a supergroup."""

    old: int
    new: int


class Standing(msgspec.Struct, frozen=True):
    """The bot's own standing in a chat changed."""

    became: Became


Fact = Event | Nobody | Moved | Standing


def _no_portrait(_: int) -> str:
    return ""


class OwnBots(Protocol):
    """Bots of people's own, through which the bridge speaks: :class:`connectors.telegram.ownbots.OwnBots`."""

    def is_one(self, number: int) -> bool:
        """Tell whether a bot is somebody's own."""

    def let_in(self, number: int, chat: int) -> None:
        """Take note that a bot came into a chat."""


class Reader:
    """Reads updates, with what has to be known for it."""

    def __init__(
        self,
        network: Network,
        *,
        rooms: Rooms,
        desk: Desk,
        own: OwnBots,
        largest: int = DOWNLOAD,
        portrait: Callable[[int], str] = _no_portrait,
    ) -> None:
        self._network = network
        self._rooms = rooms
        self._desk = desk
        self._own = own
        self._largest = largest  # bytes of a file that the bot can have
        self._people = People(network, portrait=portrait)
        self._whereabouts = Whereabouts()
        self._albums: OrderedDict[tuple[int, str], dict[int, Content]] = OrderedDict()
        self.me = 0  # the bot's own id
        self.replayed = False  # what is read now waited for us, and may have been read before

    def facts(self, updates: Sequence[Update]) -> list[Fact]:
        """Return what follows from an update, or from all messages of one album."""
        facts = self._facts(updates)
        for fact in facts:
            match fact:
                case MessagePosted(origin=origin, sender=member) | MemberJoined(origin=origin, member=member):
                    self._whereabouts.here(origin.room.id, member)
                case MemberLeft(origin=origin, member=member):
                    self._whereabouts.gone(origin.room.id, member)
                case _:
                    pass
        return facts

    def _facts(self, updates: Sequence[Update]) -> list[Fact]:
        update = updates[0]
        if self._is_ours(update):
            return []
        if update.posted is not None:
            return self._posted(updates, update.posted)
        if update.edited is not None:
            return self._edited(update, update.edited)
        if update.message_reaction is not None:
            return self._reacted(update, update.message_reaction)
        if update.my_chat_member is not None:
            return [Standing(update.my_chat_member)]
        if update.chat_member is not None:
            return self._became(update, update.chat_member)
        return []

    def _is_ours(self, update: Update) -> bool:
        """Tell whether somebody's own bot did this: then the bridge did, and knows it."""
        message, reacted = update.posted or update.edited, update.message_reaction
        by = message.sender if message is not None else None if reacted is None else reacted.user
        return by is not None and self._own.is_one(by.id)

    # -- what is said

    def _posted(self, updates: Sequence[Update], message: Message) -> list[Fact]:
        heard = self._heard(message)
        if heard is None:
            return [*_moved(message), *self._direct(updates[0], message)]
        room = heard.room
        if message.is_automatic_forward and self._is_heard_itself(message.sender_chat):
            return []
        if SILENT & updates[0].fields:
            return [*_moved(message), *self._came_or_went(updates[0], message, room)]
        sender = self._people.sender(message)
        said = self._content(updates)
        if sender is None or said is None:
            return [*_moved(message)]
        ids = [
            self._rooms.message_id(room, Spot(each.chat.id, each.message_id))
            for update in updates
            if (each := update.posted) is not None
        ]
        self._desk.spoke(room)
        posted = MessagePosted(
            origin=self._origin(room, EventKey(ids[0]), message.date),
            sender=sender,
            id=ids[0],
            aliases=tuple(ids[1:]),
            content=said,
            reply_to=self._answered(room, message),
            thread=heard.thread,
        )
        # who speaks is there: Telegram tells bots of nobody else, and what is replayed tells nobody by itself
        here = [MemberJoined(origin=posted.origin, member=sender)] if self.replayed else []
        return [*here, posted, *_moved(message)]

    def _is_heard_itself(self, channel: Chat | None) -> bool:
        """Tell whether a channel is read too: what Telegram copies from it into its group would be there twice."""
        return channel is not None and self._rooms.heard(channel.id, None) is not None

    def _content(self, updates: Sequence[Update]) -> Content | None:
        """Return what a message says, or all messages of an album together."""
        parts: dict[int, Content] = {}
        for update in updates:
            message = update.posted
            if message is None:
                continue
            said = self._said(message, update.fields)
            if said is not None:
                parts[message.message_id] = said
        if len(parts) < 2:
            return next(iter(parts.values()), None)
        first = updates[0].posted
        assert first is not None
        self._albums[first.chat.id, first.media_group_id] = parts
        if len(self._albums) > _ALBUMS:
            self._albums.popitem(last=False)
        return album(list(parts.values()))

    def _said(self, message: Message, fields: frozenset[str]) -> Content | None:
        if message.external_reply is not None and self._is_at_home(message.external_reply, message):
            message = msgspec.structs.replace(message, external_reply=None)  # an answer like any other
        return content(message, fields, network=self._network, known=self._people.known, largest=self._largest)

    def _is_at_home(self, answered: Elsewhere, message: Message) -> bool:
        """Tell whether what is answered is in another topic of the same chat, and all of that is one room."""
        same = answered.chat is not None and answered.chat.id == message.chat.id
        return bool(answered.message_id) and same and self._rooms.is_whole(message.chat.id)

    def _edited(self, update: Update, message: Message) -> list[Fact]:
        heard = self._heard(message)
        sender = self._people.sender(message)
        said = self._said(message, update.fields)
        if heard is None or sender is None or said is None or _moves(message):
            return []
        parts = self._albums.get((message.chat.id, message.media_group_id))
        if parts is not None and message.message_id in parts:
            parts[message.message_id] = said
            said = album(list(parts.values()))
        edited = MessageEdited(
            origin=self._origin(heard.room, _key(update), message.edit_date or message.date),
            sender=sender,
            target=self._rooms.message_id(heard.room, Spot(message.chat.id, message.message_id)),
            content=said,
        )
        return [edited]

    def _answered(self, room: RoomId, message: Message) -> MessageId | None:
        """Return what a message answers; in a topic everything formally answers the topic itself."""
        answered = message.reply_to_message
        if answered is not None and answered.message_id != topic_of(message):
            return self._rooms.message_id(room, Spot(message.chat.id, answered.message_id))
        other = message.external_reply
        if other is None or not self._is_at_home(other, message):
            return None
        return self._rooms.message_id(room, Spot(message.chat.id, other.message_id))

    def _reacted(self, update: Update, reacted: Reacted) -> list[Fact]:
        """Tell every room of the chat: the update does not name the topic, and only there the message is known."""
        if reacted.user is not None:
            sender = self._people.user(reacted.user)
        elif reacted.actor_chat is not None:
            sender = self._people.chat(reacted.actor_chat)
        else:
            return []
        emoji = tuple(dict.fromkeys(one.emoji or CUSTOM for one in reacted.new_reaction))
        spot = Spot(reacted.chat.id, reacted.message_id)
        return [
            ReactionsChanged(
                origin=self._origin(room, _key(update), reacted.date),
                sender=sender,
                target=self._rooms.message_id(room, spot),
                reactions=emoji,
            )
            for room in self._rooms.rooms_of(reacted.chat.id)
        ]

    # -- to one person

    def _direct(self, update: Update, message: Message) -> list[Fact]:
        """Return what somebody says to one person: to whom the bot spoke for, in what they answer or last."""
        if message.chat.type != "private" or message.sender is None or message.sender.is_bot:
            return []
        answered = message.reply_to_message
        to = self._desk.correspondent(message.chat.id, answered.message_id if answered is not None else 0)
        said = self._said(message, update.fields)
        if to is None or said is None or message.text.startswith("/"):
            return [Nobody(message.chat.id, message.message_id)]
        number = MessageId(str(message.message_id))
        room = RoomId(str(message.chat.id))
        return [
            DirectPosted(
                origin=self._origin(room, EventKey(number), message.date),
                sender=self._people.user(message.sender),
                to=to,
                id=number,
                content=said,
            )
        ]

    # -- who is there

    def _came_or_went(self, update: Update, message: Message, room: RoomId) -> list[Fact]:
        origin = self._origin(room, _key(update), message.date)
        came: list[Fact] = [
            MemberJoined(origin=origin, member=self._people.user(user))
            for user in message.new_chat_members
            if not self._stands_for_us(user, message.chat)
        ]
        gone = message.left_chat_member
        if gone is not None and gone.id != self.me and not self._own.is_one(gone.id):
            came.append(self._left(origin, gone, by=message.sender, banned=False))
        return came

    def _became(self, update: Update, became: Became) -> list[Fact]:
        """Return the fact in all rooms of a chat; Telegram tells only administrators."""
        new, old = became.new_chat_member, became.old_chat_member
        if new.inside == old.inside or self._stands_for_us(new.user, became.chat):
            return []
        facts: list[Fact] = []
        for room in self._rooms.rooms_of(became.chat.id):
            origin = self._origin(room, _key(update), became.date)
            if new.inside:
                facts.append(MemberJoined(origin=origin, member=self._people.user(new.user)))
            else:
                facts.append(self._left(origin, new.user, by=became.actor, banned=new.status == "kicked"))
        return facts

    def _stands_for_us(self, user: User, chat: Chat) -> bool:
        """Tell whether this is no member, but the bot or somebody's own one, which may just have come in."""
        if not self._own.is_one(user.id):
            return user.id == self.me
        self._own.let_in(user.id, self._rooms.chat(chat.id))
        return True

    def _left(self, origin: Origin, user: User, *, by: User | None, banned: bool) -> MemberLeft:
        member = self._people.user(user)
        if by is None or by.id == user.id:
            return MemberLeft(origin=origin, member=member)
        cause = Cause.BANNED if banned else Cause.KICKED
        return MemberLeft(origin=origin, member=member, cause=cause, actor=self._people.user(by).name)

    def members(self, room: RoomId, users: Sequence[User], *, at: int) -> list[MemberJoined]:
        """Return those of a chat's administrators who are people: the only members that a bot may ask for."""
        origin = self._origin(room, EventKey(f"administrators {at}"), at)
        members = [self._people.user(user) for user in users if user.id != self.me and not user.is_bot]
        for member in members:
            self._whereabouts.here(room, member)
        return [MemberJoined(origin=origin, member=member) for member in members]

    def repainted(self, number: int, avatar: str, *, at: int) -> list[MemberJoined]:
        """Return that somebody has another picture, in all rooms where they are."""
        person = Person(self._network, PersonId(str(number)))
        return [
            MemberJoined(
                origin=self._origin(room, EventKey(f"picture {number} {at}"), at),
                member=msgspec.structs.replace(member, avatar=avatar),
            )
            for room, member in self._whereabouts.of(person)
            if room in self._rooms.listened
        ]

    def taken_over(self, bot: int, *, at: int) -> list[MemberLeft]:
        """Return that a bot is nobody of its own in any room any more: the bridge speaks through it."""
        member = Member(person=Person(self._network, PersonId(str(bot))), name=str(bot), bot=True)
        return [
            MemberLeft(origin=self._origin(room, EventKey(f"own bot {bot} {at}"), at), member=member)
            for room in sorted(self._rooms.listened)
        ]

    def origin(self, room: RoomId, key: str, at: int) -> Origin:
        """Say where and when; ``at`` in seconds since the epoch."""
        return self._origin(room, EventKey(key), at)

    def _heard(self, message: Message) -> Heard | None:
        heard = self._rooms.heard(message.chat.id, topic_of(message))
        if heard is not None:
            self._rooms.chats[message.chat.id] = message.chat
        return heard

    def _origin(self, room: RoomId, key: EventKey, at: int) -> Origin:
        return Origin(room=Room(self._network, room), key=key, at=at * 1000, replayed=self.replayed)


def _moves(message: Message) -> bool:
    """Tell whether this is somebody on their way: their place is corrected every few seconds."""
    return message.location is not None and bool(message.location.live_period)


def _key(update: Update) -> EventKey:
    return EventKey(f"update {update.update_id}")


def _moved(message: Message) -> list[Fact]:
    if message.migrate_to_chat_id:
        return [Moved(message.chat.id, message.migrate_to_chat_id)]
    if message.migrate_from_chat_id:
        return [Moved(message.migrate_from_chat_id, message.chat.id)]
    return []
