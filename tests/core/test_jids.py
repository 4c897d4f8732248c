"""Addresses: every id has one localpart that no server changes, and it leads back to the id."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slixmpp.jid import JID

from bridge.core.ids import Network
from bridge.core.jids import TooLong, from_localpart, to_localpart
from bridge.core.preparation import nodeprep

LIBERA = Network("libera")
IDS = st.text(
    st.sampled_from("abAB  \\%=2045cCé\u0301ÄßσςİשΣ\u1100\u1161日🎉\ud800\n\0@/'\"&:<>\u00ad\uff21\u10a0")
    | st.characters(),
    max_size=20,
)


@pytest.mark.parametrize(
    ("remote_id", "network", "local"),
    [
        ("bob", "libera", "bob%libera"),
        ("#dev", "libera", "#dev%libera"),
        ("##c++", "libera", "##c++%libera"),
        ("+15551230001", "phone", "+15551230001%phone"),
        ("-1001234567890", "family", "-1001234567890%family"),
        ("#dev", "irc.example.org", "#dev%irc.example.org"),
        ("#dev", None, "#dev"),
        ("[a]`b^{c}|_-", "libera", "[a]`b^{c}|_-%libera"),
        ("alice@example.org", "mail", r"alice\40example.org%mail"),
        ("d'artagnan", "mail", r"d\27artagnan%mail"),
        ("a b", "libera", r"a\20b%libera"),
        (" a ", "libera", "=20a=20%libera"),
        (r"c:\5commas", "wv", r"c\3a\5c5commas%wv"),
        (r"\3and\2is\5cool", "wv", r"\5c3and\2is\5c5cool%wv"),
        ("foo\\bar", "libera", "foo\\bar%libera"),
        ("back\\", "libera", "back\\%libera"),
        ("\\5C", "libera", "\\5=43%libera"),
        ("#50%off", "libera", "#50%off%libera"),
        ("#50%off", None, "#50=25off"),
        ("Alice", "libera", "=41lice%libera"),
        ("a=b", "libera", "a=3db%libera"),
        ("", "libera", "=%libera"),
        ("", None, "="),
        ("иван", "libera", "иван%libera"),
        ("Ünal", "libera", "=c3=9cnal%libera"),
        ("日本", "libera", "日本%libera"),
        ("straße", "libera", "stra=c3=9fe%libera"),
        ("e\u0301", "libera", "e=cc=81%libera"),
        ("שלום", "libera", "=d7=a9=d7=9c=d7=95=d7=9d%libera"),
        ("🎉", "libera", "=f0=9f=8e=89%libera"),
        ("\u1100\u1161", "libera", "=e1=84=80=e1=85=a1%libera"),
        ("a\r\n\0", "libera", "a=0d=0a=00%libera"),
        ("bob", "Libera", "bob%=4cibera"),
        ("bob", "a%b", "bob%a=25b"),
    ],
)
def test_localparts(remote_id, network, local):
    assert to_localpart(remote_id, network) == local
    assert from_localpart(local) == (remote_id, network)


@given(IDS, st.none() | st.just(LIBERA) | IDS)
def test_every_id_comes_back(remote_id, network):
    local = to_localpart(remote_id, network)
    assert from_localpart(local) == (remote_id, network)
    assert local.lower() == local.casefold() == nodeprep(local) == local
    assert JID(f"{local}@bridge.example").local == local


@given(IDS, IDS)
def test_two_ids_never_share_an_address(one, other):
    assert (to_localpart(one, LIBERA) == to_localpart(other, LIBERA)) == (one == other)


@given(st.text(max_size=12))
def test_a_localpart_that_leads_somewhere_is_the_one_we_write(local):
    found = from_localpart(local)
    assert found is None or to_localpart(*found) == local


@pytest.mark.parametrize(
    "local",
    [
        "",
        "=61lice%libera",  # says alice in another way
        r"foo\5cbar%libera",
        "=ff%libera",  # not UTF-8
        "bob%",
        "%libera",
        "Bob%libera",  # no server hands this on
        "a b%libera",
        "e\u0301%libera",
        "x" * 2000 + "%libera",
    ],
)
def test_strangers(local):
    assert from_localpart(local) is None


def test_an_id_without_room():
    assert to_localpart("x" * 1016, LIBERA)
    with pytest.raises(TooLong, match="1017 characters"):
        to_localpart("x" * 1017, LIBERA)
    with pytest.raises(TooLong):
        to_localpart("é" * 510, LIBERA)
