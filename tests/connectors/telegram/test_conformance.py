"""The suite for connector authors, run against the fake Bot API."""

from bridge.conformance.driver import Driver
from bridge.conformance.suite import Conformance
from tests.support.telegram.driver import TelegramDriver


class TestTelegram(Conformance):
    def make_driver(self) -> Driver:
        return TelegramDriver()
