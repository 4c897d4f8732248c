"""``linkspan check`` beside servers that take connections and say nothing: each is told of, and none holds up another."""

import asyncio

import pytest

from bridge import checkup, config, registry
from bridge.connector import Secret
from bridge.core.ids import Network
from bridge.storage.store import SqlStore
from bridge.xmpp import checks
from connectors.irc import checking
from connectors.sms import connector as sms
from connectors.telegram import connector as telegram

CONFIG = """
[xmpp]
domain = "bridge.localhost"
secret = "0123456789abcdef"
host = "127.0.0.1"
port = {port}

[networks.one]
connector = "irc"
host = "127.0.0.1"
port = {port}
tls = false
nick = "linkspan"

[networks.several]
connector = "irc"
host = ["127.0.0.1:{port}", "127.0.0.1:{port}"]
nick = "linkspan"

[networks.family]
connector = "telegram"
token = "1:abc"
api_url = "http://127.0.0.1:{port}"

[networks.phone]
connector = "sms"
provider = "kannel"
url = "http://127.0.0.1:{port}/cgi-bin/sendsms"
username = "linkspan"
password = "0123456789abcdef"
secret = "0123456789abcdef"
number = "+15550001111"
"""


@pytest.fixture
async def port():
    """Yield a port where everybody may connect, and nobody answers."""
    taken = []

    async def take(_reader, writer):
        taken.append(writer)

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    for writer in taken:
        writer.close()


async def test_who_says_nothing_has_failed_soon(port, tmp_path, monkeypatch):
    for module, name in ((checks, "SILENCE"), (checking, "_SILENCE"), (sms, "_SILENCE"), (telegram, "_SILENCE")):
        assert getattr(module, name) <= 7  # seconds
        monkeypatch.setattr(module, name, 0.1)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text(CONFIG.format(port=port))
    found = await checkup.check(config.load(tmp_path / "config.toml", registry.settings_of, {}))
    said = {each.subject: each.detail for each in found if not each.ok}
    assert said == {
        "xmpp": "no answer within 0 s",
        "one": f"127.0.0.1:{port} says nothing",
        "several": f"127.0.0.1:{port} says nothing: does this port speak TLS?",
        "family": "no answer within 0 s",
        "phone": "the provider gave no answer within 0 s",
    }


async def test_a_key_file_that_is_not_the_stores_is_a_finding(tmp_path):
    (tmp_path / "config.toml").write_text(CONFIG.format(port=9))
    configured = config.load(tmp_path / "config.toml", registry.settings_of)
    store = SqlStore(configured.store.url, key_file=configured.store.key_file)
    await store.open()
    await store.remember(Network("ci"), "hook/1", Secret("sesame"))
    await store.close()
    assert checkup._store(configured.store).ok
    (tmp_path / "linkspan.key").chmod(0o640)
    assert "chmod 600" in checkup._store(configured.store).detail
    (tmp_path / "linkspan.key").unlink()
    found = checkup._store(configured.store)
    assert (found.ok, "linkspan.key is not there" in found.detail) == (False, True)


def test_a_store_in_a_folder_that_is_not_there_is_a_finding_that_names_the_folder(tmp_path):
    found = checkup._store(config.StoreSettings(url=f"sqlite:///{tmp_path}/nowhere/bridge.db"))
    assert (found.ok, found.detail) == (False, f"there is no directory {tmp_path}/nowhere for bridge.db")
    assert found.hint == "make it, or change store.url"
    there = checkup._store(config.StoreSettings(url=f"sqlite:///{tmp_path}/bridge.db"))
    assert (there.ok, there.detail) == (True, f"{tmp_path}/bridge.db does not exist yet: run makes it")
