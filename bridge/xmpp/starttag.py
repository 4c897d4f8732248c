"""Start tags of stanzas, read from bytes without a parser.

Only tags that are written plainly are read: one blank before each attribute, none around "=", one kind of quotes. That
is how every server's serialiser writes; for anything else the answer is None, and the caller lets a real parser do it.
Called by ``stream``.
"""

import re
from typing import NamedTuple

_ENDS = frozenset({b">", b"/>", b" />"})
_NAMES = {b" to=": "to", b" from=": "from", b" type=": "type", b" id=": "id", b" xml:lang=": ""}
_NAME = re.compile(rb" ([A-Za-z_][-.A-Za-z0-9_]*)=")
_PREFIXED = re.compile(rb" [A-Za-z_][-.A-Za-z0-9_]*:[A-Za-z_][-.A-Za-z0-9_]*=")
_NAMESPACES = frozenset({b"jabber:component:accept", b"jabber:client"})  # the second is how jabberd2 writes
_UNUSUAL = re.compile(rb"[\x00-\x1f<]")
_ENTITY = re.compile("&(?:(lt|gt|amp|apos|quot)|#([0-9]{1,7})|#x([0-9A-Fa-f]{1,6}));")
_ENTITIES = {"lt": "<", "gt": ">", "amp": "&", "apos": "'", "quot": '"'}


class StartTag(NamedTuple):
    """A start tag, taken apart."""

    attrs: dict[str, str]  # unescaped, without those that have a prefix
    quote: bytes  # that its values stand in
    to: int  # where in the tag the value of ``to`` begins; 0: it has none


def take_apart(tag: bytes, start: int) -> StartTag | None:
    """Read a whole start tag whose attributes begin at ``start``; None: it is not written plainly."""
    quote = b"'" if b"'" in tag else b'"'
    if quote == b"'" and b'"' in tag:
        return None
    parts = tag[start:].split(quote)
    # An even number of parts ends inside quotes: what looked like the end of the tag was part of a value.
    if len(parts) % 2 == 0 or parts[-1] not in _ENDS:
        return None
    attrs: dict[str, str] = {}
    at, to = start, 0
    for key, raw in zip(parts[0:-1:2], parts[1::2], strict=True):
        name = _NAMES.get(key)
        if name is None and (name := _name(key, raw)) is None:
            return None
        at += len(key) + 1
        if name:
            value = unescaped(raw)
            if value is None or name in attrs:
                return None
            attrs[name] = value
            if name == "to":
                to = at
        at += len(raw) + 1
    return StartTag(attrs, quote, to)


def unescaped(raw: bytes) -> str | None:
    """Return what stands between the quotes of an attribute; None: it is not written plainly."""
    if _UNUSUAL.search(raw):
        return None
    try:
        value = raw.decode()
    except UnicodeDecodeError:
        return None
    if "&" not in value:
        return value
    if value.count("&") != len(_ENTITY.findall(value)):
        return None
    try:
        return _ENTITY.sub(_character, value)
    except ValueError:  # a character that does not exist
        return None


def _character(entity: re.Match[str]) -> str:
    name, decimal, hexadecimal = entity.groups()
    if name:
        return _ENTITIES[name]
    return chr(int(decimal) if decimal else int(hexadecimal, 16))


def _name(key: bytes, raw: bytes) -> str | None:
    """Return the name of a rarer attribute, "" if it does not matter."""
    if key == b" xmlns=":
        return "" if raw in _NAMESPACES else None
    match = _NAME.fullmatch(key)
    if match is not None:
        return match[1].decode()
    return "" if _PREFIXED.fullmatch(key) else None
