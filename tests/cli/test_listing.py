"""What commands print."""

import pytest

from bridge import listing
from bridge.connector import Finding


def test_columns_are_as_wide_as_they_have_to_be() -> None:
    text = listing.table(("NAME", "STATE"), [("libera", "ready"), ("x", "")])
    assert text == "NAME    STATE\nlibera  ready\nx"


def test_a_nick_cannot_move_the_cursor() -> None:
    text = listing.table(("WHO",), [("\x1b[2Jbob\r\nroot \u202e",)])
    assert text == "WHO\n�[2Jbob��root �"


@pytest.mark.parametrize(
    ("at", "words"),
    [(0, "-"), (999_000, "1 s"), (1_000_500, "0 s"), (940_000, "1 min"), (880_001, "1 min"), (880_000, "2 min")],
)
def test_how_long_ago(at: int, words: str) -> None:
    assert listing.ago(at, now=1000.0) == words


def test_hours_and_days() -> None:
    assert listing.ago(1, now=7_300.0) == "2 h"
    assert listing.ago(1, now=200_000.0) == "2 d"


def test_findings_end_with_what_to_do() -> None:
    text = listing.findings(
        [
            Finding("store", ok=True, detail="revision 0001", hint="nothing"),
            Finding("libera", ok=False, detail="refused", hint="is the port right?"),
            Finding("libera:#dev", ok=False, detail="not tried"),
        ]
    )
    assert text == (
        "      WHAT         FINDING\n"
        "ok    store        revision 0001\n"
        "FAIL  libera       refused\n"
        "FAIL  libera:#dev  not tried\n"
        "\n"
        "libera: is the port right?"
    )
