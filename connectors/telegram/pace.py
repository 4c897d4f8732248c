"""How fast a bot may speak: kept here before Telegram has to say so, since what it then refuses it refuses for longer.

Telegram's FAQ for bots: about one message per second in a chat (short bursts pass), 20 per minute in a group, 30 per second
in all. A turn is booked: whoever asks next gets the one after. Pure; seconds of any clock that never goes back.
Used by :mod:`connectors.telegram.connector`.
"""

from collections import OrderedDict, deque
from typing import Final

import msgspec

_CHATS: Final = 5_000


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """How many, in how many seconds."""

    burst: int = 3  # in a chat, before one per second is kept
    second: float = 1.0  # between messages in a chat after that
    group: int = 20  # in a group, per minute
    overall: int = 30  # in all chats, per second


class _Chat:
    """When a chat was spoken to, and until when it may not be."""

    __slots__ = ("allowance", "barred", "seen", "spoken")

    def __init__(self, rates: Rates, now: float) -> None:
        self.allowance = float(rates.burst)
        self.seen = now
        self.spoken: deque[float] = deque(maxlen=rates.group)
        self.barred = 0.0


class Pace:
    """The turns of all chats."""

    def __init__(self, rates: Rates) -> None:
        self._rates = rates
        self._chats: OrderedDict[int, _Chat] = OrderedDict()
        self._overall: deque[float] = deque(maxlen=rates.overall)

    def book(self, chat: int, now: float) -> float:
        """Take the next turn in a chat; return how many seconds it is away."""
        state = self._chat(chat, now)
        rates = self._rates
        at = max(now, state.barred, state.seen)
        state.allowance = min(float(rates.burst), state.allowance + (at - state.seen) / rates.second)
        if state.allowance < 1:
            at += (1 - state.allowance) * rates.second
            state.allowance = 1.0
        if chat < 0 and len(state.spoken) == rates.group and state.spoken[0] + 60 > at:
            at = state.spoken[0] + 60
        if len(self._overall) == rates.overall:
            at = max(at, self._overall[0] + 1)
        state.allowance -= 1
        state.seen = at
        state.spoken.append(at)
        self._overall.append(at)
        return at - now

    def bar(self, chat: int, until: float) -> None:
        """Say nothing in a chat until then: Telegram has said so."""
        state = self._chat(chat, until)
        state.barred = max(state.barred, until)

    def barred(self, chat: int, now: float) -> float:
        """Return for how many seconds nothing may be said in a chat."""
        state = self._chats.get(chat)
        return 0.0 if state is None else max(state.barred - now, 0.0)

    def _chat(self, chat: int, now: float) -> _Chat:
        state = self._chats.get(chat)
        if state is None:
            state = self._chats[chat] = _Chat(self._rates, now)
            if len(self._chats) > _CHATS:
                self._chats.popitem(last=False)
        self._chats.move_to_end(chat)
        return state
