"""A real gammu-smsd with its dummy telephone: a folder in which messages can be put as if somebody had sent them."""

import itertools
from collections.abc import Sequence
from pathlib import Path

from bridge.demo.processes import Server, program


class GammuSmsd(Server):
    """gammu-smsd with the FILES backend; the bridge works in :attr:`folder`."""

    name = "gammu-smsd"

    def __init__(self) -> None:
        super().__init__()
        self._numbers = itertools.count(1)
        self._phone = self.folder / "phone"
        for name in ("inbox", "outbox", "sent", "error"):
            (self.folder / name).mkdir()
        for box in range(1, 6):
            (self._phone / "sms" / str(box)).mkdir(parents=True)
        self._diary = self.folder / "smsd.log"
        self._config = self.folder / "smsdrc"
        self._config.write_text(f"""
[gammu]
model = dummy
connection = none
port = {self._phone}
gammuloc = /dev/null

[smsd]
service = files
logfile = {self._diary}
debuglevel = 1
inboxpath = {self.folder}/inbox/
outboxpath = {self.folder}/outbox/
sentsmspath = {self.folder}/sent/
errorsmspath = {self.folder}/error/
receivefrequency = 1
commtimeout = 1
statusfrequency = 0
checksecurity = 0
""")

    def command(self) -> Sequence[str]:
        return [program("gammu-smsd", package="gammu-smsd"), "-c", str(self._config)]

    async def ready(self) -> bool:
        return self._diary.exists() and "Starting phone communication" in self._diary.read_text(errors="replace")

    def receive(self, sender: str, text: str) -> None:
        """Put a message into the telephone, as if somebody had sent it."""
        backup = self._phone / "sms" / "1" / str(next(self._numbers))
        backup.write_text(f"""
[SMSBackup000]
SMSC = "+15550000000"
Number = "{sender}"
State = UnRead
Coding = Unicode
Folder = 1
Length = {len(text)}
Class = -1
ReplySMSC = False
RejectDuplicates = False
DateTime = 20261128T072000
Text00 = {text.encode("utf-16-be").hex().upper()}
""")

    def sent(self) -> list[tuple[str, str]]:
        """Return what has gone out: receiver and text, in order."""
        files = sorted((self.folder / "sent").glob("OUT*"), key=lambda path: path.stat().st_mtime)
        return [(_receiver(path), path.read_bytes().decode("utf-16")) for path in files]


def _receiver(path: Path) -> str:
    return path.name.split("_")[3]
