"""Under which names a hook speaks: each is a person of their own in the room, few at a time, and gone when long silent.

Called by :mod:`.inbound`; the caller reports what is returned to the hub.
"""

from collections import OrderedDict

import msgspec

from bridge.core.events import Member
from bridge.core.ids import Network, Person, PersonId, RoomId
from bridge.core.text import clean_name

LONGEST = 60
"""Characters of a name."""
SETTLED = 60_000
"""Milliseconds of silence after which one name gives way to another."""


class Gone(msgspec.Struct, frozen=True):
    """Somebody who is to leave a room."""

    room: RoomId
    member: Member


class _Voice(msgspec.Struct):
    """Somebody who spoke."""

    room: RoomId
    member: Member
    at: int


def speaker(network: Network, hook: str, *, name: str, avatar: str) -> Member:
    """Return who speaks: names of two hooks are two people, and one name is one person however it is spelt."""
    shown = clean_name(name)[:LONGEST].strip() or "webhook"
    person = Person(network, PersonId(f"{hook}/{shown.casefold()}"))
    return Member(person=person, name=shown, bot=True, avatar=avatar)


class Voices:
    """Who of all hooks is in a room now."""

    def __init__(self, *, most: int, idle: float) -> None:
        self._most = most
        self._idle = int(idle * 1000)
        self._voices: dict[str, OrderedDict[Person, _Voice]] = {}

    def admits(self, hook: str, person: Person, now: int) -> bool:
        """Tell whether somebody may speak as themselves: there is room, or somebody was silent long enough to make it.

        Who cannot is spoken for. Otherwise many names in turn would come and go with every message.
        """
        voices = self._voices.get(hook)
        if voices is None or person in voices or len(voices) < self._most:
            return True
        return now - next(iter(voices.values())).at >= SETTLED

    def spoke(self, hook: str, room: RoomId, member: Member, now: int) -> list[Gone]:
        """Take note that somebody speaks; returns who has to leave for it."""
        voices = self._voices.setdefault(hook, OrderedDict())
        before = voices.pop(member.person, None)
        voices[member.person] = _Voice(room, member, now)
        gone = [before] if before is not None and before.room != room else []
        while len(voices) > self._most:
            gone.append(voices.popitem(last=False)[1])
        return [Gone(voice.room, voice.member) for voice in gone]

    def there(self, hook: str, person: Person) -> bool:
        """Tell whether somebody is in the room already."""
        return person in self._voices.get(hook, ())

    def silent(self, now: int) -> list[Gone]:
        """Return who was silent for too long; they are here no more."""
        gone: list[Gone] = []
        for voices in self._voices.values():
            while voices and now - next(iter(voices.values())).at > self._idle:
                voice = voices.popitem(last=False)[1]
                gone.append(Gone(voice.room, voice.member))
        return gone

    def leave(self, hook: str) -> list[Gone]:
        """Return everybody of a hook that speaks no more."""
        voices = self._voices.pop(hook, OrderedDict())
        return [Gone(voice.room, voice.member) for voice in voices.values()]
