"""The administration's listener, asked over HTTP."""

import base64
import hashlib
import re
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from bridge.commands.administering import administering
from bridge.core.ids import Network
from bridge.engine.counters import Count
from bridge.web.admin import Admin
from bridge.web.openapi import OPERATIONS
from bridge.web.ports import NewHook
from tests.support.administered import FakeBridge
from tests.support.commands import known

TOKEN = "s3cr3t-token"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def bridge() -> FakeBridge:
    return FakeBridge()


@pytest.fixture
async def client(bridge: FakeBridge) -> AsyncIterator[TestClient]:
    admin = Admin(bridge, commands=known(*administering(bridge)), token=lambda: TOKEN, version="1.2.3")
    async with TestClient(TestServer(admin.application())) as client:
        yield client


async def problem(response: ClientResponse) -> tuple[int, str]:
    assert response.content_type == "application/problem+json"
    document = await response.json(content_type=None)
    assert document["status"] == response.status
    assert document["title"]
    return response.status, document["detail"]


async def test_alive_and_ready(client: TestClient, bridge: FakeBridge) -> None:
    assert (await client.get("/healthz")).status == 200
    ready = await client.get("/readyz")
    assert (ready.status, await ready.json()) == (200, {"ready": True, "unready": {}})
    bridge.trouble = {"right": "connection refused"}
    away = await client.get("/readyz")
    assert (away.status, await away.json()) == (503, {"ready": False, "unready": {"right": "connection refused"}})
    assert (await client.get("/healthz")).status == 200


async def test_a_browser_is_shown_a_page_that_holds_nothing_and_runs_only_its_own_script(client: TestClient) -> None:
    response = await client.get("/")
    page = await response.text()
    assert (response.status, response.content_type) == (200, "text/html")
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    for tag in ("script", "style"):
        (inside,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "1.2.3" in page
    assert TOKEN not in page
    assert "innerHTML" not in page
    for path in re.findall(r"(?:href=\"|(?:fetch|ask)\(')([^\"']+)", page):
        assert (await client.get(f"/{path}", headers=BEARER)).status == 200, path


async def test_metrics_tell_the_engine_s_numbers_by_network(client: TestClient, bridge: FakeBridge) -> None:
    bridge.counters.add(Count.SENT, Network("left"), times=7)
    bridge.counters.took(Network("left"), 0.02)
    bridge.counters.took(Network("left"), 90.0)
    bridge.trouble = {"store": "disk full"}
    response = await client.get("/metrics")
    lines = (await response.text()).splitlines()
    assert response.headers["Content-Type"].startswith("text/plain")
    for line in (
        'linkspan_build_info{version="1.2.3"} 1.0',
        "linkspan_ready 0.0",
        "linkspan_store_up 0.0",
        "linkspan_links 1.0",
        "linkspan_gateway_users 3.0",
        'linkspan_gateway_refused_total{why="fast"} 4.0',
        "linkspan_links_up 1.0",
        'linkspan_network_state{network="right",state="down"} 1.0',
        'linkspan_network_state{network="right",state="ready"} 0.0',
        'linkspan_network_state{network="right",state="needs_login"} 0.0',
        'linkspan_puppets{network="left",state="present"} 2.0',
        'linkspan_queue_waiting{network="left"} 3.0',
        'linkspan_queue_waiting{network="right"} 0.0',
        'linkspan_queue_flying{network="left"} 1.0',
        'linkspan_deliveries_sent_total{network="left"} 7.0',
        'linkspan_deliveries_buried_total{network="right"} 0.0',
        'linkspan_hook_calls_total{network="left",outcome="posted"} 3.0',
        'linkspan_hook_calls_total{network="left",outcome="refused"} 1.0',
        'linkspan_send_seconds_bucket{le="0.01",network="left"} 0.0',
        'linkspan_send_seconds_bucket{le="0.025",network="left"} 1.0',
        'linkspan_send_seconds_bucket{le="+Inf",network="left"} 2.0',
        'linkspan_send_seconds_count{network="left"} 2.0',
    ):
        assert line in lines
    assert any(line.startswith("process_cpu_seconds_total ") for line in lines)
    assert not any("#a" in line for line in lines if not line.startswith("# "))


@pytest.mark.parametrize(
    "given", [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xe9"]
)
async def test_the_api_wants_the_token(client: TestClient, given: str | None) -> None:
    headers = {} if given is None else {"Authorization": given}
    for operation in OPERATIONS:
        if not operation.open:
            response = await client.request(operation.method, operation.path, headers=headers)
            assert (await problem(response))[0] == 401
            assert response.headers["WWW-Authenticate"].startswith("Bearer")


async def test_status(client: TestClient) -> None:
    status = await (await client.get("/api/v1/status", headers=BEARER)).json()
    assert status["version"] == "1.2.3"
    assert status["networks"][1]["detail"] == "gone"
    assert status["links"][0]["rooms"][0] == {"room": "left:#a", "open": True, "reason": ""}


async def test_links_are_made_and_taken_back(client: TestClient) -> None:
    new = {"name": "ops", "rooms": ["left:#ops", "right:#ops"]}
    made = await client.post("/api/v1/links", json=new, headers=BEARER)
    assert (made.status, (await made.json())["name"]) == (201, "ops")
    again = await client.post("/api/v1/links", json=new, headers=BEARER)
    assert await problem(again) == (409, 'link "ops" exists')
    listed = await (await client.get("/api/v1/links", headers=BEARER)).json()
    assert [link["name"] for link in listed] == ["dev", "ops"]
    assert (await client.delete("/api/v1/links/ops", headers=BEARER)).status == 204
    assert await problem(await client.delete("/api/v1/links/ops", headers=BEARER)) == (404, 'no link "ops"')


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "name: is missing\nrooms: is missing"),
        (b"{", "Input data was truncated"),
        (b"[]", "Expected `object`, got `array`"),
        (b"{}", "name: is missing\nrooms: is missing"),
        (b'{"name": "x", "rooms": "y"}', "rooms: found 1, expected 2 or more"),
        (b'{"name": "x", "rooms": ["a:b", "c:d"], "roms": 1}', 'roms: is not known here: did you mean "rooms"?'),
        (b'{"name": "\xff"}', ""),
    ],
)
async def test_a_body_that_is_no_link(client: TestClient, body: bytes, detail: str) -> None:
    status, said = await problem(await client.post("/api/v1/links", data=body, headers=BEARER))
    assert status == 400
    assert said.startswith(detail)


async def test_a_body_that_is_too_large(client: TestClient) -> None:
    assert (await problem(await client.post("/api/v1/links", data=b" " * 70_000, headers=BEARER)))[0] == 413


async def test_what_became_of_deliveries_and_of_one_message(client: TestClient) -> None:
    async def states(query: str) -> list[str]:
        return [each["state"] for each in await (await client.get(f"/api/v1/deliveries{query}", headers=BEARER)).json()]

    assert await states("") == ["retrying", "queued"]
    assert await states("?limit=1") == ["retrying"]
    assert await states("?room=right:%23a&message=m") == ["confirmed"]
    unknown = await client.get("/api/v1/deliveries?room=right:%23a&message=x", headers=BEARER)
    assert await problem(unknown) == (404, '"right:#a" has no message "x"')
    half = await client.get("/api/v1/deliveries?room=right:%23a", headers=BEARER)
    assert await problem(half) == (400, "expected both room and message, or neither")


async def test_dead_letters(client: TestClient, bridge: FakeBridge) -> None:
    listed = await (await client.get("/api/v1/deadletters", headers=BEARER)).json()
    assert [letter["key"] for letter in listed] == ["a", "b", "c"]
    short = await client.get("/api/v1/deadletters?limit=1", headers=BEARER)
    assert len(await short.json()) == 1
    retried = await client.post("/api/v1/deadletters/retry", json={"keys": ["a", "x"]}, headers=BEARER)
    assert await retried.json() == {"count": 1}
    gone = await client.post("/api/v1/deadletters/discard", json={"all": True}, headers=BEARER)
    assert await gone.json() == {"count": 2}
    assert bridge.letters == []


async def test_logins(client: TestClient, bridge: FakeBridge) -> None:
    listed = await (await client.get("/api/v1/logins", headers=BEARER)).json()
    assert [(login["user"], login["name"]) for login in listed] == [("ann@example.org", "@ann_bot")]
    assert (await client.delete("/api/v1/logins/left/ann%40example.org", headers=BEARER)).status == 204
    gone = await client.delete("/api/v1/logins/left/ann%40example.org", headers=BEARER)
    assert await problem(gone) == (404, 'ann@example.org has no login on "left"')


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "many", "1e3", "99999999999999999999", "٣"])
async def test_a_limit_that_is_none(client: TestClient, limit: str) -> None:
    response = await client.get("/api/v1/deadletters", params={"limit": limit}, headers=BEARER)
    said = f'limit: found "{limit}", expected a whole number from 1 to 1000'
    assert await problem(response) == (400, said)


@pytest.mark.parametrize("body", [{}, {"keys": []}, {"all": True, "keys": ["a"]}])
async def test_nothing_is_discarded_by_omission(client: TestClient, bridge: FakeBridge, body: object) -> None:
    response = await client.post("/api/v1/deadletters/discard", json=body, headers=BEARER)
    assert await problem(response) == (400, "expected either keys or all")
    assert len(bridge.letters) == 3


async def test_unknown_paths_and_methods(client: TestClient) -> None:
    assert (await problem(await client.get("/nothing")))[0] == 404
    wrong = await client.put("/api/v1/links", headers=BEARER)
    assert (await problem(wrong))[0] == 405
    assert wrong.headers["Allow"] == "GET,POST"


async def test_the_description_names_every_operation(client: TestClient) -> None:
    document = await (await client.get("/api/v1/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    described = {(method, path) for path, methods in document["paths"].items() for method in methods}
    commands = {("post", each["path"]) for each in await (await client.get("/api/v1/commands", headers=BEARER)).json()}
    assert described == commands | {(operation.method, operation.path) for operation in OPERATIONS}
    references = set(_references(document))
    assert references == {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    identifiers = [each["operationId"] for methods in document["paths"].values() for each in methods.values()]
    assert len(set(identifiers)) == len(OPERATIONS) + len(commands)
    add = document["paths"]["/api/v1/commands/links-add"]["post"]
    body = add["requestBody"]["content"]["application/json"]["schema"]
    assert (body["required"], body["additionalProperties"]) == (["name", "rooms"], False)
    assert (body["properties"]["rooms"]["type"], body["properties"]["rooms"]["minItems"]) == ("array", 2)
    data = add["responses"]["200"]["content"]["application/json"]["schema"]["allOf"][1]["properties"]["data"]
    assert data == {"$ref": "#/components/schemas/LinkDocument"}


def _references(value: object) -> list[str]:
    match value:
        case {"$ref": str(ref)}:
            return [ref]
        case dict():
            return [ref for each in value.values() for ref in _references(each)]
        case list():
            return [ref for each in value for ref in _references(each)]
        case _:
            return []


async def test_hooks_are_made_and_taken_back(client: TestClient, bridge: FakeBridge) -> None:
    made = await client.post("/api/v1/hooks", json={"room": "ci:builds", "settings": {"rate": 5}}, headers=BEARER)
    assert made.status == 201
    assert await made.json() == {"id": "h0", "url": "https://bridge.example.org/hooks/h0/s"}
    assert bridge.hook_desk.orders == [NewHook(room="ci:builds", settings={"rate": 5})]
    listed = await (await client.get("/api/v1/hooks", headers=BEARER)).json()
    assert [(hook["id"], hook["state"]) for hook in listed] == [("h0", "active")]
    rotated = await client.post("/api/v1/hooks/h0/rotate", json={"overlap": 60}, headers=BEARER)
    assert (await rotated.json())["id"] == "h0"
    assert bridge.hook_desk.orders[-1] == 60
    assert (await client.post("/api/v1/hooks/h0/pause", json={}, headers=BEARER)).status == 204
    assert bridge.hook_desk.made["h0"].state == "paused"
    assert await (await client.post("/api/v1/hooks/h0/test", headers=BEARER)).json() == {"id": "h0.1"}
    assert [call["id"] for call in await (await client.get("/api/v1/hooks/h0/calls", headers=BEARER)).json()] == [
        "h0.c"
    ]
    replayed = await client.post("/api/v1/hooks/h0/replay", json={"call": "h0.c"}, headers=BEARER)
    assert await replayed.json() == {"id": "again h0.c"}
    assert (await client.delete("/api/v1/hooks/h0", headers=BEARER)).status == 204
    assert await problem(await client.delete("/api/v1/hooks/h0", headers=BEARER)) == (404, 'there is no hook "h0"')
    wrong = await client.post("/api/v1/hooks", json={"room": "xmpp:a@b"}, headers=BEARER)
    assert await problem(wrong) == (400, "room: found a room of another network")
    wrong = await client.post("/api/v1/hooks", json={"room": "ci:x", "token": "mine"}, headers=BEARER)
    assert (await problem(wrong))[0] == 400


async def test_every_command_is_listed_with_its_fields(client: TestClient) -> None:
    listed = {each["name"]: each for each in await (await client.get("/api/v1/commands", headers=BEARER)).json()}
    assert {"status", "links add", "hooks create", "deadletters retry"} <= set(listed)
    add = listed["links add"]
    assert (add["path"], add["who"], add["usage"]) == ("/api/v1/commands/links-add", "admin", "links add NAME ROOMS…")
    assert [(field["name"], field["sort"], field["required"]) for field in add["fields"]] == [
        ("name", "text", True),
        ("rooms", "list", True),
    ]


async def test_a_command_by_its_name(client: TestClient) -> None:
    new = {"name": "ops", "rooms": ["left:#ops", "right:#ops"]}
    made = await (await client.post("/api/v1/commands/links-add", json=new, headers=BEARER)).json()
    assert (made["text"], made["done"], made["data"]["name"]) == ("linked left:#ops and right:#ops", True, "ops")
    listed = await (await client.post("/api/v1/commands/links%20list", headers=BEARER)).json()
    assert listed["table"]["columns"][0] == "LINK"
    assert listed["table"]["rows"][-1][:2] == ["ops", "right:#ops"]
    again = await client.post("/api/v1/commands/links-add", json=new, headers=BEARER)
    assert await problem(again) == (409, 'link "ops" exists')


@pytest.mark.parametrize(
    ("name", "values", "status", "errors"),
    [
        ("links-add", {"name": "x"}, 400, [("rooms", "is missing")]),
        ("links-add", {"name": "a\nb", "rooms": ["x"]}, 400,
         [("name", 'found "a\\nb", expected one line without control characters'), ("rooms", "found 1, expected 2 or more")]),
        ("links-remove", {"nmae": "x", "name": "y"}, 400, [("nmae", 'is not known here: did you mean "name"?')]),
        ("deadletters-list", {"limit": 0}, 400, [("limit", "found 0, expected a whole number from 1 to 1000")]),
        ("links-ad", {}, 404, []),
        ("hooks-create", {"room": "left:#a"}, 400, [("room", "found a room of another network")]),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_said_field_by_field(
    client: TestClient, name: str, values: object, status: int, errors: list[tuple[str, str]]
) -> None:
    response = await client.post(f"/api/v1/commands/{name}", json=values, headers=BEARER)
    document = await response.json(content_type=None)
    assert response.status == document["status"] == status
    assert [(each["field"], each["detail"]) for each in document["errors"]] == errors


async def test_a_command_by_the_words_of_a_line(client: TestClient) -> None:
    async def said(*words: str) -> ClientResponse:
        return await client.post("/api/v1/commands", json={"words": words}, headers=BEARER)

    assert (await (await said("links", "add", "my ops", "left:#o", "right:#o")).json())["data"]["name"] == "my ops"
    assert await problem(await said("links", "add", "x")) == (400, "rooms: is missing\nusage: links add NAME ROOMS…")
    assert await problem(await said("links", "ad")) == (
        404,
        'There is no command "links ad"; did you mean "links add"?',
    )
    assert (await problem(await said("links")))[1].startswith('"links" what? expected one of links add,')
    assert await problem(await said("fly")) == (404, 'There is no command "fly"')
    assert (await problem(await said("status", "x")))[0] == 400


async def test_a_fault_of_the_bridge_is_told_as_one(
    client: TestClient, bridge: FakeBridge, caplog: pytest.LogCaptureFixture
) -> None:
    del bridge._links
    response = await client.get("/api/v1/links", headers=BEARER)
    assert await problem(response) == (500, "the bridge failed at this; its log says why")
    assert "admin.fault path=/api/v1/links" in caplog.text
