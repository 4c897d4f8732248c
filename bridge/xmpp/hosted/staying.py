"""Users who are in hosted rooms without a client: brought there at a start, taken out again as they wish.

Who stays where is kept in ``stays``; here it is done. Called by ``service``, the connector and commands.
"""

from collections.abc import Callable, Iterable

from bridge.core.events import Rank
from bridge.core.ids import Network, Person, Room, RoomId
from bridge.xmpp.hosted import requests
from bridge.xmpp.hosted.archivist import Archivist
from bridge.xmpp.hosted.places import House
from bridge.xmpp.hosted.stays import Stay, Stays
from bridge.xmpp.surroundings import Surroundings


class Staying:
    """Has users be where they stay."""

    def __init__(self, around: Surroundings, house: House, archivist: Archivist) -> None:
        self._around = around
        self._house = house
        self._archivist = archivist
        self.at_start: Callable[[], Iterable[tuple[Room, Person, str]]] = lambda: ()
        """Who wants to be where without being asked, with the room's password."""
        self.stays = Stays(lambda: around.hub, part=self._part, erase=self._erase, settled=self._settled)

    async def restore(self) -> None:
        """Bring those back who stay without a client: they were here when the last run ended."""
        self.stays.usual = self._usual
        self.stays.bounds = self._bounds
        for stay in await self.stays.recall():
            self._restore(stay)
        for room, person, password in self.at_start():
            self.bring(room, person, password)

    def bring(self, remote: Room, person: Person, password: str) -> None:
        """Bring somebody into a room in which they want to be without being asked; there they stay until they part."""
        address = self._house.address(remote)
        gateway, held = self._house.gateway, self._house.held(person)
        if gateway is None or not address or gateway.refuses(person.id, remote.network):
            return
        if remote not in held and gateway.bounds(person, remote, held, self._house.users):
            return
        if not self.stays.stays(address, person.id) and gateway.bounds_stays(self.stays.wished_by(person.id)):
            return
        stay = self.stays.settle(address, person.id, password)
        place = self._house.place(address)
        if place is None or place.room.find(person) is None:
            self._restore(stay)

    def _restore(self, stay: Stay) -> None:
        try:
            place = self._house.opened(stay.room, stay.password) if self._may_stay(stay) else None
        except ValueError:
            place = None
        if place is None:
            return  # the network may be configured again some day
        person = requests.user(stay.user)
        self._house.carry(place, place.room.await_absent(person, stay.nick, self._around.clock.monotonic()))
        name = self._house.gateway.present(place.remote, person) if self._house.gateway is not None else ""
        if name:
            self._house.carry(place, place.room.let_in(person, name, Rank.MEMBER))

    def _may_stay(self, stay: Stay) -> bool:
        gateway, remote = self._house.gateway, self._house.remote(stay.room)
        return remote is not None and gateway is not None and not gateway.refuses(stay.user, remote.network)

    def _settled(self, stay: Stay, stays: bool) -> None:  # noqa: FBT001 - a callback
        """Note in a user's own account that they stay in a room, or that they do not."""
        keepsakes, remote = self._house.keepsakes, self._house.remote(stay.room)
        if keepsakes is None or remote is None:
            return
        if stays:
            keepsakes.stays(stay.user, stay.room, name=remote.id, nick=stay.nick)
        else:
            keepsakes.stays_no_more(stay.user, stay.room)

    async def _erase(self, room: str, person: Person) -> int | None:
        """Forget that somebody ever was in a room; whoever is there now has just come. Raises: StoreError."""
        gone = await self._archivist.erase(RoomId(room), person.id)
        place = self._house.place(room)
        if place is not None and place.room.find(person) is not None:
            self._archivist.came(place.id, person.id)
        return gone

    def leave_network(self, network: Network, user: str) -> bool:
        """Take somebody out of all rooms of a network, and forget that they stay there; tells whether they were in any."""
        person = requests.user(user)
        rooms = [place.id for place in self._house.places() if place.remote.network == network]
        left = [room for room in rooms if self._part(room, person)]
        self.stays.unsettle(user, lambda room: self._house.network(room) == network)
        return bool(left)

    def _part(self, room: str, person: Person) -> bool:
        """Take somebody out of a room, as they wish; tells whether they were there."""
        place = self._house.place(room)
        outs = place.room.part(person) if place is not None else []
        if place is not None:
            self._house.carry(place, outs)
        return bool(outs)

    def _usual(self) -> bool:
        """Tell whether users stay who have not said."""
        gateway = self._house.gateway
        return gateway is not None and gateway.persistent

    def _bounds(self, held: int) -> str:
        """Return why somebody cannot stay in one more room, who stays in so many."""
        gateway = self._house.gateway
        return "" if gateway is None else gateway.bounds_stays(held)
