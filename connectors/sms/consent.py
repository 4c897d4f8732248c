"""Who does not want to hear from us: the keywords that every phone user may send, and what follows from each. Pure.

The words are those of the United States' rule (47 CFR 64.1200(a)(10)) and of the carriers' handbooks. They count as a whole
message alone: "STOP 12345" is somebody's sentence. A block is between one number of ours and one of theirs. Its
confirmation goes out once, and before the block, or the block would swallow it.
"""

import re
from enum import StrEnum
from typing import Final

import msgspec

_STOP: Final = frozenset(
    {"stop", "stopall", "stop all", "unsubscribe", "cancel", "end", "quit", "revoke", "optout", "opt out"}
)
_START: Final = frozenset({"start", "unstop", "yes"})
_HELP: Final = frozenset({"help", "info"})
_TRAILING: Final = re.compile(r"[\s.!?,;:]+$")


class Keyword(StrEnum):
    """What somebody asks for with a single word."""

    STOP = "stop"
    START = "start"
    HELP = "help"


def keyword(text: str) -> Keyword | None:
    """Return what a whole message asks for, in any case and with any punctuation behind it; None for an ordinary message."""
    word = " ".join(_TRAILING.sub("", text).casefold().split()).replace("-", " ")
    if word in _STOP:
        return Keyword.STOP
    if word in _START:
        return Keyword.START
    return Keyword.HELP if word in _HELP else None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One change of somebody's mind, for the audit."""

    at: int  # milliseconds since the epoch
    ours: str
    theirs: str
    blocked: bool
    why: str  # "STOP", "START", "provider"


class Blocks(msgspec.Struct):
    """Who is blocked, and how that came about."""

    blocked: dict[str, list[str]] = {}  # ours: theirs
    history: list[Entry] = []

    def has(self, ours: str, theirs: str) -> bool:
        """Tell whether nothing may be sent between these two."""
        return theirs in self.blocked.get(ours, ())

    def block(self, ours: str, theirs: str, *, at: int, why: str) -> bool:
        """Block; False if it was so already."""
        theirs_of = self.blocked.setdefault(ours, [])
        if theirs in theirs_of:
            return False
        theirs_of.append(theirs)
        self.history.append(Entry(at=at, ours=ours, theirs=theirs, blocked=True, why=why))
        return True

    def lift(self, ours: str, theirs: str, *, at: int, why: str) -> bool:
        """Lift a block; False if there was none. Only the phone itself may ask for that."""
        theirs_of = self.blocked.get(ours, [])
        if theirs not in theirs_of:
            return False
        theirs_of.remove(theirs)
        self.history.append(Entry(at=at, ours=ours, theirs=theirs, blocked=False, why=why))
        return True


class Consequence(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from a keyword."""

    answer: str = ""  # sent before anything else
    block: bool = False
    lift: bool = False


def consequence(word: Keyword, *, blocked: bool, answered: bool, name: str, contact: str) -> Consequence:
    """Return what to do. ``answered``: the provider has answered and blocked by itself; ``name``: who we are."""
    match word:
        case Keyword.STOP:
            if blocked:
                return Consequence()
            said = f"{name}: you will get no more messages from this number. Reply START to get them again."
            return Consequence(answer="" if answered else said, block=True)
        case Keyword.START:
            said = f"{name}: you get messages from this number again. Reply STOP to end them, HELP for help."
            return Consequence(answer=said if blocked and not answered else "", lift=True)
        case Keyword.HELP:
            said = f"{name}: this number passes on messages of a chat. " + (f"Contact: {contact}. " if contact else "")
            return Consequence(answer="" if answered or blocked else f"{said}Reply STOP to end them.")
