"""Mattermost's incoming webhooks: Slack's fields with Markdown in them, and a few of its own (``priority``, ``props.card``).

Recognised by those of its own; a message that has none of them is read as Slack's, unless the hook names this format.
"""

from typing import Any, Final

from bridge.core.content import Style
from connectors.webhook.draft import Draft, one_line, web_url
from connectors.webhook.fields import at, kind, text, truth
from connectors.webhook.formats.cards import pictures, severity, write_cards
from connectors.webhook.markup import MARKDOWN, write
from connectors.webhook.posting import Malformed, Posting
from connectors.webhook.submission import Submission

_PRIORITIES: Final = {"urgent": "URGENT", "important": "IMPORTANT"}


def recognises(submission: Submission) -> bool:
    """Tell by what only Mattermost's messages have."""
    fields = submission.fields
    if not isinstance(fields, dict) or not ("text" in fields or "attachments" in fields):
        return False
    return isinstance(at(fields, "props"), dict) or isinstance(at(fields, "priority", "priority"), str)


def read(submission: Submission) -> Posting:
    """Return what is said. Raises: Malformed."""
    fields = submission.fields if isinstance(submission.fields, dict) else {}
    draft = Draft()
    priority = text(fields, "priority", "priority")
    if priority in _PRIORITIES:
        draft.add(_PRIORITIES[priority], Style.BOLD).add(" ")
    start = draft.content()
    write(draft, text(fields, "text"), MARKDOWN)
    write_cards(draft, fields, MARKDOWN)
    _card(draft, fields)
    content = draft.content(attachments=[*pictures(fields), *submission.files])
    if content.text == start.text and not content.attachments:
        raise Malformed("text", kind(at(fields, "text")), 'a field "text" or "attachments" that says something')
    return Posting(
        content=content,
        name=one_line(text(fields, "username"), 80),
        avatar=web_url(text(fields, "icon_url")),
        severity=priority if priority in _PRIORITIES else severity(fields),
        silent=truth(fields, "silent"),
    )


def _card(draft: Draft, fields: Any) -> None:
    """Write what Mattermost shows at the side, below."""
    if card := text(fields, "props", "card"):
        write(draft.blank(), card, MARKDOWN)
