"""The one thread that talks to the database, and the rhythm in which it does: group commit.

What is queued in one turn of the loop goes to the thread as one. While writes come one by one each is committed at once;
when they come by the hundred a batch stays open from the last commit for some milliseconds, and whatever is queued then is
one transaction. A write that nobody waits for (a delivery that arrived) goes with the next one that somebody does, or by
itself after 10 ms.

A transaction that the database refuses is tried again, the same, until it goes through: writes neither fail nor overtake
each other because a disk is full or a server restarts. Only a write that is itself at fault fails, alone, after the
batch was taken apart to find it. How much waits here is for the callers to bound.

What the ledger has only noted is entered a second later, when it is much, and at the end.

Should the thread end by a fault of its own, nothing is stored any more: every write that waits fails, so does every later
one, and :meth:`Writer.broken` says so. A thread that is begun anew could not tell which writes the last one had done; the
next process can, by reading the store.

What the writes mean is :mod:`bridge.storage.ledger`'s; what they are called, :mod:`bridge.storage.store`'s.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

from sqlalchemy import URL, Connection
from sqlalchemy.exc import SQLAlchemyError

from bridge.engine.ports import StoreError
from bridge.storage.database import Claim, engine_for, ready, reason, sentences, title, worth_another_try
from bridge.storage.ledger import MOST, Ledger
from bridge.storage.writes import Ask, Write

WINDOWS: Final = ((1500, 0.04), (1000, 0.02), (500, 0.005))
"""From so many writes per second on (a message makes two) so many seconds from one commit to the next.

A transaction costs as much as three messages, and what is gathered is done with warm caches: that is worth a wait when
there are many, and not when there are few.
"""
MEMORY: Final = 0.04
"""Seconds over which writes are counted for that."""
LULL: Final = 0.005
"""Seconds without any after which they are over, and what there is waits no longer."""
LINGER: Final = 0.01
"""Seconds for which a write that nobody waits for may wait for company."""
LARGEST: Final = 1000
"""Writes in one transaction."""
ENTERED_AFTER: Final = 1.0
"""Seconds after which what was noted is entered in the tables: by then nearly all of it has been sent."""
AT_LEISURE: Final = 24
"""Writes that are entered at once while they come one by one: what is written next waits for that."""
_FIRST_DELAY, _LONGEST_DELAY = 0.05, 2.0
"""Seconds between attempts at a transaction that is refused."""
_GRACE: Final = 2.0
"""Seconds for which closing goes on trying."""
_SLOW: Final = 5.0
"""Seconds after which a transaction that has not ended is trouble: a server that hangs, a disk that stalls."""

_log = logging.getLogger(__name__)
T = TypeVar("T")
_Entry = tuple[Write, "asyncio.Future[Any]"]


class Pace:
    """How long to wait for company, by how many writes there were lately."""

    def __init__(self) -> None:
        self._level = 0.0  # writes of the last MEMORY seconds, older ones fading
        self._at = 0.0

    def window(self, writes: int, now: float) -> float:
        """Take note of so many writes; returns the seconds until the next commit."""
        self._level = self._level * max(0.0, 1 - (now - self._at) / MEMORY) + writes
        self._at = now
        return next((window for rate, window in WINDOWS if self._level > rate * MEMORY), 0.0)


class Writer:
    """Queues writes in call order, from the loop's thread; does them in its own."""

    def __init__(self, url: URL, ledger: Ledger) -> None:
        self._url = url
        self._ledger = ledger
        self._claim = Claim(url)
        self._engine = engine_for(url)
        self._connection: Connection | None = None
        self._turn: list[_Entry] = []  # queued, and not given to the thread yet
        self._soon = False  # whether they will be in this turn of the loop
        self._timer: asyncio.TimerHandle | None = None  # until they are otherwise
        self._inbox: SimpleQueue[list[_Entry] | None] = SimpleQueue()
        self._queue: list[_Entry] = []  # the thread's
        self._batch: list[_Entry] = []  # what it is writing just now
        self._entered_at = 0.0  # when what is noted has to be entered
        self._trouble = ""
        self._fault = ""  # why the thread has ended
        self._since: float | None = None  # when the transaction under way began
        self._deadline = float("inf")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Future[None] | None = None
        self._broken: asyncio.Future[str] | None = None

    @property
    def trouble(self) -> str:
        """Why writes do not go through, "" when they do."""
        return self._fault or self._trouble or (f"no answer for {_SLOW:.0f} s" if self._under_way() > _SLOW else "")

    def _under_way(self) -> float:
        """Return for how many seconds the transaction under way has been so."""
        since = self._since
        return 0.0 if since is None else time.monotonic() - since

    async def open(self) -> None:
        """Start the thread, and with it the store. Raises: StoreError with one sentence."""
        loop = asyncio.get_running_loop()
        opened: asyncio.Future[None] = loop.create_future()
        self._over = loop.create_future()
        self._broken = loop.create_future()
        threading.Thread(target=self._run, args=(loop, opened, self._over), name="store", daemon=True).start()
        await opened
        self._loop = loop

    def put(self, write: Write, *, soon: bool = True) -> asyncio.Future[Any]:
        """Queue a write; the future has its outcome once it is durable. Call it in the loop's thread.

        With ``soon=False`` it may linger, for it to share a transaction with what comes next.
        """
        loop = self._loop
        if loop is None:
            return _refused(self._fault or "the store is not open")
        future: asyncio.Future[Any] = loop.create_future()
        self._turn.append((write, future))
        if self._soon:
            return future
        if soon:
            self._soon = True
            loop.call_soon(self._hand_over)
        elif self._timer is None:
            self._timer = loop.call_later(LINGER, self._hand_over)
        return future

    def _hand_over(self) -> None:
        """Give the thread all that is queued: it is woken once for it."""
        self._soon = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._turn:
            turn, self._turn = self._turn, []
            self._inbox.put(turn)

    async def broken(self) -> str:
        """Return why the thread has ended by itself, once it has; the store must be open."""
        assert self._broken is not None, "a store that is not open has no thread"
        return await asyncio.shield(self._broken)

    def _break(self, fault: str) -> None:
        """Fail what waits, and from now on everything: the thread is no more."""
        self._loop, self._fault = None, fault
        self._hand_over()
        waiting = [*self._batch, *self._queue]
        while not self._inbox.empty():
            waiting += self._inbox.get() or ()
        _resolve([(future, StoreError(fault)) for _, future in waiting])
        if self._broken is not None:
            self._broken.set_result(fault)

    async def close(self) -> None:
        """Write what is queued and let go of the store; a store in trouble gets two seconds more."""
        over = self._over
        if self._loop is None or over is None:
            return
        self._loop = None
        self._deadline = time.monotonic() + _GRACE
        self._hand_over()
        self._inbox.put(None)
        while not over.done():
            await asyncio.wait([over], timeout=_GRACE)
            if self._under_way() > _GRACE:
                _log.error("%s does not answer: what is queued is given up", title(self._url))
                return

    # From here on everything happens in the thread.

    def _run(self, loop: asyncio.AbstractEventLoop, opened: asyncio.Future[None], over: asyncio.Future[None]) -> None:
        try:
            self._connect()
        except BaseException as error:  # noqa: BLE001 - the boundary of the thread
            self._claim.release()
            failed = error if isinstance(error, StoreError) else StoreError(_ended_by(self._url, error))
            _tell(loop, [(opened, failed)])
            return
        _tell(loop, [(opened, None)])
        fault: BaseException | None = None
        try:
            self._serve(loop)
        except BaseException as error:  # noqa: BLE001 - the boundary of the thread: nobody else would hear of it
            _log.critical("the thread of the store has ended", exc_info=error)
            fault = error
        try:
            self._disconnect()
        finally:
            self._claim.release()
            if fault is not None:
                _on(loop, self._break, _ended_by(self._url, fault))
            _tell(loop, [(over, None)])

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        pace = Pace()
        next_commit, window = 0.0, 0.0
        queue = self._queue
        going_on = True
        while going_on or queue:
            if not queue:
                going_on = self._gather(queue, self._next_turn())
                continue
            self._wait_for_company(next_commit)
            while going_on and not self._inbox.empty():
                going_on = self._gather(queue, self._inbox.get())
            batch = self._batch = queue[:LARGEST]
            del queue[:LARGEST]
            outcomes = self._durably([write for write, _ in batch])
            if not all(isinstance(write, Ask) and write.reads for write, _ in batch):
                now = time.monotonic()
                window = pace.window(len(batch), now)
                next_commit = now + window
            _tell(loop, [(future, outcome) for (_, future), outcome in zip(batch, outcomes, strict=True)])
            if self._ledger.is_full(AT_LEISURE if not window else MOST) or time.monotonic() >= self._entered_at:
                self._enter()
        self._enter()

    def _wait_for_company(self, until: float) -> None:
        """Let more be queued until then, for as long as more is."""
        while (pause := until - time.monotonic()) > 0:
            before = self._inbox.qsize()
            time.sleep(min(pause, LULL))
            if self._inbox.qsize() == before:
                return

    def _enter(self) -> None:
        """Enter what was noted in the tables."""
        if self._ledger.has_noted:
            self._durably(())

    def _next_turn(self) -> list[_Entry] | None:
        """Wait for what is queued next; enter meanwhile what was noted."""
        if self._ledger.has_noted:
            try:
                return self._inbox.get(timeout=max(0.0, self._entered_at - time.monotonic()))
            except Empty:
                self._enter()
        return self._inbox.get()

    def _gather(self, queue: list[_Entry], turn: list[_Entry] | None) -> bool:
        """Add what was queued in one turn of the loop; returns False when it is the order to stop."""
        if turn is None:
            return False
        queue.extend(turn)
        return True

    def _durably(self, writes: Sequence[Write]) -> list[object]:
        """Return the outcomes of these writes, however long it takes; without any, enter what is noted."""
        delay = _FIRST_DELAY
        while True:
            try:
                outcomes = self._transact(writes)
            except StoreError as trouble:
                if not self._wait(str(trouble), delay):
                    return [trouble] * len(writes)
                delay = min(delay * 2, _LONGEST_DELAY)
            except Exception as fault:  # noqa: BLE001 - the boundary: one bad value may not stop everything
                if self._ledger.doubt():
                    continue
                if half := len(writes) // 2:
                    return [*self._durably(writes[:half]), *self._durably(writes[half:])]
                _log.error("a %s cannot be stored: %s", type(writes[0]).__name__, type(fault).__name__)
                _log.debug("because of", exc_info=fault)
                return [StoreError(f"this cannot be stored: {type(fault).__name__}")]
            else:
                self._recover()
                return outcomes

    def _transact(self, writes: Sequence[Write]) -> list[object]:
        """Do one transaction. Raises: StoreError when it is worth trying again."""
        self._since = time.monotonic()
        connection = self._connection or self._connect()
        had_noted = self._ledger.has_noted
        try:
            outcomes = self._ledger.transact(connection, writes)
        except Exception as error:
            if self._is_broken(connection):
                self._disconnect()
            if worth_another_try(error, self._engine.dialect):
                raise StoreError(reason(error, self._url)) from error
            raise
        finally:
            self._since = None
        if not had_noted:
            self._entered_at = time.monotonic() + ENTERED_AFTER
        return outcomes

    def _is_broken(self, connection: Connection) -> bool:
        """Return whether a connection has to be made anew; asked after a transaction that was rolled back."""
        if connection.invalidated or connection.dialect.name == "sqlite":
            return connection.invalidated
        try:
            connection.rollback()
            connection.exec_driver_sql("SELECT 1")
            connection.rollback()
        except SQLAlchemyError:
            return True
        return connection.invalidated

    def _connect(self) -> Connection:
        try:
            with sentences(self._url):
                connection = self._connection = ready(self._engine, self._url, self._claim)
                self._ledger.load(connection)
        except StoreError:
            self._disconnect()
            raise
        except Exception as error:  # a migration that stumbles, say: no reason to lose what is queued
            self._disconnect()
            msg = f"{title(self._url)} cannot be used: {type(error).__name__}: {reason(error, self._url)}"
            raise StoreError(msg) from error
        return connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.close()
        except SQLAlchemyError as error:
            _log.debug("closing the store: %s", type(error).__name__)

    def _wait(self, trouble: str, delay: float) -> bool:
        """Wait before another attempt; returns False when there shall be none."""
        if trouble != self._trouble:
            _log.warning("%s takes no writes, trying again: %s", title(self._url), trouble)
            self._trouble = trouble
        until = min(time.monotonic() + delay, self._deadline)
        while (rest := min(until, self._deadline) - time.monotonic()) > 0:
            time.sleep(min(rest, 0.1))
        return time.monotonic() < self._deadline

    def _recover(self) -> None:
        if self._trouble:
            _log.warning("%s takes writes again", title(self._url))
            self._trouble = ""


def _ended_by(url: URL, fault: BaseException) -> str:
    return f"{title(url)} is written no more, by a fault in the bridge: {type(fault).__name__}"


def _refused(why: str) -> asyncio.Future[Any]:
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    future.set_exception(StoreError(why))
    future.exception()  # who does not wait need not be told
    return future


def _tell(loop: asyncio.AbstractEventLoop, outcomes: list[tuple[asyncio.Future[Any], object]]) -> None:
    """Resolve futures on the loop, all in one call."""
    _on(loop, _resolve, outcomes)


def _on(loop: asyncio.AbstractEventLoop, call: Callable[[T], None], value: T) -> None:
    try:
        loop.call_soon_threadsafe(call, value)
    except RuntimeError:
        _log.debug("the loop ended before its store")


def _resolve(outcomes: list[tuple[asyncio.Future[Any], object]]) -> None:
    for future, outcome in outcomes:
        if future.done():  # cancelled: whoever waited has gone, the write is done all the same
            continue
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
            future.exception()  # it was logged: not once more when nobody waited
        else:
            future.set_result(outcome)
