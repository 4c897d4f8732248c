"""What every part of the engine works with: the store, the clock, the counters, the bounds. Made by the hub, once."""

from collections.abc import Callable

import msgspec

from bridge.engine.counters import Counters
from bridge.engine.limits import Limits
from bridge.engine.messages import Messages
from bridge.engine.ports import Clock, Store


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """Shared by all parts; none of it is ever replaced."""

    store: Store
    clock: Clock
    counters: Counters
    limits: Limits
    messages: Messages
    jitter: Callable[[], float]  # from 0 to 1
