"""Content to Markdown, Discord's Markdown and Slack's mrkdwn: styles become marks, and text that looks like marks stays text.

The other direction is :mod:`.markup`. Pure; called by :mod:`.happenings` and :mod:`.dialects`.
"""

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Final, NamedTuple

from bridge.core.content import Content, Span, Style
from bridge.core.spans import BLOCKS

_EVERYBODY: Final = re.compile(r"@(?=(?:everyone|here|channel|all)\b)", re.IGNORECASE)
_BREAKER: Final = "\u200b"
"""ZERO WIDTH SPACE: behind an @ it keeps everybody asleep."""


class _Marks(NamedTuple):
    pairs: dict[Style, str]
    escape: Callable[[str], str]
    link: str  # a format of words and url
    quote: str


def _escape_markdown(text: str) -> str:
    return _EVERYBODY.sub(f"@{_BREAKER}", re.sub(r"([\\`*_~|\[\]])", r"\\\1", text))


def _escape_slack(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _EVERYBODY.sub(f"@{_BREAKER}", escaped)


_MARKDOWN: Final = _Marks(
    {Style.BOLD: "**", Style.ITALIC: "*", Style.STRIKE: "~~", Style.CODE: "`"}, _escape_markdown, "[{}]({})", "> "
)
_DISCORD: Final = _MARKDOWN._replace(pairs=_MARKDOWN.pairs | {Style.UNDERLINE: "__", Style.SPOILER: "||"})
_SLACK: Final = _Marks(
    {Style.BOLD: "*", Style.ITALIC: "_", Style.STRIKE: "~", Style.CODE: "`"}, _escape_slack, "<{1}|{0}>", "&gt; "
)


def markdown(content: Content) -> str:
    """Return a content in Markdown."""
    return _marked(content, _MARKDOWN)


def discord(content: Content) -> str:
    """Return a content in Discord's Markdown."""
    return _marked(content, _DISCORD)


def mrkdwn(content: Content) -> str:
    """Return a content in Slack's mrkdwn."""
    return _marked(content, _SLACK)


def _marked(content: Content, marks: _Marks) -> str:
    blocks = [span for span in content.spans if span.style in BLOCKS]
    inline = [span for span in content.spans if span.style not in BLOCKS]
    lines, start = [], 0
    open_block: Span | None = None
    for line in content.text.split("\n"):
        end = start + len(line)
        over = [span for span in blocks if span.start < max(end, start + 1) and start < span.end]
        block = next((span for span in over if span.style is Style.PRE), None)
        if block != open_block:
            lines += [] if open_block is None else ["```"]
            lines += [] if block is None else [f"```{block.value}"]
            open_block = block
        margin = marks.quote * sum(1 for span in over if span.style is Style.QUOTE)
        body = line.replace("```", f"``{_BREAKER}`") if block else _line(content.text, inline, start, end, marks)
        lines.append(f"{margin}{body}")
        start = end + 1
    return "\n".join([*lines, "```"] if open_block is not None else lines)


def _line(text: str, spans: list[Span], start: int, end: int, marks: _Marks) -> str:
    """Return a line with its marks: cut where any style begins or ends, each piece marked for itself where styles differ."""
    over = [span for span in spans if span.start < end and start < span.end]
    if not over:
        return marks.escape(text[start:end])
    edges = {start, end} | {at for span in over for at in (span.start, span.end) if start < at < end}
    cuts = sorted(edges)
    pieces = []
    for left, right in pairwise(cuts):
        here = [span for span in over if span.start <= left and right <= span.end]
        pieces.append(_piece(text[left:right], here, marks))
    return "".join(pieces)


def _piece(text: str, spans: list[Span], marks: _Marks) -> str:
    inside = text.strip()
    if not inside:
        return text
    before, after = text[: text.index(inside)], text[text.index(inside) + len(inside) :]
    is_code = any(span.style is Style.CODE for span in spans)
    words = inside.replace("`", "'") if is_code else marks.escape(inside)
    pairs = [marks.pairs[span.style] for span in spans if span.style in marks.pairs]
    words = "".join(pairs) + words + "".join(reversed(pairs))
    link = next((span.value for span in spans if span.style is Style.LINK and span.value), "")
    if link and link != inside:
        words = marks.link.format(words, link)
    elif link:
        words = link
    return before + words + after
