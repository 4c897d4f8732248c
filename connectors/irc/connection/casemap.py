"""Which names are the same: folding by the server's CASEMAPPING, and masks. Pure.

The library's ``irc.strings`` lowers all of Unicode and knows rfc1459 only; servers fold ASCII letters (and four pairs
of brackets) and compare the rest byte by byte, so folding with it makes one person of two.
"""

from collections.abc import Callable
from functools import cache, lru_cache

_REMEMBERED = 2048
"""Folded names: a line needs ten, and they are nearly always those of the lines before. A name is no longer than a line."""
_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ASCII = str.maketrans(_UPPER, _UPPER.lower())
_STRICT = _ASCII | str.maketrans("[]\\", "{}|")
_RFC1459 = _STRICT | str.maketrans("^", "~")


@cache
def folder(casemapping: str) -> Callable[[str], str]:
    """Return the folding function for a CASEMAPPING token; rfc1459 where it is unknown, as the protocol's default.

    ``rfc7613`` and ``rfc8265`` (PRECIS) are approximated by Unicode case folding.
    """
    match casemapping.lower():
        case "ascii":
            return _fold_ascii
        case "rfc1459-strict" | "strict-rfc1459":
            return _fold_strict
        case "rfc7613" | "rfc8265" | "rfc3454":
            return str.casefold
        case _:
            return _fold_rfc1459


def _same(name: str, folded: str) -> str:
    """Return a folded name, as the very object where folding changes nothing: it is kept in many places."""
    return name if folded == name else folded


@lru_cache(maxsize=_REMEMBERED)
def _fold_ascii(name: str) -> str:
    return _same(name, name.translate(_ASCII))


@lru_cache(maxsize=_REMEMBERED)
def _fold_strict(name: str) -> str:
    return _same(name, name.translate(_STRICT))


@lru_cache(maxsize=_REMEMBERED)
def _fold_rfc1459(name: str) -> str:
    return _same(name, name.translate(_RFC1459))


def matches(mask: str, name: str, fold: Callable[[str], str]) -> bool:
    """Whether a mask with ``*`` and ``?`` covers a name such as nick!user@host.

    No mask, however hostile, takes longer than its length times the name's.
    """
    mask, name = fold(mask), fold(name)
    at, after_star, retry = (
        0,
        -1,
        0,
    )  # position in the mask; behind its last "*"; where in the name that star may end next
    read = 0
    while read < len(name):
        if at < len(mask) and mask[at] == "*":
            at += 1
            after_star, retry = at, read
        elif at < len(mask) and mask[at] in {"?", name[read]}:
            at += 1
            read += 1
        elif after_star < 0:
            return False
        else:
            retry += 1
            at, read = after_star, retry
    return not mask[at:].strip("*")
