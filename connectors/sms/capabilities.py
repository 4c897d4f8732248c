"""What a short message can carry: words, and the links to everything else."""

from typing import Final

from bridge.core.capabilities import Capabilities, Feature, Limit, Representation, Support, Unit

CAPABILITIES: Final = Capabilities(
    representation=Representation.RELAY,
    text=Limit(10, Unit.SEGMENTS),
    features={
        Feature.FORMATTING: Support.DROPPED,
        Feature.MULTILINE: Support.NATIVE,
        Feature.ACTION: Support.FALLBACK,
        Feature.NOTICE: Support.FALLBACK,
        Feature.EDIT: Support.FALLBACK,  # said anew: what is on a telephone stays there
        Feature.RETRACT: Support.DROPPED,
        Feature.REACT: Support.DROPPED,
        Feature.REPLY: Support.FALLBACK,
        Feature.THREAD: Support.DROPPED,
        Feature.MENTION: Support.FALLBACK,
        Feature.ATTACHMENT: Support.FALLBACK,
        Feature.TOPIC: Support.DROPPED,
        Feature.DIRECT: Support.NATIVE,
        Feature.PRESENCE: Support.DROPPED,
        Feature.TYPING: Support.DROPPED,
        Feature.AVATAR: Support.DROPPED,
    },
)
