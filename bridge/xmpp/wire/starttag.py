"""Start tags of stanzas, read from bytes without a parser.

Only tags that are written plainly are read: one blank before each attribute, none around "=", one kind of quotes. That
is how every server's serialiser writes; for anything else the answer is None, and the caller lets a real parser do it.
Called by ``stream``.
"""

import re
from functools import lru_cache
from typing import NamedTuple

_ID = b" id='"
_ENDS = frozenset({">", "/>", " />"})
_NAMES = {" to=": "to", " from=": "from", " type=": "type", " id=": "id", " xml:lang=": ""}
_NAME = re.compile(r" ([A-Za-z_][-.A-Za-z0-9_]*)=")
_PREFIXED = re.compile(r" [A-Za-z_][-.A-Za-z0-9_]*:[A-Za-z_][-.A-Za-z0-9_]*=")
_NAMESPACES = frozenset({"jabber:component:accept", "jabber:client"})  # the second is how jabberd2 writes
_NOT_LITERAL = re.compile("[\x00-\x1f<&]")
_UNUSUAL = re.compile("[\x00-\x1f<]")
_ENTITY = re.compile("&(?:(lt|gt|amp|apos|quot)|#([0-9]{1,7})|#x([0-9A-Fa-f]{1,6}));")
_ENTITIES = {"lt": "<", "gt": ">", "amp": "&", "apos": "'", "quot": '"'}


class StartTag(NamedTuple):
    """A start tag, taken apart."""

    attrs: dict[str, str]  # unescaped, without those that have a prefix
    quote: bytes  # that its values stand in
    to: int  # where in the tag the value of ``to`` begins; 0: it has none


def take_apart(tag: bytes, start: int) -> StartTag | None:
    """Read a whole start tag whose attributes begin at ``start``; None: it is not written plainly.

    From message to message of one speaker nothing changes but the id, so what is around it is read once.
    """
    begin = tag.find(_ID, start) + len(_ID)
    end = tag.find(b"'", begin)
    id_ = tag[begin:end] if begin >= len(_ID) < end else b""
    # Where " id='" is the end of a value and no attribute, what follows begins with a blank or ends the tag.
    if not id_.isalnum() and not id_.translate(None, b"-").isalnum():
        return _taken_apart(tag, start)
    around = _around(tag[:begin], tag[end:], start)
    if around is None:
        return None
    attrs, quote, to = around
    return StartTag({**attrs, "id": id_.decode()}, quote, to + len(id_) if to > begin else to)


@lru_cache(maxsize=1024)
def _around(before: bytes, after: bytes, start: int) -> StartTag | None:
    """Read a start tag without the value of its id."""
    return _taken_apart(before + after, start)


def _taken_apart(tag: bytes, start: int) -> StartTag | None:
    try:
        text = tag.decode()
    except UnicodeDecodeError:
        return None
    quote = "'" if "'" in text else '"'
    if quote == "'" and '"' in text:
        return None
    parts = text[start:].split(quote)
    # An even number of parts ends inside quotes: what looked like the end of the tag was part of a value.
    if len(parts) % 2 == 0 or parts[-1] not in _ENDS:
        return None
    literal = _NOT_LITERAL.search(text, start) is None
    attrs: dict[str, str] = {}
    keys = parts[0:-1:2]
    for key, raw in zip(keys, parts[1::2], strict=True):
        name = _NAMES.get(key)
        if name is None and (name := _name(key, raw)) is None:
            return None
        if name:
            value = raw if literal else _value(raw)
            if value is None or name in attrs:
                return None
            attrs[name] = value
    to = 0
    if "to" in attrs:
        to = start + len(quote.join(parts[: 2 * keys.index(" to=") + 1])) + 1
        if len(text) != len(tag):
            to = len(text[:to].encode())
    return StartTag(attrs, b"'" if quote == "'" else b'"', to)


def unescaped(raw: bytes) -> str | None:
    """Return what stands between the quotes of an attribute; None: it is not written plainly."""
    try:
        return _value(raw.decode())
    except UnicodeDecodeError:
        return None


def _value(raw: str) -> str | None:
    if _UNUSUAL.search(raw):
        return None
    if "&" not in raw:
        return raw
    if raw.count("&") != len(_ENTITY.findall(raw)):
        return None
    try:
        return _ENTITY.sub(_character, raw)
    except ValueError:  # a character that does not exist
        return None


def _character(entity: re.Match[str]) -> str:
    name, decimal, hexadecimal = entity.groups()
    if name:
        return _ENTITIES[name]
    return chr(int(decimal) if decimal else int(hexadecimal, 16))


def _name(key: str, raw: str) -> str | None:
    """Return the name of a rarer attribute, "" if it does not matter."""
    if key == " xmlns=":
        return "" if raw in _NAMESPACES else None
    match = _NAME.fullmatch(key)
    if match is not None:
        return match[1]
    return "" if _PREFIXED.fullmatch(key) else None
