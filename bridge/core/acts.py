"""What one member does to others, or to the room: removing, banning, giving ranks, inviting, changing what the room is.

Unlike what is said this is neither stored nor repeated: whoever asks is there and waits, and is told what came of it. Asked
of a connector by its ability :class:`bridge.connector.Moderates`.
"""

from enum import StrEnum

import msgspec

from bridge.core.events import Rank


class Remove(msgspec.Struct, frozen=True, kw_only=True):
    """Take somebody out of the room, and with ``ban`` keep them out."""

    name: str  # as they are called in the room
    reason: str = ""
    ban: bool = False


class Roll(StrEnum):
    """Lists of people who need not be there."""

    BANNED = "banned"
    INVITED = "invited"  # let in where only who is invited is


class Enroll(msgspec.Struct, frozen=True):
    """Put somebody on a list, who need not be there, or take them off it; ``who`` is a name, or as :meth:`Moderates.roll` has it."""

    who: str
    roll: Roll
    on: bool = True


class Appoint(msgspec.Struct, frozen=True, kw_only=True):
    """Give somebody this rank, and no higher one."""

    name: str
    rank: Rank


class Invite(msgspec.Struct, frozen=True):
    """Invite somebody of the network into the room."""

    name: str


class Setting(StrEnum):
    """What a room can be, as far as several networks know it."""

    MODERATED = "moderated"  # only those with a rank may speak
    INVITED_ONLY = "invited only"
    HIDDEN = "hidden"
    TOPIC_BY_ALL = "topic by all"


class Configure(msgspec.Struct, frozen=True, kw_only=True):
    """Make the room as it is described here; what is None stays as it is."""

    settings: dict[Setting, bool] = {}
    password: str | None = None  # "" takes it away
    most: int | None = None  # members; 0 is no limit
    modes: str = ""  # changes in the network's own words, "+c-n"


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """What a room is."""

    settings: dict[Setting, bool] = {}
    password: str = ""
    most: int = 0
    modes: str = ""  # all of them in the network's own words, "+ntl 20"; "" where it has none


Act = Remove | Enroll | Appoint | Invite | Configure


class Obstacle(StrEnum):
    """Why somebody cannot do something."""

    FORBIDDEN = "forbidden"  # they have no right to
    ABSENT = "absent"  # whom it is about is not there
    IMPOSSIBLE = "impossible"  # the network has nothing of the kind
    AWAY = "away"  # the network does not answer
    ALREADY = "already"  # it is so already
    BUSY = "busy"  # too much has been asked lately


class ActRefused(Exception):
    """An act that was not done; the text is for whoever wanted it."""

    def __init__(self, obstacle: Obstacle, reason: str) -> None:
        super().__init__(reason)
        self.obstacle = obstacle


__all__ = [
    "Act",
    "ActRefused",
    "Appoint",
    "Configuration",
    "Configure",
    "Enroll",
    "Invite",
    "Obstacle",
    "Remove",
    "Roll",
    "Setting",
]
