r"""mIRC formatting codes to spans and back (modern IRC, "Formatting"). Pure; called by the inbound and outbound halves.

Codes are toggles that last to the end of the line; spans are pieces of text. Reading takes the codes out, and nothing
else: not a character of text is ever lost. Writing puts in no character but codes, closes what it opens, and keeps
digits and commas apart from colours that would swallow them.

Not here: reverse video (0x16) is read and dropped, no span says it; quotes and links have no code, who writes them
decides what to show instead; CTCP is in ``ctcp``.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

from bridge.core.content import Span, Style
from bridge.core.spans import tidy

_TOGGLES = {
    "\x02": Style.BOLD,
    "\x1d": Style.ITALIC,
    "\x1f": Style.UNDERLINE,
    "\x1e": Style.STRIKE,
    "\x11": Style.CODE,
}
_CODES = {style: code for code, style in _TOGGLES.items()} | {Style.PRE: "\x11"}
_COLOUR, _HEX, _RESET = "\x03", "\x04", "\x0f"
_NOTHING = "\x02\x02"  # bold on and off: keeps apart what must not be read together
_HIDDEN = "01,01"  # a spoiler: black on black
_DEFAULT = 99

_CODE = re.compile(
    r"\x03(?:([0-9]{1,2})(?:,([0-9]{1,2}))?)?"
    r"|\x04(?:([0-9A-Fa-f]{6})(?:,([0-9A-Fa-f]{6}))?)?"
    r"|[\x02\x0f\x11\x16\x1d\x1e\x1f]"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

# 00 to 15 as mIRC shows them, 16 to 98 by the table of the specification
_PALETTE = tuple(
    f"#{rgb}"
    for rgb in """
    ffffff 000000 00007f 009300 ff0000 7f0000 9c009c fc7f00 ffff00 00fc00 009393 00ffff
    0000fc ff00ff 7f7f7f d2d2d2 470000 472100 474700 324700 004700 00472c 004747 002747
    000047 2e0047 470047 47002a 740000 743a00 747400 517400 007400 007449 007474 004074
    000074 4b0074 740074 740045 b50000 b56300 b5b500 7db500 00b500 00b571 00b5b5 0063b5
    0000b5 7500b5 b500b5 b5006b ff0000 ff8c00 ffff00 b2ff00 00ff00 00ffa0 00ffff 008cff
    0000ff a500ff ff00ff ff0098 ff5959 ffb459 ffff71 cfff60 6fff6f 65ffc9 6dffff 59b4ff
    5959ff c459ff ff66ff ff59bc ff9c9c ffd39c ffff9c e2ff9c 9cff9c 9cffdb 9cffff 9cd3ff
    9c9cff dc9cff ff9cff ff94d3 000000 131313 282828 363636 4d4d4d 656565 818181 9f9f9f
    bcbcbc e2e2e2 ffffff
    """.split()  # noqa: SIM905  # a table reads better than a list of 99 strings
)
_NUMBERS = {rgb: number for number, rgb in reversed(list(enumerate(_PALETTE)))}


class _Pen:
    """The state of a reader: which styles are on and since where, and the spans that are finished."""

    __slots__ = ("back", "fore", "since", "spans")

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.since: dict[Style, int] = {}
        self.fore = ""
        self.back = ""

    def toggle(self, style: Style, at: int) -> None:
        start = self.since.pop(style, None)
        if start is None:
            self.since[style] = at
        elif start < at:
            self.spans.append(Span(start, at, style))

    def paint(self, fore: str, back: str, at: int) -> None:
        """Change the colours. A text in its own background's colour is a spoiler; a background alone has no span."""
        start = self.since.pop(Style.COLOR, at)
        if start < at and self.fore:
            if self.fore == self.back:
                self.spans.append(Span(start, at, Style.SPOILER))
            else:
                self.spans.append(Span(start, at, Style.COLOR, f"{self.fore},{self.back}" if self.back else self.fore))
        self.fore, self.back = fore, back
        self.since[Style.COLOR] = at

    def reset(self, at: int) -> None:
        self.paint("", "", at)
        del self.since[Style.COLOR]
        for style in list(self.since):
            self.toggle(style, at)


def read(text: str) -> tuple[str, tuple[Span, ...]]:
    """Take the codes out of a line: the bare text, and the spans that they made."""
    code = _CODE.search(text)
    if code is None:
        return text, ()
    pen = _Pen()
    pieces = []
    at = behind = 0
    while code is not None:
        pieces.append(text[behind : code.start()])
        at += code.start() - behind
        behind = code.end()
        _obey(pen, code, at)
        code = _CODE.search(text, behind)
    pieces.append(text[behind:])
    bare = "".join(pieces)
    pen.reset(len(bare))
    return bare, tidy(pen.spans, len(bare))


def strip(text: str) -> str:
    """Return the text without codes."""
    return _CODE.sub("", text)


def _obey(pen: _Pen, code: re.Match[str], at: int) -> None:
    mark = code[0][0]
    if style := _TOGGLES.get(mark):
        pen.toggle(style, at)
    elif mark == _RESET:
        pen.reset(at)
    elif mark == _COLOUR:
        _repaint(pen, code[1] and _rgb(code[1]), code[2] and _rgb(code[2]), at)
    elif mark == _HEX:
        _repaint(pen, code[3] and f"#{code[3].lower()}", code[4] and f"#{code[4].lower()}", at)


def _repaint(pen: _Pen, fore: str | None, back: str | None, at: int) -> None:
    if fore is None:
        pen.paint("", "", at)
    else:
        pen.paint(fore, pen.back if back is None else back, at)


def _rgb(digits: str) -> str:
    number = int(digits)
    return "" if number == _DEFAULT else _PALETTE[number]


def write(text: str, spans: Sequence[Span] = ()) -> str:
    """Put codes for the spans into one line of text; read back, it looks the same, as far as IRC has the styles.

    Control characters of the text itself are no text here (a 0x01 would make a CTCP of it): CR and LF become blanks, a
    tab stays, the rest goes. The result never shrinks when a text grows at its end.
    """
    if not spans:
        return _clean(text)
    pieces: list[str] = []
    marks = ""  # codes that were written last, with no text behind them yet
    look = _PLAIN
    for piece, next_look in _runs(text, spans):
        marks += _change(look, next_look)
        look = next_look
        if words := _clean(piece):
            pieces += (marks, _NOTHING, words) if _swallows(marks, words[0]) else (marks, words)
            marks = ""
    pieces.append(marks)
    return "".join(pieces)


_Look = tuple[str, frozenset[str]]
"""A colour code's digits, and the toggles that are on."""
_PLAIN: _Look = ("", frozenset())


def _runs(text: str, spans: Sequence[Span]) -> Iterator[tuple[str, _Look]]:
    """Cut the text where its look changes; the last run is the empty end in plain."""
    borders = sorted({0, len(text)} | {min(max(at, 0), len(text)) for span in spans for at in (span.start, span.end)})
    waiting = sorted(spans, key=lambda span: (span.start, -span.end))[::-1]
    active: list[Span] = []
    for start, end in pairwise(borders):
        active = [span for span in active if span.end > start]
        while waiting and waiting[-1].start <= start:
            active.append(waiting.pop())
        yield text[start:end], _look(active) if active else _PLAIN
    yield "", _PLAIN


def _look(active: list[Span]) -> _Look:
    colour = ""
    for span in active:  # inner ones come later
        if span.style is Style.COLOR:
            colour = _digits(span.value) or colour
    if any(span.style is Style.SPOILER for span in active):
        colour = _HIDDEN  # a colour inside must not give it away
    return colour, frozenset(_CODES[span.style] for span in active if span.style in _CODES)


def _change(old: _Look, new: _Look) -> str:
    toggles = "".join(sorted(old[1] ^ new[1]))
    if old[0] == new[0]:
        return toggles
    if "," in old[0] and "," not in new[0] and new[0]:
        return f"{toggles}{_COLOUR}{_COLOUR}{new[0]}"  # a foreground alone would keep the old background
    return f"{toggles}{_COLOUR}{new[0]}"


def _swallows(marks: str, first: str) -> bool:
    """Whether a colour code, last of the marks, would take the text's first character for its own."""
    _, colour, digits = marks.rpartition(_COLOUR)
    if not colour or "," in digits:
        return False
    return first == "," or (not digits and first in "0123456789")


@lru_cache(maxsize=1024)
def _digits(value: str) -> str:
    """Return the numbers of a COLOR span's colours, of two digits so that a digit can follow; "" if it is no colour."""
    numbers = [_nearest(colour) for colour in value.lower().split(",")[:2]]
    return "" if None in numbers else ",".join(f"{number:02}" for number in numbers)


def _nearest(colour: str) -> int | None:
    if not re.fullmatch(r"#[0-9a-f]{6}", colour):
        return None
    if colour in _NUMBERS:
        return _NUMBERS[colour]
    rgb = bytes.fromhex(colour[1:])

    def distance(number: int) -> int:
        return sum((a - b) ** 2 for a, b in zip(rgb, bytes.fromhex(_PALETTE[number][1:]), strict=True))

    return min(range(len(_PALETTE)), key=distance)


def _clean(text: str) -> str:
    return _CONTROLS.sub(_control, text) if _CONTROLS.search(text) else text


def _control(match: re.Match[str]) -> str:
    return " " if match[0] in "\r\n" else ""
