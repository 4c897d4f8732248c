"""What a server lets the bridge do in its users' accounts, and what the bridge keeps there (XEP-0356, XEP-0402)."""

from xml.etree.ElementTree import Element

import pytest

from bridge.core.content import Content
from bridge.core.events import DirectCopied, DirectPosted, Origin
from bridge.core.ids import XMPP, EventKey, MessageId, Person, PersonId, Room, RoomId
from tests.support.clock import quiet
from tests.support.hosted import DESK, IRC, ROMEO, ROOM, HostedBridge
from tests.support.muc import Refused, xml
from tests.support.xmpp_connector import remote

JULIET = "juliet@home.example"
V1, V2 = "urn:xmpp:privilege:1", "urn:xmpp:privilege:2"
ROSTER, PUBSUB = "jabber:iq:roster", "http://jabber.org/protocol/pubsub"
BOOKMARKS = "{urn:xmpp:bookmarks:1}conference"
ALL = f"<perm access='roster' type='both'/><perm access='iq'><namespace ns='{PUBSUB}' type='both'/></perm>"


class Account:
    """A user's account: a roster and bookmarks, changed by whoever has the privilege."""

    def __init__(self, bridge: HostedBridge, *, roster: str = "", bookmarks: tuple[str, ...] = ()) -> None:
        self.roster = {item.get("jid", ""): item for item in xml(f"<query>{roster}</query>")}
        self.bookmarks: dict[str, Element | None] = dict.fromkeys(bookmarks)
        self.sets = 0
        bridge.stream.services[JULIET] = self.answer

    def answer(self, iq: Element) -> str:
        query = iq.find(f"{{{ROSTER}}}query")
        if query is not None:
            return self._roster(query)
        wrapped = iq.find(f"{{{V2}}}privileged_iq/{{jabber:client}}iq")
        assert wrapped is not None
        assert wrapped.get("id")
        assert (wrapped.get("from"), wrapped.get("type")) == (None, iq.get("type"))
        answer = self._pubsub(wrapped[0])
        inner = f"<iq xmlns='jabber:client' type='result' id='1'>{answer}</iq>"
        return f"<privilege xmlns='{V2}'><forwarded xmlns='urn:xmpp:forward:0'>{inner}</forwarded></privilege>"

    def _roster(self, query: Element) -> str:
        for item in query:
            self.sets += 1
            self.roster[item.get("jid", "")] = item
        shown = "".join(f"<item jid='{jid}'/>" for jid in self.roster)
        return "" if len(query) else f"<query xmlns='{ROSTER}'>{shown}</query>"

    def _pubsub(self, pubsub: Element) -> str:
        item = next(pubsub.iter(f"{{{PUBSUB}}}item"))
        match pubsub[0].tag.rpartition("}")[2]:
            case "publish":
                self.bookmarks[item.get("id", "")] = item.find(BOOKMARKS)
            case "retract":
                del self.bookmarks[item.get("id", "")]
            case "items":
                known = f"<item id='{item.get('id')}'/>" if item.get("id") in self.bookmarks else ""
                return f"<pubsub xmlns='{PUBSUB}'><items node='urn:xmpp:bookmarks:1'>{known}</items></pubsub>"
        return ""


def allow(bridge: HostedBridge, perms: str = ALL, *, namespace: str = V2, server: str = "home.example") -> None:
    bridge.connector.know_networks({IRC: "irc"})
    bridge.stream.deliver(
        f"<message from='{server}' to='bridge.localhost'><privilege xmlns='{namespace}'>{perms}</privilege></message>"
    )


async def command(bridge: HostedBridge, node: str) -> None:
    payload = f"<command xmlns='http://jabber.org/protocol/commands' node='{node}' action='execute'/>"
    assert "completed" in await bridge.ask(DESK, ROOM, payload, kind="set")
    await quiet()


@pytest.mark.parametrize("namespace", [V1, V2])
async def test_a_network_in_use_and_people_who_are_written_to_come_into_the_roster_once(namespace: str) -> None:
    async with HostedBridge() as bridge:
        allow(bridge, "<perm access='roster' type='both'/>", namespace=namespace)
        account = Account(bridge)
        bridge.inside(DESK)
        await quiet()
        item = account.roster["irc@bridge.localhost"]
        assert (item.get("name"), item.get("subscription")) == ("irc", "both")
        assert [el.get("type") for el in bridge.stream.take("presence", to=JULIET)] == [None]  # and it is there
        bridge.connector.join(ROOM, remote("carol"))
        for to in ("bob%irc@bridge.localhost", f"{ROOM}/carol", "bob%irc@bridge.localhost"):
            bridge.say(DESK, "psst", kind="chat", to=to)
            await quiet()
        assert set(account.roster) == {f"{who}irc@bridge.localhost" for who in ("", "bob%", "carol%")}
        assert account.roster["bob%irc@bridge.localhost"].findtext(f"{{{ROSTER}}}group") == "irc"
        del account.roster["irc@bridge.localhost"]  # as the user wishes
        bridge.presence(DESK, f"{ROOM}/juliet", kind="unavailable")
        bridge.inside(DESK)
        await quiet()
        assert "irc@bridge.localhost" not in account.roster
        assert account.sets == 3


async def test_what_a_user_has_in_their_account_is_left_as_it_is() -> None:
    async with HostedBridge() as bridge:
        allow(bridge)
        account = Account(bridge, roster="<item jid='irc@bridge.localhost' name='mine'/>", bookmarks=(ROOM,))
        bridge.inside(DESK)
        await command(bridge, "stay")
        assert account.roster["irc@bridge.localhost"].get("name") == "mine"
        await command(bridge, "unstay")
        assert account.bookmarks == {ROOM: None}


async def test_a_room_in_which_a_user_stays_is_a_bookmark_as_long_as_they_do() -> None:
    async with HostedBridge() as bridge:
        allow(bridge)
        account = Account(bridge)
        bridge.inside(DESK)
        await quiet()
        assert account.bookmarks == {}
        await command(bridge, "stay")
        bookmark = account.bookmarks[ROOM]
        assert bookmark is not None
        assert (bookmark.get("name"), bookmark.get("autojoin")) == ("#python", "true")
        assert bookmark.findtext("{urn:xmpp:bookmarks:1}nick") == "juliet"
        await command(bridge, "unstay")
        assert account.bookmarks == {}
        bridge.gate.stay = True
        await command(bridge, "stay")
        await command(bridge, "part")
        assert account.bookmarks == {}


@pytest.mark.parametrize(
    ("perms", "server"),
    [
        ("", "home.example"),
        ("<perm access='roster' type='get'/>", "home.example"),
        ("<perm access='roster' type='none'/><perm access='presence' type='roster'/>", "home.example"),
        (ALL, "elsewhere.example"),
        (ALL, "mallory@home.example"),
    ],
)
async def test_without_the_right_nothing_is_done(perms: str, server: str) -> None:
    async with HostedBridge() as bridge:
        allow(bridge, perms, server=server)
        account = Account(bridge)
        bridge.inside(DESK, ROMEO)
        await command(bridge, "stay")
        bridge.say(DESK, "psst", kind="chat", to="bob%irc@bridge.localhost")
        await quiet()
        assert (account.sets, account.bookmarks) == (0, {})
        assert bridge.stream.take("message", to=DESK) == []


async def test_a_server_that_takes_back_what_it_promised_is_no_trouble() -> None:
    async with HostedBridge() as bridge:
        allow(bridge)

        def refuse(_: Element) -> str:
            raise Refused("forbidden")

        bridge.stream.services[JULIET] = refuse
        bridge.inside(DESK)
        await command(bridge, "stay")
        account = Account(bridge)
        bridge.say(DESK, "psst", kind="chat", to="bob%irc@bridge.localhost")
        await quiet()
        assert account.sets == 0  # it is not asked again
        bridge.stream.down()
        bridge.stream.up()
        allow(bridge)
        bridge.say(DESK, "psst", kind="chat", to="bob%irc@bridge.localhost")
        await quiet()
        assert account.sets == 1


async def test_rights_end_with_the_stream() -> None:
    async with HostedBridge() as bridge:
        allow(bridge)
        bridge.stream.down()
        bridge.stream.up()
        account = Account(bridge)
        bridge.inside(DESK)
        await quiet()
        assert account.sets == 0


def elsewhere(text: str = "hi bob") -> DirectCopied:
    """Juliet has said this to bob, by an IRC client of her own."""
    origin = Origin(room=Room(IRC, RoomId("bob")), key=EventKey("k"), at=0)
    juliet = Person(XMPP, PersonId(JULIET))
    return DirectCopied(origin=origin, person=juliet, to=remote("bob"), id=MessageId("k"), content=Content(text=text))


@pytest.mark.parametrize("namespace", [V1, V2])
async def test_what_was_said_by_another_client_is_shown_to_ours_and_comes_back_to_nobody(namespace: str) -> None:
    async with HostedBridge() as bridge:
        allow(bridge, "<perm access='message' type='outgoing'/>", namespace=namespace)
        bridge.connector.copied(elsewhere())
        (wrapped,) = bridge.stream.take("message", to="home.example")
        said = wrapped.find(f"{{{namespace}}}privilege/{{urn:xmpp:forward:0}}forwarded/{{jabber:client}}message")
        assert said is not None
        assert said.get("from") == JULIET
        if namespace == V1:
            assert said.get("to") == JULIET
            inner = said.find("{urn:xmpp:carbons:2}sent/{urn:xmpp:forward:0}forwarded/{jabber:client}message")
            assert inner is not None
            assert said.find("{urn:xmpp:carbons:2}private") is not None
        else:
            inner = said
            echo = f"<message from='{JULIET}' to='{said.get('to')}' type='chat' id='{said.get('id')}'><body>hi bob</body></message>"
            bridge.stream.deliver(echo)
            assert bridge.hub.took(DirectPosted) == []
            bridge.stream.deliver(echo)  # said once more, by whomever
            assert len(bridge.hub.took(DirectPosted)) == 1
        assert inner.get("to") == "bob%irc@bridge.localhost"
        assert inner.findtext("{jabber:client}body") == "hi bob"


async def test_without_the_right_nothing_is_said_in_anybodys_name() -> None:
    async with HostedBridge() as bridge:
        bridge.connector.copied(elsewhere())
        allow(bridge, "<perm access='message' type='none'/>")
        bridge.connector.copied(elsewhere())
        allow(bridge, "<perm access='message' type='outgoing'/>")
        bridge.connector.copied(elsewhere(""))
        assert bridge.stream.take("message", to="home.example") == []
