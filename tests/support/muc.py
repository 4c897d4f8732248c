"""A MUC service in memory, and a component stream that leads to it: XEP-0045 as Prosody does it, in a hundred lines.

``Stream`` is a :class:`bridge.xmpp.ports.Component` that can be run. It parses what it is given, so nothing that is not
well-formed passes, and asks the session what it wants as the real one does. ``Muc`` is one room. People of other domains
are moved by the test (``muc.enter("juliet")``); ours come by stanzas. Own tests: tests/support/test_muc.py.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element
from xml.sax.saxutils import quoteattr

from bridge.core.nicks import nick_key
from bridge.core.preparation import resourceprep
from bridge.xmpp.messages.inbound import milliseconds, stamp
from bridge.xmpp.ports import Answer, IqRefused, Session
from bridge.xmpp.wire.shapes import Shapes
from tests.support.clock import VirtualClock, VirtualTimer

NS = "jabber:component:accept"
MUC = "http://jabber.org/protocol/muc"
USER = f"{MUC}#user"
ADMIN = f"{MUC}#admin"
OWNER = f"{MUC}#owner"
ERRORS = "urn:ietf:params:xml:ns:xmpp-stanzas"
SID = "urn:xmpp:sid:0"
OCCUPANT_ID = "urn:xmpp:occupant-id:0"
MAM = "urn:xmpp:mam:2"
MODERATE = "urn:xmpp:message-moderate:1"
DISCO = "http://jabber.org/protocol/disco#info"
FEATURES = (MUC, SID, OCCUPANT_ID)
ROOM = "verona@conference.localhost"


def xml(text: str) -> Element:
    """Read one stanza in the component's namespace."""
    return ET.fromstring(f"<wrap xmlns='{NS}'>{text}</wrap>")[0]


class Refused(Exception):
    """An error that the service answers with."""

    def __init__(self, condition: str, kind: str = "cancel", text: str = "") -> None:
        super().__init__(condition)
        self.condition, self.kind, self.text = condition, kind, text

    def xml(self) -> str:
        words = f"<text xmlns='{ERRORS}'>{self.text}</text>" if self.text else ""
        return f"<error type='{self.kind}'><{self.condition} xmlns='{ERRORS}'/>{words}</error>"


class Stream:
    """A component stream without a socket."""

    namespace = NS

    def __init__(self, clock: VirtualClock, *, domain: str = "bridge.localhost") -> None:
        self.domain = domain
        self.clock = clock
        self.sent: list[Element] = []
        self.built = 0  # stanzas that the session wanted
        self.skipped = 0
        self.recognised = 0  # of those skipped
        self._shapes = Shapes()
        self.rooms: dict[str, Muc] = {}
        self.services: dict[str, Callable[[Element], str]] = {}  # others that answer IQs; may raise Refused
        self.session: Session | None = None
        self.deaf = False  # what is sent is lost
        self.answers: dict[tuple[str, str], Answer] = {}  # what the connector answers besides disco
        self._up = False

    # -- the Component

    def send(self, stanza: str) -> None:
        element = xml(stanza)
        assert _bare(element.get("from", "")).rpartition("@")[2] == self.domain, stanza
        self.sent.append(element)
        room = self.rooms.get(_bare(element.get("to", "")))
        if room is not None and self._up and not self.deaf:
            room.take(element)

    async def iq(
        self,
        kind: str,
        *,
        to: str,
        payload: str,
        sender: str = "",
        timeout: float = 30.0,  # noqa: ASYNC109 - the protocol's signature
    ) -> Element:
        await asyncio.sleep(0)
        element = xml(f"<iq type='{kind}' to={quoteattr(to)} from={quoteattr(sender or self.domain)}>{payload}</iq>")
        self.sent.append(element)
        room, service = self.rooms.get(_bare(to)), self.services.get(to)
        if (room is None and service is None) or self.deaf or not self._up:
            condition = "remote-server-timeout"
            raise IqRefused(condition)
        try:
            result = service(element) if service is not None else room.asked(element)  # type: ignore[union-attr]
        except Refused as refused:
            raise IqRefused(refused.condition, refused.text) from None
        await asyncio.sleep(0)
        return xml(f"<iq type='result'>{result}</iq>")

    async def barrier(self) -> None:
        await asyncio.sleep(0)
        if not self._up:
            condition = "remote-server-timeout"
            raise IqRefused(condition)

    async def drained(self) -> None:
        return

    def connected(self) -> bool:
        return self._up

    def forget(self) -> None:
        pass

    def answer(self, kind: str, payload: str, answer: Answer) -> None:
        self.answers[kind, payload] = answer

    def pace(self, *, whose: Callable[[str], str], hurries: Callable[[str], str]) -> None:
        self.whose, self.hurries = whose, hurries

    def call_later(self, seconds: float, call: Callable[[], None]) -> VirtualTimer:
        return self.clock.call_later(seconds, call)

    async def run(self, session: Session) -> None:
        self.session = session
        self.up()
        await asyncio.get_running_loop().create_future()

    # -- what a test does

    def up(self) -> None:
        assert self.session is not None
        self._up = True
        self.session.stream_up()

    def down(self, reason: str = "the server closed the stream") -> None:
        assert self.session is not None
        self._up = False
        self.session.stream_down(reason)

    def deliver(self, stanza: str) -> None:
        """Let this stanza come, now."""
        assert self.session is not None
        element = xml(stanza)
        name = element.tag.removeprefix(f"{{{NS}}}")
        groupchat = element.get("type") == "groupchat"
        read = not groupchat or self.session.reads(_bare(element.get("from", "")), element.get("to", ""))
        if not read or (groupchat and self._taken(dict(element.attrib), stanza.encode())):
            self.skipped += 1
        elif self.session.wanted(name, dict(element.attrib)):
            self.built += 1
            self.session.stanza(element)
        else:
            self.skipped += 1

    def _taken(self, attrs: dict[str, str], stanza: bytes) -> bool:
        """Offer a groupchat message by its bytes, as the reader of the real stream does."""
        assert self.session is not None
        found = self._shapes.find(stanza, 0)
        if found is not None and found[1] == len(stanza) and self.session.recognised(found[0]):
            self.recognised += 1
            return True
        if not self.session.understood(attrs, stanza):
            return False
        self._shapes.learn(stanza)
        return True

    def soon(self, stanza: str) -> None:
        """Let this stanza come in a later turn of the loop, in order."""
        asyncio.get_running_loop().call_soon(self.deliver, stanza)

    def take(self, name: str, **attrs: str) -> list[Element]:
        """Return what was sent of this name and with these attributes (``_from``: from), and forget it."""
        wanted = {key.lstrip("_"): value for key, value in attrs.items()}

        def fits(element: Element) -> bool:
            return element.tag == f"{{{NS}}}{name}" and all(element.get(k) == v for k, v in wanted.items())

        found = [element for element in self.sent if fits(element)]
        self.sent = [element for element in self.sent if not fits(element)]
        return found


def _bare(jid: str) -> str:
    return jid.partition("/")[0]


class Seat:
    """An occupant."""

    def __init__(self, nick: str, jid: str, *, affiliation: str, role: str, extra: str = "", show: str = "") -> None:
        self.nick, self.jid = nick, jid
        self.affiliation, self.role = affiliation, role
        self.extra = extra  # what they put into their presence


class Muc:
    """One room of a MUC service."""

    def __init__(self, stream: Stream, address: str = ROOM, *, features: Iterable[str] = FEATURES) -> None:
        self.stream = stream
        self.address = address
        self.features = set(features)
        self.seats: dict[str, Seat] = {}
        self.history: list[tuple[int, str, str]] = []  # (when, nick, what is in the message)
        self.archive: list[tuple[str, int, str]] = []  # (id, when, the whole message)
        self.subject = ("", "")  # nick, text
        self.affiliations: dict[str, str] = {}  # of bare JIDs
        self.password = ""
        self.members_only = False
        self.anonymous = False  # real JIDs only for moderators
        self.strips = False  # unknown elements in presences
        self.moderated = False
        self.keeps_presence = False  # shows the old presence under a new nick, as ejabberd does
        self.locked = False
        self.most = 10_000
        self.mute = False  # tells nobody anything
        self.rewrites: Callable[[str], str] = lambda nick: nick
        self.refuses: Callable[[Element], Refused | None] = lambda _: None
        self.joins: list[tuple[str, str]] = []  # (address, nick) of every join that was tried
        self.most_joining = 0
        self._numbers = 0
        stream.rooms[address] = self

    # -- people of other domains

    def enter(self, nick: str, jid: str = "", *, affiliation: str = "none", extra: str = "") -> Seat:
        """Let somebody come in."""
        jid = jid or f"{nick.lower()}@localhost/desk"
        seat = Seat(nick, jid, affiliation=affiliation, role=self._role(affiliation), extra=extra)
        self.seats[nick] = seat
        self._show(seat)
        return seat

    def leave(self, nick: str, *, status: str = "") -> None:
        """Let somebody go."""
        seat = self.seats.pop(nick)
        self._show_gone(seat, extra=f"<status>{status}</status>" if status else "")

    def rename(self, nick: str, new: str) -> None:
        """Let somebody have another nick."""
        seat = self.seats.pop(nick)
        self._show_gone(seat, codes=("303",), item=f" nick={quoteattr(new)}")
        seat.nick = new
        self.seats[new] = seat
        self._show(seat)

    def presence(self, nick: str, extra: str) -> None:
        """Let somebody show another presence."""
        self.seats[nick].extra = extra
        self._show(self.seats[nick])

    def say(self, nick: str, body: str, *, id_: str = "", extra: str = "", keep: bool = True) -> str:
        """Let somebody say something; returns the stanza-id."""
        self._numbers += 1
        sid = f"sid-{self._numbers}"
        self._broadcast(nick, f"<body>{body}</body>{extra}", id_=id_, sid=sid, keep=keep)
        return sid

    def send(self, nick: str, payload: str, *, id_: str = "") -> None:
        """Let somebody send any message to the room."""
        self._numbers += 1
        self._broadcast(nick, payload, id_=id_, sid=f"sid-{self._numbers}", keep=False)

    def remark(self, payload: str) -> None:
        """Let the room itself say something."""
        self._to_all(
            lambda seat: f"<message type='groupchat' from='{self.address}' to='{seat.jid}'>{payload}</message>"
        )

    def set_subject(self, nick: str, text: str) -> None:
        """Let somebody set the subject."""
        self.subject = (nick, text)
        self.send(nick, f"<subject>{text}</subject>")

    def kick(self, nick: str, *codes: str, reason: str = "", actor: str = "") -> None:
        """Remove somebody, one of ours or not."""
        seat = self.seats.pop(nick)
        actor_xml = f"<actor nick={quoteattr(actor)}/>" if actor else ""
        inner = actor_xml + (f"<reason>{reason}</reason>" if reason else "")
        self._show_gone(seat, codes=codes or ("307",), inner=inner)

    def destroy(self, reason: str = "", venue: str = "") -> None:
        """Destroy the room (section 10.9)."""
        words = f"<reason>{reason}</reason>" if reason else ""
        where = f" jid={quoteattr(venue)}" if venue else ""
        seats, self.seats = self.seats, {}
        for seat in self._ours(seats.values()):
            self.stream.soon(
                f"<presence type='unavailable' from={quoteattr(f'{self.address}/{seat.nick}')} to={quoteattr(seat.jid)}>"
                f"<x xmlns='{USER}'><item affiliation='none' role='none'/><destroy{where}>{words}</destroy></x></presence>"
            )

    def restart(self) -> None:
        """Forget everybody without a word, as a service that was killed and started again."""
        self.seats.clear()

    # -- what comes from our component

    def take(self, element: Element) -> None:
        """Take a presence or a message."""
        sender, to = element.get("from", ""), element.get("to", "")
        try:
            if element.tag.endswith("presence"):
                self._presence(element, sender, to.partition("/")[2])
            elif element.get("type") != "error":
                self._message(element, sender, to.partition("/")[2])
        except Refused as refused:
            name = element.tag.rpartition("}")[2]
            id_ = f" id={quoteattr(element.get('id', ''))}" if element.get("id") else ""
            self.stream.soon(
                f"<{name} type='error' from={quoteattr(to)} to={quoteattr(sender)}{id_}>{refused.xml()}</{name}>"
            )

    def asked(self, element: Element) -> str:
        """Answer an IQ; returns what is in the result."""
        payload = element[0]
        nick = element.get("to", "").partition("/")[2]
        sender = element.get("from", "")
        if payload.tag == "{urn:xmpp:ping}ping":
            if nick not in self.seats or self.seats[nick].jid != sender:
                raise Refused("not-acceptable")
            return ""
        if payload.tag == f"{{{DISCO}}}query":
            return f"<query xmlns='{DISCO}'>{''.join(f'<feature var={quoteattr(f)}/>' for f in self.features)}</query>"
        if payload.tag == f"{{{ADMIN}}}query":
            return (self._outcasts if element.get("type") == "get" else self._administer)(payload[0], sender)
        if payload.tag == f"{{{OWNER}}}query":
            self.locked = False
            return ""
        if payload.tag == f"{{{MODERATE}}}moderate":
            self._must(sender, "moderator")
            return ""
        if payload.tag == f"{{{MAM}}}query":
            return self._search(payload, sender)
        raise Refused("feature-not-implemented")

    def _presence(self, element: Element, sender: str, nick: str) -> None:
        seat = self._seat_of(sender)
        if element.get("type") == "unavailable":
            if seat is not None:
                del self.seats[seat.nick]
                status = element.findtext(f"{{{NS}}}status", "")
                self._show_gone(seat, extra=f"<status>{status}</status>" if status else "")
            return
        refused = self.refuses(element)
        if refused is not None:
            raise refused
        if resourceprep(nick) is None:
            raise Refused("jid-malformed", "modify")
        extra = "".join(_text(child) for child in element if child.tag != f"{{{MUC}}}x" and self._passes(child))
        holder = next((s for s in self.seats.values() if nick_key(s.nick) == nick_key(nick)), None)
        if holder is not None and holder is not seat:
            raise Refused("conflict")
        joins = element.find(f"{{{MUC}}}x")
        if seat is None and joins is None:
            raise Refused("not-acceptable")
        if joins is not None and seat is not None and seat.nick == nick:
            del self.seats[nick]  # lost its synchronisation: it gets everything again (section 7.1)
            seat = None
        if seat is None:
            self._join(element, joins, sender, nick, extra)
        elif nick != seat.nick:
            seat.extra = seat.extra if self.keeps_presence else extra
            self.rename(seat.nick, nick)
        else:
            seat.extra = extra
            self._show(seat, id_=element.get("id", ""))

    def _join(self, element: Element, x: Any, sender: str, nick: str, extra: str) -> None:
        self.joins.append((sender, nick))
        affiliation = self.affiliations.get(_bare(sender), "none")
        if affiliation == "outcast":
            raise Refused("forbidden", "auth")
        if self.members_only and affiliation == "none":
            raise Refused("registration-required", "auth")
        if self.password and x.findtext(f"{{{MUC}}}password") != self.password:
            raise Refused("not-authorized", "auth")
        if len(self.seats) >= self.most:
            raise Refused("service-unavailable", "wait")
        codes = ["110"]
        assigned = self.rewrites(nick)
        if assigned != nick:
            codes.append("210")
        if self.locked:
            codes.append("201")
        seat = Seat(assigned, sender, affiliation=affiliation, role=self._role(affiliation), extra=extra)
        for other in self.seats.values():
            self._soon(self._presence_xml(other, seat))
        self.seats[assigned] = seat
        self._show(seat, codes=codes, id_=element.get("id", ""))
        self._tell_history(seat, x.find(f"{{{MUC}}}history"))
        by, subject = self.subject
        source = f"{self.address}/{by}" if by else self.address
        self._soon(
            f"<message type='groupchat' from={quoteattr(source)} to={quoteattr(sender)}><subject>{subject}</subject></message>"
        )

    def _tell_history(self, seat: Seat, wish: Element | None) -> None:
        lines = self.history
        if wish is not None and wish.get("maxstanzas") == "0":
            lines = []
        if wish is not None and wish.get("since"):
            since = milliseconds(wish.get("since", "")) or 0
            lines = [line for line in lines if line[0] >= since]
        for at, nick, payload in lines[-20:]:
            delay = f"<delay xmlns='urn:xmpp:delay' from='{self.address}' stamp='{stamp(at)}'/>"
            self._soon(
                f"<message type='groupchat' from={quoteattr(f'{self.address}/{nick}')} to={quoteattr(seat.jid)}"
                f"{payload.replace('</message>', delay + '</message>')}"
            )

    def _message(self, element: Element, sender: str, nick: str) -> None:
        seat = self._seat_of(sender)
        if seat is None:
            raise Refused("not-acceptable")
        refused = self.refuses(element)
        if refused is not None:
            raise refused
        if nick:
            return  # a private message to somebody of another domain
        if self.moderated and seat.role == "visitor":
            raise Refused("forbidden", "auth")
        payload = "".join(_text(child) for child in element)
        if element.find(f"{{{NS}}}subject") is not None and element.find(f"{{{NS}}}body") is None:
            self.subject = (seat.nick, element.findtext(f"{{{NS}}}subject", ""))
        self._numbers += 1
        keep = element.find(f"{{{NS}}}body") is not None
        self._broadcast(seat.nick, payload, id_=element.get("id", ""), sid=f"sid-{self._numbers}", keep=keep)

    def _outcasts(self, item: Element, sender: str) -> str:
        seat = self._seat_of(sender)
        if seat is None or seat.affiliation not in ("admin", "owner"):
            raise Refused("forbidden", "auth")
        wanted = item.get("affiliation")
        listed = (jid for jid, affiliation in self.affiliations.items() if affiliation == wanted)
        items = "".join(f"<item jid={quoteattr(jid)} affiliation='{wanted}'/>" for jid in listed)
        return f"<query xmlns='{ADMIN}'>{items}</query>"

    def _administer(self, item: Element, sender: str) -> str:
        if item.get("role") == "none":
            self._must(sender, "moderator")
            nick = item.get("nick", "")
            if nick not in self.seats:
                raise Refused("item-not-found")
            seat = self._seat_of(sender)
            self.kick(nick, reason=item.findtext(f"{{{ADMIN}}}reason", ""), actor=seat.nick if seat else "")
            return ""
        seat = self._seat_of(sender)
        if seat is None or seat.affiliation not in ("admin", "owner"):
            raise Refused("forbidden", "auth")
        self.affiliations[item.get("jid", "")] = item.get("affiliation", "none")
        if item.get("affiliation") == "outcast":
            for other in [s for s in self.seats.values() if _bare(s.jid) == item.get("jid")]:
                self.kick(other.nick, "301")
        return ""

    def _search(self, query: Element, sender: str) -> str:
        rsm = "{http://jabber.org/protocol/rsm}"
        start = next(
            (milliseconds(f[0].text or "") for f in query.iter("{jabber:x:data}field") if f.get("var") == "start"), 0
        )
        after = query.findtext(f"{rsm}set/{rsm}after")
        most = int(query.findtext(f"{rsm}set/{rsm}max") or 10)
        ids = [id_ for id_, _, _ in self.archive]
        begin = ids.index(after) + 1 if after in ids else 0
        found = [line for line in self.archive[begin:] if line[1] >= (start or 0)]
        for id_, at, message in found[:most]:
            self._soon(
                f"<message from='{self.address}' to={quoteattr(sender)}><result xmlns='{MAM}' id='{id_}' "
                f"queryid={quoteattr(query.get('queryid', ''))}><forwarded xmlns='urn:xmpp:forward:0'>"
                f"<delay xmlns='urn:xmpp:delay' stamp='{stamp(at)}'/>{message}</forwarded></result></message>"
            )
        complete = "true" if len(found) <= most else "false"
        last = f"<last>{found[:most][-1][0]}</last>" if found else ""
        return (
            f"<fin xmlns='{MAM}' complete='{complete}'><set xmlns='http://jabber.org/protocol/rsm'>{last}</set></fin>"
        )

    # -- telling

    def _broadcast(self, nick: str, payload: str, *, id_: str, sid: str, keep: bool) -> None:
        seat = self.seats.get(nick)
        marks = f"<stanza-id xmlns='{SID}' id='{sid}' by='{self.address}'/>" if SID in self.features else ""
        if OCCUPANT_ID in self.features and seat is not None:
            marks += self._occupant_id(seat)
        attr = f" id={quoteattr(id_)}" if id_ else ""
        tail = f" {attr}>{payload}{marks}</message>"
        if keep:
            now = self.stream.clock.now()
            self.history.append((now, nick, tail))
            source = quoteattr(f"{self.address}/{nick}")
            self.archive.append((sid, now, f"<message xmlns='jabber:client' type='groupchat' from={source}{tail}"))
        self._to_all(
            lambda to: (
                f"<message type='groupchat' from={quoteattr(f'{self.address}/{nick}')} to={quoteattr(to.jid)}{tail}"
            )
        )

    def _show(self, seat: Seat, *, codes: Iterable[str] = ("110",), id_: str = "") -> None:
        self._to_all(lambda to: self._presence_xml(seat, to, codes=codes if to is seat else (), id_=id_))

    def _show_gone(
        self, seat: Seat, *, codes: Iterable[str] = (), item: str = "", inner: str = "", extra: str = ""
    ) -> None:
        def text(to: Seat) -> str:
            all_codes = "".join(f"<status code='{c}'/>" for c in ([*codes, "110"] if to is seat else codes))
            jid = f" jid={quoteattr(seat.jid)}" if self._sees_jids(to) else ""
            return (
                f"<presence type='unavailable' from={quoteattr(f'{self.address}/{seat.nick}')} to={quoteattr(to.jid)}>{extra}"
                f"<x xmlns='{USER}'><item affiliation='{seat.affiliation}' role='none'{jid}{item}>{inner}</item>{all_codes}</x>"
                "</presence>"
            )

        self._to_all(text, also=seat)

    def _presence_xml(self, seat: Seat, to: Seat, *, codes: Iterable[str] = (), id_: str = "") -> str:
        jid = f" jid={quoteattr(seat.jid)}" if self._sees_jids(to) else ""
        marks = "".join(f"<status code='{code}'/>" for code in codes)
        mark = self._occupant_id(seat) if OCCUPANT_ID in self.features else ""
        attr = f" id={quoteattr(id_)}" if id_ else ""
        return (
            f"<presence from={quoteattr(f'{self.address}/{seat.nick}')} to={quoteattr(to.jid)}{attr}>{seat.extra}{mark}"
            f"<x xmlns='{USER}'><item affiliation='{seat.affiliation}' role='{seat.role}'{jid}/>{marks}</x></presence>"
        )

    def _to_all(self, text: Callable[[Seat], str], also: Seat | None = None) -> None:
        seats = list(self.seats.values())
        if also is not None and also not in seats:
            seats.append(also)
        for seat in self._ours(seats):
            self._soon(text(seat))

    def _soon(self, text: str) -> None:
        if not self.mute:
            self.stream.soon(text)

    def _ours(self, seats: Iterable[Seat]) -> list[Seat]:
        return [seat for seat in seats if _bare(seat.jid).rpartition("@")[2] == self.stream.domain]

    def _sees_jids(self, to: Seat) -> bool:
        return not self.anonymous or to.role == "moderator"

    def _passes(self, child: Element) -> bool:
        return not self.strips or child.tag.startswith(f"{{{NS}}}")

    @staticmethod
    def _occupant_id(seat: Seat) -> str:
        return f"<occupant-id xmlns='{OCCUPANT_ID}' id='oid-{_bare(seat.jid).partition('@')[0]}'/>"

    def _role(self, affiliation: str) -> str:
        if affiliation in ("admin", "owner"):
            return "moderator"
        return "visitor" if self.moderated and affiliation == "none" else "participant"

    def _seat_of(self, jid: str) -> Seat | None:
        return next((seat for seat in self.seats.values() if seat.jid == jid), None)

    def _must(self, sender: str, role: str) -> None:
        seat = self._seat_of(sender)
        if seat is None or seat.role != role:
            raise Refused("forbidden", "auth")


def _text(element: Element) -> str:
    return ET.tostring(element, "unicode")
