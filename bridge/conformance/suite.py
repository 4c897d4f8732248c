"""The suite itself: one test for each promise of ``bridge/connector.py``. Give it a driver, and it needs no more.

Where it waits, it waits for a fence: something said after the thing in question, which every network keeps behind it.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import msgspec
import pytest

from bridge.conformance.driver import Driver, Heard
from bridge.conformance.recorder import PATIENCE, Recorder, Running, until
from bridge.connector import Cursor, Joins, Listens
from bridge.core.capabilities import Feature, Representation, Support
from bridge.core.content import Content
from bridge.core.deliveries import (
    AsBridge,
    AsMask,
    AsPuppet,
    AsRelay,
    Delivery,
    Edit,
    Head,
    Kick,
    Post,
    React,
    Retract,
    Sent,
    SetTopic,
    Tell,
    Voice,
)
from bridge.core.events import Event, Member, MembersListed, PuppetJoined
from bridge.core.failures import DeliveryFailure, Unsupported
from bridge.core.ids import (
    DeliveryKey,
    EventKey,
    MessageId,
    MessageRef,
    Network,
    Person,
    PersonId,
    Room,
    RoomId,
    digest,
)
from bridge.registry import contradictions

HOSTILE = {
    "carriage return": "before\rQUIT :injected",
    "line feed": "before\nQUIT :injected",
    "both": "before\r\nPRIVMSG #room :injected\r\n",
    "nul": "before\x00after",
    "ctcp": "\x01ACTION is injected\x01",
    "controls": "".join(map(chr, range(1, 32))) + "\x7f\x85\x9b",
    "unicode line ends": "before\u2028QUIT\u2029QUIT\x85QUIT",
    "bidi controls": "before\u202e\u2066desrever\u202c",
    "half a surrogate": "before\ud800after",
    "markup": "</body></message><message><body>injected</body> <script>&amp;\"'",
    "noncharacters": "before\ufffe\uffffafter",
    "combining flood": "e" + "\u0301" * 2000,
    "emoji": "👩‍👩‍👧‍👦" * 50,
    "only blanks": " \t ",
    "a line of 100 kB": "long " * 20_000,
    "a word of 100 kB": "x" * 100_000,
}
"""Texts that have broken other bridges."""

REFUSABLE: dict[Feature, Callable[[Head], Delivery]] = {
    Feature.EDIT: lambda head: Edit(head=head, target=_ref(), content=Content(text="new"), ids=(MessageId("1"),)),
    Feature.RETRACT: lambda head: Retract(head=head, target=_ref(), ids=(MessageId("1"),)),
    Feature.REACT: lambda head: React(head=head, target=_ref(), reactions=("♥",), ids=(MessageId("1"),)),
    Feature.TOPIC: lambda head: SetTopic(head=head, topic="new"),
    Feature.KICK: lambda head: Kick(head=head, person=Person(head.room.network, PersonId("x")), name="x"),
    Feature.DIRECT: lambda head: Tell(
        head=head, person=Person(head.room.network, PersonId("x")), content=Content(text="psst")
    ),
}

_SOURCE = Room(Network("elsewhere"), RoomId("room"))
_numbers = itertools.count(1)
_decoder = msgspec.json.Decoder(Event)


def _ref() -> MessageRef:
    return MessageRef(_SOURCE, MessageId("original"))


def somebody(name: str) -> Member:
    """Return a person of another network."""
    return Member(person=Person(_SOURCE.network, PersonId(digest(name))), name=name)


class Conformance:
    """Inherit, give it a driver, and have pytest collect it."""

    def make_driver(self) -> Driver:
        """Return a new driver; called once for each test."""
        raise NotImplementedError

    # -- staying connected

    def test_says_when_it_is_ready(self) -> None:
        """``run`` reports READY, and no trouble, on a network that is in order."""

        async def play(driver: Driver) -> None:
            async with self._running(driver) as running:
                assert running.alive

        self._play(play)

    def test_leaves_when_cancelled(self) -> None:
        """Cancelled, ``run`` ends within 3 seconds, by CancelledError."""

        async def play(driver: Driver) -> None:
            async with self._running(driver) as running:
                await running.cancel()

        self._play(play)

    def test_is_silent_after_it_was_cancelled(self) -> None:
        """No event and no report once ``run`` has ended; another run of another connector hears what follows."""

        async def play(driver: Driver) -> None:
            async with self._running(driver) as running:
                await running.cancel()
                told = (len(running.hub.events), len(running.hub.reports))
                await driver.say("romeo", "after the end")
                async with self._running(driver) as fence:
                    await driver.say("romeo", "fence")
                    await fence.hub.message("fence")
                assert (len(running.hub.events), len(running.hub.reports)) == told

        self._play(play)

    def test_can_run_again(self) -> None:
        """After a run has ended the same connector can be run anew: that is what the supervisor does after a crash."""

        async def play(driver: Driver) -> None:
            async with self._running(driver) as running:
                await running.cancel()
                hub = Recorder()
                async with Running(running.connector, hub, driver.room):
                    await driver.say("romeo", "hello again")
                    await hub.message("hello again")

        self._play(play)

    # -- reading

    def test_reports_what_is_said(self) -> None:
        """A message becomes one MessagePosted, with its room, its sender, an id and a time."""

        async def play(driver: Driver) -> None:
            async with self._running(driver) as running:
                await driver.say("romeo", "what light through yonder window breaks")
                event = await running.hub.message("what light through yonder window breaks")
                assert event.origin.room == Room(driver.network, driver.room)
                assert event.sender.person == Person(driver.network, driver.person("romeo"))
                assert event.sender.name == "romeo"
                assert event.id
                assert event.origin.key
                assert event.origin.at > 1_000_000_000_000, "milliseconds since the epoch"
                assert not event.origin.replayed

        self._play(play)

    def test_keeps_the_order_of_what_is_said(self) -> None:
        """Events of a room come in the order in which things happened."""

        async def play(driver: Driver) -> None:
            async with self._running(driver) as running:
                texts = [f"line {number}" for number in range(20)]
                for text in texts:
                    await driver.say("romeo", text)
                await running.hub.message(texts[-1])
                assert [event.content.text for event in running.hub.posted()] == texts

        self._play(play)

    def test_gives_every_message_a_key_of_its_own(self) -> None:
        """The same words twice are two messages: keys and ids are never made from the text alone."""

        async def play(driver: Driver) -> None:
            async with self._running(driver) as running:
                for text in ("+1", "+1", "+1", "fence"):
                    await driver.say("romeo", text)
                await running.hub.message("fence")
                posted = running.hub.posted()
                assert [event.content.text for event in posted] == ["+1", "+1", "+1", "fence"]
                assert len({event.origin.key for event in posted}) == 4
                assert len({event.id for event in posted}) == 4

        self._play(play)

    def test_gives_the_same_message_the_same_key_when_it_is_read_again(self) -> None:
        """What comes from history is marked as replayed, and has the key that it had when it was said."""

        async def play(driver: Driver) -> None:
            async with self._running(driver) as running:
                for text in ("one", "two"):
                    await driver.say("romeo", text)
                await running.hub.message("two")
                await running.cancel()
                keys = {event.content.text: event.origin.key for event in running.hub.posted()}
                first = running.hub.posted()[0].origin
                hub = Recorder(cursors={driver.room: Cursor(first.key, first.at)})  # so that "two" may come again
                async with Running(driver.connector(), hub, driver.room):
                    await driver.say("romeo", "fence")
                    await hub.message("fence")
                for event in hub.posted():
                    if event.content.text in keys:
                        assert event.origin.replayed, "what was said before the start must be marked as replayed"
                        assert event.origin.key == keys[event.content.text]

        self._play(play)

    @pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
    def test_survives_what_people_say(self, text: str) -> None:
        """Whatever is said, the next message is reported; and every event can be written down and read back."""

        async def play(driver: Driver) -> None:
            async with self._running(driver) as running:
                try:
                    await driver.say("romeo", text)
                except (ValueError, UnicodeError):
                    pytest.skip("the network itself cannot carry this")
                await driver.say("romeo", "fence")
                await running.hub.message("fence")
                assert running.alive
                for event in running.hub.events:
                    assert _decoder.decode(msgspec.json.encode(event)) == event

        self._play(play)

    # -- speaking

    def test_says_what_it_is_told_to(self) -> None:
        """A Post arrives; Sent names its parts; and it is not reported back as somebody's message."""

        async def play(driver: Driver) -> None:
            async with self._running(driver) as running:
                for voice in self._voices(running):
                    text = f"hello from the other side {next(_numbers)}"
                    await self._say(driver, running, text, voice=voice)
                    heard = await self._hear(driver, text)
                    assert heard[-1].text.endswith(text)
                await driver.say("romeo", "fence")
                await running.hub.message("fence")
                assert [event.content.text for event in running.hub.posted()] == ["fence"]

        self._play(play)

    def test_shows_whose_words_they_are(self) -> None:
        """A puppet and a mask speak under the member's name, a relay says it in the text."""

        async def play(driver: Driver) -> None:
            async with self._running(driver) as running:
                for voice in self._voices(running):
                    text = f"it is me {next(_numbers)}"
                    await self._say(driver, running, text, voice=voice)
                    heard = (await self._hear(driver, text))[-1]
                    shown = heard.text if isinstance(voice, AsRelay) else heard.name
                    assert "juliet" in shown.lower()

        self._play(play)

    def test_names_what_it_has_sent(self) -> None:
        """The ids in Sent are of that message alone."""

        async def play(driver: Driver) -> None:
            async with self._running(driver) as running:
                sent = [await self._say(driver, running, "the same words") for _ in range(3)]
                ids = [part for each in sent for part in each.ids]
                assert len(set(ids)) == len(ids)

        self._play(play)

    def test_keeps_the_order_of_what_it_says(self) -> None:
        """As many deliveries as ``pipeline`` allows are under way at once, and the room sees them in the order of the calls."""

        async def play(driver: Driver) -> None:
            async with self._running(driver) as running:
                texts = [f"line {number:02}" for number in range(24)]
                window = asyncio.Semaphore(running.connector.capabilities.pipeline)
                landings = []
                for text in texts:
                    await window.acquire()
                    landing = asyncio.ensure_future(running.connector.send(self._post(driver, running, text)))
                    landing.add_done_callback(lambda _: window.release())
                    landings.append(landing)
                await asyncio.wait_for(asyncio.gather(*landings), PATIENCE)
                heard = await self._hear(driver, texts[-1])
                assert [one.text[-len(texts[0]) :] for one in heard] == texts

        self._play(play)

    @pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
    def test_survives_what_it_has_to_say(self, text: str) -> None:
        """Whatever it has to say is said or refused; nothing of it becomes a command, another's words, or the end."""

        async def play(driver: Driver) -> None:
            async with self._running(driver) as running:
                for voice in self._voices(running):
                    await self._hostile(driver, running, text, voice)

        self._play(play)

    @pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
    def test_survives_what_people_are_called(self, name: str) -> None:
        """A name is as hostile as a text: as a nick, and in front of a relay's words."""

        async def play(driver: Driver) -> None:
            async with self._running(driver) as running:
                person = somebody(name[:1000])
                room = Room(driver.network, driver.room)
                if isinstance(running.connector, Joins) and _shows(running):
                    running.connector.join(driver.room, person)
                voices: list[Voice] = [AsRelay(member=person)]
                if _shows(running):
                    voices.append(AsPuppet(member=person))
                for voice in voices:
                    hello = Post(head=_head(room, voice), message=_ref(), content=Content(text="hello"))
                    assert await _outcome(running, hello)
                await self._say(driver, running, "fence", voice=AsBridge())
                await self._hear(driver, "fence")
                assert running.alive
                assert await driver.members(), "nobody is there any more"

        self._play(play)

    @pytest.mark.parametrize("feature", list(REFUSABLE))
    def test_answers_for_every_feature(self, feature: Feature) -> None:
        """What is declared REFUSED raises Unsupported; all else is carried out, or fails as the contract says.

        The delivery is about something that does not exist: that must not end the connector.
        """

        async def play(driver: Driver) -> None:
            async with self._running(driver) as running:
                delivery = REFUSABLE[feature](_head(Room(driver.network, driver.room), AsBridge()))
                if running.connector.capabilities.support(feature) is Support.REFUSED:
                    with pytest.raises(Unsupported):
                        await _sent(running, delivery)
                else:
                    assert await _outcome(running, delivery)
                await self._say(driver, running, "fence")
                assert running.alive

        self._play(play)

    def test_fails_decently_when_it_does_not_run(self) -> None:
        """Before ``run`` there is no connection: a send waits, or fails as the contract says; or it needs none."""

        async def play(driver: Driver) -> None:
            connector = driver.connector()
            running = Running(connector, Recorder(), driver.room)
            landing = asyncio.ensure_future(connector.send(self._post(driver, running, "too early", voice=AsBridge())))
            await asyncio.wait({landing}, timeout=0.2)
            if landing.done():
                assert landing.exception() is None or isinstance(landing.exception(), DeliveryFailure)
            landing.cancel()
            await asyncio.wait({landing})

        self._play(play)

    # -- what is declared, and what can be done

    def test_declares_what_it_can_do(self) -> None:
        """Capabilities (data) and abilities (code) agree, and do not change while it runs."""

        async def play(driver: Driver) -> None:
            assert contradictions(driver.connector()) == []
            async with self._running(driver) as running:
                before = running.connector.capabilities
                await self._say(driver, running, "hello")
                assert running.connector.capabilities == before
                assert contradictions(running.connector) == []

        self._play(play)

    def test_shows_whom_it_is_told_to_show_once(self) -> None:
        """Two equal wishes are one puppet; withdrawn, even twice, there is none."""

        async def play(driver: Driver) -> None:
            async with self._running(driver) as running:
                connector = self._joining(running)
                juliet = somebody("juliet")
                connector.join(driver.room, juliet)
                connector.join(driver.room, juliet)
                await self._present(driver, "juliet")
                await self._say(driver, running, "fence", voice=AsPuppet(member=juliet))
                joined = [event for event in running.hub.events if isinstance(event, PuppetJoined)]
                assert [event.person for event in joined] == [juliet.person]
                assert [name for name in await driver.members() if name.startswith("juliet")] == [joined[0].name]
                connector.leave(driver.room, juliet.person)
                connector.leave(driver.room, juliet.person)
                await self._absent(driver, "juliet")

        self._play(play)

    def test_forgets_a_wish_that_was_withdrawn_at_once(self) -> None:
        """A later wish replaces an earlier one: who left while they were still to join never joins."""

        async def play(driver: Driver) -> None:
            async with self._running(driver) as running:
                connector = self._joining(running)
                nurse, juliet = somebody("nurse"), somebody("juliet")
                connector.join(driver.room, nurse)
                connector.leave(driver.room, nurse.person)
                connector.leave(driver.room, somebody("nobody").person)
                connector.join(driver.room, juliet)
                await self._say(driver, running, "fence", voice=AsPuppet(member=juliet))
                await self._absent(driver, "nurse")

        self._play(play)

    def test_keeps_its_own_puppets_to_itself(self) -> None:
        """Puppets are no members: neither in a list nor as somebody who came, also after a restart."""

        async def play(driver: Driver) -> None:
            async with self._running(driver) as running:
                connector = self._joining(running)
                await driver.say("romeo", "I am here")
                connector.join(driver.room, somebody("juliet"))
                await self._present(driver, "juliet")
                await driver.say("romeo", "fence")
                await running.hub.message("fence")
                for event in running.hub.events:
                    members = event.members if isinstance(event, MembersListed) else ()
                    shown = getattr(event, "member", None)
                    names = [one.name for one in (*members, *((shown,) if shown is not None else ()))]
                    assert not [name for name in names if name.startswith("juliet")]

        self._play(play)

    def test_stops_listening(self) -> None:
        """After ``unlisten`` nothing of the room is reported."""

        async def play(driver: Driver) -> None:
            async with self._running(driver) as running:
                if not isinstance(running.connector, Listens):
                    pytest.skip("it hears all rooms without being told")
                await driver.say("romeo", "before")
                await running.hub.message("before")
                running.connector.unlisten(driver.room)
                running.connector.unlisten(driver.room)
                await self._alone(driver)
                await driver.say("romeo", "behind its back")
                running.connector.listen(driver.room)
                await asyncio.sleep(0)
                await self._back(driver, running)
                live = [event.content.text for event in running.hub.posted() if not event.origin.replayed]
                assert "behind its back" not in live

        self._play(play)

    # -- how it is done

    def _play(self, play: Callable[[Driver], Coroutine[Any, Any, None]]) -> None:
        """Run one scene against a far side of its own."""

        async def whole() -> None:
            driver = self.make_driver()
            await driver.start()
            try:
                await play(driver)
            finally:
                await driver.stop()

        asyncio.run(whole())

    def _running(self, driver: Driver) -> Running:
        return Running(driver.connector(), Recorder(), driver.room)

    def _joining(self, running: Running) -> Joins:
        if not isinstance(running.connector, Joins) or not _shows(running):
            pytest.skip("it shows nobody")
        return running.connector

    def _voices(self, running: Running) -> list[Voice]:
        """Return the voices in which it may have to speak."""
        juliet = somebody("juliet")
        match running.connector.capabilities.representation:
            case Representation.RELAY:
                return [AsRelay(member=juliet)]
            case Representation.MASK:
                return [AsMask(member=juliet)]
            case Representation.SESSION | Representation.ADDRESS:
                return [AsRelay(member=juliet), AsPuppet(member=juliet)]

    def _post(self, driver: Driver, running: Running, text: str, *, voice: Voice | None = None) -> Post:
        voice = voice or self._voices(running)[-1]
        if isinstance(voice, AsPuppet) and isinstance(running.connector, Joins):
            running.connector.join(driver.room, voice.member)
        head = _head(Room(driver.network, driver.room), voice)
        return Post(head=head, message=MessageRef(_SOURCE, MessageId(head.event)), content=Content(text=text))

    async def _say(self, driver: Driver, running: Running, text: str, *, voice: Voice | None = None) -> Sent:
        sent = await _sent(running, self._post(driver, running, text, voice=voice))
        assert isinstance(sent, Sent)
        return sent

    async def _hostile(self, driver: Driver, running: Running, text: str, voice: Voice) -> None:
        await self._say(driver, running, "a first word", voice=voice)
        before = await self._hear(driver, "a first word")
        assert await _outcome(running, self._post(driver, running, text, voice=voice))
        fence = f"fence {next(_numbers)}"
        await self._say(driver, running, fence, voice=voice)
        after = await self._hear(driver, fence)
        assert running.alive
        assert {one.name for one in after[len(before) :]} == {before[-1].name}, "somebody else spoke"

    async def _hear(self, driver: Driver, text: str) -> list[Heard]:
        """Wait until the last thing that the bridge said is this."""

        async def heard() -> list[Heard]:
            so_far = await driver.heard()
            return so_far if so_far and so_far[-1].text.endswith(text) else []

        return await until(heard, f"people in the room read {text!r}")

    async def _present(self, driver: Driver, name: str) -> None:
        async def there() -> bool:
            return any(each.startswith(name) for each in await driver.members())

        await until(there, f"{name} is shown in the room")

    async def _absent(self, driver: Driver, name: str) -> None:
        async def gone() -> bool:
            return not any(each.startswith(name) for each in await driver.members())

        await until(gone, f"{name} is not shown in the room any more")

    async def _alone(self, driver: Driver) -> None:
        """Wait until the people of the network are among themselves."""

        async def alone() -> bool:
            return await driver.members() == ["romeo"]

        await until(alone, "the bridge has left the room")

    async def _back(self, driver: Driver, running: Running) -> None:
        """Wait until what is said in the room is reported again."""

        async def said() -> bool:
            text = f"are you there {next(_numbers)}"
            await driver.say("romeo", text)
            await asyncio.sleep(0.05)
            return any(event.content.text == text for event in running.hub.posted())

        await until(said, "the room is read again")


def _shows(running: Running) -> bool:
    return running.connector.capabilities.representation in (Representation.SESSION, Representation.ADDRESS)


def _head(room: Room, voice: Voice) -> Head:
    number = next(_numbers)
    return Head(
        key=DeliveryKey(digest("conformance", number)),
        room=room,
        voice=voice,
        source=_SOURCE,
        event=EventKey(f"event {number}"),
        at=1_700_000_000_000 + number,
        via=("conformance",),
    )


async def _sent(running: Running, delivery: Delivery) -> Sent:
    landing: Awaitable[Sent] = running.connector.send(delivery)
    return await asyncio.wait_for(landing, PATIENCE)


async def _outcome(running: Running, delivery: Delivery) -> str:
    """Send, and return what came of it: either answer will do, as long as it is one. Raises: whatever is neither."""
    try:
        return f"sent {await _sent(running, delivery)}"
    except DeliveryFailure as failure:
        return failure.reason
