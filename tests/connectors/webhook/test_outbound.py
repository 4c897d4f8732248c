"""Telling an endpoint over real sockets: the request, what each answer means, and where no request ever goes."""

import asyncio
import base64
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import standardwebhooks
from aiohttp.abc import AbstractResolver
from msgspec.structs import replace

from bridge.conformance.recorder import Recorder
from bridge.connector import Secret, Status
from bridge.core.content import Content, Kind, Reply
from bridge.core.deliveries import Announce, AsBridge, AsMask, Edit, Head, Kick, NetworkIs, Post, React, Retract, Sent
from bridge.core.events import DirectPosted, MessagePosted
from bridge.core.failures import Permanent, Retry, Unsupported
from bridge.core.ids import DeliveryKey, EventKey, MessageId, MessageRef, Network, digest
from connectors.webhook.endpoints import EndpointSettings
from connectors.webhook.outbound import PROBE, Outbound
from tests.support.build import member, person, room
from tests.support.clock import START
from tests.support.endpoint import Answers, Cuts, Endpoint, GoesOn, Hangs, endpoint

CI = Network("ci")
KEY = Secret("whsec_" + base64.b64encode(b"0123456789abcdefghijklmnopqrstuv").decode())
OLD_KEY = Secret("whsec_" + base64.b64encode(b"vutsrqponmlkjihgfedcba9876543210").decode())
FIRST = MessageRef(room("libera:#dev"), MessageId("m1"))


class Time:
    """Seconds since the epoch, moved by hand."""

    def __init__(self) -> None:
        self.now = START / 1000

    def __call__(self) -> float:
        return self.now


class Stage:
    """An Outbound with one endpoint."""

    def __init__(self, outbound: Outbound, hub: Recorder, time: Time, there: Endpoint) -> None:
        self.outbound = outbound
        self.hub = hub
        self.time = time
        self.there = there

    async def tell(self, delivery: Any = None) -> Sent:
        return await self.outbound.send(delivery or post())

    async def fails(self, delivery: Any = None) -> Exception:
        with pytest.raises((Retry, Permanent)) as failed:
            await self.tell(delivery)
        return failed.value


@asynccontextmanager
async def stage(
    *, there: Endpoint | None = None, hub: Recorder | None = None, url: str = "",
    resolver: Callable[[], AbstractResolver] | None = None, time: Time | None = None, **settings: Any,
) -> AsyncIterator[Stage]:  # fmt: skip
    async with endpoint() as own:
        there = there or own
        hub, time = hub or Recorder(), time or Time()
        wanted = {"private": True} | settings
        audit = msgspec.convert(
            {"url": url or there.url} | wanted, EndpointSettings, dec_hook=lambda _, value: Secret(value)
        )
        outbound = Outbound(CI, {"audit": audit}, version="1", now=time, jitter=lambda: 0.5, resolver=resolver)
        await outbound.open(hub)
        try:
            yield Stage(outbound, hub, time, there)
        finally:
            await outbound.close()


def head(name: str = "1", *, by: str = "Bob", where: str = "libera:#dev", at: int = START) -> Head:
    voice = AsMask(member=member(by, room(where).network)) if by else AsBridge()
    key = DeliveryKey(digest(name))
    share = room("ci:builds/audit")
    return Head(key=key, room=share, voice=voice, source=room(where), event=EventKey(name), at=at)


def post(text: str = "the ferry is late", name: str = "1", **fields: Any) -> Post:
    about = {key: fields.pop(key) for key in ("by", "where", "at") if key in fields}
    message = MessageRef(room("libera:#dev"), MessageId(f"m{name}"))
    return Post(head=head(name, **about), message=message, content=Content(text=text), **fields)


def verified(got: Any, key: str) -> Any:
    """Let another implementation check the signature; its clock is the real one, so the time is its own matter here."""
    checker = standardwebhooks.Webhook(key)
    checker._Webhook__verify_timestamp = lambda stamp: __import__("datetime").datetime.fromtimestamp(  # type: ignore[attr-defined]
        float(stamp), tz=__import__("datetime").UTC
    )
    return checker.verify(got.body.decode(), got.headers)


async def test_a_message_is_posted_and_signed():
    async with stage(secret=KEY, headers={"X-Room": Secret("dev")}) as here:
        reply = Reply(to=FIRST, name="Ann", excerpt="when?")
        assert await here.tell(post(reply=reply)) == Sent((MessageId(f"msg_{digest('1')}"),))
        got = await here.there.next()
        assert (got.method, got.path) == ("POST", "/hook")
        assert got.headers["content-type"] == "application/json"
        assert got.headers["user-agent"] == "Linkspan/1"
        assert got.headers["x-room"] == "dev"
        assert got.headers["webhook-timestamp"] == str(START // 1000)
        body = verified(got, KEY)
        assert body == got.json
        assert body["id"] == got.id
        assert body == {
            "type": "message",
            "timestamp": "2023-11-14T22:13:20.000Z",
            "id": f"msg_{digest('1')}",
            "version": 1,
            "data": {
                "room": {"network": "libera", "id": "#dev"},
                "sender": {"network": "libera", "id": "bob", "name": "Bob"},
                "message": {"network": "libera", "room": "#dev", "id": "m1"},
                "content": {"text": "the ferry is late"},
                "reply": {"message": {"network": "libera", "room": "#dev", "id": "m1"}, "name": "Ann", "text": "when?"},
            },
        }


async def test_while_a_key_is_replaced_both_sign():
    async with stage(secret=KEY, old_secret=OLD_KEY) as here:
        await here.tell()
        got = await here.there.next()
        assert verified(got, KEY)
        assert verified(got, OLD_KEY)


async def test_a_retry_keeps_its_id_and_has_a_fresh_time():
    async with stage(secret=KEY) as here:
        here.there.then(Answers(500))
        failed = await here.fails()
        assert isinstance(failed, Retry)
        here.time.now += 60
        await here.tell()
        first, second = await here.there.next(), await here.there.next()
        assert first.id == second.id
        assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 60
        assert verified(second, KEY)


async def test_the_schedule_with_its_jitter():
    """A request fails again and again: 5 s, 30 s, 5 min, 30 min, 2 h … and nothing is asked before its time."""
    async with stage(max_age=604_800.0) as here:
        here.there.always = Answers(503)
        waits = []
        for _ in range(9):
            failed = await here.fails()
            assert isinstance(failed, Retry)
            waits.append(failed.after)
            early = await here.fails()
            assert isinstance(early, Retry)
            assert early.after == pytest.approx(failed.after)
            here.time.now += failed.after or 0
        assert waits == [5, 30, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000]
        assert len(here.there.got) == 9


async def test_what_is_too_old_is_given_up():
    async with stage(max_age=60.0) as here:
        here.there.always = Answers(503)
        assert isinstance(await here.fails(), Retry)
        here.time.now += 10
        assert isinstance(await here.fails(), Permanent) is False
        here.time.now += 40
        failed = await here.fails()
        assert isinstance(failed, Permanent)
        assert failed.reason == "it answered 503"


MEANINGS = {
    200: None, 201: None, 204: None, 299: None, 408: Retry, 425: Retry, 429: Retry, 500: Retry, 502: Retry, 503: Retry,
    504: Retry, 599: Retry, 301: Permanent, 302: Permanent, 307: Permanent, 400: Permanent, 401: Permanent, 403: Permanent,
    404: Permanent, 405: Permanent, 413: Permanent, 422: Permanent, 410: Permanent,
}  # fmt: skip


@pytest.mark.parametrize(("status", "kind"), MEANINGS.items())
async def test_what_a_status_means(status, kind):
    async with stage() as here:
        here.there.then(Answers(status, headers=("Location: http://127.0.0.1:1/elsewhere",)))
        if kind is None:
            assert await here.tell()
        else:
            assert type(await here.fails()) is kind
        assert len(here.there.got) == 1


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("120", 120.0),
        ("1", 5.0),
        ("Tue, 14 Nov 2023 22:15:20 GMT", 120.0),
        ("soon", 5.0),
        ("-5", 5.0),
        ("9" * 30, 86_400.0),
    ],
)
async def test_retry_after_is_kept_to(header, wait):
    async with stage(max_age=604_800.0) as here:
        here.there.then(Answers(429, headers=(f"Retry-After: {header}",)))
        failed = await here.fails()
        assert isinstance(failed, Retry)
        assert failed.after == wait


@pytest.mark.parametrize("act", [Cuts(), Hangs()])
async def test_no_answer_is_a_reason_to_try_again(act):
    async with stage(timeout=0.2) as here:
        here.there.then(act)
        assert isinstance(await here.fails(), Retry)
        assert await here.tell(post(name="2"))


async def test_nobody_there_is_a_reason_to_try_again():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with stage(url=f"http://127.0.0.1:{taken.getsockname()[1]}/") as here:
            failed = await here.fails()
            assert isinstance(failed, Retry)
            assert "127.0.0.1" not in failed.reason


async def test_an_answer_without_end_is_read_no_further():
    async with stage() as here:
        here.there.then(GoesOn())
        assert await here.tell()
        await here.tell(post(name="2"))
        assert here.there.sent < 50_000_000


async def test_many_that_hang_at_one_host_delay_nobody():
    async with stage(timeout=5.0) as here:
        here.there.then(*([Hangs()] * 150))
        hanging = [asyncio.ensure_future(here.tell(post(name=f"h{number}"))) for number in range(150)]
        for _ in hanging:
            await here.there.next()
        assert await here.tell(post(name="good"))
        for each in hanging:
            each.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)


# -- where no request goes


class Resolver(AbstractResolver):
    """Answers from a list, one answer a time: a name that changes its mind."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[Any]:
        self.asked.append(host)
        found = self.answers.pop(0)
        return [
            {"hostname": host, "host": each, "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}
            for each in found
        ]

    async def close(self) -> None:
        pass


HIDDEN = [
    "http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://[::1]:{port}/", "http://[::ffff:127.0.0.1]:{port}/",
    "http://2130706433:{port}/", "http://0x7f000001:{port}/", "http://127.1:{port}/", "http://0.0.0.0:{port}/",
    "http://10.0.0.1/", "http://192.168.1.1/", "http://169.254.169.254/latest/meta-data/", "http://[fe80::1]/",
    "http://user:password@127.0.0.1:{port}/", "http://[64:ff9b::7f00:1]:{port}/",
]  # fmt: skip


@pytest.mark.parametrize("url", HIDDEN)
async def test_no_request_goes_behind_the_public_internet(url):
    async with stage(private=False) as outer:
        async with stage(private=False, url=url.format(port=outer.there.port)) as here:
            failed = await here.fails()
            assert isinstance(failed, Permanent)
            assert failed.reason == "its address is not on the public Internet"
        assert outer.there.got == []


async def test_a_name_is_judged_by_what_it_resolves_to_each_time():
    """Rebinding: public when it is looked at, private when it is called. There is one look, and the call goes there."""
    resolver = Resolver(["127.0.0.1"], ["10.0.0.1", "::1"])
    async with stage(private=False) as outer:
        url = f"http://rebound.example:{outer.there.port}/"
        async with stage(private=False, url=url, resolver=lambda: resolver) as here:
            for name in ("1", "2"):
                assert isinstance(await here.fails(post(name=name)), Permanent)
        assert resolver.asked == ["rebound.example"] * 2
        assert outer.there.got == []


async def test_a_private_endpoint_may_be_anywhere():
    resolver = Resolver(["127.0.0.1"])
    async with stage() as outer:
        async with stage(url=f"http://inside.example:{outer.there.port}/hook", resolver=lambda: resolver) as here:
            assert await here.tell()
        assert (await outer.there.next()).headers["host"].startswith("inside.example:")


async def test_a_redirect_is_not_followed():
    async with stage() as other, stage() as here:
        here.there.then(Answers(302, headers=(f"Location: {other.there.url}",)))
        assert isinstance(await here.fails(), Permanent)
        assert other.there.got == []


# -- endpoints that are off


async def test_410_turns_an_endpoint_off_and_tells_the_administrators():
    async with stage() as here:
        here.there.then(Answers(410))
        assert isinstance(await here.fails(), Permanent)
        assert here.hub.alarms == [
            "the endpoint audit is off: it said that it is gone (410). What it is not told becomes a dead letter"
        ]
        assert here.hub.reports[-1] == (Status.DEGRADED, "endpoint audit is off: it said that it is gone (410)")
        here.time.now += 10 * PROBE
        assert isinstance(await here.fails(post(name="2")), Permanent)
        assert len(here.there.got) == 1


async def test_it_stays_off_over_a_restart_until_its_settings_change():
    hub = Recorder()
    async with stage(hub=hub) as here:
        here.there.then(Answers(410))
        await here.fails()
        async with stage(hub=hub, there=here.there) as again:
            assert isinstance(await again.fails(post(name="2")), Permanent)
            again.outbound.report()
            assert hub.reports[-1][0] is Status.DEGRADED
        async with stage(hub=hub, there=here.there, secret=KEY) as changed:
            assert await changed.tell(post(name="3"))


async def test_a_dead_letter_that_is_brought_back_is_tried_and_turns_it_on_again():
    async with stage() as here:
        here.there.then(Answers(410))
        await here.fails()
        await here.fails(post(name="2"))
        assert await here.tell()
        assert here.hub.reports[-1] == (Status.READY, "")
        assert await here.tell(post(name="2"))
        first, second, third = here.there.got
        assert first.id == second.id != third.id


async def test_a_hundred_failures_in_a_row_turn_it_off_and_each_hour_it_is_asked():
    async with stage(max_age=604_800.0) as here:
        here.there.always = Answers(500)
        for number in range(100):
            failed = await here.fails(post(name=f"n{number}"))
        assert isinstance(failed, Permanent)
        assert len(here.hub.alarms) == 1
        assert "100 tries in a row have failed" in here.hub.alarms[0]
        assert isinstance(await here.fails(post(name="x")), Permanent)
        assert len(here.there.got) == 100
        here.time.now += PROBE + 1
        assert isinstance(await here.fails(post(name="y")), Permanent)
        assert len(here.there.got) == 101
        here.there.always = Answers(200)
        here.time.now += PROBE + 1
        assert await here.tell(post(name="z"))
        assert here.hub.reports[-1] == (Status.READY, "")
        assert await here.tell(post(name="zz"))


async def test_five_days_of_failures_turn_it_off():
    async with stage(max_age=604_800.0) as here:
        here.there.always = Answers(500)
        await here.fails()
        here.time.now += 5 * 86_400
        await here.fails(post(name="2"))
        assert len(here.hub.alarms) == 1


async def test_one_success_forgets_all_failures():
    async with stage(max_age=604_800.0) as here:
        here.there.always = Answers(500)
        for number in range(60):
            await here.fails(post(name=f"a{number}"))
        here.there.always = Answers(200)
        await here.tell(post(name="b"))
        here.there.always = Answers(500)
        for number in range(60):
            await here.fails(post(name=f"c{number}"))
        assert here.hub.alarms == []


async def test_an_endpoint_that_is_no_more_in_the_file_is_a_dead_letter():
    async with stage() as here:
        gone = replace(post(), head=replace(head(), room=room("ci:builds/nobody")))
        failed = await here.fails(gone)
        assert isinstance(failed, Permanent)
        assert failed.reason == "there is no endpoint nobody any more"


# -- what is wanted, and what follows from what was not


async def test_what_is_not_wanted_is_not_told_nor_what_becomes_of_it():
    async with stage(matches="ferry") as here:
        said = await here.tell(post("a train"))
        edit = Edit(head=head("2"), target=FIRST, content=Content(text="a ferry"), ids=said.ids)
        assert await here.tell(edit) == Sent()
        assert await here.tell(Retract(head=head("3"), target=FIRST, ids=said.ids)) == Sent()
        assert await here.tell(React(head=head("4"), target=FIRST, reactions=("👍",), ids=said.ids)) == Sent()
        assert here.there.got == []
        said = await here.tell(post("a ferry", name="5"))
        await here.tell(Retract(head=head("6"), target=FIRST, ids=said.ids))
        assert [got.json["type"] for got in here.there.got] == ["message", "retraction"]


async def test_what_is_for_others_is_not_told():
    async with stage(events=("state",)) as here:
        with pytest.raises(Unsupported):
            await here.tell(Kick(head=head(), person=person("x"), name="x"))
        about = NetworkIs(network=Network("libera"), status="down", before="ready")
        await here.tell(Announce(head=head("2", by=""), text="libera is down", about=about))
        (got,) = here.there.got
        assert got.json["data"]["state"] == {"network": "libera", "status": "down", "before": "ready"}


def test_a_room_has_a_share_for_each_endpoint_that_hears_it():
    url = Secret("https://x.example")
    endpoints = {"a": EndpointSettings(url=url), "b": EndpointSettings(url=url, rooms=("builds", "x"))}
    outbound = Outbound(CI, endpoints)
    assert outbound.shares(room("ci:builds").id) == ("builds/a", "builds/b")
    assert outbound.shares(room("ci:dev").id) == ("dev/a",)


async def test_a_template_that_makes_no_json_is_a_dead_letter_without_a_request():
    async with stage(template="{{ data.content.text }}") as here:
        failed = await here.fails()
        assert isinstance(failed, Permanent)
        assert failed.reason.startswith("its template makes no JSON")
        assert here.there.got == []


async def test_a_template_makes_the_body():
    async with stage(template='{"by": {{ data.sender.name|tojson }}, "kind": "{{ type }}"}', secret=KEY) as here:
        await here.tell()
        got = await here.there.next()
        assert verified(got, KEY) == {"by": "Bob", "kind": "message"}


async def test_discords_messages_are_edited_and_deleted_by_its_ids():
    async with stage(dialect="discord") as here:
        here.there.then(Answers(200, b'{"id": "1234", "content": "x"}'), Answers(200), Answers(204))
        said = await here.tell(post("**late** @everyone"))
        assert said == Sent((MessageId("discord 1234"),))
        edit = Edit(head=head("2"), target=FIRST, content=Content(text="in time"), ids=said.ids)
        await here.tell(edit)
        await here.tell(Retract(head=head("3"), target=FIRST, ids=said.ids))
        made, edited, deleted = here.there.got
        assert (made.method, made.path) == ("POST", "/hook?wait=true")
        assert made.json["username"] == "Bob"
        assert made.json["content"] == "\\*\\*late\\*\\* @\u200beveryone"
        assert made.json["allowed_mentions"] == {"parse": []}
        assert (edited.method, edited.path, edited.json["content"]) == ("PATCH", "/hook/messages/1234", "in time")
        assert (deleted.method, deleted.path, deleted.body) == ("DELETE", "/hook/messages/1234", b"")


# -- answers


def answer(**fields: Any) -> Answers:
    return Answers(200, msgspec.json.encode(fields), ("Content-Type: application/json",))


async def said_after(here: Stage, delivery: Any = None) -> list[Any]:
    await here.tell(delivery)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return here.hub.events


async def test_an_answer_is_said():
    async with stage(answers=True) as here:
        here.there.then(answer(text="on **time**", username="Harbour", icon_url="https://h.example/i.png"))
        (event,) = await said_after(here)
        assert isinstance(event, MessagePosted)
        assert event.origin.room == room("ci:builds/audit")
        assert event.content.text == "on time"
        assert (event.sender.name, event.sender.person.id) == ("Harbour", "audit/harbour")
        assert event.sender.avatar == "https://h.example/i.png"
        assert event.reply_to is None


async def test_a_comment_answers_the_message():
    async with stage(answers=True) as here:
        here.there.then(answer(text="on time", response_type="comment"))
        (event,) = await said_after(here)
        assert event.reply_to == MessageId(f"msg_{digest('1')}")
        assert event.sender.name == "audit"


async def test_an_ephemeral_answer_goes_to_the_asker_alone():
    async with stage(answers=True) as here:
        here.there.then(answer(text="only you", response_type="ephemeral"))
        (event,) = await said_after(here)
        assert isinstance(event, DirectPosted)
        assert event.to == person("bob", "libera")


@pytest.mark.parametrize(
    "told",
    [
        Answers(200, b"ok"), Answers(204), Answers(200, b"<html>{</html>"), Answers(200, b"{"), Answers(200, b"[1]"),
        Answers(200, b'{"text": ""}'), Answers(200, b'{"text": 5.5e}'), Answers(200, b'{"x": 1}'), Answers(200, b"\xff{"),
    ],
)  # fmt: skip
async def test_an_answer_that_says_nothing_is_not_said(told):
    async with stage(answers=True) as here:
        here.there.then(told)
        assert await said_after(here) == []


async def test_without_answers_nothing_is_said():
    async with stage() as here:
        here.there.then(answer(text="hello"))
        assert await said_after(here) == []


async def test_who_answers_is_not_asked_twice():
    async with stage(answers=True, timeout=0.2) as here:
        here.there.then(Hangs())
        assert isinstance(await here.fails(), Permanent)


async def test_what_the_bridge_says_is_told_as_a_notice():
    async with stage(events=("notice",)) as here:
        await here.tell(Announce(head=head(by=""), text="5 messages were missed"))
        (got,) = here.there.got
        assert got.json["data"]["content"] == {"text": "5 messages were missed", "kind": "notice"}
        assert Kind.NOTICE.value == "notice"
