"""Does a message go round? Decided by key where there is one, and where a foreign relay strips keys, by its own prefixes.

A ring exists when somebody else's bridge joins two rooms of ours. Three signs, from certain to careful:

* the message carries our own mark (``Origin.via``): it has been here. The caller compares that, no memory is needed.
* its text, after two or more relay prefixes (``<bob> <alice> hi``), is what that innermost person said in this very room
  within the last minute. One prefix is a person who quotes, and passes.
* the same text comes for the third time within half a minute by nicks that are the same but for a growing tail
  (``alice``, ``alice_``, ``alice__``): two puppeting bridges that answer each other.

The same words of different people, or ten times those of one, are never dropped. Memory is bounded by time and by count.
Called by the hub for every message; times are given, in milliseconds.
"""

import re
from collections import OrderedDict
from enum import StrEnum

from bridge.core.ids import Room

QUOTED = 60_000
"""Milliseconds for which a text is remembered as said in a room."""
GROWING = 30_000
"""Milliseconds within which a nick must grow to betray a ring."""

_PREFIX = re.compile(
    r"""\s*(?:\[[^\[\]\s]{1,32}\]\s*)?         # [network]
        (?: <\s*(?P<angle>[^<>\n]{1,64}?)\s*>:?
          | \*\*(?P<bold>[^*\n]{1,64})\*\*:?
          | (?P<plain>[^\s:<>*\[\]]{1,32}):
        )\s+(?=\S)""",
    re.VERBOSE,
)
_INVISIBLE = re.compile("[\u200b-\u200f\u2060\u2061-\u2064\ufeff\u00ad]")
_TAIL = re.compile(r"(?:_+|\[[^\[\]]{0,32}\]|\s*\([^()]{0,32}\)(?:\s\d+)?|[-|`^]\w{0,12})$")


class Verdict(StrEnum):
    """What a message is, as far as anybody can tell."""

    NEWS = "news"
    LOOP = "loop"


class Guard:
    """Remembers what was said in which room for a minute, and judges what comes."""

    def __init__(self, *, limit: int = 20_000) -> None:
        self._limit = limit
        self._said: OrderedDict[tuple[Room, int], list[tuple[int, str]]] = OrderedDict()

    def note(self, room: Room, name: str, text: str, now: int) -> None:
        """Remember that ``name`` says ``text`` in a room: somebody's message, or our copy of one."""
        key = (room, hash(text))
        said = self._said.get(key)
        if said is None:
            self._said[key] = [(now, name)]
            if len(self._said) > self._limit:
                self._said.popitem(last=False)
            return
        self._said.move_to_end(key)
        said.append((now, name))
        if len(said) > 8:
            del said[0]

    def judge(self, room: Room, name: str, text: str, now: int) -> Verdict:
        """Decide about a message that somebody of another network says in a room; it is not noted by this."""
        if self._returned(room, text, now) or self._grows(room, name, text, now):
            return Verdict.LOOP
        return Verdict.NEWS

    def _returned(self, room: Room, text: str, now: int) -> bool:
        depth, rest = 0, text
        while (found := _PREFIX.match(rest)) is not None:
            depth += 1
            rest = rest[found.end() :]
            if depth < 2:
                continue
            nick = _bare(found["angle"] or found["bold"] or found["plain"])
            said = self._said.get((room, hash(rest)), ())
            if any(now - at <= QUOTED and _bare(who) == nick for at, who in said):
                return True
        return False

    def _grows(self, room: Room, name: str, text: str, now: int) -> bool:
        said = self._said.get((room, hash(text)))
        if said is None or len(said) < 2:
            return False
        stem, length = _stem(name), len(name)
        tails = [len(who) for at, who in said if now - at <= GROWING and len(who) < length and _stem(who) == stem]
        return len(set(tails)) >= 2


def _bare(name: str) -> str:
    return _INVISIBLE.sub("", name).strip().casefold()


def _stem(name: str) -> str:
    """Return a nick without the tails that bridges and servers put to it."""
    bare = _bare(name)
    while (found := _TAIL.search(bare)) is not None and found.start() > 0 and found.end() > found.start():
        bare = bare[: found.start()]
    return bare
