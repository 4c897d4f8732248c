"""Facts: what a connector read from its network, in the past tense.

Three families. *Said* (posted, edited, retracted, reacted, topic, missed, direct) is journalled: it is committed together with its
deliveries before anything is sent, and a repeat of the same key is dropped. *State* (members, rooms, puppets) is compared,
never replayed: the last word counts. *Passing* (typing, what became of a copy) is best effort and never stored.
"""

from enum import StrEnum

import msgspec

from bridge.core.content import Content
from bridge.core.ids import EventKey, MessageId, Person, Room


class Show(StrEnum):
    """How available somebody is."""

    AVAILABLE = "available"
    AWAY = "away"
    DND = "dnd"


class Presence(msgspec.Struct, frozen=True):
    """Availability of a member, with the words that they gave."""

    show: Show = Show.AVAILABLE
    status: str = ""


class Rank(StrEnum):
    """How much somebody may do in a room, as far as its network tells."""

    OWNER = "owner"
    ADMIN = "admin"  # removes, bans and appoints others
    MODERATOR = "moderator"  # removes others
    SPEAKER = "speaker"  # may speak where not everybody may
    MEMBER = "member"


class Member(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A person in a room, under the nick that they have there."""

    person: Person
    name: str
    account: str = ""  # the services account or bare JID, only when the network vouches for it
    address: str = ""  # where the network shows it: host mask, real JID; never logged
    handle: str = ""  # the name by which anybody on their network finds them: "@alice"
    bot: bool = False
    stand_in: bool = False  # another bridge's puppet or ghost: heard, but never given one of ours
    presence: Presence = Presence()
    avatar: str = ""  # an http(s) URL, or a handle that the connector of the person's network opens; another picture, another avatar
    rank: Rank = Rank.MEMBER
    session: bool = False  # has asked to be in the other rooms as themselves: always shown there, under this very name


class Origin(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where and when a fact happened."""

    room: Room
    key: EventKey
    at: int  # milliseconds since the epoch, by the network's clock where it tells
    replayed: bool = False  # read from history: the hub looks in the store whether it is known
    via: tuple[str, ...] = ()  # ids of the bridges that it came through (their marker on the wire), ours included


class _Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """Encoding shared by all events; no behaviour, no fields."""


class MessagePosted(_Event, frozen=True, tag="posted"):
    """Somebody said something in a room."""

    origin: Origin
    sender: Member
    id: MessageId  # what the network's references to this message will call it
    content: Content
    aliases: tuple[MessageId, ...] = ()  # other ids that may refer to it (XMPP: the id attribute beside stanza-id)
    reply_to: MessageId | None = None  # an id in the same room
    thread: str = ""


class MessageEdited(_Event, frozen=True, tag="edited"):
    """The sender of a message put another text in its place."""

    origin: Origin
    sender: Member
    target: MessageId
    content: Content


class MessageRetracted(_Event, frozen=True, tag="retracted"):
    """A message was taken back by its sender, or removed by a moderator."""

    origin: Origin
    sender: Member  # who did it
    target: MessageId
    moderated: bool = False  # the network itself says that a moderator did it
    reason: str = ""


class ReactionsChanged(_Event, frozen=True, tag="reacted"):
    """The whole set of one person's reactions to one message (XEP-0444 semantics: empty takes all back)."""

    origin: Origin
    sender: Member
    target: MessageId
    reactions: tuple[str, ...]


class TopicChanged(_Event, frozen=True, tag="topic"):
    """The topic or subject of a room is now this; ``sender`` is None where the network does not tell."""

    origin: Origin
    topic: str
    sender: Member | None = None


class HistoryMissed(_Event, frozen=True, kw_only=True, tag="missed"):
    """From ``since`` until ``origin.at`` nobody read a room, and its network cannot tell what was said there meanwhile.

    A connector whose network has history never says so unless that has a hole. ``origin.key`` has to be the same for the
    same gap.
    """

    origin: Origin
    since: int  # milliseconds since the epoch


class DirectPosted(_Event, frozen=True, tag="direct"):
    """Somebody said something to one person of another network, in private.

    ``origin.room`` is the conversation as the sender's network names it (often the recipient's address there).
    """

    origin: Origin
    sender: Member
    to: Person
    id: MessageId
    content: Content


class Cause(StrEnum):
    """Why somebody is not in a room any more."""

    LEFT = "left"
    QUIT = "quit"  # left the network
    KICKED = "kicked"
    BANNED = "banned"
    LOST = "lost"  # connection lost, server away, network split
    REFUSED = "refused"  # never got in


class MembersListed(_Event, frozen=True, tag="members"):
    """Everybody who is in a room now, without our own puppets and ghosts: replaces what was known."""

    origin: Origin
    members: tuple[Member, ...]


class MemberJoined(_Event, frozen=True, tag="joined"):
    """A person came into a room, or changed there: presence, account, avatar (an upsert, keyed by person)."""

    origin: Origin
    member: Member


class MemberRenamed(_Event, frozen=True, tag="renamed"):
    """A member has another nick; ``old`` is who they were, where ids follow nicks."""

    origin: Origin
    old: Member
    member: Member


class MemberLeft(_Event, frozen=True, tag="left"):
    """A person is no longer in a room."""

    origin: Origin
    member: Member
    cause: Cause = Cause.LEFT
    reason: str = ""
    actor: str = ""  # nick of who did it


class RoomOpened(_Event, frozen=True, tag="opened"):
    """The listener is in the room and reads it."""

    origin: Origin


class RoomClosed(_Event, frozen=True, tag="closed"):
    """The listener is not in the room; ``final`` means that the connector has stopped trying."""

    origin: Origin
    cause: Cause
    reason: str = ""
    final: bool = False


class RoomChanged(_Event, frozen=True, tag="room-changed"):
    """What the room is has changed, or is known now: who may speak, who may come in, how many (``Moderates.configuration``)."""

    origin: Origin


class PuppetJoined(_Event, frozen=True, tag="puppet-joined"):
    """Our stand-in for ``person`` is in the room, under ``name``; told anew when name or rank change."""

    origin: Origin
    person: Person
    name: str
    rank: Rank = Rank.MEMBER


class Barrier(StrEnum):
    """What keeps somebody out of a room."""

    OTHER = ""
    PASSWORD = "password"  # noqa: S105 - that one is needed, and ours is wrong or missing
    INVITATION = "invitation"
    BAN = "ban"
    FULL = "full"
    REGISTRATION = "registration"  # only people who are known to the network's services
    MISSING = "missing"  # there is no such room, and none is made
    UNREACHABLE = "unreachable"  # there is no server of this name, or it does not answer


class PuppetLeft(_Event, frozen=True, tag="puppet-left"):
    """Our stand-in for ``person`` is not in the room; ``final`` means that it stays out until asked for anew."""

    origin: Origin
    person: Person
    cause: Cause
    reason: str = ""  # in words for that person
    actor: str = ""  # nick of who kicked or banned it
    final: bool = False
    barrier: Barrier = Barrier.OTHER  # where it was refused; BAN: thrown out, and banned


class BanLifted(_Event, frozen=True, tag="ban-lifted"):
    """Our stand-in for ``person`` may come into the room again, from which it was banned."""

    origin: Origin
    person: Person


class TypingChanged(_Event, frozen=True, tag="typing"):
    """A member started or stopped composing."""

    origin: Origin
    sender: Member
    active: bool


class CopyReported(_Event, frozen=True, tag="copy-reported"):
    """The network says what became of a copy that it had accepted: some only learn that later, and some never.

    ``origin.room`` is the room, or the conversation, that was told.
    """

    origin: Origin
    id: MessageId  # as in ``Sent.ids``
    person: Person  # who has it now, or never will
    arrived: bool
    reason: str = ""  # why it has not, in words


class DirectCopied(_Event, frozen=True, tag="direct-copied"):
    """Somebody of ours said something in private on this network by a client of their own, and we have their copy of it.

    ``origin.room`` is the conversation as the network names it.
    """

    origin: Origin
    person: Person  # who said it, as their own network knows them
    to: Member
    id: MessageId
    content: Content


Said = MessagePosted | MessageEdited | MessageRetracted | ReactionsChanged | TopicChanged | HistoryMissed | DirectPosted
State = (
    MembersListed
    | MemberJoined
    | MemberRenamed
    | MemberLeft
    | RoomOpened
    | RoomClosed
    | RoomChanged
    | PuppetJoined
    | PuppetLeft
)
Event = Said | State | BanLifted | TypingChanged | CopyReported | DirectCopied
