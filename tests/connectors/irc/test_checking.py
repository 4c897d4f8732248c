"""``linkspan check`` for an IRC network: what works, what does not, and what to do about it."""

import asyncio

import pytest

from bridge.connector import PuppetSettings, Setup
from bridge.core.ids import Network, RoomId
from bridge.demo.people import IrcPerson
from connectors.irc.config import IrcSettings
from connectors.irc.connector import build
from tests.support.ircd import Ircd
from tests.support.servers import InspIRCd, Ngircd


def connector(port, **settings):
    settings = IrcSettings(host="127.0.0.1", port=port, tls=False, **settings)
    return build(
        Setup(network=Network("irc"), settings=settings, puppets=PuppetSettings(), instance="test", version="0")
    )


async def check(port, *rooms, **settings):
    found = await connector(port, **settings).check([RoomId(room) for room in rooms])
    return {finding.subject: finding for finding in found}


@pytest.mark.server
@pytest.mark.parametrize("make", [InspIRCd, Ngircd], ids=["inspircd", "ngircd"])
async def test_rights_in_every_room(make):
    async with make() as server, IrcPerson("bob", port=server.port) as bob:
        await bob.join("#bobs")
        await bob.join("#closed")
        bob.send("MODE #closed +i")
        await bob.fence()
        found = await check(server.port, "#bobs", "#closed", "#new", "#a,#b")
        assert {subject: finding.ok for subject, finding in found.items()} == {
            "irc": True,
            "irc:#bobs": True,
            "irc:#closed": False,
            "irc:#new": True,
            "irc:#a,#b": False,
        }
        assert "not as operator" in found["irc:#bobs"].detail
        assert "operator" in found["irc:#bobs"].hint
        assert "as operator" in found["irc:#new"].detail
        assert "invitation" in found["irc:#closed"].detail
        assert ("echo-message" in found["irc"].detail) == (make is Ngircd)  # what is missing is named
        await bob.line(":linkspan!", " QUIT ")


async def test_a_server_that_does_not_answer():
    async with Ircd() as ircd:
        port = ircd.port
    found = await check(port, "#dev")
    assert list(found) == ["irc"]
    assert not found["irc"].ok
    assert found["irc"].hint == "check host, port and the network between"


async def test_a_taken_nick_is_a_hint():
    async with Ircd() as ircd:
        checking = asyncio.create_task(check(ircd.port))
        peer = await ircd.accept()
        await peer.find("USER")
        peer.user = "linkspan"
        peer.numeric(433, "linkspan", "Nickname is already in use")
        await peer.find("NICK linkspan_")
        peer.nick = "linkspan_"
        peer.introduce()
        peer.send(f":irc.test PONG x :{(await peer.find('PING after')).partition(' ')[2]}")
        await peer.find("QUIT")
        peer.close()
        found = (await checking)["irc"]
        assert found.ok
        assert "taken" in found.hint
