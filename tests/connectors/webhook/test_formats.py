"""Every delivery in ``deliveries/`` reads as its file says, and no delivery, however bent, is more than refused."""

import copy
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.connector import Request
from bridge.core.content import Content
from bridge.core.spans import tidy
from bridge.core.text import clean
from connectors.webhook.formats import FORMATS, Answered, read, recognised
from connectors.webhook.posting import Ignored, Malformed, Posting, UnknownType
from connectors.webhook.submission import opened
from tests.support.deliveries import deliveries, read_as

ALL = deliveries()
FORM = "application/x-www-form-urlencoded"
JSON = [each for each in ALL if each.request.body.startswith(b"{")]


def request(body: bytes | str | dict = b"", *, query="", method="POST", **headers: str) -> Request:
    if isinstance(body, dict):
        body = json.dumps(body)
        headers.setdefault("content_type", "application/json")
    if isinstance(body, str):
        body = body.encode()
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Request(method=method, path="/hooks/1/x", query=query, headers=named, body=body, remote="192.0.2.7")


@pytest.mark.parametrize("delivery", ALL, ids=lambda each: f"{each.path.parent.name}: {each.path.stem}")
def test_a_delivery_reads_as_its_file_says(delivery):
    assert read_as(delivery.request) == delivery.wanted


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_deliveries_that_it_recognises_itself(name):
    assert [each for each in ALL if recognised(opened(each.request)).name == name]


def test_every_format_has_a_name_for_the_configuration_and_one_for_people():
    assert all(each.name == each.name.lower() and each.title for each in FORMATS.values())
    assert {each.answered for each in FORMATS.values()} == set(Answered)


def test_who_speaks_where_nobody_is_named_is_the_service():
    posting = read(opened(request({"zen": "Calm waters."}, x_github_event="ping")))
    assert isinstance(posting, Posting)
    assert (posting.name, posting.service) == ("", "GitHub")


def test_a_named_format_is_used_whatever_the_body_looks_like():
    submission = opened(request({"text": "**so** <https://x.example|there>"}))
    assert read(submission, format="slack").content.text == "**so** there"
    assert read(submission, format="mattermost").content.text == "so <https://x.example|there>"
    assert read(submission, format="generic").content.text == "**so** <https://x.example|there>"


REFUSED = {
    "generic: nothing": ("generic", request(b""), 'text: found nothing, expected a field "text" or "markdown"'),
    "generic: empty": ("generic", request({"text": ""}), "text: found an empty text"),
    "generic: blanks": ("generic", request(b"  \n "), "text: found nothing"),
    "generic: a list": ("generic", request({"text": ["a"]}), "text: found a list, expected a text"),
    "generic: only a name": (
        "generic",
        request(b"username=bob", content_type=FORM),
        "text: ",
    ),
    "slack: nothing": ("slack", request({"attachments": []}), "text: found nothing, expected a field"),
    "mattermost: nothing": ("mattermost", request({"props": {}}), "text: found nothing, expected a field"),
    "discord: nothing": ("discord", request({"embeds": [{}]}), "content: found nothing, expected a field"),
    "apprise: nothing": ("apprise", request({"type": "info"}), "message: found nothing, expected a text"),
    "ntfy: priority": ("ntfy", request(b"x", x_priority="soon"), 'priority: found "soon", expected 1 to 5'),
    "alertmanager: no alerts": (
        "alertmanager",
        request({"alerts": []}),
        "alerts: found a list, expected a list with at",
    ),
    "grafana: a text": ("grafana", request({"alerts": "all"}), "alerts: found a text, expected a list"),
    "github: no header": ("github", request({}), "X-GitHub-Event: found no such header"),
    "github: push of nothing": ("github", request({}, x_github_event="push"), "ref: found nothing, expected a text"),
    "gitea: no header": ("gitea", request({}), "X-Gitea-Event: found no such header"),
    "gitlab: no kind": ("gitlab", request({"object_kind": 5.5}), ""),
    "gitlab: kind missing": ("gitlab", request({}), "object_kind: found nothing, expected a text"),
    "sentry: no header": ("sentry", request({}), "Sentry-Hook-Resource: found no such header"),
    "uptime-kuma: no words": ("uptime-kuma", request({"heartbeat": None}), "msg: found nothing, expected a text"),
    "jenkins: no build": ("jenkins", request({"name": "x"}), "build.phase: found nothing, expected a text"),
}
del REFUSED["gitlab: no kind"]


@pytest.mark.parametrize(("format_name", "sent", "why"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_read_is_refused_by_the_name_of_its_field(format_name, sent, why):
    with pytest.raises(Malformed) as refused:
        read(opened(sent), format=format_name)
    assert str(refused.value).startswith(why)
    assert "\n" not in str(refused.value)


BROKEN = {
    "half of an object": (request(b'{"text": ', content_type="application/json"), "body: found no JSON"),
    "bytes that are no text": (request(b'{"text": "\xff"}', content_type="application/json"), "body: found text that is not UTF-8"),
    "a field that is no JSON": (request(b"payload=%7Bx", content_type=FORM), "payload: "),
    "very deep": (request(b'{"a":' * 65 + b"1" + b"}" * 65, content_type="application/json"), "body: found JSON of more"),
    "endlessly deep": (request(b"[" * 200_000, content_type="application/json"), "body: found "),
    "very many fields": (request(b"&".join(b"a%d=1" % n for n in range(1_100)), content_type=FORM), "body: found a form of very"),
    "very many parts": (request(b"--x\r\n\r\n" * 200, content_type="multipart/form-data; boundary=x"), "body: found a form of very"),
    "no boundary": (request(b"x", content_type="multipart/form-data"), "body: found no parts"),
}  # fmt: skip


@pytest.mark.parametrize(("sent", "why"), BROKEN.values(), ids=BROKEN)
def test_a_broken_body_is_refused_with_a_line(sent, why):
    with pytest.raises(Malformed) as refused:
        opened(sent)
    assert str(refused.value).startswith(why)


@pytest.mark.parametrize("media_type", ["application/xml", "image/png", "application/pdf", "video/mp4"])
def test_other_types_are_told_apart(media_type):
    with pytest.raises(UnknownType, match=media_type):
        opened(request(b"x", content_type=media_type))


SAID = {
    "curl -d text=hello": (request(b"text=hello", content_type=FORM), "hello"),
    "curl -d 'hello there'": (request(b"hello there", content_type=FORM), "hello there"),
    "curl -d '1 + 1 = 2'": (request(b"1 + 1 = 2", content_type=FORM), "1 + 1 = 2"),
    "curl -d '{…}'": (request(b' {"text": "hi"}', content_type=FORM), "hi"),
    "curl --json": (request(b'{"text": "hi"}', content_type="application/json"), "hi"),
    "JSON of a kind": (request(b'{"text": "hi"}', content_type="application/vnd.x+json; charset=utf-8"), "hi"),
    "nothing said of its type": (request(b'{"text": "hi"}'), "hi"),
    "a form without a type": (request(b"text=a+b"), "a b"),
    "words that begin with a brace": (request(b"{not JSON", content_type="text/plain"), "{not JSON"),
    "another charset": (request("grün".encode("latin-1"), content_type="text/plain; charset=iso-8859-1"), "grün"),
    "a charset that is none": (request(b"gr\xfcn", content_type="text/plain; charset=klingon"), "grün"),
    "in the query": (request(b"", query="text=by+query", method="GET"), "by query"),
    "a number": (request({"text": 5}), "5"),
    "half of a character": (request(b'{"text": "a\\ud83dz"}', content_type="application/json"), "az"),
    "a browser's priority": (request(b"x", title="T", priority="u=1, i"), "T\nx"),
    "controls": (request({"text": "a\x00b\x1b[0m\r\nc"}), "ab[0m\nc"),
}


@pytest.mark.parametrize(("sent", "wanted"), SAID.values(), ids=SAID)
def test_a_body_is_taken_for_what_it_is(sent, wanted):
    assert read(opened(sent)).content.text == wanted


def test_a_very_long_text_is_cut():
    content = read(opened(request("x" * 1_000_000, content_type="text/plain"))).content
    assert len(content.text) == 8_000
    assert content.text.endswith("x…")


def paths(value, path=()):
    """Yield where everything lies in a JSON value."""
    yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from paths(inner, (*path, key))


def bent(body, path, instead):
    """Return the body with something else at this path."""
    body = copy.deepcopy(body)
    if not path:
        return instead
    holder = body
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = instead
    return body


INSTEAD = [
    None,
    "",
    "x\x00\x1b\u202e @everyone\r\n",
    -1,
    1.5,
    10**30,
    True,
    [],
    {},
    [[]],
    [None, 5, "x"],
    {"a": {"b": 1}},
    "0" * 5_000,
]


@pytest.mark.parametrize("delivery", JSON, ids=lambda each: f"{each.path.parent.name}: {each.path.stem}")
def test_a_bent_delivery_is_read_or_refused(delivery):
    """Anything may stand anywhere: there is a posting that can be handed on, or a line that names the field."""
    body = json.loads(delivery.request.body)
    for path in paths(body):
        for instead in INSTEAD:
            check(msgspec.structs.replace(delivery.request, body=json.dumps(bent(body, path, instead)).encode()))


NAMES = ["text", "alerts", "build", "phase", "embeds", "blocks", "type", "content", "heartbeat", "monitor", "msg", "x"]
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES, st.sampled_from(sorted(FORMATS)))
def test_any_value_is_read_or_refused_by_any_format(value, name):
    sent = request(json.dumps(value), content_type="application/json")
    check(sent)
    check(sent, format_name=name)


def check(sent: Request, *, format_name: str = "") -> None:
    try:
        posting = read(opened(sent), format=format_name)
    except Malformed as refused:
        refusal = str(refused)
        assert refusal == " ".join(refusal.split())
        return
    if isinstance(posting, Ignored):
        assert posting.reason
        return
    sound(posting.content)
    for words in (posting.name, posting.event, posting.branch, posting.thread, posting.severity, *posting.labels):
        assert words == " ".join(clean(words).split())
    for key in (posting.edit_key, posting.delivery):
        assert len(key) <= 200
        assert key.isprintable()
    assert posting.avatar == "" or posting.avatar.startswith(("https://", "http://"))


def sound(content: Content) -> None:
    """Check what everybody may rely on."""
    assert content.text.strip() or content.attachments
    assert content.text == clean(content.text)
    assert "@everyone" not in content.text
    assert len(content.text) <= 8_000
    assert content.spans == tidy(content.spans, len(content.text))
