"""Flood limits as Telegram has them: messages per second in a chat, per minute in a group, per second in all."""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Flood:
    """Off until a test asks for it; the defaults are what Telegram's FAQ says, with its "short bursts" for one chat."""

    now: Callable[[], float]
    on: bool = False
    per_second: int = 30
    per_chat: int = 3  # in any second: short bursts pass
    per_group: int = 20  # in any minute
    banned: dict[int, float] = field(default_factory=dict)  # until when a chat takes nothing
    refused: int = 0
    _sent: dict[int, deque[float]] = field(default_factory=dict)

    def ban(self, chat: int, seconds: float) -> None:
        """Take nothing into a chat for some time."""
        self.banned[chat] = self.now() + seconds

    def retry_after(self, chat: int) -> int:
        """Count a message; return for how many seconds it has to wait instead, 0 if it may go."""
        now = self.now()
        wait = max(self.banned.get(chat, 0.0) - now, 0.0)
        if self.on and not wait:
            wait = max(
                self._over(0, self.per_second, 1.0, now),
                self._over(chat, self.per_chat, 1.0, now),
                self._over(chat, self.per_group, 60.0, now) if chat < 0 else 0.0,
            )
        if wait:
            self.refused += 1
            return math.ceil(wait)
        for key in (0, chat):
            self._sent.setdefault(key, deque(maxlen=64)).append(now)
        return 0

    def _over(self, key: int, most: int, seconds: float, now: float) -> float:
        sent = self._sent.get(key, ())
        if len(sent) < most:
            return 0.0
        return max(sent[-most] + seconds - now, 0.0)
