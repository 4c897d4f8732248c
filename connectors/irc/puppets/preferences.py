"""How users want to be on a network: nick, names, encoding, the server's password, commands after connecting, channels at start.

Pure: what may be chosen as fields, what was given read and judged by what the network allows, and kept as a text that only
this module reads. Applied by the puppets; which of it users may choose at all is the operator's (``user_settings``).
"""

import codecs
import re
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Final

import msgspec

from bridge.connector import Secret, Unsuitable
from bridge.core.commands import Field, Sort, Values
from bridge.core.ids import Person, RoomId
from bridge.core.nicks import NickRules, render
from connectors.irc.connection.wire import encode, is_charset, parse
from connectors.irc.reading.places import is_usable

MOST_COMMANDS: Final = 10
"""Said at once, right after connecting: many more, and some servers would take it for a flood."""
MOST_CHANNELS: Final = 100
_LONGEST_NAME: Final = 150
"""Bytes of a real name that somebody chooses; servers cut longer ones."""
_USERNAME: Final = re.compile(r"[A-Za-z0-9._-]{1,32}")
_PASSWORD: Final = re.compile(r"[^\s:][^\s]{0,199}")
_SECRETIVE: Final = re.compile(
    r"\b(AUTH|GHOST|IDENTIFY|LOGIN|OPER|PASSWORD|RECOVER|REGAIN|REGISTER|RELEASE)\s+\S.*", re.IGNORECASE
)
_MASK: Final = "••••••"
_NOTHING: Final = "-"
"""Given for something, it means: nothing, as it usually is."""
_ELSEWHERE: Final = {
    "JOIN": "channels, which has a field of its own",
    "NICK": "nick, which has a field of its own",
    "PASS": "server_password, which has a field of its own",
    "AUTHENTICATE": "the command login",
    "CAP": "something else: capabilities are the bridge's business",
    "USER": "username and realname, which have fields of their own",
    "QUIT": "something else: it would end the connection",
}


class Preferences(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody has chosen; "" and () are what is usual."""

    nick: str = ""
    realname: str = ""
    username: str = ""
    server_password: str = ""
    commands: tuple[str, ...] = ()
    encoding: str = ""
    channels: tuple[str, ...] = ()  # "#channel" or "#channel key"

    def __repr__(self) -> str:
        """Show nothing: passwords may be anywhere in it."""
        return "Preferences(…)"


USUAL: Final = Preferences()
FIELDS: Final = (
    Field(
        name="nick",
        label="Nick",
        sort=Sort.NICK,
        required=False,
        named=True,
        description="At once, and in all rooms here. Without it you have the nick that you join with",
    ),
    Field(
        name="realname", label="Real name", required=False, named=True, description="What whois shows beside your nick"
    ),
    Field(
        name="username",
        label="User name (ident)",
        required=False,
        named=True,
        description="Up to 32 letters, digits, dots, dashes and underscores; servers cut it",
    ),
    Field(
        name="server_password",
        label="The server's password",
        sort=Sort.SECRET,
        required=False,
        named=True,
        description='For servers that ask for one (PASS); not that of your account. Left empty it stays, "-" removes it',
    ),
    Field(
        name="commands",
        label="Commands after connecting, one a line",
        sort=Sort.LIST,
        required=False,
        named=True,
        most=MOST_COMMANDS,
        longest=4_096,
        description='Raw IRC, such as "PRIVMSG NickServ :REGAIN {nick}"; {nick} is yours. Said before channels are joined',
    ),
    Field(
        name="encoding",
        label="Encoding",
        required=False,
        named=True,
        description="Of a network that does not speak UTF-8, such as koi8-r or cp1251",
    ),
    Field(
        name="channels",
        label="Channels at start, one a line",
        sort=Sort.LIST,
        required=False,
        named=True,
        most=MOST_CHANNELS,
        longest=16_384,
        description='"#channel", or "#channel PASSWORD". You are in them whether a client of yours is there or not, after every restart',
    ),
)
_LATER: Final = ("realname", "username", "server_password", "commands")
NAMES: Final = tuple(field.name for field in FIELDS)


class Network(msgspec.Struct, frozen=True, kw_only=True):
    """What a network allows, as far as it is known."""

    rules: NickRules
    chantypes: str
    fold: Callable[[str], str]


def read(chosen: Secret) -> Preferences:
    """Return what was kept; of an empty text, what is usual."""
    return msgspec.json.decode(str(chosen), type=Preferences) if chosen else USUAL


def written(preferences: Preferences) -> Secret:
    """Return what is to be kept, "" where everything is as usual."""
    return Secret("" if preferences == USUAL else msgspec.json.encode(preferences).decode())


def within(preferences: Preferences, allowed: Sequence[str]) -> Preferences:
    """Return what somebody has chosen, as far as the operator leaves it to users now."""
    return msgspec.structs.replace(USUAL, **{name: getattr(preferences, name) for name in NAMES if name in allowed})


def fields(preferences: Preferences, allowed: Sequence[str]) -> tuple[Field, ...]:
    """Return what somebody may choose, with what it is now."""
    return tuple(_with_value(field, preferences) for field in FIELDS if field.name in allowed)


def chosen(before: Preferences, given: Values, *, person: Person, network: Network) -> Preferences:
    """Return what somebody has chosen now, if it can be. Raises: Unsuitable."""
    judges: Mapping[str, Callable[[str], str]] = {
        "nick": lambda text: _nick(text, person, network.rules),
        "realname": _realname,
        "username": _username,
        "server_password": _password,
        "encoding": _encoding,
    }
    changed: dict[str, object] = {}
    for name, judge in judges.items():
        if name in given:
            text = given.text(name)
            changed[name] = "" if text in ("", _NOTHING) else judge(text)
    kept = {masked(line): line for line in before.commands}
    judges_of_lines: Mapping[str, Callable[[str], str]] = {
        "commands": lambda text: kept.get(text) or _command(text),
        "channels": lambda text: _channel(text, network),
    }
    for name, judge in judges_of_lines.items():
        if name in given:
            lines = given.texts(name)
            changed[name] = () if lines == (_NOTHING,) else tuple(dict.fromkeys(map(judge, lines)))
    return msgspec.structs.replace(before, **changed)


def waiting(before: Preferences, now: Preferences, offered: Container[str]) -> str:
    """Say what of a change only the next connection brings, "" for nothing; ``offered`` are the server's capabilities."""
    names = [name for name in _LATER if getattr(before, name) != getattr(now, name)]
    if "setname" in offered:
        names = [name for name in names if name != "realname"]
    return f"From your next connection on: {', '.join(names)}. To have it now, say reconnect." if names else ""


def rooms(preferences: Preferences, fold: Callable[[str], str]) -> dict[RoomId, str]:
    """Return the channels at start, each with its password or ""."""
    pairs = (text.partition(" ") for text in preferences.channels)
    return {RoomId(fold(name)): key for name, _, key in pairs}


def masked(command: str) -> str:
    """Return a command as it may be shown: without what stands behind a word that a password follows."""
    return _SECRETIVE.sub(rf"\1 {_MASK}", command)


def _with_value(field: Field, preferences: Preferences) -> Field:
    if field.sort is Sort.SECRET:
        return field
    now = getattr(preferences, field.name)
    if field.name == "commands":
        now = tuple(map(masked, now))
    return msgspec.structs.replace(field, value="\n".join(now) if isinstance(now, tuple) else now)


def _nick(text: str, person: Person, rules: NickRules) -> str:
    fits = render("{nick}", text, rules=rules, person=person)
    if fits != text:
        _refuse("nick", f'found "{text}", expected a nick that the network takes, such as "{fits}"')
    return text


def _realname(text: str) -> str:
    size = len(text.encode())
    if size > _LONGEST_NAME:
        _refuse("realname", f"found {size} bytes, expected {_LONGEST_NAME} at most")
    return text


def _username(text: str) -> str:
    if not _USERNAME.fullmatch(text):
        _refuse("username", f'found "{text}", expected up to 32 letters, digits, dots, dashes and underscores')
    return text


def _password(text: str) -> str:
    if not _PASSWORD.fullmatch(text):
        _refuse(
            "server_password", "found something else, expected up to 200 characters without blanks, and no colon first"
        )
    return text


def _encoding(text: str) -> str:
    if not is_charset(text):
        _refuse(
            "encoding", f'found "{text}", expected an encoding in which ASCII is ASCII, such as "koi8-r" or "cp1252"'
        )
    name = codecs.lookup(text).name
    return "" if name == "utf-8" else name


def _command(text: str) -> str:
    line = parse(text.encode())
    word = "" if line is None else line.command
    try:
        sent = encode(word, [] if line is None else line.params)
    except ValueError:
        sent = b""
    if not sent or _MASK in text or text.startswith((":", "@", "/")):
        _refuse("commands", f"found {_hint(text)}, expected raw IRC such as PRIVMSG NickServ :HELP")
    if word in _ELSEWHERE:
        _refuse("commands", f"found {word}, expected {_ELSEWHERE[word]}")
    return text


def _channel(text: str, network: Network) -> str:
    name, _, key = text.partition(" ")
    if not is_usable(name, network.chantypes):
        _refuse("channels", f'found "{name}", expected a channel such as "#python"')
    if key and (not key.isprintable() or set(key) & set(" ,") or key.startswith(":")):
        _refuse("channels", f"found more than one word behind {name}, expected its password")
    return f"{network.fold(name)} {key}".strip()


def _hint(text: str) -> str:
    """Return the first word of a command: passwords stand behind it."""
    return f'"{text.split(maxsplit=1)[0][:20]} …"' if text.split() else "nothing"


def _refuse(field: str, reason: str) -> None:
    raise Unsuitable(reason, field=field)
