"""Whether a delivery comes from whom it says: the ways in which services sign, or show a secret. Pure, over the raw bytes.

Signatures are compared in constant time, an empty one never passes, and a hook may have two secrets while one replaces
the other. Where a scheme signs a time, one that is further than five minutes away is refused: nothing is said twice
because somebody sends it again. Called by the connector before a body is even opened.

====================  =============================================================================================
``none``              the URL is the secret
``standard-webhooks``  ``webhook-signature: v1,…`` over id, time and body; GitLab's signing token too
``github``            ``X-Hub-Signature-256: sha256=…``
``gitlab``            ``X-Gitlab-Token``, as it is
``gitea``             ``X-Gitea-Signature`` (Forgejo's, Gogs'): hexadecimal
``grafana``           ``X-Grafana-Alerting-Signature``; with a time where ``timestamp_header`` names one
``sentry``            ``Sentry-Hook-Signature``
``stripe``            ``Stripe-Signature: t=…,v1=…``; ``header`` names another one of that form
``slack``             ``X-Slack-Signature: v0=…``
``header``            the header that ``header`` names holds the secret
``bearer``            ``Authorization: Bearer …``
``basic``             ``Authorization: Basic …``; the secret is ``user:password``
``query``             the field of the query that ``header`` names (``token``)
====================  =============================================================================================
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import Final
from urllib.parse import parse_qsl

import msgspec

from bridge.connector import Request, Secret

TOLERANCE: Final = 300
"""Seconds that a signed time may be away from ours."""
_LEAST_SECRET: Final = 8
_MOST_SIGNATURES: Final = 16


class Scheme(StrEnum):
    """How a service shows who it is."""

    NONE = "none"
    STANDARD_WEBHOOKS = "standard-webhooks"
    GITHUB = "github"
    GITLAB = "gitlab"
    GITEA = "gitea"
    GRAFANA = "grafana"
    SENTRY = "sentry"
    STRIPE = "stripe"
    SLACK = "slack"
    HEADER = "header"
    BEARER = "bearer"
    BASIC = "basic"
    QUERY = "query"


class Authentication(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a delivery has to show."""

    scheme: Scheme = Scheme.NONE
    """How the sender shows who it is."""
    secret: Secret | None = None
    """What both know."""
    old_secret: Secret | None = None
    """One that is good as well, while the sender is told about the new one."""
    header: str = ""
    """The header (``header``, ``stripe``) or field of the query (``query``) that holds it, where that is not fixed."""
    timestamp_header: str = ""
    """For ``grafana``: the header that holds the signed time, where Grafana was told to send one."""

    def __post_init__(self) -> None:
        """Refuse what could not work, each with the key that is wrong."""
        if self.scheme is Scheme.NONE and self.secrets:
            msg = 'secret: found one, expected none for the scheme "none"'
            raise ValueError(msg)
        if self.scheme is not Scheme.NONE and self.secret is None:
            msg = f'secret: found none, expected one for the scheme "{self.scheme}"'
            raise ValueError(msg)
        if self.scheme is Scheme.HEADER and not self.header:
            msg = 'header: found nothing, expected the name of the header that holds the secret, like "X-Token"'
            raise ValueError(msg)
        for key, secret in (("secret", self.secret), ("old_secret", self.old_secret)):
            mistake = "" if secret is None else _mistake(self.scheme, secret)
            if mistake:
                msg = f"{key}: {mistake}"
                raise ValueError(msg)

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """All that are good."""
        return tuple(each for each in (self.secret, self.old_secret) if each is not None)


def _mistake(scheme: Scheme, secret: Secret) -> str:
    """Return why a secret is none for this scheme, "" if it is one."""
    if scheme is Scheme.STANDARD_WEBHOOKS and _key(secret) is None:
        return 'found something else, expected "whsec_" and 24 to 64 bytes in Base64'
    if scheme is Scheme.BASIC and ":" not in secret:
        return 'found no colon, expected "user:password"'
    if len(secret) < _LEAST_SECRET:
        return f"found {len(secret)} characters, expected at least {_LEAST_SECRET}"
    return ""


def refusal(authentication: Authentication, request: Request, *, now: float) -> str:
    """Return "" for a delivery that is authentic, else why it is not, for the operator; ``now`` in seconds since the epoch."""
    return _SCHEMES[authentication.scheme](authentication, request, now)


_MISSING: Final = "{} is missing or empty"
_WRONG: Final = "{} does not fit the body and a secret"


def sign_standard(key: bytes, *, identifier: str, timestamp: int, body: bytes) -> str:
    """Return the ``v1`` signature of Standard Webhooks (section "Symmetric"): Base64 of HMAC-SHA256 over id, time and body."""
    signed = b".".join((identifier.encode(), str(timestamp).encode(), body))
    return f"v1,{base64.b64encode(hmac.digest(key, signed, 'sha256')).decode()}"


def standard_key(secret: str) -> bytes:
    """Return the bytes of a secret ``whsec_…``. Raises: ValueError."""
    key = _key(secret)
    if key is None:
        msg = 'found something else, expected "whsec_" and 24 to 64 bytes in Base64'
        raise ValueError(msg)
    return key


def _key(secret: str) -> bytes | None:
    """Return the bytes of a secret, with its prefix or without; None where it is none."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if 24 <= len(key) <= 64 else None


def _header(request: Request, name: str) -> str:
    """Return a header's value; "" where it is missing, and where it comes twice, since then nobody knows which counts."""
    found = [value for each, value in request.headers if each == name.lower()]
    return found[0].strip() if len(found) == 1 else ""


def _same(given: Iterable[str], wanted: Iterable[str]) -> bool:
    """Tell whether one of those given is one of those wanted; every pair is compared, each in constant time."""
    known = [each.encode() for each in wanted]
    good = False
    for each in given:
        for one in known:
            good |= bool(each) and hmac.compare_digest(each.encode("utf-8", "surrogatepass"), one)
    return good


def _hex(secrets: tuple[Secret, ...], signed: bytes) -> Iterator[str]:
    """Yield HMAC-SHA256 by each secret, hexadecimal."""
    for secret in secrets:
        yield hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def _stale(timestamp: str, now: float) -> str:
    """Return why a signed time is refused, "" if it is not."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return "the signed time is no number of seconds"
    away = int(timestamp) - now
    if abs(away) > TOLERANCE:
        return f"the signed time is {abs(away):.0f} s in the {'future' if away > 0 else 'past'}"
    return ""


def _none(_: Authentication, __: Request, ___: float) -> str:
    return ""


def _standard(authentication: Authentication, request: Request, now: float) -> str:
    identifier, timestamp = _header(request, "webhook-id"), _header(request, "webhook-timestamp")
    given = [each for each in _header(request, "webhook-signature").split(" ") if each.startswith("v1,")]
    for name, value in (("webhook-id", identifier), ("webhook-timestamp", timestamp), ("webhook-signature", given)):
        if not value:
            return _MISSING.format(name)
    if stale := _stale(timestamp, now):
        return stale
    keys = (standard_key(secret) for secret in authentication.secrets)
    wanted = [sign_standard(key, identifier=identifier, timestamp=int(timestamp), body=request.body) for key in keys]
    return "" if _same(given[:_MOST_SIGNATURES], wanted) else _WRONG.format("webhook-signature")


def _body_signed(*headers: str, prefix: str = "") -> "Callable[[Authentication, Request, float], str]":
    """Return a scheme that signs the body alone, in the first of these headers that is there."""

    def check(authentication: Authentication, request: Request, _: float) -> str:
        name = next((each for each in headers if _header(request, each)), headers[0])
        given = _header(request, name)
        if not given or given == prefix:
            return _MISSING.format(name)
        if not given.startswith(prefix):
            return f'{name} does not begin with "{prefix}"'
        wanted = _hex(authentication.secrets, request.body)
        return "" if _same([given.removeprefix(prefix).lower()], wanted) else _WRONG.format(name)

    return check


def _gitlab(authentication: Authentication, request: Request, _: float) -> str:
    return _shown(authentication, _header(request, "x-gitlab-token"), "X-Gitlab-Token")


def _grafana(authentication: Authentication, request: Request, now: float) -> str:
    name = "X-Grafana-Alerting-Signature"
    given = _header(request, name)
    if not given:
        return _MISSING.format(name)
    signed = request.body
    if authentication.timestamp_header:
        timestamp = _header(request, authentication.timestamp_header)
        if not timestamp:
            return _MISSING.format(authentication.timestamp_header)
        if stale := _stale(timestamp, now):
            return stale
        signed = b"%s:%s" % (timestamp.encode(), signed)
    return "" if _same([given.lower()], _hex(authentication.secrets, signed)) else _WRONG.format(name)


def _stripe(authentication: Authentication, request: Request, now: float) -> str:
    name = authentication.header or "Stripe-Signature"
    parts = [part.strip().partition("=") for part in _header(request, name).split(",")]
    timestamp = next((value for key, _, value in parts if key == "t"), "")
    given = [value.lower() for key, _, value in parts if key == "v1" and value]
    if not timestamp or not given:
        return _MISSING.format(name)
    if stale := _stale(timestamp, now):
        return stale
    wanted = _hex(authentication.secrets, b"%s.%s" % (timestamp.encode(), request.body))
    return "" if _same(given[:_MOST_SIGNATURES], wanted) else _WRONG.format(name)


def _slack(authentication: Authentication, request: Request, now: float) -> str:
    name = "X-Slack-Signature"
    timestamp, given = _header(request, "x-slack-request-timestamp"), _header(request, name)
    if not timestamp:
        return _MISSING.format("X-Slack-Request-Timestamp")
    if not given.startswith("v0=") or given == "v0=":
        return _MISSING.format(name)
    if stale := _stale(timestamp, now):
        return stale
    wanted = _hex(authentication.secrets, b"v0:%s:%s" % (timestamp.encode(), request.body))
    return "" if _same([given.removeprefix("v0=").lower()], wanted) else _WRONG.format(name)


def _in_header(authentication: Authentication, request: Request, _: float) -> str:
    return _shown(authentication, _header(request, authentication.header), authentication.header)


def _bearer(authentication: Authentication, request: Request, now: float) -> str:  # noqa: ARG001 - all schemes are alike
    kind, _, token = _header(request, "authorization").partition(" ")
    return _shown(authentication, token.strip() if kind.lower() == "bearer" else "", "Authorization: Bearer")


def _basic(authentication: Authentication, request: Request, now: float) -> str:  # noqa: ARG001
    kind, _, token = _header(request, "authorization").partition(" ")
    try:
        pair = base64.b64decode(token.strip(), validate=True).decode() if kind.lower() == "basic" else ""
    except (binascii.Error, ValueError):
        pair = ""
    return _shown(authentication, pair, "Authorization: Basic")


def _query(authentication: Authentication, request: Request, _: float) -> str:
    name = authentication.header or "token"
    found = [value for key, value in parse_qsl(request.query, max_num_fields=1_000) if key == name]
    return _shown(authentication, found[0] if len(found) == 1 else "", f"the query's {name}")


def _shown(authentication: Authentication, given: str, name: str) -> str:
    """Check a secret that is shown as it is."""
    if not given:
        return _MISSING.format(name)
    return "" if _same([given], authentication.secrets) else f"{name} is not a secret of this hook"


_SCHEMES: Final[dict[Scheme, Callable[[Authentication, Request, float], str]]] = {
    Scheme.NONE: _none,
    Scheme.STANDARD_WEBHOOKS: _standard,
    Scheme.GITHUB: _body_signed("X-Hub-Signature-256", prefix="sha256="),
    Scheme.GITLAB: _gitlab,
    Scheme.GITEA: _body_signed("X-Forgejo-Signature", "X-Gitea-Signature", "X-Gogs-Signature"),
    Scheme.GRAFANA: _grafana,
    Scheme.SENTRY: _body_signed("Sentry-Hook-Signature"),
    Scheme.STRIPE: _stripe,
    Scheme.SLACK: _slack,
    Scheme.HEADER: _in_header,
    Scheme.BEARER: _bearer,
    Scheme.BASIC: _basic,
    Scheme.QUERY: _query,
}
