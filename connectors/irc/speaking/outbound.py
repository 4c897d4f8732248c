"""Deliveries to lines: what is said on IRC for an order of the bridge. Pure.

Here is all that only IRC knows: one line for each line of a text, cut by bytes to what really fits, ACTION and NOTICE,
mIRC codes, client tags, and words for what has no line of its own (corrections, replies, attachments, links). Who
speaks is decided already; over which connection, and whether it arrived, is :mod:`connectors.irc.speaking.sending`'s business.

Nothing here can break out of a line: texts are cleaned by :mod:`~connectors.irc.speaking.formatting`, and the writer of the
connection refuses what could not be written as one parameter.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Literal, assert_never

import msgspec
from msgspec.structs import replace

from bridge.core import degrade, splitting
from bridge.core.capabilities import Limit, Unit
from bridge.core.content import Content, Kind, Reply, Style
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
    SetTopic,
    Tell,
    Voice,
)
from bridge.core.ids import MessageId, MessageRef, Person, PersonId
from bridge.core.spans import insert, prefixed, substituted
from bridge.core.text import clean_name
from connectors.irc.connection import ctcp
from connectors.irc.connection.marks import KEY, OWN, REACT, REPLY, UNREACT, VIA
from connectors.irc.connection.wire import encode
from connectors.irc.speaking import formatting

_ACTION_MARKS = len(ctcp.write("ACTION", "x")) - 1
_NAME = Limit(60, Unit.BYTES)
_EXCERPT = Limit(80, Unit.BYTES)
_LEAST = 40  # bytes for a text, however long the name before it is
_UNSPEAKABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
"""What separates words rather than be left out: controls and line separators."""


def _nobody(_person: Person) -> str:
    return ""


def _no_page(_message: MessageRef, _at: int) -> str:
    return ""


class Order(msgspec.Struct, frozen=True):
    """One line that is to be sent."""

    command: str
    params: tuple[str, ...]
    tags: dict[str, str] = {}


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """What the connection, the channel and the configuration allow."""

    channel: str  # where deliveries for the room go
    available: Callable[[str, str], int]  # bytes of text that fit into a line of (target, command)
    tags: bool = False  # client tags arrive
    keyed: bool = False  # what is said can be read again, and is to be recognised then
    redaction: bool = False
    codes: bool = True  # formatting codes are allowed
    corrections: Literal["short", "full", "off"] = "short"
    retractions: Literal["notice", "off"] = "notice"  # where the network has no redaction
    reactions: Literal["tags", "text"] = "tags"
    nick_of: Callable[[Person], str] = _nobody  # of somebody who is on this network, "" for who is not
    page: Callable[[MessageRef, int], str] = _no_page  # the URL of a page with a whole text; "" for none
    lines: int = 8  # that one message may have; the rest is counted, not said
    guard: bool = False  # names in relayed text are made such that nobody is highlighted
    topic_length: int = 0  # bytes; 0: whatever the line holds
    kick_length: int = 0
    is_recent: Callable[[Sequence[MessageId]], bool] = bool  # whether readers still see what is answered
    mask: Callable[[PersonId], str] = "{}!*@*".format  # whom a ban is for


def orders(delivery: Delivery, dialect: Dialect, *, reacted: Sequence[str] = ()) -> list[Order]:
    """Return the lines of a delivery, in order; none if IRC has nothing to say to it.

    ``reacted``: the reactions that the same person had to the same message until now, for React.
    """
    match delivery:
        case Post():
            return _post(delivery, dialect)
        case Edit():
            return _edit(delivery, dialect)
        case Retract():
            return _retract(delivery, dialect)
        case React():
            return _react(delivery, dialect, reacted)
        case SetTopic():
            topic = _clip(one_line(delivery.topic), dialect.topic_length)
            return [Order("TOPIC", (dialect.channel, topic))]
        case Announce():
            content = Content(text=delivery.text, kind=Kind.NOTICE)
            return _say(content, dialect, head=delivery.head, target=dialect.channel)
        case Kick():
            return _kick(delivery, dialect)
        case Tell():
            return _say(delivery.content, dialect, head=delivery.head, target=str(delivery.person.id))
        case _:
            assert_never(delivery)


def is_plain(post: Post, room: int) -> bool:
    """Tell whether a message has nothing but words that are one line, as they are; ``room`` is ``Dialect.available`` for them."""
    content, voice = post.content, post.head.voice
    text = content.text
    return not (
        content.kind is not Kind.TEXT
        or content.spans
        or content.attachments
        or post.reply is not None
        or not (isinstance(voice, AsPuppet) or isinstance(voice, AsBridge))  # noqa: SIM101 - half the price of a union
        or not text.isprintable()
        or (len(text) if text.isascii() else len(text.encode())) > room
        or not text
        or text.isspace()
    )


def plain_line(post: Post, channel: str, *, room: int, tags: bool, keyed: bool = False) -> Order | None:
    """Return the one line of a message that :func:`is_plain`, None where it takes :func:`orders` to say it.

    Most messages are so, and what they become is the same.
    """
    if not is_plain(post, room):
        return None
    named = {VIA: ",".join(post.head.via)} if tags and post.head.via else {}
    if keyed and tags:
        named[KEY] = line_key(post.head.key, 0)
    return Order("PRIVMSG", (channel, post.content.text), named)


def frame(channel: str, via: tuple[str, ...], key: str = "") -> tuple[bytes, bytes]:
    """Return what :func:`plain_line` with tags is on the wire: before its label, and from there to its words; ``key`` where it is keyed.

    Raises: ValueError for a channel that cannot be written, and for a key that cannot as it is.
    """
    before, after = _frame(channel, via, bool(key))
    if not key:
        return before, after
    if not key.isalnum():
        raise ValueError(f"not a key: {key!r}")
    return before + key.encode() + b";label=", after


@lru_cache(maxsize=512)
def _frame(channel: str, via: tuple[str, ...], keyed: bool, /) -> tuple[bytes, bytes]:  # noqa: FBT001 - looked up for every message
    """Return the same up to the value of the key, or of the label where there is none, and from behind the label."""
    key, label = "0" * 64, "0" * 16  # as long as they ever are: with them, too, all has to fit
    tags = ({VIA: ",".join(via)} if via else {}) | ({KEY: key} if keyed else {}) | {"label": label}
    before, after = encode("PRIVMSG", (channel, ""), tags)[:-2].split(b" ", 1)
    end = f"{key};label={label}" if keyed else label
    return before.removesuffix(end.encode()), b" " + after


def _post(delivery: Post, dialect: Dialect) -> list[Order]:
    content = _called_by_nick(delivery.content, dialect)
    tags: dict[str, str] = {}
    if delivery.reply is not None:
        content = _answering(content, delivery.reply, dialect)
        tags = _reply_tag(delivery.reply.ids, dialect)
    return _say(content, dialect, head=delivery.head, target=dialect.channel, tags=tags, whole=delivery.message)


def _called_by_nick(content: Content, dialect: Dialect) -> Content:
    """Call people by the nicks that they have here, so that they are highlighted: elsewhere they may be ``bob (libera)``."""
    changes = {
        (each.start, each.end): nick
        for each in content.mentions
        if (nick := dialect.nick_of(each.person)) and content.text[each.start : each.end].casefold() != nick.casefold()
    }
    return substituted(content, [(*place, nick) for place, nick in changes.items()]) if changes else content


def _answering(content: Content, reply: Reply, dialect: Dialect) -> Content:
    """Say whom a message answers, and what where it is long ago; most clients show nothing of the tag."""
    name = speakable(reply.name)
    if not name or content.kind is not Kind.TEXT or name.casefold() in content.text.casefold():
        return content
    excerpt = " ".join(reply.excerpt.split())
    if not excerpt or dialect.is_recent(reply.ids):
        return prefixed(content, f"{name}: ")
    return prefixed(content, f"{name}: “{splitting.clip(excerpt, limit=_EXCERPT, ellipsis='…')}” ← ")


def _edit(delivery: Edit, dialect: Dialect) -> list[Order]:
    match dialect.corrections:
        case "off":
            return []
        case "full":
            content = degrade.correction(None, delivery.content)
        case "short":
            content = degrade.correction(delivery.previous, delivery.content)
        case _:
            assert_never(dialect.corrections)
    tags = _reply_tag(delivery.ids, dialect)
    return _say(content, dialect, head=delivery.head, target=dialect.channel, tags=tags, whole=delivery.target)


def _retract(delivery: Retract, dialect: Dialect) -> list[Order]:
    """Remove the lines (IRCv3 message-redaction), else say that a message was taken back, and never which words."""
    known = [message for message in delivery.ids if not message.startswith(OWN)]
    if dialect.redaction and known:
        reason = (one_line(delivery.reason),) if delivery.reason else ()
        return [Order("REDACT", (dialect.channel, message, *reason)) for message in known]
    if dialect.retractions == "off":
        return []
    words = "took back a message"
    if delivery.moderated:
        words = f"had a message removed by a moderator{f': {delivery.reason}' if delivery.reason else ''}"
    content = Content(text=words, kind=Kind.ACTION)
    if isinstance(delivery.head.voice, AsBridge):
        content = Content(text="A message was taken back", kind=Kind.NOTICE)
    tags = _reply_tag(delivery.ids, dialect)
    return _say(content, dialect, head=delivery.head, target=dialect.channel, tags=tags)


def _react(delivery: React, dialect: Dialect, reacted: Sequence[str]) -> list[Order]:
    """Tell the difference: IRC has reactions that come and go one by one (client tags react and unreact)."""
    if dialect.reactions == "text":
        return _react_in_words(delivery, dialect, reacted)
    if not dialect.tags or not _reply_tag(delivery.ids, dialect):
        return []
    tags = _reply_tag(delivery.ids, dialect) | _via(delivery.head, dialect)
    changes = [(UNREACT, gone) for gone in reacted if gone not in delivery.reactions]
    changes += [(REACT, new) for new in delivery.reactions if new not in reacted]
    return [Order("TAGMSG", (dialect.channel,), {**tags, key: reaction}) for key, reaction in changes]


def _react_in_words(delivery: React, dialect: Dialect, reacted: Sequence[str]) -> list[Order]:
    """Say what is new; a reaction that is taken back is not worth a line."""
    new = " ".join(speakable(reaction) for reaction in delivery.reactions if reaction not in reacted)
    if not new:
        return []
    about = delivery.about
    excerpt = "" if about is None else splitting.clip(" ".join(about.excerpt.split()), limit=_EXCERPT, ellipsis="…")
    whose = "" if about is None or not about.name else f"{speakable(about.name)}: "
    what = f"{whose}“{excerpt}”" if excerpt else whose.removesuffix(": ") or "a message"
    content = Content(text=f"reacted {new} to {what}", kind=Kind.ACTION)
    tags = _reply_tag(delivery.ids, dialect)
    return _say(content, dialect, head=delivery.head, target=dialect.channel, tags=tags)


def _kick(delivery: Kick, dialect: Dialect) -> list[Order]:
    nick = delivery.person.id
    reason = _clip(one_line(delivery.reason), dialect.kick_length)
    kick = Order("KICK", (dialect.channel, nick, reason or "kicked"))
    return [Order("MODE", (dialect.channel, "+b", dialect.mask(nick))), kick] if delivery.ban else [kick]


def _say(
    content: Content,
    dialect: Dialect,
    *,
    head: Head,
    target: str,
    tags: dict[str, str] | None = None,
    whole: MessageRef | None = None,
) -> list[Order]:
    """Return the lines of a text; ``tags`` go with the first, and the page of ``whole`` has what is too much."""
    name = _relayed(head.voice, dialect)
    rows = list(_rows(content, dialect))
    lines = [line for number, row in enumerate(rows) for line in _lines(row, name, target, dialect, first=number == 0)]
    if len(lines) > dialect.lines:
        left = len(lines) - dialect.lines + 1
        url = dialect.page(whole, head.at) if whole is not None else ""
        words = f"… {left} more lines: {url}" if url else f"… ({left} more lines)"
        more = replace(content, text=words, spans=(), mentions=(), attachments=())
        lines[dialect.lines - 1 :] = _lines(more, name, target, dialect, first=False)
    via = _via(head, dialect)
    keyed = dialect.keyed and dialect.tags and target == dialect.channel
    named = [{**via, KEY: line_key(head.key, number)} if keyed else via for number in range(len(lines))]
    return [
        Order(command, (target, text), {**tags, **named[number]} if tags and number == 0 else named[number])
        for number, (command, text) in enumerate(lines)
    ]


def _lines(row: Content, name: str, target: str, dialect: Dialect, *, first: bool) -> Iterator[tuple[str, str]]:
    """Yield (command, text) for one row of a text, cut to what fits."""
    is_action = row.kind is Kind.ACTION and first
    command = "NOTICE" if row.kind is Kind.NOTICE else "PRIVMSG"
    before = "" if not name else f"* {name} " if is_action else f"<{name}> "
    wraps = is_action and not name
    overhead = len(before.encode()) + (_ACTION_MARKS if wraps else 0)
    room = max(dialect.available(target, command) - overhead, _LEAST)
    for part in splitting.cut(row, limit=Limit(room, Unit.BYTES), measure=_size):
        text = formatting.write(part.text, part.spans)
        if text and not text.isspace():  # there may have been nothing but controls
            yield command, ctcp.write("ACTION", text) if wraps else before + text


def _rows(content: Content, dialect: Dialect) -> Iterator[Content]:
    """Yield the lines of a text as they are to be read: no line is blank, links and attachments have their address."""
    attachments = content.attachments
    content = _with_addresses(replace(content, attachments=()) if attachments else content)
    for row in splitting.lines(content):
        quotes = sum(1 for span in row.spans if span.style is Style.QUOTE and span.start == 0)
        marked = prefixed(row, "> " * quotes) if quotes else row
        yield marked if dialect.codes else replace(marked, spans=())
    for attachment in attachments:
        yield from splitting.lines(replace(content, text=degrade.described(attachment), spans=(), mentions=()))


def _with_addresses(content: Content) -> Content:
    """Write the address of each link behind its text."""
    links = sorted(
        (span.end, f" ({span.value})")
        for span in content.spans
        if span.style is Style.LINK and span.value and span.value != content.text[span.start : span.end]
    )
    return insert(content, links)


def _relayed(voice: Voice, dialect: Dialect) -> str:
    """Return the name that has to stand before a text, "" for who speaks for themselves."""
    match voice:
        case AsPuppet() | AsBridge():
            return ""
        case AsRelay() | AsMask():
            name = speakable(voice.member.name) or "somebody"
            return f"{name[0]}\u200b{name[1:]}" if dialect.guard and len(name) > 1 else name
        case _:
            assert_never(voice)


def speakable(name: str) -> str:
    """Return a name that can stand inside a line, and does not run away with it."""
    return splitting.clip(one_line(name), limit=_NAME, ellipsis="…")


def one_line(text: str) -> str:
    """Return a text without line ends and control characters, for reasons and the like."""
    return " ".join(clean_name(_UNSPEAKABLE.sub(" ", text)).split())


def _clip(text: str, size: int) -> str:
    return splitting.clip(text, limit=Limit(size, Unit.BYTES)) if size else text


def _size(content: Content) -> int:
    return len(formatting.write(content.text, content.spans).encode(errors="replace"))


def _reply_tag(ids: Sequence[MessageId], dialect: Dialect) -> dict[str, str]:
    return {REPLY: ids[0]} if ids and dialect.tags and not ids[0].startswith(OWN) else {}


def line_key(key: str, place: int) -> str:
    """Return what one line of a delivery is called in :data:`connectors.irc.connection.marks.KEY`."""
    return f"{key}.{place}" if place else key


def _via(head: Head, dialect: Dialect) -> dict[str, str]:
    return {VIA: ",".join(head.via)} if head.via and dialect.tags else {}
