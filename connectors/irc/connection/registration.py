"""From the first byte to 001: password, capabilities, SASL, and a nick that is free.

Pure: lines in, lines out through a given writer, no socket and no clock. Driven by :mod:`connectors.irc.connection.client`, which
keeps time, answers PING, and takes over at 001. Specifications: modern IRC "Connection Registration"; IRCv3
capability-negotiation, sasl-3.1, sasl-3.2.
"""

from base64 import b64encode
from collections.abc import Callable

import msgspec

from connectors.irc.connection.capabilities import Capabilities, Send
from connectors.irc.connection.refusals import Kind, Refused, closing_kind
from connectors.irc.connection.wire import Line

_CHUNK = 400  # characters of one AUTHENTICATE
_NICK_REFUSED = frozenset({"431", "432", "433", "436", "437", "438", "484"})
_PASSWORD_REFUSED = frozenset({"464"})
_BANNED = frozenset({"463", "465", "466"})
_NOT_OFFERED = "the server does not offer SASL"
_UNKNOWN = "the server does not know SASL"
NO_SASL = frozenset({_NOT_OFFERED, _UNKNOWN})
"""Reasons that say nothing about the account."""
_SASL_FAILED = frozenset({"902", "904", "905", "906"})
_NO_CAPABILITIES = frozenset({"421", "451"})
"""What a server says to CAP that does not know it."""


class Sasl(msgspec.Struct, frozen=True, kw_only=True):
    """How to log in while registering."""

    mechanism: str  # "PLAIN" or "EXTERNAL"
    username: str = ""
    password: str = ""
    required: bool = True  # False: go on without where it is not offered or not accepted


class Webirc(msgspec.Struct, frozen=True, kw_only=True):
    """What a gateway that the server trusts says of whose connection it is (IRCv3 "WebIRC")."""

    password: str
    gateway: str
    host: str
    ip: str


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who to be."""

    nicks: tuple[str, ...]  # tried in this order while the server refuses them
    username: str
    realname: str
    ident: str = ""  # what our identd says of the connection, where that is not the user name: nobody chooses this one
    sasl: tuple[Sasl, ...] = ()  # tried in this order; the last one says whether it has to be
    webirc: Webirc | None = None
    nickserv: str = ""  # password for IDENTIFY, where SASL did not log in
    deaf: bool = False  # set the user mode that keeps channel text away, where the server has it
    bot: bool = False  # set the bot mode, where the server has it
    perform: tuple[str, ...] = ()  # raw lines to send when all that is done; "{nick}" is ours


class Registration:
    """One attempt to register. Feed it every line until :attr:`nick` is set."""

    __slots__ = (
        "_candidates",
        "_ended",
        "_heed",
        "_identity",
        "_introduced",
        "_listed",
        "_methods",
        "_password",
        "_sasl",
        "_sasl_done",
        "_send",
        "_wary",
        "account",
        "caps",
        "nick",
    )

    def __init__(
        self,
        identity: Identity,
        password: str,
        caps: Capabilities,
        send: Send,
        *,
        heed: Callable[[], None] = lambda: None,
        wary: bool = False,
    ) -> None:
        """``heed`` looks at what is offered, and may raise Refused; ``wary``: no password before that, which others may read."""
        self.nick = ""  # ours by the server's word, once it has said 001
        self.account = ""
        self.caps = caps
        self._identity = identity
        self._password = password
        self._candidates = iter(identity.nicks)
        self._send = send
        self._heed = heed
        self._wary = wary and bool(password)
        self._introduced = False
        self._listed = False  # CAP LS is complete
        self._methods = iter(identity.sasl)
        self._sasl: Sasl | None = None  # the way that is tried now
        self._sasl_done = not identity.sasl
        self._ended = False  # CAP END is sent

    def start(self) -> None:
        """Say who we are; nothing has to be waited for before that, unless we are wary. Raises: Refused without any nick."""
        webirc = self._identity.webirc
        if webirc is not None:  # has to be the very first line
            self._send("WEBIRC", webirc.password, webirc.gateway, webirc.host, webirc.ip)
        if self._password and not self._wary:
            self._send("PASS", self._password)
        self._send("CAP", "LS", "302")
        if not self._wary:
            self._introduce()

    def trust(self) -> None:
        """Say what was held back: a server that asks for nothing gets everything. Raises: as :meth:`start`."""
        if self._wary and not self._introduced:
            self._send("PASS", self._password)
            self._introduce()

    def _introduce(self) -> None:
        self._introduced = True
        self._next_nick("no nick to try")
        self._send("USER", self._identity.username, "0", "*", self._identity.realname)

    def line(self, line: Line) -> None:
        """Take one line of the server's. Raises: Refused."""
        match line.command:
            case "CAP":
                self._cap(line)
            case "AUTHENTICATE":
                self._authenticate(line.param(0))
            case "001":
                self._welcome(line)
            case "900":
                self.account = line.param(2)
            case "903" | "907":
                self._sasl_over()
            case "ERROR":
                raise Refused(closing_kind(line.text), line.text)
            case numeric if numeric in _NO_CAPABILITIES:
                self.trust()
            case numeric:
                self._refusal(numeric, line)

    def _refusal(self, numeric: str, line: Line) -> None:
        if numeric in _NICK_REFUSED:
            self._next_nick(line.text)
        elif numeric in _SASL_FAILED:
            self._next_method(line.text)
        elif numeric in _PASSWORD_REFUSED:
            raise Refused(Kind.AUTH, line.text)
        elif numeric in _BANNED:
            raise Refused(Kind.BANNED, line.text)

    def _next_nick(self, reason: str) -> None:
        nick = next(self._candidates, None)
        if nick is None:
            raise Refused(Kind.NICK, reason)
        self._send("NICK", nick)

    def _cap(self, line: Line) -> None:
        listed = self.caps.line(line)
        if listed and not self._listed:
            self._listed = True
            self._heed()
            self.trust()
            if "sasl" not in self.caps.offered and not self._sasl_done:
                self._sasl_failed(_NOT_OFFERED)
        if not self._listed or not self.caps.settled:
            return
        if self._sasl_done:
            self._end()
        elif "sasl" not in self.caps.enabled:
            self._sasl_failed("the server refused SASL")
        elif self._sasl is None:
            self._next_method("")

    def _next_method(self, reason: str) -> None:
        """Log in another way, the last one having failed for this reason; "" before the first."""
        if self._sasl_done:
            return
        offered = self.caps.offered.get("sasl", "")
        for sasl in self._methods:
            if not offered or sasl.mechanism in offered.upper().split(","):
                self._sasl = sasl
                self._send("AUTHENTICATE", sasl.mechanism)
                return
            reason = reason or f"the server offers SASL only with {offered}"
        self._sasl_failed(reason)

    def _authenticate(self, challenge: str) -> None:
        sasl = self._sasl
        if challenge != "+" or sasl is None or self._sasl_done:
            return
        words = (sasl.username,) if sasl.mechanism == "EXTERNAL" else (sasl.username, sasl.username, sasl.password)
        data = b64encode("\0".join(words).encode(errors="surrogateescape")).decode()
        for start in range(0, len(data), _CHUNK):
            self._send("AUTHENTICATE", data[start : start + _CHUNK])
        if len(data) % _CHUNK == 0:  # a full last piece, or none at all, needs an end
            self._send("AUTHENTICATE", "+")

    def _sasl_failed(self, reason: str) -> None:
        if self._is_required:
            raise Refused(Kind.AUTH, reason)
        self._sasl_over()

    @property
    def _is_required(self) -> bool:
        methods = self._identity.sasl
        return bool(methods) and methods[-1].required

    def _sasl_over(self) -> None:
        self._sasl_done = True
        if self._listed and self.caps.settled:
            self._end()

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._send("CAP", "END")

    def _welcome(self, line: Line) -> None:
        if not self._sasl_done and self._is_required:
            raise Refused(Kind.AUTH, _UNKNOWN)
        self.nick = line.param(0)
