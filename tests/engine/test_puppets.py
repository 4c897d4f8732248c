"""Who is shown where: wishes follow rosters, by differences only, within the budget, and nobody is forgotten."""

import pytest

from bridge.connector import PuppetMode, PuppetSettings, Status
from bridge.core.capabilities import Feature, Representation
from bridge.core.deliveries import AsPuppet, AsRelay, Kick, Tell
from bridge.core.events import Cause, Presence, Show
from bridge.core.ids import Network
from bridge.core.routing import Policy
from bridge.engine.counters import Count
from bridge.engine.expulsions import THOUGHT
from bridge.engine.ports import Known
from bridge.storage.memory import MemoryStore
from tests.support.build import (
    closed,
    joined,
    left,
    listed,
    member,
    opened,
    person,
    posted,
    puppet_joined,
    puppet_left,
    renamed,
    room,
    typing,
)
from tests.support.clock import START, quiet
from tests.support.connectors import HandConnector, RenamingConnector, capabilities
from tests.support.hubs import Works, works

SESSIONS = Representation.SESSION


def budget(most: int = 200, idle: float = 172_800.0, mode: PuppetMode = PuppetMode.FULL) -> PuppetSettings:
    return PuppetSettings(mode=mode, max=most, idle=idle)


async def test_only_differences_are_wished():
    async with works() as w:
        source, target = w.networks["left"], w.networks["right"]
        source.emit(listed("juliet", "nurse"))
        source.emit(listed("nurse", "tybalt"))
        source.emit(listed("nurse", "tybalt"))
        assert target.wishes == ["join #b juliet", "join #b nurse", "leave #b juliet", "join #b tybalt"]


async def test_a_change_of_presence_is_an_update_and_a_repeat_is_nothing():
    async with works() as w:
        away = member("juliet", presence=Presence(Show.AWAY, "at the balcony"))
        for who in (member("juliet"), member("juliet"), away, away):
            w.networks["left"].emit(joined(who))
        target = w.networks["right"]
        assert target.wishes == ["join #b juliet"] * 2
        assert target.shown["#b", person("juliet")].presence.show is Show.AWAY


async def test_a_kick_elsewhere_is_a_leave_with_its_reason():
    async with works() as w:
        w.networks["left"].emit(joined("juliet"))
        w.networks["left"].emit(left("juliet", cause=Cause.KICKED, actor="nurse", reason="bed time"))
        assert w.networks["right"].wishes[-1] == "leave #b juliet (kicked by nurse: bed time)"


async def test_who_is_in_two_rooms_of_a_link_is_shown_once_and_until_they_left_both():
    async with works(link=("left:#a", "left:#c", "right:#b")) as w:
        source, target = w.networks["left"], w.networks["right"]
        source.emit(joined("juliet"))
        source.emit(joined("juliet", where="left:#c"))
        source.emit(left("juliet"))
        assert target.wishes == ["join #b juliet"]
        source.emit(left("juliet", where="left:#c"))
        assert target.wishes[-1] == "leave #b juliet"


async def test_whoever_is_there_in_person_needs_no_stand_in():
    async with works(link=("left:#a", "left:#c", "right:#b")) as w:
        source = w.networks["left"]
        source.emit(joined("juliet"))
        assert source.wishes == ["join #c juliet"]
        source.emit(joined("juliet", where="left:#c"))
        assert source.wishes[1:] == ["leave #c juliet"]
        source.emit(left("juliet", where="left:#c"))
        assert source.wishes[2:] == ["join #c juliet"]


@pytest.mark.parametrize("representation", [Representation.SESSION, Representation.ADDRESS])
async def test_no_stand_in_for_another_bridges_stand_in(representation: Representation):
    """Two bridges over the same rooms would show each other's for ever."""
    async with works(representation=representation) as w:
        bot = member("bot", stand_in=True)
        w.networks["left"].emit(joined(bot))
        w.networks["left"].emit(posted("heard all the same", bot))
        await quiet()
        assert w.networks["right"].wishes == []
        assert isinstance(w.networks["right"].sent[0].head.voice, AsRelay)


async def test_a_rename_is_done_in_place_where_the_network_can():
    async with works() as w:
        target = w.add("renaming", RenamingConnector(capabilities(Representation.ADDRESS)))
        w.link("left:#c", "renaming:#r", name="other")
        source = w.networks["left"]
        source.emit(joined("alice", where="left:#c"))
        source.emit(renamed("alice", "alison", where="left:#c"))
        assert target.wishes == ["join #r alice", "rename #r alice alison"]
        assert target.names("#r") == ["alison"]


async def test_a_rename_is_a_leave_and_a_join_where_it_cannot():
    async with works() as w:
        w.networks["left"].emit(joined("alice"))
        w.networks["left"].emit(renamed("alice", "alison"))
        assert w.networks["right"].wishes == ["join #b alice", "leave #b alice (alison)", "join #b alison"]


async def test_a_rename_without_a_new_id_is_an_update():
    async with works() as w:
        w.networks["left"].emit(joined("juliet"))
        after = member("juliet")
        w.networks["left"].emit(renamed("juliet", type(after)(person=after.person, name="Mrs Montague")))
        assert w.networks["right"].names("#b") == ["Mrs Montague"]
        assert len(w.networks["right"].shown) == 1


async def test_nick_there_and_back_within_a_second_leaves_no_ghost():
    """Scenario 7."""
    async with works() as w:
        source, target = w.networks["left"], w.networks["right"]
        source.emit(joined("alice"))
        for old, new in (("alice", "alison"), ("alison", "alice")) * 3:
            source.emit(renamed(old, new))
        assert target.names("#b") == ["alice"]
        source.emit(left("alice"))
        assert target.shown == {}
        assert all(not isinstance(each, Kick) for each in source.sent)


async def test_a_netsplit_is_no_storm_and_who_never_returns_leaves_in_the_end():
    """Scenario 2: 500 quits in a second, 450 come back, 50 never do."""
    async with works() as w:
        source, target = w.networks["left"], w.networks["right"]
        names = [f"user{number}" for number in range(500)]
        source.emit(listed(*names))
        target.wishes.clear()
        for name in names:
            source.emit(left(name, cause=Cause.QUIT, reason="irc.a irc.b"))
            await w.clock.advance(0.002)
        assert len(target.wishes) <= 5
        await w.clock.advance(30)
        for name in names[:450]:
            source.emit(joined(name))
        assert len([wish for wish in target.wishes if wish.startswith("join")]) <= 5
        assert len(target.shown) >= 495
        await w.clock.advance(3600)
        assert sorted(one.name for one in target.shown.values()) == sorted(names[:450])


async def test_a_single_quit_is_told_at_once():
    async with works() as w:
        w.networks["left"].emit(joined("juliet"))
        w.networks["left"].emit(left("juliet", cause=Cause.QUIT, reason="bye"))
        assert w.networks["right"].wishes[-1] == "leave #b juliet (bye)"


async def test_messages_flow_while_thousands_join_elsewhere():
    """Scenario 3."""
    async with works() as w:
        w.link("left:#big", "right:#big", name="big")
        source, target = w.networks["left"], w.networks["right"]
        for number in range(2000):
            source.emit(joined(f"user{number}", where="left:#big"))
            if number % 100 == 0:
                source.emit(posted(f"line {number}"))
        await quiet()
        assert target.texts() == [f"line {number}" for number in range(0, 2000, 100)]


async def test_lazy_people_are_shown_from_their_first_message_on():
    async with works(representation=SESSIONS, puppets=budget(mode=PuppetMode.LAZY)) as w:
        source, target = w.networks["left"], w.networks["right"]
        source.emit(listed("juliet", "nurse"))
        assert target.shown == {}
        source.emit(posted("good night", "juliet"))
        assert target.names("#b") == ["juliet"]
        await quiet()
        assert isinstance(target.sent[0].head.voice, AsPuppet)
        source.emit(left("juliet"))
        assert target.shown == {}


async def test_a_network_that_relays_shows_nobody():
    async with works(representation=SESSIONS, puppets=budget(mode=PuppetMode.RELAY)) as w:
        w.networks["left"].emit(joined("juliet"))
        w.networks["left"].emit(posted("hello"))
        await quiet()
        assert w.networks["right"].wishes == []
        assert isinstance(w.networks["right"].sent[0].head.voice, AsRelay)


async def test_at_start_only_active_people_get_the_few_places():
    """Scenario 5: 50 places, 5,000 people; who spoke last comes first, who was idle for long does not come at all."""
    store = MemoryStore()
    people = [f"user{number}" for number in range(5000)]
    for number, name in enumerate(people[:60]):
        store.met(Known(person=person(name), name=name, spoke=START - 1000 * (number + 1)))
    for name in people[60:]:
        store.met(Known(person=person(name), name=name, spoke=START - 30 * 86_400_000))
    async with works(store=store, representation=SESSIONS, puppets=budget(50)) as w:
        w.networks["left"].emit(listed(*people))
        await quiet()
        target = w.networks["right"]
        assert set(target.names("#b")) == set(people[:50])
        assert len(target.wishes) == 50


async def test_a_full_house_gives_a_place_to_a_speaker_only_after_somebody_was_silent_for_long():
    async with works(representation=SESSIONS, puppets=budget(2)) as w:
        source, target = w.networks["left"], w.networks["right"]
        source.emit(listed("juliet", "nurse", "tybalt"))
        await quiet()
        assert len(target.shown) == 2
        [outside] = {"juliet", "nurse", "tybalt"} - {one.name for one in target.shown.values()}
        source.emit(posted("let me in", outside))
        await quiet()
        assert isinstance(target.sent[-1].head.voice, AsRelay)
        await w.clock.advance(700)
        inside = [one.name for one in target.shown.values()]
        source.emit(posted("still here", inside[0]))
        source.emit(posted("let me in now", outside))
        await quiet()
        assert isinstance(target.sent[-1].head.voice, AsPuppet)
        assert {one.name for one in target.shown.values()} == {inside[0], outside}
        assert w.count(Count.EVICTED) == 1


async def test_idle_people_go_and_come_back_with_their_next_message():
    async with works(representation=SESSIONS, puppets=budget(idle=3600)) as w:
        source, target = w.networks["left"], w.networks["right"]
        source.emit(listed("juliet", "nurse"))
        await w.clock.advance(3000)
        source.emit(posted("I am here", "juliet"))
        await w.clock.advance(1000)
        assert target.names("#b") == ["juliet"]
        assert "leave #b nurse (idle)" in target.wishes
        source.emit(joined(member("nurse", presence=Presence(Show.AWAY))))  # awake is not active
        assert target.names("#b") == ["juliet"]
        source.emit(posted("madam!", "nurse"))
        assert target.names("#b") == ["juliet", "nurse"]
        await quiet()
        assert isinstance(target.sent[-1].head.voice, AsPuppet)


async def test_a_short_idle_counts_whatever_network_was_there_before():
    """Networks with no places to give away are looked at every ten minutes; one with seconds of idle is not."""
    async with works(link=()) as w:
        late = w.add("late", able=capabilities(SESSIONS), puppets=budget(idle=20))
        w.link("left:#a", "late:#b")
        await quiet()
        w.networks["left"].emit(listed("nurse"))
        await quiet()
        assert late.names("#b") == ["nurse"]
        await w.clock.advance(25)
        assert late.names("#b") == []


async def test_addresses_are_neither_counted_nor_idle():
    async with works(puppets=budget(1, idle=60)) as w:
        w.networks["left"].emit(listed("juliet", "nurse"))
        await w.clock.advance(3600)
        assert w.networks["right"].names("#b") == ["juliet", "nurse"]


async def test_when_somebody_spoke_is_noted_now_and_then():
    async with works(representation=SESSIONS) as w:
        w.networks["left"].emit(joined("juliet"))
        for _ in range(5):
            w.networks["left"].emit(posted("hello"))
            await w.clock.advance(1)
        known = await w.store.acquainted([person("juliet")])
        assert known[person("juliet")].spoke == START
        await w.clock.advance(900)
        w.networks["left"].emit(posted("hello again"))
        known = await w.store.acquainted([person("juliet")])
        assert known[person("juliet")].spoke == START + 905_000


async def test_a_refused_puppet_speaks_by_the_relay_and_is_not_tried_again_and_again():
    async with works() as w:
        source, target = w.networks["left"], w.networks["right"]
        source.emit(joined("juliet"))
        target.emit(
            puppet_left(person("juliet"), where="right:#b", cause=Cause.REFUSED, final=True, reason="you are banned")
        )
        source.emit(posted("hello"))
        source.emit(joined(member("juliet", presence=Presence(Show.AWAY))))
        await quiet()
        assert target.wishes == ["join #b juliet"]
        assert isinstance(target.sent[0].head.voice, AsRelay)
        source.emit(left("juliet"))
        source.emit(joined("juliet"))
        assert target.wishes == ["join #b juliet"] * 2


async def test_a_refusal_is_told_to_the_person():
    async with works() as w:
        source, target = w.networks["left"], w.networks["right"]
        source.emit(joined("juliet"))
        target.emit(
            puppet_left(person("juliet"), where="right:#b", cause=Cause.REFUSED, final=True, reason="you are banned")
        )
        await w.clock.advance(5)
        [tell] = source.sent
        assert isinstance(tell, Tell)
        assert tell.person == person("juliet")
        assert tell.content.text == "you are not shown in right:#b: you are banned"


async def test_a_puppet_that_is_lost_for_a_moment_stays_wished_for():
    async with works() as w:
        w.networks["left"].emit(joined("juliet"))
        w.networks["right"].emit(puppet_joined(person("juliet"), where="right:#b"))
        w.networks["right"].emit(puppet_left(person("juliet"), where="right:#b", cause=Cause.LOST))
        w.networks["left"].emit(posted("hello"))
        await quiet()
        assert isinstance(w.networks["right"].sent[0].head.voice, AsPuppet)


async def test_a_kicked_puppets_person_is_kicked_too():
    async with works() as w:
        source, target = w.networks["left"], w.networks["right"]
        source.emit(joined("juliet"))
        target.emit(puppet_joined(person("juliet"), where="right:#b"))
        target.emit(
            puppet_left(person("juliet"), where="right:#b", cause=Cause.KICKED, actor="op", reason="spam", final=True)
        )
        await w.clock.advance(THOUGHT)
        [kick] = [each for each in source.sent if isinstance(each, Kick)]
        assert kick.head.room == room("left:#a")
        assert kick.person == person("juliet")
        assert kick.reason == "kicked by op in #b: spam"
        assert not kick.ban


async def test_no_kick_is_mirrored_where_the_link_does_not_want_it():
    async with works(link=()) as w:
        w.link("left:#a", "right:#b", policy=Policy(kicks=False))
        w.networks["left"].emit(joined("juliet"))
        w.networks["right"].emit(puppet_left(person("juliet"), where="right:#b", cause=Cause.KICKED, final=True))
        await w.clock.advance(THOUGHT)
        assert w.networks["left"].sent == []


@pytest.mark.parametrize(("people", "shut", "mirrored"), [(4, False, 4), (5, False, 0), (1, True, 0)])
async def test_a_removal_of_many_or_of_the_bridge_itself_is_not_mirrored(people: int, shut: bool, mirrored: int):
    """Whoever bans the bridge's domain says nothing about the people behind its stand-ins."""
    async with works() as w:
        source, target = w.networks["left"], w.networks["right"]
        names = [f"n{number}" for number in range(people)]
        for name in names:
            source.emit(joined(name))
            target.emit(puppet_joined(person(name), where="right:#b"))
        for name in names:
            target.emit(puppet_left(person(name), where="right:#b", cause=Cause.BANNED, final=True))
        if shut:
            target.emit(closed("right:#b", cause=Cause.BANNED, final=True))
        await w.clock.advance(THOUGHT)
        assert len([each for each in source.sent if isinstance(each, Kick)]) == mirrored


async def test_a_puppet_that_left_because_we_wanted_it_kicks_nobody():
    """A mirrored leave never turns into a kick, even if a kick crosses it on the way."""
    async with works() as w:
        w.networks["left"].emit(joined("juliet"))
        w.networks["left"].emit(left("juliet"))
        w.networks["right"].emit(puppet_left(person("juliet"), where="right:#b", cause=Cause.KICKED, final=True))
        await quiet()
        assert w.networks["left"].sent == []


async def test_a_puppet_that_comes_when_nobody_wants_it_any_more_is_sent_away():
    async with works() as w:
        w.networks["left"].emit(joined("juliet"))
        w.networks["left"].emit(left("juliet"))
        w.networks["right"].emit(puppet_joined(person("juliet"), where="right:#b"))
        assert w.networks["right"].wishes == ["join #b juliet", "leave #b juliet", "leave #b juliet"]


async def test_a_closed_room_keeps_its_people_for_a_while():
    async with works() as w:
        source, target = w.networks["left"], w.networks["right"]
        source.emit(listed("juliet", "nurse"))
        source.emit(closed())
        await w.clock.advance(60)
        assert target.names("#b") == ["juliet", "nurse"]
        source.emit(opened())
        source.emit(listed("nurse", "romeo"))
        assert target.wishes[2:] == ["leave #b juliet", "join #b romeo"]
        await w.clock.advance(600)
        assert target.names("#b") == ["nurse", "romeo"]


async def test_a_room_that_stays_closed_loses_its_people():
    async with works() as w:
        source, target = w.networks["left"], w.networks["right"]
        source.emit(listed("juliet"))
        source.emit(closed())
        await w.clock.advance(200)
        assert target.shown == {}
        source.emit(joined("nurse"))
        source.emit(closed(final=True))
        assert target.shown == {}


async def test_members_of_a_network_that_is_down_stay_for_a_while():
    async with works() as w:
        source, target = w.networks["left"], w.networks["right"]
        assert source.hub is not None
        source.emit(listed("juliet"))
        source.hub.report(Status.DOWN)
        await w.clock.advance(60)
        source.hub.report(Status.READY)
        await w.clock.advance(600)
        assert target.names("#b") == ["juliet"]
        source.hub.report(Status.CONNECTING)
        await w.clock.advance(200)
        assert target.shown == {}


async def test_who_was_kept_out_gets_a_new_try_when_the_room_is_opened_anew():
    async with works() as w:
        source, target = w.networks["left"], w.networks["right"]
        source.emit(joined("juliet"))
        target.emit(puppet_left(person("juliet"), where="right:#b", cause=Cause.BANNED, final=True))
        target.emit(closed("right:#b"))
        target.emit(opened("right:#b"))
        assert target.names("#b") == ["juliet"]


async def test_a_crashed_network_gets_every_wish_anew():
    async with works() as w:
        source, target = w.networks["left"], w.networks["right"]
        source.emit(listed("juliet", "nurse"))
        target.wishes.clear()
        target.die(RuntimeError("a bug"))
        await w.clock.advance(10)
        assert target.runs == 2
        assert sorted(target.wishes) == ["join #b juliet", "join #b nurse"]
        assert target.listened == ["#b", "#b"]


async def test_a_network_that_is_added_later_shows_who_is_there():
    async with works(link=()) as w:
        w.link("left:#a", "late:#l")
        w.networks["left"].emit(listed("juliet"))
        late = w.add("late", able=capabilities(Representation.ADDRESS))
        await quiet()
        assert late.names("#l") == ["juliet"]
        w.networks["left"].emit(posted("hello"))
        await quiet()
        assert late.texts() == ["hello"]


async def test_a_network_that_is_removed_takes_its_people_along_after_a_while():
    async with works() as w:
        w.networks["left"].emit(listed("juliet"))
        await w.hub.remove_network(Network("left"))
        assert w.networks["right"].names("#b") == ["juliet"]
        await w.clock.advance(200)
        assert w.networks["right"].shown == {}


async def test_a_network_that_is_replaced_disturbs_nobody_elsewhere():
    async with works() as w:
        w.networks["left"].emit(listed("juliet", "nurse"))
        w.networks["right"].wishes.clear()
        await w.hub.remove_network(Network("left"))
        again = w.add("left", able=capabilities(Representation.ADDRESS))
        await quiet()
        again.emit(listed("juliet", "tybalt"))
        await w.clock.advance(600)
        assert w.networks["right"].wishes == ["leave #b nurse", "join #b tybalt"]


async def test_links_are_changed_by_their_difference():
    async with works() as w:
        source, target = w.networks["left"], w.networks["right"]
        source.emit(listed("juliet"))
        target.emit(listed("romeo", where="right:#b"))
        third = w.add("third", able=capabilities(Representation.ADDRESS))
        w.hub.set_links([])
        assert (source.shown, target.shown) == ({}, {})
        assert (source.listened, target.listened) == ([], [])
        w.link("left:#a", "right:#b")
        source.emit(listed("juliet"))
        target.emit(listed("romeo", where="right:#b"))
        source.wishes.clear()
        target.wishes.clear()
        w.hub.remove_link("link")
        w.link("left:#a", "right:#b", "third:#c")
        await quiet()
        assert third.listened == ["#c"]


async def test_a_room_more_in_a_link_disturbs_nobody_in_the_others():
    async with works() as w:
        source, target = w.networks["left"], w.networks["right"]
        source.emit(listed("juliet"))
        target.emit(listed("romeo", where="right:#b"))
        third = w.add("third", able=capabilities(Representation.ADDRESS))
        source.wishes.clear()
        target.wishes.clear()
        [link] = w.hub.links()
        more = type(link)(name=link.name, rooms=(*link.rooms, room("third:#c")))
        w.hub.set_links([more])
        assert (source.wishes, target.wishes) == ([], [])
        assert third.names("#c") == ["juliet", "romeo"]
        assert source.listened == ["#a"]
        w.hub.set_links([link])
        assert third.names("#c") == []
        assert (source.wishes, target.wishes) == ([], [])


async def test_a_room_that_moves_to_another_link_changes_company():
    async with works(link=()) as w:
        w.link("left:#a", "right:#b", name="one")
        w.link("left:#c", "right:#d", name="two")
        source, target = w.networks["left"], w.networks["right"]
        source.emit(listed("juliet"))
        source.emit(listed("tybalt", where="left:#c"))
        one, two = w.hub.links()
        w.hub.set_links(
            [
                type(one)(name="one", rooms=(room("left:#a"), room("right:#d"))),
                type(two)(name="two", rooms=(room("left:#c"), room("right:#b"))),
            ]
        )
        assert target.names("#d") == ["juliet"]
        assert target.names("#b") == ["tybalt"]


def test_a_room_in_two_links_is_refused_and_so_is_a_name_twice():
    w = Works()
    w.link("left:#a", "right:#b", name="one")
    with pytest.raises(ValueError, match="one link"):
        w.link("left:#a", "right:#c", name="two")
    with pytest.raises(ValueError, match="same name"):
        w.link("left:#c", "right:#c", name="one")
    with pytest.raises(ValueError, match="one link"):
        w.link("left:#d", "left:#d", name="three")
    assert [link.name for link in w.hub.links()] == ["one"]
    assert w.hub.link_of(room("left:#a")) == w.hub.links()[0]
    assert w.hub.remove_link("one")
    assert not w.hub.remove_link("one")
    assert w.hub.link_of(room("left:#a")) is None
    w.link("left:#a", "right:#b", name="one")


async def test_a_connector_that_fails_at_a_wish_does_not_hurt_who_reported(caplog: pytest.LogCaptureFixture):
    async with works() as w:

        def explode(*_: object, **__: object) -> None:
            msg = "a bug in join"
            raise RuntimeError(msg)

        w.networks["right"].join = explode  # type: ignore[method-assign]
        w.networks["left"].emit(joined("juliet"))
        w.networks["left"].emit(posted("hello"))
        await quiet()
        assert w.networks["right"].texts() == ["hello"]
        assert "network.fault network=right" in caplog.text


async def test_people_known_only_by_what_they_say_are_shown_from_then_on():
    async with works() as w:
        w.networks["left"].emit(posted("hello", "juliet"))
        assert w.networks["right"].names("#b") == ["juliet"]
        w.networks["left"].emit(posted("hello", member("juliet", avatar="https://example.org/j.png")))
        assert w.networks["right"].shown["#b", person("juliet")].avatar == "https://example.org/j.png"


async def test_people_known_only_by_what_they_say_go_after_long_silence():
    async with works() as w:
        w.networks["left"].emit(posted("hello", "juliet"))
        w.networks["left"].emit(posted("hello", "nurse"))
        w.networks["left"].emit(joined("tybalt"))
        await w.clock.advance(100_000)
        w.networks["left"].emit(posted("still here", member("juliet", avatar="https://example.org/j.png")))
        await w.clock.advance(100_000)
        assert w.networks["right"].names("#b") == ["juliet", "tybalt"]


async def test_who_is_typing_is_shown_where_they_are_shown():
    async with works() as w:
        w.networks["left"].emit(joined("juliet"))
        w.networks["left"].emit(typing("juliet"))
        w.networks["left"].emit(typing("juliet", active=False))
        w.networks["left"].emit(typing("stranger"))
        assert w.networks["right"].typed == ["juliet types in #b", "juliet stops in #b"]


async def test_typing_is_not_shown_where_a_network_has_no_such_thing():
    async with works(link=()) as w:
        quietly = w.add("quiet", able=capabilities(Representation.ADDRESS, without=(Feature.TYPING,)))
        w.link("left:#a", "quiet:#q")
        w.networks["left"].emit(joined("juliet"))
        w.networks["left"].emit(typing("juliet"))
        assert quietly.typed == []


async def test_history_shows_nobody():
    async with works() as w:
        w.networks["left"].emit(posted("hello", "juliet", replayed=True))
        await quiet()
        assert w.networks["right"].wishes == []
        assert isinstance(w.networks["right"].sent[0].head.voice, AsRelay)


async def test_how_many_are_shown_can_be_asked():
    async with works() as w:
        w.networks["left"].emit(listed("juliet", "nurse", "tybalt"))
        target = w.networks["right"]
        target.emit(puppet_joined(person("juliet"), where="right:#b"))
        target.emit(puppet_left(person("nurse"), where="right:#b", cause=Cause.REFUSED, final=True))
        [_, status] = w.hub.puppets.statuses()
        assert (status.network, status.wanted, status.present, status.refused) == ("right", 2, 1, 1)


async def test_how_rooms_are_can_be_asked():
    async with works() as w:
        assert [status.opened for status in w.hub.rooms()] == [False, False]
        w.networks["left"].emit(opened())
        w.networks["left"].emit(listed("juliet"))
        w.networks["right"].emit(closed("right:#b", cause=Cause.BANNED, final=True))
        a, b = w.hub.rooms()
        assert (a.opened, a.members) == (True, 1)
        assert (b.opened, b.final) == (False, True)
        assert isinstance(w.networks["left"], HandConnector)
