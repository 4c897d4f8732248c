"""Deliveries in, lines out: what is said on IRC for an order of the bridge."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bridge.core.content import Attachment, Content, Kind, Mention, Reply, Span, Style
from bridge.core.deliveries import Announce, AsBridge, AsRelay, Kick, Tell
from bridge.core.ids import MessageId, MessageRef, Network, Person, PersonId
from connectors.irc.connection.marks import VIA
from connectors.irc.connection.wire import encode, parse
from connectors.irc.speaking.outbound import Dialect, Order, frame, one_line, orders, plain_line, speakable
from tests.support.build import as_relay, edit, head, member, post, react, retract, room, set_topic

ROOM = "irc:#dev"
BOB = Person(Network("irc"), PersonId("bob"))


def dialect(**fields):
    return Dialect(channel="#dev", available=fields.pop("available", lambda target, command: 400), **fields)


def lines(delivery, **fields):
    """Return (command, text) of each line, which all go to the channel."""
    found = orders(delivery, dialect(**fields))
    assert all(order.params[0] == "#dev" for order in found)
    return [(order.command, *order.params[1:]) for order in found]


def texts(delivery, **fields):
    return [line[1] for line in lines(delivery, **fields)]


def said(text, *, kind=Kind.TEXT, spans=(), attachments=(), **fields):
    content = Content(text=text, kind=kind, spans=spans, attachments=attachments)
    return replace(post("x", ROOM, **fields), content=content)


def answer(text, *, name="bob", excerpt="", ids=(), **fields):
    ref = MessageRef(room("xmpp:dev@muc"), MessageId("m"))
    ids = tuple(MessageId(message) for message in ids)
    return said(text, reply=Reply(to=ref, name=name, excerpt=excerpt, ids=ids), **fields)


@pytest.mark.parametrize(
    ("kind", "by_puppet", "by_relay"),
    [
        (Kind.TEXT, ("PRIVMSG", "hi"), ("PRIVMSG", "<juliet> hi")),
        (Kind.ACTION, ("PRIVMSG", "\x01ACTION hi\x01"), ("PRIVMSG", "* juliet hi")),
        (Kind.NOTICE, ("NOTICE", "hi"), ("NOTICE", "<juliet> hi")),
    ],
)
def test_voices_and_kinds(kind, by_puppet, by_relay):
    assert lines(said("hi", kind=kind)) == [by_puppet]
    assert lines(said("hi", kind=kind, voice=as_relay())) == [by_relay]


def test_a_line_for_each_line_and_none_for_blank_ones():
    assert texts(said("one\n\n  \ntwo\u2028three\r\nfour")) == ["one", "two", "three", "four"]
    assert texts(said("one\ntwo", voice=as_relay())) == ["<juliet> one", "<juliet> two"]
    assert texts(said("waves\nand smiles", kind=Kind.ACTION)) == ["\x01ACTION waves\x01", "and smiles"]
    assert texts(said("\n")) == []
    assert texts(said("\x02\x1b \x07\nx", voice=as_relay())) == ["<juliet> x"]


def test_of_many_lines_the_rest_is_counted():
    assert texts(said("\n".join("12345678")), lines=8) == list("12345678")
    assert texts(said("\n".join("123456789")), lines=8) == [*"1234567", "… (2 more lines)"]
    assert texts(said("1\n2\n3", kind=Kind.NOTICE, voice=as_relay()), lines=2)[-1] == "<juliet> … (2 more lines)"


def test_long_lines_are_cut_by_bytes_with_what_stands_before():
    asked = []

    def available(target, command):
        asked.append((target, command))
        return 100

    for delivery in (said("é" * 150), said("é" * 150, voice=as_relay()), said("é" * 150, kind=Kind.ACTION)):
        found = texts(delivery, available=available)
        assert all(len(text.encode()) <= 100 for text in found)
        assert "".join(text.split("> ")[-1].removeprefix("\x01ACTION ").strip("\x01") for text in found) == "é" * 150
    assert set(asked) == {("#dev", "PRIVMSG")}


def test_codes_are_closed_at_a_cut_and_left_out_where_the_channel_takes_none():
    bold = said("word " * 30, spans=(Span(0, 150, Style.BOLD),))
    found = texts(bold, available=lambda target, command: 80)
    assert len(found) > 1
    assert all(text.count("\x02") == 2 and len(text.encode()) <= 80 for text in found)
    assert texts(bold, codes=False) == ["word " * 30]


def test_quotes_and_links_are_readable():
    quote = said("they said\nyes", spans=(Span(0, 9, Style.QUOTE),))
    assert texts(quote) == ["> they said", "yes"]
    link = said("look here now", spans=(Span(5, 9, Style.LINK, "https://example.org/"),))
    assert texts(link) == ["look here (https://example.org/) now"]
    assert texts(said("https://a.b", spans=(Span(0, 11, Style.LINK, "https://a.b"),))) == ["https://a.b"]


def test_an_attachment_is_a_line_with_its_address():
    photo = Attachment(url="https://example.org/p.jpg", name="p.jpg", size=1200)
    assert texts(said("look", attachments=(photo,))) == ["look", "p.jpg (1.2 kB): https://example.org/p.jpg"]


def test_an_answer_names_who_is_answered_unless_it_does_so_itself():
    fresh = {"is_recent": lambda ids: True}
    assert texts(answer("yes", excerpt="shall we?"), **fresh) == ["bob: yes"]
    assert texts(answer("yes, Bob"), **fresh) == ["yes, Bob"]
    assert texts(answer("nods", kind=Kind.ACTION), **fresh) == ["\x01ACTION nods\x01"]
    assert texts(answer("yes", name=""), **fresh) == ["yes"]
    assert texts(answer("yes", name="b\nb\u202e"), **fresh) == ["b b: yes"]


def test_an_answer_to_what_is_long_gone_quotes_it():
    old = {"is_recent": lambda ids: False}
    assert texts(answer("yes", excerpt="shall\nwe?"), **old) == ["bob: “shall we?” ← yes"]
    assert texts(answer("yes"), **old) == ["bob: yes"]
    (text,) = texts(answer("yes", excerpt="word " * 100), **old)
    assert text.endswith("…” ← yes")


def test_tags_where_they_arrive():
    plain = orders(answer("one\ntwo", ids=["abc"]), dialect())
    assert [order.tags for order in plain] == [{}, {}]
    first, second = orders(answer("one\ntwo", ids=["abc"]), dialect(tags=True))
    assert first.tags == {"+draft/reply": "abc", VIA: "test"}
    assert second.tags == {VIA: "test"}


def test_corrections_are_short_where_that_explains_them():
    before = Content(text="meet me at teh orchard")
    fixed = edit("m", "meet me at the orchard", ROOM, previous=before)
    assert texts(fixed) == ["* teh → the"]
    assert texts(fixed, corrections="full") == ["* meet me at the orchard"]
    assert texts(fixed, corrections="off") == []
    assert texts(edit("m", "same", ROOM, previous=Content(text="same"))) == []
    (order,) = orders(replace(fixed, ids=(MessageId("abc"),)), dialect(tags=True))
    assert order.tags["+draft/reply"] == "abc"


def test_a_retraction_removes_the_lines_or_is_told_without_the_words():
    taken = retract("m", ROOM, ids=(MessageId("a"), MessageId("b")))
    assert lines(taken, redaction=True) == [("REDACT", "a"), ("REDACT", "b")]
    assert lines(replace(taken, reason="sp\nam"), redaction=True)[0] == ("REDACT", "a", "sp am")
    assert texts(taken) == ["\x01ACTION took back a message\x01"]
    assert texts(taken, retractions="off") == []
    removed = replace(taken, moderated=True, reason="spam")
    assert texts(removed) == ["\x01ACTION had a message removed by a moderator: spam\x01"]
    relayed = replace(removed, reason="", head=head(ROOM, voice=as_relay()))
    assert texts(relayed) == ["* juliet had a message removed by a moderator"]
    nobody = replace(taken, head=head(ROOM, voice=AsBridge()))
    assert lines(nobody) == [("NOTICE", "A message was taken back")]
    (order,) = orders(taken, dialect(tags=True))
    assert order.tags["+draft/reply"] == "a"


def test_ids_of_our_own_never_reach_the_wire():
    own = (MessageId("~abc"),)
    assert lines(retract("m", ROOM, ids=own), redaction=True) == [("PRIVMSG", "\x01ACTION took back a message\x01")]
    assert orders(react("m", "👍", to=ROOM, ids=own), dialect(tags=True)) == []
    (order,) = orders(answer("yes", ids=["~abc"]), dialect(tags=True))
    assert "+draft/reply" not in order.tags


def test_reactions_in_words_where_that_is_wanted():
    ref = MessageRef(room("xmpp:dev@muc"), MessageId("m"))
    about = Reply(to=ref, name="bob", excerpt="shall\nwe?")
    now = react("m", "👍", "🎉", to=ROOM, ids=(MessageId("abc"),), about=about)
    words = {"reactions": "text"}
    assert texts(now, **words) == ["\x01ACTION reacted 👍 🎉 to bob: “shall we?”\x01"]
    found = orders(now, dialect(**words), reacted=("👍",))
    assert found[0].params[1] == "\x01ACTION reacted 🎉 to bob: “shall we?”\x01"
    assert orders(now, dialect(**words), reacted=("👍", "🎉")) == []
    assert texts(replace(now, about=None), **words) == ["\x01ACTION reacted 👍 🎉 to a message\x01"]
    assert texts(replace(now, about=Reply(to=ref, name="bob")), **words) == ["\x01ACTION reacted 👍 🎉 to bob\x01"]


def test_people_are_called_by_the_nicks_that_they_have_here():
    called = replace(said("Bob (irc): hi, bob"), content=Content(
        text="Bob (irc): hi, bob", mentions=(Mention(0, 9, BOB), Mention(15, 18, BOB)), spans=(Span(0, 9, Style.BOLD),)
    ))  # fmt: skip
    nicks = {"nick_of": lambda person: "bob" if person == BOB else ""}
    assert texts(called, **nicks) == ["\x02bob\x02: hi, bob"]
    assert texts(called) == ["\x02Bob (irc)\x02: hi, bob"]


def test_a_very_long_text_has_a_page():
    pages = {"page": lambda message, at: f"https://bridge.example/media/{message.id}", "lines": 3}
    text = "\n".join(f"line {number}" for number in range(10))
    message = post("x", ROOM).message
    url = f"https://bridge.example/media/{message.id}"
    long = replace(said(text), message=message)
    assert texts(long, **pages) == ["line 0", "line 1", f"… 8 more lines: {url}"]
    assert texts(long, lines=3)[-1] == "… (8 more lines)"
    fixed = edit("m", text, ROOM)
    assert texts(fixed, **pages)[-1] == f"… 8 more lines: https://bridge.example/media/{fixed.target.id}"


def test_of_reactions_the_difference_is_told():
    now = react("m", "👍", "🎉", to=ROOM, ids=(MessageId("abc"),))
    assert orders(now, dialect()) == []
    tags = [order.tags for order in orders(now, dialect(tags=True), reacted=("😀", "👍"))]
    assert [{key: tag[key] for key in tag if "react" in key} for tag in tags] == [
        {"+draft/unreact": "😀"},
        {"+draft/react": "🎉"},
    ]
    assert all(tag["+draft/reply"] == "abc" for tag in tags)
    assert orders(replace(now, ids=()), dialect(tags=True)) == []


def test_topic_kick_announcement_and_private_words():
    assert lines(set_topic("a\nb\x00\u202ec", ROOM)) == [("TOPIC", "a b c")]
    assert lines(set_topic("", ROOM)) == [("TOPIC", "")]
    assert lines(set_topic("é" * 10, ROOM), topic_length=5) == [("TOPIC", "éé")]
    kick = Kick(head=head(ROOM, voice=AsBridge()), person=BOB, name="Bob", reason="spam\nQUIT")
    assert lines(kick) == [("KICK", "bob", "spam QUIT")]
    assert lines(replace(kick, ban=True, reason="")) == [("MODE", "+b", "bob!*@*"), ("KICK", "bob", "kicked")]
    assert lines(Announce(head=head(ROOM, voice=AsBridge()), text="one\ntwo")) == [("NOTICE", "one"), ("NOTICE", "two")]
    tell = Tell(head=head("irc:bob"), person=BOB, content=Content(text="psst"))
    assert orders(tell, dialect()) == [Order("PRIVMSG", ("bob", "psst"))]


def test_a_guarded_name_highlights_nobody():
    assert texts(said("hi", voice=as_relay()), guard=True) == ["<j\u200buliet> hi"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [("a\r\nb", "a b"), ("\u202ex\u2066", "x"), ("  ", ""), ("x\u2028y\x00", "x y"), ("é" * 100, "é" * 28 + "…")],
)
def test_names_that_stand_inside_a_line(name, shown):
    assert speakable(name) == shown


ANYTHING = st.text(st.characters(exclude_categories=()), max_size=300)


@given(text=ANYTHING, name=ANYTHING, relay=st.booleans(), kind=st.sampled_from(Kind), room_=st.integers(41, 400))
def test_nothing_gets_out_of_its_line(text, name, relay, kind, room_):
    """Whatever a text or a name holds, each line is one PRIVMSG or NOTICE of the right length."""
    voice = AsRelay(member=member(name or "x")) if relay else None
    delivery = answer(text, name=name, excerpt=name, kind=kind, voice=voice)
    for order in orders(delivery, dialect(available=lambda target, command: room_, lines=1000)):
        data = encode(order.command, order.params, order.tags)
        assert data.endswith(b"\r\n")
        assert not set(data[:-2]) & {0, 10, 13}
        line = parse(data)
        assert line.command in {"PRIVMSG", "NOTICE"}
        assert len(line.params) == 2
        assert line.params[0] == "#dev"
        assert len(order.params[1].encode(errors="replace")) <= room_ or name
        assert order.params[1].count("\x01") in (0, 2)


@given(ANYTHING)
def test_reasons_and_topics_are_one_line(text):
    data = encode("TOPIC", ["#dev", one_line(text)], limit=5000)
    assert data.count(b"\n") == 1
    assert data.startswith(b"TOPIC #dev :")


@given(
    st.one_of(
        st.text(max_size=120), st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=120)
    ),
    st.sampled_from([Kind.TEXT, Kind.TEXT, Kind.ACTION, Kind.NOTICE]),
    st.sampled_from([None, AsBridge(), as_relay()]),
    st.booleans(),
    st.integers(40, 130),
)
def test_the_short_way_of_plain_words_says_what_the_long_one_says(text, kind, voice, tags, room):
    delivery = said(text, kind=kind, **({"voice": voice} if voice is not None else {}))
    delivery = replace(delivery, head=replace(delivery.head, via=("a", "b")))
    short = plain_line(delivery, "#dev", room=room, tags=tags)
    if short is not None:
        assert [short] == orders(delivery, dialect(available=lambda target, command: room, tags=tags))


@given(
    st.text(max_size=60),
    st.sampled_from(["#dev", "#label=0", "&ö"]),
    st.lists(st.text(max_size=9), max_size=3).map(tuple),
    st.booleans(),
)
def test_what_stands_around_plain_words_is_what_is_written_the_long_way(text, channel, via, keyed):
    delivery = said(text)
    delivery = replace(delivery, head=replace(delivery.head, via=via))
    order = plain_line(delivery, channel, room=200, tags=True, keyed=keyed)
    if order is not None:
        before, after = frame(channel, via, delivery.head.key if keyed else "")
        written = encode(order.command, order.params, {**order.tags, "label": "3f"})
        assert before + b"3f" + after + text.encode() + b"\r\n" == written


@pytest.mark.parametrize("text", ["hello", "line 7", "Ünïcödé", "👍", "a: b", " x "])
def test_plain_words_go_the_short_way(text):
    assert plain_line(said(text), "#dev", room=400, tags=False) == Order("PRIVMSG", ("#dev", text))


@pytest.mark.parametrize(
    "delivery",
    [
        said("a\nb"),
        said("\x02bold"),
        said("  "),
        said(""),
        said("x" * 401),
        said("ä" * 201),
        said("hi", kind=Kind.ACTION),
        said("hi", voice=as_relay()),
        said("hi", spans=(Span(0, 2, Style.BOLD),)),
        said("hi", attachments=(Attachment(url="https://example.org/x"),)),
        answer("hi"),
    ],
)
def test_everything_else_goes_the_long_way(delivery):
    assert plain_line(delivery, "#dev", room=400, tags=True) is None
