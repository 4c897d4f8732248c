"""What XMPP servers do to the parts of an address: the stringprep profiles of RFC 6122, as pure functions.

RFC 7622 replaced them by PRECIS, yet every server in use still applies these, so what passes here passes everywhere:
only characters of Unicode 3.2, hence no emoji. Not here: making an id or a name pass (:mod:`bridge.core.jids`,
:mod:`bridge.core.nicks`).
"""

import stringprep
import unicodedata
from collections.abc import Callable
from functools import lru_cache

_REFUSED_ANYWHERE = (
    stringprep.in_table_a1,  # unassigned in Unicode 3.2
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)
_REFUSED_IN_LOCALPARTS = frozenset(" \"&'/:<>@")

LONGEST = 1023
"""Bytes of UTF-8 that a localpart or a resourcepart may have."""


@lru_cache(maxsize=4096)
def is_refused(character: str) -> bool:
    """Tell whether a character may stand in no part of an address, after mapping."""
    return any(table(character) for table in _REFUSED_ANYWHERE)


@lru_cache(maxsize=4096)
def vanishes(character: str) -> bool:
    """Tell whether preparation drops a character without a word: soft hyphen, joiners, variation selectors."""
    return stringprep.in_table_b1(character)


def resourceprep(text: str) -> str | None:
    """Return a resourcepart as servers compare it, None if they refuse it (RFC 6122 appendix B)."""
    if text.isascii() and text.isprintable():
        return text if 0 < len(text) <= LONGEST else None
    return _prepare("".join(c for c in text if not vanishes(c)), refused=is_refused)


def nodeprep(text: str) -> str | None:
    """Return a localpart as servers compare it, None if they refuse it (RFC 6122 appendix A)."""
    folded = "".join(stringprep.map_table_b2(c) for c in text if not vanishes(c))
    return _prepare(folded, refused=lambda c: c in _REFUSED_IN_LOCALPARTS or is_refused(c))


def _prepare(mapped: str, *, refused: Callable[[str], bool]) -> str | None:
    """Normalise, then check what is left, its direction and its length."""
    prepared = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    if not prepared or any(refused(c) for c in prepared) or not has_one_direction(prepared):
        return None
    return prepared if len(prepared.encode()) <= LONGEST else None


def is_leftward(character: str) -> bool:
    """Tell whether this is written from right to left (table D.1)."""
    return stringprep.in_table_d1(character)


def is_rightward(character: str) -> bool:
    """Tell whether this is written from left to right (table D.2); digits and blanks are neither."""
    return stringprep.in_table_d2(character)


def has_one_direction(text: str) -> bool:
    """Tell whether a text obeys RFC 3454 section 6: with a right-to-left letter at both ends, or with none in it."""
    if text.isascii() or not any(map(is_leftward, text)):
        return True
    if any(map(is_rightward, text)):
        return False
    return is_leftward(text[0]) and is_leftward(text[-1])
