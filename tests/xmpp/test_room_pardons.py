"""The end of a ban that stands for another one comes through, whoever is away just then."""

from bridge.core.deliveries import AsBridge, Kick, Sent
from bridge.core.events import BanLifted
from bridge.core.ids import XMPP, Person, PersonId, RoomId
from bridge.xmpp.joined.pardons import Bans
from tests.support import build
from tests.support.muc import Refused
from tests.support.xmpp_connector import ROOM, Bridge, outcome, quiet, remote

WHERE = f"xmpp:{ROOM}"
JULIET = Person(XMPP, PersonId("juliet@localhost"))
GHOST = "bob%irc@bridge.localhost"


async def moderating(*ghosts):
    bridge = Bridge()
    bridge.muc.affiliations[Bridge.domain] = "admin"
    bridge.muc.enter("juliet", "juliet@localhost/desk")
    await bridge.__aenter__()
    await bridge.wish(*ghosts)
    return bridge


async def ban_juliet(bridge):
    """Have the bridge ban her, as it does when her puppet is banned elsewhere."""
    kick = Kick(head=build.head(WHERE, voice=AsBridge()), person=JULIET, name="juliet", reason="out", ban=True)
    assert await outcome(bridge.connector.send(kick)) == Sent()


def forgive(bridge, person=JULIET):
    bridge.connector.forgive(RoomId(ROOM), person)


def cast_out(bridge):
    return sorted(jid for jid, affiliation in bridge.muc.affiliations.items() if affiliation == "outcast")


async def again(bridge):
    """Let the stream end, and come back."""
    bridge.stream.up()
    await bridge.clock.advance(5)


def forget_everybody(bridge):
    bridge.stream.down()
    bridge.muc.restart()


async def test_a_ban_of_the_bridge_is_lifted_and_no_other() -> None:
    bridge = await moderating()
    bridge.muc.affiliations["nurse@localhost"] = "outcast"
    await ban_juliet(bridge)
    for who in ("nurse@localhost", "juliet@localhost"):
        forgive(bridge, Person(XMPP, PersonId(who)))
    await quiet()
    assert cast_out(bridge) == ["nurse@localhost"]
    await bridge.stop()


async def test_forgiven_while_the_stream_is_down_they_may_come_when_it_is_back() -> None:
    bridge = await moderating()
    await ban_juliet(bridge)
    forget_everybody(bridge)
    forgive(bridge)
    await quiet()
    assert cast_out(bridge) == ["juliet@localhost"]
    await again(bridge)
    assert cast_out(bridge) == []
    assert not any(bridge.hub.memory[name] for name in bridge.hub.memory if name.startswith(("banned ", "pardon ")))
    await bridge.stop()


async def test_forgiven_before_a_restart_they_may_come_after_it() -> None:
    first = await moderating()
    await ban_juliet(first)
    forget_everybody(first)
    forgive(first)
    await first.stop()
    second = Bridge()
    second.hub.memory = first.hub.memory
    second.muc.affiliations = {Bridge.domain: "admin", "juliet@localhost": "outcast"}
    async with second:
        assert cast_out(second) == []


async def test_they_may_come_once_the_bridge_is_an_admin_again() -> None:
    bridge = await moderating()
    await ban_juliet(bridge)
    seat = bridge.muc.seats["linkspan"]

    def refuse(*_):
        raise Refused("forbidden", "auth")

    administer, bridge.muc._outcasts = bridge.muc._outcasts, refuse
    forgive(bridge)
    await quiet()
    bridge.muc._outcasts = administer
    assert cast_out(bridge) == ["juliet@localhost"]
    forget_everybody(bridge)
    await again(bridge)
    assert seat.affiliation == "admin"
    assert cast_out(bridge) == []
    await bridge.stop()


async def test_a_ghost_that_was_pardoned_while_nobody_was_there_is_told() -> None:
    bridge = await moderating("bob", "carol")
    for name in ("bob", "carol"):
        bridge.muc.affiliations[f"{name}%irc@bridge.localhost"] = "outcast"
        bridge.muc.kick(name, "301")
    await quiet()
    forget_everybody(bridge)
    del bridge.muc.affiliations[GHOST]
    await again(bridge)
    assert [event.person for event in bridge.hub.took(BanLifted)] == [remote("bob").person]
    forget_everybody(bridge)
    await again(bridge)
    assert bridge.hub.took(BanLifted) == []
    await bridge.stop()


async def test_who_is_banned_anew_before_they_were_let_in_stays_out() -> None:
    kept: dict[str, str] = {}
    bans = Bans(kept.__setitem__)
    bans.was_set(ROOM, "juliet@localhost")
    assert bans.forgive(ROOM, "juliet@localhost")
    assert not bans.forgive(ROOM, "juliet@localhost")
    assert bans.due(ROOM) == ["juliet@localhost"]
    bans.was_set(ROOM, "juliet@localhost")
    assert bans.due(ROOM) == []
    assert bans.due("other@conference.localhost") == []
