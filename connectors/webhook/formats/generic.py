"""Our own format, for scripts: a text, or fields as JSON or as a form. It reads everything that nobody else recognises.

==============  ===================================================================================================
``text``        what is said, as it is; ``message``, ``content`` and ``body`` are taken for it too
``markdown``    what is said, in Markdown; ``html``: in HTML, as far as messages need it
``username``    who says it; ``avatar_url`` their picture
``edit_key``    a later delivery with the same key corrects this message
``thread``      messages with the same name belong together
``silent``      nobody is to be woken
``event``       what kind of thing happened, for filters; likewise ``branch``, ``labels``, ``severity``
``id``          the sender's id of this delivery: when it comes again it is not said again
==============  ===================================================================================================

A body that is text is said as it is, and the other fields then come in the query (``?username=cron``). JSON without any
known field is shown as it is, in a block of code.
"""

from typing import Any, Final

import msgspec

from bridge.core.content import Content
from connectors.webhook.draft import LONGEST, Draft, one_line, web_url
from connectors.webhook.fields import at, items, kind, text, truth
from connectors.webhook.hypertext import from_html
from connectors.webhook.markup import MARKDOWN, write
from connectors.webhook.posting import Malformed, Posting
from connectors.webhook.submission import Submission

_WORDS: Final = ("text", "message", "content", "body", "msg")
_OWN: Final = frozenset({"text", "markdown", "html", "username", "avatar_url", "edit_key", "thread", "silent"})
_LONGEST_JSON: Final = 2_000
_EXPECTED: Final = 'a field "text" or "markdown" that is not empty'


def recognises(submission: Submission) -> bool:  # noqa: ARG001 - the last in the list
    """Take everything."""
    return True


def read(submission: Submission) -> Posting:
    """Return what a script says. Raises: Malformed."""
    fields = submission.query | submission.fields if _is_object(submission) else submission.query
    content = _content(submission, fields)
    return Posting(
        content=content,
        name=one_line(text(fields, "username"), 80),
        avatar=web_url(text(fields, "avatar_url")),
        event=one_line(text(fields, "event"), 100),
        branch=one_line(text(fields, "branch"), 200),
        labels=_labels(fields),
        severity=one_line(text(fields, "severity"), 50),
        edit_key=text(fields, "edit_key"),
        delivery=_delivery(submission, fields),
        thread=one_line(text(fields, "thread"), 200),
        silent=truth(fields, "silent"),
    )


def _is_object(submission: Submission) -> bool:
    return isinstance(submission.fields, dict)


def _content(submission: Submission, fields: Any) -> Content:
    draft = Draft()
    if submission.text.strip():
        _body(draft, submission, fields)
    elif isinstance(html := at(fields, "html"), str) and html.strip():
        draft.take(from_html(html))
    elif isinstance(markdown := at(fields, "markdown"), str) and markdown.strip():
        write(draft, markdown, MARKDOWN)
    elif words := _words(fields):
        draft.add(words)
    elif _is_unknown(submission):
        draft.code(_as_json(submission.fields), "json")
    written = draft.content(attachments=submission.files)
    if not written.text and not written.attachments:
        raise Malformed("text", kind(at(fields, "text")), _EXPECTED)
    return written


def _body(draft: Draft, submission: Submission, fields: Any) -> None:
    """Write a body that is text, in whatever it is written."""
    if submission.media_type == "text/html":
        draft.take(from_html(submission.text))
    elif submission.media_type == "text/markdown" or truth(fields, "markdown"):
        write(draft, submission.text, MARKDOWN)
    else:
        draft.add(submission.text)


def _words(fields: Any) -> str:
    """Return the first of the fields that say something."""
    for name in _WORDS:
        value = at(fields, name)
        if value is not None and not isinstance(value, str | int | float):
            if name == "text":
                raise Malformed(name, kind(value), "a text")
            continue
        if found := text(fields, name):
            return found
    return ""


def _is_unknown(submission: Submission) -> bool:
    """Tell whether this is JSON of somebody who never heard of our fields."""
    fields = submission.fields
    if isinstance(fields, dict):
        return bool(fields) and _OWN.isdisjoint(fields)
    return isinstance(fields, list | str | int | float) and bool(fields)


def _as_json(value: Any) -> str:
    shown = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    return shown if len(shown) <= min(_LONGEST_JSON, LONGEST) else f"{shown[:_LONGEST_JSON]}…"


def _labels(fields: Any) -> tuple[str, ...]:
    """Return labels that came as a list, or as one text with commas."""
    found = items(fields, "labels") or text(fields, "labels").split(",")
    names = (one_line(text(each), 100) for each in found)
    return tuple(name for name in names if name)[:50]


def _delivery(submission: Submission, fields: Any) -> str:
    return text(fields, "id") or submission.header("webhook-id") or submission.header("idempotency-key")
