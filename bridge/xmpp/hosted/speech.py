"""What is said in a hosted room, as one stanza that goes to many, and the history that newcomers are told.

A :class:`Line` is a groupchat message without its addressee: written once, sent to every client (XEP-0045 section 7.4),
kept for those who come later (section 7.2.13). What a client says is copied element by element, without what only the
room may say (XEP-0359 section 6, XEP-0421). Pure.
"""

from collections.abc import Sequence
from xml.etree.ElementTree import Element

import msgspec

from bridge.xmpp.hosted.occupants import identity
from bridge.xmpp.messages import inbound
from bridge.xmpp.wire import marks, stanzas
from bridge.xmpp.wire import namespaces as ns

MOST = 100
"""Messages of history that anybody gets at once."""
USUAL = 20
"""Messages of history that whoever does not say how many gets."""

_STANZA = f"{{{ns.COMPONENT}}}"
FORGED = frozenset(
    {
        f"{{{ns.OCCUPANT_ID}}}occupant-id",
        f"{{{ns.MUC_USER}}}x",
        f"{{{ns.DELAY}}}delay",
        "{jabber:x:delay}x",
        marks.VIA_TAG,
        marks.GHOST_TAG,
        f"{{{ns.ADDRESS}}}addresses",
    }
)
"""What only a room may say."""
_KEPT = (f"{_STANZA}body", f"{{{ns.REACTIONS}}}reactions", f"{{{ns.RETRACT}}}retract", f"{{{ns.OOB}}}x")
_STANZA_ID = f"{{{ns.IDS}}}stanza-id"
_XML = "{http://www.w3.org/XML/1998/namespace}"
END = "</message>"


class Line(msgspec.Struct, frozen=True):
    """One message of the room."""

    id: str  # its stanza-id
    at: int  # milliseconds since the epoch
    nick: str  # of who said it, "" for the room itself
    head: str  # up to the addressee
    tail: str  # behind it

    def to(self, client: str) -> str:
        """Return it as a stanza for one client."""
        return f"{self.head} to='{stanzas.attribute(client)}'{self.tail}"

    def from_history(self, client: str, room: str) -> str:
        """Return it as a stanza that says when it was said (XEP-0203)."""
        delay = stanzas.delay(inbound.stamp(self.at), sender=room)
        return f"{self.head} to='{stanzas.attribute(client)}'{self.tail.removesuffix(END)}{delay}{END}"

    def forwarded(self) -> str:
        """Return it as it is put into an archive's answer: in a namespace of its own, to nobody."""
        return self.head.replace("<message", f"<message xmlns='{ns.CLIENT}'", 1) + self.tail


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """How much history somebody wants; None is no limit of that kind."""

    stanzas: int = USUAL
    characters: int | None = None
    since: int | None = None  # milliseconds since the epoch


def asked(join: Element, now: int) -> Asked:
    """Read the ``<history/>`` of a join (XEP-0045 section 7.2.14)."""
    history = join.find(f"{{{ns.MUC}}}history")
    if history is None:
        return Asked()
    seconds = _number(history.get("seconds"))
    moments = [inbound.milliseconds(history.get("since", "")), None if seconds is None else now - seconds * 1000]
    since = max((moment for moment in moments if moment is not None), default=None)
    most = _number(history.get("maxstanzas"))
    if most is None:
        most = USUAL if since is None else MOST
    return Asked(stanzas=min(most, MOST), characters=_number(history.get("maxchars")), since=since)


def told(lines: Sequence[Line], wanted: Asked) -> list[Line]:
    """Return what a newcomer is told: the newest lines within all limits, oldest first."""
    left = wanted.characters
    kept: list[Line] = []
    for line in reversed(lines):
        if len(kept) >= wanted.stanzas or (wanted.since is not None and line.at < wanted.since):
            break
        if left is not None:
            left -= len(line.head) + len(line.tail)
            if left < 0:
                break
        kept.append(line)
    return kept[::-1]


def copied(element: Element, *, sender: str, room: str, id_: str, occupant: str, at: int) -> Line:
    """Return what a client says as the room says it to everybody; ``id_`` is its stanza-id."""
    inner = "".join(written(child) for child in element if not is_forged(child, room))
    language = element.get(f"{_XML}lang")
    lang = f" xml:lang='{stanzas.attribute(language)}'" if language else ""
    own = element.get("id")
    ident = f" id='{stanzas.attribute(own)}'" if own else ""
    head = f"<message from='{stanzas.attribute(sender)}'"
    tail = f" type='groupchat'{ident}{lang}>{inner}{_names(room, id_, occupant)}{END}"
    return Line(id_, at, sender.partition("/")[2], head, tail)


def is_forged(child: Element, room: str) -> bool:
    """Tell whether only the room may say this; an id that others have given (XEP-0359 section 3.2) is theirs."""
    if child.tag == _STANZA_ID:
        return child.get("by", room) == room
    return child.tag in FORGED


def spoken(stanza: str, *, room: str, id_: str, occupant: str, at: int, nick: str) -> Line:
    """Return a stanza that ``outbound`` has written, addressed to ``@``, as the room says it to everybody."""
    head, _, tail = stanza.partition(" to='@'")
    return Line(id_, at, nick, head, f"{tail.removesuffix(END)}{_names(room, id_, occupant)}{END}")


def remembered(body: str, *, room: str, id_: str, at: int, nick: str) -> Line:
    """Return words of which no more is known than who said them when."""
    head = f"<message from='{stanzas.attribute(f'{room}/{nick}' if nick else room)}'"
    tail = f" type='groupchat' id='{stanzas.attribute(id_)}'>{stanzas.element('body', words=body)}"
    names = stanzas.element("stanza-id", ns.IDS, attrs={"by": room, "id": id_})
    return Line(id_, at, nick, head, f"{tail}{names}{END}")


def _names(room: str, id_: str, occupant: str) -> str:
    names = stanzas.element("stanza-id", ns.IDS, attrs={"by": room, "id": id_})
    return names + identity(occupant)


def written(element: Element, outer: str = ns.COMPONENT) -> str:
    """Return an element as text, for a place where ``outer`` is the namespace in force."""
    namespace, _, name = element.tag[1:].rpartition("}")
    attrs = {_attribute(key): value for key, value in element.items()}
    head = f"<{name}" + (f" xmlns='{stanzas.attribute(namespace)}'" if namespace != outer else "")
    for key, value in attrs.items():
        head += f" {key}='{stanzas.attribute(value)}'" if key else ""
    inner = stanzas.text(element.text or "") + "".join(_with_tail(child, namespace) for child in element)
    return f"{head}>{inner}</{name}>" if inner else f"{head}/>"


def _with_tail(child: Element, outer: str) -> str:
    return written(child, outer) + stanzas.text(child.tail or "")


def _attribute(key: str) -> str:
    """Return how an attribute is written; those of foreign namespaces are left out."""
    if not key.startswith("{"):
        return key
    return f"xml:{key.removeprefix(_XML)}" if key.startswith(_XML) else ""


def has_words(element: Element) -> bool:
    """Tell whether a message is worth keeping: not a chat state, nor a marker."""
    return any(element.find(tag) is not None for tag in _KEPT) and element.find(f"{{{ns.HINTS}}}no-store") is None


def is_fleeting(element: Element) -> bool:
    """Tell whether a message says nothing that anybody would miss: a chat state, a marker."""
    return all(element.find(tag) is None for tag in (*_KEPT, f"{_STANZA}subject"))


def _number(value: str | None) -> int | None:
    return int(value) if value is not None and value.isascii() and value.isdigit() and len(value) < 10 else None
