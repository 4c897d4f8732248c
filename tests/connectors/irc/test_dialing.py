"""Connecting where nobody is: what an operator reads."""

import asyncio

import pytest

from bridge.connector import Wire
from bridge.core.addresses import parse_range
from bridge.demo.processes import free_port
from connectors.irc.connection.client import Connection
from connectors.irc.connection.dialing import Server, dial
from connectors.irc.connection.idents import Idents
from connectors.irc.connection.refusals import Kind, Refused
from connectors.irc.connection.registration import Identity
from connectors.irc.connection.stream import Stream
from tests.support.clock import quiet
from tests.support.irc_diary import Diary
from tests.support.ircd import Ircd

LINK = Identity(nicks=("link",), username="chosen", realname="A Bridge", ident="bridge")


def nothing() -> Stream:
    raise AssertionError("there is nobody to talk to")


async def test_where_nobody_listens_the_words_are_the_system_s_without_python_s_additions() -> None:
    port = free_port()
    with pytest.raises(Refused) as refused:
        await dial(Server(host="127.0.0.1", port=port), nothing)
    assert refused.value.kind is Kind.NETWORK
    assert str(refused.value) == f"network: 127.0.0.1:{port}: connection refused"


async def test_a_name_that_no_host_has_is_said_in_words() -> None:
    with pytest.raises(Refused) as refused:
        await dial(Server(host="no.such.host.invalid", port=6667), nothing)
    assert refused.value.kind is Kind.NETWORK
    assert "Errno" not in str(refused.value)


async def test_a_server_that_a_user_names_has_to_be_on_the_public_internet() -> None:
    for host in ("127.0.0.1", "localhost", "10.0.0.1", "::1", "169.254.169.254", "::ffff:127.0.0.1"):
        with pytest.raises(Refused) as refused:
            await dial(Server(host=host, port=6667, reach=()), nothing)
        assert refused.value.kind is Kind.FORBIDDEN
        assert refused.value.failure.permanent
        assert "is not on the public Internet" in refused.value.reason


async def test_a_range_that_the_operator_allows_may_be_reached() -> None:
    port = free_port()
    with pytest.raises(Refused) as refused:
        await dial(Server(host="127.0.0.1", port=port, reach=(parse_range("127.0.0.0/8"),)), nothing)
    assert refused.value.kind is Kind.NETWORK


async def test_a_connection_comes_from_the_address_that_is_asked_for_and_is_known_before_a_word_is_said() -> None:
    async with Ircd() as ircd:
        idents = Idents()
        link = Connection(Diary(), (Server(host=ircd.host, port=ircd.port, bind="127.9.8.7"),), LINK)
        link.idents = idents
        connecting = asyncio.create_task(link.connect())
        peer = await ircd.accept()
        host, port = peer.address
        wire = Wire(local=host, local_port=port, remote=ircd.host, remote_port=ircd.port)
        assert host == "127.9.8.7"
        assert idents.name(wire) == "bridge"
        await peer.welcome()
        await connecting
        assert idents.name(wire) == "bridge"
        link.abort()
        await peer.closed()
        await quiet()
        assert idents.name(wire) == ""


async def test_over_ipv6_too() -> None:
    async with Ircd(host="::1") as ircd:
        link = Connection(Diary(), (Server(host="::1", port=ircd.port, bind="::1"),), LINK)
        connecting = asyncio.create_task(link.connect())
        peer = await ircd.accept()
        assert peer.address[0] == "::1"
        await peer.welcome()
        await connecting
        link.abort()


async def test_a_connection_that_was_not_to_be_is_known_no_more() -> None:
    async with Ircd() as ircd:
        link = Connection(Diary(), (Server(host=ircd.host, port=ircd.port),), LINK)
        link.idents = idents = Idents()
        connecting = asyncio.create_task(link.connect())
        peer = await ircd.accept()
        host, port = peer.address
        wire = Wire(local=host, local_port=port, remote=ircd.host, remote_port=ircd.port)
        assert idents.name(wire) == "bridge"
        peer.send("ERROR :Closing Link: you are banned")
        with pytest.raises(Refused):
            await connecting
        assert idents.name(wire) == ""


@pytest.mark.parametrize(
    ("bind", "words"),
    [("192.0.2.7", ""), ("2001:db8::1", "has no address that can be reached from 2001:db8::1")],
)
async def test_an_address_that_cannot_be_come_from_is_named(bind: str, words: str) -> None:
    with pytest.raises(Refused) as refused:
        await dial(Server(host="127.0.0.1", port=free_port(), bind=bind), nothing)
    assert refused.value.kind is Kind.NETWORK
    assert words in refused.value.reason
