"""From a configured server to an open socket: TCP, TLS, and whether the certificate convinces.

Called by :mod:`connectors.irc.connection.client`.
"""

import asyncio.sslproto
import contextlib
import hashlib
import hmac
import os
import socket
import ssl
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import msgspec

from bridge.connector import Secret
from bridge.core.addresses import Range, is_reachable
from connectors.irc.connection.refusals import Kind, Refused
from connectors.irc.connection.stream import Stream

DIAL = 30.0
"""Seconds for TCP and TLS."""
NAMED = 12.0
"""The same for a server that a user has named, and waits for."""
HANDSHAKE = 15.0
"""Seconds of them for TLS."""
HASTE = 4.0
"""The same where plain text is tried next: many a server in plain text waits in silence for the end of a first line."""
SHORTEST = 5.0
"""Seconds for one of a host's addresses."""
_BUFFER = 16 * 1024
_IP_FREEBIND, _IPV6_FREEBIND = 15, 78
"""Linux, ``<linux/in.h>`` and ``<linux/in6.h>``; Python has no names for them."""


class Tls(msgspec.Struct, frozen=True, kw_only=True):
    """What to demand of a server, and what to show it."""

    verify: bool = True  # chain and host name
    ca: str = ""  # PEM file instead of the system's authorities
    fingerprint: str = ""  # SHA-256 of the certificate, in hexadecimal: then nothing else is checked
    certificate: str = ""  # PEM file shown to the server (SASL EXTERNAL, or a fingerprint that services know)
    key: str = ""  # PEM file, if not in the certificate's
    pem: Secret = Secret("")  # certificate and key themselves, instead of files


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """Where to connect."""

    host: str
    port: int
    tls: Tls | None = None
    password: str = ""
    bind: str = ""  # local address to connect from
    reach: tuple[Range, ...] | None = None  # only public addresses, and these; None: any
    handshake: float = HANDSHAKE  # seconds for TLS
    strictly: Tls | None = None  # what to demand once it asks for TLS by itself (STS); None: it asks in vain
    insists: bool = False  # it has asked

    def __str__(self) -> str:
        """Name it without its password."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


Opened = Callable[[socket.socket], None]
"""Told of a connected socket, before anything is said over it: a server may ask at once whose it is (RFC 1413)."""


async def dial(server: Server, make: Callable[[], Stream], opened: Opened | None = None) -> Stream:
    """Return an open stream. Raises: Refused, of kind NETWORK, TLS or FORBIDDEN."""
    try:
        secure = _context(server)
        async with asyncio.timeout(DIAL if server.reach is None else NAMED):
            way = await _reach(server)
            if opened is not None:
                opened(way)
            stream = await _speak(server, way, make, secure)
    except TimeoutError:
        raise Refused(Kind.NETWORK, f"{server} does not answer") from None
    except ssl.SSLError as error:
        raise Refused(Kind.TLS, f"{server}: {_words(error)}") from None
    except ConnectionAbortedError:
        raise Refused(Kind.TLS, f"{server} does not answer as a TLS server would") from None
    except (OSError, UnicodeError) as error:
        raise Refused(Kind.NETWORK, f"{server}: {_reason(error)}") from None
    if server.tls is not None and not _is_pinned(server.tls, stream.certificate()):
        stream.drop()
        raise Refused(Kind.TLS, f"{server}: its certificate does not have the configured fingerprint")
    return stream


async def _speak(
    server: Server, way: socket.socket, make: Callable[[], Stream], secure: ssl.SSLContext | None
) -> Stream:
    try:
        _, stream = await asyncio.get_running_loop().create_connection(
            make,
            sock=way,
            ssl=secure,
            server_hostname=None if secure is None else server.host,
            ssl_handshake_timeout=None if secure is None else server.handshake,
        )
    except BaseException:
        way.close()
        raise
    stream.over(way)
    return stream


async def _reach(server: Server) -> socket.socket:
    """Return a connected socket: the first of the host's addresses that answers. Raises: OSError, UnicodeError, Refused.

    A name is resolved once, and the connection goes to an address that was looked at: a name that answers differently the
    next time leads nowhere else.
    """
    found = await _addresses(server)
    allowed = [each for each in found if server.reach is None or is_reachable(str(each[1][0]), server.reach)]
    if found and not allowed:
        raise Refused(Kind.FORBIDDEN, f"{server} is not on the public Internet")
    trouble: OSError = OSError("no such host")
    for family, address in allowed:
        try:
            async with asyncio.timeout(max(SHORTEST, DIAL / len(allowed))):
                return await _connected(server, family, address)
        except TimeoutError:
            trouble = TimeoutError()
        except OSError as error:
            trouble = error
    raise trouble


async def _addresses(server: Server) -> list[tuple[int, tuple[Any, ...]]]:
    """Return what a name stands for; an address stands for itself, and nobody is asked."""
    with suppress(ValueError):
        family = socket.AF_INET if ip_address(server.host).version == 4 else socket.AF_INET6
        return [(family, (server.host, server.port))]
    found = await asyncio.get_running_loop().getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    return [(family, address) for family, _, _, _, address in found]


async def _connected(server: Server, family: int, address: tuple[Any, ...]) -> socket.socket:
    """Return a socket that is connected with one address. Raises: OSError."""
    way = socket.socket(family, socket.SOCK_STREAM)
    try:
        way.settimeout(0)
        way.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if server.bind:
            _bind(way, server.bind)
        await asyncio.get_running_loop().sock_connect(way, address)
    except BaseException:
        way.close()
        raise
    return way


def _bind(way: socket.socket, address: str) -> None:
    """Have a socket come from an address, which no interface needs to have where the system routes it to us. Raises: OSError."""
    is_v6 = ip_address(address).version == 6
    if is_v6 is not (way.family == socket.AF_INET6):
        raise OSError(f"it has no address that can be reached from {address}")
    if sys.platform == "linux":
        level, option = (socket.IPPROTO_IPV6, _IPV6_FREEBIND) if is_v6 else (socket.IPPROTO_IP, _IP_FREEBIND)
        way.setsockopt(level, option, 1)
    try:
        way.bind((address, 0))
    except OSError as error:
        raise OSError(f"cannot connect from {address}: {_reason(error)}") from None


def _context(server: Server) -> ssl.SSLContext | None:
    """Return the context for a server, one for all its connections until a file changes."""
    tls = server.tls
    if tls is None:
        return None
    _use_small_buffers()
    try:
        files = tuple((name, Path(name).stat().st_mtime_ns) for name in (tls.ca, tls.certificate, tls.key) if name)
        if tls.pem:
            return _own_context(tls)
        return _context_of(tls, files)
    except OSError as error:
        whose = "your client" if tls.pem else "a configured"
        raise Refused(Kind.TLS, f"{whose} certificate cannot be used: {_plainly(error)}") from None


def _own_context(tls: Tls) -> ssl.SSLContext:
    """Return a context with a certificate that one user has given; OpenSSL only reads files, so it gets one that is on no disk."""
    made = _fresh_context(tls)
    with _in_memory(str(tls.pem).encode()) as path:
        made.load_cert_chain(path)
    return made


@contextlib.contextmanager
def _in_memory(data: bytes) -> Iterator[str]:
    """Lend a file with this content, which nobody else can open by name."""
    if hasattr(os, "memfd_create"):
        number = os.memfd_create("certificate", os.MFD_CLOEXEC)
        with os.fdopen(number, "wb") as file:
            file.write(data)
            file.flush()
            yield f"/proc/self/fd/{number}"
    else:
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            yield file.name


@lru_cache(maxsize=16)
def _context_of(tls: Tls, _files: tuple[tuple[str, int], ...]) -> ssl.SSLContext:
    return _fresh_context(tls)


def _fresh_context(tls: Tls) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=tls.ca or None)
    made.options |= ssl.OP_NO_TICKET  # no session is ever resumed: tickets would only be kept, for each connection
    if tls.fingerprint or not tls.verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    if tls.certificate:
        made.load_cert_chain(tls.certificate, tls.key or None)
    return made


def _is_pinned(tls: Tls, certificate: bytes | None) -> bool:
    if not tls.fingerprint:
        return True
    wanted = tls.fingerprint.replace(":", "").replace(" ", "").lower()
    return hmac.compare_digest(hashlib.sha256(certificate or b"").hexdigest(), wanted)


def _use_small_buffers() -> None:
    """Have asyncio keep 16 KiB for each TLS connection instead of 256: 53 MB for 1,000 puppets instead of 291.

    A record of TLS is never longer than that. There is no setting for it; loops other than asyncio's do not need it.
    """
    protocol = getattr(asyncio.sslproto, "SSLProtocol", None)
    if isinstance(getattr(protocol, "max_size", None), int):
        protocol.max_size = _BUFFER  # type: ignore[union-attr]


def _reason(error: OSError | UnicodeError) -> str:
    """Say what the system says, without the number and the address that Python adds to it."""
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno).lower()
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _plainly(error: OSError) -> str:
    return str(error.reason or error) if isinstance(error, ssl.SSLError) else str(error)


def _words(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if error.reason == "WRONG_VERSION_NUMBER":
        return "it does not speak TLS on this port"
    return f"TLS failed: {error.reason or error}"
