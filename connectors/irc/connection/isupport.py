"""What a server says about itself in 004 and 005 (RPL_MYINFO, RPL_ISUPPORT), as one typed, frozen value. Pure.

Read by everything in this connector; made by :func:`connectors.irc.connection.client.isupport_of`, which has the library read the
structured tokens. One value is shared by all connections to which the server said the same, however many puppets there
are.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from connectors.irc.connection.casemap import folder

INSP_AND_UNREAL = ("inspircd", "unrealircd")
_CHARYBDIS_FAMILY = (
    "charybdis",
    "solanum",
    "ircd-seven",
    "ircd-ratbox",
    "hybrid",
    "ircd-hybrid",
    "leaf",
    "plexus",
    "elemental",
)


class ModeChange(NamedTuple):
    """One letter of a MODE line; ``param`` is None where the mode takes none, or where the server left it out."""

    sign: str  # "+" or "-"
    letter: str
    param: str | None


class Isupport(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens of 005; defaults are the protocol's for a server that is silent. Lengths are bytes, 0 is no limit."""

    casemapping: str = "rfc1459"
    prefix: Mapping[str, str] = msgspec.field(
        default_factory=lambda: {"@": "o", "+": "v"}
    )  # symbol: mode, highest first
    chanmodes: tuple[str, str, str, str] = ("b", "k", "l", "imnpst")  # lists, always a parameter, one to set, none
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
    namelen: int = 0  # real name, for SETNAME
    linelen: int = 512  # with CR LF, without tags
    modes: int = 3  # mode changes with a parameter in one MODE
    maxtargets: int = 1
    targmax: Mapping[str, int] = msgspec.field(default_factory=dict)  # by command; 0 is no limit
    chanlimit: Mapping[str, int] = msgspec.field(default_factory=dict)  # channels one may be in, by type; 0 is no limit
    monitor: int = -1  # nicks that may be watched; 0 is no limit, -1 no MONITOR
    network: str = ""
    bot: str = ""  # user mode of bots, "" where there is none
    deaf: str = ""  # user mode that keeps channel text away, "" where there is none
    utf8only: bool = False
    whox: bool = False
    software: str = ""  # the version in 004
    tokens: Mapping[str, str] = msgspec.field(default_factory=dict)  # everything as it was said, unescaped

    @property
    def fold(self) -> Callable[[str], str]:
        """The function that makes equal names equal."""
        return folder(self.casemapping)

    def is_channel(self, target: str) -> bool:
        """Whether a target is a channel (without a STATUSMSG prefix)."""
        return target != "" and target[0] in self.chantypes

    def targets(self, command: str) -> int:
        """Return how many targets one line of this command may have; 0 is no limit."""
        if command in self.targmax:
            return self.targmax[command]
        return self.maxtargets if command in {"PRIVMSG", "NOTICE"} else 1

    def mode_changes(self, params: Sequence[str]) -> list[ModeChange]:
        """Read a channel's MODE, from the mode string on. Never raises; what is missing at the end is None."""
        if not params:
            return []
        lists, always, setting, _ = self.chanmodes
        with_param = {*lists, *always, *self.prefix.values()}
        left = list(reversed(params[1:]))
        sign = "+"
        changes = []
        for letter in params[0]:
            if letter in "+-":
                sign = letter
                continue
            takes = letter in with_param or (sign == "+" and letter in setting)
            changes.append(ModeChange(sign, letter, left.pop() if takes and left else None))
        return changes


class Structured(NamedTuple):
    """The tokens with an inner structure, as the library reads them; None for what was not said, or not readably."""

    prefix: Mapping[str, str] | None = None
    chanmodes: Sequence[str] | None = None
    targmax: Mapping[str, int | None] | None = None
    chanlimit: Mapping[str, int | None] | None = None


def view(tokens: Mapping[str, str], structured: Structured, *, software: str = "", user_modes: str = "") -> Isupport:
    """Make the typed value out of what was said; a number that is none counts as not said."""
    defaults = Isupport()

    def number(name: str, default: int = 0) -> int:
        value = tokens.get(name, "")
        return int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else default

    return Isupport(
        casemapping=tokens.get("CASEMAPPING") or defaults.casemapping,
        prefix=defaults.prefix if structured.prefix is None else structured.prefix,
        chanmodes=defaults.chanmodes if structured.chanmodes is None else _four(structured.chanmodes),
        chantypes=tokens.get("CHANTYPES", defaults.chantypes),
        statusmsg=tokens.get("STATUSMSG", ""),
        nicklen=number("NICKLEN") or number("MAXNICKLEN"),
        userlen=number("USERLEN"),
        hostlen=number("HOSTLEN"),
        channellen=number("CHANNELLEN"),
        keylen=number("KEYLEN"),
        topiclen=number("TOPICLEN"),
        kicklen=number("KICKLEN"),
        awaylen=number("AWAYLEN"),
        namelen=number("NAMELEN"),
        linelen=max(number("LINELEN", 512), 512),
        modes=number("MODES", 3) if tokens.get("MODES") != "" else 0,
        maxtargets=number("MAXTARGETS", 1),
        targmax={command.upper(): most or 0 for command, most in (structured.targmax or {}).items()},
        chanlimit={kind: most or 0 for kind, most in (structured.chanlimit or {}).items()},
        monitor=number("MONITOR", 0) if "MONITOR" in tokens else -1,
        network=tokens.get("NETWORK", ""),
        bot=tokens.get("BOT", "")[:1] or _by_software("B", INSP_AND_UNREAL, software, user_modes),
        deaf=_deaf(tokens, software, user_modes),
        utf8only="UTF8ONLY" in tokens,
        whox="WHOX" in tokens,
        software=software,
        tokens=tokens,
    )


def _four(chanmodes: Sequence[str]) -> tuple[str, str, str, str]:
    """Take kinds that are missing as empty, and kinds that nobody knows as without parameter."""
    kinds = [*chanmodes, "", "", "", ""]
    return kinds[0], kinds[1], kinds[2], "".join(kinds[3:])


def _deaf(tokens: Mapping[str, str], software: str, user_modes: str) -> str:
    """Find the letter: what the charybdis family calls D is d elsewhere, where D means private messages."""
    if "DEAF" in tokens:
        return tokens["DEAF"][:1] or "D"
    return _by_software("d", INSP_AND_UNREAL, software, user_modes) or _by_software(
        "D", _CHARYBDIS_FAMILY, software, user_modes
    )


def _by_software(letter: str, names: tuple[str, ...], software: str, user_modes: str) -> str:
    return letter if letter in user_modes and software.lower().startswith(names) else ""
