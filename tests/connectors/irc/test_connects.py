"""Who connects when: bounded, listener first, and never hammering a network that does not want us."""

import asyncio

import pytest

from connectors.irc.connection.client import Failure, Kind, Refused
from connectors.irc.connection.connects import LISTENER, MEMBER, SPEAKER, Connects, Lives
from connectors.irc.connection.pace import Pace


class Candidate:
    """Connects when the test says so; writes down what it is told."""

    def __init__(self, name, rank=MEMBER, spoke=0.0):
        self.name, self.rank, self.spoke = name, rank, spoke
        self.outcomes = []
        self.told = []

    def dial(self):
        self.outcomes.append(asyncio.get_running_loop().create_future())
        return self

    async def connect(self):
        await self.outcomes[-1]

    def up(self):
        self.outcomes[-1].set_result(None)

    def fail(self, kind, reason="no"):
        self.outcomes[-1].set_exception(Refused(kind, reason))

    def refused(self, failure):
        self.told.append(("refused", failure.kind))

    def waits(self, failure):
        self.told.append(("waits", failure.kind))

    def dropped(self):
        self.told.append("dropped")


class Room:
    """A queue with a loop whose time the test moves."""

    def __init__(self, *, most=2, **pace):
        self.tasks = set()
        self.connects = Connects(self._spawn, most=most, pace=Pace(**pace), jitter=lambda: 1.0)
        self.offset = 0.0
        self.connects._now = lambda: asyncio.get_running_loop().time() + self.offset
        self.people = []

    def _spawn(self, work):
        task = asyncio.create_task(work)
        self.tasks.add(task)
        return task

    def add(self, *names, rank=MEMBER, spoke=0.0):
        for name in names:
            person = Candidate(name, rank, spoke)
            self.people.append(person)
            self.connects.want(person)

    def __getitem__(self, name):
        return next(person for person in self.people if person.name == name)

    @property
    def dialling(self):
        return [p.name for p in self.people if p.outcomes and not p.outcomes[-1].done()]

    async def settle(self, seconds=0.0):
        """Let this much time pass, and the loop run dry."""
        self.offset += seconds
        self.connects._pump_soon()
        for _ in range(10):
            await asyncio.sleep(0)


@pytest.fixture
async def room():
    room = Room(retry=2.0, throttled=10.0, banned=3600.0)
    yield room
    room.connects.close()
    for task in room.tasks:
        task.cancel()


async def test_so_many_at_a_time_and_nobody_before_the_listener(room):
    room.add("a", "b", "c")
    await room.settle()
    assert room.dialling == []
    room.add("listener", rank=LISTENER)
    await room.settle()
    assert room.dialling == ["listener"]
    room["listener"].up()
    room.connects.open()
    await room.settle()
    assert room.dialling == ["a", "b"]
    room["a"].up()
    await room.settle()
    assert room.dialling == ["b", "c"]
    assert room.connects.waiting == 2


async def test_who_has_something_to_say_goes_first_then_who_spoke_last(room):
    room.connects.open()
    room.add("silent")
    room.add("old", spoke=1.0)
    room.add("new", spoke=2.0)
    room.add("speaker", rank=SPEAKER)
    await room.settle()
    assert set(room.dialling) == {"speaker", "new"}
    room["speaker"].up()
    room["new"].up()
    await room.settle()
    assert set(room.dialling) == {"old", "silent"}


async def test_a_later_leave_cancels_a_queued_join(room):
    room.connects.open()
    room.add("a", "b", "c")
    await room.settle()
    room.connects.drop(room["c"])
    room.connects.drop(room["a"])  # under way: goes on, and is not tried again
    room["a"].fail(Kind.NETWORK)
    room["b"].up()
    await room.settle(1000)
    assert room.dialling == []
    assert room["a"].told == ["dropped"]
    assert room.connects.waiting == 0


async def test_failures_are_tried_again_later_each_time(room):
    room.connects.open()
    room.add("a")
    for wait in (2.0, 4.0, 8.0):
        await room.settle()
        assert room.dialling == ["a"]
        room["a"].fail(Kind.NETWORK)
        await room.settle()
        await room.settle(wait - 0.5)
        assert room.dialling == []
        await room.settle(0.6)
    assert room.dialling == ["a"]
    assert room["a"].told == [("waits", Kind.NETWORK)] * 3


async def test_a_ban_is_not_tried_again(room):
    room.connects.open()
    room.add("a")
    await room.settle()
    room["a"].fail(Kind.BANNED)
    await room.settle(100_000)
    assert room.dialling == []
    assert room["a"].told == [("refused", Kind.BANNED)]


async def test_a_wrong_password_is_not_tried_again(room):
    room.connects.open()
    room.add("a")
    await room.settle()
    room["a"].fail(Kind.AUTH)
    await room.settle(100_000)
    assert room["a"].told == [("refused", Kind.AUTH)]


async def test_too_fast_is_about_all_of_us(room):
    room.connects.open()
    room.add("a", "b", "c", "d")
    await room.settle()
    room["a"].fail(Kind.THROTTLED)
    room["b"].up()
    await room.settle()
    await room.settle(9)
    assert room.dialling == []
    await room.settle(4)
    assert len(room.dialling) == 1  # fewer at a time from now on
    for _ in range(3):
        room[room.dialling[0]].up()
        await room.settle()
    assert room["a"].told == [("waits", Kind.THROTTLED)]
    assert room.connects.waiting == 0


async def test_several_bans_in_a_row_are_about_the_address_of_all_of_us(room):
    room.connects.open()
    room.add("a", "b", "c", "d", "e")
    for _ in range(3):
        await room.settle()
        room[room.dialling[0]].fail(Kind.BANNED, "K-lined")
    await room.settle()
    told = [person.told[-1] for person in room.people if person.told]
    assert told.count(("refused", Kind.BANNED)) == 3
    assert told.count(("waits", Kind.BANNED)) == 1
    (under_way,) = room.dialling
    room[under_way].fail(Kind.NETWORK)
    await room.settle()
    await room.settle(3000)
    assert room.dialling == []
    await room.settle(1000)
    assert len(room.dialling) == 1


async def test_who_is_wanted_twice_is_connected_once(room):
    room.connects.open()
    room.add("a")
    room.connects.want(room["a"])
    await room.settle()
    room.connects.want(room["a"])
    room["a"].up()
    await room.settle(1000)
    assert len(room["a"].outcomes) == 1


async def test_after_a_loss_everybody_waits_for_the_listener(room):
    room.connects.open()
    room.connects.shut()
    room.add("a")
    room.connects.again(Candidate("x"), Failure(Kind.CLOSED, "x"), attempts=1)
    await room.settle(1000)
    assert room.dialling == []


def test_failures_say_whether_they_are_permanent():
    assert Failure(Kind.BANNED, "x").permanent
    assert not Failure(Kind.THROTTLED, "x").permanent


async def test_who_is_thrown_out_again_and_again_comes_back_later_each_time(room):
    lives = Lives()
    room.connects.open()
    room.add("a")
    for wait in (2.0, 4.0, 8.0):
        await room.settle()
        lives.began(0.0)
        room["a"].up()
        await room.settle()
        room.connects.again(room["a"], Failure(Kind.CLOSED, "x"), attempts=lives.ended(1.0))
        await room.settle(wait - 0.5)
        assert room.dialling == []
        await room.settle(0.6)
    assert room.dialling == ["a"]
    lives.began(0.0)
    assert lives.ended(100.0) == 1


@pytest.mark.parametrize(("kind", "wait"), [(Kind.ENDED, 20.0), (Kind.NETWORK, 20.0), (Kind.CLOSED, 256.0)])
async def test_only_who_is_thrown_out_by_the_servers_own_word_stays_away_for_long(room, kind, wait):
    room.connects.open()
    room.people.append(Candidate("a"))
    room.connects.again(room["a"], Failure(kind, "x"), attempts=8)
    await room.settle(wait - 0.5)
    assert room.dialling == []
    await room.settle(0.6)
    assert room.dialling == ["a"]


async def test_a_server_that_is_away_is_looked_for_every_few_seconds_and_nobody_waits_on_when_it_is_back(room):
    room.connects.open()
    room.add("a")
    await room.settle()
    for _ in range(8):  # far beyond two minutes of back-off
        room["a"].fail(Kind.NETWORK)
        await room.settle()
        await room.settle(20.5)
        assert room.dialling == ["a"]
    room.people += [Candidate(name) for name in "bc"]
    for name in "bc":
        room.connects.again(room[name], Failure(Kind.ENDED, "x"), attempts=1)
    await room.settle()
    assert room.dialling == ["a"]
    room["a"].up()
    await room.settle()
    assert room.dialling == ["b", "c"]


async def test_many_who_look_for_a_server_that_is_away_look_no_more_often_than_one(room):
    room.connects.open()
    names = [f"n{number}" for number in range(10)]
    for name in names:
        room.add(name)
    looks = 0
    for _ in range(400):
        await room.settle(5.0)
        for name in room.dialling:
            looks += 1
            room[name].fail(Kind.NETWORK)
        await room.settle()
    assert looks < 10 * 7 + 2000 / 20


async def test_a_server_that_drops_us_for_being_too_fast_holds_back_all(room):
    room.connects.open()
    room.add("a")
    room.connects.again(Candidate("b"), Failure(Kind.THROTTLED, "x"), attempts=1)
    await room.settle(9)
    assert room.dialling == []
    await room.settle(4)
    assert room.dialling == ["a"]


async def test_a_thousand_that_drop_at_once_come_back_behind_the_listener_and_a_few_at_a_time():
    """Scenario 1."""
    room = Room(most=4, retry=2.0)
    room.connects.open()
    people = [
        Candidate("listener", LISTENER),
        *(Candidate(f"n{number}", spoke=float(number)) for number in range(1000)),
    ]
    room.people = people
    room.connects.shut()
    for person in reversed(people):
        room.connects.again(person, Failure(Kind.NETWORK, "reset"), attempts=1)
    await room.settle(30)
    assert room.dialling == ["listener"]
    room["listener"].up()
    room.connects.open()
    came: list[str] = []
    while len(came) < 1000:
        await room.settle()
        dialling = room.dialling
        assert 0 < len(dialling) <= 4
        came += dialling
        for name in dialling:
            room[name].up()
    assert set(came[:4]) == {"n996", "n997", "n998", "n999"}  # who spoke last
    assert len(set(came)) == 1000
    assert all(len(person.outcomes) == 1 for person in people)
    assert all(person.told == [] for person in people)
