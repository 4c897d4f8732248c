"""The one module that imports ``telegram`` (python-telegram-bot): a bot's requests, and what became of each.

The library brings HTTP, uploads and the shape of requests. Its own objects stay here: updates are handed on as the JSON that
came, because one that the library could not read would keep all that come after it away. Errors are those of
:mod:`connectors.telegram.refusals`. Nothing is decided here, and nothing is tried twice.
"""

import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import httpx
import msgspec
import telegram
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    RetryAfter,
    TelegramError,
)
from telegram.request import HTTPXRequest

from connectors.telegram.calls import Expel, Medium, Say, SetReaction, Show, Upload
from connectors.telegram.refusals import (
    Flooded,
    Migrated,
    OtherReader,
    Refused,
    TokenRefused,
    Unanswered,
    Unreachable,
)
from connectors.telegram.rooms import Spot
from connectors.telegram.updates import ASKED, Chat, Entity, HookInfo, Standing, User, UserPhotos

# Each URL has the token in it, and httpx logs each; the library logs what a server says that is no JSON.
for _chatty in ("httpx", "httpcore"):
    logging.getLogger(_chatty).setLevel(logging.WARNING)
logging.getLogger("telegram").setLevel(logging.CRITICAL)

READ: Final = 30.0
"""Seconds in which Telegram has to answer; it may fetch a file meanwhile."""
CONNECT: Final = 10.0
CHUNK: Final = 65_536
PORTRAIT: Final = 320
"""Pixels of the size of a person's picture that is taken, where there are several."""
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.ProxyError)


class _Bot(telegram.Bot):
    """The library's bot, that also hands on updates as they came."""

    async def raw(self, method: str, given: dict[str, Any], *, read: float) -> Any:
        return await self._post(method, given, read_timeout=read)


class Client:
    """A bot on a Bot API server."""

    def __init__(self, token: str, api_url: str, *, connections: int = 32) -> None:
        self._token = token
        base = api_url.rstrip("/")
        ours = HTTPXRequest(
            connection_pool_size=connections,
            read_timeout=READ,
            write_timeout=READ,
            media_write_timeout=READ,
            connect_timeout=CONNECT,
            pool_timeout=READ,
        )
        polling = HTTPXRequest(connection_pool_size=2, connect_timeout=CONNECT, pool_timeout=CONNECT)
        self._requests = (ours, polling)
        self._file_url = f"{base}/file/bot{token}"
        self._files = httpx.AsyncClient(timeout=httpx.Timeout(READ, connect=CONNECT), follow_redirects=False)
        self._bot = _Bot(
            token,
            base_url=f"{base}/bot",
            base_file_url=f"{base}/file/bot",
            request=ours,
            get_updates_request=polling,
        )

    # -- the bot itself

    async def open(self) -> User:
        """Connect, and return who the bot is. Raises: Trouble."""
        with self._errors():
            for request in self._requests:
                await request.initialize()
            return msgspec.convert(await self._bot.raw("getMe", {}, read=READ), User)

    async def close(self) -> None:
        """Disconnect."""
        for request in self._requests:
            await request.shutdown()
        await self._files.aclose()

    async def read_by_polling(self) -> None:
        """See to it that updates can be polled, and none is dropped. Raises: Trouble."""
        with self._errors():
            await self._bot.delete_webhook(drop_pending_updates=False)

    async def deliver_to(self, url: str, secret: str) -> None:
        """Have updates delivered to a URL, one at a time so that they stay in order. Raises: Trouble."""
        with self._errors():
            await self._bot.set_webhook(url, secret_token=secret, max_connections=1, allowed_updates=list(ASKED))

    async def webhook(self) -> HookInfo:
        """Return where updates are delivered, and how that goes. Raises: Trouble."""
        with self._errors():
            return msgspec.convert(await self._bot.raw("getWebhookInfo", {}, read=READ), HookInfo)

    async def updates(self, offset: int | None, *, wait: float) -> list[dict[str, Any]]:
        """Return what has happened from ``offset`` on, after ``wait`` seconds at most. Raises: Trouble."""
        asked: dict[str, Any] = {"offset": offset, "timeout": round(wait), "allowed_updates": list(ASKED)}
        with self._errors():
            found: list[dict[str, Any]] = await self._bot.raw("getUpdates", asked, read=wait + CONNECT)
            return found

    # -- asking

    async def chat(self, chat: int) -> Chat:
        """Return what a chat is. Raises: Trouble."""
        with self._errors():
            return msgspec.convert(await self._bot.raw("getChat", {"chat_id": chat}, read=READ), Chat)

    async def standing(self, chat: int, user: int) -> Standing:
        """Return what somebody is in a chat. Raises: Trouble."""
        with self._errors():
            asked = {"chat_id": chat, "user_id": user}
            return msgspec.convert(await self._bot.raw("getChatMember", asked, read=READ), Standing)

    async def administrators(self, chat: int) -> list[User]:
        """Return who administers a chat. Raises: Trouble."""
        with self._errors():
            found = await self._bot.raw("getChatAdministrators", {"chat_id": chat}, read=READ)
            return [each.user for each in msgspec.convert(found, list[Standing])]

    async def portrait(self, number: int) -> tuple[str, str]:
        """Return file id and unique id of somebody's picture, or of a chat's, "" where there is none. Raises: Trouble."""
        if number < 0:
            photo = (await self.chat(number)).photo
            return ("", "") if photo is None else (photo.small_file_id, photo.small_file_unique_id)
        with self._errors():
            asked = {"user_id": number, "limit": 1}
            found = msgspec.convert(await self._bot.raw("getUserProfilePhotos", asked, read=READ), UserPhotos)
        sizes = found.photos[0] if found.photos else ()
        best = min(sizes, key=lambda size: abs((size.width or 0) - PORTRAIT), default=None)
        return ("", "") if best is None else (best.file_id, best.file_unique_id)

    @asynccontextmanager
    async def download(self, file: str) -> AsyncIterator[tuple[int | None, AsyncIterator[bytes]]]:
        """Open a file by its id: its size and its bytes, in pieces. Raises: Trouble, also in the middle."""
        with self._errors():
            found = await self._bot.raw("getFile", {"file_id": file}, read=READ)
        path = found.get("file_path")
        if not path:
            raise Refused("the file has no path")
        try:
            async with self._files.stream("GET", f"{self._file_url}/{quote(path)}") as response:
                if response.status_code != HTTPStatus.OK:
                    raise Refused(f"the file cannot be read (status {response.status_code})")
                yield found.get("file_size"), self._chunks(response)
        except httpx.HTTPError as error:
            raise Unreachable(type(error).__name__) from None  # its words have the address in them

    async def _chunks(self, response: httpx.Response) -> AsyncIterator[bytes]:
        try:
            async for chunk in response.aiter_raw(CHUNK):
                yield chunk
        except httpx.HTTPError as error:
            raise Unreachable(type(error).__name__) from None

    # -- speaking

    async def say(self, call: Say) -> int:
        """Post text; return the message's number. Raises: Trouble."""
        with self._errors():
            message = await self._bot.send_message(
                call.place.chat,
                call.text,
                entities=_entities(call.entities),
                message_thread_id=call.place.topic,
                reply_parameters=_answer(call.answers),
            )
            return message.message_id

    async def show(self, call: Show, files: Sequence[Upload]) -> list[int]:
        """Post a file, or several that fit together; return the messages' numbers. Raises: Trouble."""
        with self._errors():
            if len(files) == 1:
                return [(await self._show_one(call, files[0])).message_id]
            media = [_album_item(file, call if at == 0 else None) for at, file in enumerate(files)]
            messages = await self._bot.send_media_group(
                call.place.chat,
                media,
                message_thread_id=call.place.topic,
                reply_parameters=_answer(call.answers),
            )
            return [message.message_id for message in messages]

    async def _show_one(self, call: Show, file: Upload) -> telegram.Message:
        common: dict[str, Any] = {
            "chat_id": call.place.chat,
            "caption": call.caption or None,
            "caption_entities": _entities(call.entities),
            "message_thread_id": call.place.topic,
            "reply_parameters": _answer(call.answers),
        }
        data, lasts = _file(file), file.duration
        match file.medium:
            case Medium.PHOTO:
                return await self._bot.send_photo(photo=data, **common)
            case Medium.VIDEO:
                size: dict[str, Any] = {"width": file.width, "height": file.height}
                return await self._bot.send_video(video=data, duration=lasts, supports_streaming=True, **size, **common)
            case Medium.ANIMATION:
                return await self._bot.send_animation(animation=data, duration=lasts, **common)
            case Medium.AUDIO:
                return await self._bot.send_audio(audio=data, duration=lasts, **common)
            case Medium.VOICE:
                return await self._bot.send_voice(voice=data, duration=lasts, **common)
            case Medium.DOCUMENT:
                return await self._bot.send_document(document=data, disable_content_type_detection=True, **common)

    async def typing(self, chat: int, topic: int | None) -> None:
        """Show for a few seconds that the bot composes. Raises: Trouble."""
        with self._errors():
            await self._bot.send_chat_action(chat, "typing", message_thread_id=topic)

    # -- changing

    async def rewrite(self, spot: Spot, text: str, entities: Sequence[Entity], *, caption: bool = False) -> None:
        """Put another text, or another caption, in a message's place. Raises: Trouble."""
        with self._errors():
            if caption:
                await self._bot.edit_message_caption(
                    spot.chat, spot.number, caption=text, caption_entities=_entities(entities)
                )
            else:
                await self._bot.edit_message_text(text, spot.chat, spot.number, entities=_entities(entities))

    async def remove(self, chat: int, numbers: Sequence[int]) -> None:
        """Delete messages. Raises: Trouble."""
        with self._errors():
            if len(numbers) == 1:
                await self._bot.delete_message(chat, numbers[0])
            else:
                await self._bot.delete_messages(chat, numbers)

    async def react(self, call: SetReaction) -> None:
        """Show a reaction, or none. Raises: Trouble."""
        with self._errors():
            await self._bot.set_message_reaction(call.spot.chat, call.spot.number, call.emoji or [])

    async def expel(self, call: Expel) -> None:
        """Remove somebody from a chat. Raises: Trouble."""
        with self._errors():
            await self._bot.ban_chat_member(call.chat, call.user)
            if not call.ban:
                await self._bot.unban_chat_member(call.chat, call.user, only_if_banned=True)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Translate what the library raises; none of its words that could hold the token get out."""
        try:
            yield
        except RetryAfter as error:
            raise Flooded(error._retry_after.total_seconds()) from None  # noqa: SLF001 - the public one warns of itself
        except ChatMigrated as error:
            raise Migrated(error.new_chat_id) from None
        except InvalidToken:
            raise TokenRefused("Telegram does not accept the bot's token") from None
        except Conflict:
            raise OtherReader("another program reads this bot's updates") from None
        except (BadRequest, Forbidden) as error:
            raise Refused(self._without_token(error.message.removeprefix("Forbidden: "))) from None
        except TelegramError as error:
            cause = error.__cause__
            words = self._without_token(error.message)
            if cause is None or isinstance(
                cause, (*_NOT_SENT, TelegramError)
            ):  # the latter: an answer of 5xx, not in JSON
                raise Unreachable(words) from None
            raise Unanswered(words) from None

    def _without_token(self, words: str) -> str:
        return words.replace(self._token, "…")


def _entities(entities: Sequence[Entity]) -> list[telegram.MessageEntity] | None:
    return [_entity(each) for each in entities] or None


def _entity(entity: Entity) -> telegram.MessageEntity:
    user = entity.user
    return telegram.MessageEntity(
        entity.type,
        entity.offset,
        entity.length,
        url=entity.url or None,
        user=None if user is None else telegram.User(user.id, user.first_name, is_bot=False),
        language=entity.language or None,
    )


def _answer(number: int) -> telegram.ReplyParameters | None:
    return telegram.ReplyParameters(number, allow_sending_without_reply=True) if number else None


_ALBUM: dict[Medium, Any] = {
    Medium.PHOTO: telegram.InputMediaPhoto,
    Medium.VIDEO: telegram.InputMediaVideo,
    Medium.AUDIO: telegram.InputMediaAudio,
    Medium.DOCUMENT: telegram.InputMediaDocument,
}


def _album_item(file: Upload, first: Show | None) -> Any:
    words = {} if first is None else {"caption": first.caption or None, "caption_entities": _entities(first.entities)}
    return _ALBUM[file.medium](_file(file, attach=True), **words)


def _file(file: Upload, *, attach: bool = False) -> telegram.InputFile:
    """Return a file as the library sends it: read from the disk piece by piece, each time from its beginning."""
    file.data.seek(0)
    made = telegram.InputFile(file.data, filename=file.name, attach=attach, read_file_handle=False)
    made.mimetype = file.media_type or made.mimetype
    return made
