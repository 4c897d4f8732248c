"""Spans: whatever comes in, what comes out is in order, nested, and styles the same characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.content import Content, Mention, Span, Style
from bridge.core.ids import Network, Person, PersonId
from bridge.core.spans import piece, prefixed, slice_spans, substituted, tidy

B, IT, Q, PRE, LINK = Style.BOLD, Style.ITALIC, Style.QUOTE, Style.PRE, Style.LINK
BOB = Person(Network("libera"), PersonId("bob"))

SPANS = st.lists(
    st.builds(
        Span,
        st.integers(-3, 25),
        st.integers(-3, 25),
        st.sampled_from(Style),
        st.sampled_from(["", "a"]),
    ),
    max_size=8,
)


@pytest.mark.parametrize(
    ("spans", "tidied"),
    [
        pytest.param([], (), id="none"),
        pytest.param([Span(3, 3, B), Span(5, 4, B)], (), id="empty ones go"),
        pytest.param([Span(-2, 30, B)], (Span(0, 20, B),), id="not beyond the text"),
        pytest.param([Span(4, 6, IT), Span(0, 8, B)], (Span(0, 8, B), Span(4, 6, IT)), id="outer first"),
        pytest.param([Span(0, 3, B), Span(3, 6, B)], (Span(0, 6, B),), id="touching equals are one"),
        pytest.param([Span(0, 5, B), Span(3, 6, B)], (Span(0, 6, B),), id="overlapping equals are one"),
        pytest.param(
            [Span(0, 3, LINK, "a"), Span(3, 6, LINK, "b")],
            (Span(0, 3, LINK, "a"), Span(3, 6, LINK, "b")),
            id="another value is another span",
        ),
        pytest.param([Span(0, 6, Q), Span(0, 6, Q)], (Span(0, 6, Q), Span(0, 6, Q)), id="a quote in a quote stays"),
        pytest.param(
            [Span(0, 5, B), Span(3, 9, IT)],
            (Span(0, 5, B), Span(3, 5, IT), Span(5, 9, IT)),
            id="of crossing ones the inner is split",
        ),
        pytest.param(
            [Span(0, 5, B), Span(3, 9, PRE)],
            (Span(0, 3, B), Span(3, 9, PRE), Span(3, 5, B)),
            id="a block splits what crosses it",
        ),
        pytest.param([Span(0, 9, B), Span(0, 9, Q)], (Span(0, 9, Q), Span(0, 9, B)), id="a block is outside"),
    ],
)
def test_tidy(spans, tidied):
    assert tidy(spans, 20) == tidied


def styles_at(spans, position, length):
    """Say what is switched on over one character; quotes count, since they nest."""
    over = [(s.style, s.value) for s in spans if max(s.start, 0) <= position < min(s.end, length)]
    quotes = sorted(one for one in over if one[0] is Q)
    return {one for one in over if one[0] is not Q}, quotes


@given(SPANS, st.integers(0, 22))
def test_tidy_keeps_every_style_of_every_character(spans, length):
    tidied = tidy(spans, length)
    for position in range(length):
        assert styles_at(tidied, position, length) == styles_at(spans, position, length)


@given(SPANS, st.integers(0, 22))
def test_tidied_spans_are_sorted_nested_and_not_empty(spans, length):
    tidied = tidy(spans, length)
    assert list(tidied) == sorted(tidied, key=lambda s: (s.start, -s.end))
    assert all(0 <= s.start < s.end <= length for s in tidied)
    for index, outer in enumerate(tidied):
        assert all(not outer.start < inner.start < outer.end < inner.end for inner in tidied[index + 1 :])


@given(SPANS, st.integers(0, 22))
def test_tidy_twice_is_tidy(spans, length):
    once = tidy(spans, length)
    assert tidy(once, length) == once


@given(SPANS, st.integers(0, 22), st.integers(0, 22))
def test_a_slice_styles_the_same_characters(spans, start, end):
    tidied = tidy(spans, 22)
    sliced = slice_spans(tidied, start, end)
    for position in range(start, end):
        assert styles_at(sliced, position - start, end - start) == styles_at(tidied, position, 22)


def test_a_mention_goes_with_the_piece_in_which_it_begins():
    content = Content(text="hello bob, hi", mentions=(Mention(6, 9, BOB),), spans=(Span(0, 9, B),))
    assert piece(content, 0, 8) == Content(text="hello bo", mentions=(Mention(6, 8, BOB),), spans=(Span(0, 8, B),))
    assert piece(content, 8, 13) == Content(text="b, hi", spans=(Span(0, 1, B),))


def test_words_in_front_move_everything():
    content = Content(text="bob!", mentions=(Mention(0, 3, BOB),), spans=(Span(0, 4, B),))
    assert prefixed(content, "> ") == Content(text="> bob!", mentions=(Mention(2, 5, BOB),), spans=(Span(2, 6, B),))


def test_other_words_in_a_place_keep_what_is_around_them():
    content = Content(
        text="Bob (x): hi Bob (x)!",
        spans=(Span(0, 7, B), Span(2, 12, IT), Span(12, 20, Q)),
        mentions=(Mention(0, 7, BOB), Mention(12, 19, BOB)),
    )
    changed = substituted(content, [(0, 7, "bob"), (12, 19, "robert")])
    assert changed.text == "bob: hi robert!"
    assert changed.mentions == (Mention(0, 3, BOB), Mention(8, 14, BOB))
    assert changed.spans == (Span(0, 8, IT), Span(0, 3, B), Span(8, 15, Q))


@given(st.text(max_size=20), SPANS, st.lists(st.tuples(st.integers(0, 20), st.integers(0, 5), st.text(max_size=4))))
def test_putting_other_words_in_loses_nothing_else(text, spans, wishes):
    changes, free = [], 0
    for start, size, words in sorted(wishes):
        if start >= free and start + size <= len(text):
            changes.append((start, start + size, words))
            free = start + size + 1
    changed = substituted(Content(text=text, spans=tidy(spans, len(text))), changes)
    left, at = [], 0
    for start, end, words in changes:
        left += [text[at:start], words]
        at = end
    assert changed.text == "".join([*left, text[at:]])
    assert tidy(changed.spans, len(changed.text)) == changed.spans
