"""A component's life against a scripted server: up, down for every reason, up again."""

import socket

import pytest

from bridge.xmpp.wire.component import Address, ExternalComponent, Times
from tests.support.clock import VirtualClock
from tests.support.xmpp_server import XmppServer
from tests.support.xmpp_session import Directory, running


async def test_shakes_hands_and_is_up():
    async with XmppServer() as server, running(server.port) as (component, session):
        await session.up()
        assert component.connected()


async def test_leaves_by_ending_the_stream():
    async with XmppServer() as server:
        async with running(server.port) as (component, session):
            await session.up()
            component.send("<message from='bridge.example.org' to='a@b'><body>last words</body></message>")
        connection = await server.component()
        await connection.ended.wait()
        assert connection.raw.endswith(b"<body>last words</body></message></stream:stream>")


@pytest.mark.parametrize(
    ("server", "address", "reason"),
    [
        ({}, {"secret": "guess"}, "refuses the secret of bridge.example.org"),
        ({}, {"domain": "other.example.org"}, "has no component other.example.org"),
        ({"greeting": b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n<html>"}, {}, "does not speak XMPP"),
        ({"greeting": b"<html><body>\n"}, {}, "does not speak XMPP"),
        ({"greeting": b":irc.example.org NOTICE * :*** Looking up"}, {}, "does not speak XMPP"),
        ({"stream_namespace": "jabber:client"}, {}, "is no component port"),
    ],
)
async def test_says_why_the_server_does_not_take_it(server, address, reason):
    async with XmppServer(**server) as there, running(there.port, **address) as (component, session):
        assert reason in await session.down()
        assert not component.connected()
        assert "guess" not in session.reasons[0]


async def test_says_that_nobody_listens():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        async with running(bound.getsockname()[1]) as (_, session):
            assert "nobody listens on 127.0.0.1:" in await session.down()


async def test_says_that_the_host_has_no_address():
    async with running(5347, host="no-such-host.invalid") as (_, session):
        assert "host name of no-such-host.invalid:5347 cannot be resolved" in await session.down()


async def test_says_that_the_host_name_is_none():
    async with running(5347, host="a..b") as (_, session):
        assert "cannot be resolved (not a host name)" in await session.down()


async def test_says_that_another_program_is_connected_until_it_is_not():
    async with XmppServer() as server, running(server.port) as (_, first):
        await first.up()
        async with running(server.port) as (_, second):
            assert "another program is connected" in await second.down()
            server.exclusive = False
            await second.up()


async def test_a_server_that_never_answers_is_given_up():
    clock, times = VirtualClock(), Times(connecting=15)
    async with XmppServer(silent=True) as server, running(server.port, clock=clock, times=times) as (_, session):
        await (await server.connection()).shaken.wait()
        await clock.advance(14.9)
        assert not session.reasons
        await clock.advance(0.2)
        assert "does not answer" in await session.down()


ENDS = {
    "the connection to the server broke": lambda connection: connection.cut(),
    "the server is shutting down": lambda connection: connection.error("system-shutdown"),
    "another program is connected": lambda connection: connection.error("conflict"),
    "something that was sent (not-well-formed)": lambda connection: connection.error("not-well-formed"),
    "closed the stream (undefined-condition: bye)": lambda connection: connection.error("undefined-condition", "bye"),
    "the server closed the stream": lambda connection: connection.write("</stream:stream>"),
    "the server sent what is not XML": lambda connection: connection.write("<message></presence></message>"),
    "what is not XML (not well-formed": lambda connection: connection.write(b"<message>\xff\xfe</message>"),
}


@pytest.mark.parametrize("reason", ENDS)
async def test_comes_back_after_every_way_to_lose_the_stream(reason):
    async with XmppServer(exclusive=False) as server, running(server.port) as (component, session):
        ENDS[reason](await server.component())
        assert reason in await session.down()
        await session.up(2)
        assert component.connected()
        (await server.component()).stanza("<message from='a@b' to='bridge.example.org'><body>again</body></message>")
        await session.until(lambda: session.bodies() == ["again"])


async def test_comes_back_when_the_server_does():
    async with XmppServer() as server, running(server.port) as (_, session):
        await session.up()
        await server.close()
        await session.down(2)
        await server.open()
        await session.up(2)
        assert "nobody listens" in session.reasons[1]


class Impatient(VirtualClock):
    """A clock on which no time passes while somebody sleeps."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


async def test_waits_longer_and_longer_between_attempts():
    clock = Impatient()
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        async with running(port, clock=clock, times=Times(longest_wait=10), jitter=1.0) as (_, session):
            await session.down(7)
    assert clock.slept[:6] == [1, 2, 4, 8, 10, 10]


async def test_a_stream_that_lasted_makes_the_next_failure_the_first():
    clock = Impatient()
    async with (
        XmppServer() as server,
        running(server.port, clock=clock, times=Times(steady=60), jitter=1.0) as (_, session),
    ):
        for number, lasted in enumerate((10, 10, 61), 1):
            await session.up(number)
            await clock.advance(lasted)
            (await server.component()).cut()
            await session.down(number)
    assert clock.slept[:3] == [1, 2, 1]


async def test_a_dead_peer_is_noticed_though_the_connection_stands():
    clock, times = VirtualClock(), Times(silence=30, patience=60)
    async with (
        XmppServer(routes=False) as server,
        running(server.port, clock=clock, times=times) as (component, session),
    ):
        connection = await server.component()
        await session.up()
        await clock.advance(30)
        assert (await connection.next())[0].tag == "{urn:xmpp:ping}ping"
        await clock.advance(59)
        assert component.connected()
        await clock.advance(2)
        assert "does not answer" in await session.down()


async def test_a_quiet_server_that_answers_is_kept():
    clock, times = VirtualClock(), Times(silence=30, patience=60)
    async with XmppServer() as server, running(server.port, clock=clock, times=times) as (component, session):
        connection = await server.component()
        await session.up()
        for _ in range(5):
            await clock.advance(30)
            assert (await connection.next())[0].tag == "{urn:xmpp:ping}ping"
            connection.stanza("<message from='a@b' to='bridge.example.org'><body>behind the answer</body></message>")
            seen = len(session.stanzas)
            await session.until(lambda seen=seen: len(session.stanzas) > seen)
            await clock.advance(60)
        assert component.connected()
        assert session.reasons == []


async def test_check_connects_and_leaves():
    async with XmppServer() as server:
        address = Address(domain=server.domain, secret="secret", port=server.port)
        component = ExternalComponent(address, Directory(), clock=VirtualClock())
        assert await component.check() == ""
        await (await server.component()).ended.wait()
        server.secret = "another"
        assert "refuses the secret" in await component.check()


def test_the_secret_shows_in_no_repr():
    assert "s3cret" not in repr(Address(domain="a.b", secret="s3cret"))
