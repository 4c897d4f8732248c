"""Plain words read from the raw line say what the long way says, whatever has happened to their speaker in between."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.core.content import Mention
from bridge.core.ids import Network, Person, PersonId, RoomId
from connectors.irc.connection.client import isupport_of
from connectors.irc.connection.wire import parse
from connectors.irc.reading.channels import View
from connectors.irc.reading.inbound import Batches, Inbound
from connectors.irc.reading.moments import exact, moment

NOW = 1_700_000_000_000
ROMEO = Person(Network("xmpp"), PersonId("romeo@example.org"))
TOKENS = ("CHANTYPES=#", "PREFIX=(ov)@+", "STATUSMSG=@+", "CHANMODES=b,k,l,imnst")
TAGS = b"@time=2023-11-14T22:13:20.123Z;msgid=m1"
PLAIN = TAGS + b" :bob!b@h PRIVMSG #dev :good morning"


class Reader:
    """Reads lines in both ways or in the long one; "romeo" is a puppet of ours, "linkspan" the listener."""

    def __init__(self, *, short: bool) -> None:
        self.short = short
        self.rooms = {"#dev": RoomId("#Dev"), "#ops": RoomId("#ops")}
        self.view = View(
            Network("irc"),
            isupport_of((*TOKENS, "CASEMAPPING=rfc1459"), ("", "")),
            me="linkspan",
            rooms=lambda name: self.rooms.get(self.view.fold(name)),
            owns=lambda nick: nick == "romeo",
        )
        self.inbound = Inbound(self.view, puppet={"romeo": ROMEO}.get, run=1)
        self.batches = Batches()
        for name in self.rooms:
            self.inbound.opened(name, NOW)
            self.read(b":irc.test 353 linkspan = %s :bob @alice romeo linkspan" % name.encode())
            self.inbound.listed(name, NOW)

    def read(self, data: bytes) -> list:
        said = self.inbound.words.read(data) if self.short else None
        if said is not None:
            return [said]
        line = parse(data)
        return [] if line is None else list(self.inbound.read(line, NOW, self.batches))


def knows(data: bytes, reader: Reader | None = None) -> bool:
    """Tell whether the short way reads a line."""
    return (reader or Reader(short=True)).inbound.words.read(data) is not None


@pytest.mark.parametrize(
    "line",
    [
        PLAIN,
        PLAIN + b"\r",
        TAGS + b" :BOB!b@h PRIVMSG #DEV :good morning",
        TAGS + b" :bob!b@h PRIVMSG @#dev :for operators",
        TAGS + b";account=Bobby :bob!b@h PRIVMSG #dev :bob: hello",
        b"@msgid=m1;time=2023-11-14T22:13:20.123Z :bob!b@h PRIVMSG #dev :the other order",
        "@time=2023-11-14T22:13:20.123Z;msgid=é :bob!b@h PRIVMSG #dev :Zürich, 東京, :) 🙂".encode(),
    ],
)
def test_plain_words_of_somebody_in_the_channel_are_read_at_once(line: bytes) -> None:
    assert knows(line)
    assert Reader(short=True).read(line) == Reader(short=False).read(line)


@pytest.mark.parametrize(
    "line",
    [
        b":bob!b@h PRIVMSG #dev :no tags",
        b"@time=2023-11-14T22:13:20.123Z :bob!b@h PRIVMSG #dev :no id",
        b"@msgid=m1 :bob!b@h PRIVMSG #dev :no time",
        b"@time=2023-11-14T22:13:20.123Z;msgid= :bob!b@h PRIVMSG #dev :an empty id",
        b"@time=2023-11-14T22:13:60.123Z;msgid=m1 :bob!b@h PRIVMSG #dev :no such time",
        b"@time=2023-13-14T22:13:20.123Z;msgid=m1 :bob!b@h PRIVMSG #dev :no such month",
        TAGS + rb"\s :bob!b@h PRIVMSG #dev :an id with an escape",
        TAGS + b";batch=1 :bob!b@h PRIVMSG #dev :history",
        TAGS + b";label=1 :bob!b@h PRIVMSG #dev :an answer",
        TAGS + b";bot :bob!b@h PRIVMSG #dev :a program",
        TAGS + b";+draft/reply=m0 :bob!b@h PRIVMSG #dev :an answer",
        TAGS + b" :bob!b@h NOTICE #dev :a notice",
        TAGS + b" :bob!b@h PRIVMSG #dev :\x01ACTION waves\x01",
        TAGS + b" :bob!b@h PRIVMSG #dev :\x02bold\x02",
        TAGS + b" :bob!b@h PRIVMSG #dev :   ",
        TAGS + b" :bob!b@h PRIVMSG #dev :",
        TAGS + b" :bob!b@h PRIVMSG #dev word",
        TAGS + b" :bob!b@h PRIVMSG :#dev :word",
        TAGS + b" :bob!b@h PRIVMSG #dev,#ops :both",
        TAGS + b" :bob!b@h PRIVMSG #dev  :two blanks",
        TAGS + b" :bob!b@h PRIVMSG linkspan :in private",
        TAGS + b" :bob!b@h PRIVMSG #elsewhere :not read",
        TAGS + b" :romeo!r@h PRIVMSG #dev :one of us",
        TAGS + b" :linkspan!l@h PRIVMSG #dev :the listener",
        TAGS + b" :stranger!s@h PRIVMSG #dev :from outside",
        TAGS + b" :irc.test PRIVMSG #dev :a server",
        TAGS + b" :bob!b@h PRIVMSG #dev :caf\xe9",
        TAGS + b" :bob!b\xe9@h PRIVMSG #dev :caf\xc3\xa9",
        TAGS + " :bob!b@h PRIVMSG #dev :\u202eturned".encode(),
        TAGS + b" :bob!b@h PRIVMSG #dev :two\rlines",
    ],
)
def test_everything_else_takes_the_long_way(line: bytes) -> None:
    assert not knows(line)


def test_who_is_called_at_the_beginning_is_found() -> None:
    (said,) = Reader(short=True).read(TAGS + b" :bob!b@h PRIVMSG #dev :romeo: hello")
    assert said.content.mentions == (Mention(0, 5, ROMEO),)


def test_a_channel_that_nobody_wants_to_read_any_more_is_not_read() -> None:
    reader = Reader(short=True)
    assert knows(PLAIN, reader)
    del reader.rooms["#dev"]
    assert not knows(PLAIN, reader)


def test_another_connection_may_be_to_a_server_with_other_rules() -> None:
    reader = Reader(short=True)
    line = TAGS + b" :bob!b@h PRIVMSG @#dev :for operators"
    assert knows(line, reader)
    reader.view.begin(isupport_of(("CHANTYPES=#", "CASEMAPPING=rfc1459"), ("", "")), "linkspan")
    assert not knows(line, reader)


def test_whose_nick_turns_out_to_be_ours_is_not_heard() -> None:
    reader = Reader(short=True)
    assert knows(PLAIN, reader)
    reader.view.claim(reader.view.users["bob"])
    assert not knows(PLAIN, reader)


_HAPPENINGS = (
    ":bob!b@h ACCOUNT Bobby",
    ":bob!b@h CHGHOST b other",
    ":bob!b@h AWAY :lunch",
    ":bob!b@h SETNAME :Bob [via Linkspan]",
    ":bob!b@h QUIT :gone",
    ":bob!b@h NICK rob",
    ":bob!b@h PART #dev",
    ":alice!a@h MODE #dev +o bob",
    "@bot :bob!b@h JOIN #ops",
)


@pytest.mark.parametrize("between", _HAPPENINGS)
def test_what_has_changed_of_somebody_is_known_in_their_next_words(between: str) -> None:
    both, long = Reader(short=True), Reader(short=False)
    again = (
        between.encode(),
        PLAIN,
        b":bob!b@h JOIN #dev",
        PLAIN,
        TAGS + b";account=x :bob!b@h PRIVMSG #dev :x",
        PLAIN,
    )
    for line in (PLAIN, PLAIN, *again):
        assert both.read(line) == long.read(line), line


_nicks = st.sampled_from(["bob", "bob", "bob", "Bob", "alice", "romeo", "linkspan", "eve", "b[b", "B{B"])
_hosts = st.sampled_from(["b@h", "b@h", "b@h", "b@other"])
_channels = st.sampled_from(["#dev", "#dev", "#dev", "#DEV", "@#dev", "#ops", "#none"])
_texts = st.one_of(
    st.text(min_size=1, max_size=12),
    st.sampled_from(["hello", "bob: hello", "romeo, hello", "ALICE:", "a b", " x", "naïve", "\x02b", "caf\u200d"]),
)
_tags = st.sampled_from(
    ["", "", "", "", ";account=bob", ";account=*", ";account=a\\sb", ";bot", ";+draft/reply=m0", ";batch=r"]
)
_times = st.sampled_from(
    [
        "2023-11-14T22:13:20.123Z",
        "2023-11-14T22:13:20.123Z",
        "2023-11-14T22:13:21.999Z",
        "2023-02-30T00:00:00.000Z",
        "now",
    ]
)


@st.composite
def _said(draw: st.DrawFn) -> str:
    tags = f"time={draw(_times)};msgid=m{draw(st.integers(0, 99))}"
    if draw(st.integers(0, 3)) == 3:
        tags = ";".join(reversed(tags.split(";")))
    command = draw(st.sampled_from(["PRIVMSG", "PRIVMSG", "PRIVMSG", "NOTICE"]))
    source = f"{draw(_nicks)}!{draw(_hosts)}"
    return f"@{tags}{draw(_tags)} :{source} {command} {draw(_channels)} :{draw(_texts)}"


_happenings = st.one_of(
    st.builds(":{}!{} JOIN {}".format, _nicks, _hosts, st.sampled_from(["#dev", "#ops"])),
    st.builds(":{}!b@h PART {}".format, _nicks, st.sampled_from(["#dev", "#ops"])),
    st.builds(":{}!b@h QUIT :gone".format, _nicks),
    st.builds(":{}!b@h NICK {}".format, _nicks, _nicks),
    st.builds(":{}!b@h ACCOUNT {}".format, _nicks, st.sampled_from(["bob", "*"])),
    st.builds(":{}!b@h CHGHOST b other".format, _nicks),
    st.builds(":{}!b@h AWAY :{}".format, _nicks, st.sampled_from(["lunch", ""])),
    st.builds(":alice!a@h MODE #dev {} {}".format, st.sampled_from(["+o", "-o", "+v"]), _nicks),
    st.builds(":{}!b@h SETNAME :{}".format, _nicks, st.sampled_from(["Bob", "Bob [via Linkspan]"])),
    st.sampled_from(_HAPPENINGS),
)
_lines = st.lists(st.one_of(_said(), _said(), _happenings), min_size=1, max_size=30)


@given(_lines)
@example(["@time=2023-11-14T22:13:20.123Z;msgid=m1;account=bob :bob!b@h PRIVMSG #dev :\x80", ":bob!b@h ACCOUNT bob"])
@example(["@time=2023-11-14T22:13:20.123Z;msgid=m1;account=bob :bob!b@h PRIVMSG #dev :hi", ":bob!b@h ACCOUNT *"])
def test_both_ways_say_the_same_in_any_order_of_things(lines: list[str]) -> None:
    both, long = Reader(short=True), Reader(short=False)
    for line in lines:
        data = line.encode(errors="replace")
        assert both.read(data) == long.read(data), line
    assert both.view.users.keys() == long.view.users.keys()
    for nick, user in both.view.users.items():
        assert both.view.member(user) == long.view.member(long.view.users[nick])


@pytest.mark.parametrize(
    ("stamp", "at"),
    [
        ("2023-11-14T22:13:20.123Z", 1_700_000_000_123),
        ("2026-11-28T12:59:46.066Z", 1_795_870_786_066),  # as a float it would be a thousandth less
        ("1969-12-31T23:59:59.999Z", -1),
        ("2023-11-14T22:13:60.000Z", None),
        ("2023-11-14 22:13:20.123Z", None),
        ("2023-11-14T22:13:20.123", None),
        ("2023-11-14T22:13:20.1234Z", None),
        ("2023-11-14T22:13:20,123Z", None),
        ("2023-11-14T22:13:20.12²Z", None),
        ("", None),
    ],
)
def test_times_are_read_to_the_millisecond(stamp: str, at: int | None) -> None:
    assert exact(stamp) == at
    assert at is None or moment(stamp, NOW) == at


@pytest.mark.parametrize(
    ("stamp", "at"),
    [
        ("2023-11-14T22:13:20Z", 1_700_000_000_000),
        ("2023-11-14T23:13:20.5+01:00", 1_700_000_000_500),
        ("2023-11-14T22:13:20", 1_700_000_000_000),
        ("yesterday", NOW),
        ("", NOW),
    ],
)
def test_times_in_other_forms_are_read_too(stamp: str, at: int) -> None:
    assert moment(stamp, NOW) == at
