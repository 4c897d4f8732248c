"""What Telegram can carry for a bot: the one identity that speaks for everybody."""

from typing import Final

from bridge.core.capabilities import Capabilities, Feature, Limit, Representation, Support, Unit

TEXT: Final = Limit(4096, Unit.UTF16)
CAPTION: Final = Limit(1024, Unit.UTF16)
ENTITIES: Final = 100
ALBUM: Final = 10

CAPABILITIES: Final = Capabilities(
    representation=Representation.RELAY,
    text=TEXT,
    features={
        Feature.FORMATTING: Support.NATIVE,
        Feature.MULTILINE: Support.NATIVE,
        Feature.ACTION: Support.NATIVE,  # "* Name waves": the name is said anyway
        Feature.NOTICE: Support.FALLBACK,
        Feature.EDIT: Support.NATIVE,
        Feature.RETRACT: Support.NATIVE,
        Feature.REACT: Support.FALLBACK,  # a bot has one reaction to a message: it stands for everybody's
        Feature.REPLY: Support.NATIVE,
        Feature.THREAD: Support.NATIVE,  # a forum's topics; elsewhere the words alone
        Feature.MENTION: Support.NATIVE,
        Feature.ATTACHMENT: Support.NATIVE,
        Feature.TOPIC: Support.FALLBACK,  # groups have none: it is told
        Feature.KICK: Support.NATIVE,
        Feature.DIRECT: Support.NATIVE,
        Feature.PRESENCE: Support.DROPPED,
        Feature.TYPING: Support.NATIVE,
        Feature.AVATAR: Support.DROPPED,
    },
    forms={
        Feature.FORMATTING: "entities",
        Feature.ACTION: "`* name waves`",
        Feature.NOTICE: "a message",
        Feature.EDIT: "all parts",
        Feature.RETRACT: "deleted; `(deleted)` after 48 hours",
        Feature.REACT: "one for everybody: what most chose",
        Feature.THREAD: "the topic that it is",
        Feature.MENTION: "of people on Telegram",
        Feature.ATTACHMENT: "pictures, albums, sound, documents",
        Feature.TOPIC: "told: groups have none",
        Feature.DIRECT: "to whoever has written to the bot",
        Feature.TYPING: "for a few seconds",
    },
)
