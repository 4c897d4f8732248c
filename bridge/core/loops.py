"""Breaking loops that run over somebody else's bridge. Pure, bounded in time and in number.

Between bridges like this one there is no guessing: each adds its id to what it carries (``Origin.via``), and what comes
back with our own id is a loop. A foreign bridge may drop that mark. Then a message that goes round in a ring gives itself
away by what each round adds: another name in front of the text, or another mark behind the nick. Nothing else is ever
taken for a loop: not the same words from two people, nor the same words from one as often as they like, nor a line that
somebody quotes once. Facts seen twice are no loops either; the hub drops them by key.

Called by the hub for each message before it is planned.
"""

import re
from collections.abc import Hashable, Sequence
from enum import StrEnum
from functools import lru_cache

import msgspec

_BRACKETED = re.compile(
    r"(?:\[[^\[\]\n]{1,40}\] ?)?<([^<>\n]{1,80})>:? +"  # <nick> and [net] <nick>
    r"|\*\*([^*\n]{1,80})\*\*:? +"  # **nick**
    r"|\[([^\[\]\n]{1,80})\] +"  # [nick]
    r"|\(([^()\n]{1,80})\) +"  # (nick)
)
_COLON = re.compile(r"([^\s:<>\[\](){}]{1,40}): +")
_OPENING = frozenset("[<*(")
"""What a bracketed name begins with; an unbracketed one has a colon and a blank behind it."""
_ADDED = r"(?:[_`^|]+|\[[^\[\]]{0,20}\]|\|[a-z]{1,3}| ?\([^()]{0,60}\)(?: \d{1,3})?| \d{1,3}|-[0-9a-f]{1,8})"
_DECORATION = re.compile(rf"{_ADDED}$", re.IGNORECASE)
_GROWTH = re.compile(rf"{_ADDED}+", re.IGNORECASE)
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")
_DEEPEST = 8
_LONGEST = 200  # code points of a nick that are looked at


class Verdict(StrEnum):
    """What a message is, as far as loops go."""

    NEWS = "news"
    MARKED = "marked"  # it came through this bridge: certain
    NESTED = "nested"  # two names or more before words that were just said by the inner one
    DECORATED = "decorated"  # the same words for the third time, by a nick that grows


_NEWS = Verdict.NEWS
"""Until Python 3.12 a member of an Enum costs as much as a call: on the way of every message it is looked up once."""


class _Growth(msgspec.Struct, frozen=True):
    """How often the same words came from a nick that had grown."""

    since: float
    nick: str  # the longest so far
    times: int


class Guard:
    """Remembers what was said lately, by hashes alone: who, what, where.

    Two generations hold at most ``size`` entries each, so neither time nor memory grows with the traffic.
    """

    __slots__ = ("_growing", "_instance", "_old", "_remember", "_said", "_size", "_window")

    def __init__(self, instance: str, *, remember: float = 60.0, window: float = 30.0, size: int = 8192) -> None:
        self._instance = instance
        self._remember = remember
        self._window = window
        self._size = size
        self._said: dict[int, float] = {}
        self._old: dict[int, float] = {}
        self._growing: dict[int, _Growth] = {}

    def judge(self, where: Hashable, name: str, text: str, now: float, *, via: Sequence[str] = ()) -> Verdict:
        """Return what a message is, and remember it.

        ``where``: the room, or better the link, since what is said in one of its rooms is said in all. ``name``: the
        sender's nick there. ``now``: seconds, never going back.
        """
        if self._instance in via:
            return Verdict.MARKED
        text = text.strip()
        nick, base = _names(name)
        inner = _unwrapped(text) if ": " in text or text[:1] in _OPENING else None
        if inner is not None:
            speaker, words, is_nested = inner
            inside = hash((where, speaker, words))
            if is_nested and self._was_said(inside, now):
                self._note(inside, now)  # as long as it goes round
                return Verdict.NESTED
            self._note(inside, now)
        said = hash((where, base, text))
        if self._has_grown(said, nick, now):
            return Verdict.DECORATED
        self._note(said, now)
        return _NEWS

    def _was_said(self, said: int, now: float) -> bool:
        at = self._said.get(said)
        if at is None:
            at = self._old.get(said)
        return at is not None and now - at <= self._remember

    def _note(self, said: int, now: float) -> None:
        if len(self._said) >= self._size:
            self._old, self._said = self._said, {}
        self._said[said] = now

    def _has_grown(self, said: int, nick: str, now: float) -> bool:
        """Tell whether these words have come for the third time, each time from the same nick with more behind it."""
        before = self._growing.get(said)
        if before is None or now - before.since > self._window:
            if len(self._growing) >= self._size:
                self._growing = {}
            self._growing[said] = _Growth(now, nick, 1)
            return False
        if nick == before.nick:
            return before.times >= 3
        if not nick.startswith(before.nick) or _GROWTH.fullmatch(nick, len(before.nick)) is None:
            return False
        self._growing[said] = _Growth(before.since, nick, before.times + 1)
        return before.times >= 2


def undecorated(nick: str) -> str:
    """Return a nick without what bridges and servers put behind it when it is taken."""
    while True:
        shorter = _DECORATION.sub("", nick)
        if not shorter or shorter == nick:
            return nick
        nick = shorter


@lru_cache(maxsize=2048)
def _names(name: str) -> tuple[str, str]:
    """Return a nick as people read it, and without what is behind it."""
    nick = _visible(name)
    return nick, undecorated(nick)


def _visible(name: str) -> str:
    """Return a nick as people read it: without invisible characters and marks of rank, case folded."""
    return _INVISIBLE.sub("", name[:_LONGEST]).strip().lstrip("@+%~&").casefold()


def _unwrapped(text: str) -> tuple[str, str, bool] | None:
    """Return the innermost (nick, text) of a relayed line and whether it is nested; None for a line without a name.

    Two names make a nested line, where one of them is in brackets; three if all are of the form ``nick: ``, which people
    write too.
    """
    speaker = ""
    at = depth = bracketed = 0
    while depth < _DEEPEST:
        match = _BRACKETED.match(text, at)
        bracketed += match is not None
        match = match or _COLON.match(text, at)
        if match is None or match.end() == len(text):
            break
        speaker = match[match.lastindex or 1]
        at = match.end()
        depth += 1
    if not depth:
        return None
    return _names(speaker)[1], text[at:], depth >= (2 if bracketed else 3)
