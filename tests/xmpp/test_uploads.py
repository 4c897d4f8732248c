"""Files of other networks on their way to the upload service of an XMPP server, and what is said when that fails."""

import asyncio
import io
from xml.etree.ElementTree import Element

import pytest
from msgspec.structs import replace
from PIL import Image

from bridge.connector import Unreadable
from bridge.core.content import Attachment, Content
from bridge.xmpp.messages import uploads
from tests.support import build
from tests.support.uploading import UPLOAD, Service
from tests.support.xmpp_connector import ROOM, Bridge, as_ghost, outcome

OOB = "{jabber:x:oob}x/{jabber:x:oob}url"
FILE = "{urn:xmpp:sfs:0}file-sharing/{urn:xmpp:file:metadata:0}file/"
METADATA = FILE + "{urn:xmpp:file:metadata:0}"
BODY = "{jabber:component:accept}body"


def png(width: int = 600, height: int = 300) -> bytes:
    out = io.BytesIO()
    Image.new("RGBA", (width, height), "teal").save(out, "PNG")
    return out.getvalue()


PHOTO = Attachment(url="https://bridge/media/x", handle="h1", network="family", description="photo")


async def say(bridge: Bridge, *files: Attachment, text: str = "") -> list[Element]:
    await bridge.wish("bob")
    bridge.stream.take("message", to=ROOM)
    post = build.post("x", to=f"xmpp:{ROOM}", voice=as_ghost("bob"))
    done = bridge.connector.send(replace(post, content=Content(text=text, attachments=files)))
    behind = bridge.connector.send(build.post("and then", to=f"xmpp:{ROOM}", voice=as_ghost("bob")))
    await asyncio.wait([done, behind], timeout=20)  # pictures are made small in a thread
    assert await outcome(done) is not None
    return bridge.stream.take("message", to=ROOM)


def bridge_with(service: Service, **files: bytes) -> Bridge:
    bridge = Bridge(puts=service)
    bridge.stream.services = {"localhost": service.server, UPLOAD: service.service}
    bridge.hub.files.update(files)
    return bridge


async def test_a_picture_is_uploaded_with_all_that_is_known_of_it():
    service, data = Service(), png()
    async with bridge_with(service, h1=data) as bridge:
        words, picture, behind = await say(bridge, PHOTO, text="look")
    url = "http://127.0.0.1:5280/files/2/image.png"
    assert [m.findtext(BODY) for m in (words, picture, behind)] == ["look", url, "and then"]
    assert picture.findtext(OOB) == url
    about = [picture.findtext(METADATA + name) for name in ("media-type", "name", "size", "width", "height", "desc")]
    assert about == ["image/png", "image.png", str(len(data)), "600", "300", "photo"]
    small = picture.find(FILE + "{urn:xmpp:thumbs:1}thumbnail")
    assert small is not None
    assert (small.get("uri"), small.get("width"), small.get("height")) == (
        "http://127.0.0.1:5280/files/3/thumbnail.jpg",
        "256",
        "128",
    )
    assert service.stored[f"{url}?put"] == (data, "image/png", {"Authorization": "Bearer x"})
    assert service.stored["http://127.0.0.1:5280/files/3/thumbnail.jpg?put"][0][:2] == b"\xff\xd8"
    assert service.trusted == ["http://127.0.0.1:5280/files/"]


async def test_the_same_file_is_uploaded_once():
    service = Service()
    async with bridge_with(service, h1=b"%PDF-1.4\n%") as bridge:
        first = await say(bridge, PHOTO)
        second = await say(bridge, PHOTO)
    assert first[0].findtext(OOB) == second[0].findtext(OOB)
    assert len(service.stored) == 1


@pytest.mark.parametrize(
    "service",
    [Service(refuses="not-allowed"), Service(most=10), Service()],
    ids=["the service refuses", "it is too large", "it cannot be put"],
)
async def test_what_cannot_be_uploaded_is_said_by_the_url_of_the_bridge(service: Service):
    service.broken = True
    async with bridge_with(service, h1=png()) as bridge:
        said, _ = await say(bridge, PHOTO)
    assert said.findtext(BODY) == said.findtext(OOB) == "https://bridge/media/x"


async def test_without_a_service_and_for_what_everybody_can_fetch_nothing_is_uploaded():
    service = Service()
    async with bridge_with(service, h1=png()) as bridge:
        public = Attachment(url="https://f.example/a.png", name="a.png")
        said, _ = await say(bridge, public)
        assert said.findtext(BODY) == "https://f.example/a.png"
    assert service.stored == {}
    bridge = bridge_with(service, h1=png())
    bridge.stream.services.clear()
    async with bridge:
        said, _ = await say(bridge, PHOTO)
        assert said.findtext(BODY) == "https://bridge/media/x"


async def test_a_file_that_is_gone_is_said_by_its_url():
    async with bridge_with(Service()) as bridge:
        said, _ = await say(bridge, PHOTO)
        assert said.findtext(BODY) == "https://bridge/media/x"


async def test_a_service_that_comes_later_is_found():
    service = Service()
    bridge = bridge_with(service, h1=png())
    services, bridge.stream.services = bridge.stream.services, {}
    async with bridge:
        said, _ = await say(bridge, PHOTO)
        assert said.findtext(BODY) == "https://bridge/media/x"
        bridge.stream.services = services
        await bridge.clock.advance(uploads.LOOK_AGAIN + 1)
        said, _ = await say(bridge, PHOTO)
        assert said.findtext(BODY) == "http://127.0.0.1:5280/files/2/image.png"


async def test_a_network_that_has_just_come_up_is_asked_again():
    service = Service()
    async with bridge_with(service, h1=b"%PDF-1.4\n%") as bridge:
        ready, open_file = iter([False, False, True]), bridge.hub.open_file

        def opening(file: Attachment, *, most: int):
            if not next(ready, True):
                raise Unreadable("its network is not connected", for_now=True)
            return open_file(file, most=most)

        bridge.hub.open_file = opening  # type: ignore[method-assign]
        placing = asyncio.ensure_future(bridge.connector._around.uploads.place(PHOTO))
        for _ in range(3):
            await bridge.clock.advance(uploads.PAUSE + 1)
        assert (await placing).file.url.startswith("http://127.0.0.1:5280/files/")


async def test_an_album_goes_together_and_in_order():
    service = Service()
    async with bridge_with(service, h1=b"%PDF-1.4\n%1", h2=b"%PDF-1.4\n%2", h3=b"%PDF-1.4\n%3") as bridge:
        files = [replace(PHOTO, handle=f"h{number}", name=f"{number}.pdf") for number in (1, 2, 3)]
        *said, _ = await say(bridge, *files)
    assert [(each.findtext(OOB) or "").rpartition("/")[2] for each in said] == ["1.pdf", "2.pdf", "3.pdf"]


async def test_files_beyond_what_may_be_put_there_are_said_by_their_url():
    service = Service()
    async with bridge_with(service, h1=b"%PDF-1.4\n%1") as bridge:
        asked = []

        class Full:
            def take(self, who, size):
                asked.append((str(who and who.id), size))
                return "more files of one person than are put to the upload service: 1 MB in 60 s"

        bridge.connector.bound_uploads(Full())
        said, _ = await say(bridge, PHOTO)
    assert said.findtext(BODY) == "https://bridge/media/x"
    assert asked == [("bob", 11)]


async def test_a_fault_of_another_network_is_not_ours():
    async with bridge_with(Service()) as bridge:
        bridge.hub.files = None  # type: ignore[assignment]  # reading fails in a way that the contract does not know
        said, _ = await say(bridge, PHOTO)
        assert said.findtext(BODY) == "https://bridge/media/x"
