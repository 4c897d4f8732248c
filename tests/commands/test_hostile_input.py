"""Whatever is said, filled in or sent: there is an answer, it has bounds, and nothing is done by accident."""

import json
from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.commands import catalogue
from bridge.core.commands import Answer, Caller, Command, Field, Form, Offer, Place, Sort, Table, Who
from bridge.core.dialogue import Stuck, follow_line, pass_through
from bridge.core.fields import Wrong
from bridge.core.ids import Network
from bridge.core.lines import words
from bridge.web.admin import Admin
from bridge.xmpp.commands import adhoc, console, forms
from bridge.xmpp.ports import IqRefused, Request
from tests.support.administered import FakeBridge
from tests.support.clock import quiet
from tests.support.commands import known
from tests.support.muc import NS, xml
from tests.support.xmpp_connector import Bridge

COMMANDS = "http://jabber.org/protocol/commands"
HOME = "bridge.localhost"


async def nothing(*_: object) -> Answer:
    return Answer(text="said and done")


ALL = known(*(Offer(command=each, run=nothing) for each in catalogue.COMMANDS), networks=("libera",))
HERE = Place()
BOSS = Caller(user="boss@b", who=Who.ADMIN)
NAMES = st.sampled_from([each.name for each in catalogue.COMMANDS])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(NAMES, st.text(max_size=200))
@settings(deadline=None)
async def test_every_line_has_an_answer(name: str, rest: str) -> None:
    called = ALL.called(words(f"{name} {rest}"), HERE)
    assert called is not None
    offer, left = called
    done = await follow_line(ALL.first(offer, HERE, BOSS), left)
    assert isinstance(done, Answer) or str(done)
    assert isinstance(ALL.meant(words(rest), HERE, BOSS), str)


@given(NAMES, st.data())
@settings(deadline=None)
async def test_every_set_of_values_has_an_answer(name: str, data: st.DataObject) -> None:
    offer = ALL.find(name, HERE)
    assert offer is not None
    form = ALL.first(offer, HERE, BOSS)
    values = {field.name: data.draw(JSON) for field in form.fields if data.draw(st.booleans())}
    done = await pass_through(form, values)
    if isinstance(done, Stuck):
        assert all(each.field in {field.name for field in form.fields} for each in done.wrong)
        assert all(len(each.reason) < 500 for each in done.wrong)


@pytest.fixture
async def client() -> AsyncIterator[TestClient]:
    admin = Admin(FakeBridge(), commands=ALL, token=lambda: "t", version="1")
    async with TestClient(TestServer(admin.application())) as one:
        yield one


@given(st.text(max_size=50), JSON)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_the_api_never_fails_of_itself(client: TestClient, name: str, body: object) -> None:
    headers = {"Authorization": "Bearer t"}
    sent = json.dumps(body).encode()
    for path in ("/api/v1/commands", "/api/v1/commands/links-add", f"/api/v1/commands/{name or 'x'}"):
        response = await client.post(path, data=sent, headers=headers)
        assert response.status < 500
        if response.status >= 400:
            assert (await response.json(content_type=None))["status"] == response.status


@pytest.fixture
async def bridge() -> AsyncIterator[Bridge]:
    one = Bridge(listen=False)
    one.connector.know_networks({Network("libera"): "irc"})
    one.connector.know_commands(ALL, lambda _: Who.ADMIN)
    async with one:
        yield one


async def command(bridge: Bridge, payload: str, sender: str = "boss@b/x") -> str:
    described = bridge.connector.directory.describe("")
    request = Request(kind="set", sender=sender, to=HOME, id="1", payload=xml(payload), described=described)
    answer: str = await bridge.stream.answers["set", adhoc.PAYLOAD](request)
    return answer


@pytest.mark.parametrize(
    "line",
    [
        "help " + "x" * 100_000,
        "links add " + "a:b " * 30_000,
        "links add 'never closed",
        'links add "" "" ""',
        "status \u202e\u2066 \U0001f980",
        "links add x=y=z == = =x",
        "\u0085links\u00a0add",
        "help help help",
        "cancel cancel",
        '"links add" x',
    ],
    ids=range(10),
)
async def test_every_line_of_chat_is_answered_within_bounds(bridge: Bridge, line: str) -> None:
    bridge.stream.deliver(f"<message type='chat' from='boss@b/x' to='{HOME}'><body>{line}</body></message>")
    await quiet()
    [answer] = bridge.stream.sent
    text = answer.findtext(f"{{{NS}}}body")
    assert text
    assert len(text) < console.LONGEST + 500


@pytest.mark.parametrize(
    ("inner", "condition"),
    [
        ("", "bad-payload"),
        ("<x xmlns='jabber:x:data'/>", "bad-payload"),
        ("<x xmlns='jabber:x:data' type='form'/>", "bad-payload"),
        ("<x xmlns='jabber:x:data' type='submit'/>", "bad-payload"),
        ("<x xmlns='jabber:x:data' type='submit'><field/><field var='name'/></x>", "bad-payload"),
        ("<x xmlns='jabber:x:data' type='submit'><field var='name'><value/></field></x>", "bad-payload"),
    ],
)
async def test_a_form_that_is_none_is_refused_and_can_be_sent_again(bridge: Bridge, inner: str, condition: str) -> None:
    first = xml(await command(bridge, f"<command xmlns='{COMMANDS}' node='links-add' action='execute'/>"))
    session = first.get("sessionid")
    with pytest.raises(IqRefused, match="bad-request") as refused:
        await command(bridge, f"<command xmlns='{COMMANDS}' node='links-add' sessionid='{session}'>{inner}</command>")
    assert condition in refused.value.special
    values = "".join(f"<value>a:{number}</value>" for number in range(2))
    form = f"<field var='name'><value>x</value></field><field var='rooms'>{values}</field>"
    done = await command(
        bridge,
        f"<command xmlns='{COMMANDS}' node='links-add' sessionid='{session}' action='complete'>"
        f"<x xmlns='jabber:x:data' type='submit'>{form}</x></command>",
    )
    assert xml(done).get("status") == "completed"


async def test_one_user_cannot_make_others_commands_forgotten(bridge: Bridge) -> None:
    begin = f"<command xmlns='{COMMANDS}' node='links-add' action='execute'/>"
    session = xml(await command(bridge, begin, "ann@b/x")).get("sessionid")
    for number in range(adhoc.MOST + 5):
        await command(bridge, begin, f"eve@b/{number}")
    cancel = f"<command xmlns='{COMMANDS}' node='links-add' sessionid='{session}' action='cancel'/>"
    assert xml(await command(bridge, cancel, "ann@b/x")).get("status") == "canceled"


async def test_a_secret_is_not_sent_back() -> None:
    field = Field(name="password", label="Password", sort=Sort.SECRET)
    other = Field(name="port", label="Port", sort=Sort.NUMBER, least=1, most=9)
    command_ = Command(name="login", title="Log in", fields=(field, other))
    commands = known(Offer(command=command_, run=nothing))
    offer = commands.find("login", HERE)
    assert offer is not None
    form = commands.first(offer, HERE, BOSS)
    stuck = await pass_through(form, {"password": "hunter2", "port": "x"})
    assert isinstance(stuck, Stuck)
    shown = forms.form(form, dict(stuck.given))
    assert "hunter2" not in shown
    assert "<value>x</value>" in shown
    assert "datatype='xs:integer'" in shown
    assert "<range min='1' max='9'/>" in shown


def test_a_list_of_any_length_fits_into_a_stanza() -> None:
    table = Table(columns=("A", "B"), rows=tuple(("<&'>" * 20, str(number)) for number in range(100_000)))
    written = forms.answer(Answer(table=table), title="All")
    assert len(written) < 2 * forms.LARGEST
    assert "more are not shown here" in written


def test_what_is_listed_and_what_is_wrong_is_seen_by_clients_that_show_only_the_form() -> None:
    table = Table(columns=("LINK", "FROM"), rows=(("dev", "file"), ("x", "command")))
    listed = xml(f"<a xmlns='jabber:x:data'>{forms.answer(Answer(table=table), title='List all links')}</a>")[0]
    assert (listed.get("type"), listed.findtext("{jabber:x:data}title")) == ("result", "List all links")
    field = listed.find("{jabber:x:data}field")
    assert field is not None
    assert [value.text for value in field] == ["LINK  FROM", "dev   file", "x     command"]
    items = [[value.text for value in item.iter("{jabber:x:data}value")] for item in listed.iter("{jabber:x:data}item")]
    assert items == [["dev", "file"], ["x", "command"]]
    number = Field(name="port", label="The port", sort=Sort.NUMBER)
    form = Form(title="T", fields=(number,), then=lambda _: nothing(), instructions="Which?")
    wrong = xml(forms.form(form, {"port": "x"}, wrong=[Wrong("port", "is none")]))
    assert wrong.findtext("{jabber:x:data}instructions") == "The port (port): is none\nWhich?"
