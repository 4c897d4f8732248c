"""Two echo networks, linked, with no XMPP anywhere: what people on each side see of the other."""

from bridge.core.capabilities import Feature, Representation
from bridge.core.content import Kind
from bridge.engine.counters import Count
from bridge.engine.expulsions import THOUGHT
from tests.support.clock import quiet
from tests.support.echoes import bridge


async def test_everybody_is_heard_under_their_own_name():
    async with bridge() as b:
        left, right = b.network("left"), b.network("right")
        left.say("#a", "Juliet", "hello")
        right.say("#b", "Romeo", "who is it")
        await quiet()
        assert right.transcript("#b") == ["Romeo: who is it", "Juliet: hello"]
        assert left.transcript("#a") == ["Juliet: hello", "Romeo: who is it"]


async def test_members_are_shown_on_the_other_side_and_their_comings_and_goings():
    async with bridge() as b:
        left, right = b.network("left"), b.network("right")
        left.join("#a", "Juliet")
        left.join("#a", "Nurse")
        await quiet()
        assert right.names("#b") == ["Juliet", "Nurse"]
        left.rename("Nurse", "Angelica")
        left.leave("#a", "Juliet")
        await quiet()
        assert right.names("#b") == ["Angelica"]


async def test_who_was_there_before_the_bridge_is_shown_too():
    async with bridge(link=()) as b:
        b.network("left").join("#a", "Juliet")
        b.network("right").join("#b", "Romeo")
        b.link("left:#a", "right:#b")
        await quiet()
        assert b.network("right").names("#b") == ["Juliet", "Romeo"]
        assert b.network("left").names("#a") == ["Juliet", "Romeo"]


async def test_a_taken_name_gets_a_tail():
    async with bridge() as b:
        b.network("right").join("#b", "Juliet")
        await quiet()
        b.network("left").say("#a", "Juliet", "that is me")
        await quiet()
        assert b.network("right").transcript("#b") == ["Juliet_: that is me"]


async def test_edits_replies_reactions_and_retractions_find_their_message():
    async with bridge() as b:
        left, right = b.network("left"), b.network("right")
        hello = left.say("#a", "Juliet", "helo")
        await quiet()
        left.edit("#a", "Juliet", hello, "hello")
        await quiet()
        [copy] = [line.id for line in right.room("#b").log if line.verb == "said"]
        answer = right.say("#b", "Romeo", "hi", reply_to=copy)
        right.react("#b", "Romeo", copy, "♥")
        await quiet()
        right.retract("#b", "Romeo", answer)
        await quiet()
        assert right.transcript("#b")[:2] == ["Juliet: helo", "Juliet [instead of: helo]: hello"]
        assert left.transcript("#a")[2:] == [
            "Romeo [to: helo]: hi",
            "Romeo reacts ♥ to: helo",
            "Romeo takes back: hi",
        ]


async def test_only_the_sender_may_edit():
    async with bridge() as b:
        left, right = b.network("left"), b.network("right")
        line = left.say("#a", "Juliet", "hello")
        left.join("#a", "Mallory")
        left.edit("#a", "Mallory", line, "I am a fool")
        left.edit("#a", "Juliet", line, "hello!")
        await quiet()
        assert right.transcript("#b") == ["Juliet: hello", "Juliet [instead of: hello]: hello!"]
        assert b.hub.counters.get(Count.FORBIDDEN) == 1


async def test_actions_and_topics_cross():
    async with bridge() as b:
        left, right = b.network("left"), b.network("right")
        left.say("#a", "Juliet", "waves", kind=Kind.ACTION)
        left.set_topic("#a", "Juliet", "Verona")
        await quiet()
        assert right.transcript("#b") == ["* Juliet waves", "Juliet sets the topic: Verona"]
        assert right.room("#b").topic == "Verona"


async def test_a_relay_says_who_speaks():
    async with bridge(representation=Representation.RELAY) as b:
        b.network("left").say("#a", "Juliet", "hello")
        b.network("left").say("#a", "Juliet", "waves", kind=Kind.ACTION)
        await quiet()
        assert b.network("right").transcript("#b") == ["test right: <Juliet> hello", "test right: * Juliet waves"]
        assert b.network("right").names("#b") == []


async def test_a_mask_is_worn_for_one_message():
    async with bridge(representation=Representation.MASK) as b:
        b.network("left").say("#a", "Juliet", "hello")
        await quiet()
        assert b.network("right").transcript("#b") == ["Juliet: hello"]


async def test_three_rooms_hear_each_other_and_nobody_hears_twice():
    async with bridge("left", "right", "third", link=("left:#a", "right:#b", "third:#c", "left:#d")) as b:
        b.network("right").say("#b", "Romeo", "all")
        await quiet()
        for name, where in (("left", "#a"), ("left", "#d"), ("third", "#c"), ("right", "#b")):
            assert b.network(name).transcript(where) == ["Romeo: all"]


async def test_what_is_said_in_no_link_is_dropped_and_counted():
    async with bridge() as b:
        b.connectors["left"].listen("#elsewhere")
        await quiet()
        b.network("left").say("#elsewhere", "Juliet", "anybody?")
        await quiet()
        assert b.hub.counters.get(Count.UNLINKED) == 1
        assert b.network("right").transcript("#b") == []


async def test_a_kick_of_a_puppet_throws_out_who_stands_behind_it_and_nobody_else():
    async with bridge() as b:
        left, right = b.network("left"), b.network("right")
        left.join("#a", "Juliet")
        right.join("#b", "Romeo")
        await quiet()
        right.kick("#b", "Juliet", by="Romeo", reason="too late")
        await b.clock.advance(THOUGHT)
        assert left.names("#a") == ["Romeo"]
        assert right.names("#b") == ["Romeo"]
        left.join("#a", "Juliet")
        await quiet()
        assert right.names("#b") == ["Juliet", "Romeo"]


async def test_a_mirrored_leave_is_no_kick():
    async with bridge() as b:
        left, right = b.network("left"), b.network("right")
        left.join("#a", "Juliet")
        left.join("#a", "Nurse")
        await quiet()
        left.kick("#a", "Juliet", by="Nurse", reason="bed time")
        await quiet()
        assert right.names("#b") == ["Nurse"]
        assert left.names("#a") == ["Nurse"]


async def test_a_refused_feature_is_told_to_the_sender():
    async with bridge(link=()) as b:
        b.add("poor", refused=(Feature.EDIT,))
        b.link("left:#a", "poor:#p")
        await quiet()
        left = b.network("left")
        line = left.say("#a", "Juliet", "helo")
        left.edit("#a", "Juliet", line, "hello")
        await quiet()
        assert b.network("poor").transcript("#p") == ["Juliet: helo"]
        await b.clock.advance(5)
        assert b.hub.counters.get(Count.NOTICES) == 1
        [whispered] = left.whispers("juliet")
        assert whispered == "not told to poor:#p: edit is not possible there"
