"""Registering with networks (XEP-0077): one form for login and settings, errors that name the field, and leaving for good."""

from typing import Any
from xml.etree.ElementTree import Element

import pytest

from bridge.commands import logins, preferences
from bridge.core.commands import Values, Who
from bridge.core.ids import XMPP, Network, Person, PersonId
from bridge.xmpp.commands import adhoc
from bridge.xmpp.ports import IqRefused, Request
from tests.support.adapting import AdaptingConnector
from tests.support.clock import quiet
from tests.support.commands import known
from tests.support.hubs import works
from tests.support.muc import xml
from tests.support.xmpp_connector import Bridge

REGISTER = "jabber:iq:register"
HOME, RIGHT = "bridge.localhost", "right@bridge.localhost"
JULIET = "juliet@home.example/balcony"
USER = Person(XMPP, PersonId("juliet@home.example"))
NETWORK = Network("right")
_R, _X = f"{{{REGISTER}}}", "{jabber:x:data}"


@pytest.fixture
async def world():
    """Give an XMPP side with the network "right", where users log in and have settings, and "dull", where they have neither."""
    async with works() as w:
        await w.hub.remove_network(NETWORK)
        w.add("right", right := AdaptingConnector())
        await quiet()
        bridge = Bridge(listen=False)
        bridge.connector.know_networks({NETWORK: "irc", Network("dull"): "webhook", XMPP: "xmpp"})
        offers = (*logins.offers(w.hub.logins), *preferences.offers(w.hub.preferences))
        bridge.connector.know_commands(known(*offers, networks=("right", "dull")), lambda _: Who.USER)
        bridge.connector.know_registrations(w.hub.registrations)
        bridge.right, bridge.engine = right, w.hub
        async with bridge:
            yield bridge


async def iq(
    bridge: Bridge, inner: str = "", *, kind: str = "set", to: str = RIGHT, sender: str = JULIET
) -> Element | None:
    described = bridge.connector.directory.describe(to.rpartition("@")[0])
    assert described is not None
    payload = xml(f"<query xmlns='{REGISTER}'>{inner}</query>")
    answer = bridge.stream.answers[kind, f"{_R}query"]
    said: Any = answer(Request(kind=kind, sender=sender, to=to, id="1", payload=payload, described=described))
    said = said if isinstance(said, str) else await said
    return xml(said) if said else None


def form(**values: str) -> str:
    fields = "".join(f"<field var='{name}'><value>{value}</value></field>" for name, value in values.items())
    return f"<x xmlns='jabber:x:data' type='submit'>{fields}</x>"


async def test_what_is_kept_for_a_server_that_is_not_there_is_not_said_to_be_forgotten(world: Bridge) -> None:
    assert await iq(world, form(nick="jule")) is None
    await world.engine.remove_network(NETWORK)
    visited: list[Network] = []
    world.connector._registering._visit = visited.append
    refused = await refusal(world, "<remove/>", to=HOME)
    assert (refused.condition, visited) == ("recipient-unavailable", [NETWORK])
    visiting = AdaptingConnector()
    world.connector._registering._visit = lambda _: world.engine.preferences.attach(NETWORK, visiting)
    assert await iq(world, "<remove/>", to=HOME) is None
    assert world.engine.registrations.kept("juliet@home.example") == []


async def refusal(bridge: Bridge, inner: str, **fields: str) -> IqRefused:
    with pytest.raises(IqRefused) as refused:
        await iq(bridge, inner, **fields)
    return refused.value


def shown(query: Element) -> dict[str, str]:
    return {field.get("var"): field.findtext(f"{_X}value", "") for field in query.find(f"{_X}x").findall(f"{_X}field")}


async def test_a_network_that_can_be_registered_with_says_so(world) -> None:
    about = {
        to: world.connector.directory.describe(to.rpartition("@")[0]).features for to in (RIGHT, HOME, f"dull@{HOME}")
    }
    assert [REGISTER in features for features in about.values()] == [True, True, False]


async def test_the_form_has_what_login_and_settings_ask_for(world) -> None:
    query = await iq(world, kind="get")
    assert query.find(f"{_R}registered") is None
    assert query.findtext(f"{_R}username") == ""
    assert query.find(f"{_R}password") is not None
    assert shown(query) == {
        "FORM_TYPE": REGISTER,
        **dict.fromkeys(("username", "password", "nick", "realname", "ident", "server_password"), ""),
        **dict.fromkeys(("commands", "encoding", "channels"), ""),
    }
    types = {field.get("var"): field.get("type") for field in query.iter(f"{_X}field")}
    assert (types["password"], types["commands"], types["nick"]) == ("text-private", "text-multi", "text-single")
    assert query.find(f".//{_X}required") is None


async def test_who_registers_is_logged_in_and_has_settings(world) -> None:
    assert (
        await iq(world, form(FORM_TYPE=REGISTER, username="jc", password="right", nick="jule", ident="capulet")) is None
    )
    assert world.right.used == {USER: "jc"}
    preferred = world.right.preferred[USER]
    assert (preferred.nick, preferred.username) == ("jule", "capulet")
    query = await iq(world, kind="get")
    assert query.find(f"{_R}registered") is not None
    now = shown(query)
    assert (now["username"], now["password"], now["nick"], now["ident"]) == ("jc", "", "jule", "capulet")


async def test_without_forms_an_account_and_its_password_will_do(world) -> None:
    await iq(world, "<username>jc</username><password>right</password>")
    assert world.right.used == {USER: "jc"}


async def test_settings_alone_are_enough(world) -> None:
    await iq(world, form(nick="jule"))
    assert (await iq(world, kind="get")).find(f"{_R}registered") is not None
    assert world.right.used == {}


async def test_what_comes_back_as_it_was_shown_changes_nothing(world) -> None:
    await iq(world, form(username="jc", password="right", nick="jule", server_password="sesame", channels="#a"))
    before = world.right.preferred[USER]
    again = {name: value for name, value in shown(await iq(world, kind="get")).items() if name != "FORM_TYPE"}
    await iq(world, form(**again))
    assert world.right.preferred[USER] == before
    assert before.server_password == "sesame"
    assert world.right.used == {USER: "jc"}
    await iq(world, form(**{**again, "nick": ""}))
    assert world.right.preferred[USER].nick == ""


@pytest.mark.parametrize(
    ("inner", "words"),
    [
        ("", "username: is missing"),
        ("<username>jc</username>", "password: it is not accepted"),
        ("<username>jc</username><password>wrong</password>", "password: it is not accepted"),
        (form(username="jc", password="wrong"), "password: it is not accepted"),
        (form(password="right"), "username: is missing"),
        (form(nick="two words"), 'nick: found "two words", expected a nick'),
        (form(ident="two words"), 'ident: found "two words", expected up to 32 letters'),
        (form(encoding="klingon"), 'encoding: found "klingon"'),
        (form(nick="a\rb"), "nick: found"),
        (form(nick=""), "nothing was given"),
    ],
)
async def test_what_cannot_be_is_not_acceptable_and_names_the_field(world, inner: str, words: str) -> None:
    refused = await refusal(world, inner.replace("\r", "&#13;"))
    assert refused.condition == "not-acceptable"
    assert words in refused.text
    assert (world.right.used, world.right.preferred) == ({}, {})


async def test_a_form_that_is_not_filled_in_is_a_bad_request(world) -> None:
    assert (await refusal(world, "<x xmlns='jabber:x:data' type='form'/>")).condition == "bad-request"


async def test_who_unregisters_has_nothing_any_more(world) -> None:
    await iq(world, form(username="jc", password="right", nick="jule"))
    assert await iq(world, "<remove/>") is None
    assert (world.right.used, world.right.preferred) == ({}, {})
    assert (await iq(world, kind="get")).find(f"{_R}registered") is None
    assert (await refusal(world, "<remove/>")).condition == "registration-required"


async def test_the_bridge_itself_tells_where_to_go_and_forgets_everything(world) -> None:
    query = await iq(world, kind="get", to=HOME)
    assert [child.tag for child in query] == [f"{_R}instructions"]
    assert RIGHT in query.findtext(f"{_R}instructions")
    assert RIGHT in (await refusal(world, form(username="jc"), to=HOME)).text
    await world.engine.preferences.change(NETWORK, USER, Values({"nick": "jule"}))
    assert await iq(world, "<remove/>", to=HOME) is None
    assert world.right.preferred == {}
    assert (await refusal(world, "<remove/>", to=HOME)).condition == "registration-required"


async def test_there_is_nothing_to_register_with_where_users_have_nothing(world) -> None:
    assert (await refusal(world, "", kind="get", to=f"dull@{HOME}")).condition == "service-unavailable"
    assert (await refusal(world, "", kind="get", to=f"somebody%right@{HOME}")).condition == "service-unavailable"


# the same by a form of XEP-0050


async def settings(bridge: Bridge, session: str = "", inner: str = "") -> Element:
    commands = "http://jabber.org/protocol/commands"
    payload = f"<command xmlns='{commands}' node='settings' sessionid='{session}'>{inner}</command>"
    described = bridge.connector.directory.describe("right")
    request = Request(kind="set", sender=JULIET, to=RIGHT, id="1", payload=xml(payload), described=described)
    return xml(await bridge.stream.answers["set", adhoc.PAYLOAD](request))


async def test_the_form_of_settings_shows_what_is_set_and_takes_what_is_changed(world) -> None:
    await iq(world, form(nick="jule", server_password="sesame", commands="OPER me hunter2", encoding="koi8-r"))
    first = await settings(world)
    now = shown(first)
    assert (now["nick"], now["server_password"], now["commands"]) == ("jule", "", "OPER ••••••")
    done = await settings(world, first.get("sessionid"), form(nick="", commands=now["commands"], username="jc"))
    assert done.get("status") == "completed"
    preferred = world.right.preferred[USER]
    assert (preferred.nick, preferred.username) == ("", "jc")
    assert preferred.commands == ("OPER me hunter2",)
    assert (preferred.encoding, preferred.server_password) == ("koi8-r", "sesame")  # were not in what was sent
    assert "hunter2" not in "".join(done.itertext())
    assert "sesame" not in "".join(done.itertext())


async def test_the_form_of_settings_comes_back_with_what_is_wrong_and_without_secrets(world) -> None:
    first = await settings(world)
    again = await settings(
        world, first.get("sessionid"), form(nick="two words", server_password="sesame", realname="J")
    )
    assert again.get("status") == "executing"
    assert 'nick: found "two words", expected a nick' in "".join(again.itertext()).replace("Nick (nick)", "nick")
    assert (shown(again)["realname"], shown(again)["server_password"]) == ("J", "")
    assert world.right.preferred == {}
