"""A network as its users use it: its rooms, and leaving it."""

import pytest

from bridge.commands import networks
from bridge.commands.networks import ListedRoom
from bridge.connector import Listed
from bridge.core.acts import ActRefused, Obstacle
from bridge.core.commands import Answer, Caller, Place, Who, Why
from bridge.core.dialogue import Stuck, pass_through
from bridge.core.ids import Network, Person, RoomId
from tests.support.commands import known

LIBERA = Network("libera")
ANN = Caller(user="ann@example.org", who=Who.USER)


class Libera:
    """Lists a hundred rooms; ann has one session."""

    def __init__(self) -> None:
        self.refused: ActRefused | None = None
        self.sessions = {("ann@example.org", "libera"): 1}

    async def rooms(self, network: Network, by: Person) -> list[Listed]:
        assert (network, by.id) == (LIBERA, "ann@example.org")
        if self.refused is not None:
            raise self.refused
        many = [Listed(room=RoomId(f"#r{number}"), members=number) for number in range(100)]
        return [*many, Listed(room=RoomId("#Python"), members=50, topic="snakes")]

    def disconnect(self, user: str, *, network: str = "") -> int:
        return self.sessions.pop((user, network), 0)


def address(network: Network, room: RoomId) -> str:
    return f"{room.casefold()}%{network}@bridge"


async def do(libera: Libera, name: str, **given: object) -> Answer | Stuck:
    commands = known(*networks.offers(libera, libera, address=address), networks=("libera",))
    place = Place(network=LIBERA)
    offer = commands.find(name, place)
    assert offer is not None
    return await pass_through(commands.first(offer, place, ANN), given)


async def test_rooms_are_listed_the_largest_first() -> None:
    answer = await do(Libera(), "rooms list", limit="2")
    assert isinstance(answer, Answer)
    assert answer.table is not None
    assert answer.table.rows == (("#r99", "99", "#r99%libera@bridge", ""), ("#r98", "98", "#r98%libera@bridge", ""))
    assert answer.remark == "99 more are not shown"


@pytest.mark.parametrize("part", ["pyth", "SNAKE"])
async def test_rooms_are_found_by_name_and_subject(part: str) -> None:
    answer = await do(Libera(), "rooms list", match=part)
    assert isinstance(answer, Answer)
    assert answer.data == [ListedRoom(room="#Python", address="#python%libera@bridge", members=50, topic="snakes")]
    nothing = await do(Libera(), "rooms list", match="nowhere")
    assert nothing == Answer(text="There is none.", data=[])


@pytest.mark.parametrize(
    ("obstacle", "why"), [(Obstacle.AWAY, Why.AWAY), (Obstacle.BUSY, Why.CONFLICT), (Obstacle.IMPOSSIBLE, Why.WRONG)]
)
async def test_why_rooms_cannot_be_listed(obstacle: Obstacle, why: Why) -> None:
    libera = Libera()
    libera.refused = ActRefused(obstacle, "not now")
    assert await do(libera, "rooms list") == Answer(text="not now", why=why)


async def test_leaving_a_network() -> None:
    libera = Libera()
    assert await do(libera, "disconnect") == Answer(text="You have left libera.")
    assert await do(libera, "disconnect") == Answer(text="You are not on libera now.", why=Why.MISSING)
