"""How much may be sent, on a clock held by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.irc.connection.flood import LEAST, WINDOW, Bucket, Flood, Window, cost

SHORT, LONG = b"x" * 20, b"x" * 512


def test_a_burst_then_a_rate():
    bucket = Bucket(burst=3, rate=2)

    assert [bucket.take(1, now=100) for _ in range(4)] == [True, True, True, False]
    assert bucket.wait(1, now=100) == 0.5
    assert [bucket.take(1, now=100.5) for _ in range(2)] == [True, False]
    assert [bucket.take(1, now=1000) for _ in range(4)] == [True, True, True, False]


def test_what_cannot_wait_counts():
    bucket = Bucket(burst=2, rate=1)
    bucket.charge(5, now=0)

    assert bucket.wait(1, now=0) == 4
    assert bucket.take(1, now=4)


def test_a_line_dearer_than_the_bucket_goes_when_it_is_full():
    bucket = Bucket(burst=1, rate=1)

    assert bucket.take(3, now=0)
    assert bucket.wait(3, now=0) == 3
    assert bucket.take(3, now=3)


@pytest.mark.parametrize(
    ("flood", "local", "paced"),
    [(Flood(), False, True), (Flood(), True, False), (Flood(rate=0), False, False), (Flood(rate=1), True, True)],
)
def test_the_same_machine_has_no_bucket_unless_told(flood, local, paced):
    assert (flood.bucket(local=local) is not None) == paced


def test_long_lines_cost_more():
    assert cost(LONG) == 3 > cost(SHORT) > 1


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0.5, 4)), max_size=60))
def test_never_more_than_the_burst_and_the_rate(steps):
    bucket = Bucket(burst=4, rate=2)
    now, spent = 0.0, 0.0
    for pause, amount in steps:
        now += pause
        if bucket.take(amount, now):
            spent += amount
        assert spent <= 4 + 2 * now + 1e-6


def test_the_window_closes_and_opens():
    window = Window()
    sent = 0
    while window.has_room(SHORT):
        window.send(SHORT)
        sent += 1
        if window.is_due:
            place = window.asked()

    assert sent == WINDOW // LEAST
    assert window.processed(place)
    assert not window.processed(place)
    assert window.has_room(SHORT)


@given(st.lists(st.sampled_from([SHORT, LONG, b"x" * 5000, "answer"]), max_size=80))
def test_the_window_never_overflows_and_never_sticks(steps):
    window, under_way, processed = Window(), [], 0
    for step in steps:
        if step == "answer":
            if under_way:
                processed = under_way.pop(0)
                window.processed(processed)
        elif window.has_room(step):
            window.send(step)
            assert window.sent - processed <= max(WINDOW, len(step))
            if window.is_due:
                under_way.append(window.asked())
        assert window.has_room(LONG) or under_way
