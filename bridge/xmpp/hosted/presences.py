"""How available users are, over all their clients and all hosted rooms: to a network somebody is one person with one presence.

The most available client counts, in whichever room it is, or in none where its user lets a network see them (``contacts``). Pure; kept by
``service``.
"""

from collections.abc import Callable, Iterable, Mapping

import msgspec

from bridge.core.events import Member, Presence
from bridge.core.ids import XMPP, Person, PersonId, RoomId
from bridge.xmpp.hosted.occupants import best
from bridge.xmpp.hosted.places import Place


class Presences:
    """The presence of every user of hosted rooms."""

    def __init__(self, place: Callable[[str], Place | None]) -> None:
        """``place`` gives an open room by its address."""
        self.elsewhere: Callable[[str], Mapping[str, Presence]] = lambda _: {}
        """The clients of a user (a bare JID) that are known otherwise; set by the connector."""
        self._place = place
        self._where: dict[Person, tuple[RoomId, ...]] = {}  # few each, for which a set is large
        self._told: dict[Person, Presence] = {}

    def came(self, place: Place, member: Member) -> list[tuple[Place, Member]]:
        """Return what is to be told of somebody: that they are in this room, and in their others if that changes there."""
        person = member.person
        rooms = self._where.get(person, ())
        if place.id not in rooms:
            self._where[person] = (*rooms, place.id)
        presence = best(self.clients(person.id).values())
        told = [(place, msgspec.structs.replace(member, presence=presence))]
        if self._told.get(person) != presence:
            self._told[person] = presence
            told += [
                (other, msgspec.structs.replace(known, presence=presence))
                for other, known in self._others(place, person)
            ]
        return told

    def changed(self, person: Person) -> list[tuple[Place, Member]]:
        """Return what is to be told after a client that is known otherwise has changed."""
        presence = best(self.clients(person.id).values())
        if person not in self._where or self._told.get(person) == presence:
            return []
        self._told[person] = presence
        return [
            (other, msgspec.structs.replace(known, presence=presence)) for other, known in self._others(None, person)
        ]

    def __len__(self) -> int:
        """Return how many users there are."""
        return len(self._where)

    def places(self, person: Person) -> list[Place]:
        """Return the rooms that somebody is in, or on their way into."""
        found = (self._place(room) for room in self._where.get(person, ()))
        return [place for place in found if place is not None]

    def went(self, place: Place, person: Person) -> None:
        """Take note that somebody is not in a room any more."""
        rooms = tuple([room for room in self._where.get(person, ()) if room != place.id])
        if rooms:
            self._where[person] = rooms
        else:
            self._where.pop(person, None)
            self._told.pop(person, None)

    def clients(self, user: str) -> dict[str, Presence]:
        """Return all clients of a user that are known, by full JID; what one says to everybody goes before what it says in a room."""
        found: dict[str, Presence] = {}
        for room in self._where.get(Person(XMPP, PersonId(user)), ()):
            place = self._place(room)
            if place is not None:
                found |= place.room.clients_of(Person(XMPP, PersonId(user)))
        return found | dict(self.elsewhere(user))

    def _others(self, but: Place | None, person: Person) -> Iterable[tuple[Place, Member]]:
        for room in sorted(self._where.get(person, ())):
            place = self._place(room)
            known = place.room.user_as_member(person) if place is not None and place is not but else None
            if place is not None and known is not None:
                yield place, known
