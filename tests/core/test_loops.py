"""Loops: rings over foreign bridges are broken within three rounds, and nobody who talks normally is ever dropped."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.loops import Guard, Verdict, undecorated

NEWS, MARKED, NESTED, DECORATED = Verdict.NEWS, Verdict.MARKED, Verdict.NESTED, Verdict.DECORATED


def verdicts(*lines, where="link", step=1.0):
    guard = Guard("us")
    return [guard.judge(where, name, text, number * step) for number, (name, text) in enumerate(lines)]


def test_our_own_mark_is_certain():
    guard = Guard("us")
    assert guard.judge("link", "alice", "hi", 0, via=("them", "us")) is MARKED
    assert guard.judge("link", "alice", "hi", 0, via=("them",)) is NEWS


@pytest.mark.parametrize(
    "line",
    [
        "<bot> <alice> hi",
        "<bot>  <alice>  hi",
        "[irc] <bot> [xmpp] <alice> hi",
        "[bot] [alice] hi",
        "(bot) (alice) hi",
        "**bot** <alice>: hi",
        "<bot> **alice**: hi",
        "bot: <alice> hi",
        "<bot> alice: hi",
        "<bot> <Alice> hi",
        "<bot> <a\u200blice> hi",
        "<bot> <@alice> hi",
        "<bot> <alice_> hi",
        "<c> <b> <alice> hi",
        "c: b: alice: hi",
    ],
)
def test_words_that_come_back_inside_two_names(line):
    assert verdicts(("alice", "hi"), ("relay", line)) == [NEWS, NESTED]


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([("alice", "hi"), ("bob", "<alice> hi")], id="quoted once"),
        pytest.param([("alice", "hi"), ("bot", "[irc] <alice> hi")], id="relayed once"),
        pytest.param([("alice", "hi"), ("bob", "alice: hi")], id="said to somebody"),
        pytest.param([("alice", "hi"), ("bob", "carol: alice: hi")], id="said to two people"),
        pytest.param([("alice", "hi"), ("bob", "<bot> <alice> ho")], id="other words"),
        pytest.param([("alice", "hi"), ("bob", "<bot> <carol> hi")], id="of somebody else"),
        pytest.param([("alice", "+1"), ("bob", "+1"), ("carol", "+1")], id="two people agree"),
        pytest.param([("alice", "+1")] * 10, id="one person insists"),
        pytest.param([("alice", "+1"), ("alice_", "+1"), ("alice", "+1")], id="two clients of one person"),
        pytest.param([("alice1", "+1"), ("alice2", "+1"), ("alice3", "+1"), ("alice4", "+1")], id="numbered people"),
        pytest.param([("user1", "+1"), ("user10", "+1"), ("user100", "+1")], id="people of growing numbers"),
        pytest.param([("guest-1", "+1"), ("guest-10", "+1"), ("guest-100", "+1")], id="guests"),
        pytest.param([("al", "+1"), ("alice", "+1"), ("alice-marie", "+1")], id="people with similar names"),
        pytest.param([("bot", "<alice> hi"), ("bot", "<alice> hi")], id="relayed twice"),
        pytest.param([("bob", "<> <> <>"), ("bob", "[]"), ("bob", "<a> <b> ")], id="nothing inside"),
    ],
)
def test_people_are_heard(lines):
    assert verdicts(*lines) == [NEWS] * len(lines)


def test_words_from_long_ago_are_a_quotation():
    assert verdicts(("alice", "hi"), ("bob", "<bot> <alice> hi"), step=61) == [NEWS, NEWS]


def test_other_rooms_do_not_matter():
    guard = Guard("us")
    guard.judge("one link", "alice", "hi", 0)
    assert guard.judge("another", "bot", "<bot> <alice> hi", 1) is NEWS


def test_a_loop_is_held_as_long_as_it_goes_round():
    guard = Guard("us")
    guard.judge("link", "alice", "hi", 0)
    assert [guard.judge("link", "bot", "<b> <alice> hi", 50 * n) for n in range(1, 6)] == [NESTED] * 5


def test_a_ring_of_relays_of_which_we_never_heard_the_first():
    """Each round puts a name before the text; the first that we hear has one already."""
    assert verdicts(("bot", "<alice> hi"), ("bot", "<bot> <alice> hi"), ("bot", "<bot> <bot> <alice> hi")) == [
        NEWS,
        NESTED,
        NESTED,
    ]


@pytest.mark.parametrize(
    "nicks",
    [
        ["alice", "alice_", "alice__"],
        ["alice", "alice[m]", "alice[m][m]"],
        ["alice", "alice (libera)", "alice (libera) (libera)"],
        ["alice", "alice (libera)", "alice (libera) 2"],
        ["alice", "alice-1f2e3d", "alice-1f2e3d_"],
        ["alice", "alice|m", "alice|m|m"],
        ["bob2", "bob2_", "bob2__"],
    ],
)
def test_a_ring_of_puppets(nicks):
    """Each round puts something behind the nick; the third time is one too many, and so is every later one."""
    assert verdicts(*[(nick, "hi") for nick in nicks]) == [NEWS, NEWS, DECORATED]
    assert verdicts(*[(nick, "hi") for nick in [*nicks, nicks[-1], nicks[-1] + "_"]])[3:] == [DECORATED] * 2


def test_who_repeats_themselves_slowly_is_not_a_ring():
    assert verdicts(("alice", "hi"), ("alice_", "hi"), ("alice__", "hi"), step=16) == [NEWS] * 3


@pytest.mark.parametrize(
    ("nick", "base"),
    [
        ("alice", "alice"),
        ("alice_", "alice"),
        ("alice (libera) 2", "alice"),
        ("alice[m]_", "alice"),
        ("alice-1f2e3d", "alice"),
        ("___", "___"),
        ("", ""),
        ("user100", "user100"),
        ("[m]", "[m]"),
    ],
)
def test_undecorated(nick, base):
    assert undecorated(nick) == base


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["alice", "bob", "carol", "dave"]), st.text(max_size=20).filter(lambda t: "<" not in t)
        ),
        max_size=20,
    )
)
def test_people_with_nicks_of_their_own_who_quote_nobody_are_never_dropped(lines):
    plain = [(name, text) for name, text in lines if not set(text) & set("<[(:")]
    assert verdicts(*plain, step=0.1) == [NEWS] * len(plain)


def test_two_links_in_a_ring_over_a_foreign_bridge():
    """A message goes A, B (our link), C (foreign relay), D (our link), A (foreign relay): it stops in its second round."""
    guard = Guard("us")
    now = 0.0
    line = ("alice", "hi")
    heard = []
    for _ in range(10):
        for link in ("one", "two"):
            now += 0.5
            verdict = guard.judge(link, *line, now)
            heard.append(verdict)
            if verdict is not NEWS:
                break
            line = ("relay", f"<{line[0]}> {line[1]}")
        if heard[-1] is not NEWS:
            break
    assert heard == [NEWS, NEWS, NESTED]


def test_memory_is_bounded():
    guard = Guard("us", size=100)
    for number in range(1000):
        guard.judge("link", f"p{number}", f"<x> {number}", number / 1000)
    assert len(guard._said) + len(guard._old) <= 200
    assert len(guard._growing) <= 100
    guard.judge("link", "alice", "hi", 1.0)
    assert guard.judge("link", "bot", "<b> <alice> hi", 1.1) is NESTED


def test_a_hundred_kilobytes_of_names():
    assert verdicts(("bob", "<a> " * 25_000), ("bob", "a: " * 30_000), ("_" * 50_000, "x")) == [NEWS] * 3
