"""Preferences: how users want to be on networks, kept over restarts, and handed to their connectors.

Here: what there is, changing it, forgetting it, and the rooms in which users want to be without being asked. Not here: what may
be preferred (the connector's ability ``Adapts``), and how a user says it (``bridge.commands``, ``bridge.xmpp.commands.registering``).
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

from bridge.connector import Adapts, Connector, Secret, Unsuitable
from bridge.core.commands import Field, Values
from bridge.core.ids import Network, Person, Room
from bridge.engine.desk import Desk
from bridge.engine.ports import StoredPreferences

log = logging.getLogger(__name__)

MOST: Final = 10_000
"""Users with preferences, on each network once: anybody who can write to the bridge may have some."""

Bring = Callable[[Room, Person, str], None]
"""Brings a user into a room that the bridge hosts, with its password or ""."""


class Preferences:
    """What all users prefer."""

    def __init__(self, desk: Desk, *, ask: Callable[[Network, Callable[[], object]], None]) -> None:
        self._store = desk.store
        self._clock = desk.clock
        self._ask = ask
        self._kept: dict[tuple[Network, Person], StoredPreferences] = {}
        self._able: dict[Network, Adapts] = {}
        self.bring: Bring | None = None  # until somebody hosts rooms

    async def open(self) -> None:
        """Read what is kept."""
        self._kept = {(stored.network, stored.person): stored for stored in await self._store.preferences()}

    def attach(self, network: Network, connector: Connector) -> None:
        """Tell a network how its users want to be, if it can heed that."""
        if isinstance(connector, Adapts):
            self._able[network] = connector
            self.restarted(network)

    def detach(self, network: Network) -> None:
        """Tell a network nothing more: it has stopped."""
        self._able.pop(network, None)

    def restarted(self, network: Network) -> None:
        """Tell a network anew: its connector has begun from nothing."""
        able = self._able.get(network)
        for stored in self._kept.values():
            if able is not None and stored.network == network:
                self._ask(network, partial(able.adapt, stored.person, stored.chosen))

    # -- what others ask

    def networks(self) -> Sequence[Network]:
        """Return the networks where users may prefer something."""
        return tuple(self._able)

    def networks_of(self, person: Person) -> list[Network]:
        """Return the networks where somebody prefers anything."""
        return [network for network, other in self._kept if other == person]

    def able(self, network: Network) -> bool:
        """Tell whether users may prefer anything on a network."""
        return network in self._able

    def fields(self, network: Network, person: Person) -> tuple[Field, ...]:
        """Return what somebody may prefer, with what it is now."""
        able = self._able.get(network)
        return () if able is None else able.preference_fields(person)

    def has_any(self, network: Network, person: Person) -> bool:
        """Tell whether somebody prefers anything."""
        return (network, person) in self._kept

    def rooms_at_start(self) -> Iterator[tuple[Room, Person, str]]:
        """Yield the rooms in which users want to be without being asked, with their passwords."""
        for network, person in list(self._kept):
            yield from self._rooms(network, person)

    # -- what happens

    async def change(self, network: Network, person: Person, given: Values) -> str:
        """Keep and use what somebody prefers now; returns in words what only their next connection brings.

        Raises: Unsuitable, with nothing changed; StoreError.
        """
        able = self._able.get(network)
        if able is None:
            msg = f"nothing can be set on {network}"
            raise Unsuitable(msg)
        if len(self._kept) >= MOST and (network, person) not in self._kept:
            msg = "the bridge keeps too many settings already"
            raise Unsuitable(msg)
        return await self._keep(network, person, able.choose(person, given))

    async def reset(self, network: Network, person: Person) -> bool:
        """Forget what somebody prefers; False if there was nothing. Raises: StoreError."""
        there = self.has_any(network, person)
        await self._keep(network, person, Secret(""))
        return there

    def reconnect(self, network: Network, person: Person) -> bool:
        """Connect somebody anew; False where they have no connection of their own."""
        able = self._able.get(network)
        return able is not None and able.reconnect(person)

    async def _keep(self, network: Network, person: Person, chosen: Secret) -> str:
        if chosen:
            stored = StoredPreferences(network=network, person=person, chosen=chosen, at=self._clock.now())
            await self._store.keep_preferences(stored)
            self._kept[network, person] = stored
        else:
            await self._store.remove_preferences(network, person)
            self._kept.pop((network, person), None)
        log.info("preferences.kept network=%s", network)
        able = self._able.get(network)
        words = "" if able is None else able.adapt(person, chosen)
        if self.bring is not None:
            for room, who, password in self._rooms(network, person):
                self.bring(room, who, password)
        return words

    def _rooms(self, network: Network, person: Person) -> Iterator[tuple[Room, Person, str]]:
        able = self._able.get(network)
        for room, password in able.rooms_at_start(person).items() if able is not None else ():
            yield Room(network, room), person, password
