"""What is on Telegram besides a bot: people, chats, messages and files, and what happens among them.

People do things through a chat: ``group.says(alice, "hello")``. Each deed is written down, and the bots that may know of
it get an update. What a bot may know is decided here, in :meth:`Bot.hears`; how it asks for its updates, in ``server.py``.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.telegram.schema import schema

Json = dict[str, Any]

NOT_UNASKED = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
"""Kinds of updates that a bot gets only if it names them."""
SERVICE = frozenset(
    {
        "new_chat_members", "left_chat_member", "new_chat_title", "new_chat_photo", "delete_chat_photo", "pinned_message",
        "migrate_to_chat_id", "migrate_from_chat_id", "forum_topic_created", "forum_topic_edited", "forum_topic_closed",
        "forum_topic_reopened", "video_chat_started", "video_chat_ended", "message_auto_delete_timer_changed",
        "group_chat_created", "supergroup_chat_created", "boost_added",
    }
)  # fmt: skip
RIGHTS = (
    "can_be_edited", "is_anonymous", "can_manage_chat", "can_delete_messages", "can_manage_video_chats", "can_restrict_members",
    "can_promote_members", "can_change_info", "can_invite_users", "can_post_stories", "can_edit_stories", "can_delete_stories",
)  # fmt: skip


@dataclass(slots=True, frozen=True)
class Person:
    """Somebody with an account, or a bot as others see it."""

    id: int
    first_name: str
    last_name: str = ""
    username: str = ""
    is_bot: bool = False

    def json(self) -> Json:
        found: Json = {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name}
        return found | {key: value for key in ("last_name", "username") if (value := getattr(self, key))}


@dataclass(slots=True)
class Standing:
    """What somebody is in a chat."""

    status: str = "member"  # creator, administrator, member, restricted, left, kicked
    rights: frozenset[str] = frozenset()

    @property
    def inside(self) -> bool:
        return self.status in {"creator", "administrator", "member", "restricted"}

    @property
    def admin(self) -> bool:
        return self.status in {"creator", "administrator"}

    def json(self, person: Person) -> Json:
        found: Json = {"status": self.status, "user": person.json()}
        match self.status:
            case "creator":
                found["is_anonymous"] = False
            case "administrator":
                found |= {right: right in self.rights for right in RIGHTS}
            case "kicked":
                found["until_date"] = 0
        return found


@dataclass(slots=True, eq=False)
class File:
    """Bytes that somebody sent."""

    id: str
    data: bytes
    path: str

    @property
    def unique(self) -> str:
        return f"u{self.id}"


@dataclass(slots=True, eq=False)
class Bot:
    """A bot, and the updates that wait for it."""

    token: str
    person: Person
    reads_all: bool = False  # privacy mode is off
    allowed: list[str] | None = None  # None: all but NOT_UNASKED
    updates: deque[Json] = field(default_factory=deque)
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(870_000_001))
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    webhook: Json | None = None
    trouble: tuple[int, str] | None = None  # when and why an update was not taken by the webhook
    polling: int = 0  # getUpdates that wait for news
    started: set[int] = field(default_factory=set)  # who has opened a private chat
    blocked: set[int] = field(default_factory=set)

    def wants(self, kind: str) -> bool:
        return kind in self.allowed if self.allowed else kind not in NOT_UNASKED

    def hears(self, chat: "Chat", kind: str, what: Json) -> bool:
        """Tell whether this bot gets to know of something in a chat that it is in."""
        standing = chat.standing(self.person)
        match kind:
            case "my_chat_member":
                return True
            case "chat_member" | "message_reaction" | "message_reaction_count":
                return standing.admin
        if not standing.inside:
            return False
        sender = what.get("from", {})
        if sender.get("is_bot") and not (chat.world.bots_meet and sender["id"] != self.person.id):
            return bool(SERVICE & what.keys()) and sender["id"] != self.person.id
        if chat.kind in {"private", "channel"} or SERVICE & what.keys():
            return True
        return self.reads_all or standing.admin or self._is_meant(what)

    def _is_meant(self, message: Json) -> bool:
        """Tell whether this passes privacy mode: a command, or a reply to this bot; naming it does not do."""
        answered = message.get("reply_to_message", {}).get("from", {})
        return message.get("text", "").startswith("/") or answered.get("id") == self.person.id

    def tell(self, kind: str, what: Json) -> None:
        if not self.wants(kind):
            return
        update = {"update_id": next(self.numbers), kind: what}
        schema().value("Update", update)
        self.updates.append(update)
        self.changed.set()


class World:
    """Everything that is kept on the servers."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.bots: dict[str, Bot] = {}
        self.people: dict[int, Person] = {}
        self.chats: dict[int, Chat] = {}
        self.files: dict[str, File] = {}
        self.portraits: dict[int, list[list[Json]]] = {}  # of people: the newest first, in several sizes
        self.bots_meet = False  # bots are shown each other's messages, where both have asked @BotFather for it
        self.web: dict[str, tuple[str, bytes]] = {}  # what is behind a URL: type and bytes
        self._ids = itertools.count(1001)

    def bot(self, token: str = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw", *, privacy: bool = True) -> Bot:
        """Register a bot, as @BotFather does."""
        number = int(token.partition(":")[0])
        name = f"linkspan{len(self.bots) or ''}_bot"
        person = Person(number, "Linkspan", username=name, is_bot=True)
        self.people[number] = person
        bot = self.bots[token] = Bot(token, person, reads_all=not privacy)
        return bot

    def person(self, first: str, last: str = "", *, username: str = "", is_bot: bool = False) -> Person:
        """Register somebody."""
        person = Person(next(self._ids), first, last, username, is_bot)
        self.people[person.id] = person
        return person

    def group(self, title: str, *members: Person | Bot) -> "Chat":
        return self._chat(-next(self._ids), "group", title, members)

    def supergroup(self, title: str, *members: Person | Bot, forum: bool = False) -> "Chat":
        return self._chat(-1_000_000_000_000 - next(self._ids), "supergroup", title, members, forum=forum)

    def channel(self, title: str, *members: Person | Bot) -> "Chat":
        return self._chat(-1_000_000_000_000 - next(self._ids), "channel", title, members)

    def private(self, person: Person, bot: Bot) -> "Chat":
        """Let somebody open a chat with a bot."""
        bot.started.add(person.id)
        return self.chats.get(person.id) or self._chat(person.id, "private", "", (person, bot))

    def portrays(self, person: Person, data: bytes) -> None:
        """Let somebody have a new picture."""
        sizes = []
        for width in (160, 320, 640):
            file = self.keep(data + bytes([width // 160]), name="photo.jpg")
            sizes.append({"file_id": file.id, "file_unique_id": file.unique, "width": width, "height": width})
        self.portraits.setdefault(person.id, []).insert(0, sizes)

    def keep(self, data: bytes, *, name: str = "file") -> File:
        """Store bytes."""
        number = len(self.files) + 1
        file = File(f"AgACAgQAAx{number:06}", data, f"documents/file_{number}_{name}")
        self.files[file.id] = file
        return file

    def _chat(
        self, number: int, kind: str, title: str, members: Iterable[Person | Bot], *, forum: bool = False
    ) -> "Chat":
        chat = self.chats[number] = Chat(self, number, kind, title, forum=forum)
        for member in members:
            is_bot = isinstance(member, Bot)
            status = "administrator" if is_bot and kind == "channel" else "member"
            chat.standings[member.person.id if isinstance(member, Bot) else member.id] = Standing(status)
        return chat


class Chat:
    """A conversation."""

    def __init__(self, world: World, number: int, kind: str, title: str, *, forum: bool = False) -> None:
        self.world = world
        self.id = number
        self.kind = kind
        self.title = title
        self.forum = forum
        self.standings: dict[int, Standing] = {}
        self.messages: dict[int, Json] = {}
        self.reactions: dict[tuple[int, int], list[Json]] = {}  # by message and person
        self.topics: dict[int, bool] = {}  # whether they are open
        self.moved_to: int | None = None
        self.picture: Json | None = None  # ChatPhoto
        self.actions: list[str] = []  # what bots showed that they do
        self._numbers = itertools.count(1)

    def json(self) -> Json:
        found: Json = {"id": self.id, "type": self.kind}
        if self.kind == "private":
            return found | {"first_name": self.world.people[self.id].first_name}
        return found | {"title": self.title} | ({"is_forum": True} if self.forum else {})

    def standing(self, person: Person) -> Standing:
        return self.standings.get(person.id) or Standing("left")

    @property
    def last(self) -> Json:
        """The newest message."""
        return self.messages[max(self.messages)]

    def texts(self) -> list[str]:
        """Return what stands in the chat, in order."""
        return [message.get("text", message.get("caption", "")) for _, message in sorted(self.messages.items())]

    # -- people talk

    def says(self, who: Person, text: str, *, entities: Sequence[Json] = (), **fields: Any) -> Json:
        """Say something; ``reply_to`` is a message, ``topic`` a topic's id, everything else a field of the message."""
        return self.posts(who, text=text, **({"entities": list(entities)} if entities else {}), **fields)

    def posts(
        self, who: Person | None, *, reply_to: Json | None = None, topic: int | None = None, **content: Any
    ) -> Json:
        """Post content of any kind."""
        message: Json = {"message_id": next(self._numbers), "date": int(self.world.now()), "chat": self.json()}
        if who is not None:
            message["from"] = who.json()
        if self.kind == "channel":
            message["sender_chat"] = self.json()
            message.pop("from", None)
        if "forum_topic_created" in content:
            message |= {"message_thread_id": message["message_id"], "is_topic_message": True}
        if topic is not None:
            message |= {"message_thread_id": topic, "is_topic_message": True}
            message["reply_to_message"] = _bare(self.messages[topic])
        if reply_to is not None:
            message["reply_to_message"] = _bare(reply_to)
        message |= content
        self.messages[message["message_id"]] = message
        self._tell("channel_post" if self.kind == "channel" else "message", message)
        return message

    def photo(
        self, who: Person | None, *, caption: str = "", data: bytes = b"\xff\xd8" + bytes(230_000), **fields: Any
    ) -> Json:
        """Post a picture."""
        return self.posts(who, photo=self.photo_sizes(data), **({"caption": caption} if caption else {}), **fields)

    def photo_sizes(self, data: bytes) -> list[Json]:
        file = self.world.keep(data, name="photo.jpg")
        small = self.world.keep(data[:900], name="photo_s.jpg")
        return [
            {"file_id": small.id, "file_unique_id": small.unique, "width": 90, "height": 68, "file_size": 900},
            {"file_id": file.id, "file_unique_id": file.unique, "width": 1280, "height": 960, "file_size": len(data)},
        ]

    def album(self, who: Person, *captions: str) -> list[Json]:
        """Post pictures as one album: separate messages with one id."""
        group = f"album{next(self.world._ids)}"
        return [self.photo(who, caption=caption, media_group_id=group) for caption in captions]

    def edits(self, message: Json, **content: Any) -> None:
        """Let a message's sender change it."""
        message |= content
        message["edit_date"] = int(self.world.now())
        self._tell("edited_channel_post" if self.kind == "channel" else "edited_message", message)

    def deletes(self, message: Json) -> None:
        """Delete a message; no bot is told."""
        del self.messages[message["message_id"]]

    def reacts(self, who: Person, message: Json, *emoji: str) -> None:
        """Set somebody's reactions."""
        new = [{"type": "emoji", "emoji": one} for one in emoji]
        key = (message["message_id"], who.id)
        update = {
            "chat": self.json(),
            "message_id": message["message_id"],
            "user": who.json(),
            "date": int(self.world.now()),
            "old_reaction": self.reactions.get(key, []),
            "new_reaction": new,
        }
        self.reactions[key] = new
        self._tell("message_reaction", update)

    def pins(self, who: Person, message: Json) -> None:
        self.posts(who, pinned_message=_bare(message))

    def retitles(self, who: Person, title: str) -> None:
        self.title = title
        self.posts(who, new_chat_title=title)

    def topic(self, who: Person, name: str) -> int:
        """Open a topic; its id is that of the message which says so."""
        created = self.posts(who, forum_topic_created={"name": name, "icon_color": 7322096})
        number: int = created["message_id"]
        self.topics[number] = True
        return number

    # -- people come and go

    def joins(self, who: Person | Bot, *, by: Person | None = None) -> None:
        person = who.person if isinstance(who, Bot) else who
        self._becomes(person, Standing("member"), by=by or person)
        if self.kind != "channel":
            self.posts(by or person, new_chat_members=[person.json()])

    def leaves(self, who: Person) -> None:
        self.posts(who, left_chat_member=who.json())
        self._becomes(who, Standing("left"), by=who)

    def removes(self, who: Person | Bot, *, by: Person) -> None:
        """Remove somebody, who may not come back."""
        person = who.person if isinstance(who, Bot) else who
        if self.kind != "channel":
            self.posts(by, left_chat_member=person.json())
        self._becomes(person, Standing("kicked"), by=by)

    def promotes(self, who: Person | Bot, *rights: str, by: Person | None = None) -> None:
        person = who.person if isinstance(who, Bot) else who
        self._becomes(person, Standing("administrator", frozenset(rights)), by=by or person)

    def _becomes(self, person: Person, standing: Standing, *, by: Person) -> None:
        before = self.standing(person)
        self.standings[person.id] = standing
        update = {
            "chat": self.json(),
            "from": by.json(),
            "date": int(self.world.now()),
            "old_chat_member": before.json(person),
            "new_chat_member": standing.json(person),
        }
        for bot in self.world.bots.values():
            if bot.person.id == person.id:
                bot.tell("my_chat_member", update)
            elif bot.hears(self, "chat_member", update):
                bot.tell("chat_member", update)

    def migrates(self) -> "Chat":
        """Become a supergroup: another chat with another id, whose messages are counted anew."""
        new = self.world.supergroup(self.title)
        new.standings = dict(self.standings)
        people = (person for person in self.world.people.values() if not person.is_bot and self.standing(person).inside)
        owner = next(people)
        self.posts(owner, migrate_to_chat_id=new.id)
        self.moved_to = new.id
        new.posts(owner, migrate_from_chat_id=self.id)
        return new

    def _tell(self, kind: str, what: Json) -> None:
        for bot in self.world.bots.values():
            if bot.hears(self, kind, what):
                bot.tell(kind, {key: value for key, value in what.items() if not key.startswith("_")})


def _bare(message: Json) -> Json:
    """Return a message as others refer to it: without what it refers to itself."""
    return {key: value for key, value in message.items() if key not in {"reply_to_message", "pinned_message"}}
