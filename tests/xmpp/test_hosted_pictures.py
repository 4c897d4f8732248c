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
from tests.support.hosted import DESK, IRC, ROMEO, ROOM, HostedBridge, remote

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


async def fetched() -> None:
    """Wait until all pictures are here that are on their way."""
    await quiet()
    while others := [task for task in asyncio.all_tasks() if "Avatars" in task.get_coro().__qualname__]:  # type: ignore[union-attr]
        await asyncio.wait(others, timeout=20)
        await quiet()


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
        await fetched()
        assert bridge.diary(DESK) == [" <x>"]
        assert await hash_of(bridge) != ""
        assert "<PHOTO>" in await bridge.ask(ROMEO, ROOM, VCARD.format(""))


URL = "https://pictures.example/{}.png"
CONTACT = "bob%irc@bridge.localhost"


def hashes(bridge: HostedBridge, sender: str) -> list[str | None]:
    """Return the hashes in the presences of an address, in order, and forget them."""
    sent, bridge.stream.sent = bridge.stream.sent, []
    here = [each for each in sent if each.tag.endswith("presence") and each.get("from") == sender]
    return [each.findtext("{vcard-temp:x:update}x/{vcard-temp:x:update}photo") for each in here]


async def test_people_of_a_room_are_shown_with_the_pictures_that_they_give_themselves() -> None:
    async with HostedBridge() as bridge:
        bridge.connector.know_networks({IRC: "irc"})
        bridge.inside(DESK)
        bridge.presence(DESK, CONTACT, kind="subscribe")
        bridge.hub.files |= {URL.format(number): png(40 + number) for number in (1, 2)}
        seen = []
        for number in (1, 1, 2):
            bridge.connector.join(RoomId(ROOM), remote("bob", rank=Rank.ADMIN, avatar=URL.format(number)))
            await fetched()
            sent = list(bridge.stream.sent)
            seen.append(hashes(bridge, f"{ROOM}/bob"))
            bridge.stream.sent = sent
            assert len(set(hashes(bridge, f"{CONTACT}/linkspan"))) <= 2
        (first,), again, (second,) = seen
        assert first
        assert again == []
        assert second not in (None, first)
        for address in (f"{ROOM}/bob", CONTACT):
            card = re.search(r"<BINVAL>(.*?)<", await bridge.ask(DESK, address, VCARD.format("")))
            assert card is not None
            assert sha1(base64.b64decode(card[1])) == second
        bridge.join(ROMEO, "romeo")
        bridge.arrives(ROMEO, "romeo")
        assert hashes(bridge, f"{ROOM}/bob") == [second]
        bridge.connector.join(RoomId(ROOM), remote("bob", rank=Rank.ADMIN))
        assert hashes(bridge, f"{ROOM}/bob") == [None, None]
        assert "<PHOTO>" not in await bridge.ask(DESK, f"{ROOM}/bob", VCARD.format(""))


async def test_a_picture_that_cannot_be_had_is_no_trouble() -> None:
    async with HostedBridge() as bridge:
        bridge.inside(DESK)
        bridge.hub.files |= {URL.format("text"): b"<html>", URL.format("good"): png(8)}
        for name in ("missing", "text", "good", "missing"):
            bridge.connector.join(RoomId(ROOM), remote("bob", rank=Rank.ADMIN, avatar=URL.format(name)))
            await fetched()
        (shown,) = hashes(bridge, f"{ROOM}/bob")
        assert shown
