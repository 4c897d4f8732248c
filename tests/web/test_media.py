"""``/media/…`` on a real socket: types, ranges, and how little a file can do where it is shown."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import pytest

from bridge.connector import OpenFile, Unreadable
from bridge.core.content import Attachment
from bridge.core.ids import MessageId, MessageRef, Network
from bridge.engine.media import Media
from bridge.engine.ports import Shared
from bridge.storage.memory import MemoryStore
from bridge.web import media as site
from bridge.web.media import MediaSite, Piece, disposition, wanted
from tests.support.build import posted, room
from tests.support.clock import VirtualClock
from tests.support.files import opened
from tests.web.test_public import Wire

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 40
TOKEN = "t" * 24
FILES = {
    "png": (PNG, "ship.png", True),
    "html": (b"<!DOCTYPE html><script>alert(1)</script>", "a.html", True),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "a.svg", True),
    "lying": (b"<!DOCTYPE html><script>", "a.png", True),
    "endless": (PNG, "b.png", False),
}


class Files:
    def open_file(self, handle: str) -> AbstractAsyncContextManager[OpenFile]:
        if handle not in FILES:
            raise Unreadable("it is gone")
        data, name, sized = FILES[handle]
        return opened(data, most=1 << 30, name=name, tell_size=sized)


class Shelf(Wire):
    """A public listener with files behind it."""

    def __init__(self) -> None:
        super().__init__()
        clock = VirtualClock()
        self.store = MemoryStore(now=clock.now)
        files = Files()
        self.site.media = MediaSite(Media(store=self.store, clock=clock, opener=lambda _: files))
        self._later = clock.now() + 1000

    async def put(self, handle: str) -> str:
        """Share a file; return its path."""
        ref = MessageRef(room("left:#a"), MessageId("m1"))
        await self.store.journal(posted("words – ünd mehr", id="m1"), ())
        file = None
        if handle != "page":
            name = FILES.get(handle, (b"", "x", True))[1]
            file = Attachment(url="", handle=handle, network=Network("files"), name=name)
        await self.store.share(TOKEN, Shared(message=ref, expires=self._later, file=file))
        return f"/media/{TOKEN}/anything"

    async def get(self, path: str, *lines: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        return await self.ask("\n".join([f"{method} {path} HTTP/1.1", *lines]))


@pytest.fixture
async def shelf() -> AsyncIterator[Shelf]:
    shelf = Shelf()
    await shelf.open()
    yield shelf
    await shelf.close()


@pytest.mark.parametrize(
    ("handle", "kind", "how"),
    [
        ("png", "image/png", "inline; filename=\"ship.png\"; filename*=UTF-8''ship.png"),
        ("html", "text/html; charset=utf-8", "attachment; filename=\"a.html\"; filename*=UTF-8''a.html"),
        ("svg", "image/svg+xml", "attachment; filename=\"a.svg\"; filename*=UTF-8''a.svg"),
        ("lying", "text/html; charset=utf-8", "attachment; filename=\"a.png\"; filename*=UTF-8''a.png"),
    ],
)
async def test_a_file_has_the_type_of_its_bytes_and_can_do_nothing(shelf: Shelf, handle: str, kind: str, how: str):
    status, headers, body = await shelf.get(await shelf.put(handle))
    assert (status, body) == (200, FILES[handle][0])
    assert (headers["content-type"], headers["content-disposition"]) == (kind, how)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert headers["content-length"] == str(len(body))


@pytest.mark.parametrize(
    ("asked", "status", "range_", "body"),
    [
        ("bytes=0-7", 206, f"bytes 0-7/{len(PNG)}", PNG[:8]),
        ("bytes=5000-", 206, f"bytes 5000-{len(PNG) - 1}/{len(PNG)}", PNG[5000:]),
        ("bytes=-10", 206, f"bytes {len(PNG) - 10}-{len(PNG) - 1}/{len(PNG)}", PNG[-10:]),
        ("bytes=4090-4100", 206, f"bytes 4090-4100/{len(PNG)}", PNG[4090:4101]),
        ("bytes=0-1,5-6", 200, None, PNG),
        ("bytes=9-3", 200, None, PNG),
        ("lines=1-2", 200, None, PNG),
    ],
)
async def test_a_range_is_just_that(shelf: Shelf, asked: str, status: int, range_: str | None, body: bytes):
    got, headers, sent = await shelf.get(await shelf.put("png"), f"Range: {asked}")
    assert (got, headers.get("content-range"), sent) == (status, range_, body)


async def test_a_range_behind_the_end_is_refused(shelf: Shelf):
    status, headers, _ = await shelf.get(await shelf.put("png"), "Range: bytes=99999999-")
    assert (status, headers["content-range"]) == (416, f"bytes */{len(PNG)}")


async def test_a_file_of_unknown_size_comes_whole(shelf: Shelf):
    status, headers, body = await shelf.get(await shelf.put("endless"), "Range: bytes=0-7")
    assert (status, headers["transfer-encoding"]) == (200, "chunked")
    assert PNG[-100:] in body


async def test_a_page_is_plain_text(shelf: Shelf):
    status, headers, body = await shelf.get(await shelf.put("page"))
    assert (status, headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert body.decode() == "words – ünd mehr\n"


async def test_only_the_head_and_only_what_is_new(shelf: Shelf):
    path = await shelf.put("png")
    status, headers, body = await shelf.get(path, method="HEAD")
    assert (status, headers["content-length"], body) == (200, str(len(PNG)), b"")
    status, _, body = await shelf.get(path, f"If-None-Match: {headers['etag']}")
    assert (status, body) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        f"/media/{TOKEN}",
        f"/media/{TOKEN}/a/b",
        f"/media/{TOKEN[:-1]}/a",
        f"/media/{TOKEN[:-1]}x/a",
        f"/media/../media/{TOKEN}/a",
        f"/media/%74{TOKEN[1:]}/a",
        f"/media//{TOKEN}/a",
        "/media/",
        "/media/../../etc/passwd",
    ],
)
async def test_nothing_is_behind_any_other_path(shelf: Shelf, path: str):
    await shelf.put("png")
    assert (await shelf.get(path))[0] == 404


async def test_a_file_that_is_gone_says_so(shelf: Shelf):
    status, _, body = await shelf.get(await shelf.put("lost"))
    assert status == 404
    assert b"it is gone" in body


async def test_a_file_can_only_be_read(shelf: Shelf):
    status, headers, _ = await shelf.get(await shelf.put("png"), method="PUT")
    assert (status, headers["allow"]) == (405, "GET, HEAD")


async def test_only_so_many_are_read_at_one_time(shelf: Shelf, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(site, "MOST", 0)
    status, headers, _ = await shelf.get(await shelf.put("png"))
    assert (status, headers["retry-after"]) == (503, "5")


@pytest.mark.parametrize(
    ("headers", "size", "piece"),
    [
        ({}, 10, Piece(0, 10)),
        ({"Range": "bytes=0-"}, None, Piece(0, None)),
        ({"Range": "bytes=2-3", "If-Range": '"t"'}, 10, Piece(2, 2, partial=True)),
        ({"Range": "bytes=2-3", "If-Range": '"other"'}, 10, Piece(0, 10)),
        ({"Range": "bytes=-"}, 10, Piece(0, 10)),
        ({"Range": "bytes=-99"}, 10, Piece(0, 10, partial=True)),
        ({"Range": "bytes=-0"}, 10, None),
        ({"Range": "bytes=10-"}, 10, None),
    ],
)
def test_what_a_request_wants(headers: dict[str, str], size: int | None, piece: Piece | None):
    assert wanted(headers, size, tag='"t"') == piece


def test_a_name_cannot_leave_its_header():
    assert disposition("image/png", 'a"; x=\\é%.png') == (
        "inline; filename=\"a_; x=___.png\"; filename*=UTF-8''a%22%3B%20x%3D%5C%C3%A9%25.png"
    )
