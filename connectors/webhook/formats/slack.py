"""Slack's incoming webhooks: what anything that "supports Slack" sends. Blocks and attachments become lines.

Recognised by ``blocks`` or ``attachments``, and by a form whose one field ``payload`` holds JSON. Where there are blocks,
``text`` is only what old clients would show, and is left out.
"""

from typing import Any, Final

from bridge.core.content import Attachment, Style
from connectors.webhook.draft import Draft, one_line, web_url
from connectors.webhook.emoji import with_emoji
from connectors.webhook.fields import at, items, kind, table, text
from connectors.webhook.formats.cards import pictures, severity, write_cards, write_field
from connectors.webhook.markup import MARKDOWN, SLACK, write
from connectors.webhook.posting import Malformed, Posting
from connectors.webhook.submission import Submission

_MOST: Final = 50
_DEEPEST: Final = 5
_STYLES: Final = {"bold": Style.BOLD, "italic": Style.ITALIC, "strike": Style.STRIKE, "code": Style.CODE}


def recognises(submission: Submission) -> bool:
    """Tell by what only Slack's messages have."""
    fields = submission.fields
    if not isinstance(fields, dict):
        return False
    return bool(items(fields, "blocks") or items(fields, "attachments") or (submission.packed and "text" in fields))


def read(submission: Submission) -> Posting:
    """Return what is said. Raises: Malformed."""
    fields = table(submission.fields) if isinstance(submission.fields, dict) else {}
    draft = Draft()
    for block in items(fields, "blocks")[:_MOST]:
        draft.line()
        _block(draft, block)
    if draft.empty and (words := text(fields, "text")):
        if at(fields, "mrkdwn") is False:
            draft.add(with_emoji(words))
        else:
            write(draft, words, SLACK)
    write_cards(draft, fields, SLACK)
    content = draft.content(attachments=[*_block_pictures(fields), *pictures(fields), *submission.files])
    if not content.text and not content.attachments:
        raise Malformed(
            "text", kind(at(fields, "text")), 'a field "text", "blocks" or "attachments" that says something'
        )
    return Posting(
        content=content,
        name=one_line(text(fields, "username"), 80),
        avatar=web_url(text(fields, "icon_url")),
        severity=severity(fields),
        thread=one_line(text(fields, "thread_ts"), 100),
    )


def _block(draft: Draft, block: Any) -> None:
    if draft.full:
        return
    match text(block, "type"):
        case "header":
            draft.add(with_emoji(text(block, "text", "text")), Style.BOLD)
        case "section":
            _section(draft, block)
        case "context" | "actions":
            _in_a_row(draft, items(block, "elements"))
        case "markdown":
            write(draft, text(block, "text"), MARKDOWN)
        case "rich_text":
            _rich(draft, block, depth=0)
        case "divider" | "image":
            pass
        case _:
            write_field(draft, "", text(block, "text", "text") or text(block, "text"), SLACK)


def _section(draft: Draft, block: Any) -> None:
    _words(draft, at(block, "text"))
    for field in items(block, "fields")[:_MOST]:
        _words(draft.line(), field)
    _element(draft.line(), at(block, "accessory"))


def _in_a_row(draft: Draft, elements: list[Any]) -> None:
    for number, element in enumerate(elements[:_MOST]):
        if number:
            draft.add(" ")
        _element(draft, element)


def _element(draft: Draft, element: Any) -> None:
    match text(element, "type"):
        case "button":
            if url := web_url(text(element, "url")):
                draft.link(with_emoji(text(element, "text", "text")), url)
        case "mrkdwn" | "plain_text":
            _words(draft, element)
        case _:
            pass


def _words(draft: Draft, value: Any) -> None:
    """Write a text object, in mrkdwn or plain."""
    if text(value, "type") == "mrkdwn":
        write(draft, text(value, "text"), SLACK)
    else:
        draft.add(with_emoji(text(value, "text")))


def _rich(draft: Draft, block: Any, *, depth: int) -> None:
    """Write rich text: sections, lists, quotes and code of styled pieces."""
    for element in items(block, "elements")[:_MOST] if depth < _DEEPEST and not draft.full else ():
        match text(element, "type"):
            case "rich_text_section":
                _rich(draft, element, depth=depth + 1)
            case "rich_text_list":
                for entry in items(element, "elements")[:_MOST]:
                    _rich(draft.line().add("• "), entry, depth=depth + 1)
            case "rich_text_quote" | "rich_text_preformatted" as which:
                inside = Draft()
                _rich(inside, element, depth=depth + 1)
                draft.line().take(inside.content(), Style.QUOTE if which == "rich_text_quote" else Style.PRE).line()
            case _:
                _piece(draft, element)


def _piece(draft: Draft, element: Any) -> None:
    styles = [style for name, style in _STYLES.items() if at(element, "style", name) is True]
    match text(element, "type"):
        case "text":
            draft.add(text(element, "text"), *styles)
        case "link":
            draft.link(text(element, "text"), text(element, "url"), *styles)
        case "emoji":
            draft.add(with_emoji(f":{text(element, 'name')}:"), *styles)
        case "user":
            draft.add(f"@{text(element, 'user_id')}", *styles)
        case "channel":
            draft.add(f"#{text(element, 'channel_id')}", *styles)
        case "broadcast":
            draft.add(text(element, "range"), *styles)
        case _:
            pass


def _block_pictures(fields: Any) -> list[Attachment]:
    found = []
    for block in items(fields, "blocks")[:_MOST]:
        image = at(block, "accessory") if text(block, "type") == "section" else block
        url = web_url(text(image, "image_url"))
        if text(image, "type") == "image" and url:
            found.append(Attachment(url=url, description=one_line(text(image, "alt_text"), 200)))
    return found
