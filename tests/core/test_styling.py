"""XEP-0393: marks become spans and spans marks; text that only looks styled stays what it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.content import Content, Mention, Span, Style
from bridge.core.ids import Network, Person, PersonId
from bridge.core.spans import tidy
from bridge.core.styling import Styled, from_styling, plain, to_styling

B, IT, S, CODE, PRE, Q = Style.BOLD, Style.ITALIC, Style.STRIKE, Style.CODE, Style.PRE, Style.QUOTE
U, LINK, COLOR = Style.UNDERLINE, Style.LINK, Style.COLOR
BODIES = st.text(st.sampled_from("*_~`> \na"), max_size=30) | st.lists(
    st.sampled_from(["> ", ">", "```", "\n", "*", "_", "`", "~", " ", "word", "```py\n", "\n```\n"]), max_size=14
).map("".join)


@pytest.mark.parametrize(
    ("body", "text", "spans"),
    [
        # the examples of the specification
        ("_emphasis_ plain", "emphasis plain", [(0, 8, IT)]),
        ("*strong span*", "strong span", [(0, 11, B)]),
        ("plain _emphasis_ plain", "plain emphasis plain", [(6, 14, IT)]),
        ("`pre` plain *strong*", "pre plain strong", [(0, 3, CODE), (10, 16, B)]),
        ("*strong*plain*", "strongplain*", [(0, 6, B)]),
        ("* plain *strong*", "* plain strong", [(8, 14, B)]),
        ("not strong*", "not strong*", []),
        ("*not strong", "*not strong", []),
        ("*not \n strong*", "*not \n strong*", []),
        ("*not *strong", "*not *strong", []),
        ("**", "**", []),
        ("***", "***", []),
        ("****", "****", []),
        ("Everyone ~dis~likes cake.", "Everyone dislikes cake.", [(9, 12, S)]),
        ("This is `*monospace*`", "This is *monospace*", [(8, 19, CODE)]),
        ("This is *`monospace and bold`*", "This is monospace and bold", [(8, 26, B), (8, 26, CODE)]),
        ("```ignored\n(println)\n```\n\nafter", "(println)\n\nafter", [(0, 9, PRE, "ignored")]),
        ("> ```\n> (println)\n\nafter", "(println)\n\nafter", [(0, 9, Q), (0, 9, PRE)]),
        ("> That that is, is.\n\nSaid", "That that is, is.\n\nSaid", [(0, 17, Q)]),
        (">> That\n> Said\n\nWho?", "That\nSaid\n\nWho?", [(0, 9, Q), (0, 4, Q)]),
        # and what follows from it
        ("*not *strong*", "not *strong", [(0, 11, B)]),
        ("**bold**", "**bold**", []),
        ("__init__", "__init__", []),
        ("snake_case_name", "snake_case_name", []),
        ("2 * 3 * 4", "2 * 3 * 4", []),
        ("*a _b* c_", "a _b c_", [(0, 4, B)]),
        ("*_x_*", "x", [(0, 1, B), (0, 1, IT)]),
        ("(*x*)", "(*x*)", []),
        ("*\u00a0x*", "*\u00a0x*", []),
        ("`a` `b`", "a b", [(0, 1, CODE), (2, 3, CODE)]),
        (">quoted", "quoted", [(0, 6, Q)]),
        (">  two", " two", [(0, 4, Q)]),
        ("> a *b*\nc", "a b\nc", [(0, 3, Q), (2, 3, B)]),
        ("> _ <", "_ <", [(0, 3, Q)]),
        ("```\na *b*\n> c\n```", "a *b*\n> c", [(0, 9, PRE)]),
        ("```\n\n```", "```\n\n```", []),
        ("```no language\nx\n```", "no language\nx", [(0, 13, PRE)]),
        ("```\nx\n``` ", "x\n``` ", [(0, 6, PRE)]),
        ("```", "```", []),
        (">", ">", []),
        (">>\n> ", ">>\n> ", []),
        ("", "", []),
    ],
)
def test_from_styling(body, text, spans):
    assert from_styling(body) == Content(text=text, spans=tuple(Span(*span) for span in spans))


@pytest.mark.parametrize(
    ("text", "spans", "body"),
    [
        ("bold", [(0, 4, B)], "*bold*"),
        ("a b c", [(2, 3, IT)], "a _b_ c"),
        ("x", [(0, 1, B), (0, 1, IT), (0, 1, CODE)], "*_`x`_*"),
        ("under", [(0, 5, U)], "_under_"),
        ("a bold b", [(1, 7, B)], "a *bold* b"),
        ("unbold", [(2, 6, B)], "unbold"),
        ("boldly", [(0, 4, B)], "*bold*ly"),
        ("one\ntwo", [(0, 7, B)], "*one*\n*two*"),
        ("red", [(0, 3, COLOR, "#ff0000")], "red"),
        ("see this", [(4, 8, LINK, "https://a.example")], "see this (https://a.example)"),
        ("https://a.example", [(0, 17, LINK, "https://a.example")], "https://a.example"),
        ("That\nSaid\n\nWho?", [(0, 9, Q), (0, 4, Q)], ">> That\n> Said\n\nWho?"),
        ("a\n\nb", [(0, 4, Q)], "> a\n>\n> b"),
        ("x = 1\n\ny = 2\nafter", [(0, 12, PRE, "py")], "```py\nx = 1\n\ny = 2\n```\nafter"),
        ("see x = 1", [(4, 9, PRE)], "see `x = 1`"),
        ("see x\ny there", [(4, 7, PRE)], "see \n```\nx\ny\n```\n there"),
        ("bob: hi", [(5, 7, Q)], "bob: \n> hi"),
        ("code", [(0, 4, Q), (0, 4, PRE)], "> ```\n> code\n> ```"),
        ("```", [(0, 3, PRE)], "```\n\u2060```\n```"),
        ("bold 2 *x", [(0, 4, B)], "*bold* 2 *x"),
        ("*x bold", [(3, 7, B)], "\u2060*x *bold*"),
        ("bold\n> no quote", [(0, 4, B)], "*bold*\n\u2060> no quote"),
        ("a*b", [(0, 3, B)], "a*b"),
    ],
)
def test_to_styling(text, spans, body):
    assert to_styling(Content(text=text, spans=tuple(Span(*span) for span in spans))) == Styled(body, unstyled=False)


@pytest.mark.parametrize(
    ("text", "unstyled"),
    [("hello", False), ("> _ <", True), ("*nix and foo*", True), ("2 * 3", False), ("```", False), ("a_b_c", False)],
)
def test_text_that_only_looks_styled_goes_out_as_it_is_and_says_so(text, unstyled):
    assert to_styling(Content(text=text)) == Styled(text, unstyled=unstyled)


def letters(text):
    return sorted(character for character in text if character.isalpha())


@given(BODIES)
def test_nothing_but_marks_is_taken_out(body):
    content = from_styling(body)
    left = iter(body)
    assert all(character in left for character in content.text)
    assert letters(body) == letters(content.text + "".join(span.value for span in content.spans))


@given(BODIES)
def test_what_was_read_is_read_again_after_writing(body):
    content = from_styling(body)
    styled = to_styling(content)
    again = Content(text=styled.body) if styled.unstyled else from_styling(styled.body)
    assert again.text.replace("\u2060", "").replace("\n", "") == content.text.replace("\n", "")


SPANS = st.lists(
    st.builds(Span, st.integers(0, 20), st.integers(0, 20), st.sampled_from(Style), st.just("")),
    max_size=6,
)


@given(st.text(st.sampled_from("*_~`> \nab"), max_size=20), SPANS)
def test_no_text_is_lost_in_writing(text, spans):
    content = Content(text=text, spans=tidy(spans, len(text)))
    for written in (to_styling(content).body, plain(content).text):
        left = iter(written)
        assert all(character in left for character in text)


@given(st.text(st.sampled_from("ab \n"), max_size=20), SPANS)
def test_the_styles_that_were_written_are_read(text, spans):
    wanted = tidy([s for s in spans if s.style in {B, IT, S, CODE}], len(text))
    read = from_styling(to_styling(Content(text=text, spans=wanted)).body)
    assert read.text == text
    for span in read.spans:
        assert any(w.style is span.style and w.start <= span.start and span.end <= w.end for w in wanted)


@pytest.mark.parametrize(
    ("text", "spans", "expected"),
    [
        ("bold", [(0, 4, B)], "bold"),
        ("That\nSaid\n\nWho?", [(0, 9, Q), (0, 4, Q)], "> > That\n> Said\n\nWho?"),
        ("see this", [(4, 8, LINK, "https://a.example")], "see this (https://a.example)"),
        ("bob: hi", [(5, 7, Q)], "bob: \n> hi"),
    ],
)
def test_plain(text, spans, expected):
    assert plain(Content(text=text, spans=tuple(Span(*span) for span in spans))) == Content(text=expected)


def test_plain_keeps_mentions_in_place():
    bob = Person(Network("libera"), PersonId("bob"))
    content = Content(text="hi bob", spans=(Span(0, 6, Q),), mentions=(Mention(3, 6, bob),))
    assert plain(content) == Content(text="> hi bob", mentions=(Mention(5, 8, bob),))


@pytest.mark.parametrize(
    "body", ["*a " * 30_000, ">" * 100_000, "> *a*\nb\n" * 12_000, "```\n" * 25_000, "*_" * 50_000]
)
def test_a_hostile_body_takes_no_time(body):
    content = from_styling(body)
    assert len(plain(content).text) >= len(content.text)
    assert len(to_styling(content).body) >= len(content.text)
