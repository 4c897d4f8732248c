"""Bans that are somebody else's as well: those that the bridge has set for another room, and those that have hit our puppets.

Whoever bans a ghost elsewhere has its person banned here, and the other way round. So that lifting the one lifts the other, and
only that, it is kept by which mask it was done, over restarts; a ban that is to be lifted is kept until that is done, for the
network may just be away. No lines here: ``voices`` and ``wishes`` note, ``pardons`` acts.
"""

from collections.abc import Callable

from bridge.connector import Hub
from bridge.core.ids import Network, Person, PersonId, RoomId, digest

_SET, _DUE, _HIT = "ban set ", "ban due ", "ban hit "


class Bans:
    """The mirrored bans of a network."""

    def __init__(self, remember: Callable[[str, str], None]) -> None:
        self._remember = remember
        self._kept: dict[str, str] = {}

    async def recall(self, hub: Hub) -> None:
        """Learn what an earlier run has left."""
        for kind in (_SET, _DUE, _HIT):
            self._kept |= await hub.recollect(kind)

    def was_set(self, room: RoomId, person: PersonId, mask: str) -> None:
        """Note that the bridge has banned somebody of this network."""
        self._keep(_name(_SET, room, person), mask)
        self.is_lifted(room, mask)  # whatever was to be lifted before

    def forgive(self, room: RoomId, person: PersonId) -> bool:
        """Note that the ban which the bridge has set on somebody is to be lifted; False where it has set none."""
        name = _name(_SET, room, person)
        mask = self._kept.get(name, "")
        if not mask:
            return False
        self._keep(_name(_DUE, room, mask), f"{room} {mask}")
        self._keep(name, "")
        return True

    def due(self, room: RoomId) -> list[str]:
        """Return the masks that are to be lifted in a channel."""
        return self._masks(_DUE, room)

    def is_lifted(self, room: RoomId, mask: str) -> None:
        """Note that a mask is not there any more."""
        if _name(_DUE, room, mask) in self._kept:
            self._keep(_name(_DUE, room, mask), "")

    def hit(self, room: RoomId, mask: str, person: Person) -> None:
        """Note that somebody's puppet was thrown out, and is kept out by this mask."""
        name = _name(_HIT, room, mask)
        before = self._kept.get(name) or f"{room} {mask}"
        entry = f"{person.network} {person.id}"
        if entry not in before.split("\n")[1:]:
            self._keep(name, f"{before}\n{entry}")

    def hits(self, room: RoomId) -> list[str]:
        """Return the masks that keep puppets out of a channel, as far as we know."""
        return self._masks(_HIT, room)

    def lifted(self, room: RoomId, mask: str) -> list[Person]:
        """Return whose puppets a mask has kept out, and forget it."""
        name = _name(_HIT, room, mask)
        entries = self._kept.get(name, "").split("\n")[1:]
        if entries:
            self._keep(name, "")
        pairs = (entry.partition(" ") for entry in entries)
        return [Person(Network(network), PersonId(person)) for network, _, person in pairs]

    def _masks(self, kind: str, room: RoomId) -> list[str]:
        heads = [value.partition("\n")[0] for name, value in self._kept.items() if name.startswith(kind)]
        return [mask for where, _, mask in (head.partition(" ") for head in heads) if where == room and mask]

    def _keep(self, name: str, value: str) -> None:
        if value:
            self._kept[name] = value
        else:
            self._kept.pop(name, None)
        self._remember(name, value)


def _name(kind: str, room: RoomId, of: str) -> str:
    return f"{kind}{digest(room, of)}"
