"""Commands at our addresses: by forms (XEP-0050) and by chat; the commands here are those that log a user in."""

from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element

import pytest

from bridge.commands import logins
from bridge.connector import Login, LoginForm, LoginRefused, Secret
from bridge.core.commands import Field, Sort, Who
from bridge.core.ids import XMPP, Network, Person, PersonId
from bridge.engine.ports import StoredLogin
from bridge.xmpp import disco
from bridge.xmpp.commands import adhoc, console
from bridge.xmpp.ports import IqRefused, Request
from tests.support.clock import quiet
from tests.support.commands import known
from tests.support.muc import NS, ROOM, xml
from tests.support.xmpp_connector import Bridge

HOME = "bridge.localhost"
FAMILY = "family@bridge.localhost"
COMMANDS = "http://jabber.org/protocol/commands"
DATA = "{jabber:x:data}"
ANN = "ann@localhost/phone"
FORM = LoginForm(
    title="Speak with a bot of your own",
    instructions="Get a token from @BotFather.",
    fields=(Field(name="token", label="Token", sort=Sort.SECRET),),
)
TWO_FIELDS = LoginForm(
    title="Log in",
    instructions="Name and password.",
    fields=tuple(Field(name=n, label=n) for n in ("name", "password")),
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
    one.connector.know_commands(known(*logins.offers(one.desk), networks=("family", "irc")), lambda _: Who.USER)
    async with one:
        yield one


def asked(bridge: Bridge, payload: str, *, to: str = FAMILY, sender: str = ANN, kind: str = "set") -> Request:
    described = bridge.connector.directory.describe(to.rpartition("@")[0])
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
    with pytest.raises(IqRefused, match="item-not-found"):
        await command(bridge, execute("login"), to=there)


async def test_at_the_bridge_s_own_address_the_network_is_asked_for(bridge) -> None:
    first = await command(bridge, execute("login"), to=HOME)
    field = first.find(f"{DATA}x/{DATA}field")
    options = [option.findtext(f"{DATA}value") for option in field.iterfind(f"{DATA}option")]
    assert (field.get("var"), field.get("type"), options) == ("network", "list-single", ["family"])
    assert [each.tag.rpartition("}")[2] for each in first.find(f"{{{COMMANDS}}}actions")] == ["next"]
    second = await command(bridge, execute("login", first.get("sessionid"), inner=filled(network="family")), to=HOME)
    assert second.find(f"{DATA}x").findtext(f"{DATA}title") == FORM.title
    assert [each.tag.rpartition("}")[2] for each in second.find(f"{{{COMMANDS}}}actions")] == ["prev", "complete"]
    back = await command(bridge, execute("login", first.get("sessionid"), action="prev"), to=HOME)
    assert back.find(f"{DATA}x/{DATA}field").findtext(f"{DATA}value") == "family"
    wrong = await command(bridge, execute("login", first.get("sessionid"), inner=filled(network="famly")), to=HOME)
    assert wrong.get("status") == "executing"
    assert wrong.find(f"{{{COMMANDS}}}note").text == 'network: found "famly", did you mean "family"?'
    await command(bridge, execute("login", first.get("sessionid"), inner=filled(network="family")), to=HOME)
    done = await command(bridge, execute("login", first.get("sessionid"), inner=filled(token="t")), to=HOME)
    assert note(done) == ("info", "From now on you speak on family as @ann_bot.")


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
        ("login", ANN, "", "expected a form"),
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


@pytest.mark.parametrize(
    ("action", "why"), [("cancel", "bad-action"), ("prev", "bad-action"), ("explode", "malformed-action")]
)
async def test_a_command_begins_with_execute(bridge, action, why) -> None:
    with pytest.raises(IqRefused, match="bad-request") as refused:
        await command(bridge, execute("login", action=action))
    assert refused.value.special == f"<{why} xmlns='{COMMANDS}'/>"


async def test_through_a_room_nobody_knows_who_calls() -> None:
    async with Bridge() as one:
        desk = Desk()
        one.connector.know_networks({Network("family"): "telegram"})
        one.connector.know_commands(known(*logins.offers(desk), networks=("family",)), lambda _: Who.USER)
        with pytest.raises(IqRefused, match="forbidden"):
            await command(one, execute("login"), sender=f"{ROOM}/ann")


async def test_what_somebody_may_not_do_they_do_not_see(bridge) -> None:
    bridge.connector.know_commands(known(*logins.offers(bridge.desk), networks=("family",)), lambda _: Who.ANYONE)
    assert len(xml(disco.items(asked(bridge, f"<query xmlns='x' node='{COMMANDS}'/>")))) == 0
    with pytest.raises(IqRefused, match="forbidden"):
        await command(bridge, execute("login"))
    assert await said(bridge, "login 1:abc") == ['You may not do this; say "help" for what you may.']


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


async def test_a_word_alone_is_asked_for_the_rest(bridge) -> None:
    assert await said(bridge, "login") == ["Get a token from @BotFather.\nToken? (or: cancel)"]
    assert await said(bridge, "1:abc") == ["From now on you speak on family as @ann_bot."]
    assert bridge.desk.given == [{"token": "1:abc"}]
    await said(bridge, "login")
    assert await said(bridge, "cancel") == ["Nothing is done."]
    assert await said(bridge, "whoami") == ["You are @ann_bot on family."]


async def test_a_question_is_forgotten_after_a_while(bridge) -> None:
    await said(bridge, "login")
    await bridge.clock.advance(console.LASTS + 1)
    assert await said(bridge, "whoami") == ["You have no login on family."]


async def test_several_inputs_are_several_words(bridge) -> None:
    bridge.desk.form = TWO_FIELDS
    assert await said(bridge, "login ann") == ["Name and password.\npassword? (or: cancel)"]
    await said(bridge, " pass  phrase ")
    await said(bridge, "login ann  pass  phrase")
    await said(bridge, "login password='pass  phrase' ann")
    assert bridge.desk.given == [{"name": "ann", "password": "pass  phrase"}] * 3


async def test_at_the_bridge_s_own_address_the_network_comes_first(bridge) -> None:
    assert await said(bridge, "login family 1:abc", to=HOME) == ["From now on you speak on family as @ann_bot."]
    assert await said(bridge, "whoami network=family", to=HOME) == ["You are @ann_bot on family."]
    assert await said(bridge, "whoami", to=HOME) == ["Network? One of family. (or: cancel)"]
    assert await said(bridge, "irc", to=HOME) == [
        'network: found "irc", expected one of family\nNetwork? One of family. (or: cancel)'
    ]
    assert await said(bridge, "family", to=HOME) == ["You are @ann_bot on family."]


async def test_after_a_wrong_answer_another_command_is_no_answer(bridge) -> None:
    wrong = 'network: found "irc", expected one of family\nNetwork? One of family. (or: cancel)'
    assert await said(bridge, "whoami irc", to=HOME) == [wrong]
    assert await said(bridge, "logout family", to=HOME) == ["You have no login on family."]
    await said(bridge, "whoami irc", to=HOME)
    [words] = await said(bridge, "help", to=HOME)
    assert "whoami NETWORK: Who you are here" in words
    assert await said(bridge, "family", to=HOME) == [words], "the question is over"


async def test_help_tells_what_there_is_and_how_it_is_said(bridge) -> None:
    [words] = await said(bridge, "help")
    assert words.splitlines()[1:] == [
        "login …: Speak here as yourself",
        "logout: Forget your login here",
        "whoami: Who you are here",
        "help: this list; help COMMAND: how that is said",
    ]
    assert await said(bridge, "help whoami", to=HOME) == [
        "whoami: Who you are here\nwhoami NETWORK\n  network: Network; one of family"
    ]
    assert await said(bridge, "hello") == [words]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("logn x", 'There is no command "logn"; did you mean "login"?'),
        ("help whoam", 'There is no command "whoam"; did you mean "whoami"?'),
        ("cancel", "There is nothing to cancel."),
        ("whoami there", 'found "there", which is too much: it takes nothing\nwhoami'),
        ("LOGOUT", "You have no login on family."),
    ],
)
async def test_what_is_said_wrongly_is_told(bridge, line, answer) -> None:
    assert await said(bridge, line) == [answer]


async def test_two_programs_do_not_talk_for_ever(bridge) -> None:
    answers = [await said(bridge, "hello, I am a program") for _ in range(console.OFTEN + 2)]
    assert [len(each) for each in answers] == [1] * console.OFTEN + [0, 0]
    await bridge.clock.advance(61)
    assert len(await said(bridge, "hello")) == 1


async def test_where_there_are_no_commands_nothing_is_one(bridge) -> None:
    assert await said(bridge, "login 1:abc", to="irc@bridge.localhost") == [
        "I am a network's own address, and no person. I understand:\nhelp: this list; help COMMAND: how that is said"
    ]
    assert bridge.desk.given == []


async def test_a_line_that_is_too_long_is_said_to_be_and_calls_nothing(bridge) -> None:
    assert await said(bridge, "login " + "x" * console.LONGEST) == [
        f"That has {console.LONGEST + 6} characters; {console.LONGEST} are the most that I read."
    ]
    assert bridge.desk.given == []


async def test_a_fault_in_a_command_is_told_as_one_and_the_next_is_taken(bridge, caplog) -> None:
    bridge.desk.kept = None
    assert await said(bridge, "whoami") == ["The bridge failed at this; its log says why."]
    assert "command.fault command=whoami" in caplog.text
    bridge.desk.kept = {}
    assert await said(bridge, "whoami") == ["You have no login on family."]
