"""A telephone as a gateway: "SMS Gateway for Android", over HTTP on the spot or through its server, with signed webhooks.

A message has an id of ours, and a second one with the same id is refused with 409: so asking again does no harm. Webhooks are
signed over body and time, and events that are no messages or reports are taken and ignored. It cuts for itself.
"""

import hashlib
import hmac
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import msgspec

from bridge.connector import Request
from bridge.core.failures import AuthLost, Permanent, Retry
from connectors.sms.carrier import Ask, Forged, Heard, Incoming, Outgoing, Reply, Report, Unreadable
from connectors.sms.config import SmsSettings
from connectors.sms.reports import State

URL: Final = "http://127.0.0.1:8080"
"""Where messages are handed in, if nothing else is said."""
_STATES: Final = {
    "sms:sent": State.SENT,
    "sms:delivered": State.DELIVERED,
    "sms:failed": State.FAILED,
    "sms:cancelled": State.REJECTED,
}
_LATE: Final = 300.0
"""Seconds that a webhook's time may be off."""


class Android:
    """A :class:`connectors.sms.carrier.Provider`."""

    cuts = True
    unique = True

    def __init__(self, settings: SmsSettings, *, now: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._number = settings.number
        self._url = settings.url or URL
        self._now = now
        self._user = (settings.username, str(settings.password))
        self._base = self._url.rstrip("/")

    def ask(self, outgoing: Outgoing, *, callback: str) -> Ask:  # noqa: ARG002 - the telephone has it
        """Return a POST of one message under our id."""
        said = {
            "id": outgoing.ref,
            "phoneNumbers": [outgoing.to],
            "textMessage": {"text": outgoing.text},
            "withDeliveryReport": True,
        }
        return Ask(
            url=f"{self._base}/messages",
            headers=(("Content-Type", "application/json"),),
            body=msgspec.json.encode(said),
            user=self._user,
        )

    def accepted(self, reply: Reply) -> str:
        """Read the answer: 202 is taken, 409 was taken before."""
        match reply.status:
            case 200 | 201 | 202 | 409:
                return ""
            case 401 | 403:
                raise AuthLost("the telephone does not accept name or password")
            case 429:
                raise Retry("the telephone takes no more for the moment")
            case status if 400 <= status < 500:
                raise Permanent(f"the telephone refused the message: {_why(reply)}")
            case status:
                raise Retry(f"the telephone answers {status}")

    def file(self, handle: str) -> Ask | None:  # noqa: ARG002 - it has none
        """Return None."""
        return None

    def probe(self) -> Ask:
        """Return a look at the telephone's health."""
        return Ask(url=f"{self._base}/webhooks", method="GET", user=self._user)

    def usable(self, reply: Reply) -> str:
        """Tell whether name and password are right."""
        if reply.status in {401, 403}:
            return "the telephone does not accept name or password"
        return "" if reply.status in {200, 404, 405} else f"the telephone answers {reply.status}"

    def heard(self, request: Request, *, url: str) -> Heard:  # noqa: ARG002 - not part of the signature
        """Read a webhook."""
        headers = dict(request.headers)
        stamp = headers.get("x-timestamp", "")
        given = headers.get("x-signature", "")
        wanted = hmac.new(self._settings.secret.encode(), request.body + stamp.encode(), hashlib.sha256).hexdigest()
        if not given or not hmac.compare_digest(given.lower().encode(), wanted.encode()):
            raise Forged
        if not stamp.isdecimal() or abs(self._now() - int(stamp)) > _LATE:
            raise Forged
        try:
            said = msgspec.json.decode(request.body, type=_Event)
        except msgspec.DecodeError as error:
            raise Unreadable(str(error)) from None
        return Heard(news=tuple(self._news(said)))

    def _news(self, said: "_Event") -> list[Incoming | Report]:
        payload = said.payload
        if said.event == "sms:received":
            sender = str(payload.get("phoneNumber") or payload.get("sender") or "")
            if not sender:
                raise Unreadable("payload.phoneNumber: found nothing, expected who sent the message")
            return [
                Incoming(
                    id=str(payload.get("messageId", "")) or said.id,
                    sender=sender,
                    to=str(payload.get("recipient") or self._number),
                    text=str(payload.get("message", "")),
                    at=_milliseconds(str(payload.get("receivedAt", ""))),
                )
            ]
        state = _STATES.get(said.event)
        if state is None:
            return []
        return [Report(state=state, ref=str(payload.get("messageId", "")), reason=str(payload.get("reason", ""))[:200])]


class _Event(msgspec.Struct, frozen=True, kw_only=True):
    event: str
    id: str = ""
    payload: dict[str, Any] = {}


def _milliseconds(when: str) -> int:
    try:
        return round(datetime.fromisoformat(when).timestamp() * 1000)
    except ValueError:
        return 0


def _why(reply: Reply) -> str:
    return str(reply.said.get("message", reply.status))[:200]
