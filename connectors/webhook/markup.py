"""Markdown and Slack's mrkdwn to content: marks go, styles stay. What is no markup in a dialect stays as it was written.

Read: emphasis, code, blocks of code, quotes, headings (bold), links, images (as links), and Slack's ``<url|words>``,
``<@U1>``, ``<#C1|dev>``, ``<!here>``; emoji shortcodes become emoji. Not read: tables and HTML, which are readable as they
are. One pass, no backtracking beyond a line. Called by formats.
"""

import html
import re
from collections.abc import Callable
from typing import Final, NamedTuple

from bridge.core.content import Content, Style
from connectors.webhook.draft import LONGEST, Draft
from connectors.webhook.emoji import with_emoji

_DEEPEST: Final = 6
_LONGEST_LINE: Final = 4_000
"""Code points of a line in which marks are looked for; a longer one is data."""


class Dialect(NamedTuple):
    """Whose marks."""

    marks: tuple[tuple[str, tuple[Style, ...]], ...]  # longer before shorter
    headings: bool
    link: re.Pattern[str]
    say_link: Callable[[Draft, re.Match[str], tuple[Style, ...]], None]
    within_words: bool  # a star may stand inside a word
    escapes: bool  # a backslash before a mark
    entities: bool  # &amp; &lt; &gt;


def _say_markdown_link(draft: Draft, found: re.Match[str], styles: tuple[Style, ...]) -> None:
    bare = found["bare"]
    if bare:
        draft.link("", bare, *styles)
    else:
        draft.link(found["words"].replace("\\", "") or found["url"], found["url"], *styles)


def _say_slack_link(draft: Draft, found: re.Match[str], styles: tuple[Style, ...]) -> None:
    target, _, words = found["target"].partition("|")
    target, words = html.unescape(target), html.unescape(words)
    match target[:1]:
        case "@" | "#":
            draft.add(f"{target[0]}{words or target[1:]}", *styles)
        case "!":
            name = words or target[1:].partition("^")[0]
            draft.add(name.removeprefix("@"), *styles)  # <!here> wakes everybody: the word stays, the call does not
        case _:
            address = target.removeprefix("mailto:")
            draft.link(words or address, target, *styles)


_MARKDOWN_LINK: Final = re.compile(
    r"!?\[(?P<words>(?:[^\[\]\n\\]|\\.){0,500})\]\(\s{0,9}<?(?P<url>[^\s<>()]{1,2000}(?:\([^\s<>()]{0,200}\)[^\s<>()]{0,200})?)>?"
    r"(?:\s{1,9}[\"'][^\"'\n]{0,200}[\"'])?\s{0,9}\)|<(?P<bare>https?://[^\s<>|]{1,2000})>"
)
_SLACK_LINK: Final = re.compile(r"<(?P<target>[^<>\n]{1,3000})>")

MARKDOWN: Final = Dialect(
    marks=(
        ("***", (Style.BOLD, Style.ITALIC)),
        ("**", (Style.BOLD,)),
        ("__", (Style.BOLD,)),
        ("~~", (Style.STRIKE,)),
        ("||", (Style.SPOILER,)),
        ("*", (Style.ITALIC,)),
        ("_", (Style.ITALIC,)),
    ),
    headings=True,
    link=_MARKDOWN_LINK,
    say_link=_say_markdown_link,
    within_words=True,
    escapes=True,
    entities=False,
)
DISCORD: Final = MARKDOWN._replace(
    marks=tuple((mark, (Style.UNDERLINE,)) if mark == "__" else (mark, adds) for mark, adds in MARKDOWN.marks)
)
SLACK: Final = Dialect(
    marks=(("*", (Style.BOLD,)), ("_", (Style.ITALIC,)), ("~", (Style.STRIKE,))),
    headings=False,
    link=_SLACK_LINK,
    say_link=_say_slack_link,
    within_words=False,
    escapes=False,
    entities=True,
)

_HEADING: Final = re.compile(r"#{1,6}[ \t]+(?P<words>.*?)[ \t]*#*")
_FENCE: Final = re.compile(r"[ ]{0,3}(?P<fence>`{3,}|~{3,})[ \t]*(?P<language>[\w+#.-]{0,30})[ \t]*(?P<rest>.*)")
_WORD: Final = re.compile(r"\w")


def styled(words: str, dialect: Dialect) -> Content:
    """Return what was written in a dialect, without its marks."""
    draft = Draft()
    write(draft, words, dialect)
    return draft.content()


def write(draft: Draft, words: str, dialect: Dialect) -> None:
    """Write what was written in a dialect into a draft."""
    if draft.full:
        return
    words = words[: 2 * LONGEST].replace("\r\n", "\n").replace("\r", "\n")
    _blocks(draft, words.split("\n"), dialect)


def _blocks(draft: Draft, lines: list[str], dialect: Dialect) -> None:
    at = 0
    while at < len(lines):
        if at:
            draft.add("\n")
        line = lines[at]
        fence = _FENCE.fullmatch(line)
        if fence is not None and (end := _fence_end(lines, at, fence)):
            _code(draft, lines[at:end], fence, dialect)
            at = end
        elif (quoted := _quoted(line, dialect)) is not None:
            inside = Draft()
            first = at
            while at < len(lines) and (quoted := _quoted(lines[at], dialect)) is not None:
                if at > first:
                    inside.add("\n")
                _line(inside, quoted, dialect, ())
                at += 1
            draft.take(inside.content(), Style.QUOTE)
        else:
            heading = _HEADING.fullmatch(line) if dialect.headings and len(line) < _LONGEST_LINE else None
            _line(draft, heading["words"] if heading else line, dialect, (Style.BOLD,) if heading else ())
            at += 1


def _fence_end(lines: list[str], at: int, fence: re.Match[str]) -> int:
    """Return the line behind a block of code, 0 where this begins none."""
    mark = fence["fence"]
    if fence["rest"].rstrip().endswith(mark):
        return at + 1
    if fence["rest"] and mark[0] == "~":
        return 0
    return next((i + 1 for i in range(at + 1, len(lines)) if lines[i].rstrip().endswith(mark)), len(lines))


def _code(draft: Draft, lines: list[str], fence: re.Match[str], dialect: Dialect) -> None:
    mark, language, rest = fence["fence"], fence["language"], fence["rest"]
    if rest or (language and len(lines) == 1):  # ```code``` on one line, or text behind the fence
        lines = [lines[0].lstrip(" ")[len(mark) :].lstrip(), *lines[1:]]
        language = ""
    else:
        lines = lines[1:]
    if lines and lines[-1].rstrip().endswith(mark):
        last = lines[-1].rstrip().removesuffix(mark)
        lines = [*lines[:-1], last] if last else lines[:-1]
    code = "\n".join(lines)
    draft.code(html.unescape(code) if dialect.entities else code, language)


def _quoted(line: str, dialect: Dialect) -> str | None:
    """Return what a line quotes, None if it quotes nothing."""
    for mark in ("&gt;", ">") if dialect.entities else (">",):
        if line.startswith(mark):
            return line[len(mark) :].removeprefix(" ")
    return None


def _line(draft: Draft, line: str, dialect: Dialect, styles: tuple[Style, ...]) -> None:
    if len(line) > _LONGEST_LINE:
        draft.add(line, *styles)
    else:
        _Inline(draft, line, dialect).read(0, len(line), styles)


class _Inline:
    """Reads one line from left to right."""

    def __init__(self, draft: Draft, line: str, dialect: Dialect) -> None:
        self.draft = draft
        self.line = line
        self.dialect = dialect

    def read(self, start: int, end: int, styles: tuple[Style, ...]) -> None:
        """Write ``line[start:end]`` in these styles, and what is marked in it in more."""
        done = at = start
        unclosed: set[str] = set()
        while at < end:
            behind = self._special(done, at, end, styles) or self._marked(done, at, end, styles, unclosed)
            if behind:
                done = at = behind
            else:
                at += 1
        self._plain(done, end, styles)

    def _plain(self, start: int, end: int, styles: tuple[Style, ...]) -> None:
        words = self.line[start:end]
        if self.dialect.entities:
            words = html.unescape(words)
        self.draft.add(with_emoji(words), *styles)

    def _special(self, done: int, at: int, end: int, styles: tuple[Style, ...]) -> int:
        """Write what stands here if it is an escape, code or a link; return where it ends, 0 if it is none of these."""
        character = self.line[at]
        if character == "\\" and self.dialect.escapes and at + 1 < end and self.line[at + 1] in "\\`*_~|[]()<>#!":
            self._plain(done, at, styles)
            self.draft.add(self.line[at + 1], *styles)
            return at + 2
        if character == "`":
            return self._code(done, at, end, styles)
        if character in "[!<":
            found = self.dialect.link.match(self.line, at, end)
            if found is not None:
                self._plain(done, at, styles)
                self.dialect.say_link(self.draft, found, styles)
                return found.end()
        return 0

    def _code(self, done: int, at: int, end: int, styles: tuple[Style, ...]) -> int:
        ticks = len(self.line[at:end]) - len(self.line[at:end].lstrip("`"))
        close = self.line.find("`" * ticks, at + ticks, end)
        inside = self.line[at + ticks : close]
        if close < 0 or not inside.strip():
            return 0
        self._plain(done, at, styles)
        self.draft.add(html.unescape(inside) if self.dialect.entities else inside, *styles, Style.CODE)
        return close + ticks

    def _marked(self, done: int, at: int, end: int, styles: tuple[Style, ...], unclosed: set[str]) -> int:
        """Write what is marked from here on; return where it ends, 0 if nothing is."""
        if len(styles) >= _DEEPEST:
            return 0
        for mark, adds in self.dialect.marks:
            if mark in unclosed or not self.line.startswith(mark, at):
                continue
            close = self._close(mark, at, end)
            if not close:
                unclosed.add(mark)
                continue
            self._plain(done, at, styles)
            self.read(at + len(mark), close, (*styles, *adds))
            return close + len(mark)
        return 0

    def _close(self, mark: str, at: int, end: int) -> int:
        """Return where a mark that stands here is closed, 0 if it opens nothing."""
        line, inside = self.line, at + len(mark)
        if inside >= end or line[inside].isspace() or (len(mark) == 1 and line[inside] == mark):
            return 0
        within_word = at > 0 and _WORD.match(line[at - 1]) is not None
        if within_word and not (mark[0] == "*" and self.dialect.within_words):
            return 0
        close = line.find(mark, inside + 1, end)
        while close > 0:
            after = line[close + len(mark) : close + len(mark) + 1]
            longer = len(mark) == 1 and (after == mark or line[close - 1] == mark)
            inner = mark[0] != "*" and _WORD.match(after) is not None
            if not line[close - 1].isspace() and not longer and not inner:
                return close
            close = line.find(mark, close + (2 if longer else 1), end)
        return 0
