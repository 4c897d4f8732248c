"""Apprise's ``json://`` and ``form://``: whatever Apprise can be asked to notify, as a title and a message.

Recognised by ``version``, ``message`` and a ``type`` that is one of its four. Its attachments come as Base64 in the body, and
are named only.
"""

from typing import Any, Final

from bridge.core.content import Attachment, Style
from connectors.webhook.draft import Draft, one_line
from connectors.webhook.fields import at, items, kind, text
from connectors.webhook.markup import MARKDOWN, write
from connectors.webhook.posting import Malformed, Posting
from connectors.webhook.submission import Submission

_TYPES: Final = {"info": "", "success": "ok", "warning": "warning", "failure": "critical"}
_SIGNS: Final = {"success": "✅ ", "warning": "⚠️ ", "failure": "❌ "}


def recognises(submission: Submission) -> bool:
    """Tell by the fields that Apprise always sends."""
    fields = submission.fields
    return (
        isinstance(fields, dict) and {"version", "message", "type"} <= fields.keys() and text(fields, "type") in _TYPES
    )


def read(submission: Submission) -> Posting:
    """Return what is said. Raises: Malformed."""
    fields = submission.fields
    what = text(fields, "type")
    title, words = one_line(text(fields, "title")), text(fields, "message")
    if not title and not words:
        raise Malformed("message", kind(at(fields, "message")), "a text")
    draft = Draft().add(_SIGNS.get(what, ""))
    if title:
        draft.add(title, Style.BOLD).add("\n" if words else "")
    write(draft, words, MARKDOWN)
    return Posting(
        content=draft.content(attachments=[*_attached(fields), *submission.files]),
        event=what,
        severity=_TYPES.get(what, ""),
    )


def _attached(fields: Any) -> list[Attachment]:
    return [
        Attachment(
            url="",
            name=one_line(text(each, "filename"), 200) or "file",
            media_type=one_line(text(each, "mimetype"), 100),
            size=len(text(each, "base64")) * 3 // 4 or None,
        )
        for each in items(fields, "attachments")[:20]
    ]
