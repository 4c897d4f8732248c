"""What a server says about itself in 005 (RPL_ISUPPORT), as one typed, frozen value. Pure.

Read by everything in this connector; made in :mod:`connectors.irc.client`. One value is shared by all connections to which the
server said the same, however many puppets there are.
"""

from collections.abc import Callable, Iterable, Mapping

import msgspec

from connectors.irc.casemap import folder


class Isupport(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens of 005; defaults are what the protocol says for a server that does not mention them. Lengths are bytes; 0 is no limit."""

    casemapping: str = "rfc1459"
    prefix: Mapping[str, str] = msgspec.field(
        default_factory=lambda: {"@": "o", "+": "v"}
    )  # symbol to mode, highest first
    chanmodes: tuple[str, str, str, str] = (
        "b",
        "k",
        "l",
        "imnpst",
    )  # lists, always a parameter, parameter to set, none
    chantypes: str = "#&"
    statusmsg: str = ""  # prefixes that may stand before a channel as target
    nicklen: int = 0
    userlen: int = 0
    hostlen: int = 0
    channellen: int = 0
    keylen: int = 0
    topiclen: int = 0
    kicklen: int = 0
    awaylen: int = 0
    namelen: int = 0  # realname, for SETNAME
    linelen: int = 512  # with CR LF
    modes: int = 3  # mode changes with parameter in one MODE
    maxtargets: int = 1
    targmax: Mapping[str, int] = msgspec.field(default_factory=dict)  # by command; 0 is no limit
    chanlimit: Mapping[str, int] = msgspec.field(
        default_factory=dict
    )  # channels that may be joined, by prefix character
    monitor: int = -1  # nicks that may be watched; 0 is no limit, -1 no MONITOR
    network: str = ""
    bot: str = ""  # user mode of bots
    deaf: str = ""  # user mode that keeps channel text away
    utf8only: bool = False
    whox: bool = False
    tokens: Mapping[str, str] = msgspec.field(default_factory=dict)  # everything as it was said

    @property
    def fold(self) -> Callable[[str], str]:
        """The function that makes equal names equal."""
        return folder(self.casemapping)

    def is_channel(self, target: str) -> bool:
        """Whether a target is a channel (without STATUSMSG prefix)."""
        return target[:1] in self.chantypes and target != ""

    def targets(self, command: str) -> int:
        """Return how many targets one line of this command may have; 0 is no limit."""
        if command in self.targmax:
            return self.targmax[command]
        return self.maxtargets if command in {"PRIVMSG", "NOTICE"} else 1

    def mode_changes(self, params: Iterable[str]) -> list[tuple[str, str, str | None]]:
        """Read the parameters of a channel's MODE (from the mode string on) as (sign, letter, parameter); never raises."""
        raise NotImplementedError
