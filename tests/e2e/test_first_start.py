"""From nothing to a bridge that runs: what ``init`` writes and prints, put in as an operator would."""

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from bridge import config, registry
from bridge.demo.processes import free_port
from bridge.demo.program import Program
from tests.support.servers import Ejabberd, Prosody

pytestmark = pytest.mark.server
DOMAIN = "first.localhost"


def init(folder: Path) -> tuple[str, str, str]:
    """Return the file, and the snippets for Prosody and for ejabberd."""
    words = [sys.executable, "-m", "bridge", "init", str(folder), "--domain", DOMAIN]
    printed = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    blocks = re.findall(r"((?:^    .*\n|^\n(?=    ))+)", printed, flags=re.MULTILINE)
    prosody, ejabberd = (textwrap.dedent(block) for block in blocks)
    return (folder / "config.toml").read_text(), prosody, ejabberd


async def starts(text: str, *, port: int) -> None:
    text = text.replace("port = 5347", f"port = {port}").replace("127.0.0.1:8081", f"127.0.0.1:{free_port()}")
    async with Program(text) as program:
        assert program.lines == ["linkspan: ready"]
        ended = await program.command("check")
        assert ended.status == 0, ended.output


async def test_on_prosody(tmp_path: Path) -> None:
    text, snippet, _ = init(tmp_path)
    async with Prosody(more=snippet) as server:
        await starts(text, port=server.component_port)


class SnippetEjabberd(Ejabberd):
    """An ejabberd with one more listener, put in as it is printed."""

    snippet = ""

    def _write(self) -> None:
        super()._write()
        path = self.folder / "ejabberd.yml"
        path.write_text(path.read_text().replace("listen:\n", self.snippet, 1))


async def test_on_ejabberd(tmp_path: Path) -> None:
    text, _, snippet = init(tmp_path)
    port = free_port()
    server = SnippetEjabberd()
    server.snippet = snippet.replace("5347", str(port))
    async with server:
        await starts(text, port=port)


def test_the_operators_pages_show_the_same(tmp_path: Path) -> None:
    """The pages' snippets are those of ``init``, up to domain, secret and comments."""
    _, prosody, ejabberd = init(tmp_path)
    secret = config.load(tmp_path / "config.toml", registry.settings_of).xmpp.secret
    placeholder = "the secret of [xmpp] in config.toml"
    root = Path(__file__).parents[2]
    for page, snippet in (("prosody.md", prosody), ("ejabberd.md", ejabberd)):
        shown = snippet.replace(secret, placeholder).replace(DOMAIN, "bridge.example.org").strip("\n")
        assert shown in (root / "docs/operators" / page).read_text()
