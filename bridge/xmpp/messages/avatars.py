"""Pictures of ghosts: fetched once through the hub, made small, kept by hash while they are in use.

A ghost is shown without one until it is here; then its presence is said again with the hash (XEP-0153), and whoever wants
the picture asks for the vCard (XEP-0054) or the nodes of XEP-0084. Nothing here can hold up or fail a message. Asked by
``ghosts`` for the hash and by ``directory`` for the picture.
"""

import asyncio
import hashlib
import logging
import tempfile
from collections.abc import Callable
from typing import Final

import msgspec

from bridge.connector import Unreadable
from bridge.core.content import Attachment
from bridge.core.events import Member
from bridge.engine.recent import Recent
from bridge.xmpp.messages import pictures
from bridge.xmpp.surroundings import Surroundings

log = logging.getLogger(__name__)

LARGEST: Final = 5_000_000
"""Bytes of a picture that is fetched."""
SIDE: Final = 128
"""Pixels of what becomes of it."""
AS_IT_IS: Final = 64_000
"""Bytes that a picture may have where nothing can make it small."""
KEPT: Final = 500
PATIENCE: Final = 60.0
AGAIN: Final = 3_600.0
"""Seconds until a picture that could not be had is asked for once more."""
_PLAIN: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


class Avatar(msgspec.Struct, frozen=True, kw_only=True):
    """A picture as it is handed out."""

    data: bytes
    media_type: str
    sha1: str
    width: int = 0
    height: int = 0


class Avatars:
    """The pictures of everybody who is shown."""

    def __init__(self, around: Surroundings, *, arrived: Callable[[Member], None]) -> None:
        self._around = around
        self._arrived = arrived
        self._known: Recent[tuple[str, str], Avatar] = Recent(KEPT)
        self._fetching: set[tuple[str, str]] = set()
        self._failed: Recent[tuple[str, str], float] = Recent(KEPT)
        self._gate = asyncio.Semaphore(2)

    def of(self, member: Member) -> Avatar | None:
        """Return somebody's picture; None while there is none, and then it is being fetched."""
        if not member.avatar:
            return None
        key = (member.person.network, member.avatar)
        known = self._known.get(key)
        if known is None and key not in self._fetching and not self._failed_lately(key):
            self._fetching.add(key)
            if not self._around.spawn(self._fetch(member, key)):
                self._fetching.discard(key)
        return known

    def _failed_lately(self, key: tuple[str, str]) -> bool:
        when = self._failed.get(key)
        return when is not None and self._around.clock.monotonic() - when < AGAIN

    async def _fetch(self, member: Member, key: tuple[str, str]) -> None:
        try:
            async with self._gate, asyncio.timeout(PATIENCE):
                self._known.put(key, await self._read(member))
        except (Unreadable, TimeoutError, OSError) as error:
            self._failed.put(key, self._around.clock.monotonic())
            log.info("xmpp.avatar network=%s: %s", member.person.network, str(error) or "it took too long")
            return
        except Exception:  # the boundary between networks: the picture was read from another one
            self._failed.put(key, self._around.clock.monotonic())
            log.exception("xmpp.avatar.fault network=%s", member.person.network)
            return
        finally:
            self._fetching.discard(key)
        self._arrived(member)

    async def _read(self, member: Member) -> Avatar:
        """Fetch a picture and make it small. Raises: Unreadable, OSError."""
        hub, avatar = self._around.hub, member.avatar
        if hub is None:
            raise Unreadable("the bridge is stopping", for_now=True)
        elsewhere = avatar.startswith(("https://", "http://"))
        file = Attachment(
            url=avatar if elsewhere else "", handle="" if elsewhere else avatar, network=member.person.network
        )
        with tempfile.TemporaryFile() as disk:
            async with hub.open_file(file, most=LARGEST) as opened:
                async for chunk in opened.chunks:
                    disk.write(chunk)
                kind = opened.media_type
            small = await pictures.small(disk, most=SIDE, square=True)
            if small is not None:
                return _avatar(small.data, small.media_type, small.width, small.height)
            disk.seek(0)
            data = disk.read(AS_IT_IS + 1)
        if pictures.installed() or kind not in _PLAIN or len(data) > AS_IT_IS:
            raise Unreadable("it is no picture that can be shown")
        return _avatar(data, kind)


def _avatar(data: bytes, kind: str, width: int = 0, height: int = 0) -> Avatar:
    sha1 = hashlib.sha1(data, usedforsecurity=False).hexdigest()  # the name that XEP-0084 and XEP-0153 give it
    return Avatar(data=data, media_type=kind, sha1=sha1, width=width, height=height)
