"""What a server says to one of our users alone, over their own connection: which of it is worth telling, and in which words.

Most of what a server says is for programs: state that the bridge follows, answers to what the bridge has asked. What is left is
the message of the day, notices of servers and services, wallops, numerics that nobody knows. Errors are told where they answer a
line that the user wrote (``raw``), and for a while after such a line every numeric is. Pure but for its clock; one for each puppet.
"""

from collections.abc import Callable
from typing import Final

from bridge.core.text import clean
from connectors.irc.connection.client import Line
from connectors.irc.reading.attendance import plain, readable
from connectors.irc.speaking import formatting

WINDOW: Final = 20.0
"""Seconds after a line of the user's own in which answers to it are expected."""
_MOST_MOTD: Final = 200
_USUAL: Final = (
    "001 002 003 004 005 008 010 042 221 250 251 252 253 254 255 265 266 276 301 302 303 305 306 307 310 311 312 313 315 "
    "317 318 319 320 321 322 323 324 328 329 330 331 332 333 335 338 341 346 347 348 349 352 353 354 366 367 368 378 379 "
    "381 396 422 600 601 602 604 605 606 607 671 728 729 730 731 732 733 734 "
    "760 761 766 770 771 772 774 903 904 905 906 907 908"
)
"""Numerics that come by themselves at every connection, or answer what the bridge asks: news only to who has asked as well."""
_MINE: Final = frozenset(_USUAL.split())
_WALLOPS: Final = frozenset({"WALLOPS", "GLOBOPS", "CHATOPS", "LOCOPS"})


class Remarks:
    """Of one connection."""

    __slots__ = ("_motd", "_now", "_say", "_until")

    def __init__(self, say: Callable[[str], None], now: Callable[[], float]) -> None:
        """``say`` is called with every remark, in words for the user."""
        self._say = say
        self._now = now
        self._motd: list[str] | None = None
        self._until = 0.0

    def expect(self) -> None:
        """Tell every numeric for a while: the user has sent a line."""
        self._until = self._now() + WINDOW

    @property
    def are_expected(self) -> bool:
        """Whether every numeric is told now."""
        return self._now() < self._until

    def line(self, line: Line) -> None:
        """Take a line that is about nothing else."""
        match line.command:
            case "375":
                self._motd = []
            case "372" | "376":
                self._of_the_day(line)
            case name if name in _WALLOPS:
                self._say(f"[{name.lower()}] {line.nick}: {plain(line.text)}")
            case "NOTICE":
                self.notice(line)
            case numeric if numeric.isdecimal() and self._is_news(numeric):
                self._say(" ".join(plain(param) for param in line.params[1:]))
            case _:
                pass

    def notice(self, line: Line) -> None:
        """Take a NOTICE of a server, or of a service."""
        self._say(f"[{line.nick}] {plain(line.text)}")

    def _is_news(self, numeric: str) -> bool:
        if numeric >= "400" and numeric < "600":
            return self.are_expected
        return numeric not in _MINE or self.are_expected

    def _of_the_day(self, line: Line) -> None:
        motd = self._motd
        if motd is None:
            return
        if line.command == "372":
            if len(motd) < _MOST_MOTD:
                motd.append(clean(formatting.strip(readable(line.text))).removeprefix("- ").removeprefix("-"))
            return
        self._motd = None
        text = "\n".join(motd).strip()
        if text:
            self._say(f"Message of the day:\n{text}")


def is_from_network(line: Line) -> bool:
    """Tell whether a NOTICE is a server's or a service's, and nobody's who could be talked to."""
    return "!" not in line.source or line.nick.lower().endswith("serv") or "@services" in line.source
