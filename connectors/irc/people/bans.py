"""Bans that are somebody else's as well: those that the bridge has set for another room, and those that have hit our puppets.

Whoever bans a ghost elsewhere has its person banned here, and the other way round. So that lifting the one lifts the other, and
only that, it is kept by which mask it was done, over restarts. No lines here: ``voices`` and ``wishes`` note, the listener and the
connector ask.
"""

from collections.abc import Callable

from bridge.connector import Hub
from bridge.core.ids import Network, Person, PersonId, RoomId, digest

_SET, _HIT = "ban set ", "ban hit "


class Bans:
    """The mirrored bans of a network."""

    def __init__(self, remember: Callable[[str, str], None]) -> None:
        self._remember = remember
        self._kept: dict[str, str] = {}

    async def recall(self, hub: Hub) -> None:
        """Learn what an earlier run has left."""
        for kind in (_SET, _HIT):
            self._kept |= await hub.recollect(kind)

    def was_set(self, room: RoomId, person: PersonId, mask: str) -> None:
        """Note that the bridge has banned somebody of this network."""
        self._keep(_set_name(room, person), mask)

    def forgive(self, room: RoomId, person: PersonId) -> str:
        """Return by which mask the bridge has banned somebody, and forget it; "" where it has not."""
        mask = self._kept.get(_set_name(room, person), "")
        if mask:
            self._keep(_set_name(room, person), "")
        return mask

    def hit(self, room: RoomId, mask: str, person: Person) -> None:
        """Note that somebody's puppet was thrown out, and is kept out by this mask."""
        name = _hit_name(room, mask)
        before = self._kept.get(name, "")
        entry = f"{person.network} {person.id}"
        if entry not in before.split("\n"):
            self._keep(name, f"{before}\n{entry}" if before else entry)

    def lifted(self, room: RoomId, mask: str) -> list[Person]:
        """Return whose puppets a mask has kept out, and forget it."""
        name = _hit_name(room, mask)
        entries = self._kept.get(name, "")
        if not entries:
            return []
        self._keep(name, "")
        pairs = (entry.partition(" ") for entry in entries.split("\n"))
        return [Person(Network(network), PersonId(person)) for network, _, person in pairs]

    def _keep(self, name: str, value: str) -> None:
        if value:
            self._kept[name] = value
        else:
            self._kept.pop(name, None)
        self._remember(name, value)


def _set_name(room: RoomId, person: PersonId) -> str:
    return f"{_SET}{digest(room, person)}"


def _hit_name(room: RoomId, mask: str) -> str:
    return f"{_HIT}{digest(room, mask)}"
