"""The fast reader: which copies reach the parser, which are asked about, and what is remembered."""

from xml.etree.ElementTree import Element

import pytest

from bridge.xmpp.wire import stream
from bridge.xmpp.wire.shapes import Familiar
from bridge.xmpp.wire.stream import NotXml, Reader
from tests.support.xmpp_streams import HEADER

LISTENER = "bridge.example.org/listener"
GHOSTS = [f"ghost{number}%net@bridge.example.org/x" for number in range(30)]
ROOM = [*GHOSTS[:11], LISTENER, *GHOSTS[11:]]
BODY = "{jabber:component:accept}body"


class Sink:
    """Reads the listener's copies; keeps what it was asked and what was built."""

    def __init__(self) -> None:
        self.listener = LISTENER
        self.asked: list[tuple[str, str]] = []
        self.looked: list[dict[str, str]] = []
        self.bodies: list[str | None] = []
        self.wants = lambda name, attrs: True
        self.then = lambda: None
        self.reader = Reader(self)
        self.reader.feed(HEADER)

    def opened(self, root: Element) -> None:
        pass

    def reads(self, room: str, to: str) -> bool:
        self.asked.append((room, to))
        return to == self.listener

    def wanted(self, name: str, attrs: dict[str, str]) -> bool:
        self.looked.append(attrs)
        return self.wants(name, attrs)

    def understood(self, attrs: dict[str, str], stanza: bytes) -> bool:
        return False

    def recognised(self, said: Familiar) -> bool:
        return False

    def built(self, element: Element) -> None:
        self.bodies.append(element.findtext(BODY))
        self.then()

    def closed(self) -> None:
        self.bodies.append("END")


def copies(
    text: str, recipients: list[str] = ROOM, *, kind: str = "groupchat", sender: str = "room@muc/ann"
) -> list[bytes]:
    return [
        f"<message to='{to}' from='{sender}' type='{kind}' id='{text}'><body>{text}</body></message>".encode()
        for to in recipients
    ]


def test_of_all_copies_the_listeners_is_built():
    sink = Sink()
    for text in ("one", "two", "three"):
        sink.reader.feed(b"".join(copies(text)))
    assert sink.bodies == ["one", "two", "three"]


def test_who_reads_is_asked_once_for_each_room_and_recipient():
    sink = Sink()
    for text in ("one", "two"):
        sink.reader.feed(b"".join(copies(text)) + b"".join(copies(text, sender="other@muc/bob")))
    assert sink.asked == [("room@muc", to) for to in ROOM] + [("other@muc", to) for to in ROOM]


@pytest.mark.parametrize("size", [1, 2, 50, 99, 100, 101, 1000, 5000])
def test_blocks_may_be_cut_anywhere(size):
    sink = Sink()
    data = b"".join(b"".join(copies(f"message {number}")) for number in range(8))
    for at in range(0, len(data), size):
        sink.reader.feed(data[at : at + size])
    assert sink.bodies == [f"message {number}" for number in range(8)]


def test_a_foretold_block_is_known_before_it_has_come():
    sink = Sink()
    first, second = b"".join(copies("one")), copies("two")
    sink.reader.feed(first)
    assert sink.reader.outstanding == 0
    sink.reader.feed(second[0] + second[1][:10])  # too little to tell
    assert sink.reader.outstanding == 0
    sink.reader.feed(second[1][10:] + second[2][:70])
    assert sink.reader.outstanding == sum(map(len, second[2:11])) - 70  # up to the listener's copy
    sink.reader.feed(second[2][70:] + b"".join(second[3:12]))
    assert sink.reader.outstanding == 0
    assert sink.bodies == ["one", "two"]


ORDERS = {
    "somebody left": [*ROOM[:5], *ROOM[6:]],
    "somebody came": [*ROOM[:5], "new%net@bridge.example.org/x", *ROOM[5:]],
    "the last one left": ROOM[:-1],
    "somebody came behind": [*ROOM, "new%net@bridge.example.org/x"],
    "the first one left": ROOM[1:],
    "the listener is elsewhere": [*GHOSTS[:20], LISTENER, *GHOSTS[20:]],
    "the listener is first": [LISTENER, *GHOSTS],
    "the listener is last": [*GHOSTS, LISTENER],
    "all is different": ROOM[::-1],
    "only one is left": ROOM[:1],
    "the listener is gone": GHOSTS,
}


@pytest.mark.parametrize("change", ORDERS)
@pytest.mark.parametrize("size", [7, 150, 100_000])
def test_an_order_that_changes_is_read_and_learned_anew(change, size):
    sink, order = Sink(), ORDERS[change]
    stanzas = [copies("one"), copies("two"), copies("three", order), copies("four", order), copies("five")]
    data = b"".join(b"".join(each) for each in stanzas)
    for at in range(0, len(data), size):
        sink.reader.feed(data[at : at + size])
    assert sink.bodies == ["one", "two", *(["three", "four"] if LISTENER in order else []), "five"]


def test_two_rooms_may_alternate():
    sink = Sink()
    for number in range(5):
        for room in ("a@muc/x", "b@muc/y"):
            sink.reader.feed(b"".join(copies(f"{room}{number}", sender=room)))
    assert sink.bodies == [f"{room}{number}" for number in range(5) for room in ("a@muc/x", "b@muc/y")]


def test_something_else_may_come_between_the_copies():
    sink = Sink()
    sink.reader.feed(b"".join(copies("one")))
    two = copies("two")
    private = copies("psst", GHOSTS[3:4], kind="chat", sender="room@muc/bob")
    sink.reader.feed(b"".join(two[:4]) + b"".join(private) + b" " + b"".join(two[4:]))
    sink.reader.feed(b"".join(copies("three")))
    assert sink.bodies == ["one", "psst", "two", "three"]


def test_a_ghosts_private_messages_and_presences_are_always_asked_about():
    sink = Sink()
    for text in ("one", "two"):
        sink.reader.feed(b"".join(copies(text)))
    sink.looked.clear()
    sink.reader.feed(b"".join(copies("private", GHOSTS[:3], kind="chat")))
    sink.reader.feed(b"".join(f"<presence from='room@muc/x' to='{to}'/>".encode() for to in GHOSTS[:3]))
    assert [attrs["to"] for attrs in sink.looked] == GHOSTS[:3] * 2
    assert sink.bodies == ["one", "two", *["private"] * 3, *[None] * 3]


def test_a_reflection_may_be_taken_without_being_built_and_the_next_message_is_built():
    sink = Sink()
    sink.wants = lambda name, attrs: attrs["id"] != "mine"
    for text in ("one", "mine", "two", "mine", "three"):
        sink.reader.feed(b"".join(copies(text)))
    assert sink.bodies == ["one", "two", "three"]


@pytest.mark.parametrize("size", [40, 1500, 100_000])
def test_another_listener_is_heard_from_the_moment_on_that_it_is_named(size):
    sink = Sink()

    def change() -> None:
        if sink.bodies[-1] == "two":
            sink.listener = GHOSTS[20]
            sink.reader.forget()

    sink.then = change
    data = b"".join(b"".join(copies(text)) for text in ("one", "two", "three", "four"))
    for at in range(0, len(data), size):
        sink.reader.feed(data[at : at + size])
    # The new listener's copy of "two" comes behind the old one's: there it is heard twice, and never missed.
    assert sink.bodies == ["one", "two", "two", "three", "four"]


def test_forgetting_in_the_middle_of_a_block_loses_nothing():
    sink = Sink()
    sink.reader.feed(b"".join(copies("one")))
    two = b"".join(copies("two"))
    sink.reader.feed(two[:1000])
    assert sink.reader.outstanding
    sink.listener = GHOSTS[8]
    sink.reader.forget()
    sink.reader.feed(two[1000:])
    assert sink.bodies == ["one", "two"]


def test_what_is_remembered_of_strangers_is_bounded():
    sink = Sink()
    for number in range(stream._ROOMS + 10):
        sink.reader.feed(b"".join(copies("x", GHOSTS[:1], sender=f"stranger{number}@example.org")))
    assert len(sink.reader._rooms) <= stream._ROOMS


def test_a_huge_stanza_is_not_copied_with_every_piece():
    sink = Sink()
    data = copies("x" * 3_000_000, [LISTENER])[0]
    for at in range(0, len(data), 10_000):
        sink.reader.feed(data[at : at + 10_000])
        assert len(sink.reader._rest) <= stream.HUGE + 10_000
    sink.reader.feed(copies("next", [LISTENER])[0])
    assert [len(body) for body in sink.bodies] == [3_000_000, 4]


def test_a_reader_that_was_stopped_takes_no_notice():
    sink = Sink()
    sink.then = sink.reader.stop
    sink.reader.feed(b"".join(copies("one")) + b"".join(copies("two")))
    sink.reader.feed(b"".join(copies("three")))
    assert sink.bodies == ["one"]


def test_the_end_is_told():
    sink = Sink()
    sink.reader.feed(copies("one", [LISTENER])[0] + b"</stream:stream> ")
    assert sink.bodies == ["one", "END"]


@pytest.mark.parametrize(
    "garbage",
    [
        b"<a></b>",
        b"<message to='x'><body>&nbsp;</body></message>",
        b"</nothing>",
        b"<message to='x' to='y'/>",
    ],
)
def test_what_is_not_xml_is_said_to_be_none(garbage):
    sink = Sink()
    with pytest.raises(NotXml):
        sink.reader.feed(garbage)
