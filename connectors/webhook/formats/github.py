"""GitHub's webhooks. Recognised by ``X-GitHub-Event``; the words are those of :mod:`.forge`."""

from connectors.webhook.fields import table
from connectors.webhook.formats.forge import read_event
from connectors.webhook.posting import Ignored, Malformed, Posting
from connectors.webhook.submission import Submission


def recognises(submission: Submission) -> bool:
    """Tell by GitHub's header; Gitea sends it too, and is asked before."""
    return "x-github-event" in submission.headers


def read(submission: Submission) -> Posting | Ignored:
    """Return what happened. Raises: Malformed."""
    event = submission.header("x-github-event")
    if not event:
        raise Malformed("X-GitHub-Event", "no such header", 'the name of an event, like "push"')
    return read_event(event, table(submission.fields), delivery=submission.header("x-github-delivery"))
