"""Pictures of hosted rooms: set by their operators, or the remote room's own (XEP-0486)."""

import asyncio
import base64
import hashlib
import io
import re

import pytest
from PIL import Image

from bridge.core.events import Rank, RoomChanged
from bridge.core.ids import RoomId
from tests.support.clock import quiet
from tests.support.hosted import DESK, IRC, ROMEO, ROOM, HostedBridge

INFO = "<query xmlns='http://jabber.org/protocol/disco#info'/>"
VCARD = "<vCard xmlns='vcard-temp'>{}</vCard>"
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'/>"


def png(side: int, *, noise: bool = False) -> bytes:
    out = io.BytesIO()
    image = Image.effect_noise((side, side), 90) if noise else Image.new("RGB", (side, side), "teal")
    image.save(out, "PNG")
    return out.getvalue()


def photo(data: bytes, kind: str = "image/png") -> str:
    return VCARD.format(f"<PHOTO><TYPE>{kind}</TYPE><BINVAL>{base64.b64encode(data).decode()}</BINVAL></PHOTO>")


async def hash_of(bridge: HostedBridge) -> str:
    found = re.search(r"muc#roominfo_avatarhash'><value>(\w+)<", await bridge.ask(ROMEO, ROOM, INFO))
    return found[1] if found is not None else ""


def sha1(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


async def test_an_operator_sets_a_picture_and_everybody_finds_it_over_restarts() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK, ROMEO)
        assert await bridge.ask(DESK, ROOM, photo(SVG), kind="set") == "! forbidden"
        assert await bridge.ask("nurse@home.example/x", ROOM, photo(SVG), kind="set") == "! forbidden"
        bridge.arrives(DESK, "juliet", Rank.ADMIN)
        bridge.stream.sent.clear()
        assert await bridge.ask(DESK, ROOM, photo(SVG, "image/svg+xml"), kind="set") == ""
        assert await hash_of(bridge) == sha1(SVG)
        assert bridge.diary(ROMEO) == [" <x>"]  # 104
        assert base64.b64encode(SVG).decode() in await bridge.ask(ROMEO, ROOM, VCARD.format(""))
        kept = dict(bridge.hub.memory)
    async with HostedBridge() as bridge:
        bridge.hub.memory = kept
        await bridge.connector.hosting.restore()
        assert await hash_of(bridge) == sha1(SVG)
        bridge.inside(DESK)
        bridge.arrives(DESK, "juliet", Rank.OWNER)
        assert await bridge.ask(DESK, ROOM, VCARD.format(""), kind="set") == ""
        assert await hash_of(bridge) == ""
        assert "PHOTO" not in await bridge.ask(ROMEO, ROOM, VCARD.format(""))


async def test_a_large_picture_is_made_small() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        bridge.arrives(DESK, "juliet", Rank.ADMIN)
        large = png(500, noise=True)
        assert len(large) > 100_000
        assert await bridge.ask(DESK, ROOM, photo(large), kind="set") == ""
        assert await hash_of(bridge) not in ("", sha1(large))


@pytest.mark.parametrize(
    ("payload", "condition"),
    [
        (photo(SVG, "text/html"), "not-acceptable"),
        (photo(b""), "not-acceptable"),
        (photo(b"x" * 200_000), "not-acceptable"),
        (VCARD.format("<PHOTO><TYPE>image/png</TYPE><BINVAL>***</BINVAL></PHOTO>"), "bad-request"),
    ],
)
async def test_what_is_no_picture_is_refused(payload: str, condition: str) -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        bridge.arrives(DESK, "juliet", Rank.ADMIN)
        assert await bridge.ask(DESK, ROOM, payload, kind="set") == f"! {condition}"
        assert await hash_of(bridge) == ""


async def test_where_the_network_has_a_picture_of_the_room_it_is_that() -> None:
    async with HostedBridge() as bridge:
        bridge.connector.know_networks({IRC: "irc"})
        bridge.inside(DESK)
        bridge.hub.files["group-photo"] = png(64)
        bridge.gate.painted = "group-photo"
        bridge.connector.follow(RoomId(ROOM), RoomChanged(origin=bridge.origin()))
        assert bridge.diary(DESK) == [" <x>"]
        assert await hash_of(bridge) == ""  # it is being fetched
        await quiet()
        while others := [task for task in asyncio.all_tasks() if "Avatars" in task.get_coro().__qualname__]:  # type: ignore[union-attr]
            await asyncio.wait(others, timeout=20)
            await quiet()
        assert bridge.diary(DESK) == [" <x>"]
        assert await hash_of(bridge) != ""
        assert "<PHOTO>" in await bridge.ask(ROMEO, ROOM, VCARD.format(""))
