"""Lanes: order, window, and what becomes of every kind of failure."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from msgspec import structs

from bridge.core.capabilities import Feature
from bridge.core.content import Reply
from bridge.core.deliveries import AsRelay, Delivery, Edit, Post, Sent
from bridge.core.failures import AuthLost, Permanent, Retry, Uncertain, Unsupported, VoiceLost
from bridge.core.ids import MessageId, MessageRef, Network
from bridge.engine.counters import Count, Counters
from bridge.engine.desk import Desk
from bridge.engine.limits import Limits
from bridge.engine.messages import Messages
from bridge.engine.outbox import Outbox
from bridge.engine.ports import Queued
from bridge.storage.memory import MemoryStore
from tests.support.build import as_puppet, content, edit, post, posted, react, retract, room
from tests.support.clock import VirtualClock, quiet
from tests.support.connectors import HandConnector, capabilities

RIGHT = Network("right")


class Bench:
    """An outbox with one network, and everything that it touches."""

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        pipeline: int = 1,
        patience: float = 0.0,
        store: MemoryStore | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.clock = VirtualClock()
        self.store = store or MemoryStore(now=self.clock.now)
        self.counters = Counters()
        self.messages = Messages(store=self.store, limits=self.limits)
        self.failed: list[tuple[str, str, bool]] = []
        self.seq = 0
        able = structs.replace(capabilities(pipeline=pipeline), patience=patience)
        self.connector = HandConnector(able, automatic=False)
        desk = Desk(
            store=self.store,
            clock=self.clock,
            counters=self.counters,
            limits=self.limits,
            messages=self.messages,
            jitter=lambda: 1.0,
        )
        self.outbox = Outbox(
            desk,
            on_failed=lambda queued, reason, certain, _: self.failed.append((_text(queued.delivery), reason, certain)),
        )

    async def start(self) -> None:
        await self.outbox.open()
        self.seq = await self.store.last_seq()
        self.outbox.attach(RIGHT, self.connector)
        self.outbox.ready(RIGHT, yes=True)

    def push(self, *deliveries: Delivery) -> None:
        """Journal deliveries and put them into their lanes, as the hub does."""
        for delivery in deliveries:
            self.seq += 1
            queued = Queued(seq=self.seq, delivery=delivery)
            name = delivery.message.id if isinstance(delivery, Post) else f"event {self.seq}"
            said = posted("…", id=name, key=delivery.head.event)
            self.store.journal(said, [queued])
            if isinstance(delivery, Post):
                self.messages.said(said)
            self.outbox.push([queued])

    def say(self, *texts: str) -> None:
        self.push(*(post(text, of=text) for text in texts))

    def flying(self) -> list[str]:
        return [_text(delivery) for delivery, _ in self.connector.open]


def _text(delivery: Delivery) -> str:
    return delivery.content.text if isinstance(delivery, Post | Edit) else type(delivery).__name__


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    one = Bench()
    await one.start()
    yield one
    await one.outbox.close()


async def wide(pipeline: int, **fields: object) -> Bench:
    one = Bench(pipeline=pipeline, limits=Limits(**fields))  # type: ignore[arg-type]
    await one.start()
    return one


async def test_one_at_a_time_in_order(bench: Bench):
    bench.say("one", "two", "three")
    assert bench.flying() == ["one"]
    bench.connector.answer()
    await quiet()
    assert bench.flying() == ["two"]
    bench.connector.answer()
    await quiet()
    bench.connector.answer()
    await quiet()
    assert bench.connector.texts() == ["one", "two", "three"]
    assert await bench.store.lanes() == {}
    assert bench.counters.get(Count.SENT) == 3


async def test_as_many_under_way_as_the_window_has():
    bench = await wide(3)
    bench.say("1", "2", "3", "4", "5")
    assert bench.flying() == ["1", "2", "3"]
    bench.connector.answer()
    await quiet()
    assert bench.flying() == ["2", "3", "4"]


async def test_rooms_do_not_wait_for_each_other(bench: Bench):
    bench.push(post("stuck", "right:#stuck"), post("free", "right:#free"))
    assert bench.flying() == ["stuck", "free"]


async def test_nothing_goes_while_the_network_is_down_and_no_try_is_burnt(bench: Bench):
    bench.outbox.ready(RIGHT, yes=False)
    bench.say("patience")
    await bench.clock.advance(3600)
    assert bench.connector.sent == []
    bench.outbox.ready(RIGHT, yes=True)
    assert bench.flying() == ["patience"]
    [waiting] = await bench.store.queue(room("right:#b"), after=0, limit=9)
    assert waiting.attempts == 0


async def test_retry_waits_as_long_as_the_network_says_and_the_lane_with_it(bench: Bench):
    bench.say("one", "two")
    bench.connector.answer(Retry("flood wait", after=30))
    await bench.clock.advance(29)
    assert bench.flying() == []
    await bench.clock.advance(1)
    assert bench.flying() == ["one"]
    bench.connector.answer()
    await quiet()
    assert bench.connector.texts() == ["one", "one", "two"]


async def test_retry_without_a_time_backs_off(bench: Bench):
    bench.say("one")
    waits = []
    for _ in range(4):
        before = bench.clock.monotonic()
        bench.connector.answer(Retry("busy"))
        await quiet()
        while not bench.connector.open:
            await bench.clock.advance(0.5)
        waits.append(bench.clock.monotonic() - before)
    assert waits == [1.0, 2.0, 4.0, 8.0]


async def test_what_failed_goes_again_before_what_waits_and_in_order():
    bench = await wide(3)
    bench.say("1", "2", "3", "4")
    bench.connector.answer(Retry("not now", after=5))
    bench.connector.answer(Retry("not now", after=1))
    bench.connector.answer()
    await quiet()
    assert bench.flying() == []
    await bench.clock.advance(5)
    assert bench.flying() == ["1", "2", "4"]


async def test_a_wait_survives_a_restart():
    """Scenario 16: FLOOD_WAIT of 30 s during a burst, and a restart in the wait."""
    before = await wide(1)
    before.say("one", "two", "three")
    before.connector.answer(Retry("flood wait", after=30))
    await quiet()
    await before.outbox.close()
    after = Bench(store=before.store)
    await after.start()
    await after.clock.advance(29)
    assert after.flying() == []
    await after.clock.advance(2)
    for _ in range(3):
        after.connector.answer()
        await quiet()
    assert after.connector.texts() == ["one", "two", "three"]


async def test_unanswered_sends_go_again_after_a_restart():
    """Scenario 15: killed between send and answer; the key tells the connector that it is the same delivery."""
    before = await wide(2)
    before.say("one", "two")
    after = Bench(store=before.store)
    await after.start()
    await quiet()
    assert after.flying() == ["one"]
    assert after.connector.sent[0].head.key == before.connector.sent[0].head.key


async def test_voice_lost_is_said_by_the_relay_at_once(bench: Bench):
    bench.say("one", "two")
    bench.connector.answer(VoiceLost("juliet is banned there"))
    await quiet()
    again = bench.connector.sent[-1]
    assert _text(again) == "one"
    assert isinstance(again.head.voice, AsRelay)
    bench.connector.answer()
    await quiet()
    assert bench.flying() == ["two"]
    assert bench.failed == []


async def test_a_relay_that_loses_its_voice_too_is_given_up_in_the_end(bench: Bench):
    bench.say("one", "two")
    while "two" not in bench.flying():
        bench.connector.answer(VoiceLost("nobody may speak there"))
        await bench.clock.advance(20)
    assert bench.failed == [("one", "nobody may speak there", False)]


async def test_a_clock_that_is_set_back_holds_nothing_up(bench: Bench):
    bench.say("one", "two")
    bench.connector.answer(Retry("flood wait", after=30))
    await bench.clock.advance(10)
    bench.clock.set_back(86_400)
    await bench.clock.advance(20)
    assert bench.flying() == ["one"]


async def test_a_wait_that_an_earlier_clock_has_written_ends_within_an_hour():
    before = await wide(1)
    before.say("one")
    before.connector.answer(Retry("flood wait", after=30))
    await quiet()
    await before.outbox.close()
    after = Bench(store=before.store)
    after.clock.set_back(30 * 86_400)
    await after.start()
    await after.clock.advance(3600)
    assert after.flying() == ["one"]


async def test_what_has_waited_too_long_is_given_up_and_told_and_the_next_goes():
    bench = Bench(limits=Limits(age=3600))
    await bench.start()
    bench.outbox.ready(RIGHT, yes=False)
    bench.say("old")
    await bench.clock.advance(3601)
    bench.outbox.ready(RIGHT, yes=True)
    await quiet()
    assert bench.connector.sent == []
    assert bench.failed == [("old", "it had waited too long", True)]
    assert bench.counters.get(Count.EXPIRED) == 1
    [letter] = await bench.store.dead_letters()
    await bench.outbox.revive([letter.queued.delivery.head.key])  # somebody wants it all the same
    await quiet()
    assert bench.flying() == ["old"]


@pytest.mark.parametrize("refusal", [Permanent("too long"), Unsupported(Feature.EDIT)])
async def test_a_refusal_is_buried_and_told_and_the_next_goes(bench: Bench, refusal: Permanent | Unsupported):
    bench.say("bad", "good")
    bench.connector.answer(refusal)
    await quiet()
    assert bench.flying() == ["good"]
    assert bench.failed == [("bad", refusal.reason, True)]
    [letter] = await bench.store.dead_letters()
    assert letter.certain


async def test_uncertain_goes_again_with_the_same_key_and_not_for_ever(bench: Bench):
    bench.say("perhaps")
    for _ in range(bench.limits.faults):
        bench.connector.answer(Uncertain("no echo"))
        await bench.clock.advance(20)
    assert len({delivery.head.key for delivery in bench.connector.sent}) == 1
    assert bench.flying() == []
    assert bench.failed == [("perhaps", "no echo", False)]
    [letter] = await bench.store.dead_letters()
    assert not letter.certain


async def test_lost_login_stops_the_network_until_it_is_ready_again(bench: Bench):
    bench.push(post("one", "right:#b"), post("two", "right:#c"), post("three", "right:#b"))
    bench.connector.answer(AuthLost("log in again"))
    bench.connector.answer()
    await bench.clock.advance(1000)
    assert bench.flying() == []
    assert bench.outbox.lanes()[0].reason == "log in again"
    bench.outbox.ready(RIGHT, yes=True)
    assert bench.flying() == ["one"]
    [waiting, _] = await bench.store.queue(room("right:#b"), after=0, limit=9)
    assert waiting.attempts == 0


async def test_a_fault_is_logged_with_its_place_counted_and_given_up_in_the_end(
    bench: Bench, caplog: pytest.LogCaptureFixture
):
    bench.say("poison", "next")
    with caplog.at_level(logging.ERROR):
        while "next" not in bench.flying():
            bench.connector.answer(ZeroDivisionError("a bug"))
            await bench.clock.advance(20)
    assert "network=right room=#b event=poison" in caplog.text
    assert bench.counters.get(Count.FAULTS) == bench.limits.faults
    assert [(text, certain) for text, _, certain in bench.failed] == [("poison", False)]


async def test_a_fault_on_the_spot_is_the_same_as_a_fault_later(bench: Bench, caplog: pytest.LogCaptureFixture):
    def explode(_: Delivery) -> None:
        msg = "a bug before the first await"
        raise TypeError(msg)

    bench.connector.send = explode  # type: ignore[method-assign,assignment]
    bench.say("one")
    await quiet()
    assert bench.counters.get(Count.FAULTS) == 1
    assert "a bug before" in caplog.text


async def test_a_coroutine_will_do(bench: Bench):
    async def send(_: Delivery) -> Sent:
        return Sent((MessageId("r1"),))

    bench.connector.send = send  # type: ignore[method-assign,assignment]
    bench.say("one")
    await quiet()
    assert bench.messages.copies(MessageRef(room(), MessageId("one")), room("right:#b")) == ("r1",)


async def test_an_edit_is_addressed_to_the_copy_even_if_that_is_still_under_way():
    bench = await wide(5)
    bench.push(post("teh", of="m"), edit("m", "the"), post("more", of="n"))
    assert bench.flying() == ["teh"]
    bench.connector.answer(("r7", "r8"))
    await quiet()
    assert bench.flying() == ["the", "more"]
    correction = bench.connector.sent[1]
    assert isinstance(correction, Edit)
    assert correction.ids == ("r7", "r8")


async def test_a_program_that_edits_without_pause_is_told_at_the_pace_of_the_network(bench: Bench):
    """Scenario 17: fifteen corrections a second, of a message in a room that takes one at a time."""
    bench.say("building")
    bench.connector.answer(("r1",))
    await quiet()
    for percent in range(0, 100, 5):
        previous = content(f"{percent - 5} %" if percent else "building")
        bench.push(edit("building", f"{percent} %", previous=previous))
    await quiet()
    bench.say("another")
    assert bench.flying() == ["0 %"]
    bench.connector.automatic = True
    bench.connector.answer(())
    await quiet()
    edits = [each for each in bench.connector.sent if isinstance(each, Edit)]
    assert [(each.content.text, each.previous) for each in edits] == [
        ("0 %", content("building")),
        ("95 %", content("0 %")),
    ]
    assert bench.connector.texts() == ["building", "another"]
    assert bench.counters.get(Count.MERGED) == 18
    assert await bench.store.lanes() == {}


async def test_corrections_of_two_messages_or_by_two_people_are_all_said(bench: Bench):
    bench.outbox.ready(RIGHT, yes=False)
    bench.say("one", "two")
    by_another = edit("one", "1?")
    by_another = structs.replace(by_another, head=structs.replace(by_another.head, voice=as_puppet("romeo")))
    bench.push(edit("one", "1"), edit("two", "2"), edit("one", "1!"), by_another)
    bench.connector.automatic = True
    bench.outbox.ready(RIGHT, yes=True)
    await quiet()
    assert [each.content.text for each in bench.connector.sent if isinstance(each, Edit)] == ["1", "2", "1!", "1?"]


async def test_a_reply_carries_the_ids_of_what_it_answers(bench: Bench):
    bench.say("question")
    bench.connector.answer(("r1",))
    await quiet()
    answered = MessageRef(room(), MessageId("question"))
    bench.push(post("answer", reply=Reply(to=answered)))
    sent = bench.connector.sent[-1]
    assert isinstance(sent, Post)
    assert sent.reply == Reply(to=answered, ids=(MessageId("r1"),))


async def test_ids_of_old_messages_are_read_from_the_store_and_the_lane_waits():
    before = await wide(1)
    before.say("old")
    before.connector.answer(("r9",))
    await quiet()
    after = Bench(store=before.store)
    await after.start()
    after.push(edit("old", "new"), post("later"))
    assert after.flying() == []
    await quiet()
    [first] = after.connector.sent
    assert isinstance(first, Edit)
    assert first.ids == ("r9",)
    after.connector.answer()
    await quiet()
    assert after.flying() == ["later"]


async def test_what_has_no_copy_is_said_anew_or_left_out(bench: Bench):
    bench.push(edit("unseen", "corrected"), retract("unseen"), react("unseen", "♥"), post("next"))
    await quiet()
    assert bench.flying() == ["* corrected"]
    bench.connector.answer()
    await quiet()
    assert bench.flying() == ["next"]
    assert list(await bench.store.lanes()) == [room("right:#b")]


async def test_memory_is_bounded_and_the_rest_comes_from_the_store_in_order():
    bench = await wide(4, lane=20, page=10)
    bench.outbox.ready(RIGHT, yes=False)
    texts = [str(number) for number in range(300)]
    bench.say(*texts)
    [lane] = bench.outbox.lanes()
    assert lane.waiting == 20
    assert lane.more
    bench.connector.automatic = True
    bench.outbox.ready(RIGHT, yes=True)
    await quiet()
    assert bench.connector.texts() == texts
    assert bench.outbox.lanes() == []


async def test_what_arrives_while_a_page_is_read_is_neither_lost_nor_doubled():
    bench = await wide(4, lane=20, page=10)
    bench.outbox.ready(RIGHT, yes=False)
    bench.say(*map(str, range(100)))
    bench.connector.automatic = True
    bench.outbox.ready(RIGHT, yes=True)
    bench.say(*map(str, range(100, 130)))
    await quiet()
    bench.say(*map(str, range(130, 140)))
    await quiet()
    assert bench.connector.texts() == list(map(str, range(140)))


async def test_what_the_last_run_left_goes_first_and_in_order():
    before = await wide(1)
    before.outbox.ready(RIGHT, yes=False)
    before.say(*map(str, range(700)))
    after = Bench(store=before.store, pipeline=8)
    after.connector.automatic = True
    await after.start()
    after.say("new")
    await quiet()
    assert after.connector.texts() == [*map(str, range(700)), "new"]


async def test_a_send_without_an_answer_is_uncertain_after_a_while(bench: Bench):
    bench.say("lost in the post", "next")
    await bench.clock.advance(bench.limits.send + 40)
    assert bench.flying() == ["lost in the post"] * 2
    bench.connector.answer(("late",))  # the first answer comes after all
    await quiet()
    bench.connector.answer(("second",))
    await quiet()
    assert bench.flying() == ["next"]


async def test_a_late_answer_saves_the_second_try(bench: Bench):
    bench.say("slow", "next")
    bench.outbox.abandon(RIGHT, crashed=True)
    assert len(bench.connector.open) == 1
    bench.connector.answer(("r1",))
    await bench.clock.advance(10)
    assert bench.connector.texts() == ["slow", "next"]
    assert bench.counters.get(Count.UNCERTAIN) == 1


async def test_a_dead_letter_comes_back_to_its_place(bench: Bench):
    bench.say("dead")
    bench.connector.answer(Permanent("refused"))
    await quiet()
    bench.outbox.ready(RIGHT, yes=False)
    bench.say("younger")
    [letter] = await bench.store.dead_letters()
    assert await bench.outbox.revive([letter.queued.delivery.head.key]) == 1
    bench.connector.automatic = True
    bench.outbox.ready(RIGHT, yes=True)
    await quiet()
    assert bench.connector.texts() == ["dead", "dead", "younger"]


async def test_passing_deliveries_are_not_stored_and_give_way(bench: Bench):
    bench.outbox.post(post("notice"))
    assert await bench.store.lanes() == {}
    bench.connector.answer(Permanent("no"))
    await quiet()
    assert bench.failed == []
    assert await bench.store.dead_letters() == []


async def test_draining_waits_for_what_can_go_and_not_longer(bench: Bench):
    bench.say("one", "two")
    bench.push(post("nobody there", "nowhere:#x"))
    draining = asyncio.ensure_future(bench.outbox.drain(5))
    for _ in range(2):
        assert not draining.done()
        bench.connector.answer()
        await quiet()
    assert await draining is True


async def test_draining_ends_at_its_deadline(bench: Bench):
    bench.say("stuck")
    draining = asyncio.ensure_future(bench.outbox.drain(5))
    await bench.clock.advance(4)
    assert not draining.done()
    await bench.clock.advance(1)
    assert await draining is False
    assert await bench.store.lanes() == {room("right:#b"): 1}


async def test_a_network_that_left_gets_its_deliveries_when_it_is_back(bench: Bench):
    bench.say("one", "two")
    bench.outbox.detach(RIGHT)
    assert bench.outbox.lanes()[0].flying == 0
    again = HandConnector()
    bench.outbox.attach(RIGHT, again)
    bench.outbox.ready(RIGHT, yes=True)
    await quiet()
    assert again.texts() == ["one", "two"]


async def impatient() -> Bench:
    one = Bench(patience=60.0)
    await one.start()
    return one


async def test_what_waits_for_another_try_holds_up_the_others_for_a_while_only():
    bench = await impatient()
    bench.say("bad", "good", "better")
    bench.connector.answer(Retry("not now", after=30))
    await quiet()
    assert bench.flying() == []
    await bench.clock.advance(30)
    assert bench.flying() == ["bad"]
    await bench.clock.advance(31)  # more than a minute old by now
    bench.connector.answer(Retry("not now", after=300))
    await quiet()
    assert bench.flying() == ["good"]
    bench.connector.answer()
    await quiet()
    bench.connector.answer()
    await quiet()
    assert bench.flying() == []
    (status,) = bench.outbox.lanes()
    assert (status.waiting, status.reason) == (1, "not now")
    await bench.clock.advance(300)
    assert bench.flying() == ["bad"]
    bench.connector.answer()
    await quiet()
    assert bench.outbox.lanes() == []
    assert await bench.store.lanes() == {}
    await bench.outbox.close()


async def test_what_is_about_a_message_waits_for_it():
    bench = await impatient()
    await bench.clock.advance(61)
    bench.say("bad")
    bench.push(edit("bad", "worse"))
    bench.say("good")
    bench.connector.answer(Retry("not now", after=300))
    await quiet()
    assert bench.flying() == ["good"]
    bench.connector.answer()
    await bench.clock.advance(300)
    assert bench.flying() == ["bad"]
    bench.connector.answer(("its id",))
    await quiet()
    assert bench.flying() == ["worse"]
    assert [d.ids for d, _ in bench.connector.open if isinstance(d, Edit)] == [("its id",)]
    await bench.outbox.close()


async def test_where_everything_fails_few_are_tried_and_the_rest_waits():
    bench = await impatient()
    await bench.clock.advance(61)
    bench.say(*(str(number) for number in range(20)))
    for _ in range(20):
        if bench.connector.open:
            bench.connector.answer(Retry("not now", after=300))
            await quiet()
    assert len(bench.connector.sent) == 9
    await bench.outbox.close()


async def test_patience_is_no_matter_after_a_restart():
    bench = await impatient()
    await bench.clock.advance(61)
    bench.say("bad", "good")
    bench.connector.answer(Retry("not now", after=300))
    await quiet()
    await bench.outbox.close()
    again = Bench(patience=60.0, store=bench.store)
    await again.clock.advance(61)
    await again.start()
    await quiet()
    assert again.flying() == ["good"]
    await again.outbox.close()
