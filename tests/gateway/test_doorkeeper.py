"""The doorkeeper: who may, how much, how fast; each answer names what stands in the way."""

import pytest

from bridge.config import GatewaySettings
from bridge.core.ids import Network, Room, RoomId
from bridge.doorkeeper import Doorkeeper
from bridge.xmpp.hosted.ports import Doing

LIBERA, OFTC = Network("libera"), Network("oftc")
JULIET = "juliet@x.example"


class Day:
    """Seconds that a test can let pass."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def door(**settings: object) -> Doorkeeper:
    return Doorkeeper(GatewaySettings(**settings), now=Day())  # type: ignore[arg-type]


def rooms(*names: str) -> list[Room]:
    return [Room(Network(network), RoomId(room)) for network, _, room in (name.partition(":") for name in names)]


@pytest.mark.parametrize(
    ("settings", "network", "why"),
    [
        ({}, "libera", ""),
        ({"deny": ("x.example",)}, "libera", "you may not use this gateway"),
        ({"allow": ("y.example",)}, "libera", "you may not use this gateway"),
        ({"allow_on": {"libera": ("y.example",)}}, "libera", "you may not use libera here"),
        ({"allow_on": {"libera": ("*@x.example",)}}, "libera", ""),
        ({"allow_on": {"libera": ("y.example",)}}, "oftc", ""),
        ({"open_irc_users": ("y.example",)}, "libera", ""),
        (
            {"open_irc_users": ("y.example",)},
            "irc.far.example",
            "you may use the networks of this gateway, and no server of your choice",
        ),
        ({"open_irc_users": ("juliet@*",)}, "irc.far.example", ""),
        ({"open_irc_users": ("juliet@*",), "deny": ("juliet@*",)}, "irc.far.example", "you may not use this gateway"),
    ],
)
def test_who_may_use_which_network(settings: dict[str, object], network: str, why: str) -> None:
    assert door(**settings).refuses(JULIET, Network(network), is_open=network.startswith("irc.")) == why


def test_who_was_cast_out_is_refused_like_somebody_who_is_denied() -> None:
    keeper = door(allow=("x.example",))
    keeper.outcasts = lambda user: user == JULIET
    assert keeper.refuses(JULIET, LIBERA)
    assert not keeper.refuses("romeo@x.example", LIBERA)
    assert keeper.refused == {"denied": 1, "full": 0, "fast": 0}


@pytest.mark.parametrize(
    ("settings", "held", "users", "why"),
    [
        ({}, ["libera:#a"] * 1, 1_000, ""),
        ({"max_users": 10}, [], 9, ""),
        ({"max_users": 10}, [], 10, "the gateway has its 10 users: try again later"),
        ({"max_users": 10}, ["libera:#a"], 10, ""),
        ({"max_networks": 1}, ["libera:#a"], 1, ""),
        ({"max_networks": 1}, ["oftc:#a"], 1, "you are on 1 network, and may be on 1"),
        ({"max_rooms": 2}, ["libera:#a", "oftc:#a", "oftc:#b"], 1, ""),
        ({"max_rooms": 2}, ["libera:#a", "libera:#b"], 1, "you are in 2 rooms of libera, and may be in 2"),
        ({"max_rooms": 2}, ["libera:#a", "libera:#new"], 1, ""),
        ({"max_rooms": 0, "max_networks": 0}, [f"n{n}:#r" for n in range(500)], 1, ""),
    ],
)
def test_how_much_somebody_may_use(settings: dict[str, object], held: list[str], users: int, why: str) -> None:
    assert door(**settings).bounds(rooms("libera:#new")[0], rooms(*held), users) == why


def test_in_how_many_rooms_somebody_may_stay() -> None:
    keeper = door(max_stays=2)
    assert [keeper.bounds_stays(held) for held in (1, 2)] == ["", "you stay in 2 rooms, and may stay in 2"]
    assert keeper.refused["full"] == 1
    assert not door().bounds_stays(500)


def test_how_fast_and_when_to_try_again() -> None:
    day = Day()
    keeper = Doorkeeper(GatewaySettings(rate_joins="2/1m", rate_messages="3/10s", rate_room="4/10s"), now=day)
    assert [keeper.hurries(JULIET, Doing.JOIN) for _ in range(3)] == [
        "",
        "",
        "too many joins: 2 in 60 s; try again in 30 s",
    ]
    assert not keeper.hurries(JULIET, Doing.COMMAND)
    assert [bool(keeper.hurries(JULIET, Doing.SPEAK, "#a")) for _ in range(4)] == [False, False, False, True]
    assert not keeper.hurries("romeo@x.example", Doing.SPEAK, "#a")
    assert keeper.hurries("paris@x.example", Doing.SPEAK, "#a").startswith("too many messages in this room: 4 in 10 s")
    assert not keeper.hurries("paris@x.example", Doing.SPEAK, "#b")
    day.now = 30.0
    assert not keeper.hurries(JULIET, Doing.JOIN)
    assert keeper.refused["fast"] == 3


def test_other_settings_count_from_the_next_question_on_and_the_same_change_nothing() -> None:
    keeper = door(rate_joins="1/1h")
    assert not keeper.hurries(JULIET, Doing.JOIN)
    keeper.settings = GatewaySettings(rate_joins="1/1h")
    assert keeper.hurries(JULIET, Doing.JOIN)
    keeper.settings = GatewaySettings(rate_joins="1/1h", deny=(JULIET,))
    assert not keeper.hurries(JULIET, Doing.JOIN)
    assert keeper.denies(JULIET)
