"""Discord's webhooks: what anything that "supports Discord" sends. Embeds become lines, pictures attachments.

Recognised by ``embeds``, or by ``content`` with another field of Discord's, and by the form field ``payload_json``. That a
message is edited and deleted by its id, and returned with ``?wait=true``, is the connector's.
"""

from collections.abc import Iterator
from typing import Any, Final

from bridge.core.content import Attachment, Style
from connectors.webhook.draft import Draft, one_line, web_url
from connectors.webhook.fields import at, items, kind, text
from connectors.webhook.markup import DISCORD, styled, write
from connectors.webhook.posting import Malformed, Posting
from connectors.webhook.submission import Submission

_OWN: Final = frozenset({"avatar_url", "tts", "allowed_mentions", "embeds", "flags", "thread_name", "components"})
_MOST_EMBEDS: Final = 10
_SUPPRESS_NOTIFICATIONS: Final = 1 << 12


def recognises(submission: Submission) -> bool:
    """Tell by what only Discord's messages have."""
    fields = submission.fields
    if not isinstance(fields, dict):
        return False
    return bool(items(fields, "embeds")) or ("content" in fields and not _OWN.isdisjoint(fields))


def read(submission: Submission) -> Posting:
    """Return what is said. Raises: Malformed."""
    fields = submission.fields if isinstance(submission.fields, dict) else {}
    draft = Draft()
    write(draft, text(fields, "content"), DISCORD)
    embeds = items(fields, "embeds")[:_MOST_EMBEDS]
    for embed in embeds:
        _embed(draft.line(), embed)
    content = draft.content(attachments=[*_pictures(embeds), *submission.files])
    if not content.text and not content.attachments:
        raise Malformed("content", kind(at(fields, "content")), 'a field "content" or "embeds" that says something')
    return Posting(
        content=content,
        name=one_line(text(fields, "username"), 80),
        avatar=web_url(text(fields, "avatar_url")),
        thread=one_line(text(fields, "thread_name") or submission.query.get("thread_id", ""), 100),
        silent=bool(_flags(fields) & _SUPPRESS_NOTIFICATIONS),
    )


def _embed(draft: Draft, embed: Any) -> None:
    if author := one_line(text(embed, "author", "name")):
        draft.line().link(author, text(embed, "author", "url"))
    if title := text(embed, "title"):
        draft.line().link(styled(title, DISCORD).text, text(embed, "url"), Style.BOLD)
    if description := text(embed, "description"):
        write(draft.line(), description, DISCORD)
    for field in items(embed, "fields")[:25]:
        draft.line().take(styled(text(field, "name"), DISCORD), Style.BOLD).add(": ")
        write(draft, text(field, "value"), DISCORD)
    if footer := one_line(text(embed, "footer", "text")):
        draft.line().add(footer, Style.ITALIC)


def _pictures(embeds: list[Any]) -> Iterator[Attachment]:
    for embed in embeds:
        if url := web_url(text(embed, "image", "url")):
            yield Attachment(url=url, description=one_line(text(embed, "title"), 200))


def _flags(fields: Any) -> int:
    flags = at(fields, "flags")
    return flags if isinstance(flags, int) else 0
