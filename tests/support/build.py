"""One-line builders of values: ``posted("hi", by="juliet")`` is a whole event, with every id it must have.

A room is written as in the configuration (``"left:#a"``); people and events belong to its network. Ids are counted, so that two
calls never make the same fact by accident; a test that needs a certain id gives it.
"""

import itertools
from collections.abc import Iterable
from typing import Any

from bridge.core.content import Content, Kind
from bridge.core.deliveries import AsBridge, AsPuppet, AsRelay, Edit, Head, Post, React, Retract, SetTopic, Voice
from bridge.core.events import (
    Cause,
    DirectPosted,
    Member,
    MemberJoined,
    MemberLeft,
    MemberRenamed,
    MembersListed,
    MessageEdited,
    MessagePosted,
    MessageRetracted,
    Origin,
    PuppetJoined,
    PuppetLeft,
    ReactionsChanged,
    RoomClosed,
    RoomOpened,
    TopicChanged,
    TypingChanged,
)
from bridge.core.ids import (
    DeliveryKey,
    EventKey,
    MessageId,
    MessageRef,
    Network,
    Person,
    PersonId,
    Room,
    RoomId,
    digest,
)
from tests.support.clock import START

ROOM = "left:#a"
_numbers = itertools.count(1)


def room(text: str = ROOM) -> Room:
    """Read ``network:id``."""
    network, _, name = text.partition(":")
    return Room(Network(network), RoomId(name))


def person(name: str, network: str = "left") -> Person:
    """Name somebody by the lower-case form of their nick."""
    return Person(Network(network), PersonId(name.lower()))


def member(name: str, network: str = "left", **fields: Any) -> Member:
    """Make a member of a room whose nick is the name."""
    return Member(person=person(name, network), name=name, **fields)


def content(text: str, **fields: Any) -> Content:
    """Say something plain."""
    return Content(text=text, **fields)


def origin(at_room: str = ROOM, *, key: str = "", at: int = START, **fields: Any) -> Origin:
    """Say where and when; the key is new unless it is given."""
    return Origin(room=room(at_room), key=EventKey(key or f"e{next(_numbers)}"), at=at, **fields)


def _who(by: str | Member, where: str) -> Member:
    return by if isinstance(by, Member) else member(by, room(where).network)


def posted(
    text: str,
    by: str | Member = "juliet",
    *,
    where: str = ROOM,
    id: str = "",  # noqa: A002 - what the field is called
    key: str = "",
    reply_to: str = "",
    aliases: Iterable[str] = (),
    kind: Kind = Kind.TEXT,
    replayed: bool = False,
    via: tuple[str, ...] = (),
    at: int = START,
) -> MessagePosted:
    """Somebody says something; without ``key`` the id is also what makes the fact unique."""
    name = id or f"m{next(_numbers)}"
    return MessagePosted(
        origin=origin(where, key=key or name, replayed=replayed, via=via, at=at),
        sender=_who(by, where),
        id=MessageId(name),
        content=content(text, kind=kind),
        aliases=tuple(MessageId(alias) for alias in aliases),
        reply_to=MessageId(reply_to) if reply_to else None,
    )


def edited(target: str, text: str, by: str | Member = "juliet", *, where: str = ROOM, key: str = "") -> MessageEdited:
    """Somebody corrects a message."""
    return MessageEdited(
        origin=origin(where, key=key), sender=_who(by, where), target=MessageId(target), content=content(text)
    )


def retracted(
    target: str, by: str | Member = "juliet", *, where: str = ROOM, moderated: bool = False
) -> MessageRetracted:
    """Somebody takes a message back."""
    return MessageRetracted(origin=origin(where), sender=_who(by, where), target=MessageId(target), moderated=moderated)


def reacted(target: str, *reactions: str, by: str | Member = "juliet", where: str = ROOM) -> ReactionsChanged:
    """Somebody reacts to a message."""
    return ReactionsChanged(origin=origin(where), sender=_who(by, where), target=MessageId(target), reactions=reactions)


def topic(text: str, by: str | Member | None = "juliet", *, where: str = ROOM) -> TopicChanged:
    """Somebody sets the topic."""
    return TopicChanged(origin=origin(where), topic=text, sender=_who(by, where) if by else None)


def direct(text: str, by: str | Member = "juliet", *, to: Person, where: str = "left:romeo") -> DirectPosted:
    """Somebody says something to one person of another network."""
    name = f"m{next(_numbers)}"
    return DirectPosted(
        origin=origin(where, key=name),
        sender=_who(by, where),
        to=to,
        id=MessageId(name),
        content=content(text),
    )


def listed(*names: str | Member, where: str = ROOM) -> MembersListed:
    """Everybody who is in a room."""
    return MembersListed(origin=origin(where), members=tuple(_who(name, where) for name in names))


def joined(who: str | Member, *, where: str = ROOM) -> MemberJoined:
    """Somebody comes in, or changes."""
    return MemberJoined(origin=origin(where), member=_who(who, where))


def left(
    who: str | Member, *, where: str = ROOM, cause: Cause = Cause.LEFT, reason: str = "", actor: str = ""
) -> MemberLeft:
    """Somebody goes."""
    return MemberLeft(origin=origin(where), member=_who(who, where), cause=cause, reason=reason, actor=actor)


def renamed(old: str | Member, new: str | Member, *, where: str = ROOM) -> MemberRenamed:
    """Somebody changes their nick; given two names, their id follows it."""
    return MemberRenamed(origin=origin(where), old=_who(old, where), member=_who(new, where))


def opened(where: str = ROOM) -> RoomOpened:
    """Let the listener be in."""
    return RoomOpened(origin=origin(where))


def closed(where: str = ROOM, *, cause: Cause = Cause.LOST, final: bool = False) -> RoomClosed:
    """Let the listener be out."""
    return RoomClosed(origin=origin(where), cause=cause, final=final)


def puppet_joined(who: Person, name: str = "", *, where: str) -> PuppetJoined:
    """Let a stand-in be in."""
    return PuppetJoined(origin=origin(where), person=who, name=name or who.id)


def puppet_left(
    who: Person, *, where: str, cause: Cause = Cause.LEFT, final: bool = False, reason: str = "", actor: str = ""
) -> PuppetLeft:
    """Let a stand-in be out."""
    return PuppetLeft(origin=origin(where), person=who, cause=cause, final=final, reason=reason, actor=actor)


def typing(who: str | Member = "juliet", *, where: str = ROOM, active: bool = True) -> TypingChanged:
    """Somebody composes."""
    return TypingChanged(origin=origin(where), sender=_who(who, where), active=active)


def as_puppet(name: str = "juliet", network: str = "left") -> AsPuppet:
    """Speak through somebody's own stand-in."""
    return AsPuppet(member=member(name, network))


def as_relay(name: str = "juliet", network: str = "left") -> AsRelay:
    """Speak for somebody through the shared connection."""
    return AsRelay(member=member(name, network))


def head(
    to: str = "right:#b", *, voice: Voice | None = None, source: str = ROOM, event: str = "", at: int = START
) -> Head:
    """Begin a delivery to a room."""
    cause = EventKey(event or f"e{next(_numbers)}")
    return Head(
        key=DeliveryKey(digest(to, source, cause)),
        room=room(to),
        voice=voice or as_puppet(),
        source=room(source),
        event=cause,
        at=at,
        via=("test",),
    )


def post(text: str, to: str = "right:#b", *, voice: Voice | None = None, of: str = "", **fields: Any) -> Post:
    """Order a message."""
    name = of or f"m{next(_numbers)}"
    return Post(
        head=head(to, voice=voice, event=name),
        message=MessageRef(room(ROOM), MessageId(name)),
        content=content(text),
        **fields,
    )


def edit(of: str, text: str, to: str = "right:#b", **fields: Any) -> Edit:
    """Order a correction."""
    ref = MessageRef(room(ROOM), MessageId(of))
    return Edit(head=head(to), target=ref, content=content(text), **fields)


def retract(of: str, to: str = "right:#b", **fields: Any) -> Retract:
    """Order a retraction."""
    return Retract(head=head(to), target=MessageRef(room(ROOM), MessageId(of)), **fields)


def react(of: str, *reactions: str, to: str = "right:#b", **fields: Any) -> React:
    """Order reactions."""
    return React(head=head(to), target=MessageRef(room(ROOM), MessageId(of)), reactions=reactions, **fields)


def set_topic(text: str, to: str = "right:#b") -> SetTopic:
    """Order a topic."""
    return SetTopic(head=head(to, voice=AsBridge()), topic=text)
