"""What messages of rooms look like, with holes where they differ: most are like one that was understood a moment ago.

From message to message nothing changes but who says it in which room, the ids and the words; even the order of attributes
is one server's own. So of a message that was understood by its bytes the rest is kept as a pattern, and a message that
matches it is one, from its first byte to its last: nothing has to be framed, taken apart or looked for. In the holes stands
only what means itself: no markup, no quotes, no entities, no control characters.

Pure; called by ``stream``.
"""

import re
from typing import NamedTuple

import msgspec

from bridge.xmpp.wire import namespaces as ns

MOST = 8
"""Patterns that are kept: a few kinds of clients, and our own words coming back."""
RENEWED = 1000
"""After so many messages that were understood, and look like none of them, other kinds of clients are here."""
_CANDIDATES = 64
"""Looks that are remembered; a pattern is made of what is seen again, since making it costs as much as fifty messages."""
_LONGEST = 4096
"""Bytes of a message of which a pattern is made."""

_ID = rb"[!#-%(-;=?-~]+"
_NAME = rb"[^\x00-\x1f'\"<>&]+"
_HOLES = {
    b"message id": b"(?P<id>%b)" % _ID,
    b"message to": b"(?P<to>%b)" % _NAME,
    b"message from": rb"(?P<room>[^\x00-\x1f'\"<>&/]+)/(?P<nick>%b)" % _NAME,
    b"message xml:lang": rb"[-A-Za-z0-9]*",
    b"origin-id id": b"(?P<origin>%b)" % _ID,
    b"stanza-id id": b"(?P<stanza>%b)" % _ID,
    b"stanza-id by": b"(?P=room)",
    b"occupant-id id": _ID,
}
_BODY = (rb"<body>(?P<text>[^\x00-\x1f<>&\x7f]+)</body>", b"<body></body>")
_ELEMENT = re.compile(
    rb"<(message|origin-id|stanza-id|occupant-id)((?: [a-z]+(?::lang)?='[^'<>&]*')*)(/?>)|<body>[^<>&]*</body>"
)
_ATTRIBUTE = re.compile(rb" ([a-z:]+)='([^']*)'")
_OF_IDS = b" xmlns='%b'" % ns.IDS.encode()
_WITH_IDS = frozenset({b"origin-id", b"stanza-id"})


class Familiar(msgspec.Struct, frozen=True, gc=False):
    """A groupchat message of a known look."""

    room: str
    to: str
    nick: str
    id: str
    text: str
    stanza: str  # what the room calls it
    origin: str  # what its sender calls it, "" for nothing
    rest: bytes  # all that stands in it, with nothing in the holes


class _Shape(NamedTuple):
    """One look; ``groups`` are the holes, in the order of :class:`Familiar`."""

    pattern: "re.Pattern[bytes]"
    groups: tuple[int, ...]
    rest: bytes


class Shapes:
    """The looks of one stream."""

    def __init__(self) -> None:
        self._shapes: list[_Shape] = []
        self._candidates: dict[bytes, int] = {}  # how often they were seen
        self._strangers = 0  # seen since, without a pattern of their own

    def find(self, data: bytes, at: int) -> tuple[Familiar, int] | None:
        """Return the message that begins at ``at``, and where it ends; None for one that looks like none before."""
        if not data.startswith(b"<message", at):
            return None
        for index, shape in enumerate(self._shapes):
            found = shape.pattern.match(data, at)
            if found is not None:
                if index:  # the next one is nearly always like this one
                    self._shapes.insert(0, self._shapes.pop(index))
                try:
                    words = b"<".join(found.group(*shape.groups)).decode()
                except UnicodeDecodeError:
                    return None
                room, to, nick, id_, text, stanza, origin = words.split("<")
                return Familiar(room, to, nick, id_, text, stanza, origin, shape.rest), found.end()
        return None

    def learn(self, stanza: bytes) -> None:
        """Remember what a message looks like that was understood by its bytes."""
        look = _look(stanza)
        if look is None:
            return
        self._strangers += 1
        if self._strangers > RENEWED:
            self._shapes.clear()
            self._candidates.clear()
            self._strangers = 0
        elif len(self._candidates) >= _CANDIDATES:
            self._candidates.clear()
        times = self._candidates[look.pattern] = self._candidates.get(look.pattern, 0) + 1
        shape = _shape(look) if times == 2 and len(self._shapes) < MOST else None
        if shape is not None:
            self._shapes.insert(0, shape)


class _Look(NamedTuple):
    """A message with holes, and as a pattern."""

    pattern: bytes
    rest: bytes


def _look(stanza: bytes) -> _Look | None:
    """Make the holes; None for a message whose ids are not the room's, or are written in another way."""
    if len(stanza) > _LONGEST or stanza.count(b"stanza-id") != 1:
        return None
    pattern, rest, behind = b"", b"", 0
    for found in _ELEMENT.finditer(stanza):
        name, attributes, end = found.groups()
        if name in _WITH_IDS and _OF_IDS not in attributes:
            return None
        made, left = _BODY if name is None else _opened(name, attributes, end)
        literal = stanza[behind : found.start()]
        pattern += re.escape(literal) + made
        rest += literal + left
        behind = found.end()
    literal = stanza[behind:]
    if b"(?P<origin>" not in pattern:
        pattern += b"(?P<origin>)"
    has_origin = b"<origin-id" in rest
    return None if has_origin is (b"(?P<origin>)" in pattern) else _Look(pattern + re.escape(literal), rest + literal)


def _opened(name: bytes, attributes: bytes, end: bytes) -> tuple[bytes, bytes]:
    """Return a start tag as a pattern, and what is left of it."""
    pattern, rest = b"<" + name, b"<" + name
    for key, value in _ATTRIBUTE.findall(attributes):
        hole = _HOLES.get(b"%b %b" % (name, key))
        pattern += b" %b='%b'" % (key, re.escape(value) if hole is None else hole)
        rest += b" %b='%b'" % (key, value if hole is None else b"")
    return pattern + end, rest + end


def _shape(look: _Look) -> _Shape | None:
    """Make the pattern of a look; None where something is missing in it, or stands there twice."""
    try:
        pattern = re.compile(look.pattern)
    except re.error:
        return None
    groups = tuple([pattern.groupindex.get(name, 0) for name in Familiar.__struct_fields__[:-1]])
    return _Shape(pattern, groups, look.rest) if all(groups) else None
