"""The benchmarks themselves: that they run, and that goals are judged by the figures of the run. No times, no costs."""

import importlib

import pytest

from bench import goals
from bench.__main__ import PARTS, REAL
from bench.figures import Figures, percentile, read
from bench.messages import Measuring

KNOWN = {
    **{
        f"messages/{name}/2/{way}/saturated/bridge": 100.0
        for name in ("prosody", "prosody+module")
        for way in ("out", "in")
    },
    "messages/prosody/500/out/saturated/bridge": 310.0,
    "messages/prosody/500/in/saturated/bridge": 200.0,
    "messages/prosody+module/500/out/saturated/bridge": 130.0,
    "messages/prosody+module/500/in/saturated/bridge": 120.0,
    "messages/biboumi, archive/2/out/saturated/bridge": 400.0,
    "messages/biboumi, archive/2/in/saturated/bridge": 399.0,
    "messages/biboumi/2/out/saturated/bridge": 25.0,
    "messages/biboumi/2/in/saturated/bridge": 30.0,
    "puppets, TLS/each": 60.1,
    "puppets, plain/each": 2.0,
    "puppets, plain/500/idle": 0.004,
    "both sides/500/seconds": 7.5,
    "both sides/500/others": 1100.0,
}


@pytest.mark.parametrize(
    ("about", "reached", "measured"),
    [
        ("archive on disk", False, "out: 100 us to 400 = 0.25, in: 100 us to 399 = 0.25"),
        ("without archive", True, "out: 100 us to 25 = 4.00, in: 100 us to 30 = 3.33"),
        ("with the module <= 1.3", True, "out: 1.30, in: 1.20"),
        ("stock Prosody <= 3", False, "out: 3.10, in: 2.00"),
        ("with TLS", False, "60.1 KB"),
        ("plain", True, "2.0 KB"),
        ("idle", True, "0.40%"),
        ("both sides", False, "7.5 s; in another room no message took longer than 1100 ms"),
        ("100 ghosts", None, "not measured: messages/prosody+module/100/out/saturated/bridge"),
        ("latency", None, "not measured: messages/prosody+module/2/out/100/s/added_p50"),
    ],
)
def test_a_goal_is_judged_by_the_figures_of_the_run(about, reached, measured) -> None:
    (row,) = [row for row in goals.rows(KNOWN) if about in row.goal]
    assert (row.reached, row.measured) == (reached, measured)


def test_the_table_has_a_line_for_every_goal() -> None:
    lines = goals.table(goals.rows(KNOWN)).splitlines()
    assert len(lines) == len(goals.GOALS) + 1
    assert [line.split()[-1] for line in lines if "with TLS" in line] == ["KB"]


def test_figures_of_several_benchmarks_come_together(tmp_path) -> None:
    for name, value in (("a/b", 1.0), ("c, d", 2.5), ("a/b", 3.0)):
        Figures(str(tmp_path / "figures")).note(name, value)
    assert read(tmp_path / "figures") == {"a/b": 3.0, "c, d": 2.5}
    assert read(tmp_path / "none") == {}


@pytest.mark.parametrize(("part", "value"), [(0.0, 1), (0.5, 51), (0.99, 100), (1.0, 100)])
def test_a_percentile_is_one_of_the_values(part, value) -> None:
    assert percentile(list(range(100, 0, -1)), part) == value


@pytest.mark.parametrize("name", [*REAL, *PARTS])
def test_every_benchmark_can_be_called(name) -> None:
    assert callable(importlib.import_module(f"bench.{name}").main)


@pytest.mark.server
async def test_messages_are_measured_on_real_servers_both_ways(capsys) -> None:
    figures = Figures()
    await Measuring("prosody+module", figures, seconds=0.001).run([2])
    for way in ("out", "in"):
        for load in ("saturated", "100/s"):
            for process in ("bridge", "xmpp", "irc"):
                assert figures.known[f"messages/prosody+module/2/{way}/{load}/{process}"] > 0
    assert len(capsys.readouterr().out.splitlines()) == 5
