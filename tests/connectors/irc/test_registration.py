"""The handshake, as a transcript: what the server says on the left, what we write to it on the right."""

import pytest

from connectors.irc.connection.capabilities import LISTENER, PUPPET, Capabilities
from connectors.irc.connection.refusals import Kind, Refused
from connectors.irc.connection.registration import Identity, Registration, Sasl, Webirc
from connectors.irc.connection.wire import encode, parse

PLAIN = Sasl(mechanism="PLAIN", username="jilles", password="sesame")


class Handshake:
    """A registration whose lines can be read back."""

    def __init__(
        self,
        *,
        sasl=None,
        password="",
        webirc=None,
        nicks=("link", "link_"),
        wanted=frozenset({"sasl", "batch", "echo-message"}),
    ):
        self.sent = []
        self.caps = Capabilities(wanted, self._send)
        methods = sasl if isinstance(sasl, tuple) else (sasl,) if sasl else ()
        identity = Identity(nicks=nicks, username="user", realname="A Bridge", sasl=methods, webirc=webirc)
        self.registration = Registration(identity, password, self.caps, self._send)

    def _send(self, command, *params):
        self.sent.append(encode(command, params).decode().removesuffix("\r\n"))

    def start(self):
        self.registration.start()
        return self.said()

    def said(self):
        sent, self.sent[:] = list(self.sent), []
        return sent

    def hears(self, *lines):
        for line in lines:
            self.registration.line(parse(line.encode()))
        return self.said()


def begun(**more):
    handshake = Handshake(**more)
    handshake.start()
    return handshake


def test_everything_is_said_at_once():
    assert Handshake(password="pass word").start() == [
        "PASS :pass word",
        "CAP LS 302",
        "NICK link",
        "USER user 0 * :A Bridge",
    ]


def test_a_gateway_says_whose_connection_it_is_before_anything_else():
    webirc = Webirc(password="s3cret", gateway="linkspan", host="a.example", ip="2001:db8::1")
    assert Handshake(password="pass", webirc=webirc).start()[:3] == [
        "WEBIRC s3cret linkspan a.example 2001:db8::1",
        "PASS pass",
        "CAP LS 302",
    ]


def test_a_server_without_capabilities():
    link = begun()

    assert link.hears(":irc NOTICE * :*** Looking up your hostname", ":irc 421 * CAP :Unknown command") == []
    assert link.hears(":irc 001 link :Welcome link!u@h") == []
    assert link.registration.nick == "link"


def test_nothing_of_interest_is_offered():
    assert begun().hears(":irc CAP * LS :multi-prefix away-notify") == ["CAP END"]


def test_capabilities_over_several_lines_with_values():
    link = begun()

    assert link.hears(":irc CAP * LS * :a=b batch sasl=PLAIN,EXTERNAL") == []
    assert link.hears(":irc CAP * LS :echo-message c") == ["CAP REQ :batch echo-message sasl"]
    assert link.hears(":irc CAP link ACK :batch echo-message sasl ") == ["CAP END"]
    assert link.caps.offered == {"a": "b", "batch": "", "sasl": "PLAIN,EXTERNAL", "echo-message": "", "c": ""}
    assert link.caps.enabled == {"batch", "echo-message", "sasl"}


def test_one_refused_capability_does_not_cost_the_others():
    link = begun()

    assert link.hears(":irc CAP * LS :batch echo-message sasl") == ["CAP REQ :batch echo-message sasl"]
    assert link.hears(":irc CAP * NAK :batch echo-message sasl") == [
        "CAP REQ batch",
        "CAP REQ echo-message",
        "CAP REQ sasl",
    ]
    assert link.hears(":irc CAP * ACK :batch", ":irc CAP * NAK :echo-message") == []
    assert link.hears(":irc CAP * ACK :sasl") == ["CAP END"]
    assert link.caps.enabled == {"batch", "sasl"}


def test_a_long_list_is_asked_for_in_several_lines():
    wanted = frozenset(f"vendor.example/capability-{n:03}" for n in range(60))
    link = begun(wanted=wanted)

    requests = link.hears(f":irc CAP * LS :{' '.join(wanted)}")

    assert len(requests) > 1
    assert max(map(len, requests)) < 500
    assert {name for line in requests for name in line.removeprefix("CAP REQ :").split()} == wanted
    assert link.hears(*(f":irc CAP * ACK :{line.removeprefix('CAP REQ :')}" for line in requests)) == ["CAP END"]


def test_capabilities_come_and_go():
    link = begun()
    link.hears(":irc CAP * LS :", ":irc 001 link :hi")

    assert link.hears(":irc CAP link NEW :batch other echo-message=x") == ["CAP REQ :batch echo-message"]
    link.hears(":irc CAP link ACK :batch echo-message")
    assert link.caps.enabled == {"batch", "echo-message"}
    link.hears(":irc CAP link DEL :batch")
    assert link.caps.enabled == {"echo-message"}
    assert link.hears(":irc CAP link NEW :batch") == ["CAP REQ batch"]


@pytest.mark.parametrize("line", [":irc CAP", ":irc CAP *", ":irc CAP * ACK", ":irc CAP * WHAT :x"])
def test_a_malformed_cap_line_harms_nobody(line):
    assert begun().hears(line) == []


def test_a_puppet_asks_for_nothing_that_brings_lines_about_others():
    assert not PUPPET & {
        "away-notify",
        "extended-join",
        "account-notify",
        "setname",
        "invite-notify",
        "extended-monitor",
    }
    assert {"echo-message", "labeled-response", "batch", "message-tags", "server-time"} < PUPPET & LISTENER


@pytest.mark.parametrize("go_on", [":irc AUTHENTICATE +", "AUTHENTICATE +", "AUTHENTICATE :+"])
def test_sasl_plain(go_on):
    link = begun(sasl=PLAIN)

    assert link.hears(":irc CAP * LS :sasl=EXTERNAL,PLAIN") == ["CAP REQ sasl"]
    assert link.hears(":irc CAP * ACK sasl") == ["AUTHENTICATE PLAIN"]
    assert link.hears(go_on) == ["AUTHENTICATE amlsbGVzAGppbGxlcwBzZXNhbWU="]
    assert link.hears(":irc 900 link link!u@h jilles :You are now logged in as jilles") == []
    assert link.hears(":irc 903 link :SASL authentication successful") == ["CAP END"]
    assert link.registration.account == "jilles"


@pytest.mark.parametrize(("size", "pieces"), [(399, [399]), (400, [400, 0]), (401, [400, 1]), (800, [400, 400, 0])])
def test_sasl_goes_in_pieces_of_400(size, pieces):
    secret = "x" * (size // 4 * 3 - 4 - size % 4 % 2)  # base64 makes four of three
    link = begun(sasl=Sasl(mechanism="PLAIN", username="u", password=secret))
    link.hears(":irc CAP * LS :sasl", ":irc CAP * ACK sasl")

    said = [line.removeprefix("AUTHENTICATE ") for line in link.hears("AUTHENTICATE +")]

    total = sum(len(piece) for piece in said if piece != "+")
    assert all(len(piece) == 400 for piece in said[:-1])
    assert (said[-1] == "+") == (total % 400 == 0)
    if size % 4 == 0:
        assert [0 if piece == "+" else len(piece) for piece in said] == pieces


def test_sasl_external():
    link = begun(sasl=Sasl(mechanism="EXTERNAL"))
    link.hears(":irc CAP * LS :sasl=EXTERNAL", ":irc CAP * ACK sasl")

    assert link.hears("AUTHENTICATE +") == ["AUTHENTICATE +"]

    named = begun(sasl=Sasl(mechanism="EXTERNAL", username="me"))
    named.hears(":irc CAP * LS :sasl=EXTERNAL", ":irc CAP * ACK sasl")
    assert named.hears("AUTHENTICATE +") == ["AUTHENTICATE bWU="]


EXTERNAL_THEN_PLAIN = (Sasl(mechanism="EXTERNAL"), PLAIN)


def test_a_certificate_that_nobody_knows_is_followed_by_the_password():
    link = begun(sasl=EXTERNAL_THEN_PLAIN)

    assert link.hears(":irc CAP * LS :sasl=PLAIN,EXTERNAL", ":irc CAP * ACK sasl") == [
        "CAP REQ sasl",
        "AUTHENTICATE EXTERNAL",
    ]
    assert link.hears("AUTHENTICATE +") == ["AUTHENTICATE +"]
    assert link.hears(":irc 904 link :SASL authentication failed") == ["AUTHENTICATE PLAIN"]
    assert link.hears("AUTHENTICATE +") == ["AUTHENTICATE amlsbGVzAGppbGxlcwBzZXNhbWU="]
    assert link.hears(":irc 903 link :SASL authentication successful") == ["CAP END"]


def test_a_way_that_the_server_does_not_offer_is_passed_over():
    link = begun(sasl=EXTERNAL_THEN_PLAIN)

    assert link.hears(":irc CAP * LS :sasl=PLAIN", ":irc CAP * ACK sasl") == ["CAP REQ sasl", "AUTHENTICATE PLAIN"]
    with pytest.raises(Refused, match="SASL authentication failed"):
        link.hears("AUTHENTICATE +", ":irc 904 link :SASL authentication failed")


def test_after_the_last_way_nothing_more_is_tried():
    link = begun(
        sasl=(Sasl(mechanism="EXTERNAL", required=False), Sasl(mechanism="PLAIN", username="u", required=False))
    )
    link.hears(":irc CAP * LS :sasl", ":irc CAP * ACK sasl")

    assert link.hears(":irc 904 link :no") == ["AUTHENTICATE PLAIN"]
    assert link.hears(":irc 904 link :no") == ["CAP END"]
    assert link.hears(":irc 904 link :no", ":irc 906 link :aborted") == []


SASL_FAILS = [
    [":irc CAP * LS :batch"],
    [":irc CAP * LS :sasl=EXTERNAL", ":irc CAP * ACK sasl"],
    [":irc CAP * LS :sasl", ":irc CAP * NAK sasl"],
    [":irc CAP * LS :sasl", ":irc CAP * ACK sasl", ":irc 904 link :SASL authentication failed"],
    [
        ":irc CAP * LS :sasl",
        ":irc CAP * ACK sasl",
        "AUTHENTICATE +",
        ":irc 902 link :You must use a nick assigned to you",
    ],
]


@pytest.mark.parametrize("lines", SASL_FAILS, ids=lambda lines: lines[-1])
def test_required_sasl_that_fails_is_final(lines):
    with pytest.raises(Refused) as refused:
        begun(sasl=PLAIN).hears(*lines)

    assert refused.value.kind is Kind.AUTH
    assert refused.value.failure.permanent


@pytest.mark.parametrize("lines", SASL_FAILS, ids=lambda lines: lines[-1])
def test_optional_sasl_that_fails_is_let_be(lines):
    link = begun(sasl=Sasl(mechanism="PLAIN", username="u", password="p", required=False))
    said = link.hears(*lines)
    if said[-1] != "CAP END":  # other capabilities are asked for
        said = link.hears(":irc CAP * ACK :batch")

    assert said[-1] == "CAP END"


def test_a_server_without_cap_cannot_give_required_sasl():
    with pytest.raises(Refused) as refused:
        begun(sasl=PLAIN).hears(":irc 001 link :Welcome")

    assert refused.value.kind is Kind.AUTH


def test_an_unasked_challenge_gets_nothing():
    assert begun().hears("AUTHENTICATE +") == []


@pytest.mark.parametrize("numeric", ["431", "432", "433", "436", "437"])
def test_the_next_nick_is_tried(numeric):
    link = begun(nicks=("link", "link_", "link__"))

    assert link.hears(f":irc {numeric} * link :Nickname is already in use") == ["NICK link_"]
    assert link.hears(f":irc {numeric} * link_ :Nickname is already in use") == ["NICK link__"]
    with pytest.raises(Refused) as refused:
        link.hears(f":irc {numeric} * link__ :Nickname is already in use")
    assert (refused.value.kind, refused.value.reason) == (Kind.NICK, "Nickname is already in use")


def test_the_server_has_the_last_word_on_the_nick():
    link = begun()
    link.hears(":irc 001 UID123 :Welcome")

    assert link.registration.nick == "UID123"


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (":irc 464 * :Password incorrect", Kind.AUTH),
        (":irc 465 * :You are banned from this server", Kind.BANNED),
        ("ERROR :Closing link: (user@127.0.0.1) [Z-Lined: go away]", Kind.BANNED),
        ("ERROR :Trying to reconnect too fast.", Kind.THROTTLED),
    ],
)
def test_refusals(line, kind):
    with pytest.raises(Refused) as refused:
        begun().hears(line)

    assert refused.value.kind is kind


def test_without_a_nick_nothing_is_tried():
    with pytest.raises(Refused):
        Handshake(nicks=()).start()
