"""What is asked of remote people and of networks: vCards, idle times, their programs, searches."""

from typing import Any
from xml.etree.ElementTree import Element

import pytest

from bridge.connector import Asks
from bridge.core.acts import ActRefused, Obstacle
from bridge.core.events import MemberJoined, MemberLeft, Presence, Show
from bridge.core.ids import XMPP, Network, Person, PersonId
from bridge.core.profiles import Profile, Question, Wanted
from tests.support.hosted import DESK, PHONE, ROMEO, ROOM, HostedBridge
from tests.support.muc import Refused, xml
from tests.support.people import BOB, Crowd, profile
from tests.support.xmpp_connector import quiet

AT, NETWORK = "bob%irc@bridge.localhost", "irc@bridge.localhost"
VCARD = "<vCard xmlns='vcard-temp'/>"
VCARD4 = "<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'/>"
LAST = "<query xmlns='jabber:iq:last'/>"
VERSION = "<query xmlns='jabber:iq:version'/>"
PING = "<ping xmlns='urn:xmpp:ping'/>"
TIME = "<time xmlns='urn:xmpp:time'/>"
FULL: dict[str, Any] = {
    "full_name": "Bob Builder",
    "account": "bobby",
    "address": "~bob@host.example",
    "server": "irc.test (A test server)",
    "rooms": ("@#dev", "#verona"),
    "away": "gone fishing",
    "idle": 3_700,
    "since": 1_700_000_000_000,
    "role": "IRC operator",
    "notes": ("is using a secure connection",),
}


def world(*profiles: Profile) -> tuple[HostedBridge, Crowd]:
    bridge, crowd = HostedBridge(), Crowd(*profiles)
    bridge.connector.know_networks({Network("irc"): "irc", Network("tg"): "telegram", XMPP: "xmpp"})
    bridge.connector.know_people(crowd)
    return bridge, crowd


def texts(answer: str) -> dict[str, str]:
    """Return the texts of an answer by the names of their elements."""
    return {el.tag.rpartition("}")[2].lower(): "".join(el.itertext()) for el in xml(answer)}


@pytest.mark.parametrize(("payload", "notes"), [(VCARD, "desc"), (VCARD4, "note")])
async def test_a_vcard_is_what_the_network_says(payload: str, notes: str) -> None:
    bridge, _ = world(profile(**FULL))
    found = texts(await bridge.ask(DESK, AT, payload))
    assert (found["fn"], found["nickname"], found["role"]) == ("Bob Builder", "Bob", "IRC operator")
    assert found["org"] == "irc.test (A test server)"
    assert found[notes].splitlines() == [
        "Bob on irc",
        "Account: bobby",
        "Address: ~bob@host.example",
        "Server: irc.test (A test server)",
        "IRC operator",
        "Away: gone fishing",
        "Rooms: @#dev #verona",
        "Idle for 1 h 1 min",
        "Here since 2023-11-14 22:13 UTC",
        "is using a secure connection",
    ]


async def test_of_whom_little_is_told_the_vcard_says_little() -> None:
    bridge, _ = world(profile())
    assert texts(await bridge.ask(DESK, AT, VCARD)) == {"fn": "Bob", "nickname": "Bob", "desc": "Bob on irc"}


@pytest.mark.parametrize(
    ("payload", "obstacle", "answer"),
    [
        (VCARD, Obstacle.ABSENT, "! item-not-found"),
        (VCARD4, Obstacle.ABSENT, "! item-not-found"),
        (VCARD, Obstacle.BUSY, "bob"),  # better a short one than none
        (VCARD, Obstacle.AWAY, "bob"),
        (LAST, Obstacle.ABSENT, "! item-not-found"),
        (LAST, Obstacle.BUSY, "! resource-constraint"),
        (VERSION, Obstacle.ABSENT, "! item-not-found"),
        (VERSION, Obstacle.AWAY, "Linkspan"),
        (VERSION, Obstacle.IMPOSSIBLE, "Linkspan"),
        (PING, Obstacle.AWAY, ""),
        (PING, Obstacle.BUSY, ""),
        (PING, Obstacle.FORBIDDEN, "! not-allowed"),
        (PING, Obstacle.IMPOSSIBLE, ""),
        (TIME, Obstacle.AWAY, "! remote-server-timeout"),
    ],
)
async def test_what_is_answered_when_the_network_does_not(payload: str, obstacle: Obstacle, answer: str) -> None:
    bridge, crowd = world()
    crowd.obstacle = obstacle
    said = await bridge.ask(DESK, AT, payload)
    assert said == answer if answer.startswith("!") or not answer else answer in texts(said).values()


async def test_idle_time_and_uptime() -> None:
    bridge, crowd = world(profile(idle=42, away="lunch"))
    found = xml(await bridge.ask(DESK, AT, LAST))
    assert (found.get("seconds"), found.text) == ("42", "lunch")
    crowd.profiles = {BOB: profile()}
    assert await bridge.ask(DESK, AT, LAST) == "! service-unavailable"
    await bridge.clock.advance(7)
    for address in (NETWORK, "bridge.localhost"):
        assert xml(await bridge.ask(DESK, address, LAST)).get("seconds") == "7"


async def test_peoples_own_programs_answer_where_they_can() -> None:
    bridge, crowd = world(profile())
    assert texts(await bridge.ask(DESK, AT, VERSION))["name"] == "Linkspan"
    crowd.programs = {
        Question.SOFTWARE: "WeeChat 4.0 (Linux)",
        Question.TIME: "2023-11-14T22:13:20+01:00",
        Question.ECHO: "",
    }
    assert texts(await bridge.ask(DESK, AT, VERSION)) == {"name": "WeeChat", "version": "4.0 (Linux)"}
    assert texts(await bridge.ask(DESK, AT, TIME)) == {"tzo": "+01:00", "utc": "2023-11-14T21:13:20Z"}
    assert await bridge.ask(DESK, AT, PING) == ""
    crowd.programs[Question.TIME] = "half past nine"
    assert await bridge.ask(DESK, AT, TIME) == "! feature-not-implemented"


async def test_occupants_are_asked_in_their_room() -> None:
    bridge, crowd = world(profile(full_name="Bob Builder"))
    async with bridge:
        bridge.inside(DESK, ROMEO)
        crowd.programs = {Question.SOFTWARE: "WeeChat 4.0", Question.ECHO: ""}
        assert texts(await bridge.ask(DESK, f"{ROOM}/bob", VCARD))["fn"] == "Bob Builder"
        assert texts(await bridge.ask(DESK, f"{ROOM}/bob", VERSION))["name"] == "WeeChat"
        assert await bridge.ask(DESK, f"{ROOM}/bob", PING) == ""
        assert await bridge.ask(DESK, f"{ROOM}/juliet", PING) == ""  # XEP-0410
        assert await bridge.ask(DESK, f"{ROOM}/nobody", VERSION) == "! item-not-found"
        assert await bridge.ask(PHONE, f"{ROOM}/bob", VERSION) == "! not-acceptable"

        # another user's client, and account
        bridge.stream.services[ROMEO] = lambda _: "<query xmlns='jabber:iq:version'><name>Gajim</name></query>"
        bridge.stream.services[ROMEO.partition("/")[0]] = lambda _: "<vCard xmlns='vcard-temp'><FN>Romeo</FN></vCard>"
        assert texts(await bridge.ask(DESK, f"{ROOM}/romeo", VERSION)) == {"name": "Gajim"}
        assert texts(await bridge.ask(DESK, f"{ROOM}/romeo", VCARD)) == {"fn": "Romeo"}


def asked_by(element: Element) -> str:
    """Answer what is asked of a client."""
    if element.find("{*}query") is not None:
        return "<query xmlns='jabber:iq:version'><name>Gajim</name><version>2.0</version><os>Debian\n13</os></query>"
    if element.find("{*}time") is not None:
        return "<time xmlns='urn:xmpp:time'><tzo>+01:00</tzo><utc>2023-11-14T21:13:20Z</utc></time>"
    return ""


async def test_a_users_own_client_is_asked_for_people_of_networks() -> None:
    bridge, _ = world()
    juliet = Person(XMPP, PersonId("juliet@home.example"))
    connector = bridge.connector
    assert isinstance(connector, Asks)
    async with bridge:
        with pytest.raises(ActRefused, match="no client"):
            await connector.ask(juliet, Question.SOFTWARE, by=BOB)
        bridge.inside(DESK)
        bridge.stream.services[DESK] = asked_by
        assert await connector.ask(juliet, Question.SOFTWARE, by=BOB) == "Gajim 2.0 Debian 13"
        assert await connector.ask(juliet, Question.TIME, by=BOB) == "2023-11-14T22:13:20+01:00"
        assert bridge.stream.sent[-1].get("from") == AT
        del bridge.stream.services[DESK]
        assert await connector.ask(juliet, Question.SOFTWARE, by=BOB) == "Gajim 2.0 Debian 13"  # known
        with pytest.raises(ActRefused):
            await connector.ask(juliet, Question.TIME, by=BOB)


# -- searches


def submitted(namespace: str, *, rsm: str = "", name: str = "query", **fields: str) -> str:
    inner = "".join(f"<field var='{var}'><value>{value}</value></field>" for var, value in fields.items())
    form = f"<x xmlns='jabber:x:data' type='submit'>{inner}</x>"
    pages = f"<set xmlns='http://jabber.org/protocol/rsm'>{rsm}</set>" if rsm else ""
    return f"<{name} xmlns='{namespace}'>{form}{pages}</{name}>"


SEARCH, CHANNELS = "jabber:iq:search", "urn:xmpp:channel-search:0:search"


async def test_people_are_searched_with_a_form() -> None:
    bridge, crowd = world(profile("Bob", full_name="Bob B", server="irc.test"), profile("carol"), profile("dave"))
    form = xml(await bridge.ask(DESK, NETWORK, f"<query xmlns='{SEARCH}'/>"))
    fields = {el.get("var"): el.get("type") for el in form.iter("{jabber:x:data}field")}
    assert fields == {"FORM_TYPE": "hidden"} | dict.fromkeys(
        ("nick", "fn", "account", "user", "host", "server", "room"), "text-single"
    )
    said = xml(await bridge.ask(DESK, NETWORK, submitted(SEARCH, nick="b*", rsm="<max>2</max>"), kind="set"))
    assert crowd.wanted == [Wanted(name="b*")]
    reported = [el.get("type") for el in said.iterfind("*/{jabber:x:data}reported/{jabber:x:data}field")]
    assert reported == ["jid-single", *["text-single"] * 4]
    items = [{field.get("var"): field.findtext("*") for field in item} for item in said.iter("{jabber:x:data}item")]
    assert items[0] == {"jid": AT, "nick": "Bob", "fn": "Bob B", "account": "", "server": "irc.test"}
    assert len(items) == 2
    assert said.findtext("{*}set/{*}count") == "3"


async def test_people_are_searched_without_a_form_too() -> None:
    bridge, crowd = world(profile("Bob", full_name="Bob B"))
    said = xml(await bridge.ask(DESK, NETWORK, f"<query xmlns='{SEARCH}'><first>Bob*</first></query>", kind="set"))
    assert crowd.wanted == [Wanted(full_name="Bob*")]
    (item,) = said.iter(f"{{{SEARCH}}}item")
    assert (item.get("jid"), item.findtext("{*}first"), item.findtext("{*}nick")) == (AT, "Bob B", "Bob")


@pytest.mark.parametrize(
    ("to", "payload", "answer"),
    [
        (NETWORK, submitted(SEARCH), "! not-acceptable"),
        (NETWORK, submitted(SEARCH, other="x"), "! not-acceptable"),
        (NETWORK, f"<query xmlns='{SEARCH}'><x xmlns='jabber:x:data' type='form'/></query>", "! bad-request"),
        ("tg@bridge.localhost", submitted(SEARCH, nick="b"), "! service-unavailable"),
        ("bridge.localhost", submitted(SEARCH, nick="b"), "! service-unavailable"),
        (AT, submitted(SEARCH, nick="b"), "! service-unavailable"),
    ],
)
async def test_a_search_that_cannot_be(to: str, payload: str, answer: str) -> None:
    bridge, _ = world()
    assert await bridge.ask(DESK, to, payload, kind="set") == answer


async def test_who_may_not_use_the_gateway_searches_nothing() -> None:
    bridge, crowd = world()
    crowd.denied.add(DESK.partition("/")[0])
    bridge.gate.denied.add(DESK.partition("/")[0])
    assert await bridge.ask(DESK, NETWORK, submitted(SEARCH, nick="b"), kind="set") == "! forbidden"
    assert await bridge.ask(DESK, NETWORK, submitted(CHANNELS, name="search", q="c")) == "! forbidden"


def rooms(answer: str) -> list[str]:
    """Return the names of the rooms found, or the error."""
    if answer.startswith("!"):
        return [answer]
    return [item.findtext("{*}name") or "" for item in xml(answer).iter(f"{{{CHANNELS}}}item")]


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"q": "c3"}, ["#c3"]),
        ({"q": "C3 #c"}, ["#c3"]),
        ({"q": "irc", "min_users": "5"}, ["#c6", "#c5"]),
        ({"q": "t", "sinname": "false", "sinaddr": "0"}, ["#c5", "#c3", "#c1"]),
        ({"all": "true", "key": "{urn:xmpp:channel-search:0:order}address"}, [f"#c{n}" for n in range(7)]),
        ({"min_users": "6"}, ["#c6"]),
        ({"q": "nothing like it"}, []),
        ({"q": "c3", "types": "xep-0045"}, ["#c3"]),
        ({"q": "c3", "types": "xep-0369"}, []),
        ({}, ["! bad-request"]),
        ({"q": "x", "all": "1"}, ["! bad-request"]),
        ({"q": "x", "sinname": "0", "sindescription": "0", "sinaddr": "0"}, ["! bad-request"]),
        ({"q": "x", "min_users": "many"}, ["! bad-request"]),
        ({"q": "x", "key": "colour"}, ["! feature-not-implemented"]),
    ],
)
async def test_rooms_are_searched(fields: dict[str, str], found: list[str]) -> None:
    bridge, _ = world()
    assert rooms(await bridge.ask(DESK, NETWORK, submitted(CHANNELS, name="search", **fields))) == found


async def test_rooms_are_found_page_by_page() -> None:
    bridge, _ = world()
    form = xml(await bridge.ask(DESK, NETWORK, f"<search xmlns='{CHANNELS}'/>"))
    assert {"q", "all", "key", "min_users"} <= {el.get("var") for el in form.iter("{jabber:x:data}field")}
    order = "{urn:xmpp:channel-search:0:order}address"
    page = await bridge.ask(DESK, NETWORK, submitted(CHANNELS, name="search", all="1", key=order, rsm="<max>3</max>"))
    assert rooms(page) == ["#c0", "#c1", "#c2"]
    last = xml(page).findtext("{*}set/{*}last")
    more = f"<max>9</max><after>{last}</after>"
    page = await bridge.ask(DESK, NETWORK, submitted(CHANNELS, name="search", all="1", key=order, rsm=more))
    assert rooms(page) == ["#c3", "#c4", "#c5", "#c6"]
    bridge.gate.obstacle = Obstacle.AWAY
    assert rooms(await bridge.ask(DESK, NETWORK, submitted(CHANNELS, name="search", all="1"))) == [
        "! service-unavailable"
    ]


async def test_what_a_network_can_do_is_told() -> None:
    bridge, _ = world()
    for network, able in (("irc", {SEARCH, CHANNELS}), ("tg", {CHANNELS})):
        described = bridge.connector.directory.describe(network)
        assert described is not None
        assert {SEARCH, CHANNELS} & set(described.features) == able


# -- presence over all rooms and clients, and who goes offline


async def test_to_a_network_somebody_is_as_their_most_available_client_is() -> None:
    bridge, _ = world()
    async with bridge:
        bridge.inside(DESK)
        bridge.presence(DESK, f"{ROOM}/juliet", "<show>away</show><status>lunch</status>")
        assert [each.member.presence for each in bridge.hub.took(MemberJoined)] == [Presence(Show.AWAY, "lunch")]
        other = "#other%irc@bridge.localhost"
        bridge.join(PHONE, "juliet", room=other)
        told = bridge.hub.took(MemberJoined)
        assert {each.origin.room.id for each in told} == {ROOM, other}
        assert {each.member.presence for each in told} == {Presence()}
        bridge.presence(DESK, f"{ROOM}/juliet", "<show>dnd</show>")
        assert {each.member.presence for each in bridge.hub.took(MemberJoined)} == {Presence()}

        # a client that lets the network see it counts in whatever room it is
        bridge.presence(DESK, NETWORK, kind="subscribe")
        bridge.presence(DESK, NETWORK)
        bridge.presence(PHONE, NETWORK, "<show>away</show>")
        bridge.hub.events.clear()
        bridge.presence(DESK, NETWORK, "<show>xa</show><status>gone</status>")
        told = bridge.hub.took(MemberJoined)
        assert {each.member.presence.show for each in told} == {Show.AWAY}
        assert {each.origin.room.id for each in told} == {ROOM, other}


@pytest.mark.parametrize("answers", [True, False])
async def test_who_goes_offline_stays_a_while_and_who_leaves_does_not(answers: bool) -> None:
    bridge, _ = world()
    bridge.gate.away_for = 600.0
    async with bridge:
        bridge.inside(DESK, ROMEO)
        bridge.stream.services[DESK] = (lambda _: "") if answers else asked_nobody
        bridge.presence(DESK, f"{ROOM}/juliet", kind="unavailable")
        await quiet()
        left = bridge.hub.took(MemberLeft)
        if answers:
            assert [each.member.person.id for each in left] == ["juliet@home.example"]
            return
        assert left == []
        assert bridge.diary(ROMEO) == ["+juliet none/participant away"]
        await bridge.clock.advance(599)
        assert bridge.hub.took(MemberLeft) == []
        await bridge.clock.advance(2)
        assert [each.reason for each in bridge.hub.took(MemberLeft)] == ["has gone offline"]
        assert bridge.diary(ROMEO) == ["-juliet"]


async def test_who_comes_back_in_time_has_never_left() -> None:
    bridge, _ = world()
    bridge.gate.away_for = 600.0
    async with bridge:
        bridge.inside(DESK, ROMEO)
        bridge.stream.services[DESK] = asked_nobody
        bridge.presence(DESK, f"{ROOM}/juliet", kind="unavailable")
        await quiet()
        bridge.join(PHONE, "juliet")
        await bridge.clock.advance(1_000)
        assert bridge.hub.took(MemberLeft) == []


def asked_nobody(_: Element) -> str:
    """Answer as a server does for a client that is gone."""
    raise Refused("service-unavailable", "")
