"""The driver that the conformance suite needs for this network. Your connector has one, too."""

from bridge.conformance.driver import Driver, Heard
from bridge.connector import Connector, PuppetSettings, Setup
from bridge.core.ids import Network, PersonId, RoomId
from connectors.echo.config import EchoSettings
from connectors.echo.connector import EchoConnector
from connectors.echo.network import EchoNetwork, Verb


class EchoDriver:
    """A network in this process: nothing to start, nothing to wait for."""

    def __init__(self, settings: EchoSettings | None = None) -> None:
        self.network = Network("conformance")
        self.room = RoomId("#verona")
        self._settings = settings or EchoSettings()
        self._echo = EchoNetwork()

    async def start(self) -> None:
        """Do nothing: the network is there."""

    async def stop(self) -> None:
        """Do nothing: it goes with the driver."""

    def connector(self) -> Connector:
        """Make another connector to the same network."""
        setup = Setup(
            network=self.network, settings=self._settings, puppets=PuppetSettings(), instance="test", version="0"
        )
        return EchoConnector(setup, self._echo)

    async def say(self, name: str, text: str) -> None:
        """Let somebody speak."""
        self._echo.say(self.room, name, text)

    async def heard(self) -> list[Heard]:
        """Return what the bridge and its puppets have said."""
        return [
            Heard(line.mask or line.by.name, line.content.text)
            for line in self._echo.room(self.room).log
            if line.verb is Verb.SAID and line.by.owner and line.content is not None
        ]

    async def members(self) -> list[str]:
        """Return who is in the room."""
        return [account.name for account in self._echo.room(self.room).members.values()]

    def person(self, name: str) -> PersonId:
        """Return the id of an account: its first name in lower case."""
        return PersonId(name.lower())


def make_driver() -> Driver:
    """Return what the entry point names."""
    return EchoDriver()
