"""What the engine counts: names and numbers, nothing that knows how they are shown.

The engine adds, ``bridge.web`` reads. The only label is the network: never a room, a person or an address.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from enum import StrEnum

from bridge.core.ids import Network


class Count(StrEnum):
    """What is counted; the value is the metric's name, :attr:`means` its help text."""

    EVENTS = "events"
    UNLINKED = "events_unlinked"
    REPEATS = "events_repeated"
    LOOPS = "events_looped"
    UNRESOLVED = "events_unresolved"
    FORBIDDEN = "events_forbidden"
    IMPOSSIBLE = "events_impossible"
    REFUSED = "events_refused"
    CAST_OUT = "events_cast_out"
    PLANNED = "deliveries_planned"
    SENT = "deliveries_sent"
    RETRIED = "deliveries_retried"
    RELAYED = "deliveries_relayed"
    MERGED = "deliveries_merged"
    BURIED = "deliveries_buried"
    EXPIRED = "deliveries_expired"
    DROPPED = "deliveries_dropped"
    UNCERTAIN = "deliveries_uncertain"
    FAULTS = "faults"
    RESTARTS = "network_restarts"
    JOINS = "puppet_joins"
    LEAVES = "puppet_leaves"
    EVICTED = "puppets_evicted"
    IDLED = "puppets_idled"
    HELD = "departures_held"
    NOTICES = "notices"
    UNTOLD = "notices_untold"
    UNMIRRORED = "kicks_unmirrored"

    __hash__ = str.__hash__  # an Enum's own is written in Python, and this one is looked up several times a message

    @property
    def means(self) -> str:
        """Say in a sentence what is counted."""
        return _MEANINGS[self]


_MEANINGS = {
    Count.EVENTS: "Facts taken from a network",
    Count.UNLINKED: "Facts dropped because their room is in no link",
    Count.REPEATS: "Facts dropped because they were known already",
    Count.LOOPS: "Facts dropped because this bridge had said them, or because a room went in circles",
    Count.UNRESOLVED: "Edits, retractions and reactions dropped because nobody knows their message",
    Count.FORBIDDEN: "Edits and retractions dropped because they were not of their sender's own message",
    Count.IMPOSSIBLE: "Rooms that were not told of a fact, because their network cannot carry it",
    Count.REFUSED: "Facts refused because too many waited for the store",
    Count.CAST_OUT: "Facts dropped because they were an outcast's",
    Count.PLANNED: "Deliveries put into the outbox",
    Count.SENT: "Deliveries that a network has accepted",
    Count.RETRIED: "Deliveries put back, to be tried again",
    Count.RELAYED: "Deliveries that lost their puppet and were said by the relay",
    Count.MERGED: "Corrections left out because a later one of the same message was waiting already",
    Count.BURIED: "Deliveries given up",
    Count.EXPIRED: "Deliveries given up because they had waited for longer than they may",
    Count.DROPPED: "Passing deliveries (notices, kicks) left out because their room was busy",
    Count.UNCERTAIN: "Deliveries of which nobody knows whether they arrived",
    Count.FAULTS: "Exceptions out of a connector that no contract foresees",
    Count.RESTARTS: "Times that a network was started again after a crash",
    Count.JOINS: "Wishes to show somebody",
    Count.LEAVES: "Wishes to show somebody no more",
    Count.EVICTED: "Puppets that gave their place to somebody more active",
    Count.IDLED: "Puppets that left because their person was silent for long",
    Count.HELD: "Departures held back because many came at once",
    Count.UNMIRRORED: "Kicks not mirrored because many were removed at once, or the bridge itself was",
    Count.NOTICES: "Notices to people whose message did not arrive",
    Count.UNTOLD: "Notices that nobody got, because their network has no private messages",
}

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds, in seconds, of the buckets of :class:`Spread`; beyond the last there is one more."""


class Spread:
    """How long something took: a histogram with the buckets of :data:`BOUNDS`."""

    __slots__ = ("buckets", "total")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds


class Counters:
    """All counts since the start, by network."""

    __slots__ = ("_counts", "_sending")

    def __init__(self) -> None:
        self._counts: defaultdict[tuple[Count, Network], int] = defaultdict(int)
        self._sending: dict[Network, Spread] = {}

    def add(self, count: Count, network: Network, *, times: int = 1) -> None:
        """Count one thing, or several, of a network."""
        self._counts[count, network] += times

    def took(self, network: Network, seconds: float) -> None:
        """Note how long a network took from ``send`` to its answer."""
        spread = self._sending.get(network)
        if spread is None:
            spread = self._sending[network] = Spread()
        spread.add(seconds)

    def get(self, count: Count, network: Network | None = None) -> int:
        """Return one count: of one network, or of all."""
        if network is not None:
            return self._counts.get((count, network), 0)
        return sum(number for (name, _), number in self._counts.items() if name is count)

    def __iter__(self) -> Iterator[tuple[Count, Network, int]]:
        """Yield everything counted so far."""
        for (count, network), number in self._counts.items():
            yield count, network, number

    def sending(self) -> dict[Network, Spread]:
        """Return how long each network took to accept deliveries."""
        return dict(self._sending)
