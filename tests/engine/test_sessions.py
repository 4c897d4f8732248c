"""Members who have asked to be on a network as themselves, and rooms that are read through them."""

from bridge.connector import Abroad, PuppetMode, PuppetSettings
from bridge.core.capabilities import Representation
from bridge.core.deliveries import AsPuppet, AsRelay
from bridge.core.events import Cause, Event, Member, PuppetJoined, PuppetLeft, Rank, RoomClosed, TopicChanged
from bridge.core.ids import Person, Room, RoomId
from bridge.engine.hub import Link
from bridge.engine.puppets import WHISPERING
from tests.support.build import (
    direct,
    left,
    listed,
    member,
    origin,
    person,
    posted,
    room,
)
from tests.support.clock import quiet
from tests.support.connectors import HandConnector, capabilities
from tests.support.hubs import Works


class Open(HandConnector):
    """A network whose rooms can be opened by name."""

    def named(self, name: str) -> RoomId | None:
        return RoomId(name)

    def listen(self, room: RoomId, *, password: str = "") -> None:
        self.listened.append(f"listen {room}")

    def attend(self, room: RoomId, *, password: str = "") -> None:
        self.listened.append(f"attend {room} {password}".rstrip())


class Home(HandConnector):
    """A network that wants to know how its members fare elsewhere."""

    def __init__(self) -> None:
        super().__init__(capabilities(Representation.ADDRESS))
        self.told: list[tuple[str, Abroad]] = []
        self.invitations: list[str] = []

    def follow(self, room: RoomId, event: Abroad) -> None:
        self.told.append((room, event))

    def invited(self, person: Person, room: Room, *, by: str) -> None:
        self.invitations.append(f"{person.id} into {room} by {by}")


async def stage(puppets: PuppetSettings | None = None) -> tuple[Works, Home, Open]:
    works = Works()
    await works.hub.open()
    home, away = Home(), Open(capabilities(Representation.SESSION))
    works.add("left", home)
    works.add("right", away, puppets=puppets)
    works.hub.add_link(Link(name="link", rooms=(room("left:#a"), room("right:#b")), attended=True))
    await quiet()
    return works, home, away


async def test_a_session_is_shown_at_once_and_stays_however_long_it_is_silent() -> None:
    works, home, away = await stage(PuppetSettings(mode=PuppetMode.LAZY, idle=60.0))
    await home.emit(listed(member("juliet", session=True), member("romeo")))
    await quiet()
    assert away.wishes == ["join #b juliet"]
    await works.clock.advance(3_600)
    assert away.wishes == ["join #b juliet"]
    await works.hub.close(deadline=0)


async def test_a_session_is_never_sent_away_for_somebody_else() -> None:
    works, home, away = await stage(PuppetSettings(max=1))
    await home.emit(listed(member("juliet", session=True), member("romeo")))
    await quiet()
    assert away.wishes == ["join #b juliet"]
    await works.clock.advance(3_600)
    await home.emit(posted("hello", "romeo", where="left:#a"))
    assert away.wishes == ["join #b juliet"]
    await works.hub.close(deadline=0)


async def test_who_is_nowhere_talks_in_private_as_themselves_as_long_as_there_is_room() -> None:
    works, home, away = await stage(PuppetSettings(max=2))
    bob = person("bob", "right")
    await home.emit(listed(member("juliet", session=True)))
    await quiet()

    async def voice(who: str) -> type:
        await home.emit(direct("psst", who, to=bob))
        await quiet()
        return type(away.sent[-1].head.voice)

    assert [await voice(who) for who in ("romeo", "romeo", "juliet", "nurse")] == [
        AsPuppet,
        AsPuppet,
        AsPuppet,
        AsRelay,
    ]
    await works.clock.advance(WHISPERING)
    assert [await voice(who) for who in ("nurse", "romeo")] == [AsPuppet, AsRelay]
    await works.hub.close(deadline=0)


async def test_an_attended_room_is_not_listened_to_until_somebody_links_it() -> None:
    works, _, away = await stage()
    assert away.listened == ["attend #b"]
    rooms = (room("left:#a"), room("right:#b"))
    works.hub.set_links([Link(name="link", rooms=rooms, attended=True, passwords={rooms[1]: "key"})])
    assert away.listened == ["attend #b", "attend #b key"]
    works.hub.set_links([Link(name="other", rooms=rooms)])
    assert away.listened[2:] == ["listen #b"]
    await works.hub.close(deadline=0)


async def test_who_follows_is_told_how_members_fare_elsewhere() -> None:
    works, home, away = await stage()
    juliet = person("juliet")
    facts: list[Event] = [
        TopicChanged(origin=origin("right:#b", key="t", replayed=True), topic="snakes"),
        TopicChanged(origin=origin("right:#b", key="t", replayed=True), topic="snakes"),  # from who reads after another
        PuppetJoined(origin=origin("right:#b"), person=juliet, name="juliet_", rank=Rank.ADMIN),
        listed(member("bob", "right"), where="right:#b"),
        PuppetLeft(origin=origin("right:#b"), person=juliet, cause=Cause.KICKED, final=True),
        RoomClosed(origin=origin("right:#b"), cause=Cause.LOST),
    ]
    for fact in facts:
        await away.emit(fact)
    assert [event for _, event in home.told] == facts
    assert {where for where, _ in home.told} == {"#a"}
    await works.hub.close(deadline=0)


async def test_who_is_removed_is_told_before_they_are_gone() -> None:
    works, home, away = await stage()
    bob: Member = member("bob", "right")
    await away.emit(listed(bob, where="right:#b"))
    home.wishes.clear()
    seen: list[bool] = []
    home.follow = lambda _room, event: seen.append("leave" in " ".join(home.wishes))  # type: ignore[method-assign]
    await away.emit(left(bob, where="right:#b", cause=Cause.KICKED))
    assert seen == [False]
    assert any(wish.startswith("leave #a bob") for wish in home.wishes)
    await works.hub.close(deadline=0)


async def test_a_session_that_is_thrown_out_is_told_by_its_own_room_and_by_no_notice() -> None:
    works, home, away = await stage()
    await home.emit(listed(member("juliet", session=True)))
    await away.emit(PuppetLeft(origin=origin("right:#b"), person=person("juliet"), cause=Cause.KICKED, final=True))
    await quiet()
    assert home.sent == [] or all(type(each).__name__ == "Kick" for each in home.sent)
    await works.hub.close(deadline=0)


async def test_an_invitation_reaches_the_network_of_who_is_invited() -> None:
    works, home, away = await stage()
    assert away.hub is not None
    away.hub.invited(person("juliet"), RoomId("#secret"), by="bob")
    away.hub.invited(person("bob", "right"), RoomId("#secret"), by="juliet")  # whose network does not want to know
    assert home.invitations == ["juliet into right:#secret by bob"]
    await works.hub.close(deadline=0)
