"""An XMPP server that knows nothing but XEP-0114, in this process, on a loopback socket; it does what the test says.

It shakes hands as the real ones do (header, digest, stream errors), sends stanzas to the component back to it as all
of them route what a component addresses to itself, and can write as jabberd2 does, refuse, be silent, or talk nonsense.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import Callable
from copy import copy
from typing import Self
from xml.etree.ElementTree import Element, ParseError, XMLPullParser, tostring

STREAM = "http://etherx.jabber.org/streams"
ERRORS = "urn:ietf:params:xml:ns:xmpp-streams"
ACCEPT = "{jabber:component:accept}"


class Connection:
    """One component, as the server sees it."""

    def __init__(self, server: "XmppServer", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._parser: XMLPullParser[Element] = XMLPullParser(("start", "end"))
        self._depth = 0
        self._id = f"stream{len(server.connections)}"
        self.accepted = False
        self.raw = b""
        self.received: list[Element] = []
        self.ended = asyncio.Event()
        self.shaken = asyncio.Event()  # something came where the handshake belongs
        self._returned = 0
        self._news = asyncio.Condition()

    def write(self, data: str | bytes) -> None:
        """Write anything."""
        self._writer.write(data if isinstance(data, bytes) else data.encode())

    def stanza(self, text: str) -> None:
        """Write a stanza, in ``jabber:client`` if the server writes so."""
        if self._server.client_namespace:
            name_end = min(i for i in (text.find(" "), text.find(">"), text.find("/")) if i > 0)
            text = f"{text[:name_end]} xmlns='jabber:client'{text[name_end:]}"
        self.write(text)

    def error(self, condition: str, words: str = "") -> None:
        """Write a stream error and end the stream."""
        said = f"<text xmlns='{ERRORS}'>{words}</text>" if words else ""
        self.write(f"<stream:error><{condition} xmlns='{ERRORS}'/>{said}</stream:error></stream:stream>")
        self._writer.close()

    def cut(self) -> None:
        """Break the connection as a crash does."""
        self._writer.transport.abort()

    async def see(self, condition: Callable[[Element], bool]) -> Element:
        """Return the first stanza of which this is true, when it has come."""
        async with asyncio.timeout(10), self._news:
            while not (found := [element for element in self.received if condition(element)]):
                await self._news.wait()
            return found[0]

    async def next(self) -> Element:
        """Return the stanzas one after the other."""
        async with asyncio.timeout(10), self._news:
            await self._news.wait_for(lambda: len(self.received) > self._returned)
        self._returned += 1
        return self.received[self._returned - 1]

    async def serve(self) -> None:
        """Read until the component has gone."""
        try:
            while data := await self._reader.read(65536):
                self.raw += data
                await self._read(data)
        except (ConnectionError, ParseError):
            self.cut()
        finally:
            self.ended.set()
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()

    async def _read(self, data: bytes) -> None:
        self._parser.feed(data)
        for event, element in self._parser.read_events():
            assert isinstance(element, Element)
            self._depth += 1 if event == "start" else -1
            if event == "start" and self._depth == 1:
                self._open(element)
            elif event == "end" and self._depth == 1:
                await self._take(element)
            elif event == "end" and self._depth == 0:
                self.write("</stream:stream>")
                self._writer.close()

    def _open(self, root: Element) -> None:
        server = self._server
        if server.greeting is not None:
            self.write(server.greeting)
            return
        self.write(
            f"<?xml version='1.0'?><stream:stream xmlns:stream='{STREAM}' xmlns='{server.stream_namespace}'"
            f" from='{server.domain}' id='{self._id}'>"
        )
        if server.stream_namespace != "jabber:component:accept":
            self.error("invalid-namespace")
        elif root.get("to") != server.domain:
            self.error("host-unknown", "no such component")

    async def _take(self, element: Element) -> None:
        if not self.accepted:
            self._shake(element)
            return
        self.received.append(element)
        async with self._news:
            self._news.notify_all()
        if self._server.routes and element.get("to", "").partition("/")[0].endswith(self._server.domain):
            back = copy(element)
            back.tag = element.tag.removeprefix(ACCEPT)
            self.stanza(tostring(back, encoding="unicode", short_empty_elements=False))

    def _shake(self, element: Element) -> None:
        server = self._server
        self.shaken.set()
        digest = hashlib.sha1(f"{self._id}{server.secret}".encode()).hexdigest()
        if element.tag != f"{ACCEPT}handshake" or element.text != digest:
            self.error("not-authorized", "hash does not match")
        elif server.exclusive and any(other.accepted and not other.ended.is_set() for other in server.connections):
            self.error("conflict")
        elif not server.silent:
            self.accepted = True
            self.write("<handshake/>")
            server.accept(self)


class XmppServer:
    """The server; ``async with`` opens and closes its port."""

    def __init__(
        self,
        *,
        domain: str = "bridge.example.org",
        secret: str = "secret",
        client_namespace: bool = False,
        exclusive: bool = True,
        routes: bool = True,
        silent: bool = False,
        greeting: bytes | None = None,
        stream_namespace: str = "jabber:component:accept",
    ) -> None:
        self.domain = domain
        self.secret = secret
        self.client_namespace = client_namespace  # stanzas come as jabberd2 writes them
        self.exclusive = exclusive  # a second connection is refused, as Prosody does
        self.routes = routes  # what a component sends to itself comes back to it
        self.silent = silent  # never answers the handshake
        self.greeting = greeting  # instead of a stream
        self.stream_namespace = stream_namespace
        self.connections: list[Connection] = []
        self.port = 0
        self._accepted: asyncio.Queue[Connection] = asyncio.Queue()
        self._connections: asyncio.Queue[Connection] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Listen, on the same port as before if there was one."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and break all connections."""
        assert self._server is not None
        self._server.close()
        await asyncio.sleep(0)  # whoever was just accepted gets a task
        while self._tasks:
            for connection in self.connections:
                connection.cut()
            await asyncio.gather(*self._tasks)

    async def component(self) -> Connection:
        """Return the next component that has shaken hands."""
        async with asyncio.timeout(10):
            return await self._accepted.get()

    async def connection(self) -> Connection:
        """Return the next connection, whatever will become of it."""
        async with asyncio.timeout(10):
            return await self._connections.get()

    def accept(self, connection: Connection) -> None:
        """Tell the test of a component."""
        self._accepted.put_nowait(connection)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self, reader, writer)
        self.connections.append(connection)
        self._connections.put_nowait(connection)
        task = asyncio.create_task(connection.serve())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
