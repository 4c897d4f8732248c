"""From a fact to its deliveries: what is dropped, what waits, what is stored before anything is sent."""

import asyncio
from collections.abc import Collection

import msgspec
import pytest

from bridge.connector import StoreAway
from bridge.core.capabilities import Feature
from bridge.core.content import Mention, Reply
from bridge.core.deliveries import AsPuppet, AsRelay, Edit, Post, React, Retract, Tell
from bridge.core.ids import EventKey, MessageId, MessageRef, Room
from bridge.engine.counters import Count
from bridge.engine.limits import Limits
from bridge.engine.ports import StoreError
from bridge.storage.memory import MemoryStore
from tests.support.build import direct, edited, listed, member, person, posted, reacted, retracted, room, topic
from tests.support.clock import quiet
from tests.support.connectors import HandConnector, capabilities
from tests.support.hubs import works


async def test_nothing_is_sent_before_it_is_stored():
    async with works() as w:
        w.store.break_down("disk full")
        written = asyncio.ensure_future(w.networks["left"].emit(posted("hello")))
        await quiet()
        assert w.networks["right"].texts() == []
        assert not written.done()
        w.store.recover()
        await quiet()
        assert w.networks["right"].texts() == ["hello"]
        assert written.done()


async def test_cancelling_who_waits_does_not_cancel_the_write():
    async with works() as w:
        w.store.break_down("disk full")
        waiting = asyncio.ensure_future(w.networks["left"].emit(posted("hello")))
        await quiet()
        waiting.cancel()
        await quiet()
        w.store.recover()
        await quiet()
        assert w.networks["right"].texts() == ["hello"]


async def test_a_repeat_is_dropped_by_its_key_and_never_by_its_text():
    """Scenario 10: same id from two senders, same text from one sender, the same fact twice."""
    async with works() as w:
        left = w.networks["left"]
        left.emit(posted("+1", "juliet", id="1", key="juliet 1"))
        left.emit(posted("+1", "romeo", id="1", key="romeo 1"))
        left.emit(posted("+1", "juliet", id="2", key="juliet 2"))
        left.emit(posted("+1", "juliet", id="1", key="juliet 1"))
        await quiet()
        assert w.networks["right"].texts() == ["+1", "+1", "+1"]
        assert w.count(Count.REPEATS) == 1


async def test_the_same_key_in_another_room_is_another_fact():
    async with works(link=("left:#a", "left:#c", "right:#b")) as w:
        w.networks["left"].emit(posted("one", key="1"))
        w.networks["left"].emit(posted("two", key="1", where="left:#c"))
        await quiet()
        assert w.networks["right"].texts() == ["one", "two"]


async def test_a_repeat_is_acknowledged_only_when_the_first_is_stored():
    async with works() as w:
        w.store.break_down("disk full")
        w.networks["left"].emit(posted("hello", key="1"))
        again = asyncio.ensure_future(w.networks["left"].emit(posted("hello", key="1")))
        await quiet()
        assert not again.done()
        w.store.recover()
        await quiet()
        assert again.done()


async def test_history_brings_only_what_is_new_and_in_order():
    async with works() as w:
        left = w.networks["left"]
        for number in range(5):
            left.emit(posted(f"old {number}", key=str(number)))
        await quiet()
    async with works(store=w.store, limits=Limits(keys=1)) as again:
        left, right = again.networks["left"], again.networks["right"]
        for number in range(8):
            left.emit(posted(f"line {number}", key=str(number), replayed=True))
        left.emit(posted("live", key="99"))
        await quiet()
        assert right.texts() == ["line 5", "line 6", "line 7", "live"]
        assert again.count(Count.REPEATS) == 5


async def test_history_that_comes_while_the_store_is_asked_is_asked_for_as_well():
    class SlowStore(MemoryStore):
        gate = asyncio.Event()

        async def known(self, room: Room, keys: Collection[EventKey]) -> set[EventKey]:
            await self.gate.wait()
            return await super().known(room, keys)

    store = SlowStore()
    async with works(store=store) as w:
        for number in range(5):
            w.networks["left"].emit(posted(f"line {number}", key=str(number)))
        await quiet()
    async with works(store=store, limits=Limits(keys=1)) as again:
        left, right = again.networks["left"], again.networks["right"]
        left.emit(posted("line 5", key="5", replayed=True))
        await quiet()
        left.emit(posted("line 2", key="2", replayed=True))
        store.gate.set()
        await quiet()
        assert right.texts() == ["line 5"]


async def test_history_of_one_room_does_not_hold_up_another():
    class SlowStore(MemoryStore):
        def __init__(self) -> None:
            super().__init__()
            self.gate = asyncio.Event()

        async def known(self, room: Room, keys: Collection[EventKey]) -> set[EventKey]:
            await self.gate.wait()
            return await super().known(room, keys)

    store = SlowStore()
    async with works(store=store) as w:
        w.link("left:#c", "right:#d", name="other")
        left, right = w.networks["left"], w.networks["right"]
        left.emit(posted("history", replayed=True))
        left.emit(posted("behind it"))
        left.emit(posted("elsewhere", where="left:#c"))
        await quiet()
        assert right.texts() == ["elsewhere"]
        store.gate.set()
        await quiet()
        assert right.texts() == ["elsewhere", "history", "behind it"]


async def test_history_is_asked_for_in_batches():
    asked = []

    class CountingStore(MemoryStore):
        async def known(self, room: Room, keys: Collection[EventKey]) -> set[EventKey]:
            asked.append(len(keys))
            return await super().known(room, keys)

    async with works(store=CountingStore(), pipeline=50) as w:
        for number in range(500):
            w.networks["left"].emit(posted(str(number), replayed=True))
        await quiet()
        assert w.networks["right"].texts() == [str(number) for number in range(500)]
        assert len(asked) <= 4


async def test_a_store_that_cannot_be_read_is_asked_again():
    class ShakyStore(MemoryStore):
        failures = 2

        async def known(self, room: Room, keys: Collection[EventKey]) -> set[EventKey]:
            if self.failures:
                self.failures -= 1
                msg = "the database is restarting"
                raise StoreError(msg)
            return await super().known(room, keys)

    async with works(store=ShakyStore()) as w:
        w.networks["left"].emit(posted("history", replayed=True))
        w.networks["left"].emit(posted("live"))
        await w.clock.advance(5)
        assert w.networks["right"].texts() == ["history", "live"]


async def test_an_edit_finds_its_message_by_any_name_it_has():
    async with works() as w:
        left, right = w.networks["left"], w.networks["right"]
        left.emit(posted("helo", id="stanza-id", aliases=["origin-id"]))
        left.emit(edited("origin-id", "hello"))
        await quiet()
        post, edit = right.sent
        assert isinstance(post, Post)
        assert isinstance(edit, Edit)
        assert edit.target == MessageRef(room("left:#a"), MessageId("stanza-id"))
        assert edit.ids == ("r1",)
        assert edit.previous == post.content


async def test_an_edit_of_a_message_from_before_the_restart_finds_it_in_the_store():
    async with works() as w:
        w.networks["left"].emit(posted("helo", id="1"))
        await quiet()
    async with works(store=w.store) as again:
        again.networks["left"].emit(edited("1", "hello"))
        again.networks["left"].emit(posted("and on"))
        await quiet()
        edit, post = again.networks["right"].sent
        assert isinstance(edit, Edit)
        assert isinstance(post, Post)
        assert edit.ids == ("r1",)
        assert edit.previous is not None
        assert edit.previous.text == "helo"


async def test_a_reply_to_a_copy_is_a_reply_to_the_original():
    async with works() as w:
        left, right = w.networks["left"], w.networks["right"]
        left.emit(posted("to be or not to be", id="q"))
        await quiet()
        right.emit(posted("be", "romeo", where="right:#b", reply_to="r1"))
        await quiet()
        [answer] = left.sent
        assert isinstance(answer, Post)
        assert answer.reply == Reply(
            to=MessageRef(room("left:#a"), MessageId("q")),
            name="juliet",
            person=person("juliet"),
            excerpt="to be or not to be",
            ids=(MessageId("q"),),
        )


@pytest.mark.parametrize(
    "event",
    [
        posted("stolen", reply_to="secret", where="left:#c"),
        edited("secret", "changed", where="left:#c"),
        retracted("secret", where="left:#c"),
        reacted("secret", "♥", where="left:#c"),
    ],
    ids=["reply", "edit", "retract", "react"],
)
async def test_an_id_of_another_room_finds_nothing(event: object):
    """Scenario 21: nothing of another room is quoted, changed or taken away."""
    async with works() as w:
        w.link("left:#c", "right:#d", name="other")
        w.networks["left"].emit(posted("the secret", id="secret"))
        await quiet()
        w.networks["left"].emit(event)  # type: ignore[arg-type]
        await quiet()
        for delivery in w.networks["right"].sent[1:]:
            assert isinstance(delivery, Post)
            assert delivery.reply is None
            assert "the secret" not in delivery.content.text
        stored = await w.store.message(MessageRef(room("left:#a"), MessageId("secret")))
        assert stored is not None
        assert stored.content.text == "the secret"


async def test_an_edit_by_somebody_else_is_refused_and_changes_nothing_in_the_store():
    async with works() as w:
        w.networks["left"].emit(posted("mine", id="1"))
        w.networks["left"].emit(edited("1", "yours", "mallory"))
        await quiet()
        assert len(w.networks["right"].sent) == 1
        stored = await w.store.message(MessageRef(room("left:#a"), MessageId("1")))
        assert stored is not None
        assert stored.content.text == "mine"
        assert w.count(Count.FORBIDDEN) == 1
        await w.clock.advance(5)
        (told,) = [each for each in w.networks["left"].sent if isinstance(each, Tell)]
        assert told.person == person("mallory")
        assert told.content.text == "your correction of somebody else's message was not passed on"


async def test_whoever_is_named_in_a_text_is_meant():
    async with works() as w:
        w.networks["left"].emit(listed("juliet", where="left:#a"))
        w.networks["right"].emit(listed("bob", "al", where="right:#b"))
        await quiet()
        w.networks["left"].emit(posted("Bob, ask @al or juliet", id="1"))
        w.networks["left"].emit(edited("1", "al: ask bob", key="e1"))
        await quiet()
        post, edit = (each for each in w.networks["right"].sent if isinstance(each, Post | Edit))
        bob, al = person("bob", "right"), person("al", "right")
        assert post.content.mentions == (Mention(0, 3, bob), Mention(10, 12, al))
        assert edit.content.mentions == (Mention(0, 2, al), Mention(8, 11, bob))


async def test_a_program_that_says_a_name_wakes_nobody():
    async with works() as w:
        w.networks["right"].emit(listed("bob", where="right:#b"))
        await quiet()
        w.networks["left"].emit(posted("Bob broke the build", by=member("builder", bot=True)))
        await quiet()
        (post,) = (each for each in w.networks["right"].sent if isinstance(each, Post))
        assert post.content.mentions == ()


async def test_a_thread_goes_with_its_messages():
    async with works() as w:
        w.networks["left"].emit(msgspec.structs.replace(posted("hello"), thread="t1"))
        await quiet()
        assert [each.thread for each in w.networks["right"].sent] == ["t1"]


async def test_what_is_reacted_to_can_be_quoted():
    async with works() as w:
        w.networks["left"].emit(posted("shall we?", id="1"))
        w.networks["left"].emit(reacted("1", "👍", by="romeo"))
        await quiet()
        reaction = w.networks["right"].sent[-1]
        assert isinstance(reaction, React)
        assert reaction.about is not None
        assert (reaction.about.name, reaction.about.excerpt) == ("juliet", "shall we?")


async def test_a_second_edit_knows_what_the_first_one_said():
    async with works() as w:
        w.networks["left"].emit(posted("a", id="1"))
        w.networks["left"].emit(edited("1", "b"))
        w.networks["left"].emit(edited("1", "c"))
        await quiet()
        last = w.networks["right"].sent[-1]
        assert isinstance(last, Edit)
        assert last.previous is not None
        assert last.previous.text == "b"


async def test_long_texts_are_not_kept_at_hand():
    long = "x" * 5000
    async with works() as w:
        w.networks["left"].emit(posted(long, id="1"))
        w.networks["left"].emit(edited("1", "short"))
        await quiet()
        last = w.networks["right"].sent[-1]
        assert isinstance(last, Edit)
        assert last.previous is not None
        assert last.previous.text == long


async def test_what_came_through_this_bridge_is_a_loop():
    async with works() as w:
        w.networks["left"].emit(posted("round", via=("other", "test")))
        await quiet()
        assert w.networks["right"].sent == []
        assert w.count(Count.LOOPS) == 1


async def test_reactions_and_retractions_go_by_puppet_where_there_is_one():
    async with works() as w:
        left, right = w.networks["left"], w.networks["right"]
        left.emit(listed("juliet"))
        left.emit(posted("hello", id="1"))
        left.emit(reacted("1", "♥", by="juliet"))
        left.emit(retracted("1"))
        await quiet()
        post, react, retract = right.sent
        assert isinstance(react, React)
        assert isinstance(retract, Retract)
        assert all(isinstance(each.head.voice, AsPuppet) for each in (post, react, retract))


async def test_whoever_is_certainly_not_in_the_room_speaks_by_the_relay():
    async with works() as w:
        w.networks["left"].emit(listed("juliet"))
        w.networks["left"].emit(posted("hello from outside", "stranger"))
        await quiet()
        [post] = w.networks["right"].sent
        assert isinstance(post.head.voice, AsRelay)
        assert w.networks["right"].names("#b") == ["juliet"]


async def test_words_to_one_person_go_to_that_person():
    async with works() as w:
        w.networks["left"].emit(direct("psst", to=person("romeo", "right")))
        await quiet()
        [tell] = w.networks["right"].sent
        assert isinstance(tell, Tell)
        assert tell.person == person("romeo", "right")
        assert tell.head.room == room("right:romeo")


async def test_words_to_somebody_of_no_network_are_dropped():
    async with works() as w:
        w.networks["left"].emit(direct("psst", to=person("romeo", "nowhere")))
        await quiet()
        assert w.count(Count.UNLINKED) == 1


async def test_reading_is_held_up_while_too_much_is_not_stored():
    async with works(limits=Limits(uncommitted=10)) as w:
        left = w.networks["left"]
        assert left.hub is not None
        await left.hub.drained()
        w.store.break_down("disk full")
        for number in range(10):
            left.emit(posted(str(number)))
        reading_on = asyncio.ensure_future(left.hub.drained())
        await quiet()
        assert not reading_on.done()
        assert left.hub.congested()
        w.store.recover()
        await quiet()
        assert reading_on.done()
        assert left.hub.congested() == ""


async def test_a_source_that_reads_on_all_the_same_is_refused_in_the_end():
    async with works(limits=Limits(uncommitted=10)) as w:
        w.store.break_down("disk full")
        written = [w.networks["left"].emit(posted(str(number))) for number in range(30)]
        with pytest.raises(StoreAway):
            await written[20]
        assert w.count(Count.REFUSED) == 10
        w.store.recover()
        await quiet()
        assert len(w.networks["right"].sent) == 20


async def test_a_store_in_trouble_is_told_to_who_can_wait():
    async with works() as w:
        hub = w.networks["left"].hub
        assert hub is not None
        w.store.break_down("disk full")
        assert hub.congested() == "disk full"


async def test_what_is_remembered_comes_after_the_facts_before_it():
    """An offset that is stored before its messages would lose them."""

    class SlowStore(MemoryStore):
        def __init__(self) -> None:
            super().__init__()
            self.gate = asyncio.Event()

        async def known(self, room: Room, keys: Collection[EventKey]) -> set[EventKey]:
            await self.gate.wait()
            return await super().known(room, keys)

    store = SlowStore()
    async with works(store=store) as w:
        hub = w.networks["left"].hub
        assert hub is not None
        hub.emit(posted("history", replayed=True))
        kept = [asyncio.ensure_future(hub.remember("offset", str(number))) for number in (1, 2)]
        await quiet()
        assert await hub.recall("offset") is None
        store.gate.set()
        await quiet()
        assert all(each.done() for each in kept)
        assert await hub.recall("offset") == "2"
        assert w.networks["right"].texts() == ["history"]


async def test_what_a_connector_remembers_is_its_own():
    async with works() as w:
        left, right = w.networks["left"].hub, w.networks["right"].hub
        assert left is not None
        assert right is not None
        await left.remember("offset", "7")
        assert await left.recall("offset") == "7"
        assert await right.recall("offset") is None


async def test_the_cursor_is_the_last_fact_of_the_room():
    async with works() as w:
        hub = w.networks["left"].hub
        assert hub is not None
        await hub.emit(posted("one", key="1"))
        await hub.emit(posted("two", key="2"))
        cursor = await hub.cursor(room("left:#a").id)
        assert cursor is not None
        assert cursor.key == "2"


async def test_a_bug_in_deciding_costs_one_fact_and_not_the_reader(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    async with works() as w:
        route = w.hub._intake.route_of(room("left:#a"))
        assert route is not None
        whole = type(route).plan

        def shaky(self: object, event: object, *rest: object, **more: object) -> object:
            if getattr(event, "content", None) is not None and event.content.text == "poison":  # type: ignore[attr-defined]
                msg = "a bug"
                raise ValueError(msg)
            return whole(self, event, *rest, **more)  # type: ignore[arg-type]

        monkeypatch.setattr(type(route), "plan", shaky)
        for text in ("before", "poison", "after"):
            w.networks["left"].emit(posted(text, key=text))
        w.networks["left"].emit(posted("poison", key="late", replayed=True))
        await quiet()
        assert w.networks["right"].texts() == ["before", "after"]
        assert w.count(Count.FAULTS) == 2
        assert "room=#a event=poison" in caplog.text


async def test_the_sender_is_told_once_of_many_failures():
    async with works() as w:
        w.add("poor", HandConnector(capabilities(without=(Feature.EDIT,))))
        w.link("left:#c", "poor:#p", name="other")
        for number in range(20):
            w.networks["left"].emit(posted("x", id=str(number), where="left:#c"))
            w.networks["left"].emit(edited(str(number), "y", where="left:#c"))
        await w.clock.advance(10)
        [tell] = [each for each in w.networks["left"].sent if isinstance(each, Tell)]
        assert tell.content.text == "not told to poor:#p: edit is not possible there (20 times)"
        assert tell.person == person("juliet")


async def test_a_topic_crosses_unless_the_link_forbids_it():
    async with works() as w:
        w.networks["left"].emit(topic("Verona"))
        w.networks["left"].emit(topic("Mantua", by=member("romeo")))
        await quiet()
        assert [each.topic for each in w.networks["right"].sent] == ["Verona", "Mantua"]  # type: ignore[union-attr]
