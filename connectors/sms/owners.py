"""Whose telephone a number is: known from a code that was sent to it and came back. Pure, but for the dice that are given.

Anybody can claim any number, so a code is good for ten minutes and five tries, for the one person who asked, and nobody can make a
telephone ring all day.
"""

import hmac
from collections.abc import Callable
from typing import Final

import msgspec

from bridge.core.ids import Person

GOOD_FOR: Final = 600.0
TRIES: Final = 5
PAUSE: Final = 60.0
"""Seconds between two codes to one number."""
PER_DAY: Final = 10
"""Codes that one person may ask for, and one number may get, on a day."""
_DAY: Final = 86_400.0
_MOST: Final = 10_000


class Refused(Exception):
    """No code, or not this one; the text is a sentence for whoever asked."""


class _Claim(msgspec.Struct):
    person: Person
    code: str
    until: float
    tries: int = 0


class Claims:
    """Codes under way."""

    def __init__(self, dice: Callable[[int], int]) -> None:
        self._dice = dice  # a number below the one given
        self._open: dict[str, _Claim] = {}
        self._asked: dict[Person | str, list[float]] = {}

    def ask(self, person: Person, number: str, now: float) -> str:
        """Return a code to send to a number. Raises: Refused."""
        last = self._recent(number, now)
        if last and now - last[-1] < PAUSE:
            msg = "a code was sent there a moment ago: wait a minute before you ask for another"
            raise Refused(msg)
        if len(last) >= PER_DAY or len(self._recent(person, now)) >= PER_DAY:
            msg = "that was asked for too often: try again tomorrow"
            raise Refused(msg)
        for who in (person, number):
            self._asked.setdefault(who, []).append(now)
        code = f"{self._dice(1_000_000):06d}"
        self._open[number] = _Claim(person, code, now + GOOD_FOR)
        return code

    def prove(self, person: Person, number: str, code: str, now: float) -> None:
        """Take a code that came back; it is good once. Raises: Refused."""
        claim = self._open.get(number)
        if claim is None or claim.person != person or now > claim.until or claim.tries >= TRIES:
            msg = "there is no code for that number any more: ask for another, with the number alone"
            raise Refused(msg)
        claim.tries += 1
        if not hmac.compare_digest(claim.code.encode(), code.encode()):
            msg = "that is not the code that was sent"
            raise Refused(msg)
        del self._open[number]

    def _recent(self, who: Person | str, now: float) -> list[float]:
        if len(self._asked) > _MOST:
            self._asked = {key: times for key, times in self._asked.items() if now - times[-1] < _DAY}
            self._open = {number: claim for number, claim in self._open.items() if claim.until >= now}
        found = [at for at in self._asked.get(who, ()) if now - at < _DAY]
        if found:
            self._asked[who] = found
        return found
