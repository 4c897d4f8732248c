"""What providers are asked, and what their answers and callbacks mean: values in, values out."""

import hashlib
import hmac
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
import pytest

from bridge.connector import Request, Secret
from bridge.core.failures import AuthLost, Permanent, Retry
from connectors.sms.carrier import Forged, Incoming, Outgoing, Provider, Reply, Report, Unreadable, Unsubscribed
from connectors.sms.config import ProviderKind, SmsSettings
from connectors.sms.consent import Keyword
from connectors.sms.providers.android import Android
from connectors.sms.providers.kannel import Kannel
from connectors.sms.providers.twilio import Twilio, signature
from connectors.sms.reports import State
from connectors.sms.segments import Place, segments

OURS, BOB = "+15550009999", "+15551230001"
NOW = 1_800_000_000.0


def settings(provider: ProviderKind) -> SmsSettings:
    return SmsSettings(
        provider=provider, number=OURS, username="AC1", password=Secret("12345"), secret=Secret("s3cr3t")
    )


KANNEL = Kannel(settings(ProviderKind.KANNEL))
TWILIO = Twilio(settings(ProviderKind.TWILIO))
ANDROID = Android(settings(ProviderKind.ANDROID), now=lambda: NOW)
CALLBACK = "https://bridge.example.org/sms/phone"


def request(
    method: str = "POST", *, path: str = "/sms/phone", query: str = "", body: bytes = b"", **headers: str
) -> Request:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Request(method=method, path=path, query=query, headers=named, body=body, remote="127.0.0.1")


def reply(status: int, body: Any = b"", **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, headers=named, body=body if isinstance(body, bytes) else msgspec.json.encode(body))


@pytest.mark.parametrize(
    ("provider", "answer", "outcome"),
    [
        (KANNEL, reply(202, b"0: Accepted for delivery"), ""),
        (KANNEL, reply(202, b"3: Queued for later delivery"), ""),
        (KANNEL, reply(403, b"Authorization failed for sendsms"), AuthLost),
        (KANNEL, reply(400, b"Missing receiver number, rejected"), Permanent),
        (KANNEL, reply(503, b"Temporal failure, try again later."), Retry),
        (TWILIO, reply(201, {"sid": "SM1"}), "SM1"),
        (TWILIO, reply(401, {"code": 20003}), AuthLost),
        (TWILIO, reply(400, {"code": 21211, "message": "The 'To' number is not valid"}), Permanent),
        (TWILIO, reply(400, {"code": 21610, "message": "unsubscribed recipient"}), Unsubscribed),
        (TWILIO, reply(429, {"code": 20429}, retry_after="7"), Retry),
        (TWILIO, reply(500, b"<html>"), Retry),
        (ANDROID, reply(202, {"id": "x"}), ""),
        (ANDROID, reply(409, {"message": "duplicate"}), ""),
        (ANDROID, reply(401), AuthLost),
        (ANDROID, reply(400, {"message": "invalid phone number"}), Permanent),
        (ANDROID, reply(502), Retry),
    ],
)
def test_what_an_answer_means(provider: Provider, answer: Reply, outcome: str | type[Exception]) -> None:
    if isinstance(outcome, str):
        assert provider.accepted(answer) == outcome
        return
    with pytest.raises(outcome) as caught:
        provider.accepted(answer)
    assert type(caught.value) is outcome


def test_retry_after_is_obeyed() -> None:
    with pytest.raises(Retry) as caught:
        TWILIO.accepted(reply(429, {}, retry_after="7"))
    assert caught.value.after == 7


def test_kannel_is_asked_with_headers_and_a_body() -> None:
    part = segments("п" * 80, number=5)[0]
    ask = KANNEL.ask(Outgoing(ref="r-0", to=BOB, text=part.text, segment=part), callback=CALLBACK)
    headers = dict(ask.headers)
    assert ask.body.decode() == "п" * 67
    assert (headers["X-Kannel-To"], headers["X-Kannel-From"], headers["X-Kannel-Coding"]) == (BOB, OURS, "2")
    assert headers["X-Kannel-UDH"] == "050003050201"
    assert headers["X-Kannel-DLR-Url"] == f"{CALLBACK}/s3cr3t?ref=r-0&state=%d&why=%A"
    assert "12345" not in ask.url


def test_twilio_is_asked_with_a_form() -> None:
    ask = TWILIO.ask(Outgoing(ref="r-0", to=BOB, text="a&b=c\n€"), callback=CALLBACK)
    assert ask.url == "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json"
    assert ask.user == ("AC1", "12345")
    assert dict(parse_qsl(ask.body.decode())) == {
        "From": OURS,
        "To": BOB,
        "Body": "a&b=c\n€",
        "StatusCallback": f"{CALLBACK}?ref=r-0",
    }
    with pytest.raises(Permanent, match="1600 characters"):
        TWILIO.ask(Outgoing(ref="r-0", to=BOB, text="a" * 1601), callback=CALLBACK)


def test_pictures_go_along_and_are_fetched_with_the_token() -> None:
    ask = TWILIO.ask(Outgoing(ref="r-0", to=BOB, text="", media=("https://x/1", "https://x/2")), callback=CALLBACK)
    assert [value for name, value in parse_qsl(ask.body.decode()) if name == "MediaUrl"] == [
        "https://x/1",
        "https://x/2",
    ]
    ours = "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1"
    found = TWILIO.file(ours)
    assert found is not None
    assert (found.url, found.user) == (ours, ("AC1", "12345"))
    for other in (
        "https://evil.example/2010-04-01/Accounts/AC1/",
        "https://api.twilio.com.evil.example/",
        "file:///etc/passwd",
    ):
        assert TWILIO.file(other) is None


def test_a_telephone_is_asked_under_our_id() -> None:
    ask = ANDROID.ask(Outgoing(ref="r-0", to=BOB, text="hi"), callback=CALLBACK)
    assert msgspec.json.decode(ask.body)["id"] == "r-0"
    assert ANDROID.unique


# -- callbacks


@pytest.mark.parametrize(
    ("query", "news"),
    [
        (
            "from=%2B15551230001&to=%2B15550009999&text=hello+there&coding=0&charset=UTF-8&id=u1&at=1795849781&udh=",
            Incoming(id="u1", sender=BOB, to=OURS, text="hello there", at=1795849781000),
        ),
        (
            "from=%2B15551230001&to=&text=%04%3F%D8%3D%DE%00&coding=2&charset=UTF-16BE&id=u2&at=&udh=%05%00%03%05%02%01",
            Incoming(id="u2", sender=BOB, to=OURS, text="п😀", place=Place(5, 2, 1)),
        ),
        ("from=ACME&text=%FF&charset=nonsense", Incoming(id="", sender="ACME", to=OURS, text="\ufffd")),
        ("ref=r-0&state=8&why=ACK%2F", Report(state=State.ACCEPTED, ref="r-0", reason="ACK/")),
        ("ref=r-0&state=1&why=", Report(state=State.DELIVERED, ref="r-0")),
        ("ref=r-0&state=16&why=NACK", Report(state=State.REJECTED, ref="r-0", reason="NACK")),
    ],
)
def test_what_kannel_calls_with(query: str, news: Incoming | Report) -> None:
    assert KANNEL.heard(request("GET", path="/sms/phone/s3cr3t", query=query), url=CALLBACK).news == (news,)


@pytest.mark.parametrize("path", ["/sms/phone", "/sms/phone/", "/sms/phone/wrong", "/sms/phone/s3cr3t/"])
def test_kannel_without_the_secret(path: str) -> None:
    with pytest.raises(Forged):
        KANNEL.heard(request("GET", path=path, query="from=1&text=x"), url=CALLBACK)


@pytest.mark.parametrize("query", ["", "text=x", "state=9&ref=r", "state=&ref=r"])
def test_kannel_without_sense(query: str) -> None:
    with pytest.raises(Unreadable, match="found"):
        KANNEL.heard(request("GET", path="/sms/phone/s3cr3t", query=query), url=CALLBACK)


def test_a_signature_as_twilio_publishes_it() -> None:
    fields = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert signature("12345", url, list(fields.items())) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def twilio(
    fields: dict[str, str], *, query: str = "", url: str = CALLBACK, token: str = "12345", sign: str | None = None
) -> Request:
    body = urlencode(fields)
    signed = signature(token, f"{url}?{query}" if query else url, list(fields.items()))
    return request(query=query, body=body.encode(), x_twilio_signature=signed if sign is None else sign)


def test_what_twilio_calls_with() -> None:
    picture = {"NumMedia": "1", "MediaUrl0": "https://x/1", "MediaContentType0": "image/png"}
    said = {"MessageSid": "SM1", "From": BOB, "To": OURS, "Body": "hi", **picture}
    heard = TWILIO.heard(twilio(said), url=CALLBACK)
    (news,) = heard.news
    assert isinstance(news, Incoming)
    assert (news.id, news.sender, news.text, news.files[0].handle) == ("SM1", BOB, "hi", "https://x/1")
    assert b"<Response>" in heard.answer.body
    stop = TWILIO.heard(twilio({"From": BOB, "Body": "STOP", "OptOutType": "STOP"}), url=CALLBACK).news[0]
    assert isinstance(stop, Incoming)
    assert stop.answered is Keyword.STOP
    report = TWILIO.heard(
        twilio({"MessageSid": "SM1", "MessageStatus": "undelivered", "ErrorCode": "21610"}, query="ref=r-0"),
        url=CALLBACK,
    )
    assert report.news == (Report(state=State.FAILED, ref="r-0", id="SM1", reason="error 21610", blocked=True),)


@pytest.mark.parametrize(
    "forged",
    [
        twilio({"From": BOB, "Body": "x"}, token="wrong"),
        twilio({"From": BOB, "Body": "x"}, sign=""),
        twilio({"From": BOB, "Body": "x"}, url="https://elsewhere.example/sms/phone"),
        request(body=b"From=%2B1&Body=x"),
        msgspec.structs.replace(twilio({"From": BOB, "Body": "x"}), body=b"From=%2B15551230001&Body=y"),
    ],
)
def test_what_twilio_has_not_signed(forged: Request) -> None:
    with pytest.raises(Forged):
        TWILIO.heard(forged, url=CALLBACK)


@pytest.mark.parametrize("url", ["https://bridge.example.org:443/sms/phone", "https://bridge.example.org/sms/phone"])
def test_twilio_may_sign_the_port_that_goes_without_saying(url: str) -> None:
    assert TWILIO.heard(twilio({"From": BOB, "Body": "x"}, url=url), url=CALLBACK).news


def telephone(event: str, payload: dict[str, Any], *, at: float = NOW, key: str = "s3cr3t") -> Request:
    body = msgspec.json.encode({"event": event, "id": "e1", "payload": payload})
    stamp = str(int(at))
    signed = hmac.new(key.encode(), body + stamp.encode(), hashlib.sha256).hexdigest()
    return request(body=body, x_signature=signed, x_timestamp=stamp)


def test_what_a_telephone_calls_with() -> None:
    said = {"messageId": "m1", "message": "hi", "phoneNumber": BOB, "receivedAt": "2026-11-28T07:00:00.000+00:00"}
    assert ANDROID.heard(telephone("sms:received", said), url=CALLBACK).news == (
        Incoming(id="m1", sender=BOB, to=OURS, text="hi", at=1795849200000),
    )
    assert ANDROID.heard(telephone("sms:failed", {"messageId": "r-0", "reason": "no service"}), url=CALLBACK).news == (
        Report(state=State.FAILED, ref="r-0", reason="no service"),
    )
    assert ANDROID.heard(telephone("system:ping", {}), url=CALLBACK).news == ()


@pytest.mark.parametrize(
    "forged",
    [telephone("sms:sent", {}, key="wrong"), telephone("sms:sent", {}, at=NOW - 301), request(body=b"{}")],
)
def test_what_no_telephone_has_signed(forged: Request) -> None:
    with pytest.raises(Forged):
        ANDROID.heard(forged, url=CALLBACK)
