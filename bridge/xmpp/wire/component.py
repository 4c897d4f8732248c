"""The bridge as an external component of an XMPP server (XEP-0114): connected, again and again, until cancelled.

Here is the life of the stream: connect, shake hands, notice a dead peer, come back with back-off, and say in one sentence
what is wrong. Reading and writing is ``library``'s and ``stream``'s, IQs are ``queries`` (ours) and ``answers``
(others'), reasons are ``troubles``. Messages and presences go to the session unseen.

The server is asked for nothing but XEP-0114. There is no acknowledgement in it, so the component pings itself through
the server: what comes back shows that the stream is alive, and that all that was said before has been read.
"""

import asyncio
import logging
import random
import secrets
from collections.abc import Callable
from xml.etree.ElementTree import Element

import msgspec

from bridge.core import backoff
from bridge.engine.ports import Clock
from bridge.xmpp.answers import Answers
from bridge.xmpp.disco import Disco
from bridge.xmpp.ports import (
    Answer,
    Cancellable,
    Component,
    Described,
    Describes,
    IqRefused,
    Item,
    Request,
    Session,
)
from bridge.xmpp.wire import errors, stanzas, troubles
from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire.library import Library
from bridge.xmpp.wire.queries import Queries
from bridge.xmpp.wire.shapes import Familiar
from bridge.xmpp.wire.troubles import Cause, Trouble

__all__ = [
    "Address",
    "Answer",
    "Cancellable",
    "Component",
    "Described",
    "Describes",
    "ExternalComponent",
    "IqRefused",
    "Item",
    "Request",
    "Session",
    "Times",
]

_log = logging.getLogger(__name__)

_IQ = f"{{{ns.COMPONENT}}}iq"
_PING = f"<ping xmlns='{ns.PING}'/>"


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where the server is, and who we are there."""

    domain: str
    secret: str
    host: str = "127.0.0.1"
    port: int = 5347

    def __repr__(self) -> str:
        """Leave out the secret."""
        return f"Address({self.domain!r} at {self.host!r}:{self.port})"


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """How long things may take, in seconds."""

    connecting: float = 15.0  # to the end of the handshake
    silence: float = 30.0  # before the server is asked whether it is still there
    patience: float = 60.0  # for its answer; a Prosody that lets 500 ghosts in says nothing for 20 s
    steady: float = 60.0  # after so long a stream, the next failure counts as the first
    longest_wait: float = 20.0  # between two attempts: one connection asks little of a server that has just come back
    leaving: float = 2.0


class _Stream:
    """One stream while it lasts: what comes goes where it belongs, and a dead peer is noticed."""

    def __init__(
        self,
        session: Session,
        answers: Answers,
        clock: Clock,
        *,
        times: Times,
        domain: str,
        up: "Callable[[_Stream], None]",
    ) -> None:
        self.reads = session.reads
        self.wanted = session.wanted
        self.understood = session.understood
        self.recognised = session.recognised
        self.queries = Queries(clock)
        self.library: Library  # since there is a connection
        self._session = session
        self._answers = answers
        self._clock = clock
        self._times = times
        self._domain = domain
        self._up = up
        self._watch: Cancellable | None = None
        self.calls = Queries(clock)  # questions to ourselves: that they come back is their answer
        self._pulse = secrets.token_urlsafe(12)  # the one that only shows that the server lives
        self.split = False  # whether somebody else speaks as us, too

    def expect_handshake(self) -> None:
        """Give up if the handshake takes too long."""
        if self._watch is None:
            self._watch = self._clock.call_later(self._times.connecting, self._give_up)

    # What the library calls.

    def came_up(self) -> None:
        """Learn that the handshake went through."""
        if self._watch is not None:
            self._watch.cancel()
        self._up(self)
        self._wait()
        self._session.stream_up()

    def took(self, element: Element) -> bool:
        """Take a stanza; False: the library shall have it."""
        if element.tag != _IQ:
            return self._session.stanza(element)
        id_ = element.get("id", "")
        to_ourselves = element.get("from") == self._domain and element.get("to") == self._domain
        if to_ourselves and (id_ == self._pulse or self.calls.settle(id_, element)):
            return True
        if element.get("type") in {"result", "error"}:
            return self.queries.settle(id_, element)
        if to_ourselves:
            self._warn_of_split()
        return self._answers.take(element)

    # Its end.

    def end(self) -> None:
        """Let nobody wait for anything on this stream."""
        if self._watch is not None:
            self._watch.cancel()
        self.queries.refuse("the stream to the XMPP server is down")
        self.calls.refuse("the stream to the XMPP server is down")
        self._answers.abandon()

    # Is anybody there?

    def call_itself(self, id_: str) -> None:
        """Send ourselves an IQ through the server; it comes back as it went, as a question of ours to us."""
        self.library.say(stanzas.iq(self._domain, self._domain, kind="get", id_=id_, payload=_PING))

    def _wait(self) -> None:
        self.library.heard = False
        self._watch = self._clock.call_later(self._times.silence, self._ask)

    def _ask(self) -> None:
        if self.library.heard:
            self._wait()
            return
        self.call_itself(self._pulse)
        self._watch = self._clock.call_later(self._times.patience, self._judge)

    def _judge(self) -> None:
        if self.library.heard:
            self._wait()
        else:
            self._give_up()

    def _give_up(self) -> None:
        self.library.fail(Trouble(Cause.SILENT))

    def _warn_of_split(self) -> None:
        """Say that somebody else speaks as us: ejabberd lets two connections have one domain, and gives each a part."""
        if not self.split:
            self.split = True
            _log.warning("%s", Trouble(Cause.SPLIT).sentence(host="", port=0, domain=self._domain))


class _Glance:
    """A session that leaves as soon as it is there."""

    def __init__(self, leave: Callable[[], None]) -> None:
        self.stream_up = leave

    def stream_down(self, reason: str) -> None:
        """Nothing was there to be lost."""

    def reads(self, room: str, to: str) -> bool:  # noqa: ARG002
        """Read nothing."""
        return False

    def wanted(self, name: str, attrs: dict[str, str]) -> bool:  # noqa: ARG002
        """Want nothing."""
        return False

    def understood(self, attrs: dict[str, str], stanza: bytes) -> bool:  # noqa: ARG002
        """Take nothing."""
        return False

    def recognised(self, said: Familiar) -> bool:  # noqa: ARG002
        """Take nothing."""
        return False

    def stanza(self, element: Element) -> bool:  # noqa: ARG002
        """Take all, do nothing."""
        return True


class ExternalComponent:
    """The real :class:`~bridge.xmpp.ports.Component`."""

    namespace = ns.COMPONENT

    def __init__(
        self,
        address: Address,
        describes: Describes,
        *,
        clock: Clock,
        version: str = "",
        jitter: Callable[[], float] = random.random,
        times: Times = Times(),  # noqa: B008  # frozen
    ) -> None:
        self.domain = address.domain.lower()
        self.dropped = 0  # stanzas that were to be sent while there was no stream
        self._address = address
        self._clock = clock
        self._jitter = jitter
        self._times = times
        self._answers = Answers(domain=self.domain, describes=describes, say=self.send)
        self._stream: _Stream | None = None  # while it is up
        for payload, answer in Disco(software="Linkspan", version=version, now=clock.now).answers():
            self.answer("get", payload, answer)

    async def run(self, session: Session) -> None:
        """Be connected until cancelled, then end the stream, within two seconds; every failure is told to the session."""
        failures = 0
        while True:
            began = self._clock.monotonic()
            trouble = await self._one_stream(session)
            lasted = self._clock.monotonic() - began
            failures = 1 if lasted > self._times.steady else failures + 1
            session.stream_down(self._sentence(trouble))
            await self._clock.sleep(backoff.delay(failures, self._jitter(), cap=self._times.longest_wait))

    async def check(self) -> str:
        """Connect once, shake hands and leave; return "", or the sentence that says what is wrong."""
        trouble = await self._one_stream(_Glance(self.leave))
        return "" if trouble.cause is Cause.LEFT else self._sentence(trouble)

    # What the rest of bridge.xmpp uses.

    def connected(self) -> bool:
        """Say whether the stream is up."""
        return self._stream is not None

    @property
    def split(self) -> bool:
        """Whether another program was seen to have our domain at the same time, on a server that allows it."""
        return self._stream is not None and self._stream.split

    def send(self, stanza: str) -> None:
        """Write one whole stanza. Raises: ValueError when its sender is not an address of ours."""
        if self._stream is None:
            self.dropped += 1
            return
        self._stream.library.say(stanza)

    async def iq(self, kind: str, *, to: str, payload: str, sender: str = "", timeout: float = 30.0) -> Element:  # noqa: ASYNC109  # no answer is an answer
        """Ask, and return the ``<iq type='result'>``. Raises: IqRefused."""
        queries = self._up().queries
        id_ = queries.new()
        self.send(stanzas.iq(sender or self.domain, to, kind=kind, id_=id_, payload=payload))
        answer = await queries.answer(id_, patience=timeout)
        if answer.get("type") == "error":
            raise errors.refusal(answer)
        return answer

    async def barrier(self) -> None:
        """Return once the server has read all that was sent before. Raises: IqRefused when it cannot be known."""
        stream = self._up()
        id_ = stream.calls.new()
        stream.call_itself(id_)
        await stream.calls.answer(id_, patience=self._times.patience)

    async def drained(self) -> None:
        """Return when little enough is waiting to be written, or nothing is written at all."""
        if self._stream is not None:
            await self._stream.library.drained()

    def forget(self) -> None:
        """Ask ``Session.reads`` anew for every pair."""
        if self._stream is not None:
            self._stream.library.forget()

    def answer(self, kind: str, payload: str, answer: Answer) -> None:
        """Let ``answer`` answer the IQs of ``kind`` whose child is ``payload``, written ``{namespace}name``."""
        self._answers.register(kind, payload, answer)

    def pace(self, *, whose: Callable[[str], str], hurries: Callable[[str], str]) -> None:
        """Ask ``hurries`` of whoever sends an IQ why they have to wait; ``whose`` says who that is."""
        self._answers.whose, self._answers.hurries = whose, hurries

    def call_later(self, seconds: float, call: Callable[[], None]) -> Cancellable:
        """Call once, later."""
        return self._clock.call_later(seconds, call)

    def leave(self) -> None:
        """End the stream that is up; ``run`` makes another."""
        if self._stream is not None:
            self._stream.library.fail(Trouble(Cause.LEFT))

    # One stream after the other.

    async def _one_stream(self, session: Session) -> Trouble:
        """Connect, and return why that came to an end."""
        address, times = self._address, self._times
        stream = _Stream(session, self._answers, self._clock, times=times, domain=self.domain, up=self._came_up)

        def connected() -> Library:
            stream.library = Library(address.domain, address.secret, stream)
            return stream.library

        try:
            async with asyncio.timeout(times.connecting):
                await asyncio.get_running_loop().create_connection(connected, address.host, address.port)
        except (OSError, UnicodeError) as error:
            return troubles.from_connecting(error)
        stream.expect_handshake()
        try:
            return await stream.library.ended
        finally:
            self._stream = None
            stream.end()
            await stream.library.leave(patience=times.leaving)

    def _came_up(self, stream: _Stream) -> None:
        self._stream = stream

    def _up(self) -> _Stream:
        if self._stream is None:
            raise IqRefused("remote-server-timeout", "the XMPP server is not connected")
        return self._stream

    def _sentence(self, trouble: Trouble) -> str:
        return trouble.sentence(host=self._address.host, port=self._address.port, domain=self.domain)
