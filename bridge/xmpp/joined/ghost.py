"""One ghost: a remote person's occupant of one room, or what has become of the wish for it. Values only, no behaviour.

Changed by ``ghosts`` (where it stands) and ``claims`` (which nick it has); read by the room and by speech.
"""

import enum

from bridge.core.events import Member


class Stage(enum.Enum):
    """How far a ghost is."""

    WAITING = enum.auto()  # not in the room; joins when it is its turn
    JOINING = enum.auto()
    PRESENT = enum.auto()
    LEAVING = enum.auto()
    REFUSED = enum.auto()  # stays out until it is wished anew


class Ghost:
    """One person's occupant."""

    __slots__ = (
        "address",
        "admitted",
        "due",
        "failures",
        "lingers",
        "longs_for",
        "member",
        "moves",
        "moving_to",
        "nick",
        "person",
        "plainness",
        "reason",
        "said_why",
        "shown",
        "since",
        "stage",
        "token",
        "tried",
        "wanted",
    )

    def __init__(self, member: Member, address: str) -> None:
        self.person = member.person
        self.member = member
        self.address = address  # full JID
        self.wanted = True
        self.stage = Stage.WAITING
        # its nick
        self.nick = ""  # held, or asked for while joining
        self.moving_to = ""  # what a present ghost has asked for
        self.moves = False  # the service has said that it gets that
        self.longs_for = ""  # key of the nick that it would rather have
        self.plainness = 0  # how much of the name had to be given up: 1 is all but ASCII, 2 is all
        self.tried: set[str] = set()  # keys of nicks that the service refused as taken
        # what the room was told last
        self.shown: Member | None = None
        self.token = ""
        self.since = 0.0
        # why it is not there
        self.due = 0.0  # not before, while waiting or refused
        self.failures = 0
        self.reason = ""
        self.said_why = False
        self.lingers = False  # its person has gone, it goes in a moment
        self.admitted = False  # the listener has made it a member
