"""What each Bot API method does to the world, and what it refuses, in Telegram's own words.

Called by ``server.py`` with parameters that the schema has passed. Every method returns what becomes ``result``.
"""

import json
from collections.abc import Callable
from itertools import accumulate
from typing import Any

from tests.support.telegram.limits import Flood
from tests.support.telegram.schema import Upload, schema
from tests.support.telegram.world import Bot, Chat, File, Json, Person, Standing, World

TEXT = 4096
CAPTION = 1024
ENTITIES = 100
LARGEST_UPLOAD = 50_000_000
LARGEST_PHOTO = 10_000_000
LARGEST_DOWNLOAD = 20_000_000
LARGEST_BY_URL = {"photo": 5_000_000}
DELETABLE = 48 * 3600
PLAIN = frozenset(
    {
        "mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number", "bold", "italic", "underline",
        "strikethrough", "spoiler", "blockquote", "expandable_blockquote", "code", "pre", "date_time",
    }
)  # fmt: skip

_GIFTS = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
_NEEDED = {
    "text_link": ("url", "entity text_link has no URL"),
    "text_mention": ("user", "entity text_mention has no user"),
    "custom_emoji": ("custom_emoji_id", "entity custom_emoji has no identifier"),
}
_KINDS = {
    "sendPhoto": "photo",
    "sendDocument": "document",
    "sendVideo": "video",
    "sendAudio": "audio",
    "sendVoice": "voice",
    "sendAnimation": "animation",
    "sendSticker": "sticker",
}


class Refused(Exception):
    """An answer with ``"ok": false``."""

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters


def bad(description: str) -> Refused:
    return Refused(400, f"Bad Request: {description}")


def forbidden(description: str) -> Refused:
    return Refused(403, f"Forbidden: {description}")


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


class Methods:
    """The methods that one bot calls."""

    def __init__(self, world: World, bot: Bot, flood: Flood) -> None:
        self.world = world
        self.bot = bot
        self.flood = flood

    def call(self, method: str, given: Json) -> Any:
        """Carry out a method. Raises: Refused."""
        if method in _KINDS:
            return self._send_file(_KINDS[method], given)
        found: Callable[[Json], Any] = _METHODS[method].__get__(self)
        return found(given)

    # -- about the bot

    def get_me(self, _: Json) -> Json:
        return self.bot.person.json() | {
            "can_join_groups": True,
            "can_read_all_group_messages": self.bot.reads_all,
            "supports_inline_queries": False,
        }

    def get_webhook_info(self, _: Json) -> Json:
        hook, trouble = self.bot.webhook or {}, self.bot.trouble
        return {
            "url": hook.get("url", ""),
            "has_custom_certificate": False,
            "pending_update_count": len(self.bot.updates),
        } | ({} if trouble is None else {"last_error_date": trouble[0], "last_error_message": trouble[1]})

    # -- sending

    def send_message(self, given: Json) -> Json:
        chat = self._writable(given)
        text, entities = _said(given.get("text", ""), given.get("entities", []), limit=TEXT, what="message")
        if not text:
            raise bad("message text is empty")
        return self._post(chat, given, text=text, **({"entities": entities} if entities else {}))

    def send_location(self, given: Json) -> Json:
        chat = self._writable(given)
        return self._post(chat, given, location={"latitude": given["latitude"], "longitude": given["longitude"]})

    def _send_file(self, kind: str, given: Json) -> Json:
        chat = self._writable(given)
        content = self._caption(given) | self._content(kind, given[kind], given)
        return self._post(chat, given, **content)

    def send_media_group(self, given: Json) -> list[Json]:
        chat = self._writable(given)
        media = given["media"]
        if not 2 <= len(media) <= 10:
            raise bad("wrong number of items in the album")
        kinds = {item["type"] for item in media}
        if len(kinds) > 1 and kinds - {"photo", "video"}:
            raise bad("wrong file types in the album: documents and audio go with their own kind only")
        contents = []
        for item in media:
            source = item["media"]
            if source.startswith("attach://"):
                source = given.get(source.removeprefix("attach://"))
                if not isinstance(source, Upload):
                    raise bad("wrong file attached")
            contents.append(self._caption(item) | self._content(item["type"], source, item))
        for _ in media[1:]:
            self._count(chat)
        group = f"group{max(chat.messages, default=0) + 1}"
        return [self._post(chat, given, media_group_id=group, **content) for content in contents]

    def send_chat_action(self, given: Json) -> bool:
        chat = self._chat(given)
        chat.actions.append(given["action"])
        return True

    def _caption(self, given: Json) -> Json:
        caption, entities = _said(
            given.get("caption", ""), given.get("caption_entities", []), limit=CAPTION, what="message caption"
        )
        found: Json = {"caption": caption} if caption else {}
        return found | ({"caption_entities": entities} if entities else {})

    def _content(self, kind: str, source: str | Upload, given: Json) -> Json:
        """Return the fields of a message with a file: uploaded, from a URL, or one that Telegram has."""
        file = self._file(kind, source)
        if kind == "photo":
            return {"photo": [_photo(file)]}
        name = source.name if isinstance(source, Upload) else file.path.rpartition("/")[2]
        body: Json = {"file_id": file.id, "file_unique_id": file.unique, "file_size": len(file.data)}
        extra = {key: given[key] for key in ("width", "height", "duration") if key in given}
        needs = {
            "video": {"width": 640, "height": 360, "duration": 0},
            "animation": {"width": 320, "height": 240, "duration": 0},
            "audio": {"duration": 0},
            "voice": {"duration": 0},
            "sticker": {"type": "regular", "width": 512, "height": 512, "is_animated": False, "is_video": False},
        }.get(kind, {})
        named = {} if kind in {"voice", "sticker"} else {"file_name": name}
        found: Json = {kind: needs | body | extra | named}
        if kind == "animation":
            found["document"] = body | named
        return found

    def _file(self, kind: str, source: str | Upload) -> File:
        if isinstance(source, Upload):
            if len(source) > LARGEST_UPLOAD:
                raise Refused(413, "Request Entity Too Large")
            if kind == "photo" and len(source) > LARGEST_PHOTO:
                raise bad("PHOTO_SAVE_FILE_INVALID")
            return self.world.keep(bytes(source), name=source.name)
        if source in self.world.files:
            return self.world.files[source]
        if not source.startswith(("http://", "https://")):
            raise bad("wrong file identifier/HTTP URL specified")
        if source not in self.world.web:
            raise bad("failed to get HTTP URL content")
        media_type, data = self.world.web[source]
        if len(data) > LARGEST_BY_URL.get(kind, LARGEST_DOWNLOAD):
            raise bad("failed to get HTTP URL content")
        if kind == "document" and media_type not in {"application/pdf", "application/zip", "image/gif"}:
            raise bad("wrong type of the web page content")
        if kind in {"photo", "video", "audio"} and media_type.partition("/")[0] != {"photo": "image"}.get(kind, kind):
            raise bad("wrong type of the web page content")
        return self.world.keep(data, name=source.rpartition("/")[2])

    def _post(self, chat: Chat, given: Json, **content: Any) -> Json:
        fields = content | self._answered(chat, given)
        topic = given.get("message_thread_id")
        who = None if chat.kind == "channel" else self.bot.person
        return chat.posts(who, topic=topic, **fields)

    def _answered(self, chat: Chat, given: Json) -> Json:
        wanted = given.get("reply_parameters")
        if not wanted:
            return {}
        if wanted.get("chat_id", chat.id) != chat.id:
            raise bad("message to be replied not found")
        answered = chat.messages.get(wanted["message_id"])
        if answered is None:
            if wanted.get("allow_sending_without_reply"):
                return {}
            raise bad("message to be replied not found")
        return {"reply_to": answered}

    # -- changing

    def edit_message_text(self, given: Json) -> Json:
        chat, message = self._own(given)
        text, entities = _said(given["text"], given.get("entities", []), limit=TEXT, what="message")
        if "text" not in message:
            raise bad("there is no text in the message to edit")
        return self._rewrite(chat, message, text, entities, fields=("text", "entities"))

    def edit_message_caption(self, given: Json) -> Json:
        chat, message = self._own(given)
        caption, entities = _said(
            given.get("caption", ""), given.get("caption_entities", []), limit=CAPTION, what="message caption"
        )
        if "text" in message:
            raise bad("there is no caption in the message to edit")
        return self._rewrite(chat, message, caption, entities, fields=("caption", "caption_entities"))

    def _own(self, given: Json) -> tuple[Chat, Json]:
        chat = self._chat(given)
        self._count(chat)
        message = chat.messages.get(given.get("message_id", 0))
        if message is None:
            raise bad("message to edit not found")
        if chat.kind != "channel" and message.get("from", {}).get("id") != self.bot.person.id:
            raise bad("message can't be edited")
        return chat, message

    def _rewrite(self, chat: Chat, message: Json, text: str, entities: list[Json], *, fields: tuple[str, str]) -> Json:
        words, marks = fields
        if not text and words == "text":
            raise bad("message text is empty")
        if (message.get(words, ""), message.get(marks, [])) == (text, entities):
            raise bad(
                "message is not modified: specified new message content and reply markup are exactly the same "
                "as a current content and reply markup of the message"
            )
        message[words] = text
        message.pop(marks, None)
        if entities:
            message[marks] = entities
        message["edit_date"] = int(self.world.now())
        return {key: value for key, value in message.items() if not key.startswith("_")}

    def delete_message(self, given: Json) -> bool:
        chat = self._chat(given)
        message = chat.messages.get(given["message_id"])
        if message is None:
            raise bad("message to delete not found")
        if not self._may_delete(chat, message):
            raise bad("message can't be deleted")
        chat.deletes(message)
        return True

    def delete_messages(self, given: Json) -> bool:
        chat = self._chat(given)
        if not 1 <= len(given["message_ids"]) <= 100:
            raise bad("wrong number of message identifiers")
        found = [chat.messages[number] for number in given["message_ids"] if number in chat.messages]
        if not all(self._may_delete(chat, message) for message in found):
            raise bad("message can't be deleted")
        for message in found:
            chat.deletes(message)
        return True

    def _may_delete(self, chat: Chat, message: Json) -> bool:
        if "can_delete_messages" in chat.standing(self.bot.person).rights:
            return True
        own = message.get("from", {}).get("id") == self.bot.person.id or chat.kind == "channel"
        return own and self.world.now() - message["date"] < DELETABLE

    def set_message_reaction(self, given: Json) -> bool:
        chat = self._chat(given)
        if given["message_id"] not in chat.messages:
            raise bad("message to react not found")
        wanted = given.get("reaction", [])
        if len(wanted) > 1:
            raise bad("REACTIONS_TOO_MANY")
        if any(one["type"] != "emoji" or one["emoji"] not in schema().reactions for one in wanted):
            raise bad("REACTION_INVALID")
        chat.reactions[given["message_id"], self.bot.person.id] = wanted
        return True

    # -- asking

    def get_user_profile_photos(self, given: Json) -> Json:
        person = self.world.people.get(given["user_id"])
        if person is None:
            raise bad("user not found")
        photos = self.world.portraits.get(person.id, [])
        return {"total_count": len(photos), "photos": photos[: given.get("limit", 100)]}

    def get_file(self, given: Json) -> Json:
        file = self.world.files.get(given["file_id"])
        if file is None:
            raise bad("invalid file_id")
        if len(file.data) > LARGEST_DOWNLOAD:
            raise bad("file is too big")
        return {
            "file_id": file.id, "file_unique_id": file.unique, "file_size": len(file.data), "file_path": file.path,
        }  # fmt: skip

    def get_chat(self, given: Json) -> Json:
        chat = self._chat(given)
        photo = {} if chat.picture is None else {"photo": chat.picture}
        return (
            chat.json()
            | photo
            | {
                "accent_color_id": 0,
                "max_reaction_count": 11,
                "accepted_gift_types": dict.fromkeys(_GIFTS, False),
            }
        )

    def get_chat_member(self, given: Json) -> Json:
        chat = self._chat(given)
        person = self.world.people.get(given["user_id"])
        if person is None:
            raise bad("user not found")
        standing = chat.standing(person)
        if standing.status == "left" and not chat.standing(self.bot.person).admin:
            raise bad("member list is inaccessible")
        return standing.json(person)

    def get_chat_member_count(self, given: Json) -> int:
        return sum(standing.inside for standing in self._chat(given).standings.values())

    def get_chat_administrators(self, given: Json) -> list[Json]:
        chat = self._chat(given)
        return [
            standing.json(self.world.people[number])
            for number, standing in chat.standings.items()
            if standing.admin and (number == self.bot.person.id or not self.world.people[number].is_bot)
        ]

    # -- removing

    def ban_chat_member(self, given: Json) -> bool:
        chat, person = self._target(given)
        if chat.standing(person).admin:
            raise bad("user is an administrator of the chat")
        chat.removes(person, by=self.bot.person)
        return True

    def unban_chat_member(self, given: Json) -> bool:
        chat, person = self._target(given)
        if chat.standing(person).status == "kicked":
            chat.standings[person.id] = Standing("left")
        return True

    def leave_chat(self, given: Json) -> bool:
        chat = self._chat(given)
        chat.standings[self.bot.person.id] = Standing("left")
        return True

    def _target(self, given: Json) -> tuple[Chat, Person]:
        chat = self._chat(given)
        person = self.world.people.get(given["user_id"])
        if person is None:
            raise bad("PARTICIPANT_ID_INVALID")
        if "can_restrict_members" not in chat.standing(self.bot.person).rights:
            raise bad("not enough rights to restrict/unrestrict chat member")
        return chat, person

    # -- where

    def _chat(self, given: Json) -> Chat:
        """Return a chat that the bot is in."""
        chat = self.world.chats.get(given["chat_id"])
        if chat is None or (chat.kind == "private" and chat.id not in self.bot.started):
            raise bad("chat not found")
        if chat.moved_to is not None:
            message = "Bad Request: group chat was upgraded to a supergroup chat"
            raise Refused(400, message, migrate_to_chat_id=chat.moved_to)
        if chat.id in self.bot.blocked:
            raise forbidden("bot was blocked by the user")
        standing = chat.standing(self.bot.person)
        if standing.status == "kicked":
            raise forbidden(f"bot was kicked from the {chat.kind} chat")
        if not standing.inside:
            raise forbidden(f"bot is not a member of the {chat.kind} chat")
        return chat

    def _writable(self, given: Json) -> Chat:
        chat = self._chat(given)
        standing = chat.standing(self.bot.person)
        if chat.kind == "channel" and not standing.admin:
            raise bad("need administrator rights in the channel chat")
        if standing.status == "restricted":
            raise bad("not enough rights to send text messages to the chat")
        topic = given.get("message_thread_id")
        if topic is not None and topic not in chat.topics:
            raise bad("message thread not found")
        if topic is not None and not chat.topics[topic]:
            raise bad("TOPIC_CLOSED")
        self._count(chat)
        return chat

    def _count(self, chat: Chat) -> None:
        wait = self.flood.retry_after(chat.id)
        if wait:
            raise Refused(429, f"Too Many Requests: retry after {wait}", retry_after=wait)


def _photo(file: File) -> Json:
    return {
        "file_id": file.id, "file_unique_id": file.unique, "file_size": len(file.data), "width": 800, "height": 600,
    }  # fmt: skip


def _said(text: str, entities: list[Json], *, limit: int, what: str) -> tuple[str, list[Json]]:
    """Return text and entities as Telegram keeps them: without blanks around, which moves the entities. Raises: Refused."""
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise bad("strings must be encoded in UTF-8")
    if units(text) > limit:
        raise bad(f"{what} is too long")
    if len(entities) > ENTITIES:
        raise bad("too many entities")
    for entity in entities:
        _check_entity(entity, text)
    kept = text.strip(" \n\t\r\0")
    cut = units(text[: text.index(kept)]) if kept else 0
    moved = []
    for entity in entities:
        start = max(entity["offset"] - cut, 0)
        end = min(entity["offset"] + entity["length"] - cut, units(kept))
        if start < end:
            moved.append(entity | {"offset": start, "length": end - start})
    return kept, moved


def _check_entity(entity: Json, text: str) -> None:
    start, length = entity["offset"], entity["length"]
    borders = set(accumulate(map(units, text), initial=0))
    if length <= 0 or start < 0:
        raise bad(f"entity with wrong offset or length: {json.dumps(entity)}")
    if start + length > units(text):
        raise bad(
            f"entity beginning at UTF-16 offset {start} ends after the end of the text at UTF-16 offset {start + length}"
        )
    if not {start, start + length} <= borders:
        raise bad(f"entity beginning at UTF-16 offset {start} ends in a middle of a UTF-16 symbol")
    kind = entity["type"]
    needed, complaint = _NEEDED.get(kind, ("type", ""))
    if not entity.get(needed):
        raise bad(complaint)
    if kind not in PLAIN and kind not in _NEEDED:
        raise bad(f'unsupported entity type "{kind}"')


_METHODS: dict[str, Any] = {
    "getMe": Methods.get_me,
    "getWebhookInfo": Methods.get_webhook_info,
    "sendMessage": Methods.send_message,
    "sendLocation": Methods.send_location,
    "sendMediaGroup": Methods.send_media_group,
    "sendChatAction": Methods.send_chat_action,
    "editMessageText": Methods.edit_message_text,
    "editMessageCaption": Methods.edit_message_caption,
    "deleteMessage": Methods.delete_message,
    "deleteMessages": Methods.delete_messages,
    "setMessageReaction": Methods.set_message_reaction,
    "getFile": Methods.get_file,
    "getUserProfilePhotos": Methods.get_user_profile_photos,
    "getChat": Methods.get_chat,
    "getChatMember": Methods.get_chat_member,
    "getChatMemberCount": Methods.get_chat_member_count,
    "getChatAdministrators": Methods.get_chat_administrators,
    "banChatMember": Methods.ban_chat_member,
    "unbanChatMember": Methods.unban_chat_member,
    "leaveChat": Methods.leave_chat,
}
