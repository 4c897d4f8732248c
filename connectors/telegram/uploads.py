"""Files on their way to Telegram: read from wherever they are into a temporary file, judged, and sent as what they are.

Telegram wants a form with the file in it, so it has to be whole before it is sent: on the disk, never in memory. Opening
is the hub's (``open_file``), which asks no private address and judges by the first bytes.
Called by :mod:`connectors.telegram.speaking`.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from mimetypes import guess_type
from tempfile import TemporaryFile
from typing import IO, Final

from bridge.connector import Hub, Unreadable
from bridge.core.content import Attachment
from connectors.telegram.calls import Medium, Upload

PHOTO: Final = 10_000_000
"""Bytes of a picture that is shown as one; a larger one is a document."""
_MEDIA: Final = {
    "image/jpeg": Medium.PHOTO,
    "image/png": Medium.PHOTO,
    "image/webp": Medium.PHOTO,
    "image/gif": Medium.ANIMATION,
    "video/mp4": Medium.VIDEO,
    "video/quicktime": Medium.VIDEO,
    "audio/mpeg": Medium.AUDIO,
    "audio/mp4": Medium.AUDIO,
    "audio/x-m4a": Medium.AUDIO,
    "audio/ogg": Medium.VOICE,
}
"""What is shown or played in the chat (sendPhoto and its like, "Sending files"); everything else is a document."""
_TOGETHER: Final = {
    Medium.PHOTO: Medium.PHOTO,
    Medium.VIDEO: Medium.PHOTO,
    Medium.AUDIO: Medium.AUDIO,
    Medium.DOCUMENT: Medium.DOCUMENT,
}
"""What may be in one album: pictures with videos, sound and documents each among their own (sendMediaGroup)."""


def medium(media_type: str, size: int = 0) -> Medium:
    """Return how a file is shown."""
    found = _MEDIA.get(media_type.partition(";")[0].strip().lower(), Medium.DOCUMENT)
    return Medium.DOCUMENT if found is Medium.PHOTO and size > PHOTO else found


def presumed(file: Attachment) -> Medium:
    """Return how a file will be shown, by what is said of it: it is read and judged later."""
    path = file.url.partition("?")[0].partition("#")[0]
    kind = file.media_type or guess_type(file.name)[0] or guess_type(path)[0] or ""
    return medium(kind, file.size or 0)


def fit_together(media: Sequence[Medium]) -> bool:
    """Tell whether these can be one album, or are one alone."""
    return len(media) < 2 or (media[0] in _TOGETHER and len({_TOGETHER.get(one) for one in media}) == 1)


@asynccontextmanager
async def read(hub: Hub, files: Sequence[Attachment], *, most: int) -> AsyncIterator[tuple[Upload, ...]]:
    """Read files, of ``most`` bytes each; they are gone when the block is left. Raises: Unreadable, OSError (a full disk)."""
    with ExitStack() as stack:
        uploads = []
        for file in files:
            spool: IO[bytes] = stack.enter_context(TemporaryFile())
            uploads.append(await _read(hub, file, spool, most))
        yield tuple(uploads)


async def _read(hub: Hub, file: Attachment, spool: IO[bytes], most: int) -> Upload:
    size = 0
    async with hub.open_file(file, most=most) as opened:
        async for chunk in opened.chunks:
            spool.write(chunk)
            size += len(chunk)
        kind, name = opened.media_type or file.media_type, file.name or opened.name
    if not size:
        raise Unreadable("it is empty")
    spool.seek(0)
    shown = medium(kind, size)
    return Upload(
        medium=shown,
        data=spool,
        size=size,
        name=name or _name(kind),
        media_type=kind,
        width=file.width,
        height=file.height,
        duration=None if file.duration is None else round(file.duration),
    )


def _name(media_type: str) -> str:
    """Return a name for a file that has none: Telegram shows it, and wants an ending to know some kinds by."""
    major, _, minor = media_type.partition("/")
    ending = {"jpeg": "jpg", "mpeg": "mp3", "quicktime": "mov", "plain": "txt"}.get(minor, minor)
    return f"{major or 'file'}.{''.join(c for c in ending if c.isalnum()) or 'bin'}"
