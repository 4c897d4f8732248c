"""Plain words of somebody who is known, read from the raw line: nothing in it is news but the time, the id and the words.

Nearly every line of a busy channel is one. What stands between its id and its words (who says it, with which account, in
which channel) is the same from line to line of one person, so it is read once, by the long way, and remembered by its
bytes; it holds for as long as the view knows the same of this person. A short way (decision 9): it gives the event that
:meth:`~connectors.irc.reading.inbound.Inbound.read` gives, or says that it does not know. Called by the listener for every line
before anything is parsed.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from bridge.core.content import Content, Mention
from bridge.core.events import Member, MessagePosted, Origin
from bridge.core.ids import EventKey, MessageId, Room
from connectors.irc.connection.isupport import Isupport
from connectors.irc.connection.wire import Line, parse
from connectors.irc.reading.channels import User, View
from connectors.irc.reading.moments import second

_TIME, _ID = rb"time=([0-9T:-]{19})\.([0-9]{3})Z", rb"msgid=([^;\\ ]+)"
_LINE = re.compile(
    rb"@(?:%(time)s;%(id)s|%(id)s;%(time)s)((?:;account=[^;\\ ]+)? :[^ ]+ PRIVMSG [^ :,][^ ,]* ):([^\x00-\x1f\x7f]+)\r?"
    % {b"time": _TIME, b"id": _ID}
)
"""A line that has no other tags, and in whose text nothing is a code."""
_CALLING = frozenset({":", ","})
_MOST = 1000
"""Heads that are remembered."""


class _Head(NamedTuple):
    """What the middle of a line says, and all that this depends on."""

    room: Room
    name: str  # of the channel
    member: Member
    user: User
    nick: str  # folded
    isupport: Isupport


class PlainWords:
    """Reads such lines of one listener connection."""

    def __init__(
        self,
        view: View,
        *,
        speaker: Callable[[Line], User],
        channel: Callable[[Line], str | None],
        mentions: Callable[[str], tuple[Mention, ...]],
    ) -> None:
        """``speaker``, ``channel`` and ``mentions`` are the long way's."""
        self._view = view
        self._speaker = speaker
        self._channel = channel
        self._mentions = mentions
        self._heads: dict[bytes, _Head] = {}
        self._stamp = b""  # of the line before
        self._began: int | None = None

    def read(self, data: bytes) -> MessagePosted | None:
        """Return what a raw line says; None for one that takes the long way."""
        found = _LINE.fullmatch(data)
        if found is None:
            return None
        stamp, fraction, id_, id_first, stamp_last, fraction_last, middle, words = found.groups()
        began = self._second(stamp or stamp_last)
        try:
            text, message = words.decode(), (id_ or id_first).decode()
        except UnicodeDecodeError:
            return None
        if began is None or not (words.isascii() or text.isprintable()) or text.isspace():
            return None
        head = self._heads.get(middle)
        if (head is None or not self._holds(head)) and (head := self._learn(middle)) is None:
            return None
        return MessagePosted(
            origin=Origin(room=head.room, key=EventKey(message), at=began + int(fraction or fraction_last)),
            sender=head.member,
            id=MessageId(message),
            content=Content(text=text, mentions=self._mentions(text) if _may_call(text) else ()),
        )

    def _second(self, stamp: bytes) -> int | None:
        """Return when a second began, which is that of the line before."""
        if stamp != self._stamp:
            self._stamp, self._began = stamp, second(stamp.decode())
        return self._began

    def _holds(self, head: _Head) -> bool:
        """Tell whether the view knows of somebody what it did, and the channel is the same room."""
        view, user = self._view, head.user
        return (
            user.shown is head.member
            and not user.ours
            and view.isupport is head.isupport
            and view.users.get(head.nick) is user
            and view.rooms(head.name) is head.room.id
        )

    def _learn(self, middle: bytes) -> _Head | None:
        """Read the middle of a line by the long way, which takes note of what it tells; None for what is not to be remembered."""
        self._heads.pop(middle, None)
        line = _parsed(middle)
        name = None if line is None else self._channel(line)
        room = None if name is None else self._view.room(name)
        if line is None or name is None or room is None or self._view.is_ours(line.nick):
            return None
        user = self._speaker(line)
        nick = self._view.fold(user.nick)
        if self._view.users.get(nick) is not user:
            return None  # not in the channel, as far as anybody knows
        if len(self._heads) >= _MOST:
            self._heads.clear()
        member = self._view.member(user)
        head = self._heads[middle] = _Head(room, name, member, user, nick, self._view.isupport)
        return head


def _may_call(text: str) -> bool:
    """Tell whether a text may begin as one to somebody does: ``bob: hello``."""
    return text.partition(" ")[0][-1:] in _CALLING


def _parsed(middle: bytes) -> Line | None:
    """Read the middle of a line; None where it is not UTF-8, since then nothing of the line is read as that."""
    try:
        middle.decode()
    except UnicodeDecodeError:
        return None
    return parse(b"@%s:x" % middle.lstrip(b";"))
