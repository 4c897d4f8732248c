"""Masks of outcasts: what can be one, and whom it means."""

import pytest

from bridge.core.events import Member
from bridge.core.ids import XMPP, Network, Person, PersonId
from bridge.core.outcasts import Outcast, is_cast_out, parsed

IRC = Network("libera")
MALLORY = Member(
    person=Person(IRC, PersonId("mallory")), name="Mallory", address="Mallory!~m@dialup.evil.example", account="mal"
)
TG = Member(person=Person(Network("family"), PersonId("123456")), name="Eve E.", handle="@eve")
ROMEO = Member(person=Person(XMPP, PersonId("romeo@spam.example")), name="romeo", account="romeo@spam.example")
OCCUPANT = Member(person=Person(XMPP, PersonId("room@muc.example/romeo")), name="romeo", account="romeo@spam.example")
UNKNOWN = Member(person=Person(XMPP, PersonId("0a1b2c")), name="spam.example")


@pytest.mark.parametrize(
    ("member", "mask", "meant"),
    [
        (MALLORY, "mallory", True),
        (MALLORY, "MALL*", True),
        (MALLORY, "mallory?", False),
        (MALLORY, "*!*@*.evil.example", True),
        (MALLORY, "*!~m@*", True),
        (MALLORY, "*!*@evil.example", False),
        (MALLORY, "mal", False),
        (TG, "123456", True),
        (TG, "12345", False),
        (TG, "@EVE", True),
        (TG, "eve*", True),
        (ROMEO, "romeo@spam.example", True),
        (ROMEO, "spam.example", True),
        (ROMEO, "*.example", True),
        (ROMEO, "juliet@spam.example", False),
        (OCCUPANT, "spam.example", True),
        (UNKNOWN, "spam.example", False),
    ],
)
def test_whom_a_mask_means(member: Member, mask: str, meant: bool) -> None:
    assert is_cast_out(member, (mask,)) is meant
    assert is_cast_out(member, ("nobody", mask)) is meant


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("libera:*!*@evil.example", ("libera", "*!*@evil.example")),
        ("libera:a:b", ("libera", "a:b")),
        ("xmpp:*.spam.example", ("xmpp", "*.spam.example")),
        (" family:1 ", ("family", "1")),
        ("libera:", None),
        (":mallory", None),
        ("mallory", None),
        ("libera:*", None),
        ("libera:*!*@*", None),
        ("xmpp:*@*", None),
        ("xmpp:romeo@spam.example/desk", None),
        ("libera:two words", None),
        ("libera:" + "x" * 501, None),
        ("libera:a\x07", None),
    ],
)
def test_what_is_a_mask(text: str, found: tuple[str, str] | None) -> None:
    assert parsed(text) == found


def test_an_entry_is_written_as_it_is_read() -> None:
    outcast = Outcast(network=IRC, mask="*!*@evil.example")
    assert parsed(str(outcast)) == (outcast.network, outcast.mask)
