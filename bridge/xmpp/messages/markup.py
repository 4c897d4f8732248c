"""Message Markup (XEP-0394): styles beside a body rather than in it. Pure; called by ``inbound`` and ``outbound``.

What we write is XEP-0393, which every client shows at least as text; just what that has no marks for, as bold in the
middle of a word, stands beside it.
"""

from bisect import bisect_left
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from msgspec.structs import replace

from bridge.core.content import Content, Span, Style
from bridge.core.spans import tidy
from bridge.core.styling import from_styling
from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire import stanzas

_STYLES = {
    f"{{{ns.MARKUP}}}emphasis": Style.ITALIC,
    f"{{{ns.MARKUP}}}strong": Style.BOLD,
    f"{{{ns.MARKUP}}}code": Style.CODE,
    f"{{{ns.MARKUP}}}deleted": Style.STRIKE,
}
_NAMES = {style: tag.rpartition("}")[2] for tag, style in _STYLES.items()}
_SPAN, _CODE, _QUOTE = (f"{{{ns.MARKUP}}}{name}" for name in ("span", "bcode", "bquote"))
MOST = 500
"""Elements that are read."""


def spans(markup: Element, text: str, *, gone: int = 0) -> tuple[Span, ...]:
    """Return the styles over ``text``, which is the body without its first ``gone`` code points.

    A quotation whose lines have marks of their own (``>``) is left to these.
    """
    found = []
    for element in list(markup)[:MOST]:
        start, end = _place(element, "start", gone), _place(element, "end", gone)
        if start is None or end is None or not 0 <= start < end <= len(text):
            continue
        found += [Span(start, end, style, value) for style, value in _meant(element, text[start])]
    return tidy(found, len(text))


def added(content: Content, body: str, styles: tuple[Span, ...]) -> Content:
    """Return what was read from a styled body (XEP-0393) with the styles that stand beside it, which are over the body."""
    places = _places(content.text, body)
    if places is None:
        return content
    both = [Span(bisect_left(places, s.start), bisect_left(places, s.end), s.style, s.value) for s in styles]
    return replace(content, spans=tidy([*content.spans, *both], len(content.text)))


def beside(content: Content, body: str, *, behind: int = 0) -> str:
    """Return the styles of a content that are not in its styled ``body``, as an element; "" where all are.

    ``behind`` code points stand in front of the body on the wire.
    """
    wanted = [span for span in content.spans if span.style in _NAMES]
    if not wanted:
        return ""
    read = from_styling(body)
    if read.text == content.text and set(wanted) <= set(read.spans):
        return ""
    places, seen = _places(content.text, body), _places(content.text, read.text)
    if places is None or seen is None:
        return ""
    inner = ""
    for span in wanted:
        if not _is_shown(span, seen, read.spans):
            attrs = {"start": str(behind + places[span.start]), "end": str(behind + places[span.end - 1] + 1)}
            inner += stanzas.element("span", attrs=attrs, children=f"<{_NAMES[span.style]}/>")
    return stanzas.element("markup", ns.MARKUP, children=inner) if inner else ""


def _places(text: str, within: str) -> list[int] | None:
    """Return where each character of a text is in another that has all of them in order, and more; None if it has not."""
    found, at = [], 0
    for character in text:
        at = within.find(character, at)
        if at < 0:
            return None
        found.append(at)
        at += 1
    return found


def _is_shown(span: Span, seen: list[int], read: tuple[Span, ...]) -> bool:
    """Tell whether readers of the body see a style where it is meant."""
    first, last = seen[span.start], seen[span.end - 1]
    return any(each.style is span.style and each.start <= first and last < each.end for each in read)


def _meant(element: Element, first: str) -> Iterator[tuple[Style, str]]:
    match element.tag:
        case tag if tag == _SPAN:
            yield from ((_STYLES[child.tag], "") for child in element if child.tag in _STYLES)
        case tag if tag == _CODE:
            language = element.get("language", "")
            yield Style.PRE, language if language.isascii() and language.isprintable() else ""
        case tag if tag == _QUOTE and first != ">":
            yield Style.QUOTE, ""
        case _:
            return


def _place(element: Element, name: str, gone: int) -> int | None:
    value = element.get(name, "")
    return int(value) - gone if value.isascii() and value.isdigit() and len(value) < 9 else None
