"""What can be set in ``[networks.NAME]`` with ``connector = "echo"``: mostly, which kind of network to play."""

import msgspec

from bridge.core.capabilities import Capabilities, Feature, Limit, Representation, Support, Unit


class EchoSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of the configuration."""

    representation: Representation = Representation.ADDRESS  # how people of other networks are shown
    limit: int = 10_000  # longest text of one message
    unit: Unit = Unit.CODE_POINTS  # what the limit counts
    pipeline: int = 16  # deliveries of one room under way at once
    fallback: tuple[Feature, ...] = ()  # features that are shown by other means
    dropped: tuple[Feature, ...] = ()  # features that are left out
    refused: tuple[Feature, ...] = ()  # features that cannot be
    history: bool = True  # what was said while the bridge was away can be read
    resident: str = ""  # somebody who lives in every room and says back what the bridge says


def capabilities(settings: EchoSettings) -> Capabilities:
    """Say what the network can carry: everything, but for what the settings take away."""
    features = dict.fromkeys(Feature, Support.NATIVE)
    features.update(dict.fromkeys(settings.fallback, Support.FALLBACK))
    features.update(dict.fromkeys(settings.dropped, Support.DROPPED))
    features.update(dict.fromkeys(settings.refused, Support.REFUSED))
    return Capabilities(
        representation=settings.representation,
        text=Limit(settings.limit, settings.unit),
        features=features,
        pipeline=settings.pipeline,
    )


CAPABILITIES = capabilities(EchoSettings())
"""What it carries when nothing is taken away."""
