"""What senders are told. A sender looks at little but the status: what was taken is 2xx, even when it says nothing to people.

Called by :mod:`.inbound`.
"""

from http import HTTPStatus
from math import ceil
from typing import Any

import msgspec

from bridge.connector import Answer
from connectors.webhook.formats import Answered

_JSON = ("Content-Type", "application/json")
_PROBLEM = ("Content-Type", "application/problem+json")
_TEXT = ("Content-Type", "text/plain; charset=utf-8")


class Taken(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a delivery."""

    id: str | None  # of the message; None: nothing was said
    room: str
    outcome: str = "posted"
    duplicate: bool = False
    skipped: str = ""


def taken(what: Taken, *, answered: Answered = Answered.ID, wait: bool = False) -> Answer:
    """Return the answer in the words that this kind of sender expects."""
    match answered:
        case Answered.OK:
            return Answer(status=HTTPStatus.OK, headers=(_TEXT,), body=b"ok")
        case Answered.DISCORD if not wait:
            return Answer(status=HTTPStatus.NO_CONTENT)
    told: dict[str, Any] = {"id": what.id}
    if what.duplicate:
        told["duplicate"] = True
    if what.skipped:
        told["skipped"] = what.skipped
    if wait:
        told |= {"room": what.room, "channel_id": what.room} if answered is Answered.DISCORD else {"room": what.room}
    new = what.id is not None and not what.duplicate and not wait
    return Answer(
        status=HTTPStatus.ACCEPTED if new else HTTPStatus.OK, headers=(_JSON,), body=msgspec.json.encode(told)
    )


def done() -> Answer:
    """Return the answer to what needs no words."""
    return Answer(status=HTTPStatus.NO_CONTENT)


def unready() -> Answer:
    """Return the answer while nobody knows yet which hooks there are."""
    return refused(HTTPStatus.SERVICE_UNAVAILABLE, "not ready yet", after=1.0)


def refused(
    status: HTTPStatus, detail: str, *, after: float = 0.0, headers: tuple[tuple[str, str], ...] = ()
) -> Answer:
    """Return an answer that says why not; ``after`` seconds it is worth another try."""
    document = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    retry = (("Retry-After", str(max(1, ceil(after)))),) if after else ()
    return Answer(status=status, headers=(_PROBLEM, *retry, *headers), body=msgspec.json.encode(document))
