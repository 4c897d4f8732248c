"""The scripted server does to a bare socket what real servers do."""

import asyncio
import hashlib
import re

import pytest

from tests.support.xmpp_server import XmppServer

HEADER = "<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' to='{domain}'>"


async def dialogue(server, *, domain="bridge.example.org", secret="secret", then=""):
    """Shake hands, say something, return all that was answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(HEADER.format(domain=domain).encode())
    answered = await reader.readuntil(b">")
    while b"<stream:stream" not in answered:
        answered += await reader.readuntil(b">")
    found = re.search(rb" id='([^']*)'", answered)
    digest = hashlib.sha1(found[1] + secret.encode()).hexdigest()
    writer.write(f"<handshake>{digest}</handshake>{then}</stream:stream>".encode())
    answered += await reader.read()
    writer.close()
    await writer.wait_closed()
    return answered.decode()


async def test_takes_the_right_secret_and_ends_politely():
    async with XmppServer() as server:
        answered = await dialogue(server)
        assert answered.endswith("<handshake/></stream:stream>")
        assert (await server.component()).accepted


@pytest.mark.parametrize(
    ("how", "condition"), [({"secret": "wrong"}, "not-authorized"), ({"domain": "other.example.org"}, "host-unknown")]
)
async def test_refuses_what_is_wrong(how, condition):
    async with XmppServer() as server:
        assert f"<stream:error><{condition} " in await dialogue(server, **how)


async def test_refuses_a_second_connection():
    async with XmppServer() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(HEADER.format(domain=server.domain).encode())
        await reader.readuntil(b"id='")
        sid = (await reader.readuntil(b"'"))[:-1]
        writer.write(f"<handshake>{hashlib.sha1(sid + b'secret').hexdigest()}</handshake>".encode())
        await server.component()
        assert "<conflict " in await dialogue(server)
        writer.close()
        await writer.wait_closed()


async def test_writes_as_jabberd2_does():
    async with XmppServer(client_namespace=True) as server:
        answered = await dialogue(server, then="<iq to='bridge.example.org' from='bridge.example.org' id='1'/>")
        assert "<iq xmlns='jabber:client'" in answered


async def test_talks_nonsense():
    async with XmppServer(greeting=b"220 mail.example.org ESMTP\r\n") as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(HEADER.encode())
        assert await reader.readline() == b"220 mail.example.org ESMTP\r\n"
        writer.close()
        await writer.wait_closed()
