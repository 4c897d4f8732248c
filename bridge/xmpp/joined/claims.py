"""Which of our ghosts has, or has asked for, which nick of a room; which it would rather have, and when it may.

A nick that is taken gets the name of the network behind it (:func:`bridge.core.nicks.muc_candidates`). Nicks are taken by
others, as the room shows them, and by each other; two that the service cannot tell apart are one. Where two of ours
wanted the same nick, it is kept in mind who had it: after a restart each has the nick that it had, whoever comes first.
No I/O: asking the service is the ghosts'.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

from bridge.core.ids import Person
from bridge.core.nicks import MUC_RULES, choose, clean, muc_candidates, nick_key
from bridge.xmpp.joined.ghost import Ghost, Stage

RECLAIM = 3.0
"""Seconds until a nick that became free is taken back: whoever had it may be about to return."""
MOST = 20
"""Nicks that are tried, one after the other, before pausing."""
PLAINEST = 2
KEEP = 7 * 86_400_000
"""Milliseconds for which a nick is kept for somebody who is not seen any more."""

Occupied = Callable[[str, str], bool]
"""Whether somebody other than an address of ours (second) has a nick with this key (first)."""


class Keeping(NamedTuple):
    """Whose a nick is, and since when that is known."""

    person: Person
    at: int


class Claims:
    """The nicks of all ghosts of one room."""

    def __init__(self, occupied: Occupied) -> None:
        self._occupied = occupied
        self._by_nick: dict[str, Ghost] = {}  # exactly as held or asked for
        self._by_key: dict[str, Ghost] = {}
        self._longing: dict[str, Ghost] = {}  # by the key of what they would rather have
        self._freed: deque[tuple[float, Ghost]] = deque()  # when they may have it
        self._kept: dict[str, Keeping] = {}  # by key: whose a nick is that several of ours wanted

    def at(self, nick: str) -> Ghost | None:
        """Return the ghost that has exactly this nick, or has asked for it."""
        return self._by_nick.get(nick)

    def choose(self, ghost: Ghost) -> str:
        """Return the best nick for a ghost that nobody else has."""
        candidates = muc_candidates(stem(ghost), person=ghost.person)
        return choose(candidates, taken=_Taken(self._occupied, self._by_key, self._kept, ghost), rules=MUC_RULES)

    def take(self, ghost: Ghost, nick: str) -> None:
        """Let a ghost have this nick and no other, or ask for it on its way in."""
        self.release(ghost)
        ghost.nick = nick
        self._by_nick[nick] = self._by_key[nick_key(nick)] = ghost

    def reach_for(self, ghost: Ghost, nick: str) -> None:
        """Let a ghost ask for a nick while it keeps the one that it has."""
        self.stay(ghost)
        ghost.moving_to = nick
        self._by_nick[nick] = self._by_key[nick_key(nick)] = ghost

    def stay(self, ghost: Ghost) -> None:
        """Let a ghost keep the nick that it has, and ask for no other."""
        if ghost.moving_to:
            self.take(ghost, ghost.nick)

    def release(self, ghost: Ghost) -> None:
        """Let go of all nicks that a ghost has or has asked for."""
        for nick in filter(None, (ghost.nick, ghost.moving_to)):
            if self._by_nick.get(nick) is ghost:
                del self._by_nick[nick]
            if self._by_key.get(nick_key(nick)) is ghost:
                del self._by_key[nick_key(nick)]
        ghost.nick = ghost.moving_to = ""
        ghost.moves = False

    def clear(self) -> None:
        """Forget everything: nobody is in the room."""
        for ghost in {*self._by_nick.values(), *self._longing.values()}:
            ghost.nick = ghost.moving_to = ghost.longs_for = ""
            ghost.moves = False
            ghost.tried.clear()
        self._by_nick.clear()
        self._by_key.clear()
        self._longing.clear()
        self._freed.clear()

    # -- refused nicks

    def taken(self, ghost: Ghost, nick: str) -> bool:
        """Take note that the service calls a nick taken; False when enough have been tried."""
        if len(ghost.tried) >= MOST:
            ghost.tried.clear()
            return False
        ghost.tried.add(nick_key(nick))
        return True

    def disliked(self, ghost: Ghost) -> bool:
        """Take note that the service refuses what a nick is made of; False when there is nothing plainer."""
        if ghost.plainness >= PLAINEST:
            return False
        ghost.plainness += 1
        return True

    # -- better nicks

    def settled(self, ghost: Ghost, now: int) -> bool:
        """Take note that a ghost has got a nick; perhaps it would rather have another. ``now``: ms since the epoch.

        Returns whether what is kept has changed.
        """
        ghost.tried.clear()
        self.content(ghost)
        wished, has = nick_key(stem(ghost)), nick_key(ghost.nick)
        if wished != has:
            ghost.longs_for = wished
            self._longing[wished] = ghost
        rival = self._by_key.get(wished)
        if wished != has and rival is not None:
            self._kept[wished] = Keeping(rival.person, now)
        elif has not in self._kept:
            return False
        self._kept[has] = Keeping(ghost.person, now)
        return True

    # -- what outlives a restart

    def kept(self, known: str | None = None, *, now: int = 0) -> str:
        """Take what an earlier run kept, if any is given, without what is too old; return what is to be kept now."""
        if known:
            found = msgspec.json.decode(known, type=dict[str, Keeping])
            self._kept = {key: each for key, each in found.items() if now - each.at < KEEP}
        return msgspec.json.encode(self._kept).decode()

    def let_go(self, person: Person) -> bool:
        """Forget which nicks were somebody's: they are shown no more. Returns whether that changes anything."""
        before = len(self._kept)
        self._kept = {key: each for key, each in self._kept.items() if each.person != person}
        return len(self._kept) < before

    def content(self, ghost: Ghost) -> None:
        """Let a ghost long for nothing."""
        if self._longing.get(ghost.longs_for) is ghost:
            del self._longing[ghost.longs_for]
        ghost.longs_for = ""

    def freed(self, nick: str, now: float) -> None:
        """Learn that nobody has this nick any more."""
        ghost = self._longing.get(nick_key(nick))
        if ghost is not None:
            self._freed.append((now + RECLAIM, ghost))

    def due(self, now: float) -> Iterator[Ghost]:
        """Yield who may try now to have what they long for."""
        while self._freed and self._freed[0][0] <= now:
            ghost = self._freed.popleft()[1]
            if ghost.longs_for and ghost.stage is Stage.PRESENT and ghost.wanted and not ghost.moving_to:
                ghost.tried.clear()
                yield ghost


def stem(ghost: Ghost) -> str:
    """Return the nick that a ghost would have if it were free: plainer after the service has refused the nicer one."""
    name = ghost.member.name
    if ghost.plainness:
        name = "".join(c for c in name if c.isascii() and c.isprintable()) if ghost.plainness == 1 else ""
    return clean(name, rules=MUC_RULES, person=ghost.person)


class _Taken:
    """The keys of nicks that a ghost cannot have: a container that asks instead of being filled."""

    __slots__ = ("_by_key", "_ghost", "_kept", "_occupied")

    def __init__(self, occupied: Occupied, by_key: dict[str, Ghost], kept: dict[str, Keeping], ghost: Ghost) -> None:
        self._occupied = occupied
        self._by_key = by_key
        self._kept = kept
        self._ghost = ghost

    def __contains__(self, key: object) -> bool:
        if not isinstance(key, str) or key in self._ghost.tried:
            return True
        if self._by_key.get(key, self._ghost) is not self._ghost:
            return True
        if key in self._kept and self._kept[key].person != self._ghost.person:
            return True
        return self._occupied(key, self._ghost.address)
