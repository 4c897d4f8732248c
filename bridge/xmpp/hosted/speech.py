"""What is said in a hosted room, as one stanza that goes to many, and the history that newcomers are told.

A :class:`Line` is a groupchat message without its addressee: written once, sent to every client (XEP-0045 section 7.4),
kept for those who come later (section 7.2.13). What a client says is copied element by element, without what only the
room may say (XEP-0359 section 6, XEP-0421); plain words, which most messages are, are read and copied by their bytes
(:func:`plain`), to the same effect. Pure.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from xml.etree.ElementTree import Element

import msgspec

from bridge.core.deliveries import Post
from bridge.xmpp.hosted.occupants import identity
from bridge.xmpp.messages import inbound
from bridge.xmpp.wire import marks, stanzas
from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire.starttag import unescaped

MOST = 100
"""Messages of history that anybody gets at once."""
USUAL = 20
"""Messages of history that whoever does not say how many gets."""

_STANZA = f"{{{ns.COMPONENT}}}"
FORGED = frozenset(
    {
        f"{{{ns.OCCUPANT_ID}}}occupant-id",
        f"{{{ns.MUC_USER}}}x",
        f"{{{ns.DELAY}}}delay",
        "{jabber:x:delay}x",
        marks.VIA_TAG,
        marks.GHOST_TAG,
        f"{{{ns.ADDRESS}}}addresses",
    }
)
"""What only a room may say."""
_KEPT = (f"{_STANZA}body", f"{{{ns.REACTIONS}}}reactions", f"{{{ns.RETRACT}}}retract", f"{{{ns.OOB}}}x")
_STANZA_ID = f"{{{ns.IDS}}}stanza-id"
_XML = "{http://www.w3.org/XML/1998/namespace}"
END = "</message>"
_CHOSEN = rb"([-.:_A-Za-z0-9]+)"
_PLAIN = re.compile(
    b"(?:<body>([^<]*)</body>"
    b"|<origin-id xmlns='%(ids)b' id='%(chosen)b'/>|<origin-id id='%(chosen)b' xmlns='%(ids)b'/>"
    b"|<active xmlns='%(states)b'/>|<markable xmlns='%(markers)b'/>|<request xmlns='%(receipts)b'/>|<store xmlns='%(hints)b'/>"
    b")*</message>"
    % {
        b"ids": ns.IDS.encode(),
        b"chosen": _CHOSEN,
        b"states": ns.CHAT_STATES.encode(),
        b"markers": b"urn:xmpp:chat-markers:0",
        b"receipts": b"urn:xmpp:receipts",
        b"hints": ns.HINTS.encode(),
    }
)
"""What is in a client's message of plain words: nothing that means more, nothing that only the room may say."""
_ORIGIN_ID = re.compile("<origin-id [^<]*/>")
_LANGUAGE = re.compile(rb" xml:lang='([-A-Za-z0-9]+)'")


class Line(msgspec.Struct, frozen=True):
    """One message of the room."""

    id: str  # its stanza-id
    at: int  # milliseconds since the epoch
    nick: str  # of who said it, "" for the room itself
    head: str  # up to the addressee
    tail: str  # behind it

    def to(self, client: str) -> str:
        """Return it as a stanza for one client."""
        return f"{self.head}{_to(client)}{self.tail}"

    def from_history(self, client: str, room: str) -> str:
        """Return it as a stanza that says when it was said (XEP-0203)."""
        delay = stanzas.delay(inbound.stamp(self.at), sender=room)
        return f"{self.head}{_to(client)}{self.tail.removesuffix(END)}{delay}{END}"

    def forwarded(self) -> str:
        """Return it as it is put into an archive's answer: in a namespace of its own, to nobody."""
        return self.head.replace("<message", f"<message xmlns='{ns.CLIENT}'", 1) + self.tail


@lru_cache(maxsize=4096)
def _to(client: str) -> str:
    return f" to='{stanzas.attribute(client)}'"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """How much history somebody wants; None is no limit of that kind."""

    stanzas: int = USUAL
    characters: int | None = None
    since: int | None = None  # milliseconds since the epoch


def asked(join: Element, now: int) -> Asked:
    """Read the ``<history/>`` of a join (XEP-0045 section 7.2.14)."""
    history = join.find(f"{{{ns.MUC}}}history")
    if history is None:
        return Asked()
    seconds = _number(history.get("seconds"))
    moments = [inbound.milliseconds(history.get("since", "")), None if seconds is None else now - seconds * 1000]
    since = max((moment for moment in moments if moment is not None), default=None)
    most = _number(history.get("maxstanzas"))
    if most is None:
        most = USUAL if since is None else MOST
    return Asked(stanzas=min(most, MOST), characters=_number(history.get("maxchars")), since=since)


def told(lines: Sequence[Line], wanted: Asked) -> list[Line]:
    """Return what a newcomer is told: the newest lines within all limits, oldest first."""
    left = wanted.characters
    kept: list[Line] = []
    for line in reversed(lines):
        if len(kept) >= wanted.stanzas or (wanted.since is not None and line.at < wanted.since):
            break
        if left is not None:
            left -= len(line.head) + len(line.tail)
            if left < 0:
                break
        kept.append(line)
    return kept[::-1]


class Saying(msgspec.Struct, frozen=True):
    """Who says something in which room, and what the room calls it."""

    room: str
    nick: str
    occupant: str  # XEP-0421
    id: str  # the stanza-id
    at: int  # milliseconds since the epoch


class Plain(msgspec.Struct, frozen=True):
    """A client's message of one line of plain words, as :func:`plain` reads it."""

    text: str
    origin: str  # its sender's name for it (XEP-0359), "" for none
    language: str
    inner: str  # what the room says to everybody, as XML


def plain(stanza: bytes) -> Plain | None:
    """Read a client's message by its bytes; None for one that takes a parser, and :func:`copied`."""
    start = stanza.find(b">") + 1
    found = _PLAIN.fullmatch(stanza, start)
    if found is None or stanza.count(b"<body>") != 1 or stanza.count(b"<origin-id ") > 1:
        return None
    raw, origin, turned = found.groups()
    text = unescaped(raw)
    if not text or not text.isprintable():
        return None
    language = b""
    if stanza.find(b" xml:", 0, start) >= 0:
        lang = _LANGUAGE.search(stanza, 0, start)
        if lang is None:
            return None
        language = lang[1]
    begin, end = found.span(1)
    inner = f"{stanza[start:begin].decode()}{stanzas.text(text)}{stanza[end : -len(END)].decode()}"
    if turned is not None:
        origin = turned
        inner = _ORIGIN_ID.sub(stanzas.origin_id(origin.decode()), inner)
    return Plain(text, (origin or b"").decode(), language.decode(), inner)


def repeated(words: Plain, attribute: str, saying: Saying) -> Line:
    """Return plain words as the room says them to everybody; ``attribute`` is their id attribute."""
    return _line(words.inner, attribute, words.language, saying)


def copied(element: Element, saying: Saying) -> Line:
    """Return what a client says as the room says it to everybody."""
    inner = "".join(written(child) for child in element if not is_forged(child, saying.room))
    return _line(inner, element.get("id", ""), element.get(f"{_XML}lang", ""), saying)


def _line(inner: str, attribute: str, language: str, saying: Saying) -> Line:
    lang = f" xml:lang='{stanzas.attribute(language)}'" if language else ""
    ident = f" id='{stanzas.attribute(attribute)}'" if attribute else ""
    before, after = _named(saying.room, saying.occupant)
    tail = f" type='groupchat'{ident}{lang}>{inner}{before}{stanzas.attribute(saying.id)}{after}"
    return Line(saying.id, saying.at, saying.nick, _head(saying.room, saying.nick), tail)


@lru_cache(maxsize=4096)
def _head(room: str, nick: str) -> str:
    """Return how all that somebody says in a room begins; ``nick`` is "" for the room itself."""
    return f"<message from='{stanzas.attribute(f'{room}/{nick}' if nick else room)}'"


@lru_cache(maxsize=4096)
def _named(room: str, occupant: str) -> tuple[str, str]:
    """Return how all that somebody says in a room ends, before and behind its stanza-id."""
    before, _, after = stanzas.element("stanza-id", ns.IDS, attrs={"by": room, "id": "@"}).rpartition("@")
    return before, f"{after}{identity(occupant)}{END}"


def is_forged(child: Element, room: str) -> bool:
    """Tell whether only the room may say this; an id that others have given (XEP-0359 section 3.2) is theirs."""
    if child.tag == _STANZA_ID:
        return child.get("by", room) == room
    return child.tag in FORGED


def spoken(stanza: str, saying: Saying) -> Line:
    """Return a stanza that ``outbound`` has written, addressed to ``@``, as the room says it to everybody."""
    head, _, tail = stanza.partition(" to='@'")
    before, after = _named(saying.room, saying.occupant)
    names = f"{before}{stanzas.attribute(saying.id)}{after}"
    return Line(saying.id, saying.at, saying.nick, head, tail.removesuffix(END) + names)


def worded(post: Post, saying: Saying) -> Line:
    """Return a message that ``outbound.is_plain`` as the room says it to everybody: what :func:`spoken` makes of its stanza."""
    id_, via = saying.id, marks.via(post.head.via)
    inner = f"<body>{stanzas.text(post.content.text)}</body>{stanzas.origin_id(id_)}{via}"
    return _line(inner, id_, "", saying)


def remembered(body: str, *, room: str, id_: str, at: int, nick: str) -> Line:
    """Return words of which no more is known than who said them when."""
    return _line(stanzas.element("body", words=body), id_, "", Saying(room, nick, "", id_, at))


def written(element: Element, outer: str = ns.COMPONENT) -> str:
    """Return an element as text, for a place where ``outer`` is the namespace in force."""
    namespace, _, name = element.tag[1:].rpartition("}")
    attrs = {_attribute(key): value for key, value in element.items()}
    head = f"<{name}" + (f" xmlns='{stanzas.attribute(namespace)}'" if namespace != outer else "")
    for key, value in attrs.items():
        head += f" {key}='{stanzas.attribute(value)}'" if key else ""
    inner = stanzas.text(element.text or "") + "".join(_with_tail(child, namespace) for child in element)
    return f"{head}>{inner}</{name}>" if inner else f"{head}/>"


def _with_tail(child: Element, outer: str) -> str:
    return written(child, outer) + stanzas.text(child.tail or "")


def _attribute(key: str) -> str:
    """Return how an attribute is written; those of foreign namespaces are left out."""
    if not key.startswith("{"):
        return key
    return f"xml:{key.removeprefix(_XML)}" if key.startswith(_XML) else ""


def has_words(element: Element) -> bool:
    """Tell whether a message is worth keeping: not a chat state, nor a marker."""
    return any(element.find(tag) is not None for tag in _KEPT) and element.find(f"{{{ns.HINTS}}}no-store") is None


def is_fleeting(element: Element) -> bool:
    """Tell whether a message says nothing that anybody would miss: a chat state, a marker."""
    return all(element.find(tag) is None for tag in (*_KEPT, f"{_STANZA}subject"))


def _number(value: str | None) -> int | None:
    return int(value) if value is not None and value.isascii() and value.isdigit() and len(value) < 10 else None
