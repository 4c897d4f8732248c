"""Pictures of hosted rooms (XEP-0486): the remote room's own, where its network has such, else one that its operators have set.

A picture that was set is kept as it came, so that its hash is the one that the client which set it knows; only what is large is
made small. Everybody finds it in the room's vCard, and its hash in what disco tells of the room. Called by ``service``.
"""

import base64
import binascii
import hashlib
import io
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from bridge.core.events import Member, Rank
from bridge.core.ids import Person, PersonId, Room
from bridge.xmpp.hosted.places import Place
from bridge.xmpp.messages import pictures
from bridge.xmpp.messages.avatars import Avatar
from bridge.xmpp.ports import Answer, IqRefused, Request
from bridge.xmpp.surroundings import Surroundings
from bridge.xmpp.wire import namespaces as ns

AS_IT_IS: Final = 100_000
"""Bytes of a picture that is kept as it came."""
LARGEST: Final = 5_000_000
SIDE: Final = 192
"""Pixels of what becomes of a larger one."""
_PREFIX: Final = "picture "
_VCARD: Final = f"{{{ns.VCARD}}}"


class _Kept(msgspec.Struct, frozen=True):
    """A picture over restarts."""

    media_type: str
    data: bytes


class Portraits:
    """The pictures of rooms."""

    def __init__(
        self, around: Surroundings, *, place: Callable[[str], Place | None], changed: Callable[[Place], None]
    ) -> None:
        """Begin with none; ``changed`` is called when a room has another picture."""
        self.fetched: Callable[[Member], Avatar | None] = lambda _: None
        """Fetches a picture of another network; set by the connector."""
        self._around = around
        self._place = place
        self._changed = changed
        self._set: dict[str, Avatar] = {}  # by room

    async def recall(self) -> None:
        """Learn what was set in earlier runs."""
        hub = self._around.hub
        for name, text in (await hub.recollect(_PREFIX) if hub is not None else {}).items():
            if text:
                kept = msgspec.json.decode(text, type=_Kept)
                self._set[name.removeprefix(_PREFIX)] = _avatar(kept.data, kept.media_type)

    def of(self, address: str, remote: Room, handle: str) -> Avatar | None:
        """Return the picture of a room; ``handle`` is what its network calls the one that it has there, "" for none."""
        if handle:
            person = Person(remote.network, PersonId(remote.id))
            return self.fetched(Member(person=person, name=str(remote.id), avatar=handle))
        return self._set.get(address)

    def answers(self) -> Iterator[tuple[str, str, Answer]]:
        """Return what is asked and who answers it."""
        yield "set", f"{_VCARD}vCard", self._publish

    async def _publish(self, request: Request) -> str:
        """Take a room's picture, or take it away (section 3.2). Raises: IqRefused."""
        place = self._place(request.to)
        if place is None:
            raise IqRefused("service-unavailable")
        occupant = place.room.at(request.sender)
        if occupant is None or occupant.rank not in (Rank.OWNER, Rank.ADMIN):
            raise IqRefused("forbidden", "only owners and operators may set the picture of a room")
        photo = request.payload.find(f"{_VCARD}PHOTO")
        if photo is None:
            self._keep(place, None)
            return ""
        kind = photo.findtext(f"{_VCARD}TYPE", "").strip()
        self._keep(place, await _fitted(_decoded(photo.findtext(f"{_VCARD}BINVAL", "")), kind))
        return ""

    def _keep(self, place: Place, picture: Avatar | None) -> None:
        name = f"{_PREFIX}{place.id}"
        if picture is None:
            self._set.pop(place.id, None)
            self._around.remember(name, "")
        else:
            self._set[place.id] = picture
            self._around.remember(name, msgspec.json.encode(_Kept(picture.media_type, picture.data)).decode())
        self._changed(place)


def _decoded(text: str) -> bytes:
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except binascii.Error:
        raise IqRefused("bad-request", "BINVAL: this is no base64") from None
    if not data or len(data) > LARGEST:
        raise IqRefused("not-acceptable", f"PHOTO: {len(data)} bytes, expected 1 to {LARGEST}")
    return data


async def _fitted(data: bytes, kind: str) -> Avatar:
    """Return a picture as it is kept. Raises: IqRefused."""
    if not kind.startswith("image/"):
        raise IqRefused("not-acceptable", "TYPE: expected an image, such as image/png")
    if len(data) <= AS_IT_IS:
        return _avatar(data, kind)
    small = await pictures.small(io.BytesIO(data), most=SIDE, square=True)
    if small is None:
        raise IqRefused("not-acceptable", f"PHOTO: it is too large ({len(data)} bytes, {AS_IT_IS} is the most)")
    return _avatar(small.data, small.media_type)


def _avatar(data: bytes, kind: str) -> Avatar:
    return Avatar(data=data, media_type=kind, sha1=hashlib.sha1(data, usedforsecurity=False).hexdigest())
