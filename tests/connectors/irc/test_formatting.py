"""mIRC codes and spans. In the tables: B bold, I italic, U underline, S strike, M mono, C colour, H hex, V reverse, O reset."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.core.content import Span, Style
from bridge.core.spans import tidy
from connectors.irc.speaking.formatting import _CODE, _PALETTE, read, strip, write

CODES = {
    "B": "\x02",
    "I": "\x1d",
    "U": "\x1f",
    "S": "\x1e",
    "M": "\x11",
    "C": "\x03",
    "H": "\x04",
    "V": "\x16",
    "O": "\x0f",
}
RED, BLACK, PINK, YELLOW = "#ff0000", "#000000", "#ff00ff", "#ffff00"


def codes(text: str) -> str:
    """Write <B> as 0x02 and so on."""
    for name, code in CODES.items():
        text = text.replace(f"<{name}>", code)
    return text


def b(start, end):
    return Span(start, end, Style.BOLD)


def colour(start, end, value):
    return Span(start, end, Style.COLOR, value)


@pytest.mark.parametrize(
    ("line", "text", "spans"),
    [
        ("plain", "plain", ()),
        ("a<B>b<B>c", "abc", (b(1, 2),)),
        ("<B>all", "all", (b(0, 3),)),
        ("<B><B>none<B>", "none", ()),
        ("<B>a<O>b<B>c", "abc", (b(0, 1), b(2, 3))),
        ("<I>i<I><U>u<U><S>s<S><M>m", "iusm", tuple(
            Span(n, n + 1, s) for n, s in enumerate([Style.ITALIC, Style.UNDERLINE, Style.STRIKE, Style.CODE]))),
        ("<B>a<I>b<B>c<I>", "abc", (b(0, 2), Span(1, 2, Style.ITALIC), Span(2, 3, Style.ITALIC))),
        ("<V>x<V>y", "xy", ()),
        ("<C>4red<C> not", "red not", (colour(0, 3, RED),)),
        ("<C>04red", "red", (colour(0, 3, RED),)),
        ("<C>045", "5", (colour(0, 1, RED),)),
        ("<C>4,1on black<C>4 still", "on black still", (colour(0, 14, f"{RED},{BLACK}"),)),
        ("<C>04,01x<C>99,99y", "xy", (colour(0, 1, f"{RED},{BLACK}"),)),
        ("<C>4,x", ",x", (colour(0, 2, RED),)),
        ("<C>,5", ",5", ()),
        ("<C>4,123", "3", (colour(0, 1, f"{RED},#0000fc"),)),
        ("<C>1,1secret<C> open", "secret open", (Span(0, 6, Style.SPOILER),)),
        ("<C>99,4x", "x", ()),
        ("<C>4<B>x<O>y", "xy", (colour(0, 1, RED), b(0, 1))),
        ("<C>\u0664x", "\u0664x", ()),
        ("<H>FF00ff,000000x<H>y", "xy", (colour(0, 1, f"{PINK},{BLACK}"),)),
        ("<H>ff00fx", "ff00fx", ()),
        ("<H>ffff00,00000", ",00000", (colour(0, 6, YELLOW),)),
        ("Rules: Don't spam 5<C>13,8,6<C>,7,8, and <B>9<B><I>!<O>", "Rules: Don't spam 5,6,7,8, and 9!",
         (colour(19, 21, f"{PINK},{YELLOW}"), b(31, 32), Span(32, 33, Style.ITALIC))),
        ("tab\tbell\x07", "tab\tbell\x07", ()),
        ("<B>😀é<B>", "😀é", (b(0, 2),)),
    ],
)  # fmt: skip
def test_reads_codes(line, text, spans):
    assert read(codes(line)) == (text, spans)
    assert strip(codes(line)) == text


@pytest.mark.parametrize(
    ("text", "spans", "line"),
    [
        ("plain", (), "plain"),
        ("abc", (b(1, 2),), "a<B>b<B>c"),
        ("all", (b(0, 3),), "<B>all<B>"),
        ("abc", (b(0, 3), Span(1, 2, Style.ITALIC)), "<B>a<I>b<I>c<B>"),
        ("code", (Span(0, 4, Style.PRE, "py"),), "<M>code<M>"),
        ("5", (colour(0, 1, RED),), "<C>045<C>"),
        ("x5", (colour(0, 1, RED),), "<C>04x<C><B><B>5"),
        ("x,5", (colour(0, 1, RED),), "<C>04x<C><B><B>,5"),
        (",5", (colour(0, 2, RED),), "<C>04<B><B>,5<C>"),
        (",5", (colour(0, 2, f"{RED},{BLACK}"),), "<C>04,01,5<C>"),
        ("abc", (colour(0, 3, f"{RED},{BLACK}"), colour(1, 2, RED)), "<C>04,01a<C><C>04b<C>04,01c<C>"),
        ("xy", (Span(0, 1, Style.SPOILER),), "<C>01,01x<C>y"),
        ("x", (colour(0, 1, "#fe0102"),), "<C>04x<C>"),
        ("x", (colour(0, 1, "no colour"),), "x"),
        ("quote", (Span(0, 5, Style.QUOTE),), "quote"),
        ("ab", (b(0, 9),), "<B>ab<B>"),
        ("a\r\nb\0\x01c\t\x02\x7f", (b(0, 9),), "<B>a  bc\t<B>"),
        ("\x01DCC SEND\x01", (), "DCC SEND"),
        ("\x02", (b(0, 1),), "<B><B>"),
        ("", (), ""),
    ],
)
def test_writes_codes(text, spans, line):
    assert write(text, spans) == codes(line)


styles = st.sampled_from(
    [Style.BOLD, Style.ITALIC, Style.UNDERLINE, Style.STRIKE, Style.CODE, Style.SPOILER, Style.COLOR]
)
values = st.one_of(
    st.sampled_from(_PALETTE[:20]),
    st.tuples(st.sampled_from(_PALETTE[:4]), st.sampled_from(_PALETTE[:4])).map(",".join),
)


@st.composite
def styled(draw):
    text = draw(
        st.text(st.one_of(st.sampled_from("0159,,a #"), st.characters(exclude_categories=["Cc", "Cs"])), max_size=12)
    )
    spans = []
    for start, end, style, value in draw(
        st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12), styles, values), max_size=6)
    ):
        spans.append(Span(start, end, style, value if style is Style.COLOR else ""))
    return text, tidy(spans, len(text))


def looks(text, spans):
    """Return what each character looks like to a reader of IRC."""
    seen = []
    for at, char in enumerate(text):
        over = [span for span in spans if span.start <= at < span.end]
        colours = [span.value for span in over if span.style is Style.COLOR]
        fore, _, back = colours[-1].partition(",") if colours else ("", "", "none")
        hidden = fore == back or any(span.style is Style.SPOILER for span in over)
        toggles = {span.style for span in over} - {Style.COLOR, Style.SPOILER}
        seen.append((char, toggles, "hidden" if hidden else "".join(colours[-1:])))
    return seen


@given(styled())
@example(("5", (colour(0, 1, RED),)))
def test_what_is_written_reads_the_same(content):
    text, spans = content
    bare, found = read(write(text, spans))

    assert bare == text
    assert looks(bare, found) == looks(text, spans)
    assert found == tidy(found, len(bare))


@given(st.text(st.one_of(st.sampled_from("\x02\x03\x04\x0f\x11\x16\x1d\x1e\x1f0129,aF"), st.characters())))
def test_no_text_is_lost_by_reading(line):
    bare, spans = read(line)

    assert bare == _CODE.sub("", line) == strip(line)
    assert all(0 <= span.start < span.end <= len(bare) for span in spans)


@given(
    st.text(), st.lists(st.builds(Span, st.integers(-3, 30), st.integers(-3, 30), st.sampled_from(Style), st.text()))
)
def test_writing_carries_no_line_end_whatever_it_gets(text, spans):
    line = write(text, spans)

    assert not set("\r\n\0\x01") & set(line)
    kept = "".join(" " if c in "\r\n" else c for c in text if c >= " " or c in "\t\r\n" if c != "\x7f")
    assert strip(line) == kept


@given(styled())
def test_a_longer_text_is_never_a_shorter_line(content):
    text, spans = content
    sizes = [len(write(text[:end], tidy(spans, end)).encode()) for end in range(len(text) + 1)]

    assert sizes == sorted(sizes)
