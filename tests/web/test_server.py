"""A listener gets its address, or says in one sentence why not."""

import socket

import aiohttp
import pytest
from aiohttp import web

from bridge.web.ports import CannotListen
from bridge.web.server import Listener


def listener(port: int, host: str = "127.0.0.1") -> Listener:
    return Listener(key="http.admin_listen", host=host, port=port, application=web.Application())


async def test_it_serves_until_it_is_stopped() -> None:
    served = listener(0)
    await served.start()
    url = f"http://127.0.0.1:{served.port}/"
    async with aiohttp.ClientSession() as session:
        async with session.get(url) as response:
            assert response.status == 404
        await served.stop()
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(url)


async def test_an_address_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(CannotListen) as caught:
            await listener(port).start()
    assert str(caught.value) == (
        f"http.admin_listen: cannot listen on 127.0.0.1:{port}: another program uses this address already"
    )


async def test_an_address_of_another_machine() -> None:
    with pytest.raises(CannotListen, match=r"192\.0\.2\.1:8081: this machine has no such address$"):
        await listener(8081, "192.0.2.1").start()
