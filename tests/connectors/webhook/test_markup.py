"""Marks go and styles stay, in the dialect of whoever wrote; a text that only looks like markup stays as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.content import Span, Style
from bridge.core.spans import tidy
from connectors.webhook.markup import DISCORD, MARKDOWN, SLACK, styled
from tests.support.deliveries import shown

BOTH = {
    "plain words": ("a ferry to Hiiumaa", "a ferry to Hiiumaa"),
    "code": ("run `make test` now", "run <code>make test</> now"),
    "marks in code are code": ("`*a*`", "<code>*a*</>"),
    "a tick alone": ("5` long", "5` long"),
    "a block of code with its language": ("```python\nx = 1\n```", "<pre python>x = 1</>"),
    "a block of code that never ends": ("```\nx = *1*", "<pre>x = *1*</>"),
    "a block of code on one line": ("```x = 1```", "<pre>x = 1</>"),
    "words around a block": ("a\n```\nb\n```\nc", "a\n<pre>b</>\nc"),
    "a quote of two lines": ("> one\n> two\nthree", "<quote>one\ntwo</>\nthree"),
    "emoji": ("done :tada: :unknown_thing:", "done 🎉 :unknown_thing:"),
    "a time is no emoji": ("at 10:30:15 sharp", "at 10:30:15 sharp"),
    "snake case": ("the my_long_name of it", "the my_long_name of it"),
    "a mark at the end": ("2 * 3 *", "2 * 3 *"),
    "everybody is not woken": ("@everyone and @here, mail a@all.example", "everyone and here, mail a@all.example"),
}
IN_MARKDOWN = {
    "bold": ("**now**", "<bold>now</>"),
    "bold with underscores": ("__now__", "<bold>now</>"),
    "italic": ("*so* and _so_", "<italic>so</> and <italic>so</>"),
    "bold and italic": ("***so***", "<bold><italic>so</></>"),
    "italic in bold": ("**a *b* c**", "<bold>a <italic>b</> c</>"),
    "strike": ("~~old~~ new", "<strike>old</> new"),
    "spoiler": ("||who did it||", "<spoiler>who did it</>"),
    "heading": ("## What is new ##\ntext", "<bold>What is new</>\ntext"),
    "a number sign": ("#5 is open", "#5 is open"),
    "link": ("[the log](https://ci.example/1)", "<link https://ci.example/1>the log</>"),
    "link with a title": ('[a](https://x.example "t")', "<link https://x.example>a</>"),
    "link with brackets": ("[a](https://x.example/b_(c))", "<link https://x.example/b_(c)>a</>"),
    "a link that leads elsewhere": ("[a](javascript:alert(1))", "a"),
    "image": ("![chart](https://x.example/c.png)", "<link https://x.example/c.png>chart</>"),
    "bare link": ("<https://x.example/>", "<link https://x.example/>https://x.example/</>"),
    "URL with underscores": ("https://x.example/a_b_c", "https://x.example/a_b_c"),
    "escapes": (r"\*not\* \_this\_", "*not* _this_"),
    "HTML stays": ("<b>x</b> &amp; y", "<b>x</b> &amp; y"),
    "within a word": ("un**frigging**believable", "un<bold>frigging</>believable"),
    "nothing between": ("**** and ``", "**** and ``"),
}
IN_SLACK = {
    "bold": ("*now*", "<bold>now</>"),
    "italic": ("_so_", "<italic>so</>"),
    "strike": ("~old~ new", "<strike>old</> new"),
    "bold in italic": ("_a *b* c_", "<italic>a <bold>b</> c</>"),
    "link": ("<https://ci.example/1|the log>", "<link https://ci.example/1>the log</>"),
    "bare link": (
        "<https://ci.example/?a=1&amp;b=2>",
        "<link https://ci.example/?a=1&b=2>https://ci.example/?a=1&b=2</>",
    ),
    "mail": ("<mailto:a@example.org|write us>", "write us"),
    "person and channel": ("<@U024|alice> in <#C01|dev>", "@alice in #dev"),
    "somebody without a name": ("<@U024>", "@U024"),
    "everybody": ("<!here> <!channel> <!subteam^S01|@crew>", "here channel crew"),
    "date": ("<!date^1392734382^{date}|Feb 18>", "Feb 18"),
    "entities": ("a &lt; b &amp;&amp; c", "a < b && c"),
    "quote as an entity": ("&gt; said", "<quote>said</>"),
    "heading is text": ("# no", "# no"),
    "no Markdown": ("**a** [b](https://x.example)", "**a** [b](https://x.example)"),
}


@pytest.mark.parametrize(("source", "wanted"), BOTH.values(), ids=BOTH)
@pytest.mark.parametrize("dialect", [MARKDOWN, SLACK, DISCORD], ids=["markdown", "slack", "discord"])
def test_what_all_dialects_have(dialect, source, wanted):
    assert shown(styled(source, dialect)) == wanted


@pytest.mark.parametrize(("source", "wanted"), IN_MARKDOWN.values(), ids=IN_MARKDOWN)
def test_markdown(source, wanted):
    assert shown(styled(source, MARKDOWN)) == wanted


@pytest.mark.parametrize(("source", "wanted"), IN_SLACK.values(), ids=IN_SLACK)
def test_mrkdwn_of_slack(source, wanted):
    assert shown(styled(source, SLACK)) == wanted


def test_discord_underlines_with_two_underscores():
    assert styled("__so__", DISCORD).spans == (Span(0, 2, Style.UNDERLINE),)


def test_controls_and_halves_of_characters_never_get_out():
    content = styled("a\x00\x01\x1b[1m\ud800 **b\x07**\r\nc", MARKDOWN)
    assert shown(content) == "a[1m <bold>b</>\nc"


def test_a_very_long_message_is_cut_with_its_styles():
    content = styled("**" + "x" * 3_000 + "**\n" + "y" * 100_000, MARKDOWN)
    assert len(content.text) == 8_000
    assert content.text.endswith("y…")
    assert content.spans == (Span(0, 3_000, Style.BOLD),)


@given(st.text(alphabet="*_~`|<>[]()! \nab\\#&;:@", max_size=120))
def test_no_text_breaks_a_dialect(text):
    for dialect in (MARKDOWN, DISCORD, SLACK):
        content = styled(text, dialect)
        assert content.spans == tidy(content.spans, len(content.text))


@pytest.mark.parametrize("mark", ["*", "_", "**", "`", "[", "<", "~~", "||", "\\", "[a](", "<http://", "*a ", "_a_b "])
def test_many_marks_are_no_work(mark):
    """Nothing timed: a million characters simply come to an end."""
    styled(mark * (200_000 // len(mark)), MARKDOWN)
    styled("\n".join([mark * (1_000 // len(mark))] * 100), MARKDOWN)
    styled("\n".join([mark * (1_000 // len(mark))] * 100), SLACK)
