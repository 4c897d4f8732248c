"""Waiting grows, is capped, and is spread by the jitter that is given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core import backoff


@pytest.mark.parametrize(
    ("attempt", "jitter", "seconds"),
    [(1, 1.0, 1.0), (2, 1.0, 2.0), (5, 1.0, 16.0), (5, 0.0, 8.0), (20, 1.0, 300.0), (20, 0.0, 150.0), (0, 1.0, 1.0)],
)
def test_table(attempt: int, jitter: float, seconds: float) -> None:
    assert backoff.delay(attempt, jitter) == seconds


@given(st.integers(-5, 10_000), st.floats(0, 1), st.floats(0.01, 100), st.floats(1, 10_000))
def test_never_at_once_and_never_beyond_the_cap(attempt: int, jitter: float, base: float, cap: float) -> None:
    seconds = backoff.delay(attempt, jitter, base=base, cap=cap)
    assert min(base, cap) / 2 <= seconds <= cap
