"""Which nick a puppet should have, and which to ask for now. Pure: no connection, the time is an argument.

The rule (product.md): the wanted nick, then ``_``, then ``__``, then a short hash. It holds for as long as the puppet
lives: whenever a better one becomes free it is taken back, and a nick that the server forced on us is left. Only one
thing is respected: somebody who takes a nick from us again and again (services that protect it) may have it.
"""

from collections.abc import Callable
from functools import lru_cache
from itertools import islice

from bridge.core.ids import Person
from bridge.core.nicks import NickRules, irc_candidates, irc_rules, render

CANDIDATES = 5
"""Nicks that are tried: three of the name, two with a hash."""
LONGEST = 30
"""NICKLEN where the server does not tell."""
_LOST = 2
"""Times that a nick may be taken from us before we let it be."""
_LET_BE = 3600.0
_WHILE = 600.0
_NONE_BLOCKED: dict[str, float] = {}
_NONE_FORCED: dict[str, list[float]] = {}
"""What nearly every puppet has of both: never written to."""


class Naming:
    """The nicks of one puppet."""

    __slots__ = ("_blocked", "_forced", "_person", "_rules", "_wanted", "asked", "current", "template")

    def __init__(self, name: str, *, person: Person, template: str, rules: NickRules) -> None:
        self._person = person
        self.template = template
        self._rules = rules
        self._blocked = _NONE_BLOCKED  # folded nick: not to be asked for before
        self._forced = _NONE_FORCED  # folded nick: when it was taken from us
        self.current = ""  # what the server knows us as; "" while not connected
        self.asked = ""  # asked for, and not answered
        self._wanted = ""
        self.call(name)

    def call(self, name: str) -> None:
        """Want the nick of this name from now on."""
        wanted = render(self.template, name, rules=self._rules, person=self._person)
        if wanted != self._wanted:
            self._wanted = wanted
            self._blocked = _NONE_BLOCKED

    @property
    def candidates(self) -> tuple[str, ...]:
        """The nicks that are tried, best first; made when they are asked for: most people have the first."""
        return tuple(islice(irc_candidates(self._wanted, rules=self._rules, person=self._person), CANDIDATES))

    def adapt(self, rules: NickRules) -> None:
        """Follow what a server says of nicks."""
        if rules.limit != self._rules.limit or rules.key is not self._rules.key:
            self._rules = rules
            name, self._wanted = self._wanted, ""
            self.call(name)

    def first(self, now: float) -> tuple[str, ...]:
        """Return the nicks to register with, best first."""
        candidates = self.candidates
        return tuple([nick for nick in candidates if self._is_open(nick, now)]) or candidates

    def connected(self, nick: str, now: float) -> None:
        """Take note under which nick we were registered: the better ones are taken."""
        self.current, self.asked = nick, ""
        for better in self.better():
            self.block(better, now, seconds=_LET_BE)

    def better(self) -> tuple[str, ...]:
        """Return the nicks that would be better than the one we have, best first."""
        if self.current == self._wanted:
            return ()
        key, candidates = self._rules.key, self.candidates
        keys = [key(nick) for nick in candidates]
        if key(self.current) not in keys:
            return candidates
        return candidates[: keys.index(key(self.current))] or (self._wanted,)

    def next(self, now: float) -> str:
        """Return the nick to ask for now, "" for none: there is no better one, or we have asked already."""
        if self.asked or not self.current:
            return ""
        return next((nick for nick in self.better() if self._is_open(nick, now)), "")

    def block(self, nick: str, now: float, *, seconds: float) -> None:
        """Do not ask for a nick for a while, unless :meth:`freed` says that it is free."""
        if not self._blocked:
            self._blocked = {}
        self._blocked[self._rules.key(nick)] = now + seconds

    def freed(self, nick: str, now: float) -> None:
        """Take note that somebody has given up a nick."""
        key = self._rules.key(nick)
        if not self._is_let_be(key, now):
            self._blocked = {other: until for other, until in self._blocked.items() if other != key} or _NONE_BLOCKED

    def changed(self, new: str, now: float) -> None:
        """Take note of our new nick; where we did not ask for it, the old one was taken from us."""
        key = self._rules.key
        old, self.current = self.current, new
        if self.asked and key(new) == key(self.asked):
            self.asked = ""
            return
        if not self._forced:
            self._forced = {}
        times = self._forced.setdefault(key(old), [])
        times[:] = [*(at for at in times if now - at < _WHILE), now]
        if self._is_let_be(key(old), now):
            self.block(old, now, seconds=_LET_BE)

    def _is_open(self, nick: str, now: float) -> bool:
        return not self._blocked or self._blocked.get(self._rules.key(nick), now) <= now

    def _is_let_be(self, key: str, now: float) -> bool:
        return sum(1 for at in self._forced.get(key, ()) if now - at < _LET_BE) >= _LOST


@lru_cache(maxsize=16)
def rules_of(nicklen: int, fold: Callable[[str], str]) -> NickRules:
    """Return the rules of a server; ``nicklen`` 0 is one that does not tell."""
    return irc_rules(nicklen=nicklen or LONGEST, key=fold)


def username(nick: str) -> str:
    """Return a user name (ident) that every server takes, made from a nick."""
    return "".join(c for c in nick.lower() if c.isascii() and c.isalnum())[:9] or "linkspan"
