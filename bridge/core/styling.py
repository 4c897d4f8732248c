"""Message Styling (XEP-0393) to content and back, and content without any style.

Styling is text with marks in it: ``*strong*``, ``_emphasis_``, ``~strike~``, ``` `code` ```, lines behind ``>``, blocks
between lines of three backticks. A content has no marks in its text, so they are taken out on reading and put in on
writing. What a mark cannot express (bold in the middle of a word, colours) is left out, never the text. Not here: what
``/me`` means, and who may style (:mod:`bridge.core.degrade`). Called by ``bridge.xmpp``, and for plain text by all.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from bridge.core.content import Content, Kind, Span, Style
from bridge.core.spans import BLOCKS, insert, pieces, sweep, tidy

_STYLES = {"*": Style.BOLD, "_": Style.ITALIC, "~": Style.STRIKE, "`": Style.CODE}
_MARKS = {style: mark for mark, style in _STYLES.items()} | {Style.UNDERLINE: "_"}
_ASIDE = BLOCKS | {Style.LINK}
"""Styles that add lines or words."""
_ANY_MARK = re.compile(r"[*_~`]|^>", re.MULTILINE)
_LANGUAGE = re.compile(r"[A-Za-z0-9_+#.-]{1,30}")
_FENCE = "```"
_DEEPEST = 16
"""Quotes in quotes that are told apart; more ``>`` than that are text."""
_BREAKER = "\u2060"
"""WORD JOINER: invisible, and what stands behind it is not at the beginning of anything."""


class Styled(NamedTuple):
    """A body for XMPP."""

    body: str
    unstyled: (
        bool  # add <unstyled xmlns="urn:xmpp:styling:0"/>: what looks like marks is none (section "Disabling Styling")
    )


def from_styling(body: str, *, kind: Kind = Kind.TEXT) -> Content:
    """Read a body by XEP-0393. Marks go, every other character stays in its place."""
    if not has_marks(body):
        return Content(text=body, kind=kind)
    reader = _Reader()
    reader.blocks(body.split("\n"), depth=0)
    text = "".join(reader.pieces)
    return Content(text=text, kind=kind, spans=tidy(reader.spans, len(text)))


def has_marks(text: str) -> bool:
    """Tell whether anything in a text could be a mark; looking for single characters costs a tenth of the search."""
    if "*" in text or "_" in text or "~" in text or "`" in text or ">" in text:
        return _ANY_MARK.search(text) is not None
    return False


def to_styling(content: Content) -> Styled:
    """Write a content by XEP-0393.

    Text without any style goes out as it is, and ``unstyled`` says when it would be taken for styled. Where some of it
    has a style, an invisible U+2060 before a mark that is none keeps it from being one. A link is followed by its URL.
    """
    text = content.text
    if not content.spans:
        looks_styled = has_marks(text) and bool(from_styling(text).spans)
        return Styled(text, unstyled=looks_styled)
    if "\n" not in text and not any(span.style in _ASIDE for span in content.spans):
        return Styled(_styled_line(content), unstyled=False)
    content = _blocks_on_own_lines(_with_urls(content))
    rows: list[str] = []
    fence = _Fence()
    ranges = _line_ranges(content.text)
    for line, over in zip(pieces(content, ranges), _blocks_over(content.spans, ranges), strict=True):
        rows += fence.rows(line, over)
    return Styled("\n".join(rows + fence.close()), unstyled=False)


def plain(content: Content) -> Content:
    """Return the content without spans: quoted lines get "> " before them, links their URL behind them."""
    if not content.spans:
        return content
    content = _with_urls(content)
    quotes = [span for span in content.spans if span.style is Style.QUOTE]
    if quotes:
        content = _blocks_on_own_lines(replace(content, spans=tuple(quotes)))
        content = insert(content, _quote_marks(content))
    return replace(content, spans=())


def _line_ranges(text: str) -> list[tuple[int, int]]:
    """Return where the lines of a text begin and end."""
    ranges = []
    start = 0
    for line in text.split("\n"):
        ranges.append((start, start + len(line)))
        start += len(line) + 1
    return ranges


def _blocks_over(spans: Sequence[Span], ranges: list[tuple[int, int]]) -> Iterator[list[Span]]:
    """Yield for each line the blocks that it is in, empty lines too."""
    blocks = [span for span in spans if span.style in BLOCKS]
    for (start, end), near in zip(ranges, sweep(blocks, ranges), strict=True):
        yield [span for span in near if span.start <= start and end <= span.end]


def _quote_marks(content: Content) -> list[tuple[int, str]]:
    """Return what has to stand before which line."""
    ranges = _line_ranges(content.text)
    over = _blocks_over(content.spans, ranges)
    return [(start, "> " * len(quotes)) for (start, _), quotes in zip(ranges, over, strict=True) if quotes]


class _Reader:
    """What was read so far; positions are those in the text without marks."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.spans: list[Span] = []
        self.position = 0

    def blocks(self, lines: list[str], *, depth: int) -> None:
        """Read the lines of one parent block (section "Blocks")."""
        index = 0
        while index < len(lines):
            if index:
                self._add("\n")
            line = lines[index]
            if line.startswith(_FENCE):
                index = self._preformatted(lines, index)
            elif line.startswith(">") and depth < _DEEPEST:
                index = self._quotation(lines, index, depth=depth)
            else:
                self._inline(line)
                index += 1

    def _add(self, text: str) -> None:
        self.pieces.append(text)
        self.position += len(text)

    def _preformatted(self, lines: list[str], first: int) -> int:
        """Read a block of code; what stands behind its fence is its language, or else must not get lost."""
        end = next((i for i in range(first + 1, len(lines)) if lines[i] == _FENCE), len(lines))
        following = min(end + 1, len(lines))
        behind = lines[first][len(_FENCE) :].strip()
        language = behind if _LANGUAGE.fullmatch(behind) else ""
        inside = lines[first + 1 : end] if language or not behind else [behind, *lines[first + 1 : end]]
        text = "\n".join(inside)
        if not text:  # nothing between the fences: then they are the text
            self._add("\n".join(lines[first:following]))
            return following
        self.spans.append(Span(self.position, self.position + len(text), Style.PRE, language))
        self._add(text)
        return following

    def _quotation(self, lines: list[str], first: int, *, depth: int) -> int:
        """Read a quotation: its lines without ">" and one blank are blocks again."""
        end = next((i for i in range(first, len(lines)) if not lines[i].startswith(">")), len(lines))
        inside = [line[2:] if line[1:2].isspace() else line[1:] for line in lines[first:end]]
        if not any(line.strip(" \t>") for line in inside):  # nothing is quoted: then the marks are the text
            self._add("\n".join(lines[first:end]))
            return end
        start = self.position
        self.blocks(inside, depth=depth + 1)
        self.spans.append(Span(start, self.position, Style.QUOTE))
        return end

    def _inline(self, line: str) -> None:
        """Read the spans of one line (section "Spans")."""
        if _ANY_MARK.search(line) is None:
            self._add(line)
            return
        closing: dict[str, list[int]] = {mark: [] for mark in _STYLES}
        for at in range(1, len(line)):
            if line[at] in closing and not line[at - 1].isspace():
                closing[line[at]].append(at)
        self._spans_of(line, 0, len(line), closing)

    def _spans_of(self, line: str, start: int, end: int, closing: dict[str, list[int]]) -> None:
        """Read ``line[start:end]``, from left to right, each span ending as soon as it can."""
        done = at = start
        while at < end:
            close = _close(line, at, start, end, closing)
            if not close:
                at += 1
                continue
            self._add(line[done:at])
            begin = self.position
            if line[at] == "`":
                self._add(line[at + 1 : close])
            else:
                self._spans_of(line, at + 1, close, closing)
            self.spans.append(Span(begin, self.position, _STYLES[line[at]]))
            done = at = close + 1
        self._add(line[done:end])


def _close(line: str, at: int, start: int, end: int, closing: dict[str, list[int]]) -> int:
    """Return where the span that opens here closes, 0 if none opens.

    ``start`` is where the parent begins: a line, or just behind a different opening mark.
    """
    ends = closing.get(line[at])
    if not ends or (at > start and not line[at - 1].isspace()) or line[at + 1 : at + 2].isspace():
        return 0
    index = bisect_right(ends, at)
    if index == len(ends) or ends[index] >= end or ends[index] == at + 1:
        return 0
    return ends[index]


def _with_urls(content: Content) -> Content:
    """Put the URL behind every link that does not show it."""
    text = content.text
    return insert(
        content,
        sorted(
            (span.end, f" ({span.value})")
            for span in content.spans
            if span.style is Style.LINK and span.value and span.value not in text
        ),
    )


def _blocks_on_own_lines(content: Content) -> Content:
    """Break the line where a quote or a block of code begins or ends inside it; code within a line stays there."""
    text = content.text
    breaks = set()
    kept = []
    for span in content.spans:
        whole = (span.start == 0 or text[span.start - 1] == "\n") and (span.end == len(text) or text[span.end] == "\n")
        if span.style is Style.PRE and not whole and "\n" not in text[span.start : span.end]:
            kept.append(replace(span, style=Style.CODE, value=""))
            continue
        kept.append(span)
        if span.style in BLOCKS:
            breaks |= {at for at in (span.start, span.end) if 0 < at < len(text) and "\n" not in text[at - 1 : at + 1]}
    content = replace(content, spans=tidy(kept, len(text)))
    return insert(content, [(at, "\n") for at in sorted(breaks)])


class _Fence:
    """Writes lines, and the fences between them where a block of code begins and ends."""

    def __init__(self) -> None:
        self.block: Span | None = None
        self.margin = ""

    def rows(self, line: Content, over: list[Span]) -> list[str]:
        """Return the rows of one line, given the blocks that it is in."""
        margin = ">" * sum(1 for span in over if span.style is Style.QUOTE)
        margin = f"{margin} " if margin else ""
        block = next((span for span in over if span.style is Style.PRE), None)
        rows = []
        if block != self.block or margin != self.margin:
            rows += self.close()
            self.block, self.margin = block, margin
            if block is not None:
                language = block.value if _LANGUAGE.fullmatch(block.value) else ""
                rows.append(f"{margin}{_FENCE}{language}")
        if block is None:
            text = _styled_line(line)
            return [*rows, margin + text if text else margin.rstrip()]
        text = _BREAKER + line.text if line.text == _FENCE else line.text
        return [*rows, margin + text if text else margin.rstrip()]

    def close(self) -> list[str]:
        """Return the fence that ends the block that is open."""
        return [] if self.block is None else [self.margin + _FENCE]


def _styled_line(line: Content) -> str:
    """Write one line with its spans as marks; what is read back is what was meant, or there are no marks."""
    wanted = _expressible(line)
    for broken in (False, True):
        row = _marked(line.text, wanted, broken=broken)
        read = from_styling(row)
        if read.text.replace(_BREAKER, "") == line.text.replace(_BREAKER, "") and len(read.spans) == len(wanted):
            return row
    return _marked(line.text, [], broken=True)


def _expressible(line: Content) -> list[Span]:
    """Return the spans that marks can express, each without blanks at its ends."""
    text = line.text
    found: list[Span] = []
    for span in line.spans:
        mark = _MARKS.get(span.style)
        inside = text[span.start : span.end]
        if mark is None or not inside.strip() or mark in inside:
            continue
        start = span.start + len(inside) - len(inside.lstrip())
        end = span.end - len(inside) + len(inside.rstrip())
        outer = [held for held in found if held.end > start]
        opens = start == 0 or text[start - 1].isspace() or any(held.start == start for held in outer)
        if opens and not any(held.style in {Style.CODE, _STYLES[mark]} for held in outer):
            found.append(Span(start, end, _STYLES[mark]))
    return found


def _marked(text: str, spans: list[Span], *, broken: bool) -> str:
    """Put marks around spans; ``broken``: and something invisible before each mark of the text that could open one."""
    marks: dict[int, str] = {}
    for span in spans:
        mark = _MARKS[span.style]
        marks[span.start] = marks.get(span.start, "") + mark
    for span in reversed(spans):
        marks[span.end] = marks.get(span.end, "") + _MARKS[span.style]
    row = []
    for at, character in enumerate(text):
        row.append(marks.get(at, ""))
        opening = character in _STYLES and (at == 0 or text[at - 1].isspace() or at in marks)
        if broken and (opening or (at == 0 and character == ">")):
            row.append(_BREAKER)
        row.append(character)
    return "".join([*row, marks.get(len(text), "")])
