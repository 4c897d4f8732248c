"""Which raw lines are copies of what the server has confirmed already."""

import pytest

from connectors.irc.reading.copies import Copies

CONFIRMED = "1234~abc"


@pytest.fixture
def copies():
    kept = Copies()
    kept.expect(CONFIRMED)
    return kept


@pytest.mark.parametrize(
    "line",
    [
        b"@msgid=1234~abc :juliet!u@h PRIVMSG #c :hi",
        b"@time=2026-11-28T07:00:00.000Z;msgid=1234~abc :juliet!u@h PRIVMSG #c :hi",
        b"@msgid=1234~abc;+linkspan/via=x :juliet!u@h PRIVMSG #c :hi",
    ],
)
def test_the_copy_of_a_confirmed_line_is_one_and_only_once(copies, line):
    assert copies.is_one(line)
    assert not copies.is_one(line)


@pytest.mark.parametrize(
    "line",
    [
        b":juliet!u@h PRIVMSG #c :hi",
        b":juliet!u@h PRIVMSG #c :@msgid=1234~abc",
        b"@time=x :juliet!u@h PRIVMSG #c :;msgid=1234~abc ",
        b"@msgid=1234~abcd :juliet!u@h PRIVMSG #c :hi",
        b"@msgid=other :romeo!u@h PRIVMSG #c :;msgid=1234~abc ",
        b"@+msgid=1234~abc :romeo!u@h PRIVMSG #c :hi",
        b"@+x/msgid=1234~abc;msgid=other :romeo!u@h PRIVMSG #c :hi",
        b"@msgid=1234~abc",
        b"@",
        b"",
    ],
)
def test_no_other_line_is_one(copies, line):
    assert not copies.is_one(line)


def test_what_comes_too_late_is_read_like_any_line(copies):
    for number in range(1000):
        copies.expect(str(number))
    assert not copies.is_one(b"@msgid=1234~abc :juliet!u@h PRIVMSG #c :hi")
    assert copies.is_one(b"@msgid=0 :juliet!u@h PRIVMSG #c :hi")
