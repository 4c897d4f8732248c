"""What an endpoint wants to be told, in whose words, and what its keys may be."""

import json
from pathlib import Path

import msgspec
import pytest

from bridge.connector import PuppetSettings, Secret, Setup
from bridge.core.content import Attachment, Content, Kind, Span, Style
from bridge.core.deliveries import (
    Announce,
    AsBridge,
    AsMask,
    Edit,
    GivenUp,
    Head,
    NetworkIs,
    Post,
    React,
    Retract,
    SetTopic,
)
from bridge.core.events import Cause, MemberJoined, MemberLeft, MemberRenamed
from bridge.core.ids import DeliveryKey, EventKey, MessageId, MessageRef, Network, RoomId
from connectors.webhook.config import WebhookSettings
from connectors.webhook.connector import build
from connectors.webhook.dialects import call
from connectors.webhook.endpoints import EndpointSettings, leads_inside, name_mistake, unwanted
from connectors.webhook.happenings import Happening, happening
from connectors.webhook.marking import discord, markdown, mrkdwn
from connectors.webhook.markup import MARKDOWN, styled
from tests.support.build import member, origin, room
from tests.support.clock import START

ROOT = Path(__file__).parents[3]
CI = Network("ci")
TARGET = MessageRef(room("libera:#dev"), MessageId("m1"))
BOB = member("Bob", "libera", avatar="https://x.example/bob.png")


def head(*, by=BOB, where="libera:#dev") -> Head:
    voice = AsMask(member=by) if by else AsBridge()
    share = room("ci:builds/audit")
    return Head(key=DeliveryKey("k"), room=share, voice=voice, source=room(where), event=EventKey("e"), at=START)


def post(text, **fields):
    about = {key: fields.pop(key) for key in ("by", "where") if key in fields}
    return Post(head=head(**about), message=TARGET, content=Content(text=text, **fields))


def settings(**keys) -> EndpointSettings:
    return msgspec.convert(
        {"url": "https://x.example"} | keys, EndpointSettings, dec_hook=lambda _, value: Secret(value)
    )


def refused(delivery, **keys) -> str:
    told = happening(delivery)
    assert told is not None
    return unwanted(settings(**keys), told, network=CI)


WANTED = {
    "everything": (post("hi"), {}, ""),
    "another kind": (post("hi"), {"events": ["edit"]}, "its kind"),
    "a source": (post("hi"), {"sources": ["libera:*"]}, ""),
    "a room with a number sign": (post("hi"), {"sources": ["libera:#DEV"]}, ""),
    "another source": (post("hi"), {"sources": ["xmpp:*"]}, "where it happened"),
    "a sender by name": (post("hi"), {"senders": ["b*"]}, ""),
    "another sender": (post("hi"), {"senders": ["alice"]}, "who did it"),
    "a sender with brackets": (post("hi", by=member("[bob]", "libera")), {"senders": ["[bob]"]}, ""),
    "a sender who is left out": (post("hi"), {"exclude_senders": ["bob"]}, "who did it"),
    "words": (post("the ferry"), {"matches": "fer+y$"}, ""),
    "other words": (post("the train"), {"matches": "ferry"}, "its words"),
    "a trigger": (post("!Build now"), {"triggers": ["!build", "!test"]}, ""),
    "no trigger": (post("now !build"), {"triggers": ["!build"]}, "its first word"),
    "a longer word": (post("!builder"), {"triggers": ["!build"]}, "its first word"),
    "no words": (post("", attachments=(Attachment(url="https://x"),)), {"triggers": ["!build"]}, "its first word"),
    "a mention": (post("hey @CI, go"), {"mentions": ["ci"]}, ""),
    "a mention in front": (post("ci: go"), {"mentions": ["@ci"]}, ""),
    "no mention": (post("the @cinema, a ci b"), {"mentions": ["ci"]}, "to whom it speaks"),
    "said by a hook": (post("built", where="ci:builds"), {}, "said by a hook"),
    "said by a hook, and wanted": (post("built", where="ci:builds"), {"own": True}, ""),
    "what has no words": (Retract(head=head(), target=TARGET), {"matches": "ferry", "triggers": ["!x"]}, ""),
    "the bridge itself": (post("hi", by=None), {"senders": ["bob"]}, "who did it"),
}  # fmt: skip


@pytest.mark.parametrize(("delivery", "keys", "wanted"), WANTED.values(), ids=WANTED)
def test_what_an_endpoint_wants(delivery, keys, wanted):
    assert refused(delivery, **keys) == wanted


MISTAKES = {
    "no URL": ({"url": "ftp://x"}, 'url: found something else, expected "https://HOST/…"'),
    "no host": ({"url": "https:///x"}, "url: "),
    "a blank": ({"url": "https://x.example/a b"}, "url: "),
    "a port that is none": ({"url": "https://x.example:99999/"}, "url: "),
    "a line break": ({"url": "https://x.example/\r\nX: y"}, "url: "),
    "an expression that is none": ({"matches": "("}, "matches: missing ), unterminated subpattern at 0"),
    "a secret that is none": ({"secret": "hello"}, 'secret: found something else, expected "whsec_"'),
    "an old one that is none": ({"old_secret": "hello"}, "old_secret: "),
    "an own header": ({"headers": {"Content-Length": "5"}}, 'headers: found "Content-Length"'),
    "a signature of one's own": ({"headers": {"Webhook-Id": "5"}}, 'headers: found "Webhook-Id"'),
    "a header that is none": ({"headers": {"X Y": "5"}}, 'headers: found "X Y"'),
    "a header with a line break": ({"headers": {"X": "a\r\nY: b"}}, 'headers: found something else for "X"'),
    "a template that is none": ({"template": "{{"}, "template: line 1: "),
    "no media type": ({"content_type": "text/plain\r\nX: y"}, "content_type: found"),
    "a long time": ({"timeout": 600.0}, "timeout: found 600, expected from 0 to 60 seconds"),
    "no time": ({"max_age": 0.0}, "max_age: found 0, expected from 1 to"),
    "a kind that is none": ({"events": ["shout"]}, "Invalid enum value 'shout'"),
    "a dialect that is none": ({"dialect": "klingon"}, "Invalid enum value 'klingon'"),
}  # fmt: skip


@pytest.mark.parametrize(("keys", "why"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named_with_its_key(keys, why):
    with pytest.raises(msgspec.ValidationError) as mistake:
        settings(**keys)
    assert str(mistake.value).startswith(why)


def test_the_name_of_an_endpoint_is_a_word():
    assert name_mistake("audit-1.x") == ""
    for name in ("a/b", "", "-a", "a b", "x" * 65, "ä"):
        assert name_mistake(name)


def test_a_url_that_leads_inside_is_known_before_it_is_called():
    for url in (
        "http://127.0.0.1/x",
        "http://[::1]:5/",
        "http://10.1.2.3/",
        "https://localhost/",
        "http://a.localhost:1/",
    ):
        assert leads_inside(settings(url=url))
    for url in ("https://8.8.8.8/", "https://x.example/"):
        assert not leads_inside(settings(url=url))


async def test_the_check_names_endpoints_that_cannot_work():
    keys = {"a": settings(url="http://127.0.0.1/"), "b": settings(rooms=["other"]), "c": settings(rooms=["dev"])}
    setup = Setup(
        network=CI, settings=WebhookSettings(endpoints=keys), puppets=PuppetSettings(), instance="x", version="1"
    )
    found = [finding for finding in await build(setup).check([RoomId("dev")]) if not finding.ok]
    assert [finding.detail for finding in found] == [
        'endpoint "a" is at an address that is not on the public Internet',
        'endpoint "b" hears no room that is in a link',
    ]


def test_no_secret_shows_itself():
    url = "https://hooks.example/T0/B0/secret"
    shown = repr(settings(url=url, headers={"X": "hidden value"}, token="a token"))
    assert "secret" not in shown.replace("secret=", "").replace("old_secret=", "")
    assert "hidden value" not in shown
    assert "a token" not in shown


# -- the standard body

FILES = (Attachment(url="https://f", name="f", size=5),)
ABOUT = {
    "join": (Announce(head=head(by=None), text="", about=MemberJoined(origin=origin("libera:#dev"), member=BOB)), "join"),
    "leave": (
        Announce(head=head(by=None), text="", about=MemberLeft(origin=origin(), member=BOB, cause=Cause.LEFT, reason="bye")),
        "leave",
    ),
    "rename": (
        Announce(head=head(by=None), text="", about=MemberRenamed(origin=origin(), old=member("Rob", "libera"), member=BOB)),
        "rename",
    ),
    "failure": (
        Announce(
            head=head(by=None), text="",
            about=GivenUp(room=room("xmpp:dev@x"), event=EventKey("e"), reason="no", certain=True, sender=BOB),
        ),
        "failure",
    ),
    "state": (
        Announce(head=head(by=None), text="", about=NetworkIs(network=Network("libera"), status="down", detail="gone")),
        "state",
    ),
    "notice": (Announce(head=head(by=None), text="5 were missed"), "notice"),
    "message": (post("hi", spans=(Span(0, 2, Style.BOLD),), kind=Kind.ACTION, attachments=FILES), "message"),
    "edit": (Edit(head=head(), target=TARGET, content=Content(text="new"), previous=Content(text="old")), "edit"),
    "retraction": (Retract(head=head(), target=TARGET, moderated=True, reason="spam"), "retraction"),
    "reaction": (React(head=head(), target=TARGET, reactions=("👍", "🚢")), "reaction"),
    "no reaction": (React(head=head(), target=TARGET, reactions=()), "reaction"),
    "topic": (SetTopic(head=head(), topic="Ferries"), "topic"),
}  # fmt: skip


@pytest.mark.parametrize(("delivery", "kind"), ABOUT.values(), ids=ABOUT)
def test_every_kind_is_told_and_reads_back(delivery, kind):
    told = happening(delivery)
    assert told is not None
    assert told.type == kind
    assert msgspec.json.decode(msgspec.json.encode(told), type=Happening) == told
    written = json.loads(call(settings(), told, delivery).body)
    assert written["type"] == kind
    assert written["version"] == 1
    if kind == "reaction":
        assert written["data"]["reactions"] == list(delivery.reactions)


def test_the_published_schema_is_that_of_the_code():
    published = json.loads((ROOT / "docs/users/webhook-events.schema.json").read_text())
    head_ = {"$schema": published.pop("$schema"), "title": published.pop("title")}
    assert published == json.loads(json.dumps(msgspec.json.schema(Happening)))
    assert head_ == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What Linkspan tells an endpoint, version 1",
    }


# -- dialects

LINES = {
    "message": ("*Bob*: *hi*\nf (5 B): https://f", "*hi*\nf (5 B): https://f"),
    "edit": ("*Bob*: ✎ new", "**Bob**: ✎ new"),
    "retraction": ("Bob took back a message: spam", "Bob took back a message: spam"),
    "reaction": ("Bob reacted with 👍 🚢", "Bob reacted with 👍 🚢"),
    "no reaction": ("Bob took back a reaction", "Bob took back a reaction"),
    "topic": ("Bob set the topic: Ferries", "Bob set the topic: Ferries"),
    "join": ("Bob joined #dev", "Bob joined #dev"),
    "leave": ("Bob left #dev: bye", "Bob left #dev: bye"),
    "rename": ("Rob is now Bob", "Rob is now Bob"),
    "failure": ("not told to dev@x: no", "not told to dev@x: no"),
    "state": ("libera is down: gone", "libera is down: gone"),
    "notice": ("5 were missed", "5 were missed"),
}


@pytest.mark.parametrize("name", LINES)
def test_slack_and_mattermost_are_told_in_words(name):
    delivery, _ = ABOUT[name]
    told = happening(delivery)
    assert told is not None
    in_slack, in_mattermost = LINES[name]
    assert json.loads(call(settings(dialect="slack"), told, delivery).body) == {"text": in_slack}
    written = json.loads(call(settings(dialect="mattermost"), told, delivery).body)
    if name == "message":
        assert written == {
            "text": "**hi**\nf (5 B): https://f",
            "username": "Bob",
            "icon_url": "https://x.example/bob.png",
        }
    else:
        assert written == {"text": in_mattermost}


@pytest.mark.parametrize("name", LINES)
def test_discord_is_told_under_names_that_it_takes(name):
    delivery, _ = ABOUT[name]
    told = happening(delivery)
    assert told is not None
    request = call(settings(dialect="discord", url="https://d.example/w/1/t?thread_id=5"), told, delivery)
    assert request.url == "https://d.example/w/1/t?thread_id=5&wait=true"
    assert json.loads(request.body)["allowed_mentions"] == {"parse": []}


@pytest.mark.parametrize("name", ["Discord Fan", "CLYDE", " ", "x" * 200])
def test_discord_gets_no_name_that_it_refuses(name):
    delivery = post("hi", by=member(name, "libera"))
    told = happening(delivery)
    assert told is not None
    shown = json.loads(call(settings(dialect="discord"), told, delivery).body)["username"]
    assert 1 <= len(shown) <= 80
    assert "discord" not in shown.lower()
    assert "clyde" not in shown.lower()


@pytest.mark.parametrize(("dialect", "longest"), [("discord", 2_000), ("mattermost", 16_383), ("slack", 40_000)])
def test_nobody_gets_more_than_they_take(dialect, longest):
    delivery = post("ä*" * 50_000)
    told = happening(delivery)
    assert told is not None
    written = json.loads(call(settings(dialect=dialect), told, delivery).body)
    assert len(written.get("content") or written["text"]) <= longest


HOSTILE = [
    "",
    "\x00\x07",
    "a\r\nb",
    "\u2028\u202e\u2066",
    "`" * 50,
    "*_~|[](" * 20,
    "```\n" * 9,
    "<!here> <@U1> &",
    "🚢" * 3_000,
    "x" * 100_000,
]


@pytest.mark.parametrize("dialect", ["standard", "slack", "discord", "mattermost", "outgoing"])
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_any_text_can_be_written_in_any_dialect(dialect, text):
    everywhere = tuple(Span(0, len(text), style, "https://x") for style in (Style.BOLD, Style.LINK)) if text else ()
    for delivery in (
        post(text, by=member(text or "x", "libera")),
        post(text, spans=everywhere),
        SetTopic(head=head(), topic=text),
    ):
        told = happening(delivery)
        assert told is not None
        assert isinstance(json.loads(call(settings(dialect=dialect), told, delivery).body), dict)


def test_outgoing_webhooks_have_the_fields_of_mattermost():
    delivery = post("!build now")
    told = happening(delivery)
    assert told is not None
    keys = settings(dialect="outgoing", token="t0k3n", triggers=["!test", "!build"])
    assert json.loads(call(keys, told, delivery).body) == {
        "token": "t0k3n", "team_id": "libera", "team_domain": "libera", "channel_id": "#dev", "channel_name": "#dev",
        "timestamp": START, "user_id": "bob", "user_name": "Bob", "post_id": "msg_k", "text": "!build now",
        "trigger_word": "!build",
    }  # fmt: skip


# -- marks


MARKED = {
    "plain": (Content(text="a ferry"), "a ferry", "a ferry"),
    "what looks like marks": (Content(text="a*b_c`d <x> & y"), r"a\*b\_c\`d <x> & y", "a*b_c`d &lt;x&gt; &amp; y"),
    "bold": (Content(text="so bold", spans=(Span(3, 7, Style.BOLD),)), "so **bold**", "so *bold*"),
    "blanks at the ends": (Content(text="a b c", spans=(Span(1, 4, Style.ITALIC),)), "a *b* c", "a _b_ c"),
    "code": (Content(text="run x*y", spans=(Span(4, 7, Style.CODE),)), "run `x*y`", "run `x*y`"),
    "link": (
        Content(text="the log", spans=(Span(4, 7, Style.LINK, "https://x.example"),)),
        "the [log](https://x.example)", "the <https://x.example|log>",
    ),
    "a link that shows itself": (
        Content(text="https://x.example", spans=(Span(0, 17, Style.LINK, "https://x.example"),)),
        "https://x.example", "https://x.example",
    ),
    "a block of code": (
        Content(text="a\nx = 1\nb", spans=(Span(2, 7, Style.PRE, "python"),)),
        "a\n```python\nx = 1\n```\nb", "a\n```python\nx = 1\n```\nb",
    ),
    "a quote": (Content(text="one\ntwo\nthree", spans=(Span(0, 7, Style.QUOTE),)), "> one\n> two\nthree", "&gt; one\n&gt; two\nthree"),
    "everybody": (Content(text="@everyone @HERE"), "@\u200beveryone @\u200bHERE", "@\u200beveryone @\u200bHERE"),
    "nested": (
        Content(text="a b c", spans=(Span(0, 5, Style.BOLD), Span(2, 3, Style.STRIKE))),
        "**a** **~~b~~** **c**", "*a* *~b~* *c*",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "in_markdown", "in_slack"), MARKED.values(), ids=MARKED)
def test_styles_become_marks(content, in_markdown, in_slack):
    assert markdown(content) == in_markdown
    assert mrkdwn(content) == in_slack


def test_discord_has_underlines_and_spoilers():
    content = Content(text="a b", spans=(Span(0, 1, Style.UNDERLINE), Span(2, 3, Style.SPOILER)))
    assert discord(content) == "__a__ ||b||"


@pytest.mark.parametrize(
    "name",
    [name for name in MARKED if name not in {"everybody", "nested", "blanks at the ends", "a link that shows itself"}],
)
def test_markdown_reads_back_as_it_was_meant(name):
    content, _, _ = MARKED[name]
    assert styled(markdown(content), MARKDOWN) == content
