"""Pictures of ghosts: shown when they are there, asked for in three ways, and no trouble to anybody when they are not."""

import asyncio
import base64
import hashlib
import io
import struct
import zlib
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from bridge.core.ids import RoomId
from bridge.xmpp import disco
from bridge.xmpp.ports import IqRefused, Request
from tests.support.clock import quiet
from tests.support.xmpp_connector import ROOM, Bridge, remote

PHOTO = "{vcard-temp:x:update}x/{vcard-temp:x:update}photo"
LOCALPART = "bob%family"


def picture(width: int = 300, height: int = 200, kind: str = "JPEG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(out, kind)
    return out.getvalue()


def enormous(size: int) -> bytes:
    """Return some bytes that would be a white square of so many pixels each way when unpacked."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", size, size, 1, 0, 0, 0, 0)
    row = b"\0" + b"\xff" * ((size + 7) // 8)
    deflate = zlib.compressobj(9)
    packed = b"".join(deflate.compress(row) for _ in range(size)) + deflate.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def hashes(bridge: Bridge) -> list[str | None]:
    """Return the hashes in Bob's presences, in order."""
    return [presence.findtext(PHOTO) for presence in bridge.stream.take("presence", to=f"{ROOM}/bob")]


async def shown(bridge: Bridge, avatar: str) -> None:
    """Show Bob, and wait until all that was set off by it is done."""
    bridge.connector.join(RoomId(ROOM), remote("bob", "family", avatar=avatar))
    await quiet()
    while others := [task for task in asyncio.all_tasks() if "Avatars" in task.get_coro().__qualname__]:
        await asyncio.wait(others, timeout=20)
        await quiet()


def ask(bridge: Bridge, payload: str) -> Request:
    described = bridge.connector.directory.describe(LOCALPART)
    assert described is not None
    return Request(kind="get", sender="a@b", to="x", id="1", payload=ET.fromstring(payload), described=described)


def items(node: str, item: str = "") -> str:
    inner = f"<item id='{item}'/>" if item else ""
    return f"<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='{node}'>{inner}</items></pubsub>"


async def test_a_picture_is_shown_when_it_is_there_and_handed_out_in_every_way():
    async with Bridge() as bridge:
        bridge.hub.files["photo1"] = picture()
        await shown(bridge, "photo1")
        first, then = hashes(bridge)
        assert first is None
        card = ET.fromstring(disco.vcard(ask(bridge, "<vCard xmlns='vcard-temp'/>")))
        data = base64.b64decode(card.findtext("{vcard-temp}PHOTO/{vcard-temp}BINVAL") or "")
        assert card.findtext("{vcard-temp}PHOTO/{vcard-temp}TYPE") == "image/png"
        assert hashlib.sha1(data).hexdigest() == then
        assert Image.open(io.BytesIO(data)).size == (128, 128)
        about = ET.fromstring(disco.avatar(ask(bridge, items("urn:xmpp:avatar:metadata"))))
        info = about.find(".//{urn:xmpp:avatar:metadata}info")
        assert info is not None
        assert info.attrib == {
            "bytes": str(len(data)), "id": then, "type": "image/png", "width": "128", "height": "128",
        }  # fmt: skip
        bytes_ = ET.fromstring(disco.avatar(ask(bridge, items("urn:xmpp:avatar:data", then or ""))))
        assert bytes_.findtext(".//{urn:xmpp:avatar:data}data") == base64.b64encode(data).decode()


async def test_another_picture_is_another_hash_and_the_same_is_fetched_once():
    async with Bridge() as bridge:
        bridge.hub.files |= {"photo1": picture(), "photo2": picture(kind="PNG", width=40)}
        await shown(bridge, "photo1")
        await shown(bridge, "photo2")
        assert len({each for each in hashes(bridge) if each}) == 2
        bridge.hub.files.clear()
        await shown(bridge, "photo1")
        assert hashes(bridge)[-1] is not None
        await shown(bridge, "")
        assert hashes(bridge) == [None]


@pytest.mark.parametrize(
    "data",
    [
        None,
        b"",
        b"no picture at all",
        b"\x89PNG\r\n\x1a\n broken",
        picture()[:500],
        enormous(7_000),  # scenario 32: 14 kB of which 49 million pixels come
        enormous(16_000),
    ],
    ids=["nothing", "empty", "words", "broken", "cut", "large", "enormous"],
)
async def test_what_is_no_picture_is_no_trouble(data: bytes | None):
    async with Bridge() as bridge:
        if data is not None:
            bridge.hub.files["photo1"] = data
        await shown(bridge, "photo1")
        assert hashes(bridge) == [None]
        assert "PHOTO" not in disco.vcard(ask(bridge, "<vCard xmlns='vcard-temp'/>"))
        with pytest.raises(IqRefused, match="item-not-found"):
            disco.avatar(ask(bridge, items("urn:xmpp:avatar:metadata")))


async def test_only_the_nodes_and_items_of_a_picture_are_there():
    async with Bridge() as bridge:
        bridge.hub.files["photo1"] = picture()
        await shown(bridge, "photo1")
        for payload in (items("urn:xmpp:other"), items("urn:xmpp:avatar:data", "other"), items("")):
            with pytest.raises(IqRefused, match="item-not-found"):
                disco.avatar(ask(bridge, payload))
