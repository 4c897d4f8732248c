"""Logins: credentials that users have given for a network, kept over restarts, and handed to its connector.

Here: which there are, trying a new one, and whom a network with one shared identity can speak for as themselves. Not
here: what credentials are (the connector's ability ``LogsIn``), and how a user gives them (``bridge.commands.logins``).
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any, Final

import msgspec

from bridge.connector import Connector, Login, LoginForm, LoginRefused, LogsIn
from bridge.core.capabilities import Representation
from bridge.core.ids import Network, Person, Room
from bridge.engine.counters import Count
from bridge.engine.desk import Desk
from bridge.engine.ports import StoredLogin

log = logging.getLogger(__name__)

MOST: Final = 10_000
"""Logins in all: anybody who can write to the bridge may have one on each network."""


class Logins:
    """All users' logins."""

    def __init__(
        self,
        desk: Desk,
        *,
        ask: Callable[[Network, Callable[[], None]], None],
        tell: Callable[[Person, str], None],
    ) -> None:
        self._store = desk.store
        self._clock = desk.clock
        self._counters = desk.counters
        self._ask = ask
        self._tell = tell
        self._kept: dict[tuple[Network, Person], StoredLogin] = {}
        self._able: dict[Network, LogsIn] = {}
        self._shared: set[Network] = set()  # networks with one identity for all who have none of their own
        self._speaking: set[tuple[Network, Person]] = set()
        self._told: set[tuple[Network, Person, str]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Read what is kept."""
        self._kept = {(stored.network, stored.login.person): stored for stored in await self._store.logins()}

    def attach(self, network: Network, connector: Connector) -> None:
        """Hand a network its logins, if it takes any."""
        if not isinstance(connector, LogsIn):
            return
        self._able[network] = connector
        if connector.capabilities.representation is Representation.RELAY:
            self._shared.add(network)
        self.restarted(network)

    def detach(self, network: Network) -> None:
        """Speak for nobody on a network that has stopped."""
        self._able.pop(network, None)
        self._shared.discard(network)
        self._speaking = {(other, person) for other, person in self._speaking if other != network}

    def restarted(self, network: Network) -> None:
        """Hand over the logins of a network anew: its connector has begun from nothing."""
        for stored in self._kept.values():
            if stored.network == network and not stored.trouble:
                self._use(stored)

    # -- what others ask

    def speaks(self, room: Room, person: Person) -> bool:
        """Tell whether somebody speaks in a room with a login of their own, where others share one identity."""
        return (room.network, person) in self._speaking

    def forms(self) -> Mapping[Network, LoginForm]:
        """Return the networks that take logins, and what each of them takes."""
        return {network: able.login_form for network, able in self._able.items()}

    def kept(self) -> list[StoredLogin]:
        """Return all logins, oldest first."""
        return sorted(self._kept.values(), key=lambda stored: stored.at)

    def networks_of(self, person: Person) -> list[Network]:
        """Return the networks where somebody has a login."""
        return [network for network, other in self._kept if other == person]

    def of(self, network: Network, person: Person) -> StoredLogin | None:
        """Return somebody's login on a network."""
        return self._kept.get((network, person))

    # -- what happens

    async def log_in(self, network: Network, person: Person, given: Mapping[str, str]) -> Login:
        """Try credentials, keep and use them. Raises: LoginRefused, StoreError."""
        able = self._able.get(network)
        if able is None:
            msg = f"{network} takes no logins"
            raise LoginRefused(msg)
        if len(self._kept) >= MOST and (network, person) not in self._kept:
            msg = "the bridge has too many logins already"
            raise LoginRefused(msg)
        login = await self._try(network, able, person, given)
        kept = msgspec.structs.replace(login, remark="")
        stored = StoredLogin(network=network, login=kept, at=self._clock.now())
        await self._store.keep_login(stored)
        self._kept[network, person] = stored
        self._told = {told for told in self._told if told[:2] != (network, person)}
        log.info("login.kept network=%s", network)
        self._use(stored)
        return login

    async def _try(self, network: Network, able: LogsIn, person: Person, given: Mapping[str, str]) -> Login:
        try:
            return await able.log_in(person, given)
        except LoginRefused:
            raise
        except Exception:
            self._counters.add(Count.FAULTS, network)
            log.exception("login.fault network=%s", network)
            msg = "the bridge failed at this; its log says why"
            raise LoginRefused(msg) from None

    async def log_out(self, network: Network, person: Person) -> bool:
        """Forget a login; False if there was none. Raises: StoreError."""
        found = await self._store.remove_login(network, person)
        self._kept.pop((network, person), None)
        self._unuse(network, person)
        if found:
            log.info("login.forgotten network=%s", network)
        return found

    def trouble(self, network: Network, person: Person, reason: str, *, over: bool) -> None:
        """Take note of what is wrong with a login, and tell its user once; ``over``: use it no more."""
        stored = self._kept.get((network, person))
        if stored is None or stored.trouble:
            return
        if (network, person, reason) not in self._told:
            self._told.add((network, person, reason))
            self._tell(person, f"your login on {network} ({stored.login.name}): {reason}")
        if over:
            log.warning("login.over network=%s", network)
            self._kept[network, person] = stored = msgspec.structs.replace(stored, trouble=reason)
            self._unuse(network, person)
            self._spawn(self._store.keep_login(stored))

    def close(self) -> None:
        """Wait for no write any more."""
        for task in self._tasks:
            task.cancel()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._written)

    def _written(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("login.unwritten", exc_info=error)

    def _use(self, stored: StoredLogin) -> None:
        able = self._able.get(stored.network)
        if able is None:
            return
        self._ask(stored.network, partial(able.use, stored.login))
        if stored.network in self._shared:
            self._speaking.add((stored.network, stored.login.person))

    def _unuse(self, network: Network, person: Person) -> None:
        self._speaking.discard((network, person))
        able = self._able.get(network)
        if able is not None:
            self._ask(network, partial(able.drop, person))
