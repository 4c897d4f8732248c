"""A TOML table into a frozen settings struct: every mistake in it is found and named, not just the first.

What is here knows types, not meanings: which keys a struct has, what a duration or a secret looks like, how to say what
was found and what is expected. What the keys mean is in :mod:`bridge.config` and in each connector's settings type.
Called by :mod:`bridge.config` alone.

A settings type is a msgspec Struct. A ``float`` is a duration in seconds and may be written ``"48h"``; a
:class:`bridge.connector.Secret` may be written ``"x"``, ``{ env = "NAME" }`` or ``{ file = "PATH" }``. What only the
struct itself can check goes into its ``__post_init__``, as ``ValueError("key: found …, expected …")``.
"""

import re
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime, time
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import inspect

from bridge.connector import Secret
from bridge.core.wording import did_you_mean, nearest, quoted, seconds

Kind = Any
"""A type as it stands in an annotation; Python has no name for that."""

T = TypeVar("T", bound=msgspec.Struct)

LONGEST_DURATION: Final = 10 * 365 * 86_400.0
LARGEST_SECRET_FILE: Final = 65_536
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_PLACEHOLDER: Final = re.compile(
    r"(?:change|replace)[ _-]?(?:me|this|it)"
    r"|(?:your|example|my)[ _-]?(?:secret|password|token)(?:[ _-]?here)?"
    r"|<.*>|\.\.\.|…|x{3,}",
    re.IGNORECASE,
)


class Problem(msgspec.Struct, frozen=True, order=True):
    """One mistake in the configuration: where, and what was found and is expected instead."""

    path: str  # "networks.libera.port"
    text: str

    def __str__(self) -> str:
        """Write the problem as the line that an operator reads."""
        return f"{self.path}: {self.text}" if self.path else self.text


class Reader:
    """Reads tables into structs, and collects what is wrong on the way."""

    def __init__(self, *, folder: Path, environ: Mapping[str, str]) -> None:
        self.problems: list[Problem] = []
        self._folder = folder  # relative secret files start here
        self._environ = environ

    def wrong(self, path: str, text: str) -> None:
        """Note a mistake."""
        self.problems.append(Problem(path, text))

    def table(self, raw: object, path: str) -> dict[str, Any] | None:
        """Return a value as the table that it has to be; None, and a problem, if it is something else."""
        if isinstance(raw, dict):
            return raw
        self.wrong(path, f"found {_sort(raw)}, expected a table")  # what stands in a table's place may be its secret
        return None

    def struct(self, raw: object, kind: type[T], path: str, *, also: Sequence[str] = ()) -> T | None:
        """Read a table into ``kind``; None if anything in it was wrong (then there are problems).

        ``also`` are keys that stand in the same table of the file but are read by somebody else.
        """
        table = self.table(raw, path)
        if table is None:
            return None
        before = len(self.problems)
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        meant = self.unknown_keys(table, [*also, *fields], path)
        values: dict[str, Any] = {}
        for key, field in fields.items():
            if key in table:
                values[field.name] = self.value(table[key], field.type, join(path, key))
            elif field.required and key not in meant:
                self.wrong(join(path, key), f"missing, expected {expected(field.type)}")
        return self._built(kind, values, path) if len(self.problems) == before else None

    def unknown_keys(self, table: Mapping[str, object], known: Collection[str], path: str) -> set[str]:
        """Note keys that do not exist; return those that were probably meant."""
        meant: set[str] = set()
        for key in table:
            if key in known:
                continue
            guess = nearest(key, [name for name in known if name not in table]) or nearest(key, known)
            if guess:
                meant.add(guess)
            self.wrong(join(path, key), f"found an unknown key, {did_you_mean(guess, known)}")
        return meant

    def _built(self, kind: type[T], values: dict[str, Any], path: str) -> T | None:
        try:
            return kind(**values)
        except (ValueError, TypeError) as error:
            key, colon, rest = str(error).partition(": ")
            if colon and key in {field.encode_name for field in msgspec.structs.fields(kind)}:
                self.wrong(join(path, key), rest)
            else:
                self.wrong(path, str(error))
            return None

    def value(self, raw: object, kind: Kind, path: str) -> Any:
        """Read one value; None, and a problem, if it does not fit."""
        plain = _plain(kind)
        if plain is Secret:
            return self.secret(raw, path)
        if isinstance(plain, type) and issubclass(plain, msgspec.Struct):
            return self.struct(raw, plain, path)
        origin: Kind = get_origin(plain)
        if origin in _LISTS:
            return self._items(raw, plain, path)
        if origin in _TABLES:
            return self._entries(raw, plain, path)
        return self._leaf(raw, kind, path)

    def _items(self, raw: object, kind: Kind, path: str) -> object:
        if not isinstance(raw, list):
            self.wrong(path, f"found {show(raw, kind)}, expected {expected(kind)}")
            return None
        item = get_args(kind)[0]
        values = [self.value(each, item, f"{path}[{index}]") for index, each in enumerate(raw)]
        return _LISTS[get_origin(kind)](values)

    def _entries(self, raw: object, kind: Kind, path: str) -> dict[Any, Any] | None:
        table = self.table(raw, path)
        if table is None:
            return None
        of_key, of_value = get_args(kind)
        entries: dict[Any, Any] = {}
        for key, each in table.items():
            at = join(path, key)
            entries[self.value(key, of_key, at)] = self.value(each, of_value, at)
        return entries

    def _leaf(self, raw: object, kind: Kind, path: str) -> Any:
        plain = _plain(kind)
        try:
            converted = msgspec.convert(seconds(raw) if isinstance(raw, str) and plain is float else raw, kind)
            if isinstance(converted, float) and not 0 <= converted <= LONGEST_DURATION:  # also catches nan
                raise msgspec.ValidationError
            return converted
        except msgspec.ValidationError:
            guess = nearest(raw, _choices(plain)) if isinstance(raw, str) else ""
            tail = f"; did you mean {quoted(guess)}?" if guess else ""
            self.wrong(path, f"found {show(raw, kind)}, expected {expected(kind)}{tail}")
            return None

    def secret(self, raw: object, path: str) -> Secret | None:
        """Read a secret from its place; what it says never gets into a problem."""
        match raw:
            case str():
                return self._proper(raw, "an empty string", path)
            case {"env": str(name), **rest} if not rest:
                if name in self._environ:
                    return self._proper(self._environ[name], f"an empty environment variable {quoted(name)}", path)
                self.wrong(path, f"found no environment variable {quoted(name)}, expected it to hold the secret")
            case {"file": str(name), **rest} if not rest:
                return self._from_file(name, path)
            case _:
                found = "a table without exactly one of env and file" if isinstance(raw, dict) else _sort(raw)
                self.wrong(path, f"found {found}, expected {_HOW_TO_WRITE_ONE}")
        return None

    def _from_file(self, name: str, path: str) -> Secret | None:
        wanted = "expected a readable UTF-8 file with the secret"
        try:
            with (self._folder / name).expanduser().open("rb") as file:
                data = file.read(LARGEST_SECRET_FILE + 1)  # not more: /dev/zero never ends
            text = data.decode() if len(data) <= LARGEST_SECRET_FILE else ""
        except UnicodeDecodeError:
            self.wrong(path, f"found bytes that are not UTF-8 in file {quoted(name)}, {wanted}")
            return None
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            self.wrong(path, f"found no way to read file {quoted(name)} ({why.lower()}), {wanted}")
            return None
        return self._proper(text.rstrip("\r\n"), f"nothing usable in file {quoted(name)}", path)

    def _proper(self, text: str, empty: str, path: str) -> Secret | None:
        if not text.strip():
            self.wrong(path, f"found {empty}, expected {_HOW_TO_WRITE_ONE}")
            return None
        if _PLACEHOLDER.fullmatch(text.strip()):
            self.wrong(path, "found the placeholder of an example, expected a secret of your own")
            return None
        if any(ord(char) < 32 for char in text):
            self.wrong(path, "found control characters in the secret, expected one line of text")
            return None
        return Secret(text)


def _plain(kind: Kind) -> Kind:
    """Take ``Annotated``, ``NewType`` and ``| None`` off a type; TOML has no null, so None only ever is a default."""
    origin: Kind = get_origin(kind)
    if origin is Annotated:
        return _plain(get_args(kind)[0])
    if hasattr(kind, "__supertype__"):
        return _plain(kind.__supertype__)
    if origin in _UNIONS:
        rest = [each for each in get_args(kind) if each is not type(None)]
        if len(rest) == 1:
            return _plain(rest[0])
    return kind


_LISTS: Final[Mapping[Any, Callable[[list[Any]], object]]] = {
    list: list,
    tuple: tuple,
    Sequence: tuple,
    frozenset: frozenset,
}
_TABLES: Final = (dict, Mapping)
_UNIONS: Final = (Union, types.UnionType)
_HOW_TO_WRITE_ONE: Final = 'a secret: "…", { env = "NAME" } or { file = "PATH" }'


def join(path: str, key: str) -> str:
    """Go one key deeper: ``networks`` and ``libera`` make ``networks.libera``."""
    name = key if _BARE_KEY.fullmatch(key) else quoted(key)
    return f"{path}.{name}" if path else name


def show(raw: object, kind: Kind = None) -> str:
    """Say what was found; of a secret, or of anything that may hold one, only what sort of thing it is."""
    match raw:
        case str() if _holds_secret(kind):
            return "a string"
        case str():
            return quoted(raw)
        case bool():
            return str(raw).lower()
        case int() | float() if not _holds_secret(kind):
            return str(raw)
        case _:
            return _sort(raw)


def _holds_secret(kind: Kind) -> bool:
    plain = _plain(kind)
    return plain is Secret or any(_holds_secret(each) for each in get_args(plain))


def _sort(raw: object) -> str:
    match raw:
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case datetime() | date() | time():
            return "a date or time"
        case list():
            return "a list"
        case _:
            return "a table"


def expected(kind: Kind) -> str:
    """Say what a type wants, for somebody who knows TOML and not Python."""
    plain = _plain(kind)
    if plain is Secret:
        return _HOW_TO_WRITE_ONE
    origin: Kind = get_origin(plain)
    if origin in _LISTS:
        return f"a list of {_plural(expected(get_args(plain)[0]))}"
    if origin in _TABLES:
        return f"a table of {_plural(expected(get_args(plain)[1]))}"
    if plain is float:
        return 'a number, or a duration such as "48h"'
    choices = _choices(plain)
    return f"one of {', '.join(map(quoted, choices))}" if choices else _in_words(inspect.type_info(kind))


def _plural(words: str) -> str:
    """Return ``strings`` for ``a string``; anything less simple stays as it is."""
    article, _, noun = words.partition(" ")
    return f"{noun}s" if article in {"a", "an"} and noun.isalpha() else f"{words} each"


def _in_words(kind: inspect.Type) -> str:
    match kind:
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType(ge=low, le=high) if low is not None and high is not None:
            return f"a whole number from {low} to {high}"
        case inspect.IntType(ge=low) if low is not None:
            return f"a whole number from {low} upwards"
        case inspect.IntType():
            return "a whole number"
        case inspect.StrType():
            return "a string"
        case inspect.UnionType(types=kinds):
            return " or ".join(_in_words(each) for each in kinds if not isinstance(each, inspect.NoneType))
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
            return f"a list of {_plural(_in_words(item))}"
        case _:
            return "a table"


def _choices(plain: Kind) -> list[str]:
    origin: Kind = get_origin(plain)
    if origin is Literal:
        return [str(value) for value in get_args(plain)]
    if isinstance(plain, type) and issubclass(plain, Enum):
        return [str(member.value) for member in plain]
    return []


__all__ = ["Problem", "Reader", "did_you_mean", "expected", "join", "nearest", "quoted", "seconds", "show"]
