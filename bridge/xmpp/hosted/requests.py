"""What clients ask of a hosted room, read from stanzas into values (XEP-0045). Pure, without state."""

from functools import lru_cache
from xml.etree.ElementTree import Element

import msgspec

from bridge.core.events import Barrier, Presence, Show
from bridge.core.ids import XMPP, Person, PersonId
from bridge.core.text import clean_name
from bridge.xmpp.hosted import speech
from bridge.xmpp.hosted.speech import Asked, Line
from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire import stanzas
from bridge.xmpp.wire.errors import KINDS

_STANZA = f"{{{ns.COMPONENT}}}"
JOIN = f"{{{ns.MUC}}}x"
_PASSWORD = f"{{{ns.MUC}}}password"
_SHOWS = {"away": Show.AWAY, "xa": Show.AWAY, "dnd": Show.DND}
_LONGEST_STATUS = 1_000
FATAL = frozenset(
    {
        "gone",
        "item-not-found",
        "recipient-unavailable",
        "redirect",
        "remote-server-not-found",
        "remote-server-timeout",
        "service-unavailable",
        "jid-malformed",
    }
)
"""Errors that say of a client that it is not there any more (section 18.1.2)."""


class Refused(msgspec.Struct, frozen=True):
    """A request that is refused: the condition (RFC 6120 section 8.3.3), and why, in words."""

    condition: str
    words: str = ""
    special: str = ""  # a condition of an extension's own, as XML

    def written(self, by: str) -> str:
        """Return the ``<error/>``; ``by`` is the room."""
        error = stanzas.error(self.condition, kind=KINDS[self.condition], words=self.words)
        error = error.replace("</error>", f"{self.special}</error>") if self.special else error
        return error.replace("<error ", f"<error by='{stanzas.attribute(by)}' ", 1)


class Join(msgspec.Struct, frozen=True, kw_only=True):
    """A client that wants in."""

    client: str  # full JID
    nick: str
    id: str = ""
    password: str = ""
    presence: Presence = Presence()
    history: Asked = Asked()
    past: tuple[Line, ...] | None = None  # what this user may read of what was said, None: what the room remembers


BARRIERS = {
    Barrier.OTHER: "not-allowed",
    Barrier.PASSWORD: "not-authorized",
    Barrier.INVITATION: "registration-required",
    Barrier.BAN: "forbidden",
    Barrier.FULL: "service-unavailable",
    Barrier.REGISTRATION: "registration-required",
    Barrier.MISSING: "item-not-found",
    Barrier.UNREACHABLE: "remote-server-not-found",
}
"""What keeps somebody out, as section 7.2 has it."""


def join(element: Element, nick: str, now: int) -> Join:
    """Read a presence with ``<x/>``; ``now`` in milliseconds since the epoch."""
    x = element.find(JOIN)
    return Join(
        client=element.get("from", ""),
        nick=nick,
        id=element.get("id", ""),
        password="" if x is None else x.findtext(_PASSWORD, ""),
        presence=presence(element),
        history=Asked() if x is None else speech.asked(x, now),
    )


def presence(element: Element) -> Presence:
    """Read how available somebody is."""
    show = element.findtext(f"{_STANZA}show", "")
    status = clean_name(element.findtext(f"{_STANZA}status", "")[:_LONGEST_STATUS])
    return Presence(_SHOWS.get(show, Show.AVAILABLE), status)


def status(element: Element) -> str:
    """Read the words of a presence."""
    return clean_name(element.findtext(f"{_STANZA}status", "")[:_LONGEST_STATUS])


@lru_cache(maxsize=4096)
def user(client: str) -> Person:
    """Return whose client this is; the same object for the same client, as it is kept in many places."""
    return Person(XMPP, PersonId(client.partition("/")[0]))


def bounced(refused: Refused, *, to: str, client: str, id_: str) -> str:
    """Return the error that answers a client's message ``to`` a room or to somebody in it."""
    return stanzas.message(to, client, kind="error", id_=id_, extra=refused.written(to.partition("/")[0]))


def returned(element: Element, refused: Refused) -> str:
    """Return the error that answers a client's message."""
    return bounced(refused, to=element.get("to", ""), client=element.get("from", ""), id_=element.get("id", ""))
