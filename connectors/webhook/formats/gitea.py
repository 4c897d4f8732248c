"""Gitea's and Forgejo's webhooks, and Gogs'. Recognised by their headers, before GitHub, whose headers they send as well.

The words are those of :mod:`.forge`.
"""

from typing import Final

from connectors.webhook.fields import table
from connectors.webhook.formats.forge import read_event
from connectors.webhook.posting import Ignored, Malformed, Posting
from connectors.webhook.submission import Submission

_EVENT: Final = ("x-forgejo-event", "x-gitea-event", "x-gogs-event")
_DELIVERY: Final = ("x-forgejo-delivery", "x-gitea-delivery", "x-gogs-delivery")


def recognises(submission: Submission) -> bool:
    """Tell by one of their headers."""
    return any(name in submission.headers for name in _EVENT)


def read(submission: Submission) -> Posting | Ignored:
    """Return what happened. Raises: Malformed."""
    event = _first(submission, _EVENT)
    if not event:
        raise Malformed("X-Gitea-Event", "no such header", 'the name of an event, like "push"')
    return read_event(event, table(submission.fields), delivery=_first(submission, _DELIVERY))


def _first(submission: Submission, names: tuple[str, ...]) -> str:
    return next((value for name in names if (value := submission.header(name))), "")
