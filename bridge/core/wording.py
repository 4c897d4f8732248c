"""Words about what somebody wrote: quoting it, guessing what was meant, reading durations.

Called wherever a mistake is told: the configuration (:mod:`bridge.settings`), commands (:mod:`bridge.core.fields`), listeners.
"""

import difflib
import errno
import json
import re
from collections.abc import Collection, Iterable, Sequence
from typing import Final

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
_DURATION: Final = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+")
_DURATION_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")


_NOT_LISTENING: Final = {
    errno.EADDRINUSE: "another program uses this address already",
    errno.EACCES: "this user may not use such a low port",
    errno.EADDRNOTAVAIL: "this machine has no such address",
}


def not_listening(key: str, host: str, port: int, error: OSError) -> str:
    """Return a sentence about an address that cannot be listened on; ``key`` is where it is configured."""
    reason = _NOT_LISTENING.get(error.errno or 0, (error.strerror or str(error)).lower())
    return f"{key}: cannot listen on {host}:{port}: {reason}"


def seconds(text: str) -> float:
    """Return the length of a duration such as ``48h``, ``1h30m`` or ``500ms``, -1 if it is none."""
    if not _DURATION.fullmatch(text):
        return -1.0
    return sum(float(number) * _UNITS[unit] for number, unit in _DURATION_PART.findall(text))


def counted(number: int, one: str, many: str = "") -> str:
    """Return "1 user", "2 users"; ``many`` is the word for more of them, where that is not ``one`` with an s."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def quoted(text: str) -> str:
    """Return text in quotation marks, on one line, not longer than a reader wants it."""
    short = text if len(text) <= 80 else text[:79] + "…"
    return json.dumps(short, ensure_ascii=not short.isprintable())


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word that was probably meant, or "" if none is near."""
    by_fold = {each.casefold(): each for each in known}
    close = difflib.get_close_matches(word.casefold(), by_fold, n=1, cutoff=0.6)
    return by_fold[close[0]] if close else ""


def did_you_mean(guess: str, known: Collection[str]) -> str:
    """Return the end of a sentence about a word that is not known."""
    if guess:
        return f"did you mean {quoted(guess)}?"
    return f"expected one of {', '.join(known)}" if known else "expected none"


def columns(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return rows under their headings, in columns as wide as they have to be; what is not printable cannot move a cursor."""
    lines = [headings, *([plain(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join(line.rstrip() for line in padded)


def plain(text: str) -> str:
    """Return text with a mark in the place of whatever is not printable."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)
