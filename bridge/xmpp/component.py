"""The XEP-0114 session: connect, handshake, reconnect, and hand over stanzas. To be filled in."""

from bridge.xmpp.ports import (
    Answer,
    Cancellable,
    Component,
    Described,
    Describes,
    IqRefused,
    Item,
    Request,
    Session,
)

__all__ = [
    "Answer",
    "Cancellable",
    "Component",
    "Described",
    "Describes",
    "IqRefused",
    "Item",
    "Request",
    "Session",
]
