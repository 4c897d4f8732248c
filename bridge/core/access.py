"""Lists of users, as operators write them: bare JIDs, domains, and both with ``*`` for any part.

Pure. ``romeo@example.org`` is one user, ``example.org`` everybody of that domain, ``*.example.org`` everybody of a domain below it,
``guest*@example.org`` and ``*@*.example`` what they look like. Case makes no difference. Called by ``bridge.doorkeeper``.
"""

import re
from collections.abc import Collection
from functools import lru_cache

_ENTRY = re.compile(r"(?:[^\s@/\"&'<>:]{1,1023}@)?[^\s@/\"'&<>:]{1,1023}")
_ANYTHING = "[^@]*"


def is_entry(text: str) -> bool:
    """Tell whether this can stand on a list."""
    return _ENTRY.fullmatch(text) is not None and text.isprintable()


def is_named(user: str, entries: Collection[str]) -> bool:
    """Tell whether a list names a user (a bare JID, or the JID of a server)."""
    return bool(entries) and _compiled(tuple(entries)).fullmatch(user.casefold()) is not None


def is_allowed(user: str, allow: Collection[str], deny: Collection[str]) -> bool:
    """Tell whether two lists let a user in: nobody whom ``deny`` names, and without ``allow`` everybody else."""
    return not is_named(user, deny) and (not allow or is_named(user, allow))


@lru_cache(maxsize=64)
def _compiled(entries: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(_written, entries)))


def _written(entry: str) -> str:
    pattern = re.escape(entry.casefold()).replace(r"\*", _ANYTHING)
    return pattern if "@" in entry else f"(?:{_ANYTHING}@)?{pattern}"
