"""The end of a ban that is somebody else's as well: lifted elsewhere it is lifted in the room, lifted here it is told.

Whoever bans a remote user elsewhere has a user banned here, and the other way round. So that lifting the one lifts the other,
whoever is away just then, it is kept over restarts which bans are the bridge's own, which of them are to be lifted, and
which of its ghosts a room has banned. What is to be lifted is lifted when the listener is in the room with the right to
(XEP-0045 section 9.2); what was lifted while nobody of ours was there shows in the room's list of outcasts.
"""

from collections.abc import Callable
from typing import Protocol
from xml.etree.ElementTree import Element

from bridge.connector import Hub
from bridge.core.events import BanLifted
from bridge.core.ids import Person, PersonId, Room, digest
from bridge.core.jids import from_localpart
from bridge.xmpp.ports import IqRefused
from bridge.xmpp.surroundings import Surroundings
from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire import stanzas

_SET, _DUE, _HIT = "banned ", "pardon due ", "ban hit "


class Bans:
    """The mirrored bans of all joined rooms, by bare addresses."""

    def __init__(self, remember: Callable[[str, str], None]) -> None:
        self._remember = remember
        self._kept: dict[str, str] = {}

    async def recall(self, hub: Hub) -> None:
        """Learn what an earlier run has left."""
        for kind in (_SET, _DUE, _HIT):
            self._kept |= {name: value for name, value in (await hub.recollect(kind)).items() if value}

    def was_set(self, room: str, bare: str) -> None:
        """Note that the bridge has banned somebody."""
        self._note(_SET, room, bare)
        self.is_lifted(room, bare)

    def forgive(self, room: str, bare: str) -> bool:
        """Note that the ban which the bridge has set on somebody is to be lifted; False where it has set none."""
        if _name(_SET, room, bare) not in self._kept:
            return False
        self._note(_DUE, room, bare)
        self._forget(_SET, room, bare)
        return True

    def due(self, room: str) -> list[str]:
        """Return whose bans are to be lifted in a room."""
        return self._noted(_DUE, room)

    def is_lifted(self, room: str, bare: str) -> None:
        """Note that somebody is not banned any more, or has to stay so."""
        self._forget(_DUE, room, bare)

    def hit(self, room: str, bare: str) -> None:
        """Note that a room has banned a ghost."""
        self._note(_HIT, room, bare)

    def hits(self, room: str) -> list[str]:
        """Return which ghosts a room has banned, as far as we know."""
        return self._noted(_HIT, room)

    def is_over(self, room: str, bare: str) -> None:
        """Note that a ghost may come again."""
        self._forget(_HIT, room, bare)

    def _noted(self, kind: str, room: str) -> list[str]:
        pairs = (value.partition(" ") for name, value in self._kept.items() if name.startswith(kind))
        return [bare for where, _, bare in pairs if where == room]

    def _note(self, kind: str, room: str, bare: str) -> None:
        name = _name(kind, room, bare)
        self._kept[name] = f"{room} {bare}"
        self._remember(name, self._kept[name])

    def _forget(self, kind: str, room: str, bare: str) -> None:
        name = _name(kind, room, bare)
        if self._kept.pop(name, None) is not None:
            self._remember(name, "")


class Place(Protocol):
    """What pardons need of their room."""

    room: Room
    address: str
    around: Surroundings

    def administers(self) -> bool:
        """Whether the listener may change affiliations."""


class Pardons:
    """The pardons of one room."""

    def __init__(self, place: Place, bans: Bans) -> None:
        self._place = place
        self._bans = bans
        self._is_busy = self._once_more = False

    def forgive(self, bare: str) -> None:
        """Lift the ban that the bridge has set on an address, now or when it can be done."""
        if self._bans.forgive(self._place.address, bare):
            self.settle()

    def settle(self) -> None:
        """Lift what is due, and see what was lifted meanwhile, if the listener is in the room and may."""
        address = self._place.address
        if not self._place.administers() or not (self._bans.due(address) or self._bans.hits(address)):
            return
        if self._is_busy:
            self._once_more = True
        else:
            self._is_busy = self._place.around.spawn(self._settle())

    def has_banned(self, bare: str) -> None:
        """Learn that the bridge has banned an address."""
        self._bans.was_set(self._place.address, bare)

    def banned(self, bare: str) -> None:
        """Learn that the room has banned a ghost."""
        self._bans.hit(self._place.address, bare)

    def pardoned(self, bare: str) -> None:
        """Tell whose stand-in may come again: the room says that this address is no outcast."""
        local, _, host = bare.rpartition("@")
        whose = from_localpart(local) if host == self._place.around.component.domain else None
        self._bans.is_over(self._place.address, bare)
        if whose is not None and whose[1] is not None:
            person = Person(whose[1], PersonId(whose[0]))
            around = self._place.around
            around.emit(BanLifted(origin=around.origin(self._place.room), person=person))

    async def _settle(self) -> None:
        try:
            await self._compare()
        except IqRefused:
            pass  # once the room has our listener again
        finally:
            self._is_busy = False
        if self._once_more:
            self._once_more = False
            self.settle()

    async def _compare(self) -> None:
        address, bans = self._place.address, self._bans
        listed = await self._outcasts()
        for bare in bans.due(address):
            if bare in listed:  # else somebody has done it, or given them another rank
                await self._ask("set", attrs={"affiliation": "none", "jid": bare})
            bans.is_lifted(address, bare)
        for bare in bans.hits(address):
            if bare not in listed:
                self.pardoned(bare)

    async def _outcasts(self) -> set[str]:
        """Return whom the room keeps out. Raises: IqRefused."""
        answer = await self._ask("get", attrs={"affiliation": "outcast"})
        return {item.get("jid", "") for item in answer.iter(f"{{{ns.MUC_ADMIN}}}item")}

    async def _ask(self, kind: str, attrs: dict[str, str]) -> Element:
        item = stanzas.element("item", attrs=attrs)
        query = stanzas.element("query", ns.MUC_ADMIN, children=item)
        around = self._place.around
        return await around.component.iq(kind, to=self._place.address, payload=query, sender=around.listener)


def _name(kind: str, room: str, bare: str) -> str:
    return f"{kind}{digest(room, bare)}"
