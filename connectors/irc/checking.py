"""``linkspan check`` for an IRC network: connect as the listener would, join each room, look, and leave again."""

import asyncio

from bridge.connector import Finding, Setup
from bridge.core.ids import Person, PersonId, RoomId
from connectors.irc.config import flood, sasl
from connectors.irc.connection.appearance import servers_for
from connectors.irc.connection.client import Connection, Failure, Identity, Kind, Line, Lost, Refused
from connectors.irc.connection.verdicts import JOIN_ERRORS, join_refused
from connectors.irc.puppets.naming import Naming, rules_of, username
from connectors.irc.reading.channels import View
from connectors.irc.reading.places import is_usable

_PATIENCE = 15.0
"""Seconds for all rooms together, once connected."""
_SILENCE = 7.0
"""Seconds for which the servers of a network, tried in turn, may say nothing, all together; but for each a second at least."""
_HINTS = {
    Kind.FORBIDDEN: "it is at an address that nobody but the configuration may name",
    Kind.AUTH: "check password, sasl_username, sasl_password and certificate",
    Kind.BANNED: "the network does not want this address or name: ask its operators",
    Kind.THROTTLED: "wait a few minutes before the next try",
    Kind.FULL: "the network allows no more connections from this address",
    Kind.NICK: "choose another nick",
    Kind.TLS: "check tls, tls_ca and tls_fingerprint, and whether the port speaks TLS",
    Kind.NETWORK: "check host, port and the network between",
    Kind.ENDED: "check whether this port speaks IRC, and whether with TLS",
    Kind.CLOSED: "the server closed the connection by itself; its words say why",
}
_WANTED = (
    "message-tags",
    "server-time",
    "echo-message",
    "labeled-response",
    "account-tag",
    "away-notify",
    "extended-join",
)
"""Capabilities without which something is missing."""


class _Look:
    """Sees what happens to one connection while it joins rooms."""

    def __init__(self, setup: Setup, rooms: list[RoomId]) -> None:
        self.setup = setup
        self.waiting = set(rooms)
        self.refused: dict[RoomId, str] = {}
        self.statuses: dict[RoomId, str] = {}  # ours
        self.done = asyncio.Event()
        self._view: View | None = None

    def up(self, connection: Connection) -> None:
        """Join everything that can be a channel."""
        fold = connection.isupport.fold
        names = {fold(room): room for room in self.waiting}
        self._view = View(
            self.setup.network, connection.isupport, me=connection.nick, rooms=lambda n: names.get(fold(n)), owns=bool
        )
        for room in sorted(self.waiting):
            if is_usable(room, connection.isupport.chantypes):
                connection.send("JOIN", room)
            else:
                self._decide(room, refused=f"{room!r} is not the name of a channel")
        self._look_whether_done()

    def down(self, connection: Connection, failure: Failure) -> None:  # noqa: ARG002 - as Owner says
        """Give up what was not decided."""
        for room in list(self.waiting):
            self._decide(room, refused=f"the connection was lost: {failure.reason}")

    def nick(self, connection: Connection, old: str, new: str) -> None:
        """Take no notice: nothing depends on it."""

    def line(self, connection: Connection, line: Line) -> None:
        """Note refusals, and our own status in the names."""
        view = self._view
        if view is None:
            return
        if line.command in JOIN_ERRORS:
            room = view.rooms(line.param(1))
            if room is not None:
                self._decide(room, refused=join_refused(room, line).reason)
        elif line.command == "353" and (room := view.rooms(line.param(2))) is not None:
            channel = view.channel(room) or view.open(room)
            for entry in line.text.split(" "):
                view.name(channel, entry)
            self.statuses[room] = view.statuses(room, connection.nick)
        elif line.command == "366" and (room := view.rooms(line.param(1))) is not None:
            self._decide(room)

    def has_op(self, room: RoomId) -> bool:
        """Tell whether we may kick in a room."""
        view = self._view
        return view is not None and view.has_op(room, view.me)

    def _decide(self, room: RoomId, *, refused: str = "") -> None:
        self.waiting.discard(room)
        if refused:
            self.refused.setdefault(room, refused)
        self._look_whether_done()

    def _look_whether_done(self) -> None:
        if not self.waiting:
            self.done.set()


async def check(setup: Setup, rooms: list[RoomId]) -> list[Finding]:
    """Return one finding for the network and one for each room."""
    settings = setup.settings
    look = _Look(setup, rooms)
    rules = rules_of(0, str.lower)
    person = Person(setup.network, PersonId(settings.nick))
    naming = Naming(settings.nick, person=person, template="{nick}", rules=rules)
    identity = Identity(
        nicks=naming.candidates,
        username=settings.username or username(settings.nick),
        realname=settings.realname or "Linkspan",
        sasl=sasl(settings),
        nickserv=str(settings.nickserv_password),
    )
    servers = servers_for(setup, None)
    connection = Connection(look, servers, identity, flood=flood(settings), encoding=settings.encoding)
    connection.patience = max(1.0, _SILENCE / len(servers))
    try:
        await connection.connect()
    except Refused as refused:
        return [Finding(str(setup.network), ok=False, detail=refused.reason, hint=_HINTS[refused.kind])]
    try:
        async with asyncio.timeout(_PATIENCE):
            await look.done.wait()
            await connection.barrier()
    except (TimeoutError, Lost):
        pass
    findings = [_network(setup, connection), *(_room(setup, look, room) for room in rooms)]
    await connection.quit(settings.quit_message)
    return findings


def _network(setup: Setup, connection: Connection) -> Finding:
    missing = [name for name in _WANTED if name not in connection.caps]
    said = [f"connected to {connection.server} as {connection.nick}"]
    if connection.account:
        said.append(f"logged in as {connection.account}")
    if missing:
        said.append(f"without {', '.join(missing)}")
    hint = "" if connection.nick == setup.settings.nick else f"the nick {setup.settings.nick} is taken"
    if connection.server.insists:
        said.append("it has asked for TLS (STS)")
        hint = hint or f"set tls = true and port = {connection.server.port}"
    return Finding(str(setup.network), ok=True, detail="; ".join(said), hint=hint)


def _room(setup: Setup, look: _Look, room: RoomId) -> Finding:
    subject = f"{setup.network}:{room}"
    if room in look.refused:
        return Finding(subject, ok=False, detail=look.refused[room], hint="ask an operator of the channel to let it in")
    if room in look.waiting:
        return Finding(subject, ok=False, detail="the server did not say whether we are in", hint="try again later")
    if look.has_op(room):
        return Finding(subject, ok=True, detail="joined, as operator: kicks and topics cross")
    hint = "make it operator of the channel if kicks should cross, or topics where only operators set them"
    return Finding(subject, ok=True, detail="joined, not as operator", hint=hint)
