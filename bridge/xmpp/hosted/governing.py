"""What users may ask of a hosted room about others and about itself: muc#admin and muc#owner (XEP-0045 sections 8 to 10).

Roles and affiliations are the ranks of the remote room, so every change is asked of that, over the user's own connection,
and answered when it has said yes or no. What has changed is seen by everybody when the remote room tells it.
"""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from bridge.core.acts import (
    Act,
    ActRefused,
    Appoint,
    Configuration,
    Configure,
    Obstacle,
    Remove,
    Setting,
    Unban,
)
from bridge.core.events import Rank
from bridge.core.jids import from_localpart
from bridge.xmpp import namespaces as ns
from bridge.xmpp import stanzas
from bridge.xmpp.hosted import occupants
from bridge.xmpp.hosted.occupants import STANDING, Occupant
from bridge.xmpp.hosted.requests import user
from bridge.xmpp.hosted.service import Hosting, Place
from bridge.xmpp.ports import Answer, IqRefused, Request

CONDITIONS = {
    Obstacle.FORBIDDEN: "not-allowed",
    Obstacle.ABSENT: "item-not-found",
    Obstacle.IMPOSSIBLE: "feature-not-implemented",
    Obstacle.AWAY: "remote-server-timeout",
    Obstacle.ALREADY: "conflict",
    Obstacle.BUSY: "resource-constraint",
}
_AFFILIATIONS = {"owner": Rank.OWNER, "admin": Rank.ADMIN, "member": Rank.SPEAKER, "none": Rank.MEMBER}
_ROLES = {"moderator": Rank.MODERATOR, "participant": Rank.SPEAKER, "visitor": Rank.MEMBER}
_ADMIN = f"{{{ns.MUC_ADMIN}}}"
_OWNER = f"{{{ns.MUC_OWNER}}}"
_DATA = f"{{{ns.DATA}}}"
_FORM = "http://jabber.org/protocol/muc#roomconfig"
_FIELDS = {
    Setting.MODERATED: ("muc#roomconfig_moderatedroom", "Only who has voice may speak"),
    Setting.INVITED_ONLY: ("muc#roomconfig_membersonly", "Only who is invited may join"),
    Setting.TOPIC_BY_ALL: ("muc#roomconfig_changesubject", "Everybody may set the topic"),
}
_HIDDEN = "muc#roomconfig_publicroom"
_LOCKED = "muc#roomconfig_passwordprotectedroom"
_SECRET = "muc#roomconfig_roomsecret"  # noqa: S105 - the name of a field
_MOST = "muc#roomconfig_maxusers"


class Governing:
    """Answers muc#admin and muc#owner."""

    def __init__(self, hosting: Hosting) -> None:
        self._hosting = hosting

    def answers(self) -> Iterator[tuple[str, str, Answer]]:
        """Return what is asked and who answers it."""
        yield "get", f"{_ADMIN}query", self._list
        yield "set", f"{_ADMIN}query", self._change
        yield "get", f"{_OWNER}query", self._form
        yield "set", f"{_OWNER}query", self._configure

    def _place(self, request: Request) -> Place:
        """Return the room, for somebody who is in it. Raises: IqRefused."""
        address, _, nick = request.to.partition("/")
        place = self._hosting.place(address)
        if nick or not self._hosting.is_room(address):
            raise IqRefused("service-unavailable")
        if place is None or place.room.at(request.sender) is None:
            raise IqRefused("not-acceptable", "you are not in this room")
        return place

    # -- muc#admin

    async def _list(self, request: Request) -> str:
        """Return who has a role or an affiliation (sections 9.5 to 9.8)."""
        place = self._place(request)
        items = request.payload.findall(f"{_ADMIN}item")
        if len(items) != 1:
            raise IqRefused("bad-request", "one list at a time")
        affiliation, role = items[0].get("affiliation", ""), items[0].get("role", "")
        if affiliation == "outcast":
            inner = await self._outcasts(place, request)
        elif affiliation in _AFFILIATIONS or role in _ROLES:
            inner = "".join(_item(occupant) for occupant in place.room if _fits(occupant, affiliation, role))
        else:
            raise IqRefused("bad-request", "there is no such list")
        return stanzas.element("query", ns.MUC_ADMIN, children=inner)

    async def _outcasts(self, place: Place, request: Request) -> str:
        gateway = self._hosting.gateway
        assert gateway is not None, "there is a room, so there is a gateway"
        try:
            bans = await gateway.bans(place.remote, user(request.sender))
        except ActRefused as refused:
            raise _refusal(refused) from None
        domain = place.id.rpartition("@")[2]
        inner = ""
        for mask, by in bans:
            jid = occupants.address(mask, place.remote.network, domain)
            reason = stanzas.element("reason", words=f"banned by {by}") if by else ""
            inner += stanzas.element("item", attrs={"affiliation": "outcast", "jid": jid}, children=reason)
        return inner

    async def _change(self, request: Request) -> str:
        """Change roles and affiliations, one after the other (sections 8 and 9)."""
        place = self._place(request)
        items = request.payload.findall(f"{_ADMIN}item")
        if not items:
            raise IqRefused("bad-request", "nothing to change")
        for act in [_act(place, item) for item in items]:
            await self._do(place, request, act)
        return ""

    async def _do(self, place: Place, request: Request, act: Act) -> None:
        gateway = self._hosting.gateway
        assert gateway is not None, "there is a room, so there is a gateway"
        try:
            await gateway.moderate(place.remote, user(request.sender), act)
        except ActRefused as refused:
            raise _refusal(refused) from None

    # -- muc#owner

    def _form(self, request: Request) -> str:
        """Return the configuration form (section 10.2)."""
        place = self._place(request)
        gateway = self._hosting.gateway
        now = gateway.configuration(place.remote) if gateway is not None else Configuration()
        return stanzas.element("query", ns.MUC_OWNER, children=form(now, str(place.remote)))

    async def _configure(self, request: Request) -> str:
        """Take a filled-in form, or a request to destroy, which nobody can do to a channel (section 10.9)."""
        place = self._place(request)
        if request.payload.find(f"{_OWNER}destroy") is not None:
            raise IqRefused("not-allowed", "a room of another network cannot be destroyed: leave it")
        filled = request.payload.find(f"{_DATA}x")
        if filled is None or filled.get("type") not in {"submit", "cancel"}:
            raise IqRefused("bad-request", "a form is needed, filled in or cancelled")
        wanted = configured(filled) if filled.get("type") == "submit" else Configure()
        if wanted != Configure():
            await self._do(place, request, wanted)
        return ""


def _refusal(refused: ActRefused) -> IqRefused:
    return IqRefused(CONDITIONS[refused.obstacle], str(refused))


def _fits(occupant: Occupant, affiliation: str, role: str) -> bool:
    has = STANDING[occupant.rank]
    return has[0] == affiliation if affiliation else has[1] == role


def _item(occupant: Occupant) -> str:
    affiliation, role = STANDING[occupant.rank]
    attrs = {"affiliation": affiliation, "role": role, "nick": occupant.nick}
    if occupant.address:
        attrs["jid"] = occupant.address
    return stanzas.element("item", attrs=attrs)


def _act(place: Place, item: Element) -> Act:
    """Return what an item asks for. Raises: IqRefused."""
    name, reason = _name(place, item), item.findtext(f"{_ADMIN}reason", "")
    affiliation, role = item.get("affiliation"), item.get("role")
    if not name:
        raise IqRefused("jid-malformed", "it does not say who is meant")
    if affiliation == "outcast":
        return Remove(name=name, reason=reason, ban=True)
    if role == "none":
        return Remove(name=name, reason=reason)
    if affiliation == "none" and "!" in name:
        return Unban(name)
    rank = _AFFILIATIONS.get(affiliation) if affiliation else _ROLES.get(role or "")
    if rank is None:
        raise IqRefused("bad-request", "there is no such role or affiliation")
    return Appoint(name=name, rank=rank)


def _name(place: Place, item: Element) -> str:
    """Return the nick on the network of who is meant, by nick or by address; a ban's mask as it is."""
    nick = item.get("nick")
    if nick:
        return nick
    jid = item.get("jid", "").partition("/")[0]
    localpart, _, domain = jid.rpartition("@")
    if domain == place.id.rpartition("@")[2]:
        found = from_localpart(localpart)
        return found[0] if found is not None else ""
    occupant = place.room.find(user(jid))
    return occupant.nick if occupant is not None else ""


def form(now: Configuration, title: str) -> str:
    """Return the form that shows what a room is."""
    inner = stanzas.element("title", words=title)
    inner += _field("FORM_TYPE", "hidden", "", _FORM)
    for setting, (name, label) in _FIELDS.items():
        inner += _field(name, "boolean", label, _flag(now.settings.get(setting, False)))
    inner += _field(
        _HIDDEN, "boolean", "It is listed for everybody", _flag(not now.settings.get(Setting.HIDDEN, False))
    )
    inner += _field(_LOCKED, "boolean", "A password is needed to join", _flag(bool(now.password)))
    inner += _field(_SECRET, "text-private", "The password", now.password)
    inner += _field(_MOST, "text-single", "How many may be in it (0: any number)", str(now.most))
    return stanzas.element("x", ns.DATA, attrs={"type": "form"}, children=inner)


def _field(name: str, kind: str, label: str, value: str) -> str:
    attrs = {"var": name, "type": kind} | ({"label": label} if label else {})
    return stanzas.element("field", attrs=attrs, children=stanzas.element("value", words=value))


def _flag(value: bool) -> str:  # noqa: FBT001 - what is written is the value
    return "1" if value else "0"


def configured(filled: Element) -> Configure:
    """Return what a filled-in form asks for. Raises: IqRefused, naming the field."""
    values = {
        field.get("var", ""): field.findtext(f"{_DATA}value", "").strip() for field in filled.findall(f"{_DATA}field")
    }
    settings = {setting: _read(values, name) for setting, (name, _) in _FIELDS.items() if name in values}
    if _HIDDEN in values:
        settings[Setting.HIDDEN] = not _read(values, _HIDDEN)
    password = None
    if _SECRET in values or _LOCKED in values:
        locked = _read(values, _LOCKED) if _LOCKED in values else bool(values.get(_SECRET))
        password = values.get(_SECRET, "") if locked else ""
        if locked and not password:
            raise IqRefused("not-acceptable", f"{_SECRET}: a password is needed")
    most = None
    if _MOST in values:
        text = values[_MOST] or "0"
        if not (text.isascii() and text.isdigit() and len(text) < 8) and text != "none":
            raise IqRefused("not-acceptable", f"{_MOST}: found {text[:20]!r}, expected a number")
        most = 0 if text == "none" else int(text)
    return Configure(settings=settings, password=password, most=most)


def _read(values: dict[str, str], name: str) -> bool:
    value = values[name].lower()
    if value not in {"0", "1", "true", "false", ""}:
        raise IqRefused("not-acceptable", f"{name}: found {value[:20]!r}, expected 1 or 0")
    return value in {"1", "true"}
