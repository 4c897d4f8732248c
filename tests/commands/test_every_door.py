"""Every command through every door: forms, chat, the API by name and by words, the command line.

What runs a command is replaced by something that writes down what it was given. So each door is shown to ask for the same, to
understand the same, and to say what is wrong at the same field, for every command that there is.
"""

import argparse
from collections.abc import AsyncIterator
from typing import Any
from xml.sax.saxutils import escape

import pytest
from aiohttp.test_utils import TestClient, TestServer

from bridge import orders
from bridge.commands import catalogue
from bridge.core.commands import About, Answer, Call, Command, CommandRefused, Field, Offer, Sort, Table, Values, Who
from bridge.core.ids import Network
from bridge.web.admin import Admin
from bridge.xmpp.commands import adhoc
from bridge.xmpp.ports import IqRefused, Request
from tests.support.administered import FakeBridge
from tests.support.clock import quiet
from tests.support.commands import known
from tests.support.muc import NS, xml
from tests.support.xmpp_connector import Bridge

HOME = "bridge.localhost"
ANN = "ann@localhost"
ROOM = "#python%libera@bridge.localhost"
COMMANDS = "http://jabber.org/protocol/commands"
DATA = "jabber:x:data"

RIGHT: dict[Sort, Any] = {
    Sort.TEXT: "two words",
    Sort.LINES: 'it\'s\n"several" lines',
    Sort.SECRET: "pass  'phrase\"",
    Sort.NUMBER: "7",
    Sort.FLAG: "yes",
    Sort.LIST: ["libera:#dev", "xmpp:a b@example.org"],
    Sort.JID: "bob@example.org",
    Sort.JIDS: ["bob@example.org", "eve@example.org"],
    Sort.NICK: "[bob]",
    Sort.DURATION: "1h30m",
    Sort.TABLE: ["rate=5", "authentication.scheme=github"],
}
WRONG: dict[Sort, Any] = {
    Sort.TEXT: "a\x07b",
    Sort.LINES: "a\x07b",
    Sort.SECRET: "hunter2\x07",
    Sort.NUMBER: "many",
    Sort.FLAG: "perhaps",
    Sort.CHOICE: "?",
    Sort.LIST: ["a\x07b"],
    Sort.JID: "nobody",
    Sort.JIDS: ["nobody"],
    Sort.NICK: "a\x07b",
    Sort.DURATION: "soon",
    Sort.TABLE: ["rate"],
}


class Diary:
    """Writes down what commands are given; none of them does anything."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Network, str, str, dict[str, Any]]] = []

    def offer(self, command: Command) -> Offer:
        async def run(call: Call, values: Values) -> Answer:
            given = {name: value for name, value in values._values.items() if name in names}
            self.calls.append((command.name, call.network, call.room, call.user if command.personal else "", given))
            return Answer(text="said and done", table=Table(columns=("A",), rows=(("b",),)), data={"n": 1})

        names = {field.name for field in command.fields}
        return Offer(command=command, run=run)

    def taken(self) -> Any:
        [call] = self.calls
        self.calls.clear()
        return call


class Doors:
    """One set of commands behind all doors."""

    def __init__(self, bridge: Bridge, client: TestClient, diary: Diary) -> None:
        self.bridge, self.client, self.diary = bridge, client, diary

    async def form(self, command: Command, values: dict[str, Any]) -> str:
        """Fill a form in at the bridge's own address; returns the note."""
        node = command.node or command.slug
        first = await self._command(f"<command xmlns='{COMMANDS}' node='{node}' action='execute'/>")
        if first.get("status") == "executing":
            session = first.get("sessionid")
            shown = [field.get("var") for field in first.iter(f"{{{DATA}}}field") if field.get("type") != "hidden"]
            vars_ = {field.name: field.var or field.name for field in command.fields}
            assert {vars_.get(name, name) for name in values} <= set(shown)
            fields = "".join(_submitted(vars_.get(name, name), value) for name, value in values.items())
            first = await self._command(
                f"<command xmlns='{COMMANDS}' node='{node}' sessionid='{session}'>"
                f"<x xmlns='{DATA}' type='submit'>{fields}</x></command>"
            )
        return " ".join(note.text for note in first.iterfind(f"{{{COMMANDS}}}note"))

    async def chat(self, command: Command, values: dict[str, Any]) -> str:
        """Say a line to the bridge's own address; returns the answer."""
        self.bridge.stream.sent.clear()
        body = escape(" ".join([command.name, *_pairs(values)]).replace("\x07", "&#7;")).replace("&amp;#7;", "\x85")
        self.bridge.stream.deliver(f"<message type='chat' from='{ANN}/x' to='{HOME}'><body>{body}</body></message>")
        await quiet()
        [answer] = self.bridge.stream.sent
        return answer.findtext(f"{{{NS}}}body")

    async def api(self, command: Command, values: dict[str, Any]) -> str:
        """Call it by name over HTTP; returns the text or the problem."""
        return await self._posted(f"/api/v1/commands/{command.slug}", values)

    async def words(self, command: Command, values: dict[str, Any]) -> str:
        """Call it by words over HTTP, as ``linkspan do`` does."""
        return await self._posted("/api/v1/commands", {"words": [*command.name.split(), *_pairs(values, quote=False)]})

    async def _posted(self, path: str, body: Any) -> str:
        response = await self.client.post(path, json=body, headers={"Authorization": "Bearer t"})
        document = await response.json(content_type=None)
        return document["text"] if response.status == 200 else document["detail"]

    async def _command(self, payload: str) -> Any:
        described = self.bridge.connector.directory.describe("")
        request = Request(kind="set", sender=f"{ANN}/x", to=HOME, id="1", payload=xml(payload), described=described)
        return xml(await self.bridge.stream.answers["set", adhoc.PAYLOAD](request))


def _submitted(var: str, value: Any) -> str:
    lines = value if isinstance(value, list) else value.split("\n")
    inner = "".join(f"<value>{escape(line)}</value>" for line in lines)
    return f"<field var='{var}'>{inner}</field>".replace("\x07", "\x85")


def _pairs(values: dict[str, Any], *, quote: bool = True) -> list[str]:
    pairs = [(name, each) for name, value in values.items() for each in (value if isinstance(value, list) else [value])]
    if not quote:
        return [f"{name}={value}" for name, value in pairs]
    return [
        f'{name}="{value.replace(chr(92), chr(92) * 2).replace(chr(34), chr(92) + chr(34))}"' for name, value in pairs
    ]


@pytest.fixture
async def doors() -> AsyncIterator[Doors]:
    diary = Diary()
    commands = known(*map(diary.offer, catalogue.COMMANDS), networks=("libera",))
    bridge = Bridge(listen=False)
    bridge.connector.know_networks({Network("libera"): "irc"})
    bridge.connector.know_commands(commands, lambda _: Who.ADMIN)
    bridge.connector.hosting.bars_command = lambda *_: None
    admin = Admin(FakeBridge(), commands=commands, token=lambda: "t", version="1")
    async with bridge, TestClient(TestServer(admin.application())) as client:
        yield Doors(bridge, client, diary)


CANDIDATES = ("libera:#dev", "bob@example.org", "example.org", "https://example.org/x", "#dev", "utf-8", "word", "7")
"""What may suit a field that checks more than its sort does; add to it where nothing does."""


def right(field: Field) -> Any:
    if field.choices:
        return next(iter(field.choices))
    value = RIGHT[field.sort]
    if field.check is None or isinstance(value, list):
        return value
    return next(each for each in (value, *CANDIDATES) if not field.check(each))


def scope(command: Command) -> dict[str, Any]:
    """Return what has to be given besides a command's own fields, at the bridge's address."""
    about = {About.BRIDGE: {}, About.NETWORK: {"network": "libera"}, About.ROOM: {"room": ROOM}}
    return dict(about[command.about])


def every(command: Command) -> dict[str, Any]:
    return scope(command) | {field.name: right(field) for field in command.fields}


ALL = pytest.mark.parametrize("command", catalogue.COMMANDS, ids=lambda command: command.slug)


@ALL
async def test_every_door_understands_the_same(doors: Doors, command: Command) -> None:
    values = every(command)
    whose = {"user": ANN} if command.personal else {}
    seen = []
    for door, given in (
        (doors.form, values),
        (doors.chat, values),
        (doors.api, values | whose),
        (doors.words, values | whose),
    ):
        answer = await door(command, given)
        assert answer.startswith("said and done"), door.__name__
        seen.append(doors.diary.taken())
    assert seen == [seen[0]] * 4
    name, network, room, user, _ = seen[0]
    assert (name, user) == (command.name, ANN if command.personal else "")
    assert (network == "libera", room == ROOM) == (command.about is not About.BRIDGE, command.about is About.ROOM)
    assert set(seen[0][4]) == {field.name for field in command.fields}


@ALL
async def test_every_door_says_what_is_missing(doors: Doors, command: Command) -> None:
    needed = [*scope(command), *(field.name for field in command.fields if field.required)]
    labels = {field.name: field.label for field in command.fields} | {"network": "Network", "room": "Room"}
    for name in needed:
        values = {key: value for key, value in every(command).items() if key != name}
        whose = {"user": ANN} if command.personal else {}
        with pytest.raises(IqRefused, match="missing") as refused:
            await doors.form(command, values)
        assert refused.value.text == f"missing: {labels[name]}"
        assert "bad-payload" in refused.value.special
        assert f"{labels[name]}?" in await doors.chat(command, values)
        assert await doors.chat(Command(name="cancel", title=""), {}) == "Nothing is done."
        assert await doors.api(command, values | whose) == f"{name}: is missing"
        assert (await doors.words(command, values | whose)).startswith(f"{name}: is missing\nusage: {command.name}")
    assert doors.diary.calls == []


@ALL
async def test_every_door_says_what_is_wrong_at_which_field(doors: Doors, command: Command) -> None:
    for field in command.fields:
        values = every(command) | {field.name: WRONG[field.sort]}
        whose = {"user": ANN} if command.personal else {}
        for door, given in (
            (doors.form, values),
            (doors.chat, values),
            (doors.api, values | whose),
            (doors.words, values | whose),
        ):
            answer = await door(command, given)
            assert f"{field.name}" in answer, door.__name__
            assert "expected" in answer or "did you mean" in answer
            assert "hunter2" not in answer
            if door == doors.chat:
                await doors.chat(Command(name="cancel", title=""), {})
    assert doors.diary.calls == []


@pytest.mark.parametrize("command", catalogue.for_operators(), ids=lambda command: command.slug)
def test_the_command_line_hands_on_what_it_was_given(command: Command) -> None:
    parser = argparse.ArgumentParser()

    def make(commands: Any, name: str, definition: Command, words: str) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = commands.add_parser(name, help=words)
        made.set_defaults(definition=definition)
        return made

    orders.add_to(parser.add_subparsers(), make)
    words, given = command.name.split(), {}
    for field in command.fields:
        if field.name in ("all", "room", "message") and command.name.split()[0] in ("deadletters", "deliveries"):
            continue  # these exclude others, or belong together
        value = given[field.name] = right(field)
        if orders._is_in_order(field):
            words += value if isinstance(value, list) else [value]
        elif field.sort is Sort.FLAG and not field.default:
            words.append(orders._option(field))
            given[field.name] = True
        else:
            words += [f"{orders._option(field)}={each}" for each in (value if isinstance(value, list) else [value])]
    args = parser.parse_args(words)
    assert args.definition is command
    assert orders.given(command, args) == given


async def test_what_goes_wrong_inside_a_command_is_a_sentence_at_each_door() -> None:
    async def refuse(_: Call, values: Values) -> Answer:
        raise CommandRefused("is taken already", field="nick")

    command = Command(name="nick", title="Nick", fields=(Field(name="nick", label="Nick", sort=Sort.NICK),))
    commands = known(Offer(command=command, run=refuse))
    bridge = Bridge(listen=False)
    bridge.connector.know_commands(commands, lambda _: Who.USER)
    admin = Admin(FakeBridge(), commands=commands, token=lambda: "t", version="1")
    async with bridge, TestClient(TestServer(admin.application())) as client:
        doors = Doors(bridge, client, Diary())
        for door in (doors.form, doors.api, doors.words, doors.chat):
            assert (await door(command, {"nick": "bob"})).splitlines()[0] == "nick: is taken already"
