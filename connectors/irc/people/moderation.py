"""What users do to others over their own connection: KICK, MODE, INVITE, and what the server says to that.

The server knows best who may do what, so it is asked, and its answer told; nothing is done in the bridge's name. Called by
the connector for its ability ``Moderates``. Specification: RFC 2812 sections 3.2 and 4; PREFIX and CHANMODES of ISUPPORT.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import assert_never

from bridge.core.acts import (
    Act,
    ActRefused,
    Appoint,
    Configuration,
    Configure,
    Enroll,
    Invite,
    Obstacle,
    Remove,
    Roll,
    Setting,
)
from bridge.core.events import Rank
from bridge.core.ids import Person, RoomId
from connectors.irc.connection.client import Congested, Connection, Line
from connectors.irc.connection.isupport import Isupport
from connectors.irc.connection.overhearing import BusyError
from connectors.irc.connection.requests import Lost
from connectors.irc.puppets.pool import Pool
from connectors.irc.reading.places import Place, is_key
from connectors.irc.scene import Scene
from connectors.irc.speaking import outbound

PATIENCE = 20.0
"""Seconds until a server that says nothing is said not to answer."""

_LETTERS = {
    Rank.OWNER: ("q", "a"),
    Rank.ADMIN: ("o",),
    Rank.MODERATOR: ("h",),
    Rank.SPEAKER: ("v",),
    Rank.MEMBER: (),
}
"""The status modes that make a rank, the first that a server has."""
_FLAGS = {Setting.MODERATED: ("m", True), Setting.INVITED_ONLY: ("i", True), Setting.HIDDEN: ("s", True)} | {
    Setting.TOPIC_BY_ALL: ("t", False)
}
"""The channel modes that settings are, and whether the mode or its absence means the setting."""
_OBSTACLES = {
    "401": Obstacle.ABSENT,
    "403": Obstacle.ABSENT,
    "406": Obstacle.ABSENT,
    "441": Obstacle.ABSENT,
    "442": Obstacle.FORBIDDEN,
    "443": Obstacle.ALREADY,
    "472": Obstacle.IMPOSSIBLE,
    "481": Obstacle.FORBIDDEN,
    "482": Obstacle.FORBIDDEN,
    "485": Obstacle.FORBIDDEN,
    "499": Obstacle.FORBIDDEN,
    "974": Obstacle.FORBIDDEN,
    "FAIL": Obstacle.FORBIDDEN,
}
_MOST_LISTED = 500
_MOST_WORDS = 10
_MOST_MASKS = 1_000
_ROLLS = {Roll.BANNED: ("b", "367", "368"), Roll.INVITED: ("I", "346", "347")}
"""The list modes, the numeric of an entry, and the one that ends the list."""


class Moderation:
    """Does what users want done."""

    def __init__(self, scene: Scene, pool: Pool) -> None:
        self._scene = scene
        self._pool = pool
        self._masks: dict[tuple[RoomId, str], str] = {}  # of who was banned from a room, by the name they had

    async def moderate(self, room: RoomId, by: Person, act: Act) -> None:
        """Do it, as this person. Raises: ActRefused."""
        place, connection = self._actor(room, by)
        match act:
            case Remove(name=name, reason=reason, ban=ban):
                if ban:
                    await self._ban(connection, place, name)
                if not ban or self._is_there(place, name):
                    reasons = [outbound.one_line(reason)] if reason else []
                    await self._ask(connection, "KICK", place.name, name, *reasons)
            case Enroll(who=who, roll=roll, on=on):
                letter = _letter_of(roll, connection.isupport)
                mask = self._masks.pop((room, who), "") if roll is Roll.BANNED and not on else ""
                await self._ask(
                    connection, "MODE", place.name, f"{'+' if on else '-'}{letter}", mask or self._mask(who)
                )
            case Appoint(name=name, rank=rank):
                held = self._scene.view.statuses(place.name, name)
                changes = appointing(held, rank, connection.isupport)
                if changes:
                    await self._ask(connection, "MODE", place.name, changes, *[name] * _letters_in(changes))
            case Invite(name=name):
                await self._ask(connection, "INVITE", name, place.name)
            case Configure():
                await self._configure(connection, place, act)
            case _:
                assert_never(act)

    async def roll(self, room: RoomId, by: Person, roll: Roll) -> list[tuple[str, str]]:
        """Return (mask, by whom) of a list of a channel. Raises: ActRefused."""
        place, connection = self._actor(room, by)
        letter, (_, entry, end) = _letter_of(roll, connection.isupport), _ROLLS[roll]
        try:
            async with asyncio.timeout(PATIENCE):
                lines, said = await self._scene.overhearing.ask(connection, end, "MODE", place.name, letter)
        except (Lost, TimeoutError, Congested, BusyError):
            raise ActRefused(Obstacle.AWAY, f"{self._scene.network} does not answer") from None
        _raise_if_refused(said)
        return [(line.param(2), line.param(3)) for line in lines if line.command == entry][:_MOST_LISTED]

    def configuration(self, room: RoomId) -> Configuration:
        """Return what a channel is, as far as is known."""
        channel = self._scene.view.channel(room)
        return _configuration(() if channel is None else tuple(channel.modes.items()))

    async def _configure(self, connection: Connection, place: Place, wanted: Configure) -> None:
        """Change what differs, in as few lines as there are changes of one kind."""
        now = self.configuration(place.id)
        for setting, value in wanted.settings.items():
            if value is not now.settings.get(setting):
                letter, sign = _FLAGS[setting]
                await self._ask(connection, "MODE", place.name, f"{'+' if value is sign else '-'}{letter}")
        if wanted.password is not None and wanted.password != now.password:
            await self._lock(connection, place, now.password, wanted.password)
        if wanted.most is not None and wanted.most != now.most:
            change = ("+l", str(wanted.most)) if wanted.most else ("-l",)
            await self._ask(connection, "MODE", place.name, *change)
        if wanted.modes:
            await self._ask(connection, "MODE", place.name, *wanted.modes.split()[:_MOST_WORDS])

    async def _lock(self, connection: Connection, place: Place, old: str, new: str) -> None:
        if new and not is_key(new):
            raise ActRefused(Obstacle.IMPOSSIBLE, "a key of a channel has no blanks, commas or control characters")
        if old:
            await self._ask(connection, "MODE", place.name, "-k", old)
        if new:
            await self._ask(connection, "MODE", place.name, "+k", new)
        place.password = new

    def _actor(self, room: RoomId, by: Person) -> tuple[Place, Connection]:
        """Return the channel, and the connection of who wants something there."""
        place, puppet = self._scene.places.get(room), self._pool.get(by)
        if place is None or puppet is None or puppet.connection is None or not puppet.wishes.is_in(room):
            raise ActRefused(Obstacle.AWAY, f"you are not in {room}, or the network is away")
        return place, puppet.connection

    async def _ban(self, connection: Connection, place: Place, name: str) -> None:
        """Ban somebody, and remember by which mask: they may be gone when they are forgiven."""
        mask = self._mask(name)
        await self._ask(connection, "MODE", place.name, "+b", mask)
        self._masks[place.id, name] = mask
        if len(self._masks) > _MOST_MASKS:
            del self._masks[next(iter(self._masks))]

    def _is_there(self, place: Place, name: str) -> bool:
        channel = self._scene.view.channel(place.name)
        return channel is not None and self._scene.view.fold(name) in channel.members

    def _mask(self, name: str) -> str:
        """Return whom a ban is for: a mask as it is, of a nick its host, else the nick itself."""
        if "!" in name or "@" in name or "*" in name:
            return name
        user = self._scene.view.user(name)
        shared = user is not None and sum(other.host == user.host for other in self._scene.view.users.values()) > 1
        return f"*!*@{user.host}" if user is not None and user.host and not shared else f"{name}!*@*"

    async def _ask(self, connection: Connection, command: str, *params: str) -> list[Line]:
        """Send a line, and return what came of it. Raises: ActRefused."""
        try:
            async with asyncio.timeout(PATIENCE):
                lines = await connection.request(command, *params)
        except (Lost, TimeoutError, Congested):
            raise ActRefused(Obstacle.AWAY, f"{self._scene.network} does not answer") from None
        except ValueError:
            raise ActRefused(Obstacle.IMPOSSIBLE, "IRC has no way to say this") from None
        _raise_if_refused(lines)
        return lines


@lru_cache(maxsize=256)
def _configuration(held: tuple[tuple[str, str | None], ...]) -> Configuration:
    """Return what modes make of a channel; most channels of a network have the same few."""
    modes = dict(held)
    limit = modes.get("l") or ""
    return Configuration(
        settings={setting: (letter in modes) is sign for setting, (letter, sign) in _FLAGS.items()},
        password=modes.get("k") or "",
        most=int(limit) if limit.isascii() and limit.isdigit() and len(limit) < 10 else 0,
        modes=_written(modes),
    )


def _written(modes: Mapping[str, str | None]) -> str:
    """Return the modes of a channel as MODE would say them."""
    if not modes:
        return ""
    parameters = [value for value in modes.values() if value]
    return " ".join([f"+{''.join(modes)}", *parameters])


def _letter_of(roll: Roll, isupport: Isupport) -> str:
    """Return the mode of a list. Raises: ActRefused where the server has none."""
    letter = _ROLLS[roll][0]
    if letter not in isupport.chanmodes[0]:
        raise ActRefused(Obstacle.IMPOSSIBLE, f"this network has no list of who is {roll.value}")
    return letter


def appointing(held: str, rank: Rank, isupport: Isupport) -> str:
    """Return the changes that make somebody of this rank, ``-o+v``; "" for none. ``held``: their status symbols.

    Raises: ActRefused where the server has no such rank.
    """
    modes = list(isupport.prefix.values())  # highest first
    wanted = next((letter for letter in _LETTERS[rank] if letter in modes), "")
    if rank is not Rank.MEMBER and not wanted:
        raise ActRefused(Obstacle.IMPOSSIBLE, f"this network has no rank {rank.value}")
    has = [isupport.prefix[symbol] for symbol in held if symbol in isupport.prefix]
    too_high = [mode for mode in has if not wanted or modes.index(mode) < modes.index(wanted)]
    taken = f"-{''.join(too_high)}" if too_high else ""
    given = f"+{wanted}" if wanted and wanted not in has else ""
    return taken + given


def _raise_if_refused(lines: Sequence[Line]) -> None:
    """Raise: ActRefused where the server has said no."""
    for line in lines:
        if line.command in _OBSTACLES or (line.command.isdigit() and "400" <= line.command < "600"):
            raise ActRefused(_OBSTACLES.get(line.command, Obstacle.IMPOSSIBLE), line.text)


def _letters_in(changes: str) -> int:
    return sum(c not in "+-" for c in changes)
