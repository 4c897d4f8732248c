"""What can be asked of Telegram, as values: made by :mod:`connectors.telegram.outbound`, carried out by ``client.py``."""

from enum import StrEnum
from typing import IO, NamedTuple

import msgspec

from bridge.core.content import Attachment
from connectors.telegram.rooms import Place, Spot
from connectors.telegram.updates import Entity


class _Call(msgspec.Struct, frozen=True, kw_only=True):
    """Shared by all calls; no behaviour, no fields."""


class Say(_Call, frozen=True):
    """Post text."""

    place: Place
    text: str
    entities: tuple[Entity, ...] = ()
    answers: int = 0  # a message in the same chat, 0 for none


class Medium(StrEnum):
    """How a file is shown."""

    PHOTO = "photo"
    VIDEO = "video"
    ANIMATION = "animation"
    AUDIO = "audio"
    VOICE = "voice"
    DOCUMENT = "document"


class Show(_Call, frozen=True):
    """Post one file, or several as an album; ``otherwise`` is what to say for each that cannot be had or is not taken."""

    place: Place
    files: tuple[Attachment, ...]
    caption: str
    entities: tuple[Entity, ...]
    otherwise: tuple[tuple[Say, ...], ...]  # the first with the caption
    answers: int = 0
    plain: bool = False  # as documents, whatever they are: a picture may be too long and thin to be shown as one


class Rewrite(_Call, frozen=True):
    """Put another text, or another caption, in a message's place."""

    spot: Spot
    place: Place  # where it goes as a new message, should it be gone; only what belonged to a longer one
    text: str
    entities: tuple[Entity, ...] = ()
    anew: bool = False


class Remove(_Call, frozen=True):
    """Delete messages of one chat; ``own`` ones lose their text where they cannot be deleted."""

    chat: int
    numbers: tuple[int, ...]
    own: bool


class SetReaction(_Call, frozen=True):
    """Show a reaction, "" for none."""

    spot: Spot
    emoji: str


class Expel(_Call, frozen=True):
    """Remove somebody from a chat; ``ban``: for good."""

    chat: int
    user: int
    ban: bool


Call = Say | Show | Rewrite | Remove | SetReaction | Expel


class Upload(NamedTuple):
    """A file that was read, ready to be sent."""

    medium: Medium
    data: IO[bytes]
    size: int
    name: str
    media_type: str
    width: int | None = None
    height: int | None = None
    duration: int | None = None  # seconds
