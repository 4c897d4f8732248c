"""Foreground processes on loopback: own folders, free ports, readiness for sleep; only what was started is stopped.

Used by the demonstration and by the tests; nothing here knows what the processes are.
"""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Self


class StartError(Exception):
    """A server did not start; says which, why, and what to install."""


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on.

    From below the range that the kernel gives to outgoing connections, so that none of ours takes it meanwhile.
    """
    while True:
        port = 10_000 + int.from_bytes(os.urandom(2), "big") % 20_000
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def program(name: str, *, package: str) -> str:
    """Return the path of a server program. Raises: StartError that names the Debian package."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin")
    if path is None:
        msg = f"{name} is not installed; it comes with the package {package}: apt-get install {package}"
        raise StartError(msg)
    return path


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds that the threads of a process have used, to the nanosecond; ended ones do not count."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def resident(pid: int) -> int:
    """Return the resident memory of a process in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Server:
    """One server process with a folder of its own; ``async with`` starts and stops it."""

    name = "server"
    patience = 30.0  # seconds until it must be ready

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"linkspan-{self.name}-"))
        self.folder.chmod(0o755)
        self.log = self.folder / "output.log"
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> Sequence[str]:
        """Return the command line."""
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        """Return variables to set for the process."""
        return {}

    async def ready(self) -> bool:
        """Try once whether the server answers."""
        raise NotImplementedError

    async def start(self) -> None:
        """Start the process and return once it is ready. Raises: StartError with the end of its output."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603, ASYNC220  # our own command line; forking takes a millisecond
                list(self.command()),
                cwd=self.folder,
                env={**os.environ, **self.environment()},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.patience
        while not await self.ready():
            if self.process.poll() is not None:
                raise StartError(self._failure(f"exited with status {self.process.returncode}"))
            if loop.time() > deadline:
                await self.stop()
                raise StartError(self._failure(f"was not ready after {self.patience:.0f} s"))
            await asyncio.sleep(0.05)

    async def stop(self, *, patience: float = 10.0) -> None:
        """Ask the process to end, and make it end."""
        await self._end(signal.SIGTERM, patience)

    async def kill(self) -> None:
        """End the process as a power cut would."""
        await self._end(signal.SIGKILL, 5.0)

    def pause(self) -> None:
        """Make it hang: sockets stay open, nobody answers."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """End a pause."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGCONT)

    async def restart(self) -> None:
        """Stop and start on the same ports with the same data."""
        await self.stop()
        await self.start()

    def cpu(self) -> float:
        """Return the CPU seconds that the process has used, with all its threads."""
        assert self.process is not None
        return cpu_seconds(self.process.pid)

    def memory(self) -> int:
        """Return its resident memory in bytes."""
        assert self.process is not None
        return resident(self.process.pid)

    def tail(self, lines: int = 20) -> str:
        """Return the end of what the process printed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

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

    async def _end(self, how: signal.Signals, patience: float) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        for sign in (how, signal.SIGKILL):
            try:
                os.killpg(process.pid, signal.SIGCONT)
                os.killpg(process.pid, sign)
            except ProcessLookupError:
                break
            try:
                await asyncio.to_thread(process.wait, patience)
            except subprocess.TimeoutExpired:
                continue
            break
        process.wait()

    def _failure(self, what: str) -> str:
        return f"{self.name} {what}; the end of its output:\n{self.tail()}"


async def until(condition: Callable[[], Awaitable[bool]], *, patience: float, what: str, pause: float = 0.02) -> None:
    """Return once the condition holds. Raises: TimeoutError that says what was awaited."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    while not await condition():
        if loop.time() > deadline:
            msg = f"{what}: not after {patience:.0f} s"
            raise TimeoutError(msg)
        await asyncio.sleep(pause)


async def answers(port: int, *, say: bytes = b"", expect: bytes = b"") -> bool:
    """Return whether a server on 127.0.0.1 answers ``say`` within 2 s with something that contains ``expect``."""
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(say)
                seen = b""
                while expect not in seen:
                    chunk = await reader.read(4096)
                    if not chunk:
                        return False
                    seen += chunk
                return True
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
