"""Hooks as their administrator knows them: of whichever network, with settings that are checked and a URL shown once."""

import pytest

from bridge.connector import PuppetSettings, Setup
from bridge.core.commands import CommandRefused
from bridge.core.ids import Network
from bridge.hookdesk import Hooks
from bridge.web.commands import STATUS
from bridge.web.ports import NewHook
from connectors.webhook.connector import WebhookConnector
from tests.support.clock import quiet
from tests.support.webhooks import hook, stage, webhooks


async def test_a_hook_from_its_making_to_its_end() -> None:
    async with stage(webhooks(hooks={})) as here:
        desk = Hooks(here.works.hub.networks, clock=here.works.clock)
        desk.public_url = "https://bridge.example.org"
        made = await desk.create(NewHook(room="ci:builds", settings={"name": "builder"}))
        path = made.url.removeprefix("https://bridge.example.org")
        assert made.url == f"https://bridge.example.org/hooks/{made.id}/{path.split('/')[3]}"
        assert (await here.send({"text": "one"}, path=path)).status == 202
        (listed,) = desk.hooks()
        assert (listed.room, listed.name, listed.origin, listed.state) == ("ci:builds", "builder", "command", "active")
        assert listed.used == here.works.clock.now()

        rotated = (await desk.rotate(made.id, overlap=60)).url.removeprefix("https://bridge.example.org")
        assert desk.hooks()[0].rotating
        assert [(await here.send({"text": "two"}, path=each)).status for each in (path, rotated)] == [202, 202]
        await here.works.clock.advance(61)
        assert [(await here.send({"text": "three"}, path=each)).status for each in (path, rotated)] == [404, 202]

        await desk.pause(f"ci:{made.id}", paused=True)
        paused = await here.send({"text": "silence"}, path=rotated)
        assert (paused.status, paused.body) == (200, {"id": None, "skipped": "the hook is paused"})
        assert desk.hooks()[0].state == "paused"
        await desk.pause(made.id, paused=False)
        call = (await desk.calls(made.id))[0]
        assert (call.outcome, call.size, call.kept) == ("skipped: the hook is paused", 19, True)
        await desk.replay(made.id, call.id)
        await desk.test(made.id)
        assert await here.heard() == [
            "builder: one",
            "builder: two",
            "builder: two",
            "builder: three",
            "builder: silence",
            f"builder: This is a test of the hook {made.id}.",
        ]

        await here.restart(webhooks(hooks={}))
        assert [each.id for each in desk.hooks()] == [made.id]
        assert (await here.send({"text": "still here"}, path=rotated)).status == 202
        await desk.revoke(made.id)
        assert desk.hooks() == []
        assert (await here.send({"text": "gone"}, path=rotated)).status == 410
        await here.restart(webhooks(hooks={}))
        assert (await here.send({"text": "gone"}, path=rotated)).status == 410
        with pytest.raises(CommandRefused, match="there is no hook"):
            await desk.revoke(made.id)


async def test_what_is_kept_of_a_secret_is_a_hash() -> None:
    async with stage(webhooks(hooks={})) as here:
        desk = Hooks(here.works.hub.networks, clock=here.works.clock)
        path = (await desk.create(NewHook(room="ci:builds"))).url
        token = path.split("/")[-1]
        await here.send({"text": "one"}, path=path)
        assert len(token) == 32
        kept = await here.works.store.recollect(Network("ci"), "")
        assert any(name.startswith("hook/") for name in kept)
        assert not any(token in name + value for name, value in kept.items())


@pytest.mark.parametrize(
    ("room", "settings", "reason"),
    [
        ("builds", {}, 'found "builds", expected NETWORK:ROOM such as "libera:#dev"'),
        ("left:#a", {}, 'found a room of "left", expected one of a network that takes hooks: ci'),
        ("ci:x", {"rate": "often"}, 'rate: found "often", expected a whole number'),
        ("ci:x", {"raet": 1}, 'raet: found an unknown key, did you mean "rate"?'),
        ("ci:x", {"format": "gitub"}, 'format: found "gitub", expected one of gitea, github, '),
        ("ci:x", {"authentication": {"scheme": "github"}}, 'authentication.secret: found none, expected one for the scheme "github"'),
        ("ci:x", {"token": "mine-is-better-than-yours"}, "token: found an unknown key"),
    ],
)  # fmt: skip
async def test_a_hook_that_cannot_be(room: str, settings: dict[str, object], reason: str) -> None:
    async with stage() as here:
        desk = Hooks(here.works.hub.networks, clock=here.works.clock)
        with pytest.raises(CommandRefused) as caught:
            await desk.create(NewHook(room=room, settings=settings))
        assert STATUS[caught.value.why] == 400
        assert caught.value.reason.startswith(reason)


async def test_a_hook_expires() -> None:
    async with stage() as here:
        desk = Hooks(here.works.hub.networks, clock=here.works.clock)
        path = (await desk.create(NewHook(room="ci:builds", expires_in=60))).url
        assert (await here.send({"text": "in time"}, path=path)).status == 202
        await here.works.clock.advance(61)
        assert (await here.send({"text": "too late"}, path=path)).status == 410
        assert [each.state for each in desk.hooks()] == ["active", "expired"]


async def test_a_hook_that_is_about_to_expire_is_told_in_the_status() -> None:
    settings = webhooks(hooks={"builds": hook(expires="2023-11-16"), "later": hook(expires="2024-01-01")})
    async with stage(settings) as here:  # the clock begins on 2023-11-14
        status = here.works.hub.supervisor.status(Network("ci"))
        assert status is not None
        assert (status.status.value, status.detail) == ("ready", "hooks that expire: builds on 2023-11-16")


async def test_a_hook_of_the_file_is_read_only() -> None:
    async with stage() as here:
        desk = Hooks(here.works.hub.networks, clock=here.works.clock)
        for change in (desk.rotate("builds", overlap=0), desk.pause("builds", paused=True), desk.revoke("builds")):
            with pytest.raises(CommandRefused, match="stands in the configuration file") as caught:
                await change
            assert STATUS[caught.value.why] == 409
        assert (await desk.test("builds")).id.startswith("builds.")


async def test_hooks_of_one_name_in_two_networks_are_told_apart() -> None:
    async with stage() as here:
        setup = Setup(
            network=Network("ops"),
            settings=webhooks(hooks={"builds": hook(room="other")}),
            puppets=PuppetSettings(),
            instance="test",
            version="0",
        )
        here.works.hub.add_network(Network("ops"), WebhookConnector(setup), PuppetSettings())
        await quiet()
        desk = Hooks(here.works.hub.networks, clock=here.works.clock)
        with pytest.raises(CommandRefused, match='there are several hooks "builds": ci:builds, ops:builds'):
            await desk.test("builds")
        assert (await desk.test("ci:builds")).id
        with pytest.raises(CommandRefused, match='the room "other" is in no link'):
            await desk.test("ops:builds")


async def test_a_hook_is_not_made_while_it_cannot_be_kept() -> None:
    async with stage() as here:
        desk = Hooks(here.works.hub.networks, clock=here.works.clock)
        here.works.store.break_down("the disk is full")
        with pytest.raises(CommandRefused, match="the disk is full") as caught:
            await desk.create(NewHook(room="ci:builds"))
        assert STATUS[caught.value.why] == 503
        here.works.store.recover()
        await here.works.hub.remove_network(Network("ci"))
        with pytest.raises(CommandRefused, match="found a room of"):
            await desk.create(NewHook(room="ci:builds"))


async def test_what_was_chosen_for_a_hook_outlives_a_restart() -> None:
    chosen = {
        "authentication": {"scheme": "bearer", "secret": "a secret of the sender's"},
        "filters": {"events": ["deploy"]},
        "template": {"text": "{{ what }}"},
        "allow": ["127.0.0.0/8"],
        "update": "reply",
    }
    async with stage(webhooks(hooks={})) as here:
        desk = Hooks(here.works.hub.networks, clock=here.works.clock)
        path = (await desk.create(NewHook(room="ci:builds", settings=chosen))).url
        await here.works.clock.advance(61)
        for _ in range(2):
            body = {"what": "x", "event": "deploy"}
            assert (await here.send(body, path=path)).status == 401
            right = await here.send(body, path=path, headers={"Authorization": "Bearer a secret of the sender's"})
            assert (right.status, right.body["id"]) == (200, None)  # a template names no event, and none is filtered in
            used = desk.hooks()[0].used
            await here.restart(webhooks(hooks={}))
            assert desk.hooks()[0].used == used


async def test_what_another_version_wrote_costs_only_itself(caplog: pytest.LogCaptureFixture) -> None:
    async with stage(webhooks(hooks={})) as here:
        desk = Hooks(here.works.hub.networks, clock=here.works.clock)
        path = (await desk.create(NewHook(room="ci:builds"))).url
        await here.send({"text": "one", "edit_key": "k"}, path=path)
        store = here.works.store
        for name in ("hook/other", "used/other", "edit/other/x", "call/other/3", "gathered/other"):
            await store.remember(Network("ci"), name, '{"id": 7, "settings": {"room": "x", "shoe_size": 43}}')
        await here.restart(webhooks(hooks={}))
        assert (await here.send({"text": "two", "edit_key": "k"}, path=path)).status == 202
        assert await here.heard() == ["Webhook: one", "~Webhook: two"]
        assert len(desk.hooks()) == 1
        assert caplog.text.count("webhook.unreadable") == 5
        assert await store.recall(Network("ci"), "hook/other") is not None
