"""What a room of webhooks can carry: whatever JSON can, and each message under the name of who said it."""

from typing import Final

from bridge.core.capabilities import Capabilities, Feature, Limit, Representation, Support, Unit

CAPABILITIES: Final = Capabilities(
    representation=Representation.MASK,
    text=Limit(65_536, Unit.CODE_POINTS),
    features={
        Feature.FORMATTING: Support.NATIVE,
        Feature.MULTILINE: Support.NATIVE,
        Feature.ACTION: Support.NATIVE,
        Feature.NOTICE: Support.NATIVE,
        Feature.EDIT: Support.NATIVE,
        Feature.RETRACT: Support.NATIVE,
        Feature.REACT: Support.NATIVE,
        Feature.REPLY: Support.NATIVE,
        Feature.THREAD: Support.NATIVE,
        Feature.MENTION: Support.NATIVE,
        Feature.ATTACHMENT: Support.NATIVE,
        Feature.TOPIC: Support.NATIVE,
        Feature.PRESENCE: Support.DROPPED,
        Feature.TYPING: Support.DROPPED,
        Feature.AVATAR: Support.NATIVE,
    },
    patience=60.0,  # an endpoint that refuses one body for ever is told the others
)
