"""The suite for connector authors, run against IRC: on ngircd as it is, and on InspIRCd with everything that IRCv3 adds."""

import asyncio
import itertools
from contextlib import suppress

import pytest
from msgspec.structs import replace

from bridge.conformance.driver import Driver, Heard
from bridge.conformance.recorder import Recorder, Running
from bridge.conformance.suite import HOSTILE, Conformance, somebody
from bridge.connector import Connector, PuppetSettings, Setup
from bridge.core.content import Content
from bridge.core.deliveries import AsBridge, AsPuppet, AsRelay, Head, Post, SetTopic
from bridge.core.events import Presence, Show
from bridge.core.failures import DeliveryFailure
from bridge.core.ids import DeliveryKey, EventKey, MessageId, MessageRef, Network, PersonId, Room, RoomId, digest
from bridge.demo.people import IrcPerson
from connectors.irc.config import IrcSettings
from connectors.irc.connector import build
from tests.support.servers import InspIRCd, Ngircd

pytestmark = pytest.mark.server
_numbers = itertools.count(1)


class IrcDriver:
    """A server that was started already, and Romeo on it."""

    network = Network("irc")
    room = RoomId("#verona")

    def __init__(self, port: int) -> None:
        self._port = port
        self._people: dict[str, IrcPerson] = {}

    async def start(self) -> None:
        await self._person("romeo")

    async def stop(self) -> None:
        for person in self._people.values():
            await person.close()

    def connector(self) -> Connector:
        settings = IrcSettings(host="127.0.0.1", port=self._port, tls=False)
        return build(
            Setup(network=self.network, settings=settings, puppets=PuppetSettings(), instance="test", version="0")
        )

    async def say(self, name: str, text: str) -> None:
        if set(text) & set("\r\n\0") or len(text.encode()) > 400:
            msg = "not a line of IRC"
            raise ValueError(msg)
        person = await self._person(name)
        person.say(self.room, text)
        await person.fence()

    async def heard(self) -> list[Heard]:
        romeo = await self._person("romeo")
        await romeo.fence()
        return [Heard(nick, text) for nick, text in romeo.texts(self.room) if nick not in self._people]

    async def members(self) -> list[str]:
        romeo = await self._person("romeo")
        return sorted(await romeo.names(self.room))

    def person(self, name: str) -> PersonId:
        return PersonId(name.lower())

    async def _person(self, name: str) -> IrcPerson:
        if name not in self._people:
            person = self._people[name] = IrcPerson(name, port=self._port)
            await person.connect()
            await person.join(self.room)
        return self._people[name]


@pytest.fixture(scope="module")
def inspircd():
    yield from _started(InspIRCd())


@pytest.fixture(scope="module")
def ngircd():
    yield from _started(Ngircd())


def _started(server):
    """One process for all tests; each test has people and a connector of its own."""
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())


class TestOnNgircd(Conformance):
    @pytest.fixture(autouse=True)
    def _server(self, ngircd):
        self.port = ngircd.port

    def make_driver(self) -> Driver:
        return IrcDriver(self.port)


class TestOnInspIRCd(Conformance):
    """Registers on a one-second tick, so the hostile tables are left to ngircd, and to one test for all of them below."""

    test_survives_what_people_say = None
    test_survives_what_it_has_to_say = None
    test_survives_what_people_are_called = None

    @pytest.fixture(autouse=True)
    def _server(self, inspircd):
        self.port = inspircd.port

    def make_driver(self) -> Driver:
        return IrcDriver(self.port)


async def test_everything_hostile_at_once_on_inspircd(inspircd):
    """Texts, names, topics, reasons and away messages of the suite, in one run: one connection for each person, and no other."""
    driver = IrcDriver(inspircd.port)
    await driver.start()
    room = Room(driver.network, driver.room)
    async with Running(driver.connector(), Recorder(), driver.room) as running:
        connector = running.connector
        people = [somebody(name[:1000]) for name in HOSTILE.values()]
        for person, text in zip(people, HOSTILE.values(), strict=True):
            connector.join(driver.room, person)
            connector.join(driver.room, replace(person, presence=Presence(Show.AWAY, text)))
        for number, (person, text) in enumerate(zip(people, HOSTILE.values(), strict=True)):
            for voice in (AsPuppet(member=person), AsRelay(member=person)):
                await connector.send(_post(room, voice, text))
            topic = SetTopic(head=_post(room, AsBridge(), "x").head, topic=text)
            with suppress(DeliveryFailure):
                await connector.send(topic)
            assert len(await driver.members()) == len(people) + 2, number
            connector.leave(driver.room, person.person, reason=text)
            connector.join(driver.room, person)
        await connector.send(_post(room, AsPuppet(member=people[0]), "fence"))
        romeo = await driver._person("romeo")
        await romeo.message(driver.room, "fence")
        assert not [line for line in romeo.seen if " QUIT " in line.partition(" :")[0]]
        romeo.send("LIST")
        await romeo.line(" 323 ")
        assert [line.split(" ")[3] for line in romeo.seen if " 322 romeo " in line] == ["#verona"]
        assert running.alive
    await driver.stop()


def _post(room, voice, text):
    number = next(_numbers)
    head = Head(
        key=DeliveryKey(digest("hostile", number)),
        room=room,
        voice=voice,
        source=Room(Network("xmpp"), RoomId("verona")),
        event=EventKey(f"e{number}"),
        at=1_700_000_000_000,
    )
    return Post(head=head, message=MessageRef(head.source, MessageId(head.event)), content=Content(text=text))
