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
    Enroll,
    Obstacle,
    Remove,
    Roll,
    Setting,
)
from bridge.core.events import Rank
from bridge.core.jids import from_localpart
from bridge.xmpp.hosted import occupants
from bridge.xmpp.hosted.occupants import MODERATORS, Occupant, standing
from bridge.xmpp.hosted.places import CONDITIONS, Place
from bridge.xmpp.hosted.requests import user
from bridge.xmpp.hosted.service import Hosting
from bridge.xmpp.ports import Answer, IqRefused, Request
from bridge.xmpp.surroundings import RESOURCE
from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire import stanzas

_AFFILIATIONS = {"owner": Rank.OWNER, "admin": Rank.ADMIN, "member": Rank.SPEAKER, "none": Rank.MEMBER}
_ROLES = {"moderator": Rank.MODERATOR, "participant": Rank.SPEAKER, "visitor": Rank.MEMBER}
_ADMIN = f"{{{ns.MUC_ADMIN}}}"
_OWNER = f"{{{ns.MUC_OWNER}}}"
_DATA = f"{{{ns.DATA}}}"
_FIELDS = {
    Setting.MODERATED: ("muc#roomconfig_moderatedroom", "Only who has voice may speak"),
    Setting.INVITED_ONLY: ("muc#roomconfig_membersonly", "Only who is invited may join"),
    Setting.TOPIC_BY_ALL: ("muc#roomconfig_changesubject", "Everybody may set the topic"),
}
_HIDDEN = "muc#roomconfig_publicroom"
_LOCKED = "muc#roomconfig_passwordprotectedroom"
_SECRET = "muc#roomconfig_roomsecret"  # noqa: S105 - the name of a field
_MOST = "muc#roomconfig_maxusers"
_MODES = "linkspan#modes"


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

    def _place(self, request: Request, *, rank: str = "") -> Place:
        """Return the room, for somebody who is in it, and moderates it if they want to ``rank``. Raises: IqRefused."""
        address, _, nick = request.to.partition("/")
        place = self._hosting.place(address)
        if nick or not self._hosting.is_room(address):
            raise IqRefused("service-unavailable")
        occupant = place.room.at(request.sender) if place is not None else None
        if place is None or occupant is None:
            raise IqRefused("not-acceptable", "you are not in this room")
        if rank and occupant.rank not in MODERATORS:
            raise IqRefused("forbidden", rank)
        return place

    # -- muc#admin

    async def _list(self, request: Request) -> str:
        """Return who has a role or an affiliation (sections 9.5 to 9.8)."""
        place = self._place(request)
        items = request.payload.findall(f"{_ADMIN}item")
        if len(items) != 1:
            raise IqRefused("bad-request", "one list at a time")
        affiliation, role = items[0].get("affiliation", ""), items[0].get("role", "")
        if bool(affiliation) is bool(role):
            raise IqRefused("bad-request", "a list is of a role or of an affiliation")
        if affiliation == "outcast" or role:
            self._place(request, rank="only moderators see this list")
        if affiliation == "outcast":
            inner = await self._listed(place, request, Roll.BANNED, affiliation)
        elif affiliation in _AFFILIATIONS or role in _ROLES:
            inner = "".join(
                _item(place, occupant, full=bool(role))
                for occupant in place.room
                if _fits(place, occupant, affiliation, role)
            )
            if affiliation == "member" and place.known is not None and place.known.settings.get(Setting.INVITED_ONLY):
                inner += await self._listed(place, request, Roll.INVITED, affiliation)
        else:
            raise IqRefused("bad-request", "there is no such list")
        return stanzas.element("query", ns.MUC_ADMIN, children=inner)

    async def _listed(self, place: Place, request: Request, roll: Roll, affiliation: str) -> str:
        """Return those of the remote room's own list, who need not be there."""
        domain = place.id.rpartition("@")[2]
        inner = ""
        for mask, by in await self._roll(place, request, roll):
            jid = occupants.address(mask, place.remote.network, domain)
            reason = stanzas.element("reason", words=f"{roll.value} by {by}") if by else ""
            inner += stanzas.element("item", attrs={"affiliation": affiliation, "jid": jid}, children=reason)
        return inner

    async def _roll(self, place: Place, request: Request, roll: Roll) -> list[tuple[str, str]]:
        """Return a list of the remote room; of one that a network does not have nobody is on. Raises: IqRefused."""
        gateway = self._hosting.gateway
        assert gateway is not None, "there is a room, so there is a gateway"
        try:
            return await gateway.roll(place.remote, user(request.sender), roll)
        except ActRefused as refused:
            if refused.obstacle is Obstacle.IMPOSSIBLE or roll is Roll.INVITED:
                return []
            raise self._refusal(place, request, refused) from None

    async def _change(self, request: Request) -> str:
        """Change roles and affiliations, one after the other (sections 8 and 9)."""
        place = self._place(request)
        items = request.payload.findall(f"{_ADMIN}item")
        if not items:
            raise IqRefused("bad-request", "nothing to change")
        for act in [_act(place, request.sender, item) for item in items]:
            await self._do(place, request, await self._exactly(place, request, act))
        return ""

    async def _exactly(self, place: Place, request: Request, act: Act) -> Act:
        """Return what to do: who is taken off a list may be on that of the invited."""
        if not isinstance(act, Enroll) or act.on:
            return act
        invited = {mask for mask, _ in await self._roll(place, request, Roll.INVITED)}
        found = next((mask for mask in (act.who, f"{act.who}!*@*") if mask in invited), None)
        return act if found is None else Enroll(found, Roll.INVITED, on=False)

    async def _do(self, place: Place, request: Request, act: Act) -> None:
        gateway = self._hosting.gateway
        assert gateway is not None, "there is a room, so there is a gateway"
        try:
            await gateway.moderate(place.remote, user(request.sender), act)
        except ActRefused as refused:
            if refused.obstacle is Obstacle.IMPOSSIBLE and isinstance(act, Appoint) and act.rank is Rank.MODERATOR:
                await self._do(place, request, Appoint(name=act.name, rank=Rank.ADMIN))  # the next that there is
                return
            raise self._refusal(place, request, refused) from None

    def _refusal(self, place: Place, request: Request, refused: ActRefused) -> IqRefused:
        """Return the error that fits: who moderates may do much, but not everything to everybody (sections 8.2 and 9.1)."""
        occupant = place.room.at(request.sender)
        if refused.obstacle is Obstacle.FORBIDDEN and (occupant is None or occupant.rank not in MODERATORS):
            return IqRefused("forbidden", str(refused))
        return IqRefused(CONDITIONS[refused.obstacle], str(refused))

    # -- muc#owner

    def _form(self, request: Request) -> str:
        """Return the configuration form (section 10.2)."""
        place = self._place(request, rank="only moderators may configure the room")
        gateway = self._hosting.gateway
        now = gateway.configuration(place.remote) if gateway is not None else Configuration()
        return stanzas.element("query", ns.MUC_OWNER, children=form(now, str(place.remote)))

    async def _configure(self, request: Request) -> str:
        """Take a filled-in form, or a request to destroy, which nobody can do to a channel (section 10.9)."""
        place = self._place(request, rank="only moderators may configure the room")
        if request.payload.find(f"{_OWNER}destroy") is not None:
            raise IqRefused("not-allowed", "a room of another network cannot be destroyed: leave it")
        filled = request.payload.find(f"{_DATA}x")
        if filled is None or filled.get("type") not in {"submit", "cancel"}:
            raise IqRefused("bad-request", "a form is needed, filled in or cancelled")
        wanted = configured(filled) if filled.get("type") == "submit" else Configure()
        if wanted != Configure():
            await self._do(place, request, wanted)
        return ""


def _fits(place: Place, occupant: Occupant, affiliation: str, role: str) -> bool:
    has = standing(occupant.rank, moderated=place.room.moderated)
    return has[0] == affiliation if affiliation else has[1] == role


def _item(place: Place, occupant: Occupant, *, full: bool) -> str:
    """Return somebody as lists have them (section 17.4): of roles with everything, of affiliations without the role."""
    affiliation, role = standing(occupant.rank, moderated=place.room.moderated)
    attrs = {"affiliation": affiliation, "nick": occupant.nick} | ({"role": role} if full else {})
    if occupant.address:
        attrs["jid"] = f"{occupant.address}/{RESOURCE}" if full else occupant.address
    return stanzas.element("item", attrs=attrs)


def _act(place: Place, client: str, item: Element) -> Act:
    """Return what an item asks for. Raises: IqRefused."""
    name, reason = _name(place, item), item.findtext(f"{_ADMIN}reason", "")
    affiliation, role = item.get("affiliation"), item.get("role")
    if affiliation and role:
        raise IqRefused("bad-request", "either a role is changed or an affiliation (section 17.4)")
    if not name:
        raise IqRefused("jid-malformed", "it does not say who is meant")
    occupant = place.room.called(name)
    if affiliation == "outcast" and occupant is not None and client in occupant.clients:
        raise IqRefused("conflict", "nobody bans themselves")
    if affiliation == "outcast" or role == "none":
        return Remove(name=name, reason=reason, ban=affiliation == "outcast")
    if occupant is None and affiliation == "none":
        return Enroll(name, Roll.BANNED, on=False)
    if occupant is None and affiliation == "member":
        return Enroll(name, Roll.INVITED)
    if role in ("participant", "visitor") and occupant is not None and occupant.rank in (Rank.OWNER, Rank.ADMIN):
        raise IqRefused("not-allowed", "an owner or admin has their voice by affiliation: take that")
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
    inner += _field("FORM_TYPE", "hidden", "", ns.MUC_ROOMCONFIG)
    for setting, (name, label) in _FIELDS.items():
        inner += _field(name, "boolean", label, _flag(now.settings.get(setting, False)))
    inner += _field(
        _HIDDEN, "boolean", "It is listed for everybody", _flag(not now.settings.get(Setting.HIDDEN, False))
    )
    inner += _field(_LOCKED, "boolean", "A password is needed to join", _flag(bool(now.password)))
    inner += _field(_SECRET, "text-private", "The password", now.password)
    inner += _field(_MOST, "text-single", "How many may be in it (0: any number)", str(now.most))
    if now.modes:
        inner += _field("", "fixed", "", f"Modes now: {now.modes}")
        inner += _field(_MODES, "text-single", "Modes to change, as in MODE: +c-n", "")
    return stanzas.element("x", ns.DATA, attrs={"type": "form"}, children=inner)


def _field(name: str, kind: str, label: str, value: str) -> str:
    attrs = ({"var": name} if name else {}) | {"type": kind} | ({"label": label} if label else {})
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
    return Configure(settings=settings, password=password, most=most, modes=values.get(_MODES, ""))


def _read(values: dict[str, str], name: str) -> bool:
    value = values[name].lower()
    if value not in {"0", "1", "true", "false", ""}:
        raise IqRefused("not-acceptable", f"{name}: found {value[:20]!r}, expected 1 or 0")
    return value in {"1", "true"}
