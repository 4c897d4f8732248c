"""``whois``, ``connection`` and ``raw`` at a network's address."""

import pytest

from bridge.commands import people
from bridge.connector import Session, Status
from bridge.core.acts import Obstacle
from bridge.core.commands import Answer, Caller, Place, Who, Why
from bridge.core.dialogue import Stuck, pass_through
from bridge.core.ids import Network
from tests.support.commands import known
from tests.support.people import IRC, Crowd, profile

ANN = Caller(user="ann@example.org", who=Who.USER)


async def do(crowd: Crowd, name: str, heard: list[str] | None = None, **given: object) -> Answer | Stuck:
    heard = [] if heard is None else heard
    commands = known(
        *people.offers(crowd, lambda user, network: heard.append(f"{user} {network}")), networks=("irc", "tg")
    )
    place = Place(network=IRC)
    offer = commands.find(name, place)
    assert offer is not None
    return await pass_through(commands.first(offer, place, ANN), given)


async def test_who_somebody_is() -> None:
    crowd = Crowd(profile("Bob", full_name="Bob Builder", account="bobby"))
    assert await do(crowd, "whois", nick="BOB") == Answer(text="Bob Builder:\nBob on irc\nAccount: bobby")
    nobody = await do(crowd, "whois", nick="carol")
    assert isinstance(nobody, Answer)
    assert nobody.why is Why.MISSING


@pytest.mark.parametrize(
    ("session", "told"),
    [
        (None, "You are not connected to irc."),
        (Session(detail="killed"), "You are not connected to irc: killed."),
        (Session(status=Status.CONNECTING), "You are being connected to irc."),
        (
            Session(status=Status.READY, name="ann", since=1_700_000_000_000, own=True),
            "You are connected to irc as ann, since 2023-11-14 22:13 UTC.",
        ),
        (
            Session(status=Status.READY, name="ann", since=1_700_000_000_000),
            "You are shown by a linked room on irc as ann, since 2023-11-14 22:13 UTC.",
        ),
    ],
)
async def test_how_a_connection_is(session: Session | None, told: str) -> None:
    crowd = Crowd()
    if session is not None:
        crowd.sessions["ann@example.org"] = session
    assert await do(crowd, "connection") == Answer(text=told)


async def test_a_line_of_ones_own_is_sent_and_its_answer_waited_for() -> None:
    crowd, heard = Crowd(), list[str]()
    assert await do(crowd, "raw", heard, line="WHOIS bob") == Answer(text="Sent.")
    assert crowd.lines == [("ann@example.org", "WHOIS bob")]
    assert heard == ["ann@example.org irc"]
    crowd.obstacle = Obstacle.AWAY
    assert await do(crowd, "raw", line="WHOIS bob") == Answer(text="no", why=Why.AWAY)


def test_where_there_are_no_such_people_nothing_is_offered() -> None:
    commands = known(*people.offers(Crowd(), lambda _, __: None), networks=("irc", "tg"))
    assert commands.at(Place(network=Network("tg")), ANN) == []
    assert len(commands.at(Place(network=IRC), ANN)) == 3
