"""The keys of ``[networks.NAME]`` for ``connector = "irc"``, and what they mean to a connection.

Read by ``bridge.config`` through the manifest; the comments beside the keys are the documentation of the configuration.
The table ``[networks.NAME.puppets]`` is the bridge's own and not here.
"""

from typing import Literal

import msgspec

from bridge.connector import Secret
from connectors.irc.client import Flood, Sasl, Server, Tls


class IrcSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One IRC network."""

    host: str | list[str]
    """The server, or several of one network that are tried in turn: "irc.libera.chat", ["a.example", "b.example:7000", "[::1]:6667"]."""
    port: int = 0
    """TCP port where ``host`` names none; left out: 6697 with TLS, 6667 without."""
    tls: bool = True
    """Encrypt the connection."""
    tls_verify: bool = True
    """Check the server's certificate and that it is for this host."""
    tls_ca: str = ""
    """PEM file with the authorities to trust instead of the system's."""
    tls_fingerprint: str = ""
    """SHA-256 fingerprint of the server's certificate, in hexadecimal: then only this is checked."""
    bind: str = ""
    """Local address to connect from."""

    nick: str = "linkspan"
    """The listener's nick; when it is taken, "_" and "__" are added, then a short hash."""
    username: str = ""
    """User name (ident) of the listener; left out: made from the nick."""
    realname: str = ""
    """Real name of the listener."""
    password: Secret = Secret("")
    """Password of the server (PASS), for the listener and for puppets."""
    certificate: str = ""
    """PEM file with a client certificate for the listener: SASL EXTERNAL, or a fingerprint known to services."""
    key: str = ""
    """PEM file with the certificate's key, where it is not in the same file."""
    sasl_mechanism: Literal["", "plain", "external"] = ""
    """How the listener logs in; left out: plain where ``sasl_username`` is given."""
    sasl_username: str = ""
    """The listener's services account."""
    sasl_password: Secret = Secret("")
    """The account's password."""
    sasl_required: bool = True
    """Do not connect where SASL is not offered or fails."""
    nickserv_password: Secret = Secret("")
    """Identify the listener to NickServ with this after connecting, where SASL did not log it in."""
    perform: list[str] = []
    """Raw commands that the listener sends after connecting: ["MODE {nick} +x"]."""

    encoding: str = "cp1252"
    """How lines that are not UTF-8 are read; everything is written in UTF-8."""
    flood_burst: float = 10.0
    """Lines that one connection may send at once."""
    flood_rate: float | None = None
    """Lines a second after that; 0 is no limit; left out: 2, and no limit towards a server on the same machine."""
    connecting: int = 10
    """Connections that may be under way at one time, puppets included."""
    bot_mode: bool = True
    """Mark the listener as a bot where the network has a user mode for it."""
    deaf: bool = True
    """Have puppets not receive channel text where the network has a user mode for it: saves the server's work and ours."""
    corrections: Literal["short", "full", "off"] = "short"
    """How a corrected message is shown: what changed, its whole new text, or not at all."""
    quit_message: str = "Leaving"
    """What connections say when they quit."""


def servers(settings: IrcSettings, *, certificate: bool) -> tuple[Server, ...]:
    """Return the servers of a network in order; ``certificate`` says whether the listener's one is shown. Raises: ValueError."""
    raise NotImplementedError


def flood(settings: IrcSettings, server: Server) -> Flood:
    """Return the flood control towards a server."""
    raise NotImplementedError


def sasl(settings: IrcSettings) -> Sasl | None:
    """Return how the listener logs in. Raises: ValueError for keys that contradict each other."""
    raise NotImplementedError
