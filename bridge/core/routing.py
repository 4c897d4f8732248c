"""What follows from a fact: which rooms are told, in whose voice, in what form. Pure, and on the way of every message.

A link is two or more rooms, any networks, several of one network if need be; what is said in one is told to all others.
A :class:`Route` holds what never changes while a link stands. It is asked with a fact and with what only the hub could
look up (:class:`Known`), and gives a :class:`Plan`. Nothing is decided twice: connectors carry out what stands here.

Not here: whether a fact is news (the hub, by key; :mod:`bridge.core.loops`), looking up messages, who is shown where
(the hub's puppets), and the ids of copies (the outbox fills them in just before sending).

Who may do what: a message is corrected by who said it, and by nobody else; it is retracted by who said it, or by whoever
the network itself says is a moderator. A target may only be looked up in the room of the fact; the hub sees to that.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, assert_never

import msgspec

from bridge.core.capabilities import Capabilities, Feature, Limit, Representation, Unit
from bridge.core.content import Content, Reply
from bridge.core.degrade import correction, fit, is_simple, unreachable_named
from bridge.core.deliveries import (
    Announce,
    AsBridge,
    AsMask,
    AsPuppet,
    AsRelay,
    Delivery,
    Edit,
    Head,
    Kick,
    Post,
    React,
    Retract,
    SetTopic,
    Tell,
    Voice,
)
from bridge.core.events import (
    Barrier,
    Cause,
    DirectPosted,
    HistoryMissed,
    Member,
    MessageEdited,
    MessagePosted,
    MessageRetracted,
    Origin,
    PuppetLeft,
    ReactionsChanged,
    Said,
    TopicChanged,
)
from bridge.core.ids import DeliveryKey, MessageRef, Person, Room, RoomId
from bridge.core.splitting import clip
from bridge.core.styling import plain

Shows = Callable[[Room, Person], bool]
"""Tells whether somebody can speak in a room through a puppet of their own."""

_EXCERPT = Limit(1000, Unit.CODE_POINTS)
_SESSION, _MASK, _RELAY = Representation.SESSION, Representation.MASK, Representation.RELAY
"""Until Python 3.12 a member of an Enum costs as much as a call: on the way of every message it is looked up once."""
_KEYS = msgspec.json.Encoder()


class End(msgspec.Struct, frozen=True, kw_only=True):
    """One room of a link, as far as deciding needs it."""

    room: Room
    capabilities: Capabilities
    puppets: bool = True  # False: the network is configured to relay
    hears: bool = True  # False: others hear in its place


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What a link lets through besides messages."""

    topic: bool = True
    kicks: bool = True
    edits: bool = True
    reactions: bool = True


class Original(msgspec.Struct, frozen=True, kw_only=True):
    """A message that a fact is about."""

    ref: MessageRef
    sender: Member | None = None  # None: not known any more
    content: Content | None = None  # as it read until now


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What the hub looked up for a fact."""

    target: Original | None = None  # of an edit, retraction or reaction
    reply: Original | None = None


class Refusal(msgspec.Struct, frozen=True):
    """A room that cannot be told, and why; for the sender."""

    room: Room
    feature: Feature


class Plan(NamedTuple):
    """What follows."""

    deliveries: tuple[Delivery, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    dropped: str = ""  # why nothing follows, for a counter: "" when that is nobody's fault


NOTHING = Known()


class _Way(NamedTuple):
    """From one room of a link to another; what can be known beforehand is."""

    end: End
    representation: Representation
    keys: "hashlib.blake2b"  # of what the delivery keys of this way have in common


class Route:
    """All ways of one link. Build anew when the link, a capability or a setting changes."""

    __slots__ = ("_ends", "_instance", "_policy", "_ways")

    def __init__(self, ends: Sequence[End], *, policy: Policy, instance: str) -> None:
        self._policy = policy
        self._instance = instance
        self._ends = tuple(ends)
        self._ways: dict[Room, tuple[_Way, ...]] = {}  # from the rooms of which something was to be told

    def plan(self, event: Said, known: Known = NOTHING, *, shows: Shows) -> Plan:
        """Return what follows from a fact in one of the link's rooms; the same for the same fact, however often."""
        if self._instance in event.origin.via:
            return Plan(dropped="loop")
        match event:
            case MessagePosted():
                return self._posted(event, known, shows)
            case MessageEdited():
                return self._edited(event, known, shows)
            case MessageRetracted():
                return self._retracted(event, known, shows)
            case ReactionsChanged():
                return self._reacted(event, known, shows)
            case TopicChanged():
                return self._topic(event, shows)
            case HistoryMissed():
                return self._missed(event)
            case DirectPosted():
                return Plan(dropped="not said in a room")
            case _:
                assert_never(event)

    def _posted(self, event: MessagePosted, known: Known, shows: Shows) -> Plan:
        origin = event.origin
        message = MessageRef(origin.room, event.id)
        reply = None if known.reply is None else quoted(known.reply)
        heads = self._heads(origin, "post", event.sender, shows)
        content = event.content
        if reply is None and not event.thread and is_simple(content):
            return Plan(tuple([Post(head=head, message=message, content=content) for head in heads]))
        return self._fitted(
            Post(head=head, message=message, content=event.content, reply=reply, thread=event.thread) for head in heads
        )

    def _edited(self, event: MessageEdited, known: Known, shows: Shows) -> Plan:
        if not self._policy.edits:
            return Plan()
        target, origin = known.target, event.origin
        heads = self._heads(origin, "edit", event.sender, shows)
        if target is None:  # too long ago: said as something new that looks like a correction
            message = MessageRef(origin.room, event.target)
            content = correction(None, event.content)
            return self._fitted(Post(head=head, message=message, content=content) for head in heads)
        if not _is_by(event.sender, target):
            return Plan(dropped="not the sender's own message")
        edits = (Edit(head=head, target=target.ref, content=event.content, previous=target.content) for head in heads)
        return self._fitted(edits)

    def _retracted(self, event: MessageRetracted, known: Known, shows: Shows) -> Plan:
        target = known.target
        if target is None:
            return Plan(dropped="target unknown")
        own = _is_by(event.sender, target)
        if not own and not event.moderated:
            return Plan(dropped="not the sender's own message")
        speaker = event.sender if own else target.sender  # a copy can be taken back by who said it
        retractions = (
            Retract(
                head=head,
                target=target.ref,
                moderated=event.moderated,
                reason=event.reason,
            )
            for head in self._heads(event.origin, "retract", speaker, shows)
        )
        return self._fitted(retractions)

    def _reacted(self, event: ReactionsChanged, known: Known, shows: Shows) -> Plan:
        if not self._policy.reactions:
            return Plan()
        target = known.target
        if target is None:
            return Plan(dropped="target unknown")
        about = quoted(target)
        reactions = (
            React(head=head, target=target.ref, reactions=event.reactions, about=about)
            for head in self._heads(event.origin, "react", event.sender, shows)
        )
        return self._fitted(reactions)

    def _topic(self, event: TopicChanged, shows: Shows) -> Plan:
        if not self._policy.topic:
            return Plan()
        heads = self._heads(event.origin, "topic", event.sender, shows)
        return self._fitted(SetTopic(head=head, topic=event.topic) for head in heads)

    def _missed(self, event: HistoryMissed) -> Plan:
        origin = event.origin
        told = f"{origin.room}: not connected {span(event.since, origin.at)}; what was said there meanwhile is missing here"
        heads = self._heads(origin, "missed", None, _nobody)
        return self._fitted(Announce(head=head, text=told) for head in heads)

    @property
    def mirrors_removals(self) -> bool:
        """Whether who is removed from one room is removed from the others."""
        return self._policy.kicks

    def ousted(self, event: PuppetLeft, own: Sequence[tuple[Room, Member]]) -> Plan:
        """Return what follows when a stand-in was removed: who it stands for is removed where they are (``own``).

        Only from a kick or a ban, and only here. Whoever left, quit, was lost or refused is not kicked anywhere, nor is
        anybody because somebody else was: a mirrored leave never turns into a kick.
        """
        if event.cause not in {Cause.KICKED, Cause.BANNED} or not self._policy.kicks:
            return Plan()
        here = {way.end.room: way for way in self._ways_from(event.origin.room)}
        by = f" by {event.actor}" if event.actor else ""
        why = f": {event.reason}" if event.reason else ""
        via = (*event.origin.via, self._instance)
        fact = _KEYS.encode(("kick", event.origin.key))
        kicks = (
            Kick(
                head=_head(here[room], event.origin, fact, AsBridge(), via),
                person=event.person,
                name=member.name,
                reason=f"{event.cause.value}{by} in {event.origin.room.id}{why}",
                ban=event.cause is Cause.BANNED or event.barrier is Barrier.BAN,
            )
            for room, member in own
            if room in here
        )
        return self._fitted(kicks)

    def _heads(self, origin: Origin, kind: str, speaker: Member | None, shows: Shows) -> list[Head]:
        """Return the head for each other room; none for a room that is not in the link."""
        via = (*origin.via, self._instance)
        fact = _KEYS.encode((kind, origin.key))
        ways = self._ways.get(origin.room) or self._ways_from(origin.room)
        return [_head(way, origin, fact, _voice(way, speaker, shows), via) for way in ways]

    def _ways_from(self, room: Room) -> tuple[_Way, ...]:
        """Return the ways from a room, () for one that is not in the link; made when they are needed: most rooms are silent."""
        ways = self._ways.get(room)
        if ways is not None or all(end.room != room for end in self._ends):
            return ways or ()
        ways = tuple([_way(room, end) for end in self._ends if end.hears and end.room != room])
        self._ways[room] = ways
        return ways

    def _fitted(self, deliveries: Iterator[Delivery]) -> Plan:
        """Fit each delivery to its network, in the order of the ways."""
        capabilities = {end.room: end.capabilities for end in self._ends}
        fitted: list[Delivery] = []
        refusals: list[Refusal] = []
        for delivery in deliveries:
            room = delivery.head.room
            left, refused = fit(delivery, capabilities[room])
            if left is not None:
                fitted.append(left)
            refusals += [Refusal(room, feature) for feature in refused]
        return Plan(tuple(fitted), tuple(refusals))


def direct(event: DirectPosted, capabilities: Capabilities, *, puppet: bool, instance: str) -> Plan:
    """Return what follows from words to one person: they are told, on their network, whose capabilities these are.

    ``puppet``: the sender has, or can have, an own connection or address there.
    """
    if instance in event.origin.via:
        return Plan(dropped="loop")
    origin, to = event.origin, event.to
    room = Room(to.network, RoomId(to.id))
    way = _way(origin.room, End(room=room, capabilities=capabilities, puppets=puppet))
    voice = _voice(way, event.sender, lambda _room, _person: puppet)
    head = _head(way, origin, _KEYS.encode(("tell", origin.key)), voice, (*origin.via, instance))
    tell = Tell(head=head, person=to, content=event.content, message=MessageRef(origin.room, event.id))
    left, refused = fit(tell, capabilities)
    return Plan(() if left is None else (left,), tuple(Refusal(room, feature) for feature in refused))


def quoted(original: Original) -> Reply:
    """Return what is known of a message that is answered; the excerpt is plain text, clipped."""
    sender, content = original.sender, original.content
    return Reply(
        to=original.ref,
        name="" if sender is None else sender.name,
        person=None if sender is None else sender.person,
        excerpt="" if content is None else clip(plain(unreachable_named(content)).text, limit=_EXCERPT, ellipsis="…"),
    )


def span(since: int, until: int) -> str:
    """Write from when to when something was, in UTC; with seconds or days only where they are needed."""
    begin, end = (datetime.fromtimestamp(at / 1000, UTC) for at in (since, until))
    clock = "%H:%M:%S" if until - since < 60_000 else "%H:%M"
    if begin.date() != end.date():
        clock = "%Y-%m-%d %H:%M"
    return f"{begin.strftime(clock)}–{end.strftime(clock)} UTC"


def _nobody(_room: Room, _person: Person) -> bool:
    return False


def _way(source: Room, end: End) -> _Way:
    """Prepare a way. The key of a delivery stands for source, target, kind and key of the fact, and for nothing else."""
    common = _KEYS.encode((source.network, source.id, end.room.network, end.room.id))
    return _Way(end, end.capabilities.representation, hashlib.blake2b(common, digest_size=16))


def _head(way: _Way, origin: Origin, fact: bytes, voice: Voice, via: tuple[str, ...]) -> Head:
    keys = way.keys.copy()
    keys.update(fact)
    return Head(
        key=DeliveryKey(keys.hexdigest()),
        room=way.end.room,
        voice=voice,
        source=origin.room,
        event=origin.key,
        at=origin.at,
        via=via,
    )


def _voice(way: _Way, speaker: Member | None, shows: Shows) -> Voice:
    """Choose how somebody is heard in a room."""
    if speaker is None:
        return AsBridge()
    representation, end = way.representation, way.end
    if representation is _MASK:
        return AsMask(member=speaker)
    if representation is _SESSION and speaker.stand_in:
        return AsRelay(member=speaker)  # no connection of ours for another bridge's puppet
    if representation is not _RELAY and not end.puppets:
        return AsRelay(member=speaker)
    # where one speaks for all, whoever has a login of their own is shown
    return AsPuppet(member=speaker) if shows(end.room, speaker.person) else AsRelay(member=speaker)


def _is_by(member: Member, original: Original) -> bool:
    """Tell whether a message is somebody's own: by id, never by nick."""
    return original.sender is not None and original.sender.person == member.person
