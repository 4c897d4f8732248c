"""Ghosts: an occupant for each remote person, by everything that can happen to an occupant."""

import pytest
from msgspec.structs import replace

from bridge.core.events import Cause, MemberJoined, MemberLeft, Presence, PuppetJoined, PuppetLeft, Show
from bridge.core.ids import Network, Person, PersonId, RoomId
from bridge.xmpp.joined import claims, ghosts
from tests.support.muc import MUC, NS, Refused
from tests.support.xmpp_connector import INSTANCE, ROOM, Bridge, quiet, remote

BOB = "bob%irc@bridge.localhost/linkspan"
NICK = "{http://jabber.org/protocol/nick}nick"
MARK = "{urn:linkspan:ghost:0}x"


def sent_by(bridge, address=BOB):
    return bridge.stream.take("presence", _from=address)


async def test_a_ghost_joins_with_all_that_the_design_says() -> None:
    async with Bridge(password="sesame") as bridge:
        await bridge.wish("Bob", presence=Presence(Show.AWAY, "gone <fishing>"))
        (join,) = sent_by(bridge)
        assert join.get("to") == f"{ROOM}/Bob"
        x = join.find(f"{{{MUC}}}x")
        assert x.find(f"{{{MUC}}}history").get("maxstanzas") == "0"
        assert x.findtext(f"{{{MUC}}}password") == "sesame"
        assert join.findtext(NICK) == "Bob"
        assert join.find(MARK).get("bridge") == INSTANCE
        assert join.find("{http://jabber.org/protocol/caps}c") is not None
        assert join.findtext(f"{{{NS}}}show") == "away"
        assert join.findtext(f"{{{NS}}}status") == "gone <fishing>"
        (joined,) = bridge.hub.took(PuppetJoined)
        assert (joined.person, joined.name) == (remote("bob").person, "Bob")


async def test_our_own_people_are_no_members() -> None:
    async with Bridge() as bridge:
        await bridge.wish("bob", "carol")
        bridge.unwish("bob")
        await bridge.clock.advance(1)
        assert bridge.hub.took(MemberJoined) == bridge.hub.took(MemberLeft) == []


async def test_the_same_wish_twice_is_one_ghost() -> None:
    async with Bridge() as bridge:
        await bridge.wish("bob")
        await bridge.wish("bob")
        assert len(sent_by(bridge)) == 1


async def test_a_wish_before_the_listener_is_in_waits_for_it() -> None:
    bridge = Bridge()
    bridge.connector.listen(RoomId(ROOM))
    bridge.connector.join(RoomId(ROOM), remote("bob"))
    async with bridge:
        assert [address for address, _ in bridge.muc.joins] == [Bridge.listener, BOB]


# -- going


async def test_a_ghost_that_nobody_wants_leaves_with_the_reason() -> None:
    async with Bridge() as bridge:
        await bridge.wish("bob")
        sent_by(bridge)
        bridge.unwish("bob", "Quit: bye")
        await bridge.clock.advance(1)
        (leave,) = sent_by(bridge)
        assert (leave.get("type"), leave.get("to")) == ("unavailable", f"{ROOM}/bob")
        assert leave.findtext(f"{{{NS}}}status") == "Quit: bye"
        (left,) = bridge.hub.took(PuppetLeft)
        assert left.cause is Cause.LEFT


async def test_whoever_comes_back_at_once_has_never_left() -> None:
    async with Bridge() as bridge:
        await bridge.wish("bob")
        sent_by(bridge)
        bridge.unwish("bob")
        await bridge.wish("bob")
        await bridge.clock.advance(5)
        assert sent_by(bridge) == []
        assert "bob" in bridge.nicks()


async def test_a_later_leave_cancels_a_join_that_waits() -> None:
    """Presence is state: what is not wanted any more is never done."""
    bridge = Bridge()
    bridge.connector.listen(RoomId(ROOM))
    bridge.connector.join(RoomId(ROOM), remote("bob"))
    bridge.connector.leave(RoomId(ROOM), remote("bob").person)
    async with bridge:
        assert [address for address, _ in bridge.muc.joins] == [Bridge.listener]


async def test_a_leave_during_the_join_ends_outside() -> None:
    async with Bridge() as bridge:
        bridge.connector.join(RoomId(ROOM), remote("bob"))
        bridge.unwish("bob")
        await quiet()
        assert bridge.nicks() == {"linkspan"}
        assert bridge.room.ghosts.get(remote("bob").person) is None


async def test_leave_and_join_during_the_join_end_inside() -> None:
    async with Bridge() as bridge:
        bridge.connector.join(RoomId(ROOM), remote("bob"))
        bridge.unwish("bob")
        bridge.connector.join(RoomId(ROOM), remote("bob"))
        await quiet()
        assert bridge.nicks() == {"linkspan", "bob"}
        assert bridge.hub.took(PuppetJoined)[-1].name == "bob"


async def test_joins_are_paced() -> None:
    async with Bridge() as bridge:
        bridge.muc.mute = True  # no answer comes
        await bridge.wish(*(f"user{number}" for number in range(50)))
        assert len(bridge.muc.joins) - 1 == ghosts.IN_FLIGHT


async def test_a_hundred_ghosts_cost_two_stanzas_each() -> None:
    async with Bridge() as bridge:
        before = bridge.stream.built
        await bridge.wish(*(f"user{number}" for number in range(100)))
        assert len(bridge.nicks()) == 101
        assert len(bridge.hub.took(PuppetJoined)) == 100
        assert bridge.stream.built - before == 2 * 100  # the reader's copy and their own
        assert bridge.stream.skipped > 9_000


# -- nicks


async def test_a_taken_nick_gets_the_name_of_the_network() -> None:
    """product.md: ``NICK (NETWORK)``, then ``NICK (NETWORK) 2``; seen beforehand, so no join is refused for it."""
    async with Bridge() as bridge:
        bridge.muc.enter("bob", "romeo@localhost/desk")
        bridge.muc.enter("carol", "c1@localhost/desk")
        bridge.muc.enter("carol (irc)", "c2@localhost/desk")
        await quiet()
        await bridge.wish("bob", "carol")
        assert [nick for _, nick in bridge.muc.joins[1:]] == ["bob (irc)", "carol (irc) 2"]
        assert [event.name for event in bridge.hub.took(PuppetJoined)] == ["bob (irc)", "carol (irc) 2"]


async def test_a_nick_that_is_taken_without_being_seen_is_found_by_the_answer() -> None:
    async with Bridge() as bridge:
        bridge.muc.mute = True
        bridge.muc.enter("bob", "romeo@localhost/desk")
        await quiet()
        bridge.muc.mute = False
        await bridge.wish("bob")
        assert bridge.hub.took(PuppetJoined)[0].name == "bob (irc)"


async def test_what_looks_different_and_is_not_is_a_conflict() -> None:
    """Full-width letters are the plain nick to a server."""
    async with Bridge() as bridge:
        bridge.muc.enter("bob", "romeo@localhost/desk")
        await quiet()
        await bridge.wish("ｂｏｂ")
        assert bridge.hub.took(PuppetJoined)[0].name == "bob (irc)"


async def test_two_of_the_same_name_from_two_networks() -> None:
    async with Bridge() as bridge:
        bridge.connector.join(RoomId(ROOM), remote("bob", "irc"))
        bridge.connector.join(RoomId(ROOM), remote("bob", "oftc"))
        await quiet()
        assert [event.name for event in bridge.hub.took(PuppetJoined)] == ["bob", "bob (oftc)"]


@pytest.mark.parametrize("name", ["🦊", "fox 🦊", "\u202eevil", "a\x00b\nc", " ", "", "x" * 5_000, "\ud800", "a/b@c"])
async def test_any_name_becomes_an_occupant(name) -> None:
    async with Bridge() as bridge:
        member = remote("x")
        bridge.connector.join(RoomId(ROOM), type(member)(person=member.person, name=name))
        await quiet()
        (joined,) = bridge.hub.took(PuppetJoined)
        assert joined.name in bridge.nicks()


@pytest.mark.parametrize("condition", ["jid-malformed", "bad-request", "not-acceptable"])
async def test_a_nick_that_a_service_does_not_like_becomes_a_plainer_one(condition) -> None:
    async with Bridge() as bridge:

        def asciionly(element):
            return None if element.get("to", "").isascii() else Refused(condition, "modify")

        bridge.muc.refuses = asciionly
        await bridge.wish("Zoë")
        assert bridge.hub.took(PuppetJoined)[0].name == "Zo"


async def test_full_may_mean_the_nick() -> None:
    """mu-conference answers an odd nick like a full room."""
    async with Bridge() as bridge:
        bridge.muc.refuses = lambda el: None if el.get("to", "").isascii() else Refused("service-unavailable", "wait")
        await bridge.wish("Zoë")
        assert bridge.hub.took(PuppetJoined)[0].name == "Zo"


async def test_the_nick_that_the_service_assigns_is_the_truth() -> None:
    """Status 210, in a room that shows addresses, and in one that does not."""
    for anonymous in (False, True):
        bridge = Bridge()
        bridge.muc.anonymous = anonymous
        async with bridge:
            bridge.muc.rewrites = lambda nick: f"guest-{nick}"
            await bridge.wish("bob")
            assert bridge.hub.took(PuppetJoined)[0].name == "guest-bob"
            assert bridge.room.is_ours("guest-bob")
            assert bridge.hub.took(MemberJoined) == []


async def test_a_change_of_nick_is_in_place() -> None:
    """Section 7.6: one presence, and nobody joins or leaves."""
    async with Bridge() as bridge:
        await bridge.wish("bob")
        sent_by(bridge)
        bridge.connector.rename(RoomId(ROOM), remote("bob").person, remote("robert"))
        await quiet()
        (move,) = sent_by(bridge)
        assert move.get("to") == f"{ROOM}/robert"
        assert move.find(f"{{{MUC}}}x") is None
        assert bridge.nicks() == {"linkspan", "robert"}
        assert bridge.hub.took(PuppetLeft) == bridge.hub.took(MemberJoined) == bridge.hub.took(MemberLeft) == []
        joined = bridge.hub.took(PuppetJoined)[-1]
        assert (joined.person, joined.name) == (remote("robert").person, "robert")


async def test_a_service_that_shows_the_old_presence_under_the_new_nick() -> None:
    """As ejabberd does: the reader sees an old token, and the presence has to be sent again."""
    bridge = Bridge()
    bridge.muc.anonymous = bridge.muc.keeps_presence = True
    async with bridge:
        await bridge.wish("bob")
        bridge.connector.rename(RoomId(ROOM), remote("bob").person, remote("robert", presence=Presence(Show.AWAY)))
        await quiet()
        assert bridge.hub.took(MemberJoined) == bridge.hub.took(MemberLeft) == []
        assert bridge.room.is_ours("robert")
        assert "away" in bridge.muc.seats["robert"].extra


async def test_there_and_back_within_a_second() -> None:
    async with Bridge() as bridge:
        await bridge.wish("bob")
        rename = bridge.connector.rename
        rename(RoomId(ROOM), remote("bob").person, remote("bobby"))
        rename(RoomId(ROOM), remote("bobby").person, remote("bob"))
        await quiet()
        await bridge.clock.advance(10)
        assert bridge.nicks() == {"linkspan", "bob"}
        assert bridge.hub.took(PuppetLeft) == []


async def test_somebody_new_may_have_the_old_name_at_once() -> None:
    """The renamed ghost keeps its address while it is there; the new bob gets another resource."""
    async with Bridge() as bridge:
        await bridge.wish("bob")
        bridge.connector.rename(RoomId(ROOM), remote("bob").person, remote("robert"))
        await quiet()
        await bridge.wish("bob")
        assert {nick: seat.jid for nick, seat in bridge.muc.seats.items() if nick != "linkspan"} == {
            "robert": BOB,
            "bob": f"{BOB}-2",
        }


async def test_a_change_to_a_taken_nick() -> None:
    async with Bridge() as bridge:
        bridge.muc.enter("robert", "romeo@localhost/desk")
        await bridge.wish("bob")
        bridge.connector.rename(RoomId(ROOM), remote("bob").person, remote("robert"))
        await quiet()
        assert bridge.nicks() == {"linkspan", "robert", "robert (irc)"}


async def test_a_change_of_nick_that_the_room_forbids_leaves_things_as_they_are() -> None:
    async with Bridge() as bridge:
        await bridge.wish("bob")
        bridge.muc.refuses = lambda el: Refused("not-allowed") if "robert" in el.get("to", "") else None
        bridge.connector.rename(RoomId(ROOM), remote("bob").person, remote("robert"))
        await quiet()
        assert bridge.nicks() == {"linkspan", "bob"}
        ghost = bridge.room.ghosts.get(remote("robert").person)
        assert (ghost.nick, ghost.moving_to) == ("bob", "")


async def test_a_wanted_nick_is_taken_back_when_it_is_free_and_not_at_once() -> None:
    async with Bridge() as bridge:
        bridge.muc.enter("bob", "romeo@localhost/desk")
        await bridge.wish("bob")
        bridge.muc.leave("bob")
        await quiet()
        assert "bob (irc)" in bridge.nicks()
        await bridge.clock.advance(claims.RECLAIM + 1)
        assert bridge.nicks() == {"linkspan", "bob"}
        assert bridge.hub.took(PuppetLeft) == []


async def test_whoever_returns_quickly_keeps_their_nick() -> None:
    async with Bridge() as bridge:
        bridge.muc.enter("bob", "romeo@localhost/desk")
        await bridge.wish("bob")
        bridge.muc.leave("bob")
        await bridge.clock.advance(1)
        bridge.muc.enter("bob", "romeo@localhost/desk")
        await bridge.clock.advance(10)
        assert bridge.nicks() == {"linkspan", "bob", "bob (irc)"}


# -- presence


async def test_away_follows() -> None:
    async with Bridge() as bridge:
        await bridge.wish("bob")
        sent_by(bridge)
        await bridge.wish("bob", presence=Presence(Show.AWAY, "lunch"))
        (away,) = sent_by(bridge)
        assert (away.findtext(f"{{{NS}}}show"), away.findtext(f"{{{NS}}}status")) == ("away", "lunch")
        assert away.find(f"{{{MUC}}}x") is None
        assert away.find(MARK).get("bridge") == INSTANCE
        await bridge.wish("bob")
        (back,) = sent_by(bridge)
        assert back.find(f"{{{NS}}}show") is None


async def test_what_changes_during_the_join_is_shown_after_it() -> None:
    async with Bridge() as bridge:
        bridge.connector.join(RoomId(ROOM), remote("bob"))
        bridge.connector.join(RoomId(ROOM), remote("bob", presence=Presence(Show.DND)))
        await quiet()
        shows = [p.findtext(f"{{{NS}}}show") for p in sent_by(bridge)]
        assert shows == [None, "dnd"]


@pytest.mark.parametrize("status", ["a\x00b", "\ud800", "x" * 100_000, "\u2028", "]]>", "<presence/>"])
async def test_any_status_can_be_shown(status) -> None:
    async with Bridge() as bridge:
        await bridge.wish("bob", presence=Presence(Show.AWAY, status))
        assert "bob" in bridge.nicks()


# -- being refused


def refusing(condition: str, kind: str = "cancel"):
    return lambda el: Refused(condition, kind) if "bob" in el.get("to", "") else None


@pytest.mark.parametrize(
    ("condition", "kind", "cause", "final"),
    [
        ("forbidden", "auth", Cause.BANNED, True),
        ("not-authorized", "auth", Cause.REFUSED, True),
        ("registration-required", "auth", Cause.REFUSED, True),
        ("not-allowed", "cancel", Cause.REFUSED, True),
        ("service-unavailable", "wait", Cause.REFUSED, False),
        ("item-not-found", "cancel", Cause.REFUSED, False),
        ("resource-constraint", "wait", Cause.REFUSED, False),
    ],
)
async def test_a_refused_ghost_is_told_once(condition, kind, cause, final) -> None:
    async with Bridge() as bridge:
        bridge.muc.refuses = refusing(condition, kind)
        await bridge.wish("bob")
        await bridge.clock.advance(600)
        (left,) = bridge.hub.took(PuppetLeft)
        assert (left.cause, left.final) == (cause, final)
        assert left.reason


async def test_a_final_refusal_is_not_tried_again() -> None:
    async with Bridge() as bridge:
        bridge.muc.refuses = refusing("forbidden", "auth")
        await bridge.wish("bob")
        await bridge.clock.advance(7_200)
        assert len(sent_by(bridge)) == 1


async def test_a_full_room_is_tried_again_ever_more_rarely() -> None:
    async with Bridge() as bridge:
        bridge.muc.most = 1
        await bridge.wish("bob")
        await bridge.clock.advance(3_600)
        assert 3 <= len(sent_by(bridge)) <= 8
        bridge.muc.most = 2
        await bridge.clock.advance(1_000)
        assert "bob" in bridge.nicks()


async def test_a_service_that_answers_no_join_is_asked_again() -> None:
    async with Bridge() as bridge:
        bridge.stream.deaf = True
        await bridge.wish("bob")
        await bridge.clock.advance(ghosts.PATIENCE + 5)
        bridge.stream.deaf = False
        await bridge.clock.advance(300)
        assert "bob" in bridge.nicks()


async def test_members_only_and_the_listener_is_admin() -> None:
    """The ghost's bare JID becomes a member (section 9.3), then it joins."""
    bridge = Bridge()
    bridge.muc.affiliations[Bridge.domain] = "admin"
    bridge.muc.members_only = True
    async with bridge:
        await bridge.wish("bob")
        assert bridge.muc.affiliations["bob%irc@bridge.localhost"] == "member"
        assert "bob" in bridge.nicks()


async def test_members_only_and_membership_does_not_help() -> None:
    bridge = Bridge()
    bridge.muc.affiliations[Bridge.domain] = "admin"
    async with bridge:
        bridge.muc.refuses = refusing("registration-required", "auth")
        await bridge.wish("bob")
        await bridge.clock.advance(600)
        assert len(sent_by(bridge)) == 2
        assert bridge.hub.took(PuppetLeft)[0].final


async def test_an_id_that_fits_into_no_address() -> None:
    async with Bridge() as bridge:
        member = remote("bob")
        person = Person(Network("irc"), PersonId("x" * 2_000))
        bridge.connector.join(RoomId(ROOM), type(member)(person=person, name="bob"))
        await quiet()
        (left,) = bridge.hub.took(PuppetLeft)
        assert left.final


# -- being thrown out


@pytest.mark.parametrize(
    ("codes", "cause"),
    [(("307",), Cause.KICKED), (("301",), Cause.BANNED)],
)
async def test_a_kicked_ghost_stays_out(codes, cause) -> None:
    async with Bridge() as bridge:
        await bridge.wish("bob")
        bridge.muc.kick("bob", *codes, reason="no shouting", actor="nurse")
        await bridge.clock.advance(3_600)
        (left,) = bridge.hub.took(PuppetLeft)
        assert (left.cause, left.reason, left.actor, left.final) == (cause, "no shouting", "nurse", True)
        assert bridge.nicks() == {"linkspan"}


@pytest.mark.parametrize("codes", [("333",), ("307", "333"), ("332",), ("321",), ("322",)])
async def test_a_ghost_that_the_service_has_lost_comes_back(codes) -> None:
    async with Bridge() as bridge:
        await bridge.wish("bob")
        bridge.muc.kick("bob", *codes)
        await quiet()
        (left,) = bridge.hub.took(PuppetLeft)
        assert (left.cause, left.final) == (Cause.LOST, False)
        await bridge.clock.advance(10)
        assert "bob" in bridge.nicks()


async def test_a_kicked_ghost_that_is_wished_anew_comes_back_gently() -> None:
    async with Bridge() as bridge:
        await bridge.wish("bob")
        bridge.muc.kick("bob")
        await quiet()
        await bridge.wish("bob")
        assert "bob" not in bridge.nicks()
        await bridge.clock.advance(61)
        assert "bob" in bridge.nicks()


async def test_a_person_who_left_and_came_back_after_a_kick_is_shown_at_once() -> None:
    async with Bridge() as bridge:
        await bridge.wish("bob")
        bridge.muc.kick("bob")
        await quiet()
        bridge.unwish("bob")
        await bridge.wish("bob")
        assert "bob" in bridge.nicks()


# -- whose is it?


async def test_in_a_room_that_shows_no_addresses_the_token_tells() -> None:
    bridge = Bridge()
    bridge.muc.anonymous = True
    async with bridge:
        await bridge.wish("bob")
        assert bridge.hub.took(MemberJoined) == []
        assert bridge.room.is_ours("bob")


@pytest.mark.parametrize("strips", [False, True])
async def test_somebody_who_takes_the_nick_first_is_a_member(strips) -> None:
    """The race: juliet enters as bob while the ghost's join is under way. Its answer is a conflict, hers is the nick."""
    bridge = Bridge()
    bridge.muc.anonymous, bridge.muc.strips = True, strips
    async with bridge:
        bridge.stream.deaf = True
        bridge.connector.join(RoomId(ROOM), remote("bob"))
        (join,) = sent_by(bridge)
        bridge.stream.deaf = False
        bridge.muc.enter("bob", "juliet@localhost/desk")
        bridge.muc.take(join)
        await quiet()
        (joined,) = bridge.hub.took(MemberJoined)
        assert joined.member.name == "bob"
        assert not bridge.room.is_ours("bob")
        assert bridge.hub.took(PuppetJoined)[0].name == "bob (irc)"


async def test_a_service_that_strips_everything_leaves_the_ghosts_own_copy() -> None:
    bridge = Bridge()
    bridge.muc.anonymous = bridge.muc.strips = True
    bridge.muc.features.clear()
    async with bridge:
        await bridge.wish("bob", "carol")
        assert bridge.room.is_ours("bob")
        assert bridge.room.is_ours("carol")
        assert bridge.hub.took(MemberJoined) == []


async def test_a_stolen_token_does_not_hide_anybody() -> None:
    """Everybody in the room can read a ghost's token; it is good for the join that it was made for."""
    bridge = Bridge()
    bridge.muc.anonymous = True
    async with bridge:
        await bridge.wish("bob")
        token = bridge.room.ghosts.get(remote("bob").person).token
        mark = f"<x xmlns='urn:linkspan:ghost:0' bridge='{INSTANCE}' join='{token}'/>"
        bridge.muc.enter("thief", extra=mark)
        await quiet()
        assert not bridge.room.is_ours("thief")
        assert [event.member.name for event in bridge.hub.took(MemberJoined)] == ["thief"]


async def test_another_bridges_ghost_is_a_stand_in() -> None:
    async with Bridge() as bridge:
        bridge.muc.enter("alien", extra="<x xmlns='urn:linkspan:ghost:0' bridge='they' join='t'/>")
        await quiet()
        (joined,) = bridge.hub.took(MemberJoined)
        assert joined.member.stand_in


async def test_ghosts_of_an_earlier_run_are_taken_over_or_taken_out() -> None:
    """After a crash the service still has them; whoever is wished joins over the old one, the others go after a while."""
    bridge = Bridge()
    bridge.muc.enter("bob", BOB)
    bridge.muc.enter("carol", "carol%irc@bridge.localhost/linkspan")
    async with bridge:
        await bridge.wish("bob")
        assert bridge.hub.took(PuppetJoined)[0].name == "bob"
        assert bridge.hub.took(MemberJoined) == []
        await bridge.clock.advance(120)
        assert bridge.nicks() == {"linkspan", "bob"}


async def test_after_a_lost_stream_all_join_again_under_their_nicks() -> None:
    async with Bridge() as bridge:
        await bridge.wish("bob", "carol")
        bridge.stream.down()
        await quiet()
        assert len(bridge.hub.took(PuppetLeft)) == 2
        bridge.muc.restart()
        bridge.stream.up()
        await bridge.clock.advance(5)
        assert bridge.nicks() == {"linkspan", "bob", "carol"}
        assert bridge.muc.joins[3][0] == Bridge.listener


def alex(number: str, network: str = "family"):
    """Return somebody called Alex, as there are many."""
    return replace(remote("Alex", network), person=Person(Network(network), PersonId(number)))


async def shown(bridge, *members):
    """Let ghosts come in, one after another; returns their nicks."""
    for member in members:
        bridge.connector.join(RoomId(ROOM), member)
        await quiet()
    return [joined.name for joined in bridge.hub.took(PuppetJoined)]


async def test_who_has_which_of_two_equal_names_stays_so_over_a_restart_whoever_comes_first() -> None:
    async with Bridge() as bridge:
        assert await shown(bridge, alex("1"), alex("2"), alex("3")) == ["Alex", "Alex (family)", "Alex (family) 2"]
    again = Bridge()
    again.hub.memory.update(bridge.hub.memory)
    async with again:
        assert await shown(again, alex("3"), alex("2"), alex("1")) == ["Alex (family) 2", "Alex (family)", "Alex"]


async def test_a_nick_is_not_kept_for_who_has_left_nor_for_ever() -> None:
    async with Bridge() as bridge:
        await shown(bridge, alex("1"), alex("2"))
        bridge.connector.leave(RoomId(ROOM), alex("1").person)
        await bridge.clock.advance(60)
        assert "Alex" in bridge.nicks()  # the other's by now
    again = Bridge()
    again.hub.memory.update(bridge.hub.memory)
    async with again:
        assert await shown(again, alex("2")) == ["Alex"]
        await shown(again, alex("1"))
    late = Bridge()
    late.hub.memory.update(again.hub.memory)
    await late.clock.advance(claims.KEEP / 1000 + 1)
    async with late:
        assert await shown(late, alex("1")) == ["Alex"]
