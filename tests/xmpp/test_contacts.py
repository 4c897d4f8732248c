"""Ghosts and networks in somebody's contact list."""

from xml.etree.ElementTree import Element

import pytest

from bridge.connector import Session, Status
from bridge.core.acts import Obstacle
from bridge.core.events import Presence, Show
from bridge.core.ids import XMPP, Network, Person, PersonId
from bridge.xmpp.people.contacts import MOST_OF_ONE
from tests.support.hosted import HostedBridge, entry
from tests.support.people import Crowd
from tests.support.xmpp_connector import Bridge, quiet

BOB, IRC, DOMAIN = "bob%irc@bridge.localhost", "irc@bridge.localhost", "bridge.localhost"
JULIET = "juliet@localhost"
Seen = list[tuple[str, str, str]]


async def answers(kind: str, to: str, *, shown: Presence | None = None) -> Seen:
    """Return what answers a presence to one of our addresses: type or show, from, to."""
    bridge = Bridge()
    bridge.connector.know_networks({Network("irc"): "irc", XMPP: "xmpp"})
    async with bridge:
        if shown is not None:
            await bridge.wish("bob", presence=shown)
        before = len(bridge.stream.sent)
        bridge.stream.deliver(f"<presence type='{kind}' from='{JULIET}' to='{to}'/>")
        found = bridge.stream.sent[before:]
        return [
            (each.get("type") or each.findtext("{*}show") or "", each.get("from", ""), each.get("to", ""))
            for each in found
        ]


@pytest.mark.parametrize(
    ("kind", "to", "shown", "seen"),
    [
        ("subscribe", IRC, None, [("subscribed", IRC, JULIET), ("", f"{IRC}/linkspan", JULIET)]),
        ("subscribe", DOMAIN, None, [("subscribed", DOMAIN, JULIET), ("", f"{DOMAIN}/linkspan", JULIET)]),
        ("subscribe", BOB, None, [("subscribed", BOB, JULIET), ("unavailable", f"{BOB}/linkspan", JULIET)]),
        ("subscribe", BOB, Presence(), [("subscribed", BOB, JULIET), ("", f"{BOB}/linkspan", JULIET)]),
        ("probe", BOB, Presence(Show.AWAY), [("away", f"{BOB}/linkspan", JULIET)]),
        ("probe", IRC, None, [("", f"{IRC}/linkspan", JULIET)]),
        ("unsubscribe", BOB, None, [("unavailable", f"{BOB}/linkspan", JULIET), ("unsubscribed", BOB, JULIET)]),
        ("subscribe", f"bob%nowhere@{DOMAIN}", None, [("unsubscribed", f"bob%nowhere@{DOMAIN}", JULIET)]),
        ("probe", f"%@{DOMAIN}", None, [("unsubscribed", f"%@{DOMAIN}", JULIET)]),
        ("subscribed", BOB, None, []),
        ("unsubscribed", IRC, None, []),
    ],
)
async def test_what_answers_a_subscription(kind: str, to: str, shown: Presence | None, seen: Seen) -> None:
    assert await answers(kind, to, shown=shown) == seen


# -- what they see from then on


class Watched:
    """A connector whose networks have people and sessions, and what one user sees of it."""

    def __init__(self, memory: dict[str, str] | None = None) -> None:
        self.bridge = HostedBridge()
        self.bridge.hub.memory.update(memory or {})
        self.crowd = Crowd()
        connector = self.bridge.connector
        connector.know_networks({Network("irc"): "irc", Network("tg"): "telegram", XMPP: "xmpp"})
        connector.know_people(self.crowd)

    def tell(self, kind: str, to: str, *, sender: str = JULIET, inner: str = "") -> list[str]:
        """Send a presence to an address, and return what comes back."""
        kind = f" type='{kind}'" if kind else ""
        self.bridge.stream.deliver(f"<presence{kind} from='{sender}' to='{to}'>{inner}</presence>")
        return self.seen()

    def seen(self) -> list[str]:
        """Return what was sent since the last look: who, how, in which words."""
        found, self.bridge.stream.sent = self.bridge.stream.sent, []
        return [line for each in found if (line := _line(each))]


def _line(element: Element) -> str:
    sender = element.get("from", "").partition("@")[0]
    if element.tag.endswith("message"):
        return f"{sender}: {element.findtext('{*}body')}"
    how = element.get("type") or element.findtext("{*}show") or "available"
    words = element.findtext("{*}status")
    return f"{sender} {how}" + (f" ({words})" if words else "")


PERSON = Person(XMPP, PersonId(JULIET))
HIM = Person(Network("irc"), PersonId("bob"))


async def test_a_network_shows_somebodys_own_connection() -> None:
    watched = Watched()
    async with watched.bridge:
        assert watched.tell("subscribe", IRC) == ["irc subscribed", "irc unavailable (not connected)", "irc subscribe"]
        for session, shown in (
            (Session(status=Status.CONNECTING), "irc xa (connecting)"),
            (Session(status=Status.CONNECTING, detail="refused: too many"), "irc xa (refused: too many)"),
            (Session(status=Status.READY, name="juliet"), "irc available (connected as juliet)"),
            (Session(status=Status.DOWN, detail="killed by oper: enough"), "irc unavailable (killed by oper: enough)"),
        ):
            watched.bridge.connector.session_is(PERSON, Network("irc"), session)
            assert watched.seen() == [shown]
        watched.bridge.connector.session_is(Person(XMPP, PersonId("other@localhost")), Network("irc"), Session())
        assert watched.seen() == []
        watched.crowd.sessions[JULIET] = Session(status=Status.READY, name="juliet")
        assert watched.tell("probe", IRC, sender=f"{JULIET}/desk") == ["irc available (connected as juliet)"]


async def test_a_network_is_away_as_its_user_is_by_the_most_available_client() -> None:
    watched = Watched()
    async with watched.bridge:
        watched.tell("subscribe", IRC)
        watched.crowd.sessions[JULIET] = Session(status=Status.READY, name="juliet")
        away = "<show>away</show><status>lunch</status>"
        assert watched.tell("", IRC, sender=f"{JULIET}/desk", inner=away) == ["irc away (connected as juliet: lunch)"]
        assert watched.tell("", IRC, sender=f"{JULIET}/desk", inner=away) == []
        busy = "<show>dnd</show>"
        assert watched.tell("", IRC, sender=f"{JULIET}/phone", inner=busy) == ["irc dnd (connected as juliet)"]
        assert watched.tell("", IRC, sender=f"{JULIET}/desk") == ["irc available (connected as juliet)"]
        assert watched.tell("unavailable", IRC, sender=f"{JULIET}/desk") == ["irc dnd (connected as juliet)"]
        assert watched.tell("", IRC, sender="stranger@localhost/x", inner=away) == []


async def test_a_ghost_is_shown_as_its_network_sees_it_to_all_who_have_it() -> None:
    watched = Watched()
    async with watched.bridge:
        assert watched.tell("subscribe", BOB) == ["bob%irc subscribed", "bob%irc unavailable"]
        watched.tell("subscribe", BOB, sender="romeo@localhost")
        assert watched.crowd.looked_for == {HIM}
        watched.bridge.connector.sighted(HIM, Presence(Show.AWAY, "fishing"))
        assert watched.seen() == ["bob%irc away (fishing)"] * 2
        assert watched.tell("probe", BOB, sender=f"{JULIET}/desk") == ["bob%irc away (fishing)"]
        watched.tell("unsubscribe", BOB)
        watched.bridge.connector.sighted(HIM, None)
        assert watched.seen() == ["bob%irc unavailable"]
        assert watched.crowd.looked_for == {HIM}
        watched.tell("unsubscribe", BOB, sender="romeo@localhost")
        assert watched.crowd.looked_for == set()
        watched.bridge.connector.sighted(HIM, Presence())
        assert watched.seen() == []


async def test_for_who_may_not_use_the_gateway_nobody_is_looked_for() -> None:
    watched = Watched()
    watched.crowd.denied.add(JULIET)
    async with watched.bridge:
        assert watched.tell("subscribe", BOB) == ["bob%irc subscribed", "bob%irc unavailable"]
        assert watched.crowd.looked_for == set()
        watched.tell("subscribe", BOB, sender="romeo@localhost")  # who may, and sees him
        watched.bridge.connector.sighted(HIM, Presence())
        assert sorted(watched.seen()) == ["bob%irc available", "bob%irc unavailable"]


async def test_what_a_network_says_is_told_to_who_wants_to_hear_it() -> None:
    watched = Watched()
    said = watched.bridge.connector.server_said
    network = Network("irc")
    async with watched.bridge:
        said(PERSON, network, "[irc.test] hello")
        assert watched.seen() == []  # never asked for
        watched.tell("subscribe", IRC)
        said(PERSON, network, "[irc.test] hello")
        assert watched.seen() == ["irc: [irc.test] hello"]
        for motd, told in (("be kind", 1), ("be kind", 0), ("be bold", 1)):
            said(PERSON, network, f"Message of the day:\n{motd}")
            assert len(watched.seen()) == told
        for _ in range(100):
            said(PERSON, network, "[irc.test] flood")
        assert len(watched.seen()) <= 30
        await watched.bridge.clock.advance(61)
        said(PERSON, network, "[irc.test] over")
        assert watched.seen() == ["irc: [irc.test] over"]


async def test_a_line_of_ones_own_goes_out_as_it_stands_and_its_answer_is_heard() -> None:
    watched = Watched()
    async with watched.bridge:
        for line in ('/raw PRIVMSG NickServ :IDENTIFY "x  y"', "raw WHOIS bob", "/RAW\nnothing"):
            watched.bridge.say(f"{JULIET}/desk", line, to=IRC, kind="chat")
        await quiet()
        assert watched.crowd.lines == [
            (JULIET, 'PRIVMSG NickServ :IDENTIFY "x  y"'),
            (JULIET, "WHOIS bob"),
            (JULIET, "nothing"),
        ]
        watched.bridge.connector.server_said(PERSON, Network("irc"), "bob is here")
        assert watched.seen() == ["irc: bob is here"]
        watched.crowd.obstacle = Obstacle.AWAY
        watched.bridge.say(f"{JULIET}/desk", "/raw WHOIS bob", to=IRC, kind="chat")
        watched.bridge.say(f"{JULIET}/desk", "/raw", to=IRC, kind="chat")
        await quiet()
        assert watched.seen() == [
            "irc: Not sent: no",
            "irc: Say a line after it, in the network's own words: /raw WHOIS bob",
        ]


async def test_contacts_are_there_again_after_a_restart() -> None:
    first = Watched()
    async with first.bridge:
        for address in (IRC, BOB, DOMAIN):
            first.tell("subscribe", address)
        first.tell("subscribe", BOB, sender="romeo@localhost")
        first.tell("unsubscribe", BOB, sender="romeo@localhost")
        await first.bridge.stop()
        assert first.seen() == ["irc unavailable", "bob%irc unavailable", "bridge.localhost/linkspan unavailable"]
    second = Watched(first.bridge.hub.memory)
    async with second.bridge:
        await quiet()
        seen = second.seen()
        assert {"bob%irc unavailable", "irc probe"} <= set(seen)
        assert second.crowd.looked_for == {HIM}
        second.bridge.connector.sighted(HIM, Presence())
        assert second.seen() == ["bob%irc available"]


async def test_a_server_that_would_be_opened_can_be_had_before_it_is() -> None:
    watched = Watched()
    async with watched.bridge:
        server = f"irc.example.net@{DOMAIN}"
        assert watched.tell("subscribe", server)[:2] == [
            "irc.example.net subscribed",
            "irc.example.net unavailable (not connected)",
        ]
        assert watched.tell("subscribe", f"nothing@{DOMAIN}") == ["nothing unsubscribed"]
        described = watched.bridge.connector.directory.describe("irc.example.net")
        assert described is not None
        assert (described.category, described.kind) == ("gateway", "irc")
        watched.bridge.say(f"{JULIET}/desk", "hello?", to=server, kind="chat")
        await quiet()
        (answer,) = watched.bridge.stream.sent
        assert "I am a network's own address" in (answer.findtext("{*}body") or "")
        items = described.commands(f"{JULIET}/desk") if described.commands is not None else ()
        assert "rooms-list" not in {item.node for item in items}  # nothing of the kind is offered in this test
        assert watched.bridge.gate.visited == ["irc.example.net"] * 2
        watched.bridge.gate.denied.add(JULIET)
        watched.bridge.say(f"{JULIET}/desk", "hello?", to=server, kind="chat")
        assert [entry(each) for each in watched.bridge.stream.sent][1:] == ["! forbidden"]
        assert watched.bridge.gate.visited == ["irc.example.net"] * 2


async def test_nobody_has_contacts_without_end() -> None:
    watched = Watched()
    async with watched.bridge:
        for number in range(MOST_OF_ONE):
            watched.tell("subscribe", f"n{number}%irc@{DOMAIN}")
        assert watched.tell("subscribe", BOB) == ["bob%irc unsubscribed"]


async def test_of_a_ghost_that_is_shown_in_a_room_it_is_known_at_once_that_it_is_there() -> None:
    bridge, crowd = Bridge(), Crowd()
    bridge.connector.know_networks({Network("irc"): "irc", XMPP: "xmpp"})
    bridge.connector.know_people(crowd)
    async with bridge:
        await bridge.wish("bob", presence=Presence(Show.AWAY, "fishing"))
        bridge.stream.sent.clear()
        bridge.stream.deliver(f"<presence type='subscribe' from='{JULIET}' to='{BOB}'/>")
        assert [_line(each) for each in bridge.stream.sent] == ["bob%irc subscribed", "bob%irc away (fishing)"]
        bridge.connector.sighted(HIM, Presence())
        assert _line(bridge.stream.sent[-1]) == "bob%irc available"


async def test_people_of_a_network_that_comes_later_are_looked_for_then() -> None:
    first = Watched()
    async with first.bridge:
        first.tell("subscribe", BOB)
    later = Watched(first.bridge.hub.memory)
    later.bridge.connector.know_networks({XMPP: "xmpp"})
    async with later.bridge:
        await quiet()
        assert later.crowd.looked_for == set()
        later.bridge.connector.know_networks({Network("irc"): "irc", XMPP: "xmpp"})
        later.bridge.connector.know_people(later.crowd)
        assert later.crowd.looked_for == {HIM}
        later.seen()
        later.bridge.connector.sighted(HIM, Presence())
        assert later.seen() == ["bob%irc available"]
