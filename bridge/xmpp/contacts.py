"""Our addresses as contacts: who asks to see a ghost, or a network, in their contact list may (RFC 6121 section 3.1).

A ghost that is an occupant somewhere is there as it is there; one that is not is away from the world. A network is there while the
component is. Nobody is remembered: a user's own server asks (``probe``) whenever they come. Called by the connector.
"""

from typing import Final
from xml.etree.ElementTree import Element

from bridge.core.events import Show
from bridge.xmpp import stanzas
from bridge.xmpp.directory import Directory
from bridge.xmpp.surroundings import RESOURCE, Surroundings

ASKING: Final = frozenset({"subscribe", "subscribed", "unsubscribe", "unsubscribed", "probe"})


class Contacts:
    """Answers subscriptions and probes."""

    def __init__(self, around: Surroundings, *, directory: Directory) -> None:
        self._around = around
        self._directory = directory

    def take(self, element: Element) -> bool:
        """Take a presence about a subscription; False: it is about something else."""
        kind = element.get("type", "")
        if kind not in ASKING:
            return False
        address = element.get("to", "").partition("/")[0]
        caller = element.get("from", "").partition("/")[0]
        if not caller or address.rpartition("@")[2] != self._around.component.domain:
            return True
        known = self._directory.describe(address.rpartition("@")[0]) is not None
        match kind:
            case "subscribe" if known:
                self._send(address, caller, "subscribed")
                self._tell(address, caller)
            case "probe" if known:
                self._tell(address, element.get("from", ""))
            case "subscribe" | "probe":
                self._send(address, caller, "unsubscribed")  # there is nobody
            case "unsubscribe":
                self._send(address, caller, "unsubscribed")
            case _:
                pass  # whether we may see them is nothing that we have asked
        return True

    def _tell(self, address: str, to: str) -> None:
        """Send the presence of an address."""
        sender = f"{address}/{RESOURCE}"
        localpart = address.rpartition("@")[0]
        person = self._directory.person_at(localpart) if self._directory.network_at(localpart) is None else None
        if not localpart or person is None:
            self._around.component.send(stanzas.presence(sender, to))
            return
        member = self._directory.shown(person)
        if member is None:
            self._around.component.send(stanzas.presence(sender, to, kind="unavailable"))
            return
        here = member.presence
        show = "" if here.show is Show.AVAILABLE else here.show.value
        self._around.component.send(stanzas.presence(sender, to, show=show, status=here.status))

    def _send(self, sender: str, to: str, kind: str) -> None:
        self._around.component.send(stanzas.presence(sender, to, kind=kind))
