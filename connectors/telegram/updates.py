"""What the Bot API sends, as far as it is read here: https://core.telegram.org/bots/api#update.

Fields have the API's names. Reading is lenient: what is not listed is skipped, and a message that cannot be read as one
still says where it is from, so that people learn that there was something. Pure; called by :mod:`connectors.telegram.connector`.
"""

from typing import Any

import msgspec


class _Object(msgspec.Struct, frozen=True, kw_only=True):
    """Decoding shared by all; no behaviour, no fields."""


class User(_Object, frozen=True):
    """Somebody with an account, or a bot."""

    id: int
    is_bot: bool = False
    first_name: str = ""
    last_name: str = ""
    username: str = ""
    can_read_all_group_messages: bool = False  # in getMe: privacy mode is off
    can_join_groups: bool = True  # in getMe


class ChatPhoto(_Object, frozen=True):
    """A chat's picture, in two sizes."""

    small_file_id: str
    small_file_unique_id: str


class Chat(_Object, frozen=True):
    """A conversation; a channel, or the group itself, may also be a sender."""

    id: int
    type: str = ""
    title: str = ""
    username: str = ""
    first_name: str = ""
    last_name: str = ""
    is_forum: bool = False
    photo: ChatPhoto | None = None  # in getChat


class Entity(_Object, frozen=True):
    """A style, link or name over text; offsets in UTF-16 units."""

    type: str
    offset: int
    length: int
    url: str = ""
    user: User | None = None
    language: str = ""


class File(_Object, frozen=True):
    """Any of the kinds of files: they share these fields, and each leaves some out."""

    file_id: str
    file_unique_id: str = ""
    file_size: int | None = None
    file_name: str = ""
    mime_type: str = ""
    width: int | None = None
    height: int | None = None
    length: int | None = None  # of a video message: its width and height
    duration: float | None = None
    title: str = ""
    performer: str = ""
    emoji: str = ""
    is_animated: bool = False
    is_video: bool = False


class UserPhotos(_Object, frozen=True):
    """Pictures that somebody has of themselves, the newest first, each in several sizes."""

    photos: tuple[tuple[File, ...], ...] = ()


class Location(_Object, frozen=True):
    """A point on the earth."""

    latitude: float
    longitude: float
    live_period: int = 0


class Venue(_Object, frozen=True):
    """A place with a name."""

    location: Location
    title: str = ""
    address: str = ""


class Contact(_Object, frozen=True):
    """Somebody's telephone number."""

    phone_number: str
    first_name: str = ""
    last_name: str = ""


class Option(_Object, frozen=True):
    """One answer of a poll."""

    text: str


class Poll(_Object, frozen=True):
    """A question with answers."""

    question: str
    options: tuple[Option, ...] = ()
    type: str = "regular"
    allows_multiple_answers: bool = False
    is_closed: bool = False


class Dice(_Object, frozen=True):
    """An animated emoji with a random value."""

    emoji: str
    value: int


class Task(_Object, frozen=True):
    """One line of a checklist."""

    text: str
    id: int = 0
    completion_date: int = 0


class Checklist(_Object, frozen=True):
    """Things to do."""

    title: str
    tasks: tuple[Task, ...] = ()


class AddedTasks(_Object, frozen=True):
    """Lines that were added to a checklist."""

    tasks: tuple[Task, ...] = ()


class Ticked(_Object, frozen=True):
    """Lines of a checklist that are done now, or not any more."""

    checklist_message: "Message | None" = None
    marked_as_done_task_ids: tuple[int, ...] = ()
    marked_as_not_done_task_ids: tuple[int, ...] = ()


class PollOption(_Object, frozen=True):
    """An answer that was added to a poll, or removed."""

    option_text: str


class Near(_Object, frozen=True):
    """Two people who share their places have come close."""

    traveler: User
    watcher: User
    distance: int


class NewOwner(_Object, frozen=True):
    """To whom a group was given."""

    new_owner: User | None = None


class Paid(_Object, frozen=True):
    """Pictures and films that cost something."""

    star_count: int


class Story(_Object, frozen=True):
    """Something that a chat shows for a day."""

    chat: Chat | None = None


class Giveaway(_Object, frozen=True):
    """Prizes, to be drawn or drawn already."""

    winner_count: int = 0
    prize_description: str = ""


class Titled(_Object, frozen=True):
    """A game, an invoice, a topic: whatever has a title or a name that says enough."""

    title: str = ""
    name: str = ""
    duration: int = 0


class Forwarded(_Object, frozen=True):
    """Where a forwarded message was said first; which fields there are depends on ``type``."""

    type: str
    sender_user: User | None = None
    sender_user_name: str = ""
    sender_chat: Chat | None = None
    chat: Chat | None = None
    author_signature: str = ""


class Quote(_Object, frozen=True):
    """The part of a message that an answer quotes."""

    text: str
    is_manual: bool = False


class Elsewhere(_Object, frozen=True):
    """A message in another chat or topic that is answered."""

    origin: Forwarded
    chat: Chat | None = None
    message_id: int = 0


class Message(_Object, frozen=True, rename={"sender": "from"}):
    """A message of any kind."""

    message_id: int
    chat: Chat
    date: int = 0
    sender: User | None = None
    sender_chat: Chat | None = None
    message_thread_id: int | None = None
    is_topic_message: bool = False
    is_automatic_forward: bool = False
    forward_origin: Forwarded | None = None
    reply_to_message: "Message | None" = None
    external_reply: Elsewhere | None = None
    quote: Quote | None = None
    media_group_id: str = ""
    edit_date: int = 0

    text: str = ""
    entities: tuple[Entity, ...] = ()
    caption: str = ""
    caption_entities: tuple[Entity, ...] = ()
    photo: tuple[File, ...] = ()
    animation: File | None = None
    audio: File | None = None
    document: File | None = None
    sticker: File | None = None
    video: File | None = None
    video_note: File | None = None
    voice: File | None = None
    location: Location | None = None
    venue: Venue | None = None
    contact: Contact | None = None
    poll: Poll | None = None
    dice: Dice | None = None
    checklist: Checklist | None = None
    game: Titled | None = None
    invoice: Titled | None = None
    live_photo: File | None = None
    paid_media: Paid | None = None
    story: Story | None = None
    giveaway: Giveaway | None = None
    giveaway_winners: Giveaway | None = None
    giveaway_completed: Giveaway | None = None
    rich_message: dict[str, Any] | None = None

    new_chat_members: tuple[User, ...] = ()
    left_chat_member: User | None = None
    new_chat_title: str = ""
    new_chat_photo: tuple[File, ...] = ()
    delete_chat_photo: bool = False
    pinned_message: "Message | None" = None
    migrate_to_chat_id: int = 0
    migrate_from_chat_id: int = 0
    forum_topic_created: Titled | None = None
    forum_topic_edited: Titled | None = None
    video_chat_ended: Titled | None = None
    chat_owner_changed: NewOwner | None = None
    proximity_alert_triggered: Near | None = None
    checklist_tasks_done: Ticked | None = None
    checklist_tasks_added: AddedTasks | None = None
    poll_option_added: PollOption | None = None
    poll_option_deleted: PollOption | None = None


class Reaction(_Object, frozen=True):
    """One reaction; ``emoji`` where it is one of the plain ones."""

    type: str
    emoji: str = ""


class Reacted(_Object, frozen=True):
    """Somebody changed their reactions to a message."""

    chat: Chat
    message_id: int
    date: int = 0
    user: User | None = None
    actor_chat: Chat | None = None
    new_reaction: tuple[Reaction, ...] = ()


class Standing(_Object, frozen=True):
    """What somebody is in a chat."""

    status: str
    user: User
    is_member: bool = False  # of somebody restricted
    can_delete_messages: bool = False
    can_restrict_members: bool = False
    can_post_messages: bool | None = None  # of an administrator of a channel
    can_send_messages: bool = True  # of somebody restricted

    @property
    def inside(self) -> bool:
        """Whether they are in the chat."""
        return self.status in {"creator", "administrator", "member"} or (self.status == "restricted" and self.is_member)

    @property
    def admin(self) -> bool:
        """Whether they are told of reactions and members."""
        return self.status in {"creator", "administrator"}


class HookInfo(_Object, frozen=True):
    """Where Telegram delivers updates, and how that goes (WebhookInfo)."""

    url: str = ""
    pending_update_count: int = 0
    last_error_date: int = 0
    last_error_message: str = ""


class Became(_Object, frozen=True, rename={"actor": "from"}):
    """Somebody's standing in a chat changed."""

    chat: Chat
    actor: User
    old_chat_member: Standing
    new_chat_member: Standing
    date: int = 0


class Update(_Object, frozen=True):
    """One thing that happened; exactly one of these is there."""

    update_id: int
    message: Message | None = None
    edited_message: Message | None = None
    channel_post: Message | None = None
    edited_channel_post: Message | None = None
    message_reaction: Reacted | None = None
    my_chat_member: Became | None = None
    chat_member: Became | None = None
    fields: frozenset[str] = frozenset()  # what the message came with, also what is not read here

    @property
    def posted(self) -> Message | None:
        """The new message that this is about."""
        return self.message or self.channel_post

    @property
    def edited(self) -> Message | None:
        """The corrected message that this is about."""
        return self.edited_message or self.edited_channel_post


ASKED = (
    "message",
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "message_reaction",
    "my_chat_member",
    "chat_member",
)
"""The kinds of updates that are asked for: ``allowed_updates``."""

_MESSAGES = ASKED[:4]
_LEAST = frozenset({"message_id", "chat", "date", "from", "sender_chat", "message_thread_id", "is_topic_message"})
_WORDS = ("text", "caption")


def read(raw: dict[str, Any]) -> Update:
    """Return an update; of a message that cannot be read, at least its words and where it is from. Raises: msgspec.ValidationError."""
    kind = next((kind for kind in _MESSAGES if kind in raw), None)
    try:
        update = msgspec.convert(raw, Update)
    except msgspec.ValidationError:
        if kind is None or not isinstance(raw[kind], dict):
            raise
        least = {key: value for key, value in raw[kind].items() if key in _LEAST}
        least |= {key: value for key in _WORDS if isinstance(value := raw[kind].get(key), str)}
        update = msgspec.convert({"update_id": raw["update_id"], kind: least}, Update)
    if kind is None:
        return update
    return msgspec.structs.replace(update, fields=frozenset(raw[kind]))
