"""Capability negotiation (IRCv3 capability-negotiation, version 302): what is offered, what is asked for, what is on.

Pure: lines in, lines out through a given writer. During registration driven by :mod:`connectors.irc.connection.registration`;
afterwards by the connection, for CAP NEW and CAP DEL.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Protocol

from connectors.irc.connection.wire import Line

_EVERYBODY = frozenset(
    {
        "account-tag",
        "batch",
        "cap-notify",
        "draft/message-redaction",
        "echo-message",
        "inspircd.org/standard-replies",
        "labeled-response",
        "message-tags",
        "sasl",
        "server-time",
        "standard-replies",
    }
)
METADATA = "draft/metadata-2"
LISTENER = _EVERYBODY | {
    METADATA,
    "account-notify",
    "away-notify",
    "chghost",
    "draft/channel-rename",
    "draft/chathistory",
    "draft/event-playback",
    "extended-join",
    "extended-monitor",
    "invite-notify",
    "multi-prefix",
    "setname",
    "userhost-in-names",
}
"""What a connection asks for that reads everything."""
BOUNCERS = frozenset({"znc.in/self-message", "soju.im/bouncer-networks"})
"""What only bouncers have: they pass on what was said by another client of the same person."""
PUPPET = _EVERYBODY | BOUNCERS | {"draft/no-implicit-names", "no-implicit-names", "soju.im/no-implicit-names"}
"""What a connection asks for that only speaks: nothing that brings more lines about others, or their names."""
_LONGEST = 400  # bytes of names in one CAP REQ


class Send(Protocol):
    """Writes one line, at once."""

    def __call__(self, command: str, *params: str) -> None:
        """Write it."""


NONE: frozenset[str] = frozenset()
"""One for all connections: each empty set is an object of its own, and there are a thousand of them."""


class Capabilities:
    """One connection's capabilities."""

    __slots__ = ("_asked", "_send", "_wanted", "enabled", "offered")

    def __init__(self, wanted: frozenset[str], send: Send) -> None:
        self.offered: Mapping[str, str] = {}  # name: value, "" where it has none
        self.enabled = NONE
        self._wanted = wanted
        self._asked = NONE  # requests that are not answered yet
        self._send = send

    @property
    def settled(self) -> bool:
        """Whether every request is answered."""
        return not self._asked

    def want(self, wanted: frozenset[str]) -> None:
        """Ask for these as well, if they are offered."""
        self._wanted = same(self._wanted | wanted)
        self._ask(self.offered)

    def line(self, line: Line) -> bool:
        """Take a CAP line; returns whether it ended a list (LS without the "more follows" mark)."""
        names = line.text.split()
        match line.param(1).upper():
            case "LS":
                self._offer(names)
                more = len(line.params) > 3 and line.params[2] == "*"
                if not more:
                    self.offered = _shared(tuple(sorted(self.offered.items())))
                    self._ask(self.offered)
                return not more
            case "NEW":
                self._offer(names)
                self._ask(name.partition("=")[0] for name in names)
            case "DEL":
                self.offered = {name: value for name, value in self.offered.items() if name not in names}
                self.enabled -= set(names)
                self._asked -= set(names)
            case "ACK":
                self._acknowledged(names)
            case "NAK":
                self._refused(names)
            case _:
                pass
        return False

    def _offer(self, names: Iterable[str]) -> None:
        self.offered = {**self.offered, **{key: value for key, _, value in (name.partition("=") for name in names)}}

    def _ask(self, names: Iterable[str]) -> None:
        wanted = sorted(self._wanted & set(names) - self.enabled - self._asked)
        self._asked = same(self._asked | set(wanted))
        while wanted:
            size = 0
            while size < len(wanted) and len(" ".join(wanted[: size + 1])) <= _LONGEST:
                size += 1
            self._send("CAP", "REQ", " ".join(wanted[:size]))
            wanted = wanted[size:]

    def _acknowledged(self, names: list[str]) -> None:
        on = {name.lstrip("~=") for name in names if not name.startswith("-")}
        off = {name[1:] for name in names if name.startswith("-")}
        self.enabled = same((self.enabled | on) - off)
        self._asked = same(self._asked - on - off)

    def _refused(self, names: list[str]) -> None:
        """Ask for each alone: a request is accepted or refused as a whole."""
        refused = set(names) & self._asked
        self._asked = same(self._asked - refused)
        if len(refused) > 1:
            for name in sorted(refused):
                self._ask([name])


@lru_cache(maxsize=64)
def _shared(offered: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    """Return one mapping for all puppets of a network: a thousand of them would be megabytes."""
    return dict(offered)


@lru_cache(maxsize=256)
def same(names: frozenset[str]) -> frozenset[str]:
    """Return one set for all connections that have an equal one."""
    return names
