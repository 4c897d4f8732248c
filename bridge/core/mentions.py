"""Names of people in a text: who is meant by ``bob: hello`` or ``ask @bob``, whatever networks they and the writer are on.

A name counts at word borders alone, and as it is written: ``Will`` is somebody, ``will`` is a word. Where it is called
(``@will``, or ``will:`` at the beginning) its case does not matter, and just there short ones count, which are mostly
words too. Called by the hub for what is said in linked rooms; a message costs a look-up for each of its words at most,
however many people there are.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from bridge.core.content import Mention
from bridge.core.ids import Person

SHORT = 3
"""Names of fewer characters have to be called."""
MOST = 50
"""Mentions of one text: who pastes a list of members calls nobody."""
FEW = 30
"""Names up to which looking for each of them in a text is cheaper than taking the text apart, and an index not worth its memory."""
_CORE = re.compile(r"\w+")
_REST = re.compile(r"\S*")
_BEFORE = "@([{<\"'“”‘’«»„*_~`>"
_TRAIL = 4
"""Characters that may stand behind a name in its word (``bob's``, ``bob),``): more, and it is an address or the like."""


class _Bearer(NamedTuple):
    """Somebody who has a name; ``core`` are its first letters, folded, and ``offset`` is where they begin."""

    core: str
    offset: int
    person: Person
    name: str  # as it is written
    folded: str


class _Hit(NamedTuple):
    """Where somebody is named."""

    start: int
    end: int
    person: Person
    name: str


class _Index:
    """Many names, by who has them and by how they begin."""

    __slots__ = ("by_core", "by_person")

    def __init__(self, bearers: Iterable[_Bearer]) -> None:
        self.by_person: dict[Person, _Bearer] = {}
        self.by_core: dict[str, tuple[_Bearer, ...]] = {}
        for bearer in bearers:
            self.add(bearer)

    def add(self, bearer: _Bearer) -> None:
        self.by_person[bearer.person] = bearer
        self.by_core[bearer.core] = (*self.by_core.get(bearer.core, ()), bearer)

    def drop(self, person: Person) -> None:
        gone = self.by_person.pop(person, None)
        if gone is None:
            return
        others = tuple([bearer for bearer in self.by_core[gone.core] if bearer is not gone])
        if others:
            self.by_core[gone.core] = others
        else:
            del self.by_core[gone.core]


class Names:
    """The people of one room by their names, which are found by their first run of letters where they are many."""

    __slots__ = ("_few", "_index")

    def __init__(self) -> None:
        self._few: tuple[_Bearer, ...] = ()
        """Everybody, while there is no index: most rooms have hardly anybody in them."""
        self._index: _Index | None = None

    def add(self, person: Person, name: str) -> None:
        """Know somebody by this name, and by no other."""
        self.drop(person)
        folded = name.casefold()
        core = _CORE.search(folded)
        if core is None or len(folded) != len(name):  # else places in a text could not be told
            return
        folded = name if folded == name else folded  # one text is enough for the three, where they are the same
        bearer = _Bearer(folded if core[0] == folded else core[0], core.start(), person, name, folded)
        if self._index is not None:
            self._index.add(bearer)
        elif len(self._few) < FEW:
            self._few = (*self._few, bearer)
        else:
            self._few, self._index = (), _Index((*self._few, bearer))

    def drop(self, person: Person) -> None:
        """Know somebody no more."""
        if self._index is None:
            self._few = tuple([bearer for bearer in self._few if bearer.person != person])
            return
        self._index.drop(person)
        if len(self._index.by_person) <= FEW // 2:  # not sooner, or one who comes and goes would have it made each time
            self._few, self._index = tuple(self._index.by_person.values()), None

    def clear(self) -> None:
        """Know nobody."""
        self._few, self._index = (), None

    def none_in(self, folded: str) -> bool:
        """Tell whether no name begins in a text: where there are few names they are looked for, else its words."""
        if self._index is not None:
            return self._index.by_core.keys().isdisjoint(_CORE.findall(folded))
        for bearer in self._few:  # noqa: SIM110 - on the way of every message, and any() costs as much again
            if bearer[0] in folded:
                return False
        return True

    def called(self, core: str) -> Iterable[_Bearer]:
        """Return the names that begin with these letters, and who has them."""
        if self._index is not None:
            return self._index.by_core.get(core, ())
        return [bearer for bearer in self._few if bearer.core == core]


def mentions(text: str, rooms: Iterable[Names], *, writer: str) -> tuple[Mention, ...]:
    """Return who of these rooms is named in a text, in order; nobody who has the name of the writer, who may be the same.

    Where several people have the same name, each of them is meant.
    """
    folded = text.casefold()
    known = [names for names in rooms if not names.none_in(folded)]
    if not known or len(folded) != len(text):
        return ()
    own, found = writer.casefold(), list[Mention]()
    for hit in _hits(folded, known):
        if folded[hit.start : hit.end] != own and _counts(text, hit):
            found.append(Mention(hit.start, hit.end, hit.person))
        if len(found) > MOST:
            return ()
    return tuple(found)


def _hits(text: str, known: list[Names]) -> Iterator[_Hit]:
    """Yield who is named, from left to right, the longest name first; nothing is inside two names."""
    taken = 0
    for word in _CORE.finditer(text):
        hits = [hit for names in known for hit in _named(text, word, names) if hit.start >= taken]
        if hits:
            taken = max(hit.end for hit in hits)
            yield from dict.fromkeys(hit for hit in hits if hit.end == taken)


def _named(text: str, word: re.Match[str], names: Names) -> Iterator[_Hit]:
    for _, offset, person, name, folded in names.called(word[0]):
        start = word.start() - offset
        if start >= 0 and text.startswith(folded, start) and _stands_alone(text, start, start + len(folded)):
            yield _Hit(start, start + len(folded), person, name)


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Tell whether a name is a word, with nothing but a few marks around it: no part of an address, say."""
    if start and not (text[start - 1].isspace() or text[start - 1] in _BEFORE):
        return False
    if end < len(text) and (text[end].isalnum() or text[end] == "_"):
        return False
    rest = _REST.match(text, end)
    return rest is None or rest.end() - end <= _TRAIL


def _counts(text: str, hit: _Hit) -> bool:
    """Tell whether a name is meant as one: long enough and written like this, or called."""
    start, end, _, name = hit
    if end - start >= SHORT and text[start:end] == name:
        return True
    return text[start - 1 : start] == "@" or (start == 0 and text[end : end + 1] in {":", ","})
