"""The public listener, on a real socket: who answers, what is refused, and how little is said about it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from bridge.connector import Answer, Request, Route, Serves, StoreAway
from bridge.core.addresses import parse_range
from bridge.web import public
from bridge.web.proxies import Proxies
from bridge.web.public import PublicSite
from bridge.web.server import Listener

POST = frozenset({"POST", "PUT"})
Act = Callable[[Request], Awaitable[Answer | None]]


class Network:
    """Answers under one prefix, and remembers what it was asked."""

    def __init__(
        self, prefix: str, *, says: bytes | None = b"ok", methods: frozenset[str] = POST, largest: int = 1000
    ) -> None:
        self.routes = (Route(prefix=prefix, methods=methods, largest=largest),)
        self.says = says
        self.asked: list[Request] = []
        self.act: Act | None = None

    async def serve(self, request: Request) -> Answer | None:
        self.asked.append(request)
        if self.act is not None:
            return await self.act(request)
        return None if self.says is None else Answer(status=202, body=self.says)


class Wire:
    """A site on a socket, and raw requests to it."""

    def __init__(self) -> None:
        self.site = PublicSite()
        self._listener: Listener | None = None

    async def open(self) -> None:
        self._listener = Listener(key="http.listen", host="127.0.0.1", port=0, application=self.site.server())
        await self._listener.start()

    async def close(self) -> None:
        if self._listener is not None:
            await self._listener.stop()

    def serves(self, **served: Serves) -> None:
        self.site.serve(served)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        assert self._listener is not None
        return await asyncio.open_connection("127.0.0.1", self._listener.port)

    async def ask(self, head: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
        """Send one request by hand, with a Content-Length unless the head brings its own; return the answer."""
        reader, writer = await self.connect()
        lines = head.split("\n")
        if not any(line.lower().startswith(("content-length", "transfer-encoding")) for line in lines):
            lines.append(f"Content-Length: {len(body)}")
        writer.write("\r\n".join([lines[0], "Host: x", "Connection: close", *lines[1:], "", ""]).encode() + body)
        answer = await read(reader)
        writer.close()
        return answer


async def read(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    return int(first.split()[1]), headers, await reader.read()


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    wire = Wire()
    await wire.open()
    yield wire
    await wire.close()


async def test_a_request_arrives_as_it_was_sent(wire: Wire) -> None:
    hooks = Network("/hooks/")
    wire.serves(ci=hooks)
    head = "POST /hooks/a%2Fb/c%20d?x=1&y=%00 HTTP/1.1\nX-Thing: one\nx-thing: zwei ü\nContent-Type: text/plain"
    status, headers, body = await wire.ask(head, b"\x00\xff{}")
    assert (status, body) == (202, b"ok")
    (asked,) = hooks.asked
    assert (asked.method, asked.path, asked.query, asked.body) == (
        "POST",
        "/hooks/a%2Fb/c%20d",
        "x=1&y=%00",
        b"\x00\xff{}",
    )
    assert [value for name, value in asked.headers if name == "x-thing"] == ["one", "zwei ü"]
    assert asked.remote == "127.0.0.1"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert "python" not in headers["server"].lower()


async def test_networks_with_one_prefix_are_asked_in_turn_and_the_longest_prefix_first(wire: Wire) -> None:
    first, second, deeper = Network("/hooks/", says=None), Network("/hooks/", says=b"second"), Network("/hooks/deep/")
    wire.serves(first=first, second=second, deeper=deeper)
    assert (await wire.ask("POST /hooks/x HTTP/1.1"))[2] == b"second"
    assert (await wire.ask("POST /hooks/deep/x HTTP/1.1"))[2] == b"ok"
    assert [len(each.asked) for each in (first, second, deeper)] == [1, 1, 1]
    second.says = None
    deeper.says = None
    assert (await wire.ask("POST /hooks/deep/x HTTP/1.1"))[0] == 404


@pytest.mark.parametrize(
    ("head", "status", "detail"),
    [
        ("POST / HTTP/1.1", 404, "there is nothing here"),
        ("POST /hooks HTTP/1.1", 404, "there is nothing here"),
        ("GET /favicon.ico HTTP/1.1", 404, "there is nothing here"),
        ("GET /hooks/x HTTP/1.1", 405, "GET is not possible here"),
        ("DELETE /hooks/x HTTP/1.1", 405, "DELETE is not possible here"),
        ("PROPFIND /hooks/x HTTP/1.1", 405, "PROPFIND is not possible here"),
        ("POST /hooks/x HTTP/1.1\nContent-Length: 1001", 413, "the body is larger than 1000 bytes"),
        ("POST /hooks/x HTTP/1.1\nContent-Encoding: gzip", 415, "a compressed body is not read here"),
        ("OPTIONS * HTTP/1.1", 400, "this is no path"),
    ],
)
async def test_what_is_refused(wire: Wire, head: str, status: int, detail: str) -> None:
    hooks = Network("/hooks/")
    wire.serves(ci=hooks)
    got, headers, body = await wire.ask(head)
    document = json.loads(body)
    assert (got, document["status"], document["detail"]) == (status, status, detail)
    assert headers["content-type"].startswith("application/problem+json")
    assert ("allow" in headers) == (status == 405)
    assert hooks.asked == []


async def test_head_and_options(wire: Wire) -> None:
    pages = Network("/media/", methods=frozenset({"GET"}))
    wire.serves(pages=pages, ci=Network("/hooks/"))
    status, headers, body = await wire.ask("HEAD /media/x HTTP/1.1")
    assert (status, headers["content-length"], body) == (202, "2", b"")
    assert pages.asked[0].method == "HEAD"
    status, headers, _ = await wire.ask("OPTIONS /media/x HTTP/1.1")
    assert (status, headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    assert (await wire.ask("OPTIONS /hooks/x HTTP/1.1"))[1]["allow"] == "OPTIONS, POST, PUT"


async def test_a_body_without_a_length_is_bounded_while_it_is_read(wire: Wire) -> None:
    hooks = Network("/hooks/")
    wire.serves(ci=hooks)
    reader, writer = await wire.connect()
    writer.write(b"POST /hooks/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    writer.write(b"3e8\r\n" + b"a" * 1000 + b"\r\n" + b"1\r\nb\r\n")  # one byte too many, and no end
    assert (await read(reader))[0] == 413
    writer.close()
    assert hooks.asked == []
    chunked = "POST /hooks/x HTTP/1.1\nTransfer-Encoding: chunked"
    assert (await wire.ask(chunked, b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"))[0] == 202
    assert hooks.asked[0].body == b"abc"


async def test_networks_have_bounds_of_their_own(wire: Wire) -> None:
    small, large = Network("/hooks/", largest=10, says=None), Network("/hooks/", largest=20)
    wire.serves(small=small, large=large)
    assert (await wire.ask("POST /hooks/x HTTP/1.1", b"a" * 15))[0] == 202
    assert (len(small.asked), len(large.asked)) == (0, 1)
    large.says = None
    assert (await wire.ask("POST /hooks/x HTTP/1.1", b"a" * 15))[0] == 413


async def test_who_expects_to_be_asked_for_the_body_is_asked_only_if_it_is_wanted(wire: Wire) -> None:
    wire.serves(ci=Network("/hooks/"))
    reader, writer = await wire.connect()
    writer.write(b"POST /hooks/x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"abc")
    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 202")
    writer.close()
    answer = await wire.ask("POST /hooks/x HTTP/1.1\nExpect: 100-continue\nContent-Length: 5000")
    assert answer[0] == 413


async def test_a_bug_is_no_answer_s_business(wire: Wire, caplog: pytest.LogCaptureFixture) -> None:
    async def crash(_: Request) -> Answer:
        msg = "the secret is 42"
        raise KeyError(msg)

    hooks = Network("/hooks/")
    hooks.act = crash
    wire.serves(ci=hooks)
    status, _, body = await wire.ask("POST /hooks/s3cr3t-token HTTP/1.1\nAccept: text/html", b"x")
    assert status == 500
    assert json.loads(body)["detail"] == "something is wrong here"
    assert "public.crashed network=ci" in caplog.text
    assert "s3cr3t-token" not in caplog.text


async def test_a_store_that_is_away(wire: Wire) -> None:
    async def away(_: Request) -> Answer:
        msg = "the disk is full"
        raise StoreAway(msg)

    hooks = Network("/hooks/")
    hooks.act = away
    wire.serves(ci=hooks)
    status, headers, body = await wire.ask("POST /hooks/x HTTP/1.1")
    assert (status, headers["retry-after"], json.loads(body)["detail"]) == (503, "2", "the disk is full")


async def test_who_is_too_slow_is_answered_or_cut_off(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public, "BODY_WITHIN", 0.05)
    monkeypatch.setattr(public, "ANSWER_WITHIN", 0.05)

    async def never(_: Request) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError

    hooks = Network("/hooks/")
    wire.serves(ci=hooks)
    assert (await wire.ask("POST /hooks/x HTTP/1.1\nContent-Length: 10", b"abc"))[0] == 408
    assert hooks.asked == []
    hooks.act = never
    assert (await wire.ask("POST /hooks/x HTTP/1.1"))[0] == 503


async def test_a_head_that_does_not_come_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public, "IDLE", 0.05)
    wire = Wire()
    await wire.open()
    wire.serves(ci=Network("/hooks/"))
    reader, writer = await wire.connect()
    writer.write(b"POST /hooks/x HTTP/1.1\r\nX-Slow: ")
    assert await reader.read() == b""
    writer.close()
    await wire.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n",
        b"POST /hooks/x HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 20_000 + b"\r\n\r\n",
        b"POST /hooks/x HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 500 + b"\r\n",
        b"POST /hooks/x HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /hooks/x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /hooks/x HTTP/1.1\r\nHost: x\r\nX\x00Y: a\r\n\r\n",
        b"POST /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_answered_with_400_and_leaves_the_log_alone(
    wire: Wire, caplog: pytest.LogCaptureFixture, sent: bytes
) -> None:
    hooks = Network("/hooks/")
    wire.serves(ci=hooks)
    reader, writer = await wire.connect()
    writer.write(sent)
    status, _, body = await read(reader)
    writer.close()
    assert status == 400
    assert b"Traceback" not in body
    assert hooks.asked == []
    assert caplog.text == ""


async def test_one_address_cannot_take_all_places(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public, "MOST_OF_ONE", 2)
    wire.site.proxies = Proxies(trusted=(parse_range("127.0.0.1"),))
    arrived, go = asyncio.Semaphore(0), asyncio.Event()

    async def wait(_: Request) -> Answer:
        arrived.release()
        await go.wait()
        return Answer()

    hooks = Network("/hooks/")
    hooks.act = wait
    wire.serves(ci=hooks)
    head = "POST /hooks/x HTTP/1.1\nX-Forwarded-For: "
    busy = [asyncio.create_task(wire.ask(head + "198.51.100.1")) for _ in range(2)]
    for _ in busy:
        await arrived.acquire()
    status, headers, _ = await wire.ask(head + "198.51.100.1")
    assert (status, headers["retry-after"]) == (503, "2")
    other = asyncio.create_task(wire.ask(head + "198.51.100.2"))
    await arrived.acquire()
    go.set()
    assert [answer[0] for answer in await asyncio.gather(*busy, other)] == [200, 200, 200]
    assert (await wire.ask(head + "198.51.100.1"))[0] == 200
    assert {asked.remote for asked in hooks.asked} == {"198.51.100.1", "198.51.100.2"}


async def test_what_is_held_is_bounded_and_given_back(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public, "HELD", 1500)
    arrived, go = asyncio.Event(), asyncio.Event()

    async def wait(_: Request) -> Answer:
        arrived.set()
        await go.wait()
        return Answer()

    hooks = Network("/hooks/")
    hooks.act = wait
    wire.serves(ci=hooks)
    busy = asyncio.create_task(wire.ask("POST /hooks/x HTTP/1.1", b"a" * 1000))
    await arrived.wait()
    status, headers, _ = await wire.ask("POST /hooks/x HTTP/1.1", b"a" * 1000)
    assert (status, headers["retry-after"]) == (503, "2")
    go.set()
    assert (await busy)[0] == 200
    assert (await wire.ask("POST /hooks/x HTTP/1.1", b"a" * 1000))[0] == 200


async def test_connections_that_say_nothing_do_not_keep_others_out(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public, "CONNECTIONS", 3)
    wire.serves(ci=Network("/hooks/"))
    idle = [await wire.connect() for _ in range(3)]
    assert (await wire.ask("POST /hooks/x HTTP/1.1"))[0] == 202
    with contextlib.suppress(ConnectionResetError):  # the one that was there longest had to go
        assert await idle[0][0].read() == b""
    for _, writer in idle:
        writer.close()


async def test_an_answer_cannot_split_its_head(wire: Wire) -> None:
    async def splits(_: Request) -> Answer:
        return Answer(headers=(("Location", "/x\r\nSet-Cookie: a=b"),))

    hooks = Network("/hooks/")
    hooks.act = splits
    wire.serves(ci=hooks)
    reader, writer = await wire.connect()
    writer.write(b"POST /hooks/x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    assert b"Set-Cookie" not in await reader.read()
    writer.close()
