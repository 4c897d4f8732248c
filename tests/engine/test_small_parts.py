"""The parts that have no behaviour of their own worth a file."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from bridge.core.ids import Network
from bridge.engine.clock import SystemClock
from bridge.engine.counters import BOUNDS, Count, Counters
from bridge.engine.recent import Recent
from tests.support.clock import VirtualClock, quiet


@given(st.lists(st.integers(0, 50)), st.integers(1, 10))
def test_what_was_used_lately_is_kept_and_memory_is_bounded(keys: list[int], size: int):
    recent: Recent[int, int] = Recent(size)
    for key in keys:
        recent.put(key, key)
    assert len(recent) <= 2 * size
    lately = list(dict.fromkeys(reversed(keys)))[: max(0, size - 1)]
    assert all(recent.get(key) == key for key in lately)


def test_what_is_asked_for_stays():
    recent: Recent[str, int] = Recent(3)
    recent.put("wanted", 1)
    for number in range(30):
        assert recent.get("wanted") == 1
        recent.put(str(number), 2)
    assert "0" not in recent
    assert recent.get("0") is None


def test_what_is_dropped_is_gone_from_both_generations():
    recent: Recent[str, int] = Recent(2)
    for key in ("a", "b", "c"):
        recent.put(key, 1)
    for key in ("a", "c"):
        recent.drop(key)
    assert [key in recent for key in "abc"] == [False, True, False]


def test_counts_are_by_network_and_in_all():
    counters = Counters()
    one, two = Network("one"), Network("two")
    counters.add(Count.SENT, one)
    counters.add(Count.SENT, two, times=3)
    counters.add(Count.FAULTS, two)
    assert (counters.get(Count.SENT), counters.get(Count.SENT, two), counters.get(Count.LOOPS)) == (4, 3, 0)
    assert set(counters) == {(Count.SENT, one, 1), (Count.SENT, two, 3), (Count.FAULTS, two, 1)}


def test_times_fall_into_their_buckets():
    counters = Counters()
    for seconds in (0.001, 0.005, 0.3, 1000.0):
        counters.took(Network("one"), seconds)
    spread = counters.sending()[Network("one")]
    assert spread.buckets[0] == 2
    assert spread.buckets[BOUNDS.index(0.5)] == 1
    assert spread.buckets[-1] == 1
    assert spread.total == 1000.306


def test_every_count_says_what_it_means():
    assert all(count.means for count in Count)


async def test_the_real_clock_is_a_clock():
    clock = SystemClock()
    before = clock.monotonic()
    rung = asyncio.Event()
    clock.call_later(0, rung.set)
    await asyncio.wait_for(rung.wait(), 5)
    await clock.sleep(0)
    assert clock.monotonic() >= before
    assert clock.now() > 1_700_000_000_000


async def test_the_virtual_clock_rings_in_order_and_lets_the_loop_run_dry():
    clock = VirtualClock()
    heard: list[str] = []

    async def wake(name: str, after: float) -> None:
        await clock.sleep(after)
        heard.append(f"{name} at {clock.monotonic():g}")

    tasks = [asyncio.ensure_future(wake("second", 2)), asyncio.ensure_future(wake("first", 1))]
    clock.call_later(1.5, lambda: heard.append("between")).cancel()
    await clock.advance(1.9)
    assert heard == ["first at 1"]
    await clock.advance(1)
    assert heard == ["first at 1", "second at 2"]
    await asyncio.gather(*tasks)
    await quiet()
    assert clock.pending() == 0
