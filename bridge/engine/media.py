"""Files: how those of one network are read by the others, and which of them the bridge gives a URL of its own.

A file that only its connector can open (a handle) gets a URL under ``/media/`` as soon as it is heard of, before anything
is stored, so that every delivery carries it. The URL is signed by being what it is: its token is a MAC of what it stands
for and of when that ends. What it stands for is kept in the store (:class:`bridge.engine.ports.Shared`), and goes with
the message that it belongs to. A very long text can have such a URL too: the page is the message as it reads now.

Not here: HTTP. ``bridge.web`` answers the requests and fetches what is elsewhere; it comes in as a :class:`Fetch`.
"""

import asyncio
import base64
import hashlib
import hmac
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Final, Protocol
from urllib.parse import quote

import msgspec

from bridge.connector import OpenFile, Opens, Unreadable
from bridge.core.content import Attachment, Content
from bridge.core.degrade import human_size
from bridge.core.events import DirectPosted, MessageEdited, MessagePosted, Said
from bridge.core.ids import MessageRef, Network
from bridge.engine.filetypes import ENOUGH, judged
from bridge.engine.ports import Clock, Shared, Store

log = logging.getLogger(__name__)

LARGEST: Final = 100_000_000
"""Bytes of a file, unless the operator says otherwise."""
KEEP: Final = 7 * 86_400.0
"""Seconds that a URL is good for, unless the operator says otherwise."""
A_MOMENT: Final = 3.0
"""Seconds for which a message waits until it is known how large its file is."""
STALLED: Final = 30.0
"""Seconds without a byte after which a file is given up."""

Worded = MessagePosted | MessageEdited | DirectPosted


class Fetch(Protocol):
    """Opens what is elsewhere, and only where that is safe."""

    def open(self, url: str) -> AbstractAsyncContextManager[OpenFile]:
        """Open what stands behind an http(s) URL. Raises: Unreadable."""

    def trusted(self, url: str) -> bool:
        """Tell whether this is a file of the operator's own server."""


class Media:
    """The files of all networks."""

    def __init__(
        self, *, store: Store, clock: Clock, opener: Callable[[Network], Opens | None], fetch: Fetch | None = None
    ) -> None:
        self._store = store
        self._clock = clock
        self._opener = opener
        self._fetch = fetch
        self._base = ""  # where others find us; "": nowhere
        self._key = b""
        self._keep = KEEP
        self._largest: Callable[[Network | None], int] = _largest

    def bound(self, *, largest: Callable[[Network | None], int], keep: float) -> None:
        """Set how large (bytes) a file may be for a network, or (None) for who asks over HTTP; and for how long (seconds) a URL is good."""
        self._largest, self._keep = largest, keep

    def publish(self, base: str, key: bytes) -> None:
        """Give URLs from now on: ``base`` is the public listener as others reach it, without a slash at its end; "": none."""
        self._base, self._key = base, key

    @property
    def published(self) -> bool:
        """Whether others can reach the bridge's own URLs."""
        return bool(self._base)

    # -- giving URLs

    def addressed(self, event: Worded) -> Worded:
        """Return the event with a URL for each of its files that only their network can open."""
        network = event.origin.room.network
        files = tuple(
            self._addressed(file, event, network) if file.handle and not file.url else file
            for file in event.content.attachments
        )
        return msgspec.structs.replace(event, content=msgspec.structs.replace(event.content, attachments=files))

    def _addressed(self, file: Attachment, event: Worded, network: Network) -> Attachment:
        owned = msgspec.structs.replace(file, network=network)
        too_large = (file.size or 0) > self._largest(None)
        if too_large or not self._base or not isinstance(self._opener(network), Opens):
            return owned  # core names it in words
        message = event.target if isinstance(event, MessageEdited) else event.id
        return msgspec.structs.replace(
            owned, url=self._share(MessageRef(event.origin.room, message), event.origin.at, owned)
        )

    def page(self, message: MessageRef, at: int) -> str:
        """Return the URL of a page with the text of a message, "" where there is none to be had."""
        return self._share(message, at, None) if self._base else ""

    def _share(self, message: MessageRef, at: int, file: Attachment | None) -> str:
        expires = max(at, self._clock.now()) if file is None else at
        shared = Shared(message=message, expires=expires + int(self._keep * 1000), file=file)
        mac = hmac.new(self._key, msgspec.json.encode(shared), hashlib.sha256).digest()
        token = base64.urlsafe_b64encode(mac[:18]).decode()
        self._store.share(token, shared)
        name = "text.txt" if file is None else file_name(file)
        return f"{self._base}/media/{token}/{quote(name, safe='')}"

    # -- learning what a file is

    def unknown(self, event: Said) -> bool:
        """Tell whether a message has a file on the operator's own server of which nobody has said how large it is.

        Most clients on XMPP give just the address.
        """
        if not isinstance(event, MessagePosted) or not event.content.attachments or event.origin.replayed:
            return False
        return any(self._is_unknown(file) for file in event.content.attachments)

    def _is_unknown(self, file: Attachment) -> bool:
        return file.size is None and not file.handle and self._fetch is not None and self._fetch.trusted(file.url)

    async def looked_at(self, event: Said) -> Said:
        """Return the message with size and type of such files, as far as they can be learned in a moment."""
        if not isinstance(event, MessagePosted) or not self.unknown(event):
            return event
        content = event.content
        files = await asyncio.gather(*(self._look(file) for file in content.attachments))
        return msgspec.structs.replace(event, content=msgspec.structs.replace(content, attachments=tuple(files)))

    async def _look(self, file: Attachment) -> Attachment:
        if not self._is_unknown(file):
            return file
        try:
            async with asyncio.timeout(A_MOMENT), self.open(file, most=LARGEST) as opened:
                return msgspec.structs.replace(file, size=opened.size, media_type=file.media_type or opened.media_type)
        except (Unreadable, TimeoutError):
            return file
        except Exception:  # the boundary of a message: what a file does to its reader does not hold up its room
            log.exception("media.fault")
            return file

    # -- reading

    async def find(self, token: str) -> tuple[Shared, Content | None] | None:
        """Return what stands at one of our URLs, and what its message says now; None: nothing, or not any more."""
        shared = await self._store.shared(token)
        if shared is None or shared.expires <= self._clock.now():
            return None
        ref = await self._store.resolve(shared.message.room, shared.message.id)
        message = None if ref is None else await self._store.message(ref)
        if message is None:
            return None
        said = message.content
        return None if not said.text and not said.attachments else (shared, said)

    @asynccontextmanager
    async def open(self, file: Attachment, *, most: int, reader: Network | None = None) -> AsyncIterator[OpenFile]:
        """Open a file, wherever it is: see :meth:`bridge.connector.Hub.open_file`. Raises: Unreadable."""
        most = min(most, self._largest(reader))
        _bear(file.size, most)
        async with self._source(file) as opened:
            _bear(opened.size, most)
            rest = _bounded(opened.chunks, most)
            async with aclosing(rest):
                head = await _head(rest)
                chunks = _joined(head, rest)
                async with aclosing(chunks):
                    name = file.name or opened.name
                    kind = judged(head[:ENOUGH], claimed=opened.media_type or file.media_type, name=name)
                    yield OpenFile(chunks=chunks, media_type=kind, name=name, size=opened.size)

    def _source(self, file: Attachment) -> AbstractAsyncContextManager[OpenFile]:
        if file.handle:
            opener = self._opener(Network(file.network))
            if opener is None:
                raise Unreadable("its network is not connected", for_now=True)
            return opener.open_file(file.handle)
        if self._fetch is None or not file.url.startswith(("https://", "http://")):
            raise Unreadable("this is no address that files are fetched from")
        return self._fetch.open(file.url)


def _largest(_: Network | None) -> int:
    return LARGEST


def file_name(file: Attachment) -> str:
    """Return a name for a file, good in a URL and on a disk: its own, else what it is."""
    own = "".join(c if c.isprintable() and c not in '/\\:*?"<>|' else "_" for c in file.name).strip(" .")
    if own:
        return own[-120:]
    major, _, minor = (file.media_type or "file/bin").partition("/")
    extension = {"jpeg": "jpg", "x-tgsticker": "tgs", "mpeg": "mp3", "quicktime": "mov", "plain": "txt"}.get(
        minor, minor
    )
    return f"{major}.{''.join(c for c in extension if c.isalnum()) or 'bin'}"


def _bear(size: int | None, most: int) -> None:
    """Refuse what is too large. Raises: Unreadable."""
    if size is not None and size > most:
        msg = f"it has {human_size(size)}, and {human_size(most)} is the most"
        raise Unreadable(msg)


async def _bounded(chunks: AsyncIterator[bytes], most: int) -> AsyncGenerator[bytes, None]:
    """Yield the chunks of a file, which has to keep coming, and to end in time. Raises: Unreadable."""
    read = 0
    while True:
        try:
            async with asyncio.timeout(STALLED):
                chunk = await anext(chunks, None)
        except TimeoutError:
            raise Unreadable("it stopped coming", for_now=True) from None
        if chunk is None:
            return
        read += len(chunk)
        _bear(read, most)
        yield chunk


async def _head(chunks: AsyncGenerator[bytes, None]) -> bytes:
    """Return the first chunks: as many as it takes to judge a file."""
    head = b""
    async for chunk in chunks:
        head += chunk
        if len(head) >= ENOUGH:
            break
    return head


async def _joined(head: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    if head:
        yield head
    async for chunk in rest:
        yield chunk
