r"""One IRC connection: connect, register, read, write in order and in time, quit.

The upper half (listener, puppets) owns connections and implements :class:`Owner`; it never sees bytes. Framing and
encoding are in ``wire``, the socket in ``stream`` and ``dialing``, the handshake in ``registration`` and
``capabilities``, what came of a line in ``requests``. A Connection is used once: after ``down`` or :class:`Refused`
make a new one. All of it runs on the event loop's thread.

This is the only file that imports the ``irc`` library. Taken from it: the structured tokens of 005 (``irc.features``),
user modes (``irc.modes``) and the names of numerics (``irc.events``). Not usable for what must not break:

* its connections die of one byte that is not UTF-8, let CR and NUL out, and block the loop to keep a rate;
* ``features`` as a whole: a token without value is lost, ``\x20`` stays, one malformed token raises, and a server
  that sends ``LOAD=1`` overwrites a method; so it gets only the tokens that it can read, one by one;
* ``modes`` for channels: a fixed list of letters with parameter instead of CHANMODES;
* ``strings``, ``ctcp``: see ``casemap`` and ``ctcp``; ``NickMask`` takes ``nick@host`` for a nick, and its module brings
  in the whole client.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from enum import Enum
from functools import lru_cache
from ipaddress import ip_address
from socket import socket
from typing import Protocol

from irc.events import numeric as numeric_names
from irc.features import FeatureSet
from irc.modes import parse_nick_modes
from msgspec.structs import replace

from bridge.connector import Wire
from connectors.irc.connection import sts
from connectors.irc.connection.capabilities import BOUNCERS, LISTENER, METADATA, PUPPET, Capabilities
from connectors.irc.connection.dialing import Server, Tls, dial
from connectors.irc.connection.flood import Flood
from connectors.irc.connection.greeting import Greeting
from connectors.irc.connection.idents import Idents, wire_of
from connectors.irc.connection.isupport import Isupport, Structured, view
from connectors.irc.connection.ourselves import Ourselves
from connectors.irc.connection.pulse import shared
from connectors.irc.connection.refusals import Failure, Kind, Refused, closing_kind
from connectors.irc.connection.registration import Identity, Registration, Sasl
from connectors.irc.connection.requests import Answer, Asker, Lost, Requests
from connectors.irc.connection.stream import Congested, Stream
from connectors.irc.connection.wire import Line, TooLong, concerns, encode, parse, recode, split_source

log = logging.getLogger(__name__)

REGISTRATION = 60.0
"""Seconds from then until the server has welcomed us."""
WARY = 5.0
"""Seconds until a server that says nothing of capabilities is told a password in plain text."""
QUIT = 2.0
"""Seconds to wait for the server to close after QUIT."""
SILENT = 4
"""Beats of the pulse without a byte until a PING; twice as many, and the connection is dead."""

_LINK = frozenset({"ACK", "AUTHENTICATE", "CAP", "ERROR", "PING", "PONG"})
_ABOUT_US = frozenset({"CHGHOST", "JOIN", "KILL", "MODE", "NICK", "NOTICE"}) | {
    *("004", "005", "221", "376", "396", "422", "463", "465", "466", "513", "900", "901")
}
_LABELS = frozenset({"labeled-response", "message-tags"})
_STOPS = frozenset({Kind.BANNED, Kind.AUTH, Kind.NICK})  # another server of the network would say the same
_MOST_TOKENS = 1000


class Reads(Enum):
    """What of the traffic is handed to the owner."""

    ALL = "all"
    OWN = "own"  # a puppet: what others say and do in channels is dropped before it is decoded


class Owner(Protocol):
    """Who uses a connection. All calls are synchronous, on the loop, in the order of the wire; none may block."""

    def up(self, connection: "Connection") -> None:
        """Begin: we are registered, 005 is read, user modes are asked for. Called once, before ``connect`` returns."""

    def down(self, connection: "Connection", failure: Failure) -> None:
        """Learn that the connection is gone. Called once after ``up``, unless we quit or aborted ourselves."""

    def line(self, connection: "Connection", line: Line) -> None:
        """Take a line: every one from 001 on but PING, PONG, CAP, AUTHENTICATE, ACK and ERROR.

        Those from before ``up`` come right after it.
        """

    def nick(self, connection: "Connection", old: str, new: str) -> None:
        """Learn that our nick is now ``new``, by whosever will; called before ``line`` gets the same NICK."""


class Connection:
    """One connection to one network under one nick."""

    __slots__ = (
        "__weakref__",
        "_caps",
        "_channels",
        "_early",
        "_error",
        "_flood",
        "_gone",
        "_greeting",
        "_heeded",
        "_identity",
        "_leaving",
        "_limit",
        "_me",
        "_myinfo",
        "_ourselves",
        "_outcome",
        "_owner",
        "_reads",
        "_registration",
        "_requests",
        "_said",
        "_servers",
        "_silent",
        "_spoken",
        "_stream",
        "_subscribed",
        "_up",
        "_wire",
        "answers",
        "encoding",
        "idents",
        "passes",
        "patience",
        "policies",
        "server",
        "writes",
    )

    def __init__(
        self,
        owner: Owner,
        servers: tuple[Server, ...],
        identity: Identity,
        *,
        flood: Flood | None = None,
        encoding: str = "cp1252",
        reads: Reads = Reads.ALL,
        queue: int = 2000,
    ) -> None:
        """Prepare; ``encoding`` reads lines that are not UTF-8, ``queue`` is how many lines may wait to be sent."""
        self.server = servers[0]
        """The server that is, or was last, tried."""
        self._owner = owner
        self._servers = servers
        self._identity = identity
        self._flood = flood or Flood()
        self.encoding = encoding
        """How lines are read that are not UTF-8."""
        self.writes = ""
        """Another encoding than UTF-8 for lines that it can say, see :func:`connectors.irc.connection.wire.recode`."""
        self._reads = reads
        self._limit = queue
        self.patience = REGISTRATION
        """Seconds until a server must have said its first word; may be set before connecting."""
        self.idents = Idents()
        """Where it is kept which sockets are ours; may be replaced before connecting."""
        self.policies = sts.Policies()
        """What servers have said of TLS; may be replaced before connecting."""
        self._wire: Wire | None = None
        self._requests = Requests(self)
        self.answers = False  # whether the line that is being told answers something of ours
        self._begin()

    def _begin(self) -> None:
        """Forget everything of a former server."""
        self._stream: Stream | None = None
        self._caps = Capabilities(LISTENER if self._reads is Reads.ALL else PUPPET, self._urgent)
        self._registration: Registration | None = None  # until 001
        self._outcome: asyncio.Future[None] | None = None
        self._gone: asyncio.Future[None] | None = None  # since somebody waits for the server to close
        self._spoken: asyncio.Future[None] | None = None  # the server has said something
        self._greeting: Greeting | None = None  # from 001 until we are up
        self._said: tuple[str, ...] = ()
        self._myinfo = ("", "")
        self._early: tuple[Line, ...] = ()
        self._up = False
        self._subscribed = False
        self._leaving = False
        self._error: Failure | None = None
        self._silent = 0
        self.passes: Callable[[bytes], bool] | None = None
        """Takes a line that is not parsed yet, or leaves it; for who reads ALL."""
        self._me: tuple[bytes, ...] | None = None  # how a line of our own begins; None: read everything
        self._heeded = ""
        self._channels = b""
        self._ourselves = Ourselves(isupport_of((), self._myinfo))

    # the life of a connection

    async def connect(self) -> None:
        """Try each server in turn until one registers us; cancelling closes.

        Raises: Refused, for the reason of a server that answered, else that of the last one tried.
        """
        refusals = []
        for server in self.policies.ways(self._servers):
            try:
                await self._reach(server)
            except Refused as refused:
                refusals.append(sts.insisted(self.server, refused))
                if refused.kind in _STOPS:
                    break
            else:
                return
        raise next((refused for refused in refusals if refused.kind is not Kind.NETWORK), refusals[-1])

    async def quit(self, reason: str = "") -> None:
        """Say QUIT and wait for the server to close, 2 seconds at most; what waits to be sent is purged."""
        stream = self._stream
        if stream is None or not stream.is_open:
            return
        self._leaving = True
        gone = self._gone = self._gone or asyncio.get_running_loop().create_future()
        self.purge()
        stream.urgent(encode("QUIT", [reason] if reason else [], limit=self.isupport.linelen))
        try:
            async with asyncio.timeout(QUIT):
                await asyncio.shield(gone)
        except TimeoutError:
            pass
        finally:
            stream.abort()

    def abort(self) -> None:
        """Close at once, without a word; ``down`` is not called."""
        self._leaving = True
        if self._stream is not None:
            self._stream.abort()

    # what is sent

    def send(self, command: str, *params: str, tags: dict[str, str] | None = None, urgent: bool = False) -> None:
        """Write one line, in order, when the flood control allows; ``urgent`` overtakes what waits.

        Tags need the capability message-tags and are left out without it. When the connection is gone, nothing happens.
        Raises: ValueError and TooLong as :func:`connectors.irc.connection.wire.encode`; Congested when the queue is full.
        """
        data = self._encoded(command, params, self._taggable(tags))
        if self._stream is None or not self._stream.is_open:
            return
        if urgent:
            self._stream.urgent(data)
        else:
            self._stream.put(data)

    def request(self, command: str, *params: str, tags: dict[str, str] | None = None) -> "asyncio.Future[list[Line]]":
        """Send, and learn what came of it: the server's answers to exactly this line. The owner gets those lines, too.

        With labeled-response this is exact: an echo, error numerics, the lines of a batch; [] is a bare ACK. Without, a
        PING follows the flush, and the answer is what came before its PONG and named the same target: our echo, or an
        error (400 to 599, FAIL); [] is neither.

        Raises: as :meth:`send`; in the future: Lost.
        """
        answer = Answer(command)
        self.send_for(answer, command, params, tags=tags)
        return answer.future

    def send_for(
        self, asker: Asker, command: str, params: Sequence[str], *, tags: dict[str, str] | None = None
    ) -> None:
        """Send, and have somebody told what came of it, as :meth:`request` does. Raises: as :meth:`send`."""
        request = self._requests.new(asker, command, params, labeled="labeled-response" in self.caps)
        tags = (self._taggable(tags) or {}) | ({"label": request.label.decode()} if request.label else {})
        try:
            data = self._encoded(command, params, tags)
            if self._stream is None or not self._stream.is_open:
                request.fail()
            else:
                self._stream.put(data, request)
        except (ValueError, Congested):
            self._requests.forget(request)
            raise

    def utter(self, asker: Asker, params: tuple[str, str], around: tuple[bytes, bytes]) -> bool:
        """Say words, (target, text), in a line that is known but for label and text, as :meth:`send_for` would; False: it has to.

        ``around`` stands around the label; the text fits and has nothing in it that would have to be cleaned. Raises: Congested.
        """
        stream, text = self._stream, params[1].encode()
        if stream is None or not stream.is_open or not self._caps.enabled >= _LABELS:
            return False
        if self.writes and not text.isascii():
            return False
        request = self._requests.new(asker, "PRIVMSG", params, labeled=True)
        try:
            stream.put(b"".join((around[0], request.label, around[1], text, b"\r\n")), request)
        except Congested:
            self._requests.forget(request)
            raise
        return True

    async def barrier(self) -> None:
        """Return when the server has processed everything sent before. Raises: Lost."""
        answer = Answer("")
        request = self._requests.new(answer, "", (), labeled=False)
        if self._stream is None or not self._stream.is_open:
            request.fail()
        else:
            self._stream.mark(request)
        await answer.future

    def read(self, reads: Reads) -> None:
        """Hand over more or less of the traffic from now on; what a listener needs is asked for."""
        self._reads = reads
        self._aim()
        if reads is Reads.ALL:
            self._caps.want(LISTENER)
        if self._stream is not None:
            self._stream.gather(on=self._gathers(), promptly=reads is Reads.ALL)

    def heed(self, nick: str) -> None:
        """Hand over what this nick does as well, whatever else is dropped; "" for nobody."""
        self._heeded = nick
        self._aim()

    def hold(self, *, on: bool) -> None:
        """Read nothing for now, or go on: whoever cannot take more leaves it with the server."""
        if self._stream is not None:
            self._stream.hold(on=on)

    def purge(self) -> int:
        """Throw away what still waits to be sent; its requests fail as not written. Returns how many lines."""
        if self._stream is None:
            return 0
        dropped = self._stream.purge()
        for data, ticket in dropped:
            if ticket is not None and data:
                ticket.fail()
            elif ticket is not None:
                self._stream.mark(ticket)
        return sum(1 for data, _ in dropped if data)

    def available(self, target: str, command: str = "PRIVMSG") -> int:
        """Return how many bytes of text fit into one line that others get from us: LINELEN less our real prefix."""
        return self._ourselves.available(target, command)

    # what is known

    @property
    def is_up(self) -> bool:
        """Whether we are registered and connected."""
        return self._up

    @property
    def nick(self) -> str:
        """Ours, as the server knows it; "" before registration."""
        return self._ourselves.nick

    @property
    def mask(self) -> str:
        """Our own nick!user@host, as far as the server has told."""
        return self._ourselves.mask

    @property
    def account(self) -> str:
        """The services account that we are logged in to, "" for none."""
        return self._ourselves.account

    @property
    def modes(self) -> frozenset[str]:
        """Our own user modes."""
        return self._ourselves.modes

    @property
    def isupport(self) -> Isupport:
        """What the server said in 004 and 005, with the protocol's defaults."""
        return self._ourselves.isupport

    @property
    def caps(self) -> frozenset[str]:
        """Capabilities that are on."""
        return self._caps.enabled

    @property
    def offered(self) -> Mapping[str, str]:
        """Capabilities that the server offers, with their values."""
        return self._caps.offered

    @property
    def deaf(self) -> str:
        """The letter of the user mode that keeps channel text away, "" where the server has none."""
        return self.isupport.deaf

    @property
    def waiting(self) -> int:
        """How many lines wait to be sent."""
        return 0 if self._stream is None else self._stream.waiting()

    # connecting

    async def _reach(self, server: Server) -> None:
        """Be registered by a server, the way that it asks for."""
        try:
            await self._attempt(server)
        except sts.Upgrade as upgrade:
            await self._attempt(sts.strict(server, upgrade.port))

    async def _attempt(self, server: Server) -> None:
        self.server = server
        self._begin()
        loop = asyncio.get_running_loop()
        outcome, spoken = self._outcome, self._spoken = loop.create_future(), loop.create_future()
        wary = server.tls is None and server.strictly is not None
        registration = Registration(
            self._identity, server.password, self._caps, self._urgent, heed=self._heed_policy, wary=wary
        )
        self._registration = registration  # before the socket: some servers refuse at the door
        registered = False
        stream: Stream | None = None
        trust: asyncio.TimerHandle | None = None
        try:
            async with asyncio.timeout(self.patience):
                stream = self._stream = await dial(self.server, lambda: Stream(self, limit=self._limit), self._opened)
                registration.start()
                trust = loop.call_later(WARY, registration.trust)
                await asyncio.wait([spoken, outcome], return_when=asyncio.FIRST_COMPLETED)
            async with asyncio.timeout(REGISTRATION):
                await outcome
            registered = True
            self._outcome = self._spoken = None
            self._identity = replace(self._identity, nicks=(), perform=())  # said, and as large as the rest
        except TimeoutError:
            silent = "says nothing" if self.server.tls is None else "says nothing: does this port speak TLS?"
            what = "did not answer in time while registering" if spoken.done() else silent
            raise Refused(Kind.NETWORK, f"{self.server} {what}") from None
        finally:
            if trust is not None:
                trust.cancel()
            if not registered:
                self._drop(stream)

    def _heed_policy(self) -> None:
        """Do as the server wishes that offers ``sts`` (IRCv3). Raises: Upgrade, Refused."""
        if "sts" not in self.offered or self.server.strictly is None:
            return
        said = sts.read(self.offered["sts"])
        if self.server.tls is None and said.port is not None:
            raise sts.demand(self.server, said.port)
        if self.server.tls is not None and said.duration is not None:
            self.policies.heard(self.server, said.duration)

    def _opened(self, way: socket) -> None:
        """Be known by our ports: the server may ask at once whose connection this is."""
        with suppress(OSError):  # it is gone already
            self._wire = wire_of(way)
            self.idents.add(self._wire, self._identity.ident or self._identity.username)

    def _closed(self) -> None:
        if self._wire is not None:
            self.idents.remove(self._wire)
            self._wire = None

    def _drop(self, stream: Stream | None) -> None:
        """Leave a server that did not take us, or that nobody wants any more."""
        self._end_greeting()
        self._closed()
        shared().remove(self)
        if stream is not None:
            stream.drop()
        self._stream = None
        self._up = False

    # what the stream calls

    def received(self, lines: list[bytes]) -> None:
        """Take what was read; called by the stream. A line that cannot be taken is logged, and the next one read."""
        self._silent = 0
        requests, before = self._requests, self._requests.proven
        for data in lines:
            line = None
            try:
                if self._me is not None and (requests.echoed(data) or not concerns(data, self._me, self._channels)):
                    continue
                if (self.passes is None or not self.passes(data)) and (line := parse(data, self.encoding)) is not None:
                    self._take(line)
            except Exception:
                what = "of words" if line is None else _spoken(line.command)
                log.exception("a line %s from %s was not taken", what, self.server)
        if requests.proven > before and self._stream is not None:
            self._stream.processed(requests.proven)

    def lost(self, error: Exception | None) -> None:
        """Clean up; called by the stream, once."""
        shared().remove(self)
        self._closed()
        self._end_greeting()
        failure = self._error or _lost_by(error)
        was_up, self._up = self._up, False
        if was_up:
            self.policies.left(self.server)
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)
        self._requests.fail_all()
        self._refuse(Refused(failure.kind, failure.reason))
        if was_up and not self._leaving:
            self._owner.down(self, failure)

    def ask(self) -> None:
        """Have the server answer something soon; called by the stream."""
        self._requests.ask()

    # what the requests call

    def ping(self, token: str) -> None:
        """Write a PING at once."""
        self._urgent("PING", token)

    def asked(self) -> int:
        """Pass on that an answer is under way."""
        return 0 if self._stream is None else self._stream.asked()

    # what the pulse calls

    def beat(self) -> None:
        """Look after the connection."""
        if self._stream is None or self._stream.held:
            return
        self._silent += 1
        if self._silent == SILENT:
            self._urgent("PING", "alive")
        elif self._silent >= 2 * SILENT or self._requests.beat(2 * SILENT):
            self._error = Failure(Kind.NETWORK, "the server does not answer any more")
            self._stream.abort()

    # lines

    def _take(self, line: Line) -> None:
        if not self._ourselves.nick:
            self._register(line)
            return
        if line.command in _LINK:
            self._link(line)
            return
        if line.command in _ABOUT_US:
            self._about_us(line)
        self.answers = self._requests.outstanding and self._requests.line(line, self.nick, self.isupport.fold)
        if self._up:
            self._owner.line(self, line)
        else:
            self._early += (line,)

    def _register(self, line: Line) -> None:
        registration = self._registration
        if registration is None or self._outcome is None or self._outcome.done():
            return
        if self._spoken is not None and not self._spoken.done():
            self._spoken.set_result(None)
        if line.command == "PING":
            self._urgent("PONG", line.param(0))
            return
        if line.command == "513":
            self._cookie(line)
            return
        try:
            registration.line(line)
        except Refused as refused:
            self._refuse(refused)
            return
        if registration.nick:
            self._registration = None
            self._ourselves.welcomed(registration.nick, registration.account, line.text)
            self._greeting = Greeting(self._identity, self._ourselves, self._urgent, self._go_up)
            self._early += (line,)

    def _refuse(self, refused: Refused) -> None:
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_exception(refused)
            self._outcome.exception()  # it is no mistake if nobody waits any more

    def _link(self, line: Line) -> None:
        """Take what concerns the connection itself, and nobody else."""
        match line.command:
            case "PING":
                self._urgent("PONG", line.param(0))
            case "PONG":
                self._requests.pong(line.text)
            case "CAP":
                self._caps.line(line)
                if line.param(1).upper() == "NEW":
                    self._demanded()
                self._subscribe()
            case "ACK":
                self._requests.line(line, self.nick, self.isupport.fold)
            case "ERROR":
                self._error = self._error or Failure(closing_kind(line.text), line.text)
            case _:
                pass  # AUTHENTICATE: nothing is asked for after registration

    def _demanded(self) -> None:
        """Come again with TLS, where the server has only now begun to ask for it."""
        try:
            self._heed_policy()
        except Refused as refused:
            self._error = refused.failure
            if self._stream is not None:
                self._stream.abort()

    def _subscribe(self) -> None:
        """Have the server tell pictures of people and channels, once it has agreed to tell of such things (IRCv3 metadata)."""
        if self._up and METADATA in self.caps and not self._subscribed:
            self._subscribed = True
            self._urgent("METADATA", "*", "SUB", "avatar")

    def _about_us(self, line: Line) -> None:
        """Keep what is known of ourselves true; the owner gets the line as well."""
        match line.command:
            case "JOIN" | "CHGHOST" | "221" | "396" | "901":
                self._ourselves.line(line)
            case "NICK" if self._ourselves.are(line.nick):
                self._renamed(line)
            case "MODE" if self._ourselves.are(line.param(0)):
                self._ourselves.mode(parse_nick_modes(line.param(1)))
            case "004" | "005":
                self._introduced(line)
            case "900":
                self._ourselves.line(line)
                self._greet(line)
            case "376" | "422" | "NOTICE":
                self._greet(line)
            case "513":
                self._cookie(line)
            case _:
                self._doomed(line)

    def _doomed(self, line: Line) -> None:
        """Remember why the connection will be closed now."""
        match line.command:
            case "KILL" if self._ourselves.are(line.param(0)):
                self._error = Failure(Kind.CLOSED, f"killed by {line.nick}: {line.text}")
            case "463" | "465" | "466":
                self._error = Failure(Kind.BANNED, line.text)
            case _:
                pass

    def _renamed(self, line: Line) -> None:
        old = self.nick
        self._ourselves.nick = line.param(0) or old
        self._aim()
        if self._up:
            self._owner.nick(self, old, self.nick)

    def _introduced(self, line: Line) -> None:
        if line.command == "004":
            self._myinfo = (line.param(2), line.param(3))
        elif len(self._said) < _MOST_TOKENS:
            self._said = _same(self._said + tuple(line.params[1:-1]))
        self._ourselves.isupport = isupport_of(self._said, self._myinfo)
        if self._stream is not None:
            self._stream.framer.limit = self.isupport.linelen
        self._aim()

    def _cookie(self, line: Line) -> None:
        """Answer a server that asks for a PONG in words (ircu: "type /QUOTE PONG 12345")."""
        self._urgent("PONG", line.text.rpartition(" ")[2])

    # from 001 to up

    def _greet(self, line: Line) -> None:
        if self._greeting is None:
            return
        if line.command in {"376", "422"}:
            self._greeting.begin()
        else:
            self._greeting.line(line)

    def _end_greeting(self) -> None:
        if self._greeting is not None:
            self._greeting.cancel()
            self._greeting = None

    def _go_up(self) -> None:
        self._greeting = None
        if self._stream is None or self._outcome is None or self._outcome.done():
            return
        self._up = True
        self._requests.is_shared = not BOUNCERS.isdisjoint(self.caps)
        self._requests.is_echoing = "echo-message" in self.caps
        self._stream.pace(self._flood.bucket(local=_is_local(self._stream.peer())))
        self._stream.gather(on=self._gathers(), promptly=self._reads is Reads.ALL)
        self._aim()
        shared().add(self)
        self._outcome.set_result(None)
        self._subscribe()
        early, self._early = self._early, ()
        self._owner.up(self)
        for line in early:
            self._owner.line(self, line)

    def _aim(self) -> None:
        """Tell by bytes which lines are ours, from now on."""
        if self._reads is Reads.ALL or not self._up:
            self._me = None
            return
        heeded = [nick.encode() for nick in (self.nick, self._heeded) if nick]
        self._me = tuple(form % nick for nick in heeded for form in (b":%s!", b":%s "))
        self._channels = (self.isupport.chantypes + self.isupport.statusmsg).encode()

    def _gathers(self) -> bool:
        """Whether lines come that nobody wants: then they are read by the handful."""
        return self._reads is Reads.OWN and not (self._identity.deaf and self.isupport.deaf)

    def _urgent(self, command: str, *params: str) -> None:
        if self._stream is not None:
            self._stream.urgent(self._encoded(command, params))

    def _encoded(self, command: str, params: Sequence[str], tags: Mapping[str, str] | None = None) -> bytes:
        limit = self.isupport.linelen
        return recode(encode(command, params, tags, limit=limit), self.writes, limit=limit)

    def _taggable(self, tags: dict[str, str] | None) -> dict[str, str] | None:
        return tags if tags and "message-tags" in self.caps else None


@lru_cache(maxsize=256)
def _same(said: tuple[str, ...]) -> tuple[str, ...]:
    """Return one tuple for all puppets of a network."""
    return said


@lru_cache(maxsize=64)
def isupport_of(said: tuple[str, ...], myinfo: tuple[str, str]) -> Isupport:
    """Read the tokens of 005 in the order in which they were said, and (version, user modes) of 004."""
    tokens: dict[str, str] = {}
    for token in said:
        name, _, value = token.partition("=")
        if name.startswith("-"):
            tokens.pop(name[1:].upper(), None)
        elif name:
            tokens[name.upper()] = _unescape(value)
    return view(tokens, _structured(tokens), software=myinfo[0], user_modes=myinfo[1])


def _structured(tokens: dict[str, str]) -> Structured:
    """Have the library read the tokens with an inner structure, one by one: what it cannot read was not said."""
    found = {}
    for name in ("PREFIX", "CHANMODES", "TARGMAX", "CHANLIMIT"):
        value = tokens.get(name)
        if value:
            features = FeatureSet()
            with suppress(ValueError):
                features.load_feature(f"{name}={value}")
                found[name.lower()] = getattr(features, name.lower())
        elif value == "" and name == "PREFIX":
            found["prefix"] = {}  # the server has no prefixes at all
    return Structured(**found)


def _unescape(value: str) -> str:
    r"""Undo ``\xHH``, which stands for blanks, "=" and backslashes."""
    head, *rest = value.split("\\x")
    pieces = [head]
    for piece in rest:
        try:
            pieces.append(chr(int(piece[:2], 16)) + piece[2:])
        except ValueError:
            pieces.append("\\x" + piece)
    return "".join(pieces)


def _spoken(command: str) -> str:
    """Name a numeric: "433 (nicknameinuse)"."""
    return f"{command} ({numeric_names[command]})" if command in numeric_names else command


def _lost_by(error: Exception | None) -> Failure:
    if error is None:
        return Failure(Kind.ENDED, "the server closed the connection")
    return Failure(Kind.NETWORK, f"connection lost: {error}")


def _is_local(address: str) -> bool:
    with suppress(ValueError):
        return ip_address(address.partition("%")[0]).is_loopback
    return False


__all__ = [
    "Congested",
    "Connection",
    "Failure",
    "Flood",
    "Identity",
    "Isupport",
    "Kind",
    "Line",
    "Lost",
    "Owner",
    "Reads",
    "Refused",
    "Sasl",
    "Server",
    "Tls",
    "TooLong",
    "isupport_of",
    "split_source",
]
