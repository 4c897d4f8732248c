"""An HTTP server in a thread, for tests of what asks synchronously."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aiohttp import web

from bridge.web.server import Listener


@contextmanager
def serving(application: Callable[[], web.Application]) -> Iterator[int]:
    """Serve an application, made in the thread, until the block ends; yields the port."""
    loop = asyncio.new_event_loop()
    started: list[Listener] = []
    ready = threading.Event()

    async def start() -> None:
        listener = Listener(key="test", host="127.0.0.1", port=0, application=application())
        await listener.start()
        started.append(listener)
        ready.set()

    def run() -> None:
        loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(started[0].stop())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

    thread = threading.Thread(target=run, name="serving")
    thread.start()
    assert ready.wait(10)
    try:
        yield started[0].port
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
