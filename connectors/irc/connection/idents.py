"""Whose connection is which, for servers that ask the bridge's identd (RFC 1413): kept from the first packet to the last.

Pure. Filled by :mod:`connectors.irc.connection.client`, asked through the connector's ability ``Identifies``.
"""

import socket
from sys import intern

from bridge.connector import Wire


class Idents:
    """The open connections of one network."""

    def __init__(self) -> None:
        self._names: dict[Wire, str] = {}

    def add(self, wire: Wire, name: str) -> None:
        """Take note of a connection, and of the user name that it gives."""
        self._names[wire] = name

    def remove(self, wire: Wire) -> None:
        """Take note that a connection is over."""
        self._names.pop(wire, None)

    def name(self, wire: Wire) -> str:
        """Return a connection's user name, "" where there is none."""
        return self._names.get(wire, "")


def wire_of(way: socket.socket) -> Wire:
    """Return the addresses and ports of a connected socket."""
    (local, local_port, *_), (remote, remote_port, *_) = way.getsockname(), way.getpeername()
    return Wire(local=intern(local), local_port=local_port, remote=intern(remote), remote_port=remote_port)
