"""Remote people as the XMPP side asks for them: who they are, whether they are there, and users' own connections.

Finds the ability of the network that is asked, and whether somebody may ask it: whoever may use the gateway. Implements
:class:`bridge.xmpp.people.profiles.People`; built by :mod:`bridge.app`.
"""

from bridge.connector import Asks, Informs, Session, Sessions, Sights
from bridge.core.acts import ActRefused, Obstacle
from bridge.core.ids import XMPP, Network, Person
from bridge.core.profiles import Profile, Question, Wanted
from bridge.engine.hub import Hub
from bridge.gateway import Gateway


class People:
    """The people of all networks."""

    def __init__(self, hub: Hub, gateway: Gateway) -> None:
        self._hub = hub
        self._gateway = gateway

    def may(self, user: str, network: Network) -> bool:
        """Tell whether somebody (a bare JID) may ask a network something, or look out for its people."""
        return self._gateway.settings.enabled and not self._gateway.refuses(user, network)

    def opens(self, network: Network) -> bool:
        """Tell whether there is no such network, but would be as soon as somebody came into one of its rooms."""
        return network not in self._hub.networks() and self._gateway.may_open(network)

    def informs(self, network: Network) -> bool:
        """Tell whether a network says who its people are."""
        return isinstance(self._hub.networks().get(network), Informs)

    async def profile(self, person: Person, by: Person) -> Profile:
        """Return what a network tells of somebody. Raises: ActRefused."""
        return await self._informant(person.network, by).profile(person, by)

    async def people(self, network: Network, wanted: Wanted, by: Person) -> list[Profile]:
        """Return who fits. Raises: ActRefused."""
        return await self._informant(network, by).people(wanted, by)

    async def ask(self, person: Person, question: Question, by: Person) -> str:
        """Ask somebody's program. Raises: ActRefused."""
        asked = self._hub.networks().get(person.network)
        if person.network == XMPP or not isinstance(asked, Asks) or not self.may(by.id, person.network):
            raise ActRefused(Obstacle.IMPOSSIBLE, f"nobody can be asked on {person.network}")
        return await asked.ask(person, question, by=by)

    def sight(self, person: Person, *, on: bool) -> bool:
        """Look out for somebody, or no more; False where the network does not tell who is there."""
        connector = self._hub.networks().get(person.network)
        if not isinstance(connector, Sights):
            return False
        connector.sight(person.id, on=on)
        return True

    def session(self, user: Person, network: Network) -> Session | None:
        """Return how somebody's own connection is, None where nobody has one."""
        connector = self._hub.networks().get(network)
        if isinstance(connector, Sessions):
            return connector.session(user)
        return Session() if self.opens(network) else None

    async def raw(self, network: Network, user: Person, line: str) -> None:
        """Send a line over somebody's own connection. Raises: ActRefused."""
        connector = self._hub.networks().get(network)
        if not isinstance(connector, Sessions):
            reason = f"you are not connected to {network}: join a room first"
            raise ActRefused(Obstacle.AWAY if self.opens(network) else Obstacle.IMPOSSIBLE, reason)
        if not self.may(user.id, network):
            raise ActRefused(Obstacle.FORBIDDEN, "you may not use this gateway")
        await connector.raw(user, line)

    def _informant(self, network: Network, by: Person) -> Informs:
        connector = self._hub.networks().get(network)
        if not isinstance(connector, Informs) or not self.may(by.id, network):
            raise ActRefused(Obstacle.IMPOSSIBLE, f"{network} says nothing of its people")
        return connector
