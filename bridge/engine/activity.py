"""When everybody was last heard of: what decides who gets a place where places are few.

Kept in memory for people who are in some room, and noted in the store now and then, so that after a restart the active
people come first and the idle ones not at all. Times are milliseconds since the epoch. Used by
:mod:`bridge.engine.puppets`.
"""

from collections.abc import Iterable

from bridge.core.events import Member
from bridge.core.ids import Person
from bridge.engine.desk import Desk
from bridge.engine.ports import Known

NOTE_EVERY = 600_000
"""Between two notes in the store of when somebody spoke."""


class _Record:
    """One person; ``noted`` is ``spoke`` as the store has it."""

    __slots__ = ("last", "noted", "spoke")

    def __init__(self, last: int) -> None:
        self.last = last
        self.spoke = 0
        self.noted = 0


class Activity:
    """When everybody came, and when they last spoke."""

    def __init__(self, desk: Desk) -> None:
        self._store = desk.store
        self._clock = desk.clock
        self._records: dict[Person, _Record] = {}

    def came(self, person: Person) -> None:
        """Note that somebody is here, and was not before."""
        now = self._clock.now()
        self._records.setdefault(person, _Record(now)).last = now

    def spoke(self, sender: Member) -> None:
        """Note that somebody said something."""
        now = self._clock.now()
        record = self._records.get(sender.person)
        if record is None:
            record = self._records[sender.person] = _Record(now)
        record.last = record.spoke = now
        if now - record.noted > NOTE_EVERY:
            record.noted = now
            self._store.met(Known(person=sender.person, name=sender.name, spoke=now))

    def whispered(self, person: Person) -> None:
        """Note that somebody said something to one person, if they are in some room."""
        record = self._records.get(person)
        if record is not None:
            record.last = record.spoke = self._clock.now()

    def renamed(self, old: Person, new: Person) -> None:
        """Note that somebody is called otherwise now."""
        record = self._records.get(old)
        if record is not None:
            self._records[new] = record

    def strangers(self, people: Iterable[Person]) -> list[Person]:
        """Return those of whom nothing is known; from now on they count as having come."""
        strangers = [person for person in people if person not in self._records]
        for person in strangers:
            self.came(person)
        return strangers

    async def recall(self, people: list[Person]) -> None:
        """Ask the store when these people last spoke: they may be here for long, and idle."""
        for person, known in (await self._store.acquainted(people)).items():
            record = self._records.get(person)
            if record is not None and known.spoke and not record.spoke:
                record.last = record.spoke = record.noted = known.spoke

    def forget(self, person: Person) -> None:
        """Drop what is at hand of somebody who is nowhere any more."""
        self._records.pop(person, None)

    def last(self, person: Person) -> int:
        """Return when somebody last came or spoke, 0 if that is not known."""
        record = self._records.get(person)
        return record.last if record is not None else 0

    def last_words(self, person: Person) -> int:
        """Return when somebody last spoke, 0 if that is not known."""
        record = self._records.get(person)
        return record.spoke if record is not None else 0
