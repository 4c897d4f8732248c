"""Files of one network, as others are given them: a URL of the bridge's own, bytes in bounded chunks, and an end."""

from contextlib import AbstractAsyncContextManager

import msgspec
import pytest

from bridge.connector import OpenFile, Unreadable
from bridge.core.content import Attachment, Content
from bridge.core.deliveries import Post
from bridge.core.events import MessagePosted
from bridge.core.ids import MessageRef, Network
from bridge.engine.media import file_name
from tests.support.build import edited, posted, retracted, room
from tests.support.clock import quiet
from tests.support.connectors import HandConnector
from tests.support.files import opened
from tests.support.hubs import Works, works

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + b"x" * 9_000
PHOTO = Attachment(url="", handle="h1", name="ship.png", media_type="image/jpeg")
BASE = "https://bridge.example"


class FileConnector(HandConnector):
    """A network that has files."""

    def open_file(self, handle: str) -> AbstractAsyncContextManager[OpenFile]:
        return opened(PNG if handle == "h1" else None, most=1 << 30)


async def with_files(w: Works) -> None:
    w.add("files", FileConnector())
    w.link("files:#c", "left:#d", name="pictures")
    w.hub.media.publish(BASE, b"key")
    await quiet()


async def post(w: Works, *files: Attachment, text: str = "look", id: str = "m1") -> list[Attachment]:  # noqa: A002
    w.networks["files"].emit(with_attachments(posted(text, where="files:#c", id=id), *files))
    await quiet()
    (copy,) = [each for each in w.networks["left"].sent if isinstance(each, Post)][-1:]
    return list(copy.content.attachments)


def with_attachments(event: MessagePosted, *files: Attachment) -> MessagePosted:
    return msgspec.structs.replace(event, content=msgspec.structs.replace(event.content, attachments=files))


class Fetched:
    """A web with one picture, on the operator's own server."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def open(self, url: str) -> AbstractAsyncContextManager[OpenFile]:
        self.asked.append(url)
        return opened(PNG if url.endswith("ship.png") else None, most=1 << 30)

    def trusted(self, url: str) -> bool:
        return url.startswith("https://up.example/")


async def test_a_file_on_the_operators_own_server_is_looked_at_before_it_is_passed_on():
    """Scenario: a client that gives just the address; people on IRC want to know how large it is."""
    fetched = Fetched()
    async with works(fetch=fetched) as w:
        ship = Attachment(url="https://up.example/ship.png", name="ship.png")
        gone, elsewhere = Attachment(url="https://up.example/gone"), Attachment(url="https://x.example/ship.png")
        w.networks["left"].emit(with_attachments(posted("one"), ship, gone, elsewhere))
        w.networks["left"].emit(posted("two"))
        await quiet()
        assert w.networks["right"].texts() == ["one", "two"]
        (first, _) = w.networks["right"].sent
        assert isinstance(first, Post)
        known = msgspec.structs.replace(ship, size=len(PNG), media_type="image/png")
        assert first.content.attachments == (known, gone, elsewhere)
        assert fetched.asked == ["https://up.example/ship.png", "https://up.example/gone"]
        w.networks["left"].emit(with_attachments(posted("again", replayed=True), ship))
        w.networks["left"].emit(with_attachments(posted("known"), known))
        await quiet()
        assert len(fetched.asked) == 2


async def token_of(file: Attachment) -> str:
    beginning, media, token, _ = file.url.rsplit("/", 3)
    assert (beginning, media) == (BASE, "media")
    return token


async def test_a_file_that_only_its_network_can_open_gets_a_url():
    async with works() as w:
        await with_files(w)
        (file,) = await post(w, PHOTO)
        assert file.url.endswith("/ship.png")
        assert file == msgspec.structs.replace(PHOTO, url=file.url, network="files")
        found = await w.hub.media.find(await token_of(file))
        assert found is not None
        assert found[0].file is not None
        assert found[0].file.handle == "h1"


async def test_a_url_is_good_for_its_time_and_as_long_as_its_message():
    async with works() as w:
        await with_files(w)
        w.hub.media.bound(largest=lambda _: 1 << 30, keep=3600.0)
        (first,) = await post(w, PHOTO)
        (second,) = await post(w, PHOTO, id="m2")
        assert first.url != second.url
        w.networks["files"].emit(edited("m2", "other words", where="files:#c"))
        w.networks["files"].emit(retracted("m1", where="files:#c"))
        await quiet()
        assert await w.hub.media.find(await token_of(first)) is None
        assert await w.hub.media.find(await token_of(second)) is not None
        await w.clock.advance(3_601)
        assert await w.hub.media.find(await token_of(second)) is None
        assert await w.hub.media.find("x" * 24) is None


async def test_without_a_public_listener_a_file_is_named_in_words():
    async with works() as w:
        await with_files(w)
        w.hub.media.publish("", b"")
        w.networks["files"].emit(with_attachments(posted("look", where="files:#c"), PHOTO))
        await quiet()
        assert w.networks["left"].texts()[-1] == "[ship.png] look"


async def test_what_is_too_large_to_be_passed_on_is_named_in_words():
    async with works() as w:
        await with_files(w)
        w.hub.media.bound(largest=lambda _: 1_000, keep=60.0)
        large = msgspec.structs.replace(PHOTO, size=45_000_000, description="video")
        w.networks["files"].emit(with_attachments(posted("look", where="files:#c"), large))
        await quiet()
        assert w.networks["left"].texts()[-1] == "[ship.png, video, 45 MB] look"


async def test_a_page_is_the_message_as_it_reads_now():
    async with works() as w:
        await with_files(w)
        w.networks["left"].emit(posted("long", where="left:#d", id="m1"))
        await quiet()
        url = w.hub.media.page(MessageRef(room("left:#d"), "m1"), w.clock.now())
        await quiet()
        token = url.split("/")[-2]
        found = await w.hub.media.find(token)
        assert found is not None
        assert found[1] == Content(text="long")
        w.networks["left"].emit(retracted("m1", where="left:#d"))
        await quiet()
        assert await w.hub.media.find(token) is None


async def test_any_connector_reads_a_file_of_another_in_chunks():
    async with works() as w:
        await with_files(w)
        (file,) = await post(w, PHOTO)
        async with w.hub.port(Network("left")).open_file(file, most=1 << 20) as open_file:
            assert (open_file.media_type, open_file.name, open_file.size) == ("image/png", "ship.png", len(PNG))
            chunks = [chunk async for chunk in open_file.chunks]
        assert b"".join(chunks) == PNG
        assert max(map(len, chunks)) < len(PNG)


@pytest.mark.parametrize(
    ("file", "most", "reason"),
    [
        (Attachment(url="", handle="h1", network="files"), 8_000, "it has 9.0 kB, and 8.0 kB is the most"),
        (Attachment(url="", handle="h1", network="files", size=9_999), 9_500, "it has 10 kB, and 9.5 kB is the most"),
        (Attachment(url="", handle="h2", network="files"), 1 << 20, "it is gone"),
        (Attachment(url="", handle="h1", network="left"), 1 << 20, "its network is not connected"),
        (Attachment(url="https://x.example/a"), 1 << 20, "this is no address that files are fetched from"),
        (Attachment(url="file:///etc/passwd"), 1 << 20, "this is no address that files are fetched from"),
    ],
)
async def test_what_cannot_be_had_is_said(file: Attachment, most: int, reason: str):
    async with works() as w:
        await with_files(w)
        with pytest.raises(Unreadable) as raised:
            async with w.hub.port(Network("left")).open_file(file, most=most):
                pass
        assert raised.value.reason == reason


async def test_the_operator_bounds_files_for_each_network():
    async with works() as w:
        await with_files(w)
        w.hub.media.bound(largest=lambda network: 100 if network == "left" else 1 << 30, keep=60.0)
        file = Attachment(url="", handle="h1", network="files")
        with pytest.raises(Unreadable, match="100 B is the most"):
            async with w.hub.port(Network("left")).open_file(file, most=1 << 30):
                pass
        async with w.hub.port(Network("right")).open_file(file, most=1 << 30) as open_file:
            assert open_file.size == len(PNG)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        (Attachment(url="", name="a b.png"), "a b.png"),
        (Attachment(url="", name="../../etc/passwd"), "_.._etc_passwd"),
        (Attachment(url="", name='x"\r\n<y>.html'), "x____y_.html"),
        (Attachment(url="", name="..", media_type="image/jpeg"), "image.jpg"),
        (Attachment(url="", media_type="audio/mpeg"), "audio.mp3"),
        (Attachment(url="", media_type="../etc"), "...etc"),
        (Attachment(url=""), "file.bin"),
    ],
)
def test_the_name_of_a_file_is_good_anywhere(file: Attachment, name: str):
    assert file_name(file) == name
