"""What a network's server says to one user alone: messages from the network's address, to who wants to hear them.

That is whoever has the network in their contact list, or has written to it lately (a line in its own words, whose answers come this way).
Nobody else is bothered: most people in a room do not know that there is a server. Called by the connector.
"""

from collections import deque
from typing import Final

import msgspec

from bridge.core.ids import Network, Person, digest
from bridge.xmpp.people.contacts import Contact, Contacts
from bridge.xmpp.surroundings import Surroundings
from bridge.xmpp.wire import stanzas

MOTD: Final = "Message of the day:"
"""How what a server says once begins; told again only when it says something else."""
TALK: Final = 3_600.0
"""Seconds for which somebody who has written to a network hears what it says."""
OFTEN: Final = 30
"""Messages of one network that somebody gets in a minute."""
_MOST: Final = 5_000


class NetworkWords:
    """Passes them on."""

    def __init__(self, around: Surroundings, contacts: Contacts) -> None:
        self._around = around
        self._contacts = contacts
        self._talked: dict[tuple[str, Network], float] = {}
        self._lately: dict[tuple[str, Network], deque[float]] = {}

    def talked(self, user: str, network: Network) -> None:
        """Note that somebody has written to a network: they want to hear what it says to that."""
        self._talked.pop((user, network), None)
        self._talked[user, network] = self._around.clock.monotonic()
        if len(self._talked) > _MOST:
            del self._talked[next(iter(self._talked))]

    def said(self, person: Person, network: Network, words: str) -> None:
        """Tell somebody what a network has said to them, if they want to hear it."""
        user, address = person.id.partition("/")[0], self._contacts.address(network)
        contact = self._contacts.has(user, network)
        if not address or self._contacts.blocks(user, address) or not (contact or self._talks(user, network)):
            return
        if words.startswith(MOTD) and not (contact and self._is_new(contact, words)):
            return
        if not self._is_flooded(user, network):
            self._around.component.send(stanzas.message(address, user, kind="chat", body=words))

    def _talks(self, user: str, network: Network) -> bool:
        at = self._talked.get((user, network))
        return at is not None and self._around.clock.monotonic() - at < TALK

    def _is_new(self, contact: Contact, motd: str) -> bool:
        known = digest(motd)
        if known == contact.motd:
            return False
        self._contacts.amend(msgspec.structs.replace(contact, motd=known))
        return True

    def _is_flooded(self, user: str, network: Network) -> bool:
        now = self._around.clock.monotonic()
        if len(self._lately) > _MOST:
            self._lately.clear()
        lately = self._lately.setdefault((user, network), deque(maxlen=OFTEN))
        if len(lately) == OFTEN and now - lately[0] < 60.0:
            return True
        lately.append(now)
        return False
