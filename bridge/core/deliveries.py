"""Orders: what one room of one network is to be told, and what came of it.

Core has already chosen the voice and already fitted the content, so a connector never asks "may I?". What it still does
is what only the wire knows: cut text to the real line length, and turn spans into its dialect.
"""

import msgspec

from bridge.core.content import Content, Reply
from bridge.core.events import Member, MemberJoined, MemberLeft, MemberRenamed
from bridge.core.ids import DeliveryKey, EventKey, MessageId, MessageRef, Network, Person, Room


class _Voice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="as"):
    """Encoding shared by all voices."""


class AsPuppet(_Voice, frozen=True, tag="puppet"):
    """Speak as the stand-in of this member: an own connection or address of theirs on the target network."""

    member: Member


class AsMask(_Voice, frozen=True, tag="mask"):
    """Speak through the shared connection, under this member's name and picture for this one message."""

    member: Member


class AsRelay(_Voice, frozen=True, tag="relay"):
    """Speak through the shared connection and say in the text who speaks."""

    member: Member


class AsBridge(_Voice, frozen=True, tag="bridge"):
    """Speak as the bridge itself."""


Voice = AsPuppet | AsMask | AsRelay | AsBridge


class Head(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every delivery carries."""

    key: DeliveryKey
    room: Room  # the room that is told
    voice: Voice
    source: Room  # the room where it happened
    event: EventKey  # the fact in that room which caused it
    at: int  # milliseconds since the epoch: when it happened
    via: tuple[str, ...] = ()  # ids of the bridges that it came through, ours included


class _Delivery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """Encoding shared by all deliveries."""


class Post(_Delivery, frozen=True, tag="post"):
    """Say something new."""

    head: Head
    message: MessageRef  # what it is a copy of
    content: Content
    reply: Reply | None = None
    thread: str = ""  # what the room that it comes from calls the thread; the same for all that is in it


class Edit(_Delivery, frozen=True, tag="edit"):
    """Correct the copy of an earlier message."""

    head: Head
    target: MessageRef
    content: Content
    previous: Content | None = None  # what it said before, where known
    ids: tuple[MessageId, ...] = ()  # the copy's parts in this room; filled just before sending


class Retract(_Delivery, frozen=True, tag="retract"):
    """Take back the copy of an earlier message."""

    head: Head
    target: MessageRef
    moderated: bool = False
    reason: str = ""
    ids: tuple[MessageId, ...] = ()


class React(_Delivery, frozen=True, tag="react"):
    """Set one person's reactions to an earlier message."""

    head: Head
    target: MessageRef
    reactions: tuple[str, ...]
    about: Reply | None = None  # what is reacted to, to be quoted where the network has no reactions
    ids: tuple[MessageId, ...] = ()


class SetTopic(_Delivery, frozen=True, tag="topic"):
    """Make this the room's topic."""

    head: Head
    topic: str


class GivenUp(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="given up", tag_field="type"):
    """Something that was said did not arrive in one of the link's rooms."""

    room: Room  # where it did not arrive
    event: EventKey  # what was said, in ``head.source``
    reason: str
    certain: bool  # False: it may have arrived
    sender: Member | None = None


class NetworkIs(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="network is", tag_field="type"):
    """A network of the link is up, down, or something between."""

    network: Network
    status: str  # as :class:`bridge.connector.Status` writes it
    before: str = ""
    detail: str = ""


About = MemberJoined | MemberRenamed | MemberLeft | GivenUp | NetworkIs


class Announce(_Delivery, frozen=True, tag="announce"):
    """Tell the room something in the bridge's own voice: joins where nobody is shown, gaps, trouble."""

    head: Head
    text: str
    about: About | None = None  # the same as a value, for who passes it on to programs


class Kick(_Delivery, frozen=True, tag="kick"):
    """Remove a person of the target network from the room, because their stand-in elsewhere was removed."""

    head: Head
    person: Person
    name: str
    reason: str = ""
    ban: bool = False


class Tell(_Delivery, frozen=True, tag="tell"):
    """Say something to one person in private. ``head.room`` names the conversation: its id is the person's."""

    head: Head
    person: Person
    content: Content
    message: MessageRef | None = None


Delivery = Post | Edit | Retract | React | SetTopic | Announce | Kick | Tell


class Sent(msgspec.Struct, frozen=True):
    """What became of a delivery: the network's ids of its parts, in order, () where it has none.

    Returned only when the network is known to have accepted it (an echo, a barrier, an answer): a write to a socket is not that.
    """

    ids: tuple[MessageId, ...] = ()
