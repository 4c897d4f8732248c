"""What can be asked of the store, as values: the hot writes, and :class:`Ask` for everything else.

Made by :mod:`bridge.storage.store`, queued by :mod:`bridge.storage.writer`, done by :mod:`bridge.storage.ledger`. The hot ones are
msgpack in the daybook, where a bridge that was killed has left them: what changes here has to be read from there still.
"""

from collections.abc import Callable

import msgspec
from sqlalchemy import Connection

from bridge.core.deliveries import Sent
from bridge.core.events import Said
from bridge.core.ids import DeliveryKey, Network
from bridge.engine.ports import ArchivedLine, Known, Queued


class Journal(msgspec.Struct, frozen=True, array_like=True, tag="journal"):
    """A fact with its deliveries."""

    event: Said
    queued: tuple[Queued, ...]


class Settle(msgspec.Struct, frozen=True, array_like=True, tag="settle"):
    """A delivery that arrived."""

    key: DeliveryKey
    sent: Sent


class Postpone(msgspec.Struct, frozen=True, array_like=True, tag="postpone"):
    """A delivery that has to wait."""

    queued: Queued


class Remember(msgspec.Struct, frozen=True, array_like=True, tag="remember"):
    """A connector's small text, sealed if it is a secret."""

    network: Network
    name: str
    value: str


class Met(msgspec.Struct, frozen=True, array_like=True, tag="met"):
    """A person's name and last words."""

    known: Known


class Keep(msgspec.Struct, frozen=True, array_like=True, tag="keep"):
    """What was said in hosted rooms; what is kept already stays as it is."""

    lines: tuple[ArchivedLine, ...]


class Ask(msgspec.Struct, frozen=True):
    """Anything else: called with the connection, inside the transaction, maybe more than once.

    What it returns is its outcome; so is a StoreError that it raises, which it may only do before it writes.
    """

    call: Callable[[Connection], object]
    reads: bool = True  # False: it writes


Hot = Journal | Settle | Postpone | Remember | Met | Keep
Write = Hot | Ask
