"""What all rooms of the connector share: the component, the clock, the hub, the names; and how a fact gets out.

A plain holder, made by the connector and given to its parts; in tests it is made of fakes. No decisions here.
"""

import asyncio
import random
import secrets
from collections import deque
from collections.abc import Callable, Coroutine
from functools import partial
from itertools import count
from typing import Any, Protocol

from bridge.connector import Hub
from bridge.core.content import Attachment
from bridge.core.events import Event, Member, Origin, RoomOpened
from bridge.core.ids import EventKey, Person, Room
from bridge.core.jids import TooLong, to_localpart
from bridge.engine.ports import Clock
from bridge.xmpp.messages.sharing import Placed
from bridge.xmpp.ports import Component

RESOURCE = "linkspan"
"""Resource of the listener and of every ghost: ``bob%libera@bridge.example.org/linkspan``."""


def _ignore_alarm(_room: Room, _words: str) -> None:
    """Tell nobody."""


def _no_avatar(_member: Member) -> str:
    """Show nobody's picture."""
    return ""


def _ignore() -> None:
    """Do nothing."""


class Placing(Protocol):
    """Puts files where everybody can fetch them."""

    def needed(self, file: Attachment) -> bool:
        """Tell whether a file has to be put somewhere before it is said."""

    async def place(self, file: Attachment, by: Person | None = None) -> Placed:
        """Return a file where everybody can fetch it, as well as that can be done; ``by``: whose it is."""

    def look(self) -> None:
        """Look for the service anew."""

    def bound(self, takes: Callable[[Person | None, int], str]) -> None:
        """Ask before a file is put there."""


class Unplaced:
    """Leaves files where they are."""

    def needed(self, file: Attachment) -> bool:  # noqa: ARG002
        """Need nothing."""
        return False

    async def place(self, file: Attachment, by: Person | None = None) -> Placed:  # noqa: ARG002
        """Leave it where it is."""
        return Placed(file=file)

    def look(self) -> None:
        """Look for nothing."""

    def bound(self, takes: Callable[[Person | None, int], str]) -> None:
        """Put nothing anywhere."""


class Surroundings:
    """Shared by the connector and its rooms."""

    def __init__(
        self,
        *,
        component: Component,
        clock: Clock,
        instance: str,
        nick: str,
        token: Callable[[], str] = lambda: secrets.token_hex(8),
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.component = component
        self.clock = clock
        self.instance = instance
        self.nick = nick  # wanted for the listener
        self.token = token
        self.jitter = jitter
        self.listener = f"{component.domain}/{RESOURCE}"
        self.hub: Hub | None = None  # while the connector runs
        self.alarm: Callable[[Room, str], None] = _ignore_alarm  # tells the admins about a room
        self.changed: Callable[[], None] = _ignore  # a room is in another state
        self.uploads: Placing = Unplaced()
        self.avatar: Callable[[Member], str] = _no_avatar  # SHA-1 of somebody's picture, "" while there is none
        self.up = asyncio.Event()  # while the stream is
        self.entering = asyncio.Semaphore(20)  # listeners on their way into rooms
        self._tasks: asyncio.TaskGroup | None = None
        self._numbers = count()
        self._settling = False
        self._behind: deque[Callable[[], object]] = deque()  # what waits until something is settled

    def start(self, hub: Hub, tasks: asyncio.TaskGroup) -> None:
        """Take the hub and the task group of a run."""
        self.hub, self._tasks = hub, tasks

    def stop(self) -> None:
        """Let go of both: nothing is emitted any more."""
        self.hub = self._tasks = None

    def spawn(self, work: Coroutine[Any, Any, object]) -> bool:
        """Do something rare that has to wait for answers; it ends with the run. False when that is over."""
        if self._tasks is None:
            work.close()
            return False
        self._tasks.create_task(work)
        return True

    def emit(self, event: Event) -> None:
        """Hand a fact to the hub; order is kept, nobody waits."""
        if self.hub is None:
            return
        if self._settling:
            self._behind.append(partial(self.hub.emit, event))
        else:
            self.hub.emit(event)

    def emit_at_once(self, event: RoomOpened) -> None:
        """Hand on that a room is open, before anything can be said there: it may be that something else is to be said first."""
        if self.hub is not None:
            self.hub.emit(event)

    def settles(self) -> None:
        """Let what comes next be stored behind what was just confirmed.

        Whoever awaits that is called in the next turn of the loop. So a fact that is stored proves that everything of ours
        that the room had said before it is settled, and after a kill the archive has to be read from there only.
        """
        if not self._settling:
            self._settling = True
            asyncio.get_running_loop().call_soon(self._pass_on, 0)

    def _pass_on(self, ready: int) -> None:
        """Hand on the first of what waits, behind whose confirmations we were called; then, a turn later, the rest.

        Not each by a call of its own: uvloop may read from a socket between two of them, and what is read would overtake.
        """
        behind = self._behind
        for _ in range(ready):
            behind.popleft()()
        if behind:
            asyncio.get_running_loop().call_soon(self._pass_on, len(behind))
        else:
            self._settling = False

    def congested(self) -> bool:
        """Whether the hub had better not be given more now: what can be asked for again is not taken."""
        return self.hub is not None and bool(self.hub.congested())

    def remember(self, name: str, value: str) -> None:
        """Keep a small text over restarts."""
        if self.hub is None:
            return
        if self._settling:
            self._behind.append(partial(self.hub.remember, name, value))
        else:
            self.hub.remember(name, value)

    def origin(self, room: Room) -> Origin:
        """Return where and when a state is: the key only says that it is none of the others."""
        return Origin(room=room, key=EventKey(f"state {next(self._numbers)}"), at=self.clock.now())

    def ghost_address(self, person: Person) -> str | None:
        """Return the bare JID that stands for somebody, None when their id is longer than any address."""
        try:
            return f"{to_localpart(person.id, person.network)}@{self.component.domain}"
        except TooLong:
            return None
