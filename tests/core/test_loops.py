"""What goes round is dropped within three rounds; what people say, quote and repeat is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.ids import Network, Room, RoomId
from bridge.core.loops import Guard, Verdict

ROOM = Room(Network("xmpp"), RoomId("verona@conference.example.org"))
OTHER = Room(Network("libera"), RoomId("#verona"))


def heard(*said: tuple[str, str], room: Room = ROOM, step: int = 1000) -> Guard:
    guard = Guard()
    for number, (name, text) in enumerate(said):
        guard.note(room, name, text, number * step)
    return guard


@pytest.mark.parametrize(
    "text",
    [
        "<relay> <alice> hi there",
        "<x> <relay> <alice> hi there",
        "[libera] <relay> <alice> hi there",
        "<relay> <al\u200bice> hi there",
        "**relay**: <alice> hi there",
        "relay: <Alice> hi there",
    ],
)
def test_a_text_that_returns_with_two_prefixes_is_a_loop(text: str) -> None:
    assert heard(("alice", "hi there")).judge(ROOM, "relay2", text, 5000) is Verdict.LOOP


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("bob", "<alice> hi there"),  # somebody quotes
        ("bob", "alice: hi there"),  # somebody addresses
        ("bob", "<relay> <carol> hi there"),  # another person's words
        ("bob", "<relay> <alice> something else"),
        ("bob", "hi there"),
        ("bob", "<relay> <alice>"),
        ("bob", ""),
    ],
)
def test_what_people_do_is_news(name: str, text: str) -> None:
    assert heard(("alice", "hi there")).judge(ROOM, name, text, 5000) is Verdict.NEWS


def test_what_was_said_in_another_room_may_come_by_a_relay() -> None:
    assert heard(("alice", "hi"), room=OTHER).judge(ROOM, "r", "<r> <alice> hi", 10) is Verdict.NEWS


def test_after_a_minute_it_is_a_quotation() -> None:
    assert heard(("alice", "hi")).judge(ROOM, "r", "<r> <alice> hi", 60_001) is Verdict.NEWS


@pytest.mark.parametrize(
    "names",
    [
        ("alice", "alice_", "alice__"),
        ("alice", "alice[m]", "alice[m][irc]"),
        ("alice", "alice (libera)", "alice (libera) (xmpp)"),
        ("alice", "alice-1", "alice-1-2"),
    ],
)
def test_a_nick_that_grows_twice_with_the_same_words_is_a_loop(names: tuple[str, str, str]) -> None:
    guard = Guard()
    verdicts = []
    for number, name in enumerate(names):
        verdicts.append(guard.judge(ROOM, name, "same words", number * 1000))
        guard.note(ROOM, name, "same words", number * 1000)
    assert verdicts == [Verdict.NEWS, Verdict.NEWS, Verdict.LOOP]


@given(st.lists(st.sampled_from(["alice", "bob", "carol", "alice_"]), max_size=20))
def test_any_number_of_people_may_say_plus_one(names: list[str]) -> None:
    guard = Guard()
    for number, name in enumerate(names):
        assert guard.judge(ROOM, name, "+1", number * 100) is Verdict.NEWS
        guard.note(ROOM, name, "+1", number * 100)


@given(st.text(), st.text())
def test_no_text_and_no_nick_is_too_odd_to_be_judged(name: str, text: str) -> None:
    guard = heard((name, text), (name, text))
    assert guard.judge(ROOM, name, text, 3000) in Verdict


def test_memory_is_bounded() -> None:
    guard = Guard(limit=10)
    for number in range(1000):
        guard.note(ROOM, "alice", str(number), number)
    assert guard.judge(ROOM, "r", "<r> <alice> 5", 1001) is Verdict.NEWS
    assert guard.judge(ROOM, "r", "<r> <alice> 999", 1001) is Verdict.LOOP
