"""Our own two elements on the wire, by which bridges know each other's work.

``<x xmlns='urn:linkspan:ghost:0' bridge='INSTANCE' join='TOKEN'/>`` stands in a ghost's presence: another Linkspan
gives it no puppet. The token is made anew for each join and tells the listener's copy of a ghost's presence from
somebody else's. ``<via xmlns='urn:linkspan:via:0'><bridge id='…'/>…</via>`` stands in every message and names the
bridges that it came through, the one that wrote it last. Builders and readers only; what follows from a mark is decided
by the rooms and the hub.
"""

from functools import lru_cache
from xml.etree.ElementTree import Element

from bridge.xmpp.wire.stanzas import attribute

GHOST = "urn:linkspan:ghost:0"
VIA = "urn:linkspan:via:0"
COLLAPSE = "<collapse xmlns='urn:linkspan:muc-puppets:0'/>"
"""In the listener's join: asks a Prosody with our module for one copy of the room's traffic instead of one per ghost."""

GHOST_TAG = f"{{{GHOST}}}x"
VIA_TAG = f"{{{VIA}}}via"
_BRIDGE_TAG = f"{{{VIA}}}bridge"

LONGEST_WAY = 16
"""Bridges of a ``<via/>`` that are read; a longer way is a loop already."""


def ghost(instance: str, token: str) -> str:
    """Return the mark of a ghost's presence."""
    return f"<x xmlns='{GHOST}' bridge='{attribute(instance)}' join='{attribute(token)}'/>"


@lru_cache(maxsize=256)
def via(bridges: tuple[str, ...]) -> str:
    """Return the mark of a message that came through these bridges: mostly the same as of the one before."""
    inner = "".join([f"<bridge id='{attribute(bridge)}'/>" for bridge in bridges])
    return f"<via xmlns='{VIA}'>{inner}</via>"


def read_via(mark: Element | None) -> tuple[str, ...]:
    """Return the bridges that a message came through, in order, () without a mark."""
    if mark is None:
        return ()
    return tuple([bridge.get("id", "") for bridge in mark.findall(_BRIDGE_TAG)[:LONGEST_WAY]])
