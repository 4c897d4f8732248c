"""What WHOIS and WHO say of people, read into profiles; and who fits a search. Pure.

Specification: modern IRC, "WHOIS message", "WHO message" and the numerics there; WHOX as ircu has it. Every server adds numerics
of its own, which are sentences about the person: these are kept as they are. Called by ``acquaintance``.
"""

import re
from collections.abc import Callable, Iterable, Sequence

from bridge.core.ids import Network, Person, PersonId
from bridge.core.profiles import Profile, Wanted
from connectors.irc.connection.client import Line
from connectors.irc.reading.attendance import plain

WHOX = "%tcuhsnfar,408"
"""What is asked about people who are looked for: channel, user, host, server, nick, flags, account, real name."""
WHOX_MARK = "408"
_SENTENCES = frozenset({"276", "307", "310", "320", "335", "671"})
"""Numerics of WHOIS that say something in words: certificate, registered, bot, secure connection."""

Fold = Callable[[str], str]


def profile(lines: Iterable[Line], *, network: Network, fold: Fold) -> Profile | None:
    """Return what the numerics of one WHOIS say, None where there is nobody (no 311)."""
    by = {line.command: line for line in lines}
    who = by.get("311")
    if who is None or len(who.params) < 5:
        return None
    nick = who.param(1)
    server, operator, times, away = by.get("312"), by.get("313"), by.get("317"), by.get("301")
    return Profile(
        person=Person(network, PersonId(fold(nick))),
        name=nick,
        full_name=plain(who.text),
        account=by["330"].param(2) if "330" in by else "",
        address=f"{who.param(2)}@{who.param(3)}",
        server="" if server is None else _server(server),
        rooms=tuple(_rooms(lines)),
        away=None if away is None else plain(away.text),
        idle=None if times is None else _number(times.param(2)),
        since=0 if times is None or len(times.params) < 5 else (_number(times.param(3)) or 0) * 1000,
        role=""
        if operator is None
        else plain(operator.text).removeprefix("is ").removeprefix("an ").removeprefix("a "),
        notes=tuple(plain(line.text) for line in lines if line.command in _SENTENCES and line.text),
    )


def _server(line: Line) -> str:
    words = plain(line.text)
    return f"{line.param(2)} ({words})" if words else line.param(2)


def _rooms(lines: Iterable[Line]) -> Iterable[str]:
    for line in lines:
        if line.command == "319":
            yield from line.text.split()


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None


def found(lines: Sequence[Line], *, network: Network, fold: Fold) -> list[Profile]:
    """Return whom the numerics of one WHO name (352, or 354 as :data:`WHOX` asks), each once, by nick."""
    people: dict[str, Profile] = {}
    for line in lines:
        one = _whox(line) if line.command == "354" else _who(line)
        if one is None:
            continue
        channel, user, host, server, nick, flags, account, realname = one
        people[fold(nick)] = Profile(
            person=Person(network, PersonId(fold(nick))),
            name=nick,
            full_name=plain(realname),
            account="" if account == "0" else account,
            address=f"{user}@{host}",
            server=server,
            rooms=(channel,) if channel not in ("", "*") else (),
            away="" if "G" in flags else None,
            role="IRC operator" if "*" in flags else "",
        )
    return [people[nick] for nick in sorted(people)]


def _who(line: Line) -> tuple[str, ...] | None:
    """Read ``352 me #chan user host server nick H@ :0 real name``."""
    if line.command != "352" or len(line.params) < 8:
        return None
    channel, user, host, server, nick, flags = line.params[1:7]
    return channel, user, host, server, nick, flags, "0", line.text.partition(" ")[2]


def _whox(line: Line) -> tuple[str, ...] | None:
    """Read ``354 me 408 #chan user host server nick H@ account :real name``."""
    if len(line.params) < 10 or line.param(1) != WHOX_MARK:
        return None
    return tuple(line.params[2:10])


def mask(wanted: Wanted) -> str:
    """Return what is asked of the server: WHO looks for a mask in nick, user, host, server and real name alike."""
    asked = (wanted.name, wanted.full_name, wanted.user, wanted.host, wanted.account, wanted.server)
    text = wanted.room or next(filter(None, asked), "*")
    return text.replace(" ", "?")


def fits(one: Profile, wanted: Wanted) -> bool:
    """Tell whether somebody is looked for: WHO says neither where it has found a text nor looks for several."""
    user, _, host = one.address.partition("@")
    pairs = (
        (wanted.name, one.name),
        (wanted.full_name, one.full_name),
        (wanted.account, one.account),
        (wanted.user, user),
        (wanted.host, host),
        (wanted.server, one.server),
    )
    return all(_glob(pattern).fullmatch(text.casefold()) for pattern, text in pairs if pattern)


def _glob(pattern: str) -> re.Pattern[str]:
    pieces = {"*": ".*", "?": "."}
    return re.compile("".join(pieces.get(c) or re.escape(c) for c in pattern.casefold()), re.DOTALL)
