"""What is sent to hooks, on a real socket: said once, corrected, answered in the sender's words; and what is refused."""

import asyncio
import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook

from bridge.connector import Secret
from bridge.core.content import Kind
from connectors.webhook.authentication import Authentication, Scheme
from connectors.webhook.config import Update, WrittenHook
from connectors.webhook.custom import TemplateSettings
from connectors.webhook.filters import FilterSettings
from tests.support.clock import START, quiet
from tests.support.webhooks import TOKEN, hook, stage, webhooks

URL = f"/hooks/builds/{TOKEN}"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


# said, and answered


async def test_a_text_is_said_and_its_id_is_told() -> None:
    async with stage() as here:
        answered = await here.send(b"text=hello", headers=FORM)
        assert answered.status == 202
        assert answered.body == {"id": answered.body["id"]}
        assert answered.body["id"].startswith("builds.")
        assert await here.heard() == ["Webhook: hello"]
        assert answered.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"


@pytest.mark.parametrize(
    ("body", "path", "status", "told"),
    [
        ({"text": "hi", "attachments": []}, f"{URL}/slack", 200, b"ok"),
        ({"content": "hi"}, f"{URL}/discord", 204, b""),
    ],
)
async def test_each_sender_is_answered_in_its_own_words(body: object, path: str, status: int, told: bytes) -> None:
    async with stage() as here:
        answered = await here.send(body, path=path)
        assert (answered.status, answered.body) == (status, told)
        assert len(await here.heard()) == 1


async def test_who_waits_is_told_where_it_was_said() -> None:
    async with stage() as here:
        answered = await here.send({"text": "hi"}, path=f"{URL}?wait=true")
        assert (answered.status, answered.body["room"]) == (200, "builds")
        answered = await here.send({"content": "hi"}, path=f"{URL}/discord?wait=true")
        assert (answered.status, answered.body["channel_id"]) == (200, "builds")


async def test_nothing_is_acknowledged_before_it_is_stored() -> None:
    async with stage() as here:
        here.works.store.break_down("the disk is full")
        away = await here.text("refused")
        assert (away.status, away.headers["Retry-After"], away.body["detail"]) == (503, "2", "the disk is full")
        here.works.store.recover()
        assert (await here.text("taken")).status == 202
        assert await here.heard() == ["Webhook: taken"]


async def test_a_network_that_does_not_run_says_so() -> None:
    async with stage() as here:
        await here.works.hub.remove_network(here.ci._network)
        assert (await here.text("hi")).status == 503
        assert (await here.send({"text": "hi"}, path="/hooks/builds/wrong-wrong-wrong")).status == 404


async def test_a_room_that_is_in_no_link_is_told() -> None:
    async with stage(webhooks(hooks={"builds": hook(room="lonely")})) as here:
        answered = await here.text("is anybody there?")
        assert (answered.status, answered.body) == (200, {"id": None, "skipped": "the room is in no link"})


# once


@pytest.mark.parametrize("header", ["Webhook-Id", "Idempotency-Key"])
async def test_the_same_delivery_ten_times_at_once_is_one_message_and_ten_successes(header: str) -> None:
    async with stage() as here:
        answers = await asyncio.gather(*(here.send({"text": "once"}, headers={header: "d1"}) for _ in range(10)))
        assert {answer.status for answer in answers} <= {200, 202}
        assert len({answer.body["id"] for answer in answers}) == 1
        assert sum(answer.body.get("duplicate", False) for answer in answers) == 9
        assert await here.heard() == ["Webhook: once"]


async def test_a_delivery_that_comes_again_after_a_restart_is_known() -> None:
    async with stage() as here:
        first = await here.send({"text": "once"}, headers={"Webhook-Id": "d1"})
        await here.restart(webhooks())
        again = await here.send({"text": "once"}, headers={"Webhook-Id": "d1"})
        assert (again.status, again.body) == (200, {"id": first.body["id"], "duplicate": True})
        assert await here.heard() == ["Webhook: once"]


async def test_deliveries_of_two_hooks_are_two_even_with_one_id() -> None:
    async with stage(webhooks(hooks={"builds": hook(), "other": hook()})) as here:
        for path in (URL, f"/hooks/other/{TOKEN}"):
            assert (await here.send({"text": "hi"}, path=path, headers={"Webhook-Id": "d1"})).status == 202
        assert len(await here.heard()) == 2


# corrected


def alert(*names: str, firing: bool = True) -> dict[str, Any]:
    status = "firing" if firing else "resolved"
    alerts = [
        {"status": status, "labels": {"alertname": name}, "startsAt": "2026-01-01T00:00:00Z", "fingerprint": name}
        for name in names
    ]
    return {"version": "4", "groupKey": "{}:{}", "status": status, "groupLabels": {}, "alerts": alerts}


async def test_an_alert_is_one_message_from_firing_to_resolved() -> None:
    async with stage() as here:
        told = [
            await here.send(alert("A")),
            await here.send(alert("A", "B")),
            await here.send(alert("A", "B", firing=False)),
        ]
        assert len({answer.body["id"] for answer in told}) == 1
        first, second, third = await here.heard()
        assert first.startswith("Alertmanager: ")
        assert "FIRING" in first
        assert second.startswith("~Alertmanager: ")
        assert third.startswith("~Alertmanager: ")
        assert "RESOLVED" in third


async def test_what_comes_after_the_end_is_a_message_of_its_own() -> None:
    async with stage() as here:
        for body in (alert("A"), alert("A", firing=False), alert("A", "C")):
            await here.send(body)
        assert [line.startswith("~") for line in await here.heard()] == [False, True, False]


async def test_the_end_of_an_alert_is_told_where_that_is_wanted() -> None:
    async with stage(webhooks(hooks={"builds": hook(tell_end=True)})) as here:
        for body in (alert("A"), alert("A", "B"), alert("A", "B", firing=False)):
            await here.send(body)
        heard = await here.heard()
        assert [line.partition(":")[0] for line in heard] == [
            "Alertmanager",
            "~Alertmanager",
            "~Alertmanager",
            "Alertmanager >",
        ]
        assert "RESOLVED" in heard[-1]
        assert "\n" not in heard[-1]


async def test_what_is_to_wake_nobody_is_a_notice() -> None:
    async with stage() as here:
        await here.send({"text": "psst", "silent": True})
        await here.heard()
        assert [delivery.content.kind for delivery in here.right.sent] == [Kind.NOTICE]


async def test_an_edit_key_outlives_a_restart() -> None:
    async with stage() as here:
        await here.text("building", edit_key="run 7", username="ci")
        await here.restart(webhooks())
        await here.text("built", edit_key="run 7", username="somebody else")
        assert await here.heard() == ["ci: building", "~ci: built"]


@pytest.mark.parametrize(
    ("update", "heard"),
    [
        (Update.EDIT, ["Webhook: one", "~Webhook: two"]),
        (Update.REPLY, ["Webhook: one", "Webhook >: two"]),
        (Update.OFF, ["Webhook: one", "Webhook: two"]),
    ],
)
async def test_what_belongs_to_an_earlier_message(update: Update, heard: list[str]) -> None:
    async with stage(webhooks(hooks={"builds": hook(update=update)})) as here:
        await here.text("one", edit_key="k")
        await here.text("two", edit_key="k")
        assert await here.heard() == heard


async def test_a_message_that_is_too_old_is_answered_and_the_answer_is_corrected() -> None:
    async with stage(webhooks(hooks={"builds": hook(update_within=60.0)})) as here:
        await here.text("one", edit_key="k")
        await here.works.clock.advance(61)
        await here.text("two", edit_key="k")
        await here.text("three", edit_key="k")
        assert await here.heard() == ["Webhook: one", "Webhook >: two", "~Webhook: three"]


async def test_patch_and_delete_by_id() -> None:
    async with stage() as here:
        name = (await here.text("teh", username="bob")).body["id"]
        patched = await here.send({"text": "the"}, path=f"{URL}/{name}", method="PATCH")
        assert (patched.status, patched.body["id"]) == (200, name)
        patched = await here.send({"content": "The"}, path=f"{URL}/messages/{name}", method="PATCH")
        assert patched.status == 200
        assert (await here.send(path=f"{URL}/messages/{name}", method="DELETE")).status == 204
        assert await here.heard() == ["bob: teh", "~bob: the", "~bob: The", "-bob"]


async def test_a_hook_cannot_touch_what_another_said() -> None:
    async with stage(webhooks(hooks={"builds": hook(), "other": hook()})) as here:
        name = (await here.text("mine")).body["id"]
        theirs = f"/hooks/other/{TOKEN}/{name}"
        assert (await here.send({"text": "yours"}, path=theirs, method="PATCH")).status == 404
        assert (await here.send(path=theirs, method="DELETE")).status == 404
        assert (await here.send(path=f"{URL}/builds.none", method="DELETE")).status == 404
        assert (await here.send(path=URL, method="DELETE")).status == 400
        assert await here.heard() == ["Webhook: mine"]


# who speaks


async def test_every_name_is_a_person_of_its_own_and_the_silent_leave() -> None:
    async with stage(webhooks(voices=2, idle=60.0)) as here:
        for name in ("ann", "bob", "Bob"):
            await here.text("hi", username=name)
        await quiet()
        assert {member.name for member in here.right.shown.values()} == {"ann", "Bob"}
        await here.works.clock.advance(61)
        await here.ci._inbound.tidy(here.works.hub.port(here.ci._network))
        await quiet()
        assert here.right.shown == {}


async def test_who_finds_no_room_is_spoken_for_until_somebody_was_silent() -> None:
    async with stage(webhooks(voices=2, hooks={"builds": hook(name="builder")})) as here:
        for name in ("ann", "bob", "cid", "ann"):
            await here.text("hi", username=name, edit_key=name)
        await here.text("hello", username="cid", edit_key="cid")
        assert await here.heard() == ["ann: hi", "bob: hi", "builder: cid: hi", "~ann: hi", "~builder: cid: hello"]
        await here.works.clock.advance(61)
        await here.text("hi", username="dee")
        assert (await here.heard())[-1] == "dee: hi"
        await quiet()
        assert {member.name for member in here.right.shown.values()} == {"builder", "dee"}


async def test_names_of_two_hooks_are_two_people() -> None:
    async with stage(webhooks(hooks={"builds": hook(), "other": hook()})) as here:
        for path in (URL, f"/hooks/other/{TOKEN}"):
            await here.send({"text": "hi", "username": "bob", "avatar_url": "https://example.org/b.png"}, path=path)
        people = {person.id: member for (_, person), member in here.right.shown.items()}
        assert people.keys() == {"builds/bob", "other/bob"}
        assert {member.avatar for member in people.values()} == {"https://example.org/b.png"}
        assert all(member.bot for member in people.values())


async def test_only_names_that_are_allowed_are_taken() -> None:
    async with stage(webhooks(hooks={"builds": hook(names=("ann",), name="builder")})) as here:
        await here.text("one", username="ann")
        await here.text("two", username="Juliet")
        assert await here.heard() == ["ann: one", "builder: two"]


# too much


async def test_who_sends_too_often_is_told_when_to_come_back() -> None:
    async with stage(webhooks(hooks={"builds": hook(limit=2)})) as here:
        statuses = [(await here.text("hi")).status for _ in range(3)]
        refused = await here.text("hi")
        assert statuses == [202, 202, 429]
        assert refused.headers["Retry-After"] == "30"
        await here.works.clock.advance(30)
        assert (await here.text("hi")).status == 202


@pytest.mark.parametrize("limits", [{"rate": 2}, {"hooks": {"builds": hook(rate=2)}}])
async def test_what_comes_too_fast_is_gathered_and_counted(limits: dict[str, Any]) -> None:
    async with stage(webhooks(**limits)) as here:
        answers = [await here.text(f"alert {number}\nmore of it") for number in range(16)]
        assert [answer.status for answer in answers] == [202, 202, *[200] * 14]
        assert "skipped" in answers[-1].body
        assert len(await here.heard()) == 2
        await here.restart(webhooks(**limits))
        await here.works.clock.advance(30)
        await here.ci._inbound.speech.release(here.works.hub.port(here.ci._network))
        gathered = (await here.heard())[2]
        assert gathered.startswith("webhook: 14 more:\n• alert 2\n")
        assert gathered.endswith("\n• alert 6\n• …")
        assert len(await here.heard()) == 3
        assert await here.works.store.recollect(here.ci._network, "gathered/") == {}


async def test_a_correction_is_never_gathered() -> None:
    async with stage(webhooks(rate=1)) as here:
        for number in range(4):
            await here.text(f"{number}", edit_key="k")
        assert len(await here.heard()) == 4


# refused


@pytest.mark.parametrize(
    ("settings", "request_", "status", "detail"),
    [
        ({}, {"path": "/hooks/builds"}, 404, "there is nothing here"),
        ({}, {"path": "/hooks/builds/0123456789abcdeg"}, 404, "there is nothing here"),
        ({}, {"path": f"/hooks/nobody/{TOKEN}"}, 404, "there is nothing here"),
        ({}, {"method": "GET"}, 405, "GET is not possible here"),
        ({}, {"method": "HEAD"}, 405, None),
        ({"get": True}, {"method": "HEAD"}, 405, None),
        ({"allow": ("10.0.0.0/8",)}, {}, 403, "not from this address"),
        ({"largest": 10}, {}, 413, "the body is larger than 10 bytes"),
        ({"expires": "2020-01-01"}, {}, 410, "this hook is gone"),
        ({}, {"body": b"<a/>", "headers": {"Content-Type": "image/png"}}, 415, None),
        ({}, {"body": b"{", "headers": {"Content-Type": "application/json"}}, 400, None),
        ({}, {"body": b"\x00\xff" * 10, "headers": {"Content-Type": "application/json"}}, 400, None),
        ({}, {"body": b"[" * 10_000, "headers": {"Content-Type": "application/json"}}, 400, None),
        ({}, {"body": b""}, 400, None),
        ({"format": "alertmanager"}, {}, 400, None),
        ({"authentication": Authentication(scheme=Scheme.BEARER, secret=Secret("s3cr3t-s3cr3t"))}, {}, 401, None),
    ],
)  # fmt: skip
async def test_what_is_refused(
    settings: dict[str, Any], request_: dict[str, Any], status: int, detail: str | None
) -> None:
    async with stage(webhooks(hooks={"builds": hook(**settings)})) as here:
        answered = await here.send(**{"body": {"text": "hello"}} | request_)
        assert answered.status == status
        if request_.get("method") != "HEAD":
            assert answered.body["status"] == status
            assert detail is None or answered.body["detail"] == detail
        assert ("Allow" in answered.headers) == (status == 405)
        assert await here.heard() == []


async def test_get_where_it_was_asked_for() -> None:
    async with stage(webhooks(hooks={"builds": hook(get=True)})) as here:
        assert (await here.send(path=f"{URL}?text=hi", method="GET")).status == 202
        assert await here.heard() == ["Webhook: hi"]


async def test_an_unknown_hook_and_a_wrong_secret_look_the_same() -> None:
    async with stage() as here:
        one = await here.send({"text": "x"}, path="/hooks/nobody/0123456789abcdef")
        two = await here.send({"text": "x"}, path="/hooks/builds/0123456789abcdeg")
        assert (one.status, one.body) == (two.status, two.body)


async def test_the_body_of_a_stranger_is_not_read() -> None:
    async with stage() as here:
        reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
        writer.write(b"POST /hooks/builds/0123456789abcdeg HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 404")  # though not one byte of it has come
        writer.close()


async def test_nothing_of_a_refused_request_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with stage() as here:
        await here.send(b'{"text": 5, "password": "hunter2"', headers={"Content-Type": "application/json"})
        await here.send({"text": "hunter2"})
    assert "hunter2" not in caplog.text
    assert TOKEN not in caplog.text


# signed by others

STANDARD = "whsec_" + base64.b64encode(b"k" * 32).decode()


def signed(body: bytes, *, secret: str = STANDARD, at: int = START // 1000) -> dict[str, str]:
    signature = Webhook(secret).sign("msg_1", datetime.fromtimestamp(at, tz=UTC), body.decode())
    return {
        "Content-Type": "application/json",
        "webhook-id": "msg_1",
        "webhook-timestamp": str(at),
        "webhook-signature": signature,
    }


def signing(scheme: Scheme, secret: str, old: str | None = None) -> WrittenHook:
    old_secret = Secret(old) if old else None
    return hook(authentication=Authentication(scheme=scheme, secret=Secret(secret), old_secret=old_secret))


async def test_standard_webhooks_signed_by_another_implementation_and_every_altered_byte_refused() -> None:
    body = b'{"text": "signed"}'
    async with stage(webhooks(hooks={"builds": signing(Scheme.STANDARD_WEBHOOKS, STANDARD)})) as here:
        headers = signed(body)
        for place in range(len(body)):
            altered = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
            assert (await here.send(altered, headers=headers)).status == 401
        for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
            assert (await here.send(body, headers=headers | {name: ""})).status == 401
            assert (await here.send(body, headers={key: headers[key] for key in headers if key != name})).status == 401
        assert (await here.send(body, headers=signed(body, at=START // 1000 - 301))).status == 401
        assert await here.heard() == []
        assert (await here.send(body, headers=headers)).status == 202
        assert await here.heard() == ["Webhook: signed"]


async def test_the_old_secret_is_good_while_the_new_one_comes_in() -> None:
    old = "whsec_" + base64.b64encode(b"o" * 32).decode()
    body = b'{"text": "signed"}'
    async with stage(webhooks(hooks={"builds": signing(Scheme.STANDARD_WEBHOOKS, STANDARD, old)})) as here:
        assert (await here.send(body, headers=signed(body, secret=old))).status == 202


async def openssl(key: str, body: bytes) -> str:
    """Return HMAC-SHA256 in hexadecimal, as a shell script makes it."""
    command = ["openssl", "dgst", "-sha256", "-hmac", key]
    pipe = asyncio.subprocess.PIPE
    made = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    output, _ = await made.communicate(body)
    return output.decode().split()[-1]


PUSH = {
    "ref": "refs/heads/main",
    "before": "0" * 40,
    "after": "1" * 40,
    "compare_url": "https://git.example.org/octo/ferry/compare/a...b",
    "commits": [{"id": "1" * 40, "message": "Fix the ramp", "url": "https://git.example.org/c/1", "author": {"name": "Ann"}}],
    "repository": {"full_name": "octo/ferry", "html_url": "https://git.example.org/octo/ferry"},
    "pusher": {"login": "ann", "full_name": "Ann"},
    "sender": {"login": "ann"},
}  # fmt: skip


async def test_a_push_of_gitea_signed_by_openssl() -> None:
    body = json.dumps(PUSH).encode()
    async with stage(webhooks(hooks={"builds": signing(Scheme.GITEA, "a gitea secret")})) as here:
        headers = {
            "Content-Type": "application/json",
            "X-Gitea-Event": "push",
            "X-GitHub-Event": "push",
            "X-Gitea-Delivery": "f6266f16-1bf3-46a5-9ea4-602e06ead473",
            "X-Gitea-Signature": await openssl("a gitea secret", body),
        }
        for place in range(0, len(body), 7):
            altered = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
            assert (await here.send(altered, headers=headers)).status == 401
        assert (await here.send(body, headers=headers | {"X-Gitea-Signature": ""})).status == 401
        assert (await here.send(body, headers=headers)).status == 202
        assert (await here.send(body, headers=headers)).body["duplicate"]
        (heard,) = await here.heard()
        assert heard.startswith("Gitea: ")
        assert "Fix the ramp" in heard


async def test_a_ping_of_github_signed_by_openssl_and_one_by_a_form() -> None:
    ping = json.dumps({"zen": "Keep it logically awesome.", "hook_id": 1, "hook": {"type": "Repository"}}).encode()
    async with stage(webhooks(hooks={"builds": signing(Scheme.GITHUB, "a github secret")})) as here:
        headers = {"X-GitHub-Event": "ping", "X-GitHub-Delivery": "d1", "Content-Type": "application/json"}
        signature = f"sha256={await openssl('a github secret', ping)}"
        assert (await here.send(ping, headers=headers | {"X-Hub-Signature-256": signature})).status in {200, 202}
        for wrong in ("", "sha256=", signature[:-1], signature[:-1] + "0", signature.removeprefix("sha256=")):
            if wrong != signature:
                assert (await here.send(ping, headers=headers | {"X-Hub-Signature-256": wrong})).status == 401
        form = b"payload=" + ping.replace(b" ", b"+")
        digest = hmac.new(b"a github secret", form, hashlib.sha256).hexdigest()
        as_form = headers | FORM | {"X-Hub-Signature-256": f"sha256={digest}", "X-GitHub-Delivery": "d2"}
        assert (await here.send(form, headers=as_form)).status in {200, 202}


# read by templates, let through by filters


async def test_what_is_filtered_out_is_taken_and_says_why() -> None:
    filters = FilterSettings(events=("deploy",), where="env == 'prod'")
    async with stage(webhooks(hooks={"builds": hook(filters=filters)})) as here:
        for body in ({"text": "a", "event": "test", "env": "prod"}, {"text": "b", "event": "deploy", "env": "dev"}):
            answered = await here.send(body)
            assert answered.status == 200
            assert answered.body["id"] is None
            assert answered.body["skipped"]
        assert (await here.send({"text": "c", "event": "deploy", "env": "prod"})).status == 202
        assert await here.heard() == ["Webhook: c"]


async def test_a_template_of_one_s_own_and_one_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    template = TemplateSettings(text="{{ what }} is **{{ state }}**", name="{{ who }}", edit_key="{{ what }}")
    async with stage(webhooks(hooks={"builds": hook(template=template)})) as here:
        await here.send({"what": "db", "state": "down", "who": "watch"})
        await here.send({"what": "db", "state": "up", "who": "watch"})
        assert await here.heard() == ["watch: db is down", "~watch: db is up"]
    failing = TemplateSettings(text="{{ what * 3 }}")
    async with stage(webhooks(hooks={"builds": hook(template=failing)})) as here:
        answered = await here.send({"what": "db"})
        assert (answered.status, answered.body["id"]) == (200, None)
        assert answered.body["skipped"].startswith("the template failed: text: ")
        assert "webhook.template_failed text: " in caplog.text
        assert len(await here.ci.hook_calls("builds")) == 1


# for the operator


async def test_bodies_are_kept_for_a_replay_and_not_for_ever() -> None:
    async with stage(webhooks(keep=60.0)) as here:
        for number in range(60):
            await here.text(f"{number}")
        calls = await here.ci.hook_calls("builds")
        assert len(calls) == 50
        await here.ci.replay_hook("builds", calls[0].id)
        assert (await here.heard())[-1] == "Webhook: 59"
        await here.works.clock.advance(61)
        await here.ci._inbound.tidy(here.works.hub.port(here.ci._network))
        assert await here.ci.hook_calls("builds") == []


async def test_a_large_body_is_noted_and_not_kept() -> None:
    async with stage() as here:
        await here.text("x" * 70_000)
        (call,) = await here.ci.hook_calls("builds")
        assert (call.kept, call.size > 70_000) == (False, True)


async def test_what_is_counted() -> None:
    async with stage(webhooks(hooks={"builds": hook(limit=6)})) as here:
        for headers in ({"Webhook-Id": "1"}, {"Webhook-Id": "1"}):
            await here.send({"text": "a", "edit_key": "k"}, headers=headers)
        name = (await here.text("b", edit_key="k")).body["id"]
        await here.send(path=f"{URL}/{name}", method="DELETE")
        await here.send(b"{", headers={"Content-Type": "application/json"})
        await here.send(path="/hooks/builds/wrong-wrong-wrong")
        counted, _ = here.ci.counted()
        assert {outcome: number for outcome, number in counted.values.items() if number} == {
            "posted": 1,
            "edited": 1,
            "duplicate": 1,
            "retracted": 1,
            "refused": 1,
        }


async def test_what_a_check_finds() -> None:
    async with stage(webhooks(hooks={"builds": hook(), "other": hook(room="lonely")})) as here:
        findings = await here.ci.check(["builds"])
        assert [finding.ok for finding in findings] == [True, False]
        assert 'hook "other" speaks in ci:lonely, which is in no link' in findings[1].detail
