"""The connector between a hub and a provider: what goes out once, what comes in once, and who is told what."""

import asyncio

import msgspec
import pytest

from bridge.connector import Answer, LoginRefused, Request, Secret
from bridge.core.content import Attachment, Content
from bridge.core.deliveries import Announce, Post, Sent
from bridge.core.events import CopyReported, DirectPosted, MembersListed, MessagePosted
from bridge.core.failures import Permanent, Retry, Uncertain
from bridge.core.ids import XMPP, MessageId, MessageRef, Person, PersonId, RoomId
from connectors.sms.config import ListSettings, ProviderKind
from connectors.sms.connector import SmsConnector
from tests.support.build import head, member
from tests.support.clock import VirtualClock, quiet
from tests.support.phones import BOB, EVE, KeepingHub, Provider, connector, running
from tests.support.sms_orders import sms_head, tell


async def called(one: SmsConnector, **fields: str) -> Answer:
    """Let the provider call back."""
    answer = await one.serve(
        Request(
            method="POST",
            path="/sms/phone/s3cr3t",
            query="",
            headers=(),
            body=msgspec.json.encode(fields),
            remote="127.0.0.1",
        )
    )
    assert answer is not None
    return answer


async def test_a_message_goes_out_once_whatever_the_provider_says() -> None:
    async with Provider() as provider:
        hub = KeepingHub()
        async with running(connector(provider.url), hub) as one:
            provider.answers = [503, 400, None]
            with pytest.raises(Retry):
                await one.send(tell("first", key="a"))
            with pytest.raises(Permanent):
                await one.send(tell("first", key="a"))
            with pytest.raises(Uncertain):
                await one.send(tell("first", key="a"))
            with pytest.raises(Uncertain):  # not asked again: it may be there
                await one.send(tell("first", key="a"))
        assert provider.taken == [(BOB, "juliet: first")]


async def test_after_a_crash_it_is_not_sent_again_and_a_report_settles_it() -> None:
    async with Provider() as provider:
        hub = KeepingHub()
        provider.answers = [None]
        async with running(connector(provider.url), hub) as one:
            with pytest.raises(Uncertain):
                await one.send(tell("hello", key="a"))
        async with running(connector(provider.url), hub) as one:
            with pytest.raises(Uncertain):
                await one.send(tell("hello", key="a"))
            assert (await called(one, ref=provider.refs[0], state="delivered")).status == 200
            assert isinstance(await one.send(tell("hello", key="a")), Sent)
        assert provider.taken == [(BOB, "juliet: hello")]
        (report,) = [event for event in hub.events if isinstance(event, CopyReported)]
        assert (report.arrived, report.person.id) == (True, BOB)


async def test_what_a_telephone_says_goes_to_whoever_wrote_last() -> None:
    async with Provider() as provider:
        hub = KeepingHub()
        async with running(connector(provider.url), hub) as one:
            await called(one, **{"from": BOB, "text": "anybody?", "id": "1"})
            await called(one, **{"from": BOB, "text": "anybody?", "id": "1"})  # the provider asks again
            await one.send(tell("it is me"))
            await called(one, **{"from": "15551230001", "text": "ah", "id": "2"})
            await one.send(tell("and again"))
        directs = [event for event in hub.events if isinstance(event, DirectPosted)]
        assert [(event.content.text, event.to.id) for event in directs] == [
            ("anybody?", "nurse@example.org"),
            ("ah", member("juliet").person.id),
        ]
        assert [text for _, text in provider.taken] == ["juliet: it is me", "and again"]


async def test_a_full_store_is_told_to_the_provider() -> None:
    async with Provider() as provider:
        hub = KeepingHub()
        async with running(connector(provider.url), hub) as one:
            hub.full = "no space left"
            answer = await called(one, **{"from": BOB, "text": "x"})
            assert (answer.status, dict(answer.headers)) == (503, {"retry-after": "5"})
        assert (await called(one, **{"from": BOB, "text": "x"})).status == 503


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("/sms/phone/wrong", {"from": BOB, "text": "x"}, 403),
        ("/sms/phone", {"from": BOB, "text": "x"}, 403),
        ("/sms/phone/s3cr3t", {"text": "x"}, 400),
        ("/sms/phone/s3cr3t", {"from": BOB}, 400),
        ("/sms/phone/s3cr3t", {"ref": "x", "state": "gone"}, 400),
        ("/sms/phone/s3cr3t", {"ref": "nobody's", "state": "sent"}, 200),
    ],
)
async def test_callbacks_without_sense(path: str, fields: dict[str, str], status: int) -> None:
    async with Provider() as provider, running(connector(provider.url), KeepingHub()) as one:
        request = Request(
            method="POST", path=path, query="", headers=(), body=msgspec.json.encode(fields), remote="127.0.0.1"
        )
        answer = await one.serve(request)
        assert answer is not None
        assert answer.status == status


@pytest.mark.parametrize(
    ("room", "ok", "detail"),
    [
        ("+12025550123", True, "can be written to"),
        (BOB, True, "can be written to, but no country is known to have such a number"),
        ("friends", True, "can be written to"),
        ("12345", True, "can be written to"),
        ("+1 202 555 0123", False, 'found "+1 202 555 0123", expected it written as "+12025550123"'),
        ("enemies", False, 'found "enemies", expected a telephone number, or the name of a list in lists'),
    ],
)
async def test_check_looks_at_each_room(room: str, ok: bool, detail: str) -> None:
    async with Provider() as provider:
        one = connector(provider.url, lists={"friends": ListSettings()})
        (network, found) = await one.check([RoomId(room)])
        assert (network.ok, network.detail) == (True, "http can be asked")
        assert (found.ok, found.detail) == (ok, detail)


async def test_another_network_has_its_own_path() -> None:
    async with Provider() as provider, running(connector(provider.url), KeepingHub()) as one:
        request = Request(method="POST", path="/sms/phones/s3cr3t", query="", headers=(), body=b"", remote="127.0.0.1")
        assert await one.serve(request) is None


async def test_a_list_is_a_room_of_telephones() -> None:
    async with Provider() as provider:
        hub = KeepingHub()
        lists = {"friends": ListSettings(open=True, numbers=(BOB,))}
        one = connector(provider.url, lists=lists)
        one.listen(RoomId("friends"))
        async with running(one, hub):
            await called(one, **{"from": EVE, "text": "JOIN friends", "id": "1"})
            await called(one, **{"from": EVE, "text": "/nick Eve", "id": "2"})
            await called(one, **{"from": EVE, "text": "hello all", "id": "3"})
            said = Post(
                head=sms_head("phone:friends"),
                message=MessageRef(head("phone:friends").source, id=MessageId("m")),
                content=Content(text="welcome"),
            )
            assert len((await one.send(said)).ids) == 1
            while len(provider.taken) < 5:
                provider.changed.clear()
                await asyncio.wait_for(provider.changed.wait(), 10)
        listed = [[each.name for each in event.members] for event in hub.events if isinstance(event, MembersListed)]
        assert listed == [["…0001"], ["…0001", "…0002"], ["…0001", "Eve"]]
        (posted,) = [event for event in hub.events if isinstance(event, MessagePosted)]
        assert (posted.sender.name, posted.content.text, posted.origin.room.id) == ("Eve", "hello all", "friends")
        to_bob = [text for to, text in provider.taken if to == BOB]
        to_eve = [text for to, text in provider.taken if to == EVE]
        assert to_bob[0] == "Eve: hello all"
        assert to_bob[1].startswith("juliet: welcome\n(Reply STOP")
        assert to_eve[0].startswith('you are on the list "friends" now')
        assert to_eve[1] == "you are Eve now"
        assert to_eve[2].startswith("juliet: welcome")


async def test_who_sends_stop_is_on_no_list() -> None:
    async with Provider() as provider:
        hub = KeepingHub()
        one = connector(provider.url, lists={"friends": ListSettings(numbers=(BOB, EVE))})
        one.listen(RoomId("friends"))
        async with running(one, hub):
            await called(one, **{"from": EVE, "text": "stop", "id": "1"})
        listed = [[each.name for each in event.members] for event in hub.events if isinstance(event, MembersListed)]
        assert listed == [["…0001", "…0002"], ["…0001"]]


async def test_parts_that_come_singly_are_one_message_and_what_is_missing_is_a_gap() -> None:
    clock = VirtualClock()
    hub = KeepingHub()
    one = connector("", clock=clock, provider=ProviderKind.KANNEL, username="u", password=Secret("p"), body="")
    task = asyncio.create_task(one.run(hub))  # type: ignore[arg-type]
    await quiet()

    async def part(text: str, header: str) -> None:
        query = f"from=%2B15551230001&text={text}&udh={header}"
        request = Request(method="GET", path="/sms/phone/s3cr3t", query=query, headers=(), body=b"", remote="")
        answer = await one.serve(request)
        assert answer is not None
        assert answer.status == 200

    await part("two", "%05%00%03%01%02%02")
    await part("one+", "%05%00%03%01%02%01")
    await part("lonely", "%05%00%03%02%02%01")
    await clock.advance(700)
    await quiet()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    texts = [event.content.text for event in hub.events if isinstance(event, DirectPosted)]
    assert texts == ["one two", "lonely […]"]


async def test_pictures_go_out_as_such_where_that_is_wanted() -> None:
    picture = Attachment(url="https://example.org/cat.jpg", media_type="image/jpeg", name="cat.jpg")
    paper = Attachment(url="https://example.org/a.pdf", media_type="application/pdf", name="a.pdf")
    huge = Attachment(url="https://example.org/film.mp4", media_type="video/mp4", name="film.mp4", size=6_000_000)
    async with Provider() as provider:
        hub = KeepingHub()
        one = connector(provider.url, mms=True, body='{"to": "{to}", "text": "{text}", "ref": "{ref}"}')
        async with running(one, hub):
            said = msgspec.structs.replace(
                tell("look"), content=Content(text="look", attachments=(picture, paper, huge))
            )
            await one.send(said)
        (text,) = [text for _, text in provider.taken]
        assert "cat.jpg" not in text
        assert "https://example.org/a.pdf" in text
        assert "https://example.org/film.mp4" in text


async def test_what_the_bridge_itself_says_costs_nothing() -> None:
    async with Provider() as provider, running(connector(provider.url), KeepingHub()) as one:
        said = Announce(head=sms_head(f"phone:{BOB}"), text="libera: not connected 12:01–12:03 UTC")
        assert await one.send(said) == Sent()
        assert provider.taken == []


async def test_a_budget_for_the_day() -> None:
    clock = VirtualClock()
    async with Provider() as provider:
        hub = KeepingHub()
        async with running(connector(provider.url, clock=clock, daily=2), hub) as one:
            for number in range(2):
                await one.send(tell("x", key=f"a{number}"))
            with pytest.raises(Retry, match="today's 2 short messages") as caught:
                await one.send(tell("x", key="a3"))
            assert caught.value.after is not None
            assert hub.alarms == ["2 of today's 2 short messages of phone are sent"]
            await clock.advance(caught.value.after + 1)
            await one.send(tell("x", key="a3"))
        assert len(provider.taken) == 3


async def test_a_telephone_that_is_somebodys_own_speaks_under_their_name() -> None:
    juliet = Person(XMPP, PersonId("juliet@example.org"))
    async with Provider() as provider:
        hub = KeepingHub()
        one = connector(provider.url)
        one.listen(RoomId(BOB))
        async with running(one, hub):
            with pytest.raises(LoginRefused, match="A code was sent to"):
                await one.log_in(juliet, {"number": "+1 555 123 0001"})
            await asyncio.wait_for(provider.changed.wait(), 10)
            code = provider.taken[0][1].partition("code is ")[2][:6]
            login = await one.log_in(juliet, {"number": f"{BOB} {code}"})
            one.use(login)
            await called(one, **{"from": BOB, "text": "on my way"})
            one.drop(juliet)
            await called(one, **{"from": BOB, "text": "again"})
        posted = [event.sender for event in hub.events if isinstance(event, MessagePosted)]
        assert [(sender.name, sender.account) for sender in posted] == [
            ("juliet", "juliet@example.org"),
            ("+1 555-123-0001", ""),
        ]
