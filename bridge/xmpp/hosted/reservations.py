"""Nicks that users keep for themselves among the users of the bridge: registering with a room (XEP-0045 sections 7.10 and 7.12).

A nick of IRC is one for the whole network, so it is kept for a network, at whichever of its rooms it was registered. It is
kept from other users of the bridge only; on the network it is its services that keep nicks (NickServ).
"""

from collections.abc import Callable, Iterator
from xml.etree.ElementTree import Element

from bridge.connector import Hub
from bridge.core.ids import Network
from bridge.core.nicks import nick_key
from bridge.core.text import clean_name
from bridge.xmpp.hosted.places import Place
from bridge.xmpp.ports import Answer, IqRefused, Request
from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire import stanzas

_PREFIX = "nick "
_LONGEST = 100
_REGISTER = f"{{{ns.REGISTER}}}"
_DATA = f"{{{ns.DATA}}}"
_NICK = "muc#register_roomnick"
_ASKED = "The nick that nobody else of this bridge shall have here"


class Reservations:
    """Who keeps which nick."""

    def __init__(
        self,
        hub: Callable[[], Hub | None],
        *,
        place: Callable[[str], Place | None],
        network: Callable[[str], Network | None],
        refuses: Callable[[str, Network], str],
    ) -> None:
        """``network`` is the one behind a room's address, ``refuses`` says why somebody may not use its rooms."""
        self._hub = hub
        self._place = place
        self._network = network
        self._refuses = refuses
        self._nicks: dict[tuple[Network, str], str] = {}  # by network and user
        self._users: dict[tuple[Network, str], str] = {}  # by network and nick

    async def recall(self) -> None:
        """Learn what was reserved in earlier runs."""
        hub = self._hub()
        for name, nick in (await hub.recollect(_PREFIX) if hub is not None else {}).items():
            network, _, user = name.removeprefix(_PREFIX).partition(" ")
            if nick:
                self._put(Network(network), user, nick)

    def of(self, network: Network, user: str) -> str:
        """Return the nick that somebody has reserved, "" for none."""
        return self._nicks.get((network, user), "")

    def is_kept(self, network: Network, nick: str, user: str) -> bool:
        """Tell whether a nick is reserved by another user."""
        return self._users.get((network, _key(nick)), user) != user

    def _put(self, network: Network, user: str, nick: str) -> None:
        old = self._nicks.pop((network, user), "")
        if old:
            self._users.pop((network, _key(old)), None)
        if nick:
            self._nicks[network, user] = nick
            self._users[network, _key(nick)] = user

    # -- what is asked of a room

    def answers(self) -> Iterator[tuple[str, str, Answer]]:
        """Return what is asked and who answers it."""
        yield "get", f"{_REGISTER}query", self._form
        yield "set", f"{_REGISTER}query", self._register

    def _who(self, request: Request) -> tuple[Network, str]:
        """Return network and user. Raises: IqRefused."""
        address, _, nick = request.to.partition("/")
        network = self._network(address)
        if network is None or nick:
            raise IqRefused("service-unavailable")
        user = request.sender.partition("/")[0]
        why = self._refuses(user, network)
        if why:
            raise IqRefused("not-allowed", why)
        return network, user

    def _form(self, request: Request) -> str:
        nick = self.of(*self._who(request))
        inner = stanzas.element("registered") + stanzas.element("username", words=nick) if nick else ""
        return stanzas.element("query", ns.REGISTER, children=inner + _form(nick))

    def _register(self, request: Request) -> str:
        """Reserve a nick, or give it back (XEP-0077 section 3.2). Raises: IqRefused, naming what is wrong."""
        network, user = self._who(request)
        if request.payload.find(f"{_REGISTER}remove") is not None:
            self._keep(network, user, "")
            return ""
        nick = _given(request.payload)
        place = self._place(request.to)
        occupant = place.room.called(nick) if place is not None else None
        is_other = occupant is not None and occupant.person.id != user
        if is_other or self.is_kept(network, nick, user):
            raise IqRefused("conflict", "somebody else has this nick")
        self._keep(network, user, nick)
        return ""

    def _keep(self, network: Network, user: str, nick: str) -> None:
        self._put(network, user, nick)
        hub = self._hub()
        if hub is not None:
            hub.remember(f"{_PREFIX}{network} {user}", nick)


def _key(nick: str) -> str:
    return nick_key(nick).lower()


def _given(query: Element) -> str:
    """Return the nick that somebody wants. Raises: IqRefused."""
    form = query.find(f"{_DATA}x")
    if form is None or form.get("type") != "submit":
        raise IqRefused("bad-request", "a form is needed, filled in")
    fields = {field.get("var"): field.findtext(f"{_DATA}value", "") for field in form.findall(f"{_DATA}field")}
    nick = clean_name(fields.get(_NICK, "")[:_LONGEST]).strip()
    if not nick:
        raise IqRefused("bad-request", f"{_NICK}: a nick is needed")
    return nick


def _form(nick: str) -> str:
    kind = stanzas.element("value", words=ns.MUC_REGISTER)
    inner = stanzas.element("title", words="A nick for this network") + stanzas.element("instructions", words=_ASKED)
    inner += stanzas.element("field", attrs={"var": "FORM_TYPE", "type": "hidden"}, children=kind)
    attrs = {"var": _NICK, "type": "text-single", "label": "Nick"}
    value = stanzas.element("value", words=nick) if nick else ""
    inner += stanzas.element("field", attrs=attrs, children=value + "<required/>")
    return stanzas.element("x", ns.DATA, attrs={"type": "form"}, children=inner)
