"""Blocks and reports by command: what users can do, and what administrators see."""

from bridge.commands import abuse
from bridge.core.commands import Answer, Caller, Place, Who
from bridge.core.dialogue import Commands, Stuck, pass_through
from bridge.core.ids import Network, Person, PersonId
from bridge.engine import complaints
from bridge.engine.complaints import Complaint, Complaints
from bridge.storage.memory import MemoryStore
from bridge.xmpp.people.blocking import Blocking
from tests.support.clock import VirtualClock
from tests.support.commands import known
from tests.support.muc import Stream

BOB = "bob%libera@bridge.localhost"
JULIET = Caller(user="juliet@home.example", who=Who.USER)
ADMIN = Caller(user="admin@home.example", who=Who.ADMIN)


class Town:
    """Users, an administrator, and what they can do."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.store = MemoryStore(now=self.clock.now)
        self.complaints = Complaints(self.store, self.clock)
        blocking = Blocking(Stream(self.clock, domain="bridge.localhost"), lambda: None)
        self.commands: Commands = known(*abuse.offers(blocking, self.complaints, self._complain))

    async def _complain(self, complaint: Complaint) -> None:
        if not complaint.about.endswith("@bridge.localhost"):
            msg = f"{complaint.about} is nobody's address here"
            raise ValueError(msg)
        await self.complaints.file(complaint)

    async def say(self, caller: Caller, name: str, **given: str) -> str:
        offer = self.commands.find(name, Place())
        assert offer is not None
        return _words(await pass_through(self.commands.first(offer, Place(), caller), given))

    async def reports(self) -> list[tuple[str, str, str, str]]:
        offer = self.commands.find("reports list", Place())
        assert offer is not None
        answer = await pass_through(self.commands.first(offer, Place(), ADMIN), {})
        assert isinstance(answer, Answer)
        return [(each.by, each.about, each.reason, each.text) for each in answer.data]


def _words(answer: Answer | Stuck) -> str:
    return answer.text if isinstance(answer, Answer) else str(answer)


async def test_a_user_blocks_looks_and_unblocks() -> None:
    town = Town()
    assert await town.say(JULIET, "blocked") == "You have blocked nobody here."
    assert await town.say(JULIET, "block", address=BOB) == f"You hear nothing more from {BOB} in private."
    assert await town.say(JULIET, "blocked") == BOB
    assert "block it with your own server" in await town.say(JULIET, "block", address="eve@elsewhere.example")
    assert await town.say(JULIET, "unblock", address=BOB) == f"You hear from {BOB} again."
    assert "You have not blocked" in await town.say(JULIET, "unblock", address=BOB)


async def test_a_report_stands_on_the_list_until_it_is_settled() -> None:
    town = Town()
    assert "are told" in await town.say(JULIET, "report", address=BOB, text="again and again")
    assert "are told" in await town.say(JULIET, "report", address=BOB, reason="abuse", text="and now this")
    assert "nobody's address here" in await town.say(JULIET, "report", address="eve@elsewhere.example")
    assert await town.reports() == [("juliet@home.example", BOB, "abuse", "and now this")]
    (complaint,) = town.complaints.listed()
    assert "There is no report" in await town.say(ADMIN, "reports settle", id="nothing")
    assert await town.say(ADMIN, "reports settle", id=complaint.id) == "It is off the list."
    assert await town.reports() == []
    assert await town.say(ADMIN, "reports list") == "Nothing is reported."


async def test_complaints_outlive_the_run_with_who_was_meant_and_the_oldest_go_when_there_are_too_many() -> None:
    town = Town()
    bob = Person(Network("libera"), PersonId("bob"))
    for number in range(complaints.MOST + 1):
        await town.clock.advance(1)
        filed = Complaint(id="", by=f"u{number}@home.example", about=BOB, reason="spam", person=bob)
        assert await town.complaints.file(filed)
    assert not await town.complaints.file(filed)
    again = Complaints(town.store, town.clock)
    await again.open()
    listed = again.listed()
    assert (len(listed), listed[0].by, listed[0].person) == (complaints.MOST, "u1@home.example", bob)
