"""The listener on its way into a room, by every answer that a MUC service has (XEP-0045 section 7.2)."""

import pytest

from bridge.connector import Status
from bridge.core.events import Cause, MembersListed, RoomClosed, RoomOpened
from bridge.core.ids import RoomId
from tests.support.muc import ERRORS, MUC, NS, Refused
from tests.support.xmpp_connector import ROOM, Bridge, quiet, remote

LISTENER = Bridge.listener


async def test_it_joins_under_its_nick_and_tells_who_is_there() -> None:
    bridge = Bridge()
    bridge.muc.enter("juliet")
    bridge.muc.enter("romeo", "romeo@montague.example/balcony")
    async with bridge:
        (join,) = bridge.stream.take("presence", to=f"{ROOM}/linkspan")
        assert join.get("from") == LISTENER
        (opened,) = bridge.hub.took(RoomOpened)
        (listed,) = bridge.hub.took(MembersListed)
        assert opened.origin.room.id == ROOM
        assert {(m.person.id, m.name, m.account) for m in listed.members} == {
            ("juliet@localhost", "juliet", "juliet@localhost"),
            ("romeo@montague.example", "romeo", "romeo@montague.example"),
        }


async def test_it_asks_for_one_copy_of_the_traffic_where_the_server_can_do_that() -> None:
    async with Bridge() as bridge:
        (join,) = bridge.stream.take("presence", to=f"{ROOM}/linkspan")
        assert join.find("{urn:linkspan:muc-puppets:0}collapse") is not None


async def test_nobody_is_told_before_the_list_is_complete() -> None:
    """Occupants come before one's own presence, which ends the list (XEP-0045 section 7.1)."""
    bridge = Bridge()
    for number in range(20):
        bridge.muc.enter(f"user{number}")
    async with bridge:
        assert [type(event).__name__ for event in bridge.hub.events] == ["RoomOpened", "MembersListed"]


async def test_a_first_join_asks_for_no_history() -> None:
    async with Bridge() as bridge:
        (join,) = bridge.stream.take("presence", to=f"{ROOM}/linkspan")
        assert join.find(f"{{{MUC}}}x/{{{MUC}}}history").get("maxstanzas") == "0"


async def test_a_taken_nick_gets_a_number() -> None:
    bridge = Bridge()
    bridge.muc.enter("linkspan", "impostor@localhost/x")
    bridge.muc.enter("linkspan (2)", "impostor@localhost/y")
    async with bridge:
        assert [nick for _, nick in bridge.muc.joins] == ["linkspan (3)"]
        assert len(bridge.hub.took(RoomOpened)) == 1


async def test_the_nick_that_the_service_assigns_is_the_truth() -> None:
    """Status 210: a message under the assigned nick is a reflection of ours, not news."""
    bridge = Bridge()
    bridge.muc.rewrites = lambda nick: f"{nick}-bot"
    async with bridge:
        assert len(bridge.hub.took(RoomOpened)) == 1
        assert bridge.room.nick == "linkspan-bot"
        assert bridge.room.is_ours("linkspan-bot")


async def test_a_password_is_given() -> None:
    bridge = Bridge(password="sesame & co")
    bridge.muc.password = "sesame & co"
    async with bridge:
        assert len(bridge.hub.took(RoomOpened)) == 1


def refusing(condition: str, kind: str = "cancel", text: str = ""):
    return lambda element: Refused(condition, kind, text) if element.find(f"{{{MUC}}}x") is not None else None


@pytest.mark.parametrize(
    ("condition", "kind", "cause", "final", "words"),
    [
        ("not-authorized", "auth", Cause.REFUSED, True, "password"),
        ("forbidden", "auth", Cause.BANNED, True, "banned"),
        ("registration-required", "auth", Cause.REFUSED, False, "members only"),
        ("service-unavailable", "wait", Cause.REFUSED, False, "full"),
        ("not-allowed", "cancel", Cause.REFUSED, False, "not-allowed"),
        ("item-not-found", "cancel", Cause.LOST, False, "not there"),
        ("resource-constraint", "wait", Cause.REFUSED, False, "nobody in at the moment"),
        ("remote-server-not-found", "cancel", Cause.LOST, False, "not there"),
        ("remote-server-timeout", "wait", Cause.LOST, False, "not there"),
        ("jid-malformed", "modify", Cause.REFUSED, True, "refuses the nick"),
        ("policy-violation", "modify", Cause.REFUSED, False, "policy-violation"),
        ("policy-violation", "wait", Cause.REFUSED, False, "nobody in at the moment"),
    ],
)
async def test_a_refusal_is_told_in_words(condition, kind, cause, final, words) -> None:
    bridge = Bridge()
    bridge.muc.refuses = refusing(condition, kind, "thus says the service")
    async with bridge:
        (closed,) = bridge.hub.took(RoomClosed)
        assert (closed.cause, closed.final) == (cause, final)
        assert words in closed.reason
        assert bridge.hub.took(RoomOpened) == []
        assert bridge.hub.statuses[-1][0] is Status.DEGRADED


async def test_a_refusal_that_may_pass_is_tried_again_ever_more_rarely_and_told_once() -> None:
    bridge = Bridge()
    bridge.muc.refuses = refusing("registration-required", "auth")
    async with bridge:
        tries = []
        for _ in range(8):
            await bridge.clock.advance(300)
            tries.append(len(bridge.stream.take("presence", to=f"{ROOM}/linkspan")))
        assert tries[0] >= 2
        assert sum(tries[4:]) <= 3
        assert len(bridge.hub.took(RoomClosed)) == 1
        bridge.muc.refuses = lambda _: None
        await bridge.clock.advance(1_000)
        assert len(bridge.hub.took(RoomOpened)) == 1
        assert bridge.hub.statuses[-1][0] is Status.READY


async def test_a_ban_is_not_hammered() -> None:
    bridge = Bridge()
    bridge.muc.affiliations[Bridge.domain] = "outcast"
    async with bridge:
        await bridge.clock.advance(86_400)
        assert len(bridge.muc.joins) == 1


@pytest.mark.parametrize(
    "invitation",
    [
        "<x xmlns='http://jabber.org/protocol/muc#user'><invite from='juliet@localhost'/></x>",
        "<x xmlns='http://jabber.org/protocol/muc#user'><status code='101'/></x>",
    ],
)
async def test_an_invitation_brings_it_in_at_once(invitation) -> None:
    """XEP-0045 section 7.8.2, and the news of an affiliation (code 101) of section 14.1."""
    bridge = Bridge()
    bridge.muc.affiliations[Bridge.domain] = "outcast"
    async with bridge:
        bridge.muc.affiliations.clear()
        bridge.stream.deliver(f"<message from='{ROOM}' to='{Bridge.domain}'>{invitation}</message>")
        await quiet()
        assert len(bridge.hub.took(RoomOpened)) == 1


async def test_an_invitation_by_somebody_else_does_nothing() -> None:
    bridge = Bridge()
    bridge.muc.affiliations[Bridge.domain] = "outcast"
    async with bridge:
        await quiet()
        invitation = "<x xmlns='http://jabber.org/protocol/muc#user'><invite from='juliet@localhost'/></x>"
        bridge.stream.deliver(f"<message from='juliet@localhost' to='{Bridge.domain}'>{invitation}</message>")
        bridge.stream.deliver(f"<message from='{ROOM}/juliet' to='{Bridge.domain}'>{invitation}</message>")
        await quiet()
        assert len(bridge.muc.joins) == 1


async def test_a_room_that_the_join_has_made_is_unlocked() -> None:
    """Section 10.1.2: an instant room."""
    bridge = Bridge()
    bridge.muc.locked = True
    async with bridge:
        assert not bridge.muc.locked
        (accept,) = [iq for iq in bridge.stream.take("iq") if "muc#owner" in iq[0].tag]
        assert accept.get("type") == "set"
        assert accept[0][0].get("type") == "submit"


async def test_a_service_that_says_nothing_is_asked_again() -> None:
    bridge = Bridge()
    bridge.muc.mute = True
    async with bridge:
        bridge.muc.features.clear()
        bridge.stream.deaf = True
        await bridge.clock.advance(40)
        bridge.stream.deaf = bridge.muc.mute = False
        await bridge.clock.advance(60)
        assert len(bridge.hub.took(RoomOpened)) == 1


async def test_a_service_that_does_not_show_us_ourselves() -> None:
    """Old services send no self-presence: then a self-ping tells that we are in (XEP-0410)."""
    bridge = Bridge()
    bridge.muc.mute = True
    async with bridge:
        bridge.muc.mute = False
        await bridge.clock.advance(31)
        assert len(bridge.hub.took(RoomOpened)) == 1


async def test_a_room_without_features_is_a_room() -> None:
    bridge = Bridge()

    def knows_nothing(_):
        raise Refused("feature-not-implemented")

    answer = bridge.muc.asked
    bridge.muc.asked = lambda element: knows_nothing(element) if "disco" in element[0].tag else answer(element)
    async with bridge:
        assert len(bridge.hub.took(RoomOpened)) == 1


@pytest.mark.parametrize(
    "room", ["conference.localhost", "a b@conference.localhost", "verona@conference.localhost/x", ""]
)
async def test_what_is_no_room_is_refused(room) -> None:
    async with Bridge(listen=False) as bridge:
        bridge.connector.listen(RoomId(room))
        await quiet()
        (closed,) = bridge.hub.took(RoomClosed)
        assert (closed.final, closed.origin.room.id) == (True, room)


async def test_a_room_is_known_by_the_address_that_the_server_uses() -> None:
    async with Bridge(listen=False) as bridge:
        bridge.connector.listen(RoomId("Verona@Conference.localhost"))
        await quiet()
        (opened,) = bridge.hub.took(RoomOpened)
        assert opened.origin.room.id == "Verona@Conference.localhost"
        bridge.muc.say("linkspan", "x")


async def test_rooms_come_and_go_while_it_runs() -> None:
    async with Bridge(listen=False) as bridge:
        bridge.connector.listen(RoomId(ROOM))
        await quiet()
        await bridge.wish("bob")
        assert bridge.nicks() == {"linkspan", "bob"}
        bridge.connector.unlisten(RoomId(ROOM))
        await quiet()
        assert bridge.nicks() == set()
        bridge.connector.unlisten(RoomId(ROOM))  # nothing happens


async def test_of_a_room_that_is_unlinked_nobody_is_left_whatever_their_leaving_comes_to() -> None:
    """Scenario 23: some are in, some on their way, and the stream ends before their good-byes are read."""
    async with Bridge() as bridge:
        names = [f"u{number}" for number in range(60)]
        await bridge.wish(*names[:40])
        for name in names[40:]:
            bridge.connector.join(RoomId(ROOM), remote(name))
        assert len(bridge.nicks()) > 40
        bridge.connector.unlisten(RoomId(ROOM))
        bridge.stream.down()
        bridge.muc.restart()
        bridge.stream.up()
        await bridge.clock.advance(120)
        assert bridge.nicks() == set()
        bridge.connector.listen(RoomId(ROOM))
        await bridge.clock.advance(5)
        assert bridge.nicks() == {"linkspan"}


async def test_a_listen_that_comes_again_brings_a_new_password() -> None:
    bridge = Bridge(password="wrong")
    bridge.muc.password = "sesame"
    async with bridge:
        assert bridge.hub.took(RoomClosed)[0].final
        bridge.connector.listen(RoomId(ROOM), password="sesame")
        await quiet()
        assert len(bridge.hub.took(RoomOpened)) == 1


async def test_it_leaves_when_it_is_cancelled_ghosts_first() -> None:
    bridge = Bridge()
    async with bridge:
        await bridge.wish("bob", "carol")
        bridge.stream.sent.clear()
        await bridge.stop()
        left = [p.get("from") for p in bridge.stream.take("presence", type="unavailable")]
        assert left == ["bob%irc@bridge.localhost/linkspan", "carol%irc@bridge.localhost/linkspan", LISTENER]
        assert bridge.nicks() == set()


async def test_it_starts_anew_after_a_crash() -> None:
    bridge = Bridge()
    async with bridge:
        await bridge.stop()
        bridge.hub.events.clear()
        async with bridge:
            assert len(bridge.hub.took(RoomOpened)) == 1
            await bridge.wish("bob")
            assert "bob" in bridge.nicks()


@pytest.mark.parametrize(
    "stanza",
    [
        f"<presence from='{ROOM}/linkspan' to='{LISTENER}' type='error'/>",
        f"<presence from='{ROOM}/linkspan' to='{LISTENER}' type='error'><error type='x'><x xmlns='y'/></error></presence>",
        f"<presence from='{ROOM}' to='{LISTENER}'/>",
        f"<presence from='{ROOM}/a' to='{LISTENER}' type='subscribe'/>",
        f"<presence from='{ROOM}/a' to='{LISTENER}' type='probe'/>",
        f"<presence from='{ROOM}/a' to='{LISTENER}'><x xmlns='{MUC}#user'/></presence>",
        f"<presence from='{ROOM}/a' to='{LISTENER}' type='unavailable'><x xmlns='{MUC}#user'><status code='303'/></x></presence>",
        f"<presence from='{ROOM}/' to='{LISTENER}'/>",
        f"<message from='{ROOM}' to='{LISTENER}' type='groupchat'/>",
        f"<message from='{ROOM}/a' to='{LISTENER}' type='groupchat'/>",
        f"<message from='{ROOM}/a' to='{LISTENER}' type='error'/>",
        f"<message from='{ROOM}/a' to='{LISTENER}' type='error' id='x'><error xmlns='{NS}'><gone xmlns='{ERRORS}'/></error></message>",
        f"<message from='{ROOM}' to='{LISTENER}'><result xmlns='urn:xmpp:mam:2'/></message>",
        f"<message to='{LISTENER}'/>",
        "<message/>",
        "<presence/>",
        "<presence from='x' to='y'/>",
        f"<message from='{ROOM}/a' to='{LISTENER}' type='nonsense'><body>x</body></message>",
    ],
)
async def test_odd_stanzas_change_nothing(stanza) -> None:
    async with Bridge() as bridge:
        await bridge.wish("bob")
        bridge.stream.deliver(stanza)
        bridge.muc.enter("juliet")
        bridge.muc.say("juliet", "still there?")
        await quiet()
        assert "MessagePosted" in [type(event).__name__ for event in bridge.hub.events]
        assert bridge.nicks() == {"linkspan", "bob", "juliet"}
