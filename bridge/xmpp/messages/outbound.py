"""A delivery, written as the stanzas that carry it out. Pure: who speaks and under which address is given.

A :class:`Part` is one stanza with the id by which its reflection will be known. Ids come from the delivery's key, so
the same delivery has the same ids however often it is tried. Deciding whether the speaker may speak, sending, and
waiting for the reflection are the rooms'.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import assert_never
from urllib.parse import quote

import msgspec

from bridge.core.capabilities import Limit, Unit
from bridge.core.content import Content, Kind, Reply
from bridge.core.deliveries import (
    Announce,
    AsBridge,
    AsMask,
    AsPuppet,
    AsRelay,
    Edit,
    Head,
    Post,
    React,
    Retract,
    SetTopic,
)
from bridge.core.ids import MessageId, Person
from bridge.core.spans import prefixed
from bridge.core.splitting import cut
from bridge.core.styling import has_marks, to_styling
from bridge.core.text import clean_name
from bridge.xmpp.messages import markup, sharing
from bridge.xmpp.messages.sharing import Placed
from bridge.xmpp.wire import marks, stanzas
from bridge.xmpp.wire import namespaces as ns

Spoken = Post | Edit | Retract | React | SetTopic | Announce
"""Deliveries that a room reflects."""

LONGEST = Limit(60_000, Unit.BYTES)
"""Longest text of one stanza; servers take 256 kB from far away, and marks and escapes need room."""
_SHORT = LONGEST.size // 4
"""Code points that fit whatever they are."""
LONGEST_EXCERPT = 300
"""Code points of a quoted message."""

_TEXT = Kind.TEXT
"""Until Python 3.12 a member of an Enum costs as much as a call: on the way of every message it is looked up once."""
_NAMELESS = (AsPuppet, AsBridge)
"""Voices that add nothing to the words."""
_RETRACTED = "/me retracted a previous message, but it's unsupported by your client."


class Part(msgspec.Struct, frozen=True):
    """One stanza of a delivery."""

    id: str
    stanza: str


class Speaker(msgspec.Struct, frozen=True, kw_only=True):
    """Who says it, and where."""

    address: str  # full JID, ours
    room: str  # bare JID of the room
    stable_ids: bool  # copies have two ids: the room's and, second, the attribute
    reply_to: str = ""  # occupant JID of who is answered, where known
    prefix: str = ""  # of the ids, in a room of our own: what puts them in order
    known_as: bool = True  # what is edited was said by the same occupant
    seats: Mapping[Person, str] = msgspec.field(default_factory=dict)  # occupant JIDs of whom the content names
    placed: tuple[Placed, ...] = ()  # the content's files, where everybody can fetch them; () where nobody looked


@lru_cache(maxsize=1024)
def speaker(address: str, room: str, *, stable_ids: bool) -> Speaker:
    """Return who says what refers to nothing and to nobody: the same from message to message."""
    return Speaker(address=address, room=room, stable_ids=stable_ids)


def parts(delivery: Spoken, speaker: Speaker) -> list[Part]:
    """Return the stanzas of a delivery, in order; none if there is nothing to say."""
    head = delivery.head
    match delivery:
        case Post():
            if not speaker.placed and is_plain(delivery):
                return [_plain(head, speaker, delivery.content.text)]
            return _posted(delivery, speaker)
        case Edit():
            return _edited(delivery, speaker)
        case Retract():
            return _retracted(delivery, speaker)
        case React():
            if not delivery.ids:
                return []
            payload = stanzas.reactions(delivery.ids[0], delivery.reactions) + stanzas.hint("store")
            return [_part(head, speaker, extra=payload)]
        case SetTopic():
            return [_part(head, speaker, subject=delivery.topic)]
        case Announce():
            return [_part(head, speaker, body=delivery.text)]
        case _:
            assert_never(delivery)


def _part(
    head: Head,
    speaker: Speaker,
    *,
    index: int = 0,
    body: str | None = None,
    subject: str | None = None,
    extra: str = "",
) -> Part:
    id_ = f"{speaker.prefix}{head.key}-{index}" if index else f"{speaker.prefix}{head.key}"
    stanza = stanzas.message(
        speaker.address,
        speaker.room,
        kind="groupchat",
        id_=id_,
        body=body,
        subject=subject,
        extra=f"{extra}{stanzas.origin_id(id_)}{marks.via(head.via)}",
    )
    return Part(id_, stanza)


def _plain(head: Head, speaker: Speaker, text: str) -> Part:
    """Write plain words, which is what :func:`_part` writes; of most keys nothing has to be escaped."""
    key = head.key
    if not key.isalnum() or not key.isascii():
        return _part(head, speaker, body=text)
    begin, origin = _begin(speaker.address, speaker.room), f"<origin-id xmlns='{ns.IDS}' id='{key}'/>"
    return Part(key, f"{begin} id='{key}'><body>{stanzas.text(text)}</body>{origin}{marks.via(head.via)}</message>")


@lru_cache(maxsize=1024)
def _begin(address: str, room: str) -> str:
    """Return how a message begins, up to its id."""
    return stanzas.message(address, room, kind="groupchat").removesuffix("></message>")


def is_plain(post: Post) -> bool:
    """Tell whether a message has nothing but one line of words, which stand in its stanza as they are.

    Most messages are so, and what they become is the same.
    """
    content = post.content
    text = content.text
    return not (
        content.kind is not _TEXT
        or content.spans
        or content.mentions
        or content.attachments
        or post.reply is not None
        or post.thread
        or not isinstance(post.head.voice, _NAMELESS)
        or not text.isprintable()
        or not 0 < len(text) <= _SHORT
        or has_marks(text)
    )


def _posted(post: Post, speaker: Speaker) -> list[Part]:
    """Write the words, then each file in a message of its own: clients show a file when its address is all there is."""
    head, content = post.head, post.content
    written: list[Part] = []
    if content.text:
        for piece in cut(content, limit=LONGEST):
            quote, marks = ("", "") if post.reply is None or written else _quoting(post.reply, speaker)
            text, extra = _words(piece, head, behind=len(quote))
            text = quote + text
            extra += marks + _references(piece, text, speaker, behind=len(quote) + _named(piece, head))
            extra += stanzas.thread(post.thread)
            written.append(_part(head, speaker, index=len(written), body=text, extra=extra))
    for placed in speaker.placed or [Placed(file=file) for file in content.attachments]:
        body = _words(Content(text=placed.file.url), head)[0]
        extra = sharing.written(placed, body=body) + stanzas.thread(post.thread)
        written.append(_part(head, speaker, index=len(written), body=body, extra=extra))
    return written


def _edited(edit: Edit, speaker: Speaker) -> list[Part]:
    """Write a correction (XEP-0308) of each part; it names the id attribute, unlike all else that refers to a message of a room.

    Words that are more than before are said anew, parts that are too many are taken back; files stay as they are.
    """
    content, head, previous = edit.content, edit.head, edit.previous
    if not content.text and previous is not None and not previous.text and content.attachments:
        return []  # another file cannot take the place of one that was said
    if not content.text:
        content = Content(text=" ".join(file.url for file in content.attachments))
    before = _attributes(edit, speaker)
    written: list[Part] = []
    for number, piece in enumerate(cut(content, limit=LONGEST)):
        text, extra = _words(piece, head)
        extra += _references(piece, text, speaker, behind=_named(piece, head))
        if number < len(before):
            extra += stanzas.replaces(before[number])
        written.append(_part(head, speaker, index=number, body=text, extra=extra))
    for stanza_id in _parts_too_many(edit, len(written), len(before), speaker):
        extra = stanzas.retract(stanza_id) + stanzas.fallback(ns.RETRACT) + stanzas.hint("store")
        written.append(_part(head, speaker, index=len(written), body=_RETRACTED, extra=extra))
    return written


def _attributes(edit: Edit, speaker: Speaker) -> list[str]:
    """Return the id attributes of the copy's words: the first is known, from that :func:`_part` makes the others."""
    if not edit.ids or not speaker.known_as or (edit.previous is not None and not edit.previous.text):
        return []
    first = edit.ids[1] if speaker.stable_ids and len(edit.ids) > 1 else edit.ids[0]
    words = 1 if edit.previous is None else len(cut(edit.previous, limit=LONGEST))
    return [f"{first}-{number}" if number else first for number in range(words)]


def _parts_too_many(edit: Edit, now: int, before: int, speaker: Speaker) -> tuple[MessageId, ...]:
    """Return what the room calls the parts whose words are gone."""
    return retractable(edit.ids, stable_ids=speaker.stable_ids)[now:before]


def _retracted(retract: Retract, speaker: Speaker) -> list[Part]:
    fallback = stanzas.fallback(ns.RETRACT) + stanzas.hint("store")
    return [
        _part(retract.head, speaker, index=number, body=_RETRACTED, extra=stanzas.retract(id_) + fallback)
        for number, id_ in enumerate(retractable(retract.ids, stable_ids=speaker.stable_ids))
    ]


def retractable(ids: tuple[MessageId, ...], *, stable_ids: bool) -> tuple[MessageId, ...]:
    """Return the names by which a room knows the parts of a copy: without the id attribute, which comes second."""
    return ids[:1] + ids[2:] if stable_ids and len(ids) > 1 else ids


def sent_ids(names: list[tuple[str, str]]) -> tuple[MessageId, ...]:
    """Return the ids of a copy, given (stanza-id, id attribute) of its parts.

    First what others refer to, then the attribute, which corrections need; of further parts only the former. A room
    without stanza-ids gives just the attributes.
    """
    if not names:
        return ()
    (stanza, attribute), rest = names[0], names[1:]
    first = [stanza, attribute] if stanza else [attribute]
    return tuple([MessageId(i) for i in (*first, *[stanza or attribute for stanza, attribute in rest])])


def _words(content: Content, head: Head, *, behind: int = 0) -> tuple[str, str]:
    """Return a content as a body, styled (XEP-0393), with what has to stand beside it, and ``behind`` so many code points.

    An action begins with ``/me`` (XEP-0245), what a relay says with the name of who said it.
    """
    match head.voice:
        case AsRelay(member=member) | AsMask(member=member):
            content = prefixed(content, _relayed(content.kind, clean_name(member.name)))
        case AsPuppet() | AsBridge():
            if content.kind is Kind.ACTION:
                content = prefixed(content, "/me ")
        case _:
            assert_never(head.voice)
    styled, unstyled = to_styling(content)
    text = stanzas.legal(styled)
    if unstyled:
        return text, f"<unstyled xmlns='{ns.STYLING}'/>"
    return text, markup.beside(content, text, behind=behind) if content.spans else ""


def _named(content: Content, head: Head) -> int:
    """Return how long the name is that a relay writes in front."""
    match head.voice:
        case AsRelay(member=member) | AsMask(member=member):
            return len(_relayed(content.kind, clean_name(member.name)))
        case _:
            return 0


def _references(content: Content, body: str, speaker: Speaker, *, behind: int) -> str:
    """Return the mentions of people who are in the room (XEP-0372), behind all that stands in front of the text.

    The marks of styles may have moved them further.
    """
    written, taken = "", behind
    for mention in content.mentions:
        seat, name = speaker.seats.get(mention.person), content.text[mention.start : mention.end]
        at = body.find(name, max(taken, behind + mention.start)) if seat and name else -1
        if seat and at >= 0:
            taken = at + len(name)
            written += stanzas.mention(f"xmpp:{_escaped(seat)}", begin=at, end=taken)
    return written


def _escaped(jid: str) -> str:
    """Return a JID as it stands in an xmpp: URI (RFC 5122 section 2.2)."""
    address, slash, nick = jid.partition("/")
    return f"{address}{slash}{quote(nick, safe='')}"


def _relayed(kind: Kind, name: str) -> str:
    match kind:
        case Kind.TEXT:
            return f"<{name}> "
        case Kind.ACTION:
            return f"* {name} "
        case Kind.NOTICE:
            return f"-{name}- "
        case _:
            assert_never(kind)


def _quoting(reply: Reply, speaker: Speaker) -> tuple[str, str]:
    """Return a quotation for clients without replies, and the elements for the others (XEP-0461).

    Only an id by which the room knows the message may stand in a reply; without one the quotation has to do.
    """
    quote = stanzas.legal("".join(f"> {line}\n" for line in _quoted_lines(reply)))
    if not reply.ids:
        return quote, ""
    extra = stanzas.reply(reply.ids[0], to=speaker.reply_to)
    if quote:
        extra += stanzas.fallback(ns.REPLY, start=0, end=len(quote))
    return quote, extra


def _quoted_lines(reply: Reply) -> Iterator[str]:
    lines = [line for line in reply.excerpt[:LONGEST_EXCERPT].splitlines() if line.strip()]
    if len(reply.excerpt) > LONGEST_EXCERPT and lines:
        lines[-1] += "…"
    name = clean_name(reply.name)
    if name and len(lines) <= 1:
        yield f"{name}: {lines[0]}" if lines else f"{name}:"
        return
    if name:
        yield f"{name}:"
    yield from lines
