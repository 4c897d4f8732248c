"""What a right configuration becomes."""

import os
from pathlib import Path

import pytest

from bridge import config
from bridge.config import ConfigError, Flow, History, LogFormat, history
from bridge.connector import PuppetMode, PuppetSettings, Secret
from bridge.core.ids import XMPP, Network, Room, RoomId
from bridge.storage import database, keyfile
from tests.support.configs import GOOD, FakeSettings, parse, problems, settings_of


def test_the_least_that_works_has_the_documented_defaults() -> None:
    read = parse("[xmpp]\ndomain = 'b.example'\nsecret = 's3cr3t'")
    assert (read.xmpp.host, read.xmpp.port, read.xmpp.nick) == ("127.0.0.1", 5347, "linkspan")
    assert read.store.url == "sqlite:////nowhere/linkspan.db"
    assert (read.http.listen, read.http.admin_listen) == ("127.0.0.1:8080", "127.0.0.1:8081")
    assert read.public_url == "http://127.0.0.1:8080"
    assert (read.networks, read.links) == ({}, ())


def test_networks_links_and_puppets_are_read_whole() -> None:
    read = parse(
        f"""{GOOD}
        port = 7000
        patience = "1h30m"
        [networks.libera.puppets]
        mode = "lazy"
        idle = "10m"
        [[links]]
        name = "dev"
        rooms = ["xmpp:Dev@conference.example.org", "libera:#Dev"]
        topic = "off"
        passwords = {{ "xmpp:Dev@conference.example.org" = {{ env = "ROOM" }} }}
        [log]
        format = "json"
        """,
        ROOM="open sesame",
    )
    muc = Room(XMPP, RoomId("dev@conference.example.org"))
    network = read.networks[Network("libera")]
    assert network.settings == FakeSettings(host="irc.libera.chat", port=7000, patience=5_400.0)
    assert network.puppets == PuppetSettings(mode=PuppetMode.LAZY, idle=600.0)
    (link,) = read.links
    assert link.rooms == (muc, Room(Network("libera"), RoomId("#Dev")))
    assert (link.topic, link.kicks) == (Flow.OFF, Flow.BOTH)
    assert link.passwords == {muc: "open sesame"}
    assert read.log.format is LogFormat.JSON


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ('"48h"', 172_800.0),
        ('"10m"', 600.0),
        ('"30s"', 30.0),
        ('"2d"', 172_800.0),
        ('"1h30m"', 5_400.0),
        ('"500ms"', 0.5),
        ("5", 5.0),
        ("0.5", 0.5),
        ('"0s"', 0.0),
        ('"1.5h"', 5_400.0),
        ('"1w"', 604_800.0),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    read = parse(f"{GOOD}patience = {text}")
    assert read.networks[Network("libera")].settings.patience == seconds


def test_a_secret_comes_from_the_file_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "component").write_text("s3cr3t with spaces\n")
    read = parse('[xmpp]\ndomain = "b.example"\nsecret = { file = "component" }', tmp_path)
    assert read.xmpp.secret == "s3cr3t with spaces"


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"\xff\xfe", 'bytes that are not UTF-8 in file "component"'),
        (b"\n", 'nothing usable in file "component"'),
        (b"x" * 70_000, 'nothing usable in file "component"'),
        (None, 'no way to read file "component" (is a directory)'),
    ],
)
def test_a_secret_file_that_cannot_be_one(tmp_path: Path, data: bytes | None, found: str) -> None:
    place = tmp_path / "component"
    place.mkdir() if data is None else place.write_bytes(data)
    (problem,) = problems('[xmpp]\ndomain = "b.example"\nsecret = { file = "component" }', tmp_path)
    assert problem.startswith(f"xmpp.secret: found {found}, expected ")


def test_secrets_do_not_show_themselves() -> None:
    read = parse(f'{GOOD}password = "hunter2"\n[store]\nurl = "postgresql://me:hunter2@host/name"')
    assert "hunter2" not in repr(read)
    assert "s3cr3t" not in repr(read)
    assert read.store.url == "postgresql://me:hunter2@host/name"


def test_the_admin_token_is_derived_alike_by_everybody_and_can_be_set() -> None:
    first, second = parse(GOOD), parse(GOOD)
    assert first.admin_token == second.admin_token
    assert first.xmpp.secret not in first.admin_token
    assert parse(f"{GOOD}[http]\nadmin_token = 'my own'").admin_token == "my own"
    assert isinstance(first.admin_token, Secret)


@pytest.mark.parametrize(
    ("url", "becomes"),
    [
        ("sqlite:///bridge.db", "sqlite:////etc/linkspan/bridge.db"),
        ("sqlite:////var/lib/bridge.db", "sqlite:////var/lib/bridge.db"),
        ("sqlite:///a.db?timeout=5", "sqlite:////etc/linkspan/a.db?timeout=5"),
        ("postgresql+psycopg://u@h/n", "postgresql+psycopg://u@h/n"),
    ],
)
def test_a_relative_database_stands_beside_the_configuration(url: str, becomes: str) -> None:
    assert parse(f"{GOOD}[store]\nurl = '{url}'", Path("/etc/linkspan")).store.url == becomes


@pytest.mark.parametrize(
    ("lines", "keys"),
    [
        ('url = "sqlite:///bridge.db"', "/etc/linkspan/bridge.key"),
        ('url = "sqlite:////var/lib/bridge.db"', "/var/lib/bridge.key"),
        ('url = "sqlite:////var/lib/bridge.db"\nkey_file = "keys"', "/etc/linkspan/keys"),
        ('key_file = "/run/keys/linkspan"', "/run/keys/linkspan"),
        ('url = "postgresql://u@h/n"', "/etc/linkspan/linkspan.key"),
        ('url = "postgresql://u@h/n"\nkey_file = "keys"', "/etc/linkspan/keys"),
    ],
)
def test_the_key_file_stands_beside_the_database_or_the_configuration(lines: str, keys: str) -> None:
    store = parse(f"{GOOD}[store]\n{lines}", Path("/etc/linkspan")).store
    assert keyfile.place(database.parse(store.url), store.key_file) == Path(keys)


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("[::1]:0", ("::1", 0)),
        ("localhost:80", ("localhost", 80)),
        ("::1:80", None),
        (":80", None),
        ("80", None),
        ("host:99999", None),
        ("host:٣", None),
        ("a b:80", None),
    ],
)
def test_addresses(text: str, becomes: tuple[str, int] | None) -> None:
    assert config.address(text) == becomes


def test_a_byte_order_mark_is_no_mistake() -> None:
    assert parse(f"\ufeff{GOOD}").xmpp.domain == "bridge.example.org"


def test_the_default_places_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(config, "DEFAULT_PLACES", ("config.toml", str(tmp_path / "etc.toml")))
    with pytest.raises(ConfigError, match='"linkspan init" writes one'):
        config.find(None, {})
    (tmp_path / "etc.toml").touch()
    assert config.find(None, {}) == tmp_path / "etc.toml"
    assert config.find(None, {"LINKSPAN_CONFIG": "/x/y.toml"}) == Path("/x/y.toml")
    (tmp_path / "config.toml").touch()
    assert config.find(None, {"LINKSPAN_CONFIG": "/x/y.toml"}) == Path("config.toml")
    assert config.find("given.toml", {}) == Path("given.toml")


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (None, 'cannot be read: no such file or directory; "linkspan init" writes one'),
        (b"", "cannot be read: is a directory"),
        (b"a = 1\nb = '\xff'\n", "found a byte that is not UTF-8 in line 2, expected TOML in UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, data: bytes | None, line: str) -> None:
    place = tmp_path / "config.toml"
    if data:
        place.write_bytes(data)
    elif data is not None:
        place.mkdir()
    with pytest.raises(ConfigError) as caught:
        config.load(place, settings_of, os.environ)
    assert str(caught.value) == f"{place}: {line}"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("30d", History(seconds=2_592_000.0)),
        ("1h30m", History(seconds=5_400.0)),
        ("5000 messages", History(messages=5_000)),
        ("30d, 5000 messages", History(seconds=2_592_000.0, messages=5_000)),
        ("5000 messages,1h", History(seconds=3_600.0, messages=5_000)),
        ("forever", History()),
        ("off", History(messages=0)),
    ],
)
def test_how_much_of_a_history_is_kept(text: str, kept: History) -> None:
    assert history(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0d",
        "-1d",
        "30",
        "0 messages",
        "x messages",
        "30 d",
        "5000",
        "30d, 1d",
        "30d,",
        "forever, 1d",
        "1 messages, off",
    ],
)
def test_what_is_no_history_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="history: found"):
        history(text)


def test_a_network_keeps_what_it_says_and_else_what_the_gateway_says() -> None:
    read = parse(GOOD + "[networks.more]\nconnector = 'fake'\nhost = 'x'\nhistory = '5 messages'\n")
    assert [read.networks[Network(name)].history for name in ("libera", "more")] == [None, History(messages=5)]
