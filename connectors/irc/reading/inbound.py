"""Lines to events: what the listener reads, as facts for the bridge.

Deciding only: a line comes in, the :class:`~connectors.irc.reading.channels.View` is brought up to date, events come out; there
is no socket, timer or clock here (the time is an argument). What has to be *said* because of a line (WHO after a join,
a rejoin after a kick, the answer to a CTCP VERSION) is the listener's business. Who comes and goes: ``attendance``.

Our own puppets' lines change the view and make no events: a bridge never tells itself what it said. Called by
:mod:`connectors.irc.reading.listener` for the listener's lines, by :mod:`connectors.irc.puppets.pool` for private ones to puppets.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from bridge.core.content import Content, Kind, Mention
from bridge.core.events import (
    Cause,
    DirectCopied,
    DirectPosted,
    Event,
    Member,
    MessagePosted,
    MessageRetracted,
    Origin,
    ReactionsChanged,
    RoomClosed,
    RoomOpened,
    TopicChanged,
    TypingChanged,
)
from bridge.core.ids import EventKey, MessageId, Person, Room, RoomId, digest
from bridge.core.text import clean
from connectors.irc.connection import ctcp
from connectors.irc.connection.marks import REACT, REPLY, TYPING, UNREACT, VIA
from connectors.irc.connection.wire import Line
from connectors.irc.reading.attendance import Attendance, plain, readable
from connectors.irc.reading.channels import Channel, User, View
from connectors.irc.reading.moments import moment
from connectors.irc.reading.plainwords import PlainWords
from connectors.irc.speaking import formatting

HISTORIES = frozenset({"chathistory", "znc.in/playback"})
"""Batches in which a server or bouncer tells again what was said."""
_ADDRESSED = re.compile(r"([^\s:,]+)[:,](?:\s|$)")
_REACTIONS = 2000
"""Sets of reactions that are remembered: the network tells changes, the bridge wants to know the whole set."""


class Batches:
    """The open batches of one connection (IRCv3 batch)."""

    __slots__ = ("_open",)

    def __init__(self) -> None:
        self._open: dict[str, tuple[str, str]] = {}  # reference to (type, outer reference)

    def note(self, line: Line) -> None:
        """Take a BATCH line."""
        reference = line.param(0)
        if reference.startswith("+"):
            self._open[reference[1:]] = (line.param(1), line.tags.get("batch", ""))
        else:
            self._open.pop(reference[1:], None)
            self._open = self._open or {}  # one that was emptied is as large as it was full

    def around(self, line: Line) -> Iterator[str]:
        """Yield the types of the batches that a line is in, inner ones first."""
        reference = line.tags.get("batch", "")
        for _ in range(4):  # deeper nesting is nonsense, and a ring would have no end
            if reference not in self._open:
                return
            kind, reference = self._open[reference]
            yield kind


class _Said(Protocol):
    """Reads a line that says something, now or in a replay of history."""

    def __call__(self, line: Line, at: int, *, replayed: bool) -> Sequence[Event]: ...


class Inbound:
    """Turns the lines of one listener connection, and of puppets that read in its place, into events."""

    def __init__(self, view: View, *, puppet: Callable[[str], Person | None], run: int) -> None:
        """``puppet`` gives the person behind a folded nick of ours.

        ``run`` is different for every connection: it keeps apart what has no id of the network's own.
        """
        self.view = view
        self.attendance = Attendance(view, self._stamp, puppet)
        self.words = PlainWords(view, speaker=self._speaker, channel=self._channel, mentions=self._mentions)
        """Reads most lines by their bytes."""
        self._puppet = puppet
        self._run = run
        self._count = 0
        self._second = 0  # of the line before
        self._same: dict[str, int] = {}  # how often the same was said in this second
        self._reacted: dict[tuple[Room, MessageId, Person], tuple[str, ...]] = {}
        self._said_now: dict[str, _Said] = {
            "PRIVMSG": self._posted,
            "NOTICE": self._posted,
            "TAGMSG": self._tagged,
            "REDACT": self._redacted,
            "TOPIC": self._topic,
        }
        self._tells = self.attendance.tells
        self._notes = self.attendance.notes | {"332": self._topic_is, "333": self._topic_by}

    def read(self, line: Line, now: int, batches: "Batches") -> Sequence[Event]:
        """Return what a line means.

        ``now``, in milliseconds since the epoch, is for lines that do not carry a time; ``batches`` are those of the
        connection that the line came over.
        """
        if "time" in line.tags:
            now = moment(line.tags["time"], now)
        said = self._said_now.get(line.command)
        replayed = "batch" in line.tags and not HISTORIES.isdisjoint(batches.around(line))
        if said is not None:
            return said(line, now, replayed=replayed)
        if line.command in self._notes:
            self._notes[line.command](line)
            return ()
        if line.command == "BATCH":
            batches.note(line)
            self._same.clear()
            return ()
        if replayed:
            return ()  # who came and went then is not who is here now
        if line.command == "QUIT":
            return self.attendance.quit(line, now, split="netsplit" in batches.around(line))
        tell = self._tells.get(line.command)
        return tell(line, now) if tell is not None else ()

    def listed(self, name: str, now: int) -> list[Event]:
        """Return the state of a channel, once everything that was asked about it was answered."""
        found = self.view.find(name)
        if found is None:
            return []
        room, channel = found
        members = self.attendance.listed(channel, room, now)
        topic = self._topic_found(room, channel, now)
        ranked = self.attendance.ranked(channel, room, now)
        return [topic, members, *ranked] if topic is not None else [members, *ranked]

    def closed(self, name: str, cause: Cause, reason: str, now: int) -> list[Event]:
        """Forget a channel that nobody reads any more."""
        room = self.view.room(name)
        if self.view.channel(name) is None or room is None:
            return []
        self.view.close(name)
        return [RoomClosed(origin=self._stamp(room, now), cause=cause, reason=reason)]

    def opened(self, name: str, now: int) -> list[Event]:
        """Begin to read a channel; there is nobody in it until they are listed."""
        room = self.view.room(name)
        if room is None:
            return []
        self.view.open(name)
        return [RoomOpened(origin=self._stamp(room, now))]

    def direct(self, line: Line, to: Person, now: int) -> DirectPosted | None:
        """Read a private message to a puppet; None for CTCP, and what servers and ourselves say."""
        if "!" not in line.source or self.view.is_ours(line.nick):
            return None
        content = self._content(line)
        if content is None:
            return None
        at = moment(line.tags["time"], now) if "time" in line.tags else now
        message = self._message_id(line, at)
        room = Room(self.view.network, RoomId(self.view.fold(line.param(0))))
        return DirectPosted(
            origin=Origin(room=room, key=EventKey(message), at=at, via=_via(line)),
            sender=self.view.member(self._speaker(line)),
            to=to,
            id=message,
            content=content,
        )

    def copied(self, line: Line, person: Person, now: int) -> DirectCopied | None:
        """Read what somebody of ours has said in private by another client of theirs; None for CTCP, and what services are told."""
        content = None if line.param(0).lower().endswith("serv") else self._content(line)
        if content is None:
            return None
        at = moment(line.tags["time"], now) if "time" in line.tags else now
        message = self._message_id(line, at)
        room = Room(self.view.network, RoomId(self.view.fold(line.param(0))))
        return DirectCopied(
            origin=Origin(room=room, key=EventKey(message), at=at),
            person=person,
            to=self.view.member(self.view.meet(line.param(0))),
            id=message,
            content=content,
        )

    def own(self, line: Line, member: Member, now: int) -> MessagePosted | None:
        """Read what somebody of ours has said in a channel by another client of theirs; None for CTCP."""
        room, content = self._target(line), self._content(line)
        if room is None or content is None:
            return None
        at = moment(line.tags["time"], now) if "time" in line.tags else now
        message, reply = self._message_id(line, at), _answered(line)
        return MessagePosted(
            origin=Origin(room=room, key=EventKey(message), at=at, via=_via(line)),
            sender=member,
            id=message,
            content=content,
            reply_to=MessageId(reply) if reply else None,
        )

    def _posted(self, line: Line, at: int, *, replayed: bool) -> Sequence[Event]:
        room = self._target(line)
        if room is None or self.view.is_ours(line.nick):
            return ()
        content = self._content(line)
        if content is None:
            return ()
        message = self._message_id(line, at)
        reply = _answered(line)
        return (
            MessagePosted(
                origin=Origin(room=room, key=EventKey(message), at=at, replayed=replayed, via=_via(line)),
                sender=self.view.member(self._speaker(line)),
                id=message,
                content=content,
                reply_to=MessageId(reply) if reply else None,
            ),
        )

    def _tagged(self, line: Line, at: int, *, replayed: bool) -> Sequence[Event]:
        room = self._target(line)
        if room is None or self.view.is_ours(line.nick):
            return ()
        target = _answered(line)
        added = line.tags.get(REACT) or line.tags.get("+react") or ""
        removed = line.tags.get(UNREACT) or line.tags.get("+unreact") or ""
        if target and (added or removed):
            sender = self.view.member(self._speaker(line))
            reactions = self._react((room, MessageId(target), sender.person), added, removed)
            key = EventKey(self._message_id(line, at))
            origin = Origin(room=room, key=key, at=at, replayed=replayed, via=_via(line))
            return (ReactionsChanged(origin=origin, sender=sender, target=MessageId(target), reactions=reactions),)
        typing = line.tags.get(TYPING) or line.tags.get("+draft/typing")
        if typing and not replayed:
            sender = self.view.member(self._speaker(line))
            return (TypingChanged(origin=self._stamp(room, at), sender=sender, active=typing == "active"),)
        return ()

    def _react(self, key: tuple[Room, MessageId, Person], added: str, removed: str) -> tuple[str, ...]:
        """Return all reactions of one person to one message, after one more came and one went."""
        reactions = tuple(r for r in self._reacted.pop(key, ()) if r not in {added, removed})
        if added:
            reactions = (*reactions, added)
        self._reacted[key] = reactions
        if len(self._reacted) > _REACTIONS:
            del self._reacted[next(iter(self._reacted))]
        return reactions

    def _redacted(self, line: Line, at: int, *, replayed: bool) -> Sequence[Event]:
        room = self._target(line)
        if room is None or not line.param(1) or self.view.is_ours(line.nick):
            return ()
        key = EventKey(digest("redacted", line.param(1)))
        return (
            MessageRetracted(
                origin=Origin(room=room, key=key, at=at, replayed=replayed, via=_via(line)),
                sender=self.view.member(self._speaker(line)),
                target=MessageId(line.param(1)),
                moderated=self.view.has_op(line.param(0), line.nick),
                reason=plain(line.param(2)),
            ),
        )

    def _topic(self, line: Line, at: int, *, replayed: bool) -> Sequence[Event]:
        found = self.view.find(line.param(0))
        if found is None:
            return ()
        room, channel = found
        topic = plain(line.param(1))
        if not replayed:
            channel.topic, channel.topic_by, channel.topic_at = topic, line.nick, at // 1000
        if self.view.is_ours(line.nick):
            return ()
        sender = self.view.member(self._speaker(line)) if "!" in line.source else None
        origin = Origin(room=room, key=topic_key(topic, at // 1000), at=at, replayed=replayed)
        return (TopicChanged(origin=origin, topic=topic, sender=sender),)

    def _topic_found(self, room: Room, channel: Channel, now: int) -> TopicChanged | None:
        """Tell the topic that was there when we came; the same topic of the same time is the same fact."""
        setter = channel.topic_by.partition("!")[0]
        if not channel.topic or (setter and self.view.is_ours(setter)):
            return None
        user = self.view.user(setter)
        key = topic_key(channel.topic, channel.topic_at)
        return TopicChanged(
            origin=Origin(room=room, key=key, at=channel.topic_at * 1000 or now, replayed=True),
            topic=channel.topic,
            sender=self.view.member(user) if user is not None else None,
        )

    def _topic_is(self, line: Line) -> None:
        channel = self.view.channel(line.param(1))
        if channel is not None:
            channel.topic, channel.topic_at = plain(line.param(2)), 0

    def _topic_by(self, line: Line) -> None:
        channel = self.view.channel(line.param(1))
        if channel is not None:
            channel.topic_by = line.param(2)
            channel.topic_at = int(line.param(3)) if line.param(3).isdecimal() else 0

    def _content(self, line: Line) -> Content | None:
        """Return what a PRIVMSG or NOTICE says, None for nothing that people would read."""
        text, kind = line.param(1), Kind.NOTICE if line.command == "NOTICE" else Kind.TEXT
        hidden = ctcp.read(text)
        if hidden is not None:
            command, text = hidden
            if command != "ACTION":
                return None
            kind = Kind.ACTION
        text, spans = formatting.read(readable(text))
        text = clean(text)  # closes what directions it opens, at its end: the spans stay true
        if not text or text.isspace():
            return None
        return Content(text=text, kind=kind, spans=spans, mentions=self._mentions(text))

    def _mentions(self, text: str) -> tuple[Mention, ...]:
        """Find out who is addressed at the start of a line: ``bob: hello``."""
        addressed = _ADDRESSED.match(text)
        user = self.view.user(addressed[1]) if addressed is not None else None
        if addressed is None or user is None:
            return ()
        person = self._puppet(self.view.fold(user.nick)) if user.ours else self.view.member(user).person
        return (Mention(0, addressed.end(1), person),) if person is not None else ()

    def _speaker(self, line: Line) -> User:
        """Return who said a line, with what its tags tell about them."""
        user = self.view.meet(line.source)
        account = line.tags.get("account", user.account)
        is_bot = user.bot or "bot" in line.tags
        if account != user.account or is_bot != user.bot:
            user.account, user.bot, user.shown = account, is_bot, None
        return user

    def _message_id(self, line: Line, at: int) -> MessageId:
        """Return the network's id, else one that is the same when the same line is told again with its time."""
        given = line.tags.get("msgid")
        if given:
            return MessageId(given)
        if "time" not in line.tags:
            self._count += 1
            return MessageId(digest("line", self._run, self._count, line.source, at, line.text))
        second = at // 1000  # some histories keep no more of it
        if second != self._second:
            self._second = second
            self._same.clear()
        said = digest("line", line.nick, line.command, line.param(0), second, line.text)
        times = self._same[said] = self._same.get(said, 0) + 1
        return MessageId(said if times == 1 else digest(said, times))

    def _target(self, line: Line) -> Room | None:
        """Return the room that a message of somebody went to."""
        name = self._channel(line)
        return None if name is None else self.view.room(name)

    def _channel(self, line: Line) -> str | None:
        """Return where a message went, also if only to some of the members (``@#chan``); None for words of a server."""
        if "!" not in line.source and "." in line.source:
            return None
        name = line.param(0)
        return name.lstrip(self.view.isupport.statusmsg) if self.view.isupport.statusmsg else name

    def _stamp(self, room: Room, at: int) -> Origin:
        """Return the origin of a fact about state: its key is never looked up, only different each time."""
        self._count += 1
        return Origin(room=room, key=EventKey(digest("state", self._run, self._count)), at=at)


def topic_key(topic: str, seconds: int) -> EventKey:
    """Return one key for a topic that is seen to change, and the same one found there at the next join."""
    return EventKey(digest("topic", topic, seconds))


def _via(line: Line) -> tuple[str, ...]:
    marked = line.tags.get(VIA)
    return tuple(bridge for bridge in marked.split(",") if bridge) if marked else ()


def _answered(line: Line) -> str:
    """Return the id of the message that a line answers, "" for none."""
    return line.tags.get(REPLY) or line.tags.get("+reply") or ""
