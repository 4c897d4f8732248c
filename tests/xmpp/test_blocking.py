"""Block lists that the bridge keeps (XEP-0191), reports of abuse (XEP-0377), and what servers block by themselves."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bridge.core.content import Content
from bridge.core.deliveries import AsPuppet, Head, Sent, Tell
from bridge.core.events import DirectPosted
from bridge.core.failures import Permanent
from bridge.core.ids import XMPP, DeliveryKey, EventKey, Network, Person, PersonId, Room, RoomId
from bridge.xmpp.people.blocking import LONGEST, Blocking, Report
from tests.support.clock import quiet
from tests.support.hosted import DESK, IRC, PHONE, REMOTE, ROMEO, ROOM, HostedBridge, remote

BRIDGE = "bridge.localhost"
BOB = "bob%irc@bridge.localhost"
NS = "urn:xmpp:blocking"


def items(*jids: str) -> str:
    return "".join(f"<item jid='{jid}'/>" for jid in jids)


class Blocked(HostedBridge):
    """A bridge with ways to ask for blocks."""

    reports: list[Report]

    async def change(self, change: str, inner: str = "", *, client: str = DESK) -> str:
        return await self.ask(client, BRIDGE, f"<{change} xmlns='{NS}'>{inner}</{change}>", kind="set")

    async def blocklist(self, *, client: str = DESK) -> str:
        return await self.ask(client, BRIDGE, f"<blocklist xmlns='{NS}'/>")

    async def complain(self, report: Report) -> None:
        self.reports.append(report)

    def whispers(self, name: str, text: str) -> "asyncio.Future[Sent]":
        """Have somebody on IRC say something to juliet in private."""
        return self.connector.send(whisper(name, text))


def whisper(name: str, text: str) -> Tell:
    head = Head(
        key=DeliveryKey(f"{name} {text}"),
        room=Room(XMPP, RoomId("juliet@home.example")),
        voice=AsPuppet(member=remote(name)),
        source=REMOTE,
        event=EventKey(text),
        at=1,
    )
    return Tell(head=head, person=Person(XMPP, PersonId("juliet@home.example")), content=Content(text=text))


@pytest_asyncio.fixture
async def bridge() -> AsyncIterator[Blocked]:
    async with Blocked() as one:
        one.reports = []
        one.connector.know_networks({IRC: "irc"})
        one.connector.blocking.complain = one.complain
        one.stream.sent.clear()
        yield one


async def test_whoever_is_blocked_is_not_heard_in_private_and_not_told(bridge: Blocked) -> None:
    assert await bridge.change("block", items(BOB)) == ""
    assert await bridge.whispers("bob", "buy this") == Sent()
    assert await bridge.whispers("alice", "hello") != Sent()
    told = [element.get("from") for element in bridge.stream.sent if element.get("to") == "juliet@home.example"]
    assert told == ["alice%irc@bridge.localhost/linkspan"]
    bridge.say(DESK, "and you", to=BOB, kind="chat")
    (error,) = [element for element in bridge.stream.sent if element.get("type") == "error"]
    assert error.find(".//{urn:xmpp:blocking:errors}blocked") is not None
    assert bridge.diary(DESK) == ["! not-acceptable"]
    bridge.say(ROMEO, "hello", to=BOB, kind="chat")
    assert len(bridge.hub.took(DirectPosted)) == 1


@pytest.mark.parametrize("named", ["#python%irc@bridge.localhost/romeo", "romeo%irc@bridge.localhost", BRIDGE])
async def test_inside_a_room_users_are_blocked_as_others_are(bridge: Blocked, named: str) -> None:
    bridge.inside(DESK, ROMEO)
    bridge.say(ROMEO, "hello", to=f"{ROOM}/juliet", kind="chat")
    assert bridge.diary(DESK) == ["romeo~ hello"]
    await bridge.change("block", items(named))
    bridge.stream.sent.clear()
    bridge.say(ROMEO, "buy this", to=f"{ROOM}/juliet", kind="chat")
    assert (bridge.diary(DESK), bridge.diary(ROMEO)) == ([], ["! service-unavailable"])
    bridge.say(DESK, "and you", to=f"{ROOM}/romeo", kind="chat")
    (error,) = [element for element in bridge.stream.sent if element.get("type") == "error"]
    assert error.find(".//{urn:xmpp:blocking:errors}blocked") is not None
    assert (bridge.diary(DESK), bridge.diary(ROMEO)) == (["! not-acceptable"], [])
    bridge.say(ROMEO, "to all", to=ROOM)
    assert bridge.diary(DESK) == ["romeo: to all"]


async def test_inside_a_room_nothing_is_said_to_people_of_irc_whom_one_has_blocked(bridge: Blocked) -> None:
    bridge.inside(DESK)
    await bridge.change("block", items(BOB))
    bridge.say(DESK, "and you", to=f"{ROOM}/bob", kind="chat")
    assert bridge.diary(DESK) == ["! not-acceptable"]
    assert bridge.hub.took(DirectPosted) == []


async def test_a_list_is_told_changed_and_pushed_to_clients_that_know_it(bridge: Blocked) -> None:
    assert await bridge.blocklist() == f"<blocklist xmlns='{NS}'/>"
    await bridge.change("block", items(BOB, "#Python%irc@Bridge.localhost"), client=PHONE)
    assert await bridge.blocklist(client=PHONE) == (
        f"<blocklist xmlns='{NS}'>{items(BOB, '#python%irc@bridge.localhost')}</blocklist>"
    )
    assert await bridge.blocklist(client=ROMEO) == f"<blocklist xmlns='{NS}'/>"
    pushes = [element for element in bridge.stream.sent if element.tag.endswith("iq")]
    assert [(push.get("to"), push[0].tag) for push in pushes] == [(DESK, f"{{{NS}}}block")]
    await bridge.change("unblock", items(BOB))
    assert await bridge.blocklist() == f"<blocklist xmlns='{NS}'>{items('#python%irc@bridge.localhost')}</blocklist>"
    await bridge.change("unblock")
    assert await bridge.blocklist() == f"<blocklist xmlns='{NS}'/>"


@pytest.mark.parametrize(
    ("inner", "answer"),
    [
        ("", "! bad-request"),
        (items("bob@elsewhere.example"), "! not-acceptable"),
        (items(BOB, "bob@elsewhere.example"), "! not-acceptable"),
        (items(*(f"b{number}%irc@bridge.localhost" for number in range(LONGEST + 1))), "! not-acceptable"),
    ],
)
async def test_what_cannot_be_blocked_here_is_said_and_changes_nothing(
    bridge: Blocked, inner: str, answer: str
) -> None:
    assert await bridge.change("block", inner) == answer
    assert await bridge.blocklist() == f"<blocklist xmlns='{NS}'/>"


async def test_whoever_may_not_use_the_gateway_keeps_no_list_in_it(bridge: Blocked) -> None:
    bridge.gate.denied = {"juliet@home.example"}
    assert await bridge.change("block", items(BOB)) == "! forbidden"


async def test_an_invitation_and_a_subscription_of_who_is_blocked_come_to_nothing(bridge: Blocked) -> None:
    await bridge.change("block", items(BOB))
    juliet = Person(XMPP, PersonId("juliet@home.example"))
    bridge.connector.invited(juliet, REMOTE, by="bob")
    bridge.connector.invited(juliet, REMOTE, by="alice")
    assert len([element for element in bridge.stream.sent if element.get("to") == "juliet@home.example"]) == 1
    bridge.stream.sent.clear()
    bridge.presence(DESK, BOB, kind="probe")
    bridge.presence(DESK, BOB, kind="subscribe")
    bridge.presence(DESK, "alice%irc@bridge.localhost", kind="probe")
    assert [element.get("type") for element in bridge.stream.sent] == ["unavailable", "unsubscribed", "unavailable"]


@pytest.mark.parametrize(("blocked", "out"), [(BOB, True), (BRIDGE, True), ("alice%irc@bridge.localhost", False)])
async def test_who_is_blocked(bridge: Blocked, blocked: str, out: bool) -> None:
    bridge.connector.blocking.block("juliet@home.example", [blocked])
    assert bridge.connector.blocking.blocks(DESK, f"{BOB}/linkspan") is out


async def test_lists_outlive_the_run(bridge: Blocked) -> None:
    bridge.connector.blocking.block("juliet@home.example", [BOB])
    again = Blocking(bridge.stream, lambda: bridge.hub)
    await again.recall()
    assert again.listed("juliet@home.example") == [BOB]


async def test_a_report_comes_with_a_block(bridge: Blocked) -> None:
    report = (
        "<report xmlns='urn:xmpp:reporting:1' reason='urn:xmpp:reporting:spam'>"
        "<stanza-id xmlns='urn:xmpp:sid:0' by='x' id='s1'/><text>never again</text></report>"
    )
    assert await bridge.change("block", f"<item jid='{BOB}'>{report}</item>") == ""
    assert bridge.reports == [
        Report(by="juliet@home.example", about=BOB, reason="spam", text="never again", messages=("s1",))
    ]
    assert bridge.connector.blocking.listed("juliet@home.example") == [BOB]


async def test_a_server_s_report_is_taken_and_one_about_others_is_not(bridge: Blocked) -> None:
    for about in (BOB, "eve@elsewhere.example"):
        bridge.stream.deliver(
            f"<message from='home.example' to='{BRIDGE}'>"
            "<report xmlns='urn:xmpp:reporting:1' reason='urn:xmpp:reporting:abuse'>"
            f"<jid xmlns='urn:xmpp:jid:0'>{about}</jid></report></message>"
        )
    await quiet()
    assert [(report.by, report.about, report.reason) for report in bridge.reports] == [("home.example", BOB, "abuse")]


async def test_a_report_may_go_to_the_very_person(bridge: Blocked) -> None:
    report = "<report xmlns='urn:xmpp:reporting:1' reason='urn:xmpp:reporting:spam'/>"
    assert (
        await bridge.ask(DESK, BOB, f"<block xmlns='{NS}'><item jid='{BOB}'>{report}</item></block>", kind="set") == ""
    )
    bridge.stream.deliver(f"<message from='{ROMEO}' to='{BOB}'>{report}</message>")
    await quiet()
    assert [(each.by, each.about) for each in bridge.reports] == [
        ("juliet@home.example", BOB),
        ("romeo@home.example", BOB),
    ]
    assert bridge.hub.took(DirectPosted) == []


async def test_who_is_meant_by_an_address(bridge: Blocked) -> None:
    bridge.inside(DESK)
    who = bridge.connector.who_is
    assert who(BOB) == Person(IRC, PersonId("bob"))
    found = who("#python%irc@bridge.localhost/bob")
    assert found is not None
    assert found.network == Network("irc")
    assert who("bob@elsewhere.example") is None
    assert who("#python%irc@bridge.localhost/nobody") is None


async def test_what_a_server_blocks_and_says_so_is_not_tried_again(bridge: Blocked) -> None:
    done = bridge.whispers("bob", "hi")
    bridge.stream.deliver(
        f"<message from='juliet@home.example' to='{BOB}/linkspan' type='error' id='bob hi'><error type='cancel'>"
        "<not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><blocked xmlns='urn:xmpp:blocking:errors'/>"
        "</error></message>"
    )
    with pytest.raises(Permanent, match="blocked"):
        await done
