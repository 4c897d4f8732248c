"""How a delivery can fail: each failure says what may be done next, and speaks in words for the sender.

Raised by connectors out of ``send``; caught in one place, the outbox.
"""

from bridge.core.capabilities import Feature


class DeliveryFailure(Exception):
    """A delivery did not arrive; ``reason`` is a sentence for a person."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Retry(DeliveryFailure):
    """Not now: try the same again, after ``after`` seconds where the network said so."""

    def __init__(self, reason: str, *, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Permanent(DeliveryFailure):
    """Never: the network refused this, and would refuse it again."""


class Barred(Permanent):
    """Not before the room lets the bridge in again, which nobody expects: then what was given up so is said first."""


class AuthLost(DeliveryFailure):
    """Not before somebody renews the login."""


class Uncertain(DeliveryFailure):
    """It may have been sent: to be checked (echo, history) before it is sent again."""


class VoiceLost(DeliveryFailure):
    """The puppet cannot speak here (banned, refused, over budget): say it in the relay's voice instead."""


class Unsupported(DeliveryFailure):
    """The capabilities said REFUSED, and the delivery came all the same."""

    def __init__(self, feature: Feature) -> None:
        super().__init__(f"{feature} is not possible on this network")
        self.feature = feature
