"""A line that calls a command, taken apart: words, quotation marks, ``key=value``, and which field each word is for.

Called by ``dialogue`` for whoever has a line: the chat, and the command line through the admin API.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from bridge.core.commands import Field, Sort

_QUOTES: Final = frozenset("\"'")
_SEVERAL: Final = frozenset({Sort.LIST, Sort.JIDS})
_BY_NAME: Final = frozenset({Sort.FLAG, Sort.TABLE})
_TO_THE_END: Final = frozenset({Sort.TEXT, Sort.LINES, Sort.SECRET, Sort.NICK})


class Word(msgspec.Struct, frozen=True):
    """A word of a line, without its quotation marks."""

    text: str
    rest: str
    """The line from here on, as it was written."""
    plain: bool = True
    """It was not in quotation marks."""


class Assigned(msgspec.Struct, frozen=True):
    """Words, each given to a field."""

    given: Mapping[str, object]
    rest: tuple[Word, ...]
    """Words that no field has taken."""


def words(line: str) -> list[Word]:
    r"""Take a line apart at blanks. Quotation marks (``"`` or ``'``) keep together what is between them.

    They count where a word or its value begins: ``it's`` is a word. Between ``"`` a backslash stands before a ``"`` or another
    backslash. One that is not closed goes to the end of the line.
    """
    found: list[Word] = []
    position = 0
    while position < len(line):
        if line[position].isspace():
            position += 1
            continue
        word, position = _word(line, position)
        found.append(word)
    return found


def separate(texts: Iterable[str]) -> list[Word]:
    """Return words that somebody else has taken apart: a shell."""
    return [Word(text=text, rest=text, plain=False) for text in texts]


def _word(line: str, start: int) -> tuple[Word, int]:
    position, text, plain = start, "", True
    while position < len(line) and not line[position].isspace():
        if line[position] in _QUOTES and (position == start or text.endswith("=")):
            between, position = _quoted(line, position)
            text, plain = text + between, False
        else:
            text += line[position]
            position += 1
    return Word(text=text, rest=line[start:].rstrip(), plain=plain), position


def _quoted(line: str, start: int) -> tuple[str, int]:
    """Return what is between quotation marks, and where the line goes on."""
    mark, position, text = line[start], start + 1, ""
    while position < len(line) and line[position] != mark:
        if line[position] == "\\" and mark == '"' and line[position + 1 : position + 2] in {"\\", '"'}:
            position += 1
        text += line[position]
        position += 1
    return text, position + 1


def assign(fields: Sequence[Field], given: Sequence[Word], *, more: bool = False) -> Assigned:
    """Give each word to a field: ``key=value`` to the one of that name, the others to the fields in their order.

    A LIST takes all that is left. So does the last field if it is a text, as it was written, unless there are more fields to come.
    """
    named, others = _named(fields, given)
    open_ = [field for field in fields if field.name not in named and not field.named and field.sort not in _BY_NAME]
    assigned: dict[str, object] = dict(named)
    for index, field in enumerate(open_):
        if not others:
            break
        if field.sort in _SEVERAL:
            assigned[field.name] = [word.text for word in others]
            others = []
        elif index == len(open_) - 1 and field.sort in _TO_THE_END and not more and len(others) > 1:
            whole = others[0].plain and others[-1].plain and all(word.rest in others[0].rest for word in others)
            assigned[field.name] = others[0].rest if whole else " ".join(word.text for word in others)
            others = []
        else:
            assigned[field.name] = others[0].text
            others = others[1:]
    return Assigned(given=assigned, rest=tuple(others))


def _named(fields: Sequence[Field], given: Sequence[Word]) -> tuple[dict[str, object], list[Word]]:
    by_name = {field.name: field for field in fields}
    named: dict[str, object] = {}
    others: list[Word] = []
    for word in given:
        name, equals, value = word.text.partition("=")
        field = by_name.get(name.casefold()) if equals else None
        if field is None:
            others.append(word)
        elif field.sort in _SEVERAL or field.sort in {Sort.TABLE, Sort.LINES}:
            before = named.setdefault(field.name, [])
            assert isinstance(before, list)
            before.append(value)
        else:
            named[field.name] = value
    return named, others
