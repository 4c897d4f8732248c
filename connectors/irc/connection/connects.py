"""Who connects when: connections are a budget, and reconnecting is the expensive path.

One queue for one network. So many at a time; the listener first, and nobody else while it is not up; then who has
something to say, then who spoke last. Failures put back whoever failed, later each time and never all at the same
moment. A server that is not there is looked for every few seconds, by one for all; once it is back, nobody waits on. What the server
says of *us* (too fast, too many, not from here) holds back everybody, and lets fewer through
afterwards: hammering a network is how bridges get banned.

Only the order and the times are decided here. Who connects is a :class:`Candidate`; tasks are the connector's own.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine
from heapq import nsmallest
from typing import Any, Protocol

from bridge.core.backoff import delay
from connectors.irc.connection.client import Connection, Failure, Kind, Refused
from connectors.irc.connection.pace import Pace
from connectors.irc.connection.refusals import WORDLESS

LISTENER = 0
SPEAKER = 1
MEMBER = 2
_LASTING = 60.0
"""Seconds after which a connection was good."""
_SAME_REASON = 3
"""Candidates that have to be refused in a row until it is clear that it is not about them."""


class Candidate(Protocol):
    """Who wants to be connected."""

    @property
    def rank(self) -> int:
        """LISTENER, SPEAKER or MEMBER: smaller ones go first."""

    @property
    def spoke(self) -> float:
        """When they last said something; of two of one rank, the later one goes first."""

    def dial(self) -> Connection:
        """Return a new connection, not connected yet."""

    def refused(self, failure: Failure) -> None:
        """Learn that there is no connection, and that it is not tried again without a new wish."""

    def waits(self, failure: Failure) -> None:
        """Learn that there is no connection now, but that it will be tried again."""

    def dropped(self) -> None:
        """Learn that an attempt has failed which nobody wanted any more."""


class _Turn:
    """One candidate's place in the queue."""

    __slots__ = ("attempts", "due", "is_for_server", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.attempts = 0
        self.due = 0.0
        self.is_for_server = False  # waits for nothing but a server that was not there


class Connects:
    """The queue of one network."""

    def __init__(
        self,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
        *,
        most: int,
        pace: Pace,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """``most`` connections are under way at once; ``jitter`` gives numbers from 0 to 1."""
        self._spawn = spawn
        self._most = most
        self._width = most  # how many at once, as the server takes it
        self._pace = pace
        self._jitter = jitter
        self._waiting: dict[Candidate, _Turn] = {}
        self._flying: dict[Candidate, bool] = {}  # whether they still want it
        self._numbers = 0
        self._open = False  # whether others than the listener may connect
        self._held_until = 0.0
        self._why_held = ""
        self._holds = 0  # times in a row that the server held us back
        self._banned: list[str] = []  # reasons of bans in a row
        self._timer: asyncio.TimerHandle | None = None
        self._soon: asyncio.Handle | None = None

    @property
    def waiting(self) -> int:
        """How many are not connected yet."""
        return len(self._waiting) + len(self._flying)

    @property
    def trouble(self) -> str:
        """Why the server lets none of us connect at the moment, "" when it does."""
        return self._why_held if self._held_until > self._now() else ""

    def want(self, candidate: Candidate) -> None:
        """Connect somebody when it is their turn."""
        if candidate in self._flying:
            self._flying[candidate] = True
            return
        turn = self._waiting.get(candidate)
        if turn is None:
            self._numbers += 1
            turn = self._waiting[candidate] = _Turn(self._numbers)
        self._pump_soon()

    def again(self, candidate: Candidate, failure: Failure, *, attempts: int) -> None:
        """Connect somebody who has just lost their connection, ``attempts`` times in a row before it was any good."""
        if failure.kind in (Kind.THROTTLED, Kind.FULL):
            self._hold(failure)
        is_new = candidate not in self._waiting
        self.want(candidate)
        turn = self._waiting.get(candidate)
        if is_new and turn is not None:
            turn.attempts = attempts
            self._put_off(turn, failure, many=len(self._waiting))

    def drop(self, candidate: Candidate) -> bool:
        """Connect somebody no more; tells whether an attempt is under way, which goes on and tells its owner."""
        self._waiting.pop(candidate, None)
        if candidate not in self._flying:
            return False
        self._flying[candidate] = False
        return True

    def open(self) -> None:
        """Let everybody connect: the listener is up."""
        self._open = True
        self._pump_soon()

    def shut(self) -> None:
        """Let nobody but the listener connect."""
        self._open = False

    def close(self) -> None:
        """Start no more connections."""
        self._waiting.clear()
        self._stop_timer()

    def _pump_soon(self) -> None:
        """Look once, however many wishes come in one turn of the loop."""
        if self._soon is None:
            self._soon = asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        """Start as many as may be under way."""
        self._soon = None
        now = self._now()
        free = self._width - len(self._flying)
        ready = [(self._place(c, turn), c, turn) for c, turn in self._waiting.items() if self._may_go(c, turn, now)]
        for _, candidate, turn in nsmallest(max(free, 0), ready, key=lambda entry: entry[0]):
            del self._waiting[candidate]
            self._flying[candidate] = True
            self._spawn(self._connect(candidate, turn))
        self._set_timer(now)

    def _place(self, candidate: Candidate, turn: _Turn) -> tuple[int, float, int]:
        return candidate.rank, -candidate.spoke, turn.number

    def _may_go(self, candidate: Candidate, turn: _Turn, now: float) -> bool:
        if candidate in self._flying or max(turn.due, self._held_until) > now:
            return False
        return self._open or candidate.rank == LISTENER

    def _set_timer(self, now: float) -> None:
        self._stop_timer()
        allowed = (turn for candidate, turn in self._waiting.items() if self._open or candidate.rank == LISTENER)
        later = [due for turn in allowed if (due := max(turn.due, self._held_until)) > now]
        if later and len(self._flying) < self._width:
            self._timer = asyncio.get_running_loop().call_later(min(later) - now, self._pump)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _connect(self, candidate: Candidate, turn: _Turn) -> None:
        try:
            await candidate.dial().connect()
        except Refused as refused:
            if self._flying.pop(candidate):
                self._failed(candidate, turn, refused.failure)
            else:
                candidate.dropped()
        else:
            del self._flying[candidate]
            self._succeeded()
        self._pump_soon()

    def _succeeded(self) -> None:
        """Let more through again; what had begun before the server held us back proves nothing."""
        self._banned.clear()
        for turn in self._waiting.values():
            if turn.is_for_server:
                turn.due, turn.is_for_server = 0.0, False
        if self._held_until <= self._now():
            self._holds = 0
            self._width = min(self._width + 1, self._most)

    def _failed(self, candidate: Candidate, turn: _Turn, failure: Failure) -> None:
        match failure.kind:
            case Kind.BANNED:
                self._ban(failure)
                candidate.refused(failure)
                return
            case Kind.AUTH | Kind.FORBIDDEN:
                candidate.refused(failure)
                return
            case Kind.THROTTLED | Kind.FULL:
                self._hold(failure)
            case Kind.NICK | Kind.TLS | Kind.NETWORK | Kind.CLOSED | Kind.ENDED:
                turn.attempts += 1
                self._put_off(turn, failure, many=len(self._waiting) + 1)
        self._waiting[candidate] = turn
        candidate.waits(failure)

    def _ban(self, failure: Failure) -> None:
        """Count a ban; several in a row are about the address that all of us come from."""
        self._banned.append(failure.reason)
        if len(self._banned) < _SAME_REASON:
            return
        self._width = 1
        self._held_until = max(self._held_until, self._now() + self._pace.banned)
        self._why_held = failure.reason
        for waiting in list(self._waiting):
            waiting.waits(failure)

    def _hold(self, failure: Failure) -> None:
        """Let nobody connect for a while, and longer each time."""
        seconds = min(self._pace.throttled * 2**self._holds, self._pace.banned)
        now = self._now()
        if self._held_until <= now:
            self._holds += 1
            self._width = max(1, self._width // 2)
        self._held_until = max(self._held_until, now + seconds * (1 + self._jitter() / 4))
        self._why_held = failure.reason

    def _put_off(self, turn: _Turn, failure: Failure, *, many: int) -> None:
        """Wait, longer each time; for a server that is not there so ``many`` look together every few seconds."""
        turn.is_for_server = failure.kind in WORDLESS
        pace, cap = self._pace, self._pace.longest_retry
        if turn.is_for_server:
            cap = min(cap, pace.absence * many)
        turn.due = self._now() + delay(turn.attempts, self._jitter(), base=pace.retry, cap=cap)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


class Lives:
    """Counts connections in a row that did not last: whoever is thrown out at once must not come back at once."""

    __slots__ = ("_began", "_short")

    def __init__(self) -> None:
        self._began = 0.0
        self._short = 0

    @property
    def any(self) -> bool:
        """Whether there was ever a connection."""
        return self._began > 0.0

    def began(self, now: float) -> None:
        """Take note that a connection is up."""
        self._began = now

    def ended(self, now: float) -> int:
        """Take note that it is lost; returns how many in a row were, this one included."""
        self._short = self._short + 1 if now - self._began < _LASTING else 1
        return self._short
