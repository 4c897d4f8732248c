"""Mirrored bans are kept by their masks, each for whom it is, and over restarts."""

import pytest

from bridge.core.ids import Network, Person, PersonId, RoomId
from connectors.irc.people.bans import Bans

ROOM, OTHER = RoomId("#verona"), RoomId("#mantua")
BOB, MASK = PersonId("bob"), "*!*@bad.example"
ROMEO = Person(Network("xmpp"), PersonId("romeo@localhost"))
JULIET = Person(Network("xmpp"), PersonId("juliet of verona@localhost"))


class Memory:
    """What a hub remembers."""

    def __init__(self):
        self.kept = {}

    async def recollect(self, prefix):
        return {name: value for name, value in self.kept.items() if name.startswith(prefix)}


@pytest.fixture
def memory():
    return Memory()


@pytest.fixture
def bans(memory):
    return Bans(memory.kept.__setitem__)


def test_a_ban_of_the_bridge_is_forgiven_once_and_in_its_own_channel_only(bans):
    bans.was_set(ROOM, BOB, MASK)
    assert not bans.forgive(OTHER, BOB)
    assert not bans.forgive(ROOM, PersonId("alice"))
    assert bans.due(ROOM) == []
    assert bans.forgive(ROOM, BOB)
    assert not bans.forgive(ROOM, BOB)
    assert (bans.due(ROOM), bans.due(OTHER)) == ([MASK], [])
    bans.is_lifted(ROOM, MASK)
    assert bans.due(ROOM) == []


def test_who_is_banned_anew_before_they_were_let_in_stays_banned(bans):
    bans.was_set(ROOM, BOB, MASK)
    bans.forgive(ROOM, BOB)
    bans.was_set(ROOM, BOB, MASK)
    assert bans.due(ROOM) == []


def test_a_mask_that_is_taken_off_lets_in_all_whom_it_has_kept_out(bans):
    for person in (ROMEO, JULIET, ROMEO):
        bans.hit(ROOM, MASK, person)
    assert bans.lifted(ROOM, "stranger!*@*") == []
    assert bans.lifted(OTHER, MASK) == []
    assert (bans.hits(ROOM), bans.hits(OTHER)) == ([MASK], [])
    assert bans.lifted(ROOM, MASK) == [ROMEO, JULIET]
    assert bans.lifted(ROOM, MASK) == []


async def test_all_is_known_after_a_restart_unless_it_is_over(bans, memory):
    bans.was_set(ROOM, BOB, MASK)
    bans.was_set(OTHER, BOB, MASK)
    bans.forgive(OTHER, BOB)
    bans.hit(ROOM, MASK, ROMEO)
    bans.hit(OTHER, MASK, ROMEO)
    bans.lifted(OTHER, MASK)
    again = Bans(memory.kept.__setitem__)
    await again.recall(memory)
    assert again.due(OTHER) == [MASK]
    assert again.due(ROOM) == []
    assert again.forgive(ROOM, BOB)
    assert again.lifted(ROOM, MASK) == [ROMEO]
    assert again.lifted(OTHER, MASK) == []
