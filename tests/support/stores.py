"""Stores in other processes, and after them."""

import asyncio
import subprocess
import sys

from bridge.engine.ports import StoreError
from bridge.storage.store import SqlStore


def running(script: str, url: str) -> "subprocess.Popen[str]":
    """Run Python code with a store's URL as its argument; its output is a pipe."""
    return subprocess.Popen([sys.executable, "-c", script, url], stdout=subprocess.PIPE, text=True)


async def open_again(url: str) -> SqlStore:
    """Open a store whose owner was killed: a file is free at once, PostgreSQL notices in its own time."""
    store = SqlStore(url)
    async with asyncio.timeout(10):
        while True:
            try:
                await store.open()
            except StoreError as refused:
                if "sqlite" in url or "in use" not in str(refused):
                    raise
                await asyncio.sleep(0.01)
            else:
                return store
