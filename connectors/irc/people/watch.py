"""Learning whether nicks are there: from the server's own MONITOR or WATCH where it has one, else by asking ISON now and then.

Two sets are watched over one connection. Of *contested* nicks, which somebody else has and one of ours should have, it is told when they
are free; of *people* in somebody's contact list, whether they are there and whether they are away. What does not fit into the server's
list is asked for. Whoever is seen in a channel of ours is seen anyway. Pure but for its timer; used by ``sightings``.

Specification: IRCv3 monitor, extended-monitor; modern IRC, ISON and USERHOST; WATCH as UnrealIRCd and bahamut have it.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Final, TypeVar

from connectors.irc.connection.client import Congested, Connection, Line

_ROOM: Final = 400
"""Bytes of nicks in one line."""
_ROWS: Final = 10
"""Lines of one kind that are asked at a time."""
_HOSTS: Final = 5
"""Nicks that USERHOST takes."""
_WATCH: Final = {
    "600": (True, None),
    "601": (False, None),
    "604": (True, None),
    "605": (False, None),
    "597": (True, True),
    "598": (True, True),
    "599": (True, False),
    "609": (True, True),
}
"""Numerics of WATCH: whether somebody is there, and whether away (None: not told)."""

T = TypeVar("T")
Seen = Callable[[str, bool, bool | None], None]


class NickWatch:
    """The nicks that are looked out for."""

    def __init__(
        self,
        freed: Callable[[str], None],
        seen: Seen,
        *,
        every: float,
        looks: float,
        present: Callable[[], Collection[str]],
    ) -> None:
        """``freed`` is called with a contested nick that nobody has; ``seen`` with a nick, whether it is there, and away.

        Where the server does not tell by itself it is asked ``every`` so many seconds, or after ``looks``, as soon as there
        are people. ``present`` are the folded nicks of people who are there, of whom it is asked whether they are away.
        """
        self._freed = freed
        self._seen = seen
        self._every = every
        self._looks = looks
        self._present = present
        self._contested: frozenset[str] = frozenset()
        self._people: frozenset[str] = frozenset()
        self._listed: frozenset[str] = frozenset()  # what the server looks out for
        self._polled: frozenset[str] = frozenset()  # what it does not
        self._most = 0  # that it takes
        self._turn = 0  # of asking
        self._asked: deque[frozenset[str]] = deque()
        self._connection: Connection | None = None
        self._timer: asyncio.TimerHandle | None = None

    def up(self, connection: Connection) -> None:
        """Begin with a connection that watches nothing yet."""
        self._connection = connection
        self._listed = self._polled = frozenset()
        self._asked.clear()
        self._most = _capacity(connection)
        self._adjust()

    def down(self) -> None:
        """Stop: there is no connection."""
        self._connection = None
        self._stop()

    def watch(self, contested: frozenset[str]) -> None:
        """Tell when one of these nicks, and of no others, is free."""
        self._contested = contested
        self._adjust()

    def look_for(self, people: frozenset[str]) -> None:
        """Tell of these people, and of no others, whether they are there."""
        self._people = people
        self._adjust()

    def look_closer(self, nicks: Iterable[str]) -> None:
        """Ask of people who are there whether they are away, unless the server tells that by itself."""
        connection = self._connection
        if connection is None or _tells_away(connection):
            return
        waiting = self._turn_of(sorted(nicks), _HOSTS * _ROWS)
        with contextlib.suppress(Congested, ValueError):
            for start in range(0, len(waiting), _HOSTS):
                connection.send("USERHOST", *waiting[start : start + _HOSTS])

    def line(self, line: Line) -> None:
        """Take what the server says of nicks."""
        match line.command:
            case "730" | "731":
                for who in line.text.split(","):
                    self._is(who.partition("!")[0], there=line.command == "730")
            case "734":
                self._full(line)
            case "303" if self._asked:
                self._answered(line)
            case "302":
                self._hosts(line)
            case numeric if numeric in _WATCH:
                there, away = _WATCH[numeric]
                self._is(line.param(1), there=there, away=away)
            case _:
                pass

    def _is(self, nick: str, *, there: bool, away: bool | None = None) -> None:
        connection = self._connection
        if connection is None or not nick:
            return
        folded = connection.isupport.fold(nick)
        if folded in self._people:
            self._seen(nick, there, away)
        if not there and folded in self._contested:
            self._freed(nick)

    def _answered(self, line: Line) -> None:
        """Read ``303 me :nick nick``: who of those asked for is there."""
        connection = self._connection
        asked = self._asked.popleft()
        if connection is None:
            return
        there = {connection.isupport.fold(nick) for nick in line.text.split(" ") if nick}
        for nick in sorted(asked):
            self._is(nick, there=nick in there)

    def _hosts(self, line: Line) -> None:
        """Read ``302 me :nick*=+user@host``: "-" is away, "*" an operator."""
        for entry in line.text.split():
            nick, equals, rest = entry.partition("=")
            if equals and rest[:1] in "+-":
                self._is(nick.removesuffix("*"), there=True, away=rest[0] == "-")

    def _full(self, line: Line) -> None:
        """Read ``734 me limit nick,nick :full``: these have to be asked for."""
        connection = self._connection
        if connection is not None:
            fold = connection.isupport.fold
            self._listed -= {fold(nick) for nick in line.param(2).split(",")}
            self._most = len(self._listed)
            self._adjust()

    def _adjust(self) -> None:
        """Have the server look out for as much as it takes, contested nicks first."""
        connection = self._connection
        if connection is None:
            return
        wanted = [*sorted(self._contested), *sorted(self._people - self._contested)]
        listed, polled = frozenset(wanted[: self._most]), frozenset(wanted[self._most :])
        new, self._polled = polled - self._polled, polled
        before, self._listed = self._listed, listed
        with contextlib.suppress(Congested, ValueError):
            _tell(connection, before - listed, listed - before)
        self._ask_ison(new & self._people)
        self._wait()

    def _wait(self) -> None:
        if self._connection is None or not (self._polled or self._people):
            self._stop()
        elif self._timer is None:
            pause = self._looks if self._people else self._every
            self._timer = asyncio.get_running_loop().call_later(pause, self._ask)

    def _ask(self) -> None:
        self._timer = None
        self._turn += 1
        self._wait()
        self._ask_ison(self._polled)
        self.look_closer(self._present())

    def _ask_ison(self, nicks: frozenset[str]) -> None:
        connection = self._connection
        if connection is None:
            return
        with contextlib.suppress(Congested, ValueError):
            for row in self._turn_of(list(_rows(nicks)), _ROWS):
                connection.send("ISON", *row)
                self._asked.append(frozenset(row))

    def _turn_of(self, waiting: list[T], most: int) -> list[T]:
        """Return so many of those whose turn it is: where there are more, others are next."""
        start = self._turn * most % max(len(waiting), 1) if len(waiting) > most else 0
        return (waiting[start:] + waiting[:start])[:most]

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _capacity(connection: Connection) -> int:
    """Return how many nicks the server looks out for."""
    isupport, endless = connection.isupport, 10_000
    if isupport.monitor >= 0:
        return isupport.monitor or endless
    watch = isupport.tokens.get("WATCH")
    if watch is None:
        return 0
    return int(watch) if watch.isascii() and watch.isdigit() and len(watch) < 6 else endless


def _tell(connection: Connection, fewer: frozenset[str], more: frozenset[str]) -> None:
    """Change what the server looks out for."""
    if connection.isupport.monitor >= 0:
        for sign, nicks in (("-", fewer), ("+", more)):
            for row in _rows(nicks):
                connection.send("MONITOR", sign, ",".join(row))
        return
    tells = ["A"] if "A" in connection.isupport.tokens.get("WATCHOPTS", "") else []
    for sign, nicks in (("-", fewer), ("+", more)):
        for row in _rows(frozenset(f"{sign}{nick}" for nick in nicks)):
            connection.send("WATCH", *(tells if sign == "+" else ()), *row)


def _tells_away(connection: Connection) -> bool:
    """Tell whether the server says by itself who of those it looks out for is away."""
    if connection.isupport.monitor >= 0:
        return {"extended-monitor", "away-notify"} <= connection.caps
    return "A" in connection.isupport.tokens.get("WATCHOPTS", "")


def _rows(nicks: frozenset[str]) -> Iterator[list[str]]:
    """Yield the nicks in rows that fit into a line."""
    row: list[str] = []
    size = 0
    for nick in sorted(nicks):
        needed = len(nick.encode()) + 1
        if row and size + needed > _ROOM:
            yield row
            row, size = [], 0
        row.append(nick)
        size += needed
    if row:
        yield row
