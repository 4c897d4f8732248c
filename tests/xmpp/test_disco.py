"""What our addresses answer when somebody asks: as the wire shows it, through a component and a scripted server."""

import asyncio
import base64
import hashlib
from xml.etree.ElementTree import Element, fromstring

import pytest

from bridge.xmpp import disco
from bridge.xmpp.ports import Form
from bridge.xmpp.wire import stanzas
from bridge.xmpp.wire.component import Described, IqRefused, Item
from tests.support.clock import VirtualClock
from tests.support.xmpp_server import Connection, XmppServer
from tests.support.xmpp_session import GHOST, Directory, running

DOMAIN = "bridge.example.org"
INFO = "{http://jabber.org/protocol/disco#info}"
ITEMS = "{http://jabber.org/protocol/disco#items}"
ERRORS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"
PERSON = "ann@example.org/phone"
DATA = "{jabber:x:data}"
FORM = Form("urn:y", {"size": "<5>", "a": ""})


class Known(Directory):
    """Knows a network as well, by more than one name."""

    def describe(self, localpart: str) -> Described | None:
        if localpart == "":
            items = (Item("net@bridge.example.org", "The Net"), Item("b@c", node="n"))
            return Described(
                category="gateway", kind="irc", name="<Linkspan>", features=("urn:x",), forms=(FORM,), items=items
            )
        return super().describe(localpart)


@pytest.fixture
async def connection(monkeypatch):
    """Give the server's end of a component that describes itself, and whose clock stands at a known time."""
    monkeypatch.setattr("tests.support.xmpp_session.Directory", Known)
    async with XmppServer(routes=False) as server, running(server.port, clock=VirtualClock()) as (component, session):
        await session.up()
        there = await server.component()
        there.component = component
        yield there


async def ask(connection: Connection, payload: str, *, to: str = DOMAIN, kind: str = "get") -> Element:
    connection.stanza(f"<iq from='{PERSON}' to='{to}' type='{kind}' id='q1'>{payload}</iq>")
    answer = await connection.next()
    assert (answer.get("from"), answer.get("to"), answer.get("id")) == (to, PERSON, "q1")
    return answer


def condition(answer: Element) -> str:
    assert answer.get("type") == "error"
    error = answer.find("{jabber:component:accept}error")
    return f"{error.get('type')} {error[0].tag.removeprefix(ERRORS)}"


async def test_the_component_says_what_it_is(connection):
    query = (await ask(connection, f"<query xmlns='{INFO[1:-1]}'/>"))[0]
    assert query.find(f"{INFO}identity").attrib == {"category": "gateway", "type": "irc", "name": "<Linkspan>"}
    features = [feature.get("var") for feature in query.findall(f"{INFO}feature")]
    assert features == sorted({*disco.FEATURES, "urn:x"})


async def test_a_form_tells_more(connection):
    form = (await ask(connection, f"<query xmlns='{INFO[1:-1]}'/>"))[0].find(f"{DATA}x")
    assert form.get("type") == "result"
    fields = [(field.get("var"), field.get("type"), field.findtext(f"{DATA}value")) for field in form]
    assert fields == [("FORM_TYPE", "hidden", "urn:y"), ("size", None, "<5>"), ("a", None, "")]


@pytest.mark.parametrize("to", [f"{GHOST}@{DOMAIN}", f"{GHOST}@{DOMAIN}/any", f"{GHOST}@{DOMAIN.upper()}"])
async def test_a_ghost_says_what_it_is_at_every_resource(connection, to):
    query = (await ask(connection, f"<query xmlns='{INFO[1:-1]}'/>", to=to))[0]
    assert query.find(f"{INFO}identity").attrib == {"category": "client", "type": "pc", "name": "net"}


async def test_the_component_lists_what_is_below_it(connection):
    query = (await ask(connection, f"<query xmlns='{ITEMS[1:-1]}'/>"))[0]
    assert [item.attrib for item in query] == [
        {"jid": "net@bridge.example.org", "name": "The Net"},
        {"jid": "b@c", "node": "n"},
    ]


async def test_the_node_of_the_capabilities_is_known_and_no_other(connection):
    known = Known().describe(GHOST)
    caps = fromstring(disco.caps(known))
    node = f"{caps.get('node')}#{caps.get('ver')}"
    query = (await ask(connection, f"<query xmlns='{INFO[1:-1]}' node='{node}'/>", to=f"{GHOST}@{DOMAIN}"))[0]
    assert query.get("node") == node
    assert digest(query) == caps.get("ver")
    for namespace in (INFO, ITEMS):
        answer = await ask(connection, f"<query xmlns='{namespace[1:-1]}' node='other'/>", to=f"{GHOST}@{DOMAIN}")
        assert condition(answer) == "cancel item-not-found"


def digest(query: Element) -> str:
    """XEP-0115 section 5.1, from the answer alone, as a client does it."""
    identity = query.find(f"{INFO}identity")
    text = f"{identity.get('category')}/{identity.get('type')}//{identity.get('name')}<"
    text += "".join(f"{var}<" for var in sorted(feature.get("var") for feature in query.findall(f"{INFO}feature")))
    return base64.b64encode(hashlib.sha1(text.encode()).digest()).decode()


async def test_a_ghost_has_a_vcard(connection):
    card = (await ask(connection, "<vCard xmlns='vcard-temp'/>", to=f"{GHOST}@{DOMAIN}"))[0]
    assert {child.tag: child.text for child in card} == {"{vcard-temp}FN": "Bob", "{vcard-temp}NICKNAME": "bob"}


async def test_a_ghost_has_a_vcard_of_the_newer_kind(connection):
    ns = "{urn:ietf:params:xml:ns:vcard-4.0}"
    card = (await ask(connection, f"<vcard xmlns='{ns[1:-1]}'/>", to=f"{GHOST}@{DOMAIN}"))[0]
    assert {child.tag: child.findtext(f"{ns}text") for child in card} == {f"{ns}fn": "Bob", f"{ns}nickname": "bob"}


async def test_version_time_and_ping(connection):
    version = (await ask(connection, "<query xmlns='jabber:iq:version'/>"))[0]
    assert [(child.tag, child.text) for child in version] == [
        ("{jabber:iq:version}name", "Linkspan"),
        ("{jabber:iq:version}version", "1.2.3"),
    ]
    time = (await ask(connection, "<time xmlns='urn:xmpp:time'/>"))[0]
    assert [child.text for child in time] == ["+00:00", "2023-11-14T22:13:20Z"]
    pong = await ask(connection, "<ping xmlns='urn:xmpp:ping'/>", to=f"{GHOST}@{DOMAIN}/r")
    assert (pong.get("type"), len(pong)) == ("result", 0)


@pytest.mark.parametrize(
    ("to", "kind", "payload", "expected"),
    [
        (f"nobody@{DOMAIN}", "get", "<ping xmlns='urn:xmpp:ping'/>", "cancel item-not-found"),
        (f"nobody@{DOMAIN}/r", "set", "<x xmlns='y'/>", "cancel item-not-found"),
        (f"{GHOST}@{DOMAIN}", "get", "<x xmlns='y'/>", "cancel service-unavailable"),
        (f"{GHOST}@{DOMAIN}", "set", "<vCard xmlns='vcard-temp'/>", "cancel service-unavailable"),
        (DOMAIN, "set", "<query xmlns='jabber:iq:register'/>", "cancel service-unavailable"),
        (DOMAIN, "get", "", "modify bad-request"),
        (DOMAIN, "get", "<a xmlns='b'/><c xmlns='d'/>", "modify bad-request"),
    ],
)
async def test_what_is_not_known_is_refused_once(connection, to, kind, payload, expected):
    assert condition(await ask(connection, payload, to=to, kind=kind)) == expected
    pong = await ask(connection, "<ping xmlns='urn:xmpp:ping'/>")
    assert pong.get("type") == "result"  # and nothing else came in between


@pytest.mark.parametrize(
    "stanza",
    [
        f"<iq from='{PERSON}' to='{DOMAIN}' type='error' id='e'><error type='cancel'/></iq>",
        f"<iq from='{PERSON}' to='{DOMAIN}' type='result' id='r'/>",
        f"<iq from='{PERSON}' to='nobody@{DOMAIN}' type='error' id='e'><x xmlns='y'/></iq>",
        f"<iq from='{PERSON}' to='{DOMAIN}' type='get'><ping xmlns='urn:xmpp:ping'/></iq>",
        f"<iq from='{PERSON}' to='elsewhere.example.org' type='get' id='f'><ping xmlns='urn:xmpp:ping'/></iq>",
        f"<message from='{PERSON}' to='nobody@{DOMAIN}' type='error'><error type='cancel'/></message>",
    ],
)
async def test_what_needs_no_answer_gets_none(connection, stanza):
    connection.stanza(stanza)
    pong = await ask(connection, "<ping xmlns='urn:xmpp:ping'/>")
    assert pong.get("type") == "result"


async def test_others_may_answer_too_at_once_or_in_a_while(connection):
    component, done = connection.component, asyncio.Event()

    async def slowly(request):
        await done.wait()
        if request.kind == "set":
            raise IqRefused("not-allowed", "no <way>")
        return stanzas.element("late", "x", words=request.sender)

    component.answer("get", "{x}q", lambda request: stanzas.element("now", "x", words=request.described.name))
    component.answer("get", "{x}slow", slowly)
    component.answer("set", "{x}slow", slowly)
    component.answer("get", "{x}broken", lambda request: asyncio.sleep(0, result=1 / 0))
    assert (await ask(connection, "<q xmlns='x'/>", to=f"{GHOST}@{DOMAIN}"))[0].text == "net"
    connection.stanza(f"<iq from='{PERSON}' to='{DOMAIN}' type='get' id='slow'><slow xmlns='x'/></iq>")
    assert (await ask(connection, "<ping xmlns='urn:xmpp:ping'/>")).get("type") == "result"
    done.set()
    assert (await connection.next())[0].text == PERSON
    assert condition(await ask(connection, "<slow xmlns='x'/>", kind="set")) == "cancel not-allowed"


async def test_an_answer_that_fails_is_an_answer_all_the_same(connection, caplog):
    async def broken(request):
        raise RuntimeError(request.sender)

    connection.component.answer("get", "{x}broken", broken)
    assert condition(await ask(connection, "<broken xmlns='x'/>")) == "cancel internal-server-error"
    assert "an IQ could not be answered" in caplog.text
