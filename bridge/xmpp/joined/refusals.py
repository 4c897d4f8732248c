"""What a room means when it says no: to a join, and to a message. Pure tables over XEP-0045 and what servers send.

Called by the listener, the ghosts and speech, which act on the verdict; the sentences are for people.
"""

import enum

from bridge.core.events import Cause
from bridge.core.failures import DeliveryFailure, Permanent, Retry, Uncertain, VoiceLost
from bridge.xmpp.joined.muc import Refusal


class Verdict(enum.Enum):
    """What an error in answer to a join means (XEP-0045 section 7.2.16)."""

    NICK_TAKEN = enum.auto()
    NICK_REFUSED = enum.auto()
    MEMBERS_ONLY = enum.auto()
    PASSWORD = enum.auto()
    BANNED = enum.auto()
    FULL = enum.auto()
    AWAY = enum.auto()  # the room, its service or the way there
    BUSY = enum.auto()
    CLOSED = enum.auto()

    @property
    def cause(self) -> Cause:
        """The cause that an event gives."""
        if self is Verdict.BANNED:
            return Cause.BANNED
        return Cause.LOST if self is Verdict.AWAY else Cause.REFUSED


_JOIN = {
    "conflict": Verdict.NICK_TAKEN,
    "jid-malformed": Verdict.NICK_REFUSED,
    "bad-request": Verdict.NICK_REFUSED,  # ejabberd
    "not-acceptable": Verdict.NICK_REFUSED,  # a nick is reserved for us
    "registration-required": Verdict.MEMBERS_ONLY,
    "not-authorized": Verdict.PASSWORD,
    "forbidden": Verdict.BANNED,
    "service-unavailable": Verdict.FULL,
    "resource-constraint": Verdict.BUSY,
    "gone": Verdict.AWAY,
    "internal-server-error": Verdict.AWAY,
    "item-not-found": Verdict.AWAY,  # locked, or no room at all
    "recipient-unavailable": Verdict.AWAY,
    "remote-server-not-found": Verdict.AWAY,
    "remote-server-timeout": Verdict.AWAY,
}

_SENTENCES = {
    Verdict.NICK_TAKEN: "every nick that was tried is taken in the room",
    Verdict.NICK_REFUSED: "the room refuses the nick",
    Verdict.MEMBERS_ONLY: "the room admits its members only",
    Verdict.PASSWORD: "the room wants a password",
    Verdict.BANNED: "the room has banned this address",
    Verdict.FULL: "the room is full",
    Verdict.AWAY: "the room is not there at the moment",
    Verdict.BUSY: "the room lets nobody in at the moment",
    Verdict.CLOSED: "the service refuses",
}


def judge(refusal: Refusal) -> Verdict:
    """Say what the refusal of a join means."""
    found = _JOIN.get(refusal.condition)
    if found is None:
        return Verdict.BUSY if refusal.kind == "wait" else Verdict.CLOSED
    return found


def sentence(verdict: Verdict, refusal: Refusal) -> str:
    """Return why somebody is not in a room, with the service's own words behind it."""
    said = _SENTENCES[verdict]
    if verdict is Verdict.CLOSED:
        said = f"{said}: {refusal.condition}"
    return f"{said} ({refusal.text})" if refusal.text else said


NOT_IN_ROOM = frozenset({"not-acceptable", "item-not-found"})
"""Answers to a message by a service that does not know its sender as an occupant (XEP-0045 section 7.4)."""
_NO_VOICE = frozenset({"forbidden", "not-authorized"})
_LATER = frozenset(
    {
        "gone",
        "internal-server-error",
        "recipient-unavailable",
        "remote-server-not-found",
        "remote-server-timeout",
        "resource-constraint",
        "service-unavailable",
    }
)


def failure(refusal: Refusal, *, by_ghost: bool) -> DeliveryFailure:
    """Return how a delivery has failed whose message came back as an error."""
    condition, words = refusal.condition, refusal.text
    behind = f": {words}" if words else ""
    if condition in NOT_IN_ROOM:
        return Retry(f"the room did not know the sender as an occupant{behind}")
    if condition in _LATER or refusal.kind == "wait":
        return Retry(f"the room takes no messages at the moment{behind or ': ' + condition}")
    if condition in _NO_VOICE:
        said = f"the room lets this occupant say nothing{behind}"
        return VoiceLost(said) if by_ghost else Permanent(said)
    if condition == "not-allowed":  # of a room, or of a Prosody without s2s whose MUC service is just being restarted
        return Uncertain(f"the room refused the message{behind or ': ' + condition}")
    return Permanent(f"the room refused the message{behind or ': ' + condition}")


PONG_ANYWAY = frozenset({"service-unavailable", "feature-not-implemented"})
"""Errors that answer a self-ping of somebody who is in the room (XEP-0410 section 3.2).

There item-not-found is one of them, for somebody who has just changed their nick from another client. We have none, and
old services say it of who is not in the room.
"""
NO_ANSWER = frozenset({"remote-server-not-found", "remote-server-timeout"})
"""Errors from which nothing follows."""
