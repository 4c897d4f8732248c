"""A program in a terminal of its own, under tmux: keys go in, and what stands on the screen is read."""

import asyncio
import os
import shlex
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from bridge.demo.processes import program, until

PATIENCE = 15.0


class Terminal:
    """A terminal of 120 by 40; ``async with`` starts the program in it and ends it."""

    def __init__(self, name: str, *, columns: int = 120, rows: int = 40) -> None:
        self.name = name
        self.folder = Path(tempfile.mkdtemp(prefix=f"linkspan-{name}-"))
        self._size = ["-x", str(columns), "-y", str(rows)]

    def command(self) -> Sequence[str]:
        """Write what the program needs, and return its command line."""
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        """Return variables to set for the program: by default everything is kept in the folder."""
        home = str(self.folder)
        return {
            "HOME": home,
            "XDG_CONFIG_HOME": f"{home}/config",
            "XDG_DATA_HOME": f"{home}/data",
            "XDG_CACHE_HOME": f"{home}/cache",
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
        }

    async def start(self) -> None:
        """Start the program."""
        words = ["env", *(f"{name}={value}" for name, value in self.environment().items()), *self.command()]
        options = self.folder / "tmux.conf"
        options.write_text("set -g default-terminal tmux-256color\nset -g status off\nset -g remain-on-exit on\n")
        await self._tmux("-f", str(options), "new-session", "-d", *self._size, shlex.join(words))

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            print(f"---- the screen of {self.name} ----", await self.screen(), sep="\n")
        await self._tmux("kill-server")
        shutil.rmtree(self.folder, ignore_errors=True)

    async def type(self, line: str) -> None:
        """Type a line, and the return key."""
        await self._tmux("send-keys", "-l", line)
        await self._tmux("send-keys", "Enter")

    async def press(self, *keys: str) -> None:
        """Press keys, by tmux's names: ``Tab``, ``C-n``, ``M-1``; letters as they are."""
        await self._tmux("send-keys", *keys)

    async def screen(self, *, colours: bool = False) -> str:
        """Return what stands on the screen; with the terminal's codes where colours are wanted."""
        return await self._tmux("capture-pane", "-p", *(["-e"] if colours else []))

    async def shows(self, *texts: str, patience: float = PATIENCE) -> str:
        """Wait until these stand on the screen, and return it."""
        return await self.see(lambda screen: all(text in screen for text in texts), " and ".join(texts), patience)

    async def see(self, condition: Callable[[str], bool], what: str, patience: float = PATIENCE) -> str:
        """Wait for a screen. Raises: TimeoutError that says what was awaited."""
        screen = ""

        async def so() -> bool:
            nonlocal screen
            screen = await self.screen()
            return condition(screen)

        await until(so, patience=patience, what=f"{self.name} shows {what}", pause=0.1)
        return screen

    async def _tmux(self, *words: str) -> str:
        process = await asyncio.create_subprocess_exec(
            program("tmux", package="tmux"),
            "-S",
            str(self.folder / "tmux"),
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
        output, _ = await process.communicate()
        return output.decode(errors="replace")
