"""Telegram's entities to spans and back. Telegram counts in UTF-16 units, a content in code points.

Pure. Not here: how long a text may be, and who said it (:mod:`connectors.telegram.outbound`).
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate

import msgspec

from bridge.core.content import Content, Mention, Span, Style
from bridge.core.ids import Network, Person, PersonId
from bridge.core.spans import insert, tidy
from bridge.core.text import clean
from connectors.telegram.capabilities import ENTITIES
from connectors.telegram.updates import Entity, User

_STYLES = {
    "bold": Style.BOLD,
    "italic": Style.ITALIC,
    "underline": Style.UNDERLINE,
    "strikethrough": Style.STRIKE,
    "spoiler": Style.SPOILER,
    "code": Style.CODE,
    "pre": Style.PRE,
    "blockquote": Style.QUOTE,
    "expandable_blockquote": Style.QUOTE,
    "text_link": Style.LINK,
}
_TYPES = {style: kind for kind, style in _STYLES.items() if kind != "expandable_blockquote"}
_ILLEGAL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_LINKABLE = re.compile(r"(?:https?|tg)://\S+", re.IGNORECASE)
_ASTRAL = re.compile(r"[\U00010000-\U0010ffff]")

Known = Callable[[str], Person | None]
"""Tells whose ``@username`` this is, where that is known."""


def from_entities(text: str, entities: Sequence[Entity], *, network: Network, known: Known) -> Content:
    """Return text with its entities as a content.

    Entities that reach beyond the text are cut, unknown kinds are left out; the text always stays. What other networks
    cannot carry is replaced, character by character.
    """
    legal = _ILLEGAL.sub("\ufffd", text)
    point = _from_units(legal)
    spans, mentions = [], []
    for entity in entities:
        start, end = point(entity.offset), point(entity.offset + entity.length)
        if start >= end:
            continue
        style = _STYLES.get(entity.type)
        if style is not None:
            spans.append(Span(start, end, style, _value(entity)))
        else:
            person = _meant(entity, legal[start:end], network, known)
            if person is not None:
                mentions.append(Mention(start, end, person))
    content = Content(text=legal, spans=tidy(spans, len(legal)), mentions=tuple(mentions))
    return _closed(content)


def _value(entity: Entity) -> str:
    match entity.type:
        case "text_link":
            return _ILLEGAL.sub("", entity.url)
        case "pre":
            return " ".join(entity.language.split())
        case _:
            return ""


def _meant(entity: Entity, words: str, network: Network, known: Known) -> Person | None:
    """Return whom an entity names."""
    match entity:
        case Entity(type="text_mention", user=User(id=number)):
            return Person(network, PersonId(str(number)))
        case Entity(type="mention"):
            return known(words.removeprefix("@").casefold())
        case _:
            return None


def _closed(content: Content) -> Content:
    """Close changes of direction that a line leaves open; what closes them is put in, so that nothing else moves."""
    at, additions = 0, []
    for line in content.text.split("\n"):
        closers = clean(line)[len(line) :]
        at += len(line)
        if closers:
            additions.append((at, closers))
        at += 1
    return insert(content, additions)


def to_entities(content: Content, *, network: Network) -> tuple[str, tuple[Entity, ...]]:
    """Return text and entities of a content that :func:`linked` has seen.

    Colours are left out, quotes in quotes are one, and of very many entities the last are left out: the text stays.
    """
    text = content.text
    units = _to_units(text)
    found = [_entity(span, units) for span in _flat(content.spans) if span.style in _TYPES]
    for mention in content.mentions:
        user = _user(mention.person, network)
        if user is not None:
            start, length = _extent(mention, units)
            found.append(Entity(type="text_mention", offset=start, length=length, user=user))
    found.sort(key=lambda entity: (entity.offset, -entity.length))
    return text, tuple(found[:ENTITIES])


def linked(content: Content) -> Content:
    """Return the content with those links spelt out that Telegram would not take: ``room (xmpp:room@…)``."""
    spelt = [span for span in content.spans if span.style is Style.LINK and _LINKABLE.fullmatch(span.value) is None]
    if not spelt:
        return content
    content = msgspec.structs.replace(content, spans=tuple(span for span in content.spans if span not in spelt))
    words = [(span.end, f" ({span.value})") for span in spelt if span.value]
    return insert(content, sorted(words))


def legal(content: Content) -> Content:
    """Return the content with a replacement character for each that Telegram refuses, so that offsets stay."""
    if _ILLEGAL.search(content.text) is None:
        return content
    return msgspec.structs.replace(content, text=_ILLEGAL.sub("\ufffd", content.text))


def _entity(span: Span, units: Callable[[int], int]) -> Entity:
    start, length = _extent(span, units)
    kind = _TYPES[span.style]
    match span.style:
        case Style.LINK:
            return Entity(type=kind, offset=start, length=length, url=span.value)
        case Style.PRE:
            return Entity(type=kind, offset=start, length=length, language=span.value)
        case _:
            return Entity(type=kind, offset=start, length=length)


def _extent(over: Span | Mention, units: Callable[[int], int]) -> tuple[int, int]:
    start = units(over.start)
    return start, units(over.end) - start


def _flat(spans: Iterable[Span]) -> Iterable[Span]:
    """Leave out quotes that stand in quotes."""
    end = 0
    for span in spans:
        if span.style is Style.QUOTE:
            if span.end <= end:
                continue
            end = span.end
        yield span


def _user(person: Person, network: Network) -> User | None:
    """Return who is meant, where that is somebody on this network."""
    if person.network != network or not person.id.isdecimal():
        return None
    return User(id=int(person.id), first_name="-")


def _to_units(text: str) -> Callable[[int], int]:
    """Return what turns offsets in code points into UTF-16 units."""
    if _ASTRAL.search(text) is None:
        return lambda point: point
    offsets = [0, *accumulate(2 if character > "\uffff" else 1 for character in text)]
    return offsets.__getitem__


def _from_units(text: str) -> Callable[[int], int]:
    """Return what turns offsets in UTF-16 units into code points inside the text; in the middle of one, before it."""
    if _ASTRAL.search(text) is None:
        return lambda unit: min(max(unit, 0), len(text))
    offsets = [0, *accumulate(2 if character > "\uffff" else 1 for character in text)]

    def point(unit: int) -> int:
        found = bisect_left(offsets, unit)
        if found == len(offsets):
            return len(text)
        return found if offsets[found] == unit else found - 1

    return lambda unit: max(point(unit), 0)
