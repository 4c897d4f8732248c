"""What a user may read of a room's archive, as a file to take away: JSON Lines, a line for each message.

The file goes where people of the XMPP server keep theirs (XEP-0363), as it is read, page by page; where there is no such
service, a small one is answered as text. Called by the command ``export``, and by the hub when the file is opened.
"""

import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator
from xml.etree import ElementTree as ET

import msgspec

from bridge.connector import OpenFile, Unreadable
from bridge.core.content import Attachment
from bridge.core.ids import XMPP, Person, PersonId, RoomId
from bridge.engine.ports import ArchivedLine, StoreError, Wanted
from bridge.xmpp.hosted.archivist import Archivist
from bridge.xmpp.hosted.speech import Line
from bridge.xmpp.messages import inbound
from bridge.xmpp.surroundings import Surroundings
from bridge.xmpp.wire import namespaces as ns

PAGE = 500
"""Messages that are read at once."""
AT_ONCE = 40_000
"""Bytes that are answered as they are, where no file can be put anywhere."""
_BODY = f"{{{ns.CLIENT}}}body"


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an export."""

    messages: int
    url: str = ""
    text: str = ""  # where there is no URL, and it is not too much


class Exports:
    """Makes files of archives."""

    def __init__(self, around: Surroundings, archivist: Archivist) -> None:
        self._around = around
        self._archivist = archivist
        self._wanted: dict[str, tuple[RoomId, PersonId]] = {}  # by handle, while it is being put somewhere

    async def export(self, room: RoomId, user: PersonId) -> Exported | None:
        """Return what somebody may read of a room; None where nothing is kept. Raises: StoreError."""
        archive = self._archivist.archive
        if archive is None:
            return None
        self._archivist.flush()
        count = (await archive.archived(Wanted(room=room, user=user, most=0))).count
        if not count:
            return Exported(messages=0)
        handle = f"archive {self._around.token()}"
        self._wanted[handle] = (room, user)
        name = f"{room.partition('%')[0].lstrip('#&') or 'room'}.jsonl"
        try:
            file = Attachment(url="", handle=handle, network=XMPP, name=name, media_type="text/plain")
            placed = await self._around.uploads.place(file, Person(XMPP, user))
            url = placed.file.url
            text = "" if url else await self._small(room, user)
        finally:
            del self._wanted[handle]
        return Exported(messages=count, url=url, text=text)

    @contextlib.asynccontextmanager
    async def open(self, handle: str) -> AsyncIterator[OpenFile]:
        """Open the file that is being put somewhere. Raises: Unreadable."""
        wanted = self._wanted.get(handle)
        if wanted is None:
            raise Unreadable("there is no such file")
        async with contextlib.aclosing(self._lines(*wanted)) as chunks:
            yield OpenFile(chunks=chunks, media_type="text/plain")

    async def _small(self, room: RoomId, user: PersonId) -> str:
        """Return the file as text, "" if it is too large."""
        text = b""
        async with contextlib.aclosing(self._lines(room, user)) as chunks:
            async for chunk in chunks:
                text += chunk
                if len(text) > AT_ONCE:
                    return ""
        return text.decode()

    async def _lines(self, room: RoomId, user: PersonId) -> AsyncGenerator[bytes, None]:
        archive, after = self._archivist.archive, ""
        while archive is not None:
            try:
                page = await archive.archived(Wanted(room=room, user=user, after=after, most=PAGE, counted=False))
            except (StoreError, LookupError) as error:
                raise Unreadable(str(error) or "it was pruned meanwhile", for_now=True) from None
            for line in page.lines:
                yield written(line).encode()
            if page.complete or not page.lines:
                return
            after = page.lines[-1].id


def written(kept: ArchivedLine) -> str:
    """Return a message as a line of JSON: when, by whom, its id, its words, and the whole stanza."""
    stanza = Line(kept.id, kept.at, kept.nick, kept.head, kept.tail).forwarded()
    words = ET.fromstring(stanza).findtext(_BODY, "")  # noqa: S314 - we have written it
    line = {"at": inbound.stamp(kept.at), "nick": kept.nick, "id": kept.id, "text": words, "stanza": stanza}
    return json.dumps(line, ensure_ascii=False) + "\n"
