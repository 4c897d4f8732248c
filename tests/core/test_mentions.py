"""Names in texts: at word borders, the longest first, and nobody calls themselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.mentions import FEW, MOST, Names, mentions
from tests.support.build import person

BOB, ALICE, AL = person("bob", "irc"), person("alice", "family"), person("al", "irc")
WIDE, ROUND = person("wide", "family"), person("round", "irc")


def names(**people: object) -> Names:
    known = Names()
    for name, who in people.items():
        known.add(who, name.replace("_", " "))
    return known


ROOM = names(bob=BOB, Alice_Ångström=ALICE, Al=AL, Alice=WIDE)
ROOM.add(ROUND, "[round]")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("bob: hello", [(0, 3, BOB)]),
        ("Bob, and Alice!", [(0, 3, BOB), (9, 14, WIDE)]),
        ("ask Bob, alice", []),
        ("ask @Bob, @ALICE", [(5, 8, BOB), (11, 16, WIDE)]),
        ("ask @bob", [(5, 8, BOB)]),
        ("(bob's boat)", [(1, 4, BOB)]),
        ("bobsled, kebob, bob_, bob1", []),
        ("Alice Ångström knows", [(0, 14, ALICE)]),
        ("Alice Ångströms", [(0, 5, WIDE)]),
        ("al gore and al", []),
        ("al: hi", [(0, 2, AL)]),
        ("hi @al", [(4, 6, AL)]),
        ("hi [round] hi", [(3, 10, ROUND)]),
        ("", []),
        ("nobody here", []),
        ("https://bob.example/ bob@example.org x/bob bob.example.org", []),
        ("_bob_ *bob* “bob”", [(7, 10, BOB), (13, 16, BOB)]),
        ("bob\nbob", [(0, 3, BOB), (4, 7, BOB)]),
    ],
)
def test_who_is_named(text: str, found: list[tuple[int, int, object]]):
    assert [(each.start, each.end, each.person) for each in mentions(text, [ROOM], writer="juliet")] == found


def test_nobody_calls_themselves():
    assert mentions("I am Bob, says bob", [ROOM], writer="bob") == ()


def test_namesakes_of_several_rooms_are_all_meant():
    other = names(bob=person("bob", "family"))
    assert [each.person.network for each in mentions("bob?", [ROOM, other], writer="x")] == ["irc", "family"]


def test_a_list_of_members_calls_nobody():
    many = Names()
    for number in range(MOST + 1):
        many.add(person(f"p{number}"), f"person{number}")
    text = " ".join(f"person{number}" for number in range(MOST + 1))
    assert mentions(text, [many], writer="x") == ()
    assert len(mentions(text.rpartition(" ")[0], [many], writer="x")) == MOST


def test_a_name_is_known_until_it_is_dropped():
    known = names(bob=BOB)
    known.add(person("rob"), "bob")
    assert [each.person for each in mentions("bob", [known], writer="x")] == [BOB, person("rob")]
    known.drop(BOB)
    assert [each.person for each in mentions("bob", [known], writer="x")] == [person("rob")]
    known.add(person("rob"), "robert")
    assert mentions("bob", [known], writer="x") == ()
    known.clear()
    assert mentions("robert", [known], writer="x") == ()


def test_a_crowd_is_known_while_it_grows_and_while_it_goes():
    known, there = Names(), list[str]()
    crowd = [f"name{number:03}" for number in range(2 * FEW)]
    text = " ".join(crowd[:: FEW // 3])

    def named() -> list[str]:
        return [text[each.start : each.end] for each in mentions(text, [known], writer="x")]

    for name in crowd:
        known.add(person(name), name)
        there.append(name)
        assert named() == [each for each in there if each in text]
    for name in crowd:
        known.drop(person(name))
        there.remove(name)
        assert named() == [each for each in there if each in text]


@given(st.text(), st.lists(st.text(min_size=1, max_size=8), max_size=6))
def test_a_mention_is_always_the_name_in_the_text(text: str, people: list[str]):
    known = Names()
    for name in people:
        known.add(person(name), name)
    found = mentions(text, [known], writer="")
    for each in found:
        assert text[each.start : each.end].casefold() in {name.casefold() for name in people}
    assert list(found) == sorted(found, key=lambda each: each.start)
