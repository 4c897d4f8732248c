"""What was given for the fields of a command, read into values, with a sentence for each that is missing or wrong.

The doors give what they have: text, lists of texts, JSON. What may be read from what stands in one table, :data:`_READ`.
Called by ``dialogue``.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from bridge.core.commands import Field, Sort, Value
from bridge.core.preparation import LONGEST, nodeprep
from bridge.core.wording import did_you_mean, nearest, quoted, seconds

MOST: Final = 1_000
"""Entries of a list."""
LONGEST_DURATION: Final = 10 * 365 * 86_400.0
_BREAKS: Final = re.compile("\r\n?|[\u2028\u2029]")
_SEVERAL: Final = frozenset({Sort.LIST, Sort.JIDS})
_YES: Final = frozenset({"true", "1", "yes", "y", "on"})
_NO: Final = frozenset({"false", "0", "no", "n", "off"})


class Wrong(msgspec.Struct, frozen=True):
    """What is wrong at a field."""

    field: str
    """The field's name, "" where it is at none."""
    reason: str
    missing: bool = False

    def __str__(self) -> str:
        """Say it on a line."""
        return f"{self.field}: {self.reason}" if self.field else self.reason


class Filled(msgspec.Struct, frozen=True):
    """Fields, filled in."""

    values: Mapping[str, Value]
    wrong: tuple[Wrong, ...]


def fill(fields: Iterable[Field], given: Mapping[str, object]) -> Filled:
    """Read what was given for these fields; what is given for others is left alone."""
    values: dict[str, Value] = {}
    wrong: list[Wrong] = []
    for field in fields:
        raw = given.get(field.name)
        if _is_blank(raw):
            if field.required:
                wrong.append(Wrong(field.name, "is missing", missing=True))
                continue
            if field.value is not None and raw is not None:
                values[field.name] = () if field.sort in _SEVERAL else ""
            if not field.default:
                continue
            raw = field.default
        try:
            values[field.name] = read(field, raw)
        except ValueError as error:
            wrong.append(Wrong(field.name, str(error)))
    return Filled(values, tuple(wrong))


def strangers(fields: Iterable[Field], given: Mapping[str, object]) -> tuple[Wrong, ...]:
    """Return what was given for fields that are not there."""
    names = [field.name for field in fields]
    return tuple(
        Wrong(
            name if name.isprintable() else quoted(name),
            f"is not known here: {did_you_mean(nearest(name, names), names)}",
        )
        for name in given
        if name not in names
    )


def read(field: Field, raw: object) -> Value:
    """Return what was given as the value that the field takes. Raises: ValueError, with ``found …, expected …``."""
    return _READ[field.sort](field, raw)


def _is_blank(raw: object) -> bool:
    return raw is None or raw in ([], ()) or (isinstance(raw, str) and not raw.strip())


def _line(field: Field, raw: object) -> str:
    text = _text(field, raw).strip()
    if any(ord(character) < 32 or 127 <= ord(character) < 160 or character in "\u2028\u2029" for character in text):
        raise _not(field, raw, "one line without control characters")
    return _checked(field, text)


def _lines(field: Field, raw: object) -> str:
    text = "\n".join(map(str, raw)) if isinstance(raw, list | tuple) else _text(field, raw)
    text = _BREAKS.sub("\n", text).strip()
    if any((ord(character) < 32 and character not in "\n\t") or 127 <= ord(character) < 160 for character in text):
        raise _not(field, raw, "text without control characters")
    return _checked(field, text)


def _text(field: Field, raw: object) -> str:
    if isinstance(raw, list | tuple) and len(raw) == 1:
        raw = raw[0]
    if not isinstance(raw, str):
        raise _not(field, raw, "text")
    if len(raw) > field.longest:
        msg = f"found {len(raw)} characters, expected {field.longest} at most"
        raise ValueError(msg)
    if any("\ud800" <= character <= "\udfff" for character in raw):
        raise _not(field, raw, "text that is Unicode")
    return raw


def _checked(field: Field, text: str) -> str:
    expected = field.check(text) if field.check is not None else ""
    if expected:
        raise _not(field, text, expected)
    return text


def _number(field: Field, raw: object) -> int:
    expected = _whole_number(field)
    number = raw if isinstance(raw, int) and not isinstance(raw, bool) else None
    if number is None and not isinstance(raw, bool | float):
        text = _text(field, raw).strip()
        digits = text.removeprefix("-").removeprefix("+")
        number = (
            int(text)
            if digits.isascii() and digits.isdigit() and len(digits) <= 18 and len(text) - len(digits) < 2
            else None
        )
    if number is None:
        raise _not(field, raw, expected)
    if (field.least is not None and number < field.least) or (field.most is not None and number > field.most):
        raise _not(field, raw, expected)
    return number


def _whole_number(field: Field) -> str:
    if field.least is not None and field.most is not None:
        return f"a whole number from {field.least} to {field.most}"
    if field.least is not None:
        return f"a whole number from {field.least} upwards"
    return "a whole number" if field.most is None else f"a whole number up to {field.most}"


def _flag(field: Field, raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    word = _text(field, raw).strip().casefold() if not isinstance(raw, int | float) else str(raw)
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise _not(field, raw, "yes or no")


def _choice(field: Field, raw: object) -> str:
    word = _line(field, raw)
    found = next((value for value in field.choices if value.casefold() == word.casefold()), None)
    if found is None:
        end = did_you_mean(nearest(word, field.choices), sorted(field.choices))
        msg = f"found {quoted(word)}, {end}"
        raise ValueError(msg)
    return found


def _list(field: Field, raw: object) -> tuple[str, ...]:
    texts = _items(field, raw)
    most = MOST if field.most is None else field.most
    if len(texts) > most or len(texts) < (field.least or 0):
        expected = f"{field.least} or more" if field.least and len(texts) < field.least else f"{most} at most"
        msg = f"found {len(texts)}, expected {expected}"
        raise ValueError(msg)
    single = msgspec.structs.replace(field, sort=Sort.TEXT)
    return tuple(_line(single, text) for text in texts)


def _items(field: Field, raw: object) -> list[object]:
    items: Sequence[object] = raw if isinstance(raw, list | tuple) else _text(field, raw).splitlines()
    return [item for item in items if not _is_blank(item)]


def _jid(field: Field, raw: object) -> str:
    text = _line(field, raw).partition("/")[0]
    local, _, domain = text.rpartition("@")
    prepared = nodeprep(local)
    if prepared is None or not _is_domain(domain):
        raise _not(field, raw, 'an address such as "ann@example.org"')
    return f"{prepared}@{domain.lower()}"


def _is_domain(text: str) -> bool:
    fits = len(text.encode()) <= LONGEST and all(text.split("."))
    return fits and not any(character.isspace() or character in "\"&'/:<>@" for character in text)


def _jids(field: Field, raw: object) -> tuple[str, ...]:
    single = msgspec.structs.replace(field, sort=Sort.JID)
    return tuple(dict.fromkeys(_jid(single, item) for item in _list(field, raw)))


def _duration(field: Field, raw: object) -> float:
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        length = float(raw)
    else:
        text = _line(field, raw)
        length = float(text) if text.isascii() and text.isdigit() and len(text) < 15 else seconds(text)
    if not 0 <= length <= LONGEST_DURATION:
        raise _not(field, raw, 'a time such as "90", "10m", "24h" or "30d"')
    return length


def _table(field: Field, raw: object) -> Mapping[str, Any]:
    if isinstance(raw, Mapping):
        return raw
    table: dict[str, Any] = {}
    for item in _items(field, raw):
        _put(table, _text(field, item))
    return table


def _put(table: dict[str, Any], text: str) -> None:
    """Put ``authentication.scheme=github`` into a table; the value is TOML, or else text as it stands."""
    path, equals, value = text.partition("=")
    *tables, key = path.strip().split(".")
    if not equals or not key:
        msg = f"found {quoted(text)}, expected KEY=VALUE"
        raise ValueError(msg)
    for name in tables:
        inner = table.setdefault(name, {})
        if not isinstance(inner, dict):
            msg = f"found {quoted(text)}, but {name} has a value already"
            raise ValueError(msg)
        table = inner
    try:
        table[key] = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        table[key] = value


def _not(field: Field, raw: object, expected: str) -> ValueError:
    """Say what was found and is expected; of a secret, nothing of what was found."""
    match raw:
        case _ if field.sort is Sort.SECRET or field.hidden:
            found = "something else"
        case str():
            found = quoted(raw)
        case bool():
            found = "true" if raw else "false"
        case int() | float():
            found = f"{raw}"
        case list() | tuple():
            found = "a list"
        case _:
            found = "something else"
    return ValueError(f"found {found}, expected {expected}")


_READ: Final[Mapping[Sort, Callable[[Field, object], Value]]] = {
    Sort.TEXT: _line,
    Sort.LINES: _lines,
    Sort.SECRET: _line,
    Sort.NUMBER: _number,
    Sort.FLAG: _flag,
    Sort.CHOICE: _choice,
    Sort.LIST: _list,
    Sort.JID: _jid,
    Sort.JIDS: _jids,
    Sort.NICK: _line,
    Sort.DURATION: _duration,
    Sort.TABLE: _table,
}
