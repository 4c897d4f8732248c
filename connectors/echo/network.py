"""The network itself: rooms and people in memory, and a connection for each bridge that comes.

A real connector has somebody else's server in this place, and a ``client.py`` that talks to it. This one is played by a
test or a demonstration, in verbs (``network.say("#dev", "romeo", "hello")``), and can be looked at as people see it
(``network.transcript("#dev")``). It knows nothing of bridges; whoever connects may read rooms and speak in them.
"""

import time
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import msgspec

from bridge.core.content import Content, Kind


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody on the network; ``owner`` names the connection that made them, "" for people at home here."""

    id: str
    name: str
    owner: str = ""
    away: str = ""


class Verb(StrEnum):
    """What can happen in a room."""

    SAID = "said"
    EDITED = "edited"
    RETRACTED = "retracted"
    REACTED = "reacted"
    TOPIC = "topic"
    JOINED = "joined"
    LEFT = "left"
    KICKED = "kicked"
    RENAMED = "renamed"
    TYPING = "typing"
    WHISPERED = "whispered"


SPOKEN = frozenset({Verb.SAID, Verb.EDITED, Verb.RETRACTED, Verb.REACTED, Verb.TOPIC})
"""What a room's history keeps."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened, as the network tells everybody who reads the room."""

    number: int  # counted by the network: names the line, and orders all of them
    at: int  # milliseconds since the epoch
    room: str
    verb: Verb
    by: Account
    whom: Account | None = None  # who was kicked, or whispered to; who a renamed account was before
    mask: str = ""  # the name under which it was said, if not the account's own
    content: Content | None = None
    target: str = ""  # id of the line that is edited, retracted, answered or reacted to
    text: str = ""  # topic, or reason
    reactions: tuple[str, ...] = ()
    active: bool = True  # whether somebody goes on typing
    banned: bool = False
    via: tuple[str, ...] = ()  # bridges that it came through

    @property
    def id(self) -> str:
        """Return what other lines call this one."""
        return str(self.number)


class Lost(ConnectionError):
    """The connection is gone."""


class Connection:
    """What a bridge holds: lines come in, and it acts on the network under its own account or one that it made."""

    def __init__(self, network: "EchoNetwork", name: str, on_line: Callable[[], None]) -> None:
        self.account = Account(id=f"={name}", name=name, owner=name)
        self.inbox: deque[Line] = deque()
        self.reading: set[str] = set()
        self.closed = False
        self._network = network
        self._on_line = on_line

    def tell(self, line: Line) -> None:
        """Put a line into the inbox."""
        self.inbox.append(line)
        self._on_line()

    def act(self, room: str, verb: Verb, *, by: Account | None = None, **details: Any) -> Line:
        """Do something in a room. Raises: Lost."""
        if self.closed:
            msg = "the connection was cut"
            raise Lost(msg)
        return self._network.happen(room, verb, by or self.account, **details)

    def drop(self) -> None:
        """Notice that the network has cut the connection."""
        self.closed = True
        self._on_line()

    def close(self) -> None:
        """Leave the network, with every account that was made here."""
        if not self.closed:
            self.closed = True
            self._network.disconnected(self, "the bridge left")


class _Room:
    """A room: who is there, what it is about, and what was said."""

    def __init__(self) -> None:
        self.members: dict[str, Account] = {}
        self.topic = ""
        self.log: list[Line] = []
        self.barred: dict[str, str] = {}  # names that may not come in, and why


class EchoNetwork:
    """Rooms, people, and everybody's connection."""

    def __init__(self, *, resident: str = "", now: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self.rooms: dict[str, _Room] = {}
        self.private: list[Line] = []
        self.up = True
        self._resident = resident
        self.now = now
        self._count = 0
        self._connections: dict[str, Connection] = {}

    # -- what people do

    def join(self, room: str, who: str) -> None:
        """Come into a room."""
        account = self._account(who)
        if account.id not in self.room(room).members:
            self.happen(room, Verb.JOINED, account)

    def leave(self, room: str, who: str, reason: str = "") -> None:
        """Go."""
        self.happen(room, Verb.LEFT, self._member(room, who), text=reason)

    def kick(self, room: str, who: str, *, by: str, reason: str = "", ban: bool = False) -> None:
        """Throw somebody out."""
        whom = self._member(room, who)
        if ban:
            self.bar(room, who, reason)
        self.happen(room, Verb.KICKED, self._member(room, by), whom=whom, text=reason, banned=ban)

    def rename(self, who: str, name: str) -> None:
        """Take another name, in all rooms; an account keeps its id."""
        for room, there in list(self.rooms.items()):
            before = there.members.get(who.lower())
            if before is not None:
                after = msgspec.structs.replace(before, name=name)
                self.happen(room, Verb.RENAMED, after, whom=before)

    def say(self, room: str, who: str, text: str, *, kind: Kind = Kind.TEXT, reply_to: str = "") -> str:
        """Say something, and return the line's id."""
        return self.utter(room, who, Content(text=text, kind=kind), reply_to=reply_to)

    def utter(self, room: str, who: str, content: Content, *, reply_to: str = "", via: tuple[str, ...] = ()) -> str:
        """Say something that is more than words."""
        self.join(room, who)
        line = self.happen(room, Verb.SAID, self._member(room, who), content=content, target=reply_to, via=via)
        return line.id

    def edit(self, room: str, who: str, line: str, text: str) -> None:
        """Put other words in the place of what one has said."""
        self.happen(room, Verb.EDITED, self._member(room, who), target=line, content=Content(text=text))

    def retract(self, room: str, who: str, line: str) -> None:
        """Take back what one has said."""
        self.happen(room, Verb.RETRACTED, self._member(room, who), target=line)

    def react(self, room: str, who: str, line: str, *reactions: str) -> None:
        """React to something with these, and no others."""
        self.happen(room, Verb.REACTED, self._member(room, who), target=line, reactions=reactions)

    def set_topic(self, room: str, who: str, topic: str) -> None:
        """Set the topic."""
        self.happen(room, Verb.TOPIC, self._member(room, who), text=topic)

    def type(self, room: str, who: str, *, active: bool = True) -> None:
        """Begin to type, or stop."""
        self.happen(room, Verb.TYPING, self._member(room, who), active=active)

    def whisper(self, who: str, to: str, text: str) -> str:
        """Say something to a bridge's account alone, named by the id that it has here."""
        whom = next(a for room in self.rooms.values() for a in room.members.values() if a.id == to)
        return self.happen("", Verb.WHISPERED, self._account(who), whom=whom, content=Content(text=text)).id

    # -- how it looks

    def room(self, room: str) -> _Room:
        """Return a room, which begins to exist when somebody asks for it."""
        there = self.rooms.get(room)
        if there is None:
            there = self.rooms[room] = _Room()
            if self._resident:
                there.members[self._resident.lower()] = self._account(self._resident)
        return there

    def names(self, room: str) -> list[str]:
        """Return the names of everybody in a room, but for the bridges themselves."""
        return sorted(a.name for a in self.room(room).members.values() if not a.id.startswith("="))

    def transcript(self, room: str) -> list[str]:
        """Return what was said in a room, a line each, as people read it."""
        texts = {line.id: line for line in self.room(room).log}
        return [_shown(line, texts) for line in self.room(room).log]

    def whispers(self, who: str) -> list[str]:
        """Return what was said to somebody alone."""
        return [line.content.text for line in self.private if line.whom and line.whom.id == who and line.content]

    # -- trouble

    def cut(self) -> None:
        """Lose all connections, until :meth:`restore`."""
        self.up = False
        for connection in list(self._connections.values()):
            self.disconnected(connection, "the connection was cut")
            connection.drop()

    def restore(self) -> None:
        """Let bridges connect again."""
        self.up = True

    def bar(self, room: str, name: str, reason: str) -> None:
        """Let nobody of this name into a room."""
        self.room(room).barred[name.lower()] = reason

    # -- for connections

    def connect(self, name: str, on_line: Callable[[], None]) -> Connection:
        """Come as a bridge; ``on_line`` is called whenever there is something in the inbox. Raises: Lost."""
        if not self.up:
            msg = "the network is down"
            raise Lost(msg)
        connection = self._connections[name] = Connection(self, name, on_line)
        return connection

    def disconnected(self, connection: Connection, reason: str) -> None:
        """Take out of all rooms whoever was there through this connection."""
        self._connections.pop(connection.account.owner, None)
        for room, there in self.rooms.items():
            for account in [a for a in there.members.values() if a.owner == connection.account.owner]:
                self.happen(room, Verb.LEFT, account, text=reason)

    def happen(self, room: str, verb: Verb, by: Account, **details: Any) -> Line:
        """Let something happen, and tell everybody who reads the room."""
        self._count += 1
        line = Line(number=self._count, at=self.now(), room=room, verb=verb, by=by, **details)
        if verb is Verb.WHISPERED:
            self.private.append(line)
        else:
            self._write_down(self.room(room), line)
        for connection in self._connections.values():
            if room in connection.reading or (line.whom is not None and line.whom.owner == connection.account.owner):
                connection.tell(line)
        if self._resident and verb is Verb.SAID and by.owner and line.content is not None:
            self.happen(room, Verb.SAID, self._account(self._resident), content=line.content, target=line.id)
        return line

    def _write_down(self, there: _Room, line: Line) -> None:
        _change(there, line)
        if line.verb in SPOKEN:
            there.log.append(line)

    def _account(self, who: str) -> Account:
        return Account(id=who.lower(), name=who)

    def _member(self, room: str, name: str) -> Account:
        """Find somebody in a room by name, people at home here before others."""
        there = self.room(room).members.values()
        for account in sorted(there, key=lambda each: each.owner):
            if account.name.lower() == name.lower():
                return account
        msg = f"{name} is not in {room}"
        raise LookupError(msg)


def _change(room: _Room, line: Line) -> None:
    """Change a room as a line says."""
    match line.verb:
        case Verb.JOINED | Verb.RENAMED:
            room.members[line.by.id] = line.by
        case Verb.LEFT:
            room.members.pop(line.by.id, None)
        case Verb.KICKED if line.whom is not None:
            room.members.pop(line.whom.id, None)
        case Verb.TOPIC:
            room.topic = line.text
        case _:
            pass


def _shown(line: Line, texts: dict[str, Line]) -> str:
    """Write a line as people read it."""
    name = line.mask or line.by.name
    target = texts.get(line.target)
    about = target.content.text if target is not None and target.content is not None else "?"
    text = line.content.text if line.content is not None else ""
    match line.verb:
        case Verb.SAID if line.content is not None and line.content.kind is Kind.ACTION:
            return f"* {name} {text}"
        case Verb.SAID if line.target:
            return f"{name} [to: {about}]: {text}"
        case Verb.SAID:
            return f"{name}: {text}"
        case Verb.EDITED:
            return f"{name} [instead of: {about}]: {text}"
        case Verb.RETRACTED:
            return f"{name} takes back: {about}"
        case Verb.REACTED:
            return f"{name} reacts {' '.join(line.reactions) or 'no more'} to: {about}"
        case Verb.TOPIC:
            return f"{name} sets the topic: {line.text}"
        case _:
            return f"{name} {line.verb}"
