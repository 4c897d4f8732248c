"""Linkspan: a bridge between chat networks.

A guided tour, from the inside out:

* ``bridge.core`` decides, purely: what a message is, who hears it, in which form and under which name.
* ``bridge.connector`` is the contract: what a network must be able to do, and all that it is given.
* ``bridge.engine`` does, on asyncio and with no network library: journal, outbox, puppets, supervision.
* ``bridge.xmpp``, ``bridge.storage``, ``bridge.web`` and ``bridge.registry`` are strangers to each other:
  the XEP-0114 component, the SQLAlchemy store, the HTTP side, the finder of connectors.
* ``bridge.app`` is the composition root, the only module that knows everybody; ``bridge.cli`` is the door.

``connectors.*`` hold one network kind each and know ``bridge.connector`` and ``bridge.core`` only.
"""

__version__ = "0.1.0"
