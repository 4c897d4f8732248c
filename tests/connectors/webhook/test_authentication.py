"""Who may speak: each scheme with good, wrong, altered, missing, empty and stale signatures, and with two secrets.

Signatures are made here with ``hmac`` as each service documents it, and by other implementations where there are some.
"""

import base64
import hashlib
import hmac
import subprocess
from datetime import UTC, datetime

import msgspec
import pytest
import standardwebhooks
from msgspec.structs import replace

from bridge.connector import Request, Secret
from connectors.webhook.authentication import Authentication, Scheme, refusal

NOW = 1_700_000_000.5
THEN = str(int(NOW))
SECRET = Secret("a secret of many words")
OLD = Secret("the secret before this one")
WHSEC = Secret("whsec_" + base64.b64encode(b"0123456789abcdefghijklmnopqrstuv").decode())
OLD_WHSEC = Secret("whsec_" + base64.b64encode(b"vutsrqponmlkjihgfedcba9876543210").decode())
BODY = b'{"ref": "refs/heads/main",\r\n "n":1}\xf0\x9f\x9a\xa2'


def sha256(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def standard(secret: str, body: bytes, at: str) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return (
        "v1," + base64.b64encode(hmac.new(key, b"msg_1." + at.encode() + b"." + body, hashlib.sha256).digest()).decode()
    )


def basic(pair: str) -> str:
    return "Basic " + base64.b64encode(pair.encode()).decode()


SIGNED = {
    Scheme.STANDARD_WEBHOOKS: lambda secret, body, at: {
        "webhook-id": "msg_1", "webhook-timestamp": at, "webhook-signature": standard(secret, body, at),
    },
    Scheme.GITHUB: lambda secret, body, _: {"x-hub-signature-256": "sha256=" + sha256(secret, body)},
    Scheme.GITEA: lambda secret, body, _: {"x-gitea-signature": sha256(secret, body)},
    Scheme.GRAFANA: lambda secret, body, _: {"x-grafana-alerting-signature": sha256(secret, body)},
    Scheme.SENTRY: lambda secret, body, _: {"sentry-hook-signature": sha256(secret, body)},
    Scheme.STRIPE: lambda secret, body, at: {
        "stripe-signature": f"t={at},v1={sha256(secret, at.encode() + b'.' + body)},v0=6ffb"
    },
    Scheme.SLACK: lambda secret, body, at: {
        "x-slack-request-timestamp": at, "x-slack-signature": "v0=" + sha256(secret, b"v0:" + at.encode() + b":" + body),
    },
}  # fmt: skip
SHOWN = {
    Scheme.GITLAB: lambda secret: {"x-gitlab-token": secret},
    Scheme.HEADER: lambda secret: {"x-token": secret},
    Scheme.BEARER: lambda secret: {"authorization": f"Bearer {secret}"},
    Scheme.BASIC: lambda secret: {"authorization": basic(secret)},
}
TIMED = [Scheme.STANDARD_WEBHOOKS, Scheme.STRIPE, Scheme.SLACK]


def secret_of(scheme: Scheme, *, old: bool = False) -> Secret:
    if scheme is Scheme.STANDARD_WEBHOOKS:
        return OLD_WHSEC if old else WHSEC
    if scheme is Scheme.BASIC:
        return Secret("robot7:" + (OLD if old else SECRET))
    return OLD if old else SECRET


def wants(scheme: Scheme, *secrets: Secret) -> Authentication:
    header = "X-Token" if scheme is Scheme.HEADER else ""
    secret, old_secret = (*(secrets or (secret_of(scheme),)), None)[:2]
    return Authentication(scheme=scheme, secret=secret, old_secret=old_secret, header=header)


def request(headers: dict[str, str], body: bytes = BODY, *, query: str = "") -> Request:
    named = tuple(headers.items())
    return Request(method="POST", path="/hooks/1/x", query=query, headers=named, body=body, remote="192.0.2.7")


def signed(scheme: Scheme, secret: str = "", *, body: bytes = BODY, at: str = THEN) -> dict[str, str]:
    secret = secret or secret_of(scheme)
    return SIGNED[scheme](secret, body, at) if scheme in SIGNED else SHOWN[scheme](secret)


EVERY = [*SIGNED, *SHOWN]


@pytest.mark.parametrize("scheme", EVERY)
def test_what_is_signed_as_it_should_be_passes(scheme):
    assert refusal(wants(scheme), request(signed(scheme)), now=NOW) == ""


@pytest.mark.parametrize("scheme", EVERY)
def test_another_secret_does_not(scheme):
    assert refusal(wants(scheme), request(signed(scheme, secret_of(scheme, old=True))), now=NOW)


@pytest.mark.parametrize("scheme", EVERY)
def test_while_one_secret_replaces_the_other_both_pass(scheme):
    both = wants(scheme, secret_of(scheme), secret_of(scheme, old=True))
    assert refusal(both, request(signed(scheme)), now=NOW) == ""
    assert refusal(both, request(signed(scheme, secret_of(scheme, old=True))), now=NOW) == ""


@pytest.mark.parametrize("scheme", SIGNED)
def test_each_altered_byte_is_refused(scheme):
    headers = signed(scheme)
    for at in range(len(BODY)):
        altered = BODY[:at] + bytes([BODY[at] ^ 1]) + BODY[at + 1 :]
        assert refusal(wants(scheme), request(headers, altered), now=NOW)
    assert refusal(wants(scheme), request(headers, BODY + b" "), now=NOW)
    assert refusal(wants(scheme), request(headers, b""), now=NOW)


@pytest.mark.parametrize("scheme", EVERY)
def test_each_altered_character_of_a_header_is_refused(scheme):
    headers = signed(scheme)
    for name, value in headers.items():
        for at, character in enumerate(value):
            other = "0" if character != "0" else "1"
            altered = headers | {name: value[:at] + other + value[at + 1 :]}
            is_scheme = value[:at].count(" ") == 0 and name == "authorization"
            is_unsigned = name == "stripe-signature" and at >= value.index(",v0")
            if not is_scheme and not is_unsigned:
                assert refusal(wants(scheme), request(altered), now=NOW), altered


@pytest.mark.parametrize("scheme", EVERY)
@pytest.mark.parametrize(
    "instead", [None, "", " ", "sha256=", "v0=", "v1,", "t=,v1=", "Bearer ", "Basic ", "é", "v1, v1,", "=" * 5_000]
)
def test_a_missing_or_empty_header_is_refused(scheme, instead):
    headers = signed(scheme)
    for name in headers:
        left = {each: value for each, value in headers.items() if each != name}
        if instead is not None:
            left[name] = instead
        assert refusal(wants(scheme), request(left), now=NOW)


@pytest.mark.parametrize("scheme", EVERY)
def test_a_header_that_comes_twice_counts_for_nothing(scheme):
    good = request(signed(scheme))
    twice = replace(good, headers=(*good.headers, *good.headers))
    assert refusal(wants(scheme), twice, now=NOW)


@pytest.mark.parametrize("scheme", TIMED)
@pytest.mark.parametrize(("seconds", "passes"), [(-301, False), (-299, True), (0, True), (299, True), (301, False)])
def test_a_signed_time_is_near(scheme, seconds, passes):
    headers = signed(scheme, at=str(int(NOW) + seconds))
    assert (refusal(wants(scheme), request(headers), now=NOW) == "") is passes


@pytest.mark.parametrize("scheme", TIMED)
@pytest.mark.parametrize("at", ["", "now", "-5", "1e9", "١٢٣", "99999999999999999999", f" {THEN}.0", f"+{THEN}"])
def test_a_time_is_a_number_of_seconds(scheme, at):
    assert refusal(wants(scheme), request(signed(scheme, at=at)), now=NOW)


def test_standard_webhooks_by_the_reference_implementation():
    at = datetime.fromtimestamp(int(NOW), tz=UTC)
    value = standardwebhooks.Webhook(WHSEC).sign("msg_1", at, BODY.decode())
    headers = {"webhook-id": "msg_1", "webhook-timestamp": THEN, "webhook-signature": f"v1a,xyz {value} v1,{'A' * 44}"}
    assert refusal(wants(Scheme.STANDARD_WEBHOOKS), request(headers), now=NOW) == ""
    assert refusal(wants(Scheme.STANDARD_WEBHOOKS), request(headers | {"webhook-id": "msg_2"}), now=NOW)


def test_a_secret_without_its_prefix_is_the_same_secret():
    bare = wants(Scheme.STANDARD_WEBHOOKS, Secret(WHSEC.removeprefix("whsec_")))
    assert refusal(bare, request(signed(Scheme.STANDARD_WEBHOOKS)), now=NOW) == ""


def test_the_example_of_github_itself():
    """docs.github.com, "Validating webhook deliveries": the secret, the body and the signature that they name."""
    authentication = wants(Scheme.GITHUB, Secret("It's a Secret to Everybody"))
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    headers = {"x-hub-signature-256": signature}
    assert refusal(authentication, request(headers, b"Hello, World!"), now=NOW) == ""


@pytest.mark.parametrize("header", ["x-forgejo-signature", "x-gitea-signature", "x-gogs-signature"])
def test_a_signature_of_openssl_passes(header):
    made = subprocess.run(["openssl", "dgst", "-sha256", "-hmac", SECRET], input=BODY, capture_output=True, check=True)
    signature = made.stdout.decode().split()[-1]
    assert refusal(wants(Scheme.GITEA), request({header: signature}), now=NOW) == ""


def test_gitea_without_a_secret_sends_an_empty_signature_which_never_passes():
    assert refusal(wants(Scheme.GITEA), request({"x-gitea-signature": ""}), now=NOW)
    assert refusal(wants(Scheme.GITEA), request({"x-gitea-signature": sha256("", BODY)}), now=NOW)


def test_grafana_with_a_time():
    authentication = replace(wants(Scheme.GRAFANA), timestamp_header="X-Grafana-Alerting-Timestamp")
    signature = sha256(SECRET, THEN.encode() + b":" + BODY)
    headers = {"x-grafana-alerting-timestamp": THEN, "x-grafana-alerting-signature": signature}
    assert refusal(authentication, request(headers), now=NOW) == ""
    assert refusal(authentication, request(headers), now=NOW + 302)
    assert refusal(authentication, request(signed(Scheme.GRAFANA)), now=NOW)
    assert refusal(wants(Scheme.GRAFANA), request(headers), now=NOW)


def test_several_signatures_of_stripe():
    good = sha256(SECRET, THEN.encode() + b"." + BODY)
    headers = {"stripe-signature": f"t={THEN}, v1={'0' * 64}, v1={good}"}
    assert refusal(wants(Scheme.STRIPE), request(headers), now=NOW) == ""


def test_a_secret_in_the_query():
    authentication = wants(Scheme.QUERY)
    assert refusal(authentication, request({}, query="token=a+secret+of+many+words"), now=NOW) == ""
    assert (
        refusal(replace(authentication, header="key"), request({}, query="key=a+secret+of+many+words"), now=NOW) == ""
    )
    for query in ("", "token=", "token=b", "key=a+secret+of+many+words", "token=a+secret+of+many+words&token=x"):
        assert refusal(authentication, request({}, query=query), now=NOW)


def test_without_a_scheme_the_url_is_the_secret():
    assert refusal(Authentication(), request({}), now=NOW) == ""


def test_no_refusal_tells_a_secret():
    for scheme in EVERY:
        told = refusal(wants(scheme), request(signed(scheme, secret_of(scheme, old=True))), now=NOW)
        assert secret_of(scheme) not in told
        assert secret_of(scheme, old=True) not in told


MISTAKES = {
    "no secret": ({"scheme": "github"}, 'secret: found none, expected one for the scheme "github"'),
    "a secret for nothing": ({"secret": "a secret of many"}, 'secret: found one, expected none for the scheme "none"'),
    "a short one": ({"scheme": "github", "secret": "short"}, "secret: found 5 characters, expected at least 8"),
    "no Base64": ({"scheme": "standard-webhooks", "secret": "whsec_?"}, 'secret: found something else, expected "whsec_"'),
    "too few bytes": ({"scheme": "standard-webhooks", "secret": "whsec_AAAA"}, "secret: found something else"),
    "the old one": ({"scheme": "github", "secret": SECRET, "old_secret": "short"}, "old_secret: found 5 characters"),
    "no user": ({"scheme": "basic", "secret": "password only"}, "secret: found no colon"),
    "which header": ({"scheme": "header", "secret": "a secret of many"}, "header: found nothing"),
    "no scheme": ({"scheme": "magic"}, "Invalid enum value 'magic'"),
}  # fmt: skip


@pytest.mark.parametrize(("keys", "why"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named_with_its_key(keys, why):
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert(keys, Authentication, dec_hook=lambda _, value: Secret(value))
    assert str(refused.value).startswith(why)
