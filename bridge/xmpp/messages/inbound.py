"""A message as a bare element, read into the event that it is. Pure: no state, no clock, nothing is sent.

Everything that came with the message is believed only as far as its specification lets one: a stanza-id only from the
room itself, a time only from the room's history, a moderation only from the room. Errors are never events. Who the
sender is, and whether the message is our own, is decided by the rooms, which call this for their reader's copies.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache
from xml.etree.ElementTree import Element

import msgspec

from bridge.core.content import Content, Kind
from bridge.core.events import (
    DirectPosted,
    Member,
    MessageEdited,
    MessagePosted,
    MessageRetracted,
    Origin,
    ReactionsChanged,
    Said,
    TopicChanged,
    TypingChanged,
)
from bridge.core.ids import EventKey, MessageId, Person, Room, digest
from bridge.core.styling import from_styling
from bridge.core.text import clean, clean_name
from bridge.xmpp.messages import markup, sharing
from bridge.xmpp.wire import marks
from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire.shapes import Familiar
from bridge.xmpp.wire.starttag import unescaped

_STANZA = f"{{{ns.COMPONENT}}}"
BODY, SUBJECT, _THREAD = f"{_STANZA}body", f"{_STANZA}subject", f"{_STANZA}thread"
_STANZA_ID, _ORIGIN_ID = f"{{{ns.IDS}}}stanza-id", f"{{{ns.IDS}}}origin-id"
_RETRACT, _REASON = f"{{{ns.RETRACT}}}retract", f"{{{ns.RETRACT}}}reason"
_MODERATED, _MODERATED_REASON = f"{{{ns.MODERATE}}}moderated", f"{{{ns.MODERATE}}}reason"
_REACTIONS, _REACTION = f"{{{ns.REACTIONS}}}reactions", f"{{{ns.REACTIONS}}}reaction"
_REPLACE = f"{{{ns.CORRECT}}}replace"
_REPLY = f"{{{ns.REPLY}}}reply"
_FALLBACK, _FALLBACK_BODY = f"{{{ns.FALLBACK}}}fallback", f"{{{ns.FALLBACK}}}body"
_MARKUP = f"{{{ns.MARKUP}}}markup"
_UNSTYLED = f"{{{ns.STYLING}}}unstyled"
_WITH_FILES = frozenset({f"{{{ns.OOB}}}x", f"{{{ns.FILE_SHARING}}}file-sharing", f"{{{ns.REFERENCES}}}reference"})
_DELAY, _OLD_DELAY = f"{{{ns.DELAY}}}delay", "{jabber:x:delay}x"
_COMPOSING = f"{{{ns.CHAT_STATES}}}composing"
_NOT_COMPOSING = tuple(f"{{{ns.CHAT_STATES}}}{state}" for state in ("paused", "active", "inactive", "gone"))
_PLAIN_ATTRIBUTE = re.compile(rb""" (id|by|xmlns)=(['"])([^'"<&]*)\2""")
_IDS = ns.IDS.encode()
OCCUPANT_ID = f"{{{ns.OCCUPANT_ID}}}occupant-id"

_ACTION = "/me "
_PLAIN = re.compile(
    rb"""(?:<body>[^<]*</body>|<(?:origin-id|stanza-id|occupant-id|active|archived|markable|request)(?: [a-z]+='[^'<]*')*/>)*</message>"""
)
"""What is in a message of plain words; marks that mean nothing to us mean nothing in any namespace."""

MOST_REACTIONS = 20
LONGEST_THREAD = 200
LONGEST_REACTION = 64

_Parts = dict[str, Element]


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """What a room's messages are read against."""

    room: Room
    address: str  # the room's bare JID as it is on the wire
    stable_ids: bool = False  # it announces urn:xmpp:sid:0, so its stanza-ids cannot be forged (XEP-0359 section 5)


class Ids(msgspec.Struct, frozen=True):
    """What a message is called: by the room ("" where it gives none), by its stanza's attribute, by its sender."""

    stanza: str = ""
    attribute: str = ""
    origin: str = ""


def ids(element: Element, scene: Scene, *, archived: str = "") -> Ids:
    """Return the names of a message; ``archived`` is the one that the room's archive gives it (XEP-0313)."""
    stanza = archived
    origin = ""
    for child in element:
        if child.tag == _STANZA_ID:
            if not stanza and scene.stable_ids and child.get("by") == scene.address:
                stanza = child.get("id", "")
        elif child.tag == _ORIGIN_ID:
            origin = child.get("id", "")
    return Ids(stanza, element.get("id", ""), origin)


def stanza_id(stanza: bytes, scene: Scene) -> str | None:
    """Return what :func:`ids` says of the room's own id, from the bytes; None when it takes a parser to know.

    For words that we have said ourselves: only we and the room can have put an element into them, and we write no
    ``<stanza-id/>``.
    """
    if not scene.stable_ids:
        return ""
    begin = stanza.find(b"<stanza-id ")
    if begin < 0 or stanza.count(b"stanza-id") != 1:
        return None
    found = _attributes(stanza, begin)
    if found.get(b"xmlns") != _IDS or found.get(b"by") != scene.address.encode():
        return None
    name = found.get(b"id", b"")
    return name.decode() if name.isascii() and name else None


def _attributes(stanza: bytes, begin: int) -> dict[bytes, bytes]:
    """Return the attributes of an empty element by its bytes, as far as names are made of them."""
    found = _PLAIN_ATTRIBUTE.findall(stanza, begin, stanza.find(b"/>", begin))
    return {name: value for name, _, value in found}


class Words(msgspec.Struct, frozen=True):
    """A message that has nothing but one line of words."""

    text: str
    names: Ids


def words(stanza: bytes, attribute: str, scene: Scene) -> Words | None:
    """Read a message of plain words by its bytes; None for one that takes :func:`read`.

    ``attribute`` is its id attribute. Most messages are so: a body, names, and marks that mean nothing to us.
    """
    if not _is_plain(stanza):
        return None
    name = stanza_id(stanza, scene)
    origin = _origin_id(stanza)
    begin = stanza.find(b"<body>") + len(b"<body>")
    text = unescaped(stanza[begin : stanza.find(b"<", begin)])
    if name is None or origin is None or not text or not text.isprintable():
        return None
    return Words(text, Ids(name, attribute, origin))


def recognised(said: Familiar, scene: Scene) -> Words | None:
    """Return what :func:`words` says of a message that looks like one before it."""
    if not _look_is_plain(said.rest) or not said.text.isprintable():
        return None
    return Words(said.text, Ids(said.stanza if scene.stable_ids else "", said.id, said.origin))


def _is_plain(stanza: bytes) -> bool:
    """Tell whether a message has nothing but a body, names, and marks that mean nothing to us."""
    return _PLAIN.fullmatch(stanza, stanza.find(b">") + 1) is not None and stanza.count(b"<body>") == 1


_look_is_plain = lru_cache(maxsize=64)(_is_plain)
"""The same of what is in all messages that look alike."""


def _origin_id(stanza: bytes) -> str | None:
    """Return what the sender of plain words calls them, "" for nothing; None when it takes a parser to know."""
    begin = stanza.find(b"<origin-id ")
    if begin < 0:
        return ""
    found = _attributes(stanza, begin)
    if found.get(b"xmlns") != _IDS or stanza.count(b"<origin-id ") != 1:
        return None
    name = found.get(b"id", b"")
    return name.decode() if name.isascii() and name else None


def read_words(words: Words, nick: str, *, scene: Scene, sender: Member, at: int) -> MessagePosted:
    """Return what plain words say, which is what :func:`read` says of them."""
    names = words.names
    key = _key(names, nick, words.text, at)
    own = names.stanza or names.attribute or names.origin or key
    return MessagePosted(
        origin=Origin(room=scene.room, key=key, at=at),
        sender=sender,
        id=MessageId(own),
        content=_spoken(clean(words.text)),
        aliases=_aliases(names, own),
    )


def moment(element: Element, address: str) -> int | None:
    """Return when a message of the history was said, in milliseconds since the epoch; None if it is no history.

    The room's own stamp (XEP-0045 section 7.2.13) goes before any other that the message carries (XEP-0203).
    """
    stamp = ""
    for child in element:
        if child.tag in (_DELAY, _OLD_DELAY) and (not stamp or child.get("from") == address):
            stamp = child.get("stamp", "")
    return milliseconds(stamp)


def milliseconds(stamp: str) -> int | None:
    """Return an XEP-0082 time (or one of the older XEP-0091) as milliseconds since the epoch, None if it is not one."""
    try:
        when = datetime.fromisoformat(stamp)
    except ValueError:
        return None
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)


def stamp(at: int) -> str:
    """Return milliseconds since the epoch as an XEP-0082 time."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moderator(element: Element, address: str) -> str | None:
    """Return the nick of the moderator who removed a message; "" if the room does not tell, None if nobody did."""
    retract = element.find(_RETRACT)
    moderated = None if retract is None else retract.find(_MODERATED)
    if moderated is None:
        return None
    room, _, nick = moderated.get("by", "").partition("/")
    return nick if room == address else ""


def read(
    element: Element, *, scene: Scene, sender: Member, names: Ids, at: int, replayed: bool = False
) -> Said | TypingChanged | None:
    """Return what a groupchat message says, None if nothing that concerns anybody elsewhere.

    ``sender`` is the moderator in a moderation, which only counts when the room itself says it (XEP-0425 section 5).
    """
    parts: _Parts = {}
    for child in element:
        parts.setdefault(child.tag, child)
    origin = Origin(
        room=scene.room,
        key=_key_of(element, names, at),
        at=at,
        replayed=replayed,
        via=marks.read_via(parts.get(marks.VIA_TAG)),
    )
    if _RETRACT in parts:
        return _retracted(element, parts[_RETRACT], origin, sender)
    if _REACTIONS in parts:
        return _reacted(parts[_REACTIONS], origin, sender)
    if BODY in parts or (not _WITH_FILES.isdisjoint(parts) and sharing.read(element)):
        return _said(element, parts, origin, sender, names)
    if SUBJECT in parts:
        return TopicChanged(origin=origin, topic=clean_name(parts[SUBJECT].text or ""), sender=sender)
    return _typing(parts, origin, sender)


def _key_of(element: Element, names: Ids, at: int) -> EventKey:
    nick = element.get("from", "").partition("/")[2]
    return _key(names, nick, element.findtext(BODY) or element.findtext(SUBJECT) or "", at)


def _key(names: Ids, nick: str, words: str, at: int) -> EventKey:
    """Return what makes this message the same one when the room says it again.

    Without the room's own id it is what a replay repeats: the occupant, their id, their words. Without any id at all
    two equal messages of one occupant are two messages, so the time comes in.
    """
    if names.stanza:
        return EventKey(names.stanza)
    chosen = names.attribute or names.origin
    return EventKey(digest(nick, chosen, words) if chosen else digest(nick, at, words))


def topic(
    element: Element, *, scene: Scene, sender: Member | None, names: Ids, at: int, replayed: bool
) -> TopicChanged:
    """Return a change of subject: a message with a subject and no body (XEP-0045 section 8.1).

    The room tells the subject to everybody who comes in, mostly without an id: then the key says which subject it is
    and since when.
    """
    words = element.findtext(SUBJECT) or ""
    nick = element.get("from", "").partition("/")[2]
    key = names.stanza or digest("topic", nick, words, at)
    origin = Origin(
        room=scene.room, key=EventKey(key), at=at, replayed=replayed, via=marks.read_via(element.find(marks.VIA_TAG))
    )
    return TopicChanged(origin=origin, topic=clean_name(words), sender=sender)


def direct(element: Element, *, room: Room, sender: Member, to: Person, at: int) -> DirectPosted | None:
    """Return what a chat message to one of our addresses says, None if it has no words."""
    parts: _Parts = {}
    for child in element:
        parts.setdefault(child.tag, child)
    if BODY not in parts:
        return None
    names = Ids("", element.get("id", ""), parts[_ORIGIN_ID].get("id", "") if _ORIGIN_ID in parts else "")
    chosen = names.attribute or names.origin
    words = parts[BODY].text or ""
    address = sender.address or sender.person.id
    key = EventKey(digest(address, chosen, words) if chosen else digest(address, at, words))
    origin = Origin(room=room, key=key, at=at, via=marks.read_via(parts.get(marks.VIA_TAG)))
    return DirectPosted(
        origin=origin, sender=sender, to=to, id=MessageId(chosen or key), content=_content(element, parts, replies=True)
    )


def _said(element: Element, parts: _Parts, origin: Origin, sender: Member, names: Ids) -> MessagePosted | MessageEdited:
    reply = parts.get(_REPLY)
    content = _content(element, parts, replies=reply is not None)
    replace = parts.get(_REPLACE)
    if replace is not None and replace.get("id"):
        return MessageEdited(origin=origin, sender=sender, target=MessageId(replace.get("id", "")), content=content)
    own = names.stanza or names.attribute or names.origin or origin.key
    thread = parts.get(_THREAD)
    return MessagePosted(
        origin=origin,
        sender=sender,
        id=MessageId(own),
        content=content,
        aliases=_aliases(names, own),
        reply_to=MessageId(reply.get("id", "")) if reply is not None and reply.get("id") else None,
        thread="" if thread is None else clean_name(thread.text or "")[:LONGEST_THREAD],
    )


def _aliases(names: Ids, own: str) -> tuple[MessageId, ...]:
    """Return what else a message is called; most clients give both ids the same value, or only one."""
    if not names.origin or names.origin == names.attribute:
        return () if names.attribute in ("", own) else (MessageId(names.attribute),)
    return tuple([MessageId(name) for name in dict.fromkeys((names.attribute, names.origin)) if name and name != own])


def _retracted(element: Element, retract: Element, origin: Origin, sender: Member) -> MessageRetracted | None:
    target = retract.get("id", "")
    moderated = retract.find(_MODERATED) is not None
    from_room = "/" not in element.get("from", "")
    if not target or moderated != from_room:
        return None
    reason = retract.findtext(_REASON) or retract.findtext(_MODERATED_REASON) or ""
    return MessageRetracted(
        origin=origin, sender=sender, target=MessageId(target), moderated=moderated, reason=clean_name(reason)
    )


def _reacted(reactions: Element, origin: Origin, sender: Member) -> ReactionsChanged | None:
    target = reactions.get("id", "")
    if not target:
        return None
    chosen = dict.fromkeys(clean_name(reaction.text or "").strip() for reaction in reactions.findall(_REACTION))
    kept = [text for text in chosen if 0 < len(text) <= LONGEST_REACTION][:MOST_REACTIONS]
    return ReactionsChanged(origin=origin, sender=sender, target=MessageId(target), reactions=tuple(kept))


def _typing(parts: _Parts, origin: Origin, sender: Member) -> TypingChanged | None:
    if _COMPOSING in parts:
        return TypingChanged(origin=origin, sender=sender, active=True)
    if any(state in parts for state in _NOT_COMPOSING):
        return TypingChanged(origin=origin, sender=sender, active=False)
    return None


def _content(element: Element, parts: _Parts, *, replies: bool) -> Content:
    text = (parts[BODY].text or "") if BODY in parts else ""  # a file may come without words
    if replies and _FALLBACK in parts:
        text = without_fallback(text, element, ns.REPLY)
    attachments = () if _WITH_FILES.isdisjoint(parts) else sharing.read(element)
    if attachments:
        if _FALLBACK in parts:
            text = _beside_files(text, element)
        if any(text.strip() == file.url for file in attachments):
            text = ""
    text = clean(text)
    content = _spoken(text, styled=_UNSTYLED not in parts)
    if content.kind is Kind.ACTION:
        text = text[len(_ACTION) :]
    if _MARKUP in parts and text:
        content = markup.added(content, text, markup.spans(parts[_MARKUP], text, gone=_gone(parts, text)))
    return msgspec.structs.replace(content, attachments=attachments) if attachments else content


def _spoken(text: str, *, styled: bool = True) -> Content:
    kind = Kind.TEXT
    if text.startswith(_ACTION):
        kind, text = Kind.ACTION, text[len(_ACTION) :]
    return from_styling(text, kind=kind) if styled else Content(text=text, kind=kind)


def _gone(parts: _Parts, text: str) -> int:
    """Return how many code points of the body are not in the text: those in front, if it is the end of the body."""
    body = clean(parts[BODY].text or "") if BODY in parts else ""
    return len(body) - len(text) if body.endswith(text) else 0


def _beside_files(text: str, element: Element) -> str:
    """Return what is said beside a file: a fallback without a range is the whole body (XEP-0428 section 3)."""
    for fallback in element.findall(_FALLBACK):
        regions = fallback.findall(_FALLBACK_BODY)
        if fallback.get("for") == ns.FILE_SHARING and (not len(fallback) or any(not each.keys() for each in regions)):
            return ""
    return without_fallback(text, element, ns.FILE_SHARING)


def without_fallback(text: str, element: Element, namespace: str) -> str:
    """Return ``text`` without what is there only for those who do not know ``namespace`` (XEP-0428; code points)."""
    ranges = []
    for fallback in element.findall(_FALLBACK):
        if fallback.get("for") != namespace:
            continue
        for region in fallback.findall(_FALLBACK_BODY):
            start, end = _number(region.get("start")), _number(region.get("end"))
            if start is not None and end is not None and start < end <= len(text):
                ranges.append((start, end))
    for start, end in sorted(ranges, reverse=True):
        text = text[:start] + text[end:]
    return text.lstrip("\n") if ranges else text


def _number(value: str | None) -> int | None:
    return int(value) if value is not None and value.isascii() and value.isdigit() and len(value) < 10 else None
