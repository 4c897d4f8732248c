"""A bare XEP-0114 component for tests of servers: handshake, send text, remember stanzas; no code of the bridge."""

import asyncio
import contextlib
import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Self, cast
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

from bridge.demo.people import PATIENCE, Watch, codes

NS = "{jabber:component:accept}"


def entered(element: Element, jid: str) -> bool:
    """Whether this tells an address that it is in a MUC (XEP-0045 section 7.2.2)."""
    return element.tag == f"{NS}presence" and element.get("to") == jid and "110" in codes(element)


class BareComponent:
    """A component stream; every stanza received stays in :attr:`seen`, its bytes are counted."""

    def __init__(self, domain: str, secret: str, *, port: int) -> None:
        self.domain, self._secret, self._port = domain, secret, port
        self.seen: list[Element] = []
        self.bytes = 0
        self._news = asyncio.Event()
        self._depth = 0
        self._root: Element | None = None

    async def __aenter__(self) -> Self:
        self._parser: ET.XMLPullParser[Element] = ET.XMLPullParser(("start", "end"))
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self.send(
            "<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' "
            f"to='{self.domain}'>"
        )
        opening = await self._reader.readuntil(b">")
        while b"stream:stream" not in opening:
            opening += await self._reader.readuntil(b">")
        self._parser.feed(opening)
        found = re.search(rb"id=['\"]([^'\"]*)", opening)
        assert found is not None
        digest = hashlib.sha1(found[1] + self._secret.encode()).hexdigest()
        self._reading = asyncio.create_task(self._read())
        self.send(f"<handshake>{digest}</handshake>")
        await self.see(lambda el: el.tag == f"{NS}handshake")
        return self

    async def __aexit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self.send("</stream:stream>")
            self._writer.close()
        self._reading.cancel()

    def send(self, xml: str) -> None:
        """Write this on the stream."""
        self._writer.write(xml.encode())

    async def see(self, condition: Callable[[Element], bool], *, patience: float = PATIENCE) -> Element:
        """Wait for a stanza, among those seen already too."""
        watch = Watch(seen=self.seen, news=self._news, reading=self._reading, story=self._story)
        return await watch.until(condition, patience=patience)

    def _story(self, what: str) -> str:
        last = "\n".join(ET.tostring(el, "unicode") for el in self.seen[-8:])
        return f"{self.domain}: {what}; the last stanzas:\n{last}"

    async def fence(self) -> None:
        """Return once the server has processed everything sent before, and its answers are here."""
        mark = f"fence{len(self.seen)}"
        self.send(f"<iq type='get' id='{mark}' from='{self.domain}' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
        await self.see(lambda el: el.tag == f"{NS}iq" and el.get("id") == mark)

    async def occupy(self, room: str, jid: str, nick: str, *, more: str = "", patience: float = PATIENCE) -> None:
        """Let one of its addresses enter a MUC, and wait until it is in; ``more`` is XML for its presence."""
        self.ask_in(room, jid, nick, more=more)
        await self.see(lambda el: entered(el, jid), patience=patience)

    def ask_in(self, room: str, jid: str, nick: str, *, more: str = "") -> None:
        """Ask to enter a MUC, without its history."""
        self.send(
            f"<presence from='{jid}' to='{room}/{nick}'><x xmlns='http://jabber.org/protocol/muc'>"
            f"<history maxstanzas='0'/></x>{more}</presence>"
        )

    def got(self, to: str, *, kind: str = "message") -> list[Element]:
        """Return the stanzas of a kind that were addressed to one JID."""
        return [el for el in self.seen if el.tag == f"{NS}{kind}" and el.get("to") == to]

    async def _read(self) -> None:
        with contextlib.suppress(OSError, ET.ParseError):
            while chunk := await self._reader.read(262_144):
                self.bytes += len(chunk)
                self._parser.feed(chunk)
                for event, element in cast("Iterator[tuple[str, Element]]", self._parser.read_events()):
                    self._take(event, element)
        self._news.set()

    def _take(self, event: str, element: Element) -> None:
        if event == "start":
            self._depth += 1
            if self._depth == 1:
                self._root = element
            return
        self._depth -= 1
        if self._depth == 1 and self._root is not None:
            self._root.clear()
            self.seen.append(element)
            self._news.set()
