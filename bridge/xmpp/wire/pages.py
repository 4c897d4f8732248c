"""Pages of a long list, by XEP-0059: which of its items somebody asks for, and what page it is. Pure."""

from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element

from bridge.xmpp.ports import IqRefused
from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire import stanzas

USUAL, MOST = 100, 500
"""Items on a page, where nobody says how many, and at most."""
SET = f"{{{ns.RSM}}}set"
_RSM = f"{{{ns.RSM}}}"


def cut(keys: Sequence[str], asked: Element | None) -> tuple[range, str]:
    """Return which items are on the page, by their places, and the ``<set/>`` that says so.

    ``keys`` name the items, ``asked`` is the ``<set/>`` of the question. Raises: IqRefused.
    """
    most, after, before = USUAL, None, None
    if asked is not None:
        text = asked.findtext(f"{_RSM}max", str(USUAL))
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise IqRefused("bad-request", f"max: found {text[:20]!r}, expected a number")
        most, after = min(int(text), MOST), asked.findtext(f"{_RSM}after")
        found = asked.find(f"{_RSM}before")
        before = None if found is None else found.text or ""
    places = {key: index for index, key in enumerate(keys)}
    start, end = 0, len(keys)
    if after:
        start = _place(places, after) + 1
    if before:
        end = _place(places, before)
    shown = range(max(start, end - most), end) if before is not None else range(start, min(end, start + most))
    edge = ""
    if shown:
        edge = stanzas.element("first", attrs={"index": str(shown[0])}, words=keys[shown[0]])
        edge += stanzas.element("last", words=keys[shown[-1]])
    edge += stanzas.element("count", words=str(len(keys)))
    return shown, stanzas.element("set", ns.RSM, children=edge)


def _place(places: Mapping[str, int], key: str) -> int:
    if key not in places:
        raise IqRefused("item-not-found", "there is nothing of this name on the list (any more)")
    return places[key]
