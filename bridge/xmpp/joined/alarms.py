"""Trouble with a room, told to the bridge's admins in a chat message. The same words about the same room come rarely.

Called by the rooms through their surroundings; an operator reads the same in the network's status.
"""

from collections.abc import Iterable

from bridge.core.ids import Room, digest
from bridge.xmpp.surroundings import Surroundings
from bridge.xmpp.wire import stanzas

PAUSE = 600.0
"""Seconds until the same is told again, and in which no more than :data:`MOST` messages are sent at all."""
MOST = 20


class Alarms:
    """Tells the admins."""

    def __init__(self, around: Surroundings, admins: Iterable[str]) -> None:
        self._around = around
        self._admins = tuple(admins)
        self._rung: dict[str, float] = {}  # by a digest of room and words, oldest first

    def ring(self, room: Room, words: str) -> None:
        """Tell all admins about a room."""
        now = self._around.clock.monotonic()
        for key in [key for key, at in self._rung.items() if now - at > PAUSE]:
            del self._rung[key]
        key = digest(room.id, words)
        if key in self._rung or len(self._rung) >= MOST:
            return
        self._rung[key] = now
        self.tell(f"{room}: {words}")

    def tell(self, body: str) -> None:
        """Tell all admins something, whenever it was told last."""
        for admin in self._admins:
            self._around.component.send(stanzas.message(self._around.listener, admin, kind="chat", body=body))
