"""A bridge whose store has ended by a fault of its own says so to its admins, and ends: the next one goes on from what is stored."""

import asyncio
import signal
import sys
from pathlib import Path

from tests.support.xmpp_server import XmppServer

PROGRAM = """
import sys
from pathlib import Path
from bridge import cli
from bridge.storage.ledger import Ledger

whole = Ledger.transact

def transact(ledger, connection, writes):
    if Path("break").exists():
        raise SystemExit
    return whole(ledger, connection, writes)

Ledger.transact = transact
sys.exit(cli.main(["run"]))
"""
CONFIG = """
[xmpp]
domain = "bridge.example.org"
secret = "secret"
port = {port}
admins = ["admin@example.org"]
[http]
admin_listen = "127.0.0.1:0"
"""


async def test_the_bridge_ends_with_a_sentence_when_its_store_breaks(tmp_path: Path) -> None:
    async with XmppServer() as server:
        (tmp_path / "config.toml").write_text(CONFIG.format(port=server.port))
        bridge = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            PROGRAM,
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert bridge.stdout is not None
        component = await server.component()
        async with asyncio.timeout(30):
            assert await bridge.stdout.readline() == b"linkspan: ready\n"
        (tmp_path / "break").touch()
        bridge.send_signal(signal.SIGHUP)  # which reads the links that are stored
        told = await component.see(lambda element: element.get("to") == "admin@example.org")
        _, said = await asyncio.wait_for(bridge.communicate(), 30)
        assert "written no more, by a fault in the bridge: SystemExit" in "".join(told.itertext())
        assert bridge.returncode == 1
        assert (
            said.decode()
            .splitlines()[-1]
            .endswith("linkspan.db is written no more, by a fault in the bridge: SystemExit")
        )
