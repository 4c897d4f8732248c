"""The archives of hosted rooms: what is said goes to the store in batches, and comes back in pages (XEP-0313, XEP-0059).

One archive for each room, whoever is in it; a user may read what was said while they were there, and nothing else. Who was
there when is written down at each coming and going.
"""

import asyncio
from collections.abc import Callable, Iterator
from xml.etree.ElementTree import Element

from bridge.core.ids import PersonId, RoomId
from bridge.engine.ports import SEQ_OF_MILLISECOND, Archive, ArchivedLine, Clock, NoSuchLine, Page, Wanted
from bridge.xmpp.hosted.requests import user
from bridge.xmpp.hosted.speech import MOST, Line
from bridge.xmpp.messages import inbound
from bridge.xmpp.ports import Answer, IqRefused, Request
from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire import stanzas

LARGEST = 100
"""Messages of one page (XEP-0313 section 4.3: a limit of our own)."""
GATHER = 0.05
"""Seconds for which what is said is gathered into one write."""
_MAM = f"{{{ns.MAM}}}"
_RSM = f"{{{ns.RSM}}}"
_DATA = f"{{{ns.DATA}}}"


class Archivist:
    """Keeps and gives back what was said."""

    def __init__(self, clock: Clock, *, send: Callable[[str], None], is_room: Callable[[str], bool]) -> None:
        self.archive: Archive | None = None  # until the application has given one
        self._clock = clock
        self._send = send
        self._is_room = is_room
        self._gathered: list[ArchivedLine] = []
        self._last = 0

    # -- writing

    def keep(self, room: RoomId, line: Line) -> None:
        """Keep a line."""
        if self.archive is None:
            return
        self._last = max(self._last + 1, self._clock.now() * SEQ_OF_MILLISECOND)
        self._gathered.append(
            ArchivedLine(
                seq=self._last, room=room, id=line.id, at=line.at, nick=line.nick, head=line.head, tail=line.tail
            )
        )
        if len(self._gathered) == 1:
            self._clock.call_later(GATHER, self.flush)

    def flush(self) -> None:
        """Hand over what is gathered."""
        gathered, self._gathered = self._gathered, []
        if gathered and self.archive is not None:
            self.archive.archive(gathered)

    def came(self, room: RoomId, person: PersonId) -> None:
        """Note that somebody is there, unless that is known."""
        if self.archive is not None:
            self.archive.attended(room, person, since=self._clock.now())

    def went(self, room: RoomId, person: PersonId) -> None:
        """Note that somebody is not there any more."""
        if self.archive is not None:
            self.archive.departed(room, person, until=self._clock.now())

    async def erase(self, room: RoomId, person: PersonId) -> int | None:
        """Forget that somebody ever was there; returns how many messages went with it, None where none are kept. Raises: StoreError."""
        self.flush()
        return None if self.archive is None else await self.archive.erase(room, person)

    # -- reading

    async def recent(self, room: RoomId, person: PersonId) -> tuple[Line, ...]:
        """Return the last that somebody may read."""
        if self.archive is None:
            return ()
        self.flush()
        page = await self.archive.archived(Wanted(room=room, user=person, before="", most=MOST, counted=False))
        return tuple(_line(kept) for kept in page.lines)

    def answers(self) -> Iterator[tuple[str, str, Answer]]:
        """Return what is asked and who answers it."""
        yield "get", f"{_MAM}query", self._fields
        yield "set", f"{_MAM}query", self._query
        yield "get", f"{_MAM}metadata", self._metadata

    def _fields(self, request: Request) -> str:
        """Return by what an archive can be searched (XEP-0313 section 4.1.5)."""
        self._room(request)
        fields = [("FORM_TYPE", "hidden", ns.MAM), ("start", "text-single", ""), ("end", "text-single", "")]
        fields += [("with", "jid-single", ""), ("before-id", "text-single", ""), ("after-id", "text-single", "")]
        fields += [("ids", "list-multi", "")]
        inner = ""
        for name, kind, value in fields:
            children = stanzas.element("value", words=value) if value else ""
            inner += stanzas.element("field", attrs={"var": name, "type": kind}, children=children)
        form = stanzas.element("x", ns.DATA, attrs={"type": "form"}, children=inner)
        return stanzas.element("query", ns.MAM, children=form)

    async def _query(self, request: Request) -> str:
        """Send a page, and say what it was (XEP-0313 sections 4.2 to 4.4)."""
        page = await self._page(wanted(request.payload, self._room(request), user(request.sender).id))
        query = request.payload.get("queryid", "")
        lines = page.lines
        if request.payload.find(f"{_MAM}flip-page") is not None:
            lines = lines[::-1]
        for line in lines:
            self._send(_result(line, request, query))
            await asyncio.sleep(0)
        attrs = {"complete": "true" if page.complete else "false", "stable": "true"}
        return stanzas.element("fin", ns.MAM, attrs=attrs, children=_set(page))

    async def _page(self, asked: Wanted) -> Page:
        """Return a page. Raises: IqRefused."""
        archive = self.archive
        if archive is None:
            raise IqRefused("feature-not-implemented", "nothing is kept here")
        if not await archive.was_there(asked.room, asked.user):
            raise IqRefused("forbidden", "only who was in the room may read what was said there")
        self.flush()
        try:
            return await archive.archived(asked)
        except NoSuchLine:
            raise IqRefused("item-not-found", "the archive has no message of this id") from None

    async def _metadata(self, request: Request) -> str:
        """Return the first and the last message that somebody may read (XEP-0313 section 5)."""
        room, person = self._room(request), user(request.sender).id
        first = await self._page(Wanted(room=room, user=person, most=1))
        last = await self._page(Wanted(room=room, user=person, before="", most=1))
        inner = ""
        for name, page in (("start", first), ("end", last)):
            for line in page.lines:
                inner += stanzas.element(name, attrs={"id": line.id, "timestamp": inbound.stamp(line.at)})
        return stanzas.element("metadata", ns.MAM, children=inner)

    def _room(self, request: Request) -> RoomId:
        """Return the room that is asked. Raises: IqRefused for what is none."""
        address, _, nick = request.to.partition("/")
        if nick or not self._is_room(address):
            raise IqRefused("service-unavailable")
        return RoomId(address)


def wanted(query: Element, room: RoomId, person: PersonId) -> Wanted:
    """Return what a query asks for. Raises: IqRefused, naming what is wrong."""
    fields: dict[str, str] = {}
    form = query.find(f"{_DATA}x")
    ids: tuple[str, ...] = ()
    for field in form.findall(f"{_DATA}field") if form is not None else ():
        fields[field.get("var", "")] = field.findtext(f"{_DATA}value", "").strip()
        if field.get("var") == "ids":
            ids = _some(field)
    page = query.find(f"{_RSM}set")
    most, after, before = LARGEST // 2, fields.get("after-id", ""), fields.get("before-id") or None
    index = None
    if page is not None:
        most = _number(page.findtext(f"{_RSM}max"), most)
        after = page.findtext(f"{_RSM}after", "") or after
        found = page.find(f"{_RSM}before")
        before = before if found is None else found.text or before or ""
        index = _index(page, is_alone=not after and before is None)
    return Wanted(
        room=room,
        user=person,
        start=_moment(fields, "start"),
        end=_moment(fields, "end"),
        nick=_nick(fields.get("with", ""), room),
        after=after,
        before=before,
        most=min(most, LARGEST),
        index=index,
        ids=ids,
    )


def _some(field: Element) -> tuple[str, ...]:
    """Return the ids that are asked for (section 4.1.4). Raises: IqRefused."""
    ids = tuple(dict.fromkeys(value.text or "" for value in field.findall(f"{_DATA}value")))
    if len(ids) > LARGEST:
        raise IqRefused("not-acceptable", f"ids: {len(ids)} are too many, {LARGEST} is the most")
    return ids


def _index(page: Element, *, is_alone: bool) -> int | None:
    """Return how many messages are passed over (XEP-0059 section 2.6). Raises: IqRefused."""
    text = page.findtext(f"{_RSM}index")
    if text is None:
        return None
    if not is_alone:
        raise IqRefused("bad-request", "index: a page is asked for by its index, or by after or before")
    return _number(text, 0, "index")


def _nick(address: str, room: RoomId) -> str:
    if not address:
        return ""
    bare, _, nick = address.partition("/")
    if bare != room or not nick:
        raise IqRefused("not-acceptable", "with: expected an occupant of this room, ROOM/NICK")
    return nick


def _moment(fields: dict[str, str], name: str) -> int | None:
    text = fields.get(name, "")
    if not text:
        return None
    moment = inbound.milliseconds(text)
    if moment is None:
        raise IqRefused("bad-request", f"{name}: found {text[:30]!r}, expected a time such as 2026-11-28T07:00:00Z")
    return moment


def _number(text: str | None, usual: int, name: str = "max") -> int:
    if text is None:
        return usual
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise IqRefused("bad-request", f"{name}: found {text[:20]!r}, expected a number")
    return int(text)


def _line(kept: ArchivedLine) -> Line:
    return Line(kept.id, kept.at, kept.nick, kept.head, kept.tail)


def _result(kept: ArchivedLine, request: Request, query: str) -> str:
    delay = stanzas.delay(inbound.stamp(kept.at))
    forwarded = stanzas.element("forwarded", ns.FORWARD, children=delay + _line(kept).forwarded())
    attrs = ({"queryid": query} if query else {}) | {"id": kept.id}
    result = stanzas.element("result", ns.MAM, attrs=attrs, children=forwarded)
    return stanzas.message(request.to, request.sender, extra=result)


def _set(page: Page) -> str:
    inner = ""
    if page.lines:
        inner = stanzas.element("first", attrs={"index": str(page.index)}, words=page.lines[0].id)
        inner += stanzas.element("last", words=page.lines[-1].id)
    return stanzas.element("set", ns.RSM, children=inner + stanzas.element("count", words=str(page.count)))
