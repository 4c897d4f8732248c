"""Rooms of several telephones: who is on which list, under which name, and when they want to be left alone. Pure.

A list is a room like any other to the bridge; to those on it, it is what they get and answer. One person is one number. What is
here is kept as one small text for each list.
"""

import re
from typing import Final

import msgspec

from bridge.core.text import clean_name

LONGEST_NICK: Final = 30
_HOURS: Final = re.compile(r"(\d{1,2})(?::(\d\d))?\s*-\s*(\d{1,2})(?::(\d\d))?")
_DAY: Final = 24 * 60


class Quiet(msgspec.Struct, frozen=True):
    """Hours in which somebody wants nothing, in minutes of the day (UTC); may go over midnight."""

    start: int
    end: int

    def covers(self, minute: int) -> bool:
        """Tell whether a minute of the day lies within."""
        if self.start <= self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end

    def left(self, minute: int) -> int:
        """Return for how many minutes this goes on."""
        return (self.end - minute) % _DAY


def quiet(text: str) -> Quiet | None:
    """Return the hours that ``22-7`` or ``22:30-6:45`` means. Raises: ValueError; "off" is None."""
    if text.strip().casefold() in {"off", "none", ""}:
        return None
    found = _HOURS.fullmatch(text.strip())
    if found is None:
        msg = f"found “{text.strip()[:20]}”, expected hours such as 22-7, or off"
        raise ValueError(msg)
    start, end = (int(found[at]) * 60 + int(found[at + 1] or 0) for at in (1, 3))
    if start >= _DAY + 1 or end >= _DAY + 1 or start % _DAY == end % _DAY:
        msg = f"found “{text.strip()[:20]}”, expected two different times of the day"
        raise ValueError(msg)
    return Quiet(start % _DAY, end % _DAY)


class Subscriber(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody on a list."""

    number: str
    nick: str = ""
    quiet: Quiet | None = None
    greeted: bool = False  # knows how to end this


class Roll(msgspec.Struct):
    """Who is on a list, in the order in which they came; and who of the configured ones has gone."""

    members: dict[str, Subscriber] = {}
    left: set[str] = set()

    def configured(self, numbers: tuple[str, ...]) -> bool:
        """Put those of the configuration on the list, unless they have left; True if that changed something."""
        new = [number for number in numbers if number not in self.members and number not in self.left]
        self.members.update({number: Subscriber(number=number) for number in new})
        return bool(new)

    def come(self, number: str) -> bool:
        """Put somebody on the list; False if they were there."""
        self.left.discard(number)
        if number in self.members:
            return False
        self.members[number] = Subscriber(number=number)
        return True

    def go(self, number: str) -> bool:
        """Take somebody off the list, for good; False if they were not there."""
        self.left.add(number)
        return self.members.pop(number, None) is not None

    def call(self, number: str, nick: str) -> str:
        """Give somebody a name; return what is wrong with it, "" if nothing."""
        nick = clean_name(nick)
        if not nick or len(nick) > LONGEST_NICK:
            return f"a name has 1 to {LONGEST_NICK} characters"
        taken = any(one.nick.casefold() == nick.casefold() for one in self.members.values() if one.number != number)
        if taken:
            return f"{nick} is somebody else here"
        self.members[number] = msgspec.structs.replace(self.members[number], nick=nick)
        return ""

    def hush(self, number: str, hours: Quiet | None) -> None:
        """Leave somebody alone in these hours."""
        self.members[number] = msgspec.structs.replace(self.members[number], quiet=hours)

    def greet(self, number: str) -> bool:
        """Return whether somebody has to be told how to end this, and take note that they are."""
        member = self.members[number]
        if member.greeted:
            return False
        self.members[number] = msgspec.structs.replace(member, greeted=True)
        return True

    def names(self) -> list[str]:
        """Return everybody as others see them: by nick, else by the last digits of their number."""
        return [self.name(number) for number in self.members]

    def name(self, number: str) -> str:
        """Return somebody as others see them; a number is nobody's business but its owner's."""
        member = self.members.get(number)
        return member.nick if member is not None and member.nick else f"…{number[-4:]}"
