"""HTML reads as it looks, and none of it gets out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.spans import tidy
from connectors.webhook.hypertext import from_html
from tests.support.deliveries import shown

READS = {
    "plain": ("a &lt; b &amp; c&nbsp;d", "a < b & c d"),
    "styles": ("<b>a</b> <em>b</em> <u>c</u> <s>d</s> <code>x</code>", "<bold>a</> <italic>b</> <underline>c</> <strike>d</> <code>x</>"),
    "a link": ('<a href="https://x.example">here</a>', "<link https://x.example>here</>"),
    "a link that leads elsewhere": ('<a href="javascript:alert(1)">here</a>', "here"),
    "paragraphs": ("<p>one</p>\n<p>two<br>three</p>", "one\ntwo\nthree"),
    "a list": ("<ul>\n <li>one</li>\n <li>two</li>\n</ul>", "• one\n• two"),
    "a heading": ("<h2>News</h2>text", "<bold>News</>\ntext"),
    "code": ("<pre><code>x = 1\n  y</code></pre>", "<pre>x = 1\n  y</>"),
    "a quote": ("a<blockquote>one<br>two</blockquote>b", "a\n<quote>one\ntwo</>\nb"),
    "a table": ("<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>", "<bold>a</> <bold>b</>\n 1 2"),
    "scripts": ("<style>x{}</style>a<script>alert(1)</script>b", "ab"),
    "a picture": ('<img src="https://x.example/i.png" alt="chart">', "<link https://x.example/i.png>chart</>"),
    "never closed": ("<b>a <i>b", "<bold>a <italic>b</></>"),
    "closed twice": ("a</b></b>c", "ac"),
    "comments": ("a<!-- <b>x</b> -->b<!DOCTYPE html>c<?php d ?>e<!-- f", "abce"),
    "blanks": ("  a \n\t b  ", "a b"),
    "everybody": ("<b>@everyone</b>", "<bold>everyone</>"),
}  # fmt: skip


@pytest.mark.parametrize(("source", "wanted"), READS.values(), ids=READS)
def test_html_reads_as_it_looks(source, wanted):
    assert shown(from_html(source)) == wanted


@given(st.text(alphabet="<>/abipre=\"'&; \n!-?[]", max_size=100))
def test_no_html_breaks_it(source):
    content = from_html(source)
    assert content.spans == tidy(content.spans, len(content.text))


@pytest.mark.parametrize(
    "piece",
    ["<b>", "<blockquote>", "<pre>", "</p>", "<a href=x>", "<", "&", "<!--", "<!", "<?", "</", "<a ", "&#", "<li>"],
)
def test_much_of_it_comes_to_an_end(piece):
    assert len(from_html(piece * (100_000 // len(piece))).text) <= 8_000
