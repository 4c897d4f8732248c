"""What a network says later about a copy: a receipt for the sender, or the news that it did not arrive."""

from bridge.core.capabilities import Representation
from bridge.core.content import Content
from bridge.core.deliveries import Tell
from bridge.core.events import CopyReported, DirectCopied, Origin
from bridge.core.failures import Permanent
from bridge.core.ids import EventKey, MessageId, Network, Person, PersonId, Room, RoomId
from tests.support.build import direct, member
from tests.support.clock import quiet
from tests.support.connectors import HandConnector, capabilities
from tests.support.hubs import Works


class ReceivingConnector(HandConnector):
    """One that shows receipts."""

    def __init__(self) -> None:
        super().__init__(capabilities(Representation.ADDRESS))
        self.receipts: list[str] = []
        self.bounces = False  # whether the message itself can be answered

    def bounced(self, room: RoomId, message: MessageId, *, to: Person, by: Person, reason: str) -> bool:
        if not self.bounces:
            return False
        self.receipts.append(f"{to.id} learns in {room} that {by.id} will not have {message}: {reason}")
        return True

    def received(self, room: RoomId, message: MessageId, *, to: Person, by: Person) -> None:
        self.receipts.append(f"{to.id} learns in {room} that {by.id} has {message}")


def reported(*, arrived: bool, id_: str = "r1", reason: str = "") -> CopyReported:
    return CopyReported(
        origin=Origin(room=Room(Network("right"), RoomId("bob")), key=EventKey("k"), at=1),
        id=MessageId(id_),
        person=Person(Network("right"), PersonId("bob")),
        arrived=arrived,
        reason=reason,
    )


async def test_the_sender_gets_a_receipt() -> None:
    works = Works()
    await works.hub.open()
    left, right = ReceivingConnector(), HandConnector(capabilities(Representation.RELAY))
    works.add("left", left)
    works.add("right", right)
    await quiet()
    bob = Person(Network("right"), PersonId("bob"))
    said = direct("hello", to=bob, where="left:bob")
    left.emit(said)
    await quiet()
    right.emit(reported(arrived=True))
    await quiet()
    assert left.receipts == [f"juliet learns in bob that bob has {said.id}"]
    await works.hub.close(deadline=0)


async def test_the_sender_is_told_what_did_not_arrive() -> None:
    works = Works()
    await works.hub.open()
    left, right = ReceivingConnector(), HandConnector(capabilities(Representation.RELAY))
    works.add("left", left)
    works.add("right", right)
    await quiet()
    left.emit(direct("hello", to=Person(Network("right"), PersonId("bob")), where="left:bob"))
    await quiet()
    right.emit(reported(arrived=False, reason="the short message is expired"))
    right.emit(reported(arrived=False, id_="of something else", reason="nobody knows"))
    await quiet()
    await works.clock.advance(5)
    (told,) = [delivery for delivery in left.sent if isinstance(delivery, Tell)]
    assert told.person == member("juliet").person
    assert told.content.text == "“hello” did not reach right: the short message is expired"
    await works.hub.close(deadline=0)


async def test_where_it_can_be_the_message_itself_is_answered() -> None:
    works = Works()
    await works.hub.open()
    left, right = ReceivingConnector(), HandConnector(capabilities(Representation.RELAY), automatic=False)
    left.bounces = True
    works.add("left", left)
    works.add("right", right)
    await quiet()
    said = direct("hello", to=Person(Network("right"), PersonId("bob")), where="left:bob")
    left.emit(said)
    await quiet()
    right.answer(Permanent("no such number"))
    await quiet()
    await works.clock.advance(5)
    assert left.receipts == [f"juliet learns in bob that bob will not have {said.id}: no such number"]
    assert left.sent == []  # and no notice besides
    await works.hub.close(deadline=0)


class CopyingConnector(HandConnector):
    """One that shows people what they said elsewhere."""

    def __init__(self) -> None:
        super().__init__(capabilities(Representation.ADDRESS))
        self.shown_copies: list[str] = []

    def copied(self, event: DirectCopied) -> None:
        self.shown_copies.append(f"{event.person.id} to {event.to.name}: {event.content.text}")


async def test_what_somebody_said_by_a_client_of_their_own_is_shown_where_they_are() -> None:
    works = Works()
    await works.hub.open()
    left, right = CopyingConnector(), HandConnector(capabilities(Representation.RELAY))
    works.add("left", left)
    works.add("right", right)
    await quiet()
    origin = Origin(room=Room(Network("right"), RoomId("bob")), key=EventKey("k"), at=1)
    for home in ("left", "right", "nowhere"):  # who cannot show it, and who is gone, do without
        person = Person(Network(home), PersonId("juliet"))
        copy = DirectCopied(
            origin=origin, person=person, to=member("bob", "right"), id=MessageId("k"), content=Content(text="hi")
        )
        right.emit(copy)
    await quiet()
    assert left.shown_copies == ["juliet to bob: hi"]
    await works.hub.close(deadline=0)
