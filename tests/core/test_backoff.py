"""Back-off: doubling, capped, spread out, never nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.backoff import delay


@pytest.mark.parametrize(
    ("attempt", "jitter", "seconds"),
    [
        (0, 1.0, 1.0),
        (1, 0.0, 0.5),
        (1, 1.0, 1.0),
        (2, 1.0, 2.0),
        (4, 0.5, 4.25),
        (4, 1.0, 8.0),
        (9, 1.0, 256.0),
        (10, 1.0, 300.0),
        (10_000, 1.0, 300.0),
        (10_000, 0.0, 0.5),
    ],
)
def test_delay(attempt, jitter, seconds):
    assert delay(attempt, jitter) == seconds


def test_base_and_cap():
    assert delay(3, 1.0, base=5.0, cap=12.0) == 12.0
    assert delay(1, 0.0, base=60.0, cap=10.0) == 10.0


@given(st.integers(0, 10_000), st.floats(0, 1), st.floats(0.01, 100), st.floats(0.01, 1000))
def test_a_wait_is_positive_and_within_the_cap(attempt, jitter, base, cap):
    assert 0 < delay(attempt, jitter, base=base, cap=cap) <= cap * 1.000001
