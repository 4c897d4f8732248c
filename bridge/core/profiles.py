"""What a network tells of one of its people to whoever asks, and who can be looked for.

Values; the abilities that speak of them are in :mod:`bridge.connector`.
"""

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
