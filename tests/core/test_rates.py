"""Rates: all at once, then as it drips in; each key for itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core import rates
from bridge.core.rates import Buckets, Rate


def test_as_many_as_may_be_at_once_and_then_as_they_drip_in() -> None:
    buckets = Buckets(Rate(3, 30.0))
    assert [buckets.take("a", 0.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert buckets.take("a", 0.0) == pytest.approx(10.0)
    assert buckets.take("a", 4.0) == pytest.approx(6.0)
    assert buckets.take("a", 10.0) == 0.0
    assert buckets.take("a", 10.0) == pytest.approx(10.0)
    assert [buckets.take("a", 1_000.0) for _ in range(4)][:3] == [0.0, 0.0, 0.0]


def test_everybody_has_their_own() -> None:
    buckets = Buckets(Rate(1, 60.0))
    assert buckets.take("a", 0.0) == 0.0
    assert buckets.take("b", 0.0) == 0.0
    assert buckets.take("a", 0.0) > 0


def test_without_a_rate_there_is_no_end() -> None:
    buckets = Buckets(None)
    assert not any(buckets.take("a", 0.0) for _ in range(1000))


def test_those_who_are_asked_about_once_are_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "_MOST", 10)
    buckets = Buckets(Rate(2, 1.0))
    for number in range(1000):
        assert buckets.take(number, number / 100) == 0.0
    assert len(buckets._left) <= 60
    for number in range(1000):
        assert buckets.take(f"at once {number}", 20.0) == 0.0
    assert len(buckets._left) <= 20


@given(st.lists(st.floats(min_value=0, max_value=100), max_size=200))
def test_nobody_ever_gets_more_than_the_rate_and_one_bucket(times: list[float]) -> None:
    buckets = Buckets(Rate(5, 10.0))
    got = [at for at in sorted(times) if buckets.take("a", at) == 0.0]
    for first in range(len(got)):
        for last in range(first, len(got)):
            assert last - first + 1 <= 5 + (got[last] - got[first]) * 0.5 + 1e-6
