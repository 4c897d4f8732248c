"""Networks run each for itself: crash, restart, stop, and what is told of them."""

import asyncio
import itertools

import pytest

from bridge.connector import Hub, PuppetSettings, Status
from bridge.core.ids import Network
from bridge.engine.counters import Count
from tests.support.build import listed, posted
from tests.support.clock import quiet
from tests.support.connectors import HandConnector
from tests.support.hubs import works

LEFT, RIGHT = Network("left"), Network("right")


async def test_a_crash_is_logged_and_run_again_after_a_while(caplog: pytest.LogCaptureFixture):
    async with works() as w:
        right = w.networks["right"]
        right.die(RuntimeError("a bug"))
        await quiet()
        assert w.status("right") is Status.DOWN
        assert right.runs == 1
        await w.clock.advance(2)
        assert right.runs == 2
        assert w.status("right") is Status.READY
        assert "network.crashed network=right" in caplog.text
        assert "a bug" in caplog.text
        assert w.count(Count.RESTARTS) == 1


async def test_crashes_in_a_row_wait_longer_and_longer():
    async with works() as w:
        right = w.networks["right"]
        begun = []
        run = right.run

        async def crash(hub: Hub) -> None:
            begun.append(w.clock.monotonic())
            right.crash = RuntimeError("again")
            await run(hub)

        right.run = crash  # type: ignore[method-assign]
        right.die(RuntimeError("first"))
        await w.clock.advance(40)
        waits = [later - earlier for earlier, later in itertools.pairwise(begun)]
        assert waits == [2.0, 4.0, 8.0, 16.0]


async def test_after_a_time_without_trouble_the_wait_is_short_again():
    async with works() as w:
        right = w.networks["right"]
        for _ in range(4):
            right.die(RuntimeError("now and then"))
            await w.clock.advance(2)
            assert w.status("right") is Status.READY
            await w.clock.advance(100)


async def test_a_run_that_returns_is_a_crash_too():
    async with works() as w:
        right = w.networks["right"]
        right._over.set()
        await quiet()
        status = w.hub.supervisor.status(RIGHT)
        assert status is not None
        assert status.detail == "ended by itself; starting again in 1 s"


async def test_a_stray_cancellation_is_a_crash_and_not_the_end():
    async with works() as w:
        right = w.networks["right"]
        right.crash = asyncio.CancelledError()  # type: ignore[assignment]
        right._over.set()
        await w.clock.advance(5)
        assert right.runs == 2


async def test_a_crashing_network_touches_no_other(caplog: pytest.LogCaptureFixture):
    """Scenario 31: one network is broken from the start, the others run."""
    async with works() as w:
        broken = HandConnector()
        broken.crash = PermissionError("the token is wrong")
        w.add("broken", broken)
        w.link("left:#a2", "broken:#x", name="other")
        w.networks["left"].emit(posted("into the void", where="left:#a2"))
        w.networks["left"].emit(posted("hello"))
        await quiet()
        assert w.networks["right"].texts() == ["hello"]
        assert w.status("broken") is Status.DOWN
        assert w.status("left") is Status.READY
        assert "the token is wrong" in caplog.text


async def test_unanswered_sends_of_a_crashed_network_go_again():
    async with works() as w:
        right = w.networks["right"]
        right.automatic = False
        w.networks["left"].emit(posted("one"))
        w.networks["left"].emit(posted("two"))
        await quiet()
        right.die(RuntimeError("in the middle of it"))
        await quiet()
        right.automatic = True
        await w.clock.advance(10)
        assert right.texts() == ["one", "one", "two"]
        assert w.count(Count.UNCERTAIN) == 1


async def test_stopping_cancels_and_waits_but_not_for_ever(caplog: pytest.LogCaptureFixture):
    class Stubborn(HandConnector):
        async def run(self, hub: Hub) -> None:
            while True:
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    if self.runs:
                        raise
                    self.runs += 1

    async with works() as w:
        stubborn = Stubborn()
        w.add("stubborn", stubborn)
        await quiet()
        stopping = asyncio.ensure_future(w.hub.remove_network(Network("stubborn")))
        await w.clock.advance(2)
        assert not stopping.done()
        await w.clock.advance(2)
        assert stopping.done()
        assert "network.stuck network=stubborn" in caplog.text
        for task in asyncio.all_tasks():
            if task.get_name() == "network stubborn":
                task.cancel()
        await quiet()


async def test_status_says_since_when_and_what():
    async with works() as w:
        hub = w.networks["right"].hub
        assert hub is not None
        await w.clock.advance(10)
        hub.report(Status.DEGRADED, "2 of 3 hosts")
        before = w.hub.supervisor.status(RIGHT)
        await w.clock.advance(10)
        hub.report(Status.DEGRADED, "1 of 3 hosts")
        after = w.hub.supervisor.status(RIGHT)
        assert before is not None
        assert after is not None
        assert after.since == before.since
        assert after.detail == "1 of 3 hosts"
        assert after.up
        assert [status.network for status in w.hub.supervisor.statuses()] == [LEFT, RIGHT]


@pytest.mark.parametrize(
    ("status", "level"),
    [
        (Status.CONNECTING, "INFO"),
        (Status.DEGRADED, "WARNING"),
        (Status.NEEDS_LOGIN, "WARNING"),
        (Status.DOWN, "WARNING"),
    ],
)
async def test_what_an_operator_has_to_look_after_is_logged_as_a_warning(
    status: Status, level: str, caplog: pytest.LogCaptureFixture
):
    async with works() as w:
        hub = w.networks["right"].hub
        assert hub is not None
        with caplog.at_level("INFO"):
            hub.report(status, "why")
        said = [record for record in caplog.records if record.message.endswith("detail=why")]
        assert [record.levelname for record in said] == [level]


async def test_listeners_hear_of_every_report():
    async with works() as w:
        heard = []
        w.hub.supervisor.on_status(lambda now, before: heard.append((now.status, before and before.status)))
        hub = w.networks["right"].hub
        assert hub is not None
        hub.report(Status.DOWN)
        hub.report(Status.READY)
        hub.report(Status.READY)
        assert heard == [
            (Status.DOWN, Status.READY),
            (Status.READY, Status.DOWN),
            (Status.READY, Status.READY),
        ]


async def test_a_network_can_be_replaced_while_it_has_deliveries():
    async with works() as w:
        right = w.networks["right"]
        right.automatic = False
        w.networks["left"].emit(posted("one"))
        await quiet()
        await w.hub.remove_network(RIGHT)
        w.networks["left"].emit(posted("two"))
        await quiet()
        again = HandConnector()
        w.hub.add_network(RIGHT, again, PuppetSettings())
        await quiet()
        assert again.texts() == ["one", "two"]


async def test_closing_leaves_what_is_unsent_in_the_store():
    async with works() as w:
        w.networks["right"].automatic = False
        w.networks["left"].emit(listed("juliet"))
        w.networks["left"].emit(posted("one"))
        await quiet()
        closing = asyncio.ensure_future(w.hub.close())
        await w.clock.advance(5)
        await closing
        assert sum((await w.store.lanes()).values()) == 1
        assert w.clock.pending() == 0
