"""What is said in hosted rooms, as lines: the short ways for plain words are held equal to the long ones (decision 9)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bridge.core.content import Content
from bridge.core.deliveries import AsBridge, Post
from bridge.core.events import MessagePosted
from bridge.core.ids import XMPP, MessageId, MessageRef, Room, RoomId
from bridge.xmpp.hosted import speech
from bridge.xmpp.hosted.speech import Saying
from bridge.xmpp.messages import inbound, outbound
from bridge.xmpp.messages.outbound import Speaker
from bridge.xmpp.wire import stanzas
from tests.support import build
from tests.support.hosted import DESK, ROMEO, ROOM, HostedBridge
from tests.support.muc import xml
from tests.support.xmpp_connector import as_ghost

SAYING = Saying(ROOM, "juli'et", "occupant", "0123456789abc", 1_764_300_000_000)
SCENE = inbound.Scene(room=Room(XMPP, RoomId(ROOM)), address=ROOM, stable_ids=True)
JULIET = build.member("juliet", network="xmpp")
SAID = st.one_of(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=40),
    st.text(st.sampled_from("*_>`~/me <&'\"\n\t\u202eä👍 "), max_size=12),
)
PLAIN = [
    "<origin-id xmlns='urn:xmpp:sid:0' id='o1'/>",
    "<origin-id id='o2' xmlns='urn:xmpp:sid:0'/>",
    "<active xmlns='http://jabber.org/protocol/chatstates'/>",
    "<markable xmlns='urn:xmpp:chat-markers:0'/>",
    "<request xmlns='urn:xmpp:receipts'/>",
    "<store xmlns='urn:xmpp:hints'/>",
]
MORE = [
    "<origin-id xmlns='urn:xmpp:sid:0' id='a&amp;b'/>",
    "<origin-id xmlns='urn:other' id='o3'/>",
    f"<stanza-id xmlns='urn:xmpp:sid:0' by='{ROOM}' id='forged'/>",
    "<stanza-id xmlns='urn:xmpp:sid:0' by='juliet@home.example' id='archived'/>",
    "<occupant-id xmlns='urn:xmpp:occupant-id:0' id='forged'/>",
    "<active xmlns='urn:other'/>",
    "<composing xmlns='http://jabber.org/protocol/chatstates'/>",
    "<no-store xmlns='urn:xmpp:hints'/>",
    "<unstyled xmlns='urn:xmpp:styling:0'/>",
    "<replace xmlns='urn:xmpp:message-correct:0' id='a0'/>",
    "<reply xmlns='urn:xmpp:reply:0' id='s0'/>",
    "<thread>t</thread>",
    "<subject>s</subject>",
    "<body>another</body>",
    "<body xml:lang='de'>andere</body>",
    "<x xmlns='y'><body>no</body></x>",
]


def message(inside: str, *, attributes: str = " id='a1'") -> str:
    return f"<message type='groupchat' from='{DESK}' to='{ROOM}'{attributes}>{inside}</message>"


@given(
    text=SAID,
    attributes=st.sampled_from([" id='a1'", "", " xml:lang='de-AT' id='a1'", " id='a1' xml:lang='&amp;'"]),
    before=st.lists(st.sampled_from(PLAIN + MORE), max_size=2),
    after=st.lists(st.one_of(st.sampled_from(PLAIN), st.sampled_from(PLAIN + MORE)), max_size=4),
    escaped=st.booleans(),
)
def test_plain_words_of_a_client_by_their_bytes_are_what_the_parser_makes_of_them(
    text, attributes, before, after, escaped
):
    words = (stanzas.attribute if escaped else stanzas.text)(text)
    stanza = message("".join((*before, f"<body>{words}</body>", *after)), attributes=attributes)
    plain = speech.plain(stanza.encode())
    if plain is None:
        return
    element = xml(stanza)
    id_ = element.get("id", "")
    assert speech.repeated(plain, id_, SAYING) == speech.copied(element, SAYING)
    assert speech.has_words(element)
    names = inbound.Ids(SAYING.id, id_, inbound.ids(element, SCENE).origin)
    said = inbound.Words(plain.text, inbound.Ids(SAYING.id, id_, plain.origin))
    by_parser = inbound.read(element, scene=SCENE, sender=JULIET, names=names, at=SAYING.at)
    assert inbound.read_words(said, "juliet", scene=SCENE, sender=JULIET, at=SAYING.at) == by_parser


@pytest.mark.parametrize("beside", ["", *PLAIN, "".join(PLAIN[1:])])
@pytest.mark.parametrize("text", ["hello", "it&apos;s &lt;plain&gt; &amp; 👍", "/me waves"])
def test_what_clients_usually_send_is_read_by_its_bytes(beside, text):
    assert speech.plain(message(f"<body>{text}</body>{beside}").encode()) is not None


@pytest.mark.parametrize(
    "inside",
    [*(f"<body>hi</body>{more}" for more in MORE), "<body>two\nlines</body>", "<body></body>", "<body/>", ""],
)
def test_what_says_more_than_plain_words_is_not(inside):
    assert speech.plain(message(inside).encode()) is None


@given(text=SAID, nick=st.text(max_size=8), voice=st.sampled_from([build.as_puppet("bob"), AsBridge()]))
def test_a_delivery_of_plain_words_is_the_line_that_its_stanza_would_be(text, nick, voice):
    head = replace(build.head(f"xmpp:{ROOM}", voice=voice), via=("there", "here"))
    post = Post(head=head, message=MessageRef(build.room("irc:#python"), MessageId("m1")), content=Content(text=text))
    if not outbound.is_plain(post):
        return
    sender = f"{ROOM}/{nick}" if nick else ROOM
    (part,) = outbound.parts(post, Speaker(address=sender, room="@", stable_ids=False, prefix="0123-"))
    saying = Saying(ROOM, nick, "bob", part.id, head.at)
    assert speech.worded(post, saying) == speech.spoken(part.stanza, saying)


async def test_both_ways_say_the_same_to_clients_and_to_the_hub() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK, ROMEO)
        for more in ("", "<x xmlns='urn:other'/>"):
            bridge.say(DESK, "hello", more=f"<origin-id xmlns='urn:xmpp:sid:0' id='o1'/>{more}")
        assert (bridge.stream.skipped, bridge.stream.built) > (0, 1)
        short, long = bridge.hub.took(MessagePosted)
        assert (short.sender, short.content) == (long.sender, long.content)
        assert [set(said.aliases) for said in (short, long)] == [{"m1", "o1"}] * 2
        assert bridge.diary(ROMEO) == bridge.diary(DESK) == ["juliet: hello"] * 2


async def test_stanza_ids_are_in_the_order_of_what_is_said() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        for _ in range(3):
            bridge.say(DESK, "hello")
            await bridge.clock.advance(1)
            bridge.say(DESK, "hello")
        ids = [said.id for said in bridge.hub.took(MessagePosted)]
        assert ids == sorted(set(ids))
        assert len(ids) == 6


@pytest.mark.parametrize("text", ["short", "*styled*", "long " * 30_000])
async def test_corrections_and_retractions_name_what_clients_have_seen(text: str) -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        voice = as_ghost("bob")
        sent = await bridge.connector.send(build.post(text, f"xmpp:{ROOM}", voice=voice))
        seen = bridge.stream.take("message", to=DESK)
        assert [element.get("id") for element in seen] == list(sent.ids)
        assert [element.find("{urn:xmpp:sid:0}stanza-id").get("id") for element in seen] == list(sent.ids)  # type: ignore[union-attr]
        edit = replace(build.edit("m1", "other words", f"xmpp:{ROOM}", ids=sent.ids), previous=Content(text=text))
        await bridge.connector.send(replace(edit, head=replace(edit.head, voice=voice)))
        first, *others = bridge.stream.take("message", to=DESK)
        assert first.find("{urn:xmpp:message-correct:0}replace").get("id") == sent.ids[0]  # type: ignore[union-attr]
        retracted = [element.find("{urn:xmpp:message-retract:1}retract").get("id") for element in others]  # type: ignore[union-attr]
        assert retracted == list(sent.ids[1:])
        await bridge.connector.send(build.retract("m1", f"xmpp:{ROOM}", ids=sent.ids))
        gone = bridge.stream.take("message", to=DESK)
        assert [element.find("{urn:xmpp:message-retract:1}retract").get("id") for element in gone] == list(sent.ids)  # type: ignore[union-attr]
