"""The Bot API's own rules for names and types, and whether a request, an answer or an update keeps them.

``bot_api.json`` is drawn from the published description of Bot API 10.1: names, types and what is required, of the
methods that the fake has and of the types that these reach. Types that are not in it (payments, games, gifts) are
taken as they are. A field is written ``[required, type, type ...]``.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

Field = list[Any]
_ARRAY = "Array of "
_PLAIN: dict[str, tuple[type, ...]] = {
    "Integer": (int,),
    "Float": (int, float),
    "String": (str,),
    "InputFile": (str, bytes),
}


class Mistake(Exception):
    """A value that the Bot API's description does not allow."""


class Upload(bytes):
    """The bytes of a file that came with a request, and how it was called."""

    name: str
    media_type: str

    @classmethod
    def of(cls, data: bytes, *, name: str, media_type: str) -> "Upload":
        upload = cls(data)
        upload.name, upload.media_type = name, media_type
        return upload


class Schema:
    """What ``bot_api.json`` says."""

    def __init__(self, description: dict[str, Any]) -> None:
        self.version: str = description["version"]
        self.methods: dict[str, dict[str, Field]] = description["methods"]
        self.reactions: list[str] = description["reactions"]
        self._results: dict[str, list[str]] = description["results"]
        self._types: dict[str, dict[str, Any]] = description["types"]

    def fields(self, kind: str) -> list[str]:
        """Return what a type has."""
        return list(self._types[kind]["fields"])

    def parameters(self, method: str, given: dict[str, Any], *, as_text: bool) -> dict[str, Any]:
        """Return the parameters of a call, read and checked; ``as_text``: a form, where all but strings is JSON.

        Raises: Mistake.
        """
        fields = self.methods[method]
        unknown = [name for name in given if name not in fields and not isinstance(given[name], Upload)]
        if unknown:
            raise Mistake(f"{method} has no parameter {', '.join(unknown)}")
        for name, (required, *_) in fields.items():
            if required and name not in given:
                raise Mistake(f"{method} needs {name}")
        read = {
            name: _from_text(value, fields[name][1:], name) if as_text and name in fields else value
            for name, value in given.items()
        }
        for name, value in read.items():
            if name in fields:
                self._check(value, fields[name][1:], name)
        return read

    def result(self, method: str, value: Any) -> None:
        """Refuse an answer that the method cannot give. Raises: Mistake."""
        self._check(value, self._results[method], f"answer of {method}")

    def value(self, kind: str, value: Any) -> None:
        """Refuse what is no ``kind``. Raises: Mistake."""
        self._check(value, [kind], kind)

    def _check(self, value: Any, kinds: list[str], path: str) -> None:
        mistakes = []
        for kind in kinds:
            try:
                self._check_one(value, kind, path)
            except Mistake as mistake:
                mistakes.append(str(mistake))
            else:
                return
        raise Mistake(" and ".join(mistakes))

    def _check_one(self, value: Any, kind: str, path: str) -> None:
        if kind.startswith(_ARRAY):
            if not isinstance(value, list):
                raise Mistake(f"{path} is no {kind}")
            for index, item in enumerate(value):
                self._check_one(item, kind.removeprefix(_ARRAY), f"{path}[{index}]")
        elif kind in {"Boolean", "True"}:
            if not isinstance(value, bool) or (kind == "True" and not value):
                raise Mistake(f"{path} is no {kind}")
        elif kind in _PLAIN:
            if isinstance(value, bool) or not isinstance(value, _PLAIN[kind]):
                raise Mistake(f"{path} is no {kind}")
        else:
            self._check_object(value, kind, path)

    def _check_object(self, value: Any, kind: str, path: str) -> None:
        if not isinstance(value, dict):
            raise Mistake(f"{path} is no {kind}")
        description = self._types.get(kind)
        if description is None:
            return
        if "is" in description:
            self._check(value, description["is"], path)
            return
        fields = description["fields"]
        for name, (required, *kinds) in fields.items():
            if name in value:
                self._check(value[name], kinds, f"{path}.{name}")
            elif required:
                raise Mistake(f"{path} is no {kind}: it lacks {name}")
        unknown = [name for name in value if name not in fields]
        if unknown:
            raise Mistake(f"{path} is no {kind}: {', '.join(unknown)} is not in it")


def _from_text(value: Any, kinds: list[str], name: str) -> Any:
    """Read a form's field: a string where one may stand, else JSON."""
    if not isinstance(value, str):
        return value
    if "String" in kinds or "InputFile" in kinds:
        numeric = "Integer" in kinds and value.removeprefix("-").isdecimal()
        return int(value) if numeric else value
    try:
        return json.loads(value)
    except ValueError:
        raise Mistake(f"{name} is not JSON") from None


@cache
def schema() -> Schema:
    """Return the rules."""
    return Schema(json.loads((Path(__file__).parent / "bot_api.json").read_text()))
