"""Updates that Telegram delivers: in order and once, acknowledged when they are durable, and polled where delivery fails."""

import msgspec
import pytest
from aiohttp import ClientSession

from bridge.connector import Status
from bridge.core.events import MessagePosted
from connectors.telegram.webhook import HEADER, PREFIX
from tests.support.telegram.stage import HeldClock, stage

ALBUM = ("one", "two", "three")


async def test_what_happens_is_delivered_in_order_and_nothing_is_polled():
    async with stage(started=False) as s, s.listening():
        s.group.says(s.alice, "before")
        await s.start()
        for number in range(30):
            s.group.says(s.alice, f"line {number}")
        await s.hub.posted("before", *(f"line {number}" for number in range(30)))
        await s.api.until(lambda: not s.bot.updates)
        assert s.api.polls == []
        (asked,) = s.api.wire("setWebhook")
        assert asked["url"] == f"{s.public_url}/telegram/family"
        assert asked["max_connections"] == 1
        assert len(asked["secret_token"]) == 64
        assert s.bot.token not in str(asked)
        assert "message_reaction" in asked["allowed_updates"]
        assert s.hub.reports[-1] == (Status.READY, "")


async def test_without_an_announced_url_or_when_told_so_updates_are_polled():
    async with stage(started=False, webhook=False) as s, s.listening():
        assert s.connector.routes == ()
        await s.start()
        s.group.says(s.alice, "hello")
        await s.hub.posted("hello")
        assert s.bot.webhook is None


async def test_nothing_is_acknowledged_before_it_is_durable_and_what_the_store_did_not_take_comes_again():
    async with stage(started=False) as s, s.listening():
        await s.start()
        s.hub.away = 1
        s.group.says(s.alice, "hello")
        await s.hub.posted("hello")
        await s.api.until(lambda: not s.bot.updates)
        assert s.answered == [503, 200]
        s.hub.held = []
        s.group.says(s.alice, "slow")
        await s.hub.until(lambda: s.hub.held)
        assert s.bot.updates
        s.hub.held.pop().set_result(None)
        await s.api.until(lambda: not s.bot.updates)
        assert s.hub.texts_posted() == ["hello", "slow"]


async def test_while_the_hub_can_take_no_more_telegram_is_told_to_come_again():
    async with stage(started=False) as s, s.listening():
        await s.start()
        s.hub.congestion = "too many messages wait for the store"
        s.group.says(s.alice, "hello")
        await s.api.until(lambda: s.answered)
        assert s.answered[0] == 503
        s.hub.congestion = ""
        await s.hub.posted("hello")


async def test_an_album_that_comes_message_by_message_is_one():
    clock = HeldClock()
    async with stage(started=False, clock=clock) as s, s.listening():
        await s.start()
        s.group.album(s.alice, *ALBUM)
        await s.api.until(lambda: not s.bot.updates)
        await clock.asleep(2)
        clock.wake()
        await clock.asleep(4)  # more had come meanwhile
        assert s.hub.of(MessagePosted) == []
        clock.wake()
        await s.hub.posted("\n".join(ALBUM))
        assert len(s.hub.of(MessagePosted)[0].content.attachments) == 3


async def test_what_comes_after_an_album_is_told_after_it():
    clock = HeldClock()
    async with stage(started=False, clock=clock) as s, s.listening():
        await s.start()
        s.group.album(s.alice, *ALBUM)
        s.group.says(s.bob, "nice")
        await s.hub.posted("\n".join(ALBUM), "nice")


async def test_an_album_that_was_acknowledged_survives_a_restart():
    clock = HeldClock()
    async with stage(started=False, clock=clock) as s, s.listening():
        await s.start()
        s.group.album(s.alice, *ALBUM)
        await s.api.until(lambda: not s.bot.updates)
        await s.restart()
        await s.hub.posted("\n".join(ALBUM))
        await s.restart()
        s.group.says(s.alice, "later")
        await s.hub.posted("later")


async def test_who_does_not_know_the_secret_is_refused_and_other_paths_are_others():
    async with stage(started=False) as s, s.listening(), ClientSession() as session:
        await s.start()
        (asked,) = s.api.wire("setWebhook")
        update = {"update_id": 1, "message": {"message_id": 1, "date": 1, "chat": s.group.json(), "text": "forged"}}

        async def post(path, secret, body):
            headers = {} if secret is None else {HEADER: secret}
            async with session.post(f"{s.public_url}{path}", data=body, headers=headers) as response:
                return response.status

        body, path = msgspec.json.encode(update), f"{PREFIX}family"
        assert await post(path, None, body) == 403
        assert await post(path, "", body) == 403
        assert await post(path, "wörng", body) == 403
        assert await post(f"{PREFIX}other", asked["secret_token"], body) == 404
        assert await post(path, asked["secret_token"], b"{no json") == 400
        assert await post(path, asked["secret_token"], b"[1]") == 400
        assert s.hub.texts_posted() == []


async def test_an_update_that_nobody_can_read_is_not_sent_for_ever(caplog):
    async with stage(started=False) as s, s.listening(), ClientSession() as session:
        await s.start()
        (asked,) = s.api.wire("setWebhook")
        headers = {HEADER: asked["secret_token"]}
        async with session.post(f"{s.public_url}{PREFIX}family", data=b'{"x": 1}', headers=headers) as response:
            assert response.status == 200
        assert "telegram.unreadable" in caplog.text


@pytest.mark.parametrize(
    ("code", "words", "told"),
    [
        (400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook", "https url must be provided"),
        (404, "Not Found", "refused"),  # a Bot API server without webhooks
    ],
)
async def test_a_url_that_telegram_does_not_take_means_polling(code, words, told, caplog):
    async with stage(started=False) as s, s.listening():
        s.api.fails("setWebhook", code, words)
        await s.start()
        s.group.says(s.alice, "hello")
        await s.hub.posted("hello")
        assert s.answered == []
        assert told in caplog.text


async def test_a_url_that_leads_nowhere_is_told_and_then_updates_are_polled(caplog):
    async with stage(started=False, hasty=True) as s:
        s.public_url = "http://127.0.0.1:9"
        s.connector = s.new_connector()
        s.group.says(s.alice, "hello")
        await s.start()
        await s.hub.posted("hello")
        told = [detail for status, detail in s.hub.reports if status is Status.DEGRADED]
        assert "Telegram cannot deliver to http://127.0.0.1:9/telegram/family: Connection refused" in told
        assert await s.hub.reported(Status.READY) == ""
        assert "updates are polled" in caplog.text
        assert s.bot.webhook is None


async def test_a_webhook_that_somebody_took_away_is_set_again():
    clock = HeldClock()
    async with stage(started=False, clock=clock) as s, s.listening():
        await s.start()
        await clock.asleep(1)
        s.bot.webhook = None
        clock.wake()
        await s.api.until(lambda: len(s.api.wire("setWebhook")) == 2)
        s.group.says(s.alice, "hello")
        await s.hub.posted("hello")


async def test_check_tells_whether_telegram_can_deliver():
    async with stage(started=False) as s, s.listening():
        (_, found) = await s.connector.check([])
        assert (found.ok, found.detail) == (True, f"updates are delivered to {s.public_url}/telegram/family")
        await s.start()
        s.bot.trouble = (int(s.api.world.now()), "SSL error")
        (_, found) = await s.connector.check([])
        assert found.ok is False
        assert found.detail.endswith("/telegram/family: SSL error")
        assert "8443" in found.hint
