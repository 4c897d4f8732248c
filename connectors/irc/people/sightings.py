"""Who of the people in users' contact lists is there, and who is away.

One connection looks out for them: the listener's, else a puppet's. What is seen in channels, by it or by whichever puppet reads
one, counts as well as what it is told by ``watch``. When it is lost nothing is known, so nobody is there until the next one has
looked. Whom to look out for outlasts the run.
"""

import asyncio
from collections.abc import Callable, Iterable

from bridge.core.events import Presence, Show
from bridge.core.ids import PersonId
from connectors.irc.connection.client import Connection, Line
from connectors.irc.people.watch import NickWatch
from connectors.irc.reading.attendance import plain
from connectors.irc.reading.channels import AWAY
from connectors.irc.scene import Scene

_MOVES = frozenset({"AWAY", "JOIN", "NICK", "QUIT"})
TOLD = frozenset({"302", "303", "597", "598", "599", "600", "601", "604", "605", "609", "730", "731", "734"})
"""Numerics that say who is there."""


class Sightings:
    """The people that are looked out for, on one network."""

    def __init__(self, scene: Scene, people: set[PersonId], freed: Callable[[str], None]) -> None:
        """``people`` is kept by the connector; ``freed`` is called with a contested nick that nobody has."""
        self._scene = scene
        self._wanted = people
        self._nicks: dict[str, list[PersonId]] = {}  # of them, folded, without what no server would take for a nick
        self._states: dict[str, Presence] = {}  # by folded nick: who is there
        self._connection: Connection | None = None
        self._due: asyncio.Handle | None = None
        pace = scene.pace
        self._watch = NickWatch(freed, self._saw, every=pace.nick, looks=pace.sight, present=lambda: self._states)

    # -- over which connection

    def up(self, connection: Connection) -> None:
        """Look out over this connection, if there is none yet."""
        if self._connection is None:
            self._connection = connection
            self._refold()
            self._watch.up(connection)

    def down(self, connection: Connection | None, others: Iterable[Connection] = ()) -> None:
        """Look out no more over this connection, but over the first of the others."""
        if connection is None or self._connection is not connection:
            return
        self._connection = None
        self._watch.down()
        if self._due is not None:
            self._due.cancel()
            self._due = None
        for nick in list(self._states):
            self._is(nick, None)
        for other in others:
            if other is not connection:
                self.up(other)
                return

    def end(self) -> None:
        """See nobody any more: the run ends."""
        self.down(self._connection)

    # -- whom

    def contest(self, nicks: frozenset[str]) -> None:
        """Tell when one of these folded nicks is free."""
        self._watch.watch(nicks)

    def sight(self, person: PersonId) -> None:
        """Look anew whom to look out for; ``person`` has come to that, or has gone from it."""
        if person not in self._wanted or person not in self._nicks.get(self._scene.view.fold(person), ()):
            self._refold_soon()
            return
        known = self._states.get(self._scene.view.fold(person))
        if known is not None:
            self._scene.hub.sighted(person, known)

    def _refold_soon(self) -> None:
        """Look out for others than before, once for all that changes in this turn of the loop."""
        if self._due is None and self._connection is not None:
            self._due = self._scene.loop.call_soon(self._refold)

    def _refold(self) -> None:
        """Look out for whom it is wanted, tell what is known of the new ones, and forget the others."""
        self._due = None
        fold, before = self._scene.view.fold, self._nicks
        self._nicks = {}
        for person in self._wanted:
            if _is_nick(person):
                self._nicks.setdefault(fold(person), []).append(person)
        self._watch.look_for(frozenset(self._nicks))
        self._states = {nick: state for nick, state in self._states.items() if nick in self._nicks}
        for nick in self._nicks.keys() - before.keys():
            user = self._scene.view.user(nick)
            if user is not None:
                self._saw(user.nick, True, user.away is not None)  # noqa: FBT003 - as Seen says

    # -- what is seen

    def line(self, connection: Connection, line: Line) -> None:
        """Take a line: an answer to the connection that looks out, or what any of ours sees somebody do."""
        if line.command in TOLD:
            if connection is self._connection:
                self._watch.line(line)
        elif line.command in _MOVES and self._nicks and self._connection is not None:
            self._moved(line)

    def _moved(self, line: Line) -> None:
        fold = self._scene.view.fold
        if fold(line.nick) in self._nicks:
            match line.command:
                case "AWAY" if line.text:
                    self._is(fold(line.nick), Presence(Show.AWAY, plain(line.text) or AWAY))
                case "AWAY":
                    self._is(fold(line.nick), Presence())
                case "JOIN" if fold(line.nick) not in self._states:
                    self._saw(line.nick, True, None)  # noqa: FBT003 - as Seen says
                case "QUIT" | "NICK" if line.command == "QUIT" or fold(line.param(0)) != fold(line.nick):
                    self._is(fold(line.nick), None)
                case _:
                    pass
        if line.command == "NICK" and fold(line.param(0)) in self._nicks:
            self._saw(line.param(0), True, None)  # noqa: FBT003 - as Seen says

    def _saw(self, nick: str, there: bool, away: bool | None) -> None:  # noqa: FBT001 - as Seen says
        folded = self._scene.view.fold(nick)
        if not there:
            self._is(folded, None)
            return
        before = self._states.get(folded)
        user = self._scene.view.user(nick)
        words = user.away if user is not None and user.away else AWAY
        if away is None and user is not None:
            away = user.away is not None
        match away:
            case True:
                known = before is not None and before.show is Show.AWAY and before.status != AWAY
                self._is(folded, before if known else Presence(Show.AWAY, words))
            case False:
                self._is(folded, Presence())
            case None if before is None:
                self._is(folded, Presence())
                self._watch.look_closer([folded])
            case None:
                pass

    def _is(self, folded: str, presence: Presence | None) -> None:
        if self._states.get(folded) == presence:
            return
        if presence is None:
            del self._states[folded]
        else:
            self._states[folded] = presence
        for person in () if self._scene.is_closed else self._nicks.get(folded, ()):
            self._scene.hub.sighted(person, presence)


def _is_nick(person: PersonId) -> bool:
    return (
        bool(person) and person.isprintable() and " " not in person and "," not in person and person[0] not in "#&+-:$"
    )
