"""People at their keyboards: small clients that speak XMPP and IRC on a bare socket and remember everything they saw.

They are what the bridge is judged by, so they share no code with it: no slixmpp, no IRC library. Reading never fails
on what a server may send; waiting is by condition with a deadline, never by sleep. Used by the demonstration and tests.
"""

import asyncio
import base64
import contextlib
import ssl
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Generic, Self, TypeVar, cast
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape, quoteattr

Sight = TypeVar("Sight")  # a stanza or a line

PATIENCE = 15.0
"""Seconds that somebody waits for what they expect to see."""

CLIENT = "{jabber:client}"
MUC_USER = "{http://jabber.org/protocol/muc#user}"


class NotSeen(AssertionError):
    """What somebody waited for did not come; the message ends with what they saw instead."""


@dataclass(frozen=True, slots=True)
class Watch(Generic[Sight]):
    """How anybody waits for what they expect: by condition, among what was seen already too, with a deadline."""

    seen: list[Sight]
    news: asyncio.Event  # set whenever something was seen, or nothing will be any more
    reading: asyncio.Task[None] | None
    story: Callable[[str], str]

    async def until(self, condition: Callable[[Sight], bool], *, patience: float) -> Sight:
        """Return the first that fits. Raises: NotSeen, with the story of what was seen instead."""
        position = 0
        try:
            async with asyncio.timeout(patience):
                while True:
                    for sight in self.seen[position:]:
                        if condition(sight):
                            return sight
                    position = len(self.seen)
                    if self.reading is not None and self.reading.done():
                        raise NotSeen(self.story("the connection was closed"))
                    self.news.clear()
                    await self.news.wait()
        except TimeoutError:
            raise NotSeen(self.story(f"nothing of the kind in {patience:.0f} s")) from None


class XmppPerson:
    """A user with one client: stream, SASL PLAIN, bind, presence. Every stanza received stays in :attr:`seen`."""

    def __init__(
        self, user: str, password: str, *, port: int, domain: str = "localhost", resource: str = "desk"
    ) -> None:
        self.user, self.domain, self.resource = user, domain, resource
        self.jid = f"{user}@{domain}"
        self.seen: list[Element] = []
        self._password, self._port = password, port
        self._ids = count(1)
        self._news = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def connect(self) -> None:
        """Log in and become available."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._open_stream()
        self._reading = asyncio.create_task(self._read())
        await self._wait(lambda el: el.tag.endswith("features"))
        secret = base64.b64encode(f"\0{self.user}\0{self._password}".encode()).decode()
        self.send(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{secret}</auth>")
        answer = await self._wait(lambda el: el.tag.startswith("{urn:ietf:params:xml:ns:xmpp-sasl}"))
        if not answer.tag.endswith("success"):
            msg = f"{self.jid} cannot log in: {ET.tostring(answer, 'unicode')}"
            raise ConnectionError(msg)
        self.seen.clear()
        self._open_stream()
        await self._wait(lambda el: el.tag.endswith("features"))
        bind = f"<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>{self.resource}</resource></bind>"
        await self.iq("set", bind)
        self.send("<presence/>")

    async def close(self) -> None:
        """Log out."""
        if self._reading is None:
            return
        with contextlib.suppress(OSError, TimeoutError):
            self.send("</stream:stream>")
            async with asyncio.timeout(2):
                await self._writer.drain()
                await self._reading
        self._reading.cancel()
        self._writer.close()

    def send(self, xml: str) -> None:
        """Write this on the stream."""
        self._writer.write(xml.encode())

    async def iq(self, kind: str, payload: str, *, to: str = "", patience: float = PATIENCE) -> Element:
        """Ask and return the answer, result or error."""
        mark = f"{self.user}-iq{next(self._ids)}"
        address = f" to={quoteattr(to)}" if to else ""
        self.send(f"<iq type='{kind}' id='{mark}'{address}>{payload}</iq>")
        return await self._wait(
            lambda el: el.tag == f"{CLIENT}iq" and el.get("id") == mark and el.get("type") in ("result", "error"),
            patience,
        )

    async def fence(self) -> None:
        """Return once the server has processed everything sent before, and its answers are here."""
        await self.iq("get", "<ping xmlns='urn:xmpp:ping'/>", to=self.domain)

    async def join(self, room: str, nick: str, *, password: str = "", history: int = 0) -> None:
        """Enter a MUC and return once everybody in it is known. Raises: NotSeen with the error."""
        secret = f"<password>{escape(password)}</password>" if password else ""
        self.send(
            f"<presence to={quoteattr(f'{room}/{nick}')}><x xmlns='http://jabber.org/protocol/muc'>"
            f"<history maxstanzas='{history}'/>{secret}</x></presence>"
        )
        answer = await self._wait(
            lambda el: (
                el.tag == f"{CLIENT}presence"
                and (el.get("from") or "").startswith(f"{room}/")
                and ("110" in codes(el) or el.get("type") == "error")
            )
        )
        if answer.get("type") == "error":
            msg = f"{nick} cannot join {room}: {ET.tostring(answer, 'unicode')}"
            raise NotSeen(msg)
        if "201" in codes(
            answer
        ):  # a new room may be locked until its owner accepts the defaults (XEP-0045 section 10.1.2)
            accept = (
                "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query>"
            )
            await self.iq("set", accept, to=room)

    async def configure(self, room: str, **fields: str) -> None:
        """Change the configuration of a room that one owns (XEP-0045 section 10.2)."""
        values = "".join(
            f"<field var='muc#roomconfig_{name}'><value>{value}</value></field>" for name, value in fields.items()
        )
        form = (
            "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>"
            f"<value>http://jabber.org/protocol/muc#roomconfig</value></field>{values}</x>"
        )
        await self._do(f"<query xmlns='http://jabber.org/protocol/muc#owner'>{form}</query>", to=room)

    async def affiliate(self, room: str, jid: str, affiliation: str) -> None:
        """Give somebody an affiliation in a room (XEP-0045 sections 9 and 10)."""
        item = f"<item jid={quoteattr(jid)} affiliation='{affiliation}'/>"
        await self._do(f"<query xmlns='http://jabber.org/protocol/muc#admin'>{item}</query>", to=room)

    async def kick(self, room: str, nick: str, reason: str = "") -> None:
        """Kick an occupant (XEP-0045 section 8.2)."""
        item = f"<item nick={quoteattr(nick)} role='none'><reason>{escape(reason)}</reason></item>"
        await self._do(f"<query xmlns='http://jabber.org/protocol/muc#admin'>{item}</query>", to=room)

    async def destroy(self, room: str, reason: str = "") -> None:
        """Destroy a room as its owner (XEP-0045 section 10.9)."""
        inner = f"<destroy><reason>{escape(reason)}</reason></destroy>"
        await self._do(f"<query xmlns='http://jabber.org/protocol/muc#owner'>{inner}</query>", to=room)

    async def _do(self, payload: str, *, to: str) -> None:
        answer = await self.iq("set", payload, to=to)
        if answer.get("type") != "result":
            msg = f"{self.jid} may not: {ET.tostring(answer, 'unicode')}"
            raise NotSeen(msg)

    def leave(self, room: str, nick: str) -> None:
        """Go out of a MUC."""
        self.send(f"<presence type='unavailable' to={quoteattr(f'{room}/{nick}')}/>")

    def say(self, room: str, text: str, *, more: str = "") -> str:
        """Say something in a MUC; returns the id given to it."""
        mark = f"{self.user}-{next(self._ids)}"
        self.send(
            f"<message type='groupchat' to={quoteattr(room)} id='{mark}'><body>{escape(text)}</body>{more}</message>"
        )
        return mark

    def tell(self, to: str, text: str) -> str:
        """Say something to one address; returns the id given to it."""
        mark = f"{self.user}-{next(self._ids)}"
        self.send(f"<message type='chat' to={quoteattr(to)} id='{mark}'><body>{escape(text)}</body></message>")
        return mark

    async def message(self, room: str, text: str, *, nick: str | None = None, patience: float = PATIENCE) -> Element:
        """Wait for a room's message with this text (by this nick)."""

        def is_it(el: Element) -> bool:
            source, _, who = (el.get("from") or "").partition("/")
            return (
                el.tag == f"{CLIENT}message" and source == room and body(el) == text and (nick is None or who == nick)
            )

        return await self._wait(is_it, patience)

    async def presence(self, occupant: str, *, gone: bool = False, patience: float = PATIENCE) -> Element:
        """Wait for an occupant (``room/nick``) to be there, or to be gone."""
        kind = "unavailable" if gone else None
        return await self._wait(
            lambda el: el.tag == f"{CLIENT}presence" and el.get("from") == occupant and el.get("type") == kind, patience
        )

    async def see(self, condition: Callable[[Element], bool], *, patience: float = PATIENCE) -> Element:
        """Wait for any stanza, among those seen already too."""
        return await self._wait(condition, patience)

    def occupants(self, room: str) -> dict[str, Element]:
        """Return who is in a room, nick to latest presence, by what was seen."""
        here: dict[str, Element] = {}
        for el in self.seen:
            source, _, nick = (el.get("from") or "").partition("/")
            if el.tag != f"{CLIENT}presence" or source != room:
                continue
            if el.get("type") == "unavailable":
                here.pop(nick, None)
            elif el.get("type") is None:
                here[nick] = el
        return here

    def texts(self, room: str) -> list[tuple[str, str]]:
        """Return what was said in a room, as (nick, text), in order."""
        found = []
        for el in self.seen:
            source, _, nick = (el.get("from") or "").partition("/")
            words = body(el)
            if el.tag == f"{CLIENT}message" and source == room and el.get("type") == "groupchat" and words is not None:
                found.append((nick, words))
        return found

    def _open_stream(self) -> None:
        self._parser: ET.XMLPullParser[Element] = ET.XMLPullParser(("start", "end"))
        self._depth = 0
        self._root: Element | None = None
        self.send(
            f"<?xml version='1.0'?><stream:stream to='{self.domain}' version='1.0' xmlns='jabber:client' "
            "xmlns:stream='http://etherx.jabber.org/streams'>"
        )

    async def _read(self) -> None:
        with contextlib.suppress(OSError, ET.ParseError):
            while chunk := await self._reader.read(65536):
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

    async def _wait(self, condition: Callable[[Element], bool], patience: float = PATIENCE) -> Element:
        watch = Watch(seen=self.seen, news=self._news, reading=self._reading, story=self._story)
        return await watch.until(condition, patience=patience)

    def _story(self, what: str) -> str:
        last = "\n".join(ET.tostring(el, "unicode") for el in self.seen[-8:])
        return f"{self.jid}: {what}; the last stanzas seen:\n{last}"


def body(message: Element) -> str | None:
    """Return the body of a message, None without one."""
    return message.findtext(f"{CLIENT}body")


def codes(presence: Element) -> set[str]:
    """Return the MUC status codes of a presence (XEP-0045 section 15.6)."""
    return {el.get("code", "") for el in presence.iter(f"{MUC_USER}status")}


class IrcPerson:
    """Somebody on IRC with one connection. Every line received stays in :attr:`seen`, as text without line end."""

    def __init__(
        self,
        nick: str,
        *,
        port: int,
        host: str = "127.0.0.1",
        tls: bool = False,
        caps: Iterable[str] = (),
        password: str = "",
    ) -> None:
        self.nick = nick
        self.seen: list[str] = []
        self._password = password  # the server's
        self._host, self._port, self._tls, self._caps = host, port, tls, tuple(caps)
        self._news = asyncio.Event()
        self._fences = count(1)
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def connect(self) -> None:
        """Connect and register."""
        context = None
        if self._tls:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port, ssl=context, limit=1 << 20)
        self._reading = asyncio.create_task(self._read())
        if self._caps:
            self.send(f"CAP REQ :{' '.join(self._caps)}")
            self.send("CAP END")
        if self._password:
            self.send(f"PASS {self._password}")
        self.send(f"NICK {self.nick}")
        self.send(f"USER {self.nick} 0 * :{self.nick}")
        await self.line(" 001 ")

    async def close(self, reason: str = "bye") -> None:
        """Quit."""
        if self._reading is None:
            return
        with contextlib.suppress(OSError, TimeoutError):
            self.send(f"QUIT :{reason}")
            async with asyncio.timeout(2):
                await self._writer.drain()
                await self._reading
        self._reading.cancel()
        self._writer.close()

    def send(self, line: str | bytes) -> None:
        """Write one line, bytes as they are."""
        self._writer.write((line.encode() if isinstance(line, str) else line) + b"\r\n")

    async def join(self, channel: str, key: str = "") -> None:
        """Enter a channel and return once everybody in it is known."""
        self.send(f"JOIN {channel} {key}".rstrip())
        await self.line(" 366 ", channel)

    def say(self, target: str, text: str) -> None:
        """Say one line to a channel or a nick."""
        self.send(f"PRIVMSG {target} :{text}")

    async def fence(self, *, patience: float = PATIENCE) -> None:
        """Return once the server has processed everything sent before, and its answers are here."""
        token = f"fence{next(self._fences)}"
        self.send(f"PING {token}")
        await self.see(lambda line: " PONG " in line and token in line, patience=patience)

    async def line(self, *parts: str, patience: float = PATIENCE) -> str:
        """Wait for a line that contains all of these, among those seen already too."""
        return await self.see(lambda line: all(part in line for part in parts), patience=patience)

    async def message(self, target: str, text: str, *, nick: str | None = None, patience: float = PATIENCE) -> str:
        """Wait for a PRIVMSG to a channel or to us with exactly this text (by this nick)."""

        def is_it(line: str) -> bool:
            said = spoken(line)
            return (
                said is not None and said[1].lower() == target.lower() and said[2] == text and nick in (None, said[0])
            )

        return await self.see(is_it, patience=patience)

    async def see(self, condition: Callable[[str], bool], *, patience: float = PATIENCE) -> str:
        """Wait for any line, among those seen already too."""
        watch = Watch(seen=self.seen, news=self._news, reading=self._reading, story=self._story)
        return await watch.until(condition, patience=patience)

    def texts(self, target: str) -> list[tuple[str, str]]:
        """Return what was said to a channel, as (nick, text), in order."""
        said = (spoken(line) for line in self.seen)
        return [(nick, text) for nick, to, text in filter(None, said) if to.lower() == target.lower()]

    async def names(self, channel: str) -> set[str]:
        """Ask who is in a channel; nicks without their prefixes."""
        start = len(self.seen)
        self.send(f"NAMES {channel}")
        await self.fence()
        lines = [line for line in self.seen[start:] if f" 353 {self.nick} " in line]
        return {name.lstrip("~&@%+!").partition("!")[0] for line in lines for name in line.split(" :", 1)[1].split()}

    async def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while line := await self._reader.readline():
                text = line.rstrip(b"\r\n").decode(errors="replace")
                if text.startswith("PING "):
                    self.send(f"PONG {text[5:]}")
                self.seen.append(text)
                self._news.set()
        self._news.set()

    def _story(self, what: str) -> str:
        last = "\n".join(self.seen[-12:])
        return f"{self.nick}: {what}; the last lines seen:\n{last}"


def spoken(line: str) -> tuple[str, str, str] | None:
    """Return (nick, target, text) of a PRIVMSG or NOTICE line with or without tags, None for any other."""
    source, _, rest = untagged(line).partition(" ")
    command, _, rest = rest.partition(" ")
    if command not in ("PRIVMSG", "NOTICE"):
        return None
    target, _, text = rest.partition(" ")
    return source.lstrip(":").partition("!")[0], target, text.removeprefix(":")


def untagged(line: str) -> str:
    """Return a line without its IRCv3 tags."""
    return line.partition(" ")[2] if line.startswith("@") else line
