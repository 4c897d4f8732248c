"""Why a connection was not made, or did not last: one closed list of kinds, and how servers' words are sorted into it.

Pure. Called by the registration machine and by the connection; the upper half decides by ``kind`` what is tried again,
and when. Servers have no code for "you are banned": what an ERROR line means stands in its text, so the rules are a
table of phrases, as they are sent by servers in use (InspIRCd, UnrealIRCd, solanum, hybrid, ngircd, ircu).
"""

import re
from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """What went wrong, by what may be done next."""

    FORBIDDEN = "forbidden"  # by our own operator: this server must not be connected to
    BANNED = "banned"  # K-, G-, Z-line, 465: never try again by itself
    THROTTLED = "throttled"  # connecting too fast: try again, but later than usual
    FULL = "full"  # too many connections from this address, or the server is full
    AUTH = "auth"  # password, SASL or certificate refused: somebody has to change the configuration
    NICK = "nick"  # every candidate was taken or refused
    TLS = "tls"  # no handshake, or a certificate that does not convince
    NETWORK = "network"  # no route, no name, reset, silence
    CLOSED = "closed"  # the server closed the connection, for its own reasons
    ENDED = "ended"  # the connection ended without a word: the server died, or what is between


class Failure(msgspec.Struct, frozen=True):
    """One failed or lost connection; ``reason`` is a sentence for a person and holds no secret."""

    kind: Kind
    reason: str

    @property
    def permanent(self) -> bool:
        """Whether trying the same again cannot help."""
        return self.kind in {Kind.BANNED, Kind.AUTH, Kind.FORBIDDEN}


WORDLESS = frozenset({Kind.NETWORK, Kind.ENDED})
"""What says nothing about us: whoever tries again soon hammers nobody."""


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


_PHRASES = {
    Kind.THROTTLED: (
        r"throttl",
        r"too (?:fast|quickly)",
        r"too many (?:connection attempts|reconnects)",
        r"wait a while",
        r"reconnecting too",
    ),
    Kind.FULL: (
        r"too many (?:\w+ )?(?:connections|clients|clones|users|sessions)",
        r"no more connections",
        r"connection limit|session limit|connections? (?:per|from) (?:this )?(?:ip|host|address)",
        r"max(?:imum)? (?:number of )?(?:connections|clones|clients)",
        r"server (?:is )?full",
    ),
    Kind.BANNED: (
        r"\b[kgzdqex]:?[ -]?lined?\b",
        r"\bbann?ed\b|\bban\b",
        r"\bakill(?:ed)?\b|\bauto-?kill",
        r"blacklist|dnsbl|\brbl\b|open prox(?:y|ies)|not welcome",
    ),
    Kind.AUTH: (
        r"bad password|invalid password|password (?:mismatch|incorrect|required)",
        r"access denied|not authori[sz]ed|no authori[sz]ation|unauthori[sz]ed",
        r"\bsasl\b|identify (?:first|to services)",
        r"\bwebirc\b|cgi:irc",  # the gateway's password, or our address as a gateway's
    ),
    Kind.NETWORK: (r"ping time-?out|(?:read|write|socket) error|connection (?:reset|timed out)|no response",),
}
_OURSELVES = re.compile(r"^closing link: *\S+ *", re.IGNORECASE)  # our own name and address prove nothing
_RULES = tuple((kind, re.compile("|".join(phrases), re.IGNORECASE)) for kind, phrases in _PHRASES.items())


def closing_kind(text: str) -> Kind:
    """Sort the text of an ERROR line, or of a numeric that announces one; the first kind that fits."""
    text = _OURSELVES.sub("", text)
    return next((kind for kind, rule in _RULES if rule.search(text)), Kind.CLOSED)
