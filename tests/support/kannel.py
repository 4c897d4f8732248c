"""A real Kannel with its fake network: bearerbox, smsbox, and a telephone that sends what it is told and shows what it gets."""

import asyncio
import contextlib
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Self
from urllib.parse import unquote_to_bytes

from bridge.demo.processes import Server, StartError, answers, free_port, program, until

USER, PASSWORD = "linkspan", "kannel-pw"
_FAKESMSC = Path("/usr/lib/kannel/test/fakesmsc")


class _Box(Server):
    """One of Kannel's programs."""

    package = "kannel"

    def __init__(self, name: str, config: str, *, port: int) -> None:
        self.name = name
        super().__init__()
        self._port = port
        self.config = self.folder / "kannel.conf"
        self.config.write_text(config.replace("FOLDER", str(self.folder)))
        (self.folder / "spool").mkdir()

    def command(self) -> Sequence[str]:
        return [program(self.name, package=self.package), "-v", "1", str(self.config)]

    async def ready(self) -> bool:
        return await answers(self._port)


class Kannel:
    """Kannel between our listener and a fake network; ``callback`` is where inbound messages and nothing else go."""

    def __init__(self, callback: str) -> None:
        self.admin, self.box, self.smsc, self.sendsms = (free_port() for _ in range(4))
        config = f"""
group = core
admin-port = {self.admin}
admin-interface = 127.0.0.1
admin-password = admin
status-password = status
admin-allow-ip = "127.0.0.1"
smsbox-port = {self.box}
smsbox-interface = 127.0.0.1
box-allow-ip = "127.0.0.1"
dlr-storage = internal
store-type = spool
store-location = FOLDER/spool
sms-resend-freq = 1
sms-resend-retry = 3

group = smsc
smsc = fake
smsc-id = FAKE
port = {self.smsc}
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {self.sendsms}
sendsms-interface = 127.0.0.1
sendsms-chars = "0123456789+ "
mo-recode = true
http-request-retry = 20
http-queue-delay = 1

group = sendsms-user
username = {USER}
password = {PASSWORD}
max-messages = 10
concatenation = true
omit-empty = true

group = sms-service
keyword = default
catch-all = true
max-messages = 0
omit-empty = true
get-url = "{callback}?from=%p&to=%P&text=%b&coding=%c&charset=%C&id=%I&at=%T&udh=%u"
"""
        self.bearerbox = _Box("bearerbox", config, port=self.admin)
        self.smsbox = _Box("smsbox", config, port=self.sendsms)

    @property
    def url(self) -> str:
        """Where messages are handed in."""
        return f"http://127.0.0.1:{self.sendsms}/cgi-bin/sendsms"

    async def __aenter__(self) -> Self:
        await self.bearerbox.__aenter__()
        try:
            await self.smsbox.__aenter__()
        except BaseException:
            await self.bearerbox.__aexit__()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            print("---- smsbox ----", self.smsbox.tail(40), "---- bearerbox ----", self.bearerbox.tail(20), sep="\n")
        await self.smsbox.__aexit__()
        await self.bearerbox.__aexit__()


class Network:
    """The fake network: says one message or none, ``from to text words``, and writes down what it is sent."""

    def __init__(self, kannel: Kannel, message: str = "") -> None:
        self._kannel = kannel
        self._message = message
        self._output = kannel.bearerbox.folder / f"fakesmsc-{free_port()}.log"
        self._process: subprocess.Popen[bytes] | None = None

    async def __aenter__(self) -> Self:
        await until(self._taken, patience=20, what="Kannel waits for its network", pause=0.05)
        self._start()
        return self

    def _start(self) -> None:
        if not _FAKESMSC.exists():
            msg = "fakesmsc is not installed; it comes with the package kannel-extras: apt-get install kannel-extras"
            raise StartError(msg)
        command = [str(_FAKESMSC), "-H", "127.0.0.1", "-r", str(self._kannel.smsc), "-i", "0.01"]
        command += ["-m", "1" if self._message else "0", self._message or "1 2 text x"]  # of several it picks any
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=self._output.parent
            )

    async def _taken(self) -> bool:
        return await answers(self._kannel.smsc)

    async def __aexit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(self._process.wait, 5)
            self._process.kill()

    def texts(self, sender: str, to: str) -> list[str]:
        """Return what a telephone got, part by part."""
        found = re.findall(rf"<{re.escape(sender)} {re.escape(to)} (text|udh \S+ data|data) (.*)>", self.output())
        return [text if kind == "text" else _decoded(unquote_to_bytes(text.replace("+", " "))) for kind, text in found]

    def output(self) -> str:
        """Return everything it printed."""
        return self._output.read_text(errors="replace")


def _decoded(data: bytes) -> str:
    """Return the text of a part: UCS-2 where it has bytes that no text in UTF-8 has."""
    return data.decode("utf-16-be") if min(data, default=32) < 10 else data.decode()
