"""Commands at our addresses: by forms (XEP-0050) and by chat; the commands here are those that log a user in."""

from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element

import pytest

from bridge.connector import Login, LoginField, LoginForm, LoginRefused, Secret
from bridge.core.ids import XMPP, Network, Person, PersonId
from bridge.engine.ports import StoredLogin
from bridge.xmpp import adhoc, disco
from bridge.xmpp.ports import IqRefused, Request
from tests.support.clock import quiet
from tests.support.muc import NS, xml
from tests.support.xmpp_connector import Bridge

FAMILY = "family@bridge.localhost"
COMMANDS = "http://jabber.org/protocol/commands"
DATA = "{jabber:x:data}"
ANN = "ann@localhost/phone"
FORM = LoginForm(
    title="Speak with a bot of your own",
    instructions="Get a token from @BotFather.",
    fields=(LoginField(name="token", label="Token", secret=True),),
)
TWO_FIELDS = LoginForm(
    title="Log in",
    instructions="Name and password.",
    fields=tuple(LoginField(name=n, label=n) for n in ("name", "password")),
)


class Desk:
    """Keeps logins in a dictionary; takes every token but "bad"."""

    def __init__(self, form: LoginForm = FORM) -> None:
        self.form = form
        self.kept: dict[Person, StoredLogin] = {}
        self.given: list[Mapping[str, str]] = []

    def forms(self) -> Mapping[Network, LoginForm]:
        return {Network("family"): self.form}

    def of(self, network: Network, person: Person) -> StoredLogin | None:
        return self.kept.get(person)

    async def log_in(self, network: Network, person: Person, given: Mapping[str, str]) -> Login:
        self.given.append(given)
        if "bad" in given.values():
            raise LoginRefused("Telegram does not know this token")
        login = Login(person=person, name="@ann_bot", credentials=Secret("x"))
        self.kept[person] = StoredLogin(network=network, login=login, at=1)
        return login

    async def log_out(self, network: Network, person: Person) -> bool:
        return self.kept.pop(person, None) is not None


@pytest.fixture
async def bridge():
    """Give a running connector with the networks "family", which takes logins, and "irc", which does not."""
    one = Bridge(listen=False)
    one.connector.know_networks({Network("family"): "telegram", Network("irc"): "irc", XMPP: "xmpp"})
    one.desk = Desk()
    one.connector.know_logins(one.desk)
    async with one:
        yield one


def asked(bridge: Bridge, payload: str, *, to: str = FAMILY, sender: str = ANN, kind: str = "set") -> Request:
    described = bridge.connector.directory.describe(to.partition("@")[0])
    assert described is not None
    return Request(kind=kind, sender=sender, to=to, id="1", payload=xml(payload), described=described)


async def command(bridge: Bridge, payload: str, **fields: Any) -> Element:
    answer = bridge.stream.answers["set", adhoc.PAYLOAD]
    return xml(await answer(asked(bridge, payload, **fields)))


def execute(node: str, session: str = "", *, inner: str = "", action: str = "execute") -> str:
    return f"<command xmlns='{COMMANDS}' node='{node}' sessionid='{session}' action='{action}'>{inner}</command>"


def filled(**values: str) -> str:
    fields = "".join(f"<field var='{name}'><value>{value}</value></field>" for name, value in values.items())
    return f"<x xmlns='jabber:x:data' type='submit'>{fields}</x>"


def note(answer: Element) -> tuple[str, str]:
    found = answer.find(f"{{{COMMANDS}}}note")
    assert answer.get("status") == "completed"
    return found.get("type"), found.text


async def test_a_networks_address_lists_its_commands(bridge) -> None:
    listed = xml(disco.items(asked(bridge, f"<query xmlns='x' node='{COMMANDS}'/>")))
    assert [(item.get("jid"), item.get("node")) for item in listed] == [
        (FAMILY, "login"),
        (FAMILY, "logout"),
        (FAMILY, "whoami"),
    ]
    about = disco.info(asked(bridge, "<query xmlns='x'/>"))
    assert COMMANDS in about
    one = disco.info(asked(bridge, "<query xmlns='x' node='login'/>"))
    assert "command-node" in one
    assert "jabber:x:data" in one
    assert "command-list" in disco.info(asked(bridge, f"<query xmlns='x' node='{COMMANDS}'/>"))


async def test_a_network_that_takes_no_logins_offers_none(bridge) -> None:
    there = "irc@bridge.localhost"
    assert len(xml(disco.items(asked(bridge, f"<query xmlns='x' node='{COMMANDS}'/>", to=there)))) == 0
    assert COMMANDS not in disco.info(asked(bridge, "<query xmlns='x'/>", to=there))
    with pytest.raises(IqRefused, match="item-not-found"):
        await command(bridge, execute("login"), to=there)


async def test_logging_in_by_a_form(bridge) -> None:
    first = await command(bridge, execute("login"))
    form = first.find(f"{DATA}x")
    assert (first.get("status"), form.get("type"), form.findtext(f"{DATA}title")) == ("executing", "form", FORM.title)
    field = form.find(f"{DATA}field")
    assert (field.get("var"), field.get("type"), field.get("label")) == ("token", "text-private", "Token")
    answer = await command(bridge, execute("login", first.get("sessionid"), inner=filled(token=" 1:abc ")))
    assert note(answer) == ("info", "From now on you speak on family as @ann_bot.")
    assert bridge.desk.given == [{"token": "1:abc"}]
    assert list(bridge.desk.kept) == [Person(XMPP, PersonId("ann@localhost"))]
    assert note(await command(bridge, execute("whoami"))) == ("info", "You are @ann_bot on family.")
    again = await command(bridge, execute("login"))
    assert "this replaces it" in again.find(f"{DATA}x").findtext(f"{DATA}instructions")
    assert note(await command(bridge, execute("logout"))) == ("info", "Your login on family is forgotten.")
    assert note(await command(bridge, execute("logout"))) == ("error", "You have no login on family.")


async def test_a_refused_login_says_why(bridge) -> None:
    first = await command(bridge, execute("login"))
    answer = await command(bridge, execute("login", first.get("sessionid"), inner=filled(token="bad")))
    assert note(answer) == ("error", "Telegram does not know this token")


async def test_a_command_can_be_given_up(bridge) -> None:
    first = await command(bridge, execute("login"))
    session = first.get("sessionid")
    assert (await command(bridge, execute("login", session, action="cancel"))).get("status") == "canceled"
    with pytest.raises(IqRefused, match="begin anew"):
        await command(bridge, execute("login", session, inner=filled(token="t")))


@pytest.mark.parametrize(
    ("node", "sender", "inner", "why"),
    [
        ("login", "eve@localhost/x", filled(token="t"), "begin anew"),
        ("logout", ANN, filled(token="t"), "begin anew"),
        ("login", ANN, "", "missing: Token"),
        ("login", ANN, filled(token="  "), "missing: Token"),
        ("login", ANN, filled(other="t"), "missing: Token"),
    ],
    ids=["somebody else", "another command", "no form", "blank", "another field"],
)
async def test_what_does_not_go_on(bridge, node, sender, inner, why) -> None:
    first = await command(bridge, execute("login"))
    with pytest.raises(IqRefused, match=why):
        await command(bridge, execute(node, first.get("sessionid"), inner=inner), sender=sender)
    assert bridge.desk.given == []


async def test_an_abandoned_command_is_forgotten(bridge) -> None:
    first = await command(bridge, execute("login"))
    await bridge.clock.advance(adhoc.LASTS + 1)
    with pytest.raises(IqRefused, match="begin anew"):
        await command(bridge, execute("login", first.get("sessionid"), inner=filled(token="t")))


@pytest.mark.parametrize("action", ["cancel", "prev", "explode"])
async def test_a_command_begins_with_execute(bridge, action) -> None:
    with pytest.raises(IqRefused, match="begins with execute"):
        await command(bridge, execute("login", action=action))


# -- by chat


async def said(bridge: Bridge, line: str, *, to: str = FAMILY, sender: str = ANN) -> list[str]:
    """Say a line to an address of ours; return what it answers."""
    bridge.stream.sent.clear()
    bridge.stream.deliver(f"<message type='chat' from='{sender}' to='{to}'><body>{line}</body></message>")
    await quiet()
    answers = bridge.stream.sent
    assert all((each.get("from"), each.get("to"), each.get("type")) == (to, sender, "chat") for each in answers)
    return [each.findtext(f"{{{NS}}}body") for each in answers]


async def test_logging_in_by_chat(bridge) -> None:
    assert await said(bridge, "login 1:abc") == ["From now on you speak on family as @ann_bot."]
    assert bridge.desk.given == [{"token": "1:abc"}]
    assert await said(bridge, "whoami") == ["You are @ann_bot on family."]
    assert await said(bridge, " Logout ") == ["Your login on family is forgotten."]
    assert await said(bridge, "login bad") == ["Telegram does not know this token"]


async def test_a_word_alone_says_what_is_missing(bridge) -> None:
    assert await said(bridge, "login") == ["Get a token from @BotFather.\nThen: login TOKEN"]


async def test_several_inputs_are_several_words(bridge) -> None:
    bridge.desk.form = TWO_FIELDS
    assert await said(bridge, "login ann") == ["Name and password.\nThen: login NAME PASSWORD"]
    await said(bridge, "login ann  pass phrase")
    assert bridge.desk.given == [{"name": "ann", "password": "pass phrase"}]


async def test_anything_else_is_answered_with_what_can_be_said_once_a_minute(bridge) -> None:
    [words] = await said(bridge, "hello")
    assert words.splitlines()[1:] == [
        "login: Speak with a bot of your own",
        "logout: Forget your login here",
        "whoami: Who you are here",
        "help: this list",
    ]
    assert await said(bridge, "hello?") == []
    assert await said(bridge, "help") == [words]


async def test_where_there_are_no_commands_nothing_is_one(bridge) -> None:
    [words] = await said(bridge, "login 1:abc", to="irc@bridge.localhost")
    assert words.startswith("I am a bridge between chat networks")
    assert bridge.desk.given == []
