"""Files that a fake hub opens: bytes in memory, in small chunks, as a hub hands them out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridge.connector import OpenFile, Unreadable
from bridge.engine.filetypes import ENOUGH, judged

CHUNK = 4_096


@asynccontextmanager
async def opened(data: bytes | None, *, most: int, name: str = "", tell_size: bool = True) -> AsyncIterator[OpenFile]:
    """Open these bytes. Raises: Unreadable when there are none, or too many."""
    if data is None:
        raise Unreadable("it is gone")
    if len(data) > most:
        raise Unreadable("it is too large")
    size = len(data) if tell_size else None
    yield OpenFile(chunks=chunks(data), media_type=judged(data[:ENOUGH], name=name), name=name, size=size)


async def chunks(data: bytes) -> AsyncIterator[bytes]:
    """Yield bytes as a stream would."""
    for start in range(0, len(data), CHUNK):
        yield data[start : start + CHUNK]
