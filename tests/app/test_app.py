"""The whole bridge in this process: networks in memory, and an XMPP server that is not there."""

import socket
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import msgspec
import pytest

from bridge import config, registry
from bridge.app import App
from bridge.commands import catalogue
from bridge.config import Config, ConfigError
from bridge.core.commands import CommandRefused, Who
from bridge.core.ids import PersonId, RoomId
from bridge.demo.processes import until
from bridge.engine.clock import SystemClock
from bridge.engine.ports import SEQ_OF_MILLISECOND, ArchivedLine, Queued, StoredLink, Wanted
from bridge.storage.memory import MemoryStore
from bridge.web.commands import STATUS
from bridge.web.ports import CannotListen, NewLink
from tests.support.build import post, posted
from tests.support.clock import VirtualClock

BASE = """
[xmpp]
domain = "bridge.localhost"
secret = "s3cr3t"
port = 9
[http]
admin_listen = "127.0.0.1:0"
[networks.left]
connector = "echo"
[networks.right]
connector = "echo"
resident = "nymph"
[[links]]
name = "dev"
rooms = ["left:#dev", "right:#dev"]
"""


def read(text: str = BASE) -> Config:
    return config.parse(text, name="x", folder=Path(), settings_of=registry.settings_of, environ={})


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
async def app(store: MemoryStore) -> AsyncIterator[App]:
    app = App(read(), store=store, clock=SystemClock())
    await app.start()
    yield app
    await app.stop()


async def until_only(app: App, *names: str) -> None:
    """Return once nothing but these is missing."""

    async def only_these() -> bool:
        return app.unready() == list(names)

    await until(only_these, patience=10, what=f"{names} alone")


async def test_what_is_up_and_what_is_not(app: App) -> None:
    await until_only(app, "xmpp")
    assert await app.settled(0.0) == ["xmpp"]
    status = await app.administration.status()
    assert {network.name: network.status for network in status.networks} == {
        "left": "ready",
        "right": "ready",
        "xmpp": status.networks[-1].status,
    }
    assert not status.ready
    assert list(status.unready) == ["xmpp"]
    (link,) = status.links
    assert (link.name, link.origin, [room.open for room in link.rooms]) == ("dev", "file", [True, True])


async def test_links_by_command_are_kept_and_listed(app: App, store: MemoryStore) -> None:
    made = await app.administration.add_link(NewLink(name="ops", rooms=("left:#ops", "right:#ops")))
    assert made.origin == "command"
    await until_only(app, "xmpp")
    assert [link.name for link in await store.links()] == ["ops"]
    assert [link.name for link in app.administration.links()] == ["dev", "ops"]
    await app.administration.remove_link("ops")
    assert await store.links() == []
    assert [link.name for link in app.administration.links()] == ["dev"]


async def test_all_dead_letters_are_more_than_are_listed(app: App, store: MemoryStore) -> None:
    entries = [Queued(seq=seq, delivery=post("hi", to="left:#dev", of=f"m{seq}")) for seq in range(1, 1003)]
    await store.journal(posted("hi"), entries)
    for entry in entries:
        await store.bury(entry.delivery.head.key, reason="given up", certain=True)
    assert len(await app.administration.dead_letters(1000)) == 1000
    assert await app.administration.discard(None) == 1002
    assert await store.dead_letters() == []


@pytest.mark.parametrize(
    ("name", "rooms", "status", "reason"),
    [
        ("dev", ("left:#x", "right:#x"), 409, 'there is a link "dev" already'),
        ("x", ("left:#dev", "right:#x"), 409, 'left:#dev is in link "dev" already'),
        ("x", ("left:#x",), 400, "found one room, expected two or more"),
        ("x", (), 400, "found no room, expected two or more"),
        ("x", ("left:#x", "left:#x"), 400, 'found "left:#x" twice, expected different rooms'),
        ("x", ("left:#x", "#x"), 400, 'found "#x", expected NETWORK:ROOM such as "libera:#dev"'),
        ("x", ("left:#x", "rigt:#x"), 400, 'there is no network "rigt": did you mean "right"?'),
        ("a/b", ("left:#x", "right:#x"), 400, None),
        ("", ("left:#x", "right:#x"), 400, None),
    ],
)
async def test_a_link_that_cannot_be(
    app: App, name: str, rooms: tuple[str, ...], status: int, reason: str | None
) -> None:
    with pytest.raises(CommandRefused) as caught:
        await app.administration.add_link(NewLink(name=name, rooms=rooms))
    assert STATUS[caught.value.why] == status
    assert reason is None or caught.value.reason == reason


async def test_a_link_of_the_file_is_not_removed_by_command(app: App) -> None:
    with pytest.raises(CommandRefused, match="stands in the configuration file") as caught:
        await app.administration.remove_link("dev")
    assert STATUS[caught.value.why] == 409
    with pytest.raises(CommandRefused, match='there is no link "none"') as caught:
        await app.administration.remove_link("none")
    assert STATUS[caught.value.why] == 404


async def test_a_changed_configuration_restarts_only_what_changed(app: App) -> None:
    await until_only(app, "xmpp")
    before = app._hub.networks()
    more = '[[links]]\nname = "ops"\nrooms = ["left:#ops", "third:#ops"]\n[networks.third]\nconnector = "echo"\n'
    await app.change(read(BASE.replace("nymph", "naiad") + more))
    await until_only(app, "xmpp")
    after = app._hub.networks()
    assert after["left"] is before["left"]
    assert after["xmpp"] is before["xmpp"]
    assert after["right"] is not before["right"]
    assert [link.name for link in app.administration.links()] == ["dev", "ops"]
    await app.change(read())
    await until_only(app, "xmpp")
    assert app._hub.networks().keys() == {"left", "right", "xmpp"}
    assert [link.name for link in app.administration.links()] == ["dev"]


async def test_what_only_a_restart_changes_stays(app: App, caplog: pytest.LogCaptureFixture) -> None:
    before = app._hub.networks()
    await app.change(read(BASE.replace("bridge.localhost", "other.localhost").replace("nymph", "naiad")))
    after = app._hub.networks()
    assert after["xmpp"] is before["xmpp"]
    assert after["right"] is not before["right"]
    assert "xmpp.domain" in caplog.text


async def test_another_store_does_not_hold_back_what_else_changed(app: App, caplog: pytest.LogCaptureFixture) -> None:
    before = app._hub.networks()
    await app.change(read(f'{BASE}[store]\nurl = "sqlite:///other.db"'.replace("port = 9", 'port = 9\nnick = "ferry"')))
    assert app._hub.networks()["xmpp"] is not before["xmpp"]
    assert "key=store.url" in caplog.text
    assert "xmpp.domain" not in caplog.text


async def test_a_connector_that_refuses_its_settings_changes_nothing(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        msg = "resident: found two, expected one"
        raise ValueError(msg)

    await until_only(app, "xmpp")
    before = app._hub.networks()
    monkeypatch.setattr(registry, "build", refuse)
    with pytest.raises(ConfigError) as caught:
        await app.change(read(BASE.replace("nymph", "naiad").replace('name = "dev"', 'name = "other"')))
    assert str(caught.value) == "networks.right.resident: found two, expected one"
    assert app._hub.networks() == before
    assert [link.name for link in app.administration.links()] == ["dev"]


async def test_the_admin_listener_moves_and_the_token_follows(app: App) -> None:
    assert app._listener is not None
    await app.change(
        read(BASE.replace('admin_listen = "127.0.0.1:0"', 'admin_listen = "localhost:0"\nadmin_token = "own"'))
    )
    url = f"http://localhost:{app._listener.port}/api/v1/status"
    async with (
        aiohttp.ClientSession(headers={"Authorization": "Bearer own"}) as session,
        session.get(url) as response,
    ):
        assert response.status == 200


async def test_an_admin_address_that_is_free_again_is_taken_at_the_next_reading(app: App) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        wanted = BASE.replace("127.0.0.1:0", f"127.0.0.1:{port}")
        await app.change(read(wanted))
    await app.change(read(wanted))
    assert app._listener is not None
    assert app._listener.port == port


async def test_an_admin_address_that_is_taken_leaves_the_old_one(app: App, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        await app.change(read(BASE.replace("127.0.0.1:0", f"127.0.0.1:{port}")))
    assert "another program uses this address already" in caplog.text
    assert app._listener is not None
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{app._listener.port}/healthz") as response,
    ):
        assert response.status == 200


async def test_an_admin_address_that_is_taken_at_the_start(store: MemoryStore) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = read(BASE.replace("127.0.0.1:0", f"127.0.0.1:{other.getsockname()[1]}"))
        with pytest.raises(CannotListen):
            await App(taken, store=store, clock=SystemClock()).start()


async def test_a_stored_link_without_its_network_rests(store: MemoryStore, caplog: pytest.LogCaptureFixture) -> None:
    gone = (config.room("left:#gone"), config.room("elsewhere:#gone"))
    await store.open()
    await store.add_link(StoredLink(name="gone", rooms=tuple(room for room in gone if room is not None)))
    app = App(read(), store=store, clock=SystemClock())
    await app.start()
    assert [link.name for link in app.administration.links()] == ["dev"]
    assert 'link "gone" was added by command and rests' in caplog.text
    await app.stop()


HOOKS = """
[networks.ci]
connector = "webhook"
[networks.ci.hooks.builds]
token = "0123456789abcdef"
room = "builds"
"""


def public(listen: str, more: str = HOOKS) -> Config:
    return read(BASE.replace("[http]\n", f'[http]\nlisten = "{listen}"\n') + more)


async def answers(url: str) -> int:
    async with aiohttp.ClientSession() as session, session.post(f"{url}/hooks/builds/wrong") as response:
        return response.status


async def test_the_public_listener_is_open_only_while_something_is_served(app: App) -> None:
    assert app._public_listener is None
    await app.change(public("127.0.0.1:0"))
    assert app._public_listener is not None
    assert await answers(f"http://127.0.0.1:{app._public_listener.port}") == 404
    await app.change(public("localhost:0"))
    assert app._public_listener is not None
    assert await answers(f"http://localhost:{app._public_listener.port}") == 404
    await app.change(public("localhost:0", more=""))
    assert app._public_listener is None


async def test_a_public_address_that_is_taken_leaves_the_old_one(app: App, caplog: pytest.LogCaptureFixture) -> None:
    await app.change(public("127.0.0.1:0"))
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        await app.change(public(f"127.0.0.1:{port}"))
    assert f"http.listen: cannot listen on 127.0.0.1:{port}: another program uses this address already" in caplog.text
    assert app._public_listener is not None
    assert await answers(f"http://127.0.0.1:{app._public_listener.port}") == 404
    await app.change(public(f"127.0.0.1:{port}"))  # free by now
    assert app._public_listener.port == port


async def test_a_public_address_that_is_taken_at_the_start(store: MemoryStore) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = public(f"127.0.0.1:{other.getsockname()[1]}")
        with pytest.raises(CannotListen, match=r"^http\.listen: "):
            await App(taken, store=store, clock=SystemClock()).start()


async def test_networks_that_others_call_are_started_anew_when_they_are_called_elsewhere(app: App) -> None:
    def called(url: str) -> Config:
        hooks = '\n[networks.ci]\nconnector = "webhook"\n'
        listen = f'admin_listen = "127.0.0.1:0"\nlisten = "127.0.0.1:0"\npublic_url = "{url}"'
        return read(BASE.replace('admin_listen = "127.0.0.1:0"', listen) + hooks)

    await app.change(called("https://one.example"))
    before = app._hub.networks()
    await app.change(called("https://one.example"))
    assert app._hub.networks() == before
    await app.change(called("https://two.example"))
    after = app._hub.networks()
    assert [name for name in after if after[name] is not before[name]] == ["ci"]


async def test_a_running_bridge_offers_every_command_of_the_catalogue_and_no_other(app: App) -> None:
    offered = [offer.command for offer in app._commands.all()]
    assert sorted(each.name for each in offered) == sorted(each.name for each in catalogue.COMMANDS)
    assert {each.name: each for each in offered} == {each.name: each for each in catalogue.COMMANDS}


async def test_who_may_what_is_known_by_the_bare_address(app: App) -> None:
    admin = msgspec.structs.replace(app._config.xmpp, admins=("Boss@example.org",))
    app._config = msgspec.structs.replace(app._config, xmpp=admin)
    assert [app._judge(user) for user in ("boss@example.org", "ann@example.org")] == [Who.ADMIN, Who.USER]


async def test_archives_are_pruned_as_their_networks_say() -> None:
    clock = VirtualClock()
    store = MemoryStore(now=clock.now)
    text = BASE.replace('connector = "echo"\n', 'connector = "echo"\nhistory = "2 messages"\n', 1)
    app = App(read(text), store=store, clock=clock)
    await app.start()
    days = 86_400_000
    rooms = {name: RoomId(f"#dev%{name}@bridge.localhost") for name in ("left", "right")}
    for first, room in enumerate(rooms.values()):
        store.attended(room, PersonId("juliet"), since=0)
        lines = [
            ArchivedLine(
                seq=(clock.now() - age * days) * SEQ_OF_MILLISECOND + first,
                room=room,
                id=f"{number}",
                at=clock.now() - age * days,
                nick="",
                head="<m",
                tail=f">{age}",
            )
            for number, age in enumerate((40, 3, 2, 1))
        ]
        store.archive(lines)
    await clock.advance(660)

    async def kept() -> dict[str, list[str]]:
        pages = {name: await store.archived(Wanted(room=room, user=PersonId("juliet"))) for name, room in rooms.items()}
        return {name: [line.tail[1:] for line in page.lines] for name, page in pages.items()}

    assert await kept() == {"left": ["2", "1"], "right": ["3", "2", "1"]}
    bounded = msgspec.structs.replace(app._config.gateway, max_archive=3)
    app._config = msgspec.structs.replace(app._config, gateway=bounded)
    await clock.advance(601)
    assert await kept() == {"left": ["1"], "right": ["2", "1"]}
    await app.stop()
