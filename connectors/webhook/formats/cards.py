"""Cards below a message, as Slack has them and Mattermost too (``attachments``), flattened into lines. Called by both formats."""

from collections.abc import Iterator
from typing import Any, Final

from bridge.core.content import Attachment, Style
from connectors.webhook.draft import Draft, one_line, web_url
from connectors.webhook.fields import at, items, text
from connectors.webhook.markup import Dialect, styled, write

_MOST: Final = 20
_SEVERITIES: Final = {"good": "ok", "warning": "warning", "danger": "critical"}
"""The colours that have names, and what they mean everywhere."""


def write_cards(draft: Draft, fields: Any, dialect: Dialect) -> None:
    """Write ``attachments`` below what there is."""
    for card in items(fields, "attachments")[:_MOST]:
        _card(draft.line(), card, dialect)


def pictures(fields: Any) -> Iterator[Attachment]:
    """Yield the pictures of the cards, each once."""
    seen = set()
    for card in items(fields, "attachments")[:_MOST]:
        url = web_url(text(card, "image_url"))
        if url and url not in seen:
            seen.add(url)
            yield Attachment(url=url, description=one_line(text(card, "fallback") or text(card, "title"), 200))


def severity(fields: Any) -> str:
    """Return what the colour of the first card means, "" for colours that are only colours."""
    return _SEVERITIES.get(text(fields, "attachments", 0, "color"), "")


def _card(draft: Draft, card: Any, dialect: Dialect) -> None:
    if pretext := text(card, "pretext"):
        write(draft.line(), pretext, dialect)
    if author := one_line(text(card, "author_name")):
        draft.line().link(author, text(card, "author_link"))
    if title := text(card, "title"):
        draft.line()
        _link(draft, title, text(card, "title_link"), dialect)
    body = text(card, "text")
    if body:
        write(draft.line(), body, dialect)
    for field in items(card, "fields")[:50]:
        write_field(draft, text(field, "title"), text(field, "value"), dialect)
    for action in items(card, "actions")[:_MOST]:
        if url := web_url(text(action, "url")):
            draft.line().link(one_line(text(action, "text") or text(action, "name")), url)
    if footer := one_line(text(card, "footer")):
        draft.line().add(footer, Style.ITALIC)
    if not (body or title or pretext or at(card, "fields")) and (fallback := text(card, "fallback")):
        write(draft.line(), fallback, dialect)


def write_field(draft: Draft, title: str, value: str, dialect: Dialect) -> None:
    """Write ``title: value`` on a line of its own."""
    if draft.full:
        return
    draft.line()
    if title:
        draft.take(styled(one_line(title), dialect), Style.BOLD).add(": " if value else "")
    write(draft, value, dialect)


def _link(draft: Draft, words: str, url: str, dialect: Dialect) -> None:
    written = styled(words, dialect)
    draft.link(written.text, url, Style.BOLD)
