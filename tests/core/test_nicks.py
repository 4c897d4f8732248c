"""Nicks: any name becomes one that the network accepts, readable and stable; a taken one has a next."""

import re
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slixmpp.jid import JID

from bridge.core.ids import XMPP, Network, Person, PersonId
from bridge.core.nicks import MUC_RULES, choose, clean, irc_candidates, irc_rules, muc_candidates, nick_key, render

IRC = irc_rules(nicklen=16, key=str.lower)
ZOE = Person(XMPP, PersonId("zoe@example.org"))
BOB = Person(Network("libera"), PersonId("bob"))
RFC2812_NICK = re.compile(r"[A-Za-z\[\]\\`_^{|}][A-Za-z0-9\[\]\\`_^{|}-]*")
NAMES = st.text(st.sampled_from("ab  _-9Zéß🎉🦊Жשם\u202e\u00ad\u0301\x03\n\0\ud800日") | st.characters(), max_size=12)

MARK = "user-ee6b68"


@pytest.mark.parametrize(
    ("name", "nick"),
    [
        ("alice", "alice"),
        ("alice__", "alice__"),
        ("[a]{b}|c^`", "[a]{b}|c^`"),
        ("Zoë", "Zoe"),
        ("Jürgen Groß", "Jurgen_Gross"),
        ("Ærøskøbing", "Aeroskobing"),
        ("Łukasz", "Lukasz"),
        ("Наталья", "Natalya"),
        ("Щука", "Shchuka"),
        ("Γιώργος", "Giorgos"),
        ("ﬁsh", "fish"),
        ("\uff22\uff4f\uff42", "Bob"),
        ("bob (work)", "bob_work"),
        ("a.b@c/d", "a_b_c_d"),
        ("  spaced   out  ", "spaced_out"),
        ("tab\tline\nend", "tab_line_end"),
        ("\x02bold\x0f", "bold"),
        ("soft\u00adhyphen", "softhyphen"),
        ("\u202eevil\u202c", "evil"),
        ("Alice 🎉", "Alice"),
        ("🎉Alice🎉Bob", "Alice_Bob"),
        ("🦊", "fox_face"),
        ("🇩🇪", "de"),
        ("007", "_007"),
        ("-dash", "_-dash"),
        ("日本", MARK),
        ("", MARK),
        ("\ud800", MARK),
        ("\0", MARK),
        ("a" * 40, "a" * 16),
    ],
)
def test_irc_nick(name, nick):
    assert clean(name, rules=IRC, person=ZOE) == nick


@pytest.mark.parametrize(
    ("name", "nick"),
    [
        ("bob", "bob"),
        ("carol[irc]", "carol[irc]"),
        ("a@b/c", "a@b/c"),
        ("日本", "日本"),
        ("☃", "☃"),
        ("Zoe\u0308", "Zoë"),
        (" lead", "lead"),
        ("a  b", "a b"),
        ("\uff22ob", "Bob"),
        ("B\u00adob", "Bob"),
        ("no\u00a0break", "no break"),
        ("Alice 🎉", "Alice"),
        ("🎉Alice🎉Bob", "Alice Bob"),
        ("🦊", "fox face"),
        ("👨\u200d👩", "man woman"),
        ("a\x03b\nc", "ab c"),
        ("\u202eevil", "evil"),
        ("שלום", "שלום"),
        ("שלום 2", "שלום"),
        ("Dan שלום", "שלום"),
        ("Daniel (דן)", "Daniel ()"),
        ("", MARK),
        ("\ud800\u00ad", MARK),
        ("क्षि", "क्षि"),
    ],
)
def test_muc_nick(name, nick):
    assert clean(name, rules=MUC_RULES, person=ZOE) == nick


@given(NAMES)
def test_any_name_gives_a_valid_irc_nick(name):
    nick = clean(name, rules=IRC, person=ZOE)
    assert RFC2812_NICK.fullmatch(nick)
    assert len(nick) <= 16
    assert clean(nick, rules=IRC, person=ZOE) == nick


@given(NAMES)
def test_any_name_gives_a_resource_that_servers_keep_as_it_is(name):
    nick = clean(name, rules=MUC_RULES, person=ZOE)
    assert JID(f"room@muc.example/{nick}").resource == nick
    assert clean(nick, rules=MUC_RULES, person=ZOE) == nick


@given(NAMES, st.integers(1, 30))
def test_every_muc_candidate_is_valid_and_new(name, repeat):
    nicks = list(islice(muc_candidates(clean(name * repeat, rules=MUC_RULES, person=BOB), person=BOB), 5))
    assert len(set(nicks)) == 5
    assert all(JID(f"room@muc.example/{nick}").resource == nick for nick in nicks)


@given(NAMES, st.integers(9, 20))
def test_every_irc_candidate_is_valid_and_new(name, nicklen):
    rules = irc_rules(nicklen=nicklen, key=str.lower)
    nicks = list(islice(irc_candidates(clean(name, rules=rules, person=ZOE), rules=rules, person=ZOE), 8))
    assert all(RFC2812_NICK.fullmatch(nick) and len(nick) <= nicklen for nick in nicks)
    assert len(set(nicks[3:])) == 5


def test_muc_candidates():
    assert list(islice(muc_candidates("bob", person=BOB), 4)) == [
        "bob",
        "bob (libera)",
        "bob (libera) 2",
        "bob (libera) 3",
    ]


def test_a_right_to_left_nick_that_is_taken_cannot_have_the_network_behind_it():
    first, second, third = islice(muc_candidates("שלום", person=BOB), 3)
    assert first == "שלום"
    assert re.fullmatch(r"user-[0-9a-f]{6} \(libera\)", second)
    assert third == f"{second} 2"


def test_a_long_nick_makes_room_for_what_tells_it_apart():
    long = "é" * 600
    nick = clean(long, rules=MUC_RULES, person=BOB)
    assert nick == "é" * 511
    assert next(islice(muc_candidates(nick, person=BOB), 1, None)) == "é" * 507 + " (libera)"


def test_irc_candidates():
    nicks = list(islice(irc_candidates("alice", rules=IRC, person=ZOE), 5))
    assert nicks[:4] == ["alice", "alice_", "alice__", "alice-ee6b68"]
    assert nicks[4].startswith("alice-")
    assert nicks[4] != nicks[3]


def test_irc_candidates_of_a_nick_without_room():
    nicks = list(islice(irc_candidates("abcdefghi", rules=irc_rules(nicklen=9, key=str.lower), person=ZOE), 4))
    assert nicks == ["abcdefghi", "abcdefgh_", "abcdefg__", "ab-ee6b68"]


@pytest.mark.parametrize(
    ("template", "name", "nick"),
    [
        ("{nick}", "Zoë", "Zoe"),
        ("{nick}[x]", "Zoë", "Zoe[x]"),
        ("x-{nick}", "Zoë", "x-Zoe"),
        ("{nick}[x]", "a" * 40, "a" * 13 + "[x]"),
        ("{nick} (x)", "Zoë", "Zoe_x"),
    ],
)
def test_render(template, name, nick):
    assert render(template, name, rules=IRC, person=ZOE) == nick


def test_choose_compares_as_the_network_does():
    taken = {"alice", "alice_"}
    assert choose(irc_candidates("Alice", rules=IRC, person=ZOE), taken=taken, rules=IRC) == "Alice__"
    assert choose(muc_candidates("Bob", person=BOB), taken={"Bob"}, rules=MUC_RULES) == "Bob (libera)"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("bob", "bob", True),
        ("bob", "Bob", False),
        ("Bob", "\uff22ob", True),
        ("bob", "b\u00adob", True),
        ("🎉", "🎊", False),
    ],
)
def test_nicks_that_servers_cannot_tell_apart_have_one_key(one, other, same):
    assert (nick_key(one) == nick_key(other)) is same
