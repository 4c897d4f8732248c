"""Names of people in a text: who is meant by ``bob: hello`` or ``ask @bob``, whatever networks they and the writer are on.

A name counts at word borders alone, whatever its case. Short ones are words of some language too, so they count only where
they are called (``@al``, or ``al:`` at the beginning). Called by the hub for what is said in linked rooms; a message costs
a look-up for each of its words, however many people there are.
"""

import re
from collections.abc import Iterable, Iterator

from bridge.core.content import Mention
from bridge.core.ids import Person

SHORT = 3
"""Names of fewer characters have to be called."""
MOST = 50
"""Mentions of one text: who pastes a list of members calls nobody."""
_WORD = re.compile(r"\S+")
_BEFORE = "@([{<\"'“”‘’«»„*_~`>"
_TRIES = 4
"""Characters that may stand behind a name in its word: ``bob's``, ``bob),``."""


class Names:
    """The people of one room by their names."""

    __slots__ = ("_by_first", "_names")

    def __init__(self) -> None:
        self._names: dict[Person, str] = {}
        self._by_first: dict[str, dict[str, Person]] = {}  # first word, folded -> whole name -> who has it

    def add(self, person: Person, name: str) -> None:
        """Know somebody by this name, and by no other."""
        self.drop(person)
        folded = name.casefold()
        first = next(iter(folded.split()), "")
        if first and len(folded) == len(name):  # else places in a text could not be told
            self._names[person] = folded
            self._by_first.setdefault(first, {})[folded] = person

    def drop(self, person: Person) -> None:
        """Know somebody no more."""
        folded = self._names.pop(person, None)
        if folded is None:
            return
        first = folded.split()[0]
        bearers = self._by_first.get(first, {})
        if bearers.get(folded) == person:
            del bearers[folded]
        if not bearers:
            self._by_first.pop(first, None)

    def clear(self) -> None:
        """Know nobody."""
        self._names.clear()
        self._by_first.clear()

    def called(self, first: str) -> dict[str, Person]:
        """Return who may be meant by a word, as (whole name, person)."""
        return self._by_first.get(first, {})

    def __bool__(self) -> bool:
        """Tell whether anybody is known."""
        return bool(self._names)


def mentions(text: str, rooms: Iterable[Names], *, writer: str) -> tuple[Mention, ...]:
    """Return who of these rooms is named in a text, in order; nobody who has the name of the writer, who may be the same.

    Where people of several rooms have the same name, each of them is meant.
    """
    known = [names for names in rooms if names]
    if not known:
        return ()
    folded = text.casefold()
    if len(folded) != len(text):
        return ()
    own, found, taken = writer.casefold(), list[Mention](), 0
    for word in _WORD.finditer(folded):
        if word.start() < taken:
            continue
        for start, end, person in _named(folded, word.start(), word.end(), known):
            if folded[start:end] == own or not _counts(folded, start, end):
                continue
            found.append(Mention(start, end, person))
            taken = end
        if len(found) > MOST:
            return ()
    return tuple(found)


def _named(text: str, start: int, end: int, known: list[Names]) -> Iterator[tuple[int, int, Person]]:
    """Yield who is named where a word begins, the longest name of each room."""
    while start < end:
        hits = [hit for names in known if (hit := _longest(text, start, end, names)) is not None]
        if hits:
            longest = max(stop for stop, _ in hits)
            meant = dict.fromkeys(person for stop, person in hits if stop == longest)
            yield from ((start, longest, person) for person in meant)
            return
        if text[start] not in _BEFORE:
            return
        start += 1


def _longest(text: str, start: int, end: int, names: Names) -> tuple[int, Person] | None:
    for stop in range(end, max(start, end - _TRIES - 1), -1):
        hits = [
            (start + len(name), person)
            for name, person in names.called(text[start:stop]).items()
            if text.startswith(name, start) and _is_border(text, start + len(name))
        ]
        if hits:
            return max(hits, key=lambda hit: hit[0])
    return None


def _is_border(text: str, at: int) -> bool:
    """Tell whether no word goes on here."""
    return at >= len(text) or not (text[at].isalnum() or text[at] == "_")


def _counts(text: str, start: int, end: int) -> bool:
    """Tell whether a name is meant as one: long enough, or called."""
    if end - start >= SHORT:
        return True
    return text[start - 1 : start] == "@" or (start == 0 and text[end : end + 1] in {":", ","})
