"""Styles over a text, kept in the order that :class:`bridge.core.content.Content` promises.

Here: putting spans in order, moving them, and taking a piece out of a content with all that lies over it. Not here:
what a style looks like on a network (each connector's formatting, :mod:`bridge.core.styling` for XEP-0393). Called by
whoever makes a content out of another one.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, groupby, takewhile
from operator import attrgetter

from msgspec.structs import replace

from bridge.core.content import Content, Mention, Span, Style

BLOCKS = frozenset({Style.QUOTE, Style.PRE})
"""Styles of whole lines: where one crosses an inline style, the inline one is split."""

_RANK = {
    style: rank
    for rank, style in enumerate(
        (
            Style.QUOTE,
            Style.PRE,
            Style.SPOILER,
            Style.LINK,
            Style.COLOR,
            Style.BOLD,
            Style.ITALIC,
            Style.UNDERLINE,
            Style.STRIKE,
            Style.CODE,
        )
    )
}


def _order(span: Span) -> tuple[int, int, int, str]:
    """Sort outer before inner; styles over the same text have a fixed order."""
    return span.start, -span.end, _RANK[span.style], span.value


def tidy(spans: Iterable[Span], length: int) -> tuple[Span, ...]:
    """Return the same styles in order: inside ``0..length``, none empty, none crossing, touching equals made one.

    Quotes are not made one, since a quote may stand in a quote: each is a level. Of two crossing spans the inner one is
    split.
    """
    inside = [
        span
        if span.start >= 0 and span.end <= length
        else replace(span, start=max(span.start, 0), end=min(span.end, length))
        for span in spans
    ]
    inside = [span for span in inside if span.start < span.end]
    if len(inside) < 2:
        return tuple(inside)
    return tuple(_nest(_merge(inside)))


def _merge(spans: list[Span]) -> list[Span]:
    """Make one of equal styles that touch or overlap."""
    merged: list[Span] = []
    spans = sorted(spans, key=lambda span: (span.style, span.value, span.start, span.end))
    for style, group in groupby(spans, key=attrgetter("style")):
        if style is Style.QUOTE:
            merged.extend(group)
            continue
        last: Span | None = None
        for span in group:
            if last is not None and last.value == span.value and span.start <= last.end:
                if span.end > last.end:
                    last = replace(last, end=span.end)
                continue
            if last is not None:
                merged.append(last)
            last = span
        if last is not None:
            merged.append(last)
    return merged


def _nest(spans: list[Span]) -> list[Span]:
    """Split what crosses. A sweep from left to right with the open spans on a stack, outermost first."""
    done: list[Span] = []
    stack: list[Span] = []
    for span in sorted(spans, key=_order):
        _close(stack, done, upto=span.start)
        _open(stack, done, span)
    _close(stack, done, upto=None)
    return sorted(done, key=_order)


def _close(stack: list[Span], done: list[Span], *, upto: int | None) -> None:
    """Close what ends until ``upto`` (None: everything). A span that is open inside one that ends is split there."""
    while stack:
        end = min(span.end for span in stack)
        if upto is not None and end > upto:
            return
        first = next(index for index, span in enumerate(stack) if span.end == end)
        rest = []
        for span in stack[first:]:
            if span.start < end:
                done.append(replace(span, end=end) if span.end != end else span)
            if span.end > end:
                rest.append(replace(span, start=end))
        rest.sort(key=_order)
        stack[first:] = rest


def _open(stack: list[Span], done: list[Span], span: Span) -> None:
    """Open a span; a block goes around the inline styles that end before it, which are split at its start."""
    first = len(stack)
    if span.style in BLOCKS:
        crossed = (i for i, held in enumerate(stack) if held.style not in BLOCKS and held.end < span.end)
        first = next(crossed, first)
    held = stack[first:]
    done.extend(replace(inner, end=span.start) for inner in held if inner.start < span.start)
    stack[first:] = [span, *(replace(inner, start=span.start) for inner in held)]


def slice_spans(spans: Iterable[Span], start: int, end: int) -> tuple[Span, ...]:
    """Return what lies over ``text[start:end]``, counted from ``start``."""
    return tuple(
        Span(max(span.start, start) - start, min(span.end, end) - start, span.style, span.value)
        for span in takewhile(lambda span: span.start < end, spans)
        if start < span.end
    )


def slice_mentions(mentions: Iterable[Mention], start: int, end: int) -> tuple[Mention, ...]:
    """Return the mentions that begin in ``text[start:end]``, counted from ``start``: a cut names nobody twice."""
    return tuple(
        Mention(mention.start - start, min(mention.end, end) - start, mention.person)
        for mention in mentions
        if start <= mention.start < end
    )


def piece(content: Content, start: int, end: int) -> Content:
    """Return ``text[start:end]`` with its spans and mentions, of the same kind, without attachments."""
    return Content(
        text=content.text[start:end],
        kind=content.kind,
        spans=slice_spans(content.spans, start, end) if content.spans else (),
        mentions=slice_mentions(content.mentions, start, end) if content.mentions else (),
    )


def pieces(content: Content, ranges: Sequence[tuple[int, int]]) -> list[Content]:
    """Return the pieces of these ranges, which are in order and apart: as :func:`piece`, in one sweep."""
    if not content.spans:
        return [piece(content, start, end) for start, end in ranges]
    bare = replace(content, spans=())
    return [
        replace(piece(bare, start, end), spans=slice_spans(near, start, end))
        for (start, end), near in zip(ranges, sweep(content.spans, ranges), strict=True)
    ]


def sweep(spans: Sequence[Span], ranges: Iterable[tuple[int, int]]) -> Iterator[list[Span]]:
    """Yield for each range, in order, the spans that overlap or touch it: many ranges over many spans stay cheap."""
    held: list[Span] = []
    index = 0
    for start, end in ranges:
        held = [span for span in held if span.end >= start]
        while index < len(spans) and spans[index].start <= end:
            held.append(spans[index])
            index += 1
        yield held


def insert(content: Content, additions: Sequence[tuple[int, str]]) -> Content:
    """Put unstyled words in at these positions, which are in order; a span grows only by what is put in inside it."""
    if not additions:
        return content
    text, done, parts = content.text, 0, []
    for at, words in additions:
        parts += [text[done:at], words]
        done = at
    at_or_before = [at for at, _ in additions]
    moved = [0, *accumulate(len(words) for _, words in additions)]

    def start(position: int) -> int:
        return position + moved[bisect_right(at_or_before, position)]

    def end(position: int) -> int:
        return position + moved[bisect_left(at_or_before, position)]

    return replace(
        content,
        text="".join([*parts, text[done:]]),
        spans=tuple(Span(start(s.start), end(s.end), s.style, s.value) for s in content.spans),
        mentions=tuple(Mention(start(m.start), end(m.end), m.person) for m in content.mentions),
    )


def substituted(content: Content, changes: Sequence[tuple[int, int, str]]) -> Content:
    """Put other words in the place of these ranges (start, end, words), which are in order and apart; styles stay over them."""
    text, done, parts = content.text, 0, []
    moves = [(0, 0)]  # (behind this position, everything has moved so far)
    for start, end, words in changes:
        parts += [text[done:start], words]
        done = end
        moves.append((end, moves[-1][1] + len(words) - (end - start)))
    behind = [position for position, _ in moves]

    def moved(position: int) -> int:
        for start, end, _ in changes:
            if start < position < end:
                return moved(start)
        return position + moves[bisect_right(behind, position) - 1][1]

    return replace(
        content,
        text="".join([*parts, text[done:]]),
        spans=tidy(
            [Span(moved(s.start), moved(s.end), s.style, s.value) for s in content.spans], len(text) + moves[-1][1]
        ),
        mentions=tuple(Mention(moved(m.start), moved(m.end), m.person) for m in content.mentions),
    )


def prefixed(content: Content, prefix: str) -> Content:
    """Return the content with unstyled words in front."""
    return insert(content, [(0, prefix)])
