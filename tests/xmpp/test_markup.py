"""Styles beside a body (XEP-0394): only what the body cannot say, and read back as it was meant."""

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.content import Content, Span, Style
from bridge.core.spans import tidy
from bridge.core.styling import from_styling, to_styling
from bridge.xmpp.messages import markup

B, IT, S, CODE, Q = Style.BOLD, Style.ITALIC, Style.STRIKE, Style.CODE, Style.QUOTE
SPANS = st.lists(
    st.builds(Span, st.integers(0, 12), st.integers(0, 12), st.sampled_from([B, IT, S, CODE]), st.just(""))
)


@pytest.mark.parametrize(
    ("content", "body", "element"),
    [
        (Content(text="bold words", spans=(Span(0, 4, B),)), "*bold* words", ""),
        (
            Content(text="unbelievable", spans=(Span(2, 9, B),)),
            "unbelievable",
            "<markup xmlns='urn:xmpp:markup:0'><span start='2' end='9'><strong/></span></markup>",
        ),
        (
            Content(text="one two\nun*do", spans=(Span(0, 3, IT), Span(10, 13, S))),
            "_one_ two\nun*do",
            "<markup xmlns='urn:xmpp:markup:0'><span start='12' end='15'><deleted/></span></markup>",
        ),
        (Content(text="quoted", spans=(Span(0, 6, Q),)), "> quoted", ""),
        (Content(text="plain"), "plain", ""),
    ],
)
def test_what_the_body_cannot_say_stands_beside_it(content: Content, body: str, element: str):
    assert (to_styling(content).body.replace("\u2060", ""), markup.beside(content, body)) == (body, element)


def test_what_stands_in_front_is_counted():
    content = Content(text="unbelievable", spans=(Span(2, 9, B),))
    assert "start='12' end='19'" in markup.beside(content, "unbelievable", behind=10)


@given(st.text(st.sampled_from("ab *_~`"), min_size=1, max_size=12), SPANS)
def test_what_stands_beside_the_body_is_over_the_same_words(text: str, spans: list[Span]):
    content = Content(text=text, spans=tidy(spans, len(text)))
    styled = to_styling(content)
    written = markup.beside(content, styled.body)
    if not written:
        return
    read = markup.spans(ET.fromstring(written), styled.body)
    whole = markup.added(from_styling(styled.body), styled.body, read)
    assert whole.text == from_styling(styled.body).text
    meant = ["".join(text[each.start : each.end].split()) for each in content.spans]
    for each in read:
        said = "".join(styled.body[each.start : each.end].split())
        assert any(not set(words) - set(said) for words in meant)
