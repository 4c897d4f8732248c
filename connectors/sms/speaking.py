"""Carrying out deliveries: words to one telephone at once, words to a list by way of the pending ones.

Who speaks stands in front, unless they go on in a conversation of two. A list is written down whole before it counts as sent:
from then on each telephone has its own fate. Called by :mod:`connectors.sms.connector`.
"""

from typing import Final, assert_never

from msgspec.structs import replace

from bridge.core.capabilities import Feature, Limit, Unit
from bridge.core.content import Attachment, Content, Kind, Reply
from bridge.core.degrade import described
from bridge.core.deliveries import (
    Announce,
    AsBridge,
    AsMask,
    AsPuppet,
    AsRelay,
    Delivery,
    Edit,
    Head,
    Kick,
    Post,
    React,
    Retract,
    Sent,
    SetTopic,
    Tell,
    Voice,
)
from bridge.core.events import Member
from bridge.core.failures import Permanent, Unsupported
from bridge.core.ids import MessageId, RoomId
from bridge.core.splitting import clip
from bridge.core.text import clean_name
from connectors.sms import numbers
from connectors.sms.book import Book, Pending, ref_of
from connectors.sms.config import SmsSettings
from connectors.sms.lists import Roll
from connectors.sms.relaying import Relay
from connectors.sms.submitting import Submitter

_QUOTED: Final = Limit(40, Unit.CODE_POINTS)
_ENDING: Final = "\n(Reply STOP to get no more of these.)"
MOST_MEDIA: Final = 10
LARGEST: Final = 5_000_000
BLOCKED: Final = "they have asked for no messages (STOP); only they can change that, by sending START"


Media = tuple[str, ...]


class Mouth:
    """Speaks to one network's telephones."""

    def __init__(self, settings: SmsSettings, *, book: Book, submitter: Submitter, relay: Relay) -> None:
        self._settings = settings
        self._book = book
        self._submitter = submitter
        self._relay = relay

    async def send(self, delivery: Delivery) -> Sent:
        """Carry out one delivery. Raises: a DeliveryFailure."""
        match delivery:
            case Post(head=head, content=content, reply=reply):
                content, media = self._shown(content)
                return await self._say(delivery, _said(content, head.voice, reply), is_message=True, media=media)
            case Edit(head=head, content=content):
                return await self._say(delivery, _said(content, head.voice, None, corrected=True))
            case Announce():
                return Sent()  # who joins and what goes wrong is worth no money, and no noise in somebody's pocket
            case Tell():
                return await self._tell(delivery)
            case SetTopic():
                raise Unsupported(Feature.TOPIC)
            case Retract():
                raise Unsupported(Feature.RETRACT)
            case React():
                raise Unsupported(Feature.REACT)
            case Kick():
                raise Unsupported(Feature.KICK)
            case _:
                assert_never(delivery)

    def _shown(self, content: Content) -> tuple[Content, Media]:
        """Take the files that go out as such off a message; the others are told."""
        if not self._settings.mms:
            return content, ()
        shown = [file for file in content.attachments if _is_medium(file)][:MOST_MEDIA]
        told = tuple(file for file in content.attachments if file not in shown)
        return replace(content, attachments=told), tuple(file.url for file in shown)

    async def _tell(self, tell: Tell) -> Sent:
        number = _number(tell.person.id)
        member = _speaker(tell.head.voice)
        last = await self._book.correspondent(number)
        known = member is not None and member.person == last
        content, media = self._shown(tell.content)
        text = _said(content, AsBridge() if known else tell.head.voice, None)
        ref = ref_of(tell.head.key, number)
        copy = MessageId(ref)
        await self._one(ref, number, text, RoomId(tell.head.room.id), copy, media)
        if member is not None:
            self._book.wrote(number, member.person)
        return Sent((copy,))

    async def _say(self, delivery: Post | Edit, text: str, *, is_message: bool = False, media: Media = ()) -> Sent:
        head = delivery.head
        room = head.room.id
        copy = MessageId(ref_of(head.key) if is_message else "")
        roll = self._book.rolls.get(room)
        if roll is None:
            number = _number(room)
            await self._one(ref_of(head.key, number), number, text, room, copy, media)
        else:
            await self._say_to_all(head, roll, text, copy, media)
        return Sent((copy,) if is_message else ())

    async def _say_to_all(self, head: Head, roll: Roll, text: str, copy: MessageId, media: Media) -> None:
        """Promise it to everybody on a list."""
        room = head.room.id
        written = None
        for number in roll.members:
            if not self._book.blocks.has(self._settings.number, number):
                ending = _ENDING if roll.greet(number) else ""
                ref = ref_of(head.key, number)
                pending = Pending(ref=ref, to=number, text=text + ending, at=head.at, room=room, copy=copy, media=media)
                written = self._relay.post(pending)
        if written is not None:
            await written
        await self._book.keep_roll(room)

    async def _one(self, ref: str, number: str, text: str, room: RoomId, copy: MessageId, media: Media) -> None:
        if self._book.blocks.has(self._settings.number, number):
            raise Permanent(BLOCKED)
        if not text.strip() and not media:
            msg = "there are no empty short messages"
            raise Permanent(msg)
        await self._submitter.submit(ref, to=number, text=text, room=room, copy=copy, media=media)


def _is_medium(file: Attachment) -> bool:
    """Tell whether carriers take a file: a picture, sound or film of at most 5 MB that can be fetched."""
    kind = file.media_type.partition("/")[0]
    return kind in {"image", "audio", "video"} and file.url.startswith("https://") and (file.size or 0) <= LARGEST


def _number(id_: str) -> str:
    """Return the number that an id stands for. Raises: Permanent."""
    try:
        address = numbers.sender(id_)
    except numbers.NoNumber as error:
        raise Permanent(str(error)) from None
    if not address.answerable:
        msg = f"“{id_[:20]}” is a name that can send, and cannot be answered"
        raise Permanent(msg)
    return address.id


def _speaker(voice: Voice) -> Member | None:
    match voice:
        case AsRelay(member=member) | AsMask(member=member) | AsPuppet(member=member):
            return member
        case AsBridge():
            return None
        case _:
            assert_never(voice)


def _said(content: Content, voice: Voice, reply: Reply | None, *, corrected: bool = False) -> str:
    """Return what a telephone shows."""
    text = "\n".join(filter(None, (content.text, *(described(file) for file in content.attachments))))
    if reply is not None and reply.excerpt:
        quoted = clip(" ".join(reply.excerpt.split()), limit=_QUOTED, ellipsis="…")
        text = f"[re “{quoted}”] {text}"
    member = _speaker(voice)
    name = clean_name(member.name) if member is not None else ""
    if content.kind is Kind.ACTION:
        return f"* {name} {text}" if name else f"* {text}"
    if corrected:
        text = f"(corrected) {text}"
    return f"{name}: {text}" if name else text
