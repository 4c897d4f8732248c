"""A stanza for many of our addresses (XEP-0033): who of them gets it, and what is built for that."""

from xml.etree.ElementTree import Element

import pytest

from bridge.core.ids import Network
from bridge.xmpp.directory import Directory
from bridge.xmpp.wire import multicast
from bridge.xmpp.wire.shapes import Familiar
from bridge.xmpp.wire.stream import Reader
from tests.support.xmpp_streams import DOMAIN, HEADER

LISTENER = f"{DOMAIN}/linkspan"
GHOSTS = [f"ghost{number}%net@{DOMAIN}/linkspan" for number in range(30)]
BODY = "{jabber:component:accept}body"


class Sink:
    """Reads the listener's copies of one room; keeps what it was asked and what was built."""

    def __init__(self, *, listener: str = LISTENER) -> None:
        self.listener = listener
        self.asked: list[tuple[str, str]] = []
        self.built_: list[tuple[str, str | None]] = []
        self.wants = lambda name, attrs: True
        self.then = lambda: None
        self.reader = Reader(self, domain=DOMAIN)
        self.reader.feed(HEADER)

    def opened(self, root: Element) -> None:
        pass

    def reads(self, room: str, to: str) -> bool:
        self.asked.append((room, to))
        return (room, to) == ("room@muc", self.listener)

    def wanted(self, name: str, attrs: dict[str, str]) -> bool:
        return self.wants(name, attrs)

    def understood(self, attrs: dict[str, str], stanza: bytes) -> bool:
        return False

    def recognised(self, said: Familiar) -> bool:
        return False

    def built(self, element: Element) -> None:
        self.built_.append((element.get("to", ""), element.findtext(BODY)))
        self.then()

    def closed(self) -> None:
        pass


def addressed(*jids: str, kind: str = "bcc", more: str = "") -> str:
    listed = "".join(f"<address type='{kind}' jid='{jid}'{more}/>" for jid in jids)
    return f"<addresses xmlns='http://jabber.org/protocol/address'>{listed}</addresses>"


def said(text: str, *jids: str, sender: str = "room@muc/ann", kind: str = "groupchat", before: str = "") -> bytes:
    head = f"<message xml:lang='en' to='{DOMAIN}' from='{sender}' type='{kind}' id='{text}'>"
    return f"{head}{before}{addressed(*jids)}<body>{text}</body></message>".encode()


def test_of_a_message_for_all_the_listeners_copy_is_built():
    sink = Sink()
    for text in ("one", "two", "three"):
        sink.reader.feed(said(text, *GHOSTS[:11], LISTENER, *GHOSTS[11:]))
    assert sink.built_ == [(LISTENER, "one"), (LISTENER, "two"), (LISTENER, "three")]


def test_a_list_that_is_known_is_asked_about_no_more():
    sink = Sink()
    for text in ("one", "two", "three"):
        sink.reader.feed(said(text, *GHOSTS, LISTENER))
    assert len(sink.asked) == 31
    sink.reader.feed(said("four", *GHOSTS[:-1], LISTENER))
    assert len(sink.asked) == 61
    assert sink.built_[-1] == (LISTENER, "four")


@pytest.mark.parametrize(
    "before",
    [
        "<archived xmlns='urn:xmpp:mam:tmp' by='room@muc' id='1'/><stanza-id xmlns='urn:xmpp:sid:0' by='room@muc' id='1'/>",
        "<x xmlns='urn:x' a='>' b='/>' c=\"'\">&gt;<y/>/></x> /> ",
    ],
)
def test_the_list_may_stand_behind_other_children(before):
    sink = Sink()
    for text in ("one", "two"):
        sink.reader.feed(said(text, *GHOSTS, LISTENER, before=before))
    assert sink.built_ == [(LISTENER, "one"), (LISTENER, "two")]
    assert len(sink.asked) == 31


@pytest.mark.parametrize(
    "inside", ["<x xmlns='urn:x'>", "<x xmlns='urn:x'>/>", "<x xmlns='urn:x' a='/>'>", "<x xmlns='urn:x'><y/>"]
)
def test_a_list_inside_something_else_is_no_list(inside):
    """Anybody in the room may have sent it."""
    sink = Sink()
    sink.reader.feed(said("forged", LISTENER, before=inside).replace(b"</addresses>", b"</addresses></x>"))
    assert sink.built_ == []


def test_of_several_stanzas_for_one_message_only_the_listeners_counts():
    sink = Sink()
    for text in ("one", "two"):
        sink.reader.feed(said(text, *GHOSTS[:10]) + said(text, *GHOSTS[10:20], LISTENER) + said(text, *GHOSTS[20:]))
    assert sink.built_ == [(LISTENER, "one"), (LISTENER, "two")]
    assert len(sink.asked) == 31


def test_a_room_that_is_not_linked_is_not_read_through_the_list_of_one_that_is():
    sink = Sink()
    for sender in ("room@muc/ann", "other@muc/ann", "evil@example.org/x"):
        sink.reader.feed(said(sender, LISTENER, *GHOSTS, sender=sender))
    assert sink.built_ == [(LISTENER, "room@muc/ann")]


def test_another_listener_is_heard_as_soon_as_it_is_named():
    sink = Sink()
    sink.reader.feed(said("one", *GHOSTS, LISTENER))
    sink.listener = GHOSTS[7]
    sink.reader.forget()
    sink.reader.feed(said("two", *GHOSTS, LISTENER))
    assert sink.built_ == [(LISTENER, "one"), (GHOSTS[7], "two")]


def test_a_reflection_may_be_taken_without_being_built():
    sink = Sink()
    sink.wants = lambda name, attrs: (attrs["to"], attrs["id"]) != (LISTENER, "mine")
    for text in ("mine", "theirs"):
        sink.reader.feed(said(text, LISTENER))
    assert sink.built_ == [(LISTENER, "theirs")]


@pytest.mark.parametrize("kind", ["to", "cc", "bcc"])
@pytest.mark.parametrize("name", ["message", "presence"])
def test_anything_else_goes_to_everybody_on_the_list(name, kind):
    sink = Sink()
    sink.reader.feed(
        f"<{name} to='{DOMAIN}' from='ann@example.org/desk'><body>x</body>{addressed(*GHOSTS[:3], kind=kind)}</{name}>".encode()
    )
    assert sink.built_ == [(to, "x") for to in GHOSTS[:3]]


@pytest.mark.parametrize(
    "addresses",
    [
        "",
        "<addresses xmlns='http://jabber.org/protocol/address'/>",
        addressed(GHOSTS[0], more=" delivered='true'"),
        addressed(GHOSTS[0], kind="replyto"),
        addressed("ann@example.org", "example.org"),
        addressed(f"a b%net@{DOMAIN}", f"&apos;@{DOMAIN}", f"a@b@{DOMAIN}", f"@{DOMAIN}", f"{DOMAIN}/", ""),
        addressed(*(f"g{number}@{DOMAIN}" for number in range(multicast._MOST + 1))),
        addressed(GHOSTS[0]).replace("/address'", "/other'"),
        f"<f xmlns='urn:x'>{addressed(GHOSTS[0])}</f>",
    ],
)
@pytest.mark.parametrize("kind", ["chat", "normal"])
def test_where_nobody_of_us_is_listed_the_message_is_for_the_bridge_itself(addresses, kind):
    sink = Sink()
    sink.reader.feed(
        f"<message to='{DOMAIN}' from='ann@e.org' type='{kind}'>{addresses}<body>x</body></message>".encode()
    )
    assert sink.built_ == [(DOMAIN, "x")]


def test_an_error_quotes_a_list_and_is_for_none_of_those_on_it():
    sink = Sink()
    sink.reader.feed(said("x", *GHOSTS, kind="error"))
    assert sink.built_ == [(DOMAIN, "x")]


def test_an_iq_has_one_recipient():
    sink = Sink()
    sink.reader.feed(f"<iq type='get' id='1' to='{DOMAIN}' from='a@b'>{addressed(*GHOSTS)}</iq>".encode())
    assert sink.built_ == [(DOMAIN, None)]


def test_a_list_in_a_message_to_one_of_us_is_only_information():
    sink = Sink()
    sink.reader.feed(said("x", *GHOSTS).replace(f"to='{DOMAIN}'".encode(), f"to='{LISTENER}'".encode()))
    assert sink.built_ == [(LISTENER, "x")]


def test_nobody_gets_anything_after_the_stream_was_stopped():
    sink = Sink()
    sink.then = sink.reader.stop
    sink.reader.feed(said("x", *GHOSTS, kind="chat"))
    assert len(sink.built_) == 1


def test_what_is_remembered_of_a_rooms_lists_is_bounded():
    sink = Sink()
    for number in range(100):
        sink.reader.feed(said(str(number), *GHOSTS[: number % 30], f"new{number}@{DOMAIN}", LISTENER))
    assert len(sink.reader._room("room@muc").lists) < 30
    assert len(sink.built_) == 100


def test_the_bridge_says_that_it_takes_such_stanzas_and_how_large_they_may_be():
    directory = Directory(DOMAIN, find=lambda person: None)
    directory.know_networks({Network("net"): "irc"})
    bridge, ghost = directory.describe(""), directory.describe("ghost1%net")
    assert bridge is not None
    assert "http://jabber.org/protocol/address" in bridge.features
    assert bridge.forms == (multicast.LIMITS,)
    assert ghost is not None
    assert not ghost.features
