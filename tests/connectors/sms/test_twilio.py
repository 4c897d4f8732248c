"""The connector and a faithful Twilio: messages, pictures, reports, and what becomes of those who have had enough."""

import pytest

from bridge.connector import Secret, Unreadable
from bridge.core.events import CopyReported, DirectPosted
from bridge.core.failures import AuthLost, Permanent, Retry
from connectors.sms.config import ProviderKind
from connectors.sms.connector import SmsConnector
from tests.support.phones import BOB, OURS, KeepingHub, connector, running
from tests.support.sms_orders import tell
from tests.support.twilio import ACCOUNT, TOKEN, Twilio, callback

URL = "https://bridge.example.org/sms/phone"


def over(twilio: Twilio, *, password: str = TOKEN) -> SmsConnector:
    return connector(
        twilio.url,
        provider=ProviderKind.TWILIO,
        username=ACCOUNT,
        password=Secret(password),
        body="",
        secret=Secret(""),
    )


async def test_a_message_its_report_and_an_answer() -> None:
    async with Twilio() as twilio:
        hub = KeepingHub()
        async with running(over(twilio), hub) as one:
            await one.send(tell("good morning €"))
            (said,) = twilio.messages
            assert (said["From"], said["To"], said["Body"]) == (OURS, BOB, "juliet: good morning €")
            for status in ("delivered", "sent"):  # in either order
                answer = await one.serve(callback(said["StatusCallback"], MessageSid=said["sid"], MessageStatus=status))
                assert answer is not None
                assert answer.status == 204
            answer = await one.serve(
                callback(URL, MessageSid="SM9", From=BOB, To=OURS, Body="and to you", NumMedia="0")
            )
            assert answer is not None
            assert answer.body.endswith(b"<Response></Response>")
        reports = [event.arrived for event in hub.events if isinstance(event, CopyReported)]
        answers = [event.content.text for event in hub.events if isinstance(event, DirectPosted)]
        assert (reports, answers) == ([True], ["and to you"])


async def test_who_has_had_enough_is_asked_no_more() -> None:
    async with Twilio() as twilio:
        hub = KeepingHub()
        twilio.unsubscribed.add(BOB)
        async with running(over(twilio), hub) as one:
            with pytest.raises(Permanent, match="unsubscribed"):
                await one.send(tell("hello"))
            twilio.unsubscribed.clear()
            with pytest.raises(Permanent, match="STOP"):
                await one.send(tell("hello?"))
            stop = callback(URL, MessageSid="SM7", From=BOB, To=OURS, Body="START", NumMedia="0", OptOutType="START")
            await one.serve(stop)
            await one.send(tell("welcome back"))
            assert [(each.theirs, each.out, each.why) for each in one.opt_outs()] == [
                (BOB, True, "provider"),
                (BOB, False, "START"),
            ]
        assert [said["Body"] for said in twilio.messages] == [
            "juliet: welcome back"
        ]  # Twilio answers STOP and START itself


async def test_not_now_and_never() -> None:
    async with Twilio() as twilio:
        async with running(over(twilio), KeepingHub()) as one:
            twilio.busy = 1
            with pytest.raises(Retry):
                await one.send(tell("hello"))
            await one.send(tell("hello"))
            with pytest.raises(Permanent, match="at most 10 are allowed"):
                await one.send(tell("п" * 1601))
        wrong = over(twilio, password="wrong")
        (finding, *_) = await wrong.check([])
        assert (finding.ok, finding.detail) == (False, "Twilio does not accept account or token")
        async with running(wrong, KeepingHub()):
            with pytest.raises(AuthLost):
                await wrong.send(tell("hello"))


async def test_a_picture_from_a_telephone_is_fetched_with_the_token() -> None:
    async with Twilio() as twilio:
        hub = KeepingHub()
        url = twilio.file("ME1", b"picture" * 1000)
        async with running(over(twilio), hub) as one:
            said = callback(
                URL,
                MessageSid="MM1",
                From=BOB,
                To=OURS,
                Body="",
                NumMedia="1",
                MediaUrl0=url,
                MediaContentType0="image/png",
            )
            await one.serve(said)
            (event,) = [event for event in hub.events if isinstance(event, DirectPosted)]
            (file,) = event.content.attachments
            assert (file.url, file.media_type) == ("", "image/png")
            async with one.open_file(file.handle) as opened:
                assert b"".join([chunk async for chunk in opened.chunks]) == b"picture" * 1000
            with pytest.raises(Unreadable):
                async with one.open_file("http://127.0.0.1/etc/passwd"):
                    pass
