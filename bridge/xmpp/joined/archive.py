"""What was said in a room while the bridge did not read it, from the room's own archive (XEP-0313).

An archive is asked for what comes behind a message that it knows by its id: ids, unlike times, are the same for its
clock and for ours. Only where no id is known a time has to do. What comes again has the same key, and our own words among
it end the wait for their reflection. Called by the listener, before the join and once more behind it. A room without an
archive, or one that refuses, is left to its history alone.
"""

import enum
import logging
from typing import Protocol
from xml.etree.ElementTree import Element

import msgspec

from bridge.core.ids import Room
from bridge.xmpp.joined.refusals import NO_ANSWER
from bridge.xmpp.messages import inbound
from bridge.xmpp.ports import IqRefused
from bridge.xmpp.surroundings import Surroundings
from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire import stanzas

log = logging.getLogger(__name__)

PAGE = 100
OURS = 100
"""Pages in which our own words are looked for after a start: what was under way is older by that much at most."""

_MAM = f"{{{ns.MAM}}}"
RESULT, _FIN = f"{_MAM}result", f"{_MAM}fin"
_FORWARDED = f"{{{ns.FORWARD}}}forwarded"
_DELAY = f"{{{ns.DELAY}}}delay"
_MESSAGE = f"{{{ns.COMPONENT}}}message"
_CLIENT_MESSAGE = f"{{{ns.CLIENT}}}message"
_LAST = f"{{{ns.RSM}}}set/{{{ns.RSM}}}last"


class Reading(enum.Enum):
    """What an archive is being read for."""

    NOTHING = enum.auto()
    BEHIND = enum.auto()  # what came behind a message that the bridge knows
    SINCE = enum.auto()  # what came since a time: some of it may be older than the bridge
    OURS = enum.auto()  # what of it we have said ourselves; nothing else


class Place(Protocol):
    """What the archive needs of its room."""

    room: Room
    address: str
    around: Surroundings
    reading: Reading

    def replay(self, element: Element, *, at: int, archived: str) -> None:
        """Take a message out of the archive."""


class Position(msgspec.Struct, frozen=True):
    """A place in an archive: behind a message, by its id, or where that is unknown (or forgotten) from a time on."""

    after: str = ""
    since: int | None = None  # milliseconds since the epoch


class Found(msgspec.Struct, frozen=True):
    """How far an archive was read: up to this id, and whether that was its end."""

    last: str = ""
    complete: bool = False


async def read(place: Place, start: Position, *, pages: int) -> Found | None:
    """Replay in order what the archive has from there on, so many pages of it; None if it has nothing for us.

    The results come as messages: the room hands them to :func:`take`. Raises: IqRefused when nobody answers.
    """
    place.reading = Reading.BEHIND if start.after else Reading.SINCE
    try:
        return await _read(place, start, pages)
    finally:
        place.reading = Reading.NOTHING


async def recognise(place: Place, since: int) -> None:
    """Look what of ours the archive has from this moment on (milliseconds since the epoch): it is not to be said again.

    Raises: IqRefused when nobody answers.
    """
    place.reading = Reading.OURS
    try:
        await _read(place, Position(since=since), OURS)
    finally:
        place.reading = Reading.NOTHING


async def _read(place: Place, start: Position, pages: int) -> Found | None:
    last = start.after
    since = None if last else start.since
    for _ in range(pages):
        try:
            fin = await _page(place, since, last)
        except IqRefused as refused:
            if refused.condition in NO_ANSWER:
                raise
            if last and last == start.after and start.since is not None:
                place.reading = Reading.SINCE
                return await _read(place, Position(since=start.since), pages)  # it has forgotten that message
            log.warning("archive.refused condition=%s", refused.condition)
            return None
        newest = fin.findtext(_LAST) or ""
        if fin.get("complete") == "true" or newest in ("", last):
            return Found(newest or last, complete=True)
        last = newest
        if place.around.hub is not None:
            await place.around.hub.drained()
    return Found(last)


async def newest(place: Place) -> str:
    """Return the id of the last message in the archive, "" if there is none, or it does not tell."""
    page = stanzas.element("max", words="1") + stanzas.element("before")
    try:
        fin = await _ask(place, stanzas.element("set", ns.RSM, children=page))
    except IqRefused:
        return ""
    return fin.findtext(_LAST) or ""


async def _page(place: Place, since: int | None, after: str) -> Element:
    """Ask for one page; returns its ``<fin/>`` (XEP-0313 section 4)."""
    page = stanzas.element("max", words=str(PAGE)) + (stanzas.element("after", words=after) if after else "")
    rsm = stanzas.element("set", ns.RSM, children=page)
    if since is None:
        return await _ask(place, rsm)
    form = (
        f"<x xmlns='{ns.DATA}' type='submit'><field var='FORM_TYPE' type='hidden'><value>{ns.MAM}</value></field>"
        f"<field var='start'><value>{inbound.stamp(since)}</value></field></x>"
    )
    return await _ask(place, form + rsm)


async def _ask(place: Place, children: str) -> Element:
    around = place.around
    query = stanzas.element("query", ns.MAM, attrs={"queryid": around.token()}, children=children)
    answer = await around.component.iq("set", to=place.address, payload=query, sender=around.listener)
    fin = answer.find(_FIN)
    return Element(_FIN, complete="true") if fin is None else fin


def take(place: Place, element: Element) -> bool:
    """Take one result of a query, which comes as a message of its own; False if the message is none."""
    result = element.find(RESULT) if place.reading is not Reading.NOTHING else None
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
