"""An owner of IRC connections that writes down what it is told, and lets a test wait for it."""

import asyncio

PATIENCE = 20.0
"""Seconds after which what is not told is a failure; never waited for by a test that passes."""


class Diary:
    """Entries are ("up", nick), ("down", kind, reason), ("nick", old, new) and (COMMAND, *params)."""

    def __init__(self):
        self.entries = []
        self.lines = []
        self._news = asyncio.Event()

    def _write(self, *entry):
        self.entries.append(entry)
        self._news.set()

    def up(self, connection):
        self._write("up", connection.nick)

    def down(self, connection, failure):
        self._write("down", failure.kind, failure.reason)

    def line(self, connection, line):
        self.lines.append(line)
        self._write(line.command, *line.params)

    def nick(self, connection, old, new):
        self._write("nick", old, new)

    async def told(self, *entry):
        """Wait until an entry begins like this, and return it."""
        seen = 0
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    for found in self.entries[seen:]:
                        seen += 1
                        if found[: len(entry)] == entry:
                            return found
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"{entry} is not among {self.entries[-30:]}") from None

    def since(self, *entry):
        """Return what was written after an entry."""
        return self.entries[self.entries.index(entry) + 1 :]
