"""What things are called: opaque ids, and the values that name a room, a person and a message anywhere.

Only the connector that made an id may look inside it. Ids are never joined into strings: a name is a struct, and
where a short text is needed (a stanza id, a database key) :func:`digest` makes one that cannot collide by concatenation.
"""

import hashlib
import json
from typing import NewType

import msgspec

Network = NewType("Network", str)
"""The configured name of a network (``libera``); :data:`XMPP` is the reserved one."""
RoomId = NewType("RoomId", str)
"""A room as its network calls it: ``#dev``, ``dev@conference.example.org``, ``-100123``."""
PersonId = NewType("PersonId", str)
"""A person as their network calls them; equal ids are the same person, so connectors fold case before making one."""
MessageId = NewType("MessageId", str)
"""A message as its network calls it, unique inside its room."""
EventKey = NewType("EventKey", str)
"""What makes two reports of one fact the same fact, unique inside its room."""
DeliveryKey = NewType("DeliveryKey", str)
"""Idempotency key of a delivery: 32 hexadecimal digits, the same however often the event is planned again."""

XMPP = Network("xmpp")


class Room(msgspec.Struct, frozen=True, order=True):
    """A conversation of many on one network."""

    network: Network
    id: RoomId

    def __str__(self) -> str:
        """Write the room as configuration and listings do: ``libera:#dev``."""
        return f"{self.network}:{self.id}"


class Person(msgspec.Struct, frozen=True, order=True):
    """Somebody on one network: a user on XMPP, a remote user elsewhere."""

    network: Network
    id: PersonId


class MessageRef(msgspec.Struct, frozen=True, order=True):
    """A message where it was first said; its copies in other rooms are found through it."""

    room: Room
    id: MessageId


def digest(*parts: str | int) -> str:
    """Return 32 hexadecimal digits that stand for exactly this sequence of parts (128 bit BLAKE2b over JSON)."""
    try:
        written = msgspec.json.encode(parts)
    except UnicodeEncodeError:  # half of a surrogate pair, out of some network's id
        written = json.dumps(parts).encode()
    return hashlib.blake2b(written, digest_size=16).hexdigest()


def is_digest(text: str) -> bool:
    """Tell whether a text has the form of a digest: then nobody but this program has made it, as good as certainly."""
    return len(text) == 32 and all(digit in "0123456789abcdef" for digit in text)
