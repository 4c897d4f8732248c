"""Any other provider with HTTP, described in the configuration: what is posted where, and what it calls back with.

``body`` is what is posted, with ``{to}``, ``{from}``, ``{text}`` and ``{ref}`` in it: JSON where it begins like that, else a form.
Anything below 300 is taken; 429 and 5xx are for later; the rest is a refusal. It calls ``/sms/NETWORK/SECRET`` back with fields in the
query, a form or JSON: ``from`` and ``text`` (``to``, ``id``) are a message, ``ref`` and ``state`` (``reason``) a report.
"""

import hmac
import json
import re
from typing import Any, Final
from urllib.parse import parse_qsl, quote, quote_plus

import msgspec

from bridge.connector import Request
from bridge.core.failures import AuthLost, Permanent, Retry
from connectors.sms.carrier import Ask, Forged, Heard, Incoming, Outgoing, Reply, Report, Unreadable
from connectors.sms.config import SmsSettings
from connectors.sms.reports import State

_FIELD: Final = re.compile(r"\{(to|from|text|ref)\}")


class Described:
    """A :class:`connectors.sms.carrier.Provider`."""

    cuts = True
    unique = False

    def __init__(self, settings: SmsSettings) -> None:
        self._settings = settings
        self._json = settings.body.lstrip().startswith(("{", "["))

    def ask(self, outgoing: Outgoing, *, callback: str) -> Ask:  # noqa: ARG002 - configured there
        """Return the request that the configuration describes; values can never become more than values."""
        values = {"to": outgoing.to, "from": self._settings.number, "text": outgoing.text, "ref": outgoing.ref}
        escape = _in_json if self._json else quote_plus
        body = _FIELD.sub(lambda found: escape(values[found[1]]), self._settings.body)
        kind = "application/json" if self._json else "application/x-www-form-urlencoded"
        return Ask(url=self._settings.url, headers=(("Content-Type", kind),), body=body.encode(), user=self._user())

    def _user(self) -> tuple[str, str] | None:
        return (self._settings.username, str(self._settings.password)) if self._settings.username else None

    def accepted(self, reply: Reply) -> str:
        """Judge by the status alone: what a body says is anybody's guess."""
        match reply.status:
            case status if status < 300:
                return ""
            case 401 | 403:
                raise AuthLost("the provider does not accept name or password")
            case 429:
                raise Retry("the provider takes no more for the moment", after=reply.retry_after)
            case status if status < 500:
                raise Permanent(f"the provider refused the message ({status})")
            case status:
                raise Retry(f"the provider answers {status}")

    def file(self, handle: str) -> Ask | None:  # noqa: ARG002 - it has none
        """Return None."""
        return None

    def probe(self) -> Ask:
        """Return a request that asks for nothing: only whether somebody answers can be known."""
        return Ask(url=self._settings.url, method="OPTIONS", user=self._user())

    def usable(self, reply: Reply) -> str:
        """Take every answer for a sign of life but one."""
        return "the provider does not accept name or password" if reply.status in {401, 403} else ""

    def heard(self, request: Request, *, url: str) -> Heard:  # noqa: ARG002 - the secret is in the path
        """Read a message, or a report."""
        given = request.path.rpartition("/")[2]
        if not hmac.compare_digest(given.encode(), quote(self._settings.secret, safe="").encode()):
            raise Forged
        fields = _fields(request)
        if "state" in fields:
            return Heard(news=(_report(fields),))
        if not fields.get("from"):
            raise Unreadable("from: found nothing, expected who sent the message")
        if "text" not in fields:
            raise Unreadable("text: found nothing, expected what was said")
        to = fields.get("to") or self._settings.number
        return Heard(news=(Incoming(id=fields.get("id", ""), sender=fields["from"], to=to, text=fields["text"]),))


def _in_json(value: str) -> str:
    return json.dumps(value)[1:-1]


def _report(fields: dict[str, str]) -> Report:
    try:
        state = State(fields["state"].casefold())
    except ValueError:
        raise Unreadable(f"state: found {fields['state'][:20]!r}, expected one of {', '.join(State)}") from None
    return Report(
        state=state, ref=fields.get("ref", ""), id=fields.get("id", ""), reason=fields.get("reason", "")[:200]
    )


def _fields(request: Request) -> dict[str, str]:
    """Return the fields of a callback, wherever they stand."""
    found = dict(parse_qsl(request.query, keep_blank_values=True, errors="replace"))
    if request.body.lstrip().startswith(b"{"):
        try:
            said = msgspec.json.decode(request.body, type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise Unreadable(str(error)) from None
        found.update({name: str(value) for name, value in said.items()})
    else:
        found.update(parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True))
    return found
