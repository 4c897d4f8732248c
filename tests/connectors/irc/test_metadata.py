"""Pictures by IRCv3 metadata, as its draft has it: subscribed to once, told of people and channels, asked for again later.

No server of Debian's has it, so the server is scripted by the specification's examples.
"""

import pytest
from msgspec.structs import replace

from bridge.core.events import MemberJoined, MemberRenamed, MembersListed, RoomChanged
from bridge.core.ids import RoomId
from connectors.irc.connection.isupport import Isupport
from connectors.irc.connection.wire import parse
from connectors.irc.reading import pictures
from connectors.irc.reading.channels import View
from connectors.irc.reading.inbound import Batches, Inbound
from tests.support.irc_stage import CHANNEL, NETWORK, QUICK, listener, settle, stage
from tests.support.ircd import NAME, Ircd

CAPS = "batch draft/metadata-2=before-connect,max-subs=50,max-keys=10"
URL = "https://example.com/avatar/16/asdf.jpg"


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (URL, URL),
        ("https://example.com/{size}/a.png", "https://example.com/128/a.png"),
        (f" {URL} ", URL),
        ("http://example.com/a", "http://example.com/a"),
        ("", ""),
        ("ftp://example.com/a", ""),
        ("javascript:alert(1)", ""),
        ("file:///etc/passwd", ""),
        ("/a.png", ""),
        ("https://example.com/a b", ""),
        ("https://example.com/\x01", ""),
        ("https://example.com/\u2028x", ""),
        ("https://", ""),
        ("https://example.com/" + "x" * 100_000, ""),
    ],
)
def test_what_may_be_a_picture(value, found):
    assert pictures.url(value) == found


class Reading:
    """What the bridge is told of lines in one channel with bob in it."""

    def __init__(self):
        self.view = View(
            NETWORK, Isupport(), me="link", rooms=lambda n: CHANNEL if n == CHANNEL else None, owns=lambda _: False
        )
        self.inbound = Inbound(self.view, puppet=lambda _: None, run=1)
        self.batches = Batches()
        self.view.open(CHANNEL)
        self.hears(f":{NAME} 353 link = {CHANNEL} :link bob")
        self.inbound.listed(CHANNEL, 1)

    def hears(self, *lines):
        """Return what is told: the pictures of people by name, and of the channel by its own."""
        told = []
        for line in lines:
            for event in self.inbound.read(parse(line.encode()), 1, self.batches):
                if isinstance(event, RoomChanged):
                    told.append((CHANNEL, self.view.channel(CHANNEL).picture))
                else:
                    told.append((event.member.name, event.member.avatar))
        return told


BATCH = (f":{NAME} BATCH +1 metadata {CHANNEL}", f":{NAME} BATCH -1")


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([f":{NAME} METADATA bob avatar * :{URL}"], [("bob", URL)]),
        ([f":bob!b@h METADATA BOB avatar * {URL}"], [("bob", URL)]),
        ([f":{NAME} METADATA bob avatar * :{URL}"] * 2, [("bob", URL)]),
        ([BATCH[0], f"@batch=1 :{NAME} METADATA bob avatar * :{URL}", BATCH[1]], [("bob", URL)]),
        ([f":{NAME} 761 link bob avatar * :{URL}"], [("bob", URL)]),
        ([f":{NAME} METADATA bob avatar * :{URL}", f":{NAME} METADATA bob avatar *"], [("bob", URL), ("bob", "")]),
        ([f":{NAME} METADATA bob avatar * :{URL}", f":{NAME} METADATA bob avatar * :"], [("bob", URL), ("bob", "")]),
        ([f":{NAME} METADATA bob avatar * :{URL}", f":{NAME} 766 link bob avatar :not set"], [("bob", URL), ("bob", "")]),
        ([f":{NAME} METADATA {CHANNEL} avatar * :{URL}"] * 2, [(CHANNEL, URL)]),
        ([f":{NAME} METADATA {CHANNEL} avatar * :{URL}", f":{NAME} METADATA {CHANNEL} avatar *"], [(CHANNEL, URL), (CHANNEL, "")]),
        ([f":{NAME} METADATA bob url * :{URL}", f":{NAME} METADATA bob avatar * :no URL", f":{NAME} METADATA bob"], []),
        ([f":{NAME} METADATA #elsewhere avatar * :{URL}", f":{NAME} METADATA link avatar * :{URL}"], []),
        ([f":{NAME} METADATA carol avatar * :{URL}", f":carol!c@h JOIN {CHANNEL}"], [("carol", URL)]),
        (
            [f":{NAME} METADATA bob avatar * :{URL}", ":bob!b@h NICK rob", ":rob!b@h AWAY :gone"],
            [("bob", URL), ("rob", URL), ("rob", URL)],
        ),
        (
            [f":{NAME} METADATA bob avatar * :{URL}", ":bob!b@h QUIT :bye", f":bob!x@y JOIN {CHANNEL}"],
            [("bob", URL), ("bob", URL), ("bob", "")],
        ),
    ],
)  # fmt: skip
def test_what_a_server_tells(lines, told):
    assert Reading().hears(*lines) == told


def test_a_server_cannot_fill_memory_with_people_who_are_not_there():
    reading = Reading()
    for number in range(6_000):
        reading.hears(f":{NAME} METADATA n{number} avatar * :{URL}")
    assert len(reading.view._pictures) == 5_000
    assert reading.hears(f":{NAME} METADATA bob avatar * :{URL}") == []


async def test_the_listener_subscribes_and_asks_again_when_it_may(monkeypatch):
    monkeypatch.setattr(pictures, "_SOONEST", 0)
    async with Ircd() as ircd, stage(ircd.port) as play:
        peer = await ircd.accept()
        await peer.welcome(caps=CAPS)
        await peer.expect("METADATA * SUB avatar")
        peer.send(f":{NAME} 770 {peer.nick} avatar")
        await peer.find("JOIN")
        peer.send(f":{peer.mask} JOIN {CHANNEL}", f":{NAME} 353 {peer.nick} = {CHANNEL} :{peer.nick} bob")
        peer.numeric(366, CHANNEL, "End")
        peer.send(
            f":{NAME} 774 {peer.nick} {CHANNEL} 0", f":{NAME} 774 {peer.nick} {CHANNEL}", f":{NAME} 774 {peer.nick}"
        )
        await settle(peer)
        await play.told(MembersListed)
        await peer.expect(f"METADATA {CHANNEL} SYNC")
        peer.send(*BATCH[:1], f"@batch=1 :{NAME} METADATA {CHANNEL} avatar * :{URL}")
        peer.send(f"@batch=1 :{NAME} METADATA bob avatar * :{URL}", *BATCH[1:])
        bob = await play.told(MemberJoined)
        assert bob.member.avatar == URL
        assert play.connector.picture(CHANNEL) == URL
        assert play.connector.picture(RoomId("#elsewhere")) == ""
        peer.send(":bob!b@h NICK rob")
        assert (await play.told(MemberRenamed)).member.avatar == URL


async def test_who_reads_in_the_listeners_place_subscribes_when_they_begin(monkeypatch):
    monkeypatch.setattr(pictures, "_SOONEST", 0)
    async with Ircd() as ircd, stage(ircd.port, rooms=(), listener=False, pace=replace(QUICK, away=0.0)) as play:
        play.connector.attend(CHANNEL)
        play.join("juliet", session=True)
        own = await ircd.accept()
        await own.welcome(caps=CAPS)
        await own.find("JOIN")
        own.send(f":{own.mask} JOIN {CHANNEL}", f":{NAME} 353 juliet = {CHANNEL} :juliet bob")
        own.numeric(366, CHANNEL, "End")
        line = ""
        while line != "METADATA * SUB avatar":
            line = await own.line()
            if line.startswith("CAP REQ "):
                own.send(f":{NAME} CAP juliet ACK :{line.removeprefix('CAP REQ ').removeprefix(':')}")
            elif line.startswith("PING after-"):
                own.send(f":{NAME} METADATA bob avatar * :{URL}", f":{NAME} 774 juliet {CHANNEL} 0")
                own.send(f":{NAME} PONG {NAME} :{line.partition(' ')[2]}")
        assert (await play.told(MembersListed)).members[0].avatar == URL
        await own.find(f"METADATA {CHANNEL} SYNC")
        assert play.hub.remarks == []


async def test_servers_without_it_are_asked_nothing():
    async with Ircd() as ircd, stage(ircd.port):
        peer = await listener(ircd, caps="batch message-tags")
        await peer.silence()
