"""Who is in a hosted room, and the presences by which others see them (XEP-0045 sections 7.1 to 7.6, 9, 17).

Values and the writing of stanzas; what happens in a room is decided in ``room``. An occupant is somebody of the remote
room, or a user who is here with one client or several.
"""

from collections.abc import Iterable, Mapping

import msgspec

from bridge.core.events import Presence, Rank, Show
from bridge.core.ids import Network, Person, digest
from bridge.core.jids import TooLong, to_localpart
from bridge.xmpp.surroundings import RESOURCE
from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire import stanzas

NON_ANONYMOUS, CONFIGURED, SELF, LOGGED, CREATED, ASSIGNED = "100", "104", "110", "170", "201", "210"
BANNED, RENAMED, KICKED, SHUTDOWN, TECHNICAL = "301", "303", "307", "332", "333"

STANDING: Mapping[Rank, tuple[str, str]] = {
    Rank.OWNER: ("owner", "moderator"),
    Rank.ADMIN: ("admin", "moderator"),
    Rank.MODERATOR: ("member", "moderator"),
    Rank.SPEAKER: ("member", "participant"),
    Rank.MEMBER: ("none", "participant"),
}
"""Affiliation and role of each rank: on IRC founder and protected (q, a), operator, half-operator, voice, none."""
MODERATORS = frozenset({Rank.OWNER, Rank.ADMIN, Rank.MODERATOR})
HATS: Mapping[Rank, str] = {
    Rank.OWNER: "Owner",
    Rank.ADMIN: "Operator",
    Rank.MODERATOR: "Half-operator",
    Rank.SPEAKER: "Voice",
}
"""What a rank is called where hats are shown (XEP-0317)."""
_HAT = "urn:linkspan:rank:0#"
_SHOWS = {Show.AVAILABLE: "", Show.AWAY: "away", Show.DND: "dnd"}


class Occupant(msgspec.Struct, eq=False, kw_only=True):
    """Somebody in a room."""

    person: Person
    nick: str
    id: str  # XEP-0421
    address: str = ""  # the JID that others are shown
    rank: Rank = Rank.MEMBER
    presence: Presence = Presence()
    is_user: bool = False  # one of ours: here with clients, or kept here without
    wanted: str = ""  # the nick that a user has asked for
    avatar: str = ""  # as ``Member.avatar``
    photo: str = ""  # SHA-1 of the picture that it is, once that is here
    clients: dict[str, Presence] = msgspec.field(default_factory=dict)  # by full JID, in the order of their coming
    since: int = 0


class Removal(msgspec.Struct, frozen=True, kw_only=True):
    """Why somebody is not in the room any more, as their last presence says it."""

    codes: tuple[str, ...] = ()
    status: str = ""
    actor: str = ""
    reason: str = ""
    new_nick: str = ""
    affiliation: str = ""
    destroyed: str = ""  # the <destroy/> element


def standing(rank: Rank, *, moderated: bool) -> tuple[str, str]:
    """Return affiliation and role; where the room is ``moderated``, who has no rank may only listen (section 5.1.1)."""
    affiliation, role = STANDING[rank]
    return affiliation, "visitor" if moderated and rank is Rank.MEMBER else role


def occupant_id(instance: str, person: Person) -> str:
    """Return the id that somebody has in every hosted room, under whatever nick (XEP-0421 section 4)."""
    return digest("occupant", instance, person.network, person.id)


def address(remote_id: str, network: Network | None, domain: str) -> str:
    """Return the bare JID behind which somebody of a network is written to, "" for an id that is longer than any."""
    try:
        return f"{to_localpart(remote_id, network)}@{domain}"
    except TooLong:
        return ""


def best(presences: Iterable[Presence]) -> Presence:
    """Return the presence of somebody with several clients: the most available one."""
    order = (Show.AVAILABLE, Show.DND, Show.AWAY)
    return min(presences, key=lambda presence: order.index(presence.show), default=Presence(Show.AWAY))


def available(
    occupant: Occupant, room: str, to: str, *, codes: tuple[str, ...] = (), own: str = "", moderated: bool = False
) -> str:
    """Return the presence of somebody who is here; ``own`` is the real JID that somebody sees of themselves."""
    affiliation, role = standing(occupant.rank, moderated=moderated)
    item = {"affiliation": affiliation, "role": role} | _shown(occupant, own)
    return stanzas.presence(
        f"{room}/{occupant.nick}",
        to,
        show=_SHOWS[occupant.presence.show],
        status=occupant.presence.status,
        extra=_x(stanzas.element("item", attrs=item), codes)
        + identity(occupant.id)
        + _hats(occupant.rank)
        + stanzas.avatar(occupant.photo),
    )


def unavailable(occupant: Occupant, room: str, to: str, removal: Removal, *, own: str = "") -> str:
    """Return the presence of somebody who is not here any more, or not under this nick."""
    affiliation, role = STANDING[occupant.rank]
    if not removal.new_nick:
        role = "none"
    item = {"affiliation": removal.affiliation or affiliation, "role": role} | _shown(occupant, own)
    if removal.new_nick:
        item["nick"] = removal.new_nick
    inner = stanzas.element("actor", attrs={"nick": removal.actor}) if removal.actor else ""
    if removal.reason:
        inner += stanzas.element("reason", words=removal.reason)
    codes = removal.codes + ((SELF,) if own else ())
    return stanzas.presence(
        f"{room}/{occupant.nick}",
        to,
        kind="unavailable",
        status=removal.status,
        extra=_x(stanzas.element("item", attrs=item, children=inner) + removal.destroyed, codes)
        + identity(occupant.id),
    )


def stranger(occupant: str, to: str) -> str:
    """Return what tells a client that it is not in the room where it thinks that it is (section 7.2.12)."""
    item = stanzas.element("item", attrs={"affiliation": "none", "role": "none"})
    return stanzas.presence(occupant, to, kind="unavailable", extra=_x(item, (SELF, KICKED, TECHNICAL)))


def told(code: str, room: str, to: str) -> str:
    """Return what tells a client of something about the whole room (section 10.2.1)."""
    return stanzas.message(room, to, kind="groupchat", extra=_x("", (code,)))


def _shown(occupant: Occupant, own: str) -> dict[str, str]:
    """Return the JID that a client is shown of somebody: a full one (section 17.3, rule 10)."""
    if own or occupant.address:
        return {"jid": own or f"{occupant.address}/{RESOURCE}"}
    return {}


def _x(inner: str, codes: tuple[str, ...]) -> str:
    statuses = "".join(f"<status code='{code}'/>" for code in codes)
    return f"<x xmlns='{ns.MUC_USER}'>{inner}{statuses}</x>"


def identity(id_: str) -> str:
    """Return the element that says who somebody is, under whatever nick (XEP-0421); "" for the room itself."""
    return f"<occupant-id xmlns='{ns.OCCUPANT_ID}' id='{id_}'/>" if id_ else ""


def _hats(rank: Rank) -> str:
    title = HATS.get(rank)
    if title is None:
        return ""
    hat = stanzas.element("hat", attrs={"title": title, "uri": f"{_HAT}{rank}"})
    return stanzas.element("hats", ns.HATS, children=hat)
