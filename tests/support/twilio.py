"""A faithful Twilio: takes messages as its API documents them, with the limits and errors of the real one, and calls back signed.

Written from the documentation of the Messages resource; its signature is made here anew, so that ours is checked by another hand.
"""

import base64
import hashlib
import hmac
import itertools
import re
from typing import Self
from urllib.parse import urlencode

from aiohttp import web

from bridge.connector import Request
from bridge.demo.processes import free_port

ACCOUNT, TOKEN = "AC0123456789abcdef0123456789abcdef", "4f2c9e1b7a6d8035"
_NUMBER = re.compile(r"\+[1-9]\d{6,14}")

_MESSAGES = {
    20003: "Authenticate",
    20429: "Too Many Requests",
    21211: "The 'To' number is not a valid phone number.",
    21602: "Message body is required.",
    21603: "A 'From' phone number is required.",
    21610: "Attempt to send to unsubscribed recipient",
    21617: "The concatenated message body exceeds the 1600 character limit.",
    21623: "Number of media files exceeds allowed limit",
}


class Twilio:
    """One account."""

    def __init__(self) -> None:
        self.port = free_port()
        self.messages: list[dict[str, str]] = []
        self.media: list[list[str]] = []
        self.unsubscribed: set[str] = set()
        self.busy = 0  # so many requests are answered with 429
        self.files: dict[str, bytes] = {}
        self._sids = itertools.count(1)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        app = web.Application()
        base = f"/2010-04-01/Accounts/{ACCOUNT}"
        app.router.add_get(f"{base}.json", self._account)
        app.router.add_post(f"{base}/Messages.json", self._create)
        app.router.add_get(f"{base}/Messages/{{message}}/Media/{{name}}", self._file)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def file(self, name: str, data: bytes) -> str:
        """Keep a file that a telephone has sent; return its URL."""
        self.files[name] = data
        return f"{self.url}/2010-04-01/Accounts/{ACCOUNT}/Messages/MM1/Media/{name}"

    async def _account(self, request: web.Request) -> web.Response:
        return web.json_response({"sid": ACCOUNT}) if _known(request) else _error(401, 20003, "Authenticate")

    async def _file(self, request: web.Request) -> web.Response:
        data = self.files.get(request.match_info["name"])
        if not _known(request):
            return _error(401, 20003, "Authenticate")
        return (
            web.Response(body=data, content_type="image/png") if data is not None else _error(404, 20404, "Not found")
        )

    async def _create(self, request: web.Request) -> web.Response:
        form = await request.post()
        said = {name: str(value) for name, value in form.items()}
        media = [str(value) for value in form.getall("MediaUrl", [])]
        refusal = self._refusal(request, said, media)
        if refusal is not None:
            return refusal
        sid = f"SM{next(self._sids):032x}"
        self.messages.append({**said, "sid": sid})
        self.media.append(media)
        return web.json_response({"sid": sid, "status": "queued", "num_segments": "1"}, status=201)

    def _refusal(self, request: web.Request, said: dict[str, str], media: list[str]) -> web.Response | None:
        number = said.get("To", "")
        wrong = {
            20003: not _known(request),
            20429: bool(self.busy),
            21211: not _NUMBER.fullmatch(number),
            21603: not said.get("From") and not said.get("MessagingServiceSid"),
            21602: not said.get("Body") and not media,
            21617: len(said.get("Body", "")) > 1600,
            21623: len(media) > 10,
            21610: number in self.unsubscribed,
        }
        code = next((code for code, so in wrong.items() if so), None)
        if code is None:
            return None
        self.busy = max(0, self.busy - 1)
        return _error({20003: 401, 20429: 429}.get(code, 400), code, _MESSAGES[code])


def _known(request: web.Request) -> bool:
    wanted = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
    return request.headers.get("Authorization", "") == f"Basic {wanted}"


def _error(status: int, code: int, message: str) -> web.Response:
    return web.json_response({"code": code, "message": message, "status": status}, status=status)


def callback(url: str, **fields: str) -> Request:
    """Return what Twilio posts to a URL, signed."""
    signed = url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    signature = base64.b64encode(hmac.new(TOKEN.encode(), signed.encode(), hashlib.sha1).digest()).decode()
    path, _, query = url.removeprefix("https://bridge.example.org").partition("?")
    headers = (("content-type", "application/x-www-form-urlencoded"), ("x-twilio-signature", signature))
    return Request(
        method="POST", path=path, query=query, headers=headers, body=urlencode(fields).encode(), remote="127.0.0.1"
    )
