"""Message Markup (XEP-0394), as it is read: styles beside a body rather than in it. Pure; called by ``inbound``.

What we write is XEP-0393, which every client shows at least as text.
"""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from bridge.core.content import Span, Style
from bridge.core.spans import tidy
from bridge.xmpp import namespaces as ns

_STYLES = {
    f"{{{ns.MARKUP}}}emphasis": Style.ITALIC,
    f"{{{ns.MARKUP}}}strong": Style.BOLD,
    f"{{{ns.MARKUP}}}code": Style.CODE,
    f"{{{ns.MARKUP}}}deleted": Style.STRIKE,
}
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
