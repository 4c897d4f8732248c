"""What a telephone may ask for by a message that begins with a slash, and ``JOIN LIST``. Pure: text to an order.

``/help``, ``/who``, ``/nick NAME``, ``/quiet 22-7``, ``/leave``, ``/join LIST``. Whoever means a word and not an order gets told so,
since nothing of theirs may go to a room by mistake.
"""

import difflib
import re
from typing import Final

import msgspec

_ORDER: Final = re.compile(r"/\s?(\w+)(?:\s+(.*))?", re.DOTALL)
_JOIN: Final = re.compile(r"join\s+([a-z][a-z0-9_-]*)[.!]?", re.IGNORECASE)
_NAMES: Final = ("help", "who", "nick", "quiet", "leave", "join")
_ALSO: Final = {"part": "leave", "list": "who", "names": "who", "name": "nick"}
HELP: Final = (
    "/who: who is here. /nick NAME: your name. /quiet 22-7: leave me alone then (UTC). "
    "/leave: no more of this. STOP: nothing at all."
)


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Something to do."""

    name: str  # one of help who nick quiet leave join, or "" for one that does not exist
    argument: str = ""
    hint: str = ""  # what to answer where there is no such order


def order(text: str) -> Order | None:
    """Return what a message asks for; None for one that is meant for people."""
    text = text.strip()
    if (joined := _JOIN.fullmatch(text)) is not None:
        return Order(name="join", argument=joined[1].casefold())
    found = _ORDER.fullmatch(text)
    if found is None:
        return None
    word, argument = found[1].casefold(), (found[2] or "").strip()
    if word == "me":
        return None  # "/me waves" is said
    name = _ALSO.get(word, word)
    if name in _NAMES:
        return Order(name=name, argument=argument)
    near = difflib.get_close_matches(name, _NAMES, n=1)
    return Order(name="", hint=f"I think you meant /{near[0]}" if near else f"There is no /{word[:20]}. {HELP}")
