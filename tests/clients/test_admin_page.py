"""The bridge's own page, opened in a browser: what it shows, and that its scripts have nothing to complain of."""

import pytest
from aiohttp.test_utils import TestServer

from bridge.commands.administering import administering
from bridge.web.admin import Admin
from tests.support.administered import FakeBridge
from tests.support.clients.chromium import Chromium, Page
from tests.support.clients.pictures import PICTURES
from tests.support.commands import known

pytestmark = pytest.mark.server

TOKEN = "s3cr3t-token"


async def test_a_browser_shows_networks_links_queues_and_dead_letters_to_who_has_the_token() -> None:
    bridge = FakeBridge()
    bridge.trouble = {"right": "<b>gone</b>"}
    admin = Admin(bridge, commands=known(*administering(bridge)), token=lambda: TOKEN, version="1.2.3")
    async with TestServer(admin.application()) as server, Chromium() as browser:
        async with Page(browser, str(server.make_url("/"))) as page:
            await page.until("document.getElementById('ready').innerText === 'Not up: right: <b>gone</b>'")
            assert "refused" not in await page.run("document.body.innerText")
            assert [error for error in page.errors if "503" not in error] == []
            page.errors.clear()
            bridge.trouble = {}
            await page.run("document.getElementById('token').focus()")
            await page.type(TOKEN)
            await page.press("Enter")
            await page.until("document.querySelectorAll('#status table').length === 4")
            tables = await page.run(
                "Object.fromEntries([...document.querySelectorAll('#status h2')].map((head) => "
                "[head.innerText, head.nextSibling.innerText.split('\\n').map((row) => row.split('\\t')[0])]))"
            )
            assert tables == {
                "Networks": ["Network", "left", "right"],
                "Links": ["Link", "dev", "dev"],
                "Queues": ["Room", "left:#a", "left:#b"],
                "Dead letters: 3": ["Room", "left:#a", "left:#a", "left:#a"],
            }
            assert await page.run("document.getElementById('ask').hidden")
            await page.picture(PICTURES / "admin-page.png")
            assert page.errors == []
        async with Page(browser, str(server.make_url("/"))) as page:  # another tab
            await page.until("document.getElementById('ready').innerText === 'Everything is up.'")
            await page.run("document.getElementById('token').focus()")
            await page.type("guessed")
            await page.press("Enter")
            await page.until("document.getElementById('trouble').innerText.includes('bearer token')")
            assert not await page.run("document.getElementById('ask').hidden")
