"""Outcasts: seen and heard in no other room, from the moment that they are cast out until they are pardoned."""

import pytest

from bridge.core.ids import Network
from bridge.engine.counters import Count
from tests.support.clock import quiet
from tests.support.echoes import Bridge, bridge, stopped

LEFT = Network("left")


async def test_who_is_cast_out_is_gone_elsewhere_and_says_nothing() -> None:
    async with bridge() as b:
        left, right = b.network("left"), b.network("right")
        for name in ("Mallory", "Juliet"):
            left.join("#a", name)
        left.say("#a", "Mallory", "buy this")
        await quiet()
        assert {"Juliet", "Mallory"} <= set(right.names("#b"))
        await b.hub.outcasts.cast(LEFT, "mal*", reason="spam", by="admin@x.example")
        await quiet()
        assert "Mallory" not in right.names("#b")
        left.say("#a", "Mallory", "and this")
        left.join("#a", "Malvolio")
        left.say("#a", "Juliet", "good riddance")
        await quiet()
        assert right.transcript("#b")[-1] == "Juliet: good riddance"
        assert "and this" not in str(right.transcript("#b"))
        assert "Malvolio" not in right.names("#b")
        assert b.hub.counters.get(Count.CAST_OUT) >= 2


async def test_an_outcast_with_another_name_is_seen_and_one_with_a_new_bad_name_is_not() -> None:
    async with bridge() as b:
        left, right = b.network("left"), b.network("right")
        await b.hub.outcasts.cast(LEFT, "mallory")
        left.join("#a", "Mallory")
        left.join("#a", "Juliet")
        await quiet()
        left.rename("Juliet", "Mallory2")
        await quiet()
        assert right.names("#b") == ["Mallory2"]
        await b.hub.outcasts.cast(LEFT, "mallory?")
        await quiet()
        assert right.names("#b") == []


async def test_the_list_outlives_the_run_and_a_pardon_ends_it() -> None:
    one = Bridge()
    async with stopped(one) as b:
        await b.hub.open()
        await b.hub.outcasts.cast(LEFT, "mallory", reason="spam")
        await b.hub.outcasts.cast(LEFT, "eve")
        assert await b.hub.outcasts.pardon(LEFT, "EVE")
        assert not await b.hub.outcasts.pardon(LEFT, "eve")
    async with stopped(Bridge(store=one.store)) as b:
        await b.hub.open()
        for name in ("left", "right"):
            b.add(name)
        b.link("left:#a", "right:#b")
        await quiet()
        assert [(str(each), each.reason) for each in b.hub.outcasts.listed()] == [("left:mallory", "spam")]
        b.network("left").say("#a", "Mallory", "hello?")
        b.network("left").say("#a", "Eve", "hello!")
        await quiet()
        assert b.network("right").transcript("#b") == ["Eve: hello!"]


@pytest.mark.parametrize(("mask", "out"), [("spam.example", True), ("*@spam.example", True), ("other.example", False)])
async def test_users_are_cast_out_by_their_address(mask: str, out: bool) -> None:
    async with bridge() as b:
        await b.hub.outcasts.cast(Network("xmpp"), mask)
        assert b.hub.outcasts.names_user("romeo@spam.example") is out
