"""What the histories of channels have of ours, so that nothing that was under way when it all ended is said a second time.

A history is told to whoever enters (:mod:`connectors.irc.reading.absence`), our own lines among it. Where a channel has one, each of
our lines carries the key of its delivery and its place in it (:data:`connectors.irc.connection.marks.KEY`); a delivery that comes again is
compared with what was told before any of it is said. On a network without client tags the words, the moment and the
user and host that said them have to do.

Pure. Filled by the listener, or by a deputy in its place; asked by ``sending``.
"""

import re
from collections.abc import Sequence

import msgspec

from bridge.core.deliveries import Delivery
from bridge.core.ids import RoomId
from connectors.irc.connection.marks import KEY, VIA
from connectors.irc.connection.wire import Line
from connectors.irc.speaking.outbound import Order, line_key

_MOST = 1000
"""Lines of ours that are kept of one channel's history, the newest: what is in doubt was said last."""
_PUPPET = re.compile(r"~?x[0-9a-f]{8}")
"""The user name of a puppet, with the mark of a server that asked for an ident in vain."""
_INEXACT = 1_000
"""Milliseconds by which a history may be off: some keep whole seconds."""


class _Said(msgspec.Struct, eq=False):
    """A line without a key."""

    by: str  # user@host
    text: str
    at: int
    id: str


class Recollection:
    """Our own lines in the histories of one network's channels."""

    def __init__(self, instance: str) -> None:
        """``instance`` is the bridge's id."""
        self._instance = instance
        self._keyed: dict[RoomId, dict[str, str]] = {}  # key of the line: the network's id of it
        self._plain: dict[RoomId, list[_Said]] = {}

    def begin(self, room: RoomId) -> None:
        """Forget what was told of a channel: it is about to be told anew."""
        self._keyed.pop(room, None)
        self._plain.pop(room, None)

    def is_ours(self, line: Line, *, tags: bool, host: str) -> bool:
        """Tell whether a line of a history was said by one of ours: by this process, or by the one before it.

        ``tags``: the network passes client tags on; where it does not, a puppet's user name at our own ``host`` has to do.
        """
        way = line.tags.get(VIA)
        if tags or way:
            return way is not None and way.rpartition(",")[2] == self._instance
        user, _, where = line.source.partition("!")[2].rpartition("@")
        return where == host != "" and _PUPPET.fullmatch(user) is not None

    def note(self, room: RoomId, line: Line, at: int) -> None:
        """Keep a line of ours."""
        key, message = line.tags.get(KEY), line.tags.get("msgid", "")
        if key is not None:
            keyed = self._keyed.setdefault(room, {})
            keyed[key] = message
            if len(keyed) > _MOST:
                del keyed[next(iter(keyed))]
            return
        plain = self._plain.setdefault(room, [])
        plain.append(_Said(line.source.partition("!")[2], line.text, at, message))
        if len(plain) > _MOST:
            del plain[0]

    def has(self, room: RoomId) -> bool:
        """Tell whether a history of this room has words of ours that were not asked for yet."""
        return bool(self._keyed.get(room) or self._plain.get(room))

    def found(self, delivery: Delivery, lines: Sequence[Order], *, mask: str) -> Sequence[str | None]:
        """Return for each line of a delivery the network's id ("" where it has none) if a history has it, else None.

        ``mask`` is who is about to say it. Each line of a history counts once.
        """
        room, head = delivery.head.room.id, delivery.head
        keyed, plain = self._keyed.get(room), self._plain.get(room)
        found: list[str | None] = [None] * len(lines)
        if keyed:
            found = [keyed.pop(line_key(head.key, at), None) for at in range(len(lines))]
        if plain:
            by = mask.partition("!")[2]
            found = [
                each if each is not None else _take(plain, by, line.params[-1], head.at)
                for each, line in zip(found, lines, strict=True)
            ]
        return found


def _take(plain: list[_Said], by: str, text: str, since: int) -> str | None:
    """Take out the first line with these words that was not said before what it would be about."""
    for said in plain:
        if said.text == text and said.by == by and said.at + _INEXACT > since:
            plain.remove(said)
            return said.id
    return None
