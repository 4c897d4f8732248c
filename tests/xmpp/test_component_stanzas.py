"""What a component sends and what it is sent: order, safety, namespaces, questions and answers."""

import asyncio
import logging

import pytest

from bridge.xmpp.wire import stanzas
from bridge.xmpp.wire.component import IqRefused
from bridge.xmpp.wire.library import HIGH_WATER, Library
from tests.support.clock import VirtualClock
from tests.support.xmpp_server import ACCEPT, XmppServer
from tests.support.xmpp_session import GHOST, running

DOMAIN = "bridge.example.org"
BODY = f"{ACCEPT}body"


def said(text: str, *, sender: str = DOMAIN) -> str:
    return stanzas.message(sender, "room@conference.example.org", kind="groupchat", body=text)


# Out.


async def test_what_is_sent_in_one_turn_leaves_in_order_questions_included():
    async with XmppServer() as server, running(server.port) as (component, session):
        await session.up()
        connection = await server.component()
        component.send(said("one"))
        asking = asyncio.create_task(component.iq("get", to="conference.example.org", payload="<query xmlns='x'/>"))
        await asyncio.sleep(0)
        component.send(said("two"))
        seen = [await connection.next() for _ in range(3)]
        assert [element.findtext(BODY) for element in seen] == ["one", None, "two"]
        asking.cancel()


async def test_nothing_that_leaves_can_break_the_stream():
    hostile = "".join(map(chr, range(0x20))) + "\x7f\x9f\ufffe\uffff\ud800\udfff]]>&'\"<b>\u2028\U0001f642"
    async with XmppServer() as server, running(server.port) as (component, session):
        await session.up()
        connection = await server.component()
        component.send(said(hostile))
        # A string that no builder made is looked at, too.
        component.send(f"<message from='{DOMAIN}' to='a@b'><body>\x00\x01\ud800\uffff</body></message>")
        expected = "\t\n\n\x7f\x9f]]>&'\"<b>\u2028\U0001f642"  # a parser reads CR as LF
        assert (await connection.next()).findtext(BODY).replace("\n\n", "\n\n") == expected
        assert (await connection.next()).findtext(BODY) in {None, ""}
        await component.barrier()


@pytest.mark.parametrize(
    "sender",
    [
        "evil.example.org",
        "evil.example.org/bridge.example.org",
        "a@evil.example.org/@bridge.example.org",
        "evil.example.org/x@bridge.example.org",
        "bridge.example.org.evil.example.org",
        "a@b@bridge.example.org",
        "@bridge.example.org",
        "bridge.example.org/",
        "a@bridge.example.org/",
        "with space@bridge.example.org",
        "a&apos;b@bridge.example.org",
        "a" * 1100 + "@bridge.example.org",
        "a@bridge.example.org/" + "r" * 1100,
        "\ud800@bridge.example.org",
        "",
    ],
)
async def test_no_sender_but_ours_leaves(sender):
    async with XmppServer() as server, running(server.port) as (component, session):
        await session.up()
        with pytest.raises(ValueError, match="not an address of this component"):
            component.send(f"<message from='{sender}' to='a@b'/>")
        with pytest.raises(ValueError, match="not an address of this component"):
            component.send(f"<message to='a@b' from='{sender}'/>")
        assert (await server.component()).received == []


@pytest.mark.parametrize("sender", ["", "bob%net@", "bob%net@/r", "b\\27ob%net@/it&apos;s ☃", "BOB@"])
async def test_every_address_of_ours_may_speak(sender):
    local, at, rest = sender.rpartition("@")
    sender = f"{local}{at}{DOMAIN}{rest}"
    async with XmppServer() as server, running(server.port) as (component, session):
        await session.up()
        component.send(f"<message from='{sender}' to='a@b'/>")
        component.send(f"<message from='{sender}' to='a@b'/>")
        await (await server.component()).next()


async def test_the_library_cannot_speak_for_others_either(caplog):
    async with XmppServer() as server, running(server.port) as (component, session):
        await session.up()
        library = component._stream.library
        library.make_message("a@b", "not ours", mfrom="x@evil.example.org").send()
        library.make_message("a@b", "\x01ours\x00").send()
        stanza = await (await server.component()).next()
        assert (stanza.get("from"), stanza.findtext(BODY)) == (DOMAIN, "ours")
        assert "its sender is not an address of this component" in caplog.text


async def test_huge_bodies_pass():
    async with XmppServer() as server, running(server.port) as (component, session):
        await session.up()
        connection = await server.component()
        text = "x" * 3_000_000
        component.send(said(text))
        assert (await connection.next()).findtext(BODY) == text
        connection.stanza(f"<message from='a@b' to='{DOMAIN}'><body>{text}</body></message>")
        await session.until(lambda: session.bodies() == [text])


async def test_what_is_sent_without_a_stream_is_dropped_and_counted():
    async with XmppServer() as server, running(server.port) as (component, session):
        component.send(said("too early"))
        assert component.dropped == 1
        await session.up()
        component.send(said("in time"))
        assert (await (await server.component()).next()).findtext(BODY) == "in time"


async def test_senders_wait_while_the_server_does_not_read():
    async with XmppServer() as server, running(server.port) as (component, session):
        await session.up()
        connection = await server.component()
        connection._writer.transport.pause_reading()
        await component.drained()
        for _ in range(3):
            component.send(said("x" * HIGH_WATER))
        await asyncio.sleep(0)
        waiting = asyncio.create_task(component.drained())
        await asyncio.sleep(0)
        assert not waiting.done()
        connection._writer.transport.resume_reading()
        await asyncio.wait_for(waiting, 20)


async def test_whoever_waits_to_send_is_let_go_when_the_stream_breaks():
    async with XmppServer() as server, running(server.port) as (component, session):
        await session.up()
        connection = await server.component()
        connection._writer.transport.pause_reading()
        for _ in range(3):
            component.send(said("x" * HIGH_WATER))
        await asyncio.sleep(0)
        waiting = asyncio.create_task(component.drained())
        connection.cut()
        await asyncio.wait_for(waiting, 20)


# In.


@pytest.mark.parametrize("client_namespace", [False, True])
async def test_stanzas_look_the_same_whatever_namespace_the_server_writes(client_namespace):
    async with XmppServer(client_namespace=client_namespace) as server, running(server.port) as (component, session):
        await session.up()
        connection = await server.component()
        connection.stanza(f"<message from='a@b' to='{DOMAIN}'><body>one</body></message>")
        connection.stanza("<message\n from='a@b' ><!-- unusual --><body>two</body></message>")
        await session.until(lambda: session.bodies() == ["one", "two"])
        assert {element.tag for element in session.stanzas} == {f"{ACCEPT}message"}
        connection.stanza(f"<iq from='a@b' to='{DOMAIN}' type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>")
        assert (await connection.next()).get("type") == "result"
        await component.barrier()


async def test_one_bad_stanza_does_not_take_the_stream_with_it(caplog):
    async with XmppServer() as server, running(server.port) as (_, session):
        await session.up()
        take = session.stanza
        session.stanza = lambda element: 1 / 0 if element.get("id") == "bad" else take(element)
        connection = await server.component()
        connection.stanza(f"<message from='a@b' to='{DOMAIN}' id='bad'><body>secret words</body></message>")
        connection.stanza(f"<message from='a@b' to='{DOMAIN}' id='good'><body>fine</body></message>")
        await session.until(lambda: session.bodies() == ["fine"])
        assert "could not be taken" in caplog.text
        assert "secret words" not in caplog.text
        assert session.reasons == []


async def test_what_the_session_refuses_goes_to_the_library():
    async with XmppServer() as server, running(server.port) as (component, session):
        await session.up()
        session.stanza = lambda element: False
        heard = component._stream.library.wait_until("message")
        waiting = asyncio.create_task(heard)
        await asyncio.sleep(0)
        (await server.component()).stanza(f"<message from='a@b' to='{DOMAIN}' type='chat'><body>hi</body></message>")
        assert (await waiting)["body"] == "hi"


async def test_the_library_answers_no_presence_on_its_own():
    async with XmppServer() as server, running(server.port) as (component, session):
        await session.up()
        session.stanza = lambda element: False
        connection = await server.component()
        for kind in ("subscribe", "probe", "unsubscribe", "subscribed", "unavailable"):
            connection.stanza(f"<presence from='a@b' to='{GHOST}@{DOMAIN}' type='{kind}'/>")
        await component.barrier()
        assert {element.tag for element in connection.received} == {f"{ACCEPT}iq"}


# Questions.


async def test_a_question_is_answered():
    async with XmppServer() as server, running(server.port) as (component, session):
        await session.up()
        connection = await server.component()
        sender = f"{GHOST}@{DOMAIN}/r"
        asking = asyncio.create_task(component.iq("set", to="a@b", payload="<q xmlns='x'/>", sender=sender))
        asked = await connection.next()
        assert (asked.get("from"), asked.get("to"), asked.get("type"), asked[0].tag) == (sender, "a@b", "set", "{x}q")
        connection.stanza(f"<iq from='a@b' to='{sender}' type='result' id='guessed'><q xmlns='x'>wrong</q></iq>")
        connection.stanza(f"<iq from='a@b' to='{sender}' type='result' id='{asked.get('id')}'><q xmlns='x'>42</q></iq>")
        answer = await asking
        assert answer.findtext("{x}q") == "42"


async def test_a_question_is_refused():
    async with XmppServer() as server, running(server.port) as (component, session):
        await session.up()
        connection = await server.component()
        asking = asyncio.create_task(component.iq("get", to="a@b", payload="<q xmlns='x'/>"))
        asked = await connection.next()
        connection.stanza(
            f"<iq from='a@b' to='{DOMAIN}' type='error' id='{asked.get('id')}'><q xmlns='x'/>"
            "<error type='auth' by='b'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
            "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>not you</text></error></iq>"
        )
        with pytest.raises(IqRefused) as refused:
            await asking
        assert (refused.value.condition, refused.value.text, refused.value.by) == ("forbidden", "not you", "b")


async def test_a_question_that_nobody_answers_ends():
    clock = VirtualClock()
    async with XmppServer() as server, running(server.port, clock=clock) as (component, session):
        await session.up()
        asking = asyncio.create_task(component.iq("get", to="a@b", payload="<q xmlns='x'/>", timeout=7))
        await clock.advance(7.1)
        with pytest.raises(IqRefused, match="remote-server-timeout: no answer within 7 s"):
            await asking


async def test_questions_end_with_the_stream():
    async with XmppServer() as server, running(server.port) as (component, session):
        with pytest.raises(IqRefused, match="not connected"):
            await component.iq("get", to="a@b", payload="<q xmlns='x'/>")
        await session.up()
        asking = [
            asyncio.create_task(component.iq("get", to="a@b", payload="<q xmlns='x'/>")),
            asyncio.create_task(component.barrier()),
        ]
        await asyncio.sleep(0)
        (await server.component()).cut()
        for each in asking:
            with pytest.raises(IqRefused, match="stream"):
                await each


async def test_the_barrier_is_behind_all_that_was_sent():
    async with XmppServer() as server, running(server.port) as (component, session):
        await session.up()
        connection = await server.component()
        for number in range(200):
            component.send(said(str(number)))
        await component.barrier()
        assert [element.findtext(BODY) for element in connection.received[:200]] == [str(n) for n in range(200)]


async def test_a_second_program_on_our_domain_is_warned_of_once(caplog):
    async with XmppServer() as server, running(server.port) as (component, session):
        await session.up()
        connection = await server.component()
        with caplog.at_level(logging.WARNING):
            for number in range(3):
                connection.stanza(
                    f"<iq from='{DOMAIN}' to='{DOMAIN}' type='get' id='theirs{number}'><ping xmlns='urn:xmpp:ping'/></iq>"
                )
            await component.barrier()
        assert caplog.text.count("each gets a part of what is for both") == 1


# Copies.


def copies(text: str, *, ghosts: int = 200) -> list[str]:
    """Return a room's message as the server writes it, the listener's copy in the middle."""
    to = [f"ghost{number}%net@{DOMAIN}/x" for number in range(ghosts)]
    to.insert(ghosts // 2, DOMAIN)
    return [f"<message from='room@muc/ann' to='{each}' type='groupchat'><body>{text}</body></message>" for each in to]


async def test_copies_that_nobody_reads_wake_nobody_up(monkeypatch):
    wakes = []
    receive = Library.data_received
    monkeypatch.setattr(Library, "data_received", lambda self, data: wakes.append(len(data)) or receive(self, data))
    async with XmppServer() as server, running(server.port) as (component, session):
        await session.up()
        connection = await server.component()
        connection.write("".join(copies("one")))
        await session.until(lambda: session.bodies() == ["one"])
        wakes.clear()
        for copy in copies("two"):  # each on its own, as ejabberd does
            connection.write(copy)
            await asyncio.sleep(0)
        await component.barrier()
        assert session.bodies() == ["one", "two"]
        assert len(wakes) < 30


async def test_a_block_that_never_comes_whole_keeps_nothing_back():
    async with XmppServer() as server, running(server.port) as (_, session):
        await session.up()
        connection = await server.component()
        connection.write("".join(copies("one")))
        await session.until(lambda: session.bodies() == ["one"])
        two = copies("two")
        for copy in [*two[:3], two[100]]:  # all others left in between
            connection.write(copy)
            await asyncio.sleep(0)
        await session.until(lambda: session.bodies() == ["one", "two"])
