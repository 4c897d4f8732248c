"""Putting files where the people of an XMPP server keep theirs: its upload service (XEP-0363).

A file that only its own network can open is read through the hub onto the disk, never into memory, so that its size, hash
and type are known; then it goes to the service, with a small picture where it is one. Whatever fails, the message goes on
with the URL of the bridge's own. Files that have a public address keep it. Called by ``speech`` before a file is said;
asking the server is begun anew with every stream.
"""

import asyncio
import hashlib
import io
import logging
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from typing import IO, Final, Protocol
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from msgspec.structs import replace

from bridge.connector import Unreadable
from bridge.core.content import Attachment
from bridge.core.ids import Person
from bridge.engine.media import file_name
from bridge.engine.recent import Recent
from bridge.xmpp.messages import pictures
from bridge.xmpp.messages.sharing import Placed, Thumbnail
from bridge.xmpp.ports import IqRefused
from bridge.xmpp.surroundings import Surroundings
from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire import stanzas

log = logging.getLogger(__name__)

PATIENCE: Final = 60.0
"""Seconds that a file may take to be where it is said: the room waits for it."""
LOOKING: Final = 10.0
"""Seconds that the search for a service may take."""
LOOK_AGAIN: Final = 600.0
"""Seconds until a service that was not there is looked for once more."""
LARGEST: Final = 1 << 40
"""The operator's bound is the hub's."""
TRIES: Final = 4
PAUSE: Final = 3.0
"""Seconds between two tries."""
AT_ONCE: Final = 4
"""Files on their way."""
REMEMBERED: Final = 500
STAYS: Final = 86_400.0
"""Seconds for which a file is taken to be still there: the same sticker is not uploaded each time."""
THUMBNAIL: Final = 256
"""Pixels of a thumbnail."""
_CHUNK: Final = 65_536
_HEADERS: Final = frozenset({"authorization", "cookie", "expires"})
"""What a slot may add to the request (XEP-0363 section 5)."""


class Puts(Protocol):
    """Puts bytes to a URL, and learns what may be read from."""

    async def put(
        self, url: str, headers: Mapping[str, str], *, chunks: AsyncIterator[bytes], size: int, kind: str
    ) -> None:
        """Put a file there. Raises: Unreadable."""

    def trust(self, beginning: str) -> None:
        """Let URLs that begin like this be read, wherever they lead."""


class Uploads:
    """The upload service of the server, as far as it is known."""

    def __init__(self, around: Surroundings, puts: Puts | None, *, service: str = "") -> None:
        self._around = around
        self._puts = puts
        self._wanted = service  # the configured one
        self._service = ""
        self._most = LARGEST
        self._placed: Recent[tuple[str, str], tuple[float, Placed]] = Recent(REMEMBERED)
        self._found = asyncio.Event()
        self._looked = 0.0
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._takes: Callable[[Person | None, int], str] = lambda _, __: ""

    def bound(self, takes: Callable[[Person | None, int], str]) -> None:
        """Ask before a file is put there: ``takes`` takes so many bytes for somebody, or says why that cannot be."""
        self._takes = takes

    # -- finding the service

    def look(self) -> None:
        """Look for the service, in the background: there is a new stream."""
        self._found.clear()
        self._looked = self._around.clock.monotonic()
        if self._puts is None or not self._around.spawn(self._look()):
            self._found.set()

    async def _look(self) -> None:
        self._service = ""
        try:
            async with asyncio.timeout(LOOKING):
                for candidate in await self._candidates():
                    if await self._serves(candidate):
                        self._service = candidate
                        await self._learn_address()
                        break
        except (IqRefused, TimeoutError) as error:
            log.info("xmpp.upload service=%s: %s", self._service or "-", str(error) or "no answer")
            self._service = ""
        finally:
            self._found.set()

    async def _candidates(self) -> list[str]:
        """Return the addresses of what might take files: the configured one, else whatever the server lists."""
        if self._wanted:
            return [self._wanted]
        server = self._around.component.domain.partition(".")[2]
        if not server:
            return []
        payload = stanzas.element("query", ns.DISCO_ITEMS)
        answer = await self._around.component.iq("get", to=server, payload=payload, timeout=LOOKING)
        listed = [item.get("jid", "") for item in answer.iter(f"{{{ns.DISCO_ITEMS}}}item")]
        others = [jid for jid in listed if jid and "@" not in jid and jid != self._around.component.domain]
        return [*sorted(others, key=lambda jid: "upload" not in jid and "share" not in jid), server]

    async def _serves(self, address: str) -> bool:
        payload = stanzas.element("query", ns.DISCO_INFO)
        try:
            answer = await self._around.component.iq("get", to=address, payload=payload, timeout=LOOKING / 2)
        except IqRefused:
            return False
        if not any(each.get("var") == ns.UPLOAD for each in answer.iter(f"{{{ns.DISCO_INFO}}}feature")):
            return False
        self._most = _max_file_size(answer)
        return True

    async def _learn_address(self) -> None:
        """Ask for a slot, to know where the service's files are read: that may be an address inside. Raises: IqRefused."""
        _, url, _ = await self._slot("hello.txt", 1, "text/plain")
        assert self._puts is not None
        parts = urlsplit(url)
        folders = parts.path.split("/")[1:-1]
        folder = f"/{folders[0]}/" if len(folders) > 1 else "/"
        self._puts.trust(f"{parts.scheme}://{parts.netloc}{folder}")
        log.info("xmpp.upload service=%s", self._service)

    # -- placing files

    def needed(self, file: Attachment) -> bool:
        """Tell whether a file has to be put somewhere before it is said."""
        return bool(file.handle) and self._puts is not None

    async def place(self, file: Attachment, by: Person | None = None) -> Placed:
        """Return a file where everybody can fetch it; with the URL that it has where that cannot be done.

        ``by``: whose file it is, None where that is nobody in particular.
        """
        key = (file.network, file.handle)
        if not self.needed(file):
            return Placed(file=file)
        if self._found.is_set() and not self._service and self._around.clock.monotonic() - self._looked > LOOK_AGAIN:
            self.look()
        since, known = self._placed.get(key) or (0.0, None)
        if known is not None and self._around.clock.monotonic() - since < STAYS:
            return replace(known, file=replace(known.file, description=file.description))
        try:
            async with asyncio.timeout(PATIENCE), self._gate:
                await self._found.wait()
                if not self._service:
                    return Placed(file=file)
                placed = await self._patiently(file, by)
        except (Unreadable, IqRefused, TimeoutError, OSError) as error:
            log.warning("xmpp.upload.failed network=%s: %s", file.network, str(error) or "it took too long")
            return Placed(file=file)
        except Exception:  # the boundary between networks: the file was read from another one
            log.exception("xmpp.upload.fault network=%s", file.network)
            return Placed(file=file)
        self._placed.put(key, (self._around.clock.monotonic(), placed))
        return placed

    async def _patiently(self, file: Attachment, by: Person | None) -> Placed:
        """Upload a file, in a few tries where its network has only just come up. Raises: as :meth:`_upload`."""
        for _ in range(TRIES - 1):
            try:
                return await self._upload(file, by)
            except Unreadable as unreadable:
                if not unreadable.for_now:
                    raise
            await self._around.clock.sleep(PAUSE)
        return await self._upload(file, by)

    async def _upload(self, file: Attachment, by: Person | None) -> Placed:
        hub = self._around.hub
        if hub is None:
            raise Unreadable("the bridge is stopping", for_now=True)
        with tempfile.TemporaryFile() as disk:
            async with hub.open_file(file, most=self._most) as opened:
                sha256, size = await _keep(opened.chunks, disk)
                kind = opened.media_type
            if why := self._takes(by, size):
                raise Unreadable(why)
            name = file_name(replace(file, media_type=kind))
            picture = await pictures.small(disk, most=THUMBNAIL) if kind.startswith("image/") else None
            url = await self._put(disk, name=name, size=size, kind=kind)
            thumbnail = None if picture is None else await self._thumbnail(picture)
        width, height = (file.width, file.height) if picture is None else picture.original
        known = replace(file, url=url, name=name, media_type=kind, size=size, width=width, height=height)
        return Placed(file=known, sha256=sha256, thumbnail=thumbnail)

    async def _thumbnail(self, picture: pictures.Picture) -> Thumbnail | None:
        """Put the small picture beside the large one; a message does without."""
        try:
            url = await self._put(
                io.BytesIO(picture.data), name="thumbnail.jpg", size=len(picture.data), kind=picture.media_type
            )
        except (Unreadable, IqRefused):
            return None
        return Thumbnail(url=url, media_type=picture.media_type, width=picture.width, height=picture.height)

    async def _put(self, disk: IO[bytes], *, name: str, size: int, kind: str) -> str:
        """Put a file to the service; return its address. Raises: Unreadable, IqRefused."""
        assert self._puts is not None
        put, get, headers = await self._slot(name, size, kind)
        await self._puts.put(put, headers, chunks=_chunks(disk), size=size, kind=kind)
        return get

    async def _slot(self, name: str, size: int, kind: str) -> tuple[str, str, dict[str, str]]:
        """Ask for a slot; return where to put, where to get, and what to say there. Raises: IqRefused."""
        attrs = {"filename": name, "size": str(size), "content-type": kind}
        payload = stanzas.element("request", ns.UPLOAD, attrs=attrs)
        answer = await self._around.component.iq("get", to=self._service, payload=payload)
        slot = answer.find(f"{{{ns.UPLOAD}}}slot")
        put = None if slot is None else slot.find(f"{{{ns.UPLOAD}}}put")
        get = None if slot is None else slot.find(f"{{{ns.UPLOAD}}}get")
        if put is None or get is None:
            raise IqRefused("undefined-condition", "the upload service gave no slot")
        headers = {
            each.get("name", ""): "".join((each.text or "").splitlines())
            for each in put.findall(f"{{{ns.UPLOAD}}}header")
            if each.get("name", "").lower() in _HEADERS
        }
        return put.get("url", ""), get.get("url", ""), headers


def _max_file_size(info: Element) -> int:
    """Return the most that a service takes (XEP-0363 section 4); a service that does not say takes anything."""
    for field in info.iter(f"{{{ns.DATA}}}field"):
        value = (field.findtext(f"{{{ns.DATA}}}value") or "").strip()
        if field.get("var") == "max-file-size" and value.isascii() and value.isdigit():
            return int(value)
    return LARGEST


async def _keep(chunks: AsyncIterator[bytes], disk: IO[bytes]) -> tuple[bytes, int]:
    """Write a file to the disk; return its SHA-256 and its size. Raises: Unreadable, OSError."""
    hashed, size = hashlib.sha256(), 0
    async for chunk in chunks:
        hashed.update(chunk)
        disk.write(chunk)
        size += len(chunk)
    disk.flush()
    if not size:
        raise Unreadable("it is empty")
    return hashed.digest(), size


async def _chunks(disk: IO[bytes]) -> AsyncIterator[bytes]:
    disk.seek(0)
    while chunk := disk.read(_CHUNK):
        yield chunk
