"""What an error of the server means: for somebody who wanted into a channel, and for something that was said. Pure.

The words are for the person whom it concerns, so they name the channel and say what stands in the way. Numerics mean
different things on different servers; where that is so, the server's own words are added.
"""

import re

import msgspec

from bridge.core.events import Barrier
from bridge.core.failures import DeliveryFailure, Permanent, Retry, VoiceLost
from connectors.irc.connection.wire import Line


class Refusal(msgspec.Struct, frozen=True):
    """Why somebody did not get into a channel."""

    reason: str
    final: bool = False  # trying again does not help
    is_ban: bool = False  # of this person or host, which may end some day
    barrier: Barrier = Barrier.OTHER


_NOT_IN = {
    "403": ("there is no such channel", True),
    "405": ("you are in too many channels", True),
    "407": ("the server takes it for several channels", True),
    "437": ("the channel is unavailable at the moment", False),
    "470": ("the channel forwards to another one", True),
    "471": ("the channel is full", False),
    "473": ("you need an invitation (the channel is invite-only)", False),
    "475": ("a key is needed, and ours is wrong or missing", False),
    "476": ("this is not a name for a channel", True),
    "477": ("only users with a registered nick are let in", True),
    "479": ("this is not a name for a channel", True),
    "480": ("the channel lets nobody in at the moment", False),
    "489": ("only users with a secure connection are let in", True),
    "500": ("the channel lets nobody in at the moment", False),
    "520": ("only operators of the network are let in", True),
}
_BARRIERS = {
    "403": Barrier.MISSING,
    "471": Barrier.FULL,
    "473": Barrier.INVITATION,
    "475": Barrier.PASSWORD,
    "477": Barrier.REGISTRATION,
    "479": Barrier.MISSING,
    "476": Barrier.MISSING,
}
JOIN_ERRORS = frozenset({*_NOT_IN, "474", "448", "485", "495", "519", "544"})
"""Numerics that can answer a JOIN."""

_CODES = re.compile(r"colou?r|format|\+c\b", re.IGNORECASE)
_SECONDS = re.compile(r"(\d+) ?s(?:ec|\b)", re.IGNORECASE)


def join_refused(channel: str, line: Line) -> Refusal:
    """Return why a JOIN did not succeed."""
    if line.command == "474":
        return Refusal(f"cannot join {channel}: you are banned there", is_ban=True, final=True, barrier=Barrier.BAN)
    words, final = _NOT_IN.get(line.command, ("", False))
    barrier = _BARRIERS.get(line.command, Barrier.OTHER)
    return Refusal(f"cannot join {channel}: {words or line.text}", final=final, barrier=barrier)


def is_about_codes(line: Line) -> bool:
    """Tell whether a message was refused because it had formatting codes in it."""
    return line.command in {"404", "408"} and _CODES.search(line.text) is not None


def speech_refused(target: str, line: Line) -> DeliveryFailure:
    """Return what it means that a message, topic or kick was refused."""
    match line.command:
        case "442" | "403":
            return VoiceLost(f"not in {target} any more")
        case "439" | "263" | "707":
            return Retry("the server wants us to be slower", after=_seconds(line.text))
        case "415":
            return Permanent(f"{target} lets only registered users speak")
        case "482":
            return Permanent(f"no right to do this in {target}: {line.text}")
        case "401" | "406" | "441":
            return Permanent(f"{line.param(1) or target} is not there (any more)")
        case "FAIL":
            return Permanent(line.text)
        case _:
            return Permanent(f"{target} did not take it: {line.text}")


def _seconds(text: str) -> float:
    found = _SECONDS.search(text)
    return min(float(found[1]), 300.0) if found else 30.0
