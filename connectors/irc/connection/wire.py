r"""Bytes and lines: framing, lenient parsing, and the only encoder.

Pure: no socket, no state but the unfinished line. Called by :mod:`connectors.irc.connection.client`; :class:`Line` and
:func:`split_source` also by everything above it. What is not here: what a line means.

Reading is lenient: whatever a server sends becomes a Line or nothing, never an exception. Writing is strict:
:func:`encode` is the one way from words to the socket, and no argument can make it emit a CR, LF or NUL inside a line,
a second line, or a parameter that the server would read as two. U+2028, U+0085 and the like are plain text to IRC, and
pass both ways.

Message syntax: modern IRC, "Message Format"; tags: IRCv3 message-tags. Blanks are 0x20 alone: ``str.split()`` would
also split at 0x1D and 0x1F, which are italics and underline.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec

LINE = 512
"""Longest line without its tags, in bytes, with CR LF, unless the server says LINELEN."""
TAGS_IN = 8191
"""Longest tag section that a server may send, in bytes, with "@" and the blank."""
TAGS_OUT = 4094
"""Longest tag data that a client may send, in bytes, without "@" and the blank."""
TEXTS = frozenset({"PRIVMSG", "NOTICE", "TOPIC", "PART", "QUIT", "KICK", "AWAY", "USER", "SETNAME"})
"""Commands whose last parameter is text for people: it is cleaned, not refused, and always written with its colon."""
_UNCUT = frozenset({"PRIVMSG", "NOTICE"})

_COMMAND = re.compile(r"[A-Z]+|[0-9]{3}")
_MIDDLE = re.compile(r"[^\x00\r\n :\ud800-\udfff][^\x00\r\n \ud800-\udfff]*")
_TRAILING = re.compile(r"[^\x00\r\n\ud800-\udfff]*")
_TAG_KEY = re.compile(r"\+?(?:[A-Za-z0-9.-]+/)?[A-Za-z0-9-]+")
_UNSENDABLE = re.compile(r"[\x00\r\n\ud800-\udfff]")
_ESCAPED = str.maketrans({";": r"\:", " ": r"\s", "\\": r"\\", "\r": r"\r", "\n": r"\n", "\0": None})
_ESCAPABLE = re.compile(r"[; \\\r\n\0]")
_ESCAPES = re.compile(r"\\(.?)", re.DOTALL)
_UNESCAPED = {":": ";", "s": " ", "r": "\r", "n": "\n"}
_JUNK = re.compile(rb"[\r\n\0]+")
_NO_TAGS: dict[str, str] = {}
_BEFORE_TAG = b"@;"


class Line(msgspec.Struct, frozen=True, gc=False):
    """One line as read: ``source`` without colon or "", ``command`` in upper case, tag values unescaped."""

    tags: Mapping[str, str]
    source: str
    command: str
    params: list[str]

    @property
    def nick(self) -> str:
        """The source without user and host: a nick, or a server's name."""
        return split_source(self.source).nick

    @property
    def text(self) -> str:
        """The last parameter, "" where there is none."""
        return self.params[-1] if self.params else ""

    def param(self, index: int) -> str:
        """Return a parameter, "" where the line has fewer."""
        return self.params[index] if index < len(self.params) else ""


class Source(NamedTuple):
    """Who sent a line, in parts; "" for what is not told."""

    nick: str
    user: str
    host: str


class TooLong(ValueError):
    """A line does not fit; whoever sends text splits it by ``Connection.available``."""


@lru_cache(maxsize=1024)
def split_source(source: str) -> Source:
    """Take ``nick[!user][@host]`` apart; a host may hold anything, formatting codes and "!" too."""
    name, _, host = source.partition("@")
    nick, _, user = name.partition("!")
    return Source(nick, user, host)


class Framer:
    """Cuts what the socket gives into lines, in bounded memory: a line over the limits is skipped up to its end."""

    __slots__ = ("_rest", "_skipping", "limit")

    def __init__(self, limit: int = LINE) -> None:
        self.limit = limit  # of a line without tags
        self._rest = b""
        self._skipping = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that are complete now, without LF (a CR before it stays)."""
        lines = (self._rest + data).split(b"\n") if self._rest else data.split(b"\n")
        rest = lines.pop()
        if self._skipping and lines:
            del lines[0]
            self._skipping = False
        longest = TAGS_IN + self.limit
        if len(rest) > longest or self._skipping:
            rest, self._skipping = b"", True
        self._rest = rest
        return [line for line in lines if len(line) <= longest] if len(data) > longest else lines


def decode(data: bytes, fallback: str = "cp1252") -> str:
    """Read bytes as UTF-8; what is not as ``fallback``, and what that does not have as ISO 8859-1. Never raises.

    A line that a server cut inside a character is still UTF-8: the piece goes, the rest stays readable.
    """
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        if (
            error.start >= len(data) - 3
            and error.reason == "unexpected end of data"
            and not data[: error.start].isascii()
        ):
            return data[: error.start].decode()
    try:
        return data.decode(fallback)
    except ValueError:
        return data.decode("latin-1")


def parse(data: bytes, fallback: str = "cp1252") -> Line | None:
    """Read one line; its line end, stray CRs and NULs are dropped. None for one that has no command. Never raises."""
    data = data.rstrip(b"\r\n")
    if b"\r" in data or b"\0" in data or b"\n" in data:
        data = _JUNK.sub(b"", data)
    rest = decode(data, fallback)
    tags = _NO_TAGS
    if rest[:1] == "@":
        raw, _, rest = rest[1:].partition(" ")
        tags = _tags(raw)
        rest = rest.lstrip(" ")
    source = ""
    if rest[:1] == ":":
        source, _, rest = rest[1:].partition(" ")
    middle, colon, trailing = f" {rest}".partition(" :")
    params = middle[1:].split(" ")
    if "" in params:
        params = [param for param in params if param]
    if not params:
        return None
    command = params.pop(0)
    if colon:
        params.append(trailing)
    return Line(tags, source, command.upper(), params)


_OTHERS = frozenset(
    {
        *(
            b"ACCOUNT",
            b"AWAY",
            b"CHGHOST",
            b"INVITE",
            b"JOIN",
            b"MODE",
            b"NICK",
            b"NOTICE",
            b"PART",
            b"PRIVMSG",
            b"QUIT",
        ),
        *(b"SETNAME", b"TAGMSG", b"TOPIC"),
    }
)
_TO_SOMEBODY = frozenset({b"INVITE", b"MODE", b"NOTICE", b"PRIVMSG", b"TAGMSG"})
_LISTS = frozenset({b"329", b"332", b"333", b"353"})


def concerns(data: bytes, me: tuple[bytes, ...], channels: bytes) -> bool:
    """Whether a line, not parsed, concerns a connection that only speaks.

    Not: what others say or do in channels, topics and lists of names. ``me`` is how lines of our own begin (":nick!" and
    ":nick "), ``channels`` the characters with which a target is a channel or a part of one. When in doubt, yes.
    """
    if data[:1] == b"@":
        data = data.partition(b" ")[2]
    words = data.split(b" ", 3)
    if len(words) < 2 or data[:1] != b":":
        return True
    command = words[1].rstrip(b"\r")
    if command not in _OTHERS:
        return command not in _LISTS
    if data.startswith(me):
        return True
    return command in _TO_SOMEBODY and len(words) > 2 and words[2].lstrip(b":")[:1] not in channels


def tag_of(data: bytes, key: bytes, end: int) -> str | None:
    """Return the value of one tag of a raw line that is not parsed, "" where it is empty or missing; None: parse the line.

    ``end`` is where the tags end. Of several with this key the last counts, as for the parser.
    """
    at = data.rfind(key, 1, end)
    if at < 0:
        return ""
    start = at + len(key) + 1
    if data[at - 1] not in _BEFORE_TAG or not data.startswith(
        b"=", start - 1
    ):  # part of something longer, or without value
        return None
    stop = data.find(b";", start, end)
    value = data[start : end if stop < 0 else stop]
    if not value.isascii():
        return None
    return value.decode() if b"\\" not in value else _ESCAPES.sub(_unescape, value.decode())


def _tags(raw: str) -> dict[str, str]:
    tags = {}
    for item in raw.split(";"):
        key, _, value = item.partition("=")
        if key:
            tags[key] = _ESCAPES.sub(_unescape, value) if "\\" in value else value
    return tags


def _unescape(match: re.Match[str]) -> str:
    return _UNESCAPED.get(match[1], match[1])


def encode(command: str, params: Sequence[str], tags: Mapping[str, str] | None = None, *, limit: int = LINE) -> bytes:
    """Write one line, with CR LF.

    Text for people (the last parameter of TEXTS) is cleaned: CR, LF, NUL and lone surrogates become blanks. Of other
    commands the last parameter may hold blanks, and begin with a colon.

    Raises: ValueError for a command, parameter or tag key that cannot be written; TooLong for a PRIVMSG or NOTICE over
    ``limit`` bytes (other texts are cut), for any other line over it, and for tags over 4,094 bytes.
    """
    if not _is_command(command):
        raise ValueError(f"not a command: {command!r}")
    words = [command]
    if params:
        words += [_middle(param) for param in params[:-1]]
        words.append(_last(command, params[-1]))
    line = " ".join(words).encode()
    if len(line) > limit - 2:
        line = _cut(line, command, limit - 2)
    return b"%s%s\r\n" % (_tag_section(tags), line) if tags else line + b"\r\n"


def recode(data: bytes, charset: str, *, limit: int = LINE) -> bytes:
    """Write a line of :func:`encode` in another encoding than UTF-8, as far as it can say all of it and the line still fits.

    Else it stays as it is: whoever reads UTF-8 first, as everybody does today, reads both. Tags are always UTF-8.
    """
    if not charset or data.isascii():
        return data
    head, blank, line = data.partition(b" ") if data[:1] == b"@" else (b"", b"", data)
    try:
        written = line.decode().encode(charset)
    except UnicodeError:
        return data
    return head + blank + written if len(written) <= max(limit, len(line)) else data


def is_charset(name: str) -> bool:
    """Tell whether IRC can be spoken in an encoding: ASCII has to stay what it is, and everything else to be something else."""
    try:
        everything = bytes(range(128))
        if (
            everything.decode(name) != everything.decode("ascii")
            or everything.decode("ascii").encode(name) != everything
        ):
            return False
        others = [each for character in "éжλ日한א€" if (each := character.encode(name, errors="ignore"))]
    except (LookupError, ValueError, TypeError):
        return False
    return bool(others) and not any(each.isascii() for each in others)


@lru_cache(maxsize=256)
def _is_command(command: str) -> bool:
    return _COMMAND.fullmatch(command) is not None


@lru_cache(maxsize=256)
def _is_tag_key(key: str) -> bool:
    return _TAG_KEY.fullmatch(key) is not None


@lru_cache(maxsize=1024)
def _middle(param: str) -> str:
    """Check a parameter in the middle of a line, which is mostly a channel."""
    if not _MIDDLE.fullmatch(param):
        raise ValueError(f"not a middle parameter: {param!r}")
    return param


def _last(command: str, param: str) -> str:
    if command in TEXTS:
        return ":" + (_UNSENDABLE.sub(" ", param) if _UNSENDABLE.search(param) else param)
    if _MIDDLE.fullmatch(param):
        return param
    if not _TRAILING.fullmatch(param):
        raise ValueError(f"not a parameter: {param!r}")
    return ":" + param


def _cut(line: bytes, command: str, limit: int) -> bytes:
    if command not in TEXTS or command in _UNCUT:
        raise TooLong(f"{command} of {len(line)} bytes, {limit} fit")
    return line[:limit].decode(errors="ignore").encode()


def _tag(key: str, value: str) -> str:
    if not _is_tag_key(key):
        raise ValueError(f"not a tag key: {key!r}")
    if value.isalnum():
        return f"{key}={value}"
    escaped = value.translate(_ESCAPED) if _ESCAPABLE.search(value) else value
    return f"{key}={escaped}" if value else key


def _tag_section(tags: Mapping[str, str]) -> bytes:
    data = ";".join([_tag(key, value) for key, value in tags.items()]).encode(errors="replace")
    if len(data) > TAGS_OUT:
        raise TooLong(f"tags of {len(data)} bytes, {TAGS_OUT} fit")
    return b"@%s " % data
