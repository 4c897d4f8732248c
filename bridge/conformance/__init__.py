"""What every connector has to keep, as tests that a connector's author runs. Shipped with the program.

A connector from elsewhere is tested without being known here. Its author writes a :class:`Driver` (the far side of the
network, in a few verbs), and then either names it in the entry-point group ``linkspan.conformance`` and runs::

    pytest --pyargs bridge.conformance --connector KIND

or puts the suite among their own tests::

    from bridge.conformance.suite import Conformance

    class TestMyNetwork(Conformance):
        def make_driver(self) -> Driver:
            return MyDriver()

Needs pytest, and nothing else that the bridge does not need. Only :mod:`bridge.conformance.suite` and
:mod:`bridge.conformance.plugin` import it, so that the installed program never does.
"""

from bridge.conformance.driver import Driver, Heard

__all__ = ["Driver", "Heard"]
