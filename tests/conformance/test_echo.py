"""The suite for connector authors, run against every kind of network that echo can play."""

from bridge.conformance.driver import Driver
from bridge.conformance.suite import REFUSABLE, Conformance
from bridge.core.capabilities import Representation, Unit
from connectors.echo.config import EchoSettings
from connectors.echo.conformance import EchoDriver, make_driver


class TestAddresses(Conformance):
    def make_driver(self) -> Driver:
        return make_driver()


class TestSessionsOneAtATime(Conformance):
    def make_driver(self) -> Driver:
        return EchoDriver(EchoSettings(representation=Representation.SESSION, pipeline=1, history=False))


class TestMasks(Conformance):
    def make_driver(self) -> Driver:
        return EchoDriver(EchoSettings(representation=Representation.MASK))


class TestARelayThatRefusesAllItCan(Conformance):
    def make_driver(self) -> Driver:
        refused = tuple(REFUSABLE)
        return EchoDriver(
            EchoSettings(representation=Representation.RELAY, refused=refused, limit=160, unit=Unit.BYTES)
        )
