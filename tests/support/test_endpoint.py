"""The endpoint of the tests does what it is told to, and takes down what it gets."""

import asyncio

import pytest

from tests.support.endpoint import Answers, Cuts, Endpoint, GoesOn, Hangs, endpoint

REQUEST = b"POST /hook?a=b HTTP/1.1\r\nHost: x\r\nX-Kind: tide\r\nContent-Length: 2\r\n\r\n{}"


async def connect(there: Endpoint) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", there.port)
    writer.write(REQUEST)
    return reader, writer


async def test_it_takes_down_a_request_and_answers():
    async with endpoint() as there:
        there.then(Answers(429, b"slow", ("Retry-After: 5",)))
        reader, writer = await connect(there)
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 429 So\r\nContent-Length: 4\r\nRetry-After: 5\r\n\r\n"
        assert await reader.readexactly(4) == b"slow"
        writer.write(REQUEST)
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200 ")
        first, second = await there.next(), await there.next()
        assert (first.method, first.path, first.body, first.json) == ("POST", "/hook?a=b", b"{}", {})
        assert first.headers["x-kind"] == "tide"
        assert second == first
        writer.close()


async def test_it_cuts():
    async with endpoint() as there:
        there.always = Cuts()
        reader, writer = await connect(there)
        assert await reader.read() == b""
        writer.close()


async def test_it_says_nothing_for_ever():
    async with endpoint() as there:
        there.always = Hangs()
        reader, writer = await connect(there)
        await there.next()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.05)
        writer.close()


async def test_it_goes_on_without_end():
    async with endpoint() as there:
        there.always = GoesOn()
        reader, writer = await connect(there)
        assert len(await reader.readexactly(1_000_000)) == 1_000_000
        writer.close()
