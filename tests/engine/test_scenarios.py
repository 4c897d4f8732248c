"""Situations in which other bridges lose, double or mix up messages, between echo networks."""

from bridge.connector import PuppetMode, PuppetSettings
from bridge.core.capabilities import Representation
from bridge.core.failures import Retry
from bridge.core.routing import Policy
from bridge.engine.counters import Count
from bridge.engine.limits import Limits
from connectors.echo.network import EchoNetwork
from tests.support.build import room
from tests.support.clock import quiet
from tests.support.echoes import Bridge, bridge, stopped


async def test_whoever_left_while_they_were_still_to_join_never_joins():
    """Scenario 4."""
    async with bridge() as b:
        right = b.connectors["right"]
        right.trouble.joins_held = True
        b.network("left").join("#a", "Juliet")
        await quiet()
        b.network("left").leave("#a", "Juliet")
        await quiet()
        right.trouble.joins_held = False
        right.wake()
        await quiet()
        assert b.network("right").names("#b") == []


async def test_what_is_said_while_the_puppet_is_joining_comes_when_it_is_there_and_in_order():
    """Scenario 12."""
    async with bridge() as b:
        right = b.connectors["right"]
        b.network("left").join("#a", "Nurse")
        await quiet()
        right.trouble.joins_held = True
        b.network("left").say("#a", "Juliet", "first")
        b.network("left").say("#a", "Nurse", "second")
        await quiet()
        assert b.network("right").transcript("#b") == []
        right.trouble.joins_held = False
        right.wake()
        await quiet()
        assert b.network("right").transcript("#b") == ["Juliet: first", "Nurse: second"]


async def test_what_is_said_while_the_puppet_is_refused_comes_by_the_relay():
    async with bridge() as b:
        b.network("right").bar("#b", "Juliet", "banned")
        b.network("left").say("#a", "Juliet", "let me in")
        await quiet()
        assert b.network("right").transcript("#b") == ["test right: <Juliet> let me in"]
        assert b.hub.counters.get(Count.RELAYED) == 1


async def test_a_kicked_puppet_is_heard_by_the_relay():
    """Scenario 35: the person is still there (their room does not let itself be told whom to throw out)."""
    async with bridge(link=()) as b:
        b.link("left:#a", "right:#b", policy=Policy(kicks=False))
        b.network("right").join("#b", "Romeo")
        b.network("left").join("#a", "Juliet")
        await quiet()
        b.network("right").kick("#b", "Juliet", by="Romeo")
        await quiet()
        b.network("left").say("#a", "Juliet", "still here")
        await quiet()
        assert b.network("right").transcript("#b") == ["test right: <Juliet> still here"]


async def test_typing_that_fails_does_not_touch_messages():
    """Scenario 34."""
    async with bridge() as b:

        def explode(*_: object, **__: object) -> None:
            msg = "a bug in typing"
            raise RuntimeError(msg)

        b.connectors["right"].typing = explode  # type: ignore[method-assign]
        left = b.network("left")
        left.join("#a", "Juliet")
        await quiet()
        left.type("#a", "Juliet")
        left.say("#a", "Juliet", "hello")
        await quiet()
        assert b.network("right").transcript("#b") == ["Juliet: hello"]
        assert b.hub.counters.get(Count.FAULTS) == 1


async def test_a_ring_over_another_bridge_is_broken_by_its_mark():
    """Scenario 26: two bridges link the same two rooms."""
    left, right = EchoNetwork(), EchoNetwork()
    async with stopped(Bridge(instance="one")) as one, stopped(Bridge(instance="two")) as two:
        for each in (one, two):
            await each.hub.open()
            each.add("left", left)
            each.add("right", right)
            each.link("left:#a", "right:#b")
        await quiet()
        left.say("#a", "Juliet", "hello?")
        await quiet()
        assert len(left.transcript("#a")) <= 3
        assert len(right.transcript("#b")) <= 3


async def test_a_ring_over_a_foreign_bridge_that_drops_the_mark_ends_soon():
    async with bridge("left", "right") as b:
        left, right = b.network("left"), b.network("right")
        relayed: set[str] = set()

        def foreign() -> bool:
            """Carry what is new on the right back to the left, as a simple-minded bot does."""
            new = [line for line in right.room("#b").log if line.id not in relayed]
            for line in new:
                relayed.add(line.id)
                assert line.content is not None
                left.say("#a", "relaybot", f"<{line.by.name}> {line.content.text}")
            return bool(new)

        left.say("#a", "Juliet", "hello?")
        for _ in range(20):
            await quiet()
            if not foreign():
                break
        assert len(left.transcript("#a")) <= 4
        assert b.hub.counters.get(Count.LOOPS) >= 1


async def test_five_thousand_each_way_arrive_once_and_in_order():
    async with bridge() as b:
        left, right = b.network("left"), b.network("right")
        for number in range(5000):
            left.say("#a", "Juliet", f"left {number}")
            right.say("#b", "Romeo", f"right {number}")
        await quiet()
        heard_right = [line for line in right.transcript("#b") if line.startswith("Juliet")]
        heard_left = [line for line in left.transcript("#a") if line.startswith("Romeo")]
        assert heard_right == [f"Juliet: left {number}" for number in range(5000)]
        assert heard_left == [f"Romeo: right {number}" for number in range(5000)]
        assert await b.store.lanes() == {}


async def test_what_was_unsent_goes_out_after_a_restart_in_order():
    async with bridge() as b:
        left, right = b.network("left"), b.network("right")
        left.say("#a", "Juliet", "0")
        await quiet()
        b.connectors["right"].trouble.hold("#b")
        for number in range(1, 400):
            left.say("#a", "Juliet", str(number))
        await quiet()
    async with stopped(Bridge(store=b.store)) as again:
        await again.hub.open()
        again.link("left:#a", "right:#b")
        again.add("left", left)
        again.add("right", right)
        left.say("#a", "Juliet", "400")
        await quiet()
        await again.clock.advance(1)
        said = [line.split(": ")[-1].removeprefix("<Juliet> ") for line in right.transcript("#b")]
        assert said == [str(number) for number in range(401)]


async def test_what_was_said_while_the_bridge_was_away_is_caught_up_and_nothing_twice():
    async with bridge() as b:
        left, right = b.network("left"), b.network("right")
        left.say("#a", "Juliet", "before")
        await quiet()
    left.say("#a", "Juliet", "meanwhile")
    async with stopped(Bridge(store=b.store)) as again:
        await again.hub.open()
        again.link("left:#a", "right:#b")
        again.add("right", right)
        again.add("left", left)
        await quiet()
        left.say("#a", "Juliet", "after")
        await quiet()
        said = [line.split(": ")[-1].removeprefix("<Juliet> ") for line in right.transcript("#b")]
        assert said == ["before", "meanwhile", "after"]


async def test_a_cut_connection_loses_nothing_and_doubles_nothing():
    async with bridge() as b:
        left, right = b.network("left"), b.network("right")
        left.join("#a", "Juliet")
        await quiet()
        right.cut()
        await quiet()
        for number in range(50):
            left.say("#a", "Juliet", str(number))
        await quiet()
        assert right.transcript("#b") == []
        right.restore()
        b.connectors["right"].retry_now()
        await quiet()
        assert right.transcript("#b") == [f"Juliet: {number}" for number in range(50)]
        assert right.names("#b") == ["Juliet"]


async def test_one_dead_network_delays_nobody_and_fills_no_memory():
    limits = Limits(lane=50, page=25)
    async with stopped(Bridge(limits=limits)) as b:
        await b.hub.open()
        for name in ("left", "right", "dead"):
            b.add(name)
        b.link("left:#a", "right:#b", "dead:#d")
        await quiet()
        b.network("dead").cut()
        await quiet()
        for number in range(1000):
            b.network("left").say("#a", "Juliet", str(number))
        await quiet()
        assert len(b.network("right").transcript("#b")) == 1000
        [lane] = b.hub.outbox.lanes()
        assert lane.room == room("dead:#d")
        assert lane.waiting <= 50
        b.network("dead").restore()
        b.connectors["dead"].retry_now()
        await quiet()
        assert b.network("dead").transcript("#d") == [f"Juliet: {number}" for number in range(1000)]


async def test_a_flood_wait_in_one_room_is_waited_for_there_alone():
    async with bridge(link=("left:#a", "right:#b")) as b:
        b.link("left:#c", "right:#d", name="other")
        await quiet()
        b.connectors["right"].trouble.fail("#b", Retry("flood wait", after=30))
        b.network("left").say("#a", "Juliet", "slow")
        b.network("left").say("#c", "Juliet", "quick")
        await quiet()
        assert b.network("right").transcript("#d") == ["Juliet: quick"]
        assert b.network("right").transcript("#b") == []
        await b.clock.advance(31)
        assert b.network("right").transcript("#b") == ["Juliet: slow"]


async def test_lazy_people_speak_as_themselves_from_the_first_word():
    lazy = PuppetSettings(mode=PuppetMode.LAZY)
    async with bridge(link=()) as b:
        b.add("lazy", puppets=lazy, representation=Representation.SESSION)
        b.link("left:#a", "lazy:#l")
        await quiet()
        b.network("left").join("#a", "Juliet")
        await quiet()
        assert b.network("lazy").names("#l") == []
        b.network("left").say("#a", "Juliet", "good night")
        await quiet()
        assert b.network("lazy").transcript("#l") == ["Juliet: good night"]
        assert b.network("lazy").names("#l") == ["Juliet"]


async def test_a_whisper_to_a_puppet_reaches_its_person_and_the_answer_comes_back():
    async with bridge() as b:
        left, right = b.network("left"), b.network("right")
        left.join("#a", "Juliet")
        right.join("#b", "Romeo")
        await quiet()
        right.whisper("Romeo", next(a.id for a in right.room("#b").members.values() if a.name == "Juliet"), "psst")
        await quiet()
        assert left.whispers("juliet") == ["psst"]
