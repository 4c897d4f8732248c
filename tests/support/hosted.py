"""Hosted rooms in memory: the XMPP connector, a gateway that links at once, and clients whose view reads like a diary.

A diary line says what one stanza means to the client that got it::

    +bob admin/moderator               somebody is here
    +juliet none/participant 100 110   ... with status codes
    -juliet 303 >julia 110             gone, to another nick
    bob: hello                         said in the room
    bob~ hello                         said in private
    # all about snakes                 the subject
    ! not-authorized                   an error
"""

from collections.abc import Collection
from typing import Any
from xml.etree.ElementTree import Element

from bridge.commands import rooms
from bridge.connector import Listed
from bridge.core.acts import Act, ActRefused, Configuration, Obstacle, Roll, Setting
from bridge.core.commands import Who
from bridge.core.events import (
    Cause,
    Member,
    MembersListed,
    Origin,
    PuppetJoined,
    PuppetLeft,
    Rank,
    RoomChanged,
    RoomOpened,
)
from bridge.core.ids import XMPP, EventKey, Network, Person, PersonId, Room, RoomId
from bridge.storage.memory import MemoryStore
from bridge.xmpp.hosted.ports import Doing
from bridge.xmpp.messages.uploads import Puts
from bridge.xmpp.ports import IqRefused, Request
from bridge.xmpp.wire.errors import refusal
from tests.support.clock import quiet
from tests.support.commands import known
from tests.support.muc import NS, USER, xml
from tests.support.xmpp_connector import Bridge, remote

IRC = Network("irc")
REMOTE = Room(IRC, RoomId("#python"))
ROOM = "#python%irc@bridge.localhost"
DESK, PHONE, ROMEO = "juliet@home.example/desk", "juliet@home.example/phone", "romeo@home.example/lute"
_P = f"{{{NS}}}"


class Gate:
    """A :class:`bridge.xmpp.hosted.ports.Gateway`: channels of ``irc``, where people are themselves, and chats of ``tg``."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self.opened: list[tuple[str, str]] = []  # room and password
        self.closed: list[str] = []
        self.denied: set[str] = set()
        self.is_full = False
        self.most_stays = 100
        self.visited: list[Network] = []
        self.slow: set[Doing] = set()
        self.asked: list[
            tuple[str, int, int]
        ] = []  # who wanted in: how many rooms they held, how many users there were
        self.here: dict[Person, str] = {}
        self.known = False
        self.stay = False
        self.painted = ""  # what the channel's picture is called
        self.forgetful = False  # nothing is kept
        self.away_for = 0.0
        self.acts: list[tuple[str, Act]] = []
        self.obstacle: Obstacle | None = None
        self.configured = Configuration()
        self.fixed: Network | None = IRC

    def find(self, name: str, network: Network | None) -> Room | None:
        network = network or self.fixed
        if network is None or not name.startswith({"irc": "#", "tg": "-"}.get(network, "?")):
            return None
        return Room(network, RoomId(name))

    def title(self, remote: Room) -> str:
        return {"-5": "Verona"}.get(remote.id, remote.id)

    def refuses(self, user: str, network: Network | None) -> str:
        return "you may not use this gateway" if user in self.denied else ""

    def refuses_contact(self, user: str, network: Network) -> str:
        return self.refuses(user, network)

    def bounds(self, user: Person, remote: Room, held: Collection[Room], users: int) -> str:
        self.asked.append((user.id.partition("@")[0], len(held), users))
        return "you are in too many rooms" if self.is_full else ""

    def visit(self, network: Network) -> None:
        self.visited.append(network)

    def bounds_stays(self, held: int) -> str:
        return f"you stay in {held} rooms" if held >= self.most_stays else ""

    def hurries(self, user: str, doing: Doing, room: str = "") -> str:
        return "too many: wait" if doing in self.slow else ""

    @property
    def persistent(self) -> bool:
        return self.stay

    def keeps(self, network: Network) -> bool:
        return not self.forgetful

    @property
    def detach(self) -> float:
        return self.away_for

    def sessions(self, network: Network) -> bool:
        return network == IRC

    def open(self, hosted: RoomId, remote: Room, *, password: str = "") -> None:
        self.opened.append((hosted, password))
        self._bridge.connector.listen(hosted)

    def close(self, hosted: RoomId) -> None:
        self.closed.append(hosted)
        self._bridge.connector.unlisten(hosted)

    def present(self, remote: Room, user: Person) -> str:
        return self.here.get(user, "")

    def no(self, obstacle: Obstacle) -> ActRefused:
        return ActRefused(obstacle, "no")

    async def moderate(self, remote: Room, by: Person, act: Act) -> None:
        if self.obstacle is not None:
            raise self.no(self.obstacle)
        self.acts.append((by.id.partition("@")[0], act))

    async def roll(self, remote: Room, by: Person, roll: Roll) -> list[tuple[str, str]]:
        return {Roll.BANNED: [("*!*@evil.example", "bob")], Roll.INVITED: [("carol!*@*", "bob")]}[roll]

    async def rooms(self, network: Network, by: Person) -> list[Listed]:
        if self.obstacle is not None:
            raise ActRefused(self.obstacle, "no")
        return [Listed(room=RoomId(f"#c{number}"), members=number, topic="t" * (number % 2)) for number in range(7)]

    def configuration(self, remote: Room) -> Configuration:
        return self.configured

    def picture(self, remote: Room) -> str:
        return self.painted

    def is_listed(self, remote: Room) -> bool:
        return self.known


class HostedBridge(Bridge):
    """A connector without joined rooms, whose gateway is :class:`Gate`."""

    def __init__(self, *, logged: bool = False, puts: Puts | None = None) -> None:
        """Make one; ``logged`` with an archive, for which whoever joins has to wait (:meth:`joined`)."""
        super().__init__(listen=False, puts=puts)
        self.hub.own = self.connector.open_file
        self.gate = Gate(self)
        self.archive = MemoryStore(now=self.clock.now)
        self.connector.host(self.gate, self.archive if logged else None)
        commands = known(
            *rooms.offers(self.connector.hosting.stays, self.connector.hosting.exports), networks=("irc", "tg")
        )
        self.connector.know_commands(commands, lambda _: Who.USER)
        self._count = 0

    # what clients do

    def presence(self, client: str, to: str, inner: str = "", *, kind: str = "", id_: str = "") -> None:
        attrs = (f" type='{kind}'" if kind else "") + (f" id='{id_}'" if id_ else "")
        self.stream.deliver(f"<presence from='{client}' to='{to}'{attrs}>{inner}</presence>")

    def join(self, client: str, nick: str, inner: str = "", *, room: str = ROOM, more: str = "") -> None:
        self.presence(
            client, f"{room}/{nick}", f"<x xmlns='http://jabber.org/protocol/muc'>{inner}</x>{more}", id_="j1"
        )

    async def joined(self, client: str, nick: str, inner: str = "") -> list[str]:
        """Join, let IRC agree, and return what the client saw."""
        self.join(client, nick, inner)
        await quiet()
        self.listed(remote("bob", rank=Rank.ADMIN))
        self.arrives(client, nick)
        return self.diary(client)

    def say(
        self, client: str, text: str, *, to: str = ROOM, kind: str = "groupchat", more: str = "", id_: str = "m1"
    ) -> None:
        self.stream.deliver(
            f"<message from='{client}' to='{to}' type='{kind}' id='{id_}'><body>{text}</body>{more}</message>"
        )

    async def ask(self, client: str, to: str, payload: str, *, kind: str = "get") -> str:
        """Ask with an IQ; returns the result's payload, or ``! condition``."""
        element = xml(payload)
        described = self.connector.directory.describe(to.partition("/")[0].rpartition("@")[0])
        if described is None:
            return "! item-not-found"
        request = Request(kind=kind, sender=client, to=to, id="q1", payload=element, described=described)
        answer = self.stream.answers.get((kind, element.tag))
        if answer is None:
            return "! service-unavailable"
        try:
            answered = answer(request)
            return answered if isinstance(answered, str) else await answered
        except IqRefused as refused:
            return f"! {refused.condition}"

    # what IRC does

    def origin(self) -> Origin:
        self._count += 1
        return Origin(room=REMOTE, key=EventKey(f"far {self._count}"), at=self.clock.now())

    def arrives(self, client: str, name: str, rank: Rank = Rank.MEMBER) -> None:
        """Let somebody's puppet be in the channel, or have another nick or rank there."""
        person = Person(XMPP, PersonId(client.partition("/")[0]))
        self.connector.follow(RoomId(ROOM), PuppetJoined(origin=self.origin(), person=person, name=name, rank=rank))

    def departs(self, client: str, cause: Cause, reason: str = "", *, final: bool = True, **fields: Any) -> None:
        """Let somebody's puppet be out of the channel."""
        person = Person(XMPP, PersonId(client.partition("/")[0]))
        left = PuppetLeft(origin=self.origin(), person=person, cause=cause, reason=reason, final=final, **fields)
        self.connector.follow(RoomId(ROOM), left)

    def listed(self, *members: Member) -> None:
        """Show everybody, and say that this is everybody."""
        self.connector.follow(RoomId(ROOM), RoomOpened(origin=self.origin()))
        for member in members:
            self.connector.join(RoomId(ROOM), member)
        self.connector.follow(RoomId(ROOM), MembersListed(origin=self.origin(), members=members))

    def configure(self, settings: dict[Setting, bool], **more: Any) -> None:
        """Let the channel be something else."""
        self.gate.configured = Configuration(settings=settings, **more)
        self.connector.follow(RoomId(ROOM), RoomChanged(origin=self.origin()))

    def inside(self, *clients: str) -> None:
        """Have bob, an operator, in the channel, and these clients in the room under the names of their users."""
        for client in clients:
            self.join(client, client.partition("@")[0])
        self.listed(remote("bob", rank=Rank.ADMIN))
        for client in clients:
            self.arrives(client, client.partition("@")[0])
        self.stream.sent.clear()
        self.hub.events.clear()

    # what clients see

    def diary(self, client: str) -> list[str]:
        """Return what a client got since it was asked last."""
        got = [element for element in self.stream.sent if element.get("to") == client]
        self.stream.sent = [element for element in self.stream.sent if element.get("to") != client]
        return [entry(element) for element in got]


def entry(element: Element) -> str:
    """Return what a stanza says, on a line."""
    if element.get("type") == "error":
        refused = refusal(element)
        return f"! {refused.condition}"
    nick = element.get("from", "").partition("/")[2]
    if element.tag == f"{_P}presence":
        return _presence(element, nick)
    subject, body = element.findtext(f"{_P}subject"), element.findtext(f"{_P}body")
    if subject is not None:
        return f"# {subject}" + (f" ({nick})" if nick else "")
    if body is None:
        return f"{nick} <{element[0].tag.rpartition('}')[2]}>"
    return f"{nick}{':' if element.get('type') == 'groupchat' else '~'} {body}"


def _presence(element: Element, nick: str) -> str:
    item = element.find(f".//{{{USER}}}item")
    assert item is not None
    codes = " ".join(sorted(el.get("code", "") for el in element.iter(f"{{{USER}}}status")))
    new = f">{item.get('nick')}" if item.get("nick") else ""
    actor = item.find(f"{{{USER}}}actor")
    by = f"by {actor.get('nick')}" if actor is not None else ""
    why = item.findtext(f"{{{USER}}}reason") or element.findtext(f"{_P}status") or ""
    show = element.findtext(f"{_P}show") or ""
    sign = "-" if element.get("type") == "unavailable" else "+"
    standing = f"{item.get('affiliation')}/{item.get('role')}" if sign == "+" else ""
    words = [f"{sign}{nick}", standing, show, new, codes, by, f'"{why}"' if why else ""]
    return " ".join(word for word in words if word)


__all__ = ["DESK", "IRC", "PHONE", "REMOTE", "ROMEO", "ROOM", "Gate", "HostedBridge", "entry", "remote"]
