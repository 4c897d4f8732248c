"""One stanza for many of our addresses (XEP-0033), taken apart into the copies that it stands for.

A server with a multicast service (ejabberd's mod_multicast) asks the component whether it understands extended
addressing, and then sends a room's message once, to the bare domain, with the ghosts as ``<address type='bcc'/>``. It may
do the same with anybody's message or presence to several of us, and makes several stanzas when there are more addresses
than :data:`LIMITS` allows. Whoever is listed gets what a copy of their own would have been; nobody above knows.

Only who is one of us and not marked as delivered counts: nothing is ever sent on to others. Pure: bytes and elements in
and out. Called by ``stream``; the announcement is ``directory``'s.
"""

import re
from xml.etree.ElementTree import XML, Element, ParseError

from bridge.xmpp.ports import Form
from bridge.xmpp.wire import namespaces as ns

LIMITS = Form(ns.ADDRESS, {"message": "1000", "presence": "1000"})
"""How many addresses a stanza may have: without it 20 are taken for granted. 1,000 make about 90 kB."""

_ADDRESSES, _ADDRESS = f"{{{ns.ADDRESS}}}addresses", f"{{{ns.ADDRESS}}}address"
_OPENING, _CLOSING = f"<addresses xmlns='{ns.ADDRESS}'>".encode(), b"</addresses>"
_RECIPIENTS = frozenset({"to", "cc", "bcc"})
_MOST = 2_000  # no server makes such a list, and nobody shall write to everybody at the price of one stanza
_TAG = re.compile(rb"<(/?)(?:[^<>'\"/]|/(?!>)|'[^']*'|\"[^\"]*\")*(/?)>")
_JID = re.compile(r"(?:[^\s\"&'/:<>@]{1,1023}@)?(?P<domain>[^@/]{1,1023})(?:/[^\x00-\x1f]{1,1023})?")


def cut(stanza: bytes, head: int) -> tuple[bytes, bytes] | None:
    """Return the ``<addresses/>`` among the children of a stanza, and the stanza without it.

    ``head`` is where its start tag ends. None when there is none, or it is not written plainly. The stanza must have no
    CDATA and no comments.
    """
    at = stanza.find(_OPENING, head)
    if at < 0 or not _complete(stanza[head:at]):
        return None
    end = stanza.find(_CLOSING, at)
    if end < 0:
        return None
    end += len(_CLOSING)
    return stanza[at:end], stanza[:at] + stanza[end:]


def _complete(before: bytes) -> bool:
    """Tell whether every element that begins in these bytes ends in them: then what follows is its sibling."""
    depth = 0
    for ending, alone in _TAG.findall(before):
        if not alone:
            depth += -1 if ending else 1
    return depth == 0


def listed(block: bytes, domain: str) -> list[str] | None:
    """Return the addresses of ours that an ``<addresses/>`` names, None when it cannot be read by itself."""
    try:
        return _ours(XML(block), domain)
    except ParseError:
        return None


def copies(element: Element, domain: str) -> list[Element]:
    """Return the stanzas that this one stands for: one for each of us who is listed, itself if nobody is."""
    if element.get("to") != domain or element.get("type") == "error":  # an error only quotes what it answers
        return [element]
    addresses = element.find(_ADDRESSES)
    recipients = [] if addresses is None else _ours(addresses, domain)
    if addresses is None or not recipients:
        return [element]
    element.remove(addresses)
    return [_copy(element, to) for to in recipients]


def _ours(addresses: Element, domain: str) -> list[str]:
    found = (
        address.get("jid", "")
        for address in addresses.iterfind(_ADDRESS)
        if address.get("type") in _RECIPIENTS and address.get("delivered") != "true"
    )
    ours = list(dict.fromkeys(jid for jid in found if _domain(jid) == domain))
    return ours if len(ours) <= _MOST else []


def _domain(jid: str) -> str:
    """Return the domain of an address, "" if it is none: anybody may have written it."""
    match = _JID.fullmatch(jid)
    return "" if match is None else match["domain"]


def _copy(element: Element, to: str) -> Element:
    copy = Element(element.tag, {**element.attrib, "to": to})
    copy.extend(element)
    return copy
