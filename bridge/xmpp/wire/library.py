"""slixmpp's component for the life of one connection, with its reading and its writing replaced.

What slixmpp does well stays its own: the stream's header, the handshake, stanzas as objects, the plugins for what is
rare. What is hot goes past it: bytes are read by ``stream``, and all that leaves, our own strings and the library's
stanzas alike, is collected in one list and written once per turn of the loop, in the order in which it was said. At that
one door stands the check that nothing leaves which would make the server close the stream.

A connection that is lost takes its object with it: nothing of it can leak into the next. Called by ``component``.
"""

import asyncio
import contextlib
import logging
import re
import socket
from typing import Any, Protocol, cast
from xml.etree.ElementTree import Element

from slixmpp import JID, InvalidJID
from slixmpp.componentxmpp import ComponentXMPP
from slixmpp.stanza import Iq
from slixmpp.stanza.rootstanza import RootStanza
from slixmpp.xmlstream import StanzaBase
from slixmpp.xmlstream.tostring import tostring

from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire import troubles
from bridge.xmpp.wire.shapes import Familiar
from bridge.xmpp.wire.stanzas import legal
from bridge.xmpp.wire.starttag import unescaped
from bridge.xmpp.wire.stream import NotXml, Reader
from bridge.xmpp.wire.troubles import Cause, Trouble

_log = logging.getLogger(__name__)

HIGH_WATER = 4 * 1024 * 1024
"""Bytes waiting to be written from which on senders are asked to wait; a quarter of it lets them go on."""

PIECES = 8
"""In so many more pieces of the last one's size a block has to be outstanding to be let gather: Prosody's are larger."""
LONGEST_GATHERING = 0.02
"""Seconds; Prosody needs as many for a message to 300 ghosts."""

_QUICKACK = getattr(socket, "TCP_QUICKACK", None)
"""What Linux has for it; it holds for one acknowledgement or a few."""
_SENDER = re.compile(r"<(?:message|presence|iq) from='([^']+)'")
_SENDERS = 50_000  # remembered as valid
_CLIENT, _COMPONENT = f"{{{ns.CLIENT}}}", f"{{{ns.COMPONENT}}}"
_HANDSHAKE = f"{_COMPONENT}handshake"
_STREAM_ERROR = f"{{{ns.STREAM}}}error"
_STREAM_ROOT = f"{{{ns.STREAM}}}stream"


class Uses(Protocol):
    """Who uses a connection: the component. Nothing of it may raise."""

    def reads(self, room: str, to: str) -> bool:
        """Say whether a room's groupchat messages are read by their copies to this address."""

    def wanted(self, name: str, attrs: dict[str, str]) -> bool:
        """Say whether a message or presence has to be built."""

    def understood(self, attrs: dict[str, str], stanza: bytes) -> bool:
        """Take a groupchat message by its bytes alone, if they say all there is to know."""

    def recognised(self, said: Familiar) -> bool:
        """Take a groupchat message that looks like one that was understood."""

    def came_up(self) -> None:
        """Learn that the handshake went through."""

    def took(self, element: Element) -> bool:
        """Take a stanza; False: the library shall have it."""


class _Iq(Iq):
    """An IQ that says so as RFC 6120 section 8.4 wants it when nobody knows its payload."""

    def unhandled(self) -> None:
        if self["type"] in {"get", "set"}:
            reply = self.reply()  # type: ignore[no-untyped-call]
            reply["error"]["condition"] = "service-unavailable"
            reply.send()


class Library(ComponentXMPP):
    """One connection to the server. An asyncio protocol: made by ``loop.create_connection``."""

    def __init__(self, domain: str, secret: str, uses: Uses) -> None:
        super().__init__(domain, secret)  # type: ignore[no-untyped-call]
        self.uses = uses
        self.ended: asyncio.Future[Trouble] = asyncio.get_running_loop().create_future()
        self.heard = False  # set with every byte that comes; whoever watches resets it
        self._domain = self.boundjid.host
        self._shaken = False
        self._reader = Reader(self, domain=self._domain)
        self._plain_socket: socket.socket | None = None
        self._gathering = 1  # so many bytes wake us up
        self._gather_timer: asyncio.TimerHandle | None = None
        self._outgoing: list[str] = []
        self._senders: set[str] = set()
        self._gone = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self.reads = uses.reads
        self.wanted = uses.wanted
        # The library's roster answers probes and grows with every presence; ours are answered by the connector.
        self.remove_handler("Presence")
        self.remove_stanza(Iq)
        self.register_stanza(_Iq)

    # Reading.

    def connection_made(self, transport: asyncio.BaseTransport, send_event: bool = True) -> None:  # noqa: FBT001, FBT002  # slixmpp's
        """Send the stream's header."""
        cast("asyncio.WriteTransport", transport).set_write_buffer_limits(high=HIGH_WATER, low=HIGH_WATER // 4)
        self._plain_socket = transport.get_extra_info("socket").dup()  # or uvloop makes such a copy for each option set
        super().connection_made(transport, send_event)

    def data_received(self, data: bytes | str) -> None:
        """Read what came."""
        self.heard = True
        try:
            self._reader.feed(cast("bytes", data))
        except NotXml as error:
            self.fail(Trouble(Cause.GARBLED if self._shaken else Cause.NOT_XMPP, str(error)))
            return
        self._let_gather(self._reader.outstanding, piece=len(data))
        self._acknowledge()

    def _acknowledge(self) -> None:
        """Have the kernel acknowledge what came at once: the server's next short stanza waits for that (Nagle's algorithm).

        Otherwise it holds the acknowledgement back for up to 40 ms, for something that we say to carry it.
        """
        if _QUICKACK is not None and self._plain_socket is not None:
            with contextlib.suppress(OSError):
                self._plain_socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)

    def _let_gather(self, outstanding: int, *, piece: int) -> None:
        """Sleep until all copies have come that are known, and read by nobody, if the server writes them in small pieces.

        ejabberd makes a write of every copy, and each would wake us up to find nothing new; the kernel can count for
        us (SO_RCVLOWAT). Nothing else is kept waiting: what comes behind the block is not made before the block is. If
        it comes otherwise than foretold, we look at it after a moment.
        """
        if outstanding < PIECES * piece:
            outstanding = 1
        if self._gather_timer is not None:
            self._gather_timer.cancel()
            self._gather_timer = None
        if outstanding != self._gathering:
            self._wake_at(outstanding)
        if outstanding > 1:
            self._gather_timer = asyncio.get_running_loop().call_later(LONGEST_GATHERING, self._wake_at, 1)

    def _wake_at(self, count: int) -> None:
        self._gathering = count
        if self.transport is not None and not self.transport.is_closing():
            plain_socket = self.transport.get_extra_info("socket")
            with contextlib.suppress(OSError, AttributeError):  # then every piece wakes us up, as it does everybody
                plain_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, count)

    def opened(self, root: Element) -> None:
        """Answer the server's header with the handshake."""
        if root.tag != _STREAM_ROOT:
            self.fail(Trouble(Cause.NOT_XMPP))
            return
        self.start_stream_handler(root)  # type: ignore[no-untyped-call]

    def understood(self, attrs: dict[str, str], stanza: bytes) -> bool:
        """Let a message be taken by its bytes alone."""
        try:
            return self.uses.understood(attrs, stanza)
        except Exception:  # noqa: BLE001  # as below
            _log.exception("a message could not be taken by its bytes")
            return False

    def recognised(self, said: Familiar) -> bool:
        """Let a message be taken that looks like one that was understood."""
        try:
            return self.uses.recognised(said)
        except Exception:  # noqa: BLE001  # as below
            _log.exception("a message could not be taken by its bytes")
            return False

    def built(self, element: Element) -> None:
        """Hand a stanza on: ours first, then the library's."""
        if element.tag == _STREAM_ERROR:
            self.fail(troubles.from_stream_error(element))
            return
        if element.tag == _HANDSHAKE and not self._shaken:
            self._spawn_event(element)
            self._shaken = True
            self.uses.came_up()
            return
        try:
            if not self.uses.took(element):
                self._spawn_event(element)
        except Exception:  # noqa: BLE001  # one stanza must not take the stream, and all the others, with it
            _log.exception("a stanza of type %s could not be taken", element.tag.rpartition("}")[2])

    def closed(self) -> None:
        """Learn that the server ended the stream."""
        self.fail(Trouble(Cause.CLOSED))

    def forget(self) -> None:
        """Ask anew who reads what."""
        self._reader.forget()

    # Writing.

    def say(self, stanza: str) -> None:
        """Write one of our own stanzas. Raises: ValueError when its sender is not an address of ours."""
        match = _SENDER.match(stanza)
        if match is None or (match[1] not in self._senders and not self._is_ours(match[1])):
            msg = "a stanza whose sender is not an address of this component"
            raise ValueError(msg)
        self._collect(stanza)

    def send(self, data: Any, use_filters: bool = True) -> None:  # noqa: ARG002, FBT001, FBT002  # slixmpp's
        """Write one of the library's stanzas. Its filters do not run: nothing that we load has any."""
        if isinstance(data, RootStanza):
            if not data["from"]:
                data["from"] = self._domain
            if data["from"].host != self._domain:
                _log.error("a %s was not sent: its sender is not an address of this component", data.name)
                return
            for child in data.xml:  # slixmpp makes <error/> for clients
                child.tag = child.tag.replace(_CLIENT, _COMPONENT)
        if isinstance(data, StanzaBase):
            self._collect(tostring(data.xml, xmlns=self.default_ns, stream=self, top_level=True))
        else:
            self.say(data)

    def send_raw(self, data: Any) -> None:
        """Write at once, behind what was collected: the header, keep-alives, the end."""
        self.flush()
        if self.transport is not None:
            self.transport.write(data.encode() if isinstance(data, str) else data)

    def flush(self) -> None:
        """Write what was collected."""
        if not self._outgoing:
            return
        text = legal("".join(self._outgoing))
        self._outgoing.clear()
        if self.transport is not None:
            self.transport.write(text.encode())

    def _collect(self, text: str) -> None:
        if not self._outgoing:
            asyncio.get_running_loop().call_soon(self.flush)
        self._outgoing.append(text)

    def _is_ours(self, sender: str) -> bool:
        """Look closely at a sender whom nobody has looked at: ejabberd closes the stream over a malformed one, too."""
        try:
            jid = JID(unescaped(sender.encode()) or "")
        except (InvalidJID, UnicodeEncodeError):
            return False
        if jid.host != self._domain:
            return False
        if len(self._senders) >= _SENDERS:
            self._senders.clear()
        self._senders.add(sender)
        return True

    def pause_writing(self) -> None:
        """Let senders wait: the server reads more slowly than we write."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let senders go on."""
        self._writable.set()

    async def drained(self) -> None:
        """Return when little enough is waiting to be written."""
        await self._writable.wait()

    # Ending.

    def connection_lost(self, exception: BaseException | None) -> None:
        """Learn that the connection is gone, for whatever reason."""
        if self._plain_socket is not None:
            self._plain_socket.close()
            self._plain_socket = None
        self.fail(troubles.from_losing(exception))
        super().connection_lost(exception)
        self._gone.set()

    def fail(self, trouble: Trouble) -> None:
        """Be of no use any more; the first reason counts."""
        self._reader.stop()
        if self._gather_timer is not None:
            self._gather_timer.cancel()
        self._writable.set()
        if not self.ended.done():
            self.ended.set_result(trouble)
        if self.transport is not None and trouble.cause is not Cause.LEFT:
            self.transport.abort()  # close() would wait for a peer that may be dead to take what is left

    async def leave(self, *, patience: float) -> None:
        """Write what is left and the stream's end, and wait for the server's."""
        if self.transport is None:
            return
        self.send_raw(self.stream_footer)
        self.fail(Trouble(Cause.LEFT))
        try:
            # Closing with unread input would reset the connection, and what was just written would be lost on its way.
            async with asyncio.timeout(patience):
                await self._gone.wait()
        except TimeoutError:
            self.abort()
