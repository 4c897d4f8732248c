"""What a message on the wire means: stanza in, event out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from bridge.core.content import Attachment, Content, Kind, Span, Style
from bridge.core.events import (
    Member,
    MessageEdited,
    MessagePosted,
    MessageRetracted,
    ReactionsChanged,
    TopicChanged,
    TypingChanged,
)
from bridge.core.ids import XMPP, Person, PersonId, Room, RoomId, digest
from bridge.core.styling import to_styling
from bridge.xmpp.messages import inbound
from bridge.xmpp.messages.inbound import Ids, Scene
from bridge.xmpp.wire import marks, stanzas
from tests.support.muc import xml

ROOM = "verona@conference.localhost"
SCENE = Scene(room=Room(XMPP, RoomId(ROOM)), address=ROOM, stable_ids=True)
JULIET = Member(person=Person(XMPP, PersonId("juliet@localhost")), name="juliet")
AT = 1_700_000_000_000


def read(payload, *, scene=SCENE, at=AT, id_=" id='a1'", nick="/juliet", replayed=False):
    element = xml(f"<message type='groupchat' from='{ROOM}{nick}' to='b/l'{id_}>{payload}</message>")
    names = inbound.ids(element, scene)
    return inbound.read(element, scene=scene, sender=JULIET, names=names, at=at, replayed=replayed)


def sid(id_="s1", by=ROOM):
    return f"<stanza-id xmlns='urn:xmpp:sid:0' id='{id_}' by='{by}'/>"


@pytest.mark.parametrize(
    ("payload", "content"),
    [
        ("<body>hi</body>", Content(text="hi")),
        ("<body>two\nlines</body>", Content(text="two\nlines")),
        ("<body>*strong*</body>", Content(text="strong", spans=(Span(0, 6, Style.BOLD),))),
        ("<body>*strong*</body><unstyled xmlns='urn:xmpp:styling:0'/>", Content(text="*strong*")),
        ("<body>/me waves</body>", Content(text="waves", kind=Kind.ACTION)),
        ("<body>/meow</body>", Content(text="/meow")),
        ("<body/>", Content(text="")),
        ("<body>a&#xD;\nb&#xD;c</body>", Content(text="a\nb\nc")),
        ("<body>\u202eevil</body>", Content(text="\u202eevil\u202c")),
        (
            "<body>https://f.example/a%20b.png</body><x xmlns='jabber:x:oob'><url>https://f.example/a%20b.png</url></x>",
            Content(text="", attachments=(Attachment(url="https://f.example/a%20b.png", name="a b.png"),)),
        ),
        (
            "<body>look: https://f.example/a</body><x xmlns='jabber:x:oob'><url>https://f.example/a</url><desc>A</desc></x>",
            Content(
                text="look: https://f.example/a",
                attachments=(Attachment(url="https://f.example/a", name="a", description="A"),),
            ),
        ),
        (
            "<x xmlns='jabber:x:oob'><url>https://f.example/a.png</url></x>",
            Content(text="", attachments=(Attachment(url="https://f.example/a.png", name="a.png"),)),
        ),
        ("<body>x</body><x xmlns='jabber:x:oob'><url>javascript:alert(1)</url></x>", Content(text="x")),
        ("<body>x</body><x xmlns='jabber:x:oob'><url>file:///etc/passwd</url></x>", Content(text="x")),
        ("<body>x</body><x xmlns='jabber:x:oob'/>", Content(text="x")),
    ],
)
def test_what_was_said(payload, content):
    event = read(payload + sid())
    assert isinstance(event, MessagePosted)
    assert event.content == content


@pytest.mark.parametrize(
    ("id_", "payload", "scene", "expected"),
    [
        (" id='a1'", sid(), SCENE, ("s1", ("a1",), "s1")),
        (" id='a1'", f"{sid()}<origin-id xmlns='urn:xmpp:sid:0' id='a1'/>", SCENE, ("s1", ("a1",), "s1")),
        (" id='a1'", f"{sid()}<origin-id xmlns='urn:xmpp:sid:0' id='o1'/>", SCENE, ("s1", ("a1", "o1"), "s1")),
        # a stanza-id by somebody else is nobody's (XEP-0359 section 5)
        (" id='a1'", sid(by="juliet@localhost") + sid("s2"), SCENE, ("s2", ("a1",), "s2")),
        (" id='a1'", sid(by="juliet@localhost"), SCENE, ("a1", (), digest("juliet", "a1", "hi"))),
        # and one by a room that does not announce them could be anybody's
        (" id='a1'", sid(), Scene(room=SCENE.room, address=ROOM), ("a1", (), digest("juliet", "a1", "hi"))),
        ("", "", SCENE, (digest("juliet", AT, "hi"), (), digest("juliet", AT, "hi"))),
        ("", "<origin-id xmlns='urn:xmpp:sid:0' id='o1'/>", SCENE, ("o1", (), digest("juliet", "o1", "hi"))),
    ],
)
def test_what_it_is_called(id_, payload, scene, expected):
    event = read(f"<body>hi</body>{payload}", id_=id_, scene=scene)
    assert isinstance(event, MessagePosted)
    assert (event.id, event.aliases, event.origin.key) == expected


def test_equal_ids_of_two_people_are_two_facts_in_a_room_without_stanza_ids():
    bare = Scene(room=SCENE.room, address=ROOM)
    keys = {read("<body>hi</body>", scene=bare, nick=f"/{nick}").origin.key for nick in ("juliet", "romeo")}
    assert len(keys) == 2


def test_the_same_words_without_any_id_are_two_facts():
    keys = {read("<body>+1</body>", id_="", at=AT + n).origin.key for n in range(2)}
    assert len(keys) == 2


def test_a_replay_has_the_key_of_the_live_message():
    live = read("<body>hi</body>", scene=Scene(room=SCENE.room, address=ROOM))
    replay = read("<body>hi</body>", scene=Scene(room=SCENE.room, address=ROOM), at=AT - 9_000, replayed=True)
    assert live.origin.key == replay.origin.key
    assert replay.origin.replayed


QUOTE = "&gt; romeo: hi\n"


@pytest.mark.parametrize(
    ("body", "fallback", "text"),
    [
        (f"{QUOTE}yes", "<body start='0' end='12'/>", "yes"),
        ("&gt; \U0001f98a\nyes", "<body start='0' end='4'/>", "yes"),  # code points (XEP-0426)
        (f"{QUOTE}yes", "<body start='0' end='9999'/>", "> romeo: hi\nyes"),
        (f"{QUOTE}yes", "<body start='-1' end='12'/>", "> romeo: hi\nyes"),
        (f"{QUOTE}yes", "<body start='12' end='0'/>", "> romeo: hi\nyes"),
        (f"{QUOTE}yes", "<body start='٠' end='12'/>", "> romeo: hi\nyes"),
        (f"{QUOTE}yes", "<body/>", "> romeo: hi\nyes"),
        (f"{QUOTE}yes", "", "> romeo: hi\nyes"),
        ("ab12cd", "<body start='0' end='2'/><body start='4' end='6'/>", "12"),
    ],
)
def test_a_reply_loses_what_is_there_for_other_clients(body, fallback, text):
    marks = f"<reply xmlns='urn:xmpp:reply:0' id='s0' to='{ROOM}/romeo'/>"
    marks += f"<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'>{fallback}</fallback>"
    event = read(f"<body>{body}</body>{marks}{sid()}")
    assert isinstance(event, MessagePosted)
    assert event.reply_to == "s0"
    assert to_styling(event.content).body == text


def test_a_fallback_for_something_else_stays():
    event = read(
        "<body>abc</body><reply xmlns='urn:xmpp:reply:0' id='s0'/>"
        "<fallback xmlns='urn:xmpp:fallback:0' for='urn:example:other'><body start='0' end='2'/></fallback>"
    )
    assert event.content.text == "abc"


def test_a_correction():
    event = read(f"<body>better</body><replace xmlns='urn:xmpp:message-correct:0' id='a0'/>{sid()}")
    assert isinstance(event, MessageEdited)
    assert (event.target, event.content.text, event.origin.key) == ("a0", "better", "s1")


def test_a_correction_of_nothing_is_a_message():
    assert isinstance(read("<body>x</body><replace xmlns='urn:xmpp:message-correct:0'/>"), MessagePosted)


@pytest.mark.parametrize(
    ("inner", "reactions"),
    [
        ("<reaction>👍</reaction><reaction>🦊</reaction>", ("👍", "🦊")),
        ("", ()),
        ("<reaction>👍</reaction><reaction>👍</reaction>", ("👍",)),
        (f"<reaction>{'x' * 65}</reaction><reaction> </reaction><reaction/>", ()),
        ("".join(f"<reaction>{n}</reaction>" for n in range(99)), tuple(str(n) for n in range(20))),
    ],
)
def test_reactions(inner, reactions):
    event = read(f"<reactions xmlns='urn:xmpp:reactions:0' id='s0'>{inner}</reactions>{sid()}")
    assert isinstance(event, ReactionsChanged)
    assert (event.target, event.reactions) == ("s0", reactions)


RETRACT = "<retract xmlns='urn:xmpp:message-retract:1' id='s0'>{}</retract>"
MODERATED = "<moderated xmlns='urn:xmpp:message-moderate:1' by='{}'/>"


def test_a_retraction_hides_its_fallback():
    event = read(f"{RETRACT.format('')}<body>/me retracted a previous message</body>{sid()}")
    assert isinstance(event, MessageRetracted)
    assert (event.target, event.moderated) == ("s0", False)


def test_a_moderation_by_the_room():
    element = RETRACT.format(MODERATED.format(f"{ROOM}/nurse") + "<reason>rude\n</reason>")
    event = read(element, nick="")
    assert isinstance(event, MessageRetracted)
    assert (event.target, event.moderated, event.reason) == ("s0", True, "rude")
    wire = xml(f"<message from='{ROOM}'>{element}</message>")
    assert inbound.moderator(wire, ROOM) == "nurse"


@pytest.mark.parametrize(
    ("by", "nick"),
    [(f"{ROOM}/nurse", "nurse"), (ROOM, ""), ("", ""), ("elsewhere@x/nurse", "")],
)
def test_the_moderator_is_named_only_as_an_occupant(by, nick):
    wire = xml(f"<message from='{ROOM}'>{RETRACT.format(MODERATED.format(by))}</message>")
    assert inbound.moderator(wire, ROOM) == nick


def test_a_moderation_by_an_occupant_is_discarded():
    """XEP-0425 section 5: only those received from the MUC service itself are legitimate."""
    assert read(RETRACT.format(MODERATED.format(f"{ROOM}/nurse")) + "<body>x</body>") is None


def test_a_retraction_by_the_room_that_is_no_moderation_is_discarded():
    assert read(RETRACT.format(""), nick="") is None


MARKUP = "<markup xmlns='urn:xmpp:markup:0'>{}</markup>"


@pytest.mark.parametrize(
    ("body", "inner", "text", "spans"),
    [
        ("no *reason* to", "<span start='3' end='11'><emphasis/><strong/></span>", "no reason to",
         (Span(3, 9, Style.BOLD), Span(3, 9, Style.ITALIC))),
        ("run:\n$ ls", "<bcode start='5' end='9' language='sh'/>", "run:\n$ ls", (Span(5, 9, Style.PRE, "sh"),)),
        ("he said\nno", "<bquote start='8' end='10'/>", "he said\nno", (Span(8, 10, Style.QUOTE),)),
        ("&gt; no", "<bquote start='0' end='4'/>", "no", (Span(0, 2, Style.QUOTE),)),
        ("x", "<span start='0' end='99'><strong/></span><span start='-1' end='1'><code/></span><span/><other/>", "x", ()),
        ("\U0001f98a ab", "<span start='2' end='4'><deleted/></span>", "\U0001f98a ab", (Span(2, 4, Style.STRIKE),)),
        ("/me waves", "<span start='4' end='9'><code/></span>", "waves", (Span(0, 5, Style.CODE),)),
    ],
)  # fmt: skip
def test_markup_beside_the_body(body, inner, text, spans):
    content = read(f"<body>{body}</body>{MARKUP.format(inner)}").content
    assert (content.text, content.spans) == (text, spans)


def test_markup_of_an_answer_counts_from_the_whole_body():
    marks = "<reply xmlns='urn:xmpp:reply:0' id='s0'/><fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'>"
    marks += "<body start='0' end='5'/></fallback>" + MARKUP.format("<span start='5' end='8'><strong/></span>")
    content = read(f"<body>&gt; no\nyes</body>{marks}").content
    assert (content.text, content.spans) == ("yes", (Span(0, 3, Style.BOLD),))


@pytest.mark.parametrize(
    ("beside", "text"),
    [
        ("<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:sfs:0'><body/></fallback>", ""),
        ("<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:sfs:0'/>", ""),
        ("<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:sfs:0'><body start='5' end='9'/></fallback>", "look "),
        ("<fallback xmlns='urn:xmpp:fallback:0' for='urn:other'><body/></fallback>", "look here"),
        ("", "look here"),
    ],
)
def test_words_that_stand_for_a_file_go_with_it(beside, text):
    oob = "<x xmlns='jabber:x:oob'><url>https://f.example/a</url></x>"
    content = read(f"<body>look here</body>{oob}{beside}").content
    assert (content.text, content.attachments[0].url) == (text, "https://f.example/a")


def test_a_thread_has_a_name_of_one_line():
    assert read("<body>x</body><thread>a&#10;b</thread>").thread == "a b"
    assert len(read(f"<body>x</body><thread>{'t' * 999}</thread>").thread) == 200


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("<subject>fire</subject>", TopicChanged),
        ("<subject/>", TopicChanged),
        ("<subject>fire</subject><body>x</body>", MessagePosted),  # XEP-0045 section 8.1
        ("<composing xmlns='http://jabber.org/protocol/chatstates'/>", TypingChanged),
        ("<paused xmlns='http://jabber.org/protocol/chatstates'/>", TypingChanged),
        ("<displayed xmlns='urn:xmpp:chat-markers:0' id='s0'/>", type(None)),
        ("<thread>t</thread>", type(None)),
        ("", type(None)),
        ("<reactions xmlns='urn:xmpp:reactions:0'/>", type(None)),
        ("<retract xmlns='urn:xmpp:message-retract:1'/>", type(None)),
    ],
)
def test_what_kind_of_fact_it_is(payload, expected):
    assert type(read(payload)) is expected


def test_a_topic_is_one_line():
    assert read("<subject>a\nb\u2028c</subject>").topic == "a b c"


def test_the_way_of_a_message():
    event = read(f"<body>x</body>{marks.via(('one', 'two'))}")
    assert event.origin.via == ("one", "two")


def test_an_endless_way_is_cut():
    event = read(f"<body>x</body>{marks.via(tuple(str(n) for n in range(99)))}")
    assert len(event.origin.via) == marks.LONGEST_WAY


@pytest.mark.parametrize(
    ("payload", "at"),
    [
        (f"<delay xmlns='urn:xmpp:delay' from='{ROOM}' stamp='2002-10-13T23:58:37Z'/>", 1034553517000),
        (f"<delay xmlns='urn:xmpp:delay' from='{ROOM}' stamp='2002-10-13T23:58:37.5+02:00'/>", 1034546317500),
        ("<x xmlns='jabber:x:delay' stamp='20021013T23:58:37'/>", 1034553517000),
        (
            (
                "<delay xmlns='urn:xmpp:delay' from='juliet@localhost' stamp='1999-01-01T00:00:00Z'/>"
                f"<delay xmlns='urn:xmpp:delay' from='{ROOM}' stamp='2002-10-13T23:58:37Z'/>"
            ),
            1034553517000,
        ),
        ("<delay xmlns='urn:xmpp:delay' stamp='yesterday'/>", None),
        ("<delay xmlns='urn:xmpp:delay'/>", None),
        ("", None),
    ],
)
def test_when_it_was_said(payload, at):
    assert inbound.moment(xml(f"<message>{payload}</message>"), ROOM) == at


def test_stamps_are_read_as_they_are_written():
    assert inbound.milliseconds(inbound.stamp(1034553517999)) == 1034553517000


def test_a_private_message():
    element = xml(
        "<message type='chat' id='a1' from='juliet@localhost/desk' to='bob%irc@b'><body>psst</body></message>"
    )
    bob = Person(SCENE.room.network, PersonId("bob"))
    event = inbound.direct(element, room=SCENE.room, sender=JULIET, to=bob, at=AT)
    assert event is not None
    assert (event.content.text, event.id, event.to) == ("psst", "a1", bob)


def test_a_receipt_is_no_private_message():
    element = xml("<message type='chat'><received xmlns='urn:xmpp:receipts' id='x'/></message>")
    assert inbound.direct(element, room=SCENE.room, sender=JULIET, to=JULIET.person, at=AT) is None


def test_names_without_a_room():
    assert inbound.ids(xml("<message/>"), SCENE) == Ids()


@pytest.mark.parametrize(
    ("inside", "known"),
    [
        (sid(), "s1"),
        (f'<body>x</body><stanza-id id="s1" by="{ROOM}" xmlns="urn:xmpp:sid:0"/>', "s1"),
        ("<body>no id at all</body>", None),
        (sid(by="other@c"), None),
        (sid().replace(":0", ":1"), None),
        (sid() * 2, None),
        (f"<body>stanza-id</body>{sid()}", None),
        (sid("a&amp;b"), None),
        (sid("a/>b"), None),
        (sid("ä"), None),
        (sid(""), None),
        (f"<stanza-id xmlns='urn:xmpp:sid:0' by='{ROOM}' id='s1'></stanza-id>", None),
        (f"<stanza-id\nxmlns='urn:xmpp:sid:0' by='{ROOM}' id='s1'/>", None),
        (f"<stanza-id xmlns='urn:xmpp:sid:0' by='{ROOM}' data-id='s1'/>", None),
    ],
)
def test_the_rooms_id_is_read_from_bytes_as_by_the_parser_or_not_at_all(inside, known) -> None:
    stanza = f"<message type='groupchat' id='a'>{inside}</message>"
    assert inbound.stanza_id(stanza.encode(), SCENE) == known
    if known is not None:
        assert inbound.ids(xml(stanza), SCENE).stanza == known


def test_where_ids_could_be_anybodys_none_is_read_from_bytes() -> None:
    stanza = sid().encode()
    assert inbound.stanza_id(stanza, structs.replace(SCENE, stable_ids=False)) == ""


SAID = st.one_of(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=40),
    st.text(st.sampled_from("*_>`~/me <&'\"\n\t\u202eä👍 "), max_size=12),
)
BESIDE = st.sampled_from(
    [
        sid(),
        sid("s2"),
        sid("x", by="other@c"),
        "<origin-id xmlns='urn:xmpp:sid:0' id='o1'/>",
        "<origin-id xmlns='urn:xmpp:sid:0' id='a&amp;b'/>",
        "<origin-id xmlns='urn:other' id='o2'/>",
        "<occupant-id xmlns='urn:xmpp:occupant-id:0' id='me'/>",
        "<active xmlns='http://jabber.org/protocol/chatstates'/>",
        "<markable xmlns='urn:xmpp:chat-markers:0'/>",
        "<unstyled xmlns='urn:xmpp:styling:0'/>",
        "<replace xmlns='urn:xmpp:message-correct:0' id='a0'/>",
        "<reply xmlns='urn:xmpp:reply:0' id='s0'/>",
        "<thread>t</thread>",
        "<subject>s</subject>",
        "<body xml:lang='de'>andere</body>",
        "<x xmlns='y'><body>no</body></x>",
    ]
)


@pytest.mark.parametrize("scene", [SCENE, structs.replace(SCENE, stable_ids=False)])
@given(
    text=SAID,
    id_=st.sampled_from(["a1", ""]),
    before=st.lists(BESIDE, max_size=2),
    after=st.lists(BESIDE, max_size=4),
    plain=st.booleans(),
)
def test_plain_words_by_their_bytes_say_what_the_parser_says(scene, text, id_, before, after, plain):
    body = f"<body>{stanzas.text(text) if plain else stanzas.attribute(text)}</body>"
    attribute = f" id='{id_}'" if id_ else ""
    inside = "".join((*before, body, *after))
    stanza = f"<message type='groupchat' from='{ROOM}/juliet' to='b/l'{attribute}>{inside}</message>"
    words = inbound.words(stanza.encode(), id_, scene)
    if words is not None:
        element = xml(stanza)
        names = inbound.ids(element, scene)
        assert words.names == names
        by_parser = inbound.read(element, scene=scene, sender=JULIET, names=names, at=AT)
        assert inbound.read_words(words, "juliet", scene=scene, sender=JULIET, at=AT) == by_parser


@pytest.mark.parametrize(
    ("payload", "taken"),
    [
        (f"<body>it&apos;s &lt;plain&gt;</body>{sid()}", True),
        (f"<body>/me waves</body><active xmlns='x'/>{sid()}<origin-id xmlns='urn:xmpp:sid:0' id='o'/>", True),
        (f"<body>two\nlines</body>{sid()}", False),
        (f"<body>a</body><body>b</body>{sid()}", False),
        (f"<body>a</body>{sid()}<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>", False),
        (f"<body></body>{sid()}", False),
        ("<body>no id</body>", False),
        (f"<body><![CDATA[a]]></body>{sid()}", False),
    ],
)
def test_which_messages_are_plain_words(payload, taken):
    stanza = f"<message type='groupchat' from='{ROOM}/juliet' to='b/l' id='a1'>{payload}</message>"
    assert (inbound.words(stanza.encode(), "a1", SCENE) is not None) is taken
