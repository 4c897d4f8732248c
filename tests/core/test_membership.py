"""Departures: one by one people are gone at once; hundreds at a time are a split, and are given time to come back."""

import heapq

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.events import Cause
from bridge.core.membership import Departures


@pytest.mark.parametrize("cause", [Cause.QUIT, Cause.LOST])
def test_the_sixth_within_a_second_is_a_split(cause):
    departures = Departures()
    assert [departures.left(cause, 10 + number / 10) for number in range(8)] == [0] * 5 + [600] * 3


def test_six_in_more_than_a_second_are_not():
    departures = Departures()
    assert [departures.left(Cause.QUIT, 10 + number / 4) for number in range(20)] == [0] * 20


def test_after_a_split_people_leave_as_before():
    departures = Departures()
    for number in range(100):
        departures.left(Cause.LOST, number / 100)
    assert departures.left(Cause.QUIT, 5.0) == 0


@pytest.mark.parametrize("cause", [Cause.LEFT, Cause.KICKED, Cause.BANNED, Cause.REFUSED])
def test_who_leaves_by_choice_or_is_thrown_out_is_gone_at_once(cause):
    departures = Departures()
    for _ in range(50):
        departures.left(Cause.LOST, 1.0)
    assert departures.left(cause, 1.0) == 0


@given(st.integers(1, 20), st.floats(0.1, 10), st.lists(st.floats(0, 1), max_size=60))
def test_held_are_exactly_those_beyond_the_most_of_a_window(most, within, gaps):
    departures = Departures(most=most, within=within, hold=60)
    now, times = 0.0, []
    for gap in gaps:
        now += gap
        times.append(now)
        crowd = sum(1 for time in times if now - time <= within)
        assert (departures.left(Cause.QUIT, now) > 0) == (crowd > most)


def test_five_hundred_quit_and_four_hundred_and_fifty_return():
    """A split of a minute moves 5 of 500 people; the 50 who stay away leave, though nobody returns for them."""
    departures = Departures()
    shown = set(range(500))
    timers, moves = [], []
    for person in range(500):
        now = person / 500
        hold = departures.left(Cause.LOST, now)
        if hold:
            heapq.heappush(timers, (now + hold, person))
        else:
            shown.discard(person)
            moves.append(("leave", now))
    held = {person for _, person in timers}
    for person in range(450):
        now = 60 + person / 500
        if person in held:
            timers = [timer for timer in timers if timer[1] != person]
        else:
            shown.add(person)
            moves.append(("join", now))
    assert len(moves) == 10
    while timers:
        now, person = heapq.heappop(timers)
        shown.discard(person)
        moves.append(("leave", now))
    assert shown == set(range(450))
    assert len(moves) == 60
    assert all(600 <= now <= 602 for _, now in moves[10:])
