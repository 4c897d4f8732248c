"""What a network tells of one of its people to whoever asks, and who can be looked for.

Values; the abilities that speak of them are in :mod:`bridge.connector`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from bridge.core.ids import Person


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of somebody; everything but who they are may be missing."""

    person: Person
    name: str  # as they write it: their nick
    full_name: str = ""
    account: str = ""  # of the network's services
    address: str = ""  # where the network shows it: user@host; never logged
    server: str = ""  # which part of the network they are connected to, with its own words about itself
    rooms: tuple[str, ...] = ()  # that they are in, as far as whoever asks may know; with their status there: "@#dev"
    away: str | None = None  # the words of somebody who is away
    idle: int | None = None  # seconds since they did something
    since: int = 0  # when they came, milliseconds since the epoch; 0: not told
    role: str = ""  # what they are on the network: "IRC operator"
    notes: tuple[str, ...] = ()  # whatever else is told, in the network's words: "is using a secure connection"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Whom somebody looks for: texts with ``*`` and ``?``, all of which have to fit; "" fits everybody. Case does not matter."""

    name: str = ""
    full_name: str = ""
    account: str = ""
    user: str = ""
    host: str = ""
    server: str = ""
    room: str = ""  # exactly this one


class Question(StrEnum):
    """What can be asked of somebody's own program."""

    SOFTWARE = "software"  # its name, version, system, in one line
    TIME = "time"  # what time it has: ISO 8601 with its offset from UTC, else in words
    ECHO = "echo"  # whether it is there; the answer says nothing


def told(profile: Profile) -> Iterator[str]:
    """Yield everything but the full name as sentences, or something like it."""
    yield f"{profile.name} on {profile.person.network}"
    for label, words in (("Account", profile.account), ("Address", profile.address), ("Server", profile.server)):
        if words:
            yield f"{label}: {words}"
    if profile.role:
        yield profile.role
    if profile.away is not None:
        yield f"Away: {profile.away}" if profile.away else "Away"
    if profile.rooms:
        yield f"Rooms: {' '.join(profile.rooms)}"
    if profile.idle is not None:
        yield f"Idle for {span(profile.idle)}"
    if profile.since:
        yield f"Here since {datetime.fromtimestamp(profile.since / 1000, UTC).strftime('%Y-%m-%d %H:%M UTC')}"
    yield from profile.notes


def span(seconds: int) -> str:
    """Write a time for people: ``42 s``, ``3 h 5 min``, ``2 d 1 h``."""
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{seconds} s"
