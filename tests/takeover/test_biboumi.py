"""Coming from biboumi: copies of each user become one archive, in pure tables, and with a database that Debian's package has made."""

import asyncio
import contextlib
import json
import sqlite3
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench.worlds import BIBOUMI, GATEWAY, Biboumi, with_components
from bridge import cli, config, registry
from bridge.biboumi import Names, Said, archived, together
from bridge.core.ids import XMPP, PersonId, RoomId
from bridge.demo.people import IrcPerson, XmppPerson
from bridge.demo.servers import InspIRCd, Prosody
from bridge.engine.ports import SEQ_OF_MILLISECOND, Wanted
from bridge.storage.biboumi import Heard, ServerOptions, Source
from bridge.storage.store import SqlStore

ROOM = RoomId("#verona%irc@bridge.localhost")
J, R = "juliet@localhost", "romeo@localhost"


def heard(owner: str, *said: tuple[int, str]) -> list[Heard]:
    return [Heard(owner, at, "bob", words, f"{owner[0]}{index}") for index, (at, words) in enumerate(said)]


@pytest.mark.parametrize(
    ("juliet", "romeo", "expected"),
    [
        pytest.param([(1, "a"), (2, "b")], [(1, "a"), (2, "b")], ["a JR", "b JR"], id="both got everything"),
        pytest.param([(1, "a"), (9, "c")], [(5, "b")], ["a J", "b R", "c J"], id="nothing in common"),
        pytest.param([(10, "a")], [(12, "a")], ["a JR"], id="a slower connection"),
        pytest.param([(10, "a")], [(13, "a")], ["a J", "a R"], id="said again while one was away"),
        pytest.param(
            [(1, "ha"), (1, "ha")], [(1, "ha")], ["ha JR", "ha J"], id="the same words twice are two messages"
        ),
        pytest.param([(1, "ha"), (2, "ha")], [(1, "ha"), (2, "ha")], ["ha JR", "ha JR"], id="each has its own copy"),
        pytest.param([(3, "z"), (3, "a")], [], ["z J", "a J"], id="one second keeps its order"),
    ],
)
def test_copies_are_laid_together(
    juliet: list[tuple[int, str]], romeo: list[tuple[int, str]], expected: list[str]
) -> None:
    found = together([*heard(J, *juliet), *heard(R, *romeo)])
    assert [f"{said.body} {''.join(sorted(owner[0].upper() for owner in said.owners))}" for said in found] == expected


def test_a_user_was_there_for_what_they_got_and_for_nothing_else() -> None:
    said = [Said(at, "bob", str(at), str(at), owners) for at, owners in [(1, {J}), (2, {J, R}), (3, {J}), (3, {J, R})]]
    lines, attended = archived(said, ROOM)
    assert [line.seq // SEQ_OF_MILLISECOND for line in lines] == [1000, 2000, 3000, 3001]
    assert {(stay.user[0], stay.since, stay.until) for stay in attended} == {
        ("j", 1000, 3001),
        ("r", 2000, 2000),
        ("r", 3001, 3001),
    }


CONFIG = """
[xmpp]
domain = "bridge.localhost"
secret = "s3cr3t"
[networks.irc]
connector = "irc"
host = "irc.localhost"
tls = false
"""


class Nobody(Source):
    """A biboumi whose users have set nothing."""

    def __init__(self) -> None:
        pass

    def servers(self) -> list[ServerOptions]:
        return []


@pytest.mark.parametrize(
    ("host", "fixed", "address"),
    [
        ('"IRC.localhost"', "", "#verona%irc@bridge.localhost"),
        ('["a.localhost", "irc.localhost"]', "", "#verona%irc@bridge.localhost"),
        ('"irc.localhost"', "irc", "#verona@bridge.localhost"),
        ('"irc.localhost"', "irc.localhost", "#verona@bridge.localhost"),
        ('"other.localhost"', "irc.localhost", "#verona@bridge.localhost"),
        ('"other.localhost"', "", "#verona%irc.localhost@bridge.localhost"),
    ],
)
def test_a_channel_has_the_address_that_the_gateway_gives_it(
    host: str, fixed: str, address: str, tmp_path: Path
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(CONFIG.replace('"irc.localhost"', host) + f'[gateway]\nfixed_server = "{fixed}"\n')
    names = Names(config.load(path, registry.settings_of, {}), Nobody(), {})
    assert names.room("irc.localhost", "#Verona") == address


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.sqlite"], "nowhere.sqlite cannot be read: unable to open database file\n"),
        (["config.toml"], "config.toml cannot be read: file is not a database\n"),
        (["other.sqlite"], "other.sqlite is no database of a biboumi: it has none of its tables\n"),
        (["b.sqlite", "--network", "irc.x"], "--network: found 'irc.x', expected SERVER=NAME\n"),
        (["b.sqlite", "--network", "irc.x=ork"], "--network irc.x=ork: no network 'ork' is configured\n"),
    ],
)
def test_what_cannot_be_taken_over_is_said(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("config.toml").write_text(CONFIG)
    for name, tables in (("other", ("t",)), ("b", ("muclogline_", "ircserveroptions_", "ircchanneloptions_"))):
        with contextlib.closing(sqlite3.connect(f"{name}.sqlite")) as database:
            for table in tables:
                database.execute(f"CREATE TABLE {table} (id_ INTEGER)")
    assert cli.main(["import", "biboumi", *arguments]) in {1, 2}
    assert capsys.readouterr().err == said


@pytest.mark.server
async def test_the_database_of_the_debian_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    room = f"#verona%{GATEWAY}@{BIBOUMI}"
    async with contextlib.AsyncExitStack() as stack:
        prosody = await stack.enter_async_context(with_components(Prosody, BIBOUMI))
        ircd = await stack.enter_async_context(InspIRCd())
        biboumi = await stack.enter_async_context(Biboumi(prosody.component_port, ircd.port))
        juliet, romeo = (XmppPerson(name, "pw", port=prosody.port) for name in ("juliet", "romeo"))
        bob = IrcPerson("bob", port=ircd.port)
        for each in (juliet, romeo, bob):
            await stack.enter_async_context(each)
        biboumi.know([J, R], archive=True)
        await bob.join("#verona")
        await juliet.join(room, "juliet")
        bob.say("#verona", "only <juliet> & I")
        await juliet.message(room, "only <juliet> & I")
        await romeo.join(room, "romeo", history=0)
        bob.say("#verona", "all of us \N{GRINNING FACE}")
        for each in (juliet, romeo):
            await each.message(room, "all of us \N{GRINNING FACE}")
        juliet.say(room, "indeed")
        await romeo.message(room, "indeed")
        database = tmp_path / "taken.sqlite"
        with contextlib.closing(sqlite3.connect(biboumi.folder / "biboumi.sqlite")) as made:
            made.execute(
                "INSERT INTO ircchanneloptions_ (owner_, server_, channel_, persistent_) VALUES (?, ?, '#verona', 1)",
                (J, GATEWAY),
            )
            made.execute(
                "UPDATE ircserveroptions_ SET nick_ = 'giulietta', saslpassword_ = 's3cr3t', realname_ = 'Juliet C.',"
                " username_ = 'two words', encodingin_ = 'koi8-r', pass_ = 'sesame' WHERE owner_ = ?",
                (J,),
            )
            made.execute(
                "INSERT INTO after_connection_commands_ (fk_, afterconnectioncommand_)"
                " SELECT id_, 'MODE giulietta +x' FROM ircserveroptions_ WHERE owner_ = ?",
                (J,),
            )
            made.commit()
            made.execute("VACUUM INTO ?", (str(database),))

    monkeypatch.chdir(tmp_path)
    await asyncio.to_thread(Path("config.toml").write_text, CONFIG)
    taken = ["import", "biboumi", str(database), "--network", f"{GATEWAY}=irc", "--json"]
    remark = f'{J} on {GATEWAY}, left out: username: found "two words", expected up to 32 letters, digits, dots, dashes and underscores'
    for messages, once in ((3, 1), (0, 0)):  # the second time, nothing is there twice
        await _main(taken)
        assert json.loads(capsys.readouterr().out) == {
            "rooms": 1,
            "messages": messages,
            "stays": once,
            "settings": once,
            "logins": once,
            "remarks": [remark] * once,
        }
    store = SqlStore(f"sqlite:///{tmp_path}/linkspan.db")
    await store.open()
    for user, expected in ((J, ["only <juliet> & I", "all of us \N{GRINNING FACE}", "indeed"]), (R, 2), ("x@y", 0)):
        page = await store.archived(Wanted(room=ROOM, user=PersonId(user)))
        texts = [ET.fromstring(line.head + line.tail).findtext("body") for line in page.lines]
        assert texts == expected if isinstance(expected, list) else len(texts) == expected
    assert await store.recall(XMPP, f"stay {ROOM} {J}")
    (login,), (settings,) = await store.logins(), await store.preferences()
    assert (login.network, login.login.person.id, login.login.name) == ("irc", J, "giulietta")
    assert json.loads(str(login.login.credentials))["password"] == "s3cr3t"
    assert json.loads(str(settings.chosen)) == {
        "nick": "giulietta",
        "realname": "Juliet C.",
        "server_password": "sesame",
        "commands": ["MODE giulietta +x"],
        "encoding": "koi8-r",
    }
    await store.close()


async def _main(arguments: list[str]) -> None:
    assert await asyncio.to_thread(cli.main, arguments) == 0
