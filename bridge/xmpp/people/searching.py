"""Searches at a network's address: people (XEP-0055) and rooms (XEP-0433), with forms whose fields are typed.

Given to ``answers`` by the connector. Who may search is whoever may use the gateway; how often, the network says.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Final
from xml.etree.ElementTree import Element

from bridge.connector import Listed
from bridge.core.acts import ActRefused
from bridge.core.ids import Network
from bridge.core.profiles import Profile, Wanted
from bridge.xmpp.hosted import occupants
from bridge.xmpp.hosted.places import CONDITIONS
from bridge.xmpp.hosted.requests import user
from bridge.xmpp.hosted.service import Hosting
from bridge.xmpp.people.profiles import People
from bridge.xmpp.ports import Answer, IqRefused, Request
from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire import pages, stanzas

LONGEST: Final = 200
"""Characters of a value."""
_FORM, _FIELD, _VALUE = (f"{{{ns.DATA}}}{name}" for name in ("x", "field", "value"))
_SEARCH = f"{{{ns.SEARCH}}}"
_WHOM: Final = {
    "nick": ("Nick", "name"),
    "fn": ("Real name", "full_name"),
    "account": ("Account", "account"),
    "user": ("User name", "user"),
    "host": ("Host", "host"),
    "server": ("Server", "server"),
    "room": ("In this room", "room"),
}
"""Fields of the form for people: their labels, and what of :class:`Wanted` they are."""
_REPORTED: Final = {"jid": "Address", "nick": "Nick", "fn": "Real name", "account": "Account", "server": "Server"}
_HINT: Final = "* stands for any characters, ? for one; all fields that are filled in have to fit."
_ORDERS: Final = {
    f"{{{ns.CHANNEL_SEARCH_ORDER}}}nusers": "Number of people",
    f"{{{ns.CHANNEL_SEARCH_ORDER}}}address": "Address",
}
_BY_USERS, _BY_ADDRESS = _ORDERS
_MUC: Final = "xep-0045"


class Searching:
    """Answers searches."""

    def __init__(
        self, *, people: Callable[[], People | None], hosting: Hosting, network_at: Callable[[str], Network | None]
    ) -> None:
        """``network_at`` gives the network whose own address this is."""
        self._people = people
        self._hosting = hosting
        self._network_at = network_at

    def answers(self) -> Iterator[tuple[str, str, Answer]]:
        """Return what is asked and who answers it."""
        yield "get", f"{_SEARCH}query", self._form
        yield "set", f"{_SEARCH}query", self._search
        for kind in ("get", "set"):
            yield kind, f"{{{ns.CHANNEL_SEARCH}}}search", self._rooms

    def _network(self, request: Request) -> Network:
        """Return the network that is asked. Raises: IqRefused."""
        network = self._network_at(request.to.partition("/")[0])
        if network is None:
            raise IqRefused("service-unavailable", "only networks can be searched")
        return network

    # -- people

    def _asked(self, request: Request) -> tuple[Network, People]:
        network, people = self._network(request), self._people()
        if people is None or not people.informs(network):
            raise IqRefused("service-unavailable", f"{network} cannot be searched for people")
        if not people.may(request.sender.partition("/")[0], network):
            raise IqRefused("forbidden", "you may not use this gateway")
        return network, people

    def _form(self, request: Request) -> str:
        """Return the form (XEP-0055 section 2), and what clients without forms can fill in."""
        network, _ = self._asked(request)
        inner = _named("title", f"People on {network}") + _named("instructions", _HINT) + _hidden(ns.SEARCH)
        inner += "".join(_field(var, "text-single", label) for var, (label, _) in _WHOM.items())
        form = stanzas.element("x", ns.DATA, attrs={"type": "form"}, children=inner)
        plain = _named("instructions", _HINT) + "<first/><nick/>"
        return stanzas.element("query", ns.SEARCH, children=plain + form)

    async def _search(self, request: Request) -> str:
        """Return who fits, a page of them (XEP-0059). Raises: IqRefused."""
        network, people = self._asked(request)
        form = request.payload.find(_FORM)
        given = _given(form) if form is not None else _plainly_given(request.payload)
        wanted = Wanted(**{key: given[var] for var, (_, key) in _WHOM.items() if given.get(var)})
        if wanted == Wanted():
            raise IqRefused("not-acceptable", "fill in at least one field")
        try:
            found = await people.people(network, wanted, user(request.sender))
        except ActRefused as refused:
            raise IqRefused(CONDITIONS[refused.obstacle], str(refused)) from None
        domain = request.to.partition("/")[0].rpartition("@")[2]
        rows = [(jid, one) for one in found if (jid := occupants.address(one.person.id, network, domain))]
        shown, edge = pages.cut([jid for jid, _ in rows], request.payload.find(pages.SET))
        page = [rows[i] for i in shown]
        inner = "".join(_plain_item(jid, one) for jid, one in page) if form is None else _reported(page)
        return stanzas.element("query", ns.SEARCH, children=inner + edge)

    # -- rooms

    def _rooms(self, request: Request) -> str | Awaitable[str]:
        network = self._network(request)
        form = request.payload.find(_FORM)
        if form is None:
            return stanzas.element("search", ns.CHANNEL_SEARCH, children=_rooms_form())
        return self._found_rooms(network, request, _given(form))

    async def _found_rooms(self, network: Network, request: Request, given: Mapping[str, str]) -> str:
        """Return a page of the rooms that fit (XEP-0433). Raises: IqRefused."""
        gateway = self._hosting.gateway
        if gateway is None or gateway.refuses(request.sender.partition("/")[0], network):
            raise IqRefused("forbidden", "you may not use this gateway")
        types = _values(request.payload, "types")
        fits = _filter(given) if not types or _MUC in types else _nothing
        order = given.get("key", _BY_USERS)
        if order not in _ORDERS:
            raise _refused("feature-not-implemented", "invalid-sort-key", "sort by nusers or address")
        try:
            listed = await gateway.rooms(network, user(request.sender))
        except ActRefused as refused:
            raise IqRefused("service-unavailable", str(refused)) from None
        domain = request.to.partition("/")[0].rpartition("@")[2]
        rooms = [
            (jid, one) for one in listed if (jid := occupants.address(one.room, network, domain)) and fits(jid, one)
        ]
        rooms.sort(key=lambda row: (-row[1].members, row[0]) if order == _BY_USERS else (0, row[0]))
        shown, edge = pages.cut([jid for jid, _ in rooms], request.payload.find(pages.SET))
        inner = "".join(_room(*rooms[i]) for i in shown)
        return stanzas.element("result", ns.CHANNEL_SEARCH, children=inner + edge)


def _given(form: Element) -> dict[str, str]:
    """Return the first value of each field. Raises: IqRefused."""
    if form.get("type") != "submit":
        raise IqRefused("bad-request", "expected a form of type submit")
    return {field.get("var", ""): (field.findtext(_VALUE) or "")[:LONGEST].strip() for field in form.iterfind(_FIELD)}


def _values(payload: Element, var: str) -> set[str]:
    """Return all values of one field."""
    fields = payload.iterfind(f"{_FORM}/{_FIELD}[@var='{var}']")
    return {value.text or "" for field in fields for value in field.iterfind(_VALUE)}


def _nothing(_jid: str, _one: Listed) -> bool:
    """Find no room: none is of the wanted kind."""
    return False


def _plainly_given(payload: Element) -> dict[str, str]:
    """Return what clients without forms fill in; ``first`` is the real name, as IRC has no parts of it."""
    fields = {"nick": "nick", "first": "fn"}
    return {var: (payload.findtext(f"{_SEARCH}{name}") or "")[:LONGEST].strip() for name, var in fields.items()}


def _cells(jid: str, one: Profile) -> dict[str, str]:
    return {"jid": jid, "nick": one.name, "fn": one.full_name, "account": one.account, "server": one.server}


def _reported(page: list[tuple[str, Profile]]) -> str:
    """Return people as a form with several items (XEP-0004 section 3.4)."""
    heads = (_field(var, "jid-single" if var == "jid" else "text-single", label) for var, label in _REPORTED.items())
    inner = _hidden(ns.SEARCH) + stanzas.element("reported", children="".join(heads))
    for jid, one in page:
        fields = (_field(var, "", "", value) for var, value in _cells(jid, one).items())
        inner += stanzas.element("item", children="".join(fields))
    return stanzas.element("x", ns.DATA, attrs={"type": "result"}, children=inner)


def _plain_item(jid: str, one: Profile) -> str:
    inner = _named("first", one.full_name) + "<last/>" + _named("nick", one.name) + "<email/>"
    return stanzas.element("item", attrs={"jid": jid}, children=inner)


def _rooms_form() -> str:
    inner = _hidden(ns.CHANNEL_SEARCH_PARAMS)
    inner += _field("q", "text-single", "Search for")
    inner += _field("all", "boolean", "Return all rooms", "false")
    inner += _field("sinname", "boolean", "Search in name", "true")
    inner += _field("sindescription", "boolean", "Search in topic", "true")
    inner += _field("sinaddr", "boolean", "Search in address", "true")
    inner += _field("min_users", "text-single", "Minimum number of people", "1")
    options = "".join(
        stanzas.element("option", attrs={"label": label}, children=_named("value", value))
        for value, label in _ORDERS.items()
    )
    kinds = stanzas.element("option", attrs={"label": "Rooms"}, children=_named("value", _MUC))
    attrs = {"var": "types", "type": "list-multi", "label": "Kinds of rooms"}
    inner += stanzas.element("field", attrs=attrs, children=_named("value", _MUC) + kinds)
    attrs = {"var": "key", "type": "list-single", "label": "Sort by"}
    inner += stanzas.element("field", attrs=attrs, children=_named("value", _BY_USERS) + options)
    return stanzas.element("x", ns.DATA, attrs={"type": "form"}, children=inner)


def _filter(given: Mapping[str, str]) -> Callable[[str, Listed], bool]:
    """Return what tells whether a room fits. Raises: IqRefused."""
    words, everything = given.get("q", "").casefold().split(), _is_on(given, "all", usual=False)
    least = given.get("min_users", "") or "0"
    if not (least.isascii() and least.isdigit() and len(least) < 8):
        raise IqRefused("bad-request", f"min_users: found {least[:20]!r}, expected a number")
    if words and everything:
        raise _refused("bad-request", "conflicting-fields", "all rooms, or those that fit: not both")
    if not words and not everything and "min_users" not in given:
        raise _refused("bad-request", "no-search-conditions", "give words to search for, or ask for all")
    in_name, in_topic = _is_on(given, "sinname"), _is_on(given, "sindescription")
    in_address = _is_on(given, "sinaddr") or _is_on(given, "sinaddress", usual=False)
    if words and not (in_name or in_topic or in_address):
        raise _refused("bad-request", "no-search-conditions", "search in the name, the topic or the address")

    def fits(jid: str, one: Listed) -> bool:
        texts = [one.room] * in_name + [one.topic] * in_topic + [jid] * in_address
        found = all(any(word in text.casefold() for text in texts) for word in words)
        return one.members >= int(least) and found

    return fits


def _is_on(given: Mapping[str, str], name: str, *, usual: bool = True) -> bool:
    return given.get(name, "true" if usual else "false") in ("true", "1")


def _room(jid: str, one: Listed) -> str:
    inner = _named("name", one.room) + (_named("description", one.topic) if one.topic else "")
    inner += _named("nusers", str(one.members)) + _named("service-type", _MUC)
    return stanzas.element("item", attrs={"address": jid}, children=inner)


def _refused(condition: str, special: str, words: str) -> IqRefused:
    return IqRefused(condition, words, special=stanzas.element(special, ns.CHANNEL_SEARCH_ERROR))


def _named(name: str, words: str) -> str:
    return stanzas.element(name, words=words)


def _hidden(form_type: str) -> str:
    return _field("FORM_TYPE", "hidden", "", form_type)


def _field(var: str, kind: str, label: str, value: str = "") -> str:
    attrs = {"var": var} | ({"type": kind} if kind else {}) | ({"label": label} if label else {})
    return stanzas.element("field", attrs=attrs, children=_named("value", value) if value or not kind else "")
