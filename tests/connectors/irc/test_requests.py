"""The short way of an echo: what is read from its bytes is what the parser would say, or nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.irc.connection.casemap import folder
from connectors.irc.connection.requests import Requests
from connectors.irc.connection.wire import parse, tag_of

FOLD = folder("ascii")


class Link:
    """A connection that says nothing."""

    def ping(self, token: str) -> None:
        raise AssertionError(token)

    def asked(self) -> int:
        return 0


class Asked:
    """Somebody who has asked, and what they were told."""

    def __init__(self, command: str = "PRIVMSG") -> None:
        self.told: list[tuple[str, str]] = []
        self.requests = Requests(Link())
        request = self.requests.new(self, command, ("#dev", "hello"), labeled=True)
        request.wrote(512)
        assert request.label == b"1"

    def said(self, message: str) -> None:
        self.told.append(("said", message))

    def answered(self, answers) -> None:
        for line in answers:
            kind = "said" if line.command in {"PRIVMSG", "NOTICE"} else "other"
            self.told.append((kind, line.tags.get("msgid", "")))

    def lost(self, *, written: bool) -> None:
        raise AssertionError(written)


PARTS = st.sampled_from(
    [
        *(
            "label=1",
            "label=2",
            "label",
            "+label=1",
            "x/label=1",
            "label=1\\s",
            "labels=1",
            "msgid=1~a",
            "msgid=",
            "msgid",
        ),
        *(
            "msgid=a\\:b",
            "+msgid=z",
            "msgid=ä",
            "batch=q",
            "+batch=q",
            "time=2026-11-28T07:00:00.000Z",
            "+linkspan/via=x",
            "",
        ),
    ]
)
ENDS = st.sampled_from(
    [
        ":link!u@h PRIVMSG #dev :hello",
        ":link!u@h NOTICE #dev :hello",
        "PRIVMSG #dev :hello",
        ":s 404 link #dev :label=1 no",
        "",
    ]
)


@given(st.lists(PARTS, max_size=5), st.sampled_from([" ", "  "]), ENDS, st.sampled_from(["PRIVMSG", "NOTICE", "TOPIC"]))
def test_what_the_bytes_of_an_echo_say_is_what_it_says_when_parsed(tags, blank, end, command):
    data = f"@{';'.join(tags)}{blank}{end}\r".encode()
    short, long = Asked(command), Asked(command)
    if short.requests.echoed(data):
        assert long.requests.line(parse(data), "link", FOLD)
        assert short.told == long.told
        assert short.requests.proven == long.requests.proven == 512
        assert not short.requests.outstanding
    else:
        assert short.told == []
        assert short.requests.outstanding


@pytest.mark.parametrize("tags", ["label=1;msgid=1~a", "time=x;msgid=1~a;label=1;inspircd.org/echo;+linkspan/via=y"])
def test_an_echo_as_servers_send_it_goes_the_short_way(tags):
    asked = Asked()
    assert asked.requests.echoed(f"@{tags} :link!u@h PRIVMSG #dev :hello".encode())
    assert asked.told == [("said", "1~a")]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b"@msgid=a;x=b :s", "a"),
        (b"@x=b;msgid=a :s", "a"),
        (b"@msgid=a;msgid=b :s", "b"),
        (b"@msgid=a\\:b\\\\s :s", "a;b\\s"),
        (b"@x=b :s PRIVMSG #a :;msgid=c", ""),
        (b"@msgid= :s", ""),
        (b"@+msgid=a :s", None),
        (b"@msgid=a;msgid :s", None),
        (b"@msgid :s", None),
        (b"@msgid=a;msgids=b :s", None),
        (b"@msgid=a;x=msgid :s", None),
        (b"@msgid=\xff :s", None),
    ],
)
def test_one_tag_of_a_line(line, found):
    assert tag_of(line, b"msgid", line.find(b" ")) == found
