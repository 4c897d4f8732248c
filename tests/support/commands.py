"""Commands without a bridge: what they can be about is named, and each door can be tried."""

from collections.abc import Sequence

from bridge.core.commands import Offer, Place
from bridge.core.dialogue import Commands
from bridge.core.ids import Network

DOMAIN = "bridge.localhost"


class Known:
    """Networks by name; rooms are what begins with "#", at the address that such a room has."""

    def __init__(self, networks: Sequence[str] = ()) -> None:
        self._networks = [Network(network) for network in networks]
        self.barred: dict[str, str] = {}  # users, with the reason

    def networks(self) -> Sequence[Network]:
        return self._networks

    def room(self, text: str, network: Network | None) -> Place | None:
        name, _, rest = text.partition("%")
        network = Network(rest.partition("@")[0]) if rest else network
        if not name.startswith("#") or network not in self._networks:
            return None
        return Place(network=network, room=f"{name}%{network}@{DOMAIN}")

    def bars(self, user: str, network: Network) -> str:
        return self.barred.get(user, "")


def known(*offers: Offer, networks: Sequence[str] = ()) -> Commands:
    """Return these commands, on these networks."""
    commands = Commands(Known(networks))
    commands.offer(offers)
    return commands
