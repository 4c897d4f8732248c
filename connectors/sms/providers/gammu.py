"""gammu-smsd with its FILES backend: a modem, or a telephone on a cable, behind four folders (gammu-smsd-files(7)).

A message is a file in ``outbox``, which smsd moves to ``sent`` or ``error``; one from a telephone is a file in ``inbox``, a long one
several. Our name for a message is part of the file's name, so that handing it over once more finds it there. smsd cuts for
itself. What is read from the inbox is deleted once it is safe.
"""

import asyncio
import contextlib
import re
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bridge.connector import StoreAway
from bridge.core.failures import Retry
from connectors.sms.carrier import Incoming, News, Outgoing, Report
from connectors.sms.config import SmsSettings
from connectors.sms.reports import State

FOLDERS: Final = ("inbox", "outbox", "sent", "error")
LOOK: Final = 1.0
"""Seconds between two looks into the folders."""
SETTLED: Final = 2.0
"""Seconds after which the files of one message are all there: smsd writes them one after another."""
_IN: Final = re.compile(r"IN(\d{8})_(\d{6})_(\d+)_(.*)_(\d+)\.txt")
_OUT: Final = re.compile(r"OUT.*_([0-9a-f]+-\d+)\.txt\w*")
_MOST_REMEMBERED: Final = 10_000


class Gammu:
    """A :class:`connectors.sms.carrier.Carrier`."""

    cuts = True
    unique = True

    def __init__(self, settings: SmsSettings) -> None:
        self._folder = Path(settings.folder)
        self._number = settings.number
        self._awaited: dict[str, None] = {}  # refs that smsd has not finished with

    async def run(self, take: Callable[[News], Awaitable[None]], ready: Callable[[str], None]) -> None:
        """Look into the folders, again and again."""
        if not await self.check():
            self._awaited |= dict.fromkeys(await asyncio.to_thread(self._left))
        while True:
            wrong = await self.check()
            ready(wrong)
            if not wrong:
                with contextlib.suppress(StoreAway):  # everything stays where it is until the next look
                    await self._look(take)
            await asyncio.sleep(LOOK)

    async def _look(self, take: Callable[[News], Awaitable[None]]) -> None:
        for names, incoming in await asyncio.to_thread(self._received):
            await take(incoming)
            await asyncio.to_thread(self._remove, names)
        for report in await asyncio.to_thread(self._finished):
            await take(report)
            self._awaited.pop(report.ref, None)

    async def submit(self, outgoing: Outgoing) -> str:
        """Put a file into the outbox, unless it is there or has been. Raises: Retry."""
        try:
            await asyncio.to_thread(self._hand_over, outgoing)
        except OSError as error:
            msg = f"gammu's outbox cannot be written: {error.strerror}"
            raise Retry(msg) from None
        self._awaited[outgoing.ref] = None
        if len(self._awaited) > _MOST_REMEMBERED:
            del self._awaited[next(iter(self._awaited))]
        return ""

    async def check(self) -> str:
        """Return "" if the folders are there."""
        return await asyncio.to_thread(self._missing)

    # -- files; none of these is called in the loop's thread

    def _missing(self) -> str:
        for name in FOLDERS:
            if not (self._folder / name).is_dir():
                return f"there is no folder {name} in {self._folder}"
        return ""

    def _hand_over(self, outgoing: Outgoing) -> None:
        if self._where(outgoing.ref):
            return
        stamp = datetime.now(UTC).strftime("%Y%m%d_%H%M%S")
        name = f"OUTC{stamp}_00_{outgoing.to}_{outgoing.ref}.txtd"
        hidden = self._folder / f".{outgoing.ref}"
        hidden.write_bytes(b"\xfe\xff" + outgoing.text.encode("utf-16-be", "surrogatepass"))
        hidden.rename(self._folder / "outbox" / name)

    def _where(self, ref: str) -> str:
        """Return the folder in which a message is, "" if it is in none."""
        for name in ("error", "sent", "outbox"):
            if next((self._folder / name).glob(f"OUT*_{ref}.txt*"), None) is not None:
                return name
        return ""

    def _left(self) -> list[str]:
        """Return our names for what waits, and for what came to a bad end while nobody looked."""
        names = [path.name for folder in ("outbox", "error") for path in (self._folder / folder).iterdir()]
        return [found[1] for name in names if (found := _OUT.fullmatch(name))]

    def _finished(self) -> list[Report]:
        reports = []
        for ref in list(self._awaited):
            where = self._where(ref)
            if where == "sent":
                reports.append(Report(state=State.SENT, ref=ref))
            elif where == "error":
                reports.append(Report(state=State.FAILED, ref=ref, reason="gammu could not send it"))
            elif not where:
                del self._awaited[ref]  # somebody has tidied up
        return reports

    def _received(self) -> list[tuple[list[Path], Incoming]]:
        """Return the messages that are complete, each with its files."""
        groups: dict[tuple[str, ...], list[tuple[int, Path]]] = {}
        for path in sorted((self._folder / "inbox").iterdir()):
            if found := _IN.fullmatch(path.name):
                groups.setdefault(found.groups()[:4], []).append((int(found[5]), path))
        now = time.time()
        complete = []
        for (date, clock, _, sender), parts in groups.items():
            names = [path for _, path in sorted(parts)]
            if any(now - path.stat().st_mtime < SETTLED for path in names):
                continue
            text = "".join(_text(path.read_bytes()) for path in names)
            incoming = Incoming(id=names[0].name, sender=sender, to=self._number, text=text, at=_at(date, clock))
            complete.append((names, incoming))
        return complete

    def _remove(self, names: list[Path]) -> None:
        for path in names:
            path.unlink(missing_ok=True)


def _text(data: bytes) -> str:
    """Return what a file says: with a byte order mark it is UTF-16, else UTF-8 (``InboxFormat``)."""
    if data.startswith((b"\xfe\xff", b"\xff\xfe")):
        return data.decode("utf-16", errors="replace")
    return data.decode(errors="replace")


def _at(date: str, clock: str) -> int:
    try:
        return round(datetime.strptime(date + clock, "%Y%m%d%H%M%S").astimezone().timestamp() * 1000)
    except ValueError:
        return 0
