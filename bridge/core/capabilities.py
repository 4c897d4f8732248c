"""What a network can carry, as data. What a connector can *do* is an ability: a Protocol in :mod:`bridge.connector`."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec


class Representation(StrEnum):
    """How a foreign person can be shown."""

    RELAY = "relay"  # one shared identity, the name goes into the text
    MASK = "mask"  # one shared identity, name and picture for each message
    SESSION = "session"  # a connection for each person: dear, budgeted
    ADDRESS = "address"  # an address for each person: cheap


class Unit(StrEnum):
    """What a text limit counts."""

    BYTES = "bytes"  # of UTF-8
    UTF16 = "utf-16 units"
    CODE_POINTS = "code points"
    SEGMENTS = "SMS segments"


class Support(StrEnum):
    """How far a feature goes."""

    NATIVE = "native"  # the network has it
    FALLBACK = "fallback"  # the connector shows it readably with other means
    DROPPED = "dropped"  # left out: nothing is lost that a reader would miss
    REFUSED = "refused"  # cannot be: the sender is told


class Feature(StrEnum):
    """What a message or a room can have. Unknown to a connector means REFUSED."""

    FORMATTING = "formatting"
    MULTILINE = "multiline"
    ACTION = "action"
    NOTICE = "notice"
    EDIT = "edit"
    RETRACT = "retract"
    REACT = "react"
    REPLY = "reply"
    THREAD = "thread"
    MENTION = "mention"
    ATTACHMENT = "attachment"
    TOPIC = "topic"
    KICK = "kick"
    DIRECT = "direct"
    PRESENCE = "presence"
    TYPING = "typing"
    AVATAR = "avatar"


class Limit(msgspec.Struct, frozen=True):
    """The longest text that one message can have; connectors split longer ones themselves."""

    size: int
    unit: Unit


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a network can carry."""

    representation: Representation
    text: Limit
    features: Mapping[Feature, Support]
    forms: Mapping[Feature, str] = {}  # for people: in what form a feature is shown, where that is not obvious
    pipeline: int = 1  # deliveries of one room that may be under way at once; the connector keeps their order
    patience: float = (
        0.0  # seconds for which one that has to be tried again holds up those behind it; 0: until it is sent
    )

    def support(self, feature: Feature) -> Support:
        """Return how far a feature goes; REFUSED for one that is not declared."""
        return self.features.get(feature, Support.REFUSED)
