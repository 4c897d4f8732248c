"""What a MUC service says about its occupants, read from bare elements into values (XEP-0045). Pure, without state.

Called by the rooms for every presence that reaches their reader, and for errors. Messages are read in ``inbound``.
"""

from xml.etree.ElementTree import Element

import msgspec

from bridge.core.events import Cause, Presence, Show
from bridge.core.text import clean_name
from bridge.xmpp.wire import marks
from bridge.xmpp.wire import namespaces as ns

_USER = f"{{{ns.MUC_USER}}}"
X = f"{_USER}x"
_ITEM, _STATUS, _DESTROY = f"{_USER}item", f"{_USER}status", f"{_USER}destroy"
_ACTOR, _REASON, _INVITE, _PASSWORD = f"{_USER}actor", f"{_USER}reason", f"{_USER}invite", f"{_USER}password"
_OCCUPANT_ID = f"{{{ns.OCCUPANT_ID}}}occupant-id"
_SHOW, _STATUS_TEXT = f"{{{ns.COMPONENT}}}show", f"{{{ns.COMPONENT}}}status"
_ERROR = f"{{{ns.COMPONENT}}}error"
_ERROR_TEXT = f"{{{ns.STANZA_ERRORS}}}text"
_CONDITION = f"{{{ns.STANZA_ERRORS}}}"

_SHOWS = {"away": Show.AWAY, "xa": Show.AWAY, "dnd": Show.DND}

SELF, ASSIGNED, CREATED = "110", "210", "201"
RENAMED, KICKED, BANNED = "303", "307", "301"
AFFILIATION_LOST, MEMBERS_ONLY, SHUTDOWN, TECHNICAL = "321", "322", "332", "333"

LONGEST_REASON = 1_000
"""Code points of a status or reason that are kept: they are shown on one line somewhere."""


class Destroyed(msgspec.Struct, frozen=True):
    """The room is no more (XEP-0045 section 10.9)."""

    venue: str = ""  # where its people are asked to go
    reason: str = ""


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """One presence of one occupant."""

    nick: str
    available: bool
    id: str = ""
    codes: frozenset[str] = frozenset()
    role: str = ""
    affiliation: str = ""
    jid: str = ""  # the real one, where the room shows it
    occupant_id: str = ""
    new_nick: str = ""
    actor: str = ""
    reason: str = ""
    presence: Presence = Presence()
    bridge: str = ""  # the instance whose ghost this says to be
    token: str = ""
    destroyed: Destroyed | None = None

    @property
    def own(self) -> bool:
        """Whether it is about the one to whom it was sent."""
        return SELF in self.codes


class Refusal(msgspec.Struct, frozen=True):
    """What an error stanza says (RFC 6120 section 8.3)."""

    condition: str
    kind: str = "cancel"
    text: str = ""


def sighting(element: Element) -> Sighting:
    """Read a presence that is no error."""
    item = actor = destroyed = None
    codes: list[str] = []
    show = status = occupant_id = bridge = token = reason = ""
    for child in element:
        tag = child.tag
        if tag == X:
            item = child.find(_ITEM)
            codes = [code.get("code", "") for code in child.findall(_STATUS)]
            destroyed = child.find(_DESTROY)
        elif tag == _SHOW:
            show = child.text or ""
        elif tag == _STATUS_TEXT:
            status = status or child.text or ""
        elif tag == _OCCUPANT_ID:
            occupant_id = child.get("id", "")
        elif tag == marks.GHOST_TAG:
            bridge, token = child.get("bridge", ""), child.get("join", "")
    if item is not None:
        actor = item.find(_ACTOR)
        reason = item.findtext(_REASON, "")
    available = element.get("type") is None
    return Sighting(
        nick=element.get("from", "").partition("/")[2],
        available=available,
        id=element.get("id", ""),
        codes=frozenset(codes),
        role=_attribute(item, "role"),
        affiliation=_attribute(item, "affiliation"),
        jid=_attribute(item, "jid"),
        occupant_id=occupant_id,
        new_nick=_attribute(item, "nick"),
        actor=clean_name(_attribute(actor, "nick") or _attribute(actor, "jid")),
        reason=_words(reason or ("" if available else status)),
        presence=_presence(show, status) if available else _GONE,
        bridge=bridge,
        token=token,
        destroyed=None if destroyed is None else _destroyed(destroyed),
    )


_HERE = Presence()
_GONE = _HERE


def _presence(show: str, status: str) -> Presence:
    if not show and not status:
        return _HERE
    return Presence(_SHOWS.get(show, Show.AVAILABLE), _words(status))


def _words(text: str) -> str:
    return clean_name(text[:LONGEST_REASON]) if text else ""


def _attribute(element: Element | None, name: str) -> str:
    return "" if element is None else element.get(name, "")


def _destroyed(element: Element) -> Destroyed:
    return Destroyed(element.get("jid", ""), _words(element.findtext(_REASON, "")))


def cause(codes: frozenset[str]) -> Cause:
    """Say why somebody is not in the room any more (XEP-0045 section 15.6.2).

    A 307 beside a 333 is no kick: the service removed somebody whom it could not reach (section 11.1).
    """
    if BANNED in codes:
        return Cause.BANNED
    if codes & {TECHNICAL, SHUTDOWN, AFFILIATION_LOST, MEMBERS_ONLY}:
        return Cause.LOST
    return Cause.KICKED if KICKED in codes else Cause.LEFT


def refusal(element: Element) -> Refusal:
    """Read an error stanza; an error that says nothing is an undefined-condition."""
    error = element.find(_ERROR)
    if error is None:
        return Refusal("undefined-condition")
    condition, text = "undefined-condition", ""
    for child in error:
        if child.tag == _ERROR_TEXT:
            text = child.text or ""
        elif child.tag.startswith(_CONDITION):
            condition = child.tag.removeprefix(_CONDITION)
    return Refusal(condition, error.get("type", "cancel"), _words(text))


def is_invitation(element: Element) -> bool:
    """Whether a message lets us in: an invitation (section 7.8.2), or news of our affiliation (code 101)."""
    x = element.find(X)
    if x is None:
        return False
    return x.find(_INVITE) is not None or any(status.get("code") == "101" for status in x.findall(_STATUS))


def affiliations(element: Element) -> list[tuple[str, str]]:
    """Return (bare address, affiliation) of whom a message of the room is about (section 9): they are not in it."""
    x = element.find(X)
    items = [] if x is None else x.findall(_ITEM)
    return [(item.get("jid", "").partition("/")[0], item.get("affiliation", "")) for item in items if item.get("jid")]


def configuration_changed(element: Element) -> bool:
    """Whether a room's message says that its configuration is another one now (codes 102 to 104 and 170 to 173)."""
    x = element.find(X)
    return x is not None and any(
        status.get("code") in {"102", "103", "104", "170", "171", "172", "173"} for status in x.findall(_STATUS)
    )
