"""ntfy: a text whose title, tags and priority stand in headers, in the query, or in JSON. ``curl -H "Title: …" -d …``.

Recognised by a header of its own, or by JSON with ``topic`` and ``message``. The names of header and query fields are those
of ntfy's documentation ("List of all parameters"), with ``X-`` or without.
"""

from typing import Any, Final

from bridge.core.content import Attachment, Style
from connectors.webhook.draft import Draft, one_line, web_url
from connectors.webhook.emoji import EMOJI
from connectors.webhook.fields import items, text, truth
from connectors.webhook.markup import MARKDOWN, write
from connectors.webhook.posting import Malformed, Posting
from connectors.webhook.submission import Submission

_NAMES: Final = {
    "message": ("x-message", "message", "m"),
    "title": ("x-title", "title", "ti", "t"),
    "priority": ("x-priority", "priority", "prio", "p"),
    "tags": ("x-tags", "tags", "tag", "ta"),
    "markdown": ("x-markdown", "markdown", "md"),
    "click": ("x-click", "click"),
    "attach": ("x-attach", "attach", "a"),
    "filename": ("x-filename", "filename", "file", "f"),
    "icon": ("x-icon", "icon"),
}
_TELLING: Final = ("x-title", "title", "ti", "x-priority", "prio", "x-tags", "tags", "x-message", "x-click", "x-icon")
"""Headers that nobody else sends."""
_PRIORITIES: Final = {
    "1": "min", "min": "min", "2": "low", "low": "low", "3": "", "default": "", "4": "high", "high": "high", "5": "max",
    "max": "max", "urgent": "max",
}  # fmt: skip
_PREFIXES: Final = {"high": "HIGH", "max": "URGENT"}


def recognises(submission: Submission) -> bool:
    """Tell by ntfy's headers, or by its JSON."""
    fields = submission.fields
    if isinstance(fields, dict):
        return bool(text(fields, "topic") and text(fields, "message"))
    return any(name in submission.headers for name in _TELLING)


def read(submission: Submission) -> Posting:
    """Return what is said. Raises: Malformed."""
    fields = submission.fields if isinstance(submission.fields, dict) else _given(submission)
    words = text(fields, "message") or submission.text
    title = one_line(text(fields, "title"))
    emoji, labels = _tags(fields)
    priority = text(fields, "priority").strip().lower()
    if "=" in priority:  # RFC 9218: how urgent the response is to a browser
        priority = ""
    if priority not in {"", *_PRIORITIES}:
        raise Malformed("priority", f'"{one_line(priority, 40)}"', "1 to 5, or min, low, default, high, max")
    severity = _PRIORITIES.get(priority, "")
    draft = Draft()
    if severity in _PREFIXES:
        draft.add(_PREFIXES[severity], Style.BOLD).add(" ")
    draft.add("".join(f"{each} " for each in emoji))
    draft.link(title, text(fields, "click"), Style.BOLD) if title else None
    if words:
        _words(draft.line() if title else draft, words, markdown=_is_markdown(submission, fields))
    if not title and text(fields, "click"):
        draft.line().link("", text(fields, "click"))
    attachments = _attached(fields)
    if not words and not title and not attachments:
        draft.add("triggered")  # what ntfy says when it is told nothing
    return Posting(
        content=draft.content(attachments=attachments),
        avatar=web_url(text(fields, "icon")),
        labels=labels,
        severity=severity,
        silent=severity in {"min", "low"},
    )


def _given(submission: Submission) -> dict[str, str]:
    """Return the fields that stand in headers and query."""
    return {
        field: next(
            (value for name in names if (value := submission.header(name) or submission.query.get(name, ""))), ""
        )
        for field, names in _NAMES.items()
    }


def _is_markdown(submission: Submission, fields: Any) -> bool:
    return submission.media_type == "text/markdown" or truth(fields, "markdown")


def _words(draft: Draft, words: str, *, markdown: bool) -> None:
    if markdown:
        write(draft, words, MARKDOWN)
    else:
        draft.add(words)


def _tags(fields: Any) -> tuple[list[str], tuple[str, ...]]:
    """Return the tags that are emoji, and all of them by name."""
    listed = items(fields, "tags") or text(fields, "tags").split(",")
    names = [name for each in listed[:50] if (name := one_line(text(each), 100))]
    return [EMOJI[name] for name in names if name in EMOJI], tuple(names)


def _attached(fields: Any) -> list[Attachment]:
    url = web_url(text(fields, "attach"))
    return [Attachment(url=url, name=one_line(text(fields, "filename"), 200))] if url else []
