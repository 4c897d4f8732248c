"""HTML to content: the few elements that messages are written with; of every other only the text stays, of scripts nothing.

Called by the generic format for ``html`` and bodies of ``text/html``.
"""

from html.parser import HTMLParser
from typing import Final

from bridge.core.content import Content, Style
from connectors.webhook.draft import LONGEST, Draft

_STYLES: Final = {
    "b": Style.BOLD, "strong": Style.BOLD, "h1": Style.BOLD, "h2": Style.BOLD, "h3": Style.BOLD, "h4": Style.BOLD,
    "h5": Style.BOLD, "h6": Style.BOLD, "th": Style.BOLD, "i": Style.ITALIC, "em": Style.ITALIC, "u": Style.UNDERLINE,
    "s": Style.STRIKE, "del": Style.STRIKE, "strike": Style.STRIKE, "code": Style.CODE, "tt": Style.CODE,
}  # fmt: skip
_BLOCKS: Final = {
    "p",
    "div",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "ul",
    "ol",
    "li",
    "tr",
    "table",
    "blockquote",
    "pre",
    "hr",
}
_SILENT: Final = {"script", "style", "head", "template", "title"}
_DEEPEST: Final = 20


def from_html(words: str) -> Content:
    """Return what a piece of HTML says."""
    reader = _Reader()
    reader.feed(words[: 8 * LONGEST])
    reader.close()
    return reader.content()


class _Reader(HTMLParser):
    """Reads from left to right; what is never closed lasts to the end of what it stands in."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._drafts = [Draft()]
        self._open: list[tuple[str, str]] = []  # elements, and where their links lead

    def content(self) -> Content:
        """Return what was read."""
        while len(self._drafts) > 1:
            self._fold(Style.QUOTE)
        return self._drafts[0].content()

    def _begin(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        draft = self._drafts[-1]
        if tag == "br":
            draft.add("\n")
            return
        if tag in _BLOCKS:
            draft.line()
        if tag in {"blockquote", "pre"} and len(self._drafts) < _DEEPEST:
            self._drafts.append(Draft())
        elif tag == "li":
            draft.add("• ")
        elif tag in {"td", "th"}:
            draft.add(" ")
        elif tag == "img":
            found = dict(attrs)
            draft.link(found.get("alt") or "", found.get("src") or "")
            return
        if len(self._open) < 10 * _DEEPEST:
            self._open.append((tag, dict(attrs).get("href") or ""))

    def _end(self, tag: str) -> None:
        at = next((i for i in range(len(self._open) - 1, -1, -1) if self._open[i][0] == tag), -1)
        if at < 0:
            return
        for name, _ in reversed(self._open[at:]):
            if name in {"blockquote", "pre"} and len(self._drafts) > 1:
                self._fold(Style.QUOTE if name == "blockquote" else Style.PRE)
        del self._open[at:]
        if tag in _BLOCKS:
            self._drafts[-1].line()

    def _words(self, data: str) -> None:
        names = {name for name, _ in self._open}
        if names & _SILENT:
            return
        words = data if "pre" in names else _collapsed(data)
        styles = {_STYLES[name] for name in names if name in _STYLES and not (name == "code" and "pre" in names)}
        link = next((url for name, url in reversed(self._open) if name == "a" and url), "")
        draft = self._drafts[-1]
        if not words.strip() and (draft.empty or "\n" in data):
            return
        ordered = sorted(styles)
        draft.link(words, link, *ordered) if link else draft.add(words, *ordered)

    handle_starttag = _begin
    handle_endtag = _end
    handle_data = _words

    def _fold(self, style: Style) -> None:
        inside = self._drafts.pop().content()
        self._drafts[-1].line().take(inside, style).line()


def _collapsed(data: str) -> str:
    """Return text as a browser shows it: runs of blanks are one."""
    words = " ".join(data.split())
    before, after = " " if data[:1].isspace() else "", " " if data[-1:].isspace() else ""
    return f"{before}{words}{after}" if words else " "
