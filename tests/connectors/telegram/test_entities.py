"""Entities and spans: offsets in UTF-16 units there, in code points here; and no text is ever lost."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.content import Content, Mention, Span, Style
from bridge.core.ids import Network, Person, PersonId
from bridge.core.spans import tidy
from connectors.telegram.entities import from_entities, legal, linked, to_entities
from connectors.telegram.updates import Entity, User

FAMILY = Network("family")
ALICE = Person(FAMILY, PersonId("7"))


def nobody(_):
    return None


def read(text, *entities, known=nobody):
    return from_entities(text, entities, network=FAMILY, known=known)


def written(content):
    return to_entities(content, network=FAMILY)


def entity(kind, offset, length, **fields):
    return Entity(type=kind, offset=offset, length=length, **fields)


BOTH_WAYS = [
    ("ab", [entity("bold", 0, 2)], [Span(0, 2, Style.BOLD)]),
    ("a🚢b", [entity("italic", 1, 2)], [Span(1, 2, Style.ITALIC)]),
    ("🚢🚢 x", [entity("underline", 5, 1)], [Span(3, 4, Style.UNDERLINE)]),
    ("👩‍👩‍👧‍👦!", [entity("strikethrough", 11, 1)], [Span(7, 8, Style.STRIKE)]),
    ("éé", [entity("spoiler", 1, 1)], [Span(1, 2, Style.SPOILER)]),
    ("🇩🇪a", [entity("code", 4, 1)], [Span(2, 3, Style.CODE)]),
    ("x = 1", [entity("pre", 0, 5, language="python")], [Span(0, 5, Style.PRE, "python")]),
    ("one\ntwo", [entity("blockquote", 0, 3)], [Span(0, 3, Style.QUOTE)]),
    (
        "see here",
        [entity("text_link", 4, 4, url="https://example.org/")],
        [Span(4, 8, Style.LINK, "https://example.org/")],
    ),
    (
        "bold both",
        [entity("bold", 0, 9), entity("italic", 5, 4)],
        [Span(0, 9, Style.BOLD), Span(5, 9, Style.ITALIC)],
    ),
]


@pytest.mark.parametrize(("text", "entities", "spans"), BOTH_WAYS, ids=[row[0] for row in BOTH_WAYS])
def test_styles_go_both_ways(text, entities, spans):
    content = read(text, *entities)
    assert content == Content(text=text, spans=tuple(spans))
    assert written(content) == (text, tuple(entities))


@pytest.mark.parametrize(
    ("text", "entities", "spans"),
    [
        ("ab", [entity("bold", 1, 99)], [Span(1, 2, Style.BOLD)]),
        ("ab", [entity("bold", 5, 1)], []),
        ("ab", [entity("bold", -3, 4)], [Span(0, 1, Style.BOLD)]),
        ("🚢b", [entity("bold", 1, 2)], [Span(0, 2, Style.BOLD)]),
        ("#tag /cmd $USD a@b.c", [entity("hashtag", 0, 4), entity("bot_command", 5, 4)], []),
        ("new", [entity("from_the_future", 0, 3)], []),
        ("q", [entity("expandable_blockquote", 0, 1)], [Span(0, 1, Style.QUOTE)]),
        ("abc", [entity("bold", 0, 2), entity("bold", 2, 1)], [Span(0, 3, Style.BOLD)]),
    ],
)
def test_what_is_wrong_or_unknown_costs_no_text(text, entities, spans):
    assert read(text, *entities) == Content(text=text, spans=tuple(spans))


def test_mentions():
    bob = User(id=8, first_name="Bob")
    content = read(
        "🚢 Bob and @alice and @stranger",
        entity("text_mention", 3, 3, user=bob),
        entity("mention", 11, 6),
        entity("mention", 22, 9),
        known={"alice": ALICE}.get,
    )
    assert content.mentions == (Mention(2, 5, Person(FAMILY, PersonId("8"))), Mention(10, 16, ALICE))
    text, entities = written(content)
    assert text == content.text
    assert [(each.type, each.offset, each.length, each.user.id) for each in entities] == [
        ("text_mention", 3, 3, 8),
        ("text_mention", 11, 6, 7),
    ]


def test_who_is_not_on_telegram_is_named_and_not_mentioned():
    there = Content(text="juliet", mentions=(Mention(0, 6, Person(Network("xmpp"), PersonId("juliet@example.org"))),))
    assert written(there) == ("juliet", ())
    channel = Content(text="News", mentions=(Mention(0, 4, Person(FAMILY, PersonId("-100123"))),))
    assert written(channel) == ("News", ())


@pytest.mark.parametrize("character", ["\x00", "\x01", "\x1b", "\r", "\x85", "\ud800", "\ufffe", "\x7f"])
def test_characters_that_others_refuse_are_replaced_one_by_one(character):
    content = read(f"a{character}bold", entity("bold", 2, 4))
    assert content == Content(text="a\ufffdbold", spans=(Span(2, 6, Style.BOLD),))
    assert legal(Content(text=f"a{character}")).text == "a\ufffd"


def test_directions_are_closed_at_the_end_of_their_line_and_styles_stay_where_they_were():
    content = read("\u202eab\nbold", entity("bold", 4, 4))
    assert content.text == "\u202eab\u202c\nbold"
    assert [content.text[span.start : span.end] for span in content.spans] == ["bold"]


def test_what_telegram_cannot_link_is_spelt_out():
    link = Span(0, 4, Style.LINK, "xmpp:room@example.org?join")
    assert linked(Content(text="room, now", spans=(link,))) == Content(text="room (xmpp:room@example.org?join), now")
    good = Content(text="room", spans=(Span(0, 4, Style.LINK, "https://example.org"),))
    assert linked(good) is good


def test_what_telegram_does_not_have_is_left_out():
    spans = (Span(0, 3, Style.QUOTE), Span(0, 3, Style.QUOTE), Span(0, 3, Style.COLOR, "#ff0000"))
    assert written(Content(text="abc", spans=spans)) == ("abc", (entity("blockquote", 0, 3),))


def test_there_are_a_hundred_at_most():
    spans = tuple(Span(at, at + 1, Style.BOLD) for at in range(0, 400, 2))
    text, entities = written(Content(text="ab" * 200, spans=spans))
    assert (len(text), len(entities)) == (400, 100)


TEXTS = st.text(st.sampled_from("ab \n🚢é👩\u200d\u202e\x00"), max_size=30)
ENTITIES = st.lists(
    st.builds(
        Entity,
        type=st.sampled_from(["bold", "italic", "code", "blockquote", "text_link", "mention", "odd"]),
        offset=st.integers(-3, 70),
        length=st.integers(-3, 70),
        url=st.just("https://example.org"),
    ),
    max_size=6,
)


@given(TEXTS, ENTITIES)
def test_whatever_comes_is_a_content_and_goes_back_inside_the_text(text, entities):
    content = from_entities(text, entities, network=FAMILY, known=nobody)
    assert content.text.replace("\u202c", "") == text.replace("\x00", "\ufffd")
    assert tidy(content.spans, len(content.text)) == content.spans
    back, written_entities = written(content)
    assert back == content.text
    units = len(back.encode("utf-16-le")) // 2
    assert all(each.offset >= 0 and each.length > 0 and each.offset + each.length <= units for each in written_entities)
    again = from_entities(back, written_entities, network=FAMILY, known=nobody)
    flat = [span for span in content.spans if span.style is not Style.QUOTE]
    assert [span for span in again.spans if span.style is not Style.QUOTE] == flat
    assert msgspec.json.decode(msgspec.json.encode(content), type=Content) == content
