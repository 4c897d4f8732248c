"""Rich messages (RichMessage): paragraphs, lists, tables and the like, as plain text; what they say is kept, how it looks is not.

Its blocks are read as JSON: of each, whatever is text, a line for each block, so that kinds that are not known yet lose
no words either. Pure; called by :mod:`connectors.telegram.contents`.
"""

from collections.abc import Iterator
from typing import Any, Final

_TEXTS: Final = ("summary", "text", "expression", "caption", "credit")
"""Fields that hold text (RichText), in the order in which they are shown."""
_PARTS: Final = ("blocks", "items", "cells")
"""Fields that hold blocks, or rows of them."""
_DEEPEST: Final = 32


def text(message: Any) -> str:
    """Return what a rich message says."""
    return "\n".join(line for line in _lines(message, 0) if line.strip())


def _lines(part: Any, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        return
    if isinstance(part, list):
        if part and all(isinstance(one, dict) and "blocks" not in one and "type" not in one for one in part):
            yield " | ".join(_inline(one.get("text", ""), depth) for one in part)  # a row of a table
            return
        for one in part:
            yield from _lines(one, depth + 1)
    elif isinstance(part, dict):
        if part.get("type") == "divider":
            yield "———"
        words = (_inline(part[key], depth + 1) for key in _TEXTS if key in part)
        yield " ".join(filter(None, words))
        below = [line for key in _PARTS for line in _lines(part.get(key), depth + 1) if line.strip()]
        if below and isinstance(part.get("label"), str):  # of an item in a list
            below[0] = f"{part['label']} {below[0]}"
        yield from below


def _inline(part: Any, depth: int) -> str:
    """Return running text: a string, several of it one after another, or a styled piece."""
    if depth > _DEEPEST:
        return ""
    if isinstance(part, str):
        return part
    if isinstance(part, list):
        return "".join(_inline(one, depth + 1) for one in part)
    if not isinstance(part, dict):
        return ""
    words = next(
        (_inline(part[key], depth + 1) for key in ("text", "expression", "alternative_text") if key in part), ""
    )
    url = part.get("url")
    return f"{words} ({url})" if isinstance(url, str) and url not in ("", words) else words
