"""Who has registered with which network: whoever has a login there, or has set anything for themselves.

Over :mod:`bridge.engine.logins` and :mod:`bridge.engine.preferences`, for whoever treats both as one
(``bridge.xmpp.commands.registering``).
"""

from collections.abc import Sequence

from bridge.core.ids import XMPP, Network, Person, PersonId
from bridge.engine.logins import Logins
from bridge.engine.preferences import Preferences


class Registrations:
    """What users have of their own on networks."""

    def __init__(self, logins: Logins, preferences: Preferences) -> None:
        self._logins = logins
        self._preferences = preferences

    def networks(self) -> Sequence[Network]:
        """Return the networks where users can have anything of their own."""
        return sorted({*self._logins.forms(), *self._preferences.networks()})

    def kept(self, user: str) -> Sequence[Network]:
        """Return the networks where somebody has anything of their own, whether these are there now or not."""
        person = Person(XMPP, PersonId(user))
        return sorted({*self._logins.networks_of(person), *self._preferences.networks_of(person)})

    def account(self, network: Network, user: str) -> str | None:
        """Return the name of somebody's login, "" where only settings of theirs are kept; None where nothing is."""
        person = Person(XMPP, PersonId(user))
        stored = self._logins.of(network, person)
        if stored is not None:
            return stored.login.name
        return "" if self._preferences.has_any(network, person) else None
