"""Questions that others ask: each gets one answer, who asks too much is told so, and nobody waits for somebody else's."""

import asyncio
from typing import Any

import pytest

from bridge.xmpp.answers import AT_ONCE, MOST_WAITING, Answers
from bridge.xmpp.ports import Described, Request
from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire.errors import refusal
from tests.support.clock import quiet
from tests.support.muc import xml

DOMAIN = "bridge.example.org"
SLOW, QUICK = "{x}slow", "{x}quick"


class Desk:
    """Answers, with one question that takes until it is let go."""

    def __init__(self) -> None:
        self.answers = Answers(domain=DOMAIN, describes=self, say=self._say)
        self.answers.register("get", SLOW, self._slow)
        self.answers.register("get", QUICK, lambda _: "<quick xmlns='x'/>")
        self.answers.register("get", f"{{{ns.PING}}}ping", lambda _: "")
        self.said: dict[str, str] = {}  # by id: "result", or an error's condition
        self.begun: list[str] = []
        self.go = asyncio.Event()

    def describe(self, localpart: str) -> Described | None:
        return Described(category="gateway", kind="irc", name="x") if localpart != "nobody" else None

    def _say(self, stanza: str) -> None:
        answer = xml(stanza)
        assert answer.get("id", "") not in self.said, "two answers"
        error = answer.get("type") == "error"
        self.said[answer.get("id", "")] = refusal(answer).condition if error else "result"

    async def _slow(self, request: Request) -> str:
        self.begun.append(request.id)
        await self.go.wait()
        return ""

    def ask(
        self, id_: str, payload: str = "<slow xmlns='x'/>", *, by: str = "juliet@home.example/desk", to: str = ""
    ) -> None:
        self.answers.take(xml(f"<iq type='get' id='{id_}' from='{by}' to='{to or DOMAIN}'>{payload}</iq>"))


async def test_somebody_who_asks_much_keeps_nobody_else_waiting_and_gets_every_answer() -> None:
    desk = Desk()
    for number in range(AT_ONCE + 20):
        desk.ask(f"j{number}", by=f"juliet@home.example/{number}")  # with however many clients
    desk.ask("r", by="romeo@home.example/lute")
    desk.ask("q", "<quick xmlns='x'/>")
    await quiet()
    assert desk.begun == [*(f"j{number}" for number in range(AT_ONCE)), "r"]
    assert desk.said == {"q": "result"}
    desk.go.set()
    await quiet()
    assert desk.begun[AT_ONCE + 1 :] == [f"j{number}" for number in range(AT_ONCE, AT_ONCE + 20)]
    assert set(desk.said.values()) == {"result"}
    assert len(desk.said) == AT_ONCE + 22


async def test_too_many_that_wait_are_refused_and_later_ones_are_taken_again() -> None:
    desk = Desk()
    for number in range(AT_ONCE + MOST_WAITING + 2):
        desk.ask(f"j{number}")
    assert set(desk.said) == {f"j{AT_ONCE + MOST_WAITING}", f"j{AT_ONCE + MOST_WAITING + 1}"}
    assert set(desk.said.values()) == {"resource-constraint"}
    desk.go.set()
    await quiet()
    assert len(desk.said) == AT_ONCE + MOST_WAITING + 2
    desk.ask("again")
    await quiet()
    assert desk.said["again"] == "result"


async def test_what_waits_ends_with_the_stream_and_the_next_begins_anew() -> None:
    desk = Desk()
    for number in range(AT_ONCE + 5):
        desk.ask(f"j{number}")
    await quiet()
    desk.answers.abandon()
    await quiet()
    assert desk.said == {}
    desk.go.set()
    desk.ask("next")
    await quiet()
    assert desk.said == {"next": "result"}


@pytest.mark.parametrize(
    ("payload", "to", "condition"),
    [
        ("<quick xmlns='x'/>", "", "resource-constraint"),
        ("<slow xmlns='x'/>", "", "resource-constraint"),
        ("<unknown xmlns='x'/>", "", "resource-constraint"),
        ("<quick xmlns='x'/>", f"nobody@{DOMAIN}", "resource-constraint"),
        (f"<ping xmlns='{ns.PING}'/>", "", "result"),
        ("<quick xmlns='x'/>", "elsewhere.example", None),
    ],
)
async def test_who_asks_too_much_in_a_time_has_to_wait(payload: str, to: str, condition: Any) -> None:
    desk = Desk()
    asked: list[str] = []

    def hurries(who: str) -> str:
        asked.append(who)
        return "too many questions"

    desk.answers.hurries = hurries
    desk.ask("q", payload, to=to)
    assert desk.said.get("q") == condition
    assert asked == (["juliet@home.example"] if condition == "resource-constraint" else [])
