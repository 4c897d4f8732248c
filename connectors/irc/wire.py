"""Bytes and lines: framing, lenient parsing, and the only encoder.

Pure: no socket, no state but the unfinished line. Called by :mod:`connectors.irc.client`; :class:`Line` and :func:`split_source`
also by everything above it. What is not here: what a line means.

Reading is lenient: whatever a server sends becomes a Line or nothing, never an exception. Writing is strict: :func:`encode` is the
one way from words to the socket, and no argument can make it emit a CR, LF or NUL inside a line, a second line, or a
parameter that the server would read as two. U+2028, U+0085 and the like are plain text to IRC, and pass.

Message syntax: modern IRC, "Message Format"; tags: IRCv3 message-tags.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

LINE = 512
"""Longest line without its tags, in bytes, with CR LF, unless the server says LINELEN."""
TAGS_IN = 8191
"""Longest tag section that a server may send, in bytes, with "@" and the blank."""
TAGS_OUT = 4094
"""Longest tag data that a client may send, in bytes, without "@" and the blank."""
TEXTS = frozenset({"PRIVMSG", "NOTICE", "TOPIC", "PART", "QUIT", "KICK", "AWAY", "USER", "SETNAME"})
"""Commands whose last parameter is text for people: it is cleaned instead of refused, and always written with its colon."""


class Line(msgspec.Struct, frozen=True, gc=False):
    """One line as read. ``command`` is upper case; ``source`` has no colon, "" where there is none; tag values are unescaped."""

    tags: dict[str, str]
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


def split_source(source: str) -> Source:
    """Take ``nick[!user][@host]`` apart; anything goes in the host."""
    raise NotImplementedError


def parse(data: bytes, fallback: str = "cp1252") -> Line | None:
    """Read one line without its line end; None for one that has no command. Never raises."""
    raise NotImplementedError


def encode(command: str, params: Sequence[str], tags: Mapping[str, str] | None = None, *, limit: int = LINE) -> bytes:
    """Write one line, with CR LF.

    Text for people (the last parameter of TEXTS) is cleaned: CR, LF and NUL become blanks, lone surrogates U+FFFD. Of the other
    commands the last parameter may hold blanks. ``tags`` are escaped here.

    Raises: ValueError for a command, middle parameter or tag key that cannot be written; TooLong for a PRIVMSG or NOTICE over
    ``limit`` bytes (other texts are cut), for any other line over it, and for tags over 4,094 bytes.
    """
    raise NotImplementedError
