"""Who people of the network are: WHOIS and WHO, asked over the user's own connection, or else the listener's.

What was learnt is good for a minute, and every connection has a small budget, so that those without one of their own share the
listener's: a client that opens a room may ask for everybody's vCard. Called by the connector for its ability ``Informs``.
Reading is in ``whois``.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from weakref import WeakKeyDictionary

from bridge.core.acts import ActRefused, Obstacle
from bridge.core.ids import Person
from bridge.core.profiles import Profile, Wanted
from connectors.irc.connection.client import Congested, Connection, Line
from connectors.irc.connection.flood import Bucket
from connectors.irc.connection.overhearing import BusyError
from connectors.irc.connection.requests import Lost
from connectors.irc.people import whois
from connectors.irc.puppets.pool import Pool
from connectors.irc.reading.places import is_usable
from connectors.irc.scene import Scene

PATIENCE = 10.0
"""Seconds that a server may take to say who somebody is."""
FRESH = 60.0
"""Seconds for which that is good."""
_KEPT = 500
_MOST_FOUND = 1_000
_ABSENT = frozenset({"401", "402", "406"})


class Acquaintance:
    """Asks who people are."""

    def __init__(self, scene: Scene, pool: Pool, listener: Callable[[], Connection | None]) -> None:
        self._scene = scene
        self._pool = pool
        self._listener = listener
        self._budgets: WeakKeyDictionary[Connection, Bucket] = WeakKeyDictionary()
        self._searches: WeakKeyDictionary[Connection, Bucket] = WeakKeyDictionary()
        self._known: dict[tuple[Person | None, str], tuple[float, Profile]] = {}
        self._turns: WeakKeyDictionary[Connection, asyncio.Lock] = WeakKeyDictionary()

    async def profile(self, person: Person, by: Person) -> Profile:
        """Return what the network tells somebody of one of its people. Raises: ActRefused."""
        connection, own = self._over(by)
        nick = self._nick(person)
        key = (by if own else None, connection.isupport.fold(nick))
        async with self._turn(connection):
            known = self._known.get(key)
            if known is not None and self._scene.time() - known[0] < FRESH:
                return known[1]
            self._charge(self._budgets.setdefault(connection, Bucket(burst=8, rate=0.5)))
            profile = await self._whois(connection, nick)
        self._known.pop(key, None)
        self._known[key] = (self._scene.time(), profile)
        if len(self._known) > _KEPT:
            del self._known[next(iter(self._known))]
        return profile

    async def people(self, wanted: Wanted, by: Person) -> list[Profile]:
        """Return whom somebody looks for. Raises: ActRefused."""
        connection, _ = self._over(by)
        isupport, mask = connection.isupport, whois.mask(wanted)
        if wanted.room and not is_usable(wanted.room, isupport.chantypes):
            raise ActRefused(Obstacle.ABSENT, f"{wanted.room!r} is not the name of a channel")
        self._charge(self._searches.setdefault(connection, Bucket(burst=3, rate=0.1)))

        def mine(line: Line) -> bool:
            match line.command:
                case "315":
                    return isupport.fold(line.param(1)) == isupport.fold(mask)
                case "354":
                    return line.param(1) == whois.WHOX_MARK
                case _:
                    return True

        question = (mask, whois.WHOX) if isupport.whox else (mask,)
        async with self._turn(connection):
            lines = await self._ask(connection, "315", ("WHO", *question), mine)
        people = whois.found(lines, network=self._scene.network, fold=isupport.fold)
        return [one for one in people if whois.fits(one, wanted)][:_MOST_FOUND]

    async def _whois(self, connection: Connection, nick: str) -> Profile:
        fold = connection.isupport.fold
        lines = await self._ask(
            connection, "318", ("WHOIS", nick, nick), lambda line: fold(line.param(1)) == fold(nick)
        )
        profile = whois.profile(lines, network=self._scene.network, fold=fold)
        if profile is None:
            raise ActRefused(Obstacle.ABSENT, f"{nick} is not on {self._scene.network}")
        return profile

    async def _ask(
        self, connection: Connection, end: str, question: tuple[str, ...], mine: Callable[[Line], bool]
    ) -> list[Line]:
        network = self._scene.network
        try:
            async with asyncio.timeout(PATIENCE):
                lines, said = await self._scene.overhearing.ask(connection, end, *question, mine=mine)
        except (Lost, Congested, TimeoutError, BusyError):
            raise ActRefused(Obstacle.AWAY, f"{network} does not answer") from None
        except ValueError:
            raise ActRefused(Obstacle.ABSENT, f"there is no such name on {network}") from None
        refusal = next((line for line in said if "400" <= line.command < "600" and line.command.isdecimal()), None)
        if refusal is not None:
            if refusal.command in _ABSENT:  # ngIRCd says "No such server" of somebody who is not there
                raise ActRefused(Obstacle.ABSENT, f"there is nobody of this name on {network}")
            raise ActRefused(Obstacle.FORBIDDEN, refusal.text)
        return lines

    def _over(self, by: Person) -> tuple[Connection, bool]:
        """Return over which connection somebody asks, and whether it is their own: what it shows is for them alone."""
        puppet = self._pool.get(by)
        if puppet is not None and puppet.connection is not None:
            return puppet.connection, True
        connection = self._listener()
        if connection is None:
            raise ActRefused(Obstacle.AWAY, f"nobody is connected to {self._scene.network}: join a channel first")
        return connection, False

    def _nick(self, person: Person) -> str:
        user = self._scene.view.user(person.id)
        nick = user.nick if user is not None else str(person.id)
        if not nick or "," in nick or "*" in nick or "?" in nick or nick[0] in "#&+!:":
            raise ActRefused(Obstacle.ABSENT, f"there is nobody of this name on {self._scene.network}")
        return nick

    def _charge(self, budget: Bucket) -> None:
        if not budget.take(1, self._scene.time()):
            raise ActRefused(Obstacle.BUSY, f"too much has been asked of {self._scene.network}: try again in a while")

    @contextlib.asynccontextmanager
    async def _turn(self, connection: Connection) -> AsyncIterator[None]:
        lock = self._turns.setdefault(connection, asyncio.Lock())
        async with lock:
            yield
