"""Splitting: every part fits, joined they are the text, and no character a reader sees is torn."""

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.capabilities import Limit, Unit
from bridge.core.content import Attachment, Content, Kind, Mention, Span, Style
from bridge.core.ids import Network, Person, PersonId
from bridge.core.splitting import clip, cut, cut_text, length, lines

FAMILY = "👨‍👩‍👧‍👦"  # 7 code points, 11 UTF-16 units, 25 bytes, one grapheme
FLAG = "🇩🇪"
E_ACUTE = "e\u0301"
UNITS = [Unit.BYTES, Unit.UTF16, Unit.CODE_POINTS]
TEXT = st.text(st.sampled_from("ab  \n\r\té\u0301日🇩🇪👨\u200d👩🏽\u2028\ud800क्षि") | st.characters(), max_size=60)


def texts(parts):
    return [part.text for part in parts]


def cut_at(text, size, unit=Unit.BYTES):
    return texts(cut(Content(text=text), limit=Limit(size, unit)))


@pytest.mark.parametrize(
    ("text", "size", "unit", "parts"),
    [
        ("", 5, Unit.BYTES, [""]),
        ("hello", 5, Unit.BYTES, ["hello"]),
        ("hello world", 8, Unit.BYTES, ["hello ", "world"]),
        ("hello world", 5, Unit.BYTES, ["hello", " worl", "d"]),
        ("aa bb cc", 5, Unit.BYTES, ["aa ", "bb cc"]),
        ("aa bb cc", 6, Unit.BYTES, ["aa bb ", "cc"]),
        ("see http://example.org/long", 10, Unit.BYTES, ["see http:/", "/example.o", "rg/long"]),
        ("see: http://a.org", 14, Unit.BYTES, ["see: ", "http://a.org"]),
        ("no\u00a0break here", 9, Unit.CODE_POINTS, ["no\u00a0break ", "here"]),
        ("äöüß", 4, Unit.BYTES, ["äö", "üß"]),
        ("äöüß", 5, Unit.BYTES, ["äö", "üß"]),
        ("日本語", 4, Unit.BYTES, ["日", "本", "語"]),
        ("😀😀😀", 4, Unit.UTF16, ["😀😀", "😀"]),
        ("😀😀😀", 3, Unit.UTF16, ["😀", "😀", "😀"]),
        (E_ACUTE * 3, 4, Unit.BYTES, [E_ACUTE] * 3),
        (FLAG * 2, 3, Unit.CODE_POINTS, [FLAG] * 2),
        (FAMILY * 2, 30, Unit.BYTES, [FAMILY] * 2),
        (FAMILY, 8, Unit.BYTES, ["👨\u200d", "👩\u200d", "👧\u200d", "👦"]),
        ("a\r\nb", 2, Unit.BYTES, ["a", "\r\n", "b"]),
        ("a \u0301b c", 3, Unit.CODE_POINTS, ["a \u0301", "b c"]),
        ("日", 1, Unit.BYTES, ["日"]),
    ],
)
def test_cut(text, size, unit, parts):
    assert cut_at(text, size, unit) == parts


def test_what_fits_is_the_same_object():
    content = Content(text="hi", spans=(Span(0, 2, Style.BOLD),))
    assert cut(content, limit=Limit(400, Unit.BYTES)) == (content,)
    assert cut(content, limit=Limit(400, Unit.BYTES))[0] is content


@given(TEXT, st.integers(4, 30), st.sampled_from(UNITS))
def test_joined_the_parts_are_the_text_and_each_fits(text, size, unit):
    parts = cut_at(text, size, unit)
    assert "".join(parts) == text
    assert all(length(part, unit) <= size for part in parts)
    assert text == "" or all(parts)


@given(TEXT, st.integers(4, 30), st.sampled_from(UNITS))
def test_no_grapheme_that_fits_is_torn(text, size, unit):
    borders = {match.end() for match in regex.finditer(r"\X", text)}
    too_long = {
        position
        for match in regex.finditer(r"\X", text)
        if length(match.group(), unit) > size
        for position in range(match.start(), match.end())
    }
    end = 0
    for part in cut_at(text, size, unit)[:-1]:
        end += len(part)
        assert end in borders | too_long


@given(TEXT, st.integers(4, 30))
def test_cut_text_does_the_same_with_any_measure(text, size):
    parts = cut_text(text, lambda part: length(part, Unit.BYTES) <= size)
    assert list(parts) == cut_at(text, size)


def test_overhead_counts_for_every_part():
    assert texts(cut(Content(text="a" * 10), limit=Limit(9, Unit.BYTES), overhead=5)) == ["aaaa", "aaaa", "aa"]


def test_spans_mentions_and_attachments_are_counted_anew():
    bob = Person(Network("libera"), PersonId("bob"))
    picture = Attachment(url="https://example.org/a.png")
    content = Content(
        text="hello bob, hi there",
        kind=Kind.ACTION,
        spans=(Span(0, 19, Style.ITALIC), Span(6, 13, Style.BOLD)),
        mentions=(Mention(6, 9, bob),),
        attachments=(picture,),
    )
    assert cut(content, limit=Limit(11, Unit.BYTES)) == (
        Content(
            text="hello bob, ",
            kind=Kind.ACTION,
            spans=(Span(0, 11, Style.ITALIC), Span(6, 11, Style.BOLD)),
            mentions=(Mention(6, 9, bob),),
        ),
        Content(
            text="hi there",
            kind=Kind.ACTION,
            spans=(Span(0, 8, Style.ITALIC), Span(0, 2, Style.BOLD)),
            attachments=(picture,),
        ),
    )


@given(TEXT, st.integers(10, 40), st.integers(0, 60), st.integers(1, 60))
def test_marks_around_styles_count(text, size, start, width):
    def rendered(content):
        return length(content.text, Unit.BYTES) + 2 * len(content.spans)

    spans = (Span(start, min(start + width, len(text)), Style.BOLD),) if start < len(text) else ()
    content = Content(text=text, spans=spans)
    parts = cut(content, limit=Limit(size, Unit.BYTES), measure=rendered)
    assert "".join(texts(parts)) == text
    assert all(rendered(part) <= size for part in parts)
    assert sum(s.end - s.start for part in parts for s in part.spans) == sum(s.end - s.start for s in spans)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("one", ["one"]),
        ("one\ntwo", ["one", "two"]),
        ("one\r\n\r\n  \ntwo\n", ["one", "two"]),
        ("one\u2028two\u0085three\x0bfour", ["one", "two", "three", "four"]),
        ("\n", []),
        (" ", []),
        ("  code", ["  code"]),
    ],
)
def test_lines(text, found):
    assert texts(lines(Content(text=text))) == found


def test_lines_take_their_spans_along():
    content = Content(text="ab\ncd\n", spans=(Span(1, 4, Style.BOLD),), attachments=(Attachment(url="u:"),))
    assert lines(content) == (
        Content(text="ab", spans=(Span(1, 2, Style.BOLD),)),
        Content(text="cd", spans=(Span(0, 1, Style.BOLD),), attachments=(Attachment(url="u:"),)),
    )


def test_attachments_without_words_are_not_lost():
    assert lines(Content(text="\n", attachments=(Attachment(url="u:"),))) == (
        Content(text="", attachments=(Attachment(url="u:"),)),
    )


@given(st.text())
def test_no_line_end_is_left_in_a_line(text):
    for part in lines(Content(text=text)):
        assert part.text.splitlines() == [part.text]


def test_segments_are_the_connectors_business():
    with pytest.raises(ValueError, match="segments"):
        cut(Content(text="x" * 200), limit=Limit(1, Unit.SEGMENTS))


def test_a_hundred_kilobytes_of_one_grapheme_take_no_time():
    text = "e" + "\u0301" * 50_000
    assert "".join(cut_at(text, 400)) == text


@pytest.mark.parametrize(
    ("text", "size", "ellipsis", "clipped"),
    [
        ("hello", 5, "…", "hello"),
        ("hello!", 5, "…", "he…"),
        ("hello!", 5, "", "hello"),
        (FAMILY * 2, 30, "", FAMILY),
        (FAMILY, 8, "", "👨\u200d"),
        ("hello", 0, "", ""),
    ],
)
def test_clip(text, size, ellipsis, clipped):
    assert clip(text, limit=Limit(size, Unit.BYTES), ellipsis=ellipsis) == clipped
