"""What users set for themselves: what is taken, what is refused at which field, what is shown of it and what never is."""

import pytest
from msgspec.structs import replace

from bridge.connector import PuppetSettings, Secret, Unsuitable
from bridge.core.commands import Sort, Values
from bridge.core.events import DirectPosted, PuppetJoined
from bridge.core.fields import fill
from bridge.core.ids import XMPP, Person, PersonId, RoomId
from connectors.irc.connection.casemap import folder
from connectors.irc.connection.marks import MARKER
from connectors.irc.connection.wire import is_charset, recode
from connectors.irc.puppets.naming import rules_of
from connectors.irc.puppets.preferences import (
    FIELDS,
    NAMES,
    USUAL,
    Network,
    Preferences,
    chosen,
    fields,
    masked,
    read,
    rooms,
    within,
    written,
)
from tests.support.irc_stage import CHANNEL, listener, puppet, someone, stage
from tests.support.ircd import Ircd, Peer

JULIET = Person(XMPP, PersonId("juliet@example.org"))
FOLD = folder("ascii")
NETWORK = Network(rules=rules_of(9, FOLD), chantypes="#&", fold=FOLD)
MANY = Preferences(
    nick="jule",
    realname="Juliet Capulet",
    username="juliet",
    server_password="open-sesame",
    commands=("MODE {nick} +x", "PRIVMSG NickServ :IDENTIFY hunter2"),
    encoding="koi8-r",
    channels=("#verona", "#balcony key"),
)


def given(**values: object) -> Values:
    filled = fill(fields(MANY, NAMES), values)
    assert filled.wrong == ()
    return Values(filled.values)


def after(before: Preferences = USUAL, **values: object) -> Preferences:
    return chosen(before, given(**values), person=JULIET, network=NETWORK)


def test_what_is_kept_is_read_again_and_shows_nothing() -> None:
    assert read(written(MANY)) == MANY
    assert written(USUAL) == ""
    assert read(Secret("")) == USUAL
    assert "hunter2" not in repr(MANY)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"nick": "jule"}, Preferences(nick="jule")),
        ({"realname": "Julia 🌹"}, Preferences(realname="Julia 🌹")),
        ({"username": "j.capulet-1"}, Preferences(username="j.capulet-1")),
        ({"server_password": "p:w"}, Preferences(server_password="p:w")),
        ({"encoding": "KOI8-R"}, Preferences(encoding="koi8-r")),
        ({"encoding": "utf8"}, USUAL),
        (
            {"commands": "MODE {nick} +x\n\nPRIVMSG NickServ :HELP"},
            Preferences(commands=("MODE {nick} +x", "PRIVMSG NickServ :HELP")),
        ),
        ({"channels": ["#Verona", "#verona", "&local key"]}, Preferences(channels=("#verona", "&local key"))),
    ],
)
def test_what_can_be_is_taken(values: dict[str, object], expected: Preferences) -> None:
    assert after(**values) == expected


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"nick": "two words"}, 'found "two words", expected a nick that the network takes, such as "two_words"'),
        ({"nick": "9lives"}, 'such as "_9lives"'),
        ({"nick": "muchtoolong"}, 'such as "muchtoolo"'),
        ({"nick": "💥"}, "expected a nick that the network takes"),
        ({"realname": "é" * 80}, "found 160 bytes, expected 150 at most"),
        ({"username": "two words"}, "expected up to 32 letters"),
        ({"username": "x" * 33}, "expected up to 32 letters"),
        ({"username": "a@b"}, "expected up to 32 letters"),
        ({"server_password": "two words"}, "found something else, expected up to 200 characters"),
        ({"encoding": "klingon"}, 'found "klingon", expected an encoding'),
        ({"encoding": "utf-16"}, 'found "utf-16", expected an encoding'),
        ({"commands": "/msg NickServ HELP"}, 'found "/msg …", expected raw IRC'),
        ({"commands": ":me PRIVMSG x :y"}, "expected raw IRC"),
        ({"commands": "123hello"}, "expected raw IRC"),
        ({"commands": f"PRIVMSG x :{'y' * 600}"}, 'found "PRIVMSG …", expected raw IRC'),
        ({"commands": "join #verona"}, "found JOIN, expected channels, which has a field of its own"),
        ({"commands": "QUIT"}, "found QUIT, expected something else"),
        ({"commands": "OPER ••••••"}, "expected raw IRC"),
        ({"channels": "verona"}, 'found "verona", expected a channel such as "#python"'),
        ({"channels": "#a,#b"}, 'found "#a,#b"'),
        ({"channels": "#a two words"}, "found more than one word behind #a"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(values: dict[str, object], complaint: str) -> None:
    [name] = values
    with pytest.raises(Unsuitable, match=complaint.replace("(", r"\(")) as refused:
        after(MANY, **values)
    assert refused.value.field == name


@pytest.mark.parametrize("name", ["nick", "realname", "username", "encoding", "commands", "channels"])
@pytest.mark.parametrize("nothing", ["", "-"])
def test_each_can_be_made_what_it_usually_is(name: str, nothing: str) -> None:
    assert getattr(after(MANY, **{name: nothing}), name) == getattr(USUAL, name)


def test_what_is_left_out_stays_and_so_does_a_password_that_is_left_empty() -> None:
    assert after(MANY) == MANY
    assert after(MANY, server_password="") == MANY
    assert after(MANY, server_password="-").server_password == ""


@pytest.mark.parametrize("name", NAMES)
def test_line_ends_and_nuls_are_refused_before_anything_is_looked_at(name: str) -> None:
    field = next(field for field in FIELDS if field.name == name)
    for text in ("x\0y", "x\x01y", "a" * 100_000):
        assert fill([field], {name: [text] if field.sort is Sort.LIST else text}).wrong
    if field.sort is not Sort.LIST:
        assert fill([field], {name: "x\r\nQUIT"}).wrong


def test_a_form_shows_what_is_set_but_no_secret() -> None:
    shown = {field.name: field.value for field in fields(MANY, NAMES)}
    assert shown == {
        "nick": "jule",
        "realname": "Juliet Capulet",
        "username": "juliet",
        "server_password": None,
        "commands": "MODE {nick} +x\nPRIVMSG NickServ :IDENTIFY ••••••",
        "encoding": "koi8-r",
        "channels": "#verona\n#balcony key",
    }


def test_a_masked_command_that_comes_back_is_the_one_that_it_was() -> None:
    shown = next(field.value for field in fields(MANY, NAMES) if field.name == "commands")
    assert after(MANY, commands=f"{shown}\nMODE {{nick}} +R").commands == (*MANY.commands, "MODE {nick} +R")


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("PRIVMSG NickServ :IDENTIFY me hunter2", "PRIVMSG NickServ :IDENTIFY ••••••"),
        ("NS identify hunter2", "NS identify ••••••"),
        ("OPER me hunter2", "OPER ••••••"),
        ("PRIVMSG Q@CServe.quakenet.org :AUTH me hunter2", "PRIVMSG Q@CServe.quakenet.org :AUTH ••••••"),
        ("MODE {nick} +x", "MODE {nick} +x"),
    ],
)
def test_no_password_of_a_command_is_shown(command: str, shown: str) -> None:
    assert masked(command) == shown


def test_users_may_set_what_the_operator_leaves_to_them() -> None:
    assert [field.name for field in fields(MANY, ["nick", "encoding"])] == ["nick", "encoding"]


def test_what_the_operator_has_taken_back_is_as_usual() -> None:
    assert within(MANY, ["nick"]) == Preferences(nick="jule")
    assert within(MANY, NAMES) == MANY


def test_channels_at_start_have_their_passwords() -> None:
    assert rooms(MANY, FOLD) == {"#verona": "", "#balcony": "key"}


# encodings


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        *(
            (name, True)
            for name in ("utf-8", "cp1251", "koi8-r", "latin-1", "gb18030", "shift_jis", "euc-jp", "big5", "cp437")
        ),
        *(
            (name, False)
            for name in (
                "utf-16",
                "utf-7",
                "iso2022_jp",
                "cp037",
                "ascii",
                "rot13",
                "hex",
                "punycode",
                "raw_unicode_escape",
            )
        ),
        *((name, False) for name in ("", "klingon", "utf-8\0", "é", "undefined")),
    ],
)
def test_an_encoding_is_one_that_leaves_ascii_alone(name: str, fits: bool) -> None:
    assert is_charset(name) is fits


@pytest.mark.parametrize(
    ("line", "charset", "written"),
    [
        ("PRIVMSG #a :привет\r\n", "koi8-r", "PRIVMSG #a :привет\r\n".encode("koi8-r")),
        ("PRIVMSG #a :hello\r\n", "koi8-r", b"PRIVMSG #a :hello\r\n"),
        ("PRIVMSG #a :привет 🌹\r\n", "koi8-r", "PRIVMSG #a :привет 🌹\r\n".encode()),  # nothing of it is lost
        ("@label=й PRIVMSG #a :й\r\n", "cp1251", "@label=й ".encode() + "PRIVMSG #a :й\r\n".encode("cp1251")),
        ("PRIVMSG #a :é\r\n", "", "PRIVMSG #a :é\r\n".encode()),
        (
            f"PRIVMSG #a :{'ñ' * 249}\r\n",
            "gb18030",
            f"PRIVMSG #a :{'ñ' * 249}\r\n".encode(),
        ),  # it would not fit any more
    ],
)
def test_a_line_is_written_in_another_encoding_where_that_can_say_it(line: str, charset: str, written: bytes) -> None:
    assert recode(line.encode(), charset) == written


# on the wire


def capulet(**more: object):
    return someone("juliet", session=True, **more)


async def begun(peer: Peer, *, nick: str, user: str) -> None:
    """Let somebody in who has said who they are."""
    peer.nick, peer.user = nick, user
    peer.send(":irc CAP * LS :")
    await peer.expect("CAP END")
    peer.introduce(isupport="CHANTYPES=# NICKLEN=30")


async def adapted(play, **values: object) -> str:
    connector, person = play.connector, capulet().person
    kept = connector.choose(person, Values(fill(connector.preference_fields(person), values).values))
    return connector.adapt(person, kept)


async def test_a_connection_begins_as_its_user_has_set_it():
    async with Ircd() as ircd, stage(ircd.port, password="usual", puppet_perform=["MODE {nick} +B"]) as play:
        await listener(ircd)
        await adapted(
            play, nick="jule", realname="Juliet Capulet", username="jc", server_password="mine", encoding="koi8-r",
            commands=["PRIVMSG NickServ :HELP {nick}", "MODE {nick} +x"],
        )  # fmt: skip
        play.connector.join(CHANNEL, capulet())
        peer = await ircd.accept()
        await peer.expect("CAP LS 302")
        peer.send(":irc.test CAP * LS :")
        await peer.expect("PASS mine", "NICK jule", "USER jc 0 * :Juliet Capulet")
        await begun(peer, nick="jule", user="jc")
        await peer.expect("MODE jule +B", "PRIVMSG NickServ :HELP jule", "MODE jule +x", f"JOIN {CHANNEL}")


async def test_a_nick_is_changed_at_once_and_the_rest_comes_with_the_next_connection():
    async with Ircd() as ircd, stage(ircd.port) as play:
        await listener(ircd)
        play.connector.join(CHANNEL, capulet())
        peer = await ircd.accept()
        await peer.welcome()
        await peer.expect(f"JOIN {CHANNEL}")
        words = await adapted(play, nick="jule", username="jc", encoding="koi8-r")
        assert words == "From your next connection on: username. To have it now, say reconnect."
        await peer.expect("NICK jule")
        peer.send(f":{peer.mask} NICK jule")
        assert play.connector.reconnect(capulet().person)
        await peer.find("QUIT")
        peer.close()
        peer = await ircd.accept()
        await peer.expect("CAP LS 302", "NICK jule")
        assert (await peer.line()).startswith("USER jc ")


async def test_a_chosen_nick_stays_in_further_rooms_until_it_is_changed():
    async with Ircd() as ircd, stage(ircd.port, rooms=(CHANNEL, "#mantua")) as play:
        mic = await ircd.accept()
        await mic.welcome()
        await mic.expect(f"JOIN {CHANNEL}", "JOIN #mantua")
        mic.send(f":{mic.mask} JOIN {CHANNEL}", f":{mic.mask} JOIN #mantua")
        await mic.find("WHO #mantua")
        await adapted(play, nick="jule")
        play.connector.join(CHANNEL, capulet())
        peer = await puppet(ircd, mic)
        assert peer.nick == "jule"
        play.connector.join(RoomId("#mantua"), replace(capulet(), name="julia"))
        await peer.expect("JOIN #mantua")  # and no NICK
        play.connector.join(CHANNEL, replace(capulet(), name="julchen"))
        await peer.expect("NICK julchen")


async def test_who_is_not_connected_has_nothing_to_reconnect():
    async with Ircd() as ircd, stage(ircd.port) as play:
        await listener(ircd)
        assert not play.connector.reconnect(capulet().person)


async def test_a_nick_that_somebody_has_chosen_needs_no_template():
    async with Ircd() as ircd, stage(ircd.port, puppets=PuppetSettings(nick="{nick}[x]")) as play:
        await listener(ircd)
        await adapted(play, nick="jule", realname="Juliet")
        play.join("juliet")
        peer = await ircd.accept()
        await peer.expect("CAP LS 302", "NICK jule")
        assert (await peer.line()).endswith(f":Juliet {MARKER}")


async def test_what_somebody_says_is_written_and_read_in_their_encoding():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd)
        await adapted(play, encoding="koi8-r")
        play.join("juliet")
        peer = await puppet(ircd, mic)
        await play.told(PuppetJoined)
        sending = play.say("juliet", "привет")
        assert await peer.raw() == f"PRIVMSG {CHANNEL} :привет\r\n".encode("koi8-r")
        peer.send(f":romeo!r@h PRIVMSG {peer.nick} :ответ".encode("koi8-r"))
        assert (await play.told(DirectPosted)).content.text == "ответ"
        sending.cancel()
