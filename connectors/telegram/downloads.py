"""Files that were sent on Telegram, read for others: by their file id, piece by piece.

A file's address has the bot's token in it, so it never leaves the client; and it is good for an hour only, so it is asked
for each time (getFile). Called by :mod:`connectors.telegram.connector`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridge.connector import OpenFile, Unreadable
from connectors.telegram.client import Client
from connectors.telegram.refusals import Refused, Trouble


@asynccontextmanager
async def opened(client: Client | None, handle: str) -> AsyncIterator[OpenFile]:
    """Open a file. Raises: Unreadable."""
    if client is None:
        raise Unreadable("Telegram is not connected", for_now=True)
    try:
        async with client.download(handle) as (size, chunks):
            yield OpenFile(chunks=_read(chunks), size=size)
    except Trouble as trouble:
        raise _unreadable(trouble) from None


async def _read(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        async for chunk in chunks:
            yield chunk
    except Trouble as trouble:
        raise _unreadable(trouble) from None


def _unreadable(trouble: Trouble) -> Unreadable:
    if not isinstance(trouble, Refused):
        return Unreadable("Telegram cannot be reached", for_now=True)
    if "too big" in trouble.words:
        return Unreadable("it is larger than Telegram gives to bots")
    return Unreadable("Telegram does not have it any more")
