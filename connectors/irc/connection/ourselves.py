"""Who we are on the server, kept true whatever it does to us: nick, user, host, modes, account.

Pure. One for each connection; fed by :mod:`connectors.irc.connection.client`, read by everybody.
"""

from collections.abc import Iterable
from functools import lru_cache

from connectors.irc.connection.capabilities import NONE, same
from connectors.irc.connection.isupport import Isupport
from connectors.irc.connection.wire import Line, split_source

_LONGEST_USER = 10  # where the server does not say
_LONGEST_HOST = 63


class Ourselves:
    """What the server has told about us."""

    __slots__ = ("_host", "_host_is_sure", "_user", "account", "isupport", "modes", "nick")

    def __init__(self, isupport: Isupport) -> None:
        self.nick = ""
        self.account = ""
        self.modes = NONE
        self.isupport = isupport
        self._user = ""
        self._host = ""
        self._host_is_sure = False  # as others see it: cloaks come late

    @property
    def mask(self) -> str:
        """Our nick!user@host, as far as it is known."""
        return f"{self.nick}!{self._user}@{self._host}"

    def are(self, nick: str) -> bool:
        """Whether a nick is ours."""
        fold = self.isupport.fold
        return fold(nick) == fold(self.nick)

    def welcomed(self, nick: str, account: str, text: str) -> None:
        """Take the nick of 001, and the mask with which many servers end it."""
        self.nick, self.account = nick, account
        last_word = text.rpartition(" ")[2]
        if last_word.startswith(f"{nick}!"):
            _, self._user, self._host = split_source(last_word)

    def line(self, line: Line) -> None:
        """Learn from a line about us (JOIN, CHGHOST, 396, 221, 900, 901); those about others change nothing."""
        match line.command:
            case "JOIN" if self.are(line.nick):
                _, user, host = split_source(line.source)
                self._seen(user, host)
            case "CHGHOST" if self.are(line.nick):
                self._seen(line.param(0), line.param(1))
            case "396":
                user, at, host = line.param(1).rpartition("@")
                self._seen(user if at else self._user, host)
            case "221":
                self.modes = frozenset(line.param(1).lstrip("+"))
            case "900":
                self.account = line.param(2)
            case "901":
                self.account = ""
            case _:
                pass

    def _seen(self, user: str, host: str) -> None:
        if host:
            self._user, self._host, self._host_is_sure = user, host, True

    def mode(self, changes: Iterable[tuple[str, str, object]]) -> None:
        """Take changes (sign, letter, anything) of our user modes."""
        for sign, letter, _ in changes:
            self.modes = same(self.modes | {letter} if sign == "+" else self.modes - {letter})

    def available(self, target: str, command: str) -> int:
        """Return how many bytes of text fit into one line from us to others.

        Until the server has shown our host as others see it, the longest possible one is counted.
        """
        isupport, user = self.isupport, self._user
        longest_user = 0 if user else isupport.userlen or _LONGEST_USER
        longest_host = 0 if self._host_is_sure else isupport.hostlen or _LONGEST_HOST
        taken = _overhead(self.nick, user, self._host, longest_user, longest_host, command, target)
        return isupport.linelen - taken if taken < isupport.linelen else 0


@lru_cache(maxsize=1024)
def _overhead(
    nick: str, user: str, host: str, longest_user: int, longest_host: int, command: str, target: str, /
) -> int:
    """Return the bytes of a line that are not its text; of user and host: as we know it, and how long it is at least."""
    longest = max(len(user.encode()), longest_user) + max(len(host.encode()), longest_host)
    return len(f":{nick}!@ {command} {target} :\r\n".encode()) + longest
