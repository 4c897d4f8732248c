"""Which linked rooms are read."""

from bridge.core.events import Cause, Origin, RoomClosed, RoomOpened
from bridge.core.ids import EventKey, Network, Room, RoomId
from bridge.engine.openings import WAITING, Openings, RoomStatus

DEV = Room(Network("left"), RoomId("#dev"))
OPS = Room(Network("right"), RoomId("#ops"))
HERE = Origin(room=DEV, key=EventKey("k"), at=1)


def test_the_last_word_of_the_listener_counts() -> None:
    openings = Openings()
    openings.wait([DEV])
    assert openings.statuses() == [RoomStatus(room=DEV, open=False, reason=WAITING)]
    openings.see(RoomOpened(origin=HERE))
    assert openings.statuses() == [RoomStatus(room=DEV, open=True)]
    openings.see(RoomClosed(origin=HERE, cause=Cause.BANNED, reason="you are banned (+b)", final=True))
    assert openings.statuses() == [RoomStatus(room=DEV, open=False, reason="you are banned (+b)", final=True)]
    openings.see(RoomClosed(origin=HERE, cause=Cause.LOST))
    assert openings.statuses() == [RoomStatus(room=DEV, open=False, reason="lost")]


def test_rooms_of_a_network_without_a_listener_are_open() -> None:
    openings = Openings()
    openings.given([OPS])
    assert openings.statuses() == [RoomStatus(room=OPS, open=True)]
    assert openings.of(Network("right")) == [OPS]


def test_rooms_in_no_link_are_not_kept() -> None:
    openings = Openings()
    openings.see(RoomOpened(origin=HERE))
    assert openings.statuses() == []
    openings.wait([DEV, OPS])
    openings.drop([DEV])
    assert [status.room for status in openings.statuses()] == [OPS]
