"""Writing a content from left to right: words with styles, links, quotes. Whatever comes in is made safe to hand on.

Control characters go, links lead to the web or nowhere, and words that would wake a whole room (``@everyone``) lose
their @. Called by formats.
"""

import re
from collections.abc import Iterable
from typing import Final, Self

from bridge.core.capabilities import Limit, Unit
from bridge.core.content import Attachment, Content, Kind, Span, Style
from bridge.core.spans import piece, tidy
from bridge.core.splitting import clip
from bridge.core.text import clean, clean_name

LONGEST: Final = 8_000
"""Code points of one message; what is longer ends in an ellipsis."""

_EVERYBODY: Final = re.compile(r"(?<![\w@/.])@(?=(?:everyone|here|channel|all|room)\b)", re.IGNORECASE)
_URL: Final = re.compile(r"https?://[^\s<>\"\x00-\x20]{1,2000}", re.IGNORECASE)


def safe(words: str) -> str:
    """Return words that several lines may have, without controls, and waking nobody."""
    return _EVERYBODY.sub("", clean(words))


def one_line(words: str, limit: int = 300) -> str:
    """Return words as one line, without controls, waking nobody, and not longer than this."""
    line = _EVERYBODY.sub("", clean_name(words[: 4 * limit]))
    return clip(line, limit=Limit(limit, Unit.CODE_POINTS), ellipsis="…")


def web_url(url: str) -> str:
    """Return a URL that leads to the web, "" for every other."""
    url = url.strip()
    return url if _URL.fullmatch(url) else ""


class Draft:
    """A content that is being written."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._spans: list[Span] = []
        self._length = 0

    @property
    def empty(self) -> bool:
        """Whether nothing was written yet."""
        return self._length == 0

    @property
    def full(self) -> bool:
        """Whether more than can be kept was written: what comes now is cut off anyway."""
        return self._length > LONGEST

    def add(self, words: str, *styles: Style) -> Self:
        """Write words, in these styles; not much more of them than can be kept anyway."""
        return self._put(safe(words[: 2 * LONGEST]), [(style, "") for style in styles])

    def link(self, words: str, url: str, *styles: Style) -> Self:
        """Write words that lead somewhere; without words the URL itself; where it leads nowhere, the words alone."""
        url, words = web_url(url), safe(words)
        if not url:
            return self._put(words, [(style, "") for style in styles])
        return self._put(words or url, [(Style.LINK, url), *((style, "") for style in styles)])

    def code(self, words: str, language: str = "") -> Self:
        """Write a block of code, on lines of its own."""
        self.line()
        return self._put(safe(words), [(Style.PRE, language)])

    def line(self) -> Self:
        """Begin a line, unless one has just begun."""
        if self._length and not self._pieces[-1].endswith("\n"):
            self._put("\n", [])
        return self

    def blank(self) -> Self:
        """Begin a paragraph."""
        if self._length:
            self.line()
            if not "".join(self._pieces[-2:]).endswith("\n\n"):
                self._put("\n", [])
        return self

    def take(self, content: Content, *styles: Style) -> Self:
        """Write a content that was written elsewhere, with its own styles, in these."""
        if self.full:
            return self
        start = self._length
        self._put(content.text, [(style, "") for style in styles])
        self._spans += [Span(s.start + start, s.end + start, s.style, s.value) for s in content.spans]
        return self

    def content(self, *, kind: Kind = Kind.TEXT, attachments: Iterable[Attachment] = ()) -> Content:
        """Return what was written, without blank lines at its ends, cut where it is too long."""
        text = "".join(self._pieces)
        written = Content(text=text, spans=tidy(self._spans, len(text)), kind=kind)
        start = len(text) - len(text.lstrip("\n "))
        whole = piece(written, start, len(text.rstrip()))
        if len(whole.text) > LONGEST:
            end = len(clip(whole.text, limit=Limit(LONGEST - 1, Unit.CODE_POINTS)))
            cut = piece(whole, 0, end)
            whole = Content(text=f"{cut.text}…", spans=cut.spans, kind=kind)
        return Content(text=whole.text, spans=whole.spans, kind=kind, attachments=tuple(attachments))

    def _put(self, words: str, styles: Iterable[tuple[Style, str]]) -> Self:
        if words and not self.full:
            end = self._length + len(words)
            self._spans += [Span(self._length, end, style, value) for style, value in styles]
            self._pieces.append(words)
            self._length = end
        return self
