"""What hides between two 0x01."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.irc.connection.ctcp import read, write


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("plain", None),
        ("", None),
        ("\x01", None),
        ("\x01\x01", None),
        ("\x01 x\x01", None),
        ("not \x01ACTION at the start\x01", None),
        ("\x01ACTION waves\x01", ("ACTION", "waves")),
        ("\x01ACTION waves", ("ACTION", "waves")),
        ("\x01action  two blanks \x01", ("ACTION", " two blanks ")),
        ("\x01VERSION\x01", ("VERSION", "")),
        ("\x01ACTION a\x01b\x01", ("ACTION", "ab")),
        ("\x01ACTION \x10n\x10r\x100\\a\x01", ("ACTION", "\x10n\x10r\x100\\a")),  # the old quoting brings nothing forth
    ],
)
def test_reads(text, found):
    assert read(text) == found


@pytest.mark.parametrize(
    ("command", "argument", "text"),
    [
        ("ACTION", "waves", "\x01ACTION waves\x01"),
        ("VERSION", "", "\x01VERSION\x01"),
        ("ACTION", "a\x01VERSION\x01", "\x01ACTION aVERSION\x01"),
    ],
)
def test_writes(command, argument, text):
    assert write(command, argument) == text


@given(st.text(st.characters(exclude_characters="\x01"), min_size=1))
def test_what_is_written_reads_the_same(argument):
    assert read(write("ACTION", argument)) == ("ACTION", argument)
