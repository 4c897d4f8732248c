"""The pytest plugin that comes with the program: ``--connector KIND`` chooses what the suite is run against."""

from importlib.metadata import entry_points

import pytest

GROUP = "linkspan.conformance"
"""Entry points of connector packages: the kind, and ``package.module:make_driver``, a callable without arguments."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    group = parser.getgroup("linkspan", "conformance of Linkspan connectors")
    group.addoption(
        "--connector",
        metavar="KIND",
        default="",
        help=f"the connector to test: a name in the entry-point group {GROUP}",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Say what is missing instead of running a suite without a driver."""
    if metafunc.module.__name__.endswith("bridge.conformance.test_connector"):
        drivers = sorted(point.name for point in entry_points(group=GROUP))
        kind = metafunc.config.getoption("--connector")
        if kind not in drivers:
            names = ", ".join(drivers) or "none: no installed package names a driver"
            pytest.exit(f"found --connector {kind!r}, expected one of {names}")
