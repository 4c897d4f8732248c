"""What was to be reached, beside what a run has measured: the table at the end of ``make bench``.

Pure: figures in, rows out. Every goal names the figures that it is about; where a run has not measured them, the row says
so. Ratios are of figures of the same run, since machines differ and change.
"""

from collections.abc import Callable

import msgspec

from bench.figures import Known

_WAYS = ("out", "in")
_MODULE, _STOCK = "prosody+module", "prosody"


class Row(msgspec.Struct, frozen=True):
    """One goal and what became of it; ``reached`` is None where it was not measured."""

    goal: str
    measured: str
    reached: bool | None


class _Missing(Exception):
    """A figure that this run does not have."""


class _Run:
    def __init__(self, known: Known) -> None:
        self._known = known

    def figure(self, name: str) -> float:
        if name not in self._known:
            raise _Missing(name)
        return self._known[name]

    def cost(self, servers: str, ghosts: int, *processes: str, load: str = "saturated") -> float:
        """Return the CPU of these processes per message, the mean of both ways."""
        return sum(self.costs(servers, ghosts, *processes, load=load)) / len(_WAYS)

    def costs(self, servers: str, ghosts: int, *processes: str, load: str = "saturated") -> list[float]:
        return [
            sum(self.figure(f"messages/{servers}/{ghosts}/{way}/{load}/{process}") for process in processes)
            for way in _WAYS
        ]


def _against(other: str, most: float, *, ours: str = _MODULE) -> Callable[[_Run], tuple[str, bool]]:
    """Compare the bridge with another gateway, each way for itself: 2 ghosts, saturated."""

    def judge(run: _Run) -> tuple[str, bool]:
        our_costs, their_costs = run.costs(ours, 2, "bridge"), run.costs(other, 2, "bridge")
        ratios = [our / their for our, their in zip(our_costs, their_costs, strict=True)]
        words = ", ".join(
            f"{way}: {our:.0f} us to {their:.0f} = {ratio:.2f}"
            for way, our, their, ratio in zip(_WAYS, our_costs, their_costs, ratios, strict=True)
        )
        return words, max(ratios) <= most

    return judge


def _with_the_server(run: _Run) -> tuple[str, bool]:
    ours, stock = (run.cost(servers, 100, "bridge", "xmpp") for servers in (_MODULE, _STOCK))
    return f"{ours:.0f} us to {stock:.0f} = {ours / stock:.2f}", ours <= stock / 5


def _growth(servers: str, most: float) -> Callable[[_Run], tuple[str, bool]]:
    def judge(run: _Run) -> tuple[str, bool]:
        ratios = [
            many / few
            for few, many in zip(run.costs(servers, 2, "bridge"), run.costs(servers, 500, "bridge"), strict=True)
        ]
        return ", ".join(f"{way}: {ratio:.2f}" for way, ratio in zip(_WAYS, ratios, strict=True)), max(ratios) <= most

    return judge


def _weight(kind: str, most: float) -> Callable[[_Run], tuple[str, bool]]:
    def judge(run: _Run) -> tuple[str, bool]:
        each = run.figure(f"{kind}/each")
        return f"{each:.1f} KB", each <= most

    return judge


def _idle(kind: str) -> Callable[[_Run], tuple[str, bool]]:
    def judge(run: _Run) -> tuple[str, bool]:
        share = run.figure(f"{kind}/500/idle")
        return f"{share:.2%}", share <= 0.01

    return judge


def _latency(run: _Run) -> tuple[str, bool]:
    parts = [
        [run.figure(f"messages/{_MODULE}/{ghosts}/{way}/100/s/added_{part}") for part in ("p50", "p99")]
        for ghosts in (2, 100)
        for way in _WAYS
    ]
    median, slow = max(p50 for p50, _ in parts), max(p99 for _, p99 in parts)
    return f"{median:.1f} / {slow:.1f} ms, the worst of both ways with 2 and 100 ghosts", median <= 5 and slow <= 25


def _start(run: _Run) -> tuple[str, bool]:
    took, others = run.figure("both sides/500/seconds"), run.figure("both sides/500/others")
    return f"{took:.1f} s; in another room no message took longer than {others:.0f} ms", took <= 20 and others <= 1000


GOALS: dict[str, Callable[[_Run], tuple[str, bool]]] = {
    "bridge CPU per message <= 1/4 of biboumi with its archive on disk": _against("biboumi, archive", 0.25),
    "bridge CPU per message <= 4 x biboumi without archive": _against("biboumi", 4),
    "server + bridge CPU, 100 ghosts, with the module <= 1/5 of without": _with_the_server,
    "500 ghosts against 2, with the module <= 1.3": _growth(_MODULE, 1.3),
    "500 ghosts against 2, stock Prosody <= 3": _growth(_STOCK, 3),
    "memory of a puppet with TLS <= 60 KB": _weight("puppets, TLS", 60),
    "memory of a puppet, plain <= 12 KB": _weight("puppets, plain", 12),
    "idle with 500 puppets <= 1 % of a core": _idle("puppets, plain"),
    "latency added at 100/s, p50 / p99 <= 5 / 25 ms": _latency,
    "500 on both sides up <= 20 s, and no other room waits": _start,
    "hosted room, CPU per message <= 1/4 of biboumi, archiving": _against("biboumi, archive", 0.25, ours="hosted"),
    "hosted room, CPU per message <= 4 x biboumi, not archiving": _against("biboumi", 4, ours="hosted"),
    "the same with 100 users in it <= 1/4 of biboumi, archiving": _against(
        "biboumi, archive, 100 users", 0.25, ours="hosted, 100 users"
    ),
    "the same with 100 users in it <= 4 x biboumi, not archiving": _against(
        "biboumi, 100 users", 4, ours="hosted, 100 users"
    ),
    "500 users of hosted rooms at rest <= 1 % of a core": _idle("our users"),
}


def rows(known: Known) -> list[Row]:
    """Return a row for each goal."""
    run = _Run(known)
    found = []
    for goal, judge in GOALS.items():
        try:
            found.append(Row(goal, *judge(run)))
        except _Missing as missing:
            found.append(Row(goal, f"not measured: {missing}", None))
    return found


def table(found: list[Row]) -> str:
    """Return the rows as text."""
    width = max(len(row.goal) for row in found)
    said = {True: "yes", False: "no", None: "-"}
    lines = [f"{'goal':<{width}}  {'reached':<8} measured"]
    return "\n".join(lines + [f"{row.goal:<{width}}  {said[row.reached]:<8} {row.measured}" for row in found])
