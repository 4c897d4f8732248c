"""IQs to hosted rooms: who is there, is this client in (XEP-0410), what the room is. Others' go on to ``disco``."""

import asyncio
from collections.abc import Awaitable, Iterator, Sequence
from xml.etree.ElementTree import Element

import msgspec

from bridge.connector import Listed
from bridge.core.acts import ActRefused
from bridge.core.ids import Network
from bridge.xmpp import disco
from bridge.xmpp.hosted import occupants
from bridge.xmpp.hosted.places import Place
from bridge.xmpp.hosted.ports import Gateway
from bridge.xmpp.hosted.requests import user
from bridge.xmpp.hosted.service import Hosting
from bridge.xmpp.ports import Answer, IqRefused, Request
from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire import pages, stanzas

PATIENCE = 10.0
"""Seconds that a network may take to list its rooms where only some of the answer depends on it."""
_RESERVED = "x-roomuser-item"
_TRAFFIC = (
    ns.CHAT_STATES,
    ns.CORRECT,
    ns.FALLBACK,
    ns.FILE_SHARING,
    ns.IDS,
    ns.OOB,
    ns.REACTIONS,
    ns.REFERENCES,
    ns.REPLY,
    ns.RETRACT,
    ns.STYLING,
)
"""What is carried beyond words (section 17.1.1)."""


class Inquiries:
    """Answers for rooms and their occupants."""

    def __init__(self, hosting: Hosting) -> None:
        self._hosting = hosting
        self._listing: set[asyncio.Future[list[tuple[str, str]]]] = set()

    def answers(self) -> Iterator[tuple[str, str, Answer]]:
        """Return what is asked and who answers it."""
        yield "get", f"{{{ns.PING}}}ping", self._ping
        yield "get", f"{{{ns.DISCO_INFO}}}query", self._info
        yield "get", f"{{{ns.DISCO_ITEMS}}}query", self._items

    def _of(self, request: Request) -> tuple[Place | None, str]:
        address, _, nick = request.to.partition("/")
        return self._hosting.place(address), nick

    def _is_room(self, request: Request) -> bool:
        return self._hosting.is_room(request.to.partition("/")[0])

    def _ping(self, request: Request) -> str:
        """Answer for the occupants; to oneself, whether this client is in the room (XEP-0410 section 4)."""
        place, nick = self._of(request)
        if not nick or not self._is_room(request):
            return disco.ping(request)
        if place is None or place.room.at(request.sender) is None:
            raise IqRefused("not-acceptable", "this client is not in the room")
        if place.room.called(nick) is None:
            raise IqRefused("item-not-found", "there is nobody of this nick in the room")
        return disco.ping(request)

    def _info(self, request: Request) -> str:
        if not self._is_room(request):
            return disco.info(request)
        place, nick = self._of(request)
        if nick:
            return self._of_occupant(request, place, nick)
        address, node = request.to, request.payload.get("node")
        if node == _RESERVED:
            return self._reserved(address, request)
        if node == ns.MUC_TRAFFIC:
            inner = "".join(stanzas.element("feature", attrs={"var": feature}) for feature in _TRAFFIC)
            return stanzas.element("query", ns.DISCO_INFO, attrs={"node": node}, children=inner)
        described = self._hosting.describe(address.rpartition("@")[0], request.sender)
        return disco.info(request if described is None else msgspec.structs.replace(request, described=described))

    def _of_occupant(self, request: Request, place: Place | None, nick: str) -> str:
        """Return what somebody in the room is, to whoever is there (section 6.6)."""
        if place is None or place.room.at(request.sender) is None:
            raise IqRefused("bad-request", "who is not in the room asks nobody there")
        occupant = place.room.called(nick)
        if occupant is None:
            raise IqRefused("item-not-found", "there is nobody of this nick in the room")
        described = self._hosting.people(occupant.address.rpartition("@")[0]) if occupant.address else None
        if described is None:
            raise IqRefused("feature-not-implemented", "nothing is known of them")
        return disco.info(msgspec.structs.replace(request, described=described))

    def _reserved(self, address: str, request: Request) -> str:
        """Return the nick that somebody has reserved (section 7.12)."""
        remote = self._hosting.remote(address)
        user = request.sender.partition("/")[0]
        nick = self._hosting.reservations.of(remote.network, user) if remote is not None else ""
        identity = {"category": "conference", "type": "text", "name": nick}
        inner = stanzas.element("identity", attrs=identity) if nick else ""
        return stanzas.element("query", ns.DISCO_INFO, attrs={"node": _RESERVED}, children=inner)

    def _items(self, request: Request) -> str | Awaitable[str]:
        """Return the occupants, to whoever is in the room (XEP-0045 section 6.5); of a network its rooms (section 6.3)."""
        place, nick = self._of(request)
        network = self._hosting.network_at(request.to)
        if network is not None and not request.payload.get("node"):
            return self._rooms(network, request)
        if request.to == request.to.rpartition("@")[2] and not request.payload.get("node"):
            return self._networks(request)
        if nick or request.payload.get("node") or place is None or place.room.at(request.sender) is None:
            return disco.items(request)
        inner = "".join(
            stanzas.element("item", attrs={"jid": f"{place.id}/{occupant.nick}", "name": occupant.nick})
            for occupant in place.room
        )
        return stanzas.element("query", ns.DISCO_ITEMS, children=inner)

    async def _networks(self, request: Request) -> str:
        """Return the networks, and the rooms of the one that is meant where none is named: clients that only ask a domain see them."""
        networks = [(item.jid, item.name) for item in request.described.items]
        only = self._hosting.network_at(networks[0][0]) if len(networks) == 1 else None
        gateway = self._hosting.gateway
        network = only if gateway is None else gateway.fixed or only
        if gateway is None or network is None or gateway.refuses(user(request.sender).id, network):
            return page(networks, request.payload.find(pages.SET))
        listing = asyncio.ensure_future(self._listed(gateway, network, request))
        self._listing.add(listing)  # it goes on, so that the list is there when it is asked for again
        listing.add_done_callback(self._listing.discard)
        done, _ = await asyncio.wait([listing], timeout=PATIENCE)
        return page([*networks, *(listing.result() if done else ())], request.payload.find(pages.SET))

    async def _listed(self, gateway: Gateway, network: Network, request: Request) -> list[tuple[str, str]]:
        """Return address and title of a network's rooms, none where it does not list them now."""
        try:
            listed = await gateway.rooms(network, user(request.sender))
        except ActRefused:
            return []
        named = None if network == gateway.fixed else network
        rooms = [(occupants.address(each.room, named, request.to), each) for each in listed]
        return [(jid, _title(each)) for jid, each in rooms if jid]

    async def _rooms(self, network: Network, request: Request) -> str:
        """Return a page of a network's rooms (XEP-0059)."""
        gateway = self._hosting.gateway
        if gateway is None or gateway.refuses(request.sender.partition("/")[0], network):
            return disco.items(request)
        try:
            listed = await gateway.rooms(network, user(request.sender))
        except ActRefused as refused:
            raise IqRefused("service-unavailable", str(refused)) from None
        domain = request.to.partition("/")[0].rpartition("@")[2]
        rooms = [(occupants.address(each.room, network, domain), each) for each in listed]
        return page([(jid, _title(each)) for jid, each in rooms if jid], request.payload.find(pages.SET))


def _title(listed: Listed) -> str:
    topic = f": {listed.topic}" if listed.topic else ""
    return f"{listed.room} ({listed.members}){topic}"[:300]


def page(items: Sequence[tuple[str, str]], asked: Element | None) -> str:
    """Return those of (JID, name) that a page asks for, and what page it is. Raises: IqRefused."""
    shown, edge = pages.cut([jid for jid, _ in items], asked)
    inner = "".join(stanzas.element("item", attrs={"jid": items[i][0], "name": items[i][1]}) for i in shown)
    return stanzas.element("query", ns.DISCO_ITEMS, children=inner + edge)
