"""Who is away on servers that do not tell by themselves: whom is asked, how often, and for whom."""

import pytest
from msgspec.structs import replace

from bridge.core.events import MemberJoined, MembersListed, Presence, Show
from bridge.core.ids import RoomId
from bridge.demo.people import IrcPerson
from connectors.irc.connection.isupport import Isupport
from connectors.irc.connection.pace import Pace
from connectors.irc.people.looking import FEW, MOST, Looks
from connectors.irc.reading.channels import View
from connectors.irc.reading.places import Places
from tests.support.irc_stage import CHANNEL, NETWORK, QUICK, settle, stage
from tests.support.ircd import NAME, Ircd
from tests.support.servers import Ngircd

OFTEN = replace(QUICK, away=0.05)


class Room:
    """Channels that are read over one connection, on a clock of the test's own."""

    def __init__(self, *, caps="", attended=(), ours=(), **sizes):
        self.at = 0.0
        self.pace = Pace(away=30.0)
        self.places = Places()
        self.view = View(NETWORK, Isupport(), me="link", rooms=self.places.room, owns=lambda _: False)
        for name, size in sizes.items():
            self.places.add(RoomId(f"#{name}"), "", is_ours=name in ours)
            channel = self.view.open(f"#{name}")
            for number in range(size):
                self.view.name(channel, f"n{number}")
        self.caps = frozenset(caps.split())
        self.loop = self
        self.calls = []
        self.asked = []
        self.attended = {RoomId(f"#{name}") for name in attended}
        self.looks = Looks(self, lambda _: self, lambda: self.attended)

    def time(self):
        return self.at

    def call_soon(self, call):
        return self.later(0.0, call)

    def later(self, seconds, call):
        self.calls.append((self.at + seconds, call))
        return len(self.calls)

    def send(self, command, *params):
        self.asked.append((self.at, command, *params))

    def pass_time(self, seconds):
        """Return what is asked in the next seconds, as (channel, when)."""
        self.looks.wake()
        end, before = self.at + seconds, len(self.asked)
        while self.calls and self.calls[0][0] <= end:
            self.at, call = self.calls.pop(0)
            call()
        self.at = end
        return [(name, round(at)) for at, _, name in self.asked[before:]]


@pytest.mark.parametrize(
    ("room", "asked"),
    [
        (Room(a=3, attended=["a"]), [("#a", 30), ("#a", 60), ("#a", 90)]),
        (Room(a=3, ours=["a"]), [("#a", 30), ("#a", 60), ("#a", 90)]),
        (Room(a=3), []),
        (Room(a=3, attended=["a"], caps="away-notify"), []),
        (Room(a=2 * FEW, attended=["a"]), [("#a", 60)]),
        (Room(a=MOST + 1, attended=["a"]), []),
        (Room(a=20, b=20, c=1, attended=["a", "b"]), [("#a", 30), ("#b", 32), ("#a", 60), ("#b", 62), ("#a", 90), ("#b", 92)]),
        (Room(), []),
    ],
    ids=["small", "linked", "nobody looks", "told", "larger", "too large", "one after the other", "no channel"],
)  # fmt: skip
def test_so_often(room, asked):
    assert room.pass_time(100) == asked


def test_there_is_no_timer_for_nobody():
    room = Room(a=3, caps="away-notify")
    room.pass_time(1)
    assert room.calls == []


def test_many_channels_share_one_measure():
    room = Room(attended=[f"r{n}" for n in range(100)], **{f"r{n}": 20 for n in range(100)})
    asked = room.pass_time(500)
    assert len(asked) == pytest.approx(470 / 2, abs=2)
    assert len({name for name, _ in asked}) == 100


async def test_over_the_users_own_connection_and_only_while_they_are_there():
    async with Ircd() as ircd, stage(ircd.port, rooms=(), listener=False, pace=OFTEN) as play:
        play.connector.attend(CHANNEL)
        play.join("juliet", session=True)
        own = await ircd.accept()
        await own.welcome()
        await own.find("JOIN")
        own.send(f":{own.mask} JOIN {CHANNEL}", f":{NAME} 353 juliet = {CHANNEL} :juliet bob")
        own.numeric(366, CHANNEL, "End")
        await own.find("WHO")
        await settle(own)
        await own.find(f"WHO {CHANNEL}")
        own.send(f":{NAME} 352 juliet {CHANNEL} b h {NAME} bob G :0 Bob", f":{NAME} 315 juliet {CHANNEL} :End")
        await play.told(MemberJoined, member__presence__show=Show.AWAY)
        own.send(f":{NAME} 301 juliet bob :gone fishing", f":{NAME} 301 juliet nobody :gone")
        await play.told(MemberJoined, member__presence__status="gone fishing")
        own.send(f":{NAME} 352 juliet {CHANNEL} b h {NAME} bob H :0 Bob")
        back = await play.told(MemberJoined, member__presence__show=Show.AVAILABLE)
        assert back.member.presence == Presence()
        play.join("juliet", session=True, presence=Presence(Show.AWAY, "asleep"))
        await own.find("AWAY")
        assert play.connector._run.pool.attended() == set()


@pytest.mark.server
async def test_on_ngircd():
    async with Ngircd() as server, IrcPerson("bob", port=server.port) as bob:
        await bob.join(CHANNEL)
        async with stage(server.port, rooms=(), listener=False, pace=replace(OFTEN, away=0.2)) as play:
            play.connector.attend(CHANNEL)
            play.join("juliet", session=True)
            await play.told(MembersListed)
            bob.send("AWAY :gone fishing")
            away = await play.told(MemberJoined, member__presence__show=Show.AWAY)
            assert away.member.name == "bob"
            bob.send("AWAY")
            await play.told(MemberJoined, after=play.mark(), member__presence__show=Show.AVAILABLE)
        assert not any(CHANNEL in words for _, words in play.hub.remarks)  # the answers are not for juliet to read
