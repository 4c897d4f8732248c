"""What a message says, in no network's dialect: text, spans over it, mentions and attachments.

Offsets are code points into ``text``; connectors convert to and from their own units. Spans may nest but never
cross, are sorted by (start, -end) and are never empty. Who makes a Content keeps that; :func:`bridge.core.spans.tidy` helps.
"""

from enum import StrEnum

import msgspec

from bridge.core.ids import MessageId, MessageRef, Person


class Style(StrEnum):
    """What a span does to its text."""

    BOLD = "bold"
    ITALIC = "italic"
    UNDERLINE = "underline"
    STRIKE = "strike"
    CODE = "code"
    PRE = "pre"  # a block of code; value: its language or ""
    QUOTE = "quote"  # a block quoted from somebody
    SPOILER = "spoiler"
    LINK = "link"  # value: the URL behind the text
    COLOR = "color"  # value: "#rrggbb" or "#rrggbb,#rrggbb" (foreground, background); networks may drop it


class Span(msgspec.Struct, frozen=True):
    """One style over ``text[start:end]``."""

    start: int
    end: int
    style: Style
    value: str = ""


class Mention(msgspec.Struct, frozen=True):
    """``text[start:end]`` names this person."""

    start: int
    end: int
    person: Person


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """A file that belongs to a message; the bytes stay where they are.

    A connector gives a ``url`` that everybody can fetch, or a ``handle``: what it calls a file that only it can open
    (:class:`bridge.connector.Opens`). The hub gives the latter a URL of the bridge's own, and says whose it is; a file
    without a URL is put into words before it reaches any other network. Who wants the bytes asks ``Hub.open_file``.
    """

    url: str
    handle: str = ""
    network: str = ""  # whose connector opens the handle; filled in by the hub
    name: str = ""
    media_type: str = ""
    size: int | None = None  # bytes
    width: int | None = None  # pixels
    height: int | None = None
    duration: float | None = None  # seconds
    description: str = ""


class Kind(StrEnum):
    """How the words are meant."""

    TEXT = "text"
    ACTION = "action"  # "/me": the text goes on after the sender's name
    NOTICE = "notice"  # said by a program; never answered automatically


class Content(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a message says."""

    text: str
    kind: Kind = Kind.TEXT
    spans: tuple[Span, ...] = ()
    mentions: tuple[Mention, ...] = ()
    attachments: tuple[Attachment, ...] = ()


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The message that a message answers, with enough of it to quote where the network has no replies."""

    to: MessageRef
    name: str = ""  # the nick of who is answered
    person: Person | None = None
    excerpt: str = ""  # plain text, may be long: connectors cut it
    ids: tuple[MessageId, ...] = ()  # the message's parts in the delivery's own room; filled just before sending
