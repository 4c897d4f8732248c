"""The bridge as a process of its own, started, stopped and killed as an operator or a power cut would."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import msgspec

from bridge.demo.processes import StartError, cpu_seconds, resident

READY = "linkspan: ready"


class Ended(msgspec.Struct, frozen=True):
    """How a command of the program ended."""

    status: int
    output: str
    errors: str


class Program:
    """``linkspan run`` with a configuration and a folder of its own; ``async with`` starts and stops it."""

    def __init__(self, config: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="linkspan-program-"))
        self.config = self.folder / "config.toml"
        self.config.write_text(config)
        self.environment: dict[str, str] = {}  # variables that it is given beside ours
        self.before: list[str] = []  # a program that runs it: with other rights, say
        self.lines: list[str] = []  # what it printed on stdout
        self.process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    async def start(self, *, expect: str = READY, patience: float = 60.0) -> None:
        """Start it and return once it prints this line. Raises: StartError with the end of its log."""
        await self.launch()
        assert self._reading is not None
        try:
            async with asyncio.timeout(patience):
                while expect not in self.lines:
                    if self._reading.done():
                        break
                    await asyncio.sleep(0.02)
        except TimeoutError:
            pass
        if expect not in self.lines:
            said = "; ".join(self.lines) or "no word from it"
            msg = f"the bridge does not say {expect!r} ({said}); the end of its log:\n{self.log()[-3000:]}"
            raise StartError(msg)

    async def launch(self) -> None:
        """Start it, and wait for nothing."""
        self.lines = []
        with (self.folder / "linkspan.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self._line("run"),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                cwd=self.folder,
                env={**os.environ, **self.environment},
            )
        assert self.process.stdout is not None
        self._reading = asyncio.create_task(self._read(self.process.stdout))

    async def stop(self) -> int | None:
        """Ask it to end, as a service manager does; returns its exit status."""
        return await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """End it as a power cut would."""
        await self._end(signal.SIGKILL)

    async def restart(self) -> None:
        """Stop it and start it with the same store."""
        await self.stop()
        await self.start()

    def reload(self, config: str) -> None:
        """Give it another configuration and send SIGHUP."""
        assert self.process is not None
        self.config.write_text(config)
        self.process.send_signal(signal.SIGHUP)

    async def command(self, *words: str) -> Ended:
        """Run another command of the program with the same configuration."""
        process = await asyncio.create_subprocess_exec(
            *self._line(*words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self.folder,
            env={**os.environ, **self.environment},
        )
        output, errors = await process.communicate()
        assert process.returncode is not None
        return Ended(status=process.returncode, output=output.decode(), errors=errors.decode())

    def log(self) -> str:
        """Return all that it logged."""
        path = self.folder / "linkspan.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def cpu(self) -> float:
        """Return the CPU seconds that it has used."""
        assert self.process is not None
        return cpu_seconds(self.process.pid)

    def memory(self) -> int:
        """Return its resident memory in bytes."""
        assert self.process is not None
        return resident(self.process.pid)

    def _line(self, *words: str) -> Sequence[str]:
        return [*self.before, sys.executable, "-m", "bridge", *words, "--config", str(self.config)]

    async def _read(self, output: asyncio.StreamReader) -> None:
        while line := await output.readline():
            self.lines.append(line.decode(errors="replace").rstrip())

    async def _end(self, how: signal.Signals) -> int | None:
        process, self.process = self.process, None
        if process is None:
            return None
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(how)
        try:
            async with asyncio.timeout(20):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        if self._reading is not None:
            await self._reading
        return process.returncode
