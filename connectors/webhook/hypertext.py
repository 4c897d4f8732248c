"""HTML to content: the few elements that messages are written with; of every other only the text stays, of scripts nothing.

Called by the generic format for ``html`` and bodies of ``text/html``.
"""

import html
import re
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
_EMPTY: Final = {"br", "hr", "img", "input", "meta", "link", "wbr"}
_DEEPEST: Final = 20
_TAG: Final = re.compile(r"<(?P<end>/?)(?P<name>[a-zA-Z][a-zA-Z0-9]{0,20})(?P<rest>(?:\s[^<>]{0,3000})?)/?>")
_ATTRIBUTE: Final = re.compile(r"([a-zA-Z-]{1,40})\s{0,9}=\s{0,9}(\"[^\"]*\"|'[^']*'|[^\s\"'>]+)")
_DECLARED: Final = re.compile(r"<!--.*?(?:-->|\Z)|<[!?][^>]*>?", re.DOTALL)
"""Comments and declarations: nothing that is said, and much work where they never end."""


def from_html(words: str) -> Content:
    """Return what a piece of HTML says."""
    reader = _Reader()
    done = 0
    words = _DECLARED.sub("", words[: 4 * LONGEST])
    for found in _TAG.finditer(words):
        reader.text(html.unescape(words[done : found.start()]))
        name = found["name"].lower()
        if found["end"]:
            reader.end(name)
        else:
            reader.begin(name, _attributes(found["rest"]))
        done = found.end()
    reader.text(html.unescape(words[done:]))
    return reader.content()


def _attributes(rest: str) -> dict[str, str]:
    return {name.lower(): html.unescape(value.strip("\"'")) for name, value in _ATTRIBUTE.findall(rest)}


class _Reader:
    """Reads from left to right; what is never closed lasts to the end of what it stands in."""

    def __init__(self) -> None:
        self._drafts = [Draft()]
        self._open: list[tuple[str, str]] = []  # elements, and where their links lead

    def content(self) -> Content:
        """Return what was read."""
        while len(self._drafts) > 1:
            self._fold(Style.QUOTE)
        return self._drafts[0].content()

    def begin(self, tag: str, attributes: dict[str, str]) -> None:
        """Take the begin of an element."""
        draft = self._drafts[-1]
        if tag in _BLOCKS:
            draft.line()
        match tag:
            case "br":
                draft.add("\n")
            case "img":
                draft.link(attributes.get("alt", ""), attributes.get("src", ""))
            case "li":
                draft.add("• ")
            case "td" | "th":
                draft.add(" ")
            case "blockquote" | "pre" if len(self._drafts) < _DEEPEST:
                self._drafts.append(Draft())
            case _:
                pass
        if tag not in _EMPTY and len(self._open) < 2 * _DEEPEST:
            self._open.append((tag, attributes.get("href", "")))

    def end(self, tag: str) -> None:
        """Take the end of an element, and with it of all that were begun in it."""
        at = next((i for i in range(len(self._open) - 1, -1, -1) if self._open[i][0] == tag), -1)
        if at < 0:
            return
        for name, _ in reversed(self._open[at:]):
            if name in {"blockquote", "pre"} and len(self._drafts) > 1:
                self._fold(Style.QUOTE if name == "blockquote" else Style.PRE)
        del self._open[at:]
        if tag in _BLOCKS:
            self._drafts[-1].line()

    def text(self, data: str) -> None:
        """Take what stands between."""
        names = {name for name, _ in self._open}
        if not data or names & _SILENT:
            return
        words = data if "pre" in names else _collapsed(data)
        draft = self._drafts[-1]
        if not words.strip() and (draft.empty or "\n" in data):
            return
        styles = sorted({_STYLES[name] for name in names & _STYLES.keys() if not (name == "code" and "pre" in names)})
        link = next((url for name, url in reversed(self._open) if name == "a" and url), "")
        draft.link(words, link, *styles) if link else draft.add(words, *styles)

    def _fold(self, style: Style) -> None:
        inside = self._drafts.pop().content()
        self._drafts[-1].line().take(inside, style).line()


def _collapsed(data: str) -> str:
    """Return text as a browser shows it: runs of blanks are one."""
    words = " ".join(data.split())
    before, after = " " if data[:1].isspace() else "", " " if data[-1:].isspace() else ""
    return f"{before}{words}{after}" if words else " "
