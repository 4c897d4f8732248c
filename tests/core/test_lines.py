"""A line that calls a command, taken apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.commands import Field, Sort
from bridge.core.lines import assign, separate, words

NAME = Field(name="name", label="Name")
ROOMS = Field(name="rooms", label="Rooms", sort=Sort.LIST)
TEXT = Field(name="text", label="Text", sort=Sort.LINES)
ROOM = Field(name="room", label="Room", required=False, named=True)
ALL = Field(name="all", label="All", sort=Sort.FLAG, required=False)
SET = Field(name="set", label="More", sort=Sort.TABLE, required=False)


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        ("", []),
        ("  a   b\tc\n", ["a", "b", "c"]),
        ('say "two words" here', ["say", "two words", "here"]),
        ("say 'two \" words'", ["say", 'two " words']),
        (r'"a \" b \\ c \d"', [r'a " b \ c \d']),
        ("it's o'clock", ["it's", "o'clock"]),
        ("name='a b' x", ["name=a b", "x"]),
        ('"never closed', ["never closed"]),
        ('""', [""]),
        ("#dev%libera@bridge", ["#dev%libera@bridge"]),
    ],
)
def test_words(line, taken) -> None:
    assert [word.text for word in words(line)] == taken


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"])), max_size=5))
def test_what_is_quoted_comes_back_as_it_was(texts) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    assert [word.text for word in words(" ".join(map(quoted, texts)))] == texts


@given(st.text())
def test_every_line_can_be_taken_apart(line) -> None:
    assert all(word.rest in line for word in words(line))


@pytest.mark.parametrize(
    ("fields", "line", "given", "rest"),
    [
        ((NAME, ROOMS), "dev a:b c:d", {"name": "dev", "rooms": ["a:b", "c:d"]}, []),
        ((NAME, ROOMS), "rooms=a:b dev rooms=c:d", {"name": "dev", "rooms": ["a:b", "c:d"]}, []),
        ((NAME, ROOMS), "NAME=x a", {"name": "x", "rooms": ["a"]}, []),
        ((NAME, TEXT), 'dev all  of this, it\'s "it"', {"name": "dev", "text": 'all  of this, it\'s "it"'[:-5]}, None),
        ((NAME, TEXT), "dev one  two", {"name": "dev", "text": "one  two"}, []),
        ((TEXT, ROOM), "hello  all", {"text": "hello  all"}, []),
        ((TEXT, ROOM), "room=x hello", {"room": "x", "text": "hello"}, []),
        ((NAME,), "name=x y", {"name": "x"}, ["y"]),
        ((NAME, ALL), "x all=yes", {"name": "x", "all": "yes"}, []),
        ((ALL,), "yes", {}, ["yes"]),
        ((NAME, SET), "x set=a.b=c set=d=e", {"name": "x", "set": ["a.b=c", "d=e"]}, []),
        ((NAME,), "token=abc", {"name": "token=abc"}, []),
        ((), "a", {}, ["a"]),
    ],
)
def test_each_word_goes_to_its_field(fields, line, given, rest) -> None:
    assigned = assign(fields, words(line))
    if rest is None:  # quotation marks at the end: the words are put together
        assert assigned.given["text"].split() == ["all", "of", "this,", "it's", "it"]
        return
    assert (dict(assigned.given), [word.text for word in assigned.rest]) == (given, rest)


def test_while_more_fields_are_to_come_a_text_takes_one_word() -> None:
    assigned = assign((NAME,), words("family my token"), more=True)
    assert (assigned.given, [word.text for word in assigned.rest]) == ({"name": "family"}, ["my", "token"])


def test_words_that_a_shell_has_taken_apart_stay_whole() -> None:
    assert assign((NAME, TEXT), separate(["a b", "c  d", "e"])).given == {"name": "a b", "text": "c  d e"}
