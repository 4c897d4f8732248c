"""What a delivery looks like on the wire: delivery in, stanzas out."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.content import Attachment, Content, Kind, Mention, Reply, Span, Style
from bridge.core.deliveries import Announce, AsBridge
from bridge.core.ids import XMPP, MessageId, MessageRef, Person, PersonId
from bridge.core.styling import from_styling
from bridge.xmpp.messages import outbound
from bridge.xmpp.messages.outbound import Speaker
from tests.support import build
from tests.support.build import edit, post, react, retract, set_topic
from tests.support.muc import NS, xml

ROOM = "verona@conference.localhost"
BOB = "bob%irc@bridge.localhost/linkspan"
WHERE = f"xmpp:{ROOM}"
SPEAKER = Speaker(address=BOB, room=ROOM, stable_ids=True)
BODY = f"{{{NS}}}body"
REPLY = "{urn:xmpp:reply:0}reply"
FALLBACK = "{urn:xmpp:fallback:0}fallback"
REPLACE = "{urn:xmpp:message-correct:0}replace"
RETRACT = "{urn:xmpp:message-retract:1}retract"
OOB_URL = "{jabber:x:oob}x/{jabber:x:oob}url"
TARGET = MessageRef(build.room("irc:#verona"), MessageId("m1"))


def stanzas(delivery, speaker=SPEAKER):
    return [xml(part.stanza) for part in outbound.parts(delivery, speaker)]


def bodies(delivery, speaker=SPEAKER):
    return [stanza.findtext(BODY) for stanza in stanzas(delivery, speaker)]


def said(content, voice=None):
    (body,) = bodies(build_post(content, voice))
    return body


def build_post(content, voice=None, **fields):
    return msgspec.structs.replace(post("", to=WHERE, voice=voice), content=content, **fields)


def test_a_message_names_its_delivery_and_its_way():
    delivery = post("hello", to=WHERE)
    (stanza,) = stanzas(delivery)
    assert dict(stanza.attrib) == {"from": BOB, "to": ROOM, "type": "groupchat", "id": delivery.head.key}
    assert stanza.find("{urn:xmpp:sid:0}origin-id").get("id") == delivery.head.key
    bridges = [bridge.get("id") for bridge in stanza.iter("{urn:linkspan:via:0}bridge")]
    assert bridges == ["test"]


@pytest.mark.parametrize(
    ("content", "puppet", "relay"),
    [
        (Content(text="hi"), "hi", "<juliet> hi"),
        (Content(text="a\nb"), "a\nb", "<juliet> a\nb"),
        (Content(text="waves", kind=Kind.ACTION), "/me waves", "* juliet waves"),
        (Content(text="beep", kind=Kind.NOTICE), "beep", "-juliet- beep"),
        (Content(text="very", spans=(Span(0, 4, Style.BOLD),)), "*very*", "<juliet> *very*"),
        (Content(text="rm -rf", spans=(Span(0, 6, Style.CODE),)), "`rm -rf`", "<juliet> `rm -rf`"),
    ],
)
def test_words(content, puppet, relay):
    assert said(content) == puppet
    assert said(content, build.as_relay()) == relay


def test_a_quote_stays_one_behind_a_relays_name():
    body = said(Content(text="old words", spans=(Span(0, 9, Style.QUOTE),)), build.as_relay())
    assert from_styling(body).spans[0].style is Style.QUOTE


def test_a_relays_name_is_on_one_line_and_cannot_turn_the_text_around():
    assert said(Content(text="x"), build.as_relay("a\nb\u202e")) == "<a b> x"


def test_what_only_looks_styled_is_marked_as_plain():
    (stanza,) = stanzas(build_post(Content(text="*not bold*")))
    assert stanza.findtext(BODY) == "*not bold*"
    assert stanza.find("{urn:xmpp:styling:0}unstyled") is not None


def test_a_file_alone_is_a_message_with_nothing_but_its_address():
    file = Attachment(url="https://f.example/a.png", description="a fox")
    (stanza,) = stanzas(build_post(Content(text="", attachments=(file,))))
    assert stanza.findtext(BODY) == stanza.findtext(OOB_URL) == file.url
    assert stanza.findtext("{jabber:x:oob}x/{jabber:x:oob}desc") == "a fox"


def test_words_and_files_are_messages_of_their_own_with_ids_of_their_own():
    files = tuple(Attachment(url=f"https://f.example/{n}") for n in range(2))
    delivery = build_post(Content(text="look", attachments=files))
    made = stanzas(delivery)
    assert [stanza.findtext(BODY) for stanza in made] == ["look", files[0].url, files[1].url]
    key = delivery.head.key
    assert [stanza.get("id") for stanza in made] == [key, f"{key}-1", f"{key}-2"]


def test_a_very_long_text_is_cut():
    made = bodies(build_post(Content(text="wort " * 30_000)))
    assert len(made) == 3
    assert "".join(made) == "wort " * 30_000


def test_nothing_to_say():
    assert stanzas(build_post(Content(text=""))) == []


@pytest.mark.parametrize(
    ("excerpt", "name", "quote"),
    [
        ("hi", "romeo", "> romeo: hi\n"),
        ("one\ntwo", "romeo", "> romeo:\n> one\n> two\n"),
        ("", "romeo", "> romeo:\n"),
        ("hi", "", "> hi\n"),
        ("", "", ""),
        ("a\r\nb\u2028c", "x\ny", "> x y:\n> a\n> b\n> c\n"),
        ("w" * 400, "", f"> {'w' * 300}…\n"),
    ],
)
def test_a_reply_carries_a_quotation_for_those_who_know_no_replies(excerpt, name, quote):
    reply = Reply(to=TARGET, excerpt=excerpt, name=name, ids=(MessageId("s0"), MessageId("a0")))
    (stanza,) = stanzas(build_post(Content(text="yes"), reply=reply))
    assert stanza.findtext(BODY) == f"{quote}yes"
    assert stanza.find(REPLY).get("id") == "s0"
    fallback = stanza.find(FALLBACK)
    if not quote:
        assert fallback is None
        return
    region = fallback.find("{urn:xmpp:fallback:0}body")
    start, end = int(region.get("start")), int(region.get("end"))
    assert stanza.findtext(BODY)[start:end] == quote


def test_a_reply_names_whom_it_answers_where_they_are_known():
    reply = Reply(to=TARGET, ids=(MessageId("s0"),))
    speaker = Speaker(address=BOB, room=ROOM, stable_ids=True, reply_to=f"{ROOM}/romeo")
    (stanza,) = stanzas(build_post(Content(text="yes"), reply=reply), speaker)
    assert stanza.find(REPLY).get("to") == f"{ROOM}/romeo"


def test_a_reply_to_what_the_room_does_not_know_is_a_quotation():
    (stanza,) = stanzas(build_post(Content(text="yes"), reply=Reply(to=TARGET, excerpt="hi")))
    assert stanza.findtext(BODY) == "> hi\nyes"
    assert stanza.find(REPLY) is None
    assert stanza.find(FALLBACK) is None


@given(excerpt=st.text(), name=st.text(), text=st.text(min_size=1))
def test_the_quotation_is_exactly_what_is_marked(excerpt, name, text):
    reply = Reply(to=TARGET, excerpt=excerpt, name=name, ids=(MessageId("s0"),))
    for stanza in stanzas(build_post(Content(text=text), reply=reply)):
        region = stanza.find(f"{FALLBACK}/{{urn:xmpp:fallback:0}}body")
        if region is not None:
            quote = stanza.findtext(BODY)[: int(region.get("end"))]
            assert quote.endswith("\n")
            assert all(line.startswith("> ") for line in quote[:-1].split("\n"))


@pytest.mark.parametrize(
    ("ids", "stable", "replaced"),
    [(("s1", "a1"), True, "a1"), (("s1", "a1", "s2"), True, "a1"), (("a1",), True, "a1"), (("a1", "a2"), False, "a1")],
)
def test_a_correction_names_the_id_attribute(ids, stable, replaced):
    """XEP-0308 goes by the id attribute, unlike everything else that refers to a message of a room."""
    speaker = Speaker(address=BOB, room=ROOM, stable_ids=stable)
    (stanza,) = stanzas(edit("m1", "better", to=WHERE, ids=ids), speaker)
    assert stanza.findtext(BODY) == "better"
    assert stanza.find(REPLACE).get("id") == replaced


def test_a_correction_of_what_somebody_else_said_is_a_message():
    speaker = Speaker(address=BOB, room=ROOM, stable_ids=True, known_as=False)
    (stanza,) = stanzas(edit("m1", "better", to=WHERE, ids=("s1", "a1")), speaker)
    assert stanza.find(REPLACE) is None


def long(*words):
    """Make a text of several stanzas."""
    return Content(text=" ".join(word * 25_000 for word in words))


@pytest.mark.parametrize(
    ("before", "after", "replaced", "retracted"),
    [
        (long("aa", "bb"), long("cc", "dd"), ["a1", "a1-1"], []),
        (long("aa", "bb"), Content(text="short"), ["a1"], ["s2"]),
        (Content(text="short"), long("cc", "dd"), ["a1", None], []),
        (Content(text="", attachments=(Attachment(url="u:1"),)), Content(text="a caption"), [None], []),
    ],
)
def test_a_correction_of_a_split_message_corrects_all_its_parts(before, after, replaced, retracted):
    fixed = edit("m1", "x", to=WHERE, ids=("s1", "a1", "s2", "s3"), previous=before)
    made = stanzas(msgspec.structs.replace(fixed, content=after))
    said = [each for each in made if each.find(RETRACT) is None]
    found = [None if (each := stanza.find(REPLACE)) is None else each.get("id") for stanza in said]
    assert found == replaced
    assert [each.find(RETRACT).get("id") for each in made if each.find(RETRACT) is not None] == retracted
    assert "".join(stanza.findtext(BODY) for stanza in said) == after.text


def test_another_file_does_not_correct_one():
    file = Content(text="", attachments=(Attachment(url="u:1"),))
    fixed = edit("m1", "x", to=WHERE, ids=("s1", "a1"), previous=file)
    assert stanzas(msgspec.structs.replace(fixed, content=file)) == []


REFERENCE = "{urn:xmpp:reference:0}reference"
JULIET = Person(XMPP, PersonId("juliet@localhost"))
SEATS = {JULIET: f"{ROOM}/Juliet Ü"}


@pytest.mark.parametrize(
    ("content", "voice", "reply", "place"),
    [
        (Content(text="juliet: hi", mentions=(Mention(0, 6, JULIET),)), None, None, (0, 6)),
        (Content(text="juliet, hi", mentions=(Mention(0, 6, JULIET),)), build.as_relay("juliet"), None, (9, 15)),
        (
            Content(text="*juliet* hi", spans=(Span(0, 11, Style.BOLD),), mentions=(Mention(1, 7, JULIET),)),
            None, None, (2, 8),
        ),
        (
            Content(text="juliet!", mentions=(Mention(0, 6, JULIET),)),
            None, Reply(to=TARGET, name="juliet", excerpt="juliet", ids=("s1",)), (17, 23),
        ),
    ],
)  # fmt: skip
def test_a_mention_leads_to_the_occupant(content, voice, reply, place):
    speaker = Speaker(address=BOB, room=ROOM, stable_ids=True, seats=SEATS)
    (stanza,) = stanzas(build_post(content, voice, reply=reply), speaker)
    reference = stanza.find(REFERENCE)
    assert (int(reference.get("begin")), int(reference.get("end"))) == place
    assert stanza.findtext(BODY)[slice(*place)] == "juliet"
    assert (reference.get("type"), reference.get("uri")) == ("mention", f"xmpp:{ROOM}/Juliet%20%C3%9C")


def test_who_is_not_there_is_not_called():
    content = Content(text="juliet: hi", mentions=(Mention(0, 6, JULIET),))
    (stanza,) = stanzas(build_post(content))
    assert stanza.find(REFERENCE) is None


def test_all_of_a_message_is_in_its_thread():
    content = Content(text="look", attachments=(Attachment(url="https://f.example/a"),))
    found = [stanza.findtext(f"{{{NS}}}thread") for stanza in stanzas(build_post(content, thread="t<1"))]
    assert found == ["t<1", "t<1"]


@pytest.mark.parametrize(
    ("ids", "stable", "retracted"),
    [
        (("s1", "a1"), True, ["s1"]),
        (("s1", "a1", "s2", "s3"), True, ["s1", "s2", "s3"]),
        (("a1",), True, ["a1"]),
        (("a1", "a2"), False, ["a1", "a2"]),
    ],
)
def test_a_retraction_names_what_the_room_calls_each_part(ids, stable, retracted):
    speaker = Speaker(address=BOB, room=ROOM, stable_ids=stable)
    made = stanzas(retract("m1", to=WHERE, ids=ids), speaker)
    assert [stanza.find(RETRACT).get("id") for stanza in made] == retracted
    assert all(stanza.find(FALLBACK).get("for") == "urn:xmpp:message-retract:1" for stanza in made)
    assert len({stanza.get("id") for stanza in made}) == len(made)


def test_reactions():
    (stanza,) = stanzas(react("m1", "👍", "🦊", to=WHERE, ids=("s1", "a1")))
    reactions = stanza.find("{urn:xmpp:reactions:0}reactions")
    assert reactions.get("id") == "s1"
    assert [reaction.text for reaction in reactions] == ["👍", "🦊"]
    assert stanza.find("{urn:xmpp:hints}store") is not None
    assert stanza.find(BODY) is None


def test_reactions_to_what_the_room_does_not_know():
    assert stanzas(react("m1", "👍", to=WHERE)) == []


def test_a_topic_has_no_body():
    (stanza,) = stanzas(set_topic("fire", to=WHERE))
    assert stanza.findtext(f"{{{NS}}}subject") == "fire"
    assert stanza.find(BODY) is None


def test_an_announcement():
    delivery = Announce(head=build.head(WHERE, voice=AsBridge()), text="3 users have lost their connection")
    assert bodies(delivery) == ["3 users have lost their connection"]


@pytest.mark.parametrize(
    ("names", "ids"),
    [
        ([("s0", "k")], ("s0", "k")),
        ([("", "k")], ("k",)),
        ([("s0", "k"), ("s1", "k-1")], ("s0", "k", "s1")),
        ([("", "k"), ("", "k-1")], ("k", "k-1")),
        ([], ()),
    ],
)
def test_what_a_copy_is_called(names, ids):
    assert outbound.sent_ids(names) == ids


@given(text=st.one_of(st.text(max_size=200), st.from_regex(r"[ -~]{1,80}", fullmatch=True)), kind=st.sampled_from(Kind))
def test_the_short_way_of_plain_words_says_what_the_long_one_says(text, kind):
    for voice in (build.as_puppet("bob"), build.as_relay("bob"), AsBridge()):
        post = build_post(Content(text=text, kind=kind), voice)
        if outbound.is_plain(post):
            assert outbound.parts(post, SPEAKER) == outbound._posted(post, SPEAKER)


@pytest.mark.parametrize("text", ["hello", "a < b & 'c'", "Ünïcödé", "👍"])
def test_plain_words_go_the_short_way(text):
    assert outbound.is_plain(build_post(Content(text=text), build.as_puppet("bob")))


@given(text=st.text(alphabet=st.characters(), max_size=200), name=st.text(max_size=50))
def test_whatever_is_said_is_one_well_formed_stanza(text, name):
    for voice in (build.as_puppet(name), build.as_relay(name)):
        for part in outbound.parts(build_post(Content(text=text), voice), SPEAKER):
            stanza = xml(part.stanza)
            assert stanza.get("from") == BOB
            assert [child.tag for child in stanza].count(BODY) == 1
