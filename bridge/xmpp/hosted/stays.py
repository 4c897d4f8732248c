"""Users who stay in a hosted room without a client: the room goes on for them, its archive too, and over every restart.

Whether somebody stays is the operator's choice (``[gateway] persistent``) until they have said for this room; they say it by a
command (:mod:`bridge.commands.rooms`). What is kept is who stays where, under which nick.
"""

from collections.abc import Awaitable, Callable

import msgspec

from bridge.connector import Hub, Secret
from bridge.core.ids import XMPP, Person, PersonId

_PREFIX = "stay "
"""How the names of what is remembered begin; behind it room and user."""


class Stay(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who is in a room, or would be."""

    room: str
    user: str  # bare JID
    nick: str = ""
    password: str = ""
    wished: bool | None = None  # whether they want to stay, None: they have not said
    here: bool = False  # with or without a client

    def kept(self) -> tuple[str, Secret]:
        """Return under which name it is remembered, and as what."""
        return f"{_PREFIX}{self.room} {self.user}", Secret(msgspec.json.encode(self).decode())


class Stays:
    """Who stays where."""

    def __init__(
        self,
        hub: Callable[[], Hub | None],
        *,
        part: Callable[[str, Person], bool],
        erase: Callable[[str, Person], Awaitable[int | None]],
        settled: Callable[[Stay, bool], None],
    ) -> None:
        """``part`` takes somebody out of a room, and tells whether they were there; ``erase`` forgets that they ever were.

        ``settled``: it is clear that somebody stays in a room, or that they do not.
        """
        self._erase = erase
        self._settled = settled
        self.usual: Callable[[], bool] = lambda: False  # whether people stay who have not said
        self.bounds: Callable[[int], str] = lambda _: ""  # why somebody cannot stay in one room more than so many
        self._hub = hub
        self._part = part
        self._stays: dict[tuple[str, str], Stay] = {}

    async def recall(self) -> list[Stay]:
        """Return who was in which room when the last run ended, of those who stay."""
        hub = self._hub()
        kept = await hub.recollect(_PREFIX) if hub is not None else {}
        for text in kept.values():
            stay = msgspec.json.decode(text, type=Stay)
            self._stays.setdefault((stay.room, stay.user), stay)
        return [stay for stay in self._stays.values() if stay.here and self.stays(stay.room, stay.user)]

    def stays(self, room: str, user: str) -> bool:
        """Tell whether somebody stays in a room when their last client leaves."""
        stay = self._stays.get((room, user))
        return self.usual() if stay is None or stay.wished is None else stay.wished

    def came(self, room: str, user: str, nick: str, password: str = "") -> None:
        """Note that somebody is in a room."""
        before = self._stays.get((room, user)) or Stay(room=room, user=user)
        stay = msgspec.structs.replace(before, nick=nick, password=password or before.password, here=True)
        self._keep(stay)
        if self.stays(room, user):
            self._settled(stay, True)  # noqa: FBT003 - a callback

    def settle(self, room: str, user: str, password: str) -> Stay:
        """Note that somebody wants to be in a room, with or without a client; returns how."""
        before = self._stays.get((room, user)) or Stay(room=room, user=user, nick=user.partition("@")[0])
        stay = msgspec.structs.replace(before, wished=True, password=password or before.password)
        self._keep(stay)
        return stay

    def unsettle(self, user: str, is_meant: Callable[[str], bool]) -> None:
        """Forget that somebody wanted to stay in rooms, wherever they are."""
        for stay in list(self._stays.values()):
            if stay.user == user and is_meant(stay.room):
                self._keep(msgspec.structs.replace(stay, wished=None, here=False))

    def went(self, room: str, user: str) -> None:
        """Note that somebody has left a room for good."""
        stay = self._stays.get((room, user))
        if stay is not None and stay.here:
            self._keep(msgspec.structs.replace(stay, here=False))
            self._settled(stay, False)  # noqa: FBT003 - a callback

    def _keep(self, stay: Stay) -> None:
        """Keep what somebody has said, and where they are if they stay; over restarts only what matters then."""
        before = self._stays.get((stay.room, stay.user))
        self._stays[stay.room, stay.user] = stay
        hub = self._hub()
        if hub is None or before == stay:
            return
        matters = stay.wished is not None or (stay.here and self.usual())
        mattered = before is not None and (before.wished is not None or (before.here and self.usual()))
        if matters or mattered:
            hub.remember(*stay.kept())
        if not stay.here and stay.wished is None:
            del self._stays[stay.room, stay.user]

    # -- what users say

    def wish(self, room: str, user: str, *, stays: bool) -> str:
        """Note whether somebody wants to stay in a room when their last client leaves; returns why they cannot, "" if they can."""
        before = self._stays.get((room, user)) or Stay(room=room, user=user)
        if stays and not before.wished and (why := self.bounds(self.wished_by(user))):
            return why
        stay = msgspec.structs.replace(before, wished=stays)
        self._keep(stay)
        self._settled(stay, stays and stay.here)
        return ""

    def wished_by(self, user: str) -> int:
        """Return in how many rooms somebody wants to stay."""
        return sum(1 for stay in self._stays.values() if stay.user == user and stay.wished)

    def part(self, room: str, user: str) -> bool:
        """Take somebody out of a room; False if they are not there."""
        return self._part(room, Person(XMPP, PersonId(user)))

    async def forget(self, room: str, user: str) -> int | None:
        """Forget that somebody was ever there; returns how many messages went with it, None where none are kept. Raises: StoreError."""
        return await self._erase(room, Person(XMPP, PersonId(user)))
