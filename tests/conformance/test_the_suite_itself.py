"""The suite finds what it is there to find: echo connectors that break one promise each, and the test that tells."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from bridge.conformance.driver import Driver
from bridge.conformance.suite import Conformance
from bridge.connector import Connector, Hub, PuppetSettings, Setup, Status
from bridge.core.capabilities import Capabilities, Feature, Representation, Support
from bridge.core.content import Content
from bridge.core.deliveries import Delivery, Sent
from bridge.core.events import Event, Member, MembersListed, MessagePosted, PuppetJoined
from bridge.core.ids import EventKey, MessageId, Person, RoomId
from connectors.echo.config import EchoSettings
from connectors.echo.conformance import EchoDriver
from connectors.echo.connector import EchoConnector


class Bent:
    """A hub that changes what a connector tells, on its way to the real one."""

    def __init__(self, hub: Hub, bend: Callable[[Event], Event | None]) -> None:
        self._hub = hub
        self._bend = bend

    def emit(self, event: Event) -> Awaitable[None]:
        bent = self._bend(event)
        return self._hub.emit(bent) if bent is not None else asyncio.sleep(0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._hub, name)


class Deaf(EchoConnector):
    async def run(self, hub: Hub) -> None:
        hub.report(Status.CONNECTING)
        await asyncio.Event().wait()


class Stubborn(EchoConnector):
    async def run(self, hub: Hub) -> None:
        try:
            await super().run(hub)
        except asyncio.CancelledError:
            await asyncio.sleep(10)


class Swallowing(EchoConnector):
    async def run(self, hub: Hub) -> None:
        try:
            await super().run(hub)
        except asyncio.CancelledError:
            return


class Posthumous(EchoConnector):
    async def run(self, hub: Hub) -> None:
        try:
            await super().run(hub)
        finally:
            asyncio.get_running_loop().call_later(0.02, hub.report, Status.DOWN)


class Once(EchoConnector):
    ran = False

    async def run(self, hub: Hub) -> None:
        if self.ran:
            await asyncio.Event().wait()
        self.ran = True
        await super().run(hub)


class ByText(EchoConnector):
    """Makes keys from the text alone."""

    async def run(self, hub: Hub) -> None:
        await super().run(Bent(hub, self.bend))  # type: ignore[arg-type]

    def bend(self, event: Event) -> Event | None:
        if not isinstance(event, MessagePosted):
            return event
        origin = msgspec.structs.replace(event.origin, key=EventKey(event.content.text))
        return msgspec.structs.replace(event, origin=origin)


class Forgetful(ByText):
    """Gives what it reads again another key."""

    def bend(self, event: Event) -> Event | None:
        if not isinstance(event, MessagePosted) or not event.origin.replayed:
            return event
        origin = msgspec.structs.replace(event.origin, key=EventKey(f"again {event.origin.key}"))
        return msgspec.structs.replace(event, origin=origin)


class Unmarked(ByText):
    def bend(self, event: Event) -> Event | None:
        if not isinstance(event, MessagePosted):
            return event
        return msgspec.structs.replace(event, origin=msgspec.structs.replace(event.origin, replayed=False))


class Dirty(ByText):
    """Lets half surrogates in."""

    def bend(self, event: Event) -> Event | None:
        if isinstance(event, MessagePosted) and "\ufffd" not in event.content.text and "before" in event.content.text:
            return msgspec.structs.replace(event, content=Content(text="before\ud800after"))
        return event


class Chatty(EchoConnector):
    """Reports its own words."""

    async def run(self, hub: Hub) -> None:
        self.hub = hub
        await super().run(hub)

    def send(self, delivery: Delivery) -> Awaitable[Sent]:
        self.network.join("#verona", "romeo")
        text = getattr(delivery, "content", Content(text="")).text
        self.network.say("#verona", "romeo", text)
        return super().send(delivery)


class Anonymous(EchoConnector):
    def _speaker(self, connection: Any, _: Delivery) -> Any:
        return connection.account, "a bridge"


class SameIds(EchoConnector):
    def send(self, delivery: Delivery) -> Awaitable[Sent]:
        async def sent() -> Sent:
            await landing
            return Sent((MessageId("1"),))

        landing = super().send(delivery)
        return sent()


class Hasty(EchoConnector):
    """Holds back every other delivery."""

    count = 0

    def send(self, delivery: Delivery) -> Awaitable[Sent]:
        self.count += 1
        if self.count % 2:
            return super().send(delivery)

        async def later() -> Sent:
            await asyncio.sleep(0.02)
            return await EchoConnector.send(self, delivery)

        return later()


class Injectable(EchoConnector):
    """Does what a text tells it to."""

    def send(self, delivery: Delivery) -> Awaitable[Sent]:
        text = getattr(delivery, "content", Content(text="")).text
        if "\nQUIT" in text:
            assert self._connection is not None
            self._connection.account = msgspec.structs.replace(self._connection.account, name="injected")
        return super().send(delivery)


class Fragile(EchoConnector):
    def send(self, delivery: Delivery) -> Awaitable[Sent]:
        if len(getattr(delivery, "content", Content(text="")).text) > 50_000:
            msg = "too long for me"
            raise RuntimeError(msg)
        return super().send(delivery)


class Obliging(EchoConnector):
    """Carries out what it has declared refused."""

    @property
    def capabilities(self) -> Capabilities:
        able = super().capabilities
        return msgspec.structs.replace(able, features={**able.features, Feature.REACT: Support.REFUSED})


class Rude(EchoConnector):
    def send(self, delivery: Delivery) -> Awaitable[Sent]:
        if self._connection is None:
            msg = "no connection"
            raise KeyError(msg)
        return super().send(delivery)


class Boastful(EchoConnector):
    @property
    def capabilities(self) -> Capabilities:
        return msgspec.structs.replace(super().capabilities, pipeline=0)


class Doubling(EchoConnector):
    async def run(self, hub: Hub) -> None:
        def twice(event: Event) -> Event:
            if isinstance(event, PuppetJoined):
                hub.emit(event)
            return event

        await super().run(Bent(hub, twice))  # type: ignore[arg-type]


class Clinging(EchoConnector):
    def leave(self, room: RoomId, person: Person, *, reason: str = "") -> None:
        pass


class Indiscreet(EchoConnector):
    """Lists its own puppets among the members."""

    def join(self, room: RoomId, member: Member) -> None:
        super().join(room, member)
        self.wanted = member

    async def run(self, hub: Hub) -> None:
        def shown(event: Event) -> Event:
            if isinstance(event, PuppetJoined):
                hub.emit(MembersListed(origin=event.origin, members=(self.wanted,)))
            return event

        await super().run(Bent(hub, shown))  # type: ignore[arg-type]


class Eavesdropping(EchoConnector):
    def unlisten(self, room: RoomId) -> None:
        self.network.happen(room, "left", self._connection.account)  # type: ignore[arg-type,union-attr]


class Bad(EchoDriver):
    """The far side of a connector that breaks a promise."""

    def __init__(self, kind: type[EchoConnector]) -> None:
        super().__init__(EchoSettings(representation=Representation.ADDRESS))
        self._kind = kind

    def connector(self) -> Connector:
        setup = Setup(
            network=self.network, settings=self._settings, puppets=PuppetSettings(), instance="test", version="0"
        )
        return self._kind(setup, self._echo)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.conformance.recorder.PATIENCE", 0.3)
    monkeypatch.setattr("bridge.conformance.suite.PATIENCE", 0.3)
    monkeypatch.setattr("bridge.conformance.recorder.LEAVE", 0.2)


HALF = "before\ud800after"
LONG = "x" * 100_000

BROKEN: list[tuple[type[EchoConnector], Callable[[Conformance], None]]] = [
    (Deaf, lambda suite: suite.test_says_when_it_is_ready()),
    (Stubborn, lambda suite: suite.test_leaves_when_cancelled()),
    (Swallowing, lambda suite: suite.test_leaves_when_cancelled()),
    (Posthumous, lambda suite: suite.test_is_silent_after_it_was_cancelled()),
    (Once, lambda suite: suite.test_can_run_again()),
    (ByText, lambda suite: suite.test_gives_every_message_a_key_of_its_own()),
    (Forgetful, lambda suite: suite.test_gives_the_same_message_the_same_key_when_it_is_read_again()),
    (Unmarked, lambda suite: suite.test_gives_the_same_message_the_same_key_when_it_is_read_again()),
    (Dirty, lambda suite: suite.test_survives_what_people_say(HALF)),
    (Chatty, lambda suite: suite.test_says_what_it_is_told_to()),
    (Anonymous, lambda suite: suite.test_shows_whose_words_they_are()),
    (SameIds, lambda suite: suite.test_names_what_it_has_sent()),
    (Hasty, lambda suite: suite.test_keeps_the_order_of_what_it_says()),
    (Injectable, lambda suite: suite.test_survives_what_it_has_to_say("before\nQUIT :injected")),
    (Fragile, lambda suite: suite.test_survives_what_it_has_to_say(LONG)),
    (Obliging, lambda suite: suite.test_answers_for_every_feature(Feature.REACT)),
    (Rude, lambda suite: suite.test_fails_decently_when_it_does_not_run()),
    (Boastful, lambda suite: suite.test_declares_what_it_can_do()),
    (Doubling, lambda suite: suite.test_shows_whom_it_is_told_to_show_once()),
    (Clinging, lambda suite: suite.test_forgets_a_wish_that_was_withdrawn_at_once()),
    (Indiscreet, lambda suite: suite.test_keeps_its_own_puppets_to_itself()),
    (Eavesdropping, lambda suite: suite.test_stops_listening()),
]


@pytest.mark.parametrize(("kind", "play"), BROKEN, ids=[f"{kind.__name__}" for kind, _ in BROKEN])
def test_a_broken_promise_is_found(kind: type[EchoConnector], play: Callable[[Conformance], None]):
    class Suite(Conformance):
        def make_driver(self) -> Driver:
            return Bad(kind)

    with pytest.raises((AssertionError, UnicodeEncodeError, RuntimeError, KeyError, pytest.fail.Exception)):
        play(Suite())
