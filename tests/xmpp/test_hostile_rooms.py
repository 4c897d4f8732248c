"""Whatever people and remote networks send, the stream stays well-formed and the connector goes on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.content import Content, Kind
from bridge.core.deliveries import AsBridge, Kick
from bridge.core.events import Member, MessagePosted, Presence, Show
from bridge.core.ids import Network, Person, PersonId, RoomId
from bridge.xmpp.joined import muc
from bridge.xmpp.joined.occupants import Joined, Left, Occupants, Renamed
from bridge.xmpp.messages import inbound
from bridge.xmpp.messages.inbound import Scene
from tests.support import build
from tests.support.muc import MUC, NS, USER, xml
from tests.support.xmpp_connector import ROOM, Bridge, as_ghost, as_relayed, outcome, quiet, remote

WHERE = f"xmpp:{ROOM}"
NASTY = [
    "a\r\nb",
    "\x00\x01\x02",
    "\x0304red\x03",
    "\u2028\u2029\u0085",
    "\u202e\u2066evil",
    "\ud800\udfff",
    "\ufffe\uffff",
    "]]><x/>",
    "</message><presence/>",
    "&amp;&lt;'\"",
    "x" * 100_000,
    "🦊" * 1_000,
    " ",
    "\u2060",
]


@pytest.mark.parametrize("text", NASTY)
async def test_through_every_door_to_xmpp(text) -> None:
    async with Bridge() as bridge:
        person = Person(Network("irc"), PersonId(text[:200]))
        member = Member(person=person, name=text, presence=Presence(Show.AWAY, text))
        bridge.connector.join(RoomId(ROOM), member)
        await bridge.wish("bob")
        for voice in (as_ghost("bob"), as_relayed(text), AsBridge()):
            for kind in Kind:
                post = build.post("", to=WHERE, voice=voice)
                post = type(post)(head=post.head, message=post.message, content=Content(text=text, kind=kind))
                await outcome(bridge.connector.send(post))
        await outcome(bridge.connector.send(build.set_topic(text, to=WHERE)))
        bridge.muc.enter("juliet")
        await quiet()
        juliet = Person(build.room(WHERE).network, PersonId("juliet@localhost"))
        head = build.head(WHERE, voice=AsBridge())
        await outcome(bridge.connector.send(Kick(head=head, person=juliet, name=text, reason=text)))
        bridge.connector.leave(RoomId(ROOM), person, reason=text)
        await bridge.clock.advance(1)
        bridge.muc.say("juliet", "and on it goes")
        await quiet()
        assert bridge.hub.took(MessagePosted)[-1].content.text == "and on it goes"


ANY = st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=30)
TAGS = st.sampled_from(
    [
        ("body", NS),
        ("subject", NS),
        ("delay", "urn:xmpp:delay"),
        ("x", USER),
        ("item", USER),
        ("status", USER),
        ("destroy", USER),
        ("stanza-id", "urn:xmpp:sid:0"),
        ("retract", "urn:xmpp:message-retract:1"),
        ("moderated", "urn:xmpp:message-moderate:1"),
        ("reactions", "urn:xmpp:reactions:0"),
        ("replace", "urn:xmpp:message-correct:0"),
        ("reply", "urn:xmpp:reply:0"),
        ("fallback", "urn:xmpp:fallback:0"),
        ("x", "jabber:x:oob"),
        ("url", "jabber:x:oob"),
        ("via", "urn:linkspan:via:0"),
        ("x", "urn:linkspan:ghost:0"),
        ("result", "urn:xmpp:mam:2"),
        ("error", NS),
        ("show", NS),
        ("status", NS),
    ]
)
ATTRIBUTES = st.dictionaries(
    st.sampled_from(["id", "by", "stamp", "from", "code", "jid", "nick", "role", "affiliation", "for", "start", "end"]),
    ANY | st.sampled_from([ROOM, f"{ROOM}/juliet", "110", "303", "307", "none"]),
    max_size=3,
)


@st.composite
def elements(draw, depth=2):
    name, namespace = draw(TAGS)
    attributes = "".join(f' {key}="{_escaped(value)}"' for key, value in draw(ATTRIBUTES).items())
    inner = _escaped(draw(ANY))
    if depth:
        inner += "".join(draw(st.lists(elements(depth=depth - 1), max_size=3)))
    return f'<{name} xmlns="{namespace}"{attributes}>{inner}</{name}>'


def _escaped(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


@given(payload=st.lists(elements(), max_size=4), replayed=st.booleans())
def test_any_message_is_read_or_not_but_never_fails(payload, replayed) -> None:
    element = xml(f"<message type='groupchat' from='{ROOM}/juliet'>{''.join(payload)}</message>")
    scene = Scene(room=build.room(WHERE), address=ROOM, stable_ids=True)
    names = inbound.ids(element, scene)
    inbound.moment(element, ROOM)
    inbound.moderator(element, ROOM)
    muc.refusal(element)
    muc.is_invitation(element)
    muc.configuration_changed(element)
    inbound.read(element, scene=scene, sender=remote("juliet"), names=names, at=0, replayed=replayed)


SOURCES = st.sampled_from(
    [ROOM, f"{ROOM}/juliet", f"{ROOM}/bob", f"{ROOM}/linkspan", f"{ROOM}/new", "juliet@localhost/desk", "", "x"]
)
ADDRESSES = st.sampled_from(
    [
        Bridge.listener,
        Bridge.domain,
        "bob%irc@bridge.localhost/linkspan",
        "irc@bridge.localhost",
        "=zz%@bridge.localhost",
        "",
    ]
)
KINDS = st.sampled_from(["", "groupchat", "chat", "error", "unavailable", "subscribe", "headline", "nonsense"])


@given(
    stanzas=st.lists(
        st.tuples(
            st.sampled_from(["message", "presence"]), SOURCES, ADDRESSES, KINDS, st.lists(elements(), max_size=3)
        ),
        max_size=12,
    )
)
async def test_any_stanza_is_taken_or_not_but_never_fails(stanzas) -> None:
    """And whatever was said, the connector can still be stopped, and starts again."""
    async with Bridge() as bridge:
        bridge.muc.enter("juliet")
        await bridge.wish("bob")
        bridge.connector.send(build.post("x", to=WHERE, voice=as_ghost("bob"))).add_done_callback(
            lambda f: f.exception()
        )
        for name, source, to, kind, payload in stanzas:
            attributes = f" type='{kind}'" if kind else ""
            bridge.stream.deliver(f"<{name} from='{source}' to='{to}'{attributes}>{''.join(payload)}</{name}>")
        await bridge.clock.advance(30)


NICKS = st.sampled_from(["a", "b", "ａ", "c"])


@given(
    steps=st.lists(
        st.tuples(
            NICKS,
            st.sampled_from([None, "unavailable"]),
            st.sampled_from(["", "a@x/1", "b@x/1"]),
            st.sampled_from(["", "303", "307"]),
            NICKS,
            st.booleans(),
        ),
        max_size=30,
    )
)
def test_any_order_of_presences_keeps_the_book_straight(steps) -> None:
    """Everybody who was told to have come and not to have gone is in the list, each person once."""
    occupants = Occupants(ROOM)
    told: dict[str, str] = {}
    for nick, kind, jid, code, new, ours in steps:
        attribute = f" type='{kind}'" if kind else ""
        codes = f"<status code='{code}'/>" if code else ""
        seen = muc.sighting(
            xml(
                f"<presence from='{ROOM}/{nick}'{attribute}><x xmlns='{USER}'><item jid='{jid}' nick='{new}'/>{codes}</x>"
                "</presence>"
            )
        )
        for change in occupants.see(seen, ours=ours):
            match change:
                case Left(member=member):
                    assert told.pop(member.person.id) == member.name
                case Renamed(old=old, member=member):
                    assert told.pop(old.person.id) == old.name
                    assert member.person.id not in told
                    told[member.person.id] = member.name
                case Joined(member=member):
                    assert told.get(member.person.id, member.name) == member.name
                    told[member.person.id] = member.name
    assert {member.person.id: member.name for member in occupants.members()} == told


@pytest.mark.parametrize("nick", ["&amp;", "&lt;x&gt;", "a/b/c", "@", " x ", "日本", "☃", "x" * 1_000])
async def test_odd_nicks_are_people(nick) -> None:
    async with Bridge() as bridge:
        bridge.stream.deliver(
            f"<presence from='{ROOM}/{nick}' to='{Bridge.listener}'><x xmlns='{MUC}#user'>"
            "<item affiliation='none' role='participant'/></x></presence>"
        )
        bridge.stream.deliver(
            f"<message type='groupchat' from='{ROOM}/{nick}' to='{Bridge.listener}'><body>hi</body></message>"
        )
        (event,) = bridge.hub.took(MessagePosted)
        assert event.sender.name
        bridge.stream.deliver(f"<presence type='unavailable' from='{ROOM}/{nick}' to='{Bridge.listener}'/>")
        assert bridge.room.occupants.members() == []
