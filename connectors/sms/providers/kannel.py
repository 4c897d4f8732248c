"""Kannel: ``sendsms`` of its smsbox, and the two URLs that it calls (User's Guide 1.4.5, sections "SMS push" and "sms-service").

Kannel signs nothing, so a secret stands in the URL. It has no id of a message that is good for both its calls; what we call
it comes back instead. It cuts emoji in two, so it gets parts that are cut already, each with its header.

The callback for messages is configured there, once::

    get-url = "http://127.0.0.1:8080/sms/NETWORK/SECRET?from=%p&to=%P&text=%b&coding=%c&charset=%C&id=%I&at=%T&udh=%u"
"""

import hmac
from typing import Final
from urllib.parse import parse_qs, quote, unquote_to_bytes

from bridge.connector import Request
from bridge.core.failures import AuthLost, Permanent, Retry
from connectors.sms.carrier import Ask, Forged, Heard, Incoming, Outgoing, Reply, Report, Unreadable
from connectors.sms.config import SmsSettings
from connectors.sms.reports import State
from connectors.sms.segments import Coding, place_of

URL: Final = "http://127.0.0.1:13013/cgi-bin/sendsms"
"""Where messages are handed in, if nothing else is said."""
_MASK: Final = 31
"""Tell of delivery, failure, buffering, acceptance and refusal by the network ("dlr-mask")."""
_STATES: Final = {
    1: State.DELIVERED,
    2: State.FAILED,
    4: State.SENT,
    8: State.ACCEPTED,
    16: State.REJECTED,
    32: State.SENT,
}


class Kannel:
    """A :class:`connectors.sms.carrier.Provider`."""

    cuts = False
    unique = False

    def __init__(self, settings: SmsSettings) -> None:
        self._settings = settings
        self._number = settings.number
        self._url = settings.url or URL

    def ask(self, outgoing: Outgoing, *, callback: str) -> Ask:
        """Return a POST whose body is the text: numbers and passwords stay out of access logs."""
        segment = outgoing.segment
        wide = segment is not None and segment.coding is Coding.UCS2
        headers = [
            ("X-Kannel-Username", self._settings.username),
            ("X-Kannel-Password", self._settings.password),
            ("X-Kannel-From", self._number),
            ("X-Kannel-To", outgoing.to),
            ("X-Kannel-Coding", "2" if wide else "0"),
            ("X-Kannel-DLR-Mask", str(_MASK)),
            (
                "X-Kannel-DLR-Url",
                f"{callback}/{quote(self._settings.secret, safe='')}?ref={outgoing.ref}&state=%d&why=%A",
            ),
            ("Content-Type", "text/plain; charset=UTF-8"),
        ]
        if segment is not None and segment.header:
            headers.append(("X-Kannel-UDH", segment.header.hex()))
        return Ask(url=self._url, headers=tuple(headers), body=outgoing.text.encode())

    def accepted(self, reply: Reply) -> str:
        """Read the answer: 202 is taken, now or for later."""
        said = _said(reply)
        match reply.status:
            case 202 | 200:
                return ""
            case 403:
                raise AuthLost(f"Kannel does not accept name or password: {said}")
            case status if 400 <= status < 500:
                raise Permanent(f"Kannel refused the message: {said}")
            case _:
                raise Retry(f"Kannel cannot take the message now: {said}")

    def file(self, handle: str) -> Ask | None:  # noqa: ARG002 - it has none
        """Return None."""
        return None

    def probe(self) -> Ask:
        """Return a request for a message to nobody: it is refused for that, if name and password are right."""
        headers = (
            ("X-Kannel-Username", self._settings.username),
            ("X-Kannel-Password", self._settings.password),
            ("Content-Type", "text/plain; charset=UTF-8"),
        )
        return Ask(url=self._url, headers=headers, body=b"-")

    def usable(self, reply: Reply) -> str:
        """Tell a refusal for the missing receiver from one for the password."""
        if reply.status == 403:
            return f"Kannel does not accept name or password: {_said(reply)}"
        return "" if reply.status in {200, 202, 400} else f"Kannel answers {reply.status}: {_said(reply)}"

    def heard(self, request: Request, *, url: str) -> Heard:  # noqa: ARG002 - the secret is in the path
        """Read what Kannel calls with: a message, or a report."""
        _, _, given = request.path.rpartition("/")
        if not hmac.compare_digest(given.encode(), quote(self._settings.secret, safe="").encode()):
            raise Forged
        query = parse_qs(request.query, keep_blank_values=True, encoding="utf-8", errors="replace")
        fields = {name: values[-1] for name, values in query.items()}
        return Heard(news=(self._report(fields),)) if "state" in fields else Heard(news=(self._incoming(request),))

    def _report(self, fields: dict[str, str]) -> Report:
        state = _STATES.get(int(fields["state"])) if fields["state"].isdecimal() else None
        if state is None:
            raise Unreadable(f"state: found {fields['state'][:20]!r}, expected one of {', '.join(map(str, _STATES))}")
        return Report(state=state, ref=fields.get("ref", ""), reason=fields.get("why", "").strip())

    def _incoming(self, request: Request) -> Incoming:
        raw = _raw(request.query)
        sender = raw.get("from", b"").decode(errors="replace").strip()
        if not sender:
            raise Unreadable("from: found nothing, expected who sent the message")
        charset = raw.get("charset", b"").decode(errors="replace")
        at = raw.get("at", b"")
        return Incoming(
            id=raw.get("id", b"").decode(errors="replace"),
            sender=sender,
            to=raw.get("to", b"").decode(errors="replace").strip() or self._number,
            text=_decoded(raw.get("text", b""), coding=raw.get("coding", b""), charset=charset),
            at=int(at) * 1000 if at.isdigit() else 0,
            place=place_of(raw.get("udh", b"")),
        )


def _raw(query: str) -> dict[str, bytes]:
    """Return the fields of a query as they were before they were percent-coded: text may be in any charset."""
    pairs = (pair.partition("=") for pair in query.split("&"))
    return {name: unquote_to_bytes(value.replace("+", " ")) for name, _, value in pairs}


def _decoded(text: bytes, *, coding: bytes, charset: str) -> str:
    """Decode what Kannel did not (``mo-recode = false``): UCS-2 as it was on the air, else what it says, else UTF-8."""
    if coding == b"2" and charset.upper() in {"UTF-16BE", "UTF-16", ""}:
        return text.decode("utf-16-be", errors="replace")
    try:
        return text.decode(charset or "utf-8", errors="replace")
    except LookupError:
        return text.decode(errors="replace")


def _said(reply: Reply) -> str:
    return " ".join(reply.body[:200].decode(errors="replace").split()) or str(reply.status)
