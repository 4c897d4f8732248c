"""Who may ask which network about its people, and what a network without the ability answers."""

import pytest

from bridge.connector import PuppetSettings, Session, Status
from bridge.core.acts import ActRefused, Obstacle
from bridge.core.capabilities import Representation
from bridge.core.events import Presence
from bridge.core.ids import XMPP, Network, Person, PersonId
from bridge.core.profiles import Profile, Question, Wanted
from bridge.people import People
from tests.gateway.test_gateway import Stage
from tests.support.clock import quiet
from tests.support.connectors import HandConnector, capabilities
from tests.support.people import BOB, IRC, profile

JULIET = Person(XMPP, PersonId("juliet@home.example"))


class Able(HandConnector):
    """A network that knows its people: Informs, Asks, Sights, Sessions."""

    def __init__(self) -> None:
        super().__init__(capabilities(Representation.SESSION))
        self.sighted: set[PersonId] = set()
        self.lines: list[str] = []

    async def profile(self, person: Person, by: Person) -> Profile:
        return profile("Bob")

    async def people(self, wanted: Wanted, by: Person) -> list[Profile]:
        return [profile("Bob")]

    async def ask(self, person: Person, question: Question, *, by: Person) -> str:
        return f"{question} of {person.id} for {by.id}"

    def sight(self, person: PersonId, *, on: bool) -> None:
        (self.sighted.add if on else self.sighted.discard)(person)

    def session(self, person: Person) -> Session:
        return Session(status=Status.READY, name="juliet")

    async def raw(self, person: Person, line: str) -> None:
        self.lines.append(line)


class Home(HandConnector):
    """A network with contact lists, whose people have programs that can be asked."""

    def __init__(self) -> None:
        super().__init__(capabilities(Representation.ADDRESS))
        self.told: list[str] = []

    def sighted(self, person: Person, presence: Presence | None) -> None:
        self.told.append(f"{person.network} {person.id} {presence and presence.show}")

    def session_is(self, person: Person, network: Network, session: Session) -> None:
        self.told.append(f"{person.id} on {network}: {session.status}")

    def server_said(self, person: Person, network: Network, words: str) -> None:
        self.told.append(f"{network} to {person.id}: {words}")

    async def ask(self, person: Person, question: Question, *, by: Person) -> str:
        return f"{question} of {person.id} for {by.network} {by.id}"


async def world(**settings: object) -> tuple[Stage, People, Able, Home]:
    stage = Stage(**settings)
    await stage.hub.open()
    able, home = Able(), Home()
    stage.hub.add_network(XMPP, home, PuppetSettings())
    stage.hub.add_network(IRC, able, PuppetSettings())
    stage.hub.add_network(Network("tg"), HandConnector(capabilities(Representation.RELAY)), PuppetSettings())
    await quiet()
    return stage, People(stage.hub, stage.gateway), able, home


async def test_an_able_network_is_asked() -> None:
    stage, people, able, _ = await world()
    assert people.informs(IRC)
    assert (await people.profile(BOB, JULIET)).name == "Bob"
    assert [one.name for one in await people.people(IRC, Wanted(name="b*"), JULIET)] == ["Bob"]
    assert await people.ask(BOB, Question.ECHO, JULIET) == "echo of bob for juliet@home.example"
    assert people.sight(BOB, on=True)
    assert able.sighted == {"bob"}
    assert people.session(JULIET, IRC) == Session(status=Status.READY, name="juliet")
    await people.raw(IRC, JULIET, "VERSION")
    assert able.lines == ["VERSION"]
    await stage.hub.close(deadline=0)


async def test_a_network_that_knows_nothing_of_its_people_says_so() -> None:
    stage, people, _, _ = await world(open_irc=True)
    tg = Network("tg")
    someone = Person(tg, PersonId("123"))
    assert not people.informs(tg)
    assert not people.sight(someone, on=True)
    assert people.session(JULIET, tg) is None
    for asking in (
        people.profile(someone, JULIET),
        people.people(tg, Wanted(name="x"), JULIET),
        people.ask(someone, Question.ECHO, JULIET),
        people.raw(tg, JULIET, "VERSION"),
    ):
        with pytest.raises(ActRefused) as refused:
            await asking
        assert refused.value.obstacle is Obstacle.IMPOSSIBLE

    # a server that would be opened
    free = Network("irc.example.net")
    assert people.opens(free)
    assert not people.opens(IRC)
    assert people.session(JULIET, free) == Session()
    with pytest.raises(ActRefused, match="join a room first"):
        await people.raw(free, JULIET, "VERSION")
    await stage.hub.close(deadline=0)


@pytest.mark.parametrize("settings", [{"deny": ("home.example",)}, {"enabled": False}])
async def test_who_may_not_use_the_gateway_asks_nobody(settings: dict[str, object]) -> None:
    stage, people, able, _ = await world(**settings)
    assert not people.may(JULIET.id, IRC)
    for asking in (people.profile(BOB, JULIET), people.ask(BOB, Question.ECHO, JULIET), people.raw(IRC, JULIET, "X")):
        with pytest.raises(ActRefused):
            await asking
    assert able.lines == []
    await stage.hub.close(deadline=0)


async def test_what_a_network_tells_reaches_those_with_contact_lists() -> None:
    stage, _, _, home = await world()
    port = stage.hub.port(IRC)
    port.sighted(BOB.id, Presence())
    port.sighted(BOB.id, None)
    port.session_is(JULIET, Session(status=Status.READY))
    port.server_said(JULIET, "mind the gap")
    assert home.told == [
        "irc bob available",
        "irc bob None",
        "juliet@home.example on irc: ready",
        "irc to juliet@home.example: mind the gap",
    ]
    assert await port.ask(JULIET, Question.TIME, by=BOB) == "time of juliet@home.example for irc bob"
    with pytest.raises(ActRefused):
        await port.ask(Person(Network("tg"), PersonId("1")), Question.TIME, by=BOB)
    await stage.hub.close(deadline=0)
