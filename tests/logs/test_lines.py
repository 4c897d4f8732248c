"""What a log line looks like, and what never gets into one."""

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest

from bridge.config import LogFormat, LogLevel, LogSettings
from bridge.logs import JsonFormatter, Redaction, TextFormatter, secrets_of, set_up
from tests.support.configs import GOOD, parse


def record(message: str, *args: object, exc: bool = False, **fields: object) -> logging.LogRecord:
    made = logging.makeLogRecord(
        {"name": "bridge.engine.hub", "levelname": "WARNING", "msg": message, "args": args, **fields}
    )
    if exc:
        try:
            raise ValueError(message)
        except ValueError:
            made.exc_info = sys.exc_info()
    return made


def text(made: logging.LogRecord, *secrets: str) -> str:
    return TextFormatter(Redaction(secrets)).format(made).split(" ", 2)[2]


def test_a_line_for_people() -> None:
    line = text(record("network %s is away", "libera", network="libera", attempts=3))
    assert line == "WARNING engine.hub: network libera is away (network=libera, attempts=3)"


def test_a_line_for_machines() -> None:
    line = JsonFormatter(Redaction()).format(record("away", network="libera", attempts=3, room=None))
    read = json.loads(line)
    assert read.pop("at").endswith("+00:00")
    assert read == {
        "level": "warning",
        "logger": "bridge.engine.hub",
        "message": "away",
        "network": "libera",
        "attempts": 3,
        "room": None,
    }


def test_fields_cannot_pose_as_the_line_itself() -> None:
    read = json.loads(JsonFormatter(Redaction()).format(record("true", level="debug", logger="x", at="never")))
    assert (read["level"], read["logger"], read["message"]) == ("warning", "bridge.engine.hub", "true")


@pytest.mark.parametrize("bad", ["\n", "\r\n", "\x00", "\x1b[2J", "\u2028", "\u202e", "\ud800", "\x85"])
def test_nothing_that_a_stranger_says_makes_a_second_line(bad: str) -> None:
    made = record("topic is %s", f"a{bad}ERROR root: all is lost", nick=f"b{bad}")
    line = text(made)
    assert bad not in line
    assert line.isprintable()
    assert len(JsonFormatter(Redaction()).format(made).splitlines()) == 1


def test_tracebacks_keep_their_lines_for_people_and_are_one_for_machines() -> None:
    made = record("broke", exc=True)
    assert text(made).splitlines()[-1] == "ValueError: broke"
    line = JsonFormatter(Redaction()).format(made)
    assert "\n" not in line
    assert json.loads(line)["error"].endswith("ValueError: broke")


def test_secrets_are_blotted_out_everywhere() -> None:
    made = record("PASS %s", "hunter2", url="postgresql://me:hunter2@host/name")
    made.exc_info = record("hunter2", exc=True).exc_info
    for line in (text(made, "hunter2"), JsonFormatter(Redaction(["hunter2"])).format(made)):
        assert "hunter2" not in line
        assert "…" in line or r"\u2026" in line


def test_the_longer_of_two_secrets_goes_whole() -> None:
    assert Redaction(["hunter", "hunter2000"])("hunter2000") == "…"


def test_all_secrets_of_a_configuration_are_known() -> None:
    read = parse(
        f"""{GOOD}password = "network's"
        keys = {{ dev = "key's" }}
        [store]
        url = "postgresql://me:store's%20own@host/name"
        [[links]]
        name = "dev"
        rooms = ["xmpp:dev@muc.example", "libera:#dev"]
        passwords = {{ "libera:#dev" = "room's" }}
        """
    )
    known = {"s3cr3t", "network's", "key's", "store's%20own", "store's own", "room's", read.admin_token}
    assert secrets_of(read) == known


@pytest.fixture
def _root_logger() -> Iterator[None]:
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
    logging.captureWarnings(capture=False)
    logging.getLogger("slixmpp").setLevel(logging.NOTSET)


@pytest.mark.usefixtures("_root_logger")
def test_setting_up_again_replaces_format_and_level() -> None:
    first, second = io.StringIO(), io.StringIO()
    set_up(LogSettings(), Redaction(), first)
    log = logging.getLogger("bridge.test")
    log.info("one")
    log.debug("not this")
    set_up(LogSettings(level=LogLevel.DEBUG, format=LogFormat.JSON), Redaction(), second)
    log.debug("two")
    logging.getLogger("slixmpp.xmlstream").debug("<body>private</body>")
    assert first.getvalue().endswith("INFO    test: one\n")
    assert [json.loads(line)["message"] for line in second.getvalue().splitlines()] == ["two"]
