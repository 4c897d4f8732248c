"""The way through a command: what is offered where and to whom, and what follows from what was given."""

import pytest

from bridge.core.commands import (
    OPERATOR,
    About,
    Answer,
    Call,
    Caller,
    Command,
    CommandRefused,
    Field,
    Form,
    Offer,
    Place,
    Sort,
    Step,
    Table,
    Values,
    Who,
    Why,
    cut,
    written,
)
from bridge.core.dialogue import Commands, Stuck, follow_line, pass_through, usage
from bridge.core.ids import Network
from bridge.core.lines import words
from tests.support.commands import Known

LIBERA = Network("libera")
ROOM = "#dev%libera@bridge.localhost"
BRIDGE, NETWORK, IN_ROOM = Place(), Place(network=LIBERA), Place(network=LIBERA, room=ROOM)
STRANGER, ANN, BOSS = Caller(user="x@y"), Caller(user="ann@b", who=Who.USER), Caller(user="boss@b", who=Who.ADMIN)
NICK = Field(name="nick", label="Nick")


async def say(call: Call, values: Values) -> Answer:
    return Answer(text=f"{call.network} {call.room} {call.user} {values.text('nick')}")


def offer(name: str, **fields: object) -> Offer:
    on = fields.pop("on", lambda _: True)
    return Offer(command=Command(name=name, title=name.title(), **fields), run=say, on=on)


KNOWN = Known(("libera", "family"))
COMMANDS = Commands(KNOWN)
COMMANDS.offer(
    (
        offer("links add", who=Who.ADMIN),
        offer("links list", who=Who.ADMIN),
        offer("hello", who=Who.ANYONE),
        offer("login", about=About.NETWORK, personal=True, on=lambda place: place.network == LIBERA),
        offer("stay", about=About.ROOM, personal=True, fields=(NICK,)),
        offer("status", who=Who.ADMIN, node="urn:status"),
    )
)


@pytest.mark.parametrize(
    ("place", "caller", "names"),
    [
        (BRIDGE, STRANGER, "hello"),
        (BRIDGE, ANN, "hello login stay"),
        (BRIDGE, BOSS, "hello links_add links_list login status stay"),
        (BRIDGE, OPERATOR, "hello links_add links_list login status stay"),
        (NETWORK, ANN, "login stay"),
        (NETWORK, BOSS, "login stay"),
        (Place(network=Network("family")), ANN, "stay"),
        (IN_ROOM, ANN, "stay"),
        (IN_ROOM, STRANGER, ""),
    ],
)
def test_what_is_offered_where_and_to_whom(place, caller, names) -> None:
    assert [each.command.slug.replace("-", "_") for each in COMMANDS.at(place, caller)] == names.split()


@pytest.mark.parametrize(
    ("name", "place", "found"),
    [
        ("links add", BRIDGE, "links add"),
        ("links-add", BRIDGE, "links add"),
        ("Links  ADD", BRIDGE, "links add"),
        ("urn:status", BRIDGE, "status"),
        ("links", BRIDGE, None),
        ("", BRIDGE, None),
        ("links add", NETWORK, None),
        ("login", Place(network=Network("family")), None),
    ],
)
def test_a_command_is_found_by_name_or_node(name, place, found) -> None:
    offered = COMMANDS.find(name, place)
    assert (None if offered is None else offered.command.name) == found


@pytest.mark.parametrize(
    ("line", "caller", "meant"),
    [
        ("linsk add", BOSS, 'There is no command "linsk"; did you mean "links add"?'),
        ("links ad", BOSS, 'There is no command "links ad"; did you mean "links add"?'),
        ("links", BOSS, '"links" what? expected one of links add, links list'),
        ("links swim away", BOSS, '"links" what? expected one of links add, links list'),
        ("links", ANN, 'There is no command "links"; did you mean "login"?'),
        ("hallo", ANN, 'There is no command "hallo"; did you mean "hello"?'),
        ("how are you", ANN, ""),
    ],
)
def test_what_was_probably_meant(line, caller, meant) -> None:
    assert COMMANDS.meant(words(line), BRIDGE, caller) == meant


async def run(name: str, place: Place, caller: Caller, **given: object) -> Answer | Stuck:
    offered = COMMANDS.find(name, place)
    assert offered is not None
    return await pass_through(COMMANDS.first(offered, place, caller), given)


@pytest.mark.parametrize(
    ("name", "place", "caller", "given", "said"),
    [
        ("login", NETWORK, ANN, {}, "libera  ann@b "),
        ("login", BRIDGE, ANN, {"network": "LIBERA"}, "libera  ann@b "),
        ("login", BRIDGE, OPERATOR, {"network": "libera", "user": "Bob@B/x"}, "libera  bob@b "),
        ("stay", IN_ROOM, ANN, {"nick": "n"}, f"libera {ROOM} ann@b n"),
        ("stay", NETWORK, ANN, {"nick": "n", "room": "#dev"}, f"libera {ROOM} ann@b n"),
        ("stay", BRIDGE, ANN, {"nick": "n", "room": ROOM}, f"libera {ROOM} ann@b n"),
        ("hello", BRIDGE, STRANGER, {}, "    "),
    ],
)
async def test_what_the_place_does_not_say_is_given(name, place, caller, given, said) -> None:
    answer = await run(name, place, caller, **given)
    assert isinstance(answer, Answer)
    assert answer.text.rstrip() == said.rstrip()


@pytest.mark.parametrize(
    ("name", "place", "caller", "given", "wrong"),
    [
        ("login", BRIDGE, ANN, {}, "network: is missing"),
        ("login", BRIDGE, ANN, {"network": "family"}, 'network: found "family", expected one of libera'),
        ("login", BRIDGE, OPERATOR, {"network": "libera"}, "user: is missing"),
        ("login", NETWORK, ANN, {"user": "bob@b"}, "user: is not known here: expected none"),
        ("stay", BRIDGE, ANN, {"nick": "n", "room": "#dev"}, 'room: found "#dev", expected the address of a room that'),
        ("stay", NETWORK, ANN, {}, "room: is missing\nnick: is missing"),
    ],
)
async def test_what_is_missing_or_wrong_is_told(name, place, caller, given, wrong) -> None:
    stuck = await run(name, place, caller, **given)
    assert isinstance(stuck, Stuck)
    assert str(stuck).startswith(wrong)
    assert stuck.why is Why.WRONG


async def test_who_is_barred_from_a_network_does_nothing_there_from_anywhere() -> None:
    KNOWN.barred = {"ann@b": "you may not use this network"}
    try:
        for place, given in ((NETWORK, {}), (BRIDGE, {"network": "libera"})):
            answer = await run("login", place, ANN, **given)
            assert answer == Answer(text="you may not use this network", why=Why.FORBIDDEN)
        assert isinstance(await run("login", NETWORK, BOSS), Answer)
    finally:
        KNOWN.barred = {}


# -- several forms


async def first(_: Call, values: Values) -> Step:
    async def second(more: Values) -> Step:
        if more.text("name") == values.text("name"):
            msg = "is the same as before"
            raise CommandRefused(msg, field="name")
        return Answer(text=f"{values.text('name')} {more.text('name')} {more.text('words')}")

    fields = (Field(name="name", label="Another"), Field(name="words", label="Words", required=False))
    return Form(title="And then", fields=fields, then=second)


TWICE = Offer(
    command=Command(name="twice", title="Twice", more=True, fields=(Field(name="name", label="Name"),)), run=first
)


def twice() -> Form:
    return COMMANDS.first(TWICE, BRIDGE, ANN)


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        ("a b", "a b "),
        ("a b rest  of it", "a b rest  of it"),
        ("name=a name=b", "b: never"),
        ("a", "name: is missing"),
        ("", "name: is missing"),
        ("a a", "name: is the same as before"),
    ],
)
async def test_a_line_goes_through_all_forms(line, outcome) -> None:
    done = await follow_line(twice(), words(line))
    if outcome == "b: never":  # both were for the first form, where the last counts
        assert str(done) == "name: is missing"
        return
    assert (done.text if isinstance(done, Answer) else str(done)) == outcome


async def test_values_that_the_first_form_takes_are_not_there_for_the_next() -> None:
    stuck = await pass_through(twice(), {"name": "a", "words": "w"})
    assert isinstance(stuck, Stuck)
    assert (str(stuck), stuck.form.title) == ("name: is missing", "And then")


# -- how it is told


def test_usage() -> None:
    fields = (
        NICK,
        Field(name="rooms", label="R", sort=Sort.LIST, required=False),
        Field(name="all", label="A", sort=Sort.FLAG, required=False),
        Field(name="network", label="N", named=True),
    )
    assert usage("do", fields, more=True) == "do NICK [ROOMS…] [all=yes] network=NETWORK …"
    assert usage("do", fields) == "do NICK [ROOMS…] [all=yes] network=NETWORK"


async def prefer(_: Call, __: Values) -> Step:
    async def change(values: Values) -> Answer:
        return Answer(text=f"nick: {values.text('nick')}")

    fields = (
        Field(name="nick", label="Nick", required=False, value="ann"),
        Field(name="password", label="Password", sort=Sort.SECRET, required=False, value="hunter2"),
    )
    return Form(title="You", instructions="All may be left out.", fields=fields, then=change)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "All may be left out.\n  nick: Nick; may be left out; now: ann\n  password: Password; may be left out"),
        ("nick=bob", "nick: bob"),
        ("bob", "nick: bob"),
    ],
)
async def test_to_give_nothing_where_nothing_is_needed_is_to_ask_what_there_is(line, said) -> None:
    offered = Offer(command=Command(name="settings", title="Settings", more=True), run=prefer)
    assert await follow_line(COMMANDS.first(offered, BRIDGE, ANN), words(line)) == Answer(text=said)


def test_an_answer_has_bounds() -> None:
    rows = tuple((f"{number:04}", "x" * 90) for number in range(1_000))
    table = Table(columns=("N", "X"), rows=rows)
    shown, left = cut(table, most=10_000)
    assert (len(shown.rows), left) == (104, 896)
    text = written(Answer(text="All of them", table=table, remark="beware"), most=10_000)
    assert len(text) < 10_000
    assert text.splitlines()[0] == "All of them"
    assert text.splitlines()[-2:] == [
        "948 more are not shown here: give a smaller limit, or ask the admin API.",
        "beware",
    ]
    assert len(written(Answer(text="x" * 20_000), most=10_000)) < 10_100
    assert written(Answer(text="short", remark="r")) == "short\nr"
    assert written(Answer()) == "Done."
