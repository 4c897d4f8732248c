"""The connector in rooms of real servers: what the memory's room promises, Prosody, ejabberd and jabberd2 keep."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, Self, TypeVar
from xml.etree.ElementTree import Element

import pytest
from msgspec.structs import replace

from bridge.connector import Cursor
from bridge.core.content import Content, Reply
from bridge.core.deliveries import AsBridge, Kick, Sent, Tell
from bridge.core.events import (
    Cause,
    DirectPosted,
    MemberJoined,
    MemberLeft,
    MemberRenamed,
    MembersListed,
    MessageEdited,
    MessagePosted,
    MessageRetracted,
    Presence,
    PuppetJoined,
    PuppetLeft,
    ReactionsChanged,
    RoomClosed,
    RoomOpened,
    Show,
    TopicChanged,
)
from bridge.core.failures import Permanent, VoiceLost
from bridge.core.ids import XMPP, MessageId, MessageRef, Person, PersonId, RoomId
from bridge.demo.people import CLIENT, MUC_USER, NotSeen, XmppPerson, body, codes
from bridge.demo.processes import until
from bridge.engine.clock import SystemClock
from bridge.xmpp.connector import XmppConnector
from bridge.xmpp.joined import listener
from bridge.xmpp.joined.selfping import is_inside
from tests.support import build
from tests.support.proxy import Proxy
from tests.support.servers import CollapsingProsody, Ejabberd, Jabberd2, MulticastEjabberd, Prosody
from tests.support.xmpp_connector import INSTANCE, Notebook, Settings, as_ghost, as_relayed, remote

pytestmark = pytest.mark.server

KINDS = {
    "prosody": Prosody,
    "prosody, one copy": CollapsingProsody,
    "ejabberd": Ejabberd,
    "ejabberd, one copy": MulticastEjabberd,
    "jabberd2": Jabberd2,
}
PEOPLE = {"juliet": "pw", "romeo": "pw"}
PATIENCE = 40.0
E = TypeVar("E")
_rooms = count(1)

ADMIN = "<query xmlns='http://jabber.org/protocol/muc#admin'>{}</query>"
OWNER = "<query xmlns='http://jabber.org/protocol/muc#owner'>{}</query>"


@pytest.fixture(scope="module", params=["prosody, one copy", "ejabberd, one copy"])
def server(request) -> Iterator[Prosody | Ejabberd]:
    """One server for all tests of this file, each with a room of its own; it multiplies no message for our ghosts."""
    with _started(request.param) as running:
        yield running


@pytest.fixture(scope="module", params=["prosody", "ejabberd", "jabberd2"])
def any_server(request) -> Iterator[Prosody | Ejabberd | Jabberd2]:
    """Give one that is as it comes, with a copy for everybody."""
    with _started(request.param) as running:
        yield running


@contextlib.contextmanager
def _started(kind: str) -> Iterator[Any]:
    running = KINDS[kind](people=PEOPLE)
    asyncio.run(running.start())
    try:
        yield running
    finally:
        asyncio.run(running.stop())


class Diary(Notebook):
    """A hub for real time: one can wait for what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self._news = asyncio.Event()

    def emit(self, event):
        self._news.set()
        return super().emit(event)

    async def next(self, kind: type[E], condition: Callable[[E], bool] = lambda _: True) -> E:
        """Wait for an event of a kind, and forget it."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for event in self.events:
                    if isinstance(event, kind) and condition(event):
                        self.events.remove(event)
                        return event
                self._news.clear()
                await self._news.wait()


class Live:
    """Juliet in her room, and the connector beside her."""

    def __init__(self, server: Any, *, start: bool = True, password: str = "", port: int = 0) -> None:
        self.server = server
        self._port = port or server.component_port
        self.room = RoomId(f"verona{next(_rooms)}@{server.conference}")
        self.where = f"xmpp:{self.room}"
        self.hub = Diary()
        self.juliet = XmppPerson("juliet", "pw", port=server.port)
        self._start, self._password = start, password
        self._stack = contextlib.AsyncExitStack()
        self._running: asyncio.Task[None] | None = None
        self.connector = self.made()

    def made(self) -> XmppConnector:
        settings = Settings(domain=self.server.component, secret=self.server.secret, port=self._port, admins=())
        return XmppConnector(settings, instance=INSTANCE, version="1", clock=SystemClock())

    async def __aenter__(self) -> Self:
        await self._log_in()
        await self.juliet.join(self.room, "juliet")
        if self._start:
            await self.start()
        return self

    async def _log_in(self) -> None:
        """Log in; a jabberd2 that has just started may fail at a user's first session."""
        for attempts_left in (2, 1, 0):
            try:
                await self._stack.enter_async_context(self.juliet)
            except NotSeen:
                await self.juliet.close()
                if not attempts_left:
                    raise
                self.juliet = XmppPerson("juliet", "pw", port=self.server.port)
            else:
                return

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        await self._stack.aclose()

    async def start(self) -> None:
        self.connector.listen(self.room, password=self._password)
        self._running = asyncio.ensure_future(self.connector.run(self.hub))
        await self.hub.next(RoomOpened)

    async def stop(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running

    async def ghost(self, name: str, **fields: Any) -> str:
        """Show somebody; returns the nick that they got."""
        member = remote(name, **fields)
        self.connector.join(self.room, member)
        return (await self.hub.next(PuppetJoined, lambda event: event.person == member.person)).name

    async def said(self, delivery: Any) -> Sent:
        async with asyncio.timeout(PATIENCE):
            return await self.connector.send(delivery)

    async def room_moderated(self) -> bool:
        room = self.connector.room(self.room)
        return room is not None and room.rights.moderates()

    async def listener_inside(self) -> bool:
        room = self.connector.room(self.room)
        return room is not None and room.voice() is not None

    async def administer(self, item: str) -> None:
        answer = await self.juliet.iq("set", ADMIN.format(item), to=self.room)
        assert answer.get("type") == "result"

    async def configure(self, **fields: str) -> None:
        values = "".join(
            f"<field var='muc#roomconfig_{name}'><value>{value}</value></field>" for name, value in fields.items()
        )
        form = (
            "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>"
            f"<value>http://jabber.org/protocol/muc#roomconfig</value></field>{values}</x>"
        )
        answer = await self.juliet.iq("set", OWNER.format(form), to=self.room)
        assert answer.get("type") == "result"


def real_jid(presence: Element) -> str:
    item = presence.find(f"{MUC_USER}x/{MUC_USER}item")
    assert item is not None
    return item.get("jid", "")


async def test_people_and_words_both_ways(any_server) -> None:
    async with Live(any_server) as live:
        listed = await live.hub.next(MembersListed)
        assert [member.name for member in listed.members] == ["juliet"]
        assert await live.ghost("bob") == "bob"
        await live.juliet.presence(f"{live.room}/bob")
        await live.said(build.post("hello", to=live.where, voice=as_ghost("bob")))
        await live.juliet.message(live.room, "hello", nick="bob")
        live.juliet.say(live.room, "hi bob")
        event = await live.hub.next(MessagePosted)
        assert (event.sender.name, event.content.text) == ("juliet", "hi bob")
        await live.said(build.post("hello", to=live.where, voice=as_relayed("carol")))
        await live.juliet.message(live.room, "<carol> hello", nick="linkspan")
        assert live.hub.took(MessagePosted) == live.hub.took(MemberJoined) == []


async def test_the_server_sends_one_copy_of_a_message_and_of_private_ones_all(server) -> None:
    """At the first message of all ejabberd asks what the component can do, and remembers it."""
    async with Proxy(server.component_port) as proxy, Live(server, port=proxy.port) as live:
        for name in ("bob", "carol", "dave"):
            await live.ghost(name)
        numbers = count(1)

        async def copies() -> int:
            text = f"number {next(numbers)}"
            live.juliet.say(live.room, text)
            await live.hub.next(MessagePosted, lambda event: event.content.text == text)
            await live.juliet.fence()
            await live.connector._stream.barrier()
            return proxy.said.count(f"<body>{text}</body>".encode())

        async def one() -> bool:
            return await copies() == 1

        await until(one, patience=PATIENCE, what="one copy of a message came")
        if isinstance(server, MulticastEjabberd):
            assert b"<addresses xmlns='http://jabber.org/protocol/address'>" in proxy.said
        for name in ("bob", "carol"):
            live.juliet.tell(f"{live.room}/{name}", f"psst, {name}")
            told = await live.hub.next(DirectPosted)
            assert (told.to, told.content.text) == (remote(name).person, f"psst, {name}")
        live.juliet.say(live.room, "good night")
        live.juliet.leave(live.room, "juliet")
        event = await live.hub.next(MessagePosted)
        assert (event.sender.person, event.content.text) == (
            (await live.hub.next(MemberLeft)).member.person,
            "good night",
        )


async def test_two_rooms_are_told_apart_although_all_comes_to_one_address(server) -> None:
    async with Live(server) as live:
        other = RoomId(f"verona{next(_rooms)}@{server.conference}")
        await live.juliet.join(other, "juliet")
        live.connector.listen(other)
        await live.hub.next(RoomOpened)
        for room in (live.room, other):
            for name in ("bob", "carol"):
                live.connector.join(room, remote(name))
                await live.hub.next(PuppetJoined)
        for number in range(10):
            for room in (live.room, other):
                live.juliet.say(room, f"{room} {number}")
                event = await live.hub.next(MessagePosted)
                assert (event.origin.room.id, event.content.text) == (room, f"{room} {number}")
        await live.juliet.fence()
        assert live.hub.took(MessagePosted) == []


@pytest.mark.parametrize("server", ["ejabberd, one copy"], indirect=True)
async def test_one_stanza_to_several_of_us_is_for_each_of_them(server) -> None:
    async with Live(server) as live:
        for name in ("bob", "carol"):
            await live.ghost(name)
        listed = "".join(f"<address type='to' jid='{name}%irc@{server.component}'/>" for name in ("bob", "carol"))
        addresses = f"<addresses xmlns='http://jabber.org/protocol/address'>{listed}</addresses>"

        live.juliet.send(f"<message to='multicast.{server.domain}' type='chat'>{addresses}<body>hi</body></message>")
        told = [await live.hub.next(DirectPosted) for _ in range(2)]
        assert {event.to for event in told} == {remote(name).person for name in ("bob", "carol")}


async def test_a_second_person_comes_changes_their_nick_and_goes(any_server) -> None:
    async with Live(any_server) as live, XmppPerson("romeo", "pw", port=any_server.port) as romeo:
        await romeo.join(live.room, "romeo")
        await live.hub.next(MemberJoined, lambda event: event.member.name == "romeo")
        romeo.send(f"<presence to='{live.room}/Romeo M.'/>")
        renamed = await live.hub.next(MemberRenamed)
        assert (renamed.old.name, renamed.member.name) == ("romeo", "Romeo M.")
        romeo.leave(live.room, "Romeo M.")
        left = await live.hub.next(MemberLeft)
        assert (left.member.name, left.cause) == ("Romeo M.", Cause.LEFT)


async def test_a_change_of_nick_is_in_place(any_server) -> None:
    async with Live(any_server) as live:
        await live.ghost("bob")
        live.connector.rename(live.room, remote("bob").person, remote("robert"))
        gone = await live.juliet.presence(f"{live.room}/bob", gone=True)
        assert "303" in codes(gone)
        await live.hub.next(PuppetJoined, lambda event: event.name == "robert")
        await live.said(build.post("it is me", to=live.where, voice=as_ghost("robert")))
        await live.juliet.message(live.room, "it is me", nick="robert")
        assert live.hub.took(PuppetLeft) == []


@pytest.mark.parametrize("name", ["🦊 Fox", "Zoë 日本", "[carol]^|", "a@b/c"])
async def test_odd_nicks(any_server, name) -> None:
    async with Live(any_server) as live:
        nick = await _shown(live, name)
        await live.juliet.see(lambda el: el.get("from") == f"{live.room}/{nick}")


async def _shown(live: Live, name: str) -> str:
    member = replace(remote("somebody"), name=name)
    live.connector.join(live.room, member)
    return (await live.hub.next(PuppetJoined)).name


async def test_a_taken_nick(any_server) -> None:
    async with Live(any_server) as live:
        assert await _shown(live, "juliet") == "juliet (irc)"
        live.juliet.send(f"<presence to='{live.room}/jules'/>")
        await live.hub.next(PuppetJoined, lambda event: event.name == "juliet")


async def test_it_leaves_in_time(any_server) -> None:
    async with Live(any_server) as live:
        await live.ghost("bob")
        async with asyncio.timeout(3):
            await live.stop()
        await live.juliet.presence(f"{live.room}/bob", gone=True)
        await live.juliet.presence(f"{live.room}/linkspan", gone=True)


async def test_a_self_ping_tells_inside_from_outside(any_server) -> None:
    async with Live(any_server) as live:
        around = live.connector._around
        assert await is_inside(around, live.room, "linkspan") is True
        assert await is_inside(around, live.room, "nobody") is False


async def test_topics_both_ways(any_server) -> None:
    async with Live(any_server) as live:
        live.juliet.send(f"<message type='groupchat' to='{live.room}'><subject>fire</subject></message>")
        assert (await live.hub.next(TopicChanged)).topic == "fire"
        await live.configure(changesubject="1")
        await live.said(build.set_topic("water", to=live.where))
        await live.juliet.see(lambda el: el.findtext(f"{CLIENT}subject") == "water")
        assert live.hub.took(TopicChanged) == []


async def test_hostile_input_leaves_the_stream_up(any_server) -> None:
    async with Live(any_server) as live:
        for number, text in enumerate(
            ["a\x00b", "\x0304red", "\ud800", "\ufffe", "]]><x/>", "\u2028", "\u202e", "&<'\""]
        ):
            person = Person(remote("x").person.network, PersonId(f"x{number}{text}"))
            member = replace(remote("x"), person=person, name=f"n{number}{text}", presence=Presence(Show.AWAY, text))
            live.connector.join(live.room, member)
            await live.hub.next(PuppetJoined)
            post = build.post("", to=live.where, voice=type(as_ghost("x"))(member=member))
            await live.said(replace(post, content=Content(text=text)))
        live.juliet.say(live.room, "still there?")
        await live.hub.next(MessagePosted)


# -- what needs a modern service


async def test_a_ghost_is_what_the_design_says(server) -> None:
    async with Live(server) as live:
        await live.ghost("bob", presence=Presence(Show.AWAY, "lunch"))
        presence = await live.juliet.presence(f"{live.room}/bob")
        assert real_jid(presence) == f"bob%irc@{server.component}/linkspan"
        assert presence.findtext("{http://jabber.org/protocol/nick}nick") == "bob"
        assert presence.findtext(f"{CLIENT}show") == "away"
        able = presence.find("{http://jabber.org/protocol/caps}c")
        assert able is not None
        node = f"{able.get('node')}#{able.get('ver')}"
        for query in (
            "<query xmlns='http://jabber.org/protocol/disco#info'/>",
            f"<query xmlns='http://jabber.org/protocol/disco#info' node='{node}'/>",
            "<query xmlns='jabber:iq:version'/>",
            "<ping xmlns='urn:xmpp:ping'/>",
            "<vCard xmlns='vcard-temp'/>",
        ):
            answer = await live.juliet.iq("get", query, to=f"bob%irc@{server.component}")
            assert answer.get("type") == "result", query


async def test_corrections_replies_reactions_and_retractions(server) -> None:
    async with Live(server) as live:
        await live.ghost("bob")
        voice = as_ghost("bob")
        ids = (await live.said(build.post("tpyo", to=live.where, voice=voice))).ids
        stanza_id, attribute = ids

        def spoken(delivery):
            return live.said(replace(delivery, head=replace(delivery.head, voice=voice)))

        await spoken(build.edit("m", "typo", to=live.where, ids=ids))
        edit = await live.juliet.message(live.room, "typo")
        assert edit.find("{urn:xmpp:message-correct:0}replace").get("id") == attribute
        reply = Reply(to=MessageRef(build.room(live.where), MessageId("m")), excerpt="typo", name="bob", ids=ids)
        await live.said(replace(build.post("yes", to=live.where, voice=voice), reply=reply))
        await live.juliet.message(live.room, "> bob: typo\nyes")
        await spoken(build.react("m", "👍", to=live.where, ids=ids))
        await spoken(build.retract("m", to=live.where, ids=ids))
        seen = await live.juliet.see(lambda el: el.find("{urn:xmpp:message-retract:1}retract") is not None)
        assert seen.find("{urn:xmpp:message-retract:1}retract").get("id") == stanza_id
        assert [type(event).__name__ for event in live.hub.events if "Puppet" not in type(event).__name__] == [
            "MembersListed"
        ]


async def test_what_juliet_corrects_answers_and_takes_back(server) -> None:
    async with Live(server) as live:
        mark = live.juliet.say(live.room, "tpyo")
        posted = await live.hub.next(MessagePosted)
        assert mark in posted.aliases
        live.juliet.say(live.room, "typo", more=f"<replace xmlns='urn:xmpp:message-correct:0' id='{mark}'/>")
        assert (await live.hub.next(MessageEdited)).target == mark
        live.juliet.send(
            f"<message type='groupchat' to='{live.room}' id='r1'><reactions xmlns='urn:xmpp:reactions:0' id='{posted.id}'>"
            "<reaction>👍</reaction></reactions><store xmlns='urn:xmpp:hints'/></message>"
        )
        assert (await live.hub.next(ReactionsChanged)).reactions == ("👍",)
        live.juliet.say(live.room, "gone", more=f"<retract xmlns='urn:xmpp:message-retract:1' id='{posted.id}'/>")
        assert (await live.hub.next(MessageRetracted)).target == posted.id


async def test_kicked_and_banned_ghosts(server) -> None:
    async with Live(server) as live:
        await live.ghost("bob")
        await live.ghost("carol")
        await live.administer("<item nick='bob' role='none'><reason>no shouting</reason></item>")
        left = await live.hub.next(PuppetLeft)
        assert (left.cause, left.reason, left.final) == (Cause.KICKED, "no shouting", True)
        await live.administer(f"<item jid='carol%irc@{server.component}' affiliation='outcast'/>")
        left = await live.hub.next(PuppetLeft)
        assert (left.cause, left.final) == (Cause.BANNED, True)
        live.connector.leave(live.room, remote("carol").person)
        live.connector.join(live.room, remote("carol"))
        left = await live.hub.next(PuppetLeft)
        assert (left.cause, left.final) == (Cause.BANNED, True)
        with pytest.raises(VoiceLost):
            await live.said(build.post("x", to=live.where, voice=as_ghost("carol")))


async def test_members_only_with_the_listener_as_admin(server) -> None:
    async with Live(server, start=False) as live:
        await live.configure(membersonly="1")
        await live.administer(f"<item jid='{server.component}' affiliation='admin'/>")
        await live.start()
        await live.ghost("bob")
        await live.said(build.post("let me in", to=live.where, voice=as_ghost("bob")))


async def test_members_only_until_an_owner_lets_us_in(server) -> None:
    """Told in words, and entered as soon as the service says that we may."""
    async with Live(server, start=False) as live:
        await live.configure(membersonly="1")
        live.connector.listen(live.room)
        live._running = asyncio.ensure_future(live.connector.run(live.hub))
        closed = await live.hub.next(RoomClosed)
        assert "members only" in closed.reason
        await live.administer(f"<item jid='{server.component}' affiliation='member'/>")
        invite = f"<x xmlns='http://jabber.org/protocol/muc#user'><invite to='{server.component}'/></x>"
        live.juliet.send(f"<message to='{live.room}'>{invite}</message>")
        await live.hub.next(RoomOpened)


async def test_a_password(server) -> None:
    async with Live(server, start=False, password="sesame") as live:
        await live.configure(passwordprotectedroom="1", roomsecret="sesame")
        await live.start()
        await live.ghost("bob")


async def test_a_wrong_password(server) -> None:
    async with Live(server, start=False) as live:
        await live.configure(passwordprotectedroom="1", roomsecret="sesame")
        live.connector.listen(live.room, password="wrong")
        live._running = asyncio.ensure_future(live.connector.run(live.hub))
        closed = await live.hub.next(RoomClosed)
        assert closed.final
        assert "password" in closed.reason


async def test_a_room_without_voice(server) -> None:
    async with Live(server) as live:
        await live.configure(moderatedroom="1")
        await live.ghost("bob")
        await live.administer("<item nick='bob' role='visitor'/>")
        with pytest.raises(VoiceLost):
            await live.said(build.post("x", to=live.where, voice=as_ghost("bob")))


async def test_kicking_with_and_without_the_right(server) -> None:
    async with Live(server) as live, XmppPerson("romeo", "pw", port=server.port) as romeo:
        await romeo.join(live.room, "romeo")
        joined = await live.hub.next(MemberJoined)
        kick = Kick(
            head=build.head(live.where, voice=AsBridge()), person=joined.member.person, name="romeo", reason="behave"
        )
        with pytest.raises(Permanent, match="no right"):
            await live.said(kick)
        await live.administer(f"<item jid='{server.component}' affiliation='admin'/>")
        await until(live.room_moderated, patience=PATIENCE, what="the listener is moderator")
        romeo.send(f"<presence to='{live.room}/romeo'><show>away</show></presence>")  # a moderator is shown who it is
        renamed = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                renamed = await live.hub.next(MemberRenamed, lambda event: event.member.name == "romeo")
        person = joined.member.person if renamed is None else renamed.member.person
        await live.said(replace(kick, person=person))
        gone = await romeo.presence(f"{live.room}/romeo", gone=True)
        assert "307" in codes(gone)
        assert (await live.hub.next(MemberLeft)).cause is Cause.KICKED


async def test_a_kicked_listener(server, monkeypatch) -> None:
    monkeypatch.setattr(listener, "AFTER_KICK", 0.3)
    async with Live(server) as live:
        await live.ghost("bob")
        await live.administer("<item nick='linkspan' role='none'><reason>who are you</reason></item>")
        live.juliet.say(live.room, "still there?")
        assert (await live.hub.next(MessagePosted)).content.text == "still there?"
        await until(live.listener_inside, patience=PATIENCE, what="the listener is back")
        live.juliet.say(live.room, "welcome back")
        assert (await live.hub.next(MessagePosted)).content.text == "welcome back"
        assert live.hub.took(RoomClosed) == []


async def test_a_destroyed_room(server) -> None:
    async with Live(server) as live:
        await live.ghost("bob")
        destroy = f"<destroy jid='coven@{server.conference}'><reason>over</reason></destroy>"
        answer = await live.juliet.iq("set", OWNER.format(destroy), to=live.room)
        assert answer.get("type") == "result"
        closed = await live.hub.next(RoomClosed)
        assert closed.final
        assert "over" in closed.reason
        assert "coven@" in closed.reason


async def test_private_messages_both_ways(server) -> None:
    async with Live(server) as live:
        await live.ghost("bob")
        live.juliet.tell(f"bob%irc@{server.component}", "psst")
        event = await live.hub.next(DirectPosted)
        assert (event.to, event.sender.account, event.content.text) == (
            remote("bob").person,
            "juliet@localhost",
            "psst",
        )
        live.juliet.tell(f"{live.room}/bob", "psst in here")
        event = await live.hub.next(DirectPosted)
        assert (event.to, event.sender.name) == (remote("bob").person, "juliet")
        juliet = Person(XMPP, PersonId("juliet@localhost"))
        head = build.head(f"xmpp:{juliet.id}", voice=as_ghost("bob"))
        await live.said(Tell(head=head, person=juliet, content=Content(text="yes?")))
        answer = await live.juliet.see(lambda el: body(el) == "yes?")
        assert (answer.get("from") or "").startswith(f"bob%irc@{server.component}")
        head = build.head(f"xmpp:{event.sender.person.id}", voice=as_ghost("bob"), event="other")
        await live.said(Tell(head=head, person=event.sender.person, content=Content(text="and here?")))
        await live.juliet.see(lambda el: body(el) == "and here?")


async def test_a_message_to_nobody_comes_back(server) -> None:
    async with Live(server) as live:
        nobody = Person(XMPP, PersonId("nobody@localhost"))
        head = build.head(f"xmpp:{nobody.id}", voice=as_ghost("bob"))
        with pytest.raises(Exception, match=r"does not take it|refused"):
            await live.said(Tell(head=head, person=nobody, content=Content(text="x")))


async def test_sixty_ghosts_and_one_copy(server) -> None:
    async with Live(server) as live:
        await asyncio.gather(*(live.ghost(f"user{number}") for number in range(60)))
        done = [
            live.connector.send(build.post(str(number), to=live.where, voice=as_ghost(f"user{number % 60}")))
            for number in range(64)
        ]
        async with asyncio.timeout(60):
            await asyncio.gather(*done)
        await live.juliet.message(live.room, "63")
        said = [text for nick, text in live.juliet.texts(live.room) if nick.startswith("user")]
        assert said == [str(number) for number in range(64)]
        assert live.hub.took(MessagePosted) == live.hub.took(MemberJoined) == []


# -- restarts: a server of their own


@pytest.mark.parametrize("kind", ["prosody", "ejabberd"])
@pytest.mark.parametrize("said", [3, 60])
async def test_a_killed_server_is_joined_again_and_the_gap_is_filled_once(kind, said) -> None:
    """Said while the bridge was away, more than the room's history holds: the archive has it."""
    async with KINDS[kind](people=PEOPLE) as fresh:
        await _gap(fresh, said)


async def _gap(fresh: Any, said: int) -> None:
    async with Live(fresh) as live:
        await live.configure(persistentroom="1")
        await live.ghost("bob")
        live.juliet.say(live.room, "before")
        before = await live.hub.next(MessagePosted)
        live.hub.cursors[live.room] = Cursor(before.origin.key, before.origin.at)
        lost = live.connector.send(build.post("on the wire", to=live.where, voice=as_ghost("bob")))
        await fresh.kill()
        await live.hub.next(RoomClosed)
        with contextlib.suppress(Exception):
            await lost
        await live.stop()
        await fresh.start()
        async with XmppPerson("romeo", "pw", port=fresh.port) as romeo:
            await romeo.join(live.room, "romeo")
            for number in range(said):
                romeo.say(live.room, f"missed {number}")
            await romeo.fence()
            live.hub.events.clear()
            live.connector = live.made()
            await live.start()
            last = await live.hub.next(MessagePosted, lambda event: event.content.text == f"missed {said - 1}")
            assert last.origin.replayed
            romeo.say(live.room, "after")
            await live.hub.next(MessagePosted, lambda event: event.content.text == "after")
            posted = {event.origin.key: event for event in (*live.hub.took(MessagePosted), last)}
            missed = [event.content.text for event in posted.values() if event.content.text.startswith("missed")]
            assert missed == [f"missed {number}" for number in range(said)]
            assert "on the wire" not in [event.content.text for event in posted.values()]
            await live.ghost("bob")


@pytest.mark.parametrize("kind", ["prosody", "ejabberd"])
async def test_what_was_on_the_wire_when_the_server_died_is_said_exactly_once(kind) -> None:
    async with KINDS[kind](people=PEOPLE) as fresh, Live(fresh) as live:
        await live.configure(persistentroom="1")
        await live.ghost("bob")
        deliveries = [build.post(f"line {n}", to=live.where, voice=as_ghost("bob")) for n in range(64)]
        flying = [live.connector.send(delivery) for delivery in deliveries]
        await live.juliet.message(live.room, "line 0")
        await fresh.kill()
        await live.hub.next(RoomClosed)
        results = await asyncio.gather(*flying, return_exceptions=True)
        again = [d for d, r in zip(deliveries, results, strict=True) if not isinstance(r, Sent)]
        await fresh.start()
        await live.hub.next(RoomOpened)
        live.connector.join(live.room, remote("bob"))
        async with asyncio.timeout(60):
            await asyncio.gather(*(live.connector.send(delivery) for delivery in again))
        async with XmppPerson("romeo", "pw", port=fresh.port) as romeo:
            await romeo.join(live.room, "romeo", history=200)
            await romeo.fence()
            heard = [text for _, text in romeo.texts(live.room) if text.startswith("line")]
        assert len(heard) == len(set(heard))
