"""The component on real servers: what each refuses and how it says so, and that nothing of ours makes it close the stream."""

import asyncio
import contextlib

import pytest

from bridge.demo.processes import Server
from bridge.xmpp.wire import stanzas
from bridge.xmpp.wire.component import IqRefused
from tests.support.servers import Ejabberd, Jabberd2, Prosody
from tests.support.xmpp_server import ACCEPT
from tests.support.xmpp_session import running

pytestmark = [pytest.mark.server, pytest.mark.timeout(180)]

DOMAIN = "bridge.localhost"


@pytest.fixture(params=[Prosody, Ejabberd, Jabberd2], ids=lambda kind: kind.name)
async def server(request):
    async with request.param() as there:
        yield there


def on(server: Server, **different):
    """Run a component on this server as it is configured there, but for what is different."""
    return running(server.component_port, **{"domain": DOMAIN, "secret": server.secret, **different})


async def test_all_that_can_happen_to_a_stream(server):
    """One server start for everything that leaves the server as it was: ejabberd needs seconds for one."""
    await shakes_hands_and_reaches_itself(server)
    await says_that_the_secret_is_wrong(server)
    await says_that_the_domain_is_unknown(server)
    await nothing_closes_the_stream(server)
    await huge_bodies_pass(server)
    await an_unknown_address_is_an_error_not_an_end(server)
    await a_client_port_is_recognised(server)
    await a_second_connection(server)
    await comes_back_after_a_restart(server)


async def shakes_hands_and_reaches_itself(server):
    async with on(server) as (component, session):
        await session.up()
        await component.barrier()
        component.send(stanzas.message(f"a@{DOMAIN}/r", DOMAIN, body="to ourselves"))
        await session.until(lambda: session.bodies() == ["to ourselves"])
        assert session.stanzas[0].tag == f"{ACCEPT}message"
        query = "<query xmlns='http://jabber.org/protocol/disco#info'/>"
        answer = await component.iq("get", to=f"bob%net@{DOMAIN}/r", payload=query)  # by way of the server
        identity = answer[0].find("{http://jabber.org/protocol/disco#info}identity")
        assert identity.attrib == {"category": "client", "type": "pc", "name": "net"}


async def says_that_the_secret_is_wrong(server):
    async with on(server, secret="a guess") as (_, session):
        assert f"refuses the secret of {DOMAIN}" in await session.down()


async def says_that_the_domain_is_unknown(server):
    async with on(server, domain="unknown.localhost") as (_, session):
        match server:
            case Prosody():
                assert "the server has no component unknown.localhost" in await session.down()
            case Ejabberd():
                assert "or does not know this component" in await session.down()
            case Jabberd2():  # one secret for all, and whoever has it may be anything
                await session.up()


async def nothing_closes_the_stream(server):
    hostile = "".join(map(chr, range(0x20))) + "\x7f\x85\ufffe\uffff\ud800\ufdd0\U0010ffff\u2028\u202e]]>&'\"<b>"
    async with on(server) as (component, session):
        await session.up()
        for nick in ("a\x01b", "x\u202ey", "☃", "\U0001f642", "a'b\"c<d>&e", "a/b@c", " ", "\n"):
            with contextlib.suppress(ValueError):  # not an address, then: nothing leaves
                component.send(stanzas.message(f"bob%net@{DOMAIN}/{nick}", DOMAIN, body=hostile, id_=hostile))
            with contextlib.suppress(ValueError):
                component.send(
                    stanzas.message(f"{nick}@{DOMAIN}/r", DOMAIN, subject=hostile, extra=stanzas.nick(hostile))
                )
            component.send(stanzas.presence(DOMAIN, f"room@conference.localhost/{nick}", extra=stanzas.muc_join()))
            component.send(stanzas.message(DOMAIN, f"{nick}@localhost/{nick}", body=hostile))
        component.send(f"<message from='{DOMAIN}' to='{DOMAIN}'><body>\x00\x0b\ud800</body></message>")
        await component.barrier()
        assert session.reasons == []
        bodies = {body for body in session.bodies() if body}
        assert any("]]>&'\"<b>" in body and "\x02" not in body for body in bodies)


async def huge_bodies_pass(server):
    async with on(server) as (component, session):
        await session.up()
        component.send(stanzas.message(DOMAIN, DOMAIN, body="x" * 150_000))
        await component.barrier()
        assert session.bodies() == ["x" * 150_000]


async def an_unknown_address_is_an_error_not_an_end(server):
    async with on(server) as (component, session):
        await session.up()
        with pytest.raises(IqRefused):
            await component.iq("get", to="nobody@localhost/nowhere", payload="<ping xmlns='urn:xmpp:ping'/>")
        assert session.reasons == []


async def a_client_port_is_recognised(server):
    async with running(server.port, domain=DOMAIN, secret=server.secret) as (_, session):
        reason = await session.down()
        # jabberd2 looks at the domain first.
        assert "is no component port" in reason or "has no component" in reason


async def a_second_connection(server):
    async with on(server) as (first, session):
        await session.up()
        async with on(server) as (second, other):
            match server:
                case Prosody():
                    assert f"another program is connected to the server as {DOMAIN}" in await other.down()
                case _:
                    await other.up()
                    # They share the domain, and sooner or later one of them gets what the other sent to itself.
                    async with asyncio.timeout(60):
                        await told_of_split(first, second)
        assert session.reasons == []


async def told_of_split(first, second):
    while not (first.split or second.split):
        for component in (first, second):
            if component.connected():
                with contextlib.suppress(IqRefused, TimeoutError):
                    await asyncio.wait_for(component.barrier(), 0.2)


async def comes_back_after_a_restart(server):
    async with on(server) as (component, session):
        await session.up()
        await server.stop()
        assert await session.down() != ""
        await server.start()
        await session.up(2)
        await component.barrier()
