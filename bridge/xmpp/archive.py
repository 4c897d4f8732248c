"""What was said in a room while the bridge was not in it, from the room's own archive (XEP-0313).

The archive is asked before the join, and the join then asks for the history since the end of that, so nothing falls in
between; what comes twice has the same key. A room without an archive, or one that refuses, is left to its history
alone. Called by the listener.
"""

import logging
from typing import Protocol
from xml.etree.ElementTree import Element

from bridge.core.ids import Room
from bridge.xmpp import inbound, stanzas
from bridge.xmpp import namespaces as ns
from bridge.xmpp.ports import IqRefused
from bridge.xmpp.surroundings import Surroundings

log = logging.getLogger(__name__)

PAGE = 100
MOST_PAGES = 50
"""Pages that are read at most: five thousand messages. Who was away for longer has missed the rest."""

_MAM = f"{{{ns.MAM}}}"
RESULT, _FIN = f"{_MAM}result", f"{_MAM}fin"
_FORWARDED = f"{{{ns.FORWARD}}}forwarded"
_DELAY = f"{{{ns.DELAY}}}delay"
_MESSAGE = f"{{{ns.COMPONENT}}}message"
_CLIENT_MESSAGE = f"{{{ns.CLIENT}}}message"
_LAST = f"{{{ns.RSM}}}set/{{{ns.RSM}}}last"


class Place(Protocol):
    """What the archive needs of its room."""

    room: Room
    address: str
    around: Surroundings
    reads_archive: bool

    @property
    def replayed_up_to(self) -> int | None:
        """What the archive has said, in the room's time."""

    def replay(self, element: Element, *, at: int, archived: str) -> None:
        """Take a message out of the archive."""


async def catch_up(place: Place, since: int) -> int:
    """Replay what the archive has since then, in order; returns up to when, so that history can go on from there.

    Times are milliseconds since the epoch. The results come as messages: the room hands them to :func:`take`.
    """
    place.reads_archive = True
    try:
        return await _read(place, since)
    finally:
        place.reads_archive = False


async def _read(place: Place, since: int) -> int:
    after = ""
    for _ in range(MOST_PAGES):
        query = _query(since, after, place.around.token())
        try:
            answer = await place.around.component.iq(
                "set", to=place.address, payload=query, sender=place.around.listener
            )
        except IqRefused as refused:
            log.info("archive.refused condition=%s", refused.condition)
            return since
        fin = answer.find(_FIN)
        last = None if fin is None else fin.findtext(_LAST)
        if fin is None or fin.get("complete") == "true" or not last or last == after:
            break
        after = last
    else:
        log.warning("archive.too-long pages=%d", MOST_PAGES)
    return max(since, place.replayed_up_to or since)


def _query(since: int, after: str, id_: str) -> str:
    """Write one page's query (XEP-0313 section 4)."""
    form = (
        f"<x xmlns='{ns.DATA}' type='submit'><field var='FORM_TYPE' type='hidden'><value>{ns.MAM}</value></field>"
        f"<field var='start'><value>{inbound.stamp(since)}</value></field></x>"
    )
    page = stanzas.element("max", words=str(PAGE)) + (stanzas.element("after", words=after) if after else "")
    rsm = stanzas.element("set", ns.RSM, children=page)
    return stanzas.element("query", ns.MAM, attrs={"queryid": id_}, children=form + rsm)


def take(place: Place, element: Element) -> bool:
    """Take one result of a query, which comes as a message of its own; False if the message is none."""
    result = element.find(RESULT) if place.reads_archive else None
    if result is None:
        return False
    forwarded = result.find(_FORWARDED)
    if forwarded is None:
        return True
    message = next((child for child in forwarded if child.tag in (_MESSAGE, _CLIENT_MESSAGE)), None)
    delay = forwarded.find(_DELAY)
    at = inbound.milliseconds("" if delay is None else delay.get("stamp", ""))
    if message is not None and at is not None:
        place.replay(_in_our_namespace(message), at=at, archived=result.get("id", ""))
    return True


def _in_our_namespace(message: Element) -> Element:
    """Return the message as if it had come on our stream: archives keep ``jabber:client`` as its namespace."""
    if message.tag == _CLIENT_MESSAGE:
        prefix = f"{{{ns.CLIENT}}}"
        for element in message.iter():
            if element.tag.startswith(prefix):
                element.tag = f"{{{ns.COMPONENT}}}{element.tag.removeprefix(prefix)}"
    return message
