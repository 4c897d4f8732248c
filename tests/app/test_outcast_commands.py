"""The commands of outcasts, as an administrator gives them."""

from collections.abc import Collection

import pytest

from bridge.commands import outcasts
from bridge.core.commands import OPERATOR, Answer, Caller, Place, Who
from bridge.core.dialogue import Commands, Stuck, pass_through
from bridge.core.ids import Network
from tests.support.commands import known
from tests.support.echoes import Bridge

ADMIN = Caller(user="admin@x.example", who=Who.ADMIN)


def networks() -> Collection[Network]:
    return (Network("libera"),)


async def told(commands: Commands, name: str, caller: Caller = ADMIN, **given: str) -> Answer | Stuck:
    offer = commands.find(name, Place())
    assert offer is not None
    return await pass_through(commands.first(offer, Place(), caller), given)


@pytest.fixture
def commands() -> Commands:
    return known(*outcasts.offers(Bridge().hub.outcasts, networks))


async def test_somebody_is_cast_out_listed_and_pardoned(commands: Commands) -> None:
    assert str(await told(commands, "outcasts list")) != ""
    cast = await told(commands, "outcasts add", who="libera:*!*@evil.example", reason="spam")
    assert isinstance(cast, Answer)
    assert (cast.text, cast.remark) == ("libera:*!*@evil.example is cast out.", "")
    listed = await told(commands, "outcasts list")
    assert isinstance(listed, Answer)
    assert [(each.mask, each.by, each.reason) for each in listed.data] == [
        ("*!*@evil.example", "admin@x.example", "spam")
    ]
    assert listed.table is not None
    assert listed.table.rows[0][0] == "libera:*!*@evil.example"
    gone = await told(commands, "outcasts remove", OPERATOR, who="libera:*!*@EVIL.example")
    assert isinstance(gone, Answer)
    assert gone.text == "libera:*!*@EVIL.example is pardoned."


async def test_what_makes_no_sense_is_said(commands: Commands) -> None:
    stuck = await told(commands, "outcasts add", who="libera:*")
    assert isinstance(stuck, Stuck)
    assert "NETWORK:MASK such as" in str(stuck)
    unknown = await told(commands, "outcasts add", who="oftc:eve")
    assert isinstance(unknown, Answer)
    assert unknown.remark == 'No network is called "oftc" at the moment.'
    missing = await told(commands, "outcasts remove", who="libera:nobody")
    assert "is not on the list" in str(missing)
