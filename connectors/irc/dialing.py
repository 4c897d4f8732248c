"""From a configured server to an open socket: TCP, TLS, and whether the certificate convinces.

Called by :mod:`connectors.irc.client`.
"""

import asyncio.sslproto
import hashlib
import hmac
import os
import ssl
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import msgspec

from connectors.irc.refusals import Kind, Refused
from connectors.irc.stream import Stream

DIAL = 30.0
"""Seconds for TCP and TLS."""
HANDSHAKE = 15.0
"""Seconds of them for TLS."""
_BUFFER = 16 * 1024


class Tls(msgspec.Struct, frozen=True, kw_only=True):
    """What to demand of a server, and what to show it."""

    verify: bool = True  # chain and host name
    ca: str = ""  # PEM file instead of the system's authorities
    fingerprint: str = ""  # SHA-256 of the certificate, in hexadecimal: then nothing else is checked
    certificate: str = ""  # PEM file shown to the server (SASL EXTERNAL, or a fingerprint that services know)
    key: str = ""  # PEM file, if not in the certificate's


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """Where to connect."""

    host: str
    port: int
    tls: Tls | None = None
    password: str = ""
    bind: str = ""  # local address to connect from

    def __str__(self) -> str:
        """Name it without its password."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


async def dial(server: Server, make: Callable[[], Stream]) -> Stream:
    """Return an open stream. Raises: Refused, of kind NETWORK or TLS."""
    try:
        secure = _context(server)
        async with asyncio.timeout(DIAL):
            _, stream = await asyncio.get_running_loop().create_connection(
                make,
                server.host,
                server.port,
                ssl=secure,
                ssl_handshake_timeout=None if secure is None else HANDSHAKE,
                local_addr=(server.bind, 0) if server.bind else None,
            )
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


def _context(server: Server) -> ssl.SSLContext | None:
    """Return the context for a server, one for all its connections until a file changes."""
    tls = server.tls
    if tls is None:
        return None
    _use_small_buffers()
    try:
        files = tuple((name, Path(name).stat().st_mtime_ns) for name in (tls.ca, tls.certificate, tls.key) if name)
        return _context_of(tls, files)
    except OSError as error:
        raise Refused(Kind.TLS, f"a configured certificate cannot be used: {error}") from None


@lru_cache(maxsize=16)
def _context_of(tls: Tls, _files: tuple[tuple[str, int], ...]) -> ssl.SSLContext:
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


def _words(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if error.reason == "WRONG_VERSION_NUMBER":
        return "it does not speak TLS on this port"
    return f"TLS failed: {error.reason or error}"
