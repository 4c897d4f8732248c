"""Twilio, or whoever speaks like it: the Messages resource of its REST API, and its signed callbacks.

A callback is signed over the URL *as Twilio knows it* and its form fields ("Security", validating requests), so that URL comes
from the configuration and never from a header. Twilio cuts for itself. It has no key that makes a second request harmless.
"""

import base64
import hashlib
import hmac
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from bridge.connector import Answer, Request
from bridge.core.content import Attachment
from bridge.core.failures import AuthLost, Permanent, Retry
from connectors.sms.carrier import Ask, Forged, Heard, Incoming, Outgoing, Reply, Report, Unreadable, Unsubscribed
from connectors.sms.config import SmsSettings
from connectors.sms.consent import Keyword
from connectors.sms.reports import State

URL: Final = "https://api.twilio.com"
"""Where messages are handed in, if nothing else is said."""
MOST_MEDIA: Final = 10
_STATES: Final = {
    "accepted": State.ACCEPTED,
    "scheduled": State.QUEUED,
    "queued": State.QUEUED,
    "sending": State.ACCEPTED,
    "sent": State.SENT,
    "delivered": State.DELIVERED,
    "read": State.DELIVERED,
    "undelivered": State.FAILED,
    "failed": State.FAILED,
    "canceled": State.REJECTED,
}
_WORDS: Final = {"STOP": Keyword.STOP, "START": Keyword.START, "HELP": Keyword.HELP}
UNSUBSCRIBED: Final = 21610
"""Error: the receiver has sent STOP."""
_EMPTY: Final = Answer(
    headers=(("content-type", "text/xml"),), body=b'<?xml version="1.0" encoding="UTF-8"?><Response></Response>'
)
_LONGEST: Final = 1600
"""Code points in one request ("Body")."""


class Twilio:
    """A :class:`connectors.sms.carrier.Provider`."""

    cuts = True
    unique = False

    def __init__(self, settings: SmsSettings) -> None:
        self._settings = settings
        self._number = settings.number
        self._url = settings.url or URL
        self._user = (settings.username, str(settings.password))
        self._base = f"{self._url.rstrip('/')}/2010-04-01/Accounts/{settings.username}"

    def ask(self, outgoing: Outgoing, *, callback: str) -> Ask:
        """Return a POST to Messages.json."""
        if len(outgoing.text) > _LONGEST:
            raise Permanent(f"Twilio takes texts of {_LONGEST} characters at most")
        fields = [("To", outgoing.to), ("Body", outgoing.text), ("StatusCallback", f"{callback}?ref={outgoing.ref}")]
        fields += [("MediaUrl", url) for url in outgoing.media[:MOST_MEDIA]]
        sender = ("MessagingServiceSid", self._settings.service) if self._settings.service else ("From", self._number)
        return Ask(
            url=f"{self._base}/Messages.json",
            headers=(("Content-Type", "application/x-www-form-urlencoded"),),
            body=urlencode([sender, *fields]).encode(),
            user=self._user,
        )

    def accepted(self, reply: Reply) -> str:
        """Read the answer: 201 with the message, or an error with a code."""
        said = reply.said
        match reply.status:
            case 200 | 201:
                return str(said.get("sid", ""))
            case 401 | 403:
                raise AuthLost("Twilio does not accept account or token")
            case 429:
                raise Retry("Twilio takes no more for the moment", after=reply.retry_after)
            case status if 400 <= status < 500:
                why = str(said.get("message", status))[:200]
                raise (Unsubscribed if said.get("code") == UNSUBSCRIBED else Permanent)(
                    f"Twilio refused the message: {why}"
                )
            case status:
                raise Retry(f"Twilio answers {status}", after=reply.retry_after)

    def file(self, handle: str) -> Ask | None:
        """Return how a file is fetched: by account and token, which nobody but Twilio may get."""
        return Ask(url=handle, method="GET", user=self._user) if handle.startswith(f"{self._base}/") else None

    def probe(self) -> Ask:
        """Return a look at the account."""
        return Ask(url=f"{self._base}.json", method="GET", user=self._user)

    def usable(self, reply: Reply) -> str:
        """Tell whether the account is there."""
        if reply.status in {401, 403, 404}:
            return "Twilio does not accept account or token"
        return "" if reply.status == 200 else f"Twilio answers {reply.status}"

    def heard(self, request: Request, *, url: str) -> Heard:
        """Read a message, or a status."""
        fields = parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True)
        whole = f"{url}?{request.query}" if request.query else url
        given = dict(request.headers).get("x-twilio-signature", "")
        wanted = (signature(self._settings.password, each, fields) for each in _with_and_without_port(whole))
        if not given or not any([hmac.compare_digest(given.encode(), one.encode()) for one in wanted]):  # noqa: C419 - all are compared
            raise Forged
        said = dict(fields)
        if "Body" in said or "NumMedia" in said:
            return Heard(news=(_incoming(said, self._number),), answer=_EMPTY)
        ref = dict(parse_qsl(request.query)).get("ref", "")
        return Heard(news=(_report(said, ref),), answer=Answer(status=204))


def signature(token: str, url: str, fields: list[tuple[str, str]]) -> str:
    """Return what ``X-Twilio-Signature`` has to be: fields sorted by name, then value, each pair once."""
    text = url + "".join(name + value for name, value in sorted(set(fields)))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def _with_and_without_port(url: str) -> tuple[str, ...]:
    """Return the URL with and without the port that goes without saying: Twilio signs either."""
    split = urlsplit(url)
    port = {"https": 443, "http": 80}.get(split.scheme)
    host = split.hostname or ""
    if split.port not in {None, port}:
        return (url,)
    return (split._replace(netloc=host).geturl(), split._replace(netloc=f"{host}:{port}").geturl())


def _incoming(said: dict[str, str], number: str) -> Incoming:
    if not said.get("From"):
        raise Unreadable("From: found nothing, expected who sent the message")
    count = said.get("NumMedia", "0")
    files = tuple(
        Attachment(url="", handle=said[f"MediaUrl{at}"], media_type=said.get(f"MediaContentType{at}", ""))
        for at in range(min(int(count), 10) if count.isdecimal() else 0)
        if f"MediaUrl{at}" in said
    )
    return Incoming(
        id=said.get("MessageSid", ""),
        sender=said["From"],
        to=said.get("To") or number,
        text=said.get("Body", ""),
        files=files,
        answered=_WORDS.get(said.get("OptOutType", "")),
    )


def _report(said: dict[str, str], ref: str) -> Report:
    status = said.get("MessageStatus", said.get("SmsStatus", ""))
    if status not in _STATES:
        raise Unreadable(f"MessageStatus: found {status[:20]!r}, expected one of {', '.join(_STATES)}")
    code = said.get("ErrorCode", "")
    return Report(
        state=_STATES[status],
        ref=ref,
        id=said.get("MessageSid", ""),
        reason=f"error {code}" if code else "",
        blocked=code == str(UNSUBSCRIBED),
    )
