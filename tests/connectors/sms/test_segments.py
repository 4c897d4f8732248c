"""Texts become short messages, and short messages texts; no border cuts what belongs together."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sms import alphabet
from connectors.sms.segments import (
    GAP,
    PATIENCE,
    Coding,
    Place,
    Reassembly,
    Reference,
    TooLong,
    coding_of,
    parts,
    place_of,
    segments,
    size,
)

LIMITS = {
    (Coding.GSM7, Reference.SHORT): 153,
    (Coding.GSM7, Reference.WIDE): 152,
    (Coding.UCS2, Reference.SHORT): 67,
    (Coding.UCS2, Reference.WIDE): 66,
}
SINGLE = {Coding.GSM7: 160, Coding.UCS2: 70}
GSM = "".join(chr(code) for code in range(0x20, 0x400) if alphabet.fits(chr(code))) + "€\n\r"
TEXTS = st.one_of(
    st.text(alphabet=GSM, max_size=700),
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=300),
    st.text(alphabet="a €🏳️‍🌈👩‍👩‍👧п", max_size=300),
)


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("", [0]),
        ("a" * 160, [160]),
        ("a" * 161, [153, 8]),
        ("a" * 306, [153, 153]),
        ("a" * 307, [153, 153, 1]),
        ("п" * 70, [70]),
        ("п" * 71, [67, 4]),
        ("a" * 152 + "€" + "a" * 10, [152, 12]),  # the escape and its character stay together
        ("п" * 66 + "😀" + "п" * 10, [66, 12]),  # so do the two halves of a pair
        ("a" * 151 + "€" * 5, [153, 8]),  # 161 septets are two messages, whatever the number of characters
        ("word " * 40, [150, 50]),  # at a word's border
    ],
)
def test_the_parts_of_a_text(text: str, sizes: list[int]) -> None:
    coding = coding_of(text)
    assert [size(part, coding) for part in parts(text)] == sizes


@given(TEXTS, st.sampled_from(list(Reference)))
def test_parts_fit_and_joined_are_the_text(text: str, reference: Reference) -> None:
    coding = coding_of(text)
    found = segments(text, number=7, reference=reference)
    assert "".join(each.text for each in found) == text
    assert all(each.coding is coding for each in found)
    limit = SINGLE[coding] if len(found) == 1 else LIMITS[coding, reference]
    for each in found:
        assert size(each.text, coding) <= limit
        assert len(each.body) <= limit * (2 if coding is Coding.UCS2 else 1)
        if coding is Coding.GSM7:
            assert not each.body.endswith(b"\x1b")
            assert alphabet.decode(each.body) == each.text
        else:
            assert not 0xD800 <= int.from_bytes(each.body[-2:]) <= 0xDBFF
            assert each.body.decode("utf-16-be") == each.text


@given(TEXTS)
def test_a_text_that_fits_is_never_cut(text: str) -> None:
    coding = coding_of(text)
    assert (len(parts(text)) == 1) == (size(text, coding) <= SINGLE[coding])


@given(TEXTS, st.sampled_from(list(Reference)), st.randoms(use_true_random=False))
def test_parts_in_any_order_and_twice_are_put_together(text: str, reference: Reference, order: random.Random) -> None:
    found = segments(text, number=300, reference=reference)
    if len(found) == 1:
        assert found[0].header == b""
        return
    heap = Reassembly()
    came = [*found, order.choice(found)]
    order.shuffle(came)
    wholes = []
    for each in came:
        place = place_of(each.header)
        assert place is not None
        whole = heap.add("+1555", "+1999", place, each.text, 0.0)
        if whole is not None:
            wholes.append(whole)
    assert wholes[:1] == [text]


def test_the_header_of_a_part() -> None:
    long = "a" * 200
    assert [each.header.hex() for each in segments(long, number=0x1AB)] == ["050003ab0201", "050003ab0202"]
    wide = segments(long, number=0x1AB, reference=Reference.WIDE)
    assert [each.header.hex() for each in wide] == ["06080401ab0201", "06080401ab0202"]


@pytest.mark.parametrize(
    ("header", "place"),
    [
        ("", None),
        ("050003ab0201", Place(0xAB, 2, 1)),
        ("06080401ab0202", Place(0x1AB, 2, 2)),
        ("0b0504158200000003ab0201", Place(0xAB, 2, 1)),  # behind application ports
        ("050003ab0203", None),  # the third of two
        ("050003ab0000", None),
        ("05", None),
        ("ff0003", None),
    ],
)
def test_what_a_header_says(header: str, place: Place | None) -> None:
    assert place_of(bytes.fromhex(header)) == place


def test_too_many_parts_are_refused() -> None:
    with pytest.raises(TooLong, match="takes 3 short messages, at most 2 are allowed"):
        segments("a" * 400, number=1, allowed=2)


def test_what_never_came_is_a_gap() -> None:
    heap = Reassembly()
    assert heap.add("+1", "+2", Place(1, 3, 1), "one ", 0.0) is None
    assert heap.add("+1", "+2", Place(1, 3, 3), "three", 1.0) is None
    assert heap.add("+1", "+2", Place(2, 2, 1), "other", PATIENCE) is None
    assert heap.overdue(PATIENCE) == [("+1", "+2", f"one {GAP}three")]
    assert heap.overdue(2 * PATIENCE) == [("+1", "+2", "other […]")]
    assert heap.overdue(3 * PATIENCE) == []


def test_typographic_characters_become_plain_where_that_helps() -> None:
    assert alphabet.plain("“Don’t” – really…\u00a0ok") == '"Don\'t" - really... ok'
    assert alphabet.plain("“привет”") == "“привет”"  # it stays UCS-2 anyway


@given(st.binary(max_size=200))
def test_anything_can_be_decoded(data: bytes) -> None:
    assert isinstance(alphabet.decode(data), str)
