"""Logging to stderr: for people on a terminal, as JSON lines for machines; configured secrets never get through.

What is here is how a record looks. What is logged is up to the modules: ``log.info("what happened", extra={"network":
…})``, with everything that varies in ``extra``, and no bodies, secrets or addresses at info level. Called by
:mod:`bridge.app`.
"""

import contextlib
import json
import logging
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TextIO
from urllib.parse import unquote, urlsplit

import msgspec

from bridge.config import Config, LogFormat, LogLevel, LogSettings
from bridge.connector import Secret

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_UNPRINTABLE: Final = re.compile(
    r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_COLOURS: Final = {"DEBUG": "\x1b[2m", "WARNING": "\x1b[33m", "ERROR": "\x1b[31m", "CRITICAL": "\x1b[1;31m"}
_LIBRARIES: Final = ("slixmpp", "sqlalchemy", "alembic", "aiohttp", "asyncio", "irc", "telegram", "httpx")
"""They log wire traffic, bodies and all, when they are let."""


class Redaction:
    """Puts ``…`` in the place of every configured secret, wherever in a line it turns up."""

    SHORTEST: Final = 4
    """A secret that is shorter would blot out words; it is then the operator's smallest problem."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        words = sorted({word for word in secrets if len(word) >= self.SHORTEST}, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, words))) if words else None

    def __call__(self, text: str) -> str:
        """Return the text without secrets."""
        return self._pattern.sub("…", text) if self._pattern else text


class TextFormatter(logging.Formatter):
    """``12:00:00.123 WARNING irc.connector: connection lost (network=libera)``, one line but for tracebacks."""

    def __init__(self, redact: Redaction, *, colours: bool = False) -> None:
        super().__init__()
        self._redact = redact
        self._colours = colours

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        at = datetime.fromtimestamp(record.created, UTC).astimezone()
        name = record.name.removeprefix("bridge.").removeprefix("connectors.")
        fields = ", ".join(f"{key}={value}" for key, value in _fields(record).items())
        tail = f" ({fields})" if fields else ""
        when = f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03}"
        line = _UNPRINTABLE.sub(_escaped, f"{when} {record.levelname:7} {name}: {record.getMessage()}{tail}")
        if record.exc_info:
            line = f"{line}\n{self.formatException(record.exc_info)}"
        colour = _COLOURS.get(record.levelname, "") if self._colours else ""
        return f"{colour}{self._redact(line)}\x1b[0m" if colour else self._redact(line)


class JsonFormatter(logging.Formatter):
    """One JSON object on one line: ``at``, ``level``, ``logger``, ``message``, the record's fields, ``error``."""

    def __init__(self, redact: Redaction) -> None:
        super().__init__()
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._redact(record.getMessage()),
        }
        for key, value in _fields(record).items():
            line.setdefault(key, self._plain(value))
        if record.exc_info:
            line["error"] = self._redact(self.formatException(record.exc_info))
        return json.dumps(line)  # in ASCII: nothing in it ends a line, however one counts

    def _plain(self, value: object) -> object:
        match value:
            case bool() | int() | float() | None:
                return value
            case _:
                return self._redact(str(value))


def set_up(settings: LogSettings, redact: Redaction, stream: TextIO | None = None) -> None:
    """Make the root logger write to stderr as the settings say; called again, it replaces what it had set up."""
    out = sys.stderr if stream is None else stream
    handler = logging.StreamHandler(out)
    handler.set_name("linkspan")
    match settings.format:
        case LogFormat.JSON:
            handler.setFormatter(JsonFormatter(redact))
        case LogFormat.TEXT:
            handler.setFormatter(TextFormatter(redact, colours=out.isatty()))
    root = logging.getLogger()
    for old in [each for each in root.handlers if each.get_name() == "linkspan"]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(settings.level.upper())
    for name in _LIBRARIES:
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))
    logging.captureWarnings(capture=True)


def secrets_of(config: Config) -> set[str]:
    """Return every secret of a configuration, connectors' own and passwords inside URLs included."""
    found = set(_secrets(config)) | {config.admin_token}
    with contextlib.suppress(ValueError):
        password = urlsplit(config.store.url).password or ""
        found |= {password, unquote(password)}
    return found - {"", config.store.url}


def _secrets(value: object) -> Iterator[str]:
    match value:
        case Secret():
            yield str(value)
        case msgspec.Struct():
            for name in value.__struct_fields__:
                yield from _secrets(getattr(value, name))
        case Mapping():
            for each in value.values():
                yield from _secrets(each)
        case list() | tuple() | set() | frozenset():
            for each in value:
                yield from _secrets(each)
        case _:
            return


def _fields(record: logging.LogRecord) -> dict[str, object]:
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape", "surrogatepass").decode()


__all__ = ["JsonFormatter", "LogLevel", "Redaction", "TextFormatter", "secrets_of", "set_up"]
