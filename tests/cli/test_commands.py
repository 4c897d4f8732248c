"""Commands as an operator types them: what is printed, what is complained about, and the exit status."""

import json
import shlex
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from aiohttp import web

from bridge import cli, config, registry
from bridge.commands import outcasts
from bridge.commands.administering import administering
from bridge.core.ids import Network
from bridge.core.outcasts import Outcast
from bridge.web.admin import Admin
from bridge.web.ports import NewHook
from tests.support.administered import FakeBridge
from tests.support.commands import known
from tests.support.http import serving

ROOT = Path(__file__).parents[2]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def linkspan(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in a folder of its own; returns status, output and complaints."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LINKSPAN_CONFIG", raising=False)

    def run(*words: str) -> tuple[int, str, str]:
        try:
            status = cli.main(words)
        except SystemExit as left:
            status = int(left.code or 0)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def written(text: str = "") -> None:
    Path("config.toml").write_text(f'[xmpp]\ndomain = "bridge.localhost"\nsecret = "s3cr3t"\n{text}')


# the first configuration


def test_init_writes_a_file_that_only_its_owner_can_read_and_that_is_right(linkspan: Run) -> None:
    status, output, _ = linkspan("init", "etc", "--domain", "chat.example")
    path = Path("etc/config.toml")
    read = config.load(path, registry.settings_of, {})
    assert status == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read.xmpp.domain == "chat.example"
    assert len(read.xmpp.secret) >= 32
    assert output.count(read.xmpp.secret) == 2  # for Prosody and for ejabberd
    assert 'Component "chat.example"' in output
    assert "ejabberd_service" in output


def test_init_with_its_networks_put_in_is_right_as_well(linkspan: Run) -> None:
    linkspan("init")
    path = Path("config.toml")
    lines = path.read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("# [networks."))
    shown = [line.removeprefix("# ").removeprefix("#") for line in lines[start:] if not line.startswith("# A link")]
    path.write_text("\n".join(lines[:start] + shown))
    read = config.load(path, registry.settings_of, {})
    assert [link.name for link in read.links] == ["dev"]


def test_init_makes_another_secret_each_time_and_overwrites_nothing(linkspan: Run) -> None:
    linkspan("init")
    first = Path("config.toml").read_text()
    status, _, errors = linkspan("init")
    assert (status, errors) == (1, "config.toml exists already, and is left as it is\n")
    assert Path("config.toml").read_text() == first
    linkspan("init", "other")
    assert Path("other/config.toml").read_text() != first


def test_init_into_a_file_says_so(linkspan: Run) -> None:
    Path("notes").write_text("kept")
    assert linkspan("init", "notes") == (1, "", "notes is not a folder\n")
    assert Path("notes").read_text() == "kept"


def test_init_refuses_what_no_server_would_take(linkspan: Run) -> None:
    status, _, errors = linkspan("init", "--domain", 'x"y')
    assert status == 2
    assert errors.startswith("--domain: found ")
    assert not Path("config.toml").exists()


# usage


@pytest.mark.parametrize(
    "words",
    [[], ["fly"], ["run", "--fast"], ["links"], ["hooks"], ["hooks", "replay", "h"],
      ["links", "add", "dev"], ["deadletters", "retry"], ["deadletters", "retry", "a", "--all"]],
)  # fmt: skip
def test_wrong_usage_is_one_line_and_status_2(linkspan: Run, words: list[str]) -> None:
    status, output, errors = linkspan(*words)
    assert (status, output) == (2, "")
    assert len(errors.splitlines()) == 1
    assert "--help" in errors


def test_the_file_may_be_named_before_the_command_and_after_it(linkspan: Run) -> None:
    Path("there.toml").write_text("[xmpp")
    for words in (("--config", "there.toml", "check"), ("check", "--config", "there.toml")):
        status, _, complaint = linkspan(*words)
        assert (status, complaint.partition(":")[0]) == (2, "there.toml")


@pytest.mark.parametrize("command", ["run", "check", "status", "db current", "links list"])
def test_no_configuration_is_status_2(linkspan: Run, command: str) -> None:
    status, _, errors = linkspan(*command.split())
    assert status == 2
    assert errors.startswith("configuration file: found none, expected ./config.toml, ")


@pytest.mark.parametrize("command", ["run", "check", "status", "db upgrade", "deadletters list"])
def test_every_mistake_is_a_line_of_its_own(linkspan: Run, command: str) -> None:
    written('port = "x"\n[stroe]\n[networks.libera]\nconnector = "ircc"')
    status, output, errors = linkspan(*command.split(), "--config", "config.toml")
    assert (status, output) == (2, "")
    assert errors.splitlines() == [
        'stroe: found an unknown key, did you mean "store"?',
        'xmpp.port: found "x", expected a whole number from 1 to 65535',
        'networks.libera.connector: found "ircc", did you mean "irc"?',
    ]


def test_a_file_that_is_not_there(linkspan: Run) -> None:
    status, _, errors = linkspan("run", "--config", "nowhere.toml")
    assert status == 2
    assert errors == 'nowhere.toml: cannot be read: no such file or directory; "linkspan init" writes one\n'


# looking


@pytest.mark.parametrize("command", ["version", "connectors"])
def test_every_command_takes_a_configuration_even_if_it_reads_none(linkspan: Run, command: str) -> None:
    assert linkspan(command, "--config", "nowhere.toml") == linkspan(command)


def test_version_names_the_program_first(linkspan: Run) -> None:
    assert linkspan("version")[1].startswith("linkspan ")
    assert "slixmpp" in json.loads(linkspan("version", "--json")[1])


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_no_trouble(closed: str) -> None:
    command = f"exec {shlex.quote(sys.executable)} -m bridge version {closed}"
    assert subprocess.run(["/bin/sh", "-c", command], cwd=ROOT, check=False).returncode == 0


def test_connectors_are_listed_with_what_they_can_carry(linkspan: Run) -> None:
    status, output, _ = linkspan("connectors")
    assert status == 0
    assert output.startswith("CONNECTOR")
    listed = {each["kind"]: each for each in json.loads(linkspan("connectors", "--json")[1])}
    assert {"echo", "irc"} <= listed.keys()
    assert listed["irc"]["capabilities"]["text"]["unit"] == "bytes"
    for feature in ("edit", "react", "topic"):
        assert feature in output


# the store


def test_the_store_is_made_looked_at_and_checked(linkspan: Run) -> None:
    written()
    assert linkspan("db", "current")[0] == 1
    status, output, _ = linkspan("db", "upgrade")
    assert (status, Path("linkspan.db").exists()) == (0, True)
    revision = output.split()[-1]
    assert linkspan("db", "current")[:2] == (0, f"{revision}\n")
    assert json.loads(linkspan("db", "current", "--json")[1]) == {"current": revision, "head": revision}
    assert linkspan("db", "check")[0] == 0
    assert json.loads(linkspan("db", "check", "--json")[1]) == {"ok": True, "problems": []}


def test_the_key_of_the_store_is_changed_and_looked_at(linkspan: Run) -> None:
    written()
    assert linkspan("db", "rotate-key")[:2] == (0, "0 secrets are encrypted with a new key\n")
    assert linkspan("db", "rotate-key", "--drop-old")[0] == 0
    key_file = Path("linkspan.key")
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert sum(not line.startswith("#") for line in key_file.read_text().splitlines()) == 1
    assert linkspan("db", "check")[0] == 0
    key_file.write_text("no key")
    complaint = f"the key file {key_file.absolute()} cannot be used: line 1 is no key: restore it from a copy"
    assert json.loads(linkspan("db", "check", "--json")[1]) == {"ok": False, "problems": [complaint]}
    assert linkspan("db", "rotate-key")[::2] == (1, f"{complaint}\n")


def test_a_store_that_cannot_be_is_one_line(linkspan: Run) -> None:
    written('[store]\nurl = "sqlite:///missing/linkspan.db"')
    status, _, errors = linkspan("db", "upgrade")
    assert status == 1
    assert len(errors.splitlines()) == 1
    assert "missing" in errors


# the running bridge


class NoOutcasts:
    """A list of outcasts that stays empty."""

    def listed(self) -> Sequence[Outcast]:
        return ()

    async def cast(self, network: Network, mask: str, *, reason: str = "", by: str = "") -> Outcast:
        return Outcast(network=network, mask=mask, reason=reason, by=by)

    async def pardon(self, network: Network, mask: str) -> bool:
        return False


@pytest.fixture
def bridge(linkspan: Run) -> Iterator[FakeBridge]:
    """Have a bridge answer where the configuration says."""
    del linkspan  # it chose the folder
    fake = FakeBridge()
    token = "from the configuration"

    def application() -> web.Application:
        return Admin(
            fake,
            commands=known(*administering(fake), *outcasts.offers(NoOutcasts(), tuple)),
            token=lambda: token,
            version="1.2.3",
        ).application()

    with serving(application) as port:
        written(f'[http]\nadmin_listen = "127.0.0.1:{port}"\nadmin_token = "{token}"')
        yield fake


def test_nobody_answers(linkspan: Run) -> None:
    written('[http]\nadmin_listen = "127.0.0.1:9"')
    status, _, errors = linkspan("status")
    assert status == 1
    assert errors == ("http.admin_listen: no bridge answers at 127.0.0.1:9 (connection refused); is it running?\n")


def test_another_token_is_said(linkspan: Run, bridge: FakeBridge) -> None:
    path = Path("config.toml")
    path.write_text(path.read_text().replace("from the configuration", "another"))
    status, _, errors = linkspan("status")
    assert (status, errors) == (1, "the bearer token is missing or is not this bridge's\n")


def test_status_for_people_and_for_programs(linkspan: Run, bridge: FakeBridge) -> None:
    status, output, _ = linkspan("status")
    assert status == 0
    for word in ("linkspan 1.2.3, ready", "left", "right", "gone", "left:#a", "3 dead letters"):
        assert word in output
    bridge.trouble = {"right": "gone", "links.dev": "left:#a is closed"}
    assert "degraded: links.dev, right" in linkspan("status")[1]
    assert json.loads(linkspan("status", "--json")[1])["unready"]["right"] == "gone"


def test_links_are_listed_added_and_removed(linkspan: Run, bridge: FakeBridge) -> None:
    assert linkspan("links", "add", "ops", "left:#ops", "right:#ops")[:2] == (0, "linked left:#ops and right:#ops\n")
    assert [link["name"] for link in json.loads(linkspan("links", "list", "--json")[1])] == ["dev", "ops"]
    assert "left:#ops" in linkspan("links", "list")[1]
    assert linkspan("links", "add", "ops", "left:#x", "right:#x") == (1, "", 'link "ops" exists\n')
    assert linkspan("links", "add", "one", "left:#x") == (2, "", "rooms: found 1, expected 2 or more\n")
    assert linkspan("links", "remove", "ops")[:2] == (0, "removed ops\n")
    assert linkspan("links", "remove", "ops/../dev") == (1, "", 'no link "ops/../dev"\n')


def test_dead_letters_are_listed_retried_and_discarded(linkspan: Run, bridge: FakeBridge) -> None:
    assert [each["key"] for each in json.loads(linkspan("deadletters", "list", "--json")[1])] == ["a", "b", "c"]
    assert "refused" in linkspan("deadletters", "list")[1]
    assert linkspan("deadletters", "retry", "a")[:2] == (0, "1 put back into the outbox\n")
    status, output, complaint = linkspan("deadletters", "retry", "a", "nope")
    assert (status, output) == (1, "0 put back into the outbox\n")
    assert complaint == "2 of these keys name no dead letter\n"
    assert linkspan("deadletters", "discard", "nope")[2] == 'there is no dead letter "nope"\n'
    assert json.loads(linkspan("deadletters", "discard", "--all", "--json")[1]) == {"count": 2}
    assert linkspan("deadletters", "discard", "--all")[:2] == (0, "0 discarded\n")


@pytest.mark.usefixtures("bridge")
def test_who_wants_nothing_more_is_listed(linkspan: Run) -> None:
    assert linkspan("optouts", "list", "--json")[1] == "[]\n"
    assert [each["why"] for each in json.loads(linkspan("optouts", "list", "--history", "--json")[1])] == [
        "STOP",
        "START",
    ]
    assert "START" in linkspan("optouts", "list", "--history")[1]


def test_logins_are_listed_and_removed(linkspan: Run, bridge: FakeBridge) -> None:
    [login] = json.loads(linkspan("logins", "list", "--json")[1])
    assert login == {"network": "left", "user": "ann@example.org", "name": "@ann_bot", "at": 3, "trouble": ""}
    assert "@ann_bot" in linkspan("logins", "list")[1]
    assert linkspan("logins", "remove", "left", "bob/../x")[2].startswith('user: found "bob/../x", expected an address')
    assert linkspan("logins", "remove", "left", "bob@example.org")[:2] == (1, "")
    gone = (0, "forgot the login of ann@example.org on left\n")
    assert linkspan("logins", "remove", "left", "ann@example.org")[:2] == gone
    assert linkspan("logins", "list", "--json")[1] == "[]\n"


def test_something_else_answers_that_there_is_no_such_page(linkspan: Run) -> None:
    with serving(web.Application) as port:
        written(f'[http]\nadmin_listen = "127.0.0.1:{port}"')
        status, _, errors = linkspan("status")
    assert status == 1
    assert errors == f"what answers at 127.0.0.1:{port} is not linkspan, or is broken (HTTP status 404)\n"


def test_something_else_answers(linkspan: Run) -> None:
    async def hello(_request: web.Request) -> web.Response:
        return web.Response(text="hello")

    def application() -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", hello)
        return app

    with serving(application) as port:
        written(f'[http]\nadmin_listen = "127.0.0.1:{port}"')
        status, _, errors = linkspan("status")
    assert (status, errors) == (1, f"what answers at 127.0.0.1:{port} is not this version of linkspan\n")


def test_threads_of_the_fake_are_gone() -> None:
    assert not [thread for thread in threading.enumerate() if thread.name == "serving"]


def test_hooks_by_command(linkspan: Run, bridge: FakeBridge) -> None:
    url = "https://bridge.example.org/hooks/h0/s"
    alone = "ci:builds is in no link yet: until it is, nobody hears what is sent there\n"
    assert linkspan("hooks", "create", "ci:builds") == (0, f"{url}\n", alone)
    linkspan("links", "add", "builds", "left:#builds", "ci:builds")
    options = ["--name", "bob", "--expires-in", "30d", "--set", "rate=5", "--set", "authentication.scheme=github"]
    status, output, errors = linkspan("hooks", "create", "ci:builds", "--json", *options)
    assert (status, json.loads(output), errors) == (0, {"id": "h1", "url": url.replace("h0", "h1")}, "")
    settings = {"name": "bob", "rate": 5, "authentication": {"scheme": "github"}}
    assert bridge.hook_desk.orders[1] == NewHook(room="ci:builds", expires_in=2_592_000.0, settings=settings)
    assert linkspan("hooks", "rotate", "h0", "--overlap", "10m") == (0, f"{url}\n", "")
    assert bridge.hook_desk.orders[-1] == 600.0
    assert linkspan("hooks", "pause", "h0")[0] == 0
    listed = linkspan("hooks", "list")[1].splitlines()
    assert [line.split()[:3] for line in listed[1:]] == [["h0", "ci:builds", "paused"], ["h1", "ci:builds", "active"]]
    assert linkspan("hooks", "resume", "h0")[0] == 0
    assert json.loads(linkspan("hooks", "list", "--json")[1])[0]["state"] == "active"
    assert linkspan("hooks", "test", "h0") == (0, "said as h0.1\n", "")
    assert linkspan("hooks", "calls", "h0")[1].splitlines()[1].split()[0] == "h0.c"
    assert linkspan("hooks", "replay", "h0", "h0.c") == (0, "said as again h0.c\n", "")
    assert linkspan("hooks", "revoke", "h0")[0] == 0
    assert linkspan("hooks", "revoke", "h0") == (1, "", 'there is no hook "h0"\n')


@pytest.mark.parametrize(
    ("words", "errors"),
    [
        (["create", "xmpp:a@b"], "room: found a room of another network\n"),
        (["create", "ci:x", "--expires-in", "soon"], '--expires-in: found "soon", expected a time such as "90", "10m", "24h" or "30d"\n'),
        (["create", "ci:x", "--set", "rate"], '--set: found "rate", expected KEY=VALUE\n'),
        (["create", "ci:x", "--set", "a=1", "--set", "a.b=1"], '--set: found "a.b=1", but a has a value already\n'),
    ],
)  # fmt: skip
def test_a_hook_that_cannot_be(linkspan: Run, bridge: FakeBridge, words: list[str], errors: str) -> None:
    assert linkspan("hooks", *words) == (2, "", errors)


def test_any_command_by_its_words(linkspan: Run, bridge: FakeBridge) -> None:
    assert linkspan("do", "links", "add", "ops", "rooms=left:#a b", "rooms=right:#ops")[:2] == (
        0,
        "linked left:#a b and right:#ops\n",
    )
    listed = linkspan("do")[1]
    assert "links add NAME ROOMS…" in listed
    names = {each["name"] for each in json.loads(linkspan("do", "--json")[1])}
    assert names >= {offer.command.name for offer in administering(bridge)}
    assert json.loads(linkspan("do", "logins", "list", "--json")[1])[0]["user"] == "ann@example.org"
    assert linkspan("do", "links", "ad", "x") == (1, "", 'There is no command "links ad"; did you mean "links add"?\n')
    assert linkspan("do", "links", "add", "x") == (2, "", "rooms: is missing\nusage: links add NAME ROOMS…\n")
    assert linkspan("do", "deadletters", "discard", "nope") == (1, "0 discarded\n", 'there is no dead letter "nope"\n')
