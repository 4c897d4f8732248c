"""Words about numbers."""

import pytest

from bridge.core.wording import counted


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 users"), (1, "1 user"), (2, "2 users"), (1_000, "1000 users"), (-1, "-1 users")]
)
def test_one_is_one_and_everything_else_is_many(number: int, words: str) -> None:
    assert counted(number, "user") == words


def test_many_may_have_a_word_of_their_own() -> None:
    assert [counted(number, "wish", "wishes") for number in (1, 2)] == ["1 wish", "2 wishes"]
