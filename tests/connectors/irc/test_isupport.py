"""What servers say of themselves, read into one value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.irc.connection.client import isupport_of
from connectors.irc.connection.isupport import Isupport

INSPIRCD = (
    "AWAYLEN=200 CASEMAPPING=rfc1459 CHANLIMIT=#:20 CHANMODES=IXbegw,k,Hfjl,ACKMNOPQRSTcimnprstz CHANNELLEN=64 CHANTYPES=# "
    "ELIST=CMNTU EXTBAN=,ABCNOQRSTUacmnprswz HOSTLEN=64 KEYLEN=32 KICKLEN=255 LINELEN=512 MAXLIST=I:100,X:100,b:100 "
    "MAXTARGETS=20 MODES=20 MONITOR=30 NAMELEN=128 NAMESX NETWORK=Local\\x20Net NICKLEN=30 PREFIX=(Yqaohv)!~&@%+ STATUSMSG=!~&@%+ "
    "TOPICLEN=307 UHNAMES USERIP USERLEN=10 USERMODES=,,s,BIRSWcdhiorwxz WHOX"
)


def of(tokens, version="", modes=""):
    return isupport_of(tuple(tokens.split()), (version, modes))


def test_an_inspircd():
    server = of(INSPIRCD, "InspIRCd-3", "BIRScdhiorswxz")

    assert list(server.prefix.items()) == [("!", "Y"), ("~", "q"), ("&", "a"), ("@", "o"), ("%", "h"), ("+", "v")]
    assert server.chanmodes == ("IXbegw", "k", "Hfjl", "ACKMNOPQRSTcimnprstz")
    assert (server.network, server.nicklen, server.linelen, server.monitor, server.modes) == (
        "Local Net",
        30,
        512,
        30,
        20,
    )
    assert (server.deaf, server.bot, server.whox, server.utf8only) == ("d", "B", True, False)
    assert server.chanlimit == {"#": 20}
    assert server.targets("PRIVMSG") == 20
    assert server.targets("WHOIS") == 1


@pytest.mark.parametrize(
    ("tokens", "version", "modes", "letter"),
    [
        ("DEAF=D", "solanum-1.0", "DGQRSZaghilopsuwz", "D"),
        ("", "solanum-1.0", "DGQRSZaghilopsuwz", "D"),
        ("", "hybrid-8.2.43+dfsg.1", "DFGRSWabcdefgijklnopqrsuwxy", "D"),
        ("", "UnrealIRCd-6.1.0", "diopqrstwxzBDGHIRSTWZ", "d"),
        ("", "InspIRCd-3", "iosw", ""),
        ("", "InspIRCd-3", "Dios", ""),  # privdeaf alone
        ("", "ngircd-26.1", "abBcCFiIoqrRswx", ""),
        ("", "something-d", "dD", ""),
        ("DEAF", "x", "", "D"),
        ("BOT=b DEAF=xy", "x", "", "x"),
    ],
)
def test_the_letter_of_deaf_depends_on_the_software(tokens, version, modes, letter):
    assert of(tokens, version, modes).deaf == letter


def test_silence_means_the_protocols_defaults():
    assert of("") == Isupport()
    assert Isupport().mode_changes(["+o", "bob"]) == [("+", "o", "bob")]


def test_tokens_are_taken_back_and_said_again():
    assert of("NICKLEN=30 MONITOR=5 -NICKLEN -MONITOR").nicklen == 0
    assert of("MONITOR=5 -MONITOR").monitor == -1
    assert of("MONITOR").monitor == 0
    assert of("NICKLEN=9 NICKLEN=30").nicklen == 30
    assert of("PREFIX=(ohv)@%+ -PREFIX").prefix == {"@": "o", "+": "v"}


@pytest.mark.parametrize(
    "tokens",
    [
        "PREFIX=ov@+", "TARGMAX=PRIVMSG", "TARGMAX=PRIVMSG:x", "CHANLIMIT=#", "CHANLIMIT=#:x:y", "NICKLEN=abc",
        "NICKLEN=-5",
        "NICKLEN=٣", "NICKLEN=99999999999999999", "LOAD=1", "SET=x", "REMOVE", "=", "=x", "-", "__CLASS__=x",
        "_PARSE_OTHER=1", "CASEMAPPING=",
        "NETWORK=a\\x", "NETWORK=\\xzz", "LINELEN=1", "NICKLEN",
    ],
)  # fmt: skip
def test_what_cannot_be_read_was_not_said(tokens):
    server = of(tokens)

    assert (server.prefix, server.nicklen, server.targmax, server.chanlimit) == ({"@": "o", "+": "v"}, 0, {}, {})
    assert (server.casemapping, server.linelen) == ("rfc1459", 512)


@given(
    st.lists(
        st.text(max_size=20) | st.from_regex(r"-?(PREFIX|CHANMODES|TARGMAX|CHANLIMIT)=.{0,9}", fullmatch=True)
    ).map(tuple)
)
def test_reading_never_fails(said):
    isupport_of(said, ("", "")).mode_changes(["+ovbklimz", "a"])


def test_escapes():
    assert of("NETWORK=A\\x20b\\x3Dc\\x5Cx20").network == "A b=c\\x20"


def test_limits_on_targets():
    server = of("TARGMAX=PRIVMSG:4,NOTICE:,JOIN:1 MAXTARGETS=9")

    assert [server.targets(command) for command in ("PRIVMSG", "NOTICE", "JOIN", "KICK")] == [4, 0, 1, 1]


def test_a_server_without_prefixes_or_channels():
    assert of("PREFIX=").prefix == {}
    assert not of("CHANTYPES=").is_channel("#x")
    assert of("CHANTYPES=#").is_channel("#x")
    assert not of("").is_channel("")


@pytest.mark.parametrize(
    ("params", "changes"),
    [
        (["+oov", "a", "b", "c"], [("+", "o", "a"), ("+", "o", "b"), ("+", "v", "c")]),
        (["+o-v+b", "a", "b", "*!*@*"], [("+", "o", "a"), ("-", "v", "b"), ("+", "b", "*!*@*")]),
        (["+bv", "*!*@h", "nick"], [("+", "b", "*!*@h"), ("+", "v", "nick")]),
        (["+l-l", "10"], [("+", "l", "10"), ("-", "l", None)]),
        (["-lk", "key"], [("-", "l", None), ("-", "k", "key")]),
        (["+mo", "a"], [("+", "m", None), ("+", "o", "a")]),
        (["+oov", "a"], [("+", "o", "a"), ("+", "o", None), ("+", "v", None)]),
        (["+b"], [("+", "b", None)]),
        (["o", "a"], [("+", "o", "a")]),
        (["+?é"], [("+", "?", None), ("+", "é", None)]),
        (["+n", "too", "many"], [("+", "n", None)]),
        ([""], []),
        ([], []),
    ],
)
def test_channel_modes(params, changes):
    assert of("CHANMODES=beI,k,lf,imnpst PREFIX=(ov)@+").mode_changes(params) == changes


def test_all_puppets_share_one_value():
    assert of(INSPIRCD) is of(INSPIRCD)
