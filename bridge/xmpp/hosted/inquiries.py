"""IQs to hosted rooms: who is there, is this client in (XEP-0410), what the room is. Others' go on to ``disco``."""

from collections.abc import Iterator

from bridge.xmpp import disco, stanzas
from bridge.xmpp import namespaces as ns
from bridge.xmpp.hosted.service import Hosting, Place
from bridge.xmpp.ports import Answer, IqRefused, Request

_TRAFFIC = "http://jabber.org/protocol/muc#traffic"


class Inquiries:
    """Answers for rooms and their occupants."""

    def __init__(self, hosting: Hosting) -> None:
        self._hosting = hosting

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
        if request.to.partition("/")[2]:
            raise IqRefused("feature-not-implemented", "ask at the occupant's own address")
        if request.payload.get("node") == _TRAFFIC:
            return stanzas.element("query", ns.DISCO_INFO, attrs={"node": _TRAFFIC})
        return disco.info(request)

    def _items(self, request: Request) -> str:
        """Return the occupants, to whoever is in the room (XEP-0045 section 6.5)."""
        place, nick = self._of(request)
        if nick or place is None or place.room.at(request.sender) is None:
            return disco.items(request)
        inner = "".join(
            stanzas.element("item", attrs={"jid": f"{place.id}/{occupant.nick}", "name": occupant.nick})
            for occupant in place.room
        )
        return stanzas.element("query", ns.DISCO_ITEMS, children=inner)
