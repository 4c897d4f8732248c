"""What every store agrees on, whatever it keeps things in: small pure rules, shared by ``memory`` and ``store``."""

import time
from collections.abc import Iterable

from bridge.core.content import Content
from bridge.core.deliveries import Delivery, Edit, Post, React, Retract, Tell
from bridge.core.ids import MessageRef
from bridge.engine.ports import StoredLink

BLANK = Content(text="")
"""What a message says after it was taken back."""


def wall_clock() -> int:
    """Return milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def subject(delivery: Delivery) -> MessageRef | None:
    """Return the message that a delivery is about: it is a copy of it, or a change to it."""
    match delivery:
        case Post(message=ref):
            return ref
        case Tell(message=told):
            return told
        case Edit(target=ref) | Retract(target=ref) | React(target=ref):
            return ref
        case _:
            return None


def objection(link: StoredLink, others: Iterable[StoredLink]) -> str:
    """Return in a sentence why this link cannot be beside the others, "" if it can."""
    owners = {room: other.name for other in others for room in other.rooms}
    if len(set(link.rooms)) < len(link.rooms):
        return f"the link {link.name} names a room twice"
    for room in link.rooms:
        if room in owners:
            return f"{room} already belongs to the link {owners[room]}"
    if link.name in {other.name for other in others}:
        return f"there is already a link named {link.name}"
    return ""
