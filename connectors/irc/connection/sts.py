"""Strict transport security (IRCv3 "sts"): a server that asks to be reached with TLS only is, from then on and over restarts.

What a server says is read here, and what it has said is kept for its host name. A connection asks which ways are left to its
servers, and tells what it hears: in plain text a server may only demand TLS, and only one whose certificate was checked may
say for how long. No sockets: :mod:`connectors.irc.connection.client` dials, the connector hands over what an earlier run kept.
"""

import time
from collections.abc import Callable, Iterable

import msgspec

from bridge.connector import Hub
from connectors.irc.connection.dialing import HANDSHAKE, Server
from connectors.irc.connection.refusals import Kind, Refused

_KEPT = "sts "
_LONGEST = 10 * 365 * 86_400
"""Seconds: whoever says more means for ever."""
_FREE = 1024
_IRCS = 994
_COARSE = 3600
"""Seconds by which the end of a policy may be wrong on disk: a thousand puppets that come and go are not a thousand writes."""


class Upgrade(Refused):
    """A server in plain text asks to be reached at another port, with TLS."""

    def __init__(self, port: int) -> None:
        super().__init__(Kind.TLS, f"it asks for TLS, at port {port}")
        self.port = port


class Advert(msgspec.Struct, frozen=True):
    """What a server says with its capability ``sts``; None for what it does not say, or not so that it could be read."""

    port: int | None = None  # where it speaks TLS
    duration: int | None = None  # seconds for which it will; 0: no longer


def read(value: str) -> Advert:
    """Read the capability's value; of a key that comes twice, the first one counts."""
    said: dict[str, str] = {}
    for token in value.split(","):
        key, _, what = token.partition("=")
        said.setdefault(key, what)
    port, duration = _number(said.get("port", "")), _number(said.get("duration", ""))
    return Advert(port if port and port < 65536 else None, None if duration is None else min(duration, _LONGEST))


class Policy(msgspec.Struct, frozen=True):
    """What a host has asked for."""

    port: int
    duration: int  # seconds from the last time that it was reached
    until: int  # seconds since the epoch


class Policies:
    """What the hosts of one network have asked for."""

    __slots__ = ("_kept", "_now", "_written", "remember")

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._kept: dict[str, Policy] = {}
        self._written: dict[str, Policy] = {}
        self.remember: Callable[[str, str], None] = lambda _name, _value: None
        """Keeps a small text over restarts; set by whoever can."""

    async def recall(self, hub: Hub) -> None:
        """Learn what an earlier run has left."""
        for name, value in (await hub.recollect(_KEPT)).items():
            numbers = [_number(word) for word in value.split(" ")]
            if len(numbers) == 3 and None not in numbers:
                policy = Policy(*(number or 0 for number in numbers))
                self._kept.setdefault(name.removeprefix(_KEPT), policy)
                self._written[name.removeprefix(_KEPT)] = policy

    def ways(self, servers: Iterable[Server]) -> tuple[Server, ...]:
        """Return how servers may be reached now, in order and each once."""
        found: dict[tuple[str, int, bool], Server] = {}
        for server in map(self._way, servers):
            found.setdefault((server.host, server.port, server.tls is None), server)
        return tuple(found.values())

    def heard(self, server: Server, duration: int) -> None:
        """Take note of what a server has said over a connection with TLS; nothing where its certificate was not checked."""
        if not _is_sure(server):
            return
        if duration:
            self._keep(server.host, Policy(server.port, duration, int(self._now()) + duration))
        elif self._kept.pop(server.host.lower(), None) is not None:
            self._written.pop(server.host.lower(), None)
            self.remember(f"{_KEPT}{server.host.lower()}", "")

    def left(self, server: Server) -> None:
        """Count anew from now on: a connection with TLS ends."""
        policy = self._kept.get(server.host.lower())
        if policy is not None and _is_sure(server):
            self._keep(server.host, msgspec.structs.replace(policy, until=int(self._now()) + policy.duration))

    def _way(self, server: Server) -> Server:
        policy = self._kept.get(server.host.lower())
        if policy is None or policy.until <= self._now() or server.tls is not None or server.strictly is None:
            return server
        return strict(server, policy.port)

    def _keep(self, host: str, policy: Policy) -> None:
        host = host.lower()
        self._kept[host] = policy
        written = self._written.get(host)
        moved = min(_COARSE, policy.duration // 10)
        if written is None or _place(written) != _place(policy) or policy.until > written.until + moved:
            self._written[host] = policy
            self.remember(f"{_KEPT}{host}", f"{policy.port} {policy.duration} {policy.until}")


def demand(server: Server, port: int) -> Refused:
    """Return why not to go on in plain text with a server that asks for TLS at a port; mostly an Upgrade.

    A server that a user has named does not lead us to another service by its name: nothing but IRC over TLS has 994.
    """
    if server.reach is not None and port < _FREE and port != _IRCS:
        return Refused(Kind.FORBIDDEN, f"{server} asks for TLS at port {port}, where there is no IRC")
    return Upgrade(port)


def strict(server: Server, port: int) -> Server:
    """Return a server in plain text as it asks to be reached."""
    return msgspec.structs.replace(server, port=port, tls=server.strictly, insists=True, handshake=HANDSHAKE)


def insisted(server: Server, refused: Refused) -> Refused:
    """Say why there is no connection, and why none without TLS is tried, where that is the server's wish."""
    if not server.insists or refused.kind not in (Kind.TLS, Kind.NETWORK):
        return refused
    return Refused(refused.kind, f"{refused.reason}; it has asked to be reached with TLS only (STS)")


def _is_sure(server: Server) -> bool:
    """Tell whether it is certain who has spoken, and whether that matters to the operator."""
    tls = server.tls
    return tls is not None and (tls.verify or bool(tls.fingerprint)) and server.strictly is not None


def _place(policy: Policy) -> tuple[int, int]:
    return policy.port, policy.duration


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None
