"""What happens in a room, as an endpoint is told: our own JSON, version 1, whose schema is published.

The envelope is that of Standard Webhooks ("Payload structure"): ``type``, ``timestamp``, ``data``. Fields may be added; none
is taken away or changes its meaning within a version. What is empty is left out. Pure; called by :mod:`.outbound`.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal, assert_never

import msgspec

from bridge.core.content import Content
from bridge.core.deliveries import (
    About,
    Announce,
    AsBridge,
    Delivery,
    Edit,
    GivenUp,
    Head,
    Kick,
    NetworkIs,
    Post,
    React,
    Retract,
    SetTopic,
    Tell,
)
from bridge.core.events import Member, MemberJoined, MemberLeft, MemberRenamed
from bridge.core.ids import MessageRef, Room
from connectors.webhook.marking import markdown


class Told(StrEnum):
    """What an endpoint can be told of."""

    MESSAGE = "message"
    EDIT = "edit"
    RETRACTION = "retraction"
    REACTION = "reaction"
    TOPIC = "topic"
    JOIN = "join"
    LEAVE = "leave"
    RENAME = "rename"
    FAILURE = "failure"  # something did not arrive in a room of the link
    STATE = "state"  # a network of the link is up, down or something between
    NOTICE = "notice"  # what the bridge itself says


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A room."""

    network: str
    id: str


class Who(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody."""

    network: str
    id: str
    name: str
    avatar: str = ""
    bot: bool = False


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """A message, by where it was said and what it is called there: the same in all that is told of it."""

    network: str
    room: str
    id: str


class File(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file of a message."""

    url: str
    name: str = ""
    media_type: str = ""
    size: int | None = None
    description: str = ""


class Answered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The message that a message answers."""

    message: Reference
    name: str = ""
    text: str = ""  # the beginning of it


class Words(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is said."""

    text: str  # without any marks
    markdown: str = ""  # where it has styles
    kind: Literal["text", "action", "notice"] = "text"
    files: tuple[File, ...] = ()


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """What did not arrive."""

    room: Place  # where it did not arrive
    reason: str
    certain: bool  # false: it may have arrived


class State(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a network is."""

    network: str
    status: str
    before: str = ""
    detail: str = ""


class Data(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happened."""

    room: Place  # where
    sender: Who | None = None  # who did it; of a join, leave or rename whom it is about
    message: Reference | None = None  # the message that is new, or that this is about
    content: Words | None = None
    previous: str = ""  # of an edit: what it said before, where known
    reply: Answered | None = None
    reactions: tuple[str, ...] | None = None  # all that the sender has on the message now; empty: none any more
    topic: str | None = None
    moderated: bool = False  # of a retraction: a moderator did it
    reason: str = ""
    renamed_from: str = ""
    failure: Failure | None = None
    state: State | None = None


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened: the body of a request."""

    type: Told
    timestamp: str  # when it happened: ISO 8601, UTC
    id: str  # the same as the header webhook-id, however often it is sent
    data: Data
    version: Literal[1] = 1


def happening(delivery: Delivery) -> Happening | None:
    """Return what an endpoint is told by a delivery; None for what is meant for somebody else."""
    head = delivery.head
    match delivery:
        case Post():
            return _said(delivery)
        case Edit(target=target, content=content, previous=previous):
            data = _data(head, message=_reference(target), content=_words(content))
            return _made(Told.EDIT, head, msgspec.structs.replace(data, previous=previous.text if previous else ""))
        case Retract(target=target, moderated=moderated, reason=reason):
            data = _data(head, message=_reference(target), reason=reason)
            return _made(Told.RETRACTION, head, msgspec.structs.replace(data, moderated=moderated))
        case React(target=target, reactions=reactions):
            return _made(Told.REACTION, head, _data(head, message=_reference(target), reactions=reactions))
        case SetTopic(topic=topic):
            return _made(Told.TOPIC, head, _data(head, topic=topic))
        case Announce(text=text, about=None):
            return _made(Told.NOTICE, head, _data(head, content=Words(text=text, kind="notice")))
        case Announce(about=about) if about is not None:
            return _about(head, about)
        case Kick() | Tell() | Announce():
            return None
        case _:
            assert_never(delivery)


def identifier(head: Head) -> str:
    """Return the ``webhook-id`` of a delivery: the same for every try, and for a replay."""
    return f"msg_{head.key}"


def _said(post: Post) -> Happening:
    reply = post.reply
    answered = None
    if reply is not None:
        answered = Answered(message=_reference(reply.to), name=reply.name, text=reply.excerpt[:500])
    data = _data(post.head, message=_reference(post.message), content=_words(post.content), reply=answered)
    return _made(Told.MESSAGE, post.head, data)


def _about(head: Head, about: About) -> Happening:
    match about:
        case MemberJoined(member=member):
            return _made(Told.JOIN, head, _data(head, sender=_who(member)))
        case MemberLeft(member=member, reason=reason):
            return _made(Told.LEAVE, head, _data(head, sender=_who(member), reason=reason))
        case MemberRenamed(old=old, member=member):
            return _made(Told.RENAME, head, _data(head, sender=_who(member), renamed_from=old.name))
        case GivenUp(room=room, reason=reason, certain=certain, sender=sender):
            failure = Failure(room=_place(room), reason=reason, certain=certain)
            return _made(Told.FAILURE, head, _data(head, sender=sender and _who(sender), failure=failure))
        case NetworkIs():
            state = State(network=about.network, status=about.status, before=about.before, detail=about.detail)
            return _made(Told.STATE, head, _data(head, state=state))
        case _:
            assert_never(about)


def _data(head: Head, **fields: object) -> Data:
    voice = head.voice
    sender = None if isinstance(voice, AsBridge) else _who(voice.member)
    return msgspec.structs.replace(Data(room=_place(head.source), sender=sender), **fields)


def _made(told: Told, head: Head, data: Data) -> Happening:
    at = datetime.fromtimestamp(head.at / 1000, tz=UTC).isoformat(timespec="milliseconds")
    return Happening(type=told, timestamp=at.replace("+00:00", "Z"), id=identifier(head), data=data)


def _place(room: Room) -> Place:
    return Place(network=room.network, id=room.id)


def _who(member: Member) -> Who:
    person = member.person
    return Who(network=person.network, id=person.id, name=member.name, avatar=member.avatar, bot=member.bot)


def _reference(ref: MessageRef) -> Reference:
    return Reference(network=ref.room.network, room=ref.room.id, id=ref.id)


def _words(content: Content) -> Words:
    files = tuple(
        File(url=each.url, name=each.name, media_type=each.media_type, size=each.size, description=each.description)
        for each in content.attachments
    )
    marked = markdown(content) if content.spans else ""
    return Words(text=content.text, markdown=marked, kind=content.kind.value, files=files)
