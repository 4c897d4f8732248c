"""Chromium without a window, driven through its DevTools protocol: pages are opened, scripts run, pictures taken."""

import asyncio
import base64
import contextlib
import json
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any, Self

import aiohttp

from bridge.demo.processes import Server, program

PATIENCE = 20.0


class Chromium(Server):
    """A browser with a profile of its own."""

    name = "chromium"

    def __init__(self, *, width: int = 1200, height: int = 900) -> None:
        super().__init__()
        self._size = f"{width},{height}"

    def command(self) -> Sequence[str]:
        """Return the command line; without the sandbox, which root and many containers cannot have: pages are our own."""
        return [
            program("chromium", package="chromium"),
            "--headless=new",
            "--remote-debugging-port=0",
            f"--user-data-dir={self.folder}/profile",
            f"--window-size={self._size}",
            "--no-first-run",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-extensions",
            "--disable-component-update",
            "--disable-background-networking",
            "--disable-sync",
            "--mute-audio",
            "--lang=en",
            "--no-sandbox",
            "about:blank",
        ]

    @property
    def _door(self) -> Path:
        return self.folder / "profile" / "DevToolsActivePort"

    async def ready(self) -> bool:
        """Tell whether it says where its door is."""
        return self._door.exists() and len(self._door.read_text().splitlines()) == 2

    def door(self) -> str:
        """Return the URL of the door."""
        return f"http://127.0.0.1:{self._door.read_text().splitlines()[0]}"


class Page:
    """A page, with what its scripts complain of in :attr:`errors`; ``async with`` opens and closes it."""

    def __init__(self, browser: Chromium, url: str, *, patience: float = PATIENCE) -> None:
        self.errors: list[str] = []
        self._browser, self._url, self._patience = browser, url, patience
        self._ids = count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        session = await self._stack.enter_async_context(aiohttp.ClientSession())
        async with session.put(f"{self._browser.door()}/json/new?about:blank") as answer:
            target = await answer.json()
        self._socket = await self._stack.enter_async_context(
            session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0)
        )
        reading = asyncio.create_task(self._read())
        self._stack.callback(reading.cancel)
        for domain in ("Page", "Runtime", "Log"):
            await self.call(f"{domain}.enable")
        await self.call("Page.navigate", url=self._url)
        await self.until("document.readyState === 'complete'")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def call(self, method: str, **params: Any) -> Any:
        """Call a method of the protocol and return its result. Raises: RuntimeError with its error."""
        mark = next(self._ids)
        waiting = self._waiting[mark] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": mark, "method": method, "params": params})
        async with asyncio.timeout(self._patience + 5):
            answer = await waiting
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    async def run(self, script: str) -> Any:
        """Run an expression, await it if it is a promise, and return its value. Raises: RuntimeError with what it threw."""
        result = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"].get("exception", {}).get("description", str(result)))
        return result["result"].get("value")

    async def until(self, condition: str) -> Any:
        """Wait in the page until an expression is true, and return it. Raises: TimeoutError with the text of the page."""
        value = await self.run(_UNTIL % (int(self._patience * 1000), condition))
        if not value:
            text = await self.run("document.body.innerText")
            raise TimeoutError(f"not in {self._patience:.0f} s: {condition}; the page says:\n{text}")
        return value

    async def type(self, text: str) -> None:
        """Type into what has the focus."""
        await self.call("Input.insertText", text=text)

    async def press(self, key: str) -> None:
        """Press the return key, or another that types nothing."""
        code = {"Enter": 13, "Escape": 27, "Tab": 9}[key]
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            await self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **text)

    async def click(self, element: str) -> None:
        """Wait for an element, an expression, and click on it."""
        await self.until(f"{element}?.checkVisibility()")
        await self.run(f"{element}.click()")

    async def picture(self, path: Path) -> None:
        """Take a picture of the page, as PNG."""
        answer = await self.call("Page.captureScreenshot", format="png")
        await asyncio.to_thread(path.write_bytes, base64.b64decode(answer["data"]))

    async def _read(self) -> None:
        async for message in self._socket:
            told = json.loads(message.data)
            if "id" in told:
                self._waiting.pop(told["id"]).set_result(told)
            else:
                self._note(told["method"], told["params"])

    def _note(self, method: str, params: Any) -> None:
        match method:
            case "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                self.errors.append(details.get("exception", {}).get("description") or details["text"])
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "assert"):
                self.errors.append(" ".join(str(each.get("value", each.get("description"))) for each in params["args"]))
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                entry = params["entry"]
                self.errors.append(f"{entry['text']} ({entry.get('url', '')})")


_UNTIL = """(async () => {
  const end = performance.now() + %d;
  for (;;) {
    const value = (%s);
    if (value || performance.now() > end) return typeof value === 'object' ? Boolean(value) : value;
    await new Promise((next) => {
      const seen = new MutationObserver(() => { seen.disconnect(); next(); });
      seen.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
      setTimeout(() => { seen.disconnect(); next(); }, 250);
    });
  }
})()"""
