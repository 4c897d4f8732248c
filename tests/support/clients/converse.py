"""Converse.js, a client for browsers: its files, served on loopback, and a page of it, used by keyboard and mouse."""

import base64
import json
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

from aiohttp import web

from bridge.demo.processes import StartError, free_port
from tests.support.clients.chromium import Chromium, Page

_WASM = "curve25519_compiled.wasm"
FILES = Path(__file__).parents[3] / ".clients" / "converse.js"


class ConverseSite:
    """A web server with Converse.js; ``/?user=…&password=…`` is the page of a user."""

    def __init__(self, websocket: str, *, domain: str = "localhost", files: Path = FILES) -> None:
        self.port = free_port()
        self._websocket, self._domain, self._files = websocket, domain, files
        if not (files / "dist" / "converse.min.js").exists():
            msg = f"Converse.js is not in {files}; .ci/converse fetches it with npm: apt-get install npm"
            raise StartError(msg)

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/", self._page)
        app.router.add_static("/dist", self._files / "dist")
        app.router.add_get(f"/{_WASM}", self._wasm)  # of its OMEMO, which looks for it beside the page
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def url(self, user: str, password: str, **options: Any) -> str:
        """Return the address at which this user is logged in; ``options`` are Converse's."""
        query = urlencode({"user": user, "password": password, "options": json.dumps(options)})
        return f"http://127.0.0.1:{self.port}/?{query}"

    async def _wasm(self, _: web.Request) -> web.FileResponse:
        return web.FileResponse(self._files / "dist" / _WASM)

    async def _page(self, request: web.Request) -> web.Response:
        options = {
            "authentication": "login",
            "auto_login": True,
            "jid": f"{request.query['user']}@{self._domain}/converse",
            "password": request.query["password"],
            "websocket_url": self._websocket,
            "discover_connection_methods": False,
            "assets_path": "/dist/",
            "view_mode": "fullscreen",
            "theme": "classic",
            "i18n": "en",
            "auto_reconnect": False,
            "persistent_store": "none",
            "play_sounds": False,
            "loglevel": "warn",
            **json.loads(request.query.get("options", "{}")),
        }
        return web.Response(text=_PAGE % json.dumps(options), content_type="text/html")


class Converse(Page):
    """The page of a user who is in one room."""

    def __init__(self, browser: Chromium, site: ConverseSite, user: str, password: str, *, room: str) -> None:
        rooms = [{"jid": room, "nick": user}]
        super().__init__(browser, site.url(user, password, auto_join_rooms=rooms))

    async def entered(self) -> None:
        """Wait until the room can be talked in."""
        await self.until("document.querySelector('converse-muc .chat-textarea')")

    async def say(self, text: str) -> None:
        """Type a line and the return key."""
        await self.until(
            "((area) => { area.focus(); return area.value === '' && document.activeElement === area })"
            "(document.querySelector('converse-muc .chat-textarea'))"
        )
        await self.type(text)
        await self.press("Enter")

    async def shows(self, text: str, *, within: str = "true", nick: str = "") -> None:
        """Wait for a message of the room with just this text, of which ``within`` holds: an expression in ``it``."""
        name = f"it.querySelector('.chat-msg__author')?.innerText.trim() === {json.dumps(nick)}" if nick else "true"
        await self.until(f"{_message(text)}.some((it) => ({within}) && ({name}))")

    async def act(self, text: str, action: str) -> None:
        """Choose something in the menu of the message with this text: ``edit``, ``reply``, ``reaction``, ``retract``."""
        button = f"{_message(text)}.at(-1)?.querySelector('.chat-msg__action-{action}')"
        await self.until(button)
        await self.run(f"{button}.click()")

    async def correct(self, text: str, better: str) -> None:
        """Correct one's own message."""
        await self.act(text, "edit")
        area = "document.querySelector('converse-muc .chat-textarea')"
        await self.until(f"{area}.value === {json.dumps(text)}")
        await self.run(f"({area}.focus(), {area}.select())")
        await self.type(better)
        await self.press("Enter")

    async def react(self, text: str, *, choice: int = 0) -> str:
        """React to a message with one of the emoji that are offered first, and return it."""
        await self.act(text, "reaction")
        item = f"{_message(text)}.at(-1).querySelectorAll('.reaction-picker > .reaction-item')[{choice}]"
        emoji = await self.until(f"{item}?.innerText.trim()")
        await self.run(f"{item}.click()")
        return str(emoji)

    async def share(self, name: str, data: bytes) -> None:
        """Share a picture, as if it were chosen in the dialog of the paper clip."""
        await self.until("document.querySelector('converse-muc .fileupload')")
        await self.run(_SHARE % (json.dumps(name), json.dumps(base64.b64encode(data).decode())))


def _message(text: str) -> str:
    """Return the expression of the messages with just this text."""
    return (
        "[...document.querySelectorAll('converse-chat-message')].filter((message) => "
        f"message.querySelector('.chat-msg__text')?.innerText.trim() === {json.dumps(text)})"
    )


_SHARE = """(async (name, base64) => {
  const bytes = await (await fetch('data:image/png;base64,' + base64)).blob();
  const files = new DataTransfer();
  files.items.add(new File([bytes], name, { type: 'image/png' }));
  const input = document.querySelector('converse-muc .fileupload');
  input.files = files.files;
  input.dispatchEvent(new Event('change', { bubbles: true }));
})(%s, %s)"""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Converse</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="/dist/converse.min.css"></head>
<body class="converse-fullscreen"><div id="conversejs-bg"></div>
<script type="module">
import "/dist/converse.min.js";
window.converse.initialize(%s);
</script></body></html>
"""
