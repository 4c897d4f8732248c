"""The keys of ``[networks.NAME]`` for ``connector = "irc"``, and what they mean to a connection.

Read by ``bridge.config`` through the manifest; the text below each key is its documentation. ``[networks.NAME.puppets]`` is
the bridge's own table and not here. A float is a duration: 2.5, "500ms", "48h".
"""

import re
from ipaddress import IPv6Address
from typing import Literal

import msgspec

from bridge.connector import Secret
from bridge.core.addresses import Range, parse_range
from connectors.irc.connection.dialing import HANDSHAKE, HASTE, Server, Tls
from connectors.irc.connection.flood import Flood
from connectors.irc.connection.registration import Sasl
from connectors.irc.connection.wire import encode, is_charset, parse

_NO_SECRET = Secret("")
_PORTS = {True: 6697, False: 6667}  # with and without TLS
_WORD = re.compile(r"[^\s:@\x00-\x20\x7f][^\s@\x00-\x20\x7f]*")
_HOST = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._:/-]{0,62}")
_FINGERPRINT = re.compile(r"[0-9a-fA-F]{64}")


class IrcSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One IRC network."""

    host: str | list[str]
    """The server; or several of one network, tried in turn: ["a.example.org", "b.example.org:7000", "[2001:db8::1]:6697"]."""
    port: int = 0
    """TCP port, where ``host`` names none; left out it is 6697 with TLS and 6667 without."""
    tls: bool = True
    """Encrypt connections."""
    tls_required: bool = True
    """Do without TLS rather than not connect, where this is false and no server can be reached with it."""
    sts: bool = True
    """Use TLS from then on with a server that asks for it (strict transport security), whatever ``tls`` and ``tls_required`` say."""
    tls_verify: bool = True
    """Check that the server's certificate is genuine and for this host."""
    tls_ca: str = ""
    """PEM file with the authorities to trust, instead of the system's."""
    tls_fingerprint: str = ""
    """SHA-256 fingerprint of the server's certificate, in hexadecimal: then nothing else about it is checked."""
    bind: str = ""
    """Local address to connect from; or a range such as "2001:db8:1::/64", of which everybody has an address of their own."""

    listener: bool = True
    """Have a connection of the bridge's own, which reads linked channels; without it only those are there who are shown, one of
    them reads each channel, and nothing can be said in the bridge's name."""
    nick: str = "linkspan"
    """The listener's nick; one that is taken gets "_", then "__", then a short hash."""
    username: str = ""
    """The listener's user name (ident); left out it is made from the nick."""
    realname: str = "Linkspan bridge"
    """The listener's real name."""
    password: Secret = _NO_SECRET
    """The server's password (PASS), for the listener and for puppets."""
    sasl_mechanism: Literal["", "plain", "external"] = ""
    """How the listener logs in to its services account; left out it is plain where there is a sasl_password, else not at all."""
    sasl_username: str = ""
    """The listener's services account; left out it is the nick."""
    sasl_password: Secret = _NO_SECRET
    """The account's password."""
    sasl_required: bool = True
    """Do not connect to a server that does not offer SASL, or does not accept us."""
    certificate: str = ""
    """PEM file with the listener's client certificate: for SASL EXTERNAL, or where services know its fingerprint."""
    key: str = ""
    """PEM file with the certificate's key, where it is not in the same file."""
    nickserv_password: Secret = _NO_SECRET
    """Have the listener identify itself to NickServ with this, where SASL did not log it in."""
    perform: list[str] = []
    """Raw lines that the listener sends after connecting; "{nick}" is its nick: ["MODE {nick} +x"]."""

    puppet_perform: list[str] = []
    """Raw lines that each puppet sends after connecting, before those of its user; "{nick}" is its nick: ["MODE {nick} +x"]."""
    puppet_realname: str = ""
    """Real name of puppets: "{name}" is the person's name, "{address}" their address, which not every room shows to
    everybody; left out it is the name alone. "(via linkspan)" is added."""
    puppet_username: str = "{id}"
    """User name (ident) of puppets, which the bridge's identd confirms: "{id}" is a hash that stands for the person, "{name}" their
    name, "{address}" their address."""
    webirc_password: Secret = _NO_SECRET
    """Have puppets come through a gateway that the server trusts (WEBIRC): the password that its operators have set for it."""
    webirc_gateway: str = "linkspan"
    """The gateway's name."""
    webirc_host: str = "{ip}"
    """The host that is said of each person: "{ip}" is their address, "{id}" a hash that stands for them."""
    webirc_range: str = "fd6c:696e:6b73::/64"
    """The range in which each person has an address that is said of them."""
    deaf: bool = True
    """Have puppets not be sent what is said in channels, where the network has a user mode for that: spares the server and us."""
    bot_mode: bool = True
    """Mark the listener as a bot, where the network has a user mode for that."""
    quit_message: str = "Leaving"
    """What a connection says when it quits."""
    corrections: Literal["short", "full", "off"] = "short"
    """How a corrected message is shown: what has changed, its whole new text, or not at all."""
    retractions: Literal["notice", "off"] = "notice"
    """Whether it is said that a message was taken back, where the network cannot remove it."""
    reactions: Literal["tags", "text"] = "tags"
    """How reactions are shown: as tags, which few clients show and no other is bothered by, or in words for everybody."""

    raw: bool = True
    """Let users send lines of IRC of their own over their own connection (``raw`` at the network's address)."""

    encoding: str = "cp1252"
    """How lines are read that are not UTF-8."""
    encoding_out: str = ""
    """Another encoding than UTF-8 in which lines are written, as far as it can say them: ``"koi8-r"``."""
    user_settings: list[
        Literal["nick", "realname", "username", "server_password", "commands", "encoding", "channels"]
    ] = msgspec.field(
        default_factory=lambda: ["nick", "realname", "username", "server_password", "commands", "encoding", "channels"]
    )
    """What users may set for themselves here, by the command ``settings``; everything, unless fewer are named."""
    flood_burst: int = 10
    """Lines that a connection may send at once."""
    flood_delay: float | None = None
    """Time for each line after that, for the sake of people; left out it is "500ms", and 0 towards a server on the same machine.
    Apart from that, never more is sent than the server has processed."""
    lines: int = 8
    """Lines that one message may have; of a longer one the rest is counted, not said."""
    guard_names: bool = False
    """Put an invisible character into names that the relay says, so that nobody is highlighted by them."""
    connecting: int = 0
    """Connections that may be on their way up at one time; 0: 5, and 100 towards a server on the same machine."""

    def __post_init__(self) -> None:
        """Refuse what could not work, each with the key that is wrong."""
        _check("host", bool(_hosts(self)), "an empty list", "at least one server")
        for address in _hosts(self):
            if _split(address) is None:
                raise ValueError(f'host: found "{address}", expected HOST or HOST:PORT')
        self._check_appearance()
        _check("port", 0 <= self.port <= 65535, str(self.port), "a port from 1 to 65535")
        for key, text in (("nick", self.nick), ("username", self.username)):
            good = all(c > " " and c not in "!@:\x7f" for c in text) and (bool(text) or key == "username")
            _check(key, good, repr(text), "a name without blanks, colons, ! or @")
        digits = self.tls_fingerprint.replace(":", "").replace(" ", "")
        _check(
            "tls_fingerprint",
            not digits or bool(_FINGERPRINT.fullmatch(digits)),
            f"{len(digits)} digits",
            "64 hexadecimal ones",
        )
        _check(
            "sasl_password",
            bool(self.sasl_password) or self.sasl_mechanism != "plain",
            "none",
            "one, for sasl_mechanism plain",
        )
        _check(
            "certificate",
            bool(self.certificate) or self.sasl_mechanism != "external",
            "none",
            "one, for sasl_mechanism external",
        )
        _check("key", bool(self.certificate) or not self.key, "a key without a certificate", "both")
        _check("encoding", _is_encoding(self.encoding), repr(self.encoding), 'the name of an encoding such as "cp1252"')
        good = not self.encoding_out or is_charset(self.encoding_out)
        _check("encoding_out", good, repr(self.encoding_out), "an encoding in which ASCII is ASCII")
        _check("flood_burst", self.flood_burst > 0, str(self.flood_burst), "at least 1")
        _check("lines", self.lines > 0, str(self.lines), "at least 1")
        _check("connecting", self.connecting >= 0, str(self.connecting), "at least 1, or 0 for automatic")
        for key, lines in (("perform", self.perform), ("puppet_perform", self.puppet_perform)):
            for line in lines:
                _check(key, _is_command(line), repr(line), "one IRC command")

    def _check_appearance(self) -> None:
        """Refuse addresses that are none, and words that a server would not take."""
        for key, text in (("bind", self.bind), ("webirc_range", self.webirc_range)):
            if text or key != "bind":
                _check_range(key, text)
        for key, text in (("webirc_gateway", self.webirc_gateway), ("puppet_username", self.puppet_username)):
            _check(key, bool(_WORD.fullmatch(text)), repr(text), "one word")
        host = self.webirc_host.replace("{ip}", "0").replace("{id}", "0")
        _check("webirc_host", bool(_HOST.fullmatch(host)), repr(self.webirc_host), 'a host such as "{id}.example.org"')


def servers(
    settings: IrcSettings, *, certificate: bool, bind: str = "", reach: tuple[Range, ...] | None = None
) -> tuple[Server, ...]:
    """Return the network's servers in order; ``certificate`` says whether the configured one is shown (the listener's only).

    ``bind`` is the local address to connect from, ``reach`` as in :class:`bridge.connector.Setup`.
    """
    tls = Tls(
        verify=settings.tls_verify,
        ca=settings.tls_ca,
        fingerprint=settings.tls_fingerprint,
        certificate=settings.certificate if certificate else "",
        key=settings.key if certificate else "",
    )
    ways = [None] if not settings.tls else [tls] if settings.tls_required else [tls, None]
    server = Server(
        host="",
        port=0,
        password=str(settings.password),
        bind=bind,
        reach=reach,
        handshake=HANDSHAKE if len(ways) == 1 else HASTE,
        strictly=tls if settings.sts else None,
    )
    return tuple(
        msgspec.structs.replace(server, host=host, port=port, tls=way)
        for way in ways
        for host, port in (_place(settings, address, way) for address in _hosts(settings))
    )


def _place(settings: IrcSettings, address: str, tls: Tls | None) -> tuple[str, int]:
    host, port = _split(address) or (address, 0)
    return host, port or settings.port or _PORTS[tls is not None]


def flood(settings: IrcSettings) -> Flood:
    """Return the flood control of each connection."""
    delay = settings.flood_delay
    rate = None if delay is None else 1 / delay if delay > 0 else 0.0
    return Flood(burst=float(settings.flood_burst), rate=rate)


def sasl(settings: IrcSettings) -> tuple[Sasl, ...]:
    """Return how the listener logs in, () for not at all."""
    if not (settings.sasl_mechanism or settings.sasl_password):
        return ()
    external = settings.sasl_mechanism == "external"
    one = Sasl(
        mechanism="EXTERNAL" if external else "PLAIN",
        username=settings.sasl_username if external else settings.sasl_username or settings.nick,
        password=str(settings.sasl_password),
        required=settings.sasl_required,
    )
    return (one,)


def _hosts(settings: IrcSettings) -> list[str]:
    return [settings.host] if isinstance(settings.host, str) else settings.host


def _split(address: str) -> tuple[str, int] | None:
    """Read HOST, HOST:PORT, [IPv6]:PORT or a bare IPv6 address; port 0 where none is named."""
    if _is_v6(address):
        return address, 0
    host, colon, digits = address.rpartition(":")
    if address.startswith("[") and address.endswith("]"):
        host, colon, digits = address, "", ""
    elif not colon:
        host, digits = address, ""
    inner = host[1:-1] if host.startswith("[") and host.endswith("]") and _is_v6(host[1:-1]) else host
    if not inner or (inner == host and re.search(r"[\s/\[\]:@\0-\x20\x7f]", inner)):
        return None
    if colon and not (digits.isascii() and digits.isdecimal() and 0 < int(digits) < 65536):
        return None
    return inner, int(digits) if colon else 0


def _is_v6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def _is_encoding(name: str) -> bool:
    try:
        b"x".decode(name)
    except UnicodeError:
        return True  # no text in this encoding, but an encoding
    except (LookupError, ValueError):
        return False
    return True


def _is_command(raw: str) -> bool:
    line = parse(raw.encode(errors="replace"))
    try:
        return line is not None and "\n" not in raw and bool(encode(line.command, line.params))
    except ValueError:
        return False


def _check_range(key: str, text: str) -> None:
    try:
        parse_range(text)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


def _check(key: str, good: bool, found: str, expected: str) -> None:  # noqa: FBT001  # reads as a table above
    if not good:
        raise ValueError(f"{key}: found {found}, expected {expected}")
