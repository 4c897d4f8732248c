"""What an administrator is told of deliveries: one word for where each is."""

import pytest

from bridge.administration import Administration
from bridge.core.commands import CommandRefused
from bridge.core.failures import Permanent, Retry
from tests.support.build import posted
from tests.support.clock import quiet
from tests.support.hubs import Works, works


def office(w: Works) -> Administration:
    async def nothing() -> None:
        return

    return Administration(hub=w.hub, store=w.store, clock=w.clock, apply=nothing)


async def test_a_message_goes_from_queued_over_sent_and_retrying_to_confirmed():
    async with works() as w:
        desk = office(w)
        w.networks["right"].automatic = False
        w.networks["left"].emit(posted("one", id="one"))
        w.networks["left"].emit(posted("two", id="two"))
        await w.clock.advance(0)
        assert [each.state for each in await desk.deliveries(10)] == ["sent", "queued"]
        w.networks["right"].answer(Retry("not now", after=30))
        await w.clock.advance(0)
        [first, _] = await desk.deliveries(10)
        assert (first.state, first.reason, first.attempts, first.due) == (
            "retrying",
            "not now",
            1,
            w.clock.now() + 30_000,
        )
        await w.clock.advance(30)
        w.networks["right"].answer()
        await quiet()
        [only] = await desk.fate("left:#a", "one")
        assert (only.room, only.state) == ("right:#b", "confirmed")
        w.networks["right"].answer(Permanent("too rude"))
        await quiet()
        [failed] = await desk.fate("left:#a", "two")
        assert (failed.state, failed.certain, failed.reason) == ("failed", True, "too rude")
        with pytest.raises(CommandRefused, match="has no message"):
            await desk.fate("left:#a", "three")
