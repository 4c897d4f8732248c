"""A message that looks like one before it says what the long way says of it, and anything else is left to that."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.core.ids import XMPP, Room, RoomId
from bridge.xmpp.messages import inbound
from bridge.xmpp.messages.inbound import Scene
from bridge.xmpp.wire.shapes import MOST, RENEWED, Familiar, Shapes
from bridge.xmpp.wire.starttag import take_apart
from bridge.xmpp.wire.stream import Reader
from tests.support.xmpp_streams import written

ROOM, READER = "verona@muc.localhost", "bridge.localhost/linkspan"
HEADER = (
    b"<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams'"
    b" from='bridge.localhost' xmlns='jabber:component:accept' id='1'>"
)
SCENE = Scene(room=Room(XMPP, RoomId(ROOM)), address=ROOM, stable_ids=True)
IDS = "xmlns='urn:xmpp:sid:0'"
OCCUPANT = "<occupant-id xmlns='urn:xmpp:occupant-id:0' id='{o}='/>"
WORDS = (
    "<message to='{to}' from='{room}/{nick}' type='groupchat' id='{id}' xml:lang='en'><body>{text}</body>"
    f"{OCCUPANT}<stanza-id by='{{by}}' {IDS} id='{{stanza}}'/></message>"
)
WITH_ORIGIN = WORDS.replace("</body>", f"</body><origin-id id='{{origin}}' {IDS}/><active xmlns='states'/>")
OURS = WORDS.replace("</body>", f"</body><origin-id {IDS} id='{{origin}}'/><via xmlns='v'><bridge id='b'/></via>")
TURNED = (
    f"<message id='{{id}}' type='groupchat' from='{{room}}/{{nick}}' to='{{to}}'><stanza-id id='{{stanza}}' {IDS} by='{{by}}'/>"
    "<body>{text}</body></message>"
)
USUAL = dict.fromkeys(("o", "id", "stanza", "origin"), "a1") | {
    "to": READER,
    "room": ROOM,
    "by": ROOM,
    "nick": "juliet",
    "text": "good night",
}


def message(form: str = WORDS, **values: str) -> bytes:
    return form.format(**USUAL | values).encode()


def after(*stanzas: bytes) -> Shapes:
    """Return what has learnt these, each seen twice."""
    shapes = Shapes()
    for stanza in stanzas:
        shapes.learn(stanza)
        shapes.learn(stanza)
    return shapes


@pytest.mark.parametrize("form", [WORDS, WITH_ORIGIN, OURS, TURNED])
def test_what_was_seen_twice_is_known_by_all_but_its_ids_names_and_words(form: str) -> None:
    shapes = Shapes()
    other = message(
        form, room="nurse@other.localhost", by="nurse@other.localhost", nick="Rómeo/x y", text="a > b", id="m/2"
    )
    shapes.learn(message(form))
    assert shapes.find(other, 0) is None
    shapes.learn(message(form, text="for the second time"))
    shapes.learn(message(form, text="and not only that"))
    assert shapes.find(other, 0) is None  # markup has to be looked at
    other = other.replace(b"a > b", "“a” & b".replace("&", "and").encode())
    said, end = shapes.find(b"  " + other + b"<iq", 2) or (None, 0)
    assert end == 2 + len(other)
    assert isinstance(said, Familiar)
    origin = "a1" if "{origin}" in form else ""
    assert (said.room, said.nick, said.to, said.id) == ("nurse@other.localhost", "Rómeo/x y", READER, "m/2")
    assert (said.text, said.stanza, said.origin) == ("“a” and b", "a1", origin)


@pytest.mark.parametrize(
    ("form", "values"),
    [
        (WORDS, {"by": "other@muc.localhost"}),
        (WORDS, {"text": ""}),
        (WORDS, {"text": "a&amp;b"}),
        (WORDS, {"text": "two\nlines"}),
        (WORDS, {"text": "a<b/>"}),
        (WORDS, {"text": "</body><body>"}),
        (WORDS, {"nick": "a&apos;b"}),
        (WORDS, {"nick": 'a"b'}),
        (WORDS, {"nick": "a' x='y"}),
        (WORDS, {"nick": ""}),
        (WORDS, {"room": "a/b"}),
        (WORDS, {"id": ""}),
        (WORDS, {"id": "a b"}),
        (WORDS, {"id": "é"}),
        (WORDS, {"stanza": ""}),
        (WORDS, {"stanza": "a'/><x y='"}),
        (WITH_ORIGIN, {}),
        (OURS, {}),
        (TURNED, {}),
        (WORDS.replace("groupchat", "chat"), {}),
        (WORDS.replace("'", '"'), {}),
        (WORDS.replace("sid:0", "sid:1"), {}),
        (WORDS.replace(" type=", "  type="), {}),
        (WORDS.replace("</message>", "<retract xmlns='urn:xmpp:message-retract:1' id='1'/></message>"), {}),
        (WORDS.replace("</message>", "<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/></message>"), {}),
    ],
)
def test_anything_else_is_not(form: str, values: dict[str, str]) -> None:
    assert after(message()).find(message(form, **values), 0) is None


@pytest.mark.parametrize(
    "form",
    [
        WORDS.replace(IDS, "xmlns='urn:xmpp:sid:1'"),
        WORDS.replace("'", '"'),
        WORDS.replace("</message>", f"<stanza-id by='{{by}}' {IDS} id='{{stanza}}'/></message>"),
        WORDS.replace("</message>", "<body>{text}</body></message>"),
        WORDS.replace("id='{id}'", ""),
        WORDS.replace("<body>{text}</body>", ""),
        WORDS.replace("from='{room}/{nick}'", "from='{room}'"),
        WORDS.replace("</body>", f'</body><origin-id {IDS} id="1"/>'),
        WORDS.replace("</body>", "</body><origin-id id='1'/>"),
        WORDS.replace("</body>", f"</body><origin-id {IDS} id='1'/><origin-id {IDS} id='2'/>"),
        WORDS.replace("</body>", f"</body><x y='{'z' * 5000}'/>"),
    ],
)
def test_nothing_is_learnt_from_what_has_not_each_name_once(form: str) -> None:
    stanza = message(form)
    assert after(stanza).find(stanza, 0) is None


def test_bytes_that_are_no_text_are_looked_at() -> None:
    stanza = message(text="caf~").replace(b"~", b"\xe9")
    assert after(message()).find(stanza, 0) is None


def test_few_looks_are_kept_and_others_in_their_place_once_many_are_like_none_of_them() -> None:
    def look(number: int) -> bytes:
        return message(WORDS.replace("</body>", f"</body><x n='{number}'/>"))

    shapes = after(*(look(number) for number in range(MOST + 1)))
    assert shapes.find(look(0), 0) is not None
    assert shapes.find(look(MOST), 0) is None
    for _ in range(RENEWED + 2):
        shapes.learn(look(MOST))
    assert shapes.find(look(MOST), 0) is not None
    assert shapes.find(look(0), 0) is None


class Sink:
    """Takes plain words by their bytes, and writes down what it was given, in whichever way."""

    def __init__(self) -> None:
        self.took: list[tuple[object, ...]] = []
        self.recognised_ = 0

    def opened(self, root: object) -> None: ...

    def closed(self) -> None: ...

    def reads(self, room: str, to: str) -> bool:
        return to == READER and room != "unread@muc.localhost"

    def wanted(self, name: str, attrs: dict[str, str]) -> bool:
        return attrs.get("to") == READER

    def understood(self, attrs: dict[str, str], stanza: bytes) -> bool:
        room, _, nick = attrs.get("from", "").partition("/")
        words = inbound.words(stanza, attrs.get("id", ""), scene(room))
        return words is not None and self.hears(room, nick, attrs.get("to", ""), words)

    def recognised(self, said: Familiar) -> bool:
        words = inbound.recognised(said, scene(said.room)) if self.reads(said.room, said.to) else None
        if words is None or not self.hears(said.room, said.nick, said.to, words):
            return False
        self.recognised_ += 1
        return True

    def hears(self, room: str, nick: str, to: str, words: inbound.Words) -> bool:
        self.took.append((room, nick, to, words))
        return nick != "nobody"

    def built(self, element: object) -> None:
        self.took.append((written(element),))  # type: ignore[arg-type]


class Blind(Shapes):
    """Learns nothing."""

    def learn(self, stanza: bytes) -> None: ...


def scene(room: str) -> Scene:
    return Scene(room=Room(XMPP, RoomId(room)), address=room, stable_ids=not room.startswith("nurse"))


_forms = st.sampled_from([WORDS, WORDS, WITH_ORIGIN, OURS, TURNED, WORDS.replace("</body>", "</body><x/>")])
_ids = st.sampled_from(["a1", "b-2", "é", "x y", "&amp;", ""])
_values = st.fixed_dictionaries(
    {},
    optional={
        "to": st.sampled_from(["g1@bridge.localhost/x", "g2@bridge.localhost/x", READER, "bridge.localhost"]),
        "room": st.sampled_from([ROOM, "nurse@muc.localhost", "unread@muc.localhost"]),
        "nick": st.sampled_from(["juliet", "Rómeo", "a&apos;b", "nobody", "a/b"]),
        "by": st.sampled_from([ROOM, "nurse@muc.localhost"]),
        "text": st.sampled_from(["hello", "<x>y</x>", "a&lt;b", "two\nlines", "delay", "\u202ex", " ", "'\""]),
        "id": _ids,
        "stanza": _ids,
        "origin": _ids,
        "o": _ids,
    },
)
_stanzas = st.one_of(
    st.builds(message, _forms).filter(bool),
    st.tuples(_forms, _values).map(lambda both: message(both[0], **both[1])),
    st.tuples(_forms, _values).map(lambda both: message(both[0], **{"by": both[1].get("room", ROOM)} | both[1])),
    st.just(message(to="g1@bridge.localhost/x")),
    st.just(b"<presence from='verona@muc.localhost/x' to='bridge.localhost/linkspan'/>"),
    st.just(b" "),
)


@given(st.lists(_stanzas, min_size=3, max_size=25), st.integers(20, 2000))
@example([message()] * 4, 100)
def test_a_stream_is_read_the_same_with_and_without_a_memory_for_looks(stanzas: list[bytes], size: int) -> None:
    took = []
    for memory in (Shapes(), Blind()):
        sink = Sink()
        reader = Reader(sink)
        reader._shapes = memory
        reader.feed(HEADER)
        stream = b"".join(stanzas)
        for at in range(0, len(stream), size):
            reader.feed(stream[at : at + size])
        took.append([each for each in sink.took if "nobody" not in each])
        known = sink.recognised_
    assert took[0] == took[1]
    assert not known


@given(_values, _forms)
def test_what_is_recognised_is_what_a_start_tag_and_the_body_say(values: dict[str, str], form: str) -> None:
    stanza = message(form, **values)
    found = after(message(WORDS), message(WITH_ORIGIN), message(OURS), message(TURNED)).find(stanza, 0)
    if found is None:
        return
    said, end = found
    tag = take_apart(stanza[: stanza.find(b">") + 1], len(b"<message"))
    assert tag is not None
    assert end == len(stanza)
    assert tag.attrs == {"from": f"{said.room}/{said.nick}", "to": said.to, "id": said.id, "type": "groupchat"}
    assert re.search(b"<body>(.*)</body>", stanza)[1].decode() == said.text  # type: ignore[index]
    there = Scene(room=SCENE.room, address=said.room, stable_ids=True)
    assert inbound.stanza_id(stanza, there) == said.stanza
    assert inbound.words(stanza, said.id, there) == inbound.recognised(said, there)


def test_of_a_conversation_all_but_the_first_two_of_a_kind_are_recognised() -> None:
    sink = Sink()
    reader = Reader(sink)
    reader.feed(HEADER)
    for number in range(10):
        reader.feed(message(nick=f"n{number}", id=f"m{number}", text=f"line {number}"))
    assert len(sink.took) == 10
    assert sink.recognised_ == 8


def test_copies_of_what_was_recognised_are_still_known_as_such() -> None:
    sink = Sink()
    reader = Reader(sink)
    reader.feed(HEADER)
    asked = []
    sink.wanted = lambda name, attrs: asked.append(attrs) or False  # type: ignore[method-assign, func-returns-value]
    for number in range(10):
        copies = [message(to=to, id=f"m{number}") for to in (READER, "g1@bridge.localhost/x", "g2@bridge.localhost/x")]
        reader.feed(b"".join(copies))
    assert len(sink.took) == 10
    assert sink.recognised_ == 8
    assert asked == []
