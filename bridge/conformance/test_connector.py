"""Collected by ``pytest --pyargs bridge.conformance --connector KIND``: the suite, with the driver of that connector."""

from importlib.metadata import entry_points

import pytest

from bridge.conformance.driver import Driver
from bridge.conformance.plugin import GROUP
from bridge.conformance.suite import Conformance


class TestConnector(Conformance):
    """The whole suite."""

    @pytest.fixture(autouse=True)
    def _chosen(self, request: pytest.FixtureRequest) -> None:
        self._kind = str(request.config.getoption("--connector"))

    def make_driver(self) -> Driver:
        """Make what the connector's package names."""
        [point] = entry_points(group=GROUP, name=self._kind)
        driver: Driver = point.load()()
        return driver
