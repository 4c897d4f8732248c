"""Why a connection was not made, or did not last: one closed list of kinds, and the rules that sort servers' words into it.

Pure. Called by the registration machine and by the connection; the upper half decides by ``kind`` what is tried again and when.
Servers have no code for "you are banned": what an ERROR line means stands in its text, so the rules here are a table of phrases,
each taken from the messages that servers in use send (InspIRCd, UnrealIRCd, solanum, hybrid, ngircd, ircu).
"""

import re
from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """What went wrong, by what may be done next."""

    BANNED = "banned"  # K-, G-, Z-line, 465: never try again by itself
    THROTTLED = "throttled"  # connecting too fast: try again, but later than usual
    FULL = "full"  # too many connections from this address, or the server is full
    AUTH = "auth"  # password, SASL or certificate refused: somebody has to change the configuration
    NICK = "nick"  # every candidate was taken or refused
    TLS = "tls"  # no handshake, or a certificate that does not convince
    NETWORK = "network"  # no route, no name, reset, silence
    CLOSED = "closed"  # the server closed the connection, for its own reasons


class Failure(msgspec.Struct, frozen=True):
    """One failed or lost connection; ``reason`` is a sentence for a person and holds no secret."""

    kind: Kind
    reason: str

    @property
    def permanent(self) -> bool:
        """Whether trying the same again cannot help."""
        return self.kind in {Kind.BANNED, Kind.AUTH}


class Refused(Exception):
    """No connection: raised by ``connect``."""

    def __init__(self, kind: Kind, reason: str) -> None:
        super().__init__(f"{kind}: {reason}")
        self.kind = kind
        self.reason = reason

    @property
    def failure(self) -> Failure:
        """The same as a value."""
        return Failure(self.kind, self.reason)


_PHRASES = (
    (
        Kind.THROTTLED,
        r"throttl|too fast|reconnect(?:ing|ed)? too|too many connection attempts|wait a while|clone flood",
    ),
    (
        Kind.FULL,
        r"too many (?:host |user |local |global |unknown |concurrent )?(?:connections|clients|clones)|no more connections"
        r"|connection limit|maximum (?:number of )?connections|max(?:imum)? clones|server (?:is )?full|session limit",
    ),
    (
        Kind.BANNED,
        r"\b[kgzdqe]:?-?lined?\b|\b[kgz]-line|\bbann?ed\b|\bakill(?:ed)?\b|\bshunn?ed\b|blacklist|dnsbl|not welcome|\bproxy\b|\brbl\b",
    ),
    (
        Kind.AUTH,
        r"bad password|password (?:mismatch|incorrect|required)|invalid password|access denied|not authori[sz]ed|no authorization|sasl",
    ),
    (Kind.NETWORK, r"ping time-?out|read error|write error|connection (?:reset|timed out)|sendq|recvq"),
)
_RULES = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _PHRASES)


def closing_kind(text: str) -> Kind:
    """Sort the text of an ERROR line, or of a numeric that announces one."""
    return next((kind for kind, rule in _RULES if rule.search(text)), Kind.CLOSED)
