"""Cutting text to a network's limit: at word borders, else between graphemes, never inside one.

A text that fits comes back as it is. The parts of a text that does not, joined, are the text: the blank at which it is
cut stays at the end of the former part, or begins the next one where a word fills a part exactly (so the last part of a
text with blanks at its end may be blank). Line ends are nothing special here: :func:`lines` is for networks where a
message is one line. Marks that a network needs around styles count too: a connector with such marks gives :func:`cut`
its own measure. Called by connectors just before the wire.
"""

from collections.abc import Callable

import regex
from msgspec.structs import replace

from bridge.core.capabilities import Limit, Unit
from bridge.core.content import Content
from bridge.core.spans import piece, pieces

_GRAPHEME = regex.compile(r"\X")
_BLANKS = " \t\n\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2008\u2009\u200a\u200b\u2028\u2029\u205f\u3000"
_LAST_BLANK = regex.compile(f"(?r)[{_BLANKS}]")
"""Where a line may be broken (no-break spaces are missing on purpose); searched from the right."""

Reach = Callable[[int], int]
"""From a start, the largest end such that the text between them fits."""


def length(text: str, unit: Unit) -> int:
    """Return how long a text is. Raises: ValueError for segments, which depend on the SMS alphabet and provider."""
    match unit:
        case Unit.CODE_POINTS:
            return len(text)
        case Unit.BYTES:
            return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        case Unit.UTF16:
            return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2
        case Unit.SEGMENTS:
            msg = "SMS segments are counted by the connector: use cut_text with its own measure"
            raise ValueError(msg)


def cut(
    content: Content, *, limit: Limit, overhead: int = 0, measure: Callable[[Content], int] | None = None
) -> tuple[Content, ...]:
    """Return the content in parts that fit, spans and mentions counted anew in each; attachments go with the last part.

    ``overhead``: units that the connector adds to every part. ``measure``: size of a part as the network will see it,
    for connectors whose styles need room; it must not shrink when a part grows. A part is never less than one code
    point, so a limit below that is exceeded.

    Raises: ValueError for segments.
    """
    text, room = content.text, limit.size - overhead
    unit = limit.unit
    if measure is None or not content.spans:
        if len(text) * 4 <= room or (text.isascii() and len(text) <= room) or length(text, unit) <= room:
            return (content,)
        return _parts(content, _ends(text, lambda start: _reach(text, start, room, unit)))
    if measure(content) <= room:
        return (content,)
    return _parts(content, _ends(text, _measured_reach(content, room, measure)))


def cut_text(text: str, fits: Callable[[str], bool]) -> tuple[str, ...]:
    """Return the text in parts of which ``fits`` says so; it must say no to whatever is longer than what it said no to.

    A part is never less than one code point, even if that does not fit. The empty text is one empty part.
    """
    if fits(text):
        return (text,)
    ends = _ends(text, lambda start: _probe(start, len(text), lambda end: fits(text[start:end])))
    return tuple(text[start:end] for start, end in zip([0, *ends], ends, strict=False))


def clip(text: str, *, limit: Limit, ellipsis: str = "") -> str:
    """Return the text, or as many of its first graphemes as fit with ``ellipsis`` behind them."""
    if length(text, limit.unit) <= limit.size:
        return text
    room = limit.size - length(ellipsis, limit.unit)
    furthest = _reach(text, 0, room, limit.unit)
    border = _grapheme_border(text, 0, furthest) if furthest else 0
    return text[: border or furthest] + ellipsis


def lines(content: Content) -> tuple[Content, ...]:
    r"""Return one content for each line that has something on it, spans counted anew; attachments go with the last.

    A line ends where Unicode says so (also at U+0085, U+2028, U+2029, \v, \f): no such character is left inside.
    """
    text = content.text
    rows = text.splitlines()
    if len(rows) == 1 and rows[0] == text and not text.isspace():
        return (content,)
    ranges = []
    start = 0
    for row, ended in zip(rows, text.splitlines(keepends=True), strict=True):
        if row and not row.isspace():
            ranges.append((start, start + len(row)))
        start += len(ended)
    found = pieces(content, ranges)
    if not content.attachments:
        return tuple(found)
    last = found.pop() if found else piece(content, 0, 0)
    return (*found, replace(last, attachments=content.attachments))


def _parts(content: Content, ends: list[int]) -> tuple[Content, ...]:
    """Cut a content at these ends."""
    parts = pieces(content, list(zip([0, *ends], ends, strict=False)))
    if content.attachments:
        parts[-1] = replace(parts[-1], attachments=content.attachments)
    return tuple(parts)


def _ends(text: str, reach: Reach) -> list[int]:
    """Return where the parts of a text end, the last at its end."""
    ends = []
    start = 0
    while start < len(text):
        start = _end(text, start, reach)
        ends.append(start)
    return ends or [0]


def _end(text: str, start: int, reach: Reach) -> int:
    """Return where the part that starts here ends: all, after a blank, between graphemes, between code points."""
    furthest = max(reach(start), start + 1)
    if furthest >= len(text):
        return len(text)
    whole = _grapheme_border(text, start, furthest)
    if whole == start:
        return furthest
    blank = _LAST_BLANK.search(text, start, whole)
    if blank is None:
        return whole
    word: int = blank.end()
    if text[start:word].isspace() or (word != whole and not _is_border(text, start, word)):
        return whole
    if word < whole and _word_is_longer_than_a_part(text, word, reach):
        return whole
    return word


def _word_is_longer_than_a_part(text: str, word: int, reach: Reach) -> bool:
    """Tell whether a word has to be cut anyway: then it fills up the part in which it begins."""
    end = reach(word)
    return end < len(text) and text[end] not in _BLANKS and _LAST_BLANK.search(text, word, end) is None


def _grapheme_border(text: str, start: int, furthest: int) -> int:
    """Return the last grapheme border in ``start..furthest``; to know it, one character beyond is enough."""
    seen = text[start : furthest + 1]
    if seen.isascii() and not (seen[-1] == "\n" and seen[-2] == "\r"):
        return furthest
    border = start
    for grapheme in _GRAPHEME.finditer(text, start, furthest + 1):
        if grapheme.end() > furthest:
            break
        border = grapheme.end()
    return border


def _is_border(text: str, start: int, at: int) -> bool:
    """Tell whether graphemes counted from ``start`` have a border here."""
    return _grapheme_border(text, start, at) == at


def _reach(text: str, start: int, room: int, unit: Unit) -> int:
    """Return the largest end such that ``text[start:end]`` has at most ``room`` units."""
    if room <= 0:
        return start
    window = text[start : start + room]
    if unit is Unit.CODE_POINTS or window.isascii():
        return start + len(window)
    if unit is Unit.UTF16:
        return start + _utf16_prefix(window, room)
    data = window.encode("utf-8", "surrogatepass")
    if len(data) <= room:
        return start + len(window)
    while data[room] & 0xC0 == 0x80:  # a continuation byte: not the start of a code point
        room -= 1
    return start + len(data[:room].decode("utf-8", "surrogatepass"))


def _utf16_prefix(text: str, room: int) -> int:
    """Return how many code points fit into so many UTF-16 units."""
    for index, character in enumerate(text):
        room -= 2 if character > "\uffff" else 1
        if room < 0:
            return index
    return len(text)


def _measured_reach(content: Content, room: int, measure: Callable[[Content], int]) -> Reach:
    """Return a reach by the size of rendered pieces; it is asked from left to right, and forgets what it has passed."""
    rest, passed = content, 0

    def reach(start: int) -> int:
        nonlocal rest, passed
        rest, passed = piece(rest, start - passed, len(rest.text)), start
        return start + _probe(0, len(rest.text), lambda end: measure(piece(rest, 0, end)) <= room)

    return reach


def _probe(start: int, stop: int, fits: Callable[[int], bool]) -> int:
    """Return the largest end for which ``fits`` says yes, by doubling and then halving; ``start`` if there is none."""
    good, step = start, 64
    while good < stop:
        bad = min(good + step, stop)
        if not fits(bad):
            break
        good, step = bad, step * 2
    else:
        return stop
    while bad - good > 1:
        middle = (good + bad) // 2
        if fits(middle):
            good = middle
        else:
            bad = middle
    return good
