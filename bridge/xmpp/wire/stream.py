"""The fast path: from the bytes of a component stream to elements, without building what nobody reads.

A room sends every message once for each of our ghosts. With 300 ghosts one copy matters and 299 are the same bytes with
another ``to``; a parser would spend more on them than the server spent on making them. So the reader frames stanzas on
bytes, and the parser sees only what somebody wants. From cheap to dear, for each copy:

* foretold: a room's recipients come in the same order, message after message. Once seen, all that has to follow the
  first copy is known to the byte, is made by one join and compared at once.
* the same: it differs from the stanza before in nothing but ``to``, and nobody reads that address.
* looked at: the start tag says that nobody wants it.
* recognised: it looks like one that was understood, but for ids, names and words (``shapes``).
* understood: it is the reflection of words of ours, or plain words, and its bytes say all there is to know.
* built: it went through the parser, and is handed over as an element.

A server with a multicast service sends one stanza to the bare domain instead, with the recipients listed in it
(``multicast``). The list is the same from message to message, so it is compared and cut out, not parsed.

None of this guesses. Bytes that are equal mean the same; and whatever looks unusual (CDATA, comments, a stanza in a
stanza, a start tag that is not written plainly) goes to the parser, whose depth then says where the next stanza begins.
The tests hold it against slixmpp's own reading of random streams.

Bytes in, calls out: no socket, no loop, no slixmpp. Called by ``library``; ``Sink`` says what it hands over.
"""

from collections.abc import Callable
from typing import Protocol, cast
from xml.etree.ElementTree import Element, ParseError, XMLPullParser

from bridge.xmpp.wire import multicast
from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire.shapes import Familiar, Shapes
from bridge.xmpp.wire.starttag import StartTag, take_apart, unescaped

HUGE = 256 * 1024
"""So many bytes of a stanza without its end, and it goes to the parser in pieces: waiting would copy it each time."""

_ROOMS = 4096  # remembered at most: anybody can write groupchat messages from many addresses
_ROUTES = 4  # remembered of one room
_LISTS = 16  # of recipients, remembered of one room; a message to more than fit into a stanza has several
_STANZAS = {
    ord("m"): ("message", b"<message", b"</message"),
    ord("p"): ("presence", b"<presence", b"</presence"),
    ord("i"): ("iq", b"<iq", b"</iq"),
}
_LESS, _GREATER, _SLASH = b"</>"[0], b"</>"[2], b"</>"[1]
_CLIENT, _COMPONENT = f"{{{ns.CLIENT}}}", f"{{{ns.COMPONENT}}}"
_ASKED = {f"{_COMPONENT}message": "message", f"{_COMPONENT}presence": "presence"}
_INCOMPLETE = -1
_NOBODY: frozenset[bytes] = frozenset()


class NotXml(Exception):
    """What came is not well-formed XML."""


class Sink(Protocol):
    """Who reads the stream. May call ``Reader.stop`` and ``Reader.forget`` out of any of these; must not raise."""

    def opened(self, root: Element) -> None:
        """Take the stream's header."""

    def reads(self, room: str, to: str) -> bool:
        """Say whether the groupchat messages of a room are read by their copies to this address."""

    def wanted(self, name: str, attrs: dict[str, str]) -> bool:
        """Say whether a message or presence has to be built. ``attrs`` must not be changed."""

    def understood(self, attrs: dict[str, str], stanza: bytes) -> bool:
        """Take a groupchat message that is read by its bytes alone; False: it has to be built, or is not wanted."""

    def recognised(self, said: Familiar) -> bool:
        """Take a groupchat message that looks like one that was understood; False: it is to be looked at like any other."""

    def built(self, element: Element) -> None:
        """Take a child of the stream, in ``jabber:component:accept`` also where the server wrote ``jabber:client``."""

    def closed(self) -> None:
        """Learn that the stream's end tag came."""


class _Room:
    """What is known of the copies of one room's messages; recipients are the bytes between the quotes."""

    __slots__ = ("lists", "name", "read", "routes", "unread")

    def __init__(self, name: str) -> None:
        self.name = name
        self.read: set[bytes] = set()
        self.unread: set[bytes] = set()
        self.routes: dict[bytes, list[list[bytes]]] = {}  # by the first recipient
        self.lists: list[tuple[bytes, list[str]]] = []  # of recipients, each with the addresses in it that are read


class _Template:
    """The last message or presence, to recognise its copies by: equal before and after the value of ``to``.

    The recipients that followed the first are kept as runs of unread ones; between two runs stands one that is read.
    """

    __slots__ = ("after", "attrs", "before", "first", "foretold", "name", "quote", "room", "seen")

    def __init__(self, name: str, attrs: dict[str, str], room: _Room | None) -> None:
        self.name = name
        self.attrs = attrs
        self.room = room  # None: no groupchat message, every copy is asked about
        self.before = b""
        self.first = b""
        self.after = b""
        self.quote = b""
        self.seen: list[list[bytes]] = [[]]
        self.foretold: list[list[bytes]] | None = None  # as it was last time

    def cut(self, stanza: bytes, *, to: int, quote: bytes) -> None:
        """Cut a stanza in three, with the value of ``to`` in the middle."""
        end = stanza.index(quote, to)
        self.before, self.first, self.after = stanza[:to], stanza[to:end], stanza[end:]
        self.quote = quote
        if self.room is not None:
            self.foretold = self.room.routes.get(self.first)

    def run(self) -> list[bytes]:
        """Return the recipients that are foretold to come next, [] if none are."""
        index = len(self.seen) - 1
        if self.foretold is None or self.seen[index] or index >= len(self.foretold):
            return []
        return self.foretold[index]

    def copies(self, run: list[bytes]) -> bytes:
        """Return the copies to these recipients."""
        return self.before + (self.after + self.before).join(run) + self.after

    def learn(self) -> None:
        """Keep the order of the recipients for the next message of the room."""
        if self.room is None or (len(self.seen) == 1 and not self.seen[0]):
            return
        routes = self.room.routes
        if routes.get(self.first) == self.seen:
            return
        if len(routes) >= _ROUTES:
            routes.clear()
        routes[self.first] = self.seen


class Reader:
    """Reads one stream, from its header to its end.

    ``domain`` is the component's own; "" if nothing is to be made of stanzas with a list of recipients.
    """

    def __init__(self, sink: Sink, *, domain: str = "") -> None:
        self._sink = sink
        self._domain = domain
        self._parser: XMLPullParser[Element] = XMLPullParser(("start", "end"))
        # read_events() is the public way; it makes a generator for each stanza, and costs as much as parsing it.
        self._events = self._parser._events_queue  # type: ignore[attr-defined]  # noqa: SLF001
        # Newer expats hold back what looks incomplete to them until they are asked, and have flush() for it.
        self._flush: Callable[[], None] = getattr(self._parser, "flush", _nothing)
        self._root = Element("")
        self._depth = 0
        self._crawling = True  # the parser gets everything, tag by tag, until its depth is one
        self._over = False
        self._rest = b""  # the beginning of a stanza
        self._rooms: dict[str, _Room] = {}
        self._template: _Template | None = None
        self._shapes = Shapes()
        self._recognised = b""  # the stanza before, if its copies may follow
        self._block = b""  # foretold copies that have not all come yet
        self._come = 0  # so many bytes of it have

    @property
    def outstanding(self) -> int:
        """How many bytes that are known already, and that nobody reads, are still to come."""
        return len(self._block) - self._come

    def stop(self) -> None:
        """Take no notice of what comes from now on."""
        self._over = True

    def forget(self) -> None:
        """Ask about every pair of room and recipient anew."""
        if self._block and self._template is not None:
            self._rest = self._leave_block(self._template)
        self._rooms = {}
        self._template = None
        self._recognised = b""

    def feed(self, data: bytes) -> None:
        """Read what came. Raises: NotXml; the reader is then of no use any more."""
        at = 0
        if self._block and self._template is not None:
            data, at = self._follow_block(data, self._template)
        elif self._rest:
            data, self._rest = self._rest + data, b""
        while at < len(data) and not self._over:
            if self._crawling:
                at = self._crawl(data, at)
                continue
            end = self._known(data, at)
            if end != at:
                at = end
                continue
            end = self._stanza(data, at)
            if end == _INCOMPLETE:
                self._rest = data[at:]
                self._crawling = len(self._rest) > HUGE
                return
            at = end

    # A stanza that is like one before it.

    def _known(self, data: bytes, at: int) -> int:
        """Take the stanzas that are copies of the one before, or look like others; return where they end."""
        if self._template is not None:
            end = self._copies(data, at, self._template)
            if end != at:
                return end
        found = self._shapes.find(data, at)
        if found is not None:
            self._end_copies()
            said, end = found
            if self._sink.recognised(said):
                self._recognised = data[at:end]
                return end
        if self._recognised:
            self._template, self._recognised = self._recalled(self._recognised), b""
            return at if self._template is None else self._copies(data, at, self._template)
        return at

    def _recalled(self, stanza: bytes) -> _Template | None:
        """Return a stanza that was recognised as the template for its copies."""
        tag = take_apart(stanza[: stanza.find(b">") + 1], len(b"<message"))
        if tag is None or not tag.to:
            return None
        template = _Template("message", tag.attrs, self._room(tag.attrs.get("from", "")))
        template.cut(stanza, to=tag.to, quote=tag.quote)
        return template

    # A stanza that is like none before it.

    def _stanza(self, data: bytes, at: int) -> int:
        """Frame the stanza at ``at`` and do with it what is to be done; return where it ends."""
        if data[at] != _LESS:
            return self._between(data, at)
        known = _STANZAS.get(data[at + 1]) if at + 1 < len(data) else None
        if known is None:
            return self._unusual(at) if at + 1 < len(data) else _INCOMPLETE
        name, opening, closing = known
        start = at + len(opening)
        tag_end = data.find(b">", start)
        if not data.startswith(opening, at):
            return _INCOMPLETE if opening.startswith(data[at:]) else self._unusual(at)
        if tag_end < 0:
            return _INCOMPLETE
        tag = take_apart(data[at : tag_end + 1], len(opening))
        if tag is None:
            return self._unusual(at)
        end = tag_end + 1
        if data[tag_end - 1] != _SLASH:
            close = data.find(closing, end)
            end = close + len(closing) + 1
            if close < 0 or end > len(data):
                return _INCOMPLETE
            if data[end - 1] != _GREATER or _odd(data, opening, tag_end, close):
                return self._unusual(at)
        self._whole(name, tag, stanza=data[at:end], head=tag_end + 1 - at)
        return end

    def _whole(self, name: str, tag: StartTag, *, stanza: bytes, head: int) -> None:
        """Do what is to be done with a stanza; ``head`` is where its start tag ends."""
        if name != "iq" and self._domain and tag.attrs.get("to") == self._domain:
            self._to_the_domain(name, tag.attrs, stanza=stanza, head=head)
        elif name == "iq" or self._look(name, tag.attrs, stanza=stanza, to=tag.to, quote=tag.quote):
            self._sink.built(self._parse(stanza))

    def _between(self, data: bytes, at: int) -> int:
        """Skip a keep-alive; anything else between stanzas is for the parser to judge."""
        return at + 1 if data[at] in b" \t\r\n" else self._unusual(at)

    def _unusual(self, at: int) -> int:
        self._crawling = True
        return at

    def _look(self, name: str, attrs: dict[str, str], *, stanza: bytes, to: int, quote: bytes) -> bool:
        """Decide on the start tag whether a stanza is wanted, and make it the template for its copies."""
        self._end_copies()
        room = self._room(attrs.get("from", "")) if _is_groupchat(name, attrs) else None
        if not to:
            return self._sink.wanted(name, attrs)
        self._template = template = _Template(name, attrs, room)
        template.cut(stanza, to=to, quote=quote)
        if room is None:
            return self._sink.wanted(name, attrs)
        if not self._read(room, template.first, attrs["to"]):
            return False
        if self._sink.understood(attrs, stanza):
            self._shapes.learn(stanza)
            return False
        return self._sink.wanted(name, attrs)

    def _room(self, sender: str) -> _Room:
        name = sender.partition("/")[0]
        room = self._rooms.get(name)
        if room is None:
            if len(self._rooms) >= _ROOMS:
                self._rooms.clear()
            room = self._rooms[name] = _Room(name)
        return room

    def _read(self, room: _Room, raw: bytes, to: str) -> bool:
        if raw in room.unread:
            return False
        if raw in room.read:
            return True
        read = self._sink.reads(room.name, to)
        (room.read if read else room.unread).add(raw)
        return read

    # A stanza to the bare domain: perhaps for many of us.

    def _to_the_domain(self, name: str, attrs: dict[str, str], *, stanza: bytes, head: int) -> None:
        """Build the copies that are read; ``head`` is where the start tag ends."""
        found = multicast.cut(stanza, head) if _is_groupchat(name, attrs) else None
        if found is None:
            self._crawled(self._parse(stanza))
            return
        block, single = found
        readers = self._readers(self._room(attrs.get("from", "")), block)
        if readers is None:
            self._crawled(self._parse(stanza))
            return
        self._end_copies()
        for to in readers:
            copy = {**attrs, "to": to}
            if not self._over and not self._sink.understood(copy, single) and self._sink.wanted(name, copy):
                element = self._parse(single)
                element.set("to", to)
                self._sink.built(element)

    def _readers(self, room: _Room, block: bytes) -> list[str] | None:
        """Return the addresses on a list that a room is read by, None when the list cannot be read by itself."""
        for known, readers in room.lists:
            if known == block:
                return readers
        addresses = multicast.listed(block, self._domain)
        if not addresses:
            return None
        readers = [to for to in addresses if self._sink.reads(room.name, to)]
        if len(room.lists) >= _LISTS:
            room.lists.clear()
        room.lists.append((block, readers))
        return readers

    # Its copies.

    def _copies(self, data: bytes, at: int, template: _Template) -> int:
        """Skip or build the stanzas that differ from the template in ``to`` alone; return where others begin."""
        before, after, quote = template.before, template.after, template.quote
        unread = _NOBODY if template.room is None else template.room.unread
        while self._template is template and not self._over:
            if template.foretold is not None:
                at = self._enter_block(data, at, template)
            if not data.startswith(before, at):
                return at
            begin = at + len(before)
            end = data.find(quote, begin)
            if end < 0 or not data.startswith(after, end):
                return at
            to = data[begin:end]
            begin, at = at, end + len(after)
            if to in unread:
                template.seen[-1].append(to)
            else:
                self._copy(template, to, data[begin:at])
        return at

    def _copy(self, template: _Template, raw: bytes, stanza: bytes) -> None:
        """Decide on a copy whose recipient is not known to be unread."""
        to = unescaped(raw)
        if to is None:
            self._crawled(self._parse(stanza))
            return
        if template.room is not None:
            if not self._read(template.room, raw, to):
                template.seen[-1].append(raw)
                return
            template.seen.append([])
        attrs = {**template.attrs, "to": to}
        if template.room is not None and self._sink.understood(attrs, stanza):
            return
        if self._sink.wanted(template.name, attrs):
            self._sink.built(self._parse(stanza))

    def _end_copies(self) -> None:
        if self._template is not None:
            self._template.learn()
            self._template = None

    def _enter_block(self, data: bytes, at: int, template: _Template) -> int:
        """Skip the copies that are foretold to stand at ``at``, as far as they have come."""
        run = template.run()
        if not run or len(data) - at < len(template.before):
            return at
        if data.startswith(template.before, at):
            block = template.copies(run)
            if data.startswith(block, at):
                template.seen[-1] = run.copy()
                return at + len(block)
            if len(data) - at < len(block) and block.startswith(data[at:]):
                self._block, self._come = block, len(data) - at
                return len(data)
        template.foretold = None
        return at

    def _follow_block(self, data: bytes, template: _Template) -> tuple[bytes, int]:
        """Compare what came with what is foretold; return what is to be read, and from where on."""
        awaited = len(self._block) - self._come
        if len(data) < awaited and self._block.startswith(data, self._come):
            self._come += len(data)
            return data, len(data)
        if data.startswith(self._block[self._come :]):
            template.seen[-1] = template.run().copy()
            self._block, self._come = b"", 0
            return data, awaited
        return self._leave_block(template) + data, 0

    def _leave_block(self, template: _Template) -> bytes:
        """Go back from the block to single copies; return what has come of the one that is not whole."""
        begin = 0
        seen = template.seen[-1]
        for to in template.run():
            end = begin + len(template.before) + len(to) + len(template.after)
            if end > self._come:
                break
            begin = end
            seen = [*seen, to]
        template.seen[-1] = seen
        template.foretold = None
        rest = self._block[begin : self._come]
        self._block, self._come = b"", 0
        return rest

    # The parser.

    def _parse(self, stanza: bytes) -> Element:
        """Return a whole stanza as an element."""
        self._parser.feed(stanza)
        last = self._events[-1]
        self._events.clear()
        if isinstance(last, SyntaxError):
            raise NotXml(str(last)) from last
        element = self._root[-1]
        assert last[1] is element, "framing found the end of a stanza where the parser does not"
        self._root.clear()
        return _in_component_namespace(element)

    def _crawl(self, data: bytes, at: int) -> int:
        """Let the parser read up to the end of the next tag; return where that is."""
        end = data.find(b">", at) + 1 or len(data)
        try:
            self._parser.feed(data[at:end])
            self._flush()
            for event in self._parser.read_events():
                self._step(*cast("tuple[str, Element]", event))
        except ParseError as error:
            raise NotXml(str(error)) from error
        return end

    def _step(self, event: str, element: Element) -> None:
        if event == "start":
            self._depth += 1
            if self._depth == 1:
                self._root = element
                self._crawling = False
                self._sink.opened(element)
            return
        self._depth -= 1
        if self._depth == 1:
            self._root.clear()
            self._crawling = False
            self._crawled(_in_component_namespace(element))
        elif self._depth == 0:
            self._over = True
            self._sink.closed()

    def _crawled(self, element: Element) -> None:
        """Hand over what the parser has read, or the copies that it stands for."""
        self._end_copies()
        asked = element.tag in _ASKED  # an IQ has one recipient (XEP-0033 section 3)
        for copy in multicast.copies(element, self._domain) if asked and self._domain else (element,):
            if not self._over:
                self._judge(copy)

    def _judge(self, element: Element) -> None:
        """Ask the same questions about what the parser has read as about other stanzas, and hand it over."""
        name = _ASKED.get(element.tag)
        if name is not None:
            attrs = {key: value for key, value in element.items() if not key.startswith("{")}
            if _is_groupchat(name, attrs) and "to" in attrs:
                sender, to = attrs.get("from", ""), attrs["to"]
                if not self._sink.reads(sender.partition("/")[0], to):
                    return
            if not self._sink.wanted(name, attrs):
                return
        self._sink.built(element)


def _is_groupchat(name: str, attrs: dict[str, str]) -> bool:
    return name == "message" and attrs.get("type") == "groupchat"


def _odd(data: bytes, opening: bytes, start: int, end: int) -> bool:
    """Say whether the end that was found may be another's: of a stanza inside the stanza, or in no markup at all."""
    find = data.find
    return find(opening, start, end) >= 0 or find(b"<!", start, end) >= 0 or find(b"<?", start, end) >= 0


def _in_component_namespace(element: Element) -> Element:
    """Put a stanza that came in ``jabber:client`` (jabberd2 writes so) where everything above looks for it."""
    if element.tag.startswith(_CLIENT):
        for each in element.iter():
            if each.tag.startswith(_CLIENT):
                each.tag = _COMPONENT + each.tag[len(_CLIENT) :]
    return element


def _nothing() -> None:
    """Stand in for a method that the parser does not have."""
