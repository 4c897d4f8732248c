"""Reading from URLs that strangers give: nowhere behind the public Internet, not by redirect, not by a name that changes."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from bridge.connector import Unreadable
from bridge.core.addresses import parse_range
from bridge.web.fetch import Web
from bridge.web.server import Listener

PNG = b"\x89PNG" * 5_000


class Names(AbstractResolver):
    """Says what a test wants it to say; each answer of a list once."""

    def __init__(self, **names: list[str]) -> None:
        self.names = {name.replace("_", "."): list(answers) for name, answers in names.items()}

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[ResolveResult]:
        address = self.names[host].pop(0) if len(self.names[host]) > 1 else self.names[host][0]
        return [ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        pass


class Site:
    """An HTTP server that counts who comes."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.put: dict[str, tuple[bytes, str]] = {}
        self.port = 0

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self.answer)
        return application

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        if request.method == "PUT":
            self.put[request.path] = (await request.read(), request.headers.get("Authorization", ""))
            return web.Response(status=403 if "refused" in request.path else 201)
        match request.path.split("/"):
            case ["", "to", place]:
                raise web.HTTPFound({"meta": "http://169.254.169.254/x", "file": "/files/a.png"}.get(place, place))
            case ["", "around"]:
                raise web.HTTPFound("/around")
            case ["", "zip"]:
                return web.Response(body=b"x", headers={"Content-Encoding": "gzip"})
            case ["", "gone"]:
                raise web.HTTPNotFound
            case ["", "broken"]:
                response = web.StreamResponse(headers={"Content-Length": "100"})
                await response.prepare(request)
                await response.write(b"only this")
                assert request.transport is not None
                request.transport.abort()
                return response
            case _:
                told = {"Content-Disposition": 'attachment; filename="ship.png"'} if "named" in request.path else {}
                return web.Response(body=PNG, content_type="image/png", headers=told)


@pytest.fixture
async def there() -> AsyncIterator[Site]:
    site = Site()
    listener = Listener(key="test", host="127.0.0.1", port=0, application=site.application())
    await listener.start()
    site.port = listener.port
    yield site
    await listener.stop()


@asynccontextmanager
async def reader(*allowed: str, **names: list[str]) -> AsyncIterator[Web]:
    web_ = Web(allowed=tuple(map(parse_range, allowed)), resolver=lambda: Names(**names))
    try:
        yield web_
    finally:
        await web_.close()


async def refusal(web_: Web, url: str) -> str:
    try:
        async with web_.open(url) as file:
            async for _ in file.chunks:
                pass
    except Unreadable as unreadable:
        return unreadable.reason
    return "it was read"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/a",
        "http://[::1]:{port}/a",
        "http://[::ffff:127.0.0.1]:{port}/a",
        "http://localhost:{port}/a",
        "http://rebound.example:{port}/a",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1:{port}/a",
        "http://0.0.0.0:{port}/a",
    ],
)
async def test_no_private_address_is_asked(there: Site, url: str):
    async with reader(localhost=["127.0.0.1"], rebound_example=["127.0.0.1"]) as web_:
        reason = await refusal(web_, url.format(port=there.port))
    assert reason == "this address is not on the public Internet"
    assert there.asked == []


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "017700000001"])
async def test_no_other_spelling_of_a_private_address_is_asked(there: Site, host: str):
    web_ = Web()
    try:
        await refusal(web_, f"http://{host}:{there.port}/a")
    finally:
        await web_.close()
    assert there.asked == []


async def test_the_connection_goes_to_the_address_that_was_looked_at(there: Site):
    """A name that answers well first and badly later is asked once."""
    async with reader("127.0.0.1", twice_example=["127.0.0.1", "10.9.9.9"]) as web_:
        async with web_.open(f"http://twice.example:{there.port}/files/a.png") as file:
            assert b"".join([chunk async for chunk in file.chunks]) == PNG
        reason = await refusal(web_, f"http://twice.example:{there.port}/files/a.png")
    assert reason == "this address is not on the public Internet"


async def test_a_redirect_is_looked_at_like_any_url(there: Site):
    async with reader("127.0.0.1") as web_:
        url = f"http://127.0.0.1:{there.port}"
        assert await refusal(web_, f"{url}/to/meta") == "this address is not on the public Internet"
        assert await refusal(web_, f"{url}/around") == "it leads from one address to the next without end"
        async with web_.open(f"{url}/to/file") as file:
            assert (file.media_type, file.size, file.name) == ("image/png", len(PNG), "a.png")


async def test_the_upload_service_may_be_anywhere_but_nothing_beside_it(there: Site):
    url = f"http://127.0.0.1:{there.port}"
    async with reader() as web_:
        web_.trust(f"{url}/files/")
        async with web_.open(f"{url}/files/named.png") as file:
            assert file.name == "ship.png"
        for path in ("/other", "/files/../other", "/files/%2e%2e/other", "/filesystem"):
            assert await refusal(web_, f"{url}{path}") == "this address is not on the public Internet", path
        assert web_.trusted(f"{url}/files/a.png")
        assert not any(map(web_.trusted, (f"{url}/other", "nonsense", "http://[", "https://x.example/files/")))
        web_.trust("http://127.0.0.1")
        web_.trust("nonsense")
        assert await refusal(web_, f"{url}/other") == "this address is not on the public Internet"
    assert there.asked == ["/files/named.png"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/gone", "it is gone"), ("/zip", "it comes compressed"), ("/broken", "it broke off: ClientPayloadError")],
)
async def test_what_went_wrong_is_said_without_the_address(there: Site, path: str, reason: str):
    async with reader("127.0.0.1") as web_:
        assert await refusal(web_, f"http://127.0.0.1:{there.port}{path}") == reason


@pytest.mark.parametrize(
    "url", ["ftp://x.example/a", "http:///a", "http://u:p@x.example/a", "nonsense", "http://x:99999/"]
)
async def test_what_is_no_url_is_refused(url: str):
    async with reader() as web_:
        assert await refusal(web_, url) == "this is no address that files are fetched from"


async def test_names_under_localhost_are_this_machine_for_the_upload_service_alone(there: Site):
    async with reader(upload_localhost=["127.0.0.1"]) as web_:
        url = f"http://upload.localhost:{there.port}"
        assert await refusal(web_, f"{url}/files/a.png") == "this address is not on the public Internet"
        web_.trust(f"{url}/files/")
        assert await refusal(web_, f"{url}/files/a.png") == "it was read"


async def test_a_file_is_put_where_the_service_says(there: Site):
    async def data() -> AsyncIterator[bytes]:
        yield PNG[:100]
        await asyncio.sleep(0)
        yield PNG[100:]

    url = f"http://127.0.0.1:{there.port}"
    async with reader() as web_:
        told = {"Authorization": "Bearer x"}
        await web_.put(f"{url}/slot/a%20b.png", told, chunks=data(), size=len(PNG), kind="image/png")
        assert there.put == {"/slot/a b.png": (PNG, "Bearer x")}
        with pytest.raises(Unreadable, match="the upload service said 403"):
            await web_.put(f"{url}/refused", {}, chunks=data(), size=len(PNG), kind="image/png")
