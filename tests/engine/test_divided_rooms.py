"""A room whose place is taken by several who hear: each has a lane of its own, and hears what else happens in the link."""

from bridge.connector import Status
from bridge.core.deliveries import Announce, Edit, GivenUp, NetworkIs, Post, Retract, Sent
from bridge.core.events import MemberJoined, MemberLeft, MemberRenamed
from bridge.core.failures import Permanent
from bridge.core.ids import MessageId, Network, Person, PersonId, RoomId
from bridge.engine.hub import Link
from tests.support.build import edited, joined, left, posted, renamed, retracted, room
from tests.support.clock import quiet
from tests.support.connectors import HandConnector, capabilities
from tests.support.hubs import Works, works


class Divided(HandConnector):
    """A network whose rooms are heard by "one" and "two"."""

    def __init__(self) -> None:
        super().__init__(capabilities(), automatic=False)
        self.names = ("one", "two")

    def shares(self, room: RoomId) -> tuple[RoomId, ...]:
        return tuple(RoomId(f"{room}/{name}") for name in self.names)

    def open_in(self, share: str) -> list:
        return [delivery for delivery, _ in self.open if delivery.head.room.id == share]

    def settle(self, share: str, outcome: Exception | str) -> None:
        """Answer the oldest send to a share."""
        for entry in self.open:
            delivery, landing = entry
            if delivery.head.room.id == share:
                self.open.remove(entry)
                if isinstance(outcome, Exception):
                    landing.set_exception(outcome)
                else:
                    landing.set_result(Sent((MessageId(outcome),)))
                return


def stage(one: Works) -> Divided:
    divided = Divided()
    one.add("hooks", divided)
    one.link("left:#a", "hooks:builds")
    return divided


async def test_what_is_said_goes_to_every_share_and_not_to_the_room():
    async with works(link=()) as one:
        divided = stage(one)
        await quiet()
        await one.networks["left"].emit(posted("hello", id="1"))
        await quiet()
        assert [delivery.head.room.id for delivery in divided.sent] == ["builds/one", "builds/two"]


async def test_a_dead_share_delays_nobody_and_keeps_its_order():
    async with works(link=()) as one:
        divided = stage(one)
        await quiet()
        for text in ("1", "2", "3"):
            await one.networks["left"].emit(posted(text, id=text))
        for _ in range(3):
            await quiet()
            divided.settle("builds/two", "x")
        assert [d.content.text for d in divided.sent if d.head.room.id == "builds/two"] == ["1", "2", "3"]
        assert [d.content.text for d in divided.open_in("builds/one")] == ["1"]


async def test_a_share_has_its_own_ids_of_messages():
    async with works(link=()) as one:
        divided = stage(one)
        await quiet()
        left_ = one.networks["left"]
        await left_.emit(posted("hello", id="1"))
        await quiet()
        divided.settle("builds/one", "first")
        divided.settle("builds/two", "second")
        await left_.emit(edited("1", "hullo"))
        await quiet()
        assert {d.head.room.id: d.ids for d, _ in divided.open if isinstance(d, Edit)} == {
            "builds/one": ("first",),
            "builds/two": ("second",),
        }
        divided.settle("builds/one", "first")
        await left_.emit(retracted("1"))
        await quiet()
        assert [type(d) for d in divided.open_in("builds/one")] == [Retract]


async def test_what_is_said_in_the_room_reaches_the_others_and_the_shares():
    async with works(link=()) as one:
        divided = stage(one)
        await quiet()
        await divided.emit(posted("built", id="b", by="ci", where="hooks:builds"))
        await quiet()
        assert [d.content.text for d in one.networks["left"].sent] == ["built"]
        assert len(divided.open) == 2


async def test_an_answer_in_a_share_is_said_everywhere_but_there():
    async with works(link=()) as one:
        divided = stage(one)
        await quiet()
        left_ = one.networks["left"]
        await left_.emit(posted("!build", id="1"))
        await quiet()
        divided.settle("builds/one", "first")
        divided.settle("builds/two", "second")
        answer = posted("done", id="a", by="ci", where="hooks:builds/one", reply_to="first")
        await divided.emit(answer)
        await quiet()
        said = [d for d in left_.sent if isinstance(d, Post)]
        assert [(d.content.text, d.reply.ids if d.reply else None) for d in said] == [("done", ("1",))]
        assert [d.content.text for d in divided.open_in("builds/two")] == ["done"]
        assert divided.open_in("builds/one") == []


async def test_shares_are_told_who_comes_and_goes():
    async with works(link=()) as one:
        divided = stage(one)
        await quiet()
        left_ = one.networks["left"]
        await left_.emit(joined("bob"))
        await left_.emit(renamed("bob", "rob"))
        await left_.emit(left("rob"))
        told = []
        for _ in range(3):
            await quiet()
            told += [d for d in divided.open_in("builds/one") if isinstance(d, Announce)]
            divided.settle("builds/one", "x")
        assert [d.text for d in told] == ["bob joined", "bob is now rob", "rob left"]
        assert [type(d.about) for d in told] == [MemberJoined, MemberRenamed, MemberLeft]
        assert {d.head.source for d in told} == {room("left:#a")}


async def test_shares_are_told_what_did_not_arrive_elsewhere_and_how_networks_are():
    async with works(link=()) as one:
        divided = stage(one)
        await quiet()
        divided.open.clear()
        divided.settle("builds/one", "x")
        await one.networks["left"].emit(posted("hello", id="1"))
        await quiet()
        divided.settle("builds/two", Permanent("no"))
        divided.settle("builds/one", "x")
        await quiet()
        about = [d.about for d in divided.open_in("builds/one") if isinstance(d, Announce)]
        assert [(a.room.id, a.reason) for a in about if isinstance(a, GivenUp)] == [("builds/two", "no")]
        assert divided.open_in("builds/two") == []
        divided.settle("builds/one", "x")
        one.hub.port(Network("left")).report(Status.DOWN, "gone")
        await quiet()
        about = [d.about for d in divided.open_in("builds/one") if isinstance(d, Announce)]
        assert [(a.network, a.status, a.before) for a in about if isinstance(a, NetworkIs)] == [
            ("left", "down", "ready")
        ]


async def test_shares_come_and_go_with_the_network_and_the_link():
    async with works(link=()) as one:
        divided = stage(one)
        await quiet()
        await one.hub.remove_network(Network("hooks"))
        again = Divided()
        again.names = ("two", "three")
        one.add("hooks", again)
        await quiet()
        await one.networks["left"].emit(posted("hello", id="1"))
        await quiet()
        assert sorted(d.head.room.id for d in again.sent) == ["builds/three", "builds/two"]
        assert divided.sent == []
        one.hub.remove_link("link")
        again.sent.clear()
        await one.networks["left"].emit(posted("hello again", id="2"))
        await quiet()
        assert again.sent == []


async def test_a_room_without_shares_is_told_nothing():
    async with works(link=()) as one:
        divided = Divided()
        divided.names = ()
        one.add("hooks", divided)
        one.hub.set_links([Link(name="link", rooms=(room("left:#a"), room("hooks:builds")))])
        await quiet()
        await one.networks["left"].emit(posted("hello", id="1"))
        await quiet()
        assert divided.sent == []
        assert [status.room for status in one.hub.rooms()] == [room("hooks:builds"), room("left:#a")]


async def test_administrators_are_told_in_private():
    async with works(link=()) as one:
        one.hub.admins = (Person(Network("left"), PersonId("admin")),)
        divided = stage(one)
        await quiet()
        assert divided.hub is not None
        divided.hub.alarm("an endpoint is off")
        await one.clock.advance(5)
        await quiet()
        told = [d for d in one.networks["left"].sent if d.head.room.id == "admin"]
        assert [d.content.text for d in told] == ["hooks: an endpoint is off"]


async def test_what_a_share_was_not_told_is_for_administrators_and_not_for_who_spoke():
    async with works(link=()) as one:
        one.hub.admins = (Person(Network("left"), PersonId("admin")),)
        divided = stage(one)
        await quiet()
        await one.networks["left"].emit(posted("hello", id="1"))
        await quiet()
        divided.settle("builds/one", Permanent("it refused this"))
        await one.clock.advance(5)
        await quiet()
        told = {d.head.room.id: d.content.text for d in one.networks["left"].sent}
        assert told == {"admin": "hooks: builds/one was not told something: it refused this. It is a dead letter"}
