"""``linkspan check``: what an operator is told about the server and each room, without anything running."""

import asyncio
from xml.etree.ElementTree import Element

import pytest

from bridge.core.ids import RoomId
from bridge.xmpp.connector import XmppConnector
from tests.support.clock import VirtualClock
from tests.support.muc import MAM, Muc, Refused, Stream
from tests.support.xmpp_connector import ROOM, Settings


def made() -> tuple[XmppConnector, Stream, Muc]:
    clock = VirtualClock()
    stream = Stream(clock)
    muc = Muc(stream)
    return XmppConnector(Settings(), instance="test", version="1", clock=clock, stream=stream), stream, muc


async def test_a_good_room() -> None:
    connector, _, muc = made()
    muc.affiliations["bridge.localhost"] = "admin"
    muc.features |= {MAM, "http://jabber.org/protocol/muc#self-ping-optimization"}
    server, room = await connector.check([RoomId(ROOM)])
    assert (server.subject, server.ok) == ("xmpp", True)
    assert (room.subject, room.ok, room.detail, room.hint) == (
        f"xmpp:{ROOM}",
        True,
        "joined as linkspan, moderator",
        "",
    )
    assert muc.seats == {}


async def test_a_room_that_lacks_something() -> None:
    connector, _, muc = made()
    muc.features.clear()
    _, room = await connector.check([RoomId(ROOM)])
    assert room.ok
    for words in ("no moderator", "no archive", "no stanza-ids", "no occupant-ids"):
        assert words in room.detail
    assert "moderator" in room.hint


async def test_a_room_that_our_join_makes_is_asked_once_it_is_there() -> None:
    connector, _, muc = made()
    muc.affiliations["bridge.localhost"] = "owner"
    muc.features |= {MAM, "http://jabber.org/protocol/muc#self-ping-optimization"}
    muc.locked = True
    asked = muc.asked

    def not_before(element: Element) -> str:
        if not muc.seats:
            raise Refused("item-not-found")
        return asked(element)

    muc.asked = not_before
    _, room = await connector.check([RoomId(ROOM)])
    assert (room.ok, room.detail) == (True, "joined as linkspan, moderator")


@pytest.mark.parametrize(
    ("prepare", "detail", "hint"),
    [
        (lambda muc: setattr(muc, "members_only", True), "members only", "member"),
        (lambda muc: setattr(muc, "password", "x"), "password", "password"),
        (lambda muc: muc.affiliations.update({"bridge.localhost": "outcast"}), "banned", "ban"),
        (lambda muc: setattr(muc, "most", 0), "full", "address"),
    ],
)
async def test_a_room_that_does_not_let_us_in(prepare, detail, hint) -> None:
    connector, _, muc = made()
    prepare(muc)
    _, room = await connector.check([RoomId(ROOM)])
    assert not room.ok
    assert detail in room.detail
    assert hint in room.hint


async def test_what_is_no_room() -> None:
    connector, _, _ = made()
    _, room = await connector.check([RoomId("conference.localhost")])
    assert (room.ok, room.detail) == (False, "this is not the address of a room")


async def test_a_server_that_refuses() -> None:
    connector, stream, _ = made()

    async def refused(session):
        session.stream_down("the secret is wrong")
        await asyncio.get_running_loop().create_future()

    stream.run = refused
    (server,) = await connector.check([RoomId(ROOM)])
    assert (server.ok, server.detail) == (False, "the secret is wrong")
    assert server.hint
