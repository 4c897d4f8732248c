"""Which nick a puppet asks for: the wanted one, ``_``, ``__``, a short hash; and the wanted one again when it is free."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.ids import Network, Person, PersonId
from connectors.irc.connection.casemap import folder
from connectors.irc.puppets.naming import Naming, rules_of, username

FOLD = folder("rfc1459")
JULIET = Person(Network("xmpp"), PersonId("juliet@example.org"))


def naming(name="juliet", *, template="{nick}", nicklen=30):
    return Naming(name, person=JULIET, template=template, rules=rules_of(nicklen, FOLD))


def test_the_candidates_are_the_rule_of_the_product():
    first, second, third, *hashed = naming().candidates
    assert (first, second, third) == ("juliet", "juliet_", "juliet__")
    assert all(nick.startswith("juliet-") and len(nick) == 13 for nick in hashed)


def test_template_and_length_hold_for_every_candidate():
    found = naming("Juliet Capulet", template="{nick}[x]", nicklen=9).candidates
    assert found[0] == "Juliet[x]"
    assert all(len(nick) <= 9 for nick in found)
    assert len(set(found)) == len(found)


def test_better_nicks_are_asked_for_only_when_they_are_free():
    name = naming()
    name.connected("juliet__", 0)
    assert name.better() == ("juliet", "juliet_")
    assert name.next(1) == ""
    name.freed("JULIET_", 1)
    assert name.next(1) == "juliet_"
    name.asked = "juliet_"
    assert name.next(1) == ""  # one thing at a time
    name.changed("juliet_", 2)
    assert (name.current, name.asked) == ("juliet_", "")
    assert name.next(2) == ""
    name.freed("juliet", 3)
    assert name.next(3) == "juliet"
    name.asked = "juliet"
    name.changed("juliet", 4)
    assert name.better() == ()


def test_a_nick_that_is_taken_from_us_is_taken_back_but_not_for_ever():
    name = naming()
    name.connected("juliet", 0)
    name.changed("Guest1", 1)
    assert name.next(1) == "juliet"
    name.asked = "juliet"
    name.changed("juliet", 2)
    name.changed("Guest2", 3)
    assert name.next(3) == "juliet_"  # whoever takes it twice in ten minutes may have it
    name.freed("juliet", 4)
    assert name.next(4) == "juliet_"
    assert name.next(4000) == "juliet"


def test_another_name_is_another_wish():
    name = naming()
    name.connected("juliet_", 0)
    name.call("Giulietta")
    assert name.next(1) == "Giulietta"
    name.call("Giulietta")
    name.block("Giulietta", 1, seconds=60)
    assert name.next(1) == "Giulietta_"
    assert name.next(61) == "Giulietta"


def test_the_case_of_a_name_counts_for_us():
    name = naming()
    name.connected("Juliet", 0)
    assert name.better() == ("juliet",)


def test_first_candidates_leave_out_what_is_known_to_be_taken():
    name = naming()
    name.connected("juliet_", 0)
    assert name.first(1)[0] == "juliet_"
    assert name.first(4000)[0] == "juliet"


@given(st.text(max_size=40), st.integers(9, 40))
def test_whatever_the_name_every_candidate_is_a_nick(name, nicklen):
    for nick in naming(name, nicklen=nicklen).candidates:
        assert 0 < len(nick.encode()) <= nicklen
        assert nick.isascii()
        assert not nick[0].isdigit()
        assert nick[0] != "-"
        assert not set(nick) & set(" ,:!@\r\n\0#&*?")


@pytest.mark.parametrize(
    ("nick", "user"), [("Linkspan", "linkspan"), ("[x]^", "x"), ("ééé", "linkspan"), ("a" * 20, "a" * 9)]
)
def test_user_names(nick, user):
    assert username(nick) == user
